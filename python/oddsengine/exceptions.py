"""The exceptions of the package. Every one of them is an `OddsEngineError`.

Messages come from the Rust core unchanged: they name the value and the allowed range. An error inside a batch
carries a note with the row.

>>> from oddsengine import margin
>>> margin.fair_probabilities([1.9, 0.5])
Traceback (most recent call last):
    ...
oddsengine.exceptions.MarginError: inverse odds 2 of selection 1 are not strictly between 0 and 1
"""

__all__ = [
    "BoundsError",
    "FitError",
    "FootballError",
    "InternalError",
    "JournalError",
    "MarginError",
    "ModelError",
    "OddsEngineError",
    "RacingError",
    "SameGameError",
    "SelectionError",
    "SnapError",
    "TennisError",
    "UnknownNameError",
]


class OddsEngineError(Exception):
    """Base of every exception that this package raises on purpose."""

    # Without slots of its own `InternalError` could not become the base of the core's exception for a panic.
    __slots__ = ()


class InternalError(OddsEngineError):
    """A bug of the package: a function of the core panicked. No value was returned and nothing was changed,
    but for an engine, which refuses everything from then on.

    The message is the panic's own. Please report it with the call that raised it.
    """

    __slots__ = ()


class BoundsError(OddsEngineError, ValueError):
    """A value outside its range, or arguments that do not fit together.

    >>> from oddsengine import odds
    >>> odds.BETFAIR.down(1.005)
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.BoundsError: decimal odds 1.005 is outside 1.01..=1000
    """


class MarginError(OddsEngineError, ValueError):
    """A margin that cannot be removed or applied; never replaced by another method's answer.

    `code` is a short fixed name of the reason: `unknown_method`, `selection_count`, `output_count`,
    `inverse_odds`, `probability`, `target`, `booksum`, `hold`, `commission`, `weight`, `shading`,
    `under_round`, `negative_probability`, `probability_above_one`, `booksum_unreachable` or `not_solved`.

    >>> from oddsengine import margin
    >>> try:
    ...     margin.fair_probabilities([1.01, 40.0, 250.0], method="additive")
    ... except MarginError as error:
    ...     print(error.code)
    negative_probability
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class FootballError(OddsEngineError, ValueError):
    """A football model that cannot be built, or prices that no model explains.

    >>> from oddsengine import football
    >>> football.DixonColes(1.6, 1.25, 0.6)
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.FootballError: rho 0.6 is outside -0.625..=0.5
    """


class SameGameError(OddsEngineError, ValueError):
    """A same-game multiple without a price: contradictory legs, a leg twice, or legs that no model joins.

    >>> from oddsengine import same_game
    >>> same_game.Match(1.5, 1.1).price(["1x2/home", "1x2/home"])
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.SameGameError: leg 1 is an earlier leg again
    """


class FitError(OddsEngineError, ValueError):
    """Results to which no model, or probabilities to which no calibration, can be fitted.

    `code` is a short fixed name of the reason: `unknown_model`, `outside_range`, `length`, `same_team`,
    `no_match`, `no_goal`, `disconnected`, `no_maximum` or `not_converged`.

    >>> from oddsengine import fit
    >>> season = {"home": ["Ajax", "Brugge"], "away": ["Brugge", "Ajax"], "home_goals": [2, 0]}
    >>> try:
    ...     fit.poisson(season | {"away_goals": [1, 0]})
    ... except FitError as error:
    ...     print(error.code)
    disconnected
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class ModelError(OddsEngineError, ValueError):
    """An own model whose answer cannot be used; the engine suspends a fixture for the same reason.

    `code` is the name in the status frame: `model_failed`, `model_not_a_probability`, `model_wrong_sum`,
    `model_impossible_outcome` or `model_too_slow`.

    >>> from oddsengine import models
    >>> @models.joint_model
    ... def half(inputs, state, out):
    ...     out[0] = 0.5
    >>> try:
    ...     half([], outcomes=2)
    ... except ModelError as error:
    ...     print(error.code, error)
    model_wrong_sum the model's probabilities do not sum to 1 within 1e-6
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class RacingError(OddsEngineError, ValueError):
    """A race that cannot be priced, or probabilities that no model explains.

    >>> from oddsengine import racing
    >>> racing.Race([0.5, 0.6])
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.RacingError: win probabilities sum to 1.1, not to 1 within 1e-9
    """


class TennisError(OddsEngineError, ValueError):
    """A tennis model that cannot be built, or prices that no serve levels explain.

    >>> from oddsengine import tennis
    >>> tennis.hold(1.2)
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.TennisError: serve probability 1.2 is outside 0.01..=0.99
    in row 0
    """


class SnapError(OddsEngineError, ValueError):
    """Odds that cannot be put on a ladder with the margin asked for.

    >>> from oddsengine import odds
    >>> odds.snap_min_margin([2.5, 2.5], booksum_min=1.05)
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.SnapError: booksum 0.8 of the rounded-down odds is below the minimum 1.05
    """


class SelectionError(OddsEngineError, LookupError):
    """A market or selection that does not exist, or that cannot be graded from what is known.

    >>> from oddsengine import settle
    >>> settle.grade("1x2/hom", (1, 0))
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.SelectionError: market "1x2" has no selection "hom", but home, draw, away
    """


class UnknownNameError(OddsEngineError, KeyError):
    """A market, selection or other name that is not there; the message names the near ones.

    >>> from oddsengine import football
    >>> football.board(1.62, 1.08)["1x2/hom"]
    Traceback (most recent call last):
        ...
    oddsengine.exceptions.UnknownNameError: selection '1x2/hom' is not one of 1012
    hint: did you mean 1x2/home?
    """

    __slots__ = ()

    def __str__(self) -> str:
        # A KeyError shows its key as code; this is a sentence.
        return str(self.args[0]) if self.args else ""


class JournalError(OddsEngineError):
    """A journal that cannot be used: locked by another process, damaged, missing, or not a journal.

    The message says which, and for a damage what exactly is lost.

    `code` is a short fixed name of the reason: `locked`, `missing`, `damaged`, `record` (one that cannot be
    applied), `currency`, `hard_linked`, `format_unsupported`, `poisoned` and others. `is_transient` says
    whether the same call may succeed a little later without anybody correcting anything.
    """

    def __init__(self, message: str, code: str = "", is_transient: bool = False) -> None:
        super().__init__(message, code, is_transient)
        self.code = code
        self.is_transient = is_transient

    def __str__(self) -> str:
        return str(self.args[0])
