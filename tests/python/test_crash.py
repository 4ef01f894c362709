"""Killed processes keep every promise: three rounds of each of ``tests/crash``."""

import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).resolve().parents[1] / "crash" / "run.py"
KEEPING = DRIVER.with_name("keeping.py")


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, DRIVER, "--rounds", "3", "--folder", tmp_path / "crash"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "3 rounds" in played.stdout


def test_what_is_archived_recalled_and_sealed_survives_kills(tmp_path: Path) -> None:
    """Compactions were cut short by a counter of steps within one process, and nothing that archives was ever
    killed: here both are processes of their own that die at random moments.
    """
    command = [sys.executable, KEEPING, "--rounds", "3", "--folder", tmp_path / "keeping"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert played.returncode == 0, played.stdout + played.stderr
    found = dict(reversed(item.split(" ", 1)) for item in played.stdout.splitlines()[-1].split(", "))
    assert int(found["archived"]) > 0, played.stdout
    assert int(found["segments"]) > 0, played.stdout
