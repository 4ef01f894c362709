//! Fixtures priced by foreign models: a command that leaves one waiting and the model's answer are one step.

use std::fmt;

use oddsengine_engine::{Body, Command, Fixture, MarketStatus, Origin, Stop, Stops};
use oddsengine_markets::{Format, Incident, LiveState, SpaceId};
use oddsengine_pricing::model::Parameters;
use oddsengine_types::{BoundsError, FixtureId};

use super::{Refusal, Route, Service};
use crate::foreign::ForeignModel;
use crate::journal::JournalError;

/// The source of what foreign models give.
const MODEL_SOURCE: &str = "model";

/// A model that is not registered, or whose first answers could not be journaled.
#[derive(Debug)]
pub enum RegisterModelError {
    /// The space is not defined, or not one that the model can fill.
    Space(BoundsError),
    /// The journal does not take what the model gave.
    Journal(JournalError),
}

impl fmt::Display for RegisterModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RegisterModelError {}

/// Whether trading stands still, why, and whether a price is there at all.
type Trading = Option<(MarketStatus, Stops, bool)>;

impl Service {
    /// Prices the fixtures of a space by a foreign model from now on, instead of the one registered before; those that
    /// wait for prices are priced at once, the others with their next state or inputs.
    ///
    /// # Errors
    /// The space is not defined, or has not the outcomes of an intensity's grid of scores; the journal does not take
    /// what the model gave.
    pub fn register_model(
        &mut self,
        space: &str,
        model: ForeignModel,
        now_ns: i64,
    ) -> Result<(), RegisterModelError> {
        let id = SpaceId::of(space);
        let Some(known) = self.engine.space(id) else {
            return Err(RegisterModelError::Space(BoundsError::new(format!("space {space} is not defined"))));
        };
        model.check_space(known.definition.outcome_count as usize).map_err(RegisterModelError::Space)?;
        self.models.insert(id, model);
        let of_space = |fixture: &&Fixture| fixture.request.format == Format::Custom(id);
        let fixtures: Vec<FixtureId> =
            self.engine.fixtures().iter().filter(of_space).map(Fixture::id).collect();
        for fixture in fixtures {
            let before = self.trading(fixture);
            if let Some(answer) = self.answer_of_model(fixture, 0, now_ns) {
                self.carry_out_answer(fixture, before, &answer).map_err(RegisterModelError::Journal)?;
            }
        }
        Ok(())
    }

    /// A foreign model is registered: a message may call it.
    pub fn has_models(&self) -> bool {
        !self.models.is_empty()
    }

    /// The fixture that a command may leave waiting for a model which is registered.
    pub(super) fn asks_model(&self, command: &Command) -> Option<FixtureId> {
        let fixture = match &command.body {
            Body::SetModelInputs { fixture, .. }
            | Body::Incident { fixture, incident: Incident::Custom(_) } => *fixture,
            _ => return None,
        };
        let Format::Custom(space) = self.engine.fixture(fixture)?.request.format else { return None };
        self.models.contains_key(&space).then_some(fixture)
    }

    /// A command and the answer of the model to what it changed. No frame leaves in between, so trading is told as
    /// it stands afterwards: a model that answers in time suspends nobody.
    pub(super) fn run_with_model(
        &mut self,
        fixture: FixtureId,
        command: &Command,
        route: Option<&Route>,
    ) -> Result<Option<Refusal>, JournalError> {
        let before = self.trading(fixture);
        let refusal = self.carry_out(command, route, Some(fixture))?;
        match self.answer_of_model(fixture, command.origin.source_ns, command.time_ns) {
            Some(answer) => self.carry_out_answer(fixture, before, &answer)?,
            None => self.tell_trading(fixture, before, command),
        }
        Ok(refusal)
    }

    fn carry_out_answer(
        &mut self,
        fixture: FixtureId,
        before: Trading,
        answer: &Command,
    ) -> Result<(), JournalError> {
        let result = self.carry_out(answer, None, Some(fixture));
        debug_assert!(!matches!(result, Ok(Some(_))), "the answer was checked before: {result:?}");
        self.tell_trading(fixture, before, answer);
        if let Body::ModelFailed { fault, .. } = answer.body
            && before.is_none_or(|(_, stops, _)| stops.model_fault != Some(fault))
        {
            let message = format!("fixture {fixture} is suspended: {}", fault.name());
            self.alert("model_failed", &message, Some(fixture), answer.time_ns);
        }
        result.map(drop)
    }

    fn trading(&self, fixture: FixtureId) -> Trading {
        self.engine
            .fixture(fixture)
            .map(|fixture| (fixture.told_status(), fixture.stops, fixture.has_no_price()))
    }

    fn tell_trading(&mut self, fixture: FixtureId, before: Trading, cause: &Command) {
        if self.trading(fixture) != before {
            self.send_trading(fixture, cause);
        }
    }

    /// What the model says of a fixture that waits for it, as the next command.
    fn answer_of_model(&self, fixture: FixtureId, source_ns: i64, now_ns: i64) -> Option<Command> {
        let known = self.engine.fixture(fixture)?;
        let (Format::Custom(space), LiveState::Custom(state)) = (&known.request.format, &known.live) else {
            return None;
        };
        let Some(Parameters::Custom(foreign)) = &known.parameters else { return None };
        if !known.stops.has(Stop::Model) || known.is_closed() {
            return None;
        }
        // Checked here and by the engine: a fault is journaled as a fault, not as numbers that nobody can use.
        let main = &known.possible.main;
        let body = match self.models.get(space)?.checked(&foreign.inputs, state, main) {
            Ok(probabilities) => Body::SetProbabilities { fixture, probabilities },
            Err(fault) => Body::ModelFailed { fixture, fault },
        };
        let origin = Origin { source: MODEL_SOURCE.into(), source_ns, ..Origin::default() };
        Some(Command { time_ns: now_ns, origin, body })
    }
}
