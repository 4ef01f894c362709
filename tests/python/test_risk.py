"""The book on the score grid, stakes and skew."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import football, risk, settle
from oddsengine.exceptions import BoundsError, FootballError, SelectionError

SELECTIONS = [
    "1x2/home",
    "1x2/draw",
    "total:2.5/over",
    "total:2.25/under",
    "handicap:-0.25/home",
    "handicap:0.75/away",
    "correct_score/1-1",
    "both_score/yes",
    "result_total:2.5/home/over",
]
bets = st.lists(
    st.tuples(
        st.sampled_from(SELECTIONS),
        st.integers(10_100, 300_000).map(lambda e4: e4 / 10_000),
        st.integers(1, 10**7),
    ),
    max_size=6,
)


@given(accepted=bets)
def test_every_bet_counts_as_it_would_settle(accepted: list[risk.Bet]) -> None:
    book = risk.book(accepted, lambda_home=1.5, lambda_away=1.1, size=6)
    for home in range(6):
        for away in range(6):
            paid = [settle.grade(selection, (home, away)) for selection, _, _ in accepted]
            expected = 0
            for (_, odds, stake_minor), grade in zip(accepted, paid, strict=True):
                share = Fraction(grade.win) * round(odds * 10_000) / 10_000 + Fraction(grade.refund)
                expected += stake_minor - math.floor(stake_minor * share)
            assert book.pnl_minor[home, away] == expected
    assert book.worst_minor == book.pnl_minor.min()
    assert book.best_minor == book.pnl_minor.max()
    assert book.expected_minor == pytest.approx((book.pnl_minor * book.probabilities).sum(), abs=1e-4)


@given(accepted=bets, tail=st.floats(0.001, 0.999))
def test_the_measures_of_the_tail(accepted: list[risk.Bet], tail: float) -> None:
    book = risk.book(accepted, lambda_home=1.7, lambda_away=0.9, rho=-0.06, tail=tail)
    pnl, p = book.pnl_minor.ravel(), book.probabilities.ravel()
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert p[pnl <= -book.value_at_risk_minor].sum() >= tail - 1e-12
    assert p[pnl < -book.value_at_risk_minor].sum() <= tail + 1e-12
    assert book.value_at_risk_minor <= book.expected_shortfall_minor + 1e-6 * (1 + abs(book.worst_minor))
    assert book.expected_shortfall_minor <= -book.worst_minor + 1e-6 * (1 + abs(book.worst_minor))
    order = pnl.argsort(kind="stable")
    taken = np.diff(np.minimum(p[order].cumsum(), tail), prepend=0.0)
    shortfall = -(pnl[order] * taken).sum() / tail
    assert book.expected_shortfall_minor == pytest.approx(shortfall, rel=1e-6, abs=1e-3)


def test_an_empty_book_is_zero() -> None:
    book = risk.book([], lambda_home=1.5, lambda_away=1.1)
    assert not book.pnl_minor.any()
    assert (book.worst_minor, book.expected_minor, book.expected_shortfall_minor) == (0, 0.0, 0.0)
    assert repr(book) == "<Book on 11 x 11 scores, expected 0, worst 0, best 0>"


def test_the_expectation_is_what_the_prices_say() -> None:
    """At fair odds a bet is worth nothing: price and liability come from one grade."""
    for selection in SELECTIONS:
        fair = football.board(1.5, 1.1, -0.06)[selection].fair
        odds = round(1.0 / fair, 4)
        accepted = [(selection, odds, 10**9)]
        book = risk.book(accepted, lambda_home=1.5, lambda_away=1.1, rho=-0.06, size=24)
        # Odds of four decimals leave half a ten-thousandth.
        assert abs(book.expected_minor) < 10**9 * 6e-5


def test_what_cannot_be_booked_is_refused() -> None:
    for accepted, error, message in (
        ([("1x2/homer", 2.0, 100)], SelectionError, "has no selection"),
        ([("1x2.h1/home", 2.0, 100)], SelectionError, "does not depend on the final score alone"),
        ([("first_goal/home", 2.0, 100)], SelectionError, "does not depend on the final score alone"),
        ([("1x2/home", 1.0, 100)], BoundsError, "are outside"),
        ([("1x2/home", 2.0, 0)], BoundsError, "stake in minor units 0 is outside"),
    ):
        with pytest.raises(error, match=message):
            risk.book(accepted, lambda_home=1.5, lambda_away=1.1)
    for options in ({"tail": 0.0}, {"tail": math.nan}, {"tail": 1.0}):
        with pytest.raises(BoundsError, match="tail"):
            risk.book([], lambda_home=1.5, lambda_away=1.1, **options)
    with pytest.raises(FootballError, match="grid size"):
        risk.book([], lambda_home=1.5, lambda_away=1.1, size=1)


@given(
    pnl=st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=6),
    odds_e4=st.integers(10_100, 100_000),
    limit=st.integers(0, 10**6),
    data=st.data(),
)
def test_the_largest_stake_reaches_the_limit_and_no_further(
    pnl: list[int], odds_e4: int, limit: int, data: st.DataObject
) -> None:
    outcome = data.draw(st.integers(0, len(pnl) - 1))
    odds = odds_e4 / 10_000
    stake = risk.max_stake(pnl, outcome, odds, loss_minor_max=limit)

    def loss(stake_minor: int) -> Fraction:
        return Fraction(stake_minor * (odds_e4 - 10_000), 10_000) - pnl[outcome]

    if stake > 0:
        assert loss(stake) <= limit
    assert loss(stake + 1) > limit
    half = risk.max_stake(pnl, outcome, odds, loss_minor_max=limit, customer_factor=0.5)
    assert half == stake // 2
    assert risk.max_stake(pnl, outcome, odds, loss_minor_max=limit, customer_factor=0.0) == 0


def test_stakes_refuse_what_is_out_of_bounds() -> None:
    for arguments, options, message in (
        (([], 0, 2.0), {"loss_minor_max": 1}, "number of outcomes"),
        (([0, 0], 2, 2.0), {"loss_minor_max": 1}, "outcome 2 is outside"),
        (([0, 0], 0, 1.0), {"loss_minor_max": 1}, "are outside"),
        (([0, 0], 0, 2.0), {"loss_minor_max": -1}, "largest loss"),
        (([0, 0], 0, 2.0), {"loss_minor_max": 1, "customer_factor": math.nan}, "customer factor"),
    ):
        with pytest.raises(BoundsError, match=message):
            risk.max_stake(*arguments, **options)  # type: ignore[arg-type]


@given(
    weights=st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8),
    b_minor=st.floats(1e4, 1e8),
    data=st.data(),
)
def test_skewed_prices_stay_probabilities_and_follow_the_liability(
    weights: list[float], b_minor: float, data: st.DataObject
) -> None:
    prior = [weight / sum(weights) for weight in weights]
    size = len(prior)
    payouts = data.draw(st.lists(st.integers(-(10**5), 10**5), min_size=size, max_size=size))
    prices = risk.skewed_prices(prior, payouts, b_minor=b_minor)
    assert prices.sum() == pytest.approx(1.0, abs=1e-12)
    assert (prices > 0.0).all()
    ratio = np.log(prices) - np.log(prior) - np.array(payouts) / b_minor
    assert ratio == pytest.approx(np.full(size, ratio[0]), abs=1e-9)


def test_skew_refuses_what_is_no_probability() -> None:
    for prior, payouts, b_minor in (
        ([0.5, 0.4], [0, 0], 1.0),
        ([0.5, 0.5], [0], 1.0),
        ([0.5, 0.5], [0, 0], 0.0),
        ([1.5, -0.5], [0, 0], 1.0),
        ([], [], 1.0),
    ):
        with pytest.raises(BoundsError):
            risk.skewed_prices(prior, payouts, b_minor=b_minor)
