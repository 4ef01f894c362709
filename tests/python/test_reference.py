"""Reference data outside the repository, if it is there; see `tests/golden/reference.py`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).resolve().parents[1] / "golden" / "reference.py"


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_reference", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = load_runner()


@pytest.mark.parametrize("name", reference.CHECKS)
def test_reference_data_reproduces(name: str) -> None:
    data = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not data:
        pytest.skip(f"ODDSENGINE_REFERENCE_DATA is not set: {name} is not checked")
    outcomes = reference.run_file(Path(data), name)
    assert outcomes
    assert {outcome.id: outcome.failures for outcome in outcomes if outcome.failures} == {}


def test_a_file_that_is_not_there_fails_and_so_does_a_wrong_fact(tmp_path: Path) -> None:
    command = [sys.executable, RUNNER, tmp_path]
    absent = subprocess.run(command, capture_output=True, text=True, check=False)
    assert absent.returncode == 1
    assert absent.stdout.splitlines()[-1] == f"0 passed, {len(reference.CHECKS)} failed"
    facts = {"valid": [{"fractional": "6/4", "decimal": 2.4}], "invalid_inputs": ["2/1", "x"]}
    outcomes = list(reference.odds_conversion(facts))
    assert [bool(outcome.failures) for outcome in outcomes] == [True, True, False]
