"""What a message of the engine looks like on a line of a terminal: who, what, how much, why not.

Each function is the `__repr__` of a class of `_messages`, which keeps all fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddsengine._html import amount

if TYPE_CHECKING:
    from oddsengine._messages import (
        Alert,
        Balance,
        Done,
        FixtureInfo,
        Heartbeat,
        MaxStake,
        MoneyAnswer,
        Settlement,
        TicketChange,
    )


def clock(clock_ms: int) -> str:
    """Minutes and seconds of a match."""
    return f"{clock_ms // 60_000}:{clock_ms // 1_000 % 60:02}"


def fixture(shown: FixtureInfo) -> str:
    """Who plays, how it stands, and why it is not sold."""
    names = f"{shown.home} v {shown.away}" if shown.away else shown.home
    home, away = shown.score
    stops = f" ({', '.join(shown.stops)})" if shown.stops else ""
    return (
        f"<Fixture {shown.fixture} {names} {home}-{away}, {shown.period} {clock(shown.clock_ms)}, "
        f"{shown.status}{stops}, {shown.competition}>"
    )


def settlement(shown: Settlement) -> str:
    """The ticket, and what was paid before."""
    before = shown.paid_minor_before
    currency = shown.ticket.currency
    known = "unknown" if before is None else amount(before, currency)
    paid = amount(shown.ticket.paid_minor, currency)
    return (
        f"<Settlement of {shown.ticket.ticket} {shown.ticket.state}: {paid} {currency} paid, {known} before>"
    )


def ticket_change(shown: TicketChange) -> str:
    """Its number and the ticket."""
    return f"<Change {shown.change}: {shown.ticket!r}>"


def alert(shown: Alert) -> str:
    """What, where, and the message."""
    where = "" if shown.fixture is None else f" on fixture {shown.fixture}"
    return f"<Alert {shown.alert}{where}: {shown.message}>"


def done(shown: Done) -> str:
    """Carried out, or why not."""
    if shown.is_done:
        return "<Done>"
    detail = f": {shown.detail}" if shown.detail else ""
    return f"<Not done, {shown.reason}{detail}>"


def max_stake(shown: MaxStake) -> str:
    """How much, and the limit that binds it."""
    stake = f"{amount(shown.stake_minor_max, shown.currency)} {shown.currency}"
    if shown.reason is not None:
        return f"<MaxStake {stake}: {shown.reason}>"
    binding = shown.binding
    if binding is None:
        return f"<MaxStake {stake}>"
    used, limit = (amount(minor, shown.currency) for minor in (binding.used_minor, binding.limit_minor))
    return f"<MaxStake {stake}, by the limit of the {binding.level}: {used} of {limit} used>"


def balance(shown: Balance) -> str:
    """Money of a customer; what is owed only where something is."""
    available, reserved, owed = (
        amount(minor, shown.currency)
        for minor in (shown.available_minor, shown.reserved_minor, shown.owed_minor)
    )
    debt = f", {owed} owed" if shown.owed_minor else ""
    return f"<Balance of {shown.customer}: {available} {shown.currency} available, {reserved} reserved{debt}>"


def money_answer(shown: MoneyAnswer) -> str:
    """Booked, or why not."""
    if not shown.is_booked:
        return f"<Money not booked, {shown.reason}>"
    booked, available = (
        amount(minor, shown.currency) for minor in (shown.amount_minor, shown.available_minor)
    )
    return f"<Money booked for {shown.customer}: {booked} {shown.currency}, {available} available>"


def heartbeat(shown: Heartbeat) -> str:
    """How the engine is, and what waits for the disk."""
    return (
        f"<Heartbeat {shown.seq} of epoch {shown.epoch}: {shown.health}, {shown.command_count:,} commands, "
        f"{shown.durable_count:,} durable, {shown.fixture_count:,} fixtures, {shown.feed_count:,} feeds, "
        f"{shown.stale_feed_count:,} silent>"
    )
