"""The one door: whatever holds numbers, flags, dates, scores or a word of an option, as the one thing that
the package computes with, or a refusal that names the argument. What is taken and what is refused is told in
`docs/inputs.md`.

*Plain* is an `ndarray` itself, of the wanted type in the machine's byte order, C-contiguous and aligned. What
is plain passes as it is; all else is copied, tables by their columns. Refused are masked entries (a mask says
"unknown", a number would not), text, dates, complex numbers, records, and what NumPy cannot read. The core
asks here for what it is not given plain (`crates/python/src/arrays.rs`), so that there is one set of rules.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from oddsengine import _frames
from oddsengine.exceptions import BoundsError

__all__ = [
    "NUMBERS_MAX",
    "closes",
    "columns",
    "days",
    "flag",
    "flags",
    "grid",
    "instance",
    "integers",
    "is_absent",
    "is_strict",
    "is_table",
    "items",
    "json_value",
    "mapping",
    "margin_of",
    "matrix",
    "number",
    "numbers",
    "opened",
    "pairs",
    "parts",
    "plain",
    "refuse_masked",
    "row",
    "row_wise",
    "score",
    "thousandths",
    "wall_times",
    "whole",
    "word",
]

Kind = TypeVar("Kind")
FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]

NUMBERS_MAX = 1 << 27
"""Most numbers that one argument may have where it must be copied: a gibibyte of float64. A view by zero
strides (`np.broadcast_to`) can claim any size without having it."""

SUM_TOLERANCE = 1e-9
"""By how much the core lets probabilities of a grid sum to more than 1."""

_KINDS = {"U": "text", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers", "V": "records"}


def numbers(value: Any, name: str, *, axes: int | tuple[int, ...] | None = None) -> FloatArray:
    """`value` as a plain array of float64; `axes` are the numbers of axes that it may have."""
    return cast("FloatArray", _checked_axes(plain(value, name, "float64"), name, axes))


def integers(value: Any, name: str, *, axes: int | tuple[int, ...] | None = None) -> IntArray:
    """`value` as a plain array of int64; a number that is not whole is refused."""
    return cast("IntArray", _checked_axes(plain(value, name, "int64"), name, axes))


def flags(value: Any, name: str, *, axes: int | tuple[int, ...] | None = None) -> npt.NDArray[np.bool_]:
    """`value` as a plain array of truth values, given as such or as 0 and 1."""
    return cast(
        "npt.NDArray[np.bool_]", _checked_axes(plain(value, name, "uint8", most=1), name, axes)
    ).astype(bool)


def columns(**values: Any) -> list[FloatArray]:
    """Numbers or (n,) arrays by their names, broadcast against each other to (n,) each."""
    arrays = [numbers(value, name, axes=(0, 1)) for name, value in values.items()]
    try:
        found = np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(values, arrays, strict=True))
        raise BoundsError(f"lengths do not fit together: {shapes}") from None
    return [np.array(array, dtype=np.float64, order="C", copy=None, ndmin=1) for array in found]


def row(value: Any, name: str, count: int) -> list[float]:
    """So many numbers."""
    array = numbers(value, name, axes=1)
    if len(array) != count:
        raise BoundsError(f"{name} has {len(array)} numbers, not {count}")
    found: list[float] = array.tolist()
    return found


def score(value: Any, name: str) -> tuple[int, int]:
    """Two whole numbers that belong together, home first: a tuple, a list, an array, whole floats."""
    if type(value) is tuple and len(value) == 2 and type(value[0]) is int and type(value[1]) is int:
        home, away = value
    else:
        found = integers(value, name)
        if found.shape != (2,):
            raise BoundsError(f"{name} {value!r:.60} is no pair of whole numbers, home and away")
        home, away = found.tolist()
    if home < 0 or away < 0:
        raise BoundsError(f"{name} ({home}, {away}) has a number below 0")
    return home, away


def pairs(value: Any, name: str) -> list[Any]:
    """Two numbers that belong together for each row, such as scores: the rows of a table or an array, or what
    a list or an iterator holds, which is not looked at."""
    if _frames.is_table(value) or hasattr(value, "__array__") or isinstance(value, memoryview):
        found = numbers(value, name, axes=2)
        if found.shape[1] != 2:
            raise BoundsError(f"{name} has {found.shape[1]} columns, not those of home and away")
        return [tuple(row) for row in found.tolist()]
    try:
        return list(value)
    except Exception as error:
        raise BoundsError(f"{name} cannot be read as pairs: {_first_line(error)}") from error


def number(value: Any, name: str) -> float:
    """One number."""
    if type(value) is float or type(value) is int:
        return value
    return float(numbers(value, name, axes=0).item())


def parts(value: Any, name: str, what: str, *, least: int, most: int | None = None) -> tuple[Any, ...]:
    """The members of an argument that has some, such as a method and its booksum; `what` says which."""
    most = least if most is None else most
    if not isinstance(value, tuple):
        try:
            value = tuple(value) if not isinstance(value, str | bytes) else None
        except Exception:
            value = None
    if value is None or not least <= len(value) <= most:
        raise BoundsError(f"{name} is not {what}")
    return cast("tuple[Any, ...]", value)


def margin_of(value: Any) -> tuple[Any, Any]:
    """A margin as boards take it: a method and the booksum of a market with one winner."""
    method, booksum = parts(value, "margin", "a pair of a margin method and a booksum", least=2)
    return method, booksum


def whole(value: Any, name: str, low: int, high: int) -> int:
    """One whole number within its range."""
    found = value if type(value) is int else int(integers(value, name, axes=0).item())
    if not low <= found <= high:
        raise BoundsError(f"{name} {found} is outside {low}..={high}")
    return found


def flag(value: Any, name: str) -> bool:
    """One truth value, given as such or as 0 or 1."""
    if type(value) is bool:
        return value
    return bool(flags(value, name, axes=0))


def mapping(value: Any, name: str) -> dict[Any, Any]:
    """A mapping, as a `dict`."""
    try:
        if isinstance(value, Mapping):
            return dict(value)
    except Exception as error:
        raise BoundsError(f"{name} cannot be read as a mapping: {_first_line(error)}") from error
    raise BoundsError(f"{name} is a {type(value).__name__}, not a mapping")


def items(value: Any, name: str) -> list[Any]:
    """The members of a sequence that are not looked at here; text is none."""
    try:
        if not isinstance(value, str | bytes | Mapping):
            return list(value)
    except Exception as error:
        raise BoundsError(f"{name} cannot be read as a sequence: {_first_line(error)}") from error
    raise BoundsError(f"{name} is a {type(value).__name__}, not a sequence")


def instance(value: Any, name: str, kind: type[Kind]) -> Kind:
    """An object of one of the package's classes."""
    if not isinstance(value, kind):
        raise BoundsError(f"{name} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def word(value: Any, name: str, known: Sequence[str]) -> str:
    """A word of an option, which must be one of those that are known."""
    if not isinstance(value, str) or value not in known:
        raise BoundsError(f"{name} {value!r:.60} is none of {', '.join(known)}")
    return value


def is_strict(errors: Any) -> bool:
    """Whether a batch stops at the first refused row: `errors` is `raise` or `nan`."""
    if type(errors) is str and errors == "raise":
        return True
    return word(errors, "errors", ("raise", "nan")) == "raise"


def grid(scores: Any, name: str = "scores") -> FloatArray:
    """A grid of probabilities. One of float32 sums to 1 within that type's last digits only: what it has too
    much, and the core's tolerance for float64 would refuse, is scaled away.
    """
    cells = numbers(scores, name, axes=2)
    if getattr(scores, "dtype", None) == np.float32:
        mass = float(cells.sum())
        is_rounded = mass <= 1.0 + float(np.finfo(np.float32).eps) * cells.size
        return cells / mass if is_rounded and mass > 1.0 + SUM_TOLERANCE else cells
    return cells


def opened(value: Any, name: str) -> tuple[FloatArray, _frames.Close | None]:
    """Numbers, and what puts a result of the same shape under the names and the index that came with them."""
    return numbers(value, name), _frames.closes(value)


closes = _frames.closes
is_absent = _frames.is_absent
is_table = _frames.is_table
row_wise = _frames.row_wise

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
_DAY_FORMS = "a date, a datetime64 or an ISO text such as 2026-08-15 or 2026-08-15T19:45"


def days(value: Any, name: str, *, axes: int | tuple[int, ...] = (0, 1)) -> npt.NDArray[np.datetime64]:
    """Calendar days, as datetime64[D]. A time with a zone gives the day that its own clock shows: nothing is
    converted.

    Raises
    ------
    BoundsError
        Names the entry that is no day, `NaT` and `None` among them.
    """
    refuse_masked(value, name)
    array = wall_times(value, name)
    if array.dtype.kind != "M":
        if array.dtype.kind not in "OU" and array.size:
            kind = _KINDS.get(array.dtype.kind, str(array.dtype))
            raise BoundsError(f"{name} holds {kind}, not days: {_DAY_FORMS}")
        found = np.empty(array.shape, "datetime64[D]")
        for index, item in np.ndenumerate(array):
            found[index] = _day(item, f"{name}{_at(index)}")
        array = found
    _checked_axes(array, name, axes)
    if np.isnat(array).any():
        index = np.unravel_index(int(np.argmax(np.isnat(array))), array.shape)
        raise BoundsError(f"{name}{_at(index)} 'NaT' is no day: {_DAY_FORMS}")
    return cast("npt.NDArray[np.datetime64]", array.astype("datetime64[D]"))


def wall_times(value: Any, name: str) -> AnyArray:
    """An array, in which times with a zone are what the clocks of that zone show."""
    zone = getattr(getattr(value, "dtype", None), "time_zone", None)
    if zone is not None and hasattr(value, "dt"):
        value = value.dt.replace_time_zone(None)
    elif getattr(getattr(value, "type", None), "tz", None) is not None and hasattr(value, "to_pylist"):
        value = value.to_pylist()
    try:
        if isinstance(value, list | tuple | datetime.date):
            # NumPy would convert what has a zone.
            found = np.empty(np.shape(np.asarray(value, dtype=object)), dtype=object)
            found[...] = value
            array = (
                found if any(isinstance(item, datetime.date) for item in found.flat) else np.asarray(value)
            )
        else:
            array = np.asarray(value)
    except Exception as error:
        raise BoundsError(f"{name} cannot be read: {_first_line(error)}") from error
    if array.dtype.kind == "T":
        # NumPy's texts of any length.
        array = array.astype(object)
    if array.dtype.kind == "O" and any(getattr(item, "tzinfo", None) is not None for item in array.flat):
        wall = np.empty(array.shape, dtype=object)
        for index, item in np.ndenumerate(array):
            wall[index] = item.replace(tzinfo=None) if getattr(item, "tzinfo", None) is not None else item
        return wall
    return array


def _day(item: Any, name: str) -> np.datetime64:
    if _frames.is_absent(item):
        return np.datetime64("NaT", "D")
    if isinstance(item, datetime.date):
        return np.datetime64(datetime.date(item.year, item.month, item.day), "D")
    if isinstance(item, np.datetime64):
        return np.datetime64(np.datetime_as_string(item, unit="D"), "D")
    if isinstance(item, str) and item == "NaT":
        return np.datetime64("NaT", "D")
    if isinstance(item, str) and _DAY.fullmatch(item):
        try:
            told = datetime.datetime.fromisoformat(item)
        except ValueError:
            pass
        else:
            return np.datetime64(told.date(), "D")
    shown = repr(str(item)) if isinstance(item, str) else repr(item)
    raise BoundsError(f"{name} {shown:.60} is no day: {_DAY_FORMS}")


def json_value(value: Any) -> Any:
    """A value of NumPy's or of Python's numbers that JSON has no word for, as one that it has."""
    if isinstance(value, np.ndarray | np.generic):
        refuse_masked(value, "an array in a message")
        return value.tolist()
    raise TypeError


def thousandths(value: float, name: str) -> int:
    """A number in thousandths, rounded to the nearest."""
    value = number(value, name)
    if not abs(value) <= 1e12:
        raise BoundsError(f"{name} {value} is outside -1e12..=1e12")
    return round(1_000 * value)


def matrix(value: Any, name: str) -> FloatArray:
    """`value` as rows of float64: one row is a matrix of one."""
    array = numbers(value, name, axes=(1, 2))
    return array.reshape(1, -1) if array.ndim == 1 else array


def plain(
    value: Any,
    name: str,
    dtype: Literal["float64", "int64", "uint32", "uint8"],
    *,
    most: int | None = None,
) -> AnyArray:
    """`value` as a plain array of `dtype`, with any number of axes.

    Raises
    ------
    BoundsError
        It has masked entries, or is not made of numbers that `dtype` can hold.
    """
    wanted = np.dtype(dtype)
    is_wanted = type(value) is np.ndarray and value.dtype == wanted and most is None
    if is_wanted and value.flags.c_contiguous and value.flags.aligned:
        return cast("AnyArray", value)
    refuse_masked(value, name)
    if _frames.is_table(value):
        return _stacked(value, name, dtype, most)
    try:
        array = np.asanyarray(value)
        if type(array) is not np.ndarray:
            # What was asked for an array may have answered with a masked one.
            refuse_masked(array, name)
            array = np.asarray(array)
    except BoundsError:
        raise
    except Exception as error:
        raise BoundsError(f"{name} cannot be read as an array of numbers: {_first_line(error)}") from error
    if array.size > NUMBERS_MAX:
        raise BoundsError(f"{name} has {array.size} numbers, the most that are copied is {NUMBERS_MAX}")
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind not in "biuf":
        kind = _KINDS.get(array.dtype.kind, str(array.dtype))
        raise BoundsError(f"{name} holds {kind}, not numbers")
    if wanted.kind != "f":
        _check_whole(array, name, wanted, most)
    # A copy where anything is not plain; numbers beyond float64 become infinite, which every function
    # refuses.
    with np.errstate(over="ignore"):
        copied = np.array(array, dtype=wanted, order="C", copy=None, subok=False)
    if not (copied.flags.c_contiguous and copied.flags.aligned):
        copied = np.array(copied, dtype=wanted, order="C", copy=True)
    return copied


def _stacked(
    value: Any, name: str, dtype: Literal["float64", "int64", "uint32", "uint8"], most: int | None
) -> AnyArray:
    """The columns of a table beside each other; a mapping of numbers is one row."""
    try:
        items = [(key, column) for key, column in _frames.columns_of(value, name)]
    except BoundsError:
        raise
    except Exception as error:
        raise BoundsError(f"{name} cannot be read as a table: {_first_line(error)}") from error
    found = [plain(column, f"{name}[{key!r}]", dtype, most=most) for key, column in items]
    shapes = {array.shape for array in found}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        told = ", ".join(f"{key!r} {array.shape}" for (key, _), array in zip(items, found, strict=True))
        raise BoundsError(f"columns of {name} do not fit together: {told}")
    if not found:
        return np.empty(0, dtype)
    stacked = np.stack(found, axis=-1)
    return plain(stacked, name, dtype)


def _at(index: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(place)) for place in index)}]" if index else ""


def _checked_axes(array: AnyArray, name: str, axes: int | tuple[int, ...] | None) -> AnyArray:
    allowed = (axes,) if isinstance(axes, int) else axes
    if allowed is not None and array.ndim not in allowed:
        raise BoundsError(f"{name} has {array.ndim} axes, not {' or '.join(map(str, allowed))}")
    return array


def refuse_masked(value: Any, name: str) -> None:
    """Raises if anything is masked, in an array or in the rows of a list."""
    if isinstance(value, np.ma.MaskedArray):
        count = int(np.count_nonzero(np.ma.getmaskarray(value)))
        if count:
            raise BoundsError(
                f"{name} has {count} masked entries, which are no numbers\n"
                "hint: where nan means absent, give .filled(numpy.nan)"
            )
    elif isinstance(value, list | tuple):
        # NumPy drops the masks of rows, and makes nan of the entries that a masked array has been listed to.
        for row in value:
            if isinstance(row, list | tuple | np.ndarray):
                refuse_masked(row, name)


def _from_objects(array: AnyArray, name: str) -> FloatArray:
    """Numbers of Python's, `Decimal` and `Fraction` too; `None` and pandas' `NA` are nan. Text would be
    parsed and is not."""
    found = np.empty(array.shape, dtype=np.float64)
    for index, item in np.ndenumerate(array):
        if item is None or type(item).__name__ == "NAType":
            found[index] = np.nan
            continue
        refuse_masked(item, f"{name}{_at(index)}")
        try:
            if isinstance(item, str | bytes | bytearray | np.datetime64 | np.timedelta64):
                raise TypeError
            found[index] = float(item)
        except (TypeError, ValueError, OverflowError) as error:
            raise BoundsError(f"{name}{_at(index)} is no number but a {type(item).__name__}") from error
    return found


def _check_whole(array: AnyArray, name: str, wanted: np.dtype[Any], most: int | None) -> None:
    limits = np.iinfo(wanted)
    low, high = int(limits.min), int(limits.max) if most is None else most
    if array.dtype.kind == "b" or not array.size:
        return
    if array.dtype.kind == "f":
        # The limits themselves would be infinite in a smaller type.
        array = array.astype(np.float64) if array.dtype.itemsize < 8 else array
        # 2**63 as a float is the first that int64 cannot hold.
        is_wrong = ~((array == np.floor(array)) & (array >= low) & (array < float(high) + 1.0))
    else:
        is_wrong = (array < low) | (array > high)
    if is_wrong.any():
        index = np.unravel_index(int(np.argmax(is_wrong)), array.shape)
        value = array[index]
        is_whole = bool(np.isfinite(value)) and value == np.floor(value)
        what = f"outside {low}..={high}" if is_whole else "not a whole number"
        raise BoundsError(f"{name}{_at(index)} is {value}, {what}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
