"""What every row of `compare.py` is measured with: both sides in turns, answers checked before."""

import datetime
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DISTRIBUTIONS = ("oddsengine", "penaltyblog", "shin", "pybettor", "numba", "numpy", "scipy")
SIDE_TURNS = 20
FIGURES = ("p50_us", "p99_us", "cpu_us")


class Side(NamedTuple):
    """One of the two that are compared: a call on one input, and how many inputs a call covers."""

    name: str
    call: Callable[[Any], Any]
    inputs: Sequence[Any]
    covers: int = 1


class Row(NamedTuple):
    """A measured task."""

    task: str
    target_us: float | None
    check: str
    ours: dict[str, Any]
    peer: dict[str, Any]

    def ratio(self, key: str) -> float:
        """How many times longer the peer takes."""
        return float(self.peer[key] / self.ours[key])

    @property
    def verdict(self) -> str:
        """Whether our median is under the target; empty without one."""
        if self.target_us is None:
            return ""
        return "met" if self.ours["p50_us"] <= self.target_us else "missed"


def measure(
    task: str,
    check: str,
    ours: Side,
    peer: Side,
    *,
    seconds: float,
    target_us: float | None = None,
    run: int = 1,
) -> Row:
    """Times both in turns until each had its share of the time.

    A sample is a run of `run` calls on inputs that follow each other, with one reading of the clock in it: a
    call that takes less than ten readings would else be measured with its clock.
    """
    samples: dict[str, list[float]] = {ours.name: [], peer.name: []}
    for side in (ours, peer):
        for value in side.inputs[:3]:
            side.call(value)
    positions, cpu_seconds = {ours.name: 0, peer.name: 0}, {ours.name: 0.0, peer.name: 0.0}
    end = time.perf_counter() + 2 * seconds
    while time.perf_counter() < end:
        for side in (ours, peer):
            turn_end, cpu_start = time.perf_counter() + seconds / SIDE_TURNS, time.process_time()
            call, inputs = side.call, side.inputs
            while time.perf_counter() < turn_end:
                first = positions[side.name]
                values = [inputs[(first + step) % len(inputs)] for step in range(run)]
                positions[side.name] += run
                start = time.perf_counter_ns()
                for value in values:
                    call(value)
                samples[side.name].append((time.perf_counter_ns() - start) / run / side.covers / 1e3)
            cpu_seconds[side.name] += time.process_time() - cpu_start

    def summary(side: Side) -> dict[str, Any]:
        p50, p99 = np.quantile(samples[side.name], [0.5, 0.99])
        calls = len(samples[side.name]) * run
        cpu_us = cpu_seconds[side.name] / calls / side.covers * 1e6
        return {
            "name": side.name,
            "p50_us": float(p50),
            "p99_us": float(p99),
            "cpu_us": cpu_us,
            "calls": calls,
        }

    return Row(task, target_us, check, summary(ours), summary(peer))


def expect(is_right: bool, otherwise: str) -> None:
    """Ends the program where an answer is wrong: nothing is timed then."""
    if not is_right:
        raise SystemExit(f"wrong answer, nothing is timed: {otherwise}")


def conditions() -> dict[str, Any]:
    """The machine, the versions and the load."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    clock = []
    for _ in range(10_000):
        start = time.perf_counter_ns()
        clock.append(time.perf_counter_ns() - start)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in DISTRIBUTIONS},
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "unset"),
        "load": load(),
        "clock_ns_p50": float(np.median(clock)),
    }


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
