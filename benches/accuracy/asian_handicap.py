"""How well a model calibrated to 1X2 and over/under predicts the Asian handicap: `asian_handicap.py CSV...`.

Reads season files of football-data.co.uk (.csv or .csv.gz). Per match: the margin is removed from the closing
1X2 and over/under 2.5, an exact Dixon-Coles model is fitted to them, and its fair probability of the closing
Asian handicap is compared with the market's, `win / (win + lose)` in both. Printed per file and for all: the
number of matches, mean absolute error, median, 95th percentile and bias (model less market).

Matches with a missing or impossible price are left out; matches that no model explains are counted as failed.
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

LINE_COLUMN = "AHCh"
BOOKS = {
    "pinnacle": ("PSCH", "PSCD", "PSCA", "PC>2.5", "PC<2.5", "PCAHH", "PCAHA"),
    "average": ("AvgCH", "AvgCD", "AvgCA", "AvgC>2.5", "AvgC<2.5", "AvgCAHH", "AvgCAHA"),
    "bet365": ("B365CH", "B365CD", "B365CA", "B365C>2.5", "B365C<2.5", "B365CAHH", "B365CAHA"),
}
# A closing pair outside of this is a typing error of the source, not a market.
BOOKSUMS_OF_A_PAIR = (0.95, 1.25)

FloatArray = npt.NDArray[np.float64]


class Errors(NamedTuple):
    """Model less market for each match, and how many matches no model explained."""

    errors: FloatArray
    failed: int


def prices(path: Path, book: str) -> FloatArray:
    """(n, 8): 1X2, over and under 2.5, home and away handicap, and the handicap of the home side."""
    columns = (*BOOKS[book], LINE_COLUMN)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        rows = [[number(row[column]) for column in columns] for row in reader]
    table: FloatArray = np.array(rows, dtype=np.float64).reshape(-1, len(columns))
    odds, line = table[:, :7], table[:, 7]
    low, high = BOOKSUMS_OF_A_PAIR
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = np.stack([(1 / odds[:, 3:5]).sum(axis=1), (1 / odds[:, 5:7]).sum(axis=1)])
        is_complete = np.isfinite(table).all(axis=1) & (odds > 1).all(axis=1)
        is_complete &= (line * 4 == np.round(line * 4)) & ((low <= pairs) & (pairs <= high)).all(axis=0)
    return np.compress(is_complete, table, axis=0)


def number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def compare(table: FloatArray, *, method: margin.Method, method_line: margin.Method) -> Errors:
    """Calibrates every match of `prices` and compares its handicap."""
    expectations = football.calibrate_from_odds_batch(
        table[:, :3], table[:, 3:5], method=method, method_total=method_line, errors="nan"
    )
    win, lose = football.asian_handicap_batch(*expectations, table[:, 7], errors="nan")
    market = margin.fair_probabilities(np.ascontiguousarray(table[:, 5:7]), method=method_line)[:, 0]
    errors = win / (win + lose) - market
    is_fitted = np.isfinite(errors)
    return Errors(errors[is_fitted], int((~is_fitted).sum()))


def report(name: str, found: Errors) -> str:
    """One line of the table."""
    absolute = np.abs(found.errors)
    if not len(absolute):
        return f"{name:<28} {0:>6}  no match with all prices"
    median, p95 = np.quantile(absolute, [0.5, 0.95])
    figures = f"{absolute.mean():>8.5f} {median:>8.5f} {p95:>8.5f} {found.errors.mean():>+9.5f}"
    return f"{name:<28} {len(absolute):>6} {figures} {found.failed:>7}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="CSV")
    parser.add_argument("--book", choices=BOOKS, default="pinnacle")
    parser.add_argument("--method", choices=margin.METHODS, default="multiplicative", help="of the 1X2")
    parser.add_argument(
        "--method-line", choices=margin.METHODS, default="multiplicative", help="of the pairs"
    )
    options = parser.parse_args(arguments)

    print(f"{'':<28} {'n':>6} {'MAE':>8} {'median':>8} {'p95':>8} {'bias':>9} {'failed':>7}")
    tables = []
    for path in options.files:
        try:
            tables.append(prices(path, options.book))
        except (OSError, ValueError) as error:
            print(f"{path.name:<28} skipped: {error}", file=sys.stderr)
            continue
        found = compare(tables[-1], method=options.method, method_line=options.method_line)
        print(report(path.name, found))
    if not tables:
        return 1
    found = compare(np.concatenate(tables), method=options.method, method_line=options.method_line)
    print(report(f"all, {options.book}", found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
