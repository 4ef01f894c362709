//! One function a target: any bytes in, a panic when something that must hold does not.
//!
//! The same functions are replayed over the corpus and the regressions by
//! `crates/runtime/tests/service_fuzz_replay.rs`, without instrumentation.

mod bytes;
mod codec;
mod decode;
mod journal;
mod payout;
mod record;
mod service;

pub use codec::{command, keys, snapshot};
pub use decode::{decode_ingest, decode_order};
pub use journal::journal;
pub use payout::payout;
pub use record::record;
pub use service::service;

/// A name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 9] = [
    ("decode_ingest", decode_ingest),
    ("decode_order", decode_order),
    ("command", command),
    ("snapshot", snapshot),
    ("service", service),
    ("journal", journal),
    ("keys", keys),
    ("payout", payout),
    ("record", record),
];
