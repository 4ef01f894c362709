//! Engines beside the live one: one folds the facts that were recorded, one decides the recorded commands again.
//!
//! Both see records alone, as a journal has them, and price their boards seldom or on demand only: when a price is computed
//! must change nothing. From time to time the second one is replaced by what the first one has folded, so that decisions
//! are made on a folded state as well.

use oddsengine_engine::{Engine, Fact, Record};
use oddsengine_types::StateHash;

use crate::compare::{Agreement, agree};

/// Deciding a recorded command again gives the recorded facts, bit for bit.
pub const FACTS_REDECIDE_ALIKE: &str = "facts_redecide_alike";

/// The engine that folds, the one that decides again, and all that was recorded.
#[derive(Debug, Default)]
pub struct Shadows {
    /// It only folds.
    pub folded: Engine,
    /// It decides each command again.
    pub redecided: Engine,
    /// Every record since the beginning.
    pub records: Vec<Record>,
    /// Snapshots of the live engine, each with the number of records before it.
    pub snapshots: Vec<(usize, Vec<u8>)>,
}

impl Shadows {
    /// Takes the next record: decides its command again, and folds its facts.
    ///
    /// # Errors
    /// Other facts are decided, or the recorded ones do not fold.
    pub fn take(&mut self, record: Record) -> Agreement {
        redecide(&mut self.redecided, &record)?;
        fold(&mut self.folded, &record)?;
        self.records.push(record);
        Ok(())
    }

    /// Compares both with the live engine, whose boards are priced: state, and every price bit for bit.
    ///
    /// # Errors
    /// The first difference.
    pub fn audit(&mut self, live: &Engine) -> Agreement {
        let hash = live.state_hash();
        agree(|| "state hash of the folding engine".into(), hash, self.folded.state_hash())?;
        agree(|| "state hash of the engine that decides again".into(), hash, self.redecided.state_hash())?;
        // Priced apart, so that the folding engine stays one that has priced nothing.
        let mut folded = self.folded.clone();
        check_boards(live, &mut folded, "folded")?;
        self.redecided = folded;
        Ok(())
    }

    /// A process that crashed begins again, with a snapshot of the live engine, with an earlier one and the records after it,
    /// or with the records alone.
    ///
    /// # Errors
    /// The new engine is not the old one.
    pub fn recover(&mut self, live: &Engine) -> Result<Engine, String> {
        let bytes = live.snapshot();
        let (position, start) = match self.snapshots.len() % 3 {
            0 => (self.records.len(), Some(bytes.clone())),
            1 => self
                .snapshots
                .last()
                .map(|(position, bytes)| (*position, Some(bytes.clone())))
                .unwrap_or_default(),
            _ => (0, None),
        };
        let mut engine = self.folded_from(position, start.as_deref())?;
        if engine.snapshot() != bytes {
            return Err("the snapshot of a recovered engine differs from the one it came from".into());
        }
        check_boards(live, &mut engine, "recovered")?;
        for (live, recovered) in live.fixtures().iter().zip(engine.fixtures()) {
            let name = |what: &str| format!("fixture {} {what} after a restart", live.id());
            agree(|| name("limits"), &live.limits, &recovered.limits)?;
            agree(|| name("margins"), &live.margins, &recovered.margins)?;
        }
        self.snapshots.push((self.records.len(), bytes));
        Ok(engine)
    }

    /// The state of all records, folded and decided again from the start and from the latest snapshots: the hashes must be
    /// equal.
    ///
    /// # Errors
    /// A hash that differs, or another decision.
    pub fn replay(&self, live: &Engine) -> Result<StateHash, String> {
        let expected = live.state_hash();
        let snapshots =
            self.snapshots.iter().rev().take(3).map(|(position, bytes)| (*position, Some(bytes.as_slice())));
        for (position, start) in std::iter::once((0, None)).chain(snapshots) {
            let name = |what: &str| format!("state hash {what} from record {position}");
            let folded = self.folded_from(position, start)?;
            agree(|| name("folded"), expected, folded.state_hash())?;
            let mut redecided = start_of(start)?;
            self.records[position..].iter().try_for_each(|record| redecide(&mut redecided, record))?;
            agree(|| name("decided again"), expected, redecided.state_hash())?;
        }
        Ok(expected)
    }

    fn folded_from(&self, position: usize, start: Option<&[u8]>) -> Result<Engine, String> {
        let mut engine = start_of(start)?;
        self.records[position..].iter().try_for_each(|record| fold(&mut engine, record))?;
        Ok(engine)
    }
}

fn start_of(snapshot: Option<&[u8]>) -> Result<Engine, String> {
    match snapshot {
        Some(bytes) => Engine::restore(bytes).map_err(|error| format!("snapshot: {error}")),
        None => Ok(Engine::default()),
    }
}

/// Folds a record.
///
/// # Errors
/// It does not fold.
pub fn fold(engine: &mut Engine, record: &Record) -> Agreement {
    engine.fold(record).map_err(|why| format!("a record does not fold: {why}: {:?}", record.command))
}

/// Decides a recorded command again.
///
/// # Errors
/// The first fact that differs.
pub fn redecide(engine: &mut Engine, record: &Record) -> Agreement {
    let decided = engine.step(&record.command).facts;
    let count = record.facts.len().max(decided.len());
    let differs = |&place: &usize| !is_same(record.facts.get(place), decided.get(place));
    match (0..count).find(differs) {
        None => Ok(()),
        Some(place) => Err(format!(
            "invariant {FACTS_REDECIDE_ALIKE}: fact {place} of {:?} was {:?} and is decided again as {:?}",
            record.command,
            record.facts.get(place),
            decided.get(place)
        )),
    }
}

/// Equal as written down: a number is its bits.
fn is_same(recorded: Option<&Fact>, decided: Option<&Fact>) -> bool {
    let numbers = |fact: Option<&Fact>| match fact {
        Some(Fact::ParametersSet { parameters, .. }) => Some(parameters.clone()),
        Some(Fact::ExpectationSet { expectation: Some(expectation), .. }) => expectation.feed.clone(),
        _ => None,
    };
    let (Some(one), Some(two)) = (numbers(recorded), numbers(decided)) else {
        return recorded == decided;
    };
    let bits = |(name, list): &(String, Vec<f64>)| {
        (name.clone(), list.iter().map(|number| number.to_bits()).collect::<Vec<u64>>())
    };
    // The only facts with floating-point numbers.
    recorded == decided && one.lists.iter().map(bits).eq(two.lists.iter().map(bits))
}

/// Compares every board with the live one, bit for bit.
fn check_boards(live: &Engine, other: &mut Engine, what: &str) -> Agreement {
    other.price_changed();
    agree(|| format!("number of {what} fixtures"), live.fixtures().len(), other.fixtures().len())?;
    for (live, other) in live.fixtures().iter().zip(other.fixtures()) {
        let name = |of: &str| format!("fixture {}: {what} {of}", live.id());
        let (one, two) = (&live.board, &other.board);
        agree(|| name("version"), live.version, other.version)?;
        agree(|| name("model"), one.has_expectations, two.has_expectations)?;
        agree(|| name("odds"), &one.odds_e4, &two.odds_e4)?;
        let is_same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        if !is_same(&one.win, &two.win) || !is_same(&one.refund, &two.refund) {
            return Err(name("probabilities differ"));
        }
    }
    Ok(())
}
