"""Odds in every format, ladders, and odds on a ladder with a minimum booksum."""

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oddsengine import odds
from oddsengine.exceptions import BoundsError, OddsEngineError, SnapError

LADDERS = [
    odds.BETFAIR,
    odds.FINE,
    odds.UNIT,
    odds.HUNDREDTHS,
    odds.THOUSANDTHS,
    odds.FRACTIONAL,
    odds.AMERICAN,
    odds.MALAY,
]
PRICES = {ladder: ladder.prices() for ladder in LADDERS}


def test_the_ladders() -> None:
    assert [ladder.name for ladder in LADDERS] == list(odds.LADDERS)
    assert len(odds.BETFAIR) == 350
    for prices in PRICES.values():
        assert (np.diff(prices) > 0).all()
        assert prices[0] <= 1.01
    assert [prices[-1] for prices in PRICES.values()] == [1000.0] * 5 + [501.0, 901.0, 101.0]
    with pytest.raises(BoundsError, match='ladder "betfare" is none of betfair, fine, unit'):
        odds.Ladder("betfare")  # type: ignore[arg-type]


@pytest.mark.parametrize("ladder", LADDERS)
@given(price=st.integers(10_100, 10_000_000).map(lambda e4: e4 / 10_000))
def test_rounding_brackets_the_price(ladder: odds.Ladder, price: float) -> None:
    prices = PRICES[ladder]
    down, nearest = ladder.down(price), ladder.nearest(price)
    if price > prices[-1]:
        assert (down, nearest) == (prices[-1], prices[-1])
        with pytest.raises(BoundsError):
            ladder.up(price)
        return
    up = ladder.up(price)
    assert down <= price <= up
    place = int(np.searchsorted(prices, down))
    assert prices[place] == down
    assert ladder.index(price) == place
    assert up == down if price == down else up == prices[place + 1]
    assert nearest == (up if up - price < price - down - 1e-9 else down)
    if place + 1 < len(prices):
        assert ladder.step(price, 1) == prices[place + 1]
        assert ladder.step(prices[place + 1], -1) == down


def test_a_hair_above_a_price_rounds_up() -> None:
    assert odds.BETFAIR.up(2.0) == 2.0
    assert odds.BETFAIR.up(2.00001) == 2.02
    assert odds.BETFAIR.down(2.0199999) == 2.0
    assert odds.BETFAIR.down(0.1 + 0.2 + 2.7) == 3.0


def test_the_shape_that_goes_in_comes_out() -> None:
    assert odds.BETFAIR.down([3.03, math.nan])[0] == 3.0
    assert odds.BETFAIR.down({"home": 3.03}) == {"home": 3.0}
    array = odds.BETFAIR.down(np.array([[3.03, np.nan], [4.07, 2.0]]))
    assert array[1].tolist() == [4.0, 2.0]
    assert np.isnan(array[0, 1])
    assert odds.BETFAIR.down(np.float64(3.03)) == 3.0
    assert odds.BETFAIR.down(3) == 3.0
    assert math.isnan(odds.BETFAIR.nearest(math.nan))
    assert odds.BETFAIR.down(np.int64(3)) == 3.0
    assert odds.BETFAIR.down(np.array([3.03])).tolist() == [3.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: odds.BETFAIR.down(1.005), r"decimal odds 1\.005 is outside 1\.01\.\.=1000"),
        (lambda: odds.BETFAIR.down(1e9), "are outside"),
        (lambda: odds.BETFAIR.up([2.0, 1.0]), "are outside"),
        (lambda: odds.BETFAIR.index(1.002), "is outside"),
        (lambda: odds.BETFAIR.step(1000.0, 1), r"ladder index 350 is outside 0\.\.=349"),
        (lambda: odds.BETFAIR.step(1.02, -2), r"ladder index -1 is outside"),
    ],
)
def test_what_is_off_the_ladder_is_refused(call: Any, message: str) -> None:
    with pytest.raises(BoundsError, match=message) as raised:
        call()
    assert isinstance(raised.value, OddsEngineError)
    assert isinstance(raised.value, ValueError)


@given(
    weights=st.lists(st.floats(0.05, 1.0), min_size=2, max_size=7),
    booksum=st.floats(1.0, 1.15),
    ladder=st.sampled_from([name for name in odds.LADDERS if name != "unit"]),
)
def test_snapping_finds_the_best_combination(
    weights: list[float], booksum: float, ladder: odds.LadderName
) -> None:
    raw = [sum(weights) / (weight * booksum) for weight in weights]
    if min(raw) < 1.02:
        return
    rungs = odds.Ladder(ladder)
    snapped = odds.snap_min_margin(raw, booksum_min=booksum, ladder=ladder)
    down = odds.snap_down(raw, ladder=ladder)
    assert booksum - 1e-9 <= snapped.booksum <= down.booksum
    assert snapped.booksum == pytest.approx((1.0 / snapped.odds).sum(), rel=1e-12)
    choices = itertools.product(*({rungs.down(price), rungs.up(price)} for price in raw))
    sums = [sum(1.0 / price for price in choice) for choice in choices]
    assert snapped.booksum == pytest.approx(min(s for s in sums if s >= booksum - 1e-10), abs=1e-9)


def test_caps_and_refusals() -> None:
    capped = odds.snap_min_margin([1.5, 4.02, 60.3], booksum_min=0.9, odds_max=[10.0, 4.0, 21.0])
    assert capped.odds.tolist() == [1.5, 4.0, 21.0]
    assert odds.snap_down([1500.0, 1.02]).odds.tolist() == [1000.0, 1.02]
    for raw in ([2.0, math.nan], [2.0, 1.0], [1.001, 2.0], []):
        with pytest.raises(SnapError):
            odds.snap_down(raw)
    with pytest.raises(SnapError, match="below the minimum"):
        odds.snap_min_margin([2.5, 2.5], booksum_min=1.05)


def test_many_books_snap_as_each_does() -> None:
    rng = np.random.default_rng(3)
    raw = 1.0 / (rng.dirichlet(np.full(5, 3.0), size=40) * 1.06).clip(0.002, 0.95)
    raw[::3, 2] = np.nan
    raw[7] = np.nan
    minimum = np.nansum(1.0 / raw, axis=1)
    caps = np.array([3.0, 30.0, 30.0, 30.0, 30.0])
    capped_minimum = minimum - 0.5
    for booksum_min, odds_max in ((minimum, None), (None, None), (capped_minimum, caps)):
        snapped = odds.snap_books(raw, booksum_min=booksum_min, odds_max=odds_max, errors="nan")
        for row, book in enumerate(raw):
            there = ~np.isnan(book)
            assert np.isnan(snapped.odds[row][~there]).all()
            if not there.any():
                assert np.isnan(snapped.booksum[row])
                continue
            row_caps = () if odds_max is None else odds_max[there].tolist()
            if booksum_min is None:
                alone = odds.snap_down(book[there], odds_max=row_caps)
            else:
                row_minimum = float(booksum_min[row])
                alone = odds.snap_min_margin(book[there], booksum_min=row_minimum, odds_max=row_caps)
            assert snapped.odds[row][there].tolist() == alone.odds.tolist()
            assert snapped.booksum[row] == alone.booksum


def test_a_refused_book_of_many_is_named_or_nan() -> None:
    raw = [[2.0, 2.0, math.nan], [math.nan, 3.0, 1.005]]
    with pytest.raises(SnapError, match=r"odds 1\.005\d* of selection 2 are below") as raised:
        odds.snap_books(raw)
    assert raised.value.__notes__ == ["in book 1"]
    snapped = odds.snap_books(raw, errors="nan")
    assert snapped.odds[0, :2].tolist() == [2.0, 2.0]
    assert np.isnan(snapped.odds[1]).all()
    for call in (
        lambda: odds.snap_books([2.0, 2.0]),  # type: ignore[list-item]
        lambda: odds.snap_books(raw, errors="ignore"),  # type: ignore[arg-type]
    ):
        with pytest.raises(BoundsError):
            call()


# Formats.

NUMBERS = {
    "decimal": [1.01, 1.8, 2.0, 3.5, 101.0],
    "fractional": [0.01, 0.8, 1.0, 2.5, 100.0],
    "american": [-10000.0, -125.0, 100.0, 250.0, 10000.0],
    "hong_kong": [0.01, 0.8, 1.0, 2.5, 100.0],
    "malay": [0.01, 0.8, 1.0, -0.4, -0.01],
    "indonesian": [-100.0, -1.25, 1.0, 2.5, 100.0],
    "implied": [1 / 1.01, 1 / 1.8, 0.5, 1 / 3.5, 1 / 101.0],
}


@pytest.mark.parametrize("source", odds.FORMATS)
@pytest.mark.parametrize("target", odds.FORMATS)
def test_every_format_in_every_other(source: odds.Format, target: odds.Format) -> None:
    got = odds.convert(NUMBERS[source], source=source, target=target)
    assert got == pytest.approx(NUMBERS[target], rel=1e-12)
    array = np.array([*NUMBERS[source], np.nan])
    assert odds.convert(array, source=source, target=target)[:-1].tolist() == got
    assert odds.convert(NUMBERS[source][1], source=source, target=target) == got[1]
    mapping = dict(enumerate(NUMBERS[source]))
    assert odds.convert(mapping, source=source, target=target) == dict(enumerate(got))


@pytest.mark.parametrize("format", odds.FORMATS)
@given(decimal=st.floats(1.0001, 1e6))
def test_numbers_survive_the_way_there_and_back(format: odds.Format, decimal: float) -> None:
    number = odds.from_decimal(decimal, format=format)
    assert odds.to_decimal(number, format=format) == pytest.approx(decimal, rel=1e-12)


@pytest.mark.parametrize("format", [name for name in odds.FORMATS if name != "implied"])
@given(decimal=st.integers(10_010, 10_000_000).map(lambda e4: e4 / 10_000))
@example(decimal=854.5687)  # 136571/160 lies halfway to the next ten-thousandth
def test_text_is_read_back_as_what_it_rounds_to(format: odds.Format, decimal: float) -> None:
    text = odds.to_text(decimal, format=format)
    again = odds.from_text(text, format=format)
    assert odds.to_text(again, format=format) == text
    if format in ("decimal", "fractional", "hong_kong"):
        assert again == pytest.approx(decimal, abs=1e-4)


@given(place=st.integers(0, len(odds.AMERICAN) - 1))
def test_american_rungs_are_whole_american_odds(place: int) -> None:
    american = odds.from_decimal(float(PRICES[odds.AMERICAN][place]), format="american")
    if abs(american) <= 1000:
        # Ten-thousandths are fine enough to see the whole number again.
        assert american == pytest.approx(round(american), rel=1e-3)


def test_quoted_fractions_keep_their_spelling() -> None:
    assert {"4/6", "6/4", "13/8", "100/1"} <= set(odds.QUOTED_FRACTIONS)
    for fraction in odds.QUOTED_FRACTIONS:
        assert odds.to_text(odds.from_text(fraction), format="fractional") == fraction
    for rung in PRICES[odds.FRACTIONAL]:
        assert odds.to_text(float(rung), format="fractional") in odds.QUOTED_FRACTIONS


@given(decimal=st.floats(1.02, 900.0))
def test_a_ladder_of_fractions_brackets_the_price(decimal: float) -> None:
    ladder = odds.FractionalLadder()
    down, up, nearest = ladder.down(decimal), ladder.up(decimal), ladder.nearest(decimal)
    assert odds.from_text(down) <= decimal * (1 + 1e-10)
    assert odds.from_text(up) >= decimal * (1 - 1e-10)
    places = [odds.QUOTED_FRACTIONS.index(text) for text in (down, up)]
    assert places[1] - places[0] in (0, 1)
    distance = {text: abs(odds.from_text(text) - decimal) for text in (down, up)}
    assert distance[nearest] == min(distance.values())


def test_a_ladder_of_ones_own() -> None:
    ladder = odds.FractionalLadder(("4/6", "evens", "6/4"))
    assert (ladder.down(2.2), ladder.up(2.2), len(ladder)) == ("evens", "6/4", 3)
    assert eval(repr(ladder), {"FractionalLadder": odds.FractionalLadder}) == ladder
    assert repr(odds.FractionalLadder()) == "FractionalLadder()"
    for bad in ((), ("6/4", "evens"), ("2/1", "4/2"), ("x",)):
        with pytest.raises(BoundsError):
            odds.FractionalLadder(bad)
    for call in (lambda: ladder.up(2.6), lambda: ladder.down(1.5), lambda: ladder.nearest(1.0)):
        with pytest.raises(BoundsError, match=r"outside|not above"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: odds.to_decimal(50.0, format="american"), "american odds 50 are not 100 or more"),
        (lambda: odds.to_decimal([0.9, 1.2], format="malay"), "malay odds 1.2 are not in -1..=1"),
        (lambda: odds.from_decimal(1.0, format="american"), "decimal odds 1 are not above 1"),
        (lambda: odds.from_decimal(math.inf, format="implied"), "decimal odds inf are not above 1"),
        (lambda: odds.to_decimal(2.0, format="euro"), 'odds format "euro" is none of decimal, fractional'),
        (lambda: odds.from_text("2,5"), 'decimal odds "2,5" are not a number in that format'),
        (lambda: odds.from_text("0.4", format="american"), "american odds"),
        (lambda: odds.to_text(1.0001), "decimal odds 1.0001 are below 1.001"),
    ],
)
def test_what_is_no_price_is_refused_with_the_range(call: Any, message: str) -> None:
    with pytest.raises(BoundsError, match=re.escape(message)):
        call()


NO_PRICES = ["a/f", "a/1", "10/z", "/1", "10/", "/", "0/0", "-1/2", "½", "1", "0.1", "..3", "3..", "2.5.1"]
NO_PRICES += [
    "+10B",
    "+ABC",
    "-XYZ",
    "-Infinity",
    "nan",
    "inf",
    "1e3",
    "0x10",
    "+99",
    "+150.5",
    "--150",
    "101%",
]


@pytest.mark.parametrize("text", [*NO_PRICES, "", " 2.5", "2.5 "])
def test_other_texts_are_no_prices(text: str) -> None:
    """Calculators elsewhere take some of these for 0, for the number at their start, or for NaN."""
    with pytest.raises(BoundsError):
        odds.from_text(text)


def test_evens_has_two_spellings_in_signed_formats() -> None:
    assert odds.to_decimal([100, -100], format="american") == [2.0, 2.0]
    assert odds.to_decimal([1, -1], format="malay") == [2.0, 2.0]
    assert odds.to_decimal([1, -1], format="indonesian") == [2.0, 2.0]
    assert [odds.from_text(text) for text in ("evens", "Evs", "1/1", "+100", "-100", "50%")] == [2.0] * 6
