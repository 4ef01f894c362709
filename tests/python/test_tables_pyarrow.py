"""Tables and pyarrow, where it is installed: it is large, and nothing else here needs it."""

import gc

import numpy as np
import pytest

from oddsengine import Table
from oddsengine.exceptions import BoundsError
from oddsengine.tables import table_from

pa = pytest.importorskip("pyarrow")

TABLE = Table(
    {
        "team": ["Ajax", "Brügge mit einem langen Namen"],
        "share": [0.5, np.nan],
        "goals": [1, 2],
        "is_cup": [True, False],
        "date": np.array(["2026-08-15", "NaT"], "datetime64[D]"),
        "time": np.array(["2026-08-15T10:00", "NaT"], "datetime64[us]"),
    }
)


def test_there_and_back() -> None:
    assert table_from(pa.table(TABLE)) == TABLE
    assert table_from(pa.table(TABLE).to_reader()) == TABLE
    views = pa.table(TABLE).set_column(0, "team", pa.array(TABLE["team"].tolist(), pa.string_view()))
    assert table_from(views) == TABLE
    schema = pa.schema(TABLE)
    assert schema == pa.table(TABLE).schema
    assert schema.field("date").type == pa.date32()


def test_numbers_are_not_copied_and_outlive_the_table() -> None:
    numbers = np.arange(50_000.0)
    arrow = pa.table(Table({"x": numbers}))
    assert arrow["x"].chunk(0).buffers()[1].address == numbers.ctypes.data
    del numbers
    gc.collect()
    assert arrow["x"].to_numpy().sum() == 50_000 * 49_999 / 2


def test_an_array_is_no_table() -> None:
    with pytest.raises(BoundsError, match="is no table"):
        table_from(pa.array([1, 2]))
