"""Closing-line value across moved lines, against a model in plain Python that shares nothing with the
package's.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddsengine import football, margin, metrics
from oddsengine.exceptions import BoundsError, MarginError

GOALS = 25


def grid(home: float, away: float, rho: float) -> list[list[float]]:
    def poisson(mean: float) -> list[float]:
        return [math.exp(-mean) * mean**goals / math.factorial(goals) for goals in range(GOALS)]

    cells = [[x * y for y in poisson(away)] for x in poisson(home)]
    cells[0][0] *= 1 - home * away * rho
    cells[0][1] *= 1 + home * rho
    cells[1][0] *= 1 + away * rho
    cells[1][1] *= 1 - rho
    return cells


def shares(cells: list[list[float]], market: str, line: float) -> tuple[float, float]:
    """Win and lose fractions of over or home: each half of the stake on its own line, every score in turn."""
    win = lose = 0.0
    halves = [line] if (2 * line).is_integer() else [line - 0.25, line + 0.25]
    for x, row in enumerate(cells):
        for y, chance in enumerate(row):
            for half in halves:
                ahead = x + y - half if market == "total" else x - y + half
                win += chance / len(halves) * (ahead > 0)
                lose += chance / len(halves) * (ahead < 0)
    return win, lose


def bisected(function: Any, low: float, high: float) -> float:
    for _ in range(70):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def fair(cells: list[list[float]], market: str, line: float) -> float:
    win, lose = shares(cells, market, line)
    return win / (win + lose)


@pytest.mark.parametrize("rho", [0.0, -0.1])
@pytest.mark.parametrize(
    ("line", "closing_line"), [(2.5, 2.75), (2.75, 2.5), (2.25, 3.0), (1.5, 2.0), (3.0, 3.0)]
)
def test_a_total_is_read_off_the_model_that_has_the_closing_price(
    line: float, closing_line: float, rho: float
) -> None:
    odds, close = 2.04, [1.91, 1.97]
    target = margin.fair_probabilities(close)[0]
    total = bisected(lambda t: fair(grid(t / 2, t / 2, rho), "total", closing_line) - target, 0.05, 12.0)
    win, lose = shares(grid(total / 2, total / 2, rho), "total", line)
    for side in (0, 1):
        found = metrics.moved_line_value(
            [odds], [line], [side], market="total", closing_line=[closing_line], closing_odds=[close], rho=rho
        )
        of_side = (win, lose) if side == 0 else (lose, win)
        assert found.each[0] == pytest.approx(of_side[0] * (odds - 1) - of_side[1], abs=1e-9)
        assert found.push[0] == pytest.approx(1 - win - lose, abs=1e-9)
        assert found.closing_probability[0] == pytest.approx(of_side[0] / (win + lose), abs=1e-9)


@pytest.mark.parametrize(
    ("line", "closing_line"),
    [(-0.25, -0.5), (-0.5, -0.25), (0.0, -1.0), (0.75, 0.25), (-1.25, -1.0), (0.0, 0.0)],
)
def test_a_handicap_is_read_off_the_model_that_has_both_closing_prices(
    line: float, closing_line: float
) -> None:
    odds, close, total_line, total_close, rho = 2.04, [1.91, 1.97], 2.75, [2.02, 1.86], -0.1
    over, home = (margin.fair_probabilities(book)[0] for book in (total_close, close))
    total = bisected(lambda t: fair(grid(t / 2, t / 2, rho), "total", total_line) - over, 0.05, 12.0)

    def model(supremacy: float) -> list[list[float]]:
        return grid((total + supremacy) / 2, (total - supremacy) / 2, rho)

    supremacy = bisected(
        lambda s: fair(model(s), "handicap", closing_line) - home, -total + 1e-9, total - 1e-9
    )
    win, lose = shares(model(supremacy), "handicap", line)
    for side, (of_side, other) in enumerate([(win, lose), (lose, win)]):
        found = metrics.moved_line_value(
            [odds],
            [line],
            [side],
            market="handicap",
            closing_line=[closing_line],
            closing_odds=[close],
            closing_total_line=[total_line],
            closing_total_odds=[total_close],
            rho=rho,
        )
        assert found.each[0] == pytest.approx(of_side * (odds - 1) - other, abs=1e-9)
        assert found.push[0] == pytest.approx(1 - win - lose, abs=1e-9)


def test_with_1x2_the_half_goal_line_is_its_price() -> None:
    """Home at -0.5 is home to win: from a close at -0.25 that is told apart by the draw alone, which 1X2
    prices.
    """
    model = football.DixonColes(1.6, 1.1, -0.12)
    prices = football.markets(model)
    results = [1.0 / prices[name] for name in ("home", "draw", "away")]  # type: ignore[literal-required]
    two = [football.asian_handicap(model, -0.25), football.total(model, 2.5)]
    close, totals = ([1.0 / each.fair_probability, 1.0 / each.opposite.fair_probability] for each in two)
    found = metrics.moved_line_value(
        [2.2],
        [-0.5],
        [0],
        market="handicap",
        closing_line=[-0.25],
        closing_odds=[close],
        closing_total_line=[2.5],
        closing_total_odds=[totals],
        closing_1x2=[results],
    )
    assert found.closing_probability[0] == pytest.approx(prices["home"], abs=1e-9)
    assert found.each[0] == pytest.approx(2.2 * prices["home"] - 1.0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(4, 20),
            st.integers(4, 20),
            st.floats(1.6, 2.5),
            st.floats(1.01, 1.08),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_line_that_has_not_moved_has_the_value_of_its_price(
    bets: list[tuple[int, int, float, float, int]],
) -> None:
    lines = np.array([bet[0] / 4 for bet in bets])
    first = np.array([bet[2] for bet in bets])
    books = np.column_stack([first, 1.0 / (np.array([bet[3] for bet in bets]) - 1.0 / first)])
    sides = np.array([bet[4] for bet in bets])
    taken = np.full(len(bets), 1.97)
    moved = metrics.moved_line_value(
        taken, lines, sides, market="total", closing_line=lines, closing_odds=books
    )
    still = metrics.closing_line_value(taken, books, sides, push=moved.push)
    assert moved.each == pytest.approx(still.each, abs=1e-9)
    # And a bet is worth more at the close the lower its line, for an over; less for an under.
    near = metrics.moved_line_value(
        taken, lines + 0.25, sides, market="total", closing_line=lines, closing_odds=books
    )
    assert ((near.each - moved.each) * (1 - 2 * sides) < 0.0).all()
    # Both sides at fair odds of any line are worth nothing.
    for side in (0, 1):
        other = metrics.moved_line_value(
            taken,
            lines - 0.5,
            np.full(len(bets), side),
            market="total",
            closing_line=lines,
            closing_odds=books,
        )
        at_fair = metrics.moved_line_value(
            1.0 / other.closing_probability,
            lines - 0.5,
            np.full(len(bets), side),
            market="total",
            closing_line=lines,
            closing_odds=books,
        )
        assert np.abs(at_fair.each).max() < 1e-9


def test_the_value_of_a_line_that_can_push() -> None:
    """`closing_line_value([2.1], [[2.0, 2.0]], [0])` was .05 for over 3 goals too, of which 27 % of the stake
    come back.
    """
    assert metrics.closing_line_value([2.1], [[2.0, 2.0]], [0], push=0.27).each == pytest.approx(
        [0.73 * 0.05]
    )
    assert metrics.closing_line_value(
        [2.1, 1.9], [[2.0, 2.0]] * 2, [0, 1], push=[0.0, 1.0]
    ).each == pytest.approx([0.05, 0.0])
    for push in (-0.1, 1.1, math.nan):
        with pytest.raises(BoundsError, match=f"push {push} is outside"):
            metrics.closing_line_value([2.1], [[2.0, 2.0]], [0], push=push)
    with pytest.raises(BoundsError, match="does not fit 1 bets"):
        metrics.closing_line_value([2.1], [[2.0, 2.0]], [0], push=[0.1, 0.1])


def test_a_missing_closing_price_is_no_market_of_two() -> None:
    """`[2.45, nan, 2.90]` gave a value of 19 % to home at 2.20: the draw had no price and was taken to be
    impossible.
    """
    close = np.array([[2.45, np.nan, 2.9], [2.45, 3.3, 2.9]])
    with pytest.raises(
        BoundsError, match=r"closing_odds of bet 0 have no price of selection 1\nhint: absent="
    ):
        metrics.closing_line_value([2.2, 2.6], close, [0, 0])
    found = metrics.closing_line_value([2.2, 2.6], close, [0, 0], errors="nan")
    assert np.isnan(found.each).tolist() == [True, False]
    assert found.mean == found.each[1]
    assert repr(found).endswith("1 without a close>")
    assert metrics.closing_line_value([2.2], close[:1], [0], absent="drop").each[0] == pytest.approx(
        0.1925, abs=1e-4
    )
    with pytest.raises(BoundsError, match="absent 'dorp' is none of drop, refuse"):
        metrics.closing_line_value([2.2], close[:1], [0], absent="dorp")  # type: ignore[arg-type]


def test_a_bet_without_a_value_stops_no_other() -> None:
    close = ([2.75, 2.5, 2.5, np.nan], [[1.95, 1.93], [np.nan, 1.9], [1.0, 1.9], [1.9, 1.9]])
    arguments: Any = {"market": "total", "closing_line": close[0], "closing_odds": close[1]}
    with pytest.raises((BoundsError, MarginError)):
        metrics.moved_line_value([2.0] * 4, [2.5] * 4, [0] * 4, **arguments)
    found = metrics.moved_line_value([2.0] * 4, [2.5] * 4, [0] * 4, errors="nan", **arguments)
    assert np.isnan(found.each).tolist() == [False, True, True, True]
    alone = metrics.moved_line_value(
        [2.0], [2.5], [0], market="total", closing_line=[2.75], closing_odds=[[1.95, 1.93]]
    )
    assert found.each[0] == alone.each[0]
    # A handicap that no split of so few goals can have.
    with pytest.raises(BoundsError, match="no model has the closing probability") as caught:
        metrics.moved_line_value(
            [2.0],
            [-3.0],
            [0],
            market="handicap",
            closing_line=[-6.0],
            closing_odds=[[1.5, 2.7]],
            closing_total_line=[0.5],
            closing_total_odds=[[2.4, 1.6]],
        )
    assert caught.value.__notes__ == ["in bet 0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"line": [2.3]}, "line 2.3 is no quarter step"),
        ({"side": [2]}, "side 2 is neither 0 nor 1"),
        ({"market": "goals"}, "market 'goals' is none of total, handicap"),
        ({"market": "handicap"}, "a handicap needs closing_total_line and"),
        ({"odds_taken": [1.0]}, "odds taken 1.0 are not above 1"),
        (
            {"closing_line": [2.5], "closing_odds": [[1.9, 1.9, 5.0]]},
            "closing_odds of shape (1, 3) is not (1, 2)",
        ),
        ({"closing_line": [2.6]}, "line 2.6 is no quarter step"),
        ({"line": [2.5, 2.5]}, "line (2,) does not fit 1 odds taken"),
        ({"errors": "none"}, "errors 'none' is none of"),
    ],
)
def test_refusals_of_moved_lines(change: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {
        "odds_taken": [2.0],
        "line": [2.5],
        "side": [0],
        "market": "total",
        "closing_line": [2.75],
        "closing_odds": [[1.95, 1.93]],
    }
    metrics.moved_line_value(**right)
    with pytest.raises(BoundsError) as caught:
        metrics.moved_line_value(**right | change)
    assert message in str(caught.value)


def test_the_table_of_values_adds_up() -> None:
    found = metrics.closing_line_value([2.2, 2.6, 1.9], [[2.05, 3.5, 3.8]] * 3, [0, 0, 0])
    table = found.table
    assert table["cumulative"][-1] == pytest.approx(found.each.sum())
    assert table["cumulative_error"][-1] == pytest.approx(3 * found.standard_error)
    assert "cumulative" in found._repr_html_()


def test_the_posterior_moves_from_the_prior_to_the_bets() -> None:
    none = metrics.value_posterior(0.5, 0.1, 0, prior_mean=-0.03, prior_sd=0.03)
    assert none[:2] == pytest.approx((-0.03, 0.03))
    many = metrics.value_posterior(0.05, 0.1, 10**8, prior_mean=-0.03, prior_sd=0.03)
    assert many.mean == pytest.approx(0.05, abs=1e-6)
    assert many.p_positive == pytest.approx(1.0)
    for bad in ({"sd": 0.0}, {"prior_sd": math.inf}, {"mean": math.nan}, {"bets": -1}):
        given: Any = {"mean": 0.02, "sd": 0.1, "bets": 5, "prior_mean": 0.0, "prior_sd": 0.1} | bad
        with pytest.raises(BoundsError):
            metrics.value_posterior(**given)
