//! Reading records back: for replay, projections, mirrors and tools.

use super::JournalFiles;
use super::chain::{ChainHash, Frames, GroupHeader};
use super::error::{Damage, JournalError, VisitError};
use super::segment::{self, SealedGroup, SegmentFile, SegmentInfo, Shelf};
use super::store::{self, damaged, unreadable};
use rusqlite::{Connection, OptionalExtension, Row};
use std::path::{Path, PathBuf};

/// Takes `(seq, epoch, record)`; an error stops the replay.
pub type Visit<'a> = &'a mut dyn FnMut(u64, u64, &[u8]) -> Result<(), VisitError>;

pub(crate) const COLUMNS: &str =
    "SELECT first_seq, record_count, epoch, committed_ns, durable_seq, bytes, crc32c, previous_hash, hash
     FROM journal_group WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq";

/// Visits the records of the journal at `path` from `from_seq` on, in order; returns how many.
///
/// Reads what is there at the beginning, beside a running owner too, which it never holds up; its newest groups may be durable without being
/// acknowledged yet. Checks checksums and gaps on the way, not the hash chain: [`verify`](super::verify)
/// does. Records that were sealed into segments are read from there.
///
/// # Errors
///
/// [`JournalError::Replay`] with the visitor's error, [`JournalError::Damaged`], [`JournalError::Missing`],
/// [`JournalError::SegmentMissing`].
pub fn replay(
    journal: impl Into<JournalFiles>,
    from_seq: u64,
    visit: Visit<'_>,
) -> Result<u64, JournalError> {
    let (connection, groups) = connect(&journal.into())?;
    replay_on(&connection, groups, from_seq, visit)
}

/// The records of the journal at `path` from `from_seq` on, one by one; for tools that stop early.
///
/// # Errors
///
/// As [`replay`]; what happens later comes out of the iterator.
pub fn records(journal: impl Into<JournalFiles>, from_seq: u64) -> Result<Records, JournalError> {
    let (connection, mut groups) = connect(&journal.into())?;
    let start_seq = groups.start_of_group(&connection, from_seq)?;
    Ok(Records {
        connection,
        groups,
        group_seq: start_seq,
        from_seq,
        page: Vec::new().into_iter(),
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

/// Iterator over records, see [`records`]. Holds a few groups in memory at a time.
#[derive(Debug)]
pub struct Records {
    connection: Connection,
    groups: Groups,
    group_seq: u64,
    from_seq: u64,
    page: std::vec::IntoIter<SealedGroup>,
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
                Ok(Some(group)) => self.group = group.into_iter(),
                Ok(None) => self.is_done = true,
                Err(error) => {
                    self.is_done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records {
    fn next_group(&mut self) -> Result<Option<Vec<Record>>, JournalError> {
        let sealed = match self.page.next() {
            Some(group) => group,
            None => {
                self.page = self.groups.page(&self.connection, self.group_seq, u64::MAX)?.into_iter();
                let Some(group) = self.page.next() else { return Ok(None) };
                group
            }
        };
        let mut group = Vec::new();
        let mut collect = |seq, epoch, bytes: &[u8]| {
            group.push(Record { seq, epoch, bytes: bytes.to_vec() });
            Ok(())
        };
        let header = visit_group(&sealed, &self.groups.path, self.group_seq, self.from_seq, &mut collect)?.0;
        self.group_seq = header.last_seq() + 1;
        Ok(Some(group))
    }
}

/// Groups that are read in one transaction, and their bytes: while one lasts, the write-ahead log cannot begin anew.
const PAGE_GROUPS_MAX: usize = 64;
const PAGE_BYTES_MAX: usize = 4 << 20;

/// The groups of a journal as one sequence, whether they are live or sealed into a segment.
#[derive(Debug)]
pub(crate) struct Groups {
    pub path: PathBuf,
    pub shelf: Shelf,
    open: Option<SegmentFile>,
}

impl Groups {
    pub fn new(path: &Path, shelf: Shelf) -> Self {
        Self { path: path.to_owned(), shelf, open: None }
    }

    fn unreadable(&self, from_seq: u64, error: rusqlite::Error) -> JournalError {
        unreadable(&self.path, from_seq.saturating_sub(1), error)
    }

    /// The groups from the one that begins at a record on, as many as one look takes; empty behind the last.
    pub fn page(
        &mut self,
        connection: &Connection,
        from_seq: u64,
        until_seq: u64,
    ) -> Result<Vec<SealedGroup>, JournalError> {
        let look = || -> rusqlite::Result<Result<SegmentInfo, Vec<SealedGroup>>> {
            let _state = one_state(connection)?;
            Ok(match segment::covering(connection, from_seq)? {
                Some(info) => Ok(info),
                None => Err(live_page(connection, from_seq, until_seq)?),
            })
        };
        match look().map_err(|error| self.unreadable(from_seq, error))? {
            Err(page) => Ok(page),
            Ok(info) => {
                let mut block = self.block(&info, from_seq)?;
                block.retain(|group| from_seq <= group.header.first_seq);
                Ok(block)
            }
        }
    }

    fn block(&mut self, info: &SegmentInfo, seq: u64) -> Result<Vec<SealedGroup>, JournalError> {
        let Some(path) = self.shelf.find(&self.path, info) else {
            return Err(self.shelf.missing(&self.path, info));
        };
        let unreadable = |reason| JournalError::SegmentUnreadable { path: path.clone(), reason };
        if self.open.as_ref().is_none_or(|open| open.number != info.number) {
            let file = SegmentFile::open(&path, info.number);
            self.open = Some(file.map_err(|error| unreadable(error.to_string()))?);
        }
        let open = self.open.as_ref().expect("opened above");
        open.block(seq).map_err(unreadable)
    }

    /// The first sequence number of the group that contains a record; that of the first group when there is none.
    pub fn start_of_group(&mut self, connection: &Connection, seq: u64) -> Result<u64, JournalError> {
        let seq = seq.clamp(1, i64::MAX.cast_unsigned());
        let look = || -> rusqlite::Result<Result<SegmentInfo, u64>> {
            let _state = one_state(connection)?;
            Ok(match segment::covering(connection, seq)? {
                Some(info) => Ok(info),
                None => Err(live_start_of_group(connection, seq)?),
            })
        };
        match look().map_err(|error| self.unreadable(0, error))? {
            Err(start_seq) => Ok(start_seq),
            Ok(info) => {
                let block = self.block(&info, seq)?;
                let group = block.iter().rev().find(|group| group.header.first_seq <= seq);
                Ok(group.map_or(seq, |group| group.header.first_seq))
            }
        }
    }
}

/// Until it is dropped, what is read is of one state of the database: beside an owner who seals groups and deletes them, one
/// look at the segments and one at the live groups could miss what went from here to there between them.
pub(crate) fn one_state(connection: &Connection) -> rusqlite::Result<Option<rusqlite::Transaction<'_>>> {
    connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()
}

/// The first sequence number of the live group that contains `seq`; that of the first live one when there is none.
pub(crate) fn live_start_of_group(connection: &Connection, seq: u64) -> rusqlite::Result<u64> {
    let sealed_seq = segment::sealed_seq(connection)?;
    let sql = "SELECT max(first_seq) FROM journal_group WHERE first_seq BETWEEN ?1 AND ?2";
    // A damaged table may hold any number; sequence numbers begin with 1.
    let bounds = [sealed_seq.saturating_add(1).cast_signed(), seq.cast_signed()];
    let first_seq: Option<i64> = connection.query_row(sql, bounds, |row| row.get(0))?;
    Ok(first_seq.map_or(sealed_seq + 1, i64::cast_unsigned))
}

/// Reads up to the group that is the last one at the beginning, in short transactions: groups are never changed, so
/// what a page shows is what one long transaction would have shown.
pub(crate) fn replay_on(
    connection: &Connection,
    mut groups: Groups,
    from_seq: u64,
    visit: Visit<'_>,
) -> Result<u64, JournalError> {
    let until_seq = last_group(connection).map_err(|error| unreadable(&groups.path, 0, error))?;
    let mut expected_seq = groups.start_of_group(connection, from_seq)?;
    let mut visited_count = 0;
    loop {
        let page = groups.page(connection, expected_seq, until_seq)?;
        if page.is_empty() {
            return Ok(visited_count);
        }
        for group in page {
            let (header, count) = visit_group(&group, &groups.path, expected_seq, from_seq, visit)?;
            visited_count += count;
            expected_seq = header.last_seq() + 1;
        }
    }
}

fn live_page(connection: &Connection, from_seq: u64, until_seq: u64) -> rusqlite::Result<Vec<SealedGroup>> {
    let mut select = connection.prepare_cached(COLUMNS)?;
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let mut rows = select.query([bound(from_seq), bound(until_seq)])?;
    let mut page = Vec::new();
    let mut byte_count = 0;
    while page.len() < PAGE_GROUPS_MAX && byte_count < PAGE_BYTES_MAX {
        let Some(row) = rows.next()? else { break };
        let group = read_group(row)?;
        byte_count += group.bytes.len();
        page.push(group);
    }
    Ok(page)
}

/// The key of the last group; 0 in an empty journal.
pub(crate) fn last_group(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> =
        connection.query_row("SELECT max(first_seq) FROM journal_group", [], |row| row.get(0))?;
    Ok(last.map_or(0, |last| last.max(0).cast_unsigned()))
}

/// The last record, by the last group's own word; 0 in an empty journal.
pub(crate) fn last_seq(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT first_seq + record_count - 1 FROM journal_group ORDER BY first_seq DESC LIMIT 1";
    let last: Option<i64> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(last.map_or(0, |last| last.max(0).cast_unsigned()))
}

/// One record; `None` when the journal has none of this number.
pub(crate) fn record_at(
    connection: &Connection,
    groups: &mut Groups,
    seq: u64,
) -> Result<Option<Vec<u8>>, JournalError> {
    let start_seq = groups.start_of_group(connection, seq)?;
    let page = groups.page(connection, start_seq, start_seq)?;
    let Some(group) = page.first() else { return Ok(None) };
    let mut found = None;
    let mut keep = |at: u64, _: u64, record: &[u8]| {
        if at == seq {
            found = Some(record.to_vec());
        }
        Ok(())
    };
    visit_group(group, &groups.path, start_seq, seq, &mut keep)?;
    Ok(found)
}

pub(crate) fn connect(journal: &JournalFiles) -> Result<(Connection, Groups), JournalError> {
    let path = super::resolve(&journal.path)?;
    if store::is_absent(&path) {
        return Err(JournalError::Missing { path });
    }
    let connection = store::connect_read(&path)?;
    store::read_meta(&connection, &path)?;
    Ok((connection, Groups::new(&path, Shelf { folder: journal.segments.clone() })))
}

/// Checks one group and visits its records from `from_seq` on; returns its header and how many were visited.
fn visit_group(
    group: &SealedGroup,
    path: &Path,
    expected_seq: u64,
    from_seq: u64,
    visit: Visit<'_>,
) -> Result<(GroupHeader, u64), JournalError> {
    let SealedGroup { header, bytes, crc32c: stored_crc, .. } = group;
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

pub(crate) fn read_group(row: &Row<'_>) -> rusqlite::Result<SealedGroup> {
    Ok(SealedGroup {
        header: GroupHeader {
            first_seq: row.get::<_, i64>(0)?.cast_unsigned(),
            record_count: row.get(1)?,
            epoch: row.get::<_, i64>(2)?.cast_unsigned(),
            committed_ns: row.get(3)?,
            durable_seq: row.get::<_, i64>(4)?.cast_unsigned(),
        },
        bytes: row.get_ref(5)?.as_blob()?.to_vec(),
        crc32c: row.get(6)?,
        previous_hash: ChainHash(row.get(7)?),
        hash: ChainHash(row.get(8)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;

    /// A follower that was held up between a look at the segments and one at the live groups took a journal for damaged, whose
    /// owner had sealed and deleted groups meanwhile, and ended for good.
    #[test]
    fn what_is_sealed_between_two_looks_is_not_missed() {
        let folder = std::env::temp_dir().join(format!("oddsengine-one-state {}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("journal.db");
        store::create(&path, [1; 16], 7).unwrap();
        let owner = Connection::open(&path).unwrap();
        for seq in 1..=3_i64 {
            let row = params![seq, 1, 1, 0, 0, vec![0_u8; 4], 0, vec![0_u8; 32], vec![0_u8; 32]];
            owner
                .execute("INSERT INTO journal_group VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", row)
                .unwrap();
        }
        let reader = store::connect_read(&path).unwrap();
        let live_count = |reader: &Connection| live_page(reader, 1, 9).unwrap().len();
        let state = one_state(&reader).unwrap();
        assert_eq!(segment::covering(&reader, 1).unwrap(), None);
        owner.execute_batch(segment::SCHEMA).unwrap();
        owner
            .execute(
                "INSERT INTO segment VALUES (1, 1, 3, 3, 3, 12, ?1, ?1, 'a.segment', 9, ?1, 0, ?1, ?1)",
                [vec![0_u8; 32]],
            )
            .unwrap();
        owner.execute("DELETE FROM journal_group", []).unwrap();
        assert_eq!(live_count(&reader), 3, "of the state that has no segment");
        // Within it another look is of the same state, and opens none of its own.
        assert!(one_state(&reader).unwrap().is_none());
        drop(state);
        assert_eq!(live_count(&reader), 0);
        assert_eq!(segment::covering(&reader, 1).unwrap().map(|info| info.number), Some(1));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
