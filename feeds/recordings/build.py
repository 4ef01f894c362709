#!/usr/bin/env python3
"""Builds and checks the recording of the 2022 World Cup group stage.

    build.py FACTS [--out FILE]   write the recording from a folder of facts
    build.py --check [FILE]       validate a recording by itself, without facts

FACTS holds the two tables international_results*.csv(.gz) and
international_goals*.csv(.gz). See README.md for what is real in the recording
and what is constructed. The output depends only on the facts and this file.
"""

import argparse
import csv
import gzip
import hashlib
import json
import math
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

RECORDING = Path(__file__).resolve().parent / "world_cup_2022_group_stage.jsonl"
SOURCE = "recording.wc2022"
COMPETITION = "world_cup_2022"
FIRST_DAY, LAST_DAY = "2022-11-20", "2022-12-02"
HOST = "Qatar"

MINUTE = 60_000  # ms
HALF = 45 * MINUTE
FULL = 90 * MINUTE
INTERVAL = 15 * MINUTE
ANNOUNCE_AHEAD = 2 * 60 * MINUTE
PRICES_AFTER = 500
NS = 1_000_000  # ns per ms

# ---------------------------------------------------------------- public facts

# Kick-off hours in UTC (Doha is three hours ahead), home team as in the results.
KICK_OFFS = """
2022-11-20 16 Qatar-Ecuador
2022-11-21 13 England-Iran
2022-11-21 16 Senegal-Netherlands
2022-11-21 19 United States-Wales
2022-11-22 10 Argentina-Saudi Arabia
2022-11-22 13 Denmark-Tunisia
2022-11-22 16 Mexico-Poland
2022-11-22 19 France-Australia
2022-11-23 10 Morocco-Croatia
2022-11-23 13 Germany-Japan
2022-11-23 16 Spain-Costa Rica
2022-11-23 19 Belgium-Canada
2022-11-24 10 Switzerland-Cameroon
2022-11-24 13 Uruguay-South Korea
2022-11-24 16 Portugal-Ghana
2022-11-24 19 Brazil-Serbia
2022-11-25 10 Wales-Iran
2022-11-25 13 Qatar-Senegal
2022-11-25 16 Netherlands-Ecuador
2022-11-25 19 England-United States
2022-11-26 10 Tunisia-Australia
2022-11-26 13 Poland-Saudi Arabia
2022-11-26 16 France-Denmark
2022-11-26 19 Argentina-Mexico
2022-11-27 10 Japan-Costa Rica
2022-11-27 13 Belgium-Morocco
2022-11-27 16 Croatia-Canada
2022-11-27 19 Spain-Germany
2022-11-28 10 Cameroon-Serbia
2022-11-28 13 South Korea-Ghana
2022-11-28 16 Brazil-Switzerland
2022-11-28 19 Portugal-Uruguay
2022-11-29 15 Ecuador-Senegal
2022-11-29 15 Qatar-Netherlands
2022-11-29 19 Iran-United States
2022-11-29 19 Wales-England
2022-11-30 15 Australia-Denmark
2022-11-30 15 Tunisia-France
2022-11-30 19 Poland-Argentina
2022-11-30 19 Saudi Arabia-Mexico
2022-12-01 15 Canada-Morocco
2022-12-01 15 Croatia-Belgium
2022-12-01 19 Costa Rica-Germany
2022-12-01 19 Japan-Spain
2022-12-02 15 Ghana-Uruguay
2022-12-02 15 South Korea-Portugal
2022-12-02 19 Cameroon-Brazil
2022-12-02 19 Serbia-Switzerland
"""

# The results fold added time into minutes 45 and 90. These are the added
# minutes of those goals, in order; 0 means the goal fell before 45:00 or 90:00.
ADDED = {
    ("England", "Iran", 45): [1],
    ("England", "Iran", 90): [0, 13],
    ("Senegal", "Netherlands", 90): [9],
    ("Spain", "Costa Rica", 90): [0, 2],
    ("Wales", "Iran", 90): [8, 11],
    ("Belgium", "Morocco", 90): [2],
    ("Croatia", "Canada", 90): [4],
    ("Cameroon", "Serbia", 45): [1, 3],
    ("Portugal", "Uruguay", 90): [3],
    ("Saudi Arabia", "Mexico", 90): [5],
    ("Cameroon", "Brazil", 90): [2],
    ("South Korea", "Portugal", 90): [1],
}

# The two dismissals: home, away, side, minute, added minute.
RED_CARDS = [
    ("Wales", "Iran", "home", 86, 0),
    ("Cameroon", "Brazil", "home", 90, 3),
]

# Goals first given and then annulled by video review. Reports of the minute
# differ by one for some of them.
ANNULLED = [
    ("Qatar", "Ecuador", "away", 3, 0),
    ("Argentina", "Saudi Arabia", "home", 28, 0),
    ("Belgium", "Morocco", "away", 45, 2),
    ("Brazil", "Switzerland", "home", 64, 0),
    ("Tunisia", "France", "away", 90, 8),
]

# Added time known to have been announced: (home, away, half) -> minutes.
ANNOUNCED = {("England", "Iran", 1): 14}


def pick(low, high, *key):
    """A whole number in low..=high, fixed by the key alone."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


# ---------------------------------------------------------------------- facts


def read_table(folder, stem):
    found = sorted(p for p in Path(folder).iterdir() if p.name.startswith(stem) and ".csv" in p.suffixes)
    if not found:
        sys.exit(f"no table {stem}*.csv or {stem}*.csv.gz in the facts folder")
    rows = []
    for path in found:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as handle:
            rows += csv.DictReader(handle)
    return rows


def group_stage(results, goals):
    """The 48 fixtures with their goals, in order of kick-off."""
    table = {
        (r["date"], r["home_team"], r["away_team"]): r
        for r in results
        if FIRST_DAY <= r["date"] <= LAST_DAY and r["tournament"] == "FIFA World Cup"
    }
    scored = defaultdict(list)
    for g in goals:
        scored[(g["date"], g["home_team"], g["away_team"])].append(g)

    fixtures = []
    for line in KICK_OFFS.split("\n"):
        if not line:
            continue
        day, hour, teams = line.split(" ", 2)
        home, away = teams.split("-")
        row = table.pop((day, home, away))
        year, month, date = map(int, day.split("-"))
        start = datetime(year, month, date, int(hour), tzinfo=UTC)
        fixtures.append(
            {
                "id": 1001 + len(fixtures),
                "home": home,
                "away": away,
                "start": int(start.timestamp()) * 1000,
                "score": [int(row["home_score"]), int(row["away_score"])],
                "neutral": row["neutral"] == "TRUE",
                "goals": real_goals(home, away, scored[(day, home, away)]),
            }
        )
    assert not table, f"matches without a kick-off hour: {sorted(table)}"
    assert len(fixtures) == 48
    assert sum(len(f["goals"]) for f in fixtures) == 120
    return fixtures


def real_goals(home, away, rows):
    """Goals as {side, half, minute, added, flags}, in order of scoring."""
    seen = Counter()
    goals = []
    for row in rows:
        assert row["team"] in (home, away)
        minute = int(row["minute"])
        added = 0
        if minute in (45, 90):
            added = ADDED[(home, away, minute)][seen[minute]]
            seen[minute] += 1
        goal = {"side": "home" if row["team"] == home else "away", "minute": minute, "added": added}
        if row["own_goal"] == "TRUE":
            goal["own_goal"] = True
        if row["penalty"] == "TRUE":
            goal["penalty"] = True
        goals.append(goal)
    for (h, a, minute), added in ADDED.items():
        if (h, a) == (home, away):
            assert seen[minute] == len(added), (h, a, minute)
    order = [(g["minute"], g["added"]) for g in goals]
    assert order == sorted(order), (home, away, order)
    return goals


# --------------------------------------------------------------------- prices

HOME_ADVANTAGE = 80.0  # rating points
START_RATING = 1500.0
PASSES = 3  # each pass starts from the ratings the one before ended with
GOALS_PER_POINT = 0.0058  # goal difference per rating point: the slope in the table
BASE_TOTAL, TOTAL_PER_GOAL, TOP_TOTAL = 2.5, 0.12, 2.75
LEAST_GOALS = 0.35
MARGIN = 1.05
LINE = 2.5


def stake(tournament):
    """How much one match moves the ratings."""
    if tournament == "FIFA World Cup":
        return 22.0
    if "qualification" in tournament or "Nations League" in tournament:
        return 14.0
    return 18.0


def ratings(results):
    """Elo over every competitive match before the tournament.

    Friendlies are left out: the table only holds the goalless ones.
    """
    played = [r for r in results if r["date"] < FIRST_DAY and r["tournament"] != "Friendly"]
    played.sort(key=lambda r: r["date"])
    rating = defaultdict(lambda: START_RATING)
    for r in played * PASSES:
        home, away = r["home_team"], r["away_team"]
        margin = int(r["home_score"]) - int(r["away_score"])
        edge = rating[home] - rating[away] + (0.0 if r["neutral"] == "TRUE" else HOME_ADVANTAGE)
        expected = 1.0 / (1.0 + 10.0 ** (-edge / 400.0))
        actual = 0.5 if margin == 0 else float(margin > 0)
        weight = 1.0 if abs(margin) < 2 else 1.5 if abs(margin) == 2 else (11.0 + abs(margin)) / 8.0
        shift = stake(r["tournament"]) * weight * (actual - expected)
        rating[home] += shift
        rating[away] -= shift
    return rating


def poisson(mean, top=15):
    terms = [math.exp(-mean)]
    for k in range(1, top + 1):
        terms.append(terms[-1] * mean / k)
    return terms


def book(fixture, rating):
    """Decimal odds [home, draw, away] and [over, under] from the ratings."""
    edge = rating[fixture["home"]] - rating[fixture["away"]]
    if not fixture["neutral"]:
        edge += HOME_ADVANTAGE if fixture["home"] == HOST else -HOME_ADVANTAGE
    supremacy = GOALS_PER_POINT * edge
    total = min(TOP_TOTAL, BASE_TOTAL + TOTAL_PER_GOAL * abs(supremacy))
    means = [max(LEAST_GOALS, (total + s * supremacy) / 2.0) for s in (1, -1)]
    home, away = poisson(means[0]), poisson(means[1])
    chance = [0.0, 0.0, 0.0]
    over = 0.0
    mass = 0.0
    for i, p in enumerate(home):
        for j, q in enumerate(away):
            chance[0 if i > j else 1 if i == j else 2] += p * q
            over += p * q if i + j > LINE else 0.0
            mass += p * q
    odds = [round(mass / (MARGIN * p), 2) for p in chance]
    totals = [round(mass / (MARGIN * p), 2) for p in (over, mass - over)]
    return odds, totals


# ------------------------------------------------------------------ incidents


def clock_of(minute, added, *key):
    """A moment 15 to 55 seconds into the given minute of play."""
    return (minute - 1 + added) * MINUTE + pick(15_000, 55_000, *key)


def half_of(minute):
    return 1 if minute <= 45 else 2


def play_half(fixture, half, score):
    """All incidents of one half as [(clock, rank, body)]; advances the score."""
    fid, home, away = fixture["id"], fixture["home"], fixture["away"]
    begin = 0 if half == 1 else HALF
    regular = begin + HALF

    strikes = []  # (clock, goal, annulled)
    for n, goal in enumerate(fixture["goals"]):
        if half_of(goal["minute"]) == half:
            strikes.append((clock_of(goal["minute"], goal["added"], fid, "goal", n), goal, False))
    last_needed = [goal["added"] + 1 for _, goal, _ in strikes if goal["added"]]
    for h, a, side, minute, added in ANNULLED:
        if (h, a) == (home, away) and half_of(minute) == half:
            strikes.append((clock_of(minute, added, fid, "annulled"), {"side": side}, True))
            last_needed += [added + 3] if added else []
    strikes.sort(key=lambda s: s[0])

    reds = []
    for h, a, side, minute, added in RED_CARDS:
        if (h, a) == (home, away) and half_of(minute) == half:
            reds.append((clock_of(minute, added, fid, "red"), side))
            last_needed += [added + 1] if added else []

    usual = pick(1, 4, fid, "added", 1) if half == 1 else pick(4, 8, fid, "added", 2)
    minutes = ANNOUNCED.get((home, away, half), usual)
    minutes = max([minutes, *last_needed])
    end = regular + minutes * MINUTE

    out = []  # (clock, rank at the same clock, kind, extra)
    out.append((begin, 0, "kick_off" if half == 1 else "second_half", {}))
    out += [(c, 1, "clock", {}) for c in range(begin + MINUTE, end, MINUTE)]
    out.append((regular, 2, "stoppage", {"announced_ms": minutes * MINUTE}))
    out.append((end, 9, "half_time" if half == 1 else "full_time", {}))
    out += [(c, 4, "red_card", {"side": side}) for c, side in reds]

    busy = []  # spells of danger
    for n, (clock, goal, annulled) in enumerate(strikes):
        lead = 45_000 if goal.get("penalty") else pick(4_000, 12_000, fid, half, "lead", n)
        opened = clock - lead
        decided = clock + pick(60_000, 90_000, fid, half, "review", n) if annulled else clock
        closed = decided + pick(25_000, 40_000, fid, half, "restart", n)
        if n + 1 < len(strikes):
            closed = min(closed, strikes[n + 1][0] - 15_000)
        assert begin < opened < clock <= decided < closed < end, (home, away, clock)
        out.append((opened, 3, "danger", {"side": goal["side"]}))
        out.append((clock, 5, "goal", dict(goal)))
        if annulled:
            out.append((decided, 6, "goal_cancelled", {"side": goal["side"]}))
        out.append((closed, 7, "safe", {}))
        busy.append((opened, closed))
    for n in range(pick(4, 8, fid, half, "alarms")):
        opened = pick(begin + 30_000, end - 40_000, fid, half, "alarm", n)
        closed = opened + pick(5_000, 20_000, fid, half, "calm", n)
        if all(closed + 10_000 < a or b + 10_000 < opened for a, b in busy):
            side = ("home", "away")[pick(0, 1, fid, half, "side", n)]
            out.append((opened, 3, "danger", {"side": side}))
            out.append((closed, 7, "safe", {}))
            busy.append((opened, closed))

    incidents = []
    for clock, _, kind, extra in sorted(out, key=lambda e: e[:2]):
        step = {"goal": 1, "goal_cancelled": -1}.get(kind, 0)
        if step:
            score[("home", "away").index(extra["side"])] += step
        body = {"kind": kind, "half": half, "clock_ms": clock, "score": list(score)}
        body.update({k: extra[k] for k in ("side", "own_goal", "penalty", "announced_ms") if k in extra})
        incidents.append((clock - begin, body))
    return incidents


def messages_of(fixture, rating):
    """All messages of one fixture as [(time in ms, body)]."""
    fid, start = fixture["id"], fixture["start"]
    out = []
    body = {
        "type": "fixture",
        "fixture": fid,
        "sport": "football",
        "competition": COMPETITION,
        "home": fixture["home"],
        "away": fixture["away"],
        "start_ns": start * NS,
    }
    out.append((start - ANNOUNCE_AHEAD, body))
    odds, totals = book(fixture, rating)
    body = {"type": "prices", "fixture": fid, "odds_1x2": odds, "total_line": LINE, "odds_total": totals}
    out.append((start - ANNOUNCE_AHEAD + PRICES_AFTER, body))

    score = [0, 0]
    at = start
    for half in (1, 2):
        incidents = play_half(fixture, half, score)
        out += [(at + elapsed, {"type": "incident", "fixture": fid, **b}) for elapsed, b in incidents]
        at += incidents[-1][0] + INTERVAL
    assert score == fixture["score"], (fixture["home"], fixture["away"], score)

    # The goals told must be the goals of the facts, one by one.
    told, running = [], [0, 0]
    for _, b in out:
        if b.get("kind") == "goal":
            told.append(b)
        elif b.get("kind") == "goal_cancelled":
            told.pop()
    assert len(told) == len(fixture["goals"])
    for b, goal in zip(told, fixture["goals"], strict=False):
        running[("home", "away").index(goal["side"])] += 1
        minute = goal["minute"] + goal["added"]
        assert b["score"] == running
        assert b["side"] == goal["side"]
        assert b["half"] == half_of(goal["minute"])
        assert (minute - 1) * MINUTE < b["clock_ms"] <= minute * MINUTE
    return out


def build(folder, path):
    results = read_table(folder, "international_results")
    goals = read_table(folder, "international_goals")
    fixtures = group_stage(results, goals)
    rating = ratings(results)
    queue = []
    for fixture in fixtures:
        queue += [(t, fixture["id"], n, body) for n, (t, body) in enumerate(messages_of(fixture, rating))]
    queue.sort(key=lambda e: e[:3])
    lines = []
    for seq, (at, _, _, body) in enumerate(queue, 1):
        kind = body.pop("type")
        message = {"type": kind, "source": SOURCE, "seq": seq, "time_ns": at * NS, **body}
        lines.append(json.dumps(message, separators=(",", ":"), ensure_ascii=False) + "\n")
    Path(path).write_text("".join(lines), encoding="utf-8", newline="\n")


# ---------------------------------------------------------------------- check

KINDS = {
    "kick_off",
    "clock",
    "stoppage",
    "danger",
    "safe",
    "goal",
    "goal_cancelled",
    "red_card",
    "half_time",
    "second_half",
    "full_time",
}
EXTRA = {
    "goal": ({"side"}, {"own_goal", "penalty"}),
    "goal_cancelled": ({"side"}, set()),
    "red_card": ({"side"}, set()),
    "danger": ({"side"}, set()),
    "stoppage": ({"announced_ms"}, set()),
}
COMMON = {"type", "source", "seq", "time_ns", "fixture"}
PAYLOAD = {
    "fixture": {"sport", "competition", "home", "away", "start_ns"},
    "prices": {"odds_1x2", "total_line", "odds_total"},
}


def check_books(m):
    for odds in (m["odds_1x2"], m["odds_total"]):
        assert all(1.01 <= o <= 30.0 and round(o, 2) == o for o in odds), odds
        assert 1.03 <= sum(1.0 / o for o in odds) <= 1.08, odds
    assert len(m["odds_1x2"]) == 3
    assert len(m["odds_total"]) == 2
    assert m["total_line"] == LINE


def check_incident(m, f):
    """Follows one fixture: phase, clock, score, danger."""
    kind, half, clock, score = m["kind"], m["half"], m["clock_ms"], m["score"]
    assert kind in KINDS
    must, may = EXTRA.get(kind, (set(), set()))
    extra = set(m) - COMMON - {"kind", "half", "clock_ms", "score"}
    assert must <= extra <= must | may, extra
    assert m.get("side", "home") in ("home", "away")
    side = ("home", "away").index(m.get("side", "home"))

    if kind == "kick_off":
        assert f["phase"] == "before"
        assert (half, clock) == (1, 0)
        assert m["time_ns"] == f["start_ns"]
        f.update(phase=1, began=m["time_ns"])
    elif kind == "second_half":
        assert f["phase"] == "interval"
        assert (half, clock) == (2, HALF)
        assert m["time_ns"] == f["ended"] + INTERVAL * NS
        f.update(phase=2, began=m["time_ns"], clock=HALF, announced=None)
    assert f["phase"] == half, "an incident outside play"
    begin = (half - 1) * HALF
    assert clock >= f["clock"]
    assert m["time_ns"] - f["began"] == (clock - begin) * NS
    f["clock"] = clock

    if kind == "clock":
        f["tick"] = f["tick"] + MINUTE if f["tick"] > begin else begin + MINUTE
        assert clock == f["tick"], "a missing clock tick"
    elif kind == "stoppage":
        assert clock == begin + HALF
        assert f["announced"] is None
        f["announced"] = m["announced_ms"]
    elif kind == "danger":
        assert not f["danger"]
        f["danger"] = True
    elif kind == "safe":
        assert f["danger"]
        f["danger"] = False
    elif kind == "goal":
        assert f["danger"]
        f["score"][side] += 1
        f["goals"] += 1
        f["last_goal"] = clock
    elif kind == "goal_cancelled":
        assert f["danger"]
        assert 60_000 <= clock - f["last_goal"] <= 90_000
        f["score"][side] -= 1
        f["goals"] -= 1
    elif kind in ("half_time", "full_time"):
        assert half == (1 if kind == "half_time" else 2)
        assert not f["danger"]
        assert clock == begin + HALF + f["announced"] == f["tick"] + MINUTE
        f.update(phase="interval" if half == 1 else "over", ended=m["time_ns"], tick=begin + HALF)
    assert score == f["score"], "score"
    assert min(score) >= 0, "score"


def check(path):
    fixtures = {}
    kinds = Counter()
    last_time = 0
    with open(path, encoding="utf-8", newline="") as handle:
        for number, line in enumerate(handle, 1):
            try:
                assert line.endswith("\n")
                assert "\r" not in line
                m = json.loads(line)
                assert json.dumps(m, separators=(",", ":"), ensure_ascii=False) == line[:-1], "not compact"
                assert m["source"] == SOURCE
                assert m["seq"] == number, "a gap in seq"
                assert m["time_ns"] >= last_time, "time runs backwards"
                last_time = m["time_ns"]
                kinds[m.get("kind", m["type"])] += 1
                if m["type"] in PAYLOAD:
                    assert set(m) == COMMON | PAYLOAD[m["type"]]
                if m["type"] == "fixture":
                    assert m["fixture"] not in fixtures
                    assert m["home"] != m["away"]
                    assert m["sport"] == "football"
                    assert m["competition"] == COMPETITION
                    assert m["time_ns"] < m["start_ns"]
                    fixtures[m["fixture"]] = {
                        "start_ns": m["start_ns"],
                        "phase": "before",
                        "priced": False,
                        "clock": 0,
                        "tick": 0,
                        "score": [0, 0],
                        "goals": 0,
                        "danger": False,
                        "announced": None,
                    }
                elif m["type"] == "prices":
                    f = fixtures[m["fixture"]]
                    assert f["phase"] == "before"
                    assert not f["priced"]
                    f["priced"] = True
                    check_books(m)
                else:
                    assert m["type"] == "incident"
                    check_incident(m, fixtures[m["fixture"]])
            except (AssertionError, KeyError, TypeError, ValueError) as error:
                sys.exit(f"line {number}: {error!r}\n{line[:200]}")
    goals = sum(f["goals"] for f in fixtures.values())
    for fine, what in (
        (sorted(fixtures) == list(range(1001, 1049)), "not the 48 fixtures"),
        (all(f["phase"] == "over" for f in fixtures.values()), "a match without full_time"),
        (all(f["priced"] for f in fixtures.values()), "a match without prices"),
        (goals == 120 == sum(sum(f["score"]) for f in fixtures.values()), "not 120 goals"),
        (kinds["goal"] - kinds["goal_cancelled"] == 120, "not 120 goals"),
        (kinds["red_card"] == 2, "not 2 red cards"),
    ):
        if not fine:
            sys.exit(f"whole file: {what}")
    print(f"ok: {sum(kinds.values())} messages, {len(fixtures)} fixtures")
    print(" ".join(f"{k}={n}" for k, n in sorted(kinds.items())))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("facts", nargs="?", help="folder of facts (with --check: the recording to check)")
    parser.add_argument("--out", default=RECORDING, help="where to write the recording")
    parser.add_argument("--check", action="store_true", help="validate a recording by itself")
    args = parser.parse_args()
    if sys.flags.optimize:
        sys.exit("the checks are assertions: run without -O")
    if args.check:
        check(args.facts or RECORDING)
    elif args.facts:
        build(args.facts, args.out)
        check(args.out)
    else:
        parser.error("a folder of facts is needed, or --check")


if __name__ == "__main__":
    main()
