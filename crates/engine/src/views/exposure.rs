//! Exposure: what the book can lose, where, and what it expects.

use crate::state::State;
use crate::state::fixture::Fixture;

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

/// What a page of a fixture's exposure holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureBounds {
    /// Selections.
    pub selection_count: usize,
    /// Outcomes looked at for the worst cases of its markets; the last market may go beyond it.
    pub cell_count: usize,
}

impl ExposureBounds {
    /// Everything.
    pub const NONE: Self = Self { selection_count: usize::MAX, cell_count: usize::MAX };
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
    /// The exposure of a fixture: all its markets.
    pub fn exposure(&self, fixture: &Fixture) -> FixtureExposure {
        self.exposure_page(fixture, 0, ExposureBounds::NONE).0
    }

    /// The exposure of a fixture with its selections from `first` on within bounds, at least one if there are any; and the
    /// selection to go on from, if there are more. A market may stand on two pages.
    pub fn exposure_page(
        &self,
        fixture: &Fixture,
        first: u16,
        bounds: ExposureBounds,
    ) -> (FixtureExposure, Option<u16>) {
        let (template, possible, book) = (fixture.template(), &fixture.possible, &fixture.book);
        let mut markets: Vec<MarketExposure> = Vec::new();
        let (mut leg_count, mut stake_minor, mut next) = (0, 0, None);
        let (mut selection_count, mut cell_count) = (0, 0);
        for (selection, totals) in book.selections() {
            leg_count += totals.leg_count;
            stake_minor += totals.stake_minor;
            if selection < first || next.is_some() {
                continue;
            }
            if selection_count == bounds.selection_count || cell_count > bounds.cell_count {
                next = Some(selection);
                continue;
            }
            let market = template.selections[usize::from(selection)].market;
            if markets.last().is_none_or(|last| last.market != market) {
                let worst_minor = book.market_worst_minor(template, possible, market);
                markets.push(MarketExposure { market, worst_minor, selections: Vec::new() });
                cell_count += match template.markets[usize::from(market)].view {
                    Some(view) => template.views[usize::from(view)].cell_count,
                    None => possible.main.len(),
                };
            }
            selection_count += 1;
            markets.last_mut().expect("just pushed").selections.push(SelectionExposure {
                selection,
                leg_count: totals.leg_count,
                stake_minor: totals.stake_minor,
                payout_minor: totals.payout_minor,
                liability_minor: totals.payout_minor - totals.stake_minor,
            });
        }
        let exposure = FixtureExposure {
            leg_count,
            stake_minor,
            worst_minor: book.worst_minor(),
            worst_minor_bound: fixture.bound.worst_minor(template, possible),
            expected_minor: book.expected_minor(&fixture.board.win, &fixture.board.refund),
            markets,
        };
        (exposure, next)
    }
}
