//! What happens during a fixture, for every sport: incidents in, live state, what is still possible, outcome.

use std::fmt;

use oddsengine_types::{codec_enum, codec_struct};

use crate::football::{FootballIncident, FootballOutcome, FootballState, Gate};
use crate::joint::SideMask;
use crate::template::Template;

/// How a fixture ended, or one way it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Football.
    Football(FootballOutcome),
}

/// Something that happened on the field of play, as a feed tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Football.
    Football(FootballIncident),
}
codec_enum!(Incident { 0 = Football(incident) });

/// The state of a fixture in play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// Football.
    Football(FootballState),
}
codec_enum!(LiveState { 0 = Football(state) });

/// Where a fixture stands, whatever the sport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LivePhase {
    /// Not started: bets are pre-match.
    #[default]
    PreMatch,
    /// Running or in a break: bets are in play and wait out the bet delay.
    InPlay,
    /// Over: the outcome is known.
    Finished,
}
codec_enum!(LivePhase { 0 = PreMatch, 1 = InPlay, 2 = Finished });

/// What an incident changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveChange {
    /// Prices depend on what changed.
    pub reprices: bool,
    /// What is still possible changed: selections may be decided, or no longer be.
    pub regrades: bool,
    /// Trading must stop at once (`Some(true)`) or may resume (`Some(false)`).
    pub danger: Option<bool>,
}

/// The score and clock at a moment, as evidence and for display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSummary {
    /// Score, home first.
    pub score: (u16, u16),
    /// Match clock.
    pub clock_ms: i64,
    /// Period in the sport's own words: `first_half`.
    pub period: String,
}
codec_struct!(LiveSummary { score, clock_ms, period });

/// An incident that does not fit the state. The fixture is suspended until the feed is consistent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentError {
    /// The incident cannot follow the present period.
    OutOfSequence {
        /// The incident.
        incident: String,
        /// The present period.
        period: String,
    },
    /// The feed's score after the incident is not ours: a message was lost.
    ScoreMismatch {
        /// The feed's score.
        reported: (u16, u16),
        /// Our score.
        expected: (u16, u16),
    },
    /// The incident belongs to another sport.
    AnotherSport,
    /// A value in it is out of bounds.
    OutOfBounds(String),
}

impl fmt::Display for IncidentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSequence { incident, period } => write!(f, "{incident} cannot happen in {period}"),
            Self::ScoreMismatch { reported: (a, b), expected: (x, y) } => {
                write!(f, "reported score {a}-{b} is not the expected {x}-{y}")
            }
            Self::AnotherSport => f.write_str("the incident belongs to another sport"),
            Self::OutOfBounds(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for IncidentError {}

/// What is still possible: per view the count of possible cells before each cell, and the joint space.
#[derive(Clone, Debug, Default)]
pub struct Possible {
    /// Per view: `before[i]` = number of possible cells before cell `i`; one longer than the view.
    pub before: Vec<Vec<u16>>,
    /// The possible main cells of the joint space, ascending.
    pub main: Vec<u16>,
    /// The possible side cells of the joint space.
    pub side: SideMask,
}

impl Possible {
    /// Fills every part from the gates of the views and the possible main cells.
    fn fill(
        &mut self,
        template: &Template,
        gate: impl Fn(u8) -> Gate,
        visit_main: impl FnOnce(&mut dyn FnMut(usize)),
    ) {
        self.before.resize(template.views.len(), Vec::new());
        for (view, (counts, definition)) in self.before.iter_mut().zip(&template.views).enumerate() {
            let gate = gate(view as u8);
            counts.clear();
            let mut count = 0;
            for cell in 0..definition.cell_count {
                counts.push(count);
                count += u16::from(gate.allows(cell));
            }
            counts.push(count);
            debug_assert!(count > 0, "view {} has no possible cell", definition.name);
        }
        self.main.clear();
        visit_main(&mut |cell| self.main.push(cell as u16));
        self.side = match template.joint.side_view {
            Some(view) => {
                let counts = &self.before[usize::from(view)];
                (0..counts.len() - 1)
                    .filter(|&cell| counts[cell + 1] > counts[cell])
                    .fold(0, |mask, cell| mask | 1 << cell)
            }
            None => 0,
        };
    }
}

impl LiveState {
    /// Before the start.
    pub fn new(sport: oddsengine_types::SportId) -> Self {
        match sport.0 {
            0 => Self::Football(FootballState::default()),
            other => panic!("sport {other} is not registered"),
        }
    }

    /// Applies an incident; on an error nothing has changed.
    ///
    /// # Errors
    /// The incident does not fit the state.
    pub fn apply(&mut self, incident: &Incident) -> Result<LiveChange, IncidentError> {
        match (self, incident) {
            (Self::Football(state), Incident::Football(incident)) => state.apply(incident),
        }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self {
            Self::Football(state) => state.phase(),
        }
    }

    /// The outcome: as it stands now, and final once the phase is [`LivePhase::Finished`].
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Football(state) => Outcome::Football(state.outcome()),
        }
    }

    /// Score, clock and period.
    pub fn summary(&self) -> LiveSummary {
        match self {
            Self::Football(state) => state.summary(),
        }
    }

    /// Score, home first.
    pub fn score(&self) -> (u16, u16) {
        match self {
            Self::Football(state) => state.score(),
        }
    }

    /// Match clock.
    pub fn clock_ms(&self) -> i64 {
        match self {
            Self::Football(state) => state.clock_ms,
        }
    }

    /// Fills `possible` with what can still happen.
    pub fn fill_possible(&self, template: &Template, possible: &mut Possible) {
        match self {
            Self::Football(state) => {
                possible.fill(template, |view| state.gate(view), |visit| state.visit_possible_main(visit));
            }
        }
    }
}
