//! Records as they take effect: as they were decided, but for those that an operator took out and what no longer fits without
//! them. For whoever makes something of the facts beside the engine.

use oddsengine_engine::{Engine, Record, decode_record};

use super::recovery::{RecordFault, RecoveryError, caught};
use super::replay::Replay;
use crate::journal::{self, JournalFiles, VisitError};

/// The records of a journal of which some are quarantined, in order from the first one on. It keeps a whole engine: what
/// followed from a record only that knows.
pub struct Effects {
    replay: Replay,
    last_seq: u64,
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Effects(at {})", self.last_seq)
    }
}

impl Effects {
    /// Up to a record, which is the last of its group; from the first one on, whatever snapshots there are.
    ///
    /// # Errors
    /// The journal cannot be read, or a record cannot be applied.
    pub fn up_to(journal: impl Into<JournalFiles>, last_seq: u64) -> Result<Self, RecoveryError> {
        let journal = journal.into();
        let quarantined = journal::quarantined(journal.clone())?;
        let mut replay = Replay::new(Engine::default(), &journal.path, &quarantined, None);
        for record in journal::records(journal, 1)? {
            let record = record?;
            if last_seq < record.seq {
                break;
            }
            replay.apply(record.seq, &record.bytes).map_err(|source| {
                RecoveryError::from(journal::JournalError::Replay { seq: record.seq, source })
            })?;
        }
        Ok(Self { replay, last_seq })
    }

    /// The next record with what it came to; `None` where it was taken out.
    ///
    /// # Errors
    /// It cannot be applied.
    pub fn take(&mut self, seq: u64, bytes: &[u8]) -> Result<Option<Record>, VisitError> {
        assert!(seq == self.last_seq + 1, "record {seq} does not follow {}", self.last_seq);
        self.last_seq = seq;
        if self.replay.is_quarantined(seq) {
            return Ok(None);
        }
        let decoded = caught(|| decode_record(bytes)).map_err(|text| self.replay.fault(seq, None, text));
        let mut record = decoded?.map_err(|error| self.replay.fault(seq, None, error.to_string()))?;
        self.replay.fold(seq, record.clone()).map_err(|fault: RecordFault| VisitError::from(fault))?;
        if let Some(facts) = self.replay.redecided_facts.take() {
            record.facts = facts;
        }
        Ok(Some(record))
    }
}
