//! The canonical messages: JSON objects with a `type`, in on `ingest`, `orders` and `snapshot`.

mod acceptance;
pub mod bounds;
mod football_depth;
mod incidents;
mod ingest;
mod orders;
mod parts;
mod plan;
mod results;

pub use ingest::{INGEST_TYPES, decode_ingest};
pub use orders::{
    DEFAULT_SOURCE, FixtureFilter, ORDER_TYPES, Page, Query, Request, RequestBody, TableName, TableQuery,
    TicketFilter, decode_order,
};

/// A decoded message.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// What it says.
    pub value: T,
    /// Fields that no decoder knows, in it and inside it: ignored, and counted to be noticed.
    pub unknown_fields: u32,
}
