"""Runs reference data against the package: `python tests/golden/reference.py DIR`.

DIR holds real and published data that is not part of the repository; `CHECKS` says which of its files are
read. Each check yields an `Outcome` for every fact: what it is, and what is wrong with it if anything is.
The last line printed is `N passed, N failed`; a file that is not there counts as failed. The exit status is
1 if anything failed.

To add a file, write a function from its content to outcomes and name it in `CHECKS`, or for one of the
published tables in `TABLES`.
"""

import gzip
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oddsengine import margin, odds
from oddsengine.exceptions import BoundsError, MarginError

Json = Any


class Outcome(NamedTuple):
    """One fact: its name, and what is wrong with it if anything is."""

    id: str
    failures: list[str]


def run(folder: Path, *, files: set[str] | None = None) -> list[Outcome]:
    """Runs the check of every file, or of some."""
    names = [name for name in CHECKS if files is None or name in files]
    return [outcome for name in names for outcome in run_file(folder, name)]


def run_file(folder: Path, name: str) -> list[Outcome]:
    """Runs the check of one file; outcomes are named after it."""
    path = folder / name
    if not path.is_file():
        return [Outcome(name, ["no such file"])]
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [Outcome(f"{name} {id}", failures) for id, failures in CHECKS[name](json.loads(content))]


def differences(what: str, got: Any, expected: Any, tolerance: float) -> list[str]:
    """Where numbers or lists of them differ by more than the tolerance."""
    got_array, expected_array = np.asarray(got, dtype=float), np.asarray(expected, dtype=float)
    if got_array.shape != expected_array.shape:
        return [f"{what}: {got!r} is not {expected!r}"]
    far = ~(np.abs(got_array - expected_array) <= tolerance)
    return [f"{what}: {got!r} is not {expected!r} within {tolerance:g}"] if far.any() else []


# Margins and odds.

# What other packages call the methods, and how their parameter is written.
PACKAGE_METHODS: dict[str, tuple[margin.Method, Callable[[float], float]]] = {
    "penaltyblog.multiplicative": ("multiplicative", float),
    "penaltyblog.additive": ("additive", float),
    "penaltyblog.power": ("power", float),
    "penaltyblog.shin": ("shin", float),
    "penaltyblog.differential_margin_weighting": ("additive", float),
    "penaltyblog.odds_ratio": ("odds_ratio", float),
    "penaltyblog.logarithmic": ("odds_ratio", math.log),
    "shin.shin": ("shin", float),
    "goto_conversion": ("goto", float),
}
# Solvers stop at 1e-9 or so; the closed forms agree far better.
PACKAGE_TOLERANCE, PARAMETER_TOLERANCE = 1e-8, 1e-6


def margin_removal(data: Json) -> Iterator[Outcome]:
    """Probabilities and parameters that three packages give on real odds; where they fail, we refuse."""
    for number, case in enumerate(data["cases"]):
        for package, found in case["methods"].items():
            method, written = PACKAGE_METHODS[package]
            failures: list[str] = []
            try:
                removed = margin.remove_margin(case["odds"], method=method)
                batch = margin.fair_probabilities([case["odds"]] * 20, method=method)
            except MarginError as error:
                is_due = "error" in found or found.get("negative", False)
                failures += [] if is_due and error.code == "negative_probability" else [str(error)]
            else:
                failures += ["a negative probability is not refused"] if found.get("negative") else []
                failures += differences("p", removed.probabilities, found.get("p"), PACKAGE_TOLERANCE)
                failures += differences("booksum", removed.booksum, case["booksum"], 1e-12)
                failures += differences("sum", sum(removed.probabilities), 1.0, 1e-12)
                failures += differences("batch", batch[19].tolist(), removed.probabilities, 0.0)
                for name in {"k", "z", "c"} & found.keys():
                    failures += differences(
                        name, written(removed.parameter), found[name], PARAMETER_TOLERANCE
                    )
            yield Outcome(f"{number} {case['market']} {package}", failures)


def margin_published(data: Json) -> Iterator[Outcome]:
    """Values printed by packages: removal, and the same backwards. A booksum is told for one winner."""
    for number, case in enumerate(data["cases"]):
        winners, tolerance, method = case.get("target_sum", 1.0), case["tol"], case["method"]
        priced = [(price, p) for price, p in zip(case["odds"], case["p"], strict=True) if price is not None]
        prices, expected = [price for price, _ in priced], [p for _, p in priced]
        if method == "power" and winners > 1:
            # The source takes the power of the probability of one place, we that of the selection.
            prices, expected = [price * winners for price in prices], [p / winners for p in expected]
            tolerance, winners = tolerance / winners, 1.0
        removed = margin.remove_margin(prices, method=method, target=winners)
        failures = differences("p", removed.probabilities, expected, tolerance)
        if "z" in case:
            failures += differences("z", removed.parameter, case["z"], tolerance)
        if "booksum" in case:
            booksum = case["booksum"] * winners
            failures += differences("booksum", removed.booksum, booksum, tolerance)
            offered = margin.offered_odds(expected, method=method, booksum=booksum)
            relative = [got / want for got, want in zip(offered, prices, strict=True)]
            failures += differences("offered / printed odds", relative, [1.0] * len(prices), tolerance)
        yield Outcome(f"{number} {case['source']} {method}", failures)


def odds_conversion(data: Json) -> Iterator[Outcome]:
    """Conversions between formats, products of odds, and what is no price."""
    for case in data["valid"]:
        if "product_of" in case:
            product = math.prod(decimal_of(price) for price in case["product_of"])
            yield Outcome(
                f"product {case['product_of']}", differences("product", product, case["decimal"], 1e-9)
            )
        else:
            yield Outcome(f"conversion {case}", conversion_failures(case))
    for text in data["invalid_inputs"]:
        try:
            got = odds.from_text(text)
        except BoundsError:
            yield Outcome(f"invalid {text!r}", [])
        else:
            yield Outcome(f"invalid {text!r}", [f"it is read as {got}"])


def conversion_failures(case: Json) -> list[str]:
    """Every form of a price that a case tells, from each of the others."""
    decimal, failures = case["decimal"], []
    if "input" in case:
        failures += differences("input", decimal_of(case["input"], case["format"]), decimal, 1e-12)
    if "fractional" in case:
        failures += differences("fractional", odds.from_text(case["fractional"]), decimal, 1e-12)
        text = odds.to_text(decimal, format="fractional")
        failures += [] if text == case["fractional"] else [f"fractional: {text} is not {case['fractional']}"]
    if "american" in case:
        american = case["american"]
        failures += differences("american", decimal_of(american, "american"), decimal, 1e-12)
        failures += differences(
            "american", odds.from_decimal(decimal, format="american"), float(american), 1e-9
        )
        if isinstance(american, str) and odds.to_text(decimal, format="american") != american:
            failures.append(f"american: {odds.to_text(decimal, format='american')} is not {american}")
    return failures


def decimal_of(price: str | float, format: odds.Format | None = None) -> float:
    """Decimal odds of a price as a number or as text."""
    if isinstance(price, str):
        return odds.from_text(price, format=format)
    return odds.to_decimal(float(price), format=format or "decimal")


# Published tables.


def betfair_increments(table: Json) -> Iterator[Outcome]:
    """Steps of the exchange's price ladder, and examples of moving along it."""
    prices = odds.BETFAIR.prices()
    for start, end, step in table["steps"]:
        span = prices[(prices >= start) & (prices <= end)]
        failures = differences("ends", [span[0], span[-1]], [start, end], 1e-12)
        failures += differences("steps", np.diff(span), np.full(len(span) - 1, step), 1e-9)
        yield Outcome(f"{start} to {end} by {step}", failures)
    for example in table["examples"]:
        got = odds.BETFAIR.step(example["price"], example["ticks"])
        yield Outcome(f"{example}", differences("price", got, example["gives"], 1e-12))


TABLES: dict[str, Callable[[Json], Iterator[Outcome]]] = {
    "betfair_increments": betfair_increments,
}


def published_tables(data: Json) -> Iterator[Outcome]:
    """The tables that have a check."""
    for name, check in TABLES.items():
        for id, failures in check(data[name]):
            yield Outcome(f"{name} {id}", failures)


CHECKS: dict[str, Callable[[Json], Iterator[Outcome]]] = {
    "margin/margin_removal_reference.json.gz": margin_removal,
    "margin/published_values.json": margin_published,
    "margin/odds_conversion.json": odds_conversion,
    "tables/published_tables.json": published_tables,
}


def main(arguments: list[str]) -> int:
    """Runs a folder and prints its failures; the exit status."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python tests/golden/reference.py DIR", file=sys.stderr)
        return 2
    outcomes = run(Path(arguments[0]))
    for outcome in outcomes:
        for failure in outcome.failures:
            print(f"{outcome.id}: {failure}")
    failed = sum(bool(outcome.failures) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
