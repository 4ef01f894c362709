//! The archive: tickets that left the hot state, in tables beside the records that took them out.
//!
//! It is derived: a row is written in the transaction of the group that holds its record, so that whatever is durable is
//! there. A ticket that came back keeps its row until it leaves again: who holds the state asks that first.
//!
//! A row that is not there would make a known id a new one, and its bet would be taken twice. So rows are counted, each has a
//! checksum, and a ticket of which only a leg is found is no unknown one. Whatever does not fit is an error, never an empty
//! answer; the rows are made anew from the records.

use super::error::JournalError;
use super::lock::JournalLock;
use super::store::{Store, connect_read, has_table};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// Rows that are written in one transaction when the archive is made anew.
const REBUILT_PER_TRANSACTION: usize = 2_048;

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS archived_ticket (
    id            BLOB    PRIMARY KEY,
    customer      INTEGER NOT NULL,
    closed_ns     INTEGER NOT NULL,
    bytes         BLOB    NOT NULL,
    crc32c        INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archived_leg (
    fixture       INTEGER NOT NULL,
    ticket        BLOB    NOT NULL,
    PRIMARY KEY (fixture, ticket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archive_size (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    ticket_count  INTEGER NOT NULL,
    is_stale      INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO archive_size (one, ticket_count, is_stale) VALUES (1, 0, 0);
";

/// A ticket on its way to the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedTicket {
    /// Its id.
    pub id: u128,
    /// Whose it is.
    pub customer: u64,
    /// When it was over.
    pub closed_ns: i64,
    /// The fixtures of its legs; none of a refused ticket, which no result brings back.
    pub fixtures: Vec<u64>,
    /// What brings it back.
    pub bytes: Vec<u8>,
}

/// Sees a record, and says what it took to the archive.
pub type VisitArchived<'a> =
    &'a mut dyn FnMut(u64, &[u8]) -> Result<Vec<ArchivedTicket>, super::error::VisitError>;

/// What the archive says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArchiveSize {
    /// Tickets in it.
    pub ticket_count: u64,
    /// It does not fit the records any more, or was being made anew when the process ended.
    pub is_stale: bool,
}

pub(crate) fn size(connection: &Connection) -> rusqlite::Result<ArchiveSize> {
    let read = connection
        .prepare_cached("SELECT ticket_count, is_stale FROM archive_size")?
        .query_row([], |row| {
            Ok(ArchiveSize {
                ticket_count: row.get::<_, i64>(0)?.max(0).cast_unsigned(),
                is_stale: row.get(1)?,
            })
        })
        .optional()?;
    // A table without its row was not left so by anybody here.
    Ok(read.unwrap_or(ArchiveSize { ticket_count: 0, is_stale: true }))
}

fn crc32c_of(id: u128, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&id.to_be_bytes()), bytes)
}

/// Writes tickets; one that was there before is written anew.
pub(crate) fn insert(connection: &Connection, tickets: &[ArchivedTicket]) -> rusqlite::Result<()> {
    let mut is_known = connection.prepare_cached("SELECT 1 FROM archived_ticket WHERE id = ?1")?;
    let mut ticket_row = connection.prepare_cached(
        "INSERT OR REPLACE INTO archived_ticket (id, customer, closed_ns, bytes, crc32c) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut leg_row =
        connection.prepare_cached("INSERT OR IGNORE INTO archived_leg (fixture, ticket) VALUES (?1, ?2)")?;
    let mut new_count = 0;
    for ticket in tickets {
        let id = ticket.id.to_be_bytes();
        let customer = ticket.customer.cast_signed();
        new_count += i64::from(!is_known.exists([id])?);
        let crc32c = crc32c_of(ticket.id, &ticket.bytes);
        ticket_row.execute(params![id, customer, ticket.closed_ns, ticket.bytes, crc32c])?;
        for fixture in &ticket.fixtures {
            leg_row.execute(params![fixture.cast_signed(), id])?;
        }
    }
    connection
        .prepare_cached("UPDATE archive_size SET ticket_count = ticket_count + ?1")?
        .execute([new_count])?;
    Ok(())
}

/// Reads the archive beside the thread that writes it.
#[derive(Debug)]
pub struct ArchiveReader {
    connection: Connection,
    path: PathBuf,
}

impl ArchiveReader {
    /// Of the journal at this path.
    ///
    /// # Errors
    /// [`JournalError::ArchiveUnreadable`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let connection = connect_read(path)
            .map_err(|error| JournalError::ArchiveUnreadable { reason: error.to_string() })?;
        Ok(Self { connection, path: path.to_owned() })
    }

    fn unreadable(&self, reason: &dyn std::fmt::Display) -> JournalError {
        JournalError::ArchiveUnreadable { reason: format!("{}: {reason}", self.path.display()) }
    }

    /// What brings a ticket back, if it is there.
    ///
    /// `fixtures`: on what it would have legs. Where one of them is known to have had this ticket, the ticket is not unknown.
    ///
    /// # Errors
    /// [`JournalError::ArchiveUnreadable`]: it cannot be read, or is not as it was written.
    pub fn ticket(&self, id: u128, fixtures: &[u64]) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || -> rusqlite::Result<Option<(Vec<u8>, Option<u32>)>> {
            self.connection
                .prepare_cached("SELECT bytes, crc32c FROM archived_ticket WHERE id = ?1")?
                .query_row([id.to_be_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        if let Some((bytes, crc32c)) = read().map_err(|error| self.unreadable(&error))? {
            return self.checked(id, bytes, crc32c).map(Some);
        }
        let on_fixture = |fixture: u64| -> rusqlite::Result<bool> {
            self.connection
                .prepare_cached("SELECT 1 FROM archived_leg WHERE fixture = ?1 AND ticket = ?2")?
                .exists(params![fixture.cast_signed(), id.to_be_bytes()])
        };
        for &fixture in fixtures {
            if on_fixture(fixture).map_err(|error| self.unreadable(&error))? {
                let reason = format!("ticket {id:032x} is not there, and fixture {fixture} has a leg of it");
                return Err(self.unreadable(&reason));
            }
        }
        Ok(None)
    }

    /// A row of an earlier build has no checksum.
    fn checked(&self, id: u128, bytes: Vec<u8>, crc32c: Option<u32>) -> Result<Vec<u8>, JournalError> {
        match crc32c.is_none_or(|crc32c| crc32c == crc32c_of(id, &bytes)) {
            true => Ok(bytes),
            false => Err(self.unreadable(&format!("ticket {id:032x} is not as it was written"))),
        }
    }

    /// At most `count` tickets with a leg on a fixture, in order of their ids from `from` on.
    ///
    /// # Errors
    /// As [`Self::ticket`].
    pub fn tickets_of(
        &self,
        fixture: u64,
        from: u128,
        count: usize,
    ) -> Result<Vec<(u128, Vec<u8>)>, JournalError> {
        let read = || {
            let mut query = self.connection.prepare_cached(
                "SELECT ticket, bytes, crc32c FROM archived_leg LEFT JOIN archived_ticket ON id = ticket
                 WHERE fixture = ?1 AND ticket >= ?2 ORDER BY ticket LIMIT ?3",
            )?;
            let rows =
                query.query_map(params![fixture.cast_signed(), from.to_be_bytes(), count as i64], |row| {
                    let id = u128::from_be_bytes(row.get(0)?);
                    Ok((id, row.get::<_, Option<Vec<u8>>>(1)?, row.get(2)?))
                })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|error| self.unreadable(&error))?;
        rows.into_iter()
            .map(|(id, bytes, crc32c)| {
                let missing = || self.unreadable(&format!("ticket {id:032x} is not there"));
                Ok((id, self.checked(id, bytes.ok_or_else(missing)?, crc32c)?))
            })
            .collect()
    }
}

/// The tables are there: they are made where a journal of an earlier build has none. What was counted and is gone makes the
/// archive stale.
pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let has = |name| has_table(connection, name);
    let (has_tickets, has_legs, has_size) =
        (has("archived_ticket")?, has("archived_leg")?, has("archive_size")?);
    let has_crc32c = !has_tickets
        || connection
            .prepare("SELECT 1 FROM pragma_table_info('archived_ticket') WHERE name = 'crc32c'")?
            .exists([])?;
    if has_tickets && has_legs && has_size && has_crc32c {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    if !has_crc32c {
        transaction.execute_batch("ALTER TABLE archived_ticket ADD COLUMN crc32c INTEGER")?;
    }
    transaction.execute_batch(SCHEMA)?;
    match has_size {
        true => transaction.execute_batch("UPDATE archive_size SET ticket_count = 0, is_stale = 1")?,
        false => transaction
            .execute_batch("UPDATE archive_size SET ticket_count = (SELECT count(*) FROM archived_ticket)")?,
    }
    transaction.commit()
}

/// The records mean something else from now on: what they took out has to be found out anew.
pub(crate) fn make_stale(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE archive_size SET is_stale = 1", []).map(drop)
}

/// Says that the archive of a resting journal does not fit its records: the next start makes it anew.
///
/// # Errors
/// [`JournalError::Locked`] while it is in use, [`JournalError::Missing`], or SQLite's refusal.
pub fn distrust_archive(path: impl AsRef<Path>) -> Result<(), JournalError> {
    let path = super::resolve(path.as_ref())?;
    if super::store::is_absent(&path) {
        return Err(JournalError::Missing { path });
    }
    let _lock = JournalLock::exclusive(&path)?;
    super::files::refuse_second_name(&path)?;
    let store = Store::connect(&path)?;
    let write = || {
        prepare(&store.connection)?;
        make_stale(&store.connection)
    };
    write().map_err(JournalError::storage(&path, "write the archive of"))?;
    store.close().map_err(JournalError::storage(&path, "close"))
}

/// The archive, made anew. Until [`Rebuild::end`] it is stale, whatever happens.
#[derive(Debug)]
pub(crate) struct Rebuild<'a> {
    connection: &'a Connection,
    waiting: Vec<ArchivedTicket>,
    /// Pages of the damaged tables belong to nothing.
    has_lost_pages: bool,
}

impl<'a> Rebuild<'a> {
    pub fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        make_stale(connection)?;
        let dropped = connection
            .execute_batch("BEGIN; DROP TABLE IF EXISTS archived_ticket; DROP TABLE IF EXISTS archived_leg;");
        let has_lost_pages = match dropped {
            Ok(()) => false,
            // A tree that cannot be walked cannot be freed: it is forgotten.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                connection.execute_batch(
                    "ROLLBACK; PRAGMA writable_schema = ON; BEGIN;
                     DELETE FROM sqlite_schema WHERE tbl_name IN ('archived_ticket', 'archived_leg');
                     COMMIT; PRAGMA writable_schema = RESET; BEGIN;",
                )?;
                true
            }
            Err(error) => return Err(error),
        };
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch("UPDATE archive_size SET ticket_count = 0; COMMIT;")?;
        Ok(Self { connection, waiting: Vec::new(), has_lost_pages })
    }

    pub fn take(&mut self, tickets: impl IntoIterator<Item = ArchivedTicket>) -> rusqlite::Result<()> {
        self.waiting.extend(tickets);
        match REBUILT_PER_TRANSACTION <= self.waiting.len() {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        insert(&transaction, &self.waiting)?;
        transaction.commit()?;
        self.waiting.clear();
        Ok(())
    }

    pub fn end(mut self) -> rusqlite::Result<()> {
        self.write()?;
        if self.has_lost_pages {
            // SQLite's check would name them ever after, and they are lost to everything else.
            self.connection.execute_batch("VACUUM")?;
        }
        self.connection.execute("UPDATE archive_size SET is_stale = 0", []).map(drop)
    }
}
