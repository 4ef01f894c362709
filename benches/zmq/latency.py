"""Feed bytes in to odds bytes in a subscriber's hands, beside a relay that does nothing.

    python benches/zmq/latency.py [--quick] [--json FILE]

Three processes each time: feed (PUSH), engine or relay, subscriber (SUB). The relay is PULL -> XPUB
in pyzmq and sends a frame of the same size as the engine's for every message. Engine and relay
alternate within the same run, so that both meet the same weather; what counts is the difference.
Latency counts from the moment at which a message was due (coordinated omission is not possible) to
the moment at which the subscriber has the frame in hand, before it is parsed. The journal is on, on
a disk. Every 50th message is a danger or its end, on a fixture of its own: it travels in the
suspension lane and is counted apart. Sequence numbers are checked for gaps.
"""

import argparse
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
FIXTURES = 480
DANGER_EVERY = 50
# The first part of every run warms caches, queues and interpreters.
WARM_UP_SHARE = 0.1
# The end: the feed has ended, and nothing has come for so long.
SILENCE_MS = 500
# An engine that cannot keep up is given so long to catch up.
CATCH_UP_NS = 10_000_000_000
# Size of a status frame.
STATUS_BYTES = 420
SOURCE_NS = b'"source_ns":'


def feed(settings: dict[str, Any]) -> None:
    """Sends what is set up before, then clock ticks and dangers by their due time."""
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.setsockopt(zmq.LINGER, processes.LINGER_MS)
    push.setsockopt(zmq.SNDHWM, 200_000)
    push.connect(settings["ingest"])
    seq, fixtures = 0, settings["fixtures"]
    # All within the first half, however often a fixture's turn comes.
    step_ms = min(6_000, 2_600_000 * fixtures // settings["count"])
    if settings["is_engine"]:
        kick_offs = (processes.incident(1_001 + index, "kick_off", 0) for index in range(fixtures))
        for frame in processes.numbered([*processes.announcements(fixtures), *kick_offs], "bench"):
            seq += 1
            push.send(frame)
    tell(ready=True)
    start_ns = orjson.loads(sys.stdin.readline())["start_ns"]
    late = []
    ticks = 0
    for number, due_ns in processes.paced(settings["count"], settings["per_second"], start_ns):
        seq += 1
        if number % DANGER_EVERY == DANGER_EVERY - 1:
            turn = number // DANGER_EVERY
            # Fixtures in turn: first the danger of each, then its end.
            fixture, kind = 1_001 + turn % fixtures, ("danger", "safe")[turn // fixtures % 2]
            clock_ms = 1_000
        else:
            fixture, kind = 1_001 + ticks % fixtures, "clock"
            clock_ms = 1_000 + step_ms * (1 + ticks // fixtures)
            ticks += 1
        push.send(
            b'{"type":"incident","source":"bench","seq":%d,"time_ns":%d,"fixture":%d,"kind":"%b","half":1,'
            b'"clock_ms":%d,"score":[0,0]}' % (seq, due_ns, fixture, kind.encode(), clock_ms)
        )
        late.append(time.time_ns() - due_ns)
    tell(late=percentiles(late))
    # Stays until all has arrived: libzmq loses what the kernel still holds of a sender that leaves while
    # its reader's queue is full.
    sys.stdin.readline()
    push.close()
    context.term()


def relay(settings: dict[str, Any]) -> None:
    """Takes a message and sends a frame of the engine's size; nothing else."""
    context = zmq.Context()
    pull, xpub = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    pull.setsockopt(zmq.RCVHWM, 200_000)
    xpub.setsockopt(zmq.SNDHWM, 200_000)
    pull.bind(settings["ingest"])
    xpub.bind(settings["odds"])
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(xpub, zmq.POLLIN)
    board, status = b" " * max(0, settings["board_bytes"] - 60), b" " * (STATUS_BYTES - 60)
    tell(ready=True)
    while True:
        ready = dict(poller.poll())
        if xpub in ready:
            xpub.recv()
        if pull not in ready:
            continue
        while pull.get(zmq.EVENTS) & zmq.POLLIN:
            message = pull.recv()
            at = message.find(b'"time_ns":') + 10
            stamp = b'{"sent_ns":                  0,"source_ns":' + message[at : at + 19] + b","
            if b'"clock","half"' in message:
                xpub.send_multipart([b"odds.football.competition.1", stamp + board])
            else:
                xpub.send_multipart([b"status.football.competition.1", stamp + status])


def subscriber(settings: dict[str, Any]) -> None:
    """Counts latencies of odds and of status frames; looks for gaps."""
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.setsockopt(zmq.RCVHWM, 0)
    sub.subscribe(b"odds.")
    sub.subscribe(b"status.")
    sub.connect(settings["odds"])
    tell(ready=True)
    order = orjson.loads(sys.stdin.readline())
    start_ns, end_ns = order["start_ns"], order["end_ns"]
    odds: list[tuple[int, int]] = []
    status: list[tuple[int, int]] = []
    gaps, sizes = 0, 0
    seen: dict[bytes, int] = {}
    while True:
        left_ms = (end_ns - time.time_ns()) // 1_000_000
        if left_ms <= 0:
            break
        if not sub.poll(min(left_ms, SILENCE_MS)):
            if time.time_ns() > order["feed_end_ns"]:
                break
            continue
        topic, payload = sub.recv_multipart()
        now_ns = time.time_ns()
        at = payload.find(SOURCE_NS) + len(SOURCE_NS)
        # 0 where no source said it: a stop because the start has passed.
        source_ns = int(payload[at : payload.find(b",", at)])
        if settings["is_engine"]:
            place = payload.find(b'"seq":') + 6
            seq = int(payload[place : payload.find(b",", place)])
            gaps += seq != seen.get(topic, seq - 1) + 1
            seen[topic] = seq
        if source_ns < start_ns:
            continue
        if topic.startswith(b"odds"):
            odds.append((source_ns, now_ns))
            sizes += len(payload)
        else:
            status.append((source_ns, now_ns))
    warm_ns = start_ns + WARM_UP_SHARE * (order["feed_end_ns"] - start_ns)

    def latencies(pairs: list[tuple[int, int]]) -> list[int]:
        return [received - source for source, received in pairs if source >= warm_ns]

    tell(
        odds_ns=latencies(odds),
        status_ns=latencies(status),
        odds_frames=len(odds),
        status_frames=len(status),
        status_source_ns=[source for source, _ in status],
        gaps=gaps,
        bytes=sizes // max(1, len(odds)),
    )


class Paths:
    """Endpoints of a relay."""

    def __init__(self, folder: Path) -> None:
        self.endpoints = {name: f"ipc://{folder}/relay-{name}" for name in ("ingest", "odds")}


def run_once(per_second: int, seconds: float, fixtures: int, board_bytes: int | None) -> dict[str, Any]:
    """One run of an engine, or of a relay with frames of `board_bytes`."""
    count = int(per_second * seconds)
    with Engine() as engine:
        is_engine = board_bytes is None
        middle = None
        endpoints = engine.endpoints
        if not is_engine:
            endpoints = Paths(engine.folder).endpoints
            middle = Worker(SCRIPT, "relay", board_bytes=board_bytes, **endpoints)
            middle.line()
        common = {"is_engine": is_engine, "count": count, "per_second": per_second}
        common["fixtures"] = fixtures
        sub = Worker(SCRIPT, "subscriber", odds=endpoints["odds"], **common)
        sub.line()
        push = Worker(SCRIPT, "feed", ingest=endpoints["ingest"], **common)
        push.line()
        # The engine has priced all fixtures by then.
        time.sleep(1.0)
        start_ns = time.time_ns() + 200_000_000
        feed_end_ns = start_ns + int(seconds * 1e9)
        order = {"start_ns": start_ns, "feed_end_ns": feed_end_ns, "end_ns": feed_end_ns + CATCH_UP_NS}
        for worker in (push, sub):
            worker.order(order)
        late = push.line()["late"]
        result = sub.line()
        push.order({"end": True})
        push.end()
        sub.end()
        if middle is not None:
            middle.kill()
    # Two ticks of a fixture in one turn make one frame; a tick that moves no price makes none.
    sent_status = count // DANGER_EVERY
    assert result["gaps"] == 0, f"{result['gaps']} gaps"
    stops = (start_ns + number * 1_000_000_000 // per_second for number in range(count))
    missing = {due_ns for number, due_ns in enumerate(stops) if number % DANGER_EVERY == DANGER_EVERY - 1}
    missing -= set(result.pop("status_source_ns"))
    late_ms = sorted((due_ns - start_ns) // 1_000_000 for due_ns in missing)
    assert not missing, (
        f"{len(missing)} of {sent_status} stops and ends never came, due after {late_ms[:8]} ms"
    )
    share = result["odds_frames"] / (count - sent_status)
    assert share > (0.3 if is_engine else 0.999), f"only {share:.3f} of the ticks gave a frame"
    return {**result, "late": late, "frame_share": round(share, 3)}


def measure(per_second: int, seconds: float, rounds: int, fixtures: int) -> dict[str, Any]:
    """Engine and relay in turn."""
    engine, relay_runs = [], []
    for _ in range(rounds):
        engine.append(run_once(per_second, seconds, fixtures, None))
        relay_runs.append(run_once(per_second, seconds, fixtures, engine[-1]["bytes"]))

    def medians(runs: list[dict[str, Any]], key: str) -> dict[str, float]:
        each = [percentiles(run[key]) for run in runs]
        values = {name: float(np.median([one[name] for one in each])) for name in ("p50", "p99", "p99_9")}
        return {**values, "max": max(one["max"] for one in each), "count": sum(one["count"] for one in each)}

    result: dict[str, Any] = {
        "per_second": per_second,
        "rounds": rounds,
        "seconds": seconds,
        "frame_bytes": engine[0]["bytes"],
        "frames_per_tick": engine[0]["frame_share"],
        "feed_late": engine[0]["late"],
    }
    for lane in ("odds", "status"):
        ours, floor = medians(engine, f"{lane}_ns"), medians(relay_runs, f"{lane}_ns")
        pairs = zip(engine, relay_runs, strict=True)
        p50 = [
            percentiles(one[f"{lane}_ns"])["p50"] - percentiles(other[f"{lane}_ns"])["p50"]
            for one, other in pairs
        ]
        result[lane] = {
            "engine": ours,
            "relay": floor,
            "p50_above_relay_us": round(float(np.median(p50)), 1),
            "p99_ratio": round(ours["p99"] / floor["p99"], 2),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it works")
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument(
        "--fixtures", type=int, default=FIXTURES, help="in play; the fewer, the more is conflated"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rates, rounds, seconds = options.rates, options.rounds, options.seconds
    if options.quick:
        rates, rounds, seconds = [500], 1, 0.6
    report: dict[str, Any] = {"conditions": processes.conditions(), "rows": []}
    print("Feed bytes to odds bytes, three processes, ipc, journal on; latency from the due time, in us")
    print("  ".join(f"{name} {value}" for name, value in report["conditions"].items()))
    print(f"{'':<34}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}")
    for per_second in rates:
        row = measure(per_second, seconds, rounds, options.fixtures)
        report["rows"].append(row)
        print(
            f"{per_second} messages/s over {options.fixtures} fixtures, "
            f"frames of {row['frame_bytes']} bytes, {rounds} rounds of {seconds} s"
        )
        for lane, name in (("odds", "odds"), ("status", "suspension, among the odds")):
            for who in ("engine", "relay"):
                values = row[lane][who]
                columns = "".join(f"{values[column]:>9.0f}" for column in ("p50", "p99", "p99_9", "max"))
                print(f"  {name + ', ' + who:<32}{columns}")
            print(
                f"  {name}: p50 {row[lane]['p50_above_relay_us']:+.0f} us above the relay, p99 "
                f"{row[lane]['p99_ratio']:.2f} times its p99"
            )
    report["conditions"]["load_after"] = processes.conditions()["load"]
    if options.json:
        options.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    roles = {"feed": feed, "relay": relay, "subscriber": subscriber}
    if len(sys.argv) == 3 and sys.argv[1] in roles:
        roles[sys.argv[1]](orjson.loads(sys.argv[2]))
    else:
        main()
