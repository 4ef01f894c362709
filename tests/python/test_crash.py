"""A killed engine process keeps every promise: three rounds of ``tests/crash``."""

import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).resolve().parents[1] / "crash" / "run.py"


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, DRIVER, "--rounds", "3", "--folder", tmp_path / "crash"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "3 rounds" in played.stdout
