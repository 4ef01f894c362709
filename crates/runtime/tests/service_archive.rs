//! Tickets that left memory: answered, never booked twice, and settled anew when a result is told late.

mod journal_support;
mod service_support;

use journal_support::{Folder, copy_journal};
use oddsengine_engine::{Body, decode_record};
use oddsengine_runtime::journal::{distrust_archive, records, verify};
use oddsengine_runtime::service::{QuarantineOrder, Service, quarantine, replay_journal};
use serde_json::{Value, json};
use service_support::*;

const COUNT: u128 = 300;
const STAKE_MINOR: i64 = 100;

/// 300 singles on the home side, which wins; two days later none of them is in memory.
fn archived(world: &mut World) -> Value {
    archived_beside(world, 0)
}

/// Beside open tickets that are there before.
fn archived_beside(world: &mut World, others: u64) -> Value {
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
    assert_eq!(world.service.engine().counters().accepted_count, COUNT as u64 + others);
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
    assert_eq!((engine.tickets().len() as u64, engine.counters().archived_count), (others, COUNT as u64));
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
    (0..1_000_u128).for_each(|id| assert_eq!(reader.ticket((1 << 100) + id, &[]).unwrap(), None));
    println!("a look for an unknown id: {:?}", began.elapsed() / 1_000);
}

fn restarted(folder: &Folder) -> World {
    let mut world = World::of(Service::start(options(Some(&folder.journal()))).unwrap());
    world.advance(3 * 86_400);
    world
}

fn reason(answer: &Value) -> &str {
    let told = answer["reason"]["name"].as_str().or_else(|| answer["ticket"]["reason"]["name"].as_str());
    told.unwrap_or_default()
}

/// The tickets of the fixture that was graded anew come back as soon as they can, and leave after their time.
fn back_and_gone(world: &mut World) {
    let before = balance(world);
    work_off(world);
    assert_eq!((hot_count(world), balance(world)), (COUNT as usize, before));
    world.advance(2 * 86_400);
    world.service.tick(world.now_ns, world.now_ns);
    work_off(world);
    world.settle();
    assert_eq!(hot_count(world), 0);
}

fn query(id: u128) -> Value {
    json!({"type": "ticket", "ticket": format!("{id:032x}")})
}

fn alerts(frames: &[Seen]) -> Vec<String> {
    let told = frames.iter().filter(|frame| frame.value["alert"] == "archive_unreadable");
    told.map(|frame| frame.value["message"].as_str().unwrap_or_default().to_owned()).collect()
}

fn health(world: &mut World) -> String {
    world.service.heartbeat(world.now_ns);
    let frames = world.turn();
    let beat = frames.iter().find(|frame| frame.value["type"] == "heartbeat").expect("a heartbeat");
    beat.value["health"].as_str().unwrap().to_owned()
}

/// What holds while nothing of the archive can be read: no id is taken for a new one, no money moves for what left memory, and
/// everything else goes on.
fn nothing_is_unknown(world: &mut World, leg: &Value) {
    let (before, hot) = (balance(world), hot_count(world));
    let placed = world.service.engine().counters().accepted_count;
    for id in [7, COUNT + 1_000] {
        let answer = world.answer(ticket(id, 42, STAKE_MINOR, vec![leg.clone()]));
        assert_eq!(reason(&answer), "archive_unreadable", "{id}: {answer}");
        let answer = world.answer(query(id));
        assert_eq!(reason(&answer), "archive_unreadable", "{id}: {answer}");
        let cancel = json!({"type": "cancel_ticket", "source": "alice", "ticket": format!("{id:032x}")});
        assert_eq!(reason(&world.answer(cancel)), "archive_unreadable");
    }
    assert_eq!(health(world), "degraded");
    // A new result pays nobody who is not here.
    world.ingest(
        json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": ["lost", "won", "lost"]}),
    );
    let mut frames = Vec::new();
    while world.service.work_off() {
        frames.extend(world.turn());
    }
    frames.extend(world.settle());
    let told = alerts(&frames);
    assert!(told.iter().any(|text| text.contains("not settled by its new result")), "{told:?}");
    assert_eq!((balance(world), hot_count(world)), (before, hot));
    assert_eq!(world.service.engine().counters().accepted_count, placed);
    // Deposits, feeds and new fixtures are none of its business.
    assert_eq!(world.answer(deposit(900, 42, 5))["type"], "money");
    assert_eq!(balance(world), before + 5);
    let withdraw = json!({"type": "withdraw", "transfer": format!("{:032x}", 901), "customer": 42,
        "amount_minor": 5, "currency": "EUR"});
    assert_eq!(world.answer(withdraw)["type"], "money");
    for (name, result) in world.service.engine().invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
    // As it was before.
    world.ingest(
        json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": ["won", "lost", "lost"]}),
    );
    work_off(world);
}

/// An id that cannot be looked up was answered as unknown, by queries and cancellations, and a dropped table was made anew
/// empty by the next start: a repeat would have been a second bet. Now it is refused, and the start makes the rows anew.
#[test]
fn an_archive_without_its_tables_refuses_until_it_is_made_anew() {
    for tables in [&["archived_ticket"][..], &["archived_ticket", "archived_leg"]] {
        let folder = Folder::new();
        let mut world = World::new(Some(&folder.journal()));
        let leg = archived(&mut world);
        let connection = rusqlite::Connection::open(folder.journal()).unwrap();
        for table in tables {
            connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
        }
        nothing_is_unknown(&mut world, &leg);
        world.service.close().unwrap();
        drop((world, connection));
        let mut world = restarted(&folder);
        let notices = world.service.start_report().notices.join("\n");
        assert!(notices.contains("it was made anew from all records, with 300 tickets"), "{notices}");
        back_and_gone(&mut world);
        ask_everything(&mut world, &leg);
        world.service.close().unwrap();
        assert!(verify(folder.journal()).unwrap().is_sound());
    }
}

/// Bytes of its pages are changed on the disk. Where also writing meets them, the group is written and the archive is not: it
/// stopped the process, and every one after it.
#[test]
fn an_archive_with_damaged_pages_refuses_and_stops_no_commit() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    // One that leaves when the damage is there.
    world.fixture(FIXTURE + 1);
    world.answer(deposit(2, 43, 1_000));
    let other = world.leg(FIXTURE + 1, "1x2", "home");
    assert_eq!(world.answer(ticket(COUNT + 5, 43, STAKE_MINOR, vec![other]))["ticket"]["state"], "accepted");
    let leg = archived_beside(&mut world, 1);
    world.service.close().unwrap();
    drop(world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
    let page_size = number("PRAGMA page_size");
    let roots: Vec<usize> = ["archived_ticket", "archived_leg"]
        .map(|name| number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'")))
        .to_vec();
    drop(connection);
    let mut bytes = std::fs::read(folder.journal()).unwrap();
    for root in roots {
        bytes[(root - 1) * page_size..root * page_size].fill(0xA5);
    }
    std::fs::write(folder.journal(), &bytes).unwrap();
    let damages = verify(folder.journal()).unwrap().damages;
    assert!(!damages.is_empty(), "verify does not see it");

    let mut world = restarted(&folder);
    nothing_is_unknown(&mut world, &leg);
    // The bet of the other fixture is still to be settled, and leaves: that meets the damage.
    world.ingest(json!({"type": "void_fixture", "fixture": FIXTURE + 1}));
    work_off(&mut world);
    world.advance(2 * 86_400);
    world.service.tick(world.now_ns, world.now_ns);
    work_off(&mut world);
    world.settle();
    assert_eq!(hot_count(&world), 0);
    assert!(world.service.takes_money(), "{:?}", world.service.poison_reason());
    assert_eq!(reason(&world.answer(query(COUNT + 5))), "archive_unreadable");
    let before = balance(&mut world);
    world.service.close().unwrap();
    drop(world);

    let mut world = restarted(&folder);
    let notices = world.service.start_report().notices.join("\n");
    assert!(notices.contains("it was made anew from all records, with 301 tickets"), "{notices}");
    // What comes back comes back today: the query brings the other fixture, and with it the time.
    world.service.tick(world.now_ns, world.now_ns);
    assert_eq!(balance(&mut world), before);
    back_and_gone(&mut world);
    assert_eq!(world.answer(query(COUNT + 5))["ticket"]["state"], "settled");
    ask_everything(&mut world, &leg);
    world.service.close().unwrap();
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
}

/// One row is gone, or not what was written: nobody counts rows at every request, so each is proven when it is asked for.
#[test]
fn a_ticket_of_the_archive_that_is_not_what_it_was_is_no_answer() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    let id = |number: u128| number.to_be_bytes();
    connection.execute("DELETE FROM archived_ticket WHERE id = ?1", [id(7)]).unwrap();
    // Half of the stake is somewhere in there.
    let sql = "UPDATE archived_ticket SET bytes = CAST(substr(bytes, 1, 20) || x'00' || substr(bytes, 22) AS BLOB) WHERE id = ?1";
    connection.execute(sql, [id(8)]).unwrap();
    // The row of another ticket.
    let sql = "UPDATE archived_ticket SET (bytes, crc32c) = (SELECT bytes, NULL FROM archived_ticket WHERE id = ?2) WHERE id = ?1";
    connection.execute(sql, [id(9), id(10)]).unwrap();
    let before = balance(&mut world);
    for number in [7, 8, 9] {
        let answer = world.answer(ticket(number, 42, STAKE_MINOR, vec![leg.clone()]));
        assert_eq!(reason(&answer), "archive_unreadable", "{number}: {answer}");
    }
    // The others are as they were.
    assert_eq!(world.answer(ticket(11, 42, STAKE_MINOR, vec![leg.clone()]))["ticket"]["state"], "settled");
    assert_eq!(world.answer(ticket(COUNT + 1, 42, 1, vec![leg.clone()]))["ticket"]["state"], "refused");
    assert_eq!(balance(&mut world), before);
    assert_eq!(alerts(&world.take()).len(), 0, "it was told with the first of them, once a minute");
    world.service.close().unwrap();
    drop((world, connection));
    distrust_archive(folder.journal()).unwrap();
    let mut world = restarted(&folder);
    let state = |world: &mut World, number| world.answer(query(number))["ticket"]["state"].clone();
    for number in [7, 8, 9, 10, 11] {
        assert_eq!(state(&mut world, number), "settled", "{number}");
    }
}

/// A record that was taken out had its ticket in the archive all the same: a repeat of the id got an answer of a bet that
/// never was, and a new result would have paid it.
#[test]
fn a_ticket_that_was_taken_out_leaves_the_archive_too() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    let before = balance(&mut world);
    let paid_minor = world.answer(query(7))["ticket"]["paid_minor"].as_i64().unwrap();
    world.service.close().unwrap();
    drop(world);
    let is_seven = |bytes: &[u8]| match decode_record(bytes).unwrap().command.body {
        Body::PlaceTicket(request) => request.ticket.0 == 7,
        _ => false,
    };
    let found =
        records(folder.journal(), 1).unwrap().map(Result::unwrap).find(|record| is_seven(&record.bytes));
    let order = QuarantineOrder {
        seq: found.unwrap().seq,
        by: "alice",
        reason: "a test",
        now_ns: START_NS,
        is_forced: true,
        panic_at_seq: None,
    };
    quarantine(&folder.journal(), &order).unwrap();
    let mut world = restarted(&folder);
    assert_eq!(reason(&world.answer(query(7))), "ticket_not_found");
    assert_eq!(world.answer(query(8))["ticket"]["state"], "settled");
    assert_eq!(balance(&mut world), before - paid_minor + STAKE_MINOR);
    settle_home(&mut world, json!(["lost", "won", "lost"]));
    assert_eq!(balance(&mut world), 1_000_000 - STAKE_MINOR * (COUNT as i64 - 1));
    assert_eq!(reason(&world.answer(ticket(7, 42, STAKE_MINOR, vec![leg]))), "fixture_closed");
}

/// A row of the archive that somebody took out, and nobody counted, made a deposit that was repeated a new one, booked twice; the start
/// and `verify` called the journal sound.
#[test]
fn the_archive_is_compared_with_the_records() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    let leg = archived(&mut world);
    // Some come back, are settled anew, and leave again, with their fixture; some stay.
    ask_everything(&mut world, &leg);
    for _ in 0..4 {
        world.advance(86_400);
        world.service.tick(world.now_ns, world.now_ns);
        work_off(&mut world);
    }
    assert_eq!((hot_count(&world), world.service.engine().fixtures().len()), (0, 0));
    world.answer(ticket(11, 42, STAKE_MINOR, vec![leg.clone()]));
    assert_eq!(replay_journal(folder.journal()).unwrap().archive, None, "in use");
    world.service.close().unwrap();
    drop(world);
    let report = replay_journal(folder.journal()).unwrap();
    let counts = report.archive.expect("it is compared").expect("it is as recorded");
    assert_eq!((counts.tickets, counts.fixtures, counts.transfers), (COUNT as u64, 1, 1));
    let connection = rusqlite::Connection::open(folder.journal()).unwrap();
    let fault = |sql: &str, undo: &str| -> String {
        connection.execute_batch(sql).unwrap();
        let found = replay_journal(folder.journal()).unwrap().archive.expect("it is compared");
        connection.execute_batch(undo).unwrap();
        found.expect_err(sql)
    };
    connection.execute_batch("CREATE TABLE kept AS SELECT * FROM archived_transfer").unwrap();
    let gone = fault("DELETE FROM archived_transfer", "INSERT INTO archived_transfer SELECT * FROM kept");
    assert_eq!(gone, "it holds 0 deposits and withdrawals, and the records took 1 there");
    let named = |id: u8| format!("x'{id:032x}'");
    let (one, other) = (named(5), named(6));
    connection
        .execute_batch(&format!(
            "DROP TABLE kept; CREATE TABLE kept AS SELECT * FROM archived_ticket WHERE id = {one}"
        ))
        .unwrap();
    let gone = fault(
        &format!("DELETE FROM archived_ticket WHERE id = {one}"),
        "INSERT INTO archived_ticket SELECT * FROM kept",
    );
    assert_eq!(gone, "it holds 299 tickets, and the records took 300 there");
    // Another row in its place, whole by its checksum: an older state of the same ticket would be one.
    let swapped = fault(
        &format!(
            "UPDATE archived_ticket SET (bytes, crc32c) = (SELECT bytes, NULL FROM archived_ticket WHERE id = {other}) WHERE id = {one}"
        ),
        &format!(
            "DELETE FROM archived_ticket WHERE id = {one}; INSERT INTO archived_ticket SELECT * FROM kept"
        ),
    );
    assert_eq!(swapped, "its tickets are others than those that the records took there");
    let legs = fault(
        &format!("DELETE FROM archived_leg WHERE ticket = {one}"),
        &format!("INSERT INTO archived_leg VALUES ({FIXTURE}, {one})"),
    );
    assert_eq!(legs, "it holds 299 legs of tickets, and the records took 300 there");
    assert!(replay_journal(folder.journal()).unwrap().archive.unwrap().is_ok());
    // What the next start makes anew is not compared.
    distrust_archive(folder.journal()).unwrap();
    assert_eq!(replay_journal(folder.journal()).unwrap().archive, None);
}
