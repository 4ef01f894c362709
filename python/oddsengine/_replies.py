"""Answers of the orders socket as typed values, and how many requests one message takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from oddsengine import _json
from oddsengine._connection import RefusedError, RequestError, RequestTimeoutError
from oddsengine._messages import (
    Balance,
    Done,
    Exposure,
    FixtureInfo,
    Json,
    LimitCheck,
    MaxStake,
    MoneyAnswer,
    Reason,
    Ticket,
    TicketChange,
)

# The engine takes messages of 65,536 bytes; the rest is for the batch's own fields.
BATCH_BYTES_MAX = 65_000
BATCH_REQUESTS_MAX = 256
# The engine's answer to a batch has a bound too; about what a ticket and another answer take of it.
BATCH_REPLY_BYTES_MAX = 50_000
_REPLY_BYTES = 320
_TICKET_BYTES, _LEG_BYTES = 700, 900
# A batch takes one of these.
_EXPENSIVE = frozenset(
    {"state_hash", "exposure", "fixtures", "tickets", "settlements", "alerts", "table", "evidence"}
)
# Items of a page of tickets, alerts or rows that are asked for: the most that there are.
PAGE_ITEMS = 256
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; :attr:`value` is typed."""

    request_id: str | None
    type: str
    body: Json = field(repr=False)
    # When the request left, when the answer came.
    asked_ns: int
    arrived_ns: int
    # The ticket or transfer that was asked about, for errors.
    about: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def value(self) -> Any:
        """The answer as a value of :mod:`oddsengine.client`.

        Raises
        ------
        RequestError
            The request was not understood.
        """
        value = _value(self.body)
        if isinstance(value, RequestError):
            value.of_request({"request_id": self.request_id, **self.about})
            raise value
        return value


def _value(body: Json) -> Any:
    match body["type"]:
        case "ticket":
            return Ticket.of(body["ticket"], is_repeat=body["repeat"])
        case "money":
            return MoneyAnswer(
                body["transfer"],
                True,
                None,
                body["customer"],
                body["amount_minor"],
                body["currency"],
                body["available_minor"],
                body["repeat"],
            )
        case "refused" if "transfer" in body:
            return MoneyAnswer(body["transfer"], False, Reason.of(body["reason"]))
        case "refused":
            return Done(False, Reason.of(body["reason"]), body["detail"])
        case "done" | "pong":
            return Done(True)
        case "pending":
            detail = f"action {body['action']} waits for a second person"
            return Done(False, None, detail, body["action"])
        case "error":
            return RequestError(body["code"], body["message"])
        case "balance":
            return Balance(
                body["customer"],
                body["currency"],
                body["available_minor"],
                body["reserved_minor"],
                body["owed_minor"],
            )
        case "max_stake":
            binding = body["binding"]
            return MaxStake(
                body["currency"],
                body["stake_minor_max"],
                None if binding is None else LimitCheck.of(binding),
                Reason.of(body["reason"]),
            )
        case "exposure":
            return Exposure.of(body)
        case "fixtures":
            return tuple(FixtureInfo.of(fixture) for fixture in body["fixtures"])
        case "state_hash":
            return body["state_hash"]
        case "tickets" | "settlements":
            return tuple(TicketChange.of(change) for change in body["changes"])
        case "batch":
            return [_value(reply) for reply in body["replies"]]
        case _:
            return body


@contextlib.contextmanager
def naming(request: Mapping[str, Any]) -> Iterator[None]:
    """Errors inside tell of which request they are."""
    try:
        yield
    except (RequestError, RefusedError, RequestTimeoutError) as error:
        error.of_request(request)
        raise


def expect(reply: Reply, expected: type[_T]) -> _T:
    with naming({"request_id": reply.request_id}):
        return _typed(reply.value, expected)


def _typed(value: Any, expected: type[_T]) -> _T:
    if isinstance(value, expected):
        return value
    if isinstance(value, Done):
        raise RefusedError(value.reason, value.detail)
    raise RequestError("unexpected", f"a {type(value).__name__} came instead of a {expected.__name__}")


def portion_of(requests: Iterable[Json]) -> list[Json]:
    """The first of these requests, as many as one message takes, and its answer."""
    portion: list[Json] = []
    size = reply_size = expensive_count = 0
    for request in requests:
        kind, legs = request.get("type"), request.get("legs")
        size += len(_json.dumps(request)) + 1
        leg_count = len(legs) if isinstance(legs, list) else 4
        is_ticket = kind in ("place_ticket", "ticket")
        reply_size += _TICKET_BYTES + _LEG_BYTES * leg_count if is_ticket else _REPLY_BYTES
        expensive_count += kind in _EXPENSIVE
        is_full = size > BATCH_BYTES_MAX or reply_size > BATCH_REPLY_BYTES_MAX or expensive_count > 1
        if portion and (is_full or len(portion) == BATCH_REQUESTS_MAX):
            break
        portion.append(request)
    return portion
