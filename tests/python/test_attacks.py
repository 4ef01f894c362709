"""The short attacks of ``tests/attacks``: truth and memory, no times, so that a busy machine breaks none."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[1] / "attacks" / "run.py"
# They mostly wait for something, and each has an engine of its own.
AT_ONCE = 4

Played = subprocess.CompletedProcess[str]


def _names() -> list[str]:
    command = [sys.executable, DRIVER, "--list", "--quick"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines()]


def _play(name: str) -> Played:
    command = [sys.executable, DRIVER, "--no-times", "--only", name]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Played]]]:
    """The chosen attacks, on their way."""
    chosen = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == "test_quick_attacks_hold"
        and item.path == Path(__file__)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(_play, name) for name in chosen}


@pytest.mark.parametrize("name", _names())
def test_quick_attacks_hold(name: str, played: dict[str, Future[Played]]) -> None:
    done = played[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 attacks, 0 broke something" in done.stdout


def test_a_broken_bound_ends_with_status_1(tmp_path: Path) -> None:
    """The runner itself: a bound that is not kept is told and fails, and so does a failing control."""
    program = f"""
import sys
sys.path.insert(0, {str(DRIVER.parent)!r})
import run
from rig import Attack, ControlError, Measures, SkippedError
def broken(measures: Measures) -> None:
    measures.most("figure", 2, 1)
def empty(measures: Measures) -> None:
    pass
def uncontrolled(measures: Measures) -> None:
    raise ControlError("nothing works")
def skipped(measures: Measures) -> None:
    raise SkippedError("not here")
def held(measures: Measures) -> None:
    measures.most("figure", 1, 1)
told = [run.run_one(Attack(one.__name__, one, 5, True), seconds=None, is_timed=True, is_verbose=False)
        for one in (broken, empty, uncontrolled, skipped, held)]
assert told == [False, False, False, True, True], told
"""
    played = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert played.returncode == 0, played.stderr
    assert played.stdout.count("BROKE") == 3
    assert "!! figure 2 (at most 1)" in played.stdout
