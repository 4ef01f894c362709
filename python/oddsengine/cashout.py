"""What open tickets are worth, and what is offered for them.

A value is an expectation, legs taken as independent; an offer is the value less the house's margin. Values
are
floats in the unit of the stake; what is paid is rounded down to minor units once.

>>> from oddsengine import settle
>>> treble = settle.plan("treble", 3, stake_minor=5_000)
>>> quote(treble, [(2.0, "won"), (1.8, 0.72), (2.4, 0.41)], margin=0.05).offer_minor
12115
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from oddsengine import _arrays
from oddsengine._bet_legs import GradeLike, _members, grade_parts
from oddsengine._bets import Plan
from oddsengine.exceptions import BoundsError

__all__ = ["OpenLeg", "PartQuote", "Quote", "expected_return", "part", "price_ratio", "quote"]

OpenLeg: TypeAlias = (
    tuple[float, float | GradeLike] | tuple[float, float | GradeLike, float, float | GradeLike]
)
"""Odds, and how the leg stands: the probability that it wins now, or its grade. For each-way bets the same
again for
its place part."""


class Quote(NamedTuple):
    """What a ticket is worth and what is offered for it, in minor units."""

    fair: float
    """Expected return."""
    offer: float
    """The value less the margin, before rounding."""
    offer_minor: int
    """What is paid: the offer rounded down, `cash_out_rounds_down`."""


class PartQuote(NamedTuple):
    """A part of a ticket cashed out."""

    paid: float
    """Paid now, before rounding."""
    paid_minor: int
    """Paid now, rounded down."""
    left: float
    """Share of the ticket that stays open: of its stake, and of all that it may pay."""


def expected_return(odds: float, state: float | GradeLike) -> float:
    """What a leg returns per unit by expectation: its return when it is graded, else odds times probability.

    >>> expected_return(1.8, 0.5), expected_return(2.0, "void")
    (0.9, 1.0)
    """
    price = _arrays.number(odds, "odds")
    if not (price > 1.0 and math.isfinite(price)):
        raise BoundsError(f"decimal odds {price} are not above 1 and finite")
    if isinstance(state, str | tuple):
        win, refund, of = grade_parts(state)
        if of < 1 or min(win, refund) < 0 or win + refund > of:
            raise BoundsError(f"grade ({win} + {refund}) / {of} is not a share of the stake")
        return (win * price + refund) / of
    probability = _arrays.number(state, "probability")
    if not 0.0 <= probability <= 1.0:
        raise BoundsError(f"probability {probability} is outside 0..=1")
    return price * probability


def quote(plan: Plan, legs: Sequence[OpenLeg], *, margin: float) -> Quote:
    """The value of a ticket and the offer for it: `value * (1 - margin)`.

    Systems are sums over their lines by symmetric polynomials of the legs' expected returns.
    Reproduced in `tests/golden/cash_out.json`.

    Parameters
    ----------
    plan
        The bets, with their stakes.
    legs
        As many as the plan has.
    margin
        What the house keeps, 0 to 1.

    Raises
    ------
    BoundsError
        Another number of legs, odds, probabilities or a margin outside their range, or a plan with "any to
        come"
        lines.

    Examples
    --------
    >>> from oddsengine import settle
    >>> single = settle.plan("single", 1, stake_minor=5_000)
    >>> quote(single, [(3.2, 0.58)], margin=0.05).offer_minor
    8816
    """
    kept = _arrays.number(margin, "margin")
    if not 0.0 <= kept <= 1.0:
        raise BoundsError(f"margin {kept} of a cash-out is outside 0..=1")
    returns = []
    for leg in _members(legs, "legs"):
        members = _arrays.parts(
            leg, "a leg", "odds and a state, and for each-way bets both again", least=2, most=4
        )
        if len(members) == 3:
            raise BoundsError("a leg is not odds and a state, and for each-way bets both again")
        win = expected_return(*members[:2])
        returns.append((win, expected_return(*members[2:]) if len(members) == 4 else win))
    fair, _ = _arrays.instance(plan, "plan", Plan).expected(returns)
    offer = fair * (1.0 - kept)
    return Quote(fair, offer, _down(offer))


def part(whole: Quote, ratio: float, *, before: float = 0.0) -> PartQuote:
    """What is paid for a part of a ticket: linear in the part.

    Ratios are of the whole ticket and only grow: `ratio` is all that is cashed out afterwards, `before`
    what was
    cashed out already. First 0.4, then 0.7 pays 0.4 of one offer and 0.3 of another.

    >>> part(Quote(12_752.5, 12_115.25, 12_115), 0.5)
    PartQuote(paid=6057.625, paid_minor=6057, left=0.5)
    """
    _, offered, _ = _arrays.parts(whole, "whole", "a quote", least=3)
    offer = _arrays.number(offered, "offer")
    if not (offer >= 0.0 and math.isfinite(offer)):
        raise BoundsError(f"offer {offer} is not finite from 0 on")
    until, since = _arrays.number(ratio, "ratio"), _arrays.number(before, "before")
    if not 0.0 <= since < until <= 1.0:
        raise BoundsError(f"ratio {until} cashed out is outside {since}..=1, or does not grow")
    paid = offer * (until - since)
    return PartQuote(paid, _down(paid), 1.0 - until)


def price_ratio(stake: float, odds: float, current_odds: float) -> float:
    """What a stake is worth at the price that is offered now: `stake * odds / current_odds`.

    The offered price has the book's margin in it, so it is taken a second time.

    >>> round(price_ratio(50, 2.5, 1.45), 4)
    86.2069
    """
    for name, price in [("odds", odds), ("current_odds", current_odds)]:
        number = _arrays.number(price, name)
        if not (number > 1.0 and math.isfinite(number)):
            raise BoundsError(f"{name} {number} are not above 1 and finite")
    staked = _arrays.number(stake, "stake")
    if not (staked >= 0.0 and math.isfinite(staked)):
        raise BoundsError(f"stake {staked} is not finite from 0 on")
    return staked * odds / current_odds


def _down(amount: float) -> int:
    # A product that is a whole number but for its last bits is that number.
    nearest = round(amount)
    return nearest if abs(amount - nearest) <= 5e-10 * max(1.0, nearest) else math.floor(amount)
