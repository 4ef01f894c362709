"""Published fits of goal models, where the reference data are at hand."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def load() -> ModuleType:
    sys.path.insert(0, str(GOLDEN))
    spec = importlib.util.spec_from_file_location("reference_models", GOLDEN / "reference_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def models() -> Path:
    folder = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not folder:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: published fits are not compared")
    return Path(folder) / "models"


def test_published_fits_are_reproduced(models: Path) -> None:
    outcomes = load().run(models)
    assert len(outcomes) == 90
    assert {outcome.id: outcome.failures for outcome in outcomes if outcome.failures} == {}


def test_a_wrong_number_fails(models: Path, tmp_path: Path) -> None:
    (tmp_path / "football_data_co_uk").symlink_to(models.parent / "football_data_co_uk")
    (tmp_path / "models").mkdir()
    name = "goalmodel_2011-12.json"
    reference = json.loads((models / name).read_text())
    reference["poisson"]["log_likelihood"] += 0.1
    reference["dixon_coles"]["predictions"][0]["p"][1] += 0.01
    (tmp_path / "models" / name).write_text(json.dumps(reference))
    failed = [outcome.id for outcome in load().run(tmp_path / "models") if outcome.failures]
    assert failed == ["goalmodel_2011-12.poisson.fit", "goalmodel_2011-12.dixon_coles.Arsenal-Fulham"]
