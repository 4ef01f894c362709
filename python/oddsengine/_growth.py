"""Stakes of the largest expected logarithm of wealth: what is maximised, and the search, behind
`oddsengine.kelly`.

A growth is a concave function of stakes (shares of the bankroll) with its slopes and bends. `Scenarios` adds
up over listed outcomes; `Independent` has markets that are independent of each other, whose joint outcomes
are far too many to list (3^40 for forty matches), as an integral over one number:

    E[ln W] = integral over t > 0 of (e^-t - E[e^-tW]) / t,    E[1/W] = integral of E[e^-tW],

and `E[e^-tW]` is a product over the markets. With `t = e^u` the integrand is analytic within pi/2 of the real
line and falls double-exponentially to one side, exponentially to the other, so that the trapezoidal rule of
step h is exact to about `exp(-pi^2 / h)`.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine.exceptions import FitError

__all__ = ["Growth", "Independent", "Scenarios", "largest"]

FloatArray: TypeAlias = npt.NDArray[np.float64]

STEP = 0.25
"""Of the integral: `exp(-pi^2 / 0.25)` is 7e-18."""

LEFT = -41.0
"""Logarithm of the t where the integral begins; what is left out is below e^-41 times the odds."""

TAIL = 50.0
"""The integral ends where e^-tW is below e^-50 for the smallest wealth."""

ITERATIONS_MAX = 120

RESERVE = 1e-6
"""Share of the bankroll that is never staked: beyond it the wealth after all bets are lost is nothing to
compute with.
"""


class Growth(Protocol):
    """The expected logarithm of wealth as a function of stakes."""

    count: int
    """How many stakes there are."""

    def value(self, stakes: FloatArray) -> float:
        """Expected logarithm of wealth; minus infinity where all may be lost."""
        ...

    def slopes(self, stakes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First derivatives, (count,), and second derivatives, (count, count)."""
        ...


class Scenarios:
    """Growth over listed outcomes: `sum of p_j ln(1 + sum of f_i (r_ji - 1))`."""

    def __init__(self, probabilities: FloatArray, returns: FloatArray) -> None:
        can_happen = probabilities > 0.0
        self.probabilities = probabilities[can_happen]
        self.gains = returns[can_happen] - 1.0
        self.count = returns.shape[1]

    def value(self, stakes: FloatArray) -> float:
        """As in `Growth`."""
        wealth = 1.0 + self.gains @ stakes
        return float(self.probabilities @ np.log(wealth)) if wealth.min() > 0.0 else float("-inf")

    def slopes(self, stakes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As in `Growth`."""
        ratio = self.gains / (1.0 + self.gains @ stakes)[:, None]
        return self.probabilities @ ratio, -(ratio.T * self.probabilities) @ ratio


class Independent:
    """Growth over markets that are independent of each other, whose selections exclude each other.

    `market`, `probabilities` and `odds` have one number a selection; `market` counts up from 0 without gaps.
    What the probabilities of a market leave to 1 is that none of its selections wins.
    """

    def __init__(self, market: npt.NDArray[np.int64], probabilities: FloatArray, odds: FloatArray) -> None:
        self.count = len(market)
        self.odds = odds
        rest = 1.0 - np.bincount(market, weights=probabilities)
        # Below rounding there is no such outcome, and all stakes of the market may stand.
        has_rest = rest > 1e-12
        order = np.concatenate([np.arange(self.count), np.full(int(has_rest.sum()), -1)])
        of_market = np.concatenate([market, np.flatnonzero(has_rest)])
        chances = np.concatenate([probabilities, rest[has_rest]])
        kept = np.flatnonzero(chances > 0.0)
        kept = kept[np.argsort(of_market[kept], kind="stable")]
        self.starts = np.flatnonzero(np.diff(of_market[kept], prepend=-1))
        self.market_of_outcome = of_market[kept]
        self.selection = order[kept]
        self.log_chance = np.log(chances[kept])
        # Where a selection stands among the outcomes; those that cannot win have none.
        self.place = np.full(self.count, -1)
        self.place[self.selection[self.selection >= 0]] = np.flatnonzero(self.selection >= 0)
        self.is_same_market = market[:, None] == market[None, :]

    def value(self, stakes: FloatArray) -> float:
        """As in `Growth`."""
        nodes = self._nodes(stakes)
        if nodes is None:
            return float("-inf")
        log_mean, _ = self._transform(stakes, nodes)
        # e^-t - e^(log mean), without losing what is common to both.
        return float(-STEP * (np.exp(-nodes) * np.expm1(log_mean + nodes)).sum())

    def slopes(self, stakes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As in `Growth`."""
        nodes = self._nodes(stakes)
        if nodes is None:
            raise FitError("the stakes leave no wealth", "no_maximum")
        log_mean, share = self._transform(stakes, nodes)
        paid = np.where(self.place >= 0, share[:, self.place], 0.0) * self.odds
        weight = STEP * np.exp(log_mean + np.log(nodes))
        bend = weight * nodes
        gains = paid - 1.0
        second = (gains.T * bend) @ gains
        # Selections of one market: the mean of the product is not the product of the means.
        second -= np.where(self.is_same_market, (paid.T * bend) @ paid, 0.0)
        second[np.diag_indices(self.count)] += self.odds * (bend @ paid)
        return weight @ gains, -second

    def _nodes(self, stakes: FloatArray) -> FloatArray | None:
        paid = np.where(self.selection >= 0, (stakes * self.odds)[self.selection], 0.0)
        least = 1.0 - float(stakes.sum()) + float(np.minimum.reduceat(paid, self.starts).sum())
        if least <= 0.0:
            return None
        count = int(np.ceil((np.log(TAIL / least) - LEFT) / STEP)) + 1
        return np.asarray(np.exp(LEFT + STEP * np.arange(count)))

    def _transform(self, stakes: FloatArray, nodes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logarithm of E[e^-tW] at the nodes, and the share of every outcome in its market's part of it."""
        paid = np.where(self.selection >= 0, (stakes * self.odds)[self.selection], 0.0)
        exponent = self.log_chance - nodes[:, None] * paid
        highest = np.maximum.reduceat(exponent, self.starts, axis=1)
        height = np.exp(exponent - highest[:, self.market_of_outcome])
        sums = np.add.reduceat(height, self.starts, axis=1)
        log_mean = -nodes * (1.0 - float(stakes.sum())) + (highest + np.log(sums)).sum(axis=1)
        return log_mean, height / sums[:, self.market_of_outcome]


def largest(growth: Growth, stake_max: float, total_max: float) -> FloatArray:
    """The stakes of the largest growth with each in 0 to `stake_max` and their sum at most `total_max`, and
    below 1.

    A primal-dual interior-point search (S. Boyd, L. Vandenberghe, "Convex Optimization", 11.7), then Newton
    steps on the stakes that are inside, so that those at a limit are exactly there.
    """
    total_max = min(total_max, 1.0 - RESERVE)
    with np.errstate(all="ignore"):
        search = _Search(growth, min(stake_max, 2.0 * total_max), total_max)
    # Odds of 1e300 are allowed and leave nothing to compute with: that is no maximum found, and no warning.
    with np.errstate(all="ignore"):
        try:
            for _ in range(ITERATIONS_MAX):
                if search.is_over():
                    return search.polished()
                search.step()
        except (np.linalg.LinAlgError, ValueError, OverflowError):
            raise FitError("the stakes were not found: the odds are too far apart", "not_converged") from None
    raise FitError(f"the stakes were not found in {ITERATIONS_MAX} steps", "not_converged")


class _Search:
    """A point inside the limits, with the price of each limit."""

    def __init__(self, growth: Growth, stake_max: float, total_max: float) -> None:
        self.growth, self.stake_max, self.total_max = growth, stake_max, total_max
        count = growth.count
        self.stakes = np.full(count, min(stake_max / 2.0, total_max / (4.0 * count)))
        # Moved with the stakes and not taken from them: near a limit that would leave rounding alone, or 0.
        self.room = self._room(self.stakes)
        self.prices = 0.1 / np.maximum(self.room, 0.01)
        self.first, self.second = growth.slopes(self.stakes)

    def _room(self, stakes: FloatArray) -> FloatArray:
        """What is left to each limit: above 0, below the largest stake, below the largest sum."""
        return np.concatenate([stakes, self.stake_max - stakes, [self.total_max - stakes.sum()]])

    def _of_prices(self, prices: FloatArray) -> FloatArray:
        """What the prices of the limits take from the slopes."""
        count = self.growth.count
        return np.asarray(prices[count : 2 * count] - prices[:count] + prices[-1])

    def _gap(self) -> float:
        return float(self.room @ self.prices)

    def _residual(self, first: FloatArray, prices: FloatArray) -> FloatArray:
        return self._of_prices(prices) - first

    def is_over(self) -> bool:
        """Whether neither the gap nor the residual is worth a step."""
        return self._gap() < 1e-13 and float(np.abs(self._residual(self.first, self.prices)).max()) < 1e-10

    def step(self) -> None:
        """One step towards the optimum, shortened until it is inside.

        Not until it is nearer, too: where all bets lose with a chance of 1e-15, nearly all of the bankroll is
        staked, and the way there is along the bend of a logarithm whose slope is felt at the end only.
        """
        count, room = self.growth.count, self.room
        aim = 0.1 * self._gap() / len(room)
        stiffness = self.prices / room
        matrix = -self.second + stiffness[-1]
        matrix[np.diag_indices(count)] += stiffness[:count] + stiffness[count : 2 * count]
        wanted = self.first - self._of_prices(aim / room)
        try:
            move = np.linalg.solve(matrix, wanted)
        except np.linalg.LinAlgError:
            # Two certain bets at the same odds: any division between them is as good.
            move = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        room_move = np.concatenate([move, -move, [-move.sum()]])
        price_move = aim / room - self.prices - stiffness * room_move
        length = 1.0
        for now, change in ((room, room_move), (self.prices, price_move)):
            falling = change < 0.0
            if falling.any():
                length = min(length, 0.99 * float((-now[falling] / change[falling]).min()))

        self.stakes = self.stakes + length * move
        self.room = room + length * room_move
        self.prices = self.prices + length * price_move
        self.first, self.second = self.growth.slopes(self.stakes)

    def polished(self) -> FloatArray:
        """The stakes with those at a limit exactly there."""
        count, room = self.growth.count, self.room
        is_tight = room < self.prices
        is_low, is_high = is_tight[:count], is_tight[count : 2 * count]
        free = np.flatnonzero(~(is_low | is_high))
        stakes = np.where(is_low, 0.0, np.where(is_high, self.stake_max, self.stakes))
        if not len(free):
            return stakes
        first, second = self.first, self.second
        price = float(self.prices[-1]) if is_tight[-1] else 0.0
        for _ in range(8):
            system: Any = -second[np.ix_(free, free)]
            wanted: Any = first[free] - price
            if is_tight[-1]:
                # The sum stays at its limit; what its price moves by is the last unknown.
                ones = np.ones((len(free), 1))
                system = np.block([[system, ones], [ones.T, np.zeros((1, 1))]])
                wanted = np.append(wanted, self.total_max - stakes.sum())
            try:
                move = np.linalg.solve(system, wanted)
            except np.linalg.LinAlgError:
                return self.stakes
            stakes[free] += move[: len(free)]
            price += float(move[-1]) if is_tight[-1] else 0.0
            if self._room(stakes).min() < -1e-12:
                return self.stakes
            first, second = self.growth.slopes(stakes)
            if np.abs(move[: len(free)]).max() < 1e-15:
                break
        # A bend that changes faster than these steps see leaves them worse than they began.
        left, left_before = (float(np.abs(slopes[free] - price).max()) for slopes in (first, self.first))
        return np.clip(stakes, 0.0, self.stake_max) if left <= max(left_before, 1e-12) else self.stakes
