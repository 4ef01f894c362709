"""What a run of the demo is made of: its options, its folder, the configuration of its engine."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from oddsengine.demo.processes import DemoError
from oddsengine.demo.schedule import Schedule, schedule

MATCH_COUNT = 48
# Match minutes per second: the whole group stage takes about a minute.
SPEED = 36.0
# To fit into a given time, matches are played up to so many times faster; then fewer of them.
HURRY_MAX = 3.0
BETS_PER_SECOND = 400.0
CUSTOMERS = 500
DROP = 5
SEED = 2022
# Five seconds of a bet are minutes of a match at this speed.
BET_DELAY_MS = 50
SOCKETS = ("ingest", "orders", "odds", "snapshot", "desk")
JOURNAL = "journal.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of a run."""

    match_count: int | None = None
    speed: float = SPEED
    seconds: float | None = None
    bets_per_second: float = BETS_PER_SECOND
    customers: int = CUSTOMERS
    drop: int = DROP
    seed: int = SEED
    transport: str = "ipc"
    plain: bool = False
    report: Path | None = None
    keep: Path | None = None

    def planned(self) -> tuple[Self, Schedule]:
        """The options with the speed that fits into the seconds, and the schedule that does."""
        plan = schedule(self.match_count or MATCH_COUNT)
        if self.seconds is None:
            return self, plan
        if self.match_count is None:
            while len(plan.matches) > 1 and plan.run_s(HURRY_MAX * self.speed) > self.seconds:
                plan = schedule(len(plan.matches) - 1)
        hurry = max(1.0, plan.run_s(self.speed) / self.seconds)
        return replace(self, speed=hurry * self.speed), plan


class Workspace:
    """The folders of a run: one for sockets and logs, gone at the end, and one for what is to be kept."""

    def __init__(self, keep: Path | None) -> None:
        if keep is not None and (keep / JOURNAL).exists():
            raise DemoError(f"{keep / JOURNAL} exists; keep this run in another folder, or remove it")
        # Paths of sockets must be short, so they never lie in the folder that the user chose.
        self.directory = Path(tempfile.mkdtemp(prefix="oddsengine-demo-"))
        self._keep = keep
        try:
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.remove()
            raise DemoError(f"cannot create {keep}: {error.strerror}") from error

    @property
    def journal(self) -> Path:
        """Where the engine writes its journal."""
        return (self._keep or self.directory).resolve() / JOURNAL

    def write_config(self, transport: str) -> Path:
        """The engine's configuration; beside the journal, so that a kept one can be served again."""
        path = self.journal.with_name("oddsengine.toml")
        endpoints = {name: f"ipc://{self.directory}/{name}" for name in SOCKETS}
        if transport == "tcp":
            endpoints = dict.fromkeys(SOCKETS, "tcp://127.0.0.1:*")
        sockets = "\n".join(f'{name} = "{endpoint}"' for name, endpoint in endpoints.items())
        path.write_text(CONFIG.format(sockets=sockets, journal=JOURNAL, bet_delay_ms=BET_DELAY_MS))
        return path

    def remove(self) -> None:
        """Removes what is not to be kept."""
        if self._keep is not None and self.directory.exists():
            for log in self.directory.glob("*.log"):
                shutil.copy(log, self._keep)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


CONFIG = """\
# The engine of one run of `oddsengine demo`.

[sockets]
{sockets}
heartbeat_ms = 500
odds_queue_max = 200000

[journal]
path = "{journal}"

[book]
currency = "EUR"
# Matches run at many times their speed, so the delay is shortened in proportion.
bet_delay_ms = {bet_delay_ms}

# Low enough for the crowd to run into them.
[limits]
market_loss_max = "4000.00"
fixture_loss_max = "8000.00"
competition_loss_max = "60000.00"
sport_loss_max = "80000.00"
platform_loss_max = "100000.00"
stake_min = "0.10"
stake_max = "5000.00"
payout_max = "50000.00"
legs_max = 8
"""
