"""A projection in PostgreSQL: rows by COPY, position in the same transaction (``pip install
'psycopg[binary]'``).
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

from oddsengine import __version__
from oddsengine.projection._schema import (
    POSITION_TABLE,
    SCHEMA_VERSION,
    TABLES,
    Table,
    position_ddl,
    table_ddl,
)
from oddsengine.projection._sqlite import on_conflict
from oddsengine.projection._store import Batch, Position, ProjectionError, check_version
from oddsengine.projection._views import VIEWS

__all__ = ["SCHEMA", "PostgresStore"]

# The schema that holds the tables; nothing else of the database is touched.
SCHEMA = "oddsengine"
CONNECT_S = 10
# A transaction of the follower that waits longer for a lock gives up, and is tried again.
LOCK_S = 10
# The server lets go of a lock a moment after its session has ended.
TURN_S = 1.0


def without_password(url: str) -> str:
    """A connection's URL as it may be told.

    >>> without_password("postgresql://me:a:b@db/odds?password=c&sslmode=require")
    'postgresql://me:…@db/odds?password=…&sslmode=require'
    """
    url = re.sub(r"(?<=://)([^:@/?#]*):[^/?#]*(?=@)", r"\1:…", url)
    return re.sub(r"(?<=[?&]password=)[^&#]*", "…", url, flags=re.IGNORECASE)


class PostgresStore:
    """Connects; the tables are in the schema `oddsengine` of the database.

    A session lock keeps a second follower out: transactions commit in the order of records, so that a
    reader who asks for what is
    behind the last `seq` that it saw never misses one.

    `is_reader`: only what is there is read, beside a follower, and nothing made or written.

    Raises:
        ProjectionError: `needs_extra` without psycopg, `unavailable` (may pass), `moved` where another
        follower has the lock.
    """

    def __init__(self, url: str, *, is_reader: bool = False) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ProjectionError(
                "PostgreSQL needs psycopg, which is not installed\nhint: pip install 'psycopg[binary]'",
                "needs_extra",
            ) from error
        self._psycopg = psycopg
        self.name = without_password(url)
        with self._told():
            self._database = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_S, application_name="oddsengine follow"
            )
        try:
            with self._told():
                self._execute(f"SET lock_timeout = '{LOCK_S}s'")
                self._execute(f"SET search_path = {SCHEMA}")
                if is_reader:
                    self._execute("SET default_transaction_read_only = on")
                else:
                    self._lock()
        except BaseException:
            self._database.close()
            raise
        self._is_staged = False

    def _lock(self) -> None:
        until_s = time.monotonic() + TURN_S
        while True:
            (is_mine,) = self._row("SELECT pg_try_advisory_lock(hashtext('oddsengine.projection'))")
            if is_mine:
                return
            if until_s <= time.monotonic():
                break
            time.sleep(0.05)
        raise ProjectionError(
            f"another follower writes the projection {self.name}\nhint: one follower owns a projection;"
            f" stop the other one",
            "moved",
            is_transient=True,
        )

    def _execute(self, query: str, values: Sequence[Any] | None = None) -> Any:
        return self._database.execute(cast(Any, query), values)

    def _row(self, query: str, values: Sequence[Any] | None = None) -> tuple[Any, ...]:
        row = self._execute(query, values).fetchone()
        assert row is not None
        return cast("tuple[Any, ...]", row)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The server's refusals as our own; those of a connection may pass."""
        errors = self._psycopg
        try:
            yield
        except errors.Error as error:
            may_pass = isinstance(
                error,
                (
                    errors.OperationalError,
                    errors.errors.LockNotAvailable,
                    # A standby: after a switch it, or another one, takes rows again.
                    errors.errors.ReadOnlySqlTransaction,
                ),
            )
            raise ProjectionError(
                f"projection {self.name} cannot be used: {str(error).strip() or type(error).__name__}",
                "unavailable",
                may_pass,
            ) from error

    def position(self) -> Position | None:
        with self._told():
            (there,) = self._row("SELECT to_regclass(%s) IS NOT NULL", (f"{SCHEMA}.{POSITION_TABLE}",))
            if not there:
                return None
            row = self._execute(
                "SELECT journal_id, seq, hash, committed_ns, quarantined, schema_version"
                f" FROM {POSITION_TABLE}"
            ).fetchone()
        return check_version(None if row is None else Position(*row), self.name)

    def create(self, position: Position) -> None:
        self._is_staged = False
        with self._told(), self._database.transaction():
            if self._is_of_this_release():
                # Rights that were granted, and what others made upon the tables (views, indexes), stay.
                names = ", ".join((POSITION_TABLE, *(table.name for table in TABLES)))
                self._execute(f"TRUNCATE {names}")
            else:
                self._make_schema()
                self._execute(position_ddl("postgresql"))
                for table in TABLES:
                    for statement in table_ddl(table, "postgresql"):
                        self._execute(statement)
                for view in VIEWS:
                    self._execute(view.sql("postgresql"))
            self._execute(
                f"INSERT INTO {POSITION_TABLE} (one, schema_version, journal_id, seq, hash, committed_ns,"
                " quarantined, release) VALUES (1, %s, %s, %s, %s, %s, %s, %s)",
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

    def _relations(self) -> dict[str, tuple[str, list[str]]]:
        """What is in the schema by its name: of which kind, and its columns."""
        found = self._execute(
            "SELECT c.relname, c.relkind::text, coalesce(array_agg(a.attname::text ORDER BY a.attnum)"
            " FILTER (WHERE a.attname IS NOT NULL), '{}') FROM pg_class AS c"
            " LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
            " GROUP BY c.oid, c.relname, c.relkind",
            (SCHEMA,),
        )
        return {name: (kind, columns) for name, kind, columns in found}

    def _is_of_this_release(self) -> bool:
        """All tables and views are there as this release makes them."""
        relations = self._relations()
        if POSITION_TABLE not in relations:
            return False
        row = self._execute(f"SELECT schema_version FROM {POSITION_TABLE}").fetchone()
        if row is not None and row[0] != SCHEMA_VERSION:
            return False
        wanted = [(table.name, "r", [column.name for column in table.columns]) for table in TABLES]
        wanted += [(view.name, "v", list(view.columns)) for view in VIEWS]
        return all(relations.get(name) == (kind, columns) for name, kind, columns in wanted)

    def _make_schema(self) -> None:
        """An empty schema: one that is there and empty, or was a projection, or a new one.

        Raises:
            ProjectionError: `not_a_projection`, where it holds what nobody here made.
        """
        relations = self._relations()
        if relations and POSITION_TABLE not in relations:
            named = ", ".join(sorted(relations)[:5])
            raise ProjectionError(
                f"the schema {SCHEMA} of {self.name} holds what is no projection ({named}), and is left as it"
                f" is\nhint: give another database, or rename that schema",
                "not_a_projection",
            )
        kinds = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE"}
        for name, (kind, _) in relations.items():
            if kind in kinds:
                quoted = name.replace('"', '""')
                self._execute(f'DROP {kinds[kind]} IF EXISTS {SCHEMA}."{quoted}" CASCADE')
        (is_there,) = self._row("SELECT to_regnamespace(%s) IS NOT NULL", (SCHEMA,))
        if not is_there:
            self._execute(f"CREATE SCHEMA {SCHEMA}")

    def check(self) -> None:
        """The server answers for its tables."""

    def _stage(self) -> None:
        """Tables of this session, empty at the end of each transaction, through which rows are merged."""
        if self._is_staged:
            return
        for table in TABLES:
            if not table.is_appended:
                for kind in ("put", "patch"):
                    columns = ", ".join(
                        f"{column.name} {'bigint' if column.kind == 'int' else 'text'}"
                        for column in table.columns
                    )
                    self._execute(
                        f"CREATE TEMPORARY TABLE IF NOT EXISTS {kind}_{table.name} ({columns}) ON COMMIT"
                        f" DELETE ROWS"
                    )
        self._execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS cut_legs (ticket text, leg bigint) ON COMMIT DELETE ROWS"
        )
        self._is_staged = True

    def apply(self, batch: Batch, before: Position) -> None:
        after = batch.position
        with self._told():
            self._stage()
            with self._database.transaction():
                moved = self._execute(
                    f"UPDATE {POSITION_TABLE} SET seq = %s, hash = %s, committed_ns = %s, release = %s"
                    " WHERE journal_id = %s AND seq = %s AND hash = %s",
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
                        f"the projection {self.name} is no longer at record {before.seq}: another"
                        f" follower writes it"
                        "\nhint: one follower owns a projection; stop the other one",
                        "moved",
                    )
                for table in TABLES:
                    if (found := batch.tables.get(table.name)) is None:
                        continue
                    whole, cut, patches = found
                    if whole:
                        self._put(table, whole)
                    if cut:
                        self._copy("cut_legs", ("ticket", "leg"), cut)
                        self._execute(
                            "DELETE FROM legs USING cut_legs WHERE legs.ticket = cut_legs.ticket AND"
                            " legs.leg >= cut_legs.leg"
                        )
                    if patches:
                        self._patch(table, patches)

    def _copy(self, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN"
        with self._database.cursor() as cursor, cursor.copy(cast(Any, statement)) as copy:
            for row in rows:
                copy.write_row(row)

    def _put(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        columns = [column.name for column in table.columns]
        if table.is_appended:
            self._copy(table.name, columns, rows)
            return
        self._copy(f"put_{table.name}", columns, rows)
        names = ", ".join(columns)
        self._execute(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM put_{table.name} {on_conflict(table)}"
        )

    def _patch(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        stage = f"patch_{table.name}"
        self._copy(stage, [column.name for column in table.columns], rows)
        changes = ", ".join(
            f"{column.name} = {table.name}.{column.name} + coalesce({stage}.{column.name}, 0)"
            if column.merge in ("count", "add")
            else f"{column.name} = coalesce({stage}.{column.name}, {table.name}.{column.name})"
            for column in table.patched
        )
        where = " AND ".join(f"{table.name}.{column.name} = {stage}.{column.name}" for column in table.key)
        changed = self._execute(f"UPDATE {table.name} SET {changes} FROM {stage} WHERE {where}").rowcount
        if changed != len(rows):
            raise ProjectionError(
                f"{len(rows) - changed} rows of {table.name} are not there to be changed: the projection"
                f" {self.name}"
                " is not what was written\nhint: build it anew with --rebuild",
                "not_as_written",
            )

    def names(self) -> list[tuple[str, str, str]]:
        with self._told():
            return cast(
                "list[tuple[str, str, str]]",
                self._execute("SELECT selection_id, market, selection FROM selections").fetchall(),
            )

    def rows(
        self, table: Table, *, since_ns: int | None = None, until_ns: int = 0
    ) -> Iterator[tuple[Any, ...]]:
        columns = ", ".join(column.name for column in table.columns)
        of_time, times = "", None
        if since_ns is not None:
            of_time, times = " WHERE time_ns >= %s AND time_ns < %s", (since_ns, until_ns)
        with (
            self._told(),
            self._database.transaction(),
            self._database.cursor(name="oddsengine_rows") as cursor,
        ):
            cursor.itersize = 10_000
            cursor.execute(cast(Any, f"SELECT {columns} FROM {table.name}{of_time}"), times)
            yield from cursor

    @contextlib.contextmanager
    def one_state(self) -> Iterator[None]:
        with self._told(), self._database.transaction():
            self._execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield

    def wal_bytes(self) -> int:
        """PostgreSQL keeps its own log: 0."""
        return 0

    def close(self) -> None:
        self._database.close()
