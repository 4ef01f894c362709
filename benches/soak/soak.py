"""A soak: an engine, bets through its sockets, a follower to SQLite and one to PostgreSQL that are killed
again and again.

    benches/soak/soak.py                          10 minutes at 5,000 bets a second
    benches/soak/soak.py --seconds 20 --rate 500 --no-postgresql

At the end every projection must hold each acknowledged ticket once, the engine's balances to the cent, and
the tables that a
rebuild makes. Prints one JSON object; status 1 where something does not hold. Everything is bounded: time
by `--seconds`, bets by
`--seconds` times `--rate`, every wait by its own limit; the processes are ended with it.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import json
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from engine_process import Engine, announce, play_to_the_end  # noqa: E402
from oddsengine import _core, projection  # noqa: E402
from oddsengine.client import ticket_request  # noqa: E402

SERVER = ROOT / "tests" / "postgresql" / "server.sh"
# Requests of one message.
BATCH_MAX = 250
CATCH_UP_S_MAX = 300.0
END_S_MAX = 300.0
BOOK = "bet_delay_ms = 0"
LIMITS = """\
[limits]
market_loss_max = "1000000000.00"
fixture_loss_max = "1000000000.00"
competition_loss_max = "1000000000.00"
sport_loss_max = "1000000000.00"
platform_loss_max = "1000000000.00"
"""


@dataclass
class Options:
    """What to run."""

    seconds: float = 600.0
    rate: int = 5_000
    customers: int = 1_000
    fixtures: int = 20
    # Matches are played one after the other, so that bets are settled meanwhile.
    played: int = 8
    kill_every_s: float = 10.0
    seed: int = 1
    check: bool = True


@dataclass
class Following:
    """A follower's process, which is killed and started again, and what of its lag was seen."""

    name: str
    target: str
    journal: Path
    where: Callable[[], int]
    kills: int = 0
    process: subprocess.Popen[bytes] | None = None
    lag_s: list[float] = field(default_factory=list)
    errors: Path | None = None

    def start(self) -> None:
        assert self.errors is not None
        command = [sys.executable, "-m", "oddsengine.cli", "follow"]
        command += ["--journal", str(self.journal), "--to", self.target]
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)

    def kill(self) -> None:
        """As a crash does, and at once on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.kills += 1
        self.start()

    def end(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)


class Acknowledged:
    """When the journal had acknowledged what."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.seqs: list[int] = []

    def note(self, seq: int) -> None:
        if not self.seqs or self.seqs[-1] < seq:
            self.times.append(time.monotonic())
            self.seqs.append(seq)

    def lag_s(self, seq: int) -> float:
        """How long the oldest record beyond `seq` has been acknowledged."""
        place = bisect.bisect_right(self.seqs, seq)
        return 0.0 if place == len(self.seqs) else time.monotonic() - self.times[place]


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A server of our own; its URL.

    Raises:
        RuntimeError: There is none on this machine, or it does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(SERVER), "up", str(folder), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"PostgreSQL does not start: {done.stderr.strip()}")
    try:
        yield f"postgresql://odds@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([str(SERVER), "down", str(folder)], capture_output=True, timeout=90, check=False)


def of_sqlite(path: Path) -> Callable[[], int]:
    def seq() -> int:
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as database:
                return int(database.execute("SELECT seq FROM projection").fetchone()[0])
        except (sqlite3.Error, TypeError):
            return 0

    return seq


def of_postgresql(url: str) -> Callable[[], int]:
    import psycopg

    kept: list[Any] = []

    def seq() -> int:
        try:
            if not kept:
                kept.append(psycopg.connect(url, autocommit=True))
            return int(kept[0].execute("SELECT seq FROM oddsengine.projection").fetchone()[0])
        except (psycopg.Error, TypeError):
            kept.clear()
            return 0

    return seq


def percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(1_000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
        for name, share in at.items()
    }


def soak(options: Options, folder: Path, url: str | None) -> dict[str, Any]:
    """Run it; the report, with `holds` for everything that must."""
    rng = random.Random(options.seed)
    customers = range(1, options.customers + 1)
    fixtures = list(range(1_001, 1_001 + options.fixtures))
    answered: set[str] = set()
    accepted = refused = late_count = 0
    answer_s: list[float] = []
    wal_bytes_max = 0
    with (
        Engine(folder, LIMITS, book=BOOK).start() as engine,
        engine.feed() as feed,
        engine.orders() as orders,
        engine.odds() as odds,
    ):
        for fixture in fixtures:
            announce(feed, fixture, competition=f"cup {fixture % 7}")
        deposits = [
            {
                "type": "deposit",
                "transfer": f"{customer:032x}",
                "customer": customer,
                "currency": "EUR",
                "amount_minor": 1_000_000_000,
            }
            for customer in customers
        ]
        orders.batch(deposits, timeout_s=30)
        odds.wait(
            lambda: all(f in odds.boards and odds.boards[f].version > 0 for f in fixtures), timeout_s=30
        )
        beside = folder / "facts.sqlite"
        followings = [Following("sqlite", f"sqlite:{beside}", engine.journal, of_sqlite(beside))]
        if url is not None:
            followings.append(Following("postgresql", url, engine.journal, of_postgresql(url)))
        for following in followings:
            following.errors = folder / f"{following.name}.errors"
            following.start()
        head = _core.JournalFollower(engine.journal)
        acknowledged = Acknowledged()
        began_s = time.monotonic()
        end_s = began_s + options.seconds
        next_batch_s = next_look_s = began_s
        next_kill_s = began_s + options.kill_every_s * rng.uniform(0.3, 1.0)
        plays = [began_s + options.seconds * (i + 1) / (options.played + 1) for i in range(options.played)]
        live = list(fixtures)
        try:
            while (now_s := time.monotonic()) < end_s:
                if plays and plays[0] <= now_s and len(live) > 2:
                    plays.pop(0)
                    play_to_the_end(feed, live.pop(0))
                if next_look_s <= now_s:
                    next_look_s = now_s + 0.05
                    acknowledged.note(head.acknowledged_seq())
                    for following in followings:
                        following.lag_s.append(acknowledged.lag_s(following.where()))
                    log = engine.journal.with_name(engine.journal.name + "-wal")
                    wal_bytes_max = max(wal_bytes_max, log.stat().st_size)
                if options.kill_every_s and next_kill_s <= now_s:
                    next_kill_s = now_s + options.kill_every_s * rng.uniform(0.3, 1.7)
                    rng.choice(followings).kill()
                if now_s < next_batch_s:
                    time.sleep(min(next_batch_s - now_s, 0.01))
                    continue
                odds.poll(0.0)
                count = min(BATCH_MAX, max(1, options.rate // 20))
                next_batch_s += count / options.rate
                if next_batch_s < now_s - 1.0:
                    # It cannot keep up with the rate; what is late is not made up for.
                    late_count += int((now_s - next_batch_s) * options.rate)
                    next_batch_s = now_s
                requests = []
                for _ in range(count):
                    board = odds.boards[rng.choice(live)]
                    legs = [board.leg("1x2", rng.choice(("home", "draw", "away")))]
                    if rng.random() < 0.1:
                        other = odds.boards[rng.choice(live)]
                        if other is not board:
                            legs.append(other.leg("total:2.5", "over"))
                    requests.append(
                        ticket_request(
                            customer=rng.choice(customers),
                            legs=legs,
                            stake_minor=rng.randrange(10, 2_000),
                            odds_change="any",
                        )
                    )
                asked_s = time.monotonic()
                answers = orders.batch(requests, timeout_s=30)
                answer_s.append(time.monotonic() - asked_s)
                for request, answer in zip(requests, answers, strict=True):
                    answered.add(request["ticket"].replace("-", ""))
                    accepted += bool(answer.is_accepted)
                    refused += not answer.is_accepted
            load_s = time.monotonic() - began_s
            last_seq = _settled(head)
            until_s = time.monotonic() + CATCH_UP_S_MAX
            catch_up_s = {}
            waited_s = time.monotonic()
            for following in followings:
                while following.where() < last_seq and time.monotonic() < until_s:
                    time.sleep(0.05)
                catch_up_s[following.name] = round(time.monotonic() - waited_s, 2)
            engine.process.terminate()
            # It writes a snapshot of everything before it ends.
            engine.process.communicate(timeout=END_S_MAX)
            # What the end of the process wrote.
            last_seq = _settled(head)
            for following in followings:
                while following.where() < last_seq and time.monotonic() < until_s:
                    time.sleep(0.05)
        finally:
            codes = {following.name: following.end() for following in followings}
    report: dict[str, Any] = {
        "seconds": round(load_s, 1),
        "bets": len(answered),
        "bets_per_s": round(len(answered) / load_s),
        "accepted": accepted,
        "refused": refused,
        "late": late_count,
        "answer_ms": percentiles(answer_s),
        "journal_records": last_seq,
        "journal_wal_bytes_max": wal_bytes_max,
        "holds": {},
    }
    expected = _expected(engine.journal)
    for following in followings:
        found = _verify(following, engine.journal, answered, expected, check=options.check)
        found["ended well"] = codes[following.name] == 0
        report["holds"][following.name] = found
        report[f"{following.name}_kills"] = following.kills
        report[f"{following.name}_lag_ms"] = percentiles(following.lag_s)
        report[f"{following.name}_catch_up_s"] = catch_up_s[following.name]
    return report


def _settled(head: Any) -> int:
    """The acknowledged end, once it stands still."""
    seq, until_s = head.acknowledged_seq(), time.monotonic() + 5
    while time.monotonic() < until_s:
        time.sleep(0.3)
        if (further := head.acknowledged_seq()) == seq:
            break
        seq = further
    return int(seq)


def _expected(journal: Path) -> dict[tuple[str, str], int]:
    """The engine's balances of customers."""
    engine = _core.Engine.from_journal(journal)
    return {
        (item["account"], str(item["customer"])): item["posted_minor"]
        for item in engine.balances()
        if item["customer"] is not None and item["account"] in ("CustomerCash", "CustomerOpenStakes")
    }


def _verify(
    following: Following,
    journal: Path,
    answered: set[str],
    expected: dict[tuple[str, str], int],
    *,
    check: bool,
) -> dict[str, bool]:
    names = {"customer_cash": "CustomerCash", "customer_open_stakes": "CustomerOpenStakes"}
    with contextlib.closing(projection.open_store(following.target, journal)) as store:
        tables = {table.name: table for table in projection.TABLES}
        tickets = [row[0] for row in store.rows(tables["tickets"])]
        decided = [row[4] for row in store.rows(tables["price_decisions"]) if row[2] == 0]
        balances = {
            (names[row[0]], row[1]): row[3] for row in store.rows(tables["balances"]) if row[0] in names
        }
        found = {
            "nothing is missed": answered <= set(tickets),
            "nothing is there that was not asked": set(tickets) <= answered,
            "nothing is doubled": len(tickets) == len(set(tickets)) and len(decided) == len(set(decided)),
            "balances are the engine's": balances == expected,
        }
        if check:
            found["as rebuilt"] = not projection.check(journal, store).differing
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Options()
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--rate", type=int, default=default.rate, help="bets a second")
    parser.add_argument("--customers", type=int, default=default.customers)
    parser.add_argument("--fixtures", type=int, default=default.fixtures)
    parser.add_argument(
        "--kill-every", type=float, default=default.kill_every_s, help="seconds, about; 0 never"
    )
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--no-postgresql", action="store_true")
    parser.add_argument("--no-check", action="store_true", help="do not compare with a rebuild")
    given = parser.parse_args()
    if not (1 <= given.seconds <= 3_600 and 1 <= given.rate <= 20_000):
        parser.error("seconds are 1..=3600 and the rate 1..=20000")
    options = Options(
        seconds=given.seconds,
        rate=given.rate,
        customers=given.customers,
        fixtures=given.fixtures,
        kill_every_s=given.kill_every,
        seed=given.seed,
        check=not given.no_check,
    )
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oddsengine-soak-")))
        url = None
        if not given.no_postgresql:
            folder.chmod(0o711)
            url = stack.enter_context(postgresql(folder / "postgresql"))
        report = soak(options, folder, url)
    print(json.dumps(report, indent=1))
    return 0 if all(all(found.values()) for found in report["holds"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
