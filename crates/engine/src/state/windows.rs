//! What each customer has staked in the times of the stake windows: the tickets that are kept say it.

use oddsengine_facts::{Leg, StakeWindow, Ticket, TicketState, WindowPer};
use oddsengine_types::{CustomerId, IdMap};

use super::State;

/// Over what a window adds up: the customer, and a fixture, a market or a selection by its place.
type Key = (CustomerId, u32, u32);

/// No fixture has this place, no market or selection this number.
const ALL: u32 = u32::MAX;
/// Markets are numbered beside selections.
const MARKETS_FROM: u32 = 1 << 16;

/// Stakes by what windows add up over, each with the time at which its ticket was received. Derived from the tickets: one
/// entry for each leg of a ticket that is kept, and none where no windows are configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowStakes {
    taken: IdMap<Key, Vec<(i64, i64)>>,
}

/// The keys of a ticket's legs, each once.
fn keys(state: &State, ticket: &Ticket, per: WindowPer) -> Vec<Key> {
    let mut keys: Vec<Key> = ticket.legs.iter().map(|leg| key(state, ticket.customer, leg, per)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn key(state: &State, customer: CustomerId, leg: &Leg, per: WindowPer) -> Key {
    let (fixture, selection) = (leg.place.fixture, leg.place.selection);
    match per {
        WindowPer::Selection => (customer, fixture, selection.into()),
        WindowPer::Market => {
            let template = state.fixtures[fixture as usize].template;
            (customer, fixture, MARKETS_FROM + u32::from(template.selections[usize::from(selection)].market))
        }
        WindowPer::Fixture => (customer, fixture, ALL),
        WindowPer::Customer => (customer, ALL, ALL),
    }
}

impl State {
    /// Over what the configured windows add up, each once.
    fn window_pers(&self) -> impl Iterator<Item = WindowPer> + use<> {
        let windows = self.config.stake_windows.iter();
        let used = WindowPer::ALL.map(|per| windows.clone().any(|window| window.per == per));
        WindowPer::ALL.into_iter().zip(used).filter(|(_, is_used)| *is_used).map(|(per, _)| per)
    }

    /// Counts a ticket that was taken, or no longer counts it.
    pub(crate) fn count_windows(&mut self, ticket: &Ticket, is_taken: bool) {
        if self.config.stake_windows.is_empty() {
            return;
        }
        let entry = (ticket.received_ns, ticket.stake_minor);
        for per in self.window_pers() {
            for key in keys(self, ticket, per) {
                let taken = self.windows.taken.entry(key).or_default();
                if is_taken {
                    taken.push(entry);
                } else if let Some(place) = taken.iter().rposition(|known| *known == entry) {
                    taken.swap_remove(place);
                    if taken.is_empty() {
                        self.windows.taken.remove(&key);
                    }
                }
            }
        }
    }

    /// Counts anew: after a restore, and where other windows are configured.
    pub(crate) fn recount_windows(&mut self) {
        self.windows = WindowStakes::default();
        if self.config.stake_windows.is_empty() {
            return;
        }
        for index in 0..self.tickets.place_count() as u32 {
            let taken = self.tickets.get(index).filter(|ticket| {
                let state = ticket.state;
                matches!(state, TicketState::Open | TicketState::Settled)
                    || (state.is_waiting() && self.delayed.contains(&(ticket.due_ns, index)))
            });
            if let Some(ticket) = taken.cloned() {
                self.count_windows(&ticket, true);
            }
        }
    }

    /// The most that the customer has staked, in the time of the window before the ticket was received and since, on what a
    /// leg of the ticket is on.
    pub(crate) fn window_used_minor(&self, ticket: &Ticket, window: &StakeWindow) -> i64 {
        let since_ns = ticket.received_ns.saturating_sub(window.period_ms.saturating_mul(1_000_000));
        let used = ticket.legs.iter().map(|leg| {
            let taken = self.windows.taken.get(&key(self, ticket.customer, leg, window.per));
            let stakes = taken.into_iter().flatten().filter(|(received_ns, _)| *received_ns > since_ns);
            stakes.map(|(_, stake_minor)| stake_minor).sum()
        });
        used.max().unwrap_or(0)
    }
}
