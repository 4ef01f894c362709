//! What is known about the serve levels of a match, before it and from its points.
//!
//! A serve level is either known (`prior_points: None`) or known as well as if that many points had been watched: then it has
//! a beta distribution, which the points of the match update (beta-binomial conjugacy). Prices are the mean over the levels
//! that are left: four pairs, two per side, that have the first three moments of the beta distributions.

use oddsengine_markets::tennis::{TennisFormat, TennisScore, TennisState};
use oddsengine_types::codec_struct;

use super::error::TennisError;
use super::model::{SERVE_MAX, SERVE_MIN, TennisModel};
use super::real::{Four, Real};

/// Fewest points that a prior may be worth.
pub const PRIOR_POINTS_MIN: f64 = 20.0;
/// Most points that a prior may be worth; beyond it the level is as good as known.
pub const PRIOR_POINTS_MAX: f64 = 1e6;

/// The parameters of a tennis match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TennisParameters {
    /// Probability of a point on own serve before the match, home first.
    pub serve: [f64; 2],
    /// How many points of evidence each of them is worth; `None` if they are exactly known and no point changes them.
    pub prior_points: Option<f64>,
}
codec_struct!(TennisParameters { serve, prior_points });

/// Serve levels to compute with, home first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServeLevels {
    /// Exactly known.
    Known([f64; 2]),
    /// Four pairs side by side, with weights that sum to 1.
    Uncertain {
        /// By side, then pair.
        serve: [Four; 2],
        /// By pair.
        weights: Four,
    },
}

impl ServeLevels {
    /// The pairs of levels with their weights.
    pub fn pairs(&self) -> impl Iterator<Item = ([f64; 2], f64)> + use<> {
        let (pairs, count) = match *self {
            Self::Known(serve) => ([(serve, 1.0); 4], 1),
            Self::Uncertain { serve: [home, away], weights } => {
                (std::array::from_fn(|lane| ([home.0[lane], away.0[lane]], weights.0[lane])), 4)
            }
        };
        pairs.into_iter().take(count)
    }

    /// The probability that the home side wins the match from a score.
    pub fn match_home(&self, format: &TennisFormat, score: &TennisScore) -> f64 {
        match *self {
            Self::Known(serve) => TennisModel::unchecked(format, serve).match_home(score),
            Self::Uncertain { serve, weights } => {
                TennisModel::unchecked(format, serve).match_home(score).weighted(weights)
            }
        }
    }
}

impl TennisParameters {
    /// Parameters within their bounds.
    ///
    /// # Errors
    /// [`TennisError::OutsideRange`].
    pub fn checked(self) -> Result<Self, TennisError> {
        TennisError::check("home serve probability", self.serve[0], SERVE_MIN, SERVE_MAX)?;
        TennisError::check("away serve probability", self.serve[1], SERVE_MIN, SERVE_MAX)?;
        if let Some(points) = self.prior_points {
            TennisError::check("prior points", points, PRIOR_POINTS_MIN, PRIOR_POINTS_MAX)?;
        }
        Ok(self)
    }

    /// The serve levels before the match.
    pub fn before_match(&self) -> ServeLevels {
        self.levels([0; 2], [0; 2])
    }

    /// The serve levels after the points of a match.
    pub fn during(&self, state: &TennisState) -> ServeLevels {
        self.levels(state.served, state.served_won)
    }

    /// Mean serve levels after the points of a match.
    ///
    /// ```
    /// use oddsengine_markets::tennis::TennisState;
    /// use oddsengine_pricing::tennis::TennisParameters;
    /// let parameters = TennisParameters { serve: [0.64, 0.60], prior_points: Some(300.0) };
    /// let state = TennisState { served: [60, 60], served_won: [30, 36], ..TennisState::default() };
    /// let [home, away] = parameters.mean_during(&state);
    /// assert!((home - (0.64 * 300.0 + 30.0) / 360.0).abs() < 1e-12 && (away - 0.6).abs() < 1e-12);
    /// ```
    pub fn mean_during(&self, state: &TennisState) -> [f64; 2] {
        match self.prior_points {
            None => self.serve,
            Some(points) => [0, 1].map(|side| {
                let won = self.serve[side] * points + f64::from(state.served_won[side]);
                won / (points + f64::from(state.served[side]))
            }),
        }
    }

    fn levels(&self, served: [u16; 2], served_won: [u16; 2]) -> ServeLevels {
        let Some(points) = self.prior_points else { return ServeLevels::Known(self.serve) };
        let [home, away] = [0, 1].map(|side| {
            let (won, all) = (f64::from(served_won[side]), f64::from(served[side]));
            let p = self.serve[side];
            beta_nodes(points * p + won, points * (1.0 - p) + all - won)
        });
        let lanes =
            |of: &dyn Fn(usize, usize) -> f64| Four(std::array::from_fn(|lane| of(lane / 2, lane % 2)));
        ServeLevels::Uncertain {
            serve: [lanes(&|high, _| home[high].0), lanes(&|_, high| away[high].0)],
            weights: lanes(&|one, two| home[one].1 * away[two].1),
        }
    }
}

/// Two points and weights with the mean, variance and third moment of a beta distribution (Gauss quadrature of order 2).
fn beta_nodes(alpha: f64, beta: f64) -> [(f64, f64); 2] {
    let sum = alpha + beta;
    let mean = alpha / sum;
    let deviation = (mean * (1.0 - mean) / (sum + 1.0)).sqrt();
    let half_skewness = (beta - alpha) * (sum + 1.0).sqrt() / ((sum + 2.0) * (alpha * beta).sqrt());
    let root = (1.0 + half_skewness * half_skewness).sqrt();
    let node = |sign: f64| {
        let at = mean + deviation * (half_skewness + sign * root);
        (at.clamp(SERVE_MIN, SERVE_MAX), 0.5 * (1.0 - sign * half_skewness / root))
    };
    [node(-1.0), node(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_three_moments_of_the_beta_distribution() {
        for (alpha, beta) in [(192.0, 108.0), (60.0, 40.0), (15.0, 30.0)] {
            let nodes = beta_nodes(alpha, beta);
            let moment =
                |power: i32| nodes.iter().map(|&(at, weight)| weight * f64::powi(at, power)).sum::<f64>();
            let mut expected: f64 = 1.0;
            for power in 0..3 {
                expected *= (alpha + f64::from(power)) / (alpha + beta + f64::from(power));
                assert!((moment(power + 1) - expected).abs() < 1e-14, "{alpha} {beta} {power}");
            }
            assert!((moment(0) - 1.0).abs() < 1e-15);
        }
    }
}
