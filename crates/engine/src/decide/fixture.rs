//! What feeds and traders say of a fixture: that it is there, what it is priced from, what happens in it.

use oddsengine_facts::command::{MODEL_INPUTS_MAX, PRICED_MARKETS_MAX, SPACES_MAX};
use oddsengine_facts::{
    Fact, FixtureRequest, GradedSelection, PricedMarket, Reason, Stop, StopSet, VoidKind,
};
use oddsengine_markets::{Format, Incident, LivePhase, ModelFault, SpaceDefinition};
use oddsengine_pricing::model::{ForeignProbabilities, MarketPrices, Parameters};
use oddsengine_types::{BoundsError, FixtureId, Grade, Odds};

use super::expectation::parameters_set;
use super::guard::fair_e9;
use super::out_of_bounds;
use crate::step::{Refusal, Step};

impl Step<'_> {
    pub(super) fn add_fixture(&mut self, request: &FixtureRequest) -> Result<(), Refusal> {
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
        if self.template_of(&request.format).is_none() {
            let detail = format!("the space of fixture {} is not defined", request.fixture);
            return Err((Reason::ValueOutOfBounds, detail));
        }
        let (count, count_max) = (self.fixtures.len() + 1, self.config.fixtures_max as usize);
        if count > count_max {
            return Err(out_of_bounds(BoundsError::outside("fixtures", count, 0, count_max)));
        }
        self.fact(Fact::FixtureAdded(Box::new(request.clone())));
        Ok(())
    }

    pub(super) fn define_space(&mut self, definition: &SpaceDefinition) -> Result<(), Refusal> {
        match self.spaces.get(&definition.id()) {
            Some(known) if known.definition == *definition => Ok(()),
            Some(_) => Err((
                Reason::AlreadyExists,
                format!("space {} exists with another definition", definition.name),
            )),
            None if self.spaces.len() == SPACES_MAX => {
                Err(out_of_bounds(BoundsError::outside("spaces", SPACES_MAX + 1, 0, SPACES_MAX)))
            }
            None => {
                definition.compile().map_err(out_of_bounds)?;
                self.fact(Fact::SpaceDefined(Box::new(definition.clone())));
                Ok(())
            }
        }
    }

    pub(super) fn set_prices(
        &mut self,
        id: FixtureId,
        prices: &[PricedMarket],
        by: &str,
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
        let (of_feed, parameters) = self.parameters_of_prices(index, &markets)?;
        self.tell_replaced(index, by);
        self.priced(index);
        let fixture = &self.fixtures[index];
        let before: Vec<(u16, Vec<u32>)> = match fixture.board.has_expectations {
            true => markets
                .iter()
                .map(|prices| prices.market as u16)
                .map(|market| (market, fair_e9(fixture, market)))
                .collect(),
            false => Vec::new(),
        };
        if let Some(expectation) = of_feed {
            self.fact(Fact::ExpectationSet { fixture: id, expectation: Some(Box::new(expectation)) });
        }
        self.fact(parameters_set(id, &parameters, by, "prices"));
        self.priced(index);
        self.stop_jump(index, &before);
        self.stop_moved(index, false);
        Ok(())
    }

    /// What the foreign model of a fixture computes from. Old prices do not outlive it.
    pub(super) fn set_model_inputs(
        &mut self,
        id: FixtureId,
        inputs: &[f64],
        by: &str,
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
        let probabilities = match &self.fixtures[index].parameters {
            Some(Parameters::Custom(foreign)) => foreign.probabilities.clone(),
            _ => Vec::new(),
        };
        let foreign = Parameters::Custom(ForeignProbabilities { inputs: inputs.to_vec(), probabilities });
        self.fact(parameters_set(id, &foreign, by, "model_inputs"));
        self.wait_for_model(index, None);
        Ok(())
    }

    pub(super) fn set_probabilities(
        &mut self,
        id: FixtureId,
        probabilities: &[f64],
        by: &str,
    ) -> Result<(), Refusal> {
        let index = self.foreign_fixture(id)?;
        let fixture = &self.fixtures[index];
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
                self.wait_for_model(index, Some(fault));
                return Err((
                    Reason::ValueOutOfBounds,
                    format!("the probabilities are refused: {}", fault.name()),
                ));
            }
        };
        let inputs = match &fixture.parameters {
            Some(Parameters::Custom(foreign)) => foreign.inputs.clone(),
            _ => Vec::new(),
        };
        let foreign = Parameters::Custom(ForeignProbabilities { inputs, probabilities });
        self.fact(parameters_set(id, &foreign, by, "probabilities"));
        self.stop_moved(index, false);
        let stops = self.fixtures[index].stops.set.without(StopSet::of(&[Stop::Model]));
        self.set_stops(index, stops, None);
        Ok(())
    }

    pub(super) fn model_failed(&mut self, id: FixtureId, fault: ModelFault) -> Result<(), Refusal> {
        let index = self.foreign_fixture(id)?;
        self.wait_for_model(index, Some(fault));
        Ok(())
    }

    /// Stops a fixture until its foreign model gives prices for the present state.
    fn wait_for_model(&mut self, index: usize, fault: Option<ModelFault>) {
        let stops = self.fixtures[index].stops.set.or(StopSet::of(&[Stop::Model]));
        self.set_stops(index, stops, fault);
    }

    fn foreign_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        let index = self.open_fixture(id)?;
        match self.fixtures[index].request.format {
            Format::Custom(_) => Ok(index),
            _ => Err((Reason::ValueOutOfBounds, format!("fixture {id} is priced by a model of its own"))),
        }
    }

    /// Prices a fixture now, and stops it while its model gives nothing.
    pub(super) fn reprice(&mut self, id: FixtureId) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        self.priced(index);
        Ok(())
    }

    /// Prices a fixture, so that a decision may read its prices. A model that gives none stops trading: prices of another
    /// state are not sold.
    pub(super) fn priced(&mut self, index: usize) {
        self.balance_books();
        self.price(index);
        let fixture = &self.fixtures[index];
        if !self.model_disagrees(fixture) {
            return;
        }
        let (id, stops, model) = (fixture.id(), fixture.stops.set, StopSet::of(&[Stop::Model]));
        if stops.has(Stop::Model) {
            return self.set_stops(index, stops.without(model), None);
        }
        let message = format!("fixture {id}: {}", ModelFault::Failed.sentence());
        self.alert("model_failed", Some(id), message);
        self.set_stops(index, stops.or(model), Some(ModelFault::Failed));
    }

    /// Something happened on the field of play.
    ///
    /// `is_numbered`: its source numbers its messages, and none is missing before it.
    pub(super) fn incident(
        &mut self,
        id: FixtureId,
        incident: &Incident,
        is_numbered: bool,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &self.fixtures[index];
        if fixture.void != VoidKind::Nothing {
            return Err((Reason::FixtureClosed, format!("fixture {id} is void")));
        }
        let (was_closed, phase_before) = (fixture.is_closed(), fixture.live.phase());
        let mut live = fixture.live.clone();
        let change = match live.apply(incident) {
            Ok(change) => change,
            Err(error) => {
                // The feed and we disagree: stop trading until they agree again, rather than trade on either.
                if phase_before != LivePhase::Finished {
                    self.stop(index, Stop::Contradiction);
                }
                return Err((Reason::OutOfSequence, error.to_string()));
            }
        };
        let phase = live.phase();
        let starts = (phase_before, phase) == (LivePhase::PreMatch, LivePhase::InPlay);
        // A goal and its cancellation within one bet delay are an interruption, though the score is as before.
        let interrupts = incident.interrupts() || live.score() != fixture.live.score();
        let is_reopened = was_closed && phase == LivePhase::InPlay;
        let waits_for_model = change.reprices && matches!(fixture.request.format, Format::Custom(_));
        let (stops_before, fault) = (fixture.stops.set, fixture.stops.model_fault);
        let lifted = match (incident.tells_score(), is_numbered) {
            (true, _) => StopSet::MISSED,
            // No number is missing and no score is told: nothing was lost while we did not hear.
            (false, true) if !stops_before.has(Stop::Gap) && !stops_before.has(Stop::Sequence) => {
                StopSet::of(&[Stop::Silence, Stop::Restart])
            }
            (false, _) => StopSet::default(),
        };
        let is_late = incident.starts_late_without_score()
            || (starts && stops_before.has(Stop::StartPassed) && !incident.tells_score());
        let mut stops = stops_before.without(lifted);
        if let Some(is_danger) = change.danger {
            let danger = StopSet::of(&[Stop::Danger]);
            stops = if is_danger { stops.or(danger) } else { stops.without(danger) };
        }
        if phase != LivePhase::PreMatch {
            stops = stops.without(StopSet::of(&[Stop::StartPassed, Stop::PriceJump]));
        }
        if waits_for_model {
            // Prices of the state before must not be taken; the model's answer follows.
            stops = stops.or(StopSet::of(&[Stop::Model]));
        }
        if is_reopened && !incident.tells_score() {
            stops = stops.or(StopSet::of(&[Stop::Restart]));
        }
        if is_late {
            stops = stops.or(StopSet::of(&[Stop::ScoreUnknown]));
        }
        self.fact(Fact::IncidentTaken { fixture: id, incident: Box::new(incident.clone()), interrupts });
        if change.regrades {
            stops = self.with_no_outcome(index, stops);
        }
        self.set_stops(index, stops, if waits_for_model { None } else { fault });
        if starts {
            self.return_to_model(index);
        }
        if change.regrades {
            self.regrade(index);
        }
        if change.reprices {
            self.stop_moved(index, incident.changes_chances());
        }
        if change.regrades {
            self.settle_regraded(index);
        }
        Ok(())
    }

    /// A state that allows nothing stops trading.
    fn with_no_outcome(&self, index: usize, stops: StopSet) -> StopSet {
        let no_outcome = StopSet::of(&[Stop::NoOutcome]);
        match self.fixtures[index].possible.is_contradictory() {
            true => stops.or(no_outcome),
            false => stops.without(no_outcome),
        }
    }

    /// A stop waits to be read, or no longer does.
    pub(super) fn halt(&mut self, id: FixtureId, ends: bool) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        match ends {
            false => self.stop(index, Stop::Halt),
            true => self.lift(index, StopSet::of(&[Stop::Halt])),
        }
        Ok(())
    }

    /// Sets a stop of a fixture, if it is new.
    pub(super) fn stop(&mut self, index: usize, stop: Stop) {
        let stops = self.fixtures[index].stops;
        self.set_stops(index, stops.set.or(StopSet::of(&[stop])), stops.model_fault);
    }

    /// Lifts stops of a fixture, if one was set.
    pub(super) fn lift(&mut self, index: usize, lifted: StopSet) {
        let stops = self.fixtures[index].stops;
        self.set_stops(index, stops.set.without(lifted), stops.model_fault);
    }

    /// Trading of a fixture stands still for these reasons from now on.
    pub(super) fn set_stops(&mut self, index: usize, stops: StopSet, model_fault: Option<ModelFault>) {
        let fixture = &self.fixtures[index];
        if (fixture.stops.set, fixture.stops.model_fault) != (stops, model_fault) {
            let fixture = fixture.id();
            self.fact(Fact::StopsChanged { fixture, stops, model_fault });
        }
    }

    /// Grades the selections of a fixture anew.
    pub(super) fn regrade(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        let (template, outcome) = (fixture.template(), fixture.final_outcome());
        let mut selections = Vec::new();
        for (market_index, market) in template.markets.iter().enumerate() {
            let told = fixture.told_grades.get(&(market_index as u16));
            for (slot, selection) in market.selections().enumerate() {
                let derived = match &outcome {
                    Some(outcome) => Some(template.grade(selection, outcome)),
                    None => template.decided_grade(selection, &fixture.live, &fixture.possible),
                };
                let by_result = told.map_or(derived, |grades| Some(grades[slot]));
                let grade = match fixture.void {
                    VoidKind::Nothing => by_result,
                    VoidKind::Undecided => Some(by_result.unwrap_or(Grade::VOID)),
                    VoidKind::Everything => Some(Grade::VOID),
                };
                if fixture.grades[selection] != grade {
                    selections.push(GradedSelection { selection: template.selection_id(selection), grade });
                }
            }
        }
        if !selections.is_empty() {
            let fixture = fixture.id();
            self.fact(Fact::Graded { fixture, selections });
        }
    }

    /// After what may have changed grades: who is settled, and who no longer is.
    pub(super) fn regrade_and_settle(&mut self, index: usize) {
        self.regrade(index);
        self.stop_moved(index, false);
        self.settle_regraded(index);
    }
}

#[cfg(test)]
mod tests {
    use oddsengine_facts::{Body, Command, Config, Origin};
    use oddsengine_markets::custom::{CustomState, SpaceMarket, SpaceSelection, SpaceView};
    use oddsengine_markets::{LiveState, SpaceId};

    use super::*;
    use crate::state::State;
    use crate::state::fixture::MarketStatus;

    fn state(format: Format) -> State {
        let definition = SpaceDefinition {
            name: "coin".into(),
            outcome_count: 2,
            views: vec![SpaceView { name: "side".into(), cell_of_outcome: vec![0, 1] }],
            markets: vec![SpaceMarket {
                key: "toss".into(),
                view: 0,
                winners: 1,
                selections: vec![SpaceSelection {
                    name: "heads".into(),
                    grades: vec![Grade::WON, Grade::LOST],
                }],
            }],
        };
        let request = FixtureRequest {
            fixture: FixtureId(1),
            format,
            competition: "cup".into(),
            start_ns: 0,
            home: "Alba".into(),
            away: "Bruma".into(),
            entrants: Vec::new(),
        };
        let mut state = State::new(Config::default()).unwrap();
        for body in [Body::DefineSpace(Box::new(definition)), Body::AddFixture(Box::new(request))] {
            let command = Command { time_ns: 1, origin: Origin::default(), body };
            Step::new(&mut state, &mut Vec::new(), 1).decide(&command);
        }
        state
    }

    fn step<T>(state: &mut State, act: impl FnOnce(&mut Step<'_>) -> T) -> T {
        act(&mut Step::new(state, &mut Vec::new(), 1))
    }

    // A model that gave nothing left the fixture open at the prices of the state before.
    #[test]
    fn a_model_that_gives_nothing_stops_and_shows_no_price() {
        let mut state = state(Format::FOOTBALL);
        state.fixtures[0].board.odds_e4.fill(20_000);
        state.fixtures[0].board.win.fill(0.5);
        let foreign = ForeignProbabilities { inputs: Vec::new(), probabilities: vec![0.5, 0.5] };
        state.fixtures[0].parameters = Some(Parameters::Custom(foreign));
        state.outdate_model(0);
        // Whoever has turns is told, before anybody asks for a price.
        state.price_changed();
        assert_eq!(state.model_checks(), [Body::Reprice { fixture: FixtureId(1) }]);
        step(&mut state, |step| step.priced(0));
        assert_eq!(state.model_checks(), []);
        let fixture = &state.fixtures[0];
        assert_eq!(fixture.stops.set.iter().collect::<Vec<_>>(), [Stop::Model]);
        assert_eq!(fixture.stops.model_fault, Some(ModelFault::Failed));
        assert_eq!(fixture.status(), MarketStatus::Suspended);
        assert!(fixture.board.odds_e4.iter().all(|&odds| odds == 0));
        // A refused ticket writes down what was fair: it was a number of whichever state had been priced before.
        assert!(fixture.board.win.iter().all(|&win| win == 0.0));
        // The same after a restart, and well again with the next parameters that give prices.
        let mut restored = State::restore(&state.snapshot()).unwrap();
        assert_eq!(restored.state_hash(), state.state_hash());
        let football = restored.derived.models.with_expectation(&Format::FOOTBALL, None, 0.2, 2.6).unwrap();
        restored.fixtures[0].parameters = Some(football);
        restored.outdate_model(0);
        step(&mut restored, |step| step.priced(0));
        assert!(!restored.fixtures[0].stops.any());
        assert!(restored.fixtures[0].board.odds_e4.iter().any(|&odds| odds > 0));
    }

    // Where no outcome was possible, every selection was graded as lost.
    #[test]
    fn a_state_that_allows_no_outcome_stops_and_grades_nothing() {
        let mut state = state(Format::Custom(SpaceId::of("coin")));
        let mut see = |possible| {
            state.fixtures[0].live =
                LiveState::Custom(CustomState { outcome_count: 2, possible, ..CustomState::default() });
            state.refresh_possible(0);
            step(&mut state, |step| {
                let stops = step.with_no_outcome(0, step.fixtures[0].stops.set);
                step.set_stops(0, stops, None);
                step.regrade(0);
            });
            (state.fixtures[0].stops, state.fixtures[0].grades.clone())
        };
        let (stops, grades) = see(vec![(0, 0)]);
        assert!(stops.has(Stop::NoOutcome));
        assert_eq!(grades, [None]);
        let (stops, grades) = see(vec![(0, 1)]);
        assert!(!stops.any());
        assert_eq!(grades, [Some(Grade::WON)]);
    }
}
