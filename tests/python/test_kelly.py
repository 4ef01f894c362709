"""Kelly stakes against searches that share nothing with them: every joint outcome listed, and growth climbed
by pattern search.
"""

import itertools
import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddsengine import kelly
from oddsengine.exceptions import BoundsError, FitError

FloatArray = npt.NDArray[np.float64]


def joint_outcomes(probabilities: FloatArray, odds: FloatArray) -> tuple[list[float], list[list[float]]]:
    """Every joint outcome of independent markets, one a row: its chance, and the return of each selection."""
    rows, wide = probabilities.shape
    chances, returns = [], []
    for winners in itertools.product(range(wide + 1), repeat=rows):
        chance, back = 1.0, [0.0] * (rows * wide)
        for row, winner in enumerate(winners):
            chance *= (
                probabilities[row, winner] if winner < wide else max(0.0, 1.0 - probabilities[row].sum())
            )
            if winner < wide:
                back[row * wide + winner] = odds[row, winner]
        if chance > 0.0:
            chances.append(chance)
            returns.append(back)
    return chances, returns


def growth_of(stakes: list[float], chances: list[float], returns: list[list[float]]) -> float:
    total = 0.0
    kept = 1.0 - sum(stakes)
    for chance, back in zip(chances, returns, strict=True):
        wealth = kept + sum(stake * each for stake, each in zip(stakes, back, strict=True))
        if wealth <= 0.0:
            return -math.inf
        total += chance * math.log(wealth)
    return total


def climbed(
    chances: list[float], returns: list[list[float]], stake_max: float = 1.0, total_max: float = 1.0
) -> list[float]:
    """Stakes by pattern search in plain floats: one stake up or down, or moved to another, by ever smaller
    steps.
    """
    count = len(returns[0])
    stakes, best = [0.0] * count, 0.0
    step = 0.25
    while step > 1e-9:
        is_better = False
        moves = [{place: sign * step} for place in range(count) for sign in (1, -1)]
        moves += [{up: step, down: -step} for up in range(count) for down in range(count) if up != down]
        for move in moves:
            tried = [stake + move.get(place, 0.0) for place, stake in enumerate(stakes)]
            if min(tried) < 0.0 or max(tried) > stake_max or sum(tried) > min(total_max, 1.0 - 1e-7):
                continue
            found = growth_of(tried, chances, returns)
            if found > best:
                stakes, best, is_better = tried, found, True
        if not is_better:
            step *= 0.5
    return stakes


MARKETS = [
    ([[0.55], [0.4]], [[2.0], [3.0]]),
    ([[0.5, 0.27, 0.23]], [[2.15, 3.6, 3.8]]),
    ([[0.5, 0.27, 0.23], [0.4, 0.3, 0.3]], [[2.15, 3.6, 3.8], [2.8, 3.2, 2.9]]),
    ([[0.6, 0.2], [0.35, 0.4], [0.52, 0.3]], [[1.75, 5.5], [3.1, 2.4], [2.0, 3.4]]),
    ([[0.3]] * 4, [[3.7]] * 4),
]
LIMITS = [(1.0, 1.0), (0.05, 1.0), (1.0, 0.06), (0.04, 0.07)]


@pytest.mark.parametrize(("probabilities", "odds"), MARKETS)
@pytest.mark.parametrize(("stake_max", "total_max"), LIMITS)
def test_simultaneous_stakes_are_those_of_a_climb_over_every_joint_outcome(
    probabilities: list[list[float]], odds: list[list[float]], stake_max: float, total_max: float
) -> None:
    p, o = np.array(probabilities), np.array(odds)
    found = kelly.simultaneous(p, o, stake_max=stake_max, total_max=total_max)
    chances, returns = joint_outcomes(p, o)
    wanted = climbed(chances, returns, stake_max, total_max)
    # Where the top is flat the stakes are told apart by their growth.
    assert growth_of(found.ravel().tolist(), chances, returns) >= growth_of(wanted, chances, returns) - 1e-13
    assert found.ravel() == pytest.approx(wanted, abs=2e-5)
    assert found.max() <= stake_max + 1e-12
    assert found.sum() <= total_max + 1e-12
    assert kelly.growth(found, p, o) == pytest.approx(
        growth_of(found.ravel().tolist(), chances, returns), abs=1e-13
    )


@pytest.mark.parametrize(("stake_max", "total_max"), LIMITS)
@pytest.mark.parametrize(
    ("p", "odds"),
    [
        ([0.5, 0.27, 0.23], [2.15, 3.6, 3.8]),
        ([0.3, 0.3, 0.4], [2.15, 3.6, 3.8]),
        ([0.5, 0.2], [2.3, 3.0]),
        ([0.1, 0.2, 0.3, 0.15], [12.0, 5.1, 3.0, 7.5]),
    ],
)
def test_exclusive_stakes_are_those_of_a_climb(
    p: list[float], odds: list[float], stake_max: float, total_max: float
) -> None:
    found = kelly.exclusive(p, odds, stake_max=stake_max, total_max=total_max)
    chances, returns = joint_outcomes(np.array([p]), np.array([odds]))
    wanted = climbed(chances, returns, stake_max, total_max)
    assert growth_of(found.tolist(), chances, returns) >= growth_of(wanted, chances, returns) - 1e-13
    assert found == pytest.approx(wanted, abs=2e-5)


books = st.lists(st.tuples(st.floats(0.02, 1.0), st.floats(0.85, 1.2)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(books, min_size=1, max_size=3), st.sampled_from(LIMITS))
def test_no_small_move_of_the_stakes_grows_faster(
    markets: list[list[tuple[float, float]]], limits: tuple[float, float]
) -> None:
    """The conditions of an optimum, over random markets: probabilities by weight, odds at a bias of -15 to 20
    %.
    """
    wide = max(map(len, markets))
    p, o = np.full((len(markets), wide), np.nan), np.full((len(markets), wide), np.nan)
    for row, market in enumerate(markets):
        total = sum(weight for weight, _ in market) * 1.05
        for place, (weight, bias) in enumerate(market):
            p[row, place] = weight / total
            o[row, place] = min(500.0, max(1.01, bias * total / weight))
    stake_max, total_max = limits
    found = kelly.simultaneous(p, o, stake_max=stake_max, total_max=total_max)
    assert (np.isnan(found) == np.isnan(p)).all()
    stakes = np.nan_to_num(found)
    # The search keeps a millionth of the bankroll.
    assert stakes.sum() <= min(total_max, 1.0 - 1e-6) + 1e-12
    chances, returns = joint_outcomes(np.nan_to_num(p), np.where(np.isnan(o), 2.0, o))
    best = growth_of(stakes.ravel().tolist(), chances, returns)
    assert best >= -1e-15
    there = np.flatnonzero(~np.isnan(p.ravel()))
    for up in there:
        for down in [None, *there]:
            for size in (1e-3, 1e-5):
                moved = stakes.ravel().copy()
                moved[up] += size
                if down is not None:
                    moved[down] -= size
                if (
                    moved.min() >= 0.0
                    and moved.max() <= stake_max
                    and moved.sum() <= min(total_max, 1.0 - 1e-6)
                ):
                    assert growth_of(moved.tolist(), chances, returns) <= best + 1e-12
        moved = stakes.ravel().copy()
        moved[up] -= 1e-4
        if moved.min() >= 0.0:
            assert growth_of(moved.tolist(), chances, returns) <= best + 1e-12


@settings(max_examples=100, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(1.01, 50.0), st.floats(0.0, 0.999999))
def test_one_bet_has_one_stake_whichever_function_is_asked(p: float, odds: float, push: float) -> None:
    # Nearer to a certain push nothing but rounding is left of the chances to win and to lose.
    p *= 1.0 - push
    alone = float(kelly.single(p, odds, push=push))
    listed = kelly.scenarios([p, push, max(0.0, 1.0 - p - push)], [odds, 1.0, 0.0])
    assert listed[0] == pytest.approx(alone, abs=2e-6)
    if push == 0.0:
        assert kelly.exclusive([p], [odds])[0] == pytest.approx(alone, abs=1e-12)
        assert kelly.simultaneous([p], [odds])[0] == pytest.approx(alone, abs=2e-6)
        if alone > 0.0:
            assert kelly.implied_probability(alone, odds) == pytest.approx(p, abs=1e-12)


def test_a_fraction_scales_and_limits_are_those_of_the_stakes_that_come_out() -> None:
    p, odds = [0.55, 0.4, 0.3], [2.0, 3.0, 4.2]
    full = kelly.simultaneous(p, odds)
    assert kelly.simultaneous(p, odds, fraction=0.25) == pytest.approx(0.25 * full, abs=1e-12)
    limited = kelly.simultaneous(p, odds, fraction=0.5, stake_max=0.03)
    assert limited.max() == pytest.approx(0.03, abs=1e-12)
    # The rest makes up for what the limit takes, so it is more than a cut of the unlimited stakes.
    free = limited < 0.03 - 1e-9
    assert (limited[free] >= 0.5 * full[free]).all()
    assert kelly.exclusive(
        [0.5, 0.27, 0.23], [2.15, 3.6, 3.8], fraction=0.5, total_max=0.02
    ).sum() == pytest.approx(0.02)


def test_markets_without_value_and_absent_selections() -> None:
    found = kelly.simultaneous(
        [[0.5, 0.5], [0.6, np.nan], [np.nan, np.nan]], [[1.9, 1.9], [1.8, 3.0], [2.0, 2.0]]
    )
    assert found[0].tolist() == [0.0, 0.0]
    assert found[1, 0] > 0.0
    assert np.isnan(found[1, 1])
    assert np.isnan(found[2]).all()
    assert kelly.simultaneous([0.5, 0.5], [2.0, 1.9]).tolist() == [0.0, 0.0]
    assert kelly.simultaneous(np.empty(0), np.empty(0)).shape == (0,)


def test_more_bets_than_outcomes_could_be_listed() -> None:
    """Forty even bets: 2^40 joint outcomes. By symmetry all stakes are one, found over the forty-one counts
    of winners.
    """
    found = kelly.simultaneous(np.full(40, 0.505), np.full(40, 2.0))
    assert np.ptp(found) < 1e-12
    weights = [math.comb(40, won) * 0.505**won * 0.495 ** (40 - won) for won in range(41)]

    def slope(stake: float) -> float:
        return sum(w * (2 * won - 40) / (1 + stake * (2 * won - 40)) for won, w in enumerate(weights))

    low, high = 0.0, 1.0 / 40 - 1e-9
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    assert found[0] == pytest.approx(low, abs=1e-9)


def test_every_opportunity_that_cannot_lose_is_taken_but_for_the_reserve() -> None:
    assert kelly.exclusive([0.5, 0.5], [2.1, 2.1]).tolist() == [0.5, 0.5]
    assert kelly.simultaneous([[0.5, 0.5]], [[2.1, 2.1]]).sum() == pytest.approx(1.0, abs=2e-6)
    assert float(kelly.single(1.0, 1.5)) == 1.0
    assert kelly.simultaneous([1.0], [1.5])[0] == pytest.approx(1.0, abs=2e-6)


def test_certain_bets_that_are_as_good_as_each_other_share_the_bankroll() -> None:
    """The search met a singular matrix: any division between them grows as fast."""
    found = kelly.simultaneous([1.0, 1.0, 1.0], [2.0, 2.0, 1.5])
    assert found[:2].sum() == pytest.approx(1.0, abs=1e-5)
    assert found[2] == pytest.approx(0.0, abs=1e-5)


def test_odds_of_any_size_are_stakes_or_a_refusal_without_a_warning() -> None:
    """Odds of 1e300 overflowed on the way."""
    rng = np.random.default_rng(5)
    chances, prices = (
        [0.0, 1e-300, 1e-12, 0.1, 0.5, 1.0, np.nan],
        [1.0000001, 1.5, 2.0, 1e6, 1e18, 1e300, np.nan],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(150):
            count, wide = rng.integers(1, 5), rng.integers(1, 4)
            p, o = rng.choice(chances, (count, wide)) / wide, rng.choice(prices, (count, wide))
            try:
                found = np.nan_to_num(kelly.simultaneous(p, o, stake_max=rng.choice([1.0, 1e-9])))
            except FitError:
                continue
            assert found.min() >= 0.0
            assert found.sum() <= 1.0 + 1e-9


def test_a_frame_in_is_a_frame_out() -> None:
    pd = pytest.importorskip("pandas")
    fair = pd.DataFrame({"home": [0.5, 0.3], "draw": [0.27, 0.3], "away": [0.23, 0.4]}, index=["one", "two"])
    odds = [2.15, 3.6, 3.8]
    for function in (kelly.exclusive, kelly.simultaneous):
        found = function(fair, odds)
        assert list(found.columns) == ["home", "draw", "away"]
        assert list(found.index) == ["one", "two"]
        assert (found.to_numpy() == function(fair.to_numpy(), odds)).all()


def test_a_batch_is_not_stopped_by_a_row() -> None:
    bad = [[0.5, 0.27, 0.23], [0.8, 0.3, 0.1], [0.3, 0.3, 0.4]]
    odds = [2.15, 3.6, 3.8]
    with pytest.raises(BoundsError, match=r"probabilities sum to 1\.2") as caught:
        kelly.exclusive(bad, odds)
    assert caught.value.__notes__ == ["in row 1"]
    found = kelly.exclusive(bad, odds, errors="nan")
    assert np.isnan(found[1]).all()
    assert (found[[0, 2]] == kelly.exclusive([bad[0], bad[2]], odds)).all()
    assert np.isnan(kelly.single([0.5, 1.5, np.nan], 2.2, errors="nan")).tolist() == [False, True, True]
    assert np.isnan(kelly.single([0.5, np.nan], 2.2)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kelly.single(0.5, 1.0), "odds 1.0 are not above 1"),
        (lambda: kelly.single(1.5, 2.0), "probability 1.5 is outside 0..=1"),
        (lambda: kelly.single(0.7, 2.0, push=0.5), "sum to more than 1"),
        (lambda: kelly.single(0.5, 2.0, fraction=0.0), "fraction 0.0 is not above 0"),
        (lambda: kelly.single(0.5, 2.0, stake_max=1.5), "stake_max 1.5"),
        (lambda: kelly.single(0.5, 2.0, errors="nam"), "errors 'nam' is none of raise, nan"),  # type: ignore[arg-type]
        (lambda: kelly.exclusive([0.5, 0.5], [2.0, 0.5]), "odds 0.5 of selection 1"),
        (lambda: kelly.exclusive([0.5, 0.5], [2.0, 2.0, 2.0]), "do not fit"),
        (lambda: kelly.simultaneous(np.full(501, 0.55), np.full(501, 2.0)), "501, is outside 0..=500"),
        (lambda: kelly.scenarios([0.5, 0.4], [2.0, 0.0]), "sum to 0.9"),
        (lambda: kelly.scenarios([0.5, 0.5], [2.0, -0.5]), "return -0.5"),
        (lambda: kelly.scenarios([0.5, 0.5], [2.0, 0.5, 0.0]), "3 rows of returns"),
        (lambda: kelly.growth([0.6, 0.6], [0.5, 0.5], [2.0, 2.0]), "are no shares of 1"),
        (lambda: kelly.growth([0.6], [0.5, 0.5], [2.0, 2.0]), "1 stakes do not fit 2"),
        (lambda: kelly.implied_probability(0.5, 2.0, fraction=0.25), "outside 0..=0.25"),
    ],
)
def test_refusals_name_the_value(call: object, message: str) -> None:
    with pytest.raises(BoundsError, match=message.replace(".", r"\.").replace("(", r"\(")):
        call()  # type: ignore[operator]
