"""Bet facts and bookmakers' scenarios of the reference data, and that their runner refuses what it does not
know."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUNNER = Path(__file__).resolve().parents[1] / "golden" / "settlement_facts.py"


def run(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fact(**changed: Any) -> dict[str, Any]:
    selection = {"odds": "100/30", "place_fraction": "1/4", "position": 1}
    return {
        "id": "own1",
        "group": "multiples",
        "bet_type": "double",
        "unit_stake": 3.0,
        "each_way": False,
        "selections": [selection, selection],
        "expected": {"total_stake": 3.0, "returns": 56.33, "profit": 53.33},
        **changed,
    }


def written(folder: Path, document: Any) -> Path:
    path = folder / "facts.json"
    path.write_text(json.dumps(document))
    return path


def test_facts_of_ones_own_pass_and_wrong_numbers_fail(tmp_path: Path) -> None:
    right = run(written(tmp_path, {"about": "", "facts": [fact()]}))
    assert (right.returncode, right.stdout) == (0, "1 passed, 0 failed\n")
    wrong = fact(expected={"total_stake": 3.0, "returns": 56.34, "profit": 53.33})
    failed = run(written(tmp_path, {"facts": [fact(), wrong]}))
    assert failed.returncode == 1
    assert failed.stdout.splitlines() == [
        "own1: /returns: 56.333333333333336 is not 56.34 within 0.005",
        "1 passed, 1 failed",
    ]


# A field that a runner skips is a test of something else: an each-way bet would be paid as a win bet.
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"boost": 2}, "field boost is not mapped"),
        ({"group": "darts"}, "NotMappedError: group 'darts' is no kind of fact"),
        ({"expected": {"tax": 1.0}}, "/tax: nothing computes it"),
        ({"bet_type": "octopus"}, 'BoundsError: bet "octopus" is none of settle.BETS'),
        ({"unit_stake": 0.001}, "NotMappedError: amount 0.001 is no whole number of cents"),
    ],
)
def test_what_is_not_mapped_fails_by_its_name(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    failed = run(written(tmp_path, {"facts": [fact(**changed)]}))
    assert failed.returncode == 1
    assert f"own1: {message}" in failed.stdout.splitlines()


def scenario(*actions: dict[str, Any], file: str = "redbook/Own.feature") -> dict[str, Any]:
    opening = [
        {"a": "opening_balance", "balance": 50.0},
        {"a": "create_event", "runners": ["Ash", "Birch", "Cedar"], "prices": [3.0, 4.0, 2.8]},
        {"a": "market", "Bets Allowed Place": "PLACE Fraction", "Place Fraction": "1/4", "No of Places": "2"},
    ]
    return {"id": "s1", "file": file, "actions": [*opening, *actions]}


def test_scenarios_are_played_by_the_rules_of_their_house(tmp_path: Path) -> None:
    bets = [
        {"a": "bet", "type": "Eachway", "runner": "Ash", "stake": 2.0},
        {"a": "expect_cost", "amount": 4.0},
        {"a": "scratch", "positions": [3]},
        {"a": "expect_deductions", "rows": [{"runner": "3 Cedar", "win_pct": 30, "place_pct": 30}]},
        {"a": "result", "positions": [{"pos": 1, "runner": "Ash"}, {"pos": 2, "runner": "Birch"}]},
    ]
    # 2 x (1 + 2 x 0.7) + 2 x (1 + 0.5 x 0.7), or of the whole return: 2 x 3 x 0.7 + 2 x 1.5 x 0.7.
    for file, paid in (("redbook/Own.feature", 7.5), ("luxbet/Own.feature", 6.3)):
        case = scenario(*bets, {"a": "expect_increase", "amount": paid}, file=file)
        right = run(written(tmp_path, {"scenarios": [case]}))
        assert right.stdout == "1 passed, 0 failed\n"
    wrong = scenario(*bets, {"a": "expect_increase", "amount": 8.0})
    assert run(written(tmp_path, {"scenarios": [wrong]})).stdout.startswith("s1: increase: 7.50 is not 8.0")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"a": "dance"}, "NotMappedError: action 'dance'"),
        (
            {"a": "bet", "type": "Win", "runner": "Elm", "stake": 2.0},
            "NotMappedError: runner 'Elm' is in 0 races",
        ),
        (
            {"a": "bet", "type": "Win", "runner": "Ash", "stake": 2.0, "boost": 2},
            "field actions[3].boost is not mapped",
        ),
    ],
)
def test_actions_that_are_not_mapped_fail(tmp_path: Path, action: dict[str, Any], message: str) -> None:
    failed = run(written(tmp_path, {"scenarios": [scenario(action)]}))
    assert (failed.returncode, failed.stdout.splitlines()[0]) == (1, f"s1: {message}")


def test_a_house_without_a_profile_fails(tmp_path: Path) -> None:
    failed = run(written(tmp_path, {"scenarios": [scenario(file="nobody/Own.feature")]}))
    assert "house 'nobody' has no profile" in failed.stdout


def test_reference_data_passes() -> None:
    folder = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not folder:
        pytest.skip(
            "SKIPPED: ODDSENGINE_REFERENCE_DATA names no folder, so bet facts and scenarios were not run"
        )
    files = [Path(folder) / "settlement" / name for name in ("bet_facts.json", "bookmaker_scenarios.json")]
    passed = run(*files)
    assert passed.returncode == 0, passed.stdout
    counts = [len(next(v for k, v in json.loads(f.read_text()).items() if k != "about")) for f in files]
    assert passed.stdout == f"{sum(counts)} passed, 0 failed\n"
