//! From a journal to an engine: at the start of a service, and to prove what a journal holds.
//!
//! No record is trusted not to panic: one that cannot be applied is named, and an operator can take it out
//! ([`quarantine`]). It is never skipped by itself.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use oddsengine_engine::{Config, Engine, decode_record};
use oddsengine_types::{Currency, StateHash};

use super::ServiceOptions;
use super::archive::archived_of;
use super::archive_survey::ArchiveSurvey;
use super::replay::Replay;
use crate::journal::{
    self, ArchiveCounts, Journal, JournalError, JournalFiles, JournalWriter, Maintenance, OpenOptions,
    QUARANTINE_TEXT_MAX, QuarantineEntry, Snapshot, VisitError,
};

/// Why a service cannot start from its journal.
#[derive(Debug)]
pub enum RecoveryError {
    /// The journal's own word.
    Journal(JournalError),
    /// A record that cannot be applied.
    Record(RecordFault),
    /// A record that is to be quarantined and can be applied.
    Applicable {
        /// The record.
        seq: u64,
        /// What it is.
        kind: &'static str,
    },
    /// The journal holds money or tickets in another currency than the configured one.
    Currency {
        /// The currency of the journal.
        journal: Currency,
        /// The configured one.
        configured: Currency,
    },
    /// The state is whole, and making its prices panics, with these words.
    Pricing(String),
    /// The journal was opened more often than an epoch can count.
    EpochExhausted,
    /// A configured value, or a name or reason, outside its range.
    Config(oddsengine_types::BoundsError),
}

/// A record at which replay stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// The journal.
    pub journal: PathBuf,
    /// The record.
    pub seq: u64,
    /// What it is, and when it came; `None` when its bytes are no command of this build.
    pub kind: Option<(&'static str, i64)>,
    /// The text of the panic, or what is wrong with the bytes.
    pub reason: String,
}

impl RecoveryError {
    /// A short fixed name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Journal(error) => error.code(),
            Self::Record(_) => "record",
            Self::Applicable { .. } => "applicable",
            Self::Currency { .. } => "currency",
            Self::Pricing(_) => "pricing",
            Self::EpochExhausted => "epoch_exhausted",
            Self::Config(_) => "configuration",
        }
    }

    /// Whether the same call may succeed a little later, without anybody correcting anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Journal(error) if error.is_transient())
    }
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.kind {
            Some((kind, time_ns)) => write!(f, "record {seq} ({kind}, {})", UtcTime(time_ns))?,
            None => write!(f, "record {seq} (unknown)")?,
        }
        let journal = self.journal.display();
        write!(f, " cannot be applied: {}", self.reason)?;
        write!(f, "\nhint: oddsengine quarantine {journal} --record {seq} --by NAME --reason TEXT")
    }
}

impl std::error::Error for RecordFault {}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Record(fault) => fault.fmt(f),
            Self::Applicable { seq, kind } => {
                write!(
                    f,
                    "record {seq} ({kind}) can be applied, and a journal is replayed as it was decided"
                )?;
                write!(f, "\nhint: --force takes it out all the same: whatever followed from it changes")
            }
            Self::Currency { journal, configured } => {
                write!(f, "the journal holds money in {journal}, and {configured} is configured")?;
                write!(f, "\nhint: configure currency = \"{journal}\", or start another journal")
            }
            Self::Pricing(text) => write!(f, "the state of the journal cannot be priced: {text}"),
            Self::EpochExhausted => f.write_str("the epoch is beyond 4294967295"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecoveryError {}

impl From<JournalError> for RecoveryError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Replay { seq, source } => match source.downcast::<RecordFault>() {
                Ok(fault) => Self::Record(*fault),
                Err(source) => Self::Journal(JournalError::Replay { seq, source }),
            },
            error => Self::Journal(error),
        }
    }
}

/// What a replay of a journal showed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayReport {
    /// Commands replayed.
    pub command_count: u64,
    /// The records that were left out, because they are quarantined.
    pub quarantined_seqs: Vec<u64>,
    /// The records that no longer fitted without those, and were decided anew.
    pub redecided_seqs: Vec<u64>,
    /// How long it took.
    pub seconds: f64,
    /// The hash of the state at the end.
    pub state_hash: StateHash,
    /// The named invariants, with the difference where one does not hold.
    pub invariants: Vec<(&'static str, Result<(), String>)>,
    /// How much the archive holds, or how it differs from what the records took there; `None` where it was not compared,
    /// because the journal is in use or the next start makes it anew.
    pub archive: Option<Result<ArchiveCounts, String>>,
}

/// Where a service's state came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There is no journal.
    Memory,
    /// The journal was made by this start.
    New,
    /// The journal was there.
    Recovered,
}

impl Origin {
    /// The name in the ready line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::New => "new",
            Self::Recovered => "recovered",
        }
    }
}

/// What a start found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReport {
    /// Where the state came from.
    pub origin: Origin,
    /// The last record of the snapshot that it began from; 0 for none.
    pub snapshot_seq: u64,
    /// The first record that the start proved; what is older is proven by `oddsengine verify`. 0 where there is none.
    pub verified_from_seq: u64,
    /// Records after it that were folded.
    pub folded_count: u64,
    /// The records that were left out, because they are quarantined.
    pub quarantined_seqs: Vec<u64>,
    /// What the operator should know, in sentences.
    pub notices: Vec<String>,
}

pub(super) struct Opened {
    pub engine: Engine,
    pub journal: Option<JournalWriter>,
    pub last_seq: u64,
    pub report: StartReport,
    /// Why the archive cannot be used by this process.
    pub archive_fault: Option<String>,
}

pub(super) fn open(options: &ServiceOptions, opening: OpenOptions) -> Result<Opened, RecoveryError> {
    options.config.check().map_err(RecoveryError::Config)?;
    let Some(path) = &options.journal else {
        let report = StartReport {
            origin: Origin::Memory,
            snapshot_seq: 0,
            verified_from_seq: 0,
            folded_count: 0,
            quarantined_seqs: Vec::new(),
            notices: Vec::new(),
        };
        return Ok(Opened {
            engine: Engine::default(),
            journal: None,
            last_seq: 0,
            report,
            archive_fault: None,
        });
    };
    let panic_at_seq = opening.panic_at_seq;
    let mut restored = None;
    let mut unused = Vec::new();
    let (journal, recovered) = Journal::open_with(path, opening, &mut |snapshot| match restore(snapshot) {
        Ok(engine) => {
            restored = Some(engine);
            true
        }
        Err(reason) => {
            unused.push(format!("snapshot at {} was not used: {reason}", snapshot.seq));
            false
        }
    })?;
    let mut notices = recovered.notices;
    notices.extend(recovered.snapshot_damages.iter().map(|damage| format!("{damage}; it was not used")));
    notices.extend(unused);
    // A snapshot shortens recovery and is never needed for it.
    let engine = restored.unwrap_or_default();
    let from_seq = recovered.snapshot.as_ref().map_or(1, |snapshot| snapshot.seq + 1);
    let mut replay = Replay::new(engine, journal.path(), &recovered.quarantined, panic_at_seq);
    let folded_count = journal.replay(from_seq, &mut |seq, _, record| replay.apply(seq, record))?;
    if !replay.redecided_seqs.is_empty() {
        notices.push(redecided_sentence(&replay.redecided_seqs));
    }
    let mut engine = replay.engine;
    // Prices of earlier epochs are unknown: each board is priced once, as it stands.
    caught(|| engine.price_changed()).map_err(RecoveryError::Pricing)?;
    check_currency(&engine, &options.config)?;
    let quarantined_seqs: Vec<u64> = recovered.quarantined.iter().map(|entry| entry.seq).collect();
    let origin = if recovered.is_new { Origin::New } else { Origin::Recovered };
    if recovered.is_new {
        notices.push(format!("made a new journal at {}", journal.path().display()));
    }
    if !quarantined_seqs.is_empty() {
        notices.push(quarantine_sentence(&quarantined_seqs));
    }
    let archive_fault = mend_archive(&journal, &engine, &recovered.quarantined, panic_at_seq, &mut notices);
    let journal = journal.into_writer()?;
    let report = StartReport {
        origin,
        snapshot_seq: from_seq - 1,
        verified_from_seq: recovered.verified_from_seq,
        folded_count,
        quarantined_seqs,
        notices,
    };
    Ok(Opened { engine, journal: Some(journal), last_seq: recovered.last_seq, report, archive_fault })
}

/// The archive is derived: where it does not fit the records it is made anew from the first one on. Where that is not possible
/// either the service starts without it, and refuses what it would have to know.
fn mend_archive(
    journal: &Journal,
    engine: &Engine,
    quarantined: &[QuarantineEntry],
    panic_at_seq: Option<u64>,
    notices: &mut Vec<String>,
) -> Option<String> {
    let counters = engine.counters();
    let missing = ArchiveCounts {
        tickets: counters.archived_count.saturating_sub(counters.recalled_count),
        fixtures: counters.archived_fixture_count.saturating_sub(counters.recalled_fixture_count),
        transfers: counters.archived_transfer_count.saturating_sub(counters.recalled_transfer_count),
    };
    let fault = journal.check_archive(missing).err()?;
    let mut replay = Replay::new(Engine::default(), journal.path(), quarantined, panic_at_seq);
    let mut ticket_count = 0;
    // Nothing was ever taken there: no record has to be read for that.
    let is_empty = counters.archived_count == 0
        && counters.archived_fixture_count == 0
        && counters.archived_transfer_count == 0;
    let rebuilt = journal.rebuild_archive(is_empty, &mut |seq, record| {
        replay.apply(seq, record)?;
        let (archived, _) = archived_of(&mut replay.engine, replay.time_ns);
        ticket_count += archived.tickets.len();
        Ok(archived)
    });
    match rebuilt {
        Ok(()) if is_empty => None,
        Ok(()) => {
            notices.push(format!("{fault}: it was made anew from all records, with {ticket_count} tickets"));
            None
        }
        Err(error) => {
            notices.push(format!(
                "{fault}, and cannot be made anew: {error}; tickets with new ids are refused, and archived ones are neither answered nor settled anew"
            ));
            Some(format!("{fault}; it could not be made anew: {error}"))
        }
    }
}

/// How many records are left out, and which; the first ones of many.
pub fn quarantine_sentence(seqs: &[u64]) -> String {
    const NAMED_MAX: usize = 20;
    let named: Vec<String> = seqs.iter().take(NAMED_MAX).map(u64::to_string).collect();
    let more = if seqs.len() > NAMED_MAX { ", …" } else { "" };
    let word = if seqs.len() == 1 { "record is" } else { "records are" };
    format!("{} {word} quarantined and left out: {}{more}", seqs.len(), named.join(", "))
}

/// How many records no longer fitted what was left, and were decided anew.
fn redecided_sentence(seqs: &[u64]) -> String {
    let first = seqs.first().copied().unwrap_or_default();
    let word = if seqs.len() == 1 { "record" } else { "records" };
    format!(
        "{} {word} from {first} on no longer fitted without what is quarantined, and decided anew",
        seqs.len()
    )
}

fn restore(snapshot: &Snapshot) -> Result<Engine, String> {
    let restored = caught(|| Engine::restore_image(&snapshot.parts))?;
    let engine = restored.map_err(|error| error.to_string())?;
    let (found, expected) = (engine.state_hash(), StateHash(snapshot.state_hash));
    match found == expected {
        true => Ok(engine),
        false => Err(format!("it restores to {found} instead of {expected}")),
    }
}

/// Limits, stakes and balances are amounts of one currency: none of them means the same in another.
fn check_currency(engine: &Engine, config: &Config) -> Result<(), RecoveryError> {
    let (journal, configured) = (engine.config().currency, config.currency);
    let has_money = !engine.tickets().is_empty() || !engine.ledger().accounts().is_empty();
    match journal != configured && has_money {
        true => Err(RecoveryError::Currency { journal, configured }),
        false => Ok(()),
    }
}

/// Does something that must not take the process with it; the text of its panic. What it changed must be thrown away.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| panic_text(payload.as_ref()))
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

/// The panic of [`OpenOptions::panic_at_seq`].
pub(super) fn panic_on_purpose(panic_at_seq: Option<u64>, seq: u64) {
    assert!(panic_at_seq != Some(seq), "a fault on purpose");
}

/// The engine that a journal's records make, from the first one, and how many there are; works beside a running owner.
///
/// # Errors
/// The journal cannot be read, or a record cannot be applied.
pub fn replay_engine(journal: impl Into<JournalFiles>) -> Result<(Engine, u64), RecoveryError> {
    replay_from_zero(&journal.into(), None).map(|(engine, count, _)| (engine, count))
}

/// As [`replay_engine`], with the records that were decided anew.
fn replay_from_zero(
    journal: &JournalFiles,
    mut survey: Option<&mut ArchiveSurvey>,
) -> Result<(Engine, u64, Vec<u64>), RecoveryError> {
    let quarantined = journal::quarantined(journal.clone())?;
    let mut replay = Replay::new(Engine::default(), &journal.path, &quarantined, None);
    let recalls = |engine: &Engine| {
        let counters = engine.counters();
        (counters.recalled_count, counters.recalled_fixture_count, counters.recalled_transfer_count)
    };
    let count = journal::replay(journal.clone(), 1, &mut |seq, _, record| {
        let before = recalls(&replay.engine);
        replay.apply(seq, record)?;
        if let Some(survey) = survey.as_deref_mut() {
            let brought_back = match (recalls(&replay.engine) == before, &replay.redecided_facts) {
                (true, _) => Vec::new(),
                (false, Some(facts)) => facts.clone(),
                (false, None) => decode_record(record).map(|record| record.facts)?,
            };
            survey.take(&mut replay.engine, &brought_back);
        }
        Ok(())
    })?;
    caught(|| replay.engine.price_changed()).map_err(RecoveryError::Pricing)?;
    Ok((replay.engine, count - quarantined.len() as u64, replay.redecided_seqs))
}

/// Replays a journal from zero and reports what it makes.
///
/// # Errors
/// As [`replay_engine`].
pub fn replay_journal(journal: impl Into<JournalFiles>) -> Result<ReplayReport, RecoveryError> {
    let journal = journal.into();
    let started = Instant::now();
    let mut survey = ArchiveSurvey::default();
    let (engine, command_count, redecided_seqs) = replay_from_zero(&journal, Some(&mut survey))?;
    let seconds = started.elapsed().as_secs_f64();
    let archive = survey.compare(&journal.path);
    let quarantined_seqs = journal::quarantined(journal)?.iter().map(|entry| entry.seq).collect();
    Ok(ReplayReport {
        archive,
        command_count,
        quarantined_seqs,
        redecided_seqs,
        seconds,
        state_hash: engine.state_hash(),
        invariants: engine.invariants(),
    })
}

/// An operator's order about one record.
#[derive(Clone, Copy, Debug)]
pub struct QuarantineOrder<'a> {
    /// The record.
    pub seq: u64,
    /// Who gives the order.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Now.
    pub now_ns: i64,
    /// Also a record that can be applied.
    pub is_forced: bool,
    /// See [`OpenOptions::panic_at_seq`].
    pub panic_at_seq: Option<u64>,
}

impl QuarantineOrder<'_> {
    fn check(&self) -> Result<(), RecoveryError> {
        for (name, text) in [("name", self.by), ("reason", self.reason)] {
            let count = text.chars().count();
            if !(1..=QUARANTINE_TEXT_MAX).contains(&count) || text.chars().any(char::is_control) {
                return Err(RecoveryError::Config(oddsengine_types::BoundsError::new(format!(
                    "the {name} of {count} characters is outside 1..={QUARANTINE_TEXT_MAX}, without control characters"
                ))));
            }
        }
        Ok(())
    }
}

/// Takes a record out of every replay from now on, durably; the chain over it stays as it is. The journal must not be in
/// use. Snapshots that hold the record's effect are removed.
///
/// # Errors
/// [`RecoveryError::Applicable`] when the record can be applied and the order is not forced, [`RecoveryError::Record`]
/// when an earlier one cannot, and what the journal says.
pub fn quarantine(path: &Path, order: &QuarantineOrder<'_>) -> Result<QuarantineEntry, RecoveryError> {
    order.check()?;
    let mut maintenance = Maintenance::open(path)?;
    let record = maintenance.record(order.seq)?;
    if !order.is_forced
        && let Ok(kind) = trial(&maintenance, order, &record)?
    {
        return Err(RecoveryError::Applicable { seq: order.seq, kind });
    }
    let entry = maintenance.quarantine(order.seq, order.by, order.reason, order.now_ns)?;
    maintenance.close()?;
    Ok(entry)
}

/// What happens when the record is applied to the state before it.
fn trial(
    maintenance: &Maintenance,
    order: &QuarantineOrder<'_>,
    record: &[u8],
) -> Result<Result<&'static str, RecordFault>, RecoveryError> {
    let newest = maintenance.snapshot_before(order.seq);
    let restored = newest.and_then(|found| Some((restore(&found).ok()?, found.seq + 1)));
    let (engine, from_seq) = restored.unwrap_or_else(|| (Engine::default(), 1));
    let mut replay = Replay::new(engine, maintenance.path(), maintenance.quarantined(), order.panic_at_seq);
    let reached = maintenance.replay(from_seq, &mut |seq, _, bytes| match seq < order.seq {
        true => replay.apply(seq, bytes),
        false => Err(VisitError::from(Reached)),
    });
    match reached {
        Err(JournalError::Replay { source, .. }) if source.is::<Reached>() => {}
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    Ok(replay.apply_even_if_quarantined(order.seq, record))
}

/// The replay has come to the record that is asked about.
#[derive(Debug)]
struct Reached;

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record is reached")
    }
}

impl std::error::Error for Reached {}

/// Takes a record back into replay. The journal must not be in use; snapshots without the record's effect are removed.
///
/// # Errors
/// The record is not quarantined, or what the journal says.
pub fn release(path: &Path, order: &QuarantineOrder<'_>) -> Result<(), RecoveryError> {
    order.check()?;
    let mut maintenance = Maintenance::open(path)?;
    maintenance.release(order.seq, order.by, order.reason, order.now_ns)?;
    maintenance.close()?;
    Ok(())
}

/// A time as people write it, in UTC to the millisecond.
struct UtcTime(i64);

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) =
            (self.0.div_euclid(86_400_000_000_000), self.0.rem_euclid(86_400_000_000_000) / 1_000_000);
        // Days since 1 March of year 0, in eras of 400 years (H. Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_671_375_600_123_456_789, "2022-12-18T15:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (time_ns, expected) in cases {
            assert_eq!(UtcTime(time_ns).to_string(), expected);
        }
    }
}
