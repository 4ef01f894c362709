"""Clients of the orders, desk and ingest sockets."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    Socket,
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
    TicketChange,
    Times,
)

__all__ = ["DeskClient", "DeskEvent", "FeedClient", "OddsChange", "OrdersClient", "Reply", "ticket_request"]

# The engine takes messages of 65,536 bytes; the rest is for the batch's own fields.
BATCH_BYTES_MAX = 65_000
BATCH_REQUESTS_MAX = 256
# The engine's answer to a batch has a bound too; about what a ticket and another answer take of it.
BATCH_REPLY_BYTES_MAX = 50_000
_REPLY_BYTES = 320
_TICKET_BYTES, _LEG_BYTES = 700, 900
# A batch takes one of these.
_EXPENSIVE = frozenset({"state_hash", "exposure", "fixtures", "tickets", "settlements", "alerts"})
# What was not carried out for want of room, and is sent again.
_AGAIN = frozenset({"batch_full", "batch_too_heavy"})
# A query that the engine has no time for now is asked again after so long.
BUSY_RETRY_S = 0.05
# The desk asks for what it missed in pages of so many.
PAGE_ITEMS = 256

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
    # The ticket or transfer that was asked about, for errors.
    about: Mapping[str, str] = field(default_factory=dict, repr=False)

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
            value.of_request({"request_id": self.request_id, **self.about})
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
                body["customer"],
                body["currency"],
                body["available_minor"],
                body["reserved_minor"],
                body["owed_minor"],
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
        case "tickets" | "settlements":
            return tuple(TicketChange.of(change) for change in body["changes"])
        case "batch":
            return [_value(reply) for reply in body["replies"]]
        case _:
            return body


@contextlib.contextmanager
def _naming(request: Mapping[str, Any]) -> Iterator[None]:
    """Errors inside tell of which request they are."""
    try:
        yield
    except (RequestError, RefusedError, RequestTimeoutError) as error:
        error.of_request(request)
        raise


@dataclass(slots=True)
class _Pending:
    payload: bytes
    asked_ns: int
    sent_s: float
    about: Mapping[str, str]


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
        # Those that were answered with a bet delay and will be answered again.
        self._delayed: dict[str, _Pending] = {}
        self._kept: deque[Reply] = deque()
        self._next_retry_s = 0.0

    # Pipelined

    def submit(self, request: Mapping[str, Any]) -> str:
        """Send a request without waiting; returns its id. ``request_id`` is added if it is not there."""
        request_id = request.get("request_id") or f"{self._name}-{next(self._ids)}"
        payload = orjson.dumps({**request, "request_id": request_id})
        about = {name: request[name] for name in ("ticket", "transfer") if name in request}
        self._pending[request_id] = _Pending(payload, time.time_ns(), time.monotonic(), about)
        try:
            self._socket.send(payload)
        except zmq.Again as cause:
            del self._pending[request_id]
            error = RequestTimeoutError(f"no engine took the request within {self._timeout_s} s")
            error.of_request({**request, "request_id": request_id})
            raise error from cause
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
            pending = self._pending.pop(request_id, None) or self._delayed.pop(request_id, None)
            if pending and body["type"] == "ticket" and body["ticket"]["state"] == "delayed":
                self._delayed[request_id] = pending
            asked_ns, about = (pending.asked_ns, pending.about) if pending else (0, {})
            replies.append(Reply(request_id, body["type"], body, asked_ns, time.time_ns(), about))
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
        """Send a request and wait for its answer. A query that the engine is too busy for is asked again.

        Raises
        ------
        RequestTimeoutError
            No answer came in time.
        """
        until_s = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        with _naming(request):
            while True:
                request_id = self.submit(request)
                reply = self._await(request_id, until_s - time.monotonic())
                if reply.body.get("code") != "busy" or time.monotonic() + BUSY_RETRY_S > until_s:
                    return reply
                time.sleep(BUSY_RETRY_S)

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
        error = RequestTimeoutError(f"request {request_id} was not answered within {timeout_s:.3g} s")
        error.request_id = request_id
        raise error

    def _ask(self, kind: str, expected: type[_T], timeout_s: float | None = None, **fields: Any) -> _T:
        request = {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
        with _naming(request):
            return _expect(self.request(request, timeout_s=timeout_s), expected)

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
        timeout_s
            How long to try, the bet delay not counted. Until then it is sent again with the same id, also to
            an engine that was started again meanwhile.

        Raises
        ------
        RefusedError
            The id is taken by another ticket, or the journal is unavailable.
        RequestTimeoutError
            No answer came in time. Its ``ticket`` is the id: place it again with it, or ask for its
            :meth:`fate`.
        """
        request = ticket_request(
            customer=customer,
            legs=legs,
            stake_minor=stake_minor,
            currency=currency,
            odds_change=odds_change,
            ticket=ticket or new_id(),
        )
        with _naming(request):
            reply = self.request(request, timeout_s=timeout_s)
            placed = _expect(reply, Ticket)
            if wait and not placed.is_decided:
                return self._wait_decided(request | {"request_id": reply.request_id}, placed, timeout_s)
            return placed

    def fate(self, ticket: str, *, timeout_s: float | None = None) -> Ticket | None:
        """What became of a ticket whose answer did not come; ``None`` if the engine says that it has none.

        A request that is still on its way may arrive later: only placing it again with the same id makes
        sure.

        Raises
        ------
        RequestTimeoutError
            No answer came in time, so nothing is known.
        """
        try:
            return self._ask("ticket", Ticket, timeout_s, ticket=ticket)
        except RefusedError as error:
            if error.reason is not None and error.reason.name == "ticket_not_found":
                return None
            raise

    def _wait_decided(self, request: Json, placed: Ticket, timeout_s: float | None) -> Ticket:
        """The answer after the bet delay; asked for again when it does not come, until the time is over."""
        delay_s = max(0.0, (placed.due_ns - time.time_ns()) / 1e9)
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        until_s = time.monotonic() + delay_s + timeout_s
        wait_s = delay_s + self._retry_s
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                reply = self._await(request["request_id"], min(wait_s, left_s))
            except RequestTimeoutError:
                # A repeat of the same ticket gets its present state, also after a restart of the engine.
                self.retry_count += 1
                left_s = max(self._retry_s, until_s - time.monotonic())
                reply = self.request(request, timeout_s=left_s)
            wait_s = self._retry_s
            if reply.body.get("code") == "superseded":
                # Others have asked for it since: not waited for any more, so asked for again.
                continue
            placed = _expect(reply, Ticket)
            if placed.is_decided:
                return placed
        raise RequestTimeoutError(
            f"ticket {placed.ticket} was not decided within {timeout_s:g} s after its delay; see fate()"
        )

    def batch(self, requests: Sequence[Mapping[str, Any]], *, timeout_s: float | None = None) -> list[Any]:
        """Send requests in as few messages as they fit into; the answers come in their order.

        A request that was not understood has a :class:`RequestError` in its place. What an answer has no room
        for is sent again.
        """
        left = deque({"request_id": f"{self._name}-{next(self._ids)}", **request} for request in requests)
        answers: list[Any] = []
        while left:
            portion = _portion(left)
            reply = self.request({"type": "batch", "requests": portion}, timeout_s=timeout_s)
            values = _expect(reply, list)
            for request, value in zip(portion, values, strict=True):
                if isinstance(value, RequestError):
                    if value.code in _AGAIN:
                        # Not carried out, and nothing behind it was: the first of a batch always is.
                        break
                    value.of_request(request)
                answers.append(value)
                left.popleft()
        return answers

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
        """All fixtures with their names and where they stand, in order of announcement."""
        found: list[FixtureInfo] = []
        after: int | None = 0
        while after is not None:
            reply = self.request({"type": "fixtures", "after": after})
            found += _expect(reply, tuple)
            after = reply.body["next"]
        return tuple(found)

    def ticket_changes(self, since: int = 0, *, settlements: bool = False) -> Iterator[TicketChange]:
        """The tickets that changed after change ``since``, each once as it is now, in order of last change.

        The numbers are the same after a restart of the engine: whoever keeps the last one misses nothing.

        Parameters
        ----------
        since
            The last ``change`` that is known; 0 for all tickets.
        settlements
            Only tickets whose last change was a settlement, a resettlement, a reopening or a cancellation.

        Raises
        ------
        RequestError
            The number is above the last one: it is of another journal.
        """
        kind = "settlements" if settlements else "tickets"
        while True:
            reply = self.request({"type": kind, "since": since, "limit": PAGE_ITEMS})
            yield from _expect(reply, tuple)
            since = reply.body["next"]
            if since >= reply.body["last"]:
                return

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


def _expect(reply: Reply, expected: type[_T]) -> _T:
    with _naming({"request_id": reply.request_id}):
        return _typed(reply.value, expected)


def _typed(value: Any, expected: type[_T]) -> _T:
    if isinstance(value, expected):
        return value
    if isinstance(value, Done):
        raise RefusedError(value.reason, value.detail)
    raise RequestError("unexpected", f"a {type(value).__name__} came instead of a {expected.__name__}")


def _portion(requests: Iterable[Json]) -> list[Json]:
    """The first of these requests, as many as one message takes, and its answer."""
    portion: list[Json] = []
    size = reply_size = expensive_count = 0
    for request in requests:
        kind, legs = request.get("type"), request.get("legs")
        size += len(orjson.dumps(request)) + 1
        leg_count = len(legs) if isinstance(legs, list) else 4
        is_ticket = kind in ("place_ticket", "ticket")
        reply_size += _TICKET_BYTES + _LEG_BYTES * leg_count if is_ticket else _REPLY_BYTES
        expensive_count += kind in _EXPENSIVE
        is_full = size > BATCH_BYTES_MAX or reply_size > BATCH_REPLY_BYTES_MAX or expensive_count > 1
        if portion and (is_full or len(portion) == BATCH_REQUESTS_MAX):
            break
        portion.append(request)
    return portion


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
    since
        The :attr:`cursor` of an earlier client: everything that changed since is told first. Without it the
        events begin with the connection.

    What is missed on the way is noticed by its numbers, at the latest at the desk's next heartbeat, and asked
    for on ``orders``: :meth:`events` brings every change of a ticket in order and once, over restarts of the
    engine too. Where a ticket changed several times meanwhile, only its last change is told.
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
        since: int | None = None,
    ) -> None:
        super().__init__(orders, keys=keys, timeout_s=timeout_s, retry_s=retry_s, context=context)
        self.source = source
        # The last change of a ticket that was told; none before the first message.
        self.cursor = since
        # Numbers missing in a stream of the desk socket, when all of the stream is subscribed to.
        self.missed_count = 0
        # Events that were asked for because they were missed, times that happened, and alerts that are gone.
        self.recovered_count = self.recovery_count = self.lost_alert_count = 0
        # Frames of changes that were told already.
        self.duplicate_count = 0
        self._stream_epoch: int | None = None
        self._seqs: dict[str, int] = {}
        self._is_behind_alerts = False
        self._alert_seq = 0
        self._whole = {
            kind
            for kind, stream in (
                ("ticket", "desk.ticket."),
                ("settlement", "desk.settlement"),
                ("alert", "desk.alert"),
            )
            if any(stream.startswith(topic) for topic in topics)
        }
        self._hears_changes = bool(self._whole & {"ticket", "settlement"})
        self._is_behind = since is not None and self._hears_changes
        self._desk = None
        if desk is not None:
            words = [topic.encode() for topic in topics]
            if self._whole and "desk." not in topics:
                words.append(b"desk.heartbeat")
            self._desk = connect(zmq.SUB, desk, keys, context, queue_max=100_000, topics=words)

    def events(self, timeout_s: float = 0.0) -> list[DeskEvent]:
        """Decisions, settlements and alerts that have come; waits for the first one.

        What was missed is asked for and told first. While the engine does not answer, nothing is told out of
        order: call it again.

        Raises
        ------
        RequestError
            ``since`` was a number of another journal; the next call goes on with what comes.
        RefusedError
            Something was missed, and the key may not ask for it; the next call goes on with what comes.
        """
        found: list[DeskEvent] = []
        until_s = time.monotonic() + timeout_s
        while self._desk is not None and self._catch_up(found) and len(found) < FRAMES_PER_POLL:
            wait_s = 0.0 if found else max(0.0, until_s - time.monotonic())
            if not self._desk.poll(milliseconds(wait_s)):
                break
            self._read_desk(self._desk, found)
        return found

    def _read_desk(self, desk: Socket, found: list[DeskEvent]) -> None:
        for _ in range(FRAMES_PER_POLL):
            self._take(orjson.loads(desk.recv_multipart(zmq.NOBLOCK)[1]), found)
            if self._is_behind or self._is_behind_alerts or not has_more(desk):
                return

    def _take(self, message: Json, found: list[DeskEvent]) -> None:
        """Tells a frame, unless it was told or others are missing before it."""
        kind, epoch = message["type"], message["epoch"]
        if self._stream_epoch is not None and epoch > self._stream_epoch:
            # The numbers of frames begin anew; what changed until then is asked for.
            self._seqs = dict.fromkeys(("ticket", "settlement", "alert"), 0)
            self._alert_seq = 0
            self._is_behind |= self.cursor is not None and self._hears_changes
        self._stream_epoch = epoch
        if kind == "desk_heartbeat":
            self._take_heartbeat(message)
            return
        seq, last = message["seq"], self._seqs.get(kind)
        self._seqs[kind] = seq
        if kind not in self._whole:
            found.append(_desk_event(message, time.time_ns()))
            return
        missed_count = 0 if last is None else max(0, seq - last - 1)
        self.missed_count += missed_count
        if kind == "alert":
            self._is_behind_alerts |= missed_count > 0
            if not self._is_behind_alerts and seq > self._alert_seq:
                self._alert_seq = seq
                found.append(_desk_event(message, time.time_ns()))
            return
        change = message["change"]
        if self.cursor is None:
            self.cursor = change - 1
        # Both streams together have every change; of one the frames' numbers tell, once there is one before.
        is_comparable = last is None or self._whole >= {"ticket", "settlement"}
        self._is_behind |= missed_count > 0 or (is_comparable and change > self.cursor + 1)
        if self._is_behind:
            return
        if change <= self.cursor:
            self.duplicate_count += 1
            return
        self.cursor = change
        found.append(_desk_event(message, time.time_ns()))

    def _take_heartbeat(self, message: Json) -> None:
        # Numbers of both streams are those of all changes; of one stream they tell as much once one is known.
        is_comparable = self._whole >= {"ticket", "settlement"} or not self._whole <= self._seqs.keys()
        for kind in self._whole:
            tail = message[f"{kind}_seq"]
            missed_count = max(0, tail - self._seqs.get(kind, tail))
            self.missed_count += missed_count
            self._seqs[kind] = max(tail, self._seqs.get(kind, 0))
            if kind == "alert":
                self._is_behind_alerts |= missed_count > 0
                self._alert_seq = self._alert_seq if missed_count else max(tail, self._alert_seq)
            else:
                self._is_behind |= missed_count > 0
        if self.cursor is None:
            self.cursor = message["change"]
        elif self._hears_changes and is_comparable:
            self._is_behind |= message["change"] > self.cursor
        elif self._hears_changes and not self._is_behind:
            self.cursor = max(self.cursor, message["change"])

    def _catch_up(self, found: list[DeskEvent]) -> bool:
        """Asks for what is missing; false while something still is."""
        if not (self._is_behind or self._is_behind_alerts):
            return True
        self.recovery_count += 1
        count = len(found)
        try:
            if self._is_behind_alerts:
                self._catch_up_alerts(found)
            while self._is_behind and len(found) < FRAMES_PER_POLL:
                self._catch_up_changes(found)
        except RequestTimeoutError:
            # The engine is away: asked again at the next call.
            pass
        self.recovered_count += len(found) - count
        return not (self._is_behind or self._is_behind_alerts)

    def _catch_up_changes(self, found: list[DeskEvent]) -> None:
        assert self.cursor is not None
        kind = "settlements" if "ticket" not in self._whole else "tickets"
        request = {"type": kind, "since": self.cursor, "limit": PAGE_ITEMS}
        reply = self.request(request)
        if reply.type in ("error", "refused"):
            self.cursor, self._is_behind = None, False
            _expect(reply, tuple)
        for change in reply.body["changes"]:
            told = TicketChange.of(change)
            if not told.is_settlement:
                found.append(told.ticket)
            elif "settlement" in self._whole:
                found.append(Settlement(told.ticket, told.paid_minor_before))
            elif change["change_before"] > self.cursor:
                # Only decisions are subscribed to, and its decision may be among what was missed.
                found.append(told.ticket)
        self.cursor = reply.body["next"]
        self._is_behind = self.cursor < reply.body["last"]

    def _catch_up_alerts(self, found: list[DeskEvent]) -> None:
        while True:
            request = {"type": "alerts", "since": self._alert_seq, "epoch": self._stream_epoch}
            reply = self.request(request | {"limit": PAGE_ITEMS})
            if reply.type in ("error", "refused"):
                self._is_behind_alerts = False
                _expect(reply, tuple)
            body = reply.body
            if body["epoch"] != self._stream_epoch:
                # Started again meanwhile: the frames of the new epoch show what is missing of it.
                self._is_behind_alerts = False
                return
            self.lost_alert_count += max(0, body["first"] - self._alert_seq - 1)
            for alert in body["alerts"]:
                found.append(_desk_event(alert | {"sent_ns": 0}, time.time_ns()))
            self._alert_seq = body["next"]
            if body["next"] >= body["last"]:
                self._is_behind_alerts = False
                return

    def _command(self, kind: str, **fields: Any) -> Done:
        return self._do(
            {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
        )

    def _do(self, request: Json) -> Done:
        with _naming(request):
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
            Further stops of the fixture to lift, by their names on the wire: ``("silence", "start_passed")``.
            A person has looked; those of the model cannot be lifted.
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

        Prices above the model's fair ones, and books that sum to less than 1 or more than 2, are refused.
        When the fair price moves beyond a tolerance, the market is suspended until it is priced anew or
        resumed.

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

    def lock_market(self, fixture: int, market: str, *, locked: bool = True, in_play: bool = False) -> Done:
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
        Number the messages from here: 1 for a new source, and after a restart one more than the ``seq`` that
        the heartbeat tells of it. A source that begins again at 1 has lost its place: what it feeds is
        suspended. Without it messages are not numbered, and a loss is not noticed.
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
