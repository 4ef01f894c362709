"""The kinds of settlement facts, each through the public API: what is expected, and what the package
gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mapped_fields import Fields, NotMappedError

from oddsengine import settle

Json = Any
Pair = tuple[Json, Json]


def cents(amount: Json) -> int:
    """Whole units as minor units; a tenth of a cent is none."""
    exact = Fraction(str(amount)) * 100
    if exact.denominator != 1:
        raise NotMappedError(f"amount {amount} is no whole number of cents")
    return int(exact)


def units(minor: int) -> Fraction:
    return Fraction(minor, 100)


def paid_by(plan: settle.Plan, legs: list[settle.LegReturn]) -> Fraction:
    """What a plan returns, exactly: facts are printed to the cent by other roundings than the package's."""
    exact = plan.exact(legs)
    if plan.payout(legs) != exact.numerator // exact.denominator:
        raise AssertionError(f"payout {plan.payout(legs)} is not {exact} rounded down")
    return exact / 100


def price(value: Json) -> Fraction:
    """Decimal odds of a text or number: `7/2`, `1+2/3`, `evens`, `5`, 5.5."""
    text = str(value).strip()
    if text.startswith("1+"):
        return 1 + Fraction(text[2:])
    if text.lower() in ("evens", "evs"):
        return Fraction(2)
    return 1 + Fraction(text) if "/" in text else Fraction(text)


def plan_of(
    bet_type: str, legs: int, stake_minor: int | None, parts: settle.Parts, **options: Any
) -> settle.Plan:
    """The plan of a bet as the facts and coupons name it."""
    text = bet_type.strip()
    if found := re.fullmatch(r"(\w+?)(?:N)?\((.*)\)", text):
        word, numbers = found[1].lower(), [int(number) for number in found[2].split(",")]
        word = word.replace("strict", "")
        if word == "perms":
            return settle.plan(numbers[0], legs, stake_minor=stake_minor, parts=parts, **options)
        if word == "variableperms":
            sizes = list(range(numbers[0], numbers[1] + 1))
            return settle.plan(sizes, legs, stake_minor=stake_minor, parts=parts, **options)
        if numbers != [legs]:
            raise NotMappedError(f"bet {bet_type!r} of {legs} legs")
        text = word
    if found := re.fullmatch(r"(?:Strict)?Perms(\d+)(?:-(\d+))?", text):
        sizes = list(range(int(found[1]), int(found[2] or found[1]) + 1))
        return settle.plan(sizes, legs, stake_minor=stake_minor, parts=parts, **options)
    if (found := re.fullmatch(r"((?:Single|Double)StakesAbout)(\d+)", text)) and int(found[2]) == legs:
        text = found[1]
    if found := re.fullmatch(r"(?:all combinations of|accumulator:)\s*(\d+)", text):
        return settle.plan(int(found[1]), legs, stake_minor=stake_minor, parts=parts, **options)
    if found := re.fullmatch(r"(\d+)-?folds?", text, re.IGNORECASE):
        return settle.plan(int(found[1]), legs, stake_minor=stake_minor, parts=parts, **options)
    text = TEXTS.get(text, text)
    name = ALIKE.get(plain(text), plain(text))
    size = SIZES.get(name)
    every = size is not None and size < legs
    return settle.plan(name, legs, stake_minor=stake_minor, parts=parts, every=every, **options)


def plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


# Names of the facts for names of the package.
TEXTS = {
    "all combinations of the selection count": "accumulator",
    # One source's "full cover" has the singles; `FullCover` of another has not.
    "full cover": "full_cover_with_singles",
}
ALIKE = {"lucky15": "lucky15", "superyankee": "canadian", "fullcoverwithsingles": "full_cover_with_singles"}
SIZES = {plain(name): legs for name, (legs, sizes) in settle.BETS.items() if legs and sizes}

POSITIONS: dict[int, str] = {1: "won", 0: "lost", -1: "void"}


def multiples(fact: Fields) -> Pair:
    legs, is_each_way = fact.take("selections"), fact.take("each_way")
    returns = []
    for leg in legs:
        position = leg.take("position")
        grade = POSITIONS.get(position, "placed")
        returns.append(
            settle.leg(price(leg.take("odds")), grade, fraction=Fraction(leg.take("place_fraction")))
        )
    expected, kind = fact.whole("expected"), fact.take("bet_type")
    stake = cents(fact.take("unit_stake"))
    if kind == "effective odds":
        one = settle.plan("accumulator", len(legs), stake_minor=1)
        odds = one.exact(returns)
        return expected, {"decimal": odds, "fractional": f"{float(odds - 1):g}/1"}
    plan = plan_of(kind, len(legs), stake, "each_way" if is_each_way else "win")
    paid = paid_by(plan, returns)
    if not isinstance(expected, dict):
        return expected, paid
    parts = {part: paid_by(plan_of(kind, len(legs), stake, part), returns) for part in ("win", "place")}
    staked = units(plan.stake_minor)
    both = {"win": parts["win"], "place": parts["place"] if is_each_way else Fraction(0)}
    return expected, {**both, "total": paid, "returns": paid, "total_stake": staked, "profit": paid - staked}


def percent(share: Json) -> int:
    exact = Fraction(str(share)) * 100
    if exact.denominator != 1:
        raise NotMappedError(f"deduction {share} is no whole per cent")
    return int(exact)


def result_leg(selection: Fields) -> settle.LegReturn:
    """A selection with a result in words."""
    result = selection.take("result")
    odds = price(selection.take("decimal", 2))
    share, off = selection.take("place_fraction", None), percent(selection.take("rule4", 0))
    fraction = None if share is None else Fraction(share)
    if result == "dead_heat":
        return settle.leg(
            odds,
            position=selection.take("tied_position"),
            tied=selection.take("runners_in_dead_heat"),
            places=selection.take("places"),
            fraction=fraction,
            deduction=off,
        )
    grades = {"win": "won", "place": "placed", "lose": "lost", "void": "void"}
    if result not in grades:
        raise NotMappedError(f"result {result!r}")
    # Places of a runner that ties with nobody change nothing.
    selection.only("places", *range(1, 100))
    return settle.leg(odds, grades[result], fraction=fraction, deduction=off)


def multiples_mixed(fact: Fields) -> Pair:
    legs = [result_leg(selection) for selection in fact.take("selections")]
    parts: settle.Parts = "each_way" if fact.take("each_way") else "win"
    plan = plan_of(fact.take("bet_type"), len(legs), cents(fact.take("unit_stake")), parts)
    paid = paid_by(plan, legs)
    return fact.whole("expected"), {
        "bets": plan.lines,
        "total_stake": units(plan.stake_minor),
        "returns": paid,
    }


def dead_heat_rule4_single(fact: Fields) -> Pair:
    win, place, of = result_leg(fact.take("selection")).parts()
    return fact.whole("expected_return_per_unit"), {"win": Fraction(win, of), "place": Fraction(place, of)}


FORMULAS: dict[str, settle.ToComeFormula] = {
    "WIN_PLACE": "win_place",
    "EQUALLY_DIVIDED": "equally_divided",
    "WIN_PRECEDENCE": "win_first",
}
RULE_PARTS: dict[str, settle.Parts] = {"WIN": "win", "PLACE": "place", "EACH_WAY": "each_way"}


def multiples_exotic_types(fact: Fields) -> Pair:
    legs = fact.take("legs")
    returns = []
    for leg in legs:
        factor = leg.take("place_odds_factor", 1)
        returns.append(settle.leg(price(leg.take("decimal")), fraction=Fraction(str(factor))))
    first, *rules = [rule.strip() for rule in fact.take("rules").split(",")]
    if first not in RULE_PARTS:
        raise NotMappedError(f"rules {first!r}")
    parts, formula = RULE_PARTS[first], "equally_divided"
    for rule in rules:
        name, _, value = (word.strip() for word in rule.partition("="))
        if value not in FORMULAS or name not in ("eachWayAnyToComeFormula", "eachWayFormula"):
            raise NotMappedError(f"rule {rule!r}")
        if name == "eachWayAnyToComeFormula":
            formula = FORMULAS[value]
        elif value == "EQUALLY_DIVIDED":
            parts = "equally_divided"
        elif value != "WIN_PLACE":
            raise NotMappedError(f"rule {rule!r}")
    stake = cents(fact.take("unit_stake"))
    plan = plan_of(fact.take("bet_type"), len(legs), stake, parts, formula=formula)
    got = {"units": plan.lines, "total_stake": units(plan.stake_minor), "max_return": paid_by(plan, returns)}
    return fact.whole("expected"), got


def partial_settlement(fact: Fields) -> Pair:
    legs = [(price(leg.take("decimal")), leg.take("result")) for leg in fact.take("legs")]
    plan = plan_of(fact.take("bet_type"), len(legs), cents(fact.take("unit_stake")), "win")
    for _, result in legs:
        if result not in ("won", "lost", "void", "open"):
            raise NotMappedError(f"result {result!r}")
    states = plan.line_states([None if result == "open" else result for _, result in legs])

    def paid(open_as: str) -> Fraction:
        graded = [settle.leg(odds, open_as if result == "open" else result) for odds, result in legs]
        return paid_by(plan, graded)

    state = next(
        (
            word
            for word, count in (("OPEN", states.open), ("WON", states.won), ("VOID", states.void))
            if count
        ),
        "LOST",
    )
    got = {"current": paid("lost"), "max": paid("won"), "state": state}
    return fact.whole("expected"), {**got, "won": states.won, "void": states.void, "lost": states.lost}


def rank_rules(fact: Fields) -> Pair:
    found = re.fullmatch(r"(\d+) places? (\S+)", fact.take("terms"))
    if found is None:
        raise NotMappedError("terms are not so many places and a fraction")
    part, rank, tied = fact.take("part"), fact.take("rank"), fact.take("tied")
    if part not in ("win", "place"):
        raise NotMappedError(f"part {part!r}")
    win, refund, of = settle.placed(rank, tied=tied or 1, places=int(found[1]) if part == "place" else 1)
    at = f" at {float(Fraction(found[2])):g} odds" if part == "place" else ""
    if refund == of:
        return fact.take("expected"), "void (non-runner)"
    if win == 0:
        return fact.take("expected"), "lost"
    if win == of:
        return fact.take("expected"), f"won{at}"
    separator = "," if at else ""
    return fact.take("expected"), f"{float(Fraction(win, of)):g} won, {refund} void{separator}{at}"


def line_of(text: str) -> Fraction:
    """A handicap or total, quarter lines also as two halves: `-0.5/-1`."""
    parts = [Fraction(part) for part in text.replace(",", "/").split("/")]
    return sum(parts, Fraction(0)) / len(parts)


RESULT_WORDS = {
    (1.0, 0.0): "win",
    (0.5, 0.5): "half win",
    (0.0, 1.0): "push",
    (0.0, 0.5): "half loss",
    (0.0, 0.0): "loss",
}


def graded(selection: str, score: tuple[int, int]) -> tuple[str, settle.Grade]:
    grade = settle.grade(selection, score)
    return RESULT_WORDS[grade.win, grade.refund], grade


def number(line: Fraction) -> str:
    return f"{float(line):g}"


def asian_handicap(fact: Fields) -> Pair:
    line, side = number(line_of(fact.take("home_line"))), fact.take("side")
    word, grade = graded(f"handicap:{line}/{side}", (fact.take("home"), fact.take("away")))
    parts = (round(grade.win * 2), round(grade.refund * 2), 2)
    plan = settle.plan("single", 1, stake_minor=cents(fact.take("stake")))
    paid = paid_by(plan, [settle.leg(price(fact.take("odds")), parts)])
    return fact.whole("expected"), {"result": word, "payout": paid}


def asian_handicap_rule(fact: Fields) -> Pair:
    line, expected, got = number(line_of(fact.take("team_line"))), [], []
    for row in fact.take("by_margin"):
        margin = row.take("margin")
        expected.append(row.take("expected"))
        got.append(graded(f"handicap:{line}/home", (max(margin, 0), max(-margin, 0)))[0])
    return expected, got


def asian_total_rule(fact: Fields) -> Pair:
    line, side, expected, got = number(line_of(fact.take("line"))), fact.take("side"), [], []
    for row in fact.take("by_goals"):
        expected.append(row.take("expected"))
        got.append(graded(f"total:{line}/{side}", (row.take("goals"), 0))[0])
    return expected, got


def published_example(fact: Fields) -> Pair:
    returns, is_each_way = [], fact.take("each_way")
    for leg in fact.take("selections"):
        share, position = leg.take("place_fraction", None), leg.take("position")
        odds = price(leg.take("odds") if leg.has("odds") else leg.take("decimal"))
        fraction = None if share is None else Fraction(share)
        places, tied = leg.take("places", 1), leg.take("tied", 1)
        if position == -1:
            returns.append(settle.leg(odds, "void", fraction=fraction))
        else:
            returns.append(settle.leg(odds, position=position, tied=tied, places=places, fraction=fraction))
    kind, stake = fact.take("bet_type"), cents(fact.take("unit_stake"))
    plans = {
        name: plan_of(kind, len(returns), stake, parts)
        for name, parts in (
            ("returns", "each_way" if is_each_way else "win"),
            ("win_return", "win"),
            ("place_return", "place"),
        )
    }
    paid = {name: paid_by(plan, returns) for name, plan in plans.items()}
    staked = units(plans["returns"].stake_minor)
    return fact.whole("expected"), {
        **paid,
        "total_stake": staked,
        "profit": paid["returns"] - staked,
        "bets": plans["returns"].lines,
    }


KINDS: dict[str, Callable[[Fields], Pair]] = {
    "multiples": multiples,
    "multiples_mixed": multiples_mixed,
    "dead_heat_rule4_single": dead_heat_rule4_single,
    "multiples_exotic_types": multiples_exotic_types,
    "partial_settlement": partial_settlement,
    "rank_rules": rank_rules,
    "asian_handicap": asian_handicap,
    "asian_handicap_rule": asian_handicap_rule,
    "asian_total_rule": asian_total_rule,
    "published_example": published_example,
}
