"""The rows of `compare.py` about one match: the basket of probabilities and calibration, beside penaltyblog.

penaltyblog 1.13.1 exchanges the corrections of 1-0 and 0-1, so answers are compared where both are the same:
without rho, and with rho at equal means.
"""

import itertools
from typing import Any

import numpy as np
import penaltyblog
from measuring import Row, Side, expect, measure

from oddsengine import football

MATCHES = 2_000
RHO = -0.06
GOALS_MAX = 15
TOTAL_LINES = [quarter / 4 for quarter in range(2, 27)]
HANDICAP_LINES = [quarter / 4 for quarter in range(-12, 13)]


def match_rows(rng: np.random.Generator, seconds: float) -> list[Row]:
    """Every row of this file."""
    return [*basket_rows(rng, seconds), *calibration_rows(rng, seconds)]


def basket_rows(rng: np.random.Generator, seconds: float) -> list[Row]:
    home, away = rng.uniform(0.5, 2.8, MATCHES), rng.uniform(0.4, 2.4, MATCHES)
    matches = [(float(a), float(b), RHO) for a, b in zip(home, away, strict=True)]
    same = [(a, b, 0.0) for a, b, _ in matches[:25]] + [(a, a, RHO) for a, _, _ in matches[25:50]]
    difference = max(np.abs(football.basket(*match) - peer_basket(match)).max() for match in same)
    expect(difference < 1e-12, f"baskets differ by {difference:g}")
    check = f"190 numbers of 50 matches differ by at most {difference:.0e}"
    rhos = np.full(MATCHES, RHO)
    batch = football.basket(home, away, rhos)
    expect(batch.tolist() == [football.basket(*match).tolist() for match in matches], "batch differs")
    one = Side("oddsengine", lambda match: football.basket(*match), matches)
    many = Side("oddsengine", lambda _: football.basket(home, away, rhos), [None], covers=MATCHES)
    peer = Side("penaltyblog", peer_basket, matches)
    return [
        measure("8 grid and 190 probabilities, one match", check, one, peer, seconds=seconds, target_us=8.0),
        measure(f"9 the same, {MATCHES:,} matches", check, many, peer, seconds=seconds, target_us=2.0),
    ]


def calibration_rows(rng: np.random.Generator, seconds: float) -> list[Row]:
    means = rng.uniform((0.6, 0.5), (2.6, 2.2), (50, 2)).tolist()
    with_rho = [football.DixonColes(home, away, RHO) for home, away in means]
    found = [football.markets(model) for model in with_rho]
    prices = [(one["home"], one["draw"], one["away"], one["total"][2.5].win) for one in found]
    ours = max(
        worst(football.calibrate(*price), model) for model, price in zip(with_rho, prices, strict=True)
    )
    expect(ours < 1e-6, f"calibration is off by {ours:g}")
    # The peer's model is another one, so it is held to the prices, not to the goals.
    theirs = 0.0
    for price in prices[:10]:
        fitted = peer_calibrate(price)
        got = [*fitted["predicted_1x2"], fitted["predicted_ou"][0]]
        theirs = max(theirs, max(abs(a - b) for a, b in zip(got, price, strict=True)))
    expect(theirs < 1e-3, f"the peer's prices are off by {theirs:g}")
    rows = [
        measure(
            "10 goals and rho from 1X2 and over/under 2.5",
            f"ours within {ours:.0e} of goals and rho, the peer's prices within {theirs:.0e}",
            Side("oddsengine", lambda price: football.calibrate(*price), prices),
            Side("penaltyblog", peer_calibrate, prices),
            seconds=seconds,
            target_us=200.0,
        )
    ]

    without_rho = [football.DixonColes(home, away, 0.0) for home, away in means]
    found = [football.markets(model) for model in without_rho]
    books = [(one["home"], one["draw"], one["away"]) for one in found]
    ours = max(
        worst(football.calibrate_1x2(*book), model) for model, book in zip(without_rho, books, strict=True)
    )
    expect(ours < 1e-6, f"calibration to 1X2 alone is off by {ours:g}")
    theirs = 0.0
    for model, book in zip(without_rho, books, strict=True):
        fitted = peer_calibrate_1x2(book)
        theirs = max(
            theirs,
            abs(fitted["home_exp"] - model.lambda_home),
            abs(fitted["away_exp"] - model.lambda_away),
        )
    expect(theirs < 0.2, f"the peer is off by {theirs:g} goals")
    rows.append(
        measure(
            "11 goals from 1X2",
            f"ours within {ours:.0e} goals, the peer within {theirs:.3f}",
            Side("oddsengine", lambda book: football.calibrate_1x2(*book), books),
            Side("penaltyblog", peer_calibrate_1x2, books),
            seconds=seconds,
            target_us=100.0,
        )
    )
    return rows


def worst(fitted: football.DixonColes, model: football.DixonColes) -> float:
    """The largest difference of a parameter."""
    return max(
        abs(fitted.lambda_home - model.lambda_home),
        abs(fitted.lambda_away - model.lambda_away),
        abs(fitted.rho - model.rho),
    )


# The peer, called as it is documented.


def peer_basket(match: tuple[float, float, float]) -> list[float]:
    grid = penaltyblog.models.create_dixon_coles_grid(*match, max_goals=GOALS_MAX)
    out = [*grid.home_draw_away, grid.btts_yes]
    for line in TOTAL_LINES:
        under, push, over = grid.totals(line)
        out += [over, push, under]
    for line in HANDICAP_LINES:
        shares = grid.asian_handicap_probs("home", line)
        out += [shares["win"], shares["push"], shares["lose"]]
    return out + [grid.exact_score(home, away) for home, away in itertools.product(range(6), range(6))]


def peer_calibrate(prices: tuple[float, float, float, float]) -> dict[str, Any]:
    home, draw, away, over = prices
    found: dict[str, Any] = penaltyblog.models.goal_expectancy_extended(
        home, draw, away, over, 1.0 - over, max_goals=GOALS_MAX
    )
    return found


def peer_calibrate_1x2(book: tuple[float, float, float]) -> dict[str, Any]:
    found: dict[str, Any] = penaltyblog.models.goal_expectancy(*book, rho=0.0, max_goals=GOALS_MAX)
    return found
