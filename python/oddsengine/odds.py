"""Price ladders: the odds that may be offered, and how raw odds are put on them.

>>> BETFAIR.down(3.567), BETFAIR.up(3.567), BETFAIR.step(1.98, 5)
(3.55, 3.6, 2.06)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _core

__all__ = [
    "BETFAIR",
    "FINE",
    "LADDERS",
    "UNIT",
    "Ladder",
    "LadderName",
    "SnappedOdds",
    "snap_down",
    "snap_min_margin",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
NumberArray: TypeAlias = npt.NDArray[np.floating[Any] | np.integer[Any]]
Key = TypeVar("Key")
LadderName: TypeAlias = Literal["betfair", "fine", "unit"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """A ladder of allowed decimal odds.

    `betfair` has the 350 ticks of the exchange from 1.01 to 1000; `fine` a sportsbook's 1.001 to 1000 with
    steps from 0.001 to 10; `unit` every ten-thousandth. Prices are numbers, sequences, mappings or arrays of
    them, and the answer has the same shape. `nan` marks an absent price and stays `nan`; a price that is off
    the ladder raises `BoundsError`.

    >>> len(BETFAIR), BETFAIR.prices()[[0, -1]].tolist()
    (350, [1.01, 1000.0])
    """

    name: LadderName

    def __post_init__(self) -> None:
        if self.name not in LADDERS:
            _core.ladder_prices(self.name)  # raises, and names the ladders there are

    def __len__(self) -> int:
        return len(self.prices())

    def prices(self) -> FloatArray:
        """All prices, ascending."""
        return _core.ladder_prices(self.name)

    @overload
    def down(self, odds: float) -> float: ...
    @overload
    def down(self, odds: Mapping[Key, float]) -> dict[Key, float]: ...
    @overload
    def down(self, odds: Sequence[float]) -> list[float]: ...
    @overload
    def down(self, odds: NumberArray) -> FloatArray: ...
    def down(self, odds: Any) -> Any:
        """The highest price that is not above `odds` (1.001 to 1000).

        >>> FINE.down([1.1049, 7.777])
        [1.1, 7.75]
        """
        return _core.ladder_round(self.name, odds, "down")

    @overload
    def up(self, odds: float) -> float: ...
    @overload
    def up(self, odds: Mapping[Key, float]) -> dict[Key, float]: ...
    @overload
    def up(self, odds: Sequence[float]) -> list[float]: ...
    @overload
    def up(self, odds: NumberArray) -> FloatArray: ...
    def up(self, odds: Any) -> Any:
        """The lowest price that is not below `odds`."""
        return _core.ladder_round(self.name, odds, "up")

    @overload
    def nearest(self, odds: float) -> float: ...
    @overload
    def nearest(self, odds: Mapping[Key, float]) -> dict[Key, float]: ...
    @overload
    def nearest(self, odds: Sequence[float]) -> list[float]: ...
    @overload
    def nearest(self, odds: NumberArray) -> FloatArray: ...
    def nearest(self, odds: Any) -> Any:
        """The price with the smallest distance; the lower one when both are as near.

        >>> BETFAIR.nearest(np.array([2.01, np.nan, 4.07]))
        array([2. , nan, 4.1])
        """
        return _core.ladder_round(self.name, odds, "nearest")

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


LADDERS: tuple[LadderName, ...] = ("betfair", "fine", "unit")
"""Names of all ladders."""

BETFAIR = Ladder("betfair")
"""The 350 ticks of the Betfair exchange."""
FINE = Ladder("fine")
"""A sportsbook's fine ladder; boards are offered on it by default."""
UNIT = Ladder("unit")
"""Every ten-thousandth: no rounding beyond the unit of odds."""


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
    return SnappedOdds(*_core.ladder_snap(ladder, _floats(raw_odds), None, list(odds_max)))


def snap_min_margin(
    raw_odds: Sequence[float] | NumberArray,
    *,
    booksum_min: float,
    ladder: LadderName = "betfair",
    odds_max: Sequence[float] = (),
) -> SnappedOdds:
    """The prices next to the raw ones with the smallest booksum that is not below `booksum_min`.

    Exact up to 12 selections; above that prices are raised one by one, the largest gain that still fits
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
    return SnappedOdds(*_core.ladder_snap(ladder, _floats(raw_odds), booksum_min, list(odds_max)))


def _floats(values: Sequence[float] | NumberArray) -> FloatArray:
    return np.ascontiguousarray(values, dtype=np.float64)
