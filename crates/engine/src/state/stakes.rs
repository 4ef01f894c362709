//! What each customer has staked on each selection today: their own limit is about the sum.

use oddsengine_types::{CustomerId, IdMap};

use crate::lines;
use crate::state::State;
use oddsengine_facts::{Leg, Ticket, TicketState};

const DAY_NS: i64 = 24 * 3_600 * 1_000_000_000;

/// Stakes by customer and selection of the tickets received on one day (UTC, engine time). Derived from the tickets:
/// it holds at most one amount for every leg taken that day, and is empty again on the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct StakesOfDay {
    day: i64,
    /// When the latest ticket was received that was ever counted: the time may be set back at a start.
    received_ns_max: i64,
    by_selection: IdMap<(CustomerId, u32, u16), i64>,
}

fn day_of(time_ns: i64) -> i64 {
    time_ns.div_euclid(DAY_NS)
}

impl State {
    /// What a customer has staked today on the selection of a leg, over accepted and delayed tickets.
    pub(crate) fn staked_today_minor(&self, customer: CustomerId, leg: &Leg) -> i64 {
        let (today, stakes) = (day_of(self.now_ns), &self.stakes);
        let key = (customer, leg.place.fixture, leg.place.selection);
        if stakes.day == today {
            stakes.by_selection.get(&key).copied().unwrap_or(0)
        } else if day_of(stakes.received_ns_max) < today {
            0
        } else {
            self.counted_tickets(today)
                .filter(|ticket| ticket.customer == customer)
                .map(|ticket| {
                    let on_it = ticket.legs.iter().enumerate().filter(|(_, other)| other.place == leg.place);
                    let stakes = stakes_at_all(ticket);
                    on_it.map(|(place, _)| staked_on(ticket, &stakes, place)).sum::<i64>()
                })
                .sum()
        }
    }

    fn counted_tickets(&self, day: i64) -> impl Iterator<Item = &Ticket> {
        let is_taken = |ticket: &&Ticket| {
            ticket.state.is_waiting() || matches!(ticket.state, TicketState::Open | TicketState::Settled)
        };
        self.tickets.iter().filter(move |ticket| day_of(ticket.received_ns) == day).filter(is_taken)
    }

    /// Counts a ticket that was taken, or no longer counts one that was refused or cancelled after all.
    pub(crate) fn count_stake(&mut self, ticket: &Ticket, is_taken: bool) {
        self.begin_day();
        if day_of(ticket.received_ns) == self.stakes.day {
            self.stakes.count(ticket, is_taken);
        }
        self.count_windows(ticket, is_taken);
    }

    /// Stakes of another day are counted at this time: a query would not be judged as a ticket.
    pub(crate) fn begins_day(&self, now_ns: i64) -> bool {
        !self.stakes.by_selection.is_empty() && day_of(now_ns) > self.stakes.day
    }

    /// A ticket that is kept may have been received now or, before the clock was set back, later.
    pub(crate) fn has_received_later(&self) -> bool {
        self.stakes.received_ns_max >= self.now_ns
    }

    /// Leaves the stakes of another day behind.
    pub(crate) fn begin_day(&mut self) {
        if self.stakes.day != day_of(self.now_ns) {
            self.recount_stakes();
        }
    }

    /// Begins the present day: with nothing, unless the time was set back to before a ticket was received.
    fn recount_stakes(&mut self) {
        let today = day_of(self.now_ns);
        let received_ns_max = self.stakes.received_ns_max;
        let mut stakes = StakesOfDay { day: today, received_ns_max, by_selection: IdMap::default() };
        if day_of(received_ns_max) >= today {
            self.counted_tickets(today).for_each(|ticket| stakes.count(ticket, true));
        }
        self.stakes = stakes;
    }

    /// Counts anew after a restore.
    pub(crate) fn restore_stakes(&mut self) {
        let received = self.tickets.iter().map(|ticket| ticket.received_ns);
        self.stakes.received_ns_max = received.max().unwrap_or(i64::MIN);
        self.recount_stakes();
    }
}

/// Of a ticket of several bets: what is staked on each leg.
fn stakes_at_all(ticket: &Ticket) -> Vec<i64> {
    if ticket.terms.bets.is_empty() { Vec::new() } else { lines::staked_at_all_minor(ticket) }
}

fn staked_on(ticket: &Ticket, stakes: &[i64], place: usize) -> i64 {
    stakes.get(place).copied().unwrap_or(ticket.stake_minor)
}

impl StakesOfDay {
    fn count(&mut self, ticket: &Ticket, is_taken: bool) {
        self.received_ns_max = self.received_ns_max.max(ticket.received_ns);
        let stakes = stakes_at_all(ticket);
        for (place, leg) in ticket.legs.iter().enumerate() {
            let key = (ticket.customer, leg.place.fixture, leg.place.selection);
            let staked = self.by_selection.entry(key).or_default();
            let stake_minor = staked_on(ticket, &stakes, place);
            *staked += if is_taken { stake_minor } else { -stake_minor };
            if *staked == 0 {
                self.by_selection.remove(&key);
            }
        }
    }
}
