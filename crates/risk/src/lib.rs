//! Positions on views, limits, maximum stakes.
//!
//! Nothing here knows a sport: a template's views and grades say all there is to know about a selection.

pub mod book;
mod kernel;
pub mod limit;

pub use book::{Book, Change, Growing, Position, SelectionTotals, Tally, place_grades};
pub use limit::{
    LossOfStake, UNIT_E9, growth_of, stake_minor_max, stake_minor_max_together, steps_max,
    steps_max_of_lines, steps_max_together, unit_minor,
};
