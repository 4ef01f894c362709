"""A life cycle, and a restart from the state after each of its records."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oddsengine import _core
from oddsengine.config import parse

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SETTINGS = {
    "book": {"bet_delay_ms": 3_000},
    "limits": {
        "settlement_delay_ms": 5_000,
        "archive_after_ms": 60_000,
        "archive_fixture_after_ms": 120_000,
        "archive_money_after_ms": 60_000,
        "archive_refused_after_ms": 30_000,
    },
}
CONFIG = parse(SETTINGS, needs_journal=False).engine
ARCHIVE = ("archived_ticket", "archived_leg", "archived_fixture", "archived_transfer", "archive_size")

# In another process: two libraries of SQLite in one would take each other's locks away.
COPIES = """
import sqlite3, sys, time
journal = sys.argv[1]
for line in sys.stdin:
    seq, target = line.rstrip().split(" ", 1)
    for _ in range(2_000):
        source = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
        found = source.execute("SELECT max(seq) FROM snapshot").fetchone()[0] or 0
        if found >= int(seq):
            break
        source.close()
        time.sleep(0.003)
    copy = sqlite3.connect(target)
    source.backup(copy)
    copy.close()
    source.close()
    print(found, flush=True)
"""


class Life:
    """An engine that writes a snapshot after every record, and a copy of its journal with each of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal = folder, folder / "journal.db"
        self.now_ns = START_NS
        self.service = _core.Service(
            journal=str(self.journal), config=CONFIG, now_ns=self.now_ns, snapshot_every=1
        )
        self.copies: list[tuple[int, Path]] = []
        self.answers: list[dict[str, Any]] = []
        self._requests = 0
        command = [sys.executable, "-c", COPIES, str(self.journal)]
        self.copier = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn()

    def copy(self, seq: int, target: Path) -> int:
        """A copy of the database as soon as it holds a snapshot of this record."""
        assert self.copier.stdin is not None
        assert self.copier.stdout is not None
        self.copier.stdin.write(f"{seq} {target}\n")
        self.copier.stdin.flush()
        return int(self.copier.stdout.readline())

    def turn(self) -> None:
        """End a turn, and keep what it came to."""
        service = self.service
        service.end_turn()
        until_s = time.monotonic() + 20
        while service.metrics()["durable_seq"] != service.metrics()["last_seq"]:
            service.durable()
            assert time.monotonic() < until_s
            time.sleep(0.001)
        service.durable()
        for target, parts in service.take_frames(self.now_ns):
            if target == 2:
                self.answers.append(json.loads(parts[-1]))
        seq = int(str(service.metrics()["last_seq"]))
        if not self.copies or self.copies[-1][0] != seq:
            copy = self.folder / f"{seq:05}"
            copy.mkdir()
            assert self.copy(seq, copy / "journal.db") == seq
            self.copies.append((seq, copy))

    def feed(self, message_type: str, **message: Any) -> None:
        self.now_ns += MS
        head = {"type": message_type, "source": "scout", "time_ns": self.now_ns}
        self.service.ingest(json.dumps(head | message).encode(), self.now_ns)
        self.turn()

    def incident(self, fixture: int, kind: str, clock_ms: int, score: list[int], **more: Any) -> None:
        self.feed("incident", fixture=fixture, kind=kind, clock_ms=clock_ms, score=score, **more)
        self.work_off()

    def order(self, kind: str, **request: Any) -> None:
        self.now_ns += MS
        self._requests += 1
        head = {"type": kind, "request_id": f"r{self._requests}"}
        self.service.order(b"me", json.dumps(head | request).encode(), self.now_ns)
        self.turn()

    def ticket(self, number: int, customer: int, *legs: dict[str, Any]) -> None:
        self.order(
            "place_ticket",
            ticket=f"{number:032x}",
            customer=customer,
            currency="EUR",
            stake_minor=100,
            odds_change={"policy": "any"},
            legs=legs,
        )

    def leg(self, fixture: int, market: str, selection: str) -> dict[str, Any]:
        image = {"type": "image", "request_id": "i", "fixture": fixture}
        self.service.snapshot_request(b"me", json.dumps(image).encode(), self.now_ns)
        self.service.end_turn()
        frames = [json.loads(parts[-1]) for _, parts in self.service.take_frames(self.now_ns)]
        board = next(frame for frame in frames if frame.get("kind") == "image")
        known = board["markets"][market]
        odds = known["odds"][known["selections"].index(selection)]
        version = [board["epoch"], board["version"]]
        return {
            "fixture": fixture,
            "market": market,
            "selection": selection,
            "odds": odds,
            "version": version,
        }

    def slice(self) -> bool:
        """One slice of due work."""
        has_worked = self.service.work_off()
        self.turn()
        return has_worked

    def work_off(self) -> None:
        for _ in range(500):
            if not self.slice():
                return
        raise AssertionError("work that never ends")

    def pass_time(self, ms: int) -> None:
        self.now_ns += ms * MS
        self.service.tick(self.now_ns)
        self.turn()
        self.work_off()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    found = Life(tmp_path)
    yield found
    found.copier.kill()
    found.copier.communicate()


def live(life: Life) -> None:
    """Bets, some that wait for their delay, and some on two matches; a goal, its cancellation, results; half
    of them settled, and money moved in between; a result taken back and told anew; archived, asked for,
    settled anew.
    """
    for customer in (1, 2, 3):
        life.order(
            "deposit", transfer=f"{customer:032x}", customer=customer, amount_minor=100_000, currency="EUR"
        )
    for fixture in (1001, 1002):
        start_ns = life.now_ns + 3_600_000 * MS
        life.feed(
            "fixture",
            fixture=fixture,
            sport="football",
            competition="cup",
            home="A",
            away="B",
            start_ns=start_ns,
        )
        life.feed(
            "prices", fixture=fixture, odds_1x2=[3.36, 3.63, 2.1], total_line=2.5, odds_total=[2.04, 1.79]
        )
    home, other = life.leg(1001, "1x2", "home"), life.leg(1002, "1x2", "home")
    for number in range(70):
        life.ticket(1_000 + number, 1 + number % 2, home)
    for number in range(4):
        life.ticket(2_000 + number, 3, home, other)
    life.ticket(3_000, 9, home)
    for fixture in (1001, 1002):
        life.incident(fixture, "kick_off", 0, [0, 0])
    life.ticket(4_000, 1, life.leg(1001, "1x2", "home"))
    life.pass_time(1_000)
    life.ticket(4_001, 2, life.leg(1002, "1x2", "draw"))
    life.pass_time(2_500)
    life.incident(1001, "goal", 600_000, [1, 0], side="home")
    life.pass_time(3_000)
    life.incident(1001, "goal_cancelled", 620_000, [0, 0], side="home")
    life.incident(1001, "goal", 900_000, [1, 0], side="home")
    for fixture, score in ((1001, [1, 0]), (1002, [0, 0])):
        life.incident(fixture, "half_time", 2_700_000, score)
        life.incident(fixture, "second_half", 2_700_000, score)
    life.feed("incident", fixture=1001, kind="full_time", clock_ms=5_400_000, score=[1, 0])
    assert life.slice()
    life.order("withdraw", transfer=f"{77:032x}", customer=1, amount_minor=500, currency="EUR")
    assert life.slice()
    life.order("cancel_ticket", source="alice", ticket=f"{1_069:032x}")
    life.work_off()
    life.pass_time(6_000)
    life.feed("settle_market", fixture=1001, market="1x2", grades=["lost", "won", "lost"])
    assert life.slice()
    life.feed("settle_market", fixture=1001, market="1x2", grades=None)
    life.work_off()
    life.incident(1002, "full_time", 5_400_000, [0, 0])
    life.pass_time(6_000)
    life.order("void_fixture", source="alice", fixture=1002)
    life.work_off()
    life.order("reinstate_fixture", source="alice", fixture=1002)
    for _ in range(6):
        life.pass_time(40_000)
    metrics = life.service.metrics()
    assert (metrics["tickets"], metrics["fixtures"], metrics["transfers_kept"]) == (0, 0, 0)
    life.order("ticket", ticket=f"{1_003:032x}")
    life.ticket(1_004, 1, other)
    life.order("deposit", transfer=f"{1:032x}", customer=1, amount_minor=100_000, currency="EUR")
    life.feed("settle_market", fixture=1001, market="1x2", grades=["lost", "lost", "won"])
    assert life.slice()
    life.order("withdraw", transfer=f"{78:032x}", customer=2, amount_minor=100, currency="EUR")
    life.work_off()
    life.pass_time(6_000)


def opened(folder: Path, now_ns: int) -> tuple[str, list[dict[str, Any]], int]:
    """The state, the balances and the first record that was read of a journal that is opened."""
    service = _core.Service(
        journal=str(folder / "journal.db"), config=CONFIG, now_ns=now_ns, snapshot_every=0
    )
    assert all(service.invariants().values())
    found = (service.state_hash(), service.balances(), int(service.start_report["verified_from"]))
    service.close()
    return found


def test_o06_a_state_of_any_moment_and_the_rest_of_the_log_are_the_unbroken_run(life: Life) -> None:
    """O06: a snapshot between a result and what followed from it restored a market to the state before, lost
    its result, or lost what was pending.

    A snapshot after every record of a life cycle, opened with the records after it: the state is that of the
    records from the first one on, to the hash, and the balances are those of the run that was not broken.
    """
    live(life)
    end = life.folder / "end"
    end.mkdir()
    life.copy(0, end / "journal.db")
    shutil.copy(life.folder / "journal.db.mark", end / "journal.db.mark")
    unbroken, now_ns = life.service.balances(), life.now_ns + MS
    last_seq = life.service.metrics()["last_seq"]
    life.service.close()
    refused = [answer for answer in life.answers if answer["type"] in ("error", "refused")]
    assert [answer["reason"]["name"] for answer in refused] == ["id_has_another_body"]

    whole = life.folder / "whole"
    shutil.copytree(end, whole)
    with sqlite3.connect(whole / "journal.db") as database:
        database.execute("DELETE FROM snapshot")
        database.execute("DELETE FROM snapshot_part")
    database.close()
    expected, balances, first_seq = opened(whole, now_ns)
    assert (balances, first_seq) == (unbroken, 1)
    assert [seq for seq, _ in life.copies][-1] == last_seq
    assert len(life.copies) > 130
    for seq, folder in life.copies:
        with sqlite3.connect(folder / "journal.db") as database:
            database.execute("ATTACH ? AS whole", (str(end / "journal.db"),))
            database.execute("DELETE FROM snapshot WHERE seq <> ?", (seq,))
            database.execute(
                "INSERT INTO journal_group SELECT * FROM whole.journal_group WHERE first_seq > ?", (seq,)
            )
            for table in ARCHIVE:
                database.execute(f"DELETE FROM {table}")
                database.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")
        database.close()
        shutil.copy(end / "journal.db.mark", folder / "journal.db.mark")
        found, balances, first_seq = opened(folder, now_ns)
        # From the group on that the snapshot ends in: some records at most.
        assert seq - 8 < first_seq <= seq, "the snapshot was used"
        assert (found, balances) == (expected, unbroken), f"from the state after record {seq}"
        shutil.rmtree(folder)
