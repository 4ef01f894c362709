"""Arrays of every kind into every public function: the numbers they hold come out as from a plain copy, or a
refusal.

What broke: a field of a packed record (`np.array([(1, 1.02), (2, 34.0)], dtype=[("f", "u1"), ("odds",
"f8")])["odds"]`, stride 9) went into `fair_probabilities` as [0.99999, 7.8e-06] instead of [0.97087,
0.02913]: the stride was divided by the size of an element, and memory beside the odds was read. A mask was
ignored (a scratched runner at 1.01 kept a probability of .4895), and an array at an odd address was a
`TypeError`.
"""

from __future__ import annotations

import array
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import oddsengine
from oddsengine import OddsEngineError, _arrays, football, margin, same_game
from oddsengine.exceptions import BoundsError
from public_calls import CALLS, NOT_CALLED, Call

pytestmark = [
    pytest.mark.filterwarnings("ignore:the matrix subclass"),
    pytest.mark.filterwarnings("ignore:Setting the strides"),
    pytest.mark.filterwarnings("ignore:overflow encountered in cast"),
]

Floats: TypeAlias = npt.NDArray[np.float64]
# What is given, and the plain numbers that it stands for; None where it must be refused.
Given: TypeAlias = tuple[Any, Floats | None]


class Subclass(np.ndarray[Any, Any]):
    """An array class of somebody else's."""


class Raising:
    """Something that NumPy asks for an array, and that has none."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise ZeroDivisionError("no array")


class Masked:
    """Something that answers NumPy with a masked array."""

    def __init__(self, values: Floats) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return masked(self.values, 1)


class Told:
    """Something that gives NumPy its numbers."""

    def __init__(self, values: Floats) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Floats:
        return self.values


def packed(base: Floats, kind: str, is_aligned: bool = False) -> Any:
    """A field of a record that lies after one byte."""
    records = np.zeros(base.shape, np.dtype([("flag", "u1"), ("odds", kind)], align=is_aligned))
    records["flag"] = 255
    records["odds"] = base
    return records["odds"]


def at_odd_address(base: Floats) -> Any:
    memory = np.full(base.nbytes + 9, 255, np.uint8)
    start = 1 if memory.ctypes.data % 2 == 0 else 2
    given = memory[start : start + base.nbytes].view(np.float64).reshape(base.shape)
    given[...] = base
    return given


def spread(base: Floats, step: int) -> Any:
    """Along the last axis, with other numbers between."""
    wide = np.full((*base.shape[:-1], base.shape[-1] * abs(step)), 1e300)
    view = wide[..., ::step]
    view[...] = base
    return view


def masked(base: Floats, places: int) -> Any:
    mask = np.zeros(base.shape, bool)
    mask.ravel()[base.size - places :] = True
    return np.ma.MaskedArray(base, mask=mask)


def objects(base: Floats, convert: Callable[[float], Any]) -> Any:
    given = np.empty(base.shape, object)
    for index, value in np.ndenumerate(base):
        given[index] = convert(float(value))
    return given


def read_only(base: Floats) -> Any:
    given = base.copy()
    given.flags.writeable = False
    return given


def with_one(base: Floats, value: Any) -> Any:
    given = objects(base, float)
    given.ravel()[-1] = value
    return given


def with_nan(base: Floats) -> Floats:
    given = base.copy()
    given.ravel()[-1] = np.nan
    return given


def names(base: Floats) -> list[str]:
    return [f"c{place}" for place in range(base.shape[-1])]


def named(base: Floats) -> dict[str, Any]:
    return dict(zip(names(base), base.T.tolist() if base.ndim == 1 else base.T.copy(), strict=True))


def pandas(base: Floats, named: bool = False) -> Any:
    index = [f"row {place}" for place in range(len(base))] if named else None
    if base.ndim == 1:
        return pd.Series(base, index=index, name="odds" if named else None)
    return pd.DataFrame(base, index=index, columns=names(base) if named else None)


def polars(base: Any, axes: int = 0) -> Any:
    if (axes or np.ndim(base)) == 1:
        return pl.Series("odds", base)
    return pl.DataFrame(base, schema=names(np.array(base, dtype=float)), orient="row")


def arrow(base: Floats) -> Any:
    return pa.array(base) if base.ndim == 1 else pa.table(named(base))


def relation(base: Floats) -> Any:
    if base.ndim == 1:
        return base
    table = arrow(base)
    return duckdb.from_arrow(table) if table.num_rows else base


def by_column(base: Floats, convert: Callable[[Any], Any]) -> Any:
    """A column of Arrow's, or a table of them."""
    if base.ndim == 1:
        return convert(base)
    return pa.table(dict(zip(names(base), map(convert, base.T.copy()), strict=True)))


def listed(base: Floats, last: Any) -> Any:
    """Lists, with something else as the last number."""
    given = base.tolist()
    row = given
    while isinstance(row[-1], list):
        row = row[-1]
    row[-1] = last
    return given


def plain_copy(given: Any) -> Floats:
    return np.array(given, dtype=np.float64, order="C", copy=True)


def twice(given: Any) -> Given:
    return given, plain_copy(given)


ZOO: dict[str, Callable[[Floats], Given]] = {
    "list": lambda base: (base.tolist(), base),
    "tuple": lambda base: (tuple(base.tolist()), base),
    "float32": lambda base: (base.astype("f4"), base.astype("f4").astype("f8")),
    "float16": lambda base: (base.astype("f2"), base.astype("f2").astype("f8")),
    "long double": lambda base: (base.astype(np.longdouble), base),
    "int64": lambda base: (base.astype("i8"), base.astype("i8").astype("f8")),
    "uint64": lambda base: (np.abs(base).astype("u8"), np.abs(base).astype("u8").astype("f8")),
    "bool": lambda base: (base > 0.4, (base > 0.4).astype("f8")),
    "big-endian": lambda base: (base.astype(">f8"), base),
    "column order": lambda base: (np.asfortranarray(base), base),
    "transposed": lambda base: (base.T.copy().T, base),
    "backwards": lambda base: (spread(base, -1), base),
    "every second": lambda base: (spread(base, 2), base),
    "every third backwards": lambda base: (spread(base, -3), base),
    "backwards in all axes": lambda base: (np.flip(np.flip(base).copy()), base),
    "field of a packed record": lambda base: (packed(base, "f8"), base),
    "field of a packed record, big-endian": lambda base: (packed(base, ">f8"), base),
    "field of a packed record, float32": lambda base: (packed(base, "f4"), base.astype("f4").astype("f8")),
    "field of an aligned record": lambda base: (packed(base, "f8", is_aligned=True), base),
    "real part": lambda base: ((base + 1j).real, base),
    "odd address": lambda base: (at_odd_address(base), base),
    "zero stride": lambda base: twice(np.broadcast_to(base[:1], base.shape)),
    "read-only": lambda base: (read_only(base), base),
    "subclass": lambda base: (base.copy().view(Subclass), base),
    "matrix": lambda base: (np.matrix(base), plain_copy(np.matrix(base))),
    "nothing masked": lambda base: (masked(base, 0), base),
    "one masked": lambda base: (masked(base, 1), None),
    "all masked": lambda base: (masked(base, base.size), None),
    # What `list(masked_array)` holds was nan, and what an object answered with had its mask dropped: the
    # number under it was priced.
    "masked entry that was listed": lambda base: (listed(base, np.ma.masked), None),
    "masked number that was listed": lambda base: (listed(base, np.ma.array(1.5, mask=True)), None),
    "objects with a masked one": lambda base: (with_one(base, np.ma.masked), None),
    "tells a masked array": lambda base: (Masked(base), None),
    "rows of masked": lambda base: (list(masked(np.atleast_2d(base), 1)), None),
    "objects": lambda base: (objects(base, float), base),
    "decimals": lambda base: (objects(base, Decimal), base),
    "fractions": lambda base: (objects(base, Fraction), base),
    "None for one": lambda base: (with_one(base, None), with_one(base, np.nan).astype("f8")),
    "text for one": lambda base: (with_one(base, "1.5"), None),
    "a date for one": lambda base: (with_one(base, np.datetime64("2026-08-01")), None),
    "a list for one": lambda base: (with_one(base, [1.5]), None),
    "a huge integer for one": lambda base: (with_one(base, 10**400), None),
    "pandas NA for one": lambda base: (with_one(base, pd.NA), with_nan(base)),
    "NaT for one": lambda base: (with_one(base, pd.NaT), None),
    "text": lambda base: (base.astype(str), None),
    "bytes": lambda base: (base.astype("S24"), None),
    "dates": lambda base: (base.astype("M8[s]"), None),
    "durations": lambda base: (base.astype("m8[s]"), None),
    "complex": lambda base: (base.astype(complex), None),
    "records": lambda base: (base.astype([("odds", "f8")]), None),
    "buffer": lambda base: (memoryview(base), base),
    "array of the library": lambda base: (array.array("d", base.ravel()), base.ravel()),
    "no axes": lambda base: (base.ravel()[0].reshape(()), base.ravel()[0].reshape(())),
    "nothing": lambda base: (base[:0], base[:0]),
    "rows of nothing": lambda base: (np.empty((3, 0)), np.empty((3, 0))),
    "one row": lambda base: (base[:1], base[:1]),
    "one more axis": lambda base: (base[None, None], base[None, None]),
    "huge without memory": lambda base: (np.broadcast_to(base.ravel()[:1], (1 << 40,)), None),
    "ragged": lambda base: ([[1.5, 2.5], [3.5]], None),
    "a set": lambda base: (set(base.ravel().tolist()), None),
    "a generator": lambda base: ((value for value in base.ravel()), None),
    "raises": lambda base: (Raising(), None),
    "tells": lambda base: (Told(base), base),
    "pandas": lambda base: (pandas(base), base),
    "pandas with names and index": lambda base: (pandas(base, named=True), base),
    "pandas Float64": lambda base: (pandas(base).astype("Float64"), base),
    "pandas Float64 with NA": lambda base: (pandas(with_nan(base)).astype("Float64"), with_nan(base)),
    "pandas column of a wide frame": lambda base: (pandas(np.stack([base] * 3, -1)[..., 1]), base),
    "pandas of pyarrow": lambda base: (pandas(base).astype("double[pyarrow]"), base),
    "polars": lambda base: (polars(base), base),
    "polars with null": lambda base: (polars(with_one(base, None).tolist(), len(base.shape)), with_nan(base)),
    "polars column of nothing": lambda base: (
        pl.Series([None] * len(base))
        if base.ndim == 1
        else pl.DataFrame({name: [None] * len(base) for name in names(base)}),
        np.full_like(base, np.nan),
    ),
    "polars decimals": lambda base: (
        polars(objects(base.round(6), lambda value: Decimal(repr(value))).tolist(), base.ndim),
        base.round(6),
    ),
    "polars categories": lambda base: (polars(base.astype(str).tolist(), base.ndim), None),
    "pandas categories": lambda base: (pandas(base).astype("category"), base),
    "pandas sparse": lambda base: (pandas(base).astype(pd.SparseDtype("float64", np.nan)), base),
    "texts of any length": lambda base: (base.astype(str).astype(np.dtypes.StringDType()), None),
    "pyarrow decimals": lambda base: (
        by_column(base.round(6), lambda c: pa.array(c).cast(pa.decimal128(30, 6), safe=False)),
        base.round(6),
    ),
    "pyarrow codes": lambda base: (by_column(base, lambda c: pa.array(c).dictionary_encode()), base),
    "pyarrow null": lambda base: (
        by_column(with_nan(base), lambda c: pa.array(c, from_pandas=True)),
        with_nan(base),
    ),
    "pyarrow text": lambda base: (by_column(base, lambda c: pa.array(c.astype(str).tolist())), None),
    "pyarrow times": lambda base: (
        by_column(base, lambda c: pa.array(c.astype("i8"), pa.timestamp("ns", "UTC"))),
        None,
    ),
    "polars of many chunks": lambda base: (pl.concat([polars(base[:1]), polars(base[1:])]), base),
    "pyarrow": lambda base: (arrow(base), base),
    "pyarrow chunks": lambda base: (pa.chunked_array([base]) if base.ndim == 1 else arrow(base), base),
    "own table": lambda base: (oddsengine.Table(named(base)) if base.ndim == 2 else base, base),
    "mapping": lambda base: (named(base), base),
    "DuckDB relation": lambda base: (relation(base), base),
    "nan everywhere": lambda base: (np.full_like(base, np.nan), np.full_like(base, np.nan)),
    "infinite": lambda base: (np.full_like(base, np.inf), np.full_like(base, np.inf)),
    "smallest": lambda base: (np.full_like(base, 5e-324), np.full_like(base, 5e-324)),
    "largest": lambda base: (np.full_like(base, -1.7e308), np.full_like(base, -1.7e308)),
}  # fmt: skip

# Where a kind means something else: a mask is as long as the table.
REFUSED = {("tables.Table.rows", "bool")}
CODES = [f"c{place}" for place in range(200)]
ARRAY_ARGUMENTS = [(call, name) for call in CALLS for name in call.arrays]


def as_array(result: Any) -> Any:
    """What came back under names and an index, without them."""
    if isinstance(result, pd.DataFrame | pd.Series | pl.DataFrame | pl.Series):
        return result.to_numpy()
    if isinstance(result, pa.Table):
        return np.column_stack([column.to_numpy() for column in result.columns])
    if isinstance(result, oddsengine.Table) and set(result) <= set(CODES):
        return np.column_stack([result[name] for name in result])
    if isinstance(result, dict) and result and set(result) <= set(CODES):
        return np.stack(list(result.values()), axis=-1)
    return result


def leaves(result: Any) -> Iterator[Any]:
    """All numbers of a result, in order."""
    result = as_array(result)
    if isinstance(result, dict):
        for key, value in result.items():
            yield key
            yield from leaves(value)
    elif isinstance(result, list | tuple):
        for value in result:
            yield from leaves(value)
    elif isinstance(result, np.ndarray):
        if result.ndim != 1:
            yield result.shape
        yield from result.ravel().tolist()
    elif is_dataclass(result):
        for field in fields(result):
            yield from leaves(getattr(result, field.name))
    elif isinstance(result, oddsengine.Table):
        yield from leaves(dict(result.items()))
    elif isinstance(result, str | int | float | None):
        yield result


def outcome(call: Call, name: str, given: Any) -> tuple[list[Any] | None, BaseException | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return list(leaves(call.run(**{name: given}))), None
        except Exception as error:
            return None, error


def is_same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(
        a == b or (a != a and b != b) for a, b in zip(one, other, strict=True)
    )


def said(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


@pytest.mark.parametrize("kind", ZOO)
def test_every_function_takes_the_numbers_or_refuses_the_argument(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    wrong = []
    # (function, argument, kind)
    record_property("triples", len(ARRAY_ARGUMENTS))
    for call, name in ARRAY_ARGUMENTS:
        base = np.array(call.arguments[name], dtype=np.float64)
        given, plain = ZOO[kind](base)
        got, error = outcome(call, name, given)
        if error is not None and not isinstance(error, OddsEngineError):
            wrong.append(f"{call.name}({name}): {type(error).__name__}: {error}")
            continue
        is_named = error is not None and name in said(error)
        if plain is None:
            if is_named:
                continue
            wrong.append(f"{call.name}({name}): {said(error) if error else got!r:.80}")
            continue
        want, due = outcome(call, name, plain_copy(plain))
        if is_named and (due is not None or (call.name, kind) in REFUSED):
            continue
        if error is not None or due is not None:
            if (type(error), str(error)) != (type(due), str(due)):
                wrong.append(f"{call.name}({name}): {error!r}, of a plain copy {due!r}")
        elif not is_same(got or [], want or []):
            wrong.append(f"{call.name}({name}): {got!r:.80}, of a plain copy {want!r:.80}")
    assert wrong == []


def test_the_field_of_a_packed_record() -> None:
    records = np.array([(1, 1.02), (2, 34.0)], dtype=[("f", "u1"), ("odds", "f8")])
    fair = margin.fair_probabilities(records["odds"])
    assert fair.tolist() == pytest.approx([34.0 / 35.02, 1.02 / 35.02], abs=1e-15)
    # Beside other records, and as rows: what lies behind the last number is not read either.
    assert margin.fair_probabilities(np.stack([records["odds"]] * 2)).tolist() == [fair.tolist()] * 2


def test_a_mask_is_no_number() -> None:
    runners = np.ma.array([2.7, 2.3, 4.4, 1.01], mask=[0, 0, 0, 1])
    with pytest.raises(
        BoundsError, match="odds has 1 masked entries, which are no numbers\nhint: where nan means"
    ):
        margin.fair_probabilities(runners)
    absent = margin.fair_probabilities(runners.filled(np.nan))
    assert absent[:3].tolist() == margin.fair_probabilities([2.7, 2.3, 4.4])
    assert np.isnan(absent[3])


def test_an_array_may_change_while_the_others_are_read() -> None:
    # Reading the second argument runs this, after the first was found to be plain.
    class Reshaping:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Floats:
            first.strides = (0,)
            return np.array([0.3, 0.3, 0.3])

    from oddsengine import _core

    first = np.array([0.4, 0.4, 0.4])
    with pytest.raises(BoundsError, match="changed its shape"):
        _core.football_calibrate_1x2(first, Reshaping(), np.full(3, 0.3), np.zeros(3), True)


def test_truth_values_are_bytes_that_need_not_be_0_or_1() -> None:
    # A `bool` of Rust's that is 2 is undefined behaviour; the column was read as one.
    two = np.array([2, 0, 1] * 4, np.uint8).view(bool)
    fitted = next(call for call in CALLS if call.name == "fit.goals")
    due = fitted.run(neutral=[True, False, True] * 4)
    assert is_same(list(leaves(fitted.run(neutral=two))), list(leaves(due)))


def test_the_copula_of_three_events() -> None:
    # Rounding put the Frechet bounds in the wrong order by a bit, and `clamp` panicked, which no `except
    # Exception` caught.
    assert same_game.gaussian_copula([0.5, 0.5, 0.05], 0.8).joint == pytest.approx(
        0.049493074722701, abs=1e-12
    )


def test_the_bound_of_copies() -> None:
    with pytest.raises(
        BoundsError, match=f"odds has {_arrays.NUMBERS_MAX + 1} numbers, the most that are copied is"
    ):
        margin.fair_probabilities(np.broadcast_to(2.0, _arrays.NUMBERS_MAX + 1))


MODULES = (
    "backtest data fit football kelly margin metrics models odds racing risk same_game settle tables tennis"
)

# What an annotation says of an argument that holds many numbers.
ARRAYS = ("ArrayLike", "NDArray", "NumberArray", "FloatArray", "Sequence[float]", "Sequence[int]", "Scores")
ARRAYS = (*ARRAYS, "_NestedSequence", "numpy.ndarray")
# Arrays that are tried elsewhere or that hold no numbers: names of teams, clusters and events, days.
NO_NUMBERS = {
    ("settle.leg", "odds"),  # one price
    ("backtest.walk_forward", "model"),
    ("models.Space.market", "selections"),
    # Pairs of arrays: `metrics.moved_line_value pairs` gives each of the four by itself.
    ("metrics.moved_line_value", "closing"),
    ("metrics.moved_line_value", "closing_total"),
    ("tables.table_from", "data"),
    ("tables.select", "data"),
    ("fit.time_weights", "dates"),
    ("fit.GoalFit.predict", "home"),
    ("fit.GoalFit.predict", "away"),
    ("metrics.paired_difference", "clusters"),
    ("metrics.hold_interval", "events"),
    ("tables.Table", "columns"),
    ("tables.Table.with_columns", "columns"),
    # Two or three numbers, each an argument of the core.
    ("football.ScoreModel.grid", "scores"),
}


def public_callables() -> Iterator[tuple[str, Any]]:
    """Every public function, class and method of the package's public modules, by its name."""
    for module in MODULES.split():
        for name in getattr(oddsengine, module).__all__:
            public = getattr(getattr(oddsengine, module), name)
            is_record = isinstance(public, type) and issubclass(public, tuple)
            if inspect.isclass(public):
                if not is_record and f"{module}.{name}" not in NOT_CALLED:
                    yield f"{module}.{name}", public
                for method, value in vars(public).items():
                    value = getattr(value, "__func__", value)
                    if not method.startswith("_") and inspect.isfunction(value):
                        yield f"{module}.{name}.{method}", value
            elif inspect.isroutine(public):
                yield f"{module}.{name}", public


def types_of(function: Any) -> dict[str, Any]:
    """The types of its arguments as they are written: `help()` is shown long signatures without them."""
    try:
        return get_type_hints(function)
    except (NameError, TypeError):
        return dict(getattr(function, "__annotations__", {}))


def array_arguments() -> Iterator[tuple[str, str]]:
    """Functions and those of their arguments that hold numbers, by their annotations."""
    for name, public in public_callables():
        try:
            signature = inspect.signature(public)
        except ValueError:
            continue
        made = public.__init__ if inspect.isclass(public) else public
        written, hints = getattr(made, "__annotations__", {}), types_of(made)
        for argument in signature.parameters.values():
            if "TableLike" in str(written.get(argument.name)):
                continue  # a table is no array of numbers
            said = str(hints.get(argument.name, argument.annotation))
            is_array = any(kind in said for kind in ARRAYS) or said in ("Any", "typing.Any")
            # The core's own functions tell no types.
            is_array |= argument.annotation is argument.empty and argument.name in ("odds", "probabilities")
            if is_array and (name, argument.name) not in NO_NUMBERS:
                yield name, argument.name


def test_every_public_function_is_called() -> None:
    called = {call.name.split(" ")[0] for call in CALLS}
    missing = [
        name
        for name, _ in public_callables()
        if name.count(".") == 1
        and name not in called | NOT_CALLED
        and not any(other.startswith(f"{name}.") for other in called)
    ]
    assert missing == []


def test_every_public_array_argument_is_fed_the_zoo() -> None:
    """A new argument that holds numbers must be given to the zoo."""
    fed = {(call.name.split(" ")[0], name) for call, name in ARRAY_ARGUMENTS}
    wanted = set(array_arguments())
    assert len(wanted) > 100
    assert sorted(wanted - fed) == []
    count = len(ARRAY_ARGUMENTS) * len(ZOO)
    print(f"{count} triples: {len(ARRAY_ARGUMENTS)} arguments of {len(CALLS)} calls, {len(ZOO)} kinds")
    assert len(ZOO) >= 60
    assert count > 6_000


def words() -> Iterator[tuple[Call, str, Any]]:
    """Options that are words: those with a literal type, and those of the core's own functions."""
    for call in CALLS:
        try:
            signature = inspect.signature(call.function)
            hints = get_type_hints(call.function)
        except (ValueError, TypeError, NameError):
            continue
        for name, parameter in signature.parameters.items():
            hint = hints.get(name, parameter.annotation)
            is_literal = any(get_origin(kind) is Literal for kind in [hint, *get_args(hint)])
            if is_literal or name in ("errors", "method", "ladder", "absent"):
                # A default that is not shown is that of the function.
                shown = {name: parameter.default} | (getattr(call.function, "__kwdefaults__", None) or {})
                yield call, name, shown[name]


def test_no_function_takes_a_word_that_is_none() -> None:
    """What broke: `errors="ignore"` was `"raise"` in thirteen functions and `"nan"` in one, `first="frist"`
    was away in a shoot-out, and a misspelt model made a walk-forward without a single forecast.
    """
    wrong = []
    asked = list(words())
    for call, name, default in asked:
        for word in ("frist", "", None, 0, True, ["raise"]):
            if word is None and default is None:
                continue
            try:
                call.run(**{name: word})
                wrong.append(f"{call.name}({name}={word!r}) is taken")
            except OddsEngineError as error:
                if isinstance(word, str) and name not in said(error) and repr(word)[1:-1] not in said(error):
                    wrong.append(f"{call.name}({name}={word!r}): {said(error)}")
            except TypeError as error:
                if isinstance(word, str):
                    wrong.append(f"{call.name}({name}={word!r}): {error}")
    assert wrong == []
    assert len(asked) > 80


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (np.empty((0, 0)), "grid size 0 is outside"),
        ([[1.0]], "grid size 1 is outside"),
        ([[0.5, 0.5]], "a grid of 1 x 2 is not square"),
        (np.zeros((5, 5)), "sum of score probabilities 0 is outside"),
        (np.full((2, 2), np.nan), "score probability NaN is outside"),
        ([[1.5, -0.5], [0.0, 0.0]], r"score probability 1\.5 is outside"),
    ],
)
def test_grids_that_are_none(grid: Any, message: str) -> None:
    # Zeros were priced, one row was a bare TypeError, and a tie on an empty grid panicked (chunks of none).
    for function in (football.markets, football.qualification, lambda scores: football.total(scores, 2.5)):
        arguments = {"extra_means": (0.4, 0.3)} if function is football.qualification else {}
        with pytest.raises(OddsEngineError, match=message):
            function(grid, **arguments)
