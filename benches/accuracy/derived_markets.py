"""How models calibrated to 1X2 and over/under 2.5 price the derived markets of the same match.

    derived_markets.py CSV...

Reads season files with pre-match prices of derived markets (.csv or .csv.gz; columns `B365H`, `B365>2.5`,
`BTTS_Yes`, `Over_HT_0_5`, ...). Every match is calibrated to its 1X2 and over/under 2.5; then each derived market is
predicted and compared with its own prices freed of their margin. Two models: the engine's (Dixon-Coles, halves by
a first-half share of 0.45, the whole board) and the fitted Conway-Maxwell-Poisson (markets on the final score).

Per market: number of prices, mean absolute error in probability, median, 95th percentile and bias, model less
market. A selection that is priced without its opposite has an unknown margin: its inverse odds are scaled by one
factor for all matches, such that the bias is 0. Pairs that are no book and totals out of order are left out.
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
    Market("first half 1X2", ("Odd_1_HT", "Odd_X_HT", "Odd_2_HT"), ("1x2.h1/home", "1x2.h1/draw", "1x2.h1/away")),
    *(pair(f"first half {line}", f"HT_{goals(line)}", f"total.h1:{line}") for line in ("0.5", "1.5", "2.5")),
    Market(
        "second half 1X2", ("Odd_1_2H", "Odd_X_2H", "Odd_2_2H"), ("1x2.h2/home", "1x2.h2/draw", "1x2.h2/away")
    ),
    *(pair(f"second half {line}", f"2H_{goals(line)}", f"total.h2:{line}") for line in ("0.5", "1.5", "2.5")),
)


class Season(NamedTuple):
    """The matches that a model was found for: prices of every market, and both models' probabilities."""

    odds: dict[str, FloatArray]
    engine: dict[str, FloatArray]
    score_model: dict[str, FloatArray]
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
    dixon_coles = football.calibrate_from_odds_batch(odds_1x2, odds_total, errors="nan")
    conway_maxwell = football.ScoreModel("conway_maxwell")
    matches_of = conway_maxwell.calibrate_from_odds_batch(odds_1x2, odds_total, errors="nan")
    is_priced = np.isfinite(dixon_coles.rho) & np.isfinite(matches_of.shift)

    boards = [football.board(*map(float, row)) for row in np.stack(dixon_coles, axis=1)[is_priced]]
    markets = [
        on_the_score(football.markets(conway_maxwell.grid(tuple(map(float, row)))))
        for row in np.stack(matches_of, axis=1)[is_priced]
    ]
    engine, score_model, odds = {}, {}, {}
    for market in MARKETS:
        first = names.index(market.columns[0])
        odds[market.name] = table[is_priced, first : first + len(market.columns)]
        engine[market.name] = np.array([[board[name].fair for name in market.selections] for board in boards])
        if market.is_on_the_score:
            score_model[market.name] = np.array([[found[name] for name in market.selections] for found in markets])
    return Season(odds, engine, score_model, int((~is_priced).sum()))


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
    fair[is_book] = margin.fair_probabilities(odds[is_book], method=method, target=market.winners, errors="nan")
    return fair


def figures(market: Market, model: FloatArray | None, fair: FloatArray) -> str:
    """Number, mean absolute error, median, 95th percentile and bias; of both sides of a pair only the first."""
    if model is None:
        return f"{'':>6} {'-':>8} {'-':>8} {'-':>8} {'-':>9}"
    shown = slice(0, 1) if len(market.columns) == 2 else slice(None)
    model, fair = model[:, shown], fair[:, shown]
    is_known = np.isfinite(fair) & np.isfinite(model)
    if len(market.columns) == 1:
        fair = fair * (model[is_known].sum() / fair[is_known].sum())
    errors = (model - fair)[is_known]
    if not len(errors):
        return f"{0:>6} {'-':>8} {'-':>8} {'-':>8} {'-':>9}"
    median, p95 = np.quantile(np.abs(errors), [0.5, 0.95])
    return f"{len(errors):>6} {np.abs(errors).mean():>8.5f} {median:>8.5f} {p95:>8.5f} {errors.mean():>+9.5f}"


def is_monotone(odds: dict[str, FloatArray]) -> FloatArray:
    """Whether the overs of the match's totals lengthen with the line."""
    overs = np.stack([odds[f"total {line}"][:, 0] for line in ("0.5", "1.5", "3.5", "4.5")], axis=1)
    return (np.diff(overs, axis=1) > 0.0).all(axis=1) | ~np.isfinite(overs).all(axis=1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="CSV")
    parser.add_argument("--method", choices=margin.METHODS, default="multiplicative", help="of derived markets")
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
        f"{int((~kept).sum())} with totals out of order left out; margin of the derived markets: {options.method}"
    )
    head = f"{'n':>6} {'MAE':>8} {'median':>8} {'p95':>8} {'bias':>9}"
    print(f"{'':<18} {'engine':^43}   {'conway-maxwell':^43}")
    print(f"{'':<18} {head}   {head}")
    for market in MARKETS:
        fair = market_probabilities(market, odds[market.name][kept], options.method)
        engine = np.concatenate([season.engine[market.name] for season in seasons])[kept]
        richer = None
        if market.is_on_the_score:
            richer = np.concatenate([season.score_model[market.name] for season in seasons])[kept]
        print(f"{market.name:<18} {figures(market, engine, fair)}   {figures(market, richer, fair)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
