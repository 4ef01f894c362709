"""Plans of bets and what their legs return; public as `oddsengine.settle`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core
from oddsengine._bet_legs import GradeLike, LegReturn, Price, _leg_return, _members, leg
from oddsengine.exceptions import BoundsError

Parts: TypeAlias = Literal["win", "place", "each_way", "equally_divided"]
"""Parts of the legs that a bet is on, and how an each-way multiple runs on."""
Rounding: TypeAlias = Literal["down", "half_up", "half_even", "up"]
"""How a fraction of a minor unit is rounded, once a ticket."""
ToComeFormula: TypeAlias = Literal["win_place", "equally_divided", "win_first"]
"""How each-way lines of "any to come" bets run on."""
Errors: TypeAlias = Literal["raise", "nan"]
BETS: dict[str, tuple[int, tuple[int, ...]]] = {
    name: (legs, tuple(size for size in range(1, 64) if sizes >> size & 1) if legs else ())
    for name, legs, sizes in _core.bets_names()
}
"""Every name that `plan` takes, with the legs that it takes (0 is any number) and the sizes of its lines;
composed
bets (flags, round robins, union jacks) have no sizes of their own."""

ROUNDINGS: tuple[Rounding, ...] = ("down", "half_up", "half_even", "up")


class BonusRule(NamedTuple):
    """When a house gives a bonus, and what.

    A winner is a leg that returns more than its stake, a void leg one that returns just its stake; all
    others must
    have lost. A half loss or a dead heat below the stake fits no rule.
    """

    winners: int | tuple[int, int]
    """Winners, exactly or from and to."""
    effect: Literal["odds", "return", "winnings", "stake"]
    """What `amount` multiplies or is a share of: the fractional odds of the winners, the return, the return
    less the
    stakes, the stakes."""
    amount: Fraction | int | float
    """2 with `odds` is double the odds; 0.1 with the others is ten per cent on top. In hundredths."""
    legs: int = 0
    """Legs of the bet; 0 is any number."""
    voids: int = 0
    """Void legs at most."""
    places: bool = False
    """Whether place parts get it too."""


class Bonus:
    """A house's bonus: the first rule that fits is given.

    >>> double_odds = Bonus([BonusRule(winners=1, effect="odds", amount=2, legs=4)])
    >>> lucky = plan("lucky15", 4, stake_minor=100, bonus=double_odds)
    >>> lucky.payout([(5.0, "won"), (3.0, "lost"), (4.5, "lost"), (8.0, "lost")])
    900
    """

    __slots__ = ("_core", "rules")

    def __init__(self, rules: Iterable[BonusRule]) -> None:
        read = [
            BonusRule(
                *_arrays.parts(rule, "a bonus rule", "winners, effect, amount and options", least=3, most=6)
            )
            for rule in _members(rules, "rules")
        ]
        self.rules = tuple(read)
        self._core = _core.Bonus([_rule_parts(rule) for rule in read])

    def __repr__(self) -> str:
        return f"Bonus({list(self.rules)!r})"


class LineStates(NamedTuple):
    """How many lines of a ticket stand how."""

    won: int
    """All legs graded, none lost, not all void."""
    void: int
    """All legs void."""
    lost: int
    """A leg lost."""
    open: int
    """A leg not graded yet, and none lost."""


class Plan:
    """The bets of a ticket: which lines they make of its legs and what they stake. Made by `plan` and
    `plans`."""

    __slots__ = ("_core", "_on_places", "_payout", "_rounds")

    def __init__(self, core: _core.BetPlan) -> None:
        self._core = core
        self._payout = core.payout
        self._rounds = core.is_rounded_here()
        self._on_places = any(bet[5] != "win" for bet in core.bets())

    @property
    def legs(self) -> int:
        """Number of legs."""
        return self._core.legs

    @property
    def lines(self) -> int:
        """Line stakes: an each-way line has two."""
        return self._core.lines

    @property
    def stake_minor(self) -> int:
        """Stake in all."""
        return self._core.stake_minor

    @property
    def bets(self) -> list[tuple[int, int, int, int, int, str, int]]:
        """Per bet its legs, bankers and sizes of lines as bits, the line stake and its divisor, parts, and
        bonus."""
        return self._core.bets()

    def payout(self, legs: Sequence[Leg | LegReturn], *, rounding: Rounding = "down") -> int:
        """What the ticket pays in minor units, the stake included.

        Sums over all lines are exact; rounded once, at the end. `payout_rounds_down` is the rule of the
        engine.

        Parameters
        ----------
        legs
            As many as the plan has: (odds, grade), the odds rounded down to four decimals, or what `leg`
            makes.
        rounding
            `down`, `half_up`, `half_even` or `up`.

        Raises
        ------
        BoundsError
            Another number of legs, odds or grades outside their range, a payout of 10**17 minor units or
            more.

        Examples
        --------
        >>> lucky = plan("lucky15", 4, stake_minor=100)
        >>> lucky.payout([(2.5, "won"), (3.0, "lost"), (1.8, "won"), (4.0, "void")])
        1860
        """
        if self._on_places:
            self._refuse_pairs(legs)
        if self._rounds:
            return self._payout(legs, rounding)
        return _rounded(self.exact(legs), rounding)

    def exact(self, legs: Sequence[Leg | LegReturn]) -> Fraction:
        """What the ticket returns in minor units before rounding.

        >>> plan("double", 2, stake_minor=1).exact([("100/30", "won"), (1.5, "won")])
        Fraction(13, 2)
        """
        if self._on_places:
            self._refuse_pairs(legs)
        (above, below), (to_come, units), unit_minor = self._core.exact(
            [item if isinstance(item, LegReturn) else _leg_return(item) for item in _members(legs, "legs")]
        )
        bets = Fraction(int.from_bytes(above, "little"), int.from_bytes(below, "little"))
        running = Fraction(int.from_bytes(to_come, "little"), int.from_bytes(units, "little"))
        return bets + unit_minor * running

    def line_states(self, grades: Sequence[str | None]) -> LineStates:
        """How the lines stand when the legs are `won`, `void`, `lost` or not graded yet (`None`).

        >>> plan("patent", 3, stake_minor=100).line_states(["won", "void", None])
        LineStates(won=2, void=1, lost=0, open=4)
        """
        for grade in grades:
            if grade not in ("won", "void", "lost", None):
                raise BoundsError(f"grade {grade!r} is none of won, void, lost, None")
        per_line = Fraction(self.stake_minor, self.lines)

        def count(*counted: str | None) -> int:
            # Sums of lines whose legs all return their stake, or nothing.
            legs = [leg(2.0, "void" if grade in counted else "lost") for grade in grades]
            return int(self.exact(legs) / per_line)

        void, settled, alive = count("void"), count("won", "void"), count("won", "void", None)
        return LineStates(settled - void, void, self.lines - alive, alive - settled)

    def max_payout(
        self,
        odds: Sequence[Price],
        *,
        fraction: Fraction | str | float | None = None,
        rounding: Rounding = "down",
    ) -> int:
        """What it pays if every leg wins; a bet on places needs the fraction of the odds for a place.

        >>> plan("goliath", 8, stake_minor=100).max_payout([2, 3, 4, 5, 6, 7, 8, 9])
        181435500
        >>> plan("single", 1, stake_minor=100, parts="each_way").max_payout([9.0], fraction="1/5")
        1160
        """
        if self._on_places and fraction is None:
            raise BoundsError("a bet on places needs the fraction of the odds for a place")
        legs = [leg(price, fraction=fraction) for price in _members(odds, "odds")]
        return self.payout(legs, rounding=rounding)

    def _refuse_pairs(self, legs: Sequence[Any]) -> None:
        """Odds and a grade do not say what a place part returns."""
        if any(not isinstance(item, LegReturn) for item in _members(legs, "legs")):
            raise BoundsError("legs of a bet on places are made by settle.leg, with the terms of the place")

    def riding(self, legs: Sequence[Leg | LegReturn]) -> list[tuple[int, int]]:
        """Per leg, what rides on its win part and on its place part: over the lines with it, stake times
        what the
        other legs return, rounded down. Times the leg's own return, that is what those lines pay.

        >>> plan("doubles", 3, stake_minor=100).riding([(2.0, "won"), (3.0, "won"), (4.0, "won")])
        [(700, 0), (600, 0), (500, 0)]
        """
        if self._on_places:
            self._refuse_pairs(legs)
        return self._core.riding(legs)

    def payouts(
        self,
        odds: npt.ArrayLike,
        grades: npt.ArrayLike,
        *,
        rounding: Rounding = "down",
        errors: Errors = "raise",
    ) -> npt.NDArray[Any]:
        """`payout` of many tickets of this plan, which is to win.

        Parameters
        ----------
        odds
            (tickets, legs) decimal odds, rounded down to four decimals.
        grades
            (tickets, legs) numbers of grades in the order of `GRADES`: 0 won, 1 lost, 2 void, 3 half won,
            4 half lost.
        rounding
            As in `payout`.
        errors
            `raise` at the first ticket that is refused, or fill it with `nan`.

        Returns
        -------
        (tickets,) minor units as int64; with `errors="nan"` as float64.

        Examples
        --------
        >>> trixie = plan("trixie", 3, stake_minor=100)
        >>> trixie.payouts([[2.5, 3.0, 1.8], [2.0, 2.0, 2.0]], [[0, 1, 0], [0, 0, 0]])
        array([ 450, 2000])
        """
        if self._on_places:
            raise BoundsError("a batch has no place parts: bets on places are paid one by one")
        paid: npt.NDArray[Any] = self._core.payouts(odds, grades, rounding, errors)
        if errors == "raise":
            return paid
        return np.where(paid < 0, np.nan, paid)

    def expected(self, returns: Sequence[tuple[float, float]]) -> tuple[float, list[tuple[float, float]]]:
        """What it returns and what rides on each leg by expectation: for expected returns of each leg's win
        part and
        place part per unit, legs taken as independent.

        >>> plan("double", 2, stake_minor=100).expected([(0.9, 0.0), (0.5, 0.0)])
        (45.0, [(50.0, 0.0), (90.0, 0.0)])
        """
        read = [
            _arrays.parts(both, "an expected return", "that of the win part and of the place part", least=2)
            for both in _members(returns, "returns")
        ]
        return self._core.expected(
            [
                (_arrays.number(win, "expected return"), _arrays.number(place, "expected return"))
                for win, place in read
            ]
        )

    def __repr__(self) -> str:
        return f"Plan(legs={self.legs}, lines={self.lines}, stake_minor={self.stake_minor})"


Leg: TypeAlias = tuple[Price, GradeLike]
"""Odds, as a number rounded down to four decimals, and a grade: a name of `GRADES` or (won, refunded, of)."""


def plan(
    bet: str | int | Sequence[int],
    legs: int,
    *,
    stake_minor: int | None = None,
    total_minor: int | None = None,
    flexi: bool = False,
    bankers: Sequence[int] = (),
    parts: Parts = "win",
    bonus: Bonus | None = None,
    every: bool = False,
    formula: ToComeFormula = "equally_divided",
) -> Plan:
    """The plan of one bet on `legs` legs.

    Parameters
    ----------
    bet
        A name of `BETS` (case, spaces, hyphens and underscores do not matter), the size of all lines, or
        several
        sizes: `"Lucky 15"`, `2` for all doubles, `[2, 3]` for doubles and trebles. With bankers it is about
        the
        other legs.
    legs
        1 to 63, bankers among them.
    stake_minor
        Stake of each line, and of each part of an each-way line.
    total_minor
        The stake in all instead; one that the lines do not divide is refused, unless it is `flexi`.
    flexi
        Split the total over the lines exactly, a fraction of a minor unit a line if it must be.
    bankers
        Legs that are in every line, counted from 0.
    parts
        `win`, `place`, `each_way` (win to win, place to place) or `equally_divided` (half and half at each
        leg).
    bonus
        The house's bonus for this bet.
    every
        The named bet on every choice of its legs: all trixies out of nine legs.
    formula
        How each-way lines of "any to come" bets run on.

    Raises
    ------
    BoundsError
        No such bet, another number of legs than it takes, more than 1,000,000 lines, stakes outside 1 to
        10,000,000,000 or that do not divide.

    Examples
    --------
    >>> plan("yankee", 4, total_minor=2_200)
    Plan(legs=4, lines=11, stake_minor=2200)
    >>> plan([2], 6, stake_minor=50, bankers=[0, 3])
    Plan(legs=6, lines=6, stake_minor=300)
    """
    sizes: list[int] = []
    name = bet if isinstance(bet, str) else None
    if not isinstance(bet, str):
        sizes = (
            [bet] if type(bet) is int else np.atleast_1d(_arrays.integers(bet, "bet", axes=(0, 1))).tolist()
        )
    sizes = [_arrays.whole(size, "size of a line", 1, 63) for size in sizes]
    banker_list: list[int] = []
    if not (isinstance(bankers, tuple) and not bankers):
        given: list[int] = _arrays.integers(bankers, "bankers", axes=1).tolist()
        banker_list = [_arrays.whole(place, "leg of a banker", 0, 62) for place in given]
    core = None if bonus is None else bonus._core
    return Plan(
        _core.BetPlan.make(
            name, sizes, legs, banker_list, stake_minor, total_minor, flexi, parts, core, every, formula
        )
    )


def plans(bets: Iterable[Plan]) -> Plan:
    """Several bets on the same legs as one ticket: rounded once, together. At most 50.

    >>> plans([plan("treble", 3, stake_minor=300), plan("doubles", 3, stake_minor=100)])
    Plan(legs=3, lines=4, stake_minor=600)
    """
    return Plan(
        _core.BetPlan.joined([_arrays.instance(one, "a plan", Plan)._core for one in _members(bets, "bets")])
    )


def _rule_parts(rule: BonusRule) -> Any:
    """A rule as the core takes it."""
    if isinstance(rule.winners, tuple | list):
        low, high = _arrays.parts(rule.winners, "winners", "a number or from and to", least=2)
    else:
        low = high = rule.winners
    numbers = {"winners": low, "most winners": high, "legs": rule.legs, "voids": rule.voids}
    low, high, legs, voids = (_arrays.whole(value, name, 0, 63) for name, value in numbers.items())
    if not isinstance(rule.effect, str):
        raise BoundsError(f"effect {rule.effect!r} is none of odds, return, winnings, stake")
    if isinstance(rule.amount, Fraction):
        amount = rule.amount
    else:
        number = _arrays.number(rule.amount, "amount")
        if not 0 <= number <= 1_000:
            raise BoundsError(f"amount {number} of a bonus is outside 0..=1000")
        amount = Fraction(str(number)).limit_denominator(1_000)
    if not 0 <= amount.numerator <= 1_000 or amount.denominator > 1_000:
        raise BoundsError(f"amount {amount} of a bonus is no share of numbers up to 1000")
    if not isinstance(rule.places, bool | np.bool_):
        raise BoundsError(f"places {rule.places!r:.60} of a bonus is neither True nor False")
    return legs, (low, high), voids, bool(rule.places), rule.effect, amount.as_integer_ratio()


def _rounded(value: Fraction, rounding: Rounding) -> int:
    match rounding:
        case "down":
            return math.floor(value)
        case "up":
            return math.ceil(value)
        case "half_even":
            return round(value)
        case "half_up":
            return math.floor(value + Fraction(1, 2))
    raise BoundsError(f"rounding {rounding!r} is none of {', '.join(ROUNDINGS)}")
