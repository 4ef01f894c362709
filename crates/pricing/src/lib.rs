//! Margins, sport models, calibration and boards of oddsengine.
//!
//! Everything here is a pure function of its arguments. Transcendental functions come from the pinned
//! pure-Rust `libm`, sums have a fixed order and nothing is fused, so that a price recomputed on replay
//! has the same bits on every machine. Square roots use the standard library: IEEE 754 requires them to
//! be correctly rounded, so they cannot differ.

pub mod board;
pub mod fit;
pub mod football;
mod lanes;
pub mod margin;
pub mod model;
pub mod racing;
mod recorded;
mod root;
pub mod same_game;
pub mod snap;
pub mod tennis;
