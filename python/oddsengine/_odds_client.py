"""The client of the odds stream: subscribe, fetch images, notice and repair gaps."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

import orjson
import zmq

from oddsengine import _json
from oddsengine._board_table import boards_table
from oddsengine._connection import (
    FRAMES_PER_POLL,
    ODDS,
    SNAPSHOT,
    Context,
    CurveKeys,
    RefusedError,
    RequestTimeoutError,
    Socket,
    connect,
    has_more,
    milliseconds,
)
from oddsengine._messages import Board, Change, Heartbeat, Json, Markets, Reason, Times
from oddsengine.tables import Table

__all__ = ["Counters", "OddsClient"]

# Deltas kept per fixture while its image is on the way; older ones are in the image by then.
WAITING_MAX = 1_000
# An image is asked for again after so long, and its gap counted as lost after so many times.
IMAGE_RETRY_S = 1.0
IMAGE_ATTEMPTS_MAX = 5
# So many fixtures with a gap at once, and all images are fetched, page by page.
IMAGES_APART_MAX = 64
# Fixtures of other topics appear in heartbeats; they are looked into at most so often.
UNSEEN_S = 5.0


@dataclass(slots=True)
class Counters:
    """What a subscriber saw since it was made."""

    # Frames received, by kind.
    deltas: int = 0
    statuses: int = 0
    heartbeats: int = 0
    images: int = 0
    # Times that a sequence jumped, and frames missing by that.
    gaps: int = 0
    missed: int = 0
    # Gaps closed by an image (or, for trading status, by the next frame), and gaps not closed in time.
    recovered: int = 0
    lost: int = 0
    # Frames that were known already, or of an older epoch.
    duplicates: int = 0
    # Times that everything was fetched again: a new epoch, or missing heartbeats.
    rejoins: int = 0


@dataclass(slots=True)
class _Stream:
    """What is known of one fixture."""

    board: Board | None = None
    # Number of the last frame in the board, and of the last one seen at all.
    odds_seq: int = 0
    seen_seq: int = 0
    status_seq: int | None = None
    status: Json | None = None
    image_sent_ns: int = 0
    waiting: deque[tuple[Json, int]] = field(default_factory=lambda: deque(maxlen=WAITING_MAX))
    # When an image was asked for, or none if none is on its way.
    asked_s: float | None = None
    attempt_count: int = 0
    is_gapped: bool = False
    # The number of the walk over all images that last brought one.
    bulk_count: int = 0


class OddsClient:
    """Keeps the boards of the fixtures it subscribes to: whole, in order, and honest about what it missed.

    It subscribes first, asks for images after the first heartbeat, applies what came since, and from then on
    notices every missing frame: by the next frame of the topic, or at the latest by the next heartbeat, which
    names the last frames of all busy topics. What is missing is fetched as an image. After a new epoch of the
    engine everything is fetched again.

    Parameters
    ----------
    odds, snapshot
        Endpoints of the engine.
    prefixes
        What to subscribe to: ``"football.world_cup_2022."``; ``""`` is everything.
    keys
        For an encrypted connection.
    silence_s
        Without a heartbeat for so long, :attr:`is_stale` is true and no price may be used.
    queue_max
        Frames that wait in this process; beyond it they are dropped, and noticed as gaps.
    """

    def __init__(
        self,
        odds: str = ODDS,
        snapshot: str = SNAPSHOT,
        *,
        prefixes: Sequence[str] = ("",),
        keys: CurveKeys | None = None,
        silence_s: float = 3.0,
        queue_max: int = 100_000,
        context: Context | None = None,
    ) -> None:
        self.counters = Counters()
        self.epoch = 0
        self.heartbeat: Heartbeat | None = None
        self.is_joined = False
        self._prefixes = tuple(prefixes)
        self._silence_s = silence_s
        self._streams: dict[int, _Stream] = {}
        self._boards: dict[int, Board] = {}
        self._names: dict[str, dict[str, tuple[str, ...]]] = {}
        self._changes: list[Change] = []
        self._ids = itertools.count(1)
        self._asked: dict[str, int] = {}
        # The walk over all images: what is on its way, from where, and the prefixes that follow.
        self._bulk: str | None = None
        self._bulk_after = self._bulk_count = 0
        self._bulk_prefixes: deque[str] = deque()
        self._bulk_progress = (0, 0)
        self._bulk_s = float("-inf")
        self._bulk_wait_s = 2 * IMAGE_RETRY_S
        self._is_greeted = False
        self._heard_s = time.monotonic()
        self._unseen: set[int] = set()
        self._foreign: set[int] = set()
        self._unseen_s = float("-inf")
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        topics = [f"{kind}.{prefix}".encode() for prefix in self._prefixes for kind in ("odds", "status")]
        self._sub = connect(zmq.SUB, odds, keys, context, queue_max=queue_max, topics=(b"hb", *topics))
        self._dealer = connect(zmq.DEALER, snapshot, keys, context, queue_max=0)
        self._poller = zmq.Poller()
        self._poller.register(self._sub, zmq.POLLIN)
        self._poller.register(self._dealer, zmq.POLLIN)

    # What is known

    @property
    def boards(self) -> Mapping[int, Board]:
        """The boards by fixture: a live view, each board as of its version."""
        return MappingProxyType(self._boards)

    def table(
        self,
        *,
        markets: str | Collection[str] | None = None,
        sport: str | None = None,
        competition: str | None = None,
    ) -> Table:
        """The boards as one table: a row per selection, with the sides and how market and fixture stand.

        A whole football board has about a thousand rows: name the markets where there are many.

        Parameters
        ----------
        markets
            Keys of the markets wanted: ``"1x2"``, ``("1x2", "total:2.5")``; all by default.
        sport, competition
            Only boards of these.
        """
        keys = (markets,) if isinstance(markets, str) else markets
        found = [
            board
            for board in list(self._boards.values())
            if sport in (None, board.sport) and competition in (None, board.competition)
        ]
        return boards_table(found, markets=keys, caption=f"{len(found):,} boards", is_named=True)

    @property
    def is_stale(self) -> bool:
        """The engine is silent, or the boards are not complete yet: no price may be used."""
        return not self.is_joined or time.monotonic() - self._heard_s > self._silence_s

    @property
    def progress(self) -> tuple[int, int]:
        """Fixtures that the walk over all images has looked at, and of how many; equal when it is done.

        With several prefixes each takes a walk, and this is of the present one.
        """
        return self._bulk_progress

    def __repr__(self) -> str:
        state = "stale" if self.is_stale else "live"
        return (
            f"<OddsClient {state}: {len(self._boards)} boards, epoch {self.epoch}, {self.counters.gaps} gaps>"
        )

    # Working

    def poll(self, timeout_s: float = 0.0) -> list[Change]:
        """Take what has arrived; wait for it if there is nothing yet. Returns the changes in order."""
        until_s = time.monotonic() + timeout_s
        while True:
            wait_s = min(max(0.0, until_s - time.monotonic()), 0.1)
            ready = dict(self._poller.poll(milliseconds(wait_s)))
            if self._sub in ready:
                self._read(self._sub, self._on_frame)
            if self._dealer in ready:
                self._read(self._dealer, self._on_reply)
            self._repeat_requests()
            if self._changes or time.monotonic() >= until_s:
                changes, self._changes = self._changes, []
                return changes

    def changes(self, timeout_s: float | None = None) -> Iterator[Change]:
        """Changes as they come; ends when none came for ``timeout_s``."""
        while True:
            found = self.poll(1.0 if timeout_s is None else timeout_s)
            yield from found
            if not found and timeout_s is not None:
                return

    def wait_joined(self, timeout_s: float = 5.0) -> None:
        """Work until all boards are there.

        Raises
        ------
        RequestTimeoutError
            The engine does not answer.
        """
        self.wait(lambda: self.is_joined and not self._asked and self._bulk is None, timeout_s)

    def wait(self, is_there: Callable[[], bool], timeout_s: float = 5.0) -> list[Change]:
        """Work until a condition holds; returns the changes meanwhile."""
        until_s, found = time.monotonic() + timeout_s, self.poll()
        while not is_there():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise RequestTimeoutError(f"waited {timeout_s} s in vain, {self!r}")
            found += self.poll(min(left_s, 0.05))
        return found

    def start(self, on_change: Callable[[Change], None] | None = None) -> Self:
        """Work in a thread of its own until :meth:`close`; elsewhere only look at :attr:`boards`."""

        def work() -> None:
            while not self._is_stopping.is_set():
                for change in self.poll(0.1):
                    if on_change is not None:
                        on_change(change)

        self._thread = threading.Thread(target=work, name="oddsengine-odds", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Disconnect."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._sub.close(0)
        self._dealer.close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Frames

    def _read(self, socket: Socket, take: Callable[[list[bytes], int], None]) -> None:
        for _ in range(FRAMES_PER_POLL):
            take(socket.recv_multipart(zmq.NOBLOCK), time.time_ns())
            if not has_more(socket):
                return

    def _on_frame(self, parts: list[bytes], arrived_ns: int) -> None:
        message: Json = orjson.loads(parts[1])
        epoch = message["epoch"]
        if epoch < self.epoch:
            self.counters.duplicates += 1
            return
        if epoch > self.epoch:
            self._forget(epoch)
        match message["type"]:
            case "heartbeat":
                self._on_heartbeat(message, arrived_ns)
            case "board":
                self._on_delta(message, arrived_ns)
            case "status":
                self._on_status(message, arrived_ns)

    def _on_delta(self, message: Json, arrived_ns: int) -> None:
        self.counters.deltas += 1
        stream = self._streams.setdefault(message["fixture"], _Stream())
        seq = message["seq"]
        if seq <= stream.seen_seq and (stream.board is not None or stream.waiting):
            self.counters.duplicates += 1
            return
        expected = stream.seen_seq + 1
        stream.seen_seq = seq
        if stream.board is not None and stream.asked_s is None and seq == expected:
            self._apply(stream, stream.board, message, arrived_ns)
            return
        stream.waiting.append((message, arrived_ns))
        if stream.board is not None and seq != expected:
            self._note_gap(stream, seq - expected)
        self._ask_image(message["fixture"], stream)

    def _apply(self, stream: _Stream, board: Board, message: Json, arrived_ns: int) -> None:
        """Puts a delta on a board."""
        status, stops = message["status"], board.stops
        told = stream.status
        status_seq = message.get("status_seq", 0)
        if stream.status_seq is not None and status_seq > stream.status_seq:
            # A status frame is missing: its standing is in the delta, its stops are in an image.
            self._note_gap(stream, status_seq - stream.status_seq)
            stream.status_seq, stream.status, told = status_seq, None, None
            self._ask_image(board.fixture, stream)
        if told is not None and told["seq"] >= status_seq:
            # Status frames are never conflated and overtake boards: the one with the larger number is right.
            status, stops = told["status"], tuple(told["stops"])
        markets = message["markets"]
        times = Times.of(message, arrived_ns)
        board = replace(
            board,
            seq=message["seq"],
            version=message["version"],
            status=status,
            stops=stops,
            score=tuple(message["score"]),
            clock_ms=message["clock_ms"],
            period=message["period"],
            is_stale=message["stale"],
            source=message["source"],
            reason=message["reason"],
            times=times,
            markets=Markets(board.markets.raw | markets, board.markets.names),
        )
        stream.board, stream.odds_seq = board, message["seq"]
        self._boards[board.fixture] = board
        self._changes.append(Change("delta", board, tuple(markets), times))

    def _on_status(self, message: Json, arrived_ns: int) -> None:
        self.counters.statuses += 1
        stream = self._streams.setdefault(message["fixture"], _Stream())
        seq, before = message["seq"], stream.status_seq
        if before is not None and seq <= before:
            self.counters.duplicates += 1
            return
        if before is not None and seq > before + 1:
            # Each status is complete in itself: this frame closes the gap that it shows.
            self.counters.gaps += 1
            self.counters.missed += seq - before - 1
            self.counters.recovered += 1
        stream.status_seq, stream.status = seq, message
        board = stream.board
        if board is None:
            self._ask_image(message["fixture"], stream)
        elif message["sent_ns"] >= stream.image_sent_ns:
            times = Times.of(message, arrived_ns)
            stream.board = self._boards[board.fixture] = board = _with_status(board, message, times)
            self._changes.append(Change("status", board, (), times))

    def _on_heartbeat(self, message: Json, arrived_ns: int) -> None:
        self.counters.heartbeats += 1
        last, self.heartbeat = self.heartbeat, Heartbeat.of(message, arrived_ns)
        self._heard_s = time.monotonic()
        if last is not None and last.epoch == message["epoch"] and message["seq"] != last.seq + 1:
            # A missing heartbeat means a missing list of tails, or a connection that was broken.
            self.counters.rejoins += 1
            self.is_joined = False
            self._is_greeted = False
        if not self._is_greeted:
            # From here on every frame that is missing shows in a later heartbeat.
            self._is_greeted = True
            self._ask_images()
        for tail in message["tails"]:
            self._check_tail(tail["fixture"], tail["odds_seq"], tail["status_seq"])

    def _check_tail(self, fixture: int, odds_seq: int, status_seq: int) -> None:
        stream = self._streams.get(fixture)
        if stream is None:
            if fixture not in self._foreign:
                self._unseen.add(fixture)
            return
        if stream.board is None:
            self._ask_image(fixture, stream)
            return
        if odds_seq > stream.seen_seq:
            self._note_gap(stream, odds_seq - stream.seen_seq)
            stream.seen_seq = odds_seq
            self._ask_image(fixture, stream)
        if stream.status_seq is None and status_seq > 0:
            # Nothing to compare with yet: the image tells whether trading stands.
            stream.status_seq = status_seq
            self._ask_image(fixture, stream)
        elif stream.status_seq is not None and status_seq > stream.status_seq:
            self._note_gap(stream, status_seq - stream.status_seq)
            stream.status_seq, stream.status = status_seq, None
            self._ask_image(fixture, stream)

    def _note_gap(self, stream: _Stream, missed_count: int) -> None:
        self.counters.missed += missed_count
        if stream.is_gapped:
            return
        self.counters.gaps += 1
        stream.is_gapped = True
        if stream.board is not None:
            # Its prices may be old until the image is there.
            stream.board = self._boards[stream.board.fixture] = replace(stream.board, is_stale=True)

    # Images

    def _ask_image(self, fixture: int, stream: _Stream) -> None:
        if stream.asked_s is not None or not self._is_greeted:
            return
        if self._bulk is not None and stream.bulk_count < self._bulk_count:
            # The walk over all images will bring it.
            return
        if len(self._asked) >= IMAGES_APART_MAX:
            if self._bulk is None:
                self._ask_images()
            return
        stream.asked_s = time.monotonic()
        request_id = f"image-{next(self._ids)}"
        self._asked[request_id] = fixture
        self._send({"type": "image", "request_id": request_id, "fixture": fixture})

    def _ask_images(self) -> None:
        """All images, page by page: the engine sends one at a time."""
        self._asked.clear()
        for stream in self._streams.values():
            stream.asked_s = None
        self._bulk_count += 1
        self._bulk_after = 0
        self._bulk_prefixes = deque(self._prefixes)
        self._ask_page()

    def _ask_page(self) -> None:
        self._bulk_s, self._bulk_wait_s = time.monotonic(), 2 * IMAGE_RETRY_S
        self._bulk = f"images-{next(self._ids)}"
        request: Json = {"type": "images", "request_id": self._bulk}
        request["prefix"] = f"odds.{self._bulk_prefixes[0]}"
        if self._bulk_after:
            request["after"] = self._bulk_after
        self._send(request)

    def _send(self, request: Json) -> None:
        self._dealer.send(_json.dumps(request), zmq.NOBLOCK)

    def _on_reply(self, parts: list[bytes], arrived_ns: int) -> None:
        message: Json = orjson.loads(parts[-1])
        if message["epoch"] < self.epoch:
            return
        if message["type"] == "board":
            self._on_image(message, arrived_ns)
            return
        if message["type"] == "refused" and message["reason"]["name"] == "not_permitted":
            # Asking again would not help.
            raise RefusedError(Reason.of(message["reason"]), message["detail"])
        request_id = message["request_id"]
        if request_id == self._bulk:
            self._on_page(message)
        elif (fixture := self._asked.pop(request_id, None)) is not None:
            # Refused: the fixture is not known any more.
            self._streams.pop(fixture, None)
            self._boards.pop(fixture, None)

    def _on_page(self, message: Json) -> None:
        """The end of a page: the next one, the next prefix, or the end."""
        if message["type"] != "images_end":
            # Another page is still on its way to us.
            self._bulk_wait_s = IMAGE_RETRY_S / 10
            return
        self._bulk_after = int(message.get("next") or 0)
        count: int = message.get("fixture_count", self._bulk_after)
        self._bulk_progress = (self._bulk_after or count, count)
        if not self._bulk_after:
            self._bulk_prefixes.popleft()
        if self._bulk_prefixes:
            self._ask_page()
        else:
            self._bulk = None
            self._end_images()

    def _on_image(self, message: Json, arrived_ns: int) -> None:
        self.counters.images += 1
        self._bulk_s = time.monotonic()
        if message["epoch"] > self.epoch:
            self._forget(message["epoch"])
        stream = self._streams.setdefault(message["fixture"], _Stream())
        self._asked = {key: fixture for key, fixture in self._asked.items() if fixture != message["fixture"]}
        stream.asked_s, stream.attempt_count, stream.bulk_count = None, 0, self._bulk_count
        if stream.board is not None and message["seq"] < stream.odds_seq:
            return
        template, raw = message["template"], message["markets"]
        names = self._names.get(template)
        if names is None or names.keys() != raw.keys():
            names = self._names[template] = {key: tuple(body["selections"]) for key, body in raw.items()}
        times = Times.of(message, arrived_ns)
        board = _board(message, times, Markets(raw, names))
        stream.image_sent_ns, stream.odds_seq = message["sent_ns"], message["seq"]
        stream.seen_seq = max(stream.seen_seq, stream.odds_seq)
        known = message.get("status_seq")
        if known is not None and (stream.status_seq is None or known > stream.status_seq):
            # What the missing status frames said is in the image.
            stream.status_seq, stream.status = known, None
        if stream.status is not None and stream.status["seq"] > message.get("status_seq", 0):
            board = _with_status(board, stream.status, times)
        stream.board = self._boards[board.fixture] = board
        self._changes.append(Change("image", board, tuple(raw), times))
        waiting, stream.waiting = stream.waiting, deque(maxlen=WAITING_MAX)
        for delta, delta_arrived_ns in waiting:
            if delta["seq"] == stream.odds_seq + 1 and not stream.waiting:
                self._apply(stream, stream.board, delta, delta_arrived_ns)
            elif delta["seq"] > stream.odds_seq:
                stream.waiting.append((delta, delta_arrived_ns))
        if stream.waiting or stream.seen_seq > stream.odds_seq:
            # The image is older than what is missing.
            self._ask_image(board.fixture, stream)
        elif stream.is_gapped:
            stream.is_gapped = False
            self.counters.recovered += 1

    def _end_images(self) -> None:
        self.is_joined = True
        self._foreign |= self._unseen - self._streams.keys()
        self._unseen.clear()
        for fixture, stream in list(self._streams.items()):
            if stream.board is None or stream.is_gapped or stream.waiting:
                self._ask_image(fixture, stream)

    def _repeat_requests(self) -> None:
        """Asks again for what has not come, and for fixtures that are new."""
        now_s = time.monotonic()
        if self._bulk is not None and now_s - self._bulk_s > self._bulk_wait_s:
            self._ask_page()
        if self._bulk is None and self._unseen and now_s - self._unseen_s > UNSEEN_S and self.is_joined:
            self._unseen_s = now_s
            self._ask_images()
            return
        for request_id, fixture in list(self._asked.items()):
            stream = self._streams[fixture]
            if stream.asked_s is None or now_s - stream.asked_s < IMAGE_RETRY_S:
                continue
            del self._asked[request_id]
            stream.asked_s = None
            stream.attempt_count += 1
            if stream.attempt_count == IMAGE_ATTEMPTS_MAX and stream.is_gapped:
                self.counters.lost += 1
            self._ask_image(fixture, stream)

    def _forget(self, epoch: int) -> None:
        """Another epoch: versions and numbers begin anew."""
        if self.epoch:
            self.counters.rejoins += 1
        self.epoch = epoch
        self.heartbeat = None
        self.is_joined = False
        self._is_greeted = False
        self._streams.clear()
        self._boards.clear()
        self._asked.clear()
        self._bulk = None
        self._unseen.clear()
        self._foreign.clear()


def _board(message: Json, times: Times, markets: Markets) -> Board:
    return Board(
        fixture=message["fixture"],
        sport=message["sport"],
        competition=message["competition"],
        home=message["home"],
        away=message["away"],
        start_ns=message["start_ns"],
        epoch=message["epoch"],
        seq=message["seq"],
        version=message["version"],
        status=message["status"],
        stops=tuple(message.get("stops", ())),
        score=tuple(message["score"]),
        clock_ms=message["clock_ms"],
        period=message["period"],
        is_stale=message["stale"],
        source=message["source"],
        reason=message["reason"],
        times=times,
        markets=markets,
    )


def _with_status(board: Board, message: Json, times: Times) -> Board:
    """A board with the standing of a status frame; its prices and version stay."""
    return replace(
        board,
        status=message["status"],
        stops=tuple(message["stops"]),
        score=tuple(message["score"]),
        clock_ms=message["clock_ms"],
        period=message["period"],
        source=message["source"],
        reason=message["reason"],
        times=times,
    )
