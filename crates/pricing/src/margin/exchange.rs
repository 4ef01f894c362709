//! Fair probabilities from an exchange, where both sides of every price can be seen.
//!
//! The best odds to back a selection are too short and the best odds to lay it too long, each by the spread and the
//! commission. Each side is a book of its own: its margin is removed, and the two answers are averaged.

use super::{MarginError, MarginMethod, SELECTIONS_MAX, fair_probabilities, remove};
use crate::lanes::{exp, log};

/// The best prices of an exchange market. An empty side has no prices.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExchangeBook<'a> {
    /// Best odds to back each selection: decimal, above 1; nan where the selection is absent.
    pub back: &'a [f64],
    /// Best odds to lay each selection.
    pub lay: &'a [f64],
    /// How much the back price of each selection counts, e.g. the size at it; empty: the same everywhere.
    pub back_weight: &'a [f64],
    /// How much the lay price of each selection counts. Give each side the other's size for a micro-price.
    pub lay_weight: &'a [f64],
    /// Share of the net winnings that the exchange keeps, 0 to below 1.
    pub commission: f64,
}

/// Back odds after the commission on the winnings: `1 + (o - 1)(1 - c)`.
///
/// ```
/// use oddsengine_pricing::margin::odds_after_commission;
/// assert_eq!(odds_after_commission(3.0, 0.05), 2.9);
/// ```
#[inline]
pub fn odds_after_commission(back_odds: f64, commission: f64) -> f64 {
    1.0 + (back_odds - 1.0) * (1.0 - commission)
}

/// Lay odds after the commission on the winnings, which are the backer's stake: `1 + (o - 1) / (1 - c)`.
///
/// Whoever lays at `o` risks `o - 1` to win `1 - c`.
///
/// ```
/// use oddsengine_pricing::margin::lay_odds_after_commission;
/// assert_eq!(lay_odds_after_commission(2.9, 0.05), 3.0);
/// ```
#[inline]
pub fn lay_odds_after_commission(lay_odds: f64, commission: f64) -> f64 {
    1.0 + (lay_odds - 1.0) / (1.0 - commission)
}

/// Fair probabilities of an exchange market, which sum to `target` within 1e-12.
///
/// Back and lay odds after commission lose their margins by `method`, each side alone; the log-odds of both are averaged
/// by weight, and one shift of all log-odds (the odds-ratio method) restores the sum. A market with one side only is
/// that side. A selection is absent where no side has a price for it (nan), and stays nan.
///
/// The lay side of a market is nearly always under-round, which Shin, balanced book and goto refuse: take
/// multiplicative, power or odds ratio.
///
/// # Errors
///
/// As [`super::remove`] for either side; a price that only one side lacks is [`MarginError::InverseOdds`];
/// [`MarginError::Commission`] outside 0..1, [`MarginError::Weight`] for a weight that is not finite or a pair that is
/// not above 0.
///
/// ```
/// use oddsengine_pricing::margin::{ExchangeBook, MarginMethod, fair_from_exchange};
/// let book = ExchangeBook { back: &[1.98, 1.98], lay: &[2.02, 2.02], ..ExchangeBook::default() };
/// let mut fair = [0.0; 2];
/// fair_from_exchange(MarginMethod::OddsRatio, &book, 1.0, &mut fair).unwrap();
/// assert!((fair[0] - 0.5).abs() < 1e-15);
/// ```
pub fn fair_from_exchange(
    method: MarginMethod,
    book: &ExchangeBook,
    target: f64,
    out: &mut [f64],
) -> Result<(), MarginError> {
    let commission = book.commission;
    if !(0.0..1.0).contains(&commission) {
        return Err(MarginError::Commission { value: commission });
    }
    let count = book.back.len().max(book.lay.len());
    if !(2..=SELECTIONS_MAX).contains(&count) {
        return Err(MarginError::SelectionCount { count });
    }
    for given in [book.back, book.lay, book.back_weight, book.lay_weight] {
        if !given.is_empty() && given.len() != count {
            return Err(MarginError::OutputCount { count: given.len(), expected: count });
        }
    }
    if out.len() != count {
        return Err(MarginError::OutputCount { count: out.len(), expected: count });
    }
    let one_side = |odds: &[f64], after: fn(f64, f64) -> f64, fair: &mut [f64]| {
        let odds: Vec<f64> = odds.iter().map(|odds| after(*odds, commission)).collect();
        fair_probabilities(method, &odds, target, fair)
    };
    match (book.back.is_empty(), book.lay.is_empty()) {
        (false, true) => return one_side(book.back, odds_after_commission, out),
        (true, false) => return one_side(book.lay, lay_odds_after_commission, out),
        _ => {}
    }
    let halves = book.back.iter().zip(book.lay);
    if let Some(index) = halves.map(|(back, lay)| back.is_nan() != lay.is_nan()).position(|is_half| is_half) {
        return Err(MarginError::InverseOdds { index, value: f64::NAN });
    }
    let mut lay = vec![0.0; count];
    one_side(book.back, odds_after_commission, out)?;
    one_side(book.lay, lay_odds_after_commission, &mut lay)?;
    for (index, (fair, lay)) in out.iter_mut().zip(&lay).enumerate() {
        if !fair.is_nan() {
            let share = back_share(book, index)?;
            *fair = logistic(share * log_odds(*fair) + (1.0 - share) * log_odds(*lay));
        }
    }
    restore_sum(target, out)
}

/// Share of the back side in the average of a selection.
fn back_share(book: &ExchangeBook, index: usize) -> Result<f64, MarginError> {
    let weight = |weights: &[f64]| weights.get(index).copied().unwrap_or(1.0);
    let (back, lay) = (weight(book.back_weight), weight(book.lay_weight));
    for value in [back, lay] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(MarginError::Weight { index, value });
        }
    }
    let sum = back + lay;
    if sum > 0.0 { Ok(back / sum) } else { Err(MarginError::Weight { index, value: sum }) }
}

/// One shift of the log-odds of what is there.
fn restore_sum(target: f64, out: &mut [f64]) -> Result<(), MarginError> {
    let present: Vec<f64> = out.iter().copied().filter(|fair| !fair.is_nan()).collect();
    let mut shifted = vec![0.0; present.len()];
    remove(MarginMethod::OddsRatio, &present, target, &mut shifted)?;
    let places = out.iter_mut().filter(|fair| !fair.is_nan());
    places.zip(shifted).for_each(|(place, shifted)| *place = shifted);
    Ok(())
}

/// `ln(p / (1 - p))`.
#[inline(always)]
pub(super) fn log_odds(probability: f64) -> f64 {
    log(probability) - log(1.0 - probability)
}

/// The inverse of [`log_odds`].
#[inline(always)]
pub(super) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fair(method: MarginMethod, book: &ExchangeBook, target: f64) -> Result<Vec<f64>, MarginError> {
        let mut out = vec![0.0; book.back.len().max(book.lay.len())];
        fair_from_exchange(method, book, target, &mut out).map(|()| out)
    }

    #[test]
    fn the_true_price_lies_between_back_and_lay() {
        // Fair 0.5, 0.3, 0.2; a trader who breaks even against the commission quotes these.
        let probabilities: [f64; 3] = [0.5, 0.3, 0.2];
        let commission = 0.05;
        let back = probabilities.map(|p| 1.0 + (1.0 / p - 1.0) / (1.0 - commission));
        let lay = probabilities.map(|p| 1.0 + (1.0 / p - 1.0) * (1.0 - commission));
        let book = ExchangeBook { back: &back, lay: &lay, commission, ..ExchangeBook::default() };
        for method in [MarginMethod::Multiplicative, MarginMethod::Power, MarginMethod::OddsRatio] {
            let found = fair(method, &book, 1.0).unwrap();
            for (found, expected) in found.iter().zip(probabilities) {
                assert!((found - expected).abs() < 1e-12, "{method}: {found}");
            }
        }
    }

    #[test]
    fn weights_move_the_average_from_one_side_to_the_other() {
        let (back, lay) = ([2.4, 3.3, 3.6], [2.46, 3.45, 3.9]);
        let book = ExchangeBook { back: &back, lay: &lay, ..ExchangeBook::default() };
        let side = |back: &'static [f64], lay: &'static [f64]| {
            let book = ExchangeBook { back, lay, ..ExchangeBook::default() };
            fair(MarginMethod::Power, &book, 1.0).unwrap()
        };
        let ends = [side(&[2.4, 3.3, 3.6], &[]), side(&[], &[2.46, 3.45, 3.9])];
        for (weights, end) in [([1.0, 0.0], &ends[0]), ([0.0, 1.0], &ends[1])] {
            let [back_weight, lay_weight] = weights.map(|weight| [weight; 3]);
            let book = ExchangeBook { back_weight: &back_weight, lay_weight: &lay_weight, ..book };
            let found = fair(MarginMethod::Power, &book, 1.0).unwrap();
            assert!(found.iter().zip(end).all(|(a, b)| (a - b).abs() < 1e-12));
        }
        let even = fair(MarginMethod::Power, &book, 1.0).unwrap();
        for ((even, a), b) in even.iter().zip(&ends[0]).zip(&ends[1]) {
            assert!(*even >= a.min(*b) - 1e-4 && *even <= a.max(*b) + 1e-4);
        }
        assert!((even.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn place_markets_and_absent_runners() {
        let back = [1.5, 2.0, f64::NAN, 2.5, 4.0, 8.0];
        let lay = back.map(|odds| odds * 1.03);
        let book = ExchangeBook { back: &back, lay: &lay, commission: 0.02, ..ExchangeBook::default() };
        let found = fair(MarginMethod::OddsRatio, &book, 2.0).unwrap();
        assert!(found[2].is_nan());
        let sum: f64 = found.iter().filter(|fair| !fair.is_nan()).sum();
        assert!((sum - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_averaged_is_refused() {
        let book = ExchangeBook { back: &[1.9, 2.0], lay: &[2.0, 2.1], ..ExchangeBook::default() };
        let code = |book: ExchangeBook| fair(MarginMethod::Power, &book, 1.0).unwrap_err().code();
        for commission in [-0.01, 1.0, f64::NAN] {
            assert_eq!(code(ExchangeBook { commission, ..book }), "commission");
        }
        assert_eq!(code(ExchangeBook { lay: &[2.0, f64::NAN], ..book }), "inverse_odds");
        assert_eq!(code(ExchangeBook { lay: &[2.0, 2.1, 2.2], ..book }), "output_count");
        assert_eq!(code(ExchangeBook { back: &[], lay: &[], ..book }), "selection_count");
        assert_eq!(code(ExchangeBook { back_weight: &[1.0, -1.0], ..book }), "weight");
        assert_eq!(code(ExchangeBook { back_weight: &[0.0; 2], lay_weight: &[0.0; 2], ..book }), "weight");
        // An honest exchange's lay side is under-round.
        let error = fair(MarginMethod::Shin, &ExchangeBook { lay: &[2.2, 2.2], ..book }, 1.0).unwrap_err();
        assert_eq!(error.code(), "under_round");
        // A method may also be used the other way round.
        let mut implied = [0.0; 2];
        crate::margin::apply(
            MarginMethod::Power,
            &fair(MarginMethod::Power, &book, 1.0).unwrap(),
            1.02,
            &mut implied,
        )
        .unwrap();
        assert!((implied.iter().sum::<f64>() - 1.02).abs() < 1e-12);
    }
}
