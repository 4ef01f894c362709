"""Replays tennis matches point by point and compares in-play prices with what happened.

    tennis_inplay.py --strings atp_main_pbp.csv.gz ... --tables slam_2012-wimbledon_points.csv.gz ...
                     --odds atp_2012.csv.gz ... [--prior none 60 ...] [--boards] [--slice N]

Every match is played through the engine's rules; one whose string does not end in the score of the source is bad
input and left out. The price of the match winner before every point is compared with the winner: log loss, Brier
score and calibration, by phase of the match, points weighed alike within a match and matches alike.

Starting prices: closing odds (margin removed multiplicatively) where an odds table has the match, with the tour's
mean serve level; else serve averages of both players in earlier matches of the files, drawn to the tour's mean
(`--shrink` points). Nothing later than the match is used. `--boards` also checks the whole board at every state:
books, lines, decided selections, and prices of the end against the result. `--markets` compares the games, handicaps
and tie-breaks that the closing price of the winner predicts with those of the matches.
"""

import argparse
import itertools
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tennis_data
from tennis_data import Match, Odds

from oddsengine import margin, tennis
from oddsengine.exceptions import OddsEngineError

FloatArray = npt.NDArray[np.float64]

# Serve levels of the tours before any match was seen: ATP and WTA, rounded.
SERVE_MEAN_FIRST = {"atp": 0.63, "wta": 0.57}
SHRINK_POINTS = 500.0
PHASES = ("before", "set 1", "set 2", "later sets", "deciding set", "all")
BINS = 10


class Player:
    """Points of a player in earlier matches."""

    def __init__(self) -> None:
        self.served, self.held, self.received, self.broke = 0.0, 0.0, 0.0, 0.0


class History:
    """Serve and return averages of players, in the order of the matches."""

    def __init__(self, shrink: float) -> None:
        self.shrink = shrink
        self.players: dict[str, Player] = defaultdict(Player)
        self.tours: dict[str, list[float]] = {tour: [2e4, 2e4 * p] for tour, p in SERVE_MEAN_FIRST.items()}

    def mean(self, tour: str) -> float:
        """The tour's mean serve level so far."""
        played, won = self.tours[tour]
        return won / played

    def levels(self, match: Match) -> tuple[float, float]:
        """Serve levels of both sides: the tour's mean, the server's advantage over it, less the
        receiver's."""
        mean = self.mean(match.tour)

        def edge(won: float, played: float, usual: float) -> float:
            return (won + self.shrink * usual) / (played + self.shrink) - usual

        def level(server: Player, receiver: Player) -> float:
            own = edge(server.held, server.served, mean)
            other = edge(receiver.broke, receiver.received, 1.0 - mean)
            return min(max(mean + own - other, 0.35), 0.85)

        home, away = self.players[match.home], self.players[match.away]
        return level(home, away), level(away, home)

    def add(self, match: Match) -> None:
        """Learns from a match that is over."""
        for side, name in enumerate((match.home, match.away)):
            played, won = match.served[side], match.served_won[side]
            other = (match.away, match.home)[side]
            self.players[name].served += played
            self.players[name].held += won
            self.players[other].received += played
            self.players[other].broke += played - won
            self.tours[match.tour][0] += played
            self.tours[match.tour][1] += won


class Start(NamedTuple):
    """What is known before a match."""

    source: str
    match_home: float | None
    serve_mean: float
    levels: tuple[float, float]


def starts(matches: list[Match], tables: list[Odds], shrink: float) -> list[Start]:
    """What is known before each match; matches are sorted by day."""
    history = History(shrink)
    found, waiting, day = [], [], None
    for match in matches:
        if match.day != day:
            for earlier in waiting:
                history.add(earlier)
            waiting, day = [], match.day
        odds = tennis_data.odds_of(match, tables) if match.tour == "atp" else None
        price = (
            None if odds is None else float(margin.fair_probabilities(list(odds), method="multiplicative")[0])
        )
        source = "averages" if price is None else "odds"
        found.append(Start(source, price, history.mean(match.tour), history.levels(match)))
        waiting.append(match)
    return found


def serve_of(start: Start, format: tennis.Format, prior: float | None) -> tennis.Serve:
    """Serve levels of a match before it."""
    if start.match_home is None:
        return tennis.Serve(*start.levels, prior)
    return tennis.calibrate(start.match_home, serve_mean=start.serve_mean, prior_points=prior, format=format)


class Scored(NamedTuple):
    """Sums of one match in one phase."""

    log_loss: float
    brier: float
    count: int
    bins: FloatArray
    """(BINS, 3) sums of probability, wins and points."""


def score_phase(home: FloatArray, home_wins: bool) -> Scored:
    """Losses and calibration sums of some prices of one match."""
    probability = np.clip(home, 1e-9, 1.0 - 1e-9)
    won = 1.0 if home_wins else 0.0
    log_loss = -np.log(probability if home_wins else 1.0 - probability)
    index = np.minimum((probability * BINS).astype(int), BINS - 1)
    bins = np.zeros((BINS, 3))
    np.add.at(
        bins, index, np.stack([probability, np.full_like(probability, won), np.ones_like(probability)], 1)
    )
    return Scored(float(log_loss.sum()), float(((probability - won) ** 2).sum()), len(home), bins)


def phases_of(match: Match, played: tennis.Replay) -> dict[str, FloatArray]:
    """Prices of a match by phase; the state after the last point is left out."""
    home, scores = played.home[:-1], played.scores[:-1]
    set_index = scores[:, 0] + scores[:, 1]
    last = match.format.best_of - 1
    found = {
        "before": home[:1],
        "set 1": home[set_index == 0],
        "set 2": home[(set_index == 1)],
        "later sets": home[(set_index > 1) & (set_index < last)],
        "deciding set": home[set_index == last],
        "all": home,
    }
    return {phase: prices for phase, prices in found.items() if len(prices)}


def replay_all(
    matches: list[Match], known: list[Start], prior: float | None
) -> dict[tuple[str, str], list[Scored]]:
    """Scores of all matches by (source of the start, phase)."""
    found: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for match, start in zip(matches, known, strict=True):
        serve = serve_of(start, match.format, prior)
        played = tennis.replay(match.points, serve=serve, format=match.format)
        for phase, prices in phases_of(match, played).items():
            scored = score_phase(prices, match.home_wins)
            found[start.source, phase].append(scored)
            found["both", phase].append(scored)
    return found


def is_replayed(match: Match) -> bool:
    """The points of a match lead to the score of the source, and to its winner exactly at the last point."""
    try:
        played = tennis.replay(match.points, serve=(0.6, 0.6), format=match.format)
    except OddsEngineError:
        return False
    sets = played.scores[-1, :2]
    to_win = match.format.best_of // 2 + 1
    is_over = bool(max(sets) == to_win) and bool((sets[0] > sets[1]) == match.home_wins)
    if match.sets is None or not is_over:
        return is_over
    won = sum(a > b for a, b in match.sets)
    return bool(sets[0] == won) and bool(sets[1] == len(match.sets) - won)


def report(found: dict[tuple[str, str], list[Scored]], prior: float | None) -> None:
    """Prints one table."""
    for source in ("odds", "averages", "both"):
        if (source, "all") not in found:
            continue
        print(f"\nprior points {prior or 'none (levels exactly known)'}, start from {source}")
        print(
            f"  {'phase':<13} matches  points   log loss  s.e.    Brier    largest gap of a calibration bin"
        )
        for phase in PHASES:
            scored = found.get((source, phase))
            if not scored:
                continue
            losses = np.array([one.log_loss / one.count for one in scored])
            brier = np.mean([one.brier / one.count for one in scored])
            bins = np.sum([one.bins for one in scored], axis=0)
            shown = bins[:, 2] > 0.01 * bins[:, 2].sum()
            gaps = np.divide(bins[:, 0] - bins[:, 1], bins[:, 2], where=bins[:, 2] > 0, out=np.zeros(BINS))
            worst = int(np.argmax(np.abs(gaps) * shown))
            error = losses.std() / max(len(losses), 1) ** 0.5
            print(
                f"  {phase:<13} {len(losses):>7} {int(bins[:, 2].sum()):>7}   {losses.mean():.4f}  {error:.4f}  "
                f"{brier:.4f}   {gaps[worst]:+.3f} at {worst / BINS:.1f}-{(worst + 1) / BINS:.1f}"
            )


def calibration(found: dict[tuple[str, str], list[Scored]]) -> None:
    """Prints predicted and observed shares of all points."""
    bins = np.sum([one.bins for one in found["both", "all"]], axis=0)
    print("\ncalibration over all points, both starts: predicted, observed, points")
    for index, (probability, won, count) in enumerate(bins):
        if count:
            print(f"  {index / BINS:.1f}  {probability / count:.3f}  {won / count:.3f}  {int(count)}")


def compare_markets(matches: list[Match], known: list[Start], prior: float | None) -> None:
    """Prints how the other markets of matches that start from closing odds came out: predicted and observed."""
    chosen = [pair for pair in zip(matches, known, strict=True) if pair[1].source == "odds"]
    for best_of in (3, 5):
        table: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for match, start in chosen:
            if match.format.best_of != best_of:
                continue
            serve = serve_of(start, match.format, prior)
            board = tennis.distributions(serve, score=tennis.Score(server="home"), format=match.format)
            last = tennis.replay(match.points, serve=(0.6, 0.6), format=match.format)
            games = games_of(last.scores)
            total, difference = games[0] + games[1], games[0] - games[1]
            lines = (18.5, 22.5, 26.5) if best_of == 3 else (30.5, 38.5, 46.5)
            table["games"].append((board.expected_games, total))
            for line in lines:
                table[f"over {line}"].append((board.over(line), float(total > line)))
            for line in (-4.5, -1.5, 1.5, 4.5):
                table[f"handicap {line:+}"].append((board.handicap(line), float(difference + line > 0)))
            table["tie-break"].append(
                (1.0 - board.tie_breaks[0], float(has_tie_break(last.scores, match.format)))
            )
            sets = tuple(int(count) for count in last.scores[-1, :2])
            straight = sum(p for score, p in board.set_betting.items() if "0" in score)
            table["straight sets"].append((straight, float(min(sets) == 0)))
        if not table:
            continue
        print(
            f"\nmarkets beside the winner, best of {best_of}, prior points {prior or 'none'}, start from odds"
        )
        print("  market         matches  predicted  observed  difference  s.e.   log loss")
        for name, pairs in table.items():
            predicted, observed = np.array(pairs).T
            gap = predicted - observed
            loss = ""
            if name != "games":
                likely = np.where(observed == 1.0, predicted, 1.0 - predicted)
                loss = f"{-np.log(np.clip(likely, 1e-9, 1.0)).mean():.4f}"
            print(
                f"  {name:<14} {len(pairs):>7}  {predicted.mean():>9.3f}  {observed.mean():>8.3f}  "
                f"{gap.mean():>+10.3f}  {gap.std() / len(pairs) ** 0.5:.3f}  {loss}"
            )


def games_of(scores: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Games of both sides in a match, from its scores point by point."""
    won = [0, 0]
    for before, after in itertools.pairwise(scores):
        if (after[:2] != before[:2]).any():
            won[0 if after[0] > before[0] else 1] += 1
        elif (after[2:4] != before[2:4]).any():
            won[0 if after[2] > before[2] else 1] += 1
    return won[0], won[1]


def has_tie_break(scores: npt.NDArray[np.int64], format: tennis.Format) -> bool:
    """A tie-break was played: a set that is not an advantage set came to 6-6."""
    at_six = (scores[:, 2] == 6) & (scores[:, 3] == 6)
    if format.final_set == "advantage":
        at_six &= scores[:, 0] + scores[:, 1] < format.best_of - 1
    return bool(at_six.any())


def check_boards(matches: list[Match], known: list[Start], prior: float | None) -> int:
    """Checks every board of every match; the number of faults."""
    states = prices = faults = 0
    for match, start in zip(matches, known, strict=True):
        serve = serve_of(start, match.format, prior)
        checked = tennis.check_boards(match.points, serve=serve, format=match.format)
        states, prices = states + checked.state_count, prices + checked.price_count
        for fault in checked.faults[:3]:
            print(f"  {match.name}: {fault}")
        faults += len(checked.faults)
    print(f"\nboards: {states} states, {prices} prices, {faults} faults")
    return faults


def read(strings: list[Path], tables: list[Path]) -> list[Match]:
    """All matches that can be replayed, by day; prints how many were bad input."""
    found: list[Match] = []
    for path in strings:
        matches, bad = tennis_data.match_strings(path)
        found += accepted(path, matches, bad)
    for path in tables:
        year = int(path.name.split("_")[1][:4])
        day = date(year, 1, 13) if "ausopen" in path.name else date(year, 6, 25)
        matches, bad = tennis_data.point_tables(path, day)
        found += accepted(path, matches, bad)
    return sorted(found, key=lambda match: (match.day, match.name))


def accepted(path: Path, matches: list[Match], bad: int) -> list[Match]:
    """The matches whose points lead to their result."""
    good = [match for match in matches if is_replayed(match)]
    print(
        f"{path.name}: {len(good)} matches replayed, {bad + len(matches) - len(good)} of bad input left out"
    )
    return good


def prior_of(text: str) -> float | None:
    """`none` or a number of points."""
    return None if text == "none" else float(text)


def main(arguments: list[str]) -> int:
    """Prints the tables; 1 if a board had a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strings", nargs="*", type=Path, default=[])
    parser.add_argument("--tables", nargs="*", type=Path, default=[])
    parser.add_argument("--odds", nargs="*", type=Path, default=[])
    parser.add_argument("--prior", nargs="*", type=prior_of, default=[None, tennis.PRIOR_POINTS])
    parser.add_argument("--shrink", type=float, default=SHRINK_POINTS)
    parser.add_argument("--boards", action="store_true")
    parser.add_argument("--markets", action="store_true")
    parser.add_argument("--slice", type=int, default=None)
    options = parser.parse_args(arguments)
    matches = read(options.strings, options.tables)[: options.slice]
    odds = [row for path in options.odds for row in tennis_data.odds_table(path)]
    known = starts(matches, odds, options.shrink)
    print(
        f"{len(matches)} matches, {sum(start.source == 'odds' for start in known)} of them start from closing odds"
    )
    found = {}
    for prior in options.prior:
        found = replay_all(matches, known, prior)
        report(found, prior)
        if options.markets:
            compare_markets(matches, known, prior)
    if found:
        calibration(found)
    if options.boards:
        return min(1, sum(check_boards(matches, known, prior) for prior in options.prior))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
