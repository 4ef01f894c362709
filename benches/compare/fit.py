"""The rows of `compare.py` about fits of goal models, beside penaltyblog.

The log-likelihoods are compared before anything is timed. penaltyblog 1.13.1 has the corrections of 1-0 and
0-1 exchanged, so its Dixon-Coles fit maximises another function: its parameters are judged by Dixon and
Coles' formula as well, where ours must not be worse.
"""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import penaltyblog
from measuring import Row, Side, expect, measure

from oddsengine import data, fit

SEED = 20_240_817
TEAMS = 20
HALF_LIFE_DAYS = 240.0
TARGETS_US = {380: 5_000.0, 1_900: 10_000.0}
PEERS = {
    "poisson": penaltyblog.models.PoissonGoalsModel,
    "dixon_coles": penaltyblog.models.DixonColesGoalModel,
    "negative_binomial": penaltyblog.models.NegativeBinomialGoalModel,
}

FloatArray = npt.NDArray[np.float64]


def fit_rows(
    seconds: float, *, results: Sequence[Path] = (), models: Sequence[fit.Model] = ("dixon_coles",)
) -> list[Row]:
    """Every row of this file: simulated seasons, and files of real results if there are any."""
    return [row(task, model, seconds) for task in tasks(results) for model in models]


class Task(NamedTuple):
    """Results to fit, with or without weights."""

    name: str
    table: dict[str, Any]
    weights: FloatArray | None

    def ours(self, model: fit.Model) -> fit.GoalFit:
        return fit.goals(self.table, model=model, weights=self.weights)

    def peer(self, model: str) -> Any:
        columns = (self.table[name] for name in ("home_goals", "away_goals", "home", "away"))
        fitted = PEERS[model](*columns, weights=self.weights)
        # It warns of steps outside its bounds on the way.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted.fit()
        return fitted


def simulated(seasons: int) -> dict[str, Any]:
    """Seasons of 20 teams with goals from a Dixon-Coles-like world, rho left out."""
    rng = np.random.default_rng(SEED)
    pairs = [(home, away) for home in range(TEAMS) for away in range(TEAMS) if home != away]
    home, away = np.array(pairs * seasons).T
    attack, defence = rng.normal(0, 0.25, TEAMS), rng.normal(0, 0.25, TEAMS)
    names = np.array([f"team {place:02}" for place in range(TEAMS)])
    day = np.concatenate([365 * season + rng.permutation(380) * 300 // 380 for season in range(seasons)])
    return {
        "home": names[home],
        "away": names[away],
        "home_goals": rng.poisson(np.exp(0.3 + attack[home] - defence[away])),
        "away_goals": rng.poisson(np.exp(0.05 + attack[away] - defence[home])),
        "date": np.datetime64("2020-08-01") + day,
    }


def log_likelihood(
    task: Task, parameters: dict[str, Any], *, model: str, is_exchanged: bool = False
) -> float:
    """Of parameters, plainly; `is_exchanged` swaps the corrections of 1-0 and 0-1."""
    table = task.table
    x, y = (table[name].astype(float) for name in ("home_goals", "away_goals"))
    home, away = parameters["home_mean"], parameters["away_mean"]
    factorials = np.array([math.lgamma(goals + 1.0) for goals in range(100)])
    total = x * np.log(home) + y * np.log(away) - factorials[x.astype(int)] - factorials[y.astype(int)]
    if model == "negative_binomial" and parameters["extra"] > 0.0:
        alpha = parameters["extra"]
        rising = np.concatenate([[0.0], np.cumsum(np.log1p(alpha * np.arange(99)))])
        for goals, mean in ((x, home), (y, away)):
            total += rising[goals.astype(int)] - (goals + 1.0 / alpha) * np.log1p(alpha * mean)
    else:
        total -= home + away
    if model == "dixon_coles":
        rho = parameters["extra"]
        first, second = (home, away) if not is_exchanged else (away, home)
        tau = np.ones(len(x))
        tau = np.where((x == 0) & (y == 0), 1 - home * away * rho, tau)
        tau = np.where((x == 0) & (y == 1), 1 + first * rho, tau)
        tau = np.where((x == 1) & (y == 0), 1 + second * rho, tau)
        tau = np.where((x == 1) & (y == 1), 1 - rho, tau)
        total += np.log(tau)
    weights = np.ones(len(x)) if task.weights is None else task.weights
    return float((weights * total).sum())


def ours_as_parameters(task: Task, found: fit.GoalFit) -> dict[str, Any]:
    predicted = found.predict(task.table["home"], task.table["away"])
    extra = found.overdispersion if found.model == "negative_binomial" else found.rho
    return {"home_mean": predicted.lambda_home, "away_mean": predicted.lambda_away, "extra": extra}


def peer_as_parameters(task: Task, fitted: Any) -> dict[str, Any]:
    found = fitted.params
    teams = np.unique(task.table["home"])
    attack = {team: found[f"attack_{team}"] for team in teams}
    # Added in this package; one of its models spells it the other way.
    defence = {team: found.get(f"defence_{team}", found.get(f"defense_{team}")) for team in teams}
    home, away = task.table["home"].tolist(), task.table["away"].tolist()
    pairs = list(zip(home, away, strict=True))
    return {
        "home_mean": np.exp([attack[one] + defence[two] + found["home_advantage"] for one, two in pairs]),
        "away_mean": np.exp([attack[two] + defence[one] for one, two in pairs]),
        "extra": 1.0 / found["dispersion"] if "dispersion" in found else found.get("rho", 0.0),
    }


def row(task: Task, model: fit.Model, seconds: float) -> Row:
    """Compares the likelihoods, then times both."""
    found, fitted = task.ours(model), task.peer(model)
    mine, theirs = ours_as_parameters(task, found), peer_as_parameters(task, fitted)
    ours_value = log_likelihood(task, mine, model=model)
    peer_value = log_likelihood(task, theirs, model=model)
    rounding = 1e-8 * abs(ours_value)
    expect(abs(ours_value - found.log_likelihood) < 10 * rounding, "our likelihood is not what it says")
    expect(ours_value > peer_value - rounding, f"{ours_value} is below the peer's {peer_value}")
    check = f"log-likelihood {ours_value:.4f}, the peer's {peer_value:.4f}"
    if model == "dixon_coles":
        own = log_likelihood(task, theirs, model=model, is_exchanged=True)
        check += f" (by its own formula {own:.4f})"
    return measure(
        f"12 {model} of {task.name}",
        check,
        Side("oddsengine", lambda _: task.ours(model), [None]),
        Side("penaltyblog", lambda _: task.peer(model), [None]),
        seconds=seconds,
        target_us=TARGETS_US.get(len(task.table["home"])) if model == "dixon_coles" else None,
    )


def tasks(paths: Sequence[Path]) -> list[Task]:
    """Simulated seasons, and files of real results if there are any, each with and without weights."""
    tables = [(f"{380 * seasons:,} matches, 20 teams", simulated(seasons)) for seasons in (1, 5)]
    if paths:
        read = [data.football_data(path).table for path in paths]
        names = ("home", "away", "home_goals", "away_goals", "date")
        real = {name: np.concatenate([table[name] for table in read]) for name in names}
        tables.append((f"{len(real['home']):,} real matches, {len(np.unique(real['home']))} teams", real))
    found = []
    for name, table in tables:
        weights = fit.time_weights(table["date"], half_life_days=HALF_LIFE_DAYS)
        found += [Task(name, table, None), Task(f"{name}, weighted", table, weights)]
    return found
