"""Pictures of calibrations, scores, prices in play, exposure, races and closing-line value; by matplotlib.

Every function draws on the axes it is given, or on new ones, and returns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _signatures, football, racing, risk
from oddsengine.exceptions import BoundsError
from oddsengine.fit import GoalFit, Predictions
from oddsengine.metrics import Calibration, ClosingLineValue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "calibration",
    "closing_line_value",
    "exposure",
    "parameters",
    "prices",
    "race_card",
    "score_grid",
]

BLUE, GREY = "#0066cc", "#888888"
FloatArray: TypeAlias = npt.NDArray[np.float64]
# Apart for all kinds of colour blindness: Okabe and Ito's.
COLOURS = ("#0072b2", "#888888", "#d55e00", "#009e73", "#cc79a7", "#e69f00")


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


def closing_line_value(found: ClosingLineValue, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """The running sum of the values of bets, in stakes, with a band of two standard errors of the sum.

    >>> from oddsengine import metrics
    >>> close = [[2.05, 1.9], [1.9, 1.98], [1.95, 1.95]]
    >>> value = metrics.closing_line_value([2.2, 1.8, 2.0], close, [0, 0, 1])
    >>> closing_line_value(value).get_title()
    '3 bets, 0.02 stakes behind the close'
    """
    ax = _axes(ax)
    table = found.table
    bets = np.arange(1, len(table) + 1)
    total, error = table["cumulative"], np.nan_to_num(table["cumulative_error"])
    ax.axhline(0, color=GREY, linewidth=1, zorder=1)
    ax.fill_between(bets, total - 2 * error, total + 2 * error, color=BLUE, alpha=0.15, linewidth=0, zorder=2)
    ax.plot(bets, total, color=BLUE, zorder=3, label=label)
    ax.set(xlabel="bets", ylabel="value at the close, stakes")
    last = float(total[-1]) if len(total) else 0.0
    ax.set_title(
        f"{len(table):,} bets, {abs(last):.2f} stakes {'behind' if last < 0 else 'ahead of'} the close"
    )
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
    _label(ax, np.column_stack([fitted.attack, fitted.defence]), fitted.teams)
    ax.set(xlabel="attack", ylabel="defence")
    ax.set_title(f"{fitted.model}: {len(fitted.teams)} teams, {fitted.report.match_count} matches")
    return ax


def prices(
    times: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    names: Sequence[str],
    events: Mapping[float, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Probabilities of the selections of a market over time; each holds until the next time.

    Parameters
    ----------
    times : (n,) float64
        When each row was so, ascending: minutes, points, seconds.
    probabilities : (n, k) float64
        A row a time, a column a selection.
    names
        Of the selections, k of them.
    events
        What happened, by time: marked by a line with the text.

    Raises
    ------
    BoundsError
        Shapes that do not fit each other.

    Examples
    --------
    >>> ax = prices([0, 17, 45], [[0.49, 0.27, 0.24], [0.28, 0.27, 0.45], [0.2, 0.3, 0.5]],
    ...             names=["home", "draw", "away"], events={17: "0-1"})
    >>> [line.get_label() for line in ax.lines][:3]
    ['home', 'draw', 'away']
    """
    when = _arrays.numbers(times, "times", axes=1)
    rows = _arrays.numbers(probabilities, "probabilities", axes=2)
    if rows.shape != (len(when), len(names)):
        raise BoundsError(
            f"probabilities of shape {rows.shape} do not fit {len(when)} times and {len(names)} names"
        )
    ax = _axes(ax)
    for place, name in enumerate(names):
        ax.step(when, rows[:, place], where="post", color=COLOURS[place % len(COLOURS)], label=name)
    near, row, before = 0.06 * float(np.ptp(when)) if len(when) else 0.0, 0, -np.inf
    for time, text in sorted((events or {}).items()):
        ax.axvline(time, color=GREY, linewidth=0.8, linestyle=":")
        # Below the last one, where it would be written over it.
        row, before = row + 1 if time - before < near else 0, time
        ax.annotate(text, (time, 1.0), xytext=(2, -10 - 10 * row), textcoords="offset points", fontsize=8)
    ax.set(ylim=(0.0, 1.0), ylabel="probability")
    ax.margins(x=0.01)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(names), frameon=False)
    return ax


def exposure(found: risk.Book, *, goals_max: int = 5, unit_minor: int = 100, ax: Axes | None = None) -> Axes:
    """What every final score costs or brings the house, home goals down: losses red, gains blue.

    `unit_minor` is how many minor units make one of what is written, 100 for euros.

    >>> book = risk.book([("1x2/home", 2.2, 50_000)], lambda_home=1.5, lambda_away=1.1)
    >>> ax = exposure(book)
    >>> ax.texts[1].get_text(), ax.texts[6].get_text()
    ('500', '-600')
    """
    ax = _axes(ax)
    shown = found.pnl_minor[: goals_max + 1, : goals_max + 1] / unit_minor
    most = max(1.0, float(np.abs(shown).max()))
    ax.imshow(shown, cmap="RdBu", vmin=-most, vmax=most)
    for (home, away), amount in np.ndenumerate(shown):
        color = "white" if abs(amount) > 0.6 * most else "black"
        ax.text(away, home, f"{amount:,.0f}", ha="center", va="center", color=color, fontsize=8)
    ax.set(
        xlabel="away goals", ylabel="home goals", xticks=range(shown.shape[1]), yticks=range(shown.shape[0])
    )
    ax.set_title(
        f"worst {found.worst_minor / unit_minor:,.0f}, expected {found.expected_minor / unit_minor:,.0f}"
    )
    return ax


def race_card(
    race: racing.Race,
    *,
    places: int = 3,
    odds: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Every runner with P(it wins) and P(it is placed), the favourite on top.

    Parameters
    ----------
    race
        The race.
    places
        How many places are paid.
    odds : (n,) float64, optional
        Prices that are written beside the names.
    names
        Of the runners; `r1`, `r2`, ... unless given.

    Raises
    ------
    BoundsError
        Odds or names that do not fit the runners.

    Examples
    --------
    >>> ax = race_card(racing.Race([0.5, 0.3, 0.2]), places=2, odds=[1.9, 3.2, 4.8])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['r1  1.90', 'r2  3.20', 'r3  4.80']
    """
    win, placed = race.win(), race.places(places)
    titles = [f"r{number}" for number in range(1, len(win) + 1)] if names is None else list(names)
    if odds is not None:
        quoted = _arrays.numbers(odds, "odds", axes=1)
        if quoted.shape != win.shape:
            raise BoundsError(f"odds of shape {quoted.shape} do not fit {len(win)} runners")
        titles = [f"{title}  {price:.2f}" for title, price in zip(titles, quoted, strict=True)]
    if len(titles) != len(win):
        raise BoundsError(f"{len(titles)} names do not fit {len(win)} runners")
    ax = _axes(ax)
    order = np.argsort(-win, kind="stable")
    rows = np.arange(len(order))
    ax.barh(rows, placed[order], color=BLUE, alpha=0.3, label=f"in the first {places}")
    ax.barh(rows, win[order], color=BLUE, label="wins")
    for row, runner in enumerate(order):
        text = f"{100 * win[runner]:.1f} / {100 * placed[runner]:.1f} %"
        ax.annotate(
            text, (placed[runner], row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    ax.set_yticks(rows, [titles[runner] for runner in order])
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0.0, min(1.25, 1.25 * float(placed.max()))))
    ax.legend(loc="lower right", frameon=False)
    return ax


def _label(ax: Axes, points: FloatArray, texts: Sequence[str]) -> None:
    """Writes beside every point, where neither a text nor a point is in the way; else to its upper right."""
    size = 8.0
    ax.autoscale_view()
    scale = 72.0 / ax.figure.dpi
    places = ax.transData.transform(points) * scale
    taken: list[tuple[float, float, float, float]] = [(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    for point, (x, y), text in zip(points, places, texts, strict=True):
        width = 0.6 * size * len(text)
        chosen, right = (4.0, 4.0), False
        for dx, dy in ((4, 4), (4, -11), (-4, 4), (-4, -11), (4, 13), (4, -20), (-4, 13), (-4, -20)):
            left = x + dx - (width if dx < 0 else 0.0)
            box = (left, y + dy, left + width, y + dy + size)
            if not any(
                box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                for other in taken
            ):
                chosen, right = (float(dx), float(dy)), dx < 0
                taken.append(box)
                break
        ax.annotate(
            text,
            (float(point[0]), float(point[1])),
            xytext=chosen,
            textcoords="offset points",
            fontsize=size,
            ha="right" if right else "left",
        )


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install matplotlib") from error
    import sys

    # Where pyplot is loaded, new axes belong to it and are shown; elsewhere they have a figure of their own.
    pyplot = sys.modules.get("matplotlib.pyplot")
    figure = pyplot.figure(layout="constrained") if pyplot else Figure(layout="constrained")
    return figure.add_subplot()


_signatures.shorten(__name__)
