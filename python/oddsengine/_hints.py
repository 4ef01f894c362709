"""What a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from oddsengine.exceptions import UnknownNameError

# Names that an error lists in full; of more only the nearest are named.
LISTED_MAX = 12


def hint(name: object, known: Iterable[object]) -> str:
    """A second line for a message, empty where nothing is near.

    >>> hint("stake_maximum", ["stake_max", "legs_max"])
    '\\nhint: did you mean stake_max?'
    """
    names = {str(item).casefold(): str(item) for item in known}
    near = difflib.get_close_matches(str(name).casefold(), names, n=1, cutoff=0.5)
    return f"\nhint: did you mean {names[near[0]]}?" if near else ""


def unknown(what: str, name: object, known: Iterable[object], where: str = "") -> UnknownNameError:
    """The error for a name that is not there: it names the near ones, and all where they are few.

    >>> print(unknown("selection", "hom", ["home", "away"], "market 1x2"))
    selection 'hom' is not one of home, away in market 1x2
    hint: did you mean home?
    """
    names = list(map(str, known))
    listed = f"one of {', '.join(names)}" if len(names) <= LISTED_MAX else f"one of {len(names)}"
    place = f" in {where}" if where else ""
    return UnknownNameError(f"{what} {name!r} is not {listed}{place}{hint(name, names)}")
