"""Pictures of calibrations, score grids and parameters, drawn with matplotlib.

    pip install "oddsengine[plot]"

Every function draws on the axes it is given, or on new ones, and returns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oddsengine import _signatures, football
from oddsengine.fit import GoalFit, Predictions
from oddsengine.metrics import Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calibration", "parameters", "score_grid"]

BLUE, GREY = "#0066cc", "#888888"


def calibration(found: Calibration, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Frequency against probability by bin, with two standard errors; areas are numbers of events.

    >>> from oddsengine import metrics
    >>> ax = calibration(metrics.calibration([0.1, 0.2, 0.4, 0.6, 0.7, 0.9], [0, 1, 0, 1, 0, 1], bins=5))
    >>> ax.get_xlabel()
    'forecast probability'
    """
    ax = _axes(ax)
    table = found.table
    shown = table["events"] > 0
    p, share, error = (table[name][shown] for name in ("probability", "frequency", "standard_error"))
    count = table["events"][shown]
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, zorder=1)
    ax.errorbar(p, share, yerr=2 * error, fmt="none", ecolor=BLUE, elinewidth=1, alpha=0.6, zorder=2)
    ax.scatter(p, share, s=20 + 180 * count / count.max(), color=BLUE, zorder=3, label=label)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="forecast probability", ylabel="frequency")
    ax.set_title(
        f"intercept {found.intercept:.2f}, slope {found.slope:.2f}, expected error {found.expected_error:.4f}"
    )
    ax.set_aspect("equal")
    return ax


def score_grid(scores: football.Scores | Predictions, *, goals_max: int = 6, ax: Axes | None = None) -> Axes:
    """A heat map of final scores in percent, home goals down.

    `scores` is a `DixonColes` model, any grid, or `Predictions` of one match.

    >>> ax = score_grid(football.DixonColes(1.62, 1.08, -0.08))
    >>> ax.get_ylabel()
    'home goals'
    """
    ax = _axes(ax)
    if isinstance(scores, Predictions):
        grid = scores.grid()
    else:
        grid = scores.grid() if isinstance(scores, football.DixonColes) else np.asarray(scores)
    shown = 100.0 * grid[: goals_max + 1, : goals_max + 1]
    ax.imshow(shown, cmap="Blues", vmin=0.0)
    for (home, away), percent in np.ndenumerate(shown):
        color = "white" if percent > 0.6 * shown.max() else "black"
        ax.text(away, home, f"{percent:.1f}", ha="center", va="center", color=color, fontsize=8)
    ax.set(
        xlabel="away goals", ylabel="home goals", xticks=range(shown.shape[1]), yticks=range(shown.shape[0])
    )
    ax.set_title(f"{shown.sum():.1f} % of the probability, in percent")
    return ax


def parameters(fitted: GoalFit, *, ax: Axes | None = None) -> Axes:
    """Attack against defence of every team, with one standard error; up and right is better.

    >>> from oddsengine import fit
    >>> season = {"home": list("abcabc"), "away": list("bcacab"), "home_goals": [2, 1, 0, 1, 3, 1]}
    >>> ax = parameters(fit.poisson(season | {"away_goals": [1, 1, 2, 0, 1, 1]}))
    >>> ax.get_title()
    'poisson: 3 teams, 6 matches'
    """
    ax = _axes(ax)
    errors = fitted.standard_errors
    bars: dict[str, Any] = {"xerr": errors.attack, "yerr": errors.defence} if errors is not None else {}
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    ax.errorbar(
        fitted.attack,
        fitted.defence,
        fmt="o",
        color=BLUE,
        ecolor=BLUE,
        elinewidth=0.6,
        alpha=0.8,
        zorder=2,
        **bars,
    )
    for team, attack, defence in zip(fitted.teams, fitted.attack, fitted.defence, strict=True):
        ax.annotate(team, (attack, defence), xytext=(4, 4), textcoords="offset points", fontsize=8)
    ax.set(xlabel="attack", ylabel="defence")
    ax.set_title(f"{fitted.model}: {len(fitted.teams)} teams, {fitted.report.match_count} matches")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "oddsengine[plot]"') from error
    import sys

    # Where pyplot is loaded, new axes belong to it and are shown; elsewhere they have a figure of their own.
    pyplot = sys.modules.get("matplotlib.pyplot")
    figure = pyplot.figure(layout="constrained") if pyplot else Figure(layout="constrained")
    return figure.add_subplot()


_signatures.shorten(__name__)
