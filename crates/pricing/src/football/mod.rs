//! Football: score grids, the markets on them, calibration to prices, and the match in play.
//!
//! | module | question it answers |
//! |---|---|
//! | [`score_grid`] | how likely is each final score? |
//! | [`score_markets`] | what does a market pay on average over those scores? |
//! | [`markets_basket`] | the 190 most used probabilities of a match, as fast as they can be had |
//! | [`score_family`] | which other goal counts and dependences are there? |
//! | [`score_model`] | how likely is each final score under those, and which match explains these prices? |
//! | [`weibull`] | scores with over- or under-dispersed goals and a copula between the sides |
//! | [`calibration`] | which goal means explain these prices? |
//! | [`from_1x2`] | and these, without a total line? |
//! | [`inplay`] | what is left of the match worth: 1X2, next goal, half-time/full-time |
//! | [`markov`] | the same when the score and red cards change the scoring rates |
//! | [`intensity`] | which share of a match's goals is still to come at this clock? |
//! | [`live_views`] | how likely is every cell of every view, now? |
//! | [`counts`] | corners, cards, shots |
//! | [`counts_markets`] | corners and cards of both sides, also in play |
//! | [`depth`] | what a fixture offers beside the score: parameters and view probabilities |
//! | [`scorers`] | who scores, from shares of his side's goals |
//! | [`intervals`] | goals by ten minutes |
//! | [`extra_time`] | who goes through: extra time, penalties, two legs |
//!
//! Goals are written home first. `lambda_home` and `lambda_away` are expected goals. Lines are counted in
//! quarter goals (`line_quarters`: over 2.25 is 9, handicap -0.5 is -2), because a quarter line is then exact.

pub mod calibration;
pub mod counts;
pub mod counts_markets;
pub mod depth;
pub(crate) mod depth_calibration;
mod error;
pub mod extra_time;
pub mod from_1x2;
pub mod inplay;
pub mod intensity;
pub mod intervals;
pub mod live_views;
pub mod markets_basket;
pub mod markov;
mod poisson;
pub mod score_family;
pub mod score_grid;
pub mod score_markets;
pub mod score_model;
mod score_sides;
pub mod scorers;
pub mod weibull;

pub use error::FootballError;
pub use score_grid::{DixonColes, ScoreGrid};
pub use score_markets::{LineShares, line_from_quarters, quarters_from_line};

/// Largest expected goals of one side that any model here accepts.
pub const GOAL_MEAN_MAX: f64 = 20.0;

/// Largest side length of a score grid: goals 0 to 79.
pub const GRID_SIZE_MAX: usize = 80;

/// Probability outside the grid that automatic sizing allows at most.
pub const GRID_TAIL_MAX: f64 = 1e-12;

/// Largest line or handicap, in quarter goals.
pub const LINE_QUARTERS_MAX: i32 = 4_000;
