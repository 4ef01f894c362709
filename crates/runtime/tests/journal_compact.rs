//! Old groups leave the live database for sealed segments, and the proof goes on through them.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{
    CompactOptions, Damage, Fault, Faults, Journal, JournalError, JournalFiles, JournalWriter, OpenOptions,
    VerifyScope, compact, compact_telling, records, replay, verify, whole,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A closed journal of groups of five records, with snapshots after two of them.
fn journal_with_snapshots(path: &Path, groups: u64, after: [u64; 2]) {
    let (mut writer, _) = open_writer(path, OpenOptions::default());
    for group in 1..=groups {
        let seq = append_group(&mut writer, 5);
        if after.contains(&group) {
            writer.write_snapshot(seq, 1, whole([group as u8; 16], vec![group as u8; 1_000])).unwrap();
            let deadline = Instant::now() + PATIENCE;
            while writer.snapshot_seq() < seq {
                assert!(Instant::now() < deadline);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    writer.close().unwrap();
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    found.sort();
    found
}

fn live_groups(path: &Path) -> (i64, i64) {
    let database = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT count(*), min(first_seq) FROM journal_group";
    database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn all() -> OpenOptions {
    OpenOptions { verify: VerifyScope::All, ..OpenOptions::default() }
}

/// The journal's database grew for ever: nothing took old groups out of it without breaking the chain over them.
#[test]
fn segments_and_the_live_database_are_one_chain() {
    let folder = Folder::new();
    let path = folder.journal();
    journal_with_snapshots(&path, 40, [20, 30]);
    let before = verify(&path).unwrap();
    // Two segments, by the bound of bytes.
    let options = CompactOptions { segment_bytes_max: Some(6_000), ..CompactOptions::default() };
    let report = compact(&path, &options).unwrap();
    assert!(report.is_done);
    assert!(report.sealed.len() >= 2, "{:?}", report.sealed);
    assert_eq!(report.deleted_group_count, 19, "the group that the older snapshot ends in stays");
    assert!(report.sealed.iter().all(|info| info.byte_count <= 6_000));
    assert_eq!(live_groups(&path), (21, 96));
    assert_eq!(segments(&folder).len(), report.sealed.len());

    let after = verify(&path).unwrap();
    assert!(after.is_sound(), "{:?}", after.damages);
    assert_eq!((after.head, after.record_count, after.group_count), (before.head, 200, 40));
    assert_eq!(after.byte_count, before.byte_count);
    assert_eq!(after.segments, report.sealed);
    assert_eq!(check_records(&path), 200);
    for from_seq in [1, 3, 94, 95, 96, 97, 200] {
        let mut seqs = Vec::new();
        let mut visit = |seq, _: u64, bytes: &[u8]| {
            assert!(bytes == record(seq));
            seqs.push(seq);
            Ok(())
        };
        replay(&path, from_seq, &mut visit).unwrap();
        assert!(seqs.iter().copied().eq(from_seq..=200), "from {from_seq}: {seqs:?}");
        let read: Vec<_> = records(&path, from_seq).unwrap().map(|found| found.unwrap().seq).collect();
        assert_eq!(read, seqs);
    }
    // A second time there is nothing to do, and written on it is one journal.
    assert!(compact(&path, &options).unwrap().sealed.is_empty());
    let (mut writer, recovered) = open_writer(&path, all());
    assert_eq!((recovered.last_seq, recovered.verified_group_count), (200, 40));
    append_group(&mut writer, 5);
    writer.close().unwrap();
    assert_eq!(check_records(&path), 205);
    assert!(verify(&path).unwrap().is_sound());
}

/// Killed after any step, a compaction has lost nothing and doubled nothing, and the next one ends it.
#[test]
fn a_compaction_may_be_cut_short_anywhere() {
    let origin = Folder::new();
    journal_with_snapshots(&origin.journal(), 600, [590, 600]);
    let mut has_both = false;
    let mut has_orphan = false;
    for steps in 0.. {
        assert!(steps < 100, "it never ended");
        let folder = Folder::new();
        let path = folder.journal();
        copy_journal(&origin.journal(), &path);
        let cut = CompactOptions { stop_after_steps: Some(steps), ..CompactOptions::default() };
        let report = compact(&path, &cut).unwrap();
        let (live, first) = live_groups(&path);
        let known = verify(&path).unwrap().segments.len();
        has_orphan |= segments(&folder).len() > known;
        has_both |= known == 1 && 11 < live && 1 < first;
        assert!(
            verify(&path).unwrap().is_sound(),
            "after {steps} steps: {:?}",
            verify(&path).unwrap().damages
        );
        assert_eq!(check_records(&path), 3_000, "after {steps} steps");
        let (journal, recovered) = Journal::open(&path, all()).unwrap();
        assert_eq!(recovered.last_seq, 3_000);
        drop(journal);
        let ended = compact(&path, &CompactOptions::default()).unwrap();
        assert!(ended.is_done);
        assert_eq!(live_groups(&path), (11, 2_946), "after {steps} steps");
        assert_eq!(segments(&folder).len(), 1);
        assert_eq!(check_records(&path), 3_000);
        assert!(verify(&path).unwrap().is_sound());
        if report.is_done {
            break;
        }
    }
    assert!(has_orphan, "no step ended between the file and its row");
    assert!(has_both, "no step ended in the middle of the deletes");
}

/// What an operator moved is named, and found again where he says; a changed segment is damage, by name.
#[test]
fn a_segment_that_is_elsewhere_or_damaged_is_named() {
    let folder = Folder::new();
    let path = folder.journal();
    journal_with_snapshots(&path, 40, [20, 30]);
    compact(&path, &CompactOptions { segment_bytes_max: Some(6_000), ..CompactOptions::default() }).unwrap();
    let files = segments(&folder);
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let moved = elsewhere.join(files[1].file_name().unwrap());
    std::fs::rename(&files[1], &moved).unwrap();

    let report = verify(&path).unwrap();
    let [Damage::SegmentMissing { number: 2, first_seq, .. }] = report.damages[..] else {
        panic!("{:?}", report.damages)
    };
    assert!(
        report.damages[0].to_string().contains("is not there: journal.db.0002-"),
        "{}",
        report.damages[0]
    );
    let error = replay(&path, 1, &mut |_, _, _| Ok(())).unwrap_err();
    assert!(matches!(error, JournalError::SegmentMissing { first_seq: found, .. } if found == first_seq));
    assert!(error.to_string().contains("--segments"), "{error}");
    // What lies behind it needs none, nor does a start; one that proves everything does.
    assert_eq!(replay(&path, 96, &mut |_, _, _| Ok(())).unwrap(), 105);
    drop(Journal::open(&path, OpenOptions::default()).unwrap());
    assert!(matches!(Journal::open(&path, all()), Err(JournalError::Damaged { .. })));

    let files_elsewhere = JournalFiles { path: path.clone(), segments: Some(elsewhere.clone()) };
    assert!(verify(files_elsewhere.clone()).unwrap().is_sound());
    assert_eq!(replay(files_elsewhere.clone(), 1, &mut |_, _, _| Ok(())).unwrap(), 200);
    drop(Journal::open(&path, OpenOptions { segments: Some(elsewhere), ..all() }).unwrap());

    // One bit of a block.
    let mut bytes = std::fs::read(&moved).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    std::fs::write(&moved, &bytes).unwrap();
    let damages = verify(files_elsewhere).unwrap().damages;
    assert!(
        matches!(damages[..], [Damage::SegmentDamaged { number: 2, .. }, ..]),
        "a changed file is damage: {damages:?}"
    );

    // The row that proves it.
    std::fs::rename(&files[0], files[0].with_extension("kept")).unwrap();
    std::fs::rename(files[0].with_extension("kept"), &files[0]).unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute("UPDATE segment SET last_hash = zeroblob(32) WHERE number = 1", []).unwrap();
    drop(database);
    let damages = verify(&path).unwrap().damages;
    assert!(
        damages.iter().any(|damage| matches!(damage, Damage::SegmentDamaged { number: 1, .. })),
        "a changed row is damage: {damages:?}"
    );
}

/// A compaction needs two snapshots behind it, a whole chain before it, and the journal for itself.
#[test]
fn a_compaction_is_refused_and_bounded() {
    let folder = Folder::new();
    let path = folder.journal();
    closed_journal(&path, 4);
    let refused = compact(&path, &CompactOptions::default()).unwrap_err();
    assert!(matches!(refused, JournalError::CompactRefused { .. }), "{refused}");

    let folder = Folder::new();
    let path = folder.journal();
    journal_with_snapshots(&path, 40, [20, 30]);
    let (writer, _) = open_writer(&path, OpenOptions::default());
    assert!(matches!(compact(&path, &CompactOptions::default()), Err(JournalError::Locked { .. })));
    writer.close().unwrap();
    // By number: record 13 is in the group 11..=15, which stays.
    let some = CompactOptions { before_seq: Some(13), ..CompactOptions::default() };
    assert_eq!(compact(&path, &some).unwrap().sealed[0].last_seq, 10);
    let none = CompactOptions { before_ns: Some(0), ..CompactOptions::default() };
    assert!(compact(&path, &none).unwrap().sealed.is_empty());

    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute("UPDATE journal_group SET crc32c = crc32c + 1 WHERE first_seq = 26", []).unwrap();
    drop(database);
    assert!(matches!(compact(&path, &CompactOptions::default()), Err(JournalError::Damaged { .. })));
    assert_eq!(segments(&folder).len(), 1, "nothing damaged is sealed");
}

/// An owner compacts by itself, between its commits, and readers go on meanwhile.
#[test]
fn an_owner_compacts_while_it_works() {
    let folder = Folder::new();
    let path = folder.journal();
    let options = OpenOptions { is_compacting: true, segment_bytes: 16 << 20, ..OpenOptions::default() };
    let (mut writer, _) = open_writer(&path, options);
    let large = vec![7; 1 << 20];
    let mut last_seq = 0;
    for round in 1..=4_u64 {
        for _ in 0..8 {
            last_seq = writer.append(&large).unwrap();
            writer.flush().unwrap();
            assert!(writer.wait_durable(last_seq, PATIENCE).unwrap());
        }
        writer.write_snapshot(last_seq, 1, whole([round as u8; 16], vec![1; 100])).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while writer.snapshot_seq() < last_seq {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    // The file stands before the row that names it, and an owner that closes between the two leaves the rest to the next one.
    while writer.sealed_seq() == 0 {
        assert!(Instant::now() < deadline, "nothing was sealed; {} given up", writer.compactions_failed());
        assert_eq!(replay(&path, 1, &mut |_, _, _| Ok(())).unwrap(), last_seq);
        let report = verify(&path).unwrap();
        assert!(report.is_sound(), "{:?}", report.damages);
    }
    writer.close().unwrap();
    let report = verify(&path).unwrap();
    assert!(report.is_sound() && report.segments.len() == 1, "{report:?}");
    assert_eq!(replay(&path, 1, &mut |_, _, _| Ok(())).unwrap(), last_seq);
}

/// A disk on which every commit takes a while: groups always wait.
#[derive(Debug)]
struct SlowDisk;

impl Faults for SlowDisk {
    fn at_commit(&mut self, _: u64) -> Fault {
        Fault::Slow(Duration::from_millis(20))
    }
}

/// Under unbroken load a step went between 16 groups, whatever their size: in seven days of full groups nothing was sealed.
/// Steps are paced by time now. 120 MiB in 240 groups gave 15 steps, and a segment of 4 MiB takes some 40.
#[test]
fn an_owner_compacts_under_unbroken_load() {
    let folder = Folder::new();
    let path = folder.journal();
    let options = OpenOptions {
        is_compacting: true,
        segment_bytes: 4 << 20,
        faults: Some(Box::new(SlowDisk)),
        ..OpenOptions::default()
    };
    let (mut writer, _) = open_writer(&path, options);
    let large = vec![7; 512 << 10];
    let append = |writer: &mut JournalWriter| {
        let seq = writer.append(&large).unwrap();
        // A group each: two would be above the bound of a group together.
        writer.flush().unwrap();
        seq
    };
    let mut last_seq = append(&mut writer);
    let mut broken_count = 0;
    while last_seq < 240 {
        while writer.pending_records() < 8 {
            last_seq = append(&mut writer);
            broken_count += u32::from(writer.pending_records() == 1);
            if last_seq.is_multiple_of(16) {
                writer.write_snapshot(last_seq, 1, whole([last_seq as u8; 16], vec![1; 100])).unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let sealed_seq = writer.sealed_seq();
    // Two segments of seven groups; three on a machine that is busy with other things.
    assert!(broken_count == 0, "the load broke off {broken_count} times");
    assert!(14 <= sealed_seq, "sealed up to {sealed_seq} of {last_seq}; {}", writer.compactions_failed());
    assert!(writer.chore_ns_max() > 0);
    writer.close().unwrap();
    let report = verify(&path).unwrap();
    assert!(report.is_sound() && 2 <= report.segments.len(), "{report:?}");
    assert!(report.segments.iter().all(|info| info.byte_count <= 4 << 20));
    assert_eq!(replay(&path, 1, &mut |_, _, _| Ok(())).unwrap(), last_seq);
}

/// What a process left half done the next one ends without waiting for a snapshot; progress is told by the offline form.
#[test]
fn an_owner_ends_what_the_one_before_left() {
    let folder = Folder::new();
    let path = folder.journal();
    journal_with_snapshots(&path, 600, [590, 600]);
    let mut told = Vec::new();
    // Cut in the middle of the deletes.
    for steps in 0.. {
        let copy = Folder::new();
        copy_journal(&path, &copy.journal());
        let cut = CompactOptions { stop_after_steps: Some(steps), ..CompactOptions::default() };
        let report = compact_telling(copy.journal(), &cut, &mut |progress| told.push(progress)).unwrap();
        assert!(!report.is_done, "no step ended in the middle of the deletes");
        let live = live_groups(&copy.journal());
        if !(live.0 < 600 && 11 < live.0) {
            continue;
        }
        let options = OpenOptions { is_compacting: true, ..OpenOptions::default() };
        let (writer, _) = open_writer(&copy.journal(), options);
        assert_eq!(writer.sealed_seq(), 2_945);
        let deadline = Instant::now() + PATIENCE;
        while live_groups(&copy.journal()) != (11, 2_946) {
            assert!(Instant::now() < deadline, "{:?} are left", live_groups(&copy.journal()));
            std::thread::sleep(Duration::from_millis(1));
        }
        writer.close().unwrap();
        break;
    }
    assert!(told.iter().all(|at| at.seq <= at.until_seq && at.deleted_seq <= at.seq), "{told:?}");
    assert!(told.iter().any(|at| (at.seq, at.until_seq) == (2_945, 2_949)), "{told:?}");
}
