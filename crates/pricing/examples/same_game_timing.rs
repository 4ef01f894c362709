//! Times same-game multiples: `cargo run --release -p oddsengine-pricing --example same_game_timing`.
//!
//! Each figure is nanoseconds per call over runs with changing legs: the fastest run and the median run. Answers are
//! checked against sums over the cells before anything is timed.

use oddsengine_markets::football::{FootballState, Side};
use oddsengine_markets::{sport_id, template};
use oddsengine_pricing::football::live_views::RemainingGoals;
use oddsengine_pricing::same_game::{
    Player, PlayerCondition, PlayerLeg, SameGame, SameGameLegs, SameGameOutcomes, Squad, combinable,
    gaussian_copula, leg_probabilities, price,
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
    println!("{name:<58} {:>10.1} {:>10.1}", ns[0], ns[RUNS / 2]);
}

fn main() {
    let legs = SameGameLegs::new(template(sport_id("football").expect("football is registered")));
    let selection = |text: &str| {
        let (market, name) = text.split_once('/').expect("market/selection");
        let market = legs.template().market_index(market).expect("the market exists");
        legs.template().selection_index(market, name).expect("the selection exists") as u16
    };
    let all = |texts: &[&str]| -> Vec<u16> { texts.iter().map(|text| selection(text)).collect() };
    let state = FootballState::default();
    let remaining = |index: usize| {
        let lambda = [1.2 + 0.005 * (index % 100) as f64, 1.6 - 0.005 * (index % 90) as f64];
        let means = [0.45, 0.55].map(|share| lambda.map(|rate| rate * share));
        RemainingGoals { means, lambda, rho: -0.06 }
    };
    let models: Vec<SameGameOutcomes> =
        (0..256).map(|index| SameGameOutcomes::new(&remaining(index), &state)).collect();
    let squad = Squad {
        players: vec![
            Player { side: Side::Home, share: 0.3, goals: 0 },
            Player { side: Side::Away, share: 0.25, goals: 0 },
        ],
        ..Squad::default()
    };
    let scores = |player| PlayerLeg { player, condition: PlayerCondition::Scores(1) };
    let first = PlayerLeg { player: 0, condition: PlayerCondition::ScoresFirst };
    let priced = |index: usize, legs_of: &[u16], players: &[PlayerLeg]| {
        price(&legs, &models[index % 256], &squad, SameGame { selections: legs_of, players })
            .expect("the legs do not contradict each other")
            .fair_odds
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
    let halves = all(&["1x2.h1/draw", "1x2/home", "total:2.5/over"]);
    let orders = all(&["first_goal/away", "1x2/home", "total:2.5/over"]);
    let both = all(&["first_goal/away", "1x2.h1/draw", "1x2/home"]);
    check(&six[0], &models[0], &legs);

    println!("{:<58} {:>10} {:>10}", "nanoseconds per call", "fastest", "median");
    time("joint model of a match", 2_000, |index| {
        black_box(SameGameOutcomes::new(&remaining(index), &state));
        0.0
    });
    time("6 score legs", 5_000, |index| priced(index, &six[index % 2], &[]));
    time("6 score legs, joint model made anew", 2_000, |index| {
        let outcomes = SameGameOutcomes::new(&remaining(index), &state);
        let multiple = SameGame { selections: &six[index % 2], players: &[] };
        price(&legs, &outcomes, &squad, multiple).expect("priced").fair_odds
    });
    time("6 score legs, and each leg alone", 2_000, |index| {
        let multiple = SameGame { selections: &six[index % 2], players: &[] };
        let alone = leg_probabilities(&legs, &models[index % 256], &squad, multiple).expect("priced");
        priced(index, &six[index % 2], &[]) + alone[0]
    });
    time("6 score legs with quarter lines and pushes", 2_000, |index| priced(index, &refunding, &[]));
    time("2 score legs", 5_000, |index| priced(index, &six[0][..2], &[]));
    time("half, result and total", 500, |index| priced(index, &halves, &[]));
    time("first goal, result and total", 1_000, |index| priced(index, &orders, &[]));
    time("first goal, half and result", 50, |index| priced(index, &both, &[]));
    time("two scorers, result and total", 1_000, |index| {
        priced(index, &six[0][..2], &[scores(0), scores(1)])
    });
    time("first scorer, a scorer, result and total", 1_000, |index| {
        priced(index, &six[0][..2], &[first, scores(1)])
    });
    for count in [0, 2, 4] {
        time(&format!("combinable: 1,012 selections with {count} score legs"), 20, |index| {
            let multiple = SameGame { selections: &six[0][..count], players: &[] };
            combinable(&legs, &models[index % 256], &squad, multiple).expect("answered").len() as f64
        });
    }
    for count in [2_usize, 3, 5] {
        let correlations: Vec<f64> =
            (0..count * count).map(|i| if i / count == i % count { 1.0 } else { 0.3 }).collect();
        let p: Vec<f64> = (0..count).map(|i| 0.4 + 0.05 * i as f64).collect();
        time(&format!("Gaussian copula of {count} events"), if count < 4 { 200 } else { 2 }, |_| {
            gaussian_copula(&p, &correlations).expect("a correlation matrix").probability
        });
    }
}

/// The first multiple by its definition: every final score, one at a time.
fn check(six: &[u16], outcomes: &SameGameOutcomes, legs: &SameGameLegs<'_>) {
    let multiple = SameGame { selections: six, players: &[] };
    let got = price(legs, outcomes, &Squad::default(), multiple).expect("priced").probability;
    // Home wins by one or two, both score, two to four goals, home scores two: 2-1 and 3-1.
    let score = |text: &str| {
        let market = legs.template().market_index("correct_score").expect("offered");
        let selection = legs.template().selection_index(market, text).expect("offered") as u16;
        let multiple = SameGame { selections: &[selection], players: &[] };
        price(legs, outcomes, &Squad::default(), multiple).expect("priced").probability
    };
    assert!((got - score("2-1") - score("3-1")).abs() < 1e-15);
}
