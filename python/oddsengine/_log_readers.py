"""Who holds an old state of the journal open, and for how long: while somebody does, its write-ahead log
grows.

SQLite gives a reader a shared lock on a byte of `journal.db-shm` for as long as its transaction lasts, and
Linux tells in
`/proc/locks` which process has it. The file itself is not opened here: closing it would take the engine's
own locks away, as
POSIX has it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LOG_BYTES_CUT", "LOG_BYTES_LOOKED", "LogReader", "ReaderWatch", "readers_of"]

# Bytes 120 to 127 of the index are SQLite's locks; 123 and on those of readers (`WAL_READ_LOCK`).
READ_LOCKS = range(123, 128)
# A log that is not larger has no reader to look for; SQLite's own is emptied below it.
LOG_BYTES_LOOKED = 16 << 20
# Up to this size nobody is ended for it, however small the disk: SQLite's own need, and a little.
LOG_BYTES_CUT = 64 << 20
# Up to this size nobody is ended where the disk has room: a copy by another program, or a replicator that
# reads for minutes, is let go on. At 2 MB a second it is reached after some nine minutes.
LOG_BYTES_MAX = 1 << 30
LOOK_S = 1.0
# After SIGTERM, before SIGKILL.
GRACE_S = 5.0
PROC_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class LogReader:
    """A process with a transaction on the journal; `pid` 0 where the kernel does not say (another
    namespace).
    """

    pid: int
    slot: int


def readers_of(journal: Path, *, locks: Path = PROC_LOCKS) -> list[LogReader]:
    """The processes that hold a state of a journal open right now; none where the system does not tell."""
    try:
        index = os.stat(journal.with_name(journal.name + "-shm"))
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    file = f"{os.major(index.st_dev):02x}:{os.minor(index.st_dev):02x}:{index.st_ino}"
    found = []
    for line in lines:
        # `12: POSIX  ADVISORY  READ 4711 fe:01:1835077 124 124`; one that waits has an arrow behind its
        # number.
        words = line.split()
        if len(words) != 8 or words[1] != "POSIX" or words[3] != "READ" or words[5] != file:
            continue
        with contextlib.suppress(ValueError):
            pid, first, last = int(words[4]), int(words[6]), int(words[7])
            found += [LogReader(max(pid, 0), slot) for slot in READ_LOCKS if first <= slot <= last]
    return found


class ReaderWatch:
    """Looks once a second while the log is large; ends a reader that has held the same slot for
    `seconds_max`.

    Readers with short transactions come and go; one that is seen at every look since is one that stays.
    To end a program of somebody else harms its owner: it is the last resort before the disk is full and no
    money is taken. So nobody is ended before the log is above `log_bytes_max`, or above `LOG_BYTES_CUT` and
    as large as what the disk has left; nor with `seconds_max` 0, nor by a name in `kept`; never this process
    or its parent.
    """

    def __init__(
        self,
        journal: Path | None,
        seconds_max: float,
        *,
        log_bytes_max: int = LOG_BYTES_MAX,
        kept: Collection[str] = (),
    ) -> None:
        self._journal = journal
        self._seconds_max = seconds_max
        self._log_bytes_max = log_bytes_max
        self._kept = frozenset(kept)
        self._since_s: dict[LogReader, float] = {}
        self._asked_s: dict[int, float] = {}
        self._told: set[int] = set()
        self._next_look_s = 0.0
        self.cut_count = 0

    def metrics(self) -> dict[str, object]:
        """`oldest_reader_pid` (`None`: nobody holds the log), `oldest_reader_s`, `readers_cut`."""
        still: set[LogReader] = set()
        if self._journal is not None and self._since_s:
            still = set(readers_of(self._journal)) & self._since_s.keys()
        oldest = min(still, key=self._since_s.__getitem__, default=None)
        held_s = 0.0 if oldest is None else time.monotonic() - self._since_s[oldest]
        return {
            "oldest_reader_pid": None if oldest is None else oldest.pid,
            "oldest_reader_s": round(held_s, 1),
            "readers_cut": self.cut_count,
        }

    def look(self, now_s: float) -> list[tuple[str, str]]:
        """Alerts, by name and message."""
        if self._journal is None or now_s < self._next_look_s:
            return []
        self._next_look_s = now_s + LOOK_S
        log_bytes = _size(self._journal.with_name(self._journal.name + "-wal"))
        if log_bytes <= LOG_BYTES_LOOKED:
            self._since_s.clear()
            self._told.clear()
            return []
        here = [reader for reader in readers_of(self._journal) if reader.pid != os.getpid()]
        self._since_s = {reader: self._since_s.get(reader, now_s) for reader in here}
        self._told &= {reader.pid for reader in here}
        told: list[tuple[str, str]] = []
        for reader, since_s in sorted(self._since_s.items(), key=lambda item: item[1]):
            held_s = now_s - since_s
            # Twice at the same place is no coincidence of short transactions.
            if held_s >= 2 * LOOK_S and reader.pid not in self._told:
                self._told.add(reader.pid)
                told.append(
                    (
                        "journal_reader",
                        f"process {reader.pid} ({_name(reader.pid)}) holds an old state of the journal"
                        f" open; its"
                        f" write-ahead log has {log_bytes} bytes and grows until that process ends its"
                        f" transaction",
                    )
                )
            if 0 < self._seconds_max <= held_s and self._is_needed(log_bytes):
                told += self._cut(reader, held_s, log_bytes, now_s)
        return told

    def _is_needed(self, log_bytes: int) -> bool:
        return log_bytes > LOG_BYTES_CUT and (
            log_bytes > self._log_bytes_max or log_bytes >= _free_bytes(self._journal)
        )

    def _cut(self, reader: LogReader, held_s: float, log_bytes: int, now_s: float) -> list[tuple[str, str]]:
        assert self._journal is not None
        pid = reader.pid
        asked_s = self._asked_s.get(pid)
        if pid <= 1 or pid == os.getppid() or (asked_s is not None and now_s < asked_s + GRACE_S):
            return []
        number = signal.SIGTERM if asked_s is None else signal.SIGKILL
        text = (
            f"process {pid} ({_name(pid)}) held an old state of the journal open for {held_s:.0f} s, above"
            f" {self._seconds_max:g} s, with {log_bytes} bytes in the write-ahead log"
        )
        if _name(pid) in self._kept:
            if asked_s is None:
                self._asked_s = {pid: now_s}
                return [("journal_reader_kept", f"{text}, and is one of readers_kept")]
            return []
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return []
        try:
            # The number may have gone to another process meanwhile; the descriptor is of the one that is
            # there now.
            if reader not in readers_of(self._journal):
                return []
            signal.pidfd_send_signal(descriptor, number)
        except OSError as error:
            return [("journal_reader_kept", f"{text}, and cannot be ended: {error.strerror}")]
        finally:
            os.close(descriptor)
            self._asked_s = {pid: now_s}
        self.cut_count += asked_s is None
        return [("journal_reader_cut", f"{text}: {number.name} was sent to it")]


def _free_bytes(journal: Path | None) -> int:
    """What the journal's file system has left for its owner; without bound where it does not say."""
    try:
        found = os.statvfs(journal.parent if journal is not None else ".")
    except OSError:
        return 1 << 62
    return found.f_bavail * found.f_frsize


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _name(pid: int) -> str:
    """What the process is called."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"
