"""A day of a projection as Parquet files, or as Arrow tables (``pip install pyarrow``)."""

from __future__ import annotations

import datetime
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddsengine.projection._schema import SCHEMA_VERSION, TABLES, Table
from oddsengine.projection._store import ProjectionError, Store

if TYPE_CHECKING:
    import pyarrow

__all__ = ["day", "reader"]

# Rows that are in memory at once.
ROWS_PER_GROUP = 65_536


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ProjectionError(
            "Parquet needs pyarrow, which is not installed\nhint: pip install pyarrow",
            "needs_extra",
        ) from error
    return pyarrow


def _bounds_ns(text: str) -> tuple[int, int]:
    try:
        if len(text) != 10:
            raise ValueError
        start = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise ValueError(f"day {text!r} is not YYYY-MM-DD") from error
    start_ns = int(start.timestamp()) * 1_000_000_000
    return start_ns, start_ns + 86_400 * 1_000_000_000


def _rows_of_day(store: Store, table: Table, text: str) -> Iterator[tuple[Any, ...]]:
    rows = store.rows(table)
    if not table.is_appended:
        return rows
    start_ns, end_ns = _bounds_ns(text)
    place = table.position("time_ns")
    return (row for row in rows if start_ns <= row[place] < end_ns)


def reader(store: Store, table: Table, text: str) -> pyarrow.RecordBatchReader:
    """A table of a day as Arrow record batches: of one that is added to its rows of that day, of another
    all as they stand.

    Raises:
        ValueError: Not a day.
        ProjectionError: `needs_extra` without pyarrow.
    """
    arrow = _pyarrow()
    _bounds_ns(text)
    schema = arrow.schema(
        [
            arrow.field(
                column.name,
                arrow.int64() if column.kind == "int" else arrow.string(),
                nullable=column.is_nullable,
                metadata={"note": column.note},
            )
            for column in table.columns
        ],
        metadata={"oddsengine.schema_version": str(SCHEMA_VERSION), "oddsengine.day": text},
    )

    def batches() -> Iterator[Any]:
        source = _rows_of_day(store, table, text)
        while rows := list(itertools.islice(source, ROWS_PER_GROUP)):
            yield arrow.record_batch(
                [
                    arrow.array(values, type=field.type)
                    for values, field in zip(zip(*rows, strict=True), schema, strict=True)
                ],
                schema=schema,
            )

    return arrow.RecordBatchReader.from_batches(schema, batches())


def day(store: Store, text: str, folder: Path) -> dict[str, int]:
    """Write `FOLDER/TABLE/day=YYYY-MM-DD.parquet` for every table; returns the rows of each file.

    A file is complete or not there. One of the same day is replaced.

    Raises:
        ValueError: Not a day.
        ProjectionError: `missing` without a projection, `needs_extra` without pyarrow.
    """
    arrow = _pyarrow()
    _bounds_ns(text)
    if store.position() is None:
        raise ProjectionError(f"there is no projection at {store.name}", "missing")
    written: dict[str, int] = {}
    for table in TABLES:
        path = folder / table.name / f"day={text}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_name(path.name + ".new")
        source = reader(store, table, text)
        count = 0
        with arrow.parquet.ParquetWriter(staging, source.schema, compression="zstd") as writer:
            for batch in source:
                writer.write_batch(batch)
                count += batch.num_rows
        os.replace(staging, path)
        written[str(path)] = count
    return written
