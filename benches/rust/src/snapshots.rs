//! Snapshots while bets go on, and the way back from one: what the engine's thread notices of either.

use std::time::{Duration, Instant};

use oddsengine_runtime::service::{Service, ServiceOptions};

use crate::Scale;
use crate::ops::fill_service;
use crate::report::{Latencies, Report, Target};
use crate::setup::{Crowd, Folder, START_NS, check_invariants, config, order_json};

/// Records between two snapshots while they are measured.
const SNAPSHOT_EVERY: u64 = 2_000;
/// A bet every millisecond.
const PACE: Duration = Duration::from_millis(1);

/// A million tickets, a thousand bets a second, a snapshot each two seconds.
pub fn run(scale: Scale, report: &mut Report) {
    let (tickets, bets) = (scale.pick(1_000_000, 500), scale.pick(20_000, 2_500));
    report.heading(
        "Snapshots",
        "a book over 48 fixtures on the disk, a single each millisecond, a snapshot each 2,000 of them; a turn is a bet \
         as JSON in, decided, its reply, the end of the turn and the frames",
    );
    let folder = Folder::new("snapshots");
    let open = |snapshot_every| {
        let options = ServiceOptions {
            journal: Some(folder.0.join("journal.db")),
            config: config(),
            snapshot_every,
            now_ns: START_NS,
        };
        Service::start(options).expect("a whole journal")
    };
    let mut service = open(0);
    fill_service(&mut service, 48, 0);
    let mut crowd = Crowd::new(1, 1 << 64);
    for bet in 0..tickets {
        let request = crowd.mixed(service.engine());
        service.order(b"bench", &order_json(&request, "r"), START_NS);
        if bet % 100 == 99 {
            settle(&mut service, 10_000);
        }
    }
    settle(&mut service, 0);
    assert_eq!(service.engine().counters().accepted_count as usize, tickets);
    service.close().expect("the journal closes");
    drop(service);

    let start = Instant::now();
    let mut service = open(SNAPSHOT_EVERY);
    let seconds = start.elapsed().as_secs_f64();
    // Nothing but the new epoch is folded: all else is in the snapshot.
    assert!(service.start_report().folded_count <= 1, "{:?}", service.start_report());
    report.figure(
        &format!("start from the snapshot of {tickets} tickets"),
        seconds,
        "s, everything verified that a start verifies",
        Target::Most(10.0),
        "its state hash is the one that was stored",
    );

    let mut crowd = Crowd::new(3, 1 << 100);
    let (mut with, mut without, mut hashing) =
        (Latencies::default(), Latencies::default(), Latencies::default());
    [&mut with, &mut without, &mut hashing].into_iter().for_each(Latencies::next_run);
    let mut made_seq = service.start_report().snapshot_seq + service.start_report().folded_count;
    let begin = Instant::now();
    for bet in 0..bets {
        let request = crowd.ticket(service.engine(), 1);
        let order = order_json(&request, &bet.to_string());
        while begin.elapsed() < PACE * bet as u32 {
            std::thread::sleep(Duration::from_micros(50));
        }
        let start = Instant::now();
        service.order(b"bench", &order, START_NS);
        service.end_turn();
        service.take_frames(START_NS);
        let taken = start.elapsed();
        let last_seq = service.progress().0;
        if last_seq >= made_seq + SNAPSHOT_EVERY {
            made_seq = last_seq;
            with.record(taken);
        } else {
            without.record(taken);
        }
        if bet % 1_000 == 999 {
            let start = Instant::now();
            service.engine().state_hash();
            hashing.record(start.elapsed());
        }
    }
    settle(&mut service, 0);
    check_invariants(service.engine());
    let (ledger, accepted) = (service.engine().ledger().clone(), service.engine().counters().accepted_count);
    assert_eq!(accepted as usize, tickets + bets);
    drop(service);
    // Not closed: from the last snapshot and the records after it.
    let again = open(0);
    assert!(again.start_report().folded_count < 2 * SNAPSHOT_EVERY, "{:?}", again.start_report());
    assert!(*again.engine().ledger() == ledger && again.engine().counters().accepted_count == accepted);
    let checked = "all invariants hold; snapshot and records after it make the same ledger";
    report.latencies("a turn without a snapshot", &without, 1, Target::None, checked);
    report.latencies("a turn that makes one", &with, 1, Target::Latency(1_000_000, 1_000_000), checked);
    report.latencies("the state's hash after 1,000 bets", &hashing, 1, Target::None, checked);
}

/// Ends a turn and waits until at most so many records are on their way to the disk.
fn settle(service: &mut Service, pending_max: u64) {
    service.end_turn();
    while service.progress().0 - service.progress().1 > pending_max {
        std::thread::yield_now();
        service.durable();
    }
    service.take_frames(START_NS);
}
