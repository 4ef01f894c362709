//! The writing end of the journal, owned by the engine's thread.

use super::archive::Archived;
use super::chain::{Head, RECORD_PREFIX_SIZE, push_record};
use super::committer::{Committer, SPAWN_NAME};
use super::error::JournalError;
use super::lock::JournalLock;
use super::open::Journal;
use super::options::{GROUP_BYTES_MAX, GROUP_RECORDS_MAX, RECORD_SIZE_MAX};
use super::shared::{Group, JournalHandle, Shared};
use super::snapshot::{Image, NewSnapshot};
use super::store::PAGE_COUNT_UNLIMITED;
use super::wakeup::Wakeup;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Appends records; one thread owns it. Everything that only looks is on [`JournalHandle`], to which it
/// dereferences.
///
/// A record must be appended *before* the engine applies the command: an append may be refused, an applied
/// command cannot be taken back.
#[derive(Debug)]
pub struct JournalWriter {
    handle: JournalHandle,
    current: Group,
    next_seq: u64,
    /// Where the newest record begins in the current group.
    record_offset: usize,
    appended_bytes: u64,
    epoch: u64,
    limits: Limits,
    clock_ns: fn() -> i64,
    committer: Option<JoinHandle<Result<Head, JournalError>>>,
    /// Released after the committer has ended.
    _lock: JournalLock,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    group_records_max: u32,
    group_bytes_max: usize,
    pending_records_max: u64,
    pending_bytes_max: u64,
    close_patience: Duration,
}

impl JournalWriter {
    pub(crate) fn start(journal: Journal) -> Result<Self, JournalError> {
        let Journal { store, mark, lock, head, snapshot_seq, mut options } = journal;
        let path = store.path.clone();
        let wakeup = Wakeup::new().map_err(JournalError::file(&path, "make a wake-up for"))?;
        let page_count_max = options.page_count_max.unwrap_or(PAGE_COUNT_UNLIMITED);
        let shared = Arc::new(Shared::new(&path, head.position.seq, snapshot_seq, page_count_max, wakeup));
        let limits = Limits {
            // Bounded by the constant, so the conversion cannot change the value.
            group_records_max: options.group_records_max.clamp(1, GROUP_RECORDS_MAX) as u32,
            group_bytes_max: options.group_bytes_max.min(GROUP_BYTES_MAX),
            pending_records_max: options.pending_records_max,
            pending_bytes_max: options.pending_bytes_max,
            close_patience: options.close_patience,
        };
        let clock_ns = options.clock_ns;
        let faults = options.faults.take();
        let committer = Committer::new(shared.clone(), store, mark, head, &options, faults);
        let thread = std::thread::Builder::new()
            .name(SPAWN_NAME.to_owned())
            .spawn(move || committer.run())
            .map_err(JournalError::file(&path, "start the committer of"))?;
        Ok(Self {
            handle: JournalHandle { shared },
            current: Group::default(),
            next_seq: head.position.seq + 1,
            record_offset: 0,
            appended_bytes: 0,
            epoch: head.position.epoch,
            limits,
            clock_ns,
            committer: Some(thread),
            _lock: lock,
        })
    }

    /// A handle for other threads.
    pub fn handle(&self) -> JournalHandle {
        self.handle.clone()
    }

    /// This opening's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The sequence number the next record gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Records that are appended and not yet durable.
    pub fn pending_records(&self) -> u64 {
        self.next_seq - 1 - self.durable_seq()
    }

    /// Bytes that are appended and not yet durable.
    pub fn pending_bytes(&self) -> u64 {
        self.appended_bytes - self.handle.shared.durable_bytes.load(Ordering::Acquire)
    }

    /// Takes one record into the current group and returns its sequence number. No input or output.
    ///
    /// # Errors
    ///
    /// [`JournalError::Backlog`] when too much waits for the disk, [`JournalError::RecordTooLarge`],
    /// [`JournalError::SyncFailed`] when the journal is poisoned. A refused record has no sequence number.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, JournalError> {
        if RECORD_SIZE_MAX < record.len() {
            return Err(too_large(record.len()));
        }
        self.check_room(record.len())?;
        self.append_decided(record)
    }

    /// Whether a record of this size would be taken now: asked before something is decided that has to be written.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub fn check_room(&mut self, size: usize) -> Result<(), JournalError> {
        self.handle.shared.check_poison()?;
        match self.has_room(size + RECORD_PREFIX_SIZE) {
            true => Ok(()),
            false => Err(self.backlog()),
        }
    }

    /// As [`append`](Self::append), for what is decided already and cannot be put off: it may go beyond the bound of what
    /// waits for the disk by its own size.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append), but never [`JournalError::Backlog`].
    pub fn append_decided(&mut self, record: &[u8]) -> Result<u64, JournalError> {
        if RECORD_SIZE_MAX < record.len() {
            return Err(too_large(record.len()));
        }
        self.handle.shared.check_poison()?;
        let framed_size = record.len() + RECORD_PREFIX_SIZE;
        let is_full = self.current.record_count == self.limits.group_records_max
            || self.limits.group_bytes_max < self.current.bytes.len() + framed_size;
        if is_full {
            self.flush()?;
        }
        if self.current.record_count == 0 {
            self.current.first_seq = self.next_seq;
        }
        self.record_offset = self.current.bytes.len();
        push_record(&mut self.current.bytes, record);
        self.current.record_count += 1;
        self.appended_bytes += framed_size as u64;
        self.next_seq += 1;
        Ok(self.next_seq - 1)
    }

    /// What the record just appended took to the archive: it is written with its group, or not at all.
    pub fn archive(&mut self, mut archived: Archived) {
        self.current.archived.append(&mut archived);
    }

    /// The journal's file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.handle.shared.path
    }

    fn has_room(&self, framed_size: usize) -> bool {
        self.pending_records() < self.limits.pending_records_max
            && self.pending_bytes() + framed_size as u64 <= self.limits.pending_bytes_max
    }

    /// Hands what was appended to the committer: committed at once if it is idle, otherwise together with
    /// whatever else arrives until it is. Call it at the end of every turn.
    ///
    /// # Errors
    ///
    /// [`JournalError::SyncFailed`] when the journal is poisoned.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.handle.shared.check_poison()?;
        if self.current.record_count == 0 {
            return Ok(());
        }
        let mut inbox = self.handle.shared.inbox();
        match inbox.groups.back_mut() {
            Some(last) if self.limits.fit(last, &self.current) => {
                last.bytes.extend_from_slice(&self.current.bytes);
                last.record_count += self.current.record_count;
                last.archived.append(&mut self.current.archived);
                self.current.bytes.clear();
            }
            _ => {
                let bytes = inbox.spare.pop().unwrap_or_default();
                let full = std::mem::replace(&mut self.current.bytes, bytes);
                let (first_seq, record_count) = (self.current.first_seq, self.current.record_count);
                let archived = std::mem::take(&mut self.current.archived);
                inbox.groups.push_back(Group { first_seq, record_count, bytes: full, archived });
            }
        }
        self.current.record_count = 0;
        self.handle.shared.notify_committer(inbox);
        Ok(())
    }

    /// Hands over the engine's state after record `seq`. It is written in small parts when the committer is
    /// idle, after `seq` is durable; a newer one replaces one that was not begun. Two are kept.
    ///
    /// # Errors
    ///
    /// [`JournalError::SnapshotAhead`] when `seq` was not appended yet, [`JournalError::SyncFailed`].
    pub fn write_snapshot(
        &mut self,
        seq: u64,
        format: u32,
        image: Box<dyn Image>,
    ) -> Result<(), JournalError> {
        self.flush()?;
        if seq == 0 || self.next_seq <= seq {
            return Err(JournalError::SnapshotAhead { seq, appended_seq: self.next_seq - 1 });
        }
        let created_ns = (self.clock_ns)();
        let mut inbox = self.handle.shared.inbox();
        inbox.snapshot = Some(NewSnapshot { seq, format, created_ns, image });
        self.handle.shared.notify_committer(inbox);
        Ok(())
    }

    /// Commits everything, finishes the snapshot, empties the write-ahead log, ends the thread; returns the
    /// newest link.
    ///
    /// # Errors
    ///
    /// [`JournalError::SyncFailed`] when the journal is poisoned, [`JournalError::ClosedFull`] when the disk
    /// stays full longer than `close_patience`.
    pub fn close(mut self) -> Result<Head, JournalError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<Head, JournalError> {
        // A poisoned journal refuses the flush; the thread's own answer says the same.
        let _ = self.flush();
        let Some(committer) = self.committer.take() else {
            return Err(JournalError::SyncFailed { reason: "the journal is closed".to_owned() });
        };
        let mut inbox = self.handle.shared.inbox();
        inbox.close_by = Some(Instant::now() + self.limits.close_patience);
        self.handle.shared.notify_committer(inbox);
        let outcome = committer.join().unwrap_or_else(|_| {
            Err(JournalError::SyncFailed { reason: "the committer panicked".to_owned() })
        });
        match outcome {
            Err(JournalError::ClosedFull { .. }) => {
                Err(JournalError::ClosedFull { lost_records: self.pending_records() })
            }
            outcome => outcome,
        }
    }

    #[cold]
    fn backlog(&mut self) -> JournalError {
        // Without this the caller could wait for records that nobody handed over.
        let _ = self.flush();
        JournalError::Backlog { pending_records: self.pending_records(), pending_bytes: self.pending_bytes() }
    }
}

// The engine may live on any thread, its handles on many.
const _: () = {
    const fn is_send<T: Send>() {}
    const fn is_sync<T: Sync>() {}
    is_send::<Journal>();
    is_send::<JournalWriter>();
    is_send::<JournalHandle>();
    is_sync::<JournalHandle>();
};

impl Limits {
    fn fit(&self, last: &Group, next: &Group) -> bool {
        last.record_count + next.record_count <= self.group_records_max
            && last.bytes.len() + next.bytes.len() <= self.group_bytes_max
    }
}

#[cold]
fn too_large(record_bytes: usize) -> JournalError {
    JournalError::RecordTooLarge { record_bytes, record_bytes_max: RECORD_SIZE_MAX }
}

impl Deref for JournalWriter {
    type Target = JournalHandle;

    fn deref(&self) -> &JournalHandle {
        &self.handle
    }
}

impl Drop for JournalWriter {
    /// Closes like [`JournalWriter::close`], with nobody to tell about an error.
    fn drop(&mut self) {
        if self.committer.is_some() {
            let _ = self.shut_down();
        }
    }
}
