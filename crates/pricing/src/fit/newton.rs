//! The search for the maximum: Newton steps with exact derivatives, damped where the objective is not concave.

use super::cholesky::Lower;
use super::objective::{Derivatives, Objective};
use super::{FitError, FitReport, GoalModel, StandardErrors};

/// More steps than any fit here took by a factor of ten; a maximum on the edge of the admissible rho takes the most.
const STEPS_MAX: usize = 200;

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
pub(super) fn maximise(objective: &Objective<'_>, teams: &[String]) -> Result<Maximum, FitError> {
    let size = objective.size();
    let mut point = start(objective);
    let (mut here, mut there) = (Derivatives::zeros(size), Derivatives::zeros(size));
    let mut factor = Lower::zeros(size);
    let mut value = objective.evaluate(&point, true, &mut here).unwrap_or(f64::NAN);
    let (mut step, mut next) = (vec![0.0; size], vec![0.0; size]);
    for iterations in 0..STEPS_MAX {
        let held = held_at_bound(objective, &point, &here.gradient);
        if !newton_step(objective, &here, held, &mut factor, &mut step) {
            return Err(not_converged(iterations, &here, held));
        }
        let gain: f64 = here.gradient.iter().zip(&step).map(|(slope, step)| slope * step).sum();
        if gain <= GAIN_MIN * objective.cells.weight {
            return Maximum::at(objective, point, here, iterations, held.is_some());
        }
        // Rounding of the value must not refuse the last steps.
        let slack = 1e-13 * (1.0 + value.abs());
        let mut share = 1.0;
        value = loop {
            for ((next, point), step) in next.iter_mut().zip(&point).zip(&step) {
                *next = point + share * step;
            }
            clamp_overdispersion(objective, &mut next);
            match objective.evaluate(&next, true, &mut there) {
                Some(found) if found + slack >= value + 1e-4 * share * gain => break found,
                _ if share < 1e-12 => return Err(not_converged(iterations, &here, held)),
                _ => share *= 0.5,
            }
        };
        std::mem::swap(&mut point, &mut next);
        std::mem::swap(&mut here, &mut there);
        check_finite(objective, &point, teams)?;
    }
    Err(not_converged(STEPS_MAX, &here, None))
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

#[cold]
fn not_converged(iterations: usize, here: &Derivatives, held: Option<usize>) -> FitError {
    FitError::NotConverged { iterations, gradient_max: largest_slope(&here.gradient, held) }
}

fn largest_slope(gradient: &[f64], held: Option<usize>) -> f64 {
    let free = gradient.iter().enumerate().filter(|(place, _)| Some(*place) != held);
    free.map(|(_, slope)| slope.abs()).fold(0.0, f64::max)
}

impl Maximum {
    fn at(
        objective: &Objective<'_>,
        point: Vec<f64>,
        mut derivatives: Derivatives,
        iterations: usize,
        is_held: bool,
    ) -> Result<Self, FitError> {
        let value = objective.evaluate(&point, false, &mut derivatives).unwrap_or(f64::NAN);
        let log_likelihood = value + objective.penalty(&point);
        // Away from the edge the barrier is worth nothing; a slope that only it holds shows the edge.
        let extra_slope = objective.extra().map_or(0.0, |place| derivatives.gradient[place].abs());
        let is_at_edge = objective.model == GoalModel::DixonColes && extra_slope > 1e-6 * objective.cells.weight;
        Ok(Self { point, derivatives, log_likelihood, iterations, is_at_bound: is_held || is_at_edge })
    }

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
        let difference = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(x, y)| x - y).collect::<Vec<_>>();
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
