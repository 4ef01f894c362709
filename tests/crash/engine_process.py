"""The engine as a process of its own: started, awaited, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

SOCKETS = ("ingest", "orders", "odds", "snapshot", "desk")
START_S_MAX = 120.0
# Many snapshots, and a short bet delay.
CRASH_SECTIONS = {
    "sockets": {"heartbeat_ms": 100},
    # All of the history: damage before a snapshot is otherwise left to `oddsengine verify`.
    "journal": {"path": "journal.db", "snapshot_every": 300, "verify_at_start": "all"},
    "book": {"bet_delay_ms": 150, "skew_b_minor": 300000},
}


def write_config(
    folder: Path,
    sections: Mapping[str, Mapping[str, Any]] = CRASH_SECTIONS,
    *,
    endpoint: str = "ipc://{folder}/{name}",
) -> Path:
    """A configuration: keys by section, and an endpoint for every socket that has none there."""
    endpoints = {name: endpoint.format(folder=folder, name=name) for name in SOCKETS}
    whole = {**sections, "sockets": endpoints | dict(sections.get("sockets", {}))}
    lines = []
    for section, keys in whole.items():
        # Numbers, texts, booleans and lists of them are written alike in JSON and TOML.
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    path = folder / "oddsengine.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class EngineProcess:
    """``oddsengine serve`` with a configuration.

    ``before`` is a command that starts it (``prlimit``), ``environment`` is added to ours.
    """

    def __init__(
        self,
        config: Path,
        *,
        wait: bool = True,
        arguments: Sequence[str] = (),
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = config.parent
        self._ready = self.folder / "ready"
        self._ready.unlink(missing_ok=True)
        self._errors = self.folder / "errors.txt"
        command = [
            *before,
            sys.executable,
            "-m",
            "oddsengine.cli",
            "serve",
            "--config",
            str(config),
            "--ready-file",
            str(self._ready),
            *arguments,
        ]
        with self._errors.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **(environment or {})}
            )
        if wait:
            self.await_ready()

    def endpoint(self, name: str) -> str:
        """Where a socket listens."""
        return str(json.loads(self._ready.read_text(encoding="utf-8"))["endpoints"][name])

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def exit_or_ready(self) -> int | None:
        """The exit code, or ``None`` once it serves."""
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                return code
            if self._ready.exists():
                return None
            time.sleep(0.005)
        raise RuntimeError(f"the engine neither serves nor ends: {self.errors()}")

    def await_ready(self) -> None:
        """Wait until it serves."""
        if (code := self.exit_or_ready()) is not None:
            raise RuntimeError(f"the engine ended with {code}: {self.errors()}")

    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """SIGSTOP, and wait until it stands still."""
        self._process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.pid}/status")
        deadline = time.monotonic() + START_S_MAX
        while "State:\tT" not in status.read_text(encoding="utf-8"):
            if deadline < time.monotonic():
                raise RuntimeError("the engine does not stop")
            time.sleep(0.001)

    def go_on(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._process.terminate()
        return self._process.wait(timeout=30)

    def errors(self) -> str:
        """What it wrote on standard error."""
        return self._errors.read_text(encoding="utf-8")

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_running():
            self.kill()
