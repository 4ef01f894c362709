"""Tennis: games, sets and matches from any score, calibration to prices, whole boards, matches replayed.

A side's *serve level* is the probability that it wins a point on its own serve, 0.01 to 0.99. The side
named first is `home`. `prior_points` says how well the levels are known before the match: as if so many
points had been watched; the points of the match then update them. `None` takes them as exactly known.
Points are plain counts: 40-30 is `(3, 2)`, advantage away `(3, 4)`.

>>> serve = calibrate(0.64, prior_points=60)
>>> serve
Serve(home=0.6321, away=0.5879, prior_points=60)
>>> match = distributions(serve)
>>> round(match.set_betting["2-0"], 4), round(match.over(22.5), 4)
(0.438, 0.4323)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _board_html, _core, _hints
from oddsengine._board_table import ArrowTable, in_market, priced_table
from oddsengine.exceptions import BoundsError
from oddsengine.margin import Errors, Method
from oddsengine.odds import LadderName
from oddsengine.tables import Table

__all__ = [
    "PRIOR_POINTS",
    "SERVE_MEAN",
    "Board",
    "BoardCheck",
    "Distributions",
    "Format",
    "Price",
    "Replay",
    "Score",
    "Serve",
    "Served",
    "StateTable",
    "board",
    "calibrate",
    "calibrate_batch",
    "calibrate_from_odds",
    "check_boards",
    "distributions",
    "hold",
    "match_home",
    "replay",
    "set_scores",
    "tie_break",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Side: TypeAlias = Literal["home", "away"]
FinalSet: TypeAlias = Literal["tb7", "tb10", "tb7_at_12", "advantage", "mtb7", "mtb10"]
Retirement: TypeAlias = Literal["void_unless_completed", "advance_after_one_set", "advance_once_started"]

SERVE_MEAN = 0.61
"""The mean of both serve levels where no games market says otherwise: between the two tours."""
PRIOR_POINTS = 100.0
"""How many points a serve level read from prices is worth, fitted to set scores (`docs/models/tennis.md`)."""


@dataclass(frozen=True, slots=True)
class Format:
    """The rules of a match.

    >>> Format(best_of=5, final_set="tb10")
    Format(best_of=5, final_set='tb10', no_ad=False, retirement='void_unless_completed')
    """

    best_of: int = 3
    """Most sets, 3 or 5."""
    final_set: FinalSet = "tb7"
    """The deciding set: a tie-break to 7 or 10 at 6-6 (`tb7`, `tb10`), to 7 at 12-12 (`tb7_at_12`), two
    games ahead
    (`advantage`), or only a tie-break to 7 or 10 (`mtb7`, `mtb10`). The other sets have one to 7 at 6-6."""
    no_ad: bool = False
    """At deuce the next point decides the game."""
    retirement: Retirement = "void_unless_completed"
    """What a retirement does to bets on the match winner."""

    def __post_init__(self) -> None:
        _arrays.word(self.final_set, "final_set", get_args(FinalSet))
        _arrays.word(self.retirement, "retirement", get_args(Retirement))

    def _core(self) -> tuple[int, str, bool, str]:
        return (self.best_of, self.final_set, self.no_ad, self.retirement)


TOUR = Format()


@dataclass(frozen=True, slots=True)
class Score:
    """A score: games of every set, points, server.

    >>> Score(sets=((6, 4), (3, 4)), points=(2, 3), server="home")
    Score(sets=((6, 4), (3, 4)), points=(2, 3), server='home')
    """

    sets: tuple[tuple[int, int], ...] = ((0, 0),)
    """Games of each set, home first; the last one may be unfinished."""
    points: tuple[int, int] = (0, 0)
    """Points of the game or tie-break being played, plain counts."""
    server: Side | None = None
    """Who serves the game being played; in a tie-break who served first. `None` before the toss."""

    def _core(self) -> tuple[list[tuple[int, int]], tuple[int, int], str | None]:
        return (list(self.sets), self.points, self.server)


START = Score()


class Serve(NamedTuple):
    """Serve levels of both sides."""

    home: float
    """Probability of a point on the home side's serve."""
    away: float
    """Probability of a point on the away side's serve."""
    prior_points: float | None = None
    """How many points of evidence each is worth; `None` for exactly known levels."""

    def __repr__(self) -> str:
        prior = "" if self.prior_points is None else f", prior_points={self.prior_points:g}"
        return f"Serve(home={self.home:.4g}, away={self.away:.4g}{prior})"


class Served(NamedTuple):
    """Points of the match so far by server, home first: what uncertain levels learn from."""

    played: tuple[int, int] = (0, 0)
    """Points served by each side."""
    won: tuple[int, int] = (0, 0)
    """Points that each side won on its own serve."""


NOTHING_SERVED = Served()


@overload
def hold(
    serve: float, *, points: tuple[int, int] = ..., no_ad: bool = ..., errors: Errors = ...
) -> float: ...
@overload
def hold(
    serve: npt.ArrayLike, *, points: tuple[int, int] = ..., no_ad: bool = ..., errors: Errors = ...
) -> float | FloatArray: ...
def hold(
    serve: npt.ArrayLike,
    *,
    points: tuple[int, int] = (0, 0),
    no_ad: bool = False,
    errors: Errors = "raise",
) -> float | FloatArray:
    """The probability that the server wins the game.

    Parameters
    ----------
    serve : float or (n,) float64
        Serve levels, 0.01 to 0.99.
    points
        Points of the server and of the receiver. A game that is over is 1 or 0; points that no game reaches
        are refused.
    no_ad
        At deuce the next point decides.
    errors
        A level outside its range raises, or makes its row `"nan"`.

    Raises
    ------
    TennisError, BoundsError
        A level outside its range, or points that cannot be.

    Examples
    --------
    >>> round(hold(0.62), 6), round(hold(0.62, points=(1, 3)), 6)
    (0.775863, 0.279431)
    >>> hold([0.55, 0.65]).round(4)
    array([0.6231, 0.8296])
    """
    levels, is_scalar = _levels(serve)
    return _shaped(_core.tennis_hold(levels, points, no_ad, _arrays.is_strict(errors)), is_scalar)


@overload
def tie_break(
    home: float,
    away: float,
    *,
    to: int = ...,
    points: tuple[int, int] = ...,
    first_server: Side = ...,
    errors: Errors = ...,
) -> float: ...
@overload
def tie_break(
    home: npt.ArrayLike,
    away: npt.ArrayLike,
    *,
    to: int = ...,
    points: tuple[int, int] = ...,
    first_server: Side = ...,
    errors: Errors = ...,
) -> float | FloatArray: ...
def tie_break(
    home: npt.ArrayLike,
    away: npt.ArrayLike,
    *,
    to: int = 7,
    points: tuple[int, int] = (0, 0),
    first_server: Side = "home",
    errors: Errors = "raise",
) -> float | FloatArray:
    """The probability that the home side wins a tie-break, served A BB AA BB.

    Parameters
    ----------
    home, away : float or (n,) float64
        Serve levels, 0.01 to 0.99.
    to
        Points that win it, two ahead: 2 to 10.
    points
        Points of both sides so far. A tie-break that is over is 1 or 0; points that none reaches are refused.
    errors
        A level outside its range raises, or makes its row `"nan"`.

    Raises
    ------
    TennisError, BoundsError
        A level or target outside its range, or points that cannot be.

    Examples
    --------
    >>> round(tie_break(0.65, 0.61), 6), round(tie_break(0.65, 0.61, to=10), 6)
    (0.565665, 0.576809)
    """
    homes, aways, is_scalar = _pairs(home, away)
    return _shaped(
        _core.tennis_tie_break(homes, aways, to, points, first_server, _arrays.is_strict(errors)), is_scalar
    )


def set_scores(
    home: float, away: float, *, first_server: Side = "home", set: int = 1, format: Format = TOUR
) -> dict[str, float]:
    """The probability of every score of a set from its first game, for exactly known levels.

    Examples
    --------
    >>> scores = set_scores(0.65, 0.61)
    >>> round(scores["6-3"], 6), round(scores["7-6"], 6)
    (0.235999, 0.114844)
    """
    rules = _arrays.instance(format, "format", Format)
    set = _arrays.whole(set, "set", 1, rules.best_of)
    return _core.tennis_set_scores(rules._core(), set - 1, (home, away), first_server)


@overload
def match_home(
    home: float,
    away: float,
    *,
    score: Score = ...,
    format: Format = ...,
    prior_points: float | None = ...,
    served: Served = ...,
) -> float: ...
@overload
def match_home(
    home: npt.ArrayLike,
    away: npt.ArrayLike,
    *,
    score: Score = ...,
    format: Format = ...,
    prior_points: float | None = ...,
    served: Served = ...,
    errors: Errors = ...,
) -> float | FloatArray: ...
def match_home(
    home: npt.ArrayLike,
    away: npt.ArrayLike,
    *,
    score: Score = START,
    format: Format = TOUR,
    prior_points: float | None = None,
    served: Served = NOTHING_SERVED,
    errors: Errors = "raise",
) -> float | FloatArray:
    """The probability that the home side wins the match from a score; 1 or 0 once it is over.

    Parameters
    ----------
    home, away : float or (n,) float64
        Serve levels before the match, 0.01 to 0.99.
    prior_points
        How many points each level is worth, 20 to 1,000,000; `None` for exactly known levels.
    served
        The points of the match so far; they matter to uncertain levels only.
    errors
        A level outside its range raises, or makes its row `"nan"`.

    Raises
    ------
    TennisError, BoundsError
        A level outside its range, or a score that cannot be.

    Examples
    --------
    >>> round(match_home(0.66, 0.62), 6)
    0.691086
    >>> late = Score(sets=((6, 4), (3, 4)), points=(2, 3), server="home")
    >>> match_home([0.64, 0.66], [0.62, 0.62], score=late).round(4)
    array([0.7036, 0.7637])
    """
    homes, aways, is_scalar = _pairs(home, away)
    is_strict = _arrays.is_strict(errors)
    found = _core.tennis_match_home(
        _rules(format),
        homes,
        aways,
        prior_points,
        _told(score),
        served,
        is_strict,
    )
    return _shaped(found, is_scalar)


class Distributions(NamedTuple):
    """How a match can end, by what markets are about."""

    set_betting: dict[str, float]
    """By score in sets: `2-0`, `2-1`, `1-2`, `0-2`."""
    total_games: dict[int, float]
    """By games of both sides; a tie-break played instead of a set is one game."""
    difference: dict[int, float]
    """By home games minus away games."""
    home_games: dict[int, float]
    """By games of the home side."""
    away_games: dict[int, float]
    """By games of the away side."""
    tie_breaks: dict[int, float]
    """By tie-breaks; one played instead of a set is none."""

    @property
    def home(self) -> float:
        """The probability that the home side wins the match."""
        wins = ((score.split("-"), p) for score, p in self.set_betting.items())
        return sum(p for (home, away), p in wins if int(home) > int(away))

    @property
    def expected_games(self) -> float:
        """Expected games of the match."""
        return sum(games * p for games, p in self.total_games.items())

    def over(self, line: float) -> float:
        """The probability of more games than a line.

        >>> round(distributions((0.66, 0.62)).over(22.5), 6)
        0.578129
        """
        return sum(p for games, p in self.total_games.items() if games > line)

    def handicap(self, line: float) -> float:
        """The probability that the home side has more games after `line` is added to its own.

        >>> round(distributions((0.66, 0.62)).handicap(-2.5), 6)
        0.543213
        """
        return sum(p for games, p in self.difference.items() if games + line > 0)

    def __repr__(self) -> str:
        return f"<Distributions home {self.home:.4f}, {self.expected_games:.2f} games>"


def distributions(
    serve: Serve | tuple[float, ...],
    *,
    score: Score = START,
    format: Format = TOUR,
    served: Served = NOTHING_SERVED,
) -> Distributions:
    """How a match can end from a score.

    Raises
    ------
    TennisError, BoundsError
        A level outside its range, or a score that cannot be.

    Examples
    --------
    >>> match = distributions((0.66, 0.62), score=Score(server="home"))
    >>> match
    <Distributions home 0.6911, 25.11 games>
    >>> round(match.over(22.5), 6), round(match.set_betting["2-1"], 6)
    (0.578264, 0.293753)
    """
    found = _core.tennis_distributions(
        _rules(format),
        _serve(serve),
        _told(score),
        served,
    )
    return Distributions(**found)


class StateTable:
    """The match winner at every score for exactly known levels: filled in microseconds, looked up in
    nanoseconds.

    Examples
    --------
    >>> states = StateTable(0.64, 0.62)
    >>> states
    StateTable(0.64, 0.62, 5880 scores)
    >>> round(states.match_home(Score(sets=((6, 4), (3, 4)), points=(2, 3), server="home")), 6)
    0.703572
    >>> states.match_home_batch([[1, 0, 3, 4, 2, 3, 0], [0, 1, 6, 6, 5, 6, 1]]).round(4)
    array([0.7036, 0.1123])
    """

    __slots__ = ("_table", "away", "format", "home")

    def __init__(self, home: float, away: float, *, format: Format = TOUR) -> None:
        self.home, self.away, self.format = home, away, format
        self._table = _core.TennisTable(_rules(format), (home, away))

    def __len__(self) -> int:
        return len(self._table)

    def match_home(self, score: Score) -> float:
        """The probability that the home side wins the match from a score.

        >>> round(StateTable(0.64, 0.62).match_home(Score(sets=((6, 4), (0, 0)), server="home")), 6)
        0.812266
        """
        return self._table.match_home(_told(score))

    def match_home_batch(self, scores: npt.ArrayLike, *, errors: Errors = "raise") -> FloatArray:
        """The same for many scores.

        Parameters
        ----------
        scores : (n, 7) int64
            Sets home, sets away, games home, games away, points home, points away, server (0 home, 1 away;
            in a
            tie-break who served first).
        errors
            A row that is no score of the format raises, or becomes `"nan"`.

        Examples
        --------
        >>> StateTable(0.64, 0.62).match_home_batch([[1, 0, 3, 4, 2, 3, 0]]).round(4)
        array([0.7036])
        """
        return self._table.match_home_batch(
            _arrays.integers(scores, "scores", axes=2), _arrays.is_strict(errors)
        )

    def __repr__(self) -> str:
        return f"StateTable({self.home:g}, {self.away:g}, {len(self)} scores)"


def calibrate(
    match_home: float,
    *,
    over: tuple[float, float] | None = None,
    expected_games: float | None = None,
    serve_mean: float = SERVE_MEAN,
    prior_points: float | None = None,
    first_server: Side | None = None,
    format: Format = TOUR,
) -> Serve:
    """Serve levels with which the home side wins with a probability and the games are as wanted.

    Parameters
    ----------
    match_home
        Fair probability that the home side wins.
    over
        A line of the games of the match and the fair probability of more: `(22.5, 0.48)`. Better than
        `expected_games`, because the distribution is skewed.
    serve_mean
        The mean of both levels where neither is given, 0.5 to 0.9.
    prior_points
        How many points each level is worth, 20 to 1,000,000; `None` for exactly known levels.

    Raises
    ------
    TennisError
        A number outside its range, or games that no levels give.

    Examples
    --------
    >>> calibrate(0.64, expected_games=25.4, first_server="home")
    Serve(home=0.6555, away=0.6268)
    >>> calibrate(0.64, over=(22.5, 0.48), prior_points=60)
    Serve(home=0.671, away=0.6268, prior_points=60)
    """
    kind, value, line = _games(over, expected_games, serve_mean)
    columns = _arrays.columns(match_home=match_home, **{kind: value}, line=line)
    if len(columns[0]) != 1:
        raise BoundsError(f"{len(columns[0])} matches are not one: use calibrate_batch")
    home, away = _core.tennis_calibrate(
        _rules(format),
        columns[0],
        kind,
        columns[1],
        columns[2],
        prior_points,
        first_server,
        True,
    )
    return Serve(float(home[0]), float(away[0]), prior_points)


def calibrate_batch(
    match_home: npt.ArrayLike,
    *,
    over: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    expected_games: npt.ArrayLike | None = None,
    serve_mean: npt.ArrayLike = SERVE_MEAN,
    prior_points: float | None = None,
    first_server: Side | None = None,
    format: Format = TOUR,
    errors: Errors = "raise",
) -> tuple[FloatArray, FloatArray]:
    """Serve levels of many matches: home and away, (n,) each; arguments broadcast against each other.

    With `errors="nan"` matches that no levels explain become `nan`.

    Examples
    --------
    >>> home, away = calibrate_batch([0.5, 0.8], serve_mean=0.63)
    >>> home.round(4), away.round(4)
    (array([0.63  , 0.6634]), array([0.63  , 0.5966]))
    """
    kind, value, line = _games(over, expected_games, serve_mean)
    match_homes, values, lines = _arrays.columns(match_home=match_home, **{kind: value}, line=line)
    return _core.tennis_calibrate(
        _rules(format),
        match_homes,
        kind,
        values,
        lines,
        prior_points,
        first_server,
        _arrays.is_strict(errors),
    )


def calibrate_from_odds(
    prices: Mapping[str, Sequence[float]],
    *,
    method: Method = "multiplicative",
    serve_mean: float = SERVE_MEAN,
    prior_points: float | None = None,
    format: Format = TOUR,
) -> Serve:
    """Serve levels from the odds of `match_winner` and, if given, of `total_games:<line>` (the line
    nearest to even).

    Raises
    ------
    TennisError, MarginError
        A market that is missing or not known here, odds without a margin to remove, or prices that no
        levels explain.

    Examples
    --------
    >>> calibrate_from_odds({"match_winner": [1.55, 2.5], "total_games:22.5": [1.95, 1.8]}, prior_points=60)
    Serve(home=0.6632, away=0.6264, prior_points=60)
    """
    if not isinstance(prices, Mapping):
        raise BoundsError(f"prices are a {type(prices).__name__}, not a mapping of markets to their odds")
    listed = [
        (key, _arrays.numbers(odds, f"prices[{key!r}]", axes=1).tolist()) for key, odds in prices.items()
    ]
    found = _core.tennis_calibrate_from_odds(_rules(format), listed, method, serve_mean, prior_points)
    return Serve(*found, prior_points)


class Price(NamedTuple):
    """The fair probability of a selection, and its offered odds."""

    fair: float
    """Fair probability with refunds set aside."""
    odds: float
    """Offered decimal odds, `nan` where nothing is offered."""


@dataclass(frozen=True, slots=True, repr=False)
class Board(ArrowTable):
    """All selections of a tennis match with fair probabilities and offered odds.

    >>> prices = board((0.65, 0.62))
    >>> prices["set_betting/2-0"].odds
    2.65
    """

    selections: tuple[str, ...]
    """(n,) names, `market key/selection`: `match_winner/home`, `total_games:22.5/over`, `set1_score/6-4`."""
    fair: FloatArray
    """(n,) fair probabilities with refunds set aside."""
    odds: FloatArray
    """(n,) offered decimal odds, `nan` where nothing is offered."""

    def __len__(self) -> int:
        return len(self.selections)

    def __getitem__(self, selection: str) -> Price:
        try:
            index = self.selections.index(selection)
        except ValueError:
            raise _hints.unknown("selection", selection, self.selections) from None
        return Price(float(self.fair[index]), float(self.odds[index]))

    def market(self, key: str) -> dict[str, Price]:
        """The selections of one market by name.

        Raises
        ------
        UnknownNameError
            There is no such market; the message names the nearest.

        Examples
        --------
        >>> board((0.65, 0.62)).market("tie_break")["yes"].odds
        2.13
        """
        return {name[len(key) + 1 :]: self[name] for name in in_market(key, self.selections)}

    @property
    def table(self) -> Table:
        """A row per selection: `market`, `selection`, `fair`, `odds`.

        Libraries that read the Arrow interface take the board itself.
        """
        return priced_table(self)

    def __repr__(self) -> str:
        return f"<Board of {len(self):,} selections, {int(np.isfinite(self.odds).sum()):,} offered>"

    def _repr_html_(self) -> str:
        return _board_html.draw(self.selections, self.fair, self.odds, caption=repr(self)[1:-1])


def board(
    serve: Serve | tuple[float, ...],
    *,
    score: Score = START,
    format: Format = TOUR,
    served: Served = NOTHING_SERVED,
    margin: tuple[Method, float] = ("multiplicative", 1.05),
    ladder: LadderName = "fine",
) -> Board:
    """Price a whole tennis board at a score, by the same steps as the engine.

    Games of the match that were played before `score` are not known one by one: their markets are void.

    Parameters
    ----------
    margin
        Margin method and the booksum of a market with one winner, 1 to 2.
    ladder
        Ladder that odds are rounded down to. No offered odds are above the fair ones.

    Raises
    ------
    TennisError, MarginError, BoundsError
        A level, score, method, booksum or ladder that does not exist.

    Examples
    --------
    >>> board((0.65, 0.62))
    <Board of 884 selections, 848 offered>
    """
    method, booksum = _arrays.margin_of(margin)
    rules = _rules(format)
    fair, odds = _core.tennis_board(rules, _serve(serve), _told(score), served, method, booksum, ladder)
    return Board(_selections(format), fair, odds)


class Replay(NamedTuple):
    """A match played point by point: row `i` is before point `i`, the last row after the last one."""

    home: FloatArray
    """(n + 1,) probability that the home side wins the match."""
    scores: IntArray
    """(n + 1, 7) sets home, sets away, games home, games away, points home, points away, server (0 home, 1
    away)."""


def replay(
    points: npt.ArrayLike,
    *,
    serve: Serve | tuple[float, ...],
    first_server: Side = "home",
    format: Format = TOUR,
) -> Replay:
    """Play a match point by point and price its winner before every point.

    Parameters
    ----------
    points : (n,) uint8
        Who won each point: 0 home, 1 away.

    Raises
    ------
    BoundsError
        A point after the end of the match, or one that is neither 0 nor 1.

    Examples
    --------
    >>> played = replay([0, 0, 1, 0, 0], serve=(0.64, 0.62))
    >>> played.home.round(3)
    array([0.599, 0.612, 0.621, 0.611, 0.623, 0.627])
    >>> played.scores[-1]
    array([0, 0, 1, 0, 0, 0, 1])
    """
    winners = _winners(points)
    return Replay(*_core.tennis_replay(_rules(format), _serve(serve), first_server, winners))


class BoardCheck(NamedTuple):
    """What is wrong with the boards of a match."""

    faults: list[str]
    """Books that do not sum to their winners, lines that are not monotone, decided selections with a price
    that is
    not their grade, and prices of the end that are not the result; each with its market and score."""
    state_count: int
    """Boards looked at."""
    price_count: int
    """Fair prices looked at."""


def check_boards(
    points: npt.ArrayLike,
    *,
    serve: Serve | tuple[float, ...],
    first_server: Side = "home",
    format: Format = TOUR,
) -> BoardCheck:
    """Play a match point by point and check the whole board at every state.

    Examples
    --------
    >>> check_boards([0, 0, 1, 0, 0] * 12, serve=(0.64, 0.62, 60))
    BoardCheck(faults=[], state_count=61, price_count=53924)
    """
    winners = _winners(points)
    found = _core.tennis_replay_boards(_rules(format), _serve(serve), first_server, winners)
    return BoardCheck(*found)


_SELECTIONS: dict[Format, tuple[str, ...]] = {}


def _selections(format: Format) -> tuple[str, ...]:
    if format not in _SELECTIONS:
        _SELECTIONS[format] = tuple(_core.tennis_selections(_rules(format)))
    return _SELECTIONS[format]


def _rules(format: Format) -> tuple[int, str, bool, str]:
    return _arrays.instance(format, "format", Format)._core()


def _told(score: Score) -> tuple[list[tuple[int, int]], tuple[int, int], str | None]:
    return _arrays.instance(score, "score", Score)._core()


def _serve(serve: Serve | tuple[float, ...]) -> tuple[float, float, float | None]:
    home, away, *rest = _arrays.parts(
        serve, "serve", "two serve levels and perhaps prior points", least=2, most=3
    )
    return (home, away, rest[0] if rest else None)


def _games(
    over: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    expected_games: npt.ArrayLike | None,
    serve_mean: npt.ArrayLike,
) -> tuple[str, npt.ArrayLike, npt.ArrayLike]:
    if over is not None and expected_games is not None:
        raise BoundsError("over and expected_games are two ways to say the same: give one")
    if over is not None:
        line, probability = _arrays.parts(over, "over", "a line and the probability of its over", least=2)
        return ("over", probability, line)
    if expected_games is not None:
        return ("expected_games", expected_games, 0.0)
    return ("serve_mean", serve_mean, 0.0)


def _winners(points: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return _arrays.plain(_arrays.integers(points, "points", axes=1), "points", "uint8")


def _levels(values: npt.ArrayLike) -> tuple[FloatArray, bool]:
    array = _arrays.numbers(values, "serve", axes=(0, 1))
    return np.atleast_1d(array), array.ndim == 0


def _pairs(home: npt.ArrayLike, away: npt.ArrayLike) -> tuple[FloatArray, FloatArray, bool]:
    homes, aways = _arrays.numbers(home, "home", axes=(0, 1)), _arrays.numbers(away, "away", axes=(0, 1))
    is_scalar = homes.ndim == aways.ndim == 0
    homes, aways = _arrays.columns(home=homes, away=aways)
    return homes, aways, is_scalar


def _shaped(values: FloatArray, is_scalar: bool) -> float | FloatArray:
    return float(values[0]) if is_scalar else values
