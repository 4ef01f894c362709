"""Tables to and from pandas, Polars, DuckDB and pyarrow, and what is no table."""

import datetime
import gc
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import Table
from oddsengine.exceptions import BoundsError
from oddsengine.tables import day, select, table_from

TABLE = Table(
    {
        "team": ["Ajax", "Brügge mit einem langen Namen", "Celtic"],
        "share": [0.5, np.nan, -1.0],
        "goals": [1, 2, 3],
        "is_cup": [True, False, True],
        "date": np.array(["2026-08-15", "NaT", "1899-12-31"], "datetime64[D]"),
        "time": np.array(["2026-08-15T10:00", "NaT", "2026-08-16T11:30:01.5"], "datetime64[us]"),
    }
)


class Stream:
    """Nothing but an Arrow stream that can be read once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frames = [frame]

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.frames.pop().__arrow_c_stream__(requested_schema)


def readers() -> dict[str, Any]:
    return {
        "pandas": TABLE.to_pandas(),
        "polars": pl.DataFrame(TABLE),
        "duckdb": duckdb.sql("select * from TABLE_"),
        "mapping": dict(TABLE.items()),
        "stream": Stream(pl.DataFrame(TABLE)),
    }


TABLE_ = TABLE


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb", "mapping", "stream"])
def test_there_and_back(name: str) -> None:
    found = table_from(readers()[name])
    assert found == TABLE
    assert found["goals"].dtype == np.int64
    assert found["share"].dtype == np.float64
    assert found["is_cup"].dtype == bool
    assert found["date"].dtype.kind == "M"


def test_numbers_are_not_copied() -> None:
    numbers, counts = np.arange(1_000.0), np.arange(1_000)
    table = Table({"x": numbers, "n": counts})
    assert np.shares_memory(table["x"], numbers)
    for name, source in (("x", numbers), ("n", counts)):
        assert np.shares_memory(table.to_pandas()[name].to_numpy(), source)
        assert np.shares_memory(table.to_polars()[name].to_numpy(), source)


def test_readers_outlive_the_table() -> None:
    frame, pandas = (read(Table({"x": np.arange(50_000.0)})) for read in (pl.DataFrame, Table.to_pandas))
    gc.collect()
    filler = [np.full(50_000, 7.0) for _ in range(20)]
    assert frame["x"].sum() == pandas["x"].sum() == 50_000 * 49_999 / 2
    del filler


def test_other_readers_see_other_kinds() -> None:
    schema = pl.DataFrame(TABLE).schema
    kinds = [pl.String, pl.Float64, pl.Int64, pl.Boolean, pl.Date, pl.Datetime("us")]
    assert list(schema.values()) == kinds
    assert pl.DataFrame(TABLE)["date"].to_list()[2] == datetime.date(1899, 12, 31)
    count, mean = duckdb.sql("select count(date), avg(goals) from TABLE_").fetchall()[0]
    assert (count, mean) == (2, 2.0)


def test_gaps_and_kinds_of_others() -> None:
    frame = pl.DataFrame(
        {
            "whole": [1, None, 3],
            "text": ["x", None, "z"],
            "flag": [True, None, False],
            "kind": pl.Series(["a", "b", "a"]).cast(pl.Categorical),
            "small": pl.Series([1, 2, 3], dtype=pl.UInt8),
            "single": pl.Series([0.5, 1.5, 2.5], dtype=pl.Float32),
        }
    )
    found = table_from(frame)
    assert found["whole"].tolist()[::2] == [1.0, 3.0]
    assert np.isnan(found["whole"][1])
    assert found["text"].tolist() == ["x", "", "z"]
    assert np.isnan(found["flag"][1])
    assert found["kind"].tolist() == ["a", "b", "a"]
    assert (found["small"].dtype, found["single"].dtype) == (np.int64, np.float64)
    decimals = table_from(duckdb.sql("select 2.5 as price, 'x' as text"))
    assert decimals["price"].tolist() == [2.5]
    assert table_from(pd.DataFrame({"a": [1, None], "b": ["x", None]}))["b"].tolist() == ["x", ""]


@given(st.lists(st.text(max_size=30)), st.integers(1, 4))
def test_texts_survive_chunks(texts: list[str], copies: int) -> None:
    # A zero at the end of a text cannot be told from NumPy's padding.
    texts = [text.rstrip("\0") for text in texts]
    frame = pl.DataFrame({"s": texts}, schema={"s": pl.String})
    chunked = pl.concat([frame] * copies, rechunk=False)
    found = table_from(chunked)
    assert found["s"].tolist() == texts * copies
    assert pl.DataFrame(found)["s"].to_list() == texts * copies


def test_an_empty_table() -> None:
    empty = TABLE.rows([])
    assert len(empty) == 0
    assert len(table_from(pl.DataFrame(empty))) == 0
    assert len(Table({})) == 0


def test_rows_and_columns() -> None:
    assert TABLE.rows(TABLE["goals"] > 1)["team"].tolist()[1] == "Celtic"
    assert TABLE.rows(slice(0, 1)) == TABLE.rows([0])
    assert TABLE.with_columns({"goals": [7, 8, 9]})["goals"].tolist() == [7, 8, 9]
    assert list(TABLE) == list(TABLE.keys()) == list(dict(TABLE))
    assert "goals" in TABLE
    assert TABLE != 3
    assert [column.tolist() for column in select({"a": [1], "b": [2]}, ["b", "a"])] == [[2], [1]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table({"a": [1, 2], "b": [1]}), "columns have different lengths"),
        (lambda: Table({"a": [[1, 2]]}), "column 'a' has 2 dimensions"),
        (lambda: TABLE["shots"], "no column 'shots', but team, share"),
        (lambda: table_from(7), "int is no table"),
        (lambda: table_from(np.arange(3)), "ndarray is no table"),
        (lambda: table_from(pl.Series([1, 2])), "is no table"),
        (lambda: select(pl.DataFrame({"a": [1]}), ["b"]), "no column 'b', but a"),
        (lambda: day("NaT"), "'NaT' is no day"),
    ],
)
def test_what_is_no_table(make: Any, message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        make()


def test_it_shows_itself() -> None:
    assert repr(TABLE) == "<Table of 3 rows: team, share, goals, is_cup, date, time>"
    assert str(TABLE).splitlines()[2].split()[-3:] == ["False", "NaT", "NaT"]
    html = Table({"a": ["<b>"]}, caption="x & y")._repr_html_()
    assert "&lt;b&gt;" in html
    assert "X &amp; y." in html
    long = Table({"a": np.arange(30)})
    assert str(long).endswith("and 10 more rows")
    assert "30 rows × 1 column · the first 20 shown" in long._repr_html_()


def test_columns_are_the_numbers_that_were_given() -> None:
    # A mask was dropped, 2**63 became negative, and days in the other byte order went to Arrow as other days.
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    for column in (masked, np.ma.array([1, 2], mask=[0, 1])):
        with pytest.raises(BoundsError, match="column 'a' has 1 masked entries"):
            Table({"a": column})
    with pytest.raises(BoundsError, match=r"column 'a'\[0\] is 9223372036854775808, outside -9"):
        Table({"a": np.array([2**63], np.uint64)})
    with pytest.raises(BoundsError, match=r"column 'a'\[1\] is no number but a int"):
        Table({"a": np.array([1.5, 10**400], object)})
    days = np.array(["2026-08-01", "2026-08-02"], "datetime64[D]")
    records = np.zeros(2, [("flag", "u1"), ("day", ">M8[D]"), ("odds", ">f8"), ("goals", ">i4")])
    records["flag"], records["day"], records["odds"], records["goals"] = 255, days, [1.02, 34.0], [1, -2]
    table = Table({name: records[name] for name in ("day", "odds", "goals")})
    frame = pl.DataFrame(table)
    assert frame["day"].to_list() == days.tolist()
    assert frame["odds"].to_list() == [1.02, 34.0]
    assert frame["goals"].to_list() == [1, -2]


def test_what_a_name_holds_moves_no_cursor() -> None:
    # A name with an end of line broke the rows of a printed table, one with an escape coloured the terminal.
    table = Table({"home": ["Al\nba", "\x1b[31mBruma", "Übermut 日本"], "goals": [1, 2, 3]})
    assert [line.split("  ")[0] for line in str(table).splitlines()] == [
        "home",
        "Al\\nba",
        "\\x1b[31mBruma",
        "Übermut 日本",
    ]


def test_a_wide_table_fits_in_a_terminal() -> None:
    # A season of football-data.co.uk printed 187 columns, thirty thousand characters, where a notebook left
    # out the middle ones; times of an engine were nineteen digits in thousands.
    wide = Table({f"column {place}": np.arange(25) for place in range(187)})
    lines = str(wide).splitlines()
    assert lines[-1] == "and 5 more rows, 167 more columns"
    assert len(lines) == 22
    assert "column 9  …  column 177" in lines[0]
    assert lines[1].split() == ["0"] * 10 + ["…"] + ["0"] * 10
    narrow = Table({f"c{place}": [1] for place in range(20)})
    assert "…" not in str(narrow)
    told = Table({"decided_ns": [1_668_960_142_059_000_000, 0], "clock_ns": [5, 1_668_960_142_059_000_000]})
    assert [line.split("  ")[0] for line in str(told).splitlines()][1] == "2022-11-20 16:02:22.059"
    assert str(told).splitlines()[2].split()[0] == "–"
    assert "1,668,960,142,059,000,000" in str(told)  # not all of these are moments
    assert "2022-11-20 16:02:22.059" in told._repr_html_()
