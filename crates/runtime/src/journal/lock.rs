//! One owner a journal: an exclusive `flock` on `<journal>.lock`, released by the kernel however the process ends.

use super::error::JournalError;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long an opening waits for the lock: the kernel takes it from a killed owner a moment after its end, and a reader
/// that asks whether there is an owner holds it for some microseconds.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct JournalLock {
    file: File,
}

impl Drop for JournalLock {
    /// Not by closing the file alone: a forked child has it open too, and would keep the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl JournalLock {
    /// Takes the lock for a writer and leaves this process's id in the file, for the other's error text.
    pub fn exclusive(journal: &Path) -> Result<Self, JournalError> {
        let path = lock_path(journal);
        let mut file = super::files::private().open(&path).map_err(JournalError::file(&path, "open"))?;
        let until = Instant::now() + LOCK_PATIENCE;
        let outcome = loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_PAUSE),
                outcome => break outcome,
            }
        };
        taken(outcome, journal, &path, &mut file)?;
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(JournalError::file(&path, "write"))?;
        Ok(Self { file })
    }

    /// The process that owns the journal at present, 0 when its id cannot be read; `None` without an owner. Holds nothing:
    /// a reader never keeps an owner from starting.
    pub fn owner(journal: &Path) -> Option<u32> {
        let mut file = File::open(lock_path(journal)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(pid_in(&mut file).unwrap_or(0)),
            _ => None,
        }
    }
}

fn taken(
    outcome: Result<(), TryLockError>,
    journal: &Path,
    path: &Path,
    file: &mut File,
) -> Result<(), JournalError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(JournalError::Locked { path: journal.to_owned(), holder_pid: pid_in(file) })
        }
        Err(TryLockError::Error(source)) => Err(JournalError::file(path, "lock")(source)),
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn lock_path(journal: &Path) -> PathBuf {
    super::sibling(journal, ".lock")
}
