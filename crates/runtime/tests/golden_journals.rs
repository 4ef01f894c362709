//! Journals of all releases open to the state that they had: `tests/journals/<release>/`, written by
//! `scripts/golden_journal.sh` before the release and never again after it.

mod golden_support;
mod journal_support;
mod service_support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use journal_support::{Folder, copy_journal, open_writer};
use oddsengine_engine::{
    Body, Engine, Fact, Record, SNAPSHOT_LAYOUT, SNAPSHOT_VERSION, decode_record, encode_record,
};
use oddsengine_runtime::journal::{self, Journal, OpenOptions, SnapshotInfo, verify};
use oddsengine_runtime::service::{
    RELEASE, Service, ServiceOptions, redecide_journal, replay_engine, replay_journal,
};
use oddsengine_types::StateHash;
use serde_json::{Value, json};
use service_support::options;

fn journals() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals")
}

/// The releases that have a golden journal, with their folders.
fn releases() -> Vec<(String, PathBuf)> {
    let folders = std::fs::read_dir(journals()).expect("there are golden journals");
    let mut found: Vec<(String, PathBuf)> = folders
        .map(|entry| entry.expect("a folder"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| (entry.file_name().into_string().expect("a version"), entry.path()))
        .collect();
    found.sort();
    found
}

fn records_of(path: &Path) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    journal::replay(path, 1, &mut |_, _, record| {
        records.push(record.to_vec());
        Ok(())
    })
    .unwrap();
    records
}

/// Records and snapshots; nothing where there is no journal.
fn contents(path: &Path) -> Option<(Vec<Vec<u8>>, Vec<SnapshotInfo>)> {
    path.exists().then(|| {
        let copy = Folder::new();
        copy_journal(path, &copy.journal());
        (records_of(&copy.journal()), verify(copy.journal()).unwrap().snapshots)
    })
}

/// What a journal must lead to in every later build, by names and amounts.
fn view(engine: &Engine) -> Value {
    let ledger = engine.ledger();
    let balances = ledger.accounts().iter().map(|account| {
        let balance = ledger.balance(ledger.find(account.kind, account.currency).expect("it is listed"));
        let kind = format!("{:?}", account.kind);
        json!({"account": kind.split('(').next(), "customer": account.kind.customer().map(|customer| customer.0),
            "currency": account.currency.code(), "posted_minor": balance.posted_minor,
            "available_minor": balance.available_minor, "reserved_minor": balance.pending_debit_minor})
    });
    let tickets = engine.tickets().iter().map(|ticket| {
        let legs = ticket.legs.iter().map(|leg| {
            json!({"fixture": leg.fixture.0, "selection": format!("{:016x}", leg.selection.0), "odds_e4": leg.odds_e4,
                "grade": leg.grade.map(|grade| grade.to_string()), "unit_minor": leg.unit_minor})
        });
        json!({"ticket": format!("{:032x}", ticket.id.0), "customer": ticket.customer.0, "state": ticket.state.name(),
            "reason": ticket.reason().map(|reason| reason.name()), "stake_minor": ticket.stake_minor,
            "payout_minor_max": ticket.payout_minor_max, "paid_minor": ticket.paid_minor,
            "settlement_count": ticket.settlement_count, "legs": legs.collect::<Vec<_>>()})
    });
    let exposure = engine.fixtures().iter().map(|fixture| {
        let (template, exposure) = (fixture.template(), engine.exposure(fixture));
        let markets = exposure.markets.iter().map(|market| {
            let selections = market.selections.iter().map(|selection| {
                json!({"selection": template.selections[usize::from(selection.selection)].name,
                    "leg_count": selection.leg_count, "stake_minor": selection.stake_minor,
                    "payout_minor": selection.payout_minor})
            });
            json!({"market": template.markets[usize::from(market.market)].key, "worst_minor": market.worst_minor,
                "selections": selections.collect::<Vec<_>>()})
        });
        json!({"fixture": fixture.id().0, "worst_minor": exposure.worst_minor,
            "worst_minor_bound": exposure.worst_minor_bound, "markets": markets.collect::<Vec<_>>()})
    });
    json!({
        "balances": balances.collect::<Vec<_>>(),
        "tickets": tickets.collect::<Vec<_>>(),
        "exposure": exposure.collect::<Vec<_>>(),
        "platform_loss_minor": engine.platform_loss_minor(),
    })
}

/// The layout of this build's state, as `state_hash.txt` names it.
fn layout() -> String {
    format!("{SNAPSHOT_VERSION}.{SNAPSHOT_LAYOUT:016x}")
}

/// The state hash of a golden journal in this build's layout. The hash is one of bytes, so a build that stores its state
/// otherwise has another: it adds its line, and what the state says stays in `expected.json`.
fn expected_hash(folder: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(folder.join("state_hash.txt")).map_err(|error| error.to_string())?;
    let of_layout = |line: &str| line.strip_prefix(&format!("{} ", layout())).map(str::to_owned);
    text.lines().find_map(of_layout).ok_or_else(|| {
        format!("state_hash.txt has no line of layout {}: run scripts/golden_journal.sh", layout())
    })
}

fn expected(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap()
}

/// Whether a journal leads to what its release said, in this build.
fn check(journal: &Path, golden: &Path) -> Result<(), String> {
    let report = verify(journal).map_err(|error| error.to_string())?;
    if !report.is_sound() {
        return Err(format!("verify: {:?}", report.damages));
    }
    let (engine, _) = replay_engine(journal).map_err(|error| error.to_string())?;
    let (found, expected) = (view(&engine), expected(golden));
    for part in ["balances", "tickets", "exposure", "platform_loss_minor"] {
        if found[part] != expected[part] {
            return Err(format!("{part} are {} instead of {}", found[part], expected[part]));
        }
    }
    let (hash, expected) = (engine.state_hash().to_string(), expected_hash(golden)?);
    if hash != expected {
        return Err(format!("the state hash is {hash} instead of {expected}"));
    }
    for (name, result) in replay_journal(journal).map_err(|error| error.to_string())?.invariants {
        result.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn copied(folder: &Path) -> (Folder, PathBuf) {
    let copy = Folder::new();
    let path = copy.journal();
    copy_journal(&folder.join("journal.db"), &path);
    (copy, path)
}

/// Writes this release's journal where `scripts/golden_journal.sh` asks for it, and this layout's hash beside those of all
/// others; then holds it against what its script makes, record by record.
#[test]
fn the_journal_of_this_release_is_what_its_script_makes() {
    let folder = journals().join(RELEASE);
    let made = Folder::new();
    golden_support::write(&made.journal());
    if std::env::var_os("ODDSENGINE_WRITE_GOLDEN_JOURNAL").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        // The files carry a random identity: where records and snapshots are the same, they are left alone.
        if contents(&folder.join("journal.db")) != contents(&made.journal()) {
            copy_journal(&made.journal(), &folder.join("journal.db"));
        }
        let (engine, _) = replay_engine(made.journal()).unwrap();
        let text = serde_json::to_string_pretty(&view(&engine)).unwrap();
        std::fs::write(folder.join("expected.json"), text + "\n").unwrap();
        std::fs::write(folder.join("state_hash.txt"), format!("{} {}\n", layout(), engine.state_hash()))
            .unwrap();
        for (release, folder) in releases() {
            let (_copy, path) = copied(&folder);
            if release != RELEASE && expected_hash(&folder).is_err() {
                let (engine, _) = replay_engine(&path).unwrap();
                assert_eq!(view(&engine), expected(&folder), "{release}: another hash, and the same state");
                let text = std::fs::read_to_string(folder.join("state_hash.txt")).unwrap();
                let line = format!("{} {}\n", layout(), engine.state_hash());
                std::fs::write(folder.join("state_hash.txt"), text + &line).unwrap();
            }
        }
    }
    let (_copy, path) = copied(&folder);
    let (stored, made) = (records_of(&path), records_of(&made.journal()));
    for (seq, (stored, made)) in stored.iter().zip(&made).enumerate() {
        assert_eq!(
            decode_record(stored).unwrap(),
            decode_record(made).unwrap(),
            "record {}: run scripts/golden_journal.sh if this release is not out yet",
            seq + 1
        );
        assert_eq!(stored, made, "record {} in other bytes", seq + 1);
    }
    assert_eq!(stored.len(), made.len());
    let size: u64 =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 1 << 20, "{size} bytes are more than a megabyte");
}

#[test]
fn every_release_opens_to_its_state() {
    let releases = releases();
    assert!(releases.iter().any(|(release, _)| release == RELEASE), "no golden journal of {RELEASE}");
    for (release, folder) in releases {
        let (_copy, path) = copied(&folder);
        check(&path, &folder).unwrap_or_else(|error| panic!("{release}: {error}"));
    }
}

/// The kinds of an enum by name. A new kind does not compile until it is listed here, and is then missed until the journal of
/// the next release has it.
macro_rules! kinds {
    ($all:ident, $of:ident, $type:ident: $($kind:ident),* $(,)?) => {
        const $all: &[&str] = &[$(stringify!($kind)),*];
        fn $of(value: &$type) -> &'static str {
            match value {
                $($type::$kind { .. } => stringify!($kind),)*
            }
        }
    };
}

kinds!(FACTS, fact_kind, Fact:
    EpochStarted, ReleaseStarted, Configured, ScopeSet, SpaceDefined, FixtureAdded, ParametersSet, IncidentTaken,
    StopsChanged, FixtureHeard, StartWaived, MarketSet, Interrupted, GradesTold, FixtureVoided, Graded, CustomerSet,
    TicketDecided, DelayEnded, TicketHeld, LegsGraded, Weighed, TicketPaid, TicketReopened, PaymentDue, TicketStuck,
    TicketCancelled, Booked, MoneyRefused, TicketConflict, Refused, SourceHeard, SourceRepeated, SourceLost, SourceAlive,
    SourceReset, SourcesForgotten, Alerted, SettlingAdvanced, WeighingAdvanced,
    TicketsArchived, ArchivingPutOff, TicketRecalled, FixturesArchived, FixturesPutOff, FixtureRecalled,
    MoneyArchived, MoneyRecalled, ExpectationSet,
    SwitchSet, StandingSet, CustomerTermsSet, OwnLimitSet, OwnLimitEnded,
    AnnulmentOrdered, AnnulmentTakenBack, AnnulmentAdvanced, TicketMarked, TicketReinstated, ReviewSet, ResultHeld,
    ActionPending, ActionEnded,
);
kinds!(BODIES, body_kind, Body:
    EpochStarted, Configure, SetScope, AddFixture, SetPrices, SetExpectation, Incident, Suspend, Resume, SetManualOdds,
    LockMarket, SettleMarket, VoidFixture, SetCustomer, Deposit, Withdraw, PlaceTicket, CancelTicket, Tick, DefineSpace,
    SetModelInputs, SetProbabilities, ModelFailed, Heartbeat, ResetSource, Reprice, ReleaseStarted, Halt,
    RecallTickets, RecallFixtures, RecallMoney,
    SetSwitch, SetStanding, SetCustomerTerms, SetOwnLimit, ConfirmOwnLimit, AnswerOffer, RuleReferral,
    Annul, TakeBackAnnulment, SetReview, Approve, Decline, TellResult,
);

#[test]
fn the_journal_of_this_release_has_every_kind() {
    let (_copy, path) = copied(&journals().join(RELEASE));
    let (mut facts, mut bodies) = (BTreeSet::new(), BTreeSet::new());
    for record in records_of(&path) {
        let record = decode_record(&record).unwrap();
        bodies.insert(body_kind(&record.command.body));
        facts.extend(record.facts.iter().map(fact_kind));
    }
    let missing = |all: &[&'static str], seen: &BTreeSet<&'static str>| -> Vec<&'static str> {
        all.iter().copied().filter(|kind| !seen.contains(kind)).collect()
    };
    assert_eq!((missing(FACTS, &facts), missing(BODIES, &bodies)), (vec![], vec![]));
}

/// The state from each snapshot and the records after it is the one of all records; one that this build does not read is told
/// and skipped, and never an error.
#[test]
fn snapshots_are_used_or_skipped() {
    for (release, folder) in releases() {
        let (_copy, path) = copied(&folder);
        let (from_zero, _) = replay_engine(&path).unwrap();
        let mut formats = Vec::new();
        for info in verify(&path).unwrap().snapshots {
            formats.push(info.format);
            let (journal, recovered) = Journal::open(&path, OpenOptions::default()).unwrap();
            let snapshot = journal.snapshot_before(info.seq + 1).expect("it is listed");
            assert_eq!(snapshot.seq, info.seq);
            let Ok(mut engine) = Engine::restore_image(&snapshot.parts) else { continue };
            journal
                .replay(info.seq + 1, &mut |_, _, record| {
                    engine.fold(&decode_record(record)?).unwrap();
                    Ok(())
                })
                .unwrap();
            assert_eq!(engine.state_hash(), from_zero.state_hash(), "{release}: from {}", info.seq);
            assert!(recovered.last_seq >= info.seq);
        }
        assert_eq!(formats.len(), 2, "{release}: one with records after it, and one at the end");

        let (now_ns, config) = (from_zero.now_ns(), from_zero.config().clone());
        let start = ServiceOptions { now_ns, config, ..options(Some(&path)) };
        let mut service = Service::start(start).unwrap_or_else(|error| panic!("{release}: {error}"));
        let notices = &service.start_report().notices;
        let skipped = notices.iter().filter(|notice| notice.contains("was not used")).count();
        assert!(release != RELEASE || skipped == 0, "this build reads its own: {notices:?}");
        // What a start adds (its epoch, its release) it adds to the same state.
        service.close().unwrap();
        let (again, _) = replay_engine(&path).unwrap();
        assert_eq!(again.state_hash(), service.engine().state_hash(), "{release}");
        assert_eq!(view(&again)["balances"], expected(&folder)["balances"], "{release}");
    }
}

/// What this release wrote it decides in the same way; only the part made by hand no build decides.
#[test]
fn this_release_decides_its_journal_alike() {
    let (_copy, path) = copied(&journals().join(RELEASE));
    let report = redecide_journal(&path).unwrap();
    assert!(report.is_sound(), "{:?}", report.differences);
    assert!(report.differences.iter().all(|found| found.release == golden_support::BY_HAND));
    assert_eq!(report.difference_count, 10, "{:?}", report.differences);
}

/// Writes records as a journal with a chain of its own.
fn write(path: &Path, records: &[Vec<u8>]) {
    let (mut writer, _) = open_writer(path, OpenOptions::default());
    for record in records {
        writer.append(record).unwrap();
    }
    writer.close().unwrap();
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    bytes
}

/// The same records under another chain are the same journal; one byte more, or a record less, is not.
#[test]
fn a_changed_record_is_refused_although_its_chain_holds() {
    let golden = journals().join(RELEASE);
    let (_copy, path) = copied(&golden);
    let records = records_of(&path);
    let checked = |records: &[Vec<u8>]| {
        let folder = Folder::new();
        write(&folder.journal(), records);
        check(&folder.journal(), &golden)
    };
    assert_eq!(checked(&records), Ok(()));

    // The last byte of a deposit is the last one of its bookings: another account, amount or number.
    let deposit = records.iter().position(|record| {
        let record = decode_record(record).unwrap();
        body_kind(&record.command.body) == "Deposit" && !record.facts.is_empty()
    });
    let mut changed = records.clone();
    let byte = changed[deposit.unwrap()].last_mut().unwrap();
    *byte ^= 1;
    let error = checked(&changed).unwrap_err();
    assert!(error.contains("balances are") || error.contains("cannot be applied"), "{error}");

    let error = checked(&records[..records.len() - 1]).unwrap_err();
    assert!(error.starts_with("the state hash is"), "{error}");
}

/// Facts that change nothing but what is told.
const TOLD_ONLY: &[&str] = &["MoneyRefused", "TicketConflict", "Alerted"];

/// Every kind of fact counts: without one of a kind the journal does not fold, or leads elsewhere.
#[test]
fn a_dropped_fact_of_any_kind_is_noticed() {
    let golden = journals().join(RELEASE);
    let (_copy, path) = copied(&golden);
    let records: Vec<Record> =
        records_of(&path).iter().map(|record| decode_record(record).unwrap()).collect();
    let hash_of = |records: &[Record]| -> Result<StateHash, String> {
        let mut engine = Engine::default();
        records.iter().try_for_each(|record| engine.fold(record))?;
        Ok(engine.state_hash())
    };
    let whole = hash_of(&records).unwrap();
    assert_eq!(Ok(whole.to_string()), expected_hash(&golden));
    for kind in FACTS.iter().filter(|kind| !TOLD_ONLY.contains(kind)) {
        let is_noticed = records.iter().enumerate().any(|(seq, record)| {
            let mut of_kind = (0..record.facts.len()).filter(|&at| fact_kind(&record.facts[at]) == *kind);
            of_kind.any(|at| {
                let mut without = records.clone();
                without[seq].facts.remove(at);
                hash_of(&without) != Ok(whole)
            })
        });
        assert!(is_noticed, "nobody misses a {kind}");
    }
    // And through the files.
    let mut without = records.clone();
    let paid =
        without.iter_mut().find(|record| record.facts.iter().any(|fact| fact_kind(fact) == "TicketPaid"));
    paid.unwrap().facts.retain(|fact| fact_kind(fact) != "TicketPaid");
    let folder = Folder::new();
    write(&folder.journal(), &without.iter().map(encoded).collect::<Vec<_>>());
    let error = check(&folder.journal(), &golden).unwrap_err();
    assert!(error.contains("tickets are") || error.contains("cannot be applied"), "{error}");
}

/// A build that stores its state otherwise must say so: without its line it is not known whether its state is the same.
#[test]
fn a_layout_without_a_hash_is_refused() {
    let golden = journals().join(RELEASE);
    let (other, path) = copied(&golden);
    std::fs::copy(golden.join("expected.json"), other.path().join("expected.json")).unwrap();
    let line = format!("4.00000000deadbeef {}\n", "0".repeat(32));
    std::fs::write(other.path().join("state_hash.txt"), &line).unwrap();
    let error = check(&path, other.path()).unwrap_err();
    assert_eq!(
        error,
        format!("state_hash.txt has no line of layout {}: run scripts/golden_journal.sh", layout())
    );
    let (engine, _) = replay_engine(&path).unwrap();
    let own = format!("{line}{} {}\n", layout(), engine.state_hash());
    std::fs::write(other.path().join("state_hash.txt"), own).unwrap();
    assert_eq!(check(&path, other.path()), Ok(()));
}
