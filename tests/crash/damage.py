"""What can happen to the files of a journal between two processes."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path


def copy_journal(journal: Path, to: Path) -> None:
    """The files as they lie there; not the lock, nor SQLite's index of the log."""
    for suffix in ("", "-wal", ".mark"):
        source = Path(f"{journal}{suffix}")
        if source.exists():
            shutil.copyfile(source, f"{to}{suffix}")


def _acknowledged_groups(journal: Path) -> list[tuple[int, bytes]]:
    database = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT first_seq, bytes FROM journal_group ORDER BY first_seq").fetchall()
    finally:
        database.close()
    # The last one may be durable and not acknowledged yet: then nobody would miss it.
    return rows[:-1]


def flip_a_bit(journal: Path, chance: random.Random) -> bool | None:
    """One bit of one record, wherever SQLite keeps it: in the database, in the log, or in both."""
    groups = _acknowledged_groups(journal)
    if not groups:
        return None
    _, record = chance.choice(groups)
    # A large group spans pages; its beginning does not.
    wanted = record[: min(len(record), 400)]
    offset, bit = chance.randrange(len(wanted)), chance.randrange(8)
    found = 0
    for suffix in ("", "-wal"):
        path = Path(f"{journal}{suffix}")
        if not path.exists():
            continue
        content = bytearray(path.read_bytes())
        at = content.find(wanted)
        while at >= 0:
            content[at + offset] ^= 1 << bit
            found += 1
            at = content.find(wanted, at + len(wanted))
        path.write_bytes(content)
    return True if found else None


def cut_the_tail(journal: Path, chance: random.Random) -> bool | None:
    """The end of a file is gone. Of the log it may be a part that is no longer used."""
    files = [Path(f"{journal}{suffix}") for suffix in ("", "-wal")]
    path = chance.choice([path for path in files if path.exists() and path.stat().st_size])
    size = path.stat().st_size
    content = path.read_bytes()
    path.write_bytes(content[: max(1, size - chance.randrange(1, min(size, 20_000)))])
    return False


def delete_a_group(journal: Path, chance: random.Random) -> bool | None:
    """Somebody with an SQL tool."""
    groups = _acknowledged_groups(journal)
    if not groups:
        return None
    first_seq, _ = chance.choice(groups)
    database = sqlite3.connect(journal)
    database.execute("DELETE FROM journal_group WHERE first_seq = ?", (first_seq,))
    database.commit()
    database.close()
    return True


def put_back_an_older_end(journal: Path, chance: random.Random) -> bool | None:
    """Every group from some point on is gone, as with an older copy."""
    groups = _acknowledged_groups(journal)
    if not groups:
        return None
    first_seq, _ = chance.choice(groups)
    database = sqlite3.connect(journal)
    database.execute("DELETE FROM journal_group WHERE first_seq >= ?", (first_seq,))
    database.commit()
    database.close()
    return True


DAMAGES = (flip_a_bit, cut_the_tail, delete_a_group, put_back_an_older_end)
