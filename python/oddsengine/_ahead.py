"""Messages read ahead of their order, so that a stop among them is heard before its turn."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

__all__ = ["AHEAD_BYTES_MAX", "AHEAD_MESSAGES_MAX", "AHEAD_NS_PER_TURN", "ReadAhead", "Received"]

#: Most messages of a socket that wait in this process, and most bytes of them; what arrives beyond waits in
#: front of the socket, as it would without reading ahead, and a stop among it is heard once there is room.
AHEAD_MESSAGES_MAX = 131_072
AHEAD_BYTES_MAX = 67_108_864
#: Longest that one turn reads ahead from a socket: everybody else waits for it.
AHEAD_NS_PER_TURN = 4_000_000

#: The parts of a message and the name of its connection's key.
Received = tuple[list[bytes], str | None]


class ReadAhead:
    """The messages of one socket: those read ahead first, then the socket's.

    Each connection's are in its order, and connections take turns: whoever has sent thousands waits behind
    the one message of another, as in front of the socket.

    Parameters
    ----------
    receive
        The next message of the socket, or none.
    look
        Looks at a message that waits: the fixtures that it halts, if it stops trading.
    connection
        Names the connection of a message; by default all are of one.
    messages_max, bytes_max
        Nothing more is read ahead once so many messages, or bytes of them, wait.
    """

    def __init__(
        self,
        receive: Callable[[], Received | None],
        look: Callable[[Received], Sequence[int]],
        *,
        connection: Callable[[Received], bytes] = lambda _: b"",
        messages_max: int = AHEAD_MESSAGES_MAX,
        bytes_max: int = AHEAD_BYTES_MAX,
    ) -> None:
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._receive, self._look = receive, look
        self._connection = connection
        # By connection; the first is the next to be heard. None is empty.
        self._waiting: OrderedDict[bytes, deque[tuple[Received, Sequence[int]]]] = OrderedDict()
        self._message_count = 0
        self._byte_count = 0
        #: Messages that halted a fixture ahead of their order, since the start.
        self.halt_count = 0

    def __len__(self) -> int:
        return self._message_count

    def next(self) -> tuple[Received, Sequence[int]] | None:
        """The next message, and the fixtures that it halted before; none where nothing waits."""
        if self._waiting:
            connection, queue = next(iter(self._waiting.items()))
            received, halted = queue.popleft()
            if queue:
                self._waiting.move_to_end(connection)
            else:
                del self._waiting[connection]
            self._message_count -= 1
            self._byte_count -= sum(map(len, received[0]))
            return received, halted
        direct = self._receive()
        return None if direct is None else (direct, ())

    def fill(self) -> bool:
        """Read ahead while there is room and time, and have each message looked at; whether time ended it."""
        until_ns = time.monotonic_ns() + AHEAD_NS_PER_TURN
        while self._message_count < self._messages_max and self._byte_count < self._bytes_max:
            received = self._receive()
            if received is None:
                return False
            halted = self._look(received)
            self.halt_count += bool(halted)
            self._waiting.setdefault(self._connection(received), deque()).append((received, halted))
            self._message_count += 1
            self._byte_count += sum(map(len, received[0]))
            if time.monotonic_ns() >= until_ns:
                return True
        return False
