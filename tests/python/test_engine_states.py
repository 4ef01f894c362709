"""An engine in this process after `close()`, in a fork, from two threads, and after a bug inside the core.

What broke: `engine.close()` and then `deposit(customer=7, amount_minor=100)` answered as booked, with the new
balance, and the journal knew nothing of it; so did an engine that was used after its `with`, and a forked
child. Two threads that deposited at once ended in `RuntimeError: Already borrowed`, or in `IndexError` out of
a deque of answers. A panic inside the core was a `BaseException`, and the engine went on with half a change.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oddsengine import Engine, OddsEngineError, _core, margin
from oddsengine.exceptions import InternalError
from oddsengine.models import Space

WORK: dict[str, Callable[[Engine], Any]] = {
    "deposit": lambda engine: engine.deposit(customer=7, amount_minor=100),
    "withdraw": lambda engine: engine.withdraw(customer=7, amount_minor=100),
    "balance": lambda engine: engine.balance(customer=7),
    "submit": lambda engine: engine.submit({"type": "get_balance", "customer": 7}),
    "board": lambda engine: engine.board(1),
    "tick": lambda engine: engine.tick(),
    "ingest": lambda engine: engine.ingest(b"{}"),
    "feed": lambda engine: engine.feed.fixture(1, competition="c", home="a", away="b", start_ns=0),
    "define_space": lambda engine: engine.define_space(coin()),
    "set_probabilities": lambda engine: engine.set_probabilities(1, [0.5, 0.5]),
}

READ: dict[str, Callable[[Engine], Any]] = {
    "state_hash": lambda engine: engine.state_hash(),
    "invariants": lambda engine: engine.invariants(),
    "accounts": lambda engine: engine.accounts(),
    "metrics": lambda engine: engine.metrics(),
    "epoch": lambda engine: engine.epoch,
    "poll": lambda engine: engine.poll(),
    "events": lambda engine: engine.events(),
}


def coin() -> Space:
    space = Space("coin", [[0], [1]])
    return space.market("side", {"heads": [1.0, 0.0], "tails": [0.0, 1.0]})


def customer_minor(engine: Engine, customer: int) -> int:
    accounts = [account for account in engine.accounts() if account["customer"] == customer]
    return sum(account["posted_minor"] for account in accounts if account["account"] == "CustomerCash")


@pytest.mark.parametrize("is_durable", [False, True])
@pytest.mark.parametrize("name", WORK)
def test_a_closed_engine_refuses_work(tmp_path: Path, name: str, is_durable: bool) -> None:
    with Engine(tmp_path / "journal.db" if is_durable else None) as engine:
        engine.deposit(customer=7, amount_minor=1_000)
    before = engine.state_hash()
    with pytest.raises(OddsEngineError, match=r"^the engine is closed$"):
        WORK[name](engine)
    engine.close()
    assert engine.state_hash() == before
    if is_durable:
        with Engine(tmp_path / "journal.db") as again:
            assert customer_minor(again, 7) == 1_000


@pytest.mark.parametrize("name", READ)
def test_what_there_is_can_be_read_after_closing(name: str) -> None:
    engine = Engine()
    engine.close()
    READ[name](engine)
    assert "closed" in repr(engine)


def test_the_answers_that_closing_made_durable_are_there(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "journal.db")
    sent = engine.submit({"type": "deposit", "transfer": "01" * 16, "customer": 7, "amount_minor": 100})
    engine.close()
    assert [reply.request_id for reply in engine.poll()] == [sent]


def test_the_service_refuses_work_once_it_is_closed() -> None:
    service = _core.Service(journal=None, config={}, now_ns=1)
    service.close()
    service.close()
    calls: list[Callable[[], Any]] = [
        lambda: service.ingest(b"{}", 2),
        lambda: service.order(b"me", b"{}", 2),
        lambda: service.snapshot_request(b"me", b"{}", 2),
        lambda: service.heartbeat(2),
        lambda: service.end_turn(),
        lambda: service.durable(),
        lambda: service.set_binary(True),
    ]
    for call in calls:
        with pytest.raises(OddsEngineError, match=r"^the engine is closed$"):
            call()
    assert service.take_frames(2) == []
    assert service.metrics()["tickets"] == 0


def test_two_threads_never_lose_an_acknowledged_deposit() -> None:
    engine = Engine()
    acknowledged = [0] * 4
    wrong: list[BaseException] = []
    refused = [0] * 4

    def deposits(place: int) -> None:
        for count in range(20_000):
            # On a busy machine the threads may meet late.
            if count >= 400 and sum(refused) > 0:
                return
            try:
                engine.deposit(customer=7, amount_minor=1)
                acknowledged[place] += 1
            except OddsEngineError as error:
                refused[place] += 1
                if not str(error).startswith("the engine is in use by another thread\nhint: "):
                    wrong.append(error)
            except BaseException as error:
                wrong.append(error)

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=deposits, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval_s)
    assert wrong == []
    assert customer_minor(engine, 7) == sum(acknowledged)
    assert sum(refused) > 0


def test_a_second_thread_is_refused_and_told() -> None:
    entered, go = threading.Event(), threading.Event()
    said: list[str] = []

    def clock() -> int:
        if threading.current_thread() is holder:
            entered.set()
            go.wait(30)
        return 1

    holder = threading.Thread(target=lambda: engine.tick())
    engine = Engine(clock=clock)
    holder.start()
    assert entered.wait(30)
    for work in (*WORK.values(), *READ.values()):
        with pytest.raises(OddsEngineError) as refused:
            work(engine)
        said.append(str(refused.value))
    go.set()
    holder.join()
    assert {text.partition("\n")[0] for text in said} == {"the engine is in use by another thread"}
    engine.deposit(customer=7, amount_minor=1)


FORK = """
    import os, sys, time
    from oddsengine import Engine, OddsEngineError, _core

    journal = sys.argv[1]
    engine = Engine(journal)
    engine.deposit(customer=7, amount_minor=100)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        refused = []
        for call in (
            lambda: engine.deposit(customer=7, amount_minor=1),
            lambda: engine.poll(),
            lambda: engine.accounts(),
            lambda: engine._core.order(b"me", b"{}", 1),
            lambda: engine._core.metrics(),
        ):
            try:
                refused.append(repr(call()))
            except OddsEngineError as error:
                refused.append(str(error).partition(",")[0])
        engine.close()
        engine.close()
        repr(engine)
        assert refused == [f"the engine belongs to process {os.getppid()}"] * 5, refused
        os.write(write, b"x")
        time.sleep(float(sys.argv[2]))
        # The interpreter ends as always: everything is dropped.
        del engine
        sys.exit(7)
    assert os.read(read, 1) == b"x"
    engine.deposit(customer=7, amount_minor=10)
    engine.close()
    # The child still has every file open.
    with Engine(journal) as again:
        again.deposit(customer=7, amount_minor=1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7, status
    assert _core.verify_journal(journal)["is_sound"]
    with Engine(journal) as last:
        print(last.balance(customer=7).available_minor)
"""


@pytest.mark.parametrize("sleep_s", ["0", "1.5"])
def test_a_fork_has_no_engine_and_harms_none(tmp_path: Path, sleep_s: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORK), tmp_path / "journal.db", sleep_s],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "111"), ran.stderr
    assert "panicked" not in ran.stderr


def test_a_panic_is_an_exception_of_the_package() -> None:
    with pytest.raises(OddsEngineError, match="a panic for tests") as caught:
        _core.panic_for_tests()
    assert isinstance(caught.value, InternalError)
    assert isinstance(caught.value, Exception)
    assert margin.fair_probabilities([2.0, 2.0]) == [0.5, 0.5]


def test_an_engine_is_unusable_after_a_panic_and_its_journal_is_not(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "journal.db")
    engine.deposit(customer=7, amount_minor=100)
    with pytest.raises(InternalError):
        _core.panic_for_tests(engine._core)
    for work in (*WORK.values(), READ["accounts"], READ["state_hash"]):
        with pytest.raises(OddsEngineError, match=r"^the engine is unusable after a bug inside it"):
            work(engine)
    engine.close()
    engine.close()
    assert _core.verify_journal(str(tmp_path / "journal.db"))["is_sound"]
    with Engine(tmp_path / "journal.db") as again:
        assert customer_minor(again, 7) == 100


def test_the_process_id_is_that_of_the_opener() -> None:
    engine = Engine()
    engine._process_id = os.getpid() + 1
    with pytest.raises(
        OddsEngineError, match=rf"belongs to process {os.getpid() + 1}, and this is process {os.getpid()}"
    ):
        engine.deposit(customer=7, amount_minor=1)
