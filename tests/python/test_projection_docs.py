"""docs/projections.md: its tables are those of the code, and its five questions have their answers."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine_process import Engine, announce, eventually, play_to_the_end
from oddsengine import cli, projection
from oddsengine.projection import Follower, ProjectionError, SqliteStore, _sql

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "projections.md").read_text()
QUESTIONS = re.findall(r"### (.+?)\n.*?```sql\n(.+?)```", PAGE.split("## Five questions")[1], re.DOTALL)


def question(words: str) -> str:
    (found,) = (text for title, text in QUESTIONS if words in title)
    return found


def test_the_page_is_written_from_the_tables() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "projection_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A projection of a match that was played, settled and taken back by a trader; what the engine says."""
    folder = tmp_path_factory.mktemp("traded")
    with (
        Engine(folder).start() as engine,
        engine.feed() as feed,
        engine.orders() as orders,
        engine.odds() as odds,
        engine.desk() as desk,
    ):
        for fixture in (1001, 1002):
            announce(feed, fixture)
        for customer in (42, 43):
            assert orders.deposit(customer=customer, amount_minor=50_000).is_booked
        odds.wait(lambda: all(f in odds.boards and odds.boards[f].version > 0 for f in (1001, 1002)))
        home, away = (odds.boards[1001].leg("1x2", name) for name in ("home", "away"))
        over = odds.boards[1002].leg("total:2.5", "over")
        won = orders.place_ticket(customer=42, legs=[home], stake_minor=1_000)
        assert orders.place_ticket(customer=43, legs=[away], stake_minor=2_000).is_accepted
        assert orders.place_ticket(customer=42, legs=[over], stake_minor=500).is_accepted
        assert orders.place_ticket(customer=43, legs=[home, over], stake_minor=300).is_accepted
        assert orders.withdraw(customer=42, amount_minor=700).is_booked
        play_to_the_end(feed, 1001)
        eventually(lambda: orders.ticket(won.ticket).state == "settled")
        paid_minor = orders.ticket(won.ticket).paid_minor
        desk.settle_market(1001, "1x2", ["void", "void", "void"])
        eventually(lambda: orders.ticket(won.ticket).paid_minor == 1_000)
        told = {
            "won": won.ticket.replace("-", ""),
            "paid_minor": paid_minor,
            "balance_minor": orders.balance(42).available_minor,
            "payout_minor_max": [
                orders.ticket(ticket.ticket).payout_minor_max
                for ticket in (orders.place_ticket(customer=43, legs=[over], stake_minor=900),)
            ],
        }
        engine.end()
    with contextlib.closing(SqliteStore(projection.default_path(engine.journal))) as store:
        Follower(engine.journal, store).catch_up()
    return engine.journal, told


def rows(source: Path, text: str) -> list[dict[str, Any]]:
    names, found = _sql.query(source, text)
    return [dict(zip(names, row, strict=True)) for row in found]


@pytest.fixture(scope="module", params=["sqlite", "parquet"])
def source(request: pytest.FixtureRequest, traded: tuple[Path, dict[str, Any]]) -> Path:
    """The same facts in a SQLite file and in exported files, asked by SQLite and by DuckDB."""
    journal, _ = traded
    beside = projection.default_path(journal)
    if request.param == "sqlite":
        return beside
    pytest.importorskip("pyarrow", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
    pytest.importorskip("duckdb", reason="PARQUET IS NOT TESTED: duckdb is not installed")
    (day,) = {row["day"] for row in rows(beside, "SELECT day FROM bets")}
    folder = journal.parent / "lake"
    export = ["export", "--journal", str(journal), "--day", day, "--folder", str(folder)]
    # A day that is written twice is there once.
    assert cli.main(export) == cli.main(export) == 0
    return folder


def test_five_questions_are_there() -> None:
    assert len(QUESTIONS) == 5


def test_turnover_and_margin(source: Path, traded: tuple[Path, dict[str, Any]]) -> None:
    (found,) = rows(source, question("Turnover"))
    assert (found["sport"], found["currency"], found["bet_count"]) == ("football", "EUR", 2)
    # Both were voided at last: stakes went back.
    assert (found["stake_minor"], found["result_minor"], found["margin_e4"]) == (3_000, 0, 0)


def test_open_liability(source: Path, traded: tuple[Path, dict[str, Any]]) -> None:
    (found,) = rows(source, question("Open liability"))
    assert (found["fixture"], found["home"], int(found["tickets"])) == ("1002", "Qatar", 3)
    assert int(found["stake_minor"]) == 500 + 300 + 900
    assert int(found["payout_minor_max"]) > 2 * 1_700


def test_a_statement_adds_up_to_the_balance(source: Path, traded: tuple[Path, dict[str, Any]]) -> None:
    _, told = traded
    found = rows(source, question("statement"))
    total = 0
    for line in found:
        total += line["amount_minor"]
        assert line["balance_minor"] == total
    assert total == told["balance_minor"]
    (kept,) = rows(
        source, "SELECT balance_minor AS b FROM balances WHERE account = 'customer_cash' AND customer = '42'"
    )
    assert kept["b"] == total
    assert {line["cause"] for line in found} >= {"deposit", "withdraw", "place_ticket", "settle_market"}


def test_reversals_and_by_whom(source: Path, traded: tuple[Path, dict[str, Any]]) -> None:
    _, told = traded
    found = rows(source, question("reversed"))
    (of_won,) = (row for row in found if row["ticket"] == told["won"] and row["paid_minor"] > 0)
    assert of_won["paid_minor"] == 1_000
    assert of_won["cause"] == "settle_market"
    assert (of_won["channel"], of_won["key_name"] != "") == ("desk", True)
    before = {row["paid_minor_before"] for row in found if row["ticket"] == told["won"]}
    assert told["paid_minor"] in before


def test_prices_against_closing(source: Path, traded: tuple[Path, dict[str, Any]]) -> None:
    found = rows(source, question("closing"))
    assert {(row["fixture"], row["market"], row["selection"]) for row in found} == {
        ("1001", "1x2", "home"),
        ("1001", "1x2", "away"),
        ("1002", "total:2.5", "over"),
    }
    # Nothing moved between these bets and the start.
    assert {int(row["above_closing_e4"]) for row in found} == {0}


# Asking changes nothing, and ends


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM tickets",
        "DROP TABLE tickets",
        "ATTACH DATABASE '/tmp/other.db' AS other",
        "PRAGMA journal_mode = delete",
        "SELECT 1; SELECT 2",
        "COPY (SELECT 1) TO '/tmp/oddsengine-not-there.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "nonsense",
    ],
)
def test_what_is_no_question_is_refused(source: Path, text: str) -> None:
    with pytest.raises(ValueError, match="the query is refused"):
        _sql.query(source, text)
    assert rows(source, "SELECT count(*) AS n FROM tickets") == [{"n": 5}]
    assert not Path("/tmp/oddsengine-not-there.csv").exists()


def test_a_question_without_end_is_cut(source: Path) -> None:
    """While it reads, the log of the database cannot begin anew."""
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000)"
        " SELECT max(i) FROM n"
    )
    with pytest.raises(ProjectionError, match=r"cut after 0\.3 seconds") as caught:
        _sql.query(source, endless, seconds_max=0.3)
    assert caught.value.code == "cut"


def test_the_command_line_asks(
    traded: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    journal, _ = traded
    assert cli.main(["sql", "--journal", str(journal), "SELECT count(*) AS n FROM tickets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 5}]
    assert cli.main(["sql", "--journal", str(journal), "SELECT customer FROM customers"]) == 0
    assert cli.main(["sql", "--journal", str(journal.with_name("nowhere")), "SELECT 1"]) == 2
    assert "follow --once makes one" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["2026-1-1", "2026-13-01", "yesterday", "2026-02-30"])
def test_a_day_is_a_day(traded: tuple[Path, dict[str, Any]], tmp_path: Path, day: str) -> None:
    journal, _ = traded
    assert cli.main(["export", "--journal", str(journal), "--day", day, "--folder", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []


def test_another_day_has_the_rows_of_that_day(traded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
    journal, _ = traded
    export = ["export", "--journal", str(journal), "--day", "2020-01-01", "--folder", str(tmp_path), "--json"]
    assert cli.main(export) == 0
    postings = parquet.read_table(tmp_path / "postings" / "day=2020-01-01.parquet")
    tickets = parquet.read_table(tmp_path / "tickets" / "day=2020-01-01.parquet")
    assert (postings.num_rows, tickets.num_rows) == (0, 5)
    assert postings.schema.field("amount_minor").type == "int64"
    assert tickets.schema.metadata[b"oddsengine.schema_version"] == b"2"
