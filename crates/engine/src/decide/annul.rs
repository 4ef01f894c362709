//! What is void or withdrawn of many tickets at once, and back: as much of it as a slice, the rest by the next ticks.

use oddsengine_facts::annulment::ANNULMENTS_MAX;
use oddsengine_facts::{Annulment, AnnulmentRequest, Fact, Reason, TicketState};
use oddsengine_types::{BoundsError, TicketId};

use super::money::stopped;
use super::out_of_bounds;
use super::settle::{SETTLED_AT_ONCE, SETTLED_PER_RECORD};
use crate::state::State;
use crate::state::annulments::ANNULMENT_LOOKED_AT;
use crate::step::{Refusal, Step};

impl State {
    /// An annulment as it would be ordered now: the time until which it reaches spelt out.
    ///
    /// # Errors
    /// It names nothing, or what is not known.
    pub fn annulment_of(&self, request: &AnnulmentRequest) -> Result<AnnulmentRequest, (Reason, String)> {
        if let Some(market) = request.market {
            let fixture = request.fixture.ok_or_else(|| {
                out_of_bounds(BoundsError::new("a market is annulled with the fixture that it is of"))
            })?;
            let index = self.known_fixture(fixture)?;
            self.known_market(index, market)?;
        } else if let Some(fixture) = request.fixture {
            self.known_fixture(fixture)?;
        }
        if request.customer.is_none() && request.fixture.is_none() && request.from_ns.is_none() {
            return Err(out_of_bounds(BoundsError::new(
                "an annulment names a customer, a fixture or the time from which on it reaches",
            )));
        }
        // What is accepted within this nanosecond was accepted before.
        let now_ns = self.now_ns.saturating_add(1);
        let until_ns = request.until_ns.unwrap_or(now_ns).min(now_ns);
        if request.from_ns.is_some_and(|from_ns| from_ns >= until_ns) {
            let from_ns = request.from_ns.unwrap_or(0);
            return Err(out_of_bounds(BoundsError::outside("from_ns", from_ns, i64::MIN, until_ns - 1)));
        }
        Ok(AnnulmentRequest { until_ns: Some(until_ns), ..request.clone() })
    }
}

impl Step<'_> {
    /// Voids or withdraws what a request covers; one that came before is not carried out again.
    pub(super) fn annul(&mut self, asked: &AnnulmentRequest) -> Result<(), Refusal> {
        if let Some((_, known)) = self.annulments.of_id(asked.annulment) {
            return repeats(known, asked);
        }
        let request = self.annulment_of(asked)?;
        let forgotten = match self.annulments.known.len() >= ANNULMENTS_MAX {
            true => Some(self.annulments.oldest_done().ok_or_else(|| {
                let what = "annulments that are under way";
                out_of_bounds(BoundsError::outside(what, ANNULMENTS_MAX + 1, 0, ANNULMENTS_MAX))
            })?),
            false => None,
        };
        let number = self.annulments.last_number.checked_add(1).ok_or_else(|| {
            out_of_bounds(BoundsError::new("no number is left for a further annulment".to_owned()))
        })?;
        let is_until_given = asked.until_ns.is_some() && asked.until_ns == request.until_ns;
        self.fact(Fact::AnnulmentOrdered { number, request: Box::new(request), is_until_given, forgotten });
        self.advance_annulment(number, SETTLED_AT_ONCE);
        Ok(())
    }

    /// Takes an annulment back; one that was taken back before stays so.
    pub(super) fn take_back_annulment(&mut self, annulment: u128) -> Result<(), Refusal> {
        let Some((number, known)) = self.annulments.of_id(annulment) else {
            let detail = format!("annulment {annulment:032x} is not known, or is final");
            return Err((Reason::AnnulmentNotFound, detail));
        };
        if !known.is_taken_back {
            self.fact(Fact::AnnulmentTakenBack { number });
            self.advance_annulment(number, SETTLED_AT_ONCE);
        }
        Ok(())
    }

    /// Goes on with the first annulment that is under way.
    pub(super) fn annul_slice(&mut self) {
        if let Some((&number, _)) = self.annulments.under_way.first_key_value() {
            self.advance_annulment(number, SETTLED_PER_RECORD);
        }
    }

    fn advance_annulment(&mut self, number: u32, count_max: usize) {
        let Some(&from) = self.annulments.under_way.get(&number) else { return };
        let Some(known) = self.annulments.known.get(&number) else { return };
        let (places, next) = self.covered_from(&known.request, from, count_max, ANNULMENT_LOOKED_AT);
        let mut changed = 0;
        for place in places {
            changed += u32::from(self.reconcile(place));
        }
        // Named by who is there: a place that is free now holds nobody whom it could cover.
        let end = self.tickets.place_count() as u32;
        let next = next
            .and_then(|next| (next..end).find_map(|place| self.tickets.get(place).map(|ticket| ticket.id)));
        self.fact(Fact::AnnulmentAdvanced { number, changed, next });
    }

    /// After tickets came back from the archive: what was annulled or taken back meanwhile.
    pub(super) fn reconcile_recalled(&mut self, tickets: impl Iterator<Item = TicketId>) {
        if self.annulments.known.is_empty() {
            return;
        }
        for ticket in tickets {
            if let Some(&place) = self.ticket_index.get(&ticket) {
                self.reconcile(place);
            }
        }
    }

    /// Makes so of a ticket what the annulments that are known say, and says whether anything changed.
    fn reconcile(&mut self, place: u32) -> bool {
        let ticket = self.tickets[place as usize].clone();
        let was_cancelled = ticket.marks.cancelled_by != 0;
        match ticket.state {
            TicketState::Open | TicketState::Settled => {}
            // What was cancelled by itself is nobody else's.
            TicketState::Cancelled if was_cancelled => {}
            TicketState::Cancelled
            | TicketState::Delayed
            | TicketState::Referred
            | TicketState::Reoffered(_)
            | TicketState::Refused(_) => return false,
        }
        let marks = self.marks_due(&ticket);
        if marks == ticket.marks {
            return false;
        }
        let is_cancelled = marks.cancelled_by != 0;
        let booked = match (was_cancelled, is_cancelled) {
            (false, true) => self.book_cancellation(&ticket),
            (true, false) => self.book_reinstatement(&ticket),
            _ => Ok(()),
        };
        if let Err(error) = booked {
            self.alert("ticket_stopped", None, stopped(&ticket, error));
            return false;
        }
        match (was_cancelled, is_cancelled) {
            (false, true) => self.fact(Fact::TicketCancelled { ticket: ticket.id }),
            (true, false) => self.fact(Fact::TicketReinstated { ticket: ticket.id }),
            _ => {}
        }
        // How often it came back is counted by the fact that says so.
        let reinstated_count = self.tickets[place as usize].marks.reinstated_count;
        let marks = oddsengine_facts::TicketMarks { reinstated_count, ..marks };
        self.fact(Fact::TicketMarked { ticket: ticket.id, marks });
        if was_cancelled && !is_cancelled || self.is_regraded(place) {
            self.settle_anew(place);
        }
        true
    }
}

/// The same id stands for the same request.
fn repeats(known: &Annulment, asked: &AnnulmentRequest) -> Result<(), Refusal> {
    // One without an end reaches until it was ordered, whenever that was.
    let is_given = known.is_until_given && asked.until_ns.is_some();
    let until_ns = if is_given { asked.until_ns } else { known.request.until_ns };
    let is_same = AnnulmentRequest { until_ns, ..asked.clone() } == known.request;
    match is_same {
        true => Ok(()),
        false => {
            let detail = format!("annulment {:032x} exists with another body", asked.annulment);
            Err((Reason::IdHasAnotherBody, detail))
        }
    }
}
