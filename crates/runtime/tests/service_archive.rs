//! Tickets that left memory: answered, never booked twice, and settled anew when a result is told late.

mod journal_support;
mod service_support;

use journal_support::{Folder, copy_journal};
use oddsengine_runtime::service::Service;
use serde_json::{Value, json};
use service_support::*;

const COUNT: u128 = 300;
const STAKE_MINOR: i64 = 100;

/// 300 singles on the home side, which wins; two days later none of them is in memory.
fn archived(world: &mut World) -> Value {
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 1_000_000));
    world.turn();
    let leg = world.leg(FIXTURE, "1x2", "home");
    for first in (1..=COUNT).step_by(64) {
        for id in first..(first + 64).min(COUNT + 1) {
            world.order("a", ticket(id, 42, STAKE_MINOR, vec![leg.clone()]));
        }
        world.turn();
    }
    assert_eq!(world.service.engine().counters().accepted_count, COUNT as u64);
    for (kind, clock_ms, more) in [
        ("kick_off", 0, json!({})),
        ("goal", 60_000, json!({"side": "home"})),
        ("half_time", 2_700_000, json!({})),
        ("second_half", 2_700_000, json!({})),
        ("full_time", 5_400_000, json!({})),
    ] {
        world.incident(FIXTURE, kind, clock_ms, more);
    }
    work_off(world);
    world.advance(2 * 86_400);
    world.service.tick(world.now_ns, world.now_ns);
    work_off(world);
    world.settle();
    let engine = world.service.engine();
    assert_eq!((engine.tickets().len(), engine.counters().archived_count), (0, COUNT as u64));
    leg
}

fn work_off(world: &mut World) {
    let mut slices = 0;
    while world.service.work_off() {
        slices += 1;
        assert!(slices < 1_000, "work that never ends");
    }
    world.turn();
}

fn balance(world: &mut World) -> i64 {
    world.answer(json!({"type": "balance", "customer": 42}))["available_minor"].as_i64().unwrap()
}

fn settle_home(world: &mut World, grades: Value) {
    world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": grades}));
    work_off(world);
    world.settle();
}

fn hot_count(world: &World) -> usize {
    world.service.engine().tickets().len()
}

/// All that is asked of archived tickets, in this order.
fn ask_everything(world: &mut World, leg: &Value) {
    let before = balance(world);
    let query = |id: u128| json!({"type": "ticket", "ticket": format!("{id:032x}")});
    // A query brings nothing back.
    let found = world.answer(query(7));
    assert_eq!((&found["ticket"]["state"], hot_count(world)), (&json!("settled"), 0), "{found}");
    assert_eq!(world.answer(query(COUNT + 1))["reason"]["name"], "ticket_not_found");
    // A repeat gets the answer that the ticket has by now, and books nothing.
    let repeat = world.answer(ticket(7, 42, STAKE_MINOR, vec![leg.clone()]));
    assert_eq!(repeat["ticket"]["state"], "settled", "{repeat}");
    assert_eq!(
        (repeat["ticket"]["paid_minor"].clone(), hot_count(world)),
        (found["ticket"]["paid_minor"].clone(), 1)
    );
    let conflict = world.answer(ticket(8, 42, 2 * STAKE_MINOR, vec![leg.clone()]));
    assert_eq!(conflict["reason"]["name"], "id_has_another_body", "{conflict}");
    assert_eq!(balance(world), before);
    // A result that is told late reaches all of them.
    settle_home(world, json!(["lost", "won", "lost"]));
    assert_eq!(hot_count(world), COUNT as usize);
    assert_eq!(world.service.engine().recalls().count(), 0);
    assert_eq!(balance(world), 1_000_000 - STAKE_MINOR * COUNT as i64);
    settle_home(world, json!(["won", "lost", "lost"]));
    assert_eq!(balance(world), before);
    // They leave once more, and one of them is cancelled from there.
    world.advance(2 * 86_400);
    world.service.tick(world.now_ns, world.now_ns);
    work_off(world);
    world.settle();
    assert_eq!(hot_count(world), 0);
    let cancelled =
        world.answer(json!({"type": "cancel_ticket", "source": "alice", "ticket": format!("{:032x}", 9)}));
    assert_eq!(cancelled["type"], "done", "{cancelled}");
    let paid_minor = found["ticket"]["paid_minor"].as_i64().unwrap();
    assert_eq!(balance(world), before - paid_minor + STAKE_MINOR);
    for (name, result) in world.service.engine().invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
}

/// Memory grew with every ticket for ever. In memory the archive is a map.
#[test]
fn archived_tickets_are_asked_for_in_memory() {
    let mut world = World::new(None);
    let leg = archived(&mut world);
    ask_everything(&mut world, &leg);
}

/// With a journal the rows are in its database, in the transaction of their group.
#[test]
fn archived_tickets_are_asked_for_with_a_journal() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    ask_everything(&mut world, &leg);
}

/// A process that dies after its tickets left has them in the journal that it left, and asks it.
#[test]
fn archived_tickets_are_asked_for_after_a_restart() {
    let (folder, other) = (Folder::new(), Folder::new());
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    std::thread::sleep(std::time::Duration::from_millis(300));
    copy_journal(&folder.journal(), &other.journal());
    drop(world);
    let mut world = World::of(Service::start(options(Some(&other.journal()))).unwrap());
    world.advance(3 * 86_400);
    assert_eq!((hot_count(&world), world.service.engine().counters().archived_count), (0, COUNT as u64));
    ask_everything(&mut world, &leg);
}

/// A journal of an earlier build has no archive: it gets one when it is opened.
#[test]
fn a_journal_without_an_archive_gets_one() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    world.service.close().unwrap();
    drop(world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    connection.execute_batch("DROP TABLE archived_ticket; DROP TABLE archived_leg;").unwrap();
    drop(connection);
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    ask_everything(&mut world, &leg);
}

/// The tables are indexed by what is asked: an id that nobody knows costs one look at a key.
#[test]
fn an_unknown_id_costs_one_point_query() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    archived(&mut world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    let plan = |sql: &str| -> String {
        connection.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get::<_, String>(3)).unwrap()
    };
    let by_id = plan("SELECT bytes FROM archived_ticket WHERE id = x'00'");
    assert!(by_id.starts_with("SEARCH archived_ticket USING PRIMARY KEY"), "{by_id}");
    let by_fixture =
        plan("SELECT ticket FROM archived_leg WHERE fixture = 1 AND ticket >= x'00' ORDER BY ticket");
    assert!(by_fixture.starts_with("SEARCH archived_leg USING PRIMARY KEY"), "{by_fixture}");
    let count: i64 = connection.query_row("SELECT count(*) FROM archived_leg", [], |row| row.get(0)).unwrap();
    assert_eq!(count, COUNT as i64);
    let reader = oddsengine_runtime::journal::ArchiveReader::open(&folder.journal()).unwrap();
    let began = std::time::Instant::now();
    (0..1_000_u128).for_each(|id| assert_eq!(reader.ticket((1 << 100) + id).unwrap(), None));
    println!("a look for an unknown id: {:?}", began.elapsed() / 1_000);
}
