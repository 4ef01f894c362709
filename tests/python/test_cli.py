"""The command line: what it prints, and with which code it ends."""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import oddsengine
from engine_process import Engine, announce, eventually, play_to_the_end
from oddsengine import cli
from oddsengine._zap import read_keys
from oddsengine.client import new_id
from test_serve import flip_a_record

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "feeds/recordings/world_cup_2022_group_stage.jsonl"


@dataclass
class Ended:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object) -> Ended:
    """A command in this process: a start of Python for each would take most of the time."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(code, out.getvalue(), errors.getvalue())


def json_of(*arguments: object) -> Any:
    ended = run(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A journal with one open and one settled ticket; its path, their ids."""
    with (
        Engine(tmp_path_factory.mktemp("journal")).start() as engine,
        engine.odds() as odds,
        engine.orders() as orders,
        engine.feed() as feed,
    ):
        announce(feed, 1001)
        announce(feed, 1002)
        orders.deposit(customer=42, amount_minor=10_000)
        odds.wait(lambda: all(f in odds.boards and odds.boards[f].version for f in (1001, 1002)))
        legs = [odds.boards[fixture].leg("1x2", "home") for fixture in (1001, 1002)]
        won, still_open = (orders.place_ticket(customer=42, legs=[leg], stake_minor=1_000) for leg in legs)
        play_to_the_end(feed)
        eventually(lambda: orders.ticket(won.ticket).state == "settled")
        engine.end()
        yield engine.journal, won.ticket, still_open.ticket


def test_version_and_help() -> None:
    command = [sys.executable, "-m", "oddsengine.cli", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == f"oddsengine {oddsengine.__version__}\n"
    helped = run("--help").stdout
    for verb in ("serve", "replay", "verify", "backup", "show", "demo", "keygen"):
        assert f"oddsengine {verb}" in helped or f"\n    {verb} " in helped
        assert run(verb, "--help").returncode == 0
    assert "examples:" in helped
    assert run().returncode == 2


def test_a_recording_at_once_and_paced_give_the_same(tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    part.write_bytes(b"".join(RECORDING.read_bytes().splitlines(keepends=True)[:130]))
    at_once = run("replay", part)
    assert at_once.returncode == 0, at_once.stderr
    assert "messages                         130\n" in at_once.stdout
    assert "ledger sums to zero              holds\n" in at_once.stdout
    found = json_of("replay", part)
    paced = json_of("replay", part, "--speed", 100_000)
    assert (found["messages"], found["malformed"], found["refused"]) == (130, 0, 0)
    assert {name: paced[name] for name in ("messages", "malformed", "refused", "fixtures")} == {
        name: found[name] for name in ("messages", "malformed", "refused", "fixtures")
    }
    assert json_of("replay", part, "--speed", 100_000) | {"seconds": 0} == paced | {"seconds": 0}


def test_a_recording_into_a_running_engine(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine, engine.orders() as orders:
        ended = run("replay", RECORDING, "--to", engine.endpoints["ingest"])
        assert ended.returncode == 0, ended.stderr
        eventually(lambda: len(orders.fixtures()) == 48)


def test_errors_are_one_line() -> None:
    for arguments in (
        ("replay", "absent.jsonl"),
        ("verify", "absent.db"),
        ("show", "absent.db", "tickets"),
        ("serve", "--config", "absent.toml"),
    ):
        ended = run(*arguments)
        assert ended.returncode == 2
        assert ended.stderr.startswith("oddsengine: ")
        assert "absent" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert "3 is outside" not in run("replay", "x", "--speed", "0").stdout
    assert "argument --speed: 0 is outside 0.001..=1000000" in run("replay", "x", "--speed", "0").stderr


def test_a_sound_journal(journal: tuple[Path, str, str]) -> None:
    ended = run("verify", journal[0])
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("sound\n")
    found = json_of("verify", journal[0])
    assert found["is_sound"] is True
    assert found["damages"] == []
    assert found["commands"] == found["records"] == found["last_seq"]
    assert all(found["invariants"].values())


def test_a_damaged_journal(journal: tuple[Path, str, str], tmp_path: Path) -> None:
    for file in journal[0].parent.glob("journal.db*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    copy = tmp_path / journal[0].name
    assert run("verify", copy).returncode == 0
    flip_a_record(copy)
    ended = run("verify", copy)
    assert ended.returncode == 1
    assert "DAMAGED" in ended.stdout
    found = json.loads(run("verify", copy, "--json").stdout)
    assert found["is_sound"] is False
    assert len(found["damages"]) >= 1


def test_what_a_journal_holds(journal: tuple[Path, str, str]) -> None:
    path, won, still_open = journal
    tickets = json_of("show", path, "tickets")
    assert {ticket["ticket"]: ticket["state"] for ticket in tickets} == {
        won: "settled",
        still_open: "accepted",
    }
    ticket = json_of("show", path, "ticket", won)
    assert ticket["paid_minor"] > 1_000
    balances = json_of("show", path, "balances")
    (cash,) = [item for item in balances if item["customer"] == 42 and item["available_minor"] > 1_000]
    assert cash["available_minor"] == 8_000 + ticket["paid_minor"]
    fixtures = json_of("show", path, "fixtures")
    assert [item["fixture"] for item in fixtures] == [1001, 1002]
    liability = json_of("show", path, "liability")
    assert [(item["fixture"], item["leg_count"]) for item in liability] == [(1002, 1)]
    assert liability == json_of("show", path, "liability", 1002)


def test_tables_for_people(journal: tuple[Path, str, str]) -> None:
    path, won, _ = journal
    for arguments in (("tickets",), ("ticket", won), ("balances",), ("fixtures",), ("liability",)):
        ended = run("show", path, *arguments)
        assert ended.returncode == 0, ended.stderr
        assert arguments[0] in ended.stdout
    assert "10.00" in run("show", path, "ticket", won).stdout
    missing = run("show", path, "ticket", new_id())
    assert missing.returncode == 2
    assert "is not in the journal" in missing.stderr
    assert "needs the ticket's id" in run("show", path, "ticket").stderr
    assert "'xyz' is not an id of 32 hexadecimal digits" in run("show", path, "ticket", "xyz").stderr


def test_a_backup_of_a_running_engine(tmp_path: Path) -> None:
    """It serves elsewhere, with everything that was acknowledged when the backup began."""
    with Engine(tmp_path).start() as engine, engine.orders() as orders:
        for _ in range(50):
            orders.deposit(customer=42, amount_minor=100)
        copy = tmp_path / "backup" / "journal.db"
        copy.parent.mkdir()
        ended = run("backup", engine.journal, copy)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.endswith("sound\n")
        orders.deposit(customer=42, amount_minor=100)
        assert run("backup", engine.journal, copy).returncode == 2
        restored = Engine(copy.parent)
        restored.journal = copy
        with restored.start(), restored.orders() as others:
            assert others.balance(42).available_minor == 5_000


def test_keys(tmp_path: Path) -> None:
    ended = run("keygen", "server", "--folder", tmp_path)
    assert ended.returncode == 0, ended.stderr
    public = read_keys(tmp_path / "server.key", secret=False)
    pair = read_keys(tmp_path / "server.key_secret", secret=True)
    assert pair.public == public.public
    assert public.public.decode() in ended.stdout
    assert pair.secret is not None
    assert pair.secret.decode() not in ended.stdout
    again = run("keygen", "server", "--folder", tmp_path)
    assert again.returncode == 2
    assert "is there already, and keys are not overwritten" in again.stderr
