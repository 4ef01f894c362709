//! Decoders: foreign bytes in, canonical commands out. The only crate that sees foreign bytes.
//!
//! [`decode_ingest`] reads what feeds push to the `ingest` socket, [`decode_order`] what clients and the desk
//! ask on `orders` and `snapshot`. Both are pure functions of their bytes: no state, no clock, no panic, and
//! memory bounded by [`MESSAGE_BYTES_MAX`]. Whether a command fits the present state is the engine's question.
//!
//! The messages are described in `docs/wire.md`; `feeds/canonical/` holds a sample of each beside the command
//! that it becomes.
//!
//! ```
//! let message = br#"{"type":"suspend","source":"scout","seq":7,"time_ns":1668960134795000000,"fixture":1001}"#;
//! let decoded = oddsengine_feeds::decode_ingest(message, 1_668_960_134_796_000_000).unwrap();
//! assert_eq!(decoded.value.origin.seq, Some(7));
//! assert_eq!(decoded.unknown_fields, 0);
//!
//! let error = oddsengine_feeds::decode_ingest(br#"{"type":"goal"}"#, 0).unwrap_err();
//! assert_eq!(error.code, "unknown_type");
//! ```

mod canonical;
mod error;
mod json;

pub use canonical::{
    DEFAULT_SOURCE, Decoded, FixtureFilter, INGEST_TYPES, ORDER_TYPES, Page, Query, Request, RequestBody,
    TableName, TableQuery, TicketFilter, bounds, decode_ingest, decode_order,
};
pub use error::FeedError;
pub use json::{DEPTH_MAX, FIELDS_MAX, MESSAGE_BYTES_MAX};
