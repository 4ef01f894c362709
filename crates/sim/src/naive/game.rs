//! A fixture in play, whatever the sport: what happened, and every way it can still end.

use oddsengine_markets::{Format, Incident, LiveChange, LivePhase, SpaceDefinition};
use oddsengine_types::Grade;

use super::{Match, Race, Table, TennisMatch};
use crate::outcomes::{Grades, Space};

/// A fixture so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Game {
    /// A list of goals.
    Football(Match),
    /// Sets, and a list of games in each.
    Tennis(TennisMatch),
    /// A list of runners.
    Race(Race),
    /// A table of outcomes.
    Table(Table),
}

/// What a game lists of the ways in which it can still end.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Per slot: the grade, if it is the same however the game ends.
    pub decided: Vec<Option<Grade>>,
    /// The grades on every outcome that limits are judged on.
    pub endings: Vec<Grades>,
}

impl Game {
    /// Before the start. `definition`: of a format that is data.
    ///
    /// # Panics
    /// The format is data and has no definition.
    pub fn new(format: &Format, definition: Option<&SpaceDefinition>) -> Self {
        match format {
            Format::Football(_) => Self::Football(Match::default()),
            Format::Tennis(format) => Self::Tennis(TennisMatch::new(*format)),
            Format::Racing(format) => Self::Race(Race::new(format.runner_count)),
            Format::Custom(_) => {
                let definition = definition.expect("a fixture of a space has its definition");
                Self::Table(Table::new(definition.outcome_count as u16))
            }
        }
    }

    /// Applies an incident; `None` when it does not fit, and nothing has changed.
    pub fn apply(&mut self, incident: &Incident) -> Option<LiveChange> {
        match (self, incident) {
            (Self::Football(game), Incident::Football(incident)) => game.apply(incident),
            (Self::Tennis(game), Incident::Tennis(incident)) => game.apply(incident),
            (Self::Race(race), Incident::Racing(incident)) => race.apply(incident),
            (Self::Table(table), Incident::Custom(incident)) => table.apply(incident),
            _ => None,
        }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self {
            Self::Football(game) => game.phase(),
            Self::Tennis(game) => game.phase(),
            Self::Race(race) => race.phase(),
            Self::Table(table) => table.phase,
        }
    }

    /// It has ended.
    pub fn is_over(&self) -> bool {
        self.phase() == LivePhase::Finished
    }

    /// Home and away, as the sport counts.
    pub fn score(&self) -> (u16, u16) {
        match self {
            Self::Football(game) => game.score(),
            Self::Tennis(game) => game.sets_won(),
            Self::Race(_) => (0, 0),
            Self::Table(table) => table.score,
        }
    }

    /// The clock.
    pub fn clock_ms(&self) -> i64 {
        match self {
            Self::Football(game) => game.clock_ms,
            Self::Tennis(game) => game.clock_ms,
            Self::Race(_) => 0,
            Self::Table(table) => table.clock_ms,
        }
    }

    /// Whoever bet `then` and waits did not bet on what is there now: the score is another one, or the play since is not
    /// the play that was going on.
    ///
    /// # Panics
    /// The games are of different sports.
    pub fn is_interrupted_since(&self, then: &Self) -> bool {
        let broke_off = match (self, then) {
            (Self::Football(now), Self::Football(then)) => now.broke_off_since(then),
            (Self::Tennis(now), Self::Tennis(then)) => now.broke_off_since(then),
            (Self::Race(_), Self::Race(_)) | (Self::Table(_), Self::Table(_)) => false,
            _ => panic!("a game stays of its sport"),
        };
        self.score() != then.score() || broke_off
    }

    /// Of a game that is priced anew: something happened that no price by hand survives, as far as nobody says how much it
    /// changed. Time alone is not that, nor is the start.
    ///
    /// # Panics
    /// The games are of different sports.
    pub fn has_other_chances_than(&self, then: &Self) -> bool {
        match (self, then) {
            (Self::Football(now), Self::Football(then)) => {
                (&now.goals, now.red_cards) != (&then.goals, then.red_cards)
            }
            (Self::Tennis(now), Self::Tennis(then)) => {
                (now.standing(), now.told_count) != (then.standing(), then.told_count)
            }
            // They have no clock: priced anew, they changed.
            (Self::Race(_), Self::Race(_)) | (Self::Table(_), Self::Table(_)) => true,
            _ => panic!("a game stays of its sport"),
        }
    }

    /// The prices come from outside, and are waited for after every change.
    pub fn has_foreign_model(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// What the ways in which it can end depend on.
    pub(crate) fn key(&self) -> Vec<u64> {
        match self {
            Self::Football(game) => game.key(),
            Self::Tennis(game) => game.key(),
            Self::Race(race) => race.key(),
            Self::Table(table) => table.key(),
        }
    }

    /// Every way in which it can still end.
    pub(crate) fn listed(&self, space: &Space) -> Listed {
        match self {
            Self::Football(_) => unreachable!("football's outcomes are listed once for all states"),
            Self::Tennis(game) => game.listed(space),
            Self::Race(race) => race.listed(space),
            Self::Table(table) => table.listed(space),
        }
    }
}
