"""Projections in PostgreSQL, on a server of our own; and the same content as in SQLite."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_process import Engine, eventually
from oddsengine import _core, cli, projection
from oddsengine.projection import Follower, ProjectionError, SqliteStore, table_hashes

psycopg = pytest.importorskip("psycopg", reason="POSTGRESQL IS NOT TESTED: psycopg is not installed")

from oddsengine.projection._postgres import PostgresStore  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "tests" / "postgresql" / "server.sh"
GOLDEN = ROOT / "tests" / "journals" / "0.1.0"


class Server:
    """A PostgreSQL in a temporary folder, on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def run(self, verb: str) -> subprocess.CompletedProcess[str]:
        command = [str(SERVER), verb, str(self.folder), str(self.port)]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)

    def database(self, name: str) -> str:
        """A new, empty database; its URL."""
        url = f"postgresql://odds@127.0.0.1:{self.port}"
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"{url}/{name}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("postgresql")
    # The server's user is another one than root, and has to get there.
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o711)
    found = Server(folder / "server")
    done = found.run("up")
    if done.returncode != 0:
        pytest.skip(f"POSTGRESQL IS NOT TESTED: {(done.stderr or done.stdout).strip()[-300:]}")
    assert found.run("health").returncode == 0
    yield found
    found.run("down")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    for name in ("journal.db", "journal.db.mark"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    return tmp_path / "journal.db"


def test_it_has_the_same_content_as_sqlite(server: Server, journal: Path, tmp_path: Path) -> None:
    """Whatever the batches and however often the follower is a new one: merged rows are merged alike."""
    rng = random.Random(5)
    url = server.database("same")
    with contextlib.closing(SqliteStore(tmp_path / "facts")) as store:
        Follower(journal, store).catch_up()
        expected = table_hashes(store)
    with contextlib.closing(PostgresStore(url)) as store:
        follower = Follower(journal, store)
        while follower.step(rng.choice((1, 5, 40))):
            if rng.random() < 0.3:
                follower = Follower(journal, store)
        assert table_hashes(store) == expected
        assert projection.check(journal, store).differing == []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE oddsengine.balances SET balance_minor = balance_minor + 1 WHERE account = 'psp'"
        )
    with contextlib.closing(PostgresStore(url)) as store:
        assert projection.check(journal, store).differing == ["balances"]
        Follower(journal, store, rebuild=True).catch_up()
        assert table_hashes(store) == expected


def test_views_say_the_same(server: Server, journal: Path, tmp_path: Path) -> None:
    """One text of a view for every database, and one answer."""
    url = server.database("views")
    with contextlib.closing(PostgresStore(url)) as store:
        Follower(journal, store).catch_up()
    with (
        contextlib.closing(SqliteStore(tmp_path / "facts")) as store,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        Follower(journal, store).catch_up()
        connection.execute("SET search_path = oddsengine")
        for view in projection.VIEWS:
            cursor = connection.execute(f"SELECT * FROM {view.name}")
            assert cursor.description is not None
            assert [column.name for column in cursor.description] == list(view.columns)
            found = sorted(map(repr, cursor))
            assert found, view.name
            assert found == sorted(map(repr, store._database.execute(f"SELECT * FROM {view.name}")))


def test_a_second_follower_waits_its_turn(server: Server, journal: Path) -> None:
    """Two that write would take turns at the position, and one would read of it what the other wrote."""
    url = server.database("second")
    with contextlib.closing(PostgresStore(url)) as store:
        Follower(journal, store).step(10)
        with pytest.raises(ProjectionError, match="another follower writes") as caught:
            PostgresStore(url)
        assert caught.value.code == "moved"
        assert caught.value.is_transient
    PostgresStore(url).close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://odds:secret@127.0.0.1:1/x",
        "postgresql://odds:secret:secret@127.0.0.1:1/x",
        "postgresql://odds@127.0.0.1:1/x?password=secret&connect_timeout=1",
    ],
)
def test_a_url_is_told_without_its_password(url: str) -> None:
    """Of a password with a colon the first half was told, and all of one behind a question mark."""
    with pytest.raises(ProjectionError) as caught:
        PostgresStore(url)
    assert caught.value.is_transient
    assert "secret" not in str(caught.value)


def test_a_schema_of_somebody_else_is_left_alone(server: Server, journal: Path) -> None:
    """A schema by this name, with tables of somebody else, was dropped without a word."""
    url = server.database("foreign")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA oddsengine")
        connection.execute("CREATE TABLE oddsengine.precious AS SELECT 42 AS x")
        for rebuild in (False, True):
            with contextlib.closing(PostgresStore(url)) as store:
                with pytest.raises(ProjectionError, match=r"no projection \(precious\)") as caught:
                    Follower(journal, store, rebuild=rebuild)
                assert (caught.value.code, caught.value.is_transient) == ("not_a_projection", False)
        assert connection.execute("SELECT x FROM oddsengine.precious").fetchall() == [(42,)]


def test_rights_and_what_others_made_outlive_a_rebuild(server: Server, journal: Path) -> None:
    """A rebuild, which a quarantine starts by itself, took the rights of the readers away and dropped their
    views, without a word. And a role that may not make schemas could not follow at all.
    """
    url = server.database("rights")
    owner = url.replace("odds@", "follower@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE follower LOGIN")
        connection.execute("CREATE ROLE reports LOGIN")
        connection.execute("CREATE SCHEMA oddsengine AUTHORIZATION follower")
        connection.execute("GRANT USAGE ON SCHEMA oddsengine TO reports")
        with contextlib.closing(PostgresStore(owner)) as store:
            Follower(journal, store).catch_up()
            expected = table_hashes(store)
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA oddsengine TO reports")
        connection.execute("CREATE VIEW public.my_report AS SELECT count(*) AS n FROM oddsengine.turnover")
        with contextlib.closing(PostgresStore(owner)) as store:
            Follower(journal, store, rebuild=True).catch_up()
            assert table_hashes(store) == expected
        assert connection.execute("SELECT n FROM public.my_report").fetchone()
        with psycopg.connect(url.replace("odds@", "reports@"), autocommit=True) as reader:
            assert reader.execute("SELECT count(*) FROM oddsengine.postings").fetchone() != (0,)
        # A table that is not as this release makes it is made anew, and with it what hangs on it.
        connection.execute("ALTER TABLE oddsengine.tickets RENAME COLUMN plan TO other")
        with contextlib.closing(PostgresStore(owner)) as store:
            Follower(journal, store, rebuild=True).catch_up()
            assert table_hashes(store) == expected


def test_it_is_read_beside_its_follower(server: Server, journal: Path, tmp_path: Path) -> None:
    """To export a day, or to compare, the follower's lock was taken: "stop the other one"."""
    pytest.importorskip("pyarrow", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
    url = server.database("readers")
    with contextlib.closing(PostgresStore(url)) as store:
        Follower(journal, store).catch_up()
        export = ["export", "--from", url, "--day", "2026-11-28", "--folder", str(tmp_path / "lake")]
        assert cli.main(export) == 0
        assert cli.main(["follow", "--journal", str(journal), "--to", url, "--check"]) == 0
        with (
            contextlib.closing(PostgresStore(url, is_reader=True)) as reader,
            pytest.raises(ProjectionError, match="read-only"),
        ):
            reader.create(projection.Position("", 0, "", 0, ""))


def test_a_server_that_takes_no_rows_for_a_while_is_waited_for(
    server: Server, journal: Path, tmp_path: Path
) -> None:
    """A server that was a standby for three seconds ended the follower, for good under its unit."""
    url = server.database("standby")
    with contextlib.closing(PostgresStore(url)) as store:
        Follower(journal, store).step(5)
    name = url.rpartition("/")[2]
    stop, failures = threading.Event(), []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        thread = threading.Thread(
            target=projection.follow,
            args=(journal, url),
            kwargs={"stop": stop, "failed": failures.append},
            daemon=True,
        )
        thread.start()
        try:
            until_s = time.monotonic() + 20
            while not failures and thread.is_alive():
                assert time.monotonic() < until_s
                time.sleep(0.02)
            assert thread.is_alive()
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            head = _core.JournalFollower(journal).acknowledged_seq()
            while _seq(url) < head:
                assert time.monotonic() < until_s
                time.sleep(0.1)
        finally:
            stop.set()
            thread.join(20)
    assert {error.code for error in failures} == {"unavailable"}


def test_a_name_with_a_nul_stops_nobody(server: Server, tmp_path: Path) -> None:
    """A feed's fixture with U+0000 in a name ended every follower to PostgreSQL, at every start."""
    url = server.database("nul")
    with Engine(tmp_path).start() as engine, engine.feed() as feed:
        feed.fixture(1001, competition="c\0up", home="Qa\0tar", away="E", start_ns=2_100_000_000_000_000_000)
        with contextlib.closing(SqliteStore(tmp_path / "facts")) as store:
            follower = Follower(engine.journal, store)
            eventually(lambda: follower.step() == 0 and store.position().seq >= 3)
        with contextlib.closing(PostgresStore(url)) as store:
            Follower(engine.journal, store).catch_up()
            fixtures = next(table for table in projection.TABLES if table.name == "fixtures")
            (row,) = store.rows(fixtures)
            assert [row[fixtures.position(name)] for name in ("competition", "home")] == ["c␀up", "Qa␀tar"]
            assert projection.check(engine.journal, store).differing == []


class Moving:
    """An engine that books deposits without end, and how many."""

    def __init__(self, engine: Engine) -> None:
        self._orders = engine.orders()
        self.count = 0

    def book(self, count: int = 100) -> None:
        requests = [
            {
                "type": "deposit",
                "transfer": f"{self.count + place:032x}",
                "customer": 1 + place % 7,
                "currency": "EUR",
                "amount_minor": 3,
            }
            for place in range(count)
        ]
        self._orders.batch(requests, timeout_s=20)
        self.count += count

    def close(self) -> None:
        self._orders.close()


def ended(server: Server, engine: Engine, url: str, moving: Moving) -> None:
    """Everything that was booked is in the tables once, and they are what a rebuild makes."""
    moving.close()
    engine.end()
    until_s = time.monotonic() + 20
    while True:
        # The server notices a killed follower a moment later.
        try:
            store = PostgresStore(url)
            break
        except ProjectionError:
            assert time.monotonic() < until_s
            time.sleep(0.1)
    with contextlib.closing(store):
        Follower(engine.journal, store).catch_up()
        postings = next(table for table in projection.TABLES if table.name == "postings")
        transactions = [row[5] for row in store.rows(postings)]
        assert len(transactions) == len(set(transactions)) == moving.count
        assert projection.check(engine.journal, store).differing == []


def test_kills_of_the_follower_lose_nothing_and_double_nothing(server: Server, tmp_path: Path) -> None:
    """kill -9 at random moments, 12 times, while the engine books."""
    rng = random.Random(11)
    url = server.database("kills")
    command = [sys.executable, "-m", "oddsengine.cli", "follow", "--journal", str(tmp_path / "journal.db")]
    with Engine(tmp_path).start() as engine:
        moving = Moving(engine)
        for _ in range(12):
            process = subprocess.Popen(
                [*command, "--to", url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            until_s = time.monotonic() + rng.uniform(0.3, 0.9)
            while time.monotonic() < until_s:
                moving.book()
            assert process.poll() is None, process.communicate()[1]
            process.kill()
            process.communicate()
        ended(server, engine, url, moving)


def test_crashes_of_the_server_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """The server is killed -9 and comes back: the follower goes on by itself from what was committed."""
    folder = tmp_path / "crashing"
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o711)
    server = Server(folder)
    if (done := server.run("up")).returncode != 0:
        pytest.skip(f"POSTGRESQL IS NOT TESTED: {(done.stderr or done.stdout).strip()[-300:]}")
    stop, failures = threading.Event(), []
    try:
        url = server.database("crashes")
        with Engine(tmp_path).start() as engine:
            moving = Moving(engine)
            thread = threading.Thread(
                target=projection.follow,
                args=(engine.journal, url),
                kwargs={"stop": stop, "failed": failures.append},
                daemon=True,
            )
            thread.start()
            for _ in range(3):
                until_s = time.monotonic() + 0.7
                while time.monotonic() < until_s:
                    moving.book()
                assert server.run("kill").returncode == 0
                moving.book()
                until_s = time.monotonic() + 20
                while server.run("up").returncode != 0:
                    assert time.monotonic() < until_s
                    time.sleep(0.2)
            until_s = time.monotonic() + 20
            while _seq(url) == 0:
                assert time.monotonic() < until_s
                time.sleep(0.1)
            stop.set()
            thread.join(20)
            assert not thread.is_alive()
            assert failures
            ended(server, engine, url, moving)
    finally:
        stop.set()
        server.run("down")


def _seq(url: str) -> int:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute("SELECT seq FROM oddsengine.projection").fetchone()
            return 0 if row is None else int(row[0])
    except psycopg.Error:
        return 0


def test_o03_a_reader_of_what_is_new_misses_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O03: with several writers a number is given before its commit, and "seq > last" misses what commits
    late.

    One follower writes, in the order of records, a batch a transaction; others that try are refused. A
    reader that asks for what is
    behind the last row that it saw gets every row once and in order, whatever stalls between insert and
    commit.
    """
    url = server.database("o03")
    rng = random.Random(3)
    apply = PostgresStore._put

    def stalls(self: PostgresStore, table: Any, rows: Any) -> None:
        apply(self, table, rows)
        if table.name == "postings":
            time.sleep(rng.uniform(0, 0.03))

    monkeypatch.setattr(PostgresStore, "_put", stalls)
    stop = threading.Event()
    refused: list[str] = []

    def other_writer() -> None:
        while not stop.is_set():
            try:
                with contextlib.closing(PostgresStore(url)) as store:
                    Follower(tmp_path / "journal.db", store).step()
            except ProjectionError as error:
                refused.append(error.code)
            time.sleep(0.02)

    seen: list[tuple[int, int, int]] = []

    def reads() -> None:
        last = (0, -1, -1)
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                is_last = stop.is_set()
                rows = connection.execute(
                    "SELECT seq, number, booking FROM oddsengine.postings WHERE (seq, number, booking) >"
                    " (%s, %s, %s)"
                    " ORDER BY seq, number, booking",
                    last,
                ).fetchall()
                seen.extend(rows)
                last = rows[-1] if rows else last
                if is_last:
                    return
                time.sleep(0.002)

    with Engine(tmp_path).start() as engine:
        moving = Moving(engine)
        store = PostgresStore(url)
        follower = Follower(engine.journal, store)
        threads = [threading.Thread(target=reads), *(threading.Thread(target=other_writer) for _ in range(4))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(60):
                moving.book(50)
                follower.step()
            follower.catch_up()
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
        with psycopg.connect(url, autocommit=True) as connection:
            written = connection.execute(
                "SELECT seq, number, booking FROM oddsengine.postings ORDER BY seq, number, booking"
            ).fetchall()
        store.close()
        assert len(written) == moving.count
        assert seen == written
        assert refused
        assert set(refused) == {"moved"}
        ended(server, engine, url, moving)
