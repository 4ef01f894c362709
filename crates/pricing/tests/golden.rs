//! Reproduces the golden cases of pricing: every number a case expects is looked for, and a case with an unknown
//! function or a number that nothing computes fails.
//!
//! The cases live in `tests/golden` of the repository. The market rows are reference data that is not part of it:
//! they are read from `$ODDSENGINE_REFERENCE_DATA/golden` and skipped, with a printed line, when that is not set.

use oddsengine_pricing::football::calibration::{self, MatchPrices, calibrate, calibrate_from_odds};
use oddsengine_pricing::football::counts::NegativeBinomial;
use oddsengine_pricing::football::inplay::{self, Half};
use oddsengine_pricing::football::intensity::RateMultipliers;
use oddsengine_pricing::football::markov::{self, MatchState};
use oddsengine_pricing::football::weibull;
use oddsengine_pricing::football::{DixonColes, LineShares, ScoreGrid, quarters_from_line};
use oddsengine_pricing::margin::{self, MarginMethod};
use oddsengine_pricing::racing::{self, Exponents, HeneryModel, ModelKind, OrderModel};
use oddsengine_pricing::snap;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[test]
fn margin_removal() {
    run("margin_removal", 51, |case, inputs| {
        let inverse: Vec<f64> = numbers(&inputs["odds"]).iter().map(|odds| 1.0 / odds).collect();
        let mut fair = vec![0.0; inverse.len()];
        match margin::remove_with_parameter(method(inputs), &inverse, number(&inputs["target"]), &mut fair) {
            Ok(parameter) => {
                let mut got = json!({"probabilities": fair, "booksum": inverse.iter().sum::<f64>()});
                if case["expected"].get("parameter").is_some() {
                    got["parameter"] = json!(parameter);
                }
                got
            }
            Err(error) => json!({"error": error.code()}),
        }
    });
}

#[test]
fn margin_application() {
    run("margin_application", 27, |_, inputs| {
        let fair = numbers(&inputs["probabilities"]);
        let mut implied = vec![0.0; fair.len()];
        match margin::apply(method(inputs), &fair, number(&inputs["booksum"]), &mut implied) {
            Ok(()) => json!({"odds": implied.iter().map(|p| 1.0 / p).collect::<Vec<_>>()}),
            Err(error) => json!({"error": error.code()}),
        }
    });
}

#[test]
fn racing_orders() {
    run("racing", 5, |case, inputs| {
        let win = numbers(&inputs["p_win"]);
        let count = win.len();
        let places = |model: &OrderModel, places: usize| {
            let mut out = vec![0.0; count];
            model.places(places, &mut out).unwrap();
            out
        };
        match text(&case["function"]) {
            "racing.order" => {
                let [first, second, third] = numbers(&inputs["exponents"]).try_into().unwrap();
                assert_eq!(first, 1.0);
                let model =
                    OrderModel::new(ModelKind::Sequential(Exponents { second, third, later: 1.0 }), &win)
                        .unwrap();
                let (mut exactas, mut quinellas) = (vec![0.0; count * count], vec![0.0; count * count]);
                let mut trifectas = vec![0.0; count * count * count];
                model.exactas(&mut exactas).unwrap();
                model.quinellas(&mut quinellas).unwrap();
                model.trifectas(&mut trifectas).unwrap();
                json!({
                    "exacta": per_key(&case["expected"]["exacta"], |pair| {
                        let (first, second) = pair.split_once('-').unwrap();
                        let index = |runner: &str| runner.parse::<usize>().unwrap() - 1;
                        json!(exactas[index(first) * count + index(second)])
                    }),
                    "quinella_1_2": quinellas[1],
                    "trifecta_1_2_3": trifectas[count + 2],
                    "trifecta_4_1_2": trifectas[3 * count * count + 1],
                    "place2": places(&model, 2),
                    "place3": places(&model, 3),
                })
            }
            "racing.henery" => {
                let model = HeneryModel::from_win(&win).unwrap();
                let times = model.times().to_vec();
                let model = OrderModel::Henery(Box::new(model));
                json!({"theta_zero_mean": times, "place2": places(&model, 2), "place3": places(&model, 3)})
            }
            "racing.each_way_ev" => {
                assert_eq!(text(&inputs["place_model"]), "harville");
                let model = OrderModel::new(ModelKind::Sequential(Exponents::HARVILLE), &win).unwrap();
                let runner = number(&inputs["runner_1_based"]) as usize - 1;
                let place = places(&model, number(&inputs["places"]) as usize)[runner];
                let (odds, fraction) = (number(&inputs["odds"]), number(&inputs["fraction"]));
                json!({
                    "p_place": place,
                    "expected_return_per_unit_total_stake":
                        racing::each_way::expected_value(odds, fraction, win[runner], place).unwrap(),
                })
            }
            "racing.withdraw" => {
                let withdrawn = number(&inputs["withdrawn_1_based"]) as usize - 1;
                let flags: Vec<bool> = (0..count).map(|runner| runner == withdrawn).collect();
                let mut rest = vec![0.0; count];
                racing::without_withdrawn(&win, &flags, &mut rest).unwrap();
                rest.remove(withdrawn);
                json!({"p_win_rest": rest})
            }
            other => panic!("unknown function {other}"),
        }
    });
}

#[test]
fn football_score() {
    run("football_score", 7, |case, inputs| match text(&case["function"]) {
        "football.markets" => markets(&score_grid(inputs), &case["expected"]),
        "football.weibull_count_pmf" => {
            let mut masses = [0.0; 9];
            weibull::weibull_masses(number(&inputs["rate"]), number(&inputs["shape"]), &mut masses).unwrap();
            json!({"pmf_0_to_8": masses})
        }
        "football.1x2" => {
            let grid = score_grid(inputs);
            json!({"home": grid.home(), "draw": grid.draw(), "away": grid.away(),
                   "score_1_1": grid.correct_score(1, 1), "score_0_0": grid.correct_score(0, 0)})
        }
        other => panic!("unknown function {other}"),
    });
}

#[test]
fn football_calibration() {
    run("football_calibration", 5, |case, inputs| match text(&case["function"]) {
        "football.calibrate" => {
            let [home, draw, away, over] =
                ["p_home", "p_draw", "p_away", "p_over_2_5"].map(|key| number(&inputs[key]));
            let model = calibrate(&MatchPrices { home, draw, away, total_quarters: 10, over }).unwrap();
            let grid = ScoreGrid::from_dixon_coles(&model);
            let handicaps = per_key(&case["expected"]["ah_fair_prob_home"], |line| {
                json!(grid.asian_handicap_home(quarters(line)).fair_probability().unwrap())
            });
            json!({"lambda_home": model.lambda_home(), "lambda_away": model.lambda_away(), "rho": model.rho(),
                   "ah_fair_prob_home": handicaps, "btts_yes": grid.both_score()})
        }
        "football.calibrate_from_odds" => {
            let fitted = from_odds(inputs);
            let (prices, model) = (fitted.prices, fitted.model);
            json!({"p": [prices.home, prices.draw, prices.away], "p_over": prices.over,
                   "lambda_home": model.lambda_home(), "lambda_away": model.lambda_away(), "rho": model.rho()})
        }
        "football.calibrate_asian" => {
            let line = |key: &str| quarters_from_line(number(&inputs[key])).unwrap();
            let (home, over) = (number(&inputs["fair_prob_home"]), number(&inputs["fair_prob_over"]));
            let model =
                calibration::from_asian_lines(line("handicap_home"), home, line("total_line"), over).unwrap();
            let grid = ScoreGrid::from_dixon_coles(&model);
            json!({"total": model.total(), "supremacy": model.supremacy(),
                   "home": grid.home(), "draw": grid.draw(), "away": grid.away()})
        }
        other => panic!("unknown function {other}"),
    });
}

#[test]
fn football_inplay() {
    run("football_inplay", 4, |case, inputs| match text(&case["function"]) {
        "football.inplay" => {
            let left = 1.0 - number(&inputs["share_of_goals_elapsed"]);
            let (home, away) = (number(&inputs["lambda_home"]) * left, number(&inputs["lambda_away"]) * left);
            let score = numbers(&inputs["score"]);
            let odds = inplay::full_time(home, away, (score[0] - score[1]) as i32).unwrap();
            let next = inplay::next_goal(home, away).unwrap();
            json!({"home": odds.home, "draw": odds.draw, "away": odds.away,
                   "next_goal_home": next.home, "next_goal_away": next.away, "no_more_goals": next.none})
        }
        "football.ht_ft" => {
            let (home, away) = (number(&inputs["lambda_home"]), number(&inputs["lambda_away"]));
            let share = number(&inputs["first_half_share"]);
            let half = |s: f64| Half { remaining_home: home * s, remaining_away: away * s, difference: 0 };
            let table = inplay::half_time_full_time(half(share), half(1.0 - share)).unwrap();
            let place = |letter: &str| "HDA".find(letter).unwrap();
            per_key(&case["expected"], |key| json!(table[place(&key[..1])][place(&key[2..])]))
        }
        "football.inplay_markov" => {
            let grid = markov_grid(inputs);
            json!({"home": grid.home(), "draw": grid.draw(), "away": grid.away(),
                   "p_0_0": grid.correct_score(0, 0), "p_1_1": grid.correct_score(1, 1)})
        }
        "counts.negbin_over" => {
            let counts =
                NegativeBinomial::new(number(&inputs["mean"]), number(&inputs["dispersion"])).unwrap();
            let over = counts.over(quarters_from_line(number(&inputs["line"])).unwrap());
            json!({"over": over.win, "variance": counts.variance()})
        }
        other => panic!("unknown function {other}"),
    });
}

#[test]
fn ladders_with_minimum_margin() {
    let cases = cases(&repository_folder().join("ladders.json"));
    let snapped: Vec<&Value> =
        cases.iter().filter(|case| text(&case["function"]) == "ladder.snap_min_margin").collect();
    assert_eq!(snapped.len(), 2);
    for case in snapped {
        let inputs = &case["inputs"];
        let fair = numbers(&inputs["probabilities"]);
        let minimum = number(&inputs["booksum_min"]);
        let mut raw = vec![0.0; fair.len()];
        margin::apply(method(inputs), &fair, minimum, &mut raw).unwrap();
        raw.iter_mut().for_each(|p| *p = 1.0 / *p);
        let (mut floor, mut best) = (vec![0; raw.len()], vec![0; raw.len()]);
        let floor_booksum = snap::snap_down(&betfair(), &raw, &[], &mut floor).unwrap();
        let best_booksum = snap::snap_min_margin(&betfair(), &raw, minimum, &[], &mut best).unwrap();
        let odds = |e4: &[u32]| e4.iter().map(|odds| f64::from(*odds) / 1e4).collect::<Vec<_>>();
        let got = json!({"raw_odds": raw, "floor_odds": odds(&floor), "floor_booksum": floor_booksum,
                         "best_odds": odds(&best), "best_booksum": best_booksum});
        compare(text(&case["id"]), &case["expected"], &got, number(&case["tolerance"]["abs"]));
    }
}

#[test]
fn football_market_rows() {
    let Some(folder) = std::env::var_os("ODDSENGINE_REFERENCE_DATA") else {
        println!("skipped: ODDSENGINE_REFERENCE_DATA is not set, the football market rows are not checked");
        return;
    };
    let (mut error_sum, mut error_max, mut row_count) = (0.0, 0.0_f64, 0);
    for case in cases(&PathBuf::from(folder).join("golden/football_market_rows.json")) {
        let got = if text(&case["function"]) == "football.calibrate_then_asian" {
            let inputs = &case["inputs"];
            let model = from_odds(inputs).model;
            let line = quarters_from_line(number(&inputs["handicap_home"])).unwrap();
            let shares = ScoreGrid::from_dixon_coles(&model).asian_handicap_home(line);
            let inverse: Vec<f64> = numbers(&inputs["odds_ah"]).iter().map(|odds| 1.0 / odds).collect();
            let mut market = [0.0; 2];
            margin::remove(method(inputs), &inverse, 1.0, &mut market).unwrap();
            let error = (shares.fair_probability().unwrap() - market[0]).abs();
            error_sum += error;
            error_max = error_max.max(error);
            row_count += 1;
            json!({"lambda_home": model.lambda_home(), "lambda_away": model.lambda_away(), "rho": model.rho(),
                   "model_ah_prob_home": shares.fair_probability(), "market_ah_prob_home": market[0]})
        } else {
            json!({"mean_absolute_error": error_sum / f64::from(row_count), "max_absolute_error": error_max})
        };
        compare(text(&case["id"]), &case["expected"], &got, number(&case["tolerance"]["abs"]));
    }
    assert_eq!(row_count, 40);
}

fn score_grid(inputs: &Value) -> ScoreGrid {
    let get = |key: &str| number(&inputs[key]);
    match text(&inputs["model"]) {
        "dixon_coles" => ScoreGrid::from_dixon_coles(
            &DixonColes::new(get("lambda_home"), get("lambda_away"), get("rho")).unwrap(),
        ),
        "bivariate_poisson" => {
            ScoreGrid::from_bivariate_poisson(get("lambda1"), get("lambda2"), get("lambda3")).unwrap()
        }
        "weibull_frank" => {
            weibull::weibull_frank_grid(get("rate_home"), get("rate_away"), get("shape"), get("kappa"))
                .unwrap()
        }
        other => panic!("unknown model {other}"),
    }
}

/// Every market that the case expects, under the case's own names.
fn markets(grid: &ScoreGrid, expected: &Value) -> Value {
    let double_chance = grid.double_chance();
    let line = |shares: LineShares, side: &str| {
        json!({"win": shares.win, "lose": shares.lose, format!("fair_odds_{side}"): shares.fair_odds(),
               format!("fair_prob_{side}"): shares.fair_probability()})
    };
    json!({
        "home": grid.home(), "draw": grid.draw(), "away": grid.away(),
        "double_chance": {"1X": double_chance.home_or_draw, "12": double_chance.home_or_away, "X2": double_chance.draw_or_away},
        "draw_no_bet_home": grid.draw_no_bet_home().fair_probability(),
        "btts_yes": grid.both_score(), "odd_total": grid.odd_total(),
        "home_clean_sheet": grid.home_clean_sheet(), "home_win_to_nil": grid.home_win_to_nil(),
        "correct_score": per_key(&expected["correct_score"], |score| {
            let (home, away) = score.split_once('-').unwrap();
            json!(grid.correct_score(home.parse().unwrap(), away.parse().unwrap()))
        }),
        "exact_total": per_key(&expected["exact_total"], |goals| json!(grid.exact_total(goals.parse().unwrap()))),
        "home_win_by": per_key(&expected["home_win_by"], |goals| match goals.strip_suffix('+') {
            Some(least) => json!(grid.home_wins_by_at_least(least.parse().unwrap())),
            None => json!(grid.home_wins_by(goals.parse().unwrap())),
        }),
        "over_under": per_key(&expected["over_under"], |key| line(grid.over(quarters(key)), "over")),
        "asian_handicap_home": per_key(&expected["asian_handicap_home"], |key| {
            line(grid.asian_handicap_home(quarters(key)), "home")
        }),
    })
}

/// The case spreads the goals by piecewise constant weights; only their integral matters to the chain.
fn markov_grid(inputs: &Value) -> ScoreGrid {
    let (knots, weights) = (numbers(&inputs["knots"]), numbers(&inputs["weights"]));
    let start = number(&inputs["t0"]);
    let share =
        knots.windows(2).zip(&weights).map(|(knot, weight)| (knot[1] - knot[0].max(start)).max(0.0) * weight);
    let lead = |key: &str| number(&inputs["lead_mult"][key]);
    let multipliers = RateMultipliers {
        leading: lead("leading"),
        level: lead("level"),
        trailing: lead("trailing"),
        red_own: number(&inputs["red_own"]),
        red_opponent: number(&inputs["red_opp"]),
    };
    let pair = |key: &str| numbers(&inputs[key]).iter().map(|count| *count as u8).collect::<Vec<_>>();
    let (score, red) = (pair("score"), pair("red"));
    let state = MatchState { home_goals: score[0], away_goals: score[1], red_home: red[0], red_away: red[1] };
    markov::final_scores(number(&inputs["home"]), number(&inputs["away"]), &multipliers, state, share.sum())
        .unwrap()
}

fn from_odds(inputs: &Value) -> calibration::CalibratedMatch {
    let match_odds: [f64; 3] = numbers(&inputs["odds_1x2"]).try_into().unwrap();
    let lines: [f64; 2] = numbers(&inputs["odds_over_under_2_5"]).try_into().unwrap();
    calibrate_from_odds(match_odds, method(inputs), 10, lines, method(inputs)).unwrap()
}

/// The classic exchange ladder in ten-thousandths: (rungs up to, step).
const BETFAIR: [(u32, u32); 10] = [
    (20_000, 100),
    (30_000, 200),
    (40_000, 500),
    (60_000, 1_000),
    (100_000, 2_000),
    (200_000, 5_000),
    (300_000, 10_000),
    (500_000, 20_000),
    (1_000_000, 50_000),
    (10_000_000, 100_000),
];

fn betfair() -> impl snap::OddsLadder {
    let rungs = || {
        BETFAIR.iter().scan(10_000, |from, (to, step)| {
            let range = (*from + step..=*to).step_by(*step as usize);
            *from = *to;
            Some(range)
        })
    };
    let down = move |odds: f64| rungs().flatten().take_while(|rung| f64::from(*rung) <= odds * 1e4).last();
    let up = move |odds: f64| rungs().flatten().find(|rung| f64::from(*rung) >= odds * 1e4);
    (down, up)
}

fn repository_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn cases(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// Runs all cases of a topic and checks their number, so that none is lost.
fn run(topic: &str, count: usize, compute: impl Fn(&Value, &Value) -> Value) {
    let cases = cases(&repository_folder().join(format!("{topic}.json")));
    assert_eq!(cases.len(), count);
    for case in &cases {
        let got = compute(case, &case["inputs"]);
        compare(text(&case["id"]), &case["expected"], &got, number(&case["tolerance"]["abs"]));
    }
}

/// Every leaf of `expected` is in `got`, and `got` has nothing else.
fn compare(at: &str, expected: &Value, got: &Value, tolerance: f64) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            assert_eq!(expected.len(), got.len(), "{at}: {:?} and {:?}", expected.keys(), got.keys());
            for (key, value) in expected {
                let found = got.get(key).unwrap_or_else(|| panic!("{at}: nothing computes {key}"));
                compare(&format!("{at}/{key}"), value, found, tolerance);
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            assert_eq!(expected.len(), got.len(), "{at}");
            for (index, (value, found)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{at}/{index}"), value, found, tolerance);
            }
        }
        (Value::Number(_), Value::Number(_)) => {
            let (expected, got) = (number(expected), number(got));
            assert!(
                (expected - got).abs() <= tolerance,
                "{at}: {got} is not {expected} within {tolerance:e}"
            );
        }
        _ => assert_eq!(expected, got, "{at}"),
    }
}

fn per_key(expected: &Value, value: impl Fn(&str) -> Value) -> Value {
    expected
        .as_object()
        .unwrap()
        .keys()
        .map(|key| (key.clone(), value(key)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn quarters(line: &str) -> i32 {
    quarters_from_line(line.parse().unwrap()).unwrap()
}

fn method(inputs: &Value) -> MarginMethod {
    MarginMethod::parse(text(&inputs["method"])).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
