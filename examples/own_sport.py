"""A sport that oddsengine does not ship: darts, first to six legs, from prices to bets to settlement.

Whoever throws first in a leg usually wins it, and the throw alternates; so two numbers describe a match: how
often each player wins a leg on the own throw. The model is a function compiled by numba, which the engine
calls by its address; the markets are data. Needs ``pip install numba``.
"""

from __future__ import annotations

import itertools
from math import exp

import numpy as np

from oddsengine import Engine, OddsEngineError, margin
from oddsengine.client import Alert
from oddsengine.models import Space, grade_function, joint_model

LEGS = 6
MATCH = 180
# Prices before the match, with margin: the match, and more or less than 9.5 legs.
ODDS_MATCH = (1.62, 2.35)
ODDS_LEGS_9_5 = (1.75, 2.05)


# The sport as data


@grade_function
def leads_by_more_than_two(outcome):
    """Home -2 legs: a win by exactly two gives the stake back."""
    lead = outcome[1] - outcome[2]
    return lead > 2, lead == 2


@grade_function
def trails_or_leads_by_less_than_two(outcome):
    """Away +2 legs."""
    lead = outcome[1] - outcome[2]
    return lead < 2, lead == 2


def darts() -> Space:
    """Who won the first leg, and the final score: 22 outcomes."""
    scores = [(LEGS, loser) for loser in range(LEGS)] + [(loser, LEGS) for loser in reversed(range(LEGS))]
    # 6-0 cannot be lost in the first leg.
    outcomes = [(first, *score) for first in (1, 2) for score in scores if score[first - 1] > 0]
    space = Space(
        "darts_first_to_6",
        outcomes,
        labels=[f"{home}-{away}, leg 1: {first}" for first, home, away in outcomes],
    )
    first, home, away = space.outcomes.T
    space.market("match", {"home": home == LEGS, "away": away == LEGS})
    space.market("leg_1", {"home": first == 1, "away": first == 2})
    space.market(
        "leg_1_and_match",
        {
            f"{leg}/{match}": (first == 1 + (leg == "away")) & ((home if match == "home" else away) == LEGS)
            for leg, match in itertools.product(("home", "away"), repeat=2)
        },
    )
    space.market("correct_score", {f"{a}-{b}": (home == a) & (away == b) for a, b in scores})
    for line in (7.5, 8.5, 9.5, 10.5):
        space.market(f"legs:{line}", {"over": home + away > line, "under": home + away < line})
    for line in (-3.5, -2.5, -1.5, 1.5, 2.5, 3.5):
        space.market(f"handicap:{line}", {"home": home - away > -line, "away": home - away < -line})
    return space.market(
        "handicap_2", {"home": leads_by_more_than_two, "away": trails_or_leads_by_less_than_two}
    )


# The model


@joint_model
def legs_model(inputs, state, out):
    """Fill the 22 outcomes.

    Inputs: how often home and away win a leg on the own throw. Values of the state: who throws first in leg 1
    (1 home, 2 away; absent before the bull-up), and who won leg 1 (0 nobody yet).
    """
    hold = (inputs[0], inputs[1])
    if not (0 < hold[0] < 1 and 0 < hold[1] < 1):
        raise ValueError("a share of legs is not between 0 and 1")
    thrower = state[4] if len(state) > 4 else 0
    winner_of_leg_1 = state[5] if len(state) > 5 else 0
    for begins in (1, 2):
        weight = 0.5 if thrower == 0 else (1.0 if thrower == begins else 0.0)
        for leg_1 in (1, 2):
            if weight == 0 or (winner_of_leg_1 != 0 and winner_of_leg_1 != leg_1):
                continue
            at = np.zeros((7, 7))
            at[state[1], state[2]] = weight
            for home in range(state[1], 7):
                for away in range(state[2], 7):
                    if home == 6 or away == 6 or at[home, away] == 0:
                        continue
                    home_throws = ((home + away) % 2 == 0) == (begins == 1)
                    wins = hold[0] if home_throws else 1 - hold[1]
                    if home + away > 0 or leg_1 == 1:
                        at[home + 1, away] += at[home, away] * wins
                    if home + away > 0 or leg_1 == 2:
                        at[home, away + 1] += at[home, away] * (1 - wins)
            # As the outcomes are listed: 6-0 to 6-5, then 5-6 to 0-6, without the one that leg 1 excludes.
            place = 0 if leg_1 == 1 else 11
            for index in range(12):
                home, away = (6, index) if index < 6 else (11 - index, 6)
                if (home if leg_1 == 1 else away) > 0:
                    out[place] += at[home, away]
                    place += 1


def calibrate(space: Space, odds_match: tuple[float, float], odds_legs: tuple[float, float]) -> list[float]:
    """The inputs that explain two prices, by bisection through the model itself.

    Both players' own-throw shares follow from a level and a difference on the logit scale: the difference
    moves the match, the level the number of legs.
    """
    home = float(margin.fair_probabilities(odds_match, method="shin")[0])
    over = float(margin.fair_probabilities(odds_legs, method="shin")[0])
    is_home, is_over = (space.markets[key].shares[:, 0, 0] for key in ("match", "legs:9.5"))

    def shares(level: float, difference: float) -> list[float]:
        return [1 / (1 + exp(-(level + side * difference))) for side in (1, -1)]

    def root(falls_short, low: float, high: float) -> float:
        if not falls_short(low) or falls_short(high):
            raise ValueError(f"no value in {low}..={high} explains the price")
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if falls_short(middle) else (low, middle)
        return (low + high) / 2

    def difference_at(level: float) -> float:
        return root(lambda d: legs_model(shares(level, d), outcomes=len(space)) @ is_home < home, -4, 4)

    def has_too_few_legs(level: float) -> bool:
        return bool(legs_model(shares(level, difference_at(level)), outcomes=len(space)) @ is_over < over)

    level = root(has_too_few_legs, 0, 4)
    return shares(level, difference_at(level))


def state_of(space: Space, throws_first: int, winners: list[int]) -> dict:
    """The whole state after some legs: 1 for a leg of home, 2 for one of away."""
    home, away = winners.count(1), winners.count(2)
    is_over = LEGS in (home, away)
    first, ends_home, ends_away = space.outcomes.T
    goes_on = (ends_home >= home) & (ends_away >= away)
    if winners:
        goes_on &= first == winners[0]
    if is_over:
        goes_on &= (ends_home == home) & (ends_away == away)
    return {
        "phase": "finished" if is_over else "in_play",
        "score": (home, away),
        "period": f"leg_{home + away + (not is_over)}",
        "values": (throws_first, winners[0] if winners else 0),
        "possible": space.possible(goes_on),
    }


def main() -> None:
    """A match of the sport, with everything that must hold asserted."""
    space = darts()
    print(space)
    inputs = calibrate(space, ODDS_MATCH, ODDS_LEGS_9_5)
    print(f"own-throw shares that explain the prices: home {inputs[0]:.4f}, away {inputs[1]:.4f}")
    fair = space.fair_odds(legs_model(inputs, outcomes=len(space)))
    for key, selection, odds in (("match", "home", ODDS_MATCH), ("legs:9.5", "over", ODDS_LEGS_9_5)):
        target = margin.fair_probabilities(odds, method="shin")[0]
        assert abs(1 / fair[key][selection] - target) < 1e-9, key

    engine = Engine(config={"bet_delay_ms": 0})
    engine.define_space(space)
    engine.register_model(space, legs_model, budget_ms=5)
    engine.feed.fixture(
        MATCH,
        sport="custom",
        space=space.name,
        competition="matchplay",
        home="Humphries",
        away="Littler",
        start_ns=0,
    )
    assert engine.set_model_inputs(MATCH, inputs)
    engine.deposit(customer=1, amount_minor=100_000)
    board = engine.board(MATCH)
    print(board)

    # No offered price is above its fair price.
    for key, market in board.markets.items():
        for name, odds in zip(market.selections, market.odds, strict=True):
            assert odds is None or odds <= fair[key][name] + 1e-9, (key, name)

    def bet(market: str, selection: str, stake_minor: int):
        leg = engine.board(MATCH).leg(market, selection)
        ticket = engine.place_ticket(customer=1, legs=[leg], stake_minor=stake_minor)
        print(f"{market}/{selection} at {leg.odds}: {ticket.state}")
        assert ticket.state == "accepted", ticket
        return ticket

    tickets = {
        "match": bet("match", "home", 1_000),
        "handicap": bet("handicap_2", "home", 2_000),
        "both": bet("leg_1_and_match", "away/home", 500),
        "over": bet("legs:8.5", "over", 800),
    }

    # Away throws first, and home breaks in leg 2; the favourite changes, the totals follow.
    winners: list[int] = []
    engine.feed.state(MATCH, **state_of(space, 2, winners))
    for winner in (2, 1, 1, 1):
        winners.append(winner)
        engine.feed.state(MATCH, **state_of(space, 2, winners))
        shown = engine.board(MATCH)
        print(
            f"{shown.score[0]}-{shown.score[1]}  match {shown.markets['match'].odds}  "
            f"over 8.5 {shown.odds('legs:8.5', 'over')}"
        )
        assert shown.status == "open"
    assert engine.board(MATCH).markets["leg_1"].status == "settled"
    tickets["live"] = bet("match", "away", 700)

    # Inputs that the model refuses: the fixture is suspended, and nobody can bet on the old prices.
    engine.events()
    assert engine.set_model_inputs(MATCH, [1.2, 0.6])
    alert = next(event for event in engine.events() if isinstance(event, Alert))
    print(alert.message)
    suspended = engine.board(MATCH)
    assert suspended.status == "suspended"
    refused = engine.place_ticket(customer=1, legs=[suspended.leg("match", "home")], stake_minor=100)
    assert refused.reason is not None
    assert refused.reason.name == "fixture_suspended"
    assert engine.set_model_inputs(MATCH, inputs)
    assert engine.board(MATCH).is_open

    # A state that the space does not have is refused, and stops trading until the feed is right again.
    try:
        engine.feed.state(MATCH, phase="finished", score=(6, 1), possible=[(0, 2)])
        raise AssertionError("two outcomes at once were taken")
    except OddsEngineError as error:
        print(error)

    # Home wins 6-4: by exactly two, so the handicap is refunded.
    for winner in (2, 2, 1, 2, 1, 1):
        winners.append(winner)
        engine.feed.state(MATCH, **state_of(space, 2, winners))
    ended = {name: engine.ticket(ticket.ticket) for name, ticket in tickets.items()}
    for name, ticket in ended.items():
        print(f"{name}: {ticket.legs[0].grade}, paid {ticket.paid_minor}")

    def won(name: str) -> int:
        return int(ended[name].stake_minor * ended[name].legs[0].odds + 1e-9)

    paid = {name: ticket.paid_minor for name, ticket in ended.items()}
    assert paid == {
        "match": won("match"),
        "handicap": 2_000,
        "both": won("both"),
        "over": won("over"),
        "live": 0,
    }
    stakes = sum(ticket.stake_minor for ticket in ended.values())
    assert engine.balance(1).available_minor == 100_000 - stakes + sum(paid.values())

    # The last leg was not home's after all: the match goes on, ends 5-6, and everything is settled again.
    engine.feed.state(MATCH, **state_of(space, 2, winners[:-1]))
    assert engine.ticket(ended["match"].ticket).paid_minor == 0
    winners.pop()
    for winner in (2, 2):
        winners.append(winner)
        engine.feed.state(MATCH, **state_of(space, 2, winners))
    again = engine.ticket(tickets["live"].ticket)
    assert (again.legs[0].grade, engine.ticket(tickets["match"].ticket).legs[0].grade) == ("won", "lost")
    assert all(engine.invariants().values()), engine.invariants()
    print(f"settled again: live pays {again.paid_minor}, all invariants hold")


if __name__ == "__main__":
    main()
