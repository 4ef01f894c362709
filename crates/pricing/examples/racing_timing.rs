//! Times the racing models: `cargo run --release -p oddsengine-pricing --example racing_timing`.
//!
//! Each figure is microseconds per call, over runs of many calls with changing races: the fastest run and the median
//! run. Answers are checked before anything is timed: against the golden case, and against each other.

use oddsengine_markets::racing::{RaceKind, RacingFormat, RacingState};
use oddsengine_markets::{Format, template_of};
use oddsengine_pricing::board::ViewPrefixes;
use oddsengine_pricing::racing::calibration::{RacingConfig, RacingModel, calibrate};
use oddsengine_pricing::racing::live_views::fill_views;
use oddsengine_pricing::racing::{
    Exponents, HeneryModel, ModelKind, OrderModel, POSITIONS, RacingParameters,
};
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 41;

fn main() {
    check();
    println!("{:<56} {:>10} {:>10}", "microseconds per call", "fastest", "median");
    for count in [6, 12, 16, 40] {
        henery(count);
        sequential(count);
    }
    for count in [6, 10, 16] {
        board(count);
    }
}

/// The expectations of all selections of a race, from parameters that change.
fn board(count: usize) {
    let format = RacingFormat::standard(RaceKind::Horse, count as u8, false);
    let template = template_of(&Format::Racing(format)).expect("a race has a template");
    let state = RacingState::new(&format);
    let selections = template.selections.len();
    let mut prefixes = ViewPrefixes::new(template);
    let (mut win, mut refund) = (vec![0.0; selections], vec![0.0; selections]);
    for model in [RacingModel::Henery, RacingModel::Sequential] {
        let config = RacingConfig { model, ..RacingConfig::default() };
        let parameters: Vec<RacingParameters> = (0..64)
            .map(|index| {
                let odds: Vec<f64> = field(count, index).iter().map(|win| 0.9 / win).collect();
                calibrate(&config, &odds, None).expect("a plain book")
            })
            .collect();
        let name = format!("{}, {count} runners, board of {selections} selections", model.name());
        time(&name, 400 / count, |index| {
            fill_views(&parameters[index % 64], &state, &mut prefixes);
            prefixes.expectations(template, &mut win, &mut refund);
            win[0]
        });
        assert!((win[..count].iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// The golden case of normal running times, to 1e-9.
fn check() {
    let model = HeneryModel::from_win(&[0.36, 0.22, 0.16, 0.11, 0.09, 0.06]).expect("a plain field");
    assert!((model.times()[0] + 0.646_128_802_336_41).abs() < 1e-9);
    let mut places = [0.0; 6];
    OrderModel::Henery(Box::new(model)).places(3, &mut places).expect("six runners");
    assert!((places[5] - 0.291_634_720_266_79).abs() < 1e-9);
}

/// A field whose prices depend on `index`.
fn field(count: usize, index: usize) -> Vec<f64> {
    let weights: Vec<f64> =
        (0..count).map(|i| 1.0 / (1.5 + i as f64) + 0.002 * ((index * 7 + i * 13) % 50) as f64).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn time(name: &str, calls: usize, mut call: impl FnMut(usize) -> f64) {
    let mut microseconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let sum: f64 = (0..calls).map(|index| call(black_box(index))).sum();
            let elapsed = start.elapsed().as_nanos() as f64 / calls as f64 / 1_000.0;
            assert!(black_box(sum).is_finite());
            elapsed
        })
        .collect();
    microseconds.sort_by(f64::total_cmp);
    println!("{name:<56} {:>10.2} {:>10.2}", microseconds[0], microseconds[RUNS / 2]);
}

fn henery(count: usize) {
    let fields: Vec<Vec<f64>> = (0..64).map(|index| field(count, index)).collect();
    let models: Vec<OrderModel> =
        fields.iter().map(|win| OrderModel::new(ModelKind::Henery, win).expect("a plain field")).collect();
    let calls = 400 / count;
    let mut positions = vec![[0.0; POSITIONS]; count];
    for (model, win) in models.iter().zip(&fields) {
        model.positions(&mut positions).expect("as many runners");
        assert!(positions.iter().zip(win).all(|(row, win)| (row[0] - win).abs() < 1e-11));
        assert!(
            (0..POSITIONS).all(|k| (positions.iter().map(|row| row[k]).sum::<f64>() - 1.0).abs() < 1e-11)
        );
    }
    time(&format!("henery, {count} runners, calibrate"), calls, |index| {
        HeneryModel::from_win(&fields[index % 64]).map_or(f64::NAN, |model| model.times()[0])
    });
    time(&format!("henery, {count} runners, calibrate and 4 places"), calls, |index| {
        let model = OrderModel::new(ModelKind::Henery, &fields[index % 64]).expect("a plain field");
        model.positions(&mut positions).expect("as many runners");
        positions[index % count][3]
    });
    time(&format!("henery, {count} runners, 4 places"), calls, |index| {
        models[index % 64].positions(&mut positions).expect("as many runners");
        positions[index % count][3]
    });
    pairs_and_triples("henery", &models, count, calls);
}

fn sequential(count: usize) {
    let fields: Vec<Vec<f64>> = (0..64).map(|index| field(count, index)).collect();
    let kind = ModelKind::Sequential(Exponents::NORMAL);
    let models: Vec<OrderModel> =
        fields.iter().map(|win| OrderModel::new(kind, win).expect("a plain field")).collect();
    let mut positions = vec![[0.0; POSITIONS]; count];
    let calls = 400 / count;
    time(&format!("lo_bacon_shone, {count} runners, build and 4 places"), calls, |index| {
        let model = OrderModel::new(kind, &fields[index % 64]).expect("a plain field");
        model.positions(&mut positions).expect("as many runners");
        positions[index % count][3]
    });
    pairs_and_triples("lo_bacon_shone", &models, count, calls);
}

fn pairs_and_triples(name: &str, models: &[OrderModel], count: usize, calls: usize) {
    let mut pairs = vec![0.0; count * count];
    time(&format!("{name}, {count} runners, all forecasts"), calls, |index| {
        models[index % 64].exactas(&mut pairs).expect("as many runners");
        pairs[1]
    });
    time(&format!("{name}, {count} runners, all matches"), calls, |index| {
        models[index % 64].ahead(&mut pairs).expect("as many runners");
        pairs[1]
    });
    let mut triples = vec![0.0; count * count * count];
    time(&format!("{name}, {count} runners, all tricasts"), calls.div_ceil(8), |index| {
        models[index % 64].trifectas(&mut triples).expect("as many runners");
        triples[count + 2]
    });
}
