"""The customers: who they are, and the tickets that they think of. Everything follows from the seed."""

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Frame = dict[str, Any]
Message = dict[str, Any]

T = TypeVar("T")

CURRENCY = "EUR"
# Which markets people bet on, with weights.
MENU = {
    "1x2": 40,
    "total:2.5": 14,
    "both_score": 8,
    "total:1.5": 5,
    "total:3.5": 5,
    "double_chance": 5,
    "draw_no_bet": 4,
    "handicap:-0.5": 3,
    "handicap:-1": 3,
    "handicap:0.25": 2,
    "correct_score": 4,
    "half_time_full_time": 2,
    "1x2.h1": 3,
    "first_goal": 2,
}
# Most people back favourites: a selection's weight is (1 / odds) to this power.
FAVOURITE_BIAS = 1.3
ACCUMULATOR_SHARE = 0.3
LEGS_MAX = 6
# So many of the accumulators of three legs and more are several bets.
SYSTEM_SHARE = 0.4
SYSTEM_LEGS_MIN = 3
STAKE_MINOR_MIN = 10
# Bets by their names, with their lines, for so many legs.
SYSTEMS = {
    3: [("trixie", 4), ("patent", 7)],
    4: [("yankee", 11), ("lucky15", 15)],
    5: [("canadian", 26), ("lucky31", 31)],
    6: [("heinz", 57), ("lucky63", 63)],
}
# Versions of a board that a slow customer may still have on the screen.
REMEMBERED = 12

POLICIES: list[tuple[float, Message]] = [
    (40, {"policy": "none"}),
    (25, {"policy": "higher"}),
    (20, {"policy": "any"}),
    (15, {"policy": "within", "percent": 5}),
]
# What a customer does to a ticket that was fine, in thousandths of the tickets.
MISCHIEF = {
    "stale": 40,
    "too_large": 12,
    "below_minimum": 3,
    "stake_zero": 2,
    "same_fixture": 3,
    "currency": 2,
    "unknown_version": 4,
    "unknown_fixture": 2,
}


@dataclass(slots=True)
class Customer:
    """Somebody with an account."""

    customer: int
    deposit_minor: int
    stake_minor: int
    is_blocked: bool = False


@dataclass(slots=True)
class Seen:
    """A fixture as a customer sees it on the screen."""

    fixture: int
    version: tuple[int, int] = (0, 0)
    is_over: bool = False
    markets: dict[str, Any] = field(default_factory=dict)
    earlier: deque[tuple[tuple[int, int], list[float | None]]] = field(
        default_factory=lambda: deque(maxlen=REMEMBERED)
    )

    def take(self, frame: Frame) -> None:
        """Follows a board or status frame."""
        self.is_over = frame["status"] == "closed"
        if frame["type"] != "board":
            return
        self.version = (frame["epoch"], frame["version"])
        self.markets.update(frame["markets"])
        if "1x2" in self.markets:
            self.earlier.append((self.version, self.markets["1x2"]["odds"]))


def crowd_of(count: int, generator: random.Random) -> list[Customer]:
    """Customers 1 to `count`: most play with tens of euros, a few with hundreds, some have little."""
    customers = []
    for customer in range(1, count + 1):
        kind = generator.random()
        stake_minor = int(generator.lognormvariate(6.9, 0.6))  # about 10 euros
        deposit_minor = stake_minor * generator.randint(100, 400)
        if kind < 0.03:
            stake_minor, deposit_minor = stake_minor * 20, stake_minor * 4_000
        elif kind < 0.08:
            deposit_minor = stake_minor * 2
        # Accounts 40, 80, 120 … are blocked.
        customers.append(Customer(customer, deposit_minor, stake_minor, is_blocked=customer % 40 == 0))
    return customers


class Tickets:
    """Thinks of tickets on what the customers have seen."""

    def __init__(self, customers: list[Customer], generator: random.Random) -> None:
        self.customers = customers
        self.random = generator
        self.seen: dict[int, Seen] = {}
        # Selection names by market: told in images only, the same for all fixtures of a template.
        self.names: dict[str, list[str]] = {}
        self._mischief: dict[str, Callable[[Message], None]] = {
            "too_large": lambda ticket: ticket.update(stake_minor=generator.randint(2, 40) * 1_000_000),
            "below_minimum": lambda ticket: ticket.update(stake_minor=1),
            "stake_zero": lambda ticket: ticket.update(stake_minor=0),
            "same_fixture": lambda ticket: ticket["legs"].append(ticket["legs"][0]),
            "currency": lambda ticket: ticket.update(currency="USD"),
            "unknown_version": lambda ticket: ticket["legs"][0].update(version=[1, 1 << 40]),
            "unknown_fixture": lambda ticket: ticket["legs"][0].update(fixture=999_999),
            "stale": self._look_at_old_odds,
        }

    def take(self, frame: Frame) -> None:
        """What everybody sees."""
        fixture = frame["fixture"]
        seen = self.seen.get(fixture)
        if seen is None:
            seen = self.seen[fixture] = Seen(fixture)
        seen.take(frame)

    def next(self) -> Message | None:
        """The next ticket without its request id, or none when there is nothing to bet on."""
        chance = self.random
        offered = [seen for seen in self.seen.values() if not seen.is_over and seen.markets]
        if not offered or not self.names:
            return None
        leg_count = 1
        if chance.random() < ACCUMULATOR_SHARE:
            leg_count = min(len(offered), chance.randint(2, LEGS_MAX))
        legs = [leg for seen in chance.sample(offered, leg_count) if (leg := self._leg(seen)) is not None]
        if not legs:
            return None
        customer = chance.choice(self.customers)
        ticket = {
            "type": "place_ticket",
            "ticket": f"{chance.getrandbits(128):032x}",
            "customer": customer.customer,
            "currency": CURRENCY,
            "stake_minor": max(10, int(customer.stake_minor * chance.lognormvariate(0, 0.5))),
            "odds_change": self._weighted(POLICIES),
            "legs": legs,
        }
        draw = chance.randrange(1_000)
        for kind, thousandths in MISCHIEF.items():
            if 0 <= draw < thousandths:
                self._mischief[kind](ticket)
            draw -= thousandths
        if draw >= 0 and len(legs) >= SYSTEM_LEGS_MIN and chance.random() < SYSTEM_SHARE:
            self._make_system(ticket)
        return ticket

    def _make_system(self, ticket: Message) -> None:
        """Several bets on the same legs: by name, of one size, with a banker. Lines stake whole amounts."""
        count = len(ticket["legs"])
        kind = self.random.randrange(3)
        if kind == 0 and count in SYSTEMS:
            name, lines = self.random.choice(SYSTEMS[count])
            ticket["bets"] = [{"system": name}]
        elif kind == 1:
            lines = math.comb(count - 1, 2)
            ticket["bets"] = [{"bankers": [self.random.randrange(count)], "sizes": [2]}]
        else:
            size = self.random.randint(2, count)
            lines = math.comb(count, size)
            ticket["bets"] = [{"sizes": [size]}]
        ticket["stake_minor"] = max(lines, ticket["stake_minor"] - ticket["stake_minor"] % lines)
        ticket["stake_minor"] = max(ticket["stake_minor"], -(-STAKE_MINOR_MIN // lines) * lines)

    def _leg(self, seen: Seen) -> Message | None:
        """A selection that has a price, as a favourite-loving customer chooses."""
        menu = [(weight, key) for key, weight in MENU.items() if key in seen.markets and key in self.names]
        for _ in range(4):
            if not menu:
                return None
            market = self._weighted(menu)
            names, odds = self.names[market], seen.markets[market]["odds"]
            priced = [(price**-FAVOURITE_BIAS, place) for place, price in enumerate(odds) if price]
            if priced:
                place = self._weighted(priced)
                return {
                    "fixture": seen.fixture,
                    "market": market,
                    "selection": names[place],
                    "odds": odds[place],
                    "version": list(seen.version),
                }
        return None

    def _look_at_old_odds(self, ticket: Message) -> None:
        """A slow customer: the first leg becomes one on the oldest 1X2 prices remembered."""
        leg = ticket["legs"][0]
        version, odds = self.seen[leg["fixture"]].earlier[0]
        places = [place for place, price in enumerate(odds) if price]
        if places:
            place = self.random.choice(places)
            name = self.names["1x2"][place]
            leg.update(market="1x2", selection=name, odds=odds[place], version=list(version))

    def _weighted(self, choices: Sequence[tuple[float, T]]) -> T:
        weights = [weight for weight, _ in choices]
        return self.random.choices(choices, weights)[0][1]
