"""A board as a trader reads it: main markets first, every other family folded, odds of two decimals under
each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddsengine._html import Cell, details, table

__all__ = ["Offer", "board", "race_card", "sentence"]

# Families of markets that a trader looks at first, of every sport; of those with lines the most even one is
# shown.
MAIN = (
    "1x2",
    "match_winner",
    "winner",
    "moneyline",
    "win",
    "draw_no_bet",
    "double_chance",
    "handicap",
    "total",
    "game_handicap",
    "games_handicap",
    "total_games",
    "both_score",
    "set_betting",
    "tie_break",
)

# Folds of several families, by how their keys are written; any other family has a fold of its own. Those of
# parts of the match come last.
FOLDS = (
    (r".*\.h1$", "First half"),
    (r".*\.h2$", "Second half"),
    (r"(set|map|period|quarter|inning|frame|leg)s?(\d+)_.*", "{0} {1}"),
    (r"(result|double_chance|total_both|match_winner_total).*", "Combined"),
    (r"(first|next|last)_goal|race_to|.*scorer.*", "Order of goals"),
    (r".*(_half|_halves|half_time_full_time)", "Halves against each other"),
    (r"correct_score|.*exact_goals|.*odd_even|goals_between|winning_margin", "Scores and numbers"),
    (r"(home|away)_.*", "One side"),
    (r"match\..*", "Match bets of two"),
    (r"without\..*", "Without one runner"),
    (r"(forecast|tricast|quinella|trio|exacta|trifecta).*", "Orders of finish"),
)

# What keys are written with, in words.
WORDS = {"1x2": "1X2", "h1": "first half", "h2": "second half"}

# A market of more selections than this is a list or a grid, not a row.
ROW_MAX = 4
LIST_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Offer:
    """A market as it is shown."""

    key: str
    selections: tuple[str, ...]
    odds: tuple[float | None, ...]
    """Not a number, or None: not offered."""
    fair: tuple[float, ...] = ()
    """Fair probabilities, where they are known."""
    results: tuple[str | None, ...] = ()
    is_open: bool = True
    note: str = ""
    """What keeps it from being open."""

    @property
    def family(self) -> str:
        """The key without its line: `total.h1`."""
        return self.key.partition(":")[0]

    @property
    def line(self) -> str:
        """The line, or what else stands behind the colon; a handicap with its sign."""
        line = self.key.partition(":")[2]
        return (
            f"+{line}" if "handicap" in self.family and re.fullmatch(r"\d.*[1-9].*|[1-9].*", line) else line
        )

    def cell(self, place: int) -> str:
        """The odds, or the result once it is decided."""
        result = self.results[place] if self.results else None
        found = self.odds[place]
        shown = result or ("–" if found is None or math.isnan(found) else f"{found:,.2f}")
        return Cell(shown, RIGHT + ("" if self.is_open else PALE))

    def unevenness(self) -> float:
        """How far its odds are from each other; those of a market that is not offered are infinitely far."""
        known = [odds for odds in self.odds if odds is not None and not math.isnan(odds)]
        return max(known) / min(known) if len(known) == len(self.odds) and known else math.inf


RIGHT = "text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;"
LEFT = "text-align:left;white-space:nowrap;"
PALE = "opacity:.5;"


def board(offers: Iterable[Offer], *, caption: str) -> str:
    """Main markets in one table, then every family of markets, folded."""
    families: dict[str, list[Offer]] = {}
    for offer in offers:
        families.setdefault(offer.family, []).append(offer)
    main = [min(families[name], key=Offer.unevenness) for name in MAIN if name in families]
    # What the main table has in full is not said twice.
    is_said = {offer.family for offer in main if len(families[offer.family]) == 1 and _is_row(offer)}
    top = _main(main, caption) if main else table([], [], caption=caption)
    return top + _folds({name: markets for name, markets in families.items() if name not in is_said})


def _folds(families: dict[str, list[Offer]]) -> str:
    """Families in folds, the main ones first and parts of the match last."""
    folds: dict[str, list[str]] = {}
    for name in families:
        folds.setdefault(_fold_of(name), []).append(name)

    def rank(title: str) -> tuple[int, int]:
        first = folds[title][0]
        return _period(first), MAIN.index(first) if first in MAIN else len(MAIN)

    parts = []
    for title in sorted(folds, key=rank):
        names = folds[title]
        count = sum(len(families[name]) for name in names)
        inside = "".join(
            _family(families[name], title=_words(name) if len(names) > 1 else "") for name in names
        )
        parts.append(details(title + (f" ({count:,} markets)" if count > 1 else ""), inside))
    return "".join(parts)


def _fold_of(name: str) -> str:
    for pattern, title in FOLDS:
        if found := re.fullmatch(pattern, name):
            return title.format(*((part or "").capitalize() for part in found.groups()))
    return _words(name)


def race_card(offers: Sequence[Offer], *, caption: str) -> str:
    """Runners one a row with their win, place and each-way odds; other markets folded."""
    per_runner = [offer for offer in offers if _is_of_runners(offer)]
    win = next(offer for offer in per_runner if offer.key == "win")
    has_fair = bool(win.fair)
    columns = [
        Cell("runner", LEFT),
        *(["fair"] if has_fair else []),
        *(_words(offer.key) for offer in per_runner),
    ]
    rows: list[list[str]] = []
    for place, name in enumerate(win.selections):
        cells: list[str] = [Cell(f"{100 * win.fair[place]:.1f} %", RIGHT)] if has_fair else []
        cells += [
            offer.cell(offer.selections.index(name)) if name in offer.selections else Cell("", RIGHT)
            for offer in per_runner
        ]
        rows.append([Cell(name.removeprefix("r") if re.fullmatch(r"r\d+", name) else name, LEFT), *cells])
    card = table(columns, rows, caption=caption)
    shown = {offer.key for offer in per_runner}
    return card + _folds({offer.key: [offer] for offer in offers if offer.key not in shown})


def draw(
    selections: Iterable[str], fair: npt.NDArray[np.float64], odds: npt.NDArray[np.float64], *, caption: str
) -> str:
    """A priced board: names such as `market key/selection`, fair probabilities, odds."""
    markets: dict[str, list[tuple[str, float, float]]] = {}
    for name, chance, price in zip(selections, fair.tolist(), odds.tolist(), strict=True):
        key, _, selection = name.partition("/")
        markets.setdefault(key, []).append((selection, chance, price))
    offers = []
    for key, rows in markets.items():
        names, chances, prices = zip(*rows, strict=True)
        offers.append(Offer(key, names, prices, chances))
    return (race_card if is_race(offers) else board)(offers, caption=sentence(caption))


def is_race(offers: Sequence[Offer]) -> bool:
    """Whether the markets are those of a race: a win market of numbered runners."""
    return any(_is_of_runners(offer) and offer.key == "win" for offer in offers)


def sentence(text: str) -> str:
    """A caption as a sentence: a capital first, a full stop last."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def _is_of_runners(offer: Offer) -> bool:
    name = offer.key.partition(".")[0]
    return name in ("win", "place", "each_way") and all(
        re.fullmatch(r"r\d+", each) for each in offer.selections
    )


def _is_row(offer: Offer) -> bool:
    return len(offer.selections) <= ROW_MAX


def _period(name: str) -> int:
    """Markets of the whole match before those of its parts."""
    return 1 if re.search(r"\.h\d|(^|_)(set|period|quarter|half|map|inning)s?\d", name) else 0


def _words(name: str) -> str:
    if place := re.fullmatch(r"place\.(\d+)", name):
        return f"Place 1-{place[1]}"
    if terms := re.fullmatch(r"each_way\.(\d+)\.(\d+)", name):
        return f"Each way 1/{terms[1]} 1-{terms[2]}"
    parts = [WORDS.get(part, part.replace("_", " ")) for part in name.split(".")]
    found = ", ".join(parts) if any(part in WORDS for part in name.split(".")[1:]) else " ".join(parts)
    return found[:1].upper() + found[1:]


def _main(offers: Sequence[Offer], caption: str) -> str:
    wide = max((len(offer.selections) for offer in offers if _is_row(offer)), default=1)
    rows: list[list[str]] = []
    for offer in offers:
        title = f"{_words(offer.family)} {offer.line}".strip()
        note = f" · {offer.note}" if offer.note else ""
        if not _is_row(offer):
            rows.append(
                [Cell(title + note, LEFT), Cell(f"{len(offer.selections)} selections below", LEFT + PALE)]
            )
            continue
        cells: list[str] = [Cell(title + note, LEFT)]
        for place, name in enumerate(offer.selections):
            fair = (
                f" ({100 * offer.fair[place]:.1f} %)"
                if offer.fair and not math.isnan(offer.fair[place])
                else ""
            )
            cells += [Cell(name + fair, LEFT + "opacity:.7;padding-left:1.2em;"), offer.cell(place)]
        rows.append(cells + [""] * (1 + 2 * wide - len(cells)))
    return table([Cell("market", LEFT)] + ["", "odds"] * wide, rows, caption=caption)


def _family(offers: Sequence[Offer], *, title: str = "") -> str:
    names = offers[0].selections
    if len(offers) > 1 and all(offer.selections == names for offer in offers) and len(names) <= LIST_COLUMNS:
        rows = [
            [
                Cell(offer.line or _words(offer.key), RIGHT),
                *(offer.cell(place) for place in range(len(names))),
            ]
            for offer in offers
        ]
        return table(["line", *names], rows, caption=title)
    return "".join(_list(offer, is_titled=bool(title) or len(offers) > 1) for offer in offers)


def _list(offer: Offer, *, is_titled: bool = False) -> str:
    """One market of many selections: scores as a grid, others in rows of a few."""
    caption = f"{_words(offer.family)} {offer.line}".strip() if is_titled else ""
    scores = {name: re.fullmatch(r"(\d+)-(\d+)", name) for name in offer.selections}
    pairs = {
        (int(found[1]), int(found[2])): offer.selections.index(name)
        for name, found in scores.items()
        if found
    }
    if len(pairs) > ROW_MAX and len(pairs) >= len(offer.selections) - 3:
        homes, aways = sorted({home for home, _ in pairs}), sorted({away for _, away in pairs})
        rows = [
            [
                Cell(str(home), RIGHT),
                *(offer.cell(pairs[home, away]) if (home, away) in pairs else "" for away in aways),
            ]
            for home in homes
        ]
        rest = [name for name, found in scores.items() if not found]
        found = table(["home \\ away", *map(str, aways)], rows, caption=caption)
        return found + (_pairs(offer, [offer.selections.index(name) for name in rest], "") if rest else "")
    return _pairs(offer, range(len(offer.selections)), caption)


def _pairs(offer: Offer, places: Iterable[int], caption: str) -> str:
    """Selections and odds, a few a row."""
    cells = [(Cell(offer.selections[place], LEFT + "opacity:.7;"), offer.cell(place)) for place in places]
    per_row = 3 if any(len(name) > 12 for name, _ in cells) else LIST_COLUMNS
    rows = [
        [text for pair in cells[start : start + per_row] for text in pair]
        for start in range(0, len(cells), per_row)
    ]
    return table(["", "odds"] * min(per_row, max(1, len(cells))), rows, caption=caption)
