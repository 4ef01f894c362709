"""The page of the workbench runs as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "workbench.md"


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


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text())
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]
