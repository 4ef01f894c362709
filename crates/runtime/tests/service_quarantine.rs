//! Records that cannot be applied: named, left to an operator, and never half applied.

mod journal_support;
mod service_support;

use std::path::Path;

use journal_support::Folder;
use oddsengine_engine::TicketState;
use oddsengine_runtime::journal::{self, Damage, JournalError, OpenOptions, verify};
use oddsengine_runtime::service::{
    QuarantineOrder, RecoveryError, Service, StateOrigin, quarantine, release, replay_engine, replay_journal,
};
use oddsengine_types::TicketId;
use serde_json::json;
use service_support::*;

fn panicking_at(seq: u64) -> OpenOptions {
    OpenOptions { panic_at_seq: Some(seq), ..OpenOptions::default() }
}

fn order(seq: u64) -> QuarantineOrder<'static> {
    QuarantineOrder {
        seq,
        by: "alice",
        reason: "it stops every start",
        now_ns: START_NS,
        is_forced: false,
        panic_at_seq: None,
    }
}

/// A journal with deposits of 100, 200, 300, 400; the sequence number of each.
fn deposits(path: &Path, snapshot_every: u64) -> Vec<u64> {
    let mut options = options(Some(path));
    options.snapshot_every = snapshot_every;
    let mut world = World::of(Service::start(options).unwrap());
    let seqs = (1..=4)
        .map(|index| {
            world.answer(deposit(index, 42, 100 * index as i64));
            world.service.progress().0
        })
        .collect();
    world.service.close().unwrap();
    seqs
}

fn balance(world: &mut World) -> i64 {
    let answer = world.answer(serde_json::json!({"type": "balance", "customer": 42, "currency": "EUR"}));
    answer["available_minor"].as_i64().unwrap()
}

fn start_with(path: &Path, opening: OpenOptions) -> Result<Service, RecoveryError> {
    Service::start_with(options(Some(path)), opening)
}

/// A ticket id chosen by a client made `apply` panic; the record was in the journal, and every start from then on ended in
/// the same panic, with nothing that an operator could do about it (three processes, one journal).
#[test]
fn a_record_that_panics_is_named_and_can_be_taken_out_and_back() {
    let folder = Folder::new();
    let path = folder.journal();
    let seqs = deposits(&path, 0);
    let (bad, head) = (seqs[1], verify(&path).unwrap().head);
    // The snapshot of the clean end holds the record already: it is used, and the record is not seen.
    assert_eq!(balance(&mut World::of(start_with(&path, panicking_at(bad)).unwrap())), 1_000);

    let entry = quarantine(&path, &QuarantineOrder { panic_at_seq: Some(bad), ..order(bad) }).unwrap();
    assert_eq!((entry.seq, entry.by.as_str(), entry.at_ns), (bad, "alice", START_NS));
    // Now no snapshot holds it, and the chain is what it was.
    let report = verify(&path).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert!(report.snapshots.iter().all(|snapshot| snapshot.seq < bad), "{:?}", report.snapshots);
    assert_eq!(report.quarantined, [entry]);
    assert!(head.position.seq <= report.last_seq);
    let service = start_with(&path, panicking_at(bad)).unwrap();
    let found = service.start_report();
    assert_eq!((found.origin, &found.quarantined_seqs[..]), (StateOrigin::Recovered, &[bad][..]));
    assert!(found.notices.iter().any(|notice| notice.contains(&format!("left out: {bad}"))));
    let mut world = World::of(service);
    assert_eq!(balance(&mut world), 800);
    let hash = world.hash();
    world.service.close().unwrap();
    let replayed = replay_journal(&path).unwrap();
    assert_eq!((replayed.state_hash.to_string(), replayed.quarantined_seqs), (hash.clone(), vec![bad]));
    assert_eq!(replayed.command_count, verify(&path).unwrap().record_count - 1);
    // A snapshot that was made without it is as good as the replay.
    let world = World::of(start_with(&path, OpenOptions::default()).unwrap());
    drop(world);

    // Back into replay: the snapshots without it go, and a start names it by number, kind, time and what to do.
    release(&path, &order(bad)).unwrap();
    assert_eq!(verify(&path).unwrap().quarantined, []);
    let error = start_with(&path, panicking_at(bad)).unwrap_err();
    let RecoveryError::Record(fault) = &error else { panic!("{error}") };
    assert_eq!((fault.seq, fault.kind), (bad, Some(("deposit", START_NS))));
    assert_eq!(
        error.to_string(),
        format!(
            "record {bad} (deposit, 2022-11-20T16:00:00.000Z) cannot be applied: a fault on purpose\n\
             hint: oddsengine quarantine {} --record {bad} --by NAME --reason TEXT",
            path.canonicalize().unwrap().display()
        )
    );
    assert_eq!(error.code(), "record");
    assert_eq!(balance(&mut World::of(start_with(&path, OpenOptions::default()).unwrap())), 1_000);
}

/// Snapshots before the record serve; one after it would bring its effect back.
#[test]
fn a_snapshot_with_the_effect_of_a_quarantined_record_is_not_used() {
    let folder = Folder::new();
    let path = folder.journal();
    let seqs = deposits(&path, 1);
    let before = verify(&path).unwrap();
    assert!(before.snapshots.iter().any(|snapshot| seqs[3] <= snapshot.seq), "{:?}", before.snapshots);
    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(seqs[3]) }).unwrap();
    let after = verify(&path).unwrap();
    assert!(after.is_sound(), "{:?}", after.damages);
    assert!(after.snapshots.iter().all(|snapshot| snapshot.seq < seqs[3]), "{:?}", after.snapshots);
    let mut world = World::of(start_with(&path, OpenOptions::default()).unwrap());
    assert_eq!(balance(&mut world), 600);
    let hash = world.hash();
    world.service.close().unwrap();
    assert_eq!(replay_journal(&path).unwrap().state_hash.to_string(), hash);
}

/// Only what really cannot be applied, only by somebody with a name and a reason, and never while it is in use.
#[test]
fn a_quarantine_is_refused_without_need() {
    let folder = Folder::new();
    let path = folder.journal();
    let seqs = deposits(&path, 0);
    let refused = |order: &QuarantineOrder<'_>| quarantine(&path, order).unwrap_err();
    let error = refused(&order(seqs[0]));
    assert!(matches!(error, RecoveryError::Applicable { kind: "deposit", .. }), "{error}");
    assert!(error.to_string().contains("can be applied"), "{error}");
    let error = refused(&order(1_000));
    assert!(
        matches!(error, RecoveryError::Journal(JournalError::RecordMissing { seq: 1_000, .. })),
        "{error}"
    );
    assert!(matches!(refused(&order(0)), RecoveryError::Journal(JournalError::RecordMissing { .. })));
    for by in ["", "a\nb", &"x".repeat(1_001)] {
        let error = refused(&QuarantineOrder { by, is_forced: true, ..order(seqs[0]) });
        assert!(matches!(error, RecoveryError::Config(_)), "{error}");
    }
    // An earlier record that cannot be applied comes first.
    let error = refused(&QuarantineOrder { panic_at_seq: Some(seqs[0]), ..order(seqs[2]) });
    assert!(matches!(&error, RecoveryError::Record(fault) if fault.seq == seqs[0]), "{error}");
    let error = release(&path, &order(seqs[0])).unwrap_err();
    assert_eq!(error.to_string(), format!("record {} is not quarantined", seqs[0]));
    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(seqs[0]) }).unwrap();
    let error = refused(&QuarantineOrder { is_forced: true, ..order(seqs[0]) });
    assert_eq!(error.to_string(), format!("record {} is quarantined already", seqs[0]));
    let running = start_with(&path, OpenOptions::default()).unwrap();
    let error = refused(&QuarantineOrder { is_forced: true, ..order(seqs[1]) });
    assert!(matches!(error, RecoveryError::Journal(JournalError::Locked { .. })), "{error}");
    drop(running);
}

/// An entry that names other bytes than the record has was made for another journal, or by hand: it is damage.
#[test]
fn an_entry_that_does_not_fit_its_record_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    let seqs = deposits(&path, 0);
    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(seqs[0]) }).unwrap();
    let edit = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap();
    edit("UPDATE quarantine SET seq = seq + 1");
    let error = start_with(&path, OpenOptions::default()).unwrap_err();
    let RecoveryError::Journal(error) = error else { panic!("{error}") };
    assert!(matches!(error.damages(), [Damage::QuarantineMismatch { .. }]), "{error}");
    assert!(matches!(verify(&path).unwrap().damages[..], [Damage::QuarantineMismatch { .. }]));
    let error = replay_journal(&path).unwrap_err();
    assert!(
        error.to_string().contains(&format!("the quarantine of record {} does not fit it", seqs[0] + 1)),
        "{error}"
    );
    // It can be taken back, and then all is well.
    release(&path, &order(seqs[0] + 1)).unwrap();
    assert!(verify(&path).unwrap().is_sound());
    assert_eq!(balance(&mut World::of(start_with(&path, OpenOptions::default()).unwrap())), 1_000);
}

/// Bytes that are no command of this build stop a replay as well, and are handled alike.
#[test]
fn a_record_that_is_not_understood_is_named_and_can_be_taken_out() {
    let folder = Folder::new();
    let path = folder.journal();
    deposits(&path, 0);
    let (mut writer, _) = journal_support::open_writer(&path, OpenOptions::default());
    let bad = writer.append(b"\xff no command").unwrap();
    writer.close().unwrap();
    for error in
        [start_with(&path, OpenOptions::default()).unwrap_err(), replay_engine(&path).map(drop).unwrap_err()]
    {
        let RecoveryError::Record(fault) = &error else { panic!("{error}") };
        assert_eq!((fault.seq, fault.kind), (bad, None));
        assert!(
            error.to_string().contains(&format!("record {bad} (unknown) cannot be applied: ")),
            "{error}"
        );
    }
    quarantine(&path, &order(bad)).unwrap();
    assert_eq!(balance(&mut World::of(start_with(&path, OpenOptions::default()).unwrap())), 1_000);
}

/// The dying process wrote the record that had made it panic. Now nothing of it is told, nothing is made of the half
/// changed state, and the record is taken back: the next start serves.
#[test]
fn a_live_panic_stops_the_service_and_leaves_a_journal_that_starts() {
    let folder = Folder::new();
    let path = folder.journal();
    let last_seq = *deposits(&path, 0).last().unwrap();
    // Epoch, deposit 5, deposit 6.
    let bad = last_seq + 3;
    // Left by an earlier one, with the rights of that time.
    std::fs::write(format!("{}.failed", path.display()), "earlier").unwrap();
    let mut world = World::of(start_with(&path, panicking_at(bad)).unwrap());
    let fifth = world.order("client", deposit(5, 42, 1));
    world.order("client", deposit(6, 42, 2));
    world.order("client", deposit(7, 42, 4));
    world.ingest(
        serde_json::json!({"type": "fixture", "fixture": 1, "sport": "football", "competition": "cup",
        "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}),
    );
    let reason = world.service.poison_reason().unwrap();
    assert!(
        reason.starts_with(&format!(
            "command deposit of record {bad} made the engine panic: a fault on purpose"
        )),
        "{reason}"
    );
    assert!(reason.contains("it was not written to the journal"), "{reason}");
    assert!(!world.service.takes_money());
    assert_eq!(world.turn(), []);
    world.service.heartbeat(world.now_ns);
    world.service.durable();
    assert_eq!(world.take(), []);
    world.service.close().unwrap();
    assert_eq!(world.take(), [], "{fifth} was not answered, and is asked again");
    let failed = std::fs::metadata(format!("{}.failed", path.display())).unwrap();
    assert!(failed.len() > 0);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&failed) & 0o777, journal::FILE_MODE);

    let report = verify(&path).unwrap();
    assert_eq!(report.last_seq, bad - 1);
    assert!(report.snapshots.iter().all(|snapshot| snapshot.seq <= last_seq), "{:?}", report.snapshots);
    let mut world = World::of(start_with(&path, OpenOptions::default()).unwrap());
    assert_eq!(balance(&mut world), 1_001);
    assert_eq!(world.answer(deposit(6, 42, 2))["available_minor"], 1_003);
    let mut count = 0;
    journal::replay(&path, 1, &mut |_, _, _| {
        count += 1;
        Ok(())
    })
    .unwrap();
    assert!(bad <= count);
}

/// Without a journal a panic stops the service alike.
#[test]
fn a_panic_in_memory_stops_the_service() {
    let mut world = World::of(Service::start_with(options(None), panicking_at(3)).unwrap());
    world.order("client", deposit(1, 42, 1));
    assert_eq!(world.turn(), []);
    assert!(world.service.poison_reason().unwrap().contains("record 3"));
}

/// Without its deposit the bet was decided anew and refused, and the goal's record, folded as it was, paid it all the same: out of the
/// stake of another bet of the customer.
#[test]
fn a_bet_that_is_refused_without_its_deposit_is_never_paid() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.fixture(FIXTURE);
    world.fixture(1002);
    world.answer(deposit(1, 42, 10_000));
    let taken_out = world.service.progress().0;
    world.answer(deposit(2, 42, 10_000));
    for (id, fixture, market, selection) in
        [(0xb1, 1002, "1x2", "home"), (0xb2, FIXTURE, "total:0.5", "over")]
    {
        let leg = world.leg(fixture, market, selection);
        assert_eq!(world.answer(ticket(id, 42, 10_000, vec![leg]))["ticket"]["state"], "accepted");
    }
    world.incident(FIXTURE, "kick_off", 0, json!({"score": [0, 0]}));
    world.incident(FIXTURE, "goal", 1_000, json!({"score": [1, 0], "side": "home"}));
    world.settle();
    assert!(balance(&mut world) > 10_000, "the second bet is won and paid");
    world.service.close().unwrap();

    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(taken_out) }).unwrap();
    let replayed = replay_journal(&path).unwrap();
    assert_eq!(replayed.redecided_seqs.len(), 2, "the bet, and the goal that paid it");
    for (name, result) in replayed.invariants {
        assert_eq!(result, Ok(()), "{name}");
    }
    let mut world = World::of(start_with(&path, OpenOptions::default()).unwrap());
    assert_eq!(balance(&mut world), 0, "one deposit, and one open bet");
    let state =
        |id: u128| world.service.engine().ticket(oddsengine_types::TicketId(id)).unwrap().state.name();
    assert_eq!((state(0xb1), state(0xb2)), ("accepted", "refused"));
}

/// The goal's record was taken out, and the tick that paid for it folded all the same: the ticket was settled without a grade,
/// and 10,330 were withdrawn for a goal that was not in the state. No invariant saw it.
#[test]
fn nothing_is_paid_for_a_goal_that_was_taken_out() {
    let folder = Folder::new();
    let path = folder.journal();
    let delayed = || {
        let mut options = options(Some(&path));
        options.config.settlement_delay_ms = 10_000;
        options
    };
    let mut world = World::of(Service::start(delayed()).unwrap());
    world.fixture(FIXTURE);
    world.answer(deposit(1, 42, 10_000));
    let leg = world.leg(FIXTURE, "total:0.5", "over");
    world.answer(ticket(0xb1, 42, 10_000, vec![leg]));
    world.incident(FIXTURE, "kick_off", 0, json!({"score": [0, 0]}));
    world.settle();
    world.incident(FIXTURE, "goal", 1_000, json!({"score": [1, 0], "side": "home"}));
    let goal = world.service.progress().0;
    world.settle();
    for _ in 0..12 {
        world.advance(1);
        world.service.tick(world.now_ns, world.now_ns);
        world.settle();
    }
    let state_of = |world: &World| world.service.engine().ticket(TicketId(0xb1)).unwrap().state;
    assert_eq!(state_of(&world), TicketState::Settled, "live it is paid");
    world.service.close().unwrap();
    drop(world);
    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(goal) }).unwrap();
    let replayed = replay_journal(&path).unwrap();
    assert!(!replayed.redecided_seqs.is_empty(), "the payment rests on the goal");
    assert!(replayed.invariants.iter().all(|(_, result)| result.is_ok()), "{:?}", replayed.invariants);
    let mut world = World::of(Service::start(delayed()).unwrap());
    assert_eq!(state_of(&world), TicketState::Open);
    let withdraw = json!({"type": "withdraw", "transfer": format!("{:032x}", 77), "customer": 42,
        "amount_minor": 1, "currency": "EUR"});
    assert_eq!(world.answer(withdraw)["reason"]["name"], "balance_too_small");
}

/// Settlements go in slices: of 1,100 tickets on a goal that was taken out the later ones stayed settled.
#[test]
fn every_slice_of_a_goal_that_was_taken_out_is_decided_anew() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.fixture(FIXTURE);
    world.answer(deposit(1, 42, 1_000_000));
    for index in 0..1_100_u128 {
        let leg = world.leg(FIXTURE, "total:0.5", "over");
        world.order("c", ticket(0x1000 + index, 42, 100, vec![leg]));
        if index % 100 == 99 {
            world.settle();
        }
    }
    world.incident(FIXTURE, "kick_off", 0, json!({"score": [0, 0]}));
    world.settle();
    world.incident(FIXTURE, "goal", 1_000, json!({"score": [1, 0], "side": "home"}));
    let goal = world.service.progress().0;
    world.settle();
    let settled = |world: &World| {
        let tickets = world.service.engine().tickets();
        tickets.iter().filter(|ticket| ticket.state == TicketState::Settled).count()
    };
    assert_eq!(settled(&world), 1_100, "live all are paid");
    world.service.close().unwrap();
    drop(world);
    quarantine(&path, &QuarantineOrder { is_forced: true, ..order(goal) }).unwrap();
    let world = World::of(Service::start(options(Some(&path))).unwrap());
    assert_eq!(settled(&world), 0);
}

/// Of the golden journal 23 of 192 records could not be taken out without a state that `verify` called damaged: customers
/// with cash while they owed, and versions that "were never published".
#[test]
fn any_record_may_be_taken_out() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals/0.1.0");
    let mut taken_out = 0;
    for seq in 1.. {
        let folder = Folder::new();
        let path = folder.journal();
        for name in ["journal.db", "journal.db.mark"] {
            std::fs::copy(golden.join(name), path.with_file_name(name)).unwrap();
        }
        if verify(&path).unwrap().last_seq < seq {
            break;
        }
        if quarantine(&path, &QuarantineOrder { is_forced: true, ..order(seq) }).is_err() {
            continue;
        }
        taken_out += 1;
        let replayed = replay_journal(&path).unwrap();
        for (name, result) in &replayed.invariants {
            assert_eq!(*result, Ok(()), "{name} without record {seq}");
        }
    }
    assert!(taken_out > 150, "{taken_out} records");
}
