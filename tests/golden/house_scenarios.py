"""Scenarios of bookmakers, step by step, through the public API; what a house does its own way is its
profile."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from fact_kinds import cents, plan_of, price
from mapped_fields import Fields, NotMappedError

from oddsengine import settle

Json = Any


class House(NamedTuple):
    """House rules that differ from plain arithmetic."""

    rounding: settle.Rounding
    """Of each bet."""
    deduct_from: Literal["winnings", "return"]
    """What a withdrawn runner's deduction is taken from."""
    deductions: str | None
    """The Rule 4 table; None: the house's schedule is its own, and what it shows is entered."""
    exotics_share_flexi: bool
    """Whether "flexi" splits the stake of a forecast or tote bet over its lines, or each line is staked in
    full."""
    exotics_are_boxed: bool
    """Whether a bet on the first finishers is in every order unless it says otherwise."""
    placeless_single: Literal["lost", "void"]
    """The place part of a single on a race for which no place terms were set up."""
    placeless_leg: Literal["lost", "void"]
    """The same of a leg of a multiple."""


HOUSES = {
    "luxbet": House("half_up", "return", None, False, True, "lost", "void"),
    "redbook": House("half_up", "winnings", "tattersalls", True, False, "lost", "void"),
}

# Totals of several bets; each bet is to the cent, but for how a house rounds the parts of an each-way bet.
TOTAL_CENTS, BET_CENTS = 5, 1

# Finishers of a bet, and whether their order counts.
FINISHES = {
    "Quinella": (2, False),
    "Exacta": (2, True),
    "Forecast": (2, True),
    "Forecast SP": (2, True),
    "Trifecta": (3, True),
    "Tricast": (3, True),
    "Tricast SP": (3, True),
    "First Four": (4, True),
}

PARTS: dict[str, settle.Parts] = {
    "Win": "win",
    "Place": "place",
    "Eachway": "each_way",
    "EachWay": "each_way",
}


class Terms(NamedTuple):
    """Places of a market."""

    places: int
    fraction: Fraction | None
    """None: place prices are given."""


class Event:
    """A race."""

    def __init__(self, runners: list[str], prices: list[Json]) -> None:
        self.runners, self.prices = runners, [price(one) for one in prices]
        self.place_prices: list[Fraction] = []
        self.starting: tuple[list[Fraction], list[Fraction]] = ([], [])
        self.products: list[str] = []
        self.terms: Terms | None = None
        self.withdrawn: list[str] = []
        self.shown: dict[str, tuple[int, int]] = {}
        self.positions: dict[str, int] = {}

    def at(self, runner: str) -> int:
        return self.runners.index(runner)

    def tied(self, runner: str) -> int:
        position = self.positions.get(runner)
        return sum(other == position for other in self.positions.values()) or 1


class LegAt(NamedTuple):
    """A runner as it was backed."""

    event: Event
    runner: str
    product: str
    terms: Terms | None
    known: int
    """Runners withdrawn before."""


class Placed(NamedTuple):
    """A bet as it was struck."""

    plan: settle.Plan
    legs: list[LegAt]
    places_in_win: list[bool]
    """Legs of a multiple on places stand in its win parts."""
    label: str


class Exotic(NamedTuple):
    """A bet on the first finishers."""

    event: Event
    runners: list[str]
    finish: int
    ordered: bool
    boxed: bool
    stake: int
    lines: int
    is_shared: bool
    product: str


def whole_percent(value: Json) -> int:
    if int(value) != value:
        raise NotMappedError(f"deduction of {value} per cent is not whole")
    return int(value)


class Shop:
    """What a scenario has done so far."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.table = None if house.deductions is None else settle.DeductionTable.named(house.deductions)
        self.events: list[Event] = []
        self.bets: list[Placed | Exotic] = []
        self.balance = self.opening = self.mark = 0
        self.options: dict[str, str] = {}
        self.dividends: list[tuple[str, str, Fraction]] = []
        self.paid: list[int] | None = None
        self.refunded: dict[int, int] = {}
        self.failures: list[str] = []

    def event_of(self, runner: str) -> Event:
        found = [event for event in self.events if runner in event.runners]
        if len(found) != 1:
            raise NotMappedError(f"runner {runner!r} is in {len(found)} races")
        return found[0]

    def expect(self, what: str, wanted: Json, found: int, tolerance: int) -> None:
        if abs(cents(wanted) - found) > tolerance:
            self.failures.append(f"{what}: {found / 100:.2f} is not {wanted}")

    def backed(self, runner: str, product: str) -> LegAt:
        event = self.event_of(runner)
        if runner in event.withdrawn:
            raise NotMappedError(f"a bet on {runner!r}, which is withdrawn")
        return LegAt(event, runner, product, event.terms, len(event.withdrawn))

    def strike(self, plan: settle.Plan, legs: list[LegAt], on_places: list[bool], label: str) -> None:
        self.balance -= plan.stake_minor
        self.bets.append(Placed(plan, legs, on_places, label))

    def leg(self, at: LegAt, is_on_place: bool, is_single: bool) -> settle.LegReturn:
        """What a leg returns now."""
        event, index = at.event, at.event.at(at.runner)
        terms = at.terms
        if terms is not None and event.terms is not None:
            if self.options.get("Number of Places on Bet", "Y") == "N":
                terms = terms._replace(places=event.terms.places)
            if self.options.get("Recalculate Place Price", "N") == "Y":
                terms = terms._replace(fraction=event.terms.fraction)
        since = event.withdrawn[at.known :]
        off, place_off = self.deduction(event, since)
        odds = event.prices[index]
        fraction = None if terms is None else terms.fraction
        shown = event.place_prices[index] if index < len(event.place_prices) and fraction is None else None
        options: dict[str, Any] = {}
        if at.product in ("SP", "BOG"):
            start, start_place = (prices[index] if index < len(prices) else None for prices in event.starting)
            if at.product == "SP":
                if start is None:
                    raise NotMappedError(f"starting price of {at.runner!r}")
                # The starting price is made without the withdrawn runner.
                odds, shown, fraction, off, place_off = start, start_place or shown, fraction, 0, 0
            elif start is not None:
                options = {"starting_price": start, "starting_place": start_place}
        if at.runner in event.withdrawn:
            return settle.leg(odds, "void")
        position = event.positions.get(at.runner, 0)
        if terms is None:
            options["place_grade"] = self.house.placeless_single if is_single else self.house.placeless_leg
        elif fraction is None and shown is None:
            raise NotMappedError(f"place price of {at.runner!r}")
        leg = settle.leg(
            odds,
            position=position,
            tied=event.tied(at.runner),
            places=1 if terms is None else terms.places,
            fraction=fraction,
            place_odds=shown,
            deduction=off,
            place_deduction=place_off,
            deduct_from=self.house.deduct_from,
            **options,
        )
        if not is_on_place:
            return leg
        _, place, of = leg.parts()
        # In a multiple of win and place legs a place leg stands where the win parts run.
        if place in (0, of):
            return settle.leg(2, "lost" if place == 0 else "void")
        return settle.leg(Fraction(place, of), "won") if place > of else settle.leg(2, (place, 0, 2 * of))

    def deduction(self, event: Event, since: list[str]) -> tuple[int, int]:
        """Per cent off the win and the place part for runners withdrawn since a bet was struck."""
        if not since:
            return 0, 0
        if self.table is not None:
            off = self.table.percent([float(event.prices[event.at(runner)]) for runner in since])
            return off, off
        missing = [runner for runner in since if runner not in event.shown]
        if missing:
            raise NotMappedError(f"the house's own deduction for {', '.join(missing)} is not shown")
        both = [event.shown[runner] for runner in since]
        return min(sum(win for win, _ in both), 100), min(sum(place for _, place in both), 100)

    def payout(self, bet: Placed | Exotic) -> int:
        if isinstance(bet, Placed):
            both = zip(bet.legs, bet.places_in_win, strict=True)
            legs = [self.leg(at, on, len(bet.legs) == 1) for at, on in both]
            return bet.plan.payout(legs, rounding=self.house.rounding)
        order = sorted(bet.event.positions, key=lambda runner: bet.event.positions[runner])[: bet.finish]
        hit = set(order) <= set(bet.runners) if bet.boxed or not bet.ordered else order == bet.runners
        if not hit or len(order) < bet.finish:
            return 0
        tote, _, kind = bet.product.partition(" ")
        found = [paid for house, of, paid in self.dividends if (house, of) in ((tote, kind), ("", ""))]
        if len(found) != 1:
            raise NotMappedError(f"{len(found)} dividends for {bet.product!r}")
        share = (1, 0, bet.lines) if bet.is_shared else "won"
        return settle.plan("single", 1, stake_minor=bet.stake).payout(
            [settle.leg(found[0], share)], rounding=self.house.rounding
        )

    def settle_all(self) -> list[int]:
        """Pays what is not paid yet; refunds were paid at the withdrawal."""
        if self.paid is None:
            self.paid = [self.payout(bet) for bet in self.bets]
            self.balance += sum(self.paid) - sum(self.refunded.values())
        return self.paid


def run_scenario(scenario: Fields) -> Iterable[str]:
    """Plays one scenario and returns what was not as expected."""
    for label in ("id", "name", "event_classes", "reproduced_by_plain_arithmetic"):
        scenario.label(label)
    name = scenario.take("file").partition("/")[0]
    if name not in HOUSES:
        raise NotMappedError(f"house {name!r} has no profile")
    shop = Shop(HOUSES[name])
    for action in scenario.take("actions"):
        kind = action.take("a")
        if kind not in ACTIONS:
            raise NotMappedError(f"action {kind!r}")
        ACTIONS[kind](shop, action)
    return shop.failures


def opening_balance(shop: Shop, action: Fields) -> None:
    shop.balance = shop.opening = shop.mark = cents(action.take("balance"))


def create_event(shop: Shop, action: Fields) -> None:
    runners, prices = action.take("runners"), action.take("prices")
    if len(runners) != len(prices):
        raise NotMappedError(f"{len(runners)} runners and {len(prices)} prices")
    shop.events.append(Event(runners, prices))


def product(shop: Shop, action: Fields) -> None:
    name = action.take("name")
    known = (
        name in ("BOG", "SP", "Luxbook DVP Fixed") or name.partition(" ")[2] in FINISHES or name in FINISHES
    )
    if not known:
        raise NotMappedError(f"product {name!r}")
    shop.events[-1].products.append(name)


def market(shop: Shop, action: Fields) -> None:
    """Sets up the last race's market, or changes it."""
    event = shop.events[-1]
    action.only("Market Status", "Live")
    action.only("Bets Allowed", "WIN Yes")
    action.only("E/W", "yes")
    by_fraction = action.only("Bets Allowed Place", "PLACE DVP", "PLACE Fraction")
    places, text = int(action.take("No of Places")), action.take("Place Fraction")
    was_by_fraction = event.terms is not None and event.terms.fraction is not None
    is_by_fraction = by_fraction == "PLACE Fraction" or (by_fraction is None and was_by_fraction)
    event.terms = Terms(places, Fraction(text) if is_by_fraction else None)


def place_prices(shop: Shop, action: Fields) -> None:
    event = shop.events[-1]
    event.place_prices = [price(one) for one in action.take("prices")]
    if event.terms is not None and event.terms.fraction is not None:
        # By a fraction they are only shown: to the cent.
        for odds, shown in zip(event.prices, event.place_prices, strict=False):
            if abs(1 + (odds - 1) * event.terms.fraction - shown) > Fraction(1, 200):
                shop.failures.append(f"place price {float(shown)} is not by the fraction of {float(odds)}")


def prices_product(shop: Shop, action: Fields) -> None:
    action.only("product", "SP")
    event = shop.events[-1]
    event.starting = (
        [price(one) for one in action.take("win")],
        [price(one) for one in action.take("place")],
    )


def options(shop: Shop, action: Fields) -> None:
    for name in ("Number of Places on Bet", "Recalculate Place Price"):
        value = action.only(name, "Y", "N")
        if value is not None:
            shop.options[name] = value


def parts_of(word: str) -> settle.Parts:
    if word not in PARTS:
        raise NotMappedError(f"bet on {word!r}")
    return PARTS[word]


def bet(shop: Shop, action: Fields) -> None:
    runner, parts = action.take("runner"), parts_of(action.take("type"))
    sold = action.take("product", "")
    if sold and sold not in shop.event_of(runner).products:
        raise NotMappedError(f"product {sold!r} is not sold on {runner!r}")
    plan = settle.plan("single", 1, stake_minor=cents(action.take("stake")), parts=parts)
    shop.strike(plan, [shop.backed(runner, sold)], [False], runner)


def stake_options(stake: Json, flexi: str) -> dict[str, Any]:
    if flexi not in ("Y", "N"):
        raise NotMappedError(f"flexi {flexi!r}")
    total = {"stake_minor": None, "total_minor": cents(stake), "flexi": True}
    return total if flexi == "Y" else {"stake_minor": cents(stake)}


def multi_bet(shop: Shop, name: str, words: list[str], runners: list[str], stake: dict[str, Any]) -> None:
    legs = [shop.backed(runner, "") for runner in runners]
    kinds = [parts_of(word) for word in words]
    kinds = kinds * len(legs) if len(kinds) == 1 else kinds
    if len(kinds) != len(legs):
        raise NotMappedError(f"{len(kinds)} parts of {len(legs)} legs")
    is_one_kind = len(set(kinds)) == 1
    if not is_one_kind and "each_way" in kinds:
        raise NotMappedError("a multiple of each-way and other legs")
    parts = kinds[0] if is_one_kind else "win"
    on_places = [not is_one_kind and kind == "place" for kind in kinds]
    plan = plan_of(
        "accumulator" if name == "legs" else name, len(legs), stake.pop("stake_minor"), parts, **stake
    )
    shop.strike(plan, legs, on_places, name)


def multi(shop: Shop, action: Fields) -> None:
    words = action.take("types") if action.has("types") else [action.take("type", "Win")]
    amount = action.take("unit_stake") if action.has("unit_stake") else action.take("stake")
    stake = stake_options(amount, action.take("flexi", "N"))
    multi_bet(shop, action.take("multi"), words, action.take("runners"), stake)


def multi_multi(shop: Shop, action: Fields) -> None:
    names, stakes, flexis = action.take("multi"), action.take("stakes"), action.take("flexi").split(",")
    words, runners = action.take("types", ["Win"]), action.take("runners")
    for name, stake, flexi in zip(names, stakes, flexis, strict=True):
        multi_bet(shop, name, words, runners, stake_options(stake, flexi))


def exotic(shop: Shop, action: Fields) -> None:
    runners = [runner.strip() for runner in action.take("runners").split(",")]
    event = shop.event_of(runners[0])
    kind = action.take("type")
    sold = next((name for name in event.products if kind == "Exotic" or name.endswith(f" {kind}")), None)
    if sold is None:
        raise NotMappedError(f"no product for {kind!r}")
    if kind == "Exotic":
        sold = next(name for name in event.products if name in FINISHES)
        kind = sold
    finish, ordered = FINISHES[kind]
    boxed = action.take("boxed", "Y" if shop.house.exotics_are_boxed else "N")
    if boxed not in ("Y", "N") or any(runner not in event.runners for runner in runners):
        raise NotMappedError(f"boxed {boxed!r} on {runners}")
    lines = settle.finish_lines(len(runners), finish, ordered=ordered) if boxed == "Y" else 1
    flexi = action.take("flexi", "N")
    if flexi not in ("Y", "N") or (boxed == "N" and len(runners) != finish):
        raise NotMappedError(f"flexi {flexi!r} on {len(runners)} runners")
    is_shared = flexi == "Y" and shop.house.exotics_share_flexi
    stake = cents(action.take("stake"))
    shop.balance -= stake if is_shared else stake * lines
    shop.bets.append(Exotic(event, runners, finish, ordered, boxed == "Y", stake, lines, is_shared, sold))


def scratch(shop: Shop, action: Fields) -> None:
    """Withdraws runners by their saddle numbers; single bets on them are refunded at once."""
    event = shop.events[-1]
    for number in action.take("positions"):
        runner = event.runners[number - 1]
        event.withdrawn.append(runner)
        for index, placed in enumerate(shop.bets):
            if isinstance(placed, Placed) and [at.runner for at in placed.legs] == [runner]:
                shop.refunded[index] = placed.plan.stake_minor
                shop.balance += placed.plan.stake_minor


def expect_deductions(shop: Shop, action: Fields) -> None:
    event = shop.events[-1]
    for row in action.take("rows"):
        number, _, runner = row.take("runner").partition(" ")
        if event.at(runner) != int(number) - 1:
            raise NotMappedError(f"runner {runner!r} is not number {number}")
        shown = whole_percent(row.take("win_pct")), whole_percent(row.take("place_pct"))
        if shop.table is None:
            event.shown[runner] = shown
            continue
        own = shop.table.percent([float(event.prices[event.at(runner)])])
        if shown != (own, own):
            shop.failures.append(f"deduction for {runner}: {own} is not {shown}")


def result(shop: Shop, action: Fields) -> None:
    for row in action.take("positions"):
        runner = row.take("runner")
        shop.event_of(runner).positions[runner] = row.take("pos")


def result_prices(shop: Shop, action: Fields) -> None:
    """What is shown beside the result is what was offered."""
    event = shop.events[-1]
    order = sorted(event.positions, key=lambda runner: event.positions[runner])
    for name, offered in (("win", event.prices), ("place", event.place_prices)):
        shown = [price(one) for one in action.take(name)]
        if shown != [offered[event.at(runner)] for runner in order]:
            shop.failures.append(f"{name} prices of the result are not those offered")


def exotic_prices(shop: Shop, action: Fields) -> None:
    shop.dividends += [(tote, kind, Fraction(paid)) for tote, kind, paid in action.take("rows")]


def settle_race(shop: Shop, action: Fields) -> None:
    if action.has("exotic_prices"):
        shop.dividends.append(("", "", Fraction(action.take("exotic_prices"))))


def expect_cost(shop: Shop, action: Fields) -> None:
    shop.expect("cost", action.take("amount"), shop.opening - shop.balance, 0)
    shop.mark = shop.balance


def expect_balance(shop: Shop, action: Fields) -> None:
    is_over = any(event.positions for event in shop.events)
    if is_over:
        shop.settle_all()
    shop.expect("balance", action.take("balance"), shop.balance, TOTAL_CENTS if is_over else 0)


def expect_increase(shop: Shop, action: Fields) -> None:
    shop.settle_all()
    shop.expect("increase", action.take("amount"), shop.balance - shop.mark, TOTAL_CENTS)


def expect_bets(shop: Shop, action: Fields) -> None:
    paid, rows = shop.settle_all(), action.take("rows")
    if len(rows) != len(paid):
        shop.failures.append(f"{len(paid)} bets are not {len(rows)}")
        return
    for index, (row, amount, placed) in enumerate(zip(rows, paid, shop.bets, strict=True)):
        runner, status = row.take("runner"), row.take("status")
        label = placed.label if isinstance(placed, Placed) else placed.product
        found = "Refunded" if index in shop.refunded else "Punter Win" if amount else "Punter Loss"
        if (label, found) != (runner, status):
            shop.failures.append(f"bet {index}: {label} {found} is not {runner} {status}")
        shop.expect(f"bet {index} on {runner}", row.take("payout"), amount, BET_CENTS)


ACTIONS = {
    "opening_balance": opening_balance,
    "create_event": create_event,
    "product": product,
    "market": market,
    "market_update": market,
    "place_prices": place_prices,
    "prices_product": prices_product,
    "options": options,
    "bet": bet,
    "multi": multi,
    "multi_multi": multi_multi,
    "exotic": exotic,
    "scratch": scratch,
    "expect_deductions": expect_deductions,
    "result": result,
    "result_prices": result_prices,
    "exotic_prices": exotic_prices,
    "settle": settle_race,
    "expect_cost": expect_cost,
    "expect_balance": expect_balance,
    "expect_increase": expect_increase,
    "expect_bets": expect_bets,
}
