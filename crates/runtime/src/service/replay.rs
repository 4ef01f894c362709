//! Records into an engine: each is folded as it was decided.
//!
//! Where an operator took a record out, a later one may no longer fit: a bet whose stake was never deposited. Such a record,
//! and no other, is decided anew in the state that is left.

use std::path::{Path, PathBuf};

use oddsengine_engine::{Engine, Fact, Record, decode_record};

use super::recovery::{RecordFault, caught, panic_on_purpose};
use crate::journal::{QuarantineEntry, VisitError};

/// Records after which the state is copied while some are quarantined: what does not fit is taken back by starting from the
/// copy again.
const COPY_EVERY: usize = 1_000;

/// An engine and the records that it must not see.
pub(super) struct Replay {
    pub engine: Engine,
    journal: PathBuf,
    quarantined_seqs: Vec<u64>,
    panic_at_seq: Option<u64>,
    /// Since the first quarantined record: a copy of the state, and the records since, with those that were decided anew.
    copy: Option<(Engine, Vec<(Record, bool)>)>,
    /// Records that were decided anew, since they no longer fitted.
    pub redecided_seqs: Vec<u64>,
    /// What the last record came to, if it was decided anew.
    pub redecided_facts: Option<Vec<Fact>>,
    /// The time of the last record that was applied.
    pub time_ns: i64,
}

impl Replay {
    pub fn new(
        engine: Engine,
        journal: &Path,
        quarantined: &[QuarantineEntry],
        panic_at_seq: Option<u64>,
    ) -> Self {
        let mut quarantined_seqs: Vec<u64> = quarantined.iter().map(|entry| entry.seq).collect();
        quarantined_seqs.sort_unstable();
        Self {
            engine,
            journal: journal.to_owned(),
            quarantined_seqs,
            panic_at_seq,
            copy: None,
            redecided_seqs: Vec::new(),
            redecided_facts: None,
            time_ns: 0,
        }
    }

    /// Applies a record, unless it is quarantined. That an entry fits its record was checked when it was read.
    pub fn apply(&mut self, seq: u64, record: &[u8]) -> Result<(), VisitError> {
        match self.is_quarantined(seq) {
            true => Ok(()),
            false => self.apply_even_if_quarantined(seq, record).map(drop).map_err(VisitError::from),
        }
    }

    pub fn is_quarantined(&self, seq: u64) -> bool {
        self.quarantined_seqs.binary_search(&seq).is_ok()
    }

    pub fn apply_even_if_quarantined(
        &mut self,
        seq: u64,
        record: &[u8],
    ) -> Result<&'static str, RecordFault> {
        let record = match caught(|| decode_record(record)) {
            Ok(Ok(record)) => record,
            Ok(Err(error)) => return Err(self.fault(seq, None, error.to_string())),
            Err(text) => return Err(self.fault(seq, None, text)),
        };
        self.fold(seq, record)
    }

    /// Folds a record, or decides it anew where it follows one that was taken out and no longer fits.
    pub fn fold(&mut self, seq: u64, record: Record) -> Result<&'static str, RecordFault> {
        let kind = crate::wire::cause(&record.command.body);
        self.time_ns = record.command.time_ns;
        self.redecided_facts = None;
        let follows = self.follows_quarantine(seq);
        if follows && self.copy.as_ref().is_none_or(|(_, since)| since.len() == COPY_EVERY) {
            self.copy = Some((self.engine.clone(), Vec::new()));
        }
        let (engine, panic_at_seq) = (&mut self.engine, self.panic_at_seq);
        let folded = caught(|| {
            panic_on_purpose(panic_at_seq, seq);
            engine.fold(&record)
        });
        let refused = match folded {
            Ok(Ok(())) => None,
            Ok(Err(text)) => Some(text),
            Err(text) => return Err(self.fault(seq, Some((kind, record.command.time_ns)), text)),
        };
        match (&mut self.copy, refused) {
            (None, None) => {}
            (Some((_, since)), None) => since.push((record, false)),
            (Some((copy, since)), Some(_)) => {
                since.push((record, true));
                let mut engine = copy.clone();
                let mut last_facts = Vec::new();
                let again = caught(|| {
                    since.iter().try_for_each(|(record, is_redecided)| match is_redecided {
                        true => {
                            last_facts = engine.step(&record.command).facts;
                            Ok(())
                        }
                        false => engine.fold(record),
                    })
                });
                let time_ns = since.last().map_or(0, |(record, _)| record.command.time_ns);
                match again {
                    Ok(Ok(())) => {}
                    Ok(Err(text)) | Err(text) => return Err(self.fault(seq, Some((kind, time_ns)), text)),
                }
                self.engine = engine;
                self.redecided_facts = Some(last_facts);
                self.redecided_seqs.push(seq);
            }
            (None, Some(text)) => {
                return Err(self.fault(seq, Some((kind, record.command.time_ns)), text));
            }
        }
        Ok(kind)
    }

    /// A record before this one was taken out.
    pub fn follows_quarantine(&self, seq: u64) -> bool {
        self.quarantined_seqs.first().is_some_and(|&first| first < seq)
    }

    pub fn fault(&self, seq: u64, kind: Option<(&'static str, i64)>, reason: String) -> RecordFault {
        RecordFault { journal: self.journal.clone(), seq, kind, reason }
    }
}
