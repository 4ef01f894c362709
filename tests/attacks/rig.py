"""What every attack uses: an engine of its own, sockets of honest clients, attackers, and measurements."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from answers import Json, is_priced, leg_of, state, told

from engine_process import EngineProcess, write_config

ANSWER_S = 20.0
CUSTOMER = 7
# A message has at most 65,536 bytes, and a batch 256 requests.
BATCH_BYTES_MAX = 60_000
BATCH_REQUESTS_MAX = 256
TCP = "tcp://127.0.0.1:*"
# Bounds that many attacks share. The engine itself needs about 45 MiB.
RSS_MIB_MAX = 512
PING_MS_P99_MAX = 100
# The configuration of every attacked engine, unless an attack says otherwise.
SECTIONS: dict[str, dict[str, Any]] = {
    "sockets": {"heartbeat_ms": 100, "memory_bytes_max": RSS_MIB_MAX << 20},
    "journal": {"path": "journal.db"},
    "book": {"bet_delay_ms": 1_000},
}
ATTACKERS = Path(__file__).with_name("attackers.py")


class SkippedError(Exception):
    """The attack cannot be made here; the text says why."""


class ControlError(Exception):
    """Without the attack it does not work either, so the attack proves nothing."""


@dataclass
class Measures:
    """Figures of one attack, each with its bound."""

    # Figures that a loaded machine spoils are told, but only judged if this holds.
    is_timed: bool = True
    lines: list[tuple[str, bool]] = field(default_factory=list)

    def most(self, what: str, value: float, bound: float, *, is_time: bool = False) -> None:
        """A figure that must be at most the bound."""
        self._add(f"{what} {_number(value)} (at most {_number(bound)})", value <= bound, is_time)

    def least(self, what: str, value: float, bound: float, *, is_time: bool = False) -> None:
        """A figure that must be at least the bound."""
        self._add(f"{what} {_number(value)} (at least {_number(bound)})", bound <= value, is_time)

    def equal(self, what: str, value: object, expected: object) -> None:
        """A figure that can only have one value."""
        self._add(f"{what} {value} (must be {expected})", value == expected, False)

    def one_of(self, what: str, value: object, expected: Sequence[object]) -> None:
        """A figure with several right values."""
        names = " or ".join(str(choice) for choice in expected)
        self._add(f"{what} {value} (must be {names})", value in expected, False)

    def told(self, what: str, value: float) -> None:
        """A figure without a bound."""
        self.lines.append((f"{what} {_number(value)}", True))

    def _add(self, text: str, holds: bool, is_time: bool) -> None:
        if is_time and not self.is_timed:
            holds = True
        self.lines.append((text, holds))

    @property
    def is_held(self) -> bool:
        """Whether every bound was kept, and there was one."""
        return bool(self.lines) and all(holds for _, holds in self.lines)

    def text(self) -> str:
        """All figures; those beyond their bound are marked."""
        return "; ".join(text if holds else f"!! {text}" for text, holds in self.lines)


def _number(value: float) -> str:
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


class Clients:
    """The connections of a feed, a customer, the desk and a subscriber to one engine."""

    def __init__(self, endpoint: Callable[[str], str]) -> None:
        self.endpoint = endpoint
        self._numbers = itertools.count(1)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._kept: dict[str, list[Json]] = {}
        self.epoch = 0
        # The last number of each source.
        self.sequences: dict[str, int] = {}

    def connect(self) -> None:
        """New connections of everybody."""
        self.disconnect()
        self._context = zmq.Context()
        self._kept.clear()
        self.ingest = self.socket(zmq.PUSH, "ingest")
        self.orders = self.socket(zmq.DEALER, "orders")
        self.snapshot = self.socket(zmq.DEALER, "snapshot")
        self.heartbeats = self.socket(zmq.SUB, "odds", b"hb")
        self.alerts = self.socket(zmq.SUB, "desk", b"desk.alert")
        self.epoch = self.heartbeat()["epoch"]

    def socket(self, kind: int, name: str, *topics: bytes) -> zmq.Socket[bytes]:
        """A connection without limits of its own."""
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0
        for topic in topics:
            socket.subscribe(topic)
        socket.connect(self.endpoint(name))
        return socket

    def disconnect(self) -> None:
        """Forget all connections."""
        self._context.destroy(linger=0)

    # The feed

    def feed(self, message_type: str, **fields: Any) -> None:
        """A message of a feed; ``source`` numbers its messages if it is in :attr:`sequences`."""
        source = fields.setdefault("source", "scout")
        if source in self.sequences and "seq" not in fields:
            self.sequences[source] += 1
            fields["seq"] = self.sequences[source]
        self.ingest.send(json.dumps({"type": message_type, "time_ns": time.time_ns(), **fields}).encode())

    def incident(self, fixture: int, kind: str, clock_ms: int, **fields: Any) -> None:
        """Something happened on the field."""
        self.feed("incident", fixture=fixture, kind=kind, clock_ms=clock_ms, **fields)

    def goal(self, fixture: int, clock_ms: int, home: int, away: int = 0, **fields: Any) -> None:
        """A goal of the home side, with the score after it."""
        self.incident(fixture, "goal", clock_ms, side="home", score=[home, away], **fields)

    def announce(self, fixture: int, *, starts_in_s: float = 3_600.0, **fields: Any) -> Json:
        """A priced football match before its start; returns its image."""
        start_ns = time.time_ns() + int(starts_in_s * 1e9)
        whole = {"sport": "football", "competition": "cup", "home": "H", "away": "A", "start_ns": start_ns}
        self.feed("fixture", fixture=fixture, **{**whole, **fields})
        source = {"source": fields["source"]} if "source" in fields else {}
        prices = {"odds_1x2": [3.36, 3.63, 2.1], "total_line": 2.5, "odds_total": [2.04, 1.79]}
        self.feed("prices", fixture=fixture, **prices, **source)
        return self.image_when(fixture, is_priced)

    def match(self, fixture: int, **fields: Any) -> Json:
        """A match that is being played, 0-0; returns its image."""
        self.announce(fixture, starts_in_s=0.5, **fields)
        source = {"source": fields["source"]} if "source" in fields else {}
        self.incident(fixture, "kick_off", 0, score=[0, 0], **source)
        return self.image_when(fixture, lambda image: image["period"] == "first_half")

    # Requests

    def send(self, socket: zmq.Socket[bytes] | None = None, **request: Any) -> str:
        """Ask without waiting; returns the request's id."""
        request_id = request.setdefault("request_id", f"r{next(self._numbers)}")
        (socket or self.orders).send(json.dumps(request).encode())
        return str(request_id)

    def answer(self, request_id: str, *, seconds: float = ANSWER_S) -> Json:
        """The next answer to a request on ``orders``."""
        until = time.monotonic() + seconds
        while not self._kept.get(request_id):
            left_ms = int((until - time.monotonic()) * 1000)
            if left_ms <= 0 or not self.orders.poll(left_ms):
                raise TimeoutError(f"request {request_id} was not answered within {seconds:.0f} s")
            found = json.loads(self.orders.recv_multipart()[-1])
            self._kept.setdefault(str(found.get("request_id")), []).append(found)
        return self._kept[request_id].pop(0)

    def ask(self, *, seconds: float = ANSWER_S, **request: Any) -> Json:
        """Ask on ``orders`` and wait."""
        return self.answer(self.send(**request), seconds=seconds)

    def batch(self, requests: Sequence[Json]) -> list[Json]:
        """Ask many things in as few messages as they fit into; the answers come in their order."""
        waiting = {f"n{number}": request for number, request in enumerate(requests)}
        answers: dict[str, Json] = {}
        until = time.monotonic() + 3 * ANSWER_S
        while waiting:
            portion, size = [], 0
            for request_id, request in waiting.items():
                portion.append({**request, "request_id": request_id})
                size += len(json.dumps(portion[-1])) + 2
                if size > BATCH_BYTES_MAX or len(portion) > BATCH_REQUESTS_MAX:
                    portion.pop()
                    break
            answer = self.ask(type="batch", requests=portion)
            if answer["type"] != "batch" or until < time.monotonic():
                raise ControlError(f"a batch is answered with {str(answer)[:200]}")
            for reply in answer["replies"]:
                # There was no room left for the answer: it was not carried out.
                if reply.get("code") != "batch_full":
                    answers[reply["request_id"]] = reply
                    del waiting[reply["request_id"]]
        return [answers[f"n{number}"] for number in range(len(requests))]

    def desk(self, kind: str, **fields: Any) -> Json:
        """A command of the desk."""
        return self.ask(type=kind, source="desk.alice", **fields)

    def image(self, fixture: int, *, seconds: float = ANSWER_S) -> Json:
        """The board as it is now; ``{"type": "refused"}`` if it is not known."""
        request_id = self.send(self.snapshot, type="image", fixture=fixture)
        until = time.monotonic() + seconds
        while (left_ms := int((until - time.monotonic()) * 1000)) > 0 and self.snapshot.poll(left_ms):
            found: Json = json.loads(self.snapshot.recv_multipart()[-1])
            # Images of fixtures carry the request's id only where the engine tells it.
            if found.get("fixture") == fixture or found.get("request_id") == request_id:
                return found
        raise TimeoutError(f"no image of {fixture} within {seconds:.0f} s")

    def image_when(self, fixture: int, is_so: Callable[[Json], bool], *, seconds: float = ANSWER_S) -> Json:
        """The first image of which something is true."""
        until = time.monotonic() + seconds
        found: Json = {}
        while time.monotonic() < until:
            found = self.image(fixture)
            if found["type"] == "board" and is_so(found):
                return found
            time.sleep(0.02)
        state = {name: found.get(name) for name in ("type", "status", "score", "period", "reason", "stops")}
        raise ControlError(f"fixture {fixture} never came to be as expected: {state}")

    def settled_board(self, fixture: int, *, seconds: float = 0.3) -> Json:
        """The board after what was just fed has been read."""
        time.sleep(seconds)
        return self.image(fixture)

    def deposit(self, customer: int, amount_minor: int, currency: str = "EUR") -> Json:
        """Money for a customer."""
        return self.ask(
            type="deposit",
            transfer=uuid.uuid4().hex,
            customer=customer,
            amount_minor=amount_minor,
            currency=currency,
        )

    def withdraw(self, customer: int, amount_minor: int) -> Json:
        """Money for the customer's bank."""
        return self.ask(
            type="withdraw",
            transfer=uuid.uuid4().hex,
            customer=customer,
            amount_minor=amount_minor,
            currency="EUR",
        )

    def bet_request(
        self,
        legs: Sequence[Json],
        *,
        customer: int = CUSTOMER,
        stake_minor: int = 1_000,
        ticket: str | None = None,
        policy: str = "any",
    ) -> Json:
        """A ticket that takes the odds as they are."""
        return {
            "type": "place_ticket",
            "ticket": ticket or uuid.uuid4().hex,
            "customer": customer,
            "currency": "EUR",
            "stake_minor": stake_minor,
            "odds_change": {"policy": policy},
            "legs": list(legs),
        }

    def leg(
        self, fixture: int, market: str = "1x2", selection: str = "home", *, image: Json | None = None
    ) -> Json:
        """A leg at what the board shows; at 2.0 where it shows nothing, with the version all the same."""
        image = image or self.image(fixture)
        return leg_of(image, market, selection)

    def bet(
        self, fixture: int, market: str = "1x2", selection: str = "home", *, seconds: float = 0.0, **more: Any
    ) -> Bet:
        """A single on what the board shows at present."""
        request = self.bet_request([self.leg(fixture, market, selection)], **more)
        return Bet(self, self.send(**request), request)

    def control(self, fixture: int, market: str = "1x2", selection: str = "home") -> Json:
        """A bet that must be taken, or the attack would prove nothing."""
        decided = self.bet(fixture, market, selection).decided()
        if state(decided) != "accepted":
            raise ControlError(f"without the attack a bet is {told(decided)}")
        return decided

    # What is seen

    def heartbeat(self, *, seconds: float = ANSWER_S) -> Json:
        """The next heartbeat that comes from now on."""
        with contextlib.suppress(zmq.Again):
            while True:
                self.heartbeats.recv_multipart(zmq.NOBLOCK)
        if not self.heartbeats.poll(int(seconds * 1000)):
            raise TimeoutError(f"no heartbeat within {seconds:.0f} s")
        found: Json = json.loads(self.heartbeats.recv_multipart()[1])
        return found

    def alert_list(self, *, seconds: float = 0.5) -> list[Json]:
        """Alerts of the desk that came, until none comes for so long."""
        found = []
        while self.alerts.poll(int(seconds * 1000)):
            found.append(json.loads(self.alerts.recv_multipart()[1]))
        return found


class World(Clients):
    """One engine process, and clients of it.

    ``sections`` are keys of the configuration; sockets are on free ports of loopback unless ``is_ipc``.
    """

    def __init__(
        self,
        *,
        is_ipc: bool = False,
        is_durable: bool = True,
        arguments: Sequence[str] = (),
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        is_faulty: bool = False,
        **sections: Mapping[str, Any],
    ) -> None:
        self._is_own_folder = folder is None
        # Short: the name of an ipc socket has at most 107 bytes.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="attack-", dir=_short_folder()))
        self.journal = self.folder / "journal.db"
        defaults = SECTIONS if is_durable else {**SECTIONS, "journal": {"in_memory": True}}
        merged = {
            name: {**defaults.get(name, {}), **sections.get(name, {})} for name in {**defaults, **sections}
        }
        endpoint = "ipc://{folder}/{name}" if is_ipc else TCP
        self.config = write_config(self.folder, merged, endpoint=endpoint)
        self._start_options: dict[str, Any] = {
            "arguments": arguments,
            "before": before,
            "environment": environment,
        }
        super().__init__(lambda name: self.engine.endpoint(name))
        self._attackers: list[subprocess.Popen[str]] = []
        self.engine = EngineProcess(self.config, wait=False, **self._start_options)
        try:
            if not is_faulty:
                self.engine.await_ready()
                self.connect()
        except BaseException:
            self.close()
            raise

    # Life

    def restart(self, *, environment: Mapping[str, str] | None = None, is_killed: bool = True) -> None:
        """Kill or stop it, and start it again on the same journal."""
        if self.engine.is_running():
            if is_killed:
                self.engine.kill()
            else:
                self.engine.stop()
        if environment is not None:
            self._start_options["environment"] = environment
        self.engine = EngineProcess(self.config, **self._start_options)
        self.connect()

    def close(self) -> None:
        """End everything that was started; the folder goes."""
        for attacker in self._attackers:
            if attacker.poll() is None:
                attacker.kill()
            attacker.communicate()
        self.disconnect()
        if self.engine.is_running():
            self.engine.kill()
        if self._is_own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def memory_mib(self, what: str = "VmRSS") -> float:
        """Memory of the engine's process; ``VmHWM`` is the most that it ever had."""
        for line in Path(f"/proc/{self.engine.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {what} of process {self.engine.pid}")

    def stays_up(self) -> bool:
        """Whether it lives and answers."""
        if not self.engine.is_running():
            return False
        try:
            return bool(self.ask(type="ping")["type"] == "pong")
        except TimeoutError:
            return False

    # Attackers

    def attacker(self, kind: str, socket: str, /, **options: Any) -> Attacker:
        """A process of its own that talks to a socket; see ``attackers.py``."""
        command = [sys.executable, ATTACKERS, kind, self.engine.endpoint(socket), json.dumps(options)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._attackers.append(process)
        return Attacker(process)

    @contextlib.contextmanager
    def pings(self, measures: Measures, seconds: float) -> Iterator[None]:
        """Another client asks all the time, a hundred times a second, and writes down how long it waits."""
        quiet = self.attacker("pings", "orders", seconds=0.5).result()
        pinger = self.attacker("pings", "orders", seconds=seconds)
        yield
        found = pinger.result(seconds=seconds + 120)
        # On a machine that is busy with other things the quiet figure is already high.
        bound = max(PING_MS_P99_MAX, 10 * quiet["p99_ms"])
        measures.most("ping p99 ms", found["p99_ms"], bound, is_time=True)
        measures.told("max", found["max_ms"])
        measures.told("quiet p99", quiet["p99_ms"])


class Attacker:
    """A started process of ``attackers.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def result(self, *, seconds: float = 60.0) -> Json:
        """What it prints at its end."""
        try:
            output, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise TimeoutError(f"an attacker did not end within {seconds:.0f} s") from None
        found: Json = json.loads(output or "{}")
        return found

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


class Bet:
    """A ticket on its way."""

    def __init__(self, world: Clients, request_id: str, request: Json) -> None:
        self.world, self.request_id, self.request = world, request_id, request
        self._first: Json | None = None

    def first(self) -> Json:
        """The first answer."""
        if self._first is None:
            self._first = self.world.answer(self.request_id)
        return self._first

    def decided(self, *, seconds: float = ANSWER_S) -> Json:
        """The answer that decides it."""
        found = self.first()
        if state(found) == "delayed":
            found = self.world.answer(self.request_id, seconds=seconds)
        return found


def grant(world: Clients, *customers: int, amount_minor: int = 10_000_000) -> None:
    """Money to bet with."""
    for customer in customers or (CUSTOMER,):
        if world.deposit(customer, amount_minor)["type"] != "money":
            raise ControlError(f"customer {customer} cannot deposit")


def _short_folder() -> str:
    return "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()


@dataclass(frozen=True)
class Attack:
    """One attack: what it does to an engine."""

    name: str
    run: Callable[[Measures], None]
    # Seconds it may take at most, all in all.
    seconds: int
    # Short, and judged by truth and memory: continuous integration runs it.
    is_quick: bool

    @property
    def summary(self) -> str:
        """First line of its description."""
        return (self.run.__doc__ or "").strip().splitlines()[0]


ATTACKS: list[Attack] = []


def attack(name: str, *, seconds: int = 60, quick: bool = False) -> Callable[..., Callable[..., None]]:
    """Put a function on the list."""

    def listed(run: Callable[[Measures], None]) -> Callable[[Measures], None]:
        ATTACKS.append(Attack(name, run, seconds, quick))
        return run

    return listed
