"""Every scenario table, through the Python package."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenarios import FOLDER, Scenario, ScenarioError

TABLES = sorted(FOLDER.glob("*.txt"))
STATUSES = Path(__file__).resolve().parents[2] / "docs" / "statuses.md"


@pytest.mark.parametrize("table", TABLES, ids=[table.stem for table in TABLES])
def test_scenario(table: Path, tmp_path: Path) -> None:
    Scenario(table.read_text(), tmp_path / "journal.db").run(table.stem)


def test_a_wrong_expectation_is_named(tmp_path: Path) -> None:
    text = "fixture F1\ndeposit C1 10.00\nbalance C1 11.00\n"
    with pytest.raises(
        ScenarioError, match=r"wrong\.txt:3: balance C1 11\.00\n    balance: expected 1100, found 1000"
    ):
        Scenario(text, tmp_path / "journal.db").run("wrong")


def test_every_refusal_has_a_case() -> None:
    names = set(re.findall(r"^\| \d+ \| `(\w+)`", STATUSES.read_text(), re.MULTILINE))
    # Those of feeds that number their messages and of single settings run in Rust alone.
    tables = [*TABLES, *FOLDER.glob("engine/*.txt")]
    seen = set(re.findall(r"refused (\w+)", "\n".join(table.read_text() for table in tables)))
    # Only a full disk brings the one, only a key without rights the other; they have tests of their own.
    elsewhere = {"journal_unavailable", "archive_unreadable", "not_permitted"}
    assert len(names) > 25
    assert names - seen == elsewhere
