"""Odds of other matches while a popular one is settled, over ZeroMQ.

.venv/bin/python benches/zmq/popular.py [--singles 200000] [--rounds 3]

Clock messages of sixteen matches arrive at 1,000 a second; their odds are timed at a subscriber in a
process of its own. In the middle the match with all the singles ends, and the time is noted until the single
that was taken last is settled: they are settled in order of acceptance. Compared are the frames of that
stretch and those before.
"""

import argparse
import random
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import processes
import zmq
from processes import Worker, percentiles, tell

SCRIPT = Path(__file__).resolve()
POPULAR = 1_001
OTHERS = 16
CUSTOMERS = 1_000
# More answers than 60,000 bytes hold are not given: `batch_full`.
BATCH = 40
PER_SECOND = 1_000
QUIET_S = 6.0
BUSY_S_MAX = 30.0
SOURCE_NS = b'"source_ns":'


def others(settings: dict[str, Any]) -> None:
    """Clock messages of the other matches, by their due time, for as long as it is told."""
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.setsockopt(zmq.LINGER, processes.LINGER_MS)
    push.connect(settings["ingest"])
    tell(ready=True)
    order = orjson.loads(sys.stdin.readline())
    count = int(PER_SECOND * (QUIET_S + BUSY_S_MAX))
    for number, due_ns in processes.paced(count, PER_SECOND, order["start_ns"]):
        if Path(settings["end"]).exists():
            break
        push.send(
            b'{"type":"incident","source":"others","seq":%d,"time_ns":%d,"fixture":%d,"kind":"clock","half":1,'
            b'"clock_ms":%d,"score":[0,0]}'
            % (number + 1, due_ns, POPULAR + 1 + number % OTHERS, 1_000 * (1 + number // OTHERS))
        )
    tell(sent=True)
    sys.stdin.readline()
    push.close()
    context.term()


def subscriber(settings: dict[str, Any]) -> None:
    """When each odds frame of the others was caused and came."""
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.setsockopt(zmq.RCVHWM, 0)
    sub.subscribe(b"odds.")
    sub.connect(settings["odds"])
    tell(ready=True)
    sys.stdin.readline()
    pairs: list[tuple[int, int]] = []
    popular = b".%d" % POPULAR
    while not Path(settings["end"]).exists():
        if not sub.poll(200):
            continue
        topic, payload = sub.recv_multipart()
        now_ns = time.time_ns()
        if topic.endswith(popular):
            continue
        at = payload.find(SOURCE_NS) + len(SOURCE_NS)
        pairs.append((int(payload[at : payload.find(b",", at)]), now_ns))
    tell(pairs=pairs)


def place(orders: zmq.Socket[bytes], epoch: int, singles: int) -> str:
    """Money, then singles on the popular match; the id of the last one."""
    for customer in range(1, CUSTOMERS + 1):
        orders.send(
            b'{"type":"deposit","request_id":"d","transfer":"%032x","customer":%d,"currency":"EUR",'
            b'"amount_minor":1000000000}' % (customer, customer)
        )
        assert orjson.loads(orders.recv())["type"] == "money"
    chance = random.Random(11)
    ticket = ""
    for first in range(0, singles, BATCH):
        requests = []
        for _ in range(min(BATCH, singles - first)):
            ticket = f"{chance.getrandbits(128) | 1:032x}"
            leg: dict[str, Any] = {
                "fixture": POPULAR,
                "market": "1x2",
                "selection": chance.choice(("home", "draw", "away")),
            }
            request: dict[str, Any] = {
                "type": "place_ticket",
                "request_id": "p",
                "ticket": ticket,
                "currency": "EUR",
            }
            request |= {"customer": chance.randint(1, CUSTOMERS), "stake_minor": chance.randint(10, 50)}
            request |= {
                "odds_change": {"policy": "any"},
                "legs": [{**leg, "odds": 2.0, "version": [epoch, 1]}],
            }
            requests.append(request)
        orders.send(orjson.dumps({"type": "batch", "request_id": "b", "requests": requests}))
        reply = orders.recv()
        accepted = reply.count(b'"state":"accepted"')
        assert accepted == len(requests), reply[-900:]
    return ticket


def state_of(orders: zmq.Socket[bytes], ticket: str) -> str:
    """Where a ticket stands."""
    orders.send(orjson.dumps({"type": "ticket", "request_id": "t", "ticket": ticket}))
    return str(orjson.loads(orders.recv())["ticket"]["state"])


def run_once(singles: int) -> dict[str, Any]:
    """One engine, one evening."""
    with processes.Engine() as engine, zmq.Context() as context:
        push, orders = context.socket(zmq.PUSH), context.socket(zmq.DEALER)
        push.connect(engine.endpoints["ingest"])
        orders.connect(engine.endpoints["orders"])
        soon_ns = time.time_ns() + 600_000_000_000
        setup = [
            {**message, "start_ns": soon_ns} if message["type"] == "fixture" else message
            for message in processes.announcements(1 + OTHERS)
        ]
        for frame in processes.numbered(setup):
            push.send(frame)
        time.sleep(1.0)
        last = place(orders, engine.epoch, singles)
        ends = [
            processes.incident(POPULAR, "kick_off", 0),
            *(processes.incident(POPULAR + 1 + other, "kick_off", 0) for other in range(OTHERS)),
            processes.incident(POPULAR, "half_time", 2_700_000),
            processes.incident(POPULAR, "second_half", 2_700_000, half=2),
            processes.incident(POPULAR, "full_time", 5_400_000, half=2),
        ]
        messages = processes.numbered([*setup, *ends])[len(setup) :]
        for frame in messages[:-1]:
            push.send(frame)
        time.sleep(1.0)
        end = str(engine.folder / "end")
        feed = Worker(SCRIPT, "others", ingest=engine.endpoints["ingest"], end=end)
        reader = Worker(SCRIPT, "subscriber", odds=engine.endpoints["odds"], end=end)
        feed.line(), reader.line()
        reader.order({})
        start_ns = time.time_ns() + 300_000_000
        feed.order({"start_ns": start_ns})
        time.sleep(QUIET_S)
        ended_ns = time.time_ns()
        push.send(messages[-1])
        while state_of(orders, last) == "accepted":
            time.sleep(0.02)
            if time.time_ns() - ended_ns > BUSY_S_MAX * 1e9:
                raise RuntimeError("not settled in time")
        settled_ns = time.time_ns()
        Path(end).touch()
        feed.line()
        feed.order({})
        pairs = np.array(reader.line()["pairs"], dtype=np.int64)
        reader.end()
        feed.end()
        push.close(linger=0)
        orders.close(linger=0)
    warm_ns = start_ns + 1_000_000_000
    latencies = pairs[:, 1] - pairs[:, 0]
    quiet = latencies[(pairs[:, 0] >= warm_ns) & (pairs[:, 1] < ended_ns)]
    busy = latencies[(pairs[:, 0] >= ended_ns) & (pairs[:, 0] < settled_ns)]
    return {
        "quiet_us": percentiles(quiet),
        "busy_us": percentiles(busy),
        "settled_ms": (settled_ns - ended_ns) / 1e6,
    }


def main() -> None:
    """Prints each round and the medians of the ratios."""
    if len(sys.argv) > 2 and sys.argv[1] in ("others", "subscriber"):
        {"others": others, "subscriber": subscriber}[sys.argv[1]](orjson.loads(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--singles", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(orjson.dumps(processes.conditions()).decode())
    rounds = [run_once(arguments.singles) for _ in range(arguments.rounds)]
    for number, measured in enumerate(rounds, 1):
        print(number, orjson.dumps(measured).decode())
    for name in ("p50", "p99"):
        ratios = sorted(measured["busy_us"][name] / measured["quiet_us"][name] for measured in rounds)
        print(f"{name}: busy / quiet median {median(ratios):.2f} of {[round(ratio, 2) for ratio in ratios]}")


if __name__ == "__main__":
    main()
