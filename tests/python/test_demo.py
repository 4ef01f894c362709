"""The demo: its measuring instruments one by one, then whole runs as a user starts them."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine.demo.audit import Audit, Record
from oddsengine.demo.boards import Boards, difference
from oddsengine.demo.child import Control
from oddsengine.demo.crowd import Crowd
from oddsengine.demo.customers import Tickets, crowd_of
from oddsengine.demo.histogram import SUB_BITS, VALUE_BITS_MAX, Histogram
from oddsengine.demo.schedule import recorded, schedule, stamped
from oddsengine.demo.settings import HURRY_MAX, Options, Workspace

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = orjson.loads((ROOT / "docs" / "schemas" / "demo_report.schema.json").read_bytes())
PAGE = (ROOT / "docs" / "demo.md").read_text()
SHORT = ["--matches", "4", "--seconds", "3", "--bets-per-second", "150", "--customers", "80", "--plain"]


# The histogram


@given(st.lists(st.integers(0, (1 << VALUE_BITS_MAX) - 1), min_size=1), st.floats(0.0, 1.0))
def test_a_quantile_is_at_most_one_bucket_above_the_exact_one(values: list[int], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    exact = int(np.quantile(np.array(values), share, method="inverted_cdf"))
    assert exact <= histogram.quantile(share) <= exact + (exact >> SUB_BITS)
    assert histogram.max_ns == max(values)


def test_values_outside_the_range_count_at_its_ends() -> None:
    histogram = Histogram()
    histogram.record(-5)
    histogram.record(1 << 60)
    assert histogram.count == 2
    assert histogram.quantile(0.1) == 0
    assert Histogram().percentiles() == {"count": 0, "p50": 0.0, "p99": 0.0, "p99_9": 0.0, "max": 0.0}


# The schedule


def test_the_schedule_plays_every_message_once_and_in_order() -> None:
    plan = schedule(48)
    assert [step.message["seq"] for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    assert all(before.at_ms <= after.at_ms for before, after in zip(plan.steps, plan.steps[1:], strict=False))

    def by_fixture(messages: list[dict[str, Any]]) -> dict[int, list[tuple[object, ...]]]:
        told: dict[int, list[tuple[object, ...]]] = {}
        for message in messages:
            facts = (message["type"], message.get("kind"), message.get("clock_ms"), str(message.get("score")))
            told.setdefault(message["fixture"], []).append(facts)
        return told

    assert by_fixture([step.message for step in plan.steps]) == by_fixture(list(recorded()))


def test_matches_keep_their_own_time_and_the_idle_time_is_gone() -> None:
    plan = schedule(48)
    kick_offs = {
        step.message["fixture"]: step.at_ms for step in plan.steps if step.message.get("kind") == "kick_off"
    }
    for step in plan.steps:
        message = step.message
        if message.get("half") == 1:
            assert step.at_ms - kick_offs[message["fixture"]] == message["clock_ms"]
        elif message["type"] != "incident":
            assert step.at_ms < kick_offs[message["fixture"]]
    pauses = [after.at_ms - before.at_ms for before, after in zip(plan.steps, plan.steps[1:], strict=False)]
    assert max(pauses) <= 30 * 60_000
    assert 55 < plan.run_s(36.0) < 75


def test_sent_messages_carry_the_moment_intended() -> None:
    plan = schedule(1)
    announced, kick_off = plan.steps[0], next(step for step in plan.steps if step.message.get("kind"))
    begin_ns = 1_700_000_000_000_000_000
    message = stamped(announced, begin_ns, 60.0)
    assert message["start_ns"] == stamped(kick_off, begin_ns, 60.0)["time_ns"]
    assert message["start_ns"] - begin_ns == pytest.approx(kick_off.at_ms / 60_000 / 60.0 * 1e9, abs=1)
    assert "start_ms" not in message


def test_seconds_raise_the_speed_then_take_matches_away() -> None:
    calm, plan = Options(seconds=600.0).planned()
    assert (calm.speed, len(plan.matches)) == (Options().speed, 48)
    faster, plan = Options(seconds=30.0).planned()
    assert plan.run_s(faster.speed) == pytest.approx(30.0)
    assert len(plan.matches) == 48
    fewer, plan = Options(seconds=5.0).planned()
    assert plan.run_s(fewer.speed) <= 5.0
    assert Options().speed <= fewer.speed <= HURRY_MAX * Options().speed
    assert 1 <= len(plan.matches) < 48
    asked, plan = Options(seconds=5.0, match_count=48).planned()
    assert plan.run_s(asked.speed) == pytest.approx(5.0)
    assert len(plan.matches) == 48


# The boards of the subscriber


def frame(seq: int, **changes: Any) -> dict[str, Any]:
    """A delta of fixture 7 that changes one of three markets."""
    market = {"status": "open", "price": "model", "odds": [float(seq), None]}
    standing = {"status": "open", "score": [0, 0], "clock_ms": seq, "period": "first_half"}
    header = {"type": "board", "fixture": 7, "epoch": 1, "seq": seq, "version": seq, "decided_ns": seq}
    return {**header, **standing, "markets": {f"m{seq % 3}": market}, **changes}


def image_at(seq: int) -> dict[str, Any]:
    """The image that contains the deltas up to `seq`."""
    markets: dict[str, Any] = {}
    for number in range(1, seq + 1):
        markets |= frame(number)["markets"]
    return frame(seq, markets=markets)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 5), st.randoms(use_true_random=False))
def test_boards_recover_from_any_loss(arrives: list[bool], delay: int, chance: random.Random) -> None:
    boards, asked = Boards(), 0
    waiting: list[tuple[int, dict[str, Any]]] = []
    for seq, is_there in enumerate(arrives, start=1):
        if is_there and boards.take(frame(seq)):
            asked += 1
            waiting.append((seq + delay, image_at(chance.randint(seq, seq + delay) if delay else seq)))
        for due, image in list(waiting):
            # An image is of the moment of its answer: nothing newer than what was sent by now.
            if due <= seq and image["seq"] <= seq:
                waiting.remove((due, image))
                if boards.recover(image):
                    asked += 1
                    waiting.append((seq + delay, image_at(seq)))
    last = len(arrives)
    if boards.take_tail({"fixture": 7, "odds_seq": last, "status_seq": 0}):
        asked += 1
    while boards.lost:
        if boards.recover(image_at(last)):
            asked += 1
    assert boards.gaps_found == boards.gaps_recovered == asked
    assert difference(boards[7], image_at(last)) is None


def test_a_late_status_frame_does_not_undo_a_later_board() -> None:
    boards = Boards()
    boards.take(frame(1, decided_ns=20))
    status = {**frame(1), "type": "status", "status": "suspended", "decided_ns": 10}
    assert not boards.take(status)
    assert boards[7].standing["status"] == "open"
    assert not boards.take({**status, "seq": 2, "decided_ns": 30})
    assert boards[7].standing["status"] == "suspended"
    assert boards.take({**status, "seq": 4, "decided_ns": 40}), "status frame 3 is missing"


def test_a_difference_names_what_differs() -> None:
    boards = Boards()
    boards.take(frame(1))
    wrong = frame(1, markets={"m1": {"status": "open", "price": "model", "odds": [9.0, None]}})
    assert "m1" in str(difference(boards[7], wrong))
    assert "version" in str(difference(boards[7], frame(1, version=2)))


# The crowd


def tickets_of(seed: int, count: int) -> list[dict[str, Any] | None]:
    generator = random.Random(seed)
    tickets = Tickets(crowd_of(50, generator), generator)
    tickets.names = {"1x2": ["home", "draw", "away"]}
    for fixture in (1, 2, 3):
        board = frame(4, fixture=fixture, markets={"1x2": {"odds": [1.5, 4.0, 8.0]}})
        tickets.take({**board, "version": 1})
        tickets.take(board)
    return [tickets.next() for _ in range(count)]


def test_the_seed_decides_what_the_crowd_does() -> None:
    assert tickets_of(3, 50) == tickets_of(3, 50) != tickets_of(4, 50)


def test_the_crowd_backs_favourites_and_misbehaves_now_and_then() -> None:
    tickets = [ticket for ticket in tickets_of(5, 3_000) if ticket is not None]
    picks = Counter(leg["selection"] for ticket in tickets for leg in ticket["legs"])
    assert picks["home"] > 2 * picks["draw"] > 2 * picks["away"] > 0
    assert len({ticket["ticket"] for ticket in tickets}) == len(tickets) == 3_000
    assert {ticket["odds_change"]["policy"] for ticket in tickets} == {"none", "higher", "any", "within"}
    assert any(ticket["stake_minor"] == 0 for ticket in tickets)
    assert any(ticket["currency"] != "EUR" for ticket in tickets)
    assert any(leg["version"] == [1, 1] for ticket in tickets for leg in ticket["legs"]), "odds of long ago"
    assert max(len(ticket["legs"]) for ticket in tickets) > 1


# The audit


def audit_of(*, stolen_minor: int = 0, state: str = "settled", told_minor: int = 1_500) -> Audit:
    """One customer with 50 euros who won 15 on a ticket of 10, and what the engine says about it."""
    audit = Audit(deposits={1: 5_000})
    ticket = {"ticket": "a", "customer": 1, "stake_minor": 1_000, "paid_minor": 1_500, "reason": None}
    audit.take_settlement({"seq": 1, "paid_minor_before": 0, "ticket": {**ticket, "paid_minor": told_minor}})
    records = {"a": Record(1, 1_000, state="accepted")}
    audit.check_tickets(records, {"a": {"type": "ticket", "ticket": {**ticket, "state": state}}})
    audit.check_balances(records, {1: {"available_minor": 5_500 - stolen_minor, "reserved_minor": 0}})
    audit.check_answers(Counter(), 0)
    return audit


def broken(audit: Audit) -> set[str]:
    return {name for name, holds in audit.checks.items() if not holds}


def test_the_audit_is_content_when_all_is_well() -> None:
    audit = audit_of()
    assert not broken(audit)
    assert not audit.differences
    assert (audit.turnover_minor, audit.paid_minor) == (1_000, 1_500)


def test_the_audit_notices_a_missing_cent() -> None:
    assert broken(audit_of(stolen_minor=1)) == {"balances_match_tickets", "money_is_conserved"}


def test_the_audit_notices_an_acknowledged_ticket_in_another_state() -> None:
    assert "acknowledged_tickets_exist_once" in broken(audit_of(state="refused"))
    assert broken(audit_of(told_minor=1_400)) == {"settlement_stream_matches_tickets", "money_is_conserved"}


def test_the_audit_notices_a_ticket_that_is_gone() -> None:
    audit = Audit()
    audit.check_tickets({"a": Record(1, 10, state="accepted")}, {"a": {"type": "refused", "ticket": "a"}})
    audit.check_answers(Counter(malformed_sent=1), 1)
    expected = {"acknowledged_tickets_exist_once", "requests_all_answered", "malformed_messages_answered"}
    assert broken(audit) == expected


# Whole runs


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo with an empty folder for temporary files, so that what it leaves behind shows."""
    (tmp_path / "tmp").mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "oddsengine.demo", *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )


def descendants(pid: int) -> dict[int, str]:
    """Processes below this one, with their command lines."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {
            int(row[0]): row[2] for row in rows if int(row[1]) in parents and int(row[0]) not in found
        }
        found |= children
        parents = set(children)
    return found


def wait_for_children(pid: int) -> dict[int, str]:
    """Waits until engine, feed, crowd and subscriber run."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        found = descendants(pid)
        if all(
            any(name in command for command in found.values())
            for name in ("serve", "feed", "crowd", "subscriber")
        ):
            return found
        time.sleep(0.05)
    raise AssertionError(f"the processes did not start: {found}")


def assert_nothing_is_left(tmp_path: Path, children: dict[int, str]) -> None:
    deadline_s = time.monotonic() + 15
    while left := [pid for pid in children if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline_s, [children[pid] for pid in left]
        time.sleep(0.05)
    while list((tmp_path / "tmp").iterdir()):
        assert time.monotonic() < deadline_s, list((tmp_path / "tmp").iterdir())
        time.sleep(0.05)


def test_a_short_run_holds_everything_and_reports_it(tmp_path: Path) -> None:
    demo = start(tmp_path, *SHORT, "--report", "report.json", "--keep", "kept")
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, out + err
    report = orjson.loads((tmp_path / "report.json").read_bytes())
    jsonschema.validate(report, SCHEMA)
    assert report["fixtures_settled"] == report["fixtures"] == 4
    assert report["messages_lost"] == 0
    assert report["gaps_recovered"] == report["gaps_found"] > 0
    assert report["state_hash_live"] == report["state_hash_replay"]
    assert report["tickets_offered"] == report["tickets_accepted"] + sum(report["tickets_refused"].values())
    assert report["tickets_accepted"] > 0
    assert report["systems_accepted"] > 0
    assert all(report["invariants"].values())
    assert not list((tmp_path / "tmp").iterdir())
    assert {path.name for path in (tmp_path / "kept").iterdir()} >= {
        "journal.db",
        "oddsengine.toml",
        "crowd.log",
    }
    for name in report["invariants"]:
        assert f"holds   {name}" in out
        assert f"`{name}`" in PAGE


def test_the_documentation_names_every_key_of_the_report() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert documented >= set(SCHEMA["properties"])


def test_a_kept_journal_is_never_written_again(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    demo = start(tmp_path, *SHORT, "--keep", ".")
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "keep this run in another folder" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    demo = start(tmp_path, "--plain")
    children = wait_for_children(demo.pid)
    demo.send_signal(number)
    _, err = demo.communicate(timeout=30)
    assert demo.returncode == 130, err
    assert_nothing_is_left(tmp_path, children)


def test_a_killed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """Even when the parent cannot clean up, the others notice, end the engine and remove the files."""
    demo = start(tmp_path, "--plain")
    children = wait_for_children(demo.pid)
    demo.kill()
    demo.communicate(timeout=30)
    assert_nothing_is_left(tmp_path, children)


def test_a_dead_engine_ends_the_run_with_an_explanation(tmp_path: Path) -> None:
    demo = start(tmp_path, "--plain")
    children = wait_for_children(demo.pid)
    engine = next(pid for pid, command in children.items() if "serve" in command)
    os.kill(engine, signal.SIGKILL)
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "the engine process ended early" in err
    assert_nothing_is_left(tmp_path, children)


def test_temporary_files_go_even_when_the_folder_to_keep_cannot_be_made(tmp_path: Path) -> None:
    from oddsengine.demo.processes import DemoError

    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match="cannot create"):
        Workspace(tmp_path / "file" / "kept")


def test_a_repeat_of_a_delayed_ticket_is_told_the_decision_too(tmp_path: Path) -> None:
    """A run whose crowd pressed the button again during a bet delay was called broken: 1 to 3 answers a run,
    each the decision on such a ticket, told under the repeat's own id as the protocol says."""
    names = ("orders", "odds", "desk", "snapshot")
    settings = {name: f"ipc://{tmp_path}/{name}" for name in names}
    control = SimpleNamespace(settings={**settings, "seed": 1, "bets_per_second": 1, "customers": 2})
    crowd = Crowd(cast("Control", control))
    try:
        crowd.records["t"] = Record(1, 500)

        def reply(request_id: str, state: str, *, repeat: bool = False, reason: str = "") -> None:
            ticket = {"ticket": "t", "state": state, "reason": {"name": reason} if reason else None}
            answer = {"request_id": request_id, "type": "ticket", "repeat": repeat, "ticket": ticket}
            crowd._decided(answer, None)

        reply("c1", "delayed")
        reply("c2", "delayed", repeat=True)
        assert not crowd._is_quiet(), "two answers are still to come"
        reply("c1", "refused", reason="fixture_closed")
        assert not crowd._is_quiet(), "one answer is still to come"
        reply("c2", "refused", reason="fixture_closed")
        assert crowd._is_quiet()
        assert crowd.counts["unexpected"] == 0
        reply("c2", "refused", reason="fixture_closed")
        assert crowd.counts["unexpected"] == 1, "once, not twice"
        reply("c3", "delayed", repeat=True)
        reply("c3", "accepted")
        assert crowd.counts["unexpected"] == 3, "another decision than the first"
    finally:
        crowd.close()
