//! From a journal to a state.

use std::time::Instant;

use oddsengine_engine::{Body, Command, Engine, MoneyRequest, Record};
use oddsengine_runtime::service::{Service, ServiceOptions, replay_journal};
use oddsengine_types::{Currency, CustomerId, TransferId};

use crate::Scale;
use crate::report::{Report, Target};
use crate::setup::{
    CUSTOMERS, Crowd, Folder, START_NS, command, config, deposit_json, deposits, desk, fill_book, order_json,
    place, recording, recording_lines,
};

/// Folding in memory by kind of command, and of a journal on the disk.
pub fn run(scale: Scale, report: &mut Report) {
    report.heading(
        "Replay",
        "facts folded that were decided before, one thread; the journal also verifies its chain and decodes",
    );
    let count = scale.pick(50_000, 300);
    let base = {
        let mut engine = desk(config(), 48);
        fill_book(&mut engine, scale.pick(10_000, 50));
        engine
    };
    let mut crowd = Crowd::new(5, 1 << 70);
    let deposit = |index: usize| {
        let request = MoneyRequest {
            transfer: TransferId((1 << 90) + index as u128),
            customer: CustomerId(1 + index as u64 % CUSTOMERS),
            amount_minor: 100,
            currency: Currency::EUR,
        };
        command(START_NS, Body::Deposit(request))
    };
    let moneys = (0..scale.pick(500_000, 300)).map(deposit).collect::<Vec<_>>();
    of_commands(report, "deposits", &base, &moneys);
    let singles = (0..count).map(|_| place(START_NS, crowd.ticket(&base, 1))).collect::<Vec<_>>();
    of_commands(report, "singles", &base, &singles);
    let recorded = recording();
    of_commands(
        report,
        "the recording, priced once at its end",
        &Engine::new(config()).expect("valid"),
        &recorded,
    );
    of_journal(scale, report);
}

fn of_commands(report: &mut Report, name: &str, base: &Engine, commands: &[Command]) {
    let mut live = base.clone();
    let record = |command: &Command| Record { facts: live.step(command).facts, command: command.clone() };
    let records: Vec<Record> = commands.iter().map(record).collect();
    let fact_count: usize = records.iter().map(|record| record.facts.len()).sum();
    let hash = live.state_hash();
    let mut rates = Vec::new();
    for _ in 0..3 {
        let mut engine = base.clone();
        let start = Instant::now();
        for record in &records {
            engine.fold(record).expect("what was decided folds");
        }
        engine.price_changed();
        rates.push(fact_count as f64 / start.elapsed().as_secs_f64());
        assert_eq!(engine.state_hash(), hash);
    }
    rates.sort_by(f64::total_cmp);
    report.figure(
        &format!("{name} (median of 3)"),
        rates[1],
        &format!("facts a second ({fact_count} of {} records)", records.len()),
        Target::Rate(1_000_000.0),
        "the state hash of the live run, each time",
    );
}

/// The recording with a ticket after every message, as a whole journal.
fn of_journal(scale: Scale, report: &mut Report) {
    let folder = Folder::new("replay");
    let path = folder.0.join("journal.db");
    let options =
        ServiceOptions { journal: Some(path.clone()), config: config(), snapshot_every: 0, now_ns: START_NS };
    let mut service = Service::start(options).expect("a new journal");
    for deposit in deposits() {
        service.order(b"bench", &deposit_json(&deposit), START_NS);
    }
    let (messages, bets_each) = scale.pick((usize::MAX, 15), (200, 1));
    let mut crowd = Crowd::new(7, 1 << 71);
    let mut now_ns = START_NS;
    for (index, line) in recording_lines().take(messages).enumerate() {
        now_ns += 1_000_000_000;
        service.ingest(line, now_ns);
        for bet in 0..bets_each {
            if let Some(request) = crowd.on_offer(service.engine()) {
                service.order(b"bench", &order_json(&request, &format!("{index}-{bet}")), now_ns);
            }
        }
        service.end_turn();
        service.durable();
        service.take_frames(now_ns);
        while service.progress().0 - service.progress().1 > 100_000 {
            std::thread::yield_now();
            service.durable();
        }
    }
    let counters = *service.engine().counters();
    let hash = service.engine().state_hash();
    drop(service);
    let replayed = replay_journal(&path).expect("the journal is whole");
    assert_eq!(replayed.state_hash, hash);
    assert!(replayed.invariants.iter().all(|(_, result)| result.is_ok()));
    report.figure(
        &format!(
            "a journal: recording, {} tickets accepted, {} refused, {} settlements",
            counters.accepted_count, counters.refused_count, counters.settlement_count
        ),
        replayed.command_count as f64 / replayed.seconds,
        &format!("commands a second ({} in {:.2} s)", replayed.command_count, replayed.seconds),
        Target::Rate(1_000_000.0),
        "the state hash of the live run",
    );
}
