//! Walks the whole chain and says exactly where it is not what was written.

use super::JournalFiles;
use super::chain::{ChainHash, Frames, HASH_SIZE, Head, Position, epoch_hash};
use super::error::{Damage, JournalError};
use super::lock::JournalLock;
use super::mark::{self, FoundMark};
use super::quarantine::{self, QuarantineEntry};
use super::read::{self, Groups};
use super::segment::{self, SealedGroup, SegmentFile, SegmentInfo, Shelf};
use super::snapshot::{self, SnapshotInfo};
use super::store::{self, Meta, Refusal};
use rusqlite::Connection;
use std::path::Path;

/// What [`verify`] found.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The journal's random identity.
    pub journal_id: [u8; 16],
    /// When the journal was created, nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// Commit groups that could be read.
    pub group_count: u64,
    /// Records in them.
    pub record_count: u64,
    /// Bytes in them, with the length prefixes.
    pub byte_count: u64,
    /// The first sequence number; 0 for an empty journal.
    pub first_seq: u64,
    /// The last sequence number; 0 for an empty journal.
    pub last_seq: u64,
    /// The newest link. Kept elsewhere (a mirror, a time stamp service) it proves later that nothing was cut.
    pub head: Head,
    /// One row an opening.
    pub epochs: Vec<EpochInfo>,
    /// The last acknowledged position according to the mark file, if that can be read.
    pub acknowledged: Option<Position>,
    /// The last sequence number that the groups themselves prove to have been durable.
    pub known_durable_seq: u64,
    /// The sealed segments that the live database knows, oldest first.
    pub segments: Vec<SegmentInfo>,
    /// The whole snapshots, newest first.
    pub snapshots: Vec<SnapshotInfo>,
    /// The records that replay leaves out.
    pub quarantined: Vec<QuarantineEntry>,
    /// The process that owned the journal meanwhile; 0 when its id could not be read, `None` without one.
    pub owner_pid: Option<u32>,
    /// Everything that is wrong, in journal order, snapshots last.
    pub damages: Vec<Damage>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }
}

/// One opening of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochInfo {
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The last sequence number before it.
    pub after_seq: u64,
    /// When the journal was opened, nanoseconds since the Unix epoch.
    pub opened_ns: i64,
}

/// How often a look beside an owner that has just opened the journal is repeated.
const LOOKS_MAX: usize = 5;

/// Checks a journal from its first byte to its last; changes nothing and raises no epoch. Beside a running owner it
/// proves what was durable when it began, in short transactions that hold up neither the owner nor its next start.
///
/// # Errors
///
/// [`JournalError::Missing`], [`JournalError::FormatUnsupported`], [`JournalError::LogUnreadable`],
/// [`JournalError::ChangedWhileRead`]; [`JournalError::Damaged`] only when the damage leaves nothing to
/// report on. All other damage stands in the report.
pub fn verify(journal: impl Into<JournalFiles>) -> Result<VerifyReport, JournalError> {
    verify_against(journal, None)
}

/// As [`verify`], and a head that was kept elsewhere must be part of the journal: finds a rollback of all files together.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_against(
    journal: impl Into<JournalFiles>,
    anchor: Option<Head>,
) -> Result<VerifyReport, JournalError> {
    let journal = journal.into();
    let shelf = Shelf { folder: journal.segments };
    let path = super::resolve(&journal.path)?;
    if store::is_absent(&path) {
        store::refuse_remains(&path, &mark::read(&path)?)?;
        return Err(JournalError::Missing { path });
    }
    for _ in 1..LOOKS_MAX {
        let owner_pid = JournalLock::owner(&path);
        let found_mark = mark::read(&path)?;
        let outcome = look(&path, &shelf, &found_mark, anchor, owner_pid);
        let is_certain = match &outcome {
            Ok(report) => report.is_sound(),
            Err(error) => error.damages().is_empty(),
        };
        // What looks damaged may be an owner at work: it makes a journal and its mark one after the other, and two
        // writes of the mark may meet one reading.
        if is_certain || (owner_pid.is_none() && JournalLock::owner(&path).is_none()) {
            return outcome;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    look(&path, &shelf, &mark::read(&path)?, anchor, JournalLock::owner(&path))
}

/// The mark is read before the database, so that the database reaches at least as far.
fn look(
    path: &Path,
    shelf: &Shelf,
    found_mark: &FoundMark,
    anchor: Option<Head>,
    owner_pid: Option<u32>,
) -> Result<VerifyReport, JournalError> {
    let stamp = || std::fs::metadata(path).and_then(|file| Ok((file.len(), file.modified()?)));
    let before = stamp().map_err(JournalError::file(path, "look at"))?;
    let connection = store::connect_read(path)?;
    let report = report_on(&connection, path, shelf, found_mark, anchor, owner_pid);
    if store::is_read_unlocked(&connection) && stamp().map_err(JournalError::file(path, "look at"))? != before
    {
        return Err(JournalError::ChangedWhileRead { path: path.to_owned() });
    }
    report
}

fn report_on(
    connection: &Connection,
    path: &Path,
    shelf: &Shelf,
    found_mark: &FoundMark,
    anchor: Option<Head>,
    owner_pid: Option<u32>,
) -> Result<VerifyReport, JournalError> {
    let mut survey = survey(connection, path, shelf, None, found_mark, anchor)?;
    let (snapshots, snapshot_damages) = snapshot::survey(connection, u64::MAX);
    if survey.damages.is_empty() {
        survey.damages.extend(match owner_pid {
            None => inconsistency(connection),
            // The whole check is one long transaction, in which the owner's log could not begin anew.
            Some(_) => snapshot_inconsistency(connection),
        });
    }
    let (quarantined, mismatches) = quarantine::survey(connection, &mut Groups::new(path, shelf.clone()));
    survey.damages.extend(mismatches);
    // A snapshot of a state beyond what was walked is the work of an owner meanwhile, or of nobody.
    let last_seq = survey.head.position.seq;
    let (snapshots, ahead): (Vec<_>, Vec<_>) =
        snapshots.into_iter().partition(|snapshot| snapshot.seq <= last_seq);
    if owner_pid.is_none() {
        survey.damages.extend(ahead.iter().map(|snapshot| Damage::SnapshotDamaged {
            seq: snapshot.seq,
            reason: format!("it is ahead of the journal, which ends at seq {last_seq}"),
        }));
    }
    survey.damages.extend(snapshot_damages);
    Ok(VerifyReport {
        journal_id: survey.meta.journal_id,
        created_ns: survey.meta.created_ns,
        group_count: survey.group_count,
        record_count: survey.record_count,
        byte_count: survey.byte_count,
        first_seq: survey.first_seq,
        last_seq: survey.head.position.seq,
        head: survey.head,
        epochs: survey.epochs.iter().map(|row| row.info).collect(),
        acknowledged: match found_mark {
            FoundMark::Present(mark) => Some(mark.head.position),
            FoundMark::Absent | FoundMark::Unreadable => None,
        },
        known_durable_seq: survey.known_durable_seq,
        segments: survey.segments,
        snapshots,
        quarantined,
        owner_pid,
        damages: survey.damages,
    })
}

/// The last acknowledged link, from the mark file: what to keep elsewhere as an anchor. Also beside a running owner.
///
/// # Errors
///
/// [`JournalError::Missing`], [`JournalError::Damaged`] without a readable mark.
pub fn acknowledged_head(path: impl AsRef<Path>) -> Result<Head, JournalError> {
    let path = super::resolve(path.as_ref())?;
    match mark::read(&path)? {
        FoundMark::Present(mark) => Ok(mark.head),
        FoundMark::Unreadable => {
            let reason = "neither slot is whole".to_owned();
            Err(store::damaged(&path, vec![Damage::MarkUnreadable { reason }]))
        }
        FoundMark::Absent if store::is_absent(&path) => Err(JournalError::Missing { path }),
        FoundMark::Absent => {
            let missing = Damage::MarkMissing { found: Position::default() };
            Err(store::damaged(&path, vec![missing]))
        }
    }
}

/// SQLite's own check of pages that no group lies on, such as the free list.
fn inconsistency(connection: &Connection) -> Option<Damage> {
    checked(connection, "PRAGMA quick_check(1)")
}

/// SQLite's own check of the snapshots' pages: the next snapshot would be written into a broken tree. The groups' pages
/// are proven by reading them along the chain.
pub(crate) fn snapshot_inconsistency(connection: &Connection) -> Option<Damage> {
    ["snapshot", "snapshot_part", "snapshot_page"]
        .into_iter()
        .filter(|table| super::store::has_table(connection, table).unwrap_or(true))
        .map(|table| format!("PRAGMA quick_check({table})"))
        .find_map(|check| checked(connection, &check))
}

fn checked(connection: &Connection, check: &str) -> Option<Damage> {
    let reason = connection
        .query_row(check, [], |row| row.get::<_, String>(0))
        .unwrap_or_else(|error| error.to_string());
    (reason != "ok").then_some(Damage::DatabaseInconsistent { reason })
}

/// Groups that the walk reads in one transaction.
const GROUPS_PER_PAGE: i64 = 64;

/// The result of a walk along the chain.
#[derive(Debug)]
pub(crate) struct Survey {
    pub meta: Meta,
    pub head: Head,
    pub group_count: u64,
    pub record_count: u64,
    pub byte_count: u64,
    pub first_seq: u64,
    pub known_durable_seq: u64,
    pub epochs: Vec<EpochRow>,
    pub segments: Vec<SegmentInfo>,
    pub damages: Vec<Damage>,
}

/// Walks the chain and compares it with the mark file and, if given, with a head that was kept elsewhere.
///
/// `since_seq`: begin at the group that contains this record and trust its predecessor.
pub(crate) fn survey(
    connection: &Connection,
    path: &Path,
    shelf: &Shelf,
    since_seq: Option<u64>,
    found_mark: &FoundMark,
    anchor: Option<Head>,
) -> Result<Survey, JournalError> {
    let meta = store::read_meta(connection, path)?;
    // One state of both: what an owner adds meanwhile is left to the next walk.
    let (epochs, segments, until_seq) =
        links_and_end(connection).map_err(|error| store::unreadable(path, 0, error))?;
    let marked = match found_mark {
        FoundMark::Present(mark) if mark.journal_id == meta.journal_id => Some(mark.head),
        _ => None,
    };
    let start_seq = match since_seq {
        None | Some(0) => 0,
        Some(seq) => Groups::new(path, shelf.clone()).start_of_group(connection, seq)?,
    };
    let awaited = marked.into_iter().chain(anchor).collect();
    let mut walk = Walk::new(meta, epochs, segments, start_seq, until_seq, awaited);
    match walk.groups(connection, path, shelf) {
        Err(error) if store::refusal(&error) == Refusal::Busy => {
            return Err(JournalError::storage(path, "read")(error));
        }
        Err(error) => walk.note(Damage::DatabaseUnreadable {
            after_seq: walk.survey.head.position.seq,
            reason: error.to_string(),
        }),
        Ok(()) => walk.epochs_before(u64::MAX),
    }
    walk.compare_heads();
    walk.compare_mark(found_mark);
    Ok(walk.survey)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EpochRow {
    info: EpochInfo,
    previous_hash: ChainHash,
    hash: ChainHash,
}

fn links_and_end(connection: &Connection) -> rusqlite::Result<(Vec<EpochRow>, Vec<SegmentInfo>, u64)> {
    let transaction = connection.unchecked_transaction()?;
    let found = (read_epochs(&transaction)?, segment::rows(&transaction)?, read::last_group(&transaction)?);
    transaction.commit()?;
    Ok(found)
}

fn read_epochs(connection: &Connection) -> rusqlite::Result<Vec<EpochRow>> {
    let mut select = connection
        .prepare("SELECT epoch, after_seq, opened_ns, previous_hash, hash FROM epoch ORDER BY epoch")?;
    let rows = select.query_map([], |row| {
        Ok(EpochRow {
            info: EpochInfo {
                epoch: row.get::<_, i64>(0)?.cast_unsigned(),
                after_seq: row.get::<_, i64>(1)?.cast_unsigned(),
                opened_ns: row.get(2)?,
            },
            previous_hash: ChainHash(row.get::<_, [u8; HASH_SIZE]>(3)?),
            hash: ChainHash(row.get::<_, [u8; HASH_SIZE]>(4)?),
        })
    })?;
    rows.collect()
}

/// The hash of the link before: as stored and as computed. A link that follows either is well chained, so
/// that one damaged column is reported once and not again at every later link.
#[derive(Clone, Copy)]
struct Previous {
    stored: ChainHash,
    computed: ChainHash,
}

impl Previous {
    fn is(&self, hash: ChainHash) -> bool {
        hash == self.stored || hash == self.computed
    }
}

struct Walk {
    survey: Survey,
    /// `None` where the link before is gone, or trusted unread at the start.
    previous: Option<Previous>,
    /// `None` after a group whose record count cannot be trusted.
    expected_seq: Option<u64>,
    next_epoch_index: usize,
    /// The row of the segment before; the genesis at the beginning, `None` where the walk began later.
    segment_link: Option<ChainHash>,
    start_seq: u64,
    /// The key of the last group of this walk.
    until_key: i64,
    /// Heads that must be found on the way, with what stands at their position.
    awaited: Vec<(Head, Option<Previous>)>,
}

impl Walk {
    fn new(
        meta: Meta,
        epochs: Vec<EpochRow>,
        segments: Vec<SegmentInfo>,
        start_seq: u64,
        until_seq: u64,
        awaited: Vec<Head>,
    ) -> Self {
        let genesis = Previous { stored: meta.genesis(), computed: meta.genesis() };
        let mut walk = Self {
            previous: Some(genesis),
            expected_seq: Some(start_seq.max(1)),
            next_epoch_index: 0,
            segment_link: Some(genesis.computed),
            start_seq,
            until_key: until_seq.cast_signed(),
            awaited: awaited.into_iter().map(|head| (head, None)).collect(),
            survey: Survey {
                meta,
                head: Head { position: Position::default(), hash: genesis.computed },
                group_count: 0,
                record_count: 0,
                byte_count: 0,
                first_seq: 0,
                known_durable_seq: 0,
                epochs,
                segments,
                damages: Vec::new(),
            },
        };
        walk.reached(Position::default(), genesis);
        if start_seq > 0 {
            walk.previous = None;
            walk.segment_link = None;
            let is_before = |row: &EpochRow| row.info.after_seq < start_seq;
            walk.next_epoch_index = walk.survey.epochs.iter().take_while(|row| is_before(row)).count();
            walk.survey.head.position.epoch = walk.opened_epoch();
        }
        walk
    }

    fn note(&mut self, damage: Damage) {
        self.survey.damages.push(damage);
    }

    fn note_once(&mut self, damage: Damage) {
        if !self.survey.damages.contains(&damage) {
            self.note(damage);
        }
    }

    /// Steps onto a link.
    fn reached(&mut self, position: Position, link: Previous) {
        self.previous = Some(link);
        self.survey.head = Head { position, hash: link.computed };
        for (head, found) in &mut self.awaited {
            let is_there = match head.position.epoch {
                0 => head.position.seq == position.seq,
                _ => head.position == position,
            };
            // Of several links at a sequence number the one with the hash is meant.
            if is_there && !found.is_some_and(|found| found.is(head.hash)) {
                *found = Some(link);
            }
        }
    }

    /// The sealed groups, then the live ones; beside a compaction some may move from these to those on the way.
    fn groups(&mut self, connection: &Connection, path: &Path, shelf: &Shelf) -> rusqlite::Result<()> {
        let mut select = connection.prepare(
            "SELECT first_seq, record_count, epoch, committed_ns, durable_seq, bytes, crc32c, previous_hash, hash
             FROM journal_group WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq LIMIT ?3",
        )?;
        let mut from_key = self.sealed(path, shelf, 0).max(self.start_seq).cast_signed();
        loop {
            // One transaction a page: a log that somebody reads cannot begin anew.
            let mut rows = select.query([from_key, self.until_key, GROUPS_PER_PAGE])?;
            let mut last_key = None;
            while let Some(row) = rows.next()? {
                let key = row.get::<_, i64>(0)?;
                let first_seq = key.cast_unsigned();
                if last_key.is_none() && self.expected_seq.is_some_and(|expected| expected < first_seq) {
                    let known = self.survey.segments.len();
                    self.survey.segments = segment::rows(connection)?;
                    if known < self.survey.segments.len() {
                        from_key = self.sealed(path, shelf, known).cast_signed();
                        last_key = Some(from_key - 1);
                        break;
                    }
                }
                last_key = Some(key);
                match read::read_group(row) {
                    Ok(group) => self.group(&group),
                    Err(error) => {
                        self.note(Damage::GroupUnreadable { first_seq, reason: error.to_string() });
                        (self.previous, self.expected_seq) = (None, None);
                    }
                }
            }
            match last_key {
                Some(last_key) if last_key < self.until_key => from_key = last_key + 1,
                _ => return Ok(()),
            }
        }
    }

    /// The segments from one on; returns the sequence number behind the last.
    fn sealed(&mut self, path: &Path, shelf: &Shelf, from: usize) -> u64 {
        let mut next_seq = 0;
        let infos: Vec<SegmentInfo> = self.survey.segments[from..].to_vec();
        for info in infos {
            next_seq = info.last_seq.saturating_add(1);
            if next_seq <= self.start_seq {
                continue;
            }
            self.segment_row(&info);
            let Some(file) = shelf.find(path, &info) else {
                let SegmentInfo { number, first_seq, last_seq, .. } = info;
                let file_name = info.file_name.clone();
                self.note(Damage::SegmentMissing { number, first_seq, last_seq, file_name });
                self.skip(&info);
                continue;
            };
            match segment::file_hash(&file) {
                Ok(hash) if hash == info.file_hash => {}
                Ok(hash) => {
                    let reason = format!("its file has hash {hash}, expected {}", info.file_hash);
                    self.segment_damaged(&info, reason);
                }
                Err(error) => self.segment_damaged(&info, error.to_string()),
            }
            if let Err(reason) = self.segment_groups(&file, &info) {
                self.segment_damaged(&info, reason);
                self.skip(&info);
            }
        }
        next_seq
    }

    fn segment_damaged(&mut self, info: &SegmentInfo, reason: String) {
        let SegmentInfo { number, first_seq, last_seq, .. } = *info;
        self.note(Damage::SegmentDamaged { number, first_seq, last_seq, reason });
    }

    /// The row in the live database, and that it follows the one before it.
    fn segment_row(&mut self, info: &SegmentInfo) {
        let computed = info.computed_hash();
        if computed != info.hash {
            self.segment_damaged(info, format!("its row has hash {computed}, expected {}", info.hash));
        } else if let Some(link) = self.segment_link.filter(|link| *link != info.previous_hash) {
            self.segment_damaged(info, format!("it follows row {}, expected {link}", info.previous_hash));
        }
        self.segment_link = Some(info.hash);
    }

    fn segment_groups(&mut self, file: &Path, info: &SegmentInfo) -> Result<(), String> {
        let open = SegmentFile::open(file, info.number).map_err(|error| error.to_string())?;
        let mut seq = self.start_seq.max(info.first_seq);
        while seq <= info.last_seq {
            let block = open.block(seq)?;
            let from_seq = seq;
            for group in block.iter().filter(|group| from_seq <= group.header.first_seq) {
                seq = group.header.last_seq().saturating_add(1);
                self.group(group);
            }
            if seq == from_seq {
                return Err(format!("it has no group from seq {seq} on"));
            }
        }
        let is_end = self.previous.is_some_and(|previous| previous.is(info.last_hash));
        match seq == info.last_seq + 1 && (is_end || !self.survey.damages.is_empty()) {
            true => Ok(()),
            false => Err("it does not end in the link that its row names".to_owned()),
        }
    }

    /// Steps over a segment that cannot be read, onto the link that its row names.
    fn skip(&mut self, info: &SegmentInfo) {
        while let Some(&row) = self.survey.epochs.get(self.next_epoch_index) {
            if info.last_seq <= row.info.after_seq {
                break;
            }
            self.next_epoch_index += 1;
            self.previous = None;
            self.epoch(&row);
        }
        let position = Position { epoch: self.opened_epoch(), seq: info.last_seq };
        self.reached(position, Previous { stored: info.last_hash, computed: info.last_hash });
        self.expected_seq = Some(info.last_seq.saturating_add(1));
    }

    fn group(&mut self, group: &SealedGroup) {
        let header = &group.header;
        self.epochs_before(header.first_seq);
        self.check_seq(header.first_seq);
        self.check_epoch(group);
        let is_intact = self.check_seal(group);
        self.expected_seq = is_intact.then(|| header.last_seq() + 1);
        if is_intact {
            if Frames::count_exact(&group.bytes) != Some(header.record_count) {
                let (first_seq, record_count) = (header.first_seq, header.record_count);
                self.note(Damage::RecordsMalformed { first_seq, record_count });
            }
            self.survey.known_durable_seq = self.survey.known_durable_seq.max(header.durable_seq);
        }
        if self.survey.group_count == 0 {
            self.survey.first_seq = header.first_seq;
        }
        self.survey.group_count += 1;
        self.survey.record_count += u64::from(header.record_count);
        self.survey.byte_count += group.bytes.len() as u64;
    }

    fn check_seq(&mut self, first_seq: u64) {
        match self.expected_seq {
            Some(expected) if expected < first_seq => {
                self.note(Damage::GroupMissing { first_seq: expected, found_seq: first_seq });
                self.previous = None;
            }
            Some(expected_seq) if first_seq < expected_seq => {
                self.note(Damage::GroupOverlaps { first_seq, expected_seq });
                self.previous = None;
            }
            _ => {}
        }
    }

    /// Checks checksum, hash and chain; returns whether header and bytes are proven.
    fn check_seal(&mut self, group: &SealedGroup) -> bool {
        let first_seq = group.header.first_seq;
        let actual_crc = group.header.crc32c(&group.bytes);
        let computed = group.header.hash(group.previous_hash, &group.bytes);
        let before = self.previous;
        let is_chained = before.is_none_or(|previous| previous.is(group.previous_hash));
        let is_crc_right = actual_crc == group.crc32c;
        let is_hash_right = computed == group.hash;
        self.reached(group.header.position(), Previous { stored: group.hash, computed });

        if !is_crc_right && !is_hash_right {
            let record_count = group.header.record_count;
            let (expected, actual) = (group.crc32c, actual_crc);
            self.note(Damage::GroupDamaged { first_seq, record_count, expected, actual });
            return false;
        }
        if let (false, Some(previous)) = (is_chained, before) {
            let expected = previous.computed;
            let bytes_proven = group.header.hash(expected, &group.bytes) == group.hash;
            self.note(Damage::ChainBroken { first_seq, expected, actual: group.previous_hash, bytes_proven });
        } else if !is_hash_right {
            self.note(Damage::HashDamaged { first_seq, expected: computed, actual: group.hash });
        }
        if !is_crc_right {
            self.note(Damage::ChecksumDamaged { first_seq, expected: actual_crc, actual: group.crc32c });
        }
        true
    }

    /// A group can only belong to the epoch that was opened last before it.
    fn check_epoch(&mut self, group: &SealedGroup) {
        let epoch = group.header.epoch;
        let is_proven = group.header.crc32c(&group.bytes) == group.crc32c;
        if is_proven && epoch != self.opened_epoch() {
            self.note_once(Damage::EpochMissing { epoch });
            self.previous = None;
        }
    }

    fn opened_epoch(&self) -> u64 {
        let opened = self.next_epoch_index.checked_sub(1);
        opened.map_or(0, |index| self.survey.epochs[index].info.epoch)
    }

    /// Steps onto the epoch rows that stand before a sequence number.
    fn epochs_before(&mut self, seq: u64) {
        while let Some(&row) = self.survey.epochs.get(self.next_epoch_index) {
            if seq <= row.info.after_seq {
                return;
            }
            self.next_epoch_index += 1;
            self.epoch(&row);
        }
    }

    fn epoch(&mut self, row: &EpochRow) {
        let EpochInfo { epoch, after_seq, opened_ns } = row.info;
        let expected_epoch = self.survey.head.position.epoch + 1;
        if expected_epoch < epoch {
            self.note_once(Damage::EpochMissing { epoch: expected_epoch });
            self.previous = None;
        }
        let computed = epoch_hash(row.previous_hash, epoch, after_seq, opened_ns);
        if let Some(previous) = self.previous.filter(|previous| !previous.is(row.previous_hash)) {
            self.note(Damage::EpochDamaged { epoch, expected: previous.computed, actual: row.previous_hash });
        } else if computed != row.hash {
            self.note(Damage::EpochDamaged { epoch, expected: computed, actual: row.hash });
        }
        self.reached(Position { epoch, seq: after_seq }, Previous { stored: row.hash, computed });
    }

    /// Compares with what was acknowledged: by the mark file, and by a head kept elsewhere.
    fn compare_heads(&mut self) {
        let found = self.survey.head.position;
        for (head, link) in std::mem::take(&mut self.awaited) {
            let position = head.position;
            if found.seq < position.seq || found.epoch < position.epoch {
                self.note(Damage::TailMissing { acknowledged: position, found });
                continue;
            }
            let is_unread = position.seq < self.start_seq;
            match link {
                Some(link) if link.is(head.hash) => {}
                Some(link) => self.note(Damage::HistoryReplaced {
                    position,
                    expected: head.hash,
                    actual: Some(link.computed),
                }),
                // Next to other damage an absent position is only its echo.
                None if is_unread || !self.survey.damages.is_empty() => {}
                None => self.note(Damage::HistoryReplaced { position, expected: head.hash, actual: None }),
            }
        }
    }

    fn compare_mark(&mut self, found_mark: &FoundMark) {
        match found_mark {
            // A crash between creating the journal and creating its mark: nothing was ever acknowledged.
            FoundMark::Absent if self.survey.group_count == 0 && self.survey.epochs.is_empty() => {}
            FoundMark::Absent => self.note(Damage::MarkMissing { found: self.survey.head.position }),
            FoundMark::Unreadable => {
                self.note(Damage::MarkUnreadable { reason: "neither slot is whole".to_owned() });
            }
            FoundMark::Present(mark) if mark.journal_id != self.survey.meta.journal_id => {
                self.note(Damage::MarkUnreadable { reason: "it belongs to another journal".to_owned() });
            }
            FoundMark::Present(_) => {}
        }
    }
}
