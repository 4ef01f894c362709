"""Attacks on a real engine process: a line for each, and status 1 if any broke something.

``python tests/attacks/run.py``; ``--list`` names them, ``--only NAME`` runs some, ``--together`` is the long
run. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import clocks
import doors
import money
import records
import trading
from rig import ATTACKS, Attack, ControlError, Measures, SkippedError

MODULES = (trading, clocks, money, doors, records)


class TooLongError(Exception):
    """An attack took longer than it may."""


@contextlib.contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise TooLongError(f"not finished within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_one(attack: Attack, *, seconds: int | None, is_timed: bool, is_verbose: bool) -> bool:
    """Run one, print its line; whether everything held or it could not be made."""
    measures = Measures(is_timed=is_timed)
    start = time.monotonic()
    try:
        with _time_limit(seconds or attack.seconds):
            attack.run(measures)
        verdict, text = ("held", measures.text()) if measures.is_held else ("BROKE", measures.text())
    except SkippedError as skipped:
        verdict, text = "skipped", str(skipped)
    except ControlError as error:
        verdict, text = "BROKE", _joined(measures, f"the control failed: {error}")
    except (TimeoutError, TooLongError) as error:
        verdict, text = "BROKE", _joined(measures, str(error))
    except Exception as error:
        verdict, text = "BROKE", _joined(measures, f"{type(error).__name__}: {error}")
        if is_verbose:
            traceback.print_exc()
    took_s = time.monotonic() - start
    print(f"{attack.name:34} {verdict:7} {text}  [{took_s:.1f} s]", flush=True)
    return verdict != "BROKE"


def _joined(measures: Measures, text: str) -> str:
    return "; ".join(part for part in (measures.text(), f"!! {' '.join(text.split())[:400]}") if part)


def _is_meant(attack: Attack, name: str) -> bool:
    """A whole name means one attack, the beginning of names all that begin so."""
    if any(other.name == name for other in ATTACKS):
        return attack.name == name
    return attack.name.startswith(name)


def main() -> int:
    """Run what was asked for; 0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this one, or all that begin with it")
    parser.add_argument("--quick", action="store_true", help="only the short ones")
    parser.add_argument("--no-times", action="store_true", help="tell times, but do not judge by them")
    parser.add_argument("--seconds", type=int, help="most seconds for one attack")
    parser.add_argument("--list", action="store_true", help="name them and end")
    parser.add_argument("--verbose", action="store_true", help="tracebacks of what was not expected")
    parser.add_argument("--together", action="store_true", help="attacks, load and crashes on one engine")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long --together takes (default 30)")
    parser.add_argument("--seed", type=int, default=None, help="choices of --together")
    options = parser.parse_args()
    chosen = [
        attack
        for attack in ATTACKS
        if (attack.is_quick or not options.quick)
        and (not options.only or any(_is_meant(attack, name) for name in options.only))
    ]
    if options.list:
        for attack in chosen:
            print(f"{attack.name:34} {attack.summary}")
        return 0
    if options.together:
        import together

        return together.run(minutes=options.minutes, seed=options.seed, is_timed=not options.no_times)
    if not chosen:
        parser.error(f"no attack is named {options.only}; --list names them")
    results = [
        run_one(attack, seconds=options.seconds, is_timed=not options.no_times, is_verbose=options.verbose)
        for attack in chosen
    ]
    broke = results.count(False)
    print(f"{len(results)} attacks, {broke} broke something")
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main())
