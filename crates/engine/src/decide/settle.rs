//! Settlement: from grades to payments, and back when a grade is taken back.

use std::collections::BTreeSet;

use oddsengine_facts::{Fact, GradedLeg, Leg, Reason, Ticket, TicketState, VoidKind, Weight};
use oddsengine_ledger::TransferError;
use oddsengine_markets::LivePhase;
use oddsengine_types::{AccountKind, Grade, TicketId, payout_minor};

use super::money::{RETRY_NS, booking, collection, reason_of, stopped};
use crate::lines;
use crate::state::State;
use crate::step::{Refusal, Step};

/// Accumulators are weighed anew at most this often: their legs' probabilities move with every clock tick.
pub const WEIGH_INTERVAL_NS: i64 = 100_000_000;

/// Most tickets that one command settles where more are due than [at once](SETTLED_AT_ONCE), and that many it pays at the end
/// of their settlement delay: about as long as a board takes, since odds of other fixtures wait for no more than a slice. What
/// is left is due at once.
pub const SETTLED_PER_RECORD: usize = 4;

/// So few tickets are settled by the command that decides them, or paid by the one at the end of their delay.
pub const SETTLED_AT_ONCE: usize = 64;

/// Most tickets that one command decides at the end of their bet delay: each is judged as when it was placed.
pub const DECIDED_PER_RECORD: usize = 16;

/// Most accumulators that one command weighs anew where more are due than [at once](WEIGHED_AT_ONCE).
pub const WEIGHED_PER_RECORD: usize = 16;

/// So few accumulators are weighed by one command, and before a bet is judged.
pub const WEIGHED_AT_ONCE: usize = 128;

/// Most accumulators that a bet weighs before it is judged, where more are due. It is judged on weights that are as old as the
/// pass that is going on, and [`WEIGH_INTERVAL_NS`]; each bet and each tick carries the pass on, so that it ends.
pub const WEIGHED_PER_BET: usize = 32;

/// Most tickets that one command looks through for those whose payment waits in vain; others are paid when they are due.
const WAITING_LOOKED_AT: usize = 1_024;

/// Transfer numbers of one ticket: three for the stake, then sixteen per settlement; the `n`-th, from 0, is refunded at
/// twelve, and from 1 on paid at zero, open again after a refund at four, given goodwill at six and taken back at eight.
const TRANSFERS_PER_SETTLEMENT: u32 = 16;
const REINSTATED: u32 = 4;
const GOODWILL: u32 = 6;
const TAKEN_BACK: u32 = 8;
const REFUNDED: u32 = 12;

/// Most numbers of one of these four.
const NUMBERS_PER_BOOKING: u32 = 4;

/// The numbers that the settlements of a ticket may have used.
pub(super) fn settlement_numbers(ticket: &Ticket) -> impl Iterator<Item = u32> + use<> {
    let first = |settlement: u32| settlement.saturating_mul(TRANSFERS_PER_SETTLEMENT);
    let count = ticket.settlement_count;
    let paid = (1..=count).flat_map(move |settlement| {
        let paid = first(settlement);
        (paid..paid + TAKEN_BACK).chain(paid + TAKEN_BACK..paid + TAKEN_BACK + NUMBERS_PER_BOOKING)
    });
    // Refunded now, or each time before it came back.
    let refunded_from = match (ticket.state == TicketState::Cancelled, ticket.marks.reinstated_count) {
        (_, 1..) => 0,
        (true, 0) => count,
        (false, 0) => count.saturating_add(1),
    };
    let refunded = (refunded_from..=count).flat_map(move |settlement| {
        let refunded = first(settlement).saturating_add(REFUNDED);
        refunded..refunded.saturating_add(NUMBERS_PER_BOOKING)
    });
    paid.chain(refunded)
}

/// What becomes of a ticket's stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stake {
    /// It stays where it is, or goes back there.
    Open,
    /// It becomes result, and this is paid out of it.
    Paid(i64),
    /// It goes back to the customer.
    Refunded,
}

impl Step<'_> {
    /// After the selections of a fixture were graded anew: settles, resettles or reopens the tickets with a leg on them, and
    /// those with a leg on the fixture that have waited for less. What is more than a slice waits for the next ticks.
    pub(super) fn settle_regraded(&mut self, index: usize) {
        let is_on_it = |ticket: &u32| {
            self.tickets[*ticket as usize].legs.iter().any(|leg| leg.place.fixture as usize == index)
        };
        let count = self.settled_by_decision();
        // In order of acceptance, whatever they waited for.
        let mut tickets: BTreeSet<u32> = self.settling.regraded().iter().copied().take(count).collect();
        let mut left = count - tickets.len();
        let stuck = self.settling.stuck().iter().take(WAITING_LOOKED_AT).copied().filter(is_on_it);
        tickets.extend(stuck.take(left));
        let fixture = &self.fixtures[index];
        if fixture.is_closed() || !fixture.told_grades.is_empty() {
            let is_over = |ticket: &u32| {
                is_on_it(ticket)
                    && !self.may_be_taken_back(*ticket as usize)
                    && self.held_until_ns(&self.tickets[*ticket as usize]).is_none()
            };
            let waiting =
                self.settling.due().map(|(_, ticket)| ticket).take(WAITING_LOOKED_AT).filter(is_over);
            left = count - tickets.len().min(count);
            tickets.extend(waiting.take(left));
        }
        left = count - tickets.len().min(count);
        for ticket in tickets {
            self.settle(ticket);
        }
        self.settle_queued(left);
        self.void_waiting(index);
    }

    /// Settles the first tickets whose legs are graded otherwise than their selections.
    pub(super) fn settle_slice(&mut self) {
        self.settle_next(SETTLED_PER_RECORD);
    }

    /// After tickets came back whose results may be others by now: the same, but few at once.
    pub(super) fn settle_recalled(&mut self) {
        self.settle_next(self.settled_by_decision());
    }

    fn settle_next(&mut self, count: usize) {
        let slice: Vec<u32> = self.settling.regraded().iter().copied().take(count).collect();
        let left = count - slice.len();
        for ticket in slice {
            self.settle(ticket);
        }
        self.settle_queued(left);
    }

    /// Goes through the tickets of selections with many, as many as `left`, each where it was left.
    fn settle_queued(&mut self, mut left: usize) {
        while left > 0
            && let Some((&(index, place), &from)) = self.due.settling.first_key_value()
        {
            let fixture = &self.fixtures[index as usize];
            let mut on_it = fixture.legs.get(&place).into_iter().flat_map(|on_it| on_it.range((from, 0)..));
            let slice: Vec<u32> = on_it.by_ref().take(left).map(|&(ticket, _)| ticket).collect();
            let next = on_it.next().map(|&(ticket, _)| self.tickets[ticket as usize].id);
            let (fixture, selection) = (fixture.id(), fixture.template.selection_id(usize::from(place)));
            left -= slice.len().clamp(1, left);
            for ticket in slice {
                if self.is_regraded(ticket) || self.is_released(ticket) {
                    self.settle(ticket);
                }
            }
            self.fact(Fact::SettlingAdvanced { fixture, selection, next });
        }
    }

    /// Takes legs that the course of play made void out of the book while their ticket waits out its delay: a runner that
    /// is withdrawn is void on every outcome, which the cells of its view do not say, and a bet on it would count as a
    /// sure profit.
    fn void_waiting(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        // Looked at are the selections that somebody waits on, and of the tickets those whose leg changes.
        let is_void = |selection: u16| fixture.grade_by_play(usize::from(selection)) == Some(Grade::VOID);
        let changed =
            fixture.waiting.iter().filter(|&(&(selection, was_void), _)| is_void(selection) != was_void);
        let tickets = changed.flat_map(|(_, tickets)| tickets.iter().copied());
        // In order of the ends of their delays.
        let waiting: BTreeSet<(i64, u32)> =
            tickets.map(|ticket| (self.tickets[ticket as usize].due_ns, ticket)).collect();
        for (_, ticket) in waiting {
            let mut graded = self.tickets[ticket as usize].clone();
            let fixture = &self.fixtures[index];
            let by_play = |leg: &Leg| match leg.place.fixture as usize == index {
                true => fixture
                    .grade_by_play(usize::from(leg.place.selection))
                    .filter(|&grade| grade == Grade::VOID),
                false => leg.grade,
            };
            let grades: Vec<Option<Grade>> = graded.legs.iter().map(by_play).collect();
            graded.legs.iter_mut().zip(grades).for_each(|(leg, grade)| leg.grade = grade);
            self.grade_legs(&graded, true);
        }
    }

    /// The legs of a ticket have these grades from now on; `is_live`: what is undecided of it counts in the books.
    fn grade_legs(&mut self, graded: &Ticket, is_live: bool) {
        let units: Vec<i64> = match is_live && graded.legs.iter().any(|leg| leg.grade.is_none()) {
            true => {
                if graded.legs.len() > 1 {
                    graded.legs.iter().for_each(|leg| self.priced(leg.place.fixture as usize));
                }
                self.units_minor(graded)
            }
            false => vec![0; graded.legs.len()],
        };
        let legs = graded.legs.iter().zip(units);
        let legs = legs.map(|(leg, unit_minor)| GradedLeg { grade: leg.grade, unit_minor }).collect();
        self.fact(Fact::LegsGraded { ticket: graded.id, legs });
    }

    /// Pays the tickets whose settlement delay has ended by what has been read: the message that takes a goal back may
    /// wait unread.
    pub(super) fn settle_due(&mut self, read_ns: i64) {
        let until_ns = self.now_ns.min(read_ns);
        // A list, so that what is put off to the end of time is not due again.
        let due: Vec<(i64, u32)> = self
            .settling
            .due()
            .take_while(|&(due_ns, _)| due_ns <= until_ns)
            .take(SETTLED_AT_ONCE + 1)
            .collect();
        let count = if due.len() <= SETTLED_AT_ONCE { SETTLED_AT_ONCE } else { SETTLED_PER_RECORD };
        for (_, index) in due.into_iter().take(count) {
            let ticket = self.tickets[index as usize].clone();
            if let Some(until_ns) = self.held_until_ns(&ticket) {
                // Something on it came under review while it waited.
                self.fact(Fact::PaymentDue { ticket: ticket.id, due_ns: Some(until_ns) });
                continue;
            }
            let paid_minor = payout_of(&ticket).unwrap_or(0);
            match self.book_settlement(&ticket, Stake::Paid(paid_minor)) {
                Ok(()) => self.fact(Fact::TicketPaid { ticket: ticket.id, paid_minor, takes_back: false }),
                Err(error) => {
                    let due_ns = Some(self.now_ns.saturating_add(RETRY_NS));
                    self.fact(Fact::PaymentDue { ticket: ticket.id, due_ns });
                    self.alert("ticket_stopped", None, stopped(&ticket, error));
                }
            }
        }
    }

    fn settle(&mut self, index: u32) {
        if self.tickets[index as usize].state == TicketState::Settled {
            self.let_stand(index);
        }
        self.settle_anew(index);
    }

    /// Settles a ticket by the grades that its legs are to have, whatever it was settled by before.
    pub(super) fn settle_anew(&mut self, index: u32) {
        let mut ticket = self.tickets[index as usize].clone();
        let was_open = match ticket.state {
            TicketState::Open => true,
            TicketState::Settled => false,
            _ => return,
        };
        let (payout_before, paid_minor_before) = (payout_of(&ticket), ticket.paid_minor);
        let grades: Vec<Option<Grade>> =
            (0..ticket.legs.len()).map(|leg| self.due_grade(&ticket, leg)).collect();
        ticket.legs.iter_mut().zip(grades).for_each(|(leg, grade)| leg.grade = grade);
        let payout = payout_of(&ticket);
        if !was_open && payout == Some(paid_minor_before) {
            return self.grade_legs(&ticket, false);
        }
        let (delay_ns, waited) =
            (self.config.settlement_delay_ms * 1_000_000, self.settling.wait(index).due_ns.is_some());
        let due_before_ns = self.settling.wait(index).due_ns;
        let held_ns = payout.and_then(|_| self.held_until_ns(&ticket));
        let waits = held_ns.is_some()
            || payout.is_some_and(|minor| minor > 0)
                && (delay_ns > 0 || waited)
                && self.may_be_taken_back(index as usize);
        let stake = payout.filter(|_| !waits).map_or(Stake::Open, Stake::Paid);
        if let Err(error) = self.book_settlement(&ticket, stake) {
            self.fact(Fact::TicketStuck { ticket: ticket.id });
            return self.alert("ticket_stopped", None, stopped(&ticket, error));
        }
        let (id, takes_back) = (ticket.id, !was_open);
        self.grade_legs(&ticket, payout.is_none());
        match stake {
            Stake::Paid(paid_minor) => self.fact(Fact::TicketPaid { ticket: id, paid_minor, takes_back }),
            _ if takes_back => self.fact(Fact::TicketReopened { ticket: id }),
            _ => {}
        }
        if waits {
            // The delay of a result that stays is not begun anew; what waited for a word waits for the delay then.
            let stays = payout == payout_before && due_before_ns.is_some_and(|due_ns| due_ns != i64::MAX);
            let due_ns = match (held_ns, stays) {
                (Some(held_ns), _) => Some(held_ns),
                (None, true) => due_before_ns,
                (None, false) => Some(self.now_ns.saturating_add(delay_ns)),
            };
            if due_ns != self.settling.wait(index).due_ns {
                self.fact(Fact::PaymentDue { ticket: id, due_ns });
            }
        } else if !waits && self.settling.wait(index).due_ns.is_some() {
            self.fact(Fact::PaymentDue { ticket: id, due_ns: None });
        }
    }

    /// Books what becomes of a ticket, whole or not at all: a settlement is taken back first, and what is owed is paid
    /// out of whatever reaches the customer's cash.
    ///
    /// What the customer has spent of a settlement that is taken back becomes a receivable: cash never goes negative.
    fn book_settlement(&mut self, ticket: &Ticket, stake: Stake) -> Result<(), TransferError> {
        let takes_back = ticket.state == TicketState::Settled;
        if !takes_back && stake == Stake::Open {
            return Ok(());
        }
        let customer = ticket.customer;
        let [cash, open, owed] = [
            AccountKind::CustomerCash(customer),
            AccountKind::CustomerOpenStakes(customer),
            AccountKind::CustomerReceivable(customer),
        ];
        let result = AccountKind::BettingResult;
        let (mut available_minor, mut owed_minor) =
            (self.available_minor(customer), self.owed_minor(customer));
        let (stake_minor, paid_minor) = (ticket.stake_minor, ticket.paid_minor);
        let mut bookings = Vec::with_capacity(6);
        let mut add = |number: u32, from, to, amount_minor: i64| {
            if amount_minor > 0 {
                bookings.push(booking(ticket, number, from, to, amount_minor));
            }
        };
        // Saturated numbers meet, and the ledger refuses the second: the ticket stops after 2^28 settlements.
        let number = |settlement: u32, number: u32| {
            settlement.saturating_mul(TRANSFERS_PER_SETTLEMENT).saturating_add(number)
        };
        if takes_back {
            let first = number(ticket.settlement_count, TAKEN_BACK);
            let shortfall_minor = (paid_minor - available_minor).max(0);
            add(first, owed, cash, shortfall_minor);
            add(first + 1, cash, result, paid_minor);
            add(first + 2, result, open, stake_minor);
            available_minor += shortfall_minor - paid_minor;
            owed_minor += shortfall_minor;
        }
        let (first, returned_minor) = match stake {
            Stake::Open => (0, 0),
            Stake::Paid(payout_minor) => {
                let first = number(ticket.settlement_count.saturating_add(1), 0);
                add(first, open, result, stake_minor);
                add(first + 1, result, cash, payout_minor);
                (first + 2, payout_minor)
            }
            Stake::Refunded => {
                let first = number(ticket.settlement_count, REFUNDED);
                add(first, open, cash, stake_minor);
                (first + 1, stake_minor)
            }
        };
        let collected_minor = owed_minor.min(available_minor + returned_minor).max(0);
        if returned_minor > 0 && collected_minor > 0 {
            bookings.push(collection(ticket, first, collected_minor));
        }
        self.book(bookings)
    }

    /// Gives the stake of an accepted ticket back, whatever was paid on it before.
    pub(super) fn book_cancellation(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        self.book_settlement(ticket, Stake::Refunded)
    }

    /// Takes the stake of a cancelled ticket again; what the customer has spent of it becomes a receivable.
    pub(super) fn book_reinstatement(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        let customer = ticket.customer;
        let [cash, open, owed] = [
            AccountKind::CustomerCash(customer),
            AccountKind::CustomerOpenStakes(customer),
            AccountKind::CustomerReceivable(customer),
        ];
        let settlement = ticket.settlement_count.saturating_add(1);
        let first = settlement.saturating_mul(TRANSFERS_PER_SETTLEMENT).saturating_add(REINSTATED);
        let shortfall_minor = (ticket.stake_minor - self.available_minor(customer)).max(0);
        let mut bookings = Vec::with_capacity(2);
        if shortfall_minor > 0 {
            bookings.push(booking(ticket, first, owed, cash, shortfall_minor));
        }
        bookings.push(booking(ticket, first + 1, cash, open, ticket.stake_minor));
        self.book(bookings)
    }

    /// Gives a customer what a corrected result would have paid more.
    pub(super) fn book_goodwill(&mut self, ticket: &Ticket, minor: i64) -> Result<(), TransferError> {
        let first = ticket.settlement_count.saturating_mul(TRANSFERS_PER_SETTLEMENT).saturating_add(GOODWILL);
        let cash = AccountKind::CustomerCash(ticket.customer);
        let mut bookings = vec![booking(ticket, first, AccountKind::Goodwill, cash, minor)];
        let collected_minor = self.owed_minor(ticket.customer).min(minor);
        if collected_minor > 0 {
            bookings.push(collection(ticket, first + 1, collected_minor));
        }
        self.book(bookings)
    }

    /// Withdraws a ticket: whatever was paid comes back, the stake goes back.
    pub(super) fn cancel_ticket(&mut self, id: TicketId) -> Result<(), Refusal> {
        let Some(ticket) = self.ticket(id).cloned() else {
            return Err((Reason::TicketNotFound, format!("ticket {:032x} is not known", id.0)));
        };
        let booked = match ticket.state {
            TicketState::Delayed | TicketState::Referred => self.release_stake(&ticket),
            TicketState::Open | TicketState::Settled => self.book_cancellation(&ticket),
            TicketState::Refused(_) | TicketState::Cancelled | TicketState::Reoffered(_) => {
                return Err((
                    Reason::TicketNotOpen,
                    format!("ticket {:032x} is {}", id.0, ticket.state.name()),
                ));
            }
        };
        if let Err(error) = booked {
            return Err((reason_of(error), format!("ticket {:032x}: {error}", id.0)));
        }
        self.fact(Fact::TicketCancelled { ticket: id });
        Ok(())
    }

    /// Weighs the legs of open accumulators anew where another leg's probability has moved: all of them where they are no more
    /// than [`WEIGHED_AT_ONCE`], otherwise as many as `count`, and the rest in later slices of the same pass.
    pub(super) fn weigh_accumulators(&mut self, count: usize) {
        if !self.weighs_accumulators(self.now_ns) {
            return;
        }
        if self.due.weighing.is_empty() {
            let concerned: usize =
                self.moved.iter().map(|&index| self.fixtures[index as usize].accumulators.len()).sum();
            if concerned <= WEIGHED_AT_ONCE {
                let of_moved =
                    self.moved.iter().flat_map(|&index| &self.fixtures[index as usize].accumulators);
                let tickets: BTreeSet<u32> = of_moved.copied().collect();
                let weights = self.weights_of(&tickets);
                return self.fact(Fact::Weighed { weights });
            }
        }
        let (mut left, mut begins) = (count, self.due.weighing.is_empty());
        while left > 0
            && let Some(&index) = if begins { self.moved.first() } else { self.due.weighing.first() }
        {
            begins = false;
            let fixture = &self.fixtures[index as usize];
            let mut on_it = fixture.accumulators.range(self.due.weigh_from..).copied();
            let slice: BTreeSet<u32> = on_it.by_ref().take(left).collect();
            let next = on_it.next().map(|ticket| self.tickets[ticket as usize].id);
            let fixture = fixture.id();
            left -= slice.len().clamp(1, left);
            let weights = self.weights_of(&slice);
            self.fact(Fact::WeighingAdvanced { fixture, weights, next });
        }
    }

    /// What rides on the legs of these tickets by now, where that has moved.
    fn weights_of(&mut self, tickets: &BTreeSet<u32>) -> Vec<Weight> {
        let legs = tickets.iter().flat_map(|&ticket| &self.tickets[ticket as usize].legs);
        let priced: BTreeSet<u32> = legs.map(|leg| leg.place.fixture).collect();
        priced.into_iter().for_each(|fixture| self.priced(fixture as usize));
        let mut weights = Vec::new();
        for &ticket in tickets {
            let ticket = &self.tickets[ticket as usize];
            let units_minor = self.units_minor(ticket);
            let moves =
                |(leg, &unit_minor): (&Leg, &i64)| leg.grade.is_none() && leg.unit_minor != unit_minor;
            if ticket.legs.iter().zip(&units_minor).any(moves) {
                weights.push(Weight { ticket: ticket.id, units_minor });
            }
        }
        weights
    }
}

impl State {
    /// How many tickets are settled by the command that decides them.
    fn settled_by_decision(&self) -> usize {
        let is_few = self.due.settling.is_empty() && self.settling.regraded().len() <= SETTLED_AT_ONCE;
        if is_few { SETTLED_AT_ONCE } else { SETTLED_PER_RECORD }
    }

    /// A leg of the ticket was decided while its match is in play, where results are still taken back.
    fn may_be_taken_back(&self, index: usize) -> bool {
        let marks = &self.tickets[index].marks;
        let is_in_play = |(place, leg): (usize, &Leg)| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            let market = fixture.template().selections[usize::from(leg.place.selection)].market;
            fixture.live.phase() == LivePhase::InPlay
                && fixture.void == VoidKind::Nothing
                && !fixture.told_grades.contains_key(&market)
                && !marks.is_void(place)
        };
        self.tickets[index].legs.iter().enumerate().any(is_in_play)
    }

    /// A ticket waits longer than anything holds it.
    fn is_released(&self, index: u32) -> bool {
        let ticket = &self.tickets[index as usize];
        let due_ns = self.settling.wait(index).due_ns;
        due_ns.is_some_and(|due_ns| self.held_until_ns(ticket).is_none_or(|until_ns| until_ns < due_ns))
    }

    /// What a ticket would pay by the grades that its legs are to have.
    pub(super) fn payout_anew(&self, ticket: &Ticket) -> Option<i64> {
        let mut anew = ticket.clone();
        for (place, leg) in anew.legs.iter_mut().enumerate() {
            leg.grade = self.due_grade(ticket, place);
        }
        payout_of(&anew)
    }

    /// Accumulators would be weighed anew at this time.
    pub(crate) fn weighs_accumulators(&self, now_ns: i64) -> bool {
        let begins = !self.moved.is_empty() && now_ns.saturating_sub(self.weighed_ns) >= WEIGH_INTERVAL_NS;
        begins || !self.due.weighing.is_empty()
    }
}

/// What a ticket pays by its legs' grades: nothing once a leg lost, the product once all are graded; of several bets, their
/// sum once no line waits.
pub(crate) fn payout_of(ticket: &Ticket) -> Option<i64> {
    if !ticket.terms.bets.is_empty() {
        return lines::payout_of(ticket);
    }
    if ticket.legs.iter().any(|leg| leg.grade.is_some_and(Grade::is_lost)) {
        return Some(0);
    }
    let legs: Option<Vec<(u32, Grade)>> =
        ticket.legs.iter().map(|leg| leg.grade.map(|grade| (leg.odds_e4, grade))).collect();
    legs.map(|legs| payout_minor(ticket.stake_minor, &legs))
}
