//! What an open ticket is worth and what is offered for it.
//!
//! Values are expectations in minor units as floats; an offer is money, rounded down once: `cash_out_rounds_down`.

use crate::bounds::{BoundsError, MONEY_MINOR_MAX};

use super::expected::expected_return;
use super::plan::Bet;

/// The whole of a ticket, in ten-thousandths: what ratios count in.
pub const WHOLE_E4: u32 = 10_000;

/// What a ticket is worth now: its bets at the legs' expected returns. A graded leg's is its return, an open one's `odds x probability` (and
/// the refunded share); legs are taken as independent.
///
/// # Errors
/// An expected return that is negative or not finite.
///
/// ```
/// # use oddsengine_types::bets::{Bet, cash_out};
/// let treble = Bet::accumulator(3, 5_000)?;
/// let fair = cash_out::fair_minor(&[treble], &[(2.0, 0.0), (1.8 * 0.72, 0.0), (2.4 * 0.41, 0.0)])?;
/// assert!((fair - 12_752.64).abs() < 1e-9);
/// assert_eq!(cash_out::offer_minor(fair, 0.05)?, 12_115);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn fair_minor(bets: &[Bet], expected: &[(f64, f64)]) -> Result<f64, BoundsError> {
    for &(win, place) in expected {
        if !(win >= 0.0 && place >= 0.0 && win.is_finite() && place.is_finite()) {
            let text = format!("expected returns {win} and {place} of a leg are not finite from 0 on");
            return Err(BoundsError::new(text));
        }
    }
    Ok(expected_return(bets, expected))
}

/// The offer for a ticket worth `fair_minor`: `fair x (1 - margin)`, rounded down, at most [`MONEY_MINOR_MAX`].
///
/// # Errors
/// A value that is negative or not finite, a margin outside 0 to 1.
pub fn offer_minor(fair_minor: f64, margin: f64) -> Result<i64, BoundsError> {
    if !(0.0..=1.0).contains(&margin) {
        return Err(BoundsError::outside("margin of a cash-out", margin, 0, 1));
    }
    if !(fair_minor >= 0.0 && fair_minor.is_finite()) {
        return Err(BoundsError::new(format!("value {fair_minor} of a ticket is not finite from 0 on")));
    }
    let offer = fair_minor * (1.0 - margin);
    // A product that is a whole number but for its last bits is that number: half a billionth of a unit is no money.
    let nearest = offer.round();
    let offer = if (offer - nearest).abs() <= 5e-10 * nearest.max(1.0) { nearest } else { offer.floor() };
    Ok(if offer >= MONEY_MINOR_MAX as f64 { MONEY_MINOR_MAX } else { offer as i64 })
}

/// What a stake is worth at the price that is offered now: `stake x odds / current odds`. The margin of the price is in it already.
///
/// # Errors
/// Odds that are not above 1 and finite.
pub fn price_ratio_minor(stake_minor: i64, odds: f64, current_odds: f64) -> Result<f64, BoundsError> {
    for odds in [odds, current_odds] {
        if !(odds > 1.0 && odds.is_finite()) {
            return Err(BoundsError::new(format!("decimal odds {odds} are not above 1 and finite")));
        }
    }
    Ok(stake_minor as f64 * odds / current_odds)
}

/// A part of a ticket cashed out, by ratios of the whole that only grow: `to` is all that is cashed out afterwards.
///
/// Cashing out 0.4 and later up to 0.7 pays 0.4 of one offer and 0.3 of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    before_e4: u32,
    to_e4: u32,
}

impl Partial {
    /// From a ratio to a higher one, in ten-thousandths of the ticket.
    ///
    /// # Errors
    /// A ratio that does not grow, or goes above the whole.
    pub fn new(before_e4: u32, to_e4: u32) -> Result<Self, BoundsError> {
        if to_e4 > WHOLE_E4 || to_e4 <= before_e4 {
            let low = before_e4.saturating_add(1);
            return Err(BoundsError::outside("ratio cashed out in ten-thousandths", to_e4, low, WHOLE_E4));
        }
        Ok(Self { before_e4, to_e4 })
    }

    /// Paid now, of an offer for the whole ticket; rounded down.
    ///
    /// ```
    /// # use oddsengine_types::bets::cash_out::Partial;
    /// assert_eq!(Partial::new(0, 4_000)?.paid_minor(12_115), 4_846);
    /// assert_eq!(Partial::new(4_000, 10_000)?.paid_minor(12_115), 7_269);
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn paid_minor(self, offer_minor: i64) -> i64 {
        part_minor(offer_minor, self.to_e4 - self.before_e4)
    }
}

/// What is left of an amount (a stake, a payout) when `cashed_e4` of the ticket is cashed out; rounded down.
pub fn left_minor(amount_minor: i64, cashed_e4: u32) -> i64 {
    part_minor(amount_minor, WHOLE_E4.saturating_sub(cashed_e4))
}

fn part_minor(amount_minor: i64, part_e4: u32) -> i64 {
    (i128::from(amount_minor) * i128::from(part_e4) / i128::from(WHOLE_E4)) as i64
}
