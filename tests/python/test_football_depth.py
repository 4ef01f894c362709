"""Corners, cards, intervals, scorers and ties through the package."""

import numpy as np
import pytest

from oddsengine import football
from oddsengine.exceptions import FootballError


def test_counts_of_both_sides() -> None:
    corners = football.CountModel(5.8, 4.6, 28.0, 20.0)
    grid = corners.grid()
    assert grid.shape == (40, 40)
    assert grid.sum() == pytest.approx(1.0, abs=1e-9)
    # The total is the negative binomial of the one-number model.
    assert football.total(grid, 10.5).win == pytest.approx(football.negbin_over(10.4, 28.0, 10.5).shares.win)
    home, away = np.arange(40)[:, None], np.arange(40)[None, :]
    covariance = (grid * home * away).sum() - (grid * home).sum() * (grid * away).sum()
    assert covariance < 0
    assert corners.correlation < 0
    later = corners.grid(counts=(3, 2), elapsed=0.5, remaining=0.5)
    assert later[:3].sum() == 0
    with pytest.raises(FootballError, match="count so far 40 is outside"):
        corners.grid(counts=(40, 0))
    with pytest.raises(FootballError, match="dispersion 0 is outside"):
        football.CountModel(5.0, 4.0, 0.0).grid()


def test_intervals_share_the_goals() -> None:
    shares = football.interval_shares()
    assert shares.sum() == pytest.approx(1.0)
    assert shares[:4].sum() + 0.01 < 0.45
    later = football.interval_shares(period="first_half", elapsed_ms=35 * 60_000)
    assert (later[:3] == 0).all()
    assert later[4:] == pytest.approx(shares[4:])
    with pytest.raises(ValueError, match="none of pre_match"):
        football.interval_shares(period="break")  # type: ignore[arg-type]


def test_shares_come_back_from_their_prices() -> None:
    goals = football.grid(1.7, 1.05, -0.07).sum(axis=1)
    shares = np.array([0.3, 0.25, 0.2, 0.1])
    odds = [1 / football.scorer_markets(goals, share).anytime for share in shares]
    found = football.scorer_shares(goals, odds, own_goals=0.03, unlisted=0.12)
    assert found.shares == pytest.approx(shares)
    assert found.factor == pytest.approx(1.0)
    markets = football.scorer_markets(goals, 0.3, side_first=0.6, side_last=0.55)
    assert markets.first == pytest.approx(0.18)
    assert markets.anytime > markets.two_or_more > markets.three_or_more
    with pytest.raises(FootballError, match="no model has anytime scorer"):
        football.scorer_shares(goals, [1.1])


def test_who_goes_through() -> None:
    model = football.DixonColes(1.4, 1.2, -0.05)
    single = football.qualification(model, extra_means=(0.42, 0.36))
    found = football.markets(model)
    assert single.home[0] == pytest.approx(found["home"])
    assert single.p_extra_time == pytest.approx(found["draw"])
    assert sum(single.home) + sum(single.away) == pytest.approx(1.0, abs=1e-9)
    behind = football.qualification(model, extra_means=None, first_leg=(0, 1))
    assert behind.p_home < single.p_home
    assert behind.home[1] == 0
    away_goals = football.qualification(
        model, extra_means=(0.42, 0.36), first_leg=(1, 1), away_goals_rule=True
    )
    assert away_goals.home[0] > found["home"]


def test_shootouts() -> None:
    assert football.shootout(0.8, 0.7) > 0.5 > football.shootout(0.7, 0.8)
    assert football.shootout(0.8, 0.7) + football.shootout(0.7, 0.8) == pytest.approx(1.0)
    assert football.shootout(scored=(3, 0), taken=(3, 3)) == 1.0
    with pytest.raises(FootballError, match="penalties scored 2 is outside"):
        football.shootout(scored=(2, 0), taken=(1, 1))
