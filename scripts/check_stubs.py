"""Compares the hand-written `_core.pyi` with the built module, in both directions.

Every public name, every parameter with its kind and default, every method and property: what one side has
and the other has not is listed, and the exit status is 1. Run it with the .venv's Python, after a build.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE = "oddsengine._core"

# PyO3 gives every module an `__all__` that lists its public names. The stub says the same by having them.
ALLOWED = r"oddsengine\._core\.__all__"


def differences() -> str | None:
    """The list of differences, one a line; None when stub and module agree."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as allowlist:
        allowlist.write(ALLOWED + "\n")
        allowlist.flush()
        command = [sys.executable, "-m", "mypy.stubtest", MODULE, "--concise", "--allowlist", allowlist.name]
        command += ["--mypy-config-file", str(ROOT / "pyproject.toml")]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return None if run.returncode == 0 else run.stdout + run.stderr


def main() -> int:
    """Print the differences; 0 when there are none."""
    found = differences()
    if found is None:
        print(f"{MODULE}: the stub and the built module agree")
        return 0
    print(f"{MODULE}: python/oddsengine/_core.pyi and the built module differ", file=sys.stderr)
    print(found, file=sys.stderr, end="")
    return 1


if __name__ == "__main__":
    sys.exit(main())
