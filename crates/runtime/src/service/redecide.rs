//! The proof that what a journal holds was decided by the rules: every command is decided anew, and the facts are compared.
//!
//! Under the release that wrote a record the facts are the same, bit for bit; anything else is damage or a fault. Under another
//! release a difference is a report: what this release would decide otherwise. Nothing is changed by it; the state stays
//! that of the recorded facts.

use std::collections::BTreeMap;
use std::time::Instant;

use oddsengine_engine::{Engine, Fact, Record, decode_record};

use super::RELEASE;
use super::recovery::{RecordFault, RecoveryError, caught};
use super::replay::Replay;
use crate::journal::{self, JournalFiles, VisitError};

/// Most differences that are listed; further ones are counted.
pub const DIFFERENCES_MAX: usize = 1_000;
/// What the records are called that come before the first release has said that it writes.
const BEFORE_RELEASES: &str = "before the first release";
/// Most characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 400;

/// A record that would be decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The record.
    pub seq: u64,
    /// What was asked.
    pub kind: &'static str,
    /// When.
    pub time_ns: i64,
    /// The release that decided it.
    pub release: String,
    /// The first fact that differs as it was recorded: where in it, and the value there; empty where there is none.
    pub recorded: String,
    /// The same as it is decided now; empty where there is none.
    pub decided: String,
}

/// What deciding a journal anew showed.
#[derive(Clone, Debug, PartialEq)]
pub struct RedecideReport {
    /// This release.
    pub release: &'static str,
    /// Records that were decided anew.
    pub record_count: u64,
    /// How many of them each release wrote.
    pub by_release: BTreeMap<String, u64>,
    /// Records that would be decided otherwise.
    pub difference_count: u64,
    /// How many of them this very release wrote: damage, or a decision that is not a function of the state.
    pub own_difference_count: u64,
    /// How many by what was asked.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// How long it took.
    pub seconds: f64,
}

impl RedecideReport {
    /// Everything that this release wrote, it decides in the same way.
    pub fn is_sound(&self) -> bool {
        self.own_difference_count == 0
    }
}

/// Decides every record of a journal anew.
struct Redecision {
    /// The state that the recorded facts make.
    recorded: Replay,
    /// The state in which the next command is decided: the same, until a decision differs.
    deciding: Engine,
    report: RedecideReport,
}

impl Redecision {
    fn take(&mut self, seq: u64, record: &Record) -> Result<(), RecordFault> {
        let decided = self.deciding.step(&record.command);
        let redecided_count = self.recorded.redecided_seqs.len();
        self.recorded.fold(seq, record.clone())?;
        let release = match release_of(record).unwrap_or(self.recorded.engine.release()) {
            "" => BEFORE_RELEASES.to_owned(),
            release => release.to_owned(),
        };
        if self.recorded.redecided_seqs.len() > redecided_count {
            // It no longer fits without what was taken out, and is decided anew by every replay.
            self.report.record_count += 1;
            *self.report.by_release.entry(release).or_default() += 1;
            return Ok(());
        }
        self.report.record_count += 1;
        if decided.facts != record.facts {
            self.note(seq, record, &decided.facts, &release);
            self.deciding = self.recorded.engine.clone();
        }
        *self.report.by_release.entry(release).or_default() += 1;
        Ok(())
    }

    fn note(&mut self, seq: u64, record: &Record, decided: &[Fact], release: &str) {
        let kind = crate::wire::cause(&record.command.body);
        let report = &mut self.report;
        report.difference_count += 1;
        // Beside what was taken out, evidence that was recorded with it no longer holds.
        report.own_difference_count +=
            u64::from(release == RELEASE && !self.recorded.follows_quarantine(seq));
        *report.by_kind.entry(kind).or_default() += 1;
        if report.differences.len() == DIFFERENCES_MAX {
            return;
        }
        let count = record.facts.len().max(decided.len());
        let first = (0..count).find(|&index| record.facts.get(index) != decided.get(index)).unwrap_or(0);
        let (was, is) = first_difference(record.facts.get(first), decided.get(first));
        report.differences.push(Difference {
            seq,
            kind,
            time_ns: record.command.time_ns,
            release: release.to_owned(),
            recorded: was,
            decided: is,
        });
    }
}

/// Two facts where they differ first: the way there by names, and the value.
fn first_difference(recorded: Option<&Fact>, decided: Option<&Fact>) -> (String, String) {
    let (Some(recorded), Some(decided)) = (recorded, decided) else {
        let whole = |fact: Option<&Fact>| {
            fact.map_or(String::new(), |fact| format!("{fact:?}").chars().take(SHOWN_CHARS_MAX).collect())
        };
        return (whole(recorded), whole(decided));
    };
    let lines = |fact: &Fact| -> Vec<String> { format!("{fact:#?}").lines().map(str::to_owned).collect() };
    let (was, is) = (lines(recorded), lines(decided));
    let first = was.iter().zip(&is).position(|(a, b)| a != b).unwrap_or(was.len().min(is.len()));
    let shown = |lines: &[String]| {
        let Some(line) = lines.get(first).or_else(|| lines.last()) else { return String::new() };
        let depth = |line: &str| line.len() - line.trim_start().len();
        let (mut way, mut inner) = (vec![line.trim()], depth(line));
        for outer in lines[..first.min(lines.len())].iter().rev().filter(|outer| !outer.trim().is_empty()) {
            if depth(outer) < inner {
                inner = depth(outer);
                way.push(outer.trim().trim_end_matches(['{', '(', '[', ' ', ':']));
            }
        }
        way.reverse();
        way.join(" / ").chars().take(SHOWN_CHARS_MAX).collect()
    };
    (shown(&was), shown(&is))
}

/// The release that a record starts; it is decided by that release already.
fn release_of(record: &Record) -> Option<&str> {
    record.facts.iter().find_map(|fact| match fact {
        Fact::ReleaseStarted { release, .. } => Some(release.as_str()),
        _ => None,
    })
}

/// Decides every command of a journal anew, in the state that the facts before it make, and compares.
///
/// # Errors
/// The journal cannot be read, or a record cannot be folded.
pub fn redecide_journal(journal: impl Into<JournalFiles>) -> Result<RedecideReport, RecoveryError> {
    let started = Instant::now();
    let files = journal.into();
    let path = files.path.as_path();
    let quarantined = journal::quarantined(files.clone())?;
    let mut redecision = Redecision {
        recorded: Replay::new(Engine::default(), path, &quarantined, None),
        deciding: Engine::default(),
        report: RedecideReport {
            release: RELEASE,
            record_count: 0,
            by_release: BTreeMap::new(),
            difference_count: 0,
            own_difference_count: 0,
            by_kind: BTreeMap::new(),
            differences: Vec::new(),
            seconds: 0.0,
        },
    };
    journal::replay(files.clone(), 1, &mut |seq, _, bytes| {
        if quarantined.iter().any(|entry| entry.seq == seq) {
            return Ok(());
        }
        let fault = |kind, reason| RecordFault { journal: path.to_owned(), seq, kind, reason };
        let record =
            decode_record(bytes).map_err(|error| VisitError::from(fault(None, error.to_string())))?;
        let kind = Some((crate::wire::cause(&record.command.body), record.command.time_ns));
        match caught(|| redecision.take(seq, &record)) {
            Ok(taken) => taken.map_err(VisitError::from),
            Err(text) => Err(VisitError::from(fault(kind, text))),
        }
    })?;
    redecision.report.seconds = started.elapsed().as_secs_f64();
    Ok(redecision.report)
}
