//! How long tennis takes on this machine: `cargo run --release -p oddsengine-pricing --example tennis_timing`.
//!
//! Checks its answers first. Prints the median of 41 rounds, per call, after a warm-up.

use std::hint::black_box;
use std::time::Instant;

use oddsengine_markets::tennis::{
    BestOf, FinalSet, Side, TennisFormat, TennisIncidentKind as Kind, TennisState,
};
use oddsengine_markets::{Format, LivePhase, LiveState, Possible, template_of};
use oddsengine_pricing::board::{OfferScratch, PriceRules, ViewPrefixes, offer_market};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_pricing::model::{ModelConfig, Models, Parameters};
use oddsengine_pricing::tennis::calibration::{CalibrationSettings, GamesTarget, from_probabilities};
use oddsengine_pricing::tennis::{StateTable, TennisModel, TennisParameters, fill_views};
use oddsengine_types::Ladder;

const ROUNDS: usize = 41;

fn time<T>(name: &str, calls: usize, mut call: impl FnMut(usize) -> T) {
    let mut rounds: Vec<f64> = (0..ROUNDS + 5)
        .map(|_| {
            let start = Instant::now();
            for index in 0..calls {
                black_box(call(index));
            }
            start.elapsed().as_secs_f64() / calls as f64
        })
        .skip(5)
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<58} {:>9.3} us, least {:>9.3} us", rounds[ROUNDS / 2] * 1e6, rounds[0] * 1e6);
}

/// The states of one match, point by point.
fn states(format: &TennisFormat, seed: u64) -> Vec<TennisState> {
    let mut random = seed;
    let mut state = TennisState::new(*format);
    state.apply(&Kind::Start(Side::Home).into()).expect("the match starts");
    let mut states = vec![state];
    loop {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let server = state.score.point_server(format).expect("it is known");
        let side = if random >> 33 & 1_023 < 650 { server } else { server.other() };
        state.apply(&Kind::Point(side).into()).expect("play goes on");
        if state.phase() == LivePhase::Finished {
            return states;
        }
        states.push(state);
    }
}

fn main() {
    let models = Models::new(&ModelConfig::default()).expect("the defaults are valid");
    for (name, best_of, final_set) in [
        ("best of 3, tb7", BestOf::Three, FinalSet::TieBreak7),
        ("best of 5, tb10", BestOf::Five, FinalSet::TieBreak10),
        ("best of 5, advantage", BestOf::Five, FinalSet::Advantage),
    ] {
        let format = TennisFormat { best_of, final_set, ..TennisFormat::default() };
        let template = template_of(&Format::Tennis(format)).expect("tennis has templates");
        println!("{name}: {} markets, {} selections", template.markets.len(), template.selections.len());
        let states: Vec<TennisState> = (1..9).flat_map(|seed| self::states(&format, seed)).collect();
        let serve = |index: usize| [0.60 + 0.001 * (index % 60) as f64, 0.66 - 0.001 * (index % 50) as f64];
        let model = |index: usize| TennisModel::new(&format, serve(index)).expect("levels are in range");

        // The answers: the table agrees with the model, the board with the table.
        let mut table = StateTable::new(&model(0));
        for state in &states {
            let (got, wanted) = (table.match_home(&state.score), model(0).match_home(&state.score));
            assert!((got - wanted).abs() < 1e-12);
        }
        let mut prefixes = ViewPrefixes::new(template);
        let count = template.selections.len();
        let (mut win, mut refund, mut odds) = (vec![0.0; count], vec![0.0; count], vec![0; count]);
        let parameters = TennisParameters { serve: serve(0), prior_points: None };
        for state in &states {
            fill_views(&parameters, state, &mut prefixes);
            prefixes.expectations(template, &mut win, &mut refund);
            assert!((win[0] - table.match_home(&state.score)).abs() < 1e-12);
        }

        time("  game, tie-break, set and match chances", 2_000, model);
        time(&format!("  state table, {} scores", table.len()), 200, |index| {
            table.fill(&model(index));
            table.match_home(&states[0].score)
        });
        time("  lookup of a score", 100_000, |index| table.match_home(&states[index % states.len()].score));
        for (kind, prior_points) in [("known levels", None), ("uncertain levels", Some(300.0))] {
            let parameters = TennisParameters { serve: [0.65, 0.62], prior_points };
            time(&format!("  all views in play, {kind}"), 500, |index| {
                fill_views(&parameters, &states[index * 7 % states.len()], &mut prefixes);
            });
            time(&format!("  fair board in play, {kind}"), 500, |index| {
                fill_views(&parameters, &states[index * 7 % states.len()], &mut prefixes);
                prefixes.expectations(template, &mut win, &mut refund);
                win[index % count]
            });
            let pre_match = TennisState::new(format);
            time(&format!("  fair board before the toss, {kind}"), 500, |index| {
                fill_views(&parameters, &pre_match, &mut prefixes);
                prefixes.expectations(template, &mut win, &mut refund);
                win[index % count]
            });
        }
        time("  expectations of all selections", 500, |index| {
            prefixes.expectations(template, &mut win, &mut refund);
            win[index % count]
        });
        let rules = PriceRules {
            method: MarginMethod::Multiplicative,
            booksum: 1.06,
            ladder: Ladder::Fine,
            odds_e4_min: 10_100,
            odds_e4_max: 1_000_000,
            skew_b_minor: None,
        };
        let mut scratch = OfferScratch::default();
        let live: Vec<LiveState> = states.iter().map(|state| LiveState::Tennis(Box::new(*state))).collect();
        let known = Parameters::Tennis(TennisParameters { serve: [0.65, 0.62], prior_points: None });
        time("  fair and offered board in play, known levels", 500, |index| {
            models.fill(template, &known, &live[index * 7 % live.len()], &mut prefixes);
            prefixes.expectations(template, &mut win, &mut refund);
            for market in &template.markets {
                let range = market.selections();
                let (win, refund) = (&win[range.clone()], &refund[range.clone()]);
                offer_market(market, win, refund, |_| true, |_| 0, &rules, &mut scratch, &mut odds[range]);
            }
            odds[index % count]
        });
        let mut possible = Possible::default();
        time("  what is possible", 500, |index| {
            live[index * 7 % live.len()].fill_possible(template, &mut possible);
            possible.main.len()
        });
        for prior_points in [None, Some(300.0)] {
            let settings = CalibrationSettings { prior_points, ..CalibrationSettings::default() };
            time(&format!("  calibration to winner and over, prior {prior_points:?}"), 20, |index| {
                let target = GamesTarget::Over {
                    line: if best_of == BestOf::Three { 22.5 } else { 38.5 },
                    probability: 0.48 + 0.001 * index as f64,
                };
                let p = 0.3 + 0.02 * index as f64;
                from_probabilities(&format, p, target, &settings).map_or(f64::NAN, |fitted| fitted.serve[0])
            });
        }
    }
}
