"""``.ci/run`` with stand-ins for what it calls: what runs, what stops it, what it says when one cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest

CI_RUN = Path(__file__).resolve().parents[2] / ".ci" / "run"
REFUSES = "#!/bin/sh\necho refused >&2\nexit 100\n"
WORKS = "#!/bin/sh\nexit 0\n"


def run(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Runs it where nothing is there but these, a shell, and a ``make`` that prints what it is asked for."""
    programs = {
        "cargo": WORKS,
        "make": '#!/bin/sh\necho "asked for $1"\n',
        "id": "#!/bin/sh\necho 0\n",
    } | programs
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    for name in ("bash", "dirname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    command = [folder / "bash", CI_RUN]
    environment = {"PATH": str(folder), "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def asked_for(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split()[2] for line in done.stdout.splitlines() if line.startswith("asked for")]


def test_all_stages_run(tmp_path: Path) -> None:
    """Broke: formats, lints, types and the instruction counts were left to whoever remembered them."""
    done = run(tmp_path, valgrind=WORKS)
    assert done.returncode == 0, done.stderr
    assert asked_for(done) == ["check", "docs", "demo", "gate", "test"]
    assert "NOT RUN" not in done.stdout


@pytest.mark.parametrize(
    ("stage", "before"), [("check", []), ("gate", ["check", "docs", "demo"]), ("docs", ["check"])]
)
def test_a_stage_that_fails_ends_it(tmp_path: Path, stage: str, before: list[str]) -> None:
    make = f'#!/bin/sh\nif [ "$1" = {stage} ]; then exit 2; fi\necho "asked for $1"\n'
    done = run(tmp_path, valgrind=WORKS, make=make)
    assert done.returncode == 1
    assert asked_for(done) == before
    assert f"=== {stage}: FAILED" in done.stderr
    assert "all passed" not in done.stdout


def test_valgrind_is_installed_where_it_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, **{"apt-get": '#!/bin/sh\necho "apt-get $*"\n'})
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["apt-get -qq update", "apt-get -qq install -y valgrind"]
    assert asked_for(done) == ["check", "docs", "demo", "gate", "test"]


def test_without_valgrind_the_gate_is_left_out_loudly(tmp_path: Path) -> None:
    done = run(tmp_path, **{"apt-get": REFUSES})
    assert done.returncode == 0, done.stderr
    assert asked_for(done) == ["check", "docs", "demo", "test"]
    assert "=== gate: NOT RUN: no valgrind" in done.stdout
    assert "NOT RUN: gate" in done.stdout.splitlines()[-1]


def test_lints_are_installed_where_they_are_missing(tmp_path: Path) -> None:
    done = run(tmp_path, valgrind=WORKS, cargo=REFUSES, rustup='#!/bin/sh\necho "rustup $*"\n')
    assert "rustup component add rustfmt clippy" in done.stdout
    assert asked_for(done)[0] == "check"
