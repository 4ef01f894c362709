//! Positions on views, limits, maximum stakes.
//!
//! Nothing here knows a sport: a template's views and grades say all there is to know about a selection.

pub mod book;
mod kernel;
pub mod limit;

pub use book::{Book, Change, Position, SelectionTotals, Tally};
pub use limit::{LossOfStake, UNIT_E9, stake_minor_max, stake_minor_max_together, unit_minor};
