"""What the terminal shows while the demo runs: boards, bets, exposure, latencies, the journal."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Facts = dict[str, Any]

REFRESH_S = 0.25
PLAIN_S = 3.0
REASONS_SHOWN = 9
PERIODS = {"pre_match": "–", "first_half": "1st", "half_time": "HT", "second_half": "2nd", "full_time": "FT"}
STATUS_STYLES = {"open": "green", "suspended": "yellow", "closed": "dim"}


@dataclass(slots=True)
class Scene:
    """Everything that the views show."""

    names: dict[int, str]
    phase: str = "starting"
    feed: Facts = field(default_factory=dict)
    odds: Facts = field(default_factory=dict)
    bets: Facts = field(default_factory=dict)
    levels: list[Facts] = field(default_factory=list)
    losses: dict[int, int] = field(default_factory=dict)
    alerts: Counter[str] = field(default_factory=Counter)
    last_alerts: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Facts]:
        """The boards to show."""
        rows: list[Facts] = self.odds.get("rows", [])
        return rows


class View(Protocol):
    """Shows a scene."""

    def show(self, scene: Scene) -> None:
        """Called often; shows the scene when it is time."""

    def close(self) -> None:
        """Gives the terminal back."""


class PlainView:
    """A line every few seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def show(self, scene: Scene) -> None:
        """A line when it is time."""
        now_s = time.monotonic()
        if now_s < self._next_s or not scene.feed:
            return
        self._next_s = now_s + PLAIN_S
        counts, odds, bets = scene.bets.get("counts", {}), scene.odds, scene.bets
        refused = sum(bets.get("reasons", {}).values())
        self._console.print(
            f"{scene.phase}: {scene.feed['sent']}/{scene.feed['count']} feed messages, "
            f"{odds.get('settled', 0)} fixtures settled, {odds.get('frames', 0)} odds messages, "
            f"{counts.get('accepted', 0)} tickets accepted, {refused} refused, "
            f"feed→odds {_short(odds.get('latency_us'))}, bet→reply {_short(bets.get('latency_us'))}",
            highlight=False,
            soft_wrap=True,
        )

    def close(self) -> None:
        """Nothing to give back."""


class LiveView:
    """The whole terminal, four times a second."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, screen=True)
        self._live.start()
        self._next_s = 0.0
        self._odds_before: dict[tuple[int, str, int], float] = {}

    def show(self, scene: Scene) -> None:
        """Draws when it is time."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + REFRESH_S
        self._live.update(self._layout(scene), refresh=True)

    def close(self) -> None:
        """Gives the terminal back."""
        self._live.stop()

    def _layout(self, scene: Scene) -> Layout:
        layout = Layout()
        layout.split_column(
            Layout(_header(scene), size=3), Layout(name="body"), Layout(_footer(scene), size=6)
        )
        layout["body"].split_row(Layout(self._boards(scene), ratio=5), Layout(name="side", ratio=3))
        layout["side"].split_column(Layout(_bets(scene), ratio=3), Layout(_exposure(scene), ratio=2))
        return layout

    def _boards(self, scene: Scene) -> Panel:
        table = Table(box=None, expand=True, padding=(0, 1))
        table.add_column("match", ratio=3, no_wrap=True)
        for column in ("min", "score", "1", "X", "2", "over 2.5", "under"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in scene.rows:
            style = STATUS_STYLES.get(row["status"], "")
            minute = PERIODS.get(row["period"], "")
            if row["period"] in ("first_half", "second_half"):
                minute = f"{row['clock_ms'] // 60_000 + 1}'"
            score = "" if row["period"] == "pre_match" else "{}:{}".format(*row["score"])
            prices = [self._price(row, "1x2", place) for place in range(3)]
            prices += [self._price(row, "total:2.5", place) for place in range(2)]
            name = Text(scene.names.get(row["fixture"], str(row["fixture"])), style=style)
            table.add_row(name, minute, Text(score, style="bold"), *prices)
        return Panel(table, title="boards", subtitle="[green]open[/] [yellow]suspended[/]")

    def _price(self, row: Facts, market: str, place: int) -> Text:
        """A price, coloured by the way it moved since it was drawn last."""
        odds = row["odds"].get(market) or []
        price = odds[place] if place < len(odds) else None
        if price is None:
            return Text("–", style="dim")
        key = (row["fixture"], market, place)
        before = self._odds_before.get(key, price)
        self._odds_before[key] = price
        style = "bold green" if price > before else "bold red" if price < before else ""
        return Text(f"{price:.2f}", style=style)


def _header(scene: Scene) -> Panel:
    feed = scene.feed
    total = feed.get("count", 0)
    share = feed.get("sent", 0) / total if total else 0.0
    bar = "━" * round(share * 40)
    text = Text.assemble(
        ("oddsengine ", "bold"),
        f"{scene.phase}  ",
        (bar, "green"),
        ("━" * (40 - len(bar)), "dim"),
        f"  {feed.get('sent', 0):,}/{total:,} feed messages, {scene.odds.get('settled', 0)} fixtures settled",
    )
    return Panel(text)


def _bets(scene: Scene) -> Panel:
    counts = scene.bets.get("counts", {})
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_row("tickets offered", f"{counts.get('offered', 0):,}")
    table.add_row(Text("accepted", style="green"), f"{counts.get('accepted', 0):,}")
    turnover, payout = scene.bets.get("turnover_minor", 0), scene.bets.get("payout_minor", 0)
    table.add_row("turnover, paid (EUR)", f"{turnover / 100:,.0f}, {payout / 100:,.0f}")
    reasons = sorted(scene.bets.get("reasons", {}).items(), key=lambda item: -item[1])
    for reason, count in reasons[:REASONS_SHOWN]:
        table.add_row(Text(reason.replace("_", " "), style="yellow"), f"{count:,}")
    return Panel(table, title="bets")


def _exposure(scene: Scene) -> Panel:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(ratio=1, no_wrap=True)
    table.add_column(justify="right")
    for level in scene.levels:
        name = level["level"]
        table.add_row(
            Text(name, style="bold"), f"{level['loss_minor'] / 100:,.0f} / {level['limit_minor'] / 100:,.0f}"
        )
    for row in scene.rows:
        loss = scene.losses.get(row["fixture"])
        if loss is not None:
            table.add_row(scene.names.get(row["fixture"], ""), f"{loss / 100:,.0f}")
    return Panel(table, title="joint worst case (EUR)")


def _footer(scene: Scene) -> Panel:
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True)
    latencies = (
        ("feed → odds", scene.odds.get("latency_us")),
        ("feed → suspension", scene.odds.get("suspension_us")),
        ("bet → reply", scene.bets.get("latency_us")),
    )
    journal = scene.odds.get("journal", {})
    status = (
        f"journal {journal.get('health', '–')}: {journal.get('durable_count', 0):,} of "
        f"{journal.get('command_count', 0):,} commands durable"
    )
    gaps = (
        f"{scene.odds.get('frames', 0):,} odds messages, {scene.odds.get('dropped', 0)} dropped on purpose, "
        f"{scene.odds.get('gaps_recovered', 0)} of {scene.odds.get('gaps_found', 0)} gaps recovered"
    )
    alerts = ", ".join(f"{count} {name}" for name, count in scene.alerts.items()) or "no alerts"
    for (name, values), fact in zip(latencies, (status, gaps, alerts), strict=True):
        table.add_row(f"{name:<18} {_long(values)}", fact)
    last = Text(scene.last_alerts[-1] if scene.last_alerts else "", style="dim", no_wrap=True)
    return Panel(Group(table, last))


def _short(values: Facts | None) -> str:
    if not values or not values["count"]:
        return "–"
    return f"p50 {values['p50']:,.0f} p99 {values['p99']:,.0f} µs"


def _long(values: Facts | None) -> str:
    if not values or not values["count"]:
        return "–"
    return f"p50 {values['p50']:>7,.0f}  p99 {values['p99']:>7,.0f}  max {values['max']:>8,.0f} µs"


def view_for(console: Console, *, plain: bool) -> View:
    """The live view on a terminal, otherwise lines."""
    return PlainView(console) if plain or not console.is_terminal else LiveView(console)
