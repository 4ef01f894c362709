//! Tickets and books: what a leg adds to its fixture's book, and what rides on it.

use oddsengine_facts::{Fact, Leg, Ticket, TicketState};
use oddsengine_risk::{Change, Position, UNIT_E9};
use oddsengine_types::{Grade, TicketId, payout_minor};

use crate::lines::{self, Steps};
use crate::state::State;
use crate::state::upkeep::loss_of;

/// Planned changes of books that fold together; a change is 48 bytes.
const UNBOOKED_MAX: usize = 4_096;

/// The position of a leg in its fixture's book.
pub(crate) fn position_of(leg: &Leg, stake_minor: i64) -> Position {
    Position {
        selection: leg.place.selection,
        odds_e4: leg.odds_e4,
        stake_minor,
        unit_minor: leg.unit_minor,
        place_fraction_of: leg.place_fraction_of,
    }
}

/// Notes that the undecided legs of a ticket are to be added to their fixtures' books as they are now.
pub(crate) fn plan_add(ticket: &Ticket, changes: &mut Vec<(u32, Change)>) {
    plan(ticket, true, changes);
}

/// Notes that the undecided legs of a ticket are to be taken out of their fixtures' books as they are now.
pub(crate) fn plan_remove(ticket: &Ticket, changes: &mut Vec<(u32, Change)>) {
    plan(ticket, false, changes);
}

/// Notes the change of one leg with what of the stake is on it.
pub(crate) fn plan_leg(leg: &Leg, stake_minor: i64, adds: bool, changes: &mut Vec<(u32, Change)>) {
    changes.push((leg.place.fixture, Change { position: position_of(leg, stake_minor), adds }));
}

#[inline]
fn plan(ticket: &Ticket, adds: bool, changes: &mut Vec<(u32, Change)>) {
    let undecided = ticket.legs.iter().enumerate().filter(|(_, leg)| leg.grade.is_none());
    if ticket.terms.bets.is_empty() {
        return undecided.for_each(|(_, leg)| plan_leg(leg, ticket.stake_minor, adds, changes));
    }
    let stakes = lines::staked_alive_minor(ticket);
    undecided.for_each(|(place, leg)| plan_leg(leg, stakes[place], adds, changes));
}

/// What of a ticket's stake is on each of its undecided legs in its fixture's book: of several bets, what can still return
/// something.
pub(crate) fn stakes_minor(ticket: &Ticket) -> Vec<i64> {
    match ticket.terms.bets.is_empty() {
        true => vec![ticket.stake_minor; ticket.legs.len()],
        false => lines::staked_alive_minor(ticket),
    }
}

/// The ticket whose legs may count otherwise after a fact, apart from what their other legs are expected to return.
pub(crate) fn counted_ticket(fact: &Fact) -> Option<TicketId> {
    match fact {
        Fact::TicketDecided { ticket, .. } => Some(ticket.id),
        Fact::DelayEnded { ticket }
        | Fact::TicketHeld { ticket, .. }
        | Fact::LegsGraded { ticket, .. }
        | Fact::TicketPaid { ticket, .. }
        | Fact::TicketReopened { ticket }
        | Fact::TicketReinstated { ticket }
        | Fact::TicketCancelled { ticket } => Some(*ticket),
        _ => None,
    }
}

/// What rides on each leg if all other legs of its ticket win.
pub(crate) fn units_minor_bound(ticket: &Ticket) -> Vec<i64> {
    match ticket.terms.bets.is_empty() {
        true => (0..ticket.legs.len()).map(|leg| unit_minor_bound(ticket, leg)).collect(),
        false => lines::units_minor_bound(ticket),
    }
}

fn unit_minor_bound(ticket: &Ticket, leg: usize) -> i64 {
    if ticket.legs.len() == 1 {
        return ticket.stake_minor;
    }
    let others = ticket.legs.iter().enumerate().filter(|&(other, _)| other != leg);
    let others: Vec<(u32, Grade)> =
        others.map(|(_, other)| (other.odds_e4, other.grade.unwrap_or(Grade::WON))).collect();
    payout_minor(ticket.stake_minor, &others)
}

impl State {
    /// Counts a ticket, if it is known, in the bounds of its fixtures as it is now, or takes it out of them.
    pub(crate) fn count_bound(&mut self, ticket: TicketId, adds: bool) {
        if let Some(&index) = self.ticket_index.get(&ticket) {
            self.count_bound_at(index, adds);
        }
    }

    /// As [`State::count_bound`], by place.
    pub(crate) fn count_bound_at(&mut self, index: u32, adds: bool) {
        let ticket = &self.tickets[index as usize];
        // At the end of its delay it counts no more until it is decided.
        let counts = match ticket.state {
            TicketState::Open => true,
            TicketState::Delayed | TicketState::Referred => self.delayed.contains(&(ticket.due_ns, index)),
            _ => false,
        };
        if !counts {
            return;
        }
        let several = (!ticket.terms.bets.is_empty())
            .then(|| (lines::staked_alive_minor(ticket), lines::units_minor_bound(ticket)));
        for (place, leg) in ticket.legs.iter().enumerate().filter(|(_, leg)| leg.grade.is_none()) {
            let (stake_minor, unit_minor) = match &several {
                None => (ticket.stake_minor, unit_minor_bound(ticket, place)),
                Some((stakes, units)) => (stakes[place], units[place]),
            };
            let position = Position { unit_minor, ..position_of(leg, stake_minor) };
            let fixture = &mut self.fixtures[leg.place.fixture as usize];
            fixture.bound.change(fixture.template, &Change { position, adds });
        }
    }

    /// Carries out planned changes of books: each fixture's book once.
    pub(crate) fn balance_books(&mut self) {
        let mut changes = std::mem::take(&mut self.unbooked);
        if let [(fixture, change)] = changes.as_slice() {
            self.change_book(*fixture as usize, &[*change]);
        } else {
            // Stable, so that changes of one fixture stay in order.
            changes.sort_by_key(|(fixture, _)| *fixture);
            let mut of_fixture = Vec::new();
            for group in changes.chunk_by(|(a, _), (b, _)| a == b) {
                of_fixture.clear();
                of_fixture.extend(group.iter().map(|(_, change)| *change));
                self.change_book(group[0].0 as usize, &of_fixture);
            }
        }
        changes.clear();
        self.unbooked = changes;
    }

    /// The same now and then: a backlog of facts changes each book once for many of them, and stays bounded.
    pub(crate) fn balance_books_at_times(&mut self) {
        if self.unbooked.len() >= UNBOOKED_MAX {
            self.balance_books();
        }
    }

    fn change_book(&mut self, index: usize, changes: &[Change]) {
        let fixture = &mut self.fixtures[index];
        let before = loss_of(&fixture.book);
        fixture.book.change(fixture.template, &fixture.possible, changes);
        self.count_loss(index, before);
    }

    /// Per leg: the product of the other legs' expected returns, in billionths. The fixtures of several legs are priced.
    pub(crate) fn units_e9(&self, legs: &[Leg]) -> Vec<u64> {
        if legs.len() == 1 {
            return vec![UNIT_E9];
        }
        let returns: Vec<f64> = legs.iter().map(|leg| self.expected_return(leg)).collect();
        (0..legs.len())
            .map(|leg| {
                let others: f64 = returns
                    .iter()
                    .enumerate()
                    .filter(|&(other, _)| other != leg)
                    .map(|(_, expected)| expected)
                    .product();
                (others * UNIT_E9 as f64 + 0.5).min(1e15) as u64
            })
            .collect()
    }

    /// What a leg returns per unit of stake: exactly once it is graded, by expectation before.
    fn expected_return(&self, leg: &Leg) -> f64 {
        let odds = leg.odds();
        if let Some(grade) = leg.grade {
            return grade.win_share() * odds + grade.refund_share();
        }
        let board = &self.fixtures[leg.place.fixture as usize].board;
        debug_assert!(
            board.has_expectations || board.is_current() || board.win.iter().all(|&win| win == 0.0)
        );
        if !board.has_expectations {
            // Prices by hand and no model: the odds are taken at their word.
            return 1.0;
        }
        let selection = usize::from(leg.place.selection);
        board.win[selection] * odds + board.refund[selection]
    }

    /// What rides on each undecided leg of a ticket by now.
    pub(crate) fn units_minor(&self, ticket: &Ticket) -> Vec<i64> {
        let (count, units) = match ticket.terms.bets.is_empty() {
            true => (ticket.stake_minor, self.units_e9(&ticket.legs)),
            false => {
                let steps = Steps::of(&ticket.terms.bets);
                (steps.count, self.units_of_step_e9(&steps, &ticket.legs))
            }
        };
        let legs = ticket.legs.iter().zip(units);
        legs.map(|(leg, unit_e9)| match leg.grade {
            None => oddsengine_risk::unit_minor(count, unit_e9),
            Some(_) => 0,
        })
        .collect()
    }

    /// Per leg: what rides on it for a step of the ticket's stake, in billionths.
    pub(crate) fn units_of_step_e9(&self, steps: &Steps, legs: &[Leg]) -> Vec<u64> {
        lines::units_e9(&steps.bets, legs, |leg| self.expected_return(leg))
    }
}
