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

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _html
from oddsengine._closing_value import (
    ClosingLineValue,
    Posterior,
    closing_line_value,
    moved_line_value,
    value_posterior,
)
from oddsengine._closing_value import standard_error as _standard_error
from oddsengine.exceptions import BoundsError, FitError
from oddsengine.margin import Errors
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

# Rows may miss 1 by this much: prices rounded to six decimals do.
SUM_TOLERANCE = 1e-5


def log_loss(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, errors: Errors = "raise"
) -> FloatArray:
    """Minus the natural logarithm of the probability of what happened, (n,) nats; `inf` where that was 0.

    With `errors="nan"` a row that is no forecast, or whose outcome is none, is `nan`; likewise below. A frame
    or series of pandas or Polars gives a series, with the index of the forecasts, else of the outcomes.

    >>> log_loss([[0.5, 0.25, 0.25]], [0]).round(4)
    array([0.6931])
    >>> log_loss([[0.5, 0.25, 0.25], [0.4, 0.3, np.nan]], [0, 1], errors="nan").round(4)
    array([0.6931,    nan])
    """
    forecasts, happened = _forecasts(probabilities, outcomes, errors)
    with np.errstate(divide="ignore"):
        found = -np.log(forecasts[np.arange(len(happened)), happened])
    return _each(found, "log_loss", probabilities, outcomes)


def brier_sum(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, errors: Errors = "raise"
) -> FloatArray:
    """Squared errors added over the outcomes, (n,), 0 to 2: Brier's own form.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950).

    >>> brier_sum([[0.5, 0.25, 0.25]], [0])
    array([0.375])
    """
    forecasts, happened = _forecasts(probabilities, outcomes, errors)
    found = np.asarray(((forecasts - _indicators(forecasts, happened)) ** 2).sum(axis=1))
    return _each(found, "brier_sum", probabilities, outcomes)


def brier_mean(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, errors: Errors = "raise"
) -> FloatArray:
    """Squared errors averaged over the outcomes, (n,): `brier_sum` divided by their number.

    >>> brier_mean([[0.5, 0.25, 0.25]], [0])
    array([0.125])
    """
    forecasts, happened = _forecasts(probabilities, outcomes, errors)
    found = np.asarray(((forecasts - _indicators(forecasts, happened)) ** 2).mean(axis=1))
    return _each(found, "brier_mean", probabilities, outcomes)


def ranked_probability_score(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, errors: Errors = "raise"
) -> FloatArray:
    """Squared errors of the cumulative probabilities divided by the outcomes less one, (n,), 0 to 1.

    For outcomes in an order, such as home, draw, away. Source: E. Epstein, "A scoring system for probability
    forecasts of ranked categories", Journal of Applied Meteorology 8 (1969).

    >>> ranked_probability_score([[0.5, 0.27, 0.23]], [0]).round(5)
    array([0.15145])
    """
    forecasts, happened = _forecasts(probabilities, outcomes, errors)
    gaps = np.cumsum(forecasts - _indicators(forecasts, happened), axis=1)[:, :-1]
    found = np.asarray((gaps**2).sum(axis=1) / (forecasts.shape[1] - 1))
    return _each(found, "rps", probabilities, outcomes)


def scores(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, errors: Errors = "raise") -> Scores:
    """Every proper score of forecasts, a row and on average.

    Parameters
    ----------
    probabilities : (n, k) float64
        Forecasts in rows that sum to 1 within 1e-5; for the ranked probability score in the order of the
        outcomes.
    outcomes : (n,) integers
        What happened, 0 to k - 1: for 1X2 0 home, 1 draw, 2 away.
    errors
        `"raise"` on the first row that is no forecast or has no outcome, or `"nan"` for its scores: the means
        are those of the other rows.

    Raises
    ------
    BoundsError
        No forecast, a probability outside 0 to 1 or `nan`, a row that does not sum to 1, an outcome that is
        none.

    Examples
    --------
    >>> round(scores([[0.5, 0.27, 0.23], [0.2, 0.25, 0.55]], [0, 2]).rps, 5)
    0.13635
    >>> scores([[0.5, 0.27, 0.23], [0.2, np.nan, 0.55]], [0, 2], errors="nan")
    <Scores of 1 forecasts: log loss 0.6931, RPS 0.1515, Brier (sum) 0.3758, 1 row without>
    """
    forecasts, happened = _forecasts(probabilities, outcomes, errors)
    is_forecast = ~np.isnan(forecasts).any(axis=1)
    return Scores(
        log_loss_each=log_loss(forecasts, happened, errors=errors),
        brier_sum_each=brier_sum(forecasts, happened, errors=errors),
        rps_each=ranked_probability_score(forecasts, happened, errors=errors),
        is_right=is_forecast & (forecasts.argmax(axis=1) == happened),
        outcome_count=forecasts.shape[1],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of forecasts; lower is better for all but accuracy. Rows without scores, `nan`, count for
    nothing."""

    log_loss_each: FloatArray
    """(n,) nats."""
    brier_sum_each: FloatArray
    """(n,) squared errors added over the outcomes."""
    rps_each: FloatArray
    """(n,) ranked probability scores, divided by the outcomes less one."""
    is_right: npt.NDArray[np.bool_]
    """(n,) whether the likeliest outcome happened; the first of equals counts. False in a row without
    scores."""
    outcome_count: int

    @property
    def log_loss_nats(self) -> float:
        """Mean log loss."""
        return self._mean(self.log_loss_each)

    @property
    def brier_sum(self) -> float:
        """Mean Brier score, squared errors added over the outcomes."""
        return self._mean(self.brier_sum_each)

    @property
    def brier_mean(self) -> float:
        """Mean Brier score, squared errors averaged over the outcomes."""
        return self.brier_sum / self.outcome_count

    @property
    def rps(self) -> float:
        """Mean ranked probability score."""
        return self._mean(self.rps_each)

    @property
    def accuracy(self) -> float:
        """Share of forecasts whose likeliest outcome happened."""
        return self._mean(self.is_right.astype(np.float64))

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
                "mean": [self._mean(values) for values in rows.values()],
                "standard_error": [_standard_error(values[self._is_scored]) for values in rows.values()],
            },
            caption=f"{int(self._is_scored.sum()):,} forecasts{self._rest}",
        )

    @property
    def _is_scored(self) -> npt.NDArray[np.bool_]:
        return ~np.isnan(self.brier_sum_each)

    @property
    def _rest(self) -> str:
        without = int((~self._is_scored).sum())
        return f", {without:,} {'row' if without == 1 else 'rows'} without" if without else ""

    def _mean(self, values: FloatArray) -> float:
        known = values[self._is_scored]
        return float(known.mean()) if len(known) else float("nan")

    def __len__(self) -> int:
        return len(self.log_loss_each)

    def __repr__(self) -> str:
        return (
            f"<Scores of {int(self._is_scored.sum())} forecasts: log loss {self.log_loss_nats:.4f}, "
            f"RPS {self.rps:.4f}, Brier (sum) {self.brier_sum:.4f}{self._rest}>"
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


def calibration(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10, errors: Errors = "raise"
) -> Calibration:
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
    errors
        `"raise"` on the first row that is refused, or `"nan"`: such rows are left out.

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
    is_strict = _arrays.is_strict(errors)
    if p.ndim == 2:
        forecasts, happened = _forecasts(p, outcomes, errors)
        is_inside = ((forecasts > 0.0) & (forecasts < 1.0)).all(axis=1)
        indicators = _indicators(forecasts, happened)
        if not is_strict:
            forecasts, indicators = forecasts[is_inside], indicators[is_inside]
        p, y = forecasts.ravel(), indicators.ravel()
    else:
        y = _arrays.numbers(outcomes, "outcomes")
        if p.ndim != 1 or p.shape != y.shape or p.size == 0:
            raise BoundsError(f"probabilities of shape {p.shape} do not fit outcomes of shape {y.shape}")
        if not is_strict:
            is_event = (p > 0.0) & (p < 1.0) & np.isin(y, (0.0, 1.0))
            p, y = p[is_event], y[is_event]
        if not np.isin(y, (0.0, 1.0)).all():
            raise BoundsError(f"outcome {y[~np.isin(y, (0.0, 1.0))][0]:g} is neither 0 nor 1")
    if not ((p > 0.0) & (p < 1.0)).all():
        raise BoundsError(f"probability {p[~((p > 0.0) & (p < 1.0))][0]} is not strictly between 0 and 1")
    if not p.size:
        raise BoundsError("no row of probabilities is a forecast with an outcome")
    bins = _arrays.whole(bins, "number of bins", 1, 1_000)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=p, minlength=bins) / count
        share = np.bincount(place, weights=y, minlength=bins) / count
    (intercept, slope), error = _logistic(np.log(p) - np.log1p(-p), y)
    return Calibration(
        intercept=intercept,
        slope=slope,
        intercept_error=error[0],
        slope_error=error[1],
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
        return _html.table(columns, rows, caption=f"{repr(self)[1:-1]}.")


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
        The fixture of each bet; bets of one fixture win and lose together. Without it every bet is an event.
        Of one event alone nothing is known of how holds differ: the ends of its interval are `nan`.
    level
        Probability that the interval is meant to cover, between 0 and 1.
    replicates
        Draws, 100 to 1,000,000.
    seed
        The same seed gives the same interval.

    Returns
    -------
    With fewer than two events `low` and `high` are `nan`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> payouts = np.where(rng.random(5_000) < 0.5, 190.0, 0.0)
    >>> found = hold_interval(np.full(5_000, 100.0), payouts)
    >>> found.low < 0.05 < found.high
    True
    """
    staked, paid = _money(stakes, payouts)
    level = _arrays.number(level, "level")
    if not 0.0 < level < 1.0:
        raise BoundsError(f"level {level} is not strictly between 0 and 1")
    replicates = _arrays.whole(replicates, "number of replicates", 100, 1_000_000)
    if events is not None:
        staked, paid = _by_cluster(events, staked, paid)
    value = float((staked.sum() - paid.sum()) / staked.sum())
    if len(staked) < 2:
        # One event drawn again and again says nothing about how far another one would lie.
        return Interval(value, float("nan"), float("nan"), level)
    rng = np.random.default_rng(_arrays.whole(seed, "seed", 0, (1 << 63) - 1))
    found = np.empty(replicates)
    # As many draws at once as fit into a few megabytes.
    step = max(1, 1_000_000 // len(staked))
    for start in range(0, replicates, step):
        drawn = rng.integers(len(staked), size=(min(step, replicates - start), len(staked)))
        sums = staked[drawn].sum(axis=1)
        found[start : start + len(drawn)] = (sums - paid[drawn].sum(axis=1)) / sums
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(value, float(low), float(high), level)


def _forecasts(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, errors: Errors = "raise"
) -> tuple[FloatArray, IntArray]:
    """Checked forecasts and outcomes; without `errors="raise"` refused rows are nan."""
    is_strict = _arrays.is_strict(errors)
    forecasts = _arrays.numbers(probabilities, "probabilities")
    # An outcome that is not known is `nan`, which is no whole number.
    told = _arrays.numbers(outcomes, "outcomes") if not is_strict else None
    happened = _arrays.integers(outcomes, "outcomes") if told is None else _positions(told)
    if forecasts.ndim != 2 or forecasts.shape[1] < 2 or len(forecasts) == 0:
        raise BoundsError(f"forecasts of shape {forecasts.shape} are no rows of two or more probabilities")
    if happened.shape != (len(forecasts),):
        raise BoundsError(f"outcomes of shape {happened.shape} are not {len(forecasts)} positions")
    if not is_strict:
        sums, count = forecasts.sum(axis=1), forecasts.shape[1]
        is_right = ((forecasts >= 0.0) & (forecasts <= 1.0)).all(axis=1) & (
            np.abs(sums - 1.0) <= SUM_TOLERANCE
        )
        is_right &= (happened >= 0) & (happened < count)
        return np.where(is_right[:, None], forecasts, np.nan), np.where(is_right, happened, 0)
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


def _positions(told: FloatArray) -> IntArray:
    """Whole numbers as positions; what is none is -1, which no outcome has."""
    is_whole = (told == np.floor(told)) & (np.abs(told) < 2.0**31)
    return np.where(is_whole, told, -1.0).astype(np.int64)


def _each(found: FloatArray, name: str, *given: npt.ArrayLike) -> FloatArray:
    """A number for each row, under the index that came with the rows."""
    return cast("FloatArray", _arrays.row_wise(found, name, *given))


def _indicators(forecasts: FloatArray, happened: IntArray) -> FloatArray:
    indicators = np.zeros_like(forecasts)
    indicators[np.arange(len(happened)), happened] = 1.0
    return indicators


def _by_cluster(clusters: npt.ArrayLike, *columns: FloatArray) -> list[FloatArray]:
    """Sums of columns over the rows of each cluster."""
    _arrays.refuse_masked(clusters, "cluster names")
    try:
        names: npt.NDArray[Any] = np.asarray(clusters)
        shape = names.shape
        # Two rows of which nobody knows the cluster are not of one cluster.
        is_absent = np.array([_arrays.is_absent(name) for name in names.flat], dtype=bool)
        if is_absent.any():
            raise BoundsError(f"cluster name {int(np.argmax(is_absent))} is absent")
        place = _places(names)
    except BoundsError:
        raise
    except Exception as error:
        raise BoundsError(f"cluster names cannot be read: {error}") from error
    if shape != columns[0].shape:
        raise BoundsError(f"{shape} cluster names do not fit {columns[0].shape} rows")
    return [np.bincount(place, weights=values).astype(np.float64) for values in columns]


def _places(names: npt.NDArray[Any]) -> IntArray:
    """Which cluster each row is of, counted in their order; in that of their rows if they have none."""
    try:
        return np.unique(names, return_inverse=True)[1]
    except TypeError:
        seen: dict[Any, int] = {}
        return np.array([seen.setdefault(name, len(seen)) for name in names.flat], dtype=np.int64)


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
