//! Opening: lock, verify, heal, raise the epoch; in this order, and nothing is changed before all is verified.

use super::archive::{self, ArchiveCounts, Rebuild, VisitArchived};
use super::chain::{Head, Position, epoch_hash};
use super::error::{Damage, JournalError, VisitError};
use super::lock::JournalLock;
use super::mark::{self, FoundMark, MarkFile};
use super::options::{OpenOptions, VerifyScope};
use super::quarantine::{self, QuarantineEntry};
use super::read::{self, Groups, Visit};
use super::segment::Shelf;
use super::snapshot::{self, Snapshot};
use super::store::{self, Store, damaged};
use super::verify;
use super::writer::JournalWriter;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// An open journal: locked, verified, its epoch raised. Replay from it, then turn it into a writer.
#[derive(Debug)]
pub struct Journal {
    pub(crate) store: Store,
    pub(crate) mark: MarkFile,
    pub(crate) lock: JournalLock,
    pub(crate) head: Head,
    pub(crate) snapshot_seq: u64,
    pub(crate) options: OpenOptions,
}

/// What was found at opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The last record's sequence number; 0 in an empty journal. The next one is one larger.
    pub last_seq: u64,
    /// This opening's epoch, durable already: larger than that of every opening before.
    pub epoch: u64,
    /// The newest link, that of this opening's epoch row.
    pub head: Head,
    /// The journal's random identity.
    pub journal_id: [u8; 16],
    /// Whether the journal was created by this opening.
    pub is_new: bool,
    /// What the mark file said had been acknowledged; records after it were durable but perhaps never announced.
    pub acknowledged_seq: u64,
    /// The first record that this opening proved; older ones are left to [`verify`](super::verify). 0 where there is none.
    pub verified_from_seq: u64,
    /// The groups that it read for that.
    pub verified_group_count: u64,
    /// The newest whole snapshot. Replay from `seq + 1`, or from 1 without one.
    pub snapshot: Option<Snapshot>,
    /// Newer snapshots that are not whole.
    pub snapshot_damages: Vec<Damage>,
    /// The records that replay has to leave out.
    pub quarantined: Vec<QuarantineEntry>,
    /// What the operator should know of it, in sentences: rights that were taken, a reader that holds the log.
    pub notices: Vec<String>,
}

impl Journal {
    /// Opens or creates the journal at `path`. Beside it live `<path>.mark`, `<path>.lock` and SQLite's own
    /// `<path>-wal` and `<path>-shm`; they belong together.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] while another owner lives, [`JournalError::Damaged`] with everything that is
    /// wrong (and nothing changed), [`JournalError::Missing`], [`JournalError::FormatUnsupported`], or the
    /// system's refusal of an operation.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<(Self, Recovered), JournalError> {
        Self::open_with(path, options, &mut |_| true)
    }

    /// As [`Journal::open`], and asks of each whole snapshot, newest first, whether the state in it can be used: what is
    /// verified begins with the one that can.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        options: OpenOptions,
        is_usable: &mut dyn FnMut(&Snapshot) -> bool,
    ) -> Result<(Self, Recovered), JournalError> {
        let path = super::resolve(path.as_ref())?;
        // An anchor is a link of a journal that is there: a new one cannot hold it.
        if store::is_absent(&path) && (!options.create || options.anchor.is_some()) {
            store::refuse_remains(&path, &mark::read(&path)?)?;
            return Err(JournalError::Missing { path });
        }
        let lock = JournalLock::exclusive(&path)?;
        let found_mark = mark::read(&path)?;
        // Seen again under the lock: the owner before may just have created it.
        let is_new = store::is_absent(&path);
        if is_new {
            store::refuse_remains(&path, &found_mark)?;
            store::create(&path, random_id(), (options.clock_ns)())?;
        }
        super::files::refuse_second_name(&path)?;
        let mut notices = super::files::tighten(&path);
        let found = Found::verified(&path, &options, &found_mark, is_usable)?;
        let store = Store::connect(&path)?;
        notices.extend(heal(&store)?);
        notices.extend(store.upgrade()?);
        if let Some(page_count_max) = options.page_count_max {
            store.set_page_count_max(page_count_max).map_err(JournalError::storage(&path, "limit"))?;
        }
        let mut mark = match found_mark {
            FoundMark::Present(found) => MarkFile::resume(&path, found)?,
            _ => MarkFile::create(&path, found.survey.meta.journal_id, found.survey.head)?,
        };
        let head = raise_epoch(&store, &mut mark, found.survey.head, (options.clock_ns)())?;
        let recovered = Recovered {
            last_seq: head.position.seq,
            epoch: head.position.epoch,
            head,
            journal_id: found.survey.meta.journal_id,
            is_new,
            acknowledged_seq: acknowledged(&found_mark).seq,
            verified_from_seq: found.survey.first_seq,
            verified_group_count: found.survey.group_count,
            snapshot: found.snapshot,
            snapshot_damages: found.snapshot_damages,
            quarantined: found.quarantined,
            notices,
        };
        let snapshot_seq = recovered.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        Ok((Self { store, mark, lock, head, snapshot_seq, options }, recovered))
    }

    /// The journal's file, as an absolute path.
    pub fn path(&self) -> &PathBuf {
        &self.store.path
    }

    /// The newest link: last sequence number, epoch and chain hash.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The newest whole snapshot of a state before record `seq`.
    pub fn snapshot_before(&self, seq: u64) -> Option<Snapshot> {
        snapshot::before(&self.store.connection, seq)
    }

    /// Visits the records from `from_seq` on, in order, as `(seq, epoch, record)`; returns how many.
    ///
    /// # Errors
    ///
    /// [`JournalError::Replay`] with the visitor's error, or what reading says.
    pub fn replay(&self, from_seq: u64, visit: Visit<'_>) -> Result<u64, JournalError> {
        let shelf = Shelf { folder: self.options.segments.clone() };
        read::replay_on(&self.store.connection, Groups::new(&self.store.path, shelf), from_seq, visit)
    }

    /// Whether the archive may be used: it fits the records, and holds at least what the state misses.
    ///
    /// # Errors
    /// [`JournalError::ArchiveUnreadable`] with what is wrong.
    pub fn check_archive(&self, missing: ArchiveCounts) -> Result<(), JournalError> {
        let unreadable = |reason: String| Err(JournalError::ArchiveUnreadable { reason });
        let (held, is_stale) = match archive::size(&self.store.connection) {
            Ok(size) => size,
            Err(error) => return unreadable(error.to_string()),
        };
        if is_stale {
            return unreadable("it does not fit the records any more".to_owned());
        }
        for (kind, held, missing) in [
            ("tickets", held.tickets, missing.tickets),
            ("fixtures", held.fixtures, missing.fixtures),
            ("deposits and withdrawals", held.transfers, missing.transfers),
        ] {
            if held < missing {
                return unreadable(format!("it holds {held} {kind}, at least {missing} were taken there"));
            }
        }
        Ok(())
    }

    /// Makes the archive anew: the visitor, which sees all records from the first one on, says what each took there; none is
    /// read where it is known to be empty. Until it is whole it is stale.
    ///
    /// # Errors
    /// As [`Self::replay`], and SQLite's refusal.
    pub fn rebuild_archive(&self, is_empty: bool, visit: VisitArchived<'_>) -> Result<(), JournalError> {
        let connection = &self.store.connection;
        let failed = |error| JournalError::storage(&self.store.path, "make the archive of")(error);
        let mut rebuild = Rebuild::begin(connection).map_err(failed)?;
        let from_seq = if is_empty { self.head.position.seq + 1 } else { 1 };
        self.replay(from_seq, &mut |seq, _, record| {
            rebuild.take(visit(seq, record)?).map_err(VisitError::from)
        })?;
        rebuild.end().map_err(failed)?;
        self.store.checkpoint().map_err(failed).map(drop)
    }

    /// Starts the committer thread and hands out the writing end.
    ///
    /// # Errors
    ///
    /// [`JournalError::File`] when the system refuses a thread or a socket pair.
    pub fn into_writer(self) -> Result<JournalWriter, JournalError> {
        JournalWriter::start(self)
    }
}

struct Found {
    survey: verify::Survey,
    snapshot: Option<Snapshot>,
    snapshot_damages: Vec<Damage>,
    quarantined: Vec<QuarantineEntry>,
}

impl Found {
    /// Reads through a connection that cannot write: a refused journal keeps every byte, also
    /// those of a write-ahead log that SQLite would otherwise clear away.
    fn verified(
        path: &Path,
        options: &OpenOptions,
        found_mark: &FoundMark,
        is_usable: &mut dyn FnMut(&Snapshot) -> bool,
    ) -> Result<Self, JournalError> {
        let connection = store::connect_read(path)?;
        let shelf = Shelf { folder: options.segments.clone() };
        // What cannot be read here is named by the walk.
        let end_seq = read::last_seq(&connection).unwrap_or(u64::MAX);
        let (snapshot, snapshot_damages) = snapshot::newest(&connection, end_seq, is_usable);
        let since_seq = match (options.verify, &snapshot) {
            (VerifyScope::SinceSnapshot, Some(snapshot)) => {
                // An anchor is proven by the chain from it on.
                let anchor_seq = options.anchor.map_or(u64::MAX, |anchor| anchor.position.seq);
                Some(snapshot.seq.min(anchor_seq))
            }
            _ => None,
        };
        let mut survey = verify::survey(&connection, path, &shelf, since_seq, found_mark, options.anchor)?;
        survey.damages.extend(verify::snapshot_inconsistency(&connection));
        let (quarantined, mismatches) = quarantine::survey(&connection, &mut Groups::new(path, shelf));
        survey.damages.extend(mismatches);
        if !survey.damages.is_empty() {
            return Err(damaged(path, survey.damages));
        }
        Ok(Self { survey, snapshot, snapshot_damages, quarantined })
    }
}

fn acknowledged(found_mark: &FoundMark) -> Position {
    match found_mark {
        FoundMark::Present(mark) => mark.head.position,
        FoundMark::Absent | FoundMark::Unreadable => Position::default(),
    }
}

/// Writes the log's pages once more, into the database, and syncs them. After a failed sync the kernel may
/// hold pages as clean that never reached the disk; what we are about to acknowledge must have been written
/// again by us. Where a reader keeps pages in the log, the log itself is written again; returns a sentence about it.
fn heal(store: &Store) -> Result<Option<String>, JournalError> {
    match store.checkpoint() {
        Ok(0) => Ok(None),
        Ok(left) => {
            let log = super::sibling(&store.path, "-wal");
            rewrite(&log).map_err(JournalError::file(&log, "write again"))?;
            Ok(Some(format!(
                "another program reads an older state of {}: {left} pages stay in its write-ahead log, which grows until that program ends",
                store.path.display()
            )))
        }
        Err(source) => {
            Err(JournalError::Storage { path: store.path.clone(), operation: "checkpoint", source })
        }
    }
}

/// Writes every byte of a file over itself and syncs it. Who reads it meanwhile reads the same bytes.
fn rewrite(path: &Path) -> std::io::Result<()> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset)? {
            0 => return file.sync_all(),
            count => {
                file.write_all_at(&buffer[..count], offset)?;
                offset += count as u64;
            }
        }
    }
}

fn raise_epoch(store: &Store, mark: &mut MarkFile, head: Head, opened_ns: i64) -> Result<Head, JournalError> {
    let Position { epoch, seq } = head.position;
    let hash = epoch_hash(head.hash, epoch + 1, seq, opened_ns);
    store
        .insert_epoch(epoch + 1, seq, opened_ns, head.hash, hash)
        .map_err(JournalError::storage(&store.path, "raise the epoch of"))?;
    let head = Head { position: Position { epoch: epoch + 1, seq }, hash };
    mark.write(head)?;
    mark.sync()?;
    Ok(head)
}

/// Random enough to tell journals apart: the standard library seeds each `RandomState` from the system.
fn random_id() -> [u8; 16] {
    let draw = |salt: u64| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(salt);
        hasher.finish().to_le_bytes()
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&draw(u64::from(std::process::id())));
    id[8..].copy_from_slice(&draw(1));
    id
}
