"""The engine process: sockets around one :class:`oddsengine._core.Service`, in one plain thread.

A turn waits for messages, hands over a bounded batch of each kind, ends the turn, and sends what the service
gives back, in its order. What the messages mean is decided in Rust; here are sockets, clock and signals.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Protocol, TextIO, cast

import zmq

from oddsengine._exit import EXIT_POISONED, EXIT_UNUSABLE, exit_code_of
from oddsengine._zap import ZapHandler
from oddsengine.config import ConfigError, Models, Settings
from oddsengine.exceptions import OddsEngineError
from oddsengine.models import ModelHost

__all__ = ["EXIT_POISONED", "EXIT_UNUSABLE", "BindError", "Server", "ServiceLike", "open_service", "run"]

# Most messages of a kind in one turn: what arrives behind them waits at most so long.
INGEST_PER_TURN = 128
ORDERS_PER_TURN = 512
SNAPSHOTS_PER_TURN = 4
# Accumulators and bet delays are looked at so often.
TICK_NS = 50_000_000
# A new subscriber gets a heartbeat at once, but not more often than this.
GREETING_NS = 20_000_000
# Objects that live as long as the process are taken out of the garbage collector's sight after so long.
WARM_UP_NS = 2_000_000_000
# Longest wait for the journal and for slow peers at shutdown.
DRAIN_NS = 2_000_000_000
LINGER_MS = 1_000
# Subscriptions are short; odds topics have at most 300 bytes.
SUBSCRIPTION_BYTES_MAX = 4_096

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
    def is_poisoned(self) -> bool: ...
    @property
    def poison_reason(self) -> str | None: ...
    def ingest(self, payload: bytes, now_ns: int) -> None: ...
    def order(self, identity: bytes, payload: bytes, now_ns: int) -> None: ...
    def snapshot_request(self, identity: bytes, payload: bytes, now_ns: int) -> None: ...
    def tick(self, now_ns: int) -> None: ...
    def set_binary(self, publishes: bool) -> None: ...
    def heartbeat(self, now_ns: int) -> None: ...
    def end_turn(self) -> None: ...
    def durable(self) -> None: ...
    def take_frames(self, now_ns: int) -> list[tuple[int, list[bytes]]]: ...
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


def open_service(settings: Settings, *, must_exist: bool = False, anchor: str | None = None) -> ServiceLike:
    """Open and recover the journal, raise its epoch, apply the configuration.

    Parameters
    ----------
    settings
        See :mod:`oddsengine.config`.
    must_exist
        The journal has to be there: a new one is not made.
    anchor
        ``SEQ:HASH`` of a link that was kept elsewhere and has to be in the journal.
    """
    from oddsengine import _core

    path = settings.journal.path
    service = _core.Service(
        journal=None if path is None else os.fspath(path),
        config=settings.engine,
        now_ns=time.time_ns(),
        snapshot_every=settings.journal.snapshot_every,
        must_exist=must_exist,
        anchor=anchor,
    )
    service.share()
    return cast(ServiceLike, service)


def load_models(models: Models, service: ServiceLike) -> ModelHost | None:
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
    host = ModelHost(service, time.time_ns)
    setup(host)
    return host


class Clock:
    """Wall time in nanoseconds that never goes back and never repeats."""

    def __init__(self) -> None:
        self._last_ns = 0

    def __call__(self) -> int:
        self._last_ns = max(self._last_ns + 1, time.time_ns())
        return self._last_ns


class Server:
    """The sockets of one service and the loop around them.

    Parameters
    ----------
    settings
        Endpoints, queues, keys.
    service
        An open service; :meth:`run` closes it.

    Raises
    ------
    BindError
        An endpoint is in use or cannot be bound.
    """

    def __init__(self, settings: Settings, service: ServiceLike) -> None:
        self.settings = settings
        self.service = service
        self.exit_code = 0
        self.model_host: ModelHost | None = None
        self.poison_reason = ""
        self.undeliverable_count = 0
        self.misframed_count = 0
        self.turn_count = 0
        self._clock = Clock()
        self._context: zmq.Context[Socket] = zmq.Context()
        self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_stopping = False
        self._sockets: list[Socket] = []
        self._zap: ZapHandler | None = None
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

    # Opening

    def _open_sockets(self) -> None:
        sockets, curve = self.settings.sockets, self.settings.curve
        if curve is not None:
            self._zap = ZapHandler(self._context, curve.allowed())
        self._ingest = self._bind("ingest", zmq.PULL, receive=sockets.ingest_queue_max, send=1)
        orders, images = sockets.orders_queue_max, sockets.snapshot_queue_max
        self._orders = self._bind("orders", zmq.ROUTER, receive=orders, send=orders)
        self._binary_topics: set[bytes] = set()
        self._odds = self._bind("odds", zmq.XPUB, receive=0, send=sockets.odds_queue_max)
        self._snapshot = self._bind("snapshot", zmq.ROUTER, receive=orders, send=images)
        self._desk = self._bind("desk", zmq.PUB, receive=0, send=sockets.odds_queue_max)
        self._targets = (self._odds, self._desk, self._orders, self._snapshot)

    def _bind(self, name: str, kind: int, *, receive: int, send: int) -> Socket:
        endpoint = self.settings.sockets.endpoints()[name]
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.linger = LINGER_MS
        socket.rcvhwm, socket.sndhwm = receive, send
        socket.maxmsgsize = self.settings.sockets.message_bytes_max
        socket.setsockopt(zmq.BACKLOG, 512)
        if kind == zmq.ROUTER:
            # Otherwise answers that cannot be delivered would be dropped without being counted.
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        if kind in (zmq.XPUB, zmq.PUB):
            socket.maxmsgsize = SUBSCRIPTION_BYTES_MAX
        if kind == zmq.XPUB:
            # Every new subscriber is told, not only the first of a topic: each one gets its heartbeat.
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        if endpoint.startswith("tcp"):
            socket.setsockopt(zmq.IPV6, "[" in endpoint)
            # A peer that vanished without a word is noticed, and its queue freed.
            socket.setsockopt(zmq.HEARTBEAT_IVL, 5_000)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15_000)
            if self.settings.curve is not None:
                server = self.settings.curve.server
                socket.curve_server = True
                socket.curve_publickey, socket.curve_secretkey = server.public, cast(bytes, server.secret)
                socket.zap_domain = name.encode()
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            is_transient = error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
            raise BindError(_bind_message(name, endpoint, error), is_transient=is_transient) from error
        return socket

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
        now_ns = time.time_ns()
        due_ns = min(self._next_heartbeat_ns, self._next_tick_ns)
        if (next_due_ns := self.service.next_due_ns) is not None:
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
        if self._ingest in ready:
            self._drain_ingest(now_ns)
        if self._orders in ready:
            self._drain_requests(self._orders, ORDERS_PER_TURN, service.order, now_ns)
        # Last of the sockets: an image shows all that the turn has changed.
        if self._snapshot in ready:
            self._drain_requests(self._snapshot, SNAPSHOTS_PER_TURN, service.snapshot_request, now_ns)
        if service.wakeup_fd in ready:
            service.durable()
        self._timers(now_ns, is_idle=not ready)
        service.end_turn()
        self._send(service.take_frames(self._clock()))
        if service.takes_ingest != self._is_ingesting:
            self._hold_ingest(is_held=self._is_ingesting)
        if service.is_poisoned:
            # Asked now: once closed, the journal says nothing any more.
            self.poison_reason = service.poison_reason or ""
            self.exit_code = EXIT_POISONED
            self._is_stopping = True

    def _hold_ingest(self, *, is_held: bool) -> None:
        """While too much waits for the disk, feeds wait in front of the socket."""
        self._is_ingesting = not is_held
        if is_held:
            self._poller.unregister(self._ingest)
        else:
            self._poller.register(self._ingest, zmq.POLLIN)

    def _drain_ingest(self, now_ns: int) -> None:
        service, socket = self.service, self._ingest
        for _ in range(INGEST_PER_TURN):
            parts = _receive(socket)
            if parts is None:
                return
            if len(parts) == 1:
                service.ingest(parts[0], now_ns)
                # Suspensions leave at once; boards wait for the end of the turn.
                self._send(service.take_frames(self._clock()))
            else:
                self.misframed_count += 1

    def _drain_requests(
        self, socket: Socket, per_turn: int, request: Callable[[bytes, bytes, int], None], now_ns: int
    ) -> None:
        for _ in range(per_turn):
            # What a message holds counts, not only that it is one.
            if not self.service.takes_requests(socket is self._snapshot):
                return
            parts = _receive(socket)
            if parts is None:
                return
            if len(parts) == 2:
                request(parts[0], parts[1], now_ns)
            else:
                self.misframed_count += 1

    def _read_subscriptions(self) -> None:
        """Notes new subscribers: they need a heartbeat before they ask for images, and get one at once."""
        while _has_more(self._odds):
            message = self._odds.recv(zmq.NOBLOCK)
            joins, topic = message[:1] == b"\x01", message[1:]
            self._has_greeting |= joins and b"hb".startswith(topic)
            if topic.startswith(b"oddsbin"):
                # Binary boards are encoded only while somebody reads them.
                (self._binary_topics.add if joins else self._binary_topics.discard)(topic)
                self.service.set_binary(bool(self._binary_topics))

    def _timers(self, now_ns: int, *, is_idle: bool) -> None:
        service = self.service
        next_due_ns = service.next_due_ns
        if now_ns >= self._next_tick_ns or (next_due_ns is not None and now_ns >= next_due_ns):
            service.tick(now_ns)
            self._next_tick_ns = now_ns + TICK_NS
        is_greeting = self._has_greeting and now_ns >= self._last_heartbeat_ns + GREETING_NS
        if now_ns >= self._next_heartbeat_ns or is_greeting:
            service.heartbeat(now_ns)
            self._has_greeting = False
            self._last_heartbeat_ns = now_ns
            self._next_heartbeat_ns = now_ns + self._heartbeat_ns
            self._collect_garbage(now_ns, is_idle=is_idle)
        elif self._has_greeting:
            self._next_heartbeat_ns = min(self._next_heartbeat_ns, self._last_heartbeat_ns + GREETING_NS)

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
            "client_accepted_count": zap.accepted_count if zap else 0,
            "client_refused_count": zap.refused_count if zap else 0,
        }

    def _drain(self) -> None:
        """Take what has already arrived, wait until it is durable, answer it."""
        until_ns = time.monotonic_ns() + DRAIN_NS
        while time.monotonic_ns() < until_ns and not self.service.is_poisoned:
            if not any(_has_more(socket) for socket in (self._ingest, self._orders, self._snapshot)):
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
        for socket in self._sockets:
            socket.close(linger_ms)
        if self._zap is not None:
            self._zap.close()
        self._context.term()
        for descriptor in (self._stop_read, self._stop_write):
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


def _receive(socket: Socket) -> list[bytes] | None:
    """The next message, or none. Asking first is cheaper than the exception of an empty socket."""
    return socket.recv_multipart(zmq.NOBLOCK) if _has_more(socket) else None


def _bind_message(name: str, endpoint: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        hint = f"another process listens there; stop it, or set [sockets] {name} to another endpoint"
        return f"cannot listen on {endpoint} for {name}: the address is in use\nhint: {hint}"
    hint = f"set [sockets] {name} to an endpoint of this host"
    return f"cannot listen on {endpoint} for {name}: {error.strerror.lower()}\nhint: {hint}"


def run(
    settings: Settings,
    *,
    ready_fd: int | None = None,
    ready_file: Path | None = None,
    service_factory: Callable[[Settings], ServiceLike] = open_service,
    out: TextIO | None = None,
) -> int:
    """Serve in this process until SIGTERM or SIGINT.

    Prints one JSON line when the sockets listen: ``{"ready": true, "epoch": …, "journal": "recovered", "quarantined": [],
    "pid": …, "endpoints": {…}}``. What the operator should know of the start stands on stderr before it.

    Parameters
    ----------
    settings
        See :mod:`oddsengine.config`.
    ready_fd
        A descriptor that gets the ready line as well, and is then closed.
    ready_file
        A file that holds the ready line while the process serves.
    service_factory
        Opens the service.

    Returns
    -------
    int
        See docs/operations.md: 0 after a signal; 2, 4 or 5 when it could not start; 3 when it stopped itself.
    """
    try:
        service = service_factory(settings)
    except Exception as error:
        # The core names the journal, what is wrong with it, and what to do.
        print(f"oddsengine: {error}", file=sys.stderr)
        return exit_code_of(error)
    for notice in cast(list[str], service.start_report["notices"]):
        print(f"oddsengine: {notice}", file=sys.stderr, flush=True)
    try:
        # Held until the end: the engine knows the addresses of its functions only.
        host = load_models(settings.models, service)
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
        server = Server(settings, service)
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
