//! Faults on purpose: tests and the simulator say what goes wrong at which commit attempt.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Decides what goes wrong at a commit attempt. Production uses none.
pub trait Faults: Send + fmt::Debug {
    /// Called before every attempt; `attempt` counts from 0 since the opening and includes retries.
    fn at_commit(&mut self, attempt: u64) -> Fault;
}

/// What goes wrong at one commit attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The commit takes at least this long, then succeeds.
    Slow(Duration),
    /// The write finds no space; nothing of the group reaches the file.
    DiskFull,
    /// The sync fails and the group is not in the file afterwards.
    SyncFails,
    /// The sync fails and yet the group is in the file afterwards, as a real kernel may leave it.
    SyncFailsAfterWrite,
}

/// Faults at fixed attempts.
///
/// # Examples
///
/// ```
/// use oddsengine_runtime::journal::{Fault, FaultPlan, Faults};
///
/// let mut plan = FaultPlan { disk_full: 2..4, sync_fails_at: Some(9), ..FaultPlan::default() };
/// assert_eq!(plan.at_commit(1), Fault::None);
/// assert_eq!(plan.at_commit(3), Fault::DiskFull);
/// assert_eq!(plan.at_commit(9), Fault::SyncFails);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// The attempts that find a full disk.
    pub disk_full: Range<u64>,
    /// The attempt whose sync fails.
    pub sync_fails_at: Option<u64>,
    /// Whether the group of the failed sync is in the file afterwards.
    pub sync_failure_keeps_group: bool,
    /// How long every other commit takes at least.
    pub slow: Option<Duration>,
}

impl Faults for FaultPlan {
    fn at_commit(&mut self, attempt: u64) -> Fault {
        if self.sync_fails_at == Some(attempt) {
            return if self.sync_failure_keeps_group { Fault::SyncFailsAfterWrite } else { Fault::SyncFails };
        }
        if self.disk_full.contains(&attempt) {
            return Fault::DiskFull;
        }
        self.slow.map_or(Fault::None, Fault::Slow)
    }
}
