//! What the engine's thread and the committer share: the inbox of groups, the durable mark, the status.

use super::archive::Archived;
use super::error::JournalError;
use super::files::{self, FileWatch};
use super::snapshot::NewSnapshot;
use super::wakeup::Wakeup;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Buffers that are kept for reuse.
const SPARE_BUFFERS_MAX: usize = 4;

/// Whether the journal takes and keeps records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalStatus {
    /// Groups become durable.
    Healthy,
    /// The disk or the quota is full. Appended records wait in memory and are tried again; refuse commands
    /// that move money meanwhile.
    Full,
    /// Another program holds SQLite's write lock for longer than a second. Otherwise like `Full`.
    Blocked,
    /// A file of the journal was removed or replaced under it. Nothing becomes durable until the same file is back: what
    /// is written into a file without a name is gone with the process.
    FilesMissing(PathBuf),
    /// A commit or a sync failed, in these words: stop the process. Nothing is tried again.
    Poisoned(String),
}

impl JournalStatus {
    /// Whether new commands that need durability should be taken.
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy)
    }
}

/// Records that will be committed together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub first_seq: u64,
    pub record_count: u32,
    pub bytes: Vec<u8>,
    /// What its records took to the archive.
    pub archived: Archived,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub groups: VecDeque<Group>,
    pub snapshot: Option<NewSnapshot>,
    pub spare: Vec<Vec<u8>>,
    /// Set by the committer before it sleeps, so that only a sleeper costs a system call.
    pub is_parked: bool,
    pub close_by: Option<Instant>,
    waiter_count: u32,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub durable_seq: AtomicU64,
    /// Bytes made durable since the opening, to bound what waits.
    pub durable_bytes: AtomicU64,
    /// Groups made durable since the opening.
    pub group_count: AtomicU64,
    pub snapshot_seq: AtomicU64,
    pub snapshots_failed: AtomicU64,
    pub compactions_failed: AtomicU64,
    /// The last record in a segment.
    pub sealed_seq: AtomicU64,
    /// The longest that the committer did something else than commit, in nanoseconds.
    pub chore_ns_max: AtomicU64,
    pub page_count_max: AtomicU32,
    status: Mutex<JournalStatus>,
    /// Why tickets could not be written to the archive: it is stale since.
    archive_fault: Mutex<Option<String>>,
    has_archive_fault: AtomicBool,
    is_poisoned: AtomicBool,
    /// The status is `FilesMissing`.
    pub are_files_missing: AtomicBool,
    inbox: Mutex<Inbox>,
    /// The committer waits here for work.
    work: Condvar,
    /// Threads in `wait_durable` wait here.
    progress: Condvar,
    pub wakeup: Wakeup,
    pub watch: FileWatch,
    pub path: PathBuf,
}

impl Shared {
    pub fn new(
        path: &Path,
        durable_seq: u64,
        snapshot_seq: u64,
        page_count_max: u32,
        wakeup: Wakeup,
    ) -> Self {
        Self {
            durable_seq: AtomicU64::new(durable_seq),
            durable_bytes: AtomicU64::new(0),
            group_count: AtomicU64::new(0),
            snapshot_seq: AtomicU64::new(snapshot_seq),
            snapshots_failed: AtomicU64::new(0),
            compactions_failed: AtomicU64::new(0),
            sealed_seq: AtomicU64::new(0),
            chore_ns_max: AtomicU64::new(0),
            page_count_max: AtomicU32::new(page_count_max),
            status: Mutex::new(JournalStatus::Healthy),
            archive_fault: Mutex::default(),
            has_archive_fault: false.into(),
            is_poisoned: false.into(),
            are_files_missing: false.into(),
            inbox: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            wakeup,
            watch: FileWatch::of(path),
            path: path.to_owned(),
        }
    }

    /// A panic while the lock is held poisons the journal by itself; the data under it is whole at every step.
    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the committer if it sleeps.
    pub fn notify_committer(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let is_parked = std::mem::take(&mut inbox.is_parked);
        drop(inbox);
        if is_parked {
            self.work.notify_one();
        }
    }

    /// Lets the committer sleep until it is notified or `pause` is over; returns whether it was notified.
    pub fn park<'a>(
        &self,
        mut inbox: MutexGuard<'a, Inbox>,
        pause: Option<Duration>,
    ) -> (MutexGuard<'a, Inbox>, bool) {
        inbox.is_parked = true;
        let (mut inbox, is_notified) = match pause {
            None => (self.work.wait(inbox).unwrap_or_else(PoisonError::into_inner), true),
            Some(pause) => {
                let waited = self.work.wait_timeout(inbox, pause).unwrap_or_else(PoisonError::into_inner);
                (waited.0, !waited.1.timed_out())
            }
        };
        inbox.is_parked = false;
        (inbox, is_notified)
    }

    pub fn recycle(&self, group: Group) {
        let mut inbox = self.inbox();
        if inbox.spare.len() < SPARE_BUFFERS_MAX {
            let mut bytes = group.bytes;
            bytes.clear();
            inbox.spare.push(bytes);
        }
    }

    /// Announces that something moved: to the poller, and to threads in `wait_durable`.
    pub fn announce(&self) {
        self.wakeup.signal();
        let inbox = self.inbox();
        if inbox.waiter_count > 0 {
            self.progress.notify_all();
        }
    }

    pub fn status(&self) -> JournalStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the status; a poisoned journal stays poisoned.
    pub fn set_status(&self, status: JournalStatus) {
        let mut current = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == status || matches!(*current, JournalStatus::Poisoned(_)) {
            return;
        }
        if matches!(status, JournalStatus::Poisoned(_)) {
            self.is_poisoned.store(true, Ordering::Release);
        }
        let are_missing = matches!(status, JournalStatus::FilesMissing(_));
        self.are_files_missing.store(are_missing, Ordering::Release);
        *current = status;
        drop(current);
        self.announce();
    }

    pub fn set_archive_fault(&self, reason: String) {
        let mut fault = self.archive_fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert(reason);
        self.has_archive_fault.store(true, Ordering::Release);
    }

    pub fn check_poison(&self) -> Result<(), JournalError> {
        if self.is_poisoned.load(Ordering::Acquire) { Err(self.poison_error()) } else { Ok(()) }
    }

    #[cold]
    fn poison_error(&self) -> JournalError {
        let reason = match self.status() {
            JournalStatus::Poisoned(reason) => reason,
            _ => "the committer stopped".to_owned(),
        };
        JournalError::SyncFailed { reason }
    }
}

/// Looks at a journal from any thread; cheap to clone.
#[derive(Clone, Debug)]
pub struct JournalHandle {
    pub(crate) shared: Arc<Shared>,
}

impl JournalHandle {
    /// The last sequence number that is durable: everything up to it may be acknowledged.
    pub fn durable_seq(&self) -> u64 {
        self.shared.durable_seq.load(Ordering::Acquire)
    }

    /// Groups made durable since the opening.
    pub fn group_count(&self) -> u64 {
        self.shared.group_count.load(Ordering::Relaxed)
    }

    /// The newest durable snapshot's sequence number; 0 without one.
    pub fn snapshot_seq(&self) -> u64 {
        self.shared.snapshot_seq.load(Ordering::Acquire)
    }

    /// Snapshots given up because the disk was full; the journal itself is not concerned.
    pub fn snapshots_failed(&self) -> u64 {
        self.shared.snapshots_failed.load(Ordering::Relaxed)
    }

    /// Compactions given up, and begun anew after the next snapshot; no record is concerned.
    pub fn compactions_failed(&self) -> u64 {
        self.shared.compactions_failed.load(Ordering::Relaxed)
    }

    /// Why what left memory could not be written to the archive, if that happened since the opening: it misses tickets.
    pub fn archive_fault(&self) -> Option<String> {
        match self.shared.has_archive_fault.load(Ordering::Acquire) {
            true => self.shared.archive_fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            false => None,
        }
    }

    /// The last record that is sealed into a segment; 0 for none.
    pub fn sealed_seq(&self) -> u64 {
        self.shared.sealed_seq.load(Ordering::Relaxed)
    }

    /// The longest single piece of work between two commits since the opening, in nanoseconds: a step of a snapshot or of a
    /// compaction, a checkpoint. A group that arrives meanwhile waits for it.
    pub fn chore_ns_max(&self) -> u64 {
        self.shared.chore_ns_max.load(Ordering::Relaxed)
    }

    /// Whether groups become durable.
    pub fn status(&self) -> JournalStatus {
        self.shared.status()
    }

    /// Looks whether the files of the journal are still the ones that were opened, and returns the status after it. Call
    /// it with every heartbeat: an idle journal would not notice by itself.
    pub fn check_files(&self) -> JournalStatus {
        match (self.shared.watch.missing(), self.status()) {
            (Some(path), JournalStatus::Healthy) => {
                self.shared.set_status(JournalStatus::FilesMissing(path.to_owned()));
            }
            (None, JournalStatus::FilesMissing(_)) => self.shared.set_status(JournalStatus::Healthy),
            _ => {}
        }
        self.status()
    }

    /// The size of the write-ahead log. It stays below some [`WAL_BYTES_KEPT`](super::WAL_BYTES_KEPT) unless another
    /// program holds an old state of the journal open; then it grows with everything that is written.
    pub fn wal_bytes(&self) -> u64 {
        files::wal_bytes(&self.shared.path)
    }

    /// A descriptor that becomes readable when `durable_seq`, `snapshot_seq` or the status moved. Wait on
    /// it, do not read it: call [`drain_wakeup`](Self::drain_wakeup). It lives as long as any handle.
    pub fn as_raw_fd(&self) -> RawFd {
        self.shared.wakeup.as_raw_fd()
    }

    /// Makes the descriptor unreadable again and returns `durable_seq` as of then.
    pub fn drain_wakeup(&self) -> u64 {
        self.shared.wakeup.drain();
        self.durable_seq()
    }

    /// Changes the quota on the database file, in pages of 4 KiB; `None` lifts it.
    pub fn set_page_count_max(&self, page_count_max: Option<u32>) {
        let page_count_max = page_count_max.unwrap_or(super::store::PAGE_COUNT_UNLIMITED);
        self.shared.page_count_max.store(page_count_max, Ordering::Relaxed);
    }

    /// Waits until a record is durable; `false` when the time is over first.
    ///
    /// # Errors
    ///
    /// [`JournalError::SyncFailed`] when the journal is poisoned before.
    pub fn wait_durable(&self, seq: u64, timeout: Duration) -> Result<bool, JournalError> {
        let deadline = Instant::now() + timeout;
        let mut inbox = self.shared.inbox();
        loop {
            if seq <= self.durable_seq() {
                return Ok(true);
            }
            self.shared.check_poison()?;
            let now = Instant::now();
            if deadline <= now {
                return Ok(false);
            }
            inbox.waiter_count += 1;
            let waited = self.shared.progress.wait_timeout(inbox, deadline - now);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
            inbox.waiter_count -= 1;
        }
    }
}

impl AsFd for JournalHandle {
    /// The same descriptor as [`JournalHandle::as_raw_fd`], bound to the handle's life.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.wakeup.as_fd()
    }
}
