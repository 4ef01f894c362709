//! One owner a journal: an exclusive `flock` on `<journal>.lock`, released by the kernel however the process ends.

use super::error::JournalError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

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
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(JournalError::file(&path, "open"))?;
        taken(file.try_lock(), journal, &path, &mut file)?;
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(JournalError::file(&path, "write"))?;
        Ok(Self { file })
    }

    /// Keeps writers away while a reader looks at a resting journal. A journal without a lock file (a copy)
    /// has no writer to keep away.
    pub fn shared(journal: &Path) -> Result<Option<Self>, JournalError> {
        let path = lock_path(journal);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::file(&path, "open")(error)),
        };
        taken(file.try_lock_shared(), journal, &path, &mut file)?;
        Ok(Some(Self { file }))
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
            let mut text = String::new();
            let holder_pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(JournalError::Locked { path: journal.to_owned(), holder_pid })
        }
        Err(TryLockError::Error(source)) => Err(JournalError::file(path, "lock")(source)),
    }
}

fn lock_path(journal: &Path) -> PathBuf {
    super::sibling(journal, ".lock")
}
