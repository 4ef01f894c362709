"""Scores against their definitions, intervals against simulation, refusals. Golden values are in
`tests/golden`."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import metrics
from oddsengine.exceptions import BoundsError, FitError, MarginError

FORECASTS = [[0.5, 0.27, 0.23], [0.2, 0.25, 0.55], [0.7, 0.2, 0.1]]
OUTCOMES = [0, 2, 1]


@given(
    st.lists(st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4), min_size=1, max_size=6),
    st.data(),
)
def test_scores_are_their_definitions(weights: list[list[float]], data: Any) -> None:
    forecasts = [[weight / sum(row) for weight in row] for row in weights]
    outcomes = [data.draw(st.integers(0, 3)) for _ in forecasts]
    found = metrics.scores(forecasts, outcomes)
    for row, (forecast, happened) in enumerate(zip(forecasts, outcomes, strict=True)):
        indicators = [float(place == happened) for place in range(4)]
        squares = [(p - y) ** 2 for p, y in zip(forecast, indicators, strict=True)]
        ranked = [(sum(forecast[:k]) - sum(indicators[:k])) ** 2 for k in (1, 2, 3)]
        assert found.log_loss_each[row] == pytest.approx(-math.log(forecast[happened]))
        assert found.brier_sum_each[row] == pytest.approx(sum(squares))
        assert metrics.brier_mean(forecasts, outcomes)[row] == pytest.approx(sum(squares) / 4)
        assert found.rps_each[row] == pytest.approx(sum(ranked) / 3)
    assert found.brier_mean == pytest.approx(found.brier_sum / 4)
    assert found.rps == pytest.approx(float(np.mean(found.rps_each)))


def test_a_certain_miss_is_infinitely_bad() -> None:
    assert metrics.log_loss([[1.0, 0.0]], [1])[0] == math.inf
    assert metrics.log_loss([[1.0, 0.0]], [0])[0] == 0.0


@pytest.mark.parametrize(
    ("forecasts", "outcomes", "message"),
    [
        ([[0.5, 0.5, 0.1]], [0], "forecast 0 sums to 1.1"),
        ([[0.5, 0.5], [math.nan, 0.5]], [0, 0], "probability nan of forecast 1 is outside"),
        ([[1.2, -0.2]], [0], "probability 1.2 of forecast 0"),
        ([[0.5, 0.5]], [2], r"outcome 2 of forecast 0 is outside 0\.\.=1"),
        ([[0.5, 0.5]], [-1], "outcome -1 of forecast 0"),
        ([[0.5, 0.5]], [0.5], r"outcomes\[0\] is 0.5, not a whole number"),
        ([[0.5, 0.5]], [0, 1], "are not 1 positions"),
        ([], [], "are no rows of two or more"),
        ([[1.0]], [0], "are no rows of two or more"),
    ],
)
def test_forecasts_that_are_none(forecasts: Any, outcomes: Any, message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        metrics.scores(forecasts, outcomes)


def test_calibration_recovers_a_distortion() -> None:
    rng = np.random.default_rng(4)
    log_odds = rng.normal(0, 1.2, 200_000)
    happened = (rng.random(len(log_odds)) < 1 / (1 + np.exp(-(0.2 + 0.8 * log_odds)))).astype(int)
    found = metrics.calibration(1 / (1 + np.exp(-log_odds)), happened)
    assert found.intercept == pytest.approx(0.2, abs=4 * found.intercept_error)
    assert found.slope == pytest.approx(0.8, abs=4 * found.slope_error)
    assert 0.002 < found.slope_error < 0.01
    assert found.count.sum() == len(log_odds)
    assert found.table.columns[:2] == ("from", "to")


def test_calibration_of_a_matrix_is_that_of_its_cells() -> None:
    flat = metrics.calibration(
        np.ravel(FORECASTS), np.ravel([np.eye(3)[k] for k in OUTCOMES]).astype(int), bins=4
    )
    assert metrics.calibration(FORECASTS, OUTCOMES, bins=4).slope == pytest.approx(flat.slope)


def test_a_probability_at_the_end_of_the_last_bin_counts_there() -> None:
    found = metrics.calibration([0.2, 0.4, 0.999, 0.8], [0, 1, 0, 1], bins=5)
    assert found.count.tolist() == [0, 1, 1, 0, 2]
    assert np.isnan(found.frequency[0])


@pytest.mark.parametrize(
    ("p", "y", "bins", "message"),
    [
        ([0.0, 0.5], [0, 1], 5, "probability 0.0 is not strictly"),
        ([0.5, 1.0], [0, 1], 5, "probability 1.0 is not strictly"),
        ([0.5, 0.5], [0, 2], 5, "outcome 2 is neither"),
        ([0.5], [0, 1], 5, "do not fit"),
        ([0.5, 0.6], [0, 1], 0, "number of bins 0"),
    ],
)
def test_calibrations_that_are_none(p: Any, y: Any, bins: int, message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        metrics.calibration(p, y, bins=bins)


def test_separated_outcomes_have_no_regression() -> None:
    for y in ([0, 0, 1, 1], [1, 1, 1, 1]):
        with pytest.raises(FitError, match="separated") as caught:
            metrics.calibration([0.1, 0.2, 0.7, 0.8], y)
        assert caught.value.code == "no_maximum"


def test_closing_line_value_of_matrices_and_lists() -> None:
    market = np.array([[2.05, 3.5, 3.8], [1.9, 1.98, np.nan]])
    lists = [[2.05, 3.5, 3.8], [1.9, 1.98]]
    found = metrics.closing_line_value([2.2, 1.8], market, [0, 0], method="power", absent="drop")
    assert np.array_equal(
        found.each, metrics.closing_line_value([2.2, 1.8], lists, [0, 0], method="power").each
    )
    assert found.standard_error == pytest.approx(found.each.std(ddof=1) / math.sqrt(2))
    with pytest.raises(BoundsError, match="the selection of bet 1 has no closing odds"):
        metrics.closing_line_value([2.2, 1.8], market, [0, 2], absent="drop")
    with pytest.raises(BoundsError, match="selection 3 is none"):
        metrics.closing_line_value([2.2, 1.8], market, [0, 3], absent="drop")
    with pytest.raises(BoundsError, match=r"odds taken 1\.0 are not above 1"):
        metrics.closing_line_value([1.0, 1.8], market, [0, 0], absent="drop")
    with pytest.raises(BoundsError, match="do not fit"):
        metrics.closing_line_value([2.0], market, [0])
    with pytest.raises(MarginError):
        metrics.closing_line_value([2.0], [[0.9, 3.0]], [0])


def test_paired_differences() -> None:
    one, other = np.array([1.0, 2.0, 4.0, 1.0]), np.array([1.5, 2.0, 3.0, 2.0])
    found = metrics.paired_difference(one, other)
    assert found.mean == pytest.approx(-0.125)
    assert found.standard_error == pytest.approx((one - other).std(ddof=1) / 2)
    # Rows that are copies of each other carry no more than one of them.
    doubled = metrics.paired_difference(
        np.repeat(one, 3), np.repeat(other, 3), clusters=np.repeat(range(4), 3)
    )
    assert doubled == pytest.approx(found)
    with pytest.raises(BoundsError, match="are no pairs"):
        metrics.paired_difference(one, other[:2])


def test_hold_and_its_interval() -> None:
    rng = np.random.default_rng(7)
    stakes = np.full(4_000, 10.0)
    payouts = np.where(rng.random(4_000) < 0.5, 19.0, 0.0)
    found = metrics.hold_interval(stakes, payouts, seed=3)
    assert found == metrics.hold_interval(stakes, payouts, seed=3)
    assert found != metrics.hold_interval(stakes, payouts, seed=4)
    assert found.value == pytest.approx(metrics.hold(stakes, payouts))
    # The normal interval of the same mean.
    width = 2 * 1.96 * 0.95 / math.sqrt(4_000)
    assert found.high - found.low == pytest.approx(width, rel=0.1)
    assert metrics.theoretical_hold(stakes, np.full(4_000, 1.9), np.full(4_000, 0.5)) == pytest.approx(0.05)
    # Bets of one event win together: the interval is wider by the root of their number.
    events = np.repeat(np.arange(400), 10)
    together = np.where(np.repeat(rng.random(400) < 0.5, 10), 19.0, 0.0)
    alone, clustered = (metrics.hold_interval(stakes, together, events=e) for e in (None, events))
    assert (clustered.high - clustered.low) / (alone.high - alone.low) == pytest.approx(
        math.sqrt(10), rel=0.15
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "level 1.0"),
        ({"replicates": 10}, "replicates 10"),
        ({"events": [1, 2]}, "cluster names do not fit"),
    ],
)
def test_intervals_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        metrics.hold_interval([1.0], [0.0], **options)


def test_money_that_is_none() -> None:
    for stakes, payouts, message in (
        ([0.0], [0.0], "stake 0 is not above 0"),
        ([1.0], [-1.0], "payout -1 is not"),
        ([1.0, 1.0], [1.0], "do not fit"),
        ([], [], "do not fit"),
    ):
        with pytest.raises(BoundsError, match=message):
            metrics.hold(stakes, payouts)


def test_they_show_themselves() -> None:
    found = metrics.scores(FORECASTS, OUTCOMES)
    assert repr(found) == "<Scores of 3 forecasts: log loss 0.9668, RPS 0.1742, Brier (sum) 0.6069>"
    assert "accuracy" in found._repr_html_()
    calibration = metrics.calibration(FORECASTS, OUTCOMES, bins=5)
    assert calibration._repr_html_().count("<tr>") == 1 + int((calibration.count > 0).sum())
    assert repr(metrics.closing_line_value([2.2], [[2.0, 2.0]], [0])).startswith(
        "<ClosingLineValue of 1 bets"
    )


def test_one_event_has_no_interval() -> None:
    """Bets of one fixture alone gave an interval of no width, "95 %"."""
    found = metrics.hold_interval([1, 1, 2], [0, 2, 1], events=[7, 7, 7])
    assert found.value == 0.25
    assert math.isnan(found.low)
    assert math.isnan(found.high)
