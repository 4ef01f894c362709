"""Score models beside Dixon-Coles, calibrated exactly to prices. Public in `oddsengine.football`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core
from oddsengine.margin import Errors, Method

FloatArray: TypeAlias = npt.NDArray[np.float64]
ScoreFamily: TypeAlias = Literal["poisson", "conway_maxwell", "bivariate_poisson", "weibull_frank"]
LineKind: TypeAlias = Literal["total", "handicap", "home_total", "away_total"]

ODDS_RATIO_SHARE: float = _core.ODDS_RATIO_SHARE
"""Share of the odds ratio in the margin of Pinnacle's closing 1X2; the rest is multiplicative. As fitted."""


class MatchScores(NamedTuple):
    """What a match adds to a `ScoreModel`."""

    rate_home: float
    """Scoring rate of home in the family's own meaning, close to the expected goals."""
    rate_away: float
    shift: float = 0.0
    """Probability moved from each of 1-0 and 0-1 to 0-0 and 1-1; raises the draw by twice itself."""


class ScoreExpectations(NamedTuple):
    """The numbers of many matches, one column each."""

    rate_home: FloatArray
    """(n,) scoring rates of home."""
    rate_away: FloatArray
    """(n,) scoring rates of away."""
    shift: FloatArray
    """(n,) probability moved to 0-0 and to 1-1."""


class CalibratedScores(NamedTuple):
    """A match's numbers and the fair probabilities that they were fitted to."""

    scores: MatchScores
    home: float
    draw: float
    away: float
    over: float


class ScoreModel:
    """A family of score distributions with its global parameters.

    Three prices of a match (over, P(home) - P(away), draw) fix its two rates and its shift exactly, whatever
    the family: the shift leaves P(home) - P(away) and every total line from 2.5 up as they are.

    Parameters
    ----------
    family
        ``"poisson"``: independent Poisson goals; with the shift this is Dixon-Coles.
        ``"conway_maxwell"``: P(k) in proportion to ``rate**k / k!**nu`` with
        ``nu = dispersion + draw_link * shift`` plus ``gap_link * log(rate / other rate)``; the best on
        handicaps.
        ``"bivariate_poisson"``: a Poisson number of mean ``common + draw_link * shift``, at least 0, on top
        of both sides, and a share `inflation` of draws with a Poisson number of goals a side of mean
        `inflation_mean`; nearly as good on handicaps, and the best on totals.
        ``"weibull_frank"``: Weibull counts of this `shape` tied by a Frank copula of parameter `kappa`.
    parameters
        The family's parameters by name. Those not given are as fitted to Pinnacle's closing prices of half of
        14 league seasons; sources, fits and figures are in ``docs/models/football.md``.

    Raises
    ------
    BoundsError
        An unknown family or parameter.
    FootballError
        A parameter outside its range.

    Examples
    --------
    >>> model = ScoreModel()
    >>> scores = model.calibrate(0.4612, 0.2701, 0.2687, 0.5134)
    >>> float(np.trace(model.grid(scores)).round(6))
    0.2701
    """

    __slots__ = ("_core",)

    def __init__(self, family: ScoreFamily = "bivariate_poisson", **parameters: float) -> None:
        self._core = _core.ScoreModel(family, parameters)

    @property
    def family(self) -> str:
        """The family's name."""
        return self._core.family

    @property
    def parameters(self) -> dict[str, float]:
        """The family's parameters by name.

        >>> sorted(ScoreModel("weibull_frank").parameters)
        ['kappa', 'shape']
        """
        return self._core.parameters

    def grid(self, scores: MatchScores | tuple[float, float, float]) -> FloatArray:
        """The score grid of a match; every function of `oddsengine.football` on scores takes it.

        Returns
        -------
        (size, size) float64, home goals down. Less than 1e-12 lies outside, except that Weibull counts end at
        23 goals a side.

        Raises
        ------
        FootballError
            Rates outside the family's range, or a shift that makes a score's probability negative.

        Examples
        --------
        >>> ScoreModel(common=0.1, draw_link=0.0).grid((1.5, 1.0, 0.004))[:2, :2].round(4)
        array([[0.0783, 0.0703],
               [0.1074, 0.1228]])
        """
        return self._core.grid(*scores)

    def calibrate(
        self, p_home: float, p_draw: float, p_away: float, p_over: float, *, line: float = 2.5
    ) -> MatchScores:
        """The match that has exactly these fair probabilities: residuals below 5e-13, some microseconds.

        Parameters
        ----------
        p_home, p_draw, p_away
            Fair probabilities, strictly between 0 and 1, that sum to 1 within 1e-9.
        p_over
            Fair probability of the over: ``win / (win + lose)`` where the line can push.
        line
            Total line, 0.5 to 38.75 in quarter steps.

        Raises
        ------
        FootballError
            Impossible prices, or prices that no match of this family has.

        Examples
        --------
        >>> scores = ScoreModel().calibrate(0.4612, 0.2701, 0.2687, 0.5134)
        >>> [round(number, 4) for number in scores]
        [1.4435, 1.038, 0.0028]
        """
        return MatchScores(*self._core.calibrate(p_home, p_draw, p_away, p_over, line))

    def calibrate_batch(
        self,
        p_home: npt.ArrayLike,
        p_draw: npt.ArrayLike,
        p_away: npt.ArrayLike,
        p_over: npt.ArrayLike,
        *,
        line: float = 2.5,
        errors: Errors = "raise",
    ) -> ScoreExpectations:
        """As `calibrate` for (n,) arrays, without the interpreter's lock.

        A match that the family does not explain raises `FootballError` with its row, or becomes `nan` with
        ``errors="nan"``.

        >>> ScoreModel().calibrate_batch([0.4612], [0.2701], [0.2687], [0.5134])[0].round(4)
        array([1.4435])
        """
        home, draw, away, over = _arrays.columns(p_home=p_home, p_draw=p_draw, p_away=p_away, p_over=p_over)
        columns = self._core.calibrate_batch(home, draw, away, over, line, _arrays.is_strict(errors))
        return ScoreExpectations(*columns)

    def calibrate_from_odds(
        self,
        odds_1x2: Sequence[float],
        odds_total: Sequence[float],
        *,
        line: float = 2.5,
        odds_ratio_share: float = ODDS_RATIO_SHARE,
        method_total: Method = "multiplicative",
    ) -> CalibratedScores:
        """Remove the margin from 1X2 and a total line, then calibrate.

        Parameters
        ----------
        odds_1x2, odds_total
            Decimal odds of home, draw, away and of over, under at `line`, each above 1.
        odds_ratio_share
            The 1X2 is freed of its margin by this share of the odds-ratio method and the rest of the
            multiplicative one; 0 to 1.
        method_total
            Margin method of the total.

        Examples
        --------
        >>> fitted = ScoreModel().calibrate_from_odds([1.42, 4.8, 7.5], [1.72, 2.2])
        >>> round(fitted.home, 4)
        0.682
        """
        home, draw, away = _arrays.row(odds_1x2, "odds_1x2", 3)
        over, under = _arrays.row(odds_total, "odds_total", 2)
        fair, fair_over, scores = self._core.calibrate_from_odds(
            [home, draw, away], [over, under], line, odds_ratio_share, method_total
        )
        return CalibratedScores(MatchScores(*scores), fair[0], fair[1], fair[2], fair_over)

    def calibrate_from_odds_batch(
        self,
        odds_1x2: npt.ArrayLike,
        odds_total: npt.ArrayLike,
        *,
        line: float = 2.5,
        odds_ratio_share: float = ODDS_RATIO_SHARE,
        method_total: Method = "multiplicative",
        errors: Errors = "raise",
    ) -> ScoreExpectations:
        """As `calibrate_from_odds` for arrays of shape (n, 3) and (n, 2), without the interpreter's lock.

        >>> ScoreModel().calibrate_from_odds_batch([[1.42, 4.8, 7.5]], [[1.72, 2.2]])[0].round(4)
        array([2.0407])
        """
        columns = self._core.calibrate_from_odds_batch(
            _arrays.numbers(odds_1x2, "odds_1x2", axes=2),
            _arrays.numbers(odds_total, "odds_total", axes=2),
            line,
            odds_ratio_share,
            method_total,
            _arrays.is_strict(errors),
        )
        return ScoreExpectations(*columns)

    def line_batch(
        self,
        expectations: ScoreExpectations,
        kind: LineKind,
        line: npt.ArrayLike,
        *,
        errors: Errors = "raise",
    ) -> tuple[FloatArray, FloatArray]:
        """Win and lose fractions of one line for each of many matches.

        Parameters
        ----------
        expectations
            (n,) columns, as `calibrate_batch` returns them.
        kind
            ``"total"``, ``"home_total"``, ``"away_total"``: over `line` goals; ``"handicap"``: home with
            `line` added to its goals.
        line
            A number or an (n,) array, in quarter steps.

        Examples
        --------
        >>> model = ScoreModel()
        >>> expectations = model.calibrate_from_odds_batch([[1.42, 4.8, 7.5]], [[1.72, 2.2]])
        >>> win, lose = model.line_batch(expectations, "handicap", -1.25)
        >>> (win / (win + lose)).round(3)
        array([0.493])
        """
        what = "rates of both sides and the shift, as a calibration gives them"
        rate_home, rate_away, shifts = _arrays.parts(expectations, "expectations", what, least=3)
        home, away, shift, lines = _arrays.columns(
            rate_home=rate_home, rate_away=rate_away, shift=shifts, line=line
        )
        win, lose = self._core.line_batch(home, away, shift, kind, lines, _arrays.is_strict(errors))
        return win, lose

    def __repr__(self) -> str:
        parameters = "".join(f", {name}={value:g}" for name, value in self.parameters.items())
        return f'ScoreModel("{self.family}"{parameters})'
