"""Clients that mean no good, each in a process of its own: ``attackers.py KIND ENDPOINT OPTIONS``.

What one has measured it prints as JSON at its end. Every one is bounded in time and count.
"""

from __future__ import annotations

import json
import socket as sockets
import struct
import sys
import time
import uuid
from typing import Any

import zmq

Json = dict[str, Any]
PARTS_SEND_S = 20.0


def _connect(kind: int, endpoint: str, *, queue: int = 0) -> zmq.Socket[bytes]:
    socket = zmq.Context.instance().socket(kind)
    socket.linger = 0
    socket.sndhwm, socket.rcvhwm = 0, queue
    socket.connect(endpoint)
    return socket


def pings(endpoint: str, *, seconds: float, every_ms: float = 10.0, patience_s: float = 60.0) -> Json:
    """Ask at a fixed rate, whether or not the last one was answered."""
    socket = _connect(zmq.DEALER, endpoint)
    sent_s: dict[str, float] = {}
    waited_ms: list[float] = []
    start_s = time.monotonic()
    end_s = start_s + seconds
    number = 0
    while True:
        now_s = time.monotonic()
        if now_s < end_s and start_s + number * every_ms / 1000 <= now_s:
            request_id = f"p{number}"
            # From when it was due: a held-up sender must not hide a held-up engine.
            sent_s[request_id] = start_s + number * every_ms / 1000
            socket.send(json.dumps({"type": "ping", "request_id": request_id}).encode())
            number += 1
            continue
        if end_s <= now_s and (not sent_s or end_s + patience_s <= now_s):
            break
        due_s = start_s + number * every_ms / 1000
        wait_ms = (due_s - now_s) * 1000 if now_s < end_s else 100
        if socket.poll(max(0, int(wait_ms))):
            answer = json.loads(socket.recv_multipart()[-1])
            if answer.get("request_id") in sent_s:
                waited_ms.append((time.monotonic() - sent_s.pop(answer["request_id"])) * 1000)
    waited_ms += [(time.monotonic() - sent) * 1000 for sent in sent_s.values()]
    waited_ms.sort()
    return {
        "count": len(waited_ms),
        "unanswered": len(sent_s),
        "p50_ms": waited_ms[len(waited_ms) // 2],
        "p99_ms": waited_ms[min(len(waited_ms) - 1, len(waited_ms) * 99 // 100)],
        "max_ms": waited_ms[-1],
        "waited_ms": [round(waited, 2) for waited in waited_ms],
    }


def subscriptions(endpoint: str, *, seconds: float, mode: str, size: int = 1_000) -> Json:
    """Subscribe as fast as possible: one topic again and again, distinct ones of ``size`` bytes, or user
    messages of ``size`` bytes."""
    socket = _connect(zmq.XSUB, endpoint)
    end_s = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end_s:
        for _ in range(200):
            count += 1
            if mode == "toggle":
                socket.send(b"\x01odds.a")
                socket.send(b"\x00odds.a")
            elif mode == "prefixes":
                socket.send(b"\x01" + f"{count:012}".encode().ljust(size, b"\0"))
            else:
                socket.send(b"\x05" + bytes(size))
    # What is queued here goes on its way.
    time.sleep(0.5)
    return {"sent": count}


def parts(endpoint: str, *, mib: int, socket_type: str) -> Json:
    """One message of endless parts, by hand; ends when the other side hangs up."""
    transport, _, address = endpoint.partition("://")
    if transport == "ipc":
        raw = sockets.socket(sockets.AF_UNIX)
        raw.connect(address)
    else:
        host, _, port = address.rpartition(":")
        raw = sockets.create_connection((host, int(port)))
    raw.settimeout(PARTS_SEND_S)
    raw.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    greeting = b""
    while len(greeting) < 64:
        greeting += raw.recv(64 - len(greeting))
    kind = socket_type.encode()
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    raw.sendall(b"\x04" + bytes([len(ready)]) + ready)
    part = b"\x03" + struct.pack(">Q", 60_000) + bytes(60_000)
    sent = 0
    hung_up = False
    try:
        while sent < mib * 1_048_576:
            raw.sendall(part)
            sent += len(part)
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        hung_up = True
    # Held open, so that what is kept can be seen.
    time.sleep(1.0)
    return {"sent_mib": sent / 1_048_576, "hung_up": hung_up}


def requests(
    endpoint: str, *, request: Json, count: int, seconds: float, kind: int = zmq.DEALER, hold_s: float = 2.0
) -> Json:
    """The same request many times; the answers are never read."""
    socket = _connect(kind, endpoint, queue=1)
    end_s = time.monotonic() + seconds
    sent = 0
    payload = json.dumps(request).encode()
    while sent < count and time.monotonic() < end_s:
        socket.send(payload)
        sent += 1
        if sent % 64 == 0:
            time.sleep(0.001)
    time.sleep(max(0.0, end_s - time.monotonic()) + hold_s)
    return {"sent": sent}


def images(endpoint: str, *, seconds: float) -> Json:
    """All images without end, page by page, each read and asked for again."""
    socket = _connect(zmq.DEALER, endpoint)
    end_s = time.monotonic() + seconds
    image_count, byte_count, walk_count, after = 0, 0, 0, 0
    while time.monotonic() < end_s:
        socket.send(json.dumps({"type": "images", "request_id": "i", "after": after}).encode())
        while time.monotonic() < end_s:
            if not socket.poll(100):
                continue
            payload = socket.recv_multipart()[-1]
            byte_count += len(payload)
            if len(payload) > 1_000:
                image_count += 1
                continue
            after = json.loads(payload).get("next") or 0
            walk_count += after == 0
            break
    return {"images": image_count, "mib": byte_count / 1_048_576, "walks": walk_count}


def large(endpoint: str, *, kind: int, bytes_each: int, count: int, hold_s: float) -> Json:
    """Large messages that mean nothing."""
    socket = _connect(kind, endpoint)
    payload = bytes(bytes_each)
    for _ in range(count):
        socket.send(payload)
    time.sleep(hold_s)
    return {"sent": count}


def sources(endpoint: str, *, count: int, seconds: float, is_numbered: bool) -> Json:
    """As many feeds as messages, with long names."""
    socket = _connect(zmq.PUSH, endpoint)
    end_s = time.monotonic() + seconds
    sent = 0
    while sent < count and time.monotonic() < end_s:
        sent += 1
        message: Json = {"type": "heartbeat", "source": f"{sent:0100}", "time_ns": 1}
        socket.send(json.dumps(message | ({"seq": 1} if is_numbered else {})).encode())
    time.sleep(1.0)
    return {"sent": sent}


def fixtures(endpoint: str, *, first: int, count: int, source: str = "hostile") -> Json:
    """Announces and prices that nobody asked for."""
    socket = _connect(zmq.PUSH, endpoint)
    start_ns = time.time_ns() + 3_600_000_000_000
    for fixture in range(first, first + count):
        whole = {"sport": "football", "competition": f"c{fixture}", "home": "H", "away": "A"}
        message = {
            "type": "fixture",
            "source": source,
            "time_ns": 1,
            "fixture": fixture,
            "start_ns": start_ns,
        }
        socket.send(json.dumps(message | whole).encode())
    time.sleep(1.0)
    return {"sent": count}


def tickets(endpoint: str, *, count: int, mode: str, seconds: float) -> Json:
    """Tickets and withdrawals that must be refused, in batches, each with ids and customers of its own."""
    socket = _connect(zmq.DEALER, endpoint)
    end_s = time.monotonic() + seconds
    sent = answered = 0
    batch_size = 100
    while sent < count and time.monotonic() < end_s:
        batch = []
        for _ in range(batch_size):
            sent += 1
            identity = uuid.uuid4().hex
            if mode == "accounts":
                batch.append(
                    {
                        "type": "withdraw",
                        "request_id": str(sent),
                        "transfer": identity,
                        "customer": 10_000_000 + sent,
                        "amount_minor": 5,
                        "currency": "EUR",
                    }
                )
                continue
            batch.append(
                {
                    "type": "place_ticket",
                    "request_id": str(sent),
                    "ticket": identity,
                    "customer": 20_000_000 + sent,
                    "currency": "EUR",
                    "stake_minor": 1_000,
                    "legs": [
                        {
                            "fixture": 77_000_000 + sent,
                            "market": "1x2",
                            "selection": "home",
                            "odds": 2.0,
                            "version": [1, 1],
                        }
                    ],
                }
            )
        socket.send(json.dumps({"type": "batch", "request_id": f"b{sent}", "requests": batch}).encode())
        # A window of eight batches.
        while answered < sent - 8 * batch_size and socket.poll(10_000):
            socket.recv_multipart()
            answered += batch_size
    while answered < sent and socket.poll(10_000):
        socket.recv_multipart()
        answered += batch_size
    return {"sent": sent, "answered": answered}


def settlements(endpoint: str, *, seconds: float, pause_s: float) -> Json:
    """A reader of the desk that stands still for a while and counts afterwards."""
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.linger = 0
    socket.subscribe(b"desk.settlement")
    socket.connect(endpoint)
    print("ready", file=sys.stderr, flush=True)
    end_s = time.monotonic() + seconds
    if not socket.poll(int(seconds * 1000)):
        return {"tickets": []}
    time.sleep(pause_s)
    found = []
    last_seq = 0
    while time.monotonic() < end_s and socket.poll(2_000):
        message = json.loads(socket.recv_multipart()[1])
        last_seq = message["seq"]
        found.append(message["ticket"]["ticket"])
    return {"count": len(found), "last_seq": last_seq}


def connects(endpoint: str, *, count: int, hold_s: float) -> Json:
    """Connections that never say a word."""
    host, _, port = endpoint.partition("://")[2].rpartition(":")
    open_ones = []
    for _ in range(count):
        try:
            open_ones.append(sockets.create_connection((host, int(port)), timeout=2.0))
        except OSError:
            break
    time.sleep(hold_s)
    return {"connected": len(open_ones)}


KINDS = {
    function.__name__: function
    for function in (
        pings,
        subscriptions,
        parts,
        requests,
        images,
        large,
        sources,
        fixtures,
        tickets,
        settlements,
        connects,
    )
}


def main() -> int:
    """Run one of them."""
    kind, endpoint, options = sys.argv[1:]
    print(json.dumps(KINDS[kind](endpoint, **json.loads(options))), flush=True)
    # Sockets with much in their queues are not waited for.
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
