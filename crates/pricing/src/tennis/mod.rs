//! Tennis: from serve levels to games, sets, matches and every view, from any point score; calibration.
//!
//! | module | question it answers |
//! |---|---|
//! | [`game`] | does the server hold, and to what score? |
//! | [`tie_break`] | who wins a tie-break? |
//! | [`set`] | how does a set go on? |
//! | [`model`] | who wins the match from this score? |
//! | [`table`] | the same for every score at once, looked up in nanoseconds |
//! | [`paths`] | where does the match stand? |
//! | [`walk`] | how many games and tie-breaks, by whom? |
//! | [`parameters`] | what is known about the serve levels, before and during the match? |
//! | [`live_views`] | how likely is every cell of every view, now? |
//! | [`calibration`] | which serve levels explain these prices? |
//!
//! Sides are `home` (the player named first) and `away`; everything is written home first.

pub mod calibration;
mod error;
pub mod game;
pub mod live_views;
pub mod model;
pub mod parameters;
pub mod paths;
pub mod real;
pub mod set;
pub mod table;
pub mod tie_break;
pub mod walk;

pub use error::TennisError;
pub use live_views::{fill_cells, fill_views};
pub use model::{SERVE_MAX, SERVE_MIN, TennisModel};
pub use parameters::{ServeLevels, TennisParameters};
pub use table::StateTable;
