"""The recording as the demo plays it: idle time left out, the matches of a day a little apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

# A link to the recording in the repository; in a wheel or sdist it is the file itself.
RECORDING = Path(__file__).with_name("recording.jsonl")
SOURCE = "recording.wc2022"
TOPIC_PREFIX = "football.world_cup_2022."

NS_PER_MS = 1_000_000
MINUTE_MS = 60_000
DAY_NS = 86_400 * 1_000_000_000
# Kick-off slots of one day follow each other at this distance, so that matches overlap.
STAGGER_MS = 20 * MINUTE_MS
# From the first announcement to the first kick-off, and from the end of a day to the next kick-off.
LEAD_MS = 30 * MINUTE_MS
NIGHT_MS = 10 * MINUTE_MS
# No two matches kick off in the same second: the clock ticks of all would fall on the same moment for ever.
OFFSET_MS = 13_700

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A message and when the demo sends it, in milliseconds of match time from the beginning."""

    at_ms: int
    message: Message


@dataclass(frozen=True, slots=True)
class Match:
    """What a fixture is called."""

    fixture: int
    home: str
    away: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is sent when, and the matches in it."""

    steps: tuple[Step, ...]
    matches: tuple[Match, ...]

    @property
    def length_ms(self) -> int:
        """Match time from the first message to the last."""
        return self.steps[-1].at_ms

    def run_s(self, speed: float) -> float:
        """How long it takes at so many match minutes per second."""
        return self.length_ms / MINUTE_MS / speed


def recorded(path: Path = RECORDING) -> Iterator[Message]:
    """The messages of the recording, in order."""
    with path.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


@cache
def _by_match() -> list[list[Message]]:
    """The messages of each match, in order of kick-off."""
    by_fixture: dict[int, list[Message]] = {}
    for message in recorded():
        by_fixture.setdefault(message["fixture"], []).append(message)
    return sorted(by_fixture.values(), key=lambda told: (told[0]["start_ns"], told[0]["fixture"]))


@cache
def schedule(match_count: int) -> Schedule:
    """Plans the first `match_count` matches.

    All matches of a day and of the day after it are announced before the day's first kick-off, so there is
    always something to bet on before a match. Sequence numbers are those of the order in which it is sent.
    """
    chosen = _by_match()[:match_count]
    days: dict[int, list[list[Message]]] = {}
    for messages in chosen:
        days.setdefault(messages[0]["start_ns"] // DAY_NS, []).append(messages)

    steps: list[tuple[int, int, int, Message]] = []
    announce_ms, begin_ms = 0, LEAD_MS
    for number, day in enumerate(days.values()):
        end_ms = begin_ms
        slots = sorted({messages[0]["start_ns"] for messages in day})
        for place, messages in enumerate(day):
            fixture, start_ns = messages[0]["fixture"], messages[0]["start_ns"]
            offset_ms = fixture * OFFSET_MS % MINUTE_MS
            kick_off_ms = begin_ms + slots.index(start_ns) * STAGGER_MS + offset_ms
            for order, message in enumerate(messages):
                is_in_play = message["type"] == "incident"
                at_ms = announce_ms + place * MINUTE_MS + offset_ms
                if is_in_play:
                    at_ms = kick_off_ms + (message["time_ns"] - start_ns) // NS_PER_MS
                elif message["type"] == "fixture":
                    message = {**message, "start_ms": kick_off_ms}
                steps.append((at_ms, fixture, order, message))
                end_ms = max(end_ms, at_ms)
        # The first two days are announced at the beginning, each later one a day ahead.
        announce_ms = begin_ms if number > 0 else 0
        begin_ms = end_ms + NIGHT_MS
    steps.sort(key=lambda step: step[:3])
    ordered = tuple(
        Step(at_ms, {**message, "seq": seq}) for seq, (at_ms, _, _, message) in enumerate(steps, start=1)
    )
    matches = tuple(
        Match(messages[0]["fixture"], messages[0]["home"], messages[0]["away"]) for messages in chosen
    )
    return Schedule(ordered, matches)


def stamped(step: Step, start_ns: int, speed: float) -> Message:
    """The message as sent: times of the recording become the intended times of this run."""

    def moment_ns(at_ms: int) -> int:
        return start_ns + int(at_ms / MINUTE_MS / speed * 1e9)

    message = {**step.message, "time_ns": moment_ns(step.at_ms)}
    if "start_ms" in message:
        message["start_ns"] = moment_ns(message.pop("start_ms"))
    return message
