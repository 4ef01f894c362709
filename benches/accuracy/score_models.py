"""How score models predict the Asian handicap from 1X2 and over/under 2.5: `score_models.py CSV...`.

Reads season files of football-data.co.uk (.csv or .csv.gz) as `asian_handicap.py` does: closing prices of
Pinnacle, the same rows. Each model is calibrated exactly to the closing 1X2 and over/under 2.5; its fair
probability of the closing handicap is compared with the market's, `win / (win + lose)` in both. The
yardstick is Dixon-Coles with the margin removed multiplicatively.

Every second file, in the order of the names, is the half that global parameters are fitted on (`--fit` fits
them anew by Nelder-Mead on the mean absolute error); the rest is the half that shows what they are worth.
Then a table of each shipped model by the favourite's probability: bias is the model's favourite less the
market's, scatter the standard deviation.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import asian_handicap
import numpy as np
import numpy.typing as npt

from oddsengine import football, margin

FloatArray = npt.NDArray[np.float64]

BOOK = "pinnacle"
DETAILED = ("conway-maxwell", "bivariate poisson")
BANDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


class Candidate(NamedTuple):
    """A family, the parameters to fit with their start and first step, and those that stay."""

    name: str
    family: football.ScoreFamily
    free: dict[str, tuple[float, float]]
    fixed: dict[str, float]


# `share` is the share of the odds ratio in the margin of the 1X2.
CANDIDATES = (
    Candidate("poisson, share", "poisson", {"share": (0.1, 0.2)}, {}),
    Candidate(
        "conway-maxwell, no links",
        "conway_maxwell",
        {"share": (0.7, 0.1), "dispersion": (1.1, 0.05)},
        {"draw_link": 0.0, "gap_link": 0.0},
    ),
    Candidate(
        "conway-maxwell",
        "conway_maxwell",
        {"share": (0.8, 0.1), "draw_link": (18.0, 3.0), "gap_link": (0.08, 0.03)},
        {"dispersion": 1.0},
    ),
    Candidate(
        "bivariate poisson, no link",
        "bivariate_poisson",
        {"share": (0.7, 0.1), "common": (0.1, 0.05), "inflation": (0.01, 0.02)},
        {"draw_link": 0.0, "inflation_mean": 1.0},
    ),
    Candidate(
        "bivariate poisson",
        "bivariate_poisson",
        {"share": (0.8, 0.1), "common": (0.1, 0.03), "draw_link": (11.0, 3.0)},
        {"inflation": 0.0, "inflation_mean": 0.0},
    ),
    Candidate(
        "weibull and frank",
        "weibull_frank",
        {"share": (0.75, 0.1), "shape": (1.06, 0.03), "kappa": (0.1, 0.2)},
        {},
    ),
)


class Model(NamedTuple):
    """A score model and how the margin of the 1X2 is removed for it."""

    name: str
    score_model: football.ScoreModel
    share: float


def errors(table: FloatArray, model: Model) -> FloatArray:
    """Model less market for each row of `asian_handicap.prices`; `nan` where the model has no such match."""
    expectations = model.score_model.calibrate_from_odds_batch(
        table[:, :3], table[:, 3:5], odds_ratio_share=model.share, errors="nan"
    )
    win, lose = model.score_model.line_batch(expectations, "handicap", table[:, 7], errors="nan")
    market = margin.fair_probabilities(np.ascontiguousarray(table[:, 5:7]), method="multiplicative")[:, 0]
    found: FloatArray = win / (win + lose) - market
    return found


def mean_absolute_error(table: FloatArray, model: Model) -> float:
    """`nan` if a match has no model."""
    return float(np.abs(errors(table, model)).mean())


def fitted(candidate: Candidate, table: FloatArray) -> Model:
    """The candidate with the parameters of the smallest mean absolute error on these rows."""
    names = list(candidate.free)

    def model_at(point: FloatArray) -> Model:
        values = {**dict(zip(names, map(float, point), strict=True)), **candidate.fixed}
        share = values.pop("share")
        return Model(candidate.name, football.ScoreModel(candidate.family, **values), share)

    def objective(point: FloatArray) -> float:
        try:
            error = mean_absolute_error(table, model_at(point))
        except ValueError:
            return float("inf")
        return error if np.isfinite(error) else float("inf")

    start = np.array([start for start, _ in candidate.free.values()])
    steps = np.array([step for _, step in candidate.free.values()])
    return model_at(nelder_mead(objective, start, steps))


def as_shipped(candidate: Candidate) -> Model | None:
    """The candidate with the constants of the package, unless it is a variant of it."""
    model = football.ScoreModel(candidate.family)
    shipped = model.parameters
    if any(shipped[name] != value for name, value in candidate.fixed.items()):
        return None
    return Model(candidate.name, model, football.ODDS_RATIO_SHARE)


def nelder_mead(
    objective: Callable[[FloatArray], float], start: FloatArray, steps: FloatArray, evaluations: int = 160
) -> FloatArray:
    """The point of the smallest value found. J. Nelder, R. Mead, The Computer Journal 7 (1965)."""
    points = [start, *(start + step * axis for step, axis in zip(steps, np.eye(len(start)), strict=True))]
    values = [objective(point) for point in points]
    count = len(points)
    while count < evaluations and max(values) - min(values) > 1e-8:
        order = np.argsort(values)
        points, values = [points[i] for i in order], [values[i] for i in order]
        center = np.mean(points[:-1], axis=0)
        tried = center + (center - points[-1])
        value = objective(tried)
        count += 1
        if value < values[0]:
            further = center + 2.0 * (center - points[-1])
            further_value = objective(further)
            count += 1
            if further_value < value:
                tried, value = further, further_value
        elif value >= values[-2]:
            inner = center + 0.5 * (points[-1] - center)
            inner_value = objective(inner)
            count += 1
            if inner_value < min(value, values[-1]):
                tried, value = inner, inner_value
        if value < values[-1]:
            points[-1], values[-1] = tried, value
        else:
            points = [points[0], *(0.5 * (point + points[0]) for point in points[1:])]
            values = [values[0], *(objective(point) for point in points[1:])]
            count += len(points) - 1
    best: FloatArray = points[int(np.argmin(values))]
    return best


def favourite(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The favourite's probability, and 1 where it is home, -1 where it is away."""
    sides = margin.fair_probabilities(np.ascontiguousarray(table[:, :3]), method="multiplicative")[:, [0, 2]]
    return sides.max(axis=1), np.where(sides[:, 0] >= sides[:, 1], 1.0, -1.0)


def print_bands(name: str, table: FloatArray, found: FloatArray, yardstick: FloatArray) -> None:
    probability, side = favourite(table)
    print(f"\n{name} by the favourite's probability, all files")
    columns = ("MAE", "DC", "ratio", "median", "p95", "bias", "scatter")
    print(f"{'':<12} {'n':>6}" + "".join(f"{name:>9}" for name in columns))
    for low, high in (*pairwise(BANDS), (0.0, 1.0)):
        rows = (low <= probability) & (probability < high)
        if not rows.any():
            continue
        absolute, signed = np.abs(found[rows]), (found * side)[rows]
        base = np.abs(yardstick[rows]).mean()
        median, p95 = np.quantile(absolute, [0.5, 0.95])
        print(
            f"{low:.1f} to {high:.1f}   {rows.sum():>6} {absolute.mean():>8.5f} {base:>8.5f} "
            f"{absolute.mean() / base:>8.3f} {median:>8.5f} {p95:>8.5f} "
            f"{signed.mean():>+8.5f} {signed.std():>8.5f}"
        )


def halves(paths: Sequence[Path]) -> tuple[list[str], FloatArray, list[str], FloatArray]:
    """Names and rows of the fitting half and of the other half."""
    read = []
    for path in sorted(paths, key=lambda path: path.name):
        try:
            read.append((path.name, asian_handicap.prices(path, BOOK)))
        except (OSError, ValueError) as error:
            print(f"{path.name} skipped: {error}", file=sys.stderr)
    if len(read) < 2:
        raise SystemExit("two files with all columns are needed, one for each half")
    names = [name for name, _ in read]
    tables = [table for _, table in read]
    return names[0::2], np.concatenate(tables[0::2]), names[1::2], np.concatenate(tables[1::2])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="CSV")
    parser.add_argument("--fit", action="store_true", help="fit the global parameters on the first half")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="only these models, by part of their name")
    options = parser.parse_args(arguments)

    fit_names, fit_table, show_names, show_table = halves(options.files)
    tables = (fit_table, show_table, np.concatenate([fit_table, show_table]))
    print(f"fitted on: {', '.join(fit_names)}\nshown on:  {', '.join(show_names)}\n")
    base_model = Model("dixon-coles, multiplicative", football.ScoreModel("poisson"), 0.0)
    base = [errors(table, base_model) for table in tables]
    base_mae = [float(np.abs(found).mean()) for found in base]
    head = "".join(f"{name:>9} {'ratio':>6}" for name in ("fitted", "shown", "all"))
    print(f"{'':<28} {'n':>6}{head} {'failed':>7} {'seconds':>8}  parameters")

    to_detail: list[tuple[Model, FloatArray]] = []
    candidates = [c for c in CANDIDATES if not options.only or any(part in c.name for part in options.only)]
    chosen = [fitted(c, fit_table) if options.fit else as_shipped(c) for c in candidates]
    for model in [base_model, *(model for model in chosen if model is not None)]:
        start = time.perf_counter()
        found = [errors(table, model) for table in tables]
        seconds = time.perf_counter() - start
        # A match without a model counts with the yardstick's error, so that no model wins by giving up.
        failed = int(np.isnan(found[2]).sum())
        filled = [np.where(np.isnan(f), b, f) for f, b in zip(found, base, strict=True)]
        mae = [float(np.abs(f).mean()) for f in filled]
        figures = "".join(f"{m:>9.5f} {m / b:>6.3f}" for m, b in zip(mae, base_mae, strict=True))
        values = ", ".join(f"{name} {value:.4g}" for name, value in model.score_model.parameters.items())
        shown = f"share {model.share:.3f}" + (f", {values}" if values else "")
        print(f"{model.name:<28} {len(tables[2]):>6}{figures} {failed:>7} {seconds:>8.2f}  {shown}")
        if model.name in DETAILED:
            to_detail.append((model, filled[2]))
    for model, found_all in to_detail:
        print_bands(model.name, tables[2], found_all, base[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
