"""Sportsbook odds, bets and settlement: a Rust core with a typed Python API."""

from oddsengine._core import __version__

__all__ = ["__version__"]
