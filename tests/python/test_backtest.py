"""Walk-forward backtests: nothing is seen early, nothing is skipped silently."""

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from oddsengine import Table, backtest, data, fit, metrics
from oddsengine.exceptions import BoundsError
from seasons import season

RESULTS = season(teams=8, rounds=4, seed=5)
FIRST = "2025-09-05"


def run(**options: Any) -> backtest.Backtest:
    return backtest.walk_forward(RESULTS, **{"first": FIRST, **options})


def test_each_forecast_is_that_of_a_fit_to_the_days_before() -> None:
    found = run(refit_days=5, half_life_days=40)
    assert len(found) == int((RESULTS["date"] >= np.datetime64(FIRST)).sum())
    assert found.is_forecast.all()
    for index in (0, 17, len(found) - 1):
        cut = found.fits["date"][found.table["fit"][index]]
        assert cut <= found.table["date"][index] < cut + 5
        past = Table(RESULTS).rows(RESULTS["date"] < cut)
        weights = fit.time_weights(past["date"], half_life_days=40, at=cut)
        expected = fit.dixon_coles(past, weights=weights).predict(
            found.table["home"][index], found.table["away"][index]
        )
        assert found.probabilities[index] == pytest.approx(expected.probabilities[0], abs=1e-12)
        assert found.table["lambda_home"][index] == pytest.approx(expected.lambda_home[0], abs=1e-12)
    assert found.fits["matches"][0] == int((RESULTS["date"] < np.datetime64(FIRST)).sum())


def test_no_forecast_depends_on_its_own_day_or_later() -> None:
    found = run(refit_days=1)
    changed = RESULTS | {
        "home_goals": np.where(RESULTS["date"] >= found.table["date"][9], 5, RESULTS["home_goals"])
    }
    again = backtest.walk_forward(changed, first=FIRST, refit_days=1)
    until = int((found.table["date"] <= found.table["date"][9]).sum())
    assert np.array_equal(found.probabilities[:until], again.probabilities[:until])
    assert not np.array_equal(found.probabilities, again.probabilities)


def test_the_order_of_the_input_does_not_matter_and_rows_lead_back_to_it() -> None:
    found = run()
    order = np.random.default_rng(1).permutation(len(RESULTS["date"]))
    shuffled = {name: values[order] for name, values in RESULTS.items()}
    again = backtest.walk_forward(shuffled, first=FIRST)
    for one, table in ((found, RESULTS), (again, shuffled)):
        assert np.array_equal(one.table["home"], table["home"][one.table["row"]])
        assert np.array_equal(one.table["home_goals"], table["home_goals"][one.table["row"]])
    assert again.scores.log_loss_nats == pytest.approx(found.scores.log_loss_nats, abs=1e-9)


def test_scores_and_calibration_are_those_of_the_forecasts() -> None:
    found = run()
    assert found.scores.rps == pytest.approx(metrics.scores(found.probabilities, found.table["result"]).rps)
    assert found.calibration.count.sum() == 3 * len(found)
    compared = found.compare(np.full((len(found), 3), 1 / 3), name="thirds")
    assert compared.columns == ("score", "model", "thirds", "difference", "standard_error")
    assert compared["thirds"][0] == pytest.approx(np.log(3))
    assert compared["difference"][0] == pytest.approx(compared["model"][0] - np.log(3))
    missing = np.full((len(found), 3), 1 / 3)
    missing[:10] = np.nan
    assert found.compare(missing).caption.startswith(f"{len(found) - 10} matches")
    with pytest.raises(BoundsError, match=r"are not \(\d+, 3\)"):
        found.compare(missing[1:])


def test_a_new_team_and_a_failed_fit_are_named() -> None:
    newcomer = {name: values.copy() for name, values in RESULTS.items()}
    newcomer["home"] = newcomer["home"].astype("U20")
    late = np.flatnonzero(newcomer["date"] >= np.datetime64("2025-09-20"))[0]
    newcomer["home"][late] = "promoted"
    found = backtest.walk_forward(newcomer, first=FIRST, refit_days=100, ridge=0.5)
    assert found.skipped == (backtest.Skipped(newcomer["date"][late], 1, "no match before of promoted"),)
    assert not found.is_forecast[np.flatnonzero(found.table["row"] == late)[0]]
    assert len(found.scores) == len(found) - 1

    early = backtest.walk_forward(RESULTS, first="2025-08-01", refit_days=3)
    assert early.skipped[0].reason == "no match before 2025-08-01"
    assert early.skipped[0].matches == 12
    assert any("no goal" in skipped.reason or "not connected" in skipped.reason for skipped in early.skipped)
    assert np.isnan(early.probabilities[:12]).all()
    assert (early.table["fit"][:12] == -1).all()


def test_neutral_venues_and_windows() -> None:
    assert not np.array_equal(run(neutral="cup").probabilities, run().probabilities)
    windowed = run(window_days=20)
    assert windowed.fits["matches"].max() <= 20 * 4


def test_a_model_of_your_own() -> None:
    class Shares:
        def __init__(self, past: Table) -> None:
            result = 1 - np.sign(past["home_goals"] - past["away_goals"])
            self.shares = np.bincount(result, minlength=3) / len(past)

        def predict(self, home: Any, away: Any, *, neutral: Any, errors: Any) -> "Shares":
            self.probabilities = np.tile(self.shares, (len(home), 1))
            return self

    seen: list[Table] = []

    def forecaster(past: Table, weights: Any) -> Shares:
        seen.append(past)
        assert (weights > 0).all()
        return Shares(past)

    found = run(model=forecaster, half_life_days=100)
    assert seen[0].columns == ("row", "date", "home", "away", "home_goals", "away_goals", "neutral")
    assert found.probabilities[0] == pytest.approx(Shares(seen[0]).shares)
    assert "lambda_home" not in found.table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "2040-01-01"}, "no match on or after 2040-01-01"),
        ({"first": "tomorrow"}, "'tomorrow' is no day"),
        ({"refit_days": 0}, "refit_days 0 is outside 1..=100000"),
        ({"window_days": 0}, "window_days 0 is outside 1..=100000"),
        ({"date": "home"}, r"column 'home'\[0\] 'team 00' is no day: a date, a datetime64 or an ISO text"),
        ({"date": "when"}, "no column 'when'"),
    ],
)
def test_what_cannot_be_run(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        run(**options)


def test_the_bar_shows_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run()
    assert capfd.readouterr() == ("", "")
    shown = io.StringIO()

    def terminal(**_: Any) -> Console:
        return Console(file=shown, force_terminal=True, force_interactive=True, width=80)

    monkeypatch.setattr("rich.console.Console", terminal)
    run()
    assert "walk forward" in shown.getvalue()
    assert "3/3" in shown.getvalue()
    shown.truncate(0)
    run(progress=False)
    assert shown.getvalue() == ""


def test_it_shows_itself() -> None:
    found = run()
    assert repr(found).startswith(f"<Backtest of {len(found)} matches in {len(found.fits)} fits: log loss ")
    assert "RPS" in found._repr_html_()
    assert found.fits.columns[:5] == ("date", "matches", "forecasts", "log_likelihood", "iterations")
    nothing = backtest.walk_forward(
        {name: values[:4] for name, values in RESULTS.items()}, first="2025-08-01"
    )
    assert repr(nothing) == "<Backtest without a forecast, 1 skipped>"
    assert "<table>" in nothing._repr_html_()


def test_a_match_that_the_fitted_rho_cannot_have_is_skipped() -> None:
    """`FootballError: rho -0.3233 is outside ...` ended the run; so did 4 of 17 real seasons at defaults."""
    table = data.simulated_league(teams=20, seasons=1, seed=0).table
    walk = backtest.walk_forward(table, first="2020-08-29", refit_days=7, ridge=1.0, progress=False)
    reasons = [skipped.reason for skipped in walk.skipped]
    assert any("rho -0.323" in reason for reason in reasons)
    assert 300 < int(walk.is_forecast.sum()) < len(walk)
    assert len(walk) - int(walk.is_forecast.sum()) == sum(skipped.matches for skipped in walk.skipped)


@pytest.mark.parametrize("flags", [["True", "False"], ["N", "Y"], ["0", "1"], [2, 0]])
def test_flags_that_are_none_are_refused(flags: list[object]) -> None:
    """The texts 'False', 'N' and '0' were all taken for true: every match was neutral."""
    season = {
        "date": np.datetime64("2026-08-01") + np.arange(40),
        "home": list("abcd") * 10,
        "away": list("bcda") * 10,
        "home_goals": [2, 1, 0, 1, 3] * 8,
        "away_goals": [1, 0, 2, 1] * 10,
    }
    with pytest.raises(BoundsError, match="neutral"):
        backtest.walk_forward(
            season | {"neutral": flags * 20}, first="2026-08-20", ridge=1.0, neutral="neutral", progress=False
        )


def test_whole_floats_are_goals() -> None:
    """`.scores`, `.calibration` and the repr raised."""
    season = data.simulated_league(teams=6, seed=4).table
    floats = season.with_columns({name: season[name].astype(float) for name in ("home_goals", "away_goals")})
    one, two = (
        backtest.walk_forward(table, first="2020-09-01", ridge=1.0, progress=False)
        for table in (season, floats)
    )
    assert repr(one) == repr(two)
    assert one.scores.rps == two.scores.rps
    assert one.calibration.slope == two.calibration.slope
