//! The second engine: obviously right, and slow.
//!
//! It applies the same commands to the same vocabulary of tickets and answers, and has nothing else in common with
//! the fast one: a match is a list of goals, money is a list of postings, tickets are a list that is searched, what
//! is decided and what can be lost is found by listing outcomes. Nothing is kept that can be computed from these
//! lists. Prices are facts told by the fast engine ([`Prices`]); whether they are sane is checked elsewhere.

mod football;
mod judging;
pub mod money;
mod risk;
mod settings;
mod settling;

pub use football::{Goal, Match};
pub use money::Account;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use oddsengine_engine::{
    Body, Command, Config, Counters, FixtureRequest, MarketStatus, MoneyRequest, OddsVersion, Reason, Scope,
    ScopeSettings, Stops, Ticket, TicketRequest, TicketState, VoidKind,
};
use oddsengine_markets::{Format, Incident, LivePhase, MarketId};
use oddsengine_types::{CustomerId, FixtureId, Grade, STAKE_MINOR_MAX};

use crate::outcomes::{Possible, Universe};
use crate::told::{Answer, Prices, Told};
use money::Posting;

/// A fixture and what was decided about it.
#[derive(Clone, Debug)]
pub struct NaiveFixture {
    /// As announced.
    pub request: FixtureRequest,
    /// The match.
    pub game: Match,
    /// What is still possible in it: listed again whenever it changes.
    pub possible: Arc<Possible>,
    /// Why trading stands still.
    pub stops: Stops,
    /// What is void.
    pub void: VoidKind,
    /// Grades told, by market index.
    pub told: BTreeMap<usize, Vec<Grade>>,
    /// Markets suspended by the desk.
    pub suspended: BTreeSet<usize>,
    /// Prices set by hand.
    pub manual: BTreeMap<usize, Vec<u32>>,
    /// Markets with locked prices.
    pub locked: BTreeSet<usize>,
    /// The prices, as facts.
    pub prices: Prices,
}

impl NaiveFixture {
    /// No bets any more.
    pub fn is_closed(&self) -> bool {
        self.void != VoidKind::Nothing || self.game.is_over()
    }

    /// The status as a whole.
    pub fn status(&self) -> MarketStatus {
        if self.is_closed() {
            MarketStatus::Closed
        } else if self.stops.by_desk || self.stops.by_danger || self.stops.by_feed {
            MarketStatus::Suspended
        } else {
            MarketStatus::Open
        }
    }
}

/// A ticket and the request it came from.
#[derive(Clone, Debug)]
pub struct NaiveTicket {
    /// The request.
    pub request: TicketRequest,
    /// What became of it. The fast engine's hash of the request is not modelled.
    pub ticket: Ticket,
    /// When it is paid, if its payment waits.
    pub settles_ns: Option<i64>,
}

/// The second engine.
#[derive(Debug)]
pub struct Naive {
    /// Markets that can be bet on in this run.
    pub universe: Arc<Universe>,
    /// Configuration in force.
    pub config: Config,
    /// Overrides in force.
    pub scopes: BTreeMap<Scope, ScopeSettings>,
    /// The present epoch.
    pub epoch: u32,
    /// The latest time.
    pub now_ns: i64,
    /// Fixtures in order of announcement.
    pub fixtures: Vec<NaiveFixture>,
    /// Factors of customers.
    pub factors_e3: BTreeMap<CustomerId, u32>,
    /// Tickets in order of submission.
    pub tickets: Vec<NaiveTicket>,
    /// Every movement of money.
    pub postings: Vec<Posting>,
    /// Deposits (`true`) and withdrawals that were booked.
    pub money_requests: Vec<(MoneyRequest, bool)>,
    /// The last number of each numbering source.
    pub sources: BTreeMap<String, u64>,
    /// Counts.
    pub counters: Counters,
    /// Prices of a fixture with bets were computed anew since accumulators were last weighed.
    pub has_moved: bool,
    /// When accumulators were last weighed.
    pub weighed_ns: Option<i64>,
    answered: RefCell<BTreeMap<usize, Rc<risk::Joint>>>,
}

type Verdict = Result<(), Reason>;

impl Naive {
    /// An empty engine.
    pub fn new(universe: Arc<Universe>, config: Config) -> Self {
        Self {
            universe,
            config,
            scopes: BTreeMap::new(),
            epoch: 0,
            now_ns: i64::MIN,
            fixtures: Vec::new(),
            factors_e3: BTreeMap::new(),
            tickets: Vec::new(),
            postings: Vec::new(),
            money_requests: Vec::new(),
            sources: BTreeMap::new(),
            counters: Counters::default(),
            has_moved: false,
            weighed_ns: None,
            answered: RefCell::default(),
        }
    }

    /// Applies a command. `told`: what the fast engine told during it, for its prices and its model's verdicts;
    /// `prices`: the prices after it.
    pub fn apply(&mut self, command: &Command, told: &[Told], prices: &[Prices]) -> Vec<Answer> {
        let mut answers = Vec::new();
        self.now_ns = self.now_ns.max(command.time_ns);
        self.counters.command_count += 1;
        let starts_epoch = match command.body {
            Body::EpochStarted { epoch } if epoch > self.epoch && command.origin.seq.is_none() => {
                self.epoch = epoch;
                true
            }
            _ => false,
        };
        self.decide_delayed(told, &mut answers);
        if !self.is_duplicate(command, &mut answers) {
            match starts_epoch {
                true => answers.push(Answer::Done),
                false => self.carry_out(&command.body, told, prices, &mut answers),
            }
        }
        self.take_prices(prices);
        answers
    }

    fn take_prices(&mut self, prices: &[Prices]) {
        self.fixtures.iter_mut().zip(prices).for_each(|(fixture, prices)| fixture.prices.clone_from(prices));
    }

    fn is_duplicate(&mut self, command: &Command, answers: &mut Vec<Answer>) -> bool {
        let Some(number) = command.origin.seq else { return false };
        let last = self.sources.get(&command.origin.source).copied();
        if last.is_some_and(|last| number <= last) {
            self.counters.duplicate_count += 1;
            answers.push(Answer::Duplicate);
            return true;
        }
        self.sources.insert(command.origin.source.clone(), number);
        if let Some(last) = last.filter(|last| number - last > 1) {
            self.counters.feed_gap_count += 1;
            answers.push(Answer::FeedGap(last + 1, number));
        }
        false
    }

    fn carry_out(&mut self, body: &Body, told: &[Told], prices: &[Prices], answers: &mut Vec<Answer>) {
        match body {
            Body::PlaceTicket(request) => return self.place(request, answers),
            Body::Deposit(request) => return self.move_money(request, true, answers),
            Body::Withdraw(request) => return self.move_money(request, false, answers),
            Body::Tick => {
                self.settle_due(answers);
                return self.weigh_accumulators();
            }
            _ => self.take_prices(prices),
        }
        match self.desk_or_feed(body, told, answers) {
            Ok(()) => answers.push(Answer::Done),
            Err(reason) => {
                self.counters.refused_command_count += 1;
                answers.push(Answer::Refused(reason));
            }
        }
    }

    fn desk_or_feed(&mut self, body: &Body, told: &[Told], answers: &mut Vec<Answer>) -> Verdict {
        match body {
            Body::EpochStarted { .. } => Err(Reason::OutOfSequence),
            Body::Configure(config) => self.configure(config),
            Body::SetScope { scope, settings } => self.set_scope(scope, settings),
            Body::AddFixture(request) => self.add_fixture(request),
            Body::SetPrices { fixture, prices } => {
                let index = self.open_fixture(*fixture)?;
                if self.fixtures[index].game.phase() != LivePhase::PreMatch {
                    return Err(Reason::OutOfSequence);
                }
                if prices.is_empty() {
                    return Err(Reason::ValueOutOfBounds);
                }
                for price in prices {
                    let market = self.market(price.market)?;
                    let count = self.universe.template.markets[market].selections().len();
                    if price.odds_e4.len() != count {
                        return Err(Reason::ValueOutOfBounds);
                    }
                    price.odds_e4.iter().filter(|&&odds| odds != 0).try_for_each(|&odds| is_odds(odds))?;
                }
                models_verdict(told)?;
                self.prices_moved(index);
                Ok(())
            }
            Body::SetExpectation { fixture, .. } => {
                let index = self.open_fixture(*fixture)?;
                models_verdict(told)?;
                self.prices_moved(index);
                Ok(())
            }
            Body::Incident { fixture, incident } => self.incident(*fixture, incident, answers),
            Body::Suspend { fixture, market } => self.suspend(*fixture, *market, true, answers),
            Body::Resume { fixture, market } => self.suspend(*fixture, *market, false, answers),
            Body::SetManualOdds { fixture, market, odds_e4 } => {
                self.set_manual_odds(*fixture, *market, odds_e4.as_deref())
            }
            Body::LockMarket { fixture, market, locked } => {
                let index = self.open_fixture(*fixture)?;
                let market = self.market(*market)?;
                match locked {
                    true => self.fixtures[index].locked.insert(market),
                    false => self.fixtures[index].locked.remove(&market),
                };
                self.market_was_priced(index);
                Ok(())
            }
            Body::SettleMarket { fixture, market, grades } => {
                self.settle_market(*fixture, *market, grades.as_deref(), answers)
            }
            Body::VoidFixture { fixture, void } => {
                let index = self.known_fixture(*fixture)?;
                self.change_trading(index, answers, |fixture| fixture.void = *void);
                self.prices_moved(index);
                self.settle_all(answers);
                Ok(())
            }
            Body::SetCustomer { customer, factor_e3 } => {
                self.factors_e3.insert(*customer, *factor_e3);
                Ok(())
            }
            Body::CancelTicket { ticket } => self.cancel(*ticket, answers),
            Body::PlaceTicket(_) | Body::Deposit(_) | Body::Withdraw(_) | Body::Tick => {
                unreachable!("carried out above")
            }
            Body::DefineSpace(_)
            | Body::SetModelInputs { .. }
            | Body::SetProbabilities { .. }
            | Body::ModelFailed { .. } => {
                unreachable!("the naive engine plays football")
            }
        }
    }

    fn add_fixture(&mut self, request: &FixtureRequest) -> Verdict {
        if let Some(known) = self.fixtures.iter().find(|known| known.request.fixture == request.fixture) {
            return if known.request == *request { Ok(()) } else { Err(Reason::AlreadyExists) };
        }
        if request.format != Format::FOOTBALL {
            return Err(Reason::ValueOutOfBounds);
        }
        self.fixtures.push(NaiveFixture {
            request: request.clone(),
            game: Match::default(),
            possible: self.universe.possible(&Match::default()),
            stops: Stops::default(),
            void: VoidKind::Nothing,
            told: BTreeMap::new(),
            suspended: BTreeSet::new(),
            manual: BTreeMap::new(),
            locked: BTreeSet::new(),
            prices: Prices::default(),
        });
        Ok(())
    }

    fn incident(&mut self, id: FixtureId, incident: &Incident, answers: &mut Vec<Answer>) -> Verdict {
        let index = self.known_fixture(id)?;
        let Incident::Football(incident) = incident else { unreachable!("the naive engine plays football") };
        if self.fixtures[index].void != VoidKind::Nothing {
            return Err(Reason::FixtureClosed);
        }
        let mut change = None;
        self.change_trading(index, answers, |fixture| {
            change = fixture.game.apply(incident);
            match &change {
                Some(change) => {
                    fixture.stops.by_feed = false;
                    fixture.stops.by_danger = change.danger.unwrap_or(fixture.stops.by_danger);
                }
                None if fixture.game.phase() == LivePhase::InPlay => fixture.stops.by_feed = true,
                None => {}
            }
        });
        let change = change.ok_or(Reason::OutOfSequence)?;
        self.fixtures[index].possible = self.universe.possible(&self.fixtures[index].game);
        if change.reprices {
            self.prices_moved(index);
        }
        self.settle_all(answers);
        Ok(())
    }

    fn suspend(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        suspended: bool,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(id)?;
        let Some(market) = market else {
            self.change_trading(index, answers, |fixture| fixture.stops.by_desk = suspended);
            return Ok(());
        };
        let market = self.market(market)?;
        match suspended {
            true => self.fixtures[index].suspended.insert(market),
            false => self.fixtures[index].suspended.remove(&market),
        };
        Ok(())
    }

    fn set_manual_odds(&mut self, id: FixtureId, market: MarketId, odds_e4: Option<&[u32]>) -> Verdict {
        let index = self.open_fixture(id)?;
        let market = self.market(market)?;
        match odds_e4 {
            Some(odds_e4) => {
                if odds_e4.len() != self.universe.template.markets[market].selections().len() {
                    return Err(Reason::ValueOutOfBounds);
                }
                odds_e4.iter().filter(|&&odds| odds != 0).try_for_each(|&odds| is_odds(odds))?;
                self.fixtures[index].manual.insert(market, odds_e4.to_vec());
            }
            None => drop(self.fixtures[index].manual.remove(&market)),
        }
        self.market_was_priced(index);
        Ok(())
    }

    fn settle_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        grades: Option<&[Grade]>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(id)?;
        let market = self.market(market)?;
        match grades {
            Some(grades) => {
                if grades.len() != self.universe.template.markets[market].selections().len() {
                    return Err(Reason::ValueOutOfBounds);
                }
                self.fixtures[index].told.insert(market, grades.to_vec());
            }
            None => drop(self.fixtures[index].told.remove(&market)),
        }
        self.prices_moved(index);
        self.settle_all(answers);
        Ok(())
    }

    /// Changes a fixture and tells if that stopped or resumed its trading.
    fn change_trading(
        &mut self,
        index: usize,
        answers: &mut Vec<Answer>,
        change: impl FnOnce(&mut NaiveFixture),
    ) {
        let fixture = &mut self.fixtures[index];
        let before = fixture.status();
        change(fixture);
        if fixture.status() != before {
            answers.push(Answer::Trading(fixture.request.fixture, fixture.status()));
        }
    }

    /// A market was priced by the desk: by itself, unless a skew ties it to its neighbours.
    fn market_was_priced(&mut self, index: usize) {
        if self.config.skew_b_minor.is_some() {
            self.prices_moved(index);
        }
    }

    /// The prices of a fixture were computed anew: accumulators on it are due to be weighed.
    fn prices_moved(&mut self, index: usize) {
        let rides = |leg: &oddsengine_engine::Leg| leg.fixture as usize == index && leg.grade.is_none();
        let has_bets = self.live_tickets().any(|ticket| ticket.legs.iter().any(rides));
        self.has_moved |= has_bets && self.fixtures[index].prices.has_model;
    }

    fn move_money(&mut self, request: &MoneyRequest, is_deposit: bool, answers: &mut Vec<Answer>) {
        let MoneyRequest { transfer, customer, amount_minor, currency } = *request;
        let cash = Account::Cash(customer);
        let available = |postings: &[Posting]| money::available_minor(postings, cash, currency);
        let known = self.money_requests.iter().find(|(known, _)| known.transfer == transfer);
        let refusal = if known.is_some() {
            (known != Some(&(*request, is_deposit))).then_some(Reason::IdHasAnotherBody)
        } else if currency != self.config.currency {
            Some(Reason::CurrencyNotAccepted)
        } else if amount_minor <= 0 {
            Some(Reason::StakeMustBePositive)
        } else if amount_minor > STAKE_MINOR_MAX {
            Some(Reason::StakeExceedsMaximum)
        } else if !is_deposit && available(&self.postings) < amount_minor {
            Some(Reason::BalanceTooSmall)
        } else if !is_deposit && self.owed_minor(customer) > 0 {
            Some(Reason::CustomerOwes)
        } else {
            None
        };
        if let Some(reason) = refusal {
            return answers.push(Answer::MoneyRefused(transfer, reason));
        }
        let is_repeat = known.is_some();
        if !is_repeat {
            let (from, to) = if is_deposit { (Account::Provider, cash) } else { (cash, Account::Provider) };
            self.postings.push(Posting { from, to, amount_minor, currency, is_reserved: false });
            self.money_requests.push((*request, is_deposit));
            self.collect(customer);
        }
        answers.push(Answer::MoneyBooked(transfer, available(&self.postings), is_repeat));
    }

    /// The tickets on which money still rides.
    pub fn live_tickets(&self) -> impl Iterator<Item = &Ticket> {
        let is_live = |ticket: &&Ticket| matches!(ticket.state, TicketState::Open | TicketState::Delayed);
        self.tickets.iter().map(|known| &known.ticket).filter(is_live)
    }

    fn version(&self, fixture: usize) -> OddsVersion {
        OddsVersion { epoch: self.epoch, seq: self.fixtures[fixture].prices.version }
    }

    fn index_of(&self, id: FixtureId) -> Option<usize> {
        self.fixtures.iter().position(|fixture| fixture.request.fixture == id)
    }

    fn known_fixture(&self, id: FixtureId) -> Result<usize, Reason> {
        self.index_of(id).ok_or(Reason::FixtureNotFound)
    }

    fn open_fixture(&self, id: FixtureId) -> Result<usize, Reason> {
        let index = self.known_fixture(id)?;
        if self.fixtures[index].is_closed() { Err(Reason::FixtureClosed) } else { Ok(index) }
    }

    fn market(&self, id: MarketId) -> Result<usize, Reason> {
        let markets = &self.universe.template.markets;
        markets.iter().position(|market| MarketId::of(&market.key) == id).ok_or(Reason::SelectionNotFound)
    }
}

fn is_odds(odds_e4: u32) -> Verdict {
    let is_within = (oddsengine_types::ODDS_E4_MIN..=oddsengine_types::ODDS_E4_MAX).contains(&odds_e4);
    if is_within { Ok(()) } else { Err(Reason::ValueOutOfBounds) }
}

/// Whether the model could explain the prices: a fact.
fn models_verdict(told: &[Told]) -> Verdict {
    let is_refusal = |told: &Told| matches!(told, Told::Answer(Answer::Refused(Reason::ValueOutOfBounds)));
    if told.iter().any(is_refusal) { Err(Reason::ValueOutOfBounds) } else { Ok(()) }
}
