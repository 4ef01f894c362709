"""Where a price comes from, as the engine tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from oddsengine._board_table import ArrowTable, typed_table
from oddsengine._messages import Json
from oddsengine.tables import Table

ExpectationMode: TypeAlias = Literal["once", "hold", "offset", "blend", "release"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A trader's expectation that stands until it is released."""

    mode: Literal["hold", "offset", "blend"]
    supremacy: float
    """Home minus away, in goals or games; of an offset, what is added."""
    total: float
    """Of both sides; of an offset, what is added."""
    weight: float | None
    """Of a blend: the trader's share."""
    owner: str
    since_ns: int
    feed: tuple[float, float] | None
    """Supremacy and total that feeds alone say; ``None`` before they said something."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A reason why trading stands still, and whose it is: ``desk``, ``feed``, ``model`` or ``engine``."""

    of: Literal["fixture", "market"]
    stop: str
    owner: str


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(ArrowTable):
    """Where the prices of a fixture, and of one of its markets, come from.

    ``str()`` says it in lines; :attr:`table` is a row per selection, from the model's fair probability over
    skew and margin to the odds on the ladder.
    """

    fixture: int
    market: str | None
    """``None``: what concerns the fixture as a whole; what is of a market is empty then."""
    version: int
    fixture_status: str
    status: str | None
    price: Literal["model", "manual", "locked"] | None
    stops: tuple[Stopped, ...]
    fed_by: str
    """The source that spoke of the fixture last."""
    heard_ns: int
    parameters: Mapping[str, list[float]] | None
    """What the model computes from; ``None`` before the first price. Of each list at most 64 numbers."""
    set_by: str | None
    """Who set the parameters, :attr:`set_command` by which command, :attr:`set_ns` when."""
    set_command: str | None
    set_ns: int | None
    expects: tuple[float, float] | None
    """Supremacy and total that the parameters expect, where the sport has such."""
    expectation: Expectation | None
    ladder: str
    odds_min: float
    odds_max: float
    skew_b_minor: int | None
    margin_method: str | None
    margin_booksum: float | None
    margin_from: Mapping[str, Any] | None
    """The scope that set the margin: ``{"level": "platform"}`` where none did."""
    loss_minor_max: int | None
    loss_from: Mapping[str, Any] | None
    held: Mapping[str, Any] | None
    """Of a market that is priced by hand or locked: who answers for it, and whether it stays in play."""
    selections: tuple[Json, ...] = field(repr=False)

    @classmethod
    def of(cls, body: Json, selections: list[Json]) -> Explanation:
        """From the wire: the last page, and the selections of all."""
        priced, margin = body["priced_by"] or {}, body["margin"] or {}
        return cls(
            fixture=body["fixture"],
            market=body["market"],
            version=body["version"],
            fixture_status=body["fixture_status"],
            status=body["status"],
            price=body["price"],
            stops=tuple(Stopped(stop["of"], stop["stop"], stop["owner"]) for stop in body["stops"]),
            fed_by=body["fed_by"],
            heard_ns=body["heard_ns"],
            parameters=body["parameters"],
            set_by=priced.get("by"),
            set_command=priced.get("command"),
            set_ns=priced.get("at_ns"),
            expects=_expected(body["expects"]),
            expectation=_expectation(body["expectation"]),
            ladder=body["ladder"],
            odds_min=body["odds_min"],
            odds_max=body["odds_max"],
            skew_b_minor=body["skew_b_minor"],
            margin_method=margin.get("method"),
            margin_booksum=margin.get("booksum"),
            margin_from=body["margin_from"],
            loss_minor_max=body["loss_minor_max"],
            loss_from=body["loss_from"],
            held=body["held"],
            selections=tuple(selections),
        )

    @property
    def table(self) -> Table:
        """A row per selection: fair probability, with skew, odds with margin, odds on the ladder."""
        names = (
            "selection",
            "fair_probability",
            "skewed_probability",
            "margin_odds",
            "odds",
            "payout_minor",
            "result",
        )
        columns = {name: [row[name] for row in self.selections] for name in names}
        columns["result"] = [result or "" for result in columns["result"]]
        numbers = names[1:5]
        return typed_table(columns, caption=repr(self), integers=("payout_minor",), numbers=numbers)

    def __repr__(self) -> str:
        market = f" {self.market}: {self.price}, {self.status}" if self.market else ""
        stops = f", stopped: {', '.join(stop.stop for stop in self.stops)}" if self.stops else ""
        return f"<Explanation of {self.fixture}{market}{stops}>"

    def __str__(self) -> str:
        lines = [repr(self)[1:-1]]
        lines += [f"stop: {stop.stop} of the {stop.of}, owner {stop.owner}" for stop in self.stops]
        if self.parameters is not None:
            values = ", ".join(
                f"{name} {' '.join(f'{value:g}' for value in numbers)}"
                for name, numbers in self.parameters.items()
                if numbers
            )
            lines.append(f"parameters: {values}; set by {self.set_by} with {self.set_command}")
        if self.expectation is not None:
            of = self.expectation
            weight = f" with weight {of.weight:g}" if of.weight is not None else ""
            lines.append(
                f"expectation: {of.mode} supremacy {of.supremacy:g} total {of.total:g}{weight}, by {of.owner}"
            )
        if self.margin_method is not None:
            level = (self.margin_from or {}).get("level", "platform")
            lines.append(f"margin: {self.margin_method} {self.margin_booksum:g}, set for the {level}")
        lines.append(f"skew: {'none' if self.skew_b_minor is None else f'b {self.skew_b_minor} minor'}")
        lines.append(f"ladder: {self.ladder}, odds {self.odds_min:g} to {self.odds_max:g}")
        return "\n".join([*lines, str(self.table)] if self.selections else lines)


def _expected(told: Json | None) -> tuple[float, float] | None:
    return None if told is None else (told["supremacy"], told["total"])


def _expectation(told: Json | None) -> Expectation | None:
    if told is None:
        return None
    return Expectation(
        told["mode"],
        told["supremacy"],
        told["total"],
        told.get("weight"),
        told["owner"],
        told["since_ns"],
        _expected(told["feed"]),
    )
