"""The page and the notebook of the workbench run as they stand, and what they show can be shown."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "workbench.md"
NOTEBOOKS = [ROOT / "examples" / "notebooks" / "football_fit_to_board.ipynb"]


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "workbench"}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 9
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    out = capsys.readouterr().out
    assert "<GoalFit dixon_coles: 20 teams, 760 matches" in out
    assert "<Backtest of 380 matches in 38 fits" in out
    # The closing odds know the true model: nobody beats them, and they are not beaten by much.
    assert 0.0 < names["walk"].compare(names["market"])["difference"][0] < 0.05


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    names: dict[str, Any] = {"__name__": path.stem}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "outputs are not kept in the repository"
            shown.append(run_cell("".join(cell["source"]), names))
    tables = [value._repr_html_() for value in shown if hasattr(value, "_repr_html_")]
    assert len(tables) >= 6
    assert all("<table>" in table for table in tables)


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Runs a cell as a notebook does: the value of a last expression is what is shown."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    shown = None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return None if source.rstrip().endswith(";") else shown


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text())
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]
