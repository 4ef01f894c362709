"""Walk-forward backtest: fit on the past, predict the next days, move on.

No forecast sees a result of its own day or later. What could not be forecast, and why, is part of the result.

>>> season = {
...     "date": np.datetime64("2026-08-01") + np.arange(60),
...     "home": ["a", "b", "c", "d"] * 15,
...     "away": ["b", "c", "d", "a", "c", "d", "a", "b", "d", "a", "b", "c"] * 5,
...     "home_goals": [2, 1, 0, 1, 3, 1, 2, 0, 1, 2] * 6,
...     "away_goals": [0, 1, 1, 2, 1, 0] * 10,
... }
>>> found = walk_forward(season, model="poisson", first="2026-09-01", refit_days=7)
>>> found
<Backtest of 29 matches in 5 fits: log loss ..., RPS ...>
>>> found.table.rows(slice(0, 1))["home"]
array(['d'], dtype='<U1')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, fit, metrics
from oddsengine.exceptions import BoundsError, FitError, OddsEngineError
from oddsengine.tables import Table, TableLike, day, select

__all__ = ["Backtest", "Forecaster", "Forecasts", "Skipped", "walk_forward"]

FloatArray: TypeAlias = npt.NDArray[np.float64]


class Forecasts(Protocol):
    """What a model of your own predicts with."""

    @property
    def probabilities(self) -> FloatArray:
        """(n, 3) of home, draw and away; a row of `nan` is no forecast."""
        ...


class Fitted(Protocol):
    """A model of your own, fitted."""

    def predict(self, home: Any, away: Any, *, neutral: Any, errors: Any) -> Forecasts:
        """Forecasts of matches, as `GoalFit.predict` makes them."""
        ...


Forecaster: TypeAlias = Callable[[Table, FloatArray | None], Fitted]
"""Fits a model of your own to past results (`date`, `home`, `away`, `home_goals`, `away_goals`, `neutral`)
and weights."""


def walk_forward(
    results: TableLike,
    *,
    first: str | np.datetime64,
    model: fit.Model | Forecaster = "dixon_coles",
    refit_days: int = 7,
    half_life_days: float | None = None,
    window_days: int | None = None,
    ridge: float = 0.0,
    neutral: str | None = None,
    date: str = "date",
    home: str = "home",
    away: str = "away",
    home_goals: str = "home_goals",
    away_goals: str = "away_goals",
    progress: bool | None = None,
) -> Backtest:
    """Forecast every match from a day on by models fitted to the matches before.

    Parameters
    ----------
    results
        A table with one row a match, in any order.
    first
        The first day to forecast.
    model
        One of `fit.MODELS`, or a `Forecaster` of your own.
    refit_days
        A fit serves so many days; matches of these days are forecast by it.
    half_life_days
        Age at which a match counts half, see `fit.time_weights`; by default all count the same.
    window_days
        Leave out matches older than this.
    ridge
        As in `fit.goals`; above 0 it lets promoted teams be forecast after their first match.
    neutral
        Name of a column that says whether a match had no home advantage.
    date, home, away, home_goals, away_goals
        Names of the columns.
    progress
        Whether to show a progress bar; by default on a terminal and in a notebook, and nowhere else.

    Returns
    -------
    A `Backtest`. A match of a team without a match before, or of days whose fit failed, has no forecast; see
    `Backtest.skipped`.

    Raises
    ------
    BoundsError
        A missing column, a day that is none, no match to forecast.

    Examples
    --------
    >>> season = {"date": np.datetime64("2026-08-01") + np.arange(8), "home": list("abababab")}
    >>> season |= {"away": list("babababa"), "home_goals": [2, 1, 0, 1, 3, 1, 0, 2]}
    >>> walk_forward(season | {"away_goals": [1] * 8}, first="2026-08-07", refit_days=1, ridge=1.0)
    <Backtest of 2 matches in 2 fits: log loss ..., RPS ...>
    """
    refit_days = _arrays.whole(refit_days, "refit_days", 1, 100_000)
    if window_days is not None:
        window_days = _arrays.whole(window_days, "window_days", 1, 100_000)
    if not callable(model):
        _arrays.word(model, "model", get_args(fit.Model))
    if progress is not None:
        progress = _arrays.instance(progress, "progress", bool)
    table = _sorted(results, [date, home, away, home_goals, away_goals], neutral)
    days = table["date"]
    start = day(first)
    rows = np.flatnonzero(days >= start)
    if len(rows) == 0:
        raise BoundsError(f"no match on or after {start}")
    probabilities = np.full((len(table), 3), np.nan)
    means = np.full((len(table), 2), np.nan)
    fit_of = np.full(len(table), -1)
    fits: list[dict[str, Any]] = []
    skipped: list[Skipped] = []
    block_of = (days[rows] - start).astype(np.int64) // refit_days
    for block in _shown(np.unique(block_of), progress):
        cut = start + block * refit_days
        here = rows[block_of == block]
        is_past = days < cut
        if window_days is not None:
            is_past &= days >= cut - window_days
        past, coming = table.rows(is_past), table.rows(here)
        try:
            fitted, facts = _fit(past, model, cut, half_life_days, ridge)
        except FitError as error:
            skipped.append(Skipped(cut, len(here), str(error)))
            continue
        found = fitted.predict(coming["home"], coming["away"], neutral=coming["neutral"], errors="nan")
        probabilities[here], refused = _probabilities(found)
        if isinstance(found, fit.Predictions):
            means[here] = np.column_stack([found.lambda_home, found.lambda_away])
        fit_of[here] = len(fits)
        fits.append({"date": cut, "matches": len(past), "forecasts": len(here), **facts})
        absent = here[np.isnan(probabilities[here]).any(axis=1)]
        known = {*past["home"].tolist(), *past["away"].tolist()}
        for row in absent:
            teams = [team for team in (table["home"][row], table["away"][row]) if team not in known]
            reason = refused.get(int(np.searchsorted(here, row)), "the model gave no forecast")
            if teams:
                reason = f"no match before of {' and '.join(teams)}"
            skipped.append(Skipped(days[row], 1, reason))
    goals = table["home_goals"][rows] - table["away_goals"][rows]
    columns = {name: table[name][rows] for name in table if name != "neutral"}
    columns |= {"result": 1 - np.sign(goals), "fit": fit_of[rows]}
    if not np.isnan(means).all():
        columns |= {"lambda_home": means[rows, 0], "lambda_away": means[rows, 1]}
    columns |= {
        f"p_{name}": probabilities[rows, place] for place, name in enumerate(("home", "draw", "away"))
    }
    names = dict.fromkeys(name for row in fits for name in row)
    return Backtest(
        table=Table(columns, caption="Walk-forward forecasts"),
        fits=Table({name: [row[name] for row in fits] for name in names}, caption="Fits"),
        skipped=tuple(skipped),
    )


class Skipped(NamedTuple):
    """Matches without a forecast."""

    date: np.datetime64
    matches: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Forecasts with what happened."""

    table: Table
    """One row a match from the first day on, by date: `row` (position in the input), `date`, `home`, `away`,
    the goals, `result` (0 home, 1 draw, 2 away), `fit` (row of `fits`, -1 without one), expected goals if the
    model has them, and `p_home`, `p_draw`, `p_away`, `nan` where there is no forecast."""
    fits: Table
    """One row a fit: its day, matches, forecasts, and of the package's own models how the search ended."""
    skipped: tuple[Skipped, ...]
    """What could not be forecast, and why."""

    @property
    def probabilities(self) -> FloatArray:
        """(n, 3) forecasts, `nan` where there is none."""
        return np.column_stack([self.table[f"p_{name}"] for name in ("home", "draw", "away")])

    @property
    def is_forecast(self) -> npt.NDArray[np.bool_]:
        """(n,) whether there is a forecast."""
        return np.asarray(~np.isnan(self.probabilities).any(axis=1))

    @property
    def scores(self) -> metrics.Scores:
        """Scores of the matches that were forecast."""
        return metrics.scores(self.probabilities[self.is_forecast], self.table["result"][self.is_forecast])

    @property
    def calibration(self) -> metrics.Calibration:
        """Calibration of home, draw and away together."""
        return metrics.calibration(
            self.probabilities[self.is_forecast], self.table["result"][self.is_forecast]
        )

    def compare(self, probabilities: npt.ArrayLike, *, name: str = "market") -> Table:
        """Scores beside those of other forecasts of the same matches, with the paired difference.

        Parameters
        ----------
        probabilities : (n, 3) float64
            One row for each row of `table`, such as fair probabilities of closing odds taken by
            `table["row"]`; rows of `nan` are left out on both sides.
        name
            What the other forecasts are called.

        Examples
        --------
        >>> season = {"date": np.datetime64("2026-08-01") + np.arange(8), "home": list("abababab")}
        >>> season |= {"away": list("babababa"), "home_goals": [2, 1, 0, 1, 3, 1, 0, 2]}
        >>> found = walk_forward(season | {"away_goals": [1] * 8}, first="2026-08-05", ridge=1.0)
        >>> found.compare(np.full((4, 3), 1 / 3), name="thirds").columns
        ('score', 'model', 'thirds', 'difference', 'standard_error')
        """
        other = _arrays.numbers(probabilities, "probabilities")
        if other.shape != (len(self.table), 3):
            raise BoundsError(f"probabilities of shape {other.shape} are not ({len(self.table)}, 3)")
        both = self.is_forecast & ~np.isnan(other).any(axis=1)
        results = self.table["result"][both]
        one, two = metrics.scores(self.probabilities[both], results), metrics.scores(other[both], results)
        pairs = {
            "log loss (nats)": (one.log_loss_each, two.log_loss_each),
            "RPS": (one.rps_each, two.rps_each),
            "Brier (sum)": (one.brier_sum_each, two.brier_sum_each),
        }
        differences = [metrics.paired_difference(*pair) for pair in pairs.values()]
        return Table(
            {
                "score": list(pairs),
                "model": [float(mine.mean()) for mine, _ in pairs.values()],
                name: [float(theirs.mean()) for _, theirs in pairs.values()],
                "difference": [difference.mean for difference in differences],
                "standard_error": [difference.standard_error for difference in differences],
            },
            caption=f"{int(both.sum())} matches; a difference below 0 is in favour of the model",
        )

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        count, fits = int(self.is_forecast.sum()), len(self.fits)
        if count == 0:
            return f"<Backtest without a forecast, {len(self.skipped)} skipped>"
        scores = self.scores
        return (
            f"<Backtest of {count} matches in {fits} fits: log loss {scores.log_loss_nats:.4f}, "
            f"RPS {scores.rps:.4f}>"
        )

    def _repr_html_(self) -> str:
        if not self.is_forecast.any():
            return self.table._repr_html_()
        shown = self.scores.table
        shown.caption = repr(self)[1:-1] + (f" · {len(self.skipped)} skipped" if self.skipped else "")
        return shown._repr_html_()


def _sorted(results: TableLike, names: list[str], neutral: str | None) -> Table:
    """The named columns under their usual names, by date, with the row that each came from."""
    columns = select(results, names + ([neutral] if neutral is not None else []))
    lengths = {name: len(column) for name, column in zip(names, columns, strict=False)}
    if len({len(column) for column in columns}) > 1:
        raise BoundsError(f"columns have different lengths: {lengths}")
    if columns[0].dtype.kind == "M" and np.isnat(columns[0]).any():
        raise BoundsError(f"match {int(np.flatnonzero(np.isnat(columns[0]))[0])} has no date")
    days = _arrays.days(columns[0], f"column {names[0]!r}", axes=1)
    order = np.argsort(days, kind="stable")
    usual = ["home", "away", "home_goals", "away_goals"]
    table = {"row": order, "date": days[order]}
    table |= {name: values[order] for name, values in zip(usual, columns[1:5], strict=True)}
    flags = np.zeros(len(order), dtype=bool)
    if neutral is not None:
        flags = _arrays.flags(columns[5], neutral, axes=1)[order]
    return Table(table | {"neutral": flags})


def _probabilities(found: Forecasts) -> tuple[FloatArray, dict[int, str]]:
    """Forecasts, and why a match has none: one that a model refuses does not end the others."""
    try:
        return np.asarray(found.probabilities, dtype=np.float64), {}
    except OddsEngineError:
        if not isinstance(found, fit.Predictions):
            raise
    each, refused = np.full((len(found), 3), np.nan), {}
    for match in range(len(found)):
        try:
            each[match] = found.one(match).probabilities[0]
        except OddsEngineError as error:
            refused[match] = str(error)
    return each, refused


def _fit(
    past: Table,
    model: fit.Model | Forecaster,
    cut: np.datetime64,
    half_life_days: float | None,
    ridge: float,
) -> tuple[Fitted, dict[str, Any]]:
    """A model of the past and what its row of the fits says."""
    if len(past) == 0:
        raise FitError(f"no match before {cut}", "no_match")
    weights = None
    if half_life_days is not None:
        weights = fit.time_weights(past["date"], half_life_days=half_life_days, at=cut)
    if callable(model):
        return model(past, weights), {}
    fitted = fit.goals(
        past, model=model, weights=weights, neutral="neutral", ridge=ridge, standard_errors=False
    )
    report, summary = fitted.report, fitted.summary
    shared = dict(zip(summary["parameter"].tolist(), summary["value"].tolist(), strict=True))
    return fitted, {"log_likelihood": report.log_likelihood, "iterations": report.iterations, **shared}


def _shown(blocks: npt.NDArray[np.int64], progress: bool | None) -> Iterator[Any]:
    """The blocks, with a progress bar on standard error while they last."""
    # Loaded here: whoever imports the package to serve or to price needs no bar.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    is_shown = progress if progress is not None else console.is_terminal or console.is_jupyter
    if not is_shown:
        yield from blocks
        return
    columns = (TextColumn("walk forward"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(blocks, total=len(blocks))
