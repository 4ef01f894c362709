"""HTML tables for notebooks, apart from the classes that they show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from oddsengine.config import money

if TYPE_CHECKING:
    from oddsengine._messages import Board, Exposure, Ticket

__all__ = ["Cell", "board", "exposure", "table", "ticket"]

# Most markets of a board that a notebook shows; the rest is counted.
MARKETS_MAX = 24


class Cell(str):
    """The text of a cell with a style of its own."""

    style: str

    def __new__(cls, text: str, style: str) -> Cell:
        """A text and its CSS."""
        cell = super().__new__(cls, text)
        cell.style = style
        return cell


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> str:
    """A plain table with every text escaped; a :class:`Cell` brings its style.

    >>> table(["home"], [["49.0 %"]])
    '<table><thead><tr><th>home</th></tr></thead><tbody><tr><td>49.0 %</td></tr></tbody></table>'
    """
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    cells = ("".join(f"<td{_style(cell)}>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _style(cell: str) -> str:
    return f' style="{escape(cell.style)}"' if isinstance(cell, Cell) else ""


def _money(amount_minor: int, currency: str) -> str:
    text = money(amount_minor, currency)
    return Cell(text, "color:#c22") if amount_minor < 0 else text


def _odds(odds: float | None) -> str:
    return "–" if odds is None else f"{odds:.2f}"


def board(shown: Board) -> str:
    """The markets of a board, one a row; what cannot be bet on is pale."""
    home, away = shown.score
    minute = f"{shown.clock_ms // 60_000}:{shown.clock_ms // 1_000 % 60:02}"
    stale = ", STALE" if shown.is_stale else ""
    caption = (
        f"{shown.home} {home}-{away} {shown.away} · {shown.period} {minute} · {shown.status}{stale} "
        f"· version {shown.epoch}.{shown.version}"
    )
    rows = []
    for key in list(shown.markets)[:MARKETS_MAX]:
        market = shown.markets[key]
        results = market.results or (None,) * len(market.odds)
        cells = zip(market.selections, market.odds, results, strict=True)
        prices = " · ".join(f"{name} {result or _odds(odds)}" for name, odds, result in cells)
        is_open = shown.is_open and market.status == "open"
        rows.append([key, market.status, prices if is_open else Cell(prices, "opacity:.5")])
    if (more_count := len(shown.markets) - len(rows)) > 0:
        rows.append([f"and {more_count} more", "", ""])
    return table(["market", "status", "odds"], rows, caption=caption)


def exposure(shown: Exposure) -> str:
    """Losses against limits, and the grid of a fixture's markets and selections."""
    currency = shown.currency
    levels = [
        [
            f"{level.level} {level.name}".strip(),
            money(level.loss_minor, currency),
            money(level.limit_minor, currency),
            f"{level.loss_minor / level.limit_minor:.0%}" if level.limit_minor else "–",
        ]
        for level in shown.levels
    ]
    limits = table(["level", "loss", "limit", "used"], levels, caption=f"Losses against limits, {currency}")
    if shown.fixture is None:
        return limits
    fixture, rows = shown.fixture, []
    for market in fixture.markets:
        for index, selection in enumerate(market.selections):
            row = [
                market.market if index == 0 else "",
                selection.selection,
                str(selection.leg_count),
                money(selection.stake_minor, currency),
                _money(-selection.liability_minor, currency),
                _money(market.worst_minor, currency) if index == 0 else "",
            ]
            rows.append(row)
    caption = (
        f"Fixture {fixture.fixture}: worst {money(fixture.worst_minor, currency)}, "
        f"expected {money(fixture.expected_minor, currency)} {currency} on {fixture.leg_count} legs"
    )
    columns = ["market", "selection", "legs", "stakes", "if it wins", "worst of the market"]
    return limits + table(columns, rows, caption=caption)


def ticket(shown: Ticket) -> str:
    """The legs of a ticket, and the limits that were checked."""
    currency = shown.currency
    reason = f" ({shown.reason.sentence})" if shown.reason else ""
    caption = (
        f"Ticket {shown.ticket} of customer {shown.customer}: {shown.state}{reason} · "
        f"stake {money(shown.stake_minor, currency)}, paid {money(shown.paid_minor, currency)} {currency}"
    )
    legs = [
        [
            str(leg.fixture),
            str(leg.market),
            str(leg.selection),
            _odds(leg.requested_odds),
            _odds(leg.offered_odds),
            _odds(leg.odds),
            f"{leg.fair_probability:.3f}",
            f"{leg.score[0]}-{leg.score[1]}",
            leg.grade or "open",
        ]
        for leg in shown.legs
    ]
    columns = ["fixture", "market", "selection", "requested", "offered", "accepted", "fair", "score", "grade"]
    found = table(columns, legs, caption=caption)
    if not shown.checks:
        return found
    checks = [
        [
            check.level,
            "all" if check.leg is None else str(check.leg + 1),
            money(check.limit_minor, currency),
            money(check.used_minor, currency),
            _money(check.stake_minor_max, currency),
        ]
        for check in shown.checks
    ]
    return found + table(["limit", "leg", "value", "used", "largest stake"], checks, caption="Limits checked")
