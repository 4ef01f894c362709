//! Goal models fitted to results, and what they predict.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_pricing::fit::{self, FitOptions, GoalModel, Results, StandardErrors};
use oddsengine_pricing::football::from_1x2::calibrate_1x2;
use oddsengine_types::BoundsError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::Column;
use crate::errors::{OrRaise, raise_in_row};

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fit_goals, module)?)?;
    module.add_function(wrap_pyfunction!(fit_goal_means, module)?)?;
    module.add_function(wrap_pyfunction!(fit_outcomes, module)?)?;
    module.add_function(wrap_pyfunction!(fit_grid, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_1x2, module)?)
}

/// Fits a model; every field of the result by its name.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn fit_goals<'py>(
    py: Python<'py>,
    teams: Vec<String>,
    home: Column<'py, u32>,
    away: Column<'py, u32>,
    home_goals: Column<'py, i64>,
    away_goals: Column<'py, i64>,
    weights: Option<Column<'py, f64>>,
    is_neutral: Option<Column<'py, u8>>,
    model: &str,
    ridge: f64,
    has_standard_errors: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let options = FitOptions { model: GoalModel::parse(model).or_raise()?, ridge, has_standard_errors };
    // A byte of an array of truth values need not be 0 or 1.
    let is_neutral: Option<Vec<bool>> = match &is_neutral {
        Some(column) => Some(column.as_slice()?.iter().map(|&flag| flag != 0).collect()),
        None => None,
    };
    let results = Results {
        teams: &teams,
        home: home.as_slice()?,
        away: away.as_slice()?,
        home_goals: home_goals.as_slice()?,
        away_goals: away_goals.as_slice()?,
        weights: weights.as_ref().map(|column| column.as_slice()).transpose()?,
        is_neutral: is_neutral.as_deref(),
    };
    let found = py.detach(|| fit::fit_goals(&results, &options)).or_raise()?;
    let report = found.report;
    let out = PyDict::new(py);
    out.set_item("intercept", found.intercept)?;
    out.set_item("home_advantage", found.home_advantage)?;
    out.set_item("attack", PyArray1::from_vec(py, found.attack))?;
    out.set_item("defence", PyArray1::from_vec(py, found.defence))?;
    out.set_item("rho", found.rho)?;
    out.set_item("overdispersion", found.overdispersion)?;
    if let Some(StandardErrors { intercept, home_advantage, attack, defence, extra }) = found.standard_errors
    {
        out.set_item("intercept_error", intercept)?;
        out.set_item("home_advantage_error", home_advantage)?;
        out.set_item("attack_error", PyArray1::from_vec(py, attack))?;
        out.set_item("defence_error", PyArray1::from_vec(py, defence))?;
        out.set_item("extra_error", extra)?;
    }
    out.set_item("log_likelihood", report.log_likelihood)?;
    out.set_item("penalty", report.penalty)?;
    out.set_item("iterations", report.iterations)?;
    out.set_item("gradient_max", report.gradient_max)?;
    out.set_item("match_count", report.match_count)?;
    out.set_item("weight", report.weight)?;
    out.set_item("parameter_count", report.parameter_count)?;
    out.set_item("is_at_bound", report.is_at_bound)?;
    Ok(out)
}

/// Expected goals of sides, from the logarithm of the level, the attack and the opponent's defence of each.
#[pyfunction]
fn fit_goal_means<'py>(
    py: Python<'py>,
    level: Column<'py, f64>,
    attack: Column<'py, f64>,
    defence: Column<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (level, attack, defence) = (level.as_slice()?, attack.as_slice()?, defence.as_slice()?);
    same_length(level.len(), &[attack.len(), defence.len()])?;
    let sides = level.iter().zip(attack).zip(defence);
    let means = sides.map(|((&level, &attack), &defence)| fit::goal_mean(level, attack, defence)).collect();
    Ok(PyArray1::from_vec(py, means))
}

/// Home, draw and away of many matches, (n, 3); a row with a mean that is nan stays nan.
#[pyfunction]
fn fit_outcomes<'py>(
    py: Python<'py>,
    model: &str,
    home_mean: Column<'py, f64>,
    away_mean: Column<'py, f64>,
    extra: f64,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let model = GoalModel::parse(model).or_raise()?;
    let (home, away) = (home_mean.as_slice()?, away_mean.as_slice()?);
    same_length(home.len(), &[away.len()])?;
    let found = py.detach(|| {
        let mut rows = vec![[f64::NAN; 3]; home.len()];
        for (row, (&home, &away)) in home.iter().zip(away).enumerate() {
            if home.is_nan() || away.is_nan() {
                continue;
            }
            rows[row] = fit::outcome_probabilities(model, home, away, extra).map_err(|error| (row, error))?;
        }
        Ok(rows)
    });
    let rows = found.map_err(|(row, error)| raise_in_row(py, &error, "match", row))?;
    PyArray1::from_vec(py, rows.into_flattened()).reshape([home.len(), 3])
}

/// The score grid of one match.
#[pyfunction]
fn fit_grid<'py>(
    py: Python<'py>,
    model: &str,
    home_mean: f64,
    away_mean: f64,
    extra: f64,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let model = GoalModel::parse(model).or_raise()?;
    let grid = fit::score_grid(model, home_mean, away_mean, extra).or_raise()?;
    PyArray1::from_slice(py, grid.cells()).reshape([grid.size(), grid.size()])
}

/// Expected home and away goals of many matches from home, draw and away alone; nan in the refused rows unless strict.
#[pyfunction]
fn football_calibrate_1x2<'py>(
    py: Python<'py>,
    home: Column<'py, f64>,
    draw: Column<'py, f64>,
    away: Column<'py, f64>,
    rho: Column<'py, f64>,
    is_strict: bool,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
    let (home, draw, away, rho) = (home.as_slice()?, draw.as_slice()?, away.as_slice()?, rho.as_slice()?);
    same_length(home.len(), &[draw.len(), away.len(), rho.len()])?;
    let (mut home_means, mut away_means) = (vec![f64::NAN; home.len()], vec![f64::NAN; home.len()]);
    let refused = py.detach(|| {
        for row in 0..home.len() {
            match calibrate_1x2(home[row], draw[row], away[row], rho[row]) {
                Ok(model) => (home_means[row], away_means[row]) = (model.lambda_home(), model.lambda_away()),
                Err(error) if is_strict => return Some((row, error)),
                Err(_) => {}
            }
        }
        None
    });
    match refused {
        Some((row, error)) => Err(raise_in_row(py, &error, "match", row)),
        None => Ok([home_means, away_means].map(|means| PyArray1::from_vec(py, means))),
    }
}

fn same_length(length: usize, others: &[usize]) -> PyResult<()> {
    match others.iter().find(|other| **other != length) {
        Some(other) => Err(BoundsError::new(format!("{other} rows do not fit {length}"))).or_raise(),
        None => Ok(()),
    }
}
