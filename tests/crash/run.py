"""Kills a real engine process at random moments and checks what it had promised.

``python tests/crash/run.py --rounds 50``; the seed is printed, and ``--seed`` plays it again. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bookkeeper import Bookkeeper, CheckError
from damage import DAMAGES, copy_journal
from player import Player, end_journal

from engine_process import EngineProcess, write_config
from oddsengine import _core

# Rounds on one journal; then a new one begins, so that creating and filling one is killed as well.
ROUNDS_PER_JOURNAL = 12
# Longest time under load before the kill.
LIFE_S_MAX = 1.2


def main() -> int:
    """Run the rounds; 0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="kills (default 50)")
    parser.add_argument("--seed", type=int, default=None, help="play this one again")
    parser.add_argument("--folder", type=Path, default=None, help="where the journals are kept afterwards")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 2**32
    print(f"seed {seed}", flush=True)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="oddsengine-crash-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        Campaign(folder, random.Random(seed)).run(options.rounds)
    except CheckError as error:
        print(f"FAILED: {error}\nseed {seed}, the files are in {folder}", file=sys.stderr)
        return 1
    if options.folder is None:
        shutil.rmtree(folder)
    return 0


class Campaign:
    """Rounds of load, kill, check, restart; on one journal after the other."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.journal_count = 0
        self.totals = dict.fromkeys(
            (
                "rounds",
                "killed_at_start",
                "deposits",
                "bets",
                "accepted",
                "delayed",
                "repeats",
                "quotes",
                "versions",
                "damages",
            ),
            0,
        )

    def run(self, rounds: int) -> None:
        """Play so many rounds, then report."""
        for first in range(0, rounds, ROUNDS_PER_JOURNAL):
            self._journal(min(ROUNDS_PER_JOURNAL, rounds - first))
        print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.totals.items()))

    def _journal(self, rounds: int) -> None:
        self.journal_count += 1
        folder = self.folder / f"journal-{self.journal_count}"
        folder.mkdir()
        config = write_config(folder)
        books = Bookkeeper()
        for number in range(rounds):
            self.totals["rounds"] += 1
            self._round(folder, config, books)
            if number % 3 == 2 or number == rounds - 1:
                self._damage(folder)
        end_journal(config, books, self.chance)
        for name, count in books.counts().items():
            self.totals[name] += count

    def _round(self, folder: Path, config: Path, books: Bookkeeper) -> None:
        chance = self.chance
        with EngineProcess(config, wait=False) as engine:
            if chance.random() < 0.15:
                # While it creates, verifies or replays the journal.
                time.sleep(chance.uniform(0.05, 0.5))
                self.totals["killed_at_start"] += 1
                engine.kill()
            else:
                engine.await_ready()
                player = Player(engine, books, chance)
                life_s = chance.uniform(0.0, LIFE_S_MAX)
                try:
                    # Now and then it dies while it is still being asked what it did before.
                    if chance.random() < 0.7:
                        player.catch_up()
                        books.check_running(player, folder / "journal.db")
                    player.play(life_s)
                    engine.kill()
                    player.read_rest()
                finally:
                    player.close()
        books.check_journal(folder / "journal.db")

    def _damage(self, folder: Path) -> None:
        """A damaged copy: the engine must refuse it, name what is wrong, and leave it as it is."""
        journal = folder / "journal.db"
        if not journal.exists():
            return
        for damage in DAMAGES:
            copy = self.folder / "damaged"
            copy.mkdir()
            copy_journal(journal, copy / "journal.db")
            acknowledged_seq = _core.verify_journal(copy / "journal.db")["acknowledged_seq"] or 0
            must_refuse = damage(copy / "journal.db", self.chance)
            if must_refuse is not None:
                self._refused(copy, damage.__name__, acknowledged_seq, must_refuse=must_refuse)
                self.totals["damages"] += 1
            shutil.rmtree(copy)

    def _refused(self, folder: Path, name: str, acknowledged_seq: int, *, must_refuse: bool) -> None:
        files = {path.name: path.read_bytes() for path in folder.glob("journal.db*") if path.stat().st_size}
        config = write_config(folder)
        with EngineProcess(config, wait=False) as engine:
            code = engine.exit_or_ready()
            if code is None:
                if must_refuse:
                    raise CheckError(f"{name}: the engine started")
                # What was cut was not needed, or never acknowledged.
                engine.kill()
                after = _core.verify_journal(folder / "journal.db")
                # A snapshot may be hit: an older one, or the whole journal, serves as well.
                damages = [text for text in after["damages"] if not text.startswith("snapshot ")]
                if damages:
                    raise CheckError(f"{name}: the engine started on {damages}")
                self._nothing_acknowledged_is_gone(folder / "journal.db", acknowledged_seq)
                return
            errors = engine.errors()
        if code != 2 or "damaged" not in errors or "Traceback" in errors:
            raise CheckError(f"{name}: the engine ended with {code} and said {errors!r}")
        after_files = {
            path.name: path.read_bytes() for path in folder.glob("journal.db*") if path.stat().st_size
        }
        for unimportant in ("journal.db-shm", "journal.db.lock"):
            files.pop(unimportant, None)
            after_files.pop(unimportant, None)
        if files != after_files:
            raise CheckError(f"{name}: the refused start changed the files")

    @staticmethod
    def _nothing_acknowledged_is_gone(journal: Path, acknowledged_seq: int) -> None:
        """The chain is proven by now; it must be as long as what was acknowledged before the start."""
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            (after_seq,) = database.execute("SELECT max(after_seq) FROM epoch").fetchone()
        if after_seq < acknowledged_seq:
            raise CheckError(f"the engine started at {after_seq}, acknowledged was {acknowledged_seq}")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
