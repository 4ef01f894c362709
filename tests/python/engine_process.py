"""An engine in a process of its own, for tests: free ports on loopback, a journal in a temporary folder."""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from oddsengine.client import CurveKeys, DeskClient, FeedClient, OddsClient, OrdersClient

READY_S = 20.0
END_S = 10.0
NEW_JOURNAL = "oddsengine: made a new journal at "
SOCKETS = ("ingest", "orders", "odds", "snapshot", "desk")
# Later than any test runs: a fixture that does not start when it should is not traded for long.
KICK_OFF_NS = 2_100_000_000_000_000_000


class Engine:
    """`oddsengine serve` and its clients; a second :meth:`start` serves the same journal and ports."""

    def __init__(self, folder: Path, more: str = "", *, book: str = "bet_delay_ms = 0") -> None:
        self.folder = folder
        self.journal = folder / "journal.db"
        self.config = folder / "engine.toml"
        self.endpoints = dict.fromkeys(SOCKETS, "tcp://127.0.0.1:*")
        self.epoch = 0
        # Whether the process that has ended told that it made a new journal.
        self.is_new = False
        self.heartbeat_ms = 200
        # More keys of [sockets].
        self.more_sockets = ""
        self._more = f"[book]\n{book}\n{more}"
        self._process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> Self:
        """Start it and wait until it is ready."""
        self.write_config()
        command = [sys.executable, "-m", "oddsengine.cli", "serve", "--config", str(self.config), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]
        ready = self._ready_line()
        self.endpoints, self.epoch = ready["endpoints"], ready["epoch"]
        return self

    def write_config(self) -> None:
        """The configuration file, with the endpoints as they are known."""
        endpoints = "\n".join(f'{name} = "{endpoint}"' for name, endpoint in self.endpoints.items())
        self.config.write_text(
            f"[sockets]\n{endpoints}\nheartbeat_ms = {self.heartbeat_ms}\n{self.more_sockets}\n"
            f'[journal]\npath = "{self.journal.name}"\n{self._more}'
        )

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process."""
        assert self._process is not None
        return self._process

    def _ready_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if selector.select(READY_S) and (line := self.process.stdout.readline()):
                found: dict[str, Any] = json.loads(line)
                return found
        self.process.kill()
        raise AssertionError(f"not ready: {self.process.communicate()[1]}")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; returns the exit code and what it wrote to stderr, but for its new journal."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=END_S)
        self.is_new = errors.startswith(NEW_JOURNAL)
        return self.process.returncode, errors.split("\n", 1)[1] if self.is_new else errors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.communicate()

    def odds(self, **options: Any) -> OddsClient:
        """A subscriber."""
        return OddsClient(self.endpoints["odds"], self.endpoints["snapshot"], **options)

    def orders(self, **options: Any) -> OrdersClient:
        """A client."""
        return OrdersClient(self.endpoints["orders"], **options)

    def desk(self, **options: Any) -> DeskClient:
        """A trader."""
        return DeskClient(self.endpoints["orders"], self.endpoints["desk"], **options)

    def feed(self, *, keys: CurveKeys | None = None) -> FeedClient:
        """A feed."""
        return FeedClient(self.endpoints["ingest"], source="test", keys=keys)


def announce(feed: FeedClient, fixture: int = 1001, competition: str = "cup") -> None:
    """A fixture with prices."""
    feed.fixture(fixture, competition=competition, home="Qatar", away="Ecuador", start_ns=KICK_OFF_NS)
    feed.prices(fixture, odds_1x2=[3.36, 3.63, 2.1], total_line=2.5, odds_total=[2.04, 1.79])


def play_to_the_end(feed: FeedClient, fixture: int = 1001) -> None:
    """A whole match that ends 1-0."""
    for kind, clock_ms, score, side in (
        ("kick_off", 0, (0, 0), None),
        ("goal", 600_000, (1, 0), "home"),
        ("half_time", 2_700_000, (1, 0), None),
        ("second_half", 2_700_000, (1, 0), None),
        ("full_time", 5_400_000, (1, 0), None),
    ):
        feed.incident(fixture, kind, clock_ms, side=side, score=score)


def eventually(is_so: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for something."""
    until_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until_s, "it did not happen"
        time.sleep(0.01)
