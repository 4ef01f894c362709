"""The binary boards say what the JSON boards say."""

import time

import numpy as np
import orjson

from oddsengine import _core

RECORD = np.dtype([("market", "<u2"), ("selection", "<u2"), ("odds_e4", "<u4")])
HEADER_SIZE = 96


def test_binary_and_json_frames_agree() -> None:
    now_ns = time.time_ns()
    service = _core.Service(journal=None, config={}, now_ns=now_ns)
    service.set_binary(True)
    head = {"source": "feed", "time_ns": now_ns, "fixture": 1}
    names = {"competition": "cup", "home": "A", "away": "B", "sport": "football", "start_ns": 0}
    service.ingest(orjson.dumps({"type": "fixture", **head, **names}), now_ns)
    prices = {"odds_1x2": [2.1, 3.4, 3.6], "total_line": 2.5, "odds_total": [1.95, 1.9]}
    service.ingest(orjson.dumps({"type": "prices", **head, **prices}), now_ns)
    service.end_turn()
    frames = {first: payload for _, (first, payload) in service.take_frames(now_ns)}
    board = orjson.loads(frames[b"odds.football.cup.1"])
    binary = frames[b"oddsbin.football.cup.1"]
    assert binary[:4] == b"OEB1"
    markets, selections = np.frombuffer(binary, "<u2", count=2, offset=84)
    offset = HEADER_SIZE + 8 * int(markets)
    records = np.frombuffer(binary, RECORD, count=int(selections), offset=offset)
    told = [odds for market in board["markets"].values() for odds in market["odds"]]
    assert len(told) == len(records) == 1012
    assert [None if e4 == 0 else e4 / 10_000 for e4 in records["odds_e4"].tolist()] == told
