"""Tickets over ZeroMQ: request in, durable reply out.

    python benches/zmq/bets.py [--quick] [--json FILE]

The engine is `oddsengine serve` with its journal on a disk. Latency: one client process, one ticket
a request, paced by due time at 1,000/s; it counts from the moment at which the ticket was due to
the moment at which its durable reply is in hand. Throughput: client processes that send batches of
100 tickets, two batches on their way each. Beside it, in the same run, what nobody can beat: one
hop of pyzmq, PUSH to PULL, and one sync of the disk. All tickets must be accepted.
"""

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import processes
import zmq
from processes import Engine, Worker, percentiles, tell

SCRIPT = Path(__file__).resolve()
FIXTURES = 48
CUSTOMERS = 1_000
# More answers than 60,000 bytes hold are not given: `batch_full`.
BATCH = 40
AHEAD = 2
MENU = [("1x2", ("home", "draw", "away"))] * 4 + [
    ("total:2.5", ("over", "under")),
    ("both_score", ("yes", "no")),
]


def ticket(chance: random.Random, epoch: int, request_id: str) -> bytes:
    """A single on a fixture before kick-off, at whatever the odds are."""
    market, names = chance.choice(MENU)
    leg: dict[str, Any] = {"fixture": chance.randint(1_001, 1_000 + FIXTURES), "market": market}
    leg.update({"selection": chance.choice(names), "odds": 2.0, "version": [epoch, 1]})
    request = {
        "type": "place_ticket",
        "request_id": request_id,
        "ticket": f"{chance.getrandbits(128) | 1:032x}",
    }
    money = {
        "customer": chance.randint(1, CUSTOMERS),
        "currency": "EUR",
        "stake_minor": chance.randint(100, 2_000),
    }
    return orjson.dumps({**request, **money, "odds_change": {"policy": "any"}, "legs": [leg]})


def prepare(engine: Engine) -> None:
    """Fixtures, prices and money."""
    context = zmq.Context()
    push, orders = context.socket(zmq.PUSH), context.socket(zmq.DEALER)
    push.connect(engine.endpoints["ingest"])
    orders.connect(engine.endpoints["orders"])
    for frame in processes.numbered(processes.announcements(FIXTURES), "bench"):
        push.send(frame)
    for customer in range(1, CUSTOMERS + 1):
        orders.send(
            b'{"type":"deposit","request_id":"d","transfer":"%032x","customer":%d,"currency":"EUR",'
            b'"amount_minor":1000000000}' % (customer, customer)
        )
    for _ in range(CUSTOMERS):
        reply = orjson.loads(orders.recv())
        assert reply["type"] == "money", reply
    while True:
        orders.send(b'{"type":"fixtures","request_id":"f"}')
        fixtures = orjson.loads(orders.recv())["fixtures"]
        if len(fixtures) == FIXTURES and all(fixture["version"] for fixture in fixtures):
            break
        time.sleep(0.05)
    push.close()
    orders.close()
    context.term()


def one_by_one(settings: dict[str, Any]) -> None:
    """Sends by due time, takes replies as they come."""
    context = zmq.Context()
    orders = context.socket(zmq.DEALER)
    orders.connect(settings["orders"])
    chance, count, per_second = random.Random(settings["seed"]), settings["count"], settings["per_second"]
    tickets = [ticket(chance, settings["epoch"], str(number)) for number in range(count)]
    start_ns = time.time_ns() + 200_000_000
    step_ns = 1e9 / per_second
    latencies, sent, refused = [], 0, 0
    while len(latencies) + refused < count:
        due_ns = start_ns + int(sent * step_ns)
        now_ns = time.time_ns()
        if sent < count and due_ns <= now_ns:
            orders.send(tickets[sent])
            sent += 1
            continue
        wait_ms = 1_000 if sent == count else (due_ns - now_ns) / 1e6
        # Whole milliseconds are too coarse: what is left of the last one is slept.
        if not orders.poll(int(wait_ms)):
            if wait_ms < 1 and not orders.get(zmq.EVENTS) & zmq.POLLIN:
                time.sleep(min(wait_ms, 0.05) / 1e3)
            continue
        reply = orders.recv()
        received_ns = time.time_ns()
        at = reply.find(b'"request_id":"') + 14
        number = int(reply[at : reply.find(b'"', at)])
        if b'"state":"accepted"' in reply:
            latencies.append(received_ns - start_ns - int(number * step_ns))
        else:
            refused += 1
            example = reply
    tell(latencies_ns=latencies[count // 10 :], refused=refused, example=example.decode() if refused else "")


def in_batches(settings: dict[str, Any]) -> None:
    """Two batches on their way, all the time."""
    context = zmq.Context()
    orders = context.socket(zmq.DEALER)
    orders.connect(settings["orders"])
    chance = random.Random(settings["seed"])
    batches = [
        b'{"type":"batch","request_id":"%d","requests":[%b]}'
        % (
            number,
            b",".join(ticket(chance, settings["epoch"], f"{number}-{place}") for place in range(BATCH)),
        )
        for number in range(settings["count"] // BATCH)
    ]
    tell(ready=True)
    sys.stdin.readline()
    start_ns = time.time_ns()
    replies: list[bytes] = []
    sent = 0
    while len(replies) < len(batches):
        while sent < len(batches) and sent - len(replies) < AHEAD:
            orders.send(batches[sent])
            sent += 1
        replies.append(orders.recv())
    end_ns = time.time_ns()
    accepted = sum(reply.count(b'"state":"accepted"') for reply in replies)
    tell(start_ns=start_ns, end_ns=end_ns, accepted=accepted)


def hop(settings: dict[str, Any]) -> None:
    """Receives what the parent pushes, paced like the tickets."""
    context = zmq.Context()
    pull = context.socket(zmq.PULL)
    pull.bind(settings["endpoint"])
    tell(ready=True)
    latencies = []
    for _ in range(settings["count"]):
        due_ns = int(pull.recv()[:19])
        latencies.append(time.time_ns() - due_ns)
    tell(latencies_ns=latencies[settings["count"] // 10 :])


def measure_hop(engine: Engine, count: int) -> list[int]:
    """One hop: the tick of pyzmq on this machine."""
    endpoint = f"ipc://{engine.folder}/hop"
    worker = Worker(SCRIPT, "hop", endpoint=endpoint, count=count)
    worker.line()
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.connect(endpoint)
    for _, due_ns in processes.paced(count, 1_000, time.time_ns() + 200_000_000):
        push.send(b"%d%300s" % (due_ns, b""))
    latencies: list[int] = worker.line()["latencies_ns"]
    worker.end()
    push.close()
    context.term()
    return latencies


def measure_disk(engine: Engine, count: int) -> list[int]:
    """Appends and syncs, one after the other: what the disk of the journal gives at this moment."""
    latencies = []
    with open(engine.folder / "disk", "wb", buffering=0) as file:
        for _ in range(count):
            start_ns = time.time_ns()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            latencies.append(time.time_ns() - start_ns)
    return latencies


def measure(rounds: int, count: int, clients: int, batched: int) -> dict[str, Any]:
    """Latency and throughput, round by round on a fresh engine."""
    latencies, hops, disks, rates = [], [], [], []
    for seed in range(rounds):
        with Engine() as engine:
            prepare(engine)
            hops.append(measure_hop(engine, count))
            disks.append(measure_disk(engine, count // 10))
            common = {"orders": engine.endpoints["orders"], "epoch": engine.epoch}
            worker = Worker(SCRIPT, "one_by_one", count=count, per_second=1_000, seed=seed, **common)
            result = worker.line()
            worker.end()
            assert result["refused"] == 0, result["example"]
            latencies.append(result["latencies_ns"])
            workers = [
                Worker(SCRIPT, "in_batches", count=batched, seed=1_000 * (seed + 1) + client, **common)
                for client in range(clients)
            ]
            for worker in workers:
                worker.line()
            for worker in workers:
                worker.order({})
            results = [worker.line() for worker in workers]
            for worker in workers:
                worker.end()
            assert all(result["accepted"] == batched // BATCH * BATCH for result in results), results
            seconds = max(one["end_ns"] for one in results) - min(one["start_ns"] for one in results)
            rates.append(sum(one["accepted"] for one in results) / (seconds / 1e9))
    medians = {}
    for name, runs in (("ticket", latencies), ("hop", hops), ("disk", disks)):
        each = [percentiles(run) for run in runs]
        medians[name] = {key: float(np.median([one[key] for one in each])) for key in ("p50", "p99", "p99_9")}
        medians[name]["max"] = max(one["max"] for one in each)
    return {
        "rounds": rounds,
        "per_second": 1_000,
        **medians,
        "batched_per_second": round(float(np.median(rates))),
        "batched_rates": [round(rate) for rate in rates],
        "clients": clients,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = (
        (1, 200, options.clients, 400) if options.quick else (options.rounds, 4_000, options.clients, 40_000)
    )
    report: dict[str, Any] = {"conditions": processes.conditions(), "rows": []}
    print("Tickets over ZeroMQ, ipc, journal on a disk; in us")
    print("  ".join(f"{name} {value}" for name, value in report["conditions"].items()))
    row = measure(*sizes)
    report["rows"].append(row)
    print(f"{'':<44}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}")
    names = (
        ("ticket", "ticket to durable reply, 1,000/s"),
        ("hop", "one pyzmq hop, 1,000/s"),
        ("disk", "4 KiB appended and synced, one by one"),
    )
    for key, name in names:
        values = row[key]
        print(f"{name:<44}" + "".join(f"{values[column]:>9.0f}" for column in ("p50", "p99", "p99_9", "max")))
    print(
        f"batches of {BATCH} from {row['clients']} clients: {row['batched_per_second']} tickets/s",
        row["batched_rates"],
    )
    report["conditions"]["load_after"] = processes.conditions()["load"]
    if options.json:
        options.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    roles = {"one_by_one": one_by_one, "in_batches": in_batches, "hop": hop}
    if len(sys.argv) == 3 and sys.argv[1] in roles:
        roles[sys.argv[1]](orjson.loads(sys.argv[2]))
    else:
        main()
