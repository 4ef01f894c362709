"""Sportsbook odds, bets and settlement: a Rust core with a typed Python API."""

from oddsengine import exceptions, football, margin, odds, risk, same_game, settle
from oddsengine._core import __version__
from oddsengine.engine import Engine
from oddsengine.exceptions import OddsEngineError
from oddsengine.football import board

__all__ = [
    "Engine",
    "OddsEngineError",
    "__version__",
    "board",
    "exceptions",
    "football",
    "margin",
    "odds",
    "risk",
    "same_game",
    "settle",
]
