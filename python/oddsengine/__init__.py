"""Sportsbook odds, bets and settlement: a Rust core with a typed Python API."""

from oddsengine import (
    _signatures,
    backtest,
    cashout,
    data,
    exceptions,
    fit,
    football,
    kelly,
    margin,
    metrics,
    models,
    odds,
    racing,
    risk,
    same_game,
    settle,
    tables,
    tennis,
)
from oddsengine._core import __version__
from oddsengine.engine import Engine
from oddsengine.exceptions import OddsEngineError
from oddsengine.football import board
from oddsengine.tables import Table

__all__ = [
    "Engine",
    "OddsEngineError",
    "Table",
    "__version__",
    "backtest",
    "board",
    "cashout",
    "data",
    "exceptions",
    "fit",
    "football",
    "kelly",
    "margin",
    "metrics",
    "models",
    "odds",
    "racing",
    "risk",
    "same_game",
    "settle",
    "tables",
    "tennis",
]

_signatures.shorten(__name__)
