"""Old prices: everything that sold a bet at a price that the world had left."""

from __future__ import annotations

import random
import time

from answers import Json, is_accepted, leg_of, reason, state, told
from rig import CUSTOMER, ControlError, Measures, World, attack, grant

PRICE_TOLERANCE = 0.15
# In play a feed may be silent for so long, and not longer; the engine's limits are below it.
SILENCE_S_MAX = 20.0
LAST_SEQ = 2**64 - 1


def _old_price_count(decisions: list[Json], goals: int) -> int:
    """Bets that were taken at an earlier score than the one delivered."""
    return sum(
        is_accepted(decided) and sum(decided["ticket"]["legs"][0]["score"]) < goals for decided in decisions
    )


@attack("stopped-engine", quick=True)
def stopped_engine(measures: Measures) -> None:
    """The process is stopped for longer than the rest of the bet delays, and a goal falls in the stop."""
    with World(book={"bet_delay_ms": 600}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        bets = [world.bet(1) for _ in range(5)]
        for bet in bets:
            bet.first()
        world.engine.pause()
        time.sleep(0.1)
        world.goal(1, 60_000, 1)
        time.sleep(1.0)
        world.engine.go_on()
        decisions = [bet.decided() for bet in bets]
        measures.most("taken at the old price", _old_price_count(decisions, 1), 0)
        measures.equal("score", world.image(1)["score"], [1, 0])


@attack("goal-behind-60000-messages")
def goal_behind_messages(measures: Measures) -> None:
    """60,000 clock messages lie before a goal; one bet waits already, another comes 0.05 s after the goal."""
    with World(book={"bet_delay_ms": 600}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        image = world.image(1)
        head = f'{{"type":"incident","source":"scout","time_ns":{time.time_ns()},"fixture":1,"kind":"clock"'
        # Made beforehand: they must come faster than they are read.
        payloads = [f'{head},"clock_ms":{1_000 + k}}}'.encode() for k in range(60_000)]
        for payload in payloads:
            world.ingest.send(payload)
        waiting = world.send(**world.bet_request([leg_of(image)]))
        world.goal(1, 600_000, 1)
        time.sleep(0.05)
        late = world.send(**world.bet_request([leg_of(image)]))
        decisions = []
        for request_id in (waiting, late):
            decided = world.answer(request_id, seconds=120)
            if state(decided) == "delayed":
                decided = world.answer(request_id, seconds=120)
            decisions.append(decided)
        measures.most("taken at the old price", _old_price_count(decisions, 1), 0)
        world.image_when(1, lambda board: board["score"] == [1, 0], seconds=60)


@attack("race-of-goals-and-bets", seconds=90)
def race(measures: Measures) -> None:
    """Goals and bets in normal load: nothing is taken 0.1 s and more after a goal was handed over."""
    chance = random.Random(7)
    with World(book={"bet_delay_ms": 300}) as world:
        grant(world)
        fixtures = range(1, 11)
        for fixture in fixtures:
            world.match(fixture)
        goals = dict.fromkeys(fixtures, 0)
        handed_ns: dict[tuple[int, int], int] = {}
        bets = []
        until = time.monotonic() + 12
        clock_ms = 10_000
        while time.monotonic() < until:
            fixture = chance.choice(fixtures)
            clock_ms += 100
            if chance.random() < 0.2 and goals[fixture] < 5:
                goals[fixture] += 1
                world.goal(fixture, clock_ms, goals[fixture])
                handed_ns[fixture, goals[fixture]] = time.time_ns()
            else:
                world.incident(fixture, "clock", clock_ms)
            bets.append(world.bet(fixture, "total:6.5", "under", stake_minor=10))
            time.sleep(0.002)
        accepted = late = 0
        for bet in bets:
            decided = bet.decided()
            if not is_accepted(decided):
                continue
            accepted += 1
            leg = decided["ticket"]["legs"][0]
            next_goal_ns = handed_ns.get((leg["fixture"], leg["score"][0] + 1))
            late += next_goal_ns is not None and next_goal_ns + 100_000_000 < decided["ticket"]["decided_ns"]
        measures.most("taken after a later goal", late, 0)
        measures.told("of", accepted)
        if not accepted:
            raise ControlError("no bet was taken at all")


@attack("interruptions-in-the-delay", quick=True)
def interruptions(measures: Measures) -> None:
    """Goal and VAR, danger and safe, suspend and resume, within one delay: the score is the same again."""
    with World(book={"bet_delay_ms": 500}) as world:
        grant(world)
        for fixture in (1, 2, 3):
            world.match(fixture)
        world.control(1)
        bets = {"goal and VAR": world.bet(1), "danger and safe": world.bet(2), "desk stop": world.bet(3)}
        for bet in bets.values():
            if state(bet.first()) != "delayed":
                raise ControlError(f"the bet is not delayed: {told(bet.first())}")
        world.goal(1, 60_000, 1)
        world.incident(1, "goal_cancelled", 61_000, side="home", score=[0, 0])
        world.incident(2, "danger", 60_000)
        world.incident(2, "safe", 61_000)
        world.desk("suspend", fixture=3)
        world.desk("resume", fixture=3)
        for name, bet in bets.items():
            measures.equal(name, state(bet.decided()), "refused")


@attack("manual-and-locked-through-goals", quick=True)
def manual_through_goals(measures: Measures) -> None:
    """Prices by hand and locked ones stand while two goals fall."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        world.desk("manual_odds", fixture=1, market="1x2", odds=[3.3, 3.5, 2.05])
        world.desk("lock_market", fixture=1, market="total:2.5", locked=True)
        before = world.image(1)
        for goals in (1, 2):
            world.goal(1, 60_000 * goals, goals)
        world.image_when(1, lambda image: image["score"] == [2, 0])
        for market, selection in (("1x2", "home"), ("total:2.5", "over")):
            decided = world.bet(1, market, selection).decided()
            old = leg_of(before, market, selection)["odds"]
            taken = decided["ticket"]["legs"][0]["odds"] if is_accepted(decided) else None
            measures.equal(f"{market} taken at the old {old}", taken == old, False)
            if is_accepted(decided):
                value = taken * decided["ticket"]["legs"][0]["fair_probability"]
                measures.most(f"{market} returns per unit staked", value, 1.0)


@attack("manual-through-kick-off", quick=True)
def manual_through_kick_off(measures: Measures) -> None:
    """A price by hand from before the match, at 2-0: it went back to the model, or it stands still."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.announce(1)
        world.desk("manual_odds", fixture=1, market="1x2", odds=[3.3, 3.5, 2.05])
        world.control(1)
        world.incident(1, "kick_off", 0, score=[0, 0])
        for goals in (1, 2):
            world.goal(1, 60_000 * goals, goals)
        world.image_when(1, lambda image: image["score"] == [2, 0])
        decided = world.bet(1).decided()
        taken = decided["ticket"]["legs"][0]["odds"] if is_accepted(decided) else 0.0
        measures.most("odds taken at 2-0", taken, 1.5)


def _best_book(image: Json) -> float:
    """What a sure 1 costs at the open prices of 1X2 and double chance: below 1 it is arbitrage."""
    offered: dict[str, float] = {}
    for market in ("1x2", "double_chance"):
        board = image["markets"][market]
        if image["status"] == board["status"] == "open":
            offered |= {
                name: odds for name, odds in zip(board["selections"], board["odds"], strict=True) if odds
            }
    covers = (("home", "draw", "away"), ("home", "x2"), ("draw", "12"), ("away", "1x"))
    if "double_chance" not in image["markets"] or set(sum(covers, ())) < set(offered):
        raise ControlError(f"the selections are {list(offered)}")
    sums = [sum(1 / offered[name] for name in cover) for cover in covers if set(cover) <= set(offered)]
    # Nothing to buy is no arbitrage.
    return min(sums, default=1.0)


@attack("implausible-manual-prices", quick=True)
def implausible_manual(measures: Measures) -> None:
    """Home 4.0 by hand beside the model's x2, and a book of three fifties, without an override."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        for fixture, odds in ((1, [4.5, 3.0, 1.9]), (2, [50.0, 50.0, 50.0]), (3, [3.36, None, 30.0])):
            world.announce(fixture)
            answer = world.desk("manual_odds", fixture=fixture, market="1x2", odds=odds)
            book = _best_book(world.image(fixture))
            measures.least(f"cheapest book with {odds} ({answer['type']})", book, 1.0)


@attack("implausible-feed-prices", quick=True)
def implausible_feed(measures: Measures) -> None:
    """A feed's books that add up to 2.73 and to 0.60."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        for fixture, odds in ((1, [1.1, 1.1, 1.1]), (2, [5.0, 5.0, 5.0])):
            before = world.announce(fixture)
            world.feed("prices", fixture=fixture, odds_1x2=odds, total_line=2.5, odds_total=[2.04, 1.79])
            alerts = len(world.alert_list())
            after = world.image(fixture)
            moved = before["markets"]["1x2"]["odds"] != after["markets"]["1x2"]["odds"]
            is_sold = moved and after["status"] == "open" and after["markets"]["1x2"]["status"] == "open"
            booksum = sum(1 / price for price in odds)
            measures.least(f"alerts at {booksum:.2f}", alerts, 1)
            measures.equal(f"prices from {booksum:.2f} sold", is_sold, False)


@attack("contradiction-without-a-score", quick=True)
def contradiction(measures: Measures) -> None:
    """The feed tells another score than ours, and then only messages without one."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        for fixture, kind, more in (
            (1, "clock", {}),
            (2, "safe", {}),
            (3, "red_card", {"side": "home"}),
            (4, "stoppage", {"announced_ms": 60_000}),
        ):
            world.match(fixture)
            world.control(fixture, "total:2.5", "over")
            world.incident(fixture, "clock", 60_000, score=[1, 0])
            world.image_when(fixture, lambda image: image["status"] != "open")
            world.incident(fixture, kind, 61_000, **more)
            board = world.settled_board(fixture)
            decided = world.bet(fixture).decided()
            is_wrong = is_accepted(decided) and board["score"] != [1, 0]
            measures.equal(f"sold at 0-0 after {kind}", is_wrong, False)
        # And it must come back with a score that fits.
        world.goal(1, 62_000, 1)
        measures.equal("with a score that fits", world.settled_board(1)["status"], "open")


@attack("feed-lifts-the-desk's-stop", quick=True)
def feed_against_desk(measures: Measures) -> None:
    """The desk stops a fixture and a market; the feed sends resume, goals, and a period."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        for fixture in (1, 2):
            world.match(fixture)
        world.control(1)
        world.desk("suspend", fixture=1)
        world.desk("suspend", fixture=2, market="1x2")
        world.feed("resume", fixture=1)
        world.feed("resume", fixture=2, market="1x2")
        measures.equal("fixture after the feed's resume", world.settled_board(1)["status"], "suspended")
        measures.equal(
            "market after the feed's resume", world.image(2)["markets"]["1x2"]["status"], "suspended"
        )
        for kind in ("danger", "safe", "half_time", "second_half"):
            world.incident(1, kind, 2_700_000)
        world.goal(2, 60_000, 1)
        measures.equal("fixture after incidents", world.settled_board(1)["status"], "suspended")
        measures.equal("market after a goal", world.image(2)["markets"]["1x2"]["status"], "suspended")
        world.desk("resume", fixture=1)
        measures.equal("fixture after the desk's resume", world.image(1)["status"], "open")


def _goals_unheard(measures: Measures, name: str, last_seq: int, then: list[int], *, goals: bool) -> None:
    """Numbers that cannot be right, then goals: no bet at the old score is taken, and somebody is told."""
    source = f"numbered-{name.replace(' ', '-')}"
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.sequences[source] = 0
        world.match(1, source=source)
        for k in range(30):
            world.incident(1, "clock", 1_000 + k, source=source, score=[0, 0])
        world.settled_board(1)
        world.control(1)
        world.alert_list(seconds=0.1)
        if last_seq:
            world.incident(1, "clock", 50_000, source=source, seq=last_seq, score=[0, 0])
        count = 0
        for seq in then:
            count += goals
            if goals:
                world.goal(1, 60_000 + count, count, source=source, seq=seq)
            else:
                world.incident(1, "clock", 60_000 + seq, source=source, seq=seq)
        board = world.settled_board(1)
        decided = world.bet(1).decided()
        is_old = is_accepted(decided) and (board["score"] != [count, 0] or not goals)
        measures.equal(f"{name}: sold at the old score", is_old, False)
        measures.least("alerts", len(world.alert_list()), 1)


@attack("feed-numbers-from-1-again", quick=True)
def numbers_from_one(measures: Measures) -> None:
    """A feed's process restarts, counts from 1 again, and tells four goals."""
    _goals_unheard(measures, "from 1", 0, [1, 2, 3, 4], goals=True)


@attack("feed-numbers-jump", quick=True)
def numbers_jump(measures: Measures) -> None:
    """A number far ahead, and goals with the numbers that should have come."""
    _goals_unheard(measures, "jump", 1_000_000_000, [40, 41, 42], goals=True)


@attack("feed-number-2^64-1", quick=True)
def numbers_last(measures: Measures) -> None:
    """One message with the last number there is; a reset by the desk hears the source again."""
    source = "numbered-last"
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.sequences[source] = 0
        world.match(1, source=source)
        world.control(1)
        world.alert_list(seconds=0.1)
        world.incident(1, "clock", 50_000, source=source, seq=LAST_SEQ, score=[0, 0])
        for goals in (1, 2):
            world.goal(1, 60_000 + goals, goals, source=source)
        board = world.settled_board(1)
        decided = world.bet(1).decided()
        measures.equal("sold at the old score", is_accepted(decided) and board["score"] != [2, 0], False)
        measures.least("alerts", len(world.alert_list()), 1)
        answer = _reset(world, source)
        measures.equal("reset by the desk", answer["type"], "done")
        world.goal(1, 63_000, 3, source=source, seq=1)
        measures.equal("heard after the reset", world.settled_board(1)["score"][0] > 0, True)


def _reset(world: World, source: str) -> Json:
    """The desk's command that forgets a source's numbers."""
    return world.desk("reset_source", name=source)


@attack("feed-gap", quick=True)
def gap(measures: Measures) -> None:
    """Seven numbers are missing; nobody knows what they told."""
    _goals_unheard(measures, "gap", 0, [60], goals=False)


@attack("silence-in-play", seconds=60)
def silence(measures: Measures) -> None:
    """The feed of a match in play says nothing any more."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        start = time.monotonic()
        stopped_s = None
        while time.monotonic() - start < SILENCE_S_MAX + 2:
            if not is_accepted(world.bet(1, stake_minor=10).decided()):
                stopped_s = time.monotonic() - start
                break
            time.sleep(0.2)
        silent_s = SILENCE_S_MAX + 2 if stopped_s is None else stopped_s
        measures.most("bets taken for s", silent_s, SILENCE_S_MAX)
        measures.least("alerts", len(world.alert_list()), 1)
        measures.equal("stale", world.image(1)["stale"], True)


@attack("start-passes-without-kick-off", seconds=60)
def no_kick_off(measures: Measures) -> None:
    """The time of the start passes, and nobody tells a kick-off; the feed lives."""
    with World(book={"bet_delay_ms": 0, "start_grace_ms": 1_000}) as world:
        grant(world)
        world.announce(1, starts_in_s=3.0)
        world.control(1)
        taken_s = 0.0
        start = time.monotonic()
        while (now_s := time.monotonic() - start) < 8.0:
            world.feed("heartbeat")
            if is_accepted(world.bet(1, stake_minor=10).decided()):
                taken_s = now_s
            time.sleep(0.2)
        measures.most("bets taken until s after the start", max(0.0, taken_s - 3.0), 3.0)


@attack("unheard-after-restart", quick=True)
def unheard_after_restart(measures: Measures) -> None:
    """The engine restarts in the middle of a match, and no feed has spoken yet."""
    with World(is_ipc=True, book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        world.restart()
        measures.equal("stale", world.image(1)["stale"], True)
        measures.equal("taken unheard", is_accepted(world.bet(1).decided()), False)
        world.incident(1, "clock", 60_000, score=[0, 0])
        decided = None
        for _ in range(20):
            decided = world.bet(1).decided()
            if is_accepted(decided):
                break
            time.sleep(0.1)
        measures.equal("taken once heard", decided is not None and is_accepted(decided), True)


@attack("version-zero", quick=True)
def version_zero(measures: Measures) -> None:
    """A bet that quotes version 0, which was never published, at odds of 900."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        image = world.announce(1)
        world.control(1)
        leg = leg_of(image) | {"version": [image["epoch"], 0], "odds": 900.0}
        answer = world.ask(**world.bet_request([leg]))
        measures.equal("version [epoch, 0]", told(answer), "refused (odds_version_unknown)")
        later = leg | {"version": [image["epoch"], image["version"] + 1_000]}
        measures.equal("a later version", is_accepted(world.ask(**world.bet_request([later]))), False)


@attack("told-grades-that-cannot-be", quick=True)
def told_grades(measures: Measures) -> None:
    """1X2 is told as won, won, won, by the feed and by the desk; then as lost, lost, lost."""
    with World(book={"bet_delay_ms": 0}) as world:
        paid = []
        for customer, (fixture, grades, by_desk) in enumerate(
            (
                (1, ["won", "won", "won"], False),
                (2, ["won", "won", "won"], True),
                (3, ["lost", "lost", "lost"], False),
                (4, ["won", "half_won", "lost"], True),
            ),
            start=50,
        ):
            grant(world, customer, amount_minor=3_000)
            world.announce(fixture)
            for selection in ("home", "draw", "away"):
                decided = world.bet(fixture, "1x2", selection, customer=customer).decided()
                if not is_accepted(decided):
                    raise ControlError(f"a bet is {told(decided)}")
            if by_desk:
                world.desk("settle_market", fixture=fixture, market="1x2", grades=grades)
            else:
                world.feed("settle_market", fixture=fixture, market="1x2", grades=grades)
            time.sleep(0.2)
            paid.append(world.ask(type="balance", customer=customer)["available_minor"])
            board = world.image(fixture)["markets"]["1x2"]
            measures.equal(f"settled as {'/'.join(grades)}", board["status"] == "settled", False)
        measures.most("paid out", sum(paid), 0)


@attack("fixture-told-by-nobody-known", quick=True)
def unknown_customer(measures: Measures) -> None:
    """Bets on fixtures and customers that are not there change nothing."""
    with World(book={"bet_delay_ms": 0}) as world:
        grant(world)
        image = world.announce(1)
        answer = world.ask(**world.bet_request([leg_of(image) | {"fixture": 999_999}]))
        measures.equal("unknown fixture", reason(answer), "fixture_not_found")
        poor = world.ask(**world.bet_request([leg_of(image)], customer=CUSTOMER + 1))
        measures.equal("unknown customer", reason(poor), "balance_too_small")
