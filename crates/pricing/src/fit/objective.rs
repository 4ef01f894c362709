//! The log-likelihood of merged results with its exact first and second derivatives.

use super::GoalModel;
use super::cells::{Cell, Cells};
use super::cholesky::Lower;

/// Weight, as a share of a match's mean weight, that every low score of every pair gets: it keeps all probabilities of
/// all pairs positive, and moves a maximum that has them so anyway by less than rounding.
pub(super) const BARRIER: f64 = 1e-12;

/// What is maximised: log-likelihood less penalty, as a function of
/// `[attack of each team, defence of each team, home advantage if any, extra if any]`.
///
/// Adding one number to all attacks and defences changes nothing; the search keeps that direction fixed.
pub(super) struct Objective<'a> {
    pub cells: &'a Cells,
    pub model: GoalModel,
    pub ridge: f64,
    has_home_advantage: bool,
}

/// Gradient and negative second derivatives.
pub(super) struct Derivatives {
    pub gradient: Vec<f64>,
    pub information: Lower,
}

impl Derivatives {
    pub(super) fn zeros(size: usize) -> Self {
        Self { gradient: vec![0.0; size], information: Lower::zeros(size) }
    }
}

impl<'a> Objective<'a> {
    pub(super) fn new(cells: &'a Cells, model: GoalModel, ridge: f64) -> Self {
        let has_home_advantage = cells.cells.iter().any(|cell| !cell.is_neutral);
        Self { cells, model, ridge, has_home_advantage }
    }

    pub(super) fn team_count(&self) -> usize {
        self.cells.team_count
    }

    pub(super) fn has_home_advantage(&self) -> bool {
        self.has_home_advantage
    }

    /// Place of the home advantage, if there is one.
    pub(super) fn home_advantage(&self) -> Option<usize> {
        self.has_home_advantage.then_some(2 * self.team_count())
    }

    /// Place of rho or the overdispersion, if there is one.
    pub(super) fn extra(&self) -> Option<usize> {
        let place = 2 * self.team_count() + usize::from(self.has_home_advantage);
        (self.model != GoalModel::Poisson).then_some(place)
    }

    pub(super) fn size(&self) -> usize {
        2 * self.team_count()
            + usize::from(self.has_home_advantage)
            + usize::from(self.model != GoalModel::Poisson)
    }

    /// Value and derivatives at a point; nothing where a score would have a negative probability.
    ///
    /// `barrier` is the weight of the low scores of every pair, as a share of a match's mean weight.
    pub(super) fn evaluate(&self, point: &[f64], barrier: f64, out: &mut Derivatives) -> Option<f64> {
        out.gradient.fill(0.0);
        out.information.clear();
        let extra = self.extra().map_or(0.0, |place| point[place]);
        let likelihood = match self.model {
            GoalModel::Poisson => self.accumulate(point, &Poisson, out)?,
            GoalModel::DixonColes => {
                let mean_weight = self.cells.weight / self.cells.match_count as f64;
                let density = DixonColes { rho: extra, barrier: barrier * mean_weight };
                self.accumulate(point, &density, out)?
            }
            GoalModel::NegativeBinomial => {
                let value = self.accumulate(point, &NegativeBinomial { alpha: extra }, out)?;
                value + self.count_terms(extra, out)
            }
        };
        let value = likelihood - self.cells.log_factorials - self.penalise(point, out);
        value.is_finite().then_some(value)
    }

    fn accumulate<M: Density>(&self, point: &[f64], density: &M, out: &mut Derivatives) -> Option<f64> {
        let team_count = self.team_count();
        let (attack, defence) = point[..2 * team_count].split_at(team_count);
        let advantage = self.home_advantage().map_or(0.0, |place| point[place]);
        let advantage_factor = libm::exp(advantage);
        let attack_factors: Vec<f64> = attack.iter().map(|attack| libm::exp(*attack)).collect();
        let defence_factors: Vec<f64> = defence.iter().map(|defence| libm::exp(-defence)).collect();
        let (Derivatives { gradient, information }, mut value) = (out, 0.0);
        let (mut advantage_slope, mut advantage_bend, mut advantage_extra) = (0.0, 0.0, 0.0);
        let (mut extra_slope, mut extra_bend) = (0.0, 0.0);
        let extra = self.extra().unwrap_or(0);
        for cell in &self.cells.cells {
            let (home, away) = (cell.home, cell.away);
            let (home_defence, away_defence) = (team_count + home, team_count + away);
            let (shift, factor) = if cell.is_neutral { (0.0, 1.0) } else { (advantage, advantage_factor) };
            let home_mean = attack_factors[home] * defence_factors[away] * factor;
            let away_mean = attack_factors[away] * defence_factors[home];
            let t = density.terms(cell, home_mean, away_mean)?;
            value += t.value
                + cell.home_goals * (attack[home] - defence[away] + shift)
                + cell.away_goals * (attack[away] - defence[home]);

            gradient[home] += t.home;
            gradient[away_defence] -= t.home;
            gradient[away] += t.away;
            gradient[home_defence] -= t.away;
            information.add(home, home, t.home_home);
            information.add(away_defence, away_defence, t.home_home);
            information.add(away_defence, home, -t.home_home);
            information.add(away, away, t.away_away);
            information.add(home_defence, home_defence, t.away_away);
            information.add(home_defence, away, -t.away_away);
            if M::IS_COUPLED {
                information.add_between(home, away, t.home_away);
                information.add_between(home_defence, away_defence, t.home_away);
                information.add(home_defence, home, -t.home_away);
                information.add(away_defence, away, -t.home_away);
            }
            if M::HAS_EXTRA {
                information.add(extra, home, t.home_extra);
                information.add(extra, away_defence, -t.home_extra);
                information.add(extra, away, t.away_extra);
                information.add(extra, home_defence, -t.away_extra);
                extra_slope += t.extra;
                extra_bend += t.extra_extra;
            }
            if let (Some(row), false) = (self.home_advantage(), cell.is_neutral) {
                information.add(row, home, t.home_home);
                information.add(row, away_defence, -t.home_home);
                if M::IS_COUPLED {
                    information.add(row, away, t.home_away);
                    information.add(row, home_defence, -t.home_away);
                }
                advantage_slope += t.home;
                advantage_bend += t.home_home;
                advantage_extra += t.home_extra;
            }
        }
        if let Some(row) = self.home_advantage() {
            gradient[row] += advantage_slope;
            information.add(row, row, advantage_bend);
            if M::HAS_EXTRA {
                information.add(extra, row, advantage_extra);
            }
        }
        if M::HAS_EXTRA {
            gradient[extra] += extra_slope;
            information.add(extra, extra, extra_bend);
        }
        Some(value)
    }

    /// The part of the negative binomial that depends on the goals and the overdispersion alone.
    fn count_terms(&self, alpha: f64, out: &mut Derivatives) -> f64 {
        let (mut value, mut slope, mut bend) = (0.0, 0.0, 0.0);
        for (k, weight) in self.cells.above.iter().enumerate().skip(1) {
            let k = k as f64;
            let share = k / (1.0 + alpha * k);
            value += weight * libm::log1p(alpha * k);
            slope += weight * share;
            bend += weight * share * share;
        }
        let extra = self.extra().unwrap_or(0);
        out.gradient[extra] += slope;
        out.information.add(extra, extra, bend);
        value
    }

    /// Takes the ridge from the gradient, adds it to the information, and returns the penalty.
    fn penalise(&self, point: &[f64], out: &mut Derivatives) -> f64 {
        if self.ridge == 0.0 {
            return 0.0;
        }
        let team_count = self.team_count();
        let share = self.ridge / team_count as f64;
        let mut squares = 0.0;
        for start in [0, team_count] {
            let values = &point[start..start + team_count];
            let mean = values.iter().sum::<f64>() / team_count as f64;
            for (row, value) in values.iter().enumerate() {
                let deviation = value - mean;
                squares += deviation * deviation;
                out.gradient[start + row] -= self.ridge * deviation;
                out.information.add(start + row, start + row, self.ridge);
                for column in 0..=row {
                    out.information.add(start + row, start + column, -share);
                }
            }
        }
        0.5 * self.ridge * squares
    }

    /// What the ridge takes from the log-likelihood at a point.
    pub(super) fn penalty(&self, point: &[f64]) -> f64 {
        self.penalise(point, &mut Derivatives::zeros(self.size()))
    }
}

/// What one cell adds beside `goals * ln(mean)`: value, slopes, and negative second derivatives, in the logarithms of
/// the two means and the extra parameter. `goals * ln(mean)` is in the slopes but not in the value.
#[derive(Default)]
struct Terms {
    value: f64,
    home: f64,
    away: f64,
    extra: f64,
    home_home: f64,
    away_away: f64,
    home_away: f64,
    home_extra: f64,
    away_extra: f64,
    extra_extra: f64,
}

trait Density {
    /// Whether the goals of the two sides depend on each other.
    const IS_COUPLED: bool;
    const HAS_EXTRA: bool;

    fn terms(&self, cell: &Cell, home_mean: f64, away_mean: f64) -> Option<Terms>;
}

struct Poisson;

impl Density for Poisson {
    const IS_COUPLED: bool = false;
    const HAS_EXTRA: bool = false;

    #[inline(always)]
    fn terms(&self, cell: &Cell, home_mean: f64, away_mean: f64) -> Option<Terms> {
        let (home, away) = (cell.weight * home_mean, cell.weight * away_mean);
        Some(Terms {
            value: -(home + away),
            home: cell.home_goals - home,
            away: cell.away_goals - away,
            home_home: home,
            away_away: away,
            ..Terms::default()
        })
    }
}

struct DixonColes {
    rho: f64,
    barrier: f64,
}

impl Density for DixonColes {
    const IS_COUPLED: bool = true;
    const HAS_EXTRA: bool = true;

    #[inline(always)]
    fn terms(&self, cell: &Cell, home_mean: f64, away_mean: f64) -> Option<Terms> {
        let (rho, product) = (self.rho, home_mean * away_mean);
        let tau = [1.0 - product * rho, 1.0 + home_mean * rho, 1.0 + away_mean * rho, 1.0 - rho];
        if !tau.iter().all(|tau| *tau > 0.0) {
            return None;
        }
        let mut t = Poisson.terms(cell, home_mean, away_mean)?;
        for (weight, tau) in cell.low.iter().zip(tau) {
            if *weight > 0.0 {
                t.value += weight * libm::log(tau);
            }
        }
        if self.barrier > 0.0 {
            t.value += self.barrier * libm::log(tau[0] * tau[1] * tau[2] * tau[3]);
        }
        let weights = cell.low.map(|weight| weight + self.barrier);
        let [inverse_00, inverse_01, inverse_10, inverse_11] = tau.map(|tau| 1.0 / tau);

        // 0-0 with 1 - product rho.
        let (weight, by_rho, by_mean) = (weights[0], product * inverse_00, -product * rho * inverse_00);
        let bend = weight * by_mean * (1.0 - by_mean);
        t.home += weight * by_mean;
        t.away += weight * by_mean;
        t.extra -= weight * by_rho;
        t.home_home -= bend;
        t.away_away -= bend;
        t.home_away -= bend;
        t.home_extra += weight * by_rho * (1.0 - by_mean);
        t.away_extra += weight * by_rho * (1.0 - by_mean);
        t.extra_extra += weight * by_rho * by_rho;

        // 0-1 with 1 + home_mean rho.
        let (weight, by_rho, by_mean) = (weights[1], home_mean * inverse_01, home_mean * rho * inverse_01);
        t.home += weight * by_mean;
        t.extra += weight * by_rho;
        t.home_home -= weight * by_mean * (1.0 - by_mean);
        t.home_extra -= weight * by_rho * (1.0 - by_mean);
        t.extra_extra += weight * by_rho * by_rho;

        // 1-0 with 1 + away_mean rho.
        let (weight, by_rho, by_mean) = (weights[2], away_mean * inverse_10, away_mean * rho * inverse_10);
        t.away += weight * by_mean;
        t.extra += weight * by_rho;
        t.away_away -= weight * by_mean * (1.0 - by_mean);
        t.away_extra -= weight * by_rho * (1.0 - by_mean);
        t.extra_extra += weight * by_rho * by_rho;

        // 1-1 with 1 - rho.
        t.extra -= weights[3] * inverse_11;
        t.extra_extra += weights[3] * inverse_11 * inverse_11;
        Some(t)
    }
}

/// `alpha` is the overdispersion, the inverse of the dispersion. In it the likelihood is smooth down to 0, where it is
/// Poisson's: `ln p = sum over k < goals of ln(1 + alpha k) + goals ln(mean) - (goals + 1/alpha) ln(1 + alpha mean)`.
struct NegativeBinomial {
    alpha: f64,
}

impl Density for NegativeBinomial {
    const IS_COUPLED: bool = false;
    const HAS_EXTRA: bool = true;

    #[inline(always)]
    fn terms(&self, cell: &Cell, home_mean: f64, away_mean: f64) -> Option<Terms> {
        let home = self.side(cell.home_goals, cell.weight, home_mean);
        let away = self.side(cell.away_goals, cell.weight, away_mean);
        Some(Terms {
            value: home.value + away.value,
            home: home.slope,
            away: away.slope,
            extra: home.extra + away.extra,
            home_home: home.bend,
            away_away: away.bend,
            home_away: 0.0,
            home_extra: home.slope_extra,
            away_extra: away.slope_extra,
            extra_extra: home.extra_extra + away.extra_extra,
        })
    }
}

struct Side {
    value: f64,
    slope: f64,
    bend: f64,
    extra: f64,
    slope_extra: f64,
    extra_extra: f64,
}

impl NegativeBinomial {
    #[inline]
    fn side(&self, goals: f64, weight: f64, mean: f64) -> Side {
        let scaled = self.alpha * mean;
        let inverse = 1.0 / (1.0 + scaled);
        let [ratio, ratio_slope, ratio_bend] = log1p_ratio(scaled);
        let (residual, share) = (goals - weight * mean, mean * inverse);
        Side {
            // (1/alpha) ln(1 + alpha mean) is mean times the ratio, ln(1 + alpha mean) the ratio times alpha mean.
            value: -goals * scaled * ratio - weight * mean * ratio,
            slope: residual * inverse,
            bend: (self.alpha * goals + weight) * share * inverse,
            extra: -goals * share - weight * mean * mean * ratio_slope,
            slope_extra: residual * share * inverse,
            extra_extra: weight * mean * mean * mean * ratio_bend - goals * share * share,
        }
    }
}

/// `ln(1 + u) / u` and its first two derivatives for `u >= 0`.
#[inline]
fn log1p_ratio(u: f64) -> [f64; 3] {
    /// Below it the closed forms cancel; above it the series is long.
    const SERIES_MAX: f64 = 0.1;
    const TERMS: usize = 18;
    if u < SERIES_MAX {
        // Horner's rule on sum over j of (-u)^j / (j + 1), differentiated along.
        let [mut value, mut first, mut second] = [0.0; 3];
        for j in (0..TERMS).rev() {
            // q(u) = c - u p(u) has q' = -p - u p' and q'' = -2 p' - u p''.
            second = -2.0 * first - u * second;
            first = -value - u * first;
            value = 1.0 / (j + 1) as f64 - u * value;
        }
        return [value, first, second];
    }
    let inverse = 1.0 / (1.0 + u);
    let value = libm::log1p(u) / u;
    let first = (inverse - value) / u;
    [value, first, (-inverse * inverse - 2.0 * first) / u]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_and_its_slopes_meet_at_the_border_and_at_zero() {
        assert_eq!(log1p_ratio(0.0).map(|value| (value * 6.0).round()), [6.0, -3.0, 4.0]);
        for (below, above) in log1p_ratio(0.1 - 1e-12).into_iter().zip(log1p_ratio(0.1 + 1e-12)) {
            assert!((below - above).abs() < 1e-11, "{below} {above}");
        }
        for u in [0.02, 0.07, 0.4, 3.0] {
            let h = 1e-5;
            let [_, first, second] = log1p_ratio(u);
            let (low, high) = (log1p_ratio(u - h), log1p_ratio(u + h));
            assert!(((high[0] - low[0]) / (2.0 * h) - first).abs() < 1e-9);
            assert!(((high[1] - low[1]) / (2.0 * h) - second).abs() < 1e-9);
        }
    }
}
