//! The order in which tickets changed: what "since" is answered from.

use crate::state::{State, TICKETS_PER_PAGE};
use oddsengine_facts::{Ticket, TicketChange};

type Tickets = oddsengine_types::Slots<Ticket, TICKETS_PER_PAGE>;

/// Entries of a chunk: what is out of date is dropped chunk by chunk, so that no change waits for all of them.
const CHUNK_ENTRIES: usize = 4_096;

/// The ticket of an entry that is out of date.
const STALE: u32 = u32::MAX;

/// The changes of tickets by number. Derived: the tickets carry the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    last_seq: u64,
    /// In order of the numbers; none is empty.
    chunks: Vec<Chunk>,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    /// (number, ticket index), ascending; out of date where the ticket has changed again.
    log: Vec<(u64, u32)>,
    /// Entries that are out of date.
    stale_count: usize,
}

impl Chunk {
    fn first_seq(&self) -> u64 {
        self.log.first().map_or(0, |&(seq, _)| seq)
    }
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
        ticket.change = TicketChange {
            seq: self.last_seq + 1,
            seq_before: before.map_or(0, |before| before.seq),
            was_settlement: before.is_some_and(|before| before.is_settlement),
            paid_minor_before: before.map_or(0, |before| before.paid_minor),
        };
        self.push(index);
        if let Some(before) = before {
            self.outdate(before.seq);
        }
    }

    /// As [`Changes::note`] for a new ticket in the place of one that is forgotten, whose last change is `seq_before`.
    pub fn replace(&mut self, ticket: &mut Ticket, index: u32, seq_before: u64) {
        ticket.change = TicketChange { seq: self.last_seq + 1, ..TicketChange::default() };
        self.push(index);
        self.outdate(seq_before);
    }

    /// The last change of a ticket that leaves is told no more.
    pub fn forget(&mut self, seq: u64) {
        self.outdate(seq);
    }

    /// A ticket is back whose last change has this number.
    pub fn recall(&mut self, seq: u64, index: u32) {
        self.last_seq = self.last_seq.max(seq);
        let place = self.chunks.partition_point(|chunk| chunk.first_seq() <= seq).saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(place) else {
            return self.chunks.push(Chunk { log: vec![(seq, index)], stale_count: 0 });
        };
        match chunk.log.binary_search_by_key(&seq, |&(seq, _)| seq) {
            Ok(entry) => {
                chunk.stale_count -= usize::from(chunk.log[entry].1 == STALE);
                chunk.log[entry].1 = index;
            }
            Err(entry) => chunk.log.insert(entry, (seq, index)),
        }
        if chunk.log.len() > 2 * CHUNK_ENTRIES {
            let log = chunk.log.split_off(CHUNK_ENTRIES);
            let stale = |log: &[(u64, u32)]| log.iter().filter(|&&(_, index)| index == STALE).count();
            chunk.stale_count = stale(&chunk.log);
            let stale_count = stale(&log);
            self.chunks.insert(place + 1, Chunk { log, stale_count });
        }
    }

    fn push(&mut self, index: u32) {
        self.last_seq += 1;
        if self.chunks.last().is_none_or(|chunk| chunk.log.len() == CHUNK_ENTRIES) {
            self.chunks.push(Chunk { log: Vec::with_capacity(CHUNK_ENTRIES), stale_count: 0 });
        }
        let chunk = self.chunks.last_mut().expect("just pushed");
        chunk.log.push((self.last_seq, index));
    }

    /// The entry of this number is out of date. A chunk that has more of them than others drops what it can.
    fn outdate(&mut self, seq: u64) {
        let place = self.chunks.partition_point(|chunk| chunk.first_seq() <= seq);
        let Some(chunk) = place.checked_sub(1).and_then(|place| self.chunks.get_mut(place)) else { return };
        let Ok(entry) = chunk.log.binary_search_by_key(&seq, |&(seq, _)| seq) else { return };
        chunk.log[entry].1 = STALE;
        chunk.stale_count += 1;
        if chunk.stale_count == chunk.log.len() {
            self.chunks.remove(place - 1);
        } else if chunk.stale_count > chunk.log.len() / 2 && chunk.log.len() >= CHUNK_ENTRIES / 16 {
            chunk.log.retain(|&(_, index)| index != STALE);
            chunk.log.shrink_to_fit();
            chunk.stale_count = 0;
        }
    }

    /// Of the tickets of a snapshot, after `last_seq` changes of any ticket.
    pub fn of(tickets: &Tickets, last_seq: u64) -> Self {
        let mut log: Vec<(u64, u32)> = Vec::with_capacity(tickets.len());
        log.extend(tickets.entries().map(|(index, ticket)| (ticket.change.seq, index)));
        log.sort_unstable();
        let last_seq = log.last().map_or(0, |&(seq, _)| seq).max(last_seq);
        let chunks = log.chunks(CHUNK_ENTRIES).map(|log| Chunk { log: log.to_vec(), stale_count: 0 });
        Self { last_seq, chunks: chunks.collect() }
    }
}

impl State {
    /// The number of the last change of any ticket; 0 before the first.
    pub fn last_change_seq(&self) -> u64 {
        self.changes.last_seq
    }

    /// The changes after change `since`, in order: (number, ticket as it is now); no ticket where it has changed again
    /// since, and is told further on.
    pub fn tickets_changed_since(&self, since: u64) -> impl Iterator<Item = (u64, Option<&Ticket>)> {
        let chunks = &self.changes.chunks;
        // The last chunk that begins at or before it may have more after it.
        let first = chunks.partition_point(|chunk| chunk.first_seq() <= since).saturating_sub(1);
        let log = chunks[first..].iter().flat_map(|chunk| &chunk.log);
        log.skip_while(move |&&(seq, _)| seq <= since).map(|&(seq, index)| {
            let ticket = self.tickets.get(index);
            (seq, ticket.filter(|ticket| ticket.change.seq == seq))
        })
    }
}
