//! The journal's files: readable by their owner only, under one name, and still where they were opened.

use super::error::JournalError;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The mode of every file of a journal, whatever the process's umask: balances are nobody else's business.
pub const FILE_MODE: u32 = 0o600;
/// The write-ahead log is cut back to this size when it begins anew; SQLite keeps it at its largest otherwise.
pub const WAL_BYTES_KEPT: u64 = 16 << 20;
/// From this size on the log is told as a warning: some program holds an old state of the journal open.
pub const WAL_BYTES_WARNED: u64 = 64 << 20;

/// What lies beside the database.
const SUFFIXES: [&str; 5] = ["", "-wal", "-shm", ".mark", ".lock"];

/// Options for a file of a journal that may have to be made.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
    options
}

/// An empty file that only its owner can reach, also where one with wider rights was left by an earlier process.
pub(crate) fn create_private(path: &Path) -> std::io::Result<File> {
    let file = private().truncate(true).open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    Ok(file)
}

/// Takes the rights of others from the files that are there; returns a sentence for each one that had some.
pub(crate) fn tighten(journal: &Path) -> Vec<String> {
    SUFFIXES.iter().filter_map(|suffix| tighten_one(&super::sibling(journal, suffix))).collect()
}

fn tighten_one(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return None;
    }
    let name = path.display();
    Some(match std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE)) {
        Ok(()) => format!("{name} had mode {mode:04o} and has {FILE_MODE:04o} now: it holds balances"),
        Err(error) => {
            format!("{name} has mode {mode:04o}, others can reach it, and it cannot be changed: {error}")
        }
    })
}

/// A journal has one name: through another one the log and the mark of this one would not be found, and two owners
/// would write into one file.
pub(crate) fn refuse_second_name(path: &Path) -> Result<(), JournalError> {
    let link_count = std::fs::metadata(path).map_err(JournalError::file(path, "look at"))?.nlink();
    match link_count {
        0 | 1 => Ok(()),
        _ => Err(JournalError::HardLinked { path: path.to_owned(), link_count }),
    }
}

/// The size of the write-ahead log; 0 when there is none.
pub(crate) fn wal_bytes(journal: &Path) -> u64 {
    std::fs::metadata(super::sibling(journal, "-wal")).map_or(0, |wal| wal.len())
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The files as they were when the journal was opened. A file that is removed lives on until it is closed: SQLite would
/// go on writing into it, and every record would be gone with the process.
#[derive(Debug, Default)]
pub(crate) struct FileWatch {
    files: Vec<(PathBuf, Identity)>,
}

impl FileWatch {
    pub fn of(journal: &Path) -> Self {
        let named = SUFFIXES.iter().map(|suffix| super::sibling(journal, suffix));
        let files = named.filter_map(|path| {
            let found = identity(&std::fs::metadata(&path).ok()?);
            Some((path, found))
        });
        Self { files: files.collect() }
    }

    /// The first file that is not the one that was opened.
    pub fn missing(&self) -> Option<&Path> {
        let is_other =
            |path: &Path, opened| std::fs::metadata(path).map_or(true, |found| identity(&found) != opened);
        self.files.iter().find(|(path, opened)| is_other(path, *opened)).map(|(path, _)| path.as_path())
    }

    /// The database alone: one system call, for every commit.
    pub fn missing_database(&self) -> Option<&Path> {
        let (path, opened) = self.files.first()?;
        let found = std::fs::metadata(path).ok().map(|found| identity(&found));
        (found != Some(*opened)).then_some(path)
    }
}

/// Writes a file beside a journal that only its owner can read; one that is there is replaced.
///
/// # Errors
/// The system's refusal.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
