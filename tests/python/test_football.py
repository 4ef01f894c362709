"""Football: models against their definition, calibration against models, boards against grades."""

import gzip
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddsengine import football, margin, odds, settle
from oddsengine.exceptions import BoundsError, FootballError, MarginError, SelectionError, UnknownNameError
from oddsengine.football import DixonColes

means = st.floats(0.2, 3.5)
rhos = st.floats(-0.15, 0.08)


def line_by_hand(values: np.ndarray, grid: np.ndarray, line: float) -> tuple[float, float]:
    """Win and lose fractions of "the value exceeds the line", by grading every score."""
    parts = (line, line) if (2 * line).is_integer() else (line - 0.25, line + 0.25)
    win = sum(grid[values > part].sum() for part in parts) / 2
    lose = sum(grid[values < part].sum() for part in parts) / 2
    return float(win), float(lose)


@given(home=means, away=means, rho=rhos)
def test_the_grid_is_dixon_coles(home: float, away: float, rho: float) -> None:
    grid = football.grid(home, away, rho, size=30)
    goals = np.arange(30)
    factorial = np.array([math.factorial(k) for k in goals], dtype=float)
    expected = np.outer(np.exp(-home) * home**goals / factorial, np.exp(-away) * away**goals / factorial)
    expected[:2, :2] *= [[1 - home * away * rho, 1 + home * rho], [1 + away * rho, 1 - rho]]
    assert np.abs(grid - expected).max() < 1e-14
    assert grid.sum() == pytest.approx(1.0, abs=1e-11)
    automatic = football.grid(home, away, rho)
    assert automatic.sum() == pytest.approx(1.0, abs=1e-11)


@given(home=means, away=means, rho=rhos)
def test_calibration_returns_to_the_model(home: float, away: float, rho: float) -> None:
    model = DixonColes(home, away, rho)
    found = football.markets(model)
    over = found["total"][2.5].win
    fitted = football.calibrate(found["home"], found["draw"], 1.0 - found["home"] - found["draw"], over)
    assert fitted.lambda_home == pytest.approx(home, abs=1e-7)
    assert fitted.lambda_away == pytest.approx(away, abs=1e-7)
    assert fitted.rho == pytest.approx(rho, abs=1e-6)


@given(
    home=st.floats(0.4, 2.5), away=st.floats(0.4, 2.5), handicap=st.integers(-6, 6), line=st.integers(6, 14)
)
def test_asian_calibration_returns_to_the_model(home: float, away: float, handicap: int, line: int) -> None:
    model = DixonColes(home, away)
    fair_home = football.asian_handicap(model, handicap / 4).fair_probability
    fair_over = football.total(model, line / 4).fair_probability
    fitted = football.calibrate_asian(handicap / 4, fair_home, line / 4, fair_over)
    assert (fitted.lambda_home, fitted.lambda_away) == pytest.approx((home, away), abs=1e-7)
    assert fitted.rho == 0.0


@given(home=means, away=means, rho=rhos)
def test_the_markets_are_sums_over_the_grid(home: float, away: float, rho: float) -> None:
    grid = football.grid(home, away, rho)
    x, y = np.indices(grid.shape)
    found = football.markets(grid)
    for name, cells in (
        ("home", x > y),
        ("draw", x == y),
        ("away", x < y),
        ("both_score", (x > 0) & (y > 0)),
        ("odd_total", (x + y) % 2 == 1),
        ("home_clean_sheet", y == 0),
        ("away_clean_sheet", x == 0),
        ("home_win_to_nil", (x > y) & (y == 0)),
        ("away_win_to_nil", (x < y) & (x == 0)),
    ):
        assert found[name] == pytest.approx(grid[cells].sum(), abs=1e-13)  # type: ignore[literal-required]
    assert sum(found["double_chance"].values()) == pytest.approx(2 * grid.sum(), abs=1e-12)
    assert found["draw_no_bet"] == found["handicap"][0.0]
    for score, probability in found["correct_score"].items():
        a, b = map(int, score.split("-"))
        assert probability == grid[a, b]
    for goals in range(5):
        assert found["exact_total"][goals] == pytest.approx(grid[x + y == goals].sum(), abs=1e-13)
        assert found["total_at_least"][goals] == pytest.approx(grid[x + y >= goals].sum(), abs=1e-13)
    for goals in range(1, 5):
        assert found["home_wins_by"][goals] == pytest.approx(grid[x - y == goals].sum(), abs=1e-13)
        assert found["away_wins_by_at_least"][goals] == pytest.approx(grid[y - x >= goals].sum(), abs=1e-13)


@given(home=means, away=means, rho=rhos, line=st.integers(-16, 32))
def test_lines_grade_every_score(home: float, away: float, rho: float, line: int) -> None:
    model = DixonColes(home, away, rho)
    grid = model.grid()
    x, y = np.indices(grid.shape)
    for found, values, threshold in (
        (football.asian_handicap(model, line / 4), x - y, -line / 4),
        (football.asian_handicap(grid, line / 4), x - y, -line / 4),
        (football.total(model, line / 4), x + y, line / 4),
        (football.total(model, line / 4, side="home"), x, line / 4),
        (football.total(grid, line / 4, side="away"), y, line / 4),
    ):
        assert found == pytest.approx(line_by_hand(values, grid, threshold), abs=1e-12)
        assert found.push == pytest.approx(1.0 - found.win - found.lose, abs=1e-12)
        assert found.opposite.fair_probability == pytest.approx(1.0 - found.fair_probability, nan_ok=True)


def test_line_shares_at_the_ends() -> None:
    sure, dead, void = (
        football.LineShares(1.0, 0.0),
        football.LineShares(0.0, 1.0),
        football.LineShares(0.0, 0.0),
    )
    assert (sure.fair_odds, sure.fair_probability) == (1.0, 1.0)
    assert (dead.fair_odds, dead.fair_probability) == (math.inf, 0.0)
    assert math.isnan(void.fair_probability)
    assert void.push == 1.0


@given(rows=st.lists(st.tuples(means, means, rhos), min_size=1, max_size=5))
def test_batches_are_their_matches(rows: list[tuple[float, float, float]]) -> None:
    home, away, rho = (np.array(column) for column in zip(*rows, strict=True))
    baskets = football.basket(home, away, rho)
    assert baskets.shape == (len(rows), len(football.BASKET_LABELS)) == (len(rows), 190)
    assert baskets.tolist() == [football.basket(*row).tolist() for row in rows]
    win, lose = football.asian_handicap_batch(home, away, rho, -0.75)
    alone = [football.asian_handicap(DixonColes(*row), -0.75) for row in rows]
    assert list(zip(win.tolist(), lose.tolist(), strict=True)) == alone
    win, lose = football.total_batch(home, away, rho, 2.25)
    assert list(zip(win, lose, strict=True)) == [football.total(DixonColes(*row), 2.25) for row in rows]
    found = [football.markets(DixonColes(*row)) for row in rows]
    p_home, p_draw = (np.array([m[name] for m in found]) for name in ("home", "draw"))  # type: ignore[literal-required]
    over = np.array([m["total"][2.5].win for m in found])
    fitted = football.calibrate_batch(p_home, p_draw, 1.0 - p_home - p_draw, over)
    for index in range(len(rows)):
        single = football.calibrate(
            p_home[index], p_draw[index], 1.0 - p_home[index] - p_draw[index], over[index]
        )
        assert single == DixonColes(*(float(column[index]) for column in fitted))


@given(home=means, away=means, rho=rhos)
def test_the_labels_of_the_basket_tell_the_truth(home: float, away: float, rho: float) -> None:
    basket = dict(zip(football.BASKET_LABELS, football.basket(home, away, rho).tolist(), strict=True))
    grid = football.grid(home, away, rho, size=16)
    found = football.markets(grid / grid.sum())
    assert [basket[f"1x2/{name}"] for name in ("home", "draw", "away")] == pytest.approx(
        [found["home"], found["draw"], found["away"]], abs=1e-13
    )
    assert basket["both_score/yes"] == pytest.approx(found["both_score"], abs=1e-13)
    for line in np.arange(0.5, 6.75, 0.25).tolist():
        sides = [basket[f"total:{line:g}/{side}"] for side in ("over", "push", "under")]
        shares = found["total"][line]
        assert sides == pytest.approx([shares.win, shares.push, shares.lose], abs=1e-13)
    for line in np.arange(-3, 3.25, 0.25).tolist():
        sides = [basket[f"handicap:{line:g}/{side}"] for side in ("home", "push", "away")]
        shares = found["handicap"][line]
        assert sides == pytest.approx([shares.win, shares.push, shares.lose], abs=1e-13)
    for score in ("0-0", "5-5", "2-1"):
        assert basket[f"correct_score/{score}"] == pytest.approx(found["correct_score"][score], abs=1e-15)


def test_from_odds_is_margin_removal_then_calibration() -> None:
    fitted = football.calibrate_from_odds([2.1, 3.45, 3.8], [1.95, 1.93], method="shin", method_total="power")
    fair = margin.fair_probabilities([2.1, 3.45, 3.8], method="shin")
    over, _ = margin.fair_probabilities([1.95, 1.93], method="power")
    assert [fitted.home, fitted.draw, fitted.away] == fair
    assert fitted.over == over
    assert fitted.model == football.calibrate(*fair, over)
    batch = football.calibrate_from_odds_batch(
        [[2.1, 3.45, 3.8]] * 2, [[1.95, 1.93]] * 2, method="shin", method_total="power"
    )
    assert batch.lambda_home.tolist() == [fitted.model.lambda_home] * 2


def test_unexplained_matches_raise_with_their_row_or_become_nan() -> None:
    table = [[2.1, 3.45, 3.8], [2.1, 3.45, 0.9]], [[1.95, 1.93], [1.95, 1.93]]
    with pytest.raises(MarginError) as raised:
        football.calibrate_from_odds_batch(*table)
    assert raised.value.__notes__ == ["in match 1"]
    found = football.calibrate_from_odds_batch(*table, errors="nan")
    assert np.isfinite(found.rho).tolist() == [True, False]
    with pytest.raises(FootballError, match="probabilities of home, draw and away sum to") as failed:
        football.calibrate_batch([0.4, 0.5], 0.3, [0.3, 0.3], 0.5)
    assert failed.value.__notes__ == ["in match 1"]
    win, _ = football.asian_handicap_batch([1.5, math.nan], 1.1, 0.0, 0.5, errors="nan")
    assert np.isfinite(win).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DixonColes(-0.1, 1.0), r"home goal mean -0\.1 is outside 0\.\.=20"),
        (lambda: DixonColes(1.0, math.nan), "away goal mean NaN is outside"),
        (lambda: DixonColes(1.6, 1.25, 0.6), r"rho 0\.6 is outside -0\.625\.\.=0\.5"),
        (lambda: football.grid(1.0, 1.0, size=81), "grid size 81 is outside"),
        (lambda: football.calibrate(0.5, 0.3, 0.3, 0.5), "sum to 1.1, not to 1"),
        (lambda: football.calibrate(0.5, 0.3, 0.2, 1.0), "probability of over 1 is not strictly between"),
        (lambda: football.calibrate(0.5, 0.3, 0.2, 0.5, line=2.6), r"line 2\.6 is not a multiple of 0\.25"),
        (lambda: football.calibrate(0.98, 0.01, 0.01, 0.05), "no model has|outside"),
        (lambda: football.asian_handicap(DixonColes(1, 1), 0.3), "is not a multiple of"),
        (lambda: football.inplay(1.0, 1.0, share_left=-1.0), "remaining home goals -1 is outside"),
        (lambda: football.inplay_markov(1.0, 1.0, share_left=3.0), "remaining share 3 is outside"),
        (lambda: football.weibull_count_pmf(9.0, 1.0), "rate 9 is outside"),
        (lambda: football.negbin_over(10.0, 0.1, 9.5), "dispersion 0.1 is outside"),
        (lambda: football.markets(np.full((3, 3), 0.2)), "sum of score probabilities"),
        (lambda: football.basket([1.0, -1.0], [1.0, 1.0]), "home goal mean -1 is outside"),
    ],
)
def test_what_is_no_model_is_refused(call: Any, message: str) -> None:
    with pytest.raises(FootballError, match=message):
        call()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BoundsError, match="a grid of 2 x 3 is not square"):
        football.markets(np.full((2, 3), 0.1))
    with pytest.raises(BoundsError, match="4 columns are not 3"):
        football.calibrate_from_odds_batch(np.ones((2, 4)), np.ones((2, 2)))
    with pytest.raises(BoundsError, match="1 rows do not fit 2"):
        football.calibrate_from_odds_batch(np.ones((2, 3)), np.ones((1, 2)))
    with pytest.raises(BoundsError, match="odds_1x2 has 2 numbers, not 3"):
        football.calibrate_from_odds([2.0, 3.0], [1.9, 1.9])
    with pytest.raises(BoundsError, match="number of goal counts 99 is outside"):
        football.weibull_count_pmf(1.0, 1.0, count=99)


@given(
    home=means, away=means, share=st.floats(0.0, 1.0), score=st.tuples(st.integers(0, 5), st.integers(0, 5))
)
def test_in_play_without_feedback_is_the_shifted_grid(
    home: float, away: float, share: float, score: tuple[int, int]
) -> None:
    found = football.inplay(home, away, share_left=share, score=score)
    neutral = football.RateMultipliers(1.0, 1.0, 1.0, 1.0, 1.0)
    final = football.markets(
        football.inplay_markov(home, away, share_left=share, score=score, multipliers=neutral)
    )
    assert [found.home, found.draw, found.away] == pytest.approx(
        [final["home"], final["draw"], final["away"]], abs=1e-11
    )
    assert found.next_goal_home + found.next_goal_away + found.no_more_goals == pytest.approx(1.0)


def test_a_red_card_hurts() -> None:
    full = football.markets(football.inplay_markov(1.5, 1.1, share_left=0.5))
    short = football.markets(football.inplay_markov(1.5, 1.1, share_left=0.5, red_cards=(1, 0)))
    assert short["home"] < full["home"]
    assert short["away"] > full["away"]


@given(home=means, away=means, share=st.floats(0.2, 0.8))
def test_half_time_full_time_adds_up(home: float, away: float, share: float) -> None:
    table = football.half_time_full_time(home, away, first_half_share=share)
    full, half = (football.inplay(home, away, share_left=left) for left in (1.0, share))
    assert table.sum(axis=0) == pytest.approx([full.home, full.draw, full.away], abs=1e-11)
    assert table.sum(axis=1) == pytest.approx([half.home, half.draw, half.away], abs=1e-11)


def test_weibull_counts_of_shape_one_are_poisson() -> None:
    masses = football.weibull_count_pmf(1.4, 1.0, count=6)
    assert masses == pytest.approx([math.exp(-1.4) * 1.4**k / math.factorial(k) for k in range(6)], abs=1e-12)
    independent = football.weibull_frank_1x2(1.5, 1.2, shape=1.0, kappa=0.0)
    found = football.inplay(1.5, 1.2, share_left=1.0)
    assert independent == pytest.approx((found.home, found.draw, found.away), abs=1e-9)


def test_the_accuracy_bench_finds_what_a_model_put_there(tmp_path: Path) -> None:
    """Closing prices made by a model are explained by it; a row with a missing price is left out."""
    columns = ["PSCH", "PSCD", "PSCA", "PC>2.5", "PC<2.5", "PCAHH", "PCAHA", "AHCh"]
    rows = [",".join(columns)]
    for home, away, line in ((1.6, 1.1, -0.5), (2.3, 0.7, -1.75), (0.9, 1.4, 0.25)):
        model = DixonColes(home, away, -0.07)
        found, handicap = football.markets(model), football.asian_handicap(model, line).fair_probability
        over = found["total"][2.5].fair_probability
        books = [[found["home"], found["draw"], found["away"]], [over, 1 - over], [handicap, 1 - handicap]]
        prices = [price for book in books for price in margin.offered_odds(book, booksum=1.03)]
        rows.append(",".join(f"{value:.12g}" for value in [*prices, line]))
    rows.append(rows[-1].replace(rows[-1].split(",")[3], ""))
    path = tmp_path / "season.csv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    script = Path(__file__).resolve().parents[2] / "benches" / "accuracy" / "asian_handicap.py"
    run = subprocess.run([sys.executable, script, path], capture_output=True, text=True, check=True)
    name, count, *figures = run.stdout.splitlines()[-1].rsplit(maxsplit=6)
    assert (name, count) == ("all, pinnacle", "3")
    assert [abs(float(figure)) for figure in figures] == [0.0] * 5


# Boards.


def score_selections() -> list[str]:
    """Selections that the final score decides."""
    selections = []
    for name in football.board(1.5, 1.1).selections:
        try:
            settle.grade(name, (1, 1))
        except SelectionError:
            continue
        selections.append(name)
    return selections


def test_prices_are_the_expectation_of_what_settles() -> None:
    """The one idea: the fair price of a selection is the mean of its own grade over the model's scores."""
    board = football.board(1.62, 1.08, -0.08)
    grid = football.grid(1.62, 1.08, -0.08)
    selections = score_selections()
    assert len(selections) > 400
    cells = [(x, y) for x in range(len(grid)) for y in range(len(grid)) if grid[x, y] > 1e-10]
    for name in selections:
        grades = [settle.grade(name, cell) for cell in cells]
        win = sum(grade.win * grid[cell] for grade, cell in zip(grades, cells, strict=True))
        refund = sum(grade.refund * grid[cell] for grade, cell in zip(grades, cells, strict=True))
        assert board[name].fair == pytest.approx(win / (1.0 - refund), abs=1e-7), name


def test_boards_agree_with_the_markets() -> None:
    board, found = football.board(1.62, 1.08, -0.08), football.markets(DixonColes(1.62, 1.08, -0.08))
    assert board["1x2/draw"].fair == pytest.approx(found["draw"], abs=1e-10)
    assert board["handicap:-0.25/home"].fair == pytest.approx(
        found["handicap"][-0.25].fair_probability, abs=1e-10
    )
    assert board["total:3/under"].fair == pytest.approx(
        found["total"][3.0].opposite.fair_probability, abs=1e-10
    )
    assert board["home_total:1.5/over"].fair == pytest.approx(found["home_total"][1.5].win, abs=1e-10)


@settings(max_examples=25)
@given(
    home=means,
    away=means,
    rho=st.floats(-0.1, 0.05),
    method=st.sampled_from(margin.METHODS),
    booksum=st.floats(1.0, 1.2),
    ladder=st.sampled_from(odds.LADDERS),
)
def test_offered_odds_are_on_the_ladder_and_never_above_the_fair_ones(
    home: float,
    away: float,
    rho: float,
    method: margin.Method,
    booksum: float,
    ladder: odds.LadderName,
) -> None:
    board = football.board(home, away, rho, margin=(method, booksum), ladder=ladder)
    offered = np.isfinite(board.odds)
    # With 0.2 goals a side and a booksum of 1.19, 504 of 1,012 selections have a price that may be offered.
    assert offered.sum() > len(board) // 4
    assert (board.odds[offered] <= 1.0 / board.fair[offered] + 1e-9).all()
    assert (odds.Ladder(ladder).down(board.odds[offered]) == board.odds[offered]).all()
    fair_1x2 = [board[f"1x2/{name}"].fair for name in ("home", "draw", "away")]
    assert sum(fair_1x2) == pytest.approx(1.0, abs=1e-9)
    shown = [price.odds for price in board.market("1x2").values()]
    if np.isfinite(shown).all() and booksum > 1.0:
        assert sum(1.0 / price for price in shown) >= booksum - 1e-9


def test_boards_know_their_selections() -> None:
    board = football.board(1.5, 1.1)
    assert len(board) == len(board.selections) == len(set(board.selections)) == len(board.fair)
    assert list(board.market("1x2")) == ["home", "draw", "away"]
    with pytest.raises(UnknownNameError, match="market 'no_such_market' is not one of 313"):
        board.market("no_such_market")
    with pytest.raises(KeyError, match=r"(?s)1x2/homer.*hint: did you mean 1x2/home\?"):
        board["1x2/homer"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"margin": ("shinn", 1.05)}, MarginError, "margin method"),
        ({"margin": ("shin", 0.99)}, BoundsError, r"booksum 0\.99 is outside 1\.\.=2"),
        ({"ladder": "coarse"}, BoundsError, 'ladder "coarse" is none of'),
        ({"rho": 3.0}, FootballError, "rho 3 is outside"),
    ],
)
def test_boards_refuse_what_does_not_exist(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        football.board(1.5, 1.1, **options)


def test_what_a_notebook_shows() -> None:
    model = DixonColes(1.5757636699074, 1.1530201358144, -0.084555051566209)
    assert repr(model) == "DixonColes(lambda_home=1.5758, lambda_away=1.153, rho=-0.0846)"
    assert eval(repr(model)) == DixonColes(lambda_home=1.5758, lambda_away=1.153, rho=-0.0846)
    assert "<td>46.1 %</td>" in model._repr_html_()
    assert "<table>" in football.board(1.5, 1.1)._repr_html_()
    assert model.supremacy + 2 * model.lambda_away == pytest.approx(model.total)
    assert model.rho_bounds[0] < model.rho < model.rho_bounds[1]
    with pytest.raises(AttributeError):
        model.rho = 0.0  # type: ignore[misc]
