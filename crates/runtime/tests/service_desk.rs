//! The desk socket: paced, numbered by changes, and answered from the state for who has missed something.

mod journal_support;
mod service_support;

use journal_support::Folder;
use oddsengine_runtime::service::{ALERTS_KEPT_MAX, DESK_BURST, DESK_FRAMES_PER_S, Service, Socket};
use serde_json::{Value, json};
use service_support::*;

/// A fixture with `count` singles on the home side, decided and told.
fn with_tickets(world: &mut World, count: u128) {
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 10_000_000));
    world.turn();
    for first in (1..=count).step_by(64) {
        let leg = world.leg(FIXTURE, "1x2", "home");
        for id in first..(first + 64).min(count + 1) {
            world.order("a", ticket(id, 42, 10 + id as i64 % 7, vec![leg.clone()]));
        }
        world.turn();
    }
    assert_eq!(world.service.engine().counters().accepted_count, count as u64);
}

fn settle_home(world: &mut World, grades: Value) {
    world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": grades}));
}

fn settlements(frames: &[Seen]) -> Vec<Value> {
    frames
        .iter()
        .filter(|frame| frame.value["type"] == "settlement")
        .map(|frame| frame.value.clone())
        .collect()
}

/// All pages since a change.
fn pages(world: &mut World, kind: &str, since: u64, limit: u64) -> Vec<Value> {
    let (mut since, mut found) = (since, Vec::new());
    loop {
        let page = world.answer(json!({"type": kind, "since": since, "limit": limit}));
        assert_eq!(page["type"], kind, "{page}");
        let changes = page["changes"].as_array().unwrap();
        assert!(changes.len() as u64 <= limit);
        assert!(page.to_string().len() < 64 << 10, "a page has a bound in bytes");
        found.extend(changes.iter().cloned());
        since = page["next"].as_u64().unwrap();
        if page["next"] == page["last"] {
            return found;
        }
    }
}

/// One settlement of 60,000 tickets was handed to a PUB socket with 20,000 places in one turn: a subscriber that only
/// counted lost 3,314 to 4,759 of them, and nothing told it. They leave at the pace of a reader, none is left out, and
/// the numbers have no gap.
#[test]
fn a_mass_settlement_leaves_at_the_pace_of_a_reader() {
    let mut world = World::new(None);
    with_tickets(&mut world, 6_000);
    world.service.share();
    world.advance(60);
    world.turn();
    settle_home(&mut world, json!(["won", "lost", "lost"]));
    // Slice by slice; nothing is taken meanwhile.
    while world.service.work_off() {}
    let mut found: Vec<Seen> = Vec::new();
    // Behind all that else leaves, and not with it.
    let others = world.service.take_frames(world.now_ns);
    assert!(others.iter().all(|frame| frame.socket != Socket::Desk));
    let first = world.take().len() as i64;
    assert!(first <= DESK_BURST + 8, "{first} frames in one turn");
    let mut turns = 1;
    while world.service.desk_waiting_count() > 0 {
        // Frames told between two turns are bounded by the time that passed.
        world.now_ns += 10_000_000;
        let desk: Vec<_> = world.take().into_iter().filter(|frame| frame.socket == Socket::Desk).collect();
        assert!(desk.len() as i64 <= DESK_FRAMES_PER_S / 100 + 1, "{}", desk.len());
        found.extend(desk);
        turns += 1;
    }
    assert!(turns > 5);
    assert!((6_000 - found.len() as i64) <= DESK_BURST, "nothing is dropped");
    assert_eq!(world.service.desk_dropped_count(), 0);
    let seqs: Vec<_> = found.into_iter().map(|frame| frame.value["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order, without a gap");
    assert_eq!(*seqs.last().unwrap(), 6_000);
}

/// There was no way to get settlements again. "Since" is answered from the state: in order, in pages of bounded size,
/// each once.
#[test]
fn settlements_are_answered_since_a_change() {
    let mut world = World::new(None);
    with_tickets(&mut world, 300);
    let cursor = world.service.engine().last_change_seq();
    assert_eq!(cursor, 300);
    assert!(pages(&mut world, "settlements", 0, 64).is_empty());
    assert_eq!(pages(&mut world, "tickets", 0, 64).len(), 300);
    settle_home(&mut world, json!(["won", "lost", "lost"]));
    let told = settlements(&world.turn());
    assert_eq!(told.len(), 300);
    let found = pages(&mut world, "settlements", cursor, 64);
    assert_eq!(found.len(), 300);
    for (told, found) in told.iter().zip(&found) {
        assert_eq!(found["kind"], "settlement");
        for name in ["change", "paid_minor_before", "ticket"] {
            assert_eq!(told[name], found[name], "{name}");
        }
    }
    // From the middle of a page, and from the end.
    assert_eq!(pages(&mut world, "settlements", cursor + 100, 7), found[100..]);
    assert!(pages(&mut world, "tickets", cursor + 300, 64).is_empty());
    // A cursor of another journal is no empty answer.
    let answer = world.answer(json!({"type": "settlements", "since": 601}));
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("out_of_range")), "{answer}");
}

/// Who has heard of one settlement and missed two must not be told the last difference as if it were the whole.
#[test]
fn what_was_paid_before_is_told_only_to_who_can_use_it() {
    let mut world = World::new(None);
    with_tickets(&mut world, 1);
    settle_home(&mut world, json!(["won", "lost", "lost"]));
    let first = settlements(&world.turn())[0].clone();
    settle_home(&mut world, json!(["lost", "won", "lost"]));
    settle_home(&mut world, json!(["void", "void", "void"]));
    let told = settlements(&world.turn());
    assert_eq!(told.len(), 2, "live every change is told");
    assert_eq!(told[1]["paid_minor_before"], told[0]["ticket"]["paid_minor"]);
    let since = |world: &mut World, change: &Value| {
        let found = pages(world, "settlements", change.as_u64().unwrap(), 64);
        assert_eq!(found.len(), 1);
        found[0].clone()
    };
    let all = since(&mut world, &first["change"]);
    assert_eq!(all["ticket"], told[1]["ticket"]);
    assert_eq!(all["paid_minor_before"], Value::Null);
    assert_eq!(since(&mut world, &told[0]["change"])["paid_minor_before"], 0);
}

/// The numbers of the desk began again at every start, so nobody could ask for what was settled meanwhile. The cursor
/// is in the state: the same live, after a restart from a snapshot, and after a replay from zero.
#[test]
fn a_cursor_outlives_restarts() {
    for has_snapshot in [true, false] {
        let folder = Folder::new();
        let journal = folder.journal();
        let mut world = World::new(Some(&journal));
        with_tickets(&mut world, 20);
        let cursor = world.service.engine().last_change_seq();
        settle_home(&mut world, json!(["won", "lost", "lost"]));
        let told = settlements(&world.settle());
        settle_home(&mut world, json!(["lost", "won", "lost"]));
        world.settle();
        let live = pages(&mut world, "tickets", cursor, 6);
        let hash = world.hash();
        if has_snapshot {
            world.service.close().unwrap();
        }
        drop(world);
        let mut world = World::of(Service::start(options(Some(&journal))).unwrap());
        assert_ne!(world.hash(), hash, "another epoch");
        assert_eq!(pages(&mut world, "tickets", cursor, 6), live);
        assert_eq!(live.len(), 20);
        let after_first = told.last().unwrap()["change"].as_u64().unwrap();
        assert_eq!(pages(&mut world, "settlements", after_first, 6).len(), 20);
        // Numbers go on where they were.
        settle_home(&mut world, json!(["void", "void", "void"]));
        let frames = settlements(&world.settle());
        assert_eq!(frames[0]["change"].as_u64().unwrap(), after_first + 21);
        assert_eq!(frames[0]["seq"], 1, "numbers of frames begin anew with the epoch");
    }
}

/// A lost end of a burst was not noticed: the desk had no heartbeat. It comes after the frames that it counts.
#[test]
fn the_desk_heartbeat_tells_the_tails() {
    let mut world = World::new(None);
    with_tickets(&mut world, 3);
    settle_home(&mut world, json!(["won", "lost", "lost"]));
    world.service.ingest(b"{", world.now_ns);
    world.service.heartbeat(world.now_ns);
    let frames = world.turn();
    let desk: Vec<_> = frames.iter().filter(|frame| frame.socket == Socket::Desk).collect();
    let beat = &desk.last().unwrap().value;
    assert_eq!(desk.last().unwrap().topic(), "desk.heartbeat");
    assert_eq!(
        [&beat["ticket_seq"], &beat["settlement_seq"], &beat["alert_seq"], &beat["change"]],
        [&json!(3), &json!(3), &json!(1), &json!(6)]
    );
}

/// While frames wait for the pace, the desk's heartbeat waits behind them: it never counts what has not left.
#[test]
fn the_desk_heartbeat_waits_behind_what_it_counts() {
    let mut world = World::new(None);
    with_tickets(&mut world, 2_500);
    world.service.share();
    settle_home(&mut world, json!(["lost", "won", "lost"]));
    while world.service.work_off() {}
    world.service.heartbeat(world.now_ns);
    world.service.heartbeat(world.now_ns);
    let told = |frames: &[Seen]| frames.iter().filter(|frame| frame.socket == Socket::Desk).count();
    let now = world.turn();
    assert!(now.iter().all(|frame| frame.value["type"] != "desk_heartbeat"));
    world.now_ns += SECOND_NS;
    let later = world.turn();
    assert_eq!(told(&now) + told(&later), 2_501, "the settlements and one heartbeat");
    assert_eq!(later.last().unwrap().value["change"], 5_000);
}

/// Alerts are no state. The last ones are kept within a bound, and what is gone is told by `first`.
#[test]
fn alerts_are_kept_within_a_bound() {
    let mut world = World::new(None);
    let count = ALERTS_KEPT_MAX as u64 + 500;
    for number in 0..count {
        if number % 32 == 0 {
            // No more of a kind are told in a second.
            world.now_ns += SECOND_NS;
        }
        world.service.ingest(b"{", world.now_ns);
    }
    let told: Vec<_> = world
        .turn()
        .into_iter()
        .filter(|frame| frame.topic() == "desk.alert")
        .map(|seen| seen.value)
        .collect();
    assert_eq!(told.len() as u64, count);
    let epoch = world.service.engine().epoch();
    let (mut since, mut found, mut first) = (0, Vec::new(), 0);
    loop {
        let page = world.answer(json!({"type": "alerts", "since": since, "epoch": epoch, "limit": 256}));
        assert!(page.to_string().len() < 64 << 10);
        first = first.max(page["first"].as_u64().unwrap());
        found.extend(page["alerts"].as_array().unwrap().clone());
        since = page["next"].as_u64().unwrap();
        if page["next"] == page["last"] {
            break;
        }
    }
    assert!(found.len() <= ALERTS_KEPT_MAX);
    assert!(first > 500, "{first}");
    assert_eq!(found.len() as u64, count - first + 1);
    for (told, found) in told[first as usize - 1..].iter().zip(&found) {
        let mut told = told.clone();
        told.as_object_mut().unwrap().remove("sent_ns");
        assert_eq!(told, *found);
    }
    // A number of another epoch says nothing about this one's.
    let page = world.answer(json!({"type": "alerts", "since": since, "epoch": epoch + 1}));
    assert_eq!(page["alerts"].as_array().unwrap().len(), 64);
}

/// Whoever cancelled a delayed ticket was answered, but not who waited for its decision; of two connections that asked
/// for the same ticket only the second one was.
#[test]
fn everybody_who_waits_hears_what_becomes_of_a_ticket() {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 1_000_000));
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.turn();
    let leg = world.leg(FIXTURE, "1x2", "home");
    let place = |world: &mut World, id: u128, client: &str| {
        world.order(client, ticket(id, 42, 1_000, vec![leg.clone()]))
    };
    let (first, second) = (place(&mut world, 1, "a"), place(&mut world, 1, "b"));
    let frames = world.turn();
    for id in [&first, &second] {
        assert_eq!(answers_to(&frames, id)[0]["ticket"]["state"], "delayed");
    }
    world.advance(10);
    world.service.tick(world.now_ns, world.now_ns);
    let frames = world.turn();
    for (id, client) in [(&first, "a"), (&second, "b")] {
        let told = answers_to(&frames, id);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["ticket"]["state"], "accepted");
        assert!(answers(&frames).any(|frame| frame.first == client.as_bytes()));
    }

    let (first, second) = (place(&mut world, 2, "a"), place(&mut world, 2, "b"));
    world.turn();
    let cancel = json!({"type": "cancel_ticket", "source": "alice", "ticket": format!("{:032x}", 2)});
    let cancelled = world.order("desk", cancel);
    let frames = world.turn();
    assert_eq!(answers_to(&frames, &cancelled)[0]["type"], "done");
    for id in [&first, &second] {
        assert_eq!(answers_to(&frames, id)[0]["ticket"]["state"], "cancelled");
    }

    // A bound: the oldest of five is told that it will not hear.
    let ids: Vec<_> = ["a", "b", "c", "d", "e"].map(|client| place(&mut world, 3, client)).into();
    // The same request again takes no place.
    world.order("e", {
        let mut again = ticket(3, 42, 1_000, vec![leg.clone()]);
        again["request_id"] = ids[4].clone().into();
        again
    });
    let frames = world.turn();
    assert_eq!(answers_to(&frames, &ids[0])[1]["code"], "superseded");
    world.advance(10);
    world.service.tick(world.now_ns, world.now_ns);
    let frames = world.turn();
    let told: Vec<_> = ids.iter().map(|id| answers_to(&frames, id).len()).collect();
    assert_eq!(told, [0, 1, 1, 1, 1]);
    assert_eq!(world.service.counters().superseded_count, 1);
}
