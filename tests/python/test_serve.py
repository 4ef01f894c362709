"""The engine process from outside: starting, stopping, restarting, and what it survives."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import zmq

from engine_process import Engine, announce, eventually
from oddsengine import config, serve
from oddsengine._ahead import ReadAhead, Received
from oddsengine._exit import EXIT_BUSY
from oddsengine.client import Alert, RequestTimeoutError, new_id


def serve_once(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A serve that is expected to end by itself."""
    command = [sys.executable, "-m", "oddsengine.cli", "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_ends_by_a_signal(tmp_path: Path, number: int) -> None:
    ready = tmp_path / "ready.json"
    with Engine(tmp_path).start("--ready-file", str(ready)) as engine:
        told = json.loads(ready.read_text())
        assert told == {
            "ready": True,
            "epoch": 1,
            "journal": "new",
            "quarantined": [],
            "pid": engine.process.pid,
            "endpoints": engine.endpoints,
        }
        assert all(endpoint.startswith("tcp://127.0.0.1:") for endpoint in engine.endpoints.values())
        with engine.orders() as orders:
            assert orders.ping() < 5
        code, errors = engine.end(number)
        assert (code, errors) == (0, "")
        assert not ready.exists()


def test_it_writes_the_ready_line_to_a_descriptor(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = [sys.executable, "-m", "oddsengine.cli", "serve", "--memory", "--ready-fd", str(write)]
    file = tmp_path / "engine.toml"
    file.write_text(
        "[sockets]\n" + "\n".join(f'{name} = "ipc://{tmp_path}/{name}"' for name in config.SOCKET_NAMES)
    )
    with subprocess.Popen(
        [*command, "--config", str(file)], pass_fds=[write], stdout=subprocess.DEVNULL
    ) as process:
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            told = json.loads(pipe.readline())
        assert told["endpoints"]["odds"] == f"ipc://{tmp_path}/odds"
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path, number: int) -> None:
    with Engine(tmp_path).start() as engine:
        with engine.orders() as orders, engine.feed() as feed:
            announce(feed)
            eventually(lambda: orders.fixtures())
            assert orders.deposit(customer=42, amount_minor=10_000).is_booked
            state_hash = orders.state_hash()
        engine.end(number)
        engine.start()
        assert engine.epoch == 2
        with engine.orders() as orders:
            assert orders.balance(42).available_minor == 10_000
            assert [fixture.home for fixture in orders.fixtures()] == ["Qatar"]
            assert orders.state_hash() != state_hash  # the epoch is part of the state


def test_nothing_is_booked_twice_when_the_engine_is_restarted_under_load(tmp_path: Path) -> None:
    """Requests that got no answer are sent again with the same ids, over two restarts."""
    with Engine(tmp_path).start() as engine, engine.orders(retry_s=0.3) as orders:
        answered: dict[str, bool] = {}

        def take(timeout_s: float = 0.0) -> None:
            for reply in orders.poll(timeout_s):
                assert reply.value.is_booked
                answered[reply.value.transfer] = True

        for ending in (signal.SIGTERM, signal.SIGKILL):
            for index in range(500):
                deposit = {"transfer": new_id(), "customer": 7, "amount_minor": 3, "currency": "EUR"}
                orders.submit({"type": "deposit", **deposit})
                if index == 250:
                    take()
                    engine.process.send_signal(ending)
            engine.process.communicate(timeout=10)
            engine.start()
        until_s = time.monotonic() + 10
        while orders.pending_count and time.monotonic() < until_s:
            take(0.1)
        assert len(answered) == 1_000
        assert orders.retry_count > 0
        assert orders.balance(7).available_minor == 3_000


def test_the_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        engine = Engine(tmp_path)
        engine.endpoints["orders"] = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        engine.write_config()
        ended = serve_once("--config", engine.config)
    # A port becomes free by itself: the unit tries again, which it did not while all refusals ended with 2.
    assert ended.returncode == EXIT_BUSY
    assert f"cannot listen on {engine.endpoints['orders']} for orders: the address is in use" in ended.stderr
    assert "hint: another process listens there; stop it, or set [sockets] orders" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_the_address_is_not_of_this_host(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.endpoints["orders"] = "ipc:///nowhere/at/all"
    engine.write_config()
    ended = serve_once("--config", engine.config)
    assert ended.returncode == serve.EXIT_UNUSABLE
    assert "cannot listen on ipc:///nowhere/at/all for orders" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_journal_is_in_use(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine:
        other = Engine(tmp_path)
        other.config = tmp_path / "other.toml"
        other.write_config()
        ended = serve_once("--config", other.config)
        assert ended.returncode == EXIT_BUSY
        assert f"is in use by process {engine.process.pid}" in ended.stderr
        assert "hint: one process owns a journal; stop that process first" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_journal_is_damaged(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine:
        with engine.orders() as orders:
            for _ in range(20):
                orders.deposit(customer=42, amount_minor=10_000)
        engine.end()
        flip_a_record(engine.journal)
        # A start proves what it goes on from; this one is asked to prove all.
        everything = engine.config.read_text().replace("[journal]", '[journal]\nverify_at_start = "all"')
        engine.config.write_text(everything)
        before = engine.journal.read_bytes()
        ended = serve_once("--config", engine.config)
        assert ended.returncode == serve.EXIT_UNUSABLE
        assert "is damaged and was left untouched" in ended.stderr
        assert "hint: keep all files of the journal" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert engine.journal.read_bytes() == before


def flip_a_record(journal: Path) -> None:
    """One bit of the bytes of a group in the middle."""
    import sqlite3

    with sqlite3.connect(journal) as database:
        rows = list(database.execute("SELECT first_seq, bytes FROM journal_group ORDER BY first_seq"))
        first_seq, content = rows[len(rows) // 2]
        changed = bytes([*content[:-1], content[-1] ^ 1])
        database.execute("UPDATE journal_group SET bytes = ? WHERE first_seq = ?", (changed, first_seq))
    database.close()


def test_the_configuration_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text('[limits]\nstake_maximum = "5.00"\n')
    ended = serve_once("--config", file)
    assert ended.returncode == serve.EXIT_UNUSABLE
    assert "stake_maximum is not a known key" in ended.stderr
    ended = serve_once()
    assert ended.returncode == serve.EXIT_UNUSABLE
    assert "[journal] path is missing" in ended.stderr


def test_an_open_socket_without_keys_is_refused(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.endpoints["odds"] = "tcp://*:5552"
    engine.write_config()
    ended = serve_once("--config", engine.config)
    assert ended.returncode == serve.EXIT_UNUSABLE
    assert "odds tcp://*:5552 is open to other hosts" in ended.stderr
    assert not engine.journal.exists()


def test_it_survives_nonsense_and_peers_that_vanish(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine, zmq.Context() as context, engine.desk() as desk:
        desk.ping()
        for _ in range(20):
            # A client that asks and is gone before the answer.
            with context.socket(zmq.DEALER) as gone:
                gone.linger = 100
                gone.connect(engine.endpoints["orders"])
                gone.send(b'{"type":"ping","request_id":"x"}')
        with context.socket(zmq.PUSH) as feed, context.socket(zmq.DEALER) as dealer:
            feed.linger = dealer.linger = 0
            feed.connect(engine.endpoints["ingest"])
            dealer.connect(engine.endpoints["orders"])
            for nonsense in (b"", b"\xff\xfe", b"[]", b"{}", b'{"type":"goal"}', b"{" * 5_000):
                feed.send(nonsense)
                dealer.send(nonsense)
            feed.send_multipart([b"two", b"parts"])
            dealer.send_multipart([b"three", b"parts"])
            codes = []
            while dealer.poll(500):
                codes.append(json.loads(dealer.recv())["code"])
            assert len(codes) == 6
            # Longer than anything that is taken: the connection ends, the engine does not.
            dealer.send(b" " * 2_000_000)
            alerts = desk.events(1.0)
            assert alerts
            assert {alert.alert for alert in alerts if isinstance(alert, Alert)} == {"feed_error"}
        assert desk.ping() < 5
        assert desk.balance(1).available_minor == 0


def test_metrics_come_on_demand(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine:
        with engine.orders() as orders:
            orders.deposit(customer=42, amount_minor=10_000)
            engine.process.send_signal(signal.SIGUSR1)
            orders.ping()
        code, errors = engine.end()
        assert code == 0
        metrics = json.loads(errors.splitlines()[0])
        assert metrics["order_messages"] >= 1
        assert metrics["undeliverable_count"] == 0


def test_a_new_subscriber_hears_a_heartbeat_at_once(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.heartbeat_ms = 10_000
    with engine.start(), zmq.Context() as context:
        time.sleep(0.2)
        for _ in range(3):
            with context.socket(zmq.SUB) as subscriber:
                subscriber.subscribe(b"hb")
                subscriber.connect(engine.endpoints["odds"])
                assert subscriber.poll(2_000)
                assert json.loads(subscriber.recv_multipart()[1])["type"] == "heartbeat"


class ScriptedService:
    """A service that answers without an engine."""

    def __init__(self) -> None:
        self.epoch, self.wakeup_fd, self.next_due_ns = 1, -1, None
        self.is_poisoned, self.poison_reason = False, None
        self.takes_ingest, self.next_images_ns = True, None
        self.start_report: dict[str, object] = {"journal": "memory", "quarantined": [], "notices": []}
        self.boards: list[bytes] = []
        self.frames: list[tuple[int, list[bytes]]] = []
        self.calls: list[str] = []
        self.alerts: list[tuple[str, str]] = []

    def takes_requests(self, is_snapshot: bool) -> bool:
        return True

    def make_images(self, now_ns: int) -> None:
        self.calls.append("images")

    def ingest(self, payload: bytes, now_ns: int, key: str | None = None) -> None:
        self.calls.append("ingest")
        if payload == b"danger":
            self.frames.append((0, [b"status.1", payload]))
        elif payload == b"poison":
            self.is_poisoned, self.poison_reason = True, "no such disk"  # type: ignore[assignment]
        else:
            self.boards.append(payload)

    def order(self, identity: bytes, payload: bytes, now_ns: int, key: str | None = None) -> None:
        self.frames.append((2, [identity, payload]))

    def snapshot_request(self, identity: bytes, payload: bytes, now_ns: int, key: str | None = None) -> None:
        self.frames.append((3, [identity, payload]))

    def tick(self, now_ns: int, read_ns: int | None = None) -> None:
        self.calls.append("tick")

    def alert(self, alert: str, message: str, now_ns: int) -> None:
        self.alerts.append((alert, message))

    def set_binary(self, publishes: bool) -> None:
        pass

    def heartbeat(self, now_ns: int) -> None:
        self.frames.append((0, [b"hb", b"{}"]))

    def end_turn(self) -> None:
        self.frames += [(0, [b"odds.1", board]) for board in self.boards]
        self.boards.clear()

    def work_off(self) -> bool:
        return False

    def look_ahead(self, payload: bytes, now_ns: int, key: str | None = None) -> int | None:
        return None

    def look_ahead_order(self, payload: bytes, now_ns: int, key: str | None = None) -> list[int]:
        return []

    def end_halt(self, fixture: int, now_ns: int) -> None:
        raise AssertionError("nothing was halted")

    def durable(self) -> None:
        raise AssertionError("there is no journal")

    def take_frames(self, now_ns: int) -> list[tuple[int, list[bytes]]]:
        frames, self.frames = self.frames, []
        return frames

    is_hashing = False
    has_desk_frames = False

    def take_desk_frames(self, now_ns: int) -> list[tuple[int, list[bytes]]]:
        return []

    def metrics(self) -> dict[str, object]:
        return {}

    def state_hash(self) -> str:
        return ""

    def invariants(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        self.calls.append("close")


def settings(**sockets: Any) -> config.Settings:
    endpoints = dict.fromkeys(config.SOCKET_NAMES, "tcp://127.0.0.1:*")
    return config.parse({"sockets": endpoints | sockets}, needs_journal=False)


def test_suspensions_leave_before_boards_of_the_same_turn() -> None:
    service = ScriptedService()
    server = serve.Server(settings(), service)
    with zmq.Context() as context, context.socket(zmq.SUB) as odds, context.socket(zmq.PUSH) as feed:
        odds.subscribe(b"")
        odds.connect(server.endpoints()["odds"])
        feed.connect(server.endpoints()["ingest"])
        thread = threading.Thread(target=server.run)
        for payload in (b"goal", b"clock", b"danger", b"clock"):
            feed.send(payload)
        time.sleep(0.2)
        # All four wait when the loop starts: they are one turn.
        thread.start()
        topics: list[bytes] = []
        while topics.count(b"odds.1") < 3:
            assert odds.poll(2_000)
            topics.append(odds.recv_multipart()[0])
        server.stop()
        thread.join(10)
    assert [topic for topic in topics if topic != b"hb"] == [b"status.1", b"odds.1", b"odds.1", b"odds.1"]
    assert service.calls.count("tick") >= 1
    assert service.calls[-1] == "close"


class Halting(ScriptedService):
    """Of which danger halts a fixture ahead of its order; notes how many messages were carried out before."""

    def __init__(self) -> None:
        super().__init__()
        self.halted_after: list[int] = []
        self.halt_ended_after: list[int] = []
        self.orders_after: list[int] = []

    def _count(self) -> int:
        return self.calls.count("ingest")

    def look_ahead(self, payload: bytes, now_ns: int, key: str | None = None) -> int | None:
        if payload != b"danger":
            return None
        self.halted_after.append(self._count())
        self.frames.append((0, [b"status.halt", payload]))
        return 7

    def end_halt(self, fixture: int, now_ns: int) -> None:
        assert fixture == 7
        self.halt_ended_after.append(self._count())

    def order(self, identity: bytes, payload: bytes, now_ns: int, key: str | None = None) -> None:
        super().order(identity, payload, now_ns, key)
        self.orders_after.append(self._count())


def test_a_stop_behind_a_backlog_is_heard_before_the_backlog_is_carried_out() -> None:
    """Danger behind 100,000 clock messages was heard 2.9 s after it arrived. Counted in messages, no time."""
    backlog = 3_000
    service = Halting()
    server = serve.Server(settings(), service)
    with (
        zmq.Context() as context,
        context.socket(zmq.SUB) as odds,
        context.socket(zmq.PUSH) as feed,
        context.socket(zmq.DEALER) as orders,
    ):
        odds.subscribe(b"status")
        odds.connect(server.endpoints()["odds"])
        for socket in (feed, orders):
            socket.set_hwm(0)
        feed.connect(server.endpoints()["ingest"])
        orders.connect(server.endpoints()["orders"])
        for _ in range(backlog):
            feed.send(b"clock")
        feed.send(b"danger")
        feed.send(b"clock")
        orders.send(b"question")
        time.sleep(0.5)
        thread = threading.Thread(target=server.run)
        thread.start()
        assert odds.poll(10_000)
        assert odds.recv_multipart()[0] == b"status.halt"
        # The message itself is told in its order.
        assert odds.poll(10_000)
        assert odds.recv_multipart()[0] == b"status.1"
        eventually(lambda: service.calls.count("ingest") == backlog + 2)
        server.stop()
        thread.join(10)
    assert len(service.halted_after) == 1
    assert service.halted_after[0] <= backlog // 2
    assert service.halt_ended_after == [backlog + 1]
    # Whoever asks does not wait for the backlog either.
    assert service.orders_after[0] <= 2 * serve.INGEST_PER_TURN
    assert server.metrics()["halted_ahead_count"] == 1
    assert server.metrics()["ahead_message_count"] == 0


def test_messages_read_ahead_are_bounded() -> None:
    """Beyond the bounds messages wait in front of the socket, in order."""
    count = 10
    waiting: list[Received] = [([b"%0100d" % number], None) for number in range(count)]
    left = list(waiting)
    looked: list[Received] = []

    def receive() -> Received | None:
        return left.pop(0) if left else None

    def look(received: Received) -> tuple[int, ...]:
        looked.append(received)
        return ()

    ahead = ReadAhead(receive, look, messages_max=4, bytes_max=1_000)
    ahead.fill()
    assert (len(ahead), len(looked), len(left)) == (4, 4, 6)
    assert ahead.next() == (waiting[0], ())
    ahead.fill()
    assert (len(ahead), len(left)) == (4, 5)
    few_bytes = ReadAhead(receive, look, messages_max=100, bytes_max=250)
    few_bytes.fill()
    assert (len(few_bytes), len(left)) == (3, 2)
    assert [ahead.next() for _ in range(4)] == [(message, ()) for message in waiting[1:5]]
    # Nothing read ahead is left: the socket's next.
    assert ahead.next() == (waiting[8], ())
    assert [ahead.next(), ahead.next()] == [(waiting[9], ()), None]


def test_connections_whose_messages_were_read_ahead_take_turns() -> None:
    """Batches that one connection sent, read ahead into one queue, held up everybody's pings for a second."""
    many: list[Received] = [([b"many", b"%d" % number], None) for number in range(1_000)]
    few: list[Received] = [([b"few", b"%d" % number], None) for number in range(2)]
    left = [*many, *few]
    ahead = ReadAhead(
        lambda: left.pop(0) if left else None,
        lambda received: (7,) if received == few[1] else (),
        connection=lambda received: received[0][0],
    )
    while left:
        ahead.fill()
    assert [ahead.next() for _ in range(5)] == [
        (many[0], ()),
        (few[0], ()),
        (many[1], ()),
        (few[1], (7,)),
        (many[2], ()),
    ]
    # Each connection's own are in its order, and all are heard.
    rest = [ahead.next() for _ in range(len(ahead))]
    assert rest == [(message, ()) for message in many[3:]]
    assert (len(ahead), ahead.next()) == (0, None)


def test_feeds_wait_while_the_disk_does_not_keep_up() -> None:
    service = ScriptedService()
    server = serve.Server(settings(), service)
    thread = threading.Thread(target=server.run)
    with zmq.Context() as context, context.socket(zmq.PUSH) as feed, context.socket(zmq.DEALER) as orders:
        feed.connect(server.endpoints()["ingest"])
        orders.connect(server.endpoints()["orders"])
        service.takes_ingest = False
        thread.start()
        time.sleep(0.2)
        feed.send(b"goal")
        # Everybody else is served meanwhile.
        orders.send(b"question")
        assert orders.poll(2_000)
        assert "ingest" not in service.calls
        service.takes_ingest = True
        eventually(lambda: "ingest" in service.calls)
        server.stop()
        thread.join(10)


def test_a_bug_makes_no_snapshot() -> None:
    """What a turn left half done must not be what the next start begins with."""

    class Broken(ScriptedService):
        def ingest(self, payload: bytes, now_ns: int, key: str | None = None) -> None:
            raise RuntimeError("half done")

    service = Broken()
    server = serve.Server(settings(), service)
    with zmq.Context() as context, context.socket(zmq.PUSH) as feed:
        feed.connect(server.endpoints()["ingest"])
        feed.send(b"goal")
        with pytest.raises(RuntimeError, match="half done"):
            server.run()
    assert "close" not in service.calls


def test_a_disk_that_fails_ends_the_process(tmp_path: Path) -> None:
    """What was answered is there at the next start; what was not is not."""
    with Engine(tmp_path).start() as engine:
        # Beyond this size every write fails with an input/output error.
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (300_000, 300_000))
        booked_count = 0
        with engine.orders(timeout_s=1.0) as orders, contextlib.suppress(RequestTimeoutError):
            while booked_count < 3_000:
                assert orders.deposit(customer=42, amount_minor=1).is_booked
                booked_count += 1
        assert 0 < booked_count < 3_000
        _, errors = engine.process.communicate(timeout=10)
        assert engine.process.returncode == serve.EXIT_POISONED
        assert "oddsengine: stopped: " in errors
        assert "None" not in errors
        assert "Traceback" not in errors
        engine.start()
        with engine.orders() as orders:
            assert booked_count <= orders.balance(42).available_minor <= booked_count + 1


POISONED = """
import sys
sys.path.insert(0, sys.argv[1])
from test_serve import ScriptedService, settings
from oddsengine import serve
sys.exit(serve.run(settings(), service_factory=lambda _: ScriptedService()))
"""


def test_a_poisoned_journal_ends_the_process() -> None:
    command = [sys.executable, "-c", POISONED, str(Path(__file__).parent)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        subprocess.Popen(command, text=True, **pipes) as process,  # type: ignore[call-overload]
        zmq.Context() as context,
        context.socket(zmq.PUSH) as feed,
    ):
        feed.connect(json.loads(process.stdout.readline())["endpoints"]["ingest"])
        feed.send(b"poison")
        _, errors = process.communicate(timeout=10)
    assert process.returncode == serve.EXIT_POISONED
    assert "stopped: no such disk" in errors
    assert "Traceback" not in errors
