"""What the benches across processes share: the engine as a process, pacing by intended time, percentiles."""

import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import zmq

HERE = Path(__file__).resolve().parent
RECORDING = HERE.parent.parent / "feeds" / "recordings" / "world_cup_2022_group_stage.jsonl"
LINGER_MS = 5_000

# Limits so wide that tickets are judged but not refused.
CONFIG = """\
[sockets]
ingest = "ipc://{folder}/ingest"
orders = "ipc://{folder}/orders"
odds = "ipc://{folder}/odds"
snapshot = "ipc://{folder}/snapshot"
desk = "ipc://{folder}/desk"
[journal]
path = "{folder}/journal.db"
snapshot_every = 0
[limits]
market_loss_minor_max = 100_000_000_000
fixture_loss_minor_max = 100_000_000_000
competition_loss_minor_max = 100_000_000_000
sport_loss_minor_max = 100_000_000_000
platform_loss_minor_max = 100_000_000_000
payout_minor_max = 100_000_000_000
"""


class Engine:
    """`oddsengine serve` in a process of its own, its files in a folder that goes with it."""

    def __init__(self) -> None:
        parent = os.environ.get("ODDSENGINE_BENCH_FOLDER")
        self._folder = tempfile.TemporaryDirectory(prefix="oddsengine-bench-", dir=parent)
        self.folder = Path(self._folder.name)
        config = self.folder / "config.toml"
        config.write_text(CONFIG.format(folder=self.folder))
        code = "import sys; from oddsengine.cli import main; sys.exit(main(sys.argv[1:]))"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--config", str(config)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the engine did not start")
        self.endpoints: dict[str, str] = orjson.loads(line)["endpoints"]
        self.epoch: int = orjson.loads(line)["epoch"]

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=60)
        self._folder.cleanup()
        if code:
            raise RuntimeError(f"the engine ended with {code}")


class Worker:
    """A function of a bench in a process of its own; its result is one line of JSON."""

    def __init__(self, script: Path, role: str, **settings: Any) -> None:
        command = [sys.executable, str(script), role, orjson.dumps(settings).decode()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def order(self, order: Any) -> None:
        """Tells it what to do next."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        self._process.stdin.flush()

    def line(self) -> Any:
        """The next line that it tells."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} told nothing")
        return orjson.loads(line)

    def end(self) -> None:
        """Waits for its end."""
        if self._process.wait(timeout=120):
            raise RuntimeError(f"{self._process.args} failed")

    def kill(self) -> None:
        """Ends a worker that waits for ever."""
        self._process.kill()
        self._process.wait()


def tell(**facts: Any) -> None:
    """One line to whoever started this process."""
    sys.stdout.buffer.write(orjson.dumps(facts) + b"\n")
    sys.stdout.buffer.flush()


def paced(count: int, per_second: float, start_ns: int) -> Iterable[tuple[int, int]]:
    """Numbers with the moments at which they are due; late ones come at once, with the moment they were due.

    Latency counts from the due moment: a sender that is held up does not hide what it could not send.
    """
    step_ns = 1e9 / per_second
    for number in range(count):
        due_ns = start_ns + int(number * step_ns)
        wait_ns = due_ns - time.time_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        yield number, due_ns


def percentiles(values_ns: Sequence[int] | np.ndarray) -> dict[str, float]:
    """In microseconds."""
    values = np.asarray(values_ns, dtype=np.float64) / 1e3
    if values.size == 0:
        return {"count": 0}
    p50, p99, p99_9 = np.percentile(values, [50, 99, 99.9])
    return {
        "count": int(values.size),
        "p50": round(float(p50), 1),
        "p99": round(float(p99), 1),
        "p99_9": round(float(p99_9), 1),
        "max": round(float(values.max()), 1),
    }


def conditions() -> dict[str, Any]:
    """The machine and the moment."""
    cpu = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cpu": cpu[0] if cpu else "unknown",
        "cores": os.cpu_count(),
        "load": " ".join(Path("/proc/loadavg").read_text().split()[:3]),
        "python": platform.python_version(),
        "pyzmq": zmq.__version__,
        "libzmq": zmq.zmq_version(),
    }


def announcements(count: int) -> list[dict[str, Any]]:
    """Fixtures with prices, from the recording; beyond its 48 they repeat under new numbers. All kick off."""
    lines = [orjson.loads(line) for line in RECORDING.read_bytes().splitlines()]
    fixtures = [line for line in lines if line["type"] == "fixture"]
    prices = {line["fixture"]: line for line in lines if line["type"] == "prices"}
    messages = []
    for index in range(count):
        fixture = fixtures[index % len(fixtures)]
        number = 1_001 + index
        names = {"fixture": number, "competition": f"competition_{index // len(fixtures)}"}
        messages += [{**fixture, **names}, {**prices[fixture["fixture"]], "fixture": number}]
    return messages


def numbered(messages: Iterable[dict[str, Any]], source: str = "bench") -> list[bytes]:
    """Messages as one source sends them: numbered from 1, with the time of now."""
    now_ns = time.time_ns()
    return [
        orjson.dumps({**message, "source": source, "seq": seq, "time_ns": now_ns})
        for seq, message in enumerate(messages, start=1)
    ]


def incident(fixture: int, kind: str, clock_ms: int, **more: Any) -> dict[str, Any]:
    """An ingest message without source, number and time."""
    fields = {"type": "incident", "fixture": fixture, "kind": kind, "half": 1, "clock_ms": clock_ms}
    return {**fields, "score": [0, 0], **more}
