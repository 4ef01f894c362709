//! Reading records back: for replay, projections, mirrors and tools.

use super::chain::{Frames, GroupHeader};
use super::error::{Damage, JournalError, VisitError};
use super::store::{self, damaged, unreadable};
use rusqlite::{Connection, Row};
use std::path::{Path, PathBuf};

/// Takes `(seq, epoch, record)`; an error stops the replay.
pub type Visit<'a> = &'a mut dyn FnMut(u64, u64, &[u8]) -> Result<(), VisitError>;

const COLUMNS: &str =
    "SELECT first_seq, record_count, epoch, committed_ns, durable_seq, bytes, crc32c FROM journal_group
     WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq";

/// Visits the records of the journal at `path` from `from_seq` on, in order; returns how many.
///
/// Reads what is there at the beginning, beside a running owner too, which it never holds up; its newest groups may be durable without being
/// acknowledged yet. Checks checksums and gaps on the way, not the hash chain: [`verify`](super::verify)
/// does.
///
/// # Errors
///
/// [`JournalError::Replay`] with the visitor's error, [`JournalError::Damaged`], [`JournalError::Missing`].
pub fn replay(path: impl AsRef<Path>, from_seq: u64, visit: Visit<'_>) -> Result<u64, JournalError> {
    let (connection, path) = connect(path.as_ref())?;
    replay_on(&connection, &path, from_seq, visit)
}

/// The records of the journal at `path` from `from_seq` on, one by one; for tools that stop early.
///
/// # Errors
///
/// As [`replay`]; what happens later comes out of the iterator.
pub fn records(path: impl AsRef<Path>, from_seq: u64) -> Result<Records, JournalError> {
    let (connection, path) = connect(path.as_ref())?;
    let start_seq = start_of_group(&connection, from_seq).map_err(|error| unreadable(&path, 0, error))?;
    Ok(Records {
        connection,
        path,
        group_seq: start_seq,
        from_seq,
        group: Vec::new().into_iter(),
        is_done: false,
    })
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its sequence number, from 1 without gaps.
    pub seq: u64,
    /// The epoch it was written in.
    pub epoch: u64,
    /// The engine's bytes.
    pub bytes: Vec<u8>,
}

/// Iterator over records, see [`records`]. Holds one group in memory at a time.
#[derive(Debug)]
pub struct Records {
    connection: Connection,
    path: PathBuf,
    group_seq: u64,
    from_seq: u64,
    group: std::vec::IntoIter<Record>,
    is_done: bool,
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.group.next() {
                return Some(Ok(record));
            }
            if self.is_done {
                return None;
            }
            match self.next_group() {
                Ok(group) if group.is_empty() => self.is_done = true,
                Ok(group) => self.group = group.into_iter(),
                Err(error) => {
                    self.is_done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records {
    fn next_group(&mut self) -> Result<Vec<Record>, JournalError> {
        let read_error = |error| unreadable(&self.path, self.group_seq - 1, error);
        let mut select = self.connection.prepare_cached(COLUMNS).map_err(read_error)?;
        let mut rows = select.query([self.group_seq.cast_signed(), i64::MAX]).map_err(read_error)?;
        let Some(row) = rows.next().map_err(read_error)? else { return Ok(Vec::new()) };
        let (header, bytes, crc32c) = read_group(row).map_err(read_error)?;
        let owned = OwnedGroup { header, bytes: bytes.to_vec(), crc32c };
        let mut group = Vec::new();
        let mut collect = |seq, epoch, bytes: &[u8]| {
            group.push(Record { seq, epoch, bytes: bytes.to_vec() });
            Ok(())
        };
        let header = visit_group(&owned, &self.path, self.group_seq, self.from_seq, &mut collect)?.0;
        self.group_seq = header.last_seq() + 1;
        Ok(group)
    }
}

/// Groups that are read in one transaction, and their bytes: while one lasts, the write-ahead log cannot begin anew.
const PAGE_GROUPS_MAX: usize = 64;
const PAGE_BYTES_MAX: usize = 4 << 20;

/// Reads up to the group that is the last one at the beginning, in short transactions: groups are never changed, so
/// what a page shows is what one long transaction would have shown.
pub(crate) fn replay_on(
    connection: &Connection,
    path: &Path,
    from_seq: u64,
    visit: Visit<'_>,
) -> Result<u64, JournalError> {
    let mut expected_seq =
        start_of_group(connection, from_seq).map_err(|error| unreadable(path, 0, error))?;
    let until_seq = last_group(connection).map_err(|error| unreadable(path, 0, error))?;
    let mut visited_count = 0;
    loop {
        let after_seq = expected_seq.saturating_sub(1);
        let page = read_page(connection, expected_seq, until_seq)
            .map_err(|error| unreadable(path, after_seq, error))?;
        if page.is_empty() {
            return Ok(visited_count);
        }
        for group in page {
            let (header, count) = visit_group(&group, path, expected_seq, from_seq, visit)?;
            visited_count += count;
            expected_seq = header.last_seq() + 1;
        }
    }
}

struct OwnedGroup {
    header: GroupHeader,
    bytes: Vec<u8>,
    crc32c: u32,
}

fn read_page(connection: &Connection, from_seq: u64, until_seq: u64) -> rusqlite::Result<Vec<OwnedGroup>> {
    let mut select = connection.prepare_cached(COLUMNS)?;
    let mut rows = select.query([from_seq.cast_signed(), until_seq.cast_signed()])?;
    let mut page = Vec::new();
    let mut byte_count = 0;
    while page.len() < PAGE_GROUPS_MAX && byte_count < PAGE_BYTES_MAX {
        let Some(row) = rows.next()? else { break };
        let (header, bytes, crc32c) = read_group(row)?;
        byte_count += bytes.len();
        page.push(OwnedGroup { header, bytes: bytes.to_vec(), crc32c });
    }
    Ok(page)
}

/// The key of the last group; 0 in an empty journal.
pub(crate) fn last_group(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> =
        connection.query_row("SELECT max(first_seq) FROM journal_group", [], |row| row.get(0))?;
    Ok(last.map_or(0, |last| last.max(0).cast_unsigned()))
}

/// One record; `None` when the journal has none of this number.
pub(crate) fn record_at(
    connection: &Connection,
    path: &Path,
    seq: u64,
) -> Result<Option<Vec<u8>>, JournalError> {
    let start_seq = start_of_group(connection, seq).map_err(|error| unreadable(path, 0, error))?;
    let mut select = connection.prepare_cached(COLUMNS).map_err(|error| unreadable(path, 0, error))?;
    let bounds = [start_seq.cast_signed(), start_seq.cast_signed()];
    let mut rows = select.query(bounds).map_err(|error| unreadable(path, 0, error))?;
    let Some(row) = rows.next().map_err(|error| unreadable(path, 0, error))? else { return Ok(None) };
    let (header, bytes, crc32c) = read_group(row).map_err(|error| unreadable(path, start_seq - 1, error))?;
    let group = OwnedGroup { header, bytes: bytes.to_vec(), crc32c };
    let mut found = None;
    let mut keep = |at: u64, _: u64, record: &[u8]| {
        if at == seq {
            found = Some(record.to_vec());
        }
        Ok(())
    };
    visit_group(&group, path, start_seq, seq, &mut keep)?;
    Ok(found)
}

pub(crate) fn connect(path: &Path) -> Result<(Connection, PathBuf), JournalError> {
    let path = super::resolve(path)?;
    if store::is_absent(&path) {
        return Err(JournalError::Missing { path });
    }
    let connection = store::connect_read(&path)?;
    store::read_meta(&connection, &path)?;
    Ok((connection, path))
}

/// The first sequence number of the group that contains `seq`; 1 when there is none.
fn start_of_group(connection: &Connection, seq: u64) -> rusqlite::Result<u64> {
    let sql = "SELECT max(first_seq) FROM journal_group WHERE first_seq <= ?1";
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let first_seq: Option<i64> = connection.query_row(sql, [seq], |row| row.get(0))?;
    // A damaged table may hold any number; sequence numbers begin with 1.
    Ok(first_seq.map_or(1, |first_seq| first_seq.max(1).cast_unsigned()))
}

/// Checks one group and visits its records from `from_seq` on; returns its header and how many were visited.
fn visit_group(
    group: &OwnedGroup,
    path: &Path,
    expected_seq: u64,
    from_seq: u64,
    visit: Visit<'_>,
) -> Result<(GroupHeader, u64), JournalError> {
    let OwnedGroup { header, bytes, crc32c: stored_crc } = group;
    let (header, stored_crc) = (*header, *stored_crc);
    let (first_seq, record_count) = (header.first_seq, header.record_count);
    if first_seq != expected_seq {
        let missing = Damage::GroupMissing { first_seq: expected_seq, found_seq: first_seq };
        return Err(damaged(path, vec![missing]));
    }
    let actual = header.crc32c(bytes);
    if actual != stored_crc {
        let group = Damage::GroupDamaged { first_seq, record_count, expected: stored_crc, actual };
        return Err(damaged(path, vec![group]));
    }
    let mut visited_count = 0;
    let mut seq = first_seq;
    for record in Frames::new(bytes) {
        if from_seq <= seq {
            visit(seq, header.epoch, record).map_err(|source| JournalError::Replay { seq, source })?;
            visited_count += 1;
        }
        seq += 1;
    }
    if seq - first_seq != u64::from(record_count) {
        return Err(damaged(path, vec![Damage::RecordsMalformed { first_seq, record_count }]));
    }
    Ok((header, visited_count))
}

fn read_group<'a>(row: &'a Row<'_>) -> rusqlite::Result<(GroupHeader, &'a [u8], u32)> {
    let header = GroupHeader {
        first_seq: row.get::<_, i64>(0)?.cast_unsigned(),
        record_count: row.get(1)?,
        epoch: row.get::<_, i64>(2)?.cast_unsigned(),
        committed_ns: row.get(3)?,
        durable_seq: row.get::<_, i64>(4)?.cast_unsigned(),
    };
    Ok((header, row.get_ref(5)?.as_blob()?, row.get(6)?))
}
