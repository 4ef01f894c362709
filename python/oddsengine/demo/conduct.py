"""One run: starts the processes, lets them play, asks everything that must hold, ends them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from oddsengine import _core
from oddsengine.demo.desk import Desk
from oddsengine.demo.histogram import Histogram, Percentiles
from oddsengine.demo.processes import Children, DemoError, Engine, until
from oddsengine.demo.report import Evidence, Report, build
from oddsengine.demo.schedule import Schedule
from oddsengine.demo.settings import Options, Workspace
from oddsengine.demo.view import Scene, View

Facts = dict[str, Any]

POLL_S = 0.05
READY_S = 30.0
# What a slow machine may need beyond the schedule, and for the questions at the end.
SLACK_S = 60.0
# Between the order to begin and the first message.
BEGIN_NS = 200_000_000
PROBES = 50


class Conductor:
    """The parent's side of a run."""

    def __init__(
        self, options: Options, plan: Schedule, engine: Engine, children: Children, desk: Desk, view: View
    ) -> None:
        self._plan = plan
        self._run_s = plan.run_s(options.speed)
        self._engine = engine
        self._children = children
        self.desk = desk
        self._view = view
        self.scene = Scene({match.fixture: f"{match.home} – {match.away}" for match in plan.matches})
        self.ready: set[str] = set()
        self.ended: dict[str, Facts] = {}
        self.losses: dict[str, int] = {}
        self._may_act = False

    def turn(self) -> None:
        """Takes what the others tell, lets the desk work, shows it."""
        self._engine.process.check()
        for name, line in self._children.told(POLL_S):
            match line["type"]:
                case "ready":
                    self.ready.add(name)
                case "feed" | "odds" | "bets":
                    setattr(self.scene, line["type"], line)
                case kind:
                    self.ended[f"{name} {kind}"] = line
        self.desk.turn(self.scene.rows, may_act=self._may_act)
        for level in self.desk.levels:
            self.losses[level["level"]] = max(level["loss_minor"], self.losses.get(level["level"], 0))
        self.scene.levels, self.scene.losses = self.desk.levels, self.desk.losses
        self.scene.alerts, self.scene.last_alerts = self.desk.alerts, list(self.desk.last_alerts)
        self._view.show(self.scene)

    def play(self) -> None:
        """From the first message of the feed to the last answer of the audit."""
        names = {"feed", "crowd", "subscriber"}
        until(lambda: self.ready == names, self.turn, READY_S, "the start of all processes")
        start_ns = time.time_ns() + BEGIN_NS
        self._children.order("feed", "go", start_ns=start_ns)
        self._children.order("crowd", "go", start_ns=start_ns)
        self.scene.phase, self._may_act = "playing", True
        self._until_told("feed done", self._run_s + SLACK_S)
        self._may_act = False
        self._children.order("crowd", "finish")
        self._until_told("crowd finished", SLACK_S)
        self.scene.phase = "checking"
        self._children.order("crowd", "audit")
        self._until_told("crowd done", SLACK_S)
        self._children.order("subscriber", "finish")
        self._until_told("subscriber done", SLACK_S)

    def _until_told(self, what: str, timeout_s: float) -> None:
        until(lambda: what in self.ended, self.turn, timeout_s, f"“{what}”")


def conduct(options: Options, plan: Schedule, workspace: Workspace, view: View) -> Report:
    """Carries out a run and reports on it.

    Raises
    ------
    DemoError
        A process failed, or something took too long.
    """
    disk_sync_us = _disk_sync(workspace.journal.with_name("sync.probe"))
    engine = Engine(workspace.write_config(options.transport), workspace.directory)
    try:
        with Children(workspace.directory) as children:
            desk = Desk(engine.endpoints["orders"], engine.endpoints["desk"], options.seed)
            try:
                _start(children, engine, options, plan, workspace.directory)
                conductor = Conductor(options, plan, engine, children, desk, view)
                started_s = time.monotonic()
                conductor.play()
                run_s = time.monotonic() - started_s
                # Nothing may follow the state hash into the journal.
                children.stop()
                live = desk.state_hash()
            finally:
                desk.close()
        engine.stop()
    except BaseException:
        engine.kill()
        raise
    conductor.scene.phase = "replaying the journal"
    view.show(conductor.scene)
    scene, ended = conductor.scene, conductor.ended
    evidence = Evidence(
        run_s=run_s,
        odds=scene.odds,
        odds_end=ended["subscriber done"],
        bets=scene.bets,
        audit=ended["crowd done"],
        feed_end=ended["feed done"],
        disk_sync_us=disk_sync_us,
        live=live,
        replay=_core.replay_journal(str(workspace.journal)),
        desk_done=desk.actions["done"],
        desk_refused=desk.refused,
        alerts=desk.alerts,
        losses=conductor.losses,
    )
    return build(options, len(plan.matches), evidence)


def _disk_sync(path: Path) -> Percentiles:
    """How long the disk under the journal takes for a small write: no durable reply can be faster."""
    histogram = Histogram()
    with path.open("wb", buffering=0) as file:
        for _ in range(PROBES):
            begin_ns = time.perf_counter_ns()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            histogram.record(time.perf_counter_ns() - begin_ns)
    path.unlink()
    return histogram.percentiles()


def _start(children: Children, engine: Engine, options: Options, plan: Schedule, directory: Path) -> None:
    common = {"directory": str(directory), "engine_pid": engine.process.pid, **engine.endpoints}
    children.start(
        "subscriber", {**common, "seed": options.seed, "drop": options.drop, "frame_count": len(plan.steps)}
    )
    children.start("feed", {**common, "match_count": len(plan.matches), "speed": options.speed})
    children.start(
        "crowd",
        {
            **common,
            "seed": options.seed,
            "customers": options.customers,
            "bets_per_second": options.bets_per_second,
        },
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGINT end a run in order, also where a shell started it with SIGINT ignored."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


__all__ = ["DemoError", "conduct", "interruptible"]
