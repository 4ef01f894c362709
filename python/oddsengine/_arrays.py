"""The one door for arrays: whatever holds numbers, as a plain NumPy array, or a refusal that names the
argument.

*Plain* is an `ndarray` itself, of the wanted type in the machine's byte order, C-contiguous and aligned. What
is plain passes as it is; all else is copied. Refused are masked entries (a mask says "unknown", a number
would not), text, dates, complex numbers, records, and what NumPy cannot read. The core asks here for what it
is not given plain (`crates/python/src/arrays.rs`), so that there is one set of rules.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from oddsengine.exceptions import BoundsError

__all__ = [
    "NUMBERS_MAX",
    "columns",
    "flags",
    "integers",
    "matrix",
    "numbers",
    "plain",
    "refuse_masked",
    "row",
    "thousandths",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]

NUMBERS_MAX = 1 << 27
"""Most numbers that one argument may have where it must be copied: a gibibyte of float64. A view by zero
strides (`np.broadcast_to`) can claim any size without having it."""

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


def thousandths(value: float, name: str) -> int:
    """A number in thousandths, rounded to the nearest."""
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
    try:
        array = np.asarray(value)
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
    elif isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple | np.ndarray):
        # NumPy drops the masks of rows.
        for row in value:
            refuse_masked(row, name)


def _from_objects(array: AnyArray, name: str) -> FloatArray:
    """Numbers of Python's, `Decimal` and `Fraction` too; `None` is nan. Text would be parsed and is not."""
    found = np.empty(array.shape, dtype=np.float64)
    for index, item in np.ndenumerate(array):
        if item is None:
            found[index] = np.nan
            continue
        try:
            if isinstance(item, str | bytes | bytearray | np.datetime64 | np.timedelta64):
                raise TypeError
            found[index] = float(item)
        except (TypeError, ValueError, OverflowError) as error:
            at = f"[{', '.join(map(str, index))}]" if index else ""
            raise BoundsError(f"{name}{at} is no number but a {type(item).__name__}") from error
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
        at = f"[{', '.join(str(int(place)) for place in index)}]" if index else ""
        value = array[index]
        is_whole = bool(np.isfinite(value)) and value == np.floor(value)
        what = f"outside {low}..={high}" if is_whole else "not a whole number"
        raise BoundsError(f"{name}{at} is {value}, {what}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
