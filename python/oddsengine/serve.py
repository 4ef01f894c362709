"""The engine process: sockets around one :class:`oddsengine._core.Service`, in one plain thread.

A turn waits for messages, hands over a bounded batch of each kind, ends the turn, and sends what the service
gives back, in its order. What the messages mean is decided in Rust; here are sockets, clock and signals.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import importlib
import json
import os
import signal
import socket as sockets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol, TextIO, cast

import zmq

from oddsengine import _core
from oddsengine._ahead import ReadAhead, Received
from oddsengine._clock import EngineClock
from oddsengine._exit import EXIT_POISONED, EXIT_UNUSABLE, exit_code_of
from oddsengine._guard import Allowance, ConnectionGuard
from oddsengine._log_readers import ReaderWatch
from oddsengine._zap import NAME_PROPERTY, ZapHandler
from oddsengine.config import ConfigError, Models, Settings
from oddsengine.exceptions import OddsEngineError
from oddsengine.models import ModelHost

__all__ = ["EXIT_POISONED", "EXIT_UNUSABLE", "BindError", "Server", "ServiceLike", "open_service", "run"]

# Most messages of a kind in one turn: what arrives behind them waits at most so long.
INGEST_PER_TURN = 128
ORDERS_PER_TURN = 512
SNAPSHOTS_PER_TURN = 4
SUBSCRIPTIONS_PER_TURN = 256
# And most bytes and time of a kind: a message may hold much work. One message is always taken.
BYTES_PER_TURN = 262_144
NS_PER_TURN = 5_000_000
# Time of `ingest` while more waits in front of the socket than was read ahead: reading on finds stops in it.
NS_PER_TURN_BEHIND = 500_000
# Longest that a turn works off slices of due work while nothing arrives; it looks after each slice.
WORK_NS_PER_TURN = 500_000
# Accumulators and bet delays are looked at so often.
TICK_NS = 50_000_000
# Images are made again after a pause that is never longer than this.
IMAGES_PAUSE_NS_MAX = 10_000_000
# A new subscriber gets a heartbeat at once, but not more often than this.
GREETING_NS = 20_000_000
# Whether the hash of a state is there is looked at so often while one is computed.
HASH_CHECK_NS = 1_000_000
# Objects that live as long as the process are taken out of the garbage collector's sight after so long.
WARM_UP_NS = 2_000_000_000
# After a pause of the loop that is longer than this (a stopped process, a host that swaps, a long turn),
# libzmq may not have read yet what the kernel received meanwhile. Bet delays wait until `ingest` was empty
# for so long again.
PAUSE_NS = 100_000_000
SETTLE_NS = 200_000_000
# So often is looked while a bet delay that is over waits for that.
SETTLE_CHECK_NS = 10_000_000
# The wall clock differs from the engine's by more than this: the desk is told, and again after so long.
CLOCK_OFFSET_NS_MAX = 1_000_000_000
CLOCK_ALERT_NS = 60_000_000_000
# Longest wait for the journal and for slow peers at shutdown.
DRAIN_NS = 2_000_000_000
LINGER_MS = 1_000
# Odds topics have at most 300 bytes; with the frames of ZeroMQ and of CURVE that is less than this. So are
# the commands of CURVE's handshake, to which the same bound applies.
SUBSCRIPTION_BYTES_MAX = 384
# What CURVE adds to a message.
CURVE_BYTES = 64
# What ZeroMQ puts before a part.
SHORT_BYTES, LONG_BYTES = 2, 9
# All different topics of `odds` together may be so many times what one connection may send. libzmq walks all
# of them, byte by byte, when any subscriber leaves: some 50 ms for a million bytes.
TOPIC_BURSTS = 4
# Subscriptions of one client that wait between libzmq's thread and the loop's, and bytes of it that the
# kernel keeps: little, because libzmq reads all that waits at once, on the loop's thread.
SUBSCRIPTIONS_QUEUE_MAX = 64
SUBSCRIPTIONS_KERNEL_BYTES = 32_768
# Requests that wait, of one client.
REQUESTS_QUEUE_MAX = 128
IMAGE_REQUESTS_QUEUE_MAX = 64
# A client must have finished its handshake after so long.
HANDSHAKE_MS = 5_000

# A silent peer is asked for a sign of life after so long, and three times in all.
KEEPALIVE_S = 5
# What a peer has not acknowledged after so long ends its connection.
UNACKED_MS_MAX = 30_000

# What may wait of one connection to `ingest` or `orders` beside its full queue of the longest messages that
# are understood, and what is forgiven a second: heartbeats.
KERNEL_BYTES = 1_048_576
SPARE_BYTES = 4 * KERNEL_BYTES
SPARE_BYTES_PER_S = 65_536
UNDERSTOOD_BYTES_MAX = 65_536
# What a connection to the others may send at once, and a second for ever; the rest is configured.
SNAPSHOT_BURST_BYTES, SNAPSHOT_BYTES_PER_S = 1_048_576, 65_536
SUBSCRIPTION_BYTES_PER_S = 2_048
# All connections of one address to `odds` or `desk`: this many full bursts, then so much.
ADDRESS_BURSTS = 4
ADDRESS_BYTES_PER_S = 65_536

Socket = zmq.Socket[bytes]


class ServiceLike(Protocol):
    """What the loop needs of :class:`oddsengine._core.Service`."""

    @property
    def start_report(self) -> dict[str, object]: ...
    @property
    def epoch(self) -> int: ...
    @property
    def wakeup_fd(self) -> int: ...
    @property
    def next_due_ns(self) -> int | None: ...
    @property
    def takes_ingest(self) -> bool: ...
    def takes_requests(self, is_snapshot: bool) -> bool: ...
    @property
    def next_images_ns(self) -> int | None: ...
    def make_images(self, now_ns: int) -> None: ...
    @property
    def is_poisoned(self) -> bool: ...
    @property
    def poison_reason(self) -> str | None: ...
    def ingest(self, payload: bytes, now_ns: int, key: str | None) -> None: ...
    def order(self, identity: bytes, payload: bytes, now_ns: int, key: str | None) -> None: ...
    def snapshot_request(self, identity: bytes, payload: bytes, now_ns: int, key: str | None) -> None: ...
    def look_ahead(self, payload: bytes, now_ns: int, key: str | None) -> int | None: ...
    def look_ahead_order(self, payload: bytes, now_ns: int, key: str | None) -> list[int]: ...
    def end_halt(self, fixture: int, now_ns: int) -> None: ...
    def tick(self, now_ns: int, read_ns: int) -> None: ...
    def alert(self, alert: str, message: str, now_ns: int) -> None: ...
    def set_binary(self, publishes: bool) -> None: ...
    def heartbeat(self, now_ns: int) -> None: ...
    def end_turn(self) -> None: ...
    def work_off(self) -> bool: ...
    def durable(self) -> None: ...
    def take_frames(self, now_ns: int) -> list[tuple[int, list[bytes]]]: ...
    @property
    def is_hashing(self) -> bool: ...
    @property
    def has_desk_frames(self) -> bool: ...
    def take_desk_frames(self, now_ns: int) -> list[tuple[int, list[bytes]]]: ...
    def metrics(self) -> dict[str, object]: ...
    def state_hash(self) -> str: ...
    def invariants(self) -> dict[str, object]: ...
    def close(self) -> None: ...


class BindError(OddsEngineError):
    """A socket cannot be opened at its endpoint.

    `is_transient` says whether the endpoint may become free, or its address be given to this host, by itself.
    """

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        super().__init__(message)
        self.is_transient = is_transient


def open_service(
    settings: Settings,
    clock: Callable[[], int] | None = None,
    *,
    must_exist: bool = False,
    anchor: str | None = None,
) -> ServiceLike:
    """Open and recover the journal, raise its epoch, apply the configuration.

    Parameters
    ----------
    settings
        See :mod:`oddsengine.config`.
    clock
        Gives the time of the start.
    must_exist
        The journal has to be there: a new one is not made.
    anchor
        ``SEQ:HASH`` of a link that was kept elsewhere and has to be in the journal.
    """
    path = settings.journal.path
    service = _core.Service(
        journal=None if path is None else os.fspath(path),
        config=settings.engine,
        now_ns=(clock or EngineClock())(),
        snapshot_every=settings.journal.snapshot_every,
        must_exist=must_exist,
        anchor=anchor,
        rights=settings.rights.as_dict(settings.curve),
        verify_at_start=settings.journal.verify_at_start,
        compact=settings.journal.compact,
        segment_bytes=settings.journal.segment_bytes,
        segments=None if settings.journal.segments is None else os.fspath(settings.journal.segments),
    )
    service.share()
    return cast(ServiceLike, service)


def load_models(
    models: Models, service: ServiceLike, clock: Callable[[], int] = time.time_ns
) -> ModelHost | None:
    """Call ``setup(host)`` of the configured module of own models; the host keeps them alive.

    Raises
    ------
    ConfigError
        The module is not there, or has no ``setup``.
    """
    if models.module is None:
        return None
    sys.path.insert(0, os.fspath(models.folder.resolve()))
    try:
        module = importlib.import_module(models.module)
    except ModuleNotFoundError as error:
        if error.name != models.module:
            raise
        folder = models.folder.resolve()
        raise ConfigError(
            f"[models] module {models.module!r} is neither in {folder} nor installed"
        ) from error
    setup = getattr(module, "setup", None)
    if not callable(setup):
        raise ConfigError(f"[models] module {models.module!r} has no setup(host)")
    host = ModelHost(service, clock)
    setup(host)
    return host


class Server:
    """The sockets of one service and the loop around them.

    Parameters
    ----------
    settings
        Endpoints, queues, keys.
    service
        An open service; :meth:`run` closes it.
    clock
        The time of everything that is given to the service, and of the loop's timers.

    Raises
    ------
    BindError
        An endpoint is in use or cannot be bound.
    """

    def __init__(self, settings: Settings, service: ServiceLike, *, clock: EngineClock | None = None) -> None:
        self.settings = settings
        self.service = service
        self.exit_code = 0
        self.model_host: ModelHost | None = None
        self.poison_reason = ""
        self.undeliverable_count = 0
        self.misframed_count = 0
        self.turn_count = 0
        self.pause_count = 0
        self.stray_count = 0
        self._clock = clock or EngineClock()
        self._context: zmq.Context[Socket] = zmq.Context()
        self._guard = ConnectionGuard(self._context, memory_bytes_max=settings.sockets.memory_bytes_max)
        self._readers = ReaderWatch(
            settings.journal.path,
            settings.journal.reader_seconds_max,
            log_bytes_max=settings.journal.reader_log_bytes_max,
            kept=settings.journal.readers_kept,
        )
        self._locks: list[int] = []
        self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_stopping = False
        self._sockets: list[Socket] = []
        self._zap: ZapHandler | None = None
        # Sockets whose connections have keys: each of their messages says whose.
        self._with_keys: set[Socket] = set()
        try:
            self._open_sockets()
        except BaseException:
            self._close_sockets(linger_ms=0)
            raise
        self._poller = self._new_poller()
        self._is_ingesting = True
        self._heartbeat_ns = settings.sockets.heartbeat_ms * 1_000_000
        self._started_ns = self._clock()
        self._next_heartbeat_ns = self._started_ns
        self._last_heartbeat_ns = 0
        self._next_tick_ns = self._started_ns
        self._has_greeting = False
        # Everything that had arrived on `ingest` by then has been handed in.
        self._read_ns = self._started_ns
        # When `ingest` was last found empty, how the wall clock differed then, and until when it has to be.
        self._checked_ns, self._checked_offset_ns = self._started_ns, self._clock.offset_ns
        self._settled_ns = self._started_ns
        # A bet delay is over and waits for feeds to be read, or for the journal.
        self._is_overdue = False
        self._has_worked = False
        self._ingest_ahead = ReadAhead(lambda: self._receive(self._ingest, first=0), self._look_ahead)
        self._orders_ahead = ReadAhead(
            lambda: self._receive(self._orders, first=1),
            self._look_ahead_order,
            # Its first part names it; a message without parts is nobody's.
            connection=lambda received: received[0][0] if received[0] else b"",
        )
        self._is_reading_behind = False
        self._snapshots = ReadAhead(lambda: self._receive(self._snapshot, first=1), lambda _: ())
        self._told_offset_ns: int | None = None
        self._next_clock_alert_ns = 0

    # Opening

    def _open_sockets(self) -> None:
        sockets, curve = self.settings.sockets, self.settings.curve
        if curve is not None:
            self._zap = ZapHandler(self._context, curve.allowed())
        self._ingest = self._bind("ingest", zmq.PULL, receive=sockets.ingest_queue_max, send=1)
        orders, images = sockets.orders_queue_max, sockets.snapshot_queue_max
        waits, frames = SUBSCRIPTIONS_QUEUE_MAX, sockets.odds_queue_max
        self._orders = self._bind("orders", zmq.ROUTER, receive=REQUESTS_QUEUE_MAX, send=orders)
        self._topics: set[bytes] = set()
        self._topic_bytes, self._binary_topic_count = 0, 0
        self._odds = self._bind("odds", zmq.XPUB, receive=waits, send=frames)
        self._snapshot = self._bind("snapshot", zmq.ROUTER, receive=IMAGE_REQUESTS_QUEUE_MAX, send=images)
        self._desk = self._bind("desk", zmq.PUB, receive=waits, send=frames)
        self._targets = (self._odds, self._desk, self._orders, self._snapshot)

    def _bind(self, name: str, kind: int, *, receive: int, send: int) -> Socket:
        endpoint = self.settings.sockets.endpoints()[name]
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.linger = LINGER_MS
        socket.rcvhwm, socket.sndhwm = receive, send
        socket.maxmsgsize = self.settings.sockets.message_bytes_max + CURVE_BYTES
        socket.setsockopt(zmq.RCVBUF, KERNEL_BYTES)
        socket.setsockopt(zmq.BACKLOG, 512)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        if kind == zmq.ROUTER:
            # Otherwise answers that cannot be delivered would be dropped without being counted.
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            # A client that comes again under its own name gets its answers, whatever became of its old
            # connection.
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if kind in (zmq.XPUB, zmq.PUB):
            socket.maxmsgsize = SUBSCRIPTION_BYTES_MAX
            socket.setsockopt(zmq.RCVBUF, SUBSCRIPTIONS_KERNEL_BYTES)
        if kind == zmq.XPUB:
            # Every new subscriber is told, not only the first of a topic: each one gets its heartbeat.
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        if endpoint.startswith("tcp"):
            socket.setsockopt(zmq.IPV6, "[" in endpoint)
            # A peer that vanished without a word is noticed, and its queue freed. By the kernel, not by
            # heartbeats of libzmq: their timer aborts the process when a connection broke while its queue was
            # full (`Assertion failed: !_io_error`, 4.3.5).
            socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
            socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_S)
            socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_S)
            socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 2)
            socket.setsockopt(zmq.TCP_MAXRT, UNACKED_MS_MAX)
            if self.settings.curve is not None:
                server = self.settings.curve.server
                socket.curve_server = True
                socket.curve_publickey, socket.curve_secretkey = server.public, cast(bytes, server.secret)
                socket.zap_domain = name.encode()
                self._with_keys.add(socket)
        self._guard.watch(name, socket, self._allowance(name))
        self._claim(name, endpoint)
        # Of `ipc` endpoints: only the owner may connect.
        mask = os.umask(0o077)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            is_transient = error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
            raise BindError(_bind_message(name, endpoint, error), is_transient=is_transient) from error
        finally:
            os.umask(mask)
        return socket

    def _allowance(self, name: str) -> Allowance:
        """What a connection may bring; twice the longest message in any case."""
        limits = self.settings.sockets
        message_bytes, stall_ns_max = limits.message_bytes_max, limits.stall_ms_max * 1_000_000
        match name:
            case "ingest" | "orders":
                queue_max = limits.ingest_queue_max if name == "ingest" else REQUESTS_QUEUE_MAX
                burst_bytes = SPARE_BYTES + queue_max * UNDERSTOOD_BYTES_MAX
                bytes_per_s = SPARE_BYTES_PER_S
            case "snapshot":
                burst_bytes, bytes_per_s = SNAPSHOT_BURST_BYTES, SNAPSHOT_BYTES_PER_S
            case _:
                return Allowance(
                    limits.subscription_bytes_max,
                    SUBSCRIPTION_BYTES_PER_S,
                    address_burst_bytes=ADDRESS_BURSTS * limits.subscription_bytes_max,
                    address_bytes_per_s=ADDRESS_BYTES_PER_S,
                    connections_max=limits.connections_max,
                )
        return Allowance(
            max(burst_bytes, 2 * message_bytes),
            bytes_per_s,
            is_credited=name != "snapshot",
            stall_ns_max=None if name == "ingest" else stall_ns_max,
            connections_max=limits.connections_max,
        )

    def _claim(self, name: str, endpoint: str) -> None:
        """One process listens at an ``ipc`` path: libzmq would take it from another one without a word."""
        path = endpoint.removeprefix("ipc://")
        if path == endpoint or path.startswith(("@", "*")):
            return
        try:
            lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            # The folder is not there, or not ours: binding would say so too.
            raise BindError(
                f"cannot listen on {endpoint} for {name}: cannot make {path}.lock: {error.strerror}\n"
                f"hint: set [sockets] {name} to an endpoint of this host"
            ) from error
        self._locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BindError(_in_use(name, endpoint), is_transient=True) from error
        # Somebody who takes no lock. What a process that ended has left is nobody's.
        with sockets.socket(sockets.AF_UNIX) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(path) == 0:
                raise BindError(_in_use(name, endpoint), is_transient=True)

    def _new_poller(self) -> zmq.Poller:
        poller = zmq.Poller()
        for socket in (self._ingest, self._orders, self._odds, self._snapshot):
            poller.register(socket, zmq.POLLIN)
        if self._zap is not None:
            poller.register(self._zap.socket, zmq.POLLIN)
        poller.register(self._stop_read, zmq.POLLIN)
        if self.service.wakeup_fd >= 0:
            poller.register(self.service.wakeup_fd, zmq.POLLIN)
        return poller

    def endpoints(self) -> dict[str, str]:
        """Where each socket listens; a port given as ``*`` is the one that was found."""
        names = ("ingest", "orders", "odds", "snapshot", "desk")
        return {
            name: cast(bytes, socket.last_endpoint).rstrip(b"\0").decode()
            for name, socket in zip(names, self._sockets, strict=True)
        }

    def ready(self) -> dict[str, object]:
        """What orchestrators wait for."""
        report = self.service.start_report
        return {
            "ready": True,
            "epoch": self.service.epoch,
            "journal": report["journal"],
            "quarantined": report["quarantined"],
            "pid": os.getpid(),
            "endpoints": self.endpoints(),
        }

    # The loop

    def run(self) -> int:
        """Serve until :meth:`stop`, a signal, or a poisoned journal; returns the exit code."""
        try:
            self._guard.start(self.endpoints())
            while not self._is_stopping:
                self._turn(self._timeout_ms())
            if self.exit_code == 0:
                self._drain()
        except BaseException:
            # A bug: the state cannot be trusted, so no snapshot is made of it; the next start replays.
            self._close_sockets(linger_ms=0)
            raise
        self._finish()
        return self.exit_code

    def stop(self) -> None:
        """End :meth:`run` after the present turn; safe from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._stop_write, bytes([signal.SIGTERM]))

    def _timeout_ms(self) -> int:
        if (
            self._has_worked
            or self.service.has_desk_frames
            or self._orders_ahead
            or (self._is_ingesting and self._ingest_ahead)
        ):
            return 0
        now_ns = self._clock()
        due_ns = min(self._next_heartbeat_ns, self._next_tick_ns)
        if (images_ns := self.service.next_images_ns) is not None:
            due_ns = min(due_ns, images_ns)
        if self.service.is_hashing:
            # Another thread computes it, and wakes nobody.
            due_ns = min(due_ns, now_ns + HASH_CHECK_NS)
        if self._is_overdue:
            # What holds it up ends by itself.
            due_ns = min(due_ns, now_ns + SETTLE_CHECK_NS)
        elif (next_due_ns := self.service.next_due_ns) is not None:
            due_ns = min(due_ns, next_due_ns)
        return max(0, -(-(due_ns - now_ns) // 1_000_000))

    def _turn(self, timeout_ms: int) -> None:
        service = self.service
        ready = dict(self._poller.poll(timeout_ms))
        now_ns = self._clock()
        self.turn_count += 1
        if self._stop_read in ready:
            self._read_signals()
        if self._zap is not None and self._zap.socket in ready:
            self._zap.handle()
        if self._odds in ready:
            self._read_subscriptions()
        if self._is_ingesting:
            # Also when nothing is there: that is what lets bet delays end.
            self._drain_ingest(now_ns)
        if self._orders in ready or self._orders_ahead:
            self._drain_requests(self._orders_ahead, ORDERS_PER_TURN, service.order, now_ns)
        # Last of the sockets: an image shows all that the turn has changed.
        if self._snapshot in ready:
            self._drain_requests(self._snapshots, SNAPSHOTS_PER_TURN, service.snapshot_request, now_ns)
        if service.wakeup_fd in ready:
            service.durable()
        self._timers(now_ns, is_idle=not ready)
        service.end_turn()
        self._send(service.take_frames(self._clock()))
        self._send(service.take_desk_frames(self._clock()))
        self._make_images()
        # After all that the turn has to tell; what is told of it leaves with the next.
        self._has_worked = self._work_off()
        if service.takes_ingest != self._is_ingesting:
            self._hold_ingest(is_held=self._is_ingesting)
        if service.is_poisoned:
            # Asked now: once closed, the journal says nothing any more.
            self.poison_reason = service.poison_reason or ""
            self.exit_code = EXIT_POISONED
            self._is_stopping = True

    def _work_off(self) -> bool:
        """Slices of due work until a message arrives, and one at least; whether there was any.

        A slice takes about as long as a board, so that no message waits for more than that. What is told of
        them leaves with the next turn.
        """
        if not self.service.work_off():
            return False
        until_ns = time.monotonic_ns() + WORK_NS_PER_TURN
        # What was read ahead has arrived already.
        while (
            not (self._ingest_ahead or self._orders_ahead)
            and time.monotonic_ns() < until_ns
            and not self._poller.poll(0)
            and self.service.work_off()
        ):
            pass
        return True

    def _make_images(self) -> None:
        """After all that others wait for, and a few: an image takes longer than most answers."""
        next_ns = self.service.next_images_ns
        if next_ns is None:
            return
        now_ns = self._clock()
        # A clock that went back ends the pause.
        if not now_ns < next_ns <= now_ns + IMAGES_PAUSE_NS_MAX:
            self.service.make_images(now_ns)
            self._send(self.service.take_frames(self._clock()))

    def _hold_ingest(self, *, is_held: bool) -> None:
        """While too much waits for the disk, feeds wait in front of the socket."""
        self._is_ingesting = not is_held
        if is_held:
            self._poller.unregister(self._ingest)
        else:
            self._poller.register(self._ingest, zmq.POLLIN)

    def _drain_ingest(self, now_ns: int) -> None:
        service, ahead = self.service, self._ingest_ahead
        # What the kernel still holds is asked first: what libzmq takes from it meanwhile is seen below.
        next_due_ns = service.next_due_ns
        is_due = next_due_ns is not None and next_due_ns <= now_ns
        is_unread = is_due and _core.has_unread(list(self._guard.ingest_descriptors))
        checked_ns, byte_count = now_ns, 0
        until_ns = now_ns + (NS_PER_TURN_BEHIND if self._is_reading_behind else NS_PER_TURN)
        for _ in range(INGEST_PER_TURN):
            received = ahead.next()
            if received is None:
                self._note_empty(checked_ns, is_unread=is_unread)
                self._is_reading_behind = False
                return
            (parts, key), halted = received
            byte_count += sum(map(len, parts))
            if len(parts) == 1:
                service.ingest(parts[0], now_ns, key)
            else:
                self.misframed_count += 1
            for fixture in halted:
                service.end_halt(fixture, now_ns)
            # Suspensions leave at once; boards wait for the end of the turn.
            checked_ns = self._clock()
            self._send(service.take_frames(checked_ns))
            if byte_count >= BYTES_PER_TURN or checked_ns >= until_ns:
                break
        # More waits than a turn carries out: a stop among it overtakes.
        self._is_reading_behind = ahead.fill()

    def _look_ahead(self, received: Received) -> Sequence[int]:
        """The fixture that a waiting message of `ingest` halts, told at once."""
        parts, key = received
        halted = self.service.look_ahead(parts[0], self._clock(), key) if len(parts) == 1 else None
        if halted is None:
            return ()
        self._send(self.service.take_frames(self._clock()))
        return (halted,)

    def _look_ahead_order(self, received: Received) -> Sequence[int]:
        """The fixtures that a waiting request of the desk, or a batch of them, halts, told at once."""
        parts, key = received
        halted = self.service.look_ahead_order(parts[1], self._clock(), key) if len(parts) == 2 else ()
        if halted:
            self._send(self.service.take_frames(self._clock()))
        return halted

    def _note_empty(self, checked_ns: int, *, is_unread: bool) -> None:
        """`ingest` was empty at some time after `checked_ns`; see PAUSE_NS."""
        offset_ns = self._clock.offset_ns
        # The monotonic clock stands while a host sleeps; the wall clock tells.
        jump_ns = abs(offset_ns - self._checked_offset_ns)
        if checked_ns - self._checked_ns > PAUSE_NS or jump_ns > PAUSE_NS:
            self._settled_ns = checked_ns + SETTLE_NS
            self.pause_count += 1
        self._checked_ns, self._checked_offset_ns = checked_ns, offset_ns
        if checked_ns >= self._settled_ns and not is_unread:
            self._read_ns = checked_ns

    def _receive(self, socket: Socket, *, first: int) -> tuple[list[bytes], str | None] | None:
        """The next message with the name of its connection's key, or none; credited to its connection.

        `first`: the first part that was on the wire.
        """
        # Asking is cheaper than the exception of an empty socket.
        if not _has_more(socket):
            return None
        frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        parts = [frame.bytes for frame in frames]
        descriptor = frames[-1].get(zmq.SRCFD)
        read_bytes = self._guard.read_bytes
        wire_bytes = sum(
            len(part) + (LONG_BYTES if len(part) > 255 else SHORT_BYTES) for part in parts[first:]
        )
        read_bytes[descriptor] = read_bytes.get(descriptor, 0) + wire_bytes
        key = cast(str, frames[-1].get(NAME_PROPERTY)) if socket in self._with_keys else None
        return parts, key

    def _drain_requests(
        self,
        ahead: ReadAhead,
        per_turn: int,
        request: Callable[[bytes, bytes, int, str | None], None],
        now_ns: int,
    ) -> None:
        byte_count, until_ns = 0, time.monotonic_ns() + NS_PER_TURN
        for _ in range(per_turn):
            # What a message holds counts, not only that it is one.
            if not self.service.takes_requests(ahead is self._snapshots):
                break
            received = ahead.next()
            if received is None:
                return
            (parts, key), halted = received
            byte_count += sum(map(len, parts))
            if len(parts) == 2:
                request(parts[0], parts[1], now_ns, key)
            else:
                self.misframed_count += 1
            for fixture in halted:
                self.service.end_halt(fixture, now_ns)
            if byte_count >= BYTES_PER_TURN or time.monotonic_ns() >= until_ns:
                break
        if ahead is self._orders_ahead:
            ahead.fill()

    def _read_subscriptions(self) -> None:
        """Notes new subscribers: they need a heartbeat before they ask for images, and get one at once.

        The socket is never asked for its events: libzmq then reads all subscriptions, and pyzmq keeps the
        interpreter's lock meanwhile.
        """
        for _ in range(SUBSCRIPTIONS_PER_TURN):
            try:
                message = self._odds.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            first, topic = message[:1], message[1:]
            if first not in (b"\x00", b"\x01"):
                self.stray_count += 1
                continue
            joins = first == b"\x01"
            self._has_greeting |= joins and b"hb".startswith(topic)
            # Every subscription is told, and the last one of a topic that ends.
            if joins != (topic in self._topics):
                self._note_topic(topic, joins=joins)

    def _note_topic(self, topic: bytes, *, joins: bool) -> None:
        (self._topics.add if joins else self._topics.discard)(topic)
        step = 1 if joins else -1
        self._topic_bytes += step * len(topic)
        if topic.startswith(b"oddsbin"):
            # Binary boards are encoded only while somebody reads them.
            self._binary_topic_count += step
            self.service.set_binary(self._binary_topic_count > 0)
        most_bytes = TOPIC_BURSTS * self.settings.sockets.subscription_bytes_max
        if self._topic_bytes > most_bytes:
            self._guard.relieve(
                "odds", f"all topics have {self._topic_bytes} bytes; {most_bytes} are the most"
            )

    def _timers(self, now_ns: int, *, is_idle: bool) -> None:
        service = self.service
        next_due_ns = service.next_due_ns
        is_due = next_due_ns is not None and next_due_ns <= min(now_ns, self._read_ns)
        if now_ns >= self._next_tick_ns or is_due:
            service.tick(now_ns, self._read_ns)
            self._next_tick_ns = now_ns + TICK_NS
            next_due_ns = service.next_due_ns
            self._watch_clock(now_ns)
            for alert, message in self._readers.look(time.monotonic()):
                service.alert(alert, message, now_ns)
            if self._guard.has_alerts:
                for alert, message in self._guard.take_alerts():
                    service.alert(alert, message, now_ns)
        self._is_overdue = next_due_ns is not None and next_due_ns <= now_ns
        is_greeting = self._has_greeting and now_ns >= self._last_heartbeat_ns + GREETING_NS
        if now_ns >= self._next_heartbeat_ns or is_greeting:
            service.heartbeat(now_ns)
            self._has_greeting = False
            self._last_heartbeat_ns = now_ns
            self._next_heartbeat_ns = now_ns + self._heartbeat_ns
            self._collect_garbage(now_ns, is_idle=is_idle)
        elif self._has_greeting:
            self._next_heartbeat_ns = min(self._next_heartbeat_ns, self._last_heartbeat_ns + GREETING_NS)

    def _watch_clock(self, now_ns: int) -> None:
        """Tells the desk that the wall clock differs: once, at every step away, and each minute."""
        offset_ns, told_ns = self._clock.offset_ns, self._told_offset_ns
        if abs(offset_ns) <= CLOCK_OFFSET_NS_MAX:
            if told_ns is not None:
                self._told_offset_ns = None
                self.service.alert("clock_agrees", "the wall clock agrees with the engine's again", now_ns)
            return
        is_news = (
            told_ns is None
            or offset_ns * told_ns < 0
            or abs(offset_ns) > abs(told_ns) + CLOCK_OFFSET_NS_MAX
            or now_ns >= self._next_clock_alert_ns
        )
        if is_news:
            self._told_offset_ns = offset_ns
            self._next_clock_alert_ns = now_ns + CLOCK_ALERT_NS
            side = "ahead of" if offset_ns > 0 else "behind"
            message = f"the wall clock is {abs(offset_ns) / 1e9:.1f} s {side} the engine's"
            self.service.alert("clock_differs", message, now_ns)

    def _collect_garbage(self, now_ns: int, *, is_idle: bool) -> None:
        """The collector never runs in the middle of a turn that has work to do."""
        if gc.isenabled() and now_ns - self._started_ns > WARM_UP_NS:
            gc.collect()
            gc.freeze()
            gc.disable()
        elif is_idle and not gc.isenabled():
            gc.collect(0)

    def _send(self, frames: list[tuple[int, list[bytes]]]) -> None:
        for target, parts in frames:
            try:
                self._targets[target].send_multipart(parts, zmq.NOBLOCK)
            except zmq.ZMQError as error:
                # The client went away, or does not read its answers: it will ask again with the same id.
                if error.errno not in (errno.EHOSTUNREACH, errno.EAGAIN):
                    raise
                self.undeliverable_count += 1

    # Signals and the end

    def _read_signals(self) -> None:
        for number in os.read(self._stop_read, 64):
            if number == signal.SIGUSR1:
                print(json.dumps(self.metrics(), default=str), file=sys.stderr, flush=True)
            else:
                self._is_stopping = True

    def metrics(self) -> dict[str, object]:
        """Counts of the service and of the loop."""
        zap = self._zap
        return self.service.metrics() | {
            "turn_count": self.turn_count,
            "undeliverable_count": self.undeliverable_count,
            "misframed_count": self.misframed_count,
            "ahead_message_count": len(self._ingest_ahead) + len(self._orders_ahead),
            "halted_ahead_count": self._ingest_ahead.halt_count + self._orders_ahead.halt_count,
            "stray_count": self.stray_count,
            "topic_count": len(self._topics),
            "topic_bytes": self._topic_bytes,
            "pause_count": self.pause_count,
            # The wall's time less the engine's, and how long ago feeds were read empty.
            "clock_offset_ns": self._clock.offset_ns,
            "read_lag_ns": max(0, self._clock() - self._read_ns),
            "client_accepted_count": zap.accepted_count if zap else 0,
            "client_refused_count": zap.refused_count if zap else 0,
            **self._readers.metrics(),
            **self._guard.metrics(),
        }

    def _drain(self) -> None:
        """Take what has already arrived, wait until it is durable, answer it."""
        until_ns = time.monotonic_ns() + DRAIN_NS
        while time.monotonic_ns() < until_ns and not self.service.is_poisoned:
            is_waiting = bool(self._ingest_ahead or self._orders_ahead)
            sockets = (self._ingest, self._orders, self._snapshot)
            is_read = not is_waiting and not any(_has_more(socket) for socket in sockets)
            if is_read and self.service.next_images_ns is None:
                break
            self._turn(0)

    def _finish(self) -> None:
        """Close the journal; answers that became durable by it still leave."""
        try:
            self.service.close()
            self._send(self.service.take_frames(self._clock()))
        except Exception as error:
            if self.exit_code == 0:
                self.exit_code, self.poison_reason = EXIT_POISONED, str(error)
        self._close_sockets(linger_ms=LINGER_MS)

    def _close_sockets(self, *, linger_ms: int) -> None:
        self._guard.close()
        for socket in self._sockets:
            socket.close(linger_ms)
        if self._zap is not None:
            self._zap.close()
        self._context.term()
        # The locks last: until here nobody else listens at an `ipc` path.
        for descriptor in (self._stop_read, self._stop_write, *self._locks):
            os.close(descriptor)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop the loop, SIGUSR1 prints the metrics; only in the main thread."""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
        # The interpreter writes the number of each signal into the pipe that the loop polls.
        previous = {number: signal.signal(number, _ignore) for number in numbers}
        previous_fd = signal.set_wakeup_fd(self._stop_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(previous_fd)
            for number, handler in previous.items():
                signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass


def _has_more(socket: Socket) -> bool:
    return bool(cast(int, socket.get(zmq.EVENTS)) & zmq.POLLIN)


def _bind_message(name: str, endpoint: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return _in_use(name, endpoint)
    hint = f"set [sockets] {name} to an endpoint of this host"
    return f"cannot listen on {endpoint} for {name}: {error.strerror.lower()}\nhint: {hint}"


def _in_use(name: str, endpoint: str) -> str:
    hint = f"another process listens there; stop it, or set [sockets] {name} to another endpoint"
    return f"cannot listen on {endpoint} for {name}: the address is in use\nhint: {hint}"


def run(
    settings: Settings,
    *,
    ready_fd: int | None = None,
    ready_file: Path | None = None,
    must_exist: bool = False,
    anchor: str | None = None,
    service_factory: Callable[[Settings], ServiceLike] | None = None,
    out: TextIO | None = None,
) -> int:
    """Serve in this process until SIGTERM or SIGINT.

    Prints one JSON line when the sockets listen: ``{"ready": true, "epoch": …, "journal": "recovered",
    "quarantined": [], "pid": …, "endpoints": {…}}``. What the operator should know of the start stands on
    stderr before it.

    Parameters
    ----------
    settings
        See :mod:`oddsengine.config`.
    ready_fd
        A descriptor that gets the ready line as well, and is then closed.
    ready_file
        A file that holds the ready line while the process serves.
    service_factory
        Opens the service; :func:`open_service` if absent.

    Returns
    -------
    int
        See docs/operations.md: 0 after a signal; 2, 4 or 5 when it could not start; 3 when it stopped itself.
    """
    clock = EngineClock()
    try:
        if service_factory is not None:
            service = service_factory(settings)
        else:
            service = open_service(settings, clock, must_exist=must_exist, anchor=anchor)
    except Exception as error:
        # The core names the journal, what is wrong with it, and what to do.
        print(f"oddsengine: {error}", file=sys.stderr)
        return exit_code_of(error)
    for notice in cast(list[str], service.start_report["notices"]):
        print(f"oddsengine: {notice}", file=sys.stderr, flush=True)
    try:
        # Held until the end: the engine knows the addresses of its functions only.
        host = load_models(settings.models, service, clock)
    except Exception as error:
        service.close()
        name = (
            ""
            if isinstance(error, OddsEngineError)
            else f"{settings.models.module}: {type(error).__name__}: "
        )
        print(f"oddsengine: {name}{error}", file=sys.stderr)
        return EXIT_UNUSABLE
    try:
        server = Server(settings, service, clock=clock)
        server.model_host = host
    except (BindError, ConfigError) as error:
        service.close()
        print(f"oddsengine: {error}", file=sys.stderr)
        return exit_code_of(error)
    with server.signals():
        line = json.dumps(server.ready())
        _announce(line, ready_fd, ready_file)
        print(line, file=out or sys.stdout, flush=True)
        try:
            code = server.run()
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
    if code == EXIT_POISONED:
        print(
            f"oddsengine: stopped: {server.poison_reason}\n"
            "hint: see docs/operations.md, then start again; what was acknowledged is in the journal",
            file=sys.stderr,
        )
    return code


def _announce(line: str, ready_fd: int | None, ready_file: Path | None) -> None:
    if ready_fd is not None:
        with open(ready_fd, "w", encoding="utf-8") as file:
            file.write(line + "\n")
    if ready_file is not None:
        # Renamed into place: who sees the file sees all of it.
        fresh = ready_file.with_name(ready_file.name + ".new")
        fresh.write_text(line + "\n", encoding="utf-8")
        fresh.replace(ready_file)
