"""Who may ask what: the roles of keys, and of sockets whose connections have none, as configured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oddsengine.exceptions import OddsEngineError

__all__ = ["ROLES", "ROLE_SOCKETS", "Grants", "RightsError", "customer_ranges", "source_patterns"]

# Each role, and the sockets that it is used on.
ROLE_SOCKETS: dict[str, tuple[str, ...]] = {
    "feed": ("ingest",),
    "orders": ("orders",),
    "wallet": ("orders",),
    "desk": ("orders", "desk"),
    "read": ("odds", "snapshot"),
}
ROLES = tuple(ROLE_SOCKETS)
# Largest customer id, and most items of a list: the bounds of the core.
CUSTOMER_MAX = (1 << 64) - 1
SOURCES_MAX = 256
CUSTOMER_RANGES_MAX = 4_096
# Longest name of a source or key, in bytes.
NAME_BYTES_MAX = 128

_RANGE = re.compile(r"([0-9]{1,20})\.\.=([0-9]{1,20})", re.ASCII)


class RightsError(OddsEngineError, ValueError):
    """Rights that cannot be; the message names the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights of one key or socket."""

    roles: tuple[str, ...] = ()
    # Of the role `feed`: exact names, and beginnings that end in `*`.
    sources: tuple[str, ...] = ()
    # Of the role `orders`: ids, ranges such as `100..=199`, `*`.
    customers: tuple[int | str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """As the core takes it."""
        return {
            "roles": list(self.roles),
            "sources": list(self.sources),
            "customers": list(customer_ranges(self.customers)) if self.customers else [],
        }


def source_patterns(items: Sequence[Any]) -> tuple[str, ...]:
    """Check the sources of a feed.

    Examples
    --------
    >>> source_patterns(["scout", "recording.*"])
    ('scout', 'recording.*')
    >>> source_patterns(["sc*ut"])
    Traceback (most recent call last):
    oddsengine._rights.RightsError: 'sc*ut' has a * elsewhere than at its end
    """
    if not 1 <= len(items) <= SOURCES_MAX:
        raise RightsError(f"has {len(items)} sources, not 1..={SOURCES_MAX}")
    for item in items:
        if not isinstance(item, str) or not 1 <= len(item.encode()) <= NAME_BYTES_MAX:
            raise RightsError(f"{item!r} is not a text of 1 to {NAME_BYTES_MAX} bytes")
        if "*" in item[:-1]:
            raise RightsError(f"{item!r} has a * elsewhere than at its end")
    return tuple(items)


def customer_ranges(items: Sequence[Any]) -> tuple[tuple[int, int], ...]:
    """First and last id of each range of the customers of a key that bets.

    Examples
    --------
    >>> customer_ranges([7, "100..=199", "*"])
    ((7, 7), (100, 199), (0, 18446744073709551615))
    >>> customer_ranges(["9..=3"])
    Traceback (most recent call last):
    oddsengine._rights.RightsError: '9..=3' ends before it begins
    """
    if not 1 <= len(items) <= CUSTOMER_RANGES_MAX:
        raise RightsError(f"has {len(items)} items, not 1..={CUSTOMER_RANGES_MAX}")
    return tuple(_range(item) for item in items)


def _range(item: Any) -> tuple[int, int]:
    if item == "*":
        return 0, CUSTOMER_MAX
    if isinstance(item, int) and not isinstance(item, bool):
        first = last = item
    elif isinstance(item, str) and (found := _RANGE.fullmatch(item)):
        first, last = int(found[1]), int(found[2])
    else:
        raise RightsError(f'{item!r} is not a customer, a range such as "100..=199", or "*"')
    if not 0 <= first <= CUSTOMER_MAX or last > CUSTOMER_MAX:
        raise RightsError(f"{item!r} is outside 0..={CUSTOMER_MAX}")
    if last < first:
        raise RightsError(f"{item!r} ends before it begins")
    return first, last
