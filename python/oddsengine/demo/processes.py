"""The processes of the demo: started in groups of their own, ended in every case."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Self

import orjson

LOG_LINES = 15
ENGINE_READY_S = 30.0
ENGINE_END_S = 20.0
CHILD_END_S = 5.0

Line = dict[str, Any]


class DemoError(Exception):
    """The demo could not be carried out; the message says which process failed, with the end of its log."""


class Process:
    """A process with pipes: orders on its stdin, JSON lines from its stdout, its stderr in a file."""

    def __init__(self, name: str, arguments: list[str], directory: Path, *, takes_orders: bool) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches the parent only, which ends the others in order.
            self._popen = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE if takes_orders else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._rest = b""
        os.set_blocking(self.fileno(), False)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def fileno(self) -> int:
        """The descriptor on which it tells."""
        return self._stdout.fileno()

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._popen.stdout is not None
        return self._popen.stdout

    def check(self) -> None:
        """Notices when it has ended.

        Raises
        ------
        DemoError
            It has.
        """
        if self._popen.poll() is not None:
            raise self.failure("ended early")

    def order(self, kind: str, **facts: Any) -> None:
        """Gives it an order."""
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(orjson.dumps({"type": kind, **facts}) + b"\n")
            self._popen.stdin.flush()
        except BrokenPipeError as error:
            raise self.failure("ended early") from error

    def lines(self) -> list[Line]:
        """What it has told since the last call.

        Raises
        ------
        DemoError
            It has closed its output.
        """
        try:
            received = os.read(self.fileno(), 1 << 20)
        except BlockingIOError:
            return []
        if not received:
            raise self.failure("ended early")
        *lines, self._rest = (self._rest + received).split(b"\n")
        return [orjson.loads(line) for line in lines if line.startswith(b"{")]

    def wait_line(self, timeout_s: float) -> Line:
        """The first line that it tells."""
        deadline_s = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while (left_s := deadline_s - time.monotonic()) > 0:
                if selector.select(left_s) and (lines := self.lines()):
                    return lines[0]
        raise self.failure(f"was not ready within {timeout_s:.0f} s")

    def failure(self, what: str) -> DemoError:
        """An error with the end of its log."""
        log = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return DemoError("\n".join([f"the {self.name} process {what}", *(f"  {line}" for line in log)]))

    def end(self, timeout_s: float, *, by_signal: bool) -> int | None:
        """Ends it: by closing its orders or by a signal, and by force when that takes too long."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        if by_signal and self._popen.poll() is None:
            self._popen.terminate()
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._stdout.close()
        return self._popen.returncode


class Engine:
    """The engine, started through the public command line."""

    def __init__(self, config: Path, directory: Path) -> None:
        arguments = ["-m", "oddsengine.cli", "serve", "--config", str(config)]
        self.process = Process("engine", arguments, directory, takes_orders=False)
        try:
            ready = self.process.wait_line(ENGINE_READY_S)
            self.endpoints: dict[str, str] = ready["endpoints"]
            self.epoch: int = ready["epoch"]
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Asks it to end and waits: it writes what is left and closes the journal."""
        code = self.process.end(ENGINE_END_S, by_signal=True)
        if code != 0:
            raise self.process.failure(f"ended with status {code}")

    def kill(self) -> None:
        """Ends it at once."""
        self.process.end(0.0, by_signal=False)


class Children:
    """Feed, crowd and subscriber."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: dict[str, Process] = {}
        self._selector = selectors.DefaultSelector()

    def start(self, name: str, settings: Line) -> None:
        """Starts the module of this name with its settings."""
        arguments = ["-m", f"oddsengine.demo.{name}", orjson.dumps(settings).decode()]
        process = Process(name, arguments, self._directory, takes_orders=True)
        self._processes[name] = process
        self._selector.register(process, selectors.EVENT_READ)

    def order(self, name: str, kind: str, **facts: Any) -> None:
        """Gives one of them an order."""
        self._processes[name].order(kind, **facts)

    def told(self, timeout_s: float) -> Iterator[tuple[str, Line]]:
        """What they tell within the time, by process."""
        for key, _ in self._selector.select(timeout_s):
            process = key.fileobj
            assert isinstance(process, Process)
            for line in process.lines():
                yield process.name, line

    def stop(self) -> None:
        """Orders all to stop, and waits until they have ended."""
        for process in self._processes.values():
            process.order("stop")
        self._end(CHILD_END_S)

    def kill(self) -> None:
        """Ends all at once."""
        self._end(0.0)

    def _end(self, timeout_s: float) -> None:
        self._selector.close()
        processes, self._processes = self._processes, {}
        for process in processes.values():
            process.end(timeout_s, by_signal=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes:
            self.kill()


def until(is_done: Callable[[], bool], turn: Callable[[], None], timeout_s: float, what: str) -> None:
    """Turns until it is done.

    Raises
    ------
    DemoError
        It takes too long.
    """
    deadline_s = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > deadline_s:
            raise DemoError(f"{what} did not happen within {timeout_s:.0f} s")
        turn()
