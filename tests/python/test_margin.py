"""Margins: invariants, shapes, errors, and the faults that other libraries have here."""

import inspect
import math
import pickle
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from oddsengine import margin
from oddsengine.exceptions import BoundsError, MarginError, OddsEngineError

ALWAYS_INSIDE = ("multiplicative", "power", "odds_ratio")
NEEDS_MARGIN = ("shin", "balanced_book", "goto")
SMALL = [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 15.0, 30.0]


@st.composite
def books(draw: st.DrawFn, *, over_round: bool = False) -> list[float]:
    """Odds of 2 to 24 selections with a booksum of 1.001 to 1.3, or 0.9 to 1.3."""
    weights = draw(st.lists(st.floats(0.02, 1.0), min_size=2, max_size=24))
    booksum = draw(st.floats(1.001 if over_round else 0.9, 1.3))
    odds = [sum(weights) / (weight * booksum) for weight in weights]
    assume(min(odds) > 1.02)
    return odds


def fair_or_refused(odds: list[float], method: Any) -> list[float]:
    """Fair probabilities; an example that the method may refuse is not one."""
    refused = None
    try:
        return margin.fair_probabilities(odds, method=method)
    except MarginError as error:
        refused = error.code
    assert refused in ("under_round", "negative_probability", "probability_above_one")
    assert method not in ("power", "odds_ratio")
    reject()


@pytest.mark.parametrize("method", margin.METHODS)
@given(odds=books(over_round=True))
def test_fair_probabilities_are_probabilities_in_the_order_of_the_prices(
    method: margin.Method, odds: list[float]
) -> None:
    fair = fair_or_refused(odds, method)
    assert math.isclose(sum(fair), 1.0, abs_tol=1e-12)
    assert all(0.0 < probability < 1.0 for probability in fair)
    by_price = [probability for _, probability in sorted(zip(odds, fair, strict=True))]
    assert all(longer <= shorter + 1e-15 for shorter, longer in pairwise(by_price))


@pytest.mark.parametrize("method", margin.METHODS)
@given(odds=books(over_round=True), random=st.randoms(use_true_random=False))
def test_the_order_of_the_selections_does_not_matter(
    method: margin.Method, odds: list[float], random: Any
) -> None:
    fair = fair_or_refused(odds, method)
    order = list(range(len(odds)))
    random.shuffle(order)
    shuffled = margin.fair_probabilities([odds[place] for place in order], method=method)
    assert shuffled == pytest.approx([fair[place] for place in order], abs=1e-12)


@pytest.mark.parametrize("method", margin.METHODS)
@given(odds=books(over_round=True))
def test_applying_the_margin_gives_the_odds_back(method: margin.Method, odds: list[float]) -> None:
    fair = fair_or_refused(odds, method)
    booksum = sum(1.0 / price for price in odds)
    offered = margin.offered_odds(fair, method=method, booksum=booksum)
    # The Jensen-Shannon distance loses half of its digits where it is near 0.
    relative = 1e-6 if method == "jensen_shannon" else 1e-9
    assert offered == pytest.approx(odds, rel=relative)


@pytest.mark.parametrize("method", margin.METHODS)
def test_a_book_without_margin_stays(method: margin.Method) -> None:
    fair = margin.fair_probabilities([2.0, 4.0, 4.0], method=method)
    assert fair == pytest.approx([0.5, 0.25, 0.25], abs=1e-12)


@pytest.mark.parametrize("method", ALWAYS_INSIDE)
@given(odds=books())
def test_under_round_books_sum_to_one_too(method: margin.Method, odds: list[float]) -> None:
    assert sum(fair_or_refused(odds, method)) == pytest.approx(1.0, abs=1e-12)


def test_the_favourite_gains_from_multiplicative_to_shin_to_power() -> None:
    for odds in ([1.4, 4.9, 8.0], [1.9, 3.6, 4.2], [1.25, 4.2], SMALL):
        favourite = [
            margin.fair_probabilities(odds, method=method)[0]
            for method in ("multiplicative", "shin", "power")
        ]
        assert favourite == sorted(favourite) or odds is SMALL


def test_place_markets_sum_to_the_number_of_places() -> None:
    odds = [1.6, 1.9, 2.4, 3.0, 4.0, 6.0, 9.0]
    for method in ("multiplicative", "power", "odds_ratio", "shin"):
        fair = margin.fair_probabilities(odds, method=method, target=2.0)  # type: ignore[call-overload]
        assert sum(fair) == pytest.approx(2.0, abs=1e-12)
        assert max(fair) < 1.0


@given(odds=books(), slope=st.floats(0.3, 3.0))
def test_shading_keeps_sum_and_order_and_moves_the_favourite(odds: list[float], slope: float) -> None:
    fair = margin.fair_probabilities(odds, method="power")
    shaded = margin.shade(fair, slope=slope)
    assert sum(shaded) == pytest.approx(sum(fair), abs=1e-12)
    by_price = [probability for _, probability in sorted(zip(odds, shaded, strict=True))]
    assert all(longer <= shorter + 1e-15 for shorter, longer in pairwise(by_price))
    share = max(shaded) - max(fair)
    assert share * (slope - 1.0) >= -1e-12
    if len(fair) == 2:
        assert math.log(shaded[0] / shaded[1]) == pytest.approx(slope * math.log(fair[0] / fair[1]), abs=1e-9)


def test_shading_by_one_changes_nothing_and_takes_every_shape() -> None:
    fair = [0.5, 0.3, 0.2]
    assert margin.shade(fair, slope=1.0) == pytest.approx(fair, abs=1e-15)
    shaded = margin.shade(fair, slope=0.8, intercept=0.1)
    assert margin.shade(dict(zip("abc", fair, strict=True)), slope=0.8, intercept=0.1) == dict(
        zip("abc", shaded, strict=True)
    )
    gaps = margin.shade(np.array([[0.5, np.nan, 0.3, 0.2], [np.nan] * 4]), slope=0.8, intercept=0.1)
    assert gaps[0, [0, 2, 3]].tolist() == shaded
    assert np.isnan(gaps[1]).all()
    for call in (
        lambda: margin.shade(fair, slope=0.0),
        lambda: margin.shade(fair, slope=math.nan),
        lambda: margin.shade(fair, slope=1.0, intercept=math.inf),
    ):
        with pytest.raises(MarginError) as raised:
            call()
        assert raised.value.code == "shading"


@given(weights=st.lists(st.floats(0.05, 1.0), min_size=2, max_size=12), commission=st.floats(0.0, 0.1))
def test_an_exchange_without_spread_is_fair_whatever_the_commission(
    weights: list[float], commission: float
) -> None:
    fair = [weight / sum(weights) for weight in weights]
    back = [1.0 + (1.0 / p - 1.0) / (1.0 - commission) for p in fair]
    lay = [1.0 + (1.0 / p - 1.0) * (1.0 - commission) for p in fair]
    for method in ALWAYS_INSIDE:
        found = margin.fair_from_exchange(back, lay, commission=commission, method=method)  # type: ignore[call-overload]
        assert found == pytest.approx(fair, abs=1e-12)


@given(odds=books(), tick=st.floats(1.001, 1.06), weight=st.floats(0.0, 1.0))
def test_an_exchange_lies_between_its_sides(odds: list[float], tick: float, weight: float) -> None:
    lay = [price * tick for price in odds]
    options: dict[str, Any] = {"commission": 0.02, "method": "odds_ratio"}
    found = margin.fair_from_exchange(
        odds, lay, back_weight=[weight] * len(odds), lay_weight=[1.0 - weight] * len(odds), **options
    )
    sides = [
        margin.fair_from_exchange(odds, None, **options),
        margin.fair_from_exchange(None, lay, **options),
    ]
    assert sum(found) == pytest.approx(1.0, abs=1e-12)
    for one, low_high in zip(found, zip(*sides, strict=True), strict=True):
        assert min(low_high) - 5e-4 <= one <= max(low_high) + 5e-4
    if weight in (0.0, 1.0):
        assert found == pytest.approx(sides[0 if weight == 1.0 else 1], abs=1e-12)


def test_exchange_books_in_a_batch() -> None:
    back = np.array([[2.3, 3.3, 3.55, np.nan], [1.5, 2.0, 2.5, 4.0], [np.nan] * 4])
    lay = back * 1.015
    sizes = np.array([[100.0, 50.0, 20.0, 0.0]] * 3)
    fair = margin.fair_from_exchange(back, lay, back_weight=sizes, lay_weight=sizes + 1.0, method="power")
    for row in range(2):
        there = ~np.isnan(back[row])
        alone = margin.fair_from_exchange(
            back[row][there].tolist(),
            lay[row][there].tolist(),
            back_weight=sizes[row][there].tolist(),
            lay_weight=(sizes[row][there] + 1.0).tolist(),
            method="power",
        )
        assert fair[row][there].tolist() == alone
    assert np.isnan(fair[2]).all()
    places = margin.fair_from_exchange(back[1], lay[1], method="odds_ratio", target=2.0)
    assert places.shape == (4,)
    assert places.sum() == pytest.approx(2.0, abs=1e-12)
    lay[0, 1] = np.nan
    with pytest.raises(MarginError) as raised:
        margin.fair_from_exchange(back, lay)
    assert (raised.value.code, raised.value.__notes__) == ("inverse_odds", ["in book 0"])
    assert np.isnan(margin.fair_from_exchange(back, lay, errors="nan")[0]).all()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: margin.fair_from_exchange([2.0, 2.0], [2.1, 2.1], commission=1.0), "commission"),
        (lambda: margin.fair_from_exchange([2.0, 2.0], [2.1, 2.1], back_weight=[-1.0, 1.0]), "weight"),
        (lambda: margin.fair_from_exchange([2.0, 2.0], [2.2, 2.2], method="shin"), "under_round"),
        (lambda: margin.booksum_from_hold(1.0), "hold"),
    ],
)
def test_refusals_of_exchanges_and_holds(call: Any, code: str) -> None:
    with pytest.raises(MarginError) as raised:
        call()
    assert raised.value.code == code


def test_sides_of_different_shapes_do_not_fit() -> None:
    with pytest.raises(BoundsError, match="differs from"):
        margin.fair_from_exchange([2.0, 2.0], [2.0, 3.0, 6.0])
    with pytest.raises(TypeError, match="needs back odds, lay odds, or both"):
        margin.fair_from_exchange(None, None)  # type: ignore[call-overload]


@given(hold=st.floats(-0.1, 0.4), target=st.sampled_from([1.0, 2.0, 3.0]))
def test_a_hold_is_what_a_booksum_keeps(hold: float, target: float) -> None:
    booksum = margin.booksum_from_hold(hold, target=target)
    fair = [0.6, 0.5, 0.45, 0.35, 0.1] if target == 2.0 else [target / 5] * 5
    if not 0.0 < booksum < 5.0:
        return
    offered = margin.offered_odds(fair, booksum=booksum, method="odds_ratio")
    removed = margin.remove_margin(offered, target=target, method="odds_ratio")
    assert removed.hold == pytest.approx(hold, abs=1e-12)


# Shapes.


@pytest.mark.parametrize("method", margin.METHODS)
@given(odds=st.lists(st.lists(st.floats(3.0, 3.6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_batch_is_its_books(method: margin.Method, odds: list[list[float]]) -> None:
    alone = [margin.fair_probabilities(book, method=method, errors="nan") for book in odds if over(book)]
    batch = margin.fair_probabilities(
        [book for book in odds if over(book)] or [[3.0, 3.0, 2.9]], method=method
    )
    assert not alone or batch.tolist() == alone


def over(book: list[float]) -> bool:
    return sum(1.0 / price for price in book) > 1.0


@given(odds=books(over_round=True), absent=st.lists(st.integers(0, 24), max_size=5))
def test_an_absent_selection_changes_nothing_else(odds: list[float], absent: list[int]) -> None:
    with_gaps = list(odds)
    for place in absent:
        with_gaps.insert(min(place, len(with_gaps)), math.nan)
    for method in ("multiplicative", "shin"):
        expected = margin.fair_probabilities(odds, method=method)  # type: ignore[call-overload]
        for shaped in (with_gaps, np.array(with_gaps), np.array([with_gaps])):
            fair = np.ravel(margin.fair_probabilities(shaped, method=method))
            assert np.isnan(fair).tolist() == np.isnan(with_gaps).tolist()
            assert fair[~np.isnan(fair)].tolist() == expected


def test_the_shape_that_goes_in_comes_out() -> None:
    odds = [2.7, 2.3, 4.4]
    fair = margin.fair_probabilities(odds)
    assert isinstance(fair, list)
    assert margin.fair_probabilities(tuple(odds)) == fair
    mapping = {"home": 2.7, 1: 2.3, ("x", 2): 4.4}
    assert margin.fair_probabilities(mapping) == dict(zip(mapping, fair, strict=True))
    assert list(margin.fair_probabilities(mapping)) == list(mapping)
    assert margin.fair_probabilities(MappingProxyType(mapping)) == dict(zip(mapping, fair, strict=True))
    array = margin.fair_probabilities(np.array(odds))
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.float64
    assert array.tolist() == fair
    assert margin.fair_probabilities(np.array([odds] * 2)).shape == (2, 3)
    assert margin.fair_probabilities(np.array(odds, dtype=np.float32)) == pytest.approx(fair, rel=1e-6)
    assert margin.fair_probabilities(np.array([3, 4, 2])).tolist() == margin.fair_probabilities([3, 4, 2])
    strided = np.array([odds, odds, odds]).repeat(2, axis=1)[::2, ::2]
    assert margin.fair_probabilities(strided).tolist() == [fair, fair]
    assert margin.fair_probabilities(strided[0]).tolist() == fair
    assert margin.fair_probabilities(np.asfortranarray([odds, odds])).tolist() == [fair, fair]
    offered = margin.offered_odds({"a": 0.6, "b": 0.4}, booksum=1.05)
    assert offered == pytest.approx({"a": 1 / 0.63, "b": 1 / 0.42})


def test_an_absent_book_stays_absent_and_no_book_is_no_error() -> None:
    fair = margin.fair_probabilities([[math.nan, math.nan], [1.9, 1.9]])
    assert np.isnan(fair[0]).all()
    assert fair[1].tolist() == [0.5, 0.5]
    assert margin.fair_probabilities(np.empty((0, 3))).shape == (0, 3)


def test_refused_books_of_a_batch_raise_with_their_row_or_become_nan() -> None:
    odds = [[1.9, 1.9], [2.2, 2.2], [1.9, 1.0]]
    with pytest.raises(MarginError, match="where the shin method is not defined") as raised:
        margin.fair_probabilities(odds, method="shin")
    assert raised.value.code == "under_round"
    assert raised.value.__notes__ == ["in book 1"]
    fair = margin.fair_probabilities(odds, method="shin", errors="nan")
    assert fair[0].tolist() == [0.5, 0.5]
    assert np.isnan(fair[1:]).all()


def test_errors_name_the_selection_in_the_whole_book() -> None:
    with pytest.raises(MarginError, match=r"inverse odds 2 of selection 3 are not") as raised:
        margin.fair_probabilities([math.nan, 1.9, math.nan, 0.5])
    assert raised.value.code == "inverse_odds"
    assert isinstance(raised.value, OddsEngineError)
    assert isinstance(raised.value, ValueError)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.code) == (str(raised.value), "inverse_odds")


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        (lambda: margin.fair_probabilities([]), "selection_count", "0 selections are outside 2..=1024"),
        (lambda: margin.fair_probabilities([2.0]), "selection_count", "1 selections are outside 2..=1024"),
        (lambda: margin.fair_probabilities([3.0] * 2000), "selection_count", "2000 selections"),
        (lambda: margin.fair_probabilities([2, 2], target=2.0), "target", "target 2 is not strictly between"),
        (lambda: margin.offered_odds([0.5, 0.5], booksum=math.nan), "booksum", "booksum NaN is not"),
        (
            lambda: margin.offered_odds([1.0, 0.0], booksum=1.05),
            "probability",
            "probability 1 of selection 0",
        ),
        (
            lambda: margin.offered_odds([0.97, 0.03], booksum=1.06),
            "probability_above_one",
            "the multiplicative method gives selection 0",
        ),
        (
            lambda: margin.fair_probabilities([2, 2], method="exponential"),  # type: ignore[call-overload]
            "unknown_method",
            'margin method "exponential" is none of multiplicative, additive',
        ),
    ],
)
def test_errors_have_a_code_and_say_what_is_allowed(call: Any, code: str, message: str) -> None:
    with pytest.raises(MarginError, match=message) as raised:
        call()
    assert raised.value.code == code


def test_batches_of_any_size_and_with_any_gaps_are_their_books() -> None:
    """Books are solved side by side; what happens to one must not depend on its neighbours."""
    rng = np.random.default_rng(11)
    for count in (2, 3, 7, 20):
        for rows in (1, 3, 15, 16, 17, 100):
            shares = np.clip(rng.dirichlet(np.full(count, 2.0), size=rows), 0.004, None)
            odds = 1.0 / (shares / shares.sum(axis=1, keepdims=True) * rng.uniform(0.98, 1.2, (rows, 1)))
            odds[rng.random(odds.shape) < 0.05] = np.nan
            odds[rng.random(odds.shape) < 0.02] = 1.0
            for method in margin.METHODS:
                batch = margin.fair_probabilities(odds, method=method, errors="nan")
                again = margin.offered_odds(batch, method=method, booksum=1.05, errors="nan")
                for row in range(rows):
                    for got, values, function, options in (
                        (batch, odds, margin.fair_probabilities, {}),
                        (again, batch, margin.offered_odds, {"booksum": 1.05}),
                    ):
                        try:
                            alone = function(values[row], method=method, **options)  # type: ignore[operator]
                        except MarginError:
                            alone = np.full(count, np.nan)
                        assert np.array_equal(got[row], alone, equal_nan=True)


def test_errors_says_raise_or_nan() -> None:
    for odds in ([2.0, 2.1], [[2.0, 2.1]]):
        with pytest.raises(BoundsError, match='errors "ignore" is none of raise, nan'):
            margin.fair_probabilities(odds, errors="ignore")  # type: ignore[call-overload]


def test_the_functions_of_the_core_say_how_they_are_called() -> None:
    for function in (margin.fair_probabilities, margin.offered_odds):
        parameters = inspect.signature(function).parameters
        assert {"method", "errors"} <= set(parameters)
        assert function.__doc__ is not None
        assert "Parameters\n" in function.__doc__
        with pytest.raises(TypeError):
            function([2.0, 2.1], "shin")  # type: ignore[call-overload, misc]


def test_what_is_no_number_is_a_type_error() -> None:
    for bad in (["a", "b"], [2.0, None], {"home": "2.0", "away": 2.0}):
        with pytest.raises((TypeError, ValueError)):
            margin.fair_probabilities(bad)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="odds has 3 axes, not 1 or 2"):
        margin.fair_probabilities(np.ones((2, 2, 2)))


def test_a_batch_lets_other_threads_run() -> None:
    odds = np.tile([2.7, 2.3, 4.4], (60_000, 1))
    span: list[float] = []

    def work() -> None:
        span.append(time.perf_counter())
        margin.fair_probabilities(odds, method="jensen_shannon")
        span.append(time.perf_counter())

    thread = threading.Thread(target=work)
    ticks = []
    thread.start()
    while thread.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    begin, end = span
    quarter = (end - begin) / 4
    assert any(begin + quarter < tick < end - quarter for tick in ticks)


def test_the_types_say_what_comes_out(tmp_path: Path) -> None:
    source = tmp_path / "shapes.py"
    source.write_text(
        "from typing import assert_type\n"
        "import numpy as np, numpy.typing as npt\n"
        "from oddsengine import margin\n"
        "assert_type(margin.fair_probabilities([2.0, 2.1]), list[float])\n"
        "assert_type(margin.fair_probabilities((2.0, 2.1), method='shin'), list[float])\n"
        "assert_type(margin.fair_probabilities({'a': 2.0}), dict[str, float])\n"
        "assert_type(margin.fair_probabilities({1: 2.0}), dict[int, float])\n"
        "assert_type(margin.fair_probabilities(np.ones(2)), npt.NDArray[np.float64])\n"
        "assert_type(margin.fair_probabilities([[2.0, 2.1]]), npt.NDArray[np.float64])\n"
        "assert_type(margin.offered_odds({'a': 0.5}, booksum=1.05), dict[str, float])\n"
        "margin.fair_probabilities([2.0, 2.1], method='shinn')  # type: ignore[call-overload]\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", source]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


# Faults of other libraries; each was met in a published package.


def test_shin_keeps_the_order_of_long_books() -> None:
    """An approximate Shin gives the longest of these prices three times the chance of the one before it."""
    fair = margin.fair_probabilities(SMALL, method="shin")
    assert fair == sorted(fair, reverse=True)
    assert fair[7] < 0.03 < fair[6]
    rng = np.random.default_rng(7)
    for count in (3, 10, 20):
        shares = np.clip(rng.dirichlet(np.full(count, 2.0), size=500), 0.004, None)
        odds = 1.0 / (shares / shares.sum(axis=1, keepdims=True) * 1.08)
        odds = odds[(odds > 1.02).all(axis=1)]
        by_price = np.take_along_axis(
            margin.fair_probabilities(odds, method="shin"), odds.argsort(axis=1), axis=1
        )
        assert (np.diff(by_price, axis=1) <= 1e-15).all()


def test_shin_solves_its_own_equation() -> None:
    """Another library is off by 5e-5 to 2e-4 in every book."""
    for odds in ([2.7, 2.3, 4.4], SMALL, [1.5, 2.74]):
        removed = margin.remove_margin(odds, method="shin")
        z, booksum = removed.parameter, removed.booksum
        for price, fair in zip(odds, removed.probabilities, strict=True):
            root = math.sqrt(z * z + 4 * (1 - z) * price**-2 / booksum)
            assert fair == pytest.approx((root - z) / (2 * (1 - z)), abs=1e-12)


def test_shin_of_two_outcomes_is_additive_and_fast() -> None:
    """A default setting elsewhere returns NaN for every two-way book after 16 milliseconds."""
    start = time.perf_counter()
    for price in np.linspace(1.05, 1.98, 200).tolist():
        odds = [price, 1.0 / (1.06 - 1.0 / price)]
        shin = margin.fair_probabilities(odds, method="shin")
        assert shin == pytest.approx(margin.fair_probabilities(odds, method="additive"), abs=1e-12)
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("method", NEEDS_MARGIN)
def test_an_under_round_book_is_refused_by_name(method: margin.Method) -> None:
    """Elsewhere these prices silently give probabilities that sum to 0.90, or an untyped error."""
    with pytest.raises(MarginError) as raised:
        margin.fair_probabilities([1.5, 4.2, 60.0], method=method)
    assert raised.value.code == "under_round"


@pytest.mark.parametrize("method", ALWAYS_INSIDE)
def test_an_under_round_book_sums_to_one(method: margin.Method) -> None:
    assert sum(margin.fair_probabilities([1.5, 4.2, 60.0], method=method)) == pytest.approx(1.0, abs=1e-12)


def test_nan_in_does_not_make_everything_nan() -> None:
    fair = margin.fair_probabilities([2.7, math.nan, 2.3, 4.4], method="shin")
    assert math.isnan(fair[1])
    assert sum(fair[:1] + fair[2:]) == pytest.approx(1.0, abs=1e-12)


def test_goto_never_falls_back_to_another_method() -> None:
    """A fallback makes prices jump between neighbouring books; here the method answers or refuses."""
    odds = np.array([[1.3, 5.0, 11.0, longshot] for longshot in np.linspace(20.0, 400.0, 200)])
    fair = margin.fair_probabilities(odds, method="goto", errors="nan")
    answered = np.isfinite(fair).all(axis=1)
    first_refused = int(answered.argmin())
    assert 5 < first_refused < 200
    assert not answered[first_refused:].any()
    assert np.abs(np.diff(fair[:first_refused, 0])).max() < 0.005
    assert (
        (np.abs(fair[:first_refused] - margin.fair_probabilities(odds[:first_refused])) > 1e-6)
        .any(axis=1)
        .all()
    )
    with pytest.raises(MarginError) as raised:
        margin.fair_probabilities(odds[first_refused], method="goto")
    assert raised.value.code == "negative_probability"


@pytest.mark.parametrize("method", margin.METHODS)
@pytest.mark.parametrize("price", [math.inf, 1.0, 0.97, 0.0, -3.0])
def test_impossible_prices_are_refused_by_every_method(method: margin.Method, price: float) -> None:
    """Elsewhere a scratched runner's infinite price gives NaN, and most methods take a price under 1."""
    for odds in ([1.9, 3.4, price], np.array([[1.9, 3.4, price]])):
        with pytest.raises(MarginError) as raised:
            margin.fair_probabilities(odds, method=method)
        assert raised.value.code == "inverse_odds"


@pytest.mark.parametrize("method", ["additive", "balanced_book", "goto"])
def test_a_strong_favourite_never_makes_a_negative_probability(method: margin.Method) -> None:
    with pytest.raises(MarginError) as raised:
        margin.fair_probabilities([1.01, 26.0, 90.0], method=method)
    assert raised.value.code == "negative_probability"


def test_every_alias_is_the_method_that_it_names() -> None:
    """`logarithmic`, a method of penaltyblog, was refused while the other names of packages were known."""
    odds = [2.7, 2.3, 4.4]
    assert margin.ALIASES["logarithmic"] == "odds_ratio"
    assert margin.ALIASES["buchdahl"] == "power"
    assert set(margin.ALIASES.values()) <= set(margin.METHODS)
    assert not set(margin.ALIASES) & set(margin.METHODS)
    for alias, method in margin.ALIASES.items():
        named: Any = alias
        assert margin.fair_probabilities(odds, method=named) == margin.fair_probabilities(odds, method=method)


def test_probit_against_the_standard_library() -> None:
    """`statistics.NormalDist` and bisection share no arithmetic with the core."""
    normal = statistics.NormalDist()
    for odds, target in (
        ([2.05, 3.5, 3.8], 1.0),
        ([1.02, 21.0, 67.0], 1.0),
        ([1.3, 1.6, 2.2, 4.0], 2.0),
        ([2.1, 2.1], 1.0),
    ):
        limits = [normal.inv_cdf(1.0 / price) for price in odds]
        low, high = -8.0, 8.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            too_much = sum(normal.cdf(limit - middle) for limit in limits) > target
            low, high = (middle, high) if too_much else (low, middle)
        removed = margin.remove_margin(odds, method="probit", target=target)
        assert removed.parameter == pytest.approx(low, abs=1e-9)
        assert removed.probabilities == pytest.approx([normal.cdf(limit - low) for limit in limits], abs=1e-9)
        again = margin.offered_odds(removed.probabilities, method="probit", booksum=removed.booksum)
        assert again == pytest.approx(odds, rel=1e-10)


def test_the_printed_formula_of_shin_is_that_of_place_books() -> None:
    """What was printed, `(sqrt(z² + 4(1-z) pi²/B) - z) / (2(1-z))`, sums to 1.8 and not to 3 on a book of
    three places.
    """
    odds = [1.28, 1.55, 1.8, 2.3, 3.5, 5.5, 9.0, 14.0]
    places = 3
    removed = margin.remove_margin(odds, method="shin", target=places)
    q = [1.0 / (price * places) for price in odds]
    z, b = removed.parameter, sum(q)
    printed = [places * (math.sqrt(z * z + 4 * (1 - z) * each**2 / b) - z) / (2 * (1 - z)) for each in q]
    assert removed.probabilities == pytest.approx(printed, abs=1e-12)
    assert sum(printed) == pytest.approx(places)


def test_a_missing_price_can_be_refused() -> None:
    """`[2.45, nan, 2.90]` in a 1X2 was read as a market of two: 54.2 % for home, silently."""
    nan = math.nan
    assert margin.fair_probabilities([2.45, nan, 2.90])[0] == pytest.approx(0.542, abs=1e-3)
    for odds in (
        [2.45, nan, 2.90],
        (2.45, None, 2.90),
        {"home": 2.45, "draw": nan, "away": 2.9},
        np.array([2.45, nan, 2.9]),
    ):
        given: Any = odds
        with pytest.raises(MarginError, match="inverse odds NaN of selection 1") as raised:
            margin.fair_probabilities(given, absent="refuse")
        assert raised.value.code == "inverse_odds"
    rows = np.array([[2.45, 3.3, 2.9], [2.45, nan, 2.9], [nan, nan, nan], [0.5, 3.0, 3.0], [nan, 3.3, 2.9]])
    found = margin.fair_probabilities(rows, absent="refuse", errors="nan")
    assert np.isnan(found).all(axis=1).tolist() == [False, True, True, True, True]
    with pytest.raises(MarginError) as raised:
        margin.fair_probabilities(rows, absent="refuse")
    assert raised.value.__notes__ == ["in book 1"]
    with pytest.raises(BoundsError, match='absent "refused" is none of drop, refuse'):
        margin.fair_probabilities(rows, absent="refused")  # type: ignore[call-overload]
