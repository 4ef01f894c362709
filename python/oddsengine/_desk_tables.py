"""Everything that the engine tells as tables: by client and in process alike.

Each method asks for as many pages as there are; a page has a bound (``docs/wire.md``), and rows are as of
their page. Where a stream has numbers, ``since`` is the last one that is known: keep the largest of the
column and ask again later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from oddsengine import _arrays
from oddsengine._board_table import typed_table
from oddsengine._connection import RefusedError
from oddsengine._messages import Alert, Json, Settlement, Ticket, TicketChange
from oddsengine._replies import PAGE_ITEMS, expect, naming
from oddsengine.tables import Table

if TYPE_CHECKING:
    from oddsengine._orders_client import OrdersClient


class DeskTables:
    """What an engine tells, as tables.

    >>> from oddsengine import Engine
    >>> engine = Engine(clock=iter(range(1_000_000_000, 2_000_000_000)).__next__)
    >>> _ = engine.deposit(customer=7, amount_minor=10_000)
    >>> print(engine.tables.balances())
    customer  currency  available_minor  reserved_minor  owed_minor
           7  EUR                10,000               0           0
    """

    def __init__(self, client: OrdersClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<tables of {self._client!r}>"

    def fixtures(
        self, *, sport: str | None = None, competition: str | None = None, status: str | None = None
    ) -> Table:
        """Fixtures that are in memory, by their places; ``stops`` are joined by commas.

        Parameters
        ----------
        status
            ``"open"``, ``"suspended"``, ``"closed"``.
        """
        found = self._client.fixtures(sport=sport, competition=competition, status=status)
        columns: dict[str, list[Any]] = {
            name: [getattr(fixture, name) for fixture in found]
            for name in ("fixture", "sport", "competition", "home", "away", "start_ns", "version", "status")
        }
        columns["score_home"] = [fixture.score[0] for fixture in found]
        columns["score_away"] = [fixture.score[1] for fixture in found]
        columns["clock_ms"] = [fixture.clock_ms for fixture in found]
        columns["period"] = [fixture.period for fixture in found]
        columns["stops"] = [",".join(fixture.stops) for fixture in found]
        integers = ("fixture", "start_ns", "version", "score_home", "score_away", "clock_ms")
        return typed_table(columns, caption="Fixtures", integers=integers)

    def exposure(
        self, *, competition: str | None = None, sport: str | None = None, fixture: int | None = None
    ) -> Table:
        """Losses against limits, a row per level."""
        return self._client.exposure(fixture, competition=competition, sport=sport).table

    def bets(self, fixture: int) -> Table:
        """Stakes, payouts and liabilities of a fixture, a row per selection with bets."""
        return self._client.exposure(fixture).selections_table

    def balances(self, *, customer: int | None = None) -> Table:
        """Money of customers in minor units, by their places in the ledger."""
        rows = self._rows("balances", customer=customer)
        names = ("customer", "currency", "available_minor", "reserved_minor", "owed_minor")
        return _table(rows, names, "Balances", integers=(names[0], *names[2:]))

    def customers(self, *, customer: int | None = None) -> Table:
        """What is set about customers: factor, standing, terms and own limits; others are active with 1.

        ``factors`` and ``own_limits`` are JSON in the words of their requests, with what counts against
        each limit.
        """
        rows = self._rows("customers", customer=customer)
        for row in rows:
            for name in ("factors", "own_limits"):
                row[name] = orjson.dumps(row[name]).decode()
        names = ("customer", "factor", "standing", "until_ns", "flagged", "referral_stake_minor")
        return _table(
            rows,
            (*names, "factors", "own_limits"),
            "Customers",
            integers=("customer",),
            numbers=("factor", "until_ns", "referral_stake_minor"),
            booleans=("flagged",),
        )

    def switches(self) -> Table:
        """Switches that are off: who turned them off, when and why.

        ``scope`` is JSON in the words of the request.
        """
        rows = self._rows("switches")
        for row in rows:
            row["scope"] = orjson.dumps(row["scope"]).decode()
        return _table(rows, ("scope", "owner", "reason", "since_ns"), "Switches", integers=("since_ns",))

    def referrals(self, *, customer: int | None = None, fixture: int | None = None) -> list[Ticket]:
        """Bets that wait for a trader, the first due first."""
        return [Ticket.of(row) for row in self._rows("referrals", customer=customer, fixture=fixture)]

    def evidence(
        self,
        fixture: int,
        market: str,
        selection: str,
        *,
        from_ns: int | None = None,
        until_ns: int | None = None,
        odds: float | None = None,
    ) -> Table:
        """All bets that were taken of a selection in a time, with what each would pay at the right price.

        Bets that are in the archive are not among them: ask before their fixture goes there.

        Parameters
        ----------
        from_ns, until_ns
            When they were received, both ends included.
        odds
            The price that would have been right; without it the fair one that was known when each was taken.
        """
        asked: Json = {"type": "evidence", "fixture": fixture, "market": market, "selection": selection}
        asked |= {"from_ns": from_ns, "until_ns": until_ns, "odds": odds}
        rows = self._pages({name: value for name, value in asked.items() if value is not None})
        integers = [
            "customer",
            "received_ns",
            "decided_ns",
            "leg",
            "stake_minor",
            "payout_minor_max",
            "paid_minor",
            "right_payout_minor",
        ]
        names = (
            "ticket customer state received_ns decided_ns leg stake_minor odds payout_minor_max paid_minor"
            " fair_odds right_odds right_payout_minor"
        )
        numbers = ("odds", "fair_odds", "right_odds")
        return _table(rows, tuple(names.split()), "Evidence", integers=tuple(integers), numbers=numbers)

    def scopes(self, *, fixture: int | None = None) -> Table:
        """Overrides of settings. What a level does not have is empty, -1 for a fixture; what a scope does not
        set is nan."""
        rows = [
            row
            | {
                "margin_method": (row["margin"] or {}).get("method"),
                "margin_booksum": (row["margin"] or {}).get("booksum"),
            }
            for row in self._rows("scopes", fixture=fixture)
        ]
        limits = ("loss_minor_max", "bet_delay_ms", "feed_silence_ms", "referral_stake_minor")
        numbers = ("margin_booksum", *limits)
        words = ("level", "sport", "stem", "competition", "fixture", "market", "margin_method")
        return _table(rows, words + numbers, "Scopes", integers=("fixture",), numbers=numbers)

    def commands(self, *, since: int = 0, fixture: int | None = None, source: str | None = None) -> Table:
        """What the desk asked and what became of it, in order.

        The last ones of this start are kept; older ones are in the journal, ``staff_actions`` of its
        projection.

        ``asked`` is a JSON object in the words of the request; ``fixture`` is -1 where it is about none.

        Parameters
        ----------
        since
            The last ``number`` that is known.
        """
        since = _arrays.whole(since, "since", 0, (1 << 63) - 1)
        rows = self._rows("commands", after=since, fixture=fixture, source=source)
        for row in rows:
            row["asked"] = orjson.dumps(row["asked"]).decode()
        names = ("number", "time_ns", "source", "key", "command", "fixture", "market", "done", "reason")
        return _table(
            rows,
            (*names, "detail", "asked"),
            "Commands of the desk",
            integers=("number", "time_ns", "fixture"),
            booleans=("done",),
        )

    def annulments(self, *, fixture: int | None = None) -> Table:
        """What was voided or cancelled of many tickets at once, by number; the last 1,024 can be taken back.

        ``effect`` is ``void`` or ``cancel``; ``customer`` and ``fixture`` are -1 where all are covered.
        """
        rows = self._rows("annulments", fixture=fixture)
        names = (
            "number",
            "annulment",
            "effect",
            "customer",
            "fixture",
            "market",
            "from_ns",
            "until_ns",
            "why",
        )
        more = ("ordered_ns", "changed_count", "taken_back", "done")
        integers = ("number", "customer", "fixture", "from_ns", "until_ns", "ordered_ns", "changed_count")
        return _table(rows, (*names, *more), "Annulments", integers=integers, booleans=("taken_back", "done"))

    def annulment_preview(self, **which: Any) -> Table:
        """The tickets that an annulment would touch if it were ordered now; see ``preview_annulment``."""
        rows = self._rows("annulment_preview", **which)
        integers = ("customer", "stake_minor", "paid_minor", "payout_minor_max", "accepted_ns")
        names = (
            "ticket",
            "customer",
            "state",
            "stake_minor",
            "paid_minor",
            "payout_minor_max",
            "accepted_ns",
        )
        return _table(rows, names, "Tickets that would be touched", integers=integers)

    def actions(self) -> Table:
        """What waits for a second person; ``asked`` is a JSON object in the words of the request."""
        rows = self._rows("actions")
        for row in rows:
            row["asked"] = orjson.dumps(row["asked"]).decode()
        names = ("number", "asked_ns", "expires_ns", "source", "key", "staff", "command", "fixture")
        integers = ("number", "asked_ns", "expires_ns", "fixture", "ticket_count", "money_minor")
        return _table(
            rows, (*names, "ticket_count", "money_minor", "asked"), "Actions that wait", integers=integers
        )

    def reviews(self, *, fixture: int | None = None) -> Table:
        """What is under review, so that nothing on it is paid; ``market`` is empty for the whole fixture."""
        rows = self._rows("reviews", fixture=fixture)
        return _table(rows, ("fixture", "market", "why"), "Reviews", integers=("fixture",))

    def tickets(
        self,
        *,
        since: int = 0,
        customer: int | None = None,
        fixture: int | None = None,
        state: str | None = None,
    ) -> Table:
        """Tickets that changed after change ``since``, each once as it is now, in order of their last change.

        Parameters
        ----------
        state
            ``"delayed"``, ``"refused"``, ``"accepted"``, ``"settled"``, ``"cancelled"``.
        """
        changes = self._client.ticket_changes(since, customer=customer, fixture=fixture, state=state)
        return _ticket_table(changes, "Tickets")

    def settlements(
        self, *, since: int = 0, customer: int | None = None, fixture: int | None = None
    ) -> Table:
        """As :meth:`tickets`, those whose last change was a settlement, a reopening or a cancellation;
        ``paid_minor_before`` is nan where several happened since."""
        changes = self._client.ticket_changes(since, settlements=True, customer=customer, fixture=fixture)
        return _ticket_table(changes, "Settlements")

    def legs(self, *, since: int = 0, customer: int | None = None, fixture: int | None = None) -> Table:
        """The legs of :meth:`tickets`, a row each."""
        changes = self._client.ticket_changes(since, customer=customer, fixture=fixture)
        rows = [
            {
                "change": told.change,
                "ticket": told.ticket.ticket,
                "customer": told.ticket.customer,
                "leg": place,
                "fixture": -1 if leg.fixture is None else leg.fixture,
                "market": leg.market,
                "selection": leg.selection,
                "odds": leg.odds,
                "fair_probability": leg.fair_probability,
                "grade": leg.grade,
            }
            for told in changes
            for place, leg in enumerate(told.ticket.legs)
        ]
        names = ("change", "ticket", "customer", "leg", "fixture", "market", "selection")
        return _table(
            rows,
            (*names, "odds", "fair_probability", "grade"),
            "Legs",
            integers=("change", "customer", "leg", "fixture"),
            numbers=("odds", "fair_probability"),
        )

    def alerts(self, *, since: int = 0, epoch: int | None = None) -> Table:
        """Alerts of this epoch after number ``since``; the last 1,024 are kept."""
        rows: list[Json] = []
        while True:
            request = {"type": "alerts", "since": since, "epoch": epoch, "limit": PAGE_ITEMS}
            body = _body(self._client, {name: value for name, value in request.items() if value is not None})
            rows += body["alerts"]
            since = body["next"]
            if since >= body["last"]:
                break
        names = ("epoch", "seq", "received_ns", "alert", "fixture", "message")
        return _table(rows, names, "Alerts", integers=("epoch", "seq", "received_ns", "fixture"))

    def _rows(self, table: str, *, after: int | str = "", **filters: Any) -> list[Json]:
        found: list[Json] = []
        cursor: str | None = str(after) if after else ""
        while cursor is not None:
            request: Json = {"type": "table", "table": table, "limit": PAGE_ITEMS, **filters}
            if cursor:
                request["after"] = cursor
            body = _body(self._client, {name: value for name, value in request.items() if value is not None})
            found += body["rows"]
            cursor = body["next"]
        return found

    def _pages(self, request: Json) -> list[Json]:
        found: list[Json] = []
        while True:
            body = _body(self._client, request)
            found += body["rows"]
            if body["next"] is None:
                return found
            request = request | {"after": int(body["next"])}


def _body(client: OrdersClient, request: Json) -> Json:
    with naming(request):
        reply = client.request(request)
        if reply.type in ("error", "refused"):
            expect(reply, tuple)
            raise RefusedError(None, reply.type)
        return reply.body


def _table(
    rows: Sequence[Json],
    names: Sequence[str],
    caption: str,
    *,
    integers: Sequence[str] = (),
    numbers: Sequence[str] = (),
    booleans: Sequence[str] = (),
) -> Table:
    def value(row: Json, name: str) -> Any:
        told = row.get(name)
        if told is not None:
            return told
        return -1 if name in integers else float("nan") if name in numbers else ""

    columns = {name: [value(row, name) for row in rows] for name in names}
    return typed_table(columns, caption=caption, integers=integers, numbers=numbers, booleans=booleans)


def _ticket_row(ticket: Ticket) -> Json:
    return {
        "ticket": ticket.ticket,
        "customer": ticket.customer,
        "state": ticket.state,
        "reason": "" if ticket.reason is None else ticket.reason.name,
        "currency": ticket.currency,
        "stake_minor": ticket.stake_minor,
        "payout_minor_max": ticket.payout_minor_max,
        "paid_minor": ticket.paid_minor,
        "legs": len(ticket.legs),
        "received_ns": ticket.received_ns,
        "decided_ns": ticket.decided_ns,
        "settlement_count": ticket.settlement_count,
    }


_TICKET_INTEGERS = (
    "change",
    "customer",
    "stake_minor",
    "payout_minor_max",
    "paid_minor",
    "legs",
    "received_ns",
    "decided_ns",
    "settlement_count",
)
_TICKET_NAMES = (
    "change",
    "ticket",
    "customer",
    "state",
    "reason",
    "currency",
    "stake_minor",
    "payout_minor_max",
    "paid_minor",
    "legs",
    "received_ns",
    "decided_ns",
    "settlement_count",
    "paid_minor_before",
)


def _ticket_table(changes: Iterable[TicketChange], caption: str) -> Table:
    rows = [
        _ticket_row(told.ticket) | {"change": told.change, "paid_minor_before": told.paid_minor_before}
        for told in changes
    ]
    return _table(rows, _TICKET_NAMES, caption, integers=_TICKET_INTEGERS, numbers=("paid_minor_before",))


def events_table(events: Iterable[Ticket | Settlement | Alert]) -> Table:
    """What :meth:`DeskClient.events` told, a row each: ``kind`` is ``ticket``, ``settlement`` or ``alert``.

    Parameters
    ----------
    events
        In their order. What an event does not have is empty, -1 for whole numbers.

    Examples
    --------
    >>> len(events_table([]))
    0
    """
    rows: list[Json] = []
    for event in events:
        if isinstance(event, Alert):
            rows.append(
                {
                    "kind": "alert",
                    "alert": event.alert,
                    "message": event.message,
                    "fixture": event.fixture,
                    "decided_ns": event.times.decided_ns,
                }
            )
            continue
        ticket = event.ticket if isinstance(event, Settlement) else event
        row = _ticket_row(ticket) | {"kind": "ticket"}
        if isinstance(event, Settlement):
            row |= {"kind": "settlement", "paid_minor_before": event.paid_minor_before}
        rows.append(row)
    names = ("kind", *_TICKET_NAMES[1:], "alert", "fixture", "message")
    integers = (*_TICKET_INTEGERS[1:], "fixture")
    return _table(rows, names, "Events of the desk", integers=integers, numbers=("paid_minor_before",))
