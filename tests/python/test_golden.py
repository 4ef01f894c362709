"""The golden cases that must pass, and the runner that counts them."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"

# Functions that must pass, with the number of their cases, so that none is lost.
REQUIRED = {
    "cashout.accumulator": 1,
    "cashout.partial": 1,
    "cashout.price_ratio": 1,
    "cashout.single": 1,
    "cashout.system": 1,
    "counts.negbin_over": 1,
    "football.1x2": 1,
    "football.calibrate": 3,
    "football.calibrate_asian": 1,
    "football.calibrate_from_odds": 1,
    "football.ht_ft": 1,
    "football.inplay": 1,
    "football.inplay_markov": 1,
    "football.markets": 4,
    "football.weibull_count_pmf": 2,
    "ladder.betfair": 11,
    "ladder.betfair_step": 1,
    "ladder.fractional": 4,
    "ladder.snap_min_margin": 2,
    "bettor.clv_posterior": 1,
    "kelly.exclusive": 1,
    "risk.kelly_implied": 1,
    "margin.apply": 27,
    "margin.remove": 51,
    "metrics.calibration": 1,
    "metrics.clv": 1,
    "metrics.scores": 1,
    "racing.each_way_ev": 1,
    "racing.henery": 1,
    "racing.order": 2,
    "racing.withdraw": 1,
    "odds.decimal_to_american": 5,
    "risk.book": 1,
    "risk.max_stake": 1,
    "settle.dead_heat": 1,
    "settle.each_way": 2,
    "settle.each_way_system": 1,
    "settle.lines": 1,
    "settle.lucky_bonus": 2,
    "settle.rule4": 1,
    "settle.rule4_deduction": 1,
    "settle.system": 13,
    "sgm.gaussian_copula": 1,
    "sgm.halves": 1,
    "sgm.price": 1,
    "sgm.scorers": 1,
    "tennis.calibrate": 1,
    "tennis.game": 3,
    "tennis.match": 4,
    "tennis.set": 2,
}


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_run", GOLDEN / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_runner()
OUTCOMES = run.run_folder(GOLDEN)


@pytest.mark.parametrize("function", REQUIRED)
def test_cases_pass(function: str) -> None:
    outcomes = [outcome for outcome in OUTCOMES if outcome.function == function]
    assert len(outcomes) == REQUIRED[function]
    assert {outcome.id: outcome.failures for outcome in outcomes if outcome.failures} == {}


@pytest.mark.parametrize(
    ("legs", "unit_stake", "expected"),
    [
        ([["2.5", "win"], ["1.8", "win"]], 1, 4.5),
        ([["2.5", "win"], ["4", "void"], ["1.8", "half_win"]], 2, 7.0),
        ([["2.5", "win"], ["3.4", "half_lose"], ["1.95", "win"], ["2.2", "half_win"]], 1, 3.9),
        ([["2.5", "win"], ["3", "lose"]], 1, 0.0),
    ],
)
def test_a_system_of_one_line_is_an_accumulator(
    legs: list[list[str]], unit_stake: int, expected: float
) -> None:
    inputs = {"system": f"{len(legs)}/{len(legs)}", "legs_odds_result": legs, "unit_stake": unit_stake}
    case = {
        "id": "accumulator",
        "function": "settle.system",
        "inputs": inputs,
        "expected": {"lines": 1, "total_stake": unit_stake, "return": expected},
        "tolerance": {"abs": 1e-9},
    }
    assert run.run_case(case, {}).failures == []


def test_what_is_not_there_counts_as_failed() -> None:
    unknown = {"id": "x", "function": "chess.match", "inputs": {}, "expected": {}}
    assert run.run_case(unknown, {}).failures == ["unknown function chess.match"]
    absent = [outcome for outcome in OUTCOMES if outcome.function in run.ABSENT]
    assert all(outcome.failures for outcome in absent)


def tennis_case(**changed: Any) -> dict[str, Any]:
    cases = json.loads((GOLDEN / "tennis.json").read_text())["cases"]
    case: dict[str, Any] = next(case for case in cases if case["id"] == "tennis.inplay")
    return {**case, **changed}


def test_an_input_that_is_not_mapped_fails_its_case() -> None:
    # The runner skipped what it did not know: it took the server of a tennis match as home, and dropped the
    # sets of the away side. 147 cases passed, whatever these inputs said.
    case = tennis_case()
    assert run.run_case(case, {}).failures == []
    more = {**case, "inputs": {**case["inputs"], "surface": "clay", "first_server": "B"}}
    wanted = ["input surface is not mapped", "input first_server is not mapped"]
    assert sorted(run.run_case(more, {}).failures) == sorted(wanted)
    assert run.run_case(tennis_case(weather="rain"), {}).failures == [
        "weather is a part of a case that no runner reads"
    ]
    assert run.run_case(tennis_case(tolerance={"abs": 1e-9, "rel": 1}), {}).failures == [
        "tolerance rel is not abs"
    ]


def test_inputs_inside_inputs_are_mapped_too() -> None:
    files = [
        json.loads((GOLDEN / f"{topic}.json").read_text())["cases"]
        for topic in ("settlement", "football_inplay")
    ]
    lines = next(case for case in files[0] if case["function"] == "settle.lines")
    first, *rest = lines["inputs"]["bets"]
    inputs = {**lines["inputs"], "bets": [{**first, "void": True}, *rest]}
    assert run.run_case({**lines, "inputs": inputs}, {}).failures == ["input bets[0].void is not mapped"]
    markov = next(case for case in files[1] if case["function"] == "football.inplay_markov")
    inputs = {**markov["inputs"], "lead_mult": {**markov["inputs"]["lead_mult"], "far_ahead": 0.8}}
    assert run.run_case({**markov, "inputs": inputs}, {}).failures == [
        "input lead_mult.far_ahead is not mapped"
    ]


def test_every_input_changes_what_is_computed_or_is_refused() -> None:
    # What is taken and then ignored would be as bad: another value must give another answer or no answer.
    ignored = []
    for path in sorted(GOLDEN.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if run.run_case(case, {}).failures:
                continue
            for name, value in case["inputs"].items():
                changed = (
                    {**case, "inputs": {**case["inputs"], name: other}} for other in other_values(value)
                )
                if not any(run.run_case(other, {}).failures for other in changed):
                    ignored.append(f"{case['id']}: {name}")
    # Nobody is sent off in it.
    assert ignored == [f"football_inplay.state_dependent: {name}" for name in ("red_own", "red_opp")]


def other_values(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value * 1.1, value + 1, value - 0.05, 0.5]
    if isinstance(value, list):
        return [value[:-1], value[1:], value[::-1]]
    return ["another"] if isinstance(value, str) else [{}]


@pytest.mark.parametrize("points", [(2, 3), (0, 0), (1, 0)])
def test_a_tennis_match_seen_from_the_other_side(points: tuple[int, int]) -> None:
    # pa and pb, sets, games, points and the server change places: the other side wins with the rest.
    inputs = tennis_case()["inputs"] | {
        "games": [6, 6] if points != (2, 3) else [3, 4],
        "points": list(points),
    }
    mirrored = inputs | {name: inputs[name][::-1] for name in ("sets", "games", "points")}
    mirrored |= {"pa": inputs["pb"], "pb": inputs["pa"], "server_now": "B"}
    one, other = (run.tennis_match(run.Case(run.Inputs(given), {}, "", {})) for given in (inputs, mirrored))
    assert one["p_match"] + other["p_match"] == pytest.approx(1.0, abs=1e-12)
    remaining = "expected_games_remaining_incl_current"
    assert one[remaining] == pytest.approx(other[remaining], abs=1e-9)


def test_every_leaf_is_compared() -> None:
    expected = {"a": [1.0, {"b": "text"}], "n": 3}
    assert run.differences(expected, {"a": [1.0, {"b": "text"}], "n": 3, "more": 1}, 1e-9, "") == []
    wrong = run.differences(expected, {"a": [1.1, {}], "n": 4}, 1e-9, "")
    assert [line.partition(":")[0] for line in wrong] == ["/a/0", "/a/1/b", "/n"]
    assert run.differences({"a": 1.0}, {"a": float("nan")}, 1e-9, "")


def test_the_runner_reports_and_exits(tmp_path: Path) -> None:
    def runner(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, GOLDEN / "run.py", folder], capture_output=True, text=True, check=False
        )

    cases = json.loads((GOLDEN / "ladders.json").read_text())["cases"]
    good = [case for case in cases if case["function"] == "ladder.betfair"]
    (tmp_path / "ladders.json").write_text(json.dumps({"cases": good}))
    passed = runner(tmp_path)
    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (0, "11 passed, 0 failed")

    (tmp_path / "more.json").write_text(json.dumps({"cases": [{**good[0], "expected": {"down": 7.0}}]}))
    failed = runner(tmp_path)
    assert (failed.returncode, failed.stdout.splitlines()[-1]) == (1, "11 passed, 1 failed")
    assert re.search(r"^ladders\.betfair\.\S+: /down: 1\.01 is not 7\.0", failed.stdout, re.MULTILINE)
    assert runner(tmp_path / "absent").returncode == 2


def test_the_market_rows_reproduce() -> None:
    data = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not data:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: the football market rows are not checked")
    path = Path(data) / "golden" / "football_market_rows.json"
    outcomes = run.run_file(path)
    assert len(outcomes) == 41
    assert {outcome.id: outcome.failures for outcome in outcomes if outcome.failures} == {}
    summary = json.loads(path.read_text())["cases"][-1]["expected"]
    assert summary["mean_absolute_error"] == pytest.approx(0.0040970983268822, abs=1e-15)
