"""A reader that holds a transaction on the journal: seen, named, and cut before the log fills the disk."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_process import Engine, announce, eventually
from oddsengine import _log_readers
from oddsengine._log_readers import LogReader, ReaderWatch, readers_of
from oddsengine.client import OrdersClient

READER = """
import sqlite3, sys, time
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
database.execute("BEGIN")
database.execute("SELECT count(*) FROM journal_group").fetchone()
print("reads", flush=True)
time.sleep(120)
"""


@contextlib.contextmanager
def reader(journal: Path, *, ignores_sigterm: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A program that opens a transaction and stays."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if ignores_sigterm else ""
    command = [sys.executable, "-c", code + READER, str(journal)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def database(folder: Path) -> tuple[Path, sqlite3.Connection]:
    """A database in the form of a journal, with a table that grows."""
    path = folder / "journal.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE journal_group (first_seq INTEGER PRIMARY KEY, bytes BLOB)")
    connection.execute("INSERT INTO journal_group (bytes) VALUES (zeroblob(9000))")
    return path, connection


def test_who_reads_is_told_by_the_kernel(tmp_path: Path) -> None:
    """The lock that SQLite takes for a read transaction, with the process that has it; none once it is
    over.
    """
    path, connection = database(tmp_path)
    with contextlib.closing(connection):
        assert readers_of(path) == []
        with reader(path) as process:
            (found,) = readers_of(path)
            assert found.pid == process.pid
        assert readers_of(path) == []
    assert readers_of(tmp_path / "nowhere.db") == []
    assert readers_of(path, locks=tmp_path / "no_locks") == []


def test_of_short_transactions_nobody_is_told_and_of_a_long_one_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, connection = database(tmp_path)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_LOOKED", 1_000)
    with contextlib.closing(connection):
        watch = ReaderWatch(path, 300)
        with reader(path) as process:
            told = [alert for second in range(10) for alert in watch.look(float(second))]
            assert [name for name, _ in told] == ["journal_reader"]
            assert f"process {process.pid} (python" in told[0][1]
            assert watch.metrics()["oldest_reader_pid"] == process.pid
        assert watch.look(11.0) == []
        assert watch.metrics() == {"oldest_reader_pid": None, "oldest_reader_s": 0.0, "readers_cut": 0}


def test_below_its_bounds_and_without_one_a_reader_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended is who held the log long *and* let it grow: an idle journal's reader harms nobody."""
    path, connection = database(tmp_path)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_LOOKED", 1_000)
    with contextlib.closing(connection), reader(path) as process:
        for watch, log_bytes in (
            (ReaderWatch(path, 3, log_bytes_max=1_000), 64 << 20),
            (ReaderWatch(path, 0, log_bytes_max=1_000), 1_000),
        ):
            monkeypatch.setattr(_log_readers, "LOG_BYTES_CUT", log_bytes)
            for second in range(60):
                watch.look(float(second))
            assert watch.cut_count == 0
        assert process.poll() is None


def test_one_that_does_not_heed_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, connection = database(tmp_path)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_LOOKED", 1_000)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_CUT", 1_000)
    watch = ReaderWatch(path, 3, log_bytes_max=1_000)
    with contextlib.closing(connection), reader(path, ignores_sigterm=True) as process:
        told: list[str] = []
        for second in range(12):
            told += [message for name, message in watch.look(float(second)) if name == "journal_reader_cut"]
        assert [message.rsplit(": ")[-1] for message in told] == [
            "SIGTERM was sent to it",
            "SIGKILL was sent to it",
        ]
        assert process.wait(5) == -signal.SIGKILL
        assert watch.cut_count == 1


def test_the_engine_and_its_parent_are_never_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, connection = database(tmp_path)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_LOOKED", 1_000)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_CUT", 1_000)
    sent: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda descriptor, number: sent.append(number))
    parent = os.getppid()
    monkeypatch.setattr(
        _log_readers, "readers_of", lambda journal: [LogReader(parent, 124), LogReader(0, 125)]
    )
    watch = ReaderWatch(path, 1, log_bytes_max=1_000)
    with contextlib.closing(connection):
        for second in range(10):
            watch.look(float(second))
    assert sent == []
    assert watch.metrics()["oldest_reader_pid"] in (parent, 0)


def test_a_program_of_somebody_else_is_ended_only_where_the_disk_or_a_gibibyte_is_at_stake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five minutes above 64 MiB anybody was ended: a `.dump`, `VACUUM INTO` or copy of a large journal
    at a busy hour, a replicator that holds a read lock between its own checkpoints, a report server that
    does other things as well. Backups would fail every night, with the disk all but empty.
    """
    path, connection = database(tmp_path)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_LOOKED", 1_000)
    monkeypatch.setattr(_log_readers, "LOG_BYTES_CUT", 1_000)
    with contextlib.closing(connection), reader(path) as process:
        size = path.with_name("journal.db-wal").stat().st_size
        assert size > 1_000
        # The disk has room, and the log is below its bound.
        watch = ReaderWatch(path, 3)
        told = [alert for second in range(30) for alert in watch.look(float(second))]
        assert [name for name, _ in told] == ["journal_reader"]
        # By name it is never ended; that is told once.
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        watch = ReaderWatch(path, 3, log_bytes_max=1_000, kept=[name])
        told = [alert for second in range(30) for alert in watch.look(float(second))]
        assert [name for name, _ in told] == ["journal_reader", "journal_reader_kept"]
        assert process.poll() is None
        # The log is as large as what is left.
        free = [size + 1]
        monkeypatch.setattr(_log_readers, "_free_bytes", lambda _: free[0])
        watch = ReaderWatch(path, 3)
        assert [name for second in range(9) for name, _ in watch.look(float(second))] == ["journal_reader"]
        free[0] = size
        assert [name for name, _ in watch.look(9.0)] == ["journal_reader_cut"]
        assert process.wait(5) == -signal.SIGTERM


def load(orders: OrdersClient, stop: threading.Event, refused: list[Any]) -> None:
    while not stop.is_set():
        requests = [
            {
                "type": "deposit",
                "transfer": f"{time.monotonic_ns():032x}",
                "customer": 1 + place % 50,
                "currency": "EUR",
                "amount_minor": 100,
            }
            for place in range(200)
        ]
        refused += [answer for answer in orders.batch(requests, timeout_s=20) if not answer.is_booked]


class Impatient(Engine):
    """An engine that ends a reader after four seconds."""

    def write_config(self) -> None:
        super().write_config()
        text = self.config.read_text()
        self.config.write_text(
            text.replace("[book]", "reader_seconds_max = 4\nreader_log_bytes_max = 67108864\n[book]", 1)
        )


def test_o04_a_reader_that_stays_is_cut_and_the_log_is_bounded(tmp_path: Path) -> None:
    """O04: with a read transaction held under load the log grew by 2 MB a second, to 564 MB, and would
    have filled the disk.

    It is told who reads, that process is ended with a reason, the log begins anew, and bets were taken all
    the while.
    """
    refused: list[Any] = []
    stop = threading.Event()
    with Impatient(tmp_path).start() as engine, engine.feed() as feed, engine.orders() as orders:
        announce(feed)
        log = engine.journal.with_name("journal.db-wal")
        worker_orders = engine.orders()
        worker = threading.Thread(target=load, args=(worker_orders, stop, refused))
        with reader(engine.journal) as process, engine.desk() as desk:
            worker.start()
            try:
                alerts: list[Any] = []
                biggest = 0

                def is_cut() -> bool:
                    nonlocal biggest
                    biggest = max(biggest, log.stat().st_size)
                    alerts.extend(desk.events(0.05))
                    return process.poll() is not None

                eventually(is_cut, timeout_s=90)
                assert process.returncode == -signal.SIGTERM
                # Cut soon after it was allowed to be: between the bound and what comes in some seconds.
                assert _log_readers.LOG_BYTES_CUT < biggest < 4 * _log_readers.LOG_BYTES_CUT
                eventually(lambda: alerts.extend(desk.events(0.05)) or "journal_reader_cut" in str(alerts))
                assert f"process {process.pid}" in str(alerts)
            finally:
                stop.set()
                worker.join(30)
        worker_orders.close()
        # Nothing was refused meanwhile, and the log is emptied now that nobody holds it.
        assert refused == []
        assert orders.deposit(customer=1, amount_minor=5).is_booked
        eventually(lambda: log.stat().st_size <= _log_readers.LOG_BYTES_LOOKED, timeout_s=20)
        engine.process.send_signal(signal.SIGUSR1)
        _, errors = engine.end()
        metrics = json.loads(next(line for line in errors.splitlines() if line.startswith("{")))
        assert metrics["readers_cut"] == 1
        assert metrics["oldest_reader_pid"] is None
        assert metrics["wal_bytes"] <= _log_readers.LOG_BYTES_LOOKED
