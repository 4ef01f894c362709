"""What every process of the demo shares: its orders come on stdin, what it tells goes to stdout.

Both are JSON, one object a line. When stdin ends without the order to stop, the parent is gone: the process
cleans up after the demo and ends.
"""

import contextlib
import gc
import os
import select
import shutil
import signal
import sys
import time
from typing import Any

import orjson

Order = dict[str, Any]
STDIN = 0
TELL_INTERVAL_NS = 250_000_000
ENGINE_END_S = 5.0


class Control:
    """The pipes to the parent."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = orjson.loads(sys.argv[1])
        # Messages make no cycles, and a collection would look at every price while frames wait.
        gc.disable()
        self._rest = b""
        self._next_tell_ns = 0
        os.set_blocking(STDIN, False)

    def tell(self, kind: str, **facts: Any) -> None:
        """Writes one line to the parent."""
        sys.stdout.buffer.write(orjson.dumps({"type": kind, **facts}, option=orjson.OPT_NON_STR_KEYS) + b"\n")
        sys.stdout.buffer.flush()

    def is_time_to_tell(self, now_ns: int) -> bool:
        """True once per interval."""
        if now_ns < self._next_tell_ns:
            return False
        self._next_tell_ns = now_ns + TELL_INTERVAL_NS
        return True

    def orders(self) -> list[Order]:
        """The orders that have come since the last call."""
        try:
            received = os.read(STDIN, 65_536)
        except BlockingIOError:
            return []
        if not received:
            self._abandon()
        *lines, self._rest = (self._rest + received).split(b"\n")
        return [orjson.loads(line) for line in lines]

    def wait(self, kind: str) -> Order:
        """Waits for an order of this kind."""
        while True:
            select.select([STDIN], [], [])
            for order in self.orders():
                if order["type"] == kind:
                    return order

    def _abandon(self) -> None:
        """The parent died: the engine must not outlive it, nor its files."""
        engine_pid, directory = self.settings.get("engine_pid"), self.settings.get("directory")
        if engine_pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(engine_pid, signal.SIGTERM)
                deadline_s = time.monotonic() + ENGINE_END_S
                while time.monotonic() < deadline_s:
                    os.kill(engine_pid, 0)
                    time.sleep(0.05)
                os.kill(engine_pid, signal.SIGKILL)
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        os._exit(1)


def pause(until_ns: int, *fds: int) -> bool:
    """Sleeps until the moment or until a descriptor is readable, with microseconds of precision.

    `zmq.Poller` would round to milliseconds.
    """
    timeout_s = max(0.0, (until_ns - time.time_ns()) / 1e9)
    return bool(select.select(fds, [], [], timeout_s)[0])
