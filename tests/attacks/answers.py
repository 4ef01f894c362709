"""What an engine answered, read: decisions, reasons, and legs from an image of the prices."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def is_priced(image: Json) -> bool:
    """Whether the announcement and the prices behind it were read."""
    return bool(image["status"] == "open" and any(image["markets"]["1x2"]["odds"]))


def leg_of(image: Json, market: str = "1x2", selection: str = "home") -> Json:
    """A leg at what an image shows."""
    found = image["markets"][market]
    odds = found["odds"][found["selections"].index(selection)]
    return {
        "fixture": image["fixture"],
        "market": market,
        "selection": selection,
        "odds": 2.0 if odds is None else odds,
        "version": [image["epoch"], image["version"]],
    }


def state(answer: Json) -> str:
    """State of a ticket, or what the answer is instead."""
    return str(answer["ticket"]["state"] if answer["type"] == "ticket" else answer["type"])


def is_accepted(answer: Json) -> bool:
    """Whether a bet was taken."""
    return state(answer) in ("accepted", "settled")


def reason(answer: Json) -> str:
    """The name of the reason, or an error's code."""
    found = answer["ticket"]["reason"] if answer["type"] == "ticket" else answer.get("reason")
    return str(found["name"] if found else answer.get("code"))


def told(answer: Json) -> str:
    """A decision in short."""
    if answer["type"] != "ticket":
        return f"{answer['type']} ({reason(answer)})"
    return state(answer) if is_accepted(answer) else f"{state(answer)} ({reason(answer)})"
