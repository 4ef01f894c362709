//! Bounds that no other test has seen refuse. The page of bounds named tests for them that never came near.

mod journal_support;
mod service_support;

use journal_support::{Folder, PATIENCE, open_writer};
use oddsengine_engine::command::SEQ_JUMP_MAX;
use oddsengine_runtime::journal::{Fault, Faults, JournalError, OpenOptions, RECORD_SIZE_MAX};
use oddsengine_runtime::service::{FORMATS_MAX, INGEST_BACKLOG_MAX, Service};
use serde_json::{Value, json};
use service_support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// One byte more than the largest record was never tried; nothing of it may reach a group.
#[test]
fn the_largest_record_is_taken_and_a_larger_one_refused() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let bytes = vec![7; RECORD_SIZE_MAX + 1];
    let refused = writer.append(&bytes).unwrap_err();
    assert!(
        matches!(refused, JournalError::RecordTooLarge { record_bytes, .. } if record_bytes == bytes.len()),
        "{refused}"
    );
    assert_eq!(writer.next_seq(), 1);
    let seq = writer.append(&bytes[1..]).unwrap();
    writer.flush().unwrap();
    assert!(writer.wait_durable(seq, PATIENCE).unwrap());
}

/// A feed whose numbers jump by more than a million has lost its place, and is not followed.
#[test]
fn a_jump_of_a_feeds_numbers_is_refused_beyond_its_bound() {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.turn();
    let numbered = |seq: u64| json!({"type": "heartbeat", "source": "jumps", "seq": seq, "time_ns": 1});
    let mut tell = |seq: u64| -> Vec<String> {
        world.service.ingest(numbered(seq).to_string().as_bytes(), world.now_ns);
        let frames = world.turn();
        frames.iter().filter_map(|frame| frame.value["alert"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(tell(1), Vec::<String>::new());
    // A gap is told, and followed.
    assert_eq!(tell(1 + SEQ_JUMP_MAX), ["feed_gap"]);
    let alerts = tell(2 + 2 * SEQ_JUMP_MAX);
    assert!(alerts.contains(&"feed_refused".to_owned()), "{alerts:?}");
}

/// Templates of formats stay as long as the process: 600 races of different formats, voided and gone, had left 1.1 GiB behind, and
/// a feed can make up thousands of formats.
#[test]
fn a_format_too_many_is_refused_until_a_restart() {
    let mut world = World::new(None);
    // Small ones, and more than enough of them.
    let mut formats = Vec::new();
    for (runners, places, handicap) in (2..=6_u8)
        .flat_map(|runners| (1..=4_u8).flat_map(move |places| [false, true].map(|is| (runners, places, is))))
    {
        for (kind, terms) in
            ["horse", "greyhound"].into_iter().flat_map(|kind| (0..=20_u8).map(move |terms| (kind, terms)))
        {
            let mut format =
                json!({"kind": kind, "runner_count": runners, "places_max": places, "is_handicap": handicap});
            if terms > 0 {
                format["extra_terms"] = json!({"places": 2 + terms % 2, "fraction_of": terms.div_ceil(2)});
            }
            formats.push((runners, format));
        }
    }
    let announce = |world: &mut World, fixture: usize, (runners, format): &(u8, Value)| -> Vec<String> {
        let entrants: Vec<String> = (1..=*runners).map(|runner| format!("runner {runner}")).collect();
        world.ingest(json!({"type": "fixture", "fixture": fixture, "sport": "racing", "competition": "cup",
            "home": "2:30", "start_ns": START_NS, "format": format, "entrants": entrants}));
        let frames = world.turn();
        frames.iter().filter_map(|frame| frame.value["message"].as_str().map(str::to_owned)).collect()
    };
    let mut refused = None;
    for (place, format) in formats.iter().enumerate() {
        let told = announce(&mut world, 10_000 + place, format);
        if let Some(message) = told.into_iter().find(|message| message.contains("format of its own")) {
            refused = Some((place, message));
            break;
        }
    }
    let (place, message) = refused.expect("there are more formats than fit");
    assert!(place >= FORMATS_MAX, "refused at {place}");
    assert!(message.contains(&format!("at most {FORMATS_MAX} are allowed")), "{message}");
    let count = world.service.engine().fixtures().len();
    // A format that is there is taken, and so is football.
    announce(&mut world, 1, &formats[0]);
    world.fixture(FIXTURE);
    world.turn();
    assert_eq!(world.service.engine().fixtures().len(), count + 2);
}

/// A disk that is full when it is told to be.
#[derive(Debug)]
struct Disk(Arc<AtomicBool>);

impl Faults for Disk {
    fn at_commit(&mut self, _: u64) -> Fault {
        if self.0.load(Ordering::Relaxed) { Fault::DiskFull } else { Fault::None }
    }
}

/// While the disk is full feeds are read up to a bound, and wait in their sockets beyond it: memory has an end.
#[test]
fn feeds_wait_once_too_many_records_wait_for_the_disk() {
    let folder = Folder::new();
    let is_full = Arc::new(AtomicBool::new(false));
    let opening = OpenOptions { faults: Some(Box::new(Disk(is_full.clone()))), ..OpenOptions::default() };
    let mut world =
        World::of(Service::start_with(options(Some(&folder.journal())), opening).expect("a new journal"));
    world.settle();
    is_full.store(true, Ordering::Relaxed);
    let mut count = 0;
    while world.service.takes_ingest() {
        world.service.ingest(br#"{"type": "heartbeat", "source": "many", "time_ns": 1}"#, world.now_ns);
        count += 1;
        assert!(count <= INGEST_BACKLOG_MAX + 1_000, "it never waits");
    }
    assert!(INGEST_BACKLOG_MAX <= count, "it waited after {count}");
    world.turn();
    is_full.store(false, Ordering::Relaxed);
    let deadline = Instant::now() + PATIENCE;
    while !world.service.takes_ingest() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
