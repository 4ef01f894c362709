"""What a follower needs of a database, and the hashes of its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from oddsengine.exceptions import OddsEngineError
from oddsengine.projection._schema import SCHEMA_VERSION, TABLES, Table

__all__ = [
    "Batch",
    "Position",
    "ProjectionError",
    "Rows",
    "Store",
    "check_version",
    "rows_hash",
    "table_hashes",
]

# Rows that are added or put, legs that are cut, patches: as `_core.JournalFollower.read` gives them.
Rows = tuple[Sequence[tuple[Any, ...]], Sequence[tuple[str, int]], Sequence[tuple[Any, ...]]]


class ProjectionError(OddsEngineError):
    """A projection that cannot be used or built.

    `code` is a short fixed name of the reason: `schema_version`, `not_a_projection`, `moved` (another
    follower writes it),
    `quarantine_changed`, `missing`, `unavailable`, `needs_extra`. `is_transient` says whether the same
    call may succeed later.
    """

    def __init__(self, message: str, code: str = "", is_transient: bool = False) -> None:
        super().__init__(message, code, is_transient)
        self.code = code
        self.is_transient = is_transient

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Position:
    """How far a projection is: written in the transaction of its rows."""

    journal_id: str
    seq: int
    hash: str
    committed_ns: int
    quarantined: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of some records by table, and the position behind them."""

    tables: Mapping[str, Rows]
    record_count: int
    position: Position


class Store(Protocol):
    """A database that keeps a projection."""

    name: str

    def position(self) -> Position | None:
        """How far it is; `None` where there is no projection yet."""

    def create(self, position: Position) -> None:
        """Make the tables, empty; what was there of a projection goes, in the same transaction."""

    def check(self) -> None:
        """Refuses where what is written would not be there for whoever looks."""

    def apply(self, batch: Batch, before: Position) -> None:
        """All rows and the position, or nothing. Refuses where the position is not `before`."""

    def names(self) -> list[tuple[str, str, str]]:
        """Id, market and selection of every selection so far."""

    def rows(
        self, table: Table, *, since_ns: int | None = None, until_ns: int = 0
    ) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, in any order; or those of a table that is added to from `since_ns` on and
        before `until_ns`.
        """

    def one_state(self) -> AbstractContextManager[None]:
        """What is read within is of one state."""

    def wal_bytes(self) -> int:
        """The size of its own write-ahead log; 0 where it has none to tell."""

    def close(self) -> None: ...


def check_version(position: Position | None, name: str) -> Position | None:
    """Refuses a projection of another schema.

    Raises:
        ProjectionError: `schema_version`.
    """
    if position is not None and position.schema_version != SCHEMA_VERSION:
        raise ProjectionError(
            f"the projection {name} has schema version {position.schema_version}, and this release writes"
            f" {SCHEMA_VERSION}\nhint: build it anew with --rebuild; nothing was changed",
            "schema_version",
        )
    return position


def rows_hash(rows: Iterable[tuple[Any, ...]]) -> str:
    """A hash of a set of rows, whatever their order and database: the sum of the rows' hashes."""
    total, count = 0, 0
    for row in rows:
        digest = hashlib.blake2b(repr(row).encode(), digest_size=32).digest()
        total += int.from_bytes(digest, "big")
        count += 1
    return f"{count}:{total % (1 << 256):064x}"


def table_hashes(store: Store) -> dict[str, str]:
    """By table the number of its rows and their hash, `COUNT:HASH`: the same for the same content
    everywhere.
    """
    return {table.name: rows_hash(store.rows(table)) for table in TABLES}
