//! The goal counts of both sides under a score model, with their slopes, and what prices need of them.

use super::calibration::TOTAL_TERMS;
use super::score_family::{DISPERSION_RANGE, ScoreFamily, common_mean};
use super::weibull::{Frank, WEIBULL_COUNTS, WeibullCounts};
use super::{FootballError, GRID_SIZE_MAX, GRID_TAIL_MAX, poisson};

/// Slopes are in the logarithm of the home rate, in that of the away rate, and in the shift.
pub(super) const SLOPES: usize = 3;

/// Smallest and largest rate of the Conway-Maxwell-Poisson family.
const RATE_MIN: f64 = 1e-9;
const RATE_MAX: f64 = 1e4;

const HOME: usize = 0;
const AWAY: usize = 1;
const SHIFT: usize = 2;

/// What a family's counts are made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Counts {
    Poisson,
    ConwayMaxwell(Box<ConwayMaxwell>),
    Weibull(WeibullCounts),
}

impl Counts {
    pub(super) fn new(family: &ScoreFamily) -> Result<Self, FootballError> {
        Ok(match *family {
            ScoreFamily::Poisson | ScoreFamily::BivariatePoisson { .. } => Self::Poisson,
            ScoreFamily::ConwayMaxwell { dispersion, draw_link, gap_link } => {
                Self::ConwayMaxwell(Box::new(ConwayMaxwell::new(dispersion, draw_link, gap_link)))
            }
            ScoreFamily::WeibullFrank { shape, .. } => Self::Weibull(WeibullCounts::new(shape)?),
        })
    }

    /// Writes the counts of home and away.
    pub(super) fn fill(
        &self,
        rates: [f64; 2],
        shift: f64,
        [home, away]: &mut [Side; 2],
    ) -> Result<(), FootballError> {
        match self {
            Self::Poisson => {
                home.fill_poisson(rates[0], HOME);
                away.fill_poisson(rates[1], AWAY);
            }
            Self::ConwayMaxwell(family) => family.fill(rates, shift, home, away)?,
            Self::Weibull(counts) => {
                home.fill_weibull(counts, rates[0], HOME)?;
                away.fill_weibull(counts, rates[1], AWAY)?;
            }
        }
        let count = home.count.max(away.count);
        home.extend(count);
        away.extend(count);
        Ok(())
    }
}

/// The distribution of one side's goals.
pub(super) struct Side {
    /// P(0), P(1), ...
    pub(super) masses: [Quantity; GRID_SIZE_MAX],
    /// Masses from here on are 0.
    pub(super) count: usize,
}

impl Side {
    pub(super) const EMPTY: Self = Self { masses: [Quantity::ZERO; GRID_SIZE_MAX], count: 0 };

    /// `own` is the place of the side's rate among the slopes.
    fn fill_poisson(&mut self, mean: f64, own: usize) {
        self.count = poisson::size_for(mean);
        let mut values = [0.0; GRID_SIZE_MAX];
        poisson::fill_masses(mean, &mut values[..self.count]);
        for (goals, mass) in self.masses[..self.count].iter_mut().enumerate() {
            let mut slopes = [0.0; SLOPES];
            slopes[own] = values[goals] * (goals as f64 - mean);
            *mass = Quantity { value: values[goals], slopes };
        }
    }

    fn fill_weibull(&mut self, counts: &WeibullCounts, rate: f64, own: usize) -> Result<(), FootballError> {
        let [values, rate_slopes] = counts.series(rate)?;
        // What is below the series' own error is not worth a row.
        let count = values.iter().rposition(|value| *value > 1e-15).map_or(1, |last| last + 1);
        self.count = count.clamp(12, WEIBULL_COUNTS);
        for (goals, mass) in self.masses[..self.count].iter_mut().enumerate() {
            let mut slopes = [0.0; SLOPES];
            slopes[own] = rate_slopes[goals];
            *mass = Quantity { value: values[goals], slopes };
        }
        Ok(())
    }

    /// Adds masses of 0, so that both sides have as many.
    fn extend(&mut self, count: usize) {
        self.masses[self.count..count].fill(Quantity::ZERO);
        self.count = count;
    }

    pub(super) fn values(&self, size: usize) -> Vec<f64> {
        self.masses[..size].iter().map(|mass| mass.value).collect()
    }
}

/// The Conway-Maxwell-Poisson family with its dispersion and links.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ConwayMaxwell {
    dispersion: f64,
    draw_link: f64,
    gap_link: f64,
    logs: [f64; GRID_SIZE_MAX],
    log_factorials: [f64; GRID_SIZE_MAX],
}

impl ConwayMaxwell {
    fn new(dispersion: f64, draw_link: f64, gap_link: f64) -> Self {
        let (mut logs, mut log_factorials) = ([0.0; GRID_SIZE_MAX], [0.0; GRID_SIZE_MAX]);
        for k in 1..GRID_SIZE_MAX {
            logs[k] = libm::log(k as f64);
            log_factorials[k] = log_factorials[k - 1] + logs[k];
        }
        Self { dispersion, draw_link, gap_link, logs, log_factorials }
    }

    fn fill(
        &self,
        rates: [f64; 2],
        shift: f64,
        home: &mut Side,
        away: &mut Side,
    ) -> Result<(), FootballError> {
        for rate in rates {
            FootballError::check("rate", rate, RATE_MIN, RATE_MAX)?;
        }
        let level = self.dispersion + self.draw_link * shift;
        let gap = if self.gap_link == 0.0 { 0.0 } else { self.gap_link * libm::log(rates[0] / rates[1]) };
        self.fill_side(rates[0], level + gap, HOME, home)?;
        self.fill_side(rates[1], level - gap, AWAY, away)
    }

    fn fill_side(&self, rate: f64, nu: f64, own: usize, side: &mut Side) -> Result<(), FootballError> {
        FootballError::check("dispersion with its links", nu, DISPERSION_RANGE.0, DISPERSION_RANGE.1)?;
        let mut values = [0.0; GRID_SIZE_MAX];
        let (mut value, mut sum) = (1.0, 1.0);
        values[0] = 1.0;
        let mut goals = 0;
        loop {
            goals += 1;
            if goals == GRID_SIZE_MAX {
                return Err(FootballError::NotConverged {
                    name: "goal counts up to 79",
                    residual: value / sum,
                });
            }
            let ratio = rate * libm::exp(-nu * self.logs[goals]);
            value *= ratio;
            values[goals] = value;
            sum += value;
            // Later terms fall faster than a geometric series with this ratio.
            if goals >= 11 && ratio < 1.0 && value * ratio <= 0.25 * GRID_TAIL_MAX * sum * (1.0 - ratio) {
                break;
            }
        }
        let count = goals + 1;
        let scale = 1.0 / sum;
        let (mut mean, mut mean_log) = (0.0, 0.0);
        for (goals, value) in values[..count].iter_mut().enumerate() {
            *value *= scale;
            mean += goals as f64 * *value;
            mean_log += self.log_factorials[goals] * *value;
        }
        side.count = count;
        for (goals, place) in side.masses[..count].iter_mut().enumerate() {
            let value = values[goals];
            // By the dispersion; the gap acts on both sides in opposite ways, so a side's own rate raises its own.
            let by_nu = value * (mean_log - self.log_factorials[goals]);
            let mut slopes = [0.0; SLOPES];
            slopes[own] = value * (goals as f64 - mean) + self.gap_link * by_nu;
            slopes[HOME + AWAY - own] = -self.gap_link * by_nu;
            slopes[SHIFT] = self.draw_link * by_nu;
            *place = Quantity { value, slopes };
        }
        Ok(())
    }
}

/// A number with its slopes.
#[derive(Clone, Copy)]
pub(super) struct Quantity {
    pub(super) value: f64,
    pub(super) slopes: [f64; SLOPES],
}

impl Quantity {
    const ZERO: Self = Self { value: 0.0, slopes: [0.0; SLOPES] };

    /// Adds `factor` times the shift.
    pub(super) fn shift(&mut self, factor: f64, shift: f64) {
        self.value += factor * shift;
        self.slopes[SHIFT] += factor;
    }

    #[inline(always)]
    fn add(&mut self, factor: f64, other: &Self) {
        self.value += factor * other.value;
        for (slope, other) in self.slopes.iter_mut().zip(other.slopes) {
            *slope += factor * other;
        }
    }

    fn scale(&mut self, factor: f64) {
        self.value *= factor;
        self.slopes = self.slopes.map(|slope| slope * factor);
    }

    #[inline(always)]
    fn add_product(&mut self, factor: f64, a: &Self, b: &Self) {
        self.value += factor * a.value * b.value;
        for (i, slope) in self.slopes.iter_mut().enumerate() {
            *slope += factor * (a.slopes[i] * b.value + a.value * b.slopes[i]);
        }
    }
}

/// What the prices of a calibration need of the joint distribution, before any shift.
pub(super) struct Features {
    /// P(home) - P(away).
    pub(super) difference: Quantity,
    /// P(draw).
    pub(super) draw: Quantity,
    /// P(total = k), as many as were asked for.
    pub(super) totals: [Quantity; TOTAL_TERMS],
    /// P(0-0), P(0-1); P(1-0), P(1-1).
    pub(super) low: [[f64; 2]; 2],
}

impl Features {
    pub(super) const EMPTY: Self = Self {
        difference: Quantity::ZERO,
        draw: Quantity::ZERO,
        totals: [Quantity::ZERO; TOTAL_TERMS],
        low: [[0.0; 2]; 2],
    };

    /// Writes those of two sides under the family's dependence; `terms` totals.
    pub(super) fn fill(&mut self, family: &ScoreFamily, sides: &[Side; 2], shift: f64, terms: usize) {
        (self.difference, self.draw) = (Quantity::ZERO, Quantity::ZERO);
        self.totals[..terms].fill(Quantity::ZERO);
        match *family {
            ScoreFamily::Poisson | ScoreFamily::ConwayMaxwell { .. } => self.add_independent(sides, terms),
            ScoreFamily::BivariatePoisson { common, draw_link, inflation, inflation_mean } => {
                self.add_independent(sides, terms);
                let mean = common_mean(common, draw_link, shift);
                self.add_common(mean, if mean > 0.0 { draw_link } else { 0.0 }, terms);
                self.inflate(inflation, inflation_mean, terms);
            }
            ScoreFamily::WeibullFrank { kappa, .. } => self.add_copula(sides, kappa, terms),
        }
    }

    fn add_independent(&mut self, [home, away]: &[Side; 2], terms: usize) {
        let (mut home_below, mut away_below) = (Quantity::ZERO, Quantity::ZERO);
        for (h, a) in home.masses[..home.count].iter().zip(&away.masses) {
            self.difference.add_product(1.0, h, &away_below);
            self.difference.add_product(-1.0, a, &home_below);
            self.draw.add_product(1.0, h, a);
            home_below.add(1.0, h);
            away_below.add(1.0, a);
        }
        for (total, place) in self.totals[..terms].iter_mut().enumerate() {
            for goals in (total + 1).saturating_sub(away.count)..home.count.min(total + 1) {
                place.add_product(1.0, &home.masses[goals], &away.masses[total - goals]);
            }
        }
        self.low = [0, 1].map(|x| [0, 1].map(|y| home.masses[x].value * away.masses[y].value));
    }

    /// Adds a common Poisson number to both sides: the difference stays. `link` is the slope of its mean in the shift.
    fn add_common(&mut self, mean: f64, link: f64, terms: usize) {
        let mut values = [0.0; TOTAL_TERMS];
        let count = terms / 2 + 2;
        poisson::fill_masses(mean, &mut values[..count]);
        let mut common = [Quantity::ZERO; TOTAL_TERMS];
        let mut below = 0.0;
        for (mass, value) in common[..count].iter_mut().zip(values) {
            mass.value = value;
            mass.slopes[SHIFT] = link * (below - value);
            below = value;
        }
        // Backwards, as each total needs those below it as they were.
        for total in (0..terms).rev() {
            let mut sum = Quantity::ZERO;
            for (both, mass) in common[..=total / 2].iter().enumerate() {
                sum.add_product(1.0, mass, &self.totals[total - 2 * both]);
            }
            self.totals[total] = sum;
        }
        let [[both_zero, away_one], [home_one, both_one]] = self.low;
        self.low = [
            [both_zero * values[0], away_one * values[0]],
            [home_one * values[0], both_one * values[0] + both_zero * values[1]],
        ];
    }

    /// Mixes in a share of draws with a Poisson number of goals a side.
    fn inflate(&mut self, share: f64, mean: f64, terms: usize) {
        let mut draws = [0.0; TOTAL_TERMS];
        poisson::fill_masses(mean, &mut draws[..terms.max(2)]);
        self.difference.scale(1.0 - share);
        self.draw.scale(1.0 - share);
        self.draw.value += share;
        for (total, place) in self.totals[..terms].iter_mut().enumerate() {
            place.scale(1.0 - share);
            if total % 2 == 0 {
                place.value += share * draws[total / 2];
            }
        }
        self.low = self.low.map(|row| row.map(|cell| (1.0 - share) * cell));
        self.low[0][0] += share * draws[0];
        self.low[1][1] += share * draws[1];
    }

    /// Two sides tied by a Frank copula, from its values at the corners of the cells that matter.
    fn add_copula(&mut self, [home, away]: &[Side; 2], kappa: f64, terms: usize) {
        let copula = Frank::new(kappa);
        let (home, away) = (Cumulative::new(home, &copula), Cumulative::new(away, &copula));
        // P(at most x - 1 home goals and at most y - 1 away goals).
        let corner = |x: usize, y: usize| -> Quantity {
            // A total above the counts is out of reach of either side alone.
            let (x, y) = (x.min(WEIBULL_COUNTS), y.min(WEIBULL_COUNTS));
            let (u, v) = (&home.sums[x], &away.sums[y]);
            let [value, by_home, by_away] = copula.with_slopes(home.coordinates[x], away.coordinates[y]);
            let slopes = std::array::from_fn(|i| by_home * u.slopes[i] + by_away * v.slopes[i]);
            Quantity { value, slopes }
        };
        let cell = |x: usize, y: usize| -> Quantity {
            let mut cell = corner(x + 1, y + 1);
            cell.add(-1.0, &corner(x, y + 1));
            cell.add(-1.0, &corner(x + 1, y));
            cell.add(1.0, &corner(x, y));
            cell
        };
        let mut diagonal = Quantity::ZERO;
        for goals in 1..=home.count.max(away.count) {
            // Home has exactly one goal fewer than `goals` and away fewer still, and the other way round.
            let (ahead, behind) = (corner(goals, goals - 1), corner(goals - 1, goals));
            self.difference.add(1.0, &ahead);
            self.difference.add(-1.0, &behind);
            self.draw.add(1.0, &diagonal);
            self.draw.add(-1.0, &ahead);
            self.draw.add(-1.0, &behind);
            diagonal = corner(goals, goals);
            self.draw.add(1.0, &diagonal);
        }
        for (total, place) in self.totals[..terms].iter_mut().enumerate() {
            for goals in 0..=total {
                place.add(1.0, &cell(goals, total - goals));
            }
        }
        self.low = [0, 1].map(|x| [0, 1].map(|y| cell(x, y).value));
    }
}

/// The running sums of a side, `sums[x]` = P(fewer than x goals), as a copula needs them.
struct Cumulative {
    sums: [Quantity; WEIBULL_COUNTS + 1],
    coordinates: [[f64; 2]; WEIBULL_COUNTS + 1],
    count: usize,
}

impl Cumulative {
    fn new(side: &Side, copula: &Frank) -> Self {
        let mut sums = [Quantity::ZERO; WEIBULL_COUNTS + 1];
        let mut coordinates = [copula.coordinate(0.0); WEIBULL_COUNTS + 1];
        for goals in 0..WEIBULL_COUNTS {
            sums[goals + 1] = sums[goals];
            if goals < side.count {
                sums[goals + 1].add(1.0, &side.masses[goals]);
                sums[goals + 1].value = sums[goals + 1].value.min(1.0);
                coordinates[goals + 1] = copula.coordinate(sums[goals + 1].value);
            } else {
                coordinates[goals + 1] = coordinates[goals];
            }
        }
        Self { sums, coordinates, count: side.count }
    }
}
