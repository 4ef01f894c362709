//! Times the hot functions of pricing: `cargo run --release -p oddsengine-pricing --example timing`, or only those whose
//! name has a text in it: `... --example timing -- shin`.
//!
//! Each figure is nanoseconds per call, over runs of many calls with changing inputs: the fastest run and the median
//! run. Every result is added to a sum that is checked, so that no work can be left out. Shared machines are noisy;
//! compare ratios, not single figures.

use oddsengine_pricing::football::calibration::{MatchPrices, calibrate, from_asian_lines};
use oddsengine_pricing::football::inplay::{full_time, next_goal};
use oddsengine_pricing::football::intensity::{IntensityProfile, MatchClock, Period, RateMultipliers};
use oddsengine_pricing::football::markets_basket::{BASKET_SIZE, fill, fill_batch};
use oddsengine_pricing::football::markov::{MatchState, final_scores};
use oddsengine_pricing::football::score_model::{ScoreFamily, ScoreModel};
use oddsengine_pricing::football::{DixonColes, ScoreGrid};
use oddsengine_pricing::margin::{MarginMethod, apply, fair_probabilities_rows, remove};
use oddsengine_pricing::snap::snap_min_margin;
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 41;

fn main() {
    println!("{:<44} {:>10} {:>10}", "nanoseconds per call", "fastest", "median");
    margins();
    grids();
    calibrations();
    score_models();
    in_play();
    snapping();
}

/// Prints, unless the name lacks the text asked for, the time of `call(index)`, which returns a number that must stay finite.
fn time(name: &str, calls: usize, mut call: impl FnMut(usize) -> f64) {
    if !std::env::args().nth(1).is_none_or(|text| name.contains(&text)) {
        return;
    }
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
    println!("{name:<44} {:>10.1} {:>10.1}", ns[0], ns[RUNS / 2]);
}

/// A book of `count` selections whose prices depend on `index`, with a booksum near 1.06.
fn book(count: usize, index: usize) -> Vec<f64> {
    let weights: Vec<f64> =
        (0..count).map(|i| 1.0 / (1.0 + i as f64) + 0.002 * ((index * 7 + i * 13) % 50) as f64).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum * (1.04 + 0.001 * (index % 40) as f64)).min(0.97)).collect()
}

fn margins() {
    for count in [3, 20] {
        let rows: Vec<f64> = (0..4_096).flat_map(|index| book(count, index)).map(|pi| 1.0 / pi).collect();
        let mut fair = vec![0.0; rows.len()];
        for method in MarginMethod::ALL {
            time(&format!("4,096 x remove {method}, {count} selections"), 3, |_| {
                assert!(fair_probabilities_rows(method, &rows, count, 1.0, &mut fair).is_empty());
                fair[0]
            });
        }
    }
    for count in [2, 3, 20, 30] {
        let books: Vec<Vec<f64>> = (0..256).map(|index| book(count, index)).collect();
        let mut out = vec![0.0; count];
        for method in MarginMethod::ALL {
            time(&format!("remove {method}, {count} selections"), 20_000, |index| {
                remove(method, &books[index % 256], 1.0, &mut out).map_or(0.0, |()| out[0])
            });
            if count < 4 {
                let fair: Vec<Vec<f64>> =
                    books.iter().map(|b| b.iter().map(|p| p / b.iter().sum::<f64>()).collect()).collect();
                time(&format!("apply {method}, {count} selections"), 20_000, |index| {
                    apply(method, &fair[index % 256], 1.05, &mut out).map_or(0.0, |()| out[0])
                });
            }
        }
    }
}

fn model(index: usize) -> DixonColes {
    let step = (index % 200) as f64;
    DixonColes::new(0.5 + 0.0115 * step, 2.4 - 0.01 * step, -0.06).expect("rho is small")
}

fn grids() {
    let mut basket = [0.0; BASKET_SIZE];
    time("basket of 190, one match", 5_000, |index| {
        fill(&model(index), &mut basket);
        basket[index % BASKET_SIZE]
    });
    let models: Vec<DixonColes> = (0..2_000).map(model).collect();
    let column = |value: fn(&DixonColes) -> f64| models.iter().map(value).collect::<Vec<_>>();
    let (home, away, rho) = (column(|m| m.lambda_home()), column(|m| m.lambda_away()), column(|m| m.rho()));
    let mut out = vec![0.0; 2_000 * BASKET_SIZE];
    time("basket of 190, batch of 2,000 (per batch)", 1, |_| {
        fill_batch(&home, &away, &rho, &mut out).expect("the slices fit");
        out[77]
    });
    time("score grid, automatic size", 2_000, |index| ScoreGrid::from_dixon_coles(&model(index)).home());
}

fn calibrations() {
    let prices: Vec<MatchPrices> = (0..200)
        .map(|index| {
            let grid = ScoreGrid::from_dixon_coles(&model(index));
            let over = grid.over(10).fair_probability().expect("the line is decided");
            MatchPrices { home: grid.home(), draw: grid.draw(), away: grid.away(), total_quarters: 10, over }
        })
        .collect();
    time("calibrate 1X2 and over 2.5", 2_000, |index| {
        calibrate(&prices[index % 200]).expect("a model exists").rho()
    });
    time("calibrate from Asian lines", 2_000, |index| {
        from_asian_lines(-3, 0.45 + 0.0005 * (index % 200) as f64, 11, 0.487).expect("a model exists").total()
    });
}

fn score_models() {
    for (name, family) in [
        ("conway maxwell", ScoreFamily::CONWAY_MAXWELL),
        ("bivariate poisson", ScoreFamily::BIVARIATE_POISSON),
        ("weibull frank", ScoreFamily::WEIBULL_FRANK),
    ] {
        let model = ScoreModel::new(family).unwrap();
        let prices: Vec<MatchPrices> = (0..256).map(closing_prices).collect();
        time(&format!("calibrate {name}"), 2_000, |index| {
            model.calibrate(&prices[index % 256]).unwrap().rate_home
        });
        let scores: Vec<_> = prices.iter().map(|prices| model.calibrate(prices).unwrap()).collect();
        time(&format!("grid {name}"), 2_000, |index| model.grid(&scores[index % 256]).unwrap().home());
    }
}

/// Fair prices that differ with the index.
fn closing_prices(index: usize) -> MatchPrices {
    let model =
        DixonColes::new(0.8 + 0.01 * (index % 160) as f64, 0.7 + 0.008 * (index % 90) as f64, -0.06).unwrap();
    let grid = ScoreGrid::from_dixon_coles(&model);
    MatchPrices {
        home: grid.home(),
        draw: grid.draw(),
        away: grid.away(),
        total_quarters: 10,
        over: grid.over(10).win,
    }
}

fn in_play() {
    time("full time 1X2, remaining Poisson", 5_000, |index| {
        let share = 0.001 * (index % 900) as f64;
        full_time(1.55 * share, 1.15 * share, 1).expect("means are small").home
    });
    time("next goal", 20_000, |index| {
        next_goal(0.001 * (index % 900) as f64, 0.4).expect("means are small").home
    });
    let multipliers = RateMultipliers::default();
    time("final scores with score states", 200, |index| {
        let share = 0.01 * (index % 100) as f64;
        final_scores(1.5, 1.1, &multipliers, MatchState::default(), share).expect("means are small").home()
    });
    let profile = IntensityProfile::default();
    time("remaining share", 50_000, |index| {
        let clock = MatchClock {
            period: Period::FirstHalf,
            elapsed_ms: index as u32 * 50,
            announced_stoppage_ms: None,
        };
        profile.remaining_share(clock).total()
    });
}

fn snapping() {
    let ladder =
        (|odds: f64| Some((odds * 50.0) as u32 * 200), |odds: f64| Some((odds * 50.0).ceil() as u32 * 200));
    for count in [3, 12, 30] {
        let raw: Vec<f64> = book(count, 5).iter().map(|p| 1.0 / p).collect();
        let minimum: f64 = raw.iter().map(|odds| 1.0 / odds).sum();
        let mut out = vec![0; count];
        time(&format!("snap with minimum margin, {count} selections"), 200, |_| {
            snap_min_margin(&ladder, &raw, minimum, &[], &mut out).expect("the raw odds have the margin")
        });
    }
}
