"""Tables in and out: named columns of NumPy arrays, and whatever else holds them.

Results come out as a `Table`. It speaks the Arrow PyCapsule interface, so pandas, Polars, DuckDB and pyarrow
read it directly; numbers are not copied. Functions that take a table take any of these:

* a mapping of names to arrays or lists, or a `Table`;
* a pandas or Polars frame, or a structured NumPy array;
* anything else with `__arrow_c_stream__`: a pyarrow table, a DuckDB relation.

>>> table = Table({"team": ["Ajax", "Brugge"], "attack": [0.3, -0.3]})
>>> table
<Table of 2 rows: team, attack>
>>> table["attack"]
array([ 0.3, -0.3])
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _html
from oddsengine._frames import is_absent, library
from oddsengine.exceptions import BoundsError

if TYPE_CHECKING:
    import arro3.core
    import pandas as pd
    import polars as pl

__all__ = ["Table", "TableLike", "select", "table_from"]

TableLike: TypeAlias = Any
"""A mapping of columns, a `Table`, a pandas or Polars frame, or anything with `__arrow_c_stream__`."""

Array: TypeAlias = npt.NDArray[Any]

# Rows that a notebook or a terminal shows; the rest is counted.
ROWS_SHOWN = 20
# Columns that a terminal shows; of more the middle ones are left out. All that an engine tells fits in.
COLUMNS_SHOWN = 20


class Table:
    """Columns of one length, by name and in order.

    `len(table)` counts rows, `table[name]` is a column as an array, `table.keys()` are the names, so
    `dict(table)` is a mapping of arrays. Whole numbers are int64, other numbers float64, truth values bool,
    days and times datetime64, everything else text.

    Raises
    ------
    BoundsError
        Columns of different lengths or with more than one dimension.

    Examples
    --------
    >>> table = Table({"date": np.array(["2026-08-15"], "datetime64[D]"), "home": ["Ajax"], "goals": [3]})
    >>> print(table)
    date        home  goals
    2026-08-15  Ajax      3
    >>> table.rows(table["goals"] > 3)
    <Table of 0 rows: date, home, goals>
    """

    __slots__ = ("_columns", "caption")

    def __init__(self, columns: Mapping[str, npt.ArrayLike], *, caption: str = "") -> None:
        if not hasattr(columns, "items"):
            raise BoundsError(f"columns are a {type(columns).__name__}, not a mapping of names to values")
        self._columns = {str(name): _column(str(name), values) for name, values in columns.items()}
        self.caption = caption
        """What the table is about, shown above it in a notebook."""
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise BoundsError(f"columns have different lengths: {lengths}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._columns)

    def keys(self) -> tuple[str, ...]:
        """As `columns`.

        >>> Table({"a": [1, 2], "b": [0.5, 1.0]}).keys()
        ('a', 'b')
        """
        return self.columns

    def items(self) -> list[tuple[str, Array]]:
        """Names and arrays.

        >>> Table({"a": [1, 2]}).items()
        [('a', array([1, 2]))]
        """
        return list(self._columns.items())

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> Array:
        if name not in self._columns:
            raise _no_column(name, self._columns)
        return self._columns[name]

    def rows(self, which: slice | npt.ArrayLike) -> Table:
        """The rows of a slice, of a mask or of indices, in a table of the same columns.

        >>> Table({"a": [1, 2, 3]}).rows([2, 0])["a"]
        array([3, 1])
        """
        index = which if isinstance(which, slice) else self._places(which)
        return Table({name: values[index] for name, values in self._columns.items()}, caption=self.caption)

    def _places(self, which: npt.ArrayLike) -> Array:
        """Positions of rows, from a mask of all rows or from positions, negative ones from the end."""
        if getattr(which, "dtype", None) == np.bool_ or (
            isinstance(which, list | tuple) and which and all(isinstance(item, bool) for item in which)
        ):
            mask = _arrays.flags(which, "which", axes=1)
            if len(mask) != len(self):
                raise BoundsError(f"which has {len(mask)} flags, the table {len(self)} rows")
            return np.flatnonzero(mask)
        places = _arrays.integers(which, "which", axes=1)
        is_outside = (places < -len(self)) | (places >= len(self))
        if is_outside.any():
            raise BoundsError(f"which {places[is_outside][0]} is none of {len(self)} rows")
        return places

    def with_columns(self, columns: Mapping[str, npt.ArrayLike]) -> Table:
        """A table with more columns, or with others in place of those of the same name.

        >>> Table({"a": [1, 2]}).with_columns({"b": [0.5, 1.0]})
        <Table of 2 rows: a, b>
        """
        return Table({**self._columns, **columns}, caption=self.caption)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame on the same numbers; pandas must be installed.

        >>> Table({"a": [1, 2]}).to_pandas().shape
        (2, 1)
        """
        import pandas as pd

        return pd.DataFrame(self._columns, copy=False)

    def to_polars(self) -> pl.DataFrame:
        """A Polars frame on the same numbers; Polars must be installed.

        >>> Table({"a": [1, 2]}).to_polars().shape
        (2, 1)
        """
        import polars as pl

        return pl.DataFrame(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        # Without this `pandas.DataFrame(table)` is a frame of the names of its columns.
        raise BoundsError(
            "a Table is no array\n"
            "hint: table.to_pandas(), table.to_polars() or dict(table), and table[name] is a column"
        )

    def __arrow_c_schema__(self) -> Any:
        return self._as_arrow().__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._as_arrow().__arrow_c_stream__(requested_schema)

    def _as_arrow(self) -> arro3.core.Table:
        from arro3.core import Table as ArrowTable

        return ArrowTable.from_arrays([_arrow(values) for values in self._columns.values()], names=list(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.columns == other.columns and all(
            np.array_equal(values, other[name], equal_nan=values.dtype.kind in "fM")
            for name, values in self._columns.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(self)}>"

    def __str__(self) -> str:
        columns = [(name, values[:ROWS_SHOWN]) for name, values in self._columns.items()]
        cells = [[name, *_html.column_texts(values, name)] for name, values in columns]
        sides = [">" if _html.is_number(values) else "<" for _, values in columns]
        if is_wide := len(columns) > COLUMNS_SHOWN:
            half = COLUMNS_SHOWN // 2
            cells[half:-half], sides[half:-half] = [["…"] * len(cells[0])], ["<"]
        widths = [max(map(len, column)) for column in cells]
        lines = [
            "  ".join(
                f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
            ).rstrip()
            for row in zip(*cells, strict=True)
        ]
        more = len(self) - ROWS_SHOWN
        left_out = [f"{more:,} more rows"] if more > 0 else []
        if is_wide:
            left_out.append(f"{len(columns) - COLUMNS_SHOWN:,} more columns")
        return "\n".join([*lines, f"and {', '.join(left_out)}"] if left_out else lines)

    def _repr_html_(self) -> str:
        caption = (
            f"{self.caption}."
            if self.caption and not self.caption.endswith((".", "!", "?"))
            else self.caption
        )
        return _html.typed_table(
            [(name, values[:ROWS_SHOWN]) for name, values in self._columns.items()],
            caption=caption[:1].upper() + caption[1:],
            shape=(len(self), len(self._columns)),
            more=max(0, len(self) - ROWS_SHOWN),
        )


def table_from(data: TableLike) -> Table:
    """Any table as a `Table`; a `Table` is returned as it is.

    Raises
    ------
    BoundsError
        Something that is no table.

    Examples
    --------
    >>> table_from({"home": ["Ajax"], "goals": [3.0]})["goals"]
    array([3.])
    """
    if isinstance(data, Table):
        return data
    names = _names(data)
    if names is not None:
        return Table(_by_text(data, names))
    if hasattr(data, "__arrow_c_stream__"):
        return _from_arrow(data)
    raise BoundsError(
        f"{type(data).__name__} is no table: a mapping of columns, a pandas or Polars frame, or an object "
        "with __arrow_c_stream__ is"
    )


def select(data: TableLike, names: Sequence[str]) -> list[Array]:
    """Some columns of any table; a stream is read once.

    >>> select({"home": ["Ajax"], "goals": [1], "shots": [9]}, ["goals"])
    [array([1])]
    >>> select({"goals": [1, 2]}, ["corners"])
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.BoundsError: no column 'corners', but goals
    """
    present = _names(data)
    if present is None or isinstance(data, Table):
        table = table_from(data)
        return [table[name] for name in names]
    columns = _by_text(data, present)
    for name in names:
        if name not in columns:
            raise _no_column(name, columns)
    return [_column(name, columns[name]) for name in names]


def day(value: str | np.datetime64, name: str = "day") -> np.datetime64:
    """A day from an ISO text, a date or a point in time.

    >>> day("2026-08-15")
    np.datetime64('2026-08-15')
    """
    return np.datetime64(_arrays.days(value, name, axes=0).item(), "D")


def text(value: object) -> str:
    """A value as a table shows it."""
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value)


def _names(data: Any) -> Sequence[Any] | None:
    """Column names of a mapping, frame or structured array."""
    if isinstance(data, Mapping | Table):
        return list(data)
    if names := getattr(getattr(data, "dtype", None), "names", None):
        return list(names)
    # A pandas frame; its own Arrow interface needs pyarrow. Polars and others come as a stream.
    return list(data.columns) if hasattr(data, "iloc") else None


def _by_text(data: Any, names: Sequence[Any]) -> dict[str, Any]:
    """Columns by the text of their names: those of a frame may be numbers."""
    if hasattr(data, "iloc"):
        return {str(name): _values(data.iloc[:, place]) for place, name in enumerate(names)}
    return {str(name): _values(data[name]) for name in names}


def _values(values: Any) -> Any:
    # What may have a zone is read by the door, which keeps the days of its clocks; an array of Arrow's does
    # not give its flags, codes and gaps by `to_numpy`.
    is_left = hasattr(values, "dt") or library(values) == "pyarrow"
    return values.to_numpy() if hasattr(values, "to_numpy") and not is_left else values


def _no_column(name: object, names: Any) -> BoundsError:
    return BoundsError(f"no column {name!r}, but {', '.join(map(str, names))}")


def _column(name: str, values: npt.ArrayLike) -> Array:
    """An array of one of the kinds that a table holds."""
    _arrays.refuse_masked(values, f"column {name!r}")
    array = _arrays.wall_times(values, f"column {name!r}")
    if array.ndim != 1:
        raise BoundsError(f"column {name!r} has {array.ndim} dimensions, not 1")
    kind = array.dtype.kind
    if kind == "f":
        return _arrays.numbers(array, f"column {name!r}")
    if kind in "iu":
        return _arrays.integers(array, f"column {name!r}")
    if kind in "OT":
        return _from_objects(array, name)
    if kind == "M":
        # In the machine's byte order: Arrow takes the numbers behind the times.
        unit = np.datetime_data(array.dtype)[0]
        array = array.astype("datetime64[D]" if unit in ("Y", "M", "W") else array.dtype.newbyteorder("="))
    return array if kind in "bMU" else array.astype(str)


def _from_objects(array: Array, name: str) -> Array:
    """Numbers with gaps, dates and texts that came as Python objects."""
    values = array.tolist()
    present = [value for value in values if not is_absent(value)]
    if present and all(isinstance(value, str) for value in present):
        return np.array([value if isinstance(value, str) else "" for value in values])
    if present and all(isinstance(value, bool) for value in present) and len(present) == len(values):
        return np.array(values, dtype=bool)
    if all(isinstance(value, Number) for value in present):
        return _arrays.numbers(array, f"column {name!r}")
    if all(hasattr(value, "isoformat") for value in present):
        found = np.array([np.datetime64("NaT") if is_absent(value) else value for value in values], "M8")
        return _column(name, found)
    return np.array(["" if is_absent(value) else str(value) for value in values])


def _arrow(values: Array) -> arro3.core.Array:
    """A column as an Arrow array, on the same memory where Arrow has the same layout."""
    from arro3.core import Array as ArrowArray
    from arro3.core import DataType

    match values.dtype.kind:
        case "f" | "i" | "b":
            return ArrowArray.from_numpy(np.ascontiguousarray(values))
        case "M":
            return _arrow_times(values)
    return ArrowArray(values.tolist(), DataType.large_utf8())


def _arrow_times(values: Array) -> arro3.core.Array:
    """Days as date32, times as timestamps; an absent one is null."""
    from arro3.core import Array as ArrowArray
    from arro3.core import DataType

    unit = np.datetime_data(values.dtype)[0]
    if unit == "D":
        kind, number, numbers = DataType.date32(), DataType.int32(), values.view(np.int64).astype(np.int32)
    else:
        unit = unit if unit in ("s", "ms", "us", "ns") else "s"
        kind, number = DataType.timestamp(unit), DataType.int64()  # type: ignore[arg-type]
        numbers = np.ascontiguousarray(values.astype(f"datetime64[{unit}]").view(np.int64))
    is_absent = np.isnat(values)
    if is_absent.any():
        listed = [
            None if absent else value for value, absent in zip(numbers.tolist(), is_absent, strict=True)
        ]
        return ArrowArray(listed, number).cast(kind)
    return ArrowArray.from_numpy(numbers).cast(kind)


def _from_arrow(data: Any) -> Table:
    from arro3.core import Table as ArrowTable

    try:
        if library(data) == "polars":
            # Its columns of nothing but null have a layout of their own, which other readers refuse.
            polars = sys.modules["polars"]
            nothing = [name for name, kind in data.schema.items() if kind == polars.Null]
            data = data.with_columns(polars.col(nothing).cast(polars.Float64)) if nothing else data
        table = ArrowTable.from_arrow(data)
    except Exception as error:
        raise BoundsError(f"the Arrow stream of {type(data).__name__} is no table: {error}") from error
    return Table({name: _from_chunks(table.column(name)) for name in table.column_names})


def _from_chunks(values: arro3.core.ChunkedArray) -> Array:
    """A column of an Arrow table; what NumPy has no layout for goes through Python objects."""
    from arro3.core import DataType

    kinds = (DataType.is_floating, DataType.is_integer, DataType.is_boolean)
    if values.null_count == 0 and any(is_kind(values.type) for is_kind in kinds):
        return np.asarray(values.to_numpy())
    return np.array([*values.to_pylist(), None], dtype=object)[:-1]
