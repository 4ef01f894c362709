"""Horse and greyhound racing: orders of finish, place terms, boards, grades, Rule 4.

| model | what it says | use it for |
|---|---|---|
| `harville` | a beaten favourite is as if it had not run | comparison; favourites are placed too often |
| `lo_bacon_shone` | Harville with flatter later positions | many races: ten times as fast, nearly as good |
| `henery` | independent normal running times | boards: nearest to the places that happen |

Sources: D. A. Harville, "Assigning Probabilities to the Outcomes of Multi-Entry Competitions", Journal of the
American Statistical Association 68 (1973); R. J. Henery, "Permutation Probabilities as Models for Horse
Races", Journal of the Royal Statistical Society B 43 (1981); V. S. Y. Lo, J. Bacon-Shone, "Approximating the
Ordering Probabilities of Multi-Entry Competitions by a Simple Method", Handbook of Sports and Lottery Markets
(2008). Reproduced in `tests/golden/racing.json`. Limits and figures: `docs/models/racing.md`.

Arrays count runners from 0; selections name them from 1: runner 0 is `r1`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _board_html, _core, _hints
from oddsengine._board_table import ArrowTable, in_market, priced_table
from oddsengine.exceptions import BoundsError
from oddsengine.margin import Errors, Method
from oddsengine.odds import LadderName
from oddsengine.settle import Grade
from oddsengine.tables import Table

__all__ = [
    "MODELS",
    "TATTERSALLS",
    "Board",
    "DeductionScale",
    "Model",
    "Price",
    "Race",
    "RaceFormat",
    "Rule4",
    "Terms",
    "board",
    "each_way_fair_odds",
    "each_way_value",
    "grade",
    "odds_after_rule4",
    "place_odds",
    "positions",
    "rule4",
    "standard_terms",
    "without_withdrawn",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]

Model: TypeAlias = Literal["harville", "lo_bacon_shone", "henery"]
MODELS: tuple[Model, ...] = ("harville", "lo_bacon_shone", "henery")
"""Every model."""

Exponents: TypeAlias = tuple[float, float, float]
"""What probabilities of winning are raised to for the second, the third and all later positions, each 0 to
2."""


class Race:
    """A race with a probability for every order of finish.

    Parameters
    ----------
    win : (n,) numbers
        Probabilities of winning, 2 to 40 of them, each at least 1e-9, summing to 1 within 1e-9.
    model
        One of `MODELS`.
    exponents
        Of `lo_bacon_shone`; by default (0.76, 0.62, 0.56), which come nearest to normal running times. (0.81,
        0.65, ...) is quoted for Hong Kong.

    Raises
    ------
    RacingError
        Probabilities or exponents outside their range.

    Examples
    --------
    >>> race = Race([0.36, 0.22, 0.16, 0.11, 0.09, 0.06], model="henery")
    >>> race
    <Race of 6 runners, henery>
    >>> race.places(2).round(4)
    array([0.5892, 0.4328, 0.3435, 0.2574, 0.2194, 0.1578])
    >>> race.running_times.round(4)
    array([-0.6461, -0.2804, -0.0642,  0.1732,  0.2935,  0.5241])
    >>> float(Race(race.win(), model="harville").exacta()[0, 1].round(5))
    0.12375
    """

    __slots__ = ("_model", "_race")

    def __init__(
        self, win: npt.ArrayLike, *, model: Model = "henery", exponents: Exponents | None = None
    ) -> None:
        probabilities = _arrays.numbers(win, "win", axes=1).tolist()
        if exponents is not None:
            first, second, third = _arrays.row(exponents, "exponents", 3)
            exponents = (first, second, third)
        self._race = _core.Race(probabilities, model, exponents)
        self._model = model

    @classmethod
    def from_running_times(cls, times: npt.ArrayLike) -> Race:
        """A `henery` race from mean running times in standard deviations; only their differences count.

        >>> Race.from_running_times([0.0, 0.0]).win()
        array([0.5, 0.5])
        """
        return cls._of(_core.Race.from_times(_arrays.numbers(times, "times", axes=1).tolist()), "henery")

    @classmethod
    def _of(cls, race: _core.Race, model: Model) -> Race:
        self = object.__new__(cls)
        self._race, self._model = race, model
        return self

    @property
    def model(self) -> Model:
        """The model's name."""
        return self._model

    @property
    def exponents(self) -> Exponents | None:
        """Exponents of the second, third and later positions; None for `henery`."""
        return self._race.exponents()

    @property
    def running_times(self) -> FloatArray | None:
        """(n,) mean running times in standard deviations, with mean 0; None but for `henery`."""
        return self._race.times()

    def __len__(self) -> int:
        return self._race.runner_count()

    def win(self) -> FloatArray:
        """(n,) probabilities of winning.

        >>> Race([0.5, 0.3, 0.2]).win().round(6)
        array([0.5, 0.3, 0.2])
        """
        return self._race.win()

    def positions(self) -> FloatArray:
        """(n, 4) probabilities of finishing exactly first, second, third and fourth; a position that a small
        field does not have has probability 0.

        >>> Race([0.5, 0.3, 0.2], model="harville").positions()[0].round(4)
        array([0.5   , 0.3393, 0.1607, 0.    ])
        """
        return self._race.positions()

    def places(self, places: int) -> FloatArray:
        """(n,) probabilities of finishing among the first `places`, 1 to 4.

        >>> Race([0.5, 0.3, 0.2], model="harville").places(2).round(4)
        array([0.8393, 0.675 , 0.4857])
        """
        return self._race.places(places)

    def exacta(self) -> FloatArray:
        """(n, n) `[first, second]`: straight forecast; 0 on the diagonal.

        >>> round(float(Race([0.5, 0.3, 0.2], model="harville").exacta()[0, 1]), 6)
        0.3
        """
        return self._race.exactas()

    def quinella(self) -> FloatArray:
        """(n, n) `[a, b]`: first and second in either order.

        >>> round(float(Race([0.5, 0.3, 0.2], model="harville").quinella()[0, 1]), 6)
        0.514286
        """
        return self._race.quinellas()

    def trifecta(self) -> FloatArray:
        """(n, n, n) `[first, second, third]`: tricast; 0 where a runner is named twice.

        >>> round(float(Race([0.5, 0.3, 0.2], model="harville").trifecta()[0, 1, 2]), 6)
        0.3
        """
        return self._race.trifectas()

    def ahead(self) -> FloatArray:
        """(n, n) `[i, j]`: probability that i finishes ahead of j; 0 on the diagonal.

        >>> round(float(Race([0.5, 0.3, 0.2], model="harville").ahead()[1, 2]), 6)
        0.6
        """
        return self._race.ahead()

    def without(self, runner: int) -> FloatArray:
        """(n,) probabilities of being first of all but one runner, which has 0.

        >>> Race([0.5, 0.3, 0.2], model="harville").without(0).round(6)
        array([0. , 0.6, 0.4])
        """
        return self._race.without(runner)

    def withdraw(self, runners: Collection[int]) -> Race:
        """The same race without some runners; the others move up and are counted anew.

        Sequential models share out the withdrawn probability in proportion; `henery` leaves the running times
        as they are, so that a runner near to the withdrawn one gains a little more.

        >>> Race([0.5, 0.3, 0.2], model="harville").withdraw([0]).win()
        array([0.6, 0.4])
        """
        return self._of(self._race.starting(_flags(runners, len(self))), self._model)

    def __repr__(self) -> str:
        return f"<Race of {len(self)} runners, {self._model}>"


def positions(
    win: npt.ArrayLike,
    *,
    model: Model = "henery",
    exponents: Exponents | None = None,
    errors: Errors = "raise",
) -> FloatArray:
    """`Race.positions` of many races in one call.

    Parameters
    ----------
    win : (n_races, n_runners) float64
        Probabilities of winning; `nan` marks an absent runner and stays `nan`.
    model, exponents
        As in `Race`.
    errors
        `"raise"` on the first race that the model refuses, or fill such races with `"nan"`.

    Returns
    -------
    (n_races, n_runners, 4) float64: exactly first, second, third, fourth. Releases the interpreter's lock.

    Examples
    --------
    >>> fields = np.array([[0.5, 0.3, 0.2], [0.6, np.nan, 0.4]])
    >>> positions(fields, model="harville")[:, :, :2].sum(axis=2).round(4)
    array([[0.8393, 0.675 , 0.4857],
           [1.    ,    nan, 1.    ]])
    """
    fields = _arrays.numbers(win, "win", axes=2)
    return _core.racing_positions(fields, model, exponents, _arrays.is_strict(errors))


def without_withdrawn(win: npt.ArrayLike, runners: Collection[int]) -> FloatArray:
    """Probabilities of winning once some runners do not start: the others' in proportion, theirs 0.

    >>> without_withdrawn([0.5, 0.3, 0.2], [0])
    array([0. , 0.6, 0.4])
    """
    probabilities = _arrays.numbers(win, "win", axes=1)
    flags = _flags(runners, len(probabilities))
    return np.array(_core.racing_without_withdrawn(probabilities.tolist(), flags))


def each_way_value(odds: float, *, fraction: float, win: float, place: float) -> float:
    """What a stake of 1, half on the win and half on the place, gains on average.

    Parameters
    ----------
    odds
        Of the win, stake included.
    fraction
        Of the odds that the place pays, 0 to 1: a fifth is 0.2.
    win, place
        Probabilities of winning and of being placed; `win <= place`.

    >>> round(each_way_value(7.0, fraction=0.2, win=0.16, place=0.54070767865119), 6)
    0.154778
    """
    return _core.racing_each_way_value(odds, fraction, win, place)


def each_way_fair_odds(*, fraction: float, win: float, place: float) -> float:
    """The odds at which an each-way bet breaks even on average, stake included.

    >>> round(each_way_fair_odds(fraction=0.25, win=0.1, place=0.3), 4)
    10.1429
    """
    return _core.racing_each_way_fair_odds(fraction, win, place)


def place_odds(odds: float, *, fraction: float) -> float:
    """Odds of the place part of an each-way bet: `1 + (odds - 1) * fraction`.

    >>> place_odds(9.0, fraction=0.2)
    2.6
    """
    return _core.racing_place_odds(odds, fraction)


class Terms(NamedTuple):
    """Each-way terms."""

    places: int
    """Places that pay."""
    fraction_of: int
    """The place pays one part in so many of the odds: 5 is a fifth."""


def standard_terms(runners: int, *, is_handicap: bool = False) -> Terms | None:
    """The usual British and Irish each-way terms; None where bets are win only.

    >>> standard_terms(8)
    Terms(places=3, fraction_of=5)
    >>> standard_terms(16, is_handicap=True)
    Terms(places=4, fraction_of=4)
    """
    terms = _core.racing_standard_terms(runners, is_handicap)
    return None if terms is None else Terms(*terms)


class DeductionScale(NamedTuple):
    """How much a house deducts, by the price of the runner that was withdrawn.

    >>> house = DeductionScale("house-2026", ((1.2, 90), (2.0, 50), (5.0, 20)))
    >>> rule4([1.5], scale=house)
    Rule4(pence=50, version='house-2026')
    """

    version: str
    """Names the scale and its version; kept with every deduction."""
    bands: tuple[tuple[float, int], ...]
    """Longest decimal odds of each band, ascending, and its pence in the pound, 0 to 90; longer odds than the
    last are free."""


TATTERSALLS = DeductionScale(*(lambda scale: (scale[0], tuple(scale[1])))(_core.racing_rule4_scale()))
"""Tattersalls' printed scale. A price of two decimals has the band of the fraction that it is the nearest to:
1.62 is 8/13, 60 pence; a price in a gap between two bands belongs to the longer one."""


class Rule4(NamedTuple):
    """A deduction from winnings."""

    pence: int
    """Pence in the pound, 0 to 90."""
    version: str
    """The scale that it was read from."""


def rule4(odds: Sequence[float], *, scale: DeductionScale = TATTERSALLS) -> Rule4:
    """The deduction for withdrawn runners, by the decimal odds of each when it was withdrawn; several add up,
    to 90.

    Reproduced in `tests/golden/settlement.json`.

    Parameters
    ----------
    odds : (n,) float64
        Decimal odds of the withdrawn runners.
    scale
        The house's scale. Firms differ: some waive the 5 pence, some print decimal bands of their own.

    Raises
    ------
    BoundsError
        Odds outside 1.001 to 1000, bands that do not ascend, pence outside 0 to 90.

    Examples
    --------
    >>> rule4([4.0]).pence, rule4([4.0, 11.0]).pence, rule4([16.0]).pence, rule4([1.62]).pence
    (25, 30, 0, 60)
    """
    bands = [(float(longest), int(pence)) for longest, pence in scale.bands]
    for before, (longest, pence) in zip([(1.0, 0), *bands], bands, strict=False):
        if not longest > before[0]:
            raise BoundsError(
                f"longest odds {longest} of a band are not above {before[0]}, those of the band before"
            )
        if not 0 <= pence <= 90:
            raise BoundsError(f"deduction in pence {pence} is outside 0..=90")
    prices = _arrays.numbers(odds, "odds", axes=1).tolist()
    return Rule4(_core.racing_rule4_pence(prices, bands), scale.version)


def odds_after_rule4(odds: float, pence: int) -> float:
    """What Rule 4 leaves of the odds of a bet that was struck before: `1 + (odds - 1) * (1 - pence / 100)`.

    Rounded down to a ten-thousandth.

    >>> odds_after_rule4(9.0, 25)
    7.0
    """
    return _core.racing_odds_after_rule4(odds, pence)


class RaceFormat(NamedTuple):
    """A race as far as its markets depend on it."""

    runners: int
    """Declared runners, 2 to 40."""
    kind: Literal["horse", "greyhound"] = "horse"
    """What runs."""
    is_handicap: bool = False
    """A handicap pays more places in large fields."""
    places_max: int | None = None
    """The most places that a place market is listed for, 1 to 4; None for the standard of the field."""
    extra_terms: Terms | None = None
    """Each-way terms beside the standard ones."""

    def selections(self) -> tuple[str, ...]:
        """Every selection of the race, `market key/selection`, in the order of a `Board`.

        >>> [name for name in RaceFormat(5).selections() if name.startswith("each_way")]
        ['each_way.4.2/r1', 'each_way.4.2/r2', 'each_way.4.2/r3', 'each_way.4.2/r4', 'each_way.4.2/r5']
        """
        return _selections(self)

    def _parts(self) -> tuple[str, int, bool, int | None, tuple[int, int] | None]:
        terms = self.extra_terms
        extra = None
        if terms is not None:
            what = "places and the denominator of their fraction"
            places, denominator = _arrays.parts(terms, "terms", what, least=2)
            extra = (places, denominator)
        return self.kind, self.runners, self.is_handicap, self.places_max, extra


@cache
def _selections(race: RaceFormat) -> tuple[str, ...]:
    return tuple(_core.racing_selections(race._parts()))


@cache
def _selection_index(race: RaceFormat) -> dict[str, int]:
    return {name: index for index, name in enumerate(_selections(race))}


class Price(NamedTuple):
    """A selection's price."""

    fair: float
    """Fair probability with refunds set aside."""
    odds: float
    """Offered decimal odds; `nan` if none are offered."""


@dataclass(frozen=True, slots=True, eq=False)
class Board(ArrowTable):
    """All selections of a race with fair probabilities and offered odds."""

    race: RaceFormat
    """The race."""
    fair: FloatArray
    """(n,) fair probabilities with refunds set aside; of a decided selection, its share of the stake that
    won."""
    refund: FloatArray
    """(n,) expected share of the stake that is refunded: part of an each-way bet, and 1 for what is void."""
    odds: FloatArray
    """(n,) offered decimal odds, `nan` where nothing is offered."""

    @property
    def selections(self) -> tuple[str, ...]:
        """(n,) names, `market key/selection`: `win/r1`, `place.3/r4`, `forecast/r1-r2`."""
        return _selections(self.race)

    def price(self, selection: str) -> Price:
        """The price of a selection; KeyError if the race has no such selection.

        >>> board([2.5, 4.0, 6.0, 9.0, 11.0, 15.0]).price("win/r2").odds
        3.79
        """
        index = _selection_index(self.race).get(selection)
        if index is None:
            raise _hints.unknown("selection", selection, self.selections)
        return Price(float(self.fair[index]), float(self.odds[index]))

    def market(self, key: str) -> dict[str, Price]:
        """The selections of one market by name.

        Raises
        ------
        UnknownNameError
            There is no such market; the message names the nearest.

        Examples
        --------
        >>> list(board([2.5, 4.0, 6.0, 9.0, 11.0, 15.0]).market("win"))
        ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']
        """
        return {name[len(key) + 1 :]: self.price(name) for name in in_market(key, self.selections)}

    @property
    def table(self) -> Table:
        """A row per selection: `market`, `selection`, `fair`, `odds`, `refund`.

        Libraries that read the Arrow interface take the board itself.
        """
        return priced_table(self).with_columns({"refund": self.refund})

    def __repr__(self) -> str:
        return f"<Board of {len(self.fair):,} selections, {int(np.isfinite(self.odds).sum()):,} offered>"

    def _repr_html_(self) -> str:
        return _board_html.draw(self.selections, self.fair, self.odds, caption=repr(self)[1:-1])


def board(
    win_odds: npt.ArrayLike,
    *,
    race: RaceFormat | None = None,
    model: Model = "henery",
    exponents: Exponents | None = None,
    removal: Literal["multiplicative", "power", "odds_ratio"] = "power",
    place_odds: tuple[int, npt.ArrayLike] | None = None,
    withdrawn: Collection[int] = (),
    result: Sequence[int] | None = None,
    margin: tuple[Method, float] = ("power", 1.15),
    ladder: LadderName = "fine",
) -> Board:
    """Price a whole race from the odds of its win market, by the same steps as the engine.

    Parameters
    ----------
    win_odds : (n,) numbers
        Decimal odds of every declared runner, `nan` for a runner without a price: nothing is offered on it.
    race
        The format; by default horses, as many as there are odds, no handicap.
    model, exponents
        As in `Race`.
    removal
        How the margin is taken out of the odds given.
    place_odds
        Places and decimal odds of a place market: the exponents of a sequential model are fitted to it.
    withdrawn
        Runners that do not start: their selections are void, the others are conditioned on it.
    result
        Finishing position of every runner, from 1, runners that tie share one, 0 did not finish: the board as
        it is decided.
    margin
        Margin method and the booksum of a market with one winner, 1 to 2, of the odds offered.
    ladder
        Ladder that odds are rounded down to.

    Raises
    ------
    RacingError, MarginError, BoundsError
        Odds that cannot be explained, positions that cannot be, or arguments outside their range.

    Examples
    --------
    >>> prices = board([2.5, 4.0, 6.0, 9.0, 11.0, 15.0])
    >>> prices
    <Board of 255 selections, 255 offered>
    >>> prices.price("place.2/r1").odds
    1.52
    >>> prices.market("match.r1.r2")["r1"].odds
    1.49
    >>> board([2.5, 4.0, 6.0, 9.0, 11.0, 15.0], withdrawn=[0]).price("win/r2").odds
    2.55
    """
    prices = _arrays.numbers(win_odds, "win_odds", axes=1)
    race = RaceFormat(len(prices)) if race is None else race
    place = None
    if place_odds is not None:
        places, offered = _arrays.parts(
            place_odds, "place_odds", "a number of places and their odds", least=2
        )
        place = (places, _arrays.numbers(offered, "place_odds", axes=1).tolist())
    fair, refund, odds = _core.racing_board(
        race._parts(),
        prices.tolist(),
        place,
        model,
        exponents,
        removal,
        _flags(withdrawn, race.runners),
        None if result is None else _places(result),
        _arrays.margin_of(margin),
        ladder,
    )
    return Board(race, fair, refund, odds)


def grade(
    selection: str,
    result: Sequence[int],
    *,
    race: RaceFormat | None = None,
    withdrawn: Collection[int] = (),
    is_void: bool = False,
) -> Grade:
    """The grade of a selection at the result of a race.

    A dead heat is the mean over the orders it allows. Void is a selection that needs a runner which did not
    start, and everything in a void race or a walkover.

    Parameters
    ----------
    selection
        `market key/selection`: `win/r1`, `each_way.5.3/r2`, `forecast/r1-r2`.
    result
        Finishing position of every runner, from 1, runners that tie share one, 0 did not finish.
    race
        The format; by default horses, as many as there are positions, no handicap.
    withdrawn
        Runners that did not start, from 0.
    is_void
        The race was abandoned or declared void.

    Examples
    --------
    >>> grade("place.2/r3", [1, 2, 2, 4, 5])
    Grade(win=0.5, refund=0.0)
    >>> grade("each_way.4.2/r1", [1, 2, 3, 4, 5])
    Grade(win=0.625, refund=0.375)
    """
    places = _places(result)
    race = RaceFormat(len(places)) if race is None else race
    flags = _flags(withdrawn, race.runners)
    win, refund, of, _ = _core.racing_grade(race._parts(), selection, places, flags, is_void)
    return Grade(win / of, refund / of)


def _places(result: Sequence[int]) -> list[int]:
    places: list[int] = _arrays.integers(result, "result", axes=1).tolist()
    return places


def _flags(runners: Collection[int], count: int) -> list[bool]:
    runners = _arrays.integers(list(runners), "runners", axes=1).tolist()
    count = _arrays.whole(count, "number of runners", 0, 255)
    outside: list[Any] = [runner for runner in runners if not 0 <= runner < count]
    if outside:
        raise BoundsError(f"runner {outside[0]} is outside 0..{count}")
    return [runner in runners for runner in range(count)]
