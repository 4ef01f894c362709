"""Corners and cards: `football_counts.py SEASONS... [--prices FILES...]`.

From season files of football-data.co.uk (.csv or .csv.gz; odds of bet365, corners, cards, goals): the share
of the home side by the strength of the sides, the concentration of that split and the dispersion of the
total, as `CountModel` has them; the correlations with goals that are left once the odds are known, as
same-game multiples use them; and log losses of the home side's corners under the model and under
independent Poisson counts of the same means.

From files with corner prices (`--prices`): the model is calibrated to over 9.5 and to the corner 1X2, and its
probabilities of the other lines are compared with the market's.
"""

import argparse
import csv
import gzip
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oddsengine import football, margin

FloatArray = npt.NDArray[np.float64]

COLUMNS = ("B365H", "B365D", "B365A", "FTHG", "FTAG", "HC", "AC", "HY", "AY", "HR", "AR")
LINES = ("75", "85", "95", "105", "115")


def rows(path: Path) -> Iterator[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from csv.DictReader(file)


def numbers(row: dict[str, str], columns: tuple[str, ...]) -> list[float] | None:
    try:
        return [float(row[column]) for column in columns]
    except (KeyError, TypeError, ValueError):
        return None


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Of an increasing function."""
    for _ in range(100):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return low


def residual(values: FloatArray, lead: FloatArray) -> FloatArray:
    slope, level = np.polyfit(lead, values, 1)
    return values - level - slope * lead


def correlation(a: FloatArray, b: FloatArray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def measure(name: str, counts: FloatArray, lead: FloatArray, season: FloatArray, goals: FloatArray) -> None:
    """Prints what the model needs of a count, (n, 2) home and away."""
    total = counts.sum(axis=1)
    is_some = total > 0
    share = counts[is_some, 0] / total[is_some]
    slope, level = np.polyfit(lead[is_some], share, 1)
    expected = np.clip(level + slope * lead, 0.02, 0.98)
    left = ((counts[:, 0] - total * expected) ** 2).sum()

    def excess(concentration: float) -> float:
        spread = total * expected * (1 - expected) * (concentration + total) / (concentration + 1)
        return float(left - spread.sum())

    concentration = root(excess, 0.5, 1e6)
    means = np.array([total[season == year].mean() for year in np.unique(season)])
    spread = ((total - means[season.astype(int)]) ** 2).mean()
    mean = total.mean()
    dispersion = mean * mean / (spread - mean) if spread > mean else float("inf")
    print(
        f"{name}: {len(total)} matches, mean {mean:.3f}, home share {level:.3f} + {slope:.3f} (p_home - p_away)"
    )
    print(f"  dispersion {dispersion:.1f}, concentration {concentration:.1f}")
    both = residual(total, lead), residual(counts[:, 0] - counts[:, 1], lead)
    scored = residual(goals.sum(axis=1), lead), residual(goals[:, 0] - goals[:, 1], lead)
    print(
        f"  with goals: totals {correlation(both[0], scored[0]):+.3f}, differences {correlation(both[1], scored[1]):+.3f}"
    )
    print(
        "  log loss of the winner: "
        + ", ".join(
            f"{label} {loss:.5f}"
            for label, loss in losses(
                counts, means[season.astype(int)], expected, dispersion, concentration
            ).items()
        )
    )


def losses(
    counts: FloatArray, mean: FloatArray, share: FloatArray, dispersion: float, concentration: float
) -> dict[str, float]:
    """Of the side with more: the model, and independent Poisson counts."""
    result = {"model": 0.0, "independent Poisson": 0.0}
    models = {"model": (dispersion, concentration), "independent Poisson": (1e6, 1e6)}
    pairs = list(zip(counts, mean, share, strict=True))
    for label, (spread, split) in models.items():
        for (home, away), total, part in pairs:
            model = football.CountModel(total * part, total * (1 - part), min(spread, 1e6), min(split, 1e6))
            found = football.markets(model.grid())
            outcome = "home" if home > away else "draw" if home == away else "away"
            result[label] -= np.log(found[outcome]) / len(pairs)
    return result


def calibrated(over: float, winner: FloatArray) -> football.CountModel:
    """Means that explain the fair probability of over 9.5, and P(home more) - P(away more)."""
    total = root(
        lambda mean: football.total(football.CountModel(mean / 2, mean / 2).grid(), 9.5).win - over, 2.0, 30.0
    )

    def lead(share: float) -> float:
        found = football.markets(football.CountModel(total * share, total * (1 - share)).grid())
        return found["home"] - found["away"] - float(winner[0] - winner[2])

    share = root(lead, 0.05, 0.95)
    return football.CountModel(total * share, total * (1 - share))


def compare_prices(paths: list[Path], step: int) -> None:
    errors: dict[str, list[float]] = {line: [] for line in LINES if line != "95"}
    draws: list[float] = []
    columns = tuple(f"odds_corners_{side}_{line}" for line in LINES for side in ("over", "under"))
    columns += ("odds_corners_1", "odds_corners_x", "odds_corners_2")
    for path in paths:
        for row in list(rows(path))[::step]:
            odds = numbers(row, columns)
            if odds is None or min(odds) <= 1:
                continue
            pairs = [margin.fair_probabilities(odds[index : index + 2]) for index in range(0, 10, 2)]
            winner = np.array(margin.fair_probabilities(odds[10:]))
            try:
                model = calibrated(pairs[2][0], winner)
            except football.FootballError:
                continue
            grid = model.grid()
            for line, pair in zip(LINES, pairs, strict=True):
                if line != "95":
                    found = football.total(grid, int(line) / 10).fair_probability
                    errors[line].append(found - pair[0])
            draws.append(football.markets(grid)["draw"] - float(winner[1]))
    print(f"corner prices: {len(draws)} matches, calibrated to over 9.5 and the corner 1X2")
    for line, values in errors.items():
        found = np.array(values)
        print(
            f"  over {int(line) / 10}: mean absolute error {np.abs(found).mean():.4f}, bias {found.mean():+.4f}"
        )
    found = np.array(draws)
    print(f"  as many corners: mean absolute error {np.abs(found).mean():.4f}, bias {found.mean():+.4f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seasons", type=Path, nargs="+")
    parser.add_argument("--prices", type=Path, nargs="*", default=[])
    parser.add_argument("--step", type=int, default=4, help="price every n-th match")
    arguments = parser.parse_args()

    data = []
    for season, path in enumerate(arguments.seasons):
        for row in rows(path):
            values = numbers(row, COLUMNS)
            if values is not None and min(values[:3]) > 1:
                data.append([season, *values])
    table = np.array(data)
    _, kept = np.unique(table[:, 0], return_inverse=True)
    inverse = 1 / table[:, 1:4]
    lead = (inverse[:, 0] - inverse[:, 2]) / inverse.sum(axis=1)
    goals, corners = table[:, 4:6], table[:, 6:8]
    cards = table[:, 8:10] + table[:, 10:12]
    measure("corners", corners, lead, kept.astype(np.float64), goals)
    measure("cards", cards, lead, kept.astype(np.float64), goals)
    totals = correlation(corners.sum(axis=1), cards.sum(axis=1))
    differences = correlation(corners[:, 0] - corners[:, 1], cards[:, 0] - cards[:, 1])
    print(f"corners with cards: totals {totals:+.3f}, differences {differences:+.3f}")
    if arguments.prices:
        compare_prices(arguments.prices, arguments.step)
    return 0


if __name__ == "__main__":
    sys.exit(main())
