"""Closing-line value of bets whose line has moved: the closing prices as a distribution of the score, read at
the bet's line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import football, margin
from oddsengine.exceptions import BoundsError, OddsEngineError

__all__ = ["Shares", "shares_at_the_close"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
LineMarket: TypeAlias = Literal["total", "handicap"]
Shares: TypeAlias = tuple[FloatArray, FloatArray]
"""Expected fractions of the stake that win and lose, (n,) each."""

GOALS_MAX = 20.0
"""Most expected goals of a side that the model has."""

STEPS_MAX = 100

TOLERANCE = 1e-11
"""Of the closing price that the model must have."""


def shares_at_the_close(
    market: LineMarket,
    line: FloatArray,
    side: npt.NDArray[np.int64],
    *,
    closing_line: FloatArray,
    fair: FloatArray,
    fair_1x2: FloatArray | None,
    total_line: FloatArray | None,
    fair_over: FloatArray | None,
    rho: FloatArray,
    is_strict: bool,
) -> Shares:
    """What bets win and lose at the close. `fair` is the closing probability of the first side at
    `closing_line`; rows of `nan` are no bets."""
    count = len(line)
    goals = (total_line, fair_over) if market == "handicap" else (closing_line, fair)
    home, away, rhos = _start(count, fair_1x2, *goals, rho)
    if market == "total":
        # Total goals matter, and the two sides' shares of them only where a low score does.
        share = np.where(home + away > 0.0, home / (home + away), 0.5)

        def means(x: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
            return x * share[rows], x * (1.0 - share[rows])

        low, high = np.full(count, 1e-9), np.full(count, GOALS_MAX)
    else:
        total = home + away

        def means(x: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
            return 0.5 * (total[rows] + x), 0.5 * (total[rows] - x)

        reach = np.minimum(total, 2.0 * GOALS_MAX - total)
        low, high = -reach, reach

    def price(x: FloatArray, rows: IntArray) -> FloatArray:
        win, lose = _shares(market, *means(x, rows), rhos[rows], closing_line[rows])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(win / (win + lose) - fair[rows])

    found, is_solved = increasing_root(price, low, high)
    is_bet = ~np.isnan(fair) & ~np.isnan(line)
    if is_strict and (wrong := np.flatnonzero(is_bet & ~is_solved)).size:
        row = int(wrong[0])
        error = BoundsError(
            f"no model has the closing probability {fair[row]} at the line {closing_line[row]:g} beside the "
            "other closing prices"
        )
        error.add_note(f"in bet {row}")
        raise error
    at_close = means(np.where(is_solved, found, np.nan), np.arange(count))
    win, lose = _shares(market, *at_close, rhos, line)
    return np.where(side == 0, win, lose), np.where(side == 0, lose, win)


def within(rho: FloatArray, lambda_home: FloatArray, lambda_away: FloatArray) -> FloatArray:
    """The correction of the low scores, moved to where no score has a negative probability."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.maximum(-1.0 / lambda_home, -1.0 / lambda_away)
        high = np.minimum(1.0 / (lambda_home * lambda_away), 1.0)
    return np.asarray(np.clip(rho, low * (1.0 - 1e-12), high * (1.0 - 1e-12)))


def increasing_root(
    function: Callable[[FloatArray, IntArray], FloatArray], low: FloatArray, high: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Roots of increasing functions, one a row, by the Illinois rule within a bracket; and which there are.

    `function` takes points and the rows that they are of.
    """
    low, high, rows = low.copy(), high.copy(), np.arange(len(low))
    at_low, at_high = function(low, rows), function(high, rows)
    x = 0.5 * (low + high)
    value = function(x, rows)
    # What a function has not near its ends, where no model is, counts as far off.
    at_low = np.where(np.isnan(at_low), -1.0, at_low)
    at_high = np.where(np.isnan(at_high), 1.0, at_high)
    was_low = np.zeros(len(low), dtype=bool)
    has_root = (at_low < 0.0) & (at_high > 0.0) & ~np.isnan(value)
    for step in range(STEPS_MAX):
        rows = np.flatnonzero(has_root & (np.abs(value) > TOLERANCE))
        if not rows.size:
            break
        is_low = value[rows] < 0.0
        # An end that stays twice in a row counts half, so that it cannot stay for ever.
        is_again = is_low == was_low[rows]
        at_low[rows] = np.where(is_low, value[rows], np.where(is_again, 0.5, 1.0) * at_low[rows])
        at_high[rows] = np.where(is_low, np.where(is_again, 0.5, 1.0) * at_high[rows], value[rows])
        was_low[rows] = is_low
        low[rows], high[rows] = np.where(is_low, x[rows], low[rows]), np.where(is_low, high[rows], x[rows])
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (low[rows] * at_high[rows] - high[rows] * at_low[rows]) / (at_high[rows] - at_low[rows])
        is_poor = ~((found > low[rows]) & (found < high[rows])) | (step % 8 == 7)
        x[rows] = np.where(is_poor, 0.5 * (low[rows] + high[rows]), found)
        value[rows] = function(x[rows], rows)
    return x, has_root & (np.abs(value) <= 1e-9)


def _start(
    count: int,
    fair_1x2: FloatArray | None,
    line: FloatArray | None,
    fair_over: FloatArray | None,
    rho: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Expected goals and the correction, from 1X2 and a total where there are both, else from what there
    is.
    """
    home, away, rhos = np.full(count, np.nan), np.full(count, np.nan), rho.copy()
    if line is None or fair_over is None:
        raise BoundsError(
            "a handicap needs closing_total_odds, or the goals that it is a difference of are not known"
        )
    if fair_1x2 is not None:
        for one in np.unique(line[~np.isnan(line)]).tolist():
            rows = np.flatnonzero(line == one)
            try:
                found = football.calibrate_batch(
                    fair_1x2[rows, 0],
                    fair_1x2[rows, 1],
                    fair_1x2[rows, 2],
                    fair_over[rows],
                    line=one,
                    errors="nan",
                )
            except OddsEngineError:
                continue
            home[rows], away[rows], rhos[rows] = found
    # Without 1X2, or where it does not fit the total: level sides, which only low scores tell apart.
    left = np.flatnonzero(np.isnan(home) & ~np.isnan(line) & ~np.isnan(fair_over))
    if left.size:

        def price(total: FloatArray, rows: IntArray) -> FloatArray:
            halves, of = 0.5 * total, left[rows]
            win, lose = _shares("total", halves, halves, rho[of], line[of])
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(win / (win + lose) - fair_over[of])

        total, is_solved = increasing_root(price, np.full(len(left), 1e-9), np.full(len(left), GOALS_MAX))
        home[left] = away[left] = np.where(is_solved, 0.5 * total, np.nan)
        rhos[left] = rho[left]
    return home, away, rhos


def _shares(
    market: LineMarket, home: FloatArray, away: FloatArray, rho: FloatArray, line: FloatArray
) -> Shares:
    """Win and lose fractions of the first side, `nan` where there is no model."""
    of_market = football.total_batch if market == "total" else football.asian_handicap_batch
    return of_market(home, away, within(rho, home, away), line, errors="nan")


def fair_of(odds: FloatArray, method: margin.Method, *, is_strict: bool, name: str) -> FloatArray:
    """Fair probabilities of books of which every selection has a price, or none."""
    try:
        return np.asarray(
            margin.fair_probabilities(
                odds, method=method, absent="refuse", errors="raise" if is_strict else "nan"
            ),
            dtype=np.float64,
        )
    except OddsEngineError as error:
        error.add_note(f"in {name}")
        raise
