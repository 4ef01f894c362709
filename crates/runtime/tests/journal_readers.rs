//! Readers beside an owner, copies that cannot be written, files that go, names and rights.

mod journal_support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use journal_support::{Folder, append_group, closed_journal, copy_journal, open_writer, record};
use oddsengine_runtime::journal::{
    Damage, FILE_MODE, Head, Journal, JournalError, JournalStatus, OpenOptions, WAL_BYTES_KEPT,
    WAL_BYTES_WARNED, acknowledged_head, replay, verify, verify_against, whole,
};

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: never");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// As in a folder that cannot be written: the log's index can neither be opened nor made. (The rights of a folder would
/// not stop the superuser.)
fn deny_the_index(path: &Path) {
    std::os::unix::fs::symlink("/nowhere/at/all", sibling(path, "-shm")).unwrap();
}

/// A transaction that some SQL tool leaves open.
fn hold_a_state(path: &Path) -> rusqlite::Connection {
    let reader = rusqlite::Connection::open(path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM journal_group", [], |row| row.get::<_, i64>(0)).unwrap();
    reader
}

/// `verify` beside an engine ended with "is in use by process …" 15 times out of 15, though operations.md says that it
/// runs there. It proves what was durable when it began, also while the owner writes, closes and opens again.
#[test]
fn verify_runs_beside_an_owner_that_writes_and_restarts() {
    let folder = Folder::new();
    let path = folder.journal();
    let (writer, _) = open_writer(&path, OpenOptions::default());
    let report = verify(&path).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!((report.last_seq, report.owner_pid), (0, Some(std::process::id())));
    drop(writer);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..12 {
                let (mut writer, _) = open_writer(&path, OpenOptions::default());
                for _ in 0..40 {
                    append_group(&mut writer, 3);
                }
                let seq = writer.next_seq() - 1;
                writer.write_snapshot(seq, 1, whole([1; 16], vec![5; 600_000])).unwrap();
                writer.close().unwrap();
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let (mut last_seq, mut look_count) = (0, 0);
        while !is_done.load(Ordering::SeqCst) {
            let report = verify(&path).unwrap();
            assert!(report.is_sound(), "{:?}", report.damages);
            assert!(last_seq <= report.last_seq);
            assert!(report.acknowledged.is_none_or(|acknowledged| acknowledged.seq <= report.last_seq));
            last_seq = report.last_seq;
            look_count += 1;
        }
        assert!(look_count > 3, "{look_count} looks");
    });
    let report = verify(&path).unwrap();
    assert_eq!((report.last_seq, report.owner_pid), (12 * 120, None));
}

/// While `oddsengine show` or any SQL tool had a transaction open, a crashed engine did not start again: "another program
/// reads an older state; 136,808 pages cannot be moved", status 2, and the unit did not try again.
#[test]
fn a_reader_never_keeps_an_owner_from_starting() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 5);
    let reader = hold_a_state(&path);
    let last_seq = append_group(&mut writer, 5);
    // As a crash leaves it: the reader has the log open, and the owner is gone without a checkpoint.
    std::mem::forget(writer.handle());
    drop(writer);
    let (mut writer, recovered) = open_writer(&path, OpenOptions::default());
    assert_eq!(recovered.last_seq, last_seq);
    assert!(
        recovered.notices.iter().any(|notice| notice.contains("another program reads an older state")),
        "{:?}",
        recovered.notices
    );
    append_group(&mut writer, 5);
    assert!(verify(&path).unwrap().is_sound());
    drop(reader);
    writer.close().unwrap();
    assert_eq!(journal_support::check_records(&path), 15);
    assert!(verify(&path).unwrap().is_sound());
}

/// With a reader open the log grew by 2 MB/s, to 564 MB, and stayed that large until a clean stop. How large it is can be
/// asked, and it is cut when the reader has gone, also when nothing more is written.
#[test]
fn a_log_that_a_reader_let_grow_is_told_and_cut() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 1);
    let reader = hold_a_state(&path);
    while writer.wal_bytes() <= WAL_BYTES_KEPT + (4 << 20) {
        writer.append(&vec![7; 900_000]).unwrap();
        writer.flush().unwrap();
        let seq = writer.next_seq() - 1;
        assert!(writer.wait_durable(seq, journal_support::PATIENCE).unwrap());
    }
    drop(reader);
    let handle = writer.handle();
    until("the log is cut", || handle.wal_bytes() <= WAL_BYTES_KEPT);
    writer.close().unwrap();
    assert!(verify(&path).unwrap().is_sound());
}

/// Six programs that each read for some tens of milliseconds, one time after another, let the log grow by 3 MB a second without
/// end: at every moment one of them read, nobody read for long, and nobody was told of.
#[test]
fn a_log_that_many_short_readers_hold_is_emptied_under_load() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 1);
    let is_done = AtomicBool::new(false);
    let (mut bytes_max, mut is_emptied) = (0, false);
    std::thread::scope(|scope| {
        for place in 0..4 {
            let (path, is_done) = (&path, &is_done);
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(20 * place));
                while !is_done.load(Ordering::Acquire) {
                    let reader = hold_a_state(path);
                    std::thread::sleep(Duration::from_millis(80));
                    drop(reader);
                }
            });
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_emptied && Instant::now() < deadline {
            writer.append(&vec![7; 900_000]).unwrap();
            writer.flush().unwrap();
            let seq = writer.next_seq() - 1;
            assert!(writer.wait_durable(seq, journal_support::PATIENCE).unwrap());
            bytes_max = bytes_max.max(writer.wal_bytes());
            is_emptied = WAL_BYTES_WARNED < bytes_max && writer.wal_bytes() <= WAL_BYTES_KEPT;
        }
        is_done.store(true, Ordering::Release);
    });
    assert!(is_emptied, "the log has {} bytes, at most it had {bytes_max}", writer.wal_bytes());
    assert!(bytes_max < 2 * WAL_BYTES_WARNED, "{bytes_max}");
    writer.close().unwrap();
    assert!(verify(&path).unwrap().is_sound());
}

/// A replay was one transaction as long as it lasted. Now the visitor holds nothing: the log can be emptied under it.
#[test]
fn a_replay_does_not_hold_the_log() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    for _ in 0..200 {
        append_group(&mut writer, 2);
    }
    let mut checkpoints = 0;
    let count = replay(&path, 1, &mut |seq, _, bytes| {
        assert!(bytes == record(seq));
        if seq % 100 == 0 {
            append_group(&mut writer, 1);
            let other = rusqlite::Connection::open(&path)?;
            let busy: i64 = other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            assert_eq!(busy, 0, "the replay holds the log at {seq}");
            checkpoints += 1;
        }
        Ok(())
    })
    .unwrap();
    // What came after the beginning is left to the next one.
    assert_eq!((count, checkpoints), (400, 4));
}

/// On a read-only file system (a backup!) a sound journal was called "damaged … everything after seq 0 is lost", because
/// SQLite could not make the index of a log that was not even there.
#[test]
fn a_copy_in_a_folder_that_cannot_be_written_is_read() {
    let folder = Folder::new();
    closed_journal(&folder.journal(), 8);
    deny_the_index(&folder.journal());
    let report = verify(folder.journal()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    assert_eq!(report.last_seq, 40);
    assert_eq!(journal_support::check_records(&folder.journal()), 40);
    assert_eq!(acknowledged_head(folder.journal()).unwrap(), report.head);

    // With a log in it the copy cannot be read whole, and that is what is said.
    let (running, copy) = (Folder::new(), Folder::new());
    let (mut writer, _) = open_writer(&running.journal(), OpenOptions::default());
    append_group(&mut writer, 5);
    copy_journal(&running.journal(), &copy.journal());
    deny_the_index(&copy.journal());
    let error = verify(copy.journal()).unwrap_err();
    assert!(matches!(error, JournalError::LogUnreadable { wal_bytes: 1.., .. }), "{error}");
    assert!(error.to_string().contains("cannot be read in a folder that cannot be written"), "{error}");
    assert!(!error.to_string().contains("damaged"), "{error}");
}

/// Opened through a hard link the journal had a second owner, with a log and a mark of its own: both engines ran.
#[test]
fn a_journal_with_two_names_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 5);
    let other = folder.path().join("other.db");
    for suffix in ["", "-wal", ".mark"] {
        std::fs::hard_link(sibling(&path, suffix), sibling(&other, suffix)).unwrap();
    }
    let error = Journal::open(&other, OpenOptions::default()).unwrap_err();
    assert!(matches!(error, JournalError::HardLinked { link_count: 2, .. }), "{error}");
    append_group(&mut writer, 5);
    writer.close().unwrap();
    // Nor under its first name, as long as the other is there.
    let error = Journal::open(&path, OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("has 2 names (hard links), and may have one\nhint:"), "{error}");
    std::fs::remove_file(&other).unwrap();
    let (writer, recovered) = open_writer(&path, OpenOptions::default());
    assert_eq!(recovered.last_seq, 10);
    writer.close().unwrap();
}

/// The database was 0644 under the usual umask: every user of the host could read all balances.
#[test]
fn every_file_is_its_owners_alone() {
    let folder = Folder::new();
    let path = folder.journal();
    let suffixes = ["", "-wal", "-shm", ".mark", ".lock"];
    let mode =
        |suffix: &str| std::fs::metadata(sibling(&path, suffix)).unwrap().permissions().mode() & 0o7777;
    // Under construction when an earlier process crashed, with the rights of that time.
    for suffix in [".new", ".mark.new"] {
        std::fs::write(sibling(&path, suffix), "").unwrap();
        std::fs::set_permissions(sibling(&path, suffix), std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    let (mut writer, recovered) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 5);
    assert_eq!(suffixes.map(mode), [FILE_MODE; 5]);
    assert_eq!(recovered.notices, [] as [String; 0]);
    writer.close().unwrap();
    for suffix in ["", ".mark"] {
        std::fs::set_permissions(sibling(&path, suffix), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let (writer, recovered) = open_writer(&path, OpenOptions::default());
    assert_eq!(suffixes.map(mode), [FILE_MODE; 5]);
    assert_eq!(recovered.notices.len(), 2);
    assert!(recovered.notices[0].contains("had mode 0644 and has 0600 now"), "{:?}", recovered.notices);
    writer.close().unwrap();
}

/// The files were removed under a running engine: it went on with health `ok` and acknowledged money that was gone with the
/// process; the next start made a new journal without a word.
#[test]
fn nothing_is_acknowledged_into_files_that_are_gone() {
    for suffix in ["", "-wal", ".mark", ".lock"] {
        let folder = Folder::new();
        let path = folder.journal();
        let options = || OpenOptions { close_patience: Duration::from_millis(50), ..OpenOptions::default() };
        let (mut writer, _) = open_writer(&path, options());
        let last_seq = append_group(&mut writer, 5);
        let (file, aside) = (sibling(&path, suffix), folder.path().join("aside"));
        assert_eq!(writer.check_files(), JournalStatus::Healthy);
        std::fs::rename(&file, &aside).unwrap();
        // An idle journal notices when it is asked, a busy one by itself.
        assert_eq!(
            writer.check_files(),
            JournalStatus::FilesMissing(file.canonicalize().unwrap_or(file.clone()))
        );
        writer.append(&record(last_seq + 1)).unwrap();
        writer.flush().unwrap();
        assert!(!writer.wait_durable(last_seq + 1, Duration::from_millis(300)).unwrap(), "{suffix}");
        assert_eq!(writer.durable_seq(), last_seq);
        // The same file back, and everything goes on.
        std::fs::rename(&aside, &file).unwrap();
        assert!(writer.wait_durable(last_seq + 1, journal_support::PATIENCE).unwrap(), "{suffix}");
        assert_eq!(writer.check_files(), JournalStatus::Healthy);
        // Gone for good: the end is not a clean one.
        std::fs::remove_file(&file).unwrap();
        writer.append(&record(last_seq + 2)).unwrap();
        let error = writer.close().unwrap_err();
        assert!(matches!(error, JournalError::FilesMissing { .. }), "{suffix}: {error}");
    }
}

/// A rollback of all files together was a good journal: 6,240 of 11,900 acknowledged deposits were gone, as documented,
/// and nothing outside of the Rust interface took an anchor.
#[test]
fn an_anchor_finds_a_rollback_of_all_files() {
    let (folder, older) = (Folder::new(), Folder::new());
    let path = folder.journal();
    closed_journal(&path, 4);
    copy_journal(&path, &older.journal());
    let old_anchor: Head = acknowledged_head(&path).unwrap().to_string().parse().unwrap();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 5);
    let text = acknowledged_head(&path).unwrap().to_string();
    writer.close().unwrap();
    let anchor: Head = text.parse().unwrap();
    assert_eq!((anchor.position.seq, anchor.position.epoch), (25, 0));

    for anchor in [old_anchor, anchor] {
        assert!(verify_against(&path, Some(anchor)).unwrap().is_sound());
        let opened = Journal::open(&path, OpenOptions { anchor: Some(anchor), ..OpenOptions::default() });
        assert!(opened.is_ok(), "{:?}", opened.err());
    }
    let report = verify_against(older.journal(), Some(anchor)).unwrap();
    assert!(matches!(report.damages[..], [Damage::TailMissing { .. }]), "{:?}", report.damages);
    let with_anchor = || OpenOptions { anchor: Some(anchor), ..OpenOptions::default() };
    assert_eq!(Journal::open(older.journal(), with_anchor()).unwrap_err().damages(), report.damages);
    // Written on meanwhile it is as long, and another one.
    let (mut writer, _) = open_writer(&older.journal(), OpenOptions::default());
    append_group(&mut writer, 9);
    writer.close().unwrap();
    let report = verify_against(older.journal(), Some(anchor)).unwrap();
    assert!(matches!(report.damages[..], [Damage::HistoryReplaced { .. }]), "{:?}", report.damages);
    // A new journal cannot hold it, and none is made.
    let nowhere = folder.path().join("nowhere.db");
    assert!(matches!(Journal::open(&nowhere, with_anchor()), Err(JournalError::Missing { .. })));
    assert!(!nowhere.exists());
    for text in ["", "25", "25:", "x:00", "+5:00", &text[..text.len() - 1]] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}
