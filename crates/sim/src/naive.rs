//! The second engine: obviously right, and slow.
//!
//! It applies the same commands to the same vocabulary of tickets and answers, and has nothing else in common with
//! the fast one: a match is a list of goals or of games, a race a list of runners, a space a table, money is a list of postings, tickets are a list that is searched, what
//! is decided and what can be lost is found by listing outcomes. Nothing is kept that can be computed from these
//! lists. Prices are facts told by the fast engine ([`Prices`]); whether they are sane is checked elsewhere.

mod annulling;
mod football;
mod game;
mod handling;
mod holding;
mod judging;
mod leaving;
mod line_limits;
pub mod lines;
mod measuring;
pub mod money;
mod racing;
mod retiring;
mod risk;
mod settings;
mod settling;
mod table;
mod tennis;
mod watching;

pub use annulling::NaiveAnnulment;
pub use football::{Goal, Match};
pub use game::Game;
pub(crate) use game::Listed;
pub use handling::{Deposited, NaiveFile};
pub use holding::NaiveDesk;
pub use measuring::Loss;
pub use money::Account;
pub use racing::Race;
pub use table::Table;
pub use tennis::{PlayedGame, PlayedSet, TennisMatch};
pub use watching::{Heard, NaiveSource};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use oddsengine_engine::{
    ActionEnd, AnnulmentRequest, Body, Channel, Command, Config, Counters, ExpectationMode, FixtureRequest,
    MarketStatus, MoneyRequest, OddsVersion, Origin, PendingAction, Reason, Scope, ScopeSettings, Stop,
    StopSet, Stops, Switch, SwitchScope, Ticket, TicketRequest, TicketState, VoidKind,
};
use oddsengine_markets::{Format, Incident, LivePhase, MarketId, ModelFault, SpaceDefinition};
use oddsengine_types::{CustomerId, FixtureId, Grade, STAKE_MINOR_MAX, TransferId};

use crate::outcomes::{Possible, Space, Universe};
use crate::told::{Answer, Facts, Prices};
use money::Posting;

/// A fixture and what was decided about it.
#[derive(Clone, Debug)]
pub struct NaiveFixture {
    /// As announced.
    pub request: FixtureRequest,
    /// The markets that can be bet on.
    pub space: Arc<Space>,
    /// What happened.
    pub game: Game,
    /// What is still possible in it: listed again whenever it changes.
    pub possible: Arc<Possible>,
    /// Why trading stands still.
    pub stops: Stops,
    /// What is void.
    pub void: VoidKind,
    /// No feed takes back that it is void, or is not.
    pub void_by_desk: bool,
    /// Grades told, by market index.
    pub told: BTreeMap<usize, Vec<Grade>>,
    /// Why it, or a market of it, is under review.
    pub reviews: BTreeMap<Option<usize>, String>,
    /// By market: until when nothing is paid, and whether it corrects what stood.
    pub held: BTreeMap<usize, (Option<i64>, bool)>,
    /// The markets of them that no feed told.
    pub told_by_desk: BTreeSet<usize>,
    /// What was done to its markets.
    pub desk: BTreeMap<usize, NaiveDesk>,
    /// Every interruption of its trading, or of that of one market.
    pub interruptions: Vec<Option<usize>>,
    /// Who spoke of it last.
    pub fed_by: String,
    /// Its scheduled start means nothing.
    pub is_start_waived: bool,
    /// Since when it is over, came back or was put off; 0 while it is not.
    pub over_ns: i64,
    /// Settings that went with it.
    pub scopes: Vec<(Scope, ScopeSettings)>,
    /// It left, and nobody has its place yet.
    pub is_gone: bool,
    /// The prices, as facts.
    pub prices: Prices,
    /// What a trader expects of it.
    pub expected: NaiveExpectation,
}

/// Whose expectation prices a fixture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveExpectation {
    /// By whose expectation it is priced now.
    pub by: Option<String>,
    /// One stands until it is released.
    pub stands: bool,
    /// Somebody said something of it: a feed, or a trader before one stood.
    pub is_priced: bool,
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
        } else if self.stops.any() {
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
    /// Tickets are kept by places: a new one takes the first that is free.
    pub place: usize,
}

/// The second engine.
#[derive(Debug)]
pub struct Naive {
    /// Markets that can be bet on in this run.
    pub universe: Arc<Universe>,
    /// Spaces that were defined.
    pub spaces: Vec<SpaceDefinition>,
    /// Configuration in force.
    pub config: Config,
    /// Overrides in force.
    pub scopes: BTreeMap<Scope, ScopeSettings>,
    /// The present epoch.
    pub epoch: u32,
    /// The latest time.
    pub now_ns: i64,
    /// Fixtures by their places.
    pub fixtures: Vec<NaiveFixture>,
    /// Fixtures that are over and put aside.
    pub retired: Vec<NaiveFixture>,
    /// Ids of deposits and withdrawals that are known, and since when.
    pub transfers: Vec<(i64, TransferId)>,
    /// Those that were put aside.
    pub gone_transfers: Vec<TransferId>,
    /// Factors of customers.
    pub factors_e3: BTreeMap<CustomerId, u32>,
    /// What is set about customers beside that.
    pub files: BTreeMap<CustomerId, NaiveFile>,
    /// Switches that are off.
    pub switches: BTreeMap<SwitchScope, Switch>,
    /// Every deposit.
    pub deposits: Vec<Deposited>,
    /// Tickets by their places.
    pub tickets: Vec<NaiveTicket>,
    /// Tickets that are over and put aside.
    pub archived: Vec<NaiveTicket>,
    /// What was annulled, by number.
    pub annulments: Vec<NaiveAnnulment>,
    /// What waits for a second person.
    pub waiting: Vec<PendingAction>,
    /// What ever waited.
    pub action_count: u32,
    /// What became of what waited.
    pub ended: Vec<(u32, ActionEnd)>,
    /// Late bets that are to be voided, and who said so.
    pub proposed: Vec<(AnnulmentRequest, Origin)>,
    /// Where what was held may be held no longer.
    released: Vec<(usize, Option<usize>)>,
    /// Every movement of money.
    pub postings: Vec<Posting>,
    /// Deposits (`true`) and withdrawals that were booked.
    pub money_requests: Vec<(MoneyRequest, bool)>,
    /// The sources.
    pub sources: BTreeMap<String, NaiveSource>,
    /// Every sign of life since the process started.
    pub heard: Vec<Heard>,
    /// Counts.
    pub counters: Counters,
    /// Prices of a fixture with bets were computed anew since accumulators were last weighed.
    pub has_moved: bool,
    /// When accumulators were last weighed.
    pub weighed_ns: Option<i64>,
    /// The first limit that a ticket was seen to break, in words.
    pub broken: Option<String>,
    answered: RefCell<BTreeMap<usize, Vec<Rc<risk::Joint>>>>,
}

/// Most numbers that a foreign model computes from.
const MODEL_INPUTS_MAX: usize = 256;

type Verdict = Result<(), Reason>;

impl Naive {
    /// An empty engine.
    pub fn new(universe: Arc<Universe>, config: Config) -> Self {
        Self {
            universe,
            spaces: Vec::new(),
            config,
            scopes: BTreeMap::new(),
            epoch: 0,
            now_ns: i64::MIN,
            fixtures: Vec::new(),
            retired: Vec::new(),
            transfers: Vec::new(),
            gone_transfers: Vec::new(),
            factors_e3: BTreeMap::new(),
            files: BTreeMap::new(),
            switches: BTreeMap::new(),
            deposits: Vec::new(),
            tickets: Vec::new(),
            archived: Vec::new(),
            annulments: Vec::new(),
            waiting: Vec::new(),
            action_count: 0,
            ended: Vec::new(),
            proposed: Vec::new(),
            released: Vec::new(),
            postings: Vec::new(),
            money_requests: Vec::new(),
            sources: BTreeMap::new(),
            heard: Vec::new(),
            counters: Counters::default(),
            has_moved: false,
            weighed_ns: None,
            broken: None,
            answered: RefCell::default(),
        }
    }

    /// Applies a command. `facts`: what the fast engine knows of prices and of its models' verdicts.
    pub fn apply(&mut self, command: &Command, facts: &Facts<'_>) -> Vec<Answer> {
        let mut answers = Vec::new();
        let trading = self.standings();
        self.counters.command_count += 1;
        let starts_epoch = match command.body {
            Body::EpochStarted { epoch } if epoch > self.epoch && command.origin.seq.is_none() => {
                self.start_epoch(epoch, command.time_ns, &mut answers);
                true
            }
            _ => false,
        };
        self.now_ns = self.now_ns.max(command.time_ns);
        match self.hear(command, &mut answers) {
            Some(answer) => {
                self.counters.refused_command_count += u64::from(matches!(answer, Answer::Refused(_)));
                answers.push(answer);
            }
            None if starts_epoch => answers.push(Answer::Done),
            None => self.carry_out(command, facts, &mut answers),
        }
        self.take_prices(facts.after);
        self.note_over();
        for (fixture, (id, status, stops)) in self.fixtures.iter().zip(trading) {
            let is_closed = fixture.status() == MarketStatus::Closed;
            if id != fixture.request.fixture || fixture.is_gone {
                continue;
            }
            if fixture.status() != status || fixture.stops != stops && !is_closed {
                answers.insert(0, Answer::Trading(fixture.request.fixture, fixture.status()));
            }
        }
        answers
    }

    fn take_prices(&mut self, prices: &[Prices]) {
        self.fixtures.iter_mut().zip(prices).for_each(|(fixture, prices)| fixture.prices.clone_from(prices));
    }

    fn carry_out(&mut self, command: &Command, facts: &Facts<'_>, answers: &mut Vec<Answer>) {
        match &command.body {
            Body::PlaceTicket(request) => return self.place(request, &command.origin, facts, answers),
            Body::Deposit(request) => return self.move_money(request, true, answers),
            Body::Withdraw(request) => return self.move_money(request, false, answers),
            Body::Tick { read_ns } => {
                self.stop_overdue(answers);
                self.annul_due(answers);
                self.drop_expired();
                self.settle_due(*read_ns, answers);
                self.decide_delayed(*read_ns, facts, answers);
                self.weigh_accumulators();
                return self.archive_due();
            }
            Body::AnswerOffer { ticket, customer, takes } => {
                let asked = (*ticket, *customer, *takes);
                if let Err(reason) = self.answer_offer(asked, &command.origin, facts, answers) {
                    self.counters.refused_command_count += 1;
                    answers.push(Answer::Refused(reason));
                }
                return;
            }
            Body::RuleReferral { ticket, ruling } => {
                match self.rule(*ticket, ruling, &command.origin.source, facts, answers) {
                    Ok(()) => {
                        self.hear_of(command);
                        answers.push(Answer::Done);
                    }
                    Err(reason) => {
                        self.counters.refused_command_count += 1;
                        answers.push(Answer::Refused(reason));
                    }
                }
                return;
            }
            _ => {}
        }
        if let Some(action) = self.second_person(command) {
            return answers.push(Answer::Pending(action));
        }
        let before = command.body.fixture().and_then(|id| self.index_of(id));
        let before = before.map(|index| self.fixtures[index].prices.clone()).unwrap_or_default();
        self.take_prices(facts.after);
        match self.desk_or_feed(command, &before, facts, answers) {
            Ok(()) => {
                self.hear_of(command);
                answers.push(Answer::Done);
            }
            Err(reason) => {
                self.counters.refused_command_count += 1;
                answers.push(Answer::Refused(reason));
            }
        }
    }

    fn desk_or_feed(
        &mut self,
        command: &Command,
        before: &Prices,
        facts: &Facts<'_>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let by_feed = command.origin.channel == Channel::Feed;
        match &command.body {
            Body::EpochStarted { .. } => Err(Reason::OutOfSequence),
            Body::Heartbeat => {
                self.heartbeat(command);
                Ok(())
            }
            Body::ResetSource { source } => self.reset_source(source),
            Body::Configure(config) | Body::ReleaseStarted { config, .. } => {
                self.configure(config, facts, answers)
            }
            Body::Reprice { fixture } => self.known_fixture(*fixture).map(drop),
            Body::Halt { fixture, ends } => {
                let index = self.known_fixture(*fixture)?;
                let halt = StopSet::of(&[Stop::Halt]);
                self.change_stops(index, |stops| if *ends { stops.without(halt) } else { stops.or(halt) });
                Ok(())
            }
            Body::RecallTickets { tickets } => self.recall(tickets, answers),
            Body::RecallFixtures { fixtures } => self.recall_fixtures(fixtures),
            Body::RecallMoney { transfer } => self.recall_transfer(transfer),
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
                let mut markets = Vec::new();
                for price in prices {
                    let market = self.market(index, price.market)?;
                    let count = self.fixtures[index].space.template.markets[market].selections().len();
                    if price.odds_e4.len() != count {
                        return Err(Reason::ValueOutOfBounds);
                    }
                    price.odds_e4.iter().filter(|&&odds| odds != 0).try_for_each(|&odds| is_odds(odds))?;
                    self.judge_feed_book(index, market, &price.odds_e4)?;
                    markets.push(market);
                }
                facts.models_verdict()?;
                let expected = &mut self.fixtures[index].expected;
                expected.is_priced = true;
                if expected.by.take().is_some_and(|by| by != command.origin.source) && !expected.stands {
                    answers.push(Answer::Alert("expectation_replaced".into(), Some(*fixture)));
                }
                self.stop_jump(index, &markets, before, answers);
                self.prices_moved(index);
                self.stop_moved(index, false, answers);
                Ok(())
            }
            Body::SetExpectation { fixture, mode, .. } => {
                let index = self.open_fixture(*fixture)?;
                let expected = &self.fixtures[index].expected;
                match mode {
                    Some(ExpectationMode::Release) if !expected.stands => return Err(Reason::OutOfSequence),
                    Some(ExpectationMode::Offset | ExpectationMode::Blend) if !expected.is_priced => {
                        // What is out of bounds by itself is refused before.
                        facts.models_verdict()?;
                        return Err(Reason::NoPrice);
                    }
                    _ => facts.models_verdict()?,
                }
                let expected = &mut self.fixtures[index].expected;
                if *mode == Some(ExpectationMode::Release) {
                    expected.stands = false;
                    if !std::mem::replace(&mut expected.is_priced, true) {
                        // Nobody said anything else: it stays.
                        return Ok(());
                    }
                    expected.by = None;
                } else {
                    expected.stands = mode.is_some();
                    expected.is_priced |= mode.is_none();
                    expected.by = Some(command.origin.source.clone());
                }
                self.prices_moved(index);
                self.stop_moved(index, false, answers);
                Ok(())
            }
            Body::Incident { fixture, incident } => {
                let is_proof = self.index_of(*fixture).is_some_and(|index| self.proves(command, index));
                self.incident(*fixture, incident, is_proof, answers)
            }
            Body::Suspend { fixture, market } => {
                let index = self.known_fixture(*fixture)?;
                match market {
                    Some(market) => {
                        let market = self.market(index, *market)?;
                        self.suspend_market(index, market, by_feed);
                    }
                    None => self.stop(index, if by_feed { Stop::Feed } else { Stop::Desk }),
                }
                Ok(())
            }
            Body::Resume { fixture, market, lifts } => self.resume(*fixture, *market, *lifts, by_feed),
            Body::SetManualOdds { fixture, market, odds_e4, keeps_in_play, override_by } => {
                let odds_e4 = odds_e4.as_deref();
                self.set_manual_odds(*fixture, *market, odds_e4, *keeps_in_play, override_by, answers)
            }
            Body::LockMarket { fixture, market, locked, keeps_in_play } => {
                self.lock(*fixture, *market, *locked, *keeps_in_play)
            }
            Body::SettleMarket { .. }
            | Body::TellResult(_)
            | Body::VoidFixture { .. }
            | Body::CancelTicket { .. }
            | Body::Annul(_)
            | Body::TakeBackAnnulment { .. }
            | Body::SetReview { .. }
            | Body::Approve { .. }
            | Body::Decline { .. } => self.settle_by_hand(&command.body, &command.origin, answers),
            Body::SetCustomer { customer, factor_e3 } => {
                self.factors_e3.insert(*customer, *factor_e3);
                Ok(())
            }
            Body::SetSwitch { scope, is_off, reason } => {
                self.set_switch(scope, *is_off, reason, &command.origin.source, answers)
            }
            Body::SetStanding { customer, standing, reason } => {
                self.set_standing(*customer, *standing, reason)
            }
            Body::SetCustomerTerms { customer, terms } => self.set_terms(*customer, terms),
            Body::SetOwnLimit { customer, kind, period, limit_minor } => {
                self.set_own_limit(*customer, (*kind, *period), *limit_minor)
            }
            Body::ConfirmOwnLimit { customer, kind, period } => {
                self.confirm_own_limit(*customer, (*kind, *period))
            }
            Body::AnswerOffer { .. } | Body::RuleReferral { .. } => unreachable!("carried out above"),
            Body::PlaceTicket(_) | Body::Deposit(_) | Body::Withdraw(_) | Body::Tick { .. } => {
                unreachable!("carried out above")
            }
            Body::DefineSpace(definition) => self.define_space(definition),
            Body::SetModelInputs { fixture, inputs } => {
                let index = self.foreign_fixture(*fixture)?;
                if inputs.len() > MODEL_INPUTS_MAX || inputs.iter().any(|input| !input.is_finite()) {
                    return Err(Reason::ValueOutOfBounds);
                }
                self.prices_moved(index);
                self.wait_for_model(index, None);
                Ok(())
            }
            Body::SetProbabilities { fixture, probabilities } => {
                self.set_probabilities(*fixture, probabilities, answers)
            }
            Body::ModelFailed { fixture, fault } => {
                let index = self.foreign_fixture(*fixture)?;
                self.wait_for_model(index, Some(*fault));
                Ok(())
            }
        }
    }

    fn define_space(&mut self, definition: &SpaceDefinition) -> Verdict {
        if let Some(known) = self.spaces.iter().find(|known| known.name == definition.name) {
            return if known == definition { Ok(()) } else { Err(Reason::AlreadyExists) };
        }
        definition.check().map_err(|_| Reason::ValueOutOfBounds)?;
        self.spaces.push(definition.clone());
        Ok(())
    }

    fn set_probabilities(
        &mut self,
        id: FixtureId,
        probabilities: &[f64],
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.foreign_fixture(id)?;
        let Game::Table(table) = &self.fixtures[index].game else { unreachable!("only tables are foreign") };
        if probabilities.len() != usize::from(table.outcome_count) {
            return Err(Reason::ValueOutOfBounds);
        }
        let is_near = |sum: f64, of: f64| (sum - of).abs() <= 1e-6;
        let sum: f64 = probabilities.iter().sum();
        let of_left: f64 = table.left.iter().map(|&outcome| probabilities[usize::from(outcome)]).sum();
        let fault = match () {
            () if !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) => Some(ModelFault::NotAProbability),
            () if !is_near(sum, 1.0) => Some(ModelFault::WrongSum),
            () if !is_near(of_left, sum) => Some(ModelFault::Impossible),
            () => None,
        };
        if fault.is_some() {
            self.wait_for_model(index, fault);
            return Err(Reason::ValueOutOfBounds);
        }
        self.fixtures[index].stops.model_fault = None;
        self.prices_moved(index);
        self.stop_moved(index, false, answers);
        self.change_stops(index, |stops| stops.without(StopSet::of(&[Stop::Model])));
        Ok(())
    }

    /// The prices of a fixture are waited for.
    fn wait_for_model(&mut self, index: usize, fault: Option<ModelFault>) {
        self.fixtures[index].stops.model_fault = fault;
        self.stop(index, Stop::Model);
    }

    fn foreign_fixture(&self, id: FixtureId) -> Result<usize, Reason> {
        let index = self.open_fixture(id)?;
        let is_foreign = self.fixtures[index].game.has_foreign_model();
        if is_foreign { Ok(index) } else { Err(Reason::ValueOutOfBounds) }
    }

    fn add_fixture(&mut self, request: &FixtureRequest) -> Verdict {
        if let Some(known) = self.present().find(|known| known.request.fixture == request.fixture) {
            return if known.request == *request { Ok(()) } else { Err(Reason::AlreadyExists) };
        }
        let definition = match request.format {
            Format::Custom(space) => {
                let known = self.spaces.iter().find(|known| known.id() == space);
                Some(known.ok_or(Reason::ValueOutOfBounds)?)
            }
            _ => None,
        };
        request.format.check().map_err(|_| Reason::ValueOutOfBounds)?;
        if self.present().count() >= self.config.fixtures_max as usize {
            return Err(Reason::ValueOutOfBounds);
        }
        let space = self.universe.space(&request.format).expect("the format is of this run").clone();
        let game = Game::new(&request.format, definition);
        self.seat(NaiveFixture {
            request: request.clone(),
            possible: space.possible(&game),
            space,
            game,
            stops: Stops::default(),
            void: VoidKind::Nothing,
            void_by_desk: false,
            told: BTreeMap::new(),
            reviews: BTreeMap::new(),
            held: BTreeMap::new(),
            told_by_desk: BTreeSet::new(),
            desk: BTreeMap::new(),
            interruptions: Vec::new(),
            fed_by: String::new(),
            is_start_waived: false,
            over_ns: 0,
            scopes: Vec::new(),
            is_gone: false,
            prices: Prices::default(),
            expected: NaiveExpectation::default(),
        });
        Ok(())
    }

    fn incident(
        &mut self,
        id: FixtureId,
        incident: &Incident,
        is_proof: bool,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(id)?;
        if self.fixtures[index].void != VoidKind::Nothing {
            return Err(Reason::FixtureClosed);
        }
        let fixture = &mut self.fixtures[index];
        let then = fixture.game.clone();
        let Some(change) = fixture.game.apply(incident) else {
            if !then.is_over() {
                self.stop(index, Stop::Contradiction);
            }
            return Err(Reason::OutOfSequence);
        };
        fixture.possible = fixture.space.possible(&fixture.game);
        if fixture.game.is_interrupted_since(&then) {
            fixture.interruptions.push(None);
        }
        let starts = (then.phase(), fixture.game.phase()) == (LivePhase::PreMatch, LivePhase::InPlay);
        let is_reopened = then.is_over() && fixture.game.phase() == LivePhase::InPlay;
        let (phase, waits) = (fixture.game.phase(), change.reprices && fixture.game.has_foreign_model());
        if waits {
            fixture.stops.model_fault = None;
        }
        let is_whole = !fixture.stops.has(Stop::Gap) && !fixture.stops.has(Stop::Sequence);
        self.change_stops(index, |before| {
            let mut stops = Vec::new();
            for stop in Stop::ALL.iter().copied() {
                let was = before.has(stop);
                let is_heard = tells_score(incident) || is_proof && is_whole;
                let is_set = match stop {
                    Stop::Silence => was && !is_heard,
                    Stop::Restart => was && !is_heard || is_reopened && !tells_score(incident),
                    Stop::Contradiction | Stop::Gap | Stop::Sequence => was && !tells_score(incident),
                    Stop::ScoreUnknown => {
                        let is_overdue = starts && before.has(Stop::StartPassed);
                        !tells_score(incident) && (was || is_overdue)
                            || starts_late_with_unknown_score(incident)
                    }
                    Stop::Danger => change.danger.unwrap_or(was),
                    Stop::StartPassed | Stop::PriceJump => was && phase == LivePhase::PreMatch,
                    Stop::Model => was || waits,
                    Stop::Desk | Stop::Feed | Stop::NoOutcome | Stop::Halt => was,
                };
                stops.extend(is_set.then_some(stop));
            }
            StopSet::of(&stops)
        });
        if starts {
            self.return_to_model(index, answers);
        }
        if change.reprices || change.regrades {
            self.prices_moved(index);
        }
        if change.reprices {
            let changes_chances = self.fixtures[index].game.has_other_chances_than(&then);
            self.stop_moved(index, changes_chances, answers);
        }
        if change.regrades {
            self.settle_all(index, answers);
        }
        Ok(())
    }

    fn resume(&mut self, id: FixtureId, market: Option<MarketId>, lifts: StopSet, by_feed: bool) -> Verdict {
        let index = self.known_fixture(id)?;
        if let Some(market) = market {
            let market = self.market(index, market)?;
            return self.resume_market(index, market, lifts, by_feed);
        }
        if by_feed {
            self.change_stops(index, |stops| stops.without(StopSet::of(&[Stop::Feed])));
            return Ok(());
        }
        // The desk lifts its own and what it names, but not what waits for prices.
        let is_named = |stop: &Stop| lifts.has(*stop) && !matches!(stop, Stop::Model | Stop::NoOutcome);
        let lifted: Vec<Stop> =
            Stop::ALL.iter().copied().filter(|stop| *stop == Stop::Desk || is_named(stop)).collect();
        if lifted.contains(&Stop::StartPassed) {
            self.fixtures[index].is_start_waived = true;
        }
        if lifted.iter().any(|stop| StopSet::MISSED.has(*stop)) {
            self.look_at(index);
        }
        self.change_stops(index, |stops| stops.without(StopSet::of(&lifted)));
        Ok(())
    }

    fn settle_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        grades: Option<&[Grade]>,
        by_feed: bool,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(id)?;
        let market = self.market(index, market)?;
        match grades {
            Some(grades) => self.check_told(index, market, grades, by_feed)?,
            None if by_feed && self.fixtures[index].told_by_desk.contains(&market) => {
                return Err(Reason::OutOfSequence);
            }
            None => {}
        }
        if self.fixtures[index].held.remove(&market).is_some() {
            self.release(index, Some(market));
        }
        self.take_told(index, market, grades, by_feed, answers);
        Ok(())
    }

    /// Whether a market may be told to have ended so.
    fn check_told(&self, index: usize, market: usize, grades: &[Grade], by_feed: bool) -> Verdict {
        let fixture = &self.fixtures[index];
        if by_feed && fixture.told_by_desk.contains(&market) {
            return Err(Reason::OutOfSequence);
        }
        let is_whole = grades.len() == fixture.space.template.markets[market].selections().len();
        if is_whole && self.can_be_graded(index, market, grades) {
            Ok(())
        } else {
            Err(Reason::ValueOutOfBounds)
        }
    }

    fn take_told(
        &mut self,
        index: usize,
        market: usize,
        grades: Option<&[Grade]>,
        by_feed: bool,
        answers: &mut Vec<Answer>,
    ) {
        match grades {
            Some(grades) => drop(self.fixtures[index].told.insert(market, grades.to_vec())),
            None => drop(self.fixtures[index].told.remove(&market)),
        }
        let fixture = &mut self.fixtures[index];
        fixture.told_by_desk.remove(&market);
        if grades.is_some() && !by_feed {
            fixture.told_by_desk.insert(market);
        }
        fixture.interruptions.push(Some(market));
        self.stop_moved(index, false, answers);
        self.settle_all(index, answers);
    }

    fn void_fixture(
        &mut self,
        id: FixtureId,
        void: VoidKind,
        by_feed: bool,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        // A feed may say what the desk said.
        if by_feed && fixture.void_by_desk && fixture.void != void {
            return Err(Reason::OutOfSequence);
        }
        let (status, was_closed) = (fixture.status(), fixture.is_closed());
        let is_the_desks = if by_feed { fixture.void_by_desk } else { true };
        fixture.void = void;
        fixture.void_by_desk = is_the_desks && void != VoidKind::Nothing;
        if was_closed && !fixture.is_closed() && fixture.game.phase() == LivePhase::InPlay {
            // Nobody followed it meanwhile.
            fixture.stops.set = fixture.stops.set.or(StopSet::of(&[Stop::Restart]));
        }
        if fixture.status() != status {
            fixture.interruptions.push(None);
        }
        self.stop_moved(index, false, answers);
        self.settle_all(index, answers);
        Ok(())
    }

    /// The probabilities of a fixture are others: accumulators on it are due to be weighed.
    pub(super) fn prices_moved(&mut self, index: usize) {
        let is_on_it = |known: &NaiveTicket| {
            let was_taken = matches!(
                known.ticket.state,
                TicketState::Open | TicketState::Settled | TicketState::Cancelled
            );
            was_taken && known.ticket.legs.iter().any(|leg| leg.place.fixture as usize == index)
        };
        self.has_moved |= self.tickets.iter().any(is_on_it);
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
        } else if is_deposit {
            self.deposit_refusal(customer, amount_minor)
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
            if is_deposit {
                let time_ns = self.now_ns;
                self.deposits.push(Deposited { time_ns, customer, amount_minor });
            }
            self.keep_transfer(transfer);
            self.collect(customer);
        }
        answers.push(Answer::MoneyBooked(transfer, available(&self.postings), is_repeat));
    }

    /// The tickets on which money still rides.
    pub fn live_tickets(&self) -> impl Iterator<Item = &Ticket> {
        let is_live = |ticket: &&Ticket| handling::is_live(ticket.state);
        self.tickets.iter().map(|known| &known.ticket).filter(is_live)
    }

    fn version(&self, fixture: usize) -> OddsVersion {
        OddsVersion { epoch: self.epoch, seq: self.fixtures[fixture].prices.version }
    }

    fn index_of(&self, id: FixtureId) -> Option<usize> {
        self.fixtures.iter().position(|fixture| fixture.request.fixture == id && !fixture.is_gone)
    }

    fn known_fixture(&self, id: FixtureId) -> Result<usize, Reason> {
        self.index_of(id).ok_or(Reason::FixtureNotFound)
    }

    fn open_fixture(&self, id: FixtureId) -> Result<usize, Reason> {
        let index = self.known_fixture(id)?;
        if self.fixtures[index].is_closed() { Err(Reason::FixtureClosed) } else { Ok(index) }
    }

    fn market(&self, fixture: usize, id: MarketId) -> Result<usize, Reason> {
        let markets = &self.fixtures[fixture].space.template.markets;
        markets.iter().position(|market| MarketId::of(&market.key) == id).ok_or(Reason::SelectionNotFound)
    }
}

/// The incident says what the score is after it; a race has none but its finish.
fn tells_score(incident: &Incident) -> bool {
    match incident {
        Incident::Football(told) => told.score_after.is_some(),
        Incident::Tennis(told) => {
            use oddsengine_markets::tennis::TennisIncidentKind as Tennis;
            let after = &told.score_after;
            match told.kind {
                Tennis::Score(_) => true,
                // A new game has no points yet.
                Tennis::Game(_) => after.sets.is_some() && after.games.is_some(),
                _ => after.sets.is_some() && after.games.is_some() && after.points.is_some(),
            }
        }
        Incident::Racing(told) => {
            use oddsengine_markets::racing::RacingIncident as Race;
            matches!(told, Race::Result(_) | Race::Official | Race::Amended(_) | Race::Void)
        }
        Incident::Custom(_) => true,
    }
}

/// More than two minutes were played before we heard of the start, and nobody said what happened in them.
fn starts_late_with_unknown_score(incident: &Incident) -> bool {
    match incident {
        Incident::Football(told) => {
            told.kind == oddsengine_markets::football::FootballIncidentKind::KickOff
                && told.clock_ms > 120_000
                && told.score_after.is_none()
        }
        _ => false,
    }
}

fn is_odds(odds_e4: u32) -> Verdict {
    let is_within = (oddsengine_types::ODDS_E4_MIN..=oddsengine_types::ODDS_E4_MAX).contains(&odds_e4);
    if is_within { Ok(()) } else { Err(Reason::ValueOutOfBounds) }
}
