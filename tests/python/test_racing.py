"""Racing through Python: orders of finish, boards, grades, a race in the engine, and real races."""

import importlib.util
import itertools
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from oddsengine import Engine, racing
from oddsengine.exceptions import BoundsError, OddsEngineError, RacingError, SelectionError

ROOT = Path(__file__).resolve().parents[2]
WIN = [0.36, 0.22, 0.16, 0.11, 0.09, 0.06]
ODDS = [2.5, 4.0, 6.0, 9.0, 11.0, 15.0]


@pytest.mark.parametrize("model", racing.MODELS)
def test_everything_sums(model: racing.Model) -> None:
    race = racing.Race(WIN, model=model)
    exacta, trifecta, ahead = race.exacta(), race.trifecta(), race.ahead()
    assert race.win() == pytest.approx(WIN, abs=1e-10)
    assert exacta.sum(axis=1) == pytest.approx(WIN, abs=1e-10)
    assert exacta.sum(axis=0) == pytest.approx(race.positions()[:, 1], abs=1e-10)
    assert trifecta.sum(axis=2) == pytest.approx(exacta, abs=1e-9)
    assert race.quinella() == pytest.approx(exacta + exacta.T)
    assert ahead + ahead.T == pytest.approx(1 - np.eye(6))
    assert [race.places(k).sum() for k in (1, 2, 3, 4)] == pytest.approx([1, 2, 3, 4])
    assert race.without(0) == pytest.approx(np.where(np.arange(6) == 0, 0, race.win() + exacta[0]))
    assert len(race.withdraw([1, 3])) == 4


def test_batch_is_the_single_race() -> None:
    fields = np.array([WIN, [0.5, np.nan, 0.2, 0.1, 0.1, 0.1], [np.nan] * 6])
    for model in racing.MODELS:
        batch = racing.positions(fields, model=model)
        assert batch.shape == (3, 6, 4)
        assert (batch[0] == racing.Race(WIN, model=model).positions()).all()
        present = ~np.isnan(fields[1])
        assert (batch[1][present] == racing.Race(fields[1][present], model=model).positions()).all()
        assert np.isnan(batch[1][1]).all()
        assert np.isnan(batch[2]).all()
    with pytest.raises(RacingError, match=r"sum to 1\.2") as raised:
        racing.positions([[0.5, 0.5], [0.5, 0.7]])
    assert raised.value.__notes__ == ["in race 1"]
    assert np.isnan(racing.positions([[0.5, 0.7]], errors="nan")).all()


def test_errors_name_the_value() -> None:
    with pytest.raises(RacingError, match=r"exponent third 3 is outside 0\.\.=2"):
        racing.Race(WIN, model="lo_bacon_shone", exponents=(1, 3, 1))
    with pytest.raises(BoundsError, match="no exponents"):
        racing.Race(WIN, model="henery", exponents=(1, 1, 1))
    with pytest.raises(RacingError, match=r"places 5 is outside 1\.\.=4"):
        racing.Race(WIN).places(5)
    with pytest.raises(BoundsError, match=r"runner 6 is outside 0\.\.6"):
        racing.Race(WIN).withdraw([6])
    with pytest.raises(BoundsError, match=r"runner_count 41 is outside 2\.\.=40"):
        racing.RaceFormat(41).selections()
    with pytest.raises(SelectionError, match="no selection"):
        racing.grade("win/r7", [1, 2, 3, 4, 5, 6])
    with pytest.raises(BoundsError, match="r2 has position 3 behind 1 runners"):
        racing.grade("win/r1", [1, 3, 0, 0])
    with pytest.raises(BoundsError, match="multiplicative, power, odds_ratio"):
        racing.board(ODDS, removal="shin")  # type: ignore[arg-type]


def test_a_board_before_and_after() -> None:
    race = racing.RaceFormat(6, kind="greyhound")
    board = racing.board(ODDS, race=race, model="henery")
    names = {market.partition("/")[0] for market in board.selections}
    assert {"win", "place.2", "place.3", "each_way.4.2", "forecast", "quinella", "tricast.r1"} <= names
    fair = {name: price.fair for name, price in board.market("win").items()}
    model = racing.Race(list(fair.values()), model="henery")
    places = [price.fair for price in board.market("place.2").values()]
    assert places == pytest.approx(model.places(2), abs=1e-9)
    assert board.price("forecast/r3-r1").fair == pytest.approx(model.exacta()[2, 0], abs=1e-9)
    assert board.price("match.r2.r5/r5").fair == pytest.approx(model.ahead()[4, 1], abs=1e-9)
    # An each-way bet is worth the same by its two halves.
    each_way = racing.each_way_fair_odds(fraction=0.25, win=fair["r4"], place=places[3])
    assert 1 / board.price("each_way.4.2/r4").fair == pytest.approx(each_way, abs=1e-6)

    result = racing.board(ODDS, race=race, result=[1, 1, 3, 0, 4, 5])
    assert np.isnan(result.odds).all()
    assert [price.fair for price in result.market("win").values()] == [0.5, 0.5, 0, 0, 0, 0]
    for name, fair_share, refund in zip(result.selections, result.fair, result.refund, strict=True):
        graded = racing.grade(name, [1, 1, 3, 0, 4, 5], race=race)
        assert refund == pytest.approx(graded.refund)
        assert fair_share == pytest.approx(graded.win / (1 - refund) if refund < 1 else 0)


def test_place_prices_bend_the_exponents() -> None:
    race = racing.Race(WIN, model="lo_bacon_shone", exponents=(0.64, 0.43, 0.34))
    fair_odds = 1 / race.places(2)
    board = racing.board(
        1 / np.array(WIN), model="lo_bacon_shone", removal="multiplicative", place_odds=(2, fair_odds)
    )
    assert [price.fair for price in board.market("place.2").values()] == pytest.approx(
        race.places(2), abs=1e-6
    )


def test_a_race_in_the_engine() -> None:
    engine = Engine(clock=itertools.count(1_000_000_000).__next__)
    names = ["Able", "Baker", "Charlie", "Dog", "Easy", "Fox"]
    engine.feed.fixture(
        7,
        competition="sheffield",
        home="18:26 Sheffield",
        start_ns=2_000_000_000,
        sport="racing",
        entrants=names,
        format={"kind": "greyhound", "runner_count": 6},
    )
    engine.feed.prices(7, markets={"win": ODDS})
    engine.deposit(customer=1, amount_minor=100_000)
    board = engine.board(7)
    assert board.sport == "racing"
    assert board.period == "before_off"

    def bet(market: str, selection: str) -> str:
        ticket = engine.place_ticket(customer=1, legs=[board.leg(market, selection)], stake_minor=1_000)
        assert ticket.state == "accepted"
        return ticket.ticket

    win, each_way, out = bet("win", "r2"), bet("each_way.4.2", "r3"), bet("forecast", "r5-r2")
    each_way_odds = board.odds("each_way.4.2", "r3")
    engine.feed.incident(7, "withdrawn", sport="racing", runner=5)
    assert engine.ticket(out).paid_minor == 1_000
    after = engine.board(7)
    assert after.odds("win", "r5") is None
    before_odds, after_odds = board.odds("win", "r2"), after.odds("win", "r2")
    assert before_odds is not None
    assert after_odds is not None
    assert after_odds < before_odds

    engine.feed.incident(7, "off", sport="racing")
    engine.feed.incident(7, "result", sport="racing", positions=[3, 1, 2, 4, 0, 5])
    assert engine.ticket(win).paid_minor == 0
    engine.feed.incident(7, "official", sport="racing")
    assert engine.ticket(win).paid_minor == round(1_000 * before_odds)
    # Placed, not won: the place half at a quarter of the odds.
    assert each_way_odds is not None
    assert engine.ticket(each_way).paid_minor == int(500 * (1 + (each_way_odds - 1) / 4) + 1e-6)
    with pytest.raises(OddsEngineError, match="r5 is withdrawn and has position 6"):
        engine.feed.incident(7, "amended", sport="racing", positions=[2, 1, 3, 4, 6, 5])
    engine.feed.incident(7, "amended", sport="racing", positions=[1, 5, 2, 3, 0, 4])
    assert engine.ticket(win).paid_minor == 0
    assert all(engine.invariants().values())


def accuracy() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "racing_places", ROOT / "benches" / "accuracy" / "racing_places.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["racing_places"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> Path:
    data = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if not data:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: real races are not replayed")
    return Path(data)


def test_real_races_replay(reference: Path) -> None:
    places = accuracy()
    races = places.hong_kong(reference / places.SEASON)
    assert len(races) == 777
    replay = places.replay_hong_kong(races[::24])
    assert replay.states > 60
    assert replay.faults == []
    for name, every, states_min in [
        ("greyhounds_WIN_1.197931750.jsonl.gz", 3, 50),
        ("greyhounds_PLACE_1.197931751.jsonl.gz", 20, 7),
        ("horse_racing_WIN_1.132153978.jsonl.gz", 5, 90),
        ("horse_racing_WIN_1.164917629.jsonl.gz", 10, 25),
    ]:
        replay = places.replay_betfair(reference / places.RECORDINGS / name, every=every)
        assert replay.states > states_min, name
        assert replay.faults == [], name


def test_real_places_are_predicted(reference: Path) -> None:
    """On a season of closing prices both corrections beat Harville for the places."""
    places = accuracy()
    races = [race for race in places.hong_kong(reference / places.SEASON) if places.is_complete(race)][::2]
    win = places.fields(races, method="power")
    by_model = {
        name: places.scores(races, win, model, exponents)
        for name, (model, exponents) in places.MODELS.items()
    }
    for name in ("henery", "lo_bacon_shone .76 .62"):
        for k in (2, 3, 4):
            assert by_model[name].top[k].mean() < by_model["harville"].top[k].mean()
        assert np.nanmean(by_model[name].order) < np.nanmean(by_model["harville"].order) - 0.05
    favourites = win > 0.3
    placed = np.array(
        [
            [0 < p <= 3 for p in race.position] + [False] * (win.shape[1] - len(race.position))
            for race in races
        ]
    )
    happened = placed[favourites].mean()
    predicted = {name: found.places[:, :, 2][favourites].mean() for name, found in by_model.items()}
    assert abs(predicted["henery"] - happened) < 0.03
    assert predicted["harville"] - happened > 0.08


def test_rule_4_of_a_price_of_two_decimals_and_of_a_house() -> None:
    """1.62 was 55 pence: it is 8/13 in decimals, which is printed with 60."""
    assert racing.rule4([1.62]) == racing.Rule4(60, racing.TATTERSALLS.version)
    assert racing.rule4([1.6154]).pence == 60
    assert racing.rule4([1.63]).pence == 55
    waived = racing.DeductionScale("no-5p-1", racing.TATTERSALLS.bands[:-1])
    assert racing.rule4([12.0]).pence == 5
    assert racing.rule4([12.0, 4.0], scale=waived) == racing.Rule4(25, "no-5p-1")
    for bands, message in (
        (((2.0, 50), (1.5, 60)), "longest odds 1.5 of a band are not above 2.0"),
        (((2.0, 95),), "deduction in pence 95 is outside 0..=90"),
        (((1.0, 50),), "longest odds 1.0 of a band"),
    ):
        with pytest.raises(BoundsError, match=message):
            racing.rule4([1.2], scale=racing.DeductionScale("bad", bands))
