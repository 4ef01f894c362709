"""Public functions called with right and wrong arguments at random: `python random_calls.py --steps 1000000
--seed 7`.

Ends with status 1 and the call at the first exception that is neither one of the package nor a `TypeError`:
a panic of the core, an overflow, an index or a key that is not there, an error inside the interpreter; the
process dies of anything worse. A call that takes longer than a minute ends it too. The same seed makes the
same calls, `--seconds` makes as many as there is time for.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import time
import warnings
from fractions import Fraction
from typing import Any

import numpy as np

from oddsengine.exceptions import InternalError, OddsEngineError
from public_calls import CALLS, Call

CALL_S_MAX = 60.0
# What an argument may cause: a refusal by the package, or Python's own word for a scalar or an option of
# another type (docs/inputs.md). A panic of the core is an `InternalError`, which is none.
ALLOWED = (OddsEngineError, TypeError)


NUMBERS: list[Any] = [
    0, 1, -1, 2, 3, 7, 30, 80, 99, 100, 255, 256, 300, 65_535, 65_536, 10_000, -10_000, 2**31, 2**32, 2**53
    + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 2**127, 10**30, 0.0, -0.0, 0.5, 0.25, 0.75, 1.0, 1.01, 1.5, 2.0,
    2.5, 34.0, 1e-3, 1e-9, 1e-300, 5e-324, 1e9, 1e18, 1e300, 1.7e308, -0.5, -1e300, 0.999999999999,
    1.0000000000001, float("nan"), float("inf"), float("-inf"), np.float32(0.1), np.int64(-5),
    np.float64("nan"), True, False,
]  # fmt: skip
TEXTS: list[Any] = [
    "", "home", "away", "draw", "h", "1x2/home", "total:2.5/over", "total:999/over", "correct_score/0-0", "/",
    "x/y/z", "power", "shin", "additive", "goto", "jensen_shannon", "balanced_book", "odds_ratio",
    "probit", "logarithmic", "refuse", "drop",
    "multiplicative", "henery", "harville", "lo_bacon_shone", "betfair", "fine", "american", "malay",
    "hong_kong", "fractional", "decimal", "implied", "raise", "nan", "1/0", "0/1", "5/2", "-100", "1e400",
    "\0", "é" * 50, "win/r1", "place.3/r2", "each_way.5.3/r2", "tb10", "advantage", "won", "half_lost",
    "first_half", "second_half", "conway_maxwell", "weibull_frank", "2026-08-01", "9999999-01-01", "9" * 400,
]  # fmt: skip


def any_value(rng: random.Random, depth: int = 0) -> Any:
    """Anything."""
    kind = rng.randrange(14 if depth < 2 else 6)
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(TEXTS)
    if kind < 6:
        return rng.choice(
            [None, b"", b"abc", 1j, Fraction(1, 3), object(), {}, (), [], np.datetime64("NaT"), range(3)]
        )
    count = rng.choice([0, 1, 2, 2, 3, 3, 4, 5, 7, 12, 13, 33, 200])
    if kind < 9:
        return [any_value(rng, depth + 1) for _ in range(min(count, 13))]
    if kind < 10:
        return tuple(any_value(rng, depth + 1) for _ in range(min(count, 5)))
    if kind < 11:
        return {rng.choice(TEXTS): any_value(rng, depth + 1) for _ in range(min(count, 4))}
    numbers = [
        float(rng.choice(NUMBERS[26:])) if rng.random() < 0.5 else rng.random() * 4
        for _ in range(count * count)
    ]
    matrix = np.array(numbers).reshape(count, count)
    array = matrix if rng.random() < 0.5 else matrix[:1].ravel()
    if rng.random() < 0.3:
        array = array[..., :: rng.choice([-1, 2, -3])]
    if rng.random() < 0.3:
        with np.errstate(all="ignore"):
            array = array.astype(rng.choice(["f4", ">f8", "i8", "u1", "bool", "O", "f2"]))
    return array


def near(rng: random.Random, value: Any) -> Any:
    """A right value with something changed."""
    if isinstance(value, bool) or value is None:
        return any_value(rng)
    if isinstance(value, int | float):
        step = rng.randrange(6)
        if step == 0:
            return -value
        if step == 1:
            return value * rng.choice([0.0, 0.5, 2, 10, 1e6, 1e-6])
        if step == 2:
            return value + rng.choice([1, -1, 1e-9, -1e-9, 0.25])
        return rng.choice(NUMBERS)
    if isinstance(value, str):
        return rng.choice(TEXTS) if rng.random() < 0.8 else value + rng.choice(["x", "/", "0", ""])
    if isinstance(value, list | tuple) and value:
        items = list(value)
        change = rng.randrange(4)
        place = rng.randrange(len(items))
        if change == 0:
            del items[place]
        elif change == 1:
            items.insert(place, items[place])
        else:
            items[place] = near(rng, items[place])
        return items if type(value) not in (list, tuple) else type(value)(items)
    if isinstance(value, np.ndarray) and rng.random() < 0.2:
        # Another shape: nothing, one row, one column, one more axis.
        return rng.choice(
            [value[:0], value[:1], value[..., :0], value[..., :1], value[:0].T[:0].T, value[None]]
        )
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind == "f":
        changed = value.copy()
        for _ in range(rng.choice([1, 1, 3, 30])):
            with np.errstate(all="ignore"):
                changed.ravel()[rng.randrange(value.size)] = float(rng.choice(NUMBERS[26:]))
        return changed
    if isinstance(value, dict) and value:
        changed_items = dict(value)
        key = rng.choice(list(changed_items))
        if rng.random() < 0.2:
            del changed_items[key]
        else:
            changed_items[key] = near(rng, changed_items[key])
        return changed_items
    return any_value(rng)


# Arguments that are work by their size, as documented.
WORK = {
    ("metrics.hold_interval", "replicates"),
    ("data.simulated_league", "teams"),
    ("data.simulated_league", "seasons"),
}


def changed_call(rng: random.Random) -> tuple[Call, dict[str, Any]]:
    """A call with some of its arguments put at random."""
    call = rng.choice(CALLS)
    arguments = dict(call.arguments)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = rng.choice(list(arguments))
        if (call.name, name) not in WORK:
            arguments[name] = near(rng, arguments[name]) if rng.random() < 0.7 else any_value(rng)
    return call, arguments


def main(steps: int, seed: int, seconds: float | None = None) -> int:
    """Calls; 1 at the first forbidden exception."""
    warnings.simplefilter("ignore")
    rng, step = random.Random(seed), -1
    until_s = time.monotonic() + seconds if seconds is not None else None
    while step + 1 < steps if until_s is None else time.monotonic() < until_s:
        step += 1
        call, arguments = changed_call(rng)
        faulthandler.dump_traceback_later(CALL_S_MAX, exit=True, file=sys.__stderr__)
        try:
            call.function(**arguments)
        except BaseException as error:
            if isinstance(error, InternalError) or not isinstance(error, ALLOWED):
                print(
                    f"seed {seed}, step {step}: {call.name}(**{arguments!r}): {type(error).__name__}: {error}"
                )
                return 1
        finally:
            faulthandler.cancel_dump_traceback_later()
    print(f"{step + 1} calls with seed {seed}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float)
    given = parser.parse_args()
    sys.exit(main(given.steps, given.seed, given.seconds))
