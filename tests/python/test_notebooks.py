"""Every notebook in examples/notebooks runs from top to bottom, and is kept without outputs."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "examples" / "notebooks").glob("*.ipynb"))
# Extras that a notebook may need beyond the package itself; without them it is skipped, and says so.
EXTRAS = ("numba", "polars", "matplotlib", "IPython")
NAMES = [path.stem for path in NOTEBOOKS]


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] == "code":
            yield number, "".join(cell["source"])


def needed(path: Path) -> list[str]:
    """The extras that the notebook imports, itself or through `oddsengine.models` and its kin."""
    text = "\n".join(source for _, source in code_cells(read(path)))
    found = [extra for extra in EXTRAS if re.search(rf"^\s*(import|from) {extra}\b", text, re.MULTILINE)]
    uses_numba = re.search(r"\b(joint_model|intensity_model|grade_function)\b", text)
    return [*found, "numba"] if uses_numba and "numba" not in found else found


def run_cell(source: str, namespace: dict[str, Any], name: str) -> object:
    """Runs a cell; the value of its last expression, as a notebook would show it."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)  # type: ignore[attr-defined]


def shown(value: object) -> str:
    """What a notebook displays: HTML where there is some."""
    html = getattr(value, "_repr_html_", None)
    text = html() if callable(html) else repr(value)
    assert isinstance(text, str)
    return text


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for extra in needed(path):
        pytest.importorskip(extra, reason=f"{path.name} needs {extra}")
    if "matplotlib" in needed(path):
        importlib.import_module("matplotlib").use("Agg")
    # What a notebook writes does not land in the repository.
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__", "display": shown}
    for number, source in code_cells(read(path)):
        try:
            value = run_cell(source, namespace, f"{path.name}[{number}]")
            if value is not None:
                shown(value)
        except Exception as error:
            error.add_note(f"in cell {number} of {path.name}:\n{source}")
            raise


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = read(path)
    assert notebook["nbformat"] == 4
    for number, cell in enumerate(notebook["cells"], start=1):
        assert cell["cell_type"] in ("code", "markdown"), number
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], f"cell {number}: clear the outputs before you commit"
            assert cell["execution_count"] is None, f"cell {number}"


def test_a_cell_that_fails_is_noticed() -> None:
    namespace: dict[str, Any] = {}
    assert run_cell("x = 1\nx + 1", namespace, "test") == 2
    with pytest.raises(ZeroDivisionError):
        run_cell("x / 0", namespace, "test")
