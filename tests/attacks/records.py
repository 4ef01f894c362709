"""The journal, the desk's record, and money after the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import zmq
from answers import Json, is_accepted, leg_of, told
from rig import CUSTOMER, ControlError, Measures, SkippedError, World, attack, grant

from oddsengine.client import OrdersClient

CLI = (sys.executable, "-m", "oddsengine.cli")
TICKETS_SETTLED = 25_000
DISK_MIB = 12
# Unusable, or busy.
REFUSED_STARTS = (2, 4)


# What the desk hears


def _recovered(world: World) -> tuple[set[str], str]:
    """Tickets of all settlements that the cursor gives, and what was answered if it gives none."""
    found: set[str] = set()
    since = 0
    for _ in range(10_000):
        page = world.ask(type="settlements", since=since, limit=256)
        if page["type"] != "settlements":
            return found, f"{page['type']} {page.get('code', '')}".strip()
        found |= {change["ticket"]["ticket"] for change in page["changes"]}
        if page["next"] == page["last"]:
            return found, "complete"
        since = page["next"]
    return found, "never ends"


@attack("settlements-with-a-slow-reader", seconds=240)
def settlements(measures: Measures) -> None:
    """25,000 tickets are settled at once, a reader of desk is slow: the cursor finds everything again."""
    with World(book={"bet_delay_ms": 0}) as world:
        customers = range(100, 200)
        for customer in customers:
            world.deposit(customer, 10_000_000)
        image = world.announce(1)
        leg = leg_of(image, "total:2.5", "under")
        accepted = set()
        for first in range(0, TICKETS_SETTLED, 125):
            replies = world.batch(
                [
                    world.bet_request([leg], customer=100 + k % 100, stake_minor=10)
                    for k in range(first, first + 125)
                ]
            )
            accepted |= {reply["ticket"]["ticket"] for reply in replies if is_accepted(reply)}
            # Somebody feeds, too.
            world.feed("heartbeat")
        reader = world.attacker("settlements", "desk", seconds=60.0, pause_s=2.0)
        time.sleep(1.0)
        with world.pings(measures, 5.0):
            time.sleep(0.7)
            world.feed("settle_market", fixture=1, market="total:2.5", grades=["lost", "won"])
        live = reader.result(seconds=90)
        recovered, how = _recovered(world)
        measures.told("heard live", live.get("count", 0))
        measures.equal(f"by the cursor ({how}) of {len(accepted)}", len(recovered & accepted), len(accepted))
        measures.least("settled", len(accepted), TICKETS_SETTLED)


# The engine in one's own process

_IN_PROCESS = """
import json, os, sys, threading
from oddsengine import Engine
path, what = sys.argv[1:]
told = {}
def attempt(name, do):
    try:
        told[name] = repr(do())
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
if what == "close":
    engine = Engine(path)
    engine.deposit(customer=1, amount_minor=100)
    engine.close()
    attempt("deposit", lambda: engine.deposit(customer=1, amount_minor=900))
elif what == "with":
    with Engine(path) as engine:
        engine.deposit(customer=1, amount_minor=100)
    attempt("deposit", lambda: engine.deposit(customer=1, amount_minor=900))
elif what == "fork":
    engine = Engine(path)
    engine.deposit(customer=1, amount_minor=100)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        attempt("deposit", lambda: engine.deposit(customer=1, amount_minor=900))
        attempt("close", lambda: engine.close())
        os.write(write, json.dumps(told).encode())
        os._exit(0)
    os.close(write)
    told.update(json.loads(os.read(read, 100_000) or b"{}"))
    os.waitpid(pid, 0)
    attempt("parent", lambda: engine.deposit(customer=2, amount_minor=900))
    engine.close()
elif what == "threads":
    engine = Engine(path)
    booked = [0] * 6
    errors = []
    def work(number):
        for _ in range(400):
            try:
                booked[number] += engine.deposit(customer=1, amount_minor=1).is_booked
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    told["booked"] = sum(booked)
    told["kinds"] = sorted({error.split(":")[0] for error in errors})
    told["errors"] = sorted(set(errors))[:3]
    attempt("close", lambda: engine.close())
with Engine(path) as engine:
    told["balance"] = engine.balance(customer=1).available_minor
print(json.dumps(told))
"""


def _in_process(what: str) -> Json:
    with _folder() as folder:
        command = [sys.executable, "-c", _IN_PROCESS, str(folder / "j.db"), what]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        if done.returncode:
            raise ControlError(f"the process ended with {done.returncode}: {done.stderr[-300:]}")
        found: Json = json.loads(done.stdout)
        return found


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_acknowledged(text: str) -> bool:
    return "is_booked=True" in text


@attack("money-after-close", quick=True)
def after_close(measures: Measures) -> None:
    """`Engine` in process: a deposit after close(), and after a with block."""
    for what in ("close", "with"):
        found = _in_process(what)
        measures.equal(f"acknowledged after {what}", _is_acknowledged(found["deposit"]), False)
        measures.equal("balance when opened again", found["balance"], 100)


@attack("money-after-fork")
def after_fork(measures: Measures) -> None:
    """`Engine` in process: the child of a fork deposits and closes."""
    found = _in_process("fork")
    measures.equal("acknowledged in the child", _is_acknowledged(found["deposit"]), False)
    clear = "fork" in found["deposit"] or "process" in found["deposit"]
    measures.equal(f"a clear error ({found['deposit'][:60]})", clear, True)
    measures.equal("panic in the child's close", "Panic" in found["close"], False)
    measures.equal("parent unharmed", _is_acknowledged(found["parent"]), True)
    measures.equal("balance when opened again", found["balance"], 100)


@attack("money-from-six-threads", quick=True)
def in_threads(measures: Measures) -> None:
    """`Engine` in process: six threads deposit at once; the others are told so, or served."""
    found = _in_process("threads")
    measures.equal("balance is what was acknowledged", found["balance"], found["booked"])
    unclear = [
        kind for kind in found["kinds"] if kind in ("IndexError", "PanicException", "TypeError", "KeyError")
    ]
    measures.equal("unclear errors", ", ".join(unclear) or "none", "none")
    measures.told("acknowledged", found["booked"])


# Tools beside an engine


def _loaded(world: World) -> None:
    grant(world)
    world.announce(1)
    for _ in range(20):
        world.bet(1, stake_minor=10).decided()


def _run(*arguments: str, seconds: int = 30) -> subprocess.CompletedProcess[str]:
    command = [*CLI, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


@attack("verify-and-show-beside-an-engine", quick=True)
def beside(measures: Measures) -> None:
    """The tools read the journal of a running engine, under load."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        _loaded(world)
        pings = world.attacker("pings", "orders", seconds=2.0)
        checked = _run("verify", str(world.journal), "--json")
        measures.equal("verify", checked.returncode, 0)
        shown = _run("show", str(world.journal), "balances", "--json")
        measures.equal("show", shown.returncode, 0)
        measures.equal("unanswered meanwhile", pings.result()["unanswered"], 0)
        measures.equal("clean stop afterwards", world.engine.stop(), 0)


@attack("verify-of-a-read-only-copy", quick=True)
def read_only(measures: Measures) -> None:
    """A sound copy of a stopped engine's files, on a read-only file system, is sound."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        _loaded(world)
        world.engine.stop()
        copy = world.folder / "copy"
        copy.mkdir()
        for path in world.folder.glob("journal.db*"):
            if not path.name.endswith(("-shm", ".lock")):
                shutil.copy(path, copy / path.name)
        with _mounted(copy, "ro"):
            checked = _run("verify", str(copy / "journal.db"))
            shown = _run("show", str(copy / "journal.db"), "balances")
        measures.equal("verify", checked.returncode, 0)
        measures.equal("called damaged", "damaged" in checked.stdout + checked.stderr, False)
        measures.equal("show", shown.returncode, 0)


@contextlib.contextmanager
def _mounted(folder: Path, *options: str, kind: str = "bind") -> Iterator[None]:
    """A mount on a folder; bound on itself, or a small file system in memory."""
    if os.geteuid() != 0:
        raise SkippedError("only root can mount")
    if kind == "bind":
        commands = [["mount", "--bind", str(folder), str(folder)]]
        commands += [["mount", "-o", ",".join(("remount", "bind", *options)), str(folder)]]
    else:
        commands = [["mount", "-t", kind, "-o", ",".join(options), kind, str(folder)]]
    mounted = False
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SkippedError(f"mounts are not allowed here: {done.stderr.strip()}")
            mounted = True
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@attack("reader-during-kill-and-restart", quick=True)
def reader_at_restart(measures: Measures) -> None:
    """An SQL tool holds a read transaction while the engine is killed and started again."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        _loaded(world)
        reader = sqlite3.connect(f"file:{world.journal}?mode=ro", uri=True)
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM journal_group").fetchone()
            for _ in range(50):
                world.deposit(CUSTOMER, 1)
            world.engine.kill()
            try:
                world.restart()
                measures.equal("restarts", world.stays_up(), True)
                available = world.ask(type="balance", customer=CUSTOMER)["available_minor"]
                measures.least("acknowledged money", available, 10_000_000 + 50 - 20 * 10)
            except RuntimeError as error:
                measures.equal(f"restarts ({' '.join(str(error).split())[:160]})", False, True)
        finally:
            reader.close()


@attack("journal-by-a-hard-link", quick=True)
def hard_link(measures: Measures) -> None:
    """A second engine on the same journal by another name."""
    with World(is_ipc=True) as world:
        grant(world)
        other_folder = world.folder / "other"
        other_folder.mkdir()
        for suffix in ("", "-wal", ".mark"):
            with contextlib.suppress(FileNotFoundError):
                os.link(f"{world.journal}{suffix}", f"{other_folder / 'journal.db'}{suffix}")
        with World(is_ipc=True, is_faulty=True, folder=other_folder) as other:
            code = other.engine.exit_or_ready()
            measures.one_of("second engine's exit status", "serves" if code is None else code, REFUSED_STARTS)
        measures.equal("first one alive", world.stays_up(), True)


@attack("stolen-ipc-endpoints", quick=True)
def stolen_endpoints(measures: Measures) -> None:
    """A second engine with a journal of its own on the same ipc endpoints."""
    with World(is_ipc=True) as world:
        grant(world)
        sockets = {
            name: world.engine.endpoint(name) for name in ("ingest", "orders", "odds", "snapshot", "desk")
        }
        other_folder = world.folder / "other"
        other_folder.mkdir()
        with World(is_ipc=True, is_faulty=True, folder=other_folder, sockets=sockets) as other:
            code = other.engine.exit_or_ready()
            measures.one_of("second engine's exit status", "serves" if code is None else code, REFUSED_STARTS)
        newcomer = world.socket(zmq.DEALER, "orders")
        newcomer.send(b'{"type":"ping","request_id":"new"}')
        measures.equal("a new client of the first", bool(newcomer.poll(2_000)), True)


@attack("journal-that-is-not-there", quick=True)
def missing_journal(measures: Measures) -> None:
    """`--must-exist` with a typing error in the path; without it the start says that it makes a journal."""
    with World(is_ipc=True, is_faulty=True, arguments=("--must-exist",)) as world:
        code = world.engine.exit_or_ready()
        measures.equal("exit status", "serves" if code is None else code, 2)
        errors = world.engine.errors()
        measures.equal(
            "says that it is not there",
            any(word in errors for word in ("no journal", "no such", "not there", "does not exist")),
            True,
        )
        measures.equal("made a journal", world.journal.exists(), False)
    with World(is_ipc=True) as world:
        said = world.engine.errors().lower()
        measures.equal("a new journal is told", "new journal" in said, True)


@attack("journal-removed-under-the-engine", seconds=60)
def removed_journal(measures: Measures) -> None:
    """The files of a running engine's journal are removed: it is noticed, and no money is taken any more."""
    with World(is_ipc=True) as world:
        grant(world)
        for path in world.folder.glob("journal.db*"):
            path.unlink()
        health = "ok"
        until = time.monotonic() + 10
        while time.monotonic() < until and health == "ok":
            try:
                health = world.heartbeat(seconds=2)["health"] if world.engine.is_running() else "ended"
            except TimeoutError:
                health = "ended"
        measures.one_of("health after 10 s", health, ("stopped", "ended"))
        if world.engine.is_running():
            try:
                answer = world.ask(
                    type="deposit",
                    transfer=f"{1:032x}",
                    customer=1,
                    amount_minor=1,
                    currency="EUR",
                    seconds=3,
                )["type"]
            except TimeoutError:
                answer = "silence"
            measures.one_of("a deposit", answer, ("refused", "silence"))


@attack("printed-unit", quick=True)
def unit(measures: Measures) -> None:
    """The unit in operations.md starts an engine again after a crash beside a reader."""
    page = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
    text = page.read_text(encoding="utf-8")
    measures.equal("Restart=", "Restart=on-failure" in text or "Restart=always" in text, True)
    measures.equal(
        "a status that a reader causes prevents it",
        "RestartPreventExitStatus=2\n" in text and "`--must-exist`" not in text,
        False,
    )


@attack("file-modes", quick=True)
def file_modes(measures: Measures) -> None:
    """Balances are not for every user of the host."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        _loaded(world)
        os.umask(before := os.umask(0o022))
        if before & 0o077 == 0o077:
            raise SkippedError("the umask is private already")
        names = list(world.folder.glob("journal.db*"))
        names += [world.folder / name for name in ("orders", "ingest", "desk")]
        open_ones = [path.name for path in names if path.exists() and path.stat().st_mode & 0o077]
        measures.equal("open to others", ", ".join(sorted(open_ones)) or "none", "none")


@attack("full-disk", seconds=90)
def full_disk(measures: Measures) -> None:
    """The journal's file system is full; queries are answered, and nothing acknowledged is lost."""
    with _folder() as folder, _mounted(folder, f"size={DISK_MIB}m", kind="tmpfs"):  # noqa: SIM117
        with World(is_ipc=True, folder=folder, book={"bet_delay_ms": 0}) as world:
            acknowledged = 0
            refused = 0
            until = time.monotonic() + 30
            while refused < 3 and time.monotonic() < until:
                batch = [
                    {
                        "type": "deposit",
                        "transfer": uuid.uuid4().hex,
                        "customer": CUSTOMER,
                        "amount_minor": 1,
                        "currency": "EUR",
                    }
                    for _ in range(200)
                ]
                try:
                    replies = world.batch(batch)
                except TimeoutError:
                    refused += 1
                    continue
                acknowledged += sum(reply["type"] == "money" for reply in replies)
                refused += any(reply["type"] == "refused" for reply in replies)
            if not refused:
                raise ControlError(f"the disk is not full after {acknowledged} deposits")
            for k in range(50):
                world.feed(
                    "fixture", fixture=k, sport="football", competition="c", home="H", away="A", start_ns=0
                )
            answered = {}
            for query in ({"type": "ping"}, {"type": "balance", "customer": CUSTOMER}, {"type": "fixtures"}):
                try:
                    answered[query["type"]] = world.ask(seconds=3, **query)["type"]
                except TimeoutError:
                    answered[query["type"]] = "silence"
            for name, kind in (("ping", "pong"), ("balance", "balance"), ("fixtures", "fixtures")):
                measures.equal(f"{name} while full", answered[name], kind)
            measures.equal("health", world.heartbeat()["health"], "stopped")
            world.engine.kill()
            subprocess.run(
                ["mount", "-o", f"remount,size={DISK_MIB * 8}m", str(folder)],
                capture_output=True,
                check=False,
            )
            world.restart()
            available = world.ask(type="balance", customer=CUSTOMER)["available_minor"]
            measures.least("acknowledged cents there", available, acknowledged)


# Clients


@attack("client-through-kill-and-restart", quick=True)
def client_through_restart(measures: Measures) -> None:
    """`OrdersClient.place_ticket(timeout_s=20)` while the engine is killed and comes again."""
    with World(is_ipc=True, book={"bet_delay_ms": 500}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        found: list[object] = []
        image = world.image(1)

        def place() -> None:
            ticket = uuid.uuid4().hex
            with OrdersClient(world.engine.endpoint("orders"), timeout_s=20.0) as client:
                try:
                    found.append(
                        client.place_ticket(
                            customer=CUSTOMER,
                            legs=[leg_of(image)],
                            stake_minor=1_000,
                            odds_change="any",
                            ticket=ticket,
                            timeout_s=20.0,
                        )
                    )
                except Exception as error:
                    found.append(error)
            found.append(ticket)

        thread = threading.Thread(target=place)
        start = time.monotonic()
        thread.start()
        time.sleep(0.2)
        world.engine.kill()
        time.sleep(3.5)
        world.restart()
        thread.join(timeout=25)
        took_s = time.monotonic() - start
        if not found:
            measures.equal("answer", "none", "a decision")
            return
        result, ticket = found
        if isinstance(result, Exception):
            measures.equal(f"raised {type(result).__name__} after {took_s:.1f} s", True, False)
            measures.equal("the exception tells the ticket", ticket in str(result) + str(vars(result)), True)
            return
        measures.equal("decided", getattr(result, "is_decided", False), True)
        there = world.ask(type="ticket", ticket=ticket)
        measures.equal("as the engine knows it", told(there).split()[0], str(getattr(result, "state", "")))


@attack("second-asker-of-a-delayed-ticket", quick=True)
def second_asker(measures: Measures) -> None:
    """The same delayed ticket is asked again on a second connection: both get the decision."""
    with World(book={"bet_delay_ms": 500}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        bet = world.bet(1)
        bet.first()
        second = world.socket(zmq.DEALER, "orders")
        world.send(second, **{**bet.request, "request_id": "again"})
        states = []
        until = time.monotonic() + 3
        while time.monotonic() < until and "accepted" not in states:
            if second.poll(100):
                states.append(json.loads(second.recv_multipart()[-1])["ticket"]["state"])
        measures.equal("the second asker's last answer", states[-1] if states else "none", "accepted")
        try:
            first = told(bet.decided(seconds=2))
        except TimeoutError:
            first = "none"
        measures.equal("the first asker's", first, "accepted")


@attack("rollback-of-database-and-mark", quick=True)
def rollback(measures: Measures) -> None:
    """An older copy of database and mark is put in the place of the newer one; an anchor finds it."""
    with World(is_ipc=True, journal={"path": "journal.db"}) as world:
        grant(world)
        world.engine.stop()
        older = world.folder / "older"
        older.mkdir()
        for path in world.folder.glob("journal.db*"):
            shutil.copy(path, older / path.name)
        world.restart()
        for _ in range(20):
            world.deposit(CUSTOMER, 1)
        world.engine.stop()
        proof = json.loads(_run("verify", str(world.journal), "--json").stdout)
        anchor = f"{proof['last_seq']}:{proof['head_hash']}"
        for path in world.folder.glob("journal.db*"):
            path.unlink()
        for path in older.iterdir():
            shutil.copy(path, world.folder / path.name)
        checked = _run("verify", str(world.journal), "--anchor", anchor)
        measures.equal("verify with the anchor", checked.returncode, 1)
        with World(is_ipc=True, is_faulty=True, folder=world.folder, arguments=("--anchor", anchor)) as other:
            code = other.engine.exit_or_ready()
            said = other.engine.errors()
        measures.equal("serve with the anchor", "serves" if code is None else code, 2)
        measures.equal("knows the option", "unrecognized" in said + checked.stderr, False)
