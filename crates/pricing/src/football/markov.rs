//! The rest of a match when the score and red cards change the scoring rates.
//!
//! Each side scores at `lambda * w(t) * h`, where `h` depends on who leads and on red cards. As `h` does not
//! depend on the clock, only the share of the match still to come matters (the integral of `w`), not how it is
//! spread: the score distribution is the exponential of that share times one generator. It is computed by
//! uniformisation, whose terms are all positive: nothing cancels, and the error is the part of a Poisson tail
//! that is left out (below 1e-13).
//!
//! Source: M. Dixon, M. Robinson, "A Birth Process Model for Association Football Matches", The Statistician 47
//! (1998). Reproduced in `tests/golden/football_inplay.json` against a matrix exponential.

use super::intensity::RateMultipliers;
use super::{FootballError, GOAL_MEAN_MAX, GRID_SIZE_MAX, ScoreGrid, poisson};

/// Largest remaining share; above 1 only because of long stoppage time.
pub const REMAINING_SHARE_MAX: f64 = 2.0;

/// Most goals of one side that may be expected to come, at its fastest rate.
pub const RATE_MAX: f64 = 12.0;

/// Most goals of one side that may stand on the scoreboard.
pub const SCORE_MAX: usize = 30;

/// Where a match stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchState {
    /// Home goals so far.
    pub home_goals: u8,
    /// Away goals so far.
    pub away_goals: u8,
    /// Home red cards so far.
    pub red_home: u8,
    /// Away red cards so far.
    pub red_away: u8,
}

/// The grid of final scores.
///
/// `lambda_home`, `lambda_away`: goals expected in a whole match at multipliers of 1. `remaining_share`: 0 to 2,
/// from [`super::intensity::IntensityProfile::remaining_share`]. The expected goals of the result differ from
/// `lambda` because the multipliers do not average to 1.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for arguments outside their ranges, or more than 12 goals to come of a side at its
/// fastest rate.
///
/// ```
/// use oddsengine_pricing::football::intensity::RateMultipliers;
/// use oddsengine_pricing::football::markov::{MatchState, final_scores};
/// let grid = final_scores(1.5, 1.1, &RateMultipliers::default(), MatchState::default(), 1.0).unwrap();
/// assert!((grid.home() - 0.45169987987836).abs() < 1e-8);
/// ```
pub fn final_scores(
    lambda_home: f64,
    lambda_away: f64,
    multipliers: &RateMultipliers,
    state: MatchState,
    remaining_share: f64,
) -> Result<ScoreGrid, FootballError> {
    FootballError::check("home goal mean", lambda_home, 0.0, GOAL_MEAN_MAX)?;
    FootballError::check("away goal mean", lambda_away, 0.0, GOAL_MEAN_MAX)?;
    FootballError::check("remaining share", remaining_share, 0.0, REMAINING_SHARE_MAX)?;
    let multipliers = multipliers.checked()?;
    let (home_goals, away_goals) = (usize::from(state.home_goals), usize::from(state.away_goals));
    FootballError::check("goals scored", home_goals.max(away_goals) as f64, 0.0, SCORE_MAX as f64)?;

    // Expected goals to come by who leads: home, nobody, away.
    let rates = [1, 0, -1].map(|difference| {
        let (home, away) = multipliers.multipliers(difference, state.red_home, state.red_away);
        (
            at_least_tiny(lambda_home * home * remaining_share),
            at_least_tiny(lambda_away * away * remaining_share),
        )
    });
    let fastest = rates.iter().fold(0.0_f64, |most, (home, away)| most.max(*home).max(*away));
    FootballError::check("largest goal rate", fastest, 0.0, RATE_MAX)?;
    let exit = rates.iter().fold(0.0_f64, |most, (home, away)| most.max(home + away));

    let size = poisson::size_for(fastest);
    debug_assert!(size + SCORE_MAX <= GRID_SIZE_MAX, "the rate limit keeps the grid small");
    let chain = Chain { size, start_difference: home_goals as i32 - away_goals as i32, rates, exit };
    let grid = ScoreGrid::from_checked_cells(size, chain.distribution(), 0.0);
    grid.shifted(home_goals, away_goals)
}

/// Jumps are counted relative to the fastest rate, and a quotient of subnormal numbers is no probability: a rate so far
/// below any goal's chance is none. (A share of 2.2e-313 once gave a probability of minus infinity.)
fn at_least_tiny(rate: f64) -> f64 {
    if rate < 1e-100 { 0.0 } else { rate }
}

/// The birth process of goals to come, 0 to `size - 1` a side; a side at the cap scores no more.
struct Chain {
    size: usize,
    start_difference: i32,
    /// Home and away rate when home leads, nobody leads, away leads.
    rates: [(f64, f64); 3],
    /// The largest sum of both rates.
    exit: f64,
}

impl Chain {
    /// The distribution over cells at the end: the sum over n of Poisson(n; exit) times n jumps of the chain.
    fn distribution(&self) -> Vec<f64> {
        let size = self.size;
        let mut jumped = vec![0.0; size * size];
        jumped[0] = 1.0;
        let mut result = vec![0.0; size * size];
        if self.exit == 0.0 {
            return jumped;
        }
        let mut next = vec![0.0; size * size];
        let mut weight = libm::exp(-self.exit);
        let mut left = 1.0;
        for jumps in 0..2 * GRID_SIZE_MAX {
            for (sum, mass) in result.iter_mut().zip(&jumped) {
                *sum += weight * mass;
            }
            left -= weight;
            if left < 1e-13 && jumps as f64 > self.exit {
                break;
            }
            // After n jumps no side has more than n goals.
            self.jump(&jumped, &mut next, (jumps + 2).min(size));
            std::mem::swap(&mut jumped, &mut next);
            weight *= self.exit / (jumps + 1) as f64;
        }
        result
    }

    /// One jump: a goal of either side with probability rate/exit, else nothing.
    fn jump(&self, from: &[f64], to: &mut [f64], reach: usize) {
        let size = self.size;
        let scale = 1.0 / self.exit;
        for x in 0..reach {
            for y in 0..reach {
                let at = x * size + y;
                let (home, away) = self.rates_at(x, y);
                let home_can = if x + 1 < size { home } else { 0.0 };
                let away_can = if y + 1 < size { away } else { 0.0 };
                let mut mass = from[at] * (1.0 - (home_can + away_can) * scale);
                if x > 0 {
                    mass += from[at - size] * self.rates_at(x - 1, y).0 * scale;
                }
                if y > 0 {
                    mass += from[at - 1] * self.rates_at(x, y - 1).1 * scale;
                }
                to[at] = mass;
            }
        }
    }

    #[inline]
    fn rates_at(&self, home_goals: usize, away_goals: usize) -> (f64, f64) {
        match (self.start_difference + home_goals as i32 - away_goals as i32).signum() {
            1 => self.rates[0],
            0 => self.rates[1],
            _ => self.rates[2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inplay;
    use super::*;

    #[test]
    fn neutral_multipliers_are_poisson() {
        for (home, away, share, state) in [
            (1.5, 1.1, 1.0, MatchState::default()),
            (2.4, 0.7, 0.37, MatchState { home_goals: 1, away_goals: 3, ..MatchState::default() }),
            (1.5, 1.1, 0.0, MatchState { home_goals: 2, ..MatchState::default() }),
            (9.0, 0.0, 1.0, MatchState::default()),
            (1.0, 1.0, 2.225e-313, MatchState::default()),
        ] {
            let grid = final_scores(home, away, &RateMultipliers::NEUTRAL, state, share).unwrap();
            let difference = i32::from(state.home_goals) - i32::from(state.away_goals);
            let odds = inplay::full_time(home * share, away * share, difference).unwrap();
            assert!((grid.home() - odds.home).abs() < 1e-12 && (grid.away() - odds.away).abs() < 1e-12);
            assert!((grid.cells().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_red_card_hurts_and_a_split_share_changes_nothing_at_neutral() {
        let red = MatchState { red_home: 1, ..MatchState::default() };
        let multipliers = RateMultipliers::default();
        let full = final_scores(1.5, 1.1, &multipliers, MatchState::default(), 0.5).unwrap();
        let short = final_scores(1.5, 1.1, &multipliers, red, 0.5).unwrap();
        assert!(short.home() < full.home() && short.away() > full.away());
    }

    #[test]
    fn impossible_arguments_are_refused() {
        let of = |home, share, multipliers: &RateMultipliers, home_goals| {
            final_scores(home, 1.0, multipliers, MatchState { home_goals, ..MatchState::default() }, share)
        };
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(of(bad, 1.0, &RateMultipliers::NEUTRAL, 0).is_err());
            assert!(of(1.0, bad, &RateMultipliers::NEUTRAL, 0).is_err());
            assert!(of(1.0, 1.0, &RateMultipliers { level: bad, ..RateMultipliers::NEUTRAL }, 0).is_err());
        }
        assert!(of(19.0, 2.0, &RateMultipliers::NEUTRAL, 0).is_err());
        assert!(of(1.0, 1.0, &RateMultipliers::NEUTRAL, 31).is_err());
        assert!(of(12.0, 1.0, &RateMultipliers::NEUTRAL, 30).is_ok());
    }
}
