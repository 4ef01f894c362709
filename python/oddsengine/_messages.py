"""What the clients give back: the messages of the wire as frozen values.

Each class reads itself from the decoded JSON (``of``) and ignores what it does not know. Money is in minor
units of the book's currency, odds are decimal with the stake included, times are nanoseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from oddsengine import _arrays, _hints, _html, _shown
from oddsengine._board_table import ArrowTable, boards_table, typed_table
from oddsengine.config import money
from oddsengine.exceptions import BoundsError
from oddsengine.tables import Table

__all__ = [
    "Alert",
    "Balance",
    "Bet",
    "Board",
    "Change",
    "Done",
    "EachWay",
    "Exposure",
    "ExposureLevel",
    "FeedHealth",
    "FixtureExposure",
    "FixtureInfo",
    "Heartbeat",
    "Leg",
    "LimitCheck",
    "Market",
    "MarketExposure",
    "Markets",
    "MaxStake",
    "MoneyAnswer",
    "Reason",
    "SelectionExposure",
    "Settlement",
    "Ticket",
    "TicketBet",
    "TicketChange",
    "TicketLeg",
    "Times",
]

Json = dict[str, Any]
FixtureStatus = Literal["open", "suspended", "closed"]
MarketStatus = Literal["open", "suspended", "closed", "settled"]
TicketState = Literal["delayed", "referred", "reoffered", "refused", "accepted", "settled", "cancelled"]


class Times(NamedTuple):
    """When a message happened, was received, decided, sent, and arrived here; 0 if unknown."""

    source_ns: int
    received_ns: int
    decided_ns: int
    sent_ns: int
    arrived_ns: int

    @classmethod
    def of(cls, message: Json, arrived_ns: int) -> Times:
        """The times of a header."""
        return cls(
            message.get("source_ns", 0),
            message["received_ns"],
            message["decided_ns"],
            message["sent_ns"],
            arrived_ns,
        )

    @property
    def engine_ns(self) -> int:
        """From the feed's message in the engine's hands to the odds out of them."""
        return self.sent_ns - self.received_ns

    @property
    def total_ns(self) -> int:
        """From the feed's message in the engine's hands to here; both clocks are involved."""
        return self.arrived_ns - self.received_ns


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request was refused; numbers and names are listed in ``docs/statuses.md``."""

    number: int
    name: str
    sentence: str

    @classmethod
    def of(cls, message: Json | None) -> Reason | None:
        """A reason or none."""
        return None if message is None else _plain(cls, message)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Market:
    """A market of a board: selections, their odds (``None`` = not offered), their results once decided."""

    key: str
    status: MarketStatus
    price: Literal["model", "manual", "locked"]
    selections: tuple[str, ...]
    odds: tuple[float | None, ...]
    results: tuple[str | None, ...] | None = None

    def __getitem__(self, selection: str) -> float | None:
        """The odds of a selection."""
        try:
            return self.odds[self.selections.index(selection)]
        except ValueError:
            raise _hints.unknown("selection", selection, self.selections, f"market {self.key}") from None

    def __repr__(self) -> str:
        pairs = zip(self.selections, self.odds, strict=True)
        prices = ", ".join(f"{name} {'-' if odds is None else f'{odds:.2f}'}" for name, odds in pairs)
        return f"<Market {self.key} {self.status}: {prices}>"


class Markets(Mapping[str, Market]):
    """The markets of a board by key, as :class:`Market` when looked at."""

    __slots__ = ("names", "raw")

    def __init__(self, raw: dict[str, Json], names: Mapping[str, tuple[str, ...]]) -> None:
        self.raw = raw
        self.names = names

    def __getitem__(self, key: str) -> Market:
        body = self.raw.get(key)
        if body is None:
            raise _hints.unknown("market", key, self.raw)
        odds = tuple(body["odds"])
        names = self.names.get(key) or tuple(str(index) for index in range(len(odds)))
        results = body.get("results")
        return Market(
            key, body["status"], body["price"], names, odds, None if results is None else tuple(results)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __repr__(self) -> str:
        return f"<{len(self.raw)} markets>"


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a ticket to place: a selection at the odds and version that the customer saw."""

    fixture: int
    market: str
    selection: str
    odds: float
    version: tuple[int, int]

    def json(self) -> Json:
        """As the wire has it."""
        return {
            "fixture": self.fixture,
            "market": self.market,
            "selection": self.selection,
            "odds": self.odds,
            "version": list(_arrays.parts(self.version, "version", "a pair of epoch and version", least=2)),
        }


@dataclass(frozen=True, slots=True, repr=False)
class Board(ArrowTable):
    """All markets of a fixture with prices, as of one version; does not change."""

    fixture: int
    sport: str
    competition: str
    home: str
    away: str
    start_ns: int
    epoch: int
    seq: int
    version: int
    status: FixtureStatus
    stops: tuple[str, ...]
    score: tuple[int, int]
    clock_ms: int
    period: str
    # The source of the fixture is silent, or frames are missing and an image is on its way.
    is_stale: bool
    source: str
    reason: str
    times: Times
    markets: Markets = field(compare=False)

    @property
    def name(self) -> str:
        """``Qatar v Ecuador``"""
        return f"{self.home} v {self.away}"

    @property
    def is_open(self) -> bool:
        """Bets are taken on it as a whole; each market has a status of its own."""
        return self.status == "open" and not self.is_stale

    def odds(self, market: str, selection: str) -> float | None:
        """The offered odds of a selection, ``None`` if it is not offered."""
        return self.markets[market][selection]

    @property
    def table(self) -> Table:
        """A row per selection; libraries that read the Arrow interface take the board itself."""
        return boards_table([self], caption=repr(self))

    def leg(self, market: str, selection: str) -> Leg:
        """A leg at the odds and version of this board, to place a ticket on.

        Raises
        ------
        BoundsError
            No price is offered for the selection.
        """
        odds = self.odds(market, selection)
        if odds is None:
            raise BoundsError(f"{selection} of {market} is not offered on fixture {self.fixture}")
        return Leg(self.fixture, market, selection, odds, (self.epoch, self.version))

    def __repr__(self) -> str:
        home, away = self.score
        stale = ", stale" if self.is_stale else ""
        return (
            f"<Board {self.fixture} {self.name} {home}-{away}, {self.period} {_shown.clock(self.clock_ms)}, "
            f"{self.status}{stale}, {len(self.markets)} markets, version {self.epoch}.{self.version}>"
        )

    def _repr_html_(self) -> str:
        return _html.board(self)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a subscriber learned: the board after it, and the markets that changed."""

    kind: Literal["image", "delta", "status"]
    board: Board
    markets: tuple[str, ...]
    times: Times

    @property
    def fixture(self) -> int:
        """The fixture's id."""
        return self.board.fixture

    def __repr__(self) -> str:
        return f"<Change {self.kind} of {self.fixture}: {len(self.markets)} markets, {self.board.reason}>"


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is."""

    source: str
    seq: int | None
    received_ns: int
    is_stale: bool


@dataclass(frozen=True, slots=True, repr=False)
class Heartbeat:
    """How the engine is: ``ok``, ``degraded``, or ``stopped`` when it takes no money commands."""

    epoch: int
    seq: int
    health: Literal["ok", "degraded", "stopped"]
    command_count: int
    durable_count: int
    queued_count: int
    fixture_count: int
    # Sources known, and those of them that are silent; `feeds` names at most 64.
    feed_count: int
    stale_feed_count: int
    feeds: tuple[FeedHealth, ...]
    times: Times

    @classmethod
    def of(cls, message: Json, arrived_ns: int) -> Heartbeat:
        """From the wire."""
        feeds = (
            FeedHealth(feed["source"], feed["seq"], feed["received_ns"], feed["stale"])
            for feed in message["feeds"]
        )
        return _plain(cls, message | {"feeds": tuple(feeds), "times": Times.of(message, arrived_ns)})

    def __repr__(self) -> str:
        return _shown.heartbeat(self)


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """A limit that was checked: its value, what counted against it before, the largest stake it allowed."""

    level: str
    leg: int | None
    limit_minor: int
    used_minor: int
    stake_minor_max: int
    # The name of the stake window, where it is one.
    window: str | None = None

    @classmethod
    def of(cls, message: Json) -> LimitCheck:
        """From the wire."""
        return _plain(cls, {"window": None} | message)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered instead of a bet as it was asked; ``by`` a trader, empty where the engine made it."""

    stake_minor: int
    odds: tuple[float, ...]
    due_ns: int
    by: str
    taken: bool
    reason: Reason | None

    @classmethod
    def of(cls, message: Json) -> Offer:
        """From the wire."""
        parts = {"odds": tuple(message["odds"]), "reason": Reason.of(message["reason"])}
        return _plain(cls, message | parts)


@dataclass(frozen=True, slots=True)
class Referral:
    """A bet before a trader: why, until when, what they said; ``verdict`` is ``None`` while nobody has."""

    cause: str
    threshold_minor: int
    since_ns: int
    due_ns: int
    verdict: str | None
    by: str
    note: str
    decided_ns: int

    @classmethod
    def of(cls, message: Json) -> Referral:
        """From the wire."""
        return _plain(cls, message)


@dataclass(frozen=True, slots=True)
class Handling:
    """How a bet was dealt with that was not simply taken or refused, and the stake that was asked."""

    on_limit: str
    reoffer_odds: bool
    part_minor_min: int
    asked_minor: int
    offer: Offer | None
    referral: Referral | None

    @classmethod
    def of(cls, message: Json) -> Handling:
        """From the wire."""
        offer, referral = message["offer"], message["referral"]
        parts = {
            "offer": None if offer is None else Offer.of(offer),
            "referral": None if referral is None else Referral.of(referral),
        }
        return _plain(cls, message | parts)


@dataclass(frozen=True, slots=True)
class TicketLeg:
    """One leg of a ticket with the evidence of its price, and its grade once decided."""

    fixture: int | None
    market: str | None
    selection: str | None
    requested_odds: float | None
    offered_odds: float | None
    odds: float | None
    fair_probability: float
    quoted_version: tuple[int, int]
    version: tuple[int, int]
    score: tuple[int, int]
    clock_ms: int
    grade: str | None
    # It is the place part of this leg, and pays one part in so many of the odds.
    place_of: int | None = None
    fraction_of: int | None = None

    @classmethod
    def of(cls, message: Json) -> TicketLeg:
        """From the wire."""
        pairs: Json = {name: _pair(message[name]) for name in ("quoted_version", "version", "score")}
        place = {name: message.get(name) for name in ("place_of", "fraction_of")}
        return _plain(cls, message | pairs | place)


@dataclass(frozen=True, slots=True)
class Bet:
    """A bet as it is asked for: an accumulator for every choice of so many legs, together with all bankers.

    Parameters
    ----------
    legs
        The legs that are chosen from, by their places from 0; all but the bankers if absent.
    bankers
        The legs that stand in every line.
    system
        A name instead of sizes: ``"trixie"``, ``"lucky15"``, ``"goliath"`` and so on.
    sizes
        Lines of so many legs beside the bankers. Neither: one line of all legs.
    line_stake_minor
        Stake of each line. Absent in all bets: the stake of the ticket is divided evenly.
    parts
        ``"win"``, ``"place"``, ``"each_way"`` or ``"equally_divided"``.
    """

    legs: tuple[int, ...] | None = None
    bankers: tuple[int, ...] | None = None
    system: str | None = None
    sizes: tuple[int, ...] | None = None
    line_stake_minor: int | None = None
    parts: str | None = None

    def json(self) -> Json:
        """As the wire has it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        plain = {name: list(item) if isinstance(item, tuple) else item for name, item in fields.items()}
        return {name: item for name, item in plain.items() if item is not None}


@dataclass(frozen=True, slots=True)
class EachWay:
    """A leg with a place part, by its place from 0; at these terms, or at those of the race as it stands."""

    leg: int
    places: int | None = None
    fraction_of: int | None = None

    def json(self) -> Json:
        """As the wire has it."""
        fields = {"leg": self.leg, "places": self.places, "fraction_of": self.fraction_of}
        return {name: item for name, item in fields.items() if item is not None}


@dataclass(frozen=True, slots=True)
class TicketBet:
    """A bet of a ticket: its legs and bankers by their places, the sizes of its lines, how many they are."""

    legs: tuple[int, ...]
    bankers: tuple[int, ...]
    sizes: tuple[int, ...]
    lines: int
    line_stake_minor: int
    parts: str

    @classmethod
    def of(cls, message: Json) -> TicketBet:
        """From the wire."""
        lists = {name: tuple(message[name]) for name in ("legs", "bankers", "sizes")}
        return _plain(cls, message | lists)


@dataclass(frozen=True, slots=True, repr=False)
class Ticket:
    """A ticket with the evidence of every decision on it. ``reason`` says why it was refused."""

    ticket: str
    customer: int
    state: TicketState
    reason: Reason | None
    currency: str
    stake_minor: int
    payout_minor_max: int
    paid_minor: int
    received_ns: int
    decided_ns: int
    due_ns: int
    settlement_count: int
    legs: tuple[TicketLeg, ...]
    checks: tuple[LimitCheck, ...]
    # It was decided before, and this only repeats the answer.
    is_repeat: bool = False
    # How it was dealt with, where it was not simply taken or refused.
    handling: Handling | None = None
    # `system` or `each_way` with its bets; `single` or `multiple` where it is one bet on all legs.
    plan: str = "single"
    bets: tuple[TicketBet, ...] = ()

    @classmethod
    def of(cls, message: Json, *, is_repeat: bool = False) -> Ticket:
        """From the wire."""
        handling = message.get("handling")
        parts = {
            "handling": None if handling is None else Handling.of(handling),
            "plan": message.get("plan") or ("single" if len(message["legs"]) == 1 else "multiple"),
            "bets": tuple(TicketBet.of(bet) for bet in message.get("bets", ())),
            "reason": Reason.of(message["reason"]),
            "legs": tuple(TicketLeg.of(leg) for leg in message["legs"]),
            "checks": tuple(LimitCheck.of(check) for check in message["checks"]),
            "is_repeat": is_repeat,
        }
        return _plain(cls, message | parts)

    @property
    def is_accepted(self) -> bool:
        """The bet stands, or stood until it was settled."""
        return self.state in ("accepted", "settled")

    @property
    def is_decided(self) -> bool:
        """It waits for neither a bet delay nor a trader any more."""
        return self.state not in ("delayed", "referred")

    @property
    def offer(self) -> Offer | None:
        """What is offered instead, while it can be taken."""
        is_open = self.handling is not None and self.state == "reoffered"
        return self.handling.offer if self.handling is not None and is_open else None

    def __repr__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        legs = ", ".join(f"{leg.fixture} {leg.market} {leg.selection} @ {leg.odds}" for leg in self.legs)
        stake = money(self.stake_minor, self.currency)
        return f"<Ticket {self.ticket} {self.state}{reason}: {stake} {self.currency} on {legs}>"

    def _repr_html_(self) -> str:
        return _html.ticket(self)


@dataclass(frozen=True, slots=True, repr=False)
class MoneyAnswer:
    """The answer to a deposit or withdrawal: booked, or refused with a reason."""

    transfer: str
    is_booked: bool
    reason: Reason | None = None
    customer: int = 0
    amount_minor: int = 0
    currency: str = ""
    available_minor: int = 0
    is_repeat: bool = False

    def __repr__(self) -> str:
        return _shown.money_answer(self)


@dataclass(frozen=True, slots=True, repr=False)
class Balance:
    """A customer's money: what can be staked, what delayed tickets reserve, and what the customer owes after
    settlements that were taken back."""

    customer: int
    currency: str
    available_minor: int
    reserved_minor: int
    owed_minor: int = 0

    def __repr__(self) -> str:
        return _shown.balance(self)


@dataclass(frozen=True, slots=True, repr=False)
class MaxStake:
    """The largest stake that would be accepted now, with the limit that binds it, or why there is none."""

    currency: str
    stake_minor_max: int
    binding: LimitCheck | None
    reason: Reason | None

    def __repr__(self) -> str:
        return _shown.max_stake(self)


@dataclass(frozen=True, slots=True, repr=False)
class Done:
    """The answer to a desk command: carried out, or refused with a reason and the values."""

    is_done: bool
    reason: Reason | None = None
    detail: str = ""
    #: Not refused: it waits under this number until a second person approves it.
    action: int | None = None

    def __bool__(self) -> bool:
        return self.is_done

    def __repr__(self) -> str:
        return _shown.done(self)


@dataclass(frozen=True, slots=True)
class ExposureLevel:
    """A worst-case loss and the limit that it counts against."""

    level: str
    name: str
    loss_minor: int
    limit_minor: int


@dataclass(frozen=True, slots=True)
class SelectionExposure:
    """Bets on a selection; ``liability_minor`` is lost if it wins and nothing else counted."""

    selection: str
    leg_count: int
    stake_minor: int
    payout_minor: int
    liability_minor: int


@dataclass(frozen=True, slots=True)
class MarketExposure:
    """Bets on a market; ``worst_minor`` is its profit on the worst outcome still possible."""

    market: str
    worst_minor: int
    selections: tuple[SelectionExposure, ...]


@dataclass(frozen=True, slots=True)
class FixtureExposure:
    """Bets on a fixture, jointly over all its markets. Profit of the book is positive."""

    fixture: int
    leg_count: int
    stake_minor: int
    worst_minor: int
    worst_minor_bound: int
    expected_minor: int
    markets: tuple[MarketExposure, ...]

    @classmethod
    def of(cls, message: Json) -> FixtureExposure:
        """From the wire."""
        markets = (
            MarketExposure(
                market["market"],
                market["worst_minor"],
                tuple(_plain(SelectionExposure, selection) for selection in market["selections"]),
            )
            for market in message["markets"]
        )
        return _plain(cls, message | {"markets": tuple(markets)})


def _joined(
    before: tuple[MarketExposure, ...], after: tuple[MarketExposure, ...]
) -> tuple[MarketExposure, ...]:
    """Markets of two pages; one that stands on both is put together."""
    if before and after and before[-1].market == after[0].market:
        first = replace(after[0], selections=before[-1].selections + after[0].selections)
        return (*before[:-1], first, *after[1:])
    return before + after


@dataclass(frozen=True, slots=True, repr=False)
class Exposure(ArrowTable):
    """Losses against limits, from the platform down, and the detail of one fixture if it was asked for."""

    currency: str
    levels: tuple[ExposureLevel, ...]
    fixture: FixtureExposure | None

    @classmethod
    def of(cls, message: Json) -> Exposure:
        """From the wire."""
        fixture = message["fixture"]
        return cls(
            message["currency"],
            tuple(_plain(ExposureLevel, level) for level in message["levels"]),
            None if fixture is None else FixtureExposure.of(fixture),
        )

    def joined(self, page: Exposure) -> Exposure:
        """With the next page of the same exposure: what it tells of the fixture as a whole is newer."""
        fixture = page.fixture
        if fixture is not None and self.fixture is not None:
            fixture = replace(fixture, markets=_joined(self.fixture.markets, fixture.markets))
        return Exposure(self.currency, self.levels + page.levels, fixture)

    @property
    def table(self) -> Table:
        """A row per level: its loss and its limit. The bets of a fixture are in :attr:`selections_table`."""
        return Table(
            {
                "level": np.array([level.level for level in self.levels], dtype=np.str_),
                "name": np.array([level.name for level in self.levels], dtype=np.str_),
                "loss_minor": np.array([level.loss_minor for level in self.levels], dtype=np.int64),
                "limit_minor": np.array([level.limit_minor for level in self.levels], dtype=np.int64),
            },
            caption=f"Losses and limits in minor units of {self.currency}",
        )

    @property
    def selections_table(self) -> Table:
        """A row per selection of the fixture that has bets; none where no fixture was asked for."""
        fixture = self.fixture
        rows = [] if fixture is None else [(m, s) for m in fixture.markets for s in m.selections]
        columns: dict[str, list[Any]] = {
            "fixture": [0 if fixture is None else fixture.fixture for _ in rows],
            "market": [market.market for market, _ in rows],
            "selection": [selection.selection for _, selection in rows],
            "leg_count": [selection.leg_count for _, selection in rows],
            "stake_minor": [selection.stake_minor for _, selection in rows],
            "payout_minor": [selection.payout_minor for _, selection in rows],
            "liability_minor": [selection.liability_minor for _, selection in rows],
            "market_worst_minor": [market.worst_minor for market, _ in rows],
        }
        integers = [name for name in columns if name not in ("market", "selection")]
        return typed_table(columns, caption=f"Bets in minor units of {self.currency}", integers=integers)

    @property
    def item_count(self) -> int:
        """Levels, and selections with bets."""
        markets = self.fixture.markets if self.fixture is not None else ()
        return len(self.levels) + sum(len(market.selections) for market in markets)

    def __repr__(self) -> str:
        levels = ", ".join(
            f"{level.level}{' ' + level.name if level.name else ''} {money(level.loss_minor, self.currency)}"
            for level in self.levels
        )
        return f"<Exposure in {self.currency}: {levels}>"

    def _repr_html_(self) -> str:
        return _html.exposure(self)


@dataclass(frozen=True, slots=True, repr=False)
class FixtureInfo:
    """A fixture with its names and where it stands."""

    fixture: int
    sport: str
    competition: str
    home: str
    away: str
    start_ns: int
    version: int
    status: FixtureStatus
    score: tuple[int, int]
    clock_ms: int
    period: str
    stops: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Json) -> FixtureInfo:
        """From the wire."""
        told = {"score": _pair(message["score"]), "stops": tuple(message.get("stops", ()))}
        return _plain(cls, message | told)

    def __repr__(self) -> str:
        return _shown.fixture(self)


@dataclass(frozen=True, slots=True, repr=False)
class Settlement:
    """A ticket was settled, resettled, reopened or cancelled; ``paid_minor_before`` was paid before.

    ``None`` where several settlements were missed and only the last one is known: book the difference between
    ``ticket.paid_minor`` and what is booked for this ticket.
    """

    ticket: Ticket
    paid_minor_before: int | None

    def __repr__(self) -> str:
        return _shown.settlement(self)


@dataclass(frozen=True, slots=True, repr=False)
class TicketChange:
    """The last change of a ticket, and the ticket as it is now.

    ``change`` is its number over all tickets, the same after a restart: ask for what changed since.
    """

    change: int
    is_settlement: bool
    ticket: Ticket
    # As in Settlement.
    paid_minor_before: int | None

    @classmethod
    def of(cls, message: Json) -> TicketChange:
        """From the wire."""
        return cls(
            message["change"],
            message["kind"] == "settlement",
            Ticket.of(message["ticket"]),
            message["paid_minor_before"],
        )

    def __repr__(self) -> str:
        return _shown.ticket_change(self)


@dataclass(frozen=True, slots=True, repr=False)
class Alert:
    """Something that somebody should look at."""

    alert: str
    message: str
    fixture: int | None
    times: Times

    def __repr__(self) -> str:
        return _shown.alert(self)


_T = TypeVar("_T")


def _plain(cls: type[_T], message: Mapping[str, Any]) -> _T:
    """A value from the fields of the same names."""
    return cls(*[message[item.name] for item in fields(cls)])  # type: ignore[arg-type]


def _pair(values: list[int]) -> tuple[int, int]:
    first, second = values
    return first, second
