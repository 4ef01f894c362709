"""Matches with goals, and bets with a delay on them, against a running engine: ``scene.py FOLDER OPTIONS``.

Prints what was acknowledged, and every bet that was taken although a later goal had been handed over before.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from answers import Json, is_accepted, leg_of, reason, state
from rig import Clients

SOURCE = "scene"
FIXTURE_COUNT = 8
CUSTOMERS = range(500, 520)
# A goal counts as delivered so long after it was handed to the feed's socket.
DELIVERED_NS = 250_000_000
# After the last bet, answers are read for so long.
REST_S = 4.0


class Scene:
    """One stretch of play."""

    def __init__(self, folder: Path, *, seed: int, first_fixture: int) -> None:
        ready = json.loads((folder / "ready").read_text(encoding="utf-8"))
        self.clients = Clients(lambda name: str(ready["endpoints"][name]))
        self.chance = random.Random(seed)
        self.fixtures = range(first_fixture, first_fixture + FIXTURE_COUNT)
        self.images: dict[int, Json] = {}
        self.goals = dict.fromkeys(self.fixtures, 0)
        # When the n-th goal of a fixture was handed over.
        self.handed_ns: dict[tuple[int, int], int] = {}
        self.decided: dict[str, Json] = {}
        self.sent = 0
        self.clock_ms = 1_000

    def begin(self) -> None:
        """Money and matches."""
        self.clients.connect()
        for customer in CUSTOMERS:
            self.clients.deposit(customer, 1_000_000)
        for fixture in self.fixtures:
            self.images[fixture] = self.clients.match(fixture, source=SOURCE)

    def play(self, seconds: float) -> None:
        """Feed and bet."""
        chance, clients = self.chance, self.clients
        until = time.monotonic() + seconds
        asked_s = 0.0
        while (now_s := time.monotonic()) < until:
            self.clock_ms += 50
            fixture = chance.choice(self.fixtures)
            if chance.random() < 0.06 and self.goals[fixture] < 6:
                self.goals[fixture] += 1
                clients.goal(fixture, self.clock_ms, self.goals[fixture], source=SOURCE)
                self.handed_ns[fixture, self.goals[fixture]] = time.time_ns()
            elif chance.random() < 0.03:
                clients.incident(fixture, "danger", self.clock_ms, source=SOURCE)
                clients.incident(fixture, "safe", self.clock_ms, source=SOURCE)
            else:
                clients.incident(fixture, "clock", self.clock_ms, source=SOURCE)
            if asked_s + 0.05 < now_s:
                asked_s = now_s
                clients.send(clients.snapshot, type="image", fixture=fixture)
            for _ in range(2):
                self._bet(chance.choice(self.fixtures))
            self._read(wait_ms=10)
        rest_until = time.monotonic() + REST_S
        while time.monotonic() < rest_until:
            self._read(wait_ms=100)

    def _bet(self, fixture: int) -> None:
        market, selection = self.chance.choice((("1x2", "home"), ("total:6.5", "under"), ("1x2", "away")))
        leg = leg_of(self.images[fixture], market, selection)
        customer = self.chance.choice(CUSTOMERS)
        request = self.clients.bet_request(
            [leg], customer=customer, stake_minor=self.chance.randrange(10, 200)
        )
        self.clients.send(**request, request_id=request["ticket"])
        self.sent += 1

    def _read(self, *, wait_ms: int) -> None:
        clients = self.clients
        clients.orders.poll(wait_ms)
        while clients.orders.get(zmq.EVENTS) & zmq.POLLIN:
            answer = json.loads(clients.orders.recv_multipart()[-1])
            if answer["type"] == "ticket" and state(answer) != "delayed":
                self.decided[answer["ticket"]["ticket"]] = answer
        while clients.snapshot.get(zmq.EVENTS) & zmq.POLLIN:
            image = json.loads(clients.snapshot.recv_multipart()[-1])
            if image["type"] == "board" and image["fixture"] in self.images:
                self.images[image["fixture"]] = image

    def result(self) -> Json:
        """What there is to judge."""
        old: list[Any] = []
        reasons: dict[str, int] = {}
        for ticket, answer in self.decided.items():
            if not is_accepted(answer):
                reasons[reason(answer)] = reasons.get(reason(answer), 0) + 1
                continue
            leg = answer["ticket"]["legs"][0]
            next_goal_ns = self.handed_ns.get((leg["fixture"], leg["score"][0] + 1))
            decided_ns = answer["ticket"]["decided_ns"]
            if next_goal_ns is not None and next_goal_ns + DELIVERED_NS < decided_ns:
                old.append([ticket, leg["score"], (decided_ns - next_goal_ns) / 1e9])
        return {
            "sent": self.sent,
            "accepted": [ticket for ticket, answer in self.decided.items() if is_accepted(answer)],
            "reasons": reasons,
            "old": old,
            "goals": sum(self.goals.values()),
        }


def main() -> int:
    """Play it."""
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    scene = Scene(folder, seed=options["seed"], first_fixture=options["first_fixture"])
    try:
        scene.begin()
        scene.play(options["seconds"])
    finally:
        scene.clients.disconnect()
    print(json.dumps(scene.result()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
