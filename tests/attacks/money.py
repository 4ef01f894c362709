"""Limits that must limit, money that must not appear, ids that must not stop anything."""

from __future__ import annotations

import time
import uuid

from answers import Json, is_accepted, leg_of, reason, told
from rig import CUSTOMER, ControlError, Measures, World, attack, grant

MASK = 2**64 - 1
# Two ids whose transfers once were the same.
COLLIDING = ("1234567890abcdef1234567890abcdef", "eb5642c6c2ac0aba5e25d3f999add101")


def _platform_loss(world: World) -> tuple[int, int]:
    levels = {level["level"]: level for level in world.ask(type="exposure")["levels"]}
    return levels["platform"]["loss_minor"], levels["platform"]["limit_minor"]


@attack("accumulators-against-the-platform", quick=True)
def accumulators(measures: Measures) -> None:
    """Platform limit 100.00: accumulators of many legs, as large as they are taken."""
    limits = {"platform_loss_max": "100.00", "legs_max": 20, "payout_max": "10000000000.00"}
    with World(limits=limits, book={"bet_delay_ms": 0}) as world:
        grant(world)
        images = [world.announce(fixture) for fixture in range(1, 21)]
        accepted = 0
        loss = limit = 0

        def place(legs: list[Json], stake_minor: int) -> None:
            nonlocal accepted, loss, limit
            if is_accepted(world.ask(**world.bet_request(legs, stake_minor=stake_minor))):
                accepted += 1
                # Later bets on other selections may hedge it: every moment counts.
                now, limit = _platform_loss(world)
                loss = max(loss, now)

        for leg_count in (20, 12, 5, 2):
            for market, selection in (("1x2", "home"), ("total:2.5", "over"), ("total:0.5", "over")):
                legs = [leg_of(image, market, selection) for image in images[:leg_count]]
                asked = world.ask(type="max_stake", customer=CUSTOMER, currency="EUR", legs=legs)
                for stake_minor in (asked.get("stake_minor_max") or 10_000, 10_000, 1_000, 100, 10):
                    place(legs, stake_minor)
        for image in images:
            for selection in ("home", "draw"):
                place([leg_of(image, "1x2", selection)], 5_000)
        measures.most("platform loss in cents", loss, limit)
        measures.least("tickets taken", accepted, 1)


@attack("customer-factor-by-many-tickets", quick=True)
def customer_factor(measures: Measures) -> None:
    """Factor 0.1 of a market limit of 1,000.00: one selection, as many tickets as are taken."""
    with World(limits={"market_loss_max": "1000.00"}, book={"bet_delay_ms": 0}) as world:
        grant(world)
        image = world.announce(1)
        world.desk("set_customer", customer=CUSTOMER, factor=0.1)
        leg = leg_of(image)
        taken_minor = 0
        for stake_minor in [50_000, 20_000, 10_000, 5_000, 4_000, 3_000] * 2 + [1_000] * 40 + [100] * 40:
            answer = world.ask(**world.bet_request([leg], stake_minor=stake_minor))
            if is_accepted(answer):
                odds = answer["ticket"]["legs"][0]["odds"]
                taken_minor += round(stake_minor * (odds - 1))
        measures.most("liability to the customer in cents", taken_minor, 10_100)
        measures.least("liability taken", taken_minor, 1)


@attack("deposit-in-an-unknown-currency", quick=True)
def unknown_currency(measures: Measures) -> None:
    """Money in currencies that the book does not keep."""
    with World() as world:
        for currency in ("ZZZ", "USD", "JPY"):
            measures.equal(
                f"deposit of {currency}", world.deposit(CUSTOMER, 100, currency)["type"], "refused"
            )
        measures.equal("deposit of EUR", world.deposit(CUSTOMER, 100)["type"], "money")


@attack("start-with-another-currency", quick=True)
def another_currency(measures: Measures) -> None:
    """A journal in EUR is started with a configuration in USD."""
    with World(is_ipc=True) as world:
        grant(world)
        measures.equal("clean stop", world.engine.stop(), 0)
        with World(
            is_ipc=True, is_faulty=True, folder=world.folder, book={"currency": "USD", "bet_delay_ms": 0}
        ) as other:
            code = other.engine.exit_or_ready()
            measures.equal("exit status", "serves" if code is None else code, 2)
            measures.equal("says the currency", "USD" in other.engine.errors(), True)


def _take_all(world: World, customer: int) -> int:
    """Withdraw whatever is there."""
    available_minor = world.ask(type="balance", customer=customer)["available_minor"]
    if available_minor <= 0:
        return 0
    answer = world.withdraw(customer, available_minor)
    return int(answer["amount_minor"]) if answer["type"] == "money" else 0


@attack("goal-withdraw-var", seconds=30, quick=True)
def receivables(measures: Measures) -> None:
    """Won, withdrawn, goal cancelled, goal again: five rounds on one stake of 10,000; then a deposit."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world, 70, amount_minor=10_000)
        world.announce(1, starts_in_s=1.0)
        decided = world.bet(1, "total:0.5", "over", customer=70, stake_minor=10_000).decided()
        if not is_accepted(decided):
            raise ControlError(f"the bet is {told(decided)}")
        payout = decided["ticket"]["payout_minor_max"]
        world.incident(1, "kick_off", 0, score=[0, 0])
        out = 0
        for k in range(5):
            world.goal(1, 1_000 + 10 * k, 1)
            time.sleep(0.15)
            out += _take_all(world, 70)
            world.incident(1, "goal_cancelled", 1_005 + 10 * k, side="home", score=[0, 0])
            time.sleep(0.15)
        measures.most("withdrawn on a stake of 10,000", out, payout)
        owed = out
        world.deposit(70, 5_000)
        free = _take_all(world, 70)
        measures.most("of a deposit of 5,000 while owing", free, max(0, 5_000 - owed))
        balance = world.ask(type="balance", customer=70)
        is_told = any("owed" in key or "receivable" in key or "owing" in key for key in balance)
        measures.equal("balance tells what is owed", is_told, True)


@attack("cancel-after-withdrawal", quick=True)
def cancel_after_withdrawal(measures: Measures) -> None:
    """A settled ticket, the payout withdrawn, the ticket cancelled: the stake does not come back as cash."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world, 70, amount_minor=10_000)
        world.announce(1, starts_in_s=1.0)
        bet = world.bet(1, "total:0.5", "over", customer=70, stake_minor=10_000)
        decided = bet.decided()
        world.incident(1, "kick_off", 0, score=[0, 0])
        world.goal(1, 1_000, 1)
        time.sleep(0.2)
        out = _take_all(world, 70)
        world.desk("cancel_ticket", ticket=bet.request["ticket"])
        out += _take_all(world, 70)
        measures.most("withdrawn of 10,000", out, max(10_000, decided["ticket"]["payout_minor_max"]))


@attack("two-ticket-ids-that-collide", quick=True)
def colliding_ids(measures: Measures) -> None:
    """Two chosen ids on one fixture, then void; and again after a restart."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        grant(world)
        image = world.announce(1)
        for ticket in COLLIDING:
            decided = world.ask(**world.bet_request([leg_of(image)], ticket=ticket))
            if not is_accepted(decided):
                raise ControlError(f"a bet is {told(decided)}")
        world.feed("void_fixture", fixture=1)
        time.sleep(0.3)
        measures.equal("alive after the void", world.stays_up(), True)
        try:
            world.restart()
            measures.equal("alive after a restart", world.stays_up(), True)
            available = world.ask(type="balance", customer=CUSTOMER)["available_minor"]
            measures.equal("everything came back", available, 10_000_000)
        except RuntimeError:
            measures.equal("starts again", False, True)


def _mix(z: int) -> int:
    """The finaliser of SplitMix64, which once hashed ids without a seed."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def _time_of_deposits(world: World, ids: list[str], customer: int) -> float:
    """Seconds for deposits with these ids, in batches."""
    start = time.monotonic()
    for first in range(0, len(ids), 200):
        replies = world.batch(
            [
                {
                    "type": "deposit",
                    "transfer": identity,
                    "customer": customer,
                    "amount_minor": 1,
                    "currency": "EUR",
                }
                for identity in ids[first : first + 200]
            ]
        )
        if replies[0]["type"] != "money":
            raise ControlError(f"a deposit is answered with {str(replies[0])[:200]}")
    return time.monotonic() - start


def _chosen_ids(count: int) -> list[str]:
    return [f"{_mix(low) ^ 0x5EED:016x}{low:016x}" for low in range(1, count + 1)]


@attack("ids-chosen-against-the-hash", seconds=120)
def chosen_ids(measures: Measures) -> None:
    """40,000 ids of tickets and of transfers that once fell into one place of a table, beside random ones."""
    with World(is_durable=False, book={"bet_delay_ms": 0}) as world:
        chosen = _chosen_ids(40_000)
        random_s = _time_of_deposits(world, [uuid.uuid4().hex for _ in chosen], 1)
        chosen_s = _time_of_deposits(world, chosen, 2)
        measures.most("chosen against random transfers, ratio", chosen_s / random_s, 2.0, is_time=True)
        image = world.announce(1)
        leg = leg_of(image)

        def time_of_refusals(ids: list[str]) -> float:
            start = time.monotonic()
            for first in range(0, len(ids), 100):
                world.batch(
                    [
                        world.bet_request([leg], ticket=identity, customer=999)
                        for identity in ids[first : first + 100]
                    ]
                )
            return time.monotonic() - start

        random_s = time_of_refusals([uuid.uuid4().hex for _ in chosen])
        chosen_s = time_of_refusals(chosen)
        measures.most("chosen against random tickets, ratio", chosen_s / random_s, 2.0, is_time=True)


@attack("blocked-in-the-delay", quick=True)
def blocked(measures: Measures) -> None:
    """A customer is blocked while his bet waits."""
    with World(book={"bet_delay_ms": 400}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        bet = world.bet(1)
        bet.first()
        world.desk("set_customer", customer=CUSTOMER, factor=0.0)
        decided = bet.decided()
        measures.equal("decision", is_accepted(decided), False)
        measures.equal("reason", reason(decided), "customer_blocked")
