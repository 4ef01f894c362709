"""The follower: facts from a journal into a projection, in order, each once."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oddsengine import __version__, _core
from oddsengine.projection._sqlite import SqliteStore
from oddsengine.projection._store import Batch, Position, ProjectionError, Store, table_hashes

__all__ = [
    "BATCH_RECORDS_MAX",
    "POLL_S_MAX",
    "POLL_S_MIN",
    "Check",
    "Follower",
    "Progress",
    "default_path",
    "open_store",
]

# Records of one transaction, about: a group of the journal is never split, and has at most 4,096.
BATCH_RECORDS_MAX = 4_096
# Records that were taken out and are named in the position; of more of them their hash.
QUARANTINED_NAMED_MAX = 50
# Pauses while there is nothing to do: doubled from the first to the second. A look is a read of one small
# file.
POLL_S_MIN = 0.005
POLL_S_MAX = 0.1
# Pauses after a failure that may pass: a lock of another program, a database that is starting.
RETRY_S = (0.1, 0.5, 2.0, 5.0)


def default_path(journal: Path) -> Path:
    """The projection beside a journal: `journal.db` has `journal.db.facts`."""
    return journal.with_name(journal.name + ".facts")


def open_store(target: str | None, journal: Path, *, durable: bool = False, is_reader: bool = False) -> Store:
    """Open where a projection is kept: `sqlite:PATH`, `postgresql://…`, or the default beside the journal.

    `is_reader`: only to read what is there, beside a follower.

    Raises:
        ValueError: Another kind of target.
        ProjectionError: It cannot be used.
    """
    if target is None or target.startswith("sqlite:"):
        path = default_path(journal) if target is None else Path(target.removeprefix("sqlite:"))
        if not is_reader and not path.exists():
            # No file is made for a journal that is not there.
            _core.JournalFollower(journal)
        return SqliteStore(path, durable=durable, is_reader=is_reader)
    if target.startswith(("postgresql://", "postgres://")):
        from oddsengine.projection._postgres import PostgresStore

        return PostgresStore(target, is_reader=is_reader)
    raise ValueError(f"target {target!r} is neither sqlite:PATH nor postgresql://USER@HOST/NAME")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a follower did so far, and how far behind it is."""

    seq: int
    acknowledged_seq: int
    record_count: int
    batch_count: int
    cut_count: int
    lag_ns: int
    wal_bytes: int

    @property
    def behind(self) -> int:
        """Acknowledged records that are not in the projection."""
        return self.acknowledged_seq - self.seq


@dataclass(frozen=True, slots=True)
class Check:
    """A projection beside one that was built anew: `COUNT:HASH` by table of both."""

    seq: int
    kept: dict[str, str]
    rebuilt: dict[str, str]

    @property
    def differing(self) -> list[str]:
        """The tables that differ."""
        return [name for name, value in self.rebuilt.items() if self.kept[name] != value]


class Follower:
    """Reads a journal and keeps a projection of it.

    Its position is written with its rows, so that a follower that was killed goes on where its last
    transaction ended. Where the
    journal is no longer the one that was followed it raises and changes nothing.

    Where records were taken out of the journal, or taken back, since it was written, the projection is built
    anew from the first record on, and `notice` says so: what a record led to before is not taken out of
    tables row by row. Such a journal is followed with an engine beside it, which knows what is left.

    `rebuild`: begin anew, whatever is there. `segments`: a folder in which sealed segments are looked for
    before they are looked for beside the journal.

    Raises:
        JournalError: `missing`, `journal_behind`, `history_replaced`, `another_journal`, `damaged`,
        `quarantine_changed` (while it follows: begin again) and others.
        ProjectionError: `schema_version`, and what the store says.
    """

    def __init__(
        self, journal: Path | str, store: Store, *, rebuild: bool = False, segments: Path | None = None
    ) -> None:
        self.journal = Path(journal)
        self.store = store
        self.notice: str | None = None
        found = None if rebuild else store.position()
        self._reader = self._open(found, segments)
        quarantined = _quarantine_key(self._reader.quarantined)
        if found is not None and found.quarantined != quarantined:
            self.notice = (
                f"records were taken out of {self.journal} or taken back, or decided anew by another release:"
                f" the projection {store.name} is built anew from the first record on"
                f" (was for [{found.quarantined}], is for [{quarantined}]); what was exported is older"
            )
            found = None
            self._reader = self._open(None, segments)
        if found is None:
            journal_id, seq, link = self._reader.position
            found = Position(journal_id, seq, link, 0, quarantined)
            store.create(found)
        self._position = found
        self._record_count = self._batch_count = self._cut_count = 0
        self._lag_ns = 0

    def _open(self, found: Position | None, segments: Path | None) -> _core.JournalFollower:
        names = [] if found is None else self.store.names()
        place = None if found is None else (found.journal_id, found.seq, found.hash)
        return _core.JournalFollower(self.journal, position=place, names=names, segments=segments)

    @property
    def position(self) -> Position:
        """How far it is."""
        return self._position

    def progress(self) -> Progress:
        """What was done so far."""
        return Progress(
            seq=self._position.seq,
            acknowledged_seq=self._reader.acknowledged_seq(),
            record_count=self._record_count,
            batch_count=self._batch_count,
            cut_count=self._cut_count,
            lag_ns=self._lag_ns,
            wal_bytes=self.store.wal_bytes(),
        )

    def step(self, records_max: int = BATCH_RECORDS_MAX) -> int:
        """Take one batch; returns its records, 0 where there is nothing further.

        After an error the follower is not to be used again: what it read and did not store it would not
        read again.
        """
        self.store.check()
        read = self._reader.read(records_max)
        if read is None:
            return 0
        after = replace(self._position, seq=read["seq"], hash=read["hash"], committed_ns=read["committed_ns"])
        batch = Batch(read["tables"], read["records"], after)
        self.store.apply(batch, self._position)
        self._position = after
        self._record_count += batch.record_count
        self._batch_count += 1
        self._cut_count += bool(read["was_cut"])
        self._lag_ns = max(0, time.time_ns() - after.committed_ns)
        return batch.record_count

    def catch_up(self, *, until_seq: int | None = None) -> int:
        """Take everything that is acknowledged, or whole groups up to a record; returns the records taken."""
        count = 0
        while until_seq is None or self._position.seq < until_seq:
            room = BATCH_RECORDS_MAX if until_seq is None else until_seq - self._position.seq
            taken = self.step(min(room, BATCH_RECORDS_MAX))
            if taken == 0:
                break
            count += taken
        return count

    def run(
        self, stop: threading.Event, *, told: Callable[[Progress], None] | None = None, told_s: float = 10.0
    ) -> None:
        """Follow until `stop` is set, telling the progress every `told_s` seconds."""
        pause_s, next_told_s = POLL_S_MIN, time.monotonic() + told_s
        while not stop.is_set():
            if self.step() == 0:
                stop.wait(pause_s)
                pause_s = min(2 * pause_s, POLL_S_MAX)
            else:
                pause_s = POLL_S_MIN
            if told is not None and next_told_s <= time.monotonic():
                told(self.progress())
                next_told_s += told_s


def check(journal: Path | str, store: Store, *, segments: Path | None = None) -> Check:
    """Build the projection anew in a temporary file, as far as it is, and compare all tables.

    `segments`: as for a `Follower`.

    Raises:
        ProjectionError: `missing`: there is none.
    """
    position = store.position()
    if position is None:
        raise ProjectionError(f"there is no projection at {store.name}", "missing")
    # The journal must still be the one that was followed.
    place = (position.journal_id, position.seq, position.hash)
    _core.JournalFollower(Path(journal), position=place, names=[], segments=segments)
    with (
        tempfile.TemporaryDirectory(prefix="oddsengine-check-") as folder,
        contextlib.closing(SqliteStore(Path(folder) / "rebuilt")) as rebuilt,
    ):
        follower = Follower(journal, rebuilt, segments=segments)
        follower.catch_up(until_seq=position.seq)
        if follower.position.hash != position.hash:
            raise ProjectionError(
                f"the projection {store.name} is at record {position.seq}, which ends no group",
                "not_as_written",
            )
        kept = table_hashes(store)
        if store.position() != position:
            raise ProjectionError(
                f"the projection {store.name} went on while it was compared\nhint: stop its follower"
                f" meanwhile",
                "moved",
                is_transient=True,
            )
        return Check(position.seq, kept, table_hashes(rebuilt))


def _quarantine_key(seqs: list[int]) -> str:
    """For which quarantine a projection is: what no longer fits is decided anew by the release that follows.

    >>> _quarantine_key([])
    ''
    """
    if not seqs:
        return ""
    listed = ",".join(map(str, seqs))
    if len(seqs) > QUARANTINED_NAMED_MAX:
        listed = f"{len(seqs)} records {hashlib.sha256(listed.encode()).hexdigest()}"
    return f"{__version__}: {listed}"


def follow(
    journal: Path,
    target: str | None,
    *,
    stop: threading.Event,
    rebuild: bool = False,
    durable: bool = False,
    segments: Path | None = None,
    noticed: Callable[[str], None] | None = None,
    told: Callable[[Progress], None] | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> None:
    """Follow until `stop` is set; failures that may pass are tried again from the last stored position,
    for ever. Records that are taken out meanwhile make it begin anew.

    Raises:
        JournalError, ProjectionError: What somebody has to correct.
    """
    pauses: Iterator[float] = iter(RETRY_S)
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            with contextlib.closing(open_store(target, journal, durable=durable)) as store:
                follower = Follower(journal, store, rebuild=rebuild, segments=segments)
                rebuild = False
                if noticed is not None and follower.notice is not None:
                    noticed(follower.notice)
                follower.run(stop, told=told)
        except Exception as error:
            if not _may_pass(error):
                raise
            if failed is not None:
                failed(error)
            if time.monotonic() - began_s > 60:
                pauses = iter(RETRY_S)
            stop.wait(next(pauses, RETRY_S[-1]))


def _may_pass(error: Any) -> bool:
    is_quarantine = getattr(error, "code", "") == "quarantine_changed"
    return is_quarantine or bool(getattr(error, "is_transient", False))
