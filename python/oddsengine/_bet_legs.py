"""What the legs of bets return: prices, places, deductions; public as `oddsengine.settle`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

from oddsengine import _arrays, _core
from oddsengine.exceptions import BoundsError

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


class PlaceTerms(NamedTuple):
    """Each-way terms."""

    places: int
    """Places paid; 1 is win only."""
    fraction: Fraction
    """Fraction of the winnings paid for a place."""


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
    starting_place: Price | None = None,
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
    starting_place
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
        start_place = _place_ratio(start, fraction, starting_place)
        win, win_off = _better(win, off[0], start, deduct_from)
        place, place_off = _better(place, off[1], start_place, deduct_from)
        off = (win_off, place_off)
    if position is not None:
        if grade is not None:
            raise BoundsError(f"grade {grade!r} and position {position} are two results of one leg")
        # Behind all places where it is unplaced.
        position = _arrays.whole(position, "position", 0, 65_535) or 65_535
        win_grade = _core.bets_place_grade(position, tied, 1)
        placed = _core.bets_place_grade(position, tied, places)
    elif isinstance(grade, str) and grade == "placed":
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
        read = [
            _arrays.parts(row, "a row of a table", "lowest price, highest price and per cent", least=3)
            for row in _members(rows, "rows")
        ]
        self._core = _core.Deductions.from_rows(
            [
                (
                    _arrays.number(low, "lowest price"),
                    None if high is None else _arrays.number(high, "highest price"),
                    _arrays.whole(percent, "per cent", 0, 100),
                )
                for low, high, percent in read
            ],
            _arrays.number(step, "step"),
            percent_max,
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
    liability = _arrays.whole(liability_minor, "liability in minor units", 0, 10**17)
    return _core.bets_lay_liability(market, liability, _bips(own), _bips(removed))


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


def _members(values: Any, name: str) -> list[Any]:
    """The members of a sequence, or a refusal."""
    if isinstance(values, str | bytes):
        raise BoundsError(f"{name} {values!r:.60} is no sequence")
    try:
        return list(values)
    except TypeError:
        raise BoundsError(f"{name} {values!r:.60} is no sequence") from None
