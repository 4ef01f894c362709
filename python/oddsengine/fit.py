"""Goal models fitted to results by maximum likelihood: attack and defence of every team, home advantage, and
more.

| model | goals of a side | parameter beside the teams |
|---|---|---|
| `poisson` | Poisson | none |
| `dixon_coles` | Poisson, the four lowest scores corrected | `rho` |
| `negative_binomial` | variance `mean + overdispersion mean**2` | `overdispersion` |

In all of them the logarithm of a home team's expected goals is `intercept + home_advantage + attack[home] -
defence[away]`, of an away team's `intercept + attack[away] - defence[home]`; attacks sum to zero, and so do
defences. A match at a neutral venue has no home advantage.

Results are any table (see `oddsengine.tables`) with the columns `home`, `away`, `home_goals`, `away_goals`.

>>> results = {
...     "home": ["Ajax", "Ajax", "Brugge", "Brugge", "Celtic", "Celtic"],
...     "away": ["Brugge", "Celtic", "Ajax", "Celtic", "Ajax", "Brugge"],
...     "home_goals": [3, 2, 1, 2, 0, 1],
...     "away_goals": [1, 0, 1, 0, 2, 1],
... }
>>> model = poisson(results)
>>> model
<GoalFit poisson: 3 teams, 6 matches, log-likelihood -11.65>
>>> model.predict("Ajax", "Celtic").probabilities.round(3)
array([[0.883, 0.106, 0.011]])

Sources: M. Maher, "Modelling association football scores", Statistica Neerlandica 36 (1982); M. Dixon, S.
Coles, "Modelling Association Football Scores and Inefficiencies in the Football Betting Market", Applied
Statistics 46 (1997).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict, Unpack, cast

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core, _html, football
from oddsengine.exceptions import BoundsError
from oddsengine.margin import Errors, Method
from oddsengine.odds import LadderName
from oddsengine.tables import Table, TableLike, day, select, text

__all__ = [
    "MODELS",
    "GoalFit",
    "Model",
    "Predictions",
    "Report",
    "StandardErrors",
    "dixon_coles",
    "goals",
    "negative_binomial",
    "poisson",
    "time_weights",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Model: TypeAlias = Literal["poisson", "dixon_coles", "negative_binomial"]

MODELS: tuple[Model, ...] = ("poisson", "dixon_coles", "negative_binomial")
"""Every model."""


class Options(TypedDict, total=False):
    """Options of `goals` that `poisson`, `dixon_coles` and `negative_binomial` take as well."""

    weights: str | npt.ArrayLike | None
    neutral: str | bool | npt.ArrayLike
    ridge: float
    standard_errors: bool
    home: str
    away: str
    home_goals: str
    away_goals: str


def goals(
    results: TableLike,
    *,
    model: Model = "dixon_coles",
    weights: str | npt.ArrayLike | None = None,
    neutral: str | bool | npt.ArrayLike = False,
    ridge: float = 0.0,
    standard_errors: bool = True,
    home: str = "home",
    away: str = "away",
    home_goals: str = "home_goals",
    away_goals: str = "away_goals",
) -> GoalFit:
    """Fit a goal model to results.

    The maximum is found by Newton steps with exact second derivatives, to about ten digits: four to six
    steps, a quarter of a millisecond for a season of 380 matches or five of them. Reproduced against
    published fits in `tests/golden/reference_models.py`.

    Parameters
    ----------
    results
        A table with one row a match; 2 to 512 teams, goals 0 to 400. Rows without a result are not allowed:
        leave fixtures out.
    model
        One of `MODELS`.
    weights : (n,) float64 or a column's name
        How much each match counts, 0 to 1e6; see `time_weights`. 1 each by default.
    neutral : (n,) bool, a column's name, or one bool for all
        Whether a match had no home advantage.
    ridge
        Pull of attacks and defences towards their mean, 0 to 1e6: `ridge / 2` times the sum of their squares
        is taken from the log-likelihood, as if each came from a normal distribution of variance `1 / ridge`.
        Above 0 it gives finite parameters to teams without goals and compares groups that never met.
    standard_errors
        Whether to compute them; leave them out of a loop over many fits.
    home, away, home_goals, away_goals
        Names of the columns.

    Raises
    ------
    FitError
        A team without a goal scored or conceded or groups that never met (without a ridge), no maximum, a bad
        number.
    BoundsError
        A missing column, or columns that do not fit together.

    Examples
    --------
    >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
    >>> goals(season | {"away_goals": [1, 1, 2, 0, 1, 1]}, model="negative_binomial").overdispersion
    0.0
    """
    named = [name for name in (weights, neutral) if isinstance(name, str)]
    columns = select(results, [home, away, home_goals, away_goals, *named])
    given = dict(zip(named, columns[4:], strict=True))
    home_names, away_names = columns[0].tolist(), columns[1].tolist()
    teams, home_index, away_index = _teams(home_names, away_names)
    is_neutral = _flags(given[neutral] if isinstance(neutral, str) else neutral, len(home_names))
    found = _core.fit_goals(
        teams,
        home_index,
        away_index,
        _whole(columns[2], "home goals"),
        _whole(columns[3], "away goals"),
        None
        if weights is None
        else _arrays.numbers(given[weights] if isinstance(weights, str) else weights, "weights", axes=1),
        None if is_neutral is None else is_neutral.view(np.uint8),
        model,
        ridge,
        standard_errors,
    )
    errors = None
    if standard_errors:
        errors = StandardErrors(*(found[f"{name}_error"] for name in StandardErrors._fields))
    return GoalFit(
        model=model,
        teams=tuple(teams),
        intercept=found["intercept"],
        home_advantage=found["home_advantage"],
        attack=found["attack"],
        defence=found["defence"],
        rho=found["rho"],
        overdispersion=found["overdispersion"],
        standard_errors=errors,
        report=Report(*(found[name] for name in Report._fields)),
    )


def poisson(results: TableLike, **options: Unpack[Options]) -> GoalFit:
    """Fit independent Poisson goals: `goals` with `model="poisson"`.

    >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
    >>> poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]})
    <GoalFit poisson: 3 teams, 6 matches, log-likelihood -13.29>
    """
    return goals(results, model="poisson", **options)


def dixon_coles(results: TableLike, **options: Unpack[Options]) -> GoalFit:
    """Fit the Dixon-Coles model: `goals` with `model="dixon_coles"`.

    >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
    >>> dixon_coles(season | {"away_goals": [1, 1, 2, 0, 1, 1]})
    <GoalFit dixon_coles: 3 teams, 6 matches, log-likelihood -12.66>
    """
    return goals(results, model="dixon_coles", **options)


def negative_binomial(results: TableLike, **options: Unpack[Options]) -> GoalFit:
    """Fit independent negative binomial goals: `goals` with `model="negative_binomial"`.

    >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
    >>> negative_binomial(season | {"away_goals": [1, 1, 2, 0, 1, 1]})
    <GoalFit negative_binomial: 3 teams, 6 matches, log-likelihood -13.29>
    """
    return goals(results, model="negative_binomial", **options)


def time_weights(
    dates: npt.ArrayLike, *, half_life_days: float, at: str | np.datetime64 | None = None
) -> FloatArray:
    """Weights that halve with every `half_life_days` of a match's age: Dixon and Coles' `exp(-xi t)`.

    Parameters
    ----------
    dates : (n,) datetime64, dates or ISO texts
        Days of the matches. A time with a zone counts on the day that its own clock shows.
    half_life_days
        Age at which a match counts half, above 0; `log(2) / xi`. A year or two is usual for league football.
    at
        The day from which the age counts; the last one by default. A match after it is an error.

    Examples
    --------
    >>> time_weights(["2025-08-15", "2026-08-15"], half_life_days=365)
    array([0.5, 1. ])
    """
    half_life_days = _arrays.number(half_life_days, "half_life_days")
    if not half_life_days > 0:
        raise BoundsError(f"half-life of {half_life_days} days is not above 0")
    days = _arrays.days(dates, "dates", axes=1)
    if days.size == 0:
        return np.zeros(0)
    end = days.max() if at is None else day(at, "at")
    age_days = (end - days).astype(np.float64)
    if not (age_days >= 0).all():
        index = int(np.flatnonzero(~(age_days >= 0))[0])
        raise BoundsError(f"match {index} on {days[index]} is after {end}")
    weights = np.asarray(np.exp2(-age_days / half_life_days), dtype=np.float64)
    return cast("FloatArray", _arrays.row_wise(weights, "weight", dates))


class StandardErrors(NamedTuple):
    """Square roots of the diagonal of the inverse observed information.

    With weights other than 1 they are the errors as if a weight were a number of matches. `nan` where a
    parameter was not free.
    """

    intercept: float
    home_advantage: float
    attack: FloatArray
    defence: FloatArray
    extra: float
    """Of `rho` or of the overdispersion."""


class Report(NamedTuple):
    """How the search for the maximum ended."""

    log_likelihood: float
    """Sum of weight times log probability of the score, without the ridge's part."""
    penalty: float
    """What the ridge takes from it."""
    iterations: int
    """Newton steps."""
    gradient_max: float
    """Largest slope left, per unit of a free parameter."""
    match_count: int
    """Matches of positive weight."""
    weight: float
    """Sum of the weights."""
    parameter_count: int
    """Free parameters."""
    is_at_bound: bool
    """Whether rho or the overdispersion stands at the end of its range."""


@dataclass(frozen=True, slots=True, eq=False)
class GoalFit:
    """A fitted goal model."""

    model: Model
    teams: tuple[str, ...]
    """Names, sorted; attack and defence are in this order."""
    intercept: float
    """Logarithm of the goals of an average team against an average team, away or at a neutral venue."""
    home_advantage: float
    """What playing at home adds to it; 0 if every venue was neutral."""
    attack: FloatArray
    """(teams,) what each team adds to its own; the sum is 0."""
    defence: FloatArray
    """(teams,) what each team takes from its opponent's; the sum is 0."""
    rho: float
    """Dixon and Coles' correction; 0 in the other models."""
    overdispersion: float
    """Inverse of the dispersion, 0 to 2; 0 in the other models and where goals vary no more than Poisson."""
    standard_errors: StandardErrors | None
    report: Report

    @property
    def log_likelihood(self) -> float:
        """Sum of weight times log probability of the score."""
        return self.report.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's criterion, `2 parameters - 2 log-likelihood`; lower is better."""
        return 2.0 * self.report.parameter_count - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, `parameters log(matches) - 2 log-likelihood`; lower is better."""
        return (
            self.report.parameter_count * float(np.log(self.report.match_count)) - 2.0 * self.log_likelihood
        )

    @property
    def parameters(self) -> Table:
        """Attack and defence of every team, with standard errors if they were computed."""
        columns: dict[str, npt.ArrayLike] = {
            "team": self.teams,
            "attack": self.attack,
            "defence": self.defence,
        }
        if self.standard_errors is not None:
            columns |= {
                "attack_error": self.standard_errors.attack,
                "defence_error": self.standard_errors.defence,
            }
        return Table(columns, caption=f"{self.model} parameters, log scale")

    @property
    def summary(self) -> Table:
        """The parameters that all teams share, with standard errors."""
        names = ["intercept", "home_advantage", *self._extra_names()]
        errors = self.standard_errors
        found = [errors.intercept, errors.home_advantage, errors.extra] if errors else [np.nan] * 3
        values = [float(getattr(self, name)) for name in names]
        return Table({"parameter": names, "value": values, "error": found[: len(names)]})

    def predict(
        self,
        home: str | Sequence[str] | npt.ArrayLike,
        away: str | Sequence[str] | npt.ArrayLike,
        *,
        neutral: bool | npt.ArrayLike = False,
        errors: Errors = "raise",
    ) -> Predictions:
        """Expected goals of matches, and from them everything that depends on the score.

        Parameters
        ----------
        home, away
            Team names, one or (n,).
        neutral : (n,) bool, or one for all
            Whether a match has no home advantage.
        errors
            A team that is not in the fit raises `BoundsError`, or makes its row `"nan"`.

        Examples
        --------
        >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
        >>> model = poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]})
        >>> model.predict(["a", "b"], ["b", "a"]).lambda_home.round(2)
        array([2.17, 1.83])
        """
        try:
            home_names, away_names = np.broadcast_arrays(np.atleast_1d(home), np.atleast_1d(away))
        except ValueError:
            raise BoundsError("home and away are not as many teams") from None
        is_strict = _arrays.is_strict(errors)
        if home_names.ndim != 1:
            raise BoundsError(f"home and away have {home_names.ndim} axes, not 0 or 1")
        level = np.full(len(home_names), self.intercept)
        flags = _arrays.flags(neutral, "neutral", axes=(0, 1))
        if flags.ndim == 1 and len(flags) not in (1, len(level)):
            raise BoundsError(f"{len(flags)} neutral flags do not fit {len(level)} matches")
        is_neutral = np.broadcast_to(flags, level.shape)
        at_home, at_away = (self._index(names, is_strict) for names in (home_names, away_names))
        attack, defence = (np.append(values, np.nan) for values in (self.attack, self.defence))
        home_level = level + np.where(is_neutral, 0.0, self.home_advantage)
        return Predictions(
            model=self.model,
            home=home_names.astype(str),
            away=away_names.astype(str),
            lambda_home=_core.fit_goal_means(home_level, attack[at_home], defence[at_away]),
            lambda_away=_core.fit_goal_means(level, attack[at_away], defence[at_home]),
            rho=self.rho,
            overdispersion=self.overdispersion,
        )

    def _index(self, names: npt.NDArray[Any], is_strict: bool) -> npt.NDArray[np.int64]:
        """Places of teams; the place after the last one for a team that is not there."""
        place_of = {team: place for place, team in enumerate(self.teams)}
        places = [place_of.get(str(name), len(place_of)) for name in names.tolist()]
        if is_strict and len(place_of) in places:
            name = str(names[places.index(len(place_of))])
            near = difflib.get_close_matches(name, self.teams, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise BoundsError(f"team {name!r} is not in the fit{hint}")
        return np.array(places, dtype=np.int64)

    def _extra_names(self) -> list[str]:
        return {"poisson": [], "dixon_coles": ["rho"], "negative_binomial": ["overdispersion"]}[self.model]

    def __repr__(self) -> str:
        report = self.report
        return (
            f"<GoalFit {self.model}: {len(self.teams)} teams, {report.match_count} matches, "
            f"log-likelihood {report.log_likelihood:.2f}>"
        )

    def _repr_html_(self) -> str:
        summary = self.summary
        shared = [
            f"{name} {text(value)}" + ("" if np.isnan(error) else f" ± {text(error)}")
            for name, value, error in zip(*(summary[name].tolist() for name in summary), strict=True)
        ]
        head = f"{repr(self)[1:-1]} · " + " · ".join(shared)
        errors_of = self.standard_errors
        rows = []
        for place in np.argsort(-(self.attack + self.defence), kind="stable"):
            row = [self.teams[place]]
            for name in ("attack", "defence"):
                value = getattr(self, name)[place]
                row.append(
                    f"{value:+.3f}" + (f" ± {getattr(errors_of, name)[place]:.3f}" if errors_of else "")
                )
            rows.append(row)
        return _html.table(["team", "attack", "defence"], rows, caption=head)


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Expected goals of matches under a fitted model."""

    model: Model
    home: npt.NDArray[np.str_]
    away: npt.NDArray[np.str_]
    lambda_home: FloatArray
    """(n,) expected home goals; `nan` for a team that is not in the fit."""
    lambda_away: FloatArray
    """(n,) expected away goals."""
    rho: float
    overdispersion: float

    @property
    def probabilities(self) -> FloatArray:
        """(n, 3) of home, draw and away."""
        return _core.fit_outcomes(self.model, self.lambda_home, self.lambda_away, self._extra)

    @property
    def table(self) -> Table:
        """Teams, expected goals and 1X2, one row a match."""
        home_win, draw, away_win = self.probabilities.T
        columns = {
            "home": self.home,
            "away": self.away,
            "lambda_home": self.lambda_home,
            "lambda_away": self.lambda_away,
            "p_home": home_win,
            "p_draw": draw,
            "p_away": away_win,
        }
        return Table(columns, caption=f"{self.model} predictions")

    def one(self, match: int) -> Predictions:
        """One match alone.

        >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
        >>> poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]}).predict(["a", "b"], ["b", "c"]).one(1)
        <Predictions of 1 match, poisson>
        """
        here = slice(match, match + 1)
        return replace(
            self,
            home=self.home[here],
            away=self.away[here],
            lambda_home=self.lambda_home[here],
            lambda_away=self.lambda_away[here],
        )

    def grid(self, match: int = 0) -> FloatArray:
        """The score grid of one match, home goals down; every market function of `football` takes it.

        >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
        >>> poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]}).predict(["a"], ["b"]).grid().shape
        (20, 20)
        """
        means = float(self.lambda_home[match]), float(self.lambda_away[match])
        return _core.fit_grid(self.model, *means, self._extra)

    def match(self, match: int = 0) -> football.DixonColes:
        """One match as a model to price with: `football.markets(predictions.match(0))`.

        Raises
        ------
        BoundsError
            For a negative binomial fit, whose scores no Dixon-Coles model has; use `grid`.

        Examples
        --------
        >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
        >>> poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]}).predict(["a"], ["b"]).match()
        DixonColes(lambda_home=2.1702, lambda_away=1.3724, rho=0.0)
        """
        if self.model == "negative_binomial":
            raise BoundsError(
                "a negative binomial fit has no Dixon-Coles model; its grid prices the same markets"
            )
        return football.DixonColes(float(self.lambda_home[match]), float(self.lambda_away[match]), self.rho)

    def board(
        self,
        match: int = 0,
        *,
        margin: tuple[Method, float] = ("multiplicative", 1.05),
        ladder: LadderName = "fine",
    ) -> football.Board:
        """The whole board of one match, as `football.board` prices it; not for a negative binomial fit.

        >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
        >>> poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]}).predict(["a"], ["b"]).board()
        <Board of 1,012 selections, 954 offered>
        """
        model = self.match(match)
        return football.board(model.lambda_home, model.lambda_away, model.rho, margin=margin, ladder=ladder)

    @property
    def _extra(self) -> float:
        return self.overdispersion if self.model == "negative_binomial" else self.rho

    def __len__(self) -> int:
        return len(self.home)

    def __repr__(self) -> str:
        return f"<Predictions of {len(self)} match{'es' * (len(self) != 1)}, {self.model}>"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _teams(
    home: list[Any], away: list[Any]
) -> tuple[list[str], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Sorted names and the places of both sides in them."""
    both = home + away
    found = set(both)
    if absent := [name for name in found if name == "" or name != name]:
        raise BoundsError(f"match {min(map(both.index, absent)) % max(1, len(home))} has no team name")
    teams = sorted({str(name) for name in found})
    place_of = {team: place for place, team in enumerate(teams)}
    place_of_name = {name: place_of[str(name)] for name in found}
    places = np.fromiter(map(place_of_name.__getitem__, both), np.uint32, len(both))
    return teams, places[: len(home)], places[len(home) :]


def _whole(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    if values.dtype.kind == "f":
        is_whole = np.isfinite(values) & (values == np.floor(values))
        if not is_whole.all():
            index = int(np.flatnonzero(~is_whole)[0])
            raise BoundsError(f"{name} {values[index]} of match {index} is no whole number")
    elif values.dtype.kind not in "ib":
        raise BoundsError(f"{name} are {values.dtype}, not numbers")
    return _arrays.integers(values, name, axes=1)


def _flags(values: npt.ArrayLike, count: int) -> npt.NDArray[np.bool_] | None:
    flags = _arrays.flags(values, "neutral", axes=(0, 1))
    if flags.ndim == 0:
        return np.ones(count, dtype=bool) if flags else None
    return flags
