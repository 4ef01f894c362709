"""Every task of the cookbook runs by itself and prints what the page shows.

What it protects: documentation that was right once. A name, a default or a number that changes shows here, in
the task that somebody would copy.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from oddsengine import data

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_pages.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_pages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_pages"] = module
    spec.loader.exec_module(module)
    return module


PAGES = load()
SECTIONS = [(page, part) for page in PAGES.PAGES for part in PAGES.sections(page) if "```python" in part]


@pytest.mark.parametrize(
    ("page", "section"), SECTIONS, ids=[f"{page}: {part.splitlines()[0]}" for page, part in SECTIONS]
)
def test_a_task_prints_what_the_page_shows(page: str, section: str) -> None:
    changed = PAGES.difference(section, page)
    assert not changed, f"{changed}\nif this is right now: scripts/run_pages.py"


def test_the_tasks_on_a_season_take_files_of_football_data(capsys: pytest.CaptureFixture[str]) -> None:
    """The page says that a file does as well as the simulated league; real ones have gaps."""
    folder = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not folder:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: no file of football-data.co.uk is read")
    paths = sorted((Path(folder) / "football_data_co_uk").glob("E0_*.csv.gz"))
    made = re.compile(r"data\.simulated_league\([^)]*\)")
    task = next(part for page, part in SECTIONS if part.startswith("## 1."))
    code = re.findall(r"```python\n(.*?)```", task, re.DOTALL)[0]
    assert made.search(code)
    paths = [path for path in paths if "PSCH" in data.football_data(path).table]
    assert len(paths) >= 4
    for path in paths:
        names: dict[str, object] = {}
        exec(compile(made.sub(f"data.football_data({str(path)!r})", code), "cookbook.md", "exec"), names)
        printed = capsys.readouterr().out
        assert "380 matches, mean booksum 1.0" in printed, (path.name, printed)


def test_there_are_twenty_tasks_and_each_shows_something() -> None:
    tasks = [part for page, part in SECTIONS if page == "cookbook.md"]
    assert len(tasks) >= 20
    numbers = [int(part.removeprefix("## ").split(".")[0]) for part in tasks]
    assert numbers == list(range(1, len(tasks) + 1))
    assert all("```text" in part for part in tasks)


def test_what_is_printed_otherwise_is_noticed() -> None:
    section = "## 1. A task\n\n```python\nprint(2)\n```\n\n```text\n1\n```\n"
    assert "+2" in PAGES.difference(section, "test")
    assert PAGES.difference(section.replace("\n1\n", "\n2\n"), "test") == ""
    with pytest.raises(ZeroDivisionError):
        PAGES.difference("```python\n1 / 0\n```\n", "test")


@pytest.mark.parametrize("page", ["config.md", "models/same_game.md"])
def test_examples_of_other_pages_run(page: str) -> None:
    """Those of docs/wire.md, workbench.md and models/own_models.md have tests of their own."""
    parts = [part for part in PAGES.sections(page) if "```python" in part]
    assert parts
    for part in parts:
        PAGES.as_run(part, page)
