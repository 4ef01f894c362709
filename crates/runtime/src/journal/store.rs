//! The SQLite side: schema, connections, and the few statements that write.

use super::chain::{ChainHash, GroupHeader, Position, genesis_hash};
use super::error::{Damage, JournalError};
use super::mark::FoundMark;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks the file as ours in SQLite's header ("OJL1"); `file(1)` and every SQL tool show it.
const APPLICATION_ID: i64 = 0x4F4A_4C31;
/// How long a statement waits for another SQL tool's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// SQLite's own upper bound of `max_page_count`, which means "no limit".
pub(crate) const PAGE_COUNT_UNLIMITED: u32 = 0xFFFF_FFFE;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE journal_group (
    first_seq     INTEGER PRIMARY KEY,
    record_count  INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    committed_ns  INTEGER NOT NULL,
    durable_seq   INTEGER NOT NULL,
    bytes         BLOB    NOT NULL,
    crc32c        INTEGER NOT NULL,
    previous_hash BLOB    NOT NULL,
    hash          BLOB    NOT NULL
) STRICT;
CREATE TABLE epoch (
    epoch         INTEGER PRIMARY KEY,
    after_seq     INTEGER NOT NULL,
    opened_ns     INTEGER NOT NULL,
    previous_hash BLOB    NOT NULL,
    hash          BLOB    NOT NULL
) STRICT;
CREATE TABLE snapshot (
    seq           INTEGER PRIMARY KEY,
    state_hash    BLOB    NOT NULL,
    format        INTEGER NOT NULL,
    created_ns    INTEGER NOT NULL,
    byte_count    INTEGER NOT NULL,
    part_count    INTEGER NOT NULL,
    hash          BLOB    NOT NULL
) STRICT;
CREATE TABLE snapshot_part (
    seq           INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    bytes         BLOB    NOT NULL,
    PRIMARY KEY (seq, part)
) STRICT;
CREATE TABLE snapshot_page (
    address       BLOB    PRIMARY KEY,
    bytes         BLOB    NOT NULL
) STRICT;
";

/// The identity of a journal, from table `meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub journal_id: [u8; 16],
    pub created_ns: i64,
}

impl Meta {
    pub fn genesis(&self) -> ChainHash {
        genesis_hash(&self.journal_id, self.created_ns)
    }
}

/// Creates an empty journal at `path`: complete under another name first, then renamed, so that a crash
/// leaves either no journal or a whole one.
pub(crate) fn create(path: &Path, journal_id: [u8; 16], created_ns: i64) -> Result<(), JournalError> {
    let staging = super::sibling(path, ".new");
    remove_with_siblings(&staging)?;
    // SQLite gives the log and its index the mode that it finds here.
    super::files::create_private(&staging).map_err(JournalError::file(&staging, "create"))?;
    let fill = || -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&staging, flags)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", super::FORMAT_VERSION)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute_batch(&format!("BEGIN; {SCHEMA} {} COMMIT;", super::archive::SCHEMA))?;
        let mut insert = connection.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
        insert.execute(params!["journal_id", journal_id])?;
        insert.execute(params!["created_ns", created_ns])?;
        insert.execute(params!["format_version", super::FORMAT_VERSION])?;
        drop(insert);
        // Closing the last connection checkpoints the log into the file and syncs it.
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(JournalError::storage(path, "create"))?;
    std::fs::rename(&staging, path).map_err(JournalError::file(path, "put in place"))?;
    super::sync_folder(path)
}

fn remove_with_siblings(staging: &Path) -> Result<(), JournalError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let path = super::sibling(staging, suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::file(&path, "remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether there is no database. An empty file counts as none: [`create`] never leaves one.
pub(crate) fn is_absent(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |metadata| metadata.len() == 0)
}

/// A new journal is not put where parts of an old one lie.
pub(crate) fn refuse_remains(path: &Path, found_mark: &FoundMark) -> Result<(), JournalError> {
    let damage = match found_mark {
        FoundMark::Present(mark) => {
            Damage::TailMissing { acknowledged: mark.head.position, found: Position::default() }
        }
        FoundMark::Unreadable => Damage::MarkUnreadable { reason: "neither slot is whole".to_owned() },
        FoundMark::Absent
            if std::fs::metadata(super::sibling(path, "-wal")).is_ok_and(|wal| wal.len() > 0) =>
        {
            let reason = "the database is gone, its write-ahead log is not".to_owned();
            Damage::DatabaseUnreadable { after_seq: 0, reason }
        }
        FoundMark::Absent => return Ok(()),
    };
    Err(damaged(path, vec![damage]))
}

/// Opens for reading only: neither the database nor its write-ahead log is changed, not even on closing.
///
/// In a folder that cannot be written SQLite may be unable to make the index of the log. Without a log the database is
/// then read as it stands, see [`is_read_unlocked`]; with one the copy cannot be read whole, and that is said.
pub(crate) fn connect_read(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    let connection = connect().map_err(JournalError::storage(path, "open"))?;
    let probe = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    let is_index_refused = probe.is_err_and(|error| {
        matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
    });
    if !is_index_refused {
        return Ok(connection);
    }
    match super::files::wal_bytes(path) {
        0 => Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)
            .map_err(JournalError::storage(path, "open")),
        wal_bytes => Err(JournalError::LogUnreadable { path: path.to_owned(), wal_bytes }),
    }
}

/// Whether the connection reads the file as it stands, without locks: nobody may write it meanwhile.
pub(crate) fn is_read_unlocked(connection: &Connection) -> bool {
    connection.path().is_some_and(|_| {
        // An immutable database has no log, so SQLite says so of one that was made with one.
        connection
            .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
            .is_ok_and(|mode| mode != "wal")
    })
}

pub(crate) fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Reads the identity; says [`Damage`] when the file is broken and an error when it is something else.
pub(crate) fn read_meta(connection: &Connection, path: &Path) -> Result<Meta, JournalError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let unsupported = |found: String| JournalError::FormatUnsupported { path: path.to_owned(), found };
    let application_id = pragma("application_id").map_err(|error| unreadable(path, 0, error))?;
    if application_id != APPLICATION_ID {
        return Err(unsupported(format!("application id {application_id:08x}")));
    }
    let version = pragma("user_version").map_err(|error| unreadable(path, 0, error))?;
    if !(1..=super::FORMAT_VERSION).contains(&version) {
        return Err(unsupported(format!("format version {version}")));
    }
    let journal_id = meta_value(connection, path, "journal_id")?;
    let created_ns = meta_value(connection, path, "created_ns")?;
    let stored_version: i64 = meta_value(connection, path, "format_version")?;
    if stored_version != version {
        return Err(unsupported(format!("format version {stored_version}")));
    }
    Ok(Meta { journal_id, created_ns })
}

fn meta_value<T: rusqlite::types::FromSql>(
    connection: &Connection,
    path: &Path,
    key: &'static str,
) -> Result<T, JournalError> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).map_err(|error| {
        match error {
            rusqlite::Error::SqliteFailure(..) => unreadable(path, 0, error),
            _ => damaged(path, vec![Damage::MetaUnreadable { key }]),
        }
    })
}

/// A failed read as damage, except where another program's lock is the only obstacle.
pub(crate) fn unreadable(path: &Path, after_seq: u64, error: rusqlite::Error) -> JournalError {
    match refusal(&error) {
        Refusal::Busy => JournalError::storage(path, "read")(error),
        _ => damaged(path, vec![Damage::DatabaseUnreadable { after_seq, reason: error.to_string() }]),
    }
}

/// A table is there.
pub(crate) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?
        .exists([name])
}

pub(crate) fn damaged(path: &Path, damages: Vec<Damage>) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), damages }
}

/// Why SQLite refused a write, as far as the answer to it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No space: the statement was rolled back whole, try again later.
    Full,
    /// Another program holds SQLite's write lock: nothing happened, try again later.
    Busy,
    /// Anything else, above all input/output errors: never try again.
    Fatal,
}

pub(crate) fn refusal(error: &rusqlite::Error) -> Refusal {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Refusal::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Refusal::Busy,
        _ => Refusal::Fatal,
    }
}

/// The writing connection. Every statement is its own transaction, but for a group with tickets that go to the archive; a
/// refused one leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Store {
    pub connection: Connection,
    pub path: PathBuf,
}

impl Store {
    pub fn connect(path: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || -> rusqlite::Result<(Connection, String)> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // After a failed sync nothing may touch the files any more, not even the closing of the connection.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
            connection.pragma_update(None, "synchronous", "full")?;
            // Only macOS needs and knows these two: its plain fsync stops at the drive's cache.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            // The committer checkpoints when it is idle, not in the middle of a commit.
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            connection.pragma_update(
                None,
                "journal_size_limit",
                super::files::WAL_BYTES_KEPT.cast_signed(),
            )?;
            Ok((connection, mode))
        };
        let (connection, mode) = connect().map_err(JournalError::storage(path, "open"))?;
        if mode != "wal" {
            let found = format!("journal mode {mode}; the file system may not support a write-ahead log");
            return Err(JournalError::FormatUnsupported { path: path.to_owned(), found });
        }
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Brings a journal of an older format up to this one: its records are the same, and its snapshots, which are of
    /// another kind, are made anew. Returns what it did, if anything.
    pub fn upgrade(&self) -> Result<Option<String>, JournalError> {
        let upgrade = || -> rusqlite::Result<Option<i64>> {
            let found = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            super::archive::prepare(&self.connection)?;
            if found == super::FORMAT_VERSION {
                return Ok(None);
            }
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute_batch(
                "DELETE FROM snapshot; DELETE FROM snapshot_part;
                 CREATE TABLE IF NOT EXISTS snapshot_page (address BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;",
            )?;
            transaction.execute(
                "UPDATE meta SET value = ?1 WHERE key = 'format_version'",
                [super::FORMAT_VERSION],
            )?;
            transaction.pragma_update(None, "user_version", super::FORMAT_VERSION)?;
            transaction.commit()?;
            Ok(Some(found))
        };
        let upgraded = upgrade().map_err(JournalError::storage(&self.path, "upgrade"))?;
        Ok(upgraded.map(|found| {
            format!("the journal was of format {found} and is now of format {}", super::FORMAT_VERSION)
        }))
    }

    pub fn insert_group(
        &self,
        header: &GroupHeader,
        bytes: &[u8],
        previous: ChainHash,
        hash: ChainHash,
    ) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO journal_group (first_seq, record_count, epoch, committed_ns, durable_seq,
             bytes, crc32c, previous_hash, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        insert.execute(params![
            header.first_seq.cast_signed(),
            header.record_count,
            header.epoch.cast_signed(),
            header.committed_ns,
            header.durable_seq.cast_signed(),
            bytes,
            header.crc32c(bytes),
            previous.0,
            hash.0,
        ])?;
        Ok(())
    }

    pub fn insert_epoch(
        &self,
        epoch: u64,
        after_seq: u64,
        opened_ns: i64,
        previous: ChainHash,
        hash: ChainHash,
    ) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT INTO epoch (epoch, after_seq, opened_ns, previous_hash, hash)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![epoch.cast_signed(), after_seq.cast_signed(), opened_ns, previous.0, hash.0],
        )?;
        Ok(())
    }

    /// Copies the write-ahead log into the database and syncs both; returns how many pages of the log are
    /// left because another connection still reads an older state.
    pub fn checkpoint(&self) -> rusqlite::Result<u64> {
        let (log, done) = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        Ok((log - done).max(0).cast_unsigned())
    }

    /// Empties the write-ahead log and cuts its file to nothing; `false` when another connection still reads it after so
    /// long.
    pub fn truncate_log(&self, patience: Duration) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(patience)?;
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(busy? == 0)
    }

    pub fn set_page_count_max(&self, page_count_max: u32) -> rusqlite::Result<()> {
        // The pragma answers with the limit in force.
        self.connection.pragma_update_and_check(None, "max_page_count", page_count_max, |_| Ok(()))
    }

    /// Checkpoints and removes the write-ahead log. Only for a healthy journal.
    pub fn close(self) -> rusqlite::Result<()> {
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.connection.close().map_err(|(_, error)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read without a lock has to be told apart: it may change meanwhile.
    #[test]
    fn a_connection_says_whether_it_reads_without_locks() {
        let folder = std::env::temp_dir().join(format!("oddsengine-store {}%?#", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("journal.db");
        create(&path, [1; 16], 7).unwrap();
        assert!(!is_read_unlocked(&connect_read(&path).unwrap()));
        let index = crate::journal::sibling(&path, "-shm");
        let _ = std::fs::remove_file(&index);
        std::os::unix::fs::symlink("/nowhere/at/all", &index).unwrap();
        let unlocked = connect_read(&path).unwrap();
        assert!(is_read_unlocked(&unlocked));
        assert_eq!(read_meta(&unlocked, &path).unwrap().created_ns, 7);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
