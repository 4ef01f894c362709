"""The calls that quants and traders make most, from Python.

`pytest benches/python/bench_pricing.py --benchmark-enable` times them.

Every bench checks its answer before it is timed. A batch's time is for all of its rows, which the name tells.
Without `--benchmark-enable` each runs once, as a test.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from oddsengine import football, kelly, margin, metrics, odds, risk, settle

BOOKS = 10_000
MATCHES = 2_000
Benchmark = Callable[..., Any]


def make_books(outcomes: int) -> np.ndarray:
    """Books with a margin of 6 % and no extreme price, always the same."""
    shares = np.random.default_rng(1).dirichlet(np.full(outcomes, 6.0), size=BOOKS).clip(0.02)
    return 1.0 / (shares / shares.sum(axis=1, keepdims=True) * 1.06)


BOOKS_OF = {outcomes: make_books(outcomes) for outcomes in (3, 20)}


@pytest.mark.parametrize("outcomes", [3, 20])
@pytest.mark.parametrize("method", ["multiplicative", "power", "odds_ratio", "shin", "probit"])
def test_fair_probabilities_of_one_book(benchmark: Benchmark, method: margin.Method, outcomes: int) -> None:
    """One price change of one market, from a list."""
    book = BOOKS_OF[outcomes][0].tolist()
    fair = benchmark(margin.fair_probabilities, book, method=method)
    assert sum(fair) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("outcomes", [3, 20])
@pytest.mark.parametrize("method", ["multiplicative", "power", "odds_ratio", "shin", "probit"])
def test_fair_probabilities_of_10_000_books(
    benchmark: Benchmark, method: margin.Method, outcomes: int
) -> None:
    """A back-test: all books of some seasons in one call."""
    fair = benchmark(margin.fair_probabilities, BOOKS_OF[outcomes], method=method)
    assert np.abs(fair.sum(axis=1) - 1.0).max() < 1e-12


def test_basket_of_one_match(benchmark: Benchmark) -> None:
    """190 probabilities of a match."""
    basket = benchmark(football.basket, 1.62, 1.08, -0.08)
    assert basket[0] == pytest.approx(0.48983702483099, abs=1e-9)


def test_basket_of_2_000_matches(benchmark: Benchmark) -> None:
    """190 probabilities of each match of a weekend's grid of scenarios."""
    rng = np.random.default_rng(2)
    home, away = rng.uniform(0.5, 2.8, MATCHES), rng.uniform(0.4, 2.4, MATCHES)
    baskets = benchmark(football.basket, home, away, -0.06)
    assert np.abs(baskets[:, :3].sum(axis=1) - 1.0).max() < 1e-12


def test_calibration_of_one_match(benchmark: Benchmark) -> None:
    """Goals and rho from 1X2 and over/under 2.5: each time the market moves."""
    model = benchmark(football.calibrate, 0.4612, 0.2701, 0.2687, 0.5134)
    assert model.lambda_home == pytest.approx(1.5757636699074, abs=1e-8)


def test_calibration_of_2_000_matches(benchmark: Benchmark) -> None:
    """The same from odds, for a season's worth of matches in one call."""
    odds_1x2, odds_total = np.tile([2.1, 3.45, 3.8], (MATCHES, 1)), np.tile([1.95, 1.93], (MATCHES, 1))
    fitted = benchmark(football.calibrate_from_odds_batch, odds_1x2, odds_total, method="power")
    assert fitted.lambda_home == pytest.approx(np.full(MATCHES, 1.5632253839653), abs=1e-8)


def test_markets_of_one_match(benchmark: Benchmark) -> None:
    """Every market on the score as Python objects: for notebooks, not for the price path."""
    found = benchmark(football.markets, football.DixonColes(1.62, 1.08, -0.08))
    assert found["both_score"] == pytest.approx(0.53911790921835, abs=1e-9)


def test_board_of_one_match(benchmark: Benchmark) -> None:
    """A whole board without an engine: model, all selections, margin, ladder."""
    board = benchmark(football.board, 1.62, 1.08, -0.08)
    assert board["1x2/home"].fair == pytest.approx(0.48983702483099, abs=1e-9)


def test_in_play_markov(benchmark: Benchmark) -> None:
    """The final scores when the score changes the rates."""
    grid = benchmark(football.inplay_markov, 1.5, 1.1, share_left=0.5)
    assert grid.sum() == pytest.approx(1.0, abs=1e-10)


def test_snap_with_a_minimum_margin(benchmark: Benchmark) -> None:
    """A 1X2 market on the exchange's ladder."""
    raw = margin.offered_odds([0.47, 0.27, 0.26], booksum=1.05)
    snapped = benchmark(odds.snap_min_margin, raw, booksum_min=1.05)
    assert snapped.odds.tolist() == [2.02, 3.55, 3.65]


def test_book_of_100_bets(benchmark: Benchmark) -> None:
    """Profit and loss on 121 scores and its tail, from scratch."""
    selections = ["1x2/home", "total:2.5/over", "handicap:-0.25/home", "correct_score/1-1", "both_score/yes"]
    bets = [(selections[index % 5], 1.9 + index / 100, 1_000 + index) for index in range(100)]
    book = benchmark(risk.book, bets, lambda_home=1.5, lambda_away=1.1)
    assert book.worst_minor == book.pnl_minor.min()


def test_settlement_of_one_line(benchmark: Benchmark) -> None:
    """What a quarter line returns."""
    assert benchmark(settle.return_per_unit, "total:2.75/over", 1.93, (2, 1)) == 1.465


def test_kelly_of_10_000_markets(benchmark: Benchmark) -> None:
    """A back-test: stakes on every 1X2 of some seasons, one after the other."""
    fair = margin.fair_probabilities(BOOKS_OF[3], method="power")
    stakes = benchmark(kelly.exclusive, fair, BOOKS_OF[3] * 1.08)
    assert stakes.shape == (BOOKS, 3)
    assert kelly.exclusive(fair[7], BOOKS_OF[3][7] * 1.08) == pytest.approx(stakes[7])


def test_kelly_of_a_matchday(benchmark: Benchmark) -> None:
    """Ten matches that are open at the same time: 4^10 joint outcomes, none of them listed."""
    fair = margin.fair_probabilities(BOOKS_OF[3][:10], method="power")
    stakes = benchmark(kelly.simultaneous, fair, BOOKS_OF[3][:10] * 1.08, fraction=0.5)
    assert 0.0 < stakes.sum() <= 0.5


def test_closing_value_of_2_000_moved_lines(benchmark: Benchmark) -> None:
    """A season of bets on handicaps whose lines have moved."""
    rng = np.random.default_rng(3)
    lines, moves = rng.integers(-6, 7, MATCHES) / 4, rng.integers(-1, 2, MATCHES) / 4
    odds_close, odds_total = np.tile([1.95, 1.93], (MATCHES, 1)), np.tile([1.9, 1.98], (MATCHES, 1))
    value = benchmark(
        metrics.moved_line_value,
        np.full(MATCHES, 1.97),
        lines + moves,
        np.zeros(MATCHES, dtype=int),
        market="handicap",
        closing_line=lines,
        closing_odds=odds_close,
        closing_total_line=np.full(MATCHES, 2.75),
        closing_total_odds=odds_total,
    )
    # The more goals are added to home, the more the bet is worth.
    assert value.each[moves > 0].min() > value.each[moves == 0].max() > value.each[moves < 0].max()


LUCKY_LEGS = [(2.5, "won"), (3.0, "lost"), (1.8, "won"), (4.0, "void")]


def test_lucky_15(benchmark: Benchmark) -> None:
    """One ticket of 15 lines, as a till settles it."""
    plan = settle.plan("lucky15", 4, stake_minor=100)
    assert benchmark(plan.payout, LUCKY_LEGS) == 1_860


def test_lucky_15_of_10_000(benchmark: Benchmark) -> None:
    """A day's tickets of one plan in one call."""
    plan = settle.plan("lucky15", 4, stake_minor=100)
    rng = np.random.default_rng(3)
    odds = rng.integers(110, 2_000, (BOOKS, 4)) / 100
    grades = rng.integers(0, 3, (BOOKS, 4)).astype(np.uint8)
    paid = benchmark(plan.payouts, odds, grades)
    names = list(settle.GRADES)
    for row in range(0, BOOKS, 997):
        legs = [(price, names[grade]) for price, grade in zip(odds[row], grades[row], strict=True)]
        assert paid[row] == plan.payout(legs)


@pytest.mark.parametrize(("name", "legs", "wanted"), [("goliath", 8, 181_435_500), ("lucky63", 6, 2_015_900)])
def test_a_large_system(benchmark: Benchmark, name: str, legs: int, wanted: int) -> None:
    """247 and 63 lines, all legs won."""
    plan = settle.plan(name, legs, stake_minor=100)
    assert benchmark(plan.payout, [(float(leg + 2), "won") for leg in range(legs)]) == wanted


def test_each_way_lucky_15(benchmark: Benchmark) -> None:
    """30 lines over win and place parts that were made before."""
    plan = settle.plan("lucky15", 4, stake_minor=100, parts="each_way")
    legs = [settle.leg(odds, position=2, places=3, fraction="1/5") for odds in (6.0, 11.0, 4.5, 8.0)]
    # 2 x 3 x 1.7 x 2.4 and so on: the place parts alone return.
    assert benchmark(plan.payout, legs) == int(100 * (3 * 4 * 2.7 * 3.4 - 1))
