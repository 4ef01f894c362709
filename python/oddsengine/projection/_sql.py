"""SQL over a projection, or over exported files by DuckDB (``pip install duckdb``); read-only."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

from oddsengine.projection._schema import POSITION_TABLE, SCHEMA_VERSION, TABLES
from oddsengine.projection._sqlite import APPLICATION_ID
from oddsengine.projection._store import ProjectionError
from oddsengine.projection._views import VIEWS

__all__ = ["print_rows", "query"]

# A query that takes longer is cut: what reads an old state of a database keeps its log from being emptied.
QUERY_S_MAX = 60.0
# Rows of an answer, which is in memory at once, beside an engine perhaps: some kilobytes a row.
ROWS_MAX = 200_000
# The longest text that SQLite makes.
VALUE_BYTES_MAX = 1 << 20


def query(
    source: Path, text: str, *, seconds_max: float = QUERY_S_MAX
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Ask a projection in SQLite (by SQLite itself, with its views) or a folder that `export` wrote (by
    DuckDB).

    Nothing can be changed by it, and no other file be read.

    Returns:
        The names of the columns, and the rows.

    Raises:
        ValueError: The query is no query, or is refused.
        ProjectionError: `missing`, `not_a_projection`, `needs_extra`, `cut` after `seconds_max`.
    """
    if source.is_dir():
        return _query_folder(source, text, seconds_max)
    if not source.exists():
        raise ProjectionError(
            f"there is no projection at {source}\nhint: oddsengine follow --once makes one", "missing"
        )
    return _query_sqlite(source, text, seconds_max)


def _query_sqlite(source: Path, text: str, seconds_max: float) -> tuple[list[str], list[tuple[Any, ...]]]:
    uri = f"{source.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
        if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ProjectionError(f"{source} is not a projection", "not_a_projection")
        found = database.execute(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (POSITION_TABLE,)
        ).fetchone()
        row = found and database.execute(f"SELECT schema_version FROM {POSITION_TABLE}").fetchone()
        if not row:
            raise ProjectionError(f"{source} holds no projection yet: its follower has not begun", "missing")
        (version,) = row
        if version != SCHEMA_VERSION:
            raise ProjectionError(
                f"the projection {source} has schema version {version}, and this release knows"
                f" {SCHEMA_VERSION}"
                "\nhint: build it anew with oddsengine follow --rebuild",
                "schema_version",
            )
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
        database.set_authorizer(_only_reads)
        end_s = time.monotonic() + seconds_max
        database.set_progress_handler(lambda: time.monotonic() > end_s, 100_000)
        try:
            cursor = database.execute(text)
            rows = _bounded(cursor)
        except sqlite3.OperationalError as error:
            if str(error) == "interrupted":
                raise ProjectionError(_cut(seconds_max), "cut") from error
            raise ValueError(f"the query is refused: {error}") from error
        except sqlite3.Error as error:
            raise ValueError(f"the query is refused: {error}") from error
        return [column[0] for column in cursor.description or ()], rows


def _bounded(cursor: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = cursor.fetchmany(ROWS_MAX + 1)
    if len(rows) > ROWS_MAX:
        raise ValueError(
            f"the query has more than {ROWS_MAX} rows\nhint: ask for less (LIMIT, a sum), or export"
        )
    return rows


def _cut(seconds_max: float) -> str:
    return (
        f"the query was cut after {seconds_max:g} seconds: while it reads, the log of the database grows"
        "\nhint: ask for less, or ask the files of oddsengine export"
    )


READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}


def _only_reads(action: int, first: str | None, *_: Any) -> int:
    is_harmless = action in READS and first != "load_extension"
    return sqlite3.SQLITE_OK if is_harmless else sqlite3.SQLITE_DENY


def _query_folder(source: Path, text: str, seconds_max: float) -> tuple[list[str], list[tuple[Any, ...]]]:
    try:
        import duckdb
    except ImportError as error:
        raise ProjectionError(
            "exported files need duckdb, which is not installed\nhint: pip install duckdb",
            "needs_extra",
        ) from error
    with contextlib.closing(duckdb.connect()) as database:
        # Integers are divided as in the other databases: money has no fractions.
        database.execute("SET integer_division = true")
        for table in TABLES:
            files = sorted((source / table.name).glob("day=*.parquet"))
            if not files:
                raise ProjectionError(f"{source} holds no files of {table.name}", "missing")
            # A table of what stands is whole in each day's file: the last one counts.
            named = files if table.is_appended else files[-1:]
            listed = ", ".join("'" + str(file.resolve()).replace("'", "''") + "'" for file in named)
            database.execute(
                f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet([{listed}], hive_partitioning ="
                f" false)"
            )
        for view in VIEWS:
            database.execute(view.sql("duckdb"))
        folder = str(source.resolve()).replace("'", "''")
        database.execute(f"SET allowed_directories = ['{folder}']")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        timer = threading.Timer(seconds_max, database.interrupt)
        timer.start()
        try:
            statements = database.extract_statements(text)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise ValueError("the query is refused: give one SELECT")
            found = database.execute(statements[0])
            rows = _bounded(found)
            return [column[0] for column in found.description or ()], rows
        except duckdb.InterruptException as error:
            raise ProjectionError(_cut(seconds_max), "cut") from error
        except duckdb.Error as error:
            raise ValueError(f"the query is refused: {error}") from error
        finally:
            timer.cancel()


def print_rows(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Print a table; into a pipe rows are not folded."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 240
    Console(width=width).print(table)
