"""Encrypted connections: who is on the list gets in, and only there."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_process import Engine, announce
from oddsengine._zap import KeyPair, write_keys
from oddsengine.client import CurveKeys, RequestTimeoutError


class Keys:
    """The keys of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("server", "house", "feed", "viewer", "stranger"):
            write_keys(KeyPair.new(), folder / name)

    def of(self, name: str) -> CurveKeys:
        return CurveKeys.read(server=self.folder / "server.key", client=self.folder / f"{name}.key_secret")


LIST = """
[curve]
server_key_file = "server.key_secret"
[[curve.client]]
key_file = "house.key"
roles = ["orders", "wallet", "desk", "read"]
customers = ["*"]
[[curve.client]]
key_file = "feed.key"
roles = ["feed"]
sources = ["test"]
[[curve.client]]
key_file = "viewer.key"
roles = ["read"]
"""


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def engine(tmp_path: Path, keys: Keys) -> Iterator[Engine]:
    with Engine(tmp_path, LIST) as engine:
        yield engine.start()


def test_listed_clients_get_in(engine: Engine, keys: Keys) -> None:
    with (
        engine.feed(keys=keys.of("feed")) as feed,
        engine.odds(keys=keys.of("viewer")) as odds,
        engine.orders(keys=keys.of("house")) as orders,
        engine.desk(keys=keys.of("house")) as desk,
    ):
        odds.wait_joined()
        announce(feed)
        odds.wait(lambda: 1001 in odds.boards and odds.boards[1001].version > 0)
        assert orders.deposit(customer=42, amount_minor=1_000).is_booked
        assert desk.suspend(1001)
        odds.wait(lambda: odds.boards[1001].status == "suspended")
        assert repr(keys.of("house").client).count("secret") == 0


@pytest.mark.parametrize("name", ["stranger", "feed", "viewer", None])
def test_nobody_else_gets_to_the_orders(engine: Engine, keys: Keys, name: str | None) -> None:
    """A stranger, clients of other sockets, and a client without keys."""
    known = None if name is None else keys.of(name)
    with engine.orders(keys=known, timeout_s=0.6, retry_s=0.2) as orders, pytest.raises(RequestTimeoutError):
        orders.balance(42)


def test_the_metrics_count_who_was_refused(engine: Engine, keys: Keys) -> None:
    with (
        engine.orders(keys=keys.of("stranger"), timeout_s=0.3) as stranger,
        pytest.raises(RequestTimeoutError),
    ):
        stranger.ping()
    with engine.orders(keys=keys.of("house")) as orders:
        orders.ping()
        engine.process.send_signal(signal.SIGUSR1)
        orders.ping()
    _, errors = engine.end()
    metrics = json.loads(errors.splitlines()[0])
    assert metrics["client_accepted_count"] == 1
    assert metrics["client_refused_count"] >= 1
