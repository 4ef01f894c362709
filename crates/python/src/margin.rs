//! Margin removal and application, one book or a batch.

use oddsengine_pricing::margin::{self, MarginError, MarginMethod};
use pyo3::prelude::*;

use crate::convert::{RowFunction, by_row};
use crate::errors::OrRaise;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fair_probabilities, module)?)?;
    module.add_function(wrap_pyfunction!(offered_odds, module)?)?;
    module.add_function(wrap_pyfunction!(remove_margin, module)?)
}

/// Fair probabilities of one book or many.
#[pyfunction]
fn fair_probabilities<'py>(
    odds: &Bound<'py, PyAny>,
    method: &str,
    target: f64,
    is_strict: bool,
) -> PyResult<Bound<'py, PyAny>> {
    by_row(odds, is_strict, &Removal { method: MarginMethod::parse(method).or_raise()?, target })
}

/// Odds with a margin of one book or many.
#[pyfunction]
fn offered_odds<'py>(
    probabilities: &Bound<'py, PyAny>,
    method: &str,
    booksum: f64,
    is_strict: bool,
) -> PyResult<Bound<'py, PyAny>> {
    by_row(
        probabilities,
        is_strict,
        &Application { method: MarginMethod::parse(method).or_raise()?, booksum },
    )
}

/// Fair probabilities of one book, the method's parameter and the booksum.
#[pyfunction]
fn remove_margin(odds: Vec<f64>, method: &str, target: f64) -> PyResult<(Vec<f64>, f64, f64)> {
    let method = MarginMethod::parse(method).or_raise()?;
    let inverse: Vec<f64> = odds.iter().map(|odds| 1.0 / odds).collect();
    let mut fair = vec![0.0; inverse.len()];
    let parameter = margin::remove_with_parameter(method, &inverse, target, &mut fair).or_raise()?;
    Ok((fair, parameter, inverse.iter().sum()))
}

struct Removal {
    method: MarginMethod,
    target: f64,
}

impl RowFunction for Removal {
    type Error = MarginError;
    const NOUN: &'static str = "book";

    #[inline]
    fn convert(&self, odds: &[f64], inverse: &mut [f64], fair: &mut [f64]) -> Result<(), MarginError> {
        let remove =
            |inverse: &[f64], fair: &mut [f64]| margin::remove(self.method, inverse, self.target, fair);
        for (inverse, odds) in inverse.iter_mut().zip(odds) {
            *inverse = 1.0 / odds;
        }
        // A whole book is not searched for nan: the margin refuses it anyway.
        match remove(inverse, fair) {
            Err(_) if odds.iter().any(|odds| odds.is_nan()) => of_present(inverse, fair, remove),
            result => result,
        }
    }
}

struct Application {
    method: MarginMethod,
    booksum: f64,
}

impl RowFunction for Application {
    type Error = MarginError;
    const NOUN: &'static str = "book";

    #[inline]
    fn convert(&self, fair: &[f64], scratch: &mut [f64], odds: &mut [f64]) -> Result<(), MarginError> {
        let apply = |fair: &[f64], odds: &mut [f64]| margin::apply(self.method, fair, self.booksum, odds);
        match apply(fair, odds) {
            Err(_) if fair.iter().any(|probability| probability.is_nan()) => {
                scratch.copy_from_slice(fair);
                of_present(scratch, odds, apply)?;
            }
            result => result?,
        }
        odds.iter_mut().for_each(|odds| *odds = 1.0 / *odds);
        Ok(())
    }
}

/// Converts the selections that are there; nan stays nan.
#[cold]
fn of_present(
    row: &mut [f64],
    out: &mut [f64],
    convert: impl FnOnce(&[f64], &mut [f64]) -> Result<(), MarginError>,
) -> Result<(), MarginError> {
    // The present values move to the front in order; each result moves back to its place, last one first.
    let mut count = 0;
    let mut is_present = vec![false; row.len()];
    for index in 0..row.len() {
        if !row[index].is_nan() {
            is_present[index] = true;
            row[count] = row[index];
            count += 1;
        }
    }
    convert(&row[..count], &mut out[..count]).map_err(|error| with_place(error, &is_present))?;
    for index in (0..row.len()).rev() {
        out[index] = if is_present[index] {
            count -= 1;
            out[count]
        } else {
            f64::NAN
        };
    }
    Ok(())
}

/// The error with the selection's place in the whole book instead of among the present ones.
fn with_place(mut error: MarginError, is_present: &[bool]) -> MarginError {
    if let MarginError::InverseOdds { index, .. }
    | MarginError::Probability { index, .. }
    | MarginError::NegativeProbability { index, .. }
    | MarginError::ProbabilityAboveOne { index, .. } = &mut error
    {
        let places = is_present.iter().enumerate().filter(|(_, present)| **present);
        *index = places.map(|(place, _)| place).nth(*index).unwrap_or(*index);
    }
    error
}
