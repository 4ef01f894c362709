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


EXTRA = (
    "Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA,MaxCH,MaxCD,MaxCA,"
    "AvgCH,AvgCD,AvgCA,BFECH,BFECD,BFECA"
)
OLDER = "Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PH,PD,PA,MaxH,MaxD,MaxA,AvgH,AvgD,AvgA"


def test_the_file_of_all_seasons_of_a_league_reads_alike() -> None:
    """It was refused: `no column 'HomeTeam'`. Its older form has the same closing odds under names without
    the C.
    """
    rows = [
        "Testland,Prem ,2012/2013,03/08/2012,23:00,Al,Be,1,0,H,1.9,3.4,5.0,1.95,3.5,5.6,1.8,3.3,4.7,,,",
        "Testland,Prem ,2024,04/02/2024,01:10,Be,Al,2,2,D,2.5,3.2,3.1,2.6,3.3,3.2,2.4,3.1,3.0,2.6,3.3,3.2",
        "Testland,Prem ,2024,05/02/2024,01:10,Be,Al,2,2,H,2.5,3.2,3.1,2.6,3.3,3.2,2.4,3.1,3.0,2.6,3.3,3.2",
    ]
    found = data.football_data(io.StringIO("\n".join([EXTRA, *rows])))
    assert found.table["season"].tolist() == ["2012-13", "2024"]
    assert found.table["league"].tolist() == ["Testland Prem"] * 2
    assert found.table["home_goals"].tolist() == [1, 2]
    assert found.table["result"].tolist() == [0, 1]
    assert [bad.reason for bad in found.bad_rows] == ["result H contradicts the score 2-2"]
    assert found.odds("pinnacle").tolist() == [[1.9, 3.4, 5.0], [2.5, 3.2, 3.1]]
    assert found.odds("average").tolist() == [[1.8, 3.3, 4.7], [2.4, 3.1, 3.0]]
    assert np.isnan(found.odds("BFE")).all(axis=1).tolist() == [True, False]
    with pytest.raises(BoundsError, match="no column 'PSH'"):
        found.odds("pinnacle", closing=False)
    older = data.football_data(
        io.StringIO("\n".join([OLDER, rows[0].removesuffix(",,,").replace("2012,23", "12,23")]))
    )
    for bookmaker in ("pinnacle", "average", "maximum"):
        assert older.odds(bookmaker).tolist() == found.odds(bookmaker)[:1].tolist()
    with pytest.raises(BoundsError, match="no column 'HG'"):
        data.football_data(io.StringIO(OLDER.replace(",HG", "") + "\n"))


def test_the_opening_averages_of_a_season_are_no_closing_odds() -> None:
    """Only the files of all seasons have closing odds under names without the C."""
    found = data.football_data(
        io.StringIO("Date,HomeTeam,AwayTeam,FTHG,FTAG,AvgH,AvgD,AvgA\n15/08/26,A,B,1,0,1.9,3.5,4.5")
    )
    with pytest.raises(BoundsError, match="no column 'AvgCH'"):
        found.odds("average")
    other = "\n".join([OLDER, "T,P,2024,04/02/2024,01:10,C,D,2,2,D,2.5,3.2,3.1,2.6,3.3,3.2,2.4,3.1,3.0"])
    both = data.football_data(
        [
            io.StringIO("Date,HomeTeam,AwayTeam,FTHG,FTAG,AvgH,AvgD,AvgA\n15/08/26,A,B,1,0,1.9,3.5,4.5"),
            io.StringIO(other),
        ]
    )
    assert np.isnan(both.odds("average")).all(axis=1).tolist() == [True, False]


def test_many_seasons_at_once(tmp_path: Path) -> None:
    """Seasons had to be read one by one and their tables, of different columns, put together by hand."""
    one = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,HTHG,BbAHh,BbAvH,BbAvD,BbAvA\n"
    one += "E0,18/08/12,A,B,1,0,1,-0.5,1.9,3.5,4.5"
    # Played in July, as the last matches of 2019-20 were.
    two = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,AHh,AvgH,AvgD,AvgA\n"
    two += "E0,10/08/19,A,B,0,0,-0.25,2.0,3.4,4.0\nE0,26/07/20,B,A,x,0,,,,"
    (tmp_path / "1.csv").write_text(one)
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress((two + "\nE0,26/07/20,B,A,2,1,0,2.5,3.2,3.0").encode()))
    (tmp_path / "3.csv").write_text(one)
    (tmp_path / "notes.txt").write_text("no results")
    found = data.football_data(tmp_path)
    assert found.table["season"].tolist() == ["2012-13", "2019-20", "2019-20"]
    assert found.files == ("1.csv", "2.csv.gz", "2.csv.gz")
    assert found.lines == (2, 2, 4)
    assert found.odds("average", closing=False).tolist() == [
        [1.9, 3.5, 4.5],
        [2.0, 3.4, 4.0],
        [2.5, 3.2, 3.0],
    ]
    assert found.handicap_lines(closing=False).tolist() == [-0.5, -0.25, 0.0]
    assert found.table["half_time_home_goals"][0] == 1.0
    assert np.isnan(found.table["half_time_home_goals"][1:]).all()
    assert [(bad.file, bad.line, bad.reason) for bad in found.bad_rows] == [
        ("2.csv.gz", 3, "home goals 'x' are no number"),
        ("3.csv", 2, "A against B on 2012-08-18 was there before"),
    ]
    listed = data.football_data([tmp_path / "1.csv", str(tmp_path / "2.csv.gz")])
    assert len(listed) == 3
    assert "2.csv.gz:3" in found._repr_html_()
    (tmp_path / "empty").mkdir()
    for source, message in (
        (tmp_path / "empty", r"has no \*\.csv"),
        ([], "number of files 0"),
        (7, "int is no path, open file, or several"),
    ):
        with pytest.raises(BoundsError, match=message):
            data.football_data(source)  # type: ignore[arg-type]


def test_counts_of_the_match_are_read() -> None:
    """Half-time goals, corners and cards were dropped."""
    header = "Date,HomeTeam,AwayTeam,FTHG,FTAG,HTHG,HTAG,HC,AC,HY,AY,HR,AR,HS,AS"
    found = data.football_data(
        io.StringIO(f"{header}\n15/08/26,A,B,2,1,1,0,7,3,2,1,0,1,15,8\n16/08/26,C,D,0,0,,,x,-1,2.5,1,0,0,9,9")
    )
    row = {name: values[0] for name, values in found.table.items()}
    assert (row["half_time_home_goals"], row["home_corners"], row["away_red_cards"], row["home_shots"]) == (
        1,
        7,
        1,
        15,
    )
    assert np.isnan(found.table["home_corners"][1])
    assert [bad.reason for bad in found.bad_values] == [
        "HC 'x' is no number",
        "AC -1 is outside 0..=199",
        "HY 2.5 is outside 0..=199",
    ]


def test_a_text_stream_with_a_byte_order_mark_and_odds_in_any_order() -> None:
    """The mark became a part of the first name; `'\\ufeffDate'` is no column."""
    text = "\ufeffDate,HomeTeam,AwayTeam,FTHG,FTAG,PSCA,PSCD,PSCH,PC<2.5,PC>2.5\n"
    text += "15/08/26,A,B,2,1,4.2,3.8,1.9,2.05,1.8"
    found = data.football_data(io.StringIO(text))
    assert found.odds("pinnacle").tolist() == [[1.9, 3.8, 4.2]]
    assert found.odds("pinnacle", market="total:2.5").tolist() == [[1.8, 2.05]]
    # The table has them in the order of the file; it was the reverse.
    assert found.table.columns[-5:] == ("PSCA", "PSCD", "PSCH", "PC<2.5", "PC>2.5")


def test_a_market_without_one_of_its_prices_has_none() -> None:
    """`[2.45, nan, 2.90]` of a row without a draw price became a market of two: .542 / nan / .458."""
    text = "Date,HomeTeam,AwayTeam,FTHG,FTAG,PSCH,PSCD,PSCA\n"
    text += "15/08/26,A,B,2,1,2.45,,2.9\n16/08/26,C,D,0,0,2.45,3.3,2.9"
    found = data.football_data(io.StringIO(text))
    assert np.isnan(found.odds("pinnacle")).all(axis=1).tolist() == [True, False]
    assert found.odds("pinnacle", absent="drop")[0, [0, 2]].tolist() == [2.45, 2.9]
    assert np.isnan(margin.fair_probabilities(found.odds("pinnacle"))).all(axis=1).tolist() == [True, False]
    with pytest.raises(BoundsError, match="absent 'keep' is none of"):
        found.odds("pinnacle", absent="keep")  # type: ignore[arg-type]


@pytest.mark.skipif("ODDSENGINE_REFERENCE_DATA" not in os.environ, reason="needs the reference data")
def test_a_folder_of_real_seasons() -> None:
    folder = Path(os.environ["ODDSENGINE_REFERENCE_DATA"]) / "football_data_co_uk"
    found = data.football_data(folder)
    assert len(found) > 6_000
    one_by_one = [data.football_data(path) for path in sorted(folder.glob("*.csv.gz"))]
    assert len(found) == sum(map(len, one_by_one))
    assert len(set(found.table["season"].tolist())) >= 8
    assert set(found.table["league"].tolist()) == {"E0", "D1", "F1", "I1", "SP1"}
    # The file's name says the season.
    for name, season in {
        (name, season) for name, season in zip(found.files, found.table["season"].tolist(), strict=True)
    }:
        assert name.split("_")[1].removesuffix(".csv.gz") == season
    assert found.odds("pinnacle").shape == (len(found), 3)
