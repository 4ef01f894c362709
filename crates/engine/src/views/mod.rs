//! What is asked about the state: exposure and invariants.

pub(crate) mod audit;
pub(crate) mod explain;
pub(crate) mod exposure;
