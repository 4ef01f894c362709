"""Customers and a feed over ZeroMQ: load, and the same requests again after a crash."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import orjson
import zmq
from bookkeeper import CUSTOMERS, FEED, FIXTURES, MARKETS, Bookkeeper, CheckError

from engine_process import EngineProcess

Json = dict[str, Any]
# Requests without an answer at any time.
WINDOW = 48
PATIENCE_S = 30.0
# A feed may repeat its last 32 messages; whoever goes back further has lost its place.
REPEATS_MAX = 30


class Player:
    """One connection of everything to one engine process."""

    def __init__(self, engine: EngineProcess, books: Bookkeeper, chance: random.Random) -> None:
        self.engine, self.books, self.chance = engine, books, chance
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._feed = self._socket(zmq.PUSH, "ingest")
        self._orders = self._socket(zmq.DEALER, "orders")
        self._images = self._socket(zmq.DEALER, "snapshot")
        self._odds = self._socket(zmq.SUB, "odds")
        for topic in (b"odds.", b"status.", b"hb"):
            self._odds.subscribe(topic)
        self._poller = zmq.Poller()
        for socket in (self._orders, self._images, self._odds):
            self._poller.register(socket, zmq.POLLIN)
        # Requests without a final answer, by request id.
        self._waiting: dict[str, Json] = {}
        self._answers: dict[str, Json] = {}
        self._request_count = 0
        self._is_greeted = False
        # The last number of our feed that the engine knows, as its heartbeat tells.
        self._heard_seq = 0
        self.epoch: int | None = None

    def _socket(self, kind: int, name: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0
        socket.connect(self.engine.endpoint(name))
        return socket

    def close(self) -> None:
        """Forget the connections; what was not sent is lost."""
        self._context.destroy(linger=0)

    # Joining and catching up

    def join(self) -> None:
        """Wait for the stream, then ask for the boards."""
        self._until(lambda: self._is_greeted, "a heartbeat")
        self._images.send(orjson.dumps({"type": "images", "request_id": "images"}))
        self._until(lambda: "images" in self._answers, "the images")
        assert self.epoch is not None
        self.books.joined(self.epoch)

    def catch_up(self) -> None:
        """Send everything unanswered again, with the same ids, and wait until all of it is answered."""
        if self.epoch is None:
            self.join()
        if not self.books.feed:
            self._open_fixtures()
        # What it has not heard, in order, and now and then some of the last ones once more.
        first = max(0, self._heard_seq - self.chance.choice((0, 0, 5, REPEATS_MAX)))
        for message in self.books.feed[first:]:
            self._feed.send(message)
        for request in self.books.unanswered():
            self._send(request)
        self._until(lambda: not self._waiting, "the answers")
        # Now and then an answer from long ago is asked for again.
        for request in self.books.some_answered(self.chance, 5):
            self._send(request)
        self._until(lambda: not self._waiting, "the repeats")

    def _open_fixtures(self) -> None:
        for fixture in FIXTURES:
            self._push(
                type="fixture",
                fixture=fixture,
                sport="football",
                competition="cup",
                home="H",
                away="A",
                start_ns=0,
            )
            self._push(
                type="prices",
                fixture=fixture,
                odds_1x2=[3.36, 3.63, 2.1],
                total_line=2.5,
                odds_total=[2.04, 1.79],
            )
        self._push(type="incident", fixture=FIXTURES[0], kind="kick_off", clock_ms=0, score=[0, 0])
        for customer in CUSTOMERS:
            self._deposit(customer, 1_000_000)

    # Load

    def play(self, seconds: float) -> None:
        """Feed, deposit and bet for so long."""
        if self.epoch is None:
            self.join()
        if not self.books.feed:
            self._open_fixtures()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(self.chance.randrange(1, 8)):
                self._act()
            self._receive(self.chance.choice((0, 0, 1, 3)))

    def _act(self) -> None:
        chance = self.chance
        if chance.random() < 0.25:
            self._happening()
            return
        if len(self._waiting) >= WINDOW:
            return
        customer = chance.choice(CUSTOMERS)
        if chance.random() < 0.2:
            self._deposit(customer, chance.randrange(1, 100_000))
        elif (bet := self._bet(customer)) is not None:
            self._send(bet)
        if chance.random() < 0.05 and self._waiting:
            # An impatient client: the same request once more.
            self._orders.send(orjson.dumps(chance.choice(list(self._waiting.values()))))

    def _happening(self) -> None:
        chance = self.chance
        fixture = chance.choice(FIXTURES)
        kind = chance.randrange(10)
        if fixture == FIXTURES[0] and kind < 7:
            clock_ms = self.books.next_clock_ms()
            if kind == 0 and self.books.goals < 4:
                self.books.goals += 1
                self._push(
                    type="incident",
                    fixture=fixture,
                    kind="goal",
                    side="home",
                    clock_ms=clock_ms,
                    score=[self.books.goals, 0],
                )
            elif kind == 1:
                self._push(type="incident", fixture=fixture, kind="danger", clock_ms=clock_ms, side="home")
                self._push(type="incident", fixture=fixture, kind="safe", clock_ms=clock_ms)
            else:
                self._push(
                    type="incident",
                    fixture=fixture,
                    kind="clock",
                    clock_ms=clock_ms,
                    score=[self.books.goals, 0],
                )
        elif fixture != FIXTURES[0]:
            home, away = chance.uniform(2.0, 4.0), chance.uniform(2.0, 4.0)
            draw = 1 / (1.05 - 1 / home - 1 / away)
            if 2.5 < draw < 8:
                self._push(
                    type="prices",
                    fixture=fixture,
                    odds_1x2=[round(home, 2), round(draw, 2), round(away, 2)],
                    total_line=2.5,
                    odds_total=[1.9, 1.9],
                )

    def _push(self, **fields: Any) -> None:
        message = self.books.feed_message(fields)
        self._feed.send(message)

    def _deposit(self, customer: int, amount_minor: int) -> None:
        self._send(self.books.new_deposit(customer, amount_minor))

    def _bet(self, customer: int) -> Json | None:
        chance = self.chance
        assert self.epoch is not None
        legs = []
        for fixture in chance.sample(FIXTURES, chance.choice((1, 1, 1, 2))):
            market = chance.choice(list(MARKETS))
            found = self.books.offered(self.epoch, fixture, market)
            if found is None:
                return None
            version, odds, selections = found
            index = chance.randrange(len(odds))
            if odds[index] is None:
                return None
            legs.append(
                {
                    "fixture": fixture,
                    "market": market,
                    "selection": selections[index],
                    "odds": odds[index],
                    "version": [self.epoch, version],
                }
            )
        policy = chance.choice(("none", "any", "higher"))
        return self.books.new_bet(customer, chance.randrange(10, 2_000), policy, legs)

    # Requests and answers

    def ask(self, **request: Any) -> Json:
        """Ask and wait for the answer."""
        self._request_count += 1
        request_id = f"ask-{self._request_count}"
        self._orders.send(orjson.dumps(request | {"request_id": request_id}))
        self._until(lambda: request_id in self._answers, f"the answer to {request}")
        return self._answers.pop(request_id)

    def _send(self, request: Json) -> None:
        self._waiting[request["request_id"]] = request
        self._orders.send(orjson.dumps(request))

    def _until(self, is_done: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_done():
            if time.monotonic() > deadline:
                some = list(self._waiting.values())[:2]
                raise CheckError(f"{what} never came; waiting: {some}; {self.engine.errors()}")
            if not self.engine.is_running():
                raise CheckError(f"the engine died by itself: {self.engine.errors()}")
            self._receive(20)

    def read_rest(self) -> None:
        """What had left the engine before it was killed still counts as acknowledged."""
        for _ in range(3):
            self._receive(20)

    def _receive(self, timeout_ms: int) -> None:
        ready = dict(self._poller.poll(timeout_ms))
        for socket, read in (
            (self._odds, self._published),
            (self._images, self._image),
            (self._orders, self._answered),
        ):
            if socket in ready:
                while socket.get(zmq.EVENTS) & zmq.POLLIN:
                    read(socket.recv_multipart())

    def _published(self, parts: list[bytes]) -> None:
        frame = orjson.loads(parts[1])
        if self.epoch is None:
            self.epoch = frame["epoch"]
            self.books.epoch_seen(self.epoch)
        if frame["epoch"] != self.epoch:
            raise CheckError(f"epoch {frame['epoch']} within epoch {self.epoch}")
        if parts[0] == b"hb":
            self._is_greeted = True
            heard = [feed["seq"] or 0 for feed in frame["feeds"] if feed["source"] == FEED]
            self._heard_seq = max([self._heard_seq, *heard])
        if frame["type"] == "board":
            self.books.board_seen(frame)

    def _image(self, parts: list[bytes]) -> None:
        answer = orjson.loads(parts[-1])
        if answer["type"] == "board":
            self.books.board_seen(answer)
        else:
            self._answers[answer["request_id"]] = answer

    def _answered(self, parts: list[bytes]) -> None:
        answer = orjson.loads(parts[-1])
        request_id = answer["request_id"]
        if request_id is None or request_id.startswith("ask-"):
            self._answers[str(request_id)] = answer
        elif self.books.acknowledged(answer):
            self._waiting.pop(request_id, None)


def end_journal(config: Path, books: Bookkeeper, chance: random.Random) -> None:
    """A clean end of the journal beside ``config``: nothing is missing, and the exit code says so.

    Raises
    ------
    CheckError
        Something is missing, or the engine stopped with another status than 0.
    """
    with EngineProcess(config) as engine:
        player = Player(engine, books, chance)
        player.catch_up()
        player.close()
        if (code := engine.stop()) != 0:
            raise CheckError(f"a clean stop ended with {code}: {engine.errors()}")
    books.check_journal(config.with_name("journal.db"), is_complete=True)
