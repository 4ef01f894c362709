"""Boards as tables: a row per selection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from oddsengine import _hints
from oddsengine.exceptions import BoundsError
from oddsengine.tables import Table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from oddsengine._messages import Board


class ArrowTable(ABC):
    """Something that is a table: every library that reads the Arrow interface takes it as it is, and whoever
    goes over it gets its rows, as `pandas.DataFrame` does."""

    __slots__ = ()

    @property
    @abstractmethod
    def table(self) -> Table:
        """Its rows."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Its rows, with the names of the columns: `row.market`."""
        table = self.table
        row = namedtuple("Row", table.columns)  # type: ignore[misc]
        return (row(*values) for values in zip(*(table[name].tolist() for name in table), strict=True))

    def __arrow_c_schema__(self) -> Any:
        return self.table.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame; pandas must be installed."""
        return self.table.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """A Polars frame; Polars must be installed."""
        return self.table.to_polars()


class _Priced(Protocol):
    @property
    def selections(self) -> tuple[str, ...]: ...
    @property
    def fair(self) -> Any: ...
    @property
    def odds(self) -> Any: ...


def priced_table(board: _Priced) -> Table:
    """A board that a model priced: market, selection, fair probability, odds (nan: not offered)."""
    names = [name.partition("/") for name in board.selections]
    return Table(
        {
            "market": [market for market, _, _ in names],
            "selection": [selection for _, _, selection in names],
            "fair": board.fair,
            "odds": board.odds,
        },
        caption=repr(board),
    )


def in_market(key: str, selections: Sequence[str]) -> Iterator[str]:
    """The selections of a market, by their full names.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    found = [name for name in selections if name.startswith(key + "/")]
    if not found:
        raise _hints.unknown("market", key, dict.fromkeys(name.partition("/")[0] for name in selections))
    return iter(found)


def boards_table(
    boards: Iterable[Board],
    *,
    markets: Collection[str] | None = None,
    caption: str = "",
    is_named: bool = False,
) -> Table:
    """Boards of an engine: a row per selection, with how its market and its fixture stand.

    `markets` leaves out the others; a named table has the sides, and whether the board may be out of date.
    """
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "fixture",
            "sport",
            "competition",
            "fixture_status",
            "market",
            "status",
            "price",
            "selection",
            "odds",
            "result",
            "epoch",
            "version",
        )
    }
    of_board: tuple[str, ...] = ("fixture", "sport", "competition", "epoch", "version")
    if is_named:
        of_board += ("home", "away", "is_stale")
        columns |= {"home": [], "away": [], "is_stale": []}
    for board in boards:
        for key, body in board.markets.raw.items():
            if markets is not None and key not in markets:
                continue
            odds = body["odds"]
            count = len(odds)
            names = board.markets.names.get(key) or tuple(map(str, range(count)))
            columns["market"] += [key] * count
            columns["status"] += [body["status"]] * count
            columns["price"] += [body["price"]] * count
            columns["selection"] += names
            columns["odds"] += [float("nan") if price is None else float(price) for price in odds]
            columns["result"] += [result or "" for result in body.get("results") or [None] * count]
        count = len(columns["market"]) - len(columns["fixture"])
        for name in of_board:
            columns[name] += [getattr(board, name)] * count
        columns["fixture_status"] += [board.status] * count
    integers, booleans = ("fixture", "epoch", "version"), ("is_stale",)
    return typed_table(columns, caption=caption, integers=integers, numbers=("odds",), booleans=booleans)


def typed_table(
    columns: dict[str, list[Any]],
    *,
    caption: str = "",
    integers: Sequence[str] = (),
    numbers: Sequence[str] = (),
    booleans: Sequence[str] = (),
) -> Table:
    """A table whose columns have their kinds also without rows; the others are text."""
    import numpy as np

    kinds: dict[str, Any] = {
        **dict.fromkeys(integers, np.int64),
        **dict.fromkeys(numbers, np.float64),
        **dict.fromkeys(booleans, np.bool_),
    }
    found: dict[str, Any] = {}
    for name, values in columns.items():
        kind = kinds.get(name, np.str_)
        if kind is np.float64:
            values = [float("nan") if value is None else value for value in values]
        try:
            found[name] = np.array(values, dtype=kind)
        except OverflowError as error:
            raise BoundsError(f"column {name!r} holds a number above {2**63 - 1}") from error
    return Table(found, caption=caption)
