"""Settle every ticket of a journal anew, from its facts alone, and tell what differs.

Nothing here is the engine's: payouts are products of fractions, rounded down once a ticket, by results and
odds as the journal has them.

>>> from fractions import Fraction
>>> from oddsengine.settlement_audit import payout_minor, returned
>>> payout_minor(1_000, [(15_550, "won"), (20_000, "won_1/3")])
1036
>>> returned(19_300, "half_won")
Fraction(293, 200)
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

__all__ = ["Difference", "Posting", "SettlementAudit", "audit", "payout_minor", "returned"]

#: Plans that are settled anew here; tickets of others are counted and not judged.
PLANS = ("single", "multiple")
SHARES = {
    "won": (Fraction(1), Fraction(0)),
    "lost": (Fraction(0), Fraction(0)),
    "void": (Fraction(0), Fraction(1)),
    "half_won": (Fraction(1, 2), Fraction(1, 2)),
    "half_lost": (Fraction(0), Fraction(1, 2)),
}
PARTS = re.compile(r"won_(\d+)/(\d+)(?:_refund_(\d+)/(\d+))?")


def returned(odds_e4: int, grade: str) -> Fraction:
    """What comes back of a stake of 1 on a leg.

    Raises
    ------
    ValueError
        The grade is none.
    """
    if grade in SHARES:
        win, refund = SHARES[grade]
    elif (parts := PARTS.fullmatch(grade)) is not None:
        won, of, back, of_back = parts.groups()
        win, refund = Fraction(int(won), int(of)), Fraction(int(back or 0), int(of_back or 1))
    else:
        raise ValueError(f"grade {grade!r} is not won, lost, void, half_won, half_lost or won_1/3")
    return win * Fraction(odds_e4, 10_000) + refund


def payout_minor(stake_minor: int, legs: Sequence[tuple[int, str]]) -> int | None:
    """What a ticket pays by (odds in ten-thousandths, grade) of its legs.

    Nothing once one lost, ``None`` while one is open, else the exact product rounded down once.
    """
    if any(grade == "lost" for _, grade in legs):
        return 0
    if any(grade == "open" for _, grade in legs):
        return None
    product = Fraction(stake_minor)
    for odds_e4, grade in legs:
        product *= returned(odds_e4, grade)
    return product.numerator // product.denominator


@dataclass(frozen=True, slots=True)
class Difference:
    """A ticket that was paid otherwise than its results say, in minor units."""

    ticket: str
    customer: str
    currency: str
    #: What the ticket says that it paid, and what was booked for it in the ledger.
    paid_minor: int
    booked_minor: int
    #: What it should have paid.
    due_minor: int

    @property
    def owed_minor(self) -> int:
        """What the customer is yet to get; below 0 what was paid too much."""
        return self.due_minor - self.booked_minor


@dataclass(frozen=True, slots=True)
class Posting:
    """A posting that would put a ticket right: who is given money pays nothing before somebody posts it."""

    ticket: str
    customer: str
    currency: str
    debit: str
    credit: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SettlementAudit:
    """What settling a journal anew gave."""

    #: Tickets that were settled or cancelled, and settled anew here.
    ticket_count: int
    #: Tickets of plans that are not settled anew here.
    skipped_count: int
    differences: tuple[Difference, ...]

    @property
    def by_customer(self) -> dict[str, int]:
        """What each customer is yet to get, in minor units; below 0 what was paid too much."""
        sums: dict[str, int] = {}
        for found in self.differences:
            sums[found.customer] = sums.get(found.customer, 0) + found.owed_minor
        return dict(sorted(sums.items()))

    @property
    def proposed(self) -> tuple[Posting, ...]:
        """The postings that would put it right, a ticket each. They are proposed and never carried out."""
        house, cash = "betting_result", "customer_cash"
        postings = []
        for found in self.differences:
            if found.owed_minor == 0:
                continue
            debit, credit = (house, cash) if found.owed_minor > 0 else (cash, house)
            amount_minor = abs(found.owed_minor)
            postings.append(
                Posting(found.ticket, found.customer, found.currency, debit, credit, amount_minor)
            )
        return tuple(postings)

    def document(self) -> dict[str, object]:
        """As a JSON document."""
        differences = [{**asdict(found), "owed_minor": found.owed_minor} for found in self.differences]
        return {
            "ticket_count": self.ticket_count,
            "skipped_count": self.skipped_count,
            "differences": differences,
            "by_customer": self.by_customer,
            "proposed": [asdict(posting) for posting in self.proposed],
        }


def audit(path: Path) -> SettlementAudit:
    """Settle the tickets of a journal anew; or of the SQLite file of its projection, as it is.

    A projection of a journal is made in a temporary file: every acknowledged record is read.

    Raises
    ------
    JournalError
        The journal cannot be read.
    """
    with contextlib.ExitStack() as stack:
        facts = path
        if not _is_projection(path):
            from oddsengine.projection import Follower, SqliteStore

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="oddsengine-audit-"))
            facts = Path(folder) / "facts"
            with contextlib.closing(SqliteStore(facts)) as store:
                Follower(path, store).catch_up()
        database = stack.enter_context(contextlib.closing(sqlite3.connect(f"file:{facts}?mode=ro", uri=True)))
        return _settle(database)


def _is_projection(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {"tickets", "legs", "results"} <= names


@dataclass(frozen=True, slots=True)
class _Annulment:
    effect: str
    customer: str | None
    fixture: str | None
    market: str | None
    from_ns: int | None
    until_ns: int | None

    def covers(self, customer: str, fixture: str, market: str, decided_ns: int) -> bool:
        return (
            self.customer in (None, customer)
            and self.fixture in (None, fixture)
            and self.market in (None, market)
            and (self.from_ns is None or self.from_ns <= decided_ns)
            and (self.until_ns is None or decided_ns < self.until_ns)
        )


def _settle(database: sqlite3.Connection) -> SettlementAudit:
    annulments = [
        _Annulment(*row)
        for row in database.execute(
            "SELECT effect, customer, fixture, market, from_ns, until_ns FROM annulments"
            " WHERE state <> 'taken_back'"
        )
    ]
    # Where a correction came too late, what was settled stands: by the grades that the ticket has.
    standing = {
        ticket for (ticket,) in database.execute("SELECT ticket FROM settlements WHERE kind = 'stands'")
    }
    booked = _booked(database)
    found, count, skipped = [], 0, 0
    for ticket, legs in _tickets(database):
        identity, customer, currency, plan, stake_minor, decided_ns, state, paid_minor = ticket
        if plan not in PLANS:
            skipped += 1
            continue
        graded = []
        for fixture, market, odds_e4, result, grade in legs:
            is_void = any(
                annulment.effect == "void" and annulment.covers(customer, fixture, market, decided_ns)
                for annulment in annulments
            )
            result = "void" if is_void else grade if identity in standing else result
            graded.append((odds_e4, result))
        count += 1
        # What is open may wait for results, a review or a delay: the stake is still the customer's.
        is_settled = state == "settled"
        due_minor = payout_minor(stake_minor, graded) if is_settled else stake_minor
        told_minor = paid_minor if is_settled else stake_minor
        booked_minor = stake_minor + booked.get(identity, 0)
        if {due_minor, told_minor} != {booked_minor}:
            # Settled and not decided: it is to be open, with its stake.
            due = stake_minor if due_minor is None else due_minor
            found.append(Difference(identity, customer, currency, told_minor, booked_minor, due))
    return SettlementAudit(count, skipped, tuple(found))


def _booked(database: sqlite3.Connection) -> dict[str, int]:
    """What each ticket brought its customer on all accounts together, goodwill aside: payment less stake."""
    sums: dict[str, int] = {}
    query = (
        "SELECT transaction_id, debit_customer, credit_customer, amount_minor FROM postings"
        " WHERE origin = 'ticket' AND kind IN ('moved', 'posted') AND debit_account <> 'goodwill'"
    )
    for ticket, debit, credit, amount_minor in database.execute(query):
        sums[ticket] = sums.get(ticket, 0) + amount_minor * ((credit is not None) - (debit is not None))
    return sums


_Ticket = tuple[str, str, str, str, int, int, str, int]
_Leg = tuple[str, str, int, str, str]


def _tickets(database: sqlite3.Connection) -> Iterator[tuple[_Ticket, list[_Leg]]]:
    query = (
        "SELECT t.ticket, t.customer, t.currency, t.plan, t.stake_minor, t.decided_ns, t.state, t.paid_minor,"
        " l.fixture, l.market, l.odds_e4, COALESCE(r.grade, 'open'), l.grade"
        " FROM tickets t JOIN legs l ON l.ticket = t.ticket"
        " LEFT JOIN results r ON r.fixture = l.fixture AND r.market = l.market AND r.selection = l.selection"
        " WHERE t.state IN ('settled', 'cancelled', 'accepted') ORDER BY t.ticket, l.leg"
    )
    yield from _grouped(database.execute(query))


def _grouped(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[_Ticket, list[_Leg]]]:
    known: _Ticket | None = None
    legs: list[_Leg] = []
    for row in rows:
        ticket: _Ticket = row[:8]  # type: ignore[assignment]
        leg: _Leg = row[8:]  # type: ignore[assignment]
        if ticket != known:
            if known is not None:
                yield known, legs
            known, legs = ticket, []
        legs.append(leg)
    if known is not None:
        yield known, legs
