"""Football: goal models, calibration to prices, every market on the score, the match in play.

`DixonColes` is the model of the engine; `ScoreModel` has others, fitted to closing prices and calibrated as
exactly.

Goals are written home first. `lambda_home` and `lambda_away` are expected goals (0 to 20), lines are goals in
steps of a quarter. A *grid* is a square float64 matrix: `grid[x, y]` is the probability that home scores x
and away y. Every market function takes a `DixonColes` model or any grid, your own too.

>>> model = calibrate(0.4612, 0.2701, 0.2687, 0.5134)
>>> model
DixonColes(lambda_home=1.5758, lambda_away=1.153, rho=-0.0846)
>>> round(asian_handicap(model, -0.25).fair_odds, 3)
1.875
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _board_html, _core, _hints
from oddsengine._board_table import ArrowTable, in_market, priced_table
from oddsengine._html import table
from oddsengine._score_models import (
    ODDS_RATIO_SHARE,
    CalibratedScores,
    MatchScores,
    ScoreExpectations,
    ScoreFamily,
    ScoreModel,
)
from oddsengine.margin import Errors, Method
from oddsengine.odds import LadderName
from oddsengine.tables import Table

__all__ = [
    "BASKET_LABELS",
    "DEFAULT_MULTIPLIERS",
    "LIVE_DEFAULTS",
    "ODDS_RATIO_SHARE",
    "Board",
    "CalibratedMatch",
    "CalibratedScores",
    "CountModel",
    "DixonColes",
    "GoalExpectations",
    "InPlay",
    "LineShares",
    "LiveMatch",
    "LiveSettings",
    "Markets",
    "MatchScores",
    "OverLine",
    "Price",
    "Qualification",
    "RateMultipliers",
    "ScoreExpectations",
    "ScoreFamily",
    "ScoreModel",
    "ScorerMarkets",
    "ScorerShares",
    "asian_handicap",
    "asian_handicap_batch",
    "basket",
    "bivariate_poisson_grid",
    "board",
    "calibrate",
    "calibrate_1x2",
    "calibrate_1x2_batch",
    "calibrate_asian",
    "calibrate_asian_batch",
    "calibrate_batch",
    "calibrate_from_odds",
    "calibrate_from_odds_batch",
    "grid",
    "half_time_full_time",
    "inplay",
    "inplay_markov",
    "interval_shares",
    "markets",
    "negbin_over",
    "qualification",
    "scorer_markets",
    "scorer_shares",
    "shootout",
    "total",
    "total_batch",
    "weibull_count_pmf",
    "weibull_frank_1x2",
    "weibull_frank_grid",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
LineKind: TypeAlias = Literal["total", "handicap", "home_total", "away_total"]


class LineShares(NamedTuple):
    """What a unit stake on one side of a line does on average.

    A quarter line is half a stake on each of its neighbours.

    >>> LineShares(win=0.4, lose=0.4).push
    0.2
    """

    win: float
    """Expected fraction of the stake that wins, 0 to 1."""
    lose: float
    """Expected fraction of the stake that loses, 0 to 1."""

    @property
    def push(self) -> float:
        """Expected fraction of the stake that comes back."""
        return max(0.0, round(1.0 - self.win - self.lose, 15))

    @property
    def fair_probability(self) -> float:
        """`win / (win + lose)`, the inverse of the fair odds; `nan` if the stake always comes back."""
        decided = self.win + self.lose
        return self.win / decided if decided > 0.0 else float("nan")

    @property
    def fair_odds(self) -> float:
        """Decimal odds at which the bet is worth its stake, `1 + lose / win`; `inf` if it cannot win."""
        return 1.0 + self.lose / self.win if self.win > 0.0 else float("inf")

    @property
    def opposite(self) -> LineShares:
        """The other side of the same line."""
        return LineShares(self.lose, self.win)


@dataclass(frozen=True, slots=True)
class DixonColes:
    """Two Poisson counts with a correction of the four lowest scores.

    Cell 0-0 is multiplied by `1 - lambda_home lambda_away rho`, 1-0 by `1 + lambda_away rho`, 0-1 by
    `1 + lambda_home rho` and 1-1 by `1 - rho`. `rho = 0` is the independent Poisson model; markets imply
    about -0.07. Source: M. Dixon, S. Coles, "Modelling Association Football Scores and Inefficiencies in the
    Football Betting Market", Applied Statistics 46 (1997). Reproduced in `tests/golden/football_score.json`.

    Raises
    ------
    FootballError
        Expected goals outside 0 to 20, or a rho that makes a score's probability negative.
    """

    lambda_home: float
    lambda_away: float
    rho: float = 0.0

    def __post_init__(self) -> None:
        _core.dixon_coles_check(self.lambda_home, self.lambda_away, self.rho)

    @property
    def total(self) -> float:
        """Expected goals of both sides."""
        return self.lambda_home + self.lambda_away

    @property
    def supremacy(self) -> float:
        """Expected home goals less expected away goals."""
        return self.lambda_home - self.lambda_away

    @property
    def rho_bounds(self) -> tuple[float, float]:
        """The smallest and the largest rho for these expected goals."""
        return _core.dixon_coles_rho_bounds(self.lambda_home, self.lambda_away)

    def grid(self, *, size: int | None = None) -> FloatArray:
        """The score grid, see `grid`.

        >>> DixonColes(1.5, 1.1, -0.05).grid()[:2, :2].round(4)
        array([[0.0804, 0.0756],
               [0.1053, 0.1287]])
        """
        return grid(self.lambda_home, self.lambda_away, self.rho, size=size)

    def __repr__(self) -> str:
        home, away, rho = (float(f"{value:.5g}") for value in (self.lambda_home, self.lambda_away, self.rho))
        return f"DixonColes(lambda_home={home}, lambda_away={away}, rho={round(rho, 4)})"

    def _repr_html_(self) -> str:
        scores = self.grid()
        shown = 6
        result = markets(scores)
        percent = [f"{100 * result[name]:.1f} %" for name in ("home", "draw", "away")]
        caption = (
            f"{self.lambda_home:.3f} goals expected of home and {self.lambda_away:.3f} of away, "
            f"rho {self.rho:.4f}."
        )
        head = table(["home", "draw", "away"], [percent], caption=caption)
        rows = [[str(x), *(f"{100 * scores[x, y]:.1f}" for y in range(shown))] for x in range(shown)]
        columns = ["home \\ away", *(str(y) for y in range(shown))]
        return head + table(columns, rows, caption="Correct score in percent.")


class GoalExpectations(NamedTuple):
    """The models of many matches, one column each; `basket(*expectations)` prices them all."""

    lambda_home: FloatArray
    """(n,) expected home goals."""
    lambda_away: FloatArray
    """(n,) expected away goals."""
    rho: FloatArray
    """(n,) correction of the low scores."""


class CalibratedMatch(NamedTuple):
    """A model and the fair probabilities that it was fitted to."""

    model: DixonColes
    home: float
    draw: float
    away: float
    over: float


Scores: TypeAlias = DixonColes | FloatArray


def calibrate(p_home: float, p_draw: float, p_away: float, p_over: float, *, line: float = 2.5) -> DixonColes:
    """The Dixon-Coles model that has exactly these fair probabilities.

    The total follows from the over price alone, the supremacy from `p_home - p_away` alone, rho from the draw
    in closed form; no optimiser, residuals near 1e-15. Reproduced in
    `tests/golden/football_calibration.json`.

    Parameters
    ----------
    p_home, p_draw, p_away
        Fair probabilities, strictly between 0 and 1, that sum to 1 within 1e-9.
    p_over
        Fair probability of the over: `win / (win + lose)` where the line can push.
    line
        Total line, 0.5 to 38.75 in quarter steps.

    Raises
    ------
    FootballError
        Impossible prices, or prices that no admissible model has.

    Examples
    --------
    >>> calibrate(0.4612, 0.2701, 0.2687, 0.5134)
    DixonColes(lambda_home=1.5758, lambda_away=1.153, rho=-0.0846)
    """
    return DixonColes(*_core.football_calibrate(p_home, p_draw, p_away, p_over, line))


def calibrate_batch(
    p_home: npt.ArrayLike,
    p_draw: npt.ArrayLike,
    p_away: npt.ArrayLike,
    p_over: npt.ArrayLike,
    *,
    line: float = 2.5,
    errors: Errors = "raise",
) -> GoalExpectations:
    """As `calibrate` for (n,) arrays, without the interpreter's lock.

    A match that no model explains raises `FootballError` with its row, or becomes `nan` with `errors="nan"`.

    >>> expectations = calibrate_batch([0.4612, 0.7255], [0.2701, 0.1725], [0.2687, 0.102], [0.5134, 0.6205])
    >>> expectations.lambda_home.round(4)
    array([1.5758, 2.4032])
    """
    home, draw, away, over = _arrays.columns(p_home=p_home, p_draw=p_draw, p_away=p_away, p_over=p_over)
    return GoalExpectations(
        *_core.football_calibrate_batch(home, draw, away, over, line, _arrays.is_strict(errors))
    )


def calibrate_1x2(p_home: float, p_draw: float, p_away: float, *, rho: float = 0.0) -> DixonColes:
    """The model of a given rho that has these fair probabilities, without a total line.

    A total line says more about the number of goals than the draw does: use `calibrate` where there is one.
    Reproduced in `tests/golden/reference_models.py`.

    Raises
    ------
    FootballError
        Impossible prices, or prices that no model of this rho has.

    Examples
    --------
    >>> calibrate_1x2(0.4608, 0.2511, 0.2881)
    DixonColes(lambda_home=1.556, lambda_away=1.177, rho=0.0)
    """
    rho = _arrays.number(rho, "rho")
    means = calibrate_1x2_batch([p_home], [p_draw], [p_away], rho=rho)
    return DixonColes(float(means.lambda_home[0]), float(means.lambda_away[0]), rho)


def calibrate_1x2_batch(
    p_home: npt.ArrayLike,
    p_draw: npt.ArrayLike,
    p_away: npt.ArrayLike,
    *,
    rho: npt.ArrayLike = 0.0,
    errors: Errors = "raise",
) -> GoalExpectations:
    """As `calibrate_1x2` for (n,) arrays, without the interpreter's lock.

    >>> calibrate_1x2_batch([0.4608, 0.3], [0.2511, 0.28], [0.2881, 0.42]).lambda_away.round(4)
    array([1.177 , 1.2789])
    """
    home, draw, away, rhos = _arrays.columns(p_home=p_home, p_draw=p_draw, p_away=p_away, rho=rho)
    lambda_home, lambda_away = _core.football_calibrate_1x2(home, draw, away, rhos, _arrays.is_strict(errors))
    return GoalExpectations(lambda_home, lambda_away, rhos)


def calibrate_from_odds(
    odds_1x2: Sequence[float],
    odds_total: Sequence[float],
    *,
    line: float = 2.5,
    method: Method = "multiplicative",
    method_total: Method | None = None,
) -> CalibratedMatch:
    """Remove the margin from 1X2 and a total line, then calibrate.

    Parameters
    ----------
    odds_1x2
        Decimal odds of home, draw, away, each above 1.
    odds_total
        Decimal odds of over, under at `line`.
    method, method_total
        Margin methods of the 1X2 and of the total; the second is the first unless given.

    Raises
    ------
    MarginError
        A margin that cannot be removed.
    FootballError
        As in `calibrate`.

    Examples
    --------
    >>> calibrate_from_odds([2.1, 3.45, 3.8], [1.95, 1.93], method="power").model
    DixonColes(lambda_home=1.5632, lambda_away=1.0999, rho=-0.1163)
    """
    home, draw, away = _arrays.row(odds_1x2, "odds_1x2", 3)
    over, under = _arrays.row(odds_total, "odds_total", 2)
    fair, fair_over, model = _core.football_calibrate_from_odds(
        [home, draw, away], [over, under], line, method, method if method_total is None else method_total
    )
    return CalibratedMatch(DixonColes(*model), fair[0], fair[1], fair[2], fair_over)


def calibrate_from_odds_batch(
    odds_1x2: npt.ArrayLike,
    odds_total: npt.ArrayLike,
    *,
    line: float = 2.5,
    method: Method = "multiplicative",
    method_total: Method | None = None,
    errors: Errors = "raise",
) -> GoalExpectations:
    """As `calibrate_from_odds` for arrays of shape (n, 3) and (n, 2), without the interpreter's lock.

    >>> calibrate_from_odds_batch([[2.1, 3.45, 3.8]], [[1.95, 1.93]]).rho.round(4)
    array([-0.121])
    """
    columns = _core.football_calibrate_from_odds_batch(
        _arrays.numbers(odds_1x2, "odds_1x2", axes=2),
        _arrays.numbers(odds_total, "odds_total", axes=2),
        line,
        method,
        method if method_total is None else method_total,
        _arrays.is_strict(errors),
    )
    return GoalExpectations(*columns)


def calibrate_asian(handicap: float, fair_home: float, line: float, fair_over: float) -> DixonColes:
    """The Poisson model with these fair probabilities of an Asian handicap and a total line.

    `handicap` is added to the home goals; both probabilities are `win / (win + lose)`.

    >>> model = calibrate_asian(-0.75, 0.512, 2.75, 0.487)
    >>> round(model.total, 4), round(model.supremacy, 4)
    (2.858, 0.8415)
    """
    return DixonColes(*_core.football_calibrate_asian(handicap, fair_home, line, fair_over))


def calibrate_asian_batch(
    handicap: npt.ArrayLike,
    fair_home: npt.ArrayLike,
    line: npt.ArrayLike,
    fair_over: npt.ArrayLike,
    *,
    errors: Errors = "raise",
) -> GoalExpectations:
    """As `calibrate_asian` for (n,) arrays, without the interpreter's lock.

    >>> calibrate_asian_batch([-0.75, 0.0], [0.512, 0.5], 2.75, 0.487).lambda_home.round(4)
    array([1.8498, 1.429 ])
    """
    columns = _arrays.columns(handicap=handicap, fair_home=fair_home, line=line, fair_over=fair_over)
    return GoalExpectations(
        *_core.football_calibrate_asian_batch(
            columns[0], columns[1], columns[2], columns[3], _arrays.is_strict(errors)
        )
    )


def grid(lambda_home: float, lambda_away: float, rho: float = 0.0, *, size: int | None = None) -> FloatArray:
    """The Dixon-Coles score grid.

    Parameters
    ----------
    lambda_home, lambda_away
        Expected goals, 0 to 20.
    rho
        Correction of the low scores.
    size
        Rows and columns: 0 to `size - 1` goals a side, 2 to 80. By default less than 1e-12 lies outside. The
        grid is never normalised silently: what it misses to 1 is its tail.

    Returns
    -------
    (size, size) float64, home goals down, away goals across.

    Examples
    --------
    >>> grid(1.62, 1.08, -0.08)[:2, :2].round(4)
    array([[0.0766, 0.0632],
           [0.0995, 0.127 ]])
    """
    return _core.football_grid(lambda_home, lambda_away, rho, size)


def bivariate_poisson_grid(lambda1: float, lambda2: float, lambda3: float) -> FloatArray:
    """The grid of home goals `W1 + W3` and away goals `W2 + W3` with independent Poisson `W`.

    Source: D. Karlis, I. Ntzoufras, "Analysis of Sports Data by Using Bivariate Poisson Models", The
    Statistician 52 (2003). Reproduced in `tests/golden/football_score.json`.

    >>> round(float(np.trace(bivariate_poisson_grid(1.35, 0.95, 0.12))), 6)
    0.276438
    """
    return _core.football_grid_bivariate_poisson(lambda1, lambda2, lambda3)


def weibull_frank_grid(rate_home: float, rate_away: float, *, shape: float, kappa: float) -> FloatArray:
    """The (16, 16) grid of Weibull counts whose sides are tied by a Frank copula.

    Rates 0 to 6, shape 0.5 to 2 (1 is Poisson), kappa -30 to 30 (0 is independence). Source: G. Boshnakov, T.
    Kharrat, I. McHale, "A bivariate Weibull count model for forecasting association football scores",
    International Journal of Forecasting 33 (2017).

    >>> weibull_frank_grid(1.45, 1.1, shape=1.05, kappa=-0.45)[:2, :2].round(4)
    array([[0.0693, 0.0886],
           [0.114 , 0.1332]])
    """
    return _core.football_grid_weibull_frank(rate_home, rate_away, shape, kappa)


def weibull_frank_1x2(
    rate_home: float, rate_away: float, *, shape: float, kappa: float
) -> tuple[float, float, float]:
    """Home, draw and away of `weibull_frank_grid`.

    >>> [round(p, 4) for p in weibull_frank_1x2(1.45, 1.1, shape=1.05, kappa=-0.45)]
    [0.4502, 0.2565, 0.2933]
    """
    result = markets(weibull_frank_grid(rate_home, rate_away, shape=shape, kappa=kappa))
    return result["home"], result["draw"], result["away"]


def weibull_count_pmf(rate: float, shape: float, *, count: int = 9) -> FloatArray:
    """P(0), P(1), ... goals of a Weibull count.

    The gap to the next goal survives `t` with probability `exp(-rate t**shape)`. `count` values, 1 to 16.
    Reproduced in `tests/golden/football_score.json`.

    >>> weibull_count_pmf(1.4, 1.05, count=3).round(6)
    array([0.246597, 0.357339, 0.243293])
    """
    return _core.weibull_count_pmf(rate, shape, count)


class Markets(TypedDict):
    """Every market that depends on the final score. Probabilities unless they are `LineShares`."""

    home: float
    draw: float
    away: float
    both_score: float
    odd_total: float
    home_clean_sheet: float
    away_clean_sheet: float
    home_win_to_nil: float
    away_win_to_nil: float
    double_chance: dict[str, float]
    """`1x`, `12`, `x2`."""
    draw_no_bet: LineShares
    """Of home."""
    correct_score: dict[str, float]
    """`0-0` to `6-6`."""
    exact_total: dict[int, float]
    total_at_least: dict[int, float]
    home_wins_by: dict[int, float]
    away_wins_by: dict[int, float]
    home_wins_by_at_least: dict[int, float]
    away_wins_by_at_least: dict[int, float]
    total: dict[float, LineShares]
    """Over, by line."""
    handicap: dict[float, LineShares]
    """Home, by the handicap added to its goals."""
    home_total: dict[float, LineShares]
    """Home's goals over the line."""
    away_total: dict[float, LineShares]
    """Away's goals over the line."""


def markets(scores: Scores) -> Markets:
    """All markets on the final score.

    Parameters
    ----------
    scores : DixonColes or (size, size) float64
        A model, or any grid of probabilities (0 to 1, with a sum of at most 1).

    Examples
    --------
    >>> prices = markets(DixonColes(1.62, 1.08, -0.08))
    >>> round(prices["home"], 6), round(prices["total"][2.25].fair_odds, 6)
    (0.489837, 1.723651)
    """
    found: dict[str, Any] = _core.football_markets(_grid_of(scores))
    found["draw_no_bet"] = LineShares(*found["draw_no_bet"])
    for name in ("total", "handicap", "home_total", "away_total"):
        found[name] = {line: LineShares(*shares) for line, shares in found[name].items()}
    return found  # type: ignore[return-value]  # the keys are those of the core, which the tests compare


def asian_handicap(scores: Scores, line: float) -> LineShares:
    """Home with `line` added to its goals (-1000 to 1000 in quarter steps); `.opposite` is away.

    >>> asian_handicap(DixonColes(0.9, 1.75, -0.12), 0.25).fair_odds  # doctest: +ELLIPSIS
    2.81951002...
    """
    return _line(scores, "handicap", line)


def total(scores: Scores, line: float, *, side: Literal["home", "away"] | None = None) -> LineShares:
    """Over `line` goals of the match, or of one side; `.opposite` is the under.

    >>> total(DixonColes(1.62, 1.08, -0.08), 2.75).win  # doctest: +ELLIPSIS
    0.39614166...
    """
    return _line(scores, "total" if side is None else f"{side}_total", line)


def asian_handicap_batch(
    lambda_home: npt.ArrayLike,
    lambda_away: npt.ArrayLike,
    rho: npt.ArrayLike,
    line: npt.ArrayLike,
    *,
    errors: Errors = "raise",
) -> tuple[FloatArray, FloatArray]:
    """Win and lose fractions of a home handicap for each of many models; (n,) arrays that broadcast.

    >>> win, lose = asian_handicap_batch([1.5, 0.9], [1.1, 1.75], -0.08, [-0.25, 0.25])
    >>> (win / (win + lose)).round(4)
    array([0.5276, 0.3529])
    """
    return _line_batch(lambda_home, lambda_away, rho, "handicap", line, errors)


def total_batch(
    lambda_home: npt.ArrayLike,
    lambda_away: npt.ArrayLike,
    rho: npt.ArrayLike,
    line: npt.ArrayLike,
    *,
    errors: Errors = "raise",
) -> tuple[FloatArray, FloatArray]:
    """Win and lose fractions of an over for each of many models; (n,) arrays that broadcast.

    >>> win, lose = total_batch([1.5, 0.9], [1.1, 1.75], -0.08, 2.5)
    >>> win.round(4)
    array([0.4816, 0.494 ])
    """
    return _line_batch(lambda_home, lambda_away, rho, "total", line, errors)


def _labels() -> tuple[str, ...]:
    quarter = [f"{index / 4:g}" for index in range(2, 27)]
    handicap = [f"{index / 4:g}" for index in range(-12, 13)]
    labels = ["1x2/home", "1x2/draw", "1x2/away", "both_score/yes"]
    labels += [f"total:{line}/{side}" for line in quarter for side in ("over", "push", "under")]
    labels += [f"handicap:{line}/{side}" for line in handicap for side in ("home", "push", "away")]
    labels += [f"correct_score/{home}-{away}" for home in range(6) for away in range(6)]
    return tuple(labels)


BASKET_LABELS: tuple[str, ...] = _labels()
"""What the 190 places of a basket are."""


@overload
def basket(lambda_home: float, lambda_away: float, rho: float = ...) -> FloatArray: ...
@overload
def basket(
    lambda_home: npt.ArrayLike, lambda_away: npt.ArrayLike, rho: npt.ArrayLike = ...
) -> FloatArray: ...
def basket(lambda_home: Any, lambda_away: Any, rho: Any = 0.0, *, errors: Errors = "raise") -> FloatArray:
    """The 190 most used probabilities of a match, as fast as they can be had.

    The grid is cut at 15 goals a side and scaled to sum to 1; the lost mass is 1e-8 at 2.8 expected goals a
    side. Use `markets` when that matters.

    Parameters
    ----------
    lambda_home, lambda_away, rho
        Numbers, or (n,) arrays that broadcast. A batch releases the interpreter's lock.
    errors
        In a batch, raise at the first match without a model, or fill such rows with `"nan"`.

    Returns
    -------
    (190,) float64, or (n, 190): 1X2, both score, 25 total lines and 25 handicaps with win, push and lose
    fraction, 36 scores. `BASKET_LABELS` names the places.

    Examples
    --------
    >>> basket(1.62, 1.08, -0.08)[:4].round(6)
    array([0.489837, 0.266204, 0.243959, 0.539118])
    >>> basket([1.62, 0.9], [1.08, 1.75]).shape
    (2, 190)
    """
    if errors != "raise":
        _arrays.is_strict(errors)
    try:
        return _core.football_basket(lambda_home, lambda_away, rho)
    except TypeError:
        home, away, rhos = _arrays.columns(lambda_home=lambda_home, lambda_away=lambda_away, rho=rho)
        return _core.football_basket_batch(home, away, rhos, _arrays.is_strict(errors))


class InPlay(NamedTuple):
    """The rest of a match with independent Poisson goals."""

    home: float
    """P(home wins), likewise draw and away."""
    draw: float
    away: float
    next_goal_home: float
    """P(the next goal is home's), likewise away's."""
    next_goal_away: float
    no_more_goals: float


def inplay(
    lambda_home: float, lambda_away: float, *, share_left: float, score: tuple[int, int] = (0, 0)
) -> InPlay:
    """1X2 at full time and the next goal, when goals come as independent Poisson streams.

    Parameters
    ----------
    lambda_home, lambda_away
        Expected goals of the whole match.
    share_left
        Share of the match's goals still to come; 1 before kick-off.
    score
        Goals of home and away so far; they may differ by at most 99.

    Examples
    --------
    >>> odds = inplay(1.55, 1.15, share_left=0.36, score=(1, 0))
    >>> round(odds.home, 6), round(odds.next_goal_away, 6)
    (0.784314, 0.264787)
    """
    share = _arrays.number(share_left, "share_left")
    home = _arrays.number(lambda_home, "lambda_home") * share
    away = _arrays.number(lambda_away, "lambda_away") * share
    return InPlay._make(_core.football_inplay(home, away, score))


def half_time_full_time(
    lambda_home: float, lambda_away: float, *, first_half_share: float = 0.45
) -> FloatArray:
    """Half-time by full-time before kick-off: (3, 3), rows and columns in the order home, draw, away.

    >>> half_time_full_time(1.6, 1.1)[1, 0].round(6)  # draw at half-time, home at full time
    np.float64(0.164302)
    """
    lambda_home = _arrays.number(lambda_home, "lambda_home")
    lambda_away = _arrays.number(lambda_away, "lambda_away")
    first_half_share = _arrays.number(first_half_share, "first_half_share")
    rest = 1.0 - first_half_share
    first = (lambda_home * first_half_share, lambda_away * first_half_share, 0)
    return _core.football_half_time_full_time(first, (lambda_home * rest, lambda_away * rest, 0))


class LiveSettings(NamedTuple):
    """What the engine's configuration says of a match in play where nothing else is told."""

    first_half_share: float
    """Share of the goals that fall in the first half."""
    lead_multipliers: tuple[float, float, float]
    """Factors of the scoring rate of a side that leads, is level, trails."""
    red_card_multipliers: tuple[float, float]
    """Factors of the scoring rate of a side for each own and each opposing player sent off."""
    stoppage_s: tuple[float, float]
    """Added time expected before it is announced, of both halves, in seconds."""


def _live_defaults() -> LiveSettings:
    share_e3, (leading, level, trailing), (own, opponent), (first_ms, second_ms) = (
        _core.football_live_defaults()
    )
    return LiveSettings(
        share_e3 / 1_000,
        (leading / 1_000, level / 1_000, trailing / 1_000),
        (own / 1_000, opponent / 1_000),
        (first_ms / 1_000, second_ms / 1_000),
    )


LIVE_DEFAULTS = _live_defaults()
"""The one home of these numbers is the engine; they are illustrative, not fitted."""


class RateMultipliers(NamedTuple):
    """How score and red cards change the scoring rates, 0 to 10 each.

    The defaults are those of the engine, `LIVE_DEFAULTS`: illustrative, not fitted.
    """

    leading: float = LIVE_DEFAULTS.lead_multipliers[0]
    level: float = LIVE_DEFAULTS.lead_multipliers[1]
    trailing: float = LIVE_DEFAULTS.lead_multipliers[2]
    red_own: float = LIVE_DEFAULTS.red_card_multipliers[0]
    """Of a side for each red card of its own."""
    red_opponent: float = LIVE_DEFAULTS.red_card_multipliers[1]
    """Of a side for each red card of its opponent."""


DEFAULT_MULTIPLIERS = RateMultipliers()
"""Illustrative multipliers."""


def inplay_markov(
    lambda_home: float,
    lambda_away: float,
    *,
    share_left: float = 1.0,
    score: tuple[int, int] = (0, 0),
    red_cards: tuple[int, int] = (0, 0),
    multipliers: RateMultipliers = DEFAULT_MULTIPLIERS,
) -> FloatArray:
    """The grid of final scores when the score and red cards change the scoring rates.

    Source: M. Dixon, M. Robinson, "A Birth Process Model for Association Football Matches", The Statistician
    47 (1998). Reproduced in `tests/golden/football_inplay.json` against a matrix exponential.

    Parameters
    ----------
    lambda_home, lambda_away
        Goals expected in a whole match at multipliers of 1.
    share_left
        Share of the match's goals still to come, 0 to 2.
    score, red_cards
        Of home and away so far.

    Examples
    --------
    >>> round(markets(inplay_markov(1.5, 1.1))["home"], 6)
    0.4517
    """
    multipliers = RateMultipliers(*_arrays.row(multipliers, "multipliers", len(RateMultipliers._fields)))
    return _core.football_grid_markov(lambda_home, lambda_away, share_left, score, red_cards, multipliers)


class OverLine(NamedTuple):
    """The over of a count's line, and the variance of the count."""

    shares: LineShares
    variance: float


def negbin_over(mean: float, dispersion: float, line: float) -> OverLine:
    """Over a line of corners, cards or shots: negative binomial with variance `mean + mean**2 / dispersion`.

    `mean` 0 to 300, `dispersion` 0.5 to 1e6. Reproduced in `tests/golden/football_inplay.json`.

    >>> round(negbin_over(10.4, 28.0, 10.5).shares.win, 6)
    0.458604
    """
    win, lose, variance = _core.negbin_over(mean, dispersion, line)
    return OverLine(LineShares(win, lose), variance)


class CountModel(NamedTuple):
    """Corners or cards of both sides.

    The total is negative binomial, variance `mean + mean**2 / dispersion`; of its items each is home's with
    a beta distributed probability of this `concentration`: the smaller it is, the more the sides
    compensate. The defaults are those of corners, measured on 6,390 league matches given the strength of
    the sides; of cards they are 18 and 1e6.

    >>> corners = CountModel(5.8, 4.6)
    >>> round(total(corners.grid(), 9.5).win, 4)
    0.5768
    >>> round(markets(corners.grid())["home"], 4)
    0.5675
    """

    mean_home: float
    """Expected count of home, 0 to 300."""
    mean_away: float
    """Expected count of away, 0 to 300."""
    dispersion: float = 55.0
    """0.5 to 1e6."""
    concentration: float = 14.3
    """0.5 to 1e6."""

    @property
    def correlation(self) -> float:
        """Correlation between the counts of both sides.

        >>> round(CountModel(5.8, 4.6).correlation, 3)
        -0.173
        """
        return _core.football_count_grid(*self, (0, 0), 0.0, 1.0)[1]

    def grid(
        self, *, counts: tuple[int, int] = (0, 0), elapsed: float = 0.0, remaining: float = 1.0
    ) -> FloatArray:
        """(40, 40) float64 probabilities of the final counts, a grid for every market function.

        `counts` are those so far, `elapsed` and `remaining` shares of the match. In play it is the same
        model, conditioned on what has happened: many early corners raise what is expected.

        Raises
        ------
        FootballError
            A number outside its range, or a count so far above 39.

        Examples
        --------
        >>> later = CountModel(5.8, 4.6).grid(counts=(5, 1), elapsed=0.45, remaining=0.55)
        >>> round(asian_handicap(later, -2.5).win, 4)
        0.8826
        """
        return _core.football_count_grid(*self, counts, elapsed, remaining)[0]


def interval_shares(
    *,
    first_half_share: float = 0.45,
    stoppage_ms: tuple[int, int] = (120_000, 300_000),
    period: Literal["pre_match", "first_half", "half_time", "second_half", "full_time"] = "pre_match",
    elapsed_ms: int = 0,
) -> FloatArray:
    """(9,) shares of a match's expected goals by ten minutes of the clock that are still to come.

    Added time belongs to the interval in which its half ends: minutes 40 to 50 and 80 to 90.

    >>> interval_shares().round(3)
    array([0.084, 0.09 , 0.097, 0.103, 0.127, 0.105, 0.108, 0.112, 0.174])
    >>> interval_shares(period="second_half", elapsed_ms=85 * 60_000).round(3)
    array([0.   , 0.   , 0.   , 0.   , 0.   , 0.   , 0.   , 0.   , 0.117])
    """
    return np.array(_core.football_interval_shares(first_half_share, stoppage_ms, period, elapsed_ms))


class ScorerMarkets(NamedTuple):
    """What a player does, as probabilities."""

    anytime: float
    two_or_more: float
    three_or_more: float
    first: float
    last: float


def scorer_markets(
    side_goals: npt.ArrayLike, share: float, *, side_first: float = 0.0, side_last: float = 0.0
) -> ScorerMarkets:
    """The markets of a player who takes `share` of his side's goals, whoever scores the others.

    Parameters
    ----------
    side_goals
        (n,) probabilities of 0, 1, ... goals of his side, n up to 80: a row or column sum of a grid.
    share
        0 to 1.
    side_first, side_last
        Probability that his side scores the first and the last goal.

    Examples
    --------
    >>> goals = grid(1.7, 1.05, -0.07).sum(axis=1)
    >>> round(scorer_markets(goals, 0.32).anytime, 6)
    0.419578
    """
    goals = _arrays.numbers(side_goals, "side_goals", axes=1).tolist()
    return ScorerMarkets(*_core.football_scorer_markets(goals, share, side_first, side_last))


class ScorerShares(NamedTuple):
    """Shares of a side's listed players, and what they were scaled by."""

    shares: FloatArray
    """(n,) in the order of the odds; they sum to what own goals and unlisted players leave."""
    factor: float
    """Below 1 where the prices hold a margin."""


def scorer_shares(
    side_goals: npt.ArrayLike, odds: npt.ArrayLike, *, own_goals: float = 0.023, unlisted: float = 0.05
) -> ScorerShares:
    """Shares of a side's goals from anytime scorer odds.

    A book of anytime scorers has no booksum that tells its margin; what must add up are the goals. Shares
    are solved from `1 / odds` one by one and scaled to sum to `1 - own_goals - unlisted`.

    Raises
    ------
    FootballError
        Odds outside 1.001 to 10,000 or that even all goals of the side do not explain.

    Examples
    --------
    >>> found = scorer_shares(grid(1.7, 1.05).sum(axis=1), [2.2, 3.1, 3.4, 5.5, 8.0, 9.0, 15.0])
    >>> found.shares.round(3)
    array([0.301, 0.194, 0.173, 0.1  , 0.066, 0.059, 0.034])
    """
    goals = _arrays.numbers(side_goals, "side_goals", axes=1).tolist()
    prices = _arrays.numbers(odds, "odds", axes=1).tolist()
    shares, factor = _core.football_scorer_shares(goals, prices, own_goals, unlisted)
    return ScorerShares(np.array(shares), factor)


class Qualification(NamedTuple):
    """Who goes through, by side and by when."""

    home: tuple[float, float, float]
    """In regulation, in extra time, on penalties."""
    away: tuple[float, float, float]

    @property
    def p_home(self) -> float:
        """P(home goes through)."""
        return sum(self.home)

    @property
    def p_extra_time(self) -> float:
        """P(level after regulation)."""
        return self.home[1] + self.home[2] + self.away[1] + self.away[2]


def qualification(
    scores: Scores,
    *,
    extra_means: tuple[float, float] | None,
    first_leg: tuple[int, int] = (0, 0),
    away_goals_rule: bool = False,
    shootout_home: float = 0.5,
) -> Qualification:
    """Who goes through, from a model or grid of the score after regulation.

    Parameters
    ----------
    scores
        A model or a grid.
    extra_means
        Expected goals of home and away in extra time, 0 to 20: about 0.3 of those of the match. `None`:
        straight to
        penalties.
    first_leg
        Goals of today's home and away side in the first leg.
    away_goals_rule
        More away goals decide a tie on aggregate, in extra time too.
    shootout_home
        P(home wins a shoot-out).

    Examples
    --------
    >>> tie = qualification(DixonColes(1.5, 1.1, -0.06), extra_means=(0.45, 0.33))
    >>> round(tie.p_home, 4), round(tie.p_extra_time, 4)
    (0.6049, 0.2724)
    """
    cells = _grid_of(scores)
    if extra_means is not None:
        extra_home, extra_away = _arrays.row(extra_means, "extra_means", 2)
        extra_means = (extra_home, extra_away)
    home, away = _core.football_qualification(cells, first_leg, away_goals_rule, extra_means, shootout_home)
    return Qualification((home[0], home[1], home[2]), (away[0], away[1], away[2]))


def shootout(
    conversion_home: float = 0.75,
    conversion_away: float = 0.75,
    *,
    scored: tuple[int, int] = (0, 0),
    taken: tuple[int, int] = (0, 0),
    first: Literal["home", "away"] = "home",
) -> float:
    """P(home wins a shoot-out) from the share of penalties each side converts and the kicks so far.

    Raises
    ------
    FootballError
        Kicks that cannot have come to pass.

    Examples
    --------
    >>> shootout()
    0.5
    >>> round(shootout(scored=(3, 1), taken=(3, 3)), 4)
    0.9824
    """
    _arrays.word(first, "first", ("home", "away"))
    return _core.football_shootout(
        (conversion_home, conversion_away), scored, taken, 0 if first == "home" else 1
    )


class Price(NamedTuple):
    """A selection of a board."""

    fair: float
    """Fair probability with refunds set aside; its inverse is the fair odds."""
    odds: float
    """Offered decimal odds on the ladder; `nan` when not offered."""


@dataclass(frozen=True, slots=True, eq=False)
class Board(ArrowTable):
    """All selections of a football match with fair probabilities and offered odds.

    >>> prices = board(1.62, 1.08, -0.08)
    >>> prices["1x2/home"]
    Price(fair=0.4898370..., odds=1.94)
    """

    selections: tuple[str, ...]
    """(n,) names, `market key/selection`: `1x2/home`, `total:2.5/over`, `handicap:-0.25/away`."""
    fair: FloatArray
    """(n,) fair probabilities with refunds set aside."""
    odds: FloatArray
    """(n,) offered decimal odds, `nan` where nothing is offered."""

    def __len__(self) -> int:
        return len(self.selections)

    def __getitem__(self, selection: str) -> Price:
        index = _selection_index().get(selection)
        if index is None:
            raise _hints.unknown("selection", selection, _selection_index())
        return Price(float(self.fair[index]), float(self.odds[index]))

    def market(self, key: str) -> dict[str, Price]:
        """The selections of one market by name.

        Raises
        ------
        UnknownNameError
            There is no such market; the message names the nearest.

        Examples
        --------
        >>> board(1.62, 1.08).market("both_score")["yes"].odds
        1.79
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
        return _board_html.draw(_selection_index(), self.fair, self.odds, caption=repr(self)[1:-1])


def board(
    lambda_home: float,
    lambda_away: float,
    rho: float = 0.0,
    *,
    margin: tuple[Method, float] = ("multiplicative", 1.05),
    ladder: LadderName = "fine",
) -> Board:
    """Price a whole football board before kick-off, by the same steps as the engine.

    Parameters
    ----------
    lambda_home, lambda_away, rho
        The Dixon-Coles model of the match.
    margin
        Margin method and the booksum of a market with one winner, 1 to 2.
    ladder
        Ladder that odds are rounded down to. Odds under 1.01 are not offered, odds above 500 are cut to it;
        no offered odds are above the fair ones, so no combination of them is an arbitrage.

    Raises
    ------
    FootballError, MarginError, BoundsError
        A model, method, booksum or ladder that does not exist.

    Examples
    --------
    >>> prices = board(1.62, 1.08, -0.08, margin=("power", 1.06))
    >>> prices
    <Board of 1,012 selections, 972 offered>
    >>> prices["handicap:-0.25/home"].odds
    1.68
    """
    method, booksum = _arrays.margin_of(margin)
    fair, odds = _core.football_board(lambda_home, lambda_away, rho, method, booksum, ladder)
    return Board(tuple(_selection_index()), fair, odds)


Incident: TypeAlias = Literal[
    "kick_off",
    "clock",
    "half_time",
    "second_half",
    "full_time",
    "goal",
    "goal_cancelled",
    "red_card",
    "red_card_cancelled",
]


class LiveMatch:
    """A match in play, priced by the engine's own live model.

    The defaults are those of the engine's configuration.

    Parameters
    ----------
    model
        The match before kick-off.
    first_half_share
        Share of the goals that fall in the first half, 0.001 to 0.999 in thousandths.
    lead_multipliers
        Factors of the scoring rate of a side that leads, is level, trails; 0 to 10 in thousandths.
    red_card_multipliers
        Factors of the scoring rate of a side for each own and each opposing player sent off; 0 to 10 in
        thousandths.
    stoppage_s
        Added time expected before it is announced, of both halves, in seconds.

    Examples
    --------
    >>> match = LiveMatch(DixonColes(1.62, 1.08, -0.08))
    >>> for incident in [("kick_off", 0), ("goal", 1_500, "home"), ("clock", 2_600)]:
    ...     match.apply(*incident)
    >>> match
    <LiveMatch first_half 1-0>
    >>> round(match.board()["1x2/home"].fair, 3)
    0.71
    """

    __slots__ = ("_core",)

    def __init__(
        self,
        model: DixonColes,
        *,
        first_half_share: float = LIVE_DEFAULTS.first_half_share,
        lead_multipliers: tuple[float, float, float] = LIVE_DEFAULTS.lead_multipliers,
        red_card_multipliers: tuple[float, float] = LIVE_DEFAULTS.red_card_multipliers,
        stoppage_s: tuple[float, float] = LIVE_DEFAULTS.stoppage_s,
    ) -> None:
        model = _arrays.instance(model, "model", DixonColes)
        multipliers = _in_thousandths(lead_multipliers, "lead_multipliers", 3)
        red_cards = _in_thousandths(red_card_multipliers, "red_card_multipliers", 2)
        stoppage_ms = _in_thousandths(stoppage_s, "stoppage_s", 2)
        share = _arrays.thousandths(first_half_share, "first_half_share")
        means = (model.lambda_home, model.lambda_away, model.rho)
        self._core = _core.LiveMatch(*means, share, multipliers, red_cards, stoppage_ms)

    def apply(self, kind: Incident, clock_s: float, side: Literal["home", "away"] | None = None) -> None:
        """What happened, at which match clock in seconds, and to which side where it concerns one.

        The clock is 0 at kick-off and 2,700 at the start of the second half; it runs on through added time.

        Raises
        ------
        BoundsError
            An incident that does not exist or cannot follow the present period, or a clock outside 0 to
            14,400.

        Examples
        --------
        >>> match = LiveMatch(DixonColes(1.62, 1.08, -0.08))
        >>> match.apply("kick_off", 0)
        >>> match.apply("goal", 60 * 17, "away")
        >>> match
        <LiveMatch first_half 0-1>
        """
        self._core.apply(kind, _arrays.thousandths(clock_s, "clock_s"), side)

    @property
    def score(self) -> tuple[int, int]:
        """Home and away goals so far."""
        return self._core.score

    @property
    def period(self) -> str:
        """`pre_match`, `first_half`, `half_time`, `second_half` or `full_time`."""
        return self._core.period

    def board(
        self, *, margin: tuple[Method, float] = ("multiplicative", 1.05), ladder: LadderName = "fine"
    ) -> Board:
        """All selections as they stand; the arguments are those of `board`.

        >>> match = LiveMatch(DixonColes(1.62, 1.08, -0.08))
        >>> match.apply("kick_off", 0)
        >>> match.apply("goal", 60 * 17, "away")
        >>> round(match.board()["1x2/away"].fair, 3)
        0.45
        """
        method, booksum = _arrays.margin_of(margin)
        fair, odds = self._core.board(method, booksum, ladder)
        return Board(tuple(_selection_index()), fair, odds)

    def __repr__(self) -> str:
        home, away = self.score
        return f"<LiveMatch {self.period} {home}-{away}>"


_SELECTIONS: dict[str, int] = {}


def _selection_index() -> dict[str, int]:
    if not _SELECTIONS:
        _SELECTIONS.update((name, index) for index, name in enumerate(_core.football_selections()))
    return _SELECTIONS


def _in_thousandths(values: Any, name: str, count: int) -> list[int]:
    return [_arrays.thousandths(value, name) for value in _arrays.row(values, name, count)]


def _grid_of(scores: Scores) -> FloatArray:
    if isinstance(scores, DixonColes):
        return scores.grid()
    return _arrays.grid(scores)


def _line(scores: Scores, kind: str, line: float) -> LineShares:
    if isinstance(scores, DixonColes):
        model = (scores.lambda_home, scores.lambda_away, scores.rho)
        return LineShares(*_core.football_line_dixon_coles(*model, kind, line))
    return LineShares(*_core.football_line(_grid_of(scores), kind, line))


def _line_batch(
    lambda_home: npt.ArrayLike,
    lambda_away: npt.ArrayLike,
    rho: npt.ArrayLike,
    kind: str,
    line: npt.ArrayLike,
    errors: Errors,
) -> tuple[FloatArray, FloatArray]:
    home, away, rhos, lines = _arrays.columns(
        lambda_home=lambda_home, lambda_away=lambda_away, rho=rho, line=line
    )
    win, lose = _core.football_line_batch(home, away, rhos, kind, lines, _arrays.is_strict(errors))
    return win, lose
