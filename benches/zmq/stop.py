"""A stop behind a backlog: danger is sent behind clock messages that wait; how long until its status arrives.

.venv/bin/python benches/zmq/stop.py [--backlog 100000] [--rounds 3]
"""

import argparse
import time
from statistics import median

import orjson
import zmq
from processes import Engine, announcements, incident, numbered


def run_once(backlog: int) -> dict[str, float]:
    """Milliseconds from sending the danger to the status of its halt, and to its own, told in its order."""
    with Engine() as engine, zmq.Context() as context:
        feed, odds = context.socket(zmq.PUSH), context.socket(zmq.SUB)
        feed.set_hwm(0)
        odds.set_hwm(0)
        odds.subscribe(b"status")
        odds.connect(engine.endpoints["odds"])
        feed.connect(engine.endpoints["ingest"])
        fixtures = announcements(2)
        ids = sorted({message["fixture"] for message in fixtures})
        starts = [incident(fixture, "kick_off", 0, score=[0, 0]) for fixture in ids]
        clocks = [incident(ids[0], "clock", 1_000 + number // 100) for number in range(backlog)]
        danger = incident(ids[1], "danger", 2_000)
        messages = numbered([*fixtures, *starts, *clocks, danger])
        first = len(fixtures) + len(starts)
        for message in messages[:first]:
            feed.send(message)
        time.sleep(1.0)
        while odds.poll(0):
            odds.recv_multipart()
        for message in messages[first:-1]:
            feed.send(message)
        sent_ns = time.monotonic_ns()
        feed.send(messages[-1])
        taken: dict[str, float] = {}
        while "danger" not in taken:
            if not odds.poll(60_000):
                raise RuntimeError(f"the danger's status did not come; until then {taken}")
            status = orjson.loads(odds.recv_multipart()[1])
            if status["fixture"] == ids[1]:
                for stop in status["stops"]:
                    taken.setdefault(stop, (time.monotonic_ns() - sent_ns) / 1e6)
        feed.close(linger=0)
        odds.close(linger=0)
    return {"halt_ms": taken.get("halt", taken["danger"]), "danger_ms": taken["danger"]}


def main() -> None:
    """Prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rounds = [run_once(arguments.backlog) for _ in range(arguments.rounds)]
    for name in ("halt_ms", "danger_ms"):
        values = sorted(round_[name] for round_ in rounds)
        print(f"{name:<10} median {median(values):9.1f}  of {[round(value, 1) for value in values]}")


if __name__ == "__main__":
    main()
