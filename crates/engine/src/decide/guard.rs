//! Prices that are not the model's: by hand, locked, or from a feed. What is implausible is refused or stopped, and what
//! the match has left stands still.

use oddsengine_facts::{Fact, MarketDesk, Reason, Stop, StopSet};
use oddsengine_markets::LivePhase;
use oddsengine_types::{BoundsError, Grade};

use crate::state::State;
use crate::state::fixture::Fixture;
use crate::step::{Refusal, Step};

/// Sum of implied probabilities of a book by hand, per winner, in ten-thousandths: below 1 every outcome can be backed at
/// a profit, above 2 nobody means it.
pub const MANUAL_BOOKSUM_E4: (u64, u64) = (10_000, 20_000);
/// The same of a feed's book: best prices of several bookmakers sum to a little less than 1.
pub const FEED_BOOKSUM_E4: (u64, u64) = (9_000, 20_000);

impl State {
    /// Whether prices by hand may be offered beside the rest of the board.
    ///
    /// None may be above its fair price: then no combination of our own prices wins on every outcome. Without a model
    /// there is nothing to compare with but the book itself.
    pub(super) fn judge_manual_odds(
        &self,
        index: usize,
        market: u16,
        odds_e4: &[u32],
    ) -> Result<(), Refusal> {
        let fixture = &self.fixtures[index];
        judge_booksum(fixture, market, odds_e4, MANUAL_BOOKSUM_E4)?;
        if !fixture.board.has_expectations {
            return Ok(());
        }
        let template = fixture.template();
        let selections = template.markets[usize::from(market)].selections();
        for (selection, &odds_e4) in selections.zip(odds_e4).filter(|(_, odds_e4)| **odds_e4 != 0) {
            if fixture.grades[selection].is_some() {
                continue;
            }
            let implied = 1.0 / (f64::from(odds_e4) / 10_000.0);
            let fair = fixture.fair_probability(selection);
            if implied < fair {
                let name = &template.selections[selection].name;
                let (odds, fair_odds) = (f64::from(odds_e4) / 10_000.0, 1.0 / fair);
                let message = format!(
                    "odds {odds} of {name} are outside 1.001..={fair_odds:.4}, the model's fair price; \
                     hint: override_by names who answers for them"
                );
                return Err((Reason::ImplausiblePrice, message));
            }
        }
        Ok(())
    }

    /// Whether the price at which a market is held may be offered beside the rest of the board.
    pub(super) fn judge_held(&self, index: usize, market: u16) -> Result<(), Refusal> {
        let fixture = &self.fixtures[index];
        let manual = fixture.desk.get(&market).and_then(|desk| desk.manual_odds_e4.as_deref());
        let kept = &fixture.board.odds_e4[fixture.template().markets[usize::from(market)].selections()];
        self.judge_manual_odds(index, market, manual.unwrap_or(kept))
    }

    /// Whether a feed's book is one.
    pub(super) fn judge_feed_odds(&self, index: usize, market: u16, odds_e4: &[u32]) -> Result<(), Refusal> {
        judge_booksum(&self.fixtures[index], market, odds_e4, FEED_BOOKSUM_E4)
    }

    /// Fair prices of a market at which prices are set by hand or locked; none without a model.
    pub(super) fn anchor_e9(&self, index: usize, market: u16) -> Vec<u32> {
        let fixture = &self.fixtures[index];
        if fixture.board.has_expectations { fair_e9(fixture, market) } else { Vec::new() }
    }
}

impl Step<'_> {
    /// Sets what the desk holds of a market; nothing is held where all is as the model has it.
    pub(super) fn set_market(&mut self, index: usize, market: u16, desk: MarketDesk, interrupts: bool) {
        let fixture = &self.fixtures[index];
        let desk = (desk != MarketDesk::default()).then(|| Box::new(desk));
        let (fixture, market) = (fixture.id(), fixture.template().market_id(usize::from(market)));
        self.fact(Fact::MarketSet { fixture, market, desk, interrupts });
    }

    /// What the desk holds of a market now.
    pub(super) fn desk_of(&self, index: usize, market: u16) -> MarketDesk {
        self.fixtures[index].desk.get(&market).cloned().unwrap_or_default()
    }

    /// Stops markets with prices by hand or locked ones whose fair prices have moved too far since they were set;
    /// `changes_chances`: something happened that counts as too far where no model says how far it is.
    pub(super) fn stop_moved(&mut self, index: usize, changes_chances: bool) {
        if !self.fixtures[index].desk.values().any(MarketDesk::is_held) {
            return;
        }
        self.priced(index);
        let tolerance_e9 = u64::from(self.config.manual_tolerance_e4) * 100_000;
        let fixture = &self.fixtures[index];
        let held: Vec<u16> = fixture
            .desk
            .iter()
            .filter(|(_, desk)| desk.is_held() && !desk.stops.by_move)
            .map(|(&market, _)| market)
            .collect();
        for market in held {
            let (fixture, mut desk) = (&self.fixtures[index], self.desk_of(index, market));
            let has_moved = if !fixture.board.has_expectations {
                changes_chances
            } else if desk.anchor_e9.is_empty() {
                // Set before there was a model: now there is something to compare with.
                self.judge_held(index, market).is_err()
            } else {
                let first = fixture.template().markets[usize::from(market)].selections().start;
                let now_e9 = fair_e9(fixture, market);
                now_e9.iter().zip(&desk.anchor_e9).enumerate().any(|(slot, (now, then))| {
                    fixture.grades[first + slot].is_none() && u64::from(now.abs_diff(*then)) > tolerance_e9
                })
            };
            if has_moved {
                desk.stops.by_move = true;
                let (id, key) = (fixture.id(), &fixture.template().markets[usize::from(market)].key);
                let message = format!(
                    "{key} of fixture {id} is priced by hand or locked, and its fair price has moved"
                );
                self.set_market(index, market, desk, true);
                self.alert("manual_suspended", Some(id), message);
            } else if fixture.board.has_expectations && desk.anchor_e9.is_empty() {
                desk.anchor_e9 = fair_e9(fixture, market);
                self.set_market(index, market, desk, false);
            }
        }
    }

    /// At the start of a fixture its markets return to the model, but those that were told to stay.
    pub(super) fn return_to_model(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        let id = fixture.id();
        let returned: Vec<u16> = fixture
            .desk
            .iter()
            .filter(|(_, desk)| desk.is_held() && !desk.keeps_in_play)
            .map(|(&market, _)| market)
            .collect();
        for market in returned {
            let mut desk = self.desk_of(index, market);
            desk.release();
            let key = &self.fixtures[index].template().markets[usize::from(market)].key;
            let message = format!("{key} of fixture {id} returned to the model at the start");
            self.set_market(index, market, desk, false);
            self.alert("manual_returned", Some(id), message);
        }
    }

    /// After prices of a feed: a jump of a fair probability stops trading until the next prices confirm it. `before`: the
    /// expectations of the priced markets.
    pub(super) fn stop_jump(&mut self, index: usize, before: &[(u16, Vec<u32>)]) {
        let fixture = &self.fixtures[index];
        if !fixture.board.has_expectations || fixture.live.phase() != LivePhase::PreMatch {
            return;
        }
        let tolerance_e9 = u64::from(self.config.price_jump_e4) * 100_000;
        let jump = before.iter().find_map(|(market, then_e9)| {
            let now_e9 = fair_e9(fixture, *market);
            let furthest = now_e9.iter().zip(then_e9).map(|(now, then)| now.abs_diff(*then)).max();
            furthest
                .filter(|&furthest| u64::from(furthest) > tolerance_e9)
                .map(|furthest| (*market, furthest))
        });
        let Some((market, furthest_e9)) = jump else {
            return self.lift(index, StopSet::of(&[Stop::PriceJump]));
        };
        let (id, key) = (fixture.id(), &fixture.template().markets[usize::from(market)].key);
        let message = format!(
            "prices of fixture {id} moved a fair probability of {key} by {:.3}, more than {:.3}",
            f64::from(furthest_e9) / 1e9,
            f64::from(self.config.price_jump_e4) / 1e4,
        );
        self.stop(index, Stop::PriceJump);
        self.alert("price_jump", Some(id), message);
    }
}

/// The fair probabilities of a market's selections, in billionths.
pub(super) fn fair_e9(fixture: &Fixture, market: u16) -> Vec<u32> {
    let selections = fixture.template().markets[usize::from(market)].selections();
    selections.map(|selection| (fixture.fair_probability(selection) * 1e9 + 0.5) as u32).collect()
}

/// A book of which a known number of selections wins sums to something plausible; one with gaps to at least half of that.
/// Selections that are void already are left out.
fn judge_booksum(
    fixture: &Fixture,
    market: u16,
    odds_e4: &[u32],
    range_e4: (u64, u64),
) -> Result<(), Refusal> {
    let definition = &fixture.template().markets[usize::from(market)];
    let grades = &fixture.grades[definition.selections()];
    let is_decided = grades.iter().flatten().any(|grade| *grade != Grade::VOID);
    let left: Vec<u32> =
        odds_e4.iter().zip(grades).filter(|(_, grade)| grade.is_none()).map(|(&odds, _)| odds).collect();
    if definition.winners == 0 || is_decided || left.iter().all(|&odds| odds == 0) {
        return Ok(());
    }
    // In millionths, rounded down: 10,000 x 10^6 / odds.
    let sum_e6: u64 =
        left.iter().filter(|&&odds| odds != 0).map(|&odds| 10_000_000_000 / u64::from(odds)).sum();
    let booksum_e4 = sum_e6 / u64::from(definition.winners) / 100;
    let is_whole = left.iter().all(|&odds| odds != 0);
    let low_e4 = if is_whole { range_e4.0 } else { range_e4.0 / 2 };
    // Half a thousandth for what the rounding of the odds themselves takes.
    if (low_e4.saturating_sub(5)..=range_e4.1).contains(&booksum_e4) {
        return Ok(());
    }
    let what = format!("booksum of {}", definition.key);
    let value = |e4: u64| e4 as f64 / 1e4;
    let error = BoundsError::outside(&what, value(booksum_e4), value(low_e4), value(range_e4.1));
    Err((Reason::ImplausiblePrice, error.to_string()))
}
