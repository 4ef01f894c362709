"""Kelly stakes: the shares of a bankroll that make its expected logarithm grow fastest.

Of one bet, of the selections of one market that exclude each other, of many markets that are independent of
each other, and of bets on whatever scenarios you list. A stake is a share of the bankroll, 0 to 1; what has
no value gets 0.

Every function takes the same limits:

* `fraction` scales the stakes: 0.5 is half Kelly, which has three quarters of the growth at a quarter of the
  variance (for small edges);
* `stake_max` is the largest stake on a selection and `total_max` the largest sum, both of the stakes that
  come out. They are limits of the search and not a cut afterwards: where one binds, the other stakes are the
  best beside it.

A probability is your own estimate, and full Kelly believes it to the last digit: an edge that is
overestimated twofold makes full Kelly stakes worthless. Half or less is the usual answer.

>>> single(0.55, 2.0).round(4)
np.float64(0.1)
>>> exclusive([0.5, 0.27, 0.23], [2.15, 3.6, 3.8]).round(4)
array([0.0839, 0.0215, 0.    ])

Sources: J. Kelly, "A new interpretation of information rate", Bell System Technical Journal 35 (1956); P.
Smoczynski, D. Tomkins, "An explicit solution to the problem of optimizing the allocations of a bettor's
wealth when wagering on horse races", Mathematical Scientist 35 (2010). Reproduced in
`tests/golden/risk.json`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays
from oddsengine._growth import Independent, Scenarios, largest
from oddsengine.exceptions import BoundsError
from oddsengine.margin import Errors

__all__ = ["exclusive", "growth", "implied_probability", "scenarios", "simultaneous", "single"]

FloatArray: TypeAlias = npt.NDArray[np.float64]

SELECTIONS_MAX = 500
"""Most selections with a stake of `simultaneous` and `scenarios`: a search of seconds."""

SCENARIOS_MAX = 1_000_000

SUM_TOLERANCE = 1e-9
"""How far the probabilities of a market may add up to more than 1."""


def single(
    probabilities: npt.ArrayLike,
    odds: npt.ArrayLike,
    *,
    push: npt.ArrayLike = 0.0,
    fraction: float = 1.0,
    stake_max: float = 1.0,
    errors: Errors = "raise",
) -> Any:
    """Kelly stake of one bet at a time: `(p (o - 1) - q) / ((o - 1) (p + q))`, 0 without an edge.

    For bets one after the other. Of bets that are open at the same time `simultaneous` knows that the same
    bankroll stands behind all.

    Parameters
    ----------
    probabilities : number or (n,) float64
        P(the bet wins), 0 to 1.
    odds : number or (n,) float64
        Decimal odds above 1.
    push : number or (n,) float64
        P(the stake comes back), as on a whole line; what is left, `q`, loses. A quarter line wins or loses by
        halves: see `scenarios`.
    fraction, stake_max
        Scale and largest stake, each above 0 and up to 1.
    errors
        `"raise"` on the first bet that is refused, or `"nan"` for its stake; `nan` in is `nan` out either
        way.

    Returns
    -------
    Stakes as shares of the bankroll, a number for numbers, else (n,) float64; a series gives a series.

    Raises
    ------
    BoundsError
        Odds of 1 or less, a probability outside 0 to 1, a fraction or limit outside its range.

    Examples
    --------
    >>> single([0.55, 0.5, 0.3], [2.0, 2.0, 4.0], fraction=0.5).round(4)
    array([0.05  , 0.    , 0.0333])
    >>> float(single(0.4, 2.2, push=0.25).round(6))
    0.144444
    """
    scale, limit, _ = _limits(fraction, stake_max, 1.0)
    win, price, back = _arrays.columns(probabilities=probabilities, odds=odds, push=push)
    is_absent = np.isnan(win) | np.isnan(price) | np.isnan(back)
    is_right = (
        (price > 1.0)
        & np.isfinite(price)
        & (win >= 0.0)
        & (back >= 0.0)
        & (win + back <= 1.0 + SUM_TOLERANCE)
    )
    _refuse(
        ~(is_right | is_absent),
        errors,
        lambda row: _wrong_bet(float(win[row]), float(price[row]), float(back[row])),
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        lose = np.maximum(0.0, 1.0 - win - back)
        gain = price - 1.0
        full = (win * gain - lose) / (gain * (win + lose))
    # A bet that always comes back has no stake.
    full = np.where(win + lose > 0.0, full, 0.0)
    stakes = np.where(is_right, np.minimum(scale * np.maximum(full, 0.0), limit), np.nan)
    if _is_one(probabilities, odds, push):
        return stakes[0]
    return _arrays.row_wise(stakes, "stake", probabilities, odds, push)


def exclusive(
    probabilities: npt.ArrayLike,
    odds: npt.ArrayLike,
    *,
    fraction: float = 1.0,
    stake_max: float = 1.0,
    total_max: float = 1.0,
    errors: Errors = "raise",
) -> Any:
    """Kelly stakes on the selections of one market, of which at most one wins; many markets one after the
    other.

    In closed form: with the selections in the order of `p o`, the reserve `R = (1 - sum p) / (1 - sum 1/o)`
    over the first few is as small as it can be, and `f = p - R / o` on those with `p o > R`. A selection
    without an edge of its own can have a stake, because it wins where the others lose. Where a limit binds,
    the market is searched.

    Parameters
    ----------
    probabilities : (k,) or (n, k) float64
        P(the selection wins), with a sum of at most 1 a market; what is left is that none of them wins.
    odds : as the probabilities
        Decimal odds above 1; `nan` in either marks an absent selection, whose stake is `nan`.
    fraction, stake_max, total_max
        Scale, largest stake and largest sum of the stakes of a market, each above 0 and up to 1.
    errors
        `"raise"` on the first market that is refused, or `"nan"` for its stakes.

    Returns
    -------
    Stakes as shares of the bankroll, shaped as the probabilities: an array, or a frame for a frame.

    Raises
    ------
    BoundsError
        As `single`, and probabilities that add up to more than 1.

    Examples
    --------
    >>> exclusive([[0.5, 0.27, 0.23], [0.3, 0.3, 0.4]], [2.15, 3.6, 3.8]).round(4)
    array([[0.0839, 0.0215, 0.    ],
           [0.    , 0.1185, 0.228 ]])
    >>> exclusive([0.5, 0.27, 0.23], [2.15, 3.6, 3.8], stake_max=0.05).round(4)
    array([0.05 , 0.009, 0.   ])
    """
    scale, limit, total = _limits(fraction, stake_max, total_max)
    chances, prices, shape = _markets(probabilities, odds)
    is_absent = np.isnan(chances) | np.isnan(prices)
    p = np.where(is_absent, 0.0, chances)
    inverse = np.where(is_absent, 0.0, 1.0 / np.where(is_absent, 2.0, prices))
    is_wrong = _wrong_markets(p, np.where(is_absent, 2.0, prices))
    _refuse(is_wrong, errors, lambda row: _wrong_market(p[row], prices[row]))
    stakes = np.full(p.shape, np.nan)
    right = ~is_wrong
    if p.shape[1]:
        stakes[right] = _reserved(p[right], inverse[right])
    bound = np.where(right, np.max(stakes, axis=1, initial=0.0) * scale > limit, False)
    bound |= np.where(right, np.sum(stakes, axis=1) * scale > total * (1.0 + 1e-15), False)
    for row in np.flatnonzero(bound):
        there = np.flatnonzero(~is_absent[row])
        found = _listed(p[row, there], prices[row, there])
        stakes[row, there] = largest(found, limit / scale, total / scale)
    stakes *= scale
    stakes[is_absent] = np.nan
    return _shaped(stakes.reshape(shape), probabilities)


def simultaneous(
    probabilities: npt.ArrayLike,
    odds: npt.ArrayLike,
    *,
    fraction: float = 1.0,
    stake_max: float = 1.0,
    total_max: float = 1.0,
) -> Any:
    """Kelly stakes on markets that are independent of each other and open at the same time.

    The expected logarithm is taken over all joint outcomes, exactly to about 1e-13, without listing them:
    forty matches have 3^40 of them.

    Parameters
    ----------
    probabilities : (n,) or (n, k) float64
        (n,): n independent bets that win or lose. (n, k): n independent markets, one a row, of whose k
        selections at most one wins; their sum is at most 1.
    odds : as the probabilities
        Decimal odds above 1; `nan` in either marks an absent selection, whose stake is `nan`.
    fraction, stake_max, total_max
        Scale, largest stake on a selection and largest sum of all stakes, each above 0 and up to 1.

    Returns
    -------
    Stakes as shares of the bankroll, shaped as the probabilities; exactly 0 on a market without a selection
    of value.

    Raises
    ------
    BoundsError
        As `exclusive`, and more than 500 selections in markets with an edge.
    FitError
        A search that does not end, `code` "not_converged".

    Examples
    --------
    >>> single([0.55, 0.4], [2.0, 3.0]).round(4)
    array([0.1, 0.1])
    >>> simultaneous([0.55, 0.4], [2.0, 3.0]).round(4)
    array([0.0982, 0.0991])
    >>> fair, odds = [[0.5, 0.27, 0.23], [0.4, 0.3, 0.3]], [[2.15, 3.6, 3.8], [2.8, 3.2, 2.9]]
    >>> simultaneous(fair, odds, fraction=0.5).round(4)
    array([[0.0416, 0.0107, 0.    ],
           [0.0376, 0.0081, 0.    ]])
    """
    scale, limit, total = _limits(fraction, stake_max, total_max)
    p, prices, shape = _bets(probabilities, odds)
    is_absent = np.isnan(p) | np.isnan(prices)
    p, prices = np.where(is_absent, 0.0, p), np.where(is_absent, 2.0, prices)
    _refuse(_wrong_markets(p, prices), "raise", lambda row: _wrong_market(p[row], prices[row]))
    # Without a selection of value at all other stakes 0, a market has none at any: they are independent.
    has_value: npt.NDArray[np.bool_] = np.asarray((p * prices > 1.0).any(axis=1))
    rows, places = np.nonzero(~is_absent & has_value[:, None])
    stakes = np.zeros(p.shape)
    if len(rows) > SELECTIONS_MAX:
        raise BoundsError(
            f"number of selections with an edge or beside one, {len(rows)}, is outside 0..={SELECTIONS_MAX}"
        )
    if len(rows):
        market = np.unique(rows, return_inverse=True)[1].astype(np.int64)
        found = Independent(market, p[rows, places], prices[rows, places])
        stakes[rows, places] = scale * largest(found, limit / scale, total / scale)
    stakes[is_absent] = np.nan
    return _shaped(stakes.reshape(shape), probabilities)


def scenarios(
    probabilities: npt.ArrayLike,
    returns: npt.ArrayLike,
    *,
    fraction: float = 1.0,
    stake_max: float = 1.0,
    total_max: float = 1.0,
) -> FloatArray:
    """Kelly stakes on bets that depend on each other, by listed outcomes: two bets on one match, lines with
    half a win.

    Parameters
    ----------
    probabilities : (m,) float64
        Of the scenarios; they sum to 1 within 1e-9. A score grid, raveled, is one.
    returns : (m, k) or (m,) float64
        What a unit stake on each of k bets gets back in each scenario: 0 lost, the odds won, 1 void, `(1 + o)
        / 2` half won, 0.5 half lost.
    fraction, stake_max, total_max
        As in `simultaneous`.

    Returns
    -------
    (k,) stakes as shares of the bankroll; (1,) for one column.

    Raises
    ------
    BoundsError
        Probabilities that do not sum to 1, a return below 0, more than 500 bets or 1,000,000 scenarios.
    FitError
        A search that does not end, `code` "not_converged".

    Examples
    --------
    Over 2.75 at 2.05: four goals or more win, three win on half of the stake.

    >>> scenarios([0.30, 0.24, 0.46], [2.05, 1.525, 0.0]).round(4)
    array([0.])
    >>> scenarios([0.33, 0.24, 0.43], [2.05, 1.525, 0.0]).round(4)
    array([0.0493])
    """
    scale, limit, total = _limits(fraction, stake_max, total_max)
    p = _arrays.numbers(probabilities, "probabilities", axes=1)
    table = _arrays.numbers(returns, "returns", axes=(1, 2))
    table = table[:, None] if table.ndim == 1 else table
    if len(table) != len(p):
        raise BoundsError(f"{len(table)} rows of returns do not fit {len(p)} probabilities")
    if not 1 <= len(p) <= SCENARIOS_MAX:
        raise BoundsError(f"number of scenarios {len(p)} is outside 1..={SCENARIOS_MAX}")
    if not 1 <= table.shape[1] <= SELECTIONS_MAX:
        raise BoundsError(f"number of bets {table.shape[1]} is outside 1..={SELECTIONS_MAX}")
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise BoundsError(f"probability {p[~((p >= 0.0) & (p <= 1.0))][0]} is outside 0..=1")
    if abs(float(p.sum()) - 1.0) > SUM_TOLERANCE:
        raise BoundsError(f"probabilities sum to {p.sum()}, not to 1 within {SUM_TOLERANCE}")
    if not ((table >= 0.0) & np.isfinite(table)).all():
        raise BoundsError(
            f"return {table[~((table >= 0.0) & np.isfinite(table))][0]} is not 0 or more and finite"
        )
    found = Scenarios(p, table)
    if ((found.probabilities @ found.gains) <= 0.0).all():
        # Without a bet of value none has a stake.
        return np.zeros(found.count)
    return scale * largest(found, limit / scale, total / scale)


def growth(stakes: npt.ArrayLike, probabilities: npt.ArrayLike, odds: npt.ArrayLike) -> float:
    """Expected logarithm of wealth after bets on independent markets, in nats; `-inf` where all may be lost.

    Parameters
    ----------
    stakes, probabilities, odds : (n,) or (n, k) float64
        As `simultaneous` takes and gives them; `nan` marks an absent selection. Stakes are 0 or more and sum
        to at most 1.

    Examples
    --------
    >>> round(growth([0.1], [0.55], [2.0]), 6), round(growth([0.05], [0.55], [2.0]), 6)
    (0.005008, 0.003753)
    """
    p, prices, _ = _bets(probabilities, odds)
    staked = _arrays.numbers(stakes, "stakes", axes=(1, 2)).reshape(-1)
    is_absent = (np.isnan(p) | np.isnan(prices)).ravel()
    if staked.size != is_absent.size:
        raise BoundsError(f"{staked.size} stakes do not fit {is_absent.size} probabilities")
    staked = np.where(is_absent, 0.0, staked)
    if not ((staked >= 0.0) & (staked <= 1.0)).all() or staked.sum() > 1.0 + SUM_TOLERANCE:
        raise BoundsError(
            f"stakes between {staked.min()} and {staked.max()} with the sum {staked.sum()} are no shares of 1"
        )
    present = ~is_absent
    market = np.unique(np.repeat(np.arange(len(p)), p.shape[1])[present], return_inverse=True)[1].astype(
        np.int64
    )
    _refuse(
        _wrong_markets(np.nan_to_num(p), np.where(np.isnan(prices), 2.0, prices)),
        "raise",
        lambda row: _wrong_market(p[row], prices[row]),
    )
    if not present.any():
        return 0.0
    return Independent(market, p.ravel()[present], prices.ravel()[present]).value(staked[present])


def implied_probability(stakes: npt.ArrayLike, odds: npt.ArrayLike, *, fraction: float = 1.0) -> Any:
    """What a Kelly bettor believes: the probability at which `single` gives this stake, `(f/k (o - 1) + 1) /
    o`.

    Parameters
    ----------
    stakes : number or (n,) float64
        Shares of the bankroll, 0 to `fraction`.
    odds : number or (n,) float64
        Decimal odds above 1.
    fraction
        Share of full Kelly that the bettor stakes, above 0 and up to 1.

    Examples
    --------
    >>> round(implied_probability(0.02, 2.4, fraction=0.25), 6)
    np.float64(0.463333)
    """
    scale, _, _ = _limits(fraction, 1.0, 1.0)
    staked, price = _arrays.columns(stakes=stakes, odds=odds)
    if not ((price > 1.0) & np.isfinite(price)).all():
        raise BoundsError(
            f"odds {price[~((price > 1.0) & np.isfinite(price))][0]} are not above 1 and finite"
        )
    if not ((staked >= 0.0) & (staked <= scale)).all():
        raise BoundsError(f"stake {staked[~((staked >= 0.0) & (staked <= scale))][0]} is outside 0..={scale}")
    found = (staked / scale * (price - 1.0) + 1.0) / price
    if _is_one(stakes, odds):
        return found[0]
    return _arrays.row_wise(found, "probability", stakes, odds)


def _is_one(*values: Any) -> bool:
    """Whether every argument is a number; a table has no axes for NumPy and is none."""
    return all(not _arrays.is_table(value) and np.ndim(value) == 0 for value in values)


def _shaped(stakes: FloatArray, probabilities: Any) -> Any:
    """Stakes under the names and the index that came with the probabilities."""
    shape = _arrays.numbers(probabilities, "probabilities").shape
    close = _arrays.closes(probabilities) if shape == stakes.shape else None
    return stakes if close is None else close(stakes)


def _limits(fraction: float, stake_max: float, total_max: float) -> tuple[float, float, float]:
    found = []
    for name, value in (("fraction", fraction), ("stake_max", stake_max), ("total_max", total_max)):
        number = _arrays.number(value, name)
        if not 0.0 < number <= 1.0:
            raise BoundsError(f"{name} {number} is not above 0 and at most 1")
        found.append(number)
    return found[0], found[1], found[2]


def _markets(
    probabilities: npt.ArrayLike, odds: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Probabilities and odds as markets, one a row, and the shape that the answer has."""
    p = _arrays.numbers(probabilities, "probabilities", axes=(1, 2))
    prices = _arrays.numbers(odds, "odds", axes=(1, 2))
    try:
        p, prices = np.broadcast_arrays(p, prices)
    except ValueError:
        raise BoundsError(
            f"odds of shape {prices.shape} do not fit probabilities of shape {p.shape}"
        ) from None
    shape = p.shape
    return np.atleast_2d(p), np.atleast_2d(prices), shape


def _bets(
    probabilities: npt.ArrayLike, odds: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """As `_markets`, but one axis is as many markets of one selection."""
    p, prices, shape = _markets(probabilities, odds)
    return (p, prices, shape) if len(shape) == 2 else (p.reshape(-1, 1), prices.reshape(-1, 1), shape)


def _wrong_markets(p: FloatArray, prices: FloatArray) -> npt.NDArray[np.bool_]:
    is_right = ((p >= 0.0) & (p <= 1.0) & (prices > 1.0) & np.isfinite(prices)).all(axis=1)
    return np.asarray(~(is_right & (p.sum(axis=1) <= 1.0 + SUM_TOLERANCE)))


def _wrong_bet(win: float, price: float, back: float) -> str:
    if not (price > 1.0 and np.isfinite(price)):
        return f"odds {price} are not above 1 and finite"
    for name, value in (("probability", win), ("push", back)):
        if not 0.0 <= value <= 1.0:
            return f"{name} {value} is outside 0..=1"
    return f"probability {win} and push {back} sum to more than 1"


def _wrong_market(p: FloatArray, prices: FloatArray) -> str:
    for place, (chance, price) in enumerate(zip(p.tolist(), prices.tolist(), strict=True)):
        if price == price and not (price > 1.0 and np.isfinite(price)):
            return f"odds {price} of selection {place} are not above 1 and finite"
        if chance == chance and not 0.0 <= chance <= 1.0:
            return f"probability {chance} of selection {place} is outside 0..=1"
    return f"probabilities sum to {np.nansum(p)}, more than 1 by more than {SUM_TOLERANCE}"


def _refuse(is_wrong: npt.NDArray[np.bool_], errors: str, message: Any) -> None:
    if _arrays.is_strict(errors) and is_wrong.any():
        row = int(np.argmax(is_wrong))
        error = BoundsError(message(row))
        if len(is_wrong) > 1:
            error.add_note(f"in row {row}")
        raise error


def _reserved(p: FloatArray, inverse: FloatArray) -> FloatArray:
    """Full Kelly stakes of exclusive selections without limits, (n, k); `inverse` is 0 where one is
    absent.
    """
    value = np.divide(p, inverse, out=np.zeros_like(p), where=inverse > 0.0)
    order = np.argsort(-value, axis=1, kind="stable")
    left = 1.0 - np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    room = 1.0 - np.cumsum(np.take_along_axis(inverse, order, axis=1), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        reserve = np.where(room > 0.0, np.maximum(left, 0.0) / room, np.inf)
    smallest = np.minimum(1.0, reserve.min(axis=1))[:, None]
    return np.asarray(np.maximum(p - smallest * inverse, 0.0))


def _listed(p: FloatArray, prices: FloatArray) -> Scenarios:
    """One market as scenarios: each selection wins, or none does."""
    rest = max(0.0, 1.0 - float(p.sum()))
    chances = np.append(p, rest if rest > 1e-12 else 0.0)
    return Scenarios(chances, np.vstack([np.diag(prices), np.zeros(len(prices))]))
