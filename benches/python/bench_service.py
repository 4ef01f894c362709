"""The service through the Python binding: what a turn of the serve loop costs without its sockets.

Matters because the loop of `oddsengine serve` is Python: each figure is a turn with one message, from the
bytes received to the list of frames to send. In memory, no journal.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from oddsengine import _core, config

RECORDING = Path(__file__).parents[2] / "feeds" / "recordings" / "world_cup_2022_group_stage.jsonl"
NOW_NS = 1_668_960_000_000_000_000
FIXTURES = 48
CUSTOMERS = 100

Benchmark = Callable[..., Any]


@pytest.fixture
def service() -> Any:
    """A service with the fixtures and prices of the recording, and customers with money."""
    settings = config.parse({"journal": {"in_memory": True}})
    service = _core.Service(journal=None, config=settings.engine, now_ns=NOW_NS)
    for line in RECORDING.read_bytes().splitlines():
        if b'"type":"fixture"' in line or b'"type":"prices"' in line:
            service.ingest(line, NOW_NS)
    for customer in range(1, CUSTOMERS + 1):
        deposit = {"type": "deposit", "request_id": "d", "transfer": f"{customer:032x}", "customer": customer}
        service.order(
            b"bench", orjson.dumps({**deposit, "currency": "EUR", "amount_minor": 10_000_000_000}), NOW_NS
        )
    turn(service)
    return service


def turn(service: Any) -> list[tuple[int, list[bytes]]]:
    """The end of a turn: what the loop does after it has handed messages in."""
    service.end_turn()
    return service.take_frames(NOW_NS)


def test_clock_tick_to_frames(benchmark: Benchmark, service: Any) -> None:
    """A clock tick reprices a full board."""
    for number in range(FIXTURES):
        service.ingest(incident(1_001 + number, "kick_off", 0), NOW_NS)
    turn(service)

    def ticks() -> Iterator[bytes]:
        clock_ms = 0
        while True:
            clock_ms += 200
            for number in range(FIXTURES):
                yield incident(1_001 + number, "clock", clock_ms)

    messages = ticks()

    def step() -> list[tuple[int, list[bytes]]]:
        service.ingest(next(messages), NOW_NS)
        return turn(service)

    frames = benchmark(step)
    assert all(target == 0 and orjson.loads(parts[1])["type"] == "board" for target, parts in frames)
    assert service.metrics()["refused_commands"] == 0


def test_ticket_to_reply(benchmark: Benchmark, service: Any) -> None:
    """A single is judged, booked and answered."""
    numbers = iter(range(1, 1 << 62))

    def step() -> list[tuple[int, list[bytes]]]:
        service.order(b"client", ticket(next(numbers)), NOW_NS)
        return turn(service)

    frames = benchmark(step)
    reply = next(orjson.loads(parts[1]) for target, parts in frames if target == 2)
    assert reply["ticket"]["state"] in ("accepted", "refused")
    assert all(service.invariants().values())


def test_an_empty_turn(benchmark: Benchmark, service: Any) -> None:
    """What the border between Python and Rust costs by itself."""
    assert benchmark(turn, service) == []


def incident(fixture: int, kind: str, clock_ms: int) -> bytes:
    """An ingest message."""
    return (
        b'{"type":"incident","source":"bench","time_ns":%d,"fixture":%d,"kind":"%b","half":1,"clock_ms":%d,"score":[0,0]}'
        % (NOW_NS, fixture, kind.encode(), clock_ms)
    )


def ticket(number: int) -> bytes:
    """A small single at whatever the odds are."""
    leg = {
        "fixture": 1_001 + number % FIXTURES,
        "market": "1x2",
        "selection": ("home", "draw", "away")[number % 3],
    }
    request = {"type": "place_ticket", "request_id": str(number), "ticket": f"{number:032x}"}
    money = {"customer": 1 + number % CUSTOMERS, "currency": "EUR", "stake_minor": 100}
    policy = {"odds_change": {"policy": "any"}, "legs": [{**leg, "odds": 2.0, "version": [1, 1]}]}
    return orjson.dumps({**request, **money, **policy})
