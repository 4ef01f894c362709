//! Fixtures and ids of deposits that left memory: spoken of again, asked for again, and never booked twice.

mod journal_support;
mod service_support;

use journal_support::{Folder, copy_journal};
use oddsengine_engine::{Config, RECALLED_KEPT_MS};
use oddsengine_runtime::service::{Service, ServiceOptions, Socket};
use oddsengine_types::{FixtureId, TransferId};
use serde_json::{Value, json};
use service_support::*;
use std::path::Path;

const DAY_S: i64 = 86_400;
const TICKETS: u128 = 5;

fn options_of(journal: Option<&Path>, fixtures_max: u32) -> ServiceOptions {
    ServiceOptions { config: Config { fixtures_max, ..Config::default() }, ..options(journal) }
}

fn world_of(journal: Option<&Path>) -> World {
    World::of(Service::start(options_of(journal, 20_000)).unwrap())
}

fn play(world: &mut World, fixture: u64) {
    for (kind, clock_ms, more) in [
        ("kick_off", 0, json!({})),
        ("goal", 60_000, json!({"side": "home"})),
        ("half_time", 2_700_000, json!({})),
        ("second_half", 2_700_000, json!({})),
        ("full_time", 5_400_000, json!({})),
    ] {
        world.incident(fixture, kind, clock_ms, more);
    }
}

fn pass(world: &mut World, days: i64) {
    for _ in 0..days {
        world.advance(DAY_S);
        world.service.tick(world.now_ns, world.now_ns);
        world.settle();
    }
}

/// A deposit, five singles on the home side, which wins; days later nothing of it is in memory.
fn retired(world: &mut World) {
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 1_000_000));
    world.turn();
    let leg = world.leg(FIXTURE, "1x2", "home");
    for id in 1..=TICKETS {
        world.order("a", ticket(id, 42, 100, vec![leg.clone()]));
    }
    world.turn();
    play(world, FIXTURE);
    pass(world, 8);
    assert_eq!(counts(world), (0, 0, 0));
}

/// Fixtures, tickets and ids of deposits in memory.
fn counts(world: &World) -> (usize, usize, usize) {
    let engine = world.service.engine();
    (engine.fixtures().len(), engine.tickets().len(), engine.kept_transfer_count())
}

fn balance(world: &mut World) -> i64 {
    world.answer(json!({"type": "balance", "customer": 42}))["available_minor"].as_i64().unwrap()
}

fn settle_home(world: &mut World, grades: Value) {
    world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": grades}));
    world.settle();
}

/// All that is said and asked of what left, in this order.
fn ask_everything(world: &mut World) {
    let before = balance(world);
    // A query of a ticket that left with its fixture.
    let query = |id: u128| json!({"type": "ticket", "ticket": format!("{id:032x}")});
    let found = world.answer(query(3));
    assert_eq!(found["ticket"]["state"], "settled", "{found}");
    assert_eq!(counts(world), (1, 0, 0), "its fixture is back, the ticket is not");
    pass(world, 3);
    assert_eq!(counts(world), (0, 0, 0));
    // The image of its board.
    world.snapshot("reader", json!({"type": "image", "fixture": FIXTURE}));
    let image = image_of(&world.settle(), "reader");
    assert_eq!(image["status"], "closed", "{image}");
    pass(world, 3);
    // Its exposure.
    let exposure =
        world.answer(json!({"type": "exposure", "scope": {"level": "fixture", "fixture": FIXTURE}}));
    assert_eq!(exposure["type"], "exposure", "{exposure}");
    assert_eq!(counts(world).0, 1);
    pass(world, 3);
    // A bet on it, as on every fixture that is over.
    let leg =
        json!({"fixture": FIXTURE, "market": "1x2", "selection": "home", "odds": 3.0, "version": [1, 1]});
    let late = world.answer(ticket(900, 42, 100, vec![leg]));
    assert_eq!(late["ticket"]["reason"]["name"], "fixture_closed", "{late}");
    pass(world, 4);
    assert_eq!(counts(world), (0, 0, 0));
    // Another announcement under its id.
    world.ingest(json!({"type": "fixture", "fixture": FIXTURE, "sport": "football", "competition": "cup",
        "home": "Another", "away": "Ecuador", "start_ns": START_NS}));
    world.settle();
    let known = world.service.engine().fixture(FixtureId(FIXTURE)).unwrap();
    assert_eq!(known.request.home, "Qatar");
    pass(world, 3);
    // A repeat of a ticket's id.
    assert_eq!(counts(world), (0, 0, 0));
    let leg =
        json!({"fixture": FIXTURE, "market": "1x2", "selection": "home", "odds": 3.0, "version": [1, 1]});
    let conflict = world.answer(ticket(2, 42, 777, vec![leg]));
    assert_eq!(conflict["reason"]["name"], "id_has_another_body", "{conflict}");
    pass(world, 5);
    // A result that is told late, and taken back.
    assert_eq!(counts(world), (0, 0, 0));
    settle_home(world, json!(["lost", "won", "lost"]));
    assert_eq!(counts(world), (1, TICKETS as usize, 0));
    assert_eq!(balance(world), 1_000_000 - 500);
    pass(world, 5);
    assert_eq!(counts(world), (0, 0, 0));
    settle_home(world, json!(["won", "lost", "lost"]));
    assert_eq!(balance(world), before);
    pass(world, 5);
    // A goal of the match is taken back by its feed.
    world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": null}));
    world.incident(FIXTURE, "goal_cancelled", 5_400_000, json!({"side": "home"}));
    world.settle();
    assert_eq!(balance(world), 1_000_000 - 500);
    // A repeat of the deposit, and another request under its id.
    let repeat = world.answer(deposit(1, 42, 1_000_000));
    assert_eq!((&repeat["type"], &repeat["repeat"]), (&json!("money"), &json!(true)), "{repeat}");
    assert_eq!(counts(world).2, 1);
    pass(world, 2);
    assert_eq!(counts(world).2, 0);
    let conflict = world.answer(deposit(1, 42, 5));
    assert_eq!(conflict["reason"]["name"], "id_has_another_body", "{conflict}");
    assert_eq!(balance(world), 1_000_000 - 500);
    for (name, result) in world.service.engine().invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
}

/// Memory grew with every fixture and every deposit for ever. In memory the archive is a map.
#[test]
fn what_left_is_spoken_of_in_memory() {
    let mut world = world_of(None);
    retired(&mut world);
    ask_everything(&mut world);
}

/// With a journal the rows are in its database, in the transaction of their group.
#[test]
fn what_left_is_spoken_of_with_a_journal() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    retired(&mut world);
    ask_everything(&mut world);
    // All of it replays: the records alone lead to the same state.
    world.service.close().unwrap();
    let hash = world.hash();
    let report = oddsengine_runtime::service::replay_journal(folder.journal().as_path()).unwrap();
    assert_eq!(report.state_hash.to_string(), hash);
    let redecided = oddsengine_runtime::service::redecide_journal(folder.journal().as_path()).unwrap();
    assert!(redecided.differences.is_empty(), "{:?}", redecided.differences);
}

/// A process that dies has what left in the journal, and in the state exactly what did not leave: whatever record was the last
/// one, each id is known once, and a repeat of each deposit is a repeat.
#[test]
fn a_process_that_dies_between_any_two_records_knows_everything_once() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    for fixture in FIXTURE..FIXTURE + 12 {
        world.fixture(fixture);
        play(&mut world, fixture);
    }
    for id in 1..=300 {
        world.order("a", deposit(id, 42, 100));
        if id % 64 == 0 {
            world.turn();
        }
    }
    world.settle();
    world.advance(3 * DAY_S);
    let mut is_first = true;
    let mut seen = std::collections::BTreeSet::new();
    loop {
        world.service.end_turn();
        while world.service.progress().1 < world.service.progress().0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        world.service.durable();
        let other = Folder::new();
        copy_journal(&folder.journal(), &other.journal());
        let mut again = world_of(Some(&other.journal()));
        again.now_ns = world.now_ns;
        let engine = again.service.engine();
        let left = engine.counters().archived_transfer_count;
        assert_eq!(engine.kept_transfer_count() as u64 + left, 300);
        assert_eq!(engine.fixtures().len() as u64 + engine.counters().archived_fixture_count, 12);
        seen.insert((engine.counters().archived_fixture_count, left));
        for id in [1_u128, 150, 256, 257, 300] {
            let repeat = again.answer(deposit(id, 42, 100));
            assert_eq!(repeat["repeat"], true, "{id}: {repeat}");
        }
        assert_eq!(balance(&mut again), 30_000);
        again.snapshot("reader", json!({"type": "image", "fixture": FIXTURE}));
        assert_eq!(image_of(&again.settle(), "reader")["status"], "closed");
        again.service.close().unwrap();
        let hash = again.hash();
        let report = oddsengine_runtime::service::replay_journal(other.journal().as_path()).unwrap();
        assert_eq!(report.state_hash.to_string(), hash);
        if std::mem::take(&mut is_first) {
            world.service.tick(world.now_ns, world.now_ns);
        } else if !world.service.work_off() {
            break;
        }
    }
    let steps: Vec<_> = seen.into_iter().collect();
    assert!(steps.contains(&(0, 0)) && steps.contains(&(8, 256)), "{steps:?}");
    assert_eq!(steps.last(), Some(&(12, 300)));
}

/// A snapshot in between leads to the same state as the records, and places that were freed are taken alike.
#[test]
fn a_snapshot_with_free_places_is_the_state() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    retired(&mut world);
    world.fixture(FIXTURE + 1);
    world.fixture(FIXTURE + 2);
    play(&mut world, FIXTURE + 1);
    pass(&mut world, 3);
    assert_eq!(world.service.engine().fixtures().place_count(), 2, "a free one before one that is taken");
    world.service.close().unwrap();
    drop(world);
    let mut world = world_of(Some(&folder.journal()));
    world.advance(20 * DAY_S);
    assert_eq!(world.service.engine().fixtures().place_count(), 2);
    let page = world.answer(json!({"type": "fixtures"}));
    assert_eq!(page["fixtures"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(page["next"], Value::Null);
    world.fixture(FIXTURE + 3);
    world.settle();
    assert_eq!(world.service.engine().fixtures().place_count(), 2);
    world.snapshot("reader", json!({"type": "images"}));
    let frames = world.settle();
    let images = answers(&frames).filter(|frame| frame.value["kind"] == "image").count();
    assert_eq!(images, 2);
    world.service.close().unwrap();
    let hash = world.hash();
    let report = oddsengine_runtime::service::replay_journal(folder.journal().as_path()).unwrap();
    assert_eq!(report.state_hash.to_string(), hash);
}

/// Who follows a board saw its numbers begin anew when its fixture came back, and took new frames for old ones.
#[test]
fn frames_of_a_board_that_comes_back_have_higher_numbers() {
    let mut world = world_of(None);
    world.fixture(FIXTURE);
    play(&mut world, FIXTURE);
    let frames = world.settle();
    let seq = |frames: &[Seen]| {
        let boards: Vec<u64> = frames
            .iter()
            .filter(|frame| frame.socket == Socket::Odds && frame.value["type"] == "board")
            .map(|frame| frame.value["seq"].as_u64().unwrap())
            .collect();
        boards.last().copied()
    };
    let before = seq(&frames).expect("a board was told");
    pass(&mut world, 3);
    assert_eq!(counts(&world).0, 0);
    world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": null}));
    world.incident(FIXTURE, "goal_cancelled", 5_400_000, json!({"side": "home"}));
    let after = seq(&world.settle()).expect("its board is told again");
    assert!(after > before + 1, "{after} follows {before}: nobody would miss what was told meanwhile");
    // One that is new begins at the beginning.
    world.fixture(FIXTURE + 1);
    let frames = world.settle();
    assert_eq!(seq(&frames), Some(1), "{frames:?}");
}

/// Whoever bets on, or asks for, one old fixture after another would fill memory beyond its bound: they are answered as if the
/// fixture were not there. What a feed says is heard.
#[test]
fn bets_and_queries_bring_back_no_more_than_there_is_room_for() {
    let mut world = World::of(Service::start(options_of(None, 1)).unwrap());
    world.fixture(FIXTURE);
    play(&mut world, FIXTURE);
    pass(&mut world, 3);
    world.fixture(FIXTURE + 1);
    world.settle();
    assert_eq!(counts(&world).0, 1);
    world.snapshot("reader", json!({"type": "image", "fixture": FIXTURE}));
    let frames = world.settle();
    assert!(answers(&frames).any(|frame| frame.value["reason"]["name"] == "fixture_not_found"), "{frames:?}");
    let leg =
        json!({"fixture": FIXTURE, "market": "1x2", "selection": "home", "odds": 3.0, "version": [1, 1]});
    let refused = world.answer(ticket(1, 42, 100, vec![leg]));
    assert_eq!(refused["ticket"]["reason"]["name"], "fixture_not_found", "{refused}");
    assert_eq!(counts(&world).0, 1);
    settle_home(&mut world, json!(["won", "lost", "lost"]));
    assert_eq!(counts(&world).0, 2);
}

/// Images and tickets of 40 old matches, asked for by somebody who may only read, took all places for two days, and the feed's next
/// match was refused. A part of the places is for feeds alone, and what readers brought back leaves within a minute.
#[test]
fn what_readers_bring_back_keeps_no_feed_out() {
    const FIXTURES_MAX: u32 = 32;
    let mut world = World::of(Service::start(options_of(None, FIXTURES_MAX)).unwrap());
    let old: Vec<u64> = (2_000..2_040).collect();
    for chunk in old.chunks(20) {
        for &fixture in chunk {
            world.fixture(fixture);
            play(&mut world, fixture);
        }
        pass(&mut world, 3);
    }
    assert_eq!(counts(&world), (0, 0, 0));
    for &fixture in &old {
        world.snapshot("reader", json!({"type": "image", "fixture": fixture}));
        world.settle();
    }
    assert_eq!(counts(&world).0, 30);
    world.fixture(FIXTURE);
    world.fixture(FIXTURE + 1);
    world.settle();
    for fixture in [FIXTURE, FIXTURE + 1] {
        assert!(world.service.engine().fixture(FixtureId(fixture)).is_some(), "fixture {fixture} is refused");
    }
    for _ in 0..8 {
        world.advance(10);
        world.service.tick(world.now_ns, world.now_ns);
        world.settle();
    }
    assert_eq!(counts(&world).0, 2);
}

/// Whoever repeats one old id after another filled memory for a day with each of them.
#[test]
fn ids_that_are_repeated_leave_again_within_a_minute() {
    let mut world = world_of(None);
    retired(&mut world);
    assert_eq!(world.answer(deposit(1, 42, 1_000_000))["repeat"], true);
    let leg =
        json!({"fixture": FIXTURE, "market": "1x2", "selection": "home", "odds": 3.0, "version": [1, 1]});
    world.answer(ticket(2, 42, 777, vec![leg]));
    assert_eq!(counts(&world), (1, 1, 1));
    world.advance(RECALLED_KEPT_MS / 1_000 - 1);
    world.service.tick(world.now_ns, world.now_ns);
    world.settle();
    assert_eq!(counts(&world), (1, 1, 1));
    world.advance(1);
    world.service.tick(world.now_ns, world.now_ns);
    world.settle();
    assert_eq!(counts(&world), (0, 0, 0));
}

/// The tables are indexed by what is asked, and nobody asks them before something left.
#[test]
fn what_nobody_knows_costs_one_point_query() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    retired(&mut world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    let plan = |sql: &str| -> String {
        connection.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get::<_, String>(3)).unwrap()
    };
    let fixture = plan("SELECT bytes FROM archived_fixture WHERE id = 7");
    assert!(fixture.starts_with("SEARCH archived_fixture USING INTEGER PRIMARY KEY"), "{fixture}");
    let transfer = plan("SELECT bytes FROM archived_transfer WHERE id = x'00'");
    assert!(transfer.starts_with("SEARCH archived_transfer USING PRIMARY KEY"), "{transfer}");
    let reader = oddsengine_runtime::journal::ArchiveReader::open(&folder.journal()).unwrap();
    assert!(reader.fixture(FIXTURE).unwrap().is_some() && reader.transfer(1).unwrap().is_some());
    let began = std::time::Instant::now();
    (0..1_000_u128).for_each(|id| assert_eq!(reader.transfer((1 << 100) + id).unwrap(), None));
    println!("a look for an unknown deposit: {:?}", began.elapsed() / 1_000);
    assert!(!world.service.engine().knows_transfer(TransferId(1)));
}

/// An id that the archive cannot be asked about may have been booked: nothing is booked under it, and what can be known is.
#[test]
fn a_deposit_whose_id_cannot_be_looked_up_is_not_booked() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    retired(&mut world);
    let before = balance(&mut world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    connection.execute_batch("ALTER TABLE archived_transfer RENAME TO hidden_transfer").unwrap();
    for id in [1, 777] {
        let refused = world.answer(deposit(id, 42, 1_000_000));
        assert_ne!(refused["type"], "money", "{refused}");
    }
    assert_eq!(balance(&mut world), before);
    connection.execute_batch("ALTER TABLE hidden_transfer RENAME TO archived_transfer").unwrap();
    assert_eq!(world.answer(deposit(1, 42, 1_000_000))["repeat"], true);
    assert_eq!(world.answer(deposit(777, 42, 5))["repeat"], false);
    assert_eq!(balance(&mut world), before + 5);
}

/// A journal of an earlier build has the tables of tickets alone: it gets the others when it is opened.
#[test]
fn a_journal_with_the_archive_of_tickets_alone_gets_the_rest() {
    let folder = Folder::new();
    let mut world = world_of(Some(&folder.journal()));
    world.service.close().unwrap();
    drop(world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    connection.execute_batch("DROP TABLE archived_fixture; DROP TABLE archived_transfer;").unwrap();
    drop(connection);
    let mut world = world_of(Some(&folder.journal()));
    retired(&mut world);
    ask_everything(&mut world);
}
