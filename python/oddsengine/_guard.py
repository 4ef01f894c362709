"""The connection guard: no connection brings more bytes, or leaves more unread, than its socket allows.

libzmq bounds the messages that wait in a connection, but neither the parts of one message nor the
subscriptions that wait in a publisher, and it reads subscriptions on the loop's own thread until there are
none. So a thread beside the loop asks the kernel what each connection has sent, and ends those that sent more
than they may. Where the kernel does not count, for ``ipc``, there are the number of connections, stalled
readers and the bound on memory.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket as sockets
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import zmq

from oddsengine import _core

__all__ = ["Allowance", "ConnectionGuard"]

Socket = zmq.Socket[bytes]
_Value = TypeVar("_Value")

# Time between two looks at the counters: what a connection may send beyond its allowance is what fits in it.
SWEEP_NS = 10_000_000
# And while there is no connection.
IDLE_NS = 50_000_000
# Stalled readers and memory are looked at so often.
SLOW_NS = 50_000_000
# Memory is held to this part of its bound, so that what is on its way still fits.
MEMORY_PART = 0.75
# Between two connections that are ended for memory: time for libzmq to give it back.
MEMORY_PAUSE_NS = 200_000_000
# A connection that brought less lately, and reads, is not where the memory went.
MEMORY_BYTES_MIN = 4 * 1_048_576
# "Lately": the present and the last window.
WINDOW_NS = 5_000_000_000
# Between two connections that are ended because a socket asked for it.
RELIEF_NS = 100_000_000
# Descriptors that are left to the journal, the interpreter and libzmq.
DESCRIPTORS_SPARE = 100
# An address whose connection to a socket was ended for its bytes may not connect to it again for so long.
# libzmq would take in some hundred kilobytes of each new connection before it is counted.
PENALTY_NS = 2_000_000_000
# Addresses that are remembered.
ADDRESSES_MAX = 10_000
# Alerts of one second; the rest is counted.
ALERTS_PER_S = 5
ALERT_NS = 1_000_000_000
MEMORY_ALERT_NS = 60_000_000_000
# A connection that sent less than this part of its burst does not pay for others of its address.
ADDRESS_PART = 1 / 8


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the connections of one listening socket may do.

    Parameters
    ----------
    burst_bytes
        Bytes that a connection may send at once; where they are credited, that may wait.
    bytes_per_s
        And for ever.
    is_credited
        What the loop has read of a connection, it may send again: see :attr:`ConnectionGuard.read_bytes`. So
        an honest sender, held up by its queue, never comes near, and a message that never ends does.
    address_burst_bytes, address_bytes_per_s
        The same for all connections of one address together; ``None`` for no bound. It is for those who come
        again: an address whose connection was ended waits two seconds.
    stall_ns_max
        A connection that takes none of the bytes that wait for it for so long is ended; ``None`` for never.
    connections_max
        Connections at the same time.
    """

    burst_bytes: int
    bytes_per_s: int
    is_credited: bool = False
    address_burst_bytes: int | None = None
    address_bytes_per_s: int = 0
    stall_ns_max: int | None = None
    connections_max: int = 1_000


class _Bucket:
    """Bytes that may still come, refilled over time."""

    __slots__ = ("burst_bytes", "bytes_per_s", "filled_ns", "left_bytes")

    def __init__(self, burst_bytes: int, bytes_per_s: int, now_ns: int) -> None:
        self.burst_bytes, self.bytes_per_s = burst_bytes, bytes_per_s
        self.left_bytes, self.filled_ns = float(burst_bytes), now_ns

    def take(self, byte_count: int, now_ns: int) -> bool:
        """Whether there was room. Less than none may be taken: what was credited before it was counted."""
        refill = self.bytes_per_s * (now_ns - self.filled_ns) / 1e9
        self.filled_ns = now_ns
        if self.left_bytes < self.burst_bytes:
            self.left_bytes = min(self.burst_bytes, self.left_bytes + refill)
        self.left_bytes -= byte_count
        return self.left_bytes >= 0


class _Connection:
    """One accepted connection."""

    __slots__ = (
        "acked_bytes",
        "address",
        "bucket",
        "descriptor",
        "listener",
        "peer",
        "read_bytes",
        "received_bytes",
        "stalled_ns",
        "window",
    )

    def __init__(self, listener: str, descriptor: int, peer: str, address: str, bucket: _Bucket) -> None:
        self.listener, self.descriptor, self.peer, self.address = listener, descriptor, peer, address
        self.bucket = bucket
        self.received_bytes = self.acked_bytes = self.read_bytes = 0
        # Since when nothing of what waits has moved.
        self.stalled_ns: int | None = None
        # Number of the present window, bytes in it, bytes in the one before.
        self.window = (0, 0, 0)

    def note(self, byte_count: int, now_ns: int) -> None:
        """Counts bytes of the present window."""
        number, present, before = self.window
        now = now_ns // WINDOW_NS
        if now != number:
            before, present = present if now == number + 1 else 0, 0
        self.window = (now, present + byte_count, before)

    def recent_bytes(self, now_ns: int) -> int:
        """Bytes received lately."""
        self.note(0, now_ns)
        return self.window[1] + self.window[2]

    def stall_ns(self, now_ns: int) -> int:
        """How long nothing has moved."""
        return 0 if self.stalled_ns is None else now_ns - self.stalled_ns


class ConnectionGuard:
    """Counts what every connection brings, and ends those that bring too much.

    Parameters
    ----------
    context
        The context of the sockets.
    memory_bytes_max
        Resident memory of the process. Above three quarters of it, connections are ended: those that brought
        most lately, or do not read.

    Attributes
    ----------
    dropped_counts
        Connections ended, by reason.
    ingest_descriptors
        Of the connections to ``ingest``.
    read_bytes
        By descriptor, what the loop has read of it since the start, as it was on the wire; the loop counts
        it.
    """

    def __init__(self, context: zmq.Context[Socket], *, memory_bytes_max: int) -> None:
        self._context = context
        self._memory_bytes_max = memory_bytes_max
        self._memory_high_bytes = int(memory_bytes_max * MEMORY_PART)
        self._meter = _core.ConnectionMeter()
        self._allowances: dict[str, Allowance] = {}
        self._monitors: dict[Socket, str] = {}
        self._ports: dict[str, int | None] = {}
        self._connections: dict[int, _Connection] = {}
        self._counts: Counter[str] = Counter()
        self._addresses: dict[tuple[str, str], _Bucket] = {}
        self._penalties_ns: dict[tuple[str, str], int] = {}
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._next_slow_ns = self._next_memory_ns = self._next_memory_alert_ns = 0
        self._alert_ns = self._alert_count = self._untold_count = 0
        self._relief: dict[str, str] = {}
        self._next_relief_ns = 0
        self._told: deque[tuple[str, str]] = deque(maxlen=100)
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._connections_max = max(16, soft - DESCRIPTORS_SPARE)
        self.dropped_counts: Counter[str] = Counter()
        self.ingest_descriptors: tuple[int, ...] = ()
        self.read_bytes: dict[int, int] = {}
        self.memory_bytes = 0
        self.fault = ""

    def watch(self, name: str, socket: Socket, allowance: Allowance) -> None:
        """Guard the connections of a socket; before it is bound."""
        endpoint = f"inproc://guard.{name}"
        socket.monitor(endpoint, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        monitor = self._context.socket(zmq.PAIR)
        # Otherwise libzmq's own thread would wait for this one.
        monitor.rcvhwm = 0
        monitor.linger = 0
        monitor.connect(endpoint)
        self._monitors[monitor] = name
        self._allowances[name] = allowance

    def start(self, endpoints: Mapping[str, str]) -> None:
        """Begin; ``endpoints`` are where the sockets listen."""
        for name, endpoint in endpoints.items():
            self._ports[name] = int(endpoint.rpartition(":")[2]) if endpoint.startswith("tcp") else None
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and its sockets; before the context ends."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()
        for monitor in self._monitors:
            monitor.close(0)
        self._monitors.clear()

    def take_alerts(self) -> list[tuple[str, str]]:
        """Alerts and their messages since the last call; for the loop's thread."""
        alerts = []
        with contextlib.suppress(IndexError):
            while True:
                alerts.append(self._told.popleft())
        return alerts

    def relieve(self, name: str, detail: str) -> None:
        """End the connection of a socket that brought most lately; from any thread."""
        self._relief[name] = detail

    @property
    def has_alerts(self) -> bool:
        """Something is to be told."""
        return bool(self._told)

    def metrics(self) -> dict[str, object]:
        """Counts for the metrics."""
        return {
            "connections": dict(self._counts),
            "connections_dropped": dict(self.dropped_counts),
            "memory_bytes": self.memory_bytes,
        }

    # The thread

    def _run(self) -> None:
        poller = zmq.Poller()
        for monitor in self._monitors:
            poller.register(monitor, zmq.POLLIN)
        next_sweep_ns = 0
        try:
            while not self._is_stopping.is_set():
                wait_ns = max(0, next_sweep_ns - time.monotonic_ns())
                # An event ends the wait: who may not connect now is gone before the handshake.
                for monitor, _ in poller.poll(-(-wait_ns // 1_000_000)):
                    self._read_events(monitor)
                now_ns = time.monotonic_ns()
                if now_ns >= next_sweep_ns:
                    self.sweep(now_ns)
                    next_sweep_ns = now_ns + (SWEEP_NS if self._connections else IDLE_NS)
        except Exception as error:
            # The engine goes on without its guard, and says so.
            self.fault = f"{type(error).__name__}: {error}"
            self._told.append(("guard_failed", f"connections are not guarded any more: {self.fault}"))

    def _read_events(self, monitor: Socket) -> None:
        name = self._monitors[monitor]
        for _ in range(1_000):
            try:
                event, _address = monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            number, descriptor = struct.unpack("=Hi", event)
            if number == zmq.EVENT_ACCEPTED:
                self._accept(name, descriptor)
            elif (connection := self._connections.get(descriptor)) and connection.listener == name:
                self._forget(connection)

    def _accept(self, name: str, descriptor: int) -> None:
        found = _addresses(descriptor)
        if found is None:
            return
        port, address, peer = found
        if port != self._ports[name]:
            # Closed meanwhile, and the number is used again by a connection of another socket.
            return
        if old := self._connections.get(descriptor):
            self._forget(old)
        if not self._meter.add(descriptor):
            return
        now_ns = time.monotonic_ns()
        if now_ns < self._penalties_ns.get((name, address), 0):
            self.dropped_counts["penalty"] += self._meter.shut(descriptor)
            return
        allowance = self._allowances[name]
        bucket = _Bucket(allowance.burst_bytes, allowance.bytes_per_s, now_ns)
        connection = _Connection(name, descriptor, peer, address, bucket)
        connection.read_bytes = self.read_bytes.get(descriptor, 0)
        self._connections[descriptor] = connection
        self._counts[name] += 1
        if name == "ingest":
            self.ingest_descriptors = (*self.ingest_descriptors, descriptor)
        if self._counts[name] > allowance.connections_max:
            limit = f"{allowance.connections_max} connections are the most"
            self._drop(connection, "connections", limit)
        elif len(self._connections) > self._connections_max:
            self._drop(connection, "descriptors", f"{self._connections_max} descriptors are in use")

    def _forget(self, connection: _Connection) -> None:
        self._meter.remove(connection.descriptor)
        if self._connections.pop(connection.descriptor, None) is not None:
            self._counts[connection.listener] -= 1
        if connection.listener == "ingest":
            left = (other for other in self.ingest_descriptors if other != connection.descriptor)
            self.ingest_descriptors = tuple(left)

    def sweep(self, now_ns: int) -> None:
        """One look at the counters of all connections."""
        for descriptor, received_bytes, acked_bytes, waits in self._meter.changed():
            connection = self._connections.get(descriptor)
            if connection is None:
                continue
            if waits is None:
                self._forget(connection)
                continue
            if not waits:
                connection.stalled_ns = None
            elif connection.stalled_ns is None or acked_bytes != connection.acked_bytes:
                connection.stalled_ns = now_ns
            connection.acked_bytes = acked_bytes
            byte_count = received_bytes - connection.received_bytes
            if byte_count > 0:
                connection.received_bytes = received_bytes
                self._charge(connection, byte_count, now_ns)
        if now_ns >= self._next_slow_ns:
            self._next_slow_ns = now_ns + SLOW_NS
            self._end_stalled(now_ns)
            self._watch_memory(now_ns)
            self._relieve(now_ns)
            self._tell_rest(now_ns)

    def _charge(self, connection: _Connection, byte_count: int, now_ns: int) -> None:
        connection.note(byte_count, now_ns)
        allowance = self._allowances[connection.listener]
        taken_bytes = byte_count
        if allowance.is_credited:
            read_bytes = self.read_bytes.get(connection.descriptor, 0)
            taken_bytes -= read_bytes - connection.read_bytes
            connection.read_bytes = read_bytes
        has_room = connection.bucket.take(taken_bytes, now_ns)
        is_address_spent = self._is_address_spent(connection, byte_count, now_ns)
        if not has_room:
            if allowance.is_credited:
                waits_bytes = allowance.burst_bytes - int(connection.bucket.left_bytes)
                detail = f"{waits_bytes} bytes wait unread; {allowance.burst_bytes} are the most"
            else:
                limit = f"{allowance.burst_bytes} at once and {allowance.bytes_per_s} a second are the most"
                detail = f"sent {connection.received_bytes} bytes; {limit}"
            self._drop(connection, "bytes", detail)
            self._punish(connection, now_ns)
        elif is_address_spent:
            limit = f"{allowance.address_burst_bytes} bytes at once from one address are the most"
            self._drop(connection, "address_bytes", f"sent {connection.received_bytes} bytes; {limit}")
            self._punish(connection, now_ns)

    def _punish(self, connection: _Connection, now_ns: int) -> None:
        if self._allowances[connection.listener].address_burst_bytes is not None:
            key = (connection.listener, connection.address)
            _remember(self._penalties_ns, key, now_ns + PENALTY_NS)

    def _is_address_spent(self, connection: _Connection, byte_count: int, now_ns: int) -> bool:
        allowance = self._allowances[connection.listener]
        if allowance.address_burst_bytes is None:
            return False
        key = (connection.listener, connection.address)
        bucket = self._addresses.get(key)
        if bucket is None:
            bucket = _Bucket(allowance.address_burst_bytes, allowance.address_bytes_per_s, now_ns)
        # Each time anew: who has not sent for longest is the first that is forgotten.
        _remember(self._addresses, key, bucket)
        if bucket.take(byte_count, now_ns):
            return False
        # What is refused is not owed for ever.
        bucket.left_bytes = 0.0
        sent_bytes = allowance.burst_bytes - connection.bucket.left_bytes
        return sent_bytes > allowance.burst_bytes * ADDRESS_PART

    def _end_stalled(self, now_ns: int) -> None:
        for connection in list(self._connections.values()):
            stall_ns_max = self._allowances[connection.listener].stall_ns_max
            stall_ns = connection.stall_ns(now_ns)
            if stall_ns_max is not None and stall_ns > stall_ns_max:
                limit = f"{stall_ns_max / 1e9:g} s are the most"
                self._drop(connection, "stalled", f"took no answer for {stall_ns / 1e9:.1f} s; {limit}")

    def _watch_memory(self, now_ns: int) -> None:
        self.memory_bytes = memory_bytes()
        if self.memory_bytes < self._memory_high_bytes or now_ns < self._next_memory_ns:
            return
        self._next_memory_ns = now_ns + MEMORY_PAUSE_NS
        # What was freed may still be counted.
        _core.trim_memory()
        self.memory_bytes = memory_bytes()
        if self.memory_bytes < self._memory_high_bytes:
            return
        bounds = f"{self._memory_high_bytes} of {self._memory_bytes_max} bytes"
        if now_ns >= self._next_memory_alert_ns:
            self._next_memory_alert_ns = now_ns + MEMORY_ALERT_NS
            self._told.append(("memory_high", f"{self.memory_bytes} bytes are resident, more than {bounds}"))
        heaviest, most_bytes = None, MEMORY_BYTES_MIN
        for connection in self._connections.values():
            weight_bytes = connection.recent_bytes(now_ns)
            if connection.stall_ns(now_ns) > ALERT_NS:
                # How much waits for it is not known; it reads nothing.
                weight_bytes += self._memory_high_bytes
            if weight_bytes > most_bytes:
                heaviest, most_bytes = connection, weight_bytes
        if heaviest is not None:
            self._drop(heaviest, "memory", f"brought or left most while memory was above {bounds}")

    def _relieve(self, now_ns: int) -> None:
        if not self._relief or now_ns < self._next_relief_ns:
            return
        self._next_relief_ns = now_ns + RELIEF_NS
        name, detail = self._relief.popitem()
        of_name = [connection for connection in self._connections.values() if connection.listener == name]
        if of_name:
            heaviest = max(of_name, key=lambda one: (one.recent_bytes(now_ns), one.received_bytes))
            self._drop(heaviest, "relief", detail)

    def _drop(self, connection: _Connection, reason: str, detail: str) -> None:
        is_ended = self._meter.shut(connection.descriptor)
        self._forget(connection)
        if not is_ended:
            return
        self.dropped_counts[reason] += 1
        if self._alert_count < ALERTS_PER_S:
            self._alert_count += 1
            self._told.append(("connection_dropped", f"{connection.listener} {connection.peer}: {detail}"))
        else:
            self._untold_count += 1

    def _tell_rest(self, now_ns: int) -> None:
        if now_ns < self._alert_ns + ALERT_NS:
            return
        if self._untold_count:
            self._told.append(("connection_dropped", f"{self._untold_count} more connections"))
        self._alert_ns, self._alert_count, self._untold_count = now_ns, 0, 0


def _remember(known: dict[tuple[str, str], _Value], key: tuple[str, str], value: _Value) -> None:
    """Keep something of an address, as the latest; of too many the earliest is forgotten."""
    known.pop(key, None)
    if len(known) >= ADDRESSES_MAX:
        del known[next(iter(known))]
    known[key] = value


def memory_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _addresses(descriptor: int) -> tuple[int | None, str, str] | None:
    """The own port, the peer's host, the peer as text; ``None`` for what is no connection any more."""
    try:
        with sockets.socket(fileno=os.dup(descriptor)) as copy:
            if copy.family == sockets.AF_UNIX:
                return None, "ipc", f"ipc ({descriptor})"
            own, peer = copy.getsockname(), copy.getpeername()
            return own[1], peer[0], f"{peer[0]}:{peer[1]}"
    except OSError:
        return None
