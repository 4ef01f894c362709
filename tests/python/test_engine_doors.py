"""Whatever is handed to an engine and its clients is taken, or refused by the package."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from oddsengine import Engine
from oddsengine.exceptions import BoundsError, InternalError, OddsEngineError
from random_calls import any_value, near

START_NS = 2 * 10**18


@pytest.fixture
def engine() -> Iterator[Engine]:
    clock = itertools.count(10**18, 1_000_000).__next__
    with Engine(config={"bet_delay_ms": 0}, clock=clock) as engine:
        yield opened(engine)


def opened(engine: Engine) -> Engine:
    for fixture, sport in ((1, "football"), (2, "football"), (3, "tennis")):
        engine.feed.fixture(
            fixture, sport=sport, competition="cup", home="Alba", away="Bruma", start_ns=START_NS
        )
    engine.feed.prices(1, odds_1x2=(2.1, 3.4, 3.6), total_line=2.5, odds_total=(1.95, 1.9))
    engine.feed.prices(3, markets={"match_winner": [1.5, 2.6]})
    engine.deposit(customer=7, amount_minor=1_000_000)
    return engine


LEG = {"fixture": 1, "market": "1x2", "selection": "home", "odds": 2.0, "version": [1, 1]}
# (name, method, right arguments)
CALLS: list[tuple[str, Callable[[Engine], Callable[..., Any]], dict[str, Any]]] = [
    (
        "fixture",
        lambda e: e.feed.fixture,
        {"fixture": 9, "competition": "c", "home": "a", "away": "b", "start_ns": 1},
    ),
    (
        "prices",
        lambda e: e.feed.prices,
        {"fixture": 1, "odds_1x2": (2, 3.4, 3.6), "total_line": 2.5, "odds_total": (1.9, 1.9)},
    ),
    ("markets", lambda e: e.feed.prices, {"fixture": 1, "markets": {"1x2": [2.0, 3.4, 3.6]}}),
    (
        "incident",
        lambda e: e.feed.incident,
        {"fixture": 1, "kind": "goal", "clock_ms": 1, "side": "home", "score": (1, 0)},
    ),
    (
        "point",
        lambda e: e.feed.incident,
        {"fixture": 3, "kind": "point", "sport": "tennis", "side": "home", "score": {"points": [1, 0]}},
    ),
    ("feed suspend", lambda e: e.feed.suspend, {"fixture": 1, "market": "1x2"}),
    ("deposit", lambda e: e.deposit, {"customer": 7, "amount_minor": 100, "currency": "EUR"}),
    (
        "place",
        lambda e: e.place_ticket,
        {"customer": 7, "legs": [LEG], "stake_minor": 100, "odds_change": "any"},
    ),
    ("max_stake", lambda e: e.max_stake, {"customer": 7, "legs": [LEG]}),
    ("resume", lambda e: e.resume, {"fixture": 1, "market": "1x2", "stops": ("silence",)}),
    (
        "manual",
        lambda e: e.manual_odds,
        {"fixture": 1, "market": "1x2", "odds": [2, 3.3, 3.5], "in_play": True},
    ),
    ("lock", lambda e: e.lock_market, {"fixture": 1, "market": "1x2", "locked": True, "in_play": False}),
    (
        "expectation",
        lambda e: e.set_expectation,
        {"fixture": 1, "supremacy": 0.3, "total": 2.5, "mode": "blend", "weight": 0.5},
    ),
    ("explain", lambda e: e.explain, {"fixture": 1, "market": "1x2"}),
    (
        "scope",
        lambda e: e.set_scope,
        {"scope": {"level": "competition", "competition": "cup"}, "margin": ("shin", 1.05)},
    ),
    ("customer", lambda e: e.set_customer, {"customer": 7, "factor": 0.5}),
    ("settle", lambda e: e.settle_market, {"fixture": 1, "market": "1x2", "grades": ["won", "lost", "lost"]}),
    ("void", lambda e: e.void_fixture, {"fixture": 2}),
    ("board", lambda e: e.board, {"fixture": 1}),
    ("exposure", lambda e: e.exposure, {"fixture": 1}),
    ("fixtures", lambda e: e.fixtures, {"sport": "football", "status": "open"}),
    ("tickets", lambda e: e.tables.tickets, {"since": 0, "customer": 7}),
    ("commands", lambda e: e.tables.commands, {"since": 0, "fixture": 1}),
    ("alerts", lambda e: e.tables.alerts, {"since": 0}),
    ("inputs", lambda e: e.set_model_inputs, {"fixture": 1, "inputs": [0.5]}),
    ("probabilities", lambda e: e.set_probabilities, {"fixture": 1, "probabilities": [0.5, 0.5]}),
    ("request", lambda e: e.request, {"request": {"type": "ping"}}),
    ("batch", lambda e: e.batch, {"requests": [{"type": "ping"}]}),
]


def test_nothing_foreign_comes_out_of_an_engine(engine: Engine) -> None:
    # `engine.board("x")` was `KeyError: 'detail'`, `prices(markets=[...])` an AttributeError, a margin of one
    # number an IndexError, a flag given as an array NumPy's "truth value is ambiguous", a fixture of -1 an
    # OverflowError. Numbers of Python and NumPy are one; a TypeError is for arguments of another type.
    rng = random.Random(7)
    odd = [pd.NA, pd.NaT, pd.Series([1, 2]), np.array(3), np.float32(1.5), b"x", 2**70, "\ud800", {1: 2}]
    tried = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3_000):
            name, method, right = rng.choice(CALLS)
            arguments = dict(right)
            changed = rng.choice(list(arguments))
            value = arguments[changed]
            arguments[changed] = rng.choice([near(rng, value), any_value(rng), rng.choice(odd)])
            try:
                method(engine)(**arguments)
            except InternalError as error:
                raise AssertionError(f"{name}({arguments!r:.300})") from error
            except (OddsEngineError, TypeError):
                pass
            except Exception as error:
                raise AssertionError(f"{name}({arguments!r:.300})") from error
            tried += 1
    assert tried == 3_000
    assert all(engine.invariants().values())


def test_what_is_refused_is_named(engine: Engine) -> None:
    with pytest.raises(OddsEngineError, match="fixture"):
        engine.board("x")  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match="markets is a list, not a mapping"):
        engine.feed.prices(1, markets=[1.9, 1.9])  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match="grades is a str, not a sequence"):
        engine.settle_market(1, "1x2", "won")
    with pytest.raises(BoundsError, match=r"legs\[0\] is a str, not a mapping"):
        engine.place_ticket(customer=7, legs=["1x2/home"], stake_minor=100)  # type: ignore[list-item]
    with pytest.raises(BoundsError, match="margin is not a pair"):
        engine.set_scope({"level": "sport", "sport": "football"}, margin=(1.05,))  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match="is not offered on fixture 2"):
        engine.board(2).leg("1x2", "home")


def test_numbers_of_numpy_go_in_batches_too(engine: Engine) -> None:
    # Alone they were taken; in a batch they were orjson's "Type is not JSON serializable".
    legs = [{**LEG, "odds": np.float64(2.0), "version": np.array([1, 1])}]
    asked = {"type": "max_stake", "customer": np.int64(7), "currency": "EUR", "legs": legs}
    (found,) = engine.batch([asked])
    assert found.stake_minor_max > 0


def test_a_feed_tells_a_score_in_sets(engine: Engine) -> None:
    # `score={"points": (1, 0)}` went out as its keys, and the engine did not understand the message.
    engine.feed.incident(3, "start", sport="tennis", server="home")
    engine.feed.incident(3, "point", sport="tennis", side="home", score={"points": (1, 0)})
    assert engine.board(3).stops == ()
    with pytest.raises(OddsEngineError, match="reported score 5-0 is not the expected 2-0"):
        engine.feed.incident(3, "point", sport="tennis", side="home", score={"points": (5, 0)})
    assert "contradiction" in engine.board(3).stops
