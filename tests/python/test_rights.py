"""Who may ask what, over real sockets: each key does its own, and what it does stands under its name."""

import contextlib
import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from engine_process import KICK_OFF_NS, Engine, announce, eventually
from oddsengine._zap import KeyPair, write_keys
from oddsengine.client import (
    Alert,
    CurveKeys,
    FeedClient,
    Leg,
    MoneyAnswer,
    OddsClient,
    OrdersClient,
    RefusedError,
    RequestTimeoutError,
    Ticket,
    new_id,
)

NAMES = ("server", "house", "stadium", "shop", "viewer", "nobody")
CLIENTS = """
[curve]
server_key_file = "server.key_secret"
[[curve.client]]
key_file = "house.key"
roles = ["wallet", "desk"]
[[curve.client]]
key_file = "stadium.key"
roles = ["feed"]
sources = ["test", "stadium.*"]
# More sockets than roles: what counts is what it asks.
sockets = ["ingest", "orders", "odds", "snapshot"]
[[curve.client]]
key_file = "shop.key"
roles = ["orders"]
customers = ["1..=99"]
sockets = ["ingest", "orders", "odds", "snapshot", "desk"]
[[curve.client]]
key_file = "viewer.key"
roles = ["read"]
sockets = ["ingest", "orders", "odds", "snapshot"]
[[curve.client]]
key_file = "nobody.key"
name = "José"
roles = []
sockets = ["orders"]
"""
MINE, THEIRS = 42, 700


class House:
    """An engine behind keys, with a fixture, and money of two customers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in NAMES:
            write_keys(KeyPair.new(), folder / name)
        self.engine = Engine(folder, CLIENTS)

    def keys(self, name: str) -> CurveKeys:
        return CurveKeys.read(server=self.folder / "server.key", client=self.folder / f"{name}.key_secret")

    def orders(self, name: str) -> OrdersClient:
        return self.engine.orders(keys=self.keys(name))

    def open(self) -> None:
        self.engine.start()
        with self.engine.feed(keys=self.keys("stadium")) as feed, self.orders("house") as orders:
            announce(feed)
            for customer in (MINE, THEIRS):
                assert orders.deposit(customer=customer, amount_minor=10_000).is_booked

    def metrics(self) -> dict[str, Any]:
        """The counters, and the end of the engine."""
        self.engine.process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        code, errors = self.engine.end()
        assert code == 0, errors
        found: dict[str, Any] = json.loads(errors.splitlines()[0])
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with house.engine:
        house.open()
        yield house


def refusal(ask: Callable[[], object]) -> str:
    """Why it was refused, which has to be for want of a right."""
    with pytest.raises(RefusedError) as caught:
        ask()
    assert caught.value.reason is not None
    assert (caught.value.reason.number, caught.value.reason.name) == (100, "not_permitted")
    return caught.value.detail


def home_win(house: House) -> Leg:
    with house.engine.odds(keys=house.keys("viewer")) as odds:
        odds.wait_joined()
        odds.wait(lambda: 1001 in odds.boards and odds.boards[1001].version > 0)
        return odds.boards[1001].leg("1x2", "home")


def test_a_key_that_bets_bets_and_nothing_else(house: House) -> None:
    """Broke: whoever might place a bet might also deposit, void a fixture, and bet for every customer."""
    leg = home_win(house)
    with house.orders("shop") as shop, house.engine.desk(keys=house.keys("shop")) as desk:
        placed = shop.place_ticket(customer=MINE, legs=[leg], stake_minor=100)
        assert placed.state == "accepted"
        assert shop.ticket(placed.ticket).customer == MINE
        assert shop.balance(MINE).available_minor == 9_900
        assert shop.max_stake(customer=MINE, legs=[leg]).stake_minor_max > 0
        assert refusal(lambda: shop.deposit(customer=MINE, amount_minor=1)) == (
            "deposit needs the role wallet, and key shop has orders"
        )
        assert refusal(lambda: shop.withdraw(customer=MINE, amount_minor=1)).startswith(
            "withdraw needs the role"
        )
        assert refusal(lambda: shop.place_ticket(customer=THEIRS, legs=[leg], stake_minor=100)) == (
            "place_ticket for customer 700 is outside of what key shop may ask for: 1..=99"
        )
        assert "for customer 700" in refusal(lambda: shop.max_stake(customer=THEIRS, legs=[leg]))
        assert "for customer 700" in refusal(lambda: shop.balance(THEIRS))
        assert "needs the role read" in refusal(shop.fixtures)
        assert "needs the role desk" in refusal(shop.state_hash)
        assert "needs the role desk" in refusal(shop.exposure)
        assert "is about all customers" in refusal(lambda: list(shop.ticket_changes()))
        voided = desk.void_fixture(1001)
        assert voided.reason is not None
        assert (voided.is_done, voided.reason.name) == (False, "not_permitted")
        assert voided.detail == "void_fixture needs the role desk, and key shop has orders"
        bet = {"type": "place_ticket", "ticket": new_id(), "customer": MINE, "currency": "EUR"}
        bet |= {"stake_minor": 100, "legs": [leg.json()], "source": "stadium.one"}
        named = shop.request(bet)
        assert named.type == "refused"
        assert named.value.detail.startswith("source stadium.one is none that key shop may name")
    with house.engine.feed(keys=house.keys("shop")) as feed, house.orders("house") as orders:
        feed.incident(1001, "goal", 60_000, side="home")
        with house.engine.desk(keys=house.keys("house")) as told:
            told_alerts: list[Alert] = []

            def has_alert() -> bool:
                feed.incident(1001, "goal", 60_000, side="home")
                told_alerts.extend(event for event in told.events(0.1) if isinstance(event, Alert))
                return bool(told_alerts)

            eventually(has_alert)
            assert told_alerts[0].alert == "not_permitted"
            assert told_alerts[0].message == "goal needs the role feed, and key shop has orders"
        assert orders.balance(THEIRS).available_minor == 10_000
    metrics = house.metrics()
    assert metrics["not_permitted"] >= 13
    assert [key for key, _ in metrics["not_permitted_by_key"]] == ["shop"]
    # Fixture, prices, two deposits, one bet; what was refused is not there.
    assert metrics["tickets"] == 1
    assert metrics["fixtures"] == 1


def test_a_feed_names_its_own_sources_and_asks_nothing(house: House) -> None:
    """Broke: any feed could use any source, and mute another one by a number far ahead."""
    with house.orders("stadium") as orders, house.engine.desk(keys=house.keys("house")) as desk:
        assert "needs the role orders" in refusal(
            lambda: orders.place_ticket(customer=MINE, legs=[home_win(house)], stake_minor=100)
        )
        assert "needs the role wallet" in refusal(lambda: orders.deposit(customer=MINE, amount_minor=1))
        assert orders.ping() < 5
        ingest = house.engine.endpoints["ingest"]
        told: list[Alert] = []
        with FeedClient(ingest, source="other", keys=house.keys("stadium")) as feed:

            def has_alert() -> bool:
                feed.heartbeat()
                told.extend(event for event in desk.events(0.1) if isinstance(event, Alert))
                return bool(told)

            eventually(has_alert)
        assert told[0].alert == "not_permitted"
        assert told[0].message == "source other is none that key stadium may name: test, stadium.*"
    with FeedClient(house.engine.endpoints["ingest"], source="stadium.2", keys=house.keys("stadium")) as feed:
        feed.fixture(1002, competition="cup", home="A", away="B", start_ns=KICK_OFF_NS)
        with house.engine.odds(keys=house.keys("viewer")) as odds:

            def sources() -> set[str]:
                return set() if odds.heartbeat is None else {feed.source for feed in odds.heartbeat.feeds}

            odds.wait(lambda: "stadium.2" in sources())
            assert sources() == {"test", "stadium.2"}


def test_a_key_that_reads_only_reads(house: House) -> None:
    leg = home_win(house)
    with house.orders("viewer") as orders:
        assert [fixture.home for fixture in orders.fixtures()] == ["Qatar"]
        assert "needs the role orders" in refusal(
            lambda: orders.place_ticket(customer=MINE, legs=[leg], stake_minor=100)
        )
        assert "needs the role orders, wallet or desk" in refusal(lambda: orders.balance(MINE))
        assert "needs the role wallet" in refusal(lambda: orders.deposit(customer=MINE, amount_minor=1))
        assert "needs the role desk" in refusal(orders.exposure)
        assert "needs the role desk" in refusal(orders.state_hash)
    # A client without the role is told, and does not wait for boards that will not come.
    with house.engine.odds(keys=house.keys("shop")) as odds:
        assert refusal(odds.wait_joined) == "images needs the role read, and key shop has orders"


def test_a_key_without_roles_may_only_ask_for_a_sign_of_life(house: House) -> None:
    with house.orders("nobody") as orders:
        assert orders.ping() < 5
        assert refusal(lambda: orders.balance(MINE)).endswith("and key José has none")
        assert refusal(orders.fixtures) == "fixtures needs the role read, and key José has none"


def test_a_batch_is_looked_at_request_by_request(house: House) -> None:
    leg = home_win(house)
    with house.orders("shop") as shop:
        deposit = {"type": "deposit", "transfer": new_id(), "customer": MINE, "amount_minor": 5}
        bet = {"type": "place_ticket", "currency": "EUR", "stake_minor": 100, "legs": [leg.json()]}
        answers = shop.batch(
            [
                deposit | {"currency": "EUR"},
                bet | {"ticket": new_id(), "customer": MINE},
                bet | {"ticket": new_id(), "customer": THEIRS},
                {"type": "ping"},
            ]
        )
        assert isinstance(answers[1], Ticket)
        assert answers[1].state == "accepted"
        for refused in (answers[0], answers[2]):
            assert (refused.is_done, refused.reason.name) == (False, "not_permitted")
        assert answers[3].is_done
        assert shop.balance(MINE).available_minor == 9_900


def test_the_name_of_the_key_stands_in_the_record(house: House) -> None:
    leg = home_win(house)
    with house.orders("shop") as shop:
        shop.place_ticket(customer=MINE, legs=[leg], stake_minor=100)
        refusal(lambda: shop.deposit(customer=MINE, amount_minor=1))
    assert house.engine.end()[0] == 0
    with contextlib.closing(sqlite3.connect(house.engine.journal)) as journal:
        tables = [name for (name,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        blobs = b"".join(
            value
            for name in tables
            if "snapshot" not in name
            for row in journal.execute(f"SELECT * FROM {name}")
            for value in row
            if isinstance(value, bytes)
        )
    # The message `Principal` of the record: field 1 is a text with its length before it.
    counts = {name: blobs.count(bytes([0x0A, len(name)]) + name.encode()) for name in NAMES[1:]}
    assert counts == {"house": 2, "stadium": 2, "shop": 1, "viewer": 0, "nobody": 0}


def test_the_name_is_that_of_the_connection_not_of_the_client(house: House) -> None:
    """A client that takes the routing id of another one has its own rights, not those of the other."""
    with zmq.Context() as context:
        for name, answer in (("house", "money"), ("shop", "refused"), ("house", "money")):
            keys = house.keys(name)
            with context.socket(zmq.DEALER) as dealer:
                dealer.linger = 0
                dealer.routing_id = b"the same"
                dealer.curve_serverkey = keys.server
                dealer.curve_publickey = keys.client.public
                assert keys.client.secret is not None
                dealer.curve_secretkey = keys.client.secret
                dealer.connect(house.engine.endpoints["orders"])
                deposit = {"type": "deposit", "request_id": "d", "transfer": new_id(), "customer": MINE}
                dealer.send_json(deposit | {"amount_minor": 1, "currency": "EUR"})
                assert dealer.poll(5_000)
                assert json.loads(dealer.recv())["type"] == answer


def test_sockets_without_keys_have_the_rights_that_are_configured(tmp_path: Path) -> None:
    more = """
[rights.ingest]
sources = ["test"]
[rights.orders]
roles = ["orders", "read"]
customers = [42]
[rights.snapshot]
roles = []
"""
    with Engine(tmp_path, more).start() as engine, engine.orders() as orders, engine.feed() as feed:
        announce(feed)
        eventually(lambda: orders.fixtures())
        assert orders.balance(42).available_minor == 0
        assert refusal(lambda: orders.balance(43)) == (
            "balance for customer 43 is outside of what socket orders may ask for: 42"
        )
        assert refusal(lambda: orders.deposit(customer=42, amount_minor=1)) == (
            "deposit needs the role wallet, and socket orders has orders, read"
        )
        with OddsClient(engine.endpoints["odds"], engine.endpoints["snapshot"]) as odds:
            assert "socket snapshot has none" in refusal(odds.wait_joined)
        with FeedClient(engine.endpoints["ingest"], source="other") as other:
            other.fixture(1002, competition="cup", home="A", away="B", start_ns=KICK_OFF_NS)
        feed.fixture(1003, competition="cup", home="C", away="D", start_ns=KICK_OFF_NS)
        eventually(lambda: len(orders.fixtures()) == 2)
        assert [fixture.fixture for fixture in orders.fixtures()] == [1001, 1003]


def test_without_a_configuration_nothing_changes(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine, engine.orders() as orders, engine.feed() as feed:
        announce(feed)
        eventually(lambda: orders.fixtures())
        answer = orders.deposit(customer=7, amount_minor=1)
        assert isinstance(answer, MoneyAnswer)
        assert answer.is_booked
        with engine.desk() as desk:
            assert desk.suspend(1001)
        assert orders.state_hash()


def test_a_stranger_still_gets_nowhere(house: House) -> None:
    write_keys(KeyPair.new(), house.folder / "stranger")
    keys = house.keys("stranger")
    with house.engine.orders(keys=keys, timeout_s=0.6) as orders, pytest.raises(RequestTimeoutError):
        orders.ping()
