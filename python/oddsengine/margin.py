"""The bookmaker's margin: removed from offered odds, applied to fair probabilities.

| method | fair probability from inverse odds `pi`, booksum `B`, target `k`, `n` selections | use it for |
|---|---|---|
| `multiplicative` | `k pi / B` | calibrating several markets of one book together |
| `additive` | `pi - (B - k) / n` | two-way lines |
| `power` | `pi ** t` | forecasts, outrights, longshots |
| `odds_ratio` | `pi / (pi + c (1 - pi))` | forecasts, outrights, longshots |
| `shin` | `(sqrt(z**2 + 4 (1 - z) pi**2 / B) - z) / (2 (1 - z))` | win markets with informed money |
| `balanced_book` | `(pi - z) / (1 - z)` | books that pay the same whatever wins |
| `goto` | `pi - s sqrt(1 - pi)` | margin in proportion to the standard error of the price |
| `jensen_shannon` | the same distance of `p` and `pi` for every selection | comparison |

A method that cannot give probabilities for a book raises `MarginError`; it never falls back to another
method.

Sources: S. Clarke, S. Kovalchik, M. Ingram, "Adjusting Bookmaker's Odds to Allow for Overround", American
Journal of Sports Science 5 (2017); H. S. Shin, "Measuring the Incidence of Insider Trading in a Market for
State-Contingent Claims", Economic Journal 103 (1993); J. Fingleton, P. Waldron, "Optimal Determination of
Bookmakers' Betting Odds" (1999). Reproduced in `tests/golden/margin_removal.json` and
`tests/golden/margin_application.json`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _core

__all__ = ["METHODS", "Method", "RemovedMargin", "fair_probabilities", "offered_odds", "remove_margin"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
NumberArray: TypeAlias = npt.NDArray[np.floating[Any] | np.integer[Any]]
Key = TypeVar("Key")

Method: TypeAlias = Literal[
    "multiplicative",
    "additive",
    "power",
    "odds_ratio",
    "shin",
    "balanced_book",
    "goto",
    "jensen_shannon",
]

METHODS: tuple[Method, ...] = (
    "multiplicative",
    "additive",
    "power",
    "odds_ratio",
    "shin",
    "balanced_book",
    "goto",
    "jensen_shannon",
)
"""Every method. Common other names (`wpo`, `logit`, `balanced`, `jsd`, ...) are understood too."""

Errors: TypeAlias = Literal["raise", "nan"]


@overload
def fair_probabilities(
    odds: Mapping[Key, float], *, method: Method = ..., target: float = ..., errors: Errors = ...
) -> dict[Key, float]: ...
@overload
def fair_probabilities(
    odds: Sequence[float], *, method: Method = ..., target: float = ..., errors: Errors = ...
) -> list[float]: ...
@overload
def fair_probabilities(
    odds: NumberArray | Sequence[Sequence[float]],
    *,
    method: Method = ...,
    target: float = ...,
    errors: Errors = ...,
) -> FloatArray: ...
def fair_probabilities(
    odds: Any, *, method: Method = "multiplicative", target: float = 1.0, errors: Errors = "raise"
) -> Any:
    """Remove the bookmaker's margin from decimal odds.

    Parameters
    ----------
    odds : (n_selections,) numbers, or a mapping of them, or (n_books, n_selections) float64
        Decimal odds including the stake, each above 1; 2 to 1024 a book. `nan` marks an absent selection and
        stays `nan`, as does a book of nothing but `nan`. A removed runner is absent; it has no infinite
        price.
    method
        One of `METHODS`.
    target
        Sum of the fair probabilities: 1 for a win market, k for a market that pays k places; above 0 and
        below the number of selections.
    errors
        In a batch, `"raise"` on the first book that the method refuses, or fill such books with `"nan"`.

    Returns
    -------
    Fair probabilities that sum to `target` within 1e-12, shaped as the odds: a list for a sequence, a dict
    for a mapping, a float64 array for an array. A batch releases the interpreter's lock.

    Raises
    ------
    MarginError
        Odds of 1 or less, an unknown method, an under-round book for `shin`, `balanced_book` and `goto`, or a
        result outside (0, 1).

    Examples
    --------
    >>> fair_probabilities({"home": 2.7, "draw": 2.3, "away": 4.4}, method="shin")  # doctest: +ELLIPSIS
    {'home': 0.35934391..., 'draw': 0.42324384..., 'away': 0.21741223...}
    >>> books = np.array([[2.6, 2.4, 4.3], [1.9, np.nan, 1.9]])
    >>> fair_probabilities(books, method="power").round(4)
    array([[0.373 , 0.4051, 0.2219],
           [0.5   ,    nan, 0.5   ]])
    """
    return _core.fair_probabilities(odds, method, target, errors != "nan")


@overload
def offered_odds(
    probabilities: Mapping[Key, float], *, method: Method = ..., booksum: float, errors: Errors = ...
) -> dict[Key, float]: ...
@overload
def offered_odds(
    probabilities: Sequence[float], *, method: Method = ..., booksum: float, errors: Errors = ...
) -> list[float]: ...
@overload
def offered_odds(
    probabilities: NumberArray | Sequence[Sequence[float]],
    *,
    method: Method = ...,
    booksum: float,
    errors: Errors = ...,
) -> FloatArray: ...
def offered_odds(
    probabilities: Any, *, method: Method = "multiplicative", booksum: float, errors: Errors = "raise"
) -> Any:
    """Decimal odds with a margin, from fair probabilities: the inverse of `fair_probabilities`.

    Parameters
    ----------
    probabilities : (n_selections,) numbers, or a mapping of them, or (n_books, n_selections) float64
        Fair probabilities strictly between 0 and 1. Their sum is the market's target: 1, or the number of
        places. `nan` marks an absent selection and stays `nan`.
    method
        One of `METHODS`.
    booksum
        Sum of the inverse odds; above 0 and below the number of selections. 1.05 in a win market is a margin
        of 5 % on the probability, which holds 4.76 % of the turnover.
    errors
        In a batch, `"raise"` on the first book that the method refuses, or fill such books with `"nan"`.

    Returns
    -------
    Odds whose inverses sum to `booksum` within 1e-12, shaped as the probabilities; not rounded to any ladder.

    Raises
    ------
    MarginError
        A method that would offer odds of 1 or less, or a booksum it cannot reach.

    Examples
    --------
    >>> [round(price, 4) for price in offered_odds([0.45, 0.28, 0.27], method="power", booksum=1.05)]
    [2.1428, 3.3701, 3.4892]
    """
    return _core.offered_odds(probabilities, method, booksum, errors != "nan")


class RemovedMargin(NamedTuple):
    """A book without its margin, and what the margin was."""

    probabilities: list[float]
    """Fair probabilities, in the order of the odds."""
    parameter: float
    """The method's own number: exponent, odds ratio, share of insiders, ..."""
    booksum: float
    """Sum of the inverse odds; 1.05 is a margin of 5 %."""
    target: float
    """Sum of the fair probabilities."""

    @property
    def hold(self) -> float:
        """Share of the turnover that the book keeps if bets come in proportion to the prices."""
        return 1.0 - self.target / self.booksum


def remove_margin(
    odds: Sequence[float] | NumberArray, *, method: Method = "multiplicative", target: float = 1.0
) -> RemovedMargin:
    """As `fair_probabilities` for one book, with the method's parameter, the booksum and the hold.

    >>> removed = remove_margin([2.7, 2.3, 4.4], method="shin")
    >>> round(removed.parameter, 6), round(removed.booksum, 6), round(removed.hold, 6)
    (0.016236, 1.032426, 0.031407)
    """
    probabilities, parameter, booksum = _core.remove_margin(odds, method, target)
    return RemovedMargin(probabilities, parameter, booksum, target)
