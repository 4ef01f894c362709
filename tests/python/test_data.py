"""The reader of results files: every fault is named and stops nothing."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import data, fit, margin
from oddsengine.exceptions import BoundsError

HEADER = (
    "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,Referee,HST,B365H,B365D,B365A,B365C>2.5,B365C<2.5,"
    "AHCh,PCAHH,PCAHA"
)
GOOD = "X1,15/08/2026,Ajax,Brugge,3,1,H,A Name,7,1.9,3.8,4.2,1.8,2.05,-0.75,1.95,1.97"


def read(*rows: str) -> data.FootballData:
    return data.football_data(io.StringIO("\n".join([HEADER, *rows])))


def test_a_good_row() -> None:
    found = read(GOOD)
    row = {name: values[0] for name, values in found.table.items()}
    assert row["date"] == np.datetime64("2026-08-15")
    assert (row["home"], row["away"], row["home_goals"], row["away_goals"], row["result"]) == (
        "Ajax",
        "Brugge",
        3,
        1,
        0,
    )
    assert found.odds("bet365", closing=False).tolist() == [[1.9, 3.8, 4.2]]
    assert found.odds("bet365", market="total:2.5").tolist() == [[1.8, 2.05]]
    assert found.odds("pinnacle", market="handicap").tolist() == [[1.95, 1.97]]
    assert found.handicap_lines().tolist() == [-0.75]
    assert "HST" not in found.table
    assert found.lines == (2,)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD.replace("15/08/2026", ""), "date is missing"),
        (GOOD.replace("15/08/2026", "31/02/2026"), "date '31/02/2026' is no day"),
        (GOOD.replace("Brugge", " "), "away team is missing"),
        (GOOD.replace(",3,1,H", ",,1,H"), "home goals are missing"),
        (GOOD.replace(",3,1,H", ",3,x,H"), "away goals 'x' are no number"),
        (GOOD.replace(",3,1,H", ",-3,1,H"), "home goals -3 are outside 0..=99"),
        (GOOD.replace(",3,1,H", ",3,1.5,H"), "away goals 1.5 are outside 0..=99"),
        (GOOD.replace(",3,1,H", ",nan,1,H"), "home goals nan are outside 0..=99"),
        (GOOD.replace(",3,1,H", ",3,1,A"), "result A contradicts the score 3-1"),
        ("X1,15/08/2026,Ajax", "away team is missing"),
    ],
)
def test_a_bad_row_is_named_and_left_out(row: str, reason: str) -> None:
    found = read(GOOD, row, GOOD.replace("Ajax", "Celtic"))
    assert found.bad_rows == (data.BadRow(3, reason),)
    assert found.table["home"].tolist() == ["Ajax", "Celtic"]
    assert found.lines == (2, 4)
    assert reason.replace("'", "&#x27;") in found._repr_html_()


def test_a_match_counts_once() -> None:
    assert read(GOOD, GOOD).bad_rows == (
        data.BadRow(3, "Ajax against Brugge on 2026-08-15 was there before"),
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "B365H 'x' is no number"),
        ("1.0", "B365H 1.0 is outside 1..10000"),
        ("nan", "B365H nan is outside 1..10000"),
        ("inf", "B365H inf is outside 1..10000"),
    ],
)
def test_a_bad_price_leaves_the_row(value: str, reason: str) -> None:
    found = read(GOOD.replace(",1.9,", f",{value},"))
    assert found.bad_values == (data.BadRow(2, reason),)
    assert np.isnan(found.odds("bet365", closing=False)[0, 0])
    assert repr(found) == "<FootballData of 1 match, 0 rows left out, 1 value left out>"


def test_empty_cells_and_lines_are_no_faults() -> None:
    found = read("", GOOD.replace(",1.9,", ",,"), ",,,,", "")
    assert len(found) == 1
    assert found.bad_rows == found.bad_values == ()


def test_files_plain_zipped_and_old(tmp_path: Path) -> None:
    content = f"{HEADER}\n{GOOD.replace('Ajax', 'Málaga')}\n"
    plain, zipped, old = tmp_path / "a.csv", tmp_path / "b.csv.gz", tmp_path / "c.csv"
    plain.write_bytes(b"\xef\xbb\xbf" + content.encode())
    zipped.write_bytes(gzip.compress(content.encode()))
    old.write_bytes(content.encode("cp1252"))
    for path in (plain, str(zipped), old):
        assert data.football_data(path).table["home"].tolist() == ["Málaga"]
    with pytest.raises(FileNotFoundError):
        data.football_data(tmp_path / "absent.csv")


def test_what_the_file_does_not_have() -> None:
    with pytest.raises(BoundsError, match="no column 'FTHG': not a results file"):
        data.football_data(io.StringIO("Date,HomeTeam,AwayTeam\n"))
    with pytest.raises(BoundsError, match="no column 'Date'"):
        data.football_data(io.StringIO(""))
    found = read(GOOD)
    with pytest.raises(BoundsError, match="the file has no column 'PSCH'"):
        found.odds("pinnacle")
    with pytest.raises(BoundsError, match="market 'btts' is none of"):
        found.odds("bet365", market="btts")  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match="no column 'AHh'"):
        found.handicap_lines(closing=False)


@given(st.text(alphabet='0123456789/,.\n"HDA xé-', max_size=300))
def test_no_text_stops_the_reader(text: str) -> None:
    found = data.football_data(io.StringIO(f"{HEADER}\n{GOOD}\n{text}"))
    assert len(found) >= 1 or found.bad_rows


def test_real_seasons() -> None:
    folder = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not folder:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: real season files are not read")
    paths = sorted((Path(folder) / "football_data_co_uk").glob("*.csv.gz"))
    assert len(paths) >= 18
    for path in paths:
        found = data.football_data(path)
        assert found.bad_rows == (), path.name
        assert len(found.bad_values) <= 4, path.name
        assert len(found) > 250, path.name
        home, draw, away = found.odds("bet365", closing=False).T
        booksum = 1 / home + 1 / draw + 1 / away
        assert 1.0 < np.nanmedian(booksum) < 1.1, path.name
        fitted = fit.dixon_coles(found.table)
        assert fitted.report.gradient_max < 1e-6 or fitted.report.is_at_bound, path.name


def test_a_simulated_league_is_that_of_its_model() -> None:
    league = data.simulated_league(teams=10, seasons=8, seed=2)
    assert len(league) == 8 * 90
    home, away, date = (league.table[name].tolist() for name in ("home", "away", "date"))
    assert len({*zip(date, home, strict=True), *zip(date, away, strict=True)}) == 2 * len(league)
    assert len({*zip(home, away, strict=True)}) == 90
    found = fit.dixon_coles(league.table)
    assert found.standard_errors is not None
    assert found.home_advantage == pytest.approx(0.25, abs=4 * found.standard_errors.home_advantage)
    assert found.rho == pytest.approx(-0.05, abs=4 * found.standard_errors.extra)
    # The closing odds know the model.
    fair = margin.fair_probabilities(league.odds("pinnacle"))
    assert found.predict(home, away).probabilities == pytest.approx(fair, abs=0.12)
    assert np.array_equal(
        data.simulated_league(teams=10, seasons=8, seed=2).table["home_goals"], league.table["home_goals"]
    )
    with pytest.raises(BoundsError, match="number of teams 3 is odd"):
        data.simulated_league(teams=3)
    with pytest.raises(BoundsError, match="number of seasons 0 is outside 1"):
        data.simulated_league(seasons=0)
