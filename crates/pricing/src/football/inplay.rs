//! The rest of a match when goals come as independent Poisson streams.
//!
//! Every function takes the goals still to come (`remaining_home`, `remaining_away`: expected goals of the match
//! times the share that [`super::intensity`] gives) and the score as it stands. Use [`super::markov`] when the score or red
//! cards change the rates. For all other markets shift the grid: [`super::ScoreGrid::shifted`].
//!
//! Reproduced in `tests/golden/football_inplay.json`.

use super::{FootballError, GOAL_MEAN_MAX, GRID_SIZE_MAX, poisson};

/// Largest goal difference that the functions here accept.
pub const GOAL_DIFFERENCE_MAX: i32 = 99;

/// Probabilities of home, draw and away; also of who leads at half-time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThreeWay {
    /// P(home).
    pub home: f64,
    /// P(draw).
    pub draw: f64,
    /// P(away).
    pub away: f64,
}

/// Home, draw, away at the final whistle.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a mean outside 0..=20 or a difference outside -99..=99.
///
/// ```
/// use oddsengine_pricing::football::inplay::full_time;
/// // Home leads by one and 36 % of the goals are still to come.
/// let odds = full_time(1.55 * 0.36, 1.15 * 0.36, 1).unwrap();
/// assert!((odds.home - 0.78431388018544).abs() < 1e-12);
/// ```
pub fn full_time(
    remaining_home: f64,
    remaining_away: f64,
    score_difference: i32,
) -> Result<ThreeWay, FootballError> {
    check_difference(score_difference)?;
    Ok(Differences::new(remaining_home, remaining_away)?.three_way(score_difference))
}

/// Who scores next, if anybody does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextGoal {
    /// P(the next goal is the home side's).
    pub home: f64,
    /// P(the next goal is the away side's).
    pub away: f64,
    /// P(no more goal).
    pub none: f64,
}

/// The next goal, whatever the score.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a mean outside 0..=20.
///
/// ```
/// use oddsengine_pricing::football::inplay::next_goal;
/// let next = next_goal(1.55 * 0.36, 1.15 * 0.36).unwrap();
/// assert!((next.away - 0.26478723179952).abs() < 1e-12);
/// assert_eq!(next_goal(0.0, 0.0).unwrap().none, 1.0);
/// ```
pub fn next_goal(remaining_home: f64, remaining_away: f64) -> Result<NextGoal, FootballError> {
    FootballError::check("remaining home goals", remaining_home, 0.0, GOAL_MEAN_MAX)?;
    FootballError::check("remaining away goals", remaining_away, 0.0, GOAL_MEAN_MAX)?;
    let sum = remaining_home + remaining_away;
    if sum == 0.0 {
        return Ok(NextGoal { home: 0.0, away: 0.0, none: 1.0 });
    }
    let any = -libm::expm1(-sum);
    Ok(NextGoal { home: remaining_home / sum * any, away: remaining_away / sum * any, none: libm::exp(-sum) })
}

/// What is known and expected of one half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Half {
    /// Home goals still expected in this half; 0 when it is over.
    pub remaining_home: f64,
    /// Away goals still expected in this half; 0 when it is over.
    pub remaining_away: f64,
    /// Home goals less away goals scored in this half so far.
    pub difference: i32,
}

/// Half-time/full-time: `[half-time][full-time]`, each in the order home, draw, away.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a mean outside 0..=20 or a difference outside -99..=99.
///
/// ```
/// use oddsengine_pricing::football::inplay::{Half, half_time_full_time};
/// let half = |share: f64| Half { remaining_home: 1.6 * share, remaining_away: 1.1 * share, difference: 0 };
/// let table = half_time_full_time(half(0.45), half(0.55)).unwrap();
/// assert!((table[1][0] - 0.16430192619598).abs() < 1e-12); // draw at half-time, home at full time
/// ```
pub fn half_time_full_time(first: Half, second: Half) -> Result<[[f64; 3]; 3], FootballError> {
    check_difference(first.difference)?;
    check_difference(second.difference)?;
    let first_goals = Differences::new(first.remaining_home, first.remaining_away)?;
    let second_goals = Differences::new(second.remaining_home, second.remaining_away)?;
    let mut table = [[0.0; 3]; 3];
    for (index, mass) in first_goals.masses().iter().enumerate() {
        let at_half = first.difference + index as i32 - first_goals.zero as i32;
        let row = &mut table[match at_half.signum() {
            1 => 0,
            0 => 1,
            _ => 2,
        }];
        let rest = second_goals.three_way(at_half + second.difference);
        row[0] += mass * rest.home;
        row[1] += mass * rest.draw;
        row[2] += mass * rest.away;
    }
    Ok(table)
}

fn check_difference(difference: i32) -> Result<(), FootballError> {
    let limit = f64::from(GOAL_DIFFERENCE_MAX);
    FootballError::check("goal difference", f64::from(difference), -limit, limit).map(|_| ())
}

const SPAN: usize = 2 * GRID_SIZE_MAX;

/// The distribution of home goals less away goals, with running sums from both ends.
struct Differences {
    masses: [f64; SPAN],
    /// `below[i]` sums `masses[..i]`.
    below: [f64; SPAN + 1],
    /// `above[i]` sums `masses[i..]`.
    above: [f64; SPAN + 1],
    /// Index of the difference 0.
    zero: usize,
}

impl Differences {
    fn new(home_mean: f64, away_mean: f64) -> Result<Self, FootballError> {
        FootballError::check("remaining home goals", home_mean, 0.0, GOAL_MEAN_MAX)?;
        FootballError::check("remaining away goals", away_mean, 0.0, GOAL_MEAN_MAX)?;
        let size = poisson::size_for(home_mean).max(poisson::size_for(away_mean));
        let (mut home, mut away) = ([0.0; GRID_SIZE_MAX], [0.0; GRID_SIZE_MAX]);
        poisson::fill_masses(home_mean, &mut home[..size]);
        poisson::fill_masses(away_mean, &mut away[..size]);
        away[..size].reverse();
        let mut result =
            Self { masses: [0.0; SPAN], below: [0.0; SPAN + 1], above: [0.0; SPAN + 1], zero: size - 1 };
        for (x, home_mass) in home[..size].iter().enumerate() {
            for (place, away_mass) in result.masses[x..x + size].iter_mut().zip(&away[..size]) {
                *place += home_mass * away_mass;
            }
        }
        let count = 2 * size - 1;
        for index in 0..count {
            result.below[index + 1] = result.below[index] + result.masses[index];
            let back = count - 1 - index;
            result.above[back] = result.above[back + 1] + result.masses[back];
        }
        Ok(result)
    }

    fn masses(&self) -> &[f64] {
        &self.masses[..2 * self.zero + 1]
    }

    /// Home, draw and away when this difference is added to one that stands already.
    fn three_way(&self, start: i32) -> ThreeWay {
        let count = self.masses().len() as i32;
        // Index of the difference that levels the score.
        let level = self.zero as i32 - start;
        let at = |index: i32| index.clamp(0, count) as usize;
        let draw = if (0..count).contains(&level) { self.masses[level as usize] } else { 0.0 };
        ThreeWay { home: self.above[at(level + 1)], draw, away: self.below[at(level)] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DixonColes, ScoreGrid};
    use super::*;

    #[test]
    fn full_time_agrees_with_the_shifted_grid_and_sums_to_one() {
        for (home, away) in [(0.0, 0.0), (0.3, 0.9), (1.7, 0.0), (6.0, 2.0)] {
            let grid = ScoreGrid::from_dixon_coles(&DixonColes::poisson(home, away).unwrap());
            for difference in -5..=5_i32 {
                let odds = full_time(home, away, difference).unwrap();
                let shifted =
                    grid.shifted(difference.max(0) as usize, (-difference).max(0) as usize).unwrap();
                assert!(
                    (odds.home - shifted.home()).abs() < 1e-15 && (odds.draw - shifted.draw()).abs() < 1e-15
                );
                assert!((odds.home + odds.draw + odds.away - 1.0).abs() < 1e-12);
            }
        }
        assert_eq!(full_time(0.4, 0.4, 99).unwrap().draw, 0.0);
    }

    #[test]
    fn half_time_full_time_follows_the_match() {
        let half = |home, away, difference| Half { remaining_home: home, remaining_away: away, difference };
        let table = half_time_full_time(half(0.0, 0.0, 1), half(0.4, 0.3, -1)).unwrap();
        assert_eq!((table[1], table[2]), ([0.0; 3], [0.0; 3]));
        let rest = full_time(0.4, 0.3, 0).unwrap();
        assert!((table[0][1] - rest.draw).abs() < 1e-15 && (table[0][0] - rest.home).abs() < 1e-15);
        let over = half_time_full_time(half(0.0, 0.0, -2), half(0.0, 0.0, 3)).unwrap();
        assert_eq!(over[2][0], 1.0);
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -0.1, 20.5] {
            assert!(full_time(bad, 1.0, 0).is_err() && next_goal(1.0, bad).is_err());
        }
        assert!(full_time(1.0, 1.0, 100).is_err() && full_time(1.0, 1.0, i32::MIN).is_err());
    }
}
