"""Every script in examples runs to its end; what must hold is asserted inside."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if re.search(r"\b(joint_model|intensity_model|grade_function)\b", path.read_text(encoding="utf-8")):
        pytest.importorskip("numba", reason=f"{path.name} needs numba")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [path.name])
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_examples() -> None:
    assert EXAMPLES
