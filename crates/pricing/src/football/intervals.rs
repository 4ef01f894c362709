//! Goals by ten minutes of the match clock.
//!
//! Interval `k` of 0 to 8 holds the goals from minute `10 k` to `10 k + 10` of the clock. Added time belongs to the
//! interval in which its half ends: minutes 40 to 50 take that of the first half, 80 to 90 that of the second. Given
//! the intensity profile the goals of each side in each interval are independent Poisson counts.

use super::intensity::{HALF_MS, IntensityProfile, MINUTE_MS, MatchClock, Period, RemainingShares};
use super::score_markets::{LineShares, shares_above};
use super::{FootballError, GOAL_MEAN_MAX, poisson};

/// Number of intervals.
pub const INTERVAL_COUNT: usize = 9;

/// Length of an interval.
pub const INTERVAL_MS: u32 = 10 * MINUTE_MS;

/// Goals of a side in an interval: 0 to 4, and 5 or more.
pub const INTERVAL_GOALS: usize = 6;

/// The interval that a goal belongs to.
///
/// ```
/// use oddsengine_pricing::football::intervals::interval_of;
/// use oddsengine_pricing::football::intensity::{MINUTE_MS, Period};
/// assert_eq!(interval_of(Period::FirstHalf, 9 * MINUTE_MS + 59_999), 0);
/// assert_eq!(interval_of(Period::FirstHalf, 52 * MINUTE_MS), 4); // added time of the first half
/// assert_eq!(interval_of(Period::SecondHalf, 50 * MINUTE_MS), 5);
/// assert_eq!(interval_of(Period::SecondHalf, 97 * MINUTE_MS), 8);
/// ```
pub fn interval_of(period: Period, elapsed_ms: u32) -> usize {
    oddsengine_markets::football::goal_interval(period <= Period::FirstHalf, i64::from(elapsed_ms))
}

/// Shares of a match's expected goals that are still to come in each interval; they sum to the remaining share.
pub fn interval_shares(profile: &IntensityProfile, clock: MatchClock) -> [f64; INTERVAL_COUNT] {
    interval_shares_by_half(profile, clock).map(|shares| shares.total())
}

/// As [`interval_shares`], apart for the half in which they fall: minutes 40 to 50 have a part of each.
pub fn interval_shares_by_half(
    profile: &IntensityProfile,
    clock: MatchClock,
) -> [RemainingShares; INTERVAL_COUNT] {
    let mut shares = [RemainingShares { first_half: 0.0, second_half: 0.0 }; INTERVAL_COUNT];
    // What is left at each boundary, under the same expectation of added time as now.
    let mut before = profile.remaining_share(clock);
    for (interval, share) in shares.iter_mut().enumerate() {
        let end_ms = (interval as u32 + 1) * INTERVAL_MS;
        let after = at_boundary(profile, clock, end_ms, before);
        *share = RemainingShares {
            first_half: before.first_half - after.first_half,
            second_half: before.second_half - after.second_half,
        };
        before = after;
    }
    shares
}

/// What is left at a boundary of the clock that lies ahead; `now` where it is behind.
fn at_boundary(
    profile: &IntensityProfile,
    clock: MatchClock,
    end_ms: u32,
    now: RemainingShares,
) -> RemainingShares {
    let announced = |period| if clock.period == period { clock.announced_stoppage_ms } else { None };
    let at = |period| {
        profile.remaining_share(MatchClock {
            period,
            elapsed_ms: end_ms,
            announced_stoppage_ms: announced(period),
        })
    };
    if end_ms >= 2 * HALF_MS {
        return RemainingShares { first_half: 0.0, second_half: 0.0 };
    }
    if end_ms < HALF_MS {
        return match clock.period {
            Period::BeforeKickOff => at(Period::FirstHalf),
            Period::FirstHalf if end_ms > clock.elapsed_ms => at(Period::FirstHalf),
            _ => now,
        };
    }
    match clock.period {
        Period::Ended => now,
        Period::SecondHalf if end_ms <= clock.elapsed_ms => now,
        _ => RemainingShares { first_half: 0.0, ..at(Period::SecondHalf) },
    }
}

/// Goals that an interval still adds, home by row: 0 to 4, and 5 or more.
pub type IntervalCells = [f64; INTERVAL_GOALS * INTERVAL_GOALS];

/// The goals of both sides in an interval: probabilities of `home * 6 + away`, the last of a side being 5 or more.
///
/// `means` are expected goals still to come, `goals` those of the interval so far.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a mean outside 0..=20.
pub fn interval_cells(means: [f64; 2], goals: [u8; 2]) -> Result<IntervalCells, FootballError> {
    let mut sides = [[0.0; INTERVAL_GOALS]; 2];
    for (cells, mean) in sides.iter_mut().zip(means) {
        FootballError::check("expected goals of an interval", mean, 0.0, GOAL_MEAN_MAX)?;
        poisson::fill_masses(mean, &mut cells[..INTERVAL_GOALS - 1]);
        let below: f64 = cells[..INTERVAL_GOALS - 1].iter().sum();
        cells[INTERVAL_GOALS - 1] = if mean == 0.0 { 0.0 } else { (1.0 - below).max(0.0) };
    }
    let added = std::array::from_fn(|cell| sides[0][cell / INTERVAL_GOALS] * sides[1][cell % INTERVAL_GOALS]);
    Ok(after(&added, goals))
}

/// Each goal to come of a half falls in the interval with probability `share`, by itself: the goals that the interval
/// gets, from those of the half (`size` goals a side, home by row).
pub(crate) fn thinned(half: &[f64], size: usize, share: f64) -> IntervalCells {
    // Per number of goals: the probability of how many fall in the interval.
    let binomial = binomial_rows(share);
    let mut by_home = [[0.0; HALF_SIZE]; INTERVAL_GOALS];
    for (home, row) in half.chunks_exact(size).enumerate() {
        for (away, &mass) in row.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            for (got, sums) in by_home.iter_mut().enumerate().take(home + 1) {
                sums[away] += mass * binomial[home][got];
            }
        }
    }
    let mut cells = [0.0; INTERVAL_GOALS * INTERVAL_GOALS];
    for (got_home, sums) in by_home.iter().enumerate() {
        for (away, &mass) in sums.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            for got_away in 0..INTERVAL_GOALS.min(away + 1) {
                cells[got_home * INTERVAL_GOALS + got_away] += mass * binomial[away][got_away];
            }
        }
    }
    cells
}

/// Goals of a side in a half: 0 to 10.
pub(crate) const HALF_SIZE: usize = oddsengine_markets::football::HALF_GOALS_MAX + 1;

/// Row `n`: how many of `n` goals fall in an interval with this share, the last place being 5 or more.
pub(crate) fn binomial_rows(share: f64) -> [[f64; INTERVAL_GOALS]; HALF_SIZE] {
    let mut rows = [[0.0; INTERVAL_GOALS]; HALF_SIZE];
    rows[0][0] = 1.0;
    for n in 1..HALF_SIZE {
        for got in 0..INTERVAL_GOALS {
            let falls = if got > 0 { rows[n - 1][got - 1] * share } else { 0.0 };
            // Five or more stay five or more.
            let stays = if got == INTERVAL_GOALS - 1 { 1.0 } else { 1.0 - share };
            rows[n][got] = falls + rows[n - 1][got] * stays;
        }
    }
    rows
}

/// The goals of an interval that consists of two parts, each with its own probabilities.
pub(crate) fn together(first: &IntervalCells, second: &IntervalCells) -> IntervalCells {
    let mut cells = [0.0; INTERVAL_GOALS * INTERVAL_GOALS];
    for (a, &p) in first.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        for (b, &q) in second.iter().enumerate() {
            let most = INTERVAL_GOALS - 1;
            let home = (a / INTERVAL_GOALS + b / INTERVAL_GOALS).min(most);
            let away = (a % INTERVAL_GOALS + b % INTERVAL_GOALS).min(most);
            cells[home * INTERVAL_GOALS + away] += p * q;
        }
    }
    cells
}

/// The goals of an interval from those that it still adds.
pub(crate) fn after(added: &IntervalCells, goals: [u8; 2]) -> IntervalCells {
    let mut now = [0.0; INTERVAL_GOALS * INTERVAL_GOALS];
    let [home, away] = goals.map(|goals| usize::from(goals).min(INTERVAL_GOALS - 1));
    now[home * INTERVAL_GOALS + away] = 1.0;
    together(&now, added)
}

/// The markets of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalMarkets {
    /// P(home scores more), P(as many), P(away scores more).
    pub result: [f64; 3],
    /// P(at least one goal).
    pub goal: f64,
    /// P(the side scores), home and away.
    pub side_goal: [f64; 2],
    cells: IntervalCells,
}

impl IntervalMarkets {
    /// From the probabilities of [`interval_cells`].
    ///
    /// ```
    /// use oddsengine_pricing::football::intervals::{IntervalMarkets, interval_cells};
    /// let markets = IntervalMarkets::new(&interval_cells([0.17, 0.12], [0, 0]).unwrap());
    /// assert!((markets.goal - (1.0 - (-0.29_f64).exp())).abs() < 1e-12);
    /// ```
    pub fn new(cells: &IntervalCells) -> Self {
        let mut markets = Self { result: [0.0; 3], goal: 0.0, side_goal: [0.0; 2], cells: *cells };
        for (cell, mass) in cells.iter().enumerate() {
            let (home, away) = (cell / INTERVAL_GOALS, cell % INTERVAL_GOALS);
            markets.result[(1 - (home as i32 - away as i32).signum()) as usize] += mass;
            markets.goal += if cell > 0 { *mass } else { 0.0 };
            markets.side_goal[0] += if home > 0 { *mass } else { 0.0 };
            markets.side_goal[1] += if away > 0 { *mass } else { 0.0 };
        }
        markets
    }

    /// Over a line of goals in the interval, in quarter goals, up to 5.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a line above 5 goals: the cells tell no more apart.
    pub fn over(&self, line_quarters: i32) -> Result<LineShares, FootballError> {
        let most = 4.0 * (INTERVAL_GOALS - 1) as f64;
        FootballError::check("line of an interval in quarter goals", line_quarters.into(), 0.0, most)?;
        let mut totals = [0.0; 2 * INTERVAL_GOALS - 1];
        for (cell, mass) in self.cells.iter().enumerate() {
            totals[cell / INTERVAL_GOALS + cell % INTERVAL_GOALS] += mass;
        }
        Ok(shares_above(&totals, 0, line_quarters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(period: Period, minutes: u32) -> MatchClock {
        MatchClock { period, elapsed_ms: minutes * MINUTE_MS, announced_stoppage_ms: None }
    }

    #[test]
    fn shares_sum_to_what_is_left_and_past_intervals_are_over() {
        let profile = IntensityProfile::default();
        let start = interval_shares(&profile, clock(Period::BeforeKickOff, 0));
        assert!((start.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(start.iter().all(|share| *share > 0.08 && *share < 0.2), "{start:?}");
        // The intervals with added time are the fullest.
        assert!(start[4] > start[3] && start[4] > start[5] && start[8] > start[7]);
        for (period, minutes, over) in [
            (Period::FirstHalf, 0, 0),
            (Period::FirstHalf, 23, 2),
            (Period::FirstHalf, 47, 4),
            (Period::HalfTime, 45, 4),
            (Period::SecondHalf, 45, 4),
            (Period::SecondHalf, 50, 5),
            (Period::SecondHalf, 95, 8),
            (Period::Ended, 95, 9),
        ] {
            let at = clock(period, minutes);
            let shares = interval_shares(&profile, at);
            let left = profile.remaining_share(at).total();
            assert!((shares.iter().sum::<f64>() - left).abs() < 1e-12, "{at:?}");
            assert!(shares[..over].iter().all(|share| *share == 0.0), "{at:?} {shares:?}");
            assert!(shares[over..].iter().all(|share| *share > 0.0), "{at:?} {shares:?}");
        }
        // A board of long added time belongs to the interval in which the half ends.
        let board =
            MatchClock { announced_stoppage_ms: Some(9 * MINUTE_MS), ..clock(Period::SecondHalf, 85) };
        assert!(
            interval_shares(&profile, board)[8] > interval_shares(&profile, clock(Period::SecondHalf, 85))[8]
        );
    }

    #[test]
    fn an_untouched_interval_keeps_its_share() {
        let profile = IntensityProfile::default();
        let start = interval_shares(&profile, clock(Period::BeforeKickOff, 0));
        let later = interval_shares(&profile, clock(Period::FirstHalf, 20));
        for interval in 2..INTERVAL_COUNT {
            assert!((start[interval] - later[interval]).abs() < 1e-12, "{interval}");
        }
    }

    #[test]
    fn markets_agree_with_independent_poisson_counts() {
        let cells = interval_cells([0.2, 0.1], [1, 0]).unwrap();
        assert!((cells.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let markets = IntervalMarkets::new(&cells);
        assert_eq!(markets.side_goal[0], markets.goal);
        assert!((markets.goal - 1.0).abs() < 1e-12);
        assert!((markets.over(6).unwrap().win - (1.0 - (-0.3_f64).exp())).abs() < 1e-12);
        assert!((markets.result.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let over = interval_cells([0.0, 0.0], [0, 2]).unwrap();
        assert_eq!(over[2], 1.0);
        assert!(markets.over(21).is_err() && interval_cells([f64::NAN, 0.1], [0, 0]).is_err());
    }
}
