//! What concerns everybody is done in slices, and what is asked meanwhile is answered by the present state.

mod service_support;

use oddsengine_runtime::service::{HASHES_WAITING_MAX, INHERITED_PER_TURN, Socket};
use serde_json::{Value, json};

use service_support::{Seen, World, answers_to, image_of};

const COUNT: u64 = 24;

/// A shared service with priced fixtures of one sport, and what a bet would be offered on the last of them.
fn world() -> World {
    let mut world = World::new(None);
    (1..=COUNT).for_each(|fixture| world.fixture(fixture));
    world.turn();
    world.service.share();
    world
}

fn boards(frames: &[Seen]) -> usize {
    frames.iter().filter(|frame| frame.socket == Socket::Odds && frame.topic().starts_with("odds.")).count()
}

/// One turn as the loop takes it; its frames.
fn turn(world: &mut World) -> Vec<Seen> {
    world.service.end_turn();
    let frames = world.take();
    world.service.work_off();
    frames
}

fn margin(booksum: f64) -> Value {
    let scope = json!({"level": "sport", "sport": "football"});
    json!({"type": "set_scope", "source": "desk", "scope": scope, "margin": {"method": "power", "booksum": booksum}})
}

/// The margin of a sport with 10,000 fixtures walked them all for 55 ms, and priced them all before the next frame left. Now a
/// turn brings it to four, and tells their boards; all are told in the end, and each once.
#[test]
fn the_margin_of_a_sport_comes_to_some_fixtures_a_turn() {
    let mut world = world();
    world.order("desk", margin(1.2));
    let frames = turn(&mut world);
    assert!(frames.iter().all(|frame| frame.value["type"] != "error"), "{frames:?}");
    let mut told = boards(&frames);
    assert_eq!(told, 0, "the turn that sets it prices nothing");
    let mut turns = 0;
    while told < COUNT as usize {
        let now = boards(&turn(&mut world));
        assert!((1..=INHERITED_PER_TURN).contains(&now), "{now} boards in a turn, {told} before");
        told += now;
        turns += 1;
    }
    assert_eq!((told, turns), (COUNT as usize, COUNT as usize / INHERITED_PER_TURN));
    assert_eq!(boards(&world.turn()), 0);
}

/// What is asked for while a margin is on its way is answered by it: an image, the largest stake, and a bet at the odds before
/// it, which is refused. A price that nobody may have any more was sold until its turn came.
#[test]
fn a_margin_on_its_way_holds_for_whoever_asks() {
    let mut world = world();
    let before = world.leg(COUNT, "1x2", "home");
    let old_odds = before["odds"].as_f64().unwrap();
    world.order("desk", margin(1.25));
    world.service.end_turn();
    world.take();
    // Not even one slice was worked off.
    let deposit = json!({"type": "deposit", "transfer": format!("{:032x}", 1), "customer": 42, "currency": "EUR",
        "amount_minor": 10_000});
    world.order("shop", deposit);
    let bet = json!({"type": "place_ticket", "ticket": format!("{:032x}", 7), "customer": 42, "currency": "EUR",
        "stake_minor": 1_000, "odds_change": {"policy": "none"}, "legs": [before]});
    let id = world.order("shop", bet);
    world.service.end_turn();
    let frames = world.take();
    let answer = &answers_to(&frames, &id)[0];
    assert_eq!(answer["ticket"]["reason"]["name"], "odds_have_moved", "{answer}");
    // Another fixture that no slice has come to, by its image.
    world.snapshot("reader", json!({"type": "image", "fixture": COUNT - 1}));
    world.service.end_turn();
    let frames = world.take();
    assert_eq!(boards(&frames), 1, "its delta leaves before it");
    let image = image_of(&frames, "reader");
    let home = world.leg(COUNT - 1, "1x2", "home")["odds"].as_f64().unwrap();
    assert!(home < old_odds, "{home} and {old_odds} before");
    let delta = frames.iter().find(|frame| frame.socket == Socket::Odds).unwrap();
    assert_eq!(delta.value["version"], image["version"]);
}

/// A limit that a desk lowers for a sport's market type holds for the next bet, whichever fixture's turn it is.
#[test]
fn a_lowered_limit_holds_at_once() {
    let mut world = world();
    let leg = world.leg(COUNT, "1x2", "home");
    let ask = |leg: &Value| json!({"type": "max_stake", "customer": 42, "currency": "EUR", "legs": [leg]});
    world.order(
        "desk",
        json!({"type": "set_scope", "source": "desk", "scope": {"level": "market_type", "sport": "football", "stem": "1x2"}, "loss_minor_max": 1_000}),
    );
    world.service.end_turn();
    world.take();
    let id = world.order("shop", ask(&leg));
    world.service.end_turn();
    let frames = world.take();
    let answer = answers_to(&frames, &id)[0].clone();
    let odds = leg["odds"].as_f64().unwrap();
    let largest = answer["stake_minor_max"].as_i64().unwrap_or_else(|| panic!("{answer}"));
    assert!(largest as f64 * (odds - 1.0) <= 1_001.0, "{answer}");
}

/// The hash of a state was computed while everybody waited: 68 ms at 200,000 tickets. Another thread computes it from an
/// image; who asks later is answered with a later state, and too many are told so.
#[test]
fn a_hash_is_computed_beside_the_engine() {
    let mut world = world();
    let ask = json!({"type": "state_hash"});
    let first = world.order("desk", ask.clone());
    assert!(world.service.is_hashing());
    let hash = world.service.engine().state_hash().to_string();
    let deposit = json!({"type": "deposit", "transfer": format!("{:032x}", 1), "customer": 42, "currency": "EUR",
        "amount_minor": 10_000});
    world.order("shop", deposit);
    let later_hash = world.service.engine().state_hash().to_string();
    // Its pause is over.
    world.advance(1);
    let later = world.order("desk", ask.clone());
    let refused: Vec<String> = (0..HASHES_WAITING_MAX)
        .map(|_| {
            world.advance(1);
            world.order("desk", ask.clone())
        })
        .collect();
    let mut frames = Vec::new();
    while world.service.is_hashing() {
        frames.extend(turn(&mut world));
        std::thread::yield_now();
    }
    frames.extend(turn(&mut world));
    let of = |id: &str| answers_to(&frames, id)[0].clone();
    assert_eq!(of(&first)["state_hash"], hash.as_str());
    assert_eq!(of(&later)["state_hash"], later_hash.as_str());
    assert_ne!(hash, later_hash);
    let busy = refused.iter().filter(|id| of(id)["code"] == "busy").count();
    assert_eq!(busy, 2, "64 wait at most");
}
