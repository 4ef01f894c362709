//! Exposure: what the book can lose, where, and what it expects.

use std::collections::BTreeSet;

use oddsengine_risk::{Book, Change};
use oddsengine_types::{Grade, payout_minor};

use crate::positions::position_of;
use crate::state::State;
use crate::state::fixture::Fixture;
use oddsengine_facts::Leg;

/// The exposure of a fixture. Profit is positive, from the bookmaker's side.
#[derive(Clone, Debug, PartialEq)]
pub struct FixtureExposure {
    /// Open legs on it.
    pub leg_count: u32,
    /// Stakes of the tickets with a leg on it.
    pub stake_minor: i64,
    /// Joint profit and loss on the worst outcome still possible; accumulators count by the expectation of their
    /// other legs.
    pub worst_minor: i64,
    /// As `worst_minor`, but with every other leg of every accumulator won: the loss cannot be larger.
    pub worst_minor_bound: i64,
    /// Expected profit and loss under the model.
    pub expected_minor: f64,
    /// Markets with bets.
    pub markets: Vec<MarketExposure>,
}

/// The exposure of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketExposure {
    /// Index of the market.
    pub market: u16,
    /// Profit and loss of its bets on the worst outcome still possible.
    pub worst_minor: i64,
    /// Selections with bets.
    pub selections: Vec<SelectionExposure>,
}

/// The exposure of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectionExposure {
    /// Index of the selection.
    pub selection: u16,
    /// Open legs.
    pub leg_count: u32,
    /// Stakes.
    pub stake_minor: i64,
    /// Payout if it wins.
    pub payout_minor: i64,
    /// Loss if it wins and nothing else counted: payout less stake.
    pub liability_minor: i64,
}

impl State {
    /// The exposure of a fixture.
    pub fn exposure(&self, fixture: &Fixture) -> FixtureExposure {
        let (template, possible, book) = (fixture.template(), &fixture.possible, &fixture.book);
        let mut markets: Vec<MarketExposure> = Vec::new();
        let (mut leg_count, mut stake_minor) = (0, 0);
        for (selection, totals) in book.selections() {
            let market = template.selections[usize::from(selection)].market;
            if markets.last().is_none_or(|last| last.market != market) {
                let worst_minor = book.market_worst_minor(template, possible, market);
                markets.push(MarketExposure { market, worst_minor, selections: Vec::new() });
            }
            leg_count += totals.leg_count;
            stake_minor += totals.stake_minor;
            markets.last_mut().expect("just pushed").selections.push(SelectionExposure {
                selection,
                leg_count: totals.leg_count,
                stake_minor: totals.stake_minor,
                payout_minor: totals.payout_minor,
                liability_minor: totals.payout_minor - totals.stake_minor,
            });
        }
        FixtureExposure {
            leg_count,
            stake_minor,
            worst_minor: book.worst_minor(),
            worst_minor_bound: self.worst_minor_bound(fixture),
            expected_minor: book.expected_minor(&fixture.board.win, &fixture.board.refund),
            markets,
        }
    }

    /// The worst case with every accumulator's other legs won in full.
    fn worst_minor_bound(&self, fixture: &Fixture) -> i64 {
        let mut book = Book::default();
        let open = fixture.legs.values().flatten().map(|&(ticket, _)| ticket);
        let delayed = self.delayed.iter().map(|&(_, ticket)| ticket);
        let tickets: BTreeSet<u32> = open.chain(delayed).collect();
        for ticket in tickets {
            let ticket = &self.tickets[ticket as usize];
            let on_fixture = |leg: &&Leg| leg.fixture == fixture.id() && leg.grade.is_none();
            let Some(leg) = ticket.legs.iter().find(on_fixture).filter(|_| ticket.is_live()) else {
                continue;
            };
            let others: Vec<(u32, Grade)> = ticket
                .legs
                .iter()
                .filter(|other| other.fixture != leg.fixture)
                .map(|other| (other.odds_e4, other.grade.unwrap_or(Grade::WON)))
                .collect();
            let unit_minor = if others.is_empty() {
                ticket.stake_minor
            } else {
                payout_minor(ticket.stake_minor, &others)
            };
            let position = oddsengine_risk::Position { unit_minor, ..position_of(leg, ticket.stake_minor) };
            book.change(fixture.template(), &fixture.possible, &[Change { position, adds: true }]);
        }
        book.worst_minor()
    }
}
