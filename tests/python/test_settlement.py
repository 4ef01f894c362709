"""Annulments with their preview and way back, provisional results, reviews, second persons; and the settler
that shares nothing with the engine.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine_process import announce
from oddsengine import Engine, cli
from oddsengine.config import ConfigError, load
from oddsengine.projection import Follower, SqliteStore
from oddsengine.settlement_audit import audit, payout_minor, returned

WON = ["won", "lost", "lost"]


def opened(journal: Path | None = None, **settlement: Any) -> Engine:
    """An engine with two matches that have prices, and four customers with 1,000.00 each."""
    config: dict[str, Any] = {"bet_delay_ms": 0, "settlement": settlement}
    more: dict[str, Any] = {} if journal is None else {"journal": journal}
    engine = Engine(
        config=config,
        clock=itertools.count(1_000_000_000_000, 1_000_000).__next__,
        source="alice",
        **more,
    )
    for fixture in (1001, 1002, 1003):
        announce(engine.feed, fixture, competition="cup")
    for customer in range(1, 5):
        engine.deposit(customer=customer, amount_minor=100_000)
    return engine


def bet(engine: Engine, customer: int, stake_minor: int, *fixtures: int) -> str:
    """A single, or a multiple, on the home side."""
    versions = {known.fixture: known.version for known in engine.fixtures()}
    epoch = engine.request({"type": "ping"}).body["epoch"]
    of_home = {"market": "1x2", "selection": "home", "odds": 3.3}
    legs = [{"fixture": fixture, "version": [epoch, versions[fixture]], **of_home} for fixture in fixtures]
    ticket = engine.place_ticket(customer=customer, legs=legs, stake_minor=stake_minor, odds_change="any")
    assert ticket.state == "accepted", ticket
    return ticket.ticket


def available(engine: Engine, customer: int) -> int:
    return engine.balance(customer).available_minor


def test_a_preview_tells_what_an_annulment_would_touch_and_changes_nothing() -> None:
    # A trader who voids a market wants to know first whose money that is.
    with opened() as engine:
        bet(engine, 1, 1_000, 1001)
        bet(engine, 2, 2_000, 1001, 1002)
        bet(engine, 2, 500, 1002)
        before = engine.state_hash()
        preview = engine.preview_annulment("void", fixture=1001, market="1x2")
        assert (preview.ticket_count, preview.customer_count, preview.stake_minor) == (2, 2, 3_000)
        assert engine.state_hash() == before
        assert engine.preview_annulment("cancel", customer=2).ticket_count == 2
        assert engine.preview_annulment("cancel", customer=3).ticket_count == 0


def test_a_market_is_voided_and_comes_back_to_the_same_cent() -> None:
    # Void and cancel are different things: the accumulator goes on without a void leg.
    with opened() as engine:
        single = bet(engine, 1, 1_000, 1001)
        double = bet(engine, 2, 2_000, 1001, 1002)
        engine.settle_market(1001, "1x2", WON)
        engine.settle_market(1002, "1x2", WON)
        once = [available(engine, customer) for customer in (1, 2)]
        voided = engine.annul("void", fixture=1001, market="1x2", why="wrong line")
        assert voided
        assert engine.ticket(single).paid_minor == 1_000
        assert engine.ticket(double).paid_minor > 2_000
        assert engine.take_back_annulment(voided.annulment)
        assert [available(engine, customer) for customer in (1, 2)] == once
        cancelled = engine.annul("cancel", fixture=1001)
        assert [available(engine, customer) for customer in (1, 2)] == [100_000, 100_000]
        assert engine.ticket(double).state == "cancelled"
        assert engine.take_back_annulment(cancelled.annulment)
        assert [available(engine, customer) for customer in (1, 2)] == once
        table = engine.tables.annulments()
        assert table["effect"].tolist() == ["void", "cancel"]
        assert table["taken_back"].tolist() == [True, True]
        refused = engine.take_back_annulment("0" * 31 + "1")
        assert not refused
        assert refused.reason is not None
        assert refused.reason.name == "annulment_not_found"


def test_a_provisional_result_and_a_review_pay_nothing() -> None:
    with opened() as engine:
        ticket = bet(engine, 1, 1_000, 1001)
        assert engine.settle_market(1001, "1x2", WON, certainty="provisional")
        assert engine.ticket(ticket).state == "accepted"
        assert engine.set_review(1001, why="goal under review")
        assert engine.tables.reviews()["why"].tolist() == ["goal under review"]
        assert engine.settle_market(1001, "1x2", WON, certainty="confirmed")
        assert engine.ticket(ticket).state == "accepted"
        assert engine.set_review(1001, why=None)
        assert engine.ticket(ticket).state == "settled"


def test_what_moves_much_money_waits_and_the_same_person_cannot_approve_it() -> None:
    with opened(approval_above_minor=500) as engine:
        ticket = bet(engine, 1, 1_000, 1001)
        waits = engine.cancel_ticket(ticket)
        assert not waits
        assert (waits.reason, waits.action) == (None, 1)
        assert engine.ticket(ticket).state == "accepted"
        actions = engine.tables.actions()
        assert actions["command"].tolist() == ["cancel_ticket"]
        assert actions["money_minor"].tolist() == [1_000]
        refused = engine.approve(1)
        assert not refused
        assert refused.reason is not None
        assert refused.reason.name == "second_person_needed"
        assert engine.decline(1)
        assert len(engine.tables.actions()["number"]) == 0


def test_the_configuration_names_the_rules_of_the_house(tmp_path: Path) -> None:
    # A misspelt rule would settle by the default for a season before somebody noticed.
    path = tmp_path / "oddsengine.toml"
    text = '[journal]\nin_memory = true\n[settlement]\napproval_above = "10.00"\ncorrections = {}\n'
    path.write_text(text.format('["resettle", "within:3600000"]'), encoding="utf-8")
    settlement = load(path).engine["settlement"]
    assert settlement["approval_above_minor"] == 1_000
    assert settlement["rules"] == [
        {"version": 1, "correction": "resettle", "window_ms": 0},
        {"version": 2, "correction": "within", "window_ms": 3_600_000},
    ]
    for wrong in ('["resetle"]', '["within:-1"]', '["within"]', "[]", '"stand"'):
        path.write_text(text.format(wrong), encoding="utf-8")
        with pytest.raises(ConfigError, match="corrections"):
            load(path)


def test_m01_rounding_per_leg_is_caught_with_tickets_customers_and_postings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Case M01: round robins were mis-settled for four years, and only those who complained were put right. A
    # seeded fault, rounding down after each leg, is found in every ticket that it touched, and nowhere else.
    journal = tmp_path / "journal.db"
    with opened(journal) as engine:
        tickets = [bet(engine, 1 + number % 4, 1_001 + 7 * number, 1001, 1002, 1003) for number in range(12)]
        tickets.append(bet(engine, 1, 333, 1001))
        open_ticket = bet(engine, 2, 444, 1002, 1003)
        annulled = engine.annul("void", customer=3, fixture=1002)
        assert annulled
        for fixture in (1001, 1002):
            engine.settle_market(fixture, "1x2", WON)
        assert engine.ticket(open_ticket).state == "accepted"
        engine.settle_market(1003, "1x2", WON)
    sound = audit(journal)
    assert (sound.ticket_count, sound.skipped_count, sound.differences) == (14, 0, ())
    assert cli.main(["audit", "settlements", str(journal)]) == 0

    facts = tmp_path / "journal.db.facts"
    with contextlib.closing(SqliteStore(facts)) as store:
        Follower(journal, store).catch_up()
    wrong: dict[str, int] = {}
    with contextlib.closing(sqlite3.connect(facts)) as database:
        rows = database.execute("SELECT ticket, stake_minor, paid_minor FROM tickets WHERE state = 'settled'")
        for ticket, stake_minor, paid_minor in rows.fetchall():
            legs = database.execute(
                "SELECT odds_e4, grade FROM legs WHERE ticket = ? ORDER BY leg", (ticket,)
            )
            amount_minor = stake_minor
            for odds_e4, grade in legs.fetchall():
                amount_minor = int(Fraction(amount_minor) * returned(odds_e4, grade))
            if amount_minor != paid_minor:
                wrong[ticket] = amount_minor - paid_minor
                database.execute("UPDATE tickets SET paid_minor = ? WHERE ticket = ?", (amount_minor, ticket))
                database.execute(
                    "UPDATE postings SET amount_minor = ? WHERE transaction_id = ? AND debit_account ="
                    " 'betting_result'",
                    (amount_minor, ticket),
                )
        database.commit()
    assert len(wrong) >= 3, "the fault touches few tickets"
    found = audit(facts)
    assert {differs.ticket: -differs.owed_minor for differs in found.differences} == wrong
    assert sum(found.by_customer.values()) == -sum(wrong.values())
    assert {posting.ticket: posting.amount_minor for posting in found.proposed} == {
        ticket: abs(minor) for ticket, minor in wrong.items()
    }
    assert {(posting.debit, posting.credit) for posting in found.proposed} == {
        ("betting_result", "customer_cash")
    }
    capsys.readouterr()
    assert cli.main(["audit", "settlements", str(facts), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {differs["ticket"] for differs in told["differences"]} == set(wrong)


def test_the_settlers_arithmetic_is_exact() -> None:
    # S06: two tie for first, six tie over three places; as legs of a double with 2.00.
    assert payout_minor(5_000, [(25_000, "won_1/2")]) == 6_250
    assert payout_minor(5_000, [(30_000, "won_1/2")]) == 7_500
    assert payout_minor(5_000, [(25_000, "won_1/2"), (20_000, "won")]) == 12_500
    assert payout_minor(5_000, [(30_000, "won_1/2"), (20_000, "won")]) == 15_000
    assert payout_minor(1_000, [(20_000, "won"), (20_000, "open")]) is None
    assert payout_minor(1_000, [(20_000, "lost"), (20_000, "open")]) == 0
    with pytest.raises(ValueError, match="grade"):
        returned(20_000, "maybe")
