"""Every public function with arguments at random: no panic, no crash of the process, no foreign exception.

What broke: `same_game.gaussian_copula([.5, .5, .05], .8)` panicked in the core, which `except Exception` does
not catch; `racing.odds_after_rule4(2.0, 300)` was an `OverflowError`, `racing.grade` of 2**63 runners did not
come back; a margin of three members, a grid for a score or a `first="frist"` were a bare `ValueError`,
`AttributeError`, or taken. For longer: `ODDSENGINE_RANDOM_CALLS=5000000 pytest
tests/python/test_random_calls.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = int(os.environ.get("ODDSENGINE_RANDOM_CALLS", "20000"))


@pytest.mark.parametrize("seed", [1, 2])
def test_no_argument_makes_the_core_panic(seed: int) -> None:
    script = Path(__file__).with_name("random_calls.py")
    # In a process of its own, so that its death is a failure with a seed.
    ran = subprocess.run(
        [sys.executable, script, "--steps", str(STEPS // 2), "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (
        f"seed {seed}, status {ran.returncode}: {ran.stdout[-2_000:]}{ran.stderr[-2_000:]}"
    )


def test_the_caller_sees_what_is_forbidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import random_calls
    from oddsengine import _core

    def panics(number: object) -> None:
        _core.panic_for_tests()

    monkeypatch.setattr(random_calls, "CALLS", [random_calls.Call("panics", panics, {"number": 1})])
    assert random_calls.main(3, 5) == 1
    assert "seed 5, step 0: panics(" in capsys.readouterr().out
