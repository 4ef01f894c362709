"""Closing-line value of bets whose line has moved: the closing prices as a distribution of the score, read at
the bet's line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, football, margin
from oddsengine.exceptions import BoundsError, OddsEngineError

__all__ = ["Shares", "shares_at_the_close"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
LineMarket: TypeAlias = Literal["total", "handicap"]
Shares: TypeAlias = tuple[FloatArray, FloatArray]
"""Expected fractions of the stake that win and lose, (n,) each."""

GOALS_MAX = 20.0
"""Most expected goals of a side that the model has."""

STEPS_MAX = 100

TOLERANCE = 1e-12
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

        def means(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            return x * share, x * (1.0 - share)

        low, high = np.full(count, 1e-9), np.full(count, GOALS_MAX)
    else:
        total = home + away

        def means(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            return 0.5 * (total + x), 0.5 * (total - x)

        reach = np.minimum(total, 2.0 * GOALS_MAX - total)
        low, high = -reach, reach

    def at(x: FloatArray, where: FloatArray) -> Shares:
        lambda_home, lambda_away = means(x)
        return _shares(market, lambda_home, lambda_away, rhos, where)

    def price(x: FloatArray) -> FloatArray:
        win, lose = at(x, closing_line)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(win / (win + lose) - fair)

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
    win, lose = at(np.where(is_solved, found, np.nan), line)
    return np.where(side == 0, win, lose), np.where(side == 0, lose, win)


def within(rho: FloatArray, lambda_home: FloatArray, lambda_away: FloatArray) -> FloatArray:
    """The correction of the low scores, moved to where no score has a negative probability."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.maximum(-1.0 / lambda_home, -1.0 / lambda_away)
        high = np.minimum(1.0 / (lambda_home * lambda_away), 1.0)
    return np.asarray(np.clip(rho, low * (1.0 - 1e-12), high * (1.0 - 1e-12)))


def increasing_root(
    function: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Roots of increasing functions, one a place, by the Illinois rule within a bracket; and which there
    are.
    """
    low, high = low.copy(), high.copy()
    at_low, at_high = function(low), function(high)
    x = 0.5 * (low + high)
    value = function(x)
    # What a function has not near its ends, where no model is, counts as far off.
    at_low, at_high = np.where(np.isnan(at_low), -1.0, at_low), np.where(np.isnan(at_high), 1.0, at_high)
    has_root = (at_low < 0.0) & (at_high > 0.0) & ~np.isnan(value)
    for step in range(STEPS_MAX):
        open_ = has_root & ~(np.abs(value) <= TOLERANCE)
        if not open_.any():
            break
        is_low = value < 0.0
        # The end that stays counts half, so that it cannot stay for ever.
        at_low, at_high = np.where(is_low, value, 0.5 * at_low), np.where(is_low, 0.5 * at_high, value)
        low, high = np.where(is_low, x, low), np.where(is_low, high, x)
        with np.errstate(invalid="ignore", divide="ignore"):
            next_x = (low * at_high - high * at_low) / (at_high - at_low)
        is_poor = ~((next_x > low) & (next_x < high)) | (step % 8 == 7)
        x = np.where(open_, np.where(is_poor, 0.5 * (low + high), next_x), x)
        value = np.where(open_, function(x), value)
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
            "a handicap needs closing_total, or the goals that it is a difference of are not known"
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

        def price(total: FloatArray) -> FloatArray:
            halves = 0.5 * total
            win, lose = _shares("total", halves, halves, rho[left], line[left])
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(win / (win + lose) - fair_over[left])

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


def closes(value: Any, name: str) -> tuple[FloatArray, FloatArray]:
    """A pair of lines, (n,), and odds, (n, 2)."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise BoundsError(f"{name} is no pair of lines and odds")
    return _arrays.numbers(value[0], f"{name} lines", axes=(0, 1)), _arrays.numbers(
        value[1], f"{name} odds", axes=2
    )


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
