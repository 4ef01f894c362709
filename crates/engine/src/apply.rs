//! The hot path. One command in, its events out; follow a bet here and in `placing.rs`.

use oddsengine_markets::{Format, LivePhase, MarketId, ModelFault, SpaceDefinition};
use oddsengine_pricing::model::{ForeignProbabilities, MarketPrices, Parameters};
use oddsengine_types::{BoundsError, FixtureId, Grade, Odds};

use crate::command::{
    Body, Command, FixtureRequest, MODEL_INPUTS_MAX, PRICED_MARKETS_MAX, PricedMarket, SPACES_MAX, VoidKind,
};
use crate::config::{Config, Scope, ScopeSettings};
use crate::engine::{Customer, Derived, Engine, Space};
use crate::event::{Event, Sink};
use crate::status::Reason;

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
        self.now_ns = self.now_ns.max(command.time_ns);
        self.counters.command_count += 1;
        // A new epoch is known before anything is decided in it: a price published under the old one after the
        // restart would reuse a version that may have been lost.
        let starts_epoch = self.starts_epoch(command);
        if let (true, Body::EpochStarted { epoch }) = (starts_epoch, &command.body) {
            self.epoch = *epoch;
        }
        self.decide_delayed(sink);
        if self.is_duplicate(command, sink) {
            return;
        }
        let source_ns = command.origin.source_ns;
        let answer = match &command.body {
            Body::PlaceTicket(request) => return self.place(request, sink),
            Body::Deposit(request) => return self.move_money(request, true, sink),
            Body::Withdraw(request) => return self.move_money(request, false, sink),
            Body::Tick => {
                self.settle_due(sink);
                return self.weigh_accumulators();
            }
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
            Body::Incident { fixture, incident } => self.incident(*fixture, incident, source_ns, sink),
            Body::Suspend { fixture, market } => self.suspend(*fixture, *market, true, sink),
            Body::Resume { fixture, market } => self.suspend(*fixture, *market, false, sink),
            Body::SetManualOdds { fixture, market, odds_e4 } => {
                self.set_manual_odds(*fixture, *market, odds_e4, sink)
            }
            Body::LockMarket { fixture, market, locked } => {
                self.lock_market(*fixture, *market, *locked, sink)
            }
            Body::SettleMarket { fixture, market, grades } => {
                self.settle_market(*fixture, *market, grades, sink)
            }
            Body::VoidFixture { fixture, void } => self.void_fixture(*fixture, *void, sink),
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
            Ok(()) => sink.event(Event::Done),
            Err((reason, detail)) => {
                self.counters.refused_command_count += 1;
                sink.event(Event::Refused { reason, detail: &detail });
            }
        }
    }

    /// Drops what a numbering source sent before, and notices what is missing.
    fn is_duplicate(&mut self, command: &Command, sink: &mut impl Sink) -> bool {
        let Some(seq) = command.origin.seq else { return false };
        let Some(last) = self.sources.get_mut(&command.origin.source) else {
            self.sources.insert(command.origin.source.clone(), seq);
            return false;
        };
        if seq <= *last {
            self.counters.duplicate_count += 1;
            sink.event(Event::Duplicate);
            return true;
        }
        let expected = *last + 1;
        *last = seq;
        if seq > expected {
            self.counters.feed_gap_count += 1;
            sink.event(Event::FeedGap { expected, received: seq });
        }
        false
    }

    /// A numbered source cannot start an epoch: only the runtime can, and it numbers nothing.
    fn starts_epoch(&self, command: &Command) -> bool {
        matches!(command.body, Body::EpochStarted { epoch } if epoch > self.epoch && command.origin.seq.is_none())
    }

    fn configure(&mut self, config: &Config, sink: &mut impl Sink) -> Result<(), Refusal> {
        config.check().map_err(out_of_bounds)?;
        if config.currency != self.config.currency && !self.tickets.is_empty() {
            let detail = format!(
                "currency {} cannot replace {} once bets were taken",
                config.currency, self.config.currency
            );
            return Err((Reason::OutOfSequence, detail));
        }
        let models = Derived::new(config).map_err(out_of_bounds)?.models;
        self.derived.models = models;
        self.config = config.clone();
        (0..self.fixtures.len()).for_each(|index| {
            self.inherit_settings(index);
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
        if !(0..=60_000).contains(&delay) {
            return Err(out_of_bounds(BoundsError::outside("bet_delay_ms", delay, 0, 60_000)));
        }
        if *settings == ScopeSettings::default() {
            self.scopes.remove(scope);
        } else {
            self.scopes.insert(scope.clone(), *settings);
        }
        (0..self.fixtures.len()).for_each(|index| {
            let before = self.fixtures[index].margins.clone();
            self.inherit_settings(index);
            if self.fixtures[index].margins != before {
                self.reprice(index, 0, sink);
            }
        });
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
            markets.push(MarketPrices { market, odds_e4 });
        }
        let parameters = self
            .derived
            .models
            .recalibrate(&fixture.request.format, fixture.template, fixture.parameters.as_ref(), &markets)
            .map_err(out_of_bounds)?;
        self.fixtures[index].parameters = Some(parameters);
        self.reprice(index, source_ns, sink);
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
        let before = fixture.status();
        (fixture.stops.by_model, fixture.stops.model_fault) = (false, None);
        let resumes = fixture.status() != before;
        self.reprice(index, source_ns, sink);
        if resumes {
            // New prices first, then trading on them.
            sink.event(Event::Trading { fixture: &self.fixtures[index] });
        }
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
        let before = (fixture.status(), fixture.stops);
        (fixture.stops.by_model, fixture.stops.model_fault) = (true, fault);
        if (fixture.status(), fixture.stops) != before {
            sink.event(Event::Trading { fixture });
        }
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
    fn incident(
        &mut self,
        id: FixtureId,
        incident: &oddsengine_markets::Incident,
        source_ns: i64,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        if fixture.void != VoidKind::Nothing {
            return Err((Reason::FixtureClosed, format!("fixture {id} is void")));
        }
        let status_before = fixture.status();
        let (summary_before, version_before) = (fixture.live.summary(), fixture.version);
        let change = match fixture.live.apply(incident) {
            Ok(change) => change,
            Err(error) => {
                // The feed and we disagree: stop trading until they agree again, rather than trade on either.
                if fixture.live.phase() == LivePhase::InPlay {
                    fixture.stops.by_feed = true;
                }
                if fixture.status() != status_before {
                    sink.event(Event::Trading { fixture });
                }
                return Err((Reason::OutOfSequence, error.to_string()));
            }
        };
        fixture.stops.by_feed = false;
        if let Some(danger) = change.danger {
            fixture.stops.by_danger = danger;
        }
        if change.reprices && matches!(fixture.request.format, Format::Custom(_)) {
            // Prices of the state before must not be taken; the model's answer follows.
            (fixture.stops.by_model, fixture.stops.model_fault) = (true, None);
        }
        if fixture.status() != status_before {
            sink.event(Event::Trading { fixture });
        }
        if change.regrades {
            self.update_possible(index);
        }
        if change.reprices {
            let settles = change.regrades;
            self.update_board(index, settles, source_ns, sink);
        }
        let fixture = &self.fixtures[index];
        let now = fixture.live.summary();
        let is_news = (now.score, &now.period) != (summary_before.score, &summary_before.period);
        if is_news && fixture.version == version_before {
            // Score and period are part of the board, also where no price moved.
            self.publish_standing(index, source_ns, sink);
        }
        Ok(())
    }

    fn suspend(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        suspended: bool,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let Some(market) = market else {
            let fixture = &mut self.fixtures[index];
            let before = fixture.status();
            fixture.stops.by_desk = suspended;
            if fixture.status() != before {
                sink.event(Event::Trading { fixture });
            }
            return Ok(());
        };
        let market = self.known_market(index, market)?;
        self.fixtures[index].desk.entry(market).or_default().is_suspended = suspended;
        self.tidy_desk(index, market);
        self.publish(index, &[market], 0, sink);
        Ok(())
    }

    fn set_manual_odds(
        &mut self,
        id: FixtureId,
        market: MarketId,
        odds_e4: &Option<Vec<u32>>,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        if let Some(odds_e4) = odds_e4 {
            let count = self.fixtures[index].template().markets[usize::from(market)].selections().len();
            if odds_e4.len() != count {
                return Err((
                    Reason::ValueOutOfBounds,
                    format!("{} odds for a market of {count} selections", odds_e4.len()),
                ));
            }
            for &odds in odds_e4.iter().filter(|&&odds| odds != 0) {
                Odds::from_e4(odds).map_err(out_of_bounds)?;
            }
        }
        self.fixtures[index].desk.entry(market).or_default().manual_odds_e4.clone_from(odds_e4);
        self.tidy_desk(index, market);
        self.reprice_market(index, market, sink);
        Ok(())
    }

    fn lock_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        locked: bool,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        self.fixtures[index].desk.entry(market).or_default().is_locked = locked;
        self.tidy_desk(index, market);
        self.reprice_market(index, market, sink);
        Ok(())
    }

    fn settle_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        grades: &Option<Vec<Grade>>,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let market = self.known_market(index, market)?;
        let fixture = &mut self.fixtures[index];
        match grades {
            Some(grades) => {
                let count = fixture.template().markets[usize::from(market)].selections().len();
                if grades.len() != count {
                    return Err((
                        Reason::ValueOutOfBounds,
                        format!("{} grades for a market of {count} selections", grades.len()),
                    ));
                }
                fixture.told_grades.insert(market, grades.clone());
            }
            None => drop(fixture.told_grades.remove(&market)),
        }
        self.update_board(index, true, 0, sink);
        Ok(())
    }

    fn void_fixture(&mut self, id: FixtureId, void: VoidKind, sink: &mut impl Sink) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &mut self.fixtures[index];
        let before = fixture.status();
        fixture.void = void;
        if fixture.status() != before {
            sink.event(Event::Trading { fixture });
        }
        self.update_board(index, true, 0, sink);
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

    fn tidy_desk(&mut self, index: usize, market: u16) {
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
