"""A projection in a SQLite file: the default, beside the journal."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oddsengine import __version__
from oddsengine._log_readers import readers_of
from oddsengine.projection._schema import POSITION_TABLE, TABLES, Table, position_ddl, table_ddl
from oddsengine.projection._store import Batch, Position, ProjectionError, check_version
from oddsengine.projection._views import VIEWS

__all__ = ["APPLICATION_ID", "SqliteStore"]

# "OEP1": which kind of file this is, for `file` and for whoever opens the wrong one.
APPLICATION_ID = 0x4F45_5031
# How long a transaction waits for another program's lock before it gives up.
BUSY_S = 10.0
# Pages that are kept in memory: rows of tickets are found by their ids, which have no order.
CACHE_KIB = 64 * 1024
# The log is cut to this after a checkpoint.
WAL_BYTES_KEPT = 64 << 20
WAL_PAGES_CHECKPOINT = 4_000
# While a program holds an old state of the file open its log grows with all that is written. At this size
# nothing more is written until that program ends its transaction: the disk is the journal's too.
WAL_BYTES_MAX = 1_073_741_824


class SqliteStore:
    """Opens or makes the file; only its owner can read it.

    `durable`: a power cut loses nothing of what was told. Without it (the default) it may lose the last
    batches, whole, and the
    follower reads them again from the journal: rows and position are of one transaction.

    `is_reader`: only what is there is read, and nothing made or written.

    `wal_bytes_max`: at this size of its log nothing more is written until whoever holds an old state open
    has ended.

    Raises:
        ProjectionError: `not_a_projection`, `missing` (to read from), `unavailable` (may pass).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        durable: bool = False,
        is_reader: bool = False,
        wal_bytes_max: int = WAL_BYTES_MAX,
    ) -> None:
        self.path = Path(path)
        self.name = f"sqlite:{self.path}"
        self._wal_bytes_max = wal_bytes_max
        if not is_reader:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        elif not self.path.exists():
            raise ProjectionError(f"there is no projection at {self.name}", "missing")
        self._file = _identity(self.path)
        uri = f"{self.path.resolve().as_uri()}?mode={'ro' if is_reader else 'rw'}"
        self._database = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
        try:
            self._prepare(durable=durable, is_reader=is_reader)
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise self._unusable(error) from error
        self._puts = {table.name: _put(table) for table in TABLES}
        self._patches = {table.name: _patch(table) for table in TABLES}

    def _prepare(self, *, durable: bool, is_reader: bool) -> None:
        found = self._database.execute("PRAGMA application_id").fetchone()[0]
        is_empty = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if found != APPLICATION_ID and not (found == 0 and is_empty):
            self._database.close()
            raise ProjectionError(
                f"{self.path} is not a projection, and is left as it is\nhint: give a file that is not"
                f" there yet",
                "not_a_projection",
            )
        if is_reader:
            return
        self._database.execute("PRAGMA journal_mode = wal")
        self._database.execute(f"PRAGMA synchronous = {'full' if durable else 'normal'}")
        self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        self._database.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_CHECKPOINT}")

    def _unusable(self, error: sqlite3.DatabaseError) -> ProjectionError:
        is_busy = isinstance(error, sqlite3.OperationalError)
        code = "unavailable" if is_busy else "not_a_projection"
        return ProjectionError(f"projection {self.path} cannot be used: {error}", code, is_busy)

    def position(self) -> Position | None:
        found = self._database.execute(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (POSITION_TABLE,)
        ).fetchone()
        return check_version(self._read_position(), self.name) if found else None

    def _read_position(self) -> Position | None:
        row = self._database.execute(
            f"SELECT journal_id, seq, hash, committed_ns, quarantined, schema_version FROM {POSITION_TABLE}"
        ).fetchone()
        return None if row is None else Position(*row)

    def create(self, position: Position) -> None:
        with self._transaction():
            if self._is_of_this_release():
                # What others made beside the tables (views, indexes of their own) stays.
                for name in (POSITION_TABLE, *(table.name for table in TABLES)):
                    self._database.execute(f"DELETE FROM {name}")
            else:
                there = self._database.execute(
                    "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE"
                    " 'sqlite_%'"
                    " ORDER BY type DESC"
                ).fetchall()
                for kind, name in there:
                    self._database.execute(f'DROP {kind} "{name}"')
                self._database.execute(position_ddl("sqlite"))
                for table in TABLES:
                    for statement in table_ddl(table, "sqlite"):
                        self._database.execute(statement)
            for view in VIEWS:
                self._database.execute(f"DROP VIEW IF EXISTS {view.name}")
                self._database.execute(view.sql("sqlite"))
            self._database.execute(
                f"INSERT INTO {POSITION_TABLE} (one, schema_version, journal_id, seq, hash, committed_ns,"
                " quarantined, release) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                (
                    position.schema_version,
                    position.journal_id,
                    position.seq,
                    position.hash,
                    position.committed_ns,
                    position.quarantined,
                    __version__,
                ),
            )

    def _is_of_this_release(self) -> bool:
        """All tables are there as this release makes them."""
        wanted = [position_ddl("sqlite"), *(next(table_ddl(table, "sqlite")) for table in TABLES)]
        there = {
            sql for (sql,) in self._database.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'")
        }
        return there.issuperset(wanted)

    def check(self) -> None:
        if _identity(self.path) != self._file:
            raise ProjectionError(
                f"{self.path} was removed or replaced: what is written into it nobody would read",
                "replaced",
                is_transient=True,
            )

    def _make_room(self) -> None:
        """Empties the log where it has reached its bound.

        Raises:
            ProjectionError: `reader`, which may pass: somebody holds an old state of the file open.
        """
        if self.wal_bytes() < self._wal_bytes_max:
            return
        is_held = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not is_held:
            return
        readers = {reader.pid for reader in readers_of(self.path)} - {os.getpid()}
        named = ", ".join(map(str, sorted(readers))) or "unknown"
        raise ProjectionError(
            f"the log of {self.path} has {self.wal_bytes()} bytes, at most {self._wal_bytes_max} are allowed:"
            f" process {named} holds an old state of it open\nhint: nothing more is written until its"
            f" transaction ends, and nothing is lost: the follower goes on by itself",
            "reader",
            is_transient=True,
        )

    def apply(self, batch: Batch, before: Position) -> None:
        self.check()
        self._make_room()
        execute_many = self._database.executemany
        after = batch.position
        with self._transaction():
            # First: rows of another follower would be there twice, which says less.
            moved = self._database.execute(
                f"UPDATE {POSITION_TABLE} SET seq = ?, hash = ?, committed_ns = ?, release = ?"
                " WHERE journal_id = ? AND seq = ? AND hash = ?",
                (
                    after.seq,
                    after.hash,
                    after.committed_ns,
                    __version__,
                    before.journal_id,
                    before.seq,
                    before.hash,
                ),
            )
            if moved.rowcount != 1:
                raise ProjectionError(
                    f"the projection {self.name} is no longer at record {before.seq}: another follower"
                    f" writes it"
                    "\nhint: one follower owns a projection; stop the other one",
                    "moved",
                )
            for table in TABLES:
                if (found := batch.tables.get(table.name)) is None:
                    continue
                whole, cut, patches = found
                if whole:
                    execute_many(self._puts[table.name], whole)
                if cut:
                    execute_many("DELETE FROM legs WHERE ticket = ? AND leg >= ?", cut)
                if patches:
                    key_len = len(table.key)
                    places = [table.position(column.name) for column in table.patched]
                    values = ([*(row[place] for place in places), *row[:key_len]] for row in patches)
                    self._patch(table, values, len(patches))

    def _patch(self, table: Table, values: Iterator[list[Any]], count: int) -> None:
        changed = self._database.executemany(self._patches[table.name], values).rowcount
        if changed != count:
            raise ProjectionError(
                f"{count - changed} rows of {table.name} are not there to be changed: the projection"
                f" {self.name}"
                " is not what was written\nhint: build it anew with --rebuild",
                "not_as_written",
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                raise self._unusable(error) from error
            raise

    def names(self) -> list[tuple[str, str, str]]:
        return self._database.execute("SELECT selection_id, market, selection FROM selections").fetchall()

    def rows(
        self, table: Table, *, since_ns: int | None = None, until_ns: int = 0
    ) -> Iterator[tuple[Any, ...]]:
        columns = ", ".join(column.name for column in table.columns)
        select = f"SELECT {columns} FROM {table.name}"
        if since_ns is None:
            yield from self._database.execute(select)
        else:
            yield from self._database.execute(
                f"{select} WHERE time_ns >= ? AND time_ns < ?", (since_ns, until_ns)
            )

    @contextlib.contextmanager
    def one_state(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("ROLLBACK")

    def wal_bytes(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        self._database.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _put(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
    return insert if table.is_appended else f"{insert} {on_conflict(table)}"


def on_conflict(table: Table) -> str:
    """What a whole row does to the one that is there."""
    keys = ", ".join(column.name for column in table.key)
    changes = ", ".join(
        f"{column.name} = {table.name}.{column.name} + excluded.{column.name}"
        if column.merge == "add"
        else f"{column.name} = excluded.{column.name}"
        for column in table.columns
        if column.merge != "key"
    )
    return f"ON CONFLICT ({keys}) DO UPDATE SET {changes}"


def _patch(table: Table) -> str:
    changes = ", ".join(
        f"{column.name} = {column.name} + coalesce(?, 0)"
        if column.merge in ("count", "add")
        else f"{column.name} = coalesce(?, {column.name})"
        for column in table.patched
    )
    where = " AND ".join(f"{column.name} = ?" for column in table.key)
    return f"UPDATE {table.name} SET {changes} WHERE {where}"
