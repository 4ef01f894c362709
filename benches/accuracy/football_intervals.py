"""When goals fall: `football_intervals.py GOALS RESULTS SHOOTOUTS` (CSV or .csv.gz of international matches).

Compares goals by ten minutes of the clock with `football.interval_shares`, at its default first-half share
and at the measured one, and the interval of the first goal with what the shares say of it given the number
of goals of the match (each goal falls in an interval by itself). Prints own goals, goals of extra time, and
who wins shoot-outs.

Minutes are 1 to 120; added time is folded into minutes 45 and 90, as in the intervals.
"""

import argparse
import csv
import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oddsengine import football

INTERVALS = 9
REGULATION = 90

FloatArray = npt.NDArray[np.float64]
Row = dict[str, str]


def rows(path: Path) -> Iterator[Row]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def interval_of(minute: int) -> int:
    return min((minute - 1) // 10, INTERVALS - 1)


def first_goal(shares: FloatArray, goals_of_match: list[int]) -> FloatArray:
    """Expected matches by the interval of their first goal, given how many goals each has."""
    left = 1.0 - np.concatenate([[0.0], np.cumsum(shares)])
    left[-1] = 0.0
    counts = np.array([goals for goals in goals_of_match if goals > 0])
    none_before = left[:, None] ** counts[None, :]
    expected: FloatArray = (none_before[:-1] - none_before[1:]).sum(axis=1)
    return expected


def show(name: str, observed: FloatArray, expected: FloatArray) -> None:
    """Two lines of shares, the largest difference, and the chi-square distance."""
    total = observed.sum()
    distance = ((observed - expected) ** 2 / expected).sum()
    print(f"{name}: {int(total)}")
    print("  observed " + " ".join(f"{value / total:.4f}" for value in observed))
    print("  model    " + " ".join(f"{value / total:.4f}" for value in expected))
    gap = np.abs(observed - expected).max() / total
    print(f"  largest difference {gap:.4f}, chi-square {distance:.1f} on {len(observed) - 1}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("goals", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("shootouts", type=Path)
    arguments = parser.parse_args()

    goals = list(rows(arguments.goals))
    own = sum(row["own_goal"] == "TRUE" for row in goals)
    print(f"goals {len(goals)}, own goals {own / len(goals):.4f}")
    minutes: dict[tuple[str, str], list[int]] = defaultdict(list)
    unknown = set()
    for row in goals:
        match = (row["date"], row["home_team"])
        if row["minute"] in ("", "NA"):
            unknown.add(match)
        else:
            minutes[match].append(int(row["minute"]))
    known = [sorted(times) for match, times in minutes.items() if match not in unknown]
    regulation = [[minute for minute in times if minute <= REGULATION] for times in known]
    observed = np.zeros(INTERVALS)
    for minute in (minute for times in regulation for minute in times):
        observed[interval_of(minute)] += 1
    first_half = sum(minute <= 45 for times in regulation for minute in times) / observed.sum()

    first = Counter(interval_of(times[0]) for times in regulation if times)
    first_observed = np.array([first[interval] for interval in range(INTERVALS)], dtype=np.float64)
    counts = [len(times) for times in regulation]
    for name, share in [("default", 0.45), ("measured", round(first_half, 4))]:
        shares = football.interval_shares(first_half_share=share)
        print(f"first-half share {share} ({name})")
        show("goals by ten minutes", observed, shares * observed.sum())
        show("first goal by ten minutes", first_observed, first_goal(shares, counts))

    finals = {(row["date"], row["home_team"]) for row in rows(arguments.results)}
    shootouts = list(rows(arguments.shootouts))
    extra = {match: times for match, times in minutes.items() if times and max(times) > REGULATION}
    # A shoot-out does not tell whether extra time was played before it; without those, only a decided one
    # is known.
    drawn = {(row["date"], row["home_team"]) for row in shootouts} & finals
    goals_extra = sum(minute > REGULATION for times in extra.values() for minute in times)
    bounds = (len(extra), len(extra.keys() | drawn))
    print(
        f"extra time: {goals_extra} goals in {bounds[0]} matches that had some, at most {bounds[1]} matches"
    )
    home = sum(row["winner"] == row["home_team"] for row in shootouts)
    told = [row for row in shootouts if row["first_shooter"]]
    began = sum(row["winner"] == row["first_shooter"] for row in told)
    print(f"shoot-outs: {len(shootouts)}, won by home {home / len(shootouts):.3f}")
    error = (0.25 / len(told)) ** 0.5
    print(f"  won by the first to kick {began / len(told):.3f} of {len(told)}, standard error {error:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
