//! A seeded day of trading: the seed alone says every command, so a failure is replayed by its seed.

mod acceptance;
mod bets;
mod desk;
mod plans;
mod play;
mod racing;
mod settling;
mod space;
mod tennis;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use oddsengine_engine::{
    AnnulmentRequest, Body, Channel, Command, MoneyRequest, Origin, Record, TicketRequest,
};
use oddsengine_markets::Format;
use oddsengine_types::{Currency, CustomerId, FixtureId, StateHash, TransferId};

use crate::coverage::Coverage;
use crate::outcomes::{Space, Universe};
use crate::pair::Pair;
use crate::random::Random;
use crate::told::Answer;

/// The markets of football that are bet on: at least one of every view, with whole, half and quarter lines.
pub const MARKETS: &[&str] = &[
    "1x2",
    "double_chance",
    "draw_no_bet",
    "total:2.5",
    "total:2",
    "total:2.25",
    "total:2.75",
    "total:3",
    "handicap:-0.75",
    "handicap:0",
    "home_total:1.25",
    "both_score",
    "correct_score.h1",
    "exact_goals",
    "odd_even",
    "1x2.h1",
    "total.h2:1.5",
    "handicap.h2:0.25",
    "half_time_full_time",
    "highest_scoring_half",
    "home_win_either_half",
    "first_goal",
    "next_goal:2",
    "race_to:2",
    "last_goal",
    "result_total:2.5",
];

/// When the simulated day begins.
const START_NS: i64 = 1_760_000_000_000_000_000;
/// Fixtures traded at the same time.
const FIXTURE_COUNT: usize = 4;
/// Customers.
const CUSTOMER_COUNT: u64 = 8;
/// Everything is compared in full once in so many steps.
const AUDIT_STEPS: usize = 64;

/// A run that kept every promise.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Steps taken; a step is one command or a few that belong together.
    pub steps: usize,
    /// Hash of the final state.
    pub hash: StateHash,
    /// What happened.
    pub coverage: Coverage,
}

/// A run that did not.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The step at which the engines differed.
    pub step: usize,
    /// What differed.
    pub why: String,
    /// The latest commands, the guilty one last.
    pub commands: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails at step {}: {}", self.seed, self.step, self.why)?;
        writeln!(f, "replay it with: oddsengine-sim --seed {} --steps {}", self.seed, self.step + 1)?;
        self.commands.iter().try_for_each(|command| writeln!(f, "  {command}"))
    }
}

/// What is played in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sports {
    /// Football alone.
    Football,
    /// Tennis in two formats.
    Tennis,
    /// Horses and greyhounds.
    Racing,
    /// A space that is data.
    Space,
    /// All of them side by side.
    Mixed,
}

impl Sports {
    /// Each of them.
    pub const ALL: [Sports; 5] = [Self::Football, Self::Tennis, Self::Racing, Self::Space, Self::Mixed];

    /// The name as an option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Football => "football",
            Self::Tennis => "tennis",
            Self::Racing => "racing",
            Self::Space => "space",
            Self::Mixed => "mixed",
        }
    }

    /// The sports with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sports| sports.name() == name)
    }

    fn spaces(self) -> Vec<Space> {
        match self {
            Self::Football => vec![Space::new(Format::FOOTBALL, None, MARKETS.iter().copied())],
            Self::Tennis => tennis::spaces(),
            Self::Racing => racing::spaces(),
            Self::Space => vec![space::space()],
            Self::Mixed => Self::ALL[..4].iter().flat_map(|sports| sports.spaces()).collect(),
        }
    }
}

/// The universe of a workload of these sports.
pub fn universe_of(sports: Sports) -> Arc<Universe> {
    Arc::new(Universe::of(sports.spaces()))
}

/// The universe of a workload of all sports.
pub fn universe() -> Arc<Universe> {
    universe_of(Sports::Mixed)
}

/// Runs a seed for so many steps, comparing the engines after every command.
///
/// # Errors
/// The first difference.
pub fn run(universe: &Arc<Universe>, seed: u64, steps: usize) -> Result<Report, Box<Failure>> {
    simulate(Pair::new(universe.clone()), seed, steps)
}

/// As [`run`], with the fast engine alone: the same hash, sooner.
///
/// # Errors
/// A broken invariant, or a replay with another hash.
pub fn run_alone(universe: &Arc<Universe>, seed: u64, steps: usize) -> Result<Report, Box<Failure>> {
    simulate(Pair::alone(universe.clone()), seed, steps)
}

/// The records of a run with the fast engine alone.
///
/// # Errors
/// A broken invariant, or a replay with another hash.
pub fn records(universe: &Arc<Universe>, seed: u64, steps: usize) -> Result<Vec<Record>, Box<Failure>> {
    simulate_with(Pair::alone(universe.clone()), seed, steps).map(|(_, pair)| pair.shadows.records)
}

fn simulate(pair: Pair, seed: u64, steps: usize) -> Result<Report, Box<Failure>> {
    simulate_with(pair, seed, steps).map(|(report, _)| report)
}

fn simulate_with(pair: Pair, seed: u64, steps: usize) -> Result<(Report, Pair), Box<Failure>> {
    let mut workload = Workload::new(pair, seed);
    let mut step = 0;
    let result = workload.prepare().and_then(|()| {
        while step < steps {
            workload.step(step)?;
            step += 1;
        }
        workload.finish()
    });
    match result {
        Ok(hash) => {
            let coverage = workload.pair.coverage.clone();
            Ok((Report { seed, steps, hash, coverage }, workload.pair))
        }
        Err(why) => {
            let commands = workload.latest.iter().map(|command| format!("{command:?}")).collect();
            Err(Box::new(Failure { seed, step, why, commands }))
        }
    }
}

type Done = Result<(), String>;

/// The world outside of the engine.
struct Workload {
    pair: Pair,
    random: Random,
    now_ns: i64,
    /// What is played, the more often the more times it is listed.
    formats: Vec<Format>,
    /// Fixtures that are traded.
    active: Vec<FixtureId>,
    /// Fixtures that are over, and may still be corrected.
    over: Vec<FixtureId>,
    fixture_count: u64,
    ticket_count: u128,
    transfer_count: u128,
    requests: Vec<TicketRequest>,
    transfers: Vec<(MoneyRequest, bool)>,
    numbers: BTreeMap<String, u64>,
    latest: Vec<Command>,
    annulment_count: u128,
    annulments: Vec<AnnulmentRequest>,
}

impl Workload {
    fn new(pair: Pair, seed: u64) -> Self {
        let spaces = pair.universe().spaces();
        // Football comes as often as each other sport has formats.
        let weight =
            |format: &Format| if matches!(format, Format::Football(_) | Format::Custom(_)) { 2 } else { 1 };
        let formats = spaces.iter().flat_map(|space| vec![space.format; weight(&space.format)]).collect();
        Self {
            pair,
            random: Random::new(seed),
            now_ns: START_NS,
            formats,
            active: Vec::new(),
            over: Vec::new(),
            fixture_count: 0,
            ticket_count: 0,
            transfer_count: 0,
            requests: Vec::new(),
            transfers: Vec::new(),
            numbers: BTreeMap::new(),
            latest: Vec::new(),
            annulment_count: 0,
            annulments: Vec::new(),
        }
    }

    fn prepare(&mut self) -> Done {
        self.send(Body::EpochStarted { epoch: 1 })?;
        self.configure()?;
        self.define_spaces()?;
        for customer in 1..=CUSTOMER_COUNT {
            self.deposit(customer, 200_000)?;
        }
        (0..FIXTURE_COUNT).try_for_each(|_| self.add_fixture())
    }

    fn step(&mut self, step: usize) -> Done {
        // What is looked at before something is said of it.
        self.pair.recall_fixtures(self.active.clone().into_iter(), self.now_ns)?;
        match self.random.weighted(&[420, 330, 80, 50, 60, 18, 10, 8, 32, 3, 6, 60]) {
            0 => self.bet()?,
            1 => self.play()?,
            2 => self.tick()?,
            3 => self.money()?,
            4 => self.desk()?,
            5 => self.grade_by_hand()?,
            6 => self.void_or_correct()?,
            7 => self.settings()?,
            8 => self.cancel_ticket()?,
            9 => self.restart()?,
            10 => self.pause()?,
            _ => self.handle()?,
        }
        if step.is_multiple_of(AUDIT_STEPS) { self.pair.audit() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<StateHash, String> {
        self.pair.audit()?;
        self.restart()?;
        self.pair.audit()?;
        self.pair.replay()
    }

    /// Sends a command of the runtime itself.
    fn send(&mut self, body: Body) -> Result<Vec<Answer>, String> {
        self.send_from(Origin::default(), body)
    }

    fn send_from(&mut self, origin: Origin, body: Body) -> Result<Vec<Answer>, String> {
        let steps_ns = [0, 1_000, 3_000_000, 40_000_000, 400_000_000, 2_500_000_000];
        self.now_ns += *self.random.pick(&steps_ns);
        // A clock that was set back: the engine's time does not go back with it.
        let back_ns = if self.random.one_in(50) { 1_500_000_000 } else { 0 };
        let command = Command { time_ns: self.now_ns - back_ns, origin, body };
        if self.latest.len() >= 12 {
            self.latest.remove(0);
        }
        self.latest.push(command.clone());
        self.pair.apply(&command)
    }

    /// A feed, the desk or the runtime itself says this.
    fn send_from_any(&mut self, body: Body) -> Done {
        match self.random.below(3) {
            0 => self.send(body).map(drop),
            1 => self.send_desk(body),
            _ => self.send_feed(body),
        }
    }

    /// Time passes; sometimes the feeds have not been read empty.
    fn tick(&mut self) -> Done {
        let behind_ns = if self.random.one_in(4) { self.random.between(1, 6_000) * 1_000_000 } else { 0 };
        let read_ns = self.now_ns - behind_ns;
        self.send(Body::Tick { read_ns }).map(drop)
    }

    /// Sends a feed message, mostly numbered: sometimes twice, with a gap before it, with a number that cannot be, or as a
    /// restarted source would.
    fn send_feed(&mut self, body: Body) -> Done {
        // Each fixture has a feed of its own, and sometimes the other one speaks of it.
        let is_second = body.fixture().is_some_and(|fixture| fixture.0.is_multiple_of(3));
        let source = if is_second != self.random.one_in(12) { "feed.second" } else { "feed.first" };
        let source = source.to_string();
        let number = self.numbers.entry(source.clone()).or_insert(100);
        let seq = match self.random.below(200) {
            0 => Some(u64::MAX),
            1 => Some(1),
            2 => Some(*number + 2_000_000),
            3..20 => None,
            _ => {
                *number += 1;
                if self.random.one_in(60) {
                    *number += 1 + self.random.below(5) as u64;
                }
                Some(*number)
            }
        };
        let source_ns = self.now_ns - 80_000_000;
        let origin = Origin { source, seq, source_ns, channel: Channel::Feed, ..Origin::default() };
        self.send_from(origin.clone(), body.clone())?;
        if self.random.one_in(40) {
            self.send_from(origin.clone(), body)?;
        }
        if self.random.one_in(15) {
            // A message without number too says that its source is alive.
            let seq = if self.random.one_in(4) {
                None
            } else {
                Some(
                    *self.numbers.entry(origin.source.clone()).and_modify(|number| *number += 1).or_insert(1),
                )
            };
            self.send_from(Origin { seq, ..origin }, Body::Heartbeat)?;
        }
        Ok(())
    }

    /// Nobody sends anything for a while.
    fn pause(&mut self) -> Done {
        self.now_ns += self.random.between(1_000, 60_000) * 1_000_000;
        self.tick()
    }

    fn deposit(&mut self, customer: u64, amount_minor: i64) -> Done {
        let request = self.money_request(customer, amount_minor);
        self.transfers.push((request, true));
        self.send(Body::Deposit(request)).map(drop)
    }

    fn money_request(&mut self, customer: u64, amount_minor: i64) -> MoneyRequest {
        self.transfer_count += 1;
        MoneyRequest {
            transfer: TransferId(self.transfer_count),
            customer: CustomerId(customer),
            amount_minor,
            currency: Currency::EUR,
        }
    }

    fn money(&mut self) -> Done {
        let customer = 1 + self.random.below(CUSTOMER_COUNT as usize) as u64;
        let available = self.pair.fast.available_minor(CustomerId(customer));
        let (amount_minor, is_deposit) = match self.random.below(9) {
            // Money spent before a settlement is taken back: that is how shortfalls arise.
            0 | 1 if available > 0 => (available, false),
            2 => (available + 1, false),
            3 => (self.random.between(1, 20_000), false),
            4 => (*self.random.pick(&[0, -5, 20_000_000_000]), self.random.one_in(2)),
            5 if !self.transfers.is_empty() => return self.repeat_money(),
            _ => (self.random.between(1_000, 150_000), true),
        };
        let request = self.money_request(customer, amount_minor);
        self.transfers.push((request, is_deposit));
        self.send(if is_deposit { Body::Deposit(request) } else { Body::Withdraw(request) }).map(drop)
    }

    fn repeat_money(&mut self) -> Done {
        let (mut request, mut is_deposit) = *self.random.pick(&self.transfers);
        match self.random.below(4) {
            0 => request.amount_minor += 1,
            1 => is_deposit = !is_deposit,
            _ => {}
        }
        self.send(if is_deposit { Body::Deposit(request) } else { Body::Withdraw(request) }).map(drop)
    }

    fn restart(&mut self) -> Done {
        self.pair.restart()?;
        if self.random.one_in(3) {
            return Ok(());
        }
        let epoch = self.pair.fast.epoch();
        if self.random.one_in(4) {
            // The new process's clock is right; the old one's was ahead.
            let most_ms = *self.random.pick(&[20_000, 900_000]);
            self.now_ns -= self.random.between(0, most_ms) * 1_000_000;
        }
        // An epoch that is not new is refused.
        let epoch = if self.random.one_in(5) { epoch } else { epoch + 1 };
        self.send(Body::EpochStarted { epoch }).map(drop)
    }
}
