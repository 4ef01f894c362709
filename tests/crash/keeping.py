"""Kills a process that archives, recalls and compacts, and `oddsengine compact`, at random moments.

``python tests/crash/keeping.py --rounds 20``; the seed is printed, ``--seed`` plays it again. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bookkeeper import CheckError

from engine_process import EngineProcess, write_config
from oddsengine import _core
from oddsengine.client import FeedClient, OddsClient, OrdersClient, RequestTimeoutError, Ticket

Json = dict[str, Any]
CUSTOMERS = (41, 42, 43)
DEPOSIT_MINOR = 10_000_000
# Everything leaves after the shortest time that is taken, and segments are as small as they may be.
SECTIONS = {
    "sockets": {"heartbeat_ms": 100},
    "journal": {
        "path": "journal.db",
        "snapshot_every": 60,
        "compact": True,
        "segment_bytes": 65_536,
    },
    "book": {"bet_delay_ms": 0},
    "limits": {
        "archive_after_ms": 1_000,
        "archive_refused_after_ms": 1_000,
        "archive_fixture_after_ms": 1_000,
        "archive_money_after_ms": 1_000,
    },
}
BETS_PER_FIXTURE = 40
# Longest time under load before the kill: tickets leave a second after their fixture.
LIFE_S_MAX = 2.5
PATIENCE_S = 30.0
# As long is waited for an answer of a process that may have been killed.
ANSWER_S = 4.0
FEED = "keeping-feed"


def main() -> int:
    """Run the rounds; 0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="kills of an engine (default 20)")
    parser.add_argument("--seed", type=int, default=None, help="play this one again")
    parser.add_argument("--folder", type=Path, default=None, help="where the journal is kept afterwards")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 2**32
    print(f"seed {seed}", flush=True)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="oddsengine-keeping-"))
    folder.mkdir(parents=True, exist_ok=True)
    keeping = Keeping(folder, random.Random(seed))
    try:
        keeping.run(options.rounds)
    except CheckError as error:
        print(f"FAILED: {error}\nseed {seed}, the files are in {folder}", file=sys.stderr)
        return 1
    print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in keeping.totals.items()))
    if options.folder is None:
        shutil.rmtree(folder)
    return 0


class Keeping:
    """One journal over all rounds: matches are played to their end, bet on, forgotten, and told otherwise."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.config = write_config(folder, SECTIONS)
        self.journal = folder / "journal.db"
        self.fixture = 1000
        # By ticket: what was asked, and the decision that was acknowledged.
        self.asked: dict[str, Json] = {}
        self.acknowledged: dict[str, Ticket] = {}
        # By fixture: who won, as it was told last; a message that was sent may be lost with the process.
        self.results: dict[int, str] = {}
        self.totals = dict.fromkeys(
            (
                "rounds",
                "bets",
                "repeats",
                "archived",
                "recalled",
                "retired_fixtures",
                "segments",
                "killed_compactions",
            ),
            0,
        )

    def run(self, rounds: int) -> None:
        """Play so many rounds, then come to rest and compare everything."""
        for _ in range(rounds):
            self.totals["rounds"] += 1
            with EngineProcess(self.config) as engine:
                # While it is asked, archives, recalls, seals: whatever it does at that moment.
                killer = threading.Timer(self.chance.uniform(0.1, LIFE_S_MAX), engine.kill)
                killer.start()
                try:
                    self._play(engine)
                finally:
                    killer.join()
            self.check_journal()
            if self.chance.random() < 0.7:
                self._compact_and_kill()
        self._come_to_rest()

    # Load

    def _play(self, engine: EngineProcess) -> None:
        """Until it is killed."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            feed = FeedClient(engine.endpoint("ingest"), source=FEED, context=context)
            orders = OrdersClient(engine.endpoint("orders"), timeout_s=ANSWER_S, context=context)
            odds = OddsClient(engine.endpoint("odds"), engine.endpoint("snapshot"), context=context)
            for customer in CUSTOMERS:
                # With the same id each time: booked once.
                transfer = f"{customer:032x}"
                orders.deposit(customer=customer, amount_minor=DEPOSIT_MINOR, transfer=transfer)
            while engine.is_running():
                self._match(feed, orders, odds)
                self._repeat_some(orders)
                self._correct_one(feed)
                time.sleep(self.chance.choice((0.0, 0.05, 0.3)))
        except (RequestTimeoutError, TimeoutError) as error:
            if engine.is_running():
                raise CheckError(f"a running engine does not answer: {error}; {engine.errors()}") from error
        finally:
            # What was not sent is lost, as with any process.
            context.destroy(linger=0)

    def _match(self, feed: FeedClient, orders: OrdersClient, odds: OddsClient) -> None:
        """A whole match: prices, bets, and a goal of one side."""
        self.fixture += 1
        fixture, winner = self.fixture, self.chance.choice(("home", "away"))
        feed.fixture(fixture, competition="cup", home="H", away="A", start_ns=0)
        feed.prices(fixture, odds_1x2=[3.36, 3.63, 2.1], total_line=2.5, odds_total=[2.04, 1.79])
        odds.wait(lambda: fixture in odds.boards and odds.boards[fixture].version > 0, ANSWER_S)
        board = odds.boards[fixture]
        requests = []
        for _ in range(BETS_PER_FIXTURE):
            selection = self.chance.choice(("home", "away"))
            identity = f"{len(self.asked) + 1:032x}"
            price = board.markets["1x2"].odds[("home", "draw", "away").index(selection)]
            leg = {
                "fixture": fixture,
                "market": "1x2",
                "selection": selection,
                "odds": price,
                "version": [board.epoch, board.version],
            }
            self.asked[identity] = {
                "type": "place_ticket",
                "ticket": identity,
                "customer": self.chance.choice(CUSTOMERS),
                "currency": "EUR",
                "stake_minor": self.chance.randrange(100, 900),
                "odds_change": {"policy": "any"},
                "legs": [leg],
            }
            requests.append(self.asked[identity])
        self._ask(orders, requests, ANSWER_S)
        goal = (1, 0) if winner == "home" else (0, 1)
        for kind, clock_ms, score, side in (
            ("kick_off", 0, (0, 0), None),
            ("goal", 600_000, goal, winner),
            ("half_time", 2_700_000, goal, None),
            ("second_half", 2_700_000, goal, None),
            ("full_time", 5_400_000, goal, None),
        ):
            feed.incident(fixture, kind, clock_ms, side=side, score=score)
        self.results[fixture] = winner

    def _ask(self, orders: OrdersClient, requests: list[Json], timeout_s: float) -> None:
        """Answers are acknowledgements: what was acknowledged before is acknowledged in the same way."""
        for ticket in orders.batch(requests, timeout_s=timeout_s):
            if not isinstance(ticket, Ticket):
                raise CheckError(f"no answer to a bet: {ticket}")
            first = self.acknowledged.setdefault(ticket.ticket, ticket)
            if decision(first) != decision(ticket):
                raise CheckError(f"another answer to the same request:\n{first}\n{ticket}")

    def _repeat_some(self, orders: OrdersClient) -> None:
        """Requests from long ago, once more: most of their tickets have left memory."""
        accepted = [name for name, ticket in self.acknowledged.items() if not is_refused(ticket)]
        some = self.chance.sample(accepted, min(5, len(accepted)))
        self.totals["repeats"] += len(some)
        self._ask(orders, [self.asked[name] for name in some], ANSWER_S)

    def _correct_one(self, feed: FeedClient) -> None:
        """A result is told otherwise, long after: all tickets of that match come back."""
        if not self.results or self.chance.random() < 0.5:
            return
        fixture = self.chance.choice(list(self.results))
        winner = self.chance.choice(("home", "away"))
        self._settle(feed, fixture, winner)

    def _settle(self, feed: FeedClient, fixture: int, winner: str) -> None:
        grades = ["won", "lost", "lost"] if winner == "home" else ["lost", "lost", "won"]
        feed.send({"type": "settle_market", "fixture": fixture, "market": "1x2", "grades": grades})
        self.results[fixture] = winner

    # Compaction

    def _compact_and_kill(self) -> None:
        """`oddsengine compact`, killed at a random moment, several times; what it left is whole each time."""
        command = [sys.executable, "-m", "oddsengine.cli", "compact", str(self.journal), "--json"]
        for _ in range(self.chance.randrange(1, 4)):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                # Most of the time is Python's start.
                process.communicate(timeout=self.chance.uniform(0.15, 0.6))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.totals["killed_compactions"] += 1
            else:
                # A journal that was killed before its second snapshot cannot be compacted.
                if process.returncode not in (0, 2):
                    raise CheckError(f"compact ended with {process.returncode}")
            self.check_journal()

    # Checks

    def check_journal(self) -> None:
        """The chain is whole through all segments, and every acknowledged ticket is in one place."""
        report = _core.verify_journal(str(self.journal))
        if not report["is_sound"]:
            raise CheckError(f"the journal is damaged: {report['damages']}")
        engine = _core.Engine.from_journal(str(self.journal))
        broken = {name: holds for name, holds in engine.invariants().items() if holds is not True}
        if broken:
            raise CheckError(f"invariants do not hold: {broken}")
        hot = Counter(ticket["ticket"] for ticket in engine.tickets())
        if twice := [name for name, count in hot.items() if count > 1]:
            raise CheckError(f"tickets are in memory twice: {twice}")
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as database:
            archived = {row[0].hex() for row in database.execute("SELECT id FROM archived_ticket")}
            legs = {row[0].hex() for row in database.execute("SELECT ticket FROM archived_leg")}
            size = database.execute(
                "SELECT ticket_count, fixture_count, transfer_count, is_stale FROM archive_size"
            ).fetchone()
            counts = [
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("archived_ticket", "archived_fixture", "archived_transfer")
            ]
            (segments,) = database.execute(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'segment'"
            ).fetchone()
            if segments:
                (segments,) = database.execute("SELECT count(*) FROM segment").fetchone()
        if size != (*counts, 0):
            raise CheckError(f"the archive says {size}, and has {counts}")
        self.totals["retired_fixtures"] = counts[1]
        self.totals["segments"] = segments
        self.totals["archived"] = max(self.totals["archived"], len(archived))
        self.totals["recalled"] = max(self.totals["recalled"], len(archived & hot.keys()))
        if unknown := (archived | hot.keys()) - self.asked.keys():
            raise CheckError(f"tickets that nobody asked for: {unknown}")
        for name, ticket in self.acknowledged.items():
            if is_refused(ticket):
                continue
            if name not in hot and name not in archived:
                raise CheckError(f"an acknowledged ticket is in no place: {ticket}")
            if name in archived and name not in legs:
                raise CheckError(f"an archived ticket is on no fixture: {ticket}")
        self.totals["bets"] = len(self.acknowledged)

    def _come_to_rest(self) -> None:
        """Everything is asked once more, all results are told once more: balances are our own arithmetic."""
        with EngineProcess(self.config) as engine:
            with (
                FeedClient(engine.endpoint("ingest"), source=FEED) as feed,
                OrdersClient(engine.endpoint("orders")) as orders,
            ):
                requests = list(self.asked.values())
                for customer in CUSTOMERS:
                    if orders.balance(customer).available_minor == 0:
                        raise CheckError(f"customer {customer} has no money")
                for first in range(0, len(requests), 32):
                    self._ask(orders, requests[first : first + 32], PATIENCE_S)
                accepted = [ticket for ticket in self.acknowledged.values() if not is_refused(ticket)]
                for fixture in sorted({leg.fixture or 0 for ticket in accepted for leg in ticket.legs}):
                    # Whichever was killed before its end is over by this as well.
                    self._settle(feed, fixture, self.results.get(fixture, "home"))
                self._await_balances(orders)
            if (code := engine.stop()) != 0:
                raise CheckError(f"a clean stop ended with {code}: {engine.errors()}")
        self.check_journal()

    def _await_balances(self, orders: OrdersClient) -> None:
        expected = {customer: self._expected_minor(customer) for customer in CUSTOMERS}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = {customer: orders.balance(customer).available_minor for customer in CUSTOMERS}
            if found == expected:
                return
            if deadline < time.monotonic():
                raise CheckError(f"balances are {found}, expected {expected}")
            time.sleep(0.1)

    def _expected_minor(self, customer: int) -> int:
        minor = DEPOSIT_MINOR
        for name, ticket in self.acknowledged.items():
            request = self.asked[name]
            if request["customer"] != customer or is_refused(ticket):
                continue
            (leg,) = ticket.legs
            minor -= ticket.stake_minor
            if self.results[leg.fixture] == leg.selection:
                minor += ticket.stake_minor * round(leg.odds * 10_000) // 10_000
        return minor


def is_refused(ticket: Ticket) -> bool:
    return ticket.state == "refused"


def decision(ticket: Ticket) -> tuple[object, ...]:
    """What of a ticket never changes once it is decided."""
    legs = [(leg.fixture, leg.market, leg.selection, leg.odds) for leg in ticket.legs]
    return (ticket.ticket, ticket.stake_minor, ticket.reason, legs)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
