//! The positions of one fixture.

/// The positions of one fixture.
#[derive(Clone, Debug, Default)]
pub struct Book {}
