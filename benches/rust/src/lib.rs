//! Benches of the hot path. Each checks its answer before it reports a time, and each also runs in the tests at a
//! tiny size. Targets are those of the design; `benches/README.md` tells how to read the figures.
//!
//! ```text
//! cargo run --release -p oddsengine-benches -- all [--quick] [--json FILE]
//! cargo run --release -p oddsengine-benches -- board bets
//! cargo run --release -p oddsengine-benches -- op NAME COUNT     # for callgrind: COUNT operations, no clock
//! ```

pub mod durable;
pub mod long_run;
pub mod memory;
pub mod ops;
pub mod popular;
pub mod queries;
pub mod records;
pub mod replay;
pub mod report;
pub mod setup;
pub mod snapshots;
pub mod systems;
pub mod timed;

use report::Report;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Enough for percentiles.
    Full,
    /// Enough to see that the bench works.
    Quick,
}

impl Scale {
    /// One of two numbers.
    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// One bench: its name and what runs it.
pub type Bench = (&'static str, fn(Scale, &mut Report));

/// All benches. Memory comes first: it reads the size of a process that has done nothing else.
pub const BENCHES: &[Bench] = &[
    ("memory", memory::run),
    ("basket", timed::basket),
    ("board", timed::board),
    ("stages", timed::stages),
    ("price", timed::price),
    ("bets", timed::bets),
    ("decode", timed::decode),
    ("records", timed::records),
    ("systems", timed::systems),
    ("ledger", timed::ledger),
    ("durable", durable::run),
    ("popular", popular::run),
    ("replay", replay::run),
    ("queries", queries::run),
    ("snapshots", snapshots::run),
];
