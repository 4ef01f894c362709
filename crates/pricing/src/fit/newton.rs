//! The search for the maximum: Newton steps with exact derivatives, damped where the objective is not concave.

use super::cholesky::Lower;
use super::objective::{BARRIER, Derivatives, Objective};
use super::{FitError, FitReport, GoalModel, StandardErrors};

/// Steps from the start to a maximum inside the admissible rho: four to seven.
const STEPS_MAX: usize = 30;

/// Steps from the maximum under one barrier to that under the next.
const STEPS_BARRIER_MAX: usize = 100;

/// No attack, defence or advantage of a team that scores now and then is this large: e^12 goals.
const PARAMETER_MAX: f64 = 12.0;

/// Range of the overdispersion; its upper end is the smallest dispersion of the count model, 0.5.
const OVERDISPERSION_MAX: f64 = 2.0;

/// The search ends when a Newton step promises less than this per unit of weight. Rounding promises about 1e-30.
const GAIN_MIN: f64 = 1e-20;

/// Where the search ended.
pub(super) struct Maximum {
    pub point: Vec<f64>,
    derivatives: Derivatives,
    log_likelihood: f64,
    iterations: usize,
    is_at_bound: bool,
}

/// Climbs from a simple start to the maximum.
///
/// Where the likelihood would like a rho that gives some score a negative probability, the maximum lies on the edge, and
/// plain steps creep along it: then the edge is approached along the maxima under a barrier that falls to the last one.
pub(super) fn maximise(objective: &Objective<'_>, teams: &[String]) -> Result<Maximum, FitError> {
    let mut search = Search::new(objective, teams);
    match search.climb(BARRIER, GAIN_MIN, STEPS_MAX) {
        Err(FitError::NotConverged { .. }) if objective.model == GoalModel::DixonColes => {}
        result => return result.and_then(|()| search.maximum()),
    }
    search.point = start(objective);
    for exponent in 1..12 {
        let barrier = libm::pow(0.1, f64::from(exponent));
        search.climb(barrier, 1e-6 * barrier, STEPS_BARRIER_MAX)?;
    }
    search.climb(BARRIER, GAIN_MIN, STEPS_BARRIER_MAX)?;
    search.maximum()
}

struct Search<'a> {
    objective: &'a Objective<'a>,
    teams: &'a [String],
    point: Vec<f64>,
    next: Vec<f64>,
    step: Vec<f64>,
    here: Derivatives,
    there: Derivatives,
    factor: Lower,
    iterations: usize,
}

impl<'a> Search<'a> {
    fn new(objective: &'a Objective<'a>, teams: &'a [String]) -> Self {
        let size = objective.size();
        Self {
            objective,
            teams,
            point: start(objective),
            next: vec![0.0; size],
            step: vec![0.0; size],
            here: Derivatives::zeros(size),
            there: Derivatives::zeros(size),
            factor: Lower::zeros(size),
            iterations: 0,
        }
    }

    /// Newton steps until one promises less than `gain_min` per unit of weight.
    fn climb(&mut self, barrier: f64, gain_min: f64, steps_max: usize) -> Result<(), FitError> {
        let mut value = self.objective.evaluate(&self.point, barrier, &mut self.here).unwrap_or(f64::NAN);
        for _ in 0..steps_max {
            let held = held_at_bound(self.objective, &self.point, &self.here.gradient);
            if !newton_step(self.objective, &self.here, held, &mut self.factor, &mut self.step) {
                return Err(self.not_converged());
            }
            let gain: f64 = self.here.gradient.iter().zip(&self.step).map(|(slope, step)| slope * step).sum();
            if gain <= gain_min * self.objective.cells.weight {
                return Ok(());
            }
            value = self.advance(value, gain, barrier)?;
            self.iterations += 1;
            check_finite(self.objective, &self.point, self.teams)?;
        }
        Err(self.not_converged())
    }

    /// Moves along the step as far as the objective rises; its new value.
    fn advance(&mut self, value: f64, gain: f64, barrier: f64) -> Result<f64, FitError> {
        // Rounding of the value must not refuse the last steps.
        let slack = 1e-13 * (1.0 + value.abs());
        let mut share = 1.0;
        while share > 1e-12 {
            for ((next, point), step) in self.next.iter_mut().zip(&self.point).zip(&self.step) {
                *next = point + share * step;
            }
            clamp_overdispersion(self.objective, &mut self.next);
            match self.objective.evaluate(&self.next, barrier, &mut self.there) {
                Some(found) if found + slack >= value + 1e-4 * share * gain => {
                    std::mem::swap(&mut self.point, &mut self.next);
                    std::mem::swap(&mut self.here, &mut self.there);
                    return Ok(found);
                }
                _ => share *= 0.5,
            }
        }
        Err(self.not_converged())
    }

    /// What was found, with the value and the slopes that it has without a barrier.
    fn maximum(mut self) -> Result<Maximum, FitError> {
        let objective = self.objective;
        let is_held = held_at_bound(objective, &self.point, &self.here.gradient).is_some();
        let value = objective.evaluate(&self.point, 0.0, &mut self.here).unwrap_or(f64::NAN);
        // A slope that only the barrier holds shows the edge.
        let extra_slope = objective.extra().map_or(0.0, |place| self.here.gradient[place].abs());
        let is_at_edge =
            objective.model == GoalModel::DixonColes && extra_slope > 1e-6 * objective.cells.weight;
        Ok(Maximum {
            log_likelihood: value + objective.penalty(&self.point),
            point: self.point,
            derivatives: self.here,
            iterations: self.iterations,
            is_at_bound: is_held || is_at_edge,
        })
    }

    #[cold]
    fn not_converged(&self) -> FitError {
        FitError::NotConverged {
            iterations: self.iterations,
            gradient_max: largest_slope(&self.here.gradient, None),
        }
    }
}

/// Every team's goals scored and conceded a match, as if each had half a match more of the mean.
fn start(objective: &Objective<'_>) -> Vec<f64> {
    let cells = objective.cells;
    let (scored, conceded, weights) = cells.totals();
    let side_mean = scored.iter().sum::<f64>() / (2.0 * cells.weight);
    let match_weight = cells.weight / cells.match_count as f64;
    let extra_weight = 0.5 * match_weight;
    let extra_goals = extra_weight * side_mean.max(0.1);
    let rate = |goals: &f64, weight: &f64| libm::log((goals + extra_goals) / (weight + extra_weight));
    let mut point = vec![0.0; objective.size()];
    let (attack, rest) = point.split_at_mut(objective.team_count());
    let centre = libm::log(side_mean.max(0.1));
    for (place, (goals, weight)) in attack.iter_mut().zip(scored.iter().zip(&weights)) {
        *place = rate(goals, weight);
    }
    for (place, (goals, weight)) in rest.iter_mut().zip(conceded.iter().zip(&weights)) {
        *place = centre - rate(goals, weight);
    }
    if objective.model == GoalModel::NegativeBinomial {
        point[objective.size() - 1] = 0.02;
    }
    point
}

/// The overdispersion, if it stands at an end of its range and wants out.
fn held_at_bound(objective: &Objective<'_>, point: &[f64], gradient: &[f64]) -> Option<usize> {
    let place = objective.extra().filter(|_| objective.model == GoalModel::NegativeBinomial)?;
    let (alpha, slope) = (point[place], gradient[place]);
    ((alpha <= 0.0 && slope <= 0.0) || (alpha >= OVERDISPERSION_MAX && slope >= 0.0)).then_some(place)
}

fn clamp_overdispersion(objective: &Objective<'_>, point: &mut [f64]) {
    if let (Some(place), GoalModel::NegativeBinomial) = (objective.extra(), objective.model) {
        point[place] = point[place].clamp(0.0, OVERDISPERSION_MAX);
    }
}

/// Solves for the step; false if no damping makes the information positive definite.
fn newton_step(
    objective: &Objective<'_>,
    here: &Derivatives,
    held: Option<usize>,
    factor: &mut Lower,
    step: &mut [f64],
) -> bool {
    let size = objective.size();
    let largest = (0..size).map(|place| here.information.get(place, place)).fold(0.0, f64::max);
    let mut damping = 0.0;
    for _ in 0..40 {
        factor.copy_from(&here.information);
        fix_level(objective, factor);
        for place in 0..size {
            factor.add(place, place, damping);
        }
        step.copy_from_slice(&here.gradient);
        if let Some(place) = held {
            factor.hold(place);
            step[place] = 0.0;
        }
        if factor.factor() {
            factor.solve(step);
            return step.iter().all(|step| step.is_finite());
        }
        damping = if damping == 0.0 { 1e-6 * largest } else { 4.0 * damping };
    }
    false
}

/// Adding one number to all attacks and defences changes nothing: this gives that direction a slope of its own, so that
/// the matrix has an inverse. No step follows it, because the gradient has no part in it.
fn fix_level(objective: &Objective<'_>, matrix: &mut Lower) {
    let team_count = objective.team_count();
    let trace: f64 = (0..2 * team_count).map(|place| matrix.get(place, place).abs()).sum();
    let share = trace / (2 * team_count) as f64 / (2 * team_count) as f64;
    for row in 0..2 * team_count {
        for column in 0..=row {
            matrix.add(row, column, share);
        }
    }
}

/// The name of a parameter that has run off, as an error.
fn check_finite(objective: &Objective<'_>, point: &[f64], teams: &[String]) -> Result<(), FitError> {
    let team_count = objective.team_count();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / team_count as f64;
    let means = [mean(&point[..team_count]), mean(&point[team_count..2 * team_count])];
    for (place, value) in point[..2 * team_count].iter().enumerate() {
        let deviation = value - means[place / team_count];
        if deviation.abs() > PARAMETER_MAX {
            let what = if place < team_count { "attack" } else { "defence" };
            let parameter = format!("the {what} of {}", teams[place % team_count]);
            return Err(FitError::NoMaximum { parameter, value: deviation });
        }
    }
    let advantage = objective.home_advantage().map_or(0.0, |place| point[place]);
    for (name, value) in [("the intercept", means[0] - means[1]), ("the home advantage", advantage)] {
        if value.abs() > PARAMETER_MAX {
            return Err(FitError::NoMaximum { parameter: name.into(), value });
        }
    }
    Ok(())
}

fn largest_slope(gradient: &[f64], held: Option<usize>) -> f64 {
    let free = gradient.iter().enumerate().filter(|(place, _)| Some(*place) != held);
    free.map(|(_, slope)| slope.abs()).fold(0.0, f64::max)
}

impl Maximum {
    fn held(&self, objective: &Objective<'_>) -> Option<usize> {
        objective.extra().filter(|_| self.is_at_bound)
    }

    pub(super) fn report(&self, objective: &Objective<'_>) -> FitReport {
        let held = self.held(objective);
        FitReport {
            log_likelihood: self.log_likelihood,
            penalty: objective.penalty(&self.point),
            iterations: self.iterations,
            gradient_max: largest_slope(&self.derivatives.gradient, held),
            match_count: objective.cells.match_count,
            weight: objective.cells.weight,
            // One direction of the attacks and defences is not free.
            parameter_count: objective.size() - 1 - usize::from(held.is_some()),
            is_at_bound: self.is_at_bound,
        }
    }

    /// Standard errors of the parameters as they are reported: attacks and defences less their means.
    ///
    /// With `L` the factor of the information, the variance of a linear function `j` of the parameters is the squared
    /// length of the solution of `L y = j`.
    pub(super) fn standard_errors(&self, objective: &Objective<'_>) -> StandardErrors {
        let team_count = objective.team_count();
        let held = self.held(objective);
        let mut factor = self.derivatives.information.clone();
        fix_level(objective, &mut factor);
        if let Some(place) = held {
            factor.hold(place);
        }
        let is_regular = factor.factor();
        let error = |solution: &[f64]| match is_regular {
            true => solution.iter().map(|value| value * value).sum::<f64>().sqrt(),
            false => f64::NAN,
        };
        let mean_of = |start: usize| {
            let mut mean = vec![0.0; objective.size()];
            mean[start..start + team_count].fill(1.0 / team_count as f64);
            factor.solve_forward(&mut mean, start);
            mean
        };
        let unit = |place: usize| {
            let mut unit = vec![0.0; objective.size()];
            unit[place] = 1.0;
            factor.solve_forward(&mut unit, place);
            unit
        };
        let difference =
            |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(x, y)| x - y).collect::<Vec<_>>();
        let means = [mean_of(0), mean_of(team_count)];
        let centred = |start: usize, mean: &[f64]| {
            (start..start + team_count).map(|place| error(&difference(&unit(place), mean))).collect()
        };
        StandardErrors {
            intercept: error(&difference(&means[0], &means[1])),
            home_advantage: objective.home_advantage().map_or(f64::NAN, |place| error(&unit(place))),
            attack: centred(0, &means[0]),
            defence: centred(team_count, &means[1]),
            extra: objective.extra().filter(|_| held.is_none()).map_or(f64::NAN, |place| error(&unit(place))),
        }
    }
}
