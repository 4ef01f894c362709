"""Tables that stand for arrays: their columns as numbers, and results back under their names and index.

A frame of pandas or Polars, a pyarrow table, a DuckDB relation, a mapping of columns and the package's own
`Table` are all read by their columns, in order. None of these libraries is imported here: who gives a frame
has it loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine.exceptions import BoundsError

AnyArray: TypeAlias = npt.NDArray[Any]
Close: TypeAlias = Callable[[AnyArray], Any]
"""Puts an array of the shape that was opened under the names and the index that came with it."""

COLUMNS_MAX = 1 << 16
"""Most columns of a table that stands for a matrix."""

# What is asked for at every call, answered without asking for attributes.
_NO_TABLES = frozenset({float, int, bool, str, list, tuple, np.ndarray, np.float64, np.int64})

# pandas' and Polars' marks of what is absent, by the names of their types: neither has to be loaded.
_ABSENT_TYPES = frozenset({"NAType", "NaTType"})


def is_absent(value: object) -> bool:
    """Whether a value stands for nothing: `None`, nan, `NaT`, pandas' `NA`."""
    if value is None or type(value).__name__ in _ABSENT_TYPES:
        return True
    try:
        return bool(value != value)
    except Exception:
        return False


def library(value: object) -> str:
    """The package in which the class of a value lives: `pandas`, `polars`, `pyarrow`, ..."""
    return type(value).__module__.partition(".")[0]


def is_table(value: Any) -> bool:
    """Whether a value has named columns: a mapping, a frame, a table, a stream of Arrow's."""
    kind = type(value)
    if kind in _NO_TABLES:
        return False
    if kind is dict or isinstance(value, Mapping):
        return True
    if isinstance(value, np.ndarray | list | tuple) or not hasattr(kind, "__getitem__"):
        return False
    has_columns = hasattr(value, "columns") or hasattr(value, "column_names")
    is_own = library(value) == "oddsengine" and hasattr(value, "keys")
    return is_own or (has_columns and (hasattr(value, "iloc") or hasattr(value, "__arrow_c_stream__")))


def columns_of(value: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Names and columns of a table; a column is what NumPy can read."""
    if library(value) == "pandas":
        names = list(value.columns)
        for place in range(_bounded(names, name)):
            yield names[place], value.iloc[:, place]
        return
    if isinstance(value, Mapping) or library(value) == "oddsengine":
        for key in list(value):
            yield key, value[key]
        return
    from oddsengine.tables import table_from

    yield from table_from(value).items()


def _bounded(names: list[Any], name: str) -> int:
    if len(names) > COLUMNS_MAX:
        raise BoundsError(f"{name} has {len(names)} columns, the most are {COLUMNS_MAX}")
    return len(names)


def closes(value: Any) -> Close | None:
    """How a result of the shape of `value` goes back to the kind that it came in; nothing where that is an
    array."""
    kind = library(value)
    if kind == "pandas" and hasattr(value, "iloc"):
        pandas = sys.modules["pandas"]
        if hasattr(value, "columns"):
            return lambda array: pandas.DataFrame(array, index=value.index, columns=value.columns)
        return lambda array: pandas.Series(array, index=value.index, name=value.name)
    if kind == "polars":
        polars = sys.modules["polars"]
        if hasattr(value, "columns"):
            names = list(value.columns)
            return lambda array: polars.DataFrame(_by_name(names, array))
        return lambda array: polars.Series(value.name, array)
    if not is_table(value):
        return None
    if isinstance(value, Mapping):
        keys = list(value)
        return lambda array: (
            _by_name(keys, array) if array.ndim == 2 else dict(zip(keys, array.tolist(), strict=True))
        )
    from oddsengine.tables import Table, table_from

    if kind == "pyarrow":
        arrow, names = sys.modules["pyarrow"], list(value.column_names)
        return lambda array: arrow.table(_by_name(names, array))
    names = list(value) if isinstance(value, Table) else [str(name) for name in value.columns]
    return lambda array: table_from(_by_name(names, array))


def row_wise(array: AnyArray, name: str, *given: Any) -> Any:
    """A number for each row under the index of the first pandas object among what was given, as a series of
    Polars if one of those comes first, and as the array that it is otherwise.

    Rows belong together by their places: an index labels the result, it aligns nothing.
    """
    if array.ndim != 1:
        return array
    for value in given:
        kind = library(value)
        if kind == "pandas" and hasattr(value, "iloc") and len(value) == len(array):
            return sys.modules["pandas"].Series(array, index=value.index, name=name)
        if kind == "polars" and hasattr(value, "__len__") and len(value) == len(array):
            return sys.modules["polars"].Series(name, array)
    return array


def _by_name(names: list[Any], array: AnyArray) -> dict[Any, AnyArray]:
    columns = np.ascontiguousarray(array.T)
    return dict(zip(names, columns, strict=True))
