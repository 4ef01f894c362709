//! The archive: what is over is put aside, and found again by whoever asks for it or grades it otherwise.

use oddsengine_engine::{Reason, Ticket, TicketState};

use super::{Naive, NaiveTicket, Verdict};
use crate::told::Answer;

/// Most work of one tick on tickets that leave, as the engine says: one for each, and one for each of its settlements.
const WORK_PER_TICK: u32 = 256;
/// How long what came back stays, in milliseconds.
const BACK_MS: i64 = 60_000;
/// Most tickets that come back together.
const RECALLED_MAX: usize = 512;

impl Naive {
    /// Keeps a new ticket at the first place that nobody has; where it is in the list.
    pub(super) fn keep(&mut self, known: NaiveTicket) -> usize {
        let is_taken = |place: usize| self.tickets.iter().any(|other| other.place == place);
        let place = (0..).find(|&place| !is_taken(place)).expect("there is a place for everybody");
        let index = self.tickets.iter().filter(|other| other.place < place).count();
        self.tickets.insert(index, NaiveTicket { place, ..known });
        index
    }

    /// Puts aside what has been over for long enough: refused tickets first. Others wait for their fixtures.
    pub(super) fn archive_due(&mut self) {
        let is_refused = |ticket: &Ticket| matches!(ticket.state, TicketState::Refused(_));
        let is_due = |ticket: &Ticket| {
            let kept_ms = match ticket.state {
                TicketState::Refused(_) => self.config.archive_refused_after_ms,
                TicketState::Settled | TicketState::Cancelled => self.config.archive_after_ms,
                _ => 0,
            };
            kept_ms > 0 && self.now_ns - ticket.closed_ns >= kept_ms * 1_000_000
        };
        let mut due: Vec<(bool, i64, usize)> = self
            .tickets
            .iter()
            .filter(|known| is_due(&known.ticket))
            .map(|known| (!is_refused(&known.ticket), known.ticket.closed_ns, known.place))
            .collect();
        due.sort_unstable();
        let mut work = 0;
        for (_, _, place) in due {
            let index = self.tickets.iter().position(|known| known.place == place).expect("it was just seen");
            let ticket = &self.tickets[index].ticket;
            work += 1 + ticket.settlement_count;
            let is_done = is_refused(ticket)
                || ticket.legs.iter().all(|leg| self.fixtures[leg.place.fixture as usize].is_closed())
                    && self.is_graded_as_fixtures_are(ticket)
                    && !self.is_kept_for_annulment(ticket);
            match is_done {
                true => {
                    self.archived.push(self.tickets[index].clone());
                    self.tickets.remove(index);
                    self.counters.archived_count += 1;
                }
                false => self.tickets[index].ticket.closed_ns = self.now_ns,
            }
            if work >= WORK_PER_TICK {
                break;
            }
        }
        self.retire_due();
    }

    /// Brings tickets back, and settles what is graded otherwise by now.
    pub(super) fn recall(&mut self, tickets: &[Ticket], answers: &mut Vec<Answer>) -> Verdict {
        if tickets.len() > RECALLED_MAX {
            return Err(Reason::ValueOutOfBounds);
        }
        for ticket in tickets {
            if self.tickets.iter().any(|known| known.ticket.id == ticket.id) {
                continue;
            }
            let place = self.archived.iter().position(|known| known.ticket.id == ticket.id);
            let mut known = self.archived.remove(place.ok_or(Reason::ValueOutOfBounds)?);
            known.ticket.closed_ns = self.back_since_ns(match known.ticket.state {
                TicketState::Refused(_) => self.config.archive_refused_after_ms,
                _ => self.config.archive_after_ms,
            });
            for leg in &mut known.ticket.legs {
                // Its fixture may have come back to another place.
                let index = self.known_fixture(leg.fixture).map_err(|_| Reason::ValueOutOfBounds)?;
                leg.place.fixture = index as u32;
            }
            self.keep(known);
            self.counters.recalled_count += 1;
        }
        self.reconcile_tickets(tickets, answers);
        self.settle_tickets(None, answers);
        Ok(())
    }

    /// What came back leaves after a minute, or sooner where all that is over does.
    pub(super) fn back_since_ns(&self, after_ms: i64) -> i64 {
        self.now_ns - (after_ms - after_ms.min(BACK_MS)) * 1_000_000
    }

    /// What was paid is what the fixtures say, whatever they said meanwhile.
    pub fn is_graded_as_fixtures_are(&self, ticket: &Ticket) -> bool {
        let is_same = |(place, leg): (usize, &oddsengine_engine::Leg)| {
            // What left is as it was.
            let Some(index) = self.index_of(leg.fixture) else { return true };
            let is_void = ticket.marks.void_by.get(place).is_some_and(|&by| by > 0);
            if is_void || ticket.marks.standing_legs & (1 << place) != 0 {
                return true;
            }
            leg.grade == self.grade(index, usize::from(leg.place.selection))
        };
        ticket.state != TicketState::Settled || ticket.legs.iter().enumerate().all(is_same)
    }
}
