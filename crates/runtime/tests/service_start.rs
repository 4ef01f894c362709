//! What a start refuses, says, and writes down.

mod journal_support;
mod service_support;

use journal_support::Folder;
use oddsengine_engine::StateImage;
use oddsengine_engine::{Body, Config, SNAPSHOT_LAYOUT, SNAPSHOT_VERSION, decode_record};
use oddsengine_runtime::journal::{
    self, Image, Journal, JournalError, OpenOptions, WAL_BYTES_WARNED, verify, whole,
};
use oddsengine_runtime::service::{RecoveryError, Service, StateOrigin, replay_engine};
use oddsengine_types::{Currency, Part, StateHash};
use service_support::*;

fn configurations(path: &std::path::Path) -> Vec<Config> {
    let mut found = Vec::new();
    journal::replay(path, 1, &mut |_, _, record| {
        if let Body::Configure(config) | Body::ReleaseStarted { config, .. } =
            decode_record(record)?.command.body
        {
            found.push(*config);
        }
        Ok(())
    })
    .unwrap();
    found
}

/// A journal that was started on the default configuration held no configuration at all: with other defaults in a later
/// release every bet of it would have been decided otherwise.
#[test]
fn the_first_start_journals_the_configuration_also_when_it_is_the_default() {
    let folder = Folder::new();
    let path = folder.journal();
    drop(World::new(Some(&path)));
    assert_eq!(configurations(&path), [Config::default()]);
    // The same again says nothing new, another one does.
    drop(World::new(Some(&path)));
    assert_eq!(configurations(&path).len(), 1);
    let mut changed = options(Some(&path));
    changed.config.bet_delay_ms += 1;
    drop(Service::start(changed.clone()).unwrap());
    assert_eq!(configurations(&path), [Config::default(), changed.config]);
}

/// A start with another currency was answered by a desk alert that nobody could hear yet; the engine ran on the old one.
#[test]
fn another_currency_than_the_journals_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    let in_dollars = || {
        let mut options = options(Some(&path));
        options.config.currency = Currency::parse("USD").unwrap();
        options
    };
    // Nothing is booked yet: the currency may still change.
    drop(World::new(Some(&path)));
    drop(Service::start(in_dollars()).unwrap());
    let mut world = World::new(Some(&path));
    world.answer(deposit(1, 42, 10_000));
    world.service.close().unwrap();
    drop(world);
    let records = verify(&path).unwrap().record_count;
    let error = Service::start(in_dollars()).unwrap_err();
    assert!(matches!(error, RecoveryError::Currency { .. }), "{error}");
    assert!(
        error.to_string().starts_with("the journal holds money in EUR, and USD is configured\nhint: "),
        "{error}"
    );
    assert!(!error.is_transient());
    assert_eq!(verify(&path).unwrap().record_count, records);
    drop(World::new(Some(&path)));
}

/// A mistyped path made a new journal, epoch 1, balance 0, without a word.
#[test]
fn a_start_says_whether_the_journal_is_new_and_can_insist_on_an_old_one() {
    let folder = Folder::new();
    let path = folder.journal();
    let opening = || OpenOptions { create: false, ..OpenOptions::default() };
    let error = Service::start_with(options(Some(&path)), opening()).unwrap_err();
    assert!(matches!(error, RecoveryError::Journal(JournalError::Missing { .. })), "{error}");
    assert!(error.to_string().contains("\nhint: check the path"), "{error}");
    assert!(!path.exists());
    let service = Service::start(options(Some(&path))).unwrap();
    assert_eq!(service.start_report().origin, StateOrigin::New);
    assert!(service.start_report().notices[0].starts_with("made a new journal at "));
    drop(service);
    let service = Service::start_with(options(Some(&path)), opening()).unwrap();
    assert_eq!(
        (service.start_report().origin, service.start_report().notices.len()),
        (StateOrigin::Recovered, 0)
    );
    assert_eq!(Service::start(options(None)).unwrap().start_report().origin, StateOrigin::Memory);
}

/// A snapshot that this build could not read refused the start, although "they shorten recovery, they are never needed for
/// it": its layout changed three times under one version number.
#[test]
fn a_snapshot_that_cannot_be_read_costs_a_longer_replay_and_nothing_else() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.fixture(FIXTURE);
    world.answer(deposit(1, 42, 10_000));
    world.service.close().unwrap();
    drop(world);
    let good_seq = verify(&path).unwrap().snapshots[0].seq;
    let mut world = World::new(Some(&path));
    world.answer(deposit(2, 42, 5));
    let hash = world.hash();
    let image = world.service.engine().image();
    drop(world);
    // Whole for the journal, nonsense for the engine, once by its bytes and once by its hash.
    let (journal, recovered) = Journal::open(&path, OpenOptions::default()).unwrap();
    let mut writer = journal.into_writer().unwrap();
    let images: [Box<dyn Image>; 2] =
        [Box::new(OfAnotherHash(image)), whole([7; 16], b"a layout of tomorrow".to_vec())];
    for (seq, image) in (recovered.last_seq - 1..).zip(images) {
        writer.write_snapshot(seq, 9, image).unwrap();
        while writer.snapshot_seq() < seq {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    writer.close().unwrap();
    assert!(verify(&path).unwrap().is_sound());

    let service = Service::start(options(Some(&path))).unwrap();
    let notices = &service.start_report().notices;
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(
        notices[0].starts_with(&format!("snapshot at {} was not used: ", recovered.last_seq)),
        "{notices:?}"
    );
    assert!(notices[1].contains("it restores to "), "{notices:?}");
    let mut world = World::of(service);
    assert_eq!(world.answer(deposit(3, 42, 1))["available_minor"], 10_006);
    assert_ne!(world.hash(), hash);
    assert!(good_seq < recovered.last_seq);
}

#[derive(Debug)]
struct OfAnotherHash(StateImage);

impl Image for OfAnotherHash {
    fn parts(&self) -> Vec<std::sync::Arc<dyn Part>> {
        self.0.parts().collect()
    }

    fn hash(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// A snapshot of another build is not damage: it is told, and the records make the state all the same. There was no telling a
/// snapshot of another layout from one of this build but by what it restored to.
#[test]
fn snapshots_of_another_version_or_layout_are_skipped_with_a_notice() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.fixture(FIXTURE);
    world.answer(deposit(1, 42, 10_000));
    let last_seq = world.service.progress().0;
    let bytes = world.service.engine().snapshot();
    drop(world);
    let (journal, _) = Journal::open(&path, OpenOptions::default()).unwrap();
    let mut writer = journal.into_writer().unwrap();
    for (seq, at, other) in [(last_seq - 1, 0, 77_u32), (last_seq, 4, 0xabcd)] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&other.to_le_bytes());
        // Whole in every way: its hash is the one of its bytes.
        let hash = StateHash::of(&bytes).0;
        writer.write_snapshot(seq, other, whole(hash, bytes)).unwrap();
        while writer.snapshot_seq() < seq {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    writer.close().unwrap();
    let report = verify(&path).unwrap();
    assert!(report.is_sound(), "another build's snapshot is no damage: {:?}", report.damages);

    let service = Service::start(options(Some(&path))).unwrap();
    let notices = &service.start_report().notices;
    let layout = SNAPSHOT_LAYOUT & !0xffff_ffff | 0xabcd;
    assert_eq!(
        notices.iter().map(|notice| notice.split(" at byte").next().unwrap()).collect::<Vec<_>>(),
        [
            format!(
                "snapshot at {last_seq} was not used: its layout is {layout:016x}, and this build reads {SNAPSHOT_LAYOUT:016x}"
            ),
            format!(
                "snapshot at {} was not used: it is of version 77, and this build reads {SNAPSHOT_VERSION}",
                last_seq - 1
            ),
        ]
    );
    let mut world = World::of(service);
    assert_eq!(world.answer(deposit(2, 42, 1))["available_minor"], 10_001);
    assert_eq!(replay_engine(&path).unwrap().0.state_hash().to_string(), world.hash());
}

fn beat(world: &mut World) -> Vec<Seen> {
    world.service.heartbeat(world.now_ns);
    world.turn()
}

fn health(frames: &[Seen]) -> &str {
    frames.iter().find(|frame| frame.first == b"hb").unwrap().value["health"].as_str().unwrap()
}

fn alerts(frames: &[Seen]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame.value["alert"].as_str()).collect()
}

/// With a reader open the log grew to 564 MB and nothing told it: health `ok`, no counter.
#[test]
fn a_log_that_grows_is_told_by_the_heartbeat() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.settle();
    assert_eq!((health(&beat(&mut world)), world.service.wal_bytes() < WAL_BYTES_WARNED), ("ok", true));
    // What lies behind the last frame is nothing to SQLite.
    let log = std::fs::File::options().write(true).open(format!("{}-wal", path.display())).unwrap();
    log.set_len(WAL_BYTES_WARNED + 1).unwrap();
    assert_eq!(world.service.wal_bytes(), WAL_BYTES_WARNED + 1);
    let frames = beat(&mut world);
    assert_eq!((health(&frames), &alerts(&frames)[..]), ("degraded", &["journal_log_large"][..]));
    let frames = beat(&mut world);
    assert_eq!((health(&frames), alerts(&frames).len()), ("degraded", 0), "told once");
    assert_eq!(world.answer(deposit(1, 42, 1))["available_minor"], 1);
    world.service.close().unwrap();
    assert!(verify(&path).unwrap().is_sound());
}

/// The files of the journal were removed under a running engine: health stayed `ok`.
#[test]
fn files_that_are_removed_are_told_by_the_heartbeat() {
    let folder = Folder::new();
    let path = folder.journal();
    let mut world = World::new(Some(&path));
    world.settle();
    assert_eq!(health(&beat(&mut world)), "ok");
    std::fs::remove_file(&path).unwrap();
    let frames = beat(&mut world);
    assert_eq!(health(&frames), "stopped");
    assert_eq!(alerts(&frames), ["journal_files_missing"]);
    assert_eq!(alerts(&beat(&mut world)), [] as [&str; 0], "told once");
    let id = world.order("client", deposit(1, 42, 1));
    assert_eq!(answers_to(&world.turn(), &id)[0]["reason"]["name"], "journal_unavailable");
    assert!(matches!(world.service.close(), Err(JournalError::FilesMissing { .. })));
}
