"""How models calibrated to 1X2 and over/under 2.5 price the derived markets of the same match.

    derived_markets.py CSV...

Reads season files with pre-match prices of derived markets (.csv or .csv.gz; columns `B365H`, `B365>2.5`,
`BTTS_Yes`, `Over_HT_0_5`, ...). Every match is calibrated to its 1X2 and over/under 2.5; then each derived
market is predicted and compared with its own prices freed of their margin. The models: the engine's (Dixon-
Coles, halves by a first-half share of 0.45, the whole board) and, for markets on the final score, the
fitted score models.

Per market: number of prices, mean absolute error in probability, median, 95th percentile and bias, model
less market, of the engine; mean absolute error and bias of the others. Double chance is the same bet as the
1X2 that was calibrated to, so its error is the disagreement within the file, a floor for the rest.

A selection that is priced without its opposite has an unknown margin: its inverse odds are scaled by one
factor for all matches, such that the bias is 0. Pairs that are no book and totals out of order are left
out.
"""

import argparse
import csv
import gzip
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddsengine import football, margin

FloatArray = npt.NDArray[np.float64]

CALIBRATION = ("B365H", "B365D", "B365A", "B365>2.5", "B365<2.5")
# A book per winner outside of this is a wrong tick of the source.
BOOKSUMS = (0.98, 1.25)


class Market(NamedTuple):
    """A market of the files: its columns, the same selections on a board, and how many of them win."""

    name: str
    columns: tuple[str, ...]
    selections: tuple[str, ...]
    winners: int = 1

    @property
    def is_on_the_score(self) -> bool:
        """Decided by the final score alone."""
        return not any(".h" in selection for selection in self.selections)


def pair(name: str, columns: str, market: str) -> Market:
    return Market(name, (f"Over_{columns}", f"Under_{columns}"), (f"{market}/over", f"{market}/under"))


def goals(line: str) -> str:
    return line.replace(".", "_")


MARKETS = (
    *(pair(f"total {line}", f"FT_{goals(line)}", f"total:{line}") for line in ("0.5", "1.5", "3.5", "4.5")),
    Market("both score", ("BTTS_Yes", "BTTS_No"), ("both_score/yes", "both_score/no")),
    Market(
        "double chance",
        ("DC_1X", "DC_12", "DC_X2"),
        ("double_chance/1x", "double_chance/12", "double_chance/x2"),
        2,
    ),
    Market("home win to nil", ("odds_win_to_nil_1",), ("home_win_to_nil/yes",)),
    Market("away win to nil", ("odds_win_to_nil_2",), ("away_win_to_nil/yes",)),
    Market(
        "first half 1X2", ("Odd_1_HT", "Odd_X_HT", "Odd_2_HT"), ("1x2.h1/home", "1x2.h1/draw", "1x2.h1/away")
    ),
    *(pair(f"first half {line}", f"HT_{goals(line)}", f"total.h1:{line}") for line in ("0.5", "1.5", "2.5")),
    Market(
        "second half 1X2", ("Odd_1_2H", "Odd_X_2H", "Odd_2_2H"), ("1x2.h2/home", "1x2.h2/draw", "1x2.h2/away")
    ),
    *(pair(f"second half {line}", f"2H_{goals(line)}", f"total.h2:{line}") for line in ("0.5", "1.5", "2.5")),
)


ENGINE = "engine"
SCORE_MODELS: tuple[football.ScoreFamily, ...] = ("bivariate_poisson", "conway_maxwell", "weibull_frank")


class Season(NamedTuple):
    """The matches that all models were found for: prices by market, probabilities by model and market."""

    odds: dict[str, FloatArray]
    models: dict[str, dict[str, FloatArray]]
    failed: int


def columns_of(path: Path, names: list[str]) -> FloatArray:
    """(n, columns), `nan` where a price is missing."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in names if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        return np.array([[number(row[name]) for name in names] for row in reader]).reshape(-1, len(names))


def number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def season(path: Path, *, matches: int | None = None) -> Season:
    """Calibrates and prices every match of a file."""
    names = [*CALIBRATION, *(column for market in MARKETS for column in market.columns)]
    table = columns_of(path, names)[:matches]
    odds_1x2, odds_total = np.ascontiguousarray(table[:, :3]), np.ascontiguousarray(table[:, 3:5])
    columns = {
        ENGINE: np.stack(football.calibrate_from_odds_batch(odds_1x2, odds_total, errors="nan"), axis=1)
    }
    score_models = {family: football.ScoreModel(family) for family in SCORE_MODELS}
    for family, score_model in score_models.items():
        found = score_model.calibrate_from_odds_batch(odds_1x2, odds_total, errors="nan")
        columns[family] = np.stack(found, axis=1)
    is_priced = np.isfinite(np.concatenate(list(columns.values()), axis=1)).all(axis=1)

    prices: dict[str, list[dict[str, float]]] = {ENGINE: []}
    for row in columns[ENGINE][is_priced]:
        board = football.board(*map(float, row))
        prices[ENGINE].append(dict(zip(board.selections, map(float, board.fair), strict=True)))
    for family, score_model in score_models.items():
        grids = (score_model.grid(tuple(map(float, row))) for row in columns[family][is_priced])
        prices[family] = [on_the_score(football.markets(grid)) for grid in grids]

    odds, models = {}, {model: {} for model in prices}
    for market in MARKETS:
        first = names.index(market.columns[0])
        odds[market.name] = table[is_priced, first : first + len(market.columns)]
        for model, matches_of in prices.items():
            if model == ENGINE or market.is_on_the_score:
                rows = [[match[name] for name in market.selections] for match in matches_of]
                models[model][market.name] = np.array(rows)
    return Season(odds, models, int((~is_priced).sum()))


def on_the_score(markets: football.Markets) -> dict[str, float]:
    """Probabilities by the names of a board's selections."""
    found = {"both_score/yes": markets["both_score"], "both_score/no": 1.0 - markets["both_score"]}
    for line, shares in markets["total"].items():
        found[f"total:{line:g}/over"], found[f"total:{line:g}/under"] = shares.win, shares.lose
    for name, probability in markets["double_chance"].items():
        found[f"double_chance/{name}"] = probability
    found["home_win_to_nil/yes"] = markets["home_win_to_nil"]
    found["away_win_to_nil/yes"] = markets["away_win_to_nil"]
    return found


def market_probabilities(market: Market, odds: FloatArray, method: margin.Method) -> FloatArray:
    """Fair probabilities of the prices; `nan` in rows that are no book."""
    if len(market.columns) == 1:
        return np.where(odds > 1.0, 1.0 / odds, np.nan)
    booksum = (1.0 / odds).sum(axis=1) / market.winners
    is_book = (odds > 1.0).all(axis=1) & (BOOKSUMS[0] <= booksum) & (booksum <= BOOKSUMS[1])
    fair = np.full(odds.shape, np.nan)
    fair[is_book] = margin.fair_probabilities(
        odds[is_book], method=method, target=market.winners, errors="nan"
    )
    return fair


def errors_of(market: Market, model: FloatArray, fair: FloatArray) -> FloatArray:
    """Model less market for every known price; of the two sides of a pair only the first."""
    shown = slice(0, 1) if len(market.columns) == 2 else slice(None)
    model, fair = model[:, shown], fair[:, shown]
    is_known = np.isfinite(fair) & np.isfinite(model)
    if len(market.columns) == 1:
        fair = fair * (model[is_known].sum() / fair[is_known].sum())
    errors: FloatArray = (model - fair)[is_known]
    return errors


def is_monotone(odds: dict[str, FloatArray]) -> FloatArray:
    """Whether the overs of the match's totals lengthen with the line."""
    overs = np.stack([odds[f"total {line}"][:, 0] for line in ("0.5", "1.5", "3.5", "4.5")], axis=1)
    return (np.diff(overs, axis=1) > 0.0).all(axis=1) | ~np.isfinite(overs).all(axis=1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="CSV")
    parser.add_argument(
        "--method", choices=margin.METHODS, default="multiplicative", help="of derived markets"
    )
    parser.add_argument("--matches", type=int, help="only so many of each file")
    options = parser.parse_args(arguments)

    seasons = []
    for path in options.files:
        try:
            seasons.append(season(path, matches=options.matches))
        except (OSError, ValueError) as error:
            print(f"{path.name} skipped: {error}", file=sys.stderr)
    if not seasons:
        return 1
    names = [market.name for market in MARKETS]
    odds = {name: np.concatenate([season.odds[name] for season in seasons]) for name in names}
    kept = is_monotone(odds)
    print(
        f"{len(kept)} matches, {sum(season.failed for season in seasons)} without a model, "
        f"{int((~kept).sum())} with totals out of order left out; "
        f"margin of the derived markets: {options.method}"
    )
    head = f"{'n':>6} {'MAE':>8} {'median':>8} {'p95':>8} {'bias':>9}"
    print(f"{'':<18} {ENGINE:^43}" + "".join(f"   {family:^18}" for family in SCORE_MODELS))
    print(f"{'':<18} {head}" + f"   {'MAE':>8} {'bias':>9}" * len(SCORE_MODELS))
    for market in MARKETS:
        fair = market_probabilities(market, odds[market.name][kept], options.method)
        line = f"{market.name:<18}"
        for model in (ENGINE, *SCORE_MODELS):
            if model != ENGINE and not market.is_on_the_score:
                continue
            model_prices = np.concatenate([season.models[model][market.name] for season in seasons])[kept]
            errors = errors_of(market, model_prices, fair)
            absolute = np.abs(errors) if len(errors) else np.full(1, np.nan)
            median, p95 = np.quantile(absolute, [0.5, 0.95])
            bias = errors.mean() if len(errors) else np.nan
            if model == ENGINE:
                line += f" {len(errors):>6} {absolute.mean():>8.5f} {median:>8.5f} {p95:>8.5f} {bias:>+9.5f}"
            else:
                line += f"   {absolute.mean():>8.5f} {bias:>+9.5f}"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
