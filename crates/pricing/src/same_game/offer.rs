//! Offered odds of a multiple: every leg brings its margin, up to a cap.

use super::{SameGameError, SameGamePrice};

/// Largest booksum of an even leg, and of a whole multiple.
pub const BOOKSUM_MAX: f64 = 2.0;

/// Decimal odds of a multiple with a margin.
///
/// Each leg of fair probability `p` is made `p^a`, the power margin at which two even selections have the booksum
/// `leg_booksum` (`a = 1 - log2(leg_booksum)`): longer legs bring more. The multiple is shortened by the product of these
/// margins, at most by `booksum_max`, and never below the odds of its least likely leg with its margin: a further leg
/// does not shorten a multiple.
///
/// # Errors
///
/// [`SameGameError::OutsideRange`] for a booksum outside 1..=2 or a probability outside 0..=1.
///
/// ```
/// use oddsengine_pricing::same_game::{LegSet, SameGamePrice, offered_odds};
/// let price = SameGamePrice {
///     probability: 0.325, fair_odds: 1.0 / 0.325, implied: LegSet::default(), exponent: None,
/// };
/// let odds = offered_odds(&price, &[0.518, 0.519], 1.05, 1.25).unwrap();
/// assert!(odds < price.fair_odds && odds > price.fair_odds / 1.11);
/// assert_eq!(offered_odds(&price, &[0.518, 0.519], 1.0, 1.0).unwrap(), price.fair_odds);
/// ```
pub fn offered_odds(
    price: &SameGamePrice,
    leg_probabilities: &[f64],
    leg_booksum: f64,
    booksum_max: f64,
) -> Result<f64, SameGameError> {
    SameGameError::check("booksum of a leg", leg_booksum, 1.0, BOOKSUM_MAX)?;
    SameGameError::check("booksum of a multiple", booksum_max, 1.0, BOOKSUM_MAX)?;
    let exponent = 1.0 - libm::log2(leg_booksum);
    let mut margin = 1.0;
    let mut least = 1.0_f64;
    for &probability in leg_probabilities {
        SameGameError::check("probability of a leg", probability, 0.0, 1.0)?;
        if probability > 0.0 {
            margin *= libm::pow(probability, exponent - 1.0);
            least = least.min(libm::pow(probability, exponent));
        }
    }
    let implied = margin.min(booksum_max) / price.fair_odds;
    // At least the fair probability, so that the cap of the least likely leg never makes odds above fair ones.
    Ok(1.0 / implied.min(least).max(1.0 / price.fair_odds))
}

#[cfg(test)]
mod tests {
    use super::super::LegSet;
    use super::*;

    fn odds(fair_odds: f64, legs: &[f64], booksum: f64, most: f64) -> f64 {
        let price = SameGamePrice {
            probability: 1.0 / fair_odds,
            fair_odds,
            implied: LegSet::default(),
            exponent: None,
        };
        offered_odds(&price, legs, booksum, most).unwrap()
    }

    #[test]
    fn margins_multiply_up_to_the_cap() {
        let one = odds(2.0, &[0.5], 1.06, 2.0);
        assert!((one - 2.0 / 1.06).abs() < 1e-12, "an even leg has the booksum");
        let two = odds(4.0, &[0.5, 0.5], 1.06, 2.0);
        assert!((two - 4.0 / 1.06 / 1.06).abs() < 1e-12);
        assert!((odds(64.0, &[0.5; 6], 1.06, 1.2) - 64.0 / 1.2).abs() < 1e-12);
        // A second leg that changes nothing does not shorten the multiple.
        assert!((odds(2.0, &[0.5, 0.9], 1.06, 2.0) - one).abs() < 1e-12);
    }

    #[test]
    fn impossible_arguments_are_refused() {
        let price =
            SameGamePrice { probability: 0.5, fair_odds: 2.0, implied: LegSet::default(), exponent: None };
        for (leg, most) in [(0.99, 1.2), (1.05, 2.1), (f64::NAN, 1.2)] {
            assert!(offered_odds(&price, &[0.5], leg, most).is_err());
        }
        assert!(offered_odds(&price, &[1.5], 1.05, 1.2).is_err());
    }
}
