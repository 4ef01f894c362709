"""Risk of a football book on its score grid; the largest stake; prices moved by liability.

Money is in minor units of a currency (cents), as integers. Profit and loss is from the bookmaker's side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core

__all__ = ["Bet", "Book", "book", "max_stake", "skewed_prices"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

Bet: TypeAlias = tuple[str, float, int]
"""Selection (`1x2/home`, `total:2.5/over`), decimal odds of at most four decimals, stake in minor units."""


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Profit and loss of bets on every final score, and what it is worth and risks."""

    pnl_minor: IntArray
    """(size, size) profit and loss by home and away goals."""
    probabilities: FloatArray
    """(size, size) probabilities of the scores; they sum to 1."""
    expected_minor: float
    """Expected profit and loss."""
    sd_minor: float
    """Its standard deviation."""
    worst_minor: int
    """The smallest profit and loss on any score of the grid."""
    best_minor: int
    """The largest."""
    tail: float
    """Share of the probability that value at risk and expected shortfall look at."""
    value_at_risk_minor: int
    """Loss (positive) that is reached or exceeded with probability `tail`."""
    expected_shortfall_minor: float
    """Mean loss (positive) over exactly the worst `tail` of the probability."""

    def __repr__(self) -> str:
        size = len(self.pnl_minor)
        return (
            f"<Book on {size} x {size} scores, expected {self.expected_minor:.0f}, "
            f"worst {self.worst_minor}, best {self.best_minor}>"
        )


def book(
    bets: Iterable[Bet],
    *,
    lambda_home: float,
    lambda_away: float,
    rho: float = 0.0,
    size: int = 11,
    tail: float = 0.05,
) -> Book:
    """Sum bets into a profit and loss by score, and measure its risk under a Dixon-Coles model.

    Every bet is graded by the same rules that price and settle it; payouts are rounded down to the minor
    unit. Reproduced in `tests/golden/risk.json`.

    Parameters
    ----------
    bets
        Selections that depend on the final score alone, of any number of markets.
    lambda_home, lambda_away, rho
        The model; its grid is cut at `size - 1` goals a side (2 to 80) and scaled to sum to 1.
    tail
        Share of the probability, strictly between 0 and 1, for value at risk and expected shortfall.

    Raises
    ------
    SelectionError
        A selection that does not exist, or that needs half-time scores or the order of goals.
    BoundsError
        Odds, a stake or the tail outside their range.

    Examples
    --------
    >>> bets = [("1x2/home", 2.2, 50_000), ("total:2.5/over", 1.95, 30_000)]
    >>> risk = book(bets, lambda_home=1.5, lambda_away=1.1)
    >>> risk
    <Book on 11 x 11 scores, expected 761, worst -88500, best 80000>
    >>> int(risk.pnl_minor[1, 0])
    -30000
    """
    pnl, probabilities = _core.risk_book(
        [_arrays.parts(bet, "a bet", "a selection, odds and a stake", least=3) for bet in bets],
        lambda_home,
        lambda_away,
        rho,
        size,
    )
    expected, sd, worst, best, at_risk, shortfall = _core.risk_measures(
        pnl.ravel(), probabilities.ravel(), tail
    )
    return Book(pnl, probabilities, expected, sd, worst, best, tail, at_risk, shortfall)


def max_stake(
    pnl_minor: Sequence[int] | IntArray,
    outcome: int,
    odds: float,
    *,
    loss_minor_max: int,
    customer_factor: float = 1.0,
) -> int:
    """The largest stake on one of several exclusive outcomes that keeps the loss within a limit.

    `(loss_minor_max + pnl_minor[outcome]) / (odds - 1)`, rounded down, times the customer's factor (0 to
    1000, kept in thousandths). Outcomes that the bet improves never bind. Reproduced in
    `tests/golden/risk.json`.

    Parameters
    ----------
    pnl_minor : (n_outcomes,) integers
        Profit and loss of the book on each outcome so far.
    outcome
        Index of the outcome that the bet is on.
    odds
        Decimal odds, rounded down to four decimals.
    loss_minor_max
        Largest loss allowed, 0 or more.

    Examples
    --------
    >>> max_stake([-80_000, 35_000, 50_000], 0, 2.6, loss_minor_max=250_000, customer_factor=0.5)
    53125
    """
    return _core.risk_max_stake(
        _arrays.integers(pnl_minor, "pnl_minor", axes=1).tolist(),
        outcome,
        odds,
        loss_minor_max,
        customer_factor,
    )


def skewed_prices(
    prior: Sequence[float] | FloatArray, payouts_minor: Sequence[int] | IntArray, *, b_minor: float
) -> FloatArray:
    """Probabilities moved by liability: `prior * exp(payout / b)`, scaled to the sum of `prior`.

    The logarithmic market scoring rule started at the model's prices; from an empty book it cannot lose more
    than `b * ln(1 / min(prior))`. Source: R. Hanson, "Logarithmic Market Scoring Rules", Journal of
    Prediction Markets 1 (2007). Reproduced in `tests/golden/risk.json`.

    Parameters
    ----------
    prior : (n_outcomes,) float64
        Model probabilities that sum to 1.
    payouts_minor : (n_outcomes,) integers
        What the book pays, net, if the outcome happens.
    b_minor
        Loss appetite in minor units, above 0: the smaller, the stronger the skew.

    Examples
    --------
    >>> skewed_prices([0.5, 0.28, 0.22], [120_000, -30_000, -45_000], b_minor=250_000).round(4)
    array([0.6516, 0.2003, 0.1482])
    """
    return _core.risk_skewed_prices(
        _arrays.numbers(prior, "prior", axes=1).tolist(),
        _arrays.integers(payouts_minor, "payouts_minor", axes=1).tolist(),
        b_minor,
    )
