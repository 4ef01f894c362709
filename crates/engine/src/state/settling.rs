//! Payments that wait until nobody takes their result back any more.

use std::collections::{BTreeMap, BTreeSet};

/// Tickets whose payment waits until nobody takes its result back any more: all legs graded, still open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settling {
    by_due: BTreeSet<(i64, u32)>,
    due_ns: BTreeMap<u32, i64>,
}

impl Settling {
    pub(crate) fn next_due_ns(&self) -> Option<i64> {
        self.by_due.first().map(|&(due_ns, _)| due_ns)
    }

    /// Due times and tickets, in that order.
    pub(crate) fn due(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.by_due.iter().copied()
    }

    /// The tickets that wait.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = u32> + '_ {
        self.due_ns.keys().copied()
    }

    /// The clock goes back: what is yet to come stays as far away as it was.
    pub(crate) fn set_back(&mut self, by_ns: i64) {
        for (due_ns, ticket) in std::mem::take(&mut self.by_due) {
            self.due_ns.remove(&ticket);
            self.insert(due_ns.saturating_sub(by_ns), ticket);
        }
    }

    pub(crate) fn waits(&self, ticket: u32) -> bool {
        self.due_ns.contains_key(&ticket)
    }

    pub(crate) fn insert(&mut self, due_ns: i64, ticket: u32) {
        self.remove(ticket);
        self.by_due.insert((due_ns, ticket));
        self.due_ns.insert(ticket, due_ns);
    }

    pub(crate) fn remove(&mut self, ticket: u32) {
        if let Some(due_ns) = self.due_ns.remove(&ticket) {
            self.by_due.remove(&(due_ns, ticket));
        }
    }
}
