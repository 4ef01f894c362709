//! Records to rows: what a journal says, as tables that SQL can ask (`docs/projections.md`).
//!
//! [`Projector`] turns records into a [`Batch`] of rows, by the tables of [`TABLES`]. It decides nothing and stores nothing:
//! whoever keeps the rows applies a batch in one transaction with its position in the journal. Any cut of a journal into
//! batches leads to the same rows.

mod batch;
mod detail;
mod names;
mod project;
mod schema;

pub use batch::{Batch, Row, Rows, Value};
pub use names::Name;
pub use project::{Numbered, Projector};
pub use schema::{Column, Kind, Merge, SCHEMA_VERSION, TABLES, Table, TableId};
