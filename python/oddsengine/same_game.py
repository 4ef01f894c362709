"""Same-game multiples of football: several selections of one match on one ticket, priced on the joint
outcomes.

Legs are named as on the board, `market key/selection`: `1x2/home`, `total:2.5/over`, `first_scorer/home_1`,
`corners_total:9.5/over`, `total.m0-10:0.5/over`, `to_qualify/away`. Legs on the score, halves, ten minutes,
the order of goals, scorers and ties are exact; corners and cards are exact among themselves and joined with
the rest by a Gaussian copula. `docs/models/same_game.md` says how, and what no model joins.

>>> match = Match(1.7, 1.05, -0.07)
>>> multiple = match.price(["1x2/home", "total:2.5/over"])
>>> round(multiple.probability, 6)
0.324836
>>> match.combinable(["1x2/home"])["correct_score/0-0"]
'contradicts'
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from oddsengine import _arrays, _core, _json
from oddsengine._html import table

__all__ = ["Combinable", "Copula", "Knockout", "Match", "MatchState", "Multiple", "gaussian_copula"]

Combinable: TypeAlias = Literal["yes", "contradicts", "implied", "implies", "no_model"]


class Knockout(NamedTuple):
    """How a knock-out tie is decided.

    >>> Knockout(first_leg=(1, 2))
    Knockout(first_leg=(1, 2), away_goals_rule=False, extra_time=True)
    """

    first_leg: tuple[int, int] = (0, 0)
    """Goals of today's home and away side in the first leg, 0 to 30; 0-0 for a single match."""
    away_goals_rule: bool = False
    """More away goals decide a tie on aggregate."""
    extra_time: bool = True
    """Extra time is played before penalties."""


class MatchState(NamedTuple):
    """Where a match stands."""

    score: tuple[int, int]
    period: str
    clock_ms: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Multiple:
    """A priced multiple."""

    legs: tuple[str, ...]
    """Names of the legs."""
    probability: float
    """Probability that every leg wins in full."""
    fair_odds: float
    """Decimal odds at which the multiple is worth its stake: `1 / probability` if no leg can refund."""
    offered_odds: float
    """Decimal odds with the margin asked for; not on a ladder."""
    leg_probabilities: tuple[float, ...]
    """Fair probability of each leg alone, refunds set aside."""
    leg_odds: tuple[float, ...]
    """Odds of each leg whose product is `fair_odds`: the ticket pays the product of `win * odds + refund`."""
    implied: tuple[str, ...]
    """Legs that the others imply: they add nothing, and a bookmaker may refuse or drop them."""

    @property
    def ratio_to_product(self) -> float:
        """Probability over the product of the legs': above 1 where they help each other.

        >>> round(Match(1.7, 1.05, -0.07).price(["both_score/yes", "total:2.5/over"]).ratio_to_product, 4)
        1.4919
        """
        product = 1.0
        for probability in self.leg_probabilities:
            product *= probability
        return self.probability / product

    def __repr__(self) -> str:
        return f"<Multiple of {len(self.legs)} legs at {self.fair_odds:.4g}>"

    def _repr_html_(self) -> str:
        rows = [
            [leg, f"{100 * probability:.2f} %", f"{odds:.4g}"]
            for leg, probability, odds in zip(self.legs, self.leg_probabilities, self.leg_odds, strict=True)
        ]
        return table(["leg", "alone", "odds in the multiple"], rows, caption=f"{repr(self)[1:-1]}.")


class Match:
    """A football match: its model, and what has happened.

    Parameters
    ----------
    lambda_home, lambda_away, rho
        The Dixon-Coles model of the score; expected goals of the whole match, 0 to 20.
    first_half_share
        Share of the goals that fall in the first half, a multiple of 0.001.
    players_home, players_away
        Share of his side's goals, 0 to 1 each and at most 1 in sum, of every listed player; at most 30 a
        side. Their selections are `home_1`, `home_2`, ... `scorer_shares` of `oddsengine.football` has them
        from prices.
    corners, cards
        Expected corners and cards of home and away; by default the league average for the strength of the
        sides.
    knockout
        How the tie is decided, if it is one.
    shootout_home
        Probability that home wins a shoot-out.

    Raises
    ------
    FootballError, BoundsError
        A model or number outside its range.

    Examples
    --------
    >>> match = Match(1.7, 1.05, -0.07, players_home=[0.32, 0.21])
    >>> round(match.price(["anytime_scorer/home_1", "1x2/home"]).probability, 6)
    0.301911
    """

    def __init__(
        self,
        lambda_home: float,
        lambda_away: float,
        rho: float = 0.0,
        *,
        first_half_share: float = 0.45,
        players_home: Sequence[float] = (),
        players_away: Sequence[float] = (),
        corners: tuple[float, float] | None = None,
        cards: tuple[float, float] | None = None,
        knockout: Knockout | None = None,
        shootout_home: float = 0.5,
    ) -> None:
        self._core = _core.SameGame(
            model=(lambda_home, lambda_away, rho),
            first_half_share=first_half_share,
            knockout=_knockout(knockout),
            corners=None if corners is None else _arrays.row(corners, "corners", 2),
            cards=None if cards is None else _arrays.row(cards, "cards", 2),
            shares_home=_arrays.numbers(players_home, "players_home", axes=1).tolist(),
            shares_away=_arrays.numbers(players_away, "players_away", axes=1).tolist(),
            shootout_home=shootout_home,
        )

    @property
    def selections(self) -> list[str]:
        """Names of all selections that can be legs.

        >>> len(Match(1.5, 1.1).selections)
        1671
        """
        return self._core.selections()

    @property
    def state(self) -> MatchState:
        """Where the match stands."""
        return MatchState(*self._core.summary())

    def apply(self, incident: Mapping[str, Any]) -> Match:
        """Let something happen; returns the match.

        `incident` has the fields of an incident of the ingest socket (`docs/wire.md`): `kind`, `clock_ms`
        and what the
        kind needs.

        Raises
        ------
        ValueError
            A field that is missing or wrong; `BoundsError` if the incident does not fit the state.

        Examples
        --------
        >>> match = Match(1.5, 1.1).apply({"kind": "kick_off", "clock_ms": 0})
        >>> match.apply({"kind": "goal", "side": "away", "clock_ms": 600_000}).state.score
        (0, 1)
        """
        message = {"type": "incident", "source": "python", "time_ns": 0, "fixture": 0, **incident}
        self._core.apply(_json.dumps(message))
        return self

    def price(self, legs: Iterable[str], *, leg_booksum: float = 1.0, booksum_max: float = 1.25) -> Multiple:
        """Price a multiple of 1 to 20 legs.

        Parameters
        ----------
        legs
            Names of selections.
        leg_booksum
            Margin that each leg brings: the booksum of two even selections, 1 to 2. Longer legs bring more
            (power
            margin); the margins of the legs multiply.
        booksum_max
            Most that all legs together shorten the multiple by, 1 to 2.

        Raises
        ------
        SameGameError
            Legs that contradict each other, the same leg twice, or legs that no model joins.
        SelectionError
            A selection that does not exist.

        Examples
        --------
        >>> match = Match(1.7, 1.05, -0.07)
        >>> match.price(["1x2/home", "both_score/yes", "total:3.5/under"]).fair_odds
        10.309...
        >>> match.price(["1x2/home", "double_chance/1x"]).implied
        ('double_chance/1x',)
        >>> match.price(["1x2/home", "correct_score/1-1"])
        Traceback (most recent call last):
            ...
        oddsengine.exceptions.SameGameError: the legs contradict each other: ...

        A whole line refunds, and the fair odds hold for what is left then:

        >>> with_push = match.price(["1x2/home", "total:3/over"])
        >>> with_push.fair_odds < 1 / with_push.probability
        True
        """
        names = tuple(legs)
        probability, fair_odds, exponent, alone, implied, offered = self._core.price(
            list(names), leg_booksum, booksum_max
        )
        return Multiple(
            legs=names,
            probability=probability,
            fair_odds=fair_odds,
            offered_odds=offered,
            leg_probabilities=tuple(alone),
            leg_odds=_leg_odds(alone, fair_odds, exponent),
            implied=tuple(names[index] for index in implied),
        )

    def combinable(self, legs: Iterable[str] = ()) -> dict[str, Combinable]:
        """For every selection of the match, whether a multiple of these legs can take it: one call.

        `yes`; `contradicts`: no possible outcome pays it and every leg; `implied`: it wins wherever the legs
        do, or is one of them; `implies`: with it a leg adds nothing any more; `no_model`: nothing joins it
        with the legs.

        >>> answers = Match(1.5, 1.1).combinable(["total:2.5/over", "1x2/home"])
        >>> names = "both_score/yes", "total:1.5/over", "total:3.5/over", "home_total:0.5/under"
        >>> [answers[name] for name in names]
        ['implies', 'implied', 'implies', 'contradicts']
        """
        return dict(zip(self._core.selections(), self._core.combinable(list(legs)), strict=True))  # type: ignore[arg-type]

    def __repr__(self) -> str:
        score, period, _, _ = self._core.summary()
        return f"<Match {score[0]}-{score[1]}, {period}>"


class Copula(NamedTuple):
    """A joint probability, with the error estimate of its method."""

    joint: float
    error: float


def gaussian_copula(
    probabilities: Sequence[float], correlations: float | Sequence[Sequence[float]]
) -> Copula:
    """Probability that all events happen, under a Gaussian copula.

    Two events: one-dimensional quadrature, three: two-dimensional, both to 1e-10; four to twelve: Genz's
    transformation on a fixed lattice, with its error. Always within the Fréchet bounds.

    Parameters
    ----------
    probabilities
        Of the events, 0 to 1, at most 12.
    correlations
        Of the underlying normal variables: one number for all pairs, or the matrix.

    Raises
    ------
    SameGameError
        A probability outside its range, or a matrix that is not one of correlations.

    Examples
    --------
    >>> round(gaussian_copula([0.55, 0.48], 0.35).joint, 10)
    0.3203005021
    >>> gaussian_copula([0.3, 0.6], 1.0).joint
    0.3
    """
    single = _arrays.numbers(probabilities, "probabilities", axes=1).tolist()
    given = _arrays.numbers(correlations, "correlations", axes=(0, 2))
    if given.ndim == 0:
        given = np.where(np.eye(len(single), dtype=bool), 1.0, given)
    return Copula(*_core.same_game_copula(single, given.ravel().tolist()))


def _knockout(knockout: Any) -> tuple[Any, Any, Any] | None:
    if knockout is None:
        return None
    what = "a first leg, whether away goals decide and whether extra time is played"
    first_leg, away_goals, extra_time = _arrays.parts(knockout, "knockout", what, least=3)
    return first_leg, away_goals, extra_time


def _leg_odds(alone: Sequence[float], fair_odds: float, exponent: float | None) -> tuple[float, ...]:
    """Odds `p ** -t` of each leg, with the exponent at which their product is the fair odds."""
    if exponent is None:
        logs = [-_log(p) for p in alone]
        exponent = _log(fair_odds) / sum(logs) if sum(logs) > 0.0 else 1.0
    return tuple(p**-exponent if p > 0.0 else float("inf") for p in alone)


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf
