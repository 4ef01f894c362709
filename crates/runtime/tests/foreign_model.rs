//! A sport that nobody compiled in: a space as data, priced by a native function at an address, live and pre-match.
//! What the function gives is checked and journaled; a replay never calls it.

mod journal_support;
mod service_support;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use journal_support::Folder;
use oddsengine_engine::{Body, Engine};
use oddsengine_markets::custom::{SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_runtime::foreign::ForeignModel;
use oddsengine_runtime::service::{Service, replay_journal};
use oddsengine_types::{FixtureId, Grade};
use serde_json::{Value, json};
use service_support::*;

const BUDGET_NS: u64 = 500_000_000;
const DARTS: u64 = 2001;
/// Scores that a race to three legs can end with, in the order of the outcomes.
const SCORES: [(i64, i64); 6] = [(3, 0), (3, 1), (3, 2), (2, 3), (1, 3), (0, 3)];

type Selection<'a> = (&'a str, &'a dyn Fn(i64, i64) -> bool);

/// First to three legs.
fn race() -> SpaceDefinition {
    let grades = |won: &dyn Fn(i64, i64) -> bool| -> Vec<Grade> {
        SCORES.iter().map(|&(home, away)| Grade::won_if(won(home, away))).collect()
    };
    let market = |key: &str, selections: &[Selection<'_>]| SpaceMarket {
        key: key.into(),
        view: 0,
        winners: 1,
        selections: selections
            .iter()
            .map(|&(name, won)| SpaceSelection { name: name.into(), grades: grades(won) })
            .collect(),
    };
    SpaceDefinition {
        name: "race_to_3".into(),
        outcome_count: 6,
        views: vec![SpaceView { name: "score".into(), cell_of_outcome: (0..6).collect() }],
        markets: vec![
            market("winner", &[("home", &|home, _| home == 3), ("away", &|_, away| away == 3)]),
            market(
                "legs:3.5",
                &[("over", &|home, away| home + away > 3), ("under", &|home, away| home + away < 4)],
            ),
        ],
    }
}

thread_local! {
    /// Calls of the model by this test.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The race if home wins every leg with probability `inputs[0]`. `inputs[1]` says how it fails, if it does.
extern "C" fn race_model(
    inputs: *const f64,
    input_count: usize,
    state: *const i64,
    state_count: usize,
    out: *mut f64,
    out_count: usize,
) -> i64 {
    // SAFETY: the caller passes live slices of these lengths.
    #[allow(unsafe_code)]
    let (inputs, state, out) = unsafe {
        (
            std::slice::from_raw_parts(inputs, input_count),
            std::slice::from_raw_parts(state, state_count),
            std::slice::from_raw_parts_mut(out, out_count),
        )
    };
    CALLS.set(CALLS.get() + 1);
    let (p, score) = (inputs[0], (state[1], state[2]));
    // Walks from the score to every end; the last leg is the winner's.
    let ways = |a: i64, b: i64| (1..=a).fold(1.0, |ways, k| ways * (b + k) as f64 / k as f64);
    for (out, &(home, away)) in out.iter_mut().zip(&SCORES) {
        let (more_home, more_away) = (home - score.0, away - score.1);
        let last_is_home = home == 3;
        let before = if last_is_home { (more_home - 1, more_away) } else { (more_home, more_away - 1) };
        *out = match more_home < 0 || more_away < 0 || before.0 < 0 || before.1 < 0 {
            true if (home, away) == score => 1.0,
            true => 0.0,
            false => ways(before.0, before.1) * p.powi(more_home as i32) * (1.0 - p).powi(more_away as i32),
        };
    }
    match inputs.get(1).copied().unwrap_or(0.0) as i64 {
        1 => return 17,
        2 => out[1] = f64::NAN,
        3 => out[1] = -0.1,
        4 => out.iter_mut().for_each(|p| *p *= 0.999),
        5 => out.rotate_right(3),
        6 => std::thread::sleep(Duration::from_millis(40)),
        _ => {}
    }
    0
}

fn register(world: &mut World, budget_ns: u64) {
    let model = ForeignModel::joint(race_model, budget_ns).unwrap();
    world.service.register_model("race_to_3", model, world.now_ns).unwrap();
}

fn define(world: &mut World) {
    world.service.command("local", Body::DefineSpace(Box::new(race())), world.now_ns).unwrap();
}

fn announce(world: &mut World) {
    world.ingest(json!({"type": "fixture", "fixture": DARTS, "sport": "custom", "space": "race_to_3",
        "competition": "matchplay", "home": "A", "away": "B", "start_ns": START_NS}));
}

fn inputs(world: &mut World, inputs: &[f64]) {
    world.ingest(json!({"type": "model_inputs", "fixture": DARTS, "inputs": inputs}));
}

/// The state at a score, told whole.
fn state(world: &mut World, home: u16, away: u16) {
    let is_over = home == 3 || away == 3;
    let end = SCORES.iter().position(|&score| score == (i64::from(home), i64::from(away)));
    let possible = end.map_or((away, 6 - home), |end| (end as u16, end as u16 + 1));
    world.ingest(json!({"type": "incident", "fixture": DARTS, "sport": "custom",
        "phase": if is_over { "finished" } else { "in_play" }, "score": [home, away],
        "period": format!("leg_{}", home + away + 1), "possible": [possible]}));
}

fn ready(journal: Option<&Path>) -> World {
    let mut world = World::new(journal);
    define(&mut world);
    register(&mut world, BUDGET_NS);
    announce(&mut world);
    inputs(&mut world, &[0.6]);
    world.order("a", deposit(1, 42, 1_000_000));
    world.settle();
    world
}

fn fair(world: &mut World, market: &str, selection: &str) -> f64 {
    world.service.end_turn();
    let fixture = world.service.engine().fixture(FixtureId(DARTS)).unwrap();
    let template = fixture.template();
    let index = template.selection_index(template.market_index(market).unwrap(), selection).unwrap();
    fixture.fair_probability(index)
}

fn invariants_hold(world: &World) {
    for (name, result) in world.service.engine().invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
}

fn paid_minor(world: &mut World, ticket: u128) -> i64 {
    let answer = world.answer(json!({"type": "ticket", "ticket": format!("{ticket:032x}")}));
    answer["ticket"]["paid_minor"].as_i64().unwrap()
}

#[test]
fn a_sport_of_ones_own_from_prices_to_settlement() {
    let folder = Folder::new();
    for journal in [None, Some(folder.journal())] {
        let mut world = ready(journal.as_deref());
        // The race of p = 0.6 by the textbook: p^3 (1 + 3 q + 6 q^2).
        let expected = 0.6_f64.powi(3) * (1.0 + 3.0 * 0.4 + 6.0 * 0.16);
        assert!((fair(&mut world, "winner", "home") - expected).abs() < 1e-12);
        assert!((fair(&mut world, "legs:3.5", "under") - (0.6_f64.powi(3) + 0.4_f64.powi(3))).abs() < 1e-12);

        let home = world.leg(DARTS, "winner", "home");
        let over = world.leg(DARTS, "legs:3.5", "over");
        assert_eq!(home["odds"], 1.395, "1 / (0.68256 x 1.05), down to the ladder");
        let placed = world.answer(ticket(7, 42, 1_000, vec![home.clone()]));
        assert_eq!(placed["ticket"]["state"], "accepted");
        assert_eq!(world.answer(ticket(8, 42, 2_000, vec![over]))["ticket"]["state"], "accepted");

        // 1-1: what was bet on moves, and four legs will be played whatever comes.
        state(&mut world, 1, 1);
        let frames = world.turn();
        assert_eq!(statuses(&frames).len(), 0, "a model that answers in time suspends nobody");
        assert_eq!(boards(&frames).len(), 1);
        assert_eq!(boards(&frames)[0].value["score"], json!([1, 1]));
        let legs = &boards(&frames)[0].value["markets"]["legs:3.5"];
        assert_eq!((&legs["status"], &legs["results"]), (&json!("settled"), &json!(["won", "lost"])));
        world.settle();
        assert!(paid_minor(&mut world, 8) > 2_000);
        assert!((fair(&mut world, "winner", "home") - (0.36 + 2.0 * 0.36 * 0.4)).abs() < 1e-12);
        let old = world.answer(ticket(9, 42, 1_000, vec![home]));
        assert_eq!(old["ticket"]["reason"]["name"], "odds_have_moved");
        let now = world.leg(DARTS, "winner", "away");
        assert_eq!(world.answer(ticket(10, 42, 500, vec![now]))["ticket"]["state"], "delayed");
        world.advance(6);
        world.service.tick(world.now_ns, world.now_ns);
        world.settle();

        state(&mut world, 1, 2);
        state(&mut world, 2, 2);
        assert!((fair(&mut world, "winner", "home") - 0.6).abs() < 1e-12);

        state(&mut world, 3, 2);
        world.settle();
        assert_eq!(paid_minor(&mut world, 7), 1_395);
        assert_eq!(paid_minor(&mut world, 10), 0);
        invariants_hold(&world);

        // The last leg was scored for the wrong side.
        let available = |world: &mut World| {
            world.answer(json!({"type": "balance", "customer": 42}))["available_minor"].as_i64().unwrap()
        };
        let before = available(&mut world);
        state(&mut world, 2, 3);
        world.settle();
        assert_eq!(paid_minor(&mut world, 7), 0, "resettled");
        let paid = paid_minor(&mut world, 10);
        assert!(paid > 500);
        assert_eq!(available(&mut world) - before, paid - 1_395);
        invariants_hold(&world);

        // Not over after all: back in play it waits for prices, and gets them.
        state(&mut world, 2, 2);
        let frames = world.settle();
        assert_eq!(statuses(&frames).last().unwrap().value["status"], "open");
        assert!((fair(&mut world, "winner", "home") - 0.6).abs() < 1e-12);
        assert_eq!(paid_minor(&mut world, 10), 0);
        state(&mut world, 3, 2);
        world.settle();
        assert_eq!((paid_minor(&mut world, 7), paid_minor(&mut world, 10)), (1_395, 0));
        invariants_hold(&world);

        if let Some(journal) = &journal {
            let hash = world.hash();
            world.service.close().unwrap();
            drop(world);
            let calls = CALLS.get();
            let replayed = replay_journal(journal).unwrap();
            assert_eq!(replayed.state_hash.to_string(), hash);
            assert_eq!(CALLS.get(), calls, "a replay calls no model");
        }
    }
}

/// Every way in which a model can be wrong, at every moment: the fixture is suspended, and says why.
#[test]
fn a_model_that_is_wrong_suspends_its_fixture_with_the_reason() {
    let folder = Folder::new();
    let journal = folder.journal();
    let mut world = ready(Some(&journal));
    state(&mut world, 1, 1);
    world.settle();
    register(&mut world, 15_000_000);
    let leg = world.leg(DARTS, "winner", "home");
    let faults = [
        (1.0, "model_failed"),
        (2.0, "model_not_a_probability"),
        (3.0, "model_not_a_probability"),
        (4.0, "model_wrong_sum"),
        (5.0, "model_impossible_outcome"),
        (6.0, "model_too_slow"),
    ];
    for (number, (how, fault)) in faults.into_iter().enumerate() {
        let fair_before = fair(&mut world, "winner", "home");
        inputs(&mut world, &[0.7, how]);
        let frames = world.settle();
        let told = statuses(&frames);
        assert_eq!(told.len(), 1, "{fault}");
        assert_eq!(told[0].value["status"], "suspended");
        assert_eq!(told[0].value["stops"], json!([fault]));
        assert_eq!(told[0].value["reason"], fault);
        assert_eq!(told[0].value["source"], "model");
        let alerts: Vec<&Value> =
            frames.iter().map(|seen| &seen.value).filter(|value| value["type"] == "alert").collect();
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0]["alert"], "model_failed");
        assert_eq!(alerts[0]["fixture"], DARTS);
        assert_eq!(alerts[0]["message"], format!("fixture {DARTS} is suspended: {fault}"));

        let id = 100 + number as u128;
        let refused = world.answer(ticket(id, 42, 500, vec![leg.clone()]));
        assert_eq!(refused["ticket"]["reason"]["name"], "fixture_suspended", "{fault}");
        assert_eq!(fair(&mut world, "winner", "home"), fair_before, "nothing of it is used");

        // Again wrong: the same reason is not told twice. A new state asks again.
        inputs(&mut world, &[0.7, how]);
        assert!(world.settle().is_empty(), "{fault}");
        state(&mut world, 1, 0);
        assert!(statuses(&world.settle()).is_empty(), "{fault}");
        state(&mut world, 1, 1);
        world.settle();

        inputs(&mut world, &[0.6, 0.0]);
        let told = world.settle();
        let told = statuses(&told);
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].value["status"], &told[0].value["stops"]), (&json!("open"), &json!([])));
    }
    // A fault beside danger: both reasons stand.
    world.ingest(
        json!({"type": "incident", "fixture": DARTS, "sport": "custom", "phase": "in_play", "score": [1, 1],
        "period": "leg_3", "possible": [[1, 5]], "danger": true}),
    );
    inputs(&mut world, &[0.7, 4.0]);
    let frames = world.settle();
    let stops: Vec<&Value> = statuses(&frames).iter().map(|seen| &seen.value["stops"]).collect();
    assert_eq!(stops, [&json!(["danger"]), &json!(["danger", "model_wrong_sum"])]);
    invariants_hold(&world);

    let hash = world.hash();
    world.service.close().unwrap();
    drop(world);
    assert_eq!(replay_journal(&journal).unwrap().state_hash.to_string(), hash);
}

#[test]
fn what_cannot_be_registered_is_named() {
    let mut world = World::new(None);
    let joint = ForeignModel::joint(race_model, BUDGET_NS).unwrap();
    let register = |world: &mut World, space: &str, model| {
        world.service.register_model(space, model, START_NS).unwrap_err().to_string()
    };
    assert_eq!(register(&mut world, "race_to_3", joint), "space race_to_3 is not defined");
    define(&mut world);
    let intensity = ForeignModel::intensity(constant_rates, 3, 1.0, 1, BUDGET_NS).unwrap();
    assert_eq!(
        register(&mut world, "race_to_3", intensity),
        "outcomes of the space of an intensity 6 is outside 9..=9"
    );
    assert!(!world.service.has_models());

    // Another definition under the same name would change what open bets mean.
    let mut other = race();
    other.markets.pop();
    let refused = world.service.command("local", Body::DefineSpace(Box::new(other)), START_NS).unwrap_err();
    assert_eq!(refused.to_string(), "already_exists: space race_to_3 exists with another definition");
    let mut empty = race();
    (empty.name, empty.markets) = ("empty".into(), vec![]);
    let refused = world.service.command("local", Body::DefineSpace(Box::new(empty)), START_NS).unwrap_err();
    assert_eq!(refused.to_string(), "value_out_of_bounds: markets 0 is outside 1..=65534");
    define(&mut world);
    assert!(world.turn().is_empty(), "the same definition again is no news");
}

/// Without a model here the probabilities come from elsewhere, and are checked alike.
#[test]
fn probabilities_may_come_as_messages() {
    let mut world = World::new(None);
    define(&mut world);
    announce(&mut world);
    world.turn();
    let give = |world: &mut World, probabilities: [f64; 6]| {
        world.ingest(json!({"type": "probabilities", "fixture": DARTS, "probabilities": probabilities}));
        world.turn()
    };
    let frames = give(&mut world, [0.3, 0.2, 0.1, 0.1, 0.2, 0.1]);
    assert_eq!(boards(&frames).len(), 1);
    assert!((fair(&mut world, "winner", "home") - 0.6).abs() < 1e-12);

    state(&mut world, 1, 0);
    let frames = world.turn();
    let told = statuses(&frames);
    assert_eq!((&told[0].value["status"], &told[0].value["stops"]), (&json!("suspended"), &json!(["model"])));
    // 0-3 cannot happen any more.
    let frames = give(&mut world, [0.3, 0.2, 0.1, 0.1, 0.2, 0.1]);
    assert_eq!(statuses(&frames)[0].value["stops"], json!(["model_impossible_outcome"]));
    let alert = frames.iter().find(|seen| seen.value["type"] == "alert").unwrap();
    assert_eq!(
        alert.value["message"],
        "probabilities from scout: value_out_of_bounds: the probabilities are refused: model_impossible_outcome"
    );
    let frames = give(&mut world, [0.4, 0.2, 0.1, 0.1, 0.2, 0.0]);
    assert_eq!(statuses(&frames)[0].value["status"], "open");
    assert!((fair(&mut world, "winner", "home") - 0.7).abs() < 1e-12);

    world.ingest(json!({"type": "probabilities", "fixture": DARTS, "probabilities": [0.5, 0.5]}));
    let told = world.turn();
    assert_eq!(
        told[0].value["message"],
        "probabilities from scout: value_out_of_bounds: probabilities 2 is outside 6..=6"
    );
    world.fixture(FIXTURE);
    world.turn();
    world.ingest(json!({"type": "model_inputs", "fixture": FIXTURE, "inputs": [1.0]}));
    assert_eq!(
        world.turn()[0].value["message"],
        "model_inputs from scout: value_out_of_bounds: fixture 1001 is priced by a model of its own"
    );
}

/// A crash between a state and the model's answer leaves the fixture suspended; the next start prices it as soon as
/// the model is registered.
#[test]
fn a_restart_keeps_spaces_and_waits_for_the_model() {
    let folder = Folder::new();
    let journal = folder.journal();
    let mut options = options(Some(&journal));
    options.snapshot_every = 3;
    let mut world = World::of(Service::start(options).unwrap());
    define(&mut world);
    register(&mut world, BUDGET_NS);
    announce(&mut world);
    inputs(&mut world, &[0.6]);
    world.order("a", deposit(1, 42, 1_000_000));
    world.settle();
    let home = world.leg(DARTS, "winner", "home");
    assert_eq!(world.answer(ticket(7, 42, 1_000, vec![home]))["ticket"]["state"], "accepted");
    let (hash, board) = (world.hash(), fair(&mut world, "winner", "home"));
    world.service.close().unwrap();
    drop(world);
    assert_eq!(replay_journal(&journal).unwrap().state_hash.to_string(), hash);

    // From the snapshot: spaces, prices and bets are there, the model is not.
    let mut world = World::new(Some(&journal));
    assert_eq!(fair(&mut world, "winner", "home"), board);
    state(&mut world, 2, 0);
    let frames = world.settle();
    assert_eq!(statuses(&frames).last().unwrap().value["stops"], json!(["model"]));
    assert_eq!(fair(&mut world, "winner", "home"), board, "nobody computed anything");
    let hash = world.hash();
    world.service.close().unwrap();
    drop(world);
    assert_eq!(replay_journal(&journal).unwrap().state_hash.to_string(), hash);

    let mut world = World::new(Some(&journal));
    define(&mut world);
    world.settle();
    register(&mut world, BUDGET_NS);
    // Priced again, but nobody has spoken of the match since the restart.
    assert_eq!(statuses(&world.settle()).last().unwrap().value["stops"], json!(["restart"]));
    state(&mut world, 2, 0);
    assert_eq!(statuses(&world.settle()).last().unwrap().value["status"], "open");
    assert!((fair(&mut world, "winner", "home") - (1.0 - 0.4_f64.powi(3))).abs() < 1e-12);
    state(&mut world, 3, 0);
    world.settle();
    assert_eq!(paid_minor(&mut world, 7), 1_395);
    invariants_hold(&world);
    let hash = world.hash();
    world.service.close().unwrap();
    drop(world);
    assert_eq!(replay_journal(&journal).unwrap().state_hash.to_string(), hash);
}

/// Half a goal a side and minute.
extern "C" fn constant_rates(_: *const f64, _: usize, _: f64, _: i64, _: i64, rates: *mut f64) -> i64 {
    // SAFETY: the caller passes two places.
    #[allow(unsafe_code)]
    unsafe {
        (*rates, *rates.add(1)) = (0.5 / 60_000.0, 0.5 / 60_000.0);
    }
    0
}

#[test]
fn scoring_rates_price_a_space_of_scores() {
    const SIDE: i64 = 8;
    let won = |won: &dyn Fn(i64, i64) -> bool| -> Vec<Grade> {
        // Cells: home wins, draw, away wins.
        [(1, 0), (0, 0), (0, 1)].map(|(home, away)| Grade::won_if(won(home, away))).to_vec()
    };
    let cell = |at: i64| match (at / SIDE).cmp(&(at % SIDE)) {
        std::cmp::Ordering::Greater => 0,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Less => 2,
    };
    let selection = |name: &str, grades| SpaceSelection { name: name.into(), grades };
    let space = SpaceDefinition {
        name: "scores".into(),
        outcome_count: (SIDE * SIDE) as u32,
        views: vec![SpaceView {
            name: "result".into(),
            cell_of_outcome: (0..SIDE * SIDE).map(cell).collect(),
        }],
        markets: vec![SpaceMarket {
            key: "1x2".into(),
            view: 0,
            winners: 1,
            selections: vec![
                selection("home", won(&|home, away| home > away)),
                selection("draw", won(&|home, away| home == away)),
                selection("away", won(&|home, away| home < away)),
            ],
        }],
    };
    let mut world = World::new(None);
    world.service.command("local", Body::DefineSpace(Box::new(space)), START_NS).unwrap();
    let model = ForeignModel::intensity(constant_rates, SIDE as usize, 120_000.0, 30, BUDGET_NS).unwrap();
    world.service.register_model("scores", model, START_NS).unwrap();
    world.ingest(json!({"type": "fixture", "fixture": DARTS, "sport": "custom", "space": "scores",
        "competition": "cup", "home": "A", "away": "B", "start_ns": START_NS}));
    inputs(&mut world, &[]);
    world.turn();
    // Two sides with one expected point each: sum of (e^-1 / k!)^2 is a draw.
    let draw: f64 = (0..8).map(|k| (-1.0_f64).exp() / (1..=k).product::<u64>() as f64).map(|p| p * p).sum();
    assert!((fair(&mut world, "1x2", "draw") - draw).abs() < 1e-6);
    world.ingest(
        json!({"type": "incident", "fixture": DARTS, "sport": "custom", "phase": "in_play", "score": [1, 0],
        "clock_ms": 120_000}),
    );
    world.turn();
    assert!((fair(&mut world, "1x2", "home") - 1.0).abs() < 1e-12, "no time is left");
}

/// Bytes of a snapshot that were changed are refused or give another state; they never panic.
#[test]
fn a_forged_snapshot_is_refused_or_restored() {
    let mut world = ready(None);
    state(&mut world, 1, 1);
    world.settle();
    let bytes = world.service.engine().snapshot();
    assert_eq!(Engine::restore(&bytes).unwrap().snapshot(), bytes);
    let mut random = 5_u64;
    let mut next = move |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    let (mut refused, mut restored) = (0, 0);
    for _ in 0..20_000 {
        let mut forged = bytes.clone();
        let at = next(forged.len());
        forged[at] = if next(2) == 0 { next(8) as u8 } else { next(256) as u8 };
        match Engine::restore(&forged) {
            Ok(_) => restored += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 1_000 && restored > 1_000, "{refused} refused, {restored} restored");
}
