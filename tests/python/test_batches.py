"""Batches do not die for one row, with the same two words everywhere, and what is told of each row has the
names of the rows.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from oddsengine import fit, kelly, metrics, settle
from oddsengine.exceptions import BoundsError, OddsEngineError
from public_calls import CALLS
from test_arrays import public_callables

BETS = pd.DataFrame(
    {
        "selection": ["handicap:-0.75/home", "total:2.5/over", "1x2/hom", "1x2/draw", None, "1x2/away"],
        "odds": [1.9, 2.0, 3.0, 3.4, 2.0, np.nan],
        "home": [1, 2, 1, np.nan, 1, 0],
        "away": [0, 1, 0, 1, 1, 2],
    },
    index=list("uvwxyz"),
)
RETURNS = [1.45, 2.0, np.nan, np.nan, np.nan, np.nan]


# Settlement


def test_a_list_of_bets_does_not_die_for_one() -> None:
    # `settle.lines` had no `errors`: one selection with a spelling error, one score that is missing or one
    # price of nan among thousands of bets ended the call.
    found: Any = settle.lines(BETS["selection"], BETS["odds"], BETS[["home", "away"]], errors="nan")
    pd.testing.assert_series_equal(found, pd.Series(RETURNS, index=BETS.index, name="return"))
    for bad in range(2, len(BETS)):
        bets = BETS.iloc[[0, 1, bad]]
        with pytest.raises(OddsEngineError) as refused:
            settle.lines(bets["selection"], bets["odds"], bets[["home", "away"]])
        assert refused.value.__notes__ == ["in bet 2"]


def test_scores_of_bets_come_as_a_table() -> None:
    # A frame of goals was read by the names of its columns: "scores[0] holds text, not numbers".
    bets = BETS.iloc[:2]
    due = RETURNS[:2]
    goals = {"home": [1, 2], "away": [0, 1]}
    for scores in (
        goals,
        pd.DataFrame(goals),
        pl.DataFrame(goals),
        pa.table(goals),
        np.array([[1, 0], [2, 1]]),
    ):
        found = settle.lines(list(bets["selection"]), list(bets["odds"]), scores)
        assert list(found) == due
    columns: Any = settle.lines(pl.Series(list(bets["selection"])), 1.9, pl.DataFrame(goals))
    assert isinstance(columns, pl.Series)
    with pytest.raises(BoundsError, match="scores has 3 columns, not those of home and away"):
        settle.lines(list(bets["selection"]), 1.9, pd.DataFrame({**goals, "minute": [3, 4]}))


# Scores of forecasts

FORECASTS = pd.DataFrame(
    [[0.5, 0.27, 0.23], [0.2, np.nan, 0.55], [0.2, 0.25, 0.55], [0.4, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]],
    index=pd.Index(list("abcde"), name="match"),
)
HAPPENED = [0, 1, 2, 1, None]
EACH: list[Callable[..., Any]] = [
    metrics.log_loss,
    metrics.brier_sum,
    metrics.brier_mean,
    metrics.ranked_probability_score,
]


@pytest.mark.parametrize("score", EACH)
def test_a_score_of_each_row_has_the_index_of_the_rows(score: Callable[..., Any]) -> None:
    # A frame went in and a bare array came out, so that whoever had left rows out put scores beside the
    # wrong matches. An outcome that is not known ended the call, also with `errors="nan"`.
    good = FORECASTS.iloc[[0, 2]]
    due = score(good.to_numpy(), [0, 2])
    assert isinstance(due, np.ndarray)
    found = score(FORECASTS, HAPPENED, errors="nan")
    assert isinstance(found, pd.Series)
    assert found.index.equals(FORECASTS.index)
    np.testing.assert_array_equal(found.to_numpy(), [due[0], np.nan, due[1], np.nan, np.nan])
    outcomes = pd.Series([0, 2], index=["p", "q"])
    assert list(score(good.to_numpy(), outcomes).index) == ["p", "q"]
    assert list(score(good, outcomes).index) == ["a", "c"]
    columns = score(pl.DataFrame(good.to_numpy()), [0, 2])
    assert isinstance(columns, pl.Series)
    assert columns.to_list() == due.tolist()
    with pytest.raises(BoundsError, match="probability nan of forecast 1"):
        score(FORECASTS, [0, 1, 2, 1, 1])


def test_scores_and_calibration_leave_out_what_is_no_forecast() -> None:
    # `scores` and `calibration` had no `errors`; a season with one closing price missing had to be masked.
    found = metrics.scores(FORECASTS, HAPPENED, errors="nan")
    due = metrics.scores(FORECASTS.iloc[[0, 2]], [0, 2])
    for name in ("log_loss_nats", "brier_sum", "brier_mean", "rps", "accuracy"):
        assert getattr(found, name) == getattr(due, name)
    assert found.table == due.table
    assert len(found) == 5
    assert repr(found).endswith(", 3 rows without>")
    nothing = metrics.scores(FORECASTS.iloc[[1]], [1], errors="nan")
    assert np.isnan(nothing.rps)
    rng = np.random.default_rng(3)
    p = rng.uniform(0.1, 0.9, 200)
    y = (rng.random(200) < p).astype(float)
    whole = metrics.calibration(p, y)
    gappy = metrics.calibration(
        np.append(p, [np.nan, 0.4, 1.0]), np.append(y, [1.0, np.nan, 1.0]), errors="nan"
    )
    assert repr(gappy) == repr(whole)
    assert gappy.table == whole.table
    with pytest.raises(BoundsError, match="no row of probabilities is a forecast"):
        metrics.calibration([np.nan], [1], errors="nan")


def test_two_unknown_clusters_are_not_one() -> None:
    # `hold_interval(events=[1, nan, nan, 2])` took the two bets of unknown matches for bets of one match;
    # None and names of mixed types were errors about '<'.
    for absent in (
        np.array([1, np.nan, np.nan, 2]),
        ["a", None, None, "b"],
        pd.array(["a", pd.NA, pd.NA, "b"]),
    ):
        with pytest.raises(BoundsError, match="cluster name 1 is absent"):
            metrics.hold_interval([1.0] * 4, [0.0, 2, 0, 0], events=absent)
    mixed = metrics.hold_interval([1.0] * 4, [0.0, 2, 0, 0], events=["a", 1, 2, 2])
    assert mixed == metrics.hold_interval([1.0] * 4, [0.0, 2, 0, 0], events=[0, 1, 2, 2])


def test_stakes_and_weights_have_the_index_of_their_rows() -> None:
    # `kelly.single`, `kelly.implied_probability` and `fit.time_weights` gave bare arrays for a series.
    index = ["p", "q"]
    fair, odds = pd.Series([0.55, 0.5], index=index, name="p"), pd.Series([2.0, 2.1], index=index)
    for found in (
        kelly.single(fair, odds),
        kelly.single(0.5, odds),
        kelly.implied_probability(fair / 10, odds),
    ):
        assert isinstance(found, pd.Series)
        assert list(found.index) == index
    days = pd.Series(["2025-08-15", "2026-08-15"], index=index)
    weights: Any = fit.time_weights(days, half_life_days=365)
    pd.testing.assert_series_equal(weights, pd.Series([0.5, 1.0], index=index, name="weight"))
    assert isinstance(kelly.single(pl.Series([0.55, 0.5]), 2.0), pl.Series)
    assert isinstance(kelly.single(0.55, 2.0), float)


# The words


def with_errors() -> list[str]:
    return sorted(
        name
        for name, public in public_callables()
        if inspect.isroutine(public) and "errors" in inspect.signature(public).parameters
    )


def test_every_batch_has_the_same_two_words() -> None:
    # `settle.lines`, `metrics.scores` and `metrics.calibration` had no `errors`. A misspelt word is
    # refused by whoever takes one, and what comes is of the same type with either.
    names, tried = with_errors(), 0
    assert {"settle.lines", "metrics.scores", "metrics.calibration"} <= set(names)
    for name in names:
        calls = [call for call in CALLS if call.name == name or call.name.startswith(name + " ")]
        assert calls, f"{name} is not among the calls"
        for call in calls:
            if call.function.__name__ == "<lambda>":
                continue
            for word in ("ignore", "NaN", "coerce", ""):
                with pytest.raises(BoundsError, match=f"errors ['\"]{word}['\"] is none of raise, nan"):
                    call.run(errors=word)
            found = call.run(errors="nan")
            with contextlib.suppress(OddsEngineError):
                assert type(call.run(errors="raise")) is type(found)
            tried += 1
    assert tried >= 20
