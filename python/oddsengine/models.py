"""Own models and own sports: functions compiled by numba, called by the engine by address, and spaces as
data.

A :class:`Space` is a sport as data: its outcomes, its markets, and the grade of every selection on every
outcome. A :func:`joint_model` gives the probability of every outcome from a fixture's inputs and live state;
an :func:`intensity_model` gives scoring rates, from which the distribution of the final score follows. The
engine calls either without the interpreter's lock, checks what it gives, journals it as an input, and
suspends the fixture with a reason when it cannot be used; see ``docs/models/own_models.md``.

>>> import numpy as np
>>> from oddsengine import Engine, models
>>> coin = models.Space("coin", [[0], [1]], labels=["tails", "heads"])
>>> coin.market("side", {"heads": np.array([False, True]), "tails": np.array([True, False])})
<Space coin: 2 outcomes, 1 market, 2 selections, 1 view>
>>> @models.joint_model
... def biased(inputs, state, out):
...     out[0], out[1] = 1 - inputs[0], inputs[0]
>>> biased([0.6], outcomes=2)
array([0.4, 0.6])
>>> engine = Engine(clock=iter(range(1_000_000_000, 2_000_000_000)).__next__)
>>> engine.define_space(coin)
>>> engine.register_model(coin, biased)
>>> engine.feed.fixture(1, sport="custom", space="coin", competition="cup", home="A", away="B", start_ns=0)
>>> engine.set_model_inputs(1, [0.6])
<Done>
>>> engine.board(1).odds("side", "heads")
1.58
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from oddsengine import _arrays, _core, _html
from oddsengine.exceptions import BoundsError, SelectionError

__all__ = [
    "GradeFunction",
    "IntensityModel",
    "JointModel",
    "ModelHost",
    "Space",
    "SpaceMarket",
    "grade_function",
    "intensity_model",
    "joint_model",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Phase: TypeAlias = Literal["pre_match", "in_play", "finished"]
Ranges: TypeAlias = Sequence[tuple[int, int]]
"""Outcomes as ranges `(start, end)` without the end, ascending."""

VIEW_CELLS_MAX = 256
"""Most kinds of outcomes that one market can tell apart."""
VIEWS_MAX = 255
"""Most markets of a space that each tell other kinds of outcomes apart."""
MARKETS_SHOWN_MAX = 24


@dataclass(frozen=True, slots=True, eq=False)
class JointModel:
    """A native function that gives the probability of every outcome; made by :func:`joint_model`.

    Any C function of the same signature will do: ``JointModel(address, owner)``, where `owner` is whatever
    keeps the code alive. The function must stay at its address as long as an engine uses it.
    """

    address: int
    """Where ``int64 f(double *inputs, size_t, int64 *state, size_t, double *out, size_t)`` is."""
    function: Any = None
    """The Python function it was compiled from, or what owns the code."""
    entry: Any = None
    """The compiled function, kept alive here."""

    def __call__(
        self,
        inputs: npt.ArrayLike,
        *,
        outcomes: int,
        phase: Phase = "pre_match",
        score: tuple[int, int] = (0, 0),
        clock_ms: int = 0,
        values: Sequence[int] = (),
        possible: Ranges = (),
    ) -> FloatArray:
        """Call it as the engine does, with the engine's checks.

        Parameters
        ----------
        inputs : (k,) or (n, k) float64
            What the model computes from; a row per distribution.
        outcomes
            Number of outcomes, 2 to 65,535.
        phase, score, clock_ms, values, possible
            The state, as in :meth:`oddsengine.client.FeedClient.state`.

        Returns
        -------
        (outcomes,) or (n, outcomes) float64
            Probabilities; what is not possible has 0, the rest sums to 1.

        Raises
        ------
        ModelError
            What the engine would suspend the fixture for; ``code`` is the name in the status frame.
        BoundsError
            A state outside the space.
        """
        rows, is_one = _rows(inputs)
        state = _state(phase, score, clock_ms, values, possible)
        found: FloatArray = _core.joint_distribution(self.address, rows, outcomes, state)
        return found[0] if is_one else found

    def __repr__(self) -> str:
        return f"<JointModel {_name_of(self.function)} at {self.address:#x}>"


@dataclass(frozen=True, slots=True, eq=False)
class IntensityModel:
    """A native function that gives the scoring rates of two sides; made by :func:`intensity_model`.

    The engine integrates the rates from the present clock and score to the end of play, in `steps` steps,
    to the distribution of the final score: an outcome is `home * side + away`, and the last score of a side
    stands for that many or more. :meth:`Space.scores` makes the space that goes with it.
    """

    address: int
    """Where ``int64 f(double *inputs, size_t, double clock_ms, int64, int64, double *rates)`` is."""
    side: int
    """Scores of a side, 2 to 64: 0 to `side - 1` points."""
    end_ms: float
    """End of play on the match clock, 1 to 1e9 ms."""
    steps: int
    """Steps from now to the end, 1 to 10,000; at most 8 points may be expected in one."""
    function: Any = None
    """The Python function it was compiled from, or what owns the code."""
    entry: Any = None
    """The compiled function, kept alive here."""

    def __call__(
        self,
        inputs: npt.ArrayLike,
        *,
        phase: Phase = "pre_match",
        score: tuple[int, int] = (0, 0),
        clock_ms: int = 0,
        possible: Ranges = (),
    ) -> FloatArray:
        """The distribution of the final score, computed and checked as in the engine.

        Parameters
        ----------
        inputs : (k,) or (n, k) float64
            What the model computes from; a row per distribution.
        phase, score, clock_ms, possible
            The state; `pre_match` counts from 0 ms.

        Returns
        -------
        (side * side,) or (n, side * side) float64
            Probabilities of the scores `home * side + away`.

        Raises
        ------
        ModelError
            A rate that is negative or not finite, or expects more than 8 points in a step.
        """
        rows, is_one = _rows(inputs)
        state = _state(phase, score, clock_ms, (), possible)
        found: FloatArray = _core.score_distribution(
            self.address, rows, self.side, self.end_ms, self.steps, state
        )
        return found[0] if is_one else found

    def __repr__(self) -> str:
        return f"<IntensityModel {_name_of(self.function)} at {self.address:#x}, {self.side} scores a side>"


@dataclass(frozen=True, slots=True, eq=False)
class GradeFunction:
    """A native function that grades a selection on an outcome; made by :func:`grade_function`."""

    address: int
    """Where ``void f(int64 *outcome, size_t, double *shares)`` is; it writes won and refunded share."""
    function: Any = None
    """The Python function it was compiled from, or what owns the code."""
    entry: Any = None
    """The compiled function, kept alive here."""

    def __call__(self, outcomes: npt.ArrayLike) -> FloatArray:
        """The won and the refunded share of the stake on every outcome.

        Parameters
        ----------
        outcomes : (n, k) int64
            The numbers of each outcome.

        Returns
        -------
        (n, 2) float64
            Shares of the stake.
        """
        rows = np.atleast_2d(_arrays.integers(outcomes, "outcomes", axes=(1, 2)))
        grades = _core.grades_by_function(self.address, rows)
        return np.asarray(grades[:, :2] / grades[:, 2:], dtype=np.float64)

    def __repr__(self) -> str:
        return f"<GradeFunction {_name_of(self.function)} at {self.address:#x}>"


@overload
def joint_model(function: Callable[..., Any]) -> JointModel: ...
@overload
def joint_model(*, boundscheck: bool = True) -> Callable[[Callable[..., Any]], JointModel]: ...
def joint_model(
    function: Callable[..., Any] | None = None, *, boundscheck: bool = True
) -> JointModel | Callable[[Callable[..., Any]], JointModel]:
    """Compile a function that gives the probability of every outcome.

    The function is ``f(inputs, state, out)``: `inputs` (k,) float64 and `state` (4 + v,) int64 are read-only,
    `out` (outcomes,) float64 starts as zeros and is filled. `state` holds the phase (0 before, 1 in play, 2
    over), the score of both sides, the clock in ms, then the state's own values. It returns nothing, or an
    integer that is 0 when all is well. An exception in it is a failed model, so is an index outside an array.

    Parameters
    ----------
    boundscheck
        Check every index: a read outside `inputs` is then a fault, not a number from somewhere else. Without
        it the function may be faster, and a wrong index may end the process.

    Raises
    ------
    ImportError
        numba is not installed.
    numba.core.errors.NumbaError
        numba cannot compile the function.

    Examples
    --------
    >>> @joint_model
    ... def uniform(inputs, state, out):
    ...     out[:] = 1 / len(out)
    >>> uniform([], outcomes=4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    if function is None:
        return lambda function: _compile_joint(function, boundscheck)
    return _compile_joint(function, boundscheck)


def intensity_model(
    *, side: int, end_ms: float, steps: int = 90, boundscheck: bool = True
) -> Callable[[Callable[..., Any]], IntensityModel]:
    """Compile a function that gives the scoring rates of two sides.

    The function is ``f(inputs, clock_ms, home, away)`` and returns the rates of home and away in points per
    millisecond at a clock and score, each at least 0. The distribution of the final score is that of the
    Markov chain with these rates, in steps with the rates at their middle; what it loses is below 1e-6 and
    the square of a step's change of the rates.

    Parameters
    ----------
    side
        Scores of a side, 2 to 64; the last stands for that many or more.
    end_ms
        End of play on the match clock.
    steps
        Steps from now to the end.
    boundscheck
        As in :func:`joint_model`.

    Raises
    ------
    ImportError
        numba is not installed.

    Examples
    --------
    >>> @intensity_model(side=12, end_ms=3_600_000, steps=60)
    ... def hockey(inputs, clock_ms, home, away):
    ...     chases = 1.1 if home < away else 1.0
    ...     return inputs[0] / 3_600_000 * chases, inputs[1] / 3_600_000
    >>> scores = hockey([2.9, 2.6]).reshape(12, 12)
    >>> float(np.trace(scores).round(4))
    0.1824
    """

    def compiled(function: Callable[..., Any]) -> IntensityModel:
        numba = _numba()
        types = numba.types
        inner = _inner(
            function, (_array(numba, types.float64), types.float64, types.int64, types.int64), boundscheck
        )
        pointer = types.CPointer(types.float64)
        signature = types.int64(pointer, types.uintp, types.float64, types.int64, types.int64, pointer)
        carray = numba.carray

        def entry(inputs, count, clock_ms, home, away, rates):  # type: ignore[no-untyped-def]
            try:
                of_home, of_away = inner(carray(inputs, (count,)), clock_ms, home, away)
                both = carray(rates, (2,))
                both[0] = of_home
                both[1] = of_away
                return 0
            except Exception:
                return 1

        native = numba.cfunc(signature)(entry)
        return IntensityModel(native.address, side, float(end_ms), steps, function, native)

    return compiled


def grade_function(function: Callable[..., Any]) -> GradeFunction:
    """Compile a function that grades a selection.

    The function is ``f(outcome)``, `outcome` the (k,) int64 numbers of one outcome, and returns whether the
    selection wins, or the share of the stake that wins, or the shares that win and are refunded. Shares are
    exact fractions with a denominator up to 64.

    Raises
    ------
    ImportError
        numba is not installed.

    Examples
    --------
    >>> @grade_function
    ... def over_three(outcome):
    ...     total = outcome[0] + outcome[1]
    ...     return total > 3, total == 3
    >>> over_three([[2, 0], [2, 1], [3, 1]])
    array([[0., 0.],
           [0., 1.],
           [1., 0.]])
    """
    numba = _numba()
    types = numba.types
    inner = _inner(function, (_array(numba, types.int64),), boundscheck=True)
    gives_both = isinstance(inner.nopython_signatures[0].return_type, types.BaseTuple)
    signature = types.void(types.CPointer(types.int64), types.uintp, types.CPointer(types.float64))
    carray = numba.carray

    # What raises leaves the shares as they were: no number, which is refused.
    if gives_both:

        def entry(outcome, count, shares):  # type: ignore[no-untyped-def]
            try:
                win, refund = inner(carray(outcome, (count,)))
                both = carray(shares, (2,))
                # A truth value becomes a whole share.
                both[0] = win * 1.0
                both[1] = refund * 1.0
            except Exception:
                pass
    else:

        def entry(outcome, count, shares):  # type: ignore[no-untyped-def]
            try:
                win = inner(carray(outcome, (count,)))
                both = carray(shares, (2,))
                both[0] = win * 1.0
                both[1] = 0.0
            except Exception:
                pass

    native = numba.cfunc(signature)(entry)
    return GradeFunction(native.address, function, native)


def _compile_joint(function: Callable[..., Any], boundscheck: bool) -> JointModel:
    numba = _numba()
    types = numba.types
    out = types.Array(types.float64, 1, "C")
    arguments = (_array(numba, types.float64), _array(numba, types.int64), out)
    inner = _inner(function, arguments, boundscheck)
    floats, integers = types.CPointer(types.float64), types.CPointer(types.int64)
    count = types.uintp
    signature = types.int64(floats, count, integers, count, floats, count)
    carray = numba.carray

    if inner.nopython_signatures[0].return_type == types.none:

        def entry(inputs, input_count, state, state_count, out, out_count):  # type: ignore[no-untyped-def]
            try:
                inner(
                    carray(inputs, (input_count,)), carray(state, (state_count,)), carray(out, (out_count,))
                )
                return 0
            except Exception:
                return 1
    else:

        def entry(inputs, input_count, state, state_count, out, out_count):  # type: ignore[no-untyped-def]
            try:
                return inner(
                    carray(inputs, (input_count,)), carray(state, (state_count,)), carray(out, (out_count,))
                )
            except Exception:
                return 1

    native = numba.cfunc(signature)(entry)
    return JointModel(native.address, function, native)


def _numba() -> Any:
    try:
        import numba
    except ImportError as error:
        raise ImportError("own models are compiled by numba: pip install numba") from error
    return numba


def _array(numba: Any, item: Any) -> Any:
    """Read-only: what the engine hands over is not the model's to change."""
    return numba.types.Array(item, 1, "C", readonly=True)


def _inner(function: Callable[..., Any], arguments: tuple[Any, ...], boundscheck: bool) -> Any:
    inner = _numba().njit(boundscheck=boundscheck)(getattr(function, "py_func", function))
    inner.compile(arguments)
    return inner


def _rows(inputs: npt.ArrayLike) -> tuple[FloatArray, bool]:
    array = _arrays.numbers(inputs, "inputs", axes=(1, 2))
    return np.atleast_2d(array), array.ndim == 1


def _state(
    phase: Phase, score: tuple[int, int], clock_ms: int, values: Sequence[int], possible: Ranges
) -> _core._State:
    home, away = score
    ranges = [(int(start), int(end)) for start, end in possible]
    return phase, (int(home), int(away)), int(clock_ms), [int(value) for value in values], ranges


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


# Spaces


Grade: TypeAlias = "GradeFunction | npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]"
"""A compiled function; (n,) booleans, true where it wins; (n,) won shares; or won and refunded shares."""


@dataclass(frozen=True, slots=True, eq=False)
class SpaceMarket:
    """A market of a space, with the grades of its selections on every outcome."""

    key: str
    """Its name within the fixture."""
    selections: tuple[str, ...]
    """The names of its selections."""
    winners: int
    """How many selections win."""
    view: int
    """Index of the view that it lives on."""
    grades: npt.NDArray[np.uint16]
    """(n, selections, 3): won share, refunded share, and their denominator."""

    @property
    def shares(self) -> FloatArray:
        """(n, selections, 2): won and refunded share of the stake."""
        return np.asarray(self.grades[..., :2] / self.grades[..., 2:], dtype=np.float64)


class Space:
    """A sport as data: what can happen, and the markets on it.

    Parameters
    ----------
    name
        What fixtures refer to, 1 to 128 bytes. An engine takes a name once; another definition needs another
        name.
    outcomes : (n, k) int64, (n,) int64, or (n,) structured
        The numbers of every outcome, 2 to 65,535 different ones: what grade functions see. Their order is the
        order of probabilities; put what stays possible together next to each other.
    labels
        A text per outcome, for display; the numbers joined by ``-`` unless given.

    Raises
    ------
    BoundsError
        Outcomes that are too few, too many, twice there, or not integers.

    Examples
    --------
    >>> race = Space("race_to_2", [(2, 0), (2, 1), (1, 2), (0, 2)])
    >>> home, away = race.outcomes.T
    >>> race.market("winner", {"home": home == 2, "away": away == 2})
    <Space race_to_2: 4 outcomes, 1 market, 2 selections, 1 view>
    >>> race.market("legs:2.5", {"over": home + away > 2.5, "under": home + away < 2.5})
    <Space race_to_2: 4 outcomes, 2 markets, 4 selections, 2 views>
    >>> race.fair_odds([0.3, 0.2, 0.25, 0.25])["winner"]
    {'home': 2.0, 'away': 2.0}
    >>> race.possible(away >= 1)
    [(1, 4)]
    """

    def __init__(self, name: str, outcomes: npt.ArrayLike, *, labels: Sequence[str] | None = None) -> None:
        self.name = name
        self.fields, self.outcomes = _outcomes(outcomes)
        count = len(self.outcomes)
        self.labels: tuple[str, ...] = (
            tuple("-".join(map(str, row)) for row in self.outcomes.tolist())
            if labels is None
            else tuple(labels)
        )
        if len(self.labels) != count:
            raise BoundsError(f"labels {len(self.labels)} is outside {count}..={count}")
        self._markets: dict[str, SpaceMarket] = {}
        # The cell of every outcome in each view, and the view of each partition.
        self._views: list[npt.NDArray[np.uint8]] = []
        self._view_of: dict[bytes, int] = {}
        self._index = {tuple(row): index for index, row in enumerate(self.outcomes.tolist())}
        if len(self._index) != count:
            rows, counts = np.unique(self.outcomes, axis=0, return_counts=True)
            raise BoundsError(f"outcome {tuple(rows[counts.argmax()].tolist())} is there twice")

    @classmethod
    def scores(cls, name: str, side: int) -> Self:
        """The final scores of two sides, in the order that an :func:`intensity_model` fills.

        >>> Space.scores("hockey", 12).labels[13]
        '1-1'
        """
        if not 2 <= side <= 64:
            raise BoundsError(f"scores of a side {side} is outside 2..=64")
        home, away = np.divmod(np.arange(side * side), side)
        return cls(name, np.column_stack([home, away]))

    def market(self, key: str, selections: Mapping[str, Grade], *, winners: int = 1) -> Self:
        """Add a market; its view is found by itself, and shared with markets that tell the same outcomes
        apart.

        Parameters
        ----------
        key
            Its name within the fixture, 1 to 64 bytes without a slash. Markets next to each other that differ
            only after a colon (``total:1.5``, ``total:2.5``) are lines of one family.
        selections
            The grade of each: a :func:`grade_function`; (n,) booleans, true where it wins; (n,) shares of the
            stake that win; or a pair of (n,) arrays, the shares that win and that are refunded.
        winners
            How many selections win: what the fair probabilities sum to.

        Raises
        ------
        BoundsError
            A key that is there, a grade that is no share of the stake, more winners on an outcome than
            `winners`, or a market that tells more than 256 kinds of outcomes apart.

        Examples
        --------
        >>> home, away = (space := Space.scores('hockey', 12)).outcomes.T
        >>> space.market('draw', {'yes': home == away, 'no': home != away})
        <Space hockey: 144 outcomes, 1 market, 2 selections, 1 view>
        """
        if key in self._markets:
            raise BoundsError(f"market {key} is defined twice")
        if not selections:
            raise BoundsError(f"selections of market {key} 0 is outside 1..=4096")
        grades = np.stack([self._grades(key, name, grade) for name, grade in selections.items()], axis=1)
        self._check_winners(key, grades, winners)
        view = self._view(key, grades)
        self._markets[key] = SpaceMarket(key, tuple(selections), winners, view, grades)
        return self

    def _grades(self, key: str, name: str, grade: Grade) -> npt.NDArray[np.uint16]:
        """(n, 3) won, refunded, of."""
        count = len(self.outcomes)
        try:
            if isinstance(grade, GradeFunction):
                return _core.grades_by_function(grade.address, self.outcomes)
            # Two arrays, of what is won and of what is refunded; two numbers are the grades of two outcomes.
            if isinstance(grade, tuple) and len(grade) == 2 and not np.isscalar(grade[0]):
                pair = [_arrays.numbers(share, "shares", axes=1) for share in grade]
                if len(pair[0]) != len(pair[1]):
                    raise BoundsError(f"{len(pair[0])} shares that win do not fit {len(pair[1])} refunded")
                shares = np.column_stack(pair)
            else:
                win = _arrays.numbers(grade, "grade", axes=1)
                shares = np.column_stack([win, np.zeros_like(win)])
            if shares.shape != (count, 2):
                raise BoundsError(f"grades of {key}/{name} {shares.shape[0]} is outside {count}..={count}")
            return _core.grades_of_shares(np.ascontiguousarray(shares))
        except BoundsError as error:
            error.add_note(f"in {key}/{name} of space {self.name}")
            raise

    def _check_winners(self, key: str, grades: npt.NDArray[np.uint16], winners: int) -> None:
        won = (grades[..., 0] / grades[..., 2]).sum(axis=1)
        worst = int(won.argmax())
        if won[worst] > winners + 1e-9:
            raise BoundsError(
                f"market {key}: {won[worst]:g} selections win on outcome {self.labels[worst]}, "
                f"more than the {winners} of winners"
            )

    def _view(self, key: str, grades: npt.NDArray[np.uint16]) -> int:
        """The view whose cells are the kinds of outcomes that the market tells apart, as they appear."""
        rows = grades.reshape(len(grades), -1)
        _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        if len(first) > VIEW_CELLS_MAX:
            raise BoundsError(
                f"market {key} tells {len(first)} kinds of outcomes apart, more than {VIEW_CELLS_MAX}: "
                "split it into markets that see less of the outcome"
            )
        rank = np.empty(len(first), dtype=np.uint8)
        rank[np.argsort(first)] = np.arange(len(first))
        cells = rank[inverse.reshape(-1)]
        partition = cells.tobytes()
        if partition not in self._view_of:
            if len(self._views) == VIEWS_MAX:
                raise BoundsError(
                    f"market {key} needs view {VIEWS_MAX + 1} of the space, more than {VIEWS_MAX}"
                )
            self._view_of[partition] = len(self._views)
            self._views.append(cells)
        return self._view_of[partition]

    @property
    def markets(self) -> Mapping[str, SpaceMarket]:
        """The markets by key, in the order they were added."""
        return dict(self._markets)

    @property
    def view_count(self) -> int:
        """Number of views that the markets need."""
        return len(self._views)

    def __len__(self) -> int:
        return len(self.outcomes)

    def index(self, *numbers: int) -> int:
        """Where the outcome with these numbers stands.

        >>> Space.scores("hockey", 12).index(1, 1)
        13

        Raises
        ------
        SelectionError
            There is no such outcome.
        """
        try:
            return self._index[tuple(int(number) for number in numbers)]
        except (KeyError, ValueError, OverflowError):
            raise SelectionError(f"outcome {numbers} is not in space {self.name}") from None

    def possible(self, mask: npt.ArrayLike) -> list[tuple[int, int]]:
        """The outcomes still possible as ranges, for a state; `mask` is (n,) booleans, at least one true.

        Raises
        ------
        BoundsError
            Nothing is possible, the mask has another length, or it falls into more than 4,096 ranges.
        """
        is_possible = _arrays.flags(mask, "mask")
        if is_possible.shape != (len(self),):
            raise BoundsError(f"mask of {is_possible.shape} is not one of {(len(self),)}")
        edges = np.flatnonzero(np.diff(np.concatenate([[False], is_possible, [False]])))
        ranges = [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
        if not 1 <= len(ranges) <= 4_096:
            raise BoundsError(f"ranges of possible outcomes {len(ranges)} is outside 1..=4096")
        return ranges

    def fair_odds(self, probabilities: npt.ArrayLike) -> dict[str, dict[str, float]]:
        """Fair odds of every selection: ``(1 - E[refund]) / E[win]``; ``inf`` where it cannot win.

        Parameters
        ----------
        probabilities : (n,) float64
            Of every outcome.

        Raises
        ------
        BoundsError
            Another number of probabilities.
        """
        array = _arrays.numbers(probabilities, "probabilities")
        if array.shape != (len(self),):
            raise BoundsError(f"probabilities of {array.shape} are not of {(len(self),)}")
        found: dict[str, dict[str, float]] = {}
        for key, market in self._markets.items():
            expected = np.tensordot(array, market.shares, axes=1)
            found[key] = {
                name: (1 - refund) / win if win > 0 else math.inf
                for name, (win, refund) in zip(market.selections, expected.tolist(), strict=True)
            }
        return found

    def _definition(self) -> _core._SpaceParts:
        """What the core takes: name, outcome count, views, markets."""
        views = [(f"view_{index}", cells.tobytes()) for index, cells in enumerate(self._views)]
        firsts = [np.unique(cells, return_index=True)[1] for cells in self._views]
        markets = []
        for market in self._markets.values():
            on_cells = market.grades[firsts[market.view]]
            selections = [
                (name, [(win, refund, of) for win, refund, of in on_cells[:, index].tolist()])
                for index, name in enumerate(market.selections)
            ]
            markets.append((market.key, market.view, market.winners, selections))
        return self.name, len(self), views, markets

    def __repr__(self) -> str:
        selection_count = sum(len(market.selections) for market in self._markets.values())
        counts = [(len(self._markets), "market"), (selection_count, "selection"), (self.view_count, "view")]
        text = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
        return f"<Space {self.name}: {len(self)} outcomes, {text}>"

    def _repr_html_(self) -> str:
        rows = [
            [
                market.key,
                str(market.winners),
                str(int(self._views[market.view].max()) + 1),
                " · ".join(market.selections),
            ]
            for market in list(self._markets.values())[:MARKETS_SHOWN_MAX]
        ]
        if (more_count := len(self._markets) - len(rows)) > 0:
            rows.append([f"and {more_count} more", "", "", ""])
        return _html.table(["market", "winners", "cells", "selections"], rows, caption=f"{repr(self)[1:-1]}.")


def _outcomes(given: npt.ArrayLike) -> tuple[tuple[str, ...], IntArray]:
    names: tuple[str, ...] = ()
    if isinstance(given, np.ndarray) and not isinstance(given, np.ma.MaskedArray) and given.dtype.names:
        names = given.dtype.names
        array = np.column_stack(
            [_arrays.integers(given[name], f"outcomes[{name!r}]", axes=1) for name in names]
        )
    else:
        array = _arrays.integers(given, "outcomes", axes=(1, 2))
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0 or not 2 <= array.shape[0] <= 65_535:
        raise BoundsError(f"outcomes of {array.shape} are not 2 to 65,535 rows of numbers")
    if not names:
        names = tuple(f"number_{index}" for index in range(array.shape[1]))
    return names, np.ascontiguousarray(array, dtype=np.int64)


# Engines


class ModelHost:
    """Spaces and models of an engine in this process; what ``setup(host)`` of a configured module gets."""

    def __init__(self, service: Any, clock: Callable[[], int]) -> None:
        self._service = service
        self._clock = clock
        # The engine knows addresses only: the functions must stay where they are.
        self._models: dict[str, JointModel | IntensityModel] = {}

    def define_space(self, space: Space) -> None:
        """Make a space known; the same definition again changes nothing.

        Raises
        ------
        BoundsError
            A name, key or grade outside its range.
        OddsEngineError
            The name is taken by another definition.

        Examples
        --------
        An engine in the same process passes it on:

        >>> import numpy as np
        >>> from oddsengine import Engine, models
        >>> die = models.Space("die", [[pips] for pips in range(1, 7)])
        >>> die.market("six", {"yes": np.arange(6) == 5, "no": np.arange(6) != 5})
        <Space die: 6 outcomes, 1 market, 2 selections, 1 view>
        >>> engine = Engine()
        >>> engine.define_space(die)
        >>> coin = models.Space("die", [[0], [1]])
        >>> coin.market("side", {"heads": np.array([False, True]), "tails": np.array([True, False])})
        <Space die: 2 outcomes, 1 market, 2 selections, 1 view>
        >>> engine.define_space(coin)
        Traceback (most recent call last):
        oddsengine.exceptions.OddsEngineError: already_exists: space die exists with another definition
        """
        self._service.define_space(*space._definition(), self._clock())

    def register_model(
        self, space: Space | str, model: JointModel | IntensityModel, *, budget_ms: float = 20.0
    ) -> None:
        """Price the fixtures of a space by a model from now on, instead of the one before.

        Fixtures that wait for prices are priced at once, the others with their next state or inputs.

        Parameters
        ----------
        space
            A space that is defined.
        model
            What :func:`joint_model` or :func:`intensity_model` made.
        budget_ms
            Longest time of one call, up to 1,000: an answer that took longer is not used, and the fixture is
            suspended. A call is not interrupted: a model that never returns stops the engine.

        Raises
        ------
        BoundsError
            The space is not defined, or not one of this model's scores; a budget outside its range.

        Examples
        --------
        >>> import numpy as np
        >>> from oddsengine import Engine, models
        >>> die = models.Space("die", [[pips] for pips in range(1, 7)])
        >>> die.market("six", {"yes": np.arange(6) == 5, "no": np.arange(6) != 5})
        <Space die: 6 outcomes, 1 market, 2 selections, 1 view>
        >>> @models.joint_model
        ... def fair_die(inputs, state, out):
        ...     out[:] = 1 / 6
        >>> engine = Engine()
        >>> engine.define_space(die)
        >>> engine.register_model(die, fair_die, budget_ms=5)
        >>> engine.register_model("dice", fair_die)
        Traceback (most recent call last):
        oddsengine.exceptions.BoundsError: space dice is not defined
        """
        name = space if isinstance(space, str) else space.name
        budget_ns = round(budget_ms * 1e6)
        if not 1 <= budget_ns <= 1_000_000_000:
            raise BoundsError(f"budget_ms {budget_ms} is outside 0.000001..=1000")
        now_ns = self._clock()
        if isinstance(model, JointModel):
            self._service.register_joint_model(name, model.address, budget_ns, now_ns)
        else:
            self._service.register_intensity_model(
                name, model.address, model.side, model.end_ms, model.steps, budget_ns, now_ns
            )
        self._models[name] = model

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __repr__(self) -> str:
        return f"<ModelHost of {', '.join(self._models) or 'no models'}>"
