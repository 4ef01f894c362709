"""Measures this package and its peers side by side in one run; see README.md beside this file."""

import argparse
import datetime
import importlib.metadata
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import penaltyblog
from margins import margin_rows

from oddsengine import football

SEED = 20_240_817
MATCHES = 2_000
RHO = -0.06
GOALS_MAX = 15
TOTAL_LINES = [quarter / 4 for quarter in range(2, 27)]
HANDICAP_LINES = [quarter / 4 for quarter in range(-12, 13)]
DISTRIBUTIONS = ("oddsengine", "penaltyblog", "shin", "pybettor", "numba", "numpy", "scipy")


class Side(NamedTuple):
    """One of the two that are compared: a call on one input, and how many inputs a call covers."""

    name: str
    call: Callable[[Any], Any]
    inputs: Sequence[Any]
    covers: int = 1


class Row(NamedTuple):
    """A measured task."""

    task: str
    unit: str
    check: str
    ours: dict[str, Any]
    peer: dict[str, Any]

    def ratio(self, key: str) -> float:
        """How many times longer the peer takes."""
        return float(self.peer[key] / self.ours[key])


def measure(task: str, unit: str, check: str, ours: Side, peer: Side, *, seconds: float) -> Row:
    """Times both in turns until each had its share of the time; every sample is one call."""
    samples: dict[str, list[float]] = {ours.name: [], peer.name: []}
    for side in (ours, peer):
        for value in side.inputs[:3]:
            side.call(value)
    positions, cpu_seconds = {ours.name: 0, peer.name: 0}, {ours.name: 0.0, peer.name: 0.0}
    end = time.perf_counter() + 2 * seconds
    while time.perf_counter() < end:
        for side in (ours, peer):
            turn_end, cpu_start = time.perf_counter() + seconds / 20, time.process_time()
            while time.perf_counter() < turn_end:
                value = side.inputs[positions[side.name] % len(side.inputs)]
                positions[side.name] += 1
                start = time.perf_counter_ns()
                side.call(value)
                samples[side.name].append((time.perf_counter_ns() - start) / side.covers / 1e3)
            cpu_seconds[side.name] += time.process_time() - cpu_start

    def summary(side: Side) -> dict[str, Any]:
        p50, p99 = np.quantile(samples[side.name], [0.5, 0.99])
        count = len(samples[side.name])
        cpu_us = cpu_seconds[side.name] / count / side.covers * 1e6
        return {
            "name": side.name,
            "p50_us": float(p50),
            "p99_us": float(p99),
            "cpu_us": cpu_us,
            "calls": count,
        }

    return Row(task, unit, check, summary(ours), summary(peer))


# The peers, called as they are documented.


def peer_basket(match: tuple[float, float, float]) -> list[float]:
    grid = penaltyblog.models.create_dixon_coles_grid(*match, max_goals=GOALS_MAX)
    out = [*grid.home_draw_away, grid.btts_yes]
    for line in TOTAL_LINES:
        under, push, over = grid.totals(line)
        out += [over, push, under]
    for line in HANDICAP_LINES:
        shares = grid.asian_handicap_probs("home", line)
        out += [shares["win"], shares["push"], shares["lose"]]
    return out + [grid.exact_score(home, away) for home, away in itertools.product(range(6), range(6))]


def peer_calibrate(prices: tuple[float, float, float, float]) -> dict[str, Any]:
    home, draw, away, over = prices
    found: dict[str, Any] = penaltyblog.models.goal_expectancy_extended(
        home, draw, away, over, 1.0 - over, max_goals=GOALS_MAX
    )
    return found


# The tasks.


def basket_rows(rng: np.random.Generator, seconds: float) -> list[Row]:
    home, away = rng.uniform(0.5, 2.8, MATCHES), rng.uniform(0.4, 2.4, MATCHES)
    matches = [(float(a), float(b), RHO) for a, b in zip(home, away, strict=True)]
    same = [(a, b, 0.0) for a, b, _ in matches[:25]] + [(a, a, RHO) for a, _, _ in matches[25:50]]
    difference = max(np.abs(football.basket(*match) - peer_basket(match)).max() for match in same)
    expect(difference < 1e-12, f"baskets differ by {difference:g}")
    check = f"190 numbers of 50 matches differ by at most {difference:.0e}"
    rhos = np.full(MATCHES, RHO)
    batch = football.basket(home, away, rhos)
    expect(batch.tolist() == [football.basket(*match).tolist() for match in matches], "batch differs")
    one = Side("oddsengine", lambda match: football.basket(*match), matches)
    many = Side("oddsengine", lambda _: football.basket(home, away, rhos), [None], covers=MATCHES)
    peer = Side("penaltyblog", peer_basket, matches)
    return [
        measure("grid and 190 probabilities, one match", "match", check, one, peer, seconds=seconds),
        measure(f"the same, {MATCHES:,} matches", "match", check, many, peer, seconds=seconds),
    ]


def calibration_row(rng: np.random.Generator, seconds: float) -> Row:
    models = [
        football.DixonColes(float(home), float(away), RHO)
        for home, away in rng.uniform((0.6, 0.5), (2.6, 2.2), (50, 2))
    ]
    prices = []
    for model in models:
        found = football.markets(model)
        prices.append((found["home"], found["draw"], found["away"], found["total"][2.5].win))

    worst_ours = worst_peer = 0.0
    for model, price in zip(models, prices, strict=True):
        fitted = football.calibrate(*price)
        goals = abs(fitted.lambda_home - model.lambda_home) + abs(fitted.lambda_away - model.lambda_away)
        worst_ours = max(worst_ours, goals, abs(fitted.rho - model.rho))
    for price in prices[:10]:
        # The peer's model is another one (see README.md), so it is held to the prices, not to the goals.
        found = peer_calibrate(price)
        got = [*found["predicted_1x2"], found["predicted_ou"][0]]
        worst_peer = max(worst_peer, max(abs(a - b) for a, b in zip(got, price, strict=True)))
    expect(worst_ours < 1e-6, f"calibration is off by {worst_ours:g} goals")
    expect(worst_peer < 1e-3, f"the peer's prices are off by {worst_peer:g}")
    check = f"ours within {worst_ours:.0e} goals, the peer's prices within {worst_peer:.0e}"
    return measure(
        "goals and rho from 1X2 and over/under 2.5",
        "match",
        check,
        Side("oddsengine", lambda price: football.calibrate(*price), prices),
        Side("penaltyblog", peer_calibrate, prices),
        seconds=seconds,
    )


def expect(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise SystemExit(f"wrong answer, nothing is timed: {otherwise}")


def conditions() -> dict[str, Any]:
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
        "load": [round(value, 2) for value in os.getloadavg()],
        "clock_ns_p50": float(np.median(clock)),
    }


FIGURES = ("p50_us", "p99_us", "cpu_us")


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="per task and side")
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--only-margins", action="store_true", help="leave the football rows out")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(SEED)
    before = conditions()
    rows = []
    if not options.only_margins:
        rows += [*basket_rows(rng, options.seconds), calibration_row(rng, options.seconds)]
    rows += margin_rows(rng, options.seconds, measure, Side, expect)
    load_after = [round(value, 2) for value in os.getloadavg()]

    versions = ", ".join(f"{name} {version}" for name, version in before["versions"].items())
    print(
        f"{before['date']}, {before['cpu']}, {before['cores']} cores, Python {before['python']}; {versions}"
    )
    print(
        f"load {before['load']} before, {load_after} after; one clock reading {before['clock_ns_p50']:.0f} ns"
    )
    print()
    print(
        "| µs a call | oddsengine p50 / p99 / cpu | peer | peer p50 / p99 / cpu | ratio p50 / cpu | answers |"
    )
    print("|---|---|---|---|---|---|")
    for row in rows:
        ours, peer = (" / ".join(figure(side[key]) for key in FIGURES) for side in (row.ours, row.peer))
        ratios = f"{figure(row.ratio('p50_us'))} / {figure(row.ratio('cpu_us'))}"
        print(f"| {row.task} | {ours} | {row.peer['name']} | {peer} | {ratios} | {row.check} |")
    if options.json:
        keys = {"ratio_p50": "p50_us", "ratio_cpu": "cpu_us"}
        result = [{**row._asdict(), **{name: row.ratio(key) for name, key in keys.items()}} for row in rows]
        text = json.dumps({**before, "load_after": load_after, "rows": result}, indent=2, ensure_ascii=False)
        options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
