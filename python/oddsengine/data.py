"""Readers of files that others publish; you bring the file.

`simulated_league` makes such results from a known model, for examples and for checking what a fit finds.

`football_data` reads the CSV files of football-data.co.uk, of both kinds and many at once: results with
opening and closing odds, half-time goals, corners and cards. What a row lacks or gets wrong is counted and
named in the result; no row stops the rest.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _html, football
from oddsengine.exceptions import BoundsError
from oddsengine.tables import Table

__all__ = ["BadRow", "FootballData", "Market", "football_data", "simulated_league"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Market: TypeAlias = Literal["1x2", "total:2.5", "handicap"]

# How the columns begin, by bookmaker: 1X2, and totals and handicaps.
PREFIXES = {
    "pinnacle": ("PS", "P"),
    "bet365": ("B365", "B365"),
    "average": ("Avg", "Avg"),
    "maximum": ("Max", "Max"),
}

# Names before 2019-20, when a comparison site collected the prices.
OLD_PREFIXES = {"average": "BbAv", "maximum": "BbMx"}

# In the files of all seasons of a league, before they were renamed: the same closing odds under names without
# `C`.
EXTRA_CLOSING = {"pinnacle": "P", "average": "Avg", "maximum": "Max"}

COUNTS = {
    "HTHG": "half_time_home_goals",
    "HTAG": "half_time_away_goals",
    "HS": "home_shots",
    "AS": "away_shots",
    "HST": "home_shots_on_target",
    "AST": "away_shots_on_target",
    "HC": "home_corners",
    "AC": "away_corners",
    "HF": "home_fouls",
    "AF": "away_fouls",
    "HY": "home_yellow_cards",
    "AY": "away_yellow_cards",
    "HR": "home_red_cards",
    "AR": "away_red_cards",
}
"""Columns of the file that are counted things, and their names in the table."""

GOALS_MAX = 99

COUNT_MAX = 199
"""Of shots, fouls, corners and cards."""

FILES_MAX = 10_000


class BadRow(NamedTuple):
    """A row that was left out, or a value in a row that was kept."""

    line: int
    """Line of the file; the names of the columns stand in line 1."""
    reason: str
    file: str = ""
    """Name of the file; empty for an open one without a name."""


Source: TypeAlias = str | PathLike[str] | IO[str]


def football_data(source: Source | Iterable[Source]) -> FootballData:
    """Read CSV files of football-data.co.uk, plain or gzipped: one, several, or all of a folder.

    The site has a file a league and season (`E0.csv`, with `HomeTeam`, `FTHG`, ...), and for further leagues
    one file of all seasons (`ARG.csv`, with `Country`, `League`, `Season`, `Home`, `HG`, ... and closing odds
    alone). Both kinds come out alike and may be mixed.

    Parameters
    ----------
    source
        A path, an open text file, a folder (its `*.csv` and `*.csv.gz`, by name), or several of these, 1 to
        10,000 files.

    Returns
    -------
    A `FootballData` whose `table` has, one row a match in the order of the files:

    * `date`, `home`, `away`, `home_goals`, `away_goals`, `result` (0 home, 1 draw, 2 away);
    * `league`: the site's division such as `E0`, or country and league; and `season`: `2019-20`, or `2024`
      where a season is a year. Both are "" where the file does not say;
    * what a file has of half-time goals, shots, corners, fouls and cards (`COUNTS`), float64 with `nan` where
      there is none;
    * for every column of odds a float64 column of its name, `nan` where there is no price.

    A row without a date, team or score is left out and named in `bad_rows`, as is one whose result
    contradicts its score or that repeats a match, of another file too. A price that is no number above 1, or
    a count that is none, becomes `nan`, named in `bad_values`.

    Raises
    ------
    BoundsError
        A file without the columns of either kind, by its name; no file.

    Examples
    --------
    >>> import io
    >>> text = '''Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,PSCH,PSCD,PSCA
    ... 15/08/26,Ajax,Brugge,3,1,H,1.9,3.8,4.2
    ... 16/08/26,Celtic,Ajax,,,,2.4,3.4,3.0
    ... 22/08/26,Brugge,Celtic,0,0,D,2.1,x,3.6'''
    >>> found = football_data(io.StringIO(text))
    >>> found
    <FootballData of 2 matches, 1 row left out, 1 value left out>
    >>> found.bad_rows[0].line, found.bad_rows[0].reason
    (3, 'home goals are missing')
    >>> found.odds("pinnacle", closing=True)[0]
    array([1.9, 3.8, 4.2])

    >>> other = '''Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA
    ... Austria,Bundesliga,2025/2026,08/08/2026,16:00,Salzburg,Sturm,2,2,D,1.9,3.9,4.0'''
    >>> both = football_data([io.StringIO(text), io.StringIO(other)])
    >>> both.table["league"][2], both.table["season"][2], both.odds("pinnacle").shape
    (np.str_('Austria Bundesliga'), np.str_('2025-26'), (3, 3))
    """
    files = _files(source)
    seen: set[tuple[date, str, str]] = set()
    parts = [_read(file, seen) for file in files]
    rows = [row for part in parts for row in part.rows]
    goals = np.array([row[3:] for row in rows], dtype=np.int64).reshape(-1, 2)
    names = dict.fromkeys(name for part in parts for name in part.values)
    # Counts before odds, each in the order in which the files have them.
    ordered = [name for name in names if name in COUNTS] + [name for name in names if name not in COUNTS]
    columns = {
        COUNTS.get(name, name): np.concatenate(
            [np.array(part.values.get(name, [np.nan] * len(part.rows)), dtype=np.float64) for part in parts]
        )
        for name in ordered
    }
    table = Table(
        {
            "date": np.array([row[0] for row in rows], dtype="datetime64[D]"),
            "home": np.array([row[1] for row in rows], dtype=str),
            "away": np.array([row[2] for row in rows], dtype=str),
            "home_goals": goals[:, 0],
            "away_goals": goals[:, 1],
            "result": 1 - np.sign(goals[:, 0] - goals[:, 1]),
            "league": np.array([league for part in parts for league in part.leagues], dtype=str),
            "season": np.array([season for part in parts for season in part.seasons], dtype=str),
            **columns,
        }
    )
    return FootballData(
        table,
        tuple(line for part in parts for line in part.lines),
        tuple(bad for part in parts for bad in part.bad_rows),
        tuple(bad for part in parts for bad in part.bad_values),
        tuple(part.name for part in parts for _ in part.rows),
        tuple(part.is_all_seasons for part in parts for _ in part.rows),
    )


@dataclass(slots=True)
class _File:
    """What was read of one file."""

    name: str
    is_all_seasons: bool = False
    rows: list[tuple[date, str, str, int, int]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    leagues: list[str] = field(default_factory=list)
    seasons: list[str] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)
    bad_values: list[BadRow] = field(default_factory=list)


# Names of the same columns in the two kinds of files.
KINDS = (("HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR"), ("Home", "Away", "HG", "AG", "Res"))


def _files(source: Any) -> list[Any]:
    if isinstance(source, str | PathLike):
        path = Path(source)
        if not path.is_dir():
            return [path]
        found = sorted(file for pattern in ("*.csv", "*.csv.gz") for file in path.glob(pattern))
        if not found:
            raise BoundsError(f"folder {str(path)!r} has no *.csv and no *.csv.gz")
        return found
    if hasattr(source, "read"):
        return [source]
    try:
        files = [file for one in source for file in _files(one)]
    except TypeError:
        raise BoundsError(f"{type(source).__name__} is no path, open file, or several of them") from None
    if not 1 <= len(files) <= FILES_MAX:
        raise BoundsError(f"number of files {len(files)} is outside 1..={FILES_MAX}")
    return files


def _read(file: Any, seen: set[tuple[date, str, str]]) -> _File:
    part = _File(file.name if isinstance(file, Path) else str(getattr(file, "name", "")))
    reader = csv.reader(io.StringIO(_text_of(file)))
    header = [name.strip() for name in next(reader, [])]
    place: dict[str, int] = {}
    for index, name in enumerate(header):
        if name:
            place.setdefault(name, index)
    part.is_all_seasons = "HomeTeam" not in place and "Home" in place
    kind = KINDS[part.is_all_seasons]
    missing = [name for name in ("Date", *kind[:4]) if name not in place]
    if missing:
        where = f" in {part.name}" if part.name else ""
        raise BoundsError(f"no column {missing[0]!r}{where}: not a results file of football-data.co.uk")
    numbers = [
        name
        for name in place
        if name in HANDICAP_LINES
        or name in COUNTS
        or _is_price(name)
        or (part.is_all_seasons and name in {"PH", "PD", "PA"})
    ]
    part.values = {name: [] for name in numbers}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        values = {name: cells[index].strip() if index < len(cells) else "" for name, index in place.items()}
        try:
            row = _row(values, kind)
            if row[:3] in seen:
                raise ValueError(f"{row[1]} against {row[2]} on {row[0]} was there before")
        except ValueError as error:
            part.bad_rows.append(BadRow(line, str(error), part.name))
            continue
        seen.add(row[:3])
        part.rows.append(row)
        part.lines.append(line)
        names = [values.get("Country", ""), values.get("League", "")]
        part.leagues.append(values.get("Div") or " ".join(filter(None, names)))
        part.seasons.append(_season(values.get("Season", "")))
        for name in numbers:
            value, reason = _count(name, values[name]) if name in COUNTS else _price(name, values[name])
            part.values[name].append(value)
            if reason:
                part.bad_values.append(BadRow(line, reason, part.name))
    if not part.is_all_seasons and part.rows:
        # A file is a season, whenever its last matches were played: those of 2019-20 were in July.
        first = min(row[0] for row in part.rows)
        part.seasons = [_season_of(first)] * len(part.rows)
    return part


def _season(text: str) -> str:
    """A season as the site writes it, `2012/2013` as `2012-13`."""
    years = re.fullmatch(r"(\d{4})\s*[/-]\s*(?:\d{2})?(\d{2})", text)
    return f"{years[1]}-{years[2]}" if years else text


def _season_of(first: date) -> str:
    """The season whose first match was on this day; the site's leagues of a file a season begin in summer."""
    year = first.year if first.month >= 6 else first.year - 1
    return f"{year}-{(year + 1) % 100:02}"


@dataclass(frozen=True, slots=True, eq=False)
class FootballData:
    """Results with odds, and what was wrong in the file."""

    table: Table
    lines: tuple[int, ...] = field(repr=False)
    """Line of the file of each row of the table."""
    bad_rows: tuple[BadRow, ...] = ()
    """Rows that were left out."""
    bad_values: tuple[BadRow, ...] = ()
    """Prices and counts that were left out of rows that were kept."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """Name of the file of each row of the table."""
    is_all_seasons: tuple[bool, ...] = field(default=(), repr=False)
    """Whether each row is of a file of all seasons of a league."""

    def odds(
        self,
        bookmaker: str,
        *,
        market: Market = "1x2",
        closing: bool = True,
        absent: Literal["refuse", "drop"] = "refuse",
    ) -> FloatArray:
        """Decimal odds of a market, `nan` where there are none.

        A market without one of its prices has none: the other two of a 1X2 are no market of two.

        Parameters
        ----------
        bookmaker
            `pinnacle`, `bet365`, `average`, `maximum`, or the beginning of the file's own column names, such
            as `BW`.
        market
            `1x2`: (n, 3) home, draw, away; `total:2.5`: (n, 2) over, under; `handicap`: (n, 2) home, away at
            the file's line, see `handicap_lines`.
        closing
            Closing odds, or those of some days before. Files before 2019-20 have closing odds of Pinnacle
            only; those of all seasons of a league have nothing but closing odds, also under their older names
            (`PH`, `AvgH`, ...).
        absent
            `"refuse"` to have no odds of a match that lacks one of them, or `"drop"` to have those that are
            there.

        Examples
        --------
        >>> import io
        >>> header = "Date,HomeTeam,AwayTeam,FTHG,FTAG,PSCH,PSCD,PSCA"
        >>> text = header + chr(10) + "15/08/26,Ajax,Brugge,3,1,1.9,3.8,4.2"
        >>> football_data(io.StringIO(text)).odds("pinnacle")
        array([[1.9, 3.8, 4.2]])
        """
        first, other = PREFIXES.get(bookmaker, (bookmaker, bookmaker))
        late = "C" if closing else ""
        names = {
            "1x2": [f"{first}{late}{side}" for side in "HDA"],
            "total:2.5": [f"{other}{late}{side}2.5" for side in "><"],
            "handicap": [f"{other}{late}AH{side}" for side in "HA"],
        }.get(market)
        if names is None:
            raise BoundsError(f"market {market!r} is none of 1x2, total:2.5, handicap")
        _arrays.word(absent, "absent", ("refuse", "drop"))
        found = self._prices(names)
        if not closing and bookmaker in OLD_PREFIXES:
            found = self._beside(found, [name.replace(other, OLD_PREFIXES[bookmaker], 1) for name in names])
        if closing and market == "1x2" and bookmaker in EXTRA_CLOSING:
            older = self._prices([f"{EXTRA_CLOSING[bookmaker]}{side}" for side in "HDA"])
            if older is not None and any(self.is_all_seasons):
                older = np.where(np.array(self.is_all_seasons)[:, None], older, np.nan)
                found = older if found is None else np.where(np.isnan(found), older, found)
        if found is None:
            raise BoundsError(
                f"the file has no column {next(name for name in names if name not in self.table)!r}"
            )
        if absent == "refuse":
            found[np.isnan(found).any(axis=1)] = np.nan
        return found

    def _prices(self, names: list[str]) -> FloatArray | None:
        if any(name not in self.table for name in names):
            return None
        return np.column_stack([self.table[name] for name in names])

    def _beside(self, found: FloatArray | None, names: list[str]) -> FloatArray | None:
        """The same odds under other names, where there are none under the first."""
        other = self._prices(names)
        if found is None or other is None:
            return other if found is None else found
        return np.where(np.isnan(found), other, found)

    def handicap_lines(self, *, closing: bool = True) -> FloatArray:
        """(n,) goals added to the home side in the handicap market.

        >>> import io
        >>> text = "Date,HomeTeam,AwayTeam,FTHG,FTAG,AHCh" + chr(10) + "15/08/26,Ajax,Brugge,3,1,-0.5"
        >>> football_data(io.StringIO(text)).handicap_lines()
        array([-0.5])
        """
        names = ["AHCh"] if closing else ["AHh", "BbAHh"]
        found = [self.table[name] for name in names if name in self.table]
        if not found:
            raise BoundsError(f"the file has no column {names[0]!r}")
        # Files of several years have it under both names, each in its own rows.
        return np.where(np.isnan(found[0]), found[-1], found[0])

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        rows, values = len(self.bad_rows), len(self.bad_values)
        matches = f"{len(self)} match{'es' * (len(self) != 1)}"
        return (
            f"<FootballData of {matches}, {rows} row{'s' * (rows != 1)} left out, "
            f"{values} value{'s' * (values != 1)} left out>"
        )

    def _repr_html_(self) -> str:
        named = [
            [f"{bad.file}:{bad.line}".lstrip(":"), bad.reason]
            for bad in (*self.bad_rows, *self.bad_values)[:20]
        ]
        shown = Table(
            {name: self.table[name] for name in self.table.columns[:6]},
            caption=repr(self).removeprefix("<FootballData of ")[:-1],
        )
        wrong = _html.table(["line", "left out"], named, caption="Left out.") if named else ""
        return shown._repr_html_() + wrong


def simulated_league(*, teams: int = 20, seasons: int = 1, rho: float = -0.05, seed: int = 0) -> FootballData:
    """Results and odds of a league whose model is known: for examples, and to check what a fit finds.

    Everyone plays everyone at home and away, a round every seven days from August on. Goals are Dixon-Coles
    with a home advantage of 0.25 on the log scale. Odds have a multiplicative margin of 2.5 % on the true
    probabilities, seen through noise in the log-odds that is larger before (`PSH`, `PSD`, `PSA`) than at the
    close (`PSCH`, ...).

    Parameters
    ----------
    teams
        2 to 60, an even number.
    seasons
        Seasons one after the other with the same strengths, 1 to 20.
    rho
        Correction of the low scores, -0.15 to 0.05.
    seed
        The same seed makes the same league.

    Examples
    --------
    >>> league = simulated_league(teams=4, seed=1)
    >>> league
    <FootballData of 12 matches, 0 rows left out, 0 values left out>
    >>> league.odds("pinnacle").shape
    (12, 3)
    """
    teams = _arrays.whole(teams, "number of teams", 2, 60)
    seasons = _arrays.whole(seasons, "number of seasons", 1, 20)
    rho = _arrays.number(rho, "rho")
    if not -0.15 <= rho <= 0.05:
        raise BoundsError(f"rho {rho} is outside -0.15..=0.05")
    if teams % 2:
        raise BoundsError(f"number of teams {teams} is odd")
    rng = np.random.default_rng(_arrays.whole(seed, "seed", 0, (1 << 63) - 1))
    names = np.array([f"Team {place:02}" for place in range(teams)])
    attack, defence = rng.normal(0.0, 0.25, teams), rng.normal(0.0, 0.25, teams)
    rounds = _round_robin(teams)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("date", "home", "away", "home_goals", "away_goals")
    }
    odds: dict[str, list[float]] = {f"PS{late}{side}": [] for late in ("", "C") for side in "HDA"}
    for season in range(seasons):
        start = np.datetime64(f"{2020 + season}-08-01")
        for number, pairs in enumerate(rounds):
            for home, away in pairs:
                means = (
                    float(np.exp(0.3 + attack[home] - defence[away])),
                    float(np.exp(0.05 + attack[away] - defence[home])),
                )
                grid = football.grid(*means, max(rho, -0.9 / max(means)))
                cell = int(rng.choice(grid.size, p=grid.ravel() / grid.sum()))
                row = (start + 7 * number, names[home], names[away], *divmod(cell, len(grid)))
                for name, value in zip(columns, row, strict=True):
                    columns[name].append(value)
                result = football.markets(grid)
                fair = np.array([result["home"], result["draw"], result["away"]])
                for late, noise in (("", 0.08), ("C", 0.03)):
                    seen = fair * np.exp(rng.normal(0.0, noise, 3))
                    for side, price in zip("HDA", seen.sum() / seen / 1.025, strict=True):
                        odds[f"PS{late}{side}"].append(max(1.01, round(float(price), 2)))
    goals = np.array([columns["home_goals"], columns["away_goals"]])
    table = Table(
        {**columns, "result": 1 - np.sign(goals[0] - goals[1]), **odds}, caption="A simulated league"
    )
    return FootballData(table, tuple(range(2, len(table) + 2)))


def _round_robin(teams: int) -> list[list[tuple[int, int]]]:
    """Rounds in which every team plays once; the second half has the venues of the first exchanged."""
    circle = list(range(1, teams))
    first = []
    for number in range(teams - 1):
        order = [0, *circle[number:], *circle[:number]]
        pairs = [(order[place], order[-1 - place]) for place in range(teams // 2)]
        first.append([pair if number % 2 == 0 else pair[::-1] for pair in pairs])
    return first + [[pair[::-1] for pair in pairs] for pairs in first]


HANDICAP_LINES = frozenset({"AHh", "AHCh", "BbAHh"})


def _is_price(name: str) -> bool:
    """Whether a column holds odds: a bookmaker's name, `C` if they are closing odds, and a side."""
    # BbAH counts bookmakers.
    return name != "BbAH" and name.endswith(("H", "D", "A", ">2.5", "<2.5")) and len(name) > 2


def _row(values: dict[str, str], kind: tuple[str, ...]) -> tuple[date, str, str, int, int]:
    day = _day(values["Date"])
    teams = values[kind[0]], values[kind[1]]
    if not all(teams):
        raise ValueError(f"{'home' if not teams[0] else 'away'} team is missing")
    home_goals, away_goals = (
        _goals(values[name], side) for name, side in ((kind[2], "home"), (kind[3], "away"))
    )
    result = "HDA"[1 - (home_goals > away_goals) + (home_goals < away_goals)]
    stated = values.get(kind[4], "")
    if stated and stated != result:
        raise ValueError(f"result {stated} contradicts the score {home_goals}-{away_goals}")
    return day, *teams, home_goals, away_goals


def _day(text: str) -> date:
    for form in ("%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(f"date {text!r} is no day" if text else "date is missing")


def _goals(text: str, side: str) -> int:
    if not text:
        raise ValueError(f"{side} goals are missing")
    try:
        goals = float(text)
    except ValueError:
        raise ValueError(f"{side} goals {text!r} are no number") from None
    if not (0 <= goals <= GOALS_MAX and goals == int(goals)):
        raise ValueError(f"{side} goals {text} are outside 0..={GOALS_MAX}")
    return int(goals)


def _count(name: str, text: str) -> tuple[float, str]:
    """A count and what is wrong with it; nothing is wrong with an empty cell."""
    if not text:
        return float("nan"), ""
    try:
        value = float(text)
    except ValueError:
        return float("nan"), f"{name} {text!r} is no number"
    if not (0.0 <= value <= COUNT_MAX and value == int(value)):
        return float("nan"), f"{name} {text} is outside 0..={COUNT_MAX}"
    return value, ""


def _price(name: str, text: str) -> tuple[float, str]:
    """A price or line and what is wrong with it; nothing is wrong with an empty cell."""
    if not text:
        return float("nan"), ""
    try:
        value = float(text)
    except ValueError:
        return float("nan"), f"{name} {text!r} is no number"
    is_line = name in HANDICAP_LINES
    if not (abs(value) <= 20.0 if is_line else 1.0 < value < 10_000.0):
        return float("nan"), f"{name} {text} is outside " + ("-20..=20" if is_line else "1..10000")
    return value, ""


def _text_of(source: Any) -> str:
    if hasattr(source, "read"):
        content = source.read()
    else:
        content = Path(source).read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    if isinstance(content, bytes):
        # The older files are in the encoding of Western Windows; not one of them is valid UTF-8 by chance.
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            content = content.decode("cp1252", errors="replace")
    # A text stream that was opened as UTF-8 still has the mark.
    return str(content).removeprefix("\ufeff")
