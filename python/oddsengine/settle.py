"""How selections are graded and what bets return.

A grade is the share of the stake that won and the share that is refunded; the same rules price, weigh and
settle.

>>> grade("handicap:-0.25/home", (1, 1))
Grade(win=0.0, refund=0.5)
>>> return_per_unit("handicap:-0.25/home", 1.9, (1, 1))
0.5
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core
from oddsengine._bet_legs import (
    GRADES,
    DeductionTable,
    LegReturn,
    PlaceTerms,
    Price,
    finish_lines,
    grade_parts,
    leg,
    place_terms,
    placed,
    reduced_lay_liability,
    reduced_odds,
)
from oddsengine._bets import (
    BETS,
    Bonus,
    BonusRule,
    Leg,
    LineStates,
    Parts,
    Plan,
    Rounding,
    ToComeFormula,
    plan,
    plans,
)
from oddsengine.exceptions import BoundsError, OddsEngineError
from oddsengine.margin import Errors

__all__ = [
    "BETS",
    "GRADES",
    "Bonus",
    "BonusRule",
    "DeductionTable",
    "Grade",
    "Leg",
    "LegReturn",
    "LineStates",
    "Parts",
    "PlaceTerms",
    "Plan",
    "Price",
    "Rounding",
    "Score",
    "ToComeFormula",
    "accumulator",
    "finish_lines",
    "grade",
    "leg",
    "lines",
    "place_terms",
    "placed",
    "plan",
    "plans",
    "reduced_lay_liability",
    "reduced_odds",
    "return_per_unit",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Score: TypeAlias = tuple[int, int]
"""Goals of home and away."""


class Grade(NamedTuple):
    """Shares of the stake; what is neither won nor refunded is lost."""

    win: float
    """Share that won, 0 to 1."""
    refund: float
    """Share that comes back, 0 to 1."""


def grade(selection: str, score: Score, *, half_time: Score | None = None, goals: str | None = None) -> Grade:
    """The grade of a selection at a final score.

    Parameters
    ----------
    selection
        `market key/selection`: `1x2/home`, `total:2.5/over`, `half_time_full_time/draw/home`.
    score
        Goals of home and away after both halves.
    half_time
        Goals at half-time; needed by markets about a half.
    goals
        The sides in the order of their goals, `"hah"`; needed by markets about first, next and last goals.

    Raises
    ------
    SelectionError
        No such selection, or it cannot be graded from what is given.
    BoundsError
        Scores that contradict each other.

    Examples
    --------
    >>> grade("total:2.75/over", (2, 1))
    Grade(win=0.5, refund=0.5)
    >>> grade("first_goal/away", (1, 1), goals="ah").win
    1.0
    """
    win, refund, of, _ = _core.settle_grade(selection, (score, half_time, goals))
    return Grade(win / of, refund / of)


def return_per_unit(
    selection: str,
    odds: float,
    score: Score,
    *,
    half_time: Score | None = None,
    goals: str | None = None,
) -> float:
    """What one unit staked returns, the stake included: `win * odds + refund`.

    Parameters as in `grade`; `odds` are rounded down to four decimals, the unit in which bets are struck.
    Reproduced in `tests/golden/settlement.json`.

    >>> return_per_unit("total:2.75/over", 1.93, (2, 1))
    1.465
    """
    return _core.settle_return_per_unit(selection, odds, (score, half_time, goals))


def lines(
    selections: Sequence[str],
    odds: npt.ArrayLike,
    scores: Iterable[Score] | npt.ArrayLike,
    *,
    errors: Errors = "raise",
) -> FloatArray:
    """`return_per_unit` of many bets: (n,) returns for n selections, n scores, and odds that broadcast.

    Scores are pairs, or a table or array with a row of goals of home and away for each bet. A series among
    the arguments gives a series with its index.

    Parameters
    ----------
    errors
        `"raise"` at the first bet that cannot be settled, with a note of its position, or fill its return
        with `"nan"`.

    Examples
    --------
    >>> lines(["total:3/over", "total:3/under"], 1.93, [(2, 1), (3, 1)])
    array([1., 0.])
    >>> lines(["total:3/over", "totl:3/under"], 1.93, [(2, 1), (3, 1)], errors="nan")
    array([ 1., nan])
    """
    is_strict = _arrays.is_strict(errors)
    prices = _arrays.numbers(odds, "odds", axes=(0, 1))
    bets = list(selections)
    if prices.ndim == 1 and len(prices) not in (1, len(bets)):
        raise BoundsError(f"{len(prices)} odds do not fit {len(bets)} selections")
    prices = np.broadcast_to(prices, (len(bets),))
    results = _arrays.pairs(scores, "scores")
    if len(results) != len(bets):
        raise BoundsError(f"{len(bets)} selections and {len(results)} scores do not fit")
    found = np.full(len(bets), np.nan)
    for index, bet in enumerate(zip(bets, prices.tolist(), results, strict=True)):
        try:
            if not isinstance(bet[0], str):
                raise BoundsError(f"selections[{index}] is a {type(bet[0]).__name__}, not a selection")
            found[index] = return_per_unit(bet[0], bet[1], _arrays.score(bet[2], f"scores[{index}]"))
        except OddsEngineError as error:
            if is_strict:
                error.add_note(f"in bet {index}")
                raise
    return cast("FloatArray", _arrays.row_wise(found, "return", selections, odds, scores))


def accumulator(legs: Sequence[Leg], stake_minor: int) -> int:
    """What a single, double, treble or longer accumulator pays, in minor units, the stake included.

    The stake times the product of the legs' returns, computed exactly and rounded down once at the end; a
    void leg counts as 1. Reproduced in `tests/golden/settlement.json`.

    Parameters
    ----------
    legs
        1 to 63 legs of (odds, grade). Odds are rounded down to four decimals, as the engine strikes them:
        100/30 is 4.3333.
    stake_minor
        1 to 10,000,000,000.

    Raises
    ------
    BoundsError
        Odds, a grade or the stake outside their range, or a payout of 10**17 minor units or more.

    Examples
    --------
    >>> accumulator([(2.5, "won"), (1.8, "half_won"), (3.0, "void")], 1_000)
    3500
    """
    return _core.settle_accumulator([_leg(leg) for leg in legs], stake_minor)


def _leg(leg: Leg) -> tuple[float, int, int, int]:
    odds, result = _arrays.parts(leg, "a leg", "odds and a grade", least=2)
    return (odds, *grade_parts(result))
