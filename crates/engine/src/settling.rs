//! Settlement: from grades to payments, and back when a grade is taken back.

use std::collections::{BTreeMap, BTreeSet};

use oddsengine_ledger::{AccountKind, TransferError};
use oddsengine_markets::LivePhase;
use oddsengine_risk::{Change, Position, UNIT_E9, unit_minor};
use oddsengine_types::{Grade, TicketId, payout_minor};

use crate::apply::Refusal;
use crate::command::VoidKind;
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::money::{Entry, RETRY_NS, collection, entry, reason_of, tell_stopped};
use crate::placing::{BookChanges, plan_remove, position_of};
use crate::status::{Reason, TicketState};
use crate::ticket::{Leg, Ticket};

/// Accumulators are weighed anew at most this often: their legs' probabilities move with every clock tick.
pub const WEIGH_INTERVAL_NS: i64 = 100_000_000;

/// Transfer numbers of one ticket: three for the stake, then sixteen per settlement; the `n`-th, from 0, is refunded at
/// twelve, and from 1 on paid at zero and taken back at eight.
const TRANSFERS_PER_SETTLEMENT: u32 = 16;
const TAKEN_BACK: u32 = 8;
const REFUNDED: u32 = 12;

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

    /// The clock goes back: what is yet to come stays as far away as it was.
    pub(crate) fn set_back(&mut self, by_ns: i64) {
        for (due_ns, ticket) in std::mem::take(&mut self.by_due) {
            self.due_ns.remove(&ticket);
            self.insert(due_ns.saturating_sub(by_ns), ticket);
        }
    }

    fn waits(&self, ticket: u32) -> bool {
        self.due_ns.contains_key(&ticket)
    }

    fn insert(&mut self, due_ns: i64, ticket: u32) {
        self.remove(ticket);
        self.by_due.insert((due_ns, ticket));
        self.due_ns.insert(ticket, due_ns);
    }

    fn remove(&mut self, ticket: u32) {
        if let Some(due_ns) = self.due_ns.remove(&ticket) {
            self.by_due.remove(&(due_ns, ticket));
        }
    }
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

impl Engine {
    /// Brings every grade of a fixture up to date; returns the selections whose grade changed, ascending.
    pub(crate) fn regrade(&mut self, index: usize) -> Vec<u16> {
        let fixture = &mut self.fixtures[index];
        let template = fixture.template();
        let outcome = fixture.final_outcome();
        let mut regraded = Vec::new();
        for (market_index, market) in template.markets.iter().enumerate() {
            let told = fixture.told_grades.get(&(market_index as u16));
            for (slot, selection) in market.selections().enumerate() {
                let derived = match &outcome {
                    Some(outcome) => Some(template.grade(selection, outcome)),
                    None => template.decided_grade(selection, &fixture.live, &fixture.possible),
                };
                let by_result = told.map_or(derived, |grades| Some(grades[slot]));
                let grade = match fixture.void {
                    VoidKind::Nothing => by_result,
                    VoidKind::Undecided => Some(by_result.unwrap_or(Grade::VOID)),
                    VoidKind::Everything => Some(Grade::VOID),
                };
                if fixture.grades[selection] != grade {
                    fixture.grades[selection] = grade;
                    regraded.push(selection as u16);
                }
            }
        }
        regraded
    }

    /// Settles, resettles or reopens every ticket with a leg on a selection whose grade changed, and those with a leg on
    /// the fixture that have waited for less.
    pub(crate) fn settle_regraded(&mut self, index: usize, regraded: &[u16], sink: &mut impl Sink) {
        let legs = &self.fixtures[index].legs;
        let mut tickets: BTreeSet<u32> = regraded
            .iter()
            .filter_map(|selection| legs.get(selection))
            .flatten()
            .map(|&(ticket, _)| ticket)
            .collect();
        let is_on_it = |ticket: &u32| {
            self.tickets[*ticket as usize].legs.iter().any(|leg| leg.fixture as usize == index)
        };
        tickets.extend(self.stuck.iter().copied().filter(is_on_it));
        let fixture = &self.fixtures[index];
        if fixture.is_closed() || !fixture.told_grades.is_empty() {
            let is_over = |ticket: &u32| is_on_it(ticket) && !self.may_be_taken_back(*ticket as usize);
            tickets.extend(self.settling.due_ns.keys().copied().filter(is_over));
        }
        let mut changes = BookChanges::new();
        for ticket in tickets {
            self.settle(ticket, &mut changes, sink);
        }
        self.void_waiting(index, &mut changes);
        self.change_books(&changes);
    }

    /// Takes legs that the course of play made void out of the book while their ticket waits out its delay: a runner that
    /// is withdrawn is void on every outcome, which the cells of its view do not say, and a bet on it would count as a
    /// sure profit.
    fn void_waiting(&mut self, index: usize, changes: &mut BookChanges) {
        let waiting: Vec<u32> = self.delayed.iter().map(|&(_, ticket)| ticket).collect();
        for ticket in waiting {
            let mut graded = self.tickets[ticket as usize].clone();
            let fixture = &self.fixtures[index];
            let by_play = |leg: &Leg| match leg.fixture as usize == index {
                true => {
                    fixture.grade_by_play(usize::from(leg.selection)).filter(|&grade| grade == Grade::VOID)
                }
                false => leg.grade,
            };
            if graded.legs.iter().all(|leg| leg.grade == by_play(leg)) {
                continue;
            }
            plan_remove(&mut graded, changes);
            for leg in &mut graded.legs {
                leg.grade = by_play(leg);
            }
            self.plan_add(&mut graded, changes);
            self.tickets[ticket as usize] = graded;
        }
    }

    /// Pays the tickets whose settlement delay has ended by what has been read: the message that takes a goal back may
    /// wait unread.
    pub(crate) fn settle_due(&mut self, read_ns: i64, sink: &mut impl Sink) {
        let until = (self.now_ns.min(read_ns), u32::MAX);
        // A list, so that what is put off to the end of time is not due again.
        let due: Vec<(i64, u32)> = self.settling.by_due.range(..=until).copied().collect();
        for (_, index) in due {
            let mut ticket = self.tickets[index as usize].clone();
            let paid = payout_of(&ticket).unwrap_or(0);
            match self.book_settlement(&mut ticket, Stake::Paid(paid)) {
                Ok(()) => {
                    self.settling.remove(index);
                    self.changes.note(&mut ticket, index, self.tickets.get(index as usize));
                    self.tickets[index as usize] = ticket;
                    let ticket = &self.tickets[index as usize];
                    sink.event(Event::Settlement { ticket, paid_minor_before: 0 });
                }
                Err(error) => {
                    self.settling.insert(self.now_ns.saturating_add(RETRY_NS), index);
                    tell_stopped(&ticket, error, sink);
                }
            }
            self.drop_postings();
        }
    }

    /// A leg of the ticket was decided while its match is in play, where results are still taken back.
    fn may_be_taken_back(&self, index: usize) -> bool {
        let is_in_play = |leg: &Leg| {
            let fixture = &self.fixtures[leg.fixture as usize];
            let market = fixture.template().selections[usize::from(leg.selection)].market;
            fixture.live.phase() == LivePhase::InPlay
                && fixture.void == VoidKind::Nothing
                && !fixture.told_grades.contains_key(&market)
        };
        self.tickets[index].legs.iter().any(is_in_play)
    }

    fn settle(&mut self, index: u32, changes: &mut BookChanges, sink: &mut impl Sink) {
        let mut ticket = self.tickets[index as usize].clone();
        let was_open = match ticket.state {
            TicketState::Open => true,
            TicketState::Settled => false,
            _ => return,
        };
        let (planned, payout_before) = (changes.len(), payout_of(&ticket));
        if was_open {
            plan_remove(&mut ticket, changes);
        }
        for leg in &mut ticket.legs {
            leg.grade = self.fixtures[leg.fixture as usize].grades[usize::from(leg.selection)];
        }
        let paid_minor_before = ticket.paid_minor;
        let payout = payout_of(&ticket);
        if !was_open && payout == Some(paid_minor_before) {
            self.stuck.remove(&index);
            self.tickets[index as usize] = ticket;
            return;
        }
        let delay_ns = self.config.settlement_delay_ms * 1_000_000;
        let waits = payout.is_some_and(|minor| minor > 0)
            && (delay_ns > 0 || self.settling.waits(index))
            && self.may_be_taken_back(index as usize);
        let stake = payout.filter(|_| !waits).map_or(Stake::Open, Stake::Paid);
        if let Err(error) = self.book_settlement(&mut ticket, stake) {
            changes.truncate(planned);
            self.stuck.insert(index);
            return tell_stopped(&self.tickets[index as usize], error, sink);
        }
        self.stuck.remove(&index);
        if !waits {
            self.settling.remove(index);
        } else if !(self.settling.waits(index) && payout == payout_before) {
            self.settling.insert(self.now_ns.saturating_add(delay_ns), index);
        }
        if payout.is_none() {
            self.plan_add(&mut ticket, changes);
        }
        let is_told = !(was_open && ticket.state == TicketState::Open);
        if is_told {
            self.changes.note(&mut ticket, index, self.tickets.get(index as usize));
        }
        self.tickets[index as usize] = ticket;
        self.drop_postings();
        if is_told {
            let ticket = &self.tickets[index as usize];
            sink.event(Event::Settlement { ticket, paid_minor_before });
        }
    }

    /// Books what becomes of a ticket, whole or not at all: a settlement is taken back first, and what is owed is paid
    /// out of whatever reaches the customer's cash.
    ///
    /// What the customer has spent of a settlement that is taken back becomes a receivable: cash never goes negative.
    fn book_settlement(&mut self, ticket: &mut Ticket, stake: Stake) -> Result<(), TransferError> {
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
        let mut entries: Vec<Entry> = Vec::with_capacity(6);
        let mut add = |number: u32, from, to, amount_minor: i64| {
            if amount_minor > 0 {
                entries.push(entry(ticket, number, from, to, amount_minor));
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
            entries.push(collection(ticket, first, collected_minor));
        }
        self.book(&entries)?;
        if takes_back {
            self.counters.rollback_count += 1;
            (ticket.state, ticket.paid_minor) = (TicketState::Open, 0);
        }
        match stake {
            Stake::Open => {}
            Stake::Paid(payout_minor) => {
                ticket.settlement_count += 1;
                (ticket.state, ticket.paid_minor) = (TicketState::Settled, payout_minor);
                self.counters.settlement_count += 1;
            }
            Stake::Refunded => ticket.state = TicketState::Cancelled,
        }
        Ok(())
    }

    /// Withdraws a ticket: whatever was paid comes back, the stake goes back.
    pub(crate) fn cancel_ticket(&mut self, id: TicketId, sink: &mut impl Sink) -> Result<(), Refusal> {
        let Some(&index) = self.ticket_index.get(&id) else {
            return Err((Reason::TicketNotFound, format!("ticket {:032x} is not known", id.0)));
        };
        let mut ticket = self.tickets[index as usize].clone();
        let paid_minor_before = ticket.paid_minor;
        let booked = match ticket.state {
            TicketState::Delayed => self.release_stake(&ticket, sink),
            TicketState::Open | TicketState::Settled => self.book_settlement(&mut ticket, Stake::Refunded),
            TicketState::Refused(_) | TicketState::Cancelled => {
                return Err((
                    Reason::TicketNotOpen,
                    format!("ticket {:032x} is {}", id.0, ticket.state.name()),
                ));
            }
        };
        if let Err(error) = booked {
            return Err((reason_of(error), format!("ticket {:032x}: {error}", id.0)));
        }
        self.count_stake(&ticket, false);
        if self.tickets[index as usize].is_live() {
            self.remove_positions(&mut ticket);
        }
        self.delayed.remove(&(ticket.due_ns, index));
        self.settling.remove(index);
        self.stuck.remove(&index);
        (ticket.state, ticket.paid_minor) = (TicketState::Cancelled, 0);
        self.changes.note(&mut ticket, index, self.tickets.get(index as usize));
        self.tickets[index as usize] = ticket;
        self.drop_postings();
        sink.event(Event::Settlement { ticket: &self.tickets[index as usize], paid_minor_before });
        Ok(())
    }

    /// Tickets that wait out the settlement delay, and those that the ledger would not settle, from a snapshot.
    pub(crate) fn restore_settling(&mut self, settling: &[(i64, u32)]) -> Result<(), String> {
        if !settling.is_sorted_by(|a, b| a < b) {
            return Err("the tickets that wait to be settled are not in order of their time".into());
        }
        for &(due_ns, index) in settling {
            let ticket = self.tickets.get(index as usize);
            if !ticket.is_some_and(|ticket| ticket.state == TicketState::Open && payout_of(ticket).is_some())
            {
                return Err(format!("ticket {index} waits to be settled and is not decided"));
            }
            if self.settling.waits(index) {
                return Err(format!("ticket {index} waits twice to be settled"));
            }
            self.settling.insert(due_ns, index);
        }
        let has_moved =
            |leg: &Leg| leg.grade != self.fixtures[leg.fixture as usize].grades[usize::from(leg.selection)];
        let stuck = self.tickets.iter().enumerate().filter(|(_, ticket)| {
            matches!(ticket.state, TicketState::Open | TicketState::Settled)
                && ticket.legs.iter().any(has_moved)
        });
        self.stuck = stuck.map(|(index, _)| index as u32).collect();
        Ok(())
    }

    /// Accumulators would be weighed anew at this time.
    pub(crate) fn weighs_accumulators(&self, now_ns: i64) -> bool {
        !self.moved.is_empty() && now_ns.saturating_sub(self.weighed_ns) >= WEIGH_INTERVAL_NS
    }

    /// Weighs the legs of open accumulators anew where another leg's probability has moved.
    pub(crate) fn weigh_accumulators(&mut self) {
        if !self.weighs_accumulators(self.now_ns) {
            return;
        }
        self.weighed_ns = self.now_ns;
        let moved = std::mem::take(&mut self.moved);
        let mut tickets = BTreeSet::new();
        for &index in &moved {
            for &(ticket, _) in self.fixtures[index as usize].legs.values().flatten() {
                let known = &self.tickets[ticket as usize];
                if known.legs.len() > 1 && known.state == TicketState::Open {
                    tickets.insert(ticket);
                }
            }
        }
        let mut changes = BookChanges::new();
        for ticket in tickets {
            let units = self.units_e9(&self.tickets[ticket as usize].legs);
            let ticket = &mut self.tickets[ticket as usize];
            for (leg, unit_e9) in ticket.legs.iter_mut().zip(units).filter(|(leg, _)| leg.grade.is_none()) {
                debug_assert!(unit_e9 <= 1_000_000 * UNIT_E9);
                let unit_minor = unit_minor(ticket.stake_minor, unit_e9);
                if unit_minor != leg.unit_minor {
                    let position = position_of(leg, ticket.stake_minor);
                    changes.push((leg.fixture, Change { position, adds: false }));
                    changes.push((
                        leg.fixture,
                        Change { position: Position { unit_minor, ..position }, adds: true },
                    ));
                    leg.unit_minor = unit_minor;
                }
            }
        }
        self.change_books(&changes);
    }
}

/// What a ticket pays by its legs' grades: nothing once a leg lost, the product once all are graded.
fn payout_of(ticket: &Ticket) -> Option<i64> {
    if ticket.legs.iter().any(|leg| leg.grade.is_some_and(Grade::is_lost)) {
        return Some(0);
    }
    let legs: Option<Vec<(u32, Grade)>> =
        ticket.legs.iter().map(|leg| leg.grade.map(|grade| (leg.odds_e4, grade))).collect();
    legs.map(|legs| payout_minor(ticket.stake_minor, &legs))
}
