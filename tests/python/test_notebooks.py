"""Every notebook in examples/notebooks shows what it would show if it were run today.

What broke: notebooks were kept without outputs, so nobody saw a table or a picture before a build, and the
prose of the tennis notebook said that points are won by the server's level while its code tossed a coin.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
# What a notebook may need beyond the package itself; without it the notebook is skipped, and says so.
EXTRAS = ("numba", "polars", "matplotlib")
# Every picture that the notebooks promise, by a word of the code that draws it.
PICTURES = {
    "a price in play": "plot.prices",
    "exposure by score": "plot.exposure",
    "a race card": "plot.race_card",
    "cumulative closing-line value": "plot.closing_line_value",
    "calibration": "plot.calibration",
}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "scripts" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["notebooks"] = module
    spec.loader.exec_module(module)
    return module


RUNNER = load()


def sources(notebook: dict[str, Any]) -> str:
    return "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")


def needed(path: Path) -> list[str]:
    """The extras that the notebook imports, itself or through `oddsengine.models` and its kin."""
    text = sources(RUNNER.read(path))
    found = [extra for extra in EXTRAS if re.search(rf"^\s*(import|from) {extra}\b", text, re.MULTILINE)]
    uses_numba = re.search(r"\b(joint_model|intensity_model|grade_function)\b", text)
    return [*found, "numba"] if uses_numba and "numba" not in found else found


def output(kind: str, value: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {kind: value}}


def picture(shade: float, width: int = 20) -> str:
    np, image = pytest.importorskip("numpy"), pytest.importorskip("matplotlib.image")
    written = io.BytesIO()
    image.imsave(written, np.full((10, width, 3), shade), format="png")
    return base64.b64encode(written.getvalue()).decode()


def test_there_are_notebooks() -> None:
    assert {
        "margin",
        "football_fit_to_board",
        "football_in_play",
        "tennis_in_play",
        "racing",
        "own_model",
    } <= {*NAMES}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_shows_what_it_would_show_today(path: Path) -> None:
    pytest.importorskip("IPython", reason="notebooks run in IPython: pip install ipython")
    for extra in needed(path):
        pytest.importorskip(extra, reason=f"{path.name} needs {extra}")
    stored = RUNNER.read(path)
    changed = RUNNER.differences(stored, RUNNER.run(path))
    assert not changed, "\n".join([*changed, "if this is right now: scripts/notebooks.py"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_kept_with_its_outputs(path: Path) -> None:
    notebook = RUNNER.read(path)
    assert notebook["nbformat"] == 4
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell["outputs"]) for cell in code) >= len(code) / 2
    stored = path.read_text(encoding="utf-8")
    # A board is shown whole, folded: a hundred kilobytes.
    assert path.stat().st_size < 600_000
    # Neither a path of the machine it was run on, nor an address in memory.
    assert not re.search(r"/(home|root|work|tmp)/|0x[0-9a-f]{8}", stored)
    assert not any(output["output_type"] == "error" for cell in code for output in cell["outputs"])
    assert not any(output.get("name") == "stderr" for cell in code for output in cell["outputs"])


@pytest.mark.parametrize("what", PICTURES)
def test_every_picture_is_there(what: str) -> None:
    drawn = [
        cell
        for path in NOTEBOOKS
        for cell in RUNNER.read(path)["cells"]
        if cell["cell_type"] == "code" and PICTURES[what] in "".join(cell["source"])
    ]
    assert any("image/png" in output.get("data", {}) for cell in drawn for output in cell["outputs"])


def test_points_of_the_tennis_notebook_are_won_by_the_servers_level() -> None:
    text = sources(RUNNER.read(ROOT / "examples" / "notebooks" / "tennis_in_play.ipynb"))
    assert "random.random() < served_by" in text


@pytest.mark.parametrize(
    ("stored", "comes_out", "is_same"),
    [
        ("won 1.2345678 of 3", "won 1.2345679 of 3", True),
        ("won 1.2345 of 3", "won 1.2346 of 3", False),
        ("won 1.5 of 3", "lost 1.5 of 3", False),
        ("1,000.00", "1,000.00", True),
        ("1,000.00", "1,001.00", False),
        ("-0.25", "0.25", False),
        ("nan", "0.0", False),
    ],
)
def test_numbers_may_differ_by_a_digit_and_words_not_at_all(
    stored: str, comes_out: str, is_same: bool
) -> None:
    reason = RUNNER.difference(output("text/plain", stored), output("text/plain", comes_out))
    assert (reason is None) == is_same


def test_another_picture_is_noticed() -> None:
    shade = picture(0.5)
    assert RUNNER.difference(output("image/png", shade), output("image/png", picture(0.504))) is None
    assert "differ by" in RUNNER.difference(output("image/png", shade), output("image/png", picture(0.6)))
    assert "(10, 30," in RUNNER.difference(output("image/png", shade), output("image/png", picture(0.5, 30)))


def test_a_missing_output_and_a_cell_that_fails_are_noticed(tmp_path: Path) -> None:
    def cell(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
        return {"cell_type": "code", "source": [source], "outputs": list(outputs), "execution_count": 1}

    stored = {"cells": [cell("1 + 1", output("text/plain", "2"))]}
    assert RUNNER.differences(stored, {"cells": [cell("1 + 1")]}) == ["cell 1: 1 outputs stored, 0 come out"]
    pytest.importorskip("IPython", reason="notebooks run in IPython: pip install ipython")
    path = tmp_path / "fails.ipynb"
    path.write_text(
        '{"cells": [{"cell_type": "code", "source": ["1 / 0"], "outputs": []}]}', encoding="utf-8"
    )
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        RUNNER.run(path)
    path.write_text('{"cells": [{"cell_type": "code", "source": ["x = 2;\\n", "x + 1"], "outputs": []}]}')
    (ran,) = RUNNER.run(path)["cells"]
    assert ran["outputs"][0]["data"] == {"text/plain": ["3"]}
