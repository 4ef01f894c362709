//! Seeded workloads, the naive second engine and the auditor.
//!
//! | module | what it is |
//! |---|---|
//! | [`naive`] | the second engine: obviously right, and slow |
//! | [`outcomes`] | every way a match can end, listed |
//! | [`pair`] | both engines side by side, compared after every command; restarts and replays |
//! | [`scenario`] | the language of `tests/scenarios/*.txt` |
//! | [`workload`] | a seeded day of trading |

pub mod compare;
pub mod coverage;
pub mod naive;
pub mod outcomes;
pub mod pair;
pub mod random;
pub mod sanity;
pub mod scenario;
pub mod told;
pub mod workload;
