"""The trading desk of the demo: looks at the exposure, and interferes now and then."""

import random
import time
from collections import Counter, deque
from typing import Any

import orjson
import zmq

from oddsengine.demo.processes import DemoError

Message = dict[str, Any]

SOURCE = "desk.demo"
EXPOSURE_S = 0.25
ACTION_S = 2.0
# How long a suspension or a price set by hand lasts.
UNDO_S = 0.5
ANSWER_S = 10.0
ALERTS_SHOWN = 3


class Desk:
    """A client of the `orders` socket, and a listener to alerts."""

    def __init__(self, orders: str, desk: str, seed: int) -> None:
        self._context = zmq.Context()
        self._orders = self._context.socket(zmq.DEALER)
        self._alerts = self._context.socket(zmq.SUB)
        self._alerts.subscribe("desk.alert")
        for socket, endpoint in ((self._orders, orders), (self._alerts, desk)):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(endpoint)
        self._random = random.Random(seed)
        self._next_id = 0
        self._answers: dict[str, Message] = {}
        self._exposure_s = self._action_s = time.monotonic()
        self._undo: deque[tuple[float, Message]] = deque()
        self._turn = 0
        self.actions: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.last_alerts: deque[str] = deque(maxlen=ALERTS_SHOWN)
        self.levels: list[Message] = []
        self.losses: dict[int, int] = {}

    def turn(self, rows: list[Message], *, may_act: bool) -> None:
        """Reads what came, asks for the exposure when it is time, acts when it is time."""
        self._read()
        now_s = time.monotonic()
        if now_s >= self._exposure_s:
            self._exposure_s = now_s + EXPOSURE_S
            self._ask_exposure(rows)
        while self._undo and now_s >= self._undo[0][0]:
            self._send(self._undo.popleft()[1])
        if may_act and rows and now_s >= self._action_s:
            self._action_s = now_s + ACTION_S
            self._act(self._random.choice(rows), now_s)

    def state_hash(self) -> Message:
        """The hash of the live state, with the number of commands behind it."""
        request_id = self._send({"type": "state_hash"})
        deadline_s = time.monotonic() + ANSWER_S
        while request_id not in self._answers:
            if not self._orders.poll(100) and time.monotonic() > deadline_s:
                raise DemoError("the engine did not tell its state hash")
            self._read()
        return self._answers.pop(request_id)

    def close(self) -> None:
        """Closes the sockets."""
        self._orders.close()
        self._alerts.close()
        self._context.term()

    def _send(self, body: Message) -> str:
        self._next_id += 1
        request_id = f"desk-{self._next_id}"
        self._orders.send(orjson.dumps({**body, "request_id": request_id, "source": SOURCE}))
        return request_id

    def _read(self) -> None:
        while self._orders.poll(0):
            reply = orjson.loads(self._orders.recv())
            match reply["type"]:
                case "exposure":
                    self._note_exposure(reply)
                case "done":
                    self.actions["done"] += 1
                case "refused":
                    self.refused[reply["reason"]["name"]] += 1
                case "state_hash":
                    self._answers[reply["request_id"]] = reply
                case kind:
                    self.refused[f"{kind}: {reply.get('message', '')}"] += 1
        while self._alerts.poll(0):
            alert = orjson.loads(self._alerts.recv_multipart()[1])
            self.alerts[alert["alert"]] += 1
            self.last_alerts.append(f"{alert['alert']}: {alert['message']}")

    def _note_exposure(self, reply: Message) -> None:
        self.levels = [level for level in reply["levels"] if level["level"] != "fixture"]
        fixture = reply["fixture"]
        if fixture is not None:
            self.losses[fixture["fixture"]] = max(0, -fixture["worst_minor"])

    def _ask_exposure(self, rows: list[Message]) -> None:
        """One fixture at a time: its joint worst case over every outcome."""
        body: Message = {"type": "exposure"}
        if rows:
            self._turn += 1
            body["scope"] = {"level": "fixture", "fixture": rows[self._turn % len(rows)]["fixture"]}
        self._send(body)

    def _act(self, row: Message, now_s: float) -> None:
        fixture = row["fixture"]
        if row["period"] != "pre_match":
            self._send({"type": "suspend", "fixture": fixture})
            self._undo.append((now_s + UNDO_S, {"type": "resume", "fixture": fixture}))
            return
        odds = row["odds"].get("1x2")
        if odds is None or self._random.random() < 0.5:
            supremacy, total = self._random.uniform(-1.0, 1.0), self._random.uniform(2.2, 3.0)
            self._send(
                {"type": "set_expectation", "fixture": fixture, "supremacy": supremacy, "total": total}
            )
            return
        manual = {"type": "manual_odds", "fixture": fixture, "market": "1x2"}
        shaded = [None if price is None else round(price * 0.97, 2) for price in odds]
        self._send({**manual, "odds": shaded})
        self._undo.append((now_s + UNDO_S, {**manual, "odds": None}))
