"""The command line: what it prints, and with which code it ends."""

import contextlib
import io
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import oddsengine
from engine_process import Engine, announce, eventually, play_to_the_end
from oddsengine import Engine as InProcess
from oddsengine import cli
from oddsengine._exit import EXIT_BUSY, EXIT_POISONED, EXIT_RECORD, EXIT_UNUSABLE, exit_code_of
from oddsengine._zap import read_keys
from oddsengine.client import new_id
from oddsengine.config import load
from oddsengine.exceptions import JournalError
from oddsengine.serve import open_service
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


def test_a_compacted_journal_is_one_with_its_segments(tmp_path: Path) -> None:
    """The database grew for ever; now old records leave it, and every tool reads across."""
    config = tmp_path / "compact.toml"
    config.write_text('[journal]\npath = "journal.db"\nsnapshot_every = 20\n')
    journal = tmp_path / "journal.db"
    service = open_service(load(config), must_exist=False)
    for number in range(200):
        request = {
            "type": "deposit",
            "request_id": "d",
            "transfer": f"{number + 1:032x}",
            "customer": 42,
            "currency": "EUR",
            "amount_minor": 100,
        }
        service.order(b"c", json.dumps(request).encode(), time.time_ns())
        service.end_turn()
        time.sleep(0.005)
    refused = run("compact", journal)
    assert refused.returncode != 0
    assert "in use" in refused.stderr
    service.close()
    before = json_of("verify", journal)
    report = json_of("compact", journal)
    assert len(report["sealed"]) == 1
    assert 0 < report["records"] < before["records"]
    after = json_of("verify", journal)
    assert after["is_sound"]
    assert after["segments"] == 1
    for name in ("head_hash", "records", "groups", "state_hash", "commands"):
        assert after[name] == before[name], name
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (segment,) = tmp_path.glob("*.segment")
    segment.rename(elsewhere / segment.name)
    missing = run("verify", journal)
    assert missing.returncode == 1
    assert segment.name in missing.stdout
    lost = run("show", journal, "balances")
    assert lost.returncode != 0
    assert "--segments" in lost.stderr
    assert json_of("verify", journal, "--segments", elsewhere)["state_hash"] == before["state_hash"]
    assert json_of("show", journal, "balances", "--segments", elsewhere)
    (elsewhere / segment.name).rename(segment)
    copy = tmp_path / "backup" / "copy.db"
    copy.parent.mkdir()
    assert run("backup", journal, copy).returncode == 0


def copy_of(journal: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for file in journal.parent.glob("journal.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / journal.name


def serve_once(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`serve` that does not come to serving."""
    command = [sys.executable, "-m", "oddsengine.cli", "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_verify_and_show_run_beside_an_engine(tmp_path: Path) -> None:
    """`verify` ended with status 2, "is in use by process …", 15 times of 15, against operations.md."""
    with Engine(tmp_path).start() as engine, engine.orders() as orders:
        for _ in range(3):
            orders.deposit(customer=42, amount_minor=100)
            found = json_of("verify", engine.journal)
            assert found["is_sound"] is True
            assert found["owner_pid"] == engine.process.pid
        (cash,) = [item for item in json_of("show", engine.journal, "balances") if item["customer"] == 42]
        assert cash["available_minor"] == 300
        assert engine.end()[0] == 0
    assert json_of("verify", engine.journal)["owner_pid"] is None


def test_a_reader_does_not_keep_a_crashed_engine_down(tmp_path: Path) -> None:
    """Status 2: "another program reads an older state; 136,808 pages cannot be moved"; the unit gave up."""
    with Engine(tmp_path).start() as engine:
        with contextlib.closing(sqlite3.connect(engine.journal)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM journal_group").fetchall()
            with engine.orders() as orders:
                orders.deposit(customer=42, amount_minor=100)
            engine.end(signal.SIGKILL)
            engine.start()
            with engine.orders() as orders:
                assert orders.balance(42).available_minor == 100
                assert orders.deposit(customer=42, amount_minor=1).is_booked
        code, errors = engine.end()
    assert code == 0
    assert "another program reads an older state" in errors


def test_a_start_that_may_succeed_later_has_a_status_of_its_own(tmp_path: Path) -> None:
    """Another program's write lock ended the start with 2, after which the unit did not try again."""
    with Engine(tmp_path).start() as engine:
        engine.end()
        with contextlib.closing(sqlite3.connect(engine.journal)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            ended = serve_once("--config", engine.config)
        assert ended.returncode == EXIT_BUSY, ended.stderr
        assert "locked" in ended.stderr
        other = tmp_path / "other.db"
        os.link(engine.journal, other)
        ended = serve_once("--config", engine.config)
        assert ended.returncode == EXIT_UNUSABLE
        assert "has 2 names (hard links), and may have one" in ended.stderr
        other.unlink()
        engine.start()


def test_a_new_journal_is_told_and_an_old_one_can_be_demanded(tmp_path: Path) -> None:
    """A typing error in the path made a new journal, epoch 1, balance 0, without a word."""
    with Engine(tmp_path) as engine:
        engine.write_config()
        ended = serve_once("--config", engine.config, "--must-exist")
        assert ended.returncode == EXIT_UNUSABLE
        assert f"there is no journal at {engine.journal}" in ended.stderr
        assert not engine.journal.exists()
        engine.start()
        code, errors = engine.end()
        assert (code, errors, engine.is_new) == (0, "", True)
        engine.start("--must-exist")
        code, errors = engine.end()
        assert (code, errors, engine.is_new) == (0, "", False)


def test_the_ready_line_says_where_the_state_comes_from(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        for expected in ("new", "recovered"):
            ready = tmp_path / "ready"
            engine.start("--ready-file", str(ready))
            found = json.loads(ready.read_text())
            assert (found["journal"], found["quarantined"]) == (expected, [])
            engine.end()


def test_an_anchor(tmp_path: Path) -> None:
    """A rollback of all files together started; the anchor of the Rust interface had no option."""
    with Engine(tmp_path).start() as engine:
        with engine.orders() as orders:
            orders.deposit(customer=42, amount_minor=100)
        engine.end()
        older = copy_of(engine.journal, tmp_path / "older")
        engine.start()
        with engine.orders() as orders:
            orders.deposit(customer=42, amount_minor=100)
        anchor = run("anchor", engine.journal).stdout
        file = tmp_path / "anchor.txt"
        file.write_text(anchor)
        engine.end()
        assert json_of("verify", engine.journal, "--anchor", anchor.strip())["is_sound"] is True
        assert run("verify", older).returncode == 0
        assert run("verify", older, "--anchor", file).returncode == 1
        config = engine.config.with_name("older.toml")
        config.write_text(engine.config.read_text().replace("journal.db", "older/journal.db"))
        ended = serve_once("--config", config, "--anchor", file)
        assert ended.returncode == EXIT_UNUSABLE
        assert "expected seq" in ended.stderr or "acknowledged" in ended.stderr
        engine.start("--anchor", str(file))
        assert engine.end()[0] == 0
    ended = run("verify", older, "--anchor", tmp_path / "absent")
    assert ended.returncode == 2
    assert "is neither SEQ:HASH nor a file" in ended.stderr


def test_quarantine(journal: tuple[Path, str, str], tmp_path: Path) -> None:
    """A record that cannot be applied stopped every start, and an operator could do nothing."""
    path = copy_of(journal[0], tmp_path / "copy")
    before = json_of("verify", path)
    who = ("--by", "alice", "--reason", "asked for by the regulator")
    ended = run("quarantine", path, "--record", 3, *who)
    assert ended.returncode == EXIT_UNUSABLE
    assert "record 3 (" in ended.stderr
    assert "can be applied" in ended.stderr
    assert "--reason is missing" in run("quarantine", path, "--record", 3, "--by", "alice").stderr
    assert "0 is outside 1..=" in run("quarantine", path, "--record", 0).stderr
    deposit = next(
        number
        for number in range(1, before["records"] + 1)
        if f"record {number} (deposit)" in run("quarantine", path, "--record", number, *who).stderr
    )
    found = json_of("quarantine", path, "--record", deposit, *who, "--force")
    assert [(entry["record"], entry["by"]) for entry in found] == [(deposit, "alice")]
    assert "alice" in run("quarantine", path, "--list").stdout
    after = json_of("verify", path)
    assert after["is_sound"] is True
    assert after["quarantined"] == [deposit]
    assert after["head_hash"] == before["head_hash"]
    assert after["commands"] == before["commands"] - 1
    shown = run("show", path, "balances")
    assert shown.stderr == f"oddsengine: 1 quarantined and left out: record {deposit}\n"
    with Engine(path.parent) as engine:
        ready = tmp_path / "ready"
        engine.start("--ready-file", str(ready))
        assert json.loads(ready.read_text())["quarantined"] == [deposit]
        busy = run("quarantine", path, "--record", deposit, *who, "--release")
        assert busy.returncode == EXIT_BUSY
        _, errors = engine.end()
        assert f"1 record is quarantined and left out: {deposit}" in errors
    assert json_of("quarantine", path, "--record", deposit, *who, "--release") == []
    assert json_of("verify", path)["quarantined"] == []


def test_a_record_that_cannot_be_applied_has_a_status_and_a_way_out(tmp_path: Path) -> None:
    """Every start ended in a panic or with status 2 and "replay stopped at seq 1", and no command helped.

    The journal was made by the journal's own interface; its one record is no command of any build.
    """
    with zipfile.ZipFile(Path(__file__).parent / "journals/unknown_record.zip") as archive:
        archive.extractall(tmp_path)
    with Engine(tmp_path) as engine:
        engine.write_config()
        hint = f"hint: oddsengine quarantine {engine.journal} --record 1 --by NAME --reason TEXT"
        ended = serve_once("--config", engine.config)
        assert ended.returncode == EXIT_RECORD
        assert "oddsengine: record 1 (unknown) cannot be applied: " in ended.stderr
        assert hint in ended.stderr
        verified = run("verify", engine.journal)
        assert verified.returncode == EXIT_RECORD
        assert verified.stdout.endswith("NOT REPLAYABLE: the chain is whole, a record cannot be applied\n")
        found = json.loads(run("verify", engine.journal, "--json").stdout)
        assert (found["is_sound"], hint in found["record_fault"]) == (True, True)
        shown = run("show", engine.journal, "tickets")
        assert (shown.returncode, hint in shown.stderr) == (EXIT_RECORD, True)
        taken_out = run("quarantine", engine.journal, "--record", 1, "--by", "bob", "--reason", "unknown")
        assert taken_out.returncode == 0, taken_out.stderr
        engine.start()
        with engine.orders() as orders:
            assert orders.deposit(customer=42, amount_minor=100).is_booked
        assert engine.end()[0] == 0
        found = json_of("verify", engine.journal)
        assert (found["quarantined"], found["commands"]) == ([1], found["records"] - 1)


def test_another_currency_ends_the_start(tmp_path: Path) -> None:
    """It was answered by a desk alert that nobody could hear yet, and the engine ran on the old one."""
    with Engine(tmp_path).start() as engine:
        with engine.orders() as orders:
            orders.deposit(customer=42, amount_minor=100)
        engine.end()
        dollars = Engine(tmp_path, book='bet_delay_ms = 0\ncurrency = "USD"')
        dollars.write_config()
        ended = serve_once("--config", dollars.config)
    assert ended.returncode == EXIT_UNUSABLE
    assert "the journal holds money in EUR, and USD is configured" in ended.stderr
    with pytest.raises(JournalError, match="money in EUR, and USD") as caught:
        InProcess(journal=engine.journal, config={"currency": "USD"})
    assert (caught.value.code, caught.value.is_transient) == ("currency", False)


def test_files_that_are_removed_end_the_engine_with_a_word(tmp_path: Path) -> None:
    """It went on with health `ok` and ended with status 0; the money was gone."""
    with Engine(tmp_path).start() as engine, engine.odds() as odds, engine.orders() as orders:
        orders.deposit(customer=42, amount_minor=100)
        for file in tmp_path.glob("journal.db*"):
            file.unlink()
        odds.wait(lambda: odds.heartbeat is not None and odds.heartbeat.health == "stopped")
        code, errors = engine.end()
    assert code == EXIT_POISONED
    assert "was removed or replaced while the journal was in use" in errors


def test_files_are_private(tmp_path: Path) -> None:
    """`journal.db` was 0644: every user of the host could read all balances; a backup of it, too."""
    before = os.umask(0)
    try:
        with Engine(tmp_path).start() as engine, engine.orders() as orders:
            orders.deposit(customer=42, amount_minor=100)
            copy = tmp_path / "backup" / "journal.db"
            copy.parent.mkdir()
            assert run("backup", engine.journal, copy).returncode == 0
    finally:
        os.umask(before)
    files = [*tmp_path.glob("journal.db*"), *copy.parent.glob("journal.db*")]
    assert len(files) >= 6
    assert {
        file.name: stat.S_IMODE(file.stat().st_mode) for file in files if file.stat().st_mode & 0o077
    } == {}


def test_a_key_is_written_into_its_folder_only(tmp_path: Path) -> None:
    """`keygen ../x --folder F` wrote outside of the folder."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("../x", "a/b", "/tmp/x", "..", ".", "", "a\nb", "a\\b"):
        ended = run("keygen", "--folder", folder, "--", name)
        assert ended.returncode == EXIT_UNUSABLE, name
        assert "is not a plain file name" in ended.stderr
    assert [*tmp_path.rglob("*.key*")] == []


def test_the_printed_unit_tries_again_what_may_succeed() -> None:
    """`RestartPreventExitStatus=2` covered a port in use, a reader, a second owner: it stayed down."""
    unit = (ROOT / "docs/operations.md").read_text().split("```ini\n")[1].split("```")[0]
    (prevented,) = re.findall(r"RestartPreventExitStatus=(.*)", unit)
    assert prevented.split() == [str(EXIT_UNUSABLE), str(EXIT_RECORD)]
    assert "StartLimitIntervalSec=0" in unit
    assert exit_code_of(JournalError("in use", "locked", True)) == EXIT_BUSY
    assert exit_code_of(JournalError("a record", "record")) == EXIT_RECORD
    assert exit_code_of(ValueError("wrong")) == EXIT_UNUSABLE


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


def test_an_archive_is_made_anew_by_the_next_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For pages and rows that count right and are wrong there was no way but an old backup."""

    def is_stale() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            return int(database.execute("SELECT is_stale FROM archive_size").fetchone()[0])

    command = ["archive", str(tmp_path / "journal.db"), "--rebuild"]
    with Engine(tmp_path).start():
        # Beside a running engine nothing is changed.
        assert cli.main(command) == 4
        assert is_stale() == 0
    assert cli.main(command) == 0
    assert "is made anew by the next start" in capsys.readouterr().out
    assert is_stale() == 1
    with Engine(tmp_path).start():
        assert is_stale() == 0
