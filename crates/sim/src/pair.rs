//! Both engines side by side: every command goes to both, and they are compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use oddsengine_engine::{
    Body, Command, Config, Engine, NoEvents, Reason, StopSet, TicketRequest, TicketState, VoidKind,
};
use oddsengine_ledger::AccountKind;
use oddsengine_types::codec::{decode_all, encode_to_vec};
use oddsengine_types::{Currency, CustomerId, StateHash};

use crate::compare::{Agreement, agree, compare, compare_all};
use crate::coverage::Coverage;
use crate::naive::Naive;
use crate::outcomes::Universe;
use crate::sanity::check_board;
use crate::told::{Answer, Prices, Recorder, Told, in_order, read_prices};

/// The two engines, the journal of encoded commands, and what happened so far.
#[derive(Debug)]
pub struct Pair {
    /// The engine under test.
    pub fast: Engine,
    /// The engine it is compared with.
    pub naive: Naive,
    /// Every command, encoded as the journal keeps it.
    pub journal: Vec<Vec<u8>>,
    /// What happened.
    pub coverage: Coverage,
    /// Why the last command was refused, in words.
    pub details: Vec<String>,
    /// The naive engine takes part; without it a run shows only that it can be replayed.
    is_compared: bool,
    universe: Arc<Universe>,
    prices: Vec<Prices>,
    /// What customers owe, for the coverage alone.
    owed_minor: BTreeMap<CustomerId, i64>,
    snapshots: Vec<(usize, Vec<u8>)>,
}

impl Pair {
    /// Two empty engines.
    pub fn new(universe: Arc<Universe>) -> Self {
        Self {
            fast: Engine::default(),
            naive: Naive::new(universe.clone(), Config::default()),
            journal: Vec::new(),
            coverage: Coverage::default(),
            details: Vec::new(),
            is_compared: true,
            universe,
            prices: Vec::new(),
            owed_minor: BTreeMap::new(),
            snapshots: Vec::new(),
        }
    }

    /// The fast engine alone: the same commands give the same hash, sooner.
    pub fn alone(universe: Arc<Universe>) -> Self {
        Self { is_compared: false, ..Self::new(universe) }
    }

    /// The markets of this run.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Applies a command to both engines and compares them.
    ///
    /// # Errors
    /// The first difference.
    pub fn apply(&mut self, command: &Command) -> Result<Vec<Answer>, String> {
        self.journal.push(encode_to_vec(command));
        let versions: Vec<u64> = self.fast.fixtures().iter().map(|fixture| fixture.version).collect();
        let stops: Vec<StopSet> = self.fast.fixtures().iter().map(|fixture| fixture.stops.set).collect();
        let mut recorder = Recorder::new(&self.universe);
        self.fast.apply(command, &mut recorder);
        if !self.is_compared {
            self.coverage.hit("command");
            return Ok(recorder.answers());
        }
        read_prices(&self.fast, &self.universe, &mut self.prices);
        let (told, answers) = (&recorder.told, recorder.answers());
        let expected = self.naive.apply(command, told, &self.prices);
        let (answers, expected) = (in_order(answers), in_order(expected));
        agree(|| "answers".into(), &answers, &expected)?;
        if let Some(broken) = self.naive.broken.take() {
            return Err(format!("a limit does not limit: {broken}"));
        }
        compare(&self.fast, &self.naive)?;
        check_versions(&self.fast, &versions, told)?;
        for (index, fixture) in self.fast.fixtures().iter().enumerate() {
            if versions.get(index) != Some(&fixture.version) {
                check_board(&self.fast, fixture)?;
            }
        }
        self.details = recorder.details;
        for (fixture, before) in self.fast.fixtures().iter().zip(stops) {
            let now = fixture.stops.set;
            now.without(before).iter().for_each(|stop| self.coverage.hit(format!("stop.{}", stop.name())));
            before.without(now).iter().for_each(|stop| self.coverage.hit(format!("lifted.{}", stop.name())));
        }
        self.count(command, &answers);
        Ok(answers)
    }

    /// Asks both engines for the largest stake.
    ///
    /// # Errors
    /// They differ.
    pub fn max_stake(&self, request: &TicketRequest) -> Result<Result<i64, Reason>, String> {
        let fast = self.fast.max_stake(request);
        if self.is_compared {
            agree(|| "largest stake".into(), &fast, &self.naive.max_stake(request))?;
        }
        Ok(fast.map(|check| check.stake_minor_max))
    }

    /// Compares everything, and checks every invariant.
    ///
    /// # Errors
    /// The first difference, or the invariant that does not hold.
    pub fn audit(&mut self) -> Agreement {
        if self.is_compared {
            compare_all(&self.fast, &self.naive)?;
        }
        for (name, holds) in self.fast.invariants() {
            holds.map_err(|why| format!("invariant {name}: {why}"))?;
        }
        self.coverage.hit("audit");
        Ok(())
    }

    /// Replaces the fast engine by the one restored from its snapshot.
    ///
    /// # Errors
    /// The snapshot cannot be read, or the restored engine differs.
    pub fn restart(&mut self) -> Agreement {
        let bytes = self.fast.snapshot();
        let restored = Engine::restore(&bytes).map_err(|error| format!("snapshot: {error}"))?;
        if restored.snapshot() != bytes {
            return Err("the snapshot of a restored engine differs from the one it came from".into());
        }
        self.check_restored(&restored)?;
        self.snapshots.push((self.journal.len(), bytes));
        self.fast = restored;
        self.coverage.hit("restart");
        if self.is_compared { compare_all(&self.fast, &self.naive) } else { Ok(()) }
    }

    /// What is derived must be derived alike.
    fn check_restored(&self, restored: &Engine) -> Agreement {
        for (live, restored) in self.fast.fixtures().iter().zip(restored.fixtures()) {
            let name = |what: &str| format!("fixture {} {what} after a restart", live.id());
            let is_same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
            if !is_same(&live.win, &restored.win) || !is_same(&live.refund, &restored.refund) {
                return Err(name("expectations differ"));
            }
            agree(|| name("limits"), &live.limits, &restored.limits)?;
            agree(|| name("margins"), &live.margins, &restored.margins)?;
        }
        Ok(())
    }

    /// Decodes the journal and applies it, from the start and from every snapshot taken: the hashes must be equal.
    ///
    /// # Errors
    /// A command that does not decode to itself, or a hash that differs.
    pub fn replay(&mut self) -> Result<StateHash, String> {
        let expected = self.fast.state_hash();
        let starts = [(0, Engine::default().snapshot())];
        let snapshots: Vec<_> = self.snapshots.iter().rev().take(3).cloned().collect();
        for (position, bytes) in starts.into_iter().chain(snapshots) {
            let mut engine = Engine::restore(&bytes).map_err(|error| format!("snapshot: {error}"))?;
            for bytes in &self.journal[position..] {
                let command: Command = decode_all(bytes).map_err(|error| format!("journal: {error}"))?;
                if encode_to_vec(&command) != *bytes {
                    return Err(format!("{command:?} does not encode to the bytes it came from"));
                }
                engine.apply(&command, &mut NoEvents);
            }
            agree(
                || format!("state hash of a replay from command {position}"),
                expected,
                engine.state_hash(),
            )?;
        }
        self.coverage.hit("replay");
        Ok(expected)
    }

    fn count(&mut self, command: &Command, answers: &[Answer]) {
        let coverage = &mut self.coverage;
        coverage.hit("command");
        for answer in answers {
            match answer {
                Answer::Trading(_, status) => coverage.hit(format!("trading.{}", status.name())),
                Answer::Decision(_, state, true) => coverage.hit(format!("repeat.{}", state.name())),
                Answer::Decision(id, state, false) => {
                    // Delays end by ticks alone.
                    let is_own = matches!(command.body, Body::PlaceTicket(_));
                    let ticket = self.fast.ticket(*id).expect("a decided ticket is known");
                    let when = if is_own { "" } else { "after_delay." };
                    coverage.hit(format!("{when}{}", state.name()));
                    if let TicketState::Refused(reason) = state {
                        coverage.hit(format!("{when}reason.{}", reason.name()));
                    }
                    coverage.hit_if(ticket.legs.len() > 1 && ticket.reason().is_none(), "accumulator");
                }
                Answer::TicketRefused(_, reason) | Answer::Refused(reason) => {
                    coverage.hit(format!("reason.{}", reason.name()));
                }
                Answer::MoneyRefused(_, reason) => coverage.hit(format!("reason.{}", reason.name())),
                Answer::Settlement(id, state, before, paid) => {
                    let ticket = self.fast.ticket(*id).expect("a settled ticket is known");
                    count_settlement(coverage, ticket, *state, *before, *paid);
                    let owes = AccountKind::CustomerReceivable(ticket.customer);
                    let owed_minor = self.fast.ledger().balance_of(owes, Currency::EUR).posted_minor;
                    let is_new = self.owed_minor.insert(ticket.customer, owed_minor) < Some(owed_minor);
                    let is_late = matches!(command.body, Body::Tick { .. }) && *state == TicketState::Settled;
                    coverage.hit_if(is_late, "settled.after_waiting");
                    let has_shortfall = *before > 0 && owed_minor > 0 && is_new;
                    coverage.hit_if(has_shortfall && *state == TicketState::Open, "rollback.shortfall");
                    coverage.hit_if(has_shortfall && *state == TicketState::Cancelled, "cancelled.shortfall");
                }
                Answer::MoneyBooked(_, _, is_repeat) => {
                    coverage.hit(if *is_repeat { "money.repeat" } else { "money.booked" });
                }
                Answer::Done => {}
                Answer::Alert(alert, _) => coverage.hit(format!("alert.{alert}")),
                Answer::Duplicate => coverage.hit("feed.duplicate"),
                Answer::FeedGap(..) => coverage.hit("feed.gap"),
            }
        }
        if let Body::VoidFixture { void, .. } = command.body {
            coverage.hit(match void {
                VoidKind::Nothing => "reinstated",
                VoidKind::Everything => "voided",
                VoidKind::Undecided => "abandoned",
            });
        }
    }
}

fn count_settlement(
    coverage: &mut Coverage,
    ticket: &oddsengine_engine::Ticket,
    state: TicketState,
    before: i64,
    paid: i64,
) {
    match state {
        TicketState::Cancelled if before > 0 => coverage.hit("cancelled.after_payment"),
        TicketState::Cancelled if ticket.decided_ns == 0 => coverage.hit("cancelled.delayed"),
        TicketState::Cancelled => coverage.hit("cancelled"),
        TicketState::Open => coverage.hit("rollback"),
        _ => {
            coverage.hit_if(ticket.settlement_count > 1, "resettled");
            coverage.hit_if(before > 0, "resettled.from_payment");
            let is_early = ticket.legs.iter().any(|leg| leg.grade.is_none());
            coverage.hit_if(is_early, "settled.with_open_legs");
            coverage.hit_if(ticket.legs.len() > 1, "settled.accumulator");
            let grades = ticket.legs.iter().filter_map(|leg| leg.grade);
            grades.for_each(|grade| coverage.hit(format!("grade.{grade}")));
            coverage.hit(match paid {
                0 => "settled.lost",
                _ if paid == ticket.stake_minor => "settled.stake_back",
                _ if paid < ticket.stake_minor => "settled.less_than_stake",
                _ => "settled.won",
            });
        }
    }
}

/// A board's version goes up by one whenever it is told, and never otherwise.
fn check_versions(fast: &Engine, before: &[u64], told: &[Told]) -> Agreement {
    for (index, fixture) in fast.fixtures().iter().enumerate() {
        let mut expected = before.get(index).copied().unwrap_or(0);
        let boards = told.iter().filter_map(|told| match told {
            Told::Board(id, version, _) if *id == fixture.id() => Some(version),
            _ => None,
        });
        for version in boards {
            expected += 1;
            agree(|| format!("version of fixture {}", fixture.id()), version.seq, expected)?;
        }
        agree(|| format!("version of fixture {}", fixture.id()), fixture.version, expected)?;
    }
    Ok(())
}
