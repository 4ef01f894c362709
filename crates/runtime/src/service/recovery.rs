//! From a journal to an engine: at the start of a service, and to prove what a journal holds.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use oddsengine_engine::{Command, Engine, NoEvents};
use oddsengine_types::StateHash;
use oddsengine_types::codec::decode_all;

use super::ServiceOptions;
use crate::journal::{self, Journal, JournalError, JournalWriter, OpenOptions, Snapshot};

/// Why a service cannot start from its journal.
#[derive(Debug)]
pub enum RecoveryError {
    /// The journal's own word.
    Journal(JournalError),
    /// A snapshot that this build does not understand, or that does not hash to what it says.
    Snapshot(String),
    /// The journal was opened more often than an epoch can count.
    EpochExhausted,
    /// A configured value outside its range.
    Config(oddsengine_types::BoundsError),
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Snapshot(what) => f.write_str(what),
            Self::EpochExhausted => f.write_str("the epoch is beyond 4294967295"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecoveryError {}

/// What a replay of a journal showed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayReport {
    /// Commands replayed.
    pub command_count: u64,
    /// How long it took.
    pub seconds: f64,
    /// The hash of the state at the end.
    pub state_hash: StateHash,
    /// The named invariants, with the difference where one does not hold.
    pub invariants: Vec<(&'static str, Result<(), String>)>,
}

pub(super) fn open(options: &ServiceOptions) -> Result<(Engine, Option<JournalWriter>, u64), RecoveryError> {
    options.config.check().map_err(RecoveryError::Config)?;
    let Some(path) = &options.journal else {
        return Ok((Engine::default(), None, 0));
    };
    let (journal, recovered) = Journal::open(path, OpenOptions::default()).map_err(RecoveryError::Journal)?;
    let (mut engine, first) = match &recovered.snapshot {
        Some(snapshot) => (restore(snapshot)?, snapshot.seq + 1),
        None => (Engine::default(), 1),
    };
    journal
        .replay(first, &mut |seq, _, record| apply(&mut engine, seq, record))
        .map_err(RecoveryError::Journal)?;
    let writer = journal.into_writer().map_err(RecoveryError::Journal)?;
    Ok((engine, Some(writer), recovered.last_seq))
}

fn restore(snapshot: &Snapshot) -> Result<Engine, RecoveryError> {
    let engine = Engine::restore(&snapshot.bytes)
        .map_err(|error| RecoveryError::Snapshot(format!("snapshot at {}: {error}", snapshot.seq)))?;
    let (found, expected) = (engine.state_hash(), StateHash(snapshot.state_hash));
    match found == expected {
        true => Ok(engine),
        false => Err(RecoveryError::Snapshot(format!(
            "snapshot at {} restores to {found} instead of {expected}",
            snapshot.seq
        ))),
    }
}

fn apply(engine: &mut Engine, seq: u64, record: &[u8]) -> Result<(), journal::VisitError> {
    let command: Command = decode_all(record).map_err(|error| format!("record {seq}: {error}"))?;
    engine.apply(&command, &mut NoEvents);
    Ok(())
}

/// The engine that a journal's records make, from the first one; works beside a running owner.
///
/// # Errors
/// The journal cannot be read, or a record is not a command.
pub fn replay_engine(path: &Path) -> Result<(Engine, u64), JournalError> {
    let mut engine = Engine::default();
    let count = journal::replay(path, 1, &mut |seq, _, record| apply(&mut engine, seq, record))?;
    Ok((engine, count))
}

/// Replays a journal from zero and reports what it makes.
///
/// # Errors
/// As [`replay_engine`].
pub fn replay_journal(path: &Path) -> Result<ReplayReport, JournalError> {
    let started = Instant::now();
    let (engine, command_count) = replay_engine(path)?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ReplayReport {
        command_count,
        seconds,
        state_hash: engine.state_hash(),
        invariants: engine.invariants(),
    })
}
