"""Grades, returns, accumulators."""

from fractions import Fraction
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import settle
from oddsengine.exceptions import BoundsError, SelectionError


@pytest.mark.parametrize(
    ("selection", "score", "win", "refund"),
    [
        ("1x2/home", (2, 1), 1.0, 0.0),
        ("1x2/draw", (2, 1), 0.0, 0.0),
        ("double_chance/x2", (1, 1), 1.0, 0.0),
        ("draw_no_bet/home", (1, 1), 0.0, 1.0),
        ("total:2.5/over", (2, 1), 1.0, 0.0),
        ("total:2.75/over", (2, 1), 0.5, 0.5),
        ("total:3/over", (2, 1), 0.0, 1.0),
        ("total:3.25/over", (2, 1), 0.0, 0.5),
        ("total:3.25/under", (2, 1), 0.5, 0.5),
        ("handicap:-0.75/home", (1, 0), 0.5, 0.5),
        ("handicap:-0.75/away", (1, 0), 0.0, 0.5),
        ("handicap:0.25/home", (0, 0), 0.5, 0.5),
        ("both_score/no", (3, 0), 1.0, 0.0),
        ("correct_score/1-1", (1, 1), 1.0, 0.0),
        ("correct_score/other_home", (7, 0), 1.0, 0.0),
        ("winning_margin/home_4+", (9, 1), 1.0, 0.0),
    ],
)
def test_grades(selection: str, score: tuple[int, int], win: float, refund: float) -> None:
    assert settle.grade(selection, score) == (win, refund)
    assert settle.return_per_unit(selection, 1.9, score) == pytest.approx(win * 1.9 + refund)


@given(score=st.tuples(st.integers(0, 12), st.integers(0, 12)), quarters=st.integers(-16, 16))
def test_the_two_sides_of_a_line_share_the_stake(score: tuple[int, int], quarters: int) -> None:
    lines = [("handicap", quarters, ("home", "away"))]
    if quarters >= 2:
        lines.append(("total", quarters, ("over", "under")))
    for name, line, (first, second) in lines:
        a = settle.grade(f"{name}:{line / 4:g}/{first}", score)
        b = settle.grade(f"{name}:{line / 4:g}/{second}", score)
        assert a.win == 1.0 - b.win - b.refund
        assert b.win == 1.0 - a.win - a.refund


def test_halves_and_the_order_of_goals_must_be_known() -> None:
    assert settle.grade("1x2.h1/draw", (2, 0), half_time=(0, 0)).win == 1.0
    assert settle.grade("half_time_full_time/draw/home", (2, 0), half_time=(0, 0)).win == 1.0
    assert settle.grade("total.h2:1.5/over", (2, 1), half_time=(0, 1)).win == 1.0
    assert settle.grade("first_goal/away", (2, 1), goals="ahh").win == 1.0
    assert settle.grade("next_goal:3/home", (2, 1), goals="HAH").win == 1.0
    assert settle.grade("last_goal/none", (0, 0), goals="").win == 1.0
    with pytest.raises(SelectionError, match="without the half-time score"):
        settle.grade("1x2.h1/draw", (2, 0))
    with pytest.raises(SelectionError, match="without the order of the goals"):
        settle.grade("first_goal/away", (2, 0), half_time=(0, 0))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("1x2", "is not of the form market/selection"),
        ("1x3/home", 'there is no football market "1x3"'),
        ("1x2/homer", 'market "1x2" has no selection "homer", but home, draw, away'),
        ("total:99.5/over", "there is no football market"),
    ],
)
def test_unknown_selections_are_named(selection: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message) as raised:
        settle.grade(selection, (1, 0))
    assert isinstance(raised.value, LookupError)


def test_impossible_scores_and_odds_are_refused() -> None:
    with pytest.raises(BoundsError, match=r"half-time score 2-0 exceeds 1-0"):
        settle.grade("1x2/home", (1, 0), half_time=(2, 0))
    with pytest.raises(BoundsError, match="do not make the score 2-0"):
        settle.grade("first_goal/home", (2, 0), goals="ha")
    with pytest.raises(BoundsError, match="side 'x' is neither h nor a"):
        settle.grade("first_goal/home", (2, 0), goals="hx")
    with pytest.raises(BoundsError, match="whole number -1 is outside 0"):
        settle.grade("1x2/home", (-1, 0))
    with pytest.raises(BoundsError, match="goals of a side 100 is outside"):
        settle.grade("1x2/home", (100, 0))
    with pytest.raises(BoundsError, match="are outside"):
        settle.return_per_unit("1x2/home", 1.0, (1, 0))


def test_lines_are_single_returns() -> None:
    scores = [(0, 0), (1, 0), (2, 2)]
    found = settle.lines(["total:2.5/over"] * 3, [1.9, 2.0, 2.1], scores)
    assert found.tolist() == [0.0, 0.0, 2.1]
    with pytest.raises(BoundsError, match="3 selections and 2 scores do not fit"):
        settle.lines(["total:2.5/over"] * 3, 1.9, scores[:2])


leg_results = st.sampled_from(sorted(settle.GRADES))


@given(
    legs=st.lists(st.tuples(st.integers(10_010, 300_000), leg_results), min_size=1, max_size=8),
    stake_minor=st.integers(1, 100_000),
)
def test_an_accumulator_is_the_product_rounded_down_once(
    legs: list[tuple[int, str]], stake_minor: int
) -> None:
    returns = []
    for odds_e4, result in legs:
        win, refund, of = settle.GRADES[result]
        returns.append((Fraction(win, of) * odds_e4 / 10_000) + Fraction(refund, of))
    expected = int(stake_minor * prod(returns))
    found = settle.accumulator([(odds_e4 / 10_000, result) for odds_e4, result in legs], stake_minor)
    assert found == min(expected, 10**17)


def test_accumulators_refuse_what_is_out_of_bounds() -> None:
    assert settle.accumulator([(7.0, (1, 0, 2))], 1_200) == 4_200  # a dead heat of two
    for legs, stake_minor, message in (
        ([], 100, "number of legs 0 is outside"),
        ([(2.0, "won")] * 64, 100, "number of legs 64 is outside"),
        ([(2.0, "won")], 0, "stake in minor units 0 is outside"),
        ([(2.0, "winner")], 100, "grade 'winner' is none of won, lost, void"),
        ([(2.0, (2, 0, 1))], 100, "is not a share of the stake"),
    ):
        with pytest.raises(BoundsError, match=message):
            settle.accumulator(legs, stake_minor)  # type: ignore[arg-type]
