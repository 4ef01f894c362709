"""The subscriber: keeps every board, measures feed to odds, and loses a few frames on purpose.

A frame counts from the moment at which the feed should have sent what caused it to the moment at which this
process has the frame in hand, so the time that it waited here behind other frames counts as well.
"""

import random
import time
from typing import Any

import orjson
import zmq

from oddsengine.demo.boards import Board, Boards, Frame, difference
from oddsengine.demo.child import STDIN, Control
from oddsengine.demo.histogram import Histogram
from oddsengine.demo.schedule import SOURCE, TOPIC_PREFIX

TICK_MS = 100
FRAMES_PER_TURN = 256
REPLY_NS_MAX = 10_000_000_000
ROWS_MAX = 12
SHOWN_MARKETS = ("1x2", "total:2.5")


class Subscriber:
    """Sockets, boards and measurements."""

    def __init__(self, control: Control) -> None:
        settings = control.settings
        self.control = control
        self.context = zmq.Context()
        self.odds = self.context.socket(zmq.SUB)
        self.odds.setsockopt(zmq.RCVHWM, 200_000)
        for topic in (f"odds.{TOPIC_PREFIX}", f"status.{TOPIC_PREFIX}", "hb"):
            self.odds.subscribe(topic)
        self.odds.connect(settings["odds"])
        self.snapshot = self.context.socket(zmq.DEALER)
        self.snapshot.setsockopt(zmq.LINGER, 0)
        self.snapshot.connect(settings["snapshot"])
        self.poller = zmq.Poller()
        for source in (self.odds, self.snapshot):
            self.poller.register(source, zmq.POLLIN)
        self.poller.register(STDIN, zmq.POLLIN)
        # About one frame leaves per message of the feed.
        places = range(settings["frame_count"] // 20, settings["frame_count"] * 4 // 5)
        self.drops = set(random.Random(settings["seed"]).sample(places, min(settings["drop"], len(places))))
        self.boards = Boards()
        self.settled: set[int] = set()
        self.latency, self.suspension, self.inside = Histogram(), Histogram(), Histogram()
        self.frames = self.dropped = self.bytes = self.heartbeats = 0
        self.heartbeat: Frame = {}
        self.images: list[Frame] | None = None
        self.is_complete = False

    def turn(self, timeout_ms: int) -> None:
        """Waits for frames and takes all that are there."""
        self.poller.poll(timeout_ms)
        for _ in range(FRAMES_PER_TURN):
            if not self._take_frame():
                break
        while self._take_image():
            pass
        now_ns = time.time_ns()
        if self.control.is_time_to_tell(now_ns):
            self.control.tell("odds", **self.facts())

    def _take_frame(self) -> bool:
        try:
            topic, payload = self.odds.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        now_ns = time.time_ns()
        frame = orjson.loads(payload)
        if topic == b"hb":
            self.heartbeat, self.heartbeats = frame, self.heartbeats + 1
            for tail in frame["tails"]:
                if self.boards.take_tail(tail):
                    self._ask(tail["fixture"])
            return True
        self.frames += 1
        self.bytes += len(payload)
        if frame["source"] == SOURCE and frame["source_ns"] > 0:
            is_status = frame["type"] == "status"
            (self.suspension if is_status else self.latency).record(now_ns - frame["source_ns"])
            self.inside.record(frame["sent_ns"] - frame["received_ns"])
        if self.frames in self.drops:
            self.dropped += 1
        elif self.boards.take(frame):
            self._ask(frame["fixture"])
        return True

    def _take_image(self) -> bool:
        try:
            reply = orjson.loads(self.snapshot.recv(zmq.NOBLOCK))
        except zmq.Again:
            return False
        if reply["type"] == "images_end":
            self.is_complete = reply["next"] is None
            if not self.is_complete:
                self._ask_images(reply["next"])
        elif reply["type"] == "board" and self.images is not None:
            self.images.append(reply)
        elif reply["type"] == "board" and self.boards.recover(reply):
            self._ask(reply["fixture"])
        return True

    def _ask(self, fixture: int) -> None:
        request = {"type": "image", "request_id": f"image-{fixture}", "fixture": fixture}
        self.snapshot.send(orjson.dumps(request))

    def _ask_images(self, after: int) -> None:
        request = {"type": "images", "request_id": "final", "prefix": f"odds.{TOPIC_PREFIX}", "after": after}
        self.snapshot.send(orjson.dumps(request))

    def facts(self) -> dict[str, Any]:
        """What the parent shows."""
        names = ("health", "command_count", "durable_count", "queued_count")
        return {
            "frames": self.frames,
            "bytes": self.bytes,
            "dropped": self.dropped,
            "gaps_found": self.boards.gaps_found,
            "gaps_recovered": self.boards.gaps_recovered,
            "lost": self.boards.lost,
            "latency_us": self.latency.percentiles(),
            "suspension_us": self.suspension.percentiles(),
            "inside_us": self.inside.percentiles(),
            "journal": {name: self.heartbeat[name] for name in names if name in self.heartbeat},
            "settled": self._settled_count(),
            "rows": [row(board) for board in self._shown()],
        }

    def _settled_count(self) -> int:
        """Looks only at boards that were not settled before: each has a thousand selections."""
        waiting = (board for board in self.boards.all() if board.fixture not in self.settled)
        self.settled |= {board.fixture for board in waiting if is_settled(board)}
        return len(self.settled)

    def _shown(self) -> list[Board]:
        """Matches in play first, then those to come."""
        running = [
            board for board in self.boards.all() if board.standing.get("status") in ("open", "suspended")
        ]
        running.sort(key=lambda board: (board.standing["period"] == "pre_match", board.fixture))
        return running[:ROWS_MAX]

    def finish(self) -> None:
        """Compares every board with an image of the end, and tells the result."""
        heartbeats, deadline_ns = self.heartbeats, time.time_ns() + REPLY_NS_MAX
        # Two heartbeats tell the tails of everything sent so far; images of gaps must come first.
        while time.time_ns() < deadline_ns and (self.heartbeats < heartbeats + 2 or self.boards.lost):
            self.turn(TICK_MS)
        self.images = []
        self._ask_images(0)
        while time.time_ns() < deadline_ns and not self.is_complete:
            self.turn(TICK_MS)
        found = [difference(self.boards[image["fixture"]], image) for image in self.images]
        differences = [text for text in found if text is not None]
        if not self.is_complete:
            differences.append("the final images did not come")
        self.control.tell("odds", **self.facts())
        self.control.tell(
            "done",
            images=len(self.images),
            differences=differences,
            duplicates=self.boards.duplicates,
            missed=self.boards.missed,
            # A gap is one loss here, however many frames it spans.
            messages_lost=self.boards.lost,
        )

    def close(self) -> None:
        """Closes the sockets."""
        self.odds.close()
        self.snapshot.close()
        self.context.term()


def is_settled(board: Board) -> bool:
    """The match is over and every market that was told is settled."""
    markets = board.markets.values()
    is_over = board.standing.get("status") == "closed" and bool(markets)
    return is_over and all(market["status"] == "settled" for market in markets)


def row(board: Board) -> dict[str, Any]:
    """A line of the view."""
    odds = {key: board.markets[key]["odds"] for key in SHOWN_MARKETS if key in board.markets}
    return {"fixture": board.fixture, **board.standing, "odds": odds}


def main() -> None:
    control = Control()
    subscriber = Subscriber(control)
    control.tell("ready")
    while True:
        subscriber.turn(TICK_MS)
        orders = {order["type"] for order in control.orders()}
        if "finish" in orders:
            subscriber.finish()
        if "stop" in orders:
            break
    subscriber.close()


if __name__ == "__main__":
    main()
