//! Tickets that are yet to be settled: graded otherwise than settled, decided and not yet paid, or stopped by the ledger.
//!
//! All of a popular match may wait at once, so what is kept of each stands in pages, like the tickets themselves.

use std::collections::BTreeSet;

use oddsengine_types::Sparse;

/// Tickets of which as much as waits is copied and encoded together.
pub(crate) const WAITS_PER_PAGE: usize = 512;

/// What a ticket waits for; one that waits for nothing is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    /// All legs graded, still open: when it is paid, unless its result is taken back until then.
    pub due_ns: Option<i64>,
    /// A leg's selection is graded otherwise than the leg.
    pub is_regraded: bool,
    /// The ledger would not settle it: it is tried again when a fixture of its is graded.
    pub is_stuck: bool,
}
oddsengine_types::codec_struct!(Wait { due_ns, is_regraded, is_stuck });

/// The tickets that are yet to be settled, by their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settling {
    waits: Sparse<Wait, WAITS_PER_PAGE>,
    /// Derived: by when they are paid.
    by_due: BTreeSet<(i64, u32)>,
    /// Derived: those that are graded otherwise, of selections with few tickets.
    regraded: BTreeSet<u32>,
    /// Derived: those that the ledger would not settle.
    stuck: BTreeSet<u32>,
}

impl Settling {
    /// The tickets of pages that were read.
    pub(crate) fn of(waits: Sparse<Wait, WAITS_PER_PAGE>) -> Self {
        let mut settling = Self { waits, ..Self::default() };
        for (ticket, wait) in settling.waits.entries() {
            settling.by_due.extend(wait.due_ns.map(|due_ns| (due_ns, ticket)));
            settling.regraded.extend(wait.is_regraded.then_some(ticket));
            settling.stuck.extend(wait.is_stuck.then_some(ticket));
        }
        settling
    }

    pub(crate) fn waits(&self) -> &Sparse<Wait, WAITS_PER_PAGE> {
        &self.waits
    }

    /// What a ticket waits for.
    pub(crate) fn wait(&self, ticket: u32) -> Wait {
        self.waits.get(ticket).copied().unwrap_or_default()
    }

    fn change(&mut self, ticket: u32, change: impl FnOnce(&mut Wait)) {
        let before = self.wait(ticket);
        let mut wait = before;
        change(&mut wait);
        if wait == before {
            return;
        }
        if wait.due_ns != before.due_ns {
            before.due_ns.map(|due_ns| self.by_due.remove(&(due_ns, ticket)));
            self.by_due.extend(wait.due_ns.map(|due_ns| (due_ns, ticket)));
        }
        for (list, is_in) in [(&mut self.regraded, wait.is_regraded), (&mut self.stuck, wait.is_stuck)] {
            match is_in {
                true => list.insert(ticket),
                false => list.remove(&ticket),
            };
        }
        match wait == Wait::default() {
            true => self.waits.remove(ticket),
            false => self.waits.insert(ticket, wait),
        };
    }

    pub(crate) fn next_due_ns(&self) -> Option<i64> {
        self.by_due.first().map(|&(due_ns, _)| due_ns)
    }

    /// Due times and tickets, in that order.
    pub(crate) fn due(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.by_due.iter().copied()
    }

    /// Tickets with a leg whose selection is graded otherwise than the leg, in order of acceptance.
    pub(crate) fn regraded(&self) -> &BTreeSet<u32> {
        &self.regraded
    }

    /// Tickets that the ledger would not settle.
    pub(crate) fn stuck(&self) -> &BTreeSet<u32> {
        &self.stuck
    }

    /// The clock goes back: what is yet to come stays as far away as it was.
    pub(crate) fn set_back(&mut self, by_ns: i64) {
        for (due_ns, ticket) in std::mem::take(&mut self.by_due) {
            // What waits for a word waits for it still.
            let due_ns = if due_ns == i64::MAX { due_ns } else { due_ns.saturating_sub(by_ns) };
            self.waits.insert(ticket, Wait { due_ns: Some(due_ns), ..self.wait(ticket) });
            self.by_due.insert((due_ns, ticket));
        }
    }

    /// When a ticket is paid.
    pub(crate) fn set_due(&mut self, ticket: u32, due_ns: Option<i64>) {
        self.change(ticket, |wait| wait.due_ns = due_ns);
    }

    /// Whether a leg is graded otherwise.
    pub(crate) fn set_regraded(&mut self, ticket: u32, is_regraded: bool) {
        self.change(ticket, |wait| wait.is_regraded = is_regraded);
    }

    /// Whether the ledger would not settle it.
    pub(crate) fn set_stuck(&mut self, ticket: u32, is_stuck: bool) {
        self.change(ticket, |wait| wait.is_stuck = is_stuck);
    }
}
