"""How well models of a race predict its places from its win prices: `racing_places.py FOLDER`.

FOLDER is the reference data (`horse_racing/`, `betfair/recordings/`). Three parts:

* Hong Kong: closing win odds of a season give the probabilities of second, third and first-k under each
  model; compared with who was placed. Log loss is the mean over runners of -log of the probability of what
  happened (placed or not); "order" is the mean over races of -log of the probability of the first three in
  their order. Differences to Harville are paired by race, with their standard errors. Exponents are fitted on
  one half of the season and judged on the other.
* Betfair: place prices predicted from the win market of the same race against the place market, in
  probability.
* Replay: every race and every recording, message by message, through the board: the number of states, and the
  number of states at which a book was not valid or a decided price was not the result.

Races with a missing price of a starter are left out of the accuracy and are still replayed.
"""

import argparse
import csv
import gzip
import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oddsengine import margin, racing

FloatArray = npt.NDArray[np.float64]

SEASON = "horse_racing/hong_kong_2014_runners.csv.gz"
RECORDINGS = "betfair/recordings"
NORMAL = (0.76, 0.62, 0.56)
MODELS: dict[str, tuple[racing.Model, tuple[float, float, float] | None]] = {
    "harville": ("harville", None),
    "lo_bacon_shone .76 .62": ("lo_bacon_shone", NORMAL),
    "lo_bacon_shone .81 .65": ("lo_bacon_shone", (0.81, 0.65, 0.57)),
    "henery": ("henery", None),
}


class HongKongRace(NamedTuple):
    """A race with its declared runners; arrays by runner."""

    race: str
    odds: FloatArray
    """Closing win odds, nan for a runner that was withdrawn."""
    position: list[int]
    """From 1, tied runners share one; 0 did not finish or did not start."""
    withdrawn: list[int]


def hong_kong(path: Path) -> list[HongKongRace]:
    """The races of the season, in order."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_race: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_race.setdefault(row["race_id"], []).append(row)
    return [hong_kong_race(race, runners) for race, runners in by_race.items()]


def hong_kong_race(race: str, rows: list[dict[str, str]]) -> HongKongRace:
    odds = np.array([number(row["win_odds"]) for row in rows])
    codes = [row["finishing_position"].strip() for row in rows]
    withdrawn = [
        runner for runner, code in enumerate(codes) if code.startswith(("WV", "WX")) or code == "TNP"
    ]
    position = [int(found[0]) if (found := re.match(r"\d+", code)) else 0 for code in codes]
    # A disqualification leaves a gap in the source; the runners behind move up.
    finished = sorted(value for value in position if value > 0)
    position = [finished.index(value) + 1 if value > 0 else 0 for value in position]
    odds[withdrawn] = np.nan
    return HongKongRace(race, odds, position, withdrawn)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def is_complete(race: HongKongRace) -> bool:
    """Every starter has a price, and somebody won."""
    starters = [runner for runner in range(len(race.odds)) if runner not in race.withdrawn]
    return len(starters) > 3 and bool((race.odds[starters] > 1).all()) and 1 in race.position


def fields(races: list[HongKongRace], *, method: margin.Method) -> FloatArray:
    """(n_races, runners) probabilities of winning, nan where there is no starter."""
    width = max(len(race.odds) for race in races)
    table = np.full((len(races), width), np.nan)
    for row, race in zip(table, races, strict=True):
        row[: len(race.odds)] = margin.fair_probabilities(race.odds[None], method=method)[0]
    return table


class Scores(NamedTuple):
    """Losses by race under one model."""

    top: dict[int, FloatArray]
    """By number of places: mean over the runners of -log of placed or not."""
    order: FloatArray
    """-log of the probability of the first three in order; nan where a dead heat leaves none."""
    places: FloatArray
    """(n_races, runners, 4) cumulated probabilities."""


def scores(
    races: list[HongKongRace],
    win: FloatArray,
    model: racing.Model,
    exponents: tuple[float, float, float] | None,
) -> Scores:
    places = racing.positions(win, model=model, exponents=exponents).cumsum(axis=2).clip(1e-12, 1 - 1e-12)
    top: dict[int, FloatArray] = {}
    for k in (1, 2, 3, 4):
        losses = []
        for race, row in zip(races, places, strict=True):
            starts = ~np.isnan(row[: len(race.odds), 0])
            is_placed = np.array([0 < position <= k for position in race.position])
            of = np.where(is_placed, row[: len(race.odds), k - 1], 1 - row[: len(race.odds), k - 1])
            losses.append(-np.log(of[starts]).mean())
        top[k] = np.array(losses)
    order = [order_loss(race, row, model, exponents) for race, row in zip(races, win, strict=True)]
    return Scores(top, np.array(order), places)


def order_loss(
    race: HongKongRace, win: FloatArray, model: racing.Model, exponents: tuple[float, float, float] | None
) -> float:
    if any(race.position.count(position) != 1 for position in (1, 2, 3)):
        return float("nan")
    starters = np.flatnonzero(~np.isnan(win))
    slot = {int(runner): index for index, runner in enumerate(starters)}
    first, second, third = (slot[race.position.index(position)] for position in (1, 2, 3))
    odds = racing.Race(win[starters], model=model, exponents=exponents).trifecta()
    return float(-np.log(odds[first, second, third]))


def fitted_exponents(races: list[HongKongRace], win: FloatArray) -> tuple[float, float, float]:
    """Exponents of most likelihood for the runners that were second, third and fourth, one after the
    other."""

    def loss(position: int, exponent: float) -> float:
        total = 0.0
        for race, row in zip(races, win, strict=True):
            if any(race.position.count(earlier) != 1 for earlier in range(1, position + 1)):
                continue
            weights = np.nan_to_num(row) ** exponent
            for earlier in range(1, position):
                weights[race.position.index(earlier)] = 0.0
            total -= np.log(weights[race.position.index(position)] / weights.sum())
        return total

    grid = np.arange(0.0, 1.3001, 0.01)
    best = [float(grid[np.argmin([loss(position, exponent) for exponent in grid])]) for position in (2, 3, 4)]
    return best[0], best[1], best[2]


def report_hong_kong(races: list[HongKongRace], *, method: margin.Method) -> None:
    win = fields(races, method=method)
    half = len(races) // 2
    first, second = fitted_exponents(races[:half], win[:half]), fitted_exponents(races[half:], win[half:])
    print(f"Hong Kong, {len(races)} races, margin removed by {method}")
    print(f"  exponents of most likelihood, 2nd 3rd 4th: first half {first}, second half {second}")
    base = scores(races, win, "harville", None)
    print(f"  {'log loss':<26} {'win':>8} {'top 2':>8} {'top 3':>8} {'top 4':>8} {'order':>8}")
    for name, (model, exponents) in MODELS.items():
        report_scores(name, scores(races, win, model, exponents), base)
    crossed = [scores(races[half:], win[half:], "lo_bacon_shone", first)]
    base_half = scores(races[half:], win[half:], "harville", None)
    report_scores("fitted on the first half", crossed[0], base_half)
    report_calibration(races, win)


def report_scores(name: str, found: Scores, base: Scores) -> None:
    columns = [*(found.top[k] for k in (1, 2, 3, 4)), found.order]
    print(f"  {name:<26} " + " ".join(f"{np.nanmean(column):>8.5f}" for column in columns))
    differences = [
        column - other
        for column, other in zip(columns, [*(base.top[k] for k in (1, 2, 3, 4)), base.order], strict=True)
    ]
    if any(np.nanmax(np.abs(difference)) > 0 for difference in differences):
        cells = (
            f"{np.nanmean(d):+.4f}±{np.nanstd(d) / np.sqrt(np.isfinite(d).sum()):.4f}"
            for d in differences[1:]
        )
        print(f"  {'  less harville':<26} {'':>8} " + " ".join(cells))


def report_calibration(races: list[HongKongRace], win: FloatArray) -> None:
    """Placed against predicted, by bins of the probability of winning."""
    edges = [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 1.0]
    print("  placed in the first three, by probability of winning: predicted and happened")
    print(f"  {'win':>12} {'runners':>8} {'happened':>9} " + " ".join(f"{name[:14]:>15}" for name in MODELS))
    predicted = {name: scores(races, win, *kind).places[:, :, 2] for name, kind in MODELS.items()}
    placed = np.full(win.shape, np.nan)
    for row, race in zip(placed, races, strict=True):
        row[: len(race.odds)] = [0 < position <= 3 for position in race.position]
    for low, high in pairwise(edges):
        inside = (low <= win) & (win < high)
        if inside.any():
            figures = " ".join(f"{table[inside].mean():>15.4f}" for table in predicted.values())
            print(
                f"  {low:>5.2f}-{high:<6.2f} {int(inside.sum()):>8} {placed[inside].mean():>9.4f} {figures}"
            )


class BetfairState(NamedTuple):
    """A market after one message."""

    time_ms: int
    names: list[int]
    """Ids of the runners, in the order of their numbers."""
    prices: FloatArray
    """Middle of the best back and lay, or the last traded price; nan if there is none."""
    status: list[str]
    """ACTIVE, REMOVED, WINNER, LOSER, PLACED."""
    is_in_play: bool
    starting: FloatArray
    """Starting prices once they are known."""


def betfair(path: Path) -> Iterator[BetfairState]:
    """The states of a recording, one a message."""
    names: list[int] = []
    ladders: dict[int, dict[str, dict[float, float]]] = {}
    traded: dict[int, float] = {}
    definition: dict[str, Any] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            message = json.loads(line)
            for change in message.get("mc", []):
                definition = change.get("marketDefinition", definition)
                runners = sorted(definition["runners"], key=lambda runner: runner["sortPriority"])
                names = names or [runner["id"] for runner in runners]
                if change.get("img"):
                    ladders.clear()
                for runner in change.get("rc", []):
                    update(ladders.setdefault(runner["id"], {"atb": {}, "atl": {}}), runner)
                    if runner.get("ltp"):
                        traded[runner["id"]] = runner["ltp"]
            by_id = {runner["id"]: runner for runner in definition["runners"]}
            yield BetfairState(
                message["pt"],
                names,
                np.array([price_of(ladders.get(name), traded.get(name)) for name in names]),
                [by_id[name]["status"] for name in names],
                definition["inPlay"],
                np.array([number(str(by_id[name].get("bsp", "nan"))) for name in names]),
            )


def update(ladder: dict[str, dict[float, float]], runner: dict[str, Any]) -> None:
    # Full ladders first; where a recording has only the best prices, those.
    for side, best in (("atb", "bdatb"), ("atl", "bdatl")):
        if side in runner:
            changes = runner[side]
        elif best in runner:
            changes = [[price, size] for _, price, size in runner[best]]
        else:
            continue
        for price, size in changes:
            if size > 0:
                ladder[side][price] = size
            else:
                ladder[side].pop(price, None)


def price_of(ladder: dict[str, dict[float, float]] | None, traded: float | None) -> float:
    back = max(ladder["atb"], default=None) if ladder else None
    lay = min(ladder["atl"], default=None) if ladder else None
    if back is not None and lay is not None and 1 < back < lay <= 1.5 * back:
        return float(2 / (1 / back + 1 / lay))
    return float(traded) if traded is not None and traded > 1 else float("nan")


def predicted_places(
    odds: FloatArray, places: int, kind: tuple[racing.Model, tuple[float, float, float] | None]
) -> FloatArray:
    """(n,) probabilities of a place from win odds; nan where there is no price."""
    win = margin.fair_probabilities(odds[None], method="power")
    model, exponents = kind
    return racing.positions(win, model=model, exponents=exponents)[0, :, :places].sum(axis=1)


def market_places(odds: FloatArray, places: int) -> FloatArray:
    return margin.fair_probabilities(odds[None], method="power", target=places)[0]


def report_place_market(name: str, win: FloatArray, place: FloatArray, places: int) -> None:
    """One line a model: mean absolute error and bias on the favourite, in probability."""
    both = np.isfinite(win) & np.isfinite(place)
    if both.sum() <= places + 1:
        print(f"  {name}: {int(both.sum())} runners with both prices are too few")
        return
    market = market_places(np.where(both, place, np.nan), places)
    favourite = int(np.nanargmin(np.where(both, win, np.nan)))
    for label, kind in MODELS.items():
        predicted = predicted_places(np.where(both, win, np.nan), places, kind)
        error = predicted - market
        print(
            f"  {name:<34} {label:<24} {int(both.sum()):>3} {np.nanmean(np.abs(error)):>9.4f}"
            f" {np.nanmax(np.abs(error)):>9.4f} {error[favourite]:>+10.4f}"
        )


def report_betfair(folder: Path) -> None:
    print("Betfair, place probability predicted less market")
    print(f"  {'prices':<34} {'model':<24} {'n':>3} {'MAE':>9} {'largest':>9} {'favourite':>10}")
    win = list(betfair(folder / "greyhounds_WIN_1.197931750.jsonl.gz"))
    place = list(betfair(folder / "greyhounds_PLACE_1.197931751.jsonl.gz"))
    before = [[state for state in states if state.status.count("ACTIVE") == 6] for states in (win, place)]
    for label, share in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
        of_win, of_place = (states[round(share * (len(states) - 1))] for states in before)
        report_place_market(f"greyhounds, {label} state", of_win.prices, of_place.prices, 2)
    report_place_market("greyhounds, starting prices", win[-1].starting, place[-1].starting, 2)


class Replay(NamedTuple):
    """What was replayed."""

    states: int
    faults: list[str]


def faults_of(board: racing.Board, withdrawn: set[int]) -> list[str]:
    """What is wrong with a board before there is a result; empty if nothing is."""
    faults = []
    starters = board.race.runners - len(withdrawn)
    for key, slots in markets_of(board.race).items():
        fair, refund, odds = board.fair[slots], board.refund[slots], board.odds[slots]
        is_void = refund == 1
        live = ~is_void
        if np.isfinite(odds[is_void]).any() or (fair[live] < 0).any() or (fair[live] > 1 + 1e-9).any():
            faults.append(f"{key}: {fair} {odds}")
        offered = np.isfinite(odds)
        if (1 / odds[offered] < fair[offered] - 1e-12).any():
            faults.append(f"{key}: offered above fair")
        target = target_of(key, starters)
        if target is not None and live.any() and abs(fair[live].sum() - target) > 1e-9:
            faults.append(f"{key}: sums to {fair[live].sum()}, not {target}")
        if (
            target is not None
            and offered[live].all()
            and live.any()
            and (1 / odds[live]).sum() < target - 1e-9
        ):
            faults.append(f"{key}: booksum {(1 / odds[live]).sum()}")
    return faults


_MARKETS: dict[racing.RaceFormat, dict[str, npt.NDArray[np.int64]]] = {}


def markets_of(race: racing.RaceFormat) -> dict[str, npt.NDArray[np.int64]]:
    """The selections of every market, by index."""
    if race not in _MARKETS:
        found: dict[str, list[int]] = {}
        for index, name in enumerate(race.selections()):
            found.setdefault(name.partition("/")[0], []).append(index)
        _MARKETS[race] = {key: np.array(slots) for key, slots in found.items()}
    return _MARKETS[race]


def target_of(key: str, starters: int) -> float | None:
    """What the fair probabilities of a market's selections that are not void sum to."""
    stem, _, rest = key.partition(".")
    if stem == "each_way":
        return None
    if stem == "place":
        return min(int(rest), starters)
    # The other orders of a market with a withdrawn runner are void; what is left still has one winner.
    return 1


def replay_hong_kong(races: list[HongKongRace]) -> Replay:
    """Prices, withdrawals one after the other, the result: a board at each."""
    states, faults = 0, []
    for race in races:
        priced = race.odds > 1
        if priced.sum() < 2:
            continue
        count = len(race.odds)
        for number_out in range(len(race.withdrawn) + 1):
            out = race.withdrawn[:number_out]
            board = racing.board(race.odds, race=racing.RaceFormat(count), withdrawn=out)
            states += 1
            if number_out == len(race.withdrawn):
                faults += [f"{race.race}: {fault}" for fault in faults_of(board, set(out))]
        result = racing.board(
            race.odds, race=racing.RaceFormat(count), withdrawn=race.withdrawn, result=race.position
        )
        states += 1
        faults += [
            f"{race.race}: {fault}" for fault in faults_of_result(result, race.position, race.withdrawn)
        ]
    return Replay(states, faults)


def faults_of_result(board: racing.Board, position: list[int], withdrawn: list[int]) -> list[str]:
    """What a decided board says that the result does not."""
    faults = []
    if np.isfinite(board.odds[: len(position)]).any():
        faults.append("a decided runner is offered")
    winners = position.count(1)
    for runner in range(len(position)):
        index = markets_of(board.race)["win"][runner]
        expected = 1 / winners if position[runner] == 1 else 0.0
        refund = 1.0 if runner in withdrawn else 0.0
        if abs(board.fair[index] - expected) > 1e-12 or board.refund[index] != refund:
            faults.append(f"win/r{runner + 1} at {board.fair[index]}, not {expected}")
    return faults


def replay_betfair(path: Path, *, every: int = 1) -> Replay:
    """A recording, message by message: a board wherever two runners have a price, and the result at the
    end."""
    states, faults = 0, []
    last: BetfairState | None = None
    for index, state in enumerate(betfair(path)):
        last = state
        if index % every or any(status in ("WINNER", "PLACED") for status in state.status):
            continue
        withdrawn = [runner for runner, status in enumerate(state.status) if status == "REMOVED"]
        odds = state.prices.copy()
        odds[withdrawn] = np.nan
        if np.isfinite(odds).sum() < 2:
            continue
        is_priced = int(np.isfinite(odds).sum()) + len(withdrawn) == len(odds)
        race = racing.RaceFormat(len(odds))
        if "_PLACE_" in path.name:
            places = 2 if len(odds) < 8 else 3
            if not is_priced:
                continue
            market = market_places(odds, places)
            board = racing.board(win_prices_of_places(market, places), race=race, withdrawn=withdrawn)
            got = board.fair[markets_of(race)[f"place.{places}"]]
            if np.nanmax(np.abs(got - market)) > PLACE_TOLERANCE:
                faults.append(f"{path.name} {index}: places {got}, not {market}")
        else:
            board = racing.board(odds, race=race, withdrawn=withdrawn)
        states += 1
        if is_priced:
            faults += [f"{path.name} {index}: {fault}" for fault in faults_of(board, set(withdrawn))]
    if last is not None and any(status == "WINNER" for status in last.status):
        states += 1
        faults += [f"{path.name}: {fault}" for fault in faults_of_recording(path, last)]
    return Replay(states, faults)


PLACE_TOLERANCE = 1e-6


def win_prices_of_places(market: FloatArray, places: int) -> FloatArray:
    """Fair win odds under which the places of normal running times are those of a place market: by a fixed
    point on the log-odds, since a place recording has no win prices."""
    target = np.log(market / (1 - market))
    strength = target - np.nanmax(target)
    for _ in range(400):
        win = np.exp(strength) / np.nansum(np.exp(strength))
        place = racing.positions(win[None], model="henery")[0, :, :places].sum(axis=1)
        step = target - np.log(place / (1 - place))
        if np.nanmax(np.abs(step)) < PLACE_TOLERANCE:
            break
        strength = strength + step
    return 1 / win


def faults_of_recording(path: Path, last: BetfairState) -> list[str]:
    """The exchange tells winners and losers only: winners tie for first, the others did not finish."""
    withdrawn = [runner for runner, status in enumerate(last.status) if status == "REMOVED"]
    position = [1 if status == "WINNER" else 0 for status in last.status]
    places = position.count(1)
    odds = np.full(len(position), 10.0)
    board = racing.board(odds, race=racing.RaceFormat(len(position)), withdrawn=withdrawn, result=position)
    key = "win" if places == 1 else f"place.{places}"
    faults = []
    for runner, index in enumerate(markets_of(board.race)[key]):
        won, refund = float(position[runner]), float(runner in withdrawn)
        if (board.fair[index], board.refund[index]) != (won, refund):
            faults.append(f"{key}/r{runner + 1} at {board.fair[index]}, not {won}")
    return faults


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--method", choices=("multiplicative", "power", "odds_ratio", "shin"), action="append"
    )
    options = parser.parse_args(arguments)

    races = hong_kong(options.folder / SEASON)
    for method in options.method or ["multiplicative", "power"]:
        report_hong_kong([race for race in races if is_complete(race)], method=method)
    report_betfair(options.folder / RECORDINGS)
    print("Replay")
    replays = {"Hong Kong": replay_hong_kong(races)}
    for path in sorted((options.folder / RECORDINGS).glob("*.jsonl.gz")):
        if path.name.startswith(("horse", "greyhounds")):
            replays[path.name] = replay_betfair(path)
    for name, replay in replays.items():
        print(f"  {name:<46} {replay.states:>6} states {len(replay.faults):>4} faults")
        for fault in replay.faults[:3]:
            print(f"    {fault}")
    return 1 if any(replay.faults for replay in replays.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
