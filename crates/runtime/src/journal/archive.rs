//! The archive: tickets, fixtures and ids of deposits that left the hot state, in tables beside the records that took them out.
//!
//! It is derived: a row is written in the transaction of the group that holds its record, so that whatever is durable is
//! there. What came back keeps its row until it leaves again: who holds the state asks that first.
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

const TABLES: [&str; 4] = ["archived_ticket", "archived_leg", "archived_fixture", "archived_transfer"];

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
CREATE TABLE IF NOT EXISTS archived_fixture (
    id            INTEGER PRIMARY KEY,
    bytes         BLOB    NOT NULL,
    crc32c        INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS archived_transfer (
    id            BLOB    PRIMARY KEY,
    bytes         BLOB    NOT NULL,
    crc32c        INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archive_size (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    ticket_count  INTEGER NOT NULL,
    fixture_count INTEGER NOT NULL,
    transfer_count INTEGER NOT NULL,
    is_stale      INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO archive_size (one, ticket_count, fixture_count, transfer_count, is_stale) VALUES (1, 0, 0, 0, 0);
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
pub type VisitArchived<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<Archived, super::error::VisitError>;

/// How much of each kind: rows of the archive, or what a state misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveCounts {
    /// Tickets.
    pub tickets: u64,
    /// Fixtures.
    pub fixtures: u64,
    /// Deposits and withdrawals.
    pub transfers: u64,
}

/// What the archive says of itself: its rows, and whether it does not fit the records any more, or was being made anew when the
/// process ended.
pub(crate) fn size(connection: &Connection) -> rusqlite::Result<(ArchiveCounts, bool)> {
    let read = connection
        .prepare_cached("SELECT ticket_count, fixture_count, transfer_count, is_stale FROM archive_size")?
        .query_row([], |row| {
            let count = |index| row.get::<_, i64>(index).map(|count| count.max(0).cast_unsigned());
            let counts = ArchiveCounts { tickets: count(0)?, fixtures: count(1)?, transfers: count(2)? };
            Ok((counts, row.get(3)?))
        })
        .optional()?;
    // A table without its row was not left so by anybody here.
    Ok(read.unwrap_or((ArchiveCounts::default(), true)))
}

fn crc32c_of(id: &[u8], bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(id), bytes)
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
    let new_tickets = insert_tickets(connection, tickets)?;
    let mut new_rows = [0_i64; 2];
    if !fixtures.is_empty() {
        let mut is_known = connection.prepare_cached("SELECT 1 FROM archived_fixture WHERE id = ?1")?;
        let mut row = connection.prepare_cached(
            "INSERT OR REPLACE INTO archived_fixture (id, bytes, crc32c) VALUES (?1, ?2, ?3)",
        )?;
        for fixture in fixtures {
            let id = fixture.id.cast_signed();
            new_rows[0] += i64::from(!is_known.exists([id])?);
            row.execute(params![id, fixture.bytes, crc32c_of(&fixture.id.to_be_bytes(), &fixture.bytes)])?;
        }
    }
    if !transfers.is_empty() {
        let mut is_known = connection.prepare_cached("SELECT 1 FROM archived_transfer WHERE id = ?1")?;
        let mut row = connection.prepare_cached(
            "INSERT OR REPLACE INTO archived_transfer (id, bytes, crc32c) VALUES (?1, ?2, ?3)",
        )?;
        for transfer in transfers {
            let id = transfer.id.to_be_bytes();
            new_rows[1] += i64::from(!is_known.exists([id])?);
            row.execute(params![id, transfer.bytes, crc32c_of(&id, &transfer.bytes)])?;
        }
    }
    connection
        .prepare_cached(
            "UPDATE archive_size SET ticket_count = ticket_count + ?1, fixture_count = fixture_count + ?2,
             transfer_count = transfer_count + ?3",
        )?
        .execute([new_tickets, new_rows[0], new_rows[1]])?;
    Ok(())
}

/// Returns how many were not there before.
fn insert_tickets(connection: &Connection, tickets: &[ArchivedTicket]) -> rusqlite::Result<i64> {
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
        let crc32c = crc32c_of(&id, &ticket.bytes);
        ticket_row.execute(params![id, customer, ticket.closed_ns, ticket.bytes, crc32c])?;
        for fixture in &ticket.fixtures {
            leg_row.execute(params![fixture.cast_signed(), id])?;
        }
    }
    Ok(new_count)
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
            return self.checked(&format!("ticket {id:032x}"), &id.to_be_bytes(), bytes, crc32c).map(Some);
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
    fn checked(
        &self,
        name: &str,
        id: &[u8],
        bytes: Vec<u8>,
        crc32c: Option<u32>,
    ) -> Result<Vec<u8>, JournalError> {
        match crc32c.is_none_or(|crc32c| crc32c == crc32c_of(id, &bytes)) {
            true => Ok(bytes),
            false => Err(self.unreadable(&format!("{name} is not as it was written"))),
        }
    }

    /// What brings a fixture back, if it is there. Where there are tickets on it, it is not unknown.
    ///
    /// # Errors
    /// As [`Self::ticket`].
    pub fn fixture(&self, id: u64) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || -> rusqlite::Result<Option<(Vec<u8>, Option<u32>)>> {
            self.connection
                .prepare_cached("SELECT bytes, crc32c FROM archived_fixture WHERE id = ?1")?
                .query_row([id.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        if let Some((bytes, crc32c)) = read().map_err(|error| self.unreadable(&error))? {
            return self.checked(&format!("fixture {id}"), &id.to_be_bytes(), bytes, crc32c).map(Some);
        }
        let has_tickets = || -> rusqlite::Result<bool> {
            self.connection
                .prepare_cached("SELECT 1 FROM archived_leg WHERE fixture = ?1 LIMIT 1")?
                .exists([id.cast_signed()])
        };
        match has_tickets().map_err(|error| self.unreadable(&error))? {
            true => Err(self.unreadable(&format!("fixture {id} is not there, and tickets are on it"))),
            false => Ok(None),
        }
    }

    /// What brings the id of a deposit or a withdrawal back, if it is there.
    ///
    /// # Errors
    /// As [`Self::ticket`].
    pub fn transfer(&self, id: u128) -> Result<Option<Vec<u8>>, JournalError> {
        let read = || -> rusqlite::Result<Option<(Vec<u8>, Option<u32>)>> {
            self.connection
                .prepare_cached("SELECT bytes, crc32c FROM archived_transfer WHERE id = ?1")?
                .query_row([id.to_be_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        match read().map_err(|error| self.unreadable(&error))? {
            Some((bytes, crc32c)) => {
                self.checked(&format!("transfer {id:032x}"), &id.to_be_bytes(), bytes, crc32c).map(Some)
            }
            None => Ok(None),
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
                let name = format!("ticket {id:032x}");
                Ok((id, self.checked(&name, &id.to_be_bytes(), bytes.ok_or_else(missing)?, crc32c)?))
            })
            .collect()
    }
}

/// A row of the archive as it stands.
#[derive(Clone, Copy, Debug)]
pub enum FoundRow<'a> {
    /// A ticket, and what brings it back.
    Ticket(u128, &'a [u8]),
    /// A fixture.
    Fixture(u64, &'a [u8]),
    /// A deposit or a withdrawal.
    Transfer(u128, &'a [u8]),
    /// A ticket has a leg on a fixture.
    Leg {
        /// The fixture.
        fixture: u64,
        /// The ticket.
        ticket: u128,
    },
}

/// Visits all rows of the archive of a resting journal; `false` where there is nothing to look at: somebody owns the journal,
/// the next start makes the archive anew, or it is of an earlier build.
///
/// # Errors
/// [`JournalError::ArchiveUnreadable`]: it cannot be read, or a row is not as it was written. And the visitor's.
pub fn archived_rows(
    path: impl AsRef<Path>,
    visit: &mut dyn FnMut(FoundRow<'_>) -> Result<(), JournalError>,
) -> Result<bool, JournalError> {
    let path = super::resolve(path.as_ref())?;
    let reader = ArchiveReader::open(&path)?;
    let connection = &reader.connection;
    let failed = |error: rusqlite::Error| reader.unreadable(&error);
    let are_there = || -> rusqlite::Result<bool> {
        for table in TABLES {
            if !has_table(connection, table)? {
                return Ok(false);
            }
        }
        Ok(has_table(connection, "archive_size")? && !size(connection)?.1)
    };
    if JournalLock::owner(&path).is_some() || !are_there().map_err(failed)? {
        return Ok(false);
    }
    for table in ["archived_ticket", "archived_transfer"] {
        let mut select =
            connection.prepare(&format!("SELECT id, bytes, crc32c FROM {table}")).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let id = u128::from_be_bytes(row.get(0).map_err(failed)?);
            let name = format!("{id:032x} of {table}");
            let bytes = reader.checked(
                &name,
                &id.to_be_bytes(),
                row.get(1).map_err(failed)?,
                row.get(2).map_err(failed)?,
            )?;
            visit(match table {
                "archived_ticket" => FoundRow::Ticket(id, &bytes),
                _ => FoundRow::Transfer(id, &bytes),
            })?;
        }
    }
    let mut select = connection.prepare("SELECT id, bytes, crc32c FROM archived_fixture").map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let id = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
        let (bytes, crc32c) = (row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
        visit(FoundRow::Fixture(
            id,
            &reader.checked(&format!("fixture {id}"), &id.to_be_bytes(), bytes, crc32c)?,
        ))?;
    }
    let mut select = connection.prepare("SELECT fixture, ticket FROM archived_leg").map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let fixture = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
        visit(FoundRow::Leg { fixture, ticket: u128::from_be_bytes(row.get(1).map_err(failed)?) })?;
    }
    Ok(true)
}

/// The tables are there: they are made where a journal of an earlier build has none. What was counted and is gone makes the
/// archive stale.
pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let mut missing = Vec::new();
    let mut unchecked = Vec::new();
    for table in TABLES {
        if !has_table(connection, table)? {
            missing.push(table);
        } else if table != "archived_leg"
            && !connection
                .prepare_cached("SELECT 1 FROM pragma_table_info(?1) WHERE name = 'crc32c'")?
                .exists([table])?
        {
            unchecked.push(table);
        }
    }
    let has_size = has_table(connection, "archive_size")?;
    if missing.is_empty() && unchecked.is_empty() && has_size {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    for table in unchecked {
        transaction.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN crc32c INTEGER"))?;
    }
    transaction.execute_batch(SCHEMA)?;
    match has_size {
        true if missing.is_empty() => {}
        true => make_stale(&transaction)?,
        false => transaction.execute_batch(
            "UPDATE archive_size SET ticket_count = (SELECT count(*) FROM archived_ticket),
             fixture_count = (SELECT count(*) FROM archived_fixture),
             transfer_count = (SELECT count(*) FROM archived_transfer)",
        )?,
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
    waiting: Archived,
    /// Pages of the damaged tables belong to nothing.
    has_lost_pages: bool,
}

impl<'a> Rebuild<'a> {
    pub fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        make_stale(connection)?;
        let dropped = connection.execute_batch(
            "BEGIN; DROP TABLE IF EXISTS archived_ticket; DROP TABLE IF EXISTS archived_leg;
                 DROP TABLE IF EXISTS archived_fixture; DROP TABLE IF EXISTS archived_transfer;",
        );
        let has_lost_pages = match dropped {
            Ok(()) => false,
            // A tree that cannot be walked cannot be freed: it is forgotten.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                connection.execute_batch(
                    "ROLLBACK; PRAGMA writable_schema = ON; BEGIN;
                     DELETE FROM sqlite_schema
                     WHERE tbl_name IN ('archived_ticket', 'archived_leg', 'archived_fixture', 'archived_transfer');
                     COMMIT; PRAGMA writable_schema = RESET; BEGIN;",
                )?;
                true
            }
            Err(error) => return Err(error),
        };
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(
            "UPDATE archive_size SET ticket_count = 0, fixture_count = 0, transfer_count = 0; COMMIT;",
        )?;
        Ok(Self { connection, waiting: Archived::default(), has_lost_pages })
    }

    pub fn take(&mut self, mut archived: Archived) -> rusqlite::Result<()> {
        self.waiting.append(&mut archived);
        match REBUILT_PER_TRANSACTION <= self.waiting.len() {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        insert(&transaction, &self.waiting)?;
        transaction.commit()?;
        self.waiting = Archived::default();
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
