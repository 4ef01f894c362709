"""Projections in SQLite: what a journal says as tables, at least once read and once kept, and the same
when built anew.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_process import Engine, announce, eventually, play_to_the_end
from oddsengine import _core, cli, projection
from oddsengine.exceptions import JournalError
from oddsengine.projection import Follower, ProjectionError, SqliteStore, Store, table_hashes

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "journals"
OF_DEBITS = {"psp", "customer_receivable"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A copy of the golden journal of a release."""
    for name in ("journal.db", "journal.db.mark"):
        shutil.copy(GOLDEN / "0.1.0" / name, tmp_path / name)
    return tmp_path / "journal.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SqliteStore]:
    with contextlib.closing(SqliteStore(path)) as store:
        yield store


def kept(store: Store, name: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    table = next(table for table in projection.TABLES if table.name == name)
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in store.rows(table)]


def asked(path: Path, query: str) -> list[tuple[Any, ...]]:
    from oddsengine.projection._sql import query as ask

    return ask(path, query)[1]


def shown(journal: Path, what: str) -> Any:
    command = [sys.executable, "-m", "oddsengine.cli", "show", str(journal), what, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def of_engine(items: list[dict[str, Any]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The ledger's accounts as credits less debits, without those on which nothing is: the engine forgets
    them.
    """
    accounts = {
        (
            snake(item["account"]),
            "" if item["customer"] is None else str(item["customer"]),
            item["currency"],
        ): (
            (-1 if snake(item["account"]) in OF_DEBITS else 1) * item["posted_minor"],
            item["reserved_minor"],
        )
        for item in items
    }
    return {account: sums for account, sums in accounts.items() if sums != (0, 0)}


def of_projection(store: Store) -> dict[tuple[str, str, str], tuple[int, int]]:
    accounts = {
        (row["account"], row["customer"], row["currency"]): (row["balance_minor"], row["reserved_minor"])
        for row in kept(store, "balances")
    }
    return {account: sums for account, sums in accounts.items() if sums != (0, 0)}


def one_by_one(follower: Follower) -> None:
    """A group a transaction."""
    while follower.step(1):
        pass


# Golden


@pytest.mark.parametrize("release", sorted(path.name for path in GOLDEN.iterdir()))
def test_a_golden_journal_has_the_engines_money_and_tickets(tmp_path: Path, release: str) -> None:
    """Against what the release itself wrote down: balances, and every ticket with its state, payment and
    grades.
    """
    for name in ("journal.db", "journal.db.mark"):
        shutil.copy(GOLDEN / release / name, tmp_path / name)
    expected = json.loads((GOLDEN / release / "expected.json").read_text())
    with opened(tmp_path / "facts") as store:
        Follower(tmp_path / "journal.db", store).catch_up()
        assert of_projection(store) == of_engine(expected["balances"])
        assert sum(row["balance_minor"] for row in kept(store, "balances")) == 0
        legs: dict[str, list[tuple[Any, ...]]] = {}
        for row in sorted(kept(store, "legs"), key=lambda row: row["leg"]):
            grade = None if row["grade"] == "open" else row["grade"]
            legs.setdefault(row["ticket"], []).append(
                (int(row["fixture"]), row["market"], row["selection"], grade)
            )
        tickets = {
            row["ticket"]: (
                int(row["customer"]),
                row["state"],
                row["reason"] or None,
                row["stake_minor"],
                row["paid_minor"],
                legs.get(row["ticket"], []),
            )
            for row in kept(store, "tickets")
        }
    told = {
        ticket["ticket"].replace("-", ""): (
            ticket["customer"],
            ticket["state"],
            ticket["reason"] and ticket["reason"]["name"],
            ticket["stake_minor"],
            ticket["paid_minor"],
            [(leg["fixture"], leg["market"], leg["selection"], leg["grade"]) for leg in ticket["legs"]],
        )
        for ticket in shown(tmp_path / "journal.db", "tickets")
    }
    assert told
    assert {ticket: row for ticket, row in tickets.items() if ticket in told} == told
    # What has left the engine's memory for its archive stays here.
    archived = {row[1] for ticket, row in tickets.items() if ticket not in told}
    assert archived
    assert archived <= {"refused", "settled", "cancelled"}


def test_the_golden_rows_are_counted(journal: Path) -> None:
    """How many rows the release's journal makes of each table: another number is another projection."""
    with opened(journal.with_name("facts")) as store:
        Follower(journal, store).catch_up()
        counts = {name: int(value.split(":")[0]) for name, value in table_hashes(store).items()}
    assert counts.pop("selections") > 2_000
    assert counts == {
        "fixtures": 9,
        "annulments": 2,
        "incidents": 74,
        "results": 4_994,
        "tickets": 28,
        "legs": 34,
        "price_decisions": 43,
        "settlements": 72,
        "postings": 129,
        "balances": 11,
        "limits": 6,
        "customers": 2,
        "changes": 81,
        "staff_actions": 50,
        "refusals": 12,
        "alerts": 7,
        "epochs": 3,
    }


# Any cut of a journal leads to the same rows


@pytest.mark.parametrize("seed", range(6))
def test_any_prefix_and_the_rest_are_the_whole(journal: Path, seed: int) -> None:
    """Batches of any size, and a new follower after any of them: what a batch joins in memory another one
    reads back.
    """
    rng = random.Random(seed)
    with opened(journal.with_name("whole")) as whole, opened(journal.with_name("parts")) as parts:
        Follower(journal, whole).catch_up()
        follower = Follower(journal, parts)
        while follower.step(rng.choice((1, 2, 3, 10, 50))):
            if rng.random() < 0.5:
                follower = Follower(journal, parts)
        assert follower.position == whole.position()
        assert table_hashes(parts) == table_hashes(whole)


def test_a_batch_that_is_given_again_is_refused_and_changes_nothing(journal: Path) -> None:
    """At least once from the journal, once in the tables: the position moves in the transaction of the
    rows.
    """
    with opened(journal.with_name("facts")) as store:
        reader = _core.JournalFollower(journal)
        journal_id, seq, link = reader.position
        before = projection.Position(journal_id, seq, link, 0, "")
        store.create(before)
        read = reader.read(10)
        assert read is not None
        after = projection.Position(journal_id, read["seq"], read["hash"], read["committed_ns"], "")
        batch = projection.Batch(read["tables"], read["records"], after)
        store.apply(batch, before)
        kept_before = table_hashes(store)
        with pytest.raises((ProjectionError, sqlite3.IntegrityError)):
            store.apply(batch, before)
        # A batch without a row that would be there twice is refused for its position alone.
        with pytest.raises(ProjectionError, match="another follower writes it") as caught:
            store.apply(projection.Batch({}, 1, after), before)
        assert caught.value.code == "moved"
        assert table_hashes(store) == kept_before
        assert store.position() == after


def test_a_failure_in_the_middle_leaves_the_batch_before(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(journal.with_name("facts")) as store:
        follower = Follower(journal, store)
        follower.step(50)
        before, hashes = store.position(), table_hashes(store)

        def breaks(*_: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(store, "_patch", breaks)
        with pytest.raises(RuntimeError):
            follower.catch_up()
        monkeypatch.undo()
        # Each of its batches was whole or not there.
        assert store.position() == before
        assert table_hashes(store) == hashes
        Follower(journal, store).catch_up()
        assert projection.check(journal, store).differing == []


# Rebuilding and checking


def test_check_finds_what_was_changed_by_hand(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    follow = ["follow", "--journal", str(journal)]
    assert cli.main([*follow, "--once"]) == 0
    assert cli.main([*follow, "--check"]) == 0
    beside = projection.default_path(journal)
    with contextlib.closing(sqlite3.connect(beside)) as database, database:
        database.execute("UPDATE tickets SET paid_minor = paid_minor + 1 WHERE state = 'settled'")
    capsys.readouterr()
    assert cli.main([*follow, "--check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differing"] == ["tickets"]
    assert cli.main([*follow, "--rebuild", "--once"]) == 0
    assert cli.main([*follow, "--check"]) == 0


def test_another_schema_version_says_so_and_is_built_anew_on_request(journal: Path) -> None:
    beside = projection.default_path(journal)
    with opened(beside) as store:
        Follower(journal, store).catch_up()
        hashes = table_hashes(store)
    with contextlib.closing(sqlite3.connect(beside)) as database, database:
        database.execute("UPDATE projection SET schema_version = 0")
    with opened(beside) as store:
        with pytest.raises(ProjectionError, match="schema version 0, and this release writes 2") as caught:
            Follower(journal, store)
        assert caught.value.code == "schema_version"
        Follower(journal, store, rebuild=True).catch_up()
        assert table_hashes(store) == hashes


def test_a_file_of_somebody_else_is_left_alone(journal: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE tickets (mine TEXT)")
    for path in (other, journal):
        before = path.read_bytes()
        with pytest.raises(ProjectionError, match="is not a projection"):
            SqliteStore(path)
        assert path.read_bytes() == before
    assert projection.default_path(journal).name == "journal.db.facts"
    with opened(projection.default_path(journal)):
        assert projection.default_path(journal).stat().st_mode & 0o777 == 0o600


# A journal that is not the one that was followed


def test_an_older_copy_put_back_stops_the_follower(journal: Path, tmp_path: Path) -> None:
    """Going on would mix two histories: the bets of one with the settlements of the other."""
    older = {}
    with Engine(tmp_path).start() as engine, engine.orders() as orders, opened(tmp_path / "facts") as store:
        # The golden journal goes on: an epoch more, deposits, a copy, and deposits that the copy does not
        # have.
        for customer in (1, 2, 3):
            assert orders.deposit(customer=customer, amount_minor=100).is_booked
        engine.end()
        for path in tmp_path.glob("journal.db*"):
            older[path] = path.read_bytes()
        Follower(journal, store).catch_up()
        at_copy = store.position()
        engine.start()
        assert orders.deposit(customer=4, amount_minor=100).is_booked
        engine.end()
        Follower(journal, store).catch_up()
        assert at_copy is not None
        taken = store.position()
        assert taken is not None
        assert taken.seq > at_copy.seq
        hashes = table_hashes(store)
        for path in tmp_path.glob("journal.db*"):
            path.unlink()
        for path, content in older.items():
            path.write_bytes(content)
        with pytest.raises(
            JournalError, match=r"ends at record \d+, and record \d+ was taken from it"
        ) as caught:
            Follower(journal, store)
        assert caught.value.code == "journal_behind"
        # Written on, it is longer than what was taken, and another history.
        engine.start()
        for customer in range(5, 25):
            assert orders.deposit(customer=customer, amount_minor=100).is_booked
        engine.end()
        with pytest.raises(JournalError, match="another history than the one followed") as caught:
            Follower(journal, store)
        assert caught.value.code == "history_replaced"
        assert "--rebuild" in str(caught.value)
        assert (store.position(), table_hashes(store)) == (taken, hashes)
        # On purpose it is built anew.
        Follower(journal, store, rebuild=True).catch_up()
        assert of_projection(store) == of_engine(shown(journal, "balances"))


def test_another_journal_by_the_same_name_stops_the_follower(journal: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "facts") as store:
        Follower(journal, store).catch_up()
        for path in tmp_path.glob("journal.db*"):
            path.unlink()
        with Engine(tmp_path).start() as engine:
            engine.end()
        with pytest.raises(JournalError, match="is another journal than the one followed") as caught:
            Follower(journal, store)
        assert caught.value.code == "another_journal"


def test_a_journal_exchanged_under_a_running_follower_stops_it(journal: Path, tmp_path: Path) -> None:
    """An open descriptor would read the removed file for ever, and stand still without a word."""
    with opened(tmp_path / "facts") as store:
        follower = Follower(journal, store)
        follower.catch_up()
        for path in tmp_path.glob("journal.db*"):
            path.unlink()
        with Engine(tmp_path).start() as engine:
            engine.end()
        with pytest.raises(JournalError) as caught:
            follower.step()
        assert caught.value.code == "another_journal"


def test_damage_stops_the_follower_before_its_rows(journal: Path, tmp_path: Path) -> None:
    """A flipped bit and a group that is gone are noticed before a row of them is there."""
    content = journal.read_bytes()
    with contextlib.closing(sqlite3.connect(journal)) as database:
        groups = [row[0] for row in database.execute("SELECT first_seq FROM journal_group ORDER BY 1")]
    middle = groups[len(groups) // 2]
    for statement, sentence in (
        (f"DELETE FROM journal_group WHERE first_seq = {middle}", "expected a group at seq"),
        (f"UPDATE journal_group SET committed_ns = committed_ns + 1 WHERE first_seq = {middle}", "damaged"),
        (f"UPDATE journal_group SET hash = zeroblob(32) WHERE first_seq = {middle}", "another history"),
        (
            f"UPDATE journal_group SET previous_hash = zeroblob(32) WHERE first_seq = {middle}",
            "another history",
        ),
    ):
        journal.write_bytes(content)
        with contextlib.closing(sqlite3.connect(journal)) as database, database:
            database.execute(statement)
        (tmp_path / "facts").unlink(missing_ok=True)
        with opened(tmp_path / "facts") as store:
            follower = Follower(journal, store)
            with pytest.raises(JournalError, match=sentence):
                one_by_one(follower)
            found = store.position()
            assert found is not None
            assert found.seq < middle


def take_out(journal: Path, seq: int, *more: str) -> None:
    command = ["quarantine", str(journal), "--record", str(seq), "--by", "alice", "--reason", "a test"]
    assert cli.main([*command, *(more or ("--force",))]) == 0


def test_what_was_taken_out_of_the_journal_disappears_from_the_tables(journal: Path, tmp_path: Path) -> None:
    """A follower refused a journal from which a record was taken out: its tables went on saying what no
    longer was, or had to be thrown away. Now it is built anew by itself, with what an engine makes of the
    rest.
    """
    with opened(tmp_path / "facts") as store:
        Follower(journal, store).catch_up()
        before = table_hashes(store)
        first = next(row for row in kept(store, "postings") if row["cause"] == "deposit")
        take_out(journal, first["seq"])
        follower = Follower(journal, store)
        assert follower.notice is not None
        assert "is built anew from the first record on" in follower.notice
        follower.catch_up()
        assert [row for row in kept(store, "postings") if row["seq"] == first["seq"]] == []
        # What followed from it was decided anew: the engine's own money and tickets, to the cent.
        assert of_projection(store) == of_engine(shown(journal, "balances"))
        states = {row["ticket"]: (row["state"], row["paid_minor"] or 0) for row in kept(store, "tickets")}
        engine = {row["ticket"]: (row["state"], row["paid_minor"]) for row in shown(journal, "tickets")}
        assert {name: states[name] for name in engine} == engine
        assert table_hashes(store) != before
        assert projection.check(journal, store).differing == []
        # It goes on from there, in any batches, and is not built anew a second time.
        again = Follower(journal, store)
        assert (again.notice, again.step()) == (None, 0)
    with opened(tmp_path / "in batches") as other, opened(tmp_path / "facts") as store:
        for _ in range(1_000):
            follower = Follower(journal, other)
            if follower.step(20) == 0:
                break
        assert table_hashes(other) == table_hashes(store)
        take_out(journal, first["seq"], "--release")
        follower = Follower(journal, store)
        assert follower.notice is not None
        follower.catch_up()
        assert table_hashes(store) == before


def test_a_follower_that_runs_meanwhile_begins_anew(tmp_path: Path) -> None:
    """It read the quarantine when it was opened and never again: what an engine decided without the record
    was added to tables that still held it.
    """
    with Engine(tmp_path).start() as engine, engine.orders() as orders:
        assert orders.deposit(customer=42, amount_minor=100).is_booked
        assert orders.deposit(customer=42, amount_minor=1_000).is_booked
    stop, notices, failures = threading.Event(), [], []
    target = f"sqlite:{tmp_path / 'facts'}"
    thread = threading.Thread(
        target=projection.follow,
        args=(engine.journal, target),
        kwargs={"stop": stop, "noticed": notices.append, "failed": failures.append},
        daemon=True,
    )
    thread.start()
    try:

        def balance() -> list[int]:
            with opened(tmp_path / "facts") as store:
                if store.position() is None:
                    return []
                return [row["balance_minor"] for row in kept(store, "balances") if row["customer"] == "42"]

        eventually(lambda: balance() == [1_100])
        with contextlib.closing(sqlite3.connect(tmp_path / "facts")) as database:
            (seq,) = database.execute("SELECT min(seq) FROM postings WHERE amount_minor = 100").fetchone()
        take_out(engine.journal, seq)
        with Engine(tmp_path).start() as engine, engine.orders() as orders:
            assert orders.deposit(customer=42, amount_minor=10).is_booked
            eventually(lambda: balance() == [1_010])
    finally:
        stop.set()
        thread.join(20)
    assert len(notices) == 1
    assert [getattr(error, "code", "") for error in failures] == ["quarantine_changed"]


# Beside a running engine


def test_a_follower_beside_an_engine_that_crashes_and_goes_on(tmp_path: Path) -> None:
    """Bets, a match to its end, a crash of the engine, another epoch: the tables agree with the engine to
    the cent.
    """
    stop = threading.Event()
    with Engine(tmp_path).start() as engine, engine.feed() as feed:
        beside = projection.default_path(engine.journal)
        thread = threading.Thread(
            target=projection.follow, args=(engine.journal, None), kwargs={"stop": stop}, daemon=True
        )
        thread.start()
        try:
            for fixture in (1001, 1002):
                announce(feed, fixture)
            for number in range(2):
                with engine.orders() as orders, engine.odds() as odds:
                    odds.wait(lambda: all(f in odds.boards and odds.boards[f].version > 0 for f in (1002,)))
                    for customer in (42, 43):
                        assert orders.deposit(customer=customer, amount_minor=10_000).is_booked
                        legs = [odds.boards[1002].leg("1x2", "home")]
                        assert orders.place_ticket(
                            customer=customer, legs=legs, stake_minor=100 + number
                        ).is_accepted
                if number == 0:
                    play_to_the_end(feed, 1001)
                    engine.process.kill()
                    engine.process.communicate()
                    engine.start()
                    announce(feed, 1003)
            acknowledged = _core.JournalFollower(engine.journal).acknowledged_seq()
            eventually(lambda: asked(beside, "SELECT seq FROM projection")[0][0] >= acknowledged)
        finally:
            stop.set()
            thread.join(10)
        engine.end()
        with opened(beside) as store:
            Follower(engine.journal, store).catch_up()
            assert of_projection(store) == of_engine(shown(engine.journal, "balances"))
            assert len(kept(store, "tickets")) == 4
            assert [row["epoch"] for row in kept(store, "epochs")] == [1, 2]
            assert projection.check(engine.journal, store).differing == []


def test_reading_holds_no_transaction_on_the_journal(tmp_path: Path) -> None:
    """A follower that stands still, for whatever reason, must not make the engine's log grow: between its
    reads it holds nothing.
    """
    from oddsengine._log_readers import readers_of

    with Engine(tmp_path).start() as engine, engine.orders() as orders, opened(tmp_path / "facts") as store:
        follower = Follower(engine.journal, store)
        for _ in range(5):
            assert orders.deposit(customer=1, amount_minor=100).is_booked
            follower.step()
            assert readers_of(engine.journal) == []
        log = engine.journal.with_name("journal.db-wal")
        assert follower.step() == 0
        assert log.stat().st_size < 16 << 20


def position_of(path: Path) -> int:
    """How far a projection is that somebody else writes; 0 where there is none yet."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database,
    ):
        return int(database.execute("SELECT seq FROM projection").fetchone()[0])
    return 0


def test_kills_at_any_moment_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """kill -9 between and within transactions, 25 times, while the engine takes bets."""
    rng = random.Random(7)
    command = [sys.executable, "-m", "oddsengine.cli", "follow", "--journal", str(tmp_path / "journal.db")]
    with Engine(tmp_path).start() as engine, engine.orders() as orders:
        beside = projection.default_path(engine.journal)
        kills = 0
        transfers = 0
        while kills < 25:
            before = position_of(beside)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            # Some die while they start, some in the middle of batches.
            until_s = time.monotonic() + rng.uniform(0.05, 0.6)
            while time.monotonic() < until_s:
                requests = [
                    {
                        "type": "deposit",
                        "transfer": f"{transfers + place:032x}",
                        "customer": 1 + place % 7,
                        "currency": "EUR",
                        "amount_minor": 3,
                    }
                    for place in range(100)
                ]
                orders.batch(requests, timeout_s=20)
                transfers += len(requests)
            # On a busy machine none of them would get beyond its start.
            if kills % 5 == 4:
                eventually(lambda before=before: position_of(beside) > before, timeout_s=30)
            assert process.poll() is None, process.communicate()[1]
            process.kill()
            process.communicate()
            kills += 1
        engine.end()
        with opened(beside) as store:
            position = store.position()
            Follower(engine.journal, store).catch_up()
            found = kept(store, "postings")
            assert len(found) == transfers
            assert len({row["transaction_id"] for row in found}) == transfers
            assert of_projection(store) == of_engine(shown(engine.journal, "balances"))
            assert projection.check(engine.journal, store).differing == []
            # Some of the killed had got somewhere, or nothing was tested.
            assert position is not None
            assert position.seq > 0


# What is around the tables


def test_a_reader_of_the_tables_does_not_fill_the_disk(journal: Path, tmp_path: Path) -> None:
    """O04, of the tables: with a transaction held on the projection its log grew by 9 MB a second, 358 MiB in
    40 s, on the journal's disk, and nobody was told who holds it.

    At its bound the follower writes nothing more and says who reads, and goes on once that has ended.
    """
    held = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
database.execute("BEGIN")
database.execute("SELECT count(*) FROM projection").fetchone()
print("reads", flush=True)
time.sleep(60)
"""
    bound = 128 << 10
    with contextlib.closing(SqliteStore(tmp_path / "facts", wal_bytes_max=bound)) as store:
        follower = Follower(journal, store)
        follower.step(1)
        reader = subprocess.Popen(
            [sys.executable, "-c", held, str(tmp_path / "facts")], stdout=subprocess.PIPE, text=True
        )
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reads\n"
            store._database.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(ProjectionError, match=f"process {reader.pid} holds") as caught:
                one_by_one(follower)
            assert (caught.value.code, caught.value.is_transient) == ("reader", True)
            # Not much above: one batch of rows.
            assert bound <= store.wal_bytes() < 8 * bound
        finally:
            reader.kill()
            reader.communicate()
        stopped_at = store.position()
        follower = Follower(journal, store)
        follower.catch_up()
        assert stopped_at is not None
        assert follower.position.seq > stopped_at.seq
        assert projection.check(journal, store).differing == []


def test_a_file_that_is_taken_away_is_noticed_and_made_anew(journal: Path, tmp_path: Path) -> None:
    """The file was removed under a running follower: it went on for ever, 0 behind, into one that nobody
    could open.
    """
    facts = tmp_path / "facts"
    stop, failures = threading.Event(), []
    thread = threading.Thread(
        target=projection.follow,
        args=(journal, f"sqlite:{facts}"),
        kwargs={"stop": stop, "failed": failures.append},
        daemon=True,
    )
    thread.start()
    try:
        eventually(lambda: facts.exists() and is_whole(facts, journal))
        for suffix in ("", "-wal", "-shm"):
            facts.with_name(facts.name + suffix).unlink(missing_ok=True)
        eventually(lambda: facts.exists() and is_whole(facts, journal), timeout_s=20)
    finally:
        stop.set()
        thread.join(20)
    assert [error.code for error in failures] == ["replaced"]


def is_whole(facts: Path, journal: Path) -> bool:
    """All of the journal is in the projection."""
    try:
        with contextlib.closing(SqliteStore(facts, is_reader=True)) as store:
            position = store.position()
    except ProjectionError:
        return False
    head = _core.JournalFollower(journal).acknowledged_seq()
    return position is not None and position.seq == head


def test_nothing_is_made_where_something_is_only_read(tmp_path: Path, journal: Path) -> None:
    """A mistyped path left an empty projection, of which `sql` then ended with a traceback."""
    mistyped = tmp_path / "mistyped.db"
    for arguments in (
        ["follow", "--journal", str(mistyped), "--once"],
        ["follow", "--journal", str(mistyped), "--check"],
        ["export", "--journal", str(mistyped), "--day", "2026-11-29", "--folder", str(tmp_path / "lake")],
        ["export", "--from", f"sqlite:{mistyped}", "--day", "2026-11-29", "--folder", str(tmp_path / "lake")],
    ):
        assert cli.main(arguments) == 2
        assert not list(tmp_path.glob("mistyped*")), arguments
    # A follower that has just begun.
    SqliteStore(tmp_path / "journal.db.facts").close()
    with pytest.raises(ProjectionError, match="has not begun"):
        asked(tmp_path / "journal.db.facts", "SELECT 1")


def test_what_others_made_in_the_file_outlives_a_rebuild(journal: Path, tmp_path: Path) -> None:
    """A rebuild, which a quarantine starts by itself, dropped the views of others in the file."""
    with opened(tmp_path / "facts") as store:
        Follower(journal, store).catch_up()
        store._database.execute("CREATE VIEW my_report AS SELECT count(*) AS n FROM postings")
        store._database.execute("CREATE INDEX my_index ON tickets (stake_minor)")
        before = store._database.execute("SELECT n FROM my_report").fetchone()
        expected = table_hashes(store)
        Follower(journal, store, rebuild=True).catch_up()
        assert store._database.execute("SELECT n FROM my_report").fetchone() == before
        assert store._database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'my_index'").fetchone()
        assert table_hashes(store) == expected
        # A table that is not as this release makes it is made anew.
        store._database.execute("ALTER TABLE tickets ADD COLUMN mine INTEGER")
        Follower(journal, store, rebuild=True).catch_up()
        assert table_hashes(store) == expected


def test_of_two_followers_the_later_says_why(journal: Path, tmp_path: Path) -> None:
    """Two followers of one file: the later ended with "UNIQUE constraint failed: postings.seq"."""
    with opened(tmp_path / "facts") as store, opened(tmp_path / "facts") as other:
        first, second = Follower(journal, store), None
        first.step(5)
        second = Follower(journal, other)
        first.catch_up()
        with pytest.raises(ProjectionError, match="another follower") as caught:
            second.catch_up()
        assert caught.value.code == "moved"
        assert projection.check(journal, store).differing == []


def test_segments_that_are_elsewhere_are_found_by_every_verb(tmp_path: Path) -> None:
    """`follow --check` did not look into `--segments`; `backup` had no such option, and called a sound copy
    damaged.
    """
    with Engine(tmp_path, "[limits]\n").start() as engine:
        with engine.orders() as orders:
            for _ in range(3):
                orders.batch(
                    [
                        {
                            "type": "deposit",
                            "transfer": f"{place:032x}",
                            "customer": 1,
                            "currency": "EUR",
                            "amount_minor": 1,
                        }
                        for place in range(200)
                    ]
                )
        for _ in range(2):
            engine.end()
            engine.start()
        engine.end()
    assert cli.main(["compact", str(engine.journal)]) == 0
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    segments = list(tmp_path.glob("*.segment"))
    assert segments
    for segment in segments:
        shutil.move(segment, shelf / segment.name)
    journal, of_shelf = str(engine.journal), ["--segments", str(shelf)]
    assert cli.main(["follow", "--journal", journal, "--once", *of_shelf]) == 0
    assert cli.main(["follow", "--journal", journal, "--check", *of_shelf]) == 0
    (tmp_path / "backup").mkdir()
    assert cli.main(["backup", journal, str(tmp_path / "backup" / "journal.db"), *of_shelf]) == 0


# Cases


def test_o03_nothing_is_passed_over_for_something_later(journal: Path, tmp_path: Path) -> None:
    """O03: a follower that asks for what is behind the last number misses what is committed later under a
    smaller one.

    Numbers of the journal are given by one writer in the order of commits; a follower never steps over a
    missing one, whatever is
    there behind it, and takes it when it is there.
    """
    with contextlib.closing(sqlite3.connect(journal)) as database:
        rows = list(database.execute("SELECT * FROM journal_group ORDER BY first_seq"))
    held_back = rows[len(rows) // 2]
    with contextlib.closing(sqlite3.connect(journal)) as database, database:
        database.execute("DELETE FROM journal_group WHERE first_seq = ?", held_back[:1])
    with opened(tmp_path / "facts") as store:
        with pytest.raises(JournalError) as caught:
            Follower(journal, store).catch_up()
        assert caught.value.code == "damaged"
        follower = Follower(journal, store)
        with pytest.raises(JournalError):
            one_by_one(follower)
        found = store.position()
        assert found is not None
        assert found.seq == held_back[0] - 1
        with contextlib.closing(sqlite3.connect(journal)) as database, database:
            marks = ", ".join("?" for _ in held_back)
            database.execute(f"INSERT INTO journal_group VALUES ({marks})", held_back)
        Follower(journal, store).catch_up()
        assert projection.check(journal, store).differing == []


def test_o08_a_backup_holds_what_it_says_and_a_copy_without_its_log_is_refused(tmp_path: Path) -> None:
    """O08: a copy of the main file alone lost what was in the log, and every check said ok.

    The drill: a backup under load holds every deposit acknowledged before it, and a projection of it
    agrees; a copy without its log
    ends before its mark and is refused, by the follower and by the engine.
    """
    booked: list[int] = []
    stop = threading.Event()
    with Engine(tmp_path).start() as engine:
        orders = engine.orders()

        def load() -> None:
            while not stop.is_set():
                booked.append(int(orders.deposit(customer=9, amount_minor=1).is_booked))

        thread = threading.Thread(target=load)
        thread.start()
        try:
            eventually(lambda: len(booked) > 50)
            before = len(booked)
            copy = tmp_path / "copy" / "journal.db"
            copy.parent.mkdir()
            command = [sys.executable, "-m", "oddsengine.cli", "backup", str(engine.journal), str(copy)]
            told = subprocess.run([*command, "--json"], capture_output=True, timeout=60, check=True)
            after = len(booked)
            # The mark first, as it stands, then the database alone: what an operator's cp of one file leaves.
            bare = tmp_path / "bare" / "journal.db"
            bare.parent.mkdir()
            eventually(lambda: len(booked) > after + 20)
            shutil.copy(engine.journal.with_name("journal.db.mark"), bare.with_name("journal.db.mark"))
            shutil.copy(engine.journal, bare)
        finally:
            stop.set()
            thread.join(20)
            orders.close()
        head = _core.JournalFollower(engine.journal).acknowledged_seq()
        with opened(tmp_path / "copy" / "facts") as store:
            Follower(copy, store).catch_up()
            position = store.position()
            assert position is not None
            # Both heads, as an operator compares them.
            assert json.loads(told.stdout)["acknowledged_seq"] <= position.seq <= head
            balance = of_projection(store)["customer_cash", "9", "EUR"][0]
            assert before <= balance <= after + 1
        assert engine.journal.with_name("journal.db-wal").stat().st_size > 0
        with opened(tmp_path / "bare" / "facts") as store:
            with pytest.raises(JournalError) as caught:
                Follower(bare, store).catch_up()
            assert caught.value.code in ("tail_missing", "damaged")
        serve = [sys.executable, "-m", "oddsengine.cli", "serve", "--journal", str(bare)]
        refused = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 2
        assert "damaged" in refused.stderr
