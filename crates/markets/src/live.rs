//! What happens during a fixture, for every sport: incidents in, live state, what is still possible, outcome.

use std::fmt;

use oddsengine_types::{codec_enum, codec_struct};

use crate::custom::{CustomIncident, CustomOutcome, CustomState};
use crate::football::{FootballIncident, FootballOutcome, FootballState};
use crate::format::Format;
use crate::joint::{CellSet, ViewMap};
use crate::racing::{RacingIncident, RacingOutcome, RacingState};
use crate::template::Template;
use crate::tennis::{TennisGates, TennisIncident, TennisOutcome, TennisState};

/// How a fixture ended, or one way it could.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one at a time, on the stack: a box would cost more than it saves
pub enum Outcome {
    /// Football.
    Football(FootballOutcome),
    /// A space that was defined as data.
    Custom(CustomOutcome),
    /// Tennis.
    Tennis(Box<TennisOutcome>),
    /// Racing.
    Racing(RacingOutcome),
}

/// Something that happened on the field of play, as a feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Football.
    Football(FootballIncident),
    /// A space that was defined as data.
    Custom(CustomIncident),
    /// Tennis.
    Tennis(TennisIncident),
    /// Racing.
    Racing(RacingIncident),
}
codec_enum!(Incident { 0 = Football(incident), 1 = Custom(incident), 2 = Tennis(incident), 3 = Racing(incident) });

impl Incident {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Football(incident) => incident.kind.name(),
            Self::Custom(_) => "state",
            Self::Tennis(incident) => incident.kind.name(),
            Self::Racing(incident) => incident.name(),
        }
    }

    /// The incident says what the whole score is after it, so that a lost one is noticed; of a race its result.
    pub fn tells_score(&self) -> bool {
        match self {
            Self::Football(incident) => incident.score_after.is_some(),
            Self::Custom(_) => true,
            Self::Racing(incident) => matches!(
                incident,
                RacingIncident::Result(_)
                    | RacingIncident::Official
                    | RacingIncident::Amended(_)
                    | RacingIncident::Void
            ),
            Self::Tennis(incident) => {
                use crate::tennis::TennisIncidentKind as Kind;
                let told = incident.score_after;
                // A game that is over leaves no points.
                let has_points = told.points.is_some() || matches!(incident.kind, Kind::Game(_));
                matches!(incident.kind, Kind::Score(_))
                    || (told.sets.is_some() && told.games.is_some() && has_points)
            }
        }
    }

    /// Danger on the field of play: trading stops with it.
    pub fn is_danger(&self) -> bool {
        match self {
            Self::Custom(incident) => incident.danger == Some(true),
            incident => incident.name() == "danger",
        }
    }

    /// Bets that wait are not decided across it, also where the score is as before: cards, corrections, the end of a half.
    pub fn interrupts(&self) -> bool {
        use crate::football::FootballIncidentKind as Football;
        use crate::tennis::TennisIncidentKind as Tennis;
        match self {
            Self::Football(incident) => matches!(
                incident.kind,
                Football::RedCard(_)
                    | Football::RedCardCancelled(_)
                    | Football::Correction(_)
                    | Football::HalfTime
                    | Football::SecondHalf
                    | Football::FullTime
            ),
            Self::Tennis(incident) => matches!(
                incident.kind,
                Tennis::PointCancelled(_)
                    | Tennis::Score(_)
                    | Tennis::Retired(_)
                    | Tennis::RetirementCancelled
            ),
            Self::Custom(_) | Self::Racing(_) => false,
        }
    }

    /// It changes the chances of the sides by more than time does: where no model says by how much, a price that was made
    /// before it cannot stand.
    pub fn changes_chances(&self) -> bool {
        use crate::football::FootballIncidentKind as Football;
        use crate::tennis::TennisIncidentKind as Tennis;
        match self {
            Self::Football(incident) => matches!(
                incident.kind,
                Football::Goal(_)
                    | Football::GoalCancelled(_)
                    | Football::RedCard(_)
                    | Football::RedCardCancelled(_)
                    | Football::Correction(_)
            ),
            Self::Tennis(incident) => {
                !matches!(incident.kind, Tennis::Start(_) | Tennis::Danger | Tennis::Safe)
            }
            Self::Racing(incident) => !matches!(
                incident,
                RacingIncident::Off
                    | RacingIncident::Recalled
                    | RacingIncident::Danger
                    | RacingIncident::Safe
            ),
            Self::Custom(_) => true,
        }
    }

    /// The fixture is told to have started some time ago, and not with which score.
    pub fn starts_late_without_score(&self) -> bool {
        match self {
            Self::Football(incident) => {
                incident.kind == crate::football::FootballIncidentKind::KickOff
                    && incident.score_after.is_none()
                    && incident.clock_ms > LATE_START_MS
            }
            _ => false,
        }
    }
}

/// A start that is told with a later match clock than this was missed.
pub const LATE_START_MS: i64 = 120_000;

/// The state of a fixture in play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// Football.
    Football(FootballState),
    /// A space that was defined as data.
    Custom(CustomState),
    /// Tennis.
    Tennis(Box<TennisState>),
    /// Racing.
    Racing(RacingState),
}
codec_enum!(LiveState { 0 = Football(state), 1 = Custom(state), 2 = Tennis(state), 3 = Racing(state) });

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
    /// Per loose view of the joint space, in the order of the views: its possible cells.
    pub loose: Vec<CellSet>,
    /// The possible main cells of the joint space, ascending.
    pub main: Vec<u16>,
}

impl Possible {
    /// Fills every part from the cells that the views allow and the possible main cells.
    fn fill(
        &mut self,
        template: &Template,
        allows: impl Fn(u8) -> CellSet,
        visit_main: impl FnOnce(&mut dyn FnMut(usize)),
    ) {
        self.before.resize(template.views.len(), Vec::new());
        self.loose.clear();
        for (view, (counts, definition)) in self.before.iter_mut().zip(&template.views).enumerate() {
            let allowed = allows(view as u8);
            counts.clear();
            let mut count = 0;
            for cell in 0..definition.cell_count {
                counts.push(count);
                count += u16::from(allowed.contains(cell));
            }
            counts.push(count);
            if matches!(template.joint.maps[view], ViewMap::Loose { .. }) {
                self.loose.push(allowed);
            }
        }
        self.main.clear();
        visit_main(&mut |cell| self.main.push(cell as u16));
    }

    /// No outcome is possible, or a view has no possible cell: the state contradicts itself, and nothing can be graded.
    pub fn is_contradictory(&self) -> bool {
        self.main.is_empty() || self.before.iter().any(|counts| counts.last().is_none_or(|&count| count == 0))
    }

    /// Whether a cell of a view is possible.
    #[inline]
    pub fn has(&self, view: u8, cell: usize) -> bool {
        let before = &self.before[usize::from(view)];
        before[cell + 1] > before[cell]
    }
}

impl LiveState {
    /// Before the start.
    pub fn new(format: &Format, template: &Template) -> Self {
        match format {
            Format::Football(format) => Self::Football(FootballState::new(*format)),
            Format::Custom(_) => Self::Custom(CustomState::new(template)),
            Format::Tennis(format) => Self::Tennis(Box::new(TennisState::new(*format))),
            Format::Racing(format) => Self::Racing(RacingState::new(format)),
        }
    }

    /// Whether a fixture of this format can be in this state: one that was read from bytes may not.
    pub fn fits(&self, format: &Format, template: &Template) -> bool {
        match (self, format) {
            (Self::Custom(state), Format::Custom(_)) => state.fits(template),
            (Self::Football(state), Format::Football(format)) => state.format == *format,
            (Self::Tennis(state), Format::Tennis(format)) => state.format == *format,
            (Self::Racing(state), Format::Racing(format)) => state.format == *format,
            _ => false,
        }
    }

    /// The same state of a fixture of this format, where it is one of that sport: what it has of the format is the format's.
    pub fn of_format(self, format: &Format) -> Self {
        match (self, format) {
            (Self::Football(state), Format::Football(format)) => {
                Self::Football(FootballState { format: *format, ..state })
            }
            (Self::Tennis(state), Format::Tennis(format)) => {
                Self::Tennis(Box::new(TennisState { format: *format, ..*state }))
            }
            (Self::Racing(state), Format::Racing(format)) => {
                Self::Racing(RacingState { format: *format, ..state })
            }
            (state, _) => state,
        }
    }

    /// Every value is one that incidents can lead to: one that was read from a record may not be.
    pub fn is_within_bounds(&self) -> bool {
        match self {
            Self::Football(state) => state.is_within_bounds(),
            Self::Tennis(state) => state.is_within_bounds(),
            Self::Racing(state) => state.is_within_bounds(),
            // Looked at against its space.
            Self::Custom(_) => true,
        }
    }

    /// The state of a football match, if it is one.
    pub fn football(&self) -> Option<FootballState> {
        match self {
            Self::Football(state) => Some(*state),
            _ => None,
        }
    }

    /// Applies an incident; on an error nothing has changed.
    ///
    /// # Errors
    /// The incident does not fit the state.
    pub fn apply(&mut self, incident: &Incident) -> Result<LiveChange, IncidentError> {
        match (self, incident) {
            (Self::Football(state), Incident::Football(incident)) => state.apply(incident),
            (Self::Custom(state), Incident::Custom(incident)) => state.apply(incident),
            (Self::Tennis(state), Incident::Tennis(incident)) => state.apply(incident),
            (Self::Racing(state), Incident::Racing(incident)) => state.apply(incident),
            _ => Err(IncidentError::AnotherSport),
        }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self {
            Self::Football(state) => state.phase(),
            Self::Custom(state) => state.phase,
            Self::Tennis(state) => state.phase(),
            Self::Racing(state) => state.phase(),
        }
    }

    /// The outcome: as it stands now, and final once the phase is [`LivePhase::Finished`].
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Football(state) => Outcome::Football(state.outcome()),
            Self::Custom(state) => Outcome::Custom(state.outcome()),
            Self::Tennis(state) => Outcome::Tennis(Box::new(state.outcome())),
            Self::Racing(state) => Outcome::Racing(state.outcome()),
        }
    }

    /// Score, clock and period.
    pub fn summary(&self) -> LiveSummary {
        match self {
            Self::Football(state) => state.summary(),
            Self::Custom(state) => state.summary(),
            Self::Tennis(state) => state.summary(),
            Self::Racing(state) => state.summary(),
        }
    }

    /// Score, home first.
    pub fn score(&self) -> (u16, u16) {
        match self {
            Self::Football(state) => state.score(),
            Self::Custom(state) => state.score,
            Self::Tennis(state) => state.score(),
            Self::Racing(_) => (0, 0),
        }
    }

    /// Match clock.
    pub fn clock_ms(&self) -> i64 {
        match self {
            Self::Football(state) => state.clock_ms,
            Self::Custom(state) => state.clock_ms,
            Self::Tennis(state) => state.clock_ms,
            Self::Racing(_) => 0,
        }
    }

    /// Fills `possible` with what can still happen.
    pub fn fill_possible(&self, template: &Template, possible: &mut Possible) {
        let cell_count = |view: u8| template.views[usize::from(view)].cell_count;
        match self {
            Self::Football(state) => {
                let views = state.format.views();
                let allows = |view: u8| state.possible_cells(views[usize::from(view)]);
                possible.fill(template, allows, |visit| state.visit_possible_main(visit));
            }
            Self::Racing(state) => {
                let views = state.format.views();
                let allows = |view: u8| {
                    let of = views[usize::from(view)];
                    CellSet::from_cells((0..cell_count(view)).filter(|&cell| state.allows(of, cell)))
                };
                possible.fill(template, allows, |visit| state.visit_possible_main(visit));
            }
            Self::Custom(state) => {
                let allows = |view| {
                    let mut cells = CellSet::default();
                    if let ViewMap::Exact(cell_of) = template.joint.map(view) {
                        state.visit_possible_main(&mut |main| cells.insert(cell_of[main].into()));
                    }
                    cells
                };
                possible.fill(template, allows, |visit| state.visit_possible_main(visit));
            }
            Self::Tennis(state) => {
                let gates = TennisGates::new(&state.format, &state.score);
                let visit_main = |visit: &mut dyn FnMut(usize)| state.visit_possible_main(&gates, visit);
                possible.fill(template, |view| gates.view(view), visit_main);
            }
        }
    }
}
