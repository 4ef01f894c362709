//! What moves money leaves when it is durable, everything else at once.

mod journal_support;
mod service_support;

use std::time::{Duration, Instant};

use journal_support::Folder;
use oddsengine_runtime::service::Socket;
use serde_json::json;
use service_support::*;

/// Another program that holds SQLite's write lock: commits wait, as behind a slow disk.
struct Blocked(rusqlite::Connection);

impl Blocked {
    fn new(folder: &Folder) -> Self {
        let connection = rusqlite::Connection::open(folder.journal()).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

#[test]
fn money_waits_for_the_disk_and_odds_do_not() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 10_000));
    world.settle();

    let disk = Blocked::new(&folder);
    let (last_seq, _) = world.service.progress();
    let bet = ticket(7, 42, 1_000, vec![world.leg(FIXTURE, "1x2", "home")]);
    let paid = world.order("a", deposit(2, 42, 500));
    let placed = world.order("b", bet);
    let asked = world.order("c", json!({"type": "balance", "customer": 42}));
    world.snapshot("d", json!({"type": "image", "fixture": FIXTURE}));
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.incident(FIXTURE, "goal", 1_000, json!({"side": "home"}));
    world.incident(FIXTURE, "danger", 2_000, json!({"side": "home"}));
    world.order("desk", json!({"type": "suspend", "fixture": FIXTURE, "source": "alice"}));
    let at_once = world.turn();
    assert!(last_seq < world.service.progress().0);
    assert_eq!(world.service.progress().1, last_seq, "nothing is durable behind a blocked disk");
    assert!(!boards(&at_once).is_empty() && !statuses(&at_once).is_empty());
    assert_eq!(image_of(&at_once, "d")["fixture"], FIXTURE);
    let early: Vec<_> =
        at_once.iter().filter(|frame| matches!(frame.socket, Socket::Orders | Socket::Desk)).collect();
    assert!(early.is_empty(), "{early:?}");
    // More turns and looks at the journal change nothing.
    for _ in 0..5 {
        world.service.durable();
        assert!(world.turn().is_empty());
    }
    disk.release();
    let released = world.settle();
    let order: Vec<_> = answers(&released).map(|frame| frame.value["request_id"].as_str().unwrap()).collect();
    assert_eq!(&order[..3], [&paid, &placed, &asked], "answers leave in the order of their commands");
    assert_eq!(answers_to(&released, &placed)[0]["ticket"]["state"], "accepted");
    // What a query told was not durable when it was asked.
    assert_eq!(answers_to(&released, &asked)[0]["available_minor"], 9_500);
    assert!(released.iter().any(|frame| frame.socket == Socket::Desk && frame.value["type"] == "ticket"));
}

#[test]
fn a_journal_out_of_reach_refuses_money_and_publishes_odds() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 10_000));
    world.settle();

    let disk = Blocked::new(&folder);
    let waiting = world.order("a", deposit(2, 42, 500));
    assert!(answers_to(&world.turn(), &waiting).is_empty());
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.service.takes_money() {
        assert!(Instant::now() < deadline, "the journal never says that it is blocked");
        std::thread::sleep(Duration::from_millis(10));
    }
    let bet = ticket(7, 42, 1_000, vec![world.leg(FIXTURE, "1x2", "home")]);
    let withdraw = json!({"type": "withdraw", "transfer": format!("{:032x}", 3), "customer": 42,
        "amount_minor": 1, "currency": "EUR"});
    let cancel = json!({"type": "cancel_ticket", "ticket": format!("{:032x}", 7), "source": "alice"});
    let batch = json!({"type": "batch", "requests": [
        {"type": "deposit", "request_id": "inner", "transfer": format!("{:032x}", 4), "customer": 42,
            "amount_minor": 5, "currency": "EUR"}]});
    let refused: Vec<_> = [bet, withdraw, cancel, deposit(5, 42, 7)]
        .into_iter()
        .map(|request| world.order("b", request))
        .collect();
    let in_batch = world.order("b", batch);
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.incident(FIXTURE, "goal", 1_000, json!({"side": "home"}));
    world.service.heartbeat(world.now_ns);
    let at_once = world.turn();
    for id in &refused {
        let answer = &answers_to(&at_once, id)[..];
        assert_eq!(answer.len(), 1, "{id}");
        assert_eq!(answer[0]["type"], "refused");
        assert_eq!(answer[0]["reason"]["name"], "journal_unavailable");
    }
    assert!(!boards(&at_once).is_empty(), "odds go on");
    let beat = at_once.iter().find(|frame| frame.first == b"hb").unwrap();
    assert_eq!(beat.value["health"], "stopped");
    assert_eq!(world.service.counters().journal_refusal_count, 5);

    disk.release();
    let released = world.settle();
    assert_eq!(answers_to(&released, &waiting)[0]["type"], "money");
    // It changed nothing, so its answer waits for nothing.
    let batch = &answers_to(&at_once, &in_batch)[0];
    assert_eq!(batch["replies"][0]["reason"]["name"], "journal_unavailable");
    assert!(world.service.takes_money());
    // Nothing refused was booked, everything acknowledged was.
    assert_eq!(world.answer(json!({"type": "balance", "customer": 42}))["available_minor"], 10_500);
    assert_eq!(world.answer(deposit(5, 42, 7))["available_minor"], 10_507);
    let hash = world.hash();
    world.service.close().unwrap();
    let replayed = oddsengine_runtime::service::replay_journal(folder.journal()).unwrap();
    assert_eq!(replayed.state_hash.to_string(), hash);
}
