//! Which tickets go to the archive, and which come back.

use oddsengine_facts::command::{ARCHIVED_PER_RECORD_MAX, FIXTURES_PER_RECORD_MAX, REFUSED_TICKETS_MAX};
use oddsengine_facts::{BookedTransfer, Fact, Reason, Ticket, WholeFixture};
use oddsengine_types::TransferId;

use crate::step::{Refusal, Step};

/// Most work of one command on tickets that leave: one for each, and one for each time that it was settled. The ids of its
/// bookings are forgotten one by one.
pub const ARCHIVE_WORK_PER_RECORD: usize = 256;

impl Step<'_> {
    /// Takes the first of the tickets that are due to the archive; what may not leave yet waits once more as long.
    pub(super) fn archive_slice(&mut self) {
        let (mut tickets, mut put_off, mut work) = (Vec::new(), Vec::new(), 0);
        for index in self.due_to_leave(self.now_ns) {
            let ticket = &self.tickets[index as usize];
            match self.may_leave(index) {
                true => tickets.push(ticket.id),
                false => put_off.push(ticket.id),
            }
            work += 1 + ticket.settlement_count as usize;
            if work >= ARCHIVE_WORK_PER_RECORD {
                break;
            }
        }
        if !tickets.is_empty() {
            self.fact(Fact::TicketsArchived { tickets });
        }
        if !put_off.is_empty() {
            self.fact(Fact::ArchivingPutOff { tickets: put_off });
        }
        // In the same record: where there is no time for further ones, none of them waits for the others.
        self.archive_fixtures_slice();
        self.archive_money_slice();
    }

    /// Takes the first of the fixtures that are due.
    fn archive_fixtures_slice(&mut self) {
        let (mut fixtures, mut put_off) = (Vec::new(), Vec::new());
        for index in self.fixtures_to_leave(self.now_ns).take(FIXTURES_PER_RECORD_MAX) {
            let id = self.fixtures[index as usize].id();
            match self.may_retire(index) {
                true => fixtures.push(id),
                false => put_off.push(id),
            }
        }
        if !fixtures.is_empty() {
            self.fact(Fact::FixturesArchived { fixtures });
        }
        if !put_off.is_empty() {
            self.fact(Fact::FixturesPutOff { fixtures: put_off });
        }
    }

    fn archive_money_slice(&mut self) {
        let transfers: Vec<TransferId> =
            self.transfers_to_leave(self.now_ns).take(ARCHIVE_WORK_PER_RECORD).collect();
        if !transfers.is_empty() {
            self.fact(Fact::MoneyArchived { transfers });
        }
    }

    /// Brings fixtures back; one that is there already stays as it is.
    pub(super) fn recall_fixtures(&mut self, fixtures: &[WholeFixture]) -> Result<(), Refusal> {
        if fixtures.len() > FIXTURES_PER_RECORD_MAX {
            let detail =
                format!("{} fixtures, at most {FIXTURES_PER_RECORD_MAX} are allowed", fixtures.len());
            return Err((Reason::ValueOutOfBounds, detail));
        }
        let is_gone = |step: &Self, whole: &WholeFixture| step.index_of(whole.request.fixture).is_none();
        fixtures
            .iter()
            .filter(|whole| is_gone(self, whole))
            .try_for_each(|whole| self.may_return_fixture(whole))
            .map_err(|detail| (Reason::ValueOutOfBounds, detail))?;
        for whole in fixtures {
            if is_gone(self, whole) && self.may_return_fixture(whole).is_ok() {
                self.fact(Fact::FixtureRecalled { fixture: Box::new(whole.clone()) });
            }
        }
        Ok(())
    }

    /// Brings the id of a deposit or a withdrawal back; one that is there already stays as it is.
    pub(super) fn recall_transfer(&mut self, transfer: &BookedTransfer) -> Result<(), Refusal> {
        if self.knows_transfer(transfer.request.transfer) {
            return Ok(());
        }
        self.may_return_transfer(transfer).map_err(|detail| (Reason::ValueOutOfBounds, detail))?;
        self.fact(Fact::MoneyRecalled { transfer: *transfer });
        Ok(())
    }

    /// Brings tickets back, and settles those whose results are others by now.
    pub(super) fn recall_tickets(&mut self, tickets: &[Ticket]) -> Result<(), Refusal> {
        if tickets.len() > ARCHIVED_PER_RECORD_MAX {
            let detail = format!("{} tickets, at most {ARCHIVED_PER_RECORD_MAX} are allowed", tickets.len());
            return Err((Reason::ValueOutOfBounds, detail));
        }
        tickets
            .iter()
            .filter(|ticket| self.ticket(ticket.id).is_none())
            .try_for_each(|ticket| self.may_return(ticket))
            .map_err(|detail| (Reason::ValueOutOfBounds, detail))?;
        for ticket in tickets {
            // One that is there already stays as it is; what was refused has no more room than it ever had.
            let has_room = !ticket.is_refused_at_once() || self.refused.len() < REFUSED_TICKETS_MAX;
            if self.ticket(ticket.id).is_none() && has_room && self.may_return(ticket).is_ok() {
                self.fact(Fact::TicketRecalled { ticket: Box::new(ticket.clone()) });
            }
        }
        self.reconcile_recalled(tickets.iter().map(|ticket| ticket.id));
        self.settle_recalled();
        Ok(())
    }
}
