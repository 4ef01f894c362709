//! Settlement: every ticket is looked at after every command that may have changed a grade.

use oddsengine_engine::{Reason, Ticket, TicketState, VoidKind};
use oddsengine_markets::LivePhase;
use oddsengine_types::{CustomerId, Grade, TicketId};

use super::money::{self, Account, Posting};
use super::{Naive, NaiveTicket, Verdict, lines};
use crate::told::Answer;

impl Naive {
    /// Settles, resettles or reopens every ticket with a leg whose grade is not the present one, after something `changed`
    /// in a fixture; and pays what waits for a match there whose result nobody takes back any more.
    pub(super) fn settle_all(&mut self, changed: usize, answers: &mut Vec<Answer>) {
        self.settle_tickets(Some(changed), answers);
    }

    /// The same, where perhaps nothing changed in a fixture.
    pub(super) fn settle_tickets(&mut self, changed: Option<usize>, answers: &mut Vec<Answer>) {
        for index in 0..self.tickets.len() {
            let ticket = &self.tickets[index].ticket;
            if !super::handling::is_live(ticket.state) && ticket.state != TicketState::Settled {
                continue;
            }
            let grades: Vec<Option<Grade>> = ticket
                .legs
                .iter()
                .map(|leg| self.void_by_play(leg.place.fixture as usize, usize::from(leg.place.selection)))
                .collect();
            let grades = if ticket.state.is_waiting() { grades } else { self.due_grades(ticket) };
            let is_released = self.is_released(&self.tickets[index]);
            let is_regraded = ticket.legs.iter().zip(&grades).any(|(leg, grade)| leg.grade != *grade);
            let waits_in_vain = self.tickets[index].settles_ns.is_some()
                && changed.is_some_and(|changed| {
                    let fixture = &self.fixtures[changed];
                    (fixture.is_closed() || !fixture.told.is_empty())
                        && ticket.legs.iter().any(|leg| leg.place.fixture as usize == changed)
                })
                && !self.is_decided_in_play(ticket)
                && self.held_until_ns(ticket).is_none();
            if is_regraded || waits_in_vain || is_released {
                let (mut ticket, mut settles_ns) = (ticket.clone(), self.tickets[index].settles_ns);
                let payout_before = payout_minor(&ticket);
                let mut grades = grades;
                if ticket.state == TicketState::Settled {
                    self.let_stand(&mut ticket, &grades);
                    grades = self.due_grades(&ticket);
                }
                ticket.legs.iter_mut().zip(grades).for_each(|(leg, grade)| leg.grade = grade);
                match ticket.state {
                    // It is not paid, and rides on nothing that play has made void.
                    TicketState::Delayed | TicketState::Referred => self.weigh(&mut ticket),
                    _ => self.settle(&mut ticket, payout_before, &mut settles_ns, answers),
                }
                self.tickets[index] = NaiveTicket { ticket, settles_ns, ..self.tickets[index].clone() };
            }
        }
        self.released.clear();
    }

    /// Pays what has waited long enough, the first due first.
    pub(super) fn settle_due(&mut self, read_ns: i64, answers: &mut Vec<Answer>) {
        loop {
            let waiting = self.tickets.iter().enumerate();
            let next = waiting.filter_map(|(index, known)| Some((known.settles_ns?, index))).min();
            let Some((_, index)) = next.filter(|&(due_ns, _)| due_ns <= self.now_ns && due_ns <= read_ns)
            else {
                return;
            };
            let mut ticket = self.tickets[index].ticket.clone();
            if let Some(until_ns) = self.held_until_ns(&ticket) {
                self.tickets[index].settles_ns = Some(until_ns);
                continue;
            }
            let payout = payout_minor(&ticket).expect("only decided tickets wait");
            self.pay(&mut ticket, payout);
            answers.push(Answer::Settlement(ticket.id, ticket.state, 0, payout));
            self.tickets[index] = NaiveTicket { ticket, settles_ns: None, ..self.tickets[index].clone() };
        }
    }

    /// A leg has its grade from a match in play: not told, not void, not over.
    fn is_decided_in_play(&self, ticket: &Ticket) -> bool {
        ticket.legs.iter().enumerate().any(|(place, leg)| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            let is_void = ticket.marks.void_by.get(place).is_some_and(|&by| by > 0);
            let market = fixture.space.template.selections[usize::from(leg.place.selection)].market;
            !is_void
                && fixture.game.phase() == LivePhase::InPlay
                && fixture.void == VoidKind::Nothing
                && !fixture.told.contains_key(&usize::from(market))
        })
    }

    pub(super) fn settle(
        &mut self,
        ticket: &mut Ticket,
        payout_before: Option<i64>,
        settles_ns: &mut Option<i64>,
        answers: &mut Vec<Answer>,
    ) {
        let (was_open, paid_before) = (ticket.state == TicketState::Open, ticket.paid_minor);
        let payout = payout_minor(ticket);
        let may_wait = self.config.settlement_delay_ms > 0 || settles_ns.is_some();
        let held_ns = if payout.is_some() { self.held_until_ns(ticket) } else { None };
        let waits = held_ns.is_some()
            || may_wait && payout.is_some_and(|payout| payout > 0) && self.is_decided_in_play(ticket);
        let stands = if was_open { payout.is_none() || waits } else { payout == Some(paid_before) };
        if !stands {
            if !was_open {
                self.take_back(ticket);
            }
            if let Some(payout) = payout.filter(|_| !waits) {
                self.pay(ticket, payout);
            }
            answers.push(Answer::Settlement(ticket.id, ticket.state, paid_before, ticket.paid_minor));
        }
        if ticket.state == TicketState::Open && waits {
            let has_a_time = settles_ns.is_some_and(|settles_ns| settles_ns != i64::MAX);
            let due_ns = self.now_ns + self.config.settlement_delay_ms * 1_000_000;
            *settles_ns = match held_ns {
                Some(held_ns) => Some(held_ns),
                None if has_a_time && payout == payout_before => *settles_ns,
                None => Some(due_ns),
            };
        } else {
            *settles_ns = None;
        }
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
        if ticket.state == TicketState::Open {
            self.weigh(ticket);
        }
    }

    fn pay(&mut self, ticket: &mut Ticket, payout_minor: i64) {
        let (customer, stake) = (ticket.customer, ticket.stake_minor);
        self.post(Account::OpenStakes(customer), Account::Result, stake);
        self.post(Account::Result, Account::Cash(customer), payout_minor);
        self.collect(customer);
        (ticket.state, ticket.paid_minor) = (TicketState::Settled, payout_minor);
        ticket.closed_ns = self.now_ns;
        ticket.settlement_count += 1;
        self.counters.settlement_count += 1;
    }

    /// Undoes a settlement; what the customer no longer has becomes a debt.
    fn take_back(&mut self, ticket: &mut Ticket) {
        let (customer, stake, paid) = (ticket.customer, ticket.stake_minor, ticket.paid_minor);
        let cash = Account::Cash(customer);
        let missing = paid - money::available_minor(&self.postings, cash, self.config.currency);
        self.post(Account::Receivable(customer), cash, missing.max(0));
        self.post(cash, Account::Result, paid);
        self.post(Account::Result, Account::OpenStakes(customer), stake);
        (ticket.state, ticket.paid_minor) = (TicketState::Open, 0);
        ticket.closed_ns = 0;
        self.counters.rollback_count += 1;
    }

    pub(super) fn cancel(&mut self, id: TicketId, answers: &mut Vec<Answer>) -> Verdict {
        let index =
            self.tickets.iter().position(|known| known.ticket.id == id).ok_or(Reason::TicketNotFound)?;
        let mut ticket = self.tickets[index].ticket.clone();
        let (cash, open) = (Account::Cash(ticket.customer), Account::OpenStakes(ticket.customer));
        let paid_before = ticket.paid_minor;
        match ticket.state {
            TicketState::Delayed | TicketState::Referred => {
                let is_its = |posting: &Posting| {
                    posting.is_reserved && posting.from == cash && posting.amount_minor == ticket.stake_minor
                };
                let reserved = self.postings.iter().position(is_its);
                self.postings.remove(reserved.expect("the stake of a delayed ticket is reserved"));
            }
            TicketState::Open => self.post(open, cash, ticket.stake_minor),
            TicketState::Settled => {
                self.take_back(&mut ticket);
                self.post(open, cash, ticket.stake_minor);
            }
            TicketState::Refused(_) | TicketState::Cancelled | TicketState::Reoffered(_) => {
                return Err(Reason::TicketNotOpen);
            }
        }
        (ticket.state, ticket.paid_minor) = (TicketState::Cancelled, 0);
        ticket.closed_ns = self.now_ns;
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
        self.collect(ticket.customer);
        answers.push(Answer::Settlement(ticket.id, ticket.state, paid_before, 0));
        self.tickets[index] = NaiveTicket { ticket, settles_ns: None, ..self.tickets[index].clone() };
        Ok(())
    }

    /// What a customer owes.
    pub(super) fn owed_minor(&self, customer: CustomerId) -> i64 {
        -money::available_minor(&self.postings, Account::Receivable(customer), self.config.currency)
    }

    /// Whatever came to a customer's cash pays what is owed.
    pub(super) fn collect(&mut self, customer: CustomerId) {
        let cash = Account::Cash(customer);
        let available_minor = money::available_minor(&self.postings, cash, self.config.currency);
        let amount_minor = available_minor.min(self.owed_minor(customer));
        self.post(cash, Account::Receivable(customer), amount_minor);
    }

    pub(super) fn post(&mut self, from: Account, to: Account, amount_minor: i64) {
        if amount_minor > 0 {
            let currency = self.config.currency;
            self.postings.push(Posting { from, to, amount_minor, currency, is_reserved: false });
        }
    }
}

/// Nothing once a leg lost; the product of the legs' returns once all are graded. Of several bets their lines, one by one.
pub(super) fn payout_minor(ticket: &Ticket) -> Option<i64> {
    if !ticket.terms.bets.is_empty() {
        return lines::payout_of(ticket);
    }
    let mut graded = Vec::new();
    for leg in &ticket.legs {
        match leg.grade {
            Some(grade) if grade.is_lost() => return Some(0),
            grade => graded.push(grade.map(|grade| (leg.odds_e4, grade))),
        }
    }
    let legs: Option<Vec<(u32, Grade)>> = graded.into_iter().collect();
    legs.map(|legs| money::payout_minor(ticket.stake_minor, &legs))
}
