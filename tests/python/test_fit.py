"""Goal models fitted from Python: inputs of every kind, predictions, refusals. The likelihood itself is
tested in Rust."""

import math
import time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import Table, fit, football
from oddsengine.exceptions import BoundsError, FitError, FootballError
from seasons import season

RESULTS = season()


@pytest.mark.parametrize("model", fit.MODELS)
def test_any_table_gives_the_same_fit(model: fit.Model) -> None:
    expected = fit.goals(RESULTS, model=model, neutral="cup")
    lists = {name: values.tolist() for name, values in RESULTS.items()}
    frame = pd.DataFrame(RESULTS)
    for table in (lists, Table(RESULTS), frame, pl.DataFrame(lists), frame.to_records(index=False)):
        found = fit.goals(table, model=model, neutral="cup")
        assert found.teams == expected.teams
        assert np.array_equal(found.attack, expected.attack)
        assert found.report == expected.report


def test_columns_can_have_other_names() -> None:
    renamed = {"HomeTeam": "home", "AwayTeam": "away", "FTHG": "home_goals", "FTAG": "away_goals"}
    table = {name: RESULTS[usual] for name, usual in renamed.items()}
    found = fit.poisson(table, home="HomeTeam", away="AwayTeam", home_goals="FTHG", away_goals="FTAG")
    assert found.report == fit.poisson(RESULTS).report


def test_goals_may_be_whole_floats_but_nothing_else() -> None:
    floats = RESULTS | {"home_goals": RESULTS["home_goals"].astype(float)}
    assert fit.poisson(floats).report == fit.poisson(RESULTS).report
    for bad in (np.nan, 1.5, np.inf):
        broken = floats | {
            "home_goals": np.where(np.arange(len(floats["home"])) == 3, bad, floats["home_goals"])
        }
        with pytest.raises(BoundsError, match=rf"home goals {bad} of match 3 is no whole number"):
            fit.poisson(broken)
    with pytest.raises(BoundsError, match="are <U1, not numbers"):
        fit.poisson(RESULTS | {"home_goals": ["x"] * len(RESULTS["home"])})


def test_predictions_are_those_of_the_football_module() -> None:
    model = fit.dixon_coles(RESULTS)
    found = model.predict(["team 00", "team 03"], ["team 01", "team 02"], neutral=[False, True])
    assert len(found) == 2
    first = model.attack[0] - model.defence[1] + model.intercept + model.home_advantage
    assert found.lambda_home[0] == pytest.approx(math.exp(first), abs=1e-14)
    neutral = model.attack[3] - model.defence[2] + model.intercept
    assert found.lambda_home[1] == pytest.approx(math.exp(neutral), abs=1e-14)
    markets = football.markets(found.match(1))
    assert found.probabilities[1] == pytest.approx(
        [markets[name] for name in ("home", "draw", "away")], abs=1e-14
    )
    assert np.allclose(found.grid(1), found.match(1).grid())
    assert found.board(1)["1x2/home"].fair == pytest.approx(markets["home"], abs=1e-9)
    assert found.table.columns == (
        "home",
        "away",
        "lambda_home",
        "lambda_away",
        "p_home",
        "p_draw",
        "p_away",
    )


def test_a_negative_binomial_fit_has_its_own_grid() -> None:
    spread = RESULTS | {
        "home_goals": RESULTS["home_goals"] * (1 + 3 * (np.arange(len(RESULTS["home"])) % 7 == 0))
    }
    model = fit.negative_binomial(spread)
    assert model.overdispersion > 0.01
    found = model.predict("team 00", "team 01")
    grid = found.grid()
    goals = np.arange(len(grid))
    mean = float((grid.sum(axis=1) * goals).sum())
    variance = float((grid.sum(axis=1) * (goals - mean) ** 2).sum())
    assert mean == pytest.approx(found.lambda_home[0], abs=1e-8)
    assert variance == pytest.approx(mean + model.overdispersion * mean**2, abs=1e-6)
    result = football.markets(grid)
    assert found.probabilities[0] == pytest.approx(
        [result["home"], result["draw"], result["away"]], abs=1e-12
    )
    with pytest.raises(BoundsError, match="negative binomial fit has no Dixon-Coles model"):
        found.board()


def test_an_unknown_team_is_named_or_is_nan() -> None:
    model = fit.dixon_coles(RESULTS)
    with pytest.raises(BoundsError, match="team 'team 0' is not in the fit, did you mean 'team 0"):
        model.predict("team 01", "team 0")
    found = model.predict(["team 01", "Ajax"], ["team 02", "team 03"], errors="nan")
    assert np.isnan(found.probabilities[1]).all()
    assert not np.isnan(found.probabilities[0]).any()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"home": ["team 01"] * 112}, "same_team", "team 01 plays itself in match"),
        ({"home_goals": [-1] * 112}, "outside_range", "home goals -1 of match 0 is outside 0..=400"),
    ],
)
def test_refusals_have_a_code(change: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(FitError, match=message) as caught:
        fit.goals(RESULTS | change)
    assert caught.value.code == code


def test_a_team_without_goals_needs_a_ridge() -> None:
    scored = {
        side: np.where(RESULTS[side] == "team 00", 0, RESULTS[f"{side}_goals"]) for side in ("home", "away")
    }
    barren = RESULTS | {"home_goals": scored["home"], "away_goals": scored["away"]}
    with pytest.raises(FitError, match="team 00 scored no goal") as caught:
        fit.dixon_coles(barren)
    assert caught.value.code == "no_goal"
    assert -6.0 < fit.dixon_coles(barren, ridge=1.0).attack[0] < -1.0


def test_columns_that_do_not_fit() -> None:
    with pytest.raises(BoundsError, match="no column 'goals', but home, away"):
        fit.poisson(RESULTS, home_goals="goals")
    with pytest.raises(FitError, match="3 values of weights do not fit 112 matches"):
        fit.poisson(RESULTS, weights=[1.0, 1.0, 1.0])
    with pytest.raises(BoundsError, match="neutral holds text, not numbers"):
        fit.poisson(RESULTS, neutral=["yes"] * 112)
    with pytest.raises(BoundsError, match="match 1 has no team name"):
        fit.poisson({"home": ["a", ""], "away": ["b", "c"], "home_goals": [1, 1], "away_goals": [1, 0]})
    with pytest.raises(BoundsError, match="int is no table"):
        fit.poisson(3)
    with pytest.raises(FitError, match='goal model "weibull" is none of') as caught:
        fit.goals(RESULTS, model="weibull")  # type: ignore[arg-type]
    assert caught.value.code == "unknown_model"


def test_time_weights_halve_with_age() -> None:
    weights = fit.time_weights(RESULTS["date"], half_life_days=10, at="2025-09-10")
    assert weights[0] == pytest.approx(0.5 ** (40 / 10))
    xi = math.log(2) / 10
    assert weights == pytest.approx(
        np.exp(-xi * (np.datetime64("2025-09-10") - RESULTS["date"]).astype(float))
    )
    with pytest.raises(BoundsError, match="match 4 on 2025-08-02 is after 2025-08-01"):
        fit.time_weights(RESULTS["date"], half_life_days=10, at="2025-08-01")
    with pytest.raises(BoundsError, match="half-life of 0 days"):
        fit.time_weights(RESULTS["date"], half_life_days=0)
    with pytest.raises(BoundsError, match="'soon' is no day"):
        fit.time_weights(RESULTS["date"], half_life_days=10, at="soon")
    assert fit.time_weights([], half_life_days=1).shape == (0,)


def test_weights_by_name_and_as_an_array() -> None:
    weights = fit.time_weights(RESULTS["date"], half_life_days=20)
    found = fit.dixon_coles(RESULTS | {"w": weights}, weights="w")
    assert found.report == fit.dixon_coles(RESULTS, weights=weights).report
    assert found.report.weight == pytest.approx(weights.sum())


@given(st.integers(0, 2**32), st.sampled_from(fit.MODELS), st.floats(0.05, 20.0))
def test_any_weighted_season_has_a_fit_at_which_no_slope_is_left(
    seed: int, model: fit.Model, half_life: float
) -> None:
    results = season(teams=6, rounds=1, seed=seed)
    weights = fit.time_weights(results["date"], half_life_days=half_life * 7)
    found = fit.goals(results, model=model, weights=weights, ridge=1.0)
    assert found.report.gradient_max < 1e-6 or found.report.is_at_bound
    assert abs(found.attack.sum()) < 1e-9
    assert (found.predict(results["home"], results["away"]).probabilities > 0).all()


def test_information_criteria_count_the_free_parameters() -> None:
    for model, extra in (("poisson", 0), ("dixon_coles", 1)):
        found = fit.goals(RESULTS, model=model)  # type: ignore[arg-type]
        count = 2 * (8 - 1) + 2 + extra
        assert found.report.parameter_count == count
        assert found.aic == pytest.approx(2 * count - 2 * found.log_likelihood)
        assert found.bic == pytest.approx(count * math.log(112) - 2 * found.log_likelihood)


def test_it_shows_itself() -> None:
    found = fit.dixon_coles(RESULTS)
    assert repr(found).startswith("<GoalFit dixon_coles: 8 teams, 112 matches, log-likelihood -")
    html = found._repr_html_()
    assert "home_advantage" in html
    assert html.count("<tr>") == 9
    assert "±" in html
    plain = fit.dixon_coles(RESULTS, standard_errors=False)
    assert plain.standard_errors is None
    assert "±" not in plain._repr_html_()
    assert plain.parameters.columns == ("team", "attack", "defence")
    assert found.parameters.columns == ("team", "attack", "defence", "attack_error", "defence_error")
    assert "<table>" in found.predict("team 00", "team 01")._repr_html_()
    assert found.summary["parameter"].tolist() == ["intercept", "home_advantage", "rho"]


def test_goals_from_1x2_come_back() -> None:
    model = football.DixonColes(1.7, 0.9, -0.05)
    markets = football.markets(model)
    prices = [markets["home"], markets["draw"], markets["away"]]
    found = football.calibrate_1x2(*prices, rho=-0.05)
    assert (found.lambda_home, found.lambda_away) == pytest.approx((1.7, 0.9), abs=1e-9)
    with pytest.raises(FootballError, match="sum to") as caught:
        football.calibrate_1x2_batch([0.4, 0.4], [0.3, 0.3], [0.3, 0.2])
    assert caught.value.__notes__ == ["in match 1"]
    batch = football.calibrate_1x2_batch([0.4, 0.4], [0.3, 0.3], [0.3, 0.2], errors="nan")
    assert np.isnan(batch.lambda_home).tolist() == [False, True]


def test_a_fit_is_quick_enough_for_a_loop() -> None:
    """No timed claim, only that nobody made it a hundred times slower: benches/compare/fit.py measures."""
    results = season(teams=20, rounds=5)
    start = time.process_time()
    fit.dixon_coles(results)
    assert time.process_time() - start < 1.0
