"""The client of the ingest socket."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import zmq

from oddsengine import _arrays, _json
from oddsengine._connection import INGEST, Context, CurveKeys, RequestTimeoutError, connect, milliseconds
from oddsengine._messages import Json


def prices_of(
    markets: Mapping[str, Sequence[float | None]] | None,
    odds_1x2: Sequence[float] | None,
    total_line: float | None,
    odds_total: Sequence[float] | None,
) -> Json:
    if markets is not None:
        books = _arrays.mapping(markets, "markets")
        return {"markets": {key: _arrays.items(odds, f"markets[{key!r}]") for key, odds in books.items()}}
    if odds_1x2 is None or total_line is None or odds_total is None:
        raise TypeError("prices are either markets, or odds_1x2, total_line and odds_total")
    return {
        "odds_1x2": _arrays.items(odds_1x2, "odds_1x2"),
        "total_line": total_line,
        "odds_total": _arrays.items(odds_total, "odds_total"),
    }


class FeedClient:
    """Pushes canonical feed messages to the ``ingest`` socket.

    Parameters
    ----------
    source
        The feed's name; the engine numbers and watches each source apart.
    first_seq
        Number the messages from here: 1 for a new source, and after a restart one more than the ``seq`` that
        the heartbeat tells of it. A source that begins again at 1 has lost its place: what it feeds is
        suspended. Without it messages are not numbered, and a loss is not noticed.
    """

    def __init__(
        self,
        endpoint: str = INGEST,
        *,
        source: str = "feed",
        first_seq: int | None = None,
        keys: CurveKeys | None = None,
        timeout_s: float = 5.0,
        queue_max: int = 10_000,
        context: Context | None = None,
    ) -> None:
        self.source = source
        self.sent_count = 0
        self._seqs = None if first_seq is None else itertools.count(first_seq)
        self._timeout_s = timeout_s
        self._socket = connect(zmq.PUSH, endpoint, keys, context, queue_max=queue_max, linger_ms=5_000)
        self._socket.sndtimeo = milliseconds(timeout_s)

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        """Send one message; ``source``, ``seq`` and ``time_ns`` are added where they are absent.

        Raises
        ------
        RequestTimeoutError
            The engine is not there, or does not keep up.
        """
        if not isinstance(message, bytes):
            head: Json = {"source": self.source, "time_ns": time.time_ns()}
            if self._seqs is not None and "seq" not in message:
                head["seq"] = next(self._seqs)
            message = _json.dumps({**head, **message})
        try:
            self._socket.send(message)
        except zmq.Again as error:
            raise RequestTimeoutError(f"no engine took the message within {self._timeout_s} s") from error
        self.sent_count += 1

    def fixture(
        self,
        fixture: int,
        *,
        competition: str,
        home: str,
        away: str = "",
        start_ns: int,
        sport: str = "football",
        entrants: Sequence[str] = (),
        **rules: Any,
    ) -> None:
        """Announce a fixture.

        Parameters
        ----------
        home, away
            The two sides; a race is named in ``home``.
        entrants
            Runners or players by number, where the sport has them.
        rules
            What of the sport's rules the markets depend on, in the fields of ``docs/wire.md``.
        """
        message = {"sport": sport, "start_ns": start_ns, "competition": competition, "home": home, **rules}
        if not (isinstance(away, str) and not away):
            message["away"] = away
        if told := _arrays.items(entrants, "entrants"):
            message["entrants"] = told
        self.send({"type": "fixture", "fixture": fixture, **message})

    def state(
        self,
        fixture: int,
        *,
        phase: Literal["pre_match", "in_play", "finished"],
        score: tuple[int, int] = (0, 0),
        clock_ms: int = 0,
        period: str | None = None,
        values: Sequence[int] = (),
        possible: Sequence[tuple[int, int]] = (),
        danger: bool | None = None,
    ) -> None:
        """Tell the whole state of a fixture of a space; what was told before is replaced.

        Parameters
        ----------
        phase
            A fixture that is finished has exactly one possible outcome, and is settled by it.
        score, clock_ms, period
            For display, evidence and the model; the clock up to ten days.
        values
            Up to 32 integers that the model needs to know.
        possible
            The outcomes still possible as ranges ``(start, end)``, see
            :meth:`oddsengine.models.Space.possible`; empty for all.
        danger
            Trading stops at once, or may resume; ``None`` leaves it.
        """
        message: Json = {"type": "incident", "fixture": fixture, "sport": "custom", "phase": phase}
        message |= {"score": [int(side) for side in score], "clock_ms": int(clock_ms)}
        message |= {"values": [int(value) for value in values]}
        message |= {"possible": [[int(start), int(end)] for start, end in possible]}
        optional = {"period": period, "danger": danger}
        self.send(message | {name: value for name, value in optional.items() if value is not None})

    def prices(
        self,
        fixture: int,
        *,
        markets: Mapping[str, Sequence[float | None]] | None = None,
        odds_1x2: Sequence[float] | None = None,
        total_line: float | None = None,
        odds_total: Sequence[float] | None = None,
    ) -> None:
        """Calibrate the model of a fixture from market prices: by market key, or football's two main
        markets."""
        self.send(
            {"type": "prices", "fixture": fixture, **prices_of(markets, odds_1x2, total_line, odds_total)}
        )

    def incident(
        self,
        fixture: int,
        kind: str,
        clock_ms: int | None = None,
        *,
        sport: str | None = None,
        side: str | None = None,
        score: tuple[int, int] | Mapping[str, Sequence[int]] | None = None,
        **more: Any,
    ) -> None:
        """Tell what happened on the field of play; without ``sport`` it is football, which needs the
        clock.

        Parameters
        ----------
        score
            After it, home first; in tennis ``{"sets": (1, 0), "games": (3, 2), "points": (0, 1)}``, any of
            them.
        """
        if sport is not None:
            more["sport"] = sport
        if clock_ms is not None:
            more["clock_ms"] = clock_ms
        if side is not None:
            more["side"] = side
        if score is not None:
            more["score"] = score if isinstance(score, Mapping) else _arrays.items(score, "score")
        self.send({"type": "incident", "fixture": fixture, "kind": kind, **more})

    def suspend(self, fixture: int, market: str | None = None) -> None:
        """Stop trading of a fixture, or of one of its markets."""
        self._stop("suspend", fixture, market)

    def resume(self, fixture: int, market: str | None = None) -> None:
        """Take back a :meth:`suspend`."""
        self._stop("resume", fixture, market)

    def _stop(self, kind: str, fixture: int, market: str | None) -> None:
        self.send({"type": kind, "fixture": fixture} | ({} if market is None else {"market": market}))

    def heartbeat(self) -> None:
        """Say that the feed is alive."""
        self.send({"type": "heartbeat"})

    def close(self) -> None:
        """Disconnect; what was sent still leaves."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FeedClient {self.source}: {self.sent_count} sent>"
