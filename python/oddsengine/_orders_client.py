"""Clients of the orders, desk and ingest sockets."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

import orjson
import zmq

from oddsengine._connection import (
    DESK,
    FRAMES_PER_POLL,
    INGEST,
    ORDERS,
    Context,
    CurveKeys,
    RefusedError,
    RequestError,
    RequestTimeoutError,
    connect,
    has_more,
    milliseconds,
    new_id,
)
from oddsengine._messages import (
    Alert,
    Balance,
    Done,
    Exposure,
    FixtureInfo,
    Json,
    Leg,
    LimitCheck,
    MaxStake,
    MoneyAnswer,
    Reason,
    Settlement,
    Ticket,
    Times,
)

__all__ = ["DeskClient", "DeskEvent", "FeedClient", "OddsChange", "OrdersClient", "Reply", "ticket_request"]

# The engine takes messages of 65,536 bytes; the rest is for the batch's own fields.
BATCH_BYTES_MAX = 65_000
BATCH_REQUESTS_MAX = 256

OddsChange = Literal["none", "higher", "any"] | float
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; :attr:`value` is typed."""

    request_id: str | None
    type: str
    body: Json = field(repr=False)
    # When the request left, when the answer came.
    asked_ns: int
    arrived_ns: int

    @property
    def value(self) -> Any:
        """The answer as a value of this module.

        Raises
        ------
        RequestError
            The request was not understood.
        """
        value = _value(self.body)
        if isinstance(value, RequestError):
            raise value
        return value


def _value(body: Json) -> Any:
    match body["type"]:
        case "ticket":
            return Ticket.of(body["ticket"], is_repeat=body["repeat"])
        case "money":
            return MoneyAnswer(
                body["transfer"],
                True,
                None,
                body["customer"],
                body["amount_minor"],
                body["currency"],
                body["available_minor"],
                body["repeat"],
            )
        case "refused" if "transfer" in body:
            return MoneyAnswer(body["transfer"], False, Reason.of(body["reason"]))
        case "refused":
            return Done(False, Reason.of(body["reason"]), body["detail"])
        case "done" | "pong":
            return Done(True)
        case "error":
            return RequestError(body["code"], body["message"])
        case "balance":
            return Balance(
                body["customer"], body["currency"], body["available_minor"], body["reserved_minor"]
            )
        case "max_stake":
            binding = body["binding"]
            return MaxStake(
                body["currency"],
                body["stake_minor_max"],
                None if binding is None else LimitCheck.of(binding),
                Reason.of(body["reason"]),
            )
        case "exposure":
            return Exposure.of(body)
        case "fixtures":
            return tuple(FixtureInfo.of(fixture) for fixture in body["fixtures"])
        case "state_hash":
            return body["state_hash"]
        case "batch":
            return [_value(reply) for reply in body["replies"]]
        case _:
            return body


@dataclass(slots=True)
class _Pending:
    payload: bytes
    asked_ns: int
    sent_s: float


class OrdersClient:
    """Places tickets, moves money, asks questions: on the ``orders`` socket.

    Every request has an id and is sent again, byte for byte, until it is answered: tickets and transfers are
    booked once, whatever happens in between. :meth:`submit` and :meth:`poll` keep many requests on their way.

    Parameters
    ----------
    endpoint
        The engine's ``orders`` socket.
    keys
        For an encrypted connection.
    timeout_s
        How long a call waits for its answer.
    retry_s
        After how long an unanswered request is sent again.
    """

    def __init__(
        self,
        endpoint: str = ORDERS,
        *,
        keys: CurveKeys | None = None,
        timeout_s: float = 5.0,
        retry_s: float = 1.0,
        queue_max: int = 100_000,
        context: Context | None = None,
    ) -> None:
        self.retry_count = 0
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._socket = connect(zmq.DEALER, endpoint, keys, context, queue_max=queue_max, linger_ms=1_000)
        self._socket.sndtimeo = milliseconds(timeout_s)
        self._name = secrets.token_hex(6)
        self._ids = itertools.count(1)
        self._pending: dict[str, _Pending] = {}
        self._asked_ns: dict[str, int] = {}
        self._kept: deque[Reply] = deque()
        self._next_retry_s = 0.0

    # Pipelined

    def submit(self, request: Mapping[str, Any]) -> str:
        """Send a request without waiting; returns its id. ``request_id`` is added if it is not there."""
        request_id = request.get("request_id") or f"{self._name}-{next(self._ids)}"
        payload = orjson.dumps({**request, "request_id": request_id})
        self._pending[request_id] = _Pending(payload, time.time_ns(), time.monotonic())
        try:
            self._socket.send(payload)
        except zmq.Again as error:
            del self._pending[request_id]
            raise RequestTimeoutError(f"no engine took the request within {self._timeout_s} s") from error
        return request_id

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """The answers that have come; waits for the first one. A delayed ticket is answered twice."""
        replies = list(self._kept)
        self._kept.clear()
        return replies + self._receive(0.0 if replies else timeout_s)

    @property
    def pending_count(self) -> int:
        """Requests without an answer."""
        return len(self._pending)

    def _receive(self, timeout_s: float) -> list[Reply]:
        until_s = time.monotonic() + timeout_s
        while True:
            self._send_again()
            wait_s = min(max(0.0, until_s - time.monotonic()), self._retry_s)
            if self._socket.poll(milliseconds(wait_s)):
                return self._read()
            if time.monotonic() >= until_s:
                return []

    def _read(self) -> list[Reply]:
        replies = []
        for _ in range(FRAMES_PER_POLL):
            body: Json = orjson.loads(self._socket.recv_multipart(zmq.NOBLOCK)[-1])
            request_id = body["request_id"]
            pending = self._pending.pop(request_id, None)
            asked_ns = pending.asked_ns if pending else self._asked_ns.pop(request_id, 0)
            if body["type"] == "ticket" and body["ticket"]["state"] == "delayed":
                self._asked_ns[request_id] = asked_ns
            replies.append(Reply(request_id, body["type"], body, asked_ns, time.time_ns()))
            if not has_more(self._socket):
                break
        return replies

    def _send_again(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_retry_s:
            return
        self._next_retry_s = now_s + self._retry_s / 4
        for pending in self._pending.values():
            if now_s - pending.sent_s < self._retry_s:
                # In order of sending: the rest is younger, unless it was sent again already.
                continue
            pending.sent_s = now_s
            self.retry_count += 1
            try:
                self._socket.send(pending.payload, zmq.NOBLOCK)
            except zmq.Again:
                return

    # One at a time

    def request(self, request: Mapping[str, Any], *, timeout_s: float | None = None) -> Reply:
        """Send a request and wait for its answer.

        Raises
        ------
        RequestTimeoutError
            No answer came in time.
        """
        request_id = self.submit(request)
        return self._await(request_id, self._timeout_s if timeout_s is None else timeout_s)

    def _await(self, request_id: str, timeout_s: float) -> Reply:
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > 0:
            found = None
            for reply in self._receive(left_s):
                if found is None and reply.request_id == request_id:
                    found = reply
                else:
                    self._kept.append(reply)
            if found is not None:
                return found
        self._pending.pop(request_id, None)
        raise RequestTimeoutError(f"request {request_id} was not answered within {timeout_s} s")

    def _ask(self, kind: str, expected: type[_T], timeout_s: float | None = None, **fields: Any) -> _T:
        request = {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
        return _expect(self.request(request, timeout_s=timeout_s).value, expected)

    def place_ticket(
        self,
        *,
        customer: int,
        legs: Sequence[Leg | Mapping[str, Any]],
        stake_minor: int,
        currency: str = "EUR",
        odds_change: OddsChange = "none",
        ticket: str | None = None,
        wait: bool = True,
        timeout_s: float | None = None,
    ) -> Ticket:
        """Place a ticket; a refusal is an ordinary answer, with its reason.

        Parameters
        ----------
        legs
            From :meth:`Board.leg`.
        odds_change
            ``"none"``, ``"higher"``, ``"any"``, or the percentage by which the odds may fall.
        ticket
            Its id, 32 hexadecimal digits; a fresh one if absent. The same ticket is placed once.
        wait
            Wait out the bet delay; otherwise a ticket in play comes back as ``delayed``.

        Raises
        ------
        RefusedError
            The id is taken by another ticket, or the journal is unavailable.
        RequestTimeoutError
            No answer came in time; place it again with the same id.
        """
        request = ticket_request(
            customer=customer,
            legs=legs,
            stake_minor=stake_minor,
            currency=currency,
            odds_change=odds_change,
            ticket=ticket or new_id(),
        )
        reply = self.request(request, timeout_s=timeout_s)
        placed = _expect(reply.value, Ticket)
        if wait and not placed.is_decided:
            return self._wait_decided(request | {"request_id": reply.request_id}, placed, timeout_s)
        return placed

    def _wait_decided(self, request: Json, placed: Ticket, timeout_s: float | None) -> Ticket:
        """The answer after the bet delay; asked for again when it does not come."""
        delay_s = max(0.0, (placed.due_ns - time.time_ns()) / 1e9)
        until_s = time.monotonic() + delay_s + (self._timeout_s if timeout_s is None else timeout_s)
        wait_s = delay_s + self._retry_s
        while time.monotonic() < until_s:
            try:
                placed = _expect(self._await(request["request_id"], wait_s).value, Ticket)
            except RequestTimeoutError:
                # A repeat of the same ticket gets its present state.
                self.retry_count += 1
                placed = _expect(self.request(request, timeout_s=self._retry_s).value, Ticket)
            if placed.is_decided:
                return placed
            wait_s = self._retry_s
        raise RequestTimeoutError(f"ticket {placed.ticket} was not decided in time; ask for it with ticket()")

    def batch(self, requests: Sequence[Mapping[str, Any]], *, timeout_s: float | None = None) -> list[Any]:
        """Send requests in as few messages as they fit into; the answers come in their order.

        A request that was not understood has a :class:`RequestError` in its place.
        """
        answers: list[Any] = []
        for numbered in self._batches(requests):
            reply = self.request({"type": "batch", "requests": numbered}, timeout_s=timeout_s)
            answers += _expect(reply.value, list)
        return answers

    def _batches(self, requests: Sequence[Mapping[str, Any]]) -> Iterator[list[Json]]:
        """Requests with ids, in portions that the engine takes."""
        numbered: list[Json] = []
        size = 0
        for request in requests:
            one = {"request_id": f"{self._name}-{next(self._ids)}", **request}
            one_size = len(orjson.dumps(one)) + 1
            if numbered and (len(numbered) == BATCH_REQUESTS_MAX or size + one_size > BATCH_BYTES_MAX):
                yield numbered
                numbered, size = [], 0
            numbered.append(one)
            size += one_size
        if numbered:
            yield numbered

    def deposit(
        self, *, customer: int, amount_minor: int, currency: str = "EUR", transfer: str | None = None
    ) -> MoneyAnswer:
        """Book money in. The same transfer id with the same body is booked once."""
        return self._money("deposit", customer, amount_minor, currency, transfer)

    def withdraw(
        self, *, customer: int, amount_minor: int, currency: str = "EUR", transfer: str | None = None
    ) -> MoneyAnswer:
        """Book money out. The same transfer id with the same body is booked once."""
        return self._money("withdraw", customer, amount_minor, currency, transfer)

    def _money(
        self, kind: str, customer: int, amount_minor: int, currency: str, transfer: str | None
    ) -> MoneyAnswer:
        return self._ask(
            kind,
            MoneyAnswer,
            transfer=transfer or new_id(),
            customer=customer,
            amount_minor=amount_minor,
            currency=currency,
        )

    def max_stake(
        self, *, customer: int, legs: Sequence[Leg | Mapping[str, Any]], currency: str = "EUR"
    ) -> MaxStake:
        """The largest stake that would be accepted now."""
        return self._ask("max_stake", MaxStake, customer=customer, currency=currency, legs=_legs(legs))

    def balance(self, customer: int) -> Balance:
        """A customer's money."""
        return self._ask("balance", Balance, customer=customer)

    def ticket(self, ticket: str) -> Ticket:
        """A ticket with its evidence.

        Raises
        ------
        RefusedError
            There is no such ticket.
        """
        return self._ask("ticket", Ticket, ticket=ticket)

    def exposure(
        self, fixture: int | None = None, *, competition: str | None = None, sport: str | None = None
    ) -> Exposure:
        """Losses against limits, of the platform or of one scope; with the grid of a fixture."""
        scope: Json | None = None
        if fixture is not None:
            scope = {"level": "fixture", "fixture": fixture}
        elif competition is not None:
            scope = {"level": "competition", "competition": competition}
        elif sport is not None:
            scope = {"level": "sport", "sport": sport}
        return self._ask("exposure", Exposure, scope=scope)

    def fixtures(self) -> tuple[FixtureInfo, ...]:
        """All fixtures with their names and where they stand."""
        return self._ask("fixtures", tuple)

    def state_hash(self) -> str:
        """The hash of the engine's state, to compare with a replay of its journal."""
        return self._ask("state_hash", str)

    def ping(self, *, timeout_s: float | None = None) -> float:
        """Seconds to the engine and back."""
        start_s = time.perf_counter()
        self._ask("ping", Done, timeout_s)
        return time.perf_counter() - start_s

    def close(self) -> None:
        """Disconnect; what was submitted still leaves."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._pending)} pending, {self.retry_count} sent again>"


def _expect(value: Any, expected: type[_T]) -> _T:
    if isinstance(value, expected):
        return value
    if isinstance(value, Done):
        raise RefusedError(value.reason, value.detail)
    raise RequestError("unexpected", f"a {type(value).__name__} came instead of a {expected.__name__}")


def _legs(legs: Sequence[Leg | Mapping[str, Any]]) -> list[Json]:
    return [leg.json() if isinstance(leg, Leg) else dict(leg) for leg in legs]


def ticket_request(
    *,
    customer: int,
    legs: Sequence[Leg | Mapping[str, Any]],
    stake_minor: int,
    currency: str = "EUR",
    odds_change: OddsChange = "none",
    ticket: str | None = None,
) -> Json:
    """A ``place_ticket`` request, for :meth:`OrdersClient.submit` and :meth:`OrdersClient.batch`."""
    is_word = isinstance(odds_change, str)
    policy = {"policy": odds_change} if is_word else {"policy": "within", "percent": odds_change}
    return {
        "type": "place_ticket",
        "ticket": ticket or new_id(),
        "customer": customer,
        "currency": currency,
        "stake_minor": stake_minor,
        "odds_change": policy,
        "legs": _legs(legs),
    }


DeskEvent = Ticket | Settlement | Alert


class DeskClient(OrdersClient):
    """What a trader does: suspend, price, settle, look at exposure, and hear what happens.

    Commands answer with a :class:`Done`, which is false with a reason when the command was refused.

    Parameters
    ----------
    orders, desk
        Endpoints of the engine; ``desk=None`` does not subscribe.
    source
        Who gives the commands: it stands in the journal.
    topics
        ``desk.ticket.``, ``desk.settlement``, ``desk.alert``; ``desk.`` is all of them.
    """

    def __init__(
        self,
        orders: str = ORDERS,
        desk: str | None = DESK,
        *,
        source: str = "desk",
        topics: Sequence[str] = ("desk.",),
        keys: CurveKeys | None = None,
        timeout_s: float = 5.0,
        retry_s: float = 1.0,
        context: Context | None = None,
    ) -> None:
        super().__init__(orders, keys=keys, timeout_s=timeout_s, retry_s=retry_s, context=context)
        self.source = source
        # Numbers missing in a stream of the desk socket, when all of the stream is subscribed to.
        self.missed_count = 0
        self._seqs: dict[str, tuple[int, int]] = {}
        self._whole = {
            kind
            for kind, stream in (
                ("ticket", "desk.ticket."),
                ("settlement", "desk.settlement"),
                ("alert", "desk.alert"),
            )
            if any(stream.startswith(topic) for topic in topics)
        }
        self._desk = None
        if desk is not None:
            words = [topic.encode() for topic in topics]
            self._desk = connect(zmq.SUB, desk, keys, context, queue_max=100_000, topics=words)

    def events(self, timeout_s: float = 0.0) -> list[DeskEvent]:
        """Decisions, settlements and alerts that have come; waits for the first one."""
        if self._desk is None or not self._desk.poll(milliseconds(timeout_s)):
            return []
        found: list[DeskEvent] = []
        for _ in range(FRAMES_PER_POLL):
            message: Json = orjson.loads(self._desk.recv_multipart(zmq.NOBLOCK)[1])
            self._count_missed(message["type"], message["epoch"], message["seq"])
            found.append(_desk_event(message, time.time_ns()))
            if not has_more(self._desk):
                break
        return found

    def _count_missed(self, kind: str, epoch: int, seq: int) -> None:
        last_epoch, last_seq = self._seqs.get(kind, (epoch, seq - 1))
        if kind in self._whole and epoch == last_epoch and seq > last_seq + 1:
            self.missed_count += seq - last_seq - 1
        self._seqs[kind] = epoch, seq

    def _command(self, kind: str, **fields: Any) -> Done:
        return self._do(
            {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
        )

    def _do(self, request: Json) -> Done:
        value = self.request(request | {"source": self.source}).value
        # A ticket's refusal names the ticket; for the desk it is a refusal like any other.
        return value if isinstance(value, Done) else Done(True)

    def suspend(self, fixture: int, market: str | None = None) -> Done:
        """Stop trading of a fixture, or of one of its markets."""
        return self._command("suspend", fixture=fixture, market=market)

    def resume(self, fixture: int, market: str | None = None, *, stops: Sequence[str] = ()) -> Done:
        """Take back a :meth:`suspend`.

        Parameters
        ----------
        stops
            Further stops of the fixture to lift, by their names on the wire: ``("silence", "start_passed")``. A
            person has looked; those of the model cannot be lifted.
        """
        lifted = list(stops) or None
        return self._command("resume", fixture=fixture, market=market, stops=lifted)

    def reset_source(self, name: str) -> Done:
        """Let a feed count its messages anew, after it restarted or lost its place.

        What it feeds stays stopped until it tells a score that fits.
        """
        return self._command("reset_source", name=name)

    def set_expectation(self, fixture: int, *, supremacy: float, total: float) -> Done:
        """Move the expected goals: home minus away, and of both; all markets follow."""
        return self._command("set_expectation", fixture=fixture, supremacy=supremacy, total=total)

    def set_prices(
        self,
        fixture: int,
        *,
        markets: Mapping[str, Sequence[float | None]] | None = None,
        odds_1x2: Sequence[float] | None = None,
        total_line: float | None = None,
        odds_total: Sequence[float] | None = None,
    ) -> Done:
        """Calibrate the model of a fixture from market prices: by market key, or football's two main
        markets."""
        prices = _prices(markets, odds_1x2, total_line, odds_total)
        return self._command("set_prices", fixture=fixture, **prices)

    def manual_odds(
        self,
        fixture: int,
        market: str,
        odds: Sequence[float | None] | None,
        *,
        in_play: bool = False,
        override_by: str | None = None,
    ) -> Done:
        """Set the odds of every selection of a market by hand; ``None`` returns it to the model.

        Prices above the model's fair ones, and books that sum to less than 1 or more than 2, are refused. When the
        fair price moves beyond a tolerance, the market is suspended until it is priced anew or resumed.

        Parameters
        ----------
        in_play
            They stay through the start of the fixture; otherwise the market returns to the model then.
        override_by
            Who answers for prices that would be refused. Meanwhile the markets of the model are suspended.
        """
        prices = None if odds is None else list(odds)
        request: Json = {"type": "manual_odds", "fixture": fixture, "market": market, "odds": prices}
        if in_play:
            request["in_play"] = True
        if override_by is not None:
            request["override_by"] = override_by
        return self._do(request)

    def lock_market(
        self, fixture: int, market: str, *, locked: bool = True, in_play: bool = False
    ) -> Done:
        """Keep the prices of a market where they are, or let them follow the model again.

        ``in_play``: it stays locked through the start of the fixture.
        """
        return self._command(
            "lock_market", fixture=fixture, market=market, locked=locked, in_play=in_play or None
        )

    def settle_market(self, fixture: int, market: str, grades: Sequence[str] | None) -> Done:
        """Grade the selections of a market by hand: ``won``, ``lost``, ``void``; ``None`` takes it back."""
        told = None if grades is None else list(grades)
        return self._do({"type": "settle_market", "fixture": fixture, "market": market, "grades": told})

    def set_model_inputs(self, fixture: int, inputs: Sequence[float]) -> Done:
        """Set what the own model of a fixture computes from: up to 256 finite numbers.

        The fixture is suspended until the model has answered; one that is registered answers at once.
        """
        return self._command("model_inputs", fixture=fixture, inputs=[float(value) for value in inputs])

    def set_probabilities(self, fixture: int, probabilities: Sequence[float]) -> Done:
        """Price a fixture of a space in its present state by the probability of every outcome.

        They sum to 1 within a millionth, and what is not possible has none. A message holds about 3,000.
        """
        given = [float(value) for value in probabilities]
        return self._command("probabilities", fixture=fixture, probabilities=given)

    def void_fixture(self, fixture: int) -> Done:
        """Void everything: the fixture did not take place."""
        return self._command("void_fixture", fixture=fixture)

    def abandon_fixture(self, fixture: int) -> Done:
        """Void what was not decided when the fixture was abandoned."""
        return self._command("abandon_fixture", fixture=fixture)

    def reinstate_fixture(self, fixture: int) -> Done:
        """Take back a void."""
        return self._command("reinstate_fixture", fixture=fixture)

    def cancel_ticket(self, ticket: str) -> Done:
        """Cancel a ticket: stakes go back, whatever was paid is reversed."""
        return self._command("cancel_ticket", ticket=ticket)

    def set_customer(self, customer: int, *, factor: float) -> Done:
        """Set a customer's share of the limits; 0 blocks."""
        return self._command("set_customer", customer=customer, factor=factor)

    def set_scope(
        self,
        scope: Mapping[str, Any],
        *,
        margin: tuple[str, float] | None = None,
        loss_minor_max: int | None = None,
        bet_delay_ms: int | None = None,
        feed_silence_ms: int | None = None,
    ) -> Done:
        """Override settings of a sport, market type, competition, fixture or market.

        Parameters
        ----------
        scope
            ``{"level": "fixture", "fixture": 1001}``; the levels stand in ``docs/wire.md``.
        margin
            Method and booksum: ``("shin", 1.045)``.
        """
        return self._command(
            "set_scope",
            scope=dict(scope),
            margin=None if margin is None else {"method": margin[0], "booksum": margin[1]},
            loss_minor_max=loss_minor_max,
            bet_delay_ms=bet_delay_ms,
            feed_silence_ms=feed_silence_ms,
        )

    def close(self) -> None:
        """Disconnect."""
        super().close()
        if self._desk is not None:
            self._desk.close(0)


def _prices(
    markets: Mapping[str, Sequence[float | None]] | None,
    odds_1x2: Sequence[float] | None,
    total_line: float | None,
    odds_total: Sequence[float] | None,
) -> Json:
    if markets is not None:
        return {"markets": {key: list(odds) for key, odds in markets.items()}}
    if odds_1x2 is None or total_line is None or odds_total is None:
        raise TypeError("prices are either markets, or odds_1x2, total_line and odds_total")
    return {"odds_1x2": list(odds_1x2), "total_line": total_line, "odds_total": list(odds_total)}


def _desk_event(message: Json, arrived_ns: int) -> DeskEvent:
    match message["type"]:
        case "ticket":
            return Ticket.of(message["ticket"])
        case "settlement":
            return Settlement(Ticket.of(message["ticket"]), message["paid_minor_before"])
        case _:
            return Alert(
                message["alert"], message["message"], message["fixture"], Times.of(message, arrived_ns)
            )


class FeedClient:
    """Pushes canonical feed messages to the ``ingest`` socket.

    Parameters
    ----------
    source
        The feed's name; the engine numbers and watches each source apart.
    first_seq
        Number the messages from here; a number that is not above the last one seen is dropped as a duplicate.
        Without it messages are not numbered, and a loss is not noticed.
    """

    def __init__(
        self,
        endpoint: str = INGEST,
        *,
        source: str = "feed",
        first_seq: int | None = None,
        keys: CurveKeys | None = None,
        timeout_s: float = 5.0,
        queue_max: int = 10_000,
        context: Context | None = None,
    ) -> None:
        self.source = source
        self.sent_count = 0
        self._seqs = None if first_seq is None else itertools.count(first_seq)
        self._timeout_s = timeout_s
        self._socket = connect(zmq.PUSH, endpoint, keys, context, queue_max=queue_max, linger_ms=5_000)
        self._socket.sndtimeo = milliseconds(timeout_s)

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        """Send one message; ``source``, ``seq`` and ``time_ns`` are added where they are absent.

        Raises
        ------
        RequestTimeoutError
            The engine is not there, or does not keep up.
        """
        if not isinstance(message, bytes):
            head: Json = {"source": self.source, "time_ns": time.time_ns()}
            if self._seqs is not None and "seq" not in message:
                head["seq"] = next(self._seqs)
            message = orjson.dumps({**head, **message})
        try:
            self._socket.send(message)
        except zmq.Again as error:
            raise RequestTimeoutError(f"no engine took the message within {self._timeout_s} s") from error
        self.sent_count += 1

    def fixture(
        self,
        fixture: int,
        *,
        competition: str,
        home: str,
        away: str = "",
        start_ns: int,
        sport: str = "football",
        entrants: Sequence[str] = (),
        **rules: Any,
    ) -> None:
        """Announce a fixture.

        Parameters
        ----------
        home, away
            The two sides; a race is named in ``home``.
        entrants
            Runners or players by number, where the sport has them.
        rules
            What of the sport's rules the markets depend on, in the fields of ``docs/wire.md``.
        """
        message = {"sport": sport, "start_ns": start_ns, "competition": competition, "home": home, **rules}
        if away:
            message["away"] = away
        if entrants:
            message["entrants"] = list(entrants)
        self.send({"type": "fixture", "fixture": fixture, **message})

    def state(
        self,
        fixture: int,
        *,
        phase: Literal["pre_match", "in_play", "finished"],
        score: tuple[int, int] = (0, 0),
        clock_ms: int = 0,
        period: str | None = None,
        values: Sequence[int] = (),
        possible: Sequence[tuple[int, int]] = (),
        danger: bool | None = None,
    ) -> None:
        """Tell the whole state of a fixture of a space; what was told before is replaced.

        Parameters
        ----------
        phase
            A fixture that is finished has exactly one possible outcome, and is settled by it.
        score, clock_ms, period
            For display, evidence and the model; the clock up to ten days.
        values
            Up to 32 integers that the model needs to know.
        possible
            The outcomes still possible as ranges ``(start, end)``, see
            :meth:`oddsengine.models.Space.possible`; empty for all.
        danger
            Trading stops at once, or may resume; ``None`` leaves it.
        """
        message: Json = {"type": "incident", "fixture": fixture, "sport": "custom", "phase": phase}
        message |= {"score": [int(side) for side in score], "clock_ms": int(clock_ms)}
        message |= {"values": [int(value) for value in values]}
        message |= {"possible": [[int(start), int(end)] for start, end in possible]}
        optional = {"period": period, "danger": danger}
        self.send(message | {name: value for name, value in optional.items() if value is not None})

    def prices(
        self,
        fixture: int,
        *,
        markets: Mapping[str, Sequence[float | None]] | None = None,
        odds_1x2: Sequence[float] | None = None,
        total_line: float | None = None,
        odds_total: Sequence[float] | None = None,
    ) -> None:
        """Calibrate the model of a fixture from market prices: by market key, or football's two main
        markets."""
        self.send(
            {"type": "prices", "fixture": fixture, **_prices(markets, odds_1x2, total_line, odds_total)}
        )

    def incident(
        self,
        fixture: int,
        kind: str,
        clock_ms: int | None = None,
        *,
        sport: str | None = None,
        side: str | None = None,
        score: tuple[int, int] | None = None,
        **more: Any,
    ) -> None:
        """Tell what happened on the field of play; without ``sport`` it is football, which needs the
        clock."""
        if sport is not None:
            more["sport"] = sport
        if clock_ms is not None:
            more["clock_ms"] = clock_ms
        if side is not None:
            more["side"] = side
        if score is not None:
            more["score"] = list(score)
        self.send({"type": "incident", "fixture": fixture, "kind": kind, **more})

    def suspend(self, fixture: int, market: str | None = None) -> None:
        """Stop trading of a fixture, or of one of its markets."""
        self._stop("suspend", fixture, market)

    def resume(self, fixture: int, market: str | None = None) -> None:
        """Take back a :meth:`suspend`."""
        self._stop("resume", fixture, market)

    def _stop(self, kind: str, fixture: int, market: str | None) -> None:
        self.send({"type": kind, "fixture": fixture} | ({} if market is None else {"market": market}))

    def heartbeat(self) -> None:
        """Say that the feed is alive."""
        self.send({"type": "heartbeat"})

    def close(self) -> None:
        """Disconnect; what was sent still leaves."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FeedClient {self.source}: {self.sent_count} sent>"
