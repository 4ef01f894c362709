"""Plans of bets and what their legs return; public as `oddsengine.settle`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core
from oddsengine.exceptions import BoundsError

Parts: TypeAlias = Literal["win", "place", "each_way", "equally_divided"]
"""Parts of the legs that a bet is on, and how an each-way multiple runs on."""
Rounding: TypeAlias = Literal["down", "half_up", "half_even", "up"]
"""How a fraction of a minor unit is rounded, once a ticket."""
ToComeFormula: TypeAlias = Literal["win_place", "equally_divided", "win_first"]
"""How each-way lines of "any to come" bets run on."""
Errors: TypeAlias = Literal["raise", "nan"]
Price: TypeAlias = float | str | Fraction
"""Decimal odds as a number, of four decimals at most, or exactly: `"100/30"` winnings to stake, or a
`Fraction`
of the decimal odds."""
GradeLike: TypeAlias = str | tuple[int, int, int]

LegReturn = _core.LegReturn
"""What a leg returns: made by `settle.leg`."""

GRADES: dict[str, tuple[int, int, int]] = {
    "won": (1, 0, 1),
    "lost": (0, 0, 1),
    "void": (0, 1, 1),
    "half_won": (1, 1, 2),
    "half_lost": (0, 1, 2),
}
"""The named grades as (won, refunded, of)."""

BETS: dict[str, tuple[int, tuple[int, ...]]] = {
    name: (legs, tuple(size for size in range(1, 64) if sizes >> size & 1) if legs else ())
    for name, legs, sizes in _core.bets_names()
}
"""Every name that `plan` takes, with the legs that it takes (0 is any number) and the sizes of its lines;
composed
bets (flags, round robins, union jacks) have no sizes of their own."""

ROUNDINGS: tuple[Rounding, ...] = ("down", "half_up", "half_even", "up")


class PlaceTerms(NamedTuple):
    """Each-way terms."""

    places: int
    """Places paid; 1 is win only."""
    fraction: Fraction
    """Fraction of the winnings paid for a place."""


class BonusRule(NamedTuple):
    """When a house gives a bonus, and what.

    A winner is a leg that returns more than its stake, a void leg one that returns just its stake; all
    others must
    have lost. A half loss or a dead heat below the stake fits no rule.
    """

    winners: int | tuple[int, int]
    """Winners, exactly or from and to."""
    effect: Literal["odds", "return", "winnings", "stake"]
    """What `amount` multiplies or is a share of: the fractional odds of the winners, the return, the return
    less the
    stakes, the stakes."""
    amount: Fraction | int | float
    """2 with `odds` is double the odds; 0.1 with the others is ten per cent on top. In hundredths."""
    legs: int = 0
    """Legs of the bet; 0 is any number."""
    voids: int = 0
    """Void legs at most."""
    places: bool = False
    """Whether place parts get it too."""


class Bonus:
    """A house's bonus: the first rule that fits is given.

    >>> double_odds = Bonus([BonusRule(winners=1, effect="odds", amount=2, legs=4)])
    >>> lucky = plan("lucky15", 4, stake_minor=100, bonus=double_odds)
    >>> lucky.payout([(5.0, "won"), (3.0, "lost"), (4.5, "lost"), (8.0, "lost")])
    900
    """

    __slots__ = ("_core", "rules")

    def __init__(self, rules: Iterable[BonusRule]) -> None:
        self.rules = tuple(rules)

        def parts(rule: BonusRule) -> Any:
            low, high = rule.winners if isinstance(rule.winners, tuple) else (rule.winners, rule.winners)
            amount = Fraction(str(rule.amount)) if isinstance(rule.amount, float) else Fraction(rule.amount)
            above, below = amount.as_integer_ratio()
            return rule.legs, (low, high), rule.voids, rule.places, rule.effect, (above, below)

        self._core = _core.Bonus([parts(rule) for rule in self.rules])

    def __repr__(self) -> str:
        return f"Bonus({list(self.rules)!r})"


class LineStates(NamedTuple):
    """How many lines of a ticket stand how."""

    won: int
    """All legs graded, none lost, not all void."""
    void: int
    """All legs void."""
    lost: int
    """A leg lost."""
    open: int
    """A leg not graded yet, and none lost."""


class Plan:
    """The bets of a ticket: which lines they make of its legs and what they stake. Made by `plan` and
    `plans`."""

    __slots__ = ("_core", "_payout", "_rounds")

    def __init__(self, core: _core.BetPlan) -> None:
        self._core = core
        self._payout = core.payout
        self._rounds = core.is_rounded_here()

    @property
    def legs(self) -> int:
        """Number of legs."""
        return self._core.legs

    @property
    def lines(self) -> int:
        """Line stakes: an each-way line has two."""
        return self._core.lines

    @property
    def stake_minor(self) -> int:
        """Stake in all."""
        return self._core.stake_minor

    @property
    def bets(self) -> list[tuple[int, int, int, int, int, str, int]]:
        """Per bet its legs, bankers and sizes of lines as bits, the line stake and its divisor, parts, and
        bonus."""
        return self._core.bets()

    def payout(self, legs: Sequence[Leg | LegReturn], *, rounding: Rounding = "down") -> int:
        """What the ticket pays in minor units, the stake included.

        Sums over all lines are exact; rounded once, at the end. `payout_rounds_down` is the rule of the
        engine.

        Parameters
        ----------
        legs
            As many as the plan has: (odds, grade), the odds rounded down to four decimals, or what `leg`
            makes.
        rounding
            `down`, `half_up`, `half_even` or `up`.

        Raises
        ------
        BoundsError
            Another number of legs, odds or grades outside their range, a payout of 10**17 minor units or
            more.

        Examples
        --------
        >>> lucky = plan("lucky15", 4, stake_minor=100)
        >>> lucky.payout([(2.5, "won"), (3.0, "lost"), (1.8, "won"), (4.0, "void")])
        1860
        """
        if self._rounds:
            return self._payout(legs, rounding)
        return _rounded(self.exact(legs), rounding)

    def exact(self, legs: Sequence[Leg | LegReturn]) -> Fraction:
        """What the ticket returns in minor units before rounding.

        >>> plan("double", 2, stake_minor=1).exact([("100/30", "won"), (1.5, "won")])
        Fraction(13, 2)
        """
        (above, below), (to_come, units), unit_minor = self._core.exact(
            [item if isinstance(item, LegReturn) else _leg_return(item) for item in legs]
        )
        bets = Fraction(int.from_bytes(above, "little"), int.from_bytes(below, "little"))
        running = Fraction(int.from_bytes(to_come, "little"), int.from_bytes(units, "little"))
        return bets + unit_minor * running

    def line_states(self, grades: Sequence[str | None]) -> LineStates:
        """How the lines stand when the legs are `won`, `void`, `lost` or not graded yet (`None`).

        >>> plan("patent", 3, stake_minor=100).line_states(["won", "void", None])
        LineStates(won=2, void=1, lost=0, open=4)
        """
        for grade in grades:
            if grade not in ("won", "void", "lost", None):
                raise BoundsError(f"grade {grade!r} is none of won, void, lost, None")
        per_line = Fraction(self.stake_minor, self.lines)

        def count(*counted: str | None) -> int:
            # Sums of lines whose legs all return their stake, or nothing.
            legs = [(2.0, "void" if grade in counted else "lost") for grade in grades]
            return int(self.exact(legs) / per_line)

        void, settled, alive = count("void"), count("won", "void"), count("won", "void", None)
        return LineStates(settled - void, void, self.lines - alive, alive - settled)

    def max_payout(self, odds: Sequence[Price], *, rounding: Rounding = "down") -> int:
        """What it pays if every leg wins (each-way: every runner is first).

        >>> plan("goliath", 8, stake_minor=100).max_payout([2, 3, 4, 5, 6, 7, 8, 9])
        181435500
        """
        return self.payout([leg(price) for price in odds], rounding=rounding)

    def riding(self, legs: Sequence[Leg | LegReturn]) -> list[tuple[int, int]]:
        """Per leg, what rides on its win part and on its place part: over the lines with it, stake times
        what the
        other legs return, rounded down. Times the leg's own return, that is what those lines pay.

        >>> plan("doubles", 3, stake_minor=100).riding([(2.0, "won"), (3.0, "won"), (4.0, "won")])
        [(700, 0), (600, 0), (500, 0)]
        """
        return self._core.riding(legs)

    def payouts(
        self,
        odds: npt.ArrayLike,
        grades: npt.ArrayLike,
        *,
        rounding: Rounding = "down",
        errors: Errors = "raise",
    ) -> npt.NDArray[Any]:
        """`payout` of many tickets of this plan.

            Parameters
            ----------
            odds
                (tickets, legs) decimal odds, rounded down to four decimals.
            grades
                (tickets, legs) numbers of grades in the order of `GRADES`: 0 won, 1 lost, 2 void, 3 half won,
                4 half lost.
            rounding
                As in `payout`.
            errors
                `raise` at the first ticket that is refused, or fill it with `nan`.

            Returns
            -------
            (tickets,) minor units as int64; with `errors="nan"` as float64.

            Examples
            --------
            >>> trixie = plan("trixie", 3, stake_minor=100)
        >>> trixie.payouts([[2.5, 3.0, 1.8], [2.0, 2.0, 2.0]], [[0, 1, 0], [0, 0, 0]])
            array([ 450, 2000])
        """
        paid: npt.NDArray[Any] = self._core.payouts(odds, grades, rounding, errors)
        if errors == "raise":
            return paid
        return np.where(paid < 0, np.nan, paid)

    def expected(self, returns: Sequence[tuple[float, float]]) -> tuple[float, list[tuple[float, float]]]:
        """What it returns and what rides on each leg by expectation: for expected returns of each leg's win
        part and
        place part per unit, legs taken as independent.

        >>> plan("double", 2, stake_minor=100).expected([(0.9, 0.0), (0.5, 0.0)])
        (45.0, [(50.0, 0.0), (90.0, 0.0)])
        """
        return self._core.expected([(float(win), float(place)) for win, place in returns])

    def __repr__(self) -> str:
        return f"Plan(legs={self.legs}, lines={self.lines}, stake_minor={self.stake_minor})"


Leg: TypeAlias = tuple[Price, GradeLike]
"""Odds, as a number rounded down to four decimals, and a grade: a name of `GRADES` or (won, refunded, of)."""


def plan(
    bet: str | int | Sequence[int],
    legs: int,
    *,
    stake_minor: int | None = None,
    total_minor: int | None = None,
    flexi: bool = False,
    bankers: Sequence[int] = (),
    parts: Parts = "win",
    bonus: Bonus | None = None,
    every: bool = False,
    formula: ToComeFormula = "equally_divided",
) -> Plan:
    """The plan of one bet on `legs` legs.

    Parameters
    ----------
    bet
        A name of `BETS` (case, spaces, hyphens and underscores do not matter), the size of all lines, or
        several
        sizes: `"Lucky 15"`, `2` for all doubles, `[2, 3]` for doubles and trebles. With bankers it is about
        the
        other legs.
    legs
        1 to 63, bankers among them.
    stake_minor
        Stake of each line, and of each part of an each-way line.
    total_minor
        The stake in all instead; one that the lines do not divide is refused, unless it is `flexi`.
    flexi
        Split the total over the lines exactly, a fraction of a minor unit a line if it must be.
    bankers
        Legs that are in every line, counted from 0.
    parts
        `win`, `place`, `each_way` (win to win, place to place) or `equally_divided` (half and half at each
        leg).
    bonus
        The house's bonus for this bet.
    every
        The named bet on every choice of its legs: all trixies out of nine legs.
    formula
        How each-way lines of "any to come" bets run on.

    Raises
    ------
    BoundsError
        No such bet, another number of legs than it takes, more than 1,000,000 lines, stakes outside 1 to
        10,000,000,000 or that do not divide.

    Examples
    --------
    >>> plan("yankee", 4, total_minor=2_200)
    Plan(legs=4, lines=11, stake_minor=2200)
    >>> plan([2], 6, stake_minor=50, bankers=[0, 3])
    Plan(legs=6, lines=6, stake_minor=300)
    """
    sizes: list[int] = []
    name = bet if isinstance(bet, str) else None
    if not isinstance(bet, str):
        sizes = (
            [bet] if type(bet) is int else np.atleast_1d(_arrays.integers(bet, "bet", axes=(0, 1))).tolist()
        )
    banker_list: list[int] = []
    if not (isinstance(bankers, tuple) and not bankers):
        banker_list = _arrays.integers(bankers, "bankers", axes=1).tolist()
    core = None if bonus is None else bonus._core
    return Plan(
        _core.BetPlan.make(
            name, sizes, legs, banker_list, stake_minor, total_minor, flexi, parts, core, every, formula
        )
    )


def plans(bets: Iterable[Plan]) -> Plan:
    """Several bets on the same legs as one ticket: rounded once, together. At most 50.

    >>> plans([plan("treble", 3, stake_minor=300), plan("doubles", 3, stake_minor=100)])
    Plan(legs=3, lines=4, stake_minor=600)
    """
    return Plan(_core.BetPlan.joined([one._core for one in bets]))


def leg(
    odds: Price,
    grade: GradeLike | None = None,
    *,
    position: int | None = None,
    tied: int = 1,
    places: int = 1,
    fraction: Fraction | str | float | None = None,
    place_odds: Price | None = None,
    place_grade: GradeLike | None = None,
    deduction: int = 0,
    place_deduction: int | None = None,
    deduct_from: Literal["winnings", "return"] = "winnings",
    starting_price: Price | None = None,
    starting_place_odds: Price | None = None,
) -> LegReturn:
    """What a leg returns, to win and for a place, exactly.

    Parameters
    ----------
    odds
        The price struck; exact when it is a text or a `Fraction`.
    grade
        How the leg ended: a name of `GRADES`, `placed` (lost to win, won for a place), or (won, refunded,
        of).
        Without it and without a position it won.
    position
        Position in the race instead, 1 first; 0 is unplaced.
    tied
        How many share the position: they share the places that are left.
    places
        Places paid.
    fraction
        Fraction of the winnings for a place; without it and without `place_odds` the place part is at the
        win odds.
    place_odds
        Odds of the place part, where they are a price of their own.
    place_grade
        Grade of the place part, where it is not that of the win part.
    deduction
        Per cent off the winnings (Rule 4), both parts alike unless `place_deduction` says otherwise.
    place_deduction
        Per cent off the place part.
    deduct_from
        Some houses deduct from the whole return, the stake included.
    starting_price
        Best odds guaranteed: this price counts, undiminished, where it is better than the price struck less
        its
        deduction; each part by itself.
    starting_place_odds
        Odds of the place part at the starting price, where they are not its `fraction`.

    Examples
    --------
    >>> leg("9/1", position=2, places=3, fraction="1/4")
    LegReturn(win=0/4, place=13/4)
    >>> leg(9.0, "won", deduction=25)
    LegReturn(win=7/1, place=7/1)
    """
    if deduct_from not in ("winnings", "return"):
        raise BoundsError(f"deduct_from {deduct_from!r} is none of winnings, return")
    off = (deduction, deduction if place_deduction is None else place_deduction)
    win = _ratio(odds)
    place = _place_ratio(win, fraction, place_odds)
    if starting_price is not None:
        start = _ratio(starting_price)
        start_place = _place_ratio(start, fraction, starting_place_odds)
        win, win_off = _better(win, off[0], start, deduct_from)
        place, place_off = _better(place, off[1], start_place, deduct_from)
        off = (win_off, place_off)
    if position is not None:
        if grade is not None:
            raise BoundsError(f"grade {grade!r} and position {position} are two results of one leg")
        # Behind all places.
        position = position or 65_535
        win_grade = _core.bets_place_grade(position, tied, 1)
        placed = _core.bets_place_grade(position, tied, places)
    elif grade == "placed":
        win_grade, placed = GRADES["lost"], GRADES["won"]
    else:
        win_grade = placed = GRADES["won"] if grade is None else grade_parts(grade)
    if place_grade is not None:
        placed = grade_parts(place_grade)
    return _core.bets_leg(((win, win_grade), (place, placed), off, deduct_from == "return"))


class DeductionTable:
    """A Rule 4 table of a house: per cent off the winnings by the price of the withdrawn runner.

    >>> DeductionTable.named("tattersalls").percent([2.0])
    45
    >>> own = DeductionTable([(1.01, 2.19, 50), (2.2, 9.99, 40), (10.0, None, 0)], percent_max=75)
    >>> own.percent([1.5, 3.0])
    75
    """

    __slots__ = ("_core",)

    def __init__(
        self,
        rows: Iterable[tuple[float, float | None, int]],
        *,
        step: float = 0.01,
        percent_max: int = 90,
    ) -> None:
        """A table from printed rows (lowest price, highest price, per cent), shortest price first.

        Rows that leave a gap wider than `step`, overlap or are out of order are refused, and a last row
        that ends;
        `None` is the longest price. A price between two rows is of the longer one. Several withdrawals add
        up, to at
        most `percent_max`.
        """
        self._core = _core.Deductions.from_rows(
            [(low, high, percent) for low, high, percent in rows], step, percent_max
        )

    @classmethod
    def named(cls, house: str, version: int | None = None) -> DeductionTable:
        """A table of the package: `tattersalls` 2, or `decimal_waived_5` 1, which waives the 5 pence band."""
        table = cls.__new__(cls)
        number = {"tattersalls": 2}.get(house, 1) if version is None else version
        table._core = _core.Deductions.named(house, number)
        return table

    def percent(self, withdrawn: Sequence[float]) -> int:
        """Per cent off for all withdrawn runners at their decimal prices; those withdrawn before the bet
        was struck
        are not among them."""
        return self._core.percent(_arrays.numbers(withdrawn, "withdrawn", axes=1).tolist())


def place_terms(
    runners: int, *, handicap: bool = False, house: str = "uk_standard", version: int = 1
) -> PlaceTerms:
    """Each-way terms by the field.

    >>> place_terms(16, handicap=True)
    PlaceTerms(places=4, fraction=Fraction(1, 4))
    """
    places, (above, below) = _core.bets_place_terms(house, version, runners, handicap)
    return PlaceTerms(places, Fraction(above, below))


def placed(position: int | None, *, tied: int = 1, places: int = 1) -> tuple[int, int, int]:
    """The grade of a runner in a position for some places as (won, refunded, of); `None` did not run: void.

    >>> placed(8, tied=6, places=10)
    (1, 0, 2)
    """
    return _core.bets_place_grade(position, tied, places)


def reduced_odds(odds: float, factors: Sequence[float], *, market: Literal["win", "place"] = "win") -> float:
    """A price matched on an exchange after runners with these reduction factors (per cent) were removed in
    turn; rounded down to
    four decimals, never below 1.01. Win markets ignore factors below 2.5; place markets reduce the winnings
    part.

    >>> reduced_odds(3.2, [75.18])
    1.01
    """
    given: list[float] = _arrays.numbers(factors, "factors", axes=1).tolist()
    return _core.bets_reduced_odds(market, _arrays.number(odds, "odds"), [_bips(one) for one in given])


def reduced_lay_liability(
    liability_minor: int, *, own: float, removed: float, market: Literal["win", "place"] = "win"
) -> int:
    """The liability of a lay at starting price after a runner was removed; factors in per cent, rounded down.

    >>> reduced_lay_liability(9_000, own=10, removed=50)
    4000
    >>> reduced_lay_liability(9_000, own=10, removed=50, market="place")
    4500
    """
    return _core.bets_lay_liability(market, liability_minor, _bips(own), _bips(removed))


def finish_lines(runners: int, places: int, *, ordered: bool = True) -> int:
    """Lines of a bet on the first finishers of a race: reverse forecast (2, 2), combination tricast (n, 3);
    `ordered=False` for
    quinellas and other bets in any order.

    >>> finish_lines(5, 3), finish_lines(5, 2, ordered=False)
    (60, 10)
    """
    return _core.bets_finish_lines(runners, places, ordered)


def grade_parts(grade: GradeLike) -> tuple[int, int, int]:
    """A grade as (won, refunded, of)."""
    if not isinstance(grade, str):
        win, refund, of = _arrays.parts(grade, "a grade", "(won, refunded, of)", least=3)
        return win, refund, of
    if grade not in GRADES:
        raise BoundsError(f"grade {grade!r} is none of {', '.join(GRADES)}")
    return GRADES[grade]


def _leg_return(item: Any) -> LegReturn:
    odds, grade = _arrays.parts(item, "a leg", "odds and a grade, or a LegReturn", least=2)
    return leg(odds, grade)


def _ratio(odds: Price) -> tuple[int, int]:
    """Exact decimal odds."""
    if isinstance(odds, str):
        above, slash, below = odds.partition("/")
        try:
            winnings = Fraction(int(above), int(below)) if slash else Fraction(odds) - 1
        except (ValueError, ZeroDivisionError):
            raise BoundsError(f"odds {odds!r} are neither a fraction like 6/4 nor a decimal number") from None
        exact = winnings + 1
    elif isinstance(odds, Fraction):
        exact = odds
    else:
        number = _arrays.number(odds, "odds")
        if not 1.0 < number <= 1000.0:
            raise BoundsError(f"decimal odds {number} are outside 1.0010..=1000.0000")
        exact = Fraction(math.floor(round(number * 10_000, 6)), 10_000)
    if not 0 < exact.numerator < 1 << 63 or exact.denominator >= 1 << 63:
        raise BoundsError(f"odds {odds!r} are outside 1..1000")
    return exact.as_integer_ratio()


def _place_ratio(
    win: tuple[int, int], fraction: Fraction | str | float | None, place_odds: Price | None
) -> tuple[int, int]:
    if place_odds is not None:
        return _ratio(place_odds)
    return win if fraction is None else _core.bets_placed_price(win, _share(fraction))


def _better(
    taken: tuple[int, int], percent: int, start: tuple[int, int], deduct_from: str
) -> tuple[tuple[int, int], int]:
    """The better price and what is still to be deducted from it."""
    price, kept = Fraction(*taken), 1 - Fraction(percent, 100)
    left = price * kept if deduct_from == "return" else 1 + (price - 1) * kept
    return (start, 0) if Fraction(*start) > left else (taken, percent)


def _share(value: Fraction | str | float) -> tuple[int, int]:
    try:
        share = Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise BoundsError(f"fraction {value!r} is no share of the odds") from None
    return share.limit_denominator(1_000).as_integer_ratio()


def _bips(percent: float) -> int:
    number = _arrays.number(percent, "reduction factor")
    if not 0 <= number <= 100:
        raise BoundsError(f"reduction factor {number} is outside 0..=100 per cent")
    return round(number * 100)


def _rounded(value: Fraction, rounding: Rounding) -> int:
    match rounding:
        case "down":
            return math.floor(value)
        case "up":
            return math.ceil(value)
        case "half_even":
            return round(value)
        case "half_up":
            return math.floor(value + Fraction(1, 2))
    raise BoundsError(f"rounding {rounding!r} is none of {', '.join(ROUNDINGS)}")
