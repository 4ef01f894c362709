"""Tickets that are voided or cancelled together: the answer, and what would be touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from oddsengine._messages import Done
from oddsengine.tables import Table

Effect = Literal["void", "cancel"]
Certainty = Literal["provisional", "confirmed"]


@dataclass(frozen=True, slots=True)
class Annulled:
    """The answer to an annulment, with the id under which it is taken back; false if refused or waiting."""

    done: Done
    annulment: str

    def __bool__(self) -> bool:
        return bool(self.done)


@dataclass(frozen=True, slots=True)
class AnnulmentPreview:
    """What an annulment would touch: the tickets, their money in minor units, and how many customers."""

    tickets: Table
    ticket_count: int
    customer_count: int
    stake_minor: int
    paid_minor: int

    @classmethod
    def of(cls, tickets: Table) -> AnnulmentPreview:
        """Sum a table of tickets."""
        columns = {name: tickets[name].tolist() for name in ("customer", "stake_minor", "paid_minor")}
        return cls(
            tickets,
            len(columns["customer"]),
            len(set(columns["customer"])),
            sum(columns["stake_minor"]),
            sum(columns["paid_minor"]),
        )


def covered(
    effect: Effect,
    customer: int | None,
    fixture: int | None,
    market: str | None,
    from_ns: int | None,
    until_ns: int | None,
) -> dict[str, Any]:
    """Which tickets an annulment covers, in the words of its request."""
    which = {"effect": effect, "customer": customer, "fixture": fixture, "market": market}
    which |= {"from_ns": from_ns, "until_ns": until_ns}
    return {name: value for name, value in which.items() if value is not None}
