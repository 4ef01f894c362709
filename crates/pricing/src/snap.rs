//! Offered odds on the rungs of a ladder, with a minimum booksum.
//!
//! Rounding every price down keeps the margin but overshoots by up to a tick a runner. The best prices are the
//! combination of rungs just below and just above the raw prices whose booksum is the smallest that is not below
//! the minimum. Reproduced in `tests/golden/ladders.json`, cases `ladders.min_margin`.

use crate::margin::SELECTIONS_MAX;
use std::fmt;

/// Up to this many selections the best combination is found; beyond it prices are raised greedily.
pub const EXACT_SELECTIONS_MAX: usize = 20;

/// Up to this many selections a search with bounds is fastest; beyond it combinations of halves are joined.
const SEARCHED_SELECTIONS_MAX: usize = 12;

/// A booksum this far below the minimum still counts as meeting it: raw prices carry rounding.
pub const BOOKSUM_TOLERANCE: f64 = 1e-10;

/// A raw price this close below a rung (relative) counts as on it.
const RUNG_TOLERANCE: f64 = 1e-11;

const E4: f64 = 10_000.0;

/// The prices a market may show, as decimal odds in ten-thousandths.
///
/// A pair of closures `(down, up)` is a ladder too.
pub trait OddsLadder {
    /// The highest rung at or below `odds`; None below the lowest rung.
    fn down(&self, odds: f64) -> Option<u32>;

    /// The lowest rung at or above `odds`; None above the highest rung.
    fn up(&self, odds: f64) -> Option<u32>;
}

impl<D, U> OddsLadder for (D, U)
where
    D: Fn(f64) -> Option<u32>,
    U: Fn(f64) -> Option<u32>,
{
    fn down(&self, odds: f64) -> Option<u32> {
        self.0(odds)
    }

    fn up(&self, odds: f64) -> Option<u32> {
        self.1(odds)
    }
}

/// Why raw odds cannot be put on a ladder.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapError {
    /// No selection, too many, or slices that do not fit together.
    SelectionCount {
        /// Number of raw odds.
        count: usize,
        /// Length of the slice that does not fit.
        other: usize,
    },
    /// Raw odds that are not above 1 and finite.
    RawOdds {
        /// Position of the selection.
        index: usize,
        /// Its raw odds.
        value: f64,
    },
    /// A minimum booksum that is not positive and finite.
    BooksumMin {
        /// The minimum as given.
        value: f64,
    },
    /// The lowest rung is above the raw odds or above the cap.
    BelowLadder {
        /// Position of the selection.
        index: usize,
        /// Its raw odds, or the cap.
        value: f64,
    },
    /// The raw odds themselves have less than the minimum booksum.
    MarginTooSmall {
        /// Booksum with every price rounded down.
        booksum: f64,
        /// The minimum as given.
        booksum_min: f64,
    },
}

impl SnapError {
    /// The error with the selection's place in a book with gaps, instead of its place among the present ones.
    pub fn at_place(mut self, places: &[usize]) -> Self {
        if let Self::RawOdds { index, .. } | Self::BelowLadder { index, .. } = &mut self {
            *index = places.get(*index).copied().unwrap_or(*index);
        }
        self
    }
}

impl fmt::Display for SnapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelectionCount { count, other } => {
                write!(f, "{count} raw odds (allowed 1..={SELECTIONS_MAX}) do not fit a slice of {other}")
            }
            Self::RawOdds { index, value } => {
                write!(f, "raw odds {value} of selection {index} are not above 1 and finite")
            }
            Self::BooksumMin { value } => write!(f, "minimum booksum {value} is not above 0 and finite"),
            Self::BelowLadder { index, value } => {
                write!(f, "odds {value} of selection {index} are below the lowest rung of the ladder")
            }
            Self::MarginTooSmall { booksum, booksum_min } => {
                write!(f, "booksum {booksum} of the rounded-down odds is below the minimum {booksum_min}")
            }
        }
    }
}

impl std::error::Error for SnapError {}

/// Rounds every price down; writes ten-thousandths and returns the booksum.
///
/// `raw_odds`: decimal, above 1, at most 1024 of them. `odds_max_e4`: empty, or a cap for each selection.
///
/// # Errors
///
/// See [`SnapError`]; there is no minimum booksum to miss here.
///
/// ```
/// use oddsengine_pricing::snap::snap_down;
/// let tenths = (|odds: f64| Some((odds * 10.0) as u32 * 1_000), |odds: f64| Some((odds * 10.0).ceil() as u32 * 1_000));
/// let mut odds_e4 = [0; 2];
/// let booksum = snap_down(&tenths, &[1.87, 1.93], &[], &mut odds_e4).unwrap();
/// assert_eq!((odds_e4, booksum), ([18_000, 19_000], 1.0 / 1.8 + 1.0 / 1.9));
/// ```
pub fn snap_down<L: OddsLadder>(
    ladder: &L,
    raw_odds: &[f64],
    odds_max_e4: &[u32],
    out: &mut [u32],
) -> Result<f64, SnapError> {
    check_lengths(raw_odds, odds_max_e4, out)?;
    for (index, &raw) in raw_odds.iter().enumerate() {
        out[index] = rung_below(ladder, index, raw, odds_max_e4.get(index).copied())?;
    }
    Ok(booksum(out))
}

/// The prices on the ladder next to the raw ones with the smallest booksum not below `booksum_min`.
///
/// Writes ten-thousandths and returns the booksum. Exact up to 20 selections; above that prices are raised one by
/// one, the largest gain that still fits first. Among equal booksums the one with the earlier prices low wins.
///
/// # Errors
///
/// See [`SnapError`]; [`SnapError::MarginTooSmall`] means that the raw odds lack the margin already.
///
/// ```
/// use oddsengine_pricing::snap::snap_min_margin;
/// let tenths = (|odds: f64| Some((odds * 10.0) as u32 * 1_000), |odds: f64| Some((odds * 10.0).ceil() as u32 * 1_000));
/// let mut odds_e4 = [0; 2];
/// snap_min_margin(&tenths, &[1.87, 1.93], 1.05, &[], &mut odds_e4).unwrap();
/// assert_eq!(odds_e4, [19_000, 19_000]);
/// ```
pub fn snap_min_margin<L: OddsLadder>(
    ladder: &L,
    raw_odds: &[f64],
    booksum_min: f64,
    odds_max_e4: &[u32],
    out: &mut [u32],
) -> Result<f64, SnapError> {
    if !(booksum_min > 0.0 && booksum_min.is_finite()) {
        return Err(SnapError::BooksumMin { value: booksum_min });
    }
    let floor_booksum = snap_down(ladder, raw_odds, odds_max_e4, out)?;
    let limit = booksum_min - BOOKSUM_TOLERANCE;
    if floor_booksum < limit {
        return Err(SnapError::MarginTooSmall { booksum: floor_booksum, booksum_min });
    }
    let above = |index: usize, low: u32| -> u32 {
        let cap = odds_max_e4.get(index).copied().unwrap_or(u32::MAX);
        let on_rung = raw_odds[index] * (1.0 + RUNG_TOLERANCE) * E4 >= f64::from(low)
            && raw_odds[index] * E4 <= f64::from(low);
        match ladder.up(raw_odds[index]) {
            Some(high) if !on_rung && high > low && high <= cap => high,
            _ => low,
        }
    };
    if out.len() <= SEARCHED_SELECTIONS_MAX {
        raise_exactly(out, above, limit);
    } else if out.len() <= EXACT_SELECTIONS_MAX {
        raise_by_halves(out, above, floor_booksum - limit);
    } else {
        raise_greedily(out, above, floor_booksum, limit);
    }
    Ok(booksum(out))
}

fn check_lengths(raw_odds: &[f64], odds_max_e4: &[u32], out: &[u32]) -> Result<(), SnapError> {
    let count = raw_odds.len();
    if count == 0 || count > SELECTIONS_MAX || out.len() != count {
        return Err(SnapError::SelectionCount { count, other: out.len() });
    }
    if !odds_max_e4.is_empty() && odds_max_e4.len() != count {
        return Err(SnapError::SelectionCount { count, other: odds_max_e4.len() });
    }
    match raw_odds.iter().position(|odds| !(*odds > 1.0 && odds.is_finite())) {
        Some(index) => Err(SnapError::RawOdds { index, value: raw_odds[index] }),
        None => Ok(()),
    }
}

fn rung_below<L: OddsLadder>(
    ladder: &L,
    index: usize,
    raw: f64,
    cap_e4: Option<u32>,
) -> Result<u32, SnapError> {
    let cap = cap_e4.map_or(f64::INFINITY, |cap| f64::from(cap) / E4);
    let odds = (raw * (1.0 + RUNG_TOLERANCE)).min(cap);
    let rung = ladder.down(odds).filter(|rung| f64::from(*rung) > E4);
    rung.ok_or(SnapError::BelowLadder { index, value: odds.min(raw) })
}

fn inverse(odds_e4: u32) -> f64 {
    E4 / f64::from(odds_e4)
}

fn booksum(odds_e4: &[u32]) -> f64 {
    odds_e4.iter().map(|odds| inverse(*odds)).sum()
}

/// Tries the combinations depth first, low rung before high, and leaves out what cannot win or cannot fit.
fn raise_exactly(odds: &mut [u32], above: impl Fn(usize, u32) -> u32, limit: f64) {
    let mut search = Search { count: odds.len(), limit, best_sum: f64::INFINITY, ..Search::default() };
    let mut high = [0; SEARCHED_SELECTIONS_MAX];
    for index in (0..odds.len()).rev() {
        high[index] = above(index, odds[index]);
        search.inverses[index] = [inverse(odds[index]), inverse(high[index])];
        for side in 0..2 {
            search.rest[index][side] = search.rest[index + 1][side] + search.inverses[index][side];
        }
    }
    search.descend(0, 0.0, 0);
    for (index, price) in odds.iter_mut().enumerate() {
        if search.best_choice >> index & 1 == 1 {
            *price = high[index];
        }
    }
}

#[derive(Default)]
struct Search {
    count: usize,
    limit: f64,
    /// Inverse odds at the low and the high rung.
    inverses: [[f64; 2]; SEARCHED_SELECTIONS_MAX],
    /// Sums of the inverses from here to the end, all low and all high.
    rest: [[f64; 2]; SEARCHED_SELECTIONS_MAX + 1],
    best_sum: f64,
    /// Bit i is set where selection i takes its high rung.
    best_choice: u32,
}

impl Search {
    fn descend(&mut self, index: usize, sum: f64, choice: u32) {
        let [low, high] = self.rest[index];
        if sum + low < self.limit - BOOKSUM_TOLERANCE || sum + high >= self.best_sum {
            return;
        }
        if index == self.count {
            if sum >= self.limit {
                (self.best_sum, self.best_choice) = (sum, choice);
            }
            return;
        }
        let [low, high] = self.inverses[index];
        self.descend(index + 1, sum + low, choice);
        if high < low {
            self.descend(index + 1, sum + high, choice | 1 << index);
        }
    }
}

/// The combination of raised prices that gives most of `room` away, from the combinations of each half of the selections.
fn raise_by_halves(odds: &mut [u32], above: impl Fn(usize, u32) -> u32, room: f64) {
    let mut high = [0_u32; EXACT_SELECTIONS_MAX];
    let mut gains = [0.0; EXACT_SELECTIONS_MAX];
    for (index, &low) in odds.iter().enumerate() {
        high[index] = above(index, low);
        gains[index] = inverse(low) - inverse(high[index]);
    }
    let (first, second) = gains[..odds.len()].split_at(odds.len() / 2);
    let (firsts, mut seconds) = (combinations(first), combinations(second));
    // Equal sums: the choice that leaves the earlier prices low comes first.
    seconds.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(b.1.reverse_bits().cmp(&a.1.reverse_bits())));
    let mut best = (-1.0, 0_u32);
    for &(sum, choice) in &firsts {
        let fitting = seconds.partition_point(|second| sum + second.0 <= room);
        let Some(&(rest, rest_choice)) = fitting.checked_sub(1).map(|last| &seconds[last]) else { continue };
        let all = (sum + rest, choice | rest_choice << first.len());
        if all.0 > best.0 || all.0 == best.0 && all.1.reverse_bits() < best.1.reverse_bits() {
            best = all;
        }
    }
    for (index, price) in odds.iter_mut().enumerate() {
        if best.1 >> index & 1 == 1 {
            *price = high[index];
        }
    }
}

/// Sum and choice of every subset of the gains above 0.
fn combinations(gains: &[f64]) -> Vec<(f64, u32)> {
    let mut all = Vec::with_capacity(1 << gains.len());
    all.push((0.0, 0));
    for (index, &gain) in gains.iter().enumerate().filter(|(_, gain)| **gain > 0.0) {
        for subset in 0..all.len() {
            let (sum, choice): (f64, u32) = all[subset];
            all.push((sum + gain, choice | 1 << index));
        }
    }
    all
}

/// Raises the price with the largest gain that still fits, until none does.
fn raise_greedily(odds: &mut [u32], above: impl Fn(usize, u32) -> u32, mut sum: f64, limit: f64) {
    let mut high = [0u32; SELECTIONS_MAX];
    for (index, low) in odds.iter().enumerate() {
        high[index] = above(index, *low);
    }
    loop {
        let mut best = (0.0, usize::MAX);
        for (index, low) in odds.iter().enumerate() {
            let gain = inverse(*low) - inverse(high[index]);
            if gain > best.0 && sum - gain >= limit {
                best = (gain, index);
            }
        }
        let Some(price) = odds.get_mut(best.1) else { return };
        sum -= best.0;
        *price = high[best.1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hundredths below 2, twentieths below 10, then whole odds up to 100.
    fn ladder() -> impl OddsLadder {
        let step = |odds: f64| {
            if odds < 2.0 {
                100
            } else if odds < 10.0 {
                500
            } else {
                10_000
            }
        };
        let down = move |odds: f64| {
            let rung = ((odds * E4) as u32).min(1_000_000) / step(odds) * step(odds);
            (rung >= 10_100).then_some(rung)
        };
        let up = move |odds: f64| {
            let rung = ((odds * E4).ceil() as u32).div_ceil(step(odds)) * step(odds);
            (rung <= 1_000_000).then_some(rung.max(10_100))
        };
        (down, up)
    }

    #[test]
    fn the_booksum_never_falls_below_the_minimum_and_beats_rounding_down() {
        let mut state = 1u64;
        for round in 0..2_000 {
            let count = 2 + round % 25;
            let mut unit = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 11) as f64 / (1u64 << 53) as f64
            };
            let weights: Vec<f64> = (0..count).map(|_| 0.05 + unit()).collect();
            let scale = 1.06 / weights.iter().sum::<f64>();
            let raw: Vec<f64> = weights.iter().map(|weight| 1.0 / (weight * scale).min(0.95)).collect();
            let minimum: f64 = raw.iter().map(|odds| 1.0 / odds).sum();
            let (mut down, mut best) = (vec![0; count], vec![0; count]);
            let down_sum = snap_down(&ladder(), &raw, &[], &mut down).unwrap();
            let best_sum = snap_min_margin(&ladder(), &raw, minimum, &[], &mut best).unwrap();
            assert!(best_sum >= minimum - BOOKSUM_TOLERANCE && best_sum <= down_sum);
            for index in 0..count {
                let up = ladder().up(raw[index]).unwrap_or(down[index]);
                assert!(best[index] == down[index] || best[index] == up);
            }
        }
    }

    #[test]
    fn the_best_combination_is_the_one_that_enumeration_finds() {
        let raw = [3.013, 4.27, 6.61, 7.83, 9.37, 5.551, 11.7];
        let minimum = raw.iter().map(|odds| 1.0 / odds).sum::<f64>();
        let (mut down, mut best) = ([0; 7], [0; 7]);
        snap_down(&ladder(), &raw, &[], &mut down).unwrap();
        let found = snap_min_margin(&ladder(), &raw, minimum, &[], &mut best).unwrap();
        let sums = (0..1 << 7).map(|choice: u32| -> f64 {
            let rung = |i: usize| if choice >> i & 1 == 1 { ladder().up(raw[i]).unwrap() } else { down[i] };
            (0..7).map(|i| inverse(rung(i))).sum()
        });
        let smallest = sums.filter(|sum| *sum >= minimum).fold(f64::INFINITY, f64::min);
        assert_eq!(found, smallest);
    }

    #[test]
    fn joined_halves_find_what_enumeration_finds() {
        let mut state = 9u64;
        let mut unit = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        for round in 0..12 {
            let count = 13 + round % 4;
            let raw: Vec<f64> = (0..count).map(|_| 3.0 + 60.0 * unit() * unit()).collect();
            let minimum = raw.iter().map(|odds| 1.0 / odds).sum::<f64>();
            let (mut down, mut best) = (vec![0; count], vec![0; count]);
            snap_down(&ladder(), &raw, &[], &mut down).unwrap();
            let found = snap_min_margin(&ladder(), &raw, minimum, &[], &mut best).unwrap();
            let gains: Vec<f64> =
                (0..count).map(|i| inverse(down[i]) - inverse(ladder().up(raw[i]).unwrap())).collect();
            let floor = booksum(&down);
            let sums = (0..1_u32 << count)
                .map(|choice| floor - (0..count).map(|i| f64::from(choice >> i & 1) * gains[i]).sum::<f64>());
            let smallest =
                sums.filter(|sum| *sum >= minimum - BOOKSUM_TOLERANCE).fold(f64::INFINITY, f64::min);
            assert!((found - smallest).abs() < 1e-12, "{found} {smallest}");
        }
    }

    #[test]
    fn equal_booksums_leave_the_earlier_prices_low() {
        // One of many equal prices may go up: the last one does.
        for count in [13, 16, 20] {
            let mut odds = vec![0; count];
            let raw = vec![25.5; count];
            let one_up = (count as f64 - 1.0) / 25.0 + 1.0 / 26.0;
            snap_min_margin(&ladder(), &raw, one_up, &[], &mut odds).unwrap();
            assert!(odds[..count - 1].iter().all(|price| *price == odds[0]) && odds[count - 1] > odds[0]);
        }
    }

    #[test]
    fn a_raw_price_on_a_rung_stays_there_despite_rounding() {
        let mut odds = [0; 2];
        for noise in [0.0, -4e-16, 4e-16] {
            snap_min_margin(&ladder(), &[1.8 + noise, 2.25 - noise], 1.0, &[], &mut odds).unwrap();
            assert_eq!(odds, [18_000, 22_500]);
        }
    }

    #[test]
    fn caps_hold_a_price_down() {
        let mut odds = [0; 3];
        snap_min_margin(&ladder(), &[1.5, 4.02, 60.3], 0.9, &[100_000, 40_000, 210_000], &mut odds).unwrap();
        assert_eq!(odds, [15_000, 40_000, 210_000]);
        let error =
            snap_down(&ladder(), &[1.5, 4.0, 60.0], &[20_000, 20_000, 10_050], &mut odds).unwrap_err();
        assert_eq!(error.to_string(), "odds 1.005 of selection 2 are below the lowest rung of the ladder");
    }

    #[test]
    fn impossible_arguments_are_refused() {
        let mut odds = [0; 2];
        for bad in [f64::NAN, f64::INFINITY, 1.0, 0.0, -3.0] {
            assert!(matches!(
                snap_down(&ladder(), &[2.0, bad], &[], &mut odds),
                Err(SnapError::RawOdds { index: 1, .. })
            ));
        }
        for bad in [f64::NAN, f64::INFINITY, 0.0] {
            assert!(snap_min_margin(&ladder(), &[2.0, 2.0], bad, &[], &mut odds).is_err());
        }
        assert!(matches!(
            snap_down(&ladder(), &[2.0], &[], &mut odds),
            Err(SnapError::SelectionCount { .. })
        ));
        assert!(matches!(
            snap_down(&ladder(), &[2.0, 2.0], &[1], &mut odds),
            Err(SnapError::SelectionCount { .. })
        ));
        assert!(matches!(
            snap_down(&ladder(), &[2.0, 1.005], &[], &mut odds),
            Err(SnapError::BelowLadder { index: 1, .. })
        ));
        let error = snap_min_margin(&ladder(), &[2.5, 2.5], 1.05, &[], &mut odds).unwrap_err();
        assert!(matches!(error, SnapError::MarginTooSmall { .. }), "{error}");
    }
}
