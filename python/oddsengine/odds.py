"""Odds in every format, price ladders, and how raw odds are put on them.

>>> from_text("7/2"), to_text(1.909, format="american"), convert(-110, source="american", target="hong_kong")
(4.5, '-110', 0.9090909090909092)
>>> BETFAIR.down(3.567), BETFAIR.up(3.567), BETFAIR.step(1.98, 5)
(3.55, 3.6, 2.06)

| format | number, with winnings `h` of one unit | range | evens |
|---|---|---|---|
| `decimal` | `1 + h`, the stake included | above 1 | 2 |
| `fractional` | `h`; in text as quoted, `6/4` | above 0 | `1/1` |
| `american` | `100 h` if `h >= 1`, else `-100 / h` | 100 and more, -100 and less | `+100` |
| `hong_kong` | `h` | above 0 | 1 |
| `malay` | `h` if `h <= 1`, else `-1 / h` | -1 to 1 without 0 | 1 |
| `indonesian` | `h` if `h >= 1`, else `-1 / h` | 1 and more, -1 and less | 1 |
| `implied` | `1 / (1 + h)` | between 0 and 1 | 0.5 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core
from oddsengine.exceptions import BoundsError

__all__ = [
    "AMERICAN",
    "BETFAIR",
    "FINE",
    "FORMATS",
    "FRACTIONAL",
    "HUNDREDTHS",
    "LADDERS",
    "MALAY",
    "QUOTED_FRACTIONS",
    "THOUSANDTHS",
    "UNIT",
    "Format",
    "FractionalLadder",
    "Ladder",
    "LadderName",
    "SnappedBooks",
    "SnappedOdds",
    "convert",
    "from_decimal",
    "from_text",
    "snap_books",
    "snap_down",
    "snap_min_margin",
    "to_decimal",
    "to_text",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
NumberArray: TypeAlias = npt.NDArray[np.floating[Any] | np.integer[Any]]
Key = TypeVar("Key")
LadderName: TypeAlias = Literal[
    "betfair", "fine", "unit", "hundredths", "thousandths", "fractional", "american", "malay"
]
Format: TypeAlias = Literal[
    "decimal", "fractional", "american", "hong_kong", "malay", "indonesian", "implied"
]
Errors: TypeAlias = Literal["raise", "nan"]

FORMATS: tuple[Format, ...] = (
    "decimal",
    "fractional",
    "american",
    "hong_kong",
    "malay",
    "indonesian",
    "implied",
)
"""Names of all formats."""


@overload
def to_decimal(number: float, *, format: Format, errors: Errors = ...) -> float: ...
@overload
def to_decimal(number: Mapping[Key, float], *, format: Format, errors: Errors = ...) -> dict[Key, float]: ...
@overload
def to_decimal(number: Sequence[float], *, format: Format, errors: Errors = ...) -> list[float]: ...
@overload
def to_decimal(number: NumberArray, *, format: Format, errors: Errors = ...) -> FloatArray: ...
def to_decimal(number: Any, *, format: Format, errors: Errors = "raise") -> Any:
    """Decimal odds of numbers in a format; nothing is rounded.

    Numbers are one, a sequence, a mapping, an array or a table of them, and the answer has the same shape.
    `nan` stays `nan`. A fraction as a number is what one unit wins. With `errors="nan"` a number outside the
    format's range becomes `nan`, alone.

    Raises
    ------
    BoundsError
        A number outside the format's range.

    Examples
    --------
    >>> to_decimal([150, -200], format="american"), to_decimal(-0.8, format="malay")
    ([2.5, 1.5], 2.25)
    """
    return _core.odds_to_decimal(number, format, errors)


@overload
def from_decimal(odds: float, *, format: Format, errors: Errors = ...) -> float: ...
@overload
def from_decimal(odds: Mapping[Key, float], *, format: Format, errors: Errors = ...) -> dict[Key, float]: ...
@overload
def from_decimal(odds: Sequence[float], *, format: Format, errors: Errors = ...) -> list[float]: ...
@overload
def from_decimal(odds: NumberArray, *, format: Format, errors: Errors = ...) -> FloatArray: ...
def from_decimal(odds: Any, *, format: Format, errors: Errors = "raise") -> Any:
    """Numbers in a format, of decimal odds above 1: the inverse of `to_decimal`.

    Raises
    ------
    BoundsError
        Odds that are not above 1 and finite.

    Examples
    --------
    >>> from_decimal(np.array([2.5, 1.5, np.nan]), format="american")
    array([ 150., -200.,   nan])
    """
    return _core.odds_from_decimal(odds, format, errors)


@overload
def convert(number: float, *, source: Format, target: Format, errors: Errors = ...) -> float: ...
@overload
def convert(
    number: Mapping[Key, float], *, source: Format, target: Format, errors: Errors = ...
) -> dict[Key, float]: ...
@overload
def convert(
    number: Sequence[float], *, source: Format, target: Format, errors: Errors = ...
) -> list[float]: ...
@overload
def convert(number: NumberArray, *, source: Format, target: Format, errors: Errors = ...) -> FloatArray: ...
def convert(number: Any, *, source: Format, target: Format, errors: Errors = "raise") -> Any:
    """Numbers of one format in another, by way of decimal odds.

    >>> convert({"home": 0.95, "away": -0.9}, source="malay", target="american")  # doctest: +ELLIPSIS
    {'home': -105.263..., 'away': 111.111...}
    """
    return from_decimal(to_decimal(number, format=source, errors=errors), format=target, errors=errors)


def from_text(text: str, *, format: Format | None = None) -> float:
    """Decimal odds of a text: `2.5`, `6/4`, `evens`, `+150`, `-0.8`, `40%`.

    Without a format a stroke or `evens` is fractional, a sign American, `%` implied, anything else decimal;
    Hong Kong, Malay and Indonesian odds look like others and must be named. Strict: no spaces, no
    exponents; American odds are whole.

    Raises
    ------
    BoundsError
        Any other text, or a number outside its format's range.

    Examples
    --------
    >>> [from_text(text) for text in ("2.5", "6/4", "+150", "40%")]
    [2.5, 2.5, 2.5, 2.5]
    >>> from_text("0.85", format="hong_kong")
    1.85
    """
    return _core.odds_parse(text, format)


def to_text(odds: float, *, format: Format = "decimal") -> str:
    """Decimal odds as people read them, from 1.001 on.

    Rounded to four decimals, American odds to whole ones, implied to a hundredth of a percent. A fraction
    is the one of `QUOTED_FRACTIONS` with these four decimals, else the simplest. Bets are struck at decimal
    odds; to quote only what can be written, round with a `Ladder` first.

    Raises
    ------
    BoundsError
        Odds below 1.001, infinite or not a number.

    Examples
    --------
    >>> [to_text(2.5, format=format) for format in FORMATS]
    ['2.50', '6/4', '+150', '1.50', '-0.6667', '1.50', '40.00%']
    """
    return _core.odds_text(odds, format)


@dataclass(frozen=True, slots=True)
class Ladder:
    """A ladder of allowed decimal odds.

    | name | prices |
    |---|---|
    | `betfair` | the 350 ticks of the exchange, 1.01 to 1000 |
    | `fine` | a sportsbook's, 1.001 to 1000 with steps from 0.001 to 10 |
    | `unit` | every ten-thousandth, 1.001 to 1000 |
    | `hundredths` | two decimals, 1.01 to 1000: Hong Kong odds in hundredths, Betfair's `FINEST` |
    | `thousandths` | three decimals, 1.001 to 1000 |
    | `fractional` | `QUOTED_FRACTIONS` from 1/100 to 500/1, rounded down to ten-thousandths: 10/3 is 4.3333 |
    | `american` | whole American odds in the usual steps, rounded down alike: -110 is 1.909 |
    | `malay` | Malay odds in hundredths, rounded down alike: -0.99 is 2.0101 |

    Prices are numbers, sequences, mappings, arrays or tables of them, and the answer has the same shape.
    `nan` marks an absent price and stays `nan`; a price that is off the ladder raises `BoundsError`, or
    becomes `nan` with `errors="nan"`.

    >>> len(BETFAIR), BETFAIR.prices()[[0, -1]].tolist()
    (350, [1.01, 1000.0])
    """

    name: LadderName

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in LADDERS:
            _core.ladder_prices(self.name)  # raises, and names the ladders there are

    def __len__(self) -> int:
        return len(self.prices())

    def prices(self) -> FloatArray:
        """All prices, ascending.

        >>> BETFAIR.prices()[:4]
        array([1.01, 1.02, 1.03, 1.04])
        """
        return _core.ladder_prices(self.name)

    @overload
    def down(self, odds: float, *, errors: Errors = ...) -> float: ...
    @overload
    def down(self, odds: Mapping[Key, float], *, errors: Errors = ...) -> dict[Key, float]: ...
    @overload
    def down(self, odds: Sequence[float], *, errors: Errors = ...) -> list[float]: ...
    @overload
    def down(self, odds: NumberArray, *, errors: Errors = ...) -> FloatArray: ...
    def down(self, odds: Any, *, errors: Errors = "raise") -> Any:
        """The highest price that is not above `odds` (1.001 to 1000).

        >>> FINE.down([1.1049, 7.777])
        [1.1, 7.75]
        """
        return _core.ladder_round(self.name, odds, "down", errors)

    @overload
    def up(self, odds: float, *, errors: Errors = ...) -> float: ...
    @overload
    def up(self, odds: Mapping[Key, float], *, errors: Errors = ...) -> dict[Key, float]: ...
    @overload
    def up(self, odds: Sequence[float], *, errors: Errors = ...) -> list[float]: ...
    @overload
    def up(self, odds: NumberArray, *, errors: Errors = ...) -> FloatArray: ...
    def up(self, odds: Any, *, errors: Errors = "raise") -> Any:
        """The lowest price that is not below `odds`.

        >>> FINE.up([1.1049, 7.777])
        [1.105, 7.8]
        """
        return _core.ladder_round(self.name, odds, "up", errors)

    @overload
    def nearest(self, odds: float, *, errors: Errors = ...) -> float: ...
    @overload
    def nearest(self, odds: Mapping[Key, float], *, errors: Errors = ...) -> dict[Key, float]: ...
    @overload
    def nearest(self, odds: Sequence[float], *, errors: Errors = ...) -> list[float]: ...
    @overload
    def nearest(self, odds: NumberArray, *, errors: Errors = ...) -> FloatArray: ...
    def nearest(self, odds: Any, *, errors: Errors = "raise") -> Any:
        """The price with the smallest distance; the lower one when both are as near.

        >>> BETFAIR.nearest(np.array([2.01, np.nan, 4.07]))
        array([2. , nan, 4.1])
        """
        return _core.ladder_round(self.name, odds, "nearest", errors)

    def index(self, odds: float) -> int:
        """Zero-based index of the highest price that is not above `odds`.

        >>> BETFAIR.index(2.0)
        99
        """
        return _core.ladder_index(self.name, odds)

    def step(self, odds: float, ticks: int) -> float:
        """The price some ticks above (below if negative) `odds`, which is rounded down first.

        >>> BETFAIR.step(2.0, -1)
        1.99
        """
        return _core.ladder_step(self.name, odds, ticks)


LADDERS: tuple[LadderName, ...] = (
    "betfair",
    "fine",
    "unit",
    "hundredths",
    "thousandths",
    "fractional",
    "american",
    "malay",
)
"""Names of all ladders."""

BETFAIR = Ladder("betfair")
"""The 350 ticks of the Betfair exchange."""
FINE = Ladder("fine")
"""A sportsbook's fine ladder; boards are offered on it by default."""
UNIT = Ladder("unit")
"""Every ten-thousandth: no rounding beyond the unit of odds."""
HUNDREDTHS = Ladder("hundredths")
"""Two decimals."""
THOUSANDTHS = Ladder("thousandths")
"""Three decimals."""
FRACTIONAL = Ladder("fractional")
"""The quoted fractions, in ten-thousandths."""
AMERICAN = Ladder("american")
"""Whole American odds, in ten-thousandths."""
MALAY = Ladder("malay")
"""Malay odds in hundredths, in ten-thousandths."""

QUOTED_FRACTIONS: tuple[str, ...] = tuple(_core.quoted_fractions())
"""What British bookmakers chalk, ascending: 4/6 and 6/4 are not reduced."""


@dataclass(frozen=True, slots=True)
class FractionalLadder:
    """A house's own list of fractions, written as it quotes them; `QUOTED_FRACTIONS` by default.

    Exact: 10/3 is ten thirds here, not 3.3333 as on the `fractional` ladder of the engine.

    Raises
    ------
    BoundsError
        A text that is no fraction, or one that is not above the one before.

    Examples
    --------
    >>> ladder = FractionalLadder()
    >>> ladder.down(4.4), ladder.up(4.4), ladder.nearest(2.5)
    ('10/3', '7/2', '6/4')
    """

    fractions: tuple[str, ...] = QUOTED_FRACTIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "fractions", tuple(self.fractions))
        _core.fraction_rungs(list(self.fractions), 2.0)  # raises where the list is none

    def __repr__(self) -> str:
        return (
            "FractionalLadder()"
            if self.fractions == QUOTED_FRACTIONS
            else f"FractionalLadder({self.fractions})"
        )

    def __len__(self) -> int:
        return len(self.fractions)

    def down(self, odds: float) -> str:
        """The highest fraction that is not above decimal `odds`.

        >>> FractionalLadder(["1/2", "4/6", "1/1"]).down(1.7)
        '4/6'
        """
        return self._rung(odds, 0)

    def up(self, odds: float) -> str:
        """The lowest fraction that is not below decimal `odds`.

        >>> FractionalLadder(["1/2", "4/6", "1/1"]).up(1.7)
        '1/1'
        """
        return self._rung(odds, 1)

    def nearest(self, odds: float) -> str:
        """The fraction with the smallest distance in decimal odds; the lower one when both are as near.

        >>> FractionalLadder(["1/2", "4/6", "1/1"]).nearest(1.7)
        '4/6'
        """
        return self._rung(odds, 2)

    def _rung(self, odds: float, direction: int) -> str:
        place = _core.fraction_rungs(list(self.fractions), odds)[direction]
        if place < 0:
            low, high = self.fractions[0], self.fractions[-1]
            raise BoundsError(f"decimal odds {odds} are outside {low}..={high}")
        return self.fractions[place]


class SnappedOdds(NamedTuple):
    """Odds on a ladder."""

    odds: FloatArray
    """Decimal odds, in the order given."""
    booksum: float
    """Sum of their inverses."""


def snap_down(
    raw_odds: Sequence[float] | NumberArray,
    *,
    ladder: LadderName = "betfair",
    odds_max: Sequence[float] = (),
) -> SnappedOdds:
    """Round every price of a market down: the margin can only grow, by up to a tick a selection.

    Parameters
    ----------
    raw_odds : (n_selections,) float64
        Decimal odds above 1; up to 1024.
    ladder
        One of `LADDERS`.
    odds_max : (n_selections,)
        A cap for each selection; none by default.

    Raises
    ------
    SnapError
        A price below the ladder, or not above 1.

    Examples
    --------
    >>> snapped = snap_down([2.026, 3.527, 3.663])
    >>> snapped.odds, round(snapped.booksum, 6)
    (array([2.02, 3.5 , 3.65]), 1.054736)
    """
    return SnappedOdds(*_core.ladder_snap(ladder, _floats(raw_odds), None, _caps(odds_max)))


def snap_min_margin(
    raw_odds: Sequence[float] | NumberArray,
    *,
    booksum_min: float,
    ladder: LadderName = "betfair",
    odds_max: Sequence[float] = (),
) -> SnappedOdds:
    """The prices next to the raw ones with the smallest booksum that is not below `booksum_min`.

    Exact up to 20 selections; above that prices are raised one by one, the largest gain that still fits
    first. Parameters as in `snap_down`. Reproduced in `tests/golden/ladders.json`.

    Raises
    ------
    SnapError
        As in `snap_down`, and when even rounding down leaves less than the minimum.

    Examples
    --------
    >>> snapped = snap_min_margin([2.0263424, 3.5273368, 3.6630036], booksum_min=1.05)
    >>> snapped.odds, round(snapped.booksum, 6)
    (array([2.02, 3.55, 3.65]), 1.050712)
    """
    return SnappedOdds(*_core.ladder_snap(ladder, _floats(raw_odds), booksum_min, _caps(odds_max)))


class SnappedBooks(NamedTuple):
    """Odds of many books on a ladder."""

    odds: FloatArray
    """(n_books, n_selections) decimal odds; a table of them where a table was given."""
    booksum: FloatArray
    """(n_books,) sums of their inverses."""


def snap_books(
    raw_odds: NumberArray | Sequence[Sequence[float]],
    *,
    booksum_min: float | Sequence[float] | NumberArray | None = None,
    ladder: LadderName = "betfair",
    odds_max: NumberArray | Sequence[float] | None = None,
    errors: Errors = "raise",
) -> SnappedBooks:
    """`snap_min_margin` of many books in one call, or `snap_down` without a minimum.

    Parameters
    ----------
    raw_odds : (n_books, n_selections) float64
        Decimal odds above 1; `nan` marks an absent selection and stays `nan`.
    booksum_min : number, or (n_books,) float64
        Smallest booksum, for all books or each; None rounds every price down.
    ladder
        One of `LADDERS`.
    odds_max : (n_selections,) or (n_books, n_selections) float64
        A cap for each selection; none by default.
    errors
        `"raise"` on the first book that is refused, or fill such books with `"nan"`.

    Raises
    ------
    SnapError
        As in `snap_min_margin`.

    Examples
    --------
    >>> raw = [[2.0263424, 3.5273368, 3.6630036], [1.875, 1.935, np.nan]]
    >>> snapped = snap_books(raw, booksum_min=[1.05, 1.05])
    >>> snapped.odds
    array([[2.02, 3.55, 3.65],
           [1.88, 1.93,  nan]])
    """
    raw, close = _arrays.opened(raw_odds, "raw_odds")
    if raw.ndim != 2:
        raise BoundsError(f"raw_odds has {raw.ndim} axes, not 2")
    minimum = np.empty(0) if booksum_min is None else _spread(booksum_min, "booksum_min", (len(raw),))
    caps = np.empty(0) if odds_max is None else _spread(odds_max, "odds_max", raw.shape).ravel()
    snapped, booksums = _core.ladder_snap_rows(ladder, raw, minimum, caps, errors)
    return SnappedBooks(snapped if close is None else close(snapped), booksums)


def _spread(values: Any, name: str, shape: tuple[int, ...]) -> FloatArray:
    array = _arrays.numbers(values, name)
    try:
        return np.ascontiguousarray(np.broadcast_to(array, shape))
    except ValueError:
        raise BoundsError(f"{name} of shape {array.shape} does not fit {shape}") from None


def _floats(raw_odds: Any) -> FloatArray:
    return _arrays.numbers(raw_odds, "raw_odds", axes=1)


def _caps(odds_max: Any) -> list[float]:
    caps: list[float] = _arrays.numbers(odds_max, "odds_max", axes=1).tolist()
    return caps
