//! Whatever is done to the files is found, named exactly, and never answered by a shorter journal.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{
    ChainHash, Damage, Head, Journal, JournalError, Loss, OpenOptions, Position, VerifyReport, verify, whole,
};
use std::path::{Path, PathBuf};

const GROUPS: u64 = 4;
const RECORDS: u64 = 20;

/// A closed journal of four groups (1, 6, 11, 16), changed by one SQL statement.
fn changed_by(sql: &str) -> (Folder, Vec<Damage>) {
    let folder = Folder::new();
    closed_journal(&folder.journal(), GROUPS);
    let database = rusqlite::Connection::open(folder.journal()).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
    database.close().unwrap();
    let damages = refused(&folder.journal());
    (folder, damages)
}

/// The damages by which an opening is refused; checks that it changed no byte and that `verify` agrees.
fn refused(path: &Path) -> Vec<Damage> {
    let before = file_bytes(path);
    let error = Journal::open(path, OpenOptions::default()).expect_err("a damaged journal was opened");
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(before == file_bytes(path), "the refused opening changed the files");
    let damages = error.damages().to_vec();
    match verify(path) {
        Ok(report) => assert_eq!(report.damages, damages),
        Err(error) => assert_eq!(error.damages(), damages),
    }
    damages
}

fn file_bytes(path: &Path) -> [Option<Vec<u8>>; 3] {
    // Reading may leave an empty log behind, which says nothing.
    let read = |suffix| std::fs::read(format!("{}{suffix}", path.display())).ok();
    ["", "-wal", ".mark"].map(|suffix| read(suffix).filter(|bytes| !bytes.is_empty()))
}

fn mark_path(folder: &Folder) -> PathBuf {
    folder.path().join("journal.db.mark")
}

fn flip(path: &Path, offset: usize, bit: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

fn sound(path: &Path) -> VerifyReport {
    let report = verify(path).unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
    report
}

#[test]
fn a_flipped_bit_in_a_record() {
    let folder = Folder::new();
    closed_journal(&folder.journal(), GROUPS);
    let bytes = std::fs::read(folder.journal()).unwrap();
    let wanted = record(13);
    let offset = bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
    flip(&folder.journal(), offset + 20, 3);
    let damages = refused(&folder.journal());
    let [damage @ Damage::GroupDamaged { first_seq: 11, record_count: 5, expected, actual }] = &damages[..]
    else {
        panic!("{damages:?}")
    };
    assert_ne!(expected, actual);
    assert_eq!(damage.loss(), Loss::Records(11..=15));
    // The reading tools do not pass it on either.
    let replayed = oddsengine_runtime::journal::replay(folder.journal(), 1, &mut |_, _, _| Ok(()));
    assert_eq!(replayed.unwrap_err().damages(), damages);
}

#[test]
fn changed_columns_of_a_group() {
    for column in ["record_count", "committed_ns", "durable_seq", "epoch"] {
        let (_folder, damages) =
            changed_by(&format!("UPDATE journal_group SET {column} = {column} + 2 WHERE first_seq = 6"));
        assert!(matches!(damages[..], [Damage::GroupDamaged { first_seq: 6, .. }]), "{column}: {damages:?}");
    }
}

#[test]
fn a_changed_checksum_costs_nothing() {
    let (_folder, damages) = changed_by(
        "UPDATE journal_group SET crc32c = crc32c ^ 1 WHERE first_seq = 6"
            .replace("crc32c ^ 1", "(crc32c | 1) - (crc32c & 1)")
            .as_str(),
    );
    let [damage @ Damage::ChecksumDamaged { first_seq: 6, expected, actual }] = &damages[..] else {
        panic!("{damages:?}")
    };
    assert_eq!(expected ^ actual, 1);
    assert_eq!(damage.loss(), Loss::Nothing);
}

#[test]
fn a_changed_hash_costs_nothing() {
    for first_seq in [1, 6, 16] {
        let (_folder, damages) = changed_by(&format!(
            "UPDATE journal_group SET hash = zeroblob(32) WHERE first_seq = {first_seq}"
        ));
        let [damage @ Damage::HashDamaged { first_seq: found, actual, .. }] = &damages[..] else {
            panic!("{damages:?}")
        };
        assert_eq!((*found, actual.0), (first_seq, [0; 32]));
        assert_eq!(damage.loss(), Loss::Nothing);
    }
}

#[test]
fn a_changed_predecessor_costs_nothing() {
    let (_folder, damages) =
        changed_by("UPDATE journal_group SET previous_hash = zeroblob(32) WHERE first_seq = 11");
    let [damage @ Damage::ChainBroken { first_seq: 11, bytes_proven: true, .. }] = &damages[..] else {
        panic!("{damages:?}")
    };
    assert_eq!(damage.loss(), Loss::Nothing);
}

#[test]
fn a_column_that_no_longer_fits() {
    let (_folder, damages) = changed_by("UPDATE journal_group SET hash = zeroblob(31) WHERE first_seq = 11");
    assert!(matches!(damages[..], [Damage::GroupUnreadable { first_seq: 11, .. }]), "{damages:?}");
}

#[test]
fn deleted_groups() {
    let (_folder, damages) = changed_by("DELETE FROM journal_group WHERE first_seq = 6");
    assert_eq!(damages, [Damage::GroupMissing { first_seq: 6, found_seq: 11 }]);
    assert_eq!(damages[0].loss(), Loss::Records(6..=10));

    let (_folder, damages) = changed_by("DELETE FROM journal_group WHERE first_seq <= 6");
    assert_eq!(damages, [Damage::GroupMissing { first_seq: 1, found_seq: 11 }]);

    let position = |seq| Position { epoch: 1, seq };
    let (_folder, damages) = changed_by("DELETE FROM journal_group WHERE first_seq = 16");
    assert_eq!(damages, [Damage::TailMissing { acknowledged: position(20), found: position(15) }]);
    assert_eq!(damages[0].loss(), Loss::Records(16..=20));

    let (_folder, damages) = changed_by("DELETE FROM journal_group");
    assert_eq!(damages, [Damage::TailMissing { acknowledged: position(20), found: position(0) }]);
}

#[test]
fn deleted_and_changed_epochs() {
    let build = |sql: &str| {
        let folder = Folder::new();
        closed_journal(&folder.journal(), 2); // epoch 1, seq 1..=10
        for _ in 0..2 {
            let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
            append_group(&mut writer, 5); // epochs 2 and 3
            writer.close().unwrap();
        }
        drop(Journal::open(folder.journal(), OpenOptions::default()).unwrap()); // epoch 4, nothing written
        sound(&folder.journal());
        let database = rusqlite::Connection::open(folder.journal()).unwrap();
        database.execute(sql, []).unwrap();
        database.close().unwrap();
        refused(&folder.journal())
    };
    assert_eq!(build("DELETE FROM epoch WHERE epoch = 2"), [Damage::EpochMissing { epoch: 2 }]);
    assert_eq!(
        build("DELETE FROM epoch WHERE epoch = 4"),
        [Damage::TailMissing {
            acknowledged: Position { epoch: 4, seq: 20 },
            found: Position { epoch: 3, seq: 20 },
        }]
    );
    let damages = build("UPDATE epoch SET opened_ns = opened_ns + 1 WHERE epoch = 3");
    assert!(matches!(damages[..], [Damage::EpochDamaged { epoch: 3, .. }]), "{damages:?}");
    let damages = build("UPDATE epoch SET hash = zeroblob(32) WHERE epoch = 2");
    assert!(matches!(damages[..], [Damage::EpochDamaged { epoch: 2, .. }]), "{damages:?}");
    let damages = build("UPDATE meta SET value = zeroblob(16) WHERE key = 'journal_id'");
    assert!(!damages.is_empty());
    let damages = build("DELETE FROM meta WHERE key = 'created_ns'");
    assert_eq!(damages, [Damage::MetaUnreadable { key: "created_ns" }]);
}

#[test]
fn a_truncated_database() {
    let folder = Folder::new();
    closed_journal(&folder.journal(), 200);
    let bytes = std::fs::read(folder.journal()).unwrap();
    for page_count in 0..bytes.len() / 4096 {
        for extra in [0, 100] {
            let cut = page_count * 4096 + extra;
            std::fs::write(folder.journal(), &bytes[..cut]).unwrap();
            let damages = refused(&folder.journal());
            let is_named = damages.iter().any(|damage| {
                matches!(damage, Damage::DatabaseUnreadable { .. } | Damage::TailMissing { .. })
            });
            assert!(is_named, "cut at {cut}: {damages:?}");
        }
    }
    std::fs::write(folder.journal(), &bytes).unwrap();
    assert_eq!(sound(&folder.journal()).last_seq, 1_000);
}

#[test]
fn an_older_copy_put_back() {
    let folder = Folder::new();
    let copy = folder.path().join("copy.db");
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    append_group(&mut writer, 5);
    copy_journal(&folder.journal(), &copy);
    append_group(&mut writer, 5);
    let head = writer.close().unwrap();
    let mark = std::fs::read(mark_path(&folder)).unwrap();

    // The database alone is older: its end is missing.
    copy_journal(&copy, &folder.journal());
    std::fs::write(mark_path(&folder), &mark).unwrap();
    let expected = Damage::TailMissing { acknowledged: head.position, found: Position { epoch: 1, seq: 5 } };
    assert_eq!(refused(&folder.journal()), std::slice::from_ref(&expected));

    // All files are older: nothing in the folder can tell, a head that was kept elsewhere can.
    copy_journal(&copy, &folder.journal());
    let with_anchor = |head| OpenOptions { anchor: Some(head), ..OpenOptions::default() };
    let error = Journal::open(folder.journal(), with_anchor(head)).unwrap_err();
    assert_eq!(error.damages(), [expected]);

    // Opened without it and written on, the journal is sound in itself and still not the acknowledged one.
    let (mut writer, recovered) = open_writer(&folder.journal(), OpenOptions::default());
    assert_eq!((recovered.last_seq, recovered.epoch), (5, 2));
    append_group(&mut writer, 15);
    let other_head = writer.close().unwrap();
    let error = Journal::open(folder.journal(), with_anchor(head)).unwrap_err();
    let replaced = Damage::HistoryReplaced { position: head.position, expected: head.hash, actual: None };
    assert_eq!(error.damages(), [replaced]);
    let forged = Head { hash: ChainHash([9; 32]), ..other_head };
    let error = Journal::open(folder.journal(), with_anchor(forged)).unwrap_err();
    let replaced = Damage::HistoryReplaced {
        position: forged.position,
        expected: forged.hash,
        actual: Some(other_head.hash),
    };
    assert_eq!(error.damages(), [replaced]);
    assert!(Journal::open(folder.journal(), with_anchor(other_head)).is_ok());
}

#[test]
fn the_mark_file_gone_damaged_or_alone() {
    let folder = Folder::new();
    closed_journal(&folder.journal(), GROUPS);
    let mark = std::fs::read(mark_path(&folder)).unwrap();

    std::fs::remove_file(mark_path(&folder)).unwrap();
    let found = Position { epoch: 1, seq: RECORDS };
    assert_eq!(refused(&folder.journal()), [Damage::MarkMissing { found }]);

    std::fs::write(mark_path(&folder), &mark[..40]).unwrap();
    assert!(matches!(refused(&folder.journal())[..], [Damage::MarkUnreadable { .. }]));

    let other = Folder::new();
    closed_journal(&other.journal(), GROUPS);
    std::fs::copy(mark_path(&other), mark_path(&folder)).unwrap();
    assert!(matches!(refused(&folder.journal())[..], [Damage::MarkUnreadable { .. }]));

    // One torn slot is what a crash may leave; the other one serves.
    for slot in [0, 4096] {
        std::fs::write(mark_path(&folder), &mark).unwrap();
        flip(&mark_path(&folder), slot + 45, 6);
        sound(&folder.journal());
    }

    // The database gone and the mark left: not the moment for a new journal.
    std::fs::write(mark_path(&folder), &mark).unwrap();
    std::fs::remove_file(folder.journal()).unwrap();
    let error = Journal::open(folder.journal(), OpenOptions::default()).unwrap_err();
    let lost = Damage::TailMissing { acknowledged: found, found: Position::default() };
    assert_eq!(error.damages(), [lost]);
    assert!(!folder.journal().exists());
}

/// Every few bytes of the database, one bit: found, or of no consequence. Never a changed or missing record.
#[test]
fn a_flipped_bit_anywhere_in_the_database() {
    let folder = Folder::new();
    closed_journal(&folder.journal(), GROUPS);
    flip_everywhere(&folder.journal(), &folder.journal(), 61);
}

/// SQLite drops a write-ahead log from the first bad frame on without a word; the mark notices.
#[test]
fn a_flipped_bit_anywhere_in_the_write_ahead_log() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    for _ in 0..GROUPS {
        append_group(&mut writer, 5);
    }
    let copy = folder.path().join("copy.db");
    copy_journal(&folder.journal(), &copy);
    drop(writer);
    assert_eq!(sound(&copy).last_seq, RECORDS);
    let damaged_count = flip_everywhere(&copy, &folder.path().join("copy.db-wal"), 61);
    assert!(damaged_count > 0, "the log was not in use");

    std::fs::remove_file(folder.path().join("copy.db-wal")).unwrap();
    let _ = std::fs::remove_file(folder.path().join("copy.db-shm"));
    let acknowledged = Position { epoch: 1, seq: RECORDS };
    assert_eq!(refused(&copy), [Damage::TailMissing { acknowledged, found: Position::default() }]);
}

fn flip_everywhere(journal: &Path, file: &Path, step: usize) -> u32 {
    let bytes = std::fs::read(file).unwrap();
    let shared_index = PathBuf::from(format!("{}-shm", journal.display()));
    let mut damaged_count = 0;
    for offset in (0..bytes.len()).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (offset % 8);
        std::fs::write(file, flipped).unwrap();
        let _ = std::fs::remove_file(&shared_index);
        match verify(journal) {
            Ok(report) if report.is_sound() => {
                assert_eq!(report.last_seq, RECORDS, "offset {offset}");
                assert_eq!(check_records(journal), RECORDS, "offset {offset}");
            }
            Ok(_) => damaged_count += 1,
            Err(JournalError::Damaged { .. } | JournalError::FormatUnsupported { .. }) => damaged_count += 1,
            Err(error) => panic!("offset {offset}: {error}"),
        }
    }
    std::fs::write(file, bytes).unwrap();
    let _ = std::fs::remove_file(&shared_index);
    damaged_count
}

#[test]
fn the_report_reads_like_a_sentence() {
    let (folder, _) = changed_by("DELETE FROM journal_group WHERE first_seq = 16");
    let error = Journal::open(folder.journal(), OpenOptions::default()).unwrap_err();
    let path = folder.journal().canonicalize().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "journal {} is damaged and was left untouched\n  \
             acknowledged up to seq 20 of epoch 1, the journal ends at seq 15 of epoch 1; \
             seq 16..=20 are lost\n\
             hint: keep all files of the journal, then restore it from a mirror or a backup",
            path.display()
        )
    );
}

/// A cut tail had hit a page of the snapshots' table: the journal was opened, because the groups were whole and nobody
/// read that page, and the next snapshot would have been written into a broken tree.
#[test]
fn a_broken_page_of_the_snapshots_is_refused() {
    let folder = Folder::new();
    let (mut writer, _) = open_writer(&folder.journal(), OpenOptions::default());
    for _ in 0..2 {
        let seq = append_group(&mut writer, 5);
        writer.write_snapshot(seq, 1, whole([seq as u8; 16], vec![seq as u8; 50_000])).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while writer.snapshot_seq() < seq {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    writer.close().unwrap();
    let database = rusqlite::Connection::open(folder.journal()).unwrap();
    let root: i64 = database
        .query_row("SELECT rootpage FROM sqlite_master WHERE name = 'snapshot_part'", [], |row| row.get(0))
        .unwrap();
    let page_size: i64 = database.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    database.close().unwrap();
    // The first cell's offset, in the page's list of cells, points to nowhere.
    let mut bytes = std::fs::read(folder.journal()).unwrap();
    let page = ((root - 1) * page_size) as usize;
    bytes[page + 8] = 0xff;
    bytes[page + 9] = 0xff;
    std::fs::write(folder.journal(), bytes).unwrap();
    let is_named = |damages: &[Damage]| {
        damages.iter().any(|damage| matches!(damage, Damage::DatabaseInconsistent { .. }))
    };
    let before = file_bytes(&folder.journal());
    let error = Journal::open(folder.journal(), OpenOptions::default()).expect_err("it was opened");
    assert!(is_named(error.damages()), "{error}");
    assert!(before == file_bytes(&folder.journal()), "the refused opening changed the files");
    assert!(is_named(&verify(folder.journal()).unwrap().damages));
}
