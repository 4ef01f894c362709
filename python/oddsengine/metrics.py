"""Scores of forecasts: log loss, Brier, ranked probability score, calibration, closing-line value, hold.

Probabilities are (n, k) with one row a forecast; outcomes are (n,) positions of what happened. Every score is
given a row, so that two forecasts can be compared by the difference in each row: the standard error of a
difference is far smaller than that of a mean.

>>> forecasts = [[0.5, 0.27, 0.23], [0.2, 0.25, 0.55], [0.7, 0.2, 0.1]]
>>> found = scores(forecasts, [0, 2, 1])
>>> found
<Scores of 3 forecasts: log loss 0.9668, RPS 0.1742, Brier (sum) 0.6069>
>>> paired_difference(found.log_loss_each, scores(np.full((3, 3), 1 / 3), [0, 2, 1]).log_loss_each)
Difference(mean=-0.1318..., standard_error=0.3224..., pairs=3)

Reproduced in `tests/golden/metrics.json`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _closing, _html, margin
from oddsengine.exceptions import BoundsError, FitError
from oddsengine.tables import Table

__all__ = [
    "Calibration",
    "ClosingLineValue",
    "Difference",
    "Interval",
    "Posterior",
    "Scores",
    "brier_mean",
    "brier_sum",
    "calibration",
    "closing_line_value",
    "hold",
    "hold_interval",
    "log_loss",
    "moved_line_value",
    "paired_difference",
    "ranked_probability_score",
    "scores",
    "theoretical_hold",
    "value_posterior",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

CLOSING_RHO = -0.1
"""Correction of the low scores that closing handicaps and totals imply together, see `moved_line_value`."""

# Rows may miss 1 by this much: prices rounded to six decimals do.
SUM_TOLERANCE = 1e-5


def log_loss(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> FloatArray:
    """Minus the natural logarithm of the probability of what happened, (n,) nats; `inf` where that was 0.

    >>> log_loss([[0.5, 0.25, 0.25]], [0]).round(4)
    array([0.6931])
    """
    forecasts, happened = _forecasts(probabilities, outcomes)
    with np.errstate(divide="ignore"):
        return -np.log(forecasts[np.arange(len(happened)), happened])


def brier_sum(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> FloatArray:
    """Squared errors added over the outcomes, (n,), 0 to 2: Brier's own form.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950).

    >>> brier_sum([[0.5, 0.25, 0.25]], [0])
    array([0.375])
    """
    forecasts, happened = _forecasts(probabilities, outcomes)
    return np.asarray(((forecasts - _indicators(forecasts, happened)) ** 2).sum(axis=1))


def brier_mean(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> FloatArray:
    """Squared errors averaged over the outcomes, (n,): `brier_sum` divided by their number.

    >>> brier_mean([[0.5, 0.25, 0.25]], [0])
    array([0.125])
    """
    forecasts, happened = _forecasts(probabilities, outcomes)
    return np.asarray(((forecasts - _indicators(forecasts, happened)) ** 2).mean(axis=1))


def ranked_probability_score(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> FloatArray:
    """Squared errors of the cumulative probabilities divided by the outcomes less one, (n,), 0 to 1.

    For outcomes in an order, such as home, draw, away. Source: E. Epstein, "A scoring system for probability
    forecasts of ranked categories", Journal of Applied Meteorology 8 (1969).

    >>> ranked_probability_score([[0.5, 0.27, 0.23]], [0]).round(5)
    array([0.15145])
    """
    forecasts, happened = _forecasts(probabilities, outcomes)
    gaps = np.cumsum(forecasts - _indicators(forecasts, happened), axis=1)[:, :-1]
    return np.asarray((gaps**2).sum(axis=1) / (forecasts.shape[1] - 1))


def scores(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> Scores:
    """Every proper score of forecasts, a row and on average.

    Parameters
    ----------
    probabilities : (n, k) float64
        Forecasts in rows that sum to 1 within 1e-5; for the ranked probability score in the order of the
        outcomes.
    outcomes : (n,) integers
        What happened, 0 to k - 1: for 1X2 0 home, 1 draw, 2 away.

    Raises
    ------
    BoundsError
        No forecast, a probability outside 0 to 1 or `nan`, a row that does not sum to 1, an outcome that is
        none.

    Examples
    --------
    >>> round(scores([[0.5, 0.27, 0.23], [0.2, 0.25, 0.55]], [0, 2]).rps, 5)
    0.13635
    """
    forecasts, happened = _forecasts(probabilities, outcomes)
    return Scores(
        log_loss_each=log_loss(forecasts, happened),
        brier_sum_each=brier_sum(forecasts, happened),
        rps_each=ranked_probability_score(forecasts, happened),
        is_right=forecasts.argmax(axis=1) == happened,
        outcome_count=forecasts.shape[1],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of forecasts; lower is better for all but accuracy."""

    log_loss_each: FloatArray
    """(n,) nats."""
    brier_sum_each: FloatArray
    """(n,) squared errors added over the outcomes."""
    rps_each: FloatArray
    """(n,) ranked probability scores, divided by the outcomes less one."""
    is_right: npt.NDArray[np.bool_]
    """(n,) whether the likeliest outcome happened; the first of equals counts."""
    outcome_count: int

    @property
    def log_loss_nats(self) -> float:
        """Mean log loss."""
        return float(self.log_loss_each.mean())

    @property
    def brier_sum(self) -> float:
        """Mean Brier score, squared errors added over the outcomes."""
        return float(self.brier_sum_each.mean())

    @property
    def brier_mean(self) -> float:
        """Mean Brier score, squared errors averaged over the outcomes."""
        return self.brier_sum / self.outcome_count

    @property
    def rps(self) -> float:
        """Mean ranked probability score."""
        return float(self.rps_each.mean())

    @property
    def accuracy(self) -> float:
        """Share of forecasts whose likeliest outcome happened."""
        return float(self.is_right.mean())

    @property
    def table(self) -> Table:
        """Means with their standard errors."""
        rows = {
            "log loss (nats)": self.log_loss_each,
            "RPS": self.rps_each,
            "Brier (sum)": self.brier_sum_each,
            "Brier (mean)": self.brier_sum_each / self.outcome_count,
            "accuracy": self.is_right.astype(np.float64),
        }
        return Table(
            {
                "score": list(rows),
                "mean": [float(values.mean()) for values in rows.values()],
                "standard_error": [_standard_error(values) for values in rows.values()],
            },
            caption=f"{len(self)} forecasts",
        )

    def __len__(self) -> int:
        return len(self.log_loss_each)

    def __repr__(self) -> str:
        return (
            f"<Scores of {len(self)} forecasts: log loss {self.log_loss_nats:.4f}, RPS {self.rps:.4f}, "
            f"Brier (sum) {self.brier_sum:.4f}>"
        )

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class Difference(NamedTuple):
    """A mean of paired differences; twice the standard error is the usual bar."""

    mean: float
    standard_error: float
    pairs: int
    """Pairs, or clusters if they were given."""


def paired_difference(
    one: npt.ArrayLike, other: npt.ArrayLike, *, clusters: npt.ArrayLike | None = None
) -> Difference:
    """Mean of `one - other` over rows that belong together, with its standard error.

    Parameters
    ----------
    one, other : (n,) float64
        The same score of two forecasts of the same events. Below 0 the first forecast is the better one.
    clusters : (n,)
        What rows have in common, such as the fixture of several bets: differences are added up in each before
        the standard error is taken.

    Examples
    --------
    >>> paired_difference([0.9, 1.1, 0.7], [1.0, 1.0, 1.0]).mean.__round__(3)
    -0.1
    """
    first, second = _arrays.numbers(one, "one"), _arrays.numbers(other, "other")
    if first.ndim != 1 or first.shape != second.shape or first.size == 0:
        raise BoundsError(f"scores of shapes {first.shape} and {second.shape} are no pairs")
    differences = first - second
    mean = float(differences.mean())
    if clusters is None:
        return Difference(mean, _standard_error(differences), len(differences))
    sums, sizes = _by_cluster(clusters, differences, np.ones_like(differences))
    # Each cluster's part of the mean of all rows, so that clusters of different sizes count by their rows.
    parts = (sums - mean * sizes) / sizes.mean()
    count = len(parts)
    error = float(np.sqrt((parts**2).sum() / (count * (count - 1)))) if count > 1 else float("nan")
    return Difference(mean, error, count)


def calibration(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10) -> Calibration:
    """How well probabilities agree with frequencies.

    Parameters
    ----------
    probabilities : (n,) or (n, k) float64
        Probabilities of events, strictly between 0 and 1; a matrix stands for the events of each of its
        cells.
    outcomes : (n,) integers
        0 or 1 for events; for a matrix the position of what happened in each row.
    bins
        Bins of equal width over 0 to 1.

    Returns
    -------
    `intercept` and `slope` of a logistic regression of what happened on the log-odds: 0 and 1 where all is
    well, a slope below 1 where probabilities are too extreme. `expected_error` is the mean over events of the
    distance of probability and frequency of its bin.

    Raises
    ------
    FitError
        If what happened is separated by the probabilities, so that the regression has no maximum.

    Examples
    --------
    >>> calibration([0.1, 0.2, 0.4, 0.6, 0.7, 0.9], [0, 1, 0, 1, 0, 1], bins=5)
    <Calibration of 6 events: intercept 0.05, slope 0.51, expected error 0.2833>
    """
    p = _arrays.numbers(probabilities, "probabilities")
    if p.ndim == 2:
        forecasts, happened = _forecasts(p, outcomes)
        p, y = forecasts.ravel(), _indicators(forecasts, happened).ravel()
    else:
        y = _arrays.numbers(outcomes, "outcomes")
        if p.ndim != 1 or p.shape != y.shape or p.size == 0:
            raise BoundsError(f"probabilities of shape {p.shape} do not fit outcomes of shape {y.shape}")
        if not np.isin(y, (0.0, 1.0)).all():
            raise BoundsError(f"outcome {y[~np.isin(y, (0.0, 1.0))][0]:g} is neither 0 nor 1")
    if not ((p > 0.0) & (p < 1.0)).all():
        raise BoundsError(f"probability {p[~((p > 0.0) & (p < 1.0))][0]} is not strictly between 0 and 1")
    if not 1 <= bins <= 1000:
        raise BoundsError(f"number of bins {bins} is outside 1..=1000")
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=p, minlength=bins) / count
        share = np.bincount(place, weights=y, minlength=bins) / count
    (intercept, slope), errors = _logistic(np.log(p) - np.log1p(-p), y)
    return Calibration(
        intercept=intercept,
        slope=slope,
        intercept_error=errors[0],
        slope_error=errors[1],
        expected_error=float(np.nansum(count * np.abs(mean - share)) / len(p)),
        edges=np.linspace(0.0, 1.0, bins + 1),
        count=count,
        mean_probability=mean,
        frequency=share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Agreement of probabilities with frequencies."""

    intercept: float
    """Of the logistic regression on the log-odds; 0 is right."""
    slope: float
    """1 is right, below 1 the probabilities are too extreme."""
    intercept_error: float
    """Standard error, as if events were independent."""
    slope_error: float
    expected_error: float
    """Expected calibration error, 0 to 1: mean distance of probability and frequency over bins, weighted by
    events."""
    edges: FloatArray
    """(bins + 1,) edges of the bins."""
    count: IntArray
    """(bins,) events in each."""
    mean_probability: FloatArray
    """(bins,) mean probability; `nan` in an empty bin."""
    frequency: FloatArray
    """(bins,) share of events that happened; `nan` in an empty bin."""

    @property
    def table(self) -> Table:
        """One row a bin; the standard error of the frequency is binomial."""
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(self.frequency * (1.0 - self.frequency) / self.count)
        columns = {
            "from": self.edges[:-1],
            "to": self.edges[1:],
            "events": self.count,
            "probability": self.mean_probability,
            "frequency": self.frequency,
            "standard_error": error,
        }
        return Table(columns, caption=repr(self)[1:-1])

    def __repr__(self) -> str:
        return (
            f"<Calibration of {int(self.count.sum())} events: intercept {self.intercept:.2f}, "
            f"slope {self.slope:.2f}, expected error {self.expected_error:.4f}>"
        )

    def _repr_html_(self) -> str:
        shown = self.count > 0
        rows = [
            [f"{low:.2f}–{high:.2f}", f"{count}", f"{mean:.3f}", f"{share:.3f}", _bar(mean, share)]
            for low, high, count, mean, share in zip(
                self.edges[:-1][shown],
                self.edges[1:][shown],
                self.count[shown],
                self.mean_probability[shown],
                self.frequency[shown],
                strict=True,
            )
        ]
        columns = ["bin", "events", "probability", "frequency", "frequency − probability"]
        return _html.table(columns, rows, caption=repr(self)[1:-1])


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

    On a line that can push, the two prices say how the stake that is decided divides and not how much of it is: with
    the share `push` of the stake expected back, the value is `(1 - push) (odds p - 1)`. Where the line itself has
    moved since the bet, see `moved_line_value`.

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
        Share of the stake that the close expects to come back, 0 to 1: `football.LineShares.push` of the line.
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
    is_strict = _is_strict(errors)
    taken = _arrays.numbers(odds_taken, "odds_taken", axes=1)
    market, is_ragged = _matrix(closing_odds, "closing_odds")
    chosen = _arrays.integers(selection, "selection", axes=1)
    if not len(taken) == len(market) == len(chosen):
        raise BoundsError(
            f"{len(taken)} odds taken, {len(market)} rows of closing_odds and {len(chosen)} of selection "
            "do not fit"
        )
    backs = np.broadcast_to(_arrays.numbers(push, "push", axes=(0, 1)), taken.shape) if _fits(push, taken) else None
    if backs is None:
        raise BoundsError(f"push of shape {np.shape(push)} does not fit {len(taken)} bets")
    if not ((backs >= 0.0) & (backs <= 1.0)).all():
        raise BoundsError(f"push {backs[~((backs >= 0.0) & (backs <= 1.0))][0]} is outside 0..=1")
    taken = _prices_taken(taken, is_strict)
    # Rows of different lengths end in nan of ours.
    refused = np.zeros(len(market), dtype=bool)
    if absent == "refuse":
        gaps = np.isnan(market) & ~is_ragged
        refused = gaps.any(axis=1)
        if is_strict and refused.any():
            row, place = np.argwhere(gaps)[0]
            raise BoundsError(
                f"closing_odds of bet {row} have no price of selection {place}\n"
                'hint: absent="drop" leaves out a selection that is not in the market'
            )
    fair = np.asarray(
        margin.fair_probabilities(np.where(refused[:, None], np.nan, market), method=method, absent=_dropped(absent), errors=errors),
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
    closing: tuple[npt.ArrayLike, npt.ArrayLike],
    closing_1x2: npt.ArrayLike | None = None,
    closing_total: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    rho: npt.ArrayLike = CLOSING_RHO,
    method: margin.Method = "multiplicative",
    errors: margin.Errors = "raise",
) -> ClosingLineValue:
    """What football bets on a total or an Asian handicap were worth at a close whose line has moved.

    A bet on over 2.5 has no price in a market that closes at over 2.75. The closing prices are read as a distribution
    of the score, of a Dixon-Coles model that has exactly the closing price at the closing line; the bet's line is
    read off it: `win (odds - 1) - lose`, with the fractions of a unit stake that win and lose on average, so that
    pushes and halves are as they are. A bet whose line has not moved has the value of `closing_line_value` with its
    push share.

    The distribution needs what one line does not say. For a handicap it is the number of goals, `closing_total`. With
    `closing_1x2` the low scores are the market's own; without, they are those of `rho`, which matters for handicaps
    between -0.5 and 0.5 and totals below 2.5.

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
    closing : pair of (n,) and (n, 2) float64
        Closing lines of the same market, and the odds there of over and under, or home and away.
    closing_1x2 : (n, 3) float64, optional
        Closing odds of home, draw and away. For totals it needs no more; for a handicap it is used with
        `closing_total`.
    closing_total : pair of (n,) and (n, 2) float64
        For handicaps: closing total lines, and the odds of over and under.
    rho : number or (n,) float64
        Correction of the low scores where there are no 1X2 prices, 0 for none; moved to the nearest that leaves every
        score a probability. -0.1 foretells the 1X2 price of 2,521 closing handicaps and totals within 0.0021 on
        average, 0 within 0.0077, and the 1X2 prices themselves within 0.0013.
    method
        How each market's margin is removed. One for all: see `oddsengine.margin` on several markets of one book.
    errors
        `"raise"` on the first bet that has no value, or `"nan"` for its value.

    Returns
    -------
    A `ClosingLineValue`, with the fair probability (`win / (win + lose)`) and push share at the close of each bet's line.

    Raises
    ------
    BoundsError, MarginError
        Odds of 1 or less, a price that is missing, lines that are no quarter steps, closing prices that no model has.

    Examples
    --------
    Over 2.5 at 2.00, and the market closes at over 2.75 with 1.95 and 1.93:

    >>> value = moved_line_value([2.0], [2.5], [0], market="total", closing=([2.75], [[1.95, 1.93]]))
    >>> value.each.round(4), value.closing_probability.round(4)
    (array([0.1072]), array([0.5536]))

    Home -0.25 at 2.05, which closes at -0.5:

    >>> value = moved_line_value([2.05], [-0.25], [0], market="handicap", closing=([-0.5], [[2.04, 1.88]]),
    ...                          closing_total=([2.5], [[1.95, 1.95]]))
    >>> value.each.round(4), value.push.round(4)
    (array([0.12]), array([0.1368]))
    """
    is_strict = _is_strict(errors)
    if market not in ("total", "handicap"):
        raise BoundsError(f"market {market!r} is none of total, handicap")
    taken = _arrays.numbers(odds_taken, "odds_taken", axes=1)
    lines, sides = _arrays.numbers(line, "line", axes=1), _arrays.integers(side, "side", axes=1)
    closing_line, closing_odds = _closing.closes(closing, "closing")
    totals = None if closing_total is None else _closing.closes(closing_total, "closing_total")
    results = None if closing_1x2 is None else _arrays.numbers(closing_1x2, "closing_1x2", axes=2)
    corrections = _arrays.numbers(rho, "rho", axes=(0, 1))
    count = len(taken)
    lengths = {"line": lines.shape, "side": sides.shape, "closing lines": closing_line.shape, "rho": corrections.shape}
    lengths |= {} if totals is None else {"closing_total lines": totals[0].shape}
    if wrong := [f"{name} {shape}" for name, shape in lengths.items() if shape not in ((), (count,))]:
        raise BoundsError(f"{wrong[0]} does not fit {count} odds taken")
    books = {"closing odds": (closing_odds, 2)} | ({} if totals is None else {"closing_total odds": (totals[1], 2)})
    books |= {} if results is None else {"closing_1x2": (results, 3)}
    for name, (book, wide) in books.items():
        if book.shape != (count, wide):
            raise BoundsError(f"{name} of shape {book.shape} is not ({count}, {wide})")
    if not np.isin(sides, (0, 1)).all():
        raise BoundsError(f"side {sides[~np.isin(sides, (0, 1))][0]} is neither 0 nor 1")
    if totals is None and market == "handicap":
        raise BoundsError("a handicap needs closing_total: its value across lines depends on the number of goals")
    taken = _prices_taken(taken, is_strict)
    all_lines = [lines, closing_line] + ([] if totals is None else [totals[0]])
    for numbers in all_lines:
        off = ~np.isnan(numbers) & ~((np.abs(numbers) <= 1_000.0) & (4.0 * numbers == np.round(4.0 * numbers)))
        if off.any():
            raise BoundsError(f"line {numbers[off][0]} is no quarter step in -1000..=1000")
    fair = {name: _closing.fair_of(book, method, is_strict=is_strict, name=name) for name, (book, _) in books.items()}
    win, lose = _closing.shares_at_the_close(
        market,
        lines,
        sides,
        closing_line=np.broadcast_to(closing_line, (count,)),
        fair=fair["closing odds"][:, 0],
        fair_1x2=fair.get("closing_1x2"),
        total_line=None if totals is None else np.broadcast_to(totals[0], (count,)),
        fair_over=None if totals is None else fair["closing_total odds"][:, 0],
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
    """Closing-line value of bets, as shares of their stakes. Bets without a value, `nan`, count for nothing."""

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
        return _standard_error(self._known)

    @property
    def table(self) -> Table:
        """One row a bet: `value`, `closing_probability`, `push`, and the sums of the values so far with the standard
        error of the sum, for a picture of the cumulative value with its band."""
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
            caption=repr(self)[1:-1],
        )

    @property
    def _known(self) -> FloatArray:
        return np.asarray(self.each[~np.isnan(self.each)])

    def __len__(self) -> int:
        return len(self.each)

    def __repr__(self) -> str:
        without = len(self) - len(self._known)
        rest = f", {without} without a close" if without else ""
        return f"<ClosingLineValue of {len(self)} bets: mean {self.mean:.4f} ± {self.standard_error:.4f}{rest}>"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class Posterior(NamedTuple):
    """What is known of a bettor's mean value after some bets."""

    mean: float
    sd: float
    p_positive: float
    """Probability that the mean value is above 0."""


def value_posterior(mean: float, sd: float, bets: int, *, prior_mean: float, prior_sd: float) -> Posterior:
    """A bettor's true mean closing-line value, after bets with this mean and standard deviation: normal prior, normal bets.

    Reproduced in `tests/golden/risk.json`.

    Parameters
    ----------
    mean, sd
        Of the values of the bets; the deviation above 0.
    bets
        How many, 0 or more.
    prior_mean, prior_sd
        What is believed of a bettor before the first bet: a customer at large loses the margin.

    Raises
    ------
    BoundsError
        A deviation that is not above 0, a number that is not finite.

    Examples
    --------
    >>> found = value_posterior(0.021, 0.11, 180, prior_mean=-0.03, prior_sd=0.03)
    >>> round(found.mean, 4), round(found.p_positive, 4)
    (0.0175, 0.9863)
    """
    for name, value in (("mean", mean), ("prior_mean", prior_mean)):
        if not math.isfinite(value):
            raise BoundsError(f"{name} {value} is not finite")
    for name, value in (("sd", sd), ("prior_sd", prior_sd)):
        if not (value > 0.0 and math.isfinite(value)):
            raise BoundsError(f"{name} {value} is not above 0 and finite")
    if not 0 <= bets <= 1_000_000_000:
        raise BoundsError(f"number of bets {bets} is outside 0..=1000000000")
    weight, prior_weight = bets / sd**2, 1.0 / prior_sd**2
    found = NormalDist((weight * mean + prior_weight * prior_mean) / (weight + prior_weight), (weight + prior_weight) ** -0.5)
    return Posterior(found.mean, found.stdev, 1.0 - found.cdf(0.0))


def hold(stakes: npt.ArrayLike, payouts: npt.ArrayLike) -> float:
    """Share of the stakes that the house kept: `(stakes - payouts) / stakes`, each summed over the bets.

    >>> hold([100.0, 50.0], [0.0, 120.0])
    0.2
    """
    staked, paid = _money(stakes, payouts)
    return float((staked.sum() - paid.sum()) / staked.sum())


def theoretical_hold(stakes: npt.ArrayLike, odds: npt.ArrayLike, fair_probabilities: npt.ArrayLike) -> float:
    """The hold that fair probabilities promise: `sum(stake (1 - odds p)) / sum(stake)`.

    >>> theoretical_hold([100.0, 50.0], [1.9, 1.9], [0.5, 0.5])
    0.05
    """
    staked, expected = _money(
        stakes,
        _product(
            _arrays.numbers(stakes, "stakes", axes=(0, 1)),
            _arrays.numbers(odds, "odds", axes=(0, 1)),
            _arrays.numbers(fair_probabilities, "fair_probabilities", axes=(0, 1)),
        ),
    )
    return round(float((staked.sum() - expected.sum()) / staked.sum()), 15)


class Interval(NamedTuple):
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float
    level: float
    """Probability that the interval is meant to cover."""


def hold_interval(
    stakes: npt.ArrayLike,
    payouts: npt.ArrayLike,
    *,
    events: npt.ArrayLike | None = None,
    level: float = 0.95,
    replicates: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The hold with a bootstrap interval: events are drawn again with replacement, percentiles are taken.

    Parameters
    ----------
    stakes, payouts : (n,)
        Of the bets, in any one unit.
    events : (n,)
        The fixture of each bet; bets of one fixture win and lose together. Without it every bet is an event. Of
        one event alone nothing is known of how holds differ: the ends of its interval are `nan`.
    level
        Probability that the interval is meant to cover, between 0 and 1.
    replicates
        Draws, 100 to 1,000,000.
    seed
        The same seed gives the same interval.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> payouts = np.where(rng.random(5_000) < 0.5, 190.0, 0.0)
    >>> found = hold_interval(np.full(5_000, 100.0), payouts)
    >>> found.low < 0.05 < found.high
    True
    """
    staked, paid = _money(stakes, payouts)
    if not 0.0 < level < 1.0:
        raise BoundsError(f"level {level} is not strictly between 0 and 1")
    if not 100 <= replicates <= 1_000_000:
        raise BoundsError(f"number of replicates {replicates} is outside 100..=1000000")
    if events is not None:
        staked, paid = _by_cluster(events, staked, paid)
    value = float((staked.sum() - paid.sum()) / staked.sum())
    if len(staked) < 2:
        return Interval(value, float("nan"), float("nan"), level)
    rng = np.random.default_rng(seed)
    found = np.empty(replicates)
    # As many draws at once as fit into a few megabytes.
    step = max(1, 1_000_000 // len(staked))
    for start in range(0, replicates, step):
        drawn = rng.integers(len(staked), size=(min(step, replicates - start), len(staked)))
        sums = staked[drawn].sum(axis=1)
        found[start : start + len(drawn)] = (sums - paid[drawn].sum(axis=1)) / sums
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(value, float(low), float(high), level)


def _forecasts(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    """Checked forecasts and outcomes."""
    forecasts = _arrays.numbers(probabilities, "probabilities")
    happened = _arrays.integers(outcomes, "outcomes")
    if forecasts.ndim != 2 or forecasts.shape[1] < 2 or len(forecasts) == 0:
        raise BoundsError(f"forecasts of shape {forecasts.shape} are no rows of two or more probabilities")
    if happened.shape != (len(forecasts),):
        raise BoundsError(f"outcomes of shape {happened.shape} are not {len(forecasts)} positions")
    if not ((forecasts >= 0.0) & (forecasts <= 1.0)).all():
        row, place = np.argwhere(~((forecasts >= 0.0) & (forecasts <= 1.0)))[0]
        raise BoundsError(f"probability {forecasts[row, place]} of forecast {row} is outside 0..=1")
    sums = forecasts.sum(axis=1)
    if (np.abs(sums - 1.0) > SUM_TOLERANCE).any():
        row = int(np.argmax(np.abs(sums - 1.0) > SUM_TOLERANCE))
        raise BoundsError(f"forecast {row} sums to {sums[row]}, not to 1 within {SUM_TOLERANCE}")
    count = forecasts.shape[1]
    if not ((happened >= 0) & (happened < count)).all():
        row = int(np.argmax((happened < 0) | (happened >= count)))
        raise BoundsError(f"outcome {happened[row]} of forecast {row} is outside 0..={count - 1}")
    return forecasts, happened.astype(np.int64)


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


def _is_strict(errors: str) -> bool:
    if errors not in ("raise", "nan"):
        raise BoundsError(f"errors {errors!r} is none of 'raise', 'nan'")
    return errors == "raise"


def _dropped(absent: str) -> margin.Absent:
    """What is left to drop once missing prices are refused; a misspelt word is refused here."""
    if absent not in ("drop", "refuse"):
        raise BoundsError(f"absent {absent!r} is none of 'drop', 'refuse'")
    return "drop"


def _fits(value: npt.ArrayLike, taken: FloatArray) -> bool:
    return np.shape(value) in ((), taken.shape)


def _prices_taken(taken: FloatArray, is_strict: bool) -> FloatArray:
    """Odds that were taken; those that are none are refused, or nan."""
    is_price = (taken > 1.0) & np.isfinite(taken)
    if is_strict and not is_price.all():
        raise BoundsError(f"odds taken {taken[~is_price][0]} are not above 1")
    return np.where(is_price, taken, np.nan)


def _indicators(forecasts: FloatArray, happened: IntArray) -> FloatArray:
    indicators = np.zeros_like(forecasts)
    indicators[np.arange(len(happened)), happened] = 1.0
    return indicators


def _standard_error(values: FloatArray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _by_cluster(clusters: npt.ArrayLike, *columns: FloatArray) -> list[FloatArray]:
    """Sums of columns over the rows of each cluster."""
    _arrays.refuse_masked(clusters, "cluster names")
    try:
        names: npt.NDArray[Any] = np.asarray(clusters)
        shape, (_, place) = names.shape, np.unique(names, return_inverse=True)
    except Exception as error:
        raise BoundsError(f"cluster names cannot be read: {error}") from error
    if shape != columns[0].shape:
        raise BoundsError(f"{shape} cluster names do not fit {columns[0].shape} rows")
    return [np.bincount(place, weights=values).astype(np.float64) for values in columns]


def _product(*factors: FloatArray) -> FloatArray:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(factors[0] * factors[1] * factors[2])
    except ValueError:
        shapes = ", ".join(str(factor.shape) for factor in factors)
        raise BoundsError(f"stakes, odds and fair_probabilities of shapes {shapes} do not fit") from None


def _money(stakes: npt.ArrayLike, payouts: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    staked, paid = _arrays.numbers(stakes, "stakes"), _arrays.numbers(payouts, "payouts")
    if staked.ndim != 1 or staked.shape != paid.shape or staked.size == 0:
        raise BoundsError(f"stakes of shape {staked.shape} do not fit payouts of shape {paid.shape}")
    if not (np.isfinite(staked) & (staked > 0.0)).all():
        raise BoundsError(f"stake {staked[~(np.isfinite(staked) & (staked > 0.0))][0]:g} is not above 0")
    if not (np.isfinite(paid) & (paid >= 0.0)).all():
        raise BoundsError(f"payout {paid[~(np.isfinite(paid) & (paid >= 0.0))][0]:g} is not 0 or more")
    return staked, paid


def _logistic(x: FloatArray, y: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intercept and slope of a logistic regression with their standard errors, by Newton steps."""
    design = np.column_stack([np.ones_like(x), x])

    def value_at(point: FloatArray) -> float:
        linear = design @ point
        # ln(1 + e^v) without overflow.
        return float((y * linear - np.logaddexp(0.0, linear)).sum())

    point, value = np.array([0.0, 1.0]), 0.0
    value = value_at(point)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-(design @ point)))
        gradient = design.T @ (y - p)
        information = design.T @ (design * (p * (1.0 - p))[:, None])
        if np.linalg.cond(information) > 1e14 or np.abs(point).max() > 1e3:
            break
        covariance = np.linalg.inv(information)
        step = covariance @ gradient
        if float(gradient @ step) <= 1e-20 * len(y):
            errors = np.sqrt(np.diag(covariance))
            return (float(point[0]), float(point[1])), (float(errors[0]), float(errors[1]))
        share = 1.0
        while (found := value_at(point + share * step)) < value - 1e-12 * (
            1.0 + abs(value)
        ) and share > 1e-10:
            share *= 0.5
        point, value = point + share * step, found
    raise FitError(
        "the calibration has no maximum, the outcomes are separated by the probabilities", "no_maximum"
    )


def _bar(mean: float, share: float) -> str:
    """A signed difference as text with a bar of its size, one mark a hundredth."""
    gap = share - mean
    marks = "▮" * min(20, round(abs(gap) * 100))
    return _html.Cell(f"{gap:+.3f} {marks}", "text-align:left;color:" + ("#06c" if gap >= 0 else "#c22"))
