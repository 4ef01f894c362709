"""Simulated seasons that several tests fit."""

from typing import Any

import numpy as np


def season(*, teams: int = 8, rounds: int = 2, seed: int = 1) -> dict[str, Any]:
    """Everyone against everyone, home and away, with goals from a known model."""
    rng = np.random.default_rng(seed)
    names = np.array([f"team {place:02}" for place in range(teams)])
    home, away = np.array(
        [(a, b) for _ in range(rounds) for a in range(teams) for b in range(teams) if a != b]
    ).T
    attack, defence = rng.normal(0, 0.3, teams), rng.normal(0, 0.3, teams)
    return {
        "home": names[home],
        "away": names[away],
        "home_goals": rng.poisson(np.exp(0.35 + attack[home] - defence[away])),
        "away_goals": rng.poisson(np.exp(0.1 + attack[away] - defence[home])),
        "date": np.datetime64("2025-08-01") + np.arange(len(home)) // 4,
        "cup": np.arange(len(home)) % 5 == 0,
    }
