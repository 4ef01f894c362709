"""The README's Python runs as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    out = capsys.readouterr().out
    assert "accepted" in out
    # Away scored first: decided at the goal, and told as such.
    assert "settled" in out


def test_the_readme_has_its_example() -> None:
    assert len(BLOCKS) == 1
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 15


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_help_of_the_demo_needs_no_build(tmp_path: Path) -> None:
    """Broke: `make demo DEMO_ARGS="--help"` built for minutes before it said anything."""
    environment = os.environ | {"COLUMNS": "80", "DEMO_ARGS": "", "MAKEFLAGS": ""}
    command = ["make", "-C", str(ROOT), "demo", f"VENV={tmp_path / 'none'}", "DEMO_ARGS=--help"]
    command.append(f"PYTHON={sys.executable} -I -S")
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    built = [sys.executable, "-m", "oddsengine.cli", "demo", "--help"]
    told = subprocess.run(built, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert told.stdout.startswith("usage: oddsengine demo")
    assert told.stdout in asked.stdout
    assert not (tmp_path / "none").exists()
