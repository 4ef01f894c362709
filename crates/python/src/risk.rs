//! Profit and loss of bets on the score grid, its risk, the largest stake, skewed prices.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_markets::football::FootballOutcome;
use oddsengine_markets::{Outcome, template};
use oddsengine_pricing::board::skew;
use oddsengine_pricing::football::{DixonColes, ScoreGrid};
use oddsengine_risk::book::NO_OUTCOME;
use oddsengine_risk::{Position, UNIT_E9, stake_minor_max};
use oddsengine_types::{BoundsError, Grade, MONEY_MINOR_MAX, STAKE_MINOR_MAX};
use pyo3::prelude::*;

use crate::arrays::{Column, Whole};
use crate::errors::{OrRaise, Raise, SelectionError};
use crate::odds::struck_odds;
use crate::pricing::football;
use crate::settle::{Needs, check_stake, needs, selection_index};

/// Most outcomes of `risk_measures` and `risk_max_stake`.
const OUTCOMES_MAX: usize = 1_000_000;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(risk_book, module)?)?;
    module.add_function(wrap_pyfunction!(risk_measures, module)?)?;
    module.add_function(wrap_pyfunction!(risk_max_stake, module)?)?;
    module.add_function(wrap_pyfunction!(risk_skewed_prices, module)?)
}

type Matrix<'py, T> = Bound<'py, PyArray2<T>>;

/// Profit and loss on every score and the scores' probabilities, which sum to 1.
#[pyfunction]
fn risk_book<'py>(
    py: Python<'py>,
    bets: Vec<(String, f64, Whole<i64>)>,
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
    size: Whole<usize>,
) -> PyResult<(Matrix<'py, i64>, Matrix<'py, f64>)> {
    let Whole(size) = size;
    let model = DixonColes::new(lambda_home, lambda_away, rho).or_raise()?;
    let grid = ScoreGrid::from_dixon_coles_sized(&model, size).or_raise()?.normalised();
    let template = template(football());
    let mut pnl_minor = vec![0_i64; size * size];
    for (text, odds, Whole(stake_minor)) in &bets {
        let selection = selection_index(template, text).or_raise()?;
        if needs(template, selection) != Needs::Score {
            let reason = format!("{text} does not depend on the final score alone");
            return Err(SelectionError(reason)).or_raise();
        }
        check_stake(*stake_minor).or_raise()?;
        let position = Position {
            selection: selection as u16,
            odds_e4: struck_odds(*odds).or_raise()?.e4(),
            stake_minor: *stake_minor,
            unit_minor: *stake_minor,
            place_fraction_of: 0,
        };
        let by_grade = position.pnl_by_grade(template);
        for (cell, pnl_minor) in pnl_minor.iter_mut().enumerate() {
            let goals = [(cell / size) as u16, (cell % size) as u16];
            let outcome = Outcome::Football(FootballOutcome::from_halves([0, 0], goals));
            let grade = template.grade(selection, &outcome);
            let place = template.grades.iter().position(|&known| known == grade);
            *pnl_minor += by_grade[place.expect("a rule's grades are in its template")];
        }
    }
    let pnl = PyArray1::from_vec(py, pnl_minor).reshape([size, size])?;
    Ok((pnl, PyArray1::from_slice(py, grid.cells()).reshape([size, size])?))
}

/// Expectation, standard deviation, worst, best, value at risk and expected shortfall of a profit and loss.
#[pyfunction]
fn risk_measures(
    pnl_minor: Column<'_, i64>,
    probabilities: Column<'_, f64>,
    tail: f64,
) -> PyResult<(f64, f64, i64, i64, i64, f64)> {
    let (pnl, probabilities) = (pnl_minor.as_slice()?, probabilities.as_slice()?);
    if pnl.is_empty() || pnl.len() > OUTCOMES_MAX || pnl.len() != probabilities.len() {
        let reason = format!("{} outcomes do not fit {} probabilities", pnl.len(), probabilities.len());
        return Err(BoundsError::new(reason).raise());
    }
    if !(tail > 0.0 && tail < 1.0) {
        return Err(BoundsError::new(format!("tail {tail} is not strictly between 0 and 1")).raise());
    }
    check_probabilities(probabilities).or_raise()?;
    let weighted = || pnl.iter().zip(probabilities);
    let expected: f64 = weighted().map(|(&pnl, probability)| pnl as f64 * probability).sum();
    let variance: f64 =
        weighted().map(|(&pnl, probability)| (pnl as f64 - expected).powi(2) * probability).sum();
    let mut outcomes: Vec<(i64, f64)> = weighted().map(|(&pnl, &probability)| (pnl, probability)).collect();
    outcomes.sort_by_key(|&(pnl, _)| pnl);
    // The worst `tail` of the probability: whole outcomes, then a part of the one that crosses it.
    let (mut left, mut shortfall, mut at_risk) = (tail, 0.0, outcomes[0].0);
    for &(pnl, probability) in outcomes.iter().filter(|(_, probability)| *probability > 0.0) {
        let taken = probability.min(left);
        at_risk = pnl;
        shortfall -= pnl as f64 * taken;
        left -= taken;
        if left <= 0.0 {
            break;
        }
    }
    let (worst, best) = (outcomes[0].0, outcomes[outcomes.len() - 1].0);
    Ok((expected, variance.sqrt(), worst, best, -at_risk, shortfall / tail))
}

/// The largest stake on one of several exclusive outcomes.
#[pyfunction]
fn risk_max_stake(
    pnl_minor: Vec<Whole<i64>>,
    outcome: Whole<usize>,
    odds: f64,
    loss_minor_max: Whole<i64>,
    customer_factor: f64,
) -> PyResult<i64> {
    let pnl_minor: Vec<i64> = pnl_minor.into_iter().map(|Whole(pnl)| pnl).collect();
    let (Whole(outcome), Whole(loss_minor_max)) = (outcome, loss_minor_max);
    let bounds = |what: &str, value: i64, low, high| match (low..=high).contains(&value) {
        true => Ok(()),
        false => Err(BoundsError::outside(what, value, low, high)),
    };
    let count = pnl_minor.len() as i64;
    bounds("number of outcomes", count, 1, OUTCOMES_MAX as i64).or_raise()?;
    bounds("outcome", outcome as i64, 0, count - 1).or_raise()?;
    bounds("largest loss in minor units", loss_minor_max, 0, MONEY_MINOR_MAX).or_raise()?;
    for &pnl in &pnl_minor {
        bounds("profit and loss in minor units", pnl, -MONEY_MINOR_MAX, MONEY_MINOR_MAX).or_raise()?;
    }
    if !(0.0..=1_000.0).contains(&customer_factor) {
        return Err(BoundsError::outside("customer factor", customer_factor, 0, 1_000).raise());
    }
    let mut minima = [NO_OUTCOME; oddsengine_risk::book::GRADES_MAX];
    let others = pnl_minor.iter().enumerate().filter(|(index, _)| *index != outcome).map(|(_, &pnl)| pnl);
    minima[0] = others.min().unwrap_or(NO_OUTCOME);
    minima[1] = pnl_minor[outcome];
    let odds_e4 = struck_odds(odds).or_raise()?.e4();
    let stake = stake_minor_max(&minima, &[Grade::LOST, Grade::WON], odds_e4, UNIT_E9, loss_minor_max);
    // The engine keeps a customer's factor in thousandths.
    let factor_e3 = (customer_factor * 1_000.0).round() as i128;
    Ok((i128::from(stake) * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX)) as i64)
}

/// Probabilities moved by the payouts they would cost.
#[pyfunction]
fn risk_skewed_prices<'py>(
    py: Python<'py>,
    prior: Vec<f64>,
    payouts_minor: Vec<Whole<i64>>,
    b_minor: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let payouts_minor: Vec<i64> = payouts_minor.into_iter().map(|Whole(payout)| payout).collect();
    if prior.is_empty() || prior.len() != payouts_minor.len() {
        let reason = format!("{} payouts do not fit {} probabilities", payouts_minor.len(), prior.len());
        return Err(BoundsError::new(reason).raise());
    }
    check_probabilities(&prior).or_raise()?;
    if !(b_minor > 0.0 && b_minor.is_finite()) {
        return Err(BoundsError::new(format!("b {b_minor} is not above 0 and finite")).raise());
    }
    if let Some(payout) =
        payouts_minor.iter().find(|payout| payout.unsigned_abs() > MONEY_MINOR_MAX.unsigned_abs())
    {
        let (low, high) = (-MONEY_MINOR_MAX, MONEY_MINOR_MAX);
        return Err(BoundsError::outside("payout in minor units", payout, low, high).raise());
    }
    let mut prices = vec![0.0; prior.len()];
    skew(&prior, |index| payouts_minor[index], b_minor, &mut prices);
    Ok(PyArray1::from_vec(py, prices))
}

fn check_probabilities(probabilities: &[f64]) -> Result<(), BoundsError> {
    let is_wrong = |value: &&f64| !(0.0..=1.0).contains(*value);
    if let Some(value) = probabilities.iter().find(is_wrong) {
        return Err(BoundsError::outside("probability", value, 0, 1));
    }
    let sum: f64 = probabilities.iter().sum();
    match (sum - 1.0).abs() <= 1e-9 {
        true => Ok(()),
        false => Err(BoundsError::new(format!("probabilities sum to {sum}, not to 1 within 1e-9"))),
    }
}
