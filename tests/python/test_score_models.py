"""Score models: exact calibration whatever the family, what each does to prices; the match in play."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddsengine import football
from oddsengine.exceptions import BoundsError, FootballError
from oddsengine.football import DixonColes, LiveMatch, ScoreModel

FAMILIES: tuple[football.ScoreFamily, ...] = (
    "poisson",
    "conway_maxwell",
    "bivariate_poisson",
    "weibull_frank",
)
# Prices as books have them: made by Dixon-Coles with the rho of closing prices.
homes, aways, rhos = st.floats(0.5, 2.8), st.floats(0.5, 2.2), st.floats(-0.13, -0.02)


@settings(max_examples=40)
@given(home=homes, away=aways, rho=rhos, line=st.sampled_from([1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5]))
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_the_prices_it_was_calibrated_to(
    family: football.ScoreFamily, home: float, away: float, rho: float, line: float
) -> None:
    source = football.markets(DixonColes(home, away, rho))
    over = source["total"][line].fair_probability
    model = ScoreModel(family)
    scores = model.calibrate(
        source["home"], source["draw"], 1 - source["home"] - source["draw"], over, line=line
    )
    grid = model.grid(scores)
    found = football.markets(grid)
    assert found["home"] == pytest.approx(source["home"], abs=1e-9)
    assert found["draw"] == pytest.approx(source["draw"], abs=1e-9)
    assert found["total"][line].fair_probability == pytest.approx(over, abs=1e-9)
    assert grid.min() >= 0.0
    assert grid.sum() == pytest.approx(1.0, abs=1e-8)


def test_poisson_with_a_shift_is_dixon_coles() -> None:
    prices = (0.4612, 0.2701, 0.2687, 0.5134)
    dixon_coles, scores = football.calibrate(*prices), ScoreModel("poisson").calibrate(*prices)
    assert scores[:2] == pytest.approx((dixon_coles.lambda_home, dixon_coles.lambda_away), abs=1e-12)
    size = len(ScoreModel("poisson").grid(scores))
    difference = ScoreModel("poisson").grid(scores) - dixon_coles.grid(size=size)
    assert np.abs(difference).max() < 1e-12


def test_a_narrow_family_makes_large_margins_rarer() -> None:
    """The finding behind the fitted constants: the same three prices, fewer routs."""
    prices = (0.66, 0.21, 0.13, 0.58)
    routs = {}
    for family in FAMILIES:
        model = ScoreModel(family)
        routs[family] = football.markets(model.grid(model.calibrate(*prices)))["home_wins_by_at_least"][3]
    assert all(routs[family] < routs["poisson"] for family in FAMILIES[1:])


def test_batches_agree_with_single_calls() -> None:
    odds_1x2 = np.array([[1.42, 4.8, 7.5], [2.6, 3.3, 2.8], [9.0, 5.5, 1.33]])
    odds_total = np.array([[1.72, 2.2], [1.95, 1.93], [1.6, 2.45]])
    lines = np.array([-1.25, 0.0, 1.5])
    for family in FAMILIES:
        model = ScoreModel(family)
        expectations = model.calibrate_from_odds_batch(odds_1x2, odds_total)
        win, lose = model.line_batch(expectations, "handicap", lines)
        for row in range(3):
            alone = model.calibrate_from_odds(odds_1x2[row].tolist(), odds_total[row].tolist())
            assert tuple(float(column[row]) for column in expectations) == alone.scores
            shares = football.asian_handicap(model.grid(alone.scores), float(lines[row]))
            assert (win[row], lose[row]) == (shares.win, shares.lose)
            again = model.calibrate_batch(alone.home, alone.draw, alone.away, [alone.over])
            assert again.rate_home[0] == pytest.approx(alone.scores.rate_home, abs=1e-12)
    without = model.calibrate_from_odds([1.42, 4.8, 7.5], [1.72, 2.2], odds_ratio_share=0.0)
    assert without.home == pytest.approx(1 / 1.42 / (1 / 1.42 + 1 / 4.8 + 1 / 7.5), abs=1e-12)


def test_parameters_are_read_back() -> None:
    model = ScoreModel("weibull_frank", shape=1.1)
    assert model.parameters["shape"] == 1.1
    assert model.parameters["kappa"] == ScoreModel("weibull_frank").parameters["kappa"]
    assert repr(ScoreModel("poisson")) == 'ScoreModel("poisson")'


@pytest.mark.parametrize(
    ("family", "parameters", "error", "text"),
    [
        ("skellam", {}, BoundsError, 'score model "skellam" is none of poisson'),
        ("poisson", {"shape": 1.0}, BoundsError, 'has no parameter "shape", its parameters: none'),
        ("conway_maxwell", {"dispersion": 0.1}, FootballError, "dispersion 0.1 is outside 0.4..=3"),
        ("bivariate_poisson", {"common": float("nan")}, FootballError, "common mean NaN is outside 0..=2"),
    ],
)
def test_impossible_models_are_refused(
    family: Any, parameters: dict[str, float], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as raised:
        ScoreModel(family, **parameters)
    assert text in str(raised.value)


def test_impossible_matches_are_refused() -> None:
    with pytest.raises(FootballError, match=r"shift 0\.3 is outside"):
        ScoreModel("poisson").grid((1.4, 1.1, 0.3))
    model = ScoreModel("conway_maxwell")
    with pytest.raises(FootballError, match="dispersion with its links"):
        model.grid((1.4, 1.1, 0.3))
    with pytest.raises(FootballError, match="rate"):
        model.grid((-1.0, 1.1, 0.0))
    with pytest.raises(FootballError):
        model.calibrate(0.05, 0.9, 0.05, 0.5)
    columns = model.calibrate_batch([0.46, 0.05], [0.27, 0.9], [0.27, 0.05], 0.51, errors="nan")
    assert np.isnan(columns.shift).tolist() == [False, True]
    with pytest.raises(FootballError, match="match 1"):
        model.calibrate_batch([0.46, 0.05], [0.27, 0.9], [0.27, 0.05], 0.51)


def test_a_match_in_play_begins_at_its_board_and_ends_at_its_result() -> None:
    model = DixonColes(1.62, 1.08, -0.08)
    match = LiveMatch(model)
    assert np.array_equal(match.board().fair, football.board(1.62, 1.08, -0.08).fair)
    match.apply("kick_off", 0)
    match.apply("goal", 700, "away")
    assert match.board()["1x2/away"].fair > football.board(1.62, 1.08, -0.08)["1x2/away"].fair
    match.apply("half_time", 2_800)
    match.apply("second_half", 2_700)
    match.apply("clock", 5_300)
    late = match.board()["1x2/away"].fair
    assert late > 0.8
    match.apply("full_time", 5_700)
    final = match.board()
    assert (match.score, match.period) == ((0, 1), "full_time")
    assert final["1x2/away"].fair == 1.0
    assert final["correct_score/0-1"].fair == 1.0
    assert final["total:0.5/over"].fair == 1.0
    assert not np.isfinite(final["1x2/away"].odds)


def test_settings_of_a_match_in_play_matter() -> None:
    def price(**settings: Any) -> float:
        match = LiveMatch(DixonColes(1.62, 1.08, -0.08), **settings)
        match.apply("kick_off", 0)
        match.apply("goal", 700, "home")
        return match.board()["1x2/home"].fair

    assert price(lead_multipliers=(1.0, 1.0, 1.0)) > price()
    assert price(first_half_share=0.6) != price()


def test_incidents_that_cannot_be_are_refused() -> None:
    match = LiveMatch(DixonColes(1.62, 1.08))
    with pytest.raises(BoundsError, match="second_half cannot happen in pre_match"):
        match.apply("second_half", 0)
    with pytest.raises(BoundsError, match='side "both" is none of home, away'):
        match.apply("goal", 0, "both")  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match='incident "goal" is none of'):
        match.apply("goal", 0)
    with pytest.raises(BoundsError, match="first_half_share_e3 1500 is outside"):
        LiveMatch(DixonColes(1.62, 1.08), first_half_share=1.5)
