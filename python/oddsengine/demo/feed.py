"""The feed: the matches of the recording at many times their speed.

Every message carries the moment at which it should have been sent, so a feed that is held up, by itself or by
the engine, shows in every latency measured from it.
"""

import time

import orjson
import zmq

from oddsengine.demo.child import STDIN, Control, pause
from oddsengine.demo.histogram import Histogram
from oddsengine.demo.schedule import MINUTE_MS, SOURCE, schedule, stamped

HEARTBEAT_NS = 500_000_000


def main() -> None:
    control = Control()
    settings = control.settings
    plan, speed = schedule(settings["match_count"]), settings["speed"]
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.setsockopt(zmq.LINGER, 2_000)
    push.connect(settings["ingest"])
    control.tell("ready")
    start_ns = control.wait("go")["start_ns"]

    lag = Histogram()
    for number, step in enumerate(plan.steps, start=1):
        message = stamped(step, start_ns, speed)
        frame = orjson.dumps(message)
        while pause(message["time_ns"], STDIN):
            control.orders()
        push.send(frame)
        now_ns = time.time_ns()
        lag.record(now_ns - message["time_ns"])
        if control.is_time_to_tell(now_ns):
            control.tell("feed", sent=number, count=len(plan.steps), match_minute=step.at_ms // MINUTE_MS)
    sent = len(plan.steps)
    control.tell("feed", sent=sent, count=sent, match_minute=plan.length_ms // MINUTE_MS)
    control.tell("done", sent=sent, lag_us=lag.percentiles())

    # A silent feed would be reported; heartbeats go on until the run is over.
    seq = sent
    while True:
        pause(time.time_ns() + HEARTBEAT_NS, STDIN)
        if any(order["type"] == "stop" for order in control.orders()):
            break
        seq += 1
        push.send(
            orjson.dumps({"type": "heartbeat", "source": SOURCE, "seq": seq, "time_ns": time.time_ns()})
        )
    push.close()
    context.term()


if __name__ == "__main__":
    main()
