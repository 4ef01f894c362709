"""Same-game multiples through the package."""

import math

import pytest

from oddsengine import football, same_game
from oddsengine.exceptions import BoundsError, FootballError, SameGameError, SelectionError

MODEL = (1.7, 1.05, -0.07)


@pytest.fixture
def match() -> same_game.Match:
    return same_game.Match(*MODEL, players_home=[0.32, 0.21], players_away=[0.3])


def test_a_multiple_is_the_sum_over_scores(match: same_game.Match) -> None:
    grid = football.grid(*MODEL, size=16)
    wanted = sum(
        grid[home, away]
        for home in range(16)
        for away in range(16)
        if home > away and home + away > 2 and away > 0
    )
    multiple = match.price(["1x2/home", "total:2.5/over", "both_score/yes"])
    assert multiple.probability == pytest.approx(wanted, abs=1e-9)
    assert multiple.fair_odds == pytest.approx(1 / wanted)
    assert math.prod(multiple.leg_odds) == pytest.approx(multiple.fair_odds)


def test_single_legs_are_the_board(match: same_game.Match) -> None:
    board = football.board(*MODEL)
    for name in ["1x2/draw", "total:2.25/over", "handicap:-0.25/away", "1x2.h1/home", "first_goal/none"]:
        multiple = match.price([name])
        assert 1 / multiple.fair_odds == pytest.approx(board[name].fair, abs=1e-9)


def test_refunds_are_priced_by_their_equation(match: same_game.Match) -> None:
    legs = ["handicap:-1/home", "total:3/over"]
    multiple = match.price(legs)
    grid = football.grid(*MODEL, size=16)
    odds = dict(zip(legs, multiple.leg_odds, strict=True))

    def returned(home: int, away: int) -> float:
        lead, total = home - 1 - away, home + away - 3
        first = odds[legs[0]] if lead > 0 else float(lead == 0)
        second = odds[legs[1]] if total > 0 else float(total == 0)
        return first * second

    worth = sum(grid[home, away] * returned(home, away) for home in range(16) for away in range(16))
    assert worth == pytest.approx(1.0, abs=1e-9)


def test_margin_grows_with_legs_up_to_the_cap(match: same_game.Match) -> None:
    legs = ["1x2/home", "total:1.5/over", "both_score/yes"]
    ratios = []
    for count in (1, 2, 3):
        multiple = match.price(legs[:count], leg_booksum=1.05)
        ratios.append(multiple.fair_odds / multiple.offered_odds)
    assert 1.0 < ratios[0] < ratios[1] < ratios[2]
    capped = match.price(legs, leg_booksum=1.3, booksum_max=1.1)
    assert capped.fair_odds / capped.offered_odds == pytest.approx(1.1)
    assert match.price(legs).offered_odds == pytest.approx(match.price(legs).fair_odds)


def test_combinable_answers_for_every_selection(match: same_game.Match) -> None:
    answers = match.combinable(["total:2.5/over", "anytime_scorer/home_1"])
    assert list(answers) == match.selections
    assert answers["home_total:0.5/over"] == "implied"
    assert answers["home_clean_sheet/yes"] == "yes"
    assert answers["home_total:0.5/under"] == "contradicts"
    assert answers["two_or_more_scorer/home_1"] == "implies"
    assert answers["total:2.5/over"] == "implied"
    assert answers["corners_total:9.5/over"] == "yes"
    for name in ["both_score/yes", "first_scorer/home_2", "total.m0-10:0.5/over"]:
        assert answers[name] == "yes"
        match.price(["total:2.5/over", "anytime_scorer/home_1", name])


def test_in_play(match: same_game.Match) -> None:
    before = match.price(["1x2/home", "first_scorer/home_1"]).probability
    assert match.state == same_game.MatchState((0, 0), "pre_match", 0, False)
    for incident in [
        {"kind": "player_on", "side": "home", "player": 1, "clock_ms": 0},
        {"kind": "kick_off", "clock_ms": 0},
        {"kind": "goal", "side": "home", "clock_ms": 1_200_000},
    ]:
        match.apply(incident)
    with pytest.raises(SameGameError, match="the scorer of a goal is not told yet"):
        match.price(["anytime_scorer/home_1", "1x2/home"])
    match.apply({"kind": "scorer", "goal": 1, "player": 1, "clock_ms": 1_200_000})
    after = match.price(["1x2/home", "first_scorer/home_1"])
    assert after.probability > 2 * before
    assert after.implied == ("first_scorer/home_1",)
    assert repr(match) == "<Match 1-0, first_half>"


def test_a_cup_tie() -> None:
    tie = same_game.Match(*MODEL, knockout=same_game.Knockout(first_leg=(0, 1)), shootout_home=0.5)
    assert tie.price(["1x2/home", "to_qualify/away"]).probability > 0.0
    with pytest.raises(SameGameError, match="leg 0 cannot be combined: it is void without extra time"):
        tie.price(["1x2.et/home", "1x2/home"])
    found = football.qualification(
        football.DixonColes(*MODEL), extra_means=(1.7 * 0.3, 1.05 * 0.3), first_leg=(0, 1)
    )
    assert tie.price(["to_qualify/home"]).probability == pytest.approx(found.p_home, abs=1e-9)


def test_copula() -> None:
    matrix = [[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]]
    three = same_game.gaussian_copula([0.5, 0.5, 0.5], matrix)
    quarter = sum(math.asin(rho) for rho in (0.3, 0.1, -0.2)) / (4 * math.pi)
    assert three.joint == pytest.approx(0.125 + quarter, abs=1e-12)
    five = same_game.gaussian_copula([0.6] * 5, 0.0)
    assert five.joint == pytest.approx(0.6**5, abs=1e-3)
    assert five.error < 1e-3


@pytest.mark.parametrize(
    ("legs", "error", "message"),
    [
        ([], SameGameError, "number of legs 0 is outside 1..=20"),
        (["1x2/home", "1x2/draw"], SameGameError, "the legs contradict each other"),
        (["1x2/nobody"], SelectionError, 'there is no selection "1x2/nobody"'),
        (["anytime_scorer/home_9"], SelectionError, "there is no selection"),
    ],
)
def test_impossible_multiples(
    match: same_game.Match, legs: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        match.price(legs)


def test_impossible_matches() -> None:
    with pytest.raises(FootballError, match="home goal mean -1 is outside"):
        same_game.Match(-1.0, 1.0)
    with pytest.raises(BoundsError, match=r"first-half share 0.4505 is not a multiple"):
        same_game.Match(1.0, 1.0, first_half_share=0.4505)
    with pytest.raises(BoundsError, match="listed players of a side 31 is outside"):
        same_game.Match(1.0, 1.0, players_home=[0.01] * 31)
    match = same_game.Match(1.0, 1.0)
    with pytest.raises(BoundsError, match="goal cannot happen in pre_match"):
        match.apply({"kind": "goal", "side": "home", "clock_ms": 0})
    with pytest.raises(ValueError, match="kind"):
        match.apply({"kind": "nothing", "clock_ms": 0})
