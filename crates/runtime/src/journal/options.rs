//! How a journal is opened, and the bounds it keeps.

use super::chain::Head;
use super::fault::Faults;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Records in one group at most: bounds what one commit can take.
pub const GROUP_RECORDS_MAX: usize = 4096;
/// Bytes in one group at most; a single larger record makes a group by itself.
pub const GROUP_BYTES_MAX: usize = 1 << 20;
/// The largest record.
pub const RECORD_SIZE_MAX: usize = 16 << 20;
/// Records that may wait for the disk: a second or two of the fastest measured load.
pub const PENDING_RECORDS_MAX: u64 = 1 << 19;
/// Bytes that may wait for the disk.
pub const PENDING_BYTES_MAX: u64 = 256 << 20;
/// Pause between two attempts while the disk is full or locked.
pub const FULL_RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How often the mark file is synced while commits go on: bounds what only the mark would prove after a
/// crash of the machine.
pub const MARK_SYNC_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(GROUP_BYTES_MAX as u64 + (RECORD_SIZE_MAX as u64) < PENDING_BYTES_MAX);
// SQLite's own bound of a blob.
const _: () = assert!(GROUP_BYTES_MAX + RECORD_SIZE_MAX < 1_000_000_000);

/// How much of the chain is verified at opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyScope {
    /// All of it, segments too: a start takes longer with every day of history.
    All,
    /// From the group that the newest usable snapshot ends in, or from an anchor before it; all where no snapshot can be
    /// used. The older part is left to [`verify`](super::verify), run on a mirror or at night.
    #[default]
    SinceSnapshot,
}

/// How a journal is opened. Start from `default()` and change what differs.
#[derive(Debug)]
pub struct OpenOptions {
    /// Create the journal if there is none.
    pub create: bool,
    /// How much is verified.
    pub verify: VerifyScope,
    /// Where segments are looked for before they are looked for beside the journal.
    pub segments: Option<PathBuf>,
    /// Old groups are sealed into segments between commits, in small steps, as soon as there is a whole segment of them.
    pub is_compacting: bool,
    /// Bytes of records in a segment that an owner seals by itself, up to [`SEGMENT_BYTES_MAX`](super::SEGMENT_BYTES_MAX).
    pub segment_bytes: u64,
    /// A head that was kept elsewhere and must be part of this journal: finds a rollback of all files together. A journal
    /// with an anchor is never created.
    pub anchor: Option<Head>,
    /// The clock for `committed_ns`, nanoseconds since the Unix epoch. The journal never orders by it.
    pub clock_ns: fn() -> i64,
    /// Records in one group at most, 1..=[`GROUP_RECORDS_MAX`].
    pub group_records_max: usize,
    /// Bytes in one group at most, up to [`GROUP_BYTES_MAX`].
    pub group_bytes_max: usize,
    /// Records that may wait for the disk.
    pub pending_records_max: u64,
    /// Bytes that may wait for the disk.
    pub pending_bytes_max: u64,
    /// A quota on the database file in pages of 4 KiB; reaching it is the same as a full disk.
    pub page_count_max: Option<u32>,
    /// Pause between two attempts while the disk is full.
    pub full_retry_pause: Duration,
    /// How long [`close`](super::JournalWriter::close) waits for space before it gives the rest up.
    pub close_patience: Duration,
    /// A record at which the engine panics, when it is applied and when it is replayed: a fault on purpose, for tests.
    pub panic_at_seq: Option<u64>,
    /// Faults on purpose, for tests and the simulator.
    pub faults: Option<Box<dyn Faults>>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            create: true,
            verify: VerifyScope::default(),
            segments: None,
            is_compacting: false,
            segment_bytes: super::SEGMENT_BYTES_MAX,
            anchor: None,
            clock_ns: system_clock_ns,
            group_records_max: GROUP_RECORDS_MAX,
            group_bytes_max: GROUP_BYTES_MAX,
            pending_records_max: PENDING_RECORDS_MAX,
            pending_bytes_max: PENDING_BYTES_MAX,
            page_count_max: None,
            full_retry_pause: FULL_RETRY_PAUSE,
            close_patience: Duration::from_secs(10),
            panic_at_seq: None,
            faults: None,
        }
    }
}

fn system_clock_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
