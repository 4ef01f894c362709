//! Folders, records and small journals for the journal's tests.
#![allow(dead_code)] // each test file uses its own part

use oddsengine_runtime::journal::{Journal, JournalWriter, OpenOptions, Recovered, replay};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Long enough for a loaded machine, short enough to end a hanging test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("oddsengine-journal-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The record every test writes at a sequence number: 40 to 139 bytes that no other record contains.
pub fn record(seq: u64) -> Vec<u8> {
    let mut bytes = format!("record-{seq:012}-").into_bytes();
    let mut state = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let size = 40 + (state >> 32) as usize % 100;
    while bytes.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push((state >> 33) as u8);
    }
    bytes
}

pub fn open_writer(path: &Path, options: OpenOptions) -> (JournalWriter, Recovered) {
    let (journal, recovered) = Journal::open(path, options).unwrap();
    (journal.into_writer().unwrap(), recovered)
}

/// Appends `count` records as one group and waits until it is durable; returns the last sequence number.
pub fn append_group(writer: &mut JournalWriter, count: u64) -> u64 {
    for _ in 0..count {
        let seq = writer.next_seq();
        assert_eq!(writer.append(&record(seq)).unwrap(), seq);
    }
    writer.flush().unwrap();
    let last_seq = writer.next_seq() - 1;
    assert!(writer.wait_durable(last_seq, PATIENCE).unwrap(), "not durable: {:?}", writer.status());
    last_seq
}

/// A closed journal of `group_count` groups of five records.
pub fn closed_journal(path: &Path, group_count: u64) {
    let (mut writer, _) = open_writer(path, OpenOptions::default());
    for _ in 0..group_count {
        append_group(&mut writer, 5);
    }
    writer.close().unwrap();
}

/// Reads everything and checks that records 1, 2, 3 … are there, once each and unchanged; returns how many.
pub fn check_records(path: &Path) -> u64 {
    let mut expected_seq = 1;
    let count = replay(path, 1, &mut |seq, _epoch, bytes| {
        assert_eq!(seq, expected_seq);
        assert!(bytes == record(seq), "record {seq} changed");
        expected_seq += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(count, expected_seq - 1);
    count
}

/// Copies the files of a journal, but for its lock and SQLite's shared index, as a crash of the machine would keep them.
pub fn copy_journal(from: &Path, to: &Path) {
    for suffix in ["", "-wal", ".mark"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if name(from).exists() {
            std::fs::copy(name(from), name(to)).unwrap();
        } else {
            let _ = std::fs::remove_file(name(to));
        }
    }
    let _ = std::fs::remove_file(format!("{}-shm", to.display()));
}
