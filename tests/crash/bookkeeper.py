"""What the engine has acknowledged and published, and whether a journal agrees with it."""

from __future__ import annotations

import bisect
import random
import time
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from oddsengine import _core

if TYPE_CHECKING:
    from player import Player

Json = dict[str, Any]
FEED = "crash-feed"
CUSTOMERS = (41, 42, 43, 44)
FIXTURES = (1001, 1002, 1003)
# Markets that are bet on, with their selections.
MARKETS = {"1x2": ["home", "draw", "away"], "total:2.5": ["over", "under"], "total:1.5": ["over", "under"]}
# What of a ticket never changes once it is decided (settlement apart).
LASTING = (
    "ticket",
    "customer",
    "stake_minor",
    "currency",
    "odds_change",
    "received_ns",
    "decided_ns",
    "payout_minor_max",
)


# As the engine has it: crates/engine/src/command.rs.
REFUSED_TICKETS_MAX = 100_000


def _is_refused_at_once(ticket: Json) -> bool:
    return bool(ticket.get("state") == "refused" and ticket["due_ns"] == 0)


class CheckError(Exception):
    """Something that must hold does not."""


class Bookkeeper:
    """Survives every crash: the memory of the customers, the feed and a subscriber."""

    def __init__(self, *, forgets_refused: bool = False) -> None:
        self._forgets_refused = forgets_refused
        self.feed: list[bytes] = []
        self.goals = 0
        self._clock_ms = 0
        # By id: the request as it was first sent, and the answer that counts.
        self._requests: dict[str, Json] = {}
        self._answers: dict[str, Json] = {}
        self._delayed: set[str] = set()
        self._repeat_count = 0
        self._evidence_count = 0
        self._epochs: list[int] = []
        # (epoch, fixture, version) -> the delta, or the image.
        self._deltas: dict[tuple[int, int, int], bytes] = {}
        self._images: dict[tuple[int, int, int], bytes] = {}
        # (epoch, fixture, market) -> versions ascending, and the odds from each on.
        self._history: dict[tuple[int, int, str], tuple[list[int], list[list[float | None]]]] = defaultdict(
            lambda: ([], [])
        )
        self._joined: dict[tuple[int, int], int] = {}
        self._latest: dict[tuple[int, int], int] = {}
        self._names: dict[str, list[str]] = dict(MARKETS)

    # The feed

    def feed_message(self, fields: Json) -> bytes:
        """The next numbered message; kept, so that it can be sent again."""
        seq = len(self.feed) + 1
        message = orjson.dumps(fields | {"source": FEED, "seq": seq, "time_ns": seq})
        self.feed.append(message)
        return message

    def next_clock_ms(self) -> int:
        """The match goes on, slowly."""
        self._clock_ms = min(self._clock_ms + 500, 2_600_000)
        return self._clock_ms

    # Requests

    def new_deposit(self, customer: int, amount_minor: int) -> Json:
        """A deposit with an id of its own."""
        identity = f"{len(self._requests) + 1:032x}"
        return self._keep(
            identity,
            type="deposit",
            transfer=identity,
            customer=customer,
            amount_minor=amount_minor,
            currency="EUR",
        )

    def new_bet(self, customer: int, stake_minor: int, policy: str, legs: list[Json]) -> Json:
        """A ticket with an id of its own."""
        identity = f"{len(self._requests) + 1:032x}"
        return self._keep(
            identity,
            type="place_ticket",
            ticket=identity,
            customer=customer,
            currency="EUR",
            stake_minor=stake_minor,
            odds_change={"policy": policy},
            legs=legs,
        )

    def _keep(self, identity: str, **request: Any) -> Json:
        self._requests[identity] = request | {"request_id": identity}
        return self._requests[identity]

    def unanswered(self) -> list[Json]:
        """Requests without a final answer, in the order they were made."""
        return [request for identity, request in self._requests.items() if identity not in self._answers]

    def some_answered(self, chance: random.Random, count: int) -> list[Json]:
        """Requests that were answered, to be asked again.

        Beside so many refusals that the engine forgets some, those of tickets refused at once are left out:
        they would be judged anew.
        """
        known = [
            identity
            for identity, answer in self._answers.items()
            if not (self._forgets_refused and _is_refused_at_once(answer.get("ticket") or {}))
        ]
        return [self._requests[identity] for identity in chance.sample(known, min(count, len(known)))]

    # Answers

    def acknowledged(self, answer: Json) -> bool:
        """Note an answer; whether it is final. Compares it with the first one."""
        identity = answer["request_id"]
        if answer["type"] == "error":
            raise CheckError(f"a request was not understood: {answer}")
        if answer["type"] == "ticket" and answer["ticket"]["state"] == "delayed":
            if identity in self._answers:
                raise CheckError(f"a decided ticket is delayed again: {answer}")
            self._delayed.add(identity)
            return False
        if answer.get("reason", None) and answer["reason"]["name"] == "journal_unavailable":
            raise CheckError(f"the journal was unavailable: {answer}")
        first = self._answers.setdefault(identity, answer)
        if first is not answer:
            self._repeat_count += 1
            if _lasting(first) != _lasting(answer):
                raise CheckError(
                    f"another answer to the same request:\n{_lasting(first)}\n{_lasting(answer)}"
                )
        self._check_evidence(answer)
        return True

    def _check_evidence(self, answer: Json) -> None:
        """The odds of a bet are those that were published with that version."""
        if answer["type"] != "ticket" or answer["ticket"]["state"] != "accepted":
            return
        for leg in answer["ticket"]["legs"]:
            epoch, version = leg["version"]
            # A bet in the middle of a turn may be at a version that was conflated with the next.
            key = (epoch, leg["fixture"], version)
            if key not in self._deltas and key not in self._images:
                continue
            published = self._odds_at(epoch, leg["fixture"], leg["market"], version)
            if published is None:
                continue
            self._evidence_count += 1
            index = self._names[leg["market"]].index(leg["selection"])
            if published[index] != leg["odds"]:
                raise CheckError(
                    f"version {epoch}.{version} was published with {published[index]}, and bet at {leg}"
                )

    # Odds

    def epoch_seen(self, epoch: int) -> None:
        """A process began to publish."""
        if self._epochs and epoch <= self._epochs[-1]:
            raise CheckError(f"epoch {epoch} after {self._epochs[-1]}")
        self._epochs.append(epoch)

    def joined(self, epoch: int) -> None:
        """The images are here: fixtures without one have not begun, and their deltas are all there is."""
        for fixture in FIXTURES:
            self._joined.setdefault((epoch, fixture), 0)

    def board_seen(self, frame: Json) -> None:
        """A delta or an image: no version may ever have two contents."""
        epoch, fixture, version = frame["epoch"], frame["fixture"], frame["version"]
        markets = frame["markets"]
        content = orjson.dumps(
            {name: _content(market) for name, market in markets.items()}, option=orjson.OPT_SORT_KEYS
        )
        key = (epoch, fixture, version)
        is_image = frame["kind"] == "image"
        kept = (self._images if is_image else self._deltas).setdefault(key, content)
        if kept != content:
            raise CheckError(f"version {key} has two contents:\n{kept!r}\n{content!r}")
        for name, market in markets.items():
            selections = market.get("selections")
            if selections is not None and self._names.setdefault(name, selections) != selections:
                raise CheckError(f"the selections of {name} are {selections}")
            self._note(epoch, fixture, name, version, market["odds"])
        if is_image:
            self._joined.setdefault((epoch, fixture), version)
        self._latest[epoch, fixture] = max(version, self._latest.get((epoch, fixture), 0))

    def _note(self, epoch: int, fixture: int, market: str, version: int, odds: list[float | None]) -> None:
        versions, contents = self._history[epoch, fixture, market]
        index = bisect.bisect_left(versions, version)
        if index < len(versions) and versions[index] == version:
            if contents[index] != odds:
                raise CheckError(f"{market} of version {epoch}.{version} is {contents[index]} and {odds}")
            return
        versions.insert(index, version)
        contents.insert(index, odds)

    def _odds_at(self, epoch: int, fixture: int, market: str, version: int) -> list[float | None] | None:
        """What was published; ``None`` before we joined, or when the frame never reached us."""
        joined = self._joined.get((epoch, fixture))
        if joined is None or version < joined or version > self._latest[epoch, fixture]:
            return None
        versions, contents = self._history[epoch, fixture, market]
        index = bisect.bisect_right(versions, version) - 1
        return contents[index] if index >= 0 else None

    def offered(
        self, epoch: int, fixture: int, market: str
    ) -> tuple[int, list[float | None], list[str]] | None:
        """The latest version and odds that a subscriber knows."""
        version = self._latest.get((epoch, fixture))
        if version is None or (odds := self._odds_at(epoch, fixture, market, version)) is None:
            return None
        return version, odds, self._names[market]

    # Checks

    def check_running(self, player: Player, journal: Path) -> None:
        """Everything is answered: balances, and a replay of the journal, agree with our memory."""
        for _ in range(50):
            before = _state_hash(player)
            answers = [player.ask(type="balance", customer=customer) for customer in CUSTOMERS]
            replayed = _core.Engine.from_journal(journal)
            after = _state_hash(player)
            # The feed may still be at work, or a tick came between the two.
            if before["command_count"] == after["command_count"]:
                break
        else:
            raise CheckError("the engine never comes to rest")
        if replayed.state_hash() != before["state_hash"]:
            raise CheckError(
                f"the journal replays to {replayed.state_hash()}, the engine is at {before['state_hash']}"
            )
        expected = self._expected_balances(_ours(replayed.tickets()))
        for answer in answers:
            customer = answer["customer"]
            if (answer["available_minor"], answer["reserved_minor"]) != (expected[customer], 0):
                raise CheckError(f"customer {customer} has {answer}, expected {expected[customer]}")

    def check_journal(self, journal: Path, *, is_complete: bool = False) -> None:
        """A journal without its engine: sound, and with everything acknowledged exactly once."""
        if not journal.exists():
            if self._answers:
                raise CheckError("the journal is gone")
            return
        report = _core.verify_journal(journal)
        if not report["is_sound"]:
            raise CheckError(f"the journal is damaged: {report['damages']}")
        engine = _core.Engine.from_journal(journal)
        broken = {name: holds for name, holds in engine.invariants().items() if holds is not True}
        if broken:
            raise CheckError(f"invariants do not hold: {broken}")
        kept = engine.tickets()
        tickets = _ours(kept)
        # Of tickets refused at once the latest are kept; all the others are there for good.
        forgets_refused = sum(map(_is_refused_at_once, kept)) >= REFUSED_TICKETS_MAX
        self._check_tickets(tickets, is_complete=is_complete, forgets_refused=forgets_refused)
        self._check_money(engine, tickets, is_complete=is_complete)

    def _check_tickets(
        self, tickets: list[Json], *, is_complete: bool, forgets_refused: bool = False
    ) -> None:
        twice = [
            identity
            for identity, count in Counter(ticket["ticket"] for ticket in tickets).items()
            if count > 1
        ]
        if twice:
            raise CheckError(f"tickets are there twice: {twice}")
        found = {ticket["ticket"]: ticket for ticket in tickets}
        if unknown := found.keys() - self._requests.keys():
            raise CheckError(f"tickets that nobody asked for: {unknown}")
        for identity, answer in self._answers.items():
            if answer["type"] != "ticket":
                continue
            ticket = found.get(identity)
            if ticket is None:
                if forgets_refused and _is_refused_at_once(answer["ticket"]):
                    continue
                raise CheckError(f"an acknowledged ticket is gone: {answer}")
            if _decision(ticket) != _decision(answer["ticket"]):
                raise CheckError(f"acknowledged as {answer['ticket']}, kept as {ticket}")
        if gone := self._delayed - found.keys():
            raise CheckError(f"tickets were delayed and are gone: {gone}")
        if (
            is_complete
            and not forgets_refused
            and len(found) != sum(request["type"] == "place_ticket" for request in self._requests.values())
        ):
            raise CheckError("not every ticket is there at the end")

    def _check_money(self, engine: Any, tickets: list[Json], *, is_complete: bool) -> None:
        balances = engine.balances()
        if sum(balance["posted_minor"] * _side(balance) for balance in balances) != 0:
            raise CheckError(f"the ledger does not sum to zero: {balances}")
        cash = {
            balance["customer"]: balance["posted_minor"]
            for balance in balances
            if balance["account"] == "CustomerCash"
        }
        for customer in CUSTOMERS:
            taken = [
                ticket
                for ticket in tickets
                if ticket["customer"] == customer and ticket["state"] in ("accepted", "settled")
            ]
            staked = sum(ticket["stake_minor"] - ticket["paid_minor"] for ticket in taken)
            deposited = cash.get(customer, 0) + staked
            mine = [
                (request["amount_minor"], identity in self._answers)
                for identity, request in self._requests.items()
                if request["type"] == "deposit" and request["customer"] == customer
            ]
            least = sum(amount for amount, is_answered in mine if is_answered)
            most = sum(amount for amount, _ in mine)
            if not least <= deposited <= most or (is_complete and deposited != most):
                raise CheckError(
                    f"customer {customer} deposited {least}..={most}, the journal says {deposited}"
                )

    def _expected_balances(self, tickets: list[Json]) -> dict[int, int]:
        """Deposits less stakes, and what was won: the grades are the engine's, the arithmetic is ours."""
        expected = dict.fromkeys(CUSTOMERS, 0)
        for request in self._requests.values():
            if request["type"] == "deposit":
                expected[request["customer"]] += request["amount_minor"]
        for ticket in tickets:
            if ticket["state"] in ("accepted", "settled"):
                expected[ticket["customer"]] -= ticket["stake_minor"]
            if ticket["state"] == "settled":
                expected[ticket["customer"]] += _payout_minor(ticket)
        return expected

    def counts(self) -> dict[str, int]:
        """How much there was to check."""
        tickets = [answer["ticket"] for answer in self._answers.values() if answer["type"] == "ticket"]
        return {
            "deposits": len(self._answers) - len(tickets),
            "bets": len(tickets),
            "accepted": sum(ticket["state"] == "accepted" for ticket in tickets),
            "delayed": len(self._delayed),
            "repeats": self._repeat_count,
            "quotes": self._evidence_count,
            "versions": len(self._deltas) + len(self._images),
        }


def _state_hash(player: Player) -> Json:
    """The hash of the running engine; of a large state it is computed with pauses between."""
    for _ in range(100):
        answer = player.ask(type="state_hash")
        if answer.get("code") != "busy":
            return answer
        time.sleep(0.05)
    raise CheckError(f"the state hash is never told: {answer}")


def _ours(tickets: list[Json]) -> list[Json]:
    """Tickets of our customers; others may bet at the same engine."""
    return [ticket for ticket in tickets if ticket["customer"] in CUSTOMERS]


def _payout_minor(ticket: Json) -> int:
    """Stake times the odds of the legs, rounded down once; our markets only win or lose."""
    if any(leg["grade"] == "lost" for leg in ticket["legs"]):
        return 0
    payout = Fraction(ticket["stake_minor"])
    for leg in ticket["legs"]:
        if leg["grade"] != "won":
            raise CheckError(f"settled with an open leg: {ticket}")
        payout *= Fraction(str(leg["odds"]))
    return int(payout)


def _content(market: Json) -> Json:
    return {name: market.get(name) for name in ("status", "price", "odds", "results")}


def _lasting(answer: Json) -> Json:
    if answer["type"] == "ticket":
        return {name: answer["ticket"][name] for name in LASTING} | _decision(answer["ticket"])
    return {
        name: answer.get(name)
        for name in ("type", "transfer", "customer", "amount_minor", "currency", "reason")
    }


def _decision(ticket: Json) -> Json:
    """State, reason and price evidence; settled counts as accepted, grades may come later."""
    legs = [{name: value for name, value in leg.items() if name != "grade"} for leg in ticket["legs"]]
    state = "accepted" if ticket["state"] == "settled" else ticket["state"]
    return {
        "state": state,
        "reason": ticket["reason"],
        "legs": legs,
        "checks": ticket["checks"],
        "stake_minor": ticket["stake_minor"],
    }


def _side(balance: Json) -> int:
    """Customers' accounts grow with credits, the payment provider's with debits."""
    return -1 if balance["account"] in ("Psp", "CustomerReceivable", "BankSegregated", "BankOperating") else 1
