//! What is over leaves the hot state, and comes back when it is asked for or graded otherwise.
//!
//! A ticket in the archive is known here by nothing but a count on each of its fixtures: its place, its entries in lists and
//! the ids of its bookings are free. Whoever holds the archive brings it back before its id is used again, and brings back all
//! tickets of a fixture that is [graded anew](State::recalls).

use std::collections::BTreeSet;

use oddsengine_facts::command::ARCHIVED_PER_RECORD_MAX;
use oddsengine_facts::{BookedTransfer, Ticket, TicketState, WholeFixture};
use oddsengine_types::{FixtureId, TicketId, TransferId};

use super::State;
use super::settling::Wait;
use crate::decide::money::bookings_of;
use crate::fold::instruction_of;
use crate::lines;

/// Tickets that are over, by when that was. Derived: they carry the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closed {
    /// Settled and cancelled ones.
    pub settled: BTreeSet<(i64, u32)>,
    /// Refused ones.
    pub refused: BTreeSet<(i64, u32)>,
}

impl Closed {
    fn of(&mut self, state: TicketState) -> &mut BTreeSet<(i64, u32)> {
        match state {
            TicketState::Refused(_) => &mut self.refused,
            _ => &mut self.settled,
        }
    }

    fn insert(&mut self, ticket: &Ticket, index: u32) {
        if ticket.closed_ns != 0 {
            self.of(ticket.state).insert((ticket.closed_ns, index));
        }
    }

    fn remove(&mut self, ticket: &Ticket, index: u32) {
        self.of(ticket.state).remove(&(ticket.closed_ns, index));
    }
}

/// Those of a queue that have been over for so long, in order; none where that is for ever.
pub(super) fn due(
    queue: &BTreeSet<(i64, u32)>,
    now_ns: i64,
    after_ms: i64,
) -> impl Iterator<Item = u32> + '_ {
    let until_ns = (after_ms > 0).then(|| now_ns.saturating_sub(after_ms * 1_000_000));
    let is_due = move |closed_ns| until_ns.is_some_and(|until_ns| closed_ns <= until_ns);
    queue.iter().take_while(move |&&(closed_ns, _)| is_due(closed_ns)).map(|&(_, index)| index)
}

/// What came back leaves again so long after, unless something happens to it: whoever asks for one old id after another holds
/// no more of them in memory than of one such time.
pub const RECALLED_KEPT_MS: i64 = 60_000;

/// Since when something that comes back now counts as over: it leaves after [`RECALLED_KEPT_MS`], or after as long as what is
/// over leaves, if that is shorter. Never 0, which is not over.
pub(super) fn recalled_since(now_ns: i64, after_ms: i64) -> i64 {
    let earlier_ms = (after_ms - RECALLED_KEPT_MS).max(0);
    now_ns.saturating_sub(earlier_ms * 1_000_000).max(1)
}

impl State {
    /// Tickets, fixtures or ids of transfers are to leave at this time.
    pub(crate) fn archiving_is_due(&self, now_ns: i64) -> bool {
        self.due_to_leave(now_ns).next().is_some()
            || self.fixtures_to_leave(now_ns).next().is_some()
            || self.transfers_to_leave(now_ns).next().is_some()
    }

    /// Tickets that are over for as long as they are kept: refused ones first, then the others, each in order of time.
    pub(crate) fn due_to_leave(&self, now_ns: i64) -> impl Iterator<Item = u32> + '_ {
        due(&self.closed.refused, now_ns, self.config.archive_refused_after_ms).chain(due(
            &self.closed.settled,
            now_ns,
            self.config.archive_after_ms,
        ))
    }

    /// Nothing can happen to the ticket any more but by a result that is told late.
    pub(crate) fn may_leave(&self, index: u32) -> bool {
        let ticket = &self.tickets[index as usize];
        match ticket.state {
            TicketState::Refused(_) => return true,
            TicketState::Settled | TicketState::Cancelled => {}
            TicketState::Open | TicketState::Delayed | TicketState::Referred | TicketState::Reoffered(_) => {
                return false;
            }
        }
        // Where slices of work go on.
        let is_next = !self.due.weighing.is_empty() && self.due.weigh_from == index;
        let is_over = ticket.legs.iter().all(|leg| {
            let place = (leg.place.fixture, leg.place.selection);
            self.fixtures[leg.place.fixture as usize].is_closed()
                && !self.due.settling.contains_key(&place)
                && !self.due.recalling.contains(&leg.place.fixture)
        });
        is_over
            && !is_next
            && !self.is_marked_by_known(ticket)
            && self.settling.wait(index) == Wait::default()
            && !self.is_regraded(index)
    }

    /// Fixtures that were graded anew while tickets on them are in the archive: these are to come back.
    pub fn recalls(&self) -> impl Iterator<Item = FixtureId> + '_ {
        self.due.recalling.iter().map(|&index| self.fixtures[index as usize].id())
    }

    /// A ticket of the archive with the places of its legs in this state, as if it were here.
    ///
    /// # Errors
    /// A leg is on nothing that is known.
    pub fn placed(&self, mut ticket: Ticket) -> Result<Ticket, String> {
        for leg in &mut ticket.legs {
            leg.place = self.place_of(leg)?;
        }
        Ok(ticket)
    }

    /// Ids of deposits and withdrawals that were kept for as long as they are, in order of time.
    pub(crate) fn transfers_to_leave(&self, now_ns: i64) -> impl Iterator<Item = TransferId> + '_ {
        let after_ms = self.config.archive_money_after_ms;
        let until_ns = (after_ms > 0).then(|| now_ns.saturating_sub(after_ms * 1_000_000));
        until_ns.into_iter().flat_map(|until_ns| self.transfers.due(until_ns))
    }

    /// Takes the tickets that the last step or fold took to the archive.
    pub(crate) fn take_archived(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.archived)
    }

    /// The same of fixtures.
    pub(crate) fn take_archived_fixtures(&mut self) -> Vec<WholeFixture> {
        std::mem::take(&mut self.archived_fixtures)
    }

    /// The same of deposits and withdrawals.
    pub(crate) fn take_archived_transfers(&mut self) -> Vec<BookedTransfer> {
        std::mem::take(&mut self.archived_transfers)
    }

    /// A ticket is over since this time, or open again since 0.
    pub(crate) fn set_closed(&mut self, index: u32, closed_ns: i64) {
        let ticket = &mut self.tickets[index as usize];
        if ticket.closed_ns != closed_ns {
            self.closed.remove(ticket, index);
            ticket.closed_ns = closed_ns;
        }
        self.closed.insert(ticket, index);
    }

    /// A refused ticket makes room for another one.
    pub(crate) fn forget_closed(&mut self, index: u32) {
        self.closed.remove(&self.tickets[index as usize], index);
    }

    pub(crate) fn archive_tickets(&mut self, ids: &[TicketId]) -> Result<(), String> {
        fits_record(ids.len())?;
        for &id in ids {
            let index = self.named_ticket(id)?;
            if !self.may_leave(index) {
                return Err(format!("ticket {:032x} is to leave and waits for something", id.0));
            }
            self.forget_closed(index);
            let ticket = self.tickets.remove(index).expect("a ticket that is named is there");
            self.ticket_index.remove(&id);
            self.changes.forget(ticket.change.seq);
            self.count_kept(&ticket, false);
            if ticket.is_refused_at_once()
                && let Some(position) = self.refused.iter().position(|&refused| refused == index)
            {
                // The first of them, or near it.
                self.refused.remove(position);
            }
            if ticket.state == TicketState::Settled {
                self.count_stake(&ticket, false);
            }
            if ticket.reason().is_none() {
                self.unlist_legs(&ticket, index);
            }
            for booking in bookings_of(&ticket) {
                self.ledger.forget(instruction_of(booking));
            }
            self.forget_empty_accounts(ticket.customer, ticket.terms.currency);
            self.counters.archived_count += 1;
            self.archived.push(ticket);
        }
        Ok(())
    }

    pub(crate) fn put_off(&mut self, ids: &[TicketId]) -> Result<(), String> {
        fits_record(ids.len())?;
        for &id in ids {
            let index = self.named_ticket(id)?;
            if self.tickets[index as usize].closed_ns == 0 {
                return Err(format!("ticket {:032x} is not over", id.0));
            }
            self.set_closed(index, self.now_ns);
        }
        Ok(())
    }

    /// A ticket could come back: it was over, and its fixtures miss one.
    pub(crate) fn may_return(&self, ticket: &Ticket) -> Result<(), String> {
        let name = || format!("ticket {:032x}", ticket.id.0);
        match ticket.state {
            TicketState::Refused(_) => {}
            TicketState::Settled | TicketState::Cancelled => {
                for leg in &ticket.legs {
                    let place = self.place_of(leg)?;
                    if self.fixtures[place.fixture as usize].archived_count == 0 {
                        return Err(format!("{} is on fixture {}, which misses none", name(), leg.fixture));
                    }
                }
            }
            TicketState::Open | TicketState::Delayed | TicketState::Referred | TicketState::Reoffered(_) => {
                return Err(format!(
                    "{} is {}, and only what is over was archived",
                    name(),
                    ticket.state.name()
                ));
            }
        }
        ticket.legs.iter().try_for_each(|leg| self.place_of(leg).map(drop))
    }

    pub(crate) fn recall_ticket(&mut self, mut ticket: Ticket) -> Result<(), String> {
        if self.ticket_index.contains_key(&ticket.id) {
            return Err(format!("ticket {:032x} is known", ticket.id.0));
        }
        self.may_return(&ticket)?;
        lines::fits(&ticket)?;
        for leg in &mut ticket.legs {
            leg.place = self.place_of(leg)?;
        }
        ticket.closed_ns = 0;
        let (id, seq, state) = (ticket.id, ticket.change.seq, ticket.state);
        if state == TicketState::Settled {
            self.count_stake(&ticket, true);
        }
        let is_refused_at_once = ticket.is_refused_at_once();
        self.count_kept(&ticket, true);
        let index = self.tickets.insert(ticket);
        self.ticket_index.insert(id, index);
        self.changes.recall(seq, index);
        if is_refused_at_once {
            let tickets = &self.tickets;
            let place = self.refused.partition_point(|&other| tickets[other as usize].change.seq < seq);
            self.refused.insert(place, index);
        }
        if !matches!(state, TicketState::Refused(_)) {
            self.list_legs(index);
            for leg in 0..self.tickets[index as usize].legs.len() {
                let fixture = self.tickets[index as usize].legs[leg].place.fixture;
                let missing = &mut self.fixtures[fixture as usize].archived_count;
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    self.due.recalling.remove(&fixture);
                }
            }
            if self.is_regraded(index) {
                self.settling.set_regraded(index, true);
            }
        }
        let after_ms = match state {
            TicketState::Refused(_) => self.config.archive_refused_after_ms,
            _ => self.config.archive_after_ms,
        };
        self.set_closed(index, recalled_since(self.now_ns, after_ms));
        self.counters.recalled_count += 1;
        Ok(())
    }

    /// Takes the legs of a ticket off the lists of their selections, and counts it as missing there.
    fn unlist_legs(&mut self, ticket: &Ticket, index: u32) {
        for (leg_index, leg) in ticket.legs.iter().enumerate() {
            let fixture = &mut self.fixtures[leg.place.fixture as usize];
            if let Some(listed) = fixture.legs.get_mut(&leg.place.selection) {
                listed.remove(&(index, leg_index as u8));
                if listed.is_empty() {
                    fixture.legs.remove(&leg.place.selection);
                }
            }
            fixture.archived_count = fixture.archived_count.saturating_add(1);
        }
    }

    /// Finds out anew what is over since when, after a restore.
    pub(crate) fn restore_closed(&mut self) {
        for (index, ticket) in self.tickets.entries() {
            self.closed.insert(ticket, index);
        }
    }
}

fn fits_record(count: usize) -> Result<(), String> {
    match count <= ARCHIVED_PER_RECORD_MAX {
        true => Ok(()),
        false => Err(format!("{count} tickets in one record, at most {ARCHIVED_PER_RECORD_MAX} are allowed")),
    }
}
