"""The crowd's own books, apart from the engine's: what it was told must be what happened, to the cent."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Answer = dict[str, Any]

# What the state last told to the customer may become without another answer to him.
FOLLOWS = {
    "sent": ("delayed", "accepted", "refused", "settled", "cancelled"),
    "delayed": ("delayed", "accepted", "refused", "settled", "cancelled"),
    "accepted": ("accepted", "settled", "cancelled"),
    "refused": ("refused",),
}
EXAMPLES_MAX = 5


@dataclass(slots=True)
class Record:
    """A ticket as its customer knows it."""

    customer: int
    stake_minor: int
    state: str = "sent"
    reason: str = ""
    paid_minor: int = 0
    # It makes several bets of its legs.
    is_system: bool = False

    def is_followed_by(self, state: str, reason: str) -> bool:
        """The engine may say so after what it has said."""
        return state in FOLLOWS[self.state] and (self.state != "refused" or self.reason == reason)


@dataclass(slots=True)
class Audit:
    """Collects what the streams tell, and compares."""

    deposits: dict[int, int] = field(default_factory=dict)
    settlement_count: int = 0
    settlement_seq: int = 0
    settlement_gaps: int = 0
    # What the settlement stream says was paid, resettlements and rollbacks included.
    payout_minor: int = 0
    paid_by_stream: Counter[str] = field(default_factory=Counter)
    turnover_minor: int = 0
    paid_minor: int = 0
    states: Counter[str] = field(default_factory=Counter)
    checks: dict[str, bool] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def take_settlement(self, frame: Answer) -> None:
        """Follows the settlement stream."""
        if frame["seq"] != self.settlement_seq + 1:
            self.settlement_gaps += 1
        self.settlement_seq = frame["seq"]
        ticket = frame["ticket"]
        change = ticket["paid_minor"] - frame["paid_minor_before"]
        self.settlement_count += 1
        self.payout_minor += change
        self.paid_by_stream[ticket["ticket"]] += change

    def check_tickets(self, records: dict[str, Record], answers: dict[str, Answer]) -> None:
        """Every ticket that was sent exists, in the state acknowledged or one that follows from it."""
        wrong: list[str] = []
        for ticket, record in records.items():
            answer = answers[ticket]
            known = answer.get("ticket")
            if answer["type"] != "ticket" or not isinstance(known, dict) or known["ticket"] != ticket:
                wrong.append(f"ticket {ticket} was {record.state} and is not known")
                continue
            reason = (known["reason"] or {}).get("name", "")
            if not record.is_followed_by(known["state"], reason) or record.state == "sent":
                wrong.append(
                    f"ticket {ticket} was {record.state} {record.reason}, is {known['state']} {reason}"
                )
            if (known["customer"], known["stake_minor"]) != (record.customer, record.stake_minor):
                wrong.append(f"ticket {ticket} has another customer or stake")
            self.states[known["state"]] += 1
            record.state, record.paid_minor = known["state"], known["paid_minor"]
        self._check("acknowledged_tickets_exist_once", wrong)
        open_count = self.states["accepted"] + self.states["delayed"]
        self._check("accepted_tickets_settled", [f"{open_count} tickets are still open"] * bool(open_count))
        settled = {ticket: record for ticket, record in records.items() if record.state == "settled"}
        self.turnover_minor = sum(record.stake_minor for record in settled.values())
        self.paid_minor = sum(record.paid_minor for record in settled.values())
        unlike = [
            f"ticket {ticket} was paid {record.paid_minor}, told were {self.paid_by_stream[ticket]}"
            for ticket, record in settled.items()
            if record.paid_minor != self.paid_by_stream[ticket]
        ]
        if self.settlement_gaps:
            unlike.append(f"{self.settlement_gaps} gaps in the settlement stream")
        self._check("settlement_stream_matches_tickets", unlike)

    def check_balances(self, records: dict[str, Record], answers: dict[int, Answer]) -> None:
        """Every customer has what he put in, less what he lost; nothing appeared or vanished on the way."""
        expected = Counter(self.deposits)
        for record in records.values():
            if record.state in ("settled", "accepted", "delayed"):
                expected[record.customer] += record.paid_minor - record.stake_minor
        wrong = [
            f"customer {customer} has {answer['available_minor']} and {answer['reserved_minor']} reserved, "
            f"expected {expected[customer]}"
            for customer, answer in answers.items()
            if (answer["available_minor"], answer["reserved_minor"]) != (expected[customer], 0)
        ]
        self._check("balances_match_tickets", wrong)
        balances = sum(answer["available_minor"] + answer["reserved_minor"] for answer in answers.values())
        # The stream of settlements, not the tickets asked for: a third witness.
        house_minor = self.turnover_minor - self.payout_minor
        open_minor = sum(record.stake_minor for record in records.values() if record.state == "accepted")
        difference = sum(self.deposits.values()) - balances - house_minor - open_minor
        self._check("money_is_conserved", [f"{difference} cents are missing"] * bool(difference))

    def check_answers(self, counts: Counter[str], waiting: int) -> None:
        """Every request was answered, and each kind as it must be."""
        self._check("requests_all_answered", [f"{waiting} requests have no answer"] * bool(waiting))
        pairs = {
            "repeats_answered_alike": ("repeat_sent", "repeat_alike"),
            "conflicts_refused": ("conflict_sent", "conflict_refused"),
            "malformed_messages_answered": ("malformed_sent", "malformed_answered"),
        }
        for name, (sent, answered) in pairs.items():
            is_even = counts[sent] == counts[answered]
            self._check(name, [] if is_even else [f"{counts[sent]} {sent}, {counts[answered]} {answered}"])
        self._check("answers_expected", [f"{counts['unexpected']} unexpected"] * bool(counts["unexpected"]))

    def _check(self, name: str, wrong: list[str]) -> None:
        self.checks[name] = not wrong
        self.differences += [f"{name}: {text}" for text in wrong[:EXAMPLES_MAX]]

    def result(self) -> dict[str, Any]:
        """What the report takes over."""
        return {
            "checks": self.checks,
            "differences": self.differences,
            "states": self.states,
            "turnover_minor": self.turnover_minor,
            "payout_minor": self.paid_minor,
            "deposits_minor": sum(self.deposits.values()),
        }
