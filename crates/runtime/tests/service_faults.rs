//! A full disk delays money and nothing else; a failed sync ends the process, and releases nothing.

mod journal_support;
mod service_support;

use std::path::Path;
use std::time::{Duration, Instant};

use journal_support::Folder;
use oddsengine_runtime::journal::{Fault, Faults, OpenOptions, verify};
use oddsengine_runtime::service::{Service, Socket, replay_journal};
use serde_json::json;
use service_support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A disk whose fault is switched while it runs.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<AtomicU8>);

const HEALTHY: u8 = 0;
const FULL: u8 = 1;
const SYNC_FAILS: u8 = 2;
const SYNC_FAILS_AND_KEEPS: u8 = 3;
const SLOW: u8 = 4;

impl Faults for Disk {
    fn at_commit(&mut self, _attempt: u64) -> Fault {
        match self.0.load(Ordering::SeqCst) {
            FULL => Fault::DiskFull,
            SYNC_FAILS => Fault::SyncFails,
            SYNC_FAILS_AND_KEEPS => Fault::SyncFailsAfterWrite,
            SLOW => Fault::Slow(Duration::from_millis(300)),
            _ => Fault::None,
        }
    }
}

impl Disk {
    fn is(&self, fault: u8) {
        self.0.store(fault, Ordering::SeqCst);
    }
}

fn start(path: &Path) -> (World, Disk) {
    let disk = Disk::default();
    let opening = OpenOptions {
        faults: Some(Box::new(disk.clone())),
        full_retry_pause: Duration::from_millis(5),
        close_patience: Duration::from_millis(50),
        ..OpenOptions::default()
    };
    let mut world = World::of(Service::start_with(options(Some(path)), opening).unwrap());
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 10_000));
    world.settle();
    (world, disk)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: never");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_slow_disk_delays_money_only() {
    let folder = Folder::new();
    let (mut world, disk) = start(&folder.journal());
    disk.is(SLOW);
    let paid = world.order("a", deposit(2, 42, 500));
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.incident(FIXTURE, "goal", 1_000, json!({"side": "home"}));
    let started = Instant::now();
    let at_once = world.turn();
    assert!(started.elapsed() < Duration::from_millis(250), "a turn waited for the disk");
    assert!(!boards(&at_once).is_empty());
    assert!(answers(&at_once).next().is_none());
    let released = world.settle();
    assert_eq!(answers_to(&released, &paid).len(), 1);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_full_disk_refuses_money_and_loses_nothing() {
    let folder = Folder::new();
    let (mut world, disk) = start(&folder.journal());
    disk.is(FULL);
    let waiting = world.order("a", deposit(2, 42, 500));
    assert!(answers_to(&world.turn(), &waiting).is_empty());
    until("the disk is full", || !world.service.takes_money());
    let leg = world.leg(FIXTURE, "1x2", "home");
    let refused =
        [world.order("b", deposit(3, 42, 7)), world.order("b", ticket(7, 42, 100, vec![leg.clone()]))];
    // Feeds and the desk are still applied, published, and remembered.
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.incident(FIXTURE, "goal", 1_000, json!({"side": "home"}));
    let suspended = world.order("desk", json!({"type": "suspend", "fixture": FIXTURE, "source": "alice"}));
    let frames = world.turn();
    assert!(!boards(&frames).is_empty() && !statuses(&frames).is_empty());
    for id in &refused {
        assert_eq!(answers_to(&frames, id)[0]["reason"]["name"], "journal_unavailable");
    }
    assert!(answers_to(&frames, &suspended).is_empty(), "done is said when it is durable");
    assert!(world.service.takes_ingest());
    world.service.heartbeat(world.now_ns);
    assert!(world.turn().iter().any(|frame| frame.value["alert"] == "journal_full"));
    assert_eq!(world.service.poison_reason(), None);

    disk.is(HEALTHY);
    let released = world.settle();
    assert_eq!(answers_to(&released, &waiting)[0]["available_minor"], 10_500);
    assert_eq!(answers_to(&released, &suspended)[0]["type"], "done");
    assert!(world.service.takes_money());
    world.answer(json!({"type": "resume", "fixture": FIXTURE, "source": "alice"}));
    assert_eq!(world.answer(deposit(3, 42, 7))["available_minor"], 10_507);
    let hash = world.hash();
    world.service.close().unwrap();
    assert_eq!(replay_journal(folder.journal()).unwrap().state_hash.to_string(), hash);
}

#[test]
fn a_process_that_ends_on_a_full_disk_acknowledges_nothing_more() {
    let folder = Folder::new();
    let (mut world, disk) = start(&folder.journal());
    disk.is(FULL);
    let waiting = world.order("a", deposit(2, 42, 500));
    world.turn();
    assert!(world.service.close().is_err());
    world.service.durable();
    let frames = world.turn();
    assert!(answers_to(&frames, &waiting).is_empty(), "acknowledged and lost: {frames:?}");
    // A closed service takes nothing either.
    let late = world.order("a", deposit(3, 42, 500));
    let answers = answers_to(&world.turn(), &late);
    assert_eq!(answers[0]["reason"]["name"], "journal_unavailable", "{answers:?}");
    drop(world);
    let mut world = World::new(Some(&folder.journal()));
    assert_eq!(world.answer(json!({"type": "balance", "customer": 42}))["available_minor"], 10_000);
}

#[test]
fn a_failed_sync_releases_nothing_for_ever() {
    for (fault, available_minor) in [(SYNC_FAILS, 10_000), (SYNC_FAILS_AND_KEEPS, 10_500)] {
        let folder = Folder::new();
        let (mut world, disk) = start(&folder.journal());
        disk.is(fault);
        let waiting = world.order("a", deposit(2, 42, 500));
        let asked = world.order("a", json!({"type": "balance", "customer": 42}));
        let mut frames = world.turn();
        until("poison", || world.service.poison_reason().is_some());
        disk.is(HEALTHY);
        assert!(world.service.poison_reason().unwrap().contains("commit of group"));
        assert!(!world.service.takes_money());
        let (_, durable_seq) = world.service.progress();
        // Whatever the loop does until it has noticed.
        let late = world.order("b", deposit(3, 42, 7));
        let desk = world.order("desk", json!({"type": "suspend", "fixture": FIXTURE, "source": "alice"}));
        world.incident(FIXTURE, "kick_off", 0, json!({}));
        world.service.tick(world.now_ns, world.now_ns);
        world.service.heartbeat(world.now_ns);
        for _ in 0..3 {
            world.service.durable();
            frames.extend(world.turn());
        }
        assert!(answers_to(&frames, &waiting).is_empty() && answers_to(&frames, &asked).is_empty());
        for id in [&late, &desk] {
            assert_eq!(answers_to(&frames, id)[0]["reason"]["name"], "journal_unavailable");
        }
        assert!(frames.iter().any(|frame| frame.value["alert"] == "journal_unavailable"));
        assert!(!frames.iter().any(|frame| frame.socket == Socket::Desk && frame.value["type"] == "ticket"));
        assert_eq!(world.service.progress().1, durable_seq);
        assert!(world.service.close().is_err());
        frames.extend(world.turn());
        assert!(answers_to(&frames, &waiting).is_empty() && answers_to(&frames, &asked).is_empty());
        drop(world);

        // The next process goes on from what is there, and the client's repeat settles the question.
        assert!(verify(folder.journal()).unwrap().is_sound());
        let mut world = World::new(Some(&folder.journal()));
        assert_eq!(
            world.answer(json!({"type": "balance", "customer": 42}))["available_minor"],
            available_minor
        );
        let again = world.answer(deposit(2, 42, 500));
        assert_eq!(again["available_minor"], 10_500);
        assert_eq!(again["repeat"], fault == SYNC_FAILS_AND_KEEPS);
    }
}
