//! What can go wrong with a journal: faults of the world as [`JournalError`], damage to stored data as [`Damage`].

use super::chain::{ChainHash, Position};
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A fault of an operation on the journal.
#[derive(Debug)]
pub enum JournalError {
    /// Another process, or another `Journal` in this one, holds the journal.
    Locked {
        /// The journal's path.
        path: PathBuf,
        /// The process named in the lock file, if it could be read.
        holder_pid: Option<u32>,
    },
    /// There is no journal at the path and creating one was not asked for.
    Missing {
        /// The journal's path.
        path: PathBuf,
    },
    /// The file has more than one name: each would have a log, a mark and an owner of its own.
    HardLinked {
        /// The journal's path.
        path: PathBuf,
        /// How many names it has.
        link_count: u64,
    },
    /// A file of the open journal was removed or replaced. Nothing is acknowledged until it is back.
    FilesMissing {
        /// The file.
        path: PathBuf,
    },
    /// A copy whose write-ahead log cannot be read, because its index cannot be made in this folder.
    LogUnreadable {
        /// The journal's path.
        path: PathBuf,
        /// Bytes in the log.
        wal_bytes: u64,
    },
    /// A journal without a write-ahead log was changed while it was read without a lock.
    ChangedWhileRead {
        /// The journal's path.
        path: PathBuf,
    },
    /// Records are needed that were sealed into a segment, and its file is not where it was put.
    SegmentMissing {
        /// The journal's path.
        path: PathBuf,
        /// The name of the segment's file.
        file_name: String,
        /// The first record in it.
        first_seq: u64,
        /// The last record in it.
        last_seq: u64,
    },
    /// A sealed segment cannot be read.
    SegmentUnreadable {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive of tickets cannot be read, or is not as it was written: whether an id was used before is not known.
    ArchiveUnreadable {
        /// Where, and what is wrong with it.
        reason: String,
    },
    /// The journal cannot be compacted as it is.
    CompactRefused {
        /// The journal's path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no record of this number.
    RecordMissing {
        /// The number asked for.
        seq: u64,
        /// The last one there is.
        last_seq: u64,
    },
    /// A record is quarantined already, or is not and should be released.
    QuarantineState {
        /// The record.
        seq: u64,
        /// Whether it is quarantined.
        is_quarantined: bool,
    },
    /// The file was written by another format version, or it is not a journal at all.
    FormatUnsupported {
        /// The journal's path.
        path: PathBuf,
        /// What stands in the file.
        found: String,
    },
    /// Stored data is not what was written. Nothing was changed by the attempt to open.
    Damaged {
        /// The journal's path.
        path: PathBuf,
        /// Everything found, in journal order; never empty.
        damages: Vec<Damage>,
    },
    /// SQLite refused an operation.
    Storage {
        /// The journal's path.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// SQLite's own error.
        source: rusqlite::Error,
    },
    /// The operating system refused an operation on a file beside the database.
    File {
        /// The file.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// The system's own error.
        source: io::Error,
    },
    /// A commit or a sync failed with an input/output error: the process must stop and recover, never retry.
    SyncFailed {
        /// The first failure, in words.
        reason: String,
    },
    /// The bound of records and bytes that wait for the disk is reached; try again when `durable_seq` moved.
    Backlog {
        /// Records that are appended and not yet durable.
        pending_records: u64,
        /// Bytes that are appended and not yet durable.
        pending_bytes: u64,
    },
    /// A record is larger than a group may be.
    RecordTooLarge {
        /// The size of the record.
        record_bytes: usize,
        /// The largest size that is taken.
        record_bytes_max: usize,
    },
    /// The journal was closed while the disk stayed full: these records were never acknowledged.
    ClosedFull {
        /// Records that were appended and are not in the journal.
        lost_records: u64,
    },
    /// A snapshot was offered for a state that the journal does not reach.
    SnapshotAhead {
        /// The snapshot's sequence number.
        seq: u64,
        /// The last appended sequence number.
        appended_seq: u64,
    },
    /// The visitor of a replay refused a record.
    Replay {
        /// The record's sequence number.
        seq: u64,
        /// The visitor's own error.
        source: VisitError,
    },
    /// The journal is not the one that a follower followed, or no longer holds what was taken from it.
    Departed {
        /// The journal's path.
        path: PathBuf,
        /// The last record that the follower took.
        seq: u64,
        /// In which way.
        departure: Departure,
    },
}

/// In which way a journal is no longer the one that was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It has another identity.
    AnotherJournal,
    /// It ends before: an older copy was put back.
    Shorter {
        /// The last record that it acknowledged.
        acknowledged_seq: u64,
    },
    /// It holds other groups at or behind the same place: an older copy was put back, and written on.
    Rewritten,
    /// Its mark says that there is more, and there is not.
    Missing {
        /// The last record that it acknowledged.
        acknowledged_seq: u64,
    },
    /// Its first groups are no longer in it.
    Sealed {
        /// The first record that is.
        first_seq: u64,
    },
    /// Other records are quarantined than when it was followed.
    Quarantine,
}

impl Departure {
    /// A short fixed name.
    pub fn code(self) -> &'static str {
        match self {
            Self::AnotherJournal => "another_journal",
            Self::Shorter { .. } => "journal_behind",
            Self::Rewritten => "history_replaced",
            Self::Missing { .. } => "tail_missing",
            Self::Sealed { .. } => "sealed",
            Self::Quarantine => "quarantine_changed",
        }
    }
}

/// The error a replay visitor may return.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

impl JournalError {
    /// The damages, if that is what the error is about.
    pub fn damages(&self) -> &[Damage] {
        match self {
            Self::Damaged { damages, .. } => damages,
            _ => &[],
        }
    }

    /// A short fixed name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "locked",
            Self::Missing { .. } => "missing",
            Self::HardLinked { .. } => "hard_linked",
            Self::FilesMissing { .. } => "files_missing",
            Self::LogUnreadable { .. } => "log_unreadable",
            Self::ChangedWhileRead { .. } => "changed_while_read",
            Self::SegmentMissing { .. } => "segment_missing",
            Self::SegmentUnreadable { .. } => "segment_unreadable",
            Self::ArchiveUnreadable { .. } => "archive_unreadable",
            Self::CompactRefused { .. } => "compact_refused",
            Self::RecordMissing { .. } => "record_missing",
            Self::QuarantineState { .. } => "quarantine_state",
            Self::FormatUnsupported { .. } => "format_unsupported",
            Self::Damaged { .. } => "damaged",
            Self::Storage { .. } => "storage",
            Self::File { .. } => "file",
            Self::SyncFailed { .. } => "poisoned",
            Self::Backlog { .. } => "backlog",
            Self::RecordTooLarge { .. } => "record_too_large",
            Self::ClosedFull { .. } => "closed_full",
            Self::SnapshotAhead { .. } => "snapshot_ahead",
            Self::Replay { .. } => "replay",
            Self::Departed { departure, .. } => departure.code(),
        }
    }

    /// Whether the same call may succeed a little later, without anybody correcting anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::ChangedWhileRead { .. } | Self::Backlog { .. } => true,
            Self::Storage { source, .. } => {
                use rusqlite::ErrorCode;
                matches!(
                    source.sqlite_error_code(),
                    Some(
                        ErrorCode::DatabaseBusy
                            | ErrorCode::DatabaseLocked
                            | ErrorCode::DiskFull
                            | ErrorCode::OutOfMemory
                            | ErrorCode::SystemIoFailure
                            | ErrorCode::FileLockingProtocolFailed
                    )
                )
            }
            Self::File { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::Interrupted
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::OutOfMemory
            ),
            _ => false,
        }
    }

    pub(crate) fn file(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), operation, source }
    }

    pub(crate) fn storage(path: &Path, operation: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Storage { path: path.to_owned(), operation, source }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path, holder_pid: Some(pid) } => {
                write!(f, "journal {} is in use by process {pid}", path.display())?;
                write!(f, "\nhint: one process owns a journal; stop that process first")
            }
            Self::Locked { path, holder_pid: None } => {
                write!(f, "journal {} is in use by another process", path.display())?;
                write!(f, "\nhint: one process owns a journal; stop that process first")
            }
            Self::Missing { path } => {
                write!(f, "there is no journal at {}", path.display())?;
                write!(f, "\nhint: check the path, and whether its file system is mounted")
            }
            Self::HardLinked { path, link_count } => {
                write!(
                    f,
                    "journal {} has {link_count} names (hard links), and may have one",
                    path.display()
                )?;
                write!(f, "\nhint: find the others with find -samefile, and remove them")
            }
            Self::FilesMissing { path } => {
                write!(f, "{} was removed or replaced while the journal was in use", path.display())?;
                write!(f, "\nhint: put the same file back, by mv; a copy is another file")
            }
            Self::LogUnreadable { path, wal_bytes } => {
                write!(
                    f,
                    "the write-ahead log of {}, {wal_bytes} bytes, cannot be read in a folder that cannot be written",
                    path.display()
                )?;
                write!(
                    f,
                    "\nhint: copy journal.db, -wal and .mark into a folder that can be written, or copy by "
                )?;
                write!(f, "oddsengine backup, which leaves no log")
            }
            Self::ChangedWhileRead { path } => {
                write!(f, "journal {} was changed while it was read", path.display())?;
                write!(f, "\nhint: try again")
            }
            Self::SegmentMissing { path, file_name, first_seq, last_seq } => {
                write!(
                    f,
                    "records {first_seq}..={last_seq} of journal {} are sealed in {file_name}, which is not there",
                    path.display()
                )?;
                write!(f, "\nhint: put the file back beside the journal, or name its folder with --segments")
            }
            Self::SegmentUnreadable { path, reason } => {
                write!(f, "segment {} cannot be read: {reason}", path.display())?;
                write!(f, "\nhint: restore it from a backup; oddsengine verify says what else is wrong")
            }
            Self::ArchiveUnreadable { reason } => {
                write!(f, "the archive of tickets cannot be read: {reason}")
            }
            Self::CompactRefused { path, reason } => {
                write!(f, "journal {} cannot be compacted: {reason}", path.display())?;
                write!(f, "\nhint: it takes two whole snapshots; run the engine until it has written them")
            }
            Self::RecordMissing { seq, last_seq } => write!(f, "record {seq} is outside 1..={last_seq}"),
            Self::QuarantineState { seq, is_quarantined: true } => {
                write!(f, "record {seq} is quarantined already")
            }
            Self::QuarantineState { seq, is_quarantined: false } => {
                write!(f, "record {seq} is not quarantined")
            }
            Self::FormatUnsupported { path, found } => {
                write!(f, "{} is not a journal of format {}: {found}", path.display(), super::FORMAT_VERSION)
            }
            Self::Damaged { path, damages } => {
                write!(f, "journal {} is damaged and was left untouched", path.display())?;
                damages.iter().try_for_each(|damage| write!(f, "\n  {damage}; {}", damage.loss()))?;
                write!(f, "\nhint: keep all files of the journal, then restore it from a mirror or a backup")
            }
            Self::Storage { path, operation, source } => {
                write!(f, "cannot {operation} journal {}: {source}", path.display())
            }
            Self::File { path, operation, source } => {
                write!(f, "cannot {operation} {}: {source}", path.display())
            }
            Self::SyncFailed { reason } => {
                write!(f, "the journal is poisoned: {reason}")?;
                write!(f, "\nhint: stop this process and start again; the acknowledged records are kept")
            }
            Self::Backlog { pending_records, pending_bytes } => write!(
                f,
                "{pending_records} records of {pending_bytes} bytes wait for the disk, which is the bound"
            ),
            Self::RecordTooLarge { record_bytes, record_bytes_max } => {
                write!(f, "record of {record_bytes} bytes is outside 0..={record_bytes_max}")
            }
            Self::ClosedFull { lost_records } => write!(
                f,
                "the disk stayed full until closing: {lost_records} unacknowledged records were not written"
            ),
            Self::SnapshotAhead { seq, appended_seq } => {
                write!(f, "snapshot at seq {seq} is outside 1..={appended_seq}")
            }
            Self::Replay { seq, source } => write!(f, "replay stopped at seq {seq}: {source}"),
            Self::Departed { path, seq, departure } => {
                let path = path.display();
                match departure {
                    Departure::AnotherJournal => {
                        write!(f, "{path} is another journal than the one followed up to record {seq}")
                    }
                    Departure::Shorter { acknowledged_seq } => write!(
                        f,
                        "journal {path} ends at record {acknowledged_seq}, and record {seq} was taken from it: an older copy was put back"
                    ),
                    Departure::Rewritten => write!(
                        f,
                        "journal {path} holds another history than the one followed up to record {seq}: an older copy was put back and written on"
                    ),
                    Departure::Missing { acknowledged_seq } => write!(
                        f,
                        "journal {path} acknowledged record {acknowledged_seq} and holds none after {seq}"
                    ),
                    Departure::Sealed { first_seq } => write!(
                        f,
                        "journal {path} begins with record {first_seq}, and record {seq} is the last one that was taken"
                    ),
                    Departure::Quarantine => write!(
                        f,
                        "other records of journal {path} are quarantined than when it was followed up to record {seq}"
                    ),
                }?;
                match departure {
                    Departure::Missing { .. } => write!(f, "\nhint: run oddsengine verify"),
                    Departure::Sealed { .. } => {
                        write!(f, "\nhint: begin with the segments that hold the records before")
                    }
                    _ => write!(
                        f,
                        "\nhint: nothing was changed; if this journal is the right one, build anew with --rebuild"
                    ),
                }
            }
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage { source, .. } => Some(source),
            Self::File { source, .. } => Some(source),
            Self::Replay { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// One place where stored data is not what was written. `expected` is what the rest of the journal
/// proves, `actual` what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// SQLite cannot read on: a page is malformed, or the file is cut.
    DatabaseUnreadable {
        /// The last sequence number that could be read before.
        after_seq: u64,
        /// SQLite's words.
        reason: String,
    },
    /// SQLite's own check finds pages in disorder that no group lies on; writing on would spread it.
    DatabaseInconsistent {
        /// SQLite's words.
        reason: String,
    },
    /// A row of `meta` is absent or has an impossible value.
    MetaUnreadable {
        /// The key of the row.
        key: &'static str,
    },
    /// Groups between two that are present are gone.
    GroupMissing {
        /// The first lost sequence number.
        first_seq: u64,
        /// The first sequence number that is present again.
        found_seq: u64,
    },
    /// A group begins inside the one before it.
    GroupOverlaps {
        /// Where the group begins.
        first_seq: u64,
        /// Where it had to begin.
        expected_seq: u64,
    },
    /// A column of a group has a wrong type or range.
    GroupUnreadable {
        /// The key of the row.
        first_seq: u64,
        /// SQLite's words.
        reason: String,
    },
    /// Neither checksum nor hash match: the bytes or a header column of the group changed.
    GroupDamaged {
        /// The group.
        first_seq: u64,
        /// Its record count as stored.
        record_count: u32,
        /// The stored CRC-32C.
        expected: u32,
        /// The CRC-32C of what was read.
        actual: u32,
    },
    /// Only the checksum column changed: the hash proves the bytes.
    ChecksumDamaged {
        /// The group.
        first_seq: u64,
        /// The CRC-32C of the bytes.
        expected: u32,
        /// The stored CRC-32C.
        actual: u32,
    },
    /// Only the hash column changed: checksum and the links around prove the bytes.
    HashDamaged {
        /// The group.
        first_seq: u64,
        /// The hash of the bytes.
        expected: ChainHash,
        /// The stored hash.
        actual: ChainHash,
    },
    /// A group names another predecessor than the link before it.
    ChainBroken {
        /// The group.
        first_seq: u64,
        /// The hash of the link before.
        expected: ChainHash,
        /// The stored predecessor.
        actual: ChainHash,
        /// Whether the group is whole when its predecessor is corrected: then only that column changed.
        bytes_proven: bool,
    },
    /// The group is as it was sealed, yet its records do not fill it: it was written wrongly.
    RecordsMalformed {
        /// The group.
        first_seq: u64,
        /// The stored record count.
        record_count: u32,
    },
    /// Rows of `epoch` are gone.
    EpochMissing {
        /// The first epoch that is gone.
        epoch: u64,
    },
    /// A row of `epoch` changed or does not follow the link before it.
    EpochDamaged {
        /// The epoch.
        epoch: u64,
        /// The hash it must have.
        expected: ChainHash,
        /// The hash it has.
        actual: ChainHash,
    },
    /// The journal ends before what it acknowledged: groups were cut off, or an older copy was put back.
    TailMissing {
        /// What the mark file says was acknowledged.
        acknowledged: Position,
        /// Where the journal ends.
        found: Position,
    },
    /// At an acknowledged position stands another link: the journal was rolled back and written on.
    HistoryReplaced {
        /// The acknowledged position.
        position: Position,
        /// The acknowledged hash.
        expected: ChainHash,
        /// The hash found there; `None` when no link ends there.
        actual: Option<ChainHash>,
    },
    /// The mark file is gone although the journal was in use.
    MarkMissing {
        /// Where the journal ends.
        found: Position,
    },
    /// Neither slot of the mark file is whole, or it belongs to another journal.
    MarkUnreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of the quarantine does not fit the record that it names: it is not obeyed, and nothing is guessed.
    QuarantineMismatch {
        /// The record that the entry names.
        seq: u64,
        /// What does not fit.
        reason: String,
    },
    /// The file of a sealed segment is not there: what it holds cannot be proven here.
    SegmentMissing {
        /// The segment.
        number: u64,
        /// The first record in it.
        first_seq: u64,
        /// The last record in it.
        last_seq: u64,
        /// The name of its file.
        file_name: String,
    },
    /// A sealed segment, or the row that proves it, is not what was written.
    SegmentDamaged {
        /// The segment.
        number: u64,
        /// The first record in it.
        first_seq: u64,
        /// The last record in it.
        last_seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot is not what was written. Never stops an opening: an older snapshot or the whole journal serves.
    SnapshotDamaged {
        /// The snapshot.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a damage costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Every record can still be proven.
    Nothing,
    /// These sequence numbers are gone or cannot be trusted.
    Records(RangeInclusive<u64>),
    /// Everything after this sequence number is gone or cannot be trusted.
    After(u64),
    /// The records are whole, but whether they are all there can no longer be proven.
    Proof,
    /// Only a snapshot; the records are whole.
    Snapshot,
}

impl Damage {
    /// What this damage costs.
    pub fn loss(&self) -> Loss {
        let records = |first_seq: u64, record_count: u32| {
            Loss::Records(first_seq..=first_seq.saturating_add(u64::from(record_count)).saturating_sub(1))
        };
        match *self {
            Self::DatabaseUnreadable { after_seq, .. } => Loss::After(after_seq),
            Self::GroupMissing { first_seq, found_seq } => Loss::Records(first_seq..=found_seq - 1),
            Self::GroupDamaged { first_seq, record_count, .. }
            | Self::RecordsMalformed { first_seq, record_count } => records(first_seq, record_count),
            Self::GroupUnreadable { first_seq, .. } | Self::GroupOverlaps { first_seq, .. } => {
                Loss::Records(first_seq..=first_seq)
            }
            Self::SegmentDamaged { first_seq, last_seq, .. } => Loss::Records(first_seq..=last_seq),
            Self::ChecksumDamaged { .. }
            | Self::HashDamaged { .. }
            | Self::DatabaseInconsistent { .. }
            | Self::QuarantineMismatch { .. } => Loss::Nothing,
            Self::ChainBroken { bytes_proven: true, .. } => Loss::Nothing,
            Self::ChainBroken { first_seq, .. } => Loss::After(first_seq - 1),
            Self::TailMissing { acknowledged, found } if found.seq < acknowledged.seq => {
                Loss::Records(found.seq + 1..=acknowledged.seq)
            }
            Self::HistoryReplaced { .. }
            | Self::TailMissing { .. }
            | Self::EpochMissing { .. }
            | Self::EpochDamaged { .. }
            | Self::MetaUnreadable { .. }
            | Self::MarkMissing { .. }
            | Self::MarkUnreadable { .. }
            | Self::SegmentMissing { .. } => Loss::Proof,
            Self::SnapshotDamaged { .. } => Loss::Snapshot,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no record is lost"),
            Self::Records(seqs) => write!(f, "seq {}..={} are lost", seqs.start(), seqs.end()),
            Self::After(seq) => write!(f, "everything after seq {seq} is lost or unproven"),
            Self::Proof => f.write_str("the readable records cannot be proven complete"),
            Self::Snapshot => f.write_str("recovery starts earlier, no record is lost"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DatabaseUnreadable { after_seq, reason } => {
                write!(f, "the database cannot be read after seq {after_seq}: {reason}")
            }
            Self::DatabaseInconsistent { reason } => write!(f, "the database is inconsistent: {reason}"),
            Self::MetaUnreadable { key } => write!(f, "row {key} of meta is absent or impossible"),
            Self::GroupMissing { first_seq, found_seq } => {
                write!(f, "expected a group at seq {first_seq}, the next one begins at {found_seq}")
            }
            Self::GroupOverlaps { first_seq, expected_seq } => {
                write!(f, "group {first_seq} begins before seq {expected_seq}, where it must")
            }
            Self::GroupUnreadable { first_seq, reason } => {
                write!(f, "group {first_seq} is unreadable: {reason}")
            }
            Self::GroupDamaged { first_seq, expected, actual, .. } => {
                write!(f, "group {first_seq} has CRC-32C {actual:08x}, expected {expected:08x}")
            }
            Self::ChecksumDamaged { first_seq, expected, actual } => {
                write!(f, "group {first_seq} stores CRC-32C {actual:08x}, its bytes have {expected:08x}")
            }
            Self::HashDamaged { first_seq, expected, actual } => {
                write!(f, "group {first_seq} stores hash {actual}, its bytes have {expected}")
            }
            Self::ChainBroken { first_seq, expected, actual, .. } => {
                write!(f, "group {first_seq} follows hash {actual}, the link before it has {expected}")
            }
            Self::RecordsMalformed { first_seq, record_count } => {
                write!(f, "the bytes of group {first_seq} are not {record_count} records")
            }
            Self::EpochMissing { epoch } => write!(f, "epoch {epoch} has no row"),
            Self::EpochDamaged { epoch, expected, actual } => {
                write!(f, "epoch {epoch} has hash {actual}, expected {expected}")
            }
            Self::TailMissing { acknowledged, found } => {
                write!(f, "acknowledged up to {acknowledged}, the journal ends at {found}")
            }
            Self::HistoryReplaced { position, expected, actual: Some(actual) } => {
                write!(f, "at {position} stands hash {actual}, acknowledged was {expected}")
            }
            Self::HistoryReplaced { position, expected, actual: None } => {
                write!(f, "nothing ends at {position}, where hash {expected} was acknowledged")
            }
            Self::MarkMissing { found } => {
                write!(f, "the mark file is gone, the journal ends at {found}")
            }
            Self::MarkUnreadable { reason } => write!(f, "the mark file is unreadable: {reason}"),
            Self::QuarantineMismatch { seq, reason } => {
                write!(f, "the quarantine of record {seq} does not fit it: {reason}")
            }
            Self::SegmentMissing { number, file_name, .. } => {
                write!(f, "segment {number} is not there: {file_name}")
            }
            Self::SegmentDamaged { number, reason, .. } => {
                write!(f, "segment {number} is damaged: {reason}")
            }
            Self::SnapshotDamaged { seq, reason } => write!(f, "snapshot {seq} is damaged: {reason}"),
        }
    }
}
