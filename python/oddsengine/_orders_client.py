"""The client of the orders socket."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

import orjson
import zmq

from oddsengine import _arrays, _json
from oddsengine._connection import (
    FRAMES_PER_POLL,
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
from oddsengine._desk_tables import DeskTables
from oddsengine._messages import (
    Balance,
    Bet,
    Done,
    EachWay,
    Exposure,
    FixtureInfo,
    Json,
    Leg,
    MaxStake,
    MoneyAnswer,
    Ticket,
    TicketChange,
)
from oddsengine._replies import PAGE_ITEMS, Reply, expect, naming, portion_of

# What was not carried out for want of room, and is sent again.
_AGAIN = frozenset({"batch_full", "batch_too_heavy"})
# A query that the engine has no time for now is asked again after so long.
BUSY_RETRY_S = 0.05

OddsChange = Literal["none", "higher", "any"] | float
# What is done where a limit allows less than was asked.
OnLimit = Literal["refuse", "reoffer", "part"]
# How many items of an answer in pages are there.
Progress = Callable[[int], None]
_T = TypeVar("_T")


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
        request = _arrays.mapping(request, "request")
        request_id = request.get("request_id") or f"{self._name}-{next(self._ids)}"
        payload = _json.dumps({**request, "request_id": request_id})
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
        with naming(_arrays.mapping(request, "request")):
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
        with naming(request):
            return expect(self.request(request, timeout_s=timeout_s), expected)

    def place_ticket(
        self,
        *,
        customer: int,
        legs: Sequence[Leg | Mapping[str, Any]],
        stake_minor: int | None = None,
        currency: str = "EUR",
        odds_change: OddsChange = "none",
        on_limit: OnLimit = "refuse",
        reoffer_odds: bool = False,
        part_minor_min: int = 0,
        ticket: str | None = None,
        bets: Sequence[Bet | Mapping[str, Any]] | None = None,
        each_way: Sequence[EachWay | Mapping[str, Any]] | None = None,
        wait: bool = True,
        timeout_s: float | None = None,
    ) -> Ticket:
        """Place a ticket; a refusal is an ordinary answer, with its reason.

        Parameters
        ----------
        legs
            From :meth:`Board.leg`.
        stake_minor
            Of the ticket; not needed where every bet says the stake of its lines.
        bets
            How the bets follow from the legs, at most 50; one bet on all of them if absent.
        each_way
            The legs with a place part.
        odds_change
            ``"none"``, ``"higher"``, ``"any"``, or the percentage by which the odds may fall.
        on_limit
            Where a limit allows less: ``"refuse"``, ``"reoffer"`` the largest stake (the state is
            ``reoffered``, and :meth:`answer_offer` takes it), or take ``"part"``.
        reoffer_odds
            Where the odds have moved beyond ``odds_change``, offer the present ones.
        part_minor_min
            Smallest stake that is offered or taken instead.
        ticket
            Its id, 32 hexadecimal digits; a fresh one if absent. The same ticket is placed once.
        wait
            Wait out the bet delay; otherwise a ticket in play comes back as ``delayed``. So it does from an
            ``Engine`` in this process that has a clock of its own: there a delay ends with ``tick``, and the
            decision comes with ``poll``.
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
            bets=bets,
            each_way=each_way,
        ) | wishes(on_limit, reoffer_odds, part_minor_min)
        with naming(request):
            reply = self.request(request, timeout_s=timeout_s)
            placed = expect(reply, Ticket)
            if wait and not placed.is_decided:
                return self._wait_decided(request | {"request_id": reply.request_id}, placed, timeout_s)
            return placed

    def answer_offer(
        self, ticket: str, *, customer: int, takes: bool = True, timeout_s: float | None = None
    ) -> Ticket:
        """Take what was offered instead of a bet, or decline it; everything is judged again.

        Raises
        ------
        RefusedError
            Nothing is offered by this ticket.
        """
        request = {"type": "answer_offer", "ticket": ticket, "customer": customer, "takes": takes}
        with naming(request):
            return expect(self.request(request, timeout_s=timeout_s), Ticket)

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
            placed = expect(reply, Ticket)
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
        given = enumerate(_arrays.items(requests, "requests"))
        left = deque(
            {
                "request_id": f"{self._name}-{next(self._ids)}",
                **_arrays.mapping(request, f"requests[{index}]"),
            }
            for index, request in given
        )
        answers: list[Any] = []
        while left:
            portion = portion_of(left)
            reply = self.request({"type": "batch", "requests": portion}, timeout_s=timeout_s)
            values = expect(reply, list)
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
        self,
        *,
        customer: int,
        legs: Sequence[Leg | Mapping[str, Any]],
        currency: str = "EUR",
        bets: Sequence[Bet | Mapping[str, Any]] | None = None,
        each_way: Sequence[EachWay | Mapping[str, Any]] | None = None,
    ) -> MaxStake:
        """The largest stake that would be accepted now: of the ticket, in the proportion of its bets."""
        plan = _plan(bets, each_way)
        return self._ask(
            "max_stake", MaxStake, customer=customer, currency=currency, legs=_legs(legs), **plan
        )

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
        self,
        fixture: int | None = None,
        *,
        competition: str | None = None,
        sport: str | None = None,
        on_progress: Progress | None = None,
    ) -> Exposure:
        """Losses against limits, of the platform or of one scope; with the grid of a fixture.

        It comes in pages: each competition, and each market, is as of its page; the sums of a fixture are as
        of the last one.

        Parameters
        ----------
        on_progress
            Called after each page with the number of levels and selections that are there.
        """
        scope: Json | None = None
        if fixture is not None:
            scope = {"level": "fixture", "fixture": fixture}
        elif competition is not None:
            scope = {"level": "competition", "competition": competition}
        elif sport is not None:
            scope = {"level": "sport", "sport": sport}
        found: Exposure | None = None
        after: int | None = 0
        while after is not None:
            request = {"type": "exposure", "scope": scope, "after": after or None}
            request = {name: value for name, value in request.items() if value is not None}
            with naming(request):
                reply = self.request(request)
                page = expect(reply, Exposure)
            found = page if found is None else found.joined(page)
            # An engine of an earlier release tells everything at once.
            after = reply.body.get("next")
            if on_progress is not None:
                on_progress(found.item_count)
        assert found is not None
        return found

    @property
    def tables(self) -> DeskTables:
        """Everything that the engine tells as tables: fixtures, balances, tickets, scopes, commands."""
        return DeskTables(self)

    def fixtures(
        self,
        *,
        sport: str | None = None,
        competition: str | None = None,
        status: str | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[FixtureInfo, ...]:
        """Fixtures that are in memory, with their names and where they stand, by their places.

        They come in pages: each is as of its page, and one that is announced meanwhile comes last or, where
        it takes the place of one that left memory, may be missing.

        Parameters
        ----------
        on_progress
            Called after each page with the number of fixtures that are there.
        """
        filters = {"sport": sport, "competition": competition, "status": status}
        which = {name: value for name, value in filters.items() if value is not None}
        found: list[FixtureInfo] = []
        after: int | None = 0
        while after is not None:
            reply = self.request({"type": "fixtures", "after": after, **which})
            found += expect(reply, tuple)
            after = reply.body["next"]
            if on_progress is not None:
                on_progress(len(found))
        return tuple(found)

    def ticket_changes(
        self,
        since: int = 0,
        *,
        settlements: bool = False,
        customer: int | None = None,
        fixture: int | None = None,
        state: str | None = None,
    ) -> Iterator[TicketChange]:
        """The tickets that changed after change ``since``, each once as it is now, in order of last change.

        The numbers are the same after a restart of the engine: whoever keeps the last one misses nothing.

        Parameters
        ----------
        since
            The last ``change`` that is known; 0 for all tickets.
        settlements
            Only tickets whose last change was a settlement, a resettlement, a reopening or a cancellation.
        customer, fixture, state
            Only tickets of this customer, with a leg on this fixture, in this state (``"delayed"``,
            ``"refused"``, ``"accepted"``, ``"settled"``, ``"cancelled"``).

        Raises
        ------
        RequestError
            The number is above the last one: it is of another journal.
        """
        kind = "settlements" if settlements else "tickets"
        filters = {"customer": customer, "fixture": fixture, "state": state}
        which = {name: value for name, value in filters.items() if value is not None}
        while True:
            reply = self.request({"type": kind, "since": since, "limit": PAGE_ITEMS, **which})
            yield from expect(reply, tuple)
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


def _legs(legs: Sequence[Leg | Mapping[str, Any]]) -> list[Json]:
    given = enumerate(_arrays.items(legs, "legs"))
    return [
        leg.json() if isinstance(leg, Leg) else _arrays.mapping(leg, f"legs[{index}]") for index, leg in given
    ]


def wishes(on_limit: OnLimit, reoffer_odds: bool, part_minor_min: int) -> Json:
    """What a customer allows where a bet cannot be taken as asked, as fields of the request."""
    if on_limit == "refuse" and not reoffer_odds:
        return {}
    return {"on_limit": on_limit, "reoffer_odds": reoffer_odds, "part_minor_min": part_minor_min}


def _plan(
    bets: Sequence[Bet | Mapping[str, Any]] | None, each_way: Sequence[EachWay | Mapping[str, Any]] | None
) -> Json:
    plan: Json = {}
    if bets is not None:
        plan["bets"] = [bet.json() if isinstance(bet, Bet) else dict(bet) for bet in bets]
    if each_way is not None:
        plan["each_way"] = [leg.json() if isinstance(leg, EachWay) else dict(leg) for leg in each_way]
    return plan


def ticket_request(
    *,
    customer: int,
    legs: Sequence[Leg | Mapping[str, Any]],
    stake_minor: int | None = None,
    currency: str = "EUR",
    odds_change: OddsChange = "none",
    ticket: str | None = None,
    bets: Sequence[Bet | Mapping[str, Any]] | None = None,
    each_way: Sequence[EachWay | Mapping[str, Any]] | None = None,
) -> Json:
    """A ``place_ticket`` request, for :meth:`OrdersClient.submit` and :meth:`OrdersClient.batch`.

    ``stake_minor`` is of the ticket, and not needed where every bet says the stake of its lines. ``bets`` are
    its bets, one on all legs if absent, and ``each_way`` its legs with a place part.
    """
    is_word = isinstance(odds_change, str)
    policy = {"policy": odds_change} if is_word else {"policy": "within", "percent": odds_change}
    return {
        "type": "place_ticket",
        "ticket": ticket or new_id(),
        "customer": customer,
        "currency": currency,
        **({} if stake_minor is None else {"stake_minor": stake_minor}),
        "odds_change": policy,
        "legs": _legs(legs),
        **_plan(bets, each_way),
    }
