"""The bookmaker's margin: removed from offered odds, applied to fair probabilities.

| method | fair probability from inverse odds `pi`, booksum `B`, target `k`, `n` selections | use it for |
|---|---|---|
| `multiplicative` | `k pi / B` | calibrating several markets of one book together |
| `additive` | `pi - (B - k) / n` | two-way lines |
| `power` | `pi ** t` | forecasts, outrights, longshots |
| `odds_ratio` | `pi / (pi + c (1 - pi))` | forecasts, outrights, longshots |
| `shin` | `k (sqrt(z**2 + 4 (1 - z) pi**2 / (k B)) - z) / (2 (1 - z))` | win markets with informed money |
| `balanced_book` | `(pi - z) / (1 - z)` | books that pay the same whatever wins |
| `goto` | `pi - s sqrt(1 - pi)` | margin in proportion to the standard error of the price |
| `jensen_shannon` | the same distance of `p` and `pi` for every selection | comparison |
| `probit` | `Phi(quantile(pi) - s)` of the normal distribution | forecasts, outrights, longshots |

A method that cannot give probabilities for a book raises `MarginError`; it never falls back to another
method.

Sources: S. Clarke, S. Kovalchik, M. Ingram, "Adjusting Bookmaker's Odds to Allow for Overround", American
Journal of Sports Science 5 (2017); H. S. Shin, "Measuring the Incidence of Insider Trading in a Market for
State-Contingent Claims", Economic Journal 103 (1993); J. Fingleton, P. Waldron, "Optimal Determination of
Bookmakers' Betting Odds" (1999). Reproduced in `tests/golden/margin_removal.json` and
`tests/golden/margin_application.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core

__all__ = [
    "ALIASES",
    "METHODS",
    "Method",
    "RemovedMargin",
    "booksum_from_hold",
    "fair_from_exchange",
    "fair_probabilities",
    "offered_odds",
    "remove_margin",
    "shade",
]

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
    "probit",
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
    "probit",
)
"""Every method. The other names that packages use, `ALIASES`, are understood too."""

ALIASES: dict[str, Method] = dict(_core.margin_aliases())  # type: ignore[arg-type]
"""Other names of the methods: those of R's *implied*, penaltyblog, pybettor and goto_conversion, and common
ones.

`logarithmic` is penaltyblog's name of the odds ratio; J. Buchdahl writes it for the power method, which is
`buchdahl` here."""

Errors: TypeAlias = Literal["raise", "nan"]
Absent: TypeAlias = Literal["drop", "refuse"]

if TYPE_CHECKING:

    @overload
    def fair_probabilities(
        odds: Mapping[Key, float],
        *,
        method: Method = ...,
        target: float = ...,
        absent: Absent = ...,
        errors: Errors = ...,
    ) -> dict[Key, float]: ...
    @overload
    def fair_probabilities(
        odds: Sequence[float],
        *,
        method: Method = ...,
        target: float = ...,
        absent: Absent = ...,
        errors: Errors = ...,
    ) -> list[float]: ...
    @overload
    def fair_probabilities(
        odds: NumberArray | Sequence[Sequence[float]],
        *,
        method: Method = ...,
        target: float = ...,
        absent: Absent = ...,
        errors: Errors = ...,
    ) -> FloatArray: ...
    def fair_probabilities(odds: Any, **options: Any) -> Any: ...
    @overload
    def offered_odds(
        probabilities: Mapping[Key, float], *, booksum: float, method: Method = ..., errors: Errors = ...
    ) -> dict[Key, float]: ...
    @overload
    def offered_odds(
        probabilities: Sequence[float], *, booksum: float, method: Method = ..., errors: Errors = ...
    ) -> list[float]: ...
    @overload
    def offered_odds(
        probabilities: NumberArray | Sequence[Sequence[float]],
        *,
        booksum: float,
        method: Method = ...,
        errors: Errors = ...,
    ) -> FloatArray: ...
    def offered_odds(probabilities: Any, **options: Any) -> Any: ...

else:
    # The functions of the core themselves, with their docstrings: a Python frame around them would cost a
    # third of the time of a book.
    fair_probabilities = _core.fair_probabilities
    offered_odds = _core.offered_odds

# Their examples are run as tests with those of this module.
__test__ = {
    "fair_probabilities": _core.fair_probabilities.__doc__ or "",
    "offered_odds": _core.offered_odds.__doc__ or "",
}


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
    probabilities, parameter, booksum = _core.remove_margin(
        _arrays.numbers(odds, "odds", axes=1).tolist(), method, target
    )
    return RemovedMargin(probabilities, parameter, booksum, target)


def booksum_from_hold(hold: float, *, target: float = 1.0) -> float:
    """Booksum of a book that keeps the share `hold` of its turnover; below 1, and below 0 when under-round.

    The two ways to tell a margin differ: a booksum of 1.05 holds 4.76 %, a hold of 5 % is a booksum of
    1.0526.

    Raises
    ------
    MarginError
        A hold of 1 or more.

    Examples
    --------
    >>> booksum_from_hold(0.2)
    1.25
    """
    return _core.booksum_from_hold(hold, target)


@overload
def shade(
    probabilities: Mapping[Key, float], *, slope: float, intercept: float = ..., errors: Errors = ...
) -> dict[Key, float]: ...
@overload
def shade(
    probabilities: Sequence[float], *, slope: float, intercept: float = ..., errors: Errors = ...
) -> list[float]: ...
@overload
def shade(
    probabilities: NumberArray | Sequence[Sequence[float]],
    *,
    slope: float,
    intercept: float = ...,
    errors: Errors = ...,
) -> FloatArray: ...
def shade(probabilities: Any, *, slope: float, intercept: float = 0.0, errors: Errors = "raise") -> Any:
    """Move probability between favourites and longshots: the favourite-longshot knob, apart from the margin.

    `logit(p') = intercept + slope * logit(p)`, then scaled back to the sum that the book had. Use it on fair
    probabilities before the margin, or on a market's after its margin is removed.

    Parameters
    ----------
    probabilities : (n_selections,) numbers, or a mapping of them, or (n_books, n_selections) float64
        Each strictly between 0 and 1; `nan` marks an absent selection and stays `nan`.
    slope
        Above 0. Below 1 it moves probability from favourites to longshots, whose odds get shorter; above 1 it
        takes from the longshots, which undoes the bias of a market that has loaded them. Fit it, with the
        intercept, as a logistic regression of results on log-odds.
    intercept
        Added to every log-odds before scaling.
    errors
        In a batch, `"raise"` on the first book that is refused, or fill such books with `"nan"`.

    Raises
    ------
    MarginError
        A slope that is not above 0, or a favourite of a place market that is pushed to 1.

    Examples
    --------
    >>> [round(p, 4) for p in shade([0.7, 0.2, 0.1], slope=0.9)]
    [0.6642, 0.2173, 0.1184]
    """
    return _core.shade(probabilities, slope, intercept, errors)


@overload
def fair_from_exchange(
    back: Sequence[float],
    lay: Sequence[float] | None,
    *,
    back_weight: Sequence[float] | None = ...,
    lay_weight: Sequence[float] | None = ...,
    commission: float = ...,
    method: Method = ...,
    target: float = ...,
    errors: Errors = ...,
) -> list[float]: ...
@overload
def fair_from_exchange(
    back: None,
    lay: Sequence[float],
    *,
    back_weight: Sequence[float] | None = ...,
    lay_weight: Sequence[float] | None = ...,
    commission: float = ...,
    method: Method = ...,
    target: float = ...,
    errors: Errors = ...,
) -> list[float]: ...
@overload
def fair_from_exchange(
    back: NumberArray | Sequence[Sequence[float]],
    lay: NumberArray | Sequence[Sequence[float]] | None,
    *,
    back_weight: NumberArray | Sequence[Sequence[float]] | None = ...,
    lay_weight: NumberArray | Sequence[Sequence[float]] | None = ...,
    commission: float = ...,
    method: Method = ...,
    target: float = ...,
    errors: Errors = ...,
) -> FloatArray: ...
@overload
def fair_from_exchange(
    back: None,
    lay: NumberArray | Sequence[Sequence[float]],
    *,
    back_weight: NumberArray | Sequence[Sequence[float]] | None = ...,
    lay_weight: NumberArray | Sequence[Sequence[float]] | None = ...,
    commission: float = ...,
    method: Method = ...,
    target: float = ...,
    errors: Errors = ...,
) -> FloatArray: ...
def fair_from_exchange(
    back: Any,
    lay: Any,
    *,
    back_weight: Any = None,
    lay_weight: Any = None,
    commission: float = 0.0,
    method: Method = "multiplicative",
    target: float = 1.0,
    errors: Errors = "raise",
) -> Any:
    """Fair probabilities of an exchange market from the best odds to back and to lay.

    Each side's margin is removed after commission (`1 + (o - 1)(1 - c)` to back, `1 + (o - 1)/(1 - c)` to
    lay); the log-odds of both answers are averaged by weight, and one shift of all log-odds restores the
    sum.

    Parameters
    ----------
    back, lay : (n_selections,) or (n_books, n_selections) float64, or None
        Decimal odds above 1; None for a side without prices. A selection without a price on either side is
        absent (`nan`) and stays so.
    back_weight, lay_weight : as the odds, or None
        How much each price counts, e.g. the size at it; the same by default. Give each side the other's size
        for a micro-price.
    commission
        Share of net winnings that the exchange keeps, 0 to below 1.
    method
        One of `METHODS`. The lay side is nearly always under-round, which `shin`, `balanced_book` and `goto`
        refuse.
    target, errors
        As in `fair_probabilities`.

    Raises
    ------
    MarginError
        As `fair_probabilities` for either side, for a price that one side lacks, and for a commission or
        weight outside its range.

    Examples
    --------
    >>> fair = fair_from_exchange([2.3, 3.3, 3.55], [2.32, 3.35, 3.65], commission=0.02, method="odds_ratio")
    >>> [round(p, 4) for p in fair]
    [0.4286, 0.2971, 0.2743]
    """
    if back is None and lay is None:
        raise TypeError("fair_from_exchange() needs back odds, lay odds, or both")
    weights = (_books(back_weight, "back_weight"), _books(lay_weight, "lay_weight"))
    sides = (_books(back, "back"), _books(lay, "lay"))
    fair = _core.fair_from_exchange(*sides, *weights, commission, method, target, errors)
    given = back if sides[0].size else lay
    if close := _arrays.closes(given):
        return close(fair if _arrays.numbers(given, "odds").ndim == 2 else fair[0])
    if np.ndim(given) == 2:
        return fair
    return fair[0].tolist() if isinstance(given, list | tuple) else fair[0]


def _books(side: Any, name: str) -> FloatArray:
    """A side as books, one a row."""
    return np.empty((0, 0)) if side is None else _arrays.matrix(side, name)
