//! Each-way bets: half the stake on the win, half on a place at a fraction of the odds.

use super::RacingError;

/// What a stake of 1, half on the win and half on the place, gains on average.
///
/// `odds`: of the win, stake included. `fraction`: of the odds that the place pays, such as 0.2. `win`, `place`:
/// probabilities of winning and of being placed, `win <= place`.
///
/// # Errors
/// A number outside its range.
///
/// ```
/// use oddsengine_pricing::racing::each_way::expected_value;
/// let value = expected_value(7.0, 0.2, 0.16, 0.54070767865119)?;
/// assert!((value - 0.15477844651631).abs() < 1e-12);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn expected_value(odds: f64, fraction: f64, win: f64, place: f64) -> Result<f64, RacingError> {
    check_odds(odds)?;
    let (win_share, refund_share) = shares(fraction, win, place)?;
    Ok(win_share * odds + refund_share - 1.0)
}

/// The odds at which an each-way bet breaks even on average, stake included.
///
/// # Errors
/// A number outside its range.
///
/// ```
/// use oddsengine_pricing::racing::each_way::{expected_value, fair_odds};
/// let odds = fair_odds(0.25, 0.1, 0.3)?;
/// assert!(expected_value(odds, 0.25, 0.1, 0.3)?.abs() < 1e-15);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn fair_odds(fraction: f64, win: f64, place: f64) -> Result<f64, RacingError> {
    let (win_share, refund_share) = shares(fraction, win, place)?;
    Ok((1.0 - refund_share) / win_share)
}

/// Odds of the place part: `1 + (odds - 1) * fraction`.
///
/// # Errors
/// A number outside its range.
///
/// ```
/// use oddsengine_pricing::racing::each_way::place_odds;
/// assert_eq!(place_odds(9.0, 0.2)?, 2.6);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn place_odds(odds: f64, fraction: f64) -> Result<f64, RacingError> {
    check_odds(odds)?;
    check_fraction(fraction)?;
    Ok(1.0 + (odds - 1.0) * fraction)
}

/// Expected shares of the whole stake that win and that are refunded: the place half at a fraction `f` of the odds is
/// the share `f` of it at the odds, and the rest back.
fn shares(fraction: f64, win: f64, place: f64) -> Result<(f64, f64), RacingError> {
    check_fraction(fraction)?;
    if !(f64::MIN_POSITIVE..=1.0).contains(&win) {
        return Err(RacingError::outside("win probability", win, 0.0, 1.0));
    }
    if !(win..=1.0).contains(&place) {
        return Err(RacingError::outside("place probability", place, win, 1.0));
    }
    Ok((0.5 * (win + fraction * place), 0.5 * (1.0 - fraction) * place))
}

fn check_odds(odds: f64) -> Result<(), RacingError> {
    if odds > 1.0 && odds.is_finite() { Ok(()) } else { Err(RacingError::Odds { runner: 0, value: odds }) }
}

fn check_fraction(fraction: f64) -> Result<(), RacingError> {
    if (0.0..=1.0).contains(&fraction) {
        Ok(())
    } else {
        Err(RacingError::outside("place fraction", fraction, 0.0, 1.0))
    }
}
