"""Boards and tables as a notebook shows them: what was a list of keys, ragged decimals and "and 289 more"."""

import re

import numpy as np
import pytest

from oddsengine import Table, _board_html, _html, football, racing, tennis
from oddsengine._board_html import Offer


def rows_of(html: str) -> list[list[str]]:
    """The cells of every row, as text."""
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall("<tr>(.*?)</tr>", html)
    ]


def test_a_football_board_begins_with_what_a_trader_looks_at() -> None:
    """It opened with European handicaps of four goals, and stopped after 24 markets with "and 289 more"."""
    board = football.board(1.62, 1.08, -0.08)
    html = board._repr_html_()
    top = rows_of(html.partition("<details>")[0])
    assert [row[0] for row in top] == [
        "market",
        "1X2",
        "Draw no bet",
        "Double chance",
        "Handicap -0.5",
        "Total 2.5",
        "Both score",
    ]
    assert top[1][1:3] == ["home (49.0 %)", f"{board['1x2/home'].odds:.2f}"]
    assert html.startswith('<table><caption style="text-align:left">Board of 1,012 selections, ')
    folds = re.findall(r"<summary[^>]*>(.*?)</summary>", html)
    assert folds[:2] == ["Handicap (33 markets)", "Total (29 markets)"]
    assert folds[-2:] == ["First half (67 markets)", "Second half (67 markets)"]
    # Every market of the board is there: 4 of the main ones are in no fold.
    markets = {name.partition("/")[0] for name in football._selection_index()}
    assert sum(int((re.findall(r"\((\d+) markets\)", fold) or ["1"])[0]) for fold in folds) + 4 == len(
        markets
    )
    # Odds of two decimals, and nothing else, stand under each other.
    odds = re.findall(r"tabular-nums;white-space:nowrap;\">([^<]*)<", html)
    assert all(re.fullmatch(r"[\d,]+\.\d\d|–|[+-]?\d+(\.\d+)?(-\d+)?", text) for text in odds)


def test_scores_are_a_grid() -> None:
    html = football.board(1.62, 1.08, -0.08)._repr_html_()
    grid = html[html.index("home \\ away") :]
    assert rows_of("<tr><th>" + grid)[1][0] == "0"
    assert len(rows_of("<tr><th>" + grid)[1]) > 5


def test_a_race_is_a_card() -> None:
    """Runners were listed once a market, 30 rows of a race of six."""
    board = racing.board([2.5, 4.0, 6.0, 9.0, 11.0, 15.0])
    html = board._repr_html_()
    card = rows_of(html.partition("<details>")[0])
    assert card[0] == ["runner", "fair", "Win", "Place 1-2", "Place 1-3", "Each way 1/4 1-2"]
    assert [row[0] for row in card[1:]] == ["1", "2", "3", "4", "5", "6"]
    assert card[2][2] == f"{board.price('win/r2').odds:.2f}"
    assert card[2][3] == f"{board.price('place.2/r2').odds:.2f}"
    assert re.findall(r"<summary[^>]*>(.*?)</summary>", html) == [
        "Orders of finish (8 markets)",
        "Without one runner (6 markets)",
        "Match bets of two (15 markets)",
    ]


def test_the_games_of_a_set_are_in_its_fold() -> None:
    folds = re.findall(r"<summary[^>]*>(.*?)</summary>", tennis.board((0.65, 0.62))._repr_html_())
    assert folds[-3:] == ["Set 1 (70 markets)", "Set 2 (70 markets)", "Set 3 (70 markets)"]
    assert len(folds) < 15


def test_what_is_not_open_is_pale_and_what_is_decided_says_so() -> None:
    offers = [
        Offer("1x2", ("home", "draw", "away"), (2.0, None, 1234.5), is_open=False, note="suspended"),
        Offer("total:2.5", ("over", "under"), (None, None), results=("won", "lost")),
        Offer("own<b>", ("yes", "no"), (1.5, 2.5)),
    ]
    html = _board_html.board(offers, caption="A < B.")
    assert "A &lt; B." in html
    assert "Own&lt;b&gt;" in html
    top = rows_of(html)
    assert top[1] == ["1X2 · suspended", "home", "2.00", "draw", "–", "away", "1,234.50"]
    assert top[2][:5] == ["Total 2.5", "over", "won", "under", "lost"]
    assert "opacity:.5" in html
    assert _board_html.board([], caption="Nothing.").startswith("<table>")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.5, 0.25, np.nan], ["0.50", "0.25", "–"]),
        ([1.0, 2.0], ["1", "2"]),
        ([1 / 3, 12_345.678], ["0.33", "12,345.68"]),
        ([0.000123, 0.00002], ["0.000123", "0.000020"]),
        ([np.inf, 1.5], ["inf", "1.5"]),
        ([3, 12_000], ["3", "12,000"]),
        ([2024, 2025], ["2024", "2025"]),
        ([True, False], ["True", "False"]),
        (np.array(["2026-08-15", "NaT"], "datetime64[D]"), ["2026-08-15", "NaT"]),
        (["a<b", ""], ["a<b", ""]),
        ([], []),
    ],
)
def test_a_column_has_one_number_of_decimals(values: object, texts: list[str]) -> None:
    """`%.4g` made 0.5 and 0.3333 of one column, and 1.235e+04 of amounts."""
    found = _html.column_texts(np.asarray(values))
    assert found == texts


def test_a_wide_table_shows_its_shape_types_and_both_ends() -> None:
    """88 columns of odds ran out of the window, without a count; dates wrapped."""
    table = Table({f"c{place}": np.arange(30.0) for place in range(88)}, caption="odds of a season")
    html = table._repr_html_()
    assert "Odds of a season. 30 rows × 88 columns · the first 20 shown" in html
    names, types, *rows = rows_of(html)
    assert names == [*(f"c{place}" for place in range(6)), "…", *(f"c{place}" for place in range(82, 88))]
    assert types == ["float64"] * 6 + ["76 more"] + ["float64"] * 6
    assert len(rows) == 20
    assert html.count("nowrap") >= 20 * 12
    assert str(table).endswith("and 10 more rows, 68 more columns")


def test_numbers_stand_to_the_right_in_a_terminal() -> None:
    table = Table({"team": ["Ajax", "Brugge"], "stake": [5, 12_000], "share": [0.5, 0.125]})
    assert str(table).splitlines() == [
        "team     stake  share",
        "Ajax         5  0.500",
        "Brugge  12,000  0.125",
    ]
