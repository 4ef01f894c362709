"""Tickets of several bets from Python: systems, bankers, each-way, as the client asks and is told."""

import itertools
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from oddsengine import Engine
from oddsengine.client import Bet, EachWay, RequestError, Ticket, ticket_request

ROOT = Path(__file__).resolve().parents[2]
ODDS = [3.0, 4.0, 5.0, 6.0, 9.0, 12.0]


def engine_with_races(count: int) -> Engine:
    engine = Engine(clock=itertools.count(1_000_000_000).__next__, config={"payout_minor_max": 100_000_000})
    for race in range(1, count + 1):
        engine.feed.fixture(
            race,
            competition="sheffield",
            home=f"race {race}",
            start_ns=2_000_000_000,
            sport="racing",
            entrants=["Able", "Baker", "Charlie", "Dog", "Easy", "Fox"],
            format={"kind": "greyhound", "runner_count": 6},
        )
        engine.manual_odds(race, "win", ODDS)
    engine.deposit(customer=1, amount_minor=1_000_000)
    return engine


def finish(engine: Engine, race: int, positions: list[int]) -> None:
    engine.feed.incident(race, "off", sport="racing")
    engine.feed.incident(race, "result", sport="racing", positions=positions)
    engine.feed.incident(race, "official", sport="racing")


def test_a_named_system_is_told_with_its_lines_and_paid_to_the_cent() -> None:
    """A ticket was one bet on all of its legs: a Yankee was eleven requests."""
    engine = engine_with_races(4)
    legs = [engine.board(race).leg("win", f"r{race}") for race in range(1, 5)]
    ticket = engine.place_ticket(customer=1, legs=legs, stake_minor=2_200, bets=[Bet(system="yankee")])
    assert (ticket.state, ticket.plan, ticket.stake_minor) == ("accepted", "system", 2_200)
    (bet,) = ticket.bets
    assert (bet.lines, bet.line_stake_minor, bet.sizes, bet.legs) == (11, 200, (2, 3, 4), (0, 1, 2, 3))
    for race in range(1, 4):
        behind = [runner + 1 if runner < race else runner for runner in range(1, 7)]
        finish(engine, race, [1 if runner == race else behind[runner - 1] for runner in range(1, 7)])
    finish(engine, 4, [1, 2, 3, 4, 5, 6])
    # 3, 4 and 5 won, 6 lost: doubles 12 + 15 + 20, treble 60.
    assert engine.ticket(ticket.ticket).paid_minor == 200 * (12 + 15 + 20 + 60)
    assert all(engine.invariants().values())


def test_what_max_stake_promises_is_a_whole_stake_of_each_line() -> None:
    engine = engine_with_races(3)
    legs = [engine.board(race).leg("win", "r1") for race in range(1, 4)]
    bets = [Bet(bankers=(0,), sizes=(1, 2))]
    most = engine.max_stake(customer=1, legs=legs, bets=bets).stake_minor_max
    assert most % 3 == 0
    engine.deposit(customer=1, amount_minor=most + 3)
    refused = engine.place_ticket(customer=1, legs=legs, stake_minor=most + 3, bets=bets)
    assert refused.reason is not None
    assert 401 <= refused.reason.number <= 407
    assert engine.place_ticket(customer=1, legs=legs, stake_minor=most, bets=bets).is_accepted


def test_each_way_tells_its_places_and_pays_both_parts() -> None:
    engine = engine_with_races(1)
    legs = [engine.board(1).leg("win", "r5")]
    bets = [Bet(line_stake_minor=1_000, parts="each_way")]
    ticket = engine.place_ticket(customer=1, legs=legs, bets=bets, each_way=[EachWay(0)])
    assert (ticket.state, ticket.plan, ticket.stake_minor) == ("accepted", "each_way", 2_000)
    _, place = ticket.legs
    assert (place.market, place.selection, place.place_of, place.fraction_of) == ("place.2", "r5", 0, 4)
    finish(engine, 1, [1, 3, 4, 5, 2, 6])
    # Second: lost to win, 8/1 at a quarter for the place.
    assert engine.ticket(ticket.ticket).paid_minor == 3_000


def test_what_makes_no_bets_is_an_error_or_a_reason() -> None:
    engine = engine_with_races(3)
    legs = [engine.board(race).leg("win", "r1") for race in range(1, 4)]
    with pytest.raises(RequestError, match="number of legs 3 of a yankee is not 4"):
        engine.place_ticket(customer=1, legs=legs, stake_minor=100, bets=[Bet(system="yankee")])
    too_long = engine.place_ticket(customer=1, legs=legs, stake_minor=100, bets=[Bet(sizes=(4,))])
    assert too_long.reason is not None
    assert too_long.reason.name == "plan_not_possible"
    uneven = engine.place_ticket(customer=1, legs=legs, stake_minor=100, bets=[Bet(system="patent")])
    assert uneven.reason is not None
    assert uneven.reason.name == "stake_not_of_lines"
    idle = engine.place_ticket(customer=1, legs=legs, stake_minor=100, bets=[Bet(legs=(0, 1))])
    assert idle.reason is not None
    assert idle.reason.name == "plan_not_possible"


def test_requests_and_tickets_with_a_plan_follow_their_schemas() -> None:
    def validator(name: str) -> Any:
        document = orjson.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_bytes())
        return jsonschema.Draft202012Validator(document)

    engine = engine_with_races(3)
    legs = [engine.board(race).leg("win", "r1") for race in range(1, 4)]
    request = ticket_request(
        customer=1,
        legs=legs,
        bets=[
            Bet(system="trixie", line_stake_minor=100, parts="each_way"),
            Bet(bankers=(0,), sizes=(1,), line_stake_minor=50),
        ],
        each_way=[EachWay(0), EachWay(1, 2, 4)],
    )
    validator("orders").validate({**request, "request_id": "r"})
    told = engine.request({**request, "request_id": "r"})
    validator("replies").validate(told.body)
    assert isinstance(told.value, Ticket)
    assert [bet.lines for bet in told.value.bets] == [8, 2]
