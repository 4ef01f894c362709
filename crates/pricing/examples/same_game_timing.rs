//! Times same-game multiples: `cargo run --release -p oddsengine-pricing --example same_game_timing`.
//!
//! Each figure is nanoseconds per call over runs with changing legs: the fastest run and the median run. Answers are
//! checked against sums over the cells before anything is timed.

use oddsengine_markets::football::{FootballFormat, FootballState, Knockout};
use oddsengine_markets::{Format, LiveState, template_of};
use oddsengine_pricing::board::ViewPrefixes;
use oddsengine_pricing::football::DixonColes;
use oddsengine_pricing::football::live_views::RemainingGoals;
use oddsengine_pricing::model::{FootballParameters, ModelConfig, Models, Parameters};
use oddsengine_pricing::same_game::{
    SameGameLegs, SameGameOutcomes, combinable, gaussian_copula, leg_probabilities, price,
};
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 41;

fn time(name: &str, calls: usize, mut call: impl FnMut(usize) -> f64) {
    let mut ns: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let sum: f64 = (0..calls).map(|index| call(black_box(index))).sum();
            let elapsed = start.elapsed().as_nanos() as f64 / calls as f64;
            assert!(black_box(sum).is_finite());
            elapsed
        })
        .collect();
    ns.sort_by(f64::total_cmp);
    println!("{name:<62} {:>10.1} {:>10.1}", ns[0], ns[RUNS / 2]);
}

fn main() {
    println!("{:<62} {:>10} {:>10}", "nanoseconds per call", "fastest", "median");
    score_alone();
    in_depth();
    copulas();
}

fn selection(legs: &SameGameLegs, text: &str) -> u16 {
    let (market, name) = text.split_once('/').expect("market/selection");
    let market = legs.template().market_index(market).expect("the market exists");
    legs.template().selection_index(market, name).expect("the selection exists") as u16
}

fn remaining(index: usize) -> RemainingGoals {
    let lambda = [1.2 + 0.005 * (index % 100) as f64, 1.6 - 0.005 * (index % 90) as f64];
    let means = [0.45, 0.55].map(|share| lambda.map(|rate| rate * share));
    RemainingGoals { means, lambda, rho: -0.06 }
}

fn score_alone() {
    let legs = SameGameLegs::new(FootballFormat::default()).expect("the default format is in its bounds");
    let all = |texts: &[&str]| -> Vec<u16> { texts.iter().map(|text| selection(&legs, text)).collect() };
    let state = FootballState::default();
    let models: Vec<SameGameOutcomes<'_>> =
        (0..256).map(|index| SameGameOutcomes::new(&remaining(index), &state)).collect();
    let priced = |index: usize, selections: &[u16]| {
        price(&legs, &models[index % 256], selections).expect("no contradiction").fair_odds
    };
    let six = [
        all(&[
            "1x2/home",
            "total:1.5/over",
            "both_score/yes",
            "total:4.5/under",
            "home_total:1.5/over",
            "handicap:-2.5/away",
        ]),
        all(&[
            "double_chance/1x",
            "total:1.5/over",
            "total:5.5/under",
            "away_total:1.5/under",
            "odd_even/odd",
            "handicap:1.5/home",
        ]),
    ];
    let refunding = all(&[
        "handicap:-0.25/home",
        "total:2.25/over",
        "total:5/under",
        "away_total:1.75/under",
        "both_score/yes",
        "handicap:-3/away",
    ]);
    check(&six[0], &models[0], &legs);
    time("joint model of a match", 2_000, |index| {
        black_box(SameGameOutcomes::new(&remaining(index), &state));
        0.0
    });
    time("6 score legs", 5_000, |index| priced(index, &six[index % 2]));
    time("6 score legs, joint model made anew", 2_000, |index| {
        let outcomes = SameGameOutcomes::new(&remaining(index), &state);
        price(&legs, &outcomes, &six[index % 2]).expect("priced").fair_odds
    });
    time("6 score legs, and each leg alone", 2_000, |index| {
        let alone = leg_probabilities(&legs, &models[index % 256], &six[index % 2]).expect("priced");
        priced(index, &six[index % 2]) + alone[0]
    });
    time("6 score legs with quarter lines and pushes", 2_000, |index| priced(index, &refunding));
    time("2 score legs", 5_000, |index| priced(index, &six[0][..2]));
    for (name, calls, texts) in [
        ("half, result and total", 500, ["1x2.h1/draw", "1x2/home", "total:2.5/over"]),
        ("first goal, result and total", 500, ["first_goal/away", "1x2/home", "total:2.5/over"]),
        ("first goal, half and result", 50, ["first_goal/away", "1x2.h1/draw", "1x2/home"]),
    ] {
        let selections = all(&texts);
        time(name, calls, |index| priced(index, &selections));
    }
    for count in [0, 2, 4] {
        time(&format!("combinable: 1,012 selections with {count} score legs"), 20, |index| {
            combinable(&legs, &models[index % 256], &six[0][..count]).expect("answered").len() as f64
        });
    }
}

fn in_depth() {
    let format = FootballFormat {
        knockout: Some(Knockout::default()),
        corners: true,
        cards: true,
        intervals: true,
        players: [18, 18],
    };
    let legs = SameGameLegs::new(format).expect("the format is in its bounds");
    let models = Models::new(&ModelConfig::default()).expect("the defaults are in their bounds");
    let state = FootballState::new(format);
    let model = DixonColes::new(1.5, 1.1, -0.06).expect("rho is small");
    let mut given = FootballParameters::of(&model, &format);
    given.depth.shares_home = vec![0.05; 18];
    given.depth.shares_away = vec![0.05; 18];
    let outcomes = models.same_game(&given, &state);
    for (name, texts) in [
        ("two scorers and result", ["anytime_scorer/home_1", "anytime_scorer/away_3", "1x2/home"]),
        ("first scorer, a scorer and result", ["first_scorer/home_1", "anytime_scorer/away_3", "1x2/home"]),
        ("ten minutes, a half and result", ["total.m0-10:0.5/over", "1x2.h1/home", "1x2/home"]),
        ("who goes through, total, both score", ["to_qualify/home", "total:2.5/over", "both_score/yes"]),
        ("corners, result and total", ["corners_total:9.5/over", "1x2/home", "total:2.5/over"]),
        ("corners, cards and result", ["corners_total:9.5/over", "cards_total:3.5/over", "1x2/home"]),
    ] {
        let selections: Vec<u16> = texts.iter().map(|text| selection(&legs, text)).collect();
        time(name, 50, |_| price(&legs, &outcomes, &selections).expect("priced").fair_odds);
    }
    let count = legs.count();
    time(&format!("combinable: {count} selections with 2 score legs"), 1, |_| {
        let selections = [selection(&legs, "1x2/home"), selection(&legs, "total:2.5/over")];
        combinable(&legs, &outcomes, &selections).expect("answered").len() as f64
    });

    let template = template_of(&Format::Football(format)).expect("compiled");
    let mut prefixes = ViewPrefixes::new(template);
    let (parameters, live) = (Parameters::Football(given.clone()), LiveState::Football(state));
    time(&format!("all {} views of the format", template.views.len()), 100, |_| {
        assert!(models.fill(template, &parameters, &live, &mut prefixes));
        prefixes.view(0)[1]
    });
    let plain = template_of(&Format::FOOTBALL).expect("compiled");
    let mut prefixes = ViewPrefixes::new(plain);
    let live = LiveState::Football(FootballState::default());
    time("all 21 views of the default format", 500, |_| {
        assert!(models.fill(plain, &parameters, &live, &mut prefixes));
        prefixes.view(0)[1]
    });
}

fn copulas() {
    for count in [2_usize, 3, 5] {
        let correlations: Vec<f64> =
            (0..count * count).map(|i| if i / count == i % count { 1.0 } else { 0.3 }).collect();
        let p: Vec<f64> = (0..count).map(|i| 0.4 + 0.05 * i as f64).collect();
        time(&format!("Gaussian copula of {count} events"), if count < 4 { 200 } else { 2 }, |_| {
            gaussian_copula(&p, &correlations).expect("a correlation matrix").probability
        });
    }
}

/// The first multiple by its definition: home wins by one or two, both score, two to four goals, home scores two.
fn check(six: &[u16], outcomes: &SameGameOutcomes<'_>, legs: &SameGameLegs) {
    let priced = |selections: &[u16]| price(legs, outcomes, selections).expect("priced").probability;
    let score = |text: &str| priced(&[selection(legs, text)]);
    let scores = score("correct_score/2-1") + score("correct_score/3-1");
    assert!((priced(six) - scores).abs() < 1e-15);
}
