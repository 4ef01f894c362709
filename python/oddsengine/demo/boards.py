"""Boards as a subscriber keeps them: deltas in order, and an image where one is missing.

Not those of `oddsengine.client`: the demo checks the protocol with a second implementation, and measures
without the client in between.
"""

from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]
MARKET = ("status", "price", "odds", "results")
STANDING = ("status", "score", "clock_ms", "period")


@dataclass(slots=True)
class Board:
    """One fixture's board, as far as the frames have told."""

    fixture: int
    epoch: int = 0
    odds_seq: int = 0
    status_seq: int = 0
    version: int = 0
    standing: dict[str, Any] = field(default_factory=dict)
    # When the standing was decided: a status frame may overtake boards, and the later decision is right.
    standing_ns: int = 0
    markets: dict[str, Any] = field(default_factory=dict)
    # Deltas that came while an image was on its way; None when the board is whole.
    held: list[Frame] | None = None


class Boards:
    """All boards of a subscription that was there before the first frame.

    >>> boards = Boards()
    >>> first = {"type": "board", "fixture": 7, "epoch": 1, "seq": 1, "version": 1, "decided_ns": 1,
    ...          "status": "open", "score": [0, 0], "clock_ms": 0, "period": "pre_match",
    ...          "markets": {"1x2": {"odds": [2.1]}}}
    >>> boards.take(first), boards.take({**first, "seq": 3, "version": 3})
    (False, True)
    >>> boards.recover({**first, "seq": 2, "version": 2})
    False
    >>> boards[7].version, boards.gaps_found, boards.gaps_recovered, boards.missed
    (3, 1, 1, 1)
    """

    def __init__(self) -> None:
        self._boards: dict[int, Board] = {}
        self.gaps_found = 0
        self.gaps_recovered = 0
        self.missed = 0
        self.duplicates = 0

    def __getitem__(self, fixture: int) -> Board:
        board = self._boards.get(fixture)
        if board is None:
            board = self._boards[fixture] = Board(fixture)
        return board

    def all(self) -> list[Board]:
        """Every board, by fixture."""
        return [self._boards[fixture] for fixture in sorted(self._boards)]

    @property
    def lost(self) -> int:
        """Gaps that no image has closed."""
        return self.gaps_found - self.gaps_recovered

    def take(self, frame: Frame) -> bool:
        """Applies a `board` or `status` frame; true when an image of its fixture must be asked for."""
        board = self[frame["fixture"]]
        if frame["type"] == "status":
            return self._take_status(board, frame)
        if board.held is not None:
            board.held.append(frame)
            return False
        missing = frame["seq"] - board.odds_seq - 1
        if missing < 0:
            self.duplicates += 1
        elif missing == 0:
            _apply(board, frame)
        else:
            return self._gap(board, missing, frame)
        return False

    def take_tail(self, tail: Frame) -> bool:
        """Compares with the last numbers in a heartbeat: who is behind has missed the end of a burst."""
        board = self[tail["fixture"]]
        if board.held is not None:
            return False
        missing = max(0, tail["odds_seq"] - board.odds_seq) + max(0, tail["status_seq"] - board.status_seq)
        board.status_seq = max(board.status_seq, tail["status_seq"])
        return missing > 0 and self._gap(board, missing, None)

    def recover(self, image: Frame) -> bool:
        """Replaces a board by its image, applies the deltas after it; true when one of those is missing."""
        board = self[image["fixture"]]
        held, board.held = board.held, None
        if held is None:
            return False
        board.markets = {}
        _apply(board, _without_names(image))
        self.gaps_recovered += 1
        must_ask = False
        for frame in held:
            if frame["seq"] > board.odds_seq:
                must_ask |= self.take(frame)
        return must_ask

    def _take_status(self, board: Board, frame: Frame) -> bool:
        missing = frame["seq"] - board.status_seq - 1
        if missing < 0:
            self.duplicates += 1
            return False
        board.status_seq = frame["seq"]
        _stand(board, frame)
        return missing > 0 and board.held is None and self._gap(board, missing, None)

    def _gap(self, board: Board, missing: int, frame: Frame | None) -> bool:
        self.gaps_found += 1
        self.missed += missing
        board.held = [] if frame is None else [frame]
        return True


def _stand(board: Board, frame: Frame) -> None:
    if frame["decided_ns"] >= board.standing_ns:
        board.standing_ns = frame["decided_ns"]
        board.standing = {name: frame[name] for name in STANDING}


def _apply(board: Board, frame: Frame) -> None:
    board.epoch, board.odds_seq, board.version = frame["epoch"], frame["seq"], frame["version"]
    _stand(board, frame)
    board.markets.update(frame["markets"])


def _without_names(image: Frame) -> Frame:
    """The image with its markets as a delta would tell them."""
    markets = {
        key: {name: market[name] for name in MARKET if name in market}
        for key, market in image["markets"].items()
    }
    return {**image, "markets": markets}


def difference(board: Board, image: Frame) -> str | None:
    """The first difference between a kept board and an image of its fixture; None when they are equal."""
    other = Board(board.fixture)
    _apply(other, _without_names(image))
    for name in ("epoch", "odds_seq", "version", "standing"):
        mine, theirs = getattr(board, name), getattr(other, name)
        if mine != theirs:
            return f"fixture {board.fixture}: {name} is {mine}, in the image {theirs}"
    for key, market in other.markets.items():
        # A market that was never told has no odds and no results.
        if board.markets.get(key, {**market, "odds": [None] * len(market["odds"])}) != market:
            return f"fixture {board.fixture}: {key} is {board.markets.get(key)}, in the image {market}"
    return None
