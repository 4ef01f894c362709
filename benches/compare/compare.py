"""Measures this package and its peers side by side in one run; see README.md beside this file.

The number before a task is its place in our list of figures to beat, and its target is the list's.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from fit import fit_rows
from margins import margin_rows
from matches import match_rows
from measuring import FIGURES, Row, conditions, figure, load

from oddsengine import fit

SEED = 20_240_817
PARTS = ("margins", "matches", "fits")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=4.0, help="per task and side")
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument(
        "--models", nargs="+", choices=fit.MODELS, default=["dixon_coles"], help="of the fits"
    )
    parser.add_argument(
        "--results", nargs="+", type=Path, default=[], help="files of football-data.co.uk, fitted together"
    )
    options = parser.parse_args(arguments)

    before = conditions()
    rng = np.random.default_rng(SEED)
    rows = []
    if "margins" in options.parts:
        rows += margin_rows(rng, options.seconds)
    if "matches" in options.parts:
        rows += match_rows(rng, options.seconds)
    if "fits" in options.parts:
        rows += fit_rows(options.seconds, results=options.results, models=options.models)
    after = load()

    print(conditions_line(before))
    print(f"load {before['load']} before, {after} after; one clock reading {before['clock_ns_p50']:.0f} ns")
    print()
    print(
        "| µs | oddsengine p50 / p99 / cpu | target | beside | p50 / p99 / cpu | ratio p50 / cpu | answers |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(line(row))
    if options.json:
        write_json(options.json, rows, {**before, "load_after": after})
    return 0


def conditions_line(before: dict[str, Any]) -> str:
    """Machine and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in before["versions"].items())
    machine = f"{before['date']}, {before['cpu']}, {before['cores']} cores, Python {before['python']}"
    return f"{machine}; {versions}; OPENBLAS_NUM_THREADS {before['blas_threads']}"


def line(row: Row) -> str:
    """A row of the table."""
    ours, peer = (" / ".join(figure(side[key]) for key in FIGURES) for side in (row.ours, row.peer))
    target = "" if row.target_us is None else f"{row.target_us:,g} {row.verdict}"
    ratios = f"{figure(row.ratio('p50_us'))} / {figure(row.ratio('cpu_us'))}"
    return f"| {row.task} | {ours} | {target} | {row.peer['name']} | {peer} | {ratios} | {row.check} |"


def write_json(path: Path, rows: list[Row], context: dict[str, Any]) -> None:
    """The same as JSON."""
    result = [
        {
            **row._asdict(),
            "verdict": row.verdict,
            "ratio_p50": row.ratio("p50_us"),
            "ratio_cpu": row.ratio("cpu_us"),
        }
        for row in rows
    ]
    path.write_text(json.dumps({**context, "rows": result}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
