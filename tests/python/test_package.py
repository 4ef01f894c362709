"""The package as installed: its version, its wheel, its types, its dependencies."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import oddsengine
from oddsengine import _core

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def workspace_version() -> str:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def test_the_version_is_the_same_everywhere() -> None:
    assert oddsengine.__version__ == workspace_version()
    assert _core.__version__ == workspace_version()
    assert importlib.metadata.version("oddsengine") == workspace_version()


def test_the_module_uses_the_stable_interface() -> None:
    """One wheel, tagged cp311-abi3, serves every later Python."""
    assert Path(_core.__file__).name == "_core.abi3.so"


def test_the_types_ship() -> None:
    package = Path(oddsengine.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_core.pyi").exists()


def test_the_stub_agrees_with_the_module() -> None:
    check = run(ROOT / "scripts" / "check_stubs.py")
    assert check.returncode == 0, check.stderr


def test_the_lock_satisfies_the_dependencies() -> None:
    check = run("-m", "pip", "check")
    assert check.returncode == 0, check.stdout


def test_the_lock_is_exact_and_names_no_host() -> None:
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    requirements = [line for line in lock.splitlines() if line and not line.startswith(("#", " "))]
    assert requirements
    for requirement in requirements:
        assert re.fullmatch(r"[a-z0-9.-]+==\S+ \\", requirement), requirement
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", lock)) >= len(requirements)
    assert "://" not in lock
