//! A start proves what it goes on from; the whole history is proven by `verify`.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{
    Damage, Journal, JournalError, OpenOptions, Position, VerifyScope, verify, whole,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// Groups of five records, with snapshots at the end of some.
fn journal(path: &Path, groups: u64, snapshots: &[u64]) {
    let (mut writer, _) = open_writer(path, OpenOptions::default());
    for group in 1..=groups {
        let seq = append_group(&mut writer, 5);
        if snapshots.contains(&group) {
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

fn change(path: &Path, sql: &str) {
    let database = rusqlite::Connection::open(path).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

fn damaged(path: &Path) -> Vec<Damage> {
    let error = Journal::open(path, OpenOptions::default()).expect_err("a damaged journal was opened");
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    error.damages().to_vec()
}

/// Every start read every group ever written: after a year of 417 transactions a second that is some hours.
#[test]
fn what_a_start_reads_does_not_grow_with_the_history() {
    let read_of = |groups: u64, options: OpenOptions| {
        let folder = Folder::new();
        journal(&folder.journal(), groups, &[groups - 4, groups - 2]);
        let (_, recovered) = Journal::open(folder.journal(), options).unwrap();
        assert_eq!(recovered.last_seq, groups * 5);
        recovered.verified_group_count
    };
    assert_eq!(read_of(10, OpenOptions::default()), 3, "the one that the snapshot ends in, and two after it");
    assert_eq!(read_of(200, OpenOptions::default()), 3);
    let all = OpenOptions { verify: VerifyScope::All, ..OpenOptions::default() };
    assert_eq!(read_of(200, all), 200);
}

/// Damage that a start does not need is left to `verify`; damage in what it goes on from stops it, as ever.
#[test]
fn damage_before_the_snapshot_is_found_by_verify_and_after_it_by_the_start() {
    let folder = Folder::new();
    let path = folder.journal();
    journal(&path, 20, &[10, 15]);
    change(&path, "UPDATE journal_group SET bytes = zeroblob(9) WHERE first_seq = 21");
    let (_, recovered) = Journal::open(&path, OpenOptions::default()).unwrap();
    assert_eq!((recovered.verified_from_seq, recovered.verified_group_count), (71, 6));
    let found = verify(&path).unwrap().damages;
    assert!(matches!(found[..], [Damage::GroupDamaged { first_seq: 21, .. }]), "{found:?}");
    let all = OpenOptions { verify: VerifyScope::All, ..OpenOptions::default() };
    assert_eq!(Journal::open(&path, all).unwrap_err().damages(), found);

    for first_seq in [71, 76, 96] {
        let folder = Folder::new();
        let path = folder.journal();
        journal(&path, 20, &[10, 15]);
        change(&path, &format!("UPDATE journal_group SET bytes = zeroblob(9) WHERE first_seq = {first_seq}"));
        let found = damaged(&path);
        assert!(matches!(found[..], [Damage::GroupDamaged { first_seq: at, .. }] if at == first_seq));
    }
    // The mark, the end and the epochs are looked at whatever is left out.
    let folder = Folder::new();
    let path = folder.journal();
    journal(&path, 20, &[10, 15]);
    change(&path, "DELETE FROM journal_group WHERE first_seq > 80");
    assert!(matches!(damaged(&path)[..], [Damage::TailMissing { found: Position { seq: 80, .. }, .. }]));
    std::fs::remove_file(folder.path().join("journal.db.mark")).unwrap();
    assert!(matches!(damaged(&path)[..], [Damage::MarkMissing { .. }]));
}

/// What is replayed is proven first: from the snapshot that is really used, and from the genesis without one.
#[test]
fn a_start_proves_from_the_snapshot_that_it_uses() {
    let folder = Folder::new();
    let path = folder.journal();
    journal(&path, 20, &[10, 15]);
    // A snapshot that another build wrote is whole, and of no use.
    let options = OpenOptions::default;
    let mut asked = Vec::new();
    let (_, recovered) = Journal::open_with(&path, options(), &mut |snapshot| {
        asked.push(snapshot.seq);
        snapshot.seq == 50
    })
    .unwrap();
    assert_eq!(asked, [75, 50]);
    assert_eq!((recovered.snapshot.map(|found| found.seq), recovered.verified_from_seq), (Some(50), 46));
    assert!(recovered.snapshot_damages.is_empty(), "it is whole");

    // The newest is damaged: the older one, and the groups from there on.
    change(&path, "UPDATE snapshot_part SET bytes = zeroblob(32) WHERE seq = 75");
    let (_, recovered) = Journal::open(&path, options()).unwrap();
    assert_eq!((recovered.snapshot.map(|found| found.seq), recovered.verified_from_seq), (Some(50), 46));
    change(&path, "UPDATE journal_group SET bytes = zeroblob(9) WHERE first_seq = 56");
    assert!(matches!(damaged(&path)[..], [Damage::GroupDamaged { first_seq: 56, .. }]));

    // None can be used: all is needed, and all is proven.
    let folder = Folder::new();
    let path = folder.journal();
    journal(&path, 20, &[10, 15]);
    let (_, recovered) = Journal::open_with(&path, options(), &mut |_| false).unwrap();
    assert_eq!((recovered.verified_from_seq, recovered.verified_group_count), (1, 20));
    change(&path, "UPDATE journal_group SET bytes = zeroblob(9) WHERE first_seq = 1");
    let refused = Journal::open_with(&path, options(), &mut |_| false).unwrap_err();
    assert!(matches!(refused.damages(), [Damage::GroupDamaged { first_seq: 1, .. }]), "{refused}");
}

/// An anchor is an order to prove: the walk begins with it, however old it is.
#[test]
fn an_anchor_before_the_snapshot_is_proven_by_the_chain_from_it() {
    let folder = Folder::new();
    let path = folder.journal();
    let (mut writer, _) = open_writer(&path, OpenOptions::default());
    append_group(&mut writer, 5);
    let anchor = writer.close().unwrap();
    journal(&path, 20, &[10, 15]);
    let with = |anchor| OpenOptions { anchor: Some(anchor), ..OpenOptions::default() };
    let (_, recovered) = Journal::open(&path, with(anchor)).unwrap();
    assert_eq!(recovered.verified_from_seq, 1, "the group that the anchor names");
    let mut other = anchor;
    other.hash.0[0] ^= 1;
    let refused = Journal::open(&path, with(other)).unwrap_err();
    assert!(matches!(refused.damages(), [Damage::HistoryReplaced { .. }]), "{refused}");
}
