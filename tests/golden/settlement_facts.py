"""Runs settlement facts and bookmaker scenarios against the package: `python
tests/golden/settlement_facts.py FILE…`.

A file holds `facts` (inputs and what a bet returns) or `scenarios` (what happened in a betting shop, step
by step, and what
its customer was paid). Every field is mapped to an argument of the public API, or is one of the values that
mean nothing
else, or fails the case by its name. What a house does its own way is its profile in `HOUSES`, never a
case's id. A line for
each failure, last `N passed, N failed`; the exit status is 1 if anything failed.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from fact_kinds import KINDS
from house_scenarios import run_scenario
from mapped_fields import Fields, NotMappedError

Json = Any


# Amounts without a tolerance are printed to the cent.
HALF_CENT = 0.005


class Outcome(NamedTuple):
    """One case: its id, and what is wrong with it if anything is."""

    id: str
    failures: list[str]


def run_file(path: Path) -> list[Outcome]:
    """Runs every case of one file of either format."""
    document = json.loads(path.read_text())
    unknown = [name for name in document if name not in ("about", "facts", "scenarios")]
    if unknown or not ("facts" in document or "scenarios" in document):
        return [Outcome(str(path), [f"{', '.join(unknown) or 'nothing'} in a file of neither format"])]
    facts = [run_case(fact, run_fact) for fact in document.get("facts", [])]
    return facts + [run_case(scenario, run_scenario) for scenario in document.get("scenarios", [])]


def run_case(case: Json, run: Any) -> Outcome:
    """One case; what it raises and what it leaves unread are failures."""
    fields = Fields(case)
    name = str(case.get("id", case))
    try:
        failures = list(run(fields))
    except Exception as error:
        return Outcome(name, [f"{type(error).__name__}: {error}"])
    return Outcome(name, [f"field {field} is not mapped" for field in fields.left()] + failures)


def run_fact(fact: Fields) -> list[str]:
    """One fact of a kind: its `group`."""
    for label in ("id", "source", "name", "note", "position_code"):
        fact.label(label)
    group = fact.take("group")
    kind = KINDS.get(group)
    if kind is None:
        raise NotMappedError(f"group {group!r} is no kind of fact")
    tolerance = Fraction(str(fact.take("tolerance", HALF_CENT)))
    return differences(*kind(fact), tolerance)


def differences(expected: Json, got: Json, tolerance: Fraction, at: str = "") -> list[str]:
    """Every leaf of `expected` that `got` does not have, or has with another value."""
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return [f"{at or '/'}: {got!r} is not an object"]
        lines = [f"{at}/{name}: nothing computes it" for name in expected if name not in got]
        for name in expected.keys() & got.keys():
            lines += differences(expected[name], got[name], tolerance, f"{at}/{name}")
        return lines
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return [f"{at or '/'}: {got!r} is not a list of {len(expected)}"]
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for place, pair in pairs for line in differences(*pair, tolerance, f"{at}/{place}")]
    if isinstance(expected, bool | str) or expected is None or isinstance(got, str) or got is None:
        return [] if expected == got else [f"{at or '/'}: {got!r} is not {expected!r}"]
    near = abs(Fraction(str(expected)) - Fraction(got)) <= tolerance
    return [] if near else [f"{at or '/'}: {float(got)} is not {expected} within {float(tolerance)}"]


def main(arguments: list[str]) -> int:
    """Prints every failure and the counts; 1 when there was one."""
    if not arguments:
        print("no file was named\nhint: python tests/golden/settlement_facts.py FILE…", file=sys.stderr)
        return 2
    passed = failed = 0
    for name in arguments:
        for outcome in run_file(Path(name)):
            if outcome.failures:
                failed += 1
                for failure in outcome.failures:
                    print(f"{outcome.id}: {failure}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
