//! A race from the first price to the amended result: incidents in, what is still possible out.

use oddsengine_types::{BoundsError, Decode, DecodeError, Encode, Reader, codec_enum};

use super::{
    Frame, RUNNERS_MAX, RacingFormat, RacingOutcome, RacingRule, RacingView, RunnerSet, runner_name,
};
use crate::live::{IncidentError, LiveChange, LivePhase, LiveSummary};

/// Where the race stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RaceStage {
    /// Before the off.
    #[default]
    BeforeOff,
    /// Running.
    Running,
    /// Over; the result is not official yet.
    Result,
    /// The result is official: weighed in.
    Official,
    /// Abandoned or declared void.
    Void,
}
codec_enum!(RaceStage { 0 = BeforeOff, 1 = Running, 2 = Result, 3 = Official, 4 = Void });

impl RaceStage {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeOff => "before_off",
            Self::Running => "running",
            Self::Result => "result",
            Self::Official => "official",
            Self::Void => "void",
        }
    }
}

/// What happened. Runners are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RacingIncident {
    /// A runner will not start.
    Withdrawn(u8),
    /// A runner that was withdrawn starts after all.
    Reinstated(u8),
    /// The race starts: trading stops.
    Off,
    /// A false start: the race has not started after all, and trading may resume.
    Recalled,
    /// The runners have finished in these positions, which may still change; see [`RacingOutcome::positions`].
    Result([u8; RUNNERS_MAX]),
    /// The result is official, and bets are paid.
    Official,
    /// The stewards change an official result, or restore a race that was void: the positions that now stand.
    Amended([u8; RUNNERS_MAX]),
    /// The race is abandoned or declared void.
    Void,
    /// Trading stops: a runner is loose, a start is delayed.
    Danger,
    /// Trading may resume.
    Safe,
}
codec_enum!(RacingIncident {
    0 = Withdrawn(runner), 1 = Reinstated(runner), 2 = Off, 3 = Recalled, 4 = Result(positions), 5 = Official,
    6 = Amended(positions), 7 = Void, 8 = Danger, 9 = Safe,
});

impl RacingIncident {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Withdrawn(_) => "withdrawn",
            Self::Reinstated(_) => "reinstated",
            Self::Off => "off",
            Self::Recalled => "recalled",
            Self::Result(_) => "result",
            Self::Official => "official",
            Self::Amended(_) => "amended",
            Self::Void => "void",
            Self::Danger => "danger",
            Self::Safe => "safe",
        }
    }
}

/// The state of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RacingState {
    /// The race.
    pub format: RacingFormat,
    /// Where it stands.
    pub stage: RaceStage,
    /// Runners that do not start.
    pub withdrawn: RunnerSet,
    /// Finishing positions, once there is a result; see [`RacingOutcome::positions`].
    pub positions: [u8; RUNNERS_MAX],
}

impl Encode for RacingState {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.format, self.stage, self.withdrawn, self.positions).encode(out);
    }
}

impl Decode for RacingState {
    /// A state that no incidents lead to is refused: its format and its positions index tables.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (format, stage, withdrawn, positions): (RacingFormat, _, RunnerSet, [u8; RUNNERS_MAX]) =
            Decode::decode(input)?;
        let state = Self { format, stage, withdrawn, positions };
        let is_known = state.knows_withdrawn();
        let checked = state.check_result();
        match checked {
            Ok(()) if is_known => Ok(state),
            Ok(()) => Err(input.error(format!("withdrawn runners {:b} are not of the race", withdrawn.bits))),
            Err(error) => Err(input.error(error.to_string())),
        }
    }
}

const REGRADE: LiveChange = LiveChange { reprices: true, regrades: true, danger: None };
const STOP: LiveChange = LiveChange { reprices: false, regrades: false, danger: Some(true) };
const RESUME: LiveChange = LiveChange { reprices: false, regrades: false, danger: Some(false) };

impl RacingState {
    /// Every value is one that incidents can lead to: one that was read from bytes may not be.
    pub fn is_within_bounds(&self) -> bool {
        self.knows_withdrawn() && self.check_result().is_ok()
    }

    fn knows_withdrawn(&self) -> bool {
        let Self { format, withdrawn, .. } = self;
        withdrawn.bits >> format.runner_count.min(63) == 0 && withdrawn.len() < format.runners()
    }

    fn check_result(&self) -> Result<(), BoundsError> {
        let has_result = self.positions.iter().any(|&position| position > 0);
        self.format.check().and_then(|()| if has_result { self.outcome().check() } else { Ok(()) })
    }

    /// Before the off, with all runners.
    pub fn new(format: &RacingFormat) -> Self {
        Self {
            format: *format,
            stage: RaceStage::BeforeOff,
            withdrawn: RunnerSet::default(),
            positions: [0; RUNNERS_MAX],
        }
    }

    /// Applies an incident; on an error nothing has changed.
    ///
    /// # Errors
    /// The incident does not fit the stage, names a runner that is not in the race, leaves nobody to start, or brings
    /// positions that cannot be.
    pub fn apply(&mut self, incident: &RacingIncident) -> Result<LiveChange, IncidentError> {
        let mut next = *self;
        let change = next.step(incident)?;
        let is_stale = *self == next && change.danger.is_none();
        *self = next;
        Ok(if is_stale { LiveChange::default() } else { change })
    }

    fn step(&mut self, incident: &RacingIncident) -> Result<LiveChange, IncidentError> {
        use RaceStage as Stage;
        match (*incident, self.stage) {
            (RacingIncident::Withdrawn(runner), stage) if stage != Stage::Void => self.withdraw(runner),
            (RacingIncident::Reinstated(runner), stage) if stage != Stage::Void => {
                self.withdrawn = self.withdrawn.without(self.declared(runner)?);
                Ok(REGRADE)
            }
            (RacingIncident::Off, Stage::BeforeOff) => {
                self.stage = Stage::Running;
                Ok(STOP)
            }
            (RacingIncident::Recalled, Stage::Running) => {
                self.stage = Stage::BeforeOff;
                Ok(RESUME)
            }
            (RacingIncident::Result(positions), Stage::Running | Stage::Result) => {
                self.place(positions)?;
                self.stage = Stage::Result;
                Ok(LiveChange { reprices: true, ..STOP })
            }
            (RacingIncident::Official, Stage::Result) => {
                self.stage = Stage::Official;
                Ok(REGRADE)
            }
            (RacingIncident::Amended(positions), Stage::Official | Stage::Void) => {
                self.place(positions)?;
                self.stage = Stage::Official;
                Ok(REGRADE)
            }
            (RacingIncident::Void, _) => {
                self.stage = Stage::Void;
                Ok(REGRADE)
            }
            (RacingIncident::Danger, Stage::BeforeOff | Stage::Running) => Ok(STOP),
            (RacingIncident::Safe, _) => Ok(RESUME),
            _ => Err(IncidentError::OutOfSequence {
                incident: incident.name().to_string(),
                period: self.stage.name().to_string(),
            }),
        }
    }

    fn withdraw(&mut self, runner: u8) -> Result<LiveChange, IncidentError> {
        let runner = self.declared(runner)?;
        let withdrawn = self.withdrawn.with(runner);
        if self.positions[runner] > 0 {
            let what = format!("{} has position {}", runner_name(runner), self.positions[runner]);
            return Err(IncidentError::OutOfBounds(what));
        }
        if withdrawn.len() == self.format.runners() {
            return Err(IncidentError::OutOfBounds(format!("{} is the last runner", runner_name(runner))));
        }
        self.withdrawn = withdrawn;
        Ok(REGRADE)
    }

    fn place(&mut self, positions: [u8; RUNNERS_MAX]) -> Result<(), IncidentError> {
        self.positions = positions;
        self.outcome().check().map_err(|error| IncidentError::OutOfBounds(error.to_string()))
    }

    fn declared(&self, runner: u8) -> Result<usize, IncidentError> {
        let runner = usize::from(runner);
        if runner < self.format.runners() {
            return Ok(runner);
        }
        let what = format!("{} is outside r1..=r{}", runner_name(runner), self.format.runners());
        Err(IncidentError::OutOfBounds(what))
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self.stage {
            RaceStage::BeforeOff => LivePhase::PreMatch,
            RaceStage::Running | RaceStage::Result => LivePhase::InPlay,
            RaceStage::Official | RaceStage::Void => LivePhase::Finished,
        }
    }

    /// The outcome: no positions before there is a result, final once the phase is [`LivePhase::Finished`].
    pub fn outcome(&self) -> RacingOutcome {
        RacingOutcome {
            runner_count: self.format.runner_count,
            positions: self.positions,
            withdrawn: self.withdrawn,
            is_void: self.stage == RaceStage::Void,
        }
    }

    /// The stage. A race has no score, and its clock is not followed.
    pub fn summary(&self) -> LiveSummary {
        LiveSummary { score: (0, 0), clock_ms: 0, period: self.stage.name().to_string() }
    }

    /// Runners that start, or will as far as is known.
    pub fn starters(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let withdrawn = self.withdrawn;
        (0..self.format.runners()).filter(move |&runner| !withdrawn.contains(runner))
    }

    /// A selection is void already: it needs a runner that does not start, or only one does.
    pub fn voids(&self, rule: &RacingRule) -> bool {
        rule.is_void(&self.outcome())
    }

    /// Whether a cell of a view, by its index, is still possible. A dead heat leaves all its cells possible.
    ///
    /// Before the result is official everybody who starts can finish anywhere, or not at all; a result that is not
    /// official may change.
    pub fn allows(&self, view: RacingView, cell: usize) -> bool {
        let is_open = self.stage < RaceStage::Official;
        match view {
            RacingView::Position(_) if is_open && cell == self.format.depth() => true,
            // With two starters a faller voids what both would decide.
            RacingView::Forecast if is_open && self.starters().count() <= 2 => true,
            RacingView::Match(a, b) if is_open => {
                let [a, b] = [a, b].map(|runner| self.withdrawn.contains(runner.into()));
                if cell == 0 { b || !a } else { a || !b }
            }
            _ => self.format.cell_is_possible(view, cell, &self.can_be()),
        }
    }

    /// Visits the main cells of the joint space that are still possible, ascending.
    pub fn visit_possible_main(&self, visit: &mut dyn FnMut(usize)) {
        let can_be = self.can_be();
        self.format.for_each_main(&mut |cell, frame: Frame| {
            if frame
                .named()
                .all(|(runner, first, last)| (first..=last).any(|position| can_be(runner, position)))
            {
                visit(cell);
            }
        });
    }

    /// Which runner can finish in which position, counted from 0. Positions that the runners left cannot fill are filled
    /// by those that are not in the race any more, so that every view and the joint space keep a possible cell.
    fn can_be(&self) -> impl Fn(usize, usize) -> bool + use<> {
        let (outcome, stage, withdrawn) = (self.outcome(), self.stage, self.withdrawn);
        let filled = match stage {
            RaceStage::Official => outcome.finisher_count(),
            _ => outcome.starter_count(),
        };
        let spans: [Option<(usize, usize)>; RUNNERS_MAX] = std::array::from_fn(|runner| outcome.span(runner));
        move |runner: usize, position: usize| match stage {
            RaceStage::Void => true,
            RaceStage::Official => match spans[runner] {
                Some((first, last)) => (first..=last).contains(&(position + 1)),
                None => position >= filled,
            },
            _ => withdrawn.contains(runner) == (position >= filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::racing::RaceKind;
    use RacingIncident as Incident;

    fn positions(order: &[u8]) -> [u8; RUNNERS_MAX] {
        let mut positions = [0; RUNNERS_MAX];
        positions[..order.len()].copy_from_slice(order);
        positions
    }

    fn six_dogs() -> RacingState {
        RacingState::new(&RacingFormat::standard(RaceKind::Greyhound, 6, false))
    }

    #[test]
    fn a_race_from_the_first_price_to_the_amended_result() {
        let mut state = six_dogs();
        let mut phases = Vec::new();
        for incident in [
            Incident::Withdrawn(4),
            Incident::Off,
            Incident::Recalled,
            Incident::Off,
            Incident::Result(positions(&[1, 2, 3, 4, 0, 5])),
            Incident::Result(positions(&[1, 1, 3, 4, 0, 5])),
            Incident::Official,
            Incident::Amended(positions(&[2, 1, 3, 4, 0, 5])),
        ] {
            state.apply(&incident).unwrap();
            phases.push(state.phase());
        }
        use LivePhase::{Finished, InPlay, PreMatch};
        assert_eq!(phases, [PreMatch, InPlay, PreMatch, InPlay, InPlay, InPlay, Finished, Finished]);
        assert_eq!(state.outcome().span(1), Some((1, 1)));
        assert_eq!(state.apply(&Incident::Withdrawn(4)).unwrap(), LiveChange::default());
        state.apply(&Incident::Void).unwrap();
        assert!(state.outcome().is_void);
        state.apply(&Incident::Amended(positions(&[1, 2, 3, 4, 0, 5]))).unwrap();
        assert!(!state.outcome().is_void);
    }

    #[test]
    fn an_incident_that_does_not_fit_changes_nothing() {
        let mut state = six_dogs();
        let before = state;
        let refused =
            |state: &mut RacingState, incident: Incident| state.apply(&incident).unwrap_err().to_string();
        assert_eq!(refused(&mut state, Incident::Official), "official cannot happen in before_off");
        assert_eq!(refused(&mut state, Incident::Recalled), "recalled cannot happen in before_off");
        assert_eq!(refused(&mut state, Incident::Withdrawn(6)), "r7 is outside r1..=r6");
        assert_eq!(state, before);
        for runner in 0..5 {
            state.apply(&Incident::Withdrawn(runner)).unwrap();
        }
        assert_eq!(refused(&mut state, Incident::Withdrawn(5)), "r6 is the last runner");
        let mut state = before;
        state.apply(&Incident::Withdrawn(0)).unwrap();
        state.apply(&Incident::Off).unwrap();
        let result = |order: &[u8]| Incident::Result(positions(order));
        assert_eq!(refused(&mut state, result(&[1, 2, 3, 4, 5, 6])), "r1 is withdrawn and has position 1");
        assert_eq!(refused(&mut state, result(&[0, 1, 1, 2, 5, 4])), "r4 has position 2 behind 2 runners");
        assert_eq!(refused(&mut state, result(&[])), "a result has no finisher");
        assert_eq!(
            refused(&mut state, result(&[0, 1, 2, 3, 4, 5, 6])),
            "a position is given to more than 6 runners"
        );
        assert_eq!(state.stage, RaceStage::Running);
        state.apply(&result(&[0, 1, 2, 3, 4, 5])).unwrap();
        assert_eq!(refused(&mut state, Incident::Withdrawn(1)), "r2 has position 1");
    }
}
