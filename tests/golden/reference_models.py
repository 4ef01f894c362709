"""Runs published fits of goal models against the package: `python tests/golden/reference_models.py DIR`.

DIR is the folder `models` of the reference data; the results that the models were fitted to lie beside it in
`football_data_co_uk`. One outcome a model or prediction; the last line printed is `N passed, N failed`.

| file | what must hold |
|---|---|
| `dixon_coles_reference.json` | penaltyblog: likelihood not below theirs, parameters and predictions agree |
| `goalmodel_2011-12.json` | R's goalmodel: published digits of likelihood, parameters, predictions |
| `goals_from_1x2.json` | the prices come back to 1e-12, the means agree as far as theirs were solved |

penaltyblog 1.13.1 has the corrections of 1-0 and 0-1 exchanged, so its Dixon-Coles fit is of another model:
there the likelihood is compared under Dixon and Coles' own formula, and predictions agree to the size of rho
only.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from oddsengine import data, fit, football

sys.path.insert(0, str(Path(__file__).parent))
from run import Outcome, differences

Json = Any

# Their optimisers stop where the likelihood is flat to about 1e-8: parameters are then off by up to 1e-4.
PARAMETER_TOLERANCE = 1e-4
PREDICTION_TOLERANCE = 1e-4
# Another model, see above; its rho is 0.004.
EXCHANGED_TOLERANCE = 2e-3
# goalmodel prints three digits of a fit that stopped a little early: 3e-4 in a probability.
EARLY_STOP_TOLERANCE = 5e-4


def run(folder: Path) -> list[Outcome]:
    """Every outcome of the files in a folder that have a function here."""
    paths = sorted(path for path in folder.glob("*.json") if path.name in FILES)
    return [outcome for path in paths for outcome in FILES[path.name](path)]


def penaltyblog_fits(path: Path) -> list[Outcome]:
    reference = json.loads(path.read_text())
    results = season(path, reference["season"])
    return [
        outcome
        for name, wanted in reference["models"].items()
        for outcome in penaltyblog_fit(f"{path.stem}.{name}", results, name, wanted)
    ]


def penaltyblog_fit(case: str, results: data.FootballData, name: fit.Model, wanted: Json) -> list[Outcome]:
    found = fit.goals(results.table, model=name)
    theirs = wanted["params"]
    attack, defence = (
        np.array([theirs.get(f"{what}_{team}", theirs.get(f"{other}_{team}")) for team in found.teams])
        for what, other in (("attack", "attack"), ("defense", "defence"))
    )
    rho = theirs.get("rho", 0.0)
    is_same_model = name == "poisson"
    limit = PARAMETER_TOLERANCE if is_same_model else EXCHANGED_TOLERANCE
    failures = differences(
        {
            "home_advantage": theirs["home_advantage"],
            "attack": (attack - attack.mean()).tolist(),
            # Theirs is added, ours taken off.
            "defence": (defence.mean() - defence).tolist(),
            "rho": rho,
        },
        {
            "home_advantage": found.home_advantage,
            "attack": found.attack.tolist(),
            "defence": found.defence.tolist(),
            "rho": found.rho,
        },
        limit,
        "",
    )
    intercept = float(attack.mean() + defence.mean())
    theirs_here = log_likelihood(
        results,
        found.teams,
        intercept,
        theirs["home_advantage"],
        attack - attack.mean(),
        defence.mean() - defence,
        rho,
    )
    failures += at_least("log_likelihood under the published parameters", found.log_likelihood, theirs_here)
    if is_same_model:
        failures += at_least("published log_likelihood", found.log_likelihood, wanted["log_likelihood"])
        failures += differences(wanted["log_likelihood"], found.log_likelihood, 1e-4, "/log_likelihood")
    outcomes = [Outcome(f"{case}.fit", "fit.goals", failures)]
    limit = PREDICTION_TOLERANCE if is_same_model else EXCHANGED_TOLERANCE
    for prediction in wanted["predictions"]:
        predicted = found.predict(prediction["home"], prediction["away"])
        markets = football.markets(predicted.grid())
        got = {
            "home": prediction["home"],
            "away": prediction["away"],
            "home_exp": float(predicted.lambda_home[0]),
            "away_exp": float(predicted.lambda_away[0]),
            "home_win": markets["home"],
            "draw": markets["draw"],
            "away_win": markets["away"],
            "over25": markets["total"][2.5].win,
            "btts": markets["both_score"],
            "correct_score": markets["correct_score"],
            "ah": {line: markets["handicap"][float(line)].win for line in prediction["ah"]},
        }
        match = f"{prediction['home']}-{prediction['away']}".replace(" ", "_")
        outcomes.append(Outcome(f"{case}.{match}", "fit.predict", differences(prediction, got, limit, "")))
    return outcomes


def log_likelihood(
    results: data.FootballData,
    teams: tuple[str, ...],
    intercept: float,
    home_advantage: float,
    attack: Any,
    defence: Any,
    rho: float,
) -> float:
    """Of given parameters, score by score from the package's grids."""
    place_of = {team: place for place, team in enumerate(teams)}
    total, table = 0.0, results.table
    for home, away, home_goals, away_goals in zip(
        *(table[name].tolist() for name in ("home", "away", "home_goals", "away_goals")), strict=True
    ):
        one, two = place_of[home], place_of[away]
        grid = football.grid(
            float(np.exp(intercept + home_advantage + attack[one] - defence[two])),
            float(np.exp(intercept + attack[two] - defence[one])),
            rho,
        )
        total += float(np.log(grid[home_goals, away_goals]))
    return total


def goalmodel_fits(path: Path) -> list[Outcome]:
    reference = json.loads(path.read_text())
    results = season(path, "E0_2011-12")
    outcomes = []
    for name in ("poisson", "dixon_coles"):
        wanted, found = reference[name], fit.goals(results.table, model=name)
        case = f"{path.stem}.{name}"
        # Printed digits: two of most numbers, seven of some.
        half = 0.005 + EARLY_STOP_TOLERANCE
        strengths = {
            team: [float(found.attack[place]), float(found.defence[place])]
            for place, team in enumerate(found.teams)
        }
        failures = differences(wanted["attack_defence"], strengths, half, "/attack_defence")
        failures += differences(wanted["intercept"], found.intercept, half, "/intercept")
        failures += differences(
            wanted["hfa"], found.home_advantage, 1e-6 if name == "poisson" else half, "/hfa"
        )
        failures += differences(wanted["log_likelihood"], found.log_likelihood, 0.005, "/log_likelihood")
        if name == "dixon_coles":
            failures += differences(wanted["rho"], found.rho, EARLY_STOP_TOLERANCE, "/rho")
        outcomes.append(Outcome(f"{case}.fit", "fit.goals", failures))
        for prediction in wanted["predictions"]:
            predicted = found.predict(prediction["home"], prediction["away"])
            got = {
                "home": prediction["home"],
                "away": prediction["away"],
                "p": predicted.probabilities[0].tolist(),
                "goals": [float(predicted.lambda_home[0]), float(predicted.lambda_away[0])],
            }
            limit = 1e-6 if name == "poisson" else 3 * EARLY_STOP_TOLERANCE
            match = f"{prediction['home']}-{prediction['away']}".replace(" ", "_")
            outcomes.append(
                Outcome(f"{case}.{match}", "fit.predict", differences(prediction, got, limit, ""))
            )
    return outcomes


def goals_from_1x2(path: Path) -> list[Outcome]:
    outcomes = []
    for index, case in enumerate(json.loads(path.read_text())["cases"]):
        prices = [case[f"p_{name}"] for name in ("home", "draw", "away")]
        model = football.calibrate_1x2(*prices)
        markets = football.markets(model)
        back = [markets[name] for name in ("home", "draw", "away")]
        failures = differences(prices, back, 1e-12, "/prices")
        wanted = [case["home_exp"], case["away_exp"]]
        # What their squared error leaves open: the draw moves by a fortieth of a change of both means.
        limit = 1e-6 + 50.0 * float(np.sqrt(case["fit_error"]))
        failures += differences(wanted, [model.lambda_home, model.lambda_away], limit, "/means")
        outcomes.append(Outcome(f"{path.stem}.{index}", "football.calibrate_1x2", failures))
    return outcomes


def season(path: Path, name: str) -> data.FootballData:
    return data.football_data(path.parents[1] / "football_data_co_uk" / f"{name}.csv.gz")


def at_least(what: str, found: float, least: float) -> list[str]:
    # The published value itself was added up in another order.
    return [] if found >= least - 1e-9 * abs(least) else [f"{found!r} is below {least!r}, the {what}"]


FILES: dict[str, Callable[[Path], list[Outcome]]] = {
    "dixon_coles_reference.json": penaltyblog_fits,
    "goalmodel_2011-12.json": goalmodel_fits,
    "goals_from_1x2.json": goals_from_1x2,
}


def main(arguments: list[str]) -> int:
    """Runs a folder and prints its failures; the exit status."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python tests/golden/reference_models.py DIR", file=sys.stderr)
        return 2
    outcomes = run(Path(arguments[0]))
    for outcome in outcomes:
        for failure in outcome.failures:
            print(f"{outcome.id}: {failure}")
    failed = sum(bool(outcome.failures) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
