//! The order in which tickets changed: what "since" is answered from.

use crate::state::{State, TICKETS_PER_PAGE};
use oddsengine_facts::{Ticket, TicketChange};

type Tickets = oddsengine_types::Slots<Ticket, TICKETS_PER_PAGE>;

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

/// What the next change says of a ticket as it was told last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToldBefore {
    seq: u64,
    is_settlement: bool,
    paid_minor: i64,
}

impl From<&Ticket> for ToldBefore {
    fn from(ticket: &Ticket) -> Self {
        Self { seq: ticket.change.seq, is_settlement: ticket.is_settlement(), paid_minor: ticket.paid_minor }
    }
}

impl Changes {
    /// Numbers a change of a ticket, just before it is told.
    ///
    /// `before`: the ticket as it was last told, if it was.
    pub fn note(&mut self, ticket: &mut Ticket, index: u32, before: Option<ToldBefore>) {
        self.last_seq += 1;
        match before {
            None => self.ticket_count += 1,
            Some(_) => self.stale_count += 1,
        }
        ticket.change = TicketChange {
            seq: self.last_seq,
            seq_before: before.map_or(0, |before| before.seq),
            was_settlement: before.is_some_and(|before| before.is_settlement),
            paid_minor_before: before.map_or(0, |before| before.paid_minor),
        };
        self.log.push((self.last_seq, index));
    }

    /// As [`Changes::note`] for a new ticket in the place of one that is forgotten.
    pub fn replace(&mut self, ticket: &mut Ticket, index: u32) {
        self.last_seq += 1;
        self.stale_count += 1;
        ticket.change = TicketChange { seq: self.last_seq, ..TicketChange::default() };
        self.log.push((self.last_seq, index));
    }

    /// Drops what is out of date once it is more than what is not.
    pub fn compact(&mut self, tickets: &Tickets) {
        if self.stale_count > self.ticket_count + SPARE_ENTRIES {
            self.log.retain(|&(seq, index)| is_last_change(tickets, seq, index));
            self.stale_count = 0;
        }
    }

    /// Of the tickets of a snapshot.
    pub fn of(tickets: &Tickets) -> Self {
        let mut log: Vec<(u64, u32)> = Vec::with_capacity(tickets.len());
        log.extend(tickets.entries().map(|(index, ticket)| (ticket.change.seq, index)));
        log.sort_unstable();
        let last_seq = log.last().map_or(0, |&(seq, _)| seq);
        Self { last_seq, ticket_count: tickets.len(), log, stale_count: 0 }
    }
}

fn is_last_change(tickets: &Tickets, seq: u64, index: u32) -> bool {
    tickets.get(index).is_some_and(|ticket| ticket.change.seq == seq)
}

impl State {
    /// The number of the last change of any ticket; 0 before the first.
    pub fn last_change_seq(&self) -> u64 {
        self.changes.last_seq
    }

    /// The changes after change `since`, in order: (number, ticket as it is now); no ticket where it has changed again
    /// since, and is told further on.
    pub fn tickets_changed_since(&self, since: u64) -> impl Iterator<Item = (u64, Option<&Ticket>)> {
        let start = self.changes.log.partition_point(|&(seq, _)| seq <= since);
        self.changes.log[start..].iter().map(|&(seq, index)| {
            let ticket = self.tickets.get(index);
            (seq, ticket.filter(|ticket| ticket.change.seq == seq))
        })
    }
}
