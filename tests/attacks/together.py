"""The long run: matches, bets, the crash suite's customers, kills, and attacks in turns, on one engine."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from bookkeeper import Bookkeeper, CheckError
from player import Player, end_journal
from rig import ATTACKERS, PING_MS_P99_MAX, RSS_MIB_MAX, SECTIONS, TCP, Measures

from engine_process import EngineProcess, write_config
from oddsengine import _core

Json = dict[str, Any]
SCENE = Path(__file__).with_name("scene.py")
# Seconds under load before the kill.
LIFE_S = 12.0
# Rounds on one journal: a replay from its beginning is part of every round.
ROUNDS_PER_JOURNAL = 8
PAUSE_S = 1.5


def _never_read(socket: str, request: Json, count: int) -> Callable[[], tuple[str, str, Json]]:
    return lambda: ("requests", socket, {"request": request, "count": count, "seconds": 5.0})


_QUERIES = [{"type": "ticket", "ticket": f"{1:032x}", "request_id": str(k)} for k in range(256)]
_HASHES = [{"type": "state_hash", "request_id": str(k)} for k in range(256)]
# Name -> kind, socket and options of ``attackers.py``.
FLOODS: dict[str, Callable[[], tuple[str, str, Json]]] = {
    "none": lambda: ("", "", {}),
    "subscriptions": lambda: ("subscriptions", "odds", {"seconds": 4.0, "mode": "toggle"}),
    "long prefixes": lambda: ("subscriptions", "odds", {"seconds": 4.0, "mode": "prefixes", "size": 4_000}),
    "user messages": lambda: ("subscriptions", "odds", {"seconds": 4.0, "mode": "user"}),
    "endless parts": lambda: ("parts", "orders", {"mib": 600, "socket_type": "DEALER"}),
    "endless parts to ingest": lambda: ("parts", "ingest", {"mib": 600, "socket_type": "PUSH"}),
    "images unread": _never_read("snapshot", {"type": "images", "request_id": "x"}, 400),
    "batches unread": _never_read(
        "orders", {"type": "batch", "request_id": "b", "requests": _QUERIES}, 5_000
    ),
    "state hashes": _never_read("orders", {"type": "batch", "request_id": "b", "requests": _HASHES}, 20),
    "large messages": lambda: (
        "large",
        "ingest",
        {"kind": int(zmq.PUSH), "bytes_each": 1_000_000, "count": 300, "hold_s": 4.0},
    ),
    "source names": lambda: ("sources", "ingest", {"count": 50_000, "seconds": 5.0, "is_numbered": False}),
    "refused tickets": lambda: ("tickets", "orders", {"count": 5_000, "mode": "tickets", "seconds": 6.0}),
    "made-up accounts": lambda: ("tickets", "orders", {"count": 5_000, "mode": "accounts", "seconds": 6.0}),
    "stopped process": lambda: ("", "", {}),
}


@dataclass
class Totals:
    """What all rounds have in common."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rss_mib: float = 0.0
    waited_ms: list[float] = field(default_factory=list)
    slow_rounds: list[str] = field(default_factory=list)
    old: list[Any] = field(default_factory=list)


class LongRun:
    """Rounds: an engine lives under load and one attack, is killed, and everything is checked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.totals = Totals()
        self.round_count = 0
        # Tickets of the scenes that were acknowledged as accepted, in the present journal.
        self.acknowledged: set[str] = set()

    def run(self, seconds: float) -> None:
        """Journal after journal."""
        until = time.monotonic() + seconds
        turns: list[str] = []
        while time.monotonic() < until:
            folder = self.folder / f"journal-{self.round_count}"
            folder.mkdir()
            config = write_config(folder, SECTIONS, endpoint=TCP)
            # The load alone is refused more often than refused tickets are kept.
            books = Bookkeeper(forgets_refused=True)
            self.acknowledged = set()
            for _ in range(ROUNDS_PER_JOURNAL):
                if not turns:
                    turns = list(FLOODS)
                    self.chance.shuffle(turns)
                self._round(folder, config, books, turns.pop())
                if until < time.monotonic():
                    break
            end_journal(config, books, self.chance)
            self._check_scenes(folder / "journal.db")
            self.totals.counts.update(books.counts())
            shutil.rmtree(folder)

    def _round(self, folder: Path, config: Path, books: Bookkeeper, name: str) -> None:
        self.round_count += 1
        totals = self.totals
        started: list[subprocess.Popen[str]] = []

        def start(*command: object) -> subprocess.Popen[str]:
            words = [sys.executable, *(str(word) for word in command)]
            started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            return started[-1]

        with EngineProcess(config) as engine:
            player = Player(engine, books, self.chance)
            try:
                player.catch_up()
                books.check_running(player, folder / "journal.db")
                options = {
                    "seconds": LIFE_S - 5.0,
                    "seed": self.chance.randrange(2**31),
                    "first_fixture": 100_000 + 100 * self.round_count,
                }
                scene = start(SCENE, folder, json.dumps(options))
                pings = start(
                    ATTACKERS, "pings", engine.endpoint("orders"), json.dumps({"seconds": LIFE_S - 5.0})
                )
                player.play(2.0)
                kind, socket, more = FLOODS[name]()
                if kind:
                    start(ATTACKERS, kind, engine.endpoint(socket), json.dumps(more))
                elif name == "stopped process":
                    engine.pause()
                    time.sleep(PAUSE_S)
                    engine.go_on()
                player.play(LIFE_S - 2.0)
                self._count_scene(_result(scene))
                self._count_pings(_result(pings), name)
                totals.rss_mib = max(totals.rss_mib, _peak_mib(engine))
                player.play(self.chance.uniform(0.0, 1.0))
                engine.kill()
                player.read_rest()
            finally:
                player.close()
                for process in started:
                    if process.poll() is None:
                        process.kill()
                    process.communicate()
        books.check_journal(folder / "journal.db")
        self._check_scenes(folder / "journal.db")
        print(
            f"round {self.round_count:3} {name:24} accepted {totals.counts['accepted in play']:6,} "
            f"old {len(totals.old)} RSS MiB {totals.rss_mib:.0f} slow rounds {len(totals.slow_rounds)}",
            flush=True,
        )

    def _count_scene(self, found: Json) -> None:
        totals = self.totals
        totals.counts["bets in play"] += found["sent"]
        totals.counts["accepted in play"] += len(found["accepted"])
        totals.counts["goals"] += found["goals"]
        totals.reasons.update(found["reasons"])
        totals.old += found["old"]
        self.acknowledged |= set(found["accepted"])

    def _count_pings(self, found: Json, name: str) -> None:
        # A stopped process answers nobody.
        if name == "stopped process":
            return
        self.totals.waited_ms += found["waited_ms"]
        if found["p99_ms"] > PING_MS_P99_MAX:
            self.totals.slow_rounds.append(f"{name} {found['p99_ms']:.0f} ms")

    def _check_scenes(self, journal: Path) -> None:
        """What a scene was told is accepted is in the journal."""
        kept = {
            ticket["ticket"]
            for ticket in _core.Engine.from_journal(journal).tickets()
            if ticket["state"] in ("accepted", "settled", "cancelled")
        }
        if missing := self.acknowledged - kept:
            raise CheckError(f"{len(missing)} acknowledged tickets are missing: {sorted(missing)[:3]}")


def _result(process: subprocess.Popen[str]) -> Json:
    output, _ = process.communicate(timeout=120)
    if process.returncode:
        raise CheckError(f"a helper process ended with {process.returncode}")
    found: Json = json.loads(output)
    return found


def _peak_mib(engine: EngineProcess) -> float:
    for line in Path(f"/proc/{engine.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM")


def run(*, minutes: float, seed: int | None, is_timed: bool) -> int:
    """Run for so long, print the figures; 0 when everything held."""
    seed = seed if seed is not None else time.time_ns() % 2**32
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="attack-", dir="/tmp"))
    long_run = LongRun(folder, seed)
    failure = ""
    try:
        long_run.run(minutes * 60)
    except (CheckError, subprocess.TimeoutExpired, RuntimeError, TimeoutError, OSError) as error:
        failure = f"{type(error).__name__}: {error}"
    totals = long_run.totals
    measures = Measures(is_timed=is_timed)
    measures.most("bets taken at a price that the delivered feed had left", len(totals.old), 0)
    measures.equal("acknowledged records and replayed hashes", failure or "all there", "all there")
    measures.most("RSS at most MiB", totals.rss_mib, RSS_MIB_MAX)
    waited = sorted(totals.waited_ms) or [0.0]
    measures.most("ping p99 ms", waited[len(waited) * 99 // 100], PING_MS_P99_MAX, is_time=True)
    measures.told("max ms", waited[-1])
    measures.most("rounds with a p99 above it", len(totals.slow_rounds), 0, is_time=True)
    measures.least("bets taken in play", totals.counts["accepted in play"], 1)
    for text, holds in measures.lines:
        print(("held   " if holds else "BROKE  ") + text)
    print(f"{long_run.round_count} rounds, {len(waited):,} pings; {dict(totals.counts)}")
    print(f"refused in play: {dict(totals.reasons.most_common())}; slow: {totals.slow_rounds}")
    for ticket, score, late_s in totals.old[:10]:
        print(f"old: {ticket} at {score}, {late_s:.2f} s after the goal")
    if failure:
        print(f"the files are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if measures.is_held else 1
