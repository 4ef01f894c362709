//! A failed sync stops everything; a full disk stops nothing but acknowledgements.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{
    FaultPlan, JournalError, JournalStatus, JournalWriter, OpenOptions, verify, whole,
};
use std::path::Path;
use std::time::{Duration, Instant};

fn with_faults(plan: FaultPlan) -> OpenOptions {
    OpenOptions {
        faults: Some(Box::new(plan)),
        full_retry_pause: Duration::from_millis(5),
        ..OpenOptions::default()
    }
}

fn await_status(writer: &JournalWriter, is_it: impl Fn(&JournalStatus) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_it(&writer.status()) {
        assert!(Instant::now() < deadline, "status stays {:?}", writer.status());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes a group, fails at the next; returns the writer.
fn poisoned(path: &Path, keeps_group: bool) -> JournalWriter {
    let plan =
        FaultPlan { sync_fails_at: Some(1), sync_failure_keeps_group: keeps_group, ..FaultPlan::default() };
    let (mut writer, _) = open_writer(path, with_faults(plan));
    append_group(&mut writer, 5);
    for seq in 6..=10 {
        writer.append(&record(seq)).unwrap();
    }
    writer.flush().unwrap();
    let error = writer.wait_durable(10, PATIENCE).unwrap_err();
    assert!(matches!(error, JournalError::SyncFailed { .. }), "{error}");
    writer
}

#[test]
fn a_failed_sync_poisons_for_good() {
    let folder = Folder::new();
    let mut writer = poisoned(&folder.journal(), false);
    assert!(matches!(writer.status(), JournalStatus::Poisoned(_)));
    assert_eq!(writer.durable_seq(), 5);
    for _ in 0..3 {
        assert!(matches!(writer.append(&record(11)), Err(JournalError::SyncFailed { .. })));
        assert!(matches!(writer.flush(), Err(JournalError::SyncFailed { .. })));
    }
    let error = writer.close().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the journal is poisoned: commit of group 6: injected (SQLite code 1034)\nhint: stop this process and start again; the acknowledged records are kept"
    );
    let (mut writer, recovered) = open_writer(&folder.journal(), OpenOptions::default());
    assert_eq!((recovered.last_seq, recovered.acknowledged_seq, recovered.epoch), (5, 5, 2));
    append_group(&mut writer, 5);
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), 10);
}

/// A real kernel may keep what it failed to sync. The group then comes back, and is acknowledged by recovery
/// only after it was written and synced again.
#[test]
fn a_group_may_survive_its_failed_sync() {
    let folder = Folder::new();
    drop(poisoned(&folder.journal(), true));
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.acknowledged.unwrap().seq, 5);
    assert_eq!(report.last_seq, 10);
    let (writer, recovered) = open_writer(&folder.journal(), OpenOptions::default());
    assert_eq!((recovered.last_seq, recovered.acknowledged_seq), (10, 5));
    assert_eq!(writer.durable_seq(), 10);
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), 10);
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = Folder::new();
    let plan = FaultPlan { disk_full: 1..20, ..FaultPlan::default() };
    let (mut writer, _) = open_writer(&folder.journal(), with_faults(plan));
    append_group(&mut writer, 5);
    writer.drain_wakeup();
    for seq in 6..=50 {
        writer.append(&record(seq)).unwrap();
        writer.flush().unwrap();
    }
    await_status(&writer, |status| *status == JournalStatus::Full);
    assert_eq!(writer.durable_seq(), 5);
    assert!(writer.wait_durable(50, PATIENCE).unwrap());
    assert!(writer.status().is_healthy());
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), 50);
    assert!(verify(folder.journal()).unwrap().is_sound());
}

#[test]
fn a_reached_quota_is_a_full_disk() {
    let folder = Folder::new();
    let options = OpenOptions { page_count_max: Some(40), ..with_faults(FaultPlan::default()) };
    let (mut writer, _) = open_writer(&folder.journal(), options);
    let mut count = 0;
    while writer.status().is_healthy() {
        writer.append(&record(count + 1)).unwrap();
        writer.flush().unwrap();
        count += 1;
        assert!(count < 100_000, "40 pages hold more than expected");
    }
    assert_eq!(writer.status(), JournalStatus::Full);
    let durable_seq = writer.durable_seq();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(writer.durable_seq(), durable_seq);
    assert!(durable_seq < count);
    // A snapshot finds no space either, which concerns nobody.
    writer.write_snapshot(1, 1, whole([0; 16], vec![0; 1_000_000])).unwrap();
    writer.set_page_count_max(None);
    assert!(writer.wait_durable(count, PATIENCE).unwrap());
    assert!(writer.status().is_healthy());
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), count);
    assert!(verify(folder.journal()).unwrap().is_sound());
}

/// On a file system that is really full. `ODDSENGINE_FULL_FOLDER` names a folder on one of 500 KiB to 2 MiB,
/// for example `mount -t tmpfs -o size=700k tmpfs FOLDER`; without it there is nothing to test.
#[test]
fn a_really_full_disk_loses_nothing() {
    let Ok(folder) = std::env::var("ODDSENGINE_FULL_FOLDER") else { return };
    let path = Path::new(&folder).join("journal.db");
    let ballast = Path::new(&folder).join("ballast");
    std::fs::write(&ballast, vec![1; 200_000]).unwrap();
    let (mut writer, _) = open_writer(&path, with_faults(FaultPlan::default()));
    let mut count = 0;
    while writer.status().is_healthy() {
        writer.append(&record(count + 1)).unwrap();
        writer.flush().unwrap();
        count += 1;
        assert!(count < 1_000_000, "the file system is too large");
    }
    assert_eq!(writer.status(), JournalStatus::Full);
    assert!(writer.durable_seq() < count);
    std::fs::remove_file(&ballast).unwrap();
    assert!(writer.wait_durable(count, PATIENCE).unwrap());
    writer.close().unwrap();
    assert_eq!(check_records(&path), count);
    assert!(verify(&path).unwrap().is_sound());
}

#[test]
fn closing_on_a_full_disk_gives_up_in_time() {
    let folder = Folder::new();
    let plan = FaultPlan { disk_full: 1..u64::MAX, ..FaultPlan::default() };
    let options = OpenOptions { close_patience: Duration::from_millis(50), ..with_faults(plan) };
    let (mut writer, _) = open_writer(&folder.journal(), options);
    append_group(&mut writer, 5);
    for seq in 6..=9 {
        writer.append(&record(seq)).unwrap();
    }
    let error = writer.close().unwrap_err();
    assert!(matches!(error, JournalError::ClosedFull { lost_records: 4 }), "{error}");
    assert_eq!(check_records(&folder.journal()), 5);
}

#[test]
fn another_program_in_the_way_only_delays() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), with_faults(FaultPlan::default()));
    append_group(&mut writer, 5);
    let other = rusqlite::Connection::open(folder.journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.append(&record(6)).unwrap();
    writer.flush().unwrap();
    await_status(&writer, |status| *status == JournalStatus::Blocked);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(writer.wait_durable(6, PATIENCE).unwrap());
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), 6);
}
