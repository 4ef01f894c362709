"""The client of docs/wire.md, as it stands there, against a running engine.

What it protects: the page is what a client in any language is written from, and its code was run by nobody.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

from engine_process import Engine, announce, eventually

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wire.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_client_keeps_the_board_of_a_match(tmp_path: Path) -> None:
    with Engine(tmp_path).start() as engine:
        running = threading.Event()
        running.set()
        names: dict[str, Any] = {"is_running": running.is_set, "print": lambda *_: None}
        code = BLOCKS[0]
        for port, socket in (("5552", "odds"), ("5553", "snapshot")):
            assert f"tcp://127.0.0.1:{port}" in code
            code = code.replace(f"tcp://127.0.0.1:{port}", engine.endpoints[socket])
        assert "while True:" in code
        assert "poller.poll()" in code
        code = code.replace("while True:", "while is_running():").replace("poller.poll()", "poller.poll(50)")
        client = threading.Thread(target=lambda: exec(compile(code, PAGE.name, "exec"), names), daemon=True)
        client.start()
        try:
            eventually(lambda: names.get("epoch") is not None)  # a heartbeat came: it is subscribed
            with engine.feed() as feed:
                announce(feed)
                feed.incident(1001, "kick_off", 0, score=(0, 0))
                feed.incident(1001, "goal", 600_000, side="home", score=(1, 0))
                eventually(lambda: names["boards"].get(1001, {}).get("score") == [1, 0])
            with engine.odds() as odds:
                eventually(lambda: odds.poll(0.05) or 1001 in odds.boards)
                eventually(lambda: odds.boards[1001].seq == names["boards"][1001]["seq"])
                known = odds.boards[1001].markets
                kept = names["boards"][1001]["markets"]
                assert len(kept) == len(known) == 313
                assert kept["1x2"]["odds"] == list(known["1x2"].odds)
        finally:
            running.clear()
            client.join(timeout=5)
            for name in ("odds", "snapshot"):
                names[name].close(0)
            names["context"].term()


def test_the_layout_of_binary_frames_is_as_long_as_it_says() -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[1].split("\n\n\n")[0], names)
    assert (names["HEADER"].itemsize, names["MARKET"].itemsize, names["SELECTION"].itemsize) == (96, 8, 8)
