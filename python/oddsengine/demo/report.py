"""What a run has shown, as a JSON object with stable keys and as text."""

import os
import platform
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import zmq

from oddsengine import _core
from oddsengine.demo.histogram import Percentiles
from oddsengine.demo.settings import BET_DELAY_MS, Options

Facts = dict[str, Any]
Report = dict[str, Any]

PACKAGES = ("numpy", "orjson", "pyzmq", "rich")
BYTES_PER_MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the processes told at the end."""

    run_s: float
    odds: Facts
    odds_end: Facts
    bets: Facts
    audit: Facts
    feed_end: Facts
    disk_sync_us: Percentiles
    live: Facts
    replay: Facts
    desk_done: int
    desk_refused: Counter[str]
    alerts: Counter[str]
    losses: dict[str, int]


def build(options: Options, match_count: int, evidence: Evidence) -> Report:
    """The report of a run."""
    odds, bets, audit, counts = evidence.odds, evidence.bets, evidence.audit, evidence.bets["counts"]
    turnover, payout = audit["turnover_minor"], audit["payout_minor"]
    live_hash, replay_hash = evidence.live["state_hash"], evidence.replay["state_hash"]
    own = {
        "boards_match_final_images": not evidence.odds_end["differences"],
        "all_fixtures_settled": odds["settled"] == match_count,
        "no_message_lost": evidence.odds_end["messages_lost"] == 0,
        "replay_gives_the_live_state": live_hash == replay_hash,
        "replay_has_every_command": evidence.live["command_count"] == evidence.replay["commands"],
    }
    return {
        "fixtures": match_count,
        "fixtures_settled": odds["settled"],
        "tickets_offered": counts.get("offered", 0),
        "tickets_accepted": counts.get("accepted", 0),
        "systems_accepted": counts.get("systems_accepted", 0),
        "tickets_refused": dict(sorted(bets["reasons"].items())),
        "tickets_repeated": counts.get("repeat_sent", 0),
        "tickets_in_conflict": counts.get("conflict_sent", 0),
        "messages_malformed": counts.get("malformed_sent", 0),
        "deposits_minor": audit["deposits_minor"],
        "turnover_minor": turnover,
        "payout_minor": payout,
        "hold": round((turnover - payout) / turnover, 4) if turnover else None,
        "feed_to_odds_us": odds["latency_us"],
        "feed_to_suspension_us": odds["suspension_us"],
        "bet_to_reply_us": bets["latency_us"],
        "engine_odds_us": odds["inside_us"],
        "engine_reply_us": bets["inside_us"],
        "feed_messages": evidence.feed_end["sent"],
        "odds_messages": odds["frames"],
        "odds_bytes": odds["bytes"],
        "messages_dropped_on_purpose": odds["dropped"],
        "gaps_found": odds["gaps_found"],
        "gaps_recovered": odds["gaps_recovered"],
        "messages_lost": evidence.odds_end["messages_lost"],
        "desk_actions": evidence.desk_done,
        "desk_refused": dict(sorted(evidence.desk_refused.items())),
        "alerts": dict(sorted(evidence.alerts.items())),
        "exposure_minor_max": evidence.losses,
        "invariants": {**evidence.replay["invariants"], **audit["checks"], **own},
        "differences": [*audit["differences"], *evidence.odds_end["differences"][:10]],
        "state_hash_live": live_hash,
        "state_hash_replay": replay_hash,
        "commands": evidence.live["command_count"],
        "commands_replayed": evidence.replay["commands"],
        "commands_replayed_per_s": round(evidence.replay["commands_per_s"]),
        "replay_s": round(evidence.replay["seconds"], 3),
        "run_s": round(evidence.run_s, 2),
        "conditions": conditions(options, evidence),
    }


def is_good(report: Report) -> bool:
    """Every invariant holds; equal hashes, no loss and settled fixtures are among them."""
    return all(report["invariants"].values())


def conditions(options: Options, evidence: Evidence) -> Facts:
    """Under which the numbers were measured."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {
            "oddsengine": _core.__version__,
            **{name: version(name) for name in PACKAGES},
            "libzmq": zmq.zmq_version(),
        },
        "transport": options.transport,
        "match_minutes_per_s": round(options.speed, 2),
        "bets_per_s": options.bets_per_second,
        "customers": options.customers,
        "bet_delay_ms": BET_DELAY_MS,
        "drop": options.drop,
        "seed": options.seed,
        # How late the measuring processes themselves were; contained in the latencies.
        "feed_lag_us": evidence.feed_end["lag_us"],
        "crowd_lag_us": evidence.bets["send_lag_us"],
        # What the disk of the journal takes for one write, measured just before.
        "disk_sync_us": evidence.disk_sync_us,
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def text(report: Report) -> str:
    """The report for people."""
    lines = ["", f"oddsengine demo: {report['fixtures']} matches in {report['run_s']} s", ""]
    refused = sum(report["tickets_refused"].values())
    hold = "–" if report["hold"] is None else f"{report['hold']:.1%}"

    def line(name: str, value: str) -> None:
        lines.append(f"  {name:<22}{value}")

    line("fixtures settled", f"{report['fixtures_settled']} of {report['fixtures']}")
    line("tickets offered", f"{report['tickets_offered']:,}")
    line("  accepted", f"{report['tickets_accepted']:,}")
    line("  of them systems", f"{report['systems_accepted']:,}")
    line("  refused", f"{refused:,}")
    for reason, count in sorted(report["tickets_refused"].items(), key=lambda item: -item[1]):
        line("", f"{count:>7,}  {reason}")
    line("repeated, in conflict", f"{report['tickets_repeated']:,}, {report['tickets_in_conflict']:,}")
    line("malformed messages", f"{report['messages_malformed']:,}")
    line(
        "turnover",
        f"{report['turnover_minor'] / 100:,.2f} EUR, paid {report['payout_minor'] / 100:,.2f}, hold {hold}",
    )
    lines += ["", f"  {'µs':<22}{'p50':>10}{'p99':>10}{'p99.9':>10}{'max':>10}{'count':>10}"]
    for name, key in (
        ("feed → odds", "feed_to_odds_us"),
        ("feed → suspension", "feed_to_suspension_us"),
        ("bet → durable reply", "bet_to_reply_us"),
        ("engine: odds", "engine_odds_us"),
        ("engine: reply", "engine_reply_us"),
        ("(one write to disk)", "disk_sync_us"),
    ):
        values = report[key] if key in report else report["conditions"][key]
        cells = "".join(f"{values[quantile]:>10,.0f}" for quantile in ("p50", "p99", "p99_9", "max"))
        lines.append(f"  {name:<22}{cells}{values['count']:>10,}")
    lines.append("")
    line("feed messages", f"{report['feed_messages']:,}")
    line("odds messages", f"{report['odds_messages']:,} ({report['odds_bytes'] / BYTES_PER_MB:,.0f} MB)")
    line("dropped on purpose", f"{report['messages_dropped_on_purpose']:,}")
    line("gaps recovered", f"{report['gaps_recovered']:,} of {report['gaps_found']:,}")
    line("messages lost", f"{report['messages_lost']:,}")
    line("desk actions", f"{report['desk_actions']:,}, refused {sum(report['desk_refused'].values()):,}")
    line("alerts", ", ".join(f"{count} {name}" for name, count in report["alerts"].items()) or "none")
    lines.append("")
    for name, holds in report["invariants"].items():
        lines.append(f"  {'holds ' if holds else 'BROKEN'}  {name}")
    lines += [f"    {difference}" for difference in report["differences"]]
    lines.append("")
    line("state hash, live", report["state_hash_live"])
    line("state hash, replay", report["state_hash_replay"])
    line(
        "replayed",
        f"{report['commands_replayed']:,} commands, {report['commands_replayed_per_s']:,} per second",
    )
    lines += ["", _conditions_text(report["conditions"]), ""]
    return "\n".join(lines)


def _conditions_text(facts: Facts) -> str:
    return (
        f"  {facts['cpu']}, {facts['cores']} cores; Python {facts['python']}, "
        f"libzmq {facts['versions']['libzmq']}, {facts['transport']}\n"
        f"  {facts['match_minutes_per_s']:g} match minutes and {facts['bets_per_s']:g} tickets a second, "
        f"{facts['customers']} customers, bet delay {facts['bet_delay_ms']} ms, seed {facts['seed']}"
    )


def complain(message: str) -> None:
    """Says on stderr why there is no report."""
    print(f"oddsengine demo: {message}", file=sys.stderr)
