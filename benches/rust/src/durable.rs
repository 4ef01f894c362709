//! Bets that are durable before they are answered: the engine, the journal on a disk, requests and replies as bytes.

use std::time::{Duration, Instant};

use oddsengine_engine::Engine;
use oddsengine_runtime::journal::{Journal, OpenOptions};
use oddsengine_runtime::service::{Service, ServiceOptions, Socket, replay_journal};
use oddsengine_types::Encode;

use crate::Scale;
use crate::ops::{fill_service, service_in_memory};
use crate::report::{Latencies, Report, Target};
use crate::setup::{
    Crowd, Folder, START_NS, Told, check_invariants, config, desk, fill_book, order_json, place,
};

/// Tickets of one `batch` request. An answer with its evidence is 1.4 kB, and those of a batch are bounded to 60 kB.
const BATCH: usize = 40;
/// Tickets at most on their way to the disk: what a loop around sockets would have read meanwhile.
const AHEAD_MAX: u64 = 20_000;

/// Throughput and latency.
pub fn run(scale: Scale, report: &mut Report) {
    report.heading(
        "Bets, durable, in process",
        "one thread for engine and wire, one for the journal (SQLite, WAL, synchronous=FULL); no sockets",
    );
    commands(scale, report);
    requests(scale, report, 1, "requests of one ticket, JSON in, replies out");
    requests(scale, report, BATCH, "batches of 40 tickets, JSON in, replies out");
    latency(scale, report);
}

/// Commands as the engine takes them: what engine and journal sustain without the wire.
fn commands(scale: Scale, report: &mut Report) {
    let count = scale.pick(100_000, 200);
    let folder = Folder::new("commands");
    let mut engine = desk(config(), 48);
    fill_book(&mut engine, scale.pick(10_000, 50));
    let mut crowd = Crowd::new(2, 1 << 65);
    let commands: Vec<_> = (0..count).map(|_| place(START_NS, crowd.ticket(&engine, 1))).collect();
    let (journal, _) =
        Journal::open(folder.0.join("journal.db"), OpenOptions::default()).expect("a new journal");
    let mut writer = journal.into_writer().expect("a committer");
    let (mut told, mut record) = (Told::default(), Vec::new());
    let start = Instant::now();
    for (index, command) in commands.iter().enumerate() {
        record.clear();
        command.encode(&mut record);
        writer.append(&record).expect("the journal takes it");
        told.apply(&mut engine, command);
        if index % 64 == 63 {
            writer.flush().expect("the journal takes it");
        }
        if writer.pending_records() > AHEAD_MAX {
            let seq = writer.next_seq() - AHEAD_MAX / 2;
            writer.wait_durable(seq, Duration::from_secs(60)).expect("the disk works");
        }
    }
    writer.flush().expect("the journal takes it");
    assert!(writer.wait_durable(writer.next_seq() - 1, Duration::from_secs(60)).expect("the disk works"));
    let seconds = start.elapsed().as_secs_f64();
    let groups = writer.group_count();
    assert_eq!(told.accepted, count as u64);
    check_invariants(&engine);
    writer.close().expect("the journal closes");
    report.figure(
        "singles as commands: journaled, decided, durable",
        count as f64 / seconds,
        &format!("a second, {} a group", count as u64 / groups.max(1)),
        Target::Rate(100_000.0),
        "all accepted, all invariants hold",
    );
}

fn service(folder: &Folder, bets: usize) -> Service {
    let options = ServiceOptions {
        journal: Some(folder.0.join("journal.db")),
        config: config(),
        snapshot_every: 0,
        now_ns: START_NS,
    };
    let mut service = Service::start(options).expect("a new journal");
    fill_service(&mut service, 48, bets);
    wait_until_durable(&mut service);
    service
}

/// Waits until all that was asked is durable and returns the number of replies; the frames are dropped.
fn wait_until_durable(service: &mut Service) -> usize {
    let mut replies = 0;
    loop {
        service.durable();
        let (last_seq, durable_seq) = service.progress();
        let frames = service.take_frames(START_NS);
        replies += frames.iter().filter(|frame| frame.socket == Socket::Orders).count();
        if last_seq == durable_seq {
            service.durable();
            let frames = service.take_frames(START_NS);
            return replies + frames.iter().filter(|frame| frame.socket == Socket::Orders).count();
        }
        std::thread::yield_now();
    }
}

fn requests(scale: Scale, report: &mut Report, batch: usize, name: &str) {
    let count = scale.pick(60_000, 200) / batch * batch;
    let folder = Folder::new("requests");
    let filled = scale.pick(10_000, 50);
    let mut service = service(&folder, filled);
    let mut crowd = Crowd::new(2, 1 << 65);
    let orders: Vec<Vec<u8>> = (0..count)
        .map(|index| order_json(&crowd.ticket(service.engine(), 1), &format!("r{index}")))
        .collect();
    let messages: Vec<Vec<u8>> = match batch {
        1 => orders,
        _ => orders.chunks(batch).enumerate().map(|(index, orders)| batch_json(index, orders)).collect(),
    };
    // A turn takes what has arrived: tens of single requests, or one batch.
    let per_turn = if batch == 1 { 32 } else { 1 };
    let start = Instant::now();
    let (mut replies, mut bytes) = (0, 0);
    let mut sent = messages.chunks(per_turn);
    while replies < messages.len() {
        let (last_seq, durable_seq) = service.progress();
        match if last_seq - durable_seq < AHEAD_MAX { sent.next() } else { None } {
            Some(turn) => {
                turn.iter().for_each(|message| service.order(b"client", message, START_NS));
                service.end_turn();
            }
            None => std::thread::yield_now(),
        }
        service.durable();
        for frame in service.take_frames(START_NS) {
            if frame.socket == Socket::Orders {
                replies += 1;
                bytes += frame.payload.len();
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let accepted = service.engine().counters().accepted_count as usize;
    assert_eq!(accepted, filled + count);
    let hash = service.engine().state_hash();
    drop(service);
    let replayed = replay_journal(folder.0.join("journal.db")).expect("the journal is whole");
    assert_eq!(replayed.state_hash, hash);
    report.figure(
        name,
        count as f64 / seconds,
        &format!("tickets a second, {} bytes a reply", bytes / messages.len()),
        Target::Rate(100_000.0),
        "all accepted; a replay of the journal gives the same state hash",
    );
}

fn batch_json(index: usize, orders: &[Vec<u8>]) -> Vec<u8> {
    let mut message = format!("{{\"type\":\"batch\",\"request_id\":\"b{index}\",\"requests\":[").into_bytes();
    for (place, order) in orders.iter().enumerate() {
        if place > 0 {
            message.push(b',');
        }
        message.extend_from_slice(order);
    }
    message.extend_from_slice(b"]}");
    message
}

/// One ticket at a time: the request handed in to the reply in hand.
fn latency(scale: Scale, report: &mut Report) {
    let (runs, samples) = (5, scale.pick(600, 10));
    let folder = Folder::new("latency");
    let mut service = service(&folder, scale.pick(10_000, 50));
    let mut in_memory = service_in_memory(config());
    fill_service(&mut in_memory, 48, 0);
    let engine: &Engine = in_memory.engine();
    let mut crowd = Crowd::new(2, 1 << 65);
    let mut latencies = Latencies::default();
    for run in 0..runs {
        latencies.next_run();
        for sample in 0..samples {
            let order = order_json(&crowd.ticket(engine, 1), &format!("r{run}-{sample}"));
            let start = Instant::now();
            service.order(b"client", &order, START_NS);
            service.end_turn();
            let replies = wait_until_durable(&mut service);
            latencies.record(start.elapsed());
            assert_eq!(replies, 1);
        }
    }
    assert_eq!(service.engine().counters().accepted_count, (scale.pick(10_000, 50) + runs * samples) as u64);
    report.latencies(
        "one ticket at a time, request to durable reply",
        &latencies,
        1,
        Target::None,
        "all accepted",
    );
}
