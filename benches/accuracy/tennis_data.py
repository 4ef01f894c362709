"""Point strings, point tables and odds tables of tennis, as the accuracy benches read them.

Formats: match strings of the tennis_pointbypoint repository (`S` and `A` the server wins, `R` and `D` the
receiver; `;`
ends a game, `.` a set, `/` changes the server within a tie-break), point tables of
tennis_slam_pointbypoint, and result
tables of tennis-data.co.uk. The home side is the player who serves first.
"""

import csv
import gzip
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddsengine import tennis

# Deciding sets without a tie-break in the years of the data: three majors, team cups and the Olympics.
ADVANTAGE = ("wimbledon", "french", "roland", "australian", "daviscup", "federation", "fedcup", "olympic")

Points = npt.NDArray[np.uint8]


class Match(NamedTuple):
    """A match as it was played."""

    name: str
    day: date
    tour: str
    home: str
    away: str
    home_wins: bool
    format: tennis.Format
    points: Points
    """Who won each point: 0 home, 1 away."""
    served: tuple[int, int]
    """Points served by home and by away."""
    served_won: tuple[int, int]
    """Points that each won on own serve."""
    sets: list[tuple[int, int]] | None
    """Games of each set as the source says, if it does."""


class Odds(NamedTuple):
    """A match with its closing odds."""

    day: date
    winner: str
    loser: str
    sets: tuple[int, int]
    odds: tuple[float, float]
    """Of the winner and of the loser."""
    location: str


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, plain or gzipped."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        yield from csv.DictReader(file)


def is_advantage(tournament: str) -> bool:
    """The deciding set of a tournament had no tie-break in 2011 to 2015."""
    name = re.sub("[^a-z]", "", tournament.lower())
    return any(word in name for word in ADVANTAGE)


def match_strings(path: Path) -> tuple[list[Match], int]:
    """The matches of a file of strings, and how many were bad input."""
    found, bad = [], 0
    for row in rows(path):
        match = from_string(row)
        if match is None:
            bad += 1
        else:
            found.append(match)
    return found, bad


def from_string(row: dict[str, str]) -> Match | None:
    """A match of a row; None if its string and its score are about different matches."""
    sets = [tuple(map(int, re.sub(r"\(\d+\)", "", one).split("-"))) for one in row["score"].split()]
    home_wins = row["winner"] == "1"
    # The score of the source is the winner's.
    won = sum(a > b for a, b in sets)
    played = points_of(row["pbp"])
    if played is None or len(sets) != row["pbp"].count(".") + 1 or won not in (2, 3):
        return None
    sides = [(a, b) if home_wins else (b, a) for a, b in sets]
    final_set: tennis.FinalSet = "advantage" if is_advantage(row["tny_name"]) else "tb7"
    winners, served, served_won = played
    return Match(
        name=f"{row['pbp_id']} {row['tny_name']}",
        day=datetime.strptime(row["date"], "%d %b %y").date(),
        tour=row["tour"].lower(),
        home=row["server1"],
        away=row["server2"],
        home_wins=home_wins,
        format=tennis.Format(best_of=2 * won - 1, final_set=final_set),
        points=winners,
        served=served,
        served_won=served_won,
        sets=[(a, b) for a, b in sides],
    )


def points_of(text: str) -> tuple[Points, tuple[int, int], tuple[int, int]] | None:
    """Winners of all points, points served and won on serve; by the separators of the string alone."""
    winners: list[int] = []
    served, served_won = [0, 0], [0, 0]
    server = 0
    for game in re.split("[;.]", text):
        at = server
        for letter in game:
            if letter == "/":
                at = 1 - at
            elif letter in "SARD":
                is_held = letter in "SA"
                winners.append(at if is_held else 1 - at)
                served[at] += 1
                served_won[at] += is_held
            else:
                return None
        server = 1 - server
    return np.array(winners, dtype=np.uint8), (served[0], served[1]), (served_won[0], served_won[1])


def point_tables(points_path: Path, year_day: date) -> tuple[list[Match], int]:
    """The singles of a major, men's (numbers from 1001) and women's; matches that stop before their end
    are left out."""
    matches_path = points_path.with_name(points_path.name.replace("_points", "_matches"))
    names = {row["match_id"]: row for row in rows(matches_path)}
    by_match: dict[str, list[dict[str, str]]] = {}
    for row in rows(points_path):
        if row["PointNumber"].isdigit() and row["PointWinner"] in "12" and row["PointServer"] in "12":
            by_match.setdefault(row["match_id"], []).append(row)
    found, bad = [], 0
    for match_id, played in by_match.items():
        is_men = match_id.rsplit("-", 1)[1].startswith("1")
        format = tennis.Format(best_of=5 if is_men else 3, final_set="advantage")
        first = played[0]["PointServer"]
        side = {first: 0, "1" if first == "2" else "2": 1}
        winners = np.array([side[row["PointWinner"]] for row in played], dtype=np.uint8)
        served, served_won = [0, 0], [0, 0]
        for row in played:
            served[side[row["PointServer"]]] += 1
            served_won[side[row["PointServer"]]] += row["PointWinner"] == row["PointServer"]
        sets = [row["SetWinner"] for row in played if row["SetWinner"] in "12" and row["SetWinner"]]
        to_win = format.best_of // 2 + 1
        if not sets or sets.count(sets[-1]) != to_win:
            bad += 1
            continue
        players = [names[match_id]["player1"], names[match_id]["player2"]]
        home, away = players if first == "1" else players[::-1]
        found.append(
            Match(
                name=match_id,
                day=year_day,
                tour="atp" if is_men else "wta",
                home=home,
                away=away,
                home_wins=side[sets[-1]] == 0,
                format=format,
                points=winners,
                served=(served[0], served[1]),
                served_won=(served_won[0], served_won[1]),
                sets=None,
            )
        )
    return found, bad


BOOKS = (("PSW", "PSL"), ("AvgW", "AvgL"), ("B365W", "B365L"))


def odds_table(path: Path) -> list[Odds]:
    """The completed matches of a table with odds: Pinnacle's, else the market's average, else bet365's."""
    found = []
    for row in rows(path):
        pairs = [(number(row.get(win)), number(row.get(lose))) for win, lose in BOOKS]
        pair = next(
            (pair for pair in pairs if min(pair) > 1.0 and 0.95 < 1 / pair[0] + 1 / pair[1] < 1.25), None
        )
        if row["Comment"] != "Completed" or pair is None:
            continue
        sets = (int(number(row["Wsets"])), int(number(row["Lsets"])))
        if sets not in ((2, 0), (2, 1), (3, 0), (3, 1), (3, 2)):
            continue
        day = datetime.strptime(row["Date"][:10], "%Y-%m-%d").date()
        found.append(Odds(day, row["Winner"], row["Loser"], sets, pair, row["Location"]))
    return found


def number(text: str | None) -> float:
    """The number of a cell, 0 if there is none."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def plain(name: str) -> str:
    """Letters of a name in ASCII."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z ]", " ", letters.replace("'", "")).strip()


def last_names(full: str) -> set[str]:
    """What a family name with an initial can be for `First Middle Last`."""
    parts = plain(full).split()
    return {f"{' '.join(parts[cut:])} {parts[0][0]}" for cut in range(1, len(parts))}


def odds_of(match: Match, tables: list[Odds]) -> tuple[float, float] | None:
    """The closing odds of home and away, where one table has the match."""
    for odds in tables:
        if abs((odds.day - match.day).days) > 3:
            continue
        winner, loser = (match.home, match.away) if match.home_wins else (match.away, match.home)
        if plain(odds.winner) in last_names(winner) and plain(odds.loser) in last_names(loser):
            return odds.odds if match.home_wins else odds.odds[::-1]
    return None
