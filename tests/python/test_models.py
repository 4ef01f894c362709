"""Own models and own sports: spaces as data, functions by address, the engine that calls them."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import orjson
import pytest

from engine_process import Engine as EngineProcess
from engine_process import eventually
from oddsengine import Engine, _core
from oddsengine.client import Alert, RequestError
from oddsengine.exceptions import BoundsError, ModelError, OddsEngineError, SelectionError
from oddsengine.models import (
    IntensityModel,
    JointModel,
    Space,
    grade_function,
    intensity_model,
    joint_model,
)

numba = pytest.importorskip("numba", reason="own models are compiled by numba")

RACE = [(3, 0), (3, 1), (3, 2), (2, 3), (1, 3), (0, 3)]


def race(name: str = "race_to_3") -> Space:
    space = Space(name, RACE)
    home, away = space.outcomes.T
    space.market("winner", {"home": home == 3, "away": away == 3})
    for line in (3.5, 4.5):
        space.market(f"legs:{line}", {"over": home + away > line, "under": home + away < line})
    return space.market("score", {label: np.arange(6) == index for index, label in enumerate(space.labels)})


@joint_model
def race_model(inputs, state, out):  # type: ignore[no-untyped-def]
    """Home wins every leg with probability inputs[0]; inputs[1] says how it goes wrong."""
    p = inputs[0]
    at = np.zeros((4, 4))
    at[state[1], state[2]] = 1.0
    for home in range(state[1], 3):
        for away in range(state[2], 3):
            at[home + 1, away] += at[home, away] * p
            at[home, away + 1] += at[home, away] * (1 - p)
    for lost in range(3):
        out[lost] = at[3, lost]
        out[5 - lost] = at[lost, 3]
    if len(inputs) > 1:
        if inputs[1] == 1:
            raise ValueError("wrong")
        if inputs[1] == 2:
            out[0] = np.nan
        if inputs[1] == 3:
            out[:] *= 0.5
        if inputs[1] == 4:
            out[0] = inputs[9]
        if inputs[1] == 5:
            x = 1.0
            for _ in range(100_000_000):
                x = x * 1.0000001 + 1e-9
            out[0] += x * 1e-300


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(config={"bet_delay_ms": 0})
    engine.define_space(race())
    engine.register_model("race_to_3", race_model, budget_ms=1_000)
    announce(engine)
    yield engine
    assert all(engine.invariants().values())
    engine.close()


def announce(engine: Engine, fixture: int = 1, space: str = "race_to_3") -> None:
    names = {"competition": "cup", "home": "A", "away": "B"}
    engine.feed.fixture(fixture, sport="custom", space=space, start_ns=0, **names)


# Spaces


def test_markets_that_tell_the_same_outcomes_apart_share_a_view() -> None:
    space = Space.scores("hockey", 12)
    home, away = space.outcomes.T
    space.market("winner_or_draw", {"home": home > away, "draw": home == away, "away": home < away})
    space.market("draw_no_bet", {"home": (home > away, home == away), "away": (home < away, home == away)})
    assert space.view_count == 1
    space.market("double_chance", {"1x": home >= away, "x2": home <= away, "12": home != away}, winners=2)
    assert space.view_count == 1
    space.market("total:5.5", {"over": home + away > 5.5, "under": home + away < 5.5})
    assert space.view_count == 2
    cells = [np.unique(market.grades, axis=0) for market in space.markets.values()]
    assert [len(rows) for rows in cells] == [3, 3, 3, 2]
    assert repr(space) == "<Space hockey: 144 outcomes, 4 markets, 10 selections, 2 views>"
    html = space._repr_html_()
    assert "<td>draw_no_bet</td><td>1</td><td>3</td><td>home · away</td>" in html


def test_a_grade_may_be_a_function_a_mask_or_shares() -> None:
    space = Space("three", [1, 2, 3], labels=["one", "two", "three"])

    @grade_function
    def at_least_two(outcome):  # type: ignore[no-untyped-def]
        return outcome[0] > 2, outcome[0] == 2

    @grade_function
    def third(outcome):  # type: ignore[no-untyped-def]
        return outcome[0] / 9

    mask = space.outcomes[:, 0] == 1
    space.market("function", {"over": at_least_two, "under": (mask, space.outcomes[:, 0] == 2)})
    space.market("shares", {"dead_heat": third, "half": np.array([0.5, 0, 0])})
    shares = space.markets["function"].shares
    assert shares[:, 0].tolist() == [[0, 0], [0, 1], [1, 0]]
    assert shares[:, 1].tolist() == [[1, 0], [0, 1], [0, 0]]
    assert space.markets["shares"].grades[:, 0].tolist() == [[1, 0, 9], [2, 0, 9], [1, 0, 3]]
    assert space.markets["shares"].grades[0, 1].tolist() == [1, 0, 2]
    assert at_least_two([[1], [2]]).tolist() == [[0, 0], [0, 1]]


def test_structured_outcomes_keep_their_names() -> None:
    outcomes = np.array([(1, 2), (2, 1)], dtype=[("home", "i4"), ("away", "i4")])
    space = Space("named", outcomes)
    assert space.fields == ("home", "away")
    assert space.labels == ("1-2", "2-1")
    assert space.index(2, 1) == 1
    with pytest.raises(SelectionError, match=r"outcome \(3, 3\) is not in space named"):
        space.index(3, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Space("a", [[1]]), "outcomes of (1, 1) are not 2 to 65,535 rows of numbers"),
        (lambda: Space("a", np.arange(65_536)), "outcomes of (65536, 1) are not 2 to 65,535 rows of numbers"),
        (lambda: Space("a", [0.5, 1.5]), "outcomes[0] is 0.5, not a whole number"),
        (lambda: Space("a", [(1, 2), (3, 4), (1, 2)]), "outcome (1, 2) is there twice"),
        (lambda: Space("a", [1, 2], labels=["x"]), "labels 1 is outside 2..=2"),
        (lambda: Space.scores("a", 65), "scores of a side 65 is outside 2..=64"),
        (lambda: race().market("winner", {}), "market winner is defined twice"),
        (lambda: race().market("x", {}), "selections of market x 0 is outside 1..=4096"),
        (lambda: race().market("x", {"y": [True]}), "grades of x/y 1 is outside 6..=6"),
        (
            lambda: race().market("x", {"y": np.full(6, 1.5)}),
            "shares (1.5, 0) of the stake are no grade with a denominator up to 64",
        ),
        (
            lambda: race().market("x", {"y": (np.ones(6), np.ones(6))}),
            "shares (1, 1) of the stake are no grade with a denominator up to 64",
        ),
        (
            lambda: race().market("x", {"y": np.full(6, np.nan)}),
            "shares (NaN, 0) of the stake are no grade with a denominator up to 64",
        ),
        (
            lambda: race().market("x", {"all": np.ones(6), "home": [1, 1, 1, 0, 0, 0]}),
            "market x: 2 selections win on outcome 3-0, more than the 1 of winners",
        ),
        (
            lambda: Space("a", range(257)).market("x", {str(i): np.arange(257) == i for i in range(257)}),
            "market x tells 257 kinds of outcomes apart, more than 256: "
            "split it into markets that see less of the outcome",
        ),
        (lambda: race().possible(np.zeros(6, bool)), "ranges of possible outcomes 0 is outside 1..=4096"),
        (lambda: race().possible([True]), "mask of (1,) is not one of (6,)"),
        (lambda: race().fair_odds([1.0]), "probabilities of (1,) are not of (6,)"),
    ],
)
def test_what_a_space_cannot_be_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(BoundsError) as caught:
        make()
    assert str(caught.value) == message


def test_an_error_of_a_grade_names_the_outcome() -> None:
    @grade_function
    def fails_on_three(outcome):  # type: ignore[no-untyped-def]
        if outcome[0] == 3:
            raise ValueError("three")
        return True

    with pytest.raises(BoundsError, match=r"shares \(NaN, NaN\)") as caught:
        Space("a", [1, 2, 3]).market("x", {"y": fails_on_three})
    assert caught.value.__notes__ == ["in outcome 2", "in x/y of space a"]


def test_more_views_than_a_space_has() -> None:
    space = Space("lines", range(300))
    for line in range(255):
        space.market(f"total:{line}.5", {"over": np.arange(300) > line, "under": np.arange(300) <= line})
    with pytest.raises(BoundsError, match="market next needs view 256 of the space, more than 255"):
        space.market("next", {"over": np.arange(300) > 270, "under": np.arange(300) <= 270})
    engine = Engine()
    engine.define_space(space)


def test_possible_outcomes_become_ranges() -> None:
    assert race().possible([True, True, False, True, False, True]) == [(0, 2), (3, 4), (5, 6)]
    assert race().possible(np.ones(6)) == [(0, 6)]


# Models, called as the engine calls them


def test_a_model_is_called_by_its_address() -> None:
    p = 0.6
    found = race_model([p], outcomes=6)
    assert found[0] == pytest.approx(p**3)
    assert found.sum() == pytest.approx(1, abs=1e-15)
    live = race_model([p], outcomes=6, phase="in_play", score=(2, 2), possible=[(2, 4)])
    assert live.tolist() == pytest.approx([0, 0, p, 1 - p, 0, 0])
    many = race_model([[0.5], [0.6]], outcomes=6)
    assert many.shape == (2, 6)
    assert many[1].tolist() == found.tolist()


@pytest.mark.parametrize(
    ("inputs", "state", "code"),
    [
        ([0.6, 1], {}, "model_failed"),
        ([0.6, 2], {}, "model_not_a_probability"),
        ([0.6, 3], {}, "model_wrong_sum"),
        # An index beyond the inputs is a fault, not a number from somewhere else.
        ([0.6, 4], {}, "model_failed"),
        ([0.6], {"possible": [(0, 2)]}, "model_impossible_outcome"),
    ],
)
def test_a_fault_of_a_model_has_a_name(inputs: list[float], state: dict[str, Any], code: str) -> None:
    with pytest.raises(ModelError) as caught:
        race_model(inputs, outcomes=6, **state)
    assert caught.value.code == code
    with pytest.raises(ModelError) as caught:
        race_model([[0.5, 0], inputs + [0] * (2 - len(inputs))], outcomes=6, **state)
    assert caught.value.code == code


def test_the_row_of_a_fault_is_told() -> None:
    with pytest.raises(ModelError) as caught:
        race_model([[0.5, 0], [0.5, 3]], outcomes=6)
    assert caught.value.__notes__ == ["in row of inputs 1"]


def test_a_state_outside_the_space_is_named() -> None:
    for state, message in (
        ({"phase": "half_time"}, 'phase "half_time" is not one of pre_match, in_play, finished'),
        ({"possible": [(3, 9)]}, "possible outcomes 3..9 are no ascending range of 0..6"),
        ({"values": range(33)}, "33 state values are more than 32"),
        ({"phase": "finished"}, "a fixture ends with one possible outcome, not with 6"),
    ):
        with pytest.raises(BoundsError) as caught:
            race_model([0.5], outcomes=6, **state)
        assert str(caught.value) == message
    with pytest.raises(BoundsError, match=r"outcomes 1 is outside 2\.\.=65535"):
        race_model([0.5], outcomes=1)


def test_a_model_cannot_write_to_its_inputs() -> None:
    def overwrites(inputs, state, out):  # type: ignore[no-untyped-def]
        inputs[0] = 1.0

    with pytest.raises(numba.core.errors.TypingError, match="readonly array"):
        joint_model(overwrites)


def test_a_model_may_return_a_status() -> None:
    @joint_model
    def picky(inputs, state, out):  # type: ignore[no-untyped-def]
        out[:] = 1 / len(out)
        return 0 if inputs[0] > 0 else 7

    assert picky([1.0], outcomes=4).tolist() == [0.25] * 4
    with pytest.raises(ModelError):
        picky([0.0], outcomes=4)


def test_scoring_rates_become_a_distribution() -> None:
    @intensity_model(side=12, end_ms=90 * 60_000, steps=90)
    def football(inputs, clock_ms, home, away):  # type: ignore[no-untyped-def]
        if inputs[0] < 0:
            raise ValueError("no rate")
        return inputs[0] / 5_400_000, inputs[1] / 5_400_000

    scores = football([1.4, 1.1]).reshape(12, 12)
    goals = np.arange(11)
    factorials = np.cumprod([1, *range(1, 11)])
    home, away = (np.exp(-mean) * mean**goals / factorials for mean in (1.4, 1.1))
    assert np.abs(scores[:11, :11] - np.outer(home, away)).max() < 1e-6
    # Half the time is left, at 1-0: the mean halves and the score counts on.
    late = football([1.4, 1.1], phase="in_play", score=(1, 0), clock_ms=45 * 60_000).reshape(12, 12)
    assert late[0].sum() == 0
    assert late[1].sum() == pytest.approx(np.exp(-0.7), abs=1e-6)
    with pytest.raises(ModelError, match="gave a rate that is none"):
        football([-1.0, 1.0])
    with pytest.raises(BoundsError, match=r"scores of a side 65 is outside 2\.\.=64"):
        IntensityModel(football.address, 65, 1.0, 1, football)([1.0, 1.0])


def test_a_function_of_another_compiler_will_do() -> None:
    """What numba is not needed for: any native function of the signature, here through ctypes."""
    double_p, int64_p = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int64)
    size = ctypes.c_size_t

    @ctypes.CFUNCTYPE(ctypes.c_int64, double_p, size, int64_p, size, double_p, size)
    def coin(inputs: Any, _n: int, _state: Any, _m: int, out: Any, _k: int) -> int:
        out[0], out[1] = inputs[0], 1 - inputs[0]
        return 0

    address = ctypes.cast(coin, ctypes.c_void_p).value
    assert address is not None
    assert JointModel(address, coin)([0.25], outcomes=2).tolist() == [0.25, 0.75]
    with pytest.raises(ValueError, match="address 0 is no function"):
        JointModel(0)([0.25], outcomes=2)


def test_without_numba_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"pip install numba"):
        joint_model(lambda inputs, state, out: None)


# In an engine


def test_a_model_prices_live_and_pre_match(engine: Engine) -> None:
    assert engine.board(1).odds("winner", "home") is None
    assert engine.set_model_inputs(1, [0.6])
    p, q = 0.6, 0.4
    pre_match = p**3 * (1 + 3 * q + 6 * q**2)
    # After the margin of 5 %, down to the ladder.
    assert engine.board(1).odds("winner", "home") == pytest.approx(1 / (pre_match * 1.05), abs=0.011)
    engine.deposit(customer=1, amount_minor=10_000)
    leg = engine.board(1).leg("winner", "home")
    ticket = engine.place_ticket(customer=1, legs=[leg], stake_minor=1_000)
    assert ticket.state == "accepted"
    space = race()
    home, away = space.outcomes.T
    engine.feed.state(
        1, phase="in_play", score=(1, 1), period="leg_3", possible=space.possible((home > 0) & (away > 0))
    )
    board = engine.board(1)
    assert (board.status, board.score, board.period) == ("open", (1, 1), "leg_3")
    assert board.odds("winner", "home") == pytest.approx(1 / ((p**2 * (1 + 2 * q)) * 1.05), abs=0.011)
    assert board.markets["legs:3.5"].status == "settled"
    engine.feed.state(1, phase="finished", score=(3, 1), possible=[(1, 2)])
    assert engine.ticket(ticket.ticket).paid_minor == int(1_000 * leg.odds)


@pytest.mark.parametrize(
    ("how", "fault"), [(1, "model_failed"), (2, "model_not_a_probability"), (3, "model_wrong_sum")]
)
def test_a_wrong_model_suspends_with_its_reason(engine: Engine, how: int, fault: str) -> None:
    engine.set_model_inputs(1, [0.6])
    engine.deposit(customer=1, amount_minor=10_000)
    leg = engine.board(1).leg("winner", "home")
    engine.events()
    assert engine.set_model_inputs(1, [0.6, how])
    alerts = [event for event in engine.events() if isinstance(event, Alert)]
    assert [(alert.alert, alert.message) for alert in alerts] == [
        ("model_failed", f"fixture 1 is suspended: {fault}")
    ]
    assert engine.board(1).status == "suspended"
    refused = engine.place_ticket(customer=1, legs=[leg], stake_minor=1_000)
    assert refused.reason is not None
    assert refused.reason.name == "fixture_suspended"
    engine.set_model_inputs(1, [0.6])
    assert engine.board(1).is_open


def test_a_slow_model_is_suspended_and_other_threads_run_meanwhile(engine: Engine) -> None:
    engine.register_model("race_to_3", race_model, budget_ms=0.1)
    count, stops = [0], threading.Event()

    def counts() -> None:
        while not stops.is_set():
            count[0] += 1

    thread = threading.Thread(target=counts)
    thread.start()
    try:
        before = count[0]
        engine._core.ingest(
            b'{"type":"model_inputs","source":"quant","time_ns":1,"fixture":1,"inputs":[0.6,5]}', 1
        )
        during = count[0] - before
    finally:
        stops.set()
        thread.join()
    # A held lock would let the other thread in once or twice, around the call.
    assert during > 10_000
    assert engine.board(1).status == "suspended"
    engine._collect()
    assert "model_too_slow" in str(engine.events())


def test_what_an_engine_refuses(engine: Engine) -> None:
    other = race().market("more", {"yes": np.ones(6)})
    with pytest.raises(OddsEngineError, match="space race_to_3 exists with another definition"):
        engine.define_space(other)
    engine.define_space(race())
    with pytest.raises(BoundsError, match="space chess is not defined"):
        engine.register_model("chess", race_model)
    for budget_ms in (0, 1_001):
        with pytest.raises(BoundsError, match=f"budget_ms {budget_ms} is outside"):
            engine.register_model("race_to_3", race_model, budget_ms=budget_ms)
    with pytest.raises(BoundsError, match=r"outcomes of the space of an intensity 6 is outside 9\.\.=9"):
        engine.register_model("race_to_3", IntensityModel(race_model.address, 3, 1.0, 1))
    with pytest.raises(BoundsError, match=r"bytes of the market key 65 is outside 1\.\.=64"):
        engine.define_space(Space("long", [1, 2]).market("k" * 65, {"x": [1, 0]}))
    with pytest.raises(OddsEngineError, match="the space of fixture 9 is not defined"):
        announce(engine, 9, "chess")
    refused = engine.set_model_inputs(5, [1.0])
    assert not refused
    assert refused.detail == "fixture 5 is not known"
    with pytest.raises(RequestError, match=r"inputs of 257 items is outside 0\.\.=256"):
        engine.set_model_inputs(1, [0.0] * 257)
    with pytest.raises(OddsEngineError, match=r"value_out_of_bounds: probabilities 2 is outside 6\.\.=6"):
        engine.set_probabilities(1, [0.5, 0.5])
    with pytest.raises(OddsEngineError, match="fixture 5 is not known"):
        engine.set_probabilities(5, np.full(6, 1 / 6))


def test_probabilities_of_ones_own(engine: Engine) -> None:
    assert engine.set_probabilities(1, [0.3, 0.2, 0.1, 0.1, 0.2, 0.1])
    assert engine.board(1).odds("winner", "home") == pytest.approx(1 / (0.6 * 1.05), abs=0.011)
    with pytest.raises(OddsEngineError, match="the probabilities are refused: model_wrong_sum"):
        engine.set_probabilities(1, np.full(6, 0.1))
    assert engine.board(1).status == "suspended"


def test_as_many_outcomes_as_a_space_has() -> None:
    engine = Engine()
    count = 65_535
    space = Space("many", np.arange(count))
    space.market("half", {"low": np.arange(count) < 30_000, "high": np.arange(count) >= 30_000})
    engine.define_space(space)
    announce(engine, space="many")
    engine.set_probabilities(1, np.full(count, 1 / count))
    assert engine.board(1).odds("half", "low") == pytest.approx(count / 30_000 / 1.05, abs=0.011)
    mask = np.arange(count) % 16 == 0
    engine.feed.state(1, phase="in_play", possible=space.possible(mask))
    engine.set_probabilities(1, mask / mask.sum())
    assert engine.board(1).is_open


def test_a_journal_replays_without_the_model(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    engine = Engine(path, config={"bet_delay_ms": 0})
    engine.define_space(race())
    engine.register_model("race_to_3", race_model)
    announce(engine)
    engine.set_model_inputs(1, [0.55])
    engine.deposit(customer=1, amount_minor=10_000)
    leg = engine.board(1).leg("score", "3-1")
    ticket = engine.place_ticket(customer=1, legs=[leg], stake_minor=500)
    engine.feed.state(1, phase="in_play", score=(1, 0), possible=[(0, 5)])
    engine.set_model_inputs(1, [0.5, 3])
    odds, state_hash = engine.board(1).odds("winner", "away"), engine.state_hash()
    engine.close()
    assert _core.replay_journal(str(path))["state_hash"] == state_hash

    again = Engine(path, config={"bet_delay_ms": 0})
    assert again.board(1).odds("winner", "away") == odds
    assert again.board(1).status == "suspended"
    again.feed.state(1, phase="in_play", score=(1, 1), possible=[(1, 5)])
    again.set_model_inputs(1, [0.5])
    assert again.board(1).status == "suspended"
    again.register_model("race_to_3", race_model)
    assert again.board(1).is_open
    again.feed.state(1, phase="finished", score=(3, 1), possible=[(1, 2)])
    assert again.ticket(ticket.ticket).paid_minor == int(500 * leg.odds)
    assert all(again.invariants().values())
    state_hash = again.state_hash()
    again.close()
    assert _core.replay_journal(str(path))["state_hash"] == state_hash


# What goes over the wire, and what the document says

ROOT = Path(__file__).resolve().parents[2]


def schema(name: str) -> Any:
    document = orjson.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_bytes())
    return jsonschema.Draft202012Validator(document)


def test_frames_and_messages_follow_their_schemas() -> None:
    """Over a fixture's whole life: announced, priced, failed, corrected, settled."""
    validators = {name: schema(name) for name in ("odds", "status", "desk", "replies", "ingest", "orders")}
    service = _core.Service(journal=None, config={"bet_delay_ms": 0}, now_ns=1)
    service.define_space(*race()._definition(), 1)
    service.register_joint_model("race_to_3", race_model.address, 1_000_000_000, 1)
    seen: dict[str, int] = {}

    def ingest(kind: str, **fields: Any) -> None:
        message = {"type": kind, "source": "scout", "time_ns": 1, "fixture": 1, **fields}
        validators["ingest"].validate(message)
        service.ingest(orjson.dumps(message), 1)

    def order(kind: str, **fields: Any) -> None:
        message = {"type": kind, "request_id": "r", "source": "desk", **fields}
        validators["orders"].validate(message)
        service.order(b"me", orjson.dumps(message), 1)

    def check() -> None:
        service.end_turn()
        for socket, (topic, payload) in service.take_frames(1):
            name = "status" if topic.startswith(b"status.") else ("odds", "desk", "replies", "odds")[socket]
            body = orjson.loads(payload)
            validators[name].validate(body)
            seen[body["type"]] = seen.get(body["type"], 0) + 1

    names = {"competition": "cup", "home": "A", "away": "B", "start_ns": 0}
    ingest("fixture", sport="custom", space="race_to_3", **names)
    order("model_inputs", fixture=1, inputs=[0.6])
    order("deposit", transfer="f" * 32, customer=1, amount_minor=10_000, currency="EUR")
    service.snapshot_request(b"me", orjson.dumps({"type": "image", "request_id": "i", "fixture": 1}), 1)
    leg = {"fixture": 1, "market": "winner", "selection": "home", "odds": 1.395, "version": [1, 1]}
    order("place_ticket", ticket="e" * 32, customer=1, currency="EUR", stake_minor=100, legs=[leg])
    check()
    state = {"sport": "custom", "score": [1, 0], "clock_ms": 500_000_000, "values": [3, -1]}
    ingest("incident", phase="in_play", period="Leg 2, A throws", possible=[[0, 5]], danger=False, **state)
    check()
    for inputs in ([0.6, 1], [0.6, 2], [0.6, 3], [0.6]):
        ingest("model_inputs", inputs=inputs)
        check()
    ingest("probabilities", probabilities=[1, 0, 0, 0, 0, 0])
    order("probabilities", fixture=1, probabilities=[0.5, 0.5])
    ingest("incident", phase="finished", possible=[[0, 1]], sport="custom", score=[3, 0])
    order("fixtures")
    order("exposure", scope={"level": "fixture", "fixture": 1})
    # Football has what a space has not: expectations, scopes of markets, prices that are held.
    football = {"sport": "football", "competition": "cup", "home": "A", "away": "B", "start_ns": 10**18}
    ingest("fixture", **(football | {"fixture": 2}))
    prices = {"odds_1x2": [3.36, 3.63, 2.1], "total_line": 2.5, "odds_total": [2.04, 1.79]}
    ingest("prices", **(prices | {"fixture": 2}))
    for mode in ({}, {"mode": "hold"}, {"mode": "offset"}, {"mode": "blend", "weight": 0.5}):
        order(
            "set_expectation",
            fixture=2,
            supremacy=0.1,
            total=2.5 if mode != {"mode": "offset"} else -0.1,
            **mode,
        )
    order(
        "set_scope",
        scope={"level": "market", "fixture": 2, "market": "1x2"},
        margin={"method": "shin", "booksum": 1.04},
    )
    order("set_scope", scope={"level": "market_type", "sport": "football", "stem": "total"}, loss_minor_max=5)
    order("set_customer", customer=1, factor=0.5)
    order("manual_odds", fixture=2, market="1x2", odds=[3.0, None, 2.0])
    order("suspend", fixture=2)
    order("settle_market", fixture=2, market="1x2", grades=["won", "lost", "lost"])
    order("lock_market", fixture=2, market="total:2.5", locked=True)
    order("cancel_ticket", ticket="e" * 32)
    for table in ("balances", "scopes", "customers", "commands"):
        order("table", table=table, source=None)
    for market in ("1x2", "total:2.5", "nothing", None):
        order("explain", fixture=2, market=market)
    order("explain", fixture=1, market="winner")
    order("set_expectation", fixture=2, mode="release")
    check()
    assert seen.keys() >= {"board", "status", "alert", "done", "refused", "settlement", "ticket", "fixtures"}
    assert (seen["table"], seen["explain"]) == (4, 4)


def test_the_document_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "models" / "own_models.md").read_text(encoding="utf-8")
    exec(compile(text.split("```python\n")[1].split("```")[0], "own_models.md", "exec"), {})
    assert capsys.readouterr().out == "(1.19, 4.7)\n"


# A server that loads them

MODULE = """
import numpy as np
from oddsengine.models import Space, joint_model

space = Space("coin", [0, 1], labels=["tails", "heads"])
space.market("side", {"heads": np.array([False, True]), "tails": np.array([True, False])})


@joint_model
def biased(inputs, state, out):
    out[0], out[1] = 1 - inputs[0], inputs[0]


def setup(host):
    host.define_space(space)
    host.register_model(space, biased)
"""


def test_shares_that_win_and_shares_that_come_back_are_of_the_same_outcomes() -> None:
    # Of different lengths they were NumPy's own `ValueError` about dimensions.
    space = Space("pair", [[0, 0], [0, 1], [1, 0]])
    with pytest.raises(BoundsError, match="1 shares that win do not fit 3 refunded") as refused:
        space.market("side", {"first": ([1.0], [0.0, 0.5, 0.5])})
    assert refused.value.__notes__ == ["in side/first of space pair"]


def test_a_server_loads_models_from_a_module(tmp_path: Path) -> None:
    (tmp_path / "my_models.py").write_text(MODULE)
    with EngineProcess(tmp_path, '[models]\nmodule = "my_models"\n').start() as server:
        feed, desk, odds = server.feed(), server.desk(), server.odds()
        odds.wait_joined()
        names = {"competition": "cup", "home": "A", "away": "B"}
        feed.fixture(7, sport="custom", space="coin", start_ns=0, **names)
        eventually(lambda: desk.set_model_inputs(7, [0.6]))

        def shows(heads: float) -> bool:
            odds.poll(0.1)
            return 7 in odds.boards and odds.boards[7].odds("side", "heads") == heads

        eventually(lambda: shows(1.58), 10)
        feed.state(7, phase="in_play", values=[1])
        desk.set_probabilities(7, [0.5, 0.5])
        eventually(lambda: shows(1.9), 10)
        assert not desk.set_model_inputs(7, [-1.0]).detail

        def is_suspended() -> bool:
            odds.poll(0.1)
            return odds.boards[7].stops == ("model_not_a_probability",)

        eventually(is_suspended, 10)
        for client in (feed, desk, odds):
            client.close()
        assert server.end()[0] == 0
        # The same definition again is no news, and the state is the journal's.
        server.start()
        assert server.end()[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("absent", None, "[models] module 'absent' is neither in"),
        ("empty", "", "[models] module 'empty' has no setup(host)"),
        ("fails", "def setup(host):\n    1 / 0\n", "fails: ZeroDivisionError: division by zero"),
        (
            "unknown_space",
            "def setup(host):\n    host.register_model('chess', None)\n",
            "unknown_space: AttributeError",
        ),
    ],
)
def test_a_module_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / f"{name}.py").write_text(text)
    with (
        EngineProcess(tmp_path, f'[models]\nmodule = "{name}"\n') as server,
        pytest.raises(AssertionError) as caught,
    ):
        server.start()
    assert f"oddsengine: {message}" in str(caught.value)
