//! The committer thread: the only one that writes, one group at a time, and sleeps in between.
//!
//! Order of a commit: write and sync the group, write the mark, move `durable_seq`, wake the poller. Nothing
//! is ever announced that the mark does not know.

use super::archive;
use super::chain::{ChainHash, GroupHeader, Head};
use super::compact::{CompactOptions, Compaction};
use super::error::JournalError;
use super::fault::{Fault, Faults};
use super::files::{WAL_BYTES_KEPT, WAL_BYTES_WARNED, wal_bytes};
use super::mark::MarkFile;
use super::options::{MARK_SYNC_INTERVAL, OpenOptions};
use super::segment;
use super::shared::{Group, JournalStatus, Shared};
use super::snapshot::SnapshotJob;
use super::store::{PAGE_COUNT_UNLIMITED, Refusal, Store, refusal};
use rusqlite::ffi;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub(crate) const SPAWN_NAME: &str = "journal";

/// Nothing must have arrived for this long before the committer does something else than commit.
const CHORE_PAUSE: Duration = Duration::from_millis(2);
/// The write-ahead log is moved into the database from this size on when idle (2 MiB).
const WAL_PAGES_IDLE: u64 = 500;
/// And from this size on in any case (8 MiB): a commit that waits for it waits about 10 ms, measured; at
/// 64 MiB it was 150 ms.
const WAL_PAGES_MAX: u64 = 2_000;
/// Under unbroken load steps of snapshots and compactions take at most one part in so many of the committer's time. By time
/// and not by groups: a group is one bet or a megabyte, and what is to be sealed grows with the bytes.
const STEP_TIME_SHARE: u32 = 10;
/// What the deletes of one step write to the log, about: the pages of the index, and lists of free pages.
const PAGES_PER_DELETE: u64 = 16;
/// A log that has grown is looked at so often, when idle.
const LOG_PAUSE: Duration = Duration::from_secs(1);
/// Under load readers of a log that is far too large are waited for so long, as long as a follower's read may take; and so
/// seldom, because commits wait meanwhile, and a reader that stays is not waited out.
const LOG_PATIENCE: Duration = Duration::from_millis(250);
const LOG_PATIENCE_PAUSE: Duration = Duration::from_secs(15);
/// The files beside the database are looked for so often under load; each costs a system call.
const FILES_LOOK_INTERVAL: Duration = Duration::from_millis(100);
const PAGE_SIZE: u64 = 4096;
/// Pages of index and header that a group touches beside its own bytes.
const PAGES_PER_GROUP: u64 = 3;

pub(crate) struct Committer {
    shared: Arc<Shared>,
    store: Store,
    mark: MarkFile,
    head: Head,
    clock_ns: fn() -> i64,
    full_retry_pause: Duration,
    faults: Option<Box<dyn Faults>>,
    attempt: u64,
    page_count_max: u32,
    snapshot: Option<SnapshotJob>,
    is_compacting: bool,
    segment_bytes: u64,
    compaction: Option<Compaction>,
    /// Where a snapshot and a compaction are both on their way, their steps take turns.
    is_compaction_next: bool,
    /// When the last step ended, and how long it took.
    step_ended_at: Instant,
    step_took: Duration,
    wal_page_count: u64,
    is_mark_synced: bool,
    mark_synced_at: Instant,
    is_log_large: bool,
    log_seen_at: Instant,
    /// When readers were waited for last.
    log_waited_at: Option<Instant>,
    files_seen_at: Instant,
}

enum Work {
    Group(Group),
    Chore,
    Close,
}

impl Committer {
    pub fn new(
        shared: Arc<Shared>,
        store: Store,
        mark: MarkFile,
        head: Head,
        options: &OpenOptions,
        faults: Option<Box<dyn Faults>>,
    ) -> Self {
        if let Ok(sealed_seq) = segment::sealed_seq(&store.connection) {
            shared.sealed_seq.store(sealed_seq, Ordering::Relaxed);
        }
        let mut committer = Self {
            shared,
            store,
            mark,
            head,
            clock_ns: options.clock_ns,
            full_retry_pause: options.full_retry_pause,
            faults,
            attempt: 0,
            page_count_max: options.page_count_max.unwrap_or(PAGE_COUNT_UNLIMITED),
            snapshot: None,
            is_compacting: options.is_compacting,
            segment_bytes: options.segment_bytes,
            compaction: None,
            is_compaction_next: false,
            step_ended_at: Instant::now(),
            step_took: Duration::ZERO,
            wal_page_count: 0,
            is_mark_synced: true,
            mark_synced_at: Instant::now(),
            is_log_large: false,
            log_seen_at: Instant::now(),
            log_waited_at: None,
            files_seen_at: Instant::now(),
        };
        // What a process before left undone.
        committer.compaction = committer.is_compacting.then(|| committer.next_compaction());
        committer
    }

    /// Works until the journal is closed or poisoned.
    pub fn run(mut self) -> Result<Head, JournalError> {
        let _guard = PanicGuard(self.shared.clone());
        match self.work() {
            Ok(()) => self.finish(),
            Err(error) => Err(error),
        }
    }

    fn work(&mut self) -> Result<(), JournalError> {
        loop {
            match self.next_work() {
                Work::Group(group) => {
                    self.commit(&group)?;
                    self.shared.recycle(group);
                    self.timed(Self::chores_under_load)?;
                }
                Work::Chore => self.timed(Self::chore_when_idle)?,
                Work::Close => return Ok(()),
            }
        }
    }

    fn timed(&mut self, chore: fn(&mut Self) -> Result<(), JournalError>) -> Result<(), JournalError> {
        let began = Instant::now();
        chore(self)?;
        let took_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.chore_ns_max.fetch_max(took_ns, Ordering::Relaxed);
        Ok(())
    }

    fn next_work(&self) -> Work {
        let mut inbox = self.shared.inbox();
        loop {
            if let Some(group) = inbox.groups.pop_front() {
                return Work::Group(group);
            }
            if inbox.close_by.is_some() {
                return Work::Close;
            }
            let pause = self.next_chore(inbox.snapshot.is_some());
            let is_notified;
            (inbox, is_notified) = self.shared.park(inbox, pause);
            if !is_notified {
                return Work::Chore;
            }
        }
    }

    /// When there is something to do although nothing arrives; `None` lets the thread sleep for good.
    fn next_chore(&self, is_snapshot_waiting: bool) -> Option<Duration> {
        if self.snapshot.is_some()
            || self.compaction.is_some()
            || is_snapshot_waiting
            || WAL_PAGES_IDLE <= self.wal_page_count
        {
            return Some(CHORE_PAUSE);
        }
        if self.is_mark_synced {
            return self
                .is_log_large
                .then(|| LOG_PAUSE.saturating_sub(self.log_seen_at.elapsed()).max(CHORE_PAUSE));
        }
        Some(MARK_SYNC_INTERVAL.saturating_sub(self.mark_synced_at.elapsed()).max(CHORE_PAUSE))
    }

    /// Makes one group durable, however long the disk is full.
    fn commit(&mut self, group: &Group) -> Result<(), JournalError> {
        loop {
            let refused = match self.try_commit(group) {
                Ok(()) => return Ok(()),
                Err(Stop::Refused(refused)) => refused,
                Err(Stop::Error(reason)) => {
                    return Err(self.poison(format!("commit of group {}: {reason}", group.first_seq)));
                }
            };
            let is_full = refused == JournalStatus::Full;
            self.shared.set_status(refused);
            if is_full {
                // Moves the log into the database if that has free pages, and the log can begin anew.
                self.checkpoint()?;
            }
            if !self.pause_for_space() {
                return Err(self.files_missing().unwrap_or_else(|| JournalError::ClosedFull {
                    lost_records: u64::from(group.record_count),
                }));
            }
        }
    }

    fn try_commit(&mut self, group: &Group) -> Result<(), Stop> {
        let header = GroupHeader {
            first_seq: group.first_seq,
            record_count: group.record_count,
            epoch: self.head.position.epoch,
            committed_ns: (self.clock_ns)(),
            durable_seq: self.head.position.seq,
        };
        assert_eq!(header.first_seq, self.head.position.seq + 1, "groups leave no gap");
        let hash = header.hash(self.head.hash, &group.bytes);
        if let Some(path) = self.look_for_files() {
            return Err(Stop::Refused(JournalStatus::FilesMissing(path)));
        }
        self.apply_page_count_max()?;
        let fault = self.next_fault();
        match fault {
            Fault::DiskFull => return Err(injected(ffi::SQLITE_FULL).into()),
            Fault::SyncFails => return Err(injected(ffi::SQLITE_IOERR_FSYNC).into()),
            Fault::Slow(pause) => std::thread::sleep(pause),
            Fault::None | Fault::SyncFailsAfterWrite => {}
        }
        match group.archived.is_empty() {
            true => self.store.insert_group(&header, &group.bytes, self.head.hash, hash)?,
            false => self.insert_with_archive(group, &header, hash)?,
        }
        if fault == Fault::SyncFailsAfterWrite {
            return Err(injected(ffi::SQLITE_IOERR_FSYNC).into());
        }
        let head = Head { position: header.position(), hash };
        self.mark.write(head).map_err(|error| Stop::Error(error.to_string()))?;
        self.head = head;
        self.is_mark_synced = false;
        // A row may touch a page of each of the two tables.
        self.wal_page_count +=
            group.bytes.len() as u64 / PAGE_SIZE + PAGES_PER_GROUP + group.archived.len() as u64 / 2;
        self.acknowledge(group.bytes.len());
        Ok(())
    }

    /// A group and what its records took to the archive: both or, where the archive is damaged, the group alone. The archive
    /// is derived, and money does not wait for it; it is stale from then on, and made anew by the next start.
    fn insert_with_archive(
        &mut self,
        group: &Group,
        header: &GroupHeader,
        hash: ChainHash,
    ) -> rusqlite::Result<()> {
        let previous = self.head.hash;
        let transaction = self.store.connection.unchecked_transaction()?;
        self.store.insert_group(header, &group.bytes, previous, hash)?;
        let refused = match archive::insert(&transaction, &group.archived) {
            Ok(()) => return transaction.commit(),
            Err(error) if is_damage(&error) => error,
            Err(error) => return Err(error),
        };
        transaction.rollback()?;
        let transaction = self.store.connection.unchecked_transaction()?;
        self.store.insert_group(header, &group.bytes, previous, hash)?;
        // Where not even that can be written, the count tells it at the next start.
        let _ = archive::make_stale(&transaction);
        transaction.commit()?;
        self.shared.set_archive_fault(in_words(&refused));
        Ok(())
    }

    fn acknowledge(&self, byte_count: usize) {
        self.shared.durable_bytes.fetch_add(byte_count as u64, Ordering::Release);
        self.shared.group_count.fetch_add(1, Ordering::Relaxed);
        self.shared.durable_seq.store(self.head.position.seq, Ordering::Release);
        self.shared.set_status(JournalStatus::Healthy);
        self.shared.announce();
    }

    /// The database before every commit; all files once one was missed.
    fn look_for_files(&self) -> Option<PathBuf> {
        let watch = &self.shared.watch;
        let missing = match self.shared.are_files_missing.load(Ordering::Acquire) {
            true => watch.missing(),
            false => watch.missing_database(),
        };
        missing.map(Path::to_owned)
    }

    /// The files beside the database, after a commit: nobody waits for it.
    fn look_beside(&mut self) {
        if FILES_LOOK_INTERVAL <= self.files_seen_at.elapsed() {
            self.files_seen_at = Instant::now();
            if let Some(path) = self.shared.watch.missing() {
                self.shared.set_status(JournalStatus::FilesMissing(path.to_owned()));
            }
        }
    }

    fn files_missing(&self) -> Option<JournalError> {
        self.shared.watch.missing().map(|path| JournalError::FilesMissing { path: path.to_owned() })
    }

    fn next_fault(&mut self) -> Fault {
        let attempt = self.attempt;
        self.attempt += 1;
        self.faults.as_mut().map_or(Fault::None, |faults| faults.at_commit(attempt))
    }

    fn apply_page_count_max(&mut self) -> rusqlite::Result<()> {
        let page_count_max = self.shared.page_count_max.load(Ordering::Relaxed);
        if page_count_max != self.page_count_max {
            self.store.set_page_count_max(page_count_max)?;
            self.page_count_max = page_count_max;
        }
        Ok(())
    }

    /// Sleeps until the next attempt; `false` when the journal is being closed and its patience is over.
    fn pause_for_space(&self) -> bool {
        let resume_at = Instant::now() + self.full_retry_pause;
        let mut inbox = self.shared.inbox();
        loop {
            let now = Instant::now();
            if inbox.close_by.is_some_and(|close_by| close_by <= now) {
                return false;
            }
            if resume_at <= now {
                return true;
            }
            // New groups wake this thread too; it goes on sleeping, the disk is not emptier for them.
            (inbox, _) = self.shared.park(inbox, Some(resume_at - now));
        }
    }

    fn chores_under_load(&mut self) -> Result<(), JournalError> {
        self.look_beside();
        if WAL_PAGES_MAX <= self.wal_page_count {
            self.checkpoint()?;
            if self.is_log_large
                && WAL_BYTES_WARNED < wal_bytes(&self.store.path)
                && self.log_waited_at.is_none_or(|waited_at| LOG_PATIENCE_PAUSE <= waited_at.elapsed())
            {
                self.wait_for_readers()?;
            }
        }
        if MARK_SYNC_INTERVAL <= self.mark_synced_at.elapsed() {
            self.sync_mark()?;
        }
        if self.step_took * (STEP_TIME_SHARE - 1) <= self.step_ended_at.elapsed() {
            self.step()?;
        }
        Ok(())
    }

    fn chore_when_idle(&mut self) -> Result<(), JournalError> {
        if !self.is_mark_synced && MARK_SYNC_INTERVAL <= self.mark_synced_at.elapsed() {
            self.sync_mark()
        } else if WAL_PAGES_IDLE <= self.wal_page_count {
            self.checkpoint()
        } else if self.is_log_large && LOG_PAUSE <= self.log_seen_at.elapsed() {
            self.truncate_log()
        } else {
            self.step()
        }
    }

    fn sync_mark(&mut self) -> Result<(), JournalError> {
        if !self.is_mark_synced {
            self.mark.sync().map_err(|error| self.poison(error.to_string()))?;
            self.is_mark_synced = true;
        }
        self.mark_synced_at = Instant::now();
        Ok(())
    }

    /// Moves the write-ahead log into the database. Refused for want of space or by a reader, it is tried
    /// again later: the groups are durable in the log.
    fn checkpoint(&mut self) -> Result<(), JournalError> {
        // After a refusal the next attempt waits for another WAL_PAGES_IDLE pages.
        self.wal_page_count = 0;
        let outcome = self.store.checkpoint();
        self.after_checkpoint(outcome.map(drop))
    }

    /// A log that a reader let grow is cut when the reader has gone and nothing else is to be done.
    fn truncate_log(&mut self) -> Result<(), JournalError> {
        let outcome = self.store.truncate_log(Duration::ZERO);
        self.after_checkpoint(outcome.map(drop))
    }

    /// Where many read one after another, each for a moment, there is always somebody, and the log never begins anew by
    /// itself. Those that began before end while this waits; who begins meanwhile reads the database.
    fn wait_for_readers(&mut self) -> Result<(), JournalError> {
        let outcome = self.store.truncate_log(LOG_PATIENCE);
        self.log_waited_at = Some(Instant::now());
        self.after_checkpoint(outcome.map(drop))
    }

    fn after_checkpoint(&mut self, outcome: rusqlite::Result<()>) -> Result<(), JournalError> {
        self.is_log_large = WAL_BYTES_KEPT < wal_bytes(&self.store.path);
        self.log_seen_at = Instant::now();
        match outcome {
            Err(error) if refusal(&error) == Refusal::Fatal => {
                Err(self.poison(format!("checkpoint: {}", in_words(&error))))
            }
            _ => Ok(()),
        }
    }

    /// A step of the snapshot or of the compaction.
    fn step(&mut self) -> Result<(), JournalError> {
        let began = Instant::now();
        if self.snapshot.is_none() {
            self.snapshot = self.shared.inbox().snapshot.take().map(SnapshotJob::new);
        }
        // Taken only when no group waits, or at the latest when its groups are through: see `write_snapshot`.
        let has_snapshot = self.snapshot.as_ref().is_some_and(|job| job.seq() <= self.head.position.seq);
        match has_snapshot && !(self.is_compaction_next && self.compaction.is_some()) {
            true => self.step_snapshot()?,
            false => self.step_compaction()?,
        }
        self.is_compaction_next = has_snapshot && !self.is_compaction_next;
        self.step_ended_at = Instant::now();
        self.step_took = self.step_ended_at - began;
        Ok(())
    }

    fn step_snapshot(&mut self) -> Result<(), JournalError> {
        let Some(job) = self.snapshot.as_mut() else { return Ok(()) };
        let was_written = job.is_written();
        let outcome = job.step(&self.store.connection);
        if !was_written && job.is_written() {
            self.shared.snapshot_seq.store(job.seq(), Ordering::Release);
            self.shared.announce();
        }
        match outcome {
            Ok(is_done) => {
                if is_done {
                    self.snapshot = None;
                    if self.is_compacting && self.compaction.is_none() {
                        self.compaction = Some(self.next_compaction());
                    }
                }
            }
            Err(error) if refusal(&error) == Refusal::Fatal => {
                return Err(self.poison(format!("snapshot: {}", in_words(&error))));
            }
            Err(_) => {
                // Its parts are removed by the next one.
                self.snapshot = None;
                self.shared.snapshots_failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.wal_page_count += super::SNAPSHOT_PART_SIZE as u64 / PAGE_SIZE;
        Ok(())
    }

    fn next_compaction(&self) -> Compaction {
        let segment_bytes_max = Some(self.segment_bytes);
        let options =
            CompactOptions { now_ns: (self.clock_ns)(), segment_bytes_max, ..CompactOptions::default() };
        Compaction::new(&self.store.path, options, true)
    }

    /// Seals old groups a step at a time. A refusal gives it up until the next snapshot; nothing is lost by that.
    fn step_compaction(&mut self) -> Result<(), JournalError> {
        let Some(compaction) = self.compaction.as_mut() else { return Ok(()) };
        if compaction.is_writing() {
            self.wal_page_count += PAGES_PER_DELETE;
        }
        match compaction.step(&self.store.connection) {
            Ok(is_done) => {
                if let Some(sealed) = &compaction.sealed {
                    self.shared.sealed_seq.store(sealed.last_seq, Ordering::Relaxed);
                }
                if is_done {
                    let has_more = compaction.sealed.is_some();
                    self.compaction = has_more.then(|| self.next_compaction());
                }
            }
            Err(JournalError::Storage { source, .. }) if refusal(&source) == Refusal::Fatal => {
                return Err(self.poison(format!("compaction: {}", in_words(&source))));
            }
            Err(_) => {
                self.compaction = None;
                self.shared.compactions_failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Head, JournalError> {
        // A compaction goes on in the next process.
        self.compaction = None;
        while self.snapshot.is_some() || self.shared.inbox().snapshot.is_some() {
            self.step()?;
        }
        self.sync_mark()?;
        if let Some(missing) = self.files_missing() {
            // Everything went into files that nobody will find: that is not a clean end.
            return Err(missing);
        }
        self.checkpoint()?;
        let (shared, head) = (self.shared.clone(), self.head);
        self.store.close().map_err(|error| poison(&shared, format!("close: {}", in_words(&error))))?;
        Ok(head)
    }

    fn poison(&self, reason: String) -> JournalError {
        poison(&self.shared, reason)
    }
}

fn poison(shared: &Shared, reason: String) -> JournalError {
    shared.set_status(JournalStatus::Poisoned(reason.clone()));
    JournalError::SyncFailed { reason }
}

/// Why a commit did not happen.
enum Stop {
    /// Nothing was written; the status says why, and the group is tried again.
    Refused(JournalStatus),
    /// The state of the disk is unknown.
    Error(String),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        match refusal(&error) {
            Refusal::Full => Self::Refused(JournalStatus::Full),
            Refusal::Busy => Self::Refused(JournalStatus::Blocked),
            Refusal::Fatal => Self::Error(in_words(&error)),
        }
    }
}

/// SQLite's sentence does not say which call failed; its extended code does.
fn in_words(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(code) => format!("{error} (SQLite code {})", code.extended_code),
        None => error.to_string(),
    }
}

/// What is stored is not what was written; unlike a failed write or sync, which say nothing certain about the disk.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        // The last one: a table is not there.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => true,
        Some(_) => false,
        None => true,
    }
}

#[cold]
fn injected(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("injected".to_owned()))
}

/// A committer that panics must not look like one that is slow.
struct PanicGuard(Arc<Shared>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            poison(&self.0, "the committer panicked".to_owned());
        }
    }
}
