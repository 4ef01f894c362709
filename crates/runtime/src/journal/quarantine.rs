//! The quarantine: records that an operator has taken out of replay, because they cannot be applied.
//!
//! The record stays where it is, and the chain over it is verified as before. Beside it stands who took it out, when, why,
//! and the hash of the record that was meant: an entry that does not fit its record is damage, not an instruction.
//! Entries are only ever added; the last one of a record counts.

use super::JournalFiles;
use super::archive;
use super::chain::{ChainHash, HASH_SIZE, record_hash};
use super::error::{Damage, JournalError};
use super::lock::JournalLock;
use super::mark;
use super::read::{self, Groups, Visit};
use super::segment::Shelf;
use super::snapshot::{self, Snapshot};
use super::store::{self, Store, damaged};
use super::verify;
use rusqlite::{Connection, params};
use std::path::Path;

/// Most characters of a name or a reason.
pub const QUARANTINE_TEXT_MAX: usize = 1_000;

// Not part of the first schema: a journal gets the table with its first entry.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS quarantine (
    id            INTEGER PRIMARY KEY,
    action        TEXT    NOT NULL CHECK (action IN ('quarantine', 'release')),
    seq           INTEGER NOT NULL,
    record_hash   BLOB    NOT NULL,
    by_name       TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    at_ns         INTEGER NOT NULL
) STRICT;
";

/// A record that replay leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// The record.
    pub seq: u64,
    /// The hash of its number and bytes.
    pub record_hash: ChainHash,
    /// Who took it out.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, nanoseconds since the Unix epoch.
    pub at_ns: i64,
}

/// The records that are quarantined in the journal at `path`, in order; also beside a running owner.
///
/// # Errors
/// [`JournalError::Missing`], [`JournalError::Damaged`] when the table cannot be read or an entry does not fit its record.
pub fn quarantined(journal: impl Into<JournalFiles>) -> Result<Vec<QuarantineEntry>, JournalError> {
    let (connection, mut groups) = read::connect(&journal.into())?;
    let (found, mismatches) = survey(&connection, &mut groups);
    match mismatches.is_empty() {
        true => Ok(found),
        false => Err(damaged(&groups.path, mismatches)),
    }
}

pub(crate) fn entries(connection: &Connection) -> rusqlite::Result<Vec<QuarantineEntry>> {
    let is_present = connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'quarantine'")?
        .exists([])?;
    if !is_present {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(
        "SELECT seq, record_hash, by_name, reason, at_ns FROM quarantine
         WHERE action = 'quarantine' AND id IN (SELECT max(id) FROM quarantine GROUP BY seq) ORDER BY seq",
    )?;
    let rows = select.query_map([], |row| {
        Ok(QuarantineEntry {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            record_hash: ChainHash(row.get::<_, [u8; HASH_SIZE]>(1)?),
            by: row.get(2)?,
            reason: row.get(3)?,
            at_ns: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// The entries, and those that do not fit what they name.
pub(crate) fn survey(connection: &Connection, groups: &mut Groups) -> (Vec<QuarantineEntry>, Vec<Damage>) {
    let found = match entries(connection) {
        Ok(found) => found,
        Err(error) => {
            let reason = format!("the table quarantine: {error}");
            return (Vec::new(), vec![Damage::DatabaseInconsistent { reason }]);
        }
    };
    let mut mismatch = |entry: &QuarantineEntry| {
        let reason = match read::record_at(connection, groups, entry.seq) {
            // A damaged group is reported as such, and a segment that is not there too.
            Err(_) => return None,
            Ok(None) => "there is no such record".to_owned(),
            Ok(Some(record)) => {
                let actual = record_hash(entry.seq, &record);
                if actual == entry.record_hash {
                    return None;
                }
                format!("the record has hash {actual}, the entry {}", entry.record_hash)
            }
        };
        Some(Damage::QuarantineMismatch { seq: entry.seq, reason })
    };
    let damages = found.iter().filter_map(&mut mismatch).collect();
    (found, damages)
}

/// A resting journal in an operator's hands: owned, verified, its epoch as it was.
#[derive(Debug)]
pub struct Maintenance {
    store: Store,
    shelf: Shelf,
    last_seq: u64,
    quarantined: Vec<QuarantineEntry>,
    _lock: JournalLock,
}

impl Maintenance {
    /// Takes the journal. Entries of the quarantine that do not fit may be there: they can be released.
    ///
    /// # Errors
    /// [`JournalError::Locked`] while it is in use, and what an opening says.
    pub fn open(journal: impl Into<JournalFiles>) -> Result<Self, JournalError> {
        let journal = journal.into();
        let shelf = Shelf { folder: journal.segments };
        let path = super::resolve(&journal.path)?;
        if store::is_absent(&path) {
            return Err(JournalError::Missing { path });
        }
        let lock = JournalLock::exclusive(&path)?;
        super::files::refuse_second_name(&path)?;
        let found_mark = mark::read(&path)?;
        let connection = store::connect_read(&path)?;
        let survey = verify::survey(&connection, &path, &shelf, None, &found_mark, None)?;
        if !survey.damages.is_empty() {
            return Err(damaged(&path, survey.damages));
        }
        let quarantined = entries(&connection).map_err(|error| store::unreadable(&path, 0, error))?;
        drop(connection);
        let store = Store::connect(&path)?;
        Ok(Self { store, shelf, last_seq: survey.head.position.seq, quarantined, _lock: lock })
    }

    fn groups(&self) -> Groups {
        Groups::new(&self.store.path, self.shelf.clone())
    }

    /// The journal's file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.store.path
    }

    /// The entries that count.
    pub fn quarantined(&self) -> &[QuarantineEntry] {
        &self.quarantined
    }

    /// One record.
    ///
    /// # Errors
    /// [`JournalError::RecordMissing`], or what reading says.
    pub fn record(&self, seq: u64) -> Result<Vec<u8>, JournalError> {
        let found = match seq {
            0 => None,
            seq => read::record_at(&self.store.connection, &mut self.groups(), seq)?,
        };
        found.ok_or(JournalError::RecordMissing { seq, last_seq: self.last_seq })
    }

    /// The newest whole snapshot of a state before a record.
    pub fn snapshot_before(&self, seq: u64) -> Option<Snapshot> {
        snapshot::before(&self.store.connection, seq)
    }

    /// Visits the records from `from_seq` on.
    ///
    /// # Errors
    /// As [`replay`](super::replay).
    pub fn replay(&self, from_seq: u64, visit: Visit<'_>) -> Result<u64, JournalError> {
        read::replay_on(&self.store.connection, self.groups(), from_seq, visit)
    }

    /// Takes a record out of replay, durably, and removes the snapshots that hold its effect.
    ///
    /// # Errors
    /// [`JournalError::QuarantineState`] when it is out already, [`JournalError::RecordMissing`], or SQLite's refusal.
    pub fn quarantine(
        &mut self,
        seq: u64,
        by: &str,
        reason: &str,
        at_ns: i64,
    ) -> Result<QuarantineEntry, JournalError> {
        if self.quarantined.iter().any(|entry| entry.seq == seq) {
            return Err(JournalError::QuarantineState { seq, is_quarantined: true });
        }
        let record_hash = record_hash(seq, &self.record(seq)?);
        let entry = QuarantineEntry { seq, record_hash, by: by.to_owned(), reason: reason.to_owned(), at_ns };
        self.write("quarantine", &entry)?;
        self.quarantined.push(entry.clone());
        self.quarantined.sort_by_key(|entry| entry.seq);
        Ok(entry)
    }

    /// Takes a record back into replay, durably, and removes the snapshots without its effect.
    ///
    /// # Errors
    /// [`JournalError::QuarantineState`] when it is not out, or SQLite's refusal.
    pub fn release(&mut self, seq: u64, by: &str, reason: &str, at_ns: i64) -> Result<(), JournalError> {
        let Some(index) = self.quarantined.iter().position(|entry| entry.seq == seq) else {
            return Err(JournalError::QuarantineState { seq, is_quarantined: false });
        };
        let record_hash = self.quarantined[index].record_hash;
        let entry = QuarantineEntry { seq, record_hash, by: by.to_owned(), reason: reason.to_owned(), at_ns };
        self.write("release", &entry)?;
        self.quarantined.remove(index);
        Ok(())
    }

    /// A snapshot at or after the record was made with the other answer to the question whether it counts: it goes in the
    /// same transaction, and recovery replays from one before.
    fn write(&self, action: &str, entry: &QuarantineEntry) -> Result<(), JournalError> {
        let write = || -> rusqlite::Result<()> {
            // Of an earlier build.
            archive::prepare(&self.store.connection)?;
            let transaction = self.store.connection.unchecked_transaction()?;
            transaction.execute_batch(SCHEMA)?;
            let seq = entry.seq.cast_signed();
            transaction.execute(
                "INSERT INTO quarantine (action, seq, record_hash, by_name, reason, at_ns)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![action, seq, entry.record_hash.0, entry.by, entry.reason, entry.at_ns],
            )?;
            transaction.execute("DELETE FROM snapshot WHERE seq >= ?1", [seq])?;
            transaction.execute("DELETE FROM snapshot_part WHERE seq >= ?1", [seq])?;
            archive::make_stale(&transaction)?;
            transaction.commit()
        };
        write().map_err(JournalError::storage(&self.store.path, "write the quarantine of"))
    }

    /// Empties the write-ahead log and gives the journal back.
    ///
    /// # Errors
    /// SQLite's refusal.
    pub fn close(self) -> Result<(), JournalError> {
        let path = self.store.path.clone();
        self.store.close().map_err(JournalError::storage(&path, "close"))
    }
}
