"""Ladders: rounding, steps, and odds with a minimum booksum."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import odds
from oddsengine.exceptions import BoundsError, OddsEngineError, SnapError

LADDERS = [odds.BETFAIR, odds.FINE, odds.UNIT]
PRICES = {ladder: ladder.prices() for ladder in LADDERS}


def test_the_ladders() -> None:
    assert [ladder.name for ladder in LADDERS] == list(odds.LADDERS)
    assert len(odds.BETFAIR) == 350
    for prices in PRICES.values():
        assert (np.diff(prices) > 0).all()
        assert prices[-1] == 1000.0
    with pytest.raises(BoundsError, match='ladder "betfare" is none of betfair, fine, unit'):
        odds.Ladder("betfare")  # type: ignore[arg-type]


@pytest.mark.parametrize("ladder", LADDERS)
@given(price=st.integers(10_100, 10_000_000).map(lambda e4: e4 / 10_000))
def test_rounding_brackets_the_price(ladder: odds.Ladder, price: float) -> None:
    prices = PRICES[ladder]
    down, up, nearest = ladder.down(price), ladder.up(price), ladder.nearest(price)
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
    ladder=st.sampled_from(odds.LADDERS[:2]),
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
