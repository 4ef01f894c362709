//! Times a step of a fixture that a native function prices: a state comes, the function is called, the board follows.
//!
//! `cargo run --release -p oddsengine-runtime --example model_timing`

use std::hint::black_box;
use std::time::Instant;

use oddsengine_engine::{Body, Config};
use oddsengine_markets::custom::{SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_runtime::foreign::{ForeignModel, fill_score_grid};
use oddsengine_runtime::service::{Service, ServiceOptions};
use oddsengine_types::{FixtureId, Grade};

const SIDE: usize = 12;
const STEPS: usize = 90;
const ROUNDS: usize = 2_000;

extern "C" fn rates(_: *const f64, _: usize, clock_ms: f64, home: i64, away: i64, out: *mut f64) -> i64 {
    let chase = 1.0 + 0.1 * (away - home).clamp(-1, 1) as f64;
    let late = 1.0 + clock_ms / 5_400_000.0;
    // SAFETY: the caller passes two places.
    #[allow(unsafe_code)]
    unsafe {
        (*out, *out.add(1)) = (2.0e-7 * late * chase, 1.5e-7 * late / chase);
    }
    0
}

fn main() {
    let mut grid = vec![0.0; SIDE * SIDE];
    let own = median_us(|clock_ms| {
        let rates = |_: f64, _: usize, _: usize| Ok([2.0e-7, 1.5e-7]);
        fill_score_grid(rates, (0, 0), clock_ms, 5_400_000.0, STEPS, SIDE, &mut grid).unwrap();
        black_box(&grid);
    });
    assert!((grid.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    println!("score grid {SIDE}x{SIDE}, {STEPS} steps, rates inlined      {own:9.2} us");

    let model = ForeignModel::intensity(rates, SIDE, 5_400_000.0, STEPS, 1_000_000_000).unwrap();
    let state = oddsengine_markets::custom::CustomState::default();
    let called = median_us(|_| {
        black_box(model.compute(&[], &state, SIDE * SIDE).unwrap());
    });
    println!("score grid {SIDE}x{SIDE}, {STEPS} steps, rates by address   {called:9.2} us");

    let mut service = Service::start(ServiceOptions {
        journal: None,
        config: Config::default(),
        snapshot_every: 0,
        now_ns: 1,
    })
    .unwrap();
    service.command("local", Body::DefineSpace(Box::new(space())), 1).unwrap();
    service.register_model("scores", model, 1).unwrap();
    let announce = br#"{"type":"fixture","source":"f","time_ns":1,"fixture":1,"sport":"custom","space":"scores","competition":"c","home":"A","away":"B","start_ns":1}"#;
    service.ingest(announce, 1);
    service.command("local", Body::SetModelInputs { fixture: FixtureId(1), inputs: vec![] }, 1).unwrap();
    let (mut now_ns, mut frames) = (1, 0);
    let step = median_us(|clock_ms| {
        now_ns += 1;
        let state = format!(
            r#"{{"type":"incident","source":"f","time_ns":1,"fixture":1,"sport":"custom","phase":"in_play","clock_ms":{}}}"#,
            clock_ms as i64
        );
        service.ingest(state.as_bytes(), now_ns);
        service.end_turn();
        frames += service.take_frames(now_ns).len();
    });
    assert!(frames > ROUNDS / 2 && service.engine().fixtures()[0].board.odds_e4.iter().any(|&odds| odds > 0));
    println!("state in, {} selections, board bytes out      {step:9.2} us", selection_count(&service));
}

fn selection_count(service: &Service) -> usize {
    service.engine().fixtures()[0].board.odds_e4.len()
}

/// The median of many calls, each with another clock.
fn median_us(mut call: impl FnMut(f64)) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let started = Instant::now();
            call(round as f64 * 2_000.0);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// Scores with a result, totals and handicaps: about a board of a small sport.
fn space() -> SpaceDefinition {
    let mut views = Vec::new();
    let mut markets = Vec::new();
    let side = SIDE as i64;
    let mut two_way = |key: String, names: [&str; 2], is_first: &dyn Fn(i64, i64) -> bool| {
        let cells = (0..side * side).map(|at| u8::from(is_first(at / side, at % side))).collect();
        let selection = |name: &str, first: bool| SpaceSelection {
            name: name.into(),
            grades: [false, true].map(|cell| Grade::won_if(cell == first)).to_vec(),
        };
        markets.push(SpaceMarket {
            key: key.clone(),
            view: views.len() as u8,
            winners: 1,
            selections: vec![selection(names[0], true), selection(names[1], false)],
        });
        views.push(SpaceView { name: key, cell_of_outcome: cells });
    };
    for line in 0..16 {
        two_way(format!("total:{line}.5"), ["over", "under"], &|home, away| home + away > line);
    }
    for line in -8..8 {
        two_way(format!("handicap:{line}.5"), ["home", "away"], &|home, away| home - away > line);
    }
    SpaceDefinition { name: "scores".into(), outcome_count: (side * side) as u32, views, markets }
}
