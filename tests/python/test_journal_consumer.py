"""A consumer in another language: Node and the schema alone add up what the engine's ledger says."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_process import Engine, announce, eventually, play_to_the_end
from oddsengine.client import ticket_request

ROOT = Path(__file__).resolve().parents[2]
CONSUMER = ROOT / "examples" / "journal_consumer"
SCHEMA = ROOT / "crates" / "facts" / "proto"
GOLDEN = ROOT / "tests" / "journals"
# Of these accounts a balance is what was debited less what was credited (crates/types/src/account.rs).
OF_DEBITS = {
    "CUSTOMER_RECEIVABLE",
    "PSP",
    "BANK_SEGREGATED",
    "BANK_OPERATING",
    "PROMO_FREE_BET",
    "PROMO_BOOST",
    "GOODWILL",
    "CHARGEBACK",
}
CUSTOMERS = (42, 43, 44)

Accounts = dict[tuple[str, int | None, str], tuple[int, int]]


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The consumer with what it needs, in a folder of its own."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"THE CONSUMER OF JOURNALS IS NOT TESTED: there is no {program}")
    folder = tmp_path_factory.mktemp("consumer")
    for name in ("balances.mjs", "package.json", "package-lock.json", ".npmrc"):
        shutil.copy(CONSUMER / name, folder / name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("THE CONSUMER OF JOURNALS IS NOT TESTED: npm ci takes more than two minutes")
    if done.returncode != 0:
        pytest.skip(f"THE CONSUMER OF JOURNALS IS NOT TESTED: npm ci is refused: {done.stderr[-500:]}")
    return folder


def groups(journal: Path) -> Iterator[tuple[int, bytes]]:
    with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
        yield from database.execute("SELECT first_seq, bytes FROM journal_group ORDER BY first_seq")


def run(consumer: Path, journal: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "balances.mjs", str(SCHEMA), journal],
        cwd=consumer,
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def lines_of(found: list[tuple[int, bytes]]) -> str:
    return "\n".join(f"{seq}|{group.hex()}" for seq, group in found)


def consumed(consumer: Path, journal: Path) -> Accounts:
    """What the consumer adds up: by `sqlite3` where there is one, otherwise from lines."""
    if shutil.which("sqlite3"):
        done = run(consumer, str(journal))
    else:
        done = run(consumer, "-", lines_of(list(groups(journal))))
    assert done.returncode == 0, done.stderr
    accounts: Accounts = {}
    for item in json.loads(done.stdout):
        account = item["account"]
        customer = None if item["customer"] is None else int(item["customer"])
        sign = -1 if account in OF_DEBITS else 1
        accounts[account, customer, item["currency"]] = (
            sign * int(item["balance_minor"]),
            int(item["reserved_minor"]),
        )
    return used(accounts)


def used(accounts: Accounts) -> Accounts:
    """Without those on which nothing is: the engine forgets them."""
    return {account: sums for account, sums in accounts.items() if sums != (0, 0)}


def of_engine(items: list[dict[str, Any]]) -> Accounts:
    """The engine's accounts, under the names of the schema."""
    accounts: Accounts = {}
    for item in items:
        name = "".join(f"_{char}" if char.isupper() else char for char in item["account"]).strip("_").upper()
        accounts[name, item["customer"], item["currency"]] = (item["posted_minor"], item["reserved_minor"])
    return used(accounts)


def shown(journal: Path) -> Accounts:
    command = [sys.executable, "-m", "oddsengine.cli", "show", str(journal), "balances", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return of_engine(json.loads(done.stdout))


def is_whole(accounts: Accounts) -> bool:
    """What was debited was credited."""
    return sum(-posted if name in OF_DEBITS else posted for (name, *_), (posted, _) in accounts.items()) == 0


@pytest.mark.parametrize("release", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_journals_add_up(consumer: Path, tmp_path: Path, release: str) -> None:
    journal = tmp_path / "journal.db"
    shutil.copy(GOLDEN / release / "journal.db", journal)
    accounts = consumed(consumer, journal)
    expected = of_engine(json.loads((GOLDEN / release / "expected.json").read_text())["balances"])
    assert accounts == expected == shown(journal)
    assert is_whole(accounts)
    assert any(reserved for _, reserved in accounts.values())


def test_a_running_engine_and_its_consumer_agree(consumer: Path, tmp_path: Path) -> None:
    """Bets before the match and in play, won, lost, cancelled and on their way, while the engine runs."""
    with (
        Engine(tmp_path, book="bet_delay_ms = 60000").start() as engine,
        engine.feed() as feed,
        engine.orders() as orders,
        engine.odds() as odds,
        engine.desk() as desk,
    ):
        for fixture in (1001, 1002):
            announce(feed, fixture)
        for customer in CUSTOMERS:
            assert orders.deposit(customer=customer, amount_minor=100_000).is_booked
        odds.wait(lambda: all(f in odds.boards and odds.boards[f].version > 0 for f in (1001, 1002)))
        for customer, market, selection in (
            (42, "1x2", "home"),
            (42, "total:2.5", "over"),
            (43, "1x2", "draw"),
            (44, "both_score", "no"),
        ):
            legs = [odds.boards[1001].leg(market, selection)]
            assert orders.place_ticket(customer=customer, legs=legs, stake_minor=1_234).is_accepted
        both = [odds.boards[fixture].leg("1x2", "home") for fixture in (1001, 1002)]
        assert orders.place_ticket(customer=43, legs=both, stake_minor=777).is_accepted
        taken_back = orders.place_ticket(customer=44, legs=both[:1], stake_minor=555)
        desk.cancel_ticket(taken_back.ticket)
        assert orders.withdraw(customer=42, amount_minor=1_000).is_booked
        assert not orders.withdraw(customer=42, amount_minor=10_000_000).is_booked
        play_to_the_end(feed, 1001)
        feed.incident(1002, "kick_off", 0, score=(0, 0))
        odds.wait(lambda: odds.boards[1002].version > both[1].version[1])
        eventually(lambda: orders.balance(42).available_minor > 100_000 - 2 * 1_234)
        orders.submit(
            ticket_request(customer=42, legs=[odds.boards[1002].leg("1x2", "draw")], stake_minor=333)
        )
        eventually(lambda: orders.balance(42).reserved_minor == 333)

        accounts = consumed(consumer, engine.journal)
        assert is_whole(accounts)
        for customer in CUSTOMERS:
            told = orders.balance(customer)
            posted, reserved = accounts["CUSTOMER_CASH", customer, "EUR"]
            assert (posted - reserved, reserved) == (told.available_minor, told.reserved_minor)
        assert accounts == shown(engine.journal)
        houses = {name for name, customer, _ in accounts if customer is None}
        assert {"PSP", "BETTING_RESULT"} <= houses


def field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers with a length, below 128 bytes."""
    tag = number << 3 | 2
    tags = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    return tags + bytes([len(content)]) + content


def framed(message: bytes, kind: int = 1, version: int = 1) -> bytes:
    frame = struct.pack("<HBI", kind, version, len(message))
    return struct.pack("<I", len(frame + message)) + frame + message


# Fields by their numbers in the schema: `Record.facts`, `Fact.booked`, `Booked.bookings`.
def booked(booking: bytes) -> bytes:
    return framed(field(2, field(5, field(1, booking))))


CASH = field(3, b"\x08\x01") + field(4, b"\x08\x06")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (framed(b"", kind=2), "is of kind 2 version 1, of a newer release than this program"),
        (framed(b"", version=2), "is of kind 1 version 2, of a newer release than this program"),
        (framed(field(2, field(900, b""))), "has a fact of a newer release than this program's schema"),
        (framed(field(2, b"")), "has a fact of a newer release than this program's schema"),
        (booked(CASH + field(2, field(99, b""))), "a kind of booking is of a newer release"),
        (booked(field(3, b"\x08\x63") + CASH[4:]), "account kind 99 is of a newer release"),
    ],
    ids=["frame", "version", "fact", "no fact", "booking", "account"],
)
def test_it_stops_at_what_it_does_not_know(
    consumer: Path, tmp_path: Path, record: bytes, sentence: str
) -> None:
    """Skipped like any unknown field, a fact of a newer release would have moved money that nobody counts."""
    (tmp_path / "journal.db").write_bytes((GOLDEN / "0.1.0" / "journal.db").read_bytes())
    found = list(groups(tmp_path / "journal.db"))
    assert run(consumer, "-", lines_of(found)).returncode == 0
    next_seq = found[-1][0] + 1
    done = run(consumer, "-", lines_of([*found, (next_seq, record)]))
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1, "a sentence, and no stack"


def test_it_stops_at_a_gap_and_at_a_record_that_was_taken_out(consumer: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    shutil.copy(GOLDEN / "0.1.0" / "journal.db", journal)
    found = list(groups(journal))
    done = run(consumer, "-", lines_of(found[:5] + found[6:]))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"record {found[5][0]} is missing" in done.stderr
    if shutil.which("sqlite3") is None:
        return
    shutil.copy(GOLDEN / "0.1.0" / "journal.db.mark", tmp_path / "journal.db.mark")
    command = [sys.executable, "-m", "oddsengine.cli", "quarantine", str(journal), "--record", "20"]
    order = [*command, "--by", "alice", "--reason", "a test", "--force"]
    subprocess.run(order, capture_output=True, timeout=60, check=True)
    done = run(consumer, str(journal))
    assert (done.returncode, done.stdout) == (1, "")
    assert "record 20 was taken out of this journal" in done.stderr
    subprocess.run([*order[:-1], "--release"], capture_output=True, timeout=60, check=True)
    assert consumed(consumer, journal) == shown(journal)
    missing = run(consumer, str(tmp_path / "nowhere.db"))
    assert missing.returncode == 1
    assert "the journal cannot be read" in missing.stderr


def test_a_group_that_was_cut_ends_in_a_sentence(consumer: Path, tmp_path: Path) -> None:
    """A copy whose last group ends in the middle gave a stack trace of Node (`ERR_OUT_OF_RANGE`), and one
    that ended within a message a stack trace of protobuf.js. Now it is one sentence, and no sum.
    """
    found = list(groups(GOLDEN / "0.1.0" / "journal.db"))
    last_seq, last = next((seq, group) for seq, group in reversed(found) if len(group) > 100)
    before = [(seq, group) for seq, group in found if seq < last_seq]
    ends, at = {0}, 0
    while at < len(last):
        at += 4 + struct.unpack_from("<I", last, at)[0]
        ends.add(at)
    for size in (1, 3, 4, 8, 11, 12, len(last) // 2, len(last) - 1):
        assert size not in ends
        done = run(consumer, "-", lines_of([*before, (last_seq, last[:size])]))
        assert done.returncode == 1, f"cut after {size} bytes: {done.stdout}"
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "is not whole" in done.stderr, done.stderr
    # Whole by its length, and not what was written: the message ends within a field.
    size = struct.unpack_from("<I", last, 0)[0]
    broken = struct.pack("<I", size - 3) + last[4 : 4 + size - 3]
    done = run(consumer, "-", lines_of([*before, (last_seq, broken)]))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    # A line that a pipe cut.
    done = run(consumer, "-", lines_of(found)[:-1])
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    done = run(consumer, "-", lines_of([(found[5][0], found[5][1])]))
    assert "may be sealed into segments" in done.stderr, done.stderr
