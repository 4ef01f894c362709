//! Positions on views, limits, maximum stakes and liability skew.

pub mod book;

pub use book::Book;
