"""HTML tables for notebooks, apart from the classes that they show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from oddsengine.config import money

if TYPE_CHECKING:
    from oddsengine._messages import Board, Exposure, Ticket

__all__ = ["Cell", "board", "column_texts", "details", "exposure", "table", "ticket", "typed_table"]

Array: TypeAlias = npt.NDArray[Any]

# A table of more columns shows the first and the last of them.
COLUMNS_MAX = 12

# Decimals of a column of floats: as many as its numbers need, and no more than these.
DECIMALS_MAX = 4


# Smaller numbers of nanoseconds are durations, or of clocks that tests wind.
YEAR_2000_NS = 946_684_800_000_000_000


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
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    head = "".join(f"<th{_style(column)}>{escape(column)}</th>" for column in columns)
    cells = ("".join(f"<td{_style(cell)}>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def details(title: str, inside: str) -> str:
    """Something that unfolds.

    >>> details("Totals", table(["line"], [["2.5"]]))[:40]
    '<details><summary style="cursor:pointer"'
    """
    return f'<details><summary style="cursor:pointer">{escape(title)}</summary>{inside}</details>'


def column_texts(values: Array, name: str = "") -> list[str]:
    """The cells of a column: floats with one number of decimals, whole numbers of five digits and more in
    thousands, nanoseconds since 1970 (by the name of the column) as times in UTC.

    >>> column_texts(np.array([0.5, 0.25, np.nan])), column_texts(np.array([3, 12_000]))
    (['0.50', '0.25', '–'], ['3', '12,000'])
    >>> column_texts(np.array([1_668_960_142_059_000_000, 0]), "start_ns")
    ['2022-11-20 16:02:22.059', '–']
    """
    kind = values.dtype.kind
    if kind == "i" and name.endswith("_ns") and not ((values != 0) & (values < YEAR_2000_NS)).any():
        texts = np.datetime_as_string(values.astype("datetime64[ns]"), unit="ms")
        return [
            text.replace("T", " ") if value else "–"
            for text, value in zip(texts.tolist(), values.tolist(), strict=True)
        ]
    if kind == "M":
        return [str(value) for value in np.datetime_as_string(values).tolist()]
    if kind == "f":
        known = values[np.isfinite(values)]
        decimals = _decimals(known)
        return [_float_text(value, decimals) for value in values.tolist()]
    if kind in "iu":
        is_long = bool((np.abs(values) >= 10_000).any())
        return [f"{value:,}" if is_long else str(value) for value in values.tolist()]
    return [_line(str(value)) for value in values.tolist()]


def _line(text: str) -> str:
    """A text on one line; what would move a terminal's cursor is spelt out."""
    return text if text.isprintable() else repr(text)[1:-1]


def _decimals(known: npt.NDArray[np.float64]) -> int:
    """How many decimals show every number, within the bound; more where all are small."""
    if not known.size:
        return 0
    size = float(np.abs(known).max())
    most = DECIMALS_MAX if size >= 0.01 or size == 0.0 else min(9, DECIMALS_MAX + int(-np.log10(size)))
    for decimals in range(most):
        if np.abs(np.round(known, decimals) - known).max() <= 1e-9 * max(1.0, size):
            return decimals
    return 2 if size >= 1e4 else most


def _float_text(value: float, decimals: int) -> str:
    return "–" if value != value else f"{value:,.{decimals}f}" if abs(value) < 1e15 else f"{value:.4g}"


def is_number(values: Array) -> bool:
    """Whether a column stands to the right."""
    return values.dtype.kind in "iuf"


_TYPES = {"f": "float64", "i": "int64", "b": "bool", "U": "text"}


def typed_table(
    columns: Sequence[tuple[str, Array]], *, caption: str, shape: tuple[int, int], more: int = 0
) -> str:
    """Columns with their types, the middle ones left out of a wide table, and the shape below the caption.

    >>> typed_table([("goals", np.array([1, 2]))], caption="", shape=(2, 1))[:60]
    '<table><caption style="text-align:left">2 rows × 1 column</c'
    """
    shown = list(columns)
    is_wide = len(shown) > COLUMNS_MAX
    if is_wide:
        half = COLUMNS_MAX // 2
        shown = [*shown[:half], *shown[-half:]]
    names, types, cells = [], [], []
    for place, (name, values) in enumerate(shown):
        if is_wide and place == COLUMNS_MAX // 2:
            names.append("…")
            types.append(Cell(f"{len(columns) - len(shown):,} more", "white-space:nowrap;font-weight:normal"))
            cells.append([Cell("…", "text-align:center") for _ in range(len(values))])
        side = "right" if is_number(values) else "left"
        names.append(Cell(name, f"text-align:{side}"))
        types.append(Cell(_type_of(values), f"text-align:{side};font-weight:normal;opacity:.6"))
        style = f"text-align:{side};white-space:nowrap;font-variant-numeric:tabular-nums"
        cells.append([Cell(text, style) for text in column_texts(values, name)])
    rows, wide = shape
    size = f"{rows:,} row{'s' * (rows != 1)} × {wide:,} column{'s' * (wide != 1)}"
    below = f" · the first {rows - more:,} shown" if more else ""
    title = escape(f"{caption} " if caption else "") + escape(size + below)
    head = "".join(
        f"<tr>{''.join(f'<th{_style(cell)}>{escape(cell)}</th>' for cell in line)}</tr>"
        for line in (names, types)
    )
    body = "".join(
        f"<tr>{''.join(f'<td{_style(cell)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in zip(*cells, strict=True)
    )
    top = f'<caption style="text-align:left">{title}</caption><thead>{head}</thead>'
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _type_of(values: Array) -> str:
    kind = values.dtype.kind
    return (
        ("date" if np.datetime_data(values.dtype)[0] == "D" else "time")
        if kind == "M"
        else _TYPES.get(kind, str(values.dtype))
    )


def _style(cell: str) -> str:
    return f' style="{escape(cell.style)}"' if isinstance(cell, Cell) else ""


def amount(amount_minor: int, currency: str) -> str:
    """An amount with its thousands apart."""
    whole, point, rest = money(abs(amount_minor), currency).partition(".")
    return f"{'-' * (amount_minor < 0)}{int(whole):,}{point}{rest}"


def _money(amount_minor: int, currency: str) -> str:
    text = amount(amount_minor, currency)
    return Cell(text, "color:#c22") if amount_minor < 0 else text


def _odds(odds: float | None) -> str:
    return "–" if odds is None else f"{odds:.2f}"


def board(shown: Board) -> str:
    """The markets of a board as a trader reads them; what cannot be bet on is pale."""
    # Loaded here: it is made of what stands in this file.
    from oddsengine import _board_html

    home, away = shown.score
    minute = f"{shown.clock_ms // 60_000}:{shown.clock_ms // 1_000 % 60:02}"
    stale = ", STALE" if shown.is_stale else ""
    stops = f" by {', '.join(stop.replace('_', ' ') for stop in shown.stops)}" if shown.stops else ""
    when = f"{shown.period.replace('_', ' ')} {minute}"
    caption = (
        f"{shown.home} {home}-{away} {shown.away}, {when}: {shown.status}{stops}{stale}, "
        f"{len(shown.markets):,} markets, version {shown.epoch}.{shown.version}"
    )
    offers = [
        _board_html.Offer(
            key,
            market.selections,
            market.odds,
            results=market.results or (),
            is_open=shown.is_open and market.status == "open",
            note=_note(market.status, market.price),
        )
        for key, market in shown.markets.items()
    ]
    draw = _board_html.race_card if _board_html.is_race(offers) else _board_html.board
    return draw(offers, caption=_board_html.sentence(caption))


def _note(status: str, price: str) -> str:
    """What a market's row says beside its name."""
    return ", ".join(([status] if status != "open" else []) + ([price] if price != "model" else []))


def exposure(shown: Exposure) -> str:
    """Losses against limits, and the grid of a fixture's markets and selections."""
    currency = shown.currency
    levels = [
        [
            f"{level.level} {level.name}".strip(),
            amount(level.loss_minor, currency),
            amount(level.limit_minor, currency),
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
                f"{selection.leg_count:,}",
                amount(selection.stake_minor, currency),
                _money(-selection.liability_minor, currency),
                _money(market.worst_minor, currency) if index == 0 else "",
            ]
            rows.append(row)
    caption = (
        f"Fixture {fixture.fixture}: worst {amount(fixture.worst_minor, currency)}, "
        f"expected {amount(fixture.expected_minor, currency)} {currency} on {fixture.leg_count:,} legs"
    )
    columns = ["market", "selection", "legs", "stakes", "if it wins", "worst of the market"]
    return limits + table(columns, rows, caption=caption)


def ticket(shown: Ticket) -> str:
    """The legs of a ticket, and the limits that were checked."""
    currency = shown.currency
    reason = f" ({shown.reason.sentence})" if shown.reason else ""
    caption = (
        f"Ticket {shown.ticket} of customer {shown.customer}: {shown.state}{reason} · "
        f"stake {amount(shown.stake_minor, currency)}, paid {amount(shown.paid_minor, currency)} {currency}"
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
            amount(check.limit_minor, currency),
            amount(check.used_minor, currency),
            _money(check.stake_minor_max, currency),
        ]
        for check in shown.checks
    ]
    return found + table(["limit", "leg", "value", "used", "largest stake"], checks, caption="Limits checked")
