"""Everything is a table, in process and by client; where a price comes from; expectations beside feeds."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arro3.core
import numpy as np
import pandas as pd
import polars as pl
import pytest

from engine_process import KICK_OFF_NS, announce, eventually
from engine_process import Engine as Process
from oddsengine import Engine, football, racing, tennis
from oddsengine._desk_client import DeskEvent, desk_event
from oddsengine.client import (
    Alert,
    DeskClient,
    FeedClient,
    Leg,
    RefusedError,
    RequestError,
    Times,
    events_table,
)
from oddsengine.config import ConfigError, load
from oddsengine.exceptions import BoundsError, UnknownNameError

FIXTURES = (1001, 1002, 1003)
PRICES: dict[str, Any] = {
    "odds_1x2": [3.36, 3.63, 2.1],
    "total_line": 2.5,
    "odds_total": [2.04, 1.79],
}


def local() -> Engine:
    return Engine(
        config={"bet_delay_ms": 0},
        clock=itertools.count(1_000_000_000_000, 1_000_000).__next__,
        source="alice",
    )


@pytest.fixture(params=["in process", "by client"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[DeskClient, FeedClient]]:
    """A desk and a feed: of an engine here, and of one behind sockets."""
    if request.param == "in process":
        with local() as engine:
            yield engine, engine.feed
        return
    with (
        Process(tmp_path).start() as process,
        process.desk(source="alice") as client,
        process.feed() as feed,
    ):
        yield client, feed


def announced(desk: DeskClient, feed: FeedClient) -> None:
    for fixture in FIXTURES:
        announce(feed, fixture, competition="cup" if fixture < 1003 else "league")
    eventually(lambda: len(desk.fixtures()) == 3 and all(f.version > 0 for f in desk.fixtures()))


def place(desk: DeskClient, customer: int, fixture: int, ticket: int, stake_minor: int = 1_000) -> str:
    version = next(f.version for f in desk.fixtures() if f.fixture == fixture)
    epoch = desk.request({"type": "ping"}).body["epoch"]
    leg = {"fixture": fixture, "market": "1x2", "selection": "home", "odds": 3.3, "version": [epoch, version]}
    return desk.place_ticket(
        customer=customer, legs=[leg], stake_minor=stake_minor, odds_change="any", ticket=f"{ticket:032x}"
    ).state


def test_what_the_engine_tells_is_tables(desk: tuple[DeskClient, FeedClient]) -> None:
    """There was no list of balances, scopes, factors or commands at all, and none of tickets by customer.

    A desk asked ticket by ticket; now each is a table, by client and in process alike.
    """
    client, feed = desk
    announced(client, feed)
    for customer in (7, 8):
        client.deposit(customer=customer, amount_minor=50_000)
    assert place(client, 7, 1001, 1) == place(client, 7, 1002, 2) == place(client, 8, 1001, 3) == "accepted"
    assert client.set_customer(8, factor=0.25)
    assert client.set_scope({"level": "fixture", "fixture": 1002}, margin=("power", 1.04), loss_minor_max=900)
    assert client.set_scope({"level": "sport", "sport": "tennis"}, bet_delay_ms=3_000)
    assert client.manual_odds(1003, "1x2", [3.2, 3.4, 2.0])
    assert not client.suspend(9_999)

    tables = client.tables
    balances = tables.balances()
    assert dict(zip(balances["customer"].tolist(), balances["available_minor"].tolist(), strict=True)) == {
        7: 48_000,
        8: 49_000,
    }
    assert tables.balances(customer=8)["available_minor"].tolist() == [49_000]
    assert tables.customers()["factor"].tolist() == [0.25]
    assert tables.fixtures(competition="league")["fixture"].tolist() == [1003]
    assert len(tables.fixtures(sport="tennis")) == 0 == len(tables.fixtures(status="closed"))
    assert tables.tickets(customer=7)["ticket"].tolist() == [f"{1:032x}", f"{2:032x}"]
    assert tables.tickets(fixture=1001, customer=8)["stake_minor"].tolist() == [1_000]
    assert len(tables.tickets(state="settled")) == 0
    legs = tables.legs(customer=8)
    assert legs["market"].tolist() == ["1x2"]
    assert legs["fixture"].tolist() == [1001]
    bets = tables.bets(1001)
    assert bets["stake_minor"].tolist() == [2_000]
    exposure = tables.exposure()
    assert exposure["level"].tolist()[0] == "platform"
    assert exposure["loss_minor"][0] > 0

    scopes = tables.scopes()
    assert scopes["level"].tolist() == ["sport", "fixture"]
    assert scopes["margin_method"].tolist() == ["", "power"]
    assert scopes["margin_booksum"].tolist()[1] == 1.04
    assert scopes["bet_delay_ms"].tolist()[0] == 3_000
    assert tables.scopes(fixture=1002)["loss_minor_max"].tolist() == [900]

    commands = tables.commands()
    assert commands["command"].tolist() == [
        "set_customer",
        "set_scope",
        "set_scope",
        "manual_odds",
        "suspend",
    ]
    assert commands["done"].tolist() == [True, True, True, True, False]
    assert commands["reason"].tolist()[-1] == "fixture_not_found"
    assert set(commands["source"].tolist()) == {"alice"}
    assert commands["market"].tolist()[3] == "1x2"
    assert commands["asked"].tolist()[0] == '{"customer":8,"factor":0.25}'
    assert tables.commands(fixture=1003)["command"].tolist() == ["manual_odds"]
    assert len(tables.commands(source="bob")) == 0
    # The cursor: what came since the last one that is known.
    last = int(commands["number"].max())
    assert len(tables.commands(since=last)) == 0
    assert client.resume(1003)
    assert tables.commands(since=last)["command"].tolist() == ["resume"]

    assert client.void_fixture(1001)
    eventually(lambda: len(client.tables.settlements()) == 2)
    settled = tables.settlements(customer=8)
    assert settled["state"].tolist() == ["settled"]
    assert settled["paid_minor"].tolist() == [1_000]


def test_pages_join_without_loss(desk: tuple[DeskClient, FeedClient]) -> None:
    """A page has at most 256 rows: 600 customers are three pages of balances and factors, each row once."""
    client, _ = desk
    count = 600
    requests: list[dict[str, Any]] = []
    for customer in range(1, count + 1):
        requests.append(
            {
                "type": "deposit",
                "transfer": f"{customer:032x}",
                "customer": customer,
                "amount_minor": customer,
                "currency": "EUR",
            }
        )
        requests.append(
            {"type": "set_customer", "source": "alice", "customer": customer, "factor": customer / 1_000}
        )
    client.batch(requests)
    balances = client.tables.balances()
    assert balances["customer"].tolist() == list(range(1, count + 1))
    assert balances["available_minor"].tolist() == list(range(1, count + 1))
    customers = client.tables.customers()
    assert customers["customer"].tolist() == list(range(1, count + 1))
    assert customers["factor"].tolist() == [customer / 1_000 for customer in range(1, count + 1)]
    assert len(client.tables.commands()) == count
    page = client.request({"type": "table", "table": "balances", "limit": 256}).body
    assert len(page["rows"]) == 256
    assert page["next"]


def test_wrong_words_of_a_table_are_refused_with_a_hint() -> None:
    """A filter that a table does not have would be taken and have no effect."""
    with local() as engine:
        for request, message in (
            ({"table": "balanecs"}, r'is not one of balances, scopes.*\nhint: did you mean "balances"\?'),
            ({"table": "balances", "fixture": 1}, 'fixture "fixture" is not one of customer'),
            ({"table": "balances", "after": "x"}, "is no cursor of balances"),
            ({"table": "scopes", "after": "zz"}, "is no cursor of scopes"),
            ({"table": "balances", "limit": 257}, "limit 257 is outside 1..=256"),
        ):
            with pytest.raises(RequestError, match=message):
                _ = engine.request({"type": "table", **request}).value
        with pytest.raises(RequestError, match=r"(?s)status.*hint: did you mean \"suspended\""):
            engine.tables.fixtures(status="suspend")


def test_boards_and_what_happens_are_tables() -> None:
    """pl.DataFrame(board) failed: nothing but results of fits had the Arrow interface."""
    with local() as engine:
        announced(engine, engine.feed)
        engine.deposit(customer=7, amount_minor=50_000)
        board = engine.board(1001)
        frame = pl.DataFrame(board)
        assert frame.shape[0] == len(board.table) > 900
        home = frame.filter((pl.col("market") == "1x2") & (pl.col("selection") == "home"))
        assert home["odds"].to_list() == [board.odds("1x2", "home")]
        assert place(engine, 7, 1001, 1) == "accepted"
        assert pl.DataFrame(engine.exposure(1001)).shape == (len(engine.exposure(1001).levels), 4)
        assert engine.exposure(1001).selections_table["payout_minor"].tolist()[0] > 1_000
        events = events_table(engine.events())
        assert events["kind"].tolist() == ["ticket"]
        assert events["stake_minor"].tolist() == [1_000]
        assert list(events_table([])) == list(events)
    for priced in (
        football.board(1.62, 1.08),
        tennis.board((0.65, 0.62)),
        racing.board([2.5, 4.0, 6.0, 9.0]),
    ):
        table = priced.table
        assert table["fair"].tolist() == priced.fair.tolist()
        market, selection = table["market"][0], table["selection"][0]
        assert f"{market}/{selection}" == priced.selections[0]
        assert arro3.core.Table.from_arrow(priced).shape == (len(table), len(table.columns))
        assert priced.to_pandas().shape == priced.to_polars().shape == (len(table), len(table.columns))


def test_a_fixture_without_any_price_is_not_open() -> None:
    """It was told as open, without stops, in boards, tables and lists: a match that a feed never priced
    seemed to be on sale. Decisions are as before: a bet is refused because there is no price."""
    with local() as engine:
        engine.feed.fixture(1, competition="friendly", home="Alba", away="Bruma", start_ns=2 * 10**18)
        board = engine.board(1)
        assert (board.status, board.stops) == ("suspended", ("no_price",))
        assert board.table["fixture_status"][0] == "suspended"
        fixtures = engine.tables.fixtures()
        assert (fixtures["status"][0], fixtures["stops"][0]) == ("suspended", "no_price")
        assert len(engine.fixtures(status="open")) == 0
        assert [fixture.fixture for fixture in engine.fixtures(status="suspended")] == [1]
        told = engine.explain(1)
        assert [(stop.stop, stop.owner) for stop in told.stops] == [("no_price", "feed")]
        assert "no_price" in str(told)
        engine.deposit(customer=7, amount_minor=10_000)
        leg = {"fixture": 1, "market": "1x2", "selection": "home", "odds": 2.0, "version": [board.epoch, 1]}
        assert engine.place_ticket(customer=7, legs=[leg], stake_minor=100).reason.name == "no_price"
        # A stop of the desk stands beside it and is lifted without it.
        assert engine.suspend(1)
        assert engine.board(1).stops == ("desk", "no_price")
        assert engine.resume(1)
        assert engine.board(1).stops == ("no_price",)
        # One market by hand is a price; without it there is none again.
        assert engine.manual_odds(1, "1x2", [2.0, 3.4, 3.8])
        assert engine.board(1).is_open
        assert engine.manual_odds(1, "1x2", None)
        assert engine.board(1).stops == ("no_price",)
        engine.feed.prices(1, **PRICES)
        assert (engine.board(1).status, engine.board(1).stops) == ("open", ())
        engine.feed.fixture(2, competition="friendly", home="Corva", away="Dena", start_ns=2 * 10**18)
        assert engine.void_fixture(2)
        assert (engine.board(2).status, engine.board(2).stops) == ("closed", ())


def test_subscribers_hear_of_the_first_price(tmp_path: Path) -> None:
    """A frame of trading status says that the stop `no_price` is gone, as for every other stop."""
    with Process(tmp_path).start() as process, process.feed() as feed, process.odds() as odds:
        for fixture, home in ((7, "Alba"), (8, "Bruma")):
            feed.fixture(fixture, competition="cup", home=home, away="Corva", start_ns=KICK_OFF_NS)
        odds.wait(lambda: odds.heartbeat is not None and odds.heartbeat.command_count >= 3)
        odds.wait_joined()
        assert (odds.boards[7].status, odds.boards[7].stops) == ("suspended", ("no_price",))
        feed.prices(7, **PRICES)
        changes = odds.wait(lambda: odds.boards[7].is_open)
        assert odds.boards[7].stops == ()
        assert changes[0].kind == "status"
        statuses = odds.counters.statuses
        feed.prices(7, **PRICES)
        odds.wait(lambda: odds.heartbeat is not None and odds.heartbeat.command_count >= 5)
        assert odds.counters.statuses == statuses
        # All boards are one table.
        table = odds.table(markets=("1x2", "total:2.5"))
        assert set(table["fixture"].tolist()) == {7, 8}
        assert len(table) == 10
        assert table["fixture_status"].tolist() == ["open"] * 5 + ["suspended"] * 5
        assert table["odds"][0] == odds.boards[7].odds("1x2", "home")
        assert table["home"].tolist() == [odds.boards[number].home for number in (7, 8) for _ in range(5)]
        assert not table["is_stale"].any()
        assert len(odds.table(markets="1x2", sport="tennis")) == 0
        assert len(odds.table()) == 2_024


def test_what_the_engine_answers_reads_as_a_sentence() -> None:
    """Fixtures, settlements, answers and balances were bare lists of their fields: amounts as numbers of
    cents without separators, start times as nineteen digits."""
    with local() as engine:
        announced(engine, engine.feed)
        engine.feed.fixture(9, competition="friendly", home="Alba", away="Bruma", start_ns=2 * 10**18)
        assert repr(engine.fixtures()[-1]) == (
            "<Fixture 9 Alba v Bruma 0-0, pre_match 0:00, suspended (no_price), friendly>"
        )
        assert repr(engine.deposit(customer=7, amount_minor=1_000_000)) == (
            "<Money booked for 7: 10,000.00 EUR, 10,000.00 available>"
        )
        assert (
            repr(engine.withdraw(customer=7, amount_minor=10**9)) == "<Money not booked, balance_too_small>"
        )
        leg = engine.board(1001).leg("1x2", "home")
        ticket = engine.place_ticket(customer=7, legs=[leg], stake_minor=1_000)
        assert repr(engine.balance(7)) == "<Balance of 7: 9,990.00 EUR available, 0.00 reserved>"
        assert repr(engine.max_stake(customer=7, legs=[leg])) == (
            "<MaxStake 8,500.63 EUR, by the limit of the market: 23.50 of 20,000.00 used>"
        )
        assert repr(engine.settle_market(1001, "1x2", ["won", "lost", "lost"])) == "<Done>"
        assert repr(engine.suspend(5)) == "<Not done, fixture_not_found: fixture 5 is not known>"
        assert repr(engine.max_stake(customer=7, legs=[leg])) == "<MaxStake 0.00 EUR: selection_decided>"
        paid = f"{int(1_000 * leg.odds + 1e-9) / 100:.2f}"
        assert repr(engine.events()[-1]) == (
            f"<Settlement of {ticket.ticket} settled: {paid} EUR paid, 0.00 before>"
        )
        assert repr(next(engine.ticket_changes())).startswith(f"<Change 2: <Ticket {ticket.ticket} settled")
        alert = Alert("feed_gap", "expected 12, received 15", 3, Times(0, 0, 0, 0, 0))
        assert repr(alert) == "<Alert feed_gap on fixture 3: expected 12, received 15>"


def test_pandas_makes_a_frame_of_whatever_is_a_table() -> None:
    """`pandas.DataFrame(board)` was "constructor not properly called", of a race a frame of its four
    fields, and of a `Table` in silence one of the names of its columns."""
    with local() as engine:
        announced(engine, engine.feed)
        given: list[Any] = [engine.board(1001), engine.explain(1001, "1x2"), engine.exposure(1001)]
    given += [football.board(1.62, 1.08), tennis.board((0.65, 0.62)), racing.board([2.5, 4.0, 6.0, 9.0])]
    for told in given:
        pd.testing.assert_frame_equal(pd.DataFrame(told), told.to_pandas())
        row = next(iter(told))
        assert row._fields == told.table.columns
    with pytest.raises(BoundsError, match=r"a Table is no array\nhint: table.to_pandas\(\)"):
        pd.DataFrame(given[0].table)


def test_a_misspelt_market_or_selection_names_the_near_one() -> None:
    """It was a bare KeyError, or an empty answer that reads as a market without prices."""
    with local() as engine:
        announced(engine, engine.feed)
        board = engine.board(1001)
        with pytest.raises(UnknownNameError, match=r"market 'totl:2.5' .*\nhint: did you mean total:2.5\?"):
            board.odds("totl:2.5", "over")
        with pytest.raises(UnknownNameError, match=r"selection 'hom' .*\nhint: did you mean home\?"):
            board.leg("1x2", "hom")
        leg = Leg(1001, "1x2", "home", 2.0, board.version)  # type: ignore[arg-type]
        with pytest.raises(BoundsError, match="version is not a pair of epoch and version"):
            engine.place_ticket(customer=7, legs=[leg], stake_minor=100)
        assert "totl:2.5" not in board.markets
        # Of a command, and of `explain`, it was "the market is not in the fixture's template".
        done = engine.suspend(1001, "1X2")
        assert repr(done) == (
            "<Not done, selection_not_found: market '1X2' is not on fixture 1001\nhint: did you mean 1x2?>"
        )
        with pytest.raises(
            RefusedError, match=r"market 'totl:2.5' is not on fixture 1001\nhint: .* total:2.5"
        ):
            engine.explain(1001, "totl:2.5")
        assert board.markets.get("totl:2.5") is None
    for priced, market, near in (
        (football.board(1.62, 1.08), "both_scores", "both_score"),
        (tennis.board((0.65, 0.62)), "match_winer", "match_winner"),
        (racing.board([2.5, 4.0, 6.0, 9.0]), "wni", "win"),
    ):
        with pytest.raises(UnknownNameError, match=rf"\nhint: did you mean {near}\?"):
            priced.market(market)


def test_a_price_is_explained(desk: tuple[DeskClient, FeedClient]) -> None:
    """Nobody could ask who set what a price is made of: parameters, margin and stops had no readback."""
    client, feed = desk
    announced(client, feed)
    found = client.explain(1001, "1x2")
    assert (found.price, found.status, found.stops) == ("model", "open", ())
    assert found.set_command == "prices"
    assert found.set_by == feed.source
    assert found.set_ns is not None
    assert found.set_ns > 0
    assert (found.margin_method, found.margin_booksum, found.ladder) == ("multiplicative", 1.05, "fine")
    assert found.margin_from == {"level": "platform"}
    assert found.parameters is not None
    assert len(found.parameters["goals"]) == 2
    table = found.table
    assert table["selection"].tolist() == ["home", "draw", "away"]
    assert table["fair_probability"].sum() == pytest.approx(1.0, abs=1e-6)
    # The steps go down: fair odds, with margin, on the ladder.
    assert (1 / table["fair_probability"] > table["margin_odds"]).all()
    assert (table["margin_odds"] >= table["odds"]).all()
    assert (1 / table["margin_odds"]).sum() == pytest.approx(1.05, abs=2e-3)

    assert client.set_scope({"level": "market", "fixture": 1001, "market": "1x2"}, margin=("shin", 1.08))
    assert client.set_scope({"level": "competition", "competition": "cup"}, margin=("power", 1.02))
    found = client.explain(1001, "1x2")
    assert (found.margin_method, found.margin_booksum) == ("shin", 1.08)
    assert found.margin_from == {"level": "market", "fixture": 1001, "market": "1x2"}
    assert client.explain(1001, "total:2.5").margin_from == {"level": "competition", "competition": "cup"}
    assert client.suspend(1001)
    assert client.suspend(1001, "1x2")
    assert client.lock_market(1001, "1x2", in_play=True)
    found = client.explain(1001, "1x2")
    assert [(stop.of, stop.stop, stop.owner) for stop in found.stops] == [
        ("fixture", "desk", "desk"),
        ("market", "desk", "desk"),
    ]
    assert found.held is not None
    assert found.held["locked"]
    assert "stop: desk of the fixture, owner desk" in str(found)
    whole = client.explain(1001)
    assert (whole.market, len(whole.selections), whole.margin_method) == (None, 0, None)
    with pytest.raises(RefusedError, match="fixture 9 is not known"):
        client.explain(9)
    with pytest.raises(RefusedError, match="market '1x3' is not on fixture 1001"):
        client.explain(1001, "1x3")


def test_an_expectation_holds_is_an_offset_or_blends(desk: tuple[DeskClient, FeedClient]) -> None:
    """A trader's supremacy lasted until the next feed price, without a word, and could not be read back."""
    client, feed = desk
    announced(client, feed)

    def expects() -> tuple[float, float]:
        found = client.explain(1001).expects
        assert found is not None
        return found

    def feed_says(odds_1x2: list[float]) -> None:
        before = client.explain(1001).set_ns
        feed.prices(1001, **(PRICES | {"odds_1x2": odds_1x2}))
        eventually(lambda: client.explain(1001).set_ns != before)

    of_feed = expects()
    assert client.set_expectation(1001, supremacy=0.5, total=2.75, mode="hold")
    assert expects() == pytest.approx((0.5, 2.75))
    feed_says([3.1, 3.6, 2.2])
    assert expects() == pytest.approx((0.5, 2.75))
    held = client.expectation(1001)
    assert held is not None
    assert (held.mode, held.supremacy, held.total, held.owner) == ("hold", 0.5, 2.75, "alice")
    moved = held.feed
    assert moved is not None
    assert moved[0] > of_feed[0]

    assert client.set_expectation(1001, supremacy=0.25, total=-0.1, mode="offset")
    assert expects() == pytest.approx((moved[0] + 0.25, moved[1] - 0.1), abs=1e-9)
    feed_says([3.36, 3.63, 2.1])
    assert expects() == pytest.approx((of_feed[0] + 0.25, of_feed[1] - 0.1), abs=1e-6)

    assert client.set_expectation(1001, supremacy=1.0, total=3.0, mode="blend", weight=0.25)
    blended = (0.25 + 0.75 * of_feed[0], 0.75 + 0.75 * of_feed[1])
    assert expects() == pytest.approx(blended, abs=1e-6)
    found = client.expectation(1001)
    assert found is not None
    assert (found.mode, found.weight) == ("blend", 0.25)

    assert client.set_expectation(1001, mode="release")
    assert expects() == pytest.approx(of_feed, abs=1e-6)
    assert client.expectation(1001) is None
    refused = client.set_expectation(1001, mode="release")
    assert not refused
    assert "no expectation stands on fixture 1001" in refused.detail
    commands = client.tables.commands(fixture=1001)
    assert commands["asked"].tolist()[0] == '{"mode":"hold","supremacy":0.5,"total":2.75}'

    # Without a mode it ends with the next prices of a feed, and whoever set it hears of it.
    client.events()
    assert client.set_expectation(1001, supremacy=0.0, total=2.5)
    assert client.expectation(1001) is None
    feed_says([3.1, 3.6, 2.2])
    told: list[Alert] = []

    def heard() -> bool:
        told.extend(event for event in client.events(0.1) if isinstance(event, Alert))
        return any(alert.alert == "expectation_replaced" for alert in told)

    eventually(heard)
    assert [alert.message for alert in told if alert.alert == "expectation_replaced"] == [
        f"prices of {feed.source} replace the expectation of alice on fixture 1001"
    ]


def test_an_expectation_outlives_a_restart(tmp_path: Path) -> None:
    """It is in the record: after a restart it stands, with its owner, and what the feed said beside it."""
    journal = tmp_path / "journal.db"
    clock = itertools.count(1_000_000_000_000, 1_000_000).__next__
    with Engine(journal, clock=clock, source="alice") as engine:
        announce(engine.feed)
        assert engine.set_expectation(1001, supremacy=0.5, total=2.75, mode="hold")
        engine.feed.prices(1001, odds_1x2=[3.1, 3.6, 2.2], total_line=2.5, odds_total=[2.04, 1.79])
        before, state_hash = engine.expectation(1001), engine.state_hash()
        odds = engine.board(1001).odds("1x2", "home")
    assert before is not None
    assert before.feed is not None
    with Engine(journal, clock=clock, source="bob") as engine:
        assert engine.expectation(1001) == before
        assert engine.board(1001).odds("1x2", "home") == odds
        assert engine.set_expectation(1001, mode="release")
        released = engine.explain(1001)
        assert released.expects == pytest.approx(before.feed)
        assert (released.set_by, released.set_command) == ("bob", "release")
    assert state_hash


def test_an_offset_needs_something_to_be_added_to() -> None:
    with local() as engine:
        engine.feed.fixture(5, competition="cup", home="A", away="B", start_ns=KICK_OFF_NS)
        for mode in ("offset", "blend"):
            refused = engine.set_expectation(
                5, supremacy=0.1, total=2.0, mode=mode, weight=0.5 if mode == "blend" else None
            )  # type: ignore[arg-type]
            assert not refused
            assert refused.reason is not None
            assert refused.reason.name == "no_price"
        assert engine.set_expectation(5, supremacy=0.1, total=2.5, mode="hold")
        for request, message in (
            ({"mode": "holt"}, r'mode "holt" is not one of hold, .*\nhint: did you mean "hold"\?'),
            ({"mode": "blend"}, "weight is missing"),
            ({"mode": "blend", "weight": 1.5}, r"weight 1.5 is outside 0..=1"),
        ):
            with pytest.raises(RequestError, match=message):
                _ = engine.request(
                    {
                        "type": "set_expectation",
                        "source": "alice",
                        "fixture": 5,
                        "supremacy": 0.1,
                        "total": 2.5,
                        **request,
                    }
                ).value


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"stake_maximum": 5}, r"stake_maximum is not a known key\nhint: did you mean stake_max\?"),
        (
            {"limits": {"stake_maximum": 5}},
            r"\[limits\] stake_maximum is not a known key\nhint: did you mean",
        ),
        ({"limit": {"stake_max": "5.00"}}, r"limit is not a known key\nhint: did you mean limits\?"),
        ({"sockets": {"odds": "x"}}, "sockets is not of an engine in this process"),
        ({"limits": {"stake_max": "5.00"}, "stake_max": "6.00"}, "is there twice"),
        ({"limits": {"stake_max": "5.00"}, "stake_minor_max": 600}, "say the same thing; keep one"),
        ({"stake_max": 5}, "is not an amount in quotes\nhint: write stake_max"),
        ({"limits": {"stake_max": "0.05", "stake_min": "1.00"}}, "stake_max 0.05 is below stake_min 1.00"),
        ({"ladder": "fin"}, r"\nhint: did you mean fine\?"),
        ({"margin": {"method": "shinn", "booksum": 1.05}}, r"\nhint: did you mean shin\?"),
        ({"models": {"footbal": {}}}, r"is not a known section\nhint: did you mean models.football\?"),
        ({"bet_delay_ms": 60_001}, r"bet_delay_ms 60001 is outside 0\.\.=60000"),
        ({"limits": 5}, "not a section"),
    ],
)
def test_what_is_misspelt_in_a_configuration_is_refused(config: dict[str, Any], message: str) -> None:
    """Every documented key was refused in process: it took other words, which stood on no page."""
    with pytest.raises(ConfigError, match=message):
        Engine(config=config)


def test_a_configuration_has_one_vocabulary(tmp_path: Path) -> None:
    """The words of the file, in sections or flat, and a file that was read lead to the same engine."""
    spoken: list[Any] = [
        {"limits": {"stake_max": "50.00"}, "book": {"bet_delay_ms": 0}, "margin": {"booksum": 1.04}},
        {"stake_max": "50.00", "bet_delay_ms": 0, "margin": {"booksum": 1.04}},
        {"stake_minor_max": np.int64(5_000), "bet_delay_ms": 0, "margin": {"booksum": np.float64(1.04)}},
    ]
    path = tmp_path / "engine.toml"
    path.write_text('[limits]\nstake_max = "50.00"\n[book]\nbet_delay_ms = 0\n[margin]\nbooksum = 1.04\n')
    spoken.append(load(path, needs_journal=False))
    hashes = set()
    for config in spoken:
        clock = itertools.count(1_000_000_000_000, 1_000_000).__next__
        with Engine(config=config, clock=clock) as engine:
            announce(engine.feed)
            hashes.add(engine.state_hash())
            engine.deposit(customer=7, amount_minor=100_000)
            leg = engine.board(1001).leg("1x2", "home")
            assert engine.place_ticket(customer=7, legs=[leg], stake_minor=5_001).state == "refused"
    assert len(hashes) == 1


def test_a_full_time_of_many_bets_is_not_parsed_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """One full-time with 30,000 singles took 7.5 s from Python: each event became an object that nobody read.

    Events become objects when they are asked for, some at a time, and those that were not read are counted.
    """
    read: list[int] = []

    def counted(message: dict[str, Any], arrived_ns: int) -> DeskEvent:
        read.append(arrived_ns)
        return desk_event(message, arrived_ns)

    monkeypatch.setattr("oddsengine.engine.desk_event", counted)
    with local() as engine:
        announce(engine.feed)
        engine.deposit(customer=7, amount_minor=10_000_000)
        leg = engine.board(1001).leg("1x2", "away").json()
        count = 300
        bet = {"type": "place_ticket", "customer": 7, "currency": "EUR", "stake_minor": 10, "legs": [leg]}
        requests = [bet | {"ticket": f"{number:032x}"} for number in range(1, count + 1)]
        assert {answer.state for answer in engine.batch(requests)} == {"accepted"}
        engine.feed.incident(1001, "kick_off", clock_ms=0, score=(0, 0))
        engine.feed.incident(1001, "half_time", clock_ms=2_700_000, score=(0, 0))
        engine.feed.incident(1001, "second_half", clock_ms=2_700_000, score=(0, 0))
        engine.feed.incident(1001, "full_time", clock_ms=5_400_000, score=(0, 0))
        assert not read
        first = engine.events(limit=10)
        assert (len(first), len(read)) == (10, 10)
        assert len(engine.events()) == 2 * count - 10
        assert engine.lost_event_count == 0
        # What nobody reads has a bound: the oldest go, and are counted.
        monkeypatch.setattr(engine, "_events", deque(maxlen=5))
        for _ in range(8):
            assert engine.place_ticket(customer=7, legs=[leg], stake_minor=10).state == "refused"
        assert engine.lost_event_count == 3
        assert len(engine.events()) == 5
        assert engine.lost_event_count == 0


def test_an_engine_with_the_clock_of_the_machine_waits_out_a_delay() -> None:
    """``place_ticket(wait=True)`` came back as delayed at once in process."""
    with Engine(config={"bet_delay_ms": 300, "feed_silence_ms": 0}) as engine:
        announce(engine.feed)
        engine.feed.incident(1001, "kick_off", clock_ms=0, score=(0, 0))
        engine.deposit(customer=7, amount_minor=10_000)
        leg = engine.board(1001).leg("1x2", "home")
        start_s = time.perf_counter()
        assert (
            engine.place_ticket(customer=7, legs=[leg], stake_minor=100, odds_change="any").state
            == "accepted"
        )
        assert time.perf_counter() - start_s >= 0.3
        placed = engine.place_ticket(customer=7, legs=[leg], stake_minor=100, odds_change="any", wait=False)
        assert placed.state == "delayed"
