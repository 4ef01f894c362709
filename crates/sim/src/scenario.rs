//! The language of `tests/scenarios/*.txt`: a story of commands with what each must answer, and checks between.
//!
//! One line is one command or one check; `#` begins a comment. Every command goes to both engines, which are
//! compared after it; every check asks both. At the end everything is audited, the engine is restarted from its
//! snapshot, and the journal is replayed.
//!
//! ```text
//! fixture F1
//! manual F1 1x2 2.50 3.20 2.90
//! deposit C1 1000.00
//! bet B1 C1 100.00 F1:1x2/home@2.50 -> accepted
//! worst F1 -150.00
//! bet B2 C1 100.00 F1:1x2/home@2.60 -> refused odds_have_moved
//! ```
//!
//! Names are a letter and a number: `F1`, `C1`, `B1`, `D1`; the number is the id. Amounts are in euro unless a
//! currency follows. The language is in `tests/scenarios/README.md`; the tables of that folder run through Python as
//! well. What only these engines understand, for the tables in `tests/scenarios/engine`, is listed in [`actions`]
//! and [`checks`].

pub mod acceptance;
pub mod actions;
pub mod checks;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use oddsengine_engine::{Body, Channel, Command, Config, Origin, Principal, TicketRequest};
use oddsengine_types::{FixtureId, StateHash, TicketId};

use crate::coverage::Coverage;
use crate::outcomes::Universe;
use crate::pair::Pair;
use crate::told::Answer;
use words::Words;

/// When every scenario begins.
const START_NS: i64 = 1_760_000_000_000_000_000;

/// A scenario that held.
#[derive(Clone, Debug)]
pub struct Report {
    /// Commands and checks carried out.
    pub line_count: usize,
    /// What happened.
    pub coverage: Coverage,
    /// Hash of the final state.
    pub hash: StateHash,
}

/// Runs a scenario.
///
/// # Errors
/// The first line that does not hold: its number, what was expected, what was found.
///
/// ```
/// use oddsengine_sim::scenario::run_scenario;
/// let report = run_scenario("deposit C1 10.00\nbalance C1 10.00").unwrap();
/// assert_eq!(report.line_count, 2);
/// let error = run_scenario("balance C1 5.00").unwrap_err();
/// assert_eq!(error, "scenario:1: expected 5.00, found 0.00: `balance C1 5.00`");
/// ```
pub fn run_scenario(text: &str) -> Result<Report, String> {
    run_named("scenario", text)
}

/// As [`run_scenario`]; errors begin with the name, as a file's do.
///
/// # Errors
/// As [`run_scenario`].
pub fn run_named(name: &str, text: &str) -> Result<Report, String> {
    let mut scenario = Scenario::new(text);
    let mut line_count = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            scenario.line(line).map_err(|why| format!("{name}:{}: {why}: `{line}`", index + 1))?;
            line_count += 1;
        }
    }
    let hash = scenario.finish().map_err(|why| format!("{name}: at the end: {why}"))?;
    Ok(Report { line_count, coverage: scenario.pair.coverage, hash })
}

/// A scenario on its way.
#[derive(Debug)]
pub struct Scenario {
    pair: Pair,
    now_ns: i64,
    /// Settings before the first other line.
    config: Config,
    has_started: bool,
    /// The match clock that the feed is at.
    clocks_ms: BTreeMap<FixtureId, i64>,
    requests: BTreeMap<TicketId, TicketRequest>,
    transfer_count: u128,
    origin: Origin,
}

impl Scenario {
    fn new(text: &str) -> Self {
        // Every market that the text may mean is of the universe.
        let totals: Vec<String> = text.split_whitespace().map(|token| format!("total:{token}")).collect();
        let parts = text.split_whitespace().flat_map(|token| {
            let leg = token.split_once(':').map_or("", |(_, leg)| leg);
            [token, leg].map(|part| part.split('/').next().unwrap_or_default())
        });
        // So are those of prices that a feed tells.
        let parts = parts.chain(totals.iter().map(String::as_str)).chain(["1x2"]);
        Self {
            pair: Pair::new(Arc::new(Universe::new(parts))),
            now_ns: START_NS,
            config: Config {
                bet_delay_ms: 0,
                market_loss_minor_max: 10_000_000,
                fixture_loss_minor_max: 10_000_000,
                competition_loss_minor_max: 100_000_000,
                stake_minor_max: 10_000_000,
                payout_minor_max: 100_000_000,
                ..Config::default()
            },
            has_started: false,
            clocks_ms: BTreeMap::new(),
            requests: BTreeMap::new(),
            transfer_count: 0,
            origin: Origin::default(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (line, expected) = match line.split_once("->") {
            Some((line, expected)) => (line.trim(), Some(expected.trim())),
            None => (line, None),
        };
        let mut words = Words::new(line);
        if !self.has_started && words.peek() != Some("config") {
            self.start()?;
        }
        if words.take_if("desk") {
            let principal = Principal::of_key("desk");
            self.origin = Origin { channel: Channel::Desk, principal, ..Origin::default() };
        }
        let is_from = words.take_if("from");
        if is_from || words.take_if("feed") {
            let source = if is_from { words.text("a source")? } else { "numbering" };
            let seq = Some(words.number("a message number")?);
            self.origin = Origin {
                source: source.to_string(),
                seq,
                source_ns: self.now_ns,
                channel: Channel::Feed,
                ..Origin::default()
            };
        }
        let result = self.command_or_check(&mut words, expected);
        self.origin = Origin::default();
        result
    }

    fn start(&mut self) -> Result<(), String> {
        self.has_started = true;
        self.send(Body::EpochStarted { epoch: 1 })?;
        let config = self.config.clone();
        self.send(Body::Configure(Box::new(config))).map(drop)
    }

    fn command_or_check(&mut self, words: &mut Words<'_>, expected: Option<&str>) -> Result<(), String> {
        let name = words.text("a command or check")?;
        if let Some(found) = self.check(name, words)? {
            let wanted = expected.map_or_else(|| words.rest(), str::to_string);
            return words.expect(&wanted, &found);
        }
        let Some(action) = self.action(name, words)? else {
            return Err(format!("{name:?} is neither a command nor a check"));
        };
        words.end()?;
        let Some(body) = action else { return Ok(()) };
        let answers = self.send(body)?;
        let details = self.pair.details.join("; ");
        let details = if details.is_empty() { details } else { format!(" ({details})") };
        let found = words::answer(&answers);
        let is_expected = match expected {
            Some(expected) => found == expected,
            // A command without an expected answer must be carried out.
            None => ["done", "booked", "accepted"].contains(&found.as_str()),
        };
        match is_expected {
            true => Ok(()),
            false => {
                Err(format!("expected {}, found {found}{details}", expected.unwrap_or("that it is done")))
            }
        }
    }

    fn send(&mut self, body: Body) -> Result<Vec<Answer>, String> {
        let command = Command { time_ns: self.now_ns, origin: self.origin.clone(), body };
        self.pair.apply(&command)
    }

    /// A new process on the same state: the epoch rises.
    fn restart(&mut self) -> Result<(), String> {
        self.pair.restart()?;
        let epoch = self.pair.fast.epoch() + 1;
        self.send(Body::EpochStarted { epoch }).map(drop)
    }

    fn finish(&mut self) -> Result<StateHash, String> {
        self.pair.audit()?;
        self.pair.restart()?;
        self.pair.audit()?;
        self.pair.replay()
    }
}
