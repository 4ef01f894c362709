//! The hot path. One command in, its events out; follow a bet here and in `placing.rs`.

use oddsengine_markets::{Format, LivePhase, MarketId, ModelFault, SpaceDefinition};
use oddsengine_pricing::model::{ForeignProbabilities, MarketPrices, Parameters};
use oddsengine_types::{BoundsError, FixtureId, Grade, Odds};

use crate::command::{
    Body, Channel, Command, FixtureRequest, MODEL_INPUTS_MAX, PRICED_MARKETS_MAX, PricedMarket, SPACES_MAX,
    VoidKind,
};
use crate::config::{BET_DELAY_MS_MAX, Config, FEED_SILENCE_MS_MAX, Scope, ScopeSettings};
use crate::engine::{Customer, Derived, Engine, Space};
use crate::event::{Event, Sink};
use crate::fixture::MarketDesk;
use crate::guard::fair_e9;
use crate::status::Reason;
use crate::stops::{Stop, StopSet};
use crate::watch::Heard;

/// Most expected goals (or points) a trader may set, in millionths.
const EXPECTATION_E6_MAX: i64 = 400_000_000;

/// A refusal with its detail.
pub(crate) type Refusal = (Reason, String);

impl Engine {
    /// Applies one command and tells what came of it.
    ///
    /// Never fails: a command that cannot be carried out is answered with a refusal and changes nothing but the
    /// counters. Bet delays that ended by the command's time are decided first.
    pub fn apply(&mut self, command: &Command, sink: &mut impl Sink) {
        self.counters.command_count += 1;
        // A new epoch is known before anything is decided in it: a price published under the old one after the
        // restart would reuse a version that may have been lost.
        let starts_epoch = self.starts_epoch(command);
        if let (true, Body::EpochStarted { epoch }) = (starts_epoch, &command.body) {
            self.start_epoch(*epoch, command.time_ns, sink);
        }
        self.now_ns = self.now_ns.max(command.time_ns);
        let is_unbroken = match self.hear(command, sink) {
            Heard::Taken { is_unbroken } => is_unbroken,
            Heard::Repeated => return,
            Heard::Refused(refusal) => return self.refuse_command(refusal, sink),
        };
        let source_ns = command.origin.source_ns;
        let answer = match &command.body {
            Body::PlaceTicket(request) => return self.place(request, sink),
            Body::Deposit(request) => return self.move_money(request, true, sink),
            Body::Withdraw(request) => return self.move_money(request, false, sink),
            Body::Tick { read_ns } => {
                self.stop_overdue(sink);
                self.begin_day();
                self.settle_due(*read_ns, sink);
                self.decide_delayed(*read_ns, sink);
                return self.weigh_accumulators();
            }
            Body::Heartbeat => {
                self.heartbeat(command, is_unbroken, sink);
                Ok(())
            }
            Body::ResetSource { source } => self.reset_source(source),
            Body::EpochStarted { .. } if starts_epoch => Ok(()),
            Body::EpochStarted { epoch } => {
                Err((Reason::OutOfSequence, format!("epoch {epoch} is not above {}", self.epoch)))
            }
            Body::Configure(config) => self.configure(config, sink),
            Body::SetScope { scope, settings } => self.set_scope(scope, settings, sink),
            Body::AddFixture(request) => self.add_fixture(request),
            Body::SetPrices { fixture, prices } => self.set_prices(*fixture, prices, source_ns, sink),
            Body::SetExpectation { fixture, supremacy_e6, total_e6 } => {
                self.set_expectation(*fixture, *supremacy_e6, *total_e6, source_ns, sink)
            }
            Body::Incident { fixture, incident } => {
                // Only the source that spoke of it before can have missed nothing.
                let is_theirs =
                    self.fixture(*fixture).is_some_and(|known| known.fed_by == command.origin.source);
                self.incident(*fixture, incident, is_unbroken && is_theirs, source_ns, sink)
            }
            Body::Suspend { fixture, market } => {
                self.suspend(*fixture, *market, command.origin.channel, sink)
            }
            Body::Resume { fixture, market, lifts } => {
                self.resume(*fixture, *market, *lifts, command.origin.channel, sink)
            }
            Body::SetManualOdds { fixture, market, odds_e4, keeps_in_play, override_by } => {
                self.set_manual_odds(*fixture, *market, odds_e4.as_deref(), *keeps_in_play, override_by, sink)
            }
            Body::LockMarket { fixture, market, locked, keeps_in_play } => {
                self.lock_market(*fixture, *market, *locked, *keeps_in_play, sink)
            }
            Body::SettleMarket { fixture, market, grades } => {
                self.settle_market(*fixture, *market, grades, command.origin.channel, sink)
            }
            Body::VoidFixture { fixture, void } => {
                self.void_fixture(*fixture, *void, command.origin.channel, sink)
            }
            Body::SetCustomer { customer, factor_e3 } => {
                self.customers.insert(*customer, Customer { factor_e3: *factor_e3 });
                Ok(())
            }
            Body::CancelTicket { ticket } => self.cancel_ticket(*ticket, sink),
            Body::DefineSpace(definition) => self.define_space(definition),
            Body::SetModelInputs { fixture, inputs } => self.set_model_inputs(*fixture, inputs, sink),
            Body::SetProbabilities { fixture, probabilities } => {
                self.set_probabilities(*fixture, probabilities, source_ns, sink)
            }
            Body::ModelFailed { fixture, fault } => self.model_failed(*fixture, *fault, sink),
        };
        match answer {
            Ok(()) => {
                self.hear_of(command);
                sink.event(Event::Done);
            }
            Err(refusal) => self.refuse_command(refusal, sink),
        }
    }

    #[cold]
    fn refuse_command(&mut self, (reason, detail): Refusal, sink: &mut impl Sink) {
        self.counters.refused_command_count += 1;
        sink.event(Event::Refused { reason, detail: &detail });
    }

    /// A numbered source cannot start an epoch: only the runtime can, and it numbers nothing.
    fn starts_epoch(&self, command: &Command) -> bool {
        matches!(command.body, Body::EpochStarted { epoch } if epoch > self.epoch && command.origin.seq.is_none())
    }

    fn configure(&mut self, config: &Config, sink: &mut impl Sink) -> Result<(), Refusal> {
        config.check().map_err(out_of_bounds)?;
        let holds_money = !self.tickets.is_empty() || !self.ledger.accounts().is_empty();
        if config.currency != self.config.currency && holds_money {
            let detail = format!(
                "currency {} cannot replace {} once money or bets were taken",
                config.currency, self.config.currency
            );
            return Err((Reason::OutOfSequence, detail));
        }
        let models = Derived::new(config).map_err(out_of_bounds)?.models;
        self.derived.models = models;
        self.config = config.clone();
        self.start_due.clear();
        (0..self.fixtures.len()).for_each(|index| {
            self.inherit_settings(index);
            self.watch_start(index);
            self.reprice(index, 0, sink);
        });
        Ok(())
    }

    fn set_scope(
        &mut self,
        scope: &Scope,
        settings: &ScopeSettings,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        if let Some(margin) = settings.margin {
            margin.check().map_err(out_of_bounds)?;
        }
        let loss = settings.loss_minor_max.unwrap_or(0);
        let delay = settings.bet_delay_ms.unwrap_or(0);
        if !(0..=oddsengine_types::MONEY_MINOR_MAX / 100).contains(&loss) {
            return Err(out_of_bounds(BoundsError::outside(
                "loss_minor_max",
                loss,
                0,
                oddsengine_types::MONEY_MINOR_MAX / 100,
            )));
        }
        if !(0..=BET_DELAY_MS_MAX).contains(&delay) {
            return Err(out_of_bounds(BoundsError::outside("bet_delay_ms", delay, 0, BET_DELAY_MS_MAX)));
        }
        let silence = settings.feed_silence_ms.unwrap_or(0);
        if !(0..=FEED_SILENCE_MS_MAX).contains(&silence) {
            return Err(out_of_bounds(BoundsError::outside(
                "feed_silence_ms",
                silence,
                0,
                FEED_SILENCE_MS_MAX,
            )));
        }
        if *settings == ScopeSettings::default() {
            self.scopes.remove(scope);
        } else {
            self.scopes.insert(scope.clone(), *settings);
        }
        for index in 0..self.fixtures.len() {
            let fixture = &mut self.fixtures[index];
            let is_in = match scope {
                Scope::Sport(sport) | Scope::MarketType(sport, _) => fixture.request.sport() == *sport,
                Scope::Competition(name) => fixture.request.competition == *name,
                Scope::Fixture(id) | Scope::Market(id, _) => fixture.id() == *id,
            };
            if is_in {
                let before = std::mem::take(&mut fixture.margins);
                self.inherit_settings(index);
                if self.fixtures[index].margins != before {
                    self.reprice(index, 0, sink);
                }
            }
        }
        Ok(())
    }

    fn add_fixture(&mut self, request: &FixtureRequest) -> Result<(), Refusal> {
        if let Some(known) = self.fixture(request.fixture) {
            return match known.request == *request {
                true => Ok(()),
                false => Err((
                    Reason::AlreadyExists,
                    format!("fixture {} exists with another description", request.fixture),
                )),
            };
        }
        request.format.check().map_err(out_of_bounds)?;
        let Some(template) = self.template_of(&request.format) else {
            let detail = format!("the space of fixture {} is not defined", request.fixture);
            return Err((Reason::ValueOutOfBounds, detail));
        };
        let (count, count_max) = (self.fixtures.len() + 1, self.config.fixtures_max as usize);
        if count > count_max {
            return Err(out_of_bounds(BoundsError::outside("fixtures", count, 0, count_max)));
        }
        self.push_fixture(request.clone(), template);
        Ok(())
    }

    fn define_space(&mut self, definition: &SpaceDefinition) -> Result<(), Refusal> {
        match self.spaces.get(&definition.id()) {
            Some(known) if known.definition == *definition => Ok(()),
            Some(_) => Err((
                Reason::AlreadyExists,
                format!("space {} exists with another definition", definition.name),
            )),
            None if self.spaces.len() == SPACES_MAX => {
                Err(out_of_bounds(BoundsError::outside("spaces", SPACES_MAX + 1, 0, SPACES_MAX)))
            }
            None => self.push_space(definition.clone()).map_err(out_of_bounds),
        }
    }

    pub(crate) fn push_space(&mut self, definition: SpaceDefinition) -> Result<(), BoundsError> {
        let template = definition.compile()?;
        self.spaces.insert(definition.id(), Space { definition, template });
        Ok(())
    }

    fn set_prices(
        &mut self,
        id: FixtureId,
        prices: &[PricedMarket],
        source_ns: i64,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let fixture = &self.fixtures[index];
        if fixture.live.phase() != LivePhase::PreMatch {
            return Err((Reason::OutOfSequence, "prices calibrate a fixture before its start only".into()));
        }
        if !(1..=PRICED_MARKETS_MAX).contains(&prices.len()) {
            return Err(out_of_bounds(BoundsError::outside(
                "priced markets",
                prices.len(),
                1,
                PRICED_MARKETS_MAX,
            )));
        }
        let mut markets = Vec::with_capacity(prices.len());
        for PricedMarket { market, odds_e4 } in prices {
            let market = usize::from(self.known_market(index, *market)?);
            let definition = &fixture.template.markets[market];
            let count = definition.selections().len();
            if odds_e4.len() != count {
                let what = format!("prices of {}", definition.key);
                return Err(out_of_bounds(BoundsError::outside(&what, odds_e4.len(), count, count)));
            }
            for &odds_e4 in odds_e4.iter().filter(|&&odds_e4| odds_e4 != 0) {
                Odds::from_e4(odds_e4).map_err(out_of_bounds)?;
            }
            self.judge_feed_odds(index, market as u16, odds_e4)?;
            markets.push(MarketPrices { market, odds_e4 });
        }
        let parameters = self
            .derived
            .models
            .recalibrate(&fixture.request.format, fixture.template, fixture.parameters.as_ref(), &markets)
            .map_err(out_of_bounds)?;
        let before: Vec<(u16, Vec<u32>)> = match fixture.has_expectations {
            true => markets
                .iter()
                .map(|prices| prices.market as u16)
                .map(|market| (market, fair_e9(fixture, market)))
                .collect(),
            false => Vec::new(),
        };
        self.fixtures[index].parameters = Some(parameters);
        self.evaluate(index, sink);
        // The stop leaves before the prices that it is about.
        self.stop_jump(index, &before, sink);
        self.offer_evaluated(index, &[], false, source_ns, sink);
        Ok(())
    }

    /// What the foreign model of a fixture computes from. Old prices do not outlive it.
    fn set_model_inputs(
        &mut self,
        id: FixtureId,
        inputs: &[f64],
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.foreign_fixture(id)?;
        if inputs.len() > MODEL_INPUTS_MAX {
            return Err(out_of_bounds(BoundsError::outside(
                "model inputs",
                inputs.len(),
                0,
                MODEL_INPUTS_MAX,
            )));
        }
        if let Some(input) = inputs.iter().find(|input| !input.is_finite()) {
            return Err(out_of_bounds(BoundsError::new(format!(
                "model input {input} is not a finite number"
            ))));
        }
        let probabilities = match self.fixtures[index].parameters.take() {
            Some(Parameters::Custom(foreign)) => foreign.probabilities,
            _ => Vec::new(),
        };
        let foreign = ForeignProbabilities { inputs: inputs.to_vec(), probabilities };
        self.fixtures[index].parameters = Some(Parameters::Custom(foreign));
        self.wait_for_model(index, None, sink);
        Ok(())
    }

    fn set_probabilities(
        &mut self,
        id: FixtureId,
        probabilities: &[f64],
        source_ns: i64,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.foreign_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        let count = fixture.template.joint.main_count;
        if probabilities.len() != count {
            return Err(out_of_bounds(BoundsError::outside(
                "probabilities",
                probabilities.len(),
                count,
                count,
            )));
        }
        let probabilities = match ForeignProbabilities::checked(probabilities, &fixture.possible.main) {
            Ok(probabilities) => probabilities,
            Err(fault) => {
                self.wait_for_model(index, Some(fault), sink);
                return Err((
                    Reason::ValueOutOfBounds,
                    format!("the probabilities are refused: {}", fault.name()),
                ));
            }
        };
        let inputs = match fixture.parameters.take() {
            Some(Parameters::Custom(foreign)) => foreign.inputs,
            _ => Vec::new(),
        };
        fixture.parameters = Some(Parameters::Custom(ForeignProbabilities { inputs, probabilities }));
        fixture.stops.model_fault = None;
        self.reprice(index, source_ns, sink);
        // New prices first, then trading on them.
        self.lift(index, StopSet::of(&[Stop::Model]), sink);
        Ok(())
    }

    fn model_failed(
        &mut self,
        id: FixtureId,
        fault: ModelFault,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.foreign_fixture(id)?;
        self.wait_for_model(index, Some(fault), sink);
        Ok(())
    }

    /// Stops a fixture until its foreign model gives prices for the present state.
    fn wait_for_model(&mut self, index: usize, fault: Option<ModelFault>, sink: &mut impl Sink) {
        let fixture = &mut self.fixtures[index];
        let is_news = std::mem::replace(&mut fixture.stops.model_fault, fault) != fault;
        if is_news && fixture.stops.has(Stop::Model) {
            sink.event(Event::Trading { fixture });
        }
        self.stop(index, Stop::Model, sink);
    }

    fn foreign_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        let index = self.open_fixture(id)?;
        match self.fixtures[index].request.format {
            Format::Custom(_) => Ok(index),
            _ => Err((Reason::ValueOutOfBounds, format!("fixture {id} is priced by a model of its own"))),
        }
    }

    fn set_expectation(
        &mut self,
        id: FixtureId,
        supremacy_e6: i64,
        total_e6: i64,
        source_ns: i64,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        for (what, value) in [("supremacy_e6", supremacy_e6), ("total_e6", total_e6)] {
            if !(-EXPECTATION_E6_MAX..=EXPECTATION_E6_MAX).contains(&value) {
                return Err(out_of_bounds(BoundsError::outside(
                    what,
                    value,
                    -EXPECTATION_E6_MAX,
                    EXPECTATION_E6_MAX,
                )));
            }
        }
        let fixture = &self.fixtures[index];
        let (supremacy, total) = (supremacy_e6 as f64 / 1e6, total_e6 as f64 / 1e6);
        let models = &self.derived.models;
        let parameters = models
            .with_expectation(&fixture.request.format, fixture.parameters.as_ref(), supremacy, total)
            .map_err(out_of_bounds)?;
        self.fixtures[index].parameters = Some(parameters);
        self.reprice(index, source_ns, sink);
        Ok(())
    }

    /// Something happened on the field of play: trading status first, then prices, then settlement.
    ///
    /// `is_numbered`: its source numbers its messages, and none is missing before it.
    fn incident(
        &mut self,
        id: FixtureId,
        incident: &oddsengine_markets::Incident,
        is_numbered: bool,
        source_ns: i64,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        if fixture.void != VoidKind::Nothing {
            return Err((Reason::FixtureClosed, format!("fixture {id} is void")));
        }
        let (was_closed, phase_before) = (fixture.is_closed(), fixture.live.phase());
        let (summary_before, version_before) = (fixture.live.summary(), fixture.version);
        let change = match fixture.live.apply(incident) {
            Ok(change) => change,
            Err(error) => {
                // The feed and we disagree: stop trading until they agree again, rather than trade on either.
                if phase_before != LivePhase::Finished {
                    self.stop(index, Stop::Contradiction, sink);
                }
                return Err((Reason::OutOfSequence, error.to_string()));
            }
        };
        let phase = fixture.live.phase();
        let starts = (phase_before, phase) == (LivePhase::PreMatch, LivePhase::InPlay);
        let closes = fixture.is_closed() != was_closed;
        // A goal and its cancellation within one bet delay are an interruption, though the score is as before.
        let interrupts = incident.interrupts() || fixture.live.score() != summary_before.score;
        fixture.interruptions += u64::from(interrupts);
        let is_reopened = was_closed && !fixture.is_closed() && phase == LivePhase::InPlay;
        let waits_for_model = change.reprices && matches!(fixture.request.format, Format::Custom(_));
        let stops_before = fixture.stops.set;
        let lifted = match (incident.tells_score(), is_numbered) {
            (true, _) => StopSet::MISSED,
            // No number is missing and no score is told: nothing was lost while we did not hear.
            (false, true) if !stops_before.has(Stop::Gap) && !stops_before.has(Stop::Sequence) => {
                StopSet::of(&[Stop::Silence, Stop::Restart])
            }
            (false, _) => StopSet::default(),
        };
        if waits_for_model {
            // Prices of the state before must not be taken; the model's answer follows.
            fixture.stops.model_fault = None;
        }
        if closes {
            sink.event(Event::Trading { fixture });
        }
        let is_late = incident.starts_late_without_score()
            || (starts && stops_before.has(Stop::StartPassed) && !incident.tells_score());
        self.change_stops(index, sink, |mut stops| {
            stops = stops.without(lifted);
            if let Some(is_danger) = change.danger {
                let danger = StopSet::of(&[Stop::Danger]);
                stops = if is_danger { stops.or(danger) } else { stops.without(danger) };
            }
            if phase != LivePhase::PreMatch {
                stops = stops.without(StopSet::of(&[Stop::StartPassed, Stop::PriceJump]));
            }
            if waits_for_model {
                stops = stops.or(StopSet::of(&[Stop::Model]));
            }
            if is_reopened && !incident.tells_score() {
                stops = stops.or(StopSet::of(&[Stop::Restart]));
            }
            if is_late { stops.or(StopSet::of(&[Stop::ScoreUnknown])) } else { stops }
        });
        let returned = if starts { self.return_to_model(index, sink) } else { Vec::new() };
        if phase != phase_before {
            self.watch_silence(index);
            self.watch_start(index);
        }
        if change.regrades {
            self.update_possible(index, sink);
        }
        let now = self.fixtures[index].live.summary();
        let is_news = (now.score, &now.period) != (summary_before.score, &summary_before.period);
        if change.reprices {
            let changes_chances = incident.changes_chances();
            self.update_board(index, change.regrades, &returned, changes_chances, source_ns, sink);
        } else if !returned.is_empty() {
            // A race that starts moves no price of the model, and those by hand are not the model's.
            self.reprice_with(index, &returned, source_ns, sink);
        }
        if is_news && self.fixtures[index].version == version_before {
            // Score and period are part of the board, also where no price moved.
            self.publish_standing(index, source_ns, sink);
        }
        Ok(())
    }

    fn suspend(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        by: Channel,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let by_feed = by == Channel::Feed;
        let Some(market) = market else {
            self.stop(index, if by_feed { Stop::Feed } else { Stop::Desk }, sink);
            return Ok(());
        };
        let market = self.known_market(index, market)?;
        let fixture = &mut self.fixtures[index];
        let stops = &mut fixture.desk.entry(market).or_default().stops;
        let was_set = std::mem::replace(if by_feed { &mut stops.by_feed } else { &mut stops.by_desk }, true);
        *fixture.market_interruptions.entry(market).or_default() += u64::from(!was_set);
        self.publish(index, &[market], 0, sink);
        Ok(())
    }

    /// Takes back a suspension of the same channel. The desk also lifts what it names, and the stop of a market whose price
    /// by hand the match has left.
    fn resume(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        lifts: StopSet,
        by: Channel,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let by_feed = by == Channel::Feed;
        let Some(market) = market else {
            let lifted = match by_feed {
                true => StopSet::of(&[Stop::Feed]),
                false => StopSet::of(&[Stop::Desk]).or(lifts.and(StopSet::OF_DESK)),
            };
            let fixture = &mut self.fixtures[index];
            fixture.is_start_waived |= lifted.has(Stop::StartPassed);
            if !lifted.and(StopSet::MISSED).is_empty() {
                // A person looked: the feed has its time once more.
                fixture.heard_ns = self.now_ns;
            }
            self.lift(index, lifted, sink);
            return Ok(());
        };
        let market = self.known_market(index, market)?;
        let known = self.fixtures[index].desk.get(&market);
        if !by_feed && known.is_some_and(|desk| desk.is_held() && desk.stops.by_move) {
            // The price at which it is held must fit what the match is now; otherwise another one, or a name, is needed.
            self.judge_held(index, market)?;
        }
        let stops = &mut self.fixtures[index].desk.entry(market).or_default().stops;
        match by_feed {
            true => stops.by_feed = false,
            false => {
                (stops.by_desk, stops.by_move) = (false, false);
                stops.by_feed &= !lifts.has(Stop::Feed);
            }
        }
        if !by_feed && self.fixtures[index].desk[&market].is_held() {
            self.anchor(index, market);
        }
        self.tidy_desk(index, market);
        self.publish(index, &[market], 0, sink);
        Ok(())
    }

    fn set_manual_odds(
        &mut self,
        id: FixtureId,
        market: MarketId,
        odds_e4: Option<&[u32]>,
        keeps_in_play: bool,
        override_by: &str,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        let Some(odds_e4) = odds_e4 else {
            return self.hold_market(index, market, sink, |desk| {
                desk.manual_odds_e4 = None;
                desk.override_by.clear();
            });
        };
        let fixture = &self.fixtures[index];
        let count = fixture.template().markets[usize::from(market)].selections().len();
        if odds_e4.len() != count {
            return Err((
                Reason::ValueOutOfBounds,
                format!("{} odds for a market of {count} selections", odds_e4.len()),
            ));
        }
        for &odds in odds_e4.iter().filter(|&&odds| odds != 0) {
            Odds::from_e4(odds).map_err(out_of_bounds)?;
        }
        let by = match self.judge_manual_odds(index, market, odds_e4) {
            Ok(()) => String::new(),
            Err((_, why)) if !override_by.is_empty() => {
                let message =
                    format!("{override_by} answers for it: {}", why.split(';').next().unwrap_or(""));
                sink.event(Event::Alert { alert: "manual_override", fixture: Some(id), message: &message });
                override_by.to_string()
            }
            Err(refusal) => return Err(refusal),
        };
        let fixture = &self.fixtures[index];
        let holds_others = fixture.desk.iter().any(|(&other, desk)| other != market && desk.is_held());
        if !fixture.has_expectations && holds_others {
            let key = &fixture.template().markets[usize::from(market)].key;
            let message = format!(
                "no model compares {key} of fixture {id} with the other markets priced by hand or locked"
            );
            sink.event(Event::Alert { alert: "manual_unchecked", fixture: Some(id), message: &message });
        }
        self.hold_market(index, market, sink, |desk| {
            desk.manual_odds_e4 = Some(odds_e4.to_vec());
            desk.keeps_in_play = keeps_in_play;
            desk.override_by = by;
            desk.stops.by_move = false;
        })
    }

    fn lock_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        locked: bool,
        keeps_in_play: bool,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        self.hold_market(index, market, sink, |desk| {
            desk.is_locked = locked;
            desk.keeps_in_play =
                keeps_in_play && locked || desk.keeps_in_play && desk.manual_odds_e4.is_some();
        })
    }

    /// Changes whether and how a market's price is held, and publishes it.
    fn hold_market(
        &mut self,
        index: usize,
        market: u16,
        sink: &mut impl Sink,
        change: impl FnOnce(&mut MarketDesk),
    ) -> Result<(), Refusal> {
        let fixture = &mut self.fixtures[index];
        let was_overridden = fixture.is_overridden();
        let desk = fixture.desk.entry(market).or_default();
        change(desk);
        match (desk.is_held(), desk.stops.by_move) {
            (true, false) => self.anchor(index, market),
            // What the match has left stays so until it is priced anew.
            (true, true) => {}
            (false, _) => desk.release(),
        }
        self.tidy_desk(index, market);
        *self.fixtures[index].market_interruptions.entry(market).or_default() += 1;
        let fixture = &mut self.fixtures[index];
        if fixture.is_overridden() != was_overridden {
            // The markets that the model prices stand still beside a price that contradicts it, or no longer.
            fixture.interruptions += u64::from(!was_overridden);
            let all: Vec<u16> = (0..fixture.template().markets.len() as u16).collect();
            self.reprice_with(index, &all, 0, sink);
        } else {
            self.reprice_market(index, market, sink);
        }
        Ok(())
    }

    fn settle_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        grades: &Option<Vec<Grade>>,
        by: Channel,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let market = self.known_market(index, market)?;
        let fixture = &mut self.fixtures[index];
        if by == Channel::Feed && fixture.told_by_desk.contains(&market) {
            let key = &fixture.template().markets[usize::from(market)].key;
            return Err((Reason::OutOfSequence, format!("{key} of fixture {id} was graded by the desk")));
        }
        match grades {
            Some(grades) => {
                let count = fixture.template().markets[usize::from(market)].selections().len();
                if grades.len() != count {
                    return Err((
                        Reason::ValueOutOfBounds,
                        format!("{} grades for a market of {count} selections", grades.len()),
                    ));
                }
                if !fixture.template().admits_grades(usize::from(market), grades) {
                    let key = &fixture.template().markets[usize::from(market)].key;
                    let told: Vec<String> = grades.iter().map(ToString::to_string).collect();
                    return Err((
                        Reason::ValueOutOfBounds,
                        format!("no outcome grades {key} as {}", told.join(", ")),
                    ));
                }
                fixture.told_grades.insert(market, grades.clone());
            }
            None => drop(fixture.told_grades.remove(&market)),
        }
        match by != Channel::Feed && grades.is_some() {
            true => drop(fixture.told_by_desk.insert(market)),
            false => drop(fixture.told_by_desk.remove(&market)),
        }
        *fixture.market_interruptions.entry(market).or_default() += 1;
        self.update_board(index, true, &[], false, 0, sink);
        Ok(())
    }

    fn void_fixture(
        &mut self,
        id: FixtureId,
        void: VoidKind,
        by: Channel,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        if by == Channel::Feed && fixture.is_void_by_desk && void != fixture.void {
            return Err((Reason::OutOfSequence, format!("fixture {id} was voided by the desk")));
        }
        let (before, was_closed) = (fixture.status(), fixture.is_closed());
        if by != Channel::Feed || void != fixture.void {
            fixture.is_void_by_desk = by != Channel::Feed && void != VoidKind::Nothing;
        }
        fixture.void = void;
        if was_closed && !fixture.is_closed() && fixture.live.phase() == LivePhase::InPlay {
            // It went on while nobody listened.
            fixture.stops.set = fixture.stops.set.or(StopSet::of(&[Stop::Restart]));
        }
        if fixture.status() != before {
            fixture.interruptions += 1;
            sink.event(Event::Trading { fixture });
        }
        self.watch_silence(index);
        self.watch_start(index);
        self.update_board(index, true, &[], false, 0, sink);
        Ok(())
    }

    pub(crate) fn known_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        self.index_of(id).ok_or_else(|| (Reason::FixtureNotFound, format!("fixture {id} is not known")))
    }

    fn open_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        let index = self.known_fixture(id)?;
        match self.fixtures[index].is_closed() {
            true => Err((Reason::FixtureClosed, format!("fixture {id} is over or void"))),
            false => Ok(index),
        }
    }

    fn known_market(&self, index: usize, market: MarketId) -> Result<u16, Refusal> {
        let known = self.fixtures[index].template().market_of_id(market);
        known
            .map(|market| market as u16)
            .ok_or_else(|| (Reason::SelectionNotFound, "the market is not in the fixture's template".into()))
    }

    pub(crate) fn tidy_desk(&mut self, index: usize, market: u16) {
        let desk = &mut self.fixtures[index].desk;
        if desk.get(&market).is_some_and(|entry| *entry == Default::default()) {
            desk.remove(&market);
        }
    }
}

#[cold]
pub(crate) fn out_of_bounds(error: BoundsError) -> Refusal {
    (Reason::ValueOutOfBounds, error.to_string())
}
