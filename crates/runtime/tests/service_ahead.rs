//! Stops that overtake on the way in: seen among messages that wait, they halt their fixture before those are carried out.

mod journal_support;
mod service_support;

use journal_support::Folder;
use oddsengine_engine::Stop;
use oddsengine_runtime::service::{Customers, Grants, Rights, Service, Sources};
use oddsengine_types::FixtureId;
use serde_json::{Value, json};
use service_support::*;

const OTHER: u64 = 1002;
/// Messages that wait, and those of them that stop trading.
const BACKLOG: u64 = 2_000;

/// Messages of a feed that wait to be read.
struct Backlog {
    messages: Vec<Vec<u8>>,
    seq: u64,
}

impl Backlog {
    fn new(world: &World) -> Self {
        let seq = world.service.engine().sources()["scout"].seq.unwrap();
        Self { messages: Vec::new(), seq }
    }

    fn push(&mut self, world: &World, mut message: Value) {
        self.seq += 1;
        message["source"] = "scout".into();
        message["seq"] = self.seq.into();
        message["time_ns"] = world.now_ns.into();
        self.messages.push(message.to_string().into_bytes());
    }

    fn incident(&mut self, world: &World, kind: &str) {
        let clock_ms = 1_000 + self.seq;
        self.push(world, json!({"type": "incident", "fixture": FIXTURE, "kind": kind, "clock_ms": clock_ms}));
    }

    fn clocks(&mut self, world: &World, count: u64) {
        (0..count).for_each(|_| self.incident(world, "clock"));
    }
}

/// Two matches in play.
fn world(service: Service) -> World {
    let mut world = World::of(service);
    for fixture in [FIXTURE, OTHER] {
        world.fixture(fixture);
        world.incident(fixture, "kick_off", 0, json!({}));
    }
    world.order("client", deposit(1, 42, 1_000_000));
    world.settle();
    world
}

fn in_memory() -> World {
    world(Service::start(options(None)).unwrap())
}

fn stops(world: &World, fixture: u64) -> Vec<&'static str> {
    world.service.engine().fixture(FixtureId(fixture)).unwrap().stops.set.iter().map(Stop::name).collect()
}

fn look(world: &mut World, backlog: &Backlog) -> Vec<Option<FixtureId>> {
    backlog.messages.iter().map(|message| world.service.look_ahead(None, message, world.now_ns)).collect()
}

/// A danger behind 100,000 clock messages was heard 2.9 s after it arrived, and bets were taken until then. Its status leaves
/// before any of them is carried out; bets are refused until it is; what is told in between lifts nothing.
#[test]
fn a_danger_halts_its_match_before_the_messages_in_front_of_it_are_carried_out() {
    let mut world = in_memory();
    let mut backlog = Backlog::new(&world);
    backlog.clocks(&world, BACKLOG);
    backlog.incident(&world, "safe");
    backlog.incident(&world, "danger");
    backlog.clocks(&world, 10);
    let carried_out = world.service.engine().sources()["scout"].seq;
    let halts = look(&mut world, &backlog);
    assert_eq!(halts.iter().flatten().collect::<Vec<_>>(), [&FixtureId(FIXTURE)]);
    let told = world.take();
    let status = statuses(&told);
    assert_eq!(status.len(), 1, "{told:?}");
    assert_eq!(status[0].value["stops"], json!(["halt"]));
    assert_eq!(status[0].value["status"], "suspended");
    // Not one message of the feed was carried out before, and its numbers are as they were.
    assert_eq!(world.service.engine().sources()["scout"].seq, carried_out);
    assert_eq!(stops(&world, OTHER), [""; 0]);
    let bet = |world: &mut World, number: u128, fixture: u64| {
        let leg = world.leg(fixture, "1x2", "home");
        world.answer(ticket(number, 42, 100, vec![leg]))
    };
    assert_eq!(bet(&mut world, 1, FIXTURE)["ticket"]["reason"]["name"], "fixture_suspended");
    assert_ne!(bet(&mut world, 2, OTHER)["ticket"]["reason"]["name"], "fixture_suspended");
    for (message, halted) in backlog.messages.iter().zip(halts) {
        let is_over = world.service.halt_count() == 0;
        assert_eq!(stops(&world, FIXTURE), if is_over { vec!["danger"] } else { vec!["halt"] });
        world.service.ingest(message, world.now_ns);
        if let Some(fixture) = halted {
            assert_eq!(stops(&world, FIXTURE), ["danger", "halt"]);
            world.service.end_halt(fixture, world.now_ns);
        }
    }
    // The halt is over, the danger is not.
    assert_eq!(stops(&world, FIXTURE), ["danger"]);
    assert_eq!(bet(&mut world, 3, FIXTURE)["ticket"]["reason"]["name"], "fixture_suspended");
}

/// Of two stops that wait, the first one's end would have lifted the halt while the second still waits.
#[test]
fn the_last_stop_that_waits_lifts_the_halt() {
    let mut world = in_memory();
    let mut backlog = Backlog::new(&world);
    backlog.clocks(&world, 5);
    backlog.incident(&world, "danger");
    backlog.incident(&world, "safe");
    backlog.push(&world, json!({"type": "suspend", "fixture": FIXTURE}));
    backlog.push(&world, json!({"type": "resume", "fixture": FIXTURE}));
    backlog.clocks(&world, 5);
    let halts = look(&mut world, &backlog);
    assert_eq!(halts.iter().flatten().count(), 2);
    assert_eq!(statuses(&world.take()).len(), 1);
    let mut seen = Vec::new();
    for (message, halted) in backlog.messages.iter().zip(halts) {
        world.service.ingest(message, world.now_ns);
        if let Some(fixture) = halted {
            world.service.end_halt(fixture, world.now_ns);
        }
        let now = stops(&world, FIXTURE);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert_eq!(seen, [vec!["halt"], vec!["danger", "halt"], vec!["halt"], vec!["feed"], vec![]]);
    assert_eq!(world.service.halt_count(), 0);
}

/// Looking ahead takes no number: gaps, repeats and the state are those of a run in which nobody looked, but for the count of
/// interruptions and of commands that the halt itself adds.
#[test]
fn what_waited_leads_to_the_state_that_it_leads_to_without_a_halt() {
    let run = |looks: bool| {
        let mut world = in_memory();
        let mut backlog = Backlog::new(&world);
        backlog.clocks(&world, 50);
        backlog.incident(&world, "danger");
        backlog.incident(&world, "safe");
        // Two are lost, and one comes again.
        backlog.seq += 2;
        backlog.clocks(&world, 5);
        let again = backlog.messages[10].clone();
        backlog.messages.push(again);
        backlog.incident(&world, "danger");
        let halts = if looks { look(&mut world, &backlog) } else { vec![None; backlog.messages.len()] };
        assert_eq!(halts.iter().flatten().count(), if looks { 2 } else { 0 });
        for (message, halted) in backlog.messages.iter().zip(halts) {
            world.service.ingest(message, world.now_ns);
            if let Some(fixture) = halted {
                world.service.end_halt(fixture, world.now_ns);
            }
        }
        world.turn();
        world
    };
    let (with, without) = (run(true), run(false));
    let (with, without) = (with.service.engine(), without.service.engine());
    assert_eq!(format!("{:?}", with.sources()), format!("{:?}", without.sources()));
    for (halted, other) in with.fixtures().iter().zip(without.fixtures()) {
        assert_eq!((&halted.live, halted.stops), (&other.live, other.stops));
        assert_eq!(
            (&halted.grades, &halted.fed_by, halted.heard_ns),
            (&other.grades, &other.fed_by, other.heard_ns)
        );
        assert_eq!(&halted.board.odds_e4, &other.board.odds_e4);
        assert_eq!(halted.version, other.version);
    }
    let [halted, other] = [with, without].map(|engine| *engine.counters());
    assert_eq!(
        (halted.feed_gap_count, halted.duplicate_count),
        (other.feed_gap_count, other.duplicate_count)
    );
    // Two records for the halt: its begin and its end.
    assert_eq!(halted.command_count, other.command_count + 2);
    assert_eq!(with.fixtures()[0].interruptions, without.fixtures()[0].interruptions + 1);
    assert_eq!(with.ledger().accounts().len(), without.ledger().accounts().len());
}

/// Whoever may not stop a match, or says nothing that would, halts nothing.
#[test]
fn only_what_would_stop_trading_halts() {
    let mut world = in_memory();
    let danger = |source: &str, seq: u64, fixture: u64| {
        json!({"type": "incident", "kind": "danger", "clock_ms": 5_000, "source": source, "seq": seq,
            "time_ns": START_NS, "fixture": fixture})
        .to_string()
        .into_bytes()
    };
    let mut rights = Rights::default();
    let feed = Grants { feed: Some(Sources::of_patterns(["scout"]).unwrap()), ..Grants::default() };
    rights.set_key("stadium", feed).unwrap();
    let shop = Grants { orders: Some(Customers::of_ranges([1..=99]).unwrap()), ..Grants::default() };
    rights.set_key("shop", shop).unwrap();
    rights.set_key("trader", Grants { desk: true, ..Grants::default() }).unwrap();
    world.service.set_rights(rights);
    let (now_ns, next) = (world.now_ns, world.service.engine().sources()["scout"].seq.unwrap() + 1);
    let good = danger("scout", next, FIXTURE);
    let suspend = json!({"type": "suspend", "request_id": "r", "fixture": FIXTURE, "source": "trader"});
    let suspend = suspend.to_string().into_bytes();
    let service = &mut world.service;
    // A key that feeds nothing, or another source.
    assert_eq!(service.look_ahead(Some("shop"), &good, now_ns), None);
    assert_eq!(service.look_ahead(Some("stadium"), &danger("rival", 1, FIXTURE), now_ns), None);
    assert_eq!(service.look_ahead_order(Some("shop"), &suspend, now_ns), []);
    // A repeat, a match that nobody knows, half a message.
    assert_eq!(service.look_ahead(Some("stadium"), &danger("scout", next - 1, FIXTURE), now_ns), None);
    assert_eq!(service.look_ahead(Some("stadium"), &danger("scout", next, 77), now_ns), None);
    assert_eq!(service.look_ahead(Some("stadium"), &good[..good.len() - 3], now_ns), None);
    assert_eq!((service.halt_count(), service.counters().not_permitted_count.len()), (0, 0));
    assert_eq!(stops(&world, FIXTURE), [""; 0]);
    // The same from those who may.
    let service = &mut world.service;
    assert_eq!(service.look_ahead(Some("stadium"), &good, now_ns), Some(FixtureId(FIXTURE)));
    assert_eq!(service.look_ahead_order(Some("trader"), &suspend, now_ns), [FixtureId(FIXTURE)]);
    assert_eq!(stops(&world, FIXTURE), ["halt"]);
    // A repeated call does no harm.
    (0..5).for_each(|_| world.service.end_halt(FixtureId(FIXTURE), now_ns));
    assert_eq!(stops(&world, FIXTURE), [""; 0]);
}

/// A desk that stops a whole competition sends its stops in one batch: behind queued bets none of them overtook, and they came
/// 1.6 s late where one by itself came after 81 ms.
#[test]
fn stops_in_a_batch_halt_their_fixtures_too() {
    let mut world = in_memory();
    world.fixture(1003);
    world.settle();
    let now_ns = world.now_ns;
    let of = |kind: &str, id: &str, fixture: u64| json!({"type": kind, "request_id": id, "source": "alice", "fixture": fixture});
    let requests = [
        json!({"type": "balance", "request_id": "a", "customer": 42}),
        of("suspend", "b", FIXTURE),
        of("resume", "c", FIXTURE),
        json!({"type": "nonsense", "request_id": "d"}),
        of("void_fixture", "e", 1003),
    ];
    let batch = json!({"type": "batch", "request_id": "r", "requests": requests}).to_string().into_bytes();
    let halted = world.service.look_ahead_order(None, &batch, now_ns);
    assert_eq!(halted, [FixtureId(FIXTURE), FixtureId(1003)]);
    for fixture in [FIXTURE, 1003] {
        assert_eq!(stops(&world, fixture), ["halt"]);
    }
    // Handed in, in its order: what it says itself stands.
    world.service.order(b"alice", &batch, now_ns);
    halted.into_iter().for_each(|fixture| world.service.end_halt(fixture, now_ns));
    assert_eq!(stops(&world, FIXTURE), [""; 0]);
    assert!(world.service.engine().fixture(FixtureId(1003)).unwrap().is_closed());
    assert_eq!(world.service.halt_count(), 0);
}

/// What waited is lost with the process that had read it: a halt would have stood for ever. What is in play stands still
/// until its feed speaks, as after every start.
#[test]
fn a_start_ends_halts() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut before = world(Service::start(options(Some(&path))).unwrap());
    before.fixture(1003);
    before.settle();
    for fixture in [FIXTURE, 1003] {
        let suspend =
            json!({"type": "suspend", "fixture": fixture, "source": "other", "seq": 1, "time_ns": START_NS});
        let halted = before.service.look_ahead(None, suspend.to_string().as_bytes(), before.now_ns);
        assert_eq!(halted, Some(FixtureId(fixture)));
    }
    before.settle();
    drop(before);
    let after = World::new(Some(&path));
    assert_eq!(stops(&after, FIXTURE), ["restart"]);
    assert_eq!(stops(&after, 1003), [""; 0]);
}
