"""The tables of a projection: definitions of the core, as SQL of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from oddsengine import _core

__all__ = ["POSITION_TABLE", "SCHEMA_VERSION", "TABLES", "Column", "Dialect", "Table", "table_ddl"]

Dialect = Literal["sqlite", "postgresql", "duckdb"]
Merge = Literal["key", "set", "fixed", "count", "add"]

# One row: which journal, how far, and by which schema. Not a part of what is compared.
POSITION_TABLE = "projection"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `merge` says what a later row of the same key does to it."""

    name: str
    kind: Literal["int", "text"]
    is_nullable: bool
    merge: Merge
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its columns, those of the key first."""

    name: str
    note: str
    is_appended: bool
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...]

    @property
    def key(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.merge == "key")

    @property
    def patched(self) -> tuple[Column, ...]:
        """The columns that a patch may change."""
        return tuple(column for column in self.columns if column.merge in ("set", "count", "add"))

    def position(self, name: str) -> int:
        return next(place for place, column in enumerate(self.columns) if column.name == name)


@cache
def _tables() -> tuple[int, tuple[Table, ...]]:
    schema: Mapping[str, Any] = _core.projection_schema()
    tables = tuple(
        Table(
            name=table["name"],
            note=table["note"],
            is_appended=table["is_appended"],
            columns=tuple(Column(**column) for column in table["columns"]),
            indexes=tuple(tuple(index) for index in table["indexes"]),
        )
        for table in schema["tables"]
    )
    return schema["version"], tables


_FOUND = _tables()
SCHEMA_VERSION: int = _FOUND[0]
"""Tables of another version are refused; see `docs/projections.md`."""
TABLES: tuple[Table, ...] = _FOUND[1]
"""Every table of a projection."""

TYPES: Mapping[Dialect, Mapping[str, str]] = {
    "sqlite": {"int": "INTEGER", "text": "TEXT"},
    # Texts are compared by their bytes, in every database alike.
    "postgresql": {"int": "bigint", "text": 'text COLLATE "C"'},
}


def table_ddl(table: Table, dialect: Dialect) -> Iterator[str]:
    """The statements that make a table and its indexes."""
    types = TYPES[dialect]
    columns = [
        f"{column.name} {types[column.kind]}{'' if column.is_nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    columns.append(f"PRIMARY KEY ({', '.join(column.name for column in table.key)})")
    suffix = ""
    if dialect == "sqlite":
        # What is only added to is stored in the order of its key: no second tree.
        suffix = " STRICT, WITHOUT ROWID" if table.is_appended else " STRICT"
    yield f"CREATE TABLE {table.name} ({', '.join(columns)}){suffix}"
    for index in table.indexes:
        name = f"{table.name}_by_{'_'.join(index)}"
        nullable = {column.name for column in table.columns if column.is_nullable}
        where = "".join(f" WHERE {column} IS NOT NULL" for column in index if column in nullable)
        yield f"CREATE INDEX {name} ON {table.name} ({', '.join(index)}){where}"


def position_ddl(dialect: Dialect) -> str:
    """The table of the position; it never has more than one row."""
    integer, text = TYPES[dialect]["int"], TYPES[dialect]["text"]
    strict = " STRICT" if dialect == "sqlite" else ""
    return (
        f"CREATE TABLE {POSITION_TABLE} (one {integer} PRIMARY KEY CHECK (one = 1),"
        f" schema_version {integer} NOT NULL, journal_id {text} NOT NULL, seq {integer} NOT NULL,"
        f" hash {text} NOT NULL, committed_ns {integer} NOT NULL, quarantined {text} NOT NULL,"
        f" release {text} NOT NULL){strict}"
    )
