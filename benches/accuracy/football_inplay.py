"""Replays football matches minute by minute through the live model: `football_inplay.py RESULTS GOALS ...`.

RESULTS and GOALS are the international results and goals of martj42/international_results (.csv or
.csv.gz). Tournaments of which only goalless matches are on file are left out. These matches have no odds,
so their strength before kick-off is **estimated**: Elo ratings over all earlier matches of the file (goal-
difference weights, home advantage unless the ground is neutral), then Poisson goal means log-linear in the
rating difference and one rho, fitted for each year on the ten years before it. Further
arguments are event files of StatsBomb: their sides have no rating here and get a common model, for the
checks only.

Every minute the whole board is priced and checked: fair probabilities within 0..1 that sum to the number of
winners, offered odds never above fair odds nor a book below it, lines in order, and after the final whistle
every selection priced at its grade. By phase of the match: log loss and Brier score (sum over the three
results) of the winner, calibration error (ten bins over all three probabilities), logistic slope (1 is
calibrated, below 1 overconfident), and P(no more goals) against how often there were none. Beside the
default settings stand the log losses of scoring rates that do not feel the score, and of the price before
kick-off, never changed.

Minutes of goals are whole and stoppage time is folded into 45 and 90: prices are looked at after 44 and 89
minutes and at half-time, never inside the folded time. Goals after 90 minutes are extra time if the score
was level.
"""

import argparse
import csv
import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddsengine import football, settle

FloatArray = npt.NDArray[np.float64]

ELO_START = 1500.0
ELO_STEP = 30.0
ELO_HOME = 80.0
# Years that only warm the ratings up, and years that the goal means of a season are fitted on.
WARM_UP_YEARS = 6
FIT_YEARS = 10
PHASES = ("kick-off", "1-15", "16-30", "31-44", "half-time", "46-60", "61-75", "76-89")
ROUNDING = 1e-9
STATSBOMB_MODEL = football.DixonColes(1.5, 1.2, -0.06)


class Goal(NamedTuple):
    """A goal: clock in seconds, half 0 or 1, side."""

    clock_s: float
    half: int
    side: str


class Match(NamedTuple):
    """A match of 90 minutes."""

    year: int
    teams: tuple[str, str]
    is_neutral: bool
    goals: tuple[Goal, ...]

    @property
    def score(self) -> tuple[int, int]:
        """Goals of home and away after 90 minutes."""
        sides = [goal.side for goal in self.goals]
        return sides.count("home"), sides.count("away")

    @property
    def result(self) -> int:
        """0 home, 1 draw, 2 away."""
        home, away = self.score
        return 0 if home > away else 1 if home == away else 2


def rows_of(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def international_matches(results: Path, goals: Path) -> tuple[list[Match], int]:
    """Matches in the order of their dates, and how many were left out."""
    minutes: dict[tuple[str, str, str], list[tuple[int, str]] | None] = {}
    for row in rows_of(goals):
        key = (row["date"], row["home_team"], row["away_team"])
        known = minutes.setdefault(key, [])
        if not row["minute"].isdigit():
            minutes[key] = None
        elif known is not None:
            known.append((int(row["minute"]), "home" if row["team"] == row["home_team"] else "away"))
    rows = rows_of(results)
    with_goals = {row["tournament"] for row in rows if (row["home_score"], row["away_score"]) != ("0", "0")}
    matches, left_out = [], 0
    for row in rows:
        if row["tournament"] not in with_goals:
            left_out += 1
            continue
        teams = row["home_team"], row["away_team"]
        found = minutes.get((row["date"], *teams), [])
        sides = [side for _, side in found or []]
        is_complete = found is not None and [str(sides.count(side)) for side in ("home", "away")] == [
            row["home_score"],
            row["away_score"],
        ]
        if not is_complete or found is None:
            left_out += 1
            continue
        found = sorted(found)
        by_90 = [side for minute, side in found if minute <= 90]
        if by_90.count("home") == by_90.count("away"):
            found = [(minute, side) for minute, side in found if minute <= 90]
        scored = tuple(Goal(60.0 * min(minute, 90) - 30.0, int(minute > 45), side) for minute, side in found)
        matches.append(Match(int(row["date"][:4]), teams, row["neutral"] == "TRUE", scored))
    return matches, left_out


def rating_differences(matches: list[Match]) -> FloatArray:
    """Elo difference before each match, home advantage included, in units of 400."""
    ratings: dict[str, float] = {}
    differences = np.zeros(len(matches))
    for index, match in enumerate(matches):
        home, away = (ratings.get(team, ELO_START) for team in match.teams)
        difference = home - away + (0.0 if match.is_neutral else ELO_HOME)
        differences[index] = difference / 400.0
        expected = 1.0 / (1.0 + 10.0 ** (-difference / 400.0))
        goals = abs(match.score[0] - match.score[1])
        weight = (1.0, 1.0, 1.5)[goals] if goals < 3 else (11.0 + goals) / 8.0
        change = ELO_STEP * weight * ((1.0, 0.5, 0.0)[match.result] - expected)
        ratings[match.teams[0]], ratings[match.teams[1]] = home + change, away - change
    return differences


class Strengths(NamedTuple):
    """Goal means `exp(level ± slope x)` of a rating difference x, and rho."""

    level: float
    slope: float
    rho: float

    def model(self, difference: float) -> football.DixonColes:
        home = float(np.exp(self.level + self.slope * difference))
        away = float(np.exp(self.level - self.slope * difference))
        low, high = football.DixonColes(home, away).rho_bounds
        return football.DixonColes(home, away, min(max(self.rho, low), high))


def fit_strengths(differences: FloatArray, matches: list[Match]) -> Strengths:
    """Poisson regression by Newton's method, then rho by its likelihood on a grid."""
    scores = np.array([match.score for match in matches], dtype=np.float64)
    design = np.concatenate(
        [np.stack([np.ones_like(differences), sign * differences], axis=1) for sign in (1.0, -1.0)]
    )
    goals = np.concatenate([scores[:, 0], scores[:, 1]])
    point = np.array([np.log(goals.mean()), 0.0])
    for _ in range(50):
        means = np.exp(design @ point)
        step = np.linalg.solve(design.T @ (design * means[:, None]), design.T @ (goals - means))
        point = point + step
        if np.abs(step).max() < 1e-12:
            break
    home, away = np.exp(point[0] + point[1] * differences), np.exp(point[0] - point[1] * differences)

    def log_likelihood(rho: float) -> float:
        total = 0.0
        for x, y, factor in (
            (0, 0, 1.0 - home * away * rho),
            (0, 1, 1.0 + home * rho),
            (1, 0, 1.0 + away * rho),
            (1, 1, np.full_like(home, 1.0 - rho)),
        ):
            rows = (scores[:, 0] == x) & (scores[:, 1] == y)
            total += float(np.log(np.maximum(factor[rows], 1e-3)).sum())
        return total

    rho = max(np.arange(-0.2, 0.101, 0.005), key=log_likelihood)
    return Strengths(float(point[0]), float(point[1]), float(rho))


def statsbomb_match(path: Path) -> Match:
    """The goals of a StatsBomb event file, which tells the score after every event."""
    rows = rows_of(path)
    teams: list[str] = []
    for row in rows:
        if row["type"] == "Starting XI":
            teams.append(row["team"])
    goals: list[Goal] = []
    score = (0, 0)
    for row in rows:
        now = (int(row["home_score"]), int(row["away_score"]))
        if now != score:
            side = "home" if now[0] > score[0] else "away"
            goals.append(Goal(60.0 * int(row["minute"]) + int(row["second"]), int(row["period"]) - 1, side))
            score = now
    return Match(0, (teams[0], teams[1]), True, tuple(goals))


class Checks:
    """What must hold of a board, counted; a violation is kept with its words."""

    def __init__(self) -> None:
        names = football.board(1.5, 1.2).selections
        self.names = names
        markets = [name.split("/", 1)[0] for name in names]
        self.starts = np.array([i for i, key in enumerate(markets) if i == 0 or markets[i - 1] != key])
        self.keys = [markets[i] for i in self.starts]
        fair = football.board(1.5, 1.2).fair
        self.winners = np.round(np.add.reduceat(fair, self.starts))
        self.may_refund = np.array([can_refund(key) for key in self.keys])
        self.rising, self.falling = self._lines()
        self.boards = 0
        self.prices = 0
        self.violations: list[str] = []

    def _lines(self) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.int64]]]:
        """Places of the home handicaps (rising with the line) and the overs (falling), by family."""
        families: dict[tuple[str, str], list[tuple[float, int]]] = {}
        for place, name in enumerate(self.names):
            key, selection = name.split("/", 1)
            stem, _, line = key.partition(":")
            if selection in ("over", "home") and ("total" in stem or stem.startswith("handicap")) and line:
                families.setdefault((stem, selection), []).append((float(line), place))
        rising, falling = [], []
        for (_, selection), places in families.items():
            ordered = np.array([place for _, place in sorted(places)])
            (falling if selection == "over" else rising).append(ordered)
        return rising, falling

    def check(self, board: football.Board, at: str) -> None:
        """Counts a board, and writes down what is wrong with it."""
        fair, odds = board.fair, board.odds
        self.boards += 1
        self.prices += int(np.isfinite(fair).sum())
        if (fair < -ROUNDING).any() or (fair > 1.0 + ROUNDING).any():
            self.violations.append(f"{at}: a fair probability outside 0..1")
        sums = np.add.reduceat(fair, self.starts)
        # A market that gives every stake back has no probabilities left.
        wrong = (np.abs(sums - self.winners) > ROUNDING) & ~(self.may_refund & (sums == 0.0))
        self.violations += [f"{at}: {self.keys[i]} sums to {sums[i]}" for i in np.flatnonzero(wrong)]
        with np.errstate(divide="ignore", invalid="ignore"):
            above = odds * fair > 1.0 + ROUNDING
            booksums = np.add.reduceat(1.0 / odds, self.starts)
        self.violations += [f"{at}: {self.names[i]} is offered above fair" for i in np.flatnonzero(above)]
        below = booksums < self.winners - ROUNDING
        self.violations += [
            f"{at}: {self.keys[i]} has a book of {booksums[i]}" for i in np.flatnonzero(below)
        ]
        for sign, families in ((1.0, self.rising), (-1.0, self.falling)):
            for places in families:
                # A line that is certain to be refunded has no price.
                values = fair[places][~self.is_refunded(board, places)]
                steps = sign * np.diff(values)
                if (steps < -ROUNDING).any():
                    self.violations.append(f"{at}: lines of {self.names[places[0]]} are out of order")

    def is_refunded(self, board: football.Board, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether both sides of these lines have no probability: the stake is sure to come back."""
        sums = np.add.reduceat(board.fair, self.starts)
        refunded: npt.NDArray[np.bool_] = sums[np.searchsorted(self.starts, places, side="right") - 1] == 0.0
        return refunded

    def check_final(self, board: football.Board, match: Match, at: str) -> None:
        """After the final whistle every price is the grade, and nothing that is decided is offered."""
        half_time = tuple(
            sum(goal.half == 0 and goal.side == side for goal in match.goals) for side in ("home", "away")
        )
        order = "".join(goal.side[0] for goal in match.goals)
        for place, name in enumerate(self.names):
            grade = settle.grade(name, match.score, half_time=(half_time[0], half_time[1]), goals=order)
            fair = board.fair[place]
            expected = grade.win / (1.0 - grade.refund) if grade.refund < 1.0 else 0.0
            if not abs(fair - expected) < 1e-12:
                self.violations.append(f"{at}: {name} ends at {fair}, its grade is {expected}")


def can_refund(key: str) -> bool:
    """Draw no bet and lines of whole goals."""
    stem, _, line = key.partition(":")
    if stem.startswith("draw_no_bet"):
        return True
    is_line = stem.startswith("handicap") or stem.split(".")[0].endswith("total")
    return is_line and "." not in line


@dataclass
class Sample:
    """Probabilities of home, draw, away in one phase, what happened, and P(no more goals) likewise."""

    results: list[int] = field(default_factory=list)
    priors: list[FloatArray] = field(default_factory=list)
    default: list[FloatArray] = field(default_factory=list)
    neutral: list[FloatArray] = field(default_factory=list)
    no_more_goals: list[tuple[float, bool]] = field(default_factory=list)


def steps_of(match: Match, *, every: int) -> Iterator[tuple[str, float, tuple[str, float, str | None]]]:
    """(phase to look at after the incident or '', minute, incident), in order."""
    yield "kick-off", 0.0, ("kick_off", 0.0, None)
    for half, (first, last) in enumerate(((1, 44), (46, 89))):
        scored = [goal for goal in match.goals if goal.half == half]
        for minute in range(first, last + 1):
            for goal in scored:
                if minute - 1 <= goal.clock_s / 60.0 < minute:
                    yield "", minute, ("goal", goal.clock_s, goal.side)
            is_looked_at = minute % every == 0 or minute == last
            phase = PHASES[(1, 5)[half] + min((minute - 1 - 45 * half) // 15, 2)]
            yield phase if is_looked_at else "", minute, ("clock", 60.0 * minute, None)
        for goal in scored:
            if goal.clock_s / 60.0 >= last:
                yield "", last + 1, ("goal", goal.clock_s, goal.side)
        if half == 0:
            yield "half-time", 45.0, ("half_time", 2_700.0, None)
            yield "", 45.0, ("second_half", 2_700.0, None)


def replay(
    match: Match, model: football.DixonColes, checks: Checks, samples: dict[str, Sample], *, every: int
) -> None:
    """Plays a match through the live model; prices go to `samples`, boards to `checks`."""
    live = football.LiveMatch(model)
    neutral = football.LiveMatch(model, lead_multipliers=(1.0, 1.0, 1.0))
    before = winner(live.board())
    for phase, minute, incident in steps_of(match, every=every):
        kind, clock_s, side = incident
        live.apply(kind, clock_s, side)  # type: ignore[arg-type]  # the words of `steps_of`
        neutral.apply(kind, clock_s, side)  # type: ignore[arg-type]
        if not phase:
            continue
        board = live.board()
        checks.check(board, f"{'-'.join(match.teams)} {match.year} {minute:g}'")
        sample = samples.setdefault(phase, Sample())
        sample.results.append(match.result)
        sample.priors.append(before)
        sample.default.append(winner(board))
        sample.neutral.append(winner(neutral.board()))
        goals_now = sum(live.score)
        if goals_now < 5:
            name = "first_goal/none" if goals_now == 0 else f"next_goal:{goals_now + 1}/none"
            sample.no_more_goals.append((board[name].fair, goals_now == len(match.goals)))
    live.apply("full_time", 5_400.0)
    at = f"{'-'.join(match.teams)} {match.year} end"
    board = live.board()
    checks.check(board, at)
    checks.check_final(board, match, at)


def winner(board: football.Board) -> FloatArray:
    return np.array([board[f"1x2/{result}"].fair for result in ("home", "draw", "away")])


def log_loss(prices: list[FloatArray], results: list[int]) -> float:
    chosen = np.array(prices)[np.arange(len(results)), results]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def brier(prices: list[FloatArray], results: list[int]) -> float:
    return float(((np.array(prices) - np.eye(3)[results]) ** 2).sum(axis=1).mean())


def calibration_error(prices: list[FloatArray], results: list[int]) -> float:
    """Mean over all probabilities of their bin's difference between mean price and frequency."""
    probabilities, happened = np.array(prices).ravel(), np.eye(3)[results].ravel()
    bins = np.minimum((probabilities * 10.0).astype(int), 9)
    gaps = [abs((probabilities - happened)[bins == index].sum()) for index in range(10)]
    return float(sum(gaps) / len(probabilities))


def logistic_slope(prices: list[FloatArray], results: list[int]) -> float:
    """The slope of what happened on the log-odds of the prices, by Newton's method."""
    probabilities = np.clip(np.array(prices).ravel(), 1e-9, 1.0 - 1e-9)
    happened = np.eye(3)[results].ravel()
    design = np.stack([np.ones_like(probabilities), np.log(probabilities / (1.0 - probabilities))], axis=1)
    point = np.array([0.0, 1.0])
    for _ in range(30):
        fitted = 1.0 / (1.0 + np.exp(-design @ point))
        curvature = design.T @ (design * (fitted * (1.0 - fitted))[:, None])
        point = point + np.linalg.solve(curvature, design.T @ (happened - fitted))
    return float(point[1])


def print_phases(samples: dict[str, Sample]) -> None:
    print(
        f"\n{'':<10} {'n':>6} {'log loss':>9} {'Brier':>7} {'calib.':>7} {'slope':>6} "
        f"{'neutral':>9} {'prior':>8}   {'no more goals: price, frequency':>32}"
    )
    for phase in PHASES:
        sample = samples.get(phase)
        if sample is None:
            continue
        none = np.array(sample.no_more_goals, dtype=np.float64)
        print(
            f"{phase:<10} {len(sample.results):>6} {log_loss(sample.default, sample.results):>9.4f} "
            f"{brier(sample.default, sample.results):>7.4f} "
            f"{calibration_error(sample.default, sample.results):>7.4f} "
            f"{logistic_slope(sample.default, sample.results):>6.3f} "
            f"{log_loss(sample.neutral, sample.results):>9.4f} "
            f"{log_loss(sample.priors, sample.results):>8.4f}"
            f"   {none[:, 0].mean():>24.4f} {none[:, 1].mean():>7.4f}"
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("goals", type=Path, metavar="GOALS")
    parser.add_argument("events", nargs="*", type=Path, metavar="EVENTS")
    parser.add_argument("--split", type=int, default=2010, help="first year that is replayed (default 2010)")
    parser.add_argument("--matches", type=int, help="replay only so many, evenly spread")
    parser.add_argument("--every", type=int, default=1, metavar="MINUTES", help="look at prices so often")
    options = parser.parse_args(arguments)

    matches, left_out = international_matches(options.results, options.goals)
    differences = rating_differences(matches)
    years = np.array([match.year for match in matches])
    later = np.flatnonzero(years >= options.split)
    if not len(later) or options.split <= years.min() + WARM_UP_YEARS:
        raise SystemExit(f"no matches on both sides of {options.split}")
    strengths = {}
    for year in sorted({int(year) for year in years[later]}):
        first = max(year - FIT_YEARS, int(years.min()) + WARM_UP_YEARS)
        earlier = np.flatnonzero((first <= years) & (years < year))
        strengths[year] = fit_strengths(differences[earlier], [matches[i] for i in earlier])
    if options.matches is not None:
        later = later[np.unique(np.linspace(0, len(later) - 1, options.matches).astype(int))]
    print(f"{len(matches)} matches, {left_out} left out; goal means exp(level ± slope x) and rho:")
    for year, fit in strengths.items():
        print(f"  {year}: level {fit.level:.3f}, slope {fit.slope:.3f}, rho {fit.rho:+.3f}")

    checks, samples = Checks(), dict[str, Sample]()
    for index in later:
        match = matches[index]
        model = strengths[match.year].model(differences[index])
        replay(match, model, checks, samples, every=options.every)
    print(f"{len(later)} matches from {options.split} on replayed, prices every {options.every} min")
    print_phases(samples)

    for path in options.events:
        match = statsbomb_match(path)
        replay(match, STATSBOMB_MODEL, checks, {}, every=options.every)
        home, away = match.teams
        print(f"\n{path.name}: {home} {match.score[0]}-{match.score[1]} {away} replayed (data: StatsBomb)")
    print(f"\n{checks.boards} boards, {checks.prices} prices checked, {len(checks.violations)} violations")
    for violation in checks.violations[:20]:
        print(f"  {violation}", file=sys.stderr)
    return 1 if checks.violations else 0


if __name__ == "__main__":
    sys.exit(main())
