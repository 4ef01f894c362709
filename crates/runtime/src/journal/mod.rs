//! The embedded journal: every command the engine applied, durable, chained and provable.
//!
//! The journal stores opaque records in groups. A group is one row of a SQLite table, written and synced by
//! one committer thread; while it waits for the disk, the next group fills (adaptive group commit). What is
//! acknowledged ([`JournalHandle::durable_seq`]) survives the crash of the process and of the machine, and
//! is missed at the next opening should it be gone. Layouts, guarantees and their limits are in this
//! folder's `README.md`.
//!
//! Not for: state that can be computed again (odds, projections); those have no place in the journal.
//!
//! ```
//! use oddsengine_runtime::journal::{Journal, OpenOptions};
//! use std::time::Duration;
//!
//! # let folder = std::env::temp_dir().join(format!("journal-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let path = folder.join("journal.db");
//! let (journal, recovered) = Journal::open(&path, OpenOptions::default())?;
//! assert_eq!((recovered.last_seq, recovered.epoch), (0, 1));
//!
//! let mut writer = journal.into_writer()?;
//! let seq = writer.append(b"a command")?;
//! writer.flush()?;
//! assert!(writer.wait_durable(seq, Duration::from_secs(5))?);
//! writer.close()?;
//!
//! let (journal, recovered) = Journal::open(&path, OpenOptions::default())?;
//! assert_eq!((recovered.last_seq, recovered.epoch), (1, 2));
//! journal.replay(1, &mut |seq, epoch, record| {
//!     assert_eq!((seq, epoch, record), (1, 1, &b"a command"[..]));
//!     Ok(())
//! })?;
//! # drop(journal);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod chain;
mod committer;
mod compact;
mod error;
mod fault;
mod files;
mod follow;
mod lock;
mod mark;
mod open;
mod options;
mod quarantine;
mod read;
mod segment;
mod shared;
mod snapshot;
mod store;
mod verify;
mod wakeup;
mod writer;

pub use archive::{
    ArchiveCounts, ArchiveReader, Archived, ArchivedRow, ArchivedTicket, FoundRow, VisitArchived,
    archived_rows, distrust_archive,
};
pub use chain::{ChainHash, HASH_SIZE, Head, Position, RECORD_PREFIX_SIZE};
pub use compact::{
    CompactOptions, CompactProgress, CompactReport, SEGMENT_BYTES_MAX, compact, compact_telling,
};
pub use error::{Damage, Departure, JournalError, Loss, VisitError};
pub use fault::{Fault, FaultPlan, Faults};
pub use files::{FILE_MODE, WAL_BYTES_KEPT, WAL_BYTES_WARNED, write_private};
pub use follow::{
    FOLLOW_BYTES_MAX, FOLLOW_GROUPS_MAX, FOLLOW_READ_MAX, FollowPosition, FollowRead, Follower,
};
pub use open::{Journal, Recovered};
pub use options::{
    FULL_RETRY_PAUSE, GROUP_BYTES_MAX, GROUP_RECORDS_MAX, MARK_SYNC_INTERVAL, OpenOptions, PENDING_BYTES_MAX,
    PENDING_RECORDS_MAX, RECORD_SIZE_MAX, VerifyScope,
};
pub use quarantine::{Maintenance, QUARANTINE_TEXT_MAX, QuarantineEntry, quarantined};
pub use read::{Record, Records, Visit, records, replay};
pub use segment::SegmentInfo;
pub use shared::{JournalHandle, JournalStatus};
pub use snapshot::{Image, SNAPSHOT_PART_SIZE, SNAPSHOTS_KEPT, Snapshot, SnapshotInfo, whole};
pub use verify::{EpochInfo, VerifyReport, acknowledged_head, verify, verify_against};
pub use writer::JournalWriter;

use std::fs::File;
use std::path::{Path, PathBuf};

/// The version of tables, columns and hashes; another version is refused, never guessed.
pub const FORMAT_VERSION: i64 = 2;

/// A journal's database, and where its sealed segments are looked for before they are looked for beside it. Any path is
/// one, without such a folder.
#[derive(Clone, Debug)]
pub struct JournalFiles {
    /// The database.
    pub path: PathBuf,
    /// A folder with segments that an operator moved.
    pub segments: Option<PathBuf>,
}

impl<P: AsRef<Path>> From<P> for JournalFiles {
    fn from(path: P) -> Self {
        Self { path: path.as_ref().to_owned(), segments: None }
    }
}

/// `journal.db` and `.mark` make `journal.db.mark`.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// One name for one journal: through links and relative paths two openings must meet at the same lock file.
fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    let Some(name) = path.file_name() else {
        return Err(JournalError::Missing { path: path.to_owned() });
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(JournalError::file(folder, "find folder"))?;
    Ok(folder.join(name))
}

/// Makes the names in a file's folder durable.
fn sync_folder(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(JournalError::file(folder, "sync folder"))
}
