"""Runs the tables of `tests/scenarios` through the Python package; the language is in the README there."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oddsengine import Engine, OddsEngineError
from oddsengine.client import EachWay, Leg, ticket_request

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
# Incidents that are one word and a fixture.
PLAIN = ("kick_off", "half_time", "second_half", "full_time", "danger", "safe")
SIDED = ("goal", "red_card")
AMOUNTS = {
    "market_loss": "market_loss_minor_max",
    "fixture_loss": "fixture_loss_minor_max",
    "competition_loss": "competition_loss_minor_max",
    "sport_loss": "sport_loss_minor_max",
    "platform_loss": "platform_loss_minor_max",
    "stake_min": "stake_minor_min",
    "line_stake_min": "line_stake_minor_min",
    "stake_max": "stake_minor_max",
    "payout_max": "payout_minor_max",
}
GRADES = {"won": "won", "lost": "lost", "void": "void", "half_won": "half_won", "half_lost": "half_lost"}


class ScenarioError(AssertionError):
    """A line that did not come out as the table says."""


def minor(text: str) -> int:
    whole, _, fraction = text.lstrip("-").partition(".")
    amount = int(whole) * 100 + int(f"{fraction:0<2}"[:2] or 0)
    return -amount if text.startswith("-") else amount


def number(name: str) -> int:
    """``F12`` is 12."""
    return int(name[1:])


class Scenario:
    """One table, run against a local engine with a clock of its own."""

    def __init__(self, text: str, journal: Path) -> None:
        self.lines = text.splitlines()
        self.journal = journal
        self.now_ns = 1_000_000_000_000
        self.config: dict[str, Any] = {"bet_delay_ms": 0, "market_loss_minor_max": 10_000_000}
        self.config |= {"fixture_loss_minor_max": 10_000_000, "stake_minor_max": 10_000_000}
        self.config |= {"payout_minor_max": 100_000_000, "competition_loss_minor_max": 100_000_000}
        self.competitions: dict[str, str] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.clocks: dict[str, int] = {}
        self.transfers = itertools.count(1 << 64)
        self.stale_epoch = 0
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            self._engine = Engine(self.journal, config=self.config, clock=self.clock)
        return self._engine

    def clock(self) -> int:
        return self.now_ns

    def run(self, name: str) -> None:
        try:
            for line_number, line in enumerate(self.lines, 1):
                statement, _, _ = line.partition("#")
                if not statement.strip():
                    continue
                try:
                    self.line(statement)
                    if self._engine is not None:
                        broken = [key for key, holds in self.engine.invariants().items() if holds is False]
                        expect("invariants", broken, [])
                except Exception as error:
                    raise ScenarioError(f"{name}.txt:{line_number}: {line.strip()}\n    {error}") from error
        finally:
            if self._engine is not None:
                self._engine.close()

    def line(self, statement: str) -> None:
        command, _, expected = statement.partition("->")
        words = shlex.split(command)
        answer = self.command(words)
        wanted = expected.strip()
        if wanted or answer is not None:
            # A command without an expected answer must be carried out.
            done = ("done", "booked", "accepted")
            if not wanted and answer in done:
                return
            expect("answer", answer, wanted or "done")

    def command(self, words: list[str]) -> str | None:
        verb, *rest = words
        if verb in PLAIN or verb in SIDED or verb in ("cancel_goal", "clock", "correct"):
            return self.incident(verb, rest, None)
        method: Callable[..., str | None] = getattr(self, f"on_{verb}")
        return method(*rest)

    # Setting up

    def on_config(self, name: str, value: str) -> None:
        if name in AMOUNTS:
            self.config[AMOUNTS[name]] = minor(value)
        else:
            self.config[name] = value == "yes" if value in ("yes", "no") else int(value)

    def on_fixture(self, fixture: str, competition: str = "cup") -> None:
        self.competitions[fixture] = competition
        self.clocks[fixture] = 0
        self.engine.feed.fixture(
            number(fixture),
            competition=competition,
            home=f"{fixture} home",
            away=f"{fixture} away",
            start_ns=0,
        )

    def on_prices(
        self, fixture: str, home: str, draw: str, away: str, _: str, line: str, over: str, under: str
    ) -> None:
        odds = (float(home), float(draw), float(away))
        self.engine.feed.prices(
            number(fixture), odds_1x2=odds, total_line=float(line), odds_total=(float(over), float(under))
        )

    def on_manual(self, fixture: str, market: str, *words: str) -> str:
        odds, by = words, None
        if "by" in odds:
            odds, by = odds[:-2], odds[-1]
        in_play = "until_start" not in odds
        odds = tuple(word for word in odds if word != "until_start")
        if odds == ("none",):
            return done(self.engine.manual_odds(number(fixture), market, None))
        prices = [None if price == "-" else float(price) for price in odds]
        return done(self.engine.manual_odds(number(fixture), market, prices, in_play=in_play, override_by=by))

    def on_lock(self, fixture: str, market: str) -> str:
        return done(self.engine.lock_market(number(fixture), market, locked=True, in_play=True))

    def on_unlock(self, fixture: str, market: str) -> str:
        return done(self.engine.lock_market(number(fixture), market, locked=False))

    def on_suspend(self, fixture: str, market: str | None = None) -> str:
        return done(self.engine.suspend(number(fixture), market))

    def on_resume(self, fixture: str, *words: str) -> str:
        if words[:1] == ("lifts",):
            return done(self.engine.resume(number(fixture), stops=words[1:]))
        return done(self.engine.resume(number(fixture), *words))

    def on_limit(self, scope: str, *rest: str) -> str:
        *where, amount = rest
        named: dict[str, Any] = {"level": scope}
        if scope in ("market", "fixture"):
            named["fixture"] = number(where[0])
        if scope == "market":
            named["market"] = where[1]
        elif scope == "competition":
            named["competition"] = where[0]
        elif scope == "sport":
            named["sport"] = "football"
        return done(self.engine.set_scope(named, loss_minor_max=minor(amount)))

    def on_customer(self, customer: str, _: str, factor: str) -> str:
        return done(self.engine.set_customer(number(customer), factor=int(factor) / 1000))

    # The match

    def on_feed(self, seq: str, *statement: str) -> str:
        return self.incident(statement[0], list(statement[1:]), int(seq))

    def incident(self, verb: str, rest: list[str], seq: int | None) -> str:
        fixture, *rest = rest
        message: dict[str, Any] = {"type": "incident", "fixture": number(fixture)}
        message["kind"] = {"cancel_goal": "goal_cancelled", "correct": "correction"}.get(verb, verb)
        if verb == "second_half":
            self.clocks[fixture] = 2_700_000
        if verb == "clock":
            minutes, _, seconds = rest.pop(0).partition(":")
            self.clocks[fixture] = int(minutes) * 60_000 + int(seconds) * 1_000
        elif verb in (*SIDED, "cancel_goal"):
            message["side"] = rest.pop(0)
        elif verb == "correct":
            for half in ("first_half", "second_half"):
                message[half] = [int(goals) for goals in rest.pop(0).split("-")]
        if rest:
            message["score"] = [int(goals) for goals in rest[1].split("-")]
        message["clock_ms"] = self.clocks[fixture]
        if seq is not None:
            message |= {"seq": seq, "source": "numbering"}
        before = self.engine.metrics()["duplicates"]
        try:
            self.engine.feed.send(message)
        except OddsEngineError as error:
            # `goal from feed: out_of_sequence: goal cannot happen in pre_match`
            return "refused " + str(error).split(": ")[1]
        return "duplicate" if self.engine.metrics()["duplicates"] != before else "done"

    def on_settle(self, fixture: str, market: str, *grades: str) -> str:
        told = None if grades == ("none",) else list(grades)
        return done(self.engine.settle_market(number(fixture), market, told))

    def on_void(self, fixture: str) -> str:
        return done(self.engine.void_fixture(number(fixture)))

    def on_abandon(self, fixture: str) -> str:
        return done(self.engine.abandon_fixture(number(fixture)))

    def on_reinstate(self, fixture: str) -> str:
        return done(self.engine.reinstate_fixture(number(fixture)))

    # Money and bets

    def on_deposit(self, customer: str, amount: str, *rest: str) -> str:
        return self.move("deposit", customer, amount, rest)

    def on_withdraw(self, customer: str, amount: str, *rest: str) -> str:
        return self.move("withdraw", customer, amount, rest)

    def move(self, kind: str, customer: str, amount: str, rest: tuple[str, ...]) -> str:
        words = list(rest)
        transfer = next(self.transfers)
        if words and words[0] == "as":
            transfer = number(words[1])
            words = words[2:]
        request = {"type": kind, "transfer": f"{transfer:032x}", "customer": number(customer)}
        request |= {"amount_minor": minor(amount), "currency": words[0] if words else "EUR"}
        answer = self.engine.request(request).value
        if answer.reason is not None:
            return f"refused {answer.reason.name}"
        return "repeated" if answer.is_repeat else "booked"

    def leg(self, text: str) -> Leg:
        is_unknown = text.startswith("~")
        fixture, _, rest = text.lstrip("~").partition(":")
        selection_text, _, odds = rest.rpartition("@")
        # Selection names may hold a slash: the market's key never does.
        market, _, selection = selection_text.partition("/")
        try:
            board = self.engine.board(number(fixture))
        except OddsEngineError:
            return Leg(number(fixture), market, selection, float(odds), (self.engine.epoch, 0))
        version = (board.epoch, board.version + 1) if is_unknown else (board.epoch, board.version)
        if market not in board.markets or selection not in board.markets[market].selections:
            return Leg(number(fixture), market, selection, float(odds), version)
        price = board.odds(market, selection) if odds == "*" else float(odds)
        return Leg(number(fixture), market, selection, price or 2.0, version)

    def on_bet(self, ticket: str, customer: str, stake: str, *rest: str) -> str:
        words = list(rest)
        odds_change: Any = "none"
        currency = "EUR"
        if "currency" in words:
            at = words.index("currency")
            currency = words[at + 1]
            del words[at : at + 2]
        if "policy" in words:
            at = words.index("policy")
            odds_change = float(words[at + 2]) if words[at + 1] == "within" else words[at + 1]
            del words[at:]
        plan: dict[str, Any] = {}
        for name in ("system", "sizes", "bankers", "each_way"):
            if name in words:
                at = words.index(name)
                found = words[at + 1]
                plan[name] = found if name == "system" else [int(part) for part in found.split(",")]
                del words[at : at + 2]
        places = plan.pop("each_way", None)
        if places:
            plan["parts"] = "each_way"
        request = ticket_request(
            customer=number(customer),
            bets=[plan] if plan else None,
            each_way=[EachWay(leg) for leg in places] if places else None,
            legs=[self.leg(word) for word in words],
            stake_minor=minor(stake),
            currency=currency,
            odds_change=odds_change,
            ticket=f"{number(ticket):032x}",
        )
        self.requests.setdefault(ticket, request)
        return self.ask(request)

    def on_again(self, ticket: str) -> str:
        return self.ask(self.requests[ticket])

    def ask(self, request: dict[str, Any]) -> str:
        body = self.engine.request(request).body
        if body["type"] == "refused":
            return f"refused {body['reason']['name']}"
        state = body["ticket"]["state"]
        return f"refused {body['ticket']['reason']['name']}" if state == "refused" else state

    def on_cancel(self, ticket: str) -> str:
        return done(self.engine.cancel_ticket(f"{number(ticket):032x}"))

    def on_wait(self, milliseconds: str) -> None:
        self.now_ns += int(milliseconds) * 1_000_000
        self.engine.tick()
        self.engine.poll()

    def on_restart(self) -> None:
        self.engine.close()
        self._engine = None
        assert self.engine.epoch > 1

    # What must be

    def on_ticket(self, ticket: str, state: str, *rest: str) -> None:
        found = self.engine.ticket(f"{number(ticket):032x}")
        if state == "refused":
            expect("reason", found.reason and found.reason.name, rest[0])
            rest = rest[1:]
        expect("state", found.state, state)
        if rest:
            expect("paid", found.paid_minor, minor(rest[1]))

    def on_balance(self, customer: str, amount: str) -> None:
        expect("balance", self.engine.balance(number(customer)).available_minor, minor(amount))

    def on_open_stakes(self, customer: str, amount: str) -> None:
        expect("open stakes", self.account("CustomerOpenStakes", customer), minor(amount))

    def on_owes(self, customer: str, amount: str) -> None:
        expect("owes", self.account("CustomerReceivable", customer), minor(amount))

    def account(self, kind: str, customer: str) -> int:
        accounts = self.engine.accounts()
        return sum(
            a["posted_minor"] for a in accounts if (a["account"], a["customer"]) == (kind, number(customer))
        )

    def on_worst(self, fixture: str, amount: str) -> None:
        exposure = self.engine.exposure(fixture=number(fixture)).fixture
        assert exposure is not None
        expect("worst", exposure.worst_minor, minor(amount))

    def on_loss(self, _: str, amount: str) -> None:
        levels = {level.level: level for level in self.engine.exposure().levels}
        expect("loss", levels["platform"].loss_minor, minor(amount))

    def on_max_stake(self, customer: str, *rest: str) -> None:
        words = list(rest)
        if "refused" in words:
            at = words.index("refused")
            legs = [self.leg(word) for word in words[:at]]
            answer = self.engine.max_stake(customer=number(customer), legs=legs)
            expect("reason", answer.reason and answer.reason.name, words[at + 1])
            return
        level = words[words.index("by") + 1] if "by" in words else None
        if level is not None:
            words = words[: words.index("by")]
        *legs_text, amount = words
        answer = self.engine.max_stake(customer=number(customer), legs=[self.leg(word) for word in legs_text])
        expect("largest stake", answer.stake_minor_max, minor(amount))
        if level is not None:
            expect("binding limit", answer.binding and answer.binding.level, level)

    def on_odds(self, fixture: str, selection: str, odds: str) -> None:
        market, _, name = selection.partition("/")
        expect(
            "odds",
            self.engine.board(number(fixture)).odds(market, name),
            None if odds == "-" else float(odds),
        )

    def on_status(self, fixture: str, *rest: str) -> None:
        board = self.engine.board(number(fixture))
        expect("status", board.status if len(rest) == 1 else board.markets[rest[0]].status, rest[-1])

    def on_grade(self, fixture: str, selection: str, grade: str) -> None:
        market_key, _, name = selection.partition("/")
        market = self.engine.board(number(fixture)).markets[market_key]
        results = market.results or (None,) * len(market.selections)
        expect("grade", results[market.selections.index(name)] or "open", GRADES.get(grade, grade))


def done(answer: Any) -> str:
    return "done" if answer.is_done else f"refused {answer.reason.name}"


def expect(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: expected {wanted}, found {found}")
