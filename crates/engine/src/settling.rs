//! Settlement: from grades to payments, and back when a grade is taken back.

use std::collections::BTreeSet;

use oddsengine_ledger::{AccountKind, Memo, Transfer, transfer_id};
use oddsengine_risk::{Change, Position, UNIT_E9, unit_minor};
use oddsengine_types::{Grade, TicketId, payout_minor};

use crate::apply::{Refusal, TICKET_TRANSFERS, book};
use crate::command::VoidKind;
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::placing::{BookChanges, plan_remove, position_of};
use crate::status::{Reason, TicketState};
use crate::ticket::{Leg, Ticket};

/// Accumulators are weighed anew at most this often: their legs' probabilities move with every clock tick.
pub const WEIGH_INTERVAL_NS: i64 = 100_000_000;

/// Transfer numbers of one ticket: two for the stake, then sixteen per settlement.
const TRANSFERS_PER_SETTLEMENT: u32 = 16;

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

    /// Settles, resettles or reopens every ticket with a leg on a selection whose grade changed.
    pub(crate) fn settle_regraded(&mut self, index: usize, regraded: &[u16], sink: &mut impl Sink) {
        let legs = &self.fixtures[index].legs;
        let tickets: BTreeSet<u32> = regraded
            .iter()
            .filter_map(|selection| legs.get(selection))
            .flatten()
            .map(|&(ticket, _)| ticket)
            .collect();
        let mut changes = BookChanges::new();
        for ticket in tickets {
            self.settle(ticket as usize, &mut changes, sink);
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
                true => fixture.grade_by_play(usize::from(leg.selection)).filter(|&grade| grade == Grade::VOID),
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

    fn settle(&mut self, index: usize, changes: &mut BookChanges, sink: &mut impl Sink) {
        let mut ticket = self.tickets[index].clone();
        let was_open = match ticket.state {
            TicketState::Open => true,
            TicketState::Settled => false,
            _ => return,
        };
        if was_open {
            plan_remove(&mut ticket, changes);
        }
        for leg in &mut ticket.legs {
            leg.grade = self.fixtures[leg.fixture as usize].grades[usize::from(leg.selection)];
        }
        let paid_minor_before = ticket.paid_minor;
        let payout = payout_of(&ticket);
        let changed = was_open || payout != Some(ticket.paid_minor);
        if changed && !was_open {
            self.take_back(&mut ticket);
        }
        match payout {
            Some(payout_minor) if changed => self.pay(&mut ticket, payout_minor),
            Some(_) => {}
            None => self.plan_add(&mut ticket, changes),
        }
        let is_told = changed && !(was_open && payout.is_none());
        self.tickets[index] = ticket;
        self.drop_postings();
        if is_told {
            sink.event(Event::Settlement { ticket: &self.tickets[index], paid_minor_before });
        }
    }

    /// Books a settlement: the stake becomes result, the payout comes out of it.
    fn pay(&mut self, ticket: &mut Ticket, payout_minor: i64) {
        let [cash, open, result] = self.accounts_of(ticket);
        let first = (ticket.settlement_count + 1) * TRANSFERS_PER_SETTLEMENT;
        let mut transfers = vec![transfer(ticket, first, open, result, ticket.stake_minor)];
        if payout_minor > 0 {
            transfers.push(transfer(ticket, first + 1, result, cash, payout_minor));
        }
        book(&mut self.ledger, &transfers).expect("an open stake can be settled");
        ticket.settlement_count += 1;
        ticket.paid_minor = payout_minor;
        ticket.state = TicketState::Settled;
        self.counters.settlement_count += 1;
    }

    /// Reverses the last settlement. What the customer has spent meanwhile becomes a receivable: cash never goes
    /// negative.
    fn take_back(&mut self, ticket: &mut Ticket) {
        let [cash, open, result] = self.accounts_of(ticket);
        let receivable =
            self.ledger.account(AccountKind::CustomerReceivable(ticket.customer), self.config.currency);
        let first = ticket.settlement_count * TRANSFERS_PER_SETTLEMENT + 8;
        let mut transfers = Vec::new();
        let shortfall = ticket.paid_minor - self.ledger.balance(cash).available_minor;
        if shortfall > 0 {
            transfers.push(transfer(ticket, first, receivable, cash, shortfall));
        }
        if ticket.paid_minor > 0 {
            transfers.push(transfer(ticket, first + 1, cash, result, ticket.paid_minor));
        }
        transfers.push(transfer(ticket, first + 2, result, open, ticket.stake_minor));
        book(&mut self.ledger, &transfers).expect("a settlement can be reversed");
        ticket.paid_minor = 0;
        ticket.state = TicketState::Open;
        self.counters.rollback_count += 1;
    }

    /// Withdraws a ticket: whatever was paid comes back, the stake goes back.
    pub(crate) fn cancel_ticket(&mut self, id: TicketId, sink: &mut impl Sink) -> Result<(), Refusal> {
        let Some(&index) = self.ticket_index.get(&id) else {
            return Err((Reason::TicketNotFound, format!("ticket {:032x} is not known", id.0)));
        };
        let mut ticket = self.tickets[index as usize].clone();
        let paid_minor_before = ticket.paid_minor;
        match ticket.state {
            TicketState::Delayed => {
                self.delayed.remove(&(ticket.due_ns, index));
                self.remove_positions(&mut ticket);
                let reserved = transfer_id(TICKET_TRANSFERS, id.0, 0);
                self.ledger
                    .void(transfer_id(TICKET_TRANSFERS, id.0, 1), reserved)
                    .expect("a reserved stake can be released once");
            }
            TicketState::Open => {
                self.remove_positions(&mut ticket);
                self.refund(&ticket);
            }
            TicketState::Settled => {
                self.take_back(&mut ticket);
                self.refund(&ticket);
            }
            TicketState::Refused(_) | TicketState::Cancelled => {
                return Err((
                    Reason::TicketNotOpen,
                    format!("ticket {:032x} is {}", id.0, ticket.state.name()),
                ));
            }
        }
        ticket.state = TicketState::Cancelled;
        ticket.paid_minor = 0;
        self.tickets[index as usize] = ticket;
        self.drop_postings();
        sink.event(Event::Settlement { ticket: &self.tickets[index as usize], paid_minor_before });
        Ok(())
    }

    fn refund(&mut self, ticket: &Ticket) {
        let [cash, open, _] = self.accounts_of(ticket);
        let number = ticket.settlement_count * TRANSFERS_PER_SETTLEMENT + 12;
        let refund = transfer(ticket, number, open, cash, ticket.stake_minor);
        book(&mut self.ledger, &[refund]).expect("an open stake can be refunded");
    }

    fn accounts_of(&mut self, ticket: &Ticket) -> [oddsengine_ledger::AccountId; 3] {
        let currency = self.config.currency;
        [
            AccountKind::CustomerCash(ticket.customer),
            AccountKind::CustomerOpenStakes(ticket.customer),
            AccountKind::BettingResult,
        ]
        .map(|kind| self.ledger.account(kind, currency))
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

fn transfer(
    ticket: &Ticket,
    number: u32,
    debit: oddsengine_ledger::AccountId,
    credit: oddsengine_ledger::AccountId,
    amount_minor: i64,
) -> Transfer {
    let id = transfer_id(TICKET_TRANSFERS, ticket.id.0, number);
    Transfer { id, debit, credit, amount_minor, memo: Memo { reference: ticket.id.0, ..Memo::default() } }
}
