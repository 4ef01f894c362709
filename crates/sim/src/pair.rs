//! Both engines side by side: every command goes to both, and they are compared; beside them its facts are folded, and it
//! is decided again.

use std::collections::BTreeMap;
use std::sync::Arc;

use oddsengine_engine::MarketStatus;
use oddsengine_engine::{
    Body, BookedTransfer, Command, Config, Engine, Fact, OddsVersion, Origin, PriceSource, Reason, Record,
    StopSet, Ticket, TicketRequest, TicketState, VoidKind, WholeFixture, command,
};
use oddsengine_ledger::AccountKind;
use oddsengine_types::{Currency, CustomerId, FixtureId, StateHash, TicketId, TransferId};

use crate::compare::{Agreement, agree, compare, compare_all};
use crate::coverage::Coverage;
use crate::naive::Naive;
use crate::outcomes::Universe;
use crate::sanity::check_board;
use crate::shadows::Shadows;
use crate::told::{Answer, Facts, Prices, in_order, read_prices};

/// The engines, the records of the live one, and what happened so far.
#[derive(Debug)]
pub struct Pair {
    /// The engine under test.
    pub fast: Engine,
    /// The engine it is compared with.
    pub naive: Naive,
    /// The engines that fold and decide again, and the records.
    pub shadows: Shadows,
    /// What happened.
    pub coverage: Coverage,
    /// Why the last command was refused, in words.
    pub details: Vec<String>,
    /// The other engines take part; without them a run shows only that it can be replayed.
    is_compared: bool,
    universe: Arc<Universe>,
    prices: Vec<Prices>,
    /// Tickets that left the fast engine.
    archive: BTreeMap<TicketId, Ticket>,
    /// Fixtures that left it.
    fixtures: BTreeMap<FixtureId, WholeFixture>,
    /// Deposits and withdrawals whose ids left it.
    transfers: BTreeMap<TransferId, BookedTransfer>,
    /// What a subscriber has seen of each board.
    seen: BTreeMap<FixtureId, Seen>,
    /// What customers owe, for the coverage alone.
    owed_minor: BTreeMap<CustomerId, i64>,
}

/// Tickets of a fixture that come back by one command.
const RECALLED_TOGETHER: usize = 16;

/// A board as it was told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    version: OddsVersion,
    odds_e4: Vec<u32>,
    markets: Vec<(MarketStatus, PriceSource)>,
    standing: Option<((u16, u16), String)>,
}

impl Pair {
    /// Empty engines.
    pub fn new(universe: Arc<Universe>) -> Self {
        Self {
            fast: Engine::default(),
            naive: Naive::new(universe.clone(), Config::default()),
            shadows: Shadows::default(),
            coverage: Coverage::default(),
            details: Vec::new(),
            is_compared: true,
            universe,
            prices: Vec::new(),
            archive: BTreeMap::new(),
            fixtures: BTreeMap::new(),
            transfers: BTreeMap::new(),
            seen: BTreeMap::new(),
            owed_minor: BTreeMap::new(),
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

    /// Applies a command to all engines and compares them.
    ///
    /// # Errors
    /// The first difference.
    pub fn apply(&mut self, command: &Command) -> Result<Vec<Answer>, String> {
        self.recall_fixtures(command.body.named_fixtures(), command.time_ns)?;
        if let Body::Deposit(request) | Body::Withdraw(request) = &command.body
            && let Some(transfer) = self.transfers.remove(&request.transfer)
        {
            self.coverage.hit("recalled.transfer");
            let body = Body::RecallMoney { transfer };
            self.apply_one(&Command { time_ns: command.time_ns, origin: Origin::default(), body })?;
        }
        let asks_for = match &command.body {
            Body::PlaceTicket(request) => Some(request.ticket),
            Body::CancelTicket { ticket } | Body::AnswerOffer { ticket, .. } => Some(*ticket),
            _ => None,
        };
        if let Some(ticket) = asks_for.and_then(|id| self.archive.get(&id)).cloned() {
            self.coverage.hit("recalled.asked_for");
            self.recall(vec![ticket], command.time_ns)?;
        }
        let answers = self.apply_one(command)?;
        loop {
            let Some(fixture) = self.fast.recalls().next() else { break };
            let is_on_it = |ticket: &&Ticket| ticket.legs.iter().any(|leg| leg.fixture == fixture);
            let is_over = |ticket: &&Ticket| ticket.reason().is_none();
            let on_it = self.archive.values().filter(is_on_it).filter(is_over);
            let tickets: Vec<Ticket> = on_it.take(RECALLED_TOGETHER).cloned().collect();
            if tickets.is_empty() {
                return Err(format!("fixture {fixture} misses tickets that are not in the archive"));
            }
            self.coverage.hit("recalled.regraded");
            self.recall(tickets, command.time_ns)?;
        }
        for body in self.fast.model_checks() {
            self.apply_one(&Command { time_ns: command.time_ns, origin: Origin::default(), body })?;
        }
        Ok(answers)
    }

    /// Brings tickets back from the archive.
    fn recall(&mut self, tickets: Vec<Ticket>, time_ns: i64) -> Result<(), String> {
        let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
        let legs: Vec<FixtureId> =
            tickets.iter().flat_map(|ticket| &ticket.legs).map(|leg| leg.fixture).collect();
        self.recall_fixtures(legs.into_iter(), time_ns)?;
        let body = Body::RecallTickets { tickets };
        self.apply_one(&Command { time_ns, origin: Origin::default(), body })?;
        match ids.iter().find(|&&id| self.archive.remove(&id).is_none() || self.fast.ticket(id).is_none()) {
            Some(id) => Err(format!("ticket {id} was recalled and is not there")),
            None => Ok(()),
        }
    }

    /// Brings fixtures back from the archive, as far as they are there.
    ///
    /// # Errors
    /// As [`Pair::apply`].
    pub fn recall_fixtures(&mut self, named: impl Iterator<Item = FixtureId>, time_ns: i64) -> Agreement {
        let mut found: Vec<WholeFixture> = named.filter_map(|id| self.fixtures.remove(&id)).collect();
        while !found.is_empty() {
            let rest = found.split_off(found.len().min(command::FIXTURES_PER_RECORD_MAX));
            let fixtures = std::mem::replace(&mut found, rest);
            self.coverage.hit("recalled.fixture");
            let body = Body::RecallFixtures { fixtures };
            self.apply_one(&Command { time_ns, origin: Origin::default(), body })?;
        }
        Ok(())
    }

    fn apply_one(&mut self, command: &Command) -> Result<Vec<Answer>, String> {
        let stops: BTreeMap<FixtureId, StopSet> =
            self.fast.fixtures().iter().map(|fixture| (fixture.id(), fixture.stops.set)).collect();
        let has_skew = self.fast.config().skew_b_minor.is_some();
        let before = (self.is_compared && has_skew).then(|| self.fast.clone());
        let decided = self.fast.step(command);
        for ticket in self.fast.take_archived() {
            self.coverage.hit(format!("archived.{}", ticket.state.name()));
            self.archive.insert(ticket.id, ticket);
        }
        for fixture in self.fast.take_archived_fixtures() {
            self.coverage.hit("archived.fixture");
            self.fixtures.insert(fixture.request.fixture, fixture);
        }
        for transfer in self.fast.take_archived_transfers() {
            self.coverage.hit("archived.transfer");
            self.transfers.insert(transfer.request.transfer, transfer);
        }
        let changes = self.fast.take_board_changes();
        let answers = Answer::all_of(&decided, &self.fast);
        self.details = decided.facts.iter().filter_map(detail_of).collect();
        let record = Record { command: command.clone(), facts: decided.facts };
        for fact in &record.facts {
            match fact {
                Fact::AnnulmentOrdered { request, .. } => {
                    self.coverage.hit(format!("annulment.{}", request.effect.name()));
                }
                Fact::AnnulmentTakenBack { .. } => self.coverage.hit("annulment.taken_back"),
                Fact::TicketReinstated { .. } => self.coverage.hit("reinstated.ticket"),
                Fact::TicketMarked { marks, .. } if !marks.void_by.is_empty() => {
                    self.coverage.hit("annulled.legs");
                }
                Fact::TicketMarked { marks, .. } if marks.standing_legs != 0 => {
                    self.coverage.hit("correction.stands");
                }
                Fact::Booked { bookings }
                    if bookings.iter().any(|booking| booking.debit == AccountKind::Goodwill) =>
                {
                    self.coverage.hit("correction.goodwill");
                }
                Fact::PaymentDue { due_ns: Some(i64::MAX), .. } => self.coverage.hit("payment.held"),
                Fact::ReviewSet { why: None, .. } => self.coverage.hit("review.lifted"),
                Fact::ActionEnded { end, .. } => self.coverage.hit(format!("action.{end:?}")),
                _ => {}
            }
        }
        if !self.is_compared {
            self.shadows.records.push(record);
            self.coverage.hit("command");
            return Ok(answers);
        }
        let at_decisions = match &before {
            Some(before) => self.prices_at_decisions(before, &record)?,
            None => Vec::new(),
        };
        read_prices(&self.fast, &self.universe, &mut self.prices);
        let is_out_of_bounds = answers.contains(&Answer::Refused(Reason::ValueOutOfBounds));
        let facts = Facts { after: &self.prices, at_decisions: &at_decisions, is_out_of_bounds };
        let expected = self.naive.apply(command, &facts);
        let waiting: Vec<_> = self.fast.actions_after(0).cloned().collect();
        self.naive.take_proposals(&waiting);
        agree(|| "actions that wait".into(), &waiting, &self.naive.waiting)?;
        let (answers, expected) = (in_order(answers), in_order(expected));
        agree(|| "answers".into(), &answers, &expected)?;
        if let Some(broken) = self.naive.broken.take() {
            return Err(format!("a limit does not limit: {broken}"));
        }
        compare(&self.fast, &self.naive)?;
        self.check_changes(&changes, false)?;
        self.shadows.take(record)?;
        for fixture in self.fast.fixtures() {
            let Some(&before) = stops.get(&fixture.id()) else { continue };
            let now = fixture.stops.set;
            now.without(before).iter().for_each(|stop| self.coverage.hit(format!("stop.{}", stop.name())));
            before.without(now).iter().for_each(|stop| self.coverage.hit(format!("lifted.{}", stop.name())));
        }
        self.count(command, &answers);
        Ok(answers)
    }

    /// With a skew bets move prices: those at which each ticket was decided that was not the first fact.
    fn prices_at_decisions(&self, before: &Engine, record: &Record) -> Result<Vec<Vec<Prices>>, String> {
        let is_decision = |fact: &Fact| matches!(fact, Fact::TicketDecided { .. });
        let mut at_decisions = Vec::new();
        for (place, _) in record.facts.iter().enumerate().filter(|(_, fact)| is_decision(fact)) {
            let mut engine = before.clone();
            let facts = record.facts[..place].to_vec();
            engine.fold(&Record { command: record.command.clone(), facts })?;
            engine.price_changed();
            let mut prices = Vec::new();
            read_prices(&engine, &self.universe, &mut prices);
            at_decisions.push(prices);
        }
        Ok(at_decisions)
    }

    /// A board is told when it has changed, and then whole: a subscriber who takes what is told has the live board. The
    /// same version is the same board; another board has a larger version.
    fn check_changes(&mut self, changes: &[(FixtureId, Vec<u16>)], looks_at_all: bool) -> Agreement {
        for (id, markets) in changes {
            let fixture = self.fast.fixture(*id).ok_or("a board of no fixture was told")?;
            let seen = self.seen.entry(*id).or_default();
            seen.odds_e4.resize(fixture.board.odds_e4.len(), 0);
            for &market in markets {
                let range = fixture.template().markets[usize::from(market)].selections();
                seen.odds_e4[range.clone()].copy_from_slice(&fixture.board.odds_e4[range]);
            }
        }
        for fixture in self.fast.fixtures() {
            let (id, version) = (fixture.id(), self.fast.version(fixture));
            let name = |what: &str| format!("{what} of fixture {id}");
            let known = self.seen.entry(id).or_default();
            let is_told = changes.iter().any(|(told, _)| *told == id);
            if known.version == version && version.seq > 0 && !is_told && !looks_at_all {
                continue;
            }
            known.odds_e4.resize(fixture.board.odds_e4.len(), 0);
            agree(|| name("odds that were told"), &known.odds_e4, &fixture.board.odds_e4)?;
            let summary = fixture.live.summary();
            let markets = 0..fixture.template().markets.len();
            let seen = Seen {
                version,
                odds_e4: fixture.board.odds_e4.clone(),
                markets: markets
                    .map(|index| (fixture.market_status(index), fixture.price_source(index)))
                    .collect(),
                standing: Some((summary.score, summary.period)),
            };
            let is_first = known.standing.is_none();
            let is_another = !is_first && Seen { version, ..known.clone() } != seen;
            if is_another && version.seq <= known.version.seq {
                return Err(format!(
                    "{} from {:?} to {version:?}, and the board is another",
                    name("version"),
                    known.version
                ));
            }
            if version < known.version || version.seq < known.version.seq {
                return Err(format!("{} goes back from {:?} to {version:?}", name("version"), known.version));
            }
            *known = seen;
            check_board(&self.fast, fixture)?;
        }
        Ok(())
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
            self.shadows.audit(&self.fast)?;
            self.check_changes(&[], true)?;
        }
        for (name, holds) in self.fast.invariants() {
            holds.map_err(|why| format!("invariant {name}: {why}"))?;
        }
        self.coverage.hit("audit");
        Ok(())
    }

    /// The process crashes: the live engine is replaced by one of a snapshot, of a snapshot and the records after it, or of
    /// all records.
    ///
    /// # Errors
    /// The snapshot cannot be read, or the new engine differs.
    pub fn restart(&mut self) -> Agreement {
        let mut recovered = self.shadows.recover(&self.fast)?;
        for (id, markets) in recovered.take_board_changes() {
            let fixture = recovered.fixture(id).expect("a board of a fixture");
            let shown = fixture.template().markets.iter().enumerate().filter(|(_, market)| {
                fixture.board.odds_e4[market.selections()].iter().any(|&odds_e4| odds_e4 != 0)
            });
            let shown: Vec<u16> = shown.map(|(index, _)| index as u16).collect();
            if !shown.iter().all(|market| markets.contains(market)) {
                return Err(format!("a market of fixture {id} with prices is not told after a restart"));
            }
        }
        self.fast = recovered;
        self.coverage.hit("restart");
        if self.is_compared { compare_all(&self.fast, &self.naive) } else { Ok(()) }
    }

    /// Folds the records and decides them again, from the start and from snapshots: the hashes must be equal.
    ///
    /// # Errors
    /// A fact that is decided otherwise, or a hash that differs.
    pub fn replay(&mut self) -> Result<StateHash, String> {
        let hash = self.shadows.replay(&self.fast)?;
        self.coverage.hit("replay");
        Ok(hash)
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
                    if ticket.reason().is_none() && !ticket.terms.bets.is_empty() {
                        coverage.hit(format!("taken.{}", ticket.terms.plan.name()));
                    }
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
                Answer::Pending(_) => coverage.hit("pending"),
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
            let plan = ticket.terms.plan.name();
            coverage.hit_if(!ticket.terms.bets.is_empty(), &format!("settled.{plan}"));
            coverage
                .hit_if(!ticket.terms.bets.is_empty() && is_early, &format!("settled.{plan}_with_open_legs"));
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

/// Why a command was refused, in words.
fn detail_of(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Refused { detail, .. } => Some(detail.clone()),
        _ => None,
    }
}
