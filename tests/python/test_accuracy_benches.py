"""The accuracy benches run on a slice of the reference data and reach what they claim on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).resolve().parents[2] / "benches" / "accuracy"


def reference(folder: str) -> Path:
    data = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if data is None:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: the benches on real matches do not run")
    return Path(data) / folder


def output_of(script: str, *arguments: object) -> str:
    command = [sys.executable, str(BENCHES / script), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_score_models_beat_dixon_coles_on_the_asian_handicap() -> None:
    folder = reference("football_data_co_uk")
    files = [folder / f"{name}.csv.gz" for name in ("E0_2021-22", "E0_2023-24", "I1_2021-22", "I1_2023-24")]
    lines = output_of("score_models.py", *files).splitlines()
    for name, limit in (("conway-maxwell", 0.9), ("bivariate poisson", 0.9), ("weibull and frank", 0.95)):
        line = next(line for line in lines if line.startswith(name))
        ratios = [float(ratio) for ratio in re.findall(r" (\d\.\d{3})(?= )", line)][:3]
        assert len(ratios) == 3, line
        assert max(ratios) < limit, line
    assert " 0 " in lines[-1] or lines[-1].startswith("0.0 to 1.0")


def test_derived_markets_are_compared() -> None:
    path = reference("football_derived_markets") / "E0_2023-24.csv.gz"
    lines = output_of("derived_markets.py", path, "--matches", 60).splitlines()
    errors = {line[:18].strip(): float(line[18:].split()[1]) for line in lines[3:]}
    assert set(errors) >= {"total 1.5", "both score", "first half 1X2", "second half 0.5", "home win to nil"}
    assert all(0.0 < error < 0.05 for error in errors.values()), errors


def test_matches_replayed_through_the_live_model_break_no_rule() -> None:
    folder = reference("football_events")
    output = output_of(
        "football_inplay.py",
        folder / "international_results_even_years.csv.gz",
        folder / "international_goals_even_years.csv.gz",
        folder / "statsbomb_15946.csv.gz",
        *("--matches", 40, "--every", 5),
    )
    assert " 0 violations" in output, output
    losses = {
        line[:10].strip(): float(line[10:].split()[1])
        for line in output.splitlines()
        if "%" not in line and line[:10].strip() in ("kick-off", "half-time", "76-89")
    }
    assert losses["kick-off"] > losses["half-time"] > losses["76-89"] > 0.0
