//! Compaction: old groups leave the live database for a sealed segment, and the chain of proof goes on through it.
//!
//! In small steps, each of which may be the last one before a crash: write the segment under another name, read it back,
//! sync it, rename it; then one row in the live database, from which moment on the segment counts; then the groups are
//! deleted, some at a time. What a crash leaves is either a file that nothing names, which the next compaction writes
//! again, or groups that are in the segment already, which nobody reads and the next compaction deletes.

use super::JournalFiles;
use super::chain::ChainHash;
use super::error::JournalError;
use super::lock::JournalLock;
use super::mark;
use super::read;
use super::segment::{
    self, FILE_SCHEMA, FileHasher, SEGMENT_APPLICATION_ID, SealedGroup, SegmentFile, SegmentInfo, Shelf,
};
use super::snapshot;
use super::store::{self, Store, damaged};
use super::verify;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// Bytes of records in one segment at most, before compression; a group is never divided. An owner that compacts by itself
/// waits until so much can be sealed: smaller files would be thousands a day. A compaction by hand seals what there is.
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// Bytes that are compressed in one step and together; one group is never divided.
const BLOCK_BYTES: usize = 256 << 10;
/// Groups whose size is looked at in one step: each is on a page of its own.
const GROUPS_MEASURED: usize = 256;
/// Bytes of the new file that may wait for its sync: what the step that syncs them takes.
const UNSYNCED_BYTES_MAX: u64 = 256 << 10;
/// Bytes of the new file that are hashed in one step.
const HASHED_BYTES: u64 = 1 << 20;
/// Groups that are deleted in one transaction, and their bytes.
const GROUPS_DELETED_MAX: usize = 128;
const BYTES_DELETED_MAX: u64 = 1 << 20;
/// zstd's own default: higher levels gain some percent and cost several times the time.
const ZSTD_LEVEL: i32 = 3;

/// What is sealed. Start from `default()` and change what differs.
#[derive(Clone, Debug, Default)]
pub struct CompactOptions {
    /// Only groups that lie wholly before this record.
    pub before_seq: Option<u64>,
    /// Only groups before the first one that was committed at or after this time, nanoseconds since the Unix epoch.
    pub before_ns: Option<i64>,
    /// Now, nanoseconds since the Unix epoch.
    pub now_ns: i64,
    /// Bytes in one segment at most, if fewer than [`SEGMENT_BYTES_MAX`].
    pub segment_bytes_max: Option<u64>,
    /// Steps after which it stops as if the process were killed: a fault on purpose, for tests.
    pub stop_after_steps: Option<u64>,
}

/// How far a compaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactProgress {
    /// The last record that is sealed, or written into the segment that is made now.
    pub seq: u64,
    /// The last record that can be sealed.
    pub until_seq: u64,
    /// The last record that is sealed and was taken out of the live database.
    pub deleted_seq: u64,
}

/// What a compaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactReport {
    /// The segments that it sealed.
    pub sealed: Vec<SegmentInfo>,
    /// Groups that left the live database, those of an earlier compaction that was cut short too.
    pub deleted_group_count: u64,
    /// The database's size: it does not shrink, its free pages are written again.
    pub database_bytes: u64,
    /// Bytes of free pages in it.
    pub free_bytes: u64,
    /// Whether it ended; `false` only after `stop_after_steps`.
    pub is_done: bool,
}

/// Seals the groups that lie wholly before the older of the two kept snapshots, or before what the options say. The
/// journal must not be in use: it proves what it seals first, and changes nothing where that is damaged.
///
/// # Errors
///
/// [`JournalError::Locked`], [`JournalError::CompactRefused`] without two whole snapshots, [`JournalError::Damaged`], or the
/// system's refusal.
pub fn compact(
    journal: impl Into<JournalFiles>,
    options: &CompactOptions,
) -> Result<CompactReport, JournalError> {
    compact_telling(journal, options, &mut |_| {})
}

/// As [`compact`], and tells after each step how far it is.
///
/// # Errors
///
/// As [`compact`].
pub fn compact_telling(
    journal: impl Into<JournalFiles>,
    options: &CompactOptions,
    told: &mut dyn FnMut(CompactProgress),
) -> Result<CompactReport, JournalError> {
    let journal = journal.into();
    let path = super::resolve(&journal.path)?;
    if store::is_absent(&path) {
        return Err(JournalError::Missing { path });
    }
    let _lock = JournalLock::exclusive(&path)?;
    super::files::refuse_second_name(&path)?;
    let found_mark = mark::read(&path)?;
    let connection = store::connect_read(&path)?;
    let shelf = Shelf { folder: journal.segments };
    let sealed_seq = segment::sealed_seq(&connection).map_err(|error| store::unreadable(&path, 0, error))?;
    // What lies in segments already was proven when it was sealed, and is by `verify`.
    let since_seq = Some(sealed_seq + 1).filter(|_| sealed_seq > 0);
    let survey = verify::survey(&connection, &path, &shelf, since_seq, &found_mark, None)?;
    if !survey.damages.is_empty() {
        return Err(damaged(&path, survey.damages));
    }
    drop(connection);
    let store = Store::connect(&path)?;
    store.upgrade()?;
    store.checkpoint().map_err(JournalError::storage(&path, "checkpoint"))?;
    let mut report = CompactReport {
        sealed: Vec::new(),
        deleted_group_count: 0,
        database_bytes: 0,
        free_bytes: 0,
        is_done: true,
    };
    let mut steps_left = options.stop_after_steps;
    'segments: loop {
        let mut compaction = Compaction::new(&path, options.clone(), false);
        loop {
            if steps_left == Some(0) {
                report.is_done = false;
                return Ok(report);
            }
            steps_left = steps_left.map(|steps| steps - 1);
            let is_done = compaction.step(&store.connection)?;
            store.checkpoint().map_err(JournalError::storage(&path, "checkpoint"))?;
            told(compaction.progress);
            if is_done {
                break;
            }
        }
        report.deleted_group_count += compaction.deleted_group_count;
        match compaction.sealed {
            Some(info) => report.sealed.push(info),
            None => break 'segments,
        }
    }
    let pages = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let sizes = || -> rusqlite::Result<(i64, i64)> {
        let page_size = pages("page_size")?;
        Ok((page_size * pages("page_count")?, page_size * pages("freelist_count")?))
    };
    let (database_bytes, free_bytes) = sizes().map_err(JournalError::storage(&path, "look at"))?;
    report.database_bytes = database_bytes.cast_unsigned();
    report.free_bytes = free_bytes.cast_unsigned();
    store.close().map_err(JournalError::storage(&path, "close"))?;
    Ok(report)
}

/// One segment on its way, step by step.
#[derive(Debug)]
pub(crate) struct Compaction {
    journal: PathBuf,
    options: CompactOptions,
    /// By an owner, who seals whole segments only.
    is_owned: bool,
    stage: Stage,
    pub sealed: Option<SegmentInfo>,
    pub deleted_group_count: u64,
    pub progress: CompactProgress,
}

#[derive(Debug)]
enum Stage {
    /// Deletes what a compaction before left, then looks what there is to do.
    Leftovers,
    Plan,
    Measure(Range),
    Begin(Range),
    Write(Draft),
    /// Reads the segment back, block by block from a record on.
    Prove {
        draft: Draft,
        file: SegmentFile,
        seq: u64,
        previous: ChainHash,
    },
    Hash {
        draft: Draft,
        hasher: Box<FileHasher>,
    },
    Place(Draft),
    /// The file is durable and in its place: the row makes it count.
    Record(SegmentInfo),
    Delete,
    Done,
}

/// The groups that go into the next segment, as far as they were looked at.
#[derive(Clone, Copy, Debug)]
struct Range {
    first_seq: u64,
    /// The last record of the groups so far; before `first_seq` without any.
    last_seq: u64,
    byte_count: u64,
    /// Groups that reach this record stay.
    before_seq: u64,
    bytes_max: u64,
}

/// A segment that is being written.
#[derive(Debug)]
struct Draft {
    info: SegmentInfo,
    /// The last record that may go into it.
    until_seq: u64,
    staging: PathBuf,
    file: Option<Connection>,
    /// The same file, to sync it: SQLite leaves that out.
    handle: std::fs::File,
    unsynced_bytes: u64,
}

impl Draft {
    fn sync(&mut self) -> Result<(), JournalError> {
        self.unsynced_bytes = 0;
        self.handle.sync_all().map_err(JournalError::file(&self.staging, "sync"))
    }
}

impl Compaction {
    pub fn new(journal: &Path, options: CompactOptions, is_owned: bool) -> Self {
        let journal = journal.to_owned();
        let progress = CompactProgress { seq: 0, until_seq: 0, deleted_seq: 0 };
        let stage = Stage::Leftovers;
        Self { journal, options, is_owned, stage, sealed: None, deleted_group_count: 0, progress }
    }

    /// Whether the next step changes the live database; all others only read it.
    pub fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Leftovers | Stage::Record(_) | Stage::Delete)
    }

    /// Does some milliseconds' work; returns whether everything is done.
    pub fn step(&mut self, connection: &Connection) -> Result<bool, JournalError> {
        let journal = self.journal.clone();
        let sql = |error| JournalError::storage(&journal, "compact")(error);
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Leftovers => match self.delete_some(connection).map_err(sql)? {
                0 => Stage::Plan,
                _ => Stage::Leftovers,
            },
            Stage::Plan => match self.plan(connection)? {
                Some(range) => Stage::Measure(range),
                None => Stage::Done,
            },
            Stage::Measure(range) => self.measure(connection, range).map_err(sql)?,
            Stage::Begin(range) => Stage::Write(self.begin(connection, range)?),
            Stage::Write(draft) => self.write_block(connection, draft)?,
            Stage::Prove { draft, file, seq, previous } => self.prove_block(draft, file, seq, previous)?,
            Stage::Hash { draft, hasher } => Self::hash_some(draft, hasher)?,
            Stage::Place(draft) => Stage::Record(self.put_in_place(draft)?),
            Stage::Record(info) => {
                info.insert(connection).map_err(sql)?;
                self.sealed = Some(info);
                Stage::Delete
            }
            Stage::Delete => match self.delete_some(connection).map_err(sql)? {
                0 => Stage::Done,
                _ => Stage::Delete,
            },
            Stage::Done => Stage::Done,
        };
        Ok(matches!(self.stage, Stage::Done))
    }

    /// Deletes live groups that are sealed already; returns how many.
    fn delete_some(&mut self, connection: &Connection) -> rusqlite::Result<u64> {
        let sealed_seq = segment::sealed_seq(connection)?.cast_signed();
        let mut select = connection.prepare_cached(
            "SELECT first_seq, length(bytes) FROM journal_group WHERE first_seq <= ?1 ORDER BY first_seq LIMIT ?2",
        )?;
        let mut rows = select.query(params![sealed_seq, GROUPS_DELETED_MAX as i64])?;
        let (mut last_key, mut byte_count) = (None, 0);
        while byte_count < BYTES_DELETED_MAX
            && let Some(row) = rows.next()?
        {
            last_key = Some(row.get::<_, i64>(0)?);
            byte_count += row.get::<_, i64>(1)?.cast_unsigned();
        }
        drop(rows);
        let Some(last_key) = last_key else { return Ok(0) };
        let deleted = connection
            .prepare_cached("DELETE FROM journal_group WHERE first_seq <= ?1")?
            .execute([last_key])? as u64;
        self.deleted_group_count += deleted;
        self.progress.deleted_seq = last_key.cast_unsigned();
        Ok(deleted)
    }

    fn plan(&mut self, connection: &Connection) -> Result<Option<Range>, JournalError> {
        let read_error = |error| store::unreadable(&self.journal, 0, error);
        let kept = snapshot::kept_seqs(connection).map_err(read_error)?;
        let [older, .., newest] = kept[..] else {
            if self.is_owned {
                return Ok(None);
            }
            let reason = format!("it holds {} snapshots", kept.len());
            return Err(JournalError::CompactRefused { path: self.journal.clone(), reason });
        };
        debug_assert!(older < newest, "in order");
        // An owner has just written them, and has no time to read them back.
        for seq in [older, newest].into_iter().filter(|_| !self.is_owned) {
            if let Err(reason) = snapshot::check(connection, seq) {
                let reason = format!("snapshot {seq} is damaged: {reason}");
                return Err(JournalError::CompactRefused { path: self.journal.clone(), reason });
            }
        }
        let by_time: Option<i64> = match self.options.before_ns {
            Some(before_ns) => connection
                .query_row(
                    "SELECT min(first_seq) FROM journal_group WHERE committed_ns >= ?1",
                    [before_ns],
                    |row| row.get(0),
                )
                .map_err(read_error)?,
            None => None,
        };
        let before_seq = older
            .min(self.options.before_seq.unwrap_or(u64::MAX))
            .min(by_time.map_or(u64::MAX, i64::cast_unsigned));
        let bytes_max = self.options.segment_bytes_max.unwrap_or(SEGMENT_BYTES_MAX).min(SEGMENT_BYTES_MAX);
        let sealed_seq = segment::sealed_seq(connection).map_err(read_error)?;
        let first_seq = sealed_seq + 1;
        self.progress.seq = sealed_seq;
        self.progress.until_seq = before_seq.saturating_sub(1).max(sealed_seq);
        Ok(Some(Range { first_seq, last_seq: sealed_seq, byte_count: 0, before_seq, bytes_max }))
    }

    /// Looks at some more groups that may go into the next segment.
    fn measure(&mut self, connection: &Connection, mut range: Range) -> rusqlite::Result<Stage> {
        let mut select = connection.prepare_cached(
            "SELECT first_seq + record_count - 1, length(bytes) FROM journal_group
             WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq LIMIT ?3",
        )?;
        let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
        let mut rows = select.query(params![
            bound(range.last_seq + 1),
            bound(range.before_seq),
            GROUPS_MEASURED as i64
        ])?;
        let mut count = 0;
        let mut is_full = false;
        while let Some(row) = rows.next()? {
            count += 1;
            let last_seq = row.get::<_, i64>(0)?.cast_unsigned();
            let byte_count = range.byte_count + row.get::<_, i64>(1)?.cast_unsigned();
            is_full = range.byte_count > 0 && range.bytes_max < byte_count;
            if is_full || range.before_seq <= last_seq {
                count = 0;
                break;
            }
            (range.last_seq, range.byte_count) = (last_seq, byte_count);
        }
        if count == GROUPS_MEASURED {
            return Ok(Stage::Measure(range));
        }
        let is_enough = if self.is_owned { is_full } else { range.first_seq <= range.last_seq };
        Ok(if is_enough { Stage::Begin(range) } else { Stage::Done })
    }

    fn begin(&self, connection: &Connection, range: Range) -> Result<Draft, JournalError> {
        let Range { first_seq, last_seq: until_seq, .. } = range;
        let last = segment::last(connection).map_err(|error| store::unreadable(&self.journal, 0, error))?;
        let meta = store::read_meta(connection, &self.journal)?;
        let number = last.as_ref().map_or(0, |row| row.number) + 1;
        let journal_name = self.journal.file_name().unwrap_or_default().to_string_lossy();
        let file_name = format!("{journal_name}.{number:04}-{first_seq}-{until_seq}.segment");
        let staging = self.journal.with_file_name(format!("{journal_name}.segment.new"));
        for suffix in ["", "-journal"] {
            match std::fs::remove_file(super::sibling(&staging, suffix)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(JournalError::file(&staging, "remove")(error));
                }
                _ => {}
            }
        }
        super::files::create_private(&staging).map_err(JournalError::file(&staging, "create"))?;
        let begin = || -> rusqlite::Result<Connection> {
            let file = Connection::open(&staging)?;
            file.pragma_update(None, "application_id", SEGMENT_APPLICATION_ID)?;
            // A crash leaves a file that nothing names; it is synced once, when it is whole.
            file.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
            file.pragma_update(None, "synchronous", "off")?;
            file.execute_batch(FILE_SCHEMA)?;
            let mut insert = file.prepare("INSERT INTO segment (key, value) VALUES (?1, ?2)")?;
            insert.execute(params!["journal_id", meta.journal_id])?;
            insert.execute(params!["number", number.cast_signed()])?;
            insert.execute(params!["first_seq", first_seq.cast_signed()])?;
            insert.execute(params!["last_seq", until_seq.cast_signed()])?;
            drop(insert);
            Ok(file)
        };
        let file = begin().map_err(JournalError::storage(&staging, "begin"))?;
        let info = SegmentInfo {
            number,
            first_seq,
            last_seq: first_seq - 1,
            group_count: 0,
            record_count: 0,
            byte_count: 0,
            first_previous_hash: ChainHash([0; 32]),
            last_hash: ChainHash([0; 32]),
            file_name,
            file_bytes: 0,
            file_hash: ChainHash([0; 32]),
            sealed_ns: self.options.now_ns,
            previous_hash: last.map_or_else(|| meta.genesis(), |row| row.hash),
            hash: ChainHash([0; 32]),
        };
        let handle = std::fs::File::open(&staging).map_err(JournalError::file(&staging, "open"))?;
        Ok(Draft { info, until_seq, staging, file: Some(file), handle, unsynced_bytes: 0 })
    }

    fn write_block(&mut self, connection: &Connection, mut draft: Draft) -> Result<Stage, JournalError> {
        let mut groups = Vec::new();
        let mut next_seq = draft.info.last_seq + 1;
        let mut byte_count = 0;
        let mut select = connection
            .prepare_cached(read::COLUMNS)
            .map_err(|error| store::unreadable(&self.journal, draft.info.last_seq, error))?;
        let bounds = [next_seq.cast_signed(), draft.until_seq.cast_signed()];
        let mut found = select
            .query(bounds)
            .map_err(|error| store::unreadable(&self.journal, draft.info.last_seq, error))?;
        while byte_count < BLOCK_BYTES {
            let row = found.next().map_err(|error| store::unreadable(&self.journal, next_seq - 1, error))?;
            let Some(row) = row else { break };
            let group = read::read_group(row)
                .map_err(|error| store::unreadable(&self.journal, next_seq - 1, error))?;
            self.check_group(connection, &draft, groups.last(), &group, next_seq)?;
            next_seq = group.header.last_seq() + 1;
            byte_count += group.bytes.len();
            groups.push(group);
        }
        drop(found);
        let file = draft.file.as_ref().expect("open while it is written");
        if let Some(first) = groups.first() {
            let mut block = Vec::with_capacity(byte_count + groups.len() * 128);
            groups.iter().for_each(|group| group.push(&mut block));
            let packed = zstd::bulk::compress(&block, ZSTD_LEVEL)
                .map_err(JournalError::file(&draft.staging, "compress"))?;
            let packed_bytes = packed.len() as u64;
            file.prepare_cached(
                "INSERT INTO block (first_seq, group_count, byte_count, zstd) VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    first.header.first_seq.cast_signed(),
                    groups.len() as i64,
                    block.len() as i64,
                    packed
                ])
            })
            .map_err(JournalError::storage(&draft.staging, "write"))?;
            let info = &mut draft.info;
            if info.group_count == 0 {
                info.first_previous_hash = first.previous_hash;
            }
            info.group_count += groups.len() as u64;
            info.byte_count += byte_count as u64;
            info.last_hash = groups.last().map_or(info.last_hash, |group| group.hash);
            info.last_seq = next_seq - 1;
            info.record_count = info.last_seq + 1 - info.first_seq;
            self.progress.seq = info.last_seq;
            draft.unsynced_bytes += packed_bytes;
            // A little at a time: the sync of a whole segment would hold up the groups that arrive meanwhile.
            if UNSYNCED_BYTES_MAX <= draft.unsynced_bytes {
                draft.sync()?;
            }
            if draft.info.last_seq < draft.until_seq {
                return Ok(Stage::Write(draft));
            }
        }
        if draft.info.last_seq != draft.until_seq {
            let reason = format!("its groups end at seq {} instead of {}", next_seq - 1, draft.until_seq);
            return Err(JournalError::CompactRefused { path: self.journal.clone(), reason });
        }
        let file = draft.file.take().expect("open while it is written");
        file.close().map_err(|(_, error)| JournalError::storage(&draft.staging, "close")(error))?;
        let proof = SegmentFile::open(&draft.staging, draft.info.number)
            .map_err(JournalError::storage(&draft.staging, "read back"))?;
        let (seq, previous) = (draft.info.first_seq, draft.info.first_previous_hash);
        Ok(Stage::Prove { draft, file: proof, seq, previous })
    }

    /// Only what is whole and follows the link before it is sealed.
    fn check_group(
        &self,
        connection: &Connection,
        draft: &Draft,
        before: Option<&SealedGroup>,
        group: &SealedGroup,
        expected_seq: u64,
    ) -> Result<(), JournalError> {
        let header = &group.header;
        let is_first = before.is_none() && draft.info.group_count == 0;
        let previous = before.map_or(draft.info.last_hash, |group| group.hash);
        let is_chained = is_first
            || previous == group.previous_hash
            || connection
                .prepare_cached("SELECT 1 FROM epoch WHERE after_seq = ?1 AND hash = ?2")
                .and_then(|mut select| {
                    select.exists(params![(header.first_seq - 1).cast_signed(), group.previous_hash.0])
                })
                .map_err(|error| store::unreadable(&self.journal, expected_seq, error))?;
        let is_whole = header.first_seq == expected_seq
            && header.crc32c(&group.bytes) == group.crc32c
            && header.hash(group.previous_hash, &group.bytes) == group.hash;
        if is_whole && is_chained {
            return Ok(());
        }
        let reason =
            format!("the group at seq {expected_seq} is not what was written; see oddsengine verify");
        Err(JournalError::CompactRefused { path: self.journal.clone(), reason })
    }

    fn prove_block(
        &self,
        draft: Draft,
        file: SegmentFile,
        seq: u64,
        previous: ChainHash,
    ) -> Result<Stage, JournalError> {
        let refused = |reason| JournalError::SegmentUnreadable { path: draft.staging.clone(), reason };
        let block = file.block(seq).map_err(refused)?;
        let (mut seq, mut previous) = (seq, previous);
        for group in &block {
            let is_whole = group.header.first_seq == seq
                && group.header.hash(group.previous_hash, &group.bytes) == group.hash;
            if !is_whole {
                return Err(refused(format!("its group at seq {seq} is not what was written")));
            }
            seq = group.header.last_seq() + 1;
            previous = group.hash;
        }
        if seq <= draft.info.last_seq {
            return Ok(Stage::Prove { draft, file, seq, previous });
        }
        match previous == draft.info.last_hash {
            true => Ok(Stage::Hash { draft, hasher: Box::default() }),
            false => Err(refused("it does not end in its last link".to_owned())),
        }
    }

    fn hash_some(mut draft: Draft, mut hasher: Box<FileHasher>) -> Result<Stage, JournalError> {
        let is_done = hasher
            .step(&draft.staging, HASHED_BYTES)
            .map_err(JournalError::file(&draft.staging, "read back"))?;
        if !is_done {
            return Ok(Stage::Hash { draft, hasher });
        }
        (draft.info.file_bytes, draft.info.file_hash) = hasher.finish();
        Ok(Stage::Place(draft))
    }

    fn put_in_place(&self, mut draft: Draft) -> Result<SegmentInfo, JournalError> {
        draft.sync()?;
        let Draft { mut info, staging, .. } = draft;
        let target = self.journal.with_file_name(&info.file_name);
        std::fs::rename(&staging, &target).map_err(JournalError::file(&target, "put in place"))?;
        super::sync_folder(&target)?;
        info.hash = info.computed_hash();
        Ok(info)
    }
}
