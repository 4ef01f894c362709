//! A tie-break: first to `n` points, two ahead, served A BB AA BB ...
//!
//! From a level score of `n - 1` points or more the home side wins with `w / (w + l)`, where `w` and `l` are the chances of
//! winning or losing the next two points: one is served by each side whatever the score. Reproduced in
//! `tests/golden/tennis.json`.

use oddsengine_markets::tennis::{Side, serves_second};

use super::real::Real;

/// Most points a tie-break goes to.
pub const TIE_BREAK_POINTS_MAX: usize = 10;

/// The probability that the home side wins a tie-break, from every score.
///
/// ```
/// use oddsengine_markets::tennis::Side;
/// use oddsengine_pricing::tennis::tie_break::TieBreak;
/// let tie_break = TieBreak::new([0.65, 0.61], Side::Home, 7);
/// assert!((tie_break.home() - 0.56566483683733).abs() < 1e-13);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TieBreak<R: Real = f64> {
    points: usize,
    first: Side,
    /// Probability that the home side wins a point, by server.
    home_point: [R; 2],
    level: R,
    /// Both below `points`: row home, column away.
    values: [R; TIE_BREAK_POINTS_MAX * TIE_BREAK_POINTS_MAX],
}

impl<R: Real> TieBreak<R> {
    /// The tie-break of sides that win a point on own serve with `serve` (home first), where `first` serves first.
    #[inline(always)]
    pub fn new(serve: [R; 2], first: Side, points: u8) -> Self {
        let points = usize::from(points);
        let home_point = [serve[0], serve[1].complement()];
        let win = home_point[0] * home_point[1];
        let lose = home_point[0].complement() * home_point[1].complement();
        let level = win / (win + lose);
        let values = [R::default(); TIE_BREAK_POINTS_MAX * TIE_BREAK_POINTS_MAX];
        // Filled in place: the values are too many to be moved.
        let mut tie_break = Self { points, first, home_point, level, values };
        let values = &mut tie_break.values;
        let last = points - 1;
        for home in (0..points).rev() {
            for away in (0..points).rev() {
                let here = home * TIE_BREAK_POINTS_MAX + away;
                values[here] = if home == last && away == last {
                    level
                } else {
                    let won = if home == last { R::ONE } else { values[here + TIE_BREAK_POINTS_MAX] };
                    let lost = if away == last { R::default() } else { values[here + 1] };
                    let p = home_point[server_of(first, home + away).index()];
                    p * won + p.complement() * lost
                };
            }
        }
        tie_break
    }

    /// The probability that the home side wins it.
    #[inline(always)]
    pub fn home(&self) -> R {
        self.values[0]
    }

    /// The same from a score.
    #[inline(always)]
    pub fn from_points(&self, home: usize, away: usize) -> R {
        if home < self.points && away < self.points {
            return self.values[home * TIE_BREAK_POINTS_MAX + away];
        }
        let p = self.home_point[server_of(self.first, home + away).index()];
        match home.cmp(&away) {
            std::cmp::Ordering::Equal => self.level,
            std::cmp::Ordering::Greater => p + p.complement() * self.level,
            std::cmp::Ordering::Less => p * self.level,
        }
    }
}

/// Who serves after `played` points.
#[inline(always)]
pub fn server_of(first: Side, played: usize) -> Side {
    if serves_second(played) { first.other() } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every score by the definition: one step ahead, far beyond the level.
    #[test]
    fn every_score_is_the_mean_of_its_two_successors() {
        for points in [7_u8, 10] {
            for first in Side::BOTH {
                let serve = [0.66, 0.58];
                let tie_break = TieBreak::new(serve, first, points);
                let n = usize::from(points);
                for home in 0..20_usize {
                    for away in 0..20_usize {
                        if home.max(away) >= n && home.abs_diff(away) >= 2 {
                            continue;
                        }
                        let value = |home: usize, away: usize| {
                            if home >= n && home >= away + 2 {
                                1.0
                            } else if away >= n && away >= home + 2 {
                                0.0
                            } else {
                                tie_break.from_points(home, away)
                            }
                        };
                        let p = match server_of(first, home + away) {
                            Side::Home => serve[0],
                            Side::Away => 1.0 - serve[1],
                        };
                        let expected = p * value(home + 1, away) + (1.0 - p) * value(home, away + 1);
                        assert!((value(home, away) - expected).abs() < 1e-14, "{points} {home}-{away}");
                    }
                }
            }
            let [home, away] = Side::BOTH.map(|first| TieBreak::new([0.66, 0.58], first, points).home());
            assert!((home - away).abs() < 1e-14, "it does not matter who serves first");
        }
    }
}
