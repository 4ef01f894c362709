//! Tennis: sets, games, points; every final-set rule; retirements.
//!
//! The outcome space is the score of the whole match with the order and the ending of its games.

mod format;
mod live;
mod possible;
mod rule;
mod score;
mod space;
pub mod template;
mod views;

pub use crate::football::Side;
pub use format::{BestOf, FinalSet, RetirementRule, SETS_MAX, SetRule, TennisFormat};
pub use live::{
    CLOCK_MS_MAX, Ending, ScoreAfter, Scoreboard, TennisIncident, TennisIncidentKind, TennisState,
};
pub use possible::{TennisGates, allowed_cells};
pub use rule::{Direction, Rule};
pub use score::{GAMES_MAX, GAMES_RECORDED, GameRecord, POINTS_MAX, TennisScore, serves_second};
pub use views::{
    Fact, GAME_CELLS, Layout, RACE_CELLS, RACE_GAMES_MAX, RACE_GAMES_MIN, RACES, TennisView, game_cell,
    race_winner,
};

/// How a match ended, or one way it could, or how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TennisOutcome {
    /// The rules of the match.
    pub format: TennisFormat,
    /// How it ended, beside by the score.
    pub ending: Ending,
    /// The score.
    pub score: TennisScore,
}
