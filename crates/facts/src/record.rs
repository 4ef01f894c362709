//! Records: what the journal keeps.

use crate::command::Command;
use crate::fact::Fact;

/// A command and what was decided on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What was asked, when, and by whom.
    pub command: Command,
    /// What was decided, in order.
    pub facts: Vec<Fact>,
}
