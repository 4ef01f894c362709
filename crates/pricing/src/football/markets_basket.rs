//! The 190 most used probabilities of a match in one pass over a 16 by 16 grid.
//!
//! Rows of the grid are added into the totals and, backwards, into the differences: two plain vector additions a
//! row. Every line is then a look-up in running sums, so that the 50 lines cost 50 look-ups and not 50 passes.

use super::{DixonColes, FootballError, poisson};

/// Number of probabilities in a basket.
pub const BASKET_SIZE: usize = 190;

/// Goal counts a side on the basket's grid: 0 to 15.
pub const BASKET_GRID_SIZE: usize = 16;

/// Index of the first total line's `over`; three places a line.
pub const BASKET_TOTALS: usize = 4;

/// Index of the first handicap line's `win`; three places a line.
pub const BASKET_HANDICAPS: usize = 79;

/// Index of the score 0-0; home goals change every six places.
pub const BASKET_SCORES: usize = 154;

/// The basket's first total line, in quarter goals (0.5); 25 lines in quarter steps up to 6.5.
pub const BASKET_TOTAL_QUARTERS_FIRST: i32 = 2;

/// The basket's first home handicap, in quarter goals (-3); 25 lines in quarter steps up to +3.
pub const BASKET_HANDICAP_QUARTERS_FIRST: i32 = -12;

const LINES: usize = 25;
const SCORES: usize = 6;
const SPAN: usize = 2 * BASKET_GRID_SIZE - 1;

const _: () = assert!(BASKET_HANDICAPS == BASKET_TOTALS + 3 * LINES);
const _: () = assert!(BASKET_SCORES == BASKET_HANDICAPS + 3 * LINES);
const _: () = assert!(BASKET_SIZE == BASKET_SCORES + SCORES * SCORES);

/// Writes the basket of one match.
///
/// | places | content |
/// |---|---|
/// | 0..3 | home, draw, away |
/// | 3 | both sides score |
/// | 4..79 | total lines 0.5, 0.75, ... 6.5: over, push, under (stake fractions) |
/// | 79..154 | home handicaps -3, -2.75, ... +3: win, push, lose (stake fractions) |
/// | 154..190 | scores 0-0, 0-1, ... 5-5 |
///
/// The grid is cut at 15 goals a side and scaled to sum to 1, as in comparable libraries; the lost mass is 1e-8 at
/// 2.8 expected goals. Use [`super::ScoreGrid`] when that matters.
///
/// ```
/// use oddsengine_pricing::football::{DixonColes, markets_basket};
/// let mut basket = [0.0; markets_basket::BASKET_SIZE];
/// markets_basket::fill(&DixonColes::new(1.62, 1.08, -0.08).unwrap(), &mut basket);
/// assert!((basket[0] - 0.48983702483099).abs() < 1e-9);
/// assert!((basket[markets_basket::BASKET_SCORES] - 0.076612133946907).abs() < 1e-9);
/// ```
pub fn fill(model: &DixonColes, out: &mut [f64; BASKET_SIZE]) {
    let (mut home, mut away) = ([0.0; BASKET_GRID_SIZE], [0.0; BASKET_GRID_SIZE]);
    poisson::fill_masses(model.lambda_home(), &mut home);
    poisson::fill_masses(model.lambda_away(), &mut away);
    let mut backwards = away;
    backwards.reverse();

    // One zero beyond the last total keeps both arrays a whole number of vectors.
    let (mut totals, mut differences) = ([0.0; SPAN + 1], [0.0; SPAN + 1]);
    for (x, &mass) in home.iter().enumerate() {
        for y in 0..BASKET_GRID_SIZE {
            totals[x + y] += mass * away[y];
            differences[x + y] += mass * backwards[y];
        }
    }
    let low_scores = correct_low_scores(model, &home, &away, &mut totals, &mut differences);

    let totals = Sums::new(totals);
    let differences = Sums::new(differences);
    let scale = 1.0 / totals.above[0];
    let level = BASKET_GRID_SIZE - 1;

    out[0] = differences.above[level + 1] * scale;
    out[1] = differences.masses[level] * scale;
    out[2] = differences.below[level] * scale;
    // 1-1 is the only corrected score in which both sides score.
    let both_home: f64 = home[1..].iter().sum();
    let both_away: f64 = away[1..].iter().sum();
    out[3] = (both_home * both_away - home[1] * away[1] + low_scores[1][1]) * scale;

    let (totals_out, rest) = out[BASKET_TOTALS..].split_at_mut(3 * LINES);
    let (handicaps_out, scores_out) = rest.split_at_mut(3 * LINES);
    for (index, place) in totals_out.chunks_exact_mut(3).enumerate() {
        let line = BASKET_TOTAL_QUARTERS_FIRST + index as i32;
        totals.write_line(line as usize, scale, place);
    }
    for (index, place) in handicaps_out.chunks_exact_mut(3).enumerate() {
        // Home -0.5 wins above the difference 0.5; the array starts at -15.
        let line = 4 * level as i32 - (BASKET_HANDICAP_QUARTERS_FIRST + index as i32);
        differences.write_line(line as usize, scale, place);
    }
    for (x, row) in scores_out.chunks_exact_mut(SCORES).enumerate() {
        for (y, place) in row.iter_mut().enumerate() {
            *place = home[x] * away[y] * scale;
        }
    }
    for (row, values) in scores_out.chunks_exact_mut(SCORES).zip(low_scores) {
        row[0] = values[0] * scale;
        row[1] = values[1] * scale;
    }
}

/// The baskets of many matches; `out` holds [`BASKET_SIZE`] places a match.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] if the slices do not fit together, or for the first match whose parameters
/// [`DixonColes::new`] refuses; the baskets before it are written.
///
/// ```
/// use oddsengine_pricing::football::markets_basket::{BASKET_SIZE, fill_batch};
/// let mut out = vec![0.0; 2 * BASKET_SIZE];
/// fill_batch(&[1.5, 1.1], &[1.0, 1.3], &[-0.06, -0.06], &mut out).unwrap();
/// assert!(out[0] > out[2] && out[BASKET_SIZE] < out[BASKET_SIZE + 2]);
/// ```
pub fn fill_batch(
    lambda_home: &[f64],
    lambda_away: &[f64],
    rho: &[f64],
    out: &mut [f64],
) -> Result<(), FootballError> {
    let count = lambda_home.len();
    for (name, length, expected) in [
        ("length of away goal means", lambda_away.len(), count),
        ("length of rho", rho.len(), count),
        ("length of the output", out.len(), count.saturating_mul(BASKET_SIZE)),
    ] {
        FootballError::check(name, length as f64, expected as f64, expected as f64)?;
    }
    let (baskets, _) = out.as_chunks_mut::<BASKET_SIZE>();
    for (index, basket) in baskets.iter_mut().enumerate() {
        fill(&DixonColes::new(lambda_home[index], lambda_away[index], rho[index])?, basket);
    }
    Ok(())
}

/// Moves the Dixon-Coles corrections into the sums and returns the four corrected scores.
fn correct_low_scores(
    model: &DixonColes,
    home: &[f64; BASKET_GRID_SIZE],
    away: &[f64; BASKET_GRID_SIZE],
    totals: &mut [f64; SPAN + 1],
    differences: &mut [f64; SPAN + 1],
) -> [[f64; 2]; 2] {
    let level = BASKET_GRID_SIZE - 1;
    let corrections = model.corrections();
    let mut scores = [[0.0; 2]; 2];
    for x in 0..2 {
        for y in 0..2 {
            let plain = home[x] * away[y];
            scores[x][y] = plain * corrections[x][y];
            totals[x + y] += scores[x][y] - plain;
            differences[level + x - y] += scores[x][y] - plain;
        }
    }
    scores
}

/// Probabilities of consecutive counts, with running sums from both ends so that short and long prices keep
/// their digits.
struct Sums {
    masses: [f64; SPAN + 1],
    /// `above[i]` is the sum of `masses[i..]`.
    above: [f64; SPAN + 2],
    /// `below[i]` is the sum of `masses[..i]`.
    below: [f64; SPAN + 2],
}

impl Sums {
    fn new(masses: [f64; SPAN + 1]) -> Self {
        let (mut above, mut below) = ([0.0; SPAN + 2], [0.0; SPAN + 2]);
        for index in 0..=SPAN {
            below[index + 1] = below[index] + masses[index];
            above[SPAN - index] = above[SPAN - index + 1] + masses[SPAN - index];
        }
        Self { masses, above, below }
    }

    /// Win, push and lose fractions of "the index exceeds the line", a line in quarters within the array.
    #[inline]
    fn write_line(&self, line_quarters: usize, scale: f64, place: &mut [f64]) {
        // A quarter line is half a stake on the half-goal lines beside it.
        let (low, high) = (line_quarters & !1, (line_quarters + 1) & !1);
        let push_at = |part: usize| if part.is_multiple_of(4) { self.masses[part / 4] } else { 0.0 };
        let half = 0.5 * scale;
        place[0] = (self.above[low / 4 + 1] + self.above[high / 4 + 1]) * half;
        place[1] = (push_at(low) + push_at(high)) * half;
        place[2] = (self.below[low.div_ceil(4)] + self.below[high.div_ceil(4)]) * half;
    }
}

#[cfg(test)]
mod tests {
    use super::super::ScoreGrid;
    use super::*;

    #[test]
    fn every_place_agrees_with_the_score_grid() {
        for (home, away, rho) in
            [(1.62, 1.08, -0.08), (0.5, 2.4, -0.06), (2.8, 2.3, 0.05), (0.0, 0.0, 0.0), (9.0, 4.0, 0.0)]
        {
            let model = DixonColes::new(home, away, rho).unwrap();
            let grid = ScoreGrid::from_dixon_coles_sized(&model, BASKET_GRID_SIZE).unwrap().normalised();
            let mut expected = vec![grid.home(), grid.draw(), grid.away(), grid.both_score()];
            for line in 2..27 {
                let over = grid.over(line);
                expected.extend([over.win, over.push(), over.lose]);
            }
            for line in -12..13 {
                let home = grid.asian_handicap_home(line);
                expected.extend([home.win, home.push(), home.lose]);
            }
            expected.extend((0..36).map(|i| grid.correct_score(i / 6, i % 6)));
            let mut basket = [0.0; BASKET_SIZE];
            fill(&model, &mut basket);
            for (index, (got, want)) in basket.iter().zip(&expected).enumerate() {
                assert!((got - want).abs() < 2e-15, "{home} {away}: place {index} is {got}, not {want}");
            }
            let mut batch = vec![0.0; 3 * BASKET_SIZE];
            fill_batch(&[home; 3], &[away; 3], &[rho; 3], &mut batch).unwrap();
            assert!(batch.chunks(BASKET_SIZE).all(|one| one == basket));
        }
    }

    #[test]
    fn slices_that_do_not_fit_are_refused() {
        let mut out = vec![0.0; BASKET_SIZE];
        assert!(fill_batch(&[1.0], &[], &[0.0], &mut out).is_err());
        assert!(fill_batch(&[1.0], &[1.0], &[0.0, 0.0], &mut out).is_err());
        assert!(fill_batch(&[1.0], &[1.0], &[0.0], &mut out[1..]).is_err());
        assert!(fill_batch(&[f64::NAN], &[1.0], &[0.0], &mut out).is_err());
        assert!(fill_batch(&[], &[], &[], &mut []).is_ok());
    }
}
