"""The crowd: deposits first, then tickets at an open-loop rate, whatever the engine does.

Arrivals are a Poisson process drawn in advance, and a reply counts from the moment at which its ticket should
have been sent: a slow engine cannot slow the crowd down and look faster by it.
"""

import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import zmq

from oddsengine.demo.audit import Audit, Record
from oddsengine.demo.child import STDIN, Control, pause
from oddsengine.demo.customers import CURRENCY, Message, Tickets, crowd_of
from oddsengine.demo.histogram import Histogram
from oddsengine.demo.schedule import TOPIC_PREFIX

BATCH_MAX = 128
REPLY_NS_MAX = 15_000_000_000
IDLE_NS = 50_000_000
# Share of the slots in which the customer presses the button again, changes a ticket under its old id, or
# sends something that is no ticket at all.
REPEAT_SHARE, CONFLICT_SHARE, MALFORMED_SHARE = 0.01, 0.003, 0.004
MALFORMED = (
    b"{not json",
    b'{"type":"place_ticket"}',
    b'{"type":"place_tikcet","request_id":"m"}',
    b'{"type":"deposit","request_id":"m","transfer":"x","customer":1,"amount_minor":1,"currency":"EUR"}',
    b'{"type":"place_ticket","request_id":"m","ticket":"00","customer":-1,"legs":[]}',
    b"\xff\xfe\x00",
)


@dataclass(slots=True)
class Request:
    """What a reply is waited for."""

    kind: str
    intended_ns: int
    ticket: str = ""


class Crowd:
    """Sockets, customers, and everything that they were told."""

    def __init__(self, control: Control) -> None:
        settings = control.settings
        self.control = control
        self.context = zmq.Context()
        self.orders = self.context.socket(zmq.DEALER)
        self.orders.setsockopt(zmq.LINGER, 0)
        self.orders.setsockopt(zmq.SNDHWM, 100_000)
        self.orders.setsockopt(zmq.RCVHWM, 100_000)
        self.orders.connect(settings["orders"])
        self.odds = self._subscriber(settings["odds"], f"odds.{TOPIC_PREFIX}", f"status.{TOPIC_PREFIX}")
        self.desk = self._subscriber(settings["desk"], "desk.settlement")
        self.wakeups = [STDIN, *(int(socket.getsockopt(zmq.FD)) for socket in self._sockets())]
        self.random = random.Random(settings["seed"])
        self.arrivals = random.Random(settings["seed"] + 1)
        self.interval_ns = 1e9 / settings["bets_per_second"]
        self.tickets = Tickets(crowd_of(settings["customers"], self.random), self.random)
        self.audit = Audit()
        self.records: dict[str, Record] = {}
        self.waiting: dict[str, Request] = {}
        # Repeats of tickets that were delayed: each is told the decision as well, under its own request id.
        self.awaiting_decision: set[str] = set()
        self.bodies: list[Message] = []
        self.replies: list[Message] = []
        self.latency, self.inside, self.send_lag = Histogram(), Histogram(), Histogram()
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.turnover_minor = 0
        self.next_ns = 0
        self.next_ticket: Message | None = None
        self.next_id = 0

    def _sockets(self) -> tuple[zmq.Socket[bytes], ...]:
        return self.orders, self.odds, self.desk

    def _subscriber(self, endpoint: str, *topics: str) -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, 200_000)
        for topic in topics:
            socket.subscribe(topic)
        socket.connect(endpoint)
        return socket

    def send(self, kind: str, body: Message, intended_ns: int = 0) -> None:
        """Sends a request under a new id."""
        self.next_id += 1
        request_id = f"c{self.next_id}"
        self.waiting[request_id] = Request(kind, intended_ns or time.time_ns(), body.get("ticket", ""))
        self.orders.send(orjson.dumps({**body, "request_id": request_id}))

    def ask(self, requests: list[Message]) -> list[Message]:
        """Sends requests in batches and waits for all answers, in their order."""
        answers: list[Message] = []
        while len(answers) < len(requests):
            portion = requests[len(answers) : len(answers) + BATCH_MAX]
            batch = [{**body, "request_id": f"b{number}"} for number, body in enumerate(portion)]
            self.replies.clear()
            self.send("batch", {"type": "batch", "requests": batch})
            self._turn_until(lambda: bool(self.replies))
            # What the answer had no room for was not carried out, and is sent again.
            replies = self.replies[0]["replies"]
            answers += itertools.takewhile(lambda reply: reply.get("code") != "batch_full", replies)
        return answers

    def _turn_until(self, is_done: Callable[[], bool]) -> None:
        deadline_ns = time.time_ns() + REPLY_NS_MAX
        while not is_done():
            if not self._take_one():
                pause(time.time_ns() + IDLE_NS, *self.wakeups)
                self.control.orders()
            if time.time_ns() > deadline_ns:
                raise TimeoutError(f"no reply for {REPLY_NS_MAX / 1e9:.0f} s; waiting for {self.waiting}")

    def open_accounts(self) -> None:
        """Deposits for everybody; the desk blocks a few."""
        customers = self.tickets.customers
        deposits = [
            {
                "type": "deposit",
                "transfer": f"{self.random.getrandbits(128):032x}",
                "customer": customer.customer,
                "amount_minor": customer.deposit_minor,
                "currency": CURRENCY,
            }
            for customer in customers
        ]
        for customer, answer in zip(customers, self.ask(deposits), strict=True):
            if answer["type"] == "money":
                self.audit.deposits[customer.customer] = customer.deposit_minor
        blocked = [customer.customer for customer in customers if customer.is_blocked]
        desk = {"type": "set_customer", "factor": 0, "source": "desk.demo"}
        self.ask([{**desk, "customer": customer} for customer in blocked])

    def play(self, start_ns: int) -> None:
        """Bets until the order to finish."""
        self.next_ns = start_ns
        self._schedule_next()
        while not any(order["type"] == "finish" for order in self.control.orders()):
            # Replies first: their moment is measured. Tickets that are due do not keep from reading odds.
            while self._take_reply():
                pass
            now_ns = time.time_ns()
            is_due = now_ns >= self.next_ns
            if is_due:
                self._bet(now_ns)
            if not (self._take_odds() or self._take_settlement() or is_due):
                if self.next_ticket is None:
                    self.next_ticket = self.tickets.next()
                self._tell(now_ns)
                pause(self.next_ns, *self.wakeups)
        self._turn_until(self._is_quiet)

    def _is_quiet(self) -> bool:
        """Every request has its answer, and every bet delay its decision."""
        if self.waiting or self.awaiting_decision:
            return False
        return all(record.state != "delayed" for record in self.records.values())

    def _schedule_next(self) -> None:
        self.next_ns += int(self.arrivals.expovariate(1.0) * self.interval_ns)

    def _bet(self, now_ns: int) -> None:
        intended_ns = self.next_ns
        self._schedule_next()
        draw = self.random.random()
        if draw < MALFORMED_SHARE:
            self.counts["malformed_sent"] += 1
            self.orders.send(self.random.choice(MALFORMED))
            return
        draw -= MALFORMED_SHARE
        if self.bodies and draw < REPEAT_SHARE + CONFLICT_SHARE:
            body = self.random.choice(self.bodies)
            kind = "repeat" if draw < REPEAT_SHARE else "conflict"
            if kind == "conflict":
                body = {**body, "stake_minor": body["stake_minor"] + 1}
            self.counts[f"{kind}_sent"] += 1
            self.send(kind, body, intended_ns)
            return
        ticket, self.next_ticket = self.next_ticket or self.tickets.next(), None
        if ticket is None:
            self.counts["nothing_to_bet_on"] += 1
            return
        is_system = "bets" in ticket
        self.records[ticket["ticket"]] = Record(
            ticket["customer"], ticket["stake_minor"], is_system=is_system
        )
        self.bodies = [*self.bodies[-63:], ticket]
        self.counts["offered"] += 1
        self.send("ticket", ticket, intended_ns)
        self.send_lag.record(now_ns - intended_ns)

    def _take_one(self) -> bool:
        return self._take_reply() or self._take_odds() or self._take_settlement()

    def _take_reply(self) -> bool:
        try:
            payload = self.orders.recv(zmq.NOBLOCK)
        except zmq.Again:
            return False
        now_ns = time.time_ns()
        reply = orjson.loads(payload)
        request = self.waiting.pop(reply["request_id"] or "", None)
        kind = reply["type"]
        if request is not None and request.kind == "ticket":
            self.latency.record(now_ns - request.intended_ns)
            self.inside.record(reply["sent_ns"] - reply["received_ns"])
        if kind == "batch":
            self.replies.append(reply)
        elif kind == "ticket":
            self._decided(reply, request)
        elif kind == "refused" and request is not None:
            is_conflict = request.kind == "conflict" and reply["reason"]["name"] == "id_has_another_body"
            self.counts["conflict_refused" if is_conflict else "unexpected"] += 1
        elif kind == "error" and reply["code"] == "superseded" and reply["request_id"]:
            self.awaiting_decision.discard(reply["request_id"])
        elif kind == "error" and request is None:
            self.counts["malformed_answered"] += 1
        else:
            self._unexpected(reply)
        return True

    def _decided(self, reply: Message, request: Request | None) -> None:
        ticket = reply["ticket"]
        record = self.records[ticket["ticket"]]
        state, reason = ticket["state"], (ticket["reason"] or {}).get("name", "")
        if reply["repeat"]:
            if state == "delayed":
                self.awaiting_decision.add(reply["request_id"])
            is_alike = record.is_followed_by(state, reason)
            self.counts["repeat_alike" if is_alike else "repeat_differs"] += 1
            # A repeat may overtake the first answer only when something is wrong.
            if not is_alike:
                self._unexpected(reply)
            return
        if request is not None and request.kind == "conflict":
            self._unexpected(reply)
        is_told_again = reply["request_id"] in self.awaiting_decision
        self.awaiting_decision.discard(reply["request_id"])
        if is_told_again and (record.state, record.reason) == (state, reason):
            return
        if record.state not in ("sent", "delayed"):
            self._unexpected(reply)
            return
        record.state, record.reason = state, reason
        if state == "accepted":
            self.counts["accepted"] += 1
            self.counts["systems_accepted"] += int(record.is_system)
            self.turnover_minor += record.stake_minor
        elif state == "refused":
            self.reasons[reason] += 1

    def _unexpected(self, reply: Message) -> None:
        self.counts["unexpected"] += 1
        print("unexpected reply:", orjson.dumps(reply).decode(), file=sys.stderr, flush=True)

    def _take_odds(self) -> bool:
        try:
            _, payload = self.odds.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        frame = orjson.loads(payload)
        self.tickets.take(frame)
        if not self.tickets.names and frame["type"] == "board":
            self._learn_names(frame["fixture"])
        return True

    def _learn_names(self, fixture: int) -> None:
        """Selection names stand in images only; they are the same for every fixture of a template."""
        socket = self.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self.control.settings["snapshot"])
        socket.send(orjson.dumps({"type": "image", "request_id": "names", "fixture": fixture}))
        if socket.poll(REPLY_NS_MAX // 1_000_000):
            markets = orjson.loads(socket.recv())["markets"]
            self.tickets.names = {key: market["selections"] for key, market in markets.items()}
        socket.close()

    def _take_settlement(self) -> bool:
        try:
            _, payload = self.desk.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        self.audit.take_settlement(orjson.loads(payload))
        return True

    def _tell(self, now_ns: int) -> None:
        if self.control.is_time_to_tell(now_ns):
            self.control.tell("bets", **self.facts())

    def facts(self) -> dict[str, Any]:
        """What the parent shows."""
        return {
            "counts": self.counts,
            "reasons": self.reasons,
            "waiting": len(self.waiting),
            "turnover_minor": self.turnover_minor,
            "settled": self.audit.settlement_count,
            "payout_minor": self.audit.payout_minor,
            "latency_us": self.latency.percentiles(),
            "inside_us": self.inside.percentiles(),
            "send_lag_us": self.send_lag.percentiles(),
        }

    def look_back(self) -> None:
        """Asks for every ticket and every balance, and tells what the audit says."""
        # What was settled last is still on its way through the desk socket.
        pause(time.time_ns() + IDLE_NS, STDIN)
        while self._take_settlement():
            pass
        tickets = list(self.records)
        customers = [customer.customer for customer in self.tickets.customers]
        answers = self.ask([{"type": "ticket", "ticket": ticket} for ticket in tickets])
        balances = self.ask([{"type": "balance", "customer": customer} for customer in customers])
        self.audit.check_tickets(self.records, dict(zip(tickets, answers, strict=True)))
        self.audit.check_balances(self.records, dict(zip(customers, balances, strict=True)))
        self.audit.check_answers(self.counts, len(self.waiting))
        self.control.tell("bets", **self.facts())
        self.control.tell("done", **self.audit.result())

    def close(self) -> None:
        """Closes the sockets."""
        for socket in self._sockets():
            socket.close()
        self.context.term()


def main() -> None:
    control = Control()
    crowd = Crowd(control)
    crowd.open_accounts()
    control.tell("ready")
    crowd.play(control.wait("go")["start_ns"])
    control.tell("bets", **crowd.facts())
    control.tell("finished")
    control.wait("audit")
    crowd.look_back()
    control.wait("stop")
    crowd.close()


if __name__ == "__main__":
    main()
