"""What the clients have in common: connecting, keys, errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import zmq

from oddsengine._messages import Reason
from oddsengine._zap import KeyPair, read_keys
from oddsengine.exceptions import OddsEngineError

__all__ = [
    "Context",
    "CurveKeys",
    "RefusedError",
    "RequestError",
    "RequestTimeoutError",
    "Socket",
    "connect",
    "has_more",
    "milliseconds",
    "new_id",
]

INGEST = "tcp://127.0.0.1:5550"
ORDERS = "tcp://127.0.0.1:5551"
ODDS = "tcp://127.0.0.1:5552"
SNAPSHOT = "tcp://127.0.0.1:5553"
DESK = "tcp://127.0.0.1:5554"

# Frames taken from a socket in one call of poll.
FRAMES_PER_POLL = 2_000

Context = zmq.Context[zmq.Socket[bytes]]
Socket = zmq.Socket[bytes]


class _OfRequest:
    """What every error of a request tells: which one it was, so that it can be asked for or sent again."""

    # The request's id, and the ticket or transfer that it was about; None where there is none.
    request_id: str | None = None
    ticket: str | None = None
    transfer: str | None = None

    def of_request(self, request: Mapping[str, Any]) -> None:
        """Note the ids of the request; what is known already stays."""
        for name in ("request_id", "ticket", "transfer"):
            if getattr(self, name) is None:
                setattr(self, name, request.get(name))


class RequestTimeoutError(_OfRequest, OddsEngineError, TimeoutError):
    """No answer came in time. The request may have been carried out: ask again with the same id.

    ``request_id``, ``ticket`` and ``transfer`` tell which request it was.
    """


class RequestError(_OfRequest, OddsEngineError, ValueError):
    """The engine did not understand the request, or does not take it now; nothing was done.

    ``code`` is listed in ``docs/wire.md``; ``request_id``, ``ticket`` and ``transfer`` tell which request it
    was.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class RefusedError(_OfRequest, OddsEngineError):
    """The request was refused before it was judged: an id taken by another body, an unknown ticket, a key
    that has not the right to ask (``not_permitted``).

    ``request_id``, ``ticket`` and ``transfer`` tell which request it was.
    """

    def __init__(self, reason: Reason | None, detail: str = "") -> None:
        super().__init__(": ".join(part for part in (str(reason), detail) if part))
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CurveKeys:
    """The keys of an encrypted connection."""

    server: bytes
    client: KeyPair

    @classmethod
    def read(cls, *, server: str | Path, client: str | Path) -> CurveKeys:
        """From files of ``oddsengine keygen``: ``server.key`` and ``client.key_secret``."""
        return cls(read_keys(Path(server), secret=False).public, read_keys(Path(client), secret=True))


def new_id() -> str:
    """A fresh 128-bit id for a ticket or a transfer.

    >>> len(new_id())
    32
    """
    return uuid.uuid4().hex


def connect(
    kind: int,
    endpoint: str,
    keys: CurveKeys | None,
    context: Context | None,
    *,
    queue_max: int,
    linger_ms: int = 0,
    topics: Iterable[bytes] = (),
) -> Socket:
    socket = (context or zmq.Context.instance()).socket(kind)
    socket.linger = linger_ms
    socket.rcvhwm = socket.sndhwm = queue_max
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
    if endpoint.startswith("tcp"):
        socket.setsockopt(zmq.IPV6, "[" in endpoint)
        # An engine that vanished without a word is noticed, and looked for again.
        socket.setsockopt(zmq.HEARTBEAT_IVL, 2_000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6_000)
    if keys is not None:
        socket.curve_serverkey = keys.server
        socket.curve_publickey, socket.curve_secretkey = keys.client.public, cast(bytes, keys.client.secret)
    for topic in topics:
        socket.subscribe(topic)
    socket.connect(endpoint)
    return socket


def has_more(socket: Socket) -> bool:
    return bool(cast(int, socket.get(zmq.EVENTS)) & zmq.POLLIN)


def milliseconds(seconds: float) -> int:
    return max(0, -(-int(seconds * 1_000_000) // 1_000))
