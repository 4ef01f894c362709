//! The archive: tickets, fixtures and ids of deposits that left the hot state, in tables beside the records that took them out.
//!
//! It is derived: a row is written in the transaction of the group that holds its record, so that whatever is durable is
//! there. What came back keeps its row until it leaves again: who holds the state asks that first.

use super::error::JournalError;
use super::store::{connect_read, has_table};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS archived_ticket (
    id            BLOB    PRIMARY KEY,
    customer      INTEGER NOT NULL,
    closed_ns     INTEGER NOT NULL,
    bytes         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archived_leg (
    fixture       INTEGER NOT NULL,
    ticket        BLOB    NOT NULL,
    PRIMARY KEY (fixture, ticket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archived_fixture (
    id            INTEGER PRIMARY KEY,
    bytes         BLOB    NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS archived_transfer (
    id            BLOB    PRIMARY KEY,
    bytes         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
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

/// A fixture or a transfer on its way to the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRow<Id> {
    /// Its id.
    pub id: Id,
    /// What brings it back.
    pub bytes: Vec<u8>,
}

/// What the records of a group took to the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// Tickets.
    pub tickets: Vec<ArchivedTicket>,
    /// Fixtures.
    pub fixtures: Vec<ArchivedRow<u64>>,
    /// Deposits and withdrawals.
    pub transfers: Vec<ArchivedRow<u128>>,
}

impl Archived {
    /// Nothing.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty() && self.fixtures.is_empty() && self.transfers.is_empty()
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.tickets.len() + self.fixtures.len() + self.transfers.len()
    }

    pub(crate) fn append(&mut self, other: &mut Self) {
        self.tickets.append(&mut other.tickets);
        self.fixtures.append(&mut other.fixtures);
        self.transfers.append(&mut other.transfers);
    }
}

/// Writes what goes to the archive; what was there before is written anew.
pub(crate) fn insert(connection: &Connection, archived: &Archived) -> rusqlite::Result<()> {
    let Archived { tickets, fixtures, transfers } = archived;
    insert_tickets(connection, tickets)?;
    let mut row =
        connection.prepare_cached("INSERT OR REPLACE INTO archived_fixture (id, bytes) VALUES (?1, ?2)")?;
    for fixture in fixtures {
        row.execute(params![fixture.id.cast_signed(), fixture.bytes])?;
    }
    let mut row =
        connection.prepare_cached("INSERT OR REPLACE INTO archived_transfer (id, bytes) VALUES (?1, ?2)")?;
    for transfer in transfers {
        row.execute(params![transfer.id.to_be_bytes(), transfer.bytes])?;
    }
    Ok(())
}

fn insert_tickets(connection: &Connection, tickets: &[ArchivedTicket]) -> rusqlite::Result<()> {
    let mut ticket_row = connection.prepare_cached(
        "INSERT OR REPLACE INTO archived_ticket (id, customer, closed_ns, bytes) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut leg_row =
        connection.prepare_cached("INSERT OR IGNORE INTO archived_leg (fixture, ticket) VALUES (?1, ?2)")?;
    for ticket in tickets {
        let id = ticket.id.to_be_bytes();
        let customer = ticket.customer.cast_signed();
        ticket_row.execute(params![id, customer, ticket.closed_ns, ticket.bytes])?;
        for fixture in &ticket.fixtures {
            leg_row.execute(params![fixture.cast_signed(), id])?;
        }
    }
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
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self { connection: connect_read(path)?, path: path.to_owned() })
    }

    /// What brings a ticket back, if it is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn ticket(&self, id: u128) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT bytes FROM archived_ticket WHERE id = ?1")?
                .query_row([id.to_be_bytes()], |row| row.get(0))
                .optional()
        };
        read().map_err(JournalError::storage(&self.path, "read the archive of"))
    }

    /// What brings a fixture back, if it is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn fixture(&self, id: u64) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT bytes FROM archived_fixture WHERE id = ?1")?
                .query_row([id.cast_signed()], |row| row.get(0))
                .optional()
        };
        read().map_err(JournalError::storage(&self.path, "read the archive of"))
    }

    /// What brings the id of a deposit or a withdrawal back, if it is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn transfer(&self, id: u128) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT bytes FROM archived_transfer WHERE id = ?1")?
                .query_row([id.to_be_bytes()], |row| row.get(0))
                .optional()
        };
        read().map_err(JournalError::storage(&self.path, "read the archive of"))
    }

    /// At most `count` tickets with a leg on a fixture, in order of their ids from `from` on.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn tickets_of(
        &self,
        fixture: u64,
        from: u128,
        count: usize,
    ) -> Result<Vec<(u128, Vec<u8>)>, JournalError> {
        let read = || {
            let mut query = self.connection.prepare_cached(
                "SELECT id, bytes FROM archived_leg JOIN archived_ticket ON id = ticket
                 WHERE fixture = ?1 AND ticket >= ?2 ORDER BY ticket LIMIT ?3",
            )?;
            let rows = query
                .query_map(params![fixture.cast_signed(), from.to_be_bytes(), count as i64], |row| {
                    Ok((u128::from_be_bytes(row.get(0)?), row.get(1)?))
                })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(JournalError::storage(&self.path, "read the archive of"))
    }
}

/// The tables are there: they are made where a journal of an earlier build has none.
pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let tables = ["archived_ticket", "archived_leg", "archived_fixture", "archived_transfer"];
    for table in tables {
        if !has_table(connection, table)? {
            return connection.execute_batch(SCHEMA);
        }
    }
    Ok(())
}
