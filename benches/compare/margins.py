"""The rows of `compare.py` about margins: one book beside each peer, batches beside compiled loops.

No peer takes a batch, so a batch is compared with plain loops of our own, compiled by numba for this
processor, that write into an array made beforehand; ours makes its array on every call.
"""

import math
from collections.abc import Callable
from functools import partial

import numba
import numpy as np
import numpy.typing as npt
import pybettor
import shin
from measuring import Row, Side, expect, measure

from oddsengine import margin

Floats = npt.NDArray[np.float64]

BOOKS = 4_000
BATCH = 2_000


# Line in the list of figures to beat, outcomes, method, and its target: of one book, of a book of a batch.
ONE_BOOK = [
    ("1", 3, "shin", 1.0),
    ("2", 20, "shin", 2.0),
    ("5", 3, "power", 1.0),
    ("6", 3, "odds_ratio", 1.0),
    ("7", 3, "multiplicative", 0.6),
]
MANY_BOOKS = [
    ("3", 3, "shin", 0.125),
    ("4", 20, "shin", 0.51),
    ("5", 3, "power", 0.17),
    ("6", 3, "odds_ratio", 0.08),
    ("7", 3, "multiplicative", 0.008),
    ("", 20, "power", None),
    ("", 20, "odds_ratio", None),
    ("", 20, "multiplicative", None),
]
RUN = 20
"""Calls between two readings of the clock: a book takes about as long as five of them."""


def margin_rows(rng: np.random.Generator, seconds: float) -> list[Row]:
    """Every row of this file."""
    rows = []
    for number, outcomes, method, target_us in ONE_BOOK:
        books = random_books(rng, outcomes, BOOKS).tolist()
        ours = partial(margin.fair_probabilities, method=method)
        name, peer = peer_of(method)
        pairs = [(ours(book), peer(book)) for book in books[:500]]
        difference = max(abs(a - b) for left, right in pairs for a, b in zip(left, right, strict=True))
        expect(difference < 1e-8, f"{method} differs from {name} by {difference:g}")
        rows.append(
            measure(
                f"{number} {method}, {outcomes} outcomes, one book",
                f"500 books differ by at most {difference:.0e}",
                Side("oddsengine", ours, books),
                Side(name, peer, books),
                seconds=seconds,
                target_us=target_us,
                run=RUN,
            )
        )
    for number, outcomes, method, target_us in MANY_BOOKS:
        batch = random_books(rng, outcomes, BATCH)
        loop, out = LOOPS[method], np.empty_like(batch)
        ours = partial(margin.fair_probabilities, method=method)
        loop(batch, out)
        difference = float(np.abs(ours(batch) - out).max())
        expect(difference < 1e-9, f"a batch of {method} differs from the loop by {difference:g}")
        rows.append(
            measure(
                f"{number} {method}, {outcomes} outcomes, {len(batch):,} books".strip(),
                f"equal within {difference:.0e}",
                Side("oddsengine", ours, [batch], covers=len(batch)),
                Side("numba loop (own)", partial(into, loop, out), [batch], covers=len(batch)),
                seconds=seconds / 2,
                target_us=target_us,
            )
        )
    return rows


def random_books(rng: np.random.Generator, outcomes: int, count: int) -> Floats:
    """Odds of three decimals with 2 to 5 % of margin a doubling of the outcomes."""
    shares = np.clip(rng.dirichlet(np.full(outcomes, 2.0), size=count), 0.004, None)
    shares /= shares.sum(axis=1, keepdims=True)
    booksum = 1.0 + rng.uniform(0.02, 0.05, size=(count, 1)) * math.log2(outcomes + 1)
    odds = np.round(1.0 / (shares * booksum), 3)
    return odds[(odds.min(axis=1) >= 1.03) & ((1.0 / odds).sum(axis=1) >= 1.01)]


# The peers, called as they are documented.


def peer_of(method: str) -> tuple[str, Callable[[list[float]], list[float]]]:
    """The fastest peer of a method."""
    if method == "shin":
        return "shin", shin.calculate_implied_probabilities
    return "pybettor", partial(bettor, "basic" if method == "multiplicative" else method)


def bettor(method: str, book: list[float]) -> list[float]:
    found: list[float] = pybettor.implied_prob(book, category="dec", method=method)["implied_prob"]
    return found


# The loops: Newton from the book as it is, until the step is no more than rounding.


def into(loop: Callable[[Floats, Floats], None], out: Floats, odds: Floats) -> None:
    loop(odds, out)


@numba.njit
def multiplicative_loop(odds: Floats, out: Floats) -> None:
    for i in range(odds.shape[0]):
        total = 0.0
        for j in range(odds.shape[1]):
            out[i, j] = 1.0 / odds[i, j]
            total += out[i, j]
        for j in range(odds.shape[1]):
            out[i, j] /= total


@numba.njit
def power_loop(odds: Floats, out: Floats) -> None:
    logs = np.empty(odds.shape[1])
    for i in range(odds.shape[0]):
        for j in range(odds.shape[1]):
            logs[j] = -math.log(odds[i, j])
        t = 1.0
        for _ in range(50):
            residual, slope = -1.0, 0.0
            for j in range(odds.shape[1]):
                power = math.exp(t * logs[j])
                residual += power
                slope += power * logs[j]
            t -= residual / slope
            if abs(residual / slope) < 1e-13:
                break
        for j in range(odds.shape[1]):
            out[i, j] = math.exp(t * logs[j])


@numba.njit
def odds_ratio_loop(odds: Floats, out: Floats) -> None:
    for i in range(odds.shape[0]):
        c = 1.0
        for _ in range(50):
            residual, slope = -1.0, 0.0
            for j in range(odds.shape[1]):
                inverse = 1.0 / odds[i, j]
                denominator = inverse + c * (1.0 - inverse)
                out[i, j] = inverse / denominator
                residual += out[i, j]
                slope -= out[i, j] * (1.0 - inverse) / denominator
            c -= residual / slope
            if abs(residual / slope) < 1e-13:
                break
        for j in range(odds.shape[1]):
            inverse = 1.0 / odds[i, j]
            out[i, j] = inverse / (inverse + c * (1.0 - inverse))


@numba.njit
def shin_loop(odds: Floats, out: Floats) -> None:
    squares, others = np.empty(odds.shape[1]), odds.shape[1] - 2.0
    for i in range(odds.shape[0]):
        booksum = 0.0
        for j in range(odds.shape[1]):
            booksum += 1.0 / odds[i, j]
        for j in range(odds.shape[1]):
            squares[j] = 1.0 / (odds[i, j] * odds[i, j] * booksum)
        z = 0.0
        for _ in range(50):
            residual, slope = -2.0 - others * z, -others
            for j in range(odds.shape[1]):
                root = math.sqrt(z * z + 4.0 * (1.0 - z) * squares[j])
                residual += root
                slope += (z - 2.0 * squares[j]) / root
            z -= residual / slope
            if abs(residual / slope) < 1e-14:
                break
        for j in range(odds.shape[1]):
            root = math.sqrt(z * z + 4.0 * (1.0 - z) * squares[j])
            out[i, j] = (root - z) / (2.0 * (1.0 - z))


LOOPS = {
    "multiplicative": multiplicative_loop,
    "power": power_loop,
    "odds_ratio": odds_ratio_loop,
    "shin": shin_loop,
}
