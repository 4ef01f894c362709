"""A day of a projection as Parquet files, or as Arrow tables (``pip install pyarrow``)."""

from __future__ import annotations

import datetime
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddsengine.projection._schema import SCHEMA_VERSION, TABLES, Table
from oddsengine.projection._store import Position, ProjectionError, Store

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
    if not table.is_appended:
        return store.rows(table)
    start_ns, end_ns = _bounds_ns(text)
    return store.rows(table, since_ns=start_ns, until_ns=end_ns)


def reader(store: Store, table: Table, text: str) -> pyarrow.RecordBatchReader:
    """A table of a day as Arrow record batches: of one that is added to its rows of that day, of another
    all as they stand.

    Raises:
        ValueError: Not a day.
        ProjectionError: `needs_extra` without pyarrow.
    """
    arrow = _pyarrow()
    _bounds_ns(text)
    position = store.position()
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
        metadata={
            "oddsengine.schema_version": str(SCHEMA_VERSION),
            "oddsengine.day": text,
            "oddsengine.seq": "" if position is None else str(position.seq),
        },
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


def _fault_of_day(position: Position, text: str, acknowledged_seq: int | None) -> str | None:
    """Why a day may have more than its files: the projection has not got beyond it."""
    _, end_ns = _bounds_ns(text)
    is_behind = acknowledged_seq is None or position.seq < acknowledged_seq
    if position.committed_ns >= end_ns or (not is_behind and time.time_ns() >= end_ns):
        return None
    at = datetime.datetime.fromtimestamp(position.committed_ns / 1e9, datetime.UTC)
    return (
        f"the projection is at record {position.seq} of {at:%Y-%m-%dT%H:%M:%SZ}: what the day {text} has"
        f" beyond it is not in these files\nhint: export the day again once its follower has got beyond it"
    )


def day(
    store: Store,
    text: str,
    folder: Path,
    *,
    acknowledged_seq: int | None = None,
    noticed: Callable[[str], None] | None = None,
) -> dict[str, int]:
    """Write `FOLDER/TABLE/day=YYYY-MM-DD.parquet` for every table; returns the rows of each file.

    A file is complete or not there. One of the same day is replaced. All of them are of one state of the
    projection, whose record stands in each (`oddsengine.seq` of its metadata).

    `acknowledged_seq`: the journal's last record, if it is known. `noticed`: told where the projection may
    not have got to the end of the day.

    Raises:
        ValueError: Not a day.
        ProjectionError: `missing` without a projection, `needs_extra` without pyarrow.
    """
    arrow = _pyarrow()
    _bounds_ns(text)
    staged: list[tuple[Path, Path]] = []
    written: dict[str, int] = {}
    with store.one_state():
        position = store.position()
        if position is None:
            raise ProjectionError(f"there is no projection at {store.name}", "missing")
        fault = _fault_of_day(position, text, acknowledged_seq)
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
            staged.append((staging, path))
            written[str(path)] = count
    for staging, path in staged:
        os.replace(staging, path)
    if fault is not None and noticed is not None:
        noticed(fault)
    return written
