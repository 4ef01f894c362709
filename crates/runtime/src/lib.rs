//! Journal, committer thread, recovery, clock and wire codec: the only crate with I/O.

pub mod foreign;
pub mod journal;
pub mod service;
pub mod wire;
