//! What goes in comes out: groups, epochs, the lock, the wake-up, snapshots, back-pressure.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{
    Damage, FaultPlan, Image, Journal, JournalError, JournalStatus, OpenOptions, VerifyScope, records,
    replay, verify, whole,
};
use oddsengine_types::{Pages, Part};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn two_threads_append_and_watch() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let handle = writer.handle();
    let is_done = AtomicBool::new(false);
    const COUNT: u64 = 20_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut last_seq = 0;
            while last_seq < COUNT {
                let durable_seq = handle.durable_seq();
                assert!(last_seq <= durable_seq, "durable_seq went back");
                last_seq = durable_seq;
                let _ = handle.wait_durable(durable_seq + 1, Duration::from_millis(50)).unwrap();
            }
            is_done.store(true, Ordering::Release);
        });
        for seq in 1..=COUNT {
            assert_eq!(writer.append(&record(seq)).unwrap(), seq);
            if seq % 7 == 0 {
                writer.flush().unwrap();
            }
        }
        writer.flush().unwrap();
    });
    assert!(is_done.load(Ordering::Acquire));
    let head = writer.close().unwrap();
    assert_eq!(head.position.seq, COUNT);

    assert_eq!(check_records(&folder.journal()), COUNT);
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!((report.first_seq, report.last_seq, report.record_count), (1, COUNT, COUNT));
    assert_eq!(report.head, head);
    assert_eq!(report.acknowledged, Some(head.position));
    assert!(report.group_count < COUNT / 7, "records were committed together: {} groups", report.group_count);
}

#[test]
fn every_opening_raises_the_epoch() {
    let folder = Folder::new();
    for opening in 1..=5 {
        let (mut writer, recovered) = open_writer(&folder.journal(), OpenOptions::default());
        assert_eq!(recovered.epoch, opening);
        assert_eq!(recovered.last_seq, (opening - 1) * 3);
        assert_eq!(recovered.acknowledged_seq, recovered.last_seq);
        assert_eq!(recovered.is_new, opening == 1);
        append_group(&mut writer, 3);
        // One opening ends without a word, as a crash would: the epoch may still not come again.
        if opening != 3 {
            writer.close().unwrap();
        }
    }
    // Opened, and nothing written.
    let (journal, recovered) = Journal::open(folder.journal(), OpenOptions::default()).unwrap();
    assert_eq!((recovered.epoch, recovered.last_seq), (6, 15));
    let mut epochs = Vec::new();
    let count = journal.replay(8, &mut |seq, epoch, _| {
        epochs.push((seq, epoch));
        Ok(())
    });
    assert_eq!(count.unwrap(), 8);
    assert_eq!(epochs, [(8, 3), (9, 3), (10, 4), (11, 4), (12, 4), (13, 5), (14, 5), (15, 5)]);
    drop(journal);
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.epochs.iter().map(|epoch| epoch.after_seq).collect::<Vec<_>>(), [0, 3, 6, 9, 12, 15]);
}

#[test]
fn a_second_owner_is_refused_by_name() {
    let folder = Folder::new();
    let (writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let error = Journal::open(folder.journal(), OpenOptions::default()).unwrap_err();
    let JournalError::Locked { holder_pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*holder_pid, Some(std::process::id()));
    let path = folder.journal().canonicalize().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "journal {} is in use by process {}\nhint: one process owns a journal; stop that process first",
            path.display(),
            std::process::id()
        )
    );
    // Through a link it is the same journal.
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.journal(), &link).unwrap();
    assert!(matches!(Journal::open(&link, OpenOptions::default()), Err(JournalError::Locked { .. })));
    drop(writer);
    assert!(verify(folder.journal()).unwrap().is_sound());
    assert!(Journal::open(&link, OpenOptions::default()).is_ok());
}

#[test]
fn nothing_is_created_unless_asked() {
    let folder = Folder::new();
    let options = OpenOptions { create: false, ..OpenOptions::default() };
    let missing = Journal::open(folder.journal(), options).unwrap_err();
    assert!(matches!(missing, JournalError::Missing { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(matches!(verify(folder.journal()), Err(JournalError::Missing { .. })));
    std::fs::write(folder.journal(), b"a text that is no database, long enough to be looked at by SQLite")
        .unwrap();
    assert!(Journal::open(folder.journal(), OpenOptions::default()).is_err());
}

#[test]
fn the_descriptor_wakes_a_poller() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let handle = writer.handle();
    // A duplicate of the descriptor stands for the poller: readable is what can be read.
    let poller = UnixStream::from(handle.as_fd().try_clone_to_owned().unwrap());
    let is_readable = |patience: Duration| {
        let deadline = Instant::now() + patience;
        loop {
            if matches!((&poller).read(&mut [0; 16]), Ok(size) if size > 0) {
                return true;
            }
            if deadline <= Instant::now() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    };
    assert!(!is_readable(Duration::ZERO));
    for round in 1..=200 {
        writer.append(&record(round)).unwrap();
        writer.flush().unwrap();
        while handle.durable_seq() < round {
            assert!(is_readable(PATIENCE), "no wake-up for seq {round}");
            handle.drain_wakeup();
        }
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(handle.drain_wakeup(), 200);
    assert!(!is_readable(Duration::from_millis(20)), "readable although nothing moved");
}

#[test]
fn groups_keep_their_bounds() {
    let folder = Folder::new();
    let options = OpenOptions { group_records_max: 8, group_bytes_max: 300, ..OpenOptions::default() };
    let (mut writer, _) = open_writer(&folder.journal(), options);
    for seq in 1..=100 {
        writer.append(&record(seq)).unwrap();
    }
    // Larger than the bound of a group: it makes one by itself.
    writer.append(&[7; 5_000]).unwrap();
    writer.append(b"").unwrap();
    writer.close().unwrap();
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.record_count, 102);
    assert!(report.group_count >= 100 / 8, "{}", report.group_count);
    let sizes: Vec<_> =
        records(folder.journal(), 100).unwrap().map(|found| found.unwrap().bytes.len()).collect();
    assert_eq!(sizes, [record(100).len(), 5_000, 0]);
    assert_eq!(records(folder.journal(), 103).unwrap().count(), 0);
    assert_eq!(records(folder.journal(), 0).unwrap().count(), 102);
}

#[test]
fn a_slow_disk_pushes_back() {
    let folder = Folder::new();
    let faults = FaultPlan { slow: Some(Duration::from_millis(100)), ..FaultPlan::default() };
    let options =
        OpenOptions { pending_records_max: 10, faults: Some(Box::new(faults)), ..OpenOptions::default() };
    let (mut writer, _) = open_writer(&folder.journal(), options);
    for seq in 1..=10 {
        writer.append(&record(seq)).unwrap();
    }
    let error = writer.append(&record(11)).unwrap_err();
    assert!(matches!(error, JournalError::Backlog { pending_records: 10, .. }), "{error}");
    // The refused record has no number, and the waiting ones were handed over although nobody flushed.
    assert!(writer.wait_durable(10, PATIENCE).unwrap());
    assert_eq!((writer.pending_records(), writer.pending_bytes()), (0, 0));
    assert_eq!(writer.append(&record(11)).unwrap(), 11);
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), 11);
}

#[test]
fn the_newest_two_snapshots_are_kept() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let state = |seq: u64| vec![seq as u8; 600_000 + seq as usize];
    for _ in 0..4 {
        let seq = append_group(&mut writer, 5);
        writer.write_snapshot(seq, 3, whole([seq as u8; 16], state(seq))).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while writer.snapshot_seq() < seq {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(matches!(
        writer.write_snapshot(21, 3, whole([0; 16], Vec::new())),
        Err(JournalError::SnapshotAhead { seq: 21, appended_seq: 20 })
    ));
    writer.close().unwrap();
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.snapshots.iter().map(|info| info.seq).collect::<Vec<_>>(), [20, 15]);

    let options = || OpenOptions { verify: VerifyScope::SinceSnapshot, ..OpenOptions::default() };
    let (journal, recovered) = Journal::open(folder.journal(), options()).unwrap();
    let snapshot = recovered.snapshot.unwrap();
    assert_eq!((snapshot.seq, snapshot.state_hash, snapshot.format), (20, [20; 16], 3));
    assert_eq!(snapshot.parts.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>(), [state(20)]);
    drop(journal);

    // A damaged snapshot costs time, not records: the one before serves.
    let database = rusqlite::Connection::open(folder.journal()).unwrap();
    for table in ["snapshot_part", "snapshot_page"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 2, "what only removed snapshots need is removed from {table}");
    }
    // Its page, and the list that names it.
    for change in [
        "UPDATE snapshot_page SET bytes = zeroblob(9) WHERE length(bytes) = 600020",
        "UPDATE snapshot_part SET bytes = zeroblob(32) WHERE seq = 20",
    ] {
        assert_eq!(database.execute(change, []).unwrap(), 1);
        let (_, recovered) = Journal::open(folder.journal(), options()).unwrap();
        assert_eq!(recovered.snapshot.map(|snapshot| snapshot.seq), Some(15));
        assert!(matches!(recovered.snapshot_damages[..], [Damage::SnapshotDamaged { seq: 20, .. }]));
    }
}

/// A state in parts, each of them a number repeated.
#[derive(Debug)]
struct Numbers(Pages<u64, 1>);

impl Image for Numbers {
    fn parts(&self) -> Vec<Arc<dyn Part>> {
        self.0.parts().collect()
    }

    fn hash(&self) -> [u8; 16] {
        [self.0.len() as u8; 16]
    }
}

/// A state of 200,000 tickets was encoded and written whole with every snapshot, most of it the same as before.
#[test]
fn parts_that_did_not_change_are_kept_once() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let pages = |folder: &Folder| -> i64 {
        let database = rusqlite::Connection::open(folder.journal()).unwrap();
        database.query_row("SELECT count(*) FROM snapshot_page", [], |row| row.get(0)).unwrap()
    };
    let mut numbers = Pages::<u64, 1>::default();
    // More than one step looks at.
    (0..2_000).for_each(|number| numbers.push(number));
    for turn in 0..4 {
        let seq = append_group(&mut writer, 1);
        numbers[turn * 10] = 1_000_000 + turn as u64;
        writer.write_snapshot(seq, 1, Box::new(Numbers(numbers.clone()))).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while writer.snapshot_seq() < seq {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    writer.close().unwrap();
    assert_eq!(pages(&folder), 2_001, "of two snapshots that differ by one part");
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    let (_, recovered) = Journal::open(folder.journal(), OpenOptions::default()).unwrap();
    let parts = recovered.snapshot.unwrap().parts;
    let of_parts = parts.iter().map(|(_, bytes)| u64::from_le_bytes(bytes[4..].try_into().unwrap()));
    assert!(of_parts.eq(numbers.iter().copied()), "in order, and the newest of each");
}

/// A journal of the format before is opened: its records are the same, its snapshots are left behind.
#[test]
fn a_journal_of_the_first_format_is_upgraded() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    let seq = append_group(&mut writer, 5);
    writer.close().unwrap();
    let database = rusqlite::Connection::open(folder.journal()).unwrap();
    database
        .execute_batch(
            "DROP TABLE snapshot_page; PRAGMA user_version = 1;
             UPDATE meta SET value = 1 WHERE key = 'format_version';
             INSERT INTO snapshot VALUES (3, zeroblob(16), 5, 0, 9, 1, zeroblob(32));
             INSERT INTO snapshot_part VALUES (3, 0, zeroblob(9));",
        )
        .unwrap();
    drop(database);
    // Whoever only reads changes nothing, and sees the records.
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound() && report.snapshots.is_empty(), "{:?}", report.damages);
    let (_, recovered) = open_writer(&folder.journal(), OpenOptions::default());
    assert_eq!(recovered.notices, ["the journal was of format 1 and is now of format 2"]);
    assert_eq!((recovered.last_seq, recovered.snapshot), (seq, None));
    let (_, recovered) = Journal::open(folder.journal(), OpenOptions::default()).unwrap();
    assert!(recovered.notices.is_empty(), "{:?}", recovered.notices);
    assert_eq!(check_records(&folder.journal()), seq);
    let database = rusqlite::Connection::open(folder.journal()).unwrap();
    database.execute_batch("PRAGMA user_version = 3").unwrap();
    let refused = Journal::open(folder.journal(), OpenOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("format version 3"), "{refused}");
}

#[test]
fn a_snapshot_is_written_under_load_and_at_closing() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    append_group(&mut writer, 1);
    writer.write_snapshot(1, 1, whole([1; 16], vec![1; 2_000_000])).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while writer.snapshot_seq() == 0 {
        assert!(Instant::now() < deadline);
        append_group(&mut writer, 1);
    }
    let seq = append_group(&mut writer, 1);
    writer.write_snapshot(seq, 1, whole([2; 16], vec![2; 700_000])).unwrap();
    writer.close().unwrap();
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.snapshots.iter().map(|info| info.seq).collect::<Vec<_>>(), [seq, 1]);
    assert_eq!(check_records(&folder.journal()), seq);
}

#[test]
fn others_read_while_it_is_written() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    append_group(&mut writer, 5);
    let mut reader = records(folder.journal(), 1).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().bytes, record(1));
    append_group(&mut writer, 5);
    assert_eq!(reader.count(), 9, "a reader goes on into groups that are written meanwhile");
    assert_eq!(check_records(&folder.journal()), 10);
    let stopped = replay(folder.journal(), 1, &mut |seq, _, _| {
        if seq == 3 { Err("no command".into()) } else { Ok(()) }
    });
    assert_eq!(stopped.unwrap_err().to_string(), "replay stopped at seq 3: no command");
    assert_eq!(writer.status(), JournalStatus::Healthy);
}
