"""The engine as a process of its own: started, awaited, killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

SOCKETS = ("ingest", "orders", "odds", "snapshot", "desk")
START_S_MAX = 60.0


def write_config(folder: Path) -> Path:
    """A configuration with sockets in the folder, many snapshots, and a short bet delay."""
    lines = ["[sockets]", "heartbeat_ms = 100"]
    lines += [f'{name} = "ipc://{folder}/{name}"' for name in SOCKETS]
    lines += ["[journal]", 'path = "journal.db"', "snapshot_every = 300"]
    lines += ["[book]", "bet_delay_ms = 150", "skew_b_minor = 300000"]
    path = folder / "oddsengine.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class EngineProcess:
    """``oddsengine serve`` with a configuration."""

    def __init__(self, config: Path, *, wait: bool = True) -> None:
        self.folder = config.parent
        self._ready = self.folder / "ready"
        self._ready.unlink(missing_ok=True)
        self._errors = self.folder / "errors.txt"
        command = [
            sys.executable,
            "-m",
            "oddsengine.cli",
            "serve",
            "--config",
            str(config),
            "--ready-file",
            str(self._ready),
        ]
        with self._errors.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        if wait:
            self.await_ready()

    def endpoint(self, name: str) -> str:
        """Where a socket listens."""
        return f"ipc://{self.folder}/{name}"

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
