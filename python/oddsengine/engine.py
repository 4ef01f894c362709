"""The engine in this process: the same messages as over ZeroMQ, without the sockets.

>>> from oddsengine import Engine
>>> engine = Engine(clock=iter(range(1_000_000_000, 2_000_000_000)).__next__)
>>> engine.feed.fixture(1, competition="friendly", home="Alba", away="Bruma", start_ns=0)
>>> engine.feed.prices(1, odds_1x2=(2.10, 3.40, 3.60), total_line=2.5, odds_total=(1.95, 1.90))
>>> board = engine.board(1)
>>> board
<Board 1 Alba v Bruma 0-0, pre_match 0:00, open, 313 markets, version 1.1>
>>> engine.deposit(customer=7, amount_minor=10_000).available_minor
10000
>>> engine.place_ticket(customer=7, legs=[board.leg("1x2", "home")], stake_minor=1_000).state
'accepted'
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import numpy.typing as npt
import orjson

from oddsengine import _arrays, _core, _json
from oddsengine._connection import RequestError
from oddsengine._desk_client import DeskClient, DeskEvent, desk_event
from oddsengine._engine_config import engine_config
from oddsengine._feed_client import FeedClient
from oddsengine._messages import Board, Done, Json, Markets, Ticket, Times
from oddsengine._odds_client import _board
from oddsengine._replies import Reply, expect
from oddsengine.config import Settings
from oddsengine.exceptions import OddsEngineError
from oddsengine.models import IntensityModel, JointModel, ModelHost, Space

__all__ = ["Engine"]

# Sockets of a frame, as the core numbers them.
_ODDS, _DESK, _ORDERS, _SNAPSHOT = range(4)

#: Steps of one :meth:`Engine.tick`: what is still due after them is decided by the next one.
TICKS_MAX = 4_096
#: Events of the desk that are kept until :meth:`Engine.events` reads them; beyond them the oldest go.
EVENTS_KEPT_MAX = 262_144
# Alerts of a message that are looked at for why it was refused.
ALERTS_LOOKED_AT = 64
_ALERT = b"desk.alert"

P = ParamSpec("P")
R = TypeVar("R")

_process_id = os.getpid()


def _count_fork() -> None:
    global _process_id
    _process_id = os.getpid()


# Asking the kernel at every call would be slower.
os.register_at_fork(after_in_child=_count_fork)


def _alone(method: Callable[Concatenate[Engine, P], R]) -> Callable[Concatenate[Engine, P], R]:
    """A method that refuses while another thread is in one, and in a forked process.

    The core refuses by itself; here the queues of answers are guarded, which two threads would read of each
    other.
    """

    @functools.wraps(method)
    def guarded(self: Engine, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if _process_id != self._process_id:
            raise OddsEngineError(
                f"the engine belongs to process {self._process_id}, and this is process {_process_id}, a "
                "fork of it\nhint: open an engine in the process that uses it"
            )
        if not self._lock.acquire(blocking=False):
            raise OddsEngineError(
                "the engine is in use by another thread\n"
                "hint: give it to one thread, or put a lock around its calls"
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            self._lock.release()

    return guarded


class Engine(DeskClient):
    """An engine in this process, with the calls of a desk and of a sportsbook's services.

    All methods of :class:`oddsengine.client.DeskClient` are here: tickets, money, suspensions, prices,
    limits, exposure. :attr:`feed` takes what a feed tells, :meth:`board` shows a fixture.

    It is for one thread of the process that opened it, and a context manager that closes it. A call from a
    second thread while one runs, from a forked process, after :meth:`close`, or after a bug inside the core
    raises :class:`OddsEngineError` and does nothing. After :meth:`close` what there is can still be read
    (:meth:`accounts`, :meth:`metrics`, :meth:`state_hash`, :meth:`events`, :meth:`poll`).

    >>> with Engine() as closed:
    ...     pass
    >>> closed.deposit(customer=7, amount_minor=100)
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.OddsEngineError: the engine is closed

    Parameters
    ----------
    journal
        A file that makes it durable: every answer about money waits until it is written. ``None`` keeps
        everything in memory, for notebooks and back-tests.
    config
        The words of the configuration file, in sections or flat: ``{"limits": {"stake_max": "500.00"}}``,
        ``{"stake_minor_max": 50_000, "bet_delay_ms": 0}``; or what :func:`oddsengine.config.load` gives. See
        ``docs/config.md``.
    clock
        Gives the time of every message, in nanoseconds since 1970. A back-test passes its own.

    Raises
    ------
    OddsEngineError
        The journal is locked, damaged, or not a journal.
    ConfigError
        An unknown key, or a configured value outside its range, named.
    """

    def __init__(
        self,
        journal: str | Path | None = None,
        *,
        config: Mapping[str, Any] | Settings | None = None,
        clock: Callable[[], int] = time.time_ns,
        source: str = "desk",
    ) -> None:
        self.source = source
        self._process_id = _process_id
        self._lock = threading.RLock()
        self._is_closed = False
        self.feed: FeedClient = _LocalFeed(self)
        self._clock = clock
        self._core = _core.Service(
            journal=None if journal is None else str(journal), config=engine_config(config), now_ns=clock()
        )
        self._models = ModelHost(self._core, clock)
        self._ids = itertools.count(1)
        self._name = "local"
        self._timeout_s = 5.0
        self._replies: deque[Reply] = deque()
        # As they came: most are never looked at, and a full-time has thousands.
        self._events: deque[tuple[bytes, int]] = deque(maxlen=EVENTS_KEPT_MAX)
        # Those that went unread since the last call of `events`.
        self.lost_event_count = 0
        self._images: deque[Json] = deque()
        # Alerts that one message led to.
        self._alerts: list[bytes] = []

    # The transport of the clients, replaced by calls.

    @_alone
    def submit(self, request: Mapping[str, Any]) -> str:
        request = _arrays.mapping(request, "request")
        request_id = str(request.get("request_id") or f"{self._name}-{next(self._ids)}")
        payload = _json.dumps({**request, "request_id": request_id})
        self._core.order(b"local", payload, self._clock())
        self._collect()
        return request_id

    @_alone
    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """The answers that have come, among them those after a bet delay that :meth:`tick` ended."""
        self._until(lambda: bool(self._replies), timeout_s)
        replies = list(self._replies)
        self._replies.clear()
        return replies

    @property
    def pending_count(self) -> int:
        return 0

    @_alone
    def request(self, request: Mapping[str, Any], *, timeout_s: float | None = None) -> Reply:
        request_id = self.submit(request)
        return self._await(request_id, self._timeout_s if timeout_s is None else timeout_s)

    @_alone
    def _await(self, request_id: str, timeout_s: float) -> Reply:
        def arrived() -> bool:
            return any(reply.request_id == request_id for reply in self._replies)

        self._until(arrived, timeout_s)
        for reply in self._replies:
            if reply.request_id == request_id:
                self._replies.remove(reply)
                return reply
        raise OddsEngineError(f"request {request_id} was not answered within {timeout_s} s")

    def _wait_decided(self, request: Json, placed: Ticket, timeout_s: float | None) -> Ticket:
        if self._clock is not time.time_ns:
            # Time is the caller's: a bet delay ends with `tick`, not by waiting.
            return placed
        request_id = request["request_id"]
        until_ns = placed.due_ns + int(1e9 * (self._timeout_s if timeout_s is None else timeout_s))
        while not placed.is_decided and (now_ns := time.time_ns()) < until_ns:
            time.sleep(min(max(placed.due_ns - now_ns, 1_000_000), 20_000_000) / 1e9)
            self.tick()
            for reply in [reply for reply in self._replies if reply.request_id == request_id]:
                self._replies.remove(reply)
                placed = expect(reply, Ticket)
        return placed

    @_alone
    def _until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Waits for the journal, if there is one."""
        until_s = time.monotonic() + timeout_s
        while not (done() or self._is_closed) and time.monotonic() < until_s and self._core.wakeup_fd >= 0:
            time.sleep(0.0002)
            self._core.durable()
            self._collect()

    def _collect(self) -> None:
        del self._alerts[:-ALERTS_LOOKED_AT]
        self._core.end_turn()
        self._take_frames()
        while self._core.work_off():
            self._core.end_turn()
            self._take_frames()

    def _take_frames(self) -> None:
        now_ns = self._clock()
        for socket, (first, payload) in self._core.take_frames(now_ns):
            if socket == _ORDERS:
                body: Json = orjson.loads(payload)
                self._replies.append(
                    Reply(body["request_id"], body["type"], body, body["received_ns"], now_ns)
                )
            elif socket == _SNAPSHOT:
                self._images.append(orjson.loads(payload))
            elif socket == _DESK:
                self.lost_event_count += len(self._events) == self._events.maxlen
                self._events.append((payload, now_ns))
                if first == _ALERT:
                    self._alerts.append(payload)
            elif first.startswith(b"odds."):
                self._on_odds(payload)

    def _on_odds(self, payload: bytes) -> None:
        """Boards are read from the state when asked for; changes are not kept."""

    @_alone
    def events(self, timeout_s: float = 0.0, *, limit: int | None = None) -> list[DeskEvent]:
        """Decisions, settlements and alerts since the last call, the oldest first.

        Parameters
        ----------
        limit
            At most so many; the others come with the next call. The last 262,144 are kept,
            :attr:`lost_event_count` counts the others: :meth:`ticket_changes` has their tickets.
        """
        self._until(lambda: bool(self._events), timeout_s)
        count = len(self._events) if limit is None else min(limit, len(self._events))
        taken = [self._events.popleft() for _ in range(count)]
        self.lost_event_count = 0
        return [desk_event(orjson.loads(payload), now_ns) for payload, now_ns in taken]

    # What only a local engine has.

    @_alone
    def board(self, fixture: int) -> Board:
        """The board of a fixture as it stands.

        Raises
        ------
        OddsEngineError
            The fixture is not known.
        """
        self._core.snapshot_request(
            b"local",
            _json.dumps({"type": "image", "request_id": "image", "fixture": fixture}),
            self._clock(),
        )
        self._collect()
        image = self._images.popleft()
        if image["type"] == "error":
            raise RequestError(image["code"], image["message"])
        if image["type"] != "board":
            raise OddsEngineError(image["detail"])
        names = {key: tuple(body["selections"]) for key, body in image["markets"].items()}
        return _board(image, Times.of(image, image["sent_ns"]), Markets(image["markets"], names))

    @_alone
    def tick(self, now_ns: int | None = None) -> None:
        """Let time pass: bet delays that have ended are decided; their answers come with :meth:`poll`."""
        now_ns = self._clock() if now_ns is None else now_ns
        for _ in range(TICKS_MAX):
            self._core.tick(now_ns)
            self._collect()
            # One step decides a few of them.
            if (due_ns := self._core.next_due_ns) is None or due_ns > now_ns:
                return

    @_alone
    def ingest(self, message: bytes) -> None:
        """One canonical feed message, as bytes; what is wrong with it comes as an alert in :meth:`events`."""
        self._alerts.clear()
        self._core.ingest(message, self._clock())
        self._collect()

    @_alone
    def _send(self, message: bytes) -> None:
        self.ingest(message)
        for payload in self._alerts:
            alert: Json = orjson.loads(payload)
            if alert["alert"] in ("feed_error", "feed_refused"):
                raise OddsEngineError(alert["message"])

    @_alone
    def define_space(self, space: Space) -> None:
        """Make a sport known that is data; see :meth:`oddsengine.models.ModelHost.define_space`."""
        self._models.define_space(space)
        self._collect()

    @_alone
    def register_model(
        self, space: Space | str, model: JointModel | IntensityModel, *, budget_ms: float = 20.0
    ) -> None:
        """Price the fixtures of a space; see :meth:`oddsengine.models.ModelHost.register_model`."""
        self._models.register_model(space, model, budget_ms=budget_ms)
        self._collect()

    @_alone
    def set_probabilities(self, fixture: int, probabilities: npt.ArrayLike) -> Done:
        """Price a fixture of a space in its present state.

        Parameters
        ----------
        probabilities : (n,) float64
            Of every outcome; they sum to 1 within a millionth, and what is not possible has none.

        Raises
        ------
        OddsEngineError
            They are refused, and the fixture is suspended; or the fixture is not known, over, or not of a
            space.
        """
        array = _arrays.numbers(probabilities, "probabilities", axes=1)
        fixture = _arrays.whole(fixture, "fixture", 0, (1 << 64) - 1)
        try:
            self._core.set_probabilities(fixture, array, self._clock())
        finally:
            self._collect()
        return Done(True)

    @_alone
    def state_hash(self) -> str:
        """The hash of the state: the same for a live run, its replay and its recovery."""
        return self._core.state_hash()

    @_alone
    def invariants(self) -> dict[str, bool]:
        """The named invariants; all of them hold, always."""
        return self._core.invariants()

    @_alone
    def accounts(self) -> list[dict[str, Any]]:
        """Every account of the ledger with its balance, in minor units."""
        return self._core.balances()

    @_alone
    def metrics(self) -> dict[str, object]:
        """Counts of what came in and went out."""
        return self._core.metrics()

    @property
    @_alone
    def epoch(self) -> int:
        """The number of this start; odds versions of earlier ones are not taken."""
        return self._core.epoch

    def close(self) -> None:
        """Write what is open, and give the journal back. Closing once more does nothing, nor does it in a
        fork.

        Raises
        ------
        JournalError
            Not everything could be written; the message counts what is lost.
        """
        if _process_id == self._process_id:
            self._close()

    @_alone
    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._core.close()
        # The answers that closing made durable; after a bug inside the core there are none to be had.
        with contextlib.suppress(OddsEngineError):
            self._take_frames()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        try:
            metrics = self.metrics()
        except OddsEngineError as error:
            return f"<Engine, {str(error).partition(chr(10))[0]}>"
        if self._is_closed:
            return f"<Engine epoch {self.epoch}, closed>"
        return f"<Engine epoch {self.epoch}, {metrics['fixtures']} fixtures, {metrics['tickets']} tickets>"


class _LocalFeed(FeedClient):
    """The feed of a local engine; raises where a remote one would only be told by an alert."""

    def __init__(self, engine: Engine) -> None:
        self.source = "feed"
        self.sent_count = 0
        self._engine = engine

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        """One message; ``source`` and ``time_ns`` are added where they are absent.

        Raises
        ------
        OddsEngineError
            The message was not understood, or refused; nothing changed.
        """
        if not isinstance(message, bytes):
            message = _json.dumps({"source": self.source, "time_ns": self._engine._clock(), **message})
        self._engine._send(message)
        self.sent_count += 1

    def close(self) -> None:
        """Nothing to close."""

    def __repr__(self) -> str:
        return f"<feed of {self._engine!r}>"
