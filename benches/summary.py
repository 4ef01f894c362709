"""Joins the results of a full run to `results/DATE-machine.json` and `.md`, with the design's targets."""

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
Row = tuple[str, str, str, bool]


def main() -> None:
    folder = Path(sys.argv[1])
    machine = sys.argv[2] if len(sys.argv) > 2 else "machine"
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    conditions = parts["rust"]["conditions"]
    name = f"{conditions['date']}-{machine}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(parts, indent=1) + "\n")
    lines = [
        f"# {name}",
        "",
        "Conditions: " + ", ".join(f"{key} {value}" for key, value in conditions.items()) + ".",
    ]
    lines += ["", "| what | target | measured | |", "|---|---|---|---|"]
    for what, target, measured, is_met in rows(parts):
        lines.append(f"| {what} | {target} | {measured} | {'met' if is_met else '**missed**'} |")
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    print(f"benches/results/{name}.md and .json")


def rows(parts: dict[str, Any]) -> list[Row]:
    """The rows of the design's table that were measured."""
    rust = {row["name"]: row for row in parts["rust"]["rows"]}
    found: list[Row] = []

    def latency(name: str, what: str, p50_us: float, p99_us: float | None = None) -> None:
        row = rust[name]
        p50, p99, quiet = (row[key] / 1e3 for key in ("p50", "p99", "p99_quietest_run"))
        target = f"≤ {p50_us:g} µs" + (f" / {p99_us:g} µs" if p99_us else "")
        measured = f"{p50:.3g} / {p99:.3g} µs (p99 of the quietest run {quiet:.3g})"
        found.append((what, target, measured, p50 <= p50_us and (p99_us is None or p99 <= p99_us)))

    def figure(prefix: str, what: str, target: str, is_met: Any) -> None:
        row = next(row for name, row in rust.items() if name.startswith(prefix))
        found.append((what, target, f"{row['value']:,.4g} {row['unit']}", bool(is_met(row["value"]))))

    latency("basket, one match", "grid and 190 probabilities, one match", 4)
    batch = rust["basket, batch of 100 matches (the batch)"]["p50"] / 1e5
    found.append(("the same in a batch, per match", "≤ 2 µs", f"{batch:.3g} µs", batch <= 2))
    latency("goal, multiplicative margin", "goal → whole board encoded", 50, 120)
    latency("goal, power margin", "the same, power margin", 50, 120)
    latency("clock +1 minute, multiplicative margin", "clock tick → whole board encoded", 50, 120)
    latency("clock +1 minute, power margin", "the same, power margin", 50, 120)
    latency("prices of one market by hand", "price change of one market", 2, 5)
    latency("single before kick-off", "bet decision, single", 5, 20)
    latency("refused: above a limit", "bet decision, refused at a limit", 5, 20)
    figure(
        "singles as commands", "bets, durable, in process, commands", "≥ 100k/s", lambda value: value >= 1e5
    )
    figure("batches of 40", "bets, durable, in process, JSON batches", "≥ 100k/s", lambda value: value >= 1e5)
    figure("deposits", "replay, deposits", "≥ 1M/s", lambda value: value >= 1e6)
    figure("a journal", "replay, recording and tickets", "≥ 1M/s", lambda value: value >= 1e6)
    figure(
        "the same for 1 million", "recovery of 10M commands (1M tickets)", "< 10 s", lambda value: value < 10
    )
    figure("together", "10,000 fixtures and 1M open tickets", "< 4 GiB", lambda value: value < 4)
    for row in parts.get("latency", {}).get("rows", []):
        for lane, what, most in (("odds", "feed to odds", 60), ("status", "suspension to subscriber", 40)):
            above, ratio = row[lane]["p50_above_relay_us"], row[lane]["p99_ratio"]
            ours, floor = (
                f"{row[lane][who]['p50']:.0f} / {row[lane][who]['p99']:.0f} µs" for who in ("engine", "relay")
            )
            measured = f"{ours}, relay {floor}: {above:+.0f} µs, {ratio}×"
            target = f"≤ relay + {most} µs" + (", p99 ≤ 2×" if lane == "odds" else "")
            is_met = above <= most and (lane == "status" or ratio <= 2)
            found.append((f"{what}, {row['per_second']}/s", target, measured, is_met))
    for row in parts.get("bets", {}).get("rows", []):
        ticket, disk = row["ticket"], row["disk"]
        floor = f"disk sync {disk['p50']:.0f} / {disk['p99']:.0f} µs"
        text = f"{ticket['p50']:.0f} / {ticket['p99']:.0f} µs ({floor})"
        is_met = ticket["p50"] <= 500 and ticket["p99"] <= 2_000
        found.append(("bet in → durable reply, 1,000/s", "≤ 500 µs / 2 ms", text, is_met))
        rate = row["batched_per_second"]
        found.append(("bets through ZeroMQ, batches", "≥ 30k/s", f"{rate:,}/s", rate >= 30_000))
    return found


if __name__ == "__main__":
    main()
