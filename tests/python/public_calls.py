"""One right call of every public function that takes numbers, for tests that put something else in its place.

`test_arrays.py` checks that no function is missing here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from oddsengine import (
    backtest,
    cashout,
    data,
    fit,
    football,
    kelly,
    margin,
    metrics,
    odds,
    racing,
    risk,
    same_game,
    settle,
    tables,
    tennis,
)
from oddsengine.models import Space


class Call(NamedTuple):
    """A function with arguments that it takes."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    """By name; those that are positional only have their place as the name."""
    arrays: tuple[str, ...] = ()
    """Arguments that are arrays of numbers."""

    def run(self, **changed: Any) -> Any:
        """Calls with some arguments changed."""
        return self.function(**{**self.arguments, **changed})


BOOKS = [[2.7, 2.3, 4.4], [1.9, 3.5, 4.6], [1.5, 4.2, 7.5]]
FAIR = [[0.45, 0.28, 0.27], [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]
SEASON = {
    "date": np.datetime64("2026-08-01") + np.arange(12),
    "home": list("abcabcabcabc"),
    "away": list("bcacabbcacab"),
    "home_goals": [2, 1, 0, 1, 3, 1, 0, 2, 1, 0, 2, 1],
    "away_goals": [1, 1, 2, 0, 1, 1, 2, 1, 1, 3, 0, 2],
}
MATCH_COLUMNS = {"p_home": [0.4612, 0.45], "p_draw": [0.2701, 0.27], "p_away": [0.2687, 0.28]}
GRID = football.grid(1.5, 1.1)
SIDE_GOALS = GRID.sum(axis=1)


def _calls() -> list[Call]:
    model = fit.poisson(SEASON, ridge=1.0)
    walk = backtest.walk_forward(SEASON, first="2026-08-08", ridge=1.0, progress=False)
    race = racing.Race([0.5, 0.3, 0.2])
    match = same_game.Match(1.5, 1.1)
    space = Space("pair", [[0, 0], [0, 1], [1, 0]])
    space.market("side", {"first": np.array([1.0, 0.0, 0.0]), "other": np.array([0.0, 1.0, 1.0])})
    table = tennis.StateTable(0.64, 0.62)
    scores = football.ScoreModel()
    expectations = scores.calibrate_batch(**MATCH_COLUMNS, p_over=[0.5, 0.5])
    names = ["1x2/home", "total:2.5/over"]
    tattersalls = settle.DeductionTable.named("tattersalls")
    trixie = settle.plan("trixie", 3, stake_minor=100)
    serve = (0.64, 0.62)
    return [
        Call(
            "margin.fair_probabilities",
            margin.fair_probabilities,
            {"odds": BOOKS, "method": "shin"},
            ("odds",),
        ),
        Call(
            "margin.fair_probabilities one",
            margin.fair_probabilities,
            {"odds": BOOKS[0], "method": "power", "target": 1.0, "errors": "raise"},
            ("odds",),
        ),
        Call(
            "margin.offered_odds",
            margin.offered_odds,
            {"probabilities": FAIR, "booksum": 1.05, "method": "power"},
            ("probabilities",),
        ),
        Call(
            "margin.remove_margin",
            margin.remove_margin,
            {"odds": BOOKS[0], "method": "power", "target": 1.0},
            ("odds",),
        ),
        Call("margin.booksum_from_hold", margin.booksum_from_hold, {"hold": 0.2, "target": 1.0}),
        Call(
            "margin.shade",
            margin.shade,
            {"probabilities": FAIR, "slope": 0.9, "intercept": 0.1},
            ("probabilities",),
        ),
        Call(
            "margin.fair_from_exchange",
            margin.fair_from_exchange,
            {
                "back": BOOKS,
                "lay": BOOKS,
                "back_weight": FAIR,
                "lay_weight": FAIR,
                "commission": 0.02,
                "method": "power",
            },
            ("back", "lay", "back_weight", "lay_weight"),
        ),
        Call(
            "odds.convert",
            odds.convert,
            {"number": [1.5, 2.0], "source": "decimal", "target": "hong_kong"},
            ("number",),
        ),
        Call("odds.from_decimal", odds.from_decimal, {"odds": [1.5, 2.0], "format": "american"}, ("odds",)),
        Call("odds.to_decimal", odds.to_decimal, {"number": [0.5, 1.0], "format": "hong_kong"}, ("number",)),
        Call("odds.from_text", odds.from_text, {"text": "5/2", "format": "fractional"}),
        Call("odds.to_text", odds.to_text, {"odds": 3.5, "format": "fractional"}),
        Call("odds.Ladder.down", odds.BETFAIR.down, {"odds": [1.505, 7.777]}, ("odds",)),
        Call("odds.Ladder.up", odds.BETFAIR.up, {"odds": [1.505, 7.777]}, ("odds",)),
        Call("odds.Ladder.nearest", odds.BETFAIR.nearest, {"odds": [1.505, 7.777]}, ("odds",)),
        Call("odds.Ladder.index", odds.BETFAIR.index, {"odds": 2.0}),
        Call("odds.Ladder.step", odds.BETFAIR.step, {"odds": 2.0, "ticks": -1}),
        Call("odds.Ladder", odds.Ladder, {"name": "fine"}),
        Call("odds.FractionalLadder", odds.FractionalLadder, {"fractions": ["1/2", "4/6", "1/1"]}),
        Call("odds.FractionalLadder.down", odds.FractionalLadder(("1/2", "4/6", "1/1")).down, {"odds": 1.7}),
        Call(
            "odds.snap_books",
            odds.snap_books,
            {
                "raw_odds": BOOKS,
                "booksum_min": [1.01, 1.01, 1.01],
                "odds_max": [9.0, 9.0, 9.0],
                "errors": "nan",
            },
            ("raw_odds", "booksum_min", "odds_max"),
        ),
        Call(
            "odds.snap_down",
            odds.snap_down,
            {"raw_odds": [2.026, 3.527, 3.663], "ladder": "betfair", "odds_max": [9.0, 9.0, 9.0]},
            ("raw_odds", "odds_max"),
        ),
        Call(
            "odds.snap_min_margin",
            odds.snap_min_margin,
            {"raw_odds": [2.026, 3.527, 3.663], "booksum_min": 1.04, "odds_max": [9.0, 9.0, 9.0]},
            ("raw_odds", "odds_max"),
        ),
        Call(
            "football.DixonColes", football.DixonColes, {"lambda_home": 1.5, "lambda_away": 1.1, "rho": -0.05}
        ),
        Call("football.DixonColes.grid", football.DixonColes(1.5, 1.1).grid, {"size": 11}),
        Call(
            "football.DixonColes.rho_bounds",
            lambda lambda_home, lambda_away: football.DixonColes(lambda_home, lambda_away).rho_bounds,
            {"lambda_home": 1.5, "lambda_away": 1.1},
        ),
        Call(
            "football.LiveMatch",
            football.LiveMatch,
            {
                "model": football.DixonColes(1.5, 1.1),
                "first_half_share": 0.45,
                "lead_multipliers": (0.92, 1.0, 1.12),
            },
        ),
        Call(
            "football.asian_handicap", football.asian_handicap, {"scores": GRID, "line": -0.25}, ("scores",)
        ),
        Call("football.total", football.total, {"scores": GRID, "line": 2.75, "side": None}, ("scores",)),
        Call("football.markets", football.markets, {"scores": GRID}, ("scores",)),
        Call(
            "football.qualification",
            football.qualification,
            {
                "scores": GRID,
                "extra_means": (0.4, 0.3),
                "first_leg": (1, 0),
                "away_goals_rule": True,
                "shootout_home": 0.5,
            },
            ("scores",),
        ),
        Call(
            "football.asian_handicap_batch",
            football.asian_handicap_batch,
            {
                "lambda_home": [1.5, 0.9],
                "lambda_away": [1.1, 1.75],
                "rho": [-0.05, 0.0],
                "line": [-0.25, 0.5],
            },
            ("lambda_home", "lambda_away", "rho", "line"),
        ),
        Call(
            "football.total_batch",
            football.total_batch,
            {"lambda_home": [1.5, 0.9], "lambda_away": [1.1, 1.75], "rho": [-0.05, 0.0], "line": [2.25, 2.5]},
            ("lambda_home", "lambda_away", "rho", "line"),
        ),
        Call(
            "football.basket",
            football.basket,
            {"lambda_home": [1.5, 0.9], "lambda_away": [1.1, 1.75], "rho": [-0.05, 0.0]},
            ("lambda_home", "lambda_away", "rho"),
        ),
        Call(
            "football.bivariate_poisson_grid",
            football.bivariate_poisson_grid,
            {"lambda1": 1.4, "lambda2": 1.0, "lambda3": 0.1},
        ),
        Call(
            "football.board",
            football.board,
            {
                "lambda_home": 1.5,
                "lambda_away": 1.1,
                "rho": -0.05,
                "margin": ("power", 1.05),
                "ladder": "fine",
            },
        ),
        Call(
            "football.calibrate",
            football.calibrate,
            {"p_home": 0.4612, "p_draw": 0.2701, "p_away": 0.2687, "p_over": 0.5134, "line": 2.5},
        ),
        Call(
            "football.calibrate_1x2",
            football.calibrate_1x2,
            {"p_home": 0.4608, "p_draw": 0.2511, "p_away": 0.2881, "rho": 0.0},
        ),
        Call(
            "football.calibrate_1x2_batch",
            football.calibrate_1x2_batch,
            {**MATCH_COLUMNS, "rho": [0.0, -0.05]},
            ("p_home", "p_draw", "p_away", "rho"),
        ),
        Call(
            "football.calibrate_asian",
            football.calibrate_asian,
            {"handicap": -0.75, "fair_home": 0.512, "line": 2.75, "fair_over": 0.487},
        ),
        Call(
            "football.calibrate_asian_batch",
            football.calibrate_asian_batch,
            {
                "handicap": [-0.75, 0.0],
                "fair_home": [0.512, 0.5],
                "line": [2.75, 2.5],
                "fair_over": [0.487, 0.5],
            },
            ("handicap", "fair_home", "line", "fair_over"),
        ),
        Call(
            "football.calibrate_batch",
            football.calibrate_batch,
            {**MATCH_COLUMNS, "p_over": [0.5134, 0.5]},
            ("p_home", "p_draw", "p_away", "p_over"),
        ),
        Call(
            "football.calibrate_from_odds",
            football.calibrate_from_odds,
            {"odds_1x2": [2.1, 3.45, 3.8], "odds_total": [1.95, 1.93], "line": 2.5, "method": "power"},
            ("odds_1x2", "odds_total"),
        ),
        Call(
            "football.calibrate_from_odds_batch",
            football.calibrate_from_odds_batch,
            {"odds_1x2": [[2.1, 3.45, 3.8], [2.2, 3.4, 3.6]], "odds_total": [[1.95, 1.93], [2.0, 1.9]]},
            ("odds_1x2", "odds_total"),
        ),
        Call(
            "football.grid", football.grid, {"lambda_home": 1.5, "lambda_away": 1.1, "rho": -0.05, "size": 12}
        ),
        Call(
            "football.half_time_full_time",
            football.half_time_full_time,
            {"lambda_home": 1.5, "lambda_away": 1.1, "first_half_share": 0.45},
        ),
        Call(
            "football.inplay",
            football.inplay,
            {"lambda_home": 1.5, "lambda_away": 1.1, "share_left": 0.5, "score": (1, 0)},
        ),
        Call(
            "football.inplay_markov",
            football.inplay_markov,
            {
                "lambda_home": 1.5,
                "lambda_away": 1.1,
                "share_left": 0.5,
                "score": (1, 0),
                "red_cards": (0, 1),
                "multipliers": football.RateMultipliers(),
            },
        ),
        Call(
            "football.interval_shares",
            football.interval_shares,
            {
                "first_half_share": 0.45,
                "stoppage_ms": (120_000, 300_000),
                "period": "first_half",
                "elapsed_ms": 600_000,
            },
        ),
        Call("football.negbin_over", football.negbin_over, {"mean": 10.2, "dispersion": 20.0, "line": 9.5}),
        Call(
            "football.CountModel.grid",
            lambda counts, elapsed, remaining: football.CountModel(5.4, 4.8, 20.0, 30.0).grid(
                counts=counts, elapsed=elapsed, remaining=remaining
            ),
            {"counts": (2, 1), "elapsed": 0.4, "remaining": 0.6},
        ),
        Call(
            "football.scorer_markets",
            football.scorer_markets,
            {"side_goals": SIDE_GOALS, "share": 0.32},
            ("side_goals",),
        ),
        Call(
            "football.scorer_shares",
            football.scorer_shares,
            {"side_goals": SIDE_GOALS, "odds": [2.5, 3.1, 3.4], "own_goals": 0.02, "unlisted": 0.05},
            ("side_goals", "odds"),
        ),
        Call(
            "football.shootout",
            football.shootout,
            {
                "conversion_home": 0.75,
                "conversion_away": 0.7,
                "scored": (2, 1),
                "taken": (3, 2),
                "first": "home",
            },
        ),
        Call(
            "football.weibull_count_pmf", football.weibull_count_pmf, {"rate": 1.4, "shape": 1.1, "count": 9}
        ),
        Call(
            "football.weibull_frank_1x2",
            football.weibull_frank_1x2,
            {"rate_home": 1.5, "rate_away": 1.1, "shape": 1.1, "kappa": 0.2},
        ),
        Call(
            "football.weibull_frank_grid",
            football.weibull_frank_grid,
            {"rate_home": 1.5, "rate_away": 1.1, "shape": 1.1, "kappa": 0.2},
        ),
        Call("football.ScoreModel", football.ScoreModel, {"family": "bivariate_poisson"}),
        Call("football.ScoreModel.grid", scores.grid, {"scores": (1.5, 1.1, 0.01)}),
        Call(
            "football.ScoreModel.calibrate",
            scores.calibrate,
            {"p_home": 0.4612, "p_draw": 0.2701, "p_away": 0.2687, "p_over": 0.5134, "line": 2.5},
        ),
        Call(
            "football.ScoreModel.calibrate_batch",
            scores.calibrate_batch,
            {**MATCH_COLUMNS, "p_over": [0.5134, 0.5]},
            ("p_home", "p_draw", "p_away", "p_over"),
        ),
        Call(
            "football.ScoreModel.calibrate_from_odds",
            scores.calibrate_from_odds,
            {"odds_1x2": [2.1, 3.45, 3.8], "odds_total": [1.95, 1.93]},
            ("odds_1x2", "odds_total"),
        ),
        Call(
            "football.ScoreModel.calibrate_from_odds_batch",
            scores.calibrate_from_odds_batch,
            {"odds_1x2": [[2.1, 3.45, 3.8], [2.2, 3.4, 3.6]], "odds_total": [[1.95, 1.93], [2.0, 1.9]]},
            ("odds_1x2", "odds_total"),
        ),
        Call(
            "football.ScoreModel.line_batch",
            scores.line_batch,
            {"expectations": expectations, "kind": "total", "line": [2.5, 2.25]},
            ("line",),
        ),
        Call(
            "tennis.hold", tennis.hold, {"serve": [0.6, 0.65], "points": (1, 2), "no_ad": False}, ("serve",)
        ),
        Call(
            "tennis.tie_break",
            tennis.tie_break,
            {"home": [0.6, 0.65], "away": [0.62, 0.6], "to": 7, "points": (1, 2), "first_server": "home"},
            ("home", "away"),
        ),
        Call(
            "tennis.match_home",
            tennis.match_home,
            {
                "home": [0.6, 0.65],
                "away": [0.62, 0.6],
                "score": tennis.Score(sets=((6, 4), (2, 3)), points=(1, 2), server="home"),
            },
            ("home", "away"),
        ),
        Call(
            "tennis.set_scores",
            tennis.set_scores,
            {"home": 0.64, "away": 0.62, "first_server": "home", "set": 1},
        ),
        Call(
            "tennis.distributions",
            tennis.distributions,
            {"serve": serve, "score": tennis.Score(sets=((6, 4), (2, 3)), points=(1, 2), server="home")},
        ),
        Call("tennis.Format", tennis.Format, {"best_of": 5, "final_set": "tb10", "no_ad": False}),
        Call(
            "tennis.Score at",
            lambda sets, points, server: tennis.distributions(
                serve, score=tennis.Score(sets, points, server)
            ),
            {"sets": ((6, 4), (2, 3)), "points": (1, 2), "server": "away"},
        ),
        Call(
            "tennis.calibrate",
            tennis.calibrate,
            {"match_home": 0.64, "over": (22.5, 0.48), "prior_points": 60, "first_server": "home"},
        ),
        Call(
            "tennis.calibrate_batch",
            tennis.calibrate_batch,
            {"match_home": [0.5, 0.64], "serve_mean": [0.63, 0.62]},
            ("match_home", "serve_mean"),
        ),
        Call(
            "tennis.calibrate_batch expected games",
            tennis.calibrate_batch,
            {"match_home": [0.5, 0.64], "expected_games": [23.0, 22.5]},
            ("match_home", "expected_games"),
        ),
        Call(
            "tennis.calibrate_batch over",
            lambda line, over: tennis.calibrate_batch([0.5, 0.64], over=(line, over)),
            {"line": [22.5, 22.5], "over": [0.48, 0.5]},
            ("line", "over"),
        ),
        Call(
            "tennis.calibrate_from_odds listed",
            lambda prices: tennis.calibrate_from_odds({"match_winner": prices}),
            {"prices": [1.55, 2.45]},
            ("prices",),
        ),
        Call(
            "tennis.calibrate_from_odds",
            tennis.calibrate_from_odds,
            {"prices": {"match_winner": [1.55, 2.45]}, "method": "power", "serve_mean": 0.62},
        ),
        Call("tennis.board", tennis.board, {"serve": serve, "margin": ("power", 1.05)}),
        Call(
            "tennis.replay",
            tennis.replay,
            {"points": [0, 0, 1, 0, 0], "serve": serve, "first_server": "away"},
            ("points",),
        ),
        Call("tennis.check_boards", tennis.check_boards, {"points": [0, 1], "serve": serve}, ("points",)),
        Call("tennis.StateTable", tennis.StateTable, {"home": 0.64, "away": 0.62}),
        Call(
            "tennis.StateTable.match_home_batch",
            table.match_home_batch,
            {"scores": [[1, 0, 3, 4, 2, 3, 0], [0, 0, 2, 1, 0, 1, 1]]},
            ("scores",),
        ),
        Call(
            "racing.Race",
            lambda win, model, exponents: racing.Race(win, model=model, exponents=exponents).positions(),
            {"win": [0.5, 0.3, 0.2], "model": "harville", "exponents": None},
            ("win",),
        ),
        Call(
            "racing.Race.from_running_times",
            lambda times: racing.Race.from_running_times(times).win(),
            {"times": [0.0, 0.1, 0.5]},
            ("times",),
        ),
        Call("racing.Race.places", race.places, {"places": 2}),
        Call("racing.Race.without", race.without, {"runner": 1}),
        Call("racing.Race.withdraw", race.withdraw, {"runners": [1]}),
        Call("racing.positions", racing.positions, {"win": FAIR, "model": "henery"}, ("win",)),
        Call(
            "racing.without_withdrawn",
            racing.without_withdrawn,
            {"win": [0.5, 0.3, 0.2], "runners": [0]},
            ("win",),
        ),
        Call(
            "racing.board",
            racing.board,
            {"win_odds": [2.5, 4.0, 6.0, 9.0], "model": "henery", "withdrawn": [0], "margin": ("power", 1.1)},
            ("win_odds",),
        ),
        Call(
            "racing.board by places",
            racing.board,
            {
                "win_odds": [2.5, 4.0, 6.0, 9.0, 11.0, 15.0],
                "model": "harville",
                "place_odds": (2, [1.4, 1.9, 2.6, 3.6, 4.4, 5.5]),
            },
            ("win_odds",),
        ),
        Call(
            "racing.board of places",
            lambda place_odds: racing.board(
                [2.5, 4.0, 6.0, 9.0, 11.0, 15.0], model="harville", place_odds=(2, place_odds)
            ),
            {"place_odds": [1.4, 1.9, 2.6, 3.6, 4.4, 5.5]},
            ("place_odds",),
        ),
        Call(
            "racing.board with a result",
            racing.board,
            {"win_odds": [2.5, 4.0, 6.0, 9.0], "result": [1, 2, 3, 4]},
            ("win_odds", "result"),
        ),
        Call(
            "racing.grade",
            racing.grade,
            {"selection": "win/r1", "result": [1, 2, 3, 4, 5], "withdrawn": (), "is_void": False},
            ("result",),
        ),
        Call(
            "racing.RaceFormat",
            lambda runners, places_max, terms: racing.grade(
                "win/r1",
                [1, 2, 3, 4, 5],
                race=racing.RaceFormat(runners, places_max=places_max, extra_terms=terms),
            ),
            {"runners": 5, "places_max": 3, "terms": racing.Terms(2, 4)},
        ),
        Call(
            "racing.each_way_fair_odds",
            racing.each_way_fair_odds,
            {"fraction": 0.2, "win": 0.2, "place": 0.5},
        ),
        Call(
            "racing.each_way_value",
            racing.each_way_value,
            {"odds": 6.0, "fraction": 0.2, "win": 0.2, "place": 0.5},
        ),
        Call("racing.odds_after_rule4", racing.odds_after_rule4, {"odds": 9.0, "pence": 25}),
        Call("racing.place_odds", racing.place_odds, {"odds": 9.0, "fraction": 0.25}),
        Call("racing.rule4", racing.rule4, {"odds": [4.0, 11.0]}, ("odds",)),
        Call("racing.standard_terms", racing.standard_terms, {"runners": 8, "is_handicap": False}),
        Call(
            "risk.book",
            risk.book,
            {
                "bets": [("1x2/home", 2.2, 50_000)],
                "lambda_home": 1.5,
                "lambda_away": 1.1,
                "rho": 0.0,
                "size": 5,
                "tail": 0.05,
            },
        ),
        Call(
            "risk.max_stake",
            risk.max_stake,
            {
                "pnl_minor": [-80_000, 35_000],
                "outcome": 0,
                "odds": 2.6,
                "loss_minor_max": 250_000,
                "customer_factor": 0.5,
            },
            ("pnl_minor",),
        ),
        Call(
            "risk.skewed_prices",
            risk.skewed_prices,
            {"prior": [0.5, 0.25, 0.25], "payouts_minor": [120_000, -30_000, -45_000], "b_minor": 250_000.0},
            ("prior", "payouts_minor"),
        ),
        Call(
            "settle.grade",
            settle.grade,
            {"selection": "1x2/home", "score": (2, 1), "half_time": (1, 0), "goals": "hah"},
        ),
        Call(
            "settle.return_per_unit",
            settle.return_per_unit,
            {"selection": "1x2/home", "odds": 1.93, "score": (2, 1)},
        ),
        Call(
            "settle.lines",
            settle.lines,
            {"selections": names, "odds": [1.9, 2.0], "scores": [(2, 1), (0, 0)], "errors": "raise"},
            ("odds", "scores"),
        ),
        Call(
            "settle.accumulator",
            settle.accumulator,
            {"legs": [(2.5, "won"), (1.8, (1, 0, 2))], "stake_minor": 1_000},
        ),
        Call(
            "settle.plan",
            settle.plan,
            {"bet": [2, 3], "legs": 4, "stake_minor": 100, "bankers": [1]},
            ("bet", "bankers"),
        ),
        Call("settle.Plan.payout", trixie.payout, {"legs": [(2.5, "won"), (1.8, (1, 0, 2)), (3.0, "void")]}),
        Call("settle.Plan.exact", trixie.exact, {"legs": [(2.5, "won"), (1.8, "won"), (3.0, "void")]}),
        Call("settle.Plan.riding", trixie.riding, {"legs": [(2.5, "won"), (1.8, "won"), (3.0, "void")]}),
        Call("settle.Plan.max_payout", trixie.max_payout, {"odds": [2.5, 1.8, 3.0]}),
        Call(
            "settle.Plan.payouts",
            trixie.payouts,
            {"odds": [[2.5, 3.0, 1.8], [2.0, 2.0, 2.0]], "grades": [[0, 1, 0], [0, 0, 2]]},
            ("odds", "grades"),
        ),
        Call("settle.Plan.expected", trixie.expected, {"returns": [(2.0, 0.0), (1.3, 0.5), (0.9, 0.2)]}),
        Call("settle.leg", settle.leg, {"odds": 9.0, "position": 2, "places": 3, "fraction": 0.25}),
        Call("settle.plans", settle.plans, {"bets": [trixie, trixie]}),
        Call(
            "settle.Bonus",
            settle.Bonus,
            {"rules": [settle.BonusRule(1, "odds", 2), settle.BonusRule((3, 4), "return", 0.1)]},
        ),
        Call(
            "settle.DeductionTable",
            settle.DeductionTable,
            {"rows": [(1.01, 2.19, 50), (2.2, None, 40)], "step": 0.01, "percent_max": 75},
        ),
        Call("settle.DeductionTable.percent", tattersalls.percent, {"withdrawn": [2.0, 9.0]}, ("withdrawn",)),
        Call("settle.place_terms", settle.place_terms, {"runners": 16}),
        Call("settle.placed", settle.placed, {"position": 3, "tied": 2, "places": 3}),
        Call("settle.reduced_odds", settle.reduced_odds, {"odds": 3.2, "factors": [20.0, 5.5]}, ("factors",)),
        Call(
            "settle.reduced_lay_liability",
            settle.reduced_lay_liability,
            {"liability_minor": 9_000, "own": 10.0, "removed": 50.0},
        ),
        Call("settle.finish_lines", settle.finish_lines, {"runners": 5, "places": 3}),
        Call("cashout.expected_return", cashout.expected_return, {"odds": 1.8, "state": 0.5}),
        Call(
            "cashout.quote",
            cashout.quote,
            {"plan": trixie, "legs": [(2.0, "won"), (1.8, 0.72), (2.4, 0.41)], "margin": 0.05},
        ),
        Call(
            "cashout.part",
            cashout.part,
            {"whole": cashout.Quote(100.0, 95.0, 95), "ratio": 0.4, "before": 0.1},
        ),
        Call("cashout.price_ratio", cashout.price_ratio, {"stake": 50.0, "odds": 2.5, "current_odds": 1.45}),
        Call(
            "same_game.Match",
            same_game.Match,
            {
                "lambda_home": 1.7,
                "lambda_away": 1.05,
                "rho": -0.07,
                "players_home": [0.25, 0.2],
                "players_away": [0.3, 0.1],
                "corners": (5.0, 4.0),
                "knockout": same_game.Knockout((1, 0)),
            },
            ("players_home", "players_away"),
        ),
        Call("same_game.Match.price", match.price, {"legs": names, "leg_booksum": 1.05, "booksum_max": 1.25}),
        Call("same_game.Match.combinable", match.combinable, {"legs": ["1x2/home"]}),
        Call(
            "same_game.gaussian_copula",
            same_game.gaussian_copula,
            {
                "probabilities": [0.5, 0.5, 0.05],
                "correlations": [[1.0, 0.8, 0.8], [0.8, 1.0, 0.8], [0.8, 0.8, 1.0]],
            },
            ("probabilities", "correlations"),
        ),
        Call(
            "fit.goals",
            fit.goals,
            {
                "results": SEASON,
                "model": "dixon_coles",
                "weights": [1.0, 0.5] * 6,
                "neutral": [False] * 12,
                "ridge": 1.0,
            },
            ("weights", "neutral"),
        ),
        Call("fit.poisson", fit.poisson, {"results": SEASON, "ridge": 1.0}),
        Call("fit.dixon_coles", fit.dixon_coles, {"results": SEASON, "ridge": 1.0}),
        Call("fit.negative_binomial", fit.negative_binomial, {"results": SEASON, "ridge": 1.0}),
        Call(
            "fit.time_weights",
            fit.time_weights,
            {"dates": ["2025-08-15", "2026-08-15"], "half_life_days": 365.0},
        ),
        Call(
            "fit.GoalFit.predict",
            model.predict,
            {"home": ["a", "b"], "away": ["b", "a"], "neutral": [True, False]},
            ("neutral",),
        ),
        Call(
            "backtest.walk_forward",
            backtest.walk_forward,
            {"results": SEASON, "first": "2026-08-10", "ridge": 1.0, "refit_days": 7, "progress": False},
        ),
        Call(
            "backtest.Backtest.compare",
            walk.compare,
            {"probabilities": np.full((len(walk), 3), 1 / 3)},
            ("probabilities",),
        ),
        Call(
            "metrics.brier_mean",
            metrics.brier_mean,
            {"probabilities": FAIR, "outcomes": [0, 1, 2]},
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.brier_sum",
            metrics.brier_sum,
            {"probabilities": FAIR, "outcomes": [0, 1, 2]},
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.log_loss",
            metrics.log_loss,
            {"probabilities": FAIR, "outcomes": [0, 1, 2], "errors": "raise"},
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.ranked_probability_score",
            metrics.ranked_probability_score,
            {"probabilities": FAIR, "outcomes": [0, 1, 2]},
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.scores",
            metrics.scores,
            {"probabilities": FAIR, "outcomes": [0, 1, 2], "errors": "nan"},
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.calibration",
            metrics.calibration,
            {
                "probabilities": [0.1, 0.2, 0.4, 0.6, 0.7, 0.9],
                "outcomes": [0, 1, 0, 1, 0, 1],
                "bins": 5,
                "errors": "raise",
            },
            ("probabilities", "outcomes"),
        ),
        Call(
            "metrics.closing_line_value",
            metrics.closing_line_value,
            {
                "odds_taken": [2.2, 1.8, 1.6],
                "closing_odds": BOOKS,
                "selection": [0, 1, 0],
                "push": [0.0, 0.1, 0.2],
            },
            ("odds_taken", "closing_odds", "selection", "push"),
        ),
        Call(
            "metrics.closing_line_value of lines that push",
            metrics.closing_line_value,
            {
                "odds_taken": [2.1, 1.9],
                "closing_odds": [[2.0, 2.0], [1.9, 1.98]],
                "selection": [0, 1],
                "push": [0.27, 0.1],
            },
            ("push",),
        ),
        Call(
            "metrics.moved_line_value",
            metrics.moved_line_value,
            {
                "odds_taken": [2.0, 1.9],
                "line": [2.5, 2.25],
                "side": [0, 1],
                "market": "total",
                "closing_line": [2.75, 2.5],
                "closing_odds": [[1.95, 1.93], [1.9, 1.98]],
                "closing_1x2": [[2.1, 3.4, 3.6], [2.7, 3.3, 2.7]],
                "rho": [-0.1, -0.05],
            },
            ("odds_taken", "line", "side", "closing_line", "closing_odds", "closing_1x2", "rho"),
        ),
        Call(
            "metrics.moved_line_value of handicaps",
            metrics.moved_line_value,
            {
                "odds_taken": [2.0, 1.9],
                "line": [-0.5, 0.25],
                "side": [0, 1],
                "market": "handicap",
                "closing_line": [-0.5, 0.0],
                "closing_odds": [[2.04, 1.88], [1.9, 2.0]],
                "closing_total_line": [2.75, 2.5],
                "closing_total_odds": [[1.95, 1.93], [1.9, 1.98]],
            },
            ("closing_line", "closing_odds", "closing_total_line", "closing_total_odds"),
        ),
        Call(
            "kelly.single",
            kelly.single,
            {"probabilities": [0.55, 0.5], "odds": [2.0, 2.1], "push": [0.0, 0.1]},
            ("probabilities", "odds", "push"),
        ),
        Call(
            "kelly.exclusive",
            kelly.exclusive,
            {"probabilities": FAIR, "odds": BOOKS},
            ("probabilities", "odds"),
        ),
        Call(
            "kelly.simultaneous",
            kelly.simultaneous,
            {"probabilities": [0.55, 0.4], "odds": [2.0, 3.0]},
            ("probabilities", "odds"),
        ),
        Call(
            "kelly.scenarios",
            kelly.scenarios,
            {"probabilities": [0.33, 0.24, 0.43], "returns": [2.05, 1.525, 0.0]},
            ("probabilities", "returns"),
        ),
        Call(
            "kelly.growth",
            kelly.growth,
            {"stakes": [0.1, 0.05], "probabilities": [0.55, 0.4], "odds": [2.0, 3.0]},
            ("stakes", "probabilities", "odds"),
        ),
        Call(
            "kelly.implied_probability",
            kelly.implied_probability,
            {"stakes": [0.02, 0.05], "odds": [2.4, 1.9]},
            ("stakes", "odds"),
        ),
        Call(
            "metrics.moved_line_value handicap",
            metrics.moved_line_value,
            {
                "odds_taken": [2.0, 1.9],
                "line": [-0.25, 0.25],
                "side": [0, 1],
                "market": "handicap",
                "closing_line": [-0.5, 0.5],
                "closing_odds": [[1.95, 1.93], [1.9, 1.98]],
                "closing_total_line": [2.75, 2.5],
                "closing_total_odds": [[1.95, 1.93], [1.9, 1.98]],
            },
            ("closing_total_line", "closing_total_odds"),
        ),
        Call(
            "metrics.closing_line_value push",
            metrics.closing_line_value,
            {
                "odds_taken": [2.2, 1.8, 1.6],
                "closing_odds": BOOKS,
                "selection": [0, 1, 0],
                "push": [0.1, 0.0, 0.2],
            },
            ("push",),
        ),
        Call(
            "metrics.value_posterior",
            metrics.value_posterior,
            {"mean": 0.02, "sd": 0.1, "bets": 100, "prior_mean": -0.03, "prior_sd": 0.03},
        ),
        Call(
            "metrics.hold",
            metrics.hold,
            {"stakes": [100.0, 50.0], "payouts": [0.0, 120.0]},
            ("stakes", "payouts"),
        ),
        Call(
            "metrics.theoretical_hold",
            metrics.theoretical_hold,
            {"stakes": [100.0, 50.0], "odds": [1.9, 1.9], "fair_probabilities": [0.5, 0.5]},
            ("stakes", "odds", "fair_probabilities"),
        ),
        Call(
            "metrics.hold_interval",
            metrics.hold_interval,
            {"stakes": [100.0, 50.0], "payouts": [0.0, 120.0], "replicates": 100, "seed": 1},
            ("stakes", "payouts"),
        ),
        Call(
            "metrics.paired_difference",
            metrics.paired_difference,
            {"one": [0.9, 1.1, 0.7], "other": [1.0, 1.0, 1.0]},
            ("one", "other"),
        ),
        Call("models.Space", Space, {"name": "pair", "outcomes": [[0, 0], [0, 1]]}, ("outcomes",)),
        Call("models.Space.possible", space.possible, {"mask": [True, False, True]}, ("mask",)),
        Call(
            "models.Space.fair_odds",
            space.fair_odds,
            {"probabilities": [0.5, 0.25, 0.25]},
            ("probabilities",),
        ),
        Call(
            "models.Space.index", lambda first, second: space.index(first, second), {"first": 0, "second": 1}
        ),
        Call(
            "models.Space.market",
            lambda grade: (
                Space("pair", [[0, 0], [0, 1]]).market("side", {"first": grade}).markets["side"].shares
            ),
            {"grade": [1.0, 0.5]},
            ("grade",),
        ),
        Call("tables.Table", tables.Table, {"columns": {"a": [1, 2], "b": [0.5, 1.0]}}),
        Call(
            "tables.Table.rows",
            lambda which: tables.Table({"a": [1, 2, 3], "b": [0.5, 1.0, 2.0]}).rows(which),
            {"which": [2, 0]},
            ("which",),
        ),
        Call("tables.select", tables.select, {"data": SEASON, "names": ["home", "away"]}),
        Call("tables.table_from", tables.table_from, {"data": SEASON}),
        Call(
            "data.simulated_league",
            data.simulated_league,
            {"teams": 4, "seasons": 1, "rho": -0.05, "seed": 0},
        ),
    ]


CALLS = _calls()

# Public names that are covered by what they are made by, or take nothing from outside.
NOT_CALLED = {
    "backtest.Backtest",
    "backtest.Forecasts",
    "data.FootballData",
    "data.football_data",
    "fit.GoalFit",
    "fit.Predictions",
    "football.Board",
    "football.Markets",
    "metrics.Calibration",
    "metrics.ClosingLineValue",
    "metrics.Scores",
    "models.GradeFunction",
    "models.IntensityModel",
    "models.JointModel",
    "models.ModelHost",
    "models.SpaceMarket",
    "models.grade_function",
    "models.intensity_model",
    "models.joint_model",
    "racing.Board",
    "risk.Book",
    "same_game.Multiple",
    "settle.LegReturn",
    "tables.TableLike",
    "tennis.Board",
}
