//! The order in which tickets changed: what "since" is answered from.

use crate::engine::Engine;
use crate::ticket::{Ticket, TicketChange};

/// Entries beyond two a ticket that may wait before those that are out of date are dropped.
const SPARE_ENTRIES: usize = 1_024;

/// The changes of tickets by number. Derived: the tickets carry the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    last_seq: u64,
    ticket_count: usize,
    /// (number, ticket index), ascending; out of date where the ticket has changed again.
    log: Vec<(u64, u32)>,
    /// Entries that are out of date.
    stale_count: usize,
}

impl Changes {
    /// Numbers a change of a ticket, just before it is told.
    pub fn note(&mut self, ticket: &mut Ticket, index: u32, paid_minor_before: i64) {
        self.last_seq += 1;
        match ticket.change.seq {
            0 => self.ticket_count += 1,
            _ => self.stale_count += 1,
        }
        ticket.change = TicketChange { seq: self.last_seq, seq_before: ticket.change.seq, paid_minor_before };
        self.log.push((self.last_seq, index));
    }

    /// Drops what is out of date once it is more than what is not.
    pub fn compact(&mut self, tickets: &[Ticket]) {
        if self.stale_count > self.ticket_count + SPARE_ENTRIES {
            self.log.retain(|&(seq, index)| is_last_change(tickets, seq, index));
            self.stale_count = 0;
        }
    }

    /// Of the tickets of a snapshot.
    pub fn of(tickets: &[Ticket]) -> Self {
        let mut log: Vec<(u64, u32)> = Vec::with_capacity(tickets.len());
        log.extend(tickets.iter().zip(0..).map(|(ticket, index)| (ticket.change.seq, index)));
        log.sort_unstable();
        let last_seq = log.last().map_or(0, |&(seq, _)| seq);
        Self { last_seq, ticket_count: tickets.len(), log, stale_count: 0 }
    }
}

fn is_last_change(tickets: &[Ticket], seq: u64, index: u32) -> bool {
    tickets.get(index as usize).is_some_and(|ticket| ticket.change.seq == seq)
}

impl Engine {
    /// The number of the last change of any ticket; 0 before the first.
    pub fn last_change_seq(&self) -> u64 {
        self.changes.last_seq
    }

    /// The tickets that changed after change `since`, in order of their last change, as they are now.
    pub fn tickets_changed_since(&self, since: u64) -> impl Iterator<Item = &Ticket> {
        let start = self.changes.log.partition_point(|&(seq, _)| seq <= since);
        let ticket_of = |&(seq, index): &(u64, u32)| {
            self.tickets.get(index as usize).filter(|ticket| ticket.change.seq == seq)
        };
        self.changes.log[start..].iter().filter_map(ticket_of)
    }
}
