"""What bets were worth at the close, and what that says of a bettor. Public in `oddsengine.metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _closing, margin
from oddsengine.exceptions import BoundsError
from oddsengine.tables import Table

__all__ = [
    "ClosingLineValue",
    "Posterior",
    "closing_line_value",
    "moved_line_value",
    "standard_error",
    "value_posterior",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]

CLOSING_RHO = -0.1
"""Correction of the low scores that closing handicaps and totals imply together, see `moved_line_value`."""


def closing_line_value(
    odds_taken: npt.ArrayLike,
    closing_odds: npt.ArrayLike | Sequence[Sequence[float]],
    selection: npt.ArrayLike,
    *,
    method: margin.Method = "multiplicative",
    push: npt.ArrayLike = 0.0,
    absent: margin.Absent = "refuse",
    errors: margin.Errors = "raise",
) -> ClosingLineValue:
    """Odds taken times the margin-free closing probability, less one: what a bet was worth at the close.

    On a line that can push, the two prices say how the stake that is decided divides and not how much of it
    is: with the share `push` of the stake expected back, the value is `(1 - push) (odds p - 1)`. Where the
    line itself has moved since the bet, see `moved_line_value`.

    Parameters
    ----------
    odds_taken : (n,) float64
        Decimal odds of the bets.
    closing_odds : (n, k) float64, or a list of lists of different lengths
        Closing odds of the whole market of each bet.
    selection : (n,) integers
        Position of the bet's selection in its market.
    method
        How the margin is removed, see `oddsengine.margin`.
    push : number or (n,) float64
        Share of the stake that the close expects to come back, 0 to 1: `football.LineShares.push` of the
        line.
    absent
        What a `nan` among closing odds is: `"refuse"`, a price that is missing, without which the others mean
        nothing; or `"drop"`, a selection that is not in the market.
    errors
        `"raise"` on the first bet that has no value, or `"nan"` for its value.

    Raises
    ------
    BoundsError, MarginError
        Odds of 1 or less, a selection that is not there, a margin that cannot be removed.

    Examples
    --------
    >>> closing_line_value([2.2, 1.8], [[2.05, 3.5, 3.8], [1.9, 1.98]], [0, 0])
    <ClosingLineValue of 2 bets: mean -0.0231 ± 0.0583>
    >>> closing_line_value([2.1], [[2.0, 2.0]], [0], push=0.27).each.round(4)  # over 3 goals
    array([0.0365])
    """
    is_strict = _arrays.is_strict(errors)
    taken = _arrays.numbers(odds_taken, "odds_taken", axes=1)
    market, is_ragged = _matrix(closing_odds, "closing_odds")
    chosen = _arrays.integers(selection, "selection", axes=1)
    if not len(taken) == len(market) == len(chosen):
        raise BoundsError(
            f"{len(taken)} odds taken, {len(market)} rows of closing_odds and {len(chosen)} of selection "
            "do not fit"
        )
    shares = _arrays.numbers(push, "push", axes=(0, 1))
    if shares.shape not in ((), taken.shape):
        raise BoundsError(f"push of shape {shares.shape} does not fit {len(taken)} bets")
    backs = np.broadcast_to(shares, taken.shape)
    if not ((backs >= 0.0) & (backs <= 1.0)).all():
        raise BoundsError(f"push {backs[~((backs >= 0.0) & (backs <= 1.0))][0]} is outside 0..=1")
    taken = _prices_taken(taken, is_strict)
    # Rows of different lengths end in nan of ours.
    refused: npt.NDArray[np.bool_] = np.zeros(len(market), dtype=bool)
    if _arrays.word(absent, "absent", ("drop", "refuse")) == "refuse":
        gaps = np.isnan(market) & ~is_ragged
        refused = np.asarray(gaps.any(axis=1))
        if is_strict and refused.any():
            row, place = np.argwhere(gaps)[0]
            raise BoundsError(
                f"closing_odds of bet {row} have no price of selection {place}\n"
                'hint: absent="drop" leaves out a selection that is not in the market'
            )
    fair = np.asarray(
        margin.fair_probabilities(
            np.where(refused[:, None], np.nan, market), method=method, absent="drop", errors=errors
        ),
        dtype=np.float64,
    )
    if not ((chosen >= 0) & (chosen < market.shape[1])).all():
        raise BoundsError(
            f"selection {chosen[(chosen < 0) | (chosen >= market.shape[1])][0]} is none of a market"
        )
    closing = fair[np.arange(len(market)), chosen]
    if is_strict and np.isnan(closing).any():
        raise BoundsError(
            f"the selection of bet {int(np.flatnonzero(np.isnan(closing))[0])} has no closing odds"
        )
    return ClosingLineValue((1.0 - backs) * (taken * closing - 1.0), closing, np.array(backs))


def moved_line_value(
    odds_taken: npt.ArrayLike,
    line: npt.ArrayLike,
    side: npt.ArrayLike,
    *,
    market: Literal["total", "handicap"],
    closing_line: npt.ArrayLike,
    closing_odds: npt.ArrayLike,
    closing_1x2: npt.ArrayLike | None = None,
    closing_total_line: npt.ArrayLike | None = None,
    closing_total_odds: npt.ArrayLike | None = None,
    rho: npt.ArrayLike = CLOSING_RHO,
    method: margin.Method = "multiplicative",
    errors: margin.Errors = "raise",
) -> ClosingLineValue:
    """What football bets on a total or an Asian handicap were worth at a close whose line has moved.

    A bet on over 2.5 has no price in a market that closes at over 2.75. The closing prices are read as a
    distribution of the score, of a Dixon-Coles model that has exactly the closing price at the closing line;
    the bet's line is read off it: `win (odds - 1) - lose`, with the fractions of a unit stake that win and
    lose on average, so that pushes and halves are as they are. A bet whose line has not moved has the value
    of `closing_line_value` with its push share.

    The distribution needs what one line does not say. For a handicap it is the number of goals,
    `closing_total_odds`. With `closing_1x2` the low scores are the market's own; without, they are those of
    `rho`, which matters for handicaps between -0.5 and 0.5 and totals below 2.5.

    Parameters
    ----------
    odds_taken : (n,) float64
        Decimal odds of the bets.
    line : (n,) float64
        Their lines in quarter steps: total goals, or the goals added to home, for bets on away too.
    side : (n,) integers
        0 over or home, 1 under or away.
    market
        `"total"` or `"handicap"`.
    closing_line : number or (n,) float64
        Closing lines of the same market.
    closing_odds : (n, 2) float64
        Closing odds at these lines of over and under, or home and away.
    closing_1x2 : (n, 3) float64, optional
        Closing odds of home, draw and away. For totals it needs no more; for a handicap it is used with
        `closing_total_odds`.
    closing_total_line : number or (n,) float64
        For handicaps: closing lines of the total.
    closing_total_odds : (n, 2) float64
        For handicaps: closing odds of over and under at these.
    rho : number or (n,) float64
        Correction of the low scores where there are no 1X2 prices, 0 for none; moved to the nearest that
        leaves every score a probability. -0.1 foretells the 1X2 price of 2,521 closing handicaps and totals
        within 0.0021 on average, 0 within 0.0077, and the 1X2 prices themselves within 0.0013. It was chosen
        on those matches; others are in docs/formulas.md.
    method
        How each market's margin is removed. One for all: see `oddsengine.margin` on several markets of one
        book.
    errors
        `"raise"` on the first bet that has no value, or `"nan"` for its value.

    Returns
    -------
    A `ClosingLineValue`, with the fair probability (`win / (win + lose)`) and push share at the close of each
    bet's line.

    Raises
    ------
    BoundsError, MarginError
        Odds of 1 or less, a price that is missing, lines that are no quarter steps, closing prices that no
        model has.

    Examples
    --------
    Over 2.5 at 2.00, and the market closes at over 2.75 with 1.95 and 1.93:

    >>> value = moved_line_value([2.0], [2.5], [0], market="total",
    ...                          closing_line=[2.75], closing_odds=[[1.95, 1.93]])
    >>> value.each.round(4), value.closing_probability.round(4)
    (array([0.1072]), array([0.5536]))

    Home -0.25 at 2.05, which closes at -0.5:

    >>> value = moved_line_value([2.05], [-0.25], [0], market="handicap",
    ...                          closing_line=[-0.5], closing_odds=[[2.04, 1.88]],
    ...                          closing_total_line=[2.5], closing_total_odds=[[1.95, 1.95]])
    >>> value.each.round(4), value.push.round(4)
    (array([0.12]), array([0.1368]))
    """
    is_strict = _arrays.is_strict(errors)
    _arrays.word(market, "market", ("total", "handicap"))
    taken = _arrays.numbers(odds_taken, "odds_taken", axes=1)
    lines, sides = _arrays.numbers(line, "line", axes=1), _arrays.integers(side, "side", axes=1)
    lines_at_close = _arrays.numbers(closing_line, "closing_line", axes=(0, 1))
    book_at_close = _arrays.numbers(closing_odds, "closing_odds", axes=2)
    totals = None
    if closing_total_line is not None and closing_total_odds is not None:
        totals = (
            _arrays.numbers(closing_total_line, "closing_total_line", axes=(0, 1)),
            _arrays.numbers(closing_total_odds, "closing_total_odds", axes=2),
        )
    results = None if closing_1x2 is None else _arrays.numbers(closing_1x2, "closing_1x2", axes=2)
    corrections = _arrays.numbers(rho, "rho", axes=(0, 1))
    count = len(taken)
    lengths = {
        "line": lines.shape,
        "side": sides.shape,
        "closing_line": lines_at_close.shape,
        "rho": corrections.shape,
    }
    lengths |= {} if totals is None else {"closing_total_line": totals[0].shape}
    if wrong := [f"{name} {shape}" for name, shape in lengths.items() if shape not in ((), (count,))]:
        raise BoundsError(f"{wrong[0]} does not fit {count} odds taken")
    books = {"closing_odds": (book_at_close, 2)} | (
        {} if totals is None else {"closing_total_odds": (totals[1], 2)}
    )
    books |= {} if results is None else {"closing_1x2": (results, 3)}
    for name, (book, wide) in books.items():
        if book.shape != (count, wide):
            raise BoundsError(f"{name} of shape {book.shape} is not ({count}, {wide})")
    if not np.isin(sides, (0, 1)).all():
        raise BoundsError(f"side {sides[~np.isin(sides, (0, 1))][0]} is neither 0 nor 1")
    if totals is None and market == "handicap":
        raise BoundsError(
            "a handicap needs closing_total_line and closing_total_odds: its value across lines depends "
            "on the number of goals"
        )
    taken = _prices_taken(taken, is_strict)
    all_lines = [lines, lines_at_close] + ([] if totals is None else [totals[0]])
    for numbers in all_lines:
        off = ~np.isnan(numbers) & ~(
            (np.abs(numbers) <= 1_000.0) & (4.0 * numbers == np.round(4.0 * numbers))
        )
        if off.any():
            raise BoundsError(f"line {numbers[off][0]} is no quarter step in -1000..=1000")
    fair = {
        name: _closing.fair_of(book, method, is_strict=is_strict, name=name)
        for name, (book, _) in books.items()
    }
    win, lose = _closing.shares_at_the_close(
        market,
        lines,
        sides,
        closing_line=np.broadcast_to(lines_at_close, (count,)),
        fair=fair["closing_odds"][:, 0],
        fair_1x2=fair.get("closing_1x2"),
        total_line=None if totals is None else np.broadcast_to(totals[0], (count,)),
        fair_over=None if totals is None else fair["closing_total_odds"][:, 0],
        rho=np.broadcast_to(corrections, (count,)).copy(),
        is_strict=is_strict,
    )
    each = win * (taken - 1.0) - lose
    if is_strict and np.isnan(each).any():
        raise BoundsError(f"bet {int(np.flatnonzero(np.isnan(each))[0])} has no closing prices")
    with np.errstate(invalid="ignore", divide="ignore"):
        return ClosingLineValue(each, win / (win + lose), np.maximum(0.0, np.round(1.0 - win - lose, 11)))


@dataclass(frozen=True, slots=True, eq=False)
class ClosingLineValue:
    """Closing-line value of bets, as shares of their stakes. Bets without a value, `nan`, count for
    nothing.
    """

    each: FloatArray
    """(n,) expected profit of a unit stake at the closing prices."""
    closing_probability: FloatArray
    """(n,) fair probability at the close, of the stake that is decided."""
    push: FloatArray
    """(n,) share of the stake that the close expects back."""

    @property
    def mean(self) -> float:
        """Mean value of a bet; `nan` without one."""
        return float(self._known.mean()) if len(self._known) else float("nan")

    @property
    def standard_error(self) -> float:
        """Standard error of the mean."""
        return standard_error(self._known)

    @property
    def table(self) -> Table:
        """One row a bet: `value`, `closing_probability`, `push`, and the sums of the values so far with the
        standard error of the sum, for a picture of the cumulative value with its band."""
        known = np.nan_to_num(self.each)
        count = np.cumsum(~np.isnan(self.each))
        total, squares = np.cumsum(known), np.cumsum(known**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.where(count > 1, (squares - total**2 / count) / (count - 1), np.nan)
        return Table(
            {
                "value": self.each,
                "closing_probability": self.closing_probability,
                "push": self.push,
                "cumulative": total,
                "cumulative_error": np.sqrt(np.maximum(spread, 0.0) * count),
            },
            caption=(
                f"{len(self):,} bets, worth {self.mean:.4f} ± {self.standard_error:.4f} of their stake "
                "on average"
            ),
        )

    @property
    def _known(self) -> FloatArray:
        return np.asarray(self.each[~np.isnan(self.each)])

    def __len__(self) -> int:
        return len(self.each)

    def __repr__(self) -> str:
        without = len(self) - len(self._known)
        rest = f", {without} without a close" if without else ""
        return (
            f"<ClosingLineValue of {len(self)} bets: mean {self.mean:.4f} ± {self.standard_error:.4f}{rest}>"
        )

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class Posterior(NamedTuple):
    """What is known of a bettor's mean value after some bets."""

    mean: float
    sd: float
    p_positive: float
    """Probability that the mean value is above 0."""


def value_posterior(mean: float, sd: float, bets: int, *, prior_mean: float, prior_sd: float) -> Posterior:
    """A bettor's true mean closing-line value, after bets with this mean and standard deviation: normal
    prior, normal bets.

    Reproduced in `tests/golden/risk.json`.

    Parameters
    ----------
    mean, sd
        Of the values of the bets: -1e9 to 1e9, and 1e-9 to 1e9.
    bets
        How many, 0 or more.
    prior_mean, prior_sd
        What is believed of a bettor before the first bet: a customer at large loses the margin.

    Raises
    ------
    BoundsError
        A number outside its range.

    Examples
    --------
    >>> found = value_posterior(0.021, 0.11, 180, prior_mean=-0.03, prior_sd=0.03)
    >>> round(found.mean, 4), round(found.p_positive, 4)
    (0.0175, 0.9863)
    """
    mean, prior_mean = _arrays.number(mean, "mean"), _arrays.number(prior_mean, "prior_mean")
    sd, prior_sd = _arrays.number(sd, "sd"), _arrays.number(prior_sd, "prior_sd")
    for name, value in (("mean", mean), ("prior_mean", prior_mean)):
        if not abs(value) <= 1e9:
            raise BoundsError(f"{name} {value} is outside -1e9..=1e9")
    for name, value in (("sd", sd), ("prior_sd", prior_sd)):
        if not 1e-9 <= value <= 1e9:
            raise BoundsError(f"{name} {value} is outside 1e-9..=1e9")
    bets = _arrays.whole(bets, "number of bets", 0, 1_000_000_000)
    weight, prior_weight = bets / sd**2, 1.0 / prior_sd**2
    found = NormalDist(
        (weight * mean + prior_weight * prior_mean) / (weight + prior_weight), (weight + prior_weight) ** -0.5
    )
    return Posterior(found.mean, found.stdev, 1.0 - found.cdf(0.0))


def _matrix(rows: Any, name: str) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Rows of numbers as a matrix, and which of its places no row has; shorter rows end in nan."""
    if not isinstance(rows, list | tuple):
        matrix = _arrays.numbers(rows, name, axes=2)
        return matrix, np.zeros(matrix.shape, dtype=bool)
    arrays = [_arrays.numbers(row, f"{name}[{index}]", axes=1) for index, row in enumerate(rows)]
    matrix = np.full((len(arrays), max(map(len, arrays), default=0)), np.nan)
    is_beyond = np.ones(matrix.shape, dtype=bool)
    for index, row in enumerate(arrays):
        matrix[index, : len(row)] = row
        is_beyond[index, : len(row)] = False
    return matrix, is_beyond


def _prices_taken(taken: FloatArray, is_strict: bool) -> FloatArray:
    """Odds that were taken; those that are none are refused, or nan."""
    is_price = (taken > 1.0) & np.isfinite(taken)
    if is_strict and not is_price.all():
        raise BoundsError(f"odds taken {taken[~is_price][0]} are not above 1")
    return np.where(is_price, taken, np.nan)


def standard_error(values: FloatArray) -> float:
    """Standard error of a mean; `nan` of fewer than two values."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
