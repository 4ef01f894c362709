"""The host's clock steps while the engine runs, or between two runs (with libfaketime)."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable
from pathlib import Path

from answers import is_accepted, state
from rig import ControlError, Measures, SkippedError, World, attack, grant

DELAY_MS = 500
# Ten a second; a clock that has stopped gives none, a busy machine some.
HEARTBEATS_IN_S = 2.0
HEARTBEATS_MIN = 3
# Far from the minute and the hour of the steps.
LATE_S_MAX = 8.0


def _library() -> str:
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob.glob(
        "/usr/lib*/faketime/libfaketimeMT.so.1"
    )
    if not found:
        raise SkippedError("libfaketime is not installed (apt-get install faketime)")
    return found[0]


class _Stepped:
    """An engine on a wall clock that can be moved; its monotonic clock stays as it is."""

    def __init__(self) -> None:
        library = _library()
        self.world = World(is_ipc=True, is_faulty=True, book={"bet_delay_ms": DELAY_MS})
        self._file = self.world.folder / "step"
        self.step("+0s")
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.world.engine.kill()
        self.world.restart(environment=self.environment)
        grant(self.world)
        self.world.match(1)
        self.world.control(1)

    def step(self, text: str) -> None:
        """Move the clock against the right time."""
        Path(self._file).write_text(f"{text}\n", encoding="utf-8")

    def __enter__(self) -> _Stepped:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()


def _is_alive(measures: Measures, world: World, when: str) -> None:
    """Heartbeats come, and a bet in play is decided."""
    world.heartbeat()
    until = time.monotonic() + HEARTBEATS_IN_S
    count = 0
    while (left_ms := int((until - time.monotonic()) * 1000)) > 0:
        if world.heartbeats.poll(left_ms):
            world.heartbeats.recv_multipart()
            count += 1
    measures.least(f"heartbeats in {HEARTBEATS_IN_S:.0f} s {when}", count, HEARTBEATS_MIN)
    # The feed goes on, at the time that it has.
    world.incident(1, "clock", 60_000, score=[0, 0])
    world.settled_board(1)
    start = time.monotonic()
    bet = world.bet(1)
    if state(bet.first()) not in ("delayed", "accepted"):
        raise ControlError(f"{when} a bet is {state(bet.first())}: {bet.first()['ticket']['reason']}")
    for _ in range(20):
        world.incident(1, "clock", 61_000, score=[0, 0])
        time.sleep(0.05)
    try:
        decided = bet.decided(seconds=DELAY_MS / 1000 + LATE_S_MAX)
    except TimeoutError:
        measures.equal(f"delayed bet {when}", "undecided", "decided")
        return
    took_s = time.monotonic() - start
    measures.most(f"delay of {DELAY_MS} ms {when}, s", took_s, DELAY_MS / 1000 + LATE_S_MAX)
    measures.told("taken", float(is_accepted(decided)))


def _clock_attack(do: Callable[[Measures, _Stepped], None], measures: Measures) -> None:
    with _Stepped() as stepped:
        try:
            do(measures, stepped)
        except TimeoutError as error:
            measures.equal("silence", str(error), "none")


@attack("clock-back-60s", seconds=90)
def clock_back(measures: Measures) -> None:
    """The clock goes back by a minute, with a bet waiting."""

    def do(measures: Measures, stepped: _Stepped) -> None:
        stepped.step("-60s")
        _is_alive(measures, stepped.world, "after -60 s")

    _clock_attack(do, measures)


@attack("clock-forward-and-corrected", seconds=90)
def clock_forward(measures: Measures) -> None:
    """The clock goes an hour forward, and back again."""

    def do(measures: Measures, stepped: _Stepped) -> None:
        stepped.step("+3600s")
        _is_alive(measures, stepped.world, "at +1 h")
        stepped.step("+0s")
        _is_alive(measures, stepped.world, "corrected")

    _clock_attack(do, measures)


@attack("clock-forward-then-restart", seconds=90)
def clock_forward_restart(measures: Measures) -> None:
    """The clock goes an hour forward; the engine is restarted at the right time on the same journal."""

    def do(measures: Measures, stepped: _Stepped) -> None:
        stepped.step("+3600s")
        world = stepped.world
        waiting = world.bet(1)
        waiting.first()
        world.incident(1, "clock", 60_000, score=[0, 0])
        world.settled_board(1)
        world.restart(environment={})
        world.incident(1, "clock", 60_000, score=[0, 0])
        world.settled_board(1)
        _is_alive(measures, world, "after the restart")
        told_ns = world.ask(type="ping")["decided_ns"]
        measures.most("engine's time ahead, s", (told_ns - time.time_ns()) / 1e9, 5)

    _clock_attack(do, measures)


@attack("clock-a-year-ahead-at-start", seconds=90)
def clock_year(measures: Measures) -> None:
    """The host boots once with a clock a year ahead, and then with the right one."""

    def do(measures: Measures, stepped: _Stepped) -> None:
        stepped.step("+31536000s")
        world = stepped.world
        try:
            world.restart()
            grant(world)
        except RuntimeError:
            # Refused to start so far ahead.
            measures.told("refused to start a year ahead", 1)
        stepped.step("+0s")
        world.restart()
        for _ in range(5):
            world.incident(1, "clock", 60_000, score=[0, 0])
            time.sleep(0.1)
        _is_alive(measures, world, "a year later")

    _clock_attack(do, measures)


@attack("feed's-clock-is-evidence-only", quick=True)
def senders_clock(measures: Measures) -> None:
    """A feed tells times of 1970 and of the year 2262."""
    with World(book={"bet_delay_ms": 100}) as world:
        grant(world)
        world.match(1)
        for time_ns in (0, 2**63 - 1, 0):
            world.incident(1, "clock", 1_000, time_ns=time_ns, score=[0, 0])
        world.settled_board(1)
        start = time.monotonic()
        measures.equal("a bet", state(world.bet(1).decided()), "accepted")
        measures.most("decided in s", time.monotonic() - start, 3)
