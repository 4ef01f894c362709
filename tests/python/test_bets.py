"""Plans of bets from Python: lines, payouts, batches, house rules, cash-out."""

from fractions import Fraction
from itertools import combinations
from math import floor, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddsengine import cashout, settle
from oddsengine.exceptions import BoundsError

LEGS = st.lists(
    st.tuples(st.integers(101, 5_000), st.sampled_from(["won", "lost", "void", "half_won", "half_lost"])),
    min_size=1,
    max_size=6,
)


def return_of(hundredths: int, grade: str) -> Fraction:
    win, refund, of = settle.GRADES[grade]
    return (win * Fraction(hundredths, 100) + refund) / of


# Payouts from Python are sums over lines rounded once: every line by itself in exact fractions.
@given(legs=LEGS, sizes=st.sets(st.integers(1, 6), min_size=1), stake=st.integers(1, 10_000))
def test_payouts_are_the_sum_of_all_lines(legs: list[tuple[int, str]], sizes: set[int], stake: int) -> None:
    sizes = {min(size, len(legs)) for size in sizes}
    plan = settle.plan(sorted(sizes), len(legs), stake_minor=stake)
    returns = [return_of(*leg) for leg in legs]
    lines = [prod(line) for size in sizes for line in combinations(returns, size)]
    given_legs = [(price / 100, grade) for price, grade in legs]
    assert (plan.lines, plan.stake_minor) == (len(lines), stake * len(lines))
    assert plan.exact(given_legs) == stake * sum(lines)
    assert plan.payout(given_legs) == floor(stake * sum(lines))
    names = list(settle.GRADES)
    odds, grades = [price / 100 for price, _ in legs], [names.index(grade) for _, grade in legs]
    assert plan.payouts([odds, odds], [grades, grades]).tolist() == [plan.payout(given_legs)] * 2


@given(legs=LEGS, stake=st.integers(1, 10_000))
def test_one_line_is_an_accumulator(legs: list[tuple[int, str]], stake: int) -> None:
    given_legs = [(price / 100, grade) for price, grade in legs]
    plan = settle.plan("accumulator", len(legs), stake_minor=stake)
    assert plan.payout(given_legs) == settle.accumulator(given_legs, stake)


def test_names_take_what_coupons_write() -> None:
    for name, lines in [("Lucky 15", 15), ("LUCKY-15", 15), ("yankee", 11), ("Flag", 23), ("Union Jack", 8)]:
        assert settle.plan(name, 9 if "Union" in name else 4, stake_minor=100).lines == lines
    assert settle.BETS["goliath"] == (8, (2, 3, 4, 5, 6, 7, 8))
    # All trixies out of nine legs, doubles seven times each.
    assert settle.plan("trixie", 9, stake_minor=2, every=True).stake_minor == 672


@pytest.mark.parametrize(
    ("bet", "legs", "options", "message"),
    [
        ("lucky16", 4, {"stake_minor": 1}, 'bet "lucky16" is none of settle.BETS'),
        ("lucky16", 4, {"stake_minor": 1, "bankers": [0]}, 'bet "lucky16" is none of settle.BETS'),
        ("lucky15", 5, {"stake_minor": 1}, "number of legs 5 of a lucky15 is not 4"),
        ("lucky15", 4, {}, "give either the stake of a line or the stake in all"),
        ("lucky15", 4, {"stake_minor": 1, "total_minor": 15}, "give either"),
        (
            "lucky15",
            4,
            {"total_minor": 16},
            "total stake of 16 minor units is no multiple of its 15 lines; 15 is",
        ),
        ("lucky15", 4, {"stake_minor": 0}, "stake in minor units 0 is outside 1..=10000000000"),
        ("lucky15", 4, {"stake_minor": 10**10}, "stake in minor units 150000000000 is outside"),
        ("lucky15", 4, {"stake_minor": 1, "parts": "show"}, 'parts "show" is none of win, place'),
        ("lucky15", 4, {"stake_minor": 1, "formula": "odd"}, 'formula "odd" is none of'),
        ([4], 3, {"stake_minor": 1}, "size of a line 4 is outside 1..=3"),
        ([], 3, {"stake_minor": 1}, "sizes 0b0 of lines are outside 1..=3"),
        (31, 63, {"stake_minor": 1}, "number of lines 916312070471295267 is outside 1..=1000000"),
        (2, 64, {"stake_minor": 1}, "number of legs 64 is outside 1..=63"),
        (2, 0, {"stake_minor": 1}, "number of legs 0 is outside 1..=63"),
        (2, 3, {"stake_minor": 1, "bankers": [3]}, "leg of a banker 3 is outside 0..=2"),
        (2, 2, {"stake_minor": 1, "bankers": [0, 1]}, "number of legs 0 is outside 1..=63"),
        (
            "flag",
            4,
            {"total_minor": 100, "flexi": True},
            "total stake of 100 minor units is no multiple of its 23",
        ),
    ],
)
def test_what_is_no_plan_is_refused(bet: object, legs: int, options: dict[str, object], message: str) -> None:
    with pytest.raises(BoundsError) as refused:
        settle.plan(bet, legs, **options)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)


# A total that the lines do not divide is split exactly by "flexi": 3.00 over 11 lines, all void, is 3.00
# again.
def test_flexi_splits_a_total_exactly() -> None:
    plan = settle.plan("yankee", 4, total_minor=300, flexi=True)
    assert (plan.lines, plan.stake_minor) == (11, 300)
    assert plan.payout([(2.0, "void")] * 4) == 300
    assert plan.exact([(2.0, "won")] + [(2.0, "void")] * 3) == Fraction(300, 11) * (7 * 2 + 4)


# Several bets are one ticket, rounded once: 0.5 and 0.5 of a unit are one.
def test_bets_of_one_ticket_are_rounded_together() -> None:
    single = settle.plan("single", 1, stake_minor=1)
    assert single.payout([(1.5, "won")]) == 1
    assert settle.plans([single, single]).payout([(1.5, "won")]) == 3
    assert [single.payout([(1.5, "won")], rounding=rule) for rule in ("half_up", "half_even", "up")] == [
        2,
        2,
        2,
    ]
    with pytest.raises(BoundsError, match='rounding "odd" is none of'):
        single.payout([(1.5, "won")], rounding="odd")  # type: ignore[arg-type]
    with pytest.raises(BoundsError, match="number of legs 1 is not 2"):
        settle.plans([settle.plan("double", 2, stake_minor=1), single])
    with pytest.raises(BoundsError, match="number of plans 0"):
        settle.plans([])


@pytest.mark.parametrize(
    ("legs", "message"),
    [
        ([(2.5, "won")], "number of legs 1 is not 2"),
        ([(2.5, "won"), (2.5, "win")], 'grade "win" is none of won, lost, void, half_won, half_lost'),
        ([(2.5, "won"), (1.0, "won")], "decimal odds 1.0000 are outside 1.0010..=1000.0000"),
        ([(2.5, "won"), (float("nan"), "won")], "decimal odds"),
        ([(2.5, "won"), (2.5, (2, 0, 1))], "grade (2 + 0) / 1 is not a share of the stake"),
        ([(2.5, "won"), 7], "a leg is not odds and a grade"),
        ([(2.5, "won"), ("1/0", "won")], "odds '1/0' are neither"),
        ([(2.5, "won")] * 64, "number of legs 64 is outside 1..=63"),
    ],
)
def test_legs_that_are_none_are_refused(legs: list[object], message: str) -> None:
    plan = settle.plan("double", 2, stake_minor=100)
    with pytest.raises(BoundsError) as refused:
        plan.payout(legs)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)


# Odds and a grade do not say what a place part returns: the place parts were paid at the full odds.
def test_bets_on_places_need_legs_with_terms() -> None:
    plan = settle.plan("double", 2, stake_minor=100, parts="each_way")
    for call in (plan.payout, plan.exact, plan.riding):
        with pytest.raises(BoundsError, match="legs of a bet on places are made by"):
            call([(2.0, "won"), (3.0, "won")])
    with pytest.raises(BoundsError, match="a batch has no place parts"):
        plan.payouts([[2.0, 3.0]], [[0, 0]])
    with pytest.raises(BoundsError, match="needs the fraction"):
        plan.max_payout([2.0, 3.0])
    assert plan.line_states(["won", "lost"]) == (0, 0, 2, 0)
    assert plan.max_payout([2.0, 3.0], fraction="1/4") == 600 + floor(100 * 1.25 * 1.5)


# In a batch each ticket is a row: refused by its place, or nan alone.
def test_a_batch_refuses_rows() -> None:
    plan = settle.plan("double", 2, stake_minor=100)
    odds, grades = [[2.0, 3.0], [2.0, 0.5], [2.0, 3.0]], [[0, 0], [0, 0], [0, 9]]
    with pytest.raises(BoundsError) as refused:
        plan.payouts(odds, grades)
    assert refused.value.__notes__ == ["in row 1"]
    paid = plan.payouts(odds, grades, errors="nan")
    assert (paid[0], np.isnan(paid).tolist()) == (600.0, [False, True, True])
    assert plan.payouts(np.empty((0, 2)), np.empty((0, 2), dtype=np.uint8)).shape == (0,)
    with pytest.raises(BoundsError, match="differ"):
        plan.payouts(odds, grades[:2])
    with pytest.raises(BoundsError, match="number of legs 3 is not 2"):
        plan.payouts([[2.0] * 3], [[0] * 3])


# Case S04 from Python: what is too large is refused, nothing wraps.
def test_too_large_a_payout_is_refused() -> None:
    plan = settle.plan("accumulator", 20, stake_minor=10**10)
    with pytest.raises(BoundsError, match="payout of 100000000000000000 minor units or more"):
        plan.payout([(1000.0, "won")] * 20)
    with pytest.raises(BoundsError, match="payout of"):
        plan.payouts([[1000.0] * 20], [[0] * 20])


# A deduction is from the price, before a dead heat shares the stake: 5.50 less 35 %, four tied, is 0.98 and
# not 1.24.
def test_legs_of_races() -> None:
    win, place, of = settle.leg(5.5, position=1, tied=4, places=3, fraction="1/4", deduction=35).parts()
    assert (Fraction(win, of), Fraction(place, of)) == (Fraction(157, 160), Fraction(831, 640))
    assert settle.leg("100/30", "placed", fraction="1/6").parts() == (0, 14, 9)
    assert settle.leg(9.0, position=0, places=3, fraction=0.2).parts() == (0, 0, 1)
    assert settle.leg(1.4, deduction=69, deduct_from="return").parts() == (217, 217, 500)
    for wrong in (
        {"odds": 9.0, "deduction": 101},
        {"odds": 9.0, "deduct_from": "stake"},
        {"odds": 9.0, "grade": "won", "position": 1},
        {"odds": 9.0, "fraction": 1.5},
        {"odds": 9.0, "fraction": "x"},
        {"odds": "x"},
        {"odds": Fraction(1)},
        {"odds": float("inf")},
        {"odds": 9.0, "position": 3, "tied": 0},
    ):
        with pytest.raises(BoundsError):
            settle.leg(**wrong)  # type: ignore[arg-type]


# Best odds guaranteed: 1.50 less 10 % is 1.45, so a starting price of 1.47 counts; the place part is judged
# by itself.
def test_best_odds_guaranteed_takes_the_better_price_of_each_part() -> None:
    def paid(**options: object) -> int:
        plan = settle.plan("single", 1, stake_minor=200, parts="each_way")
        leg = settle.leg(1.5, position=1, places=3, fraction="1/4", **options)  # type: ignore[arg-type]
        return plan.payout([leg], rounding="half_up")

    assert paid() == 525
    assert paid(deduction=10) == 513
    assert paid(deduction=10, starting_price=1.47, starting_place=1.12) == 518
    assert paid(starting_price=1.47, starting_place=1.12) == 525


def test_house_tables_and_bonuses_are_data() -> None:
    with pytest.raises(BoundsError, match=r"bands leave a gap between 5.4 and 5.5"):
        settle.DeductionTable([(1.01, 5.4, 20), (5.5, None, 0)])
    with pytest.raises(BoundsError, match='deduction table "nobody" 1 is none of tattersalls 2'):
        settle.DeductionTable.named("nobody")
    with pytest.raises(BoundsError, match='place terms "nobody" 1 are none of uk_standard 1'):
        settle.place_terms(8, house="nobody")
    lucky = settle.Bonus([settle.BonusRule(4, "return", 0.1, legs=4), settle.BonusRule(1, "odds", 2, legs=4)])
    plan = settle.plan("lucky15", 4, stake_minor=100, bonus=lucky)
    assert plan.payout([(2.0, "won"), (3.0, "won"), (2.5, "won"), (4.0, "won")]) == 22_990
    with pytest.raises(BoundsError, match="odds multiplied by 1/2"):
        settle.Bonus([settle.BonusRule(1, "odds", 0.5)])
    with pytest.raises(BoundsError, match='effect "luck" is none of'):
        settle.Bonus([settle.BonusRule(1, "luck", 1)])  # type: ignore[arg-type]


# Any to come: two ways about a pair, each with up to a unit of what the other returns.
def test_any_to_come_bets_run_on() -> None:
    about = settle.plan("single stakes about", 2, stake_minor=100)
    assert (about.lines, about.stake_minor) == (2, 200)
    assert about.payout([(2.0, "won"), (3.0, "won")]) == 100 * (1 + 3) + 100 * (2 + 2)
    assert about.payout([(2.0, "won"), (3.0, "lost")]) == 100
    assert about.payout([(2.0, "void"), (3.0, "void")]) == 200
    with pytest.raises(BoundsError, match="any-to-come"):
        about.riding([(2.0, "won"), (3.0, "won")])
    with pytest.raises(BoundsError, match="any-to-come"):
        settle.plans([about, settle.plan("double", 2, stake_minor=1)])


# A part of a ticket is a ratio of the whole: first 0.4 and then 0.7 is 0.3 more.
def test_cash_out_in_parts() -> None:
    plan = settle.plan("treble", 3, stake_minor=5_000)
    found = cashout.quote(plan, [(2.0, "won"), (1.8, 0.72), (2.4, 0.41)], margin=0.05)
    assert found.offer_minor == 12_115
    first, second = cashout.part(found, 0.4), cashout.part(found, 0.7, before=0.4)
    assert (first.paid_minor, second.paid_minor) == (4_846, 3_634)
    assert cashout.quote(plan, [(2.0, "lost"), (1.8, 0.7), (2.4, 0.4)], margin=0.05).offer_minor == 0
    each_way = settle.plan("single", 1, stake_minor=1_000, parts="each_way")
    assert cashout.quote(each_way, [(9.0, 0.1, 2.6, 0.5)], margin=0.0).fair == pytest.approx(900 + 1_300)
    for call in (
        lambda: cashout.quote(plan, [(2.0, "won")], margin=0.05),
        lambda: cashout.quote(plan, [(2.0, 1.5)] * 3, margin=0.05),
        lambda: cashout.quote(plan, [(2.0, 0.5)] * 3, margin=1.5),
        lambda: cashout.quote(plan, [(2.0, (3, 0, 1))] * 3, margin=0.1),
        lambda: cashout.part(found, 0.4, before=0.4),
        lambda: cashout.part(found, 1.1),
        lambda: cashout.price_ratio(50, 2.5, 1.0),
        lambda: cashout.price_ratio(-1, 2.5, 1.5),
    ):
        with pytest.raises(BoundsError):
            call()
