//! Following a journal: its acknowledged groups in order, in short transactions, each proven to go on from the last one.
//!
//! For projections and mirrors. A follower keeps its [`FollowPosition`] with what it made of the records; from there it goes
//! on, and where the journal is no longer the one that it followed it says so and reads nothing.

use super::JournalFiles;
use super::chain::{ChainHash, Frames, GroupHeader, epoch_hash};
use super::error::{Damage, Departure, JournalError};
use super::mark::{self, FoundMark};
use super::read::{self, Groups, Visit};
use super::segment::{self, SealedGroup};
use super::store::{self, Meta, damaged, unreadable};
use rusqlite::Connection;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Groups that are read in one transaction at most.
pub const FOLLOW_GROUPS_MAX: usize = 256;
/// Bytes after which a read ends, at the end of a group.
pub const FOLLOW_BYTES_MAX: usize = 4 << 20;
/// Time after which a read ends, at the end of a group: while it lasts the write-ahead log cannot begin anew.
pub const FOLLOW_READ_MAX: Duration = Duration::from_millis(250);

/// How far a follower is, and in which journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowPosition {
    /// The journal's random identity.
    pub journal_id: [u8; 16],
    /// The last record taken; the last of its group.
    pub seq: u64,
    /// The hash of that group, and through the chain of everything before it; of the journal's birth at 0.
    pub hash: ChainHash,
}

/// What one read gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowRead {
    /// Records visited.
    pub record_count: u64,
    /// When the last of their groups was committed; 0 for none.
    pub committed_ns: i64,
    /// The read was ended by [`FOLLOW_READ_MAX`].
    pub was_cut: bool,
}

/// Reads the acknowledged records of a journal, beside a running owner.
#[derive(Debug)]
pub struct Follower {
    connection: Connection,
    groups: Groups,
    path: PathBuf,
    meta: Meta,
    file: (u64, u64),
    position: FollowPosition,
    quarantined_seqs: Vec<u64>,
    /// The orders of the quarantine that it knows.
    order_count: u64,
    segments: Option<PathBuf>,
}

struct Group {
    header: GroupHeader,
    bytes: Vec<u8>,
    crc32c: u32,
    previous: ChainHash,
    hash: ChainHash,
}

impl Follower {
    /// Follows the journal at `path` from its beginning, or goes on from a position.
    ///
    /// # Errors
    /// [`JournalError::Departed`] where the journal is not the one that was followed, or ends before; and as
    /// [`replay`](super::replay).
    pub fn open(
        journal: impl Into<JournalFiles>,
        from: Option<FollowPosition>,
    ) -> Result<Self, JournalError> {
        let journal = journal.into();
        let (connection, groups) = read::connect(&journal)?;
        let path = groups.path.clone();
        let meta = store::read_meta(&connection, &path)?;
        let file = identity(&path)?;
        let order_count = order_count(&connection, &path)?;
        let quarantined = super::quarantined(journal.clone())?;
        let start = FollowPosition { journal_id: meta.journal_id, seq: 0, hash: meta.genesis() };
        let mut follower = Self {
            connection,
            groups,
            path,
            meta,
            file,
            position: from.unwrap_or(start),
            quarantined_seqs: quarantined.iter().map(|entry| entry.seq).collect(),
            order_count,
            segments: journal.segments,
        };
        follower.check()?;
        Ok(follower)
    }

    /// How far it is.
    pub fn position(&self) -> FollowPosition {
        self.position
    }

    /// The records that replay leaves out, as of the opening.
    pub fn quarantined_seqs(&self) -> &[u64] {
        &self.quarantined_seqs
    }

    /// The last acknowledged record, from the mark: a look at a small file, and no lock.
    ///
    /// # Errors
    /// [`JournalError::Departed`] where it is before the position, or of another journal.
    pub fn acknowledged_seq(&self) -> Result<u64, JournalError> {
        let mark = match mark::read(&self.path)? {
            FoundMark::Present(mark) => mark,
            FoundMark::Absent | FoundMark::Unreadable => {
                let reason = "there is none, or neither slot is whole".to_owned();
                return Err(damaged(&self.path, vec![Damage::MarkUnreadable { reason }]));
            }
        };
        if mark.journal_id != self.position.journal_id {
            return Err(self.departed(Departure::AnotherJournal));
        }
        let acknowledged_seq = mark.head.position.seq;
        if acknowledged_seq < self.position.seq {
            return Err(self.departed(Departure::Shorter { acknowledged_seq }));
        }
        Ok(acknowledged_seq)
    }

    /// Visits acknowledged records beyond the position, whole groups, and moves it behind them; none where there are no
    /// further ones. Between reads it holds no transaction.
    ///
    /// After an error of the visitor the position is where it was.
    ///
    /// # Errors
    /// As [`Self::open`], and [`JournalError::Replay`] with the visitor's error.
    pub fn read(&mut self, records_max: u64, visit: Visit<'_>) -> Result<FollowRead, JournalError> {
        if identity(&self.path)? != self.file {
            // Another file is there by this name: read that one, if it goes on from here.
            let was_quarantined = std::mem::take(&mut self.quarantined_seqs);
            let files = JournalFiles { path: self.path.clone(), segments: self.segments.clone() };
            *self = Self::open(files, Some(self.position))?;
            if self.quarantined_seqs != was_quarantined {
                return Err(self.departed(Departure::Quarantine));
            }
        }
        let acknowledged_seq = self.acknowledged_seq()?;
        if acknowledged_seq == self.position.seq {
            return Ok(FollowRead::default());
        }
        let (groups, was_cut) = self.page(acknowledged_seq, records_max)?;
        // Behind the page: whatever was decided without a record that was taken out was written after the order.
        if order_count(&self.connection, &self.path)? != self.order_count {
            return Err(self.departed(Departure::Quarantine));
        }
        let mut position = self.position;
        let mut found = FollowRead { was_cut, ..FollowRead::default() };
        for group in &groups {
            self.prove(position, group)?;
            let Group { header, bytes, hash, .. } = group;
            let mut seq = header.first_seq;
            for record in Frames::new(bytes) {
                visit(seq, header.epoch, record).map_err(|source| JournalError::Replay { seq, source })?;
                seq += 1;
            }
            let record_count = seq - header.first_seq;
            if record_count != u64::from(header.record_count) {
                let (first_seq, record_count) = (header.first_seq, header.record_count);
                return Err(damaged(&self.path, vec![Damage::RecordsMalformed { first_seq, record_count }]));
            }
            position = FollowPosition { seq: header.last_seq(), hash: *hash, ..position };
            found.record_count += record_count;
            found.committed_ns = header.committed_ns;
        }
        if groups.is_empty() {
            // The mark says that there is more: it was acknowledged, and is gone.
            return Err(self.departed(Departure::Missing { acknowledged_seq }));
        }
        self.position = position;
        Ok(found)
    }

    fn departed(&self, departure: Departure) -> JournalError {
        JournalError::Departed { path: self.path.clone(), seq: self.position.seq, departure }
    }

    /// The journal is the one that was followed, and holds what was taken from it.
    fn check(&mut self) -> Result<(), JournalError> {
        let FollowPosition { journal_id, seq, hash } = self.position;
        if journal_id != self.meta.journal_id {
            return Err(self.departed(Departure::AnotherJournal));
        }
        self.acknowledged_seq()?;
        let read_error = |error| unreadable(&self.path, seq.saturating_sub(1), error);
        let first: Option<i64> = self
            .connection
            .query_row("SELECT min(first_seq) FROM journal_group", [], |row| row.get(0))
            .map_err(read_error)?;
        if let Some(first_seq) = first.map(i64::cast_unsigned).filter(|&first_seq| seq + 1 < first_seq)
            && segment::covering(&self.connection, seq + 1).map_err(read_error)?.is_none()
        {
            return Err(self.departed(Departure::Sealed { first_seq }));
        }
        if seq == 0 {
            return Ok(());
        }
        let start_seq = self.groups.start_of_group(&self.connection, seq)?;
        let page = self.groups.page(&self.connection, start_seq, start_seq)?;
        match page.first() {
            Some(group) if group.header.last_seq() == seq && group.hash == hash => Ok(()),
            _ => Err(self.departed(Departure::Rewritten)),
        }
    }

    /// Groups beyond the position, in one transaction, and whether time ended it.
    fn page(&mut self, until_seq: u64, records_max: u64) -> Result<(Vec<Group>, bool), JournalError> {
        let began = Instant::now();
        let next_seq = self.position.seq + 1;
        let page = || -> rusqlite::Result<Option<(Vec<Group>, bool)>> {
            // Of one state: an owner may seal groups and delete them between a look at the segments and one at the groups.
            let _state = read::one_state(&self.connection)?;
            if segment::covering(&self.connection, next_seq)?.is_some() {
                return Ok(None);
            }
            let mut select = self.connection.prepare_cached(
                "SELECT first_seq, record_count, epoch, committed_ns, durable_seq, bytes, crc32c, previous_hash, hash
                 FROM journal_group WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq",
            )?;
            let bounds = [next_seq.cast_signed(), until_seq.cast_signed()];
            let mut rows = select.query(bounds)?;
            let (mut page, mut byte_count, mut record_count) = (Vec::new(), 0, 0);
            while let Some(row) = rows.next()? {
                let header = GroupHeader {
                    first_seq: row.get::<_, i64>(0)?.cast_unsigned(),
                    record_count: row.get(1)?,
                    epoch: row.get::<_, i64>(2)?.cast_unsigned(),
                    committed_ns: row.get(3)?,
                    durable_seq: row.get::<_, i64>(4)?.cast_unsigned(),
                };
                if until_seq < header.last_seq() {
                    break;
                }
                let bytes = row.get_ref(5)?.as_blob()?.to_vec();
                byte_count += bytes.len();
                record_count += u64::from(header.record_count);
                page.push(Group {
                    header,
                    bytes,
                    crc32c: row.get(6)?,
                    previous: ChainHash(row.get(7)?),
                    hash: ChainHash(row.get(8)?),
                });
                if FOLLOW_GROUPS_MAX <= page.len()
                    || FOLLOW_BYTES_MAX <= byte_count
                    || records_max <= record_count
                {
                    break;
                }
                if FOLLOW_READ_MAX <= began.elapsed() {
                    return Ok(Some((page, true)));
                }
            }
            Ok(Some((page, false)))
        };
        match page().map_err(|error| unreadable(&self.path, self.position.seq, error))? {
            Some(page) => Ok(page),
            None => Ok((self.sealed_page(next_seq, records_max)?, false)),
        }
    }

    /// Groups that are sealed into a segment, from one on.
    fn sealed_page(&mut self, next_seq: u64, records_max: u64) -> Result<Vec<Group>, JournalError> {
        let block = self.groups.page(&self.connection, next_seq, next_seq)?;
        let (mut page, mut record_count) = (Vec::new(), 0);
        for SealedGroup { header, bytes, crc32c, previous_hash, hash } in block {
            record_count += u64::from(header.record_count);
            page.push(Group { header, bytes, crc32c, previous: previous_hash, hash });
            if FOLLOW_GROUPS_MAX <= page.len() || records_max <= record_count {
                break;
            }
        }
        Ok(page)
    }

    /// The group is whole, the next one, and follows the position by the chain.
    fn prove(&self, after: FollowPosition, group: &Group) -> Result<(), JournalError> {
        let Group { header, bytes, crc32c, previous, hash } = group;
        let (first_seq, record_count) = (header.first_seq, header.record_count);
        if first_seq != after.seq + 1 {
            let missing = Damage::GroupMissing { first_seq: after.seq + 1, found_seq: first_seq };
            return Err(damaged(&self.path, vec![missing]));
        }
        let actual = header.crc32c(bytes);
        if actual != *crc32c {
            let group = Damage::GroupDamaged { first_seq, record_count, expected: *crc32c, actual };
            return Err(damaged(&self.path, vec![group]));
        }
        let mut link = after.hash;
        if link != *previous {
            let mut select = self
                .connection
                .prepare_cached("SELECT epoch, opened_ns FROM epoch WHERE after_seq = ?1 ORDER BY epoch")
                .map_err(|error| unreadable(&self.path, after.seq, error))?;
            let openings = select
                .query_map([after.seq.cast_signed()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
                })
                .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
                .map_err(|error| unreadable(&self.path, after.seq, error))?;
            for (epoch, opened_ns) in openings {
                link = epoch_hash(link, epoch.cast_unsigned(), after.seq, opened_ns);
            }
        }
        // The hash covers the link before it: both prove that nothing between was changed.
        match link == *previous && header.hash(*previous, bytes) == *hash {
            true => Ok(()),
            false => Err(JournalError::Departed {
                path: self.path.clone(),
                seq: after.seq,
                departure: Departure::Rewritten,
            }),
        }
    }
}

/// Orders of the quarantine, those that were taken back as well: entries are only ever added.
fn order_count(connection: &Connection, path: &Path) -> Result<u64, JournalError> {
    let read = || -> rusqlite::Result<i64> {
        match store::has_table(connection, "quarantine")? {
            true => connection
                .prepare_cached("SELECT coalesce(max(id), 0) FROM quarantine")?
                .query_row([], |row| row.get(0)),
            false => Ok(0),
        }
    };
    read().map(i64::cast_unsigned).map_err(|error| unreadable(path, 0, error))
}

fn identity(path: &Path) -> Result<(u64, u64), JournalError> {
    let found = std::fs::metadata(path).map_err(JournalError::file(path, "find"))?;
    Ok((found.dev(), found.ino()))
}
