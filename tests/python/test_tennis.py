"""Tennis through Python: models, boards, replays, a match in the engine, real matches."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from oddsengine import Engine, tennis
from oddsengine.exceptions import BoundsError, OddsEngineError, TennisError

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ROOT / "benches" / "accuracy"
FORMATS = [
    tennis.Format(best_of=best_of, final_set=final_set)
    for best_of in (3, 5)
    for final_set in ("tb7", "tb10", "tb7_at_12", "advantage", "mtb7", "mtb10")
]


def point_by_point(generator: np.random.Generator, format: tennis.Format) -> np.ndarray:
    """Winners of the points of one match, home serving first, made by coin."""
    points = generator.integers(0, 2, size=2_000).astype(np.uint8)
    while True:
        try:
            scores = tennis.replay(points, serve=(0.6, 0.6), format=format).scores
        except BoundsError as error:
            points = points[: int(re.findall(r"point (\d+)", str(error))[0])]
            continue
        assert max(scores[-1, :2]) == format.best_of // 2 + 1
        return points


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_a_match_of_every_format(format: tennis.Format) -> None:
    generator = np.random.default_rng(3)
    points = point_by_point(generator, format)
    for serve in [tennis.Serve(0.64, 0.6), tennis.Serve(0.64, 0.6, 100)]:
        checked = tennis.check_boards(points, serve=serve, format=format)
        assert checked.faults == []
        assert checked.state_count == len(points) + 1
    played = tennis.replay(points, serve=(0.64, 0.6), format=format)
    assert played.home[-1] == (played.scores[-1, 0] > played.scores[-1, 1])
    states = tennis.StateTable(0.64, 0.6, format=format)
    looked_up = states.match_home_batch(played.scores)
    # In a tie-break the table wants who served it first, the replay tells who serves the point.
    in_game = (played.scores[:, 4:6].max(axis=1) < 4) & (played.scores[:, 2:4].min(axis=1) < 6)
    if format.final_set.startswith("mtb"):
        in_game &= played.scores[:, :2].sum(axis=1) < format.best_of - 1
    assert looked_up[in_game] == pytest.approx(played.home[in_game], abs=1e-12)


def test_batches_are_the_single_calls() -> None:
    home, away = np.array([0.6, 0.66, 0.7]), np.array([0.65, 0.62, 0.6])
    score = tennis.Score(sets=((4, 6), (6, 6)), points=(5, 4), server="away")
    found = tennis.match_home(home, away, score=score, prior_points=100)
    alone = [tennis.match_home(h, a, score=score, prior_points=100) for h, a in zip(home, away, strict=True)]
    assert list(found) == alone
    assert tennis.hold(home).tolist() == [tennis.hold(float(p)) for p in home]
    fitted = tennis.calibrate_batch([0.3, 0.5, 0.9], over=(22.5, [0.45, 0.5, 0.35]), prior_points=100)
    for row, p, over in [(0, 0.3, 0.45), (1, 0.5, 0.5), (2, 0.9, 0.35)]:
        serve = tennis.calibrate(p, over=(22.5, over), prior_points=100)
        assert (fitted[0][row], fitted[1][row]) == (serve.home, serve.away)
        match = tennis.distributions(serve)
        assert match.home == pytest.approx(p, abs=1e-10)
        assert match.over(22.5) == pytest.approx(over, abs=1e-10)


def test_points_move_uncertain_levels_only() -> None:
    served = tennis.Served(played=(50, 50), won=(40, 25))
    known, uncertain = (
        tennis.match_home(0.63, 0.63, prior_points=prior, served=served) for prior in (None, 100.0)
    )
    assert known == pytest.approx(0.5)
    assert uncertain > 0.7


def test_boards_agree_with_distributions() -> None:
    score = tennis.Score(sets=((6, 4), (2, 3)), points=(1, 2), server="away")
    serve = tennis.Serve(0.65, 0.61, 100)
    board, match = tennis.board(serve, score=score), tennis.distributions(serve, score=score)
    assert board["match_winner/home"].fair == pytest.approx(match.home)
    assert board["total_games:22.5/over"].fair == pytest.approx(match.over(22.5))
    assert board["games_handicap:-2.5/home"].fair == pytest.approx(match.handicap(-2.5))
    assert board["set_betting/2-0"].fair == pytest.approx(match.set_betting["2-0"])
    # The first set is over: decided, so nothing is offered.
    assert np.isnan(board["set1_winner/home"].odds)
    assert board["set1_winner/home"].fair == 1.0
    offered = np.isfinite(board.odds)
    assert (1 / board.odds[offered] >= board.fair[offered] - 1e-12).all()
    assert "Match winner" in board._repr_html_()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tennis.hold(1.0), TennisError, "serve probability 1 is outside 0.01..=0.99"),
        (lambda: tennis.match_home(0.6, 0.0), TennisError, "away serve probability 0 is outside 0.01..=0.99"),
        (
            lambda: tennis.match_home(0.6, 0.6, prior_points=3),
            TennisError,
            "prior points 3 is outside 20..=1000000",
        ),
        (lambda: tennis.calibrate(1.0), TennisError, "probability of the match winner 1 is not strictly"),
        (
            lambda: tennis.calibrate(0.6, over=(22.5, 0.2)),
            TennisError,
            "no serve levels give probability of over 22.5 games 0.2",
        ),
        (
            lambda: tennis.calibrate_from_odds({"total_games:22.5": [1.9, 1.9]}),
            TennisError,
            "market match_winner is missing from the prices",
        ),
        (
            lambda: tennis.calibrate_from_odds({"match_winner": [1.5, 2.6], "set1_winner": [1.5, 2.6]}),
            TennisError,
            "market set1_winner is not one that calibration knows",
        ),
        (lambda: tennis.tie_break(0.6, 0.6, to=11), BoundsError, "tie-break to 11 is outside 2..=10"),
        (
            lambda: tennis.board((0.6, 0.6), score=tennis.Score(sets=((6, 5), (0, 0)), server="home")),
            BoundsError,
            "games 6-5 of set 1 are not its end",
        ),
        (
            lambda: tennis.board((0.6, 0.6), score=tennis.Score(sets=((1, 0),))),
            BoundsError,
            "a match in play needs the side that serves",
        ),
        (
            lambda: tennis.board((0.6, 0.6), format=tennis.Format(best_of=4)),
            BoundsError,
            "best of 4 is neither 3 nor 5",
        ),
        (
            lambda: tennis.replay([2], serve=(0.6, 0.6)),
            BoundsError,
            "point 0 is won by 2, neither 0 (home) nor 1 (away)",
        ),
        (
            lambda: tennis.distributions((0.6, 0.6), served=tennis.Served((1, 1), (2, 0))),
            BoundsError,
            "home won 2 of 1 points on serve",
        ),
    ],
)
def test_bad_input_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()  # type: ignore[operator]


class Court:
    """A tennis match in an engine of this process."""

    def __init__(self, **format: object) -> None:
        ticks = iter(range(1_000_000_000, 10**12, 1_000_000_000))
        self.engine = Engine(clock=ticks.__next__, config={"bet_delay_ms": 0})
        self.engine.feed.fixture(
            1,
            sport="tennis",
            competition="open",
            home="Alba",
            away="Bruma",
            start_ns=0,
            format=format,
        )
        self.engine.deposit(customer=7, amount_minor=1_000_000)

    def incident(self, kind: str, **fields: object) -> None:
        self.engine.feed.send({"type": "incident", "fixture": 1, "sport": "tennis", "kind": kind, **fields})

    def bet(self, market: str, selection: str) -> object:
        leg = self.engine.board(1).leg(market, selection)
        ticket = self.engine.place_ticket(customer=7, legs=[leg], stake_minor=1_000)
        assert ticket.state == "accepted", ticket
        return ticket.ticket

    def paid(self, ticket: object) -> int | None:
        found = self.engine.ticket(ticket)  # type: ignore[arg-type]
        return found.paid_minor if found.state == "settled" else None


def test_a_match_in_the_engine_from_prices_to_settlement() -> None:
    court = Court(best_of=3, final_set="mtb10", no_ad=True)
    court.engine.feed.prices(1, markets={"match_winner": [1.55, 2.5], "total_games:20.5": [1.95, 1.8]})
    board = court.engine.board(1)
    assert board.period == "pre_match"
    winner, loser = court.bet("match_winner", "home"), court.bet("match_winner", "away")
    game = court.bet("set1_game1_score", "away_0")
    third = court.bet("set3_winner", "home")
    court.incident("start", server="home")
    for _ in range(3):
        court.incident("point", side="away")
    court.incident("point", side="away", score={"sets": [0, 0], "games": [0, 1], "points": [0, 0]})
    assert court.paid(game) is not None
    assert court.paid(game) > 0  # type: ignore[operator]
    # A message was lost: the score that the feed tells is not ours, trading stops.
    with pytest.raises(OddsEngineError, match="out_of_sequence: reported score 2-0"):
        court.incident("point", side="home", score={"points": [2, 0]})
    assert court.engine.board(1).status == "suspended"
    court.incident("score", sets=[[6, 1], [5, 2]], points=[2, 0], server="home")
    assert court.engine.board(1).period == "set_2 6-1 5-2 30-0 home serves"
    for _ in range(2):
        court.incident("point", side="home")
    assert court.engine.board(1).period == "finished 6-1 6-2"
    assert court.paid(winner)
    assert court.paid(loser) == 0
    assert court.paid(third) == 1_000
    assert all(court.engine._core.invariants().values())


def test_a_retirement_in_the_engine() -> None:
    court = Court(retirement="advance_after_one_set")
    court.engine.feed.prices(1, markets={"match_winner": [1.9, 1.9]})
    winner, second = court.bet("match_winner", "away"), court.bet("set2_winner", "away")
    court.incident("start", server="away")
    court.incident("score", sets=[[4, 6], [1, 0]], points=[0, 0], server="home")
    court.incident("retired", side="home")
    assert court.paid(second) == 1_000
    assert court.paid(winner)
    assert court.paid(winner) > 1_000  # type: ignore[operator]


def reference(*names: str) -> list[Path]:
    data = os.environ.get("ODDSENGINE_REFERENCE_DATA")
    if data is None:
        pytest.skip("ODDSENGINE_REFERENCE_DATA is not set: the benches on real matches do not run")
    return [Path(data) / name for name in names]


def output_of(script: str, *arguments: object) -> str:
    command = [sys.executable, str(BENCHES / script), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_real_matches_replay_without_a_fault_and_learn_from_their_points() -> None:
    strings, tables, odds = reference(
        "tennis_points/atp_main_pbp.csv.gz",
        "tennis_points/slam_2012-wimbledon_points.csv.gz",
        "tennis_odds/atp_2012.csv.gz",
    )
    output = output_of(
        "tennis_inplay.py",
        *("--strings", strings, "--tables", tables, "--odds", odds),
        *("--prior", "none", 100, "--boards", "--slice", 120),
    )
    assert len(re.findall(r"boards: \d+ states, \d+ prices, 0 faults", output)) == 2
    both = [block for block in output.split("\n\n") if "start from both" in block]
    log_loss = [float(re.findall(r"  all +\d+ +\d+ +([\d.]+)", block)[0]) for block in both]
    known, uncertain = log_loss
    assert uncertain < known < 0.6, output


def test_set_betting_is_better_with_uncertain_levels() -> None:
    (odds,) = reference("tennis_odds/atp_2016.csv.gz")
    output = output_of("tennis_sets.py", odds, "--prior", "none", 100)
    rows = re.findall(r"^ +(none|100\.0) +([\d.]+) +[\d.]+ +[\d.]+ +([\d.]+)", output, re.MULTILINE)
    assert [row[0] for row in rows] == ["none", "100.0", "none", "100.0"]
    for known, uncertain in (rows[:2], rows[2:]):
        assert float(uncertain[1]) < float(known[1]), output
        assert float(uncertain[2]) < float(known[2]), output
