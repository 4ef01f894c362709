//! Numbers from Python and back: a list gives a list, a mapping a mapping, an array an array.

use numpy::PyArray1;
use oddsengine_types::BoundsError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyTuple};

use crate::arrays::{Column, Matrix, is_absent, matrix_of, number_at, opened, strided, wrong_axes};
use crate::errors::{OrRaise, Raise, raise_in_row};

/// Up to this many numbers of one row live on the stack.
const ON_STACK: usize = 32;

/// What is done to one row of numbers.
pub trait RowFunction: Sync {
    /// Why a row is refused.
    type Error: Raise + Send;
    /// What a row is called in messages: `book`.
    const NOUN: &'static str;
    /// Writes the row's results.
    fn convert(&self, row: &[f64], out: &mut [f64]) -> Result<(), Self::Error>;

    /// Writes the results of rows of `count` numbers, nan for those that are refused; returns them, ascending. A row of
    /// nothing but nan stays so and is not refused.
    fn convert_rows(&self, rows: &[f64], count: usize, out: &mut [f64]) -> Vec<usize> {
        let mut refused = Vec::new();
        for (index, (row, out)) in rows.chunks_exact(count).zip(out.chunks_exact_mut(count)).enumerate() {
            if self.convert(row, out).is_err() {
                out.fill(f64::NAN);
                if !row.iter().all(|value| value.is_nan()) {
                    refused.push(index);
                }
            }
        }
        refused
    }
}

/// Applies a function to one row (a sequence, a mapping's values or a one-dimensional array) or to every row of a
/// two-dimensional array. With `is_strict` the first refused row raises, else refused rows become nan. `name` is the
/// argument's.
pub fn by_row<'py, F: RowFunction>(
    values: &Bound<'py, PyAny>,
    name: &str,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = values.py();
    if let Ok(list) = values.cast::<PyList>() {
        return match starts_with_number(list.get_item(0).ok()) {
            true => one_row(list.iter(), list.len(), name, is_strict, function, |out| {
                PyList::new(py, out.iter()).map(Bound::into_any)
            }),
            false => rows_of_array(values, name, is_strict, function),
        };
    }
    if let Some(array) = Column::plain(values) {
        return array_row(py, array.as_slice()?, is_strict, function);
    }
    if let Some(array) = Matrix::plain(values) {
        return array_rows(py, &array, is_strict, function);
    }
    if let Some(row) = strided(values) {
        return array_row(py, &row, is_strict, function);
    }
    if let Ok(dict) = values.cast::<PyDict>() {
        return match starts_with_number(dict.iter().next().map(|(_, first)| first)) {
            true => dict_row(dict, name, is_strict, function),
            false => rows_of_array(values, name, is_strict, function),
        };
    }
    if let Ok(tuple) = values.cast::<PyTuple>() {
        return match starts_with_number(tuple.get_item(0).ok()) {
            true => one_row(tuple.iter(), tuple.len(), name, is_strict, function, |out| {
                PyList::new(py, out.iter()).map(Bound::into_any)
            }),
            false => rows_of_array(values, name, is_strict, function),
        };
    }
    rows_of_array(values, name, is_strict, function)
}

/// An empty sequence counts as numbers: its error is about their count.
fn starts_with_number(first: Option<Bound<'_, PyAny>>) -> bool {
    let is_number = |first: &Bound<'_, PyAny>| {
        // An array of one element has a `__float__` too.
        let axes = first.getattr("ndim").and_then(|axes| axes.extract::<usize>()).unwrap_or_default();
        axes == 0 && first.extract::<f64>().is_ok() || is_absent(first)
    };
    first.is_none_or(|first| {
        first.is_none()
            || first.is_instance_of::<PyFloat>()
            || first.is_instance_of::<PyInt>()
            || is_number(&first)
    })
}

fn one_row<'py, F: RowFunction>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    count: usize,
    name: &str,
    is_strict: bool,
    function: &F,
    result: impl FnOnce(&[f64]) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let convert = |row: &mut [f64], out: &mut [f64]| {
        for (place, (slot, item)) in row.iter_mut().zip(items).enumerate() {
            *slot = number_at(&item, name, place)?;
        }
        converted(function, is_strict, row, out)?;
        result(out)
    };
    on_stack(count, convert)
}

/// One row alone, as in a batch: a row of nothing but nan stays so, and a refused one is nan unless `is_strict`.
#[inline]
fn converted<F: RowFunction>(function: &F, is_strict: bool, row: &[f64], out: &mut [f64]) -> PyResult<()> {
    match function.convert(row, out) {
        Err(_) if !is_strict || !row.is_empty() && row.iter().all(|value| value.is_nan()) => {
            out.fill(f64::NAN);
            Ok(())
        }
        result => result.or_raise(),
    }
}

/// Calls with two rows of `count` zeros.
fn on_stack<T>(count: usize, convert: impl FnOnce(&mut [f64], &mut [f64]) -> T) -> T {
    if count <= ON_STACK {
        convert(&mut [0.0; ON_STACK][..count], &mut [0.0; ON_STACK][..count])
    } else {
        convert(&mut vec![0.0; count], &mut vec![0.0; count])
    }
}

fn dict_row<'py, F: RowFunction>(
    dict: &Bound<'py, PyDict>,
    name: &str,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    // Converting a value may run foreign code: the keys are those of now.
    let (keys, values) = (dict.keys(), dict.values());
    one_row(values.iter(), values.len(), name, is_strict, function, |out| {
        let result = PyDict::new(py);
        for (key, value) in keys.iter().zip(out) {
            result.set_item(key, value)?;
        }
        Ok(result.into_any())
    })
}

fn array_row<'py, F: RowFunction>(
    py: Python<'py>,
    row: &[f64],
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let convert = |out: &mut [f64]| {
        converted(function, is_strict, row, out)?;
        Ok(PyArray1::from_slice(py, out).into_any())
    };
    if row.len() <= ON_STACK {
        convert(&mut [0.0; ON_STACK][..row.len()])
    } else {
        convert(&mut vec![0.0; row.len()])
    }
}

/// Whatever is an array once it is opened; the result stands under the names and the index that came with it.
fn rows_of_array<'py, F: RowFunction>(
    values: &Bound<'py, PyAny>,
    name: &str,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = values.py();
    let (array, close) = opened(values, name)?;
    let result = match (Column::plain(&array), Matrix::plain(&array)) {
        (Some(row), _) => array_row(py, row.as_slice()?, is_strict, function)?,
        (None, Some(rows)) => array_rows(py, &rows, is_strict, function)?,
        (None, None) => return Err(wrong_axes(&array, name, "1 or 2")),
    };
    match close {
        Some(close) => close.call1((result,)),
        None => Ok(result),
    }
}

/// Every row of a two-dimensional array, without the interpreter's lock. A row of nothing but nan stays so.
fn array_rows<'py, F: RowFunction>(
    py: Python<'py>,
    array: &Matrix<'py, f64>,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let (input, row_count, count) = array.parts()?;
    let mut results = vec![0.0; input.len()];
    if count > 0 {
        let refused = py.detach(|| function.convert_rows(input, count, &mut results));
        if let (Some(&row), true) = (refused.first(), is_strict) {
            // Once more, for the reason.
            if let Err(error) = function.convert(&input[row * count..][..count], &mut results[..count]) {
                return Err(raise_in_row(py, &error, F::NOUN, row));
            }
        }
    }
    Ok(matrix_of(py, results, row_count, count)?.into_any())
}

/// The number that a value is: a Python number, or a NumPy scalar.
pub fn as_number(value: &Bound<'_, PyAny>) -> Option<f64> {
    let is_number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    // A date or a text without axes is one too, and would become a number.
    let is_scalar = || {
        value.getattr("ndim").and_then(|axes| axes.extract::<usize>()).is_ok_and(|axes| axes == 0)
            && value
                .getattr("dtype")
                .and_then(|dtype| dtype.getattr("kind")?.extract::<char>())
                .is_ok_and(|kind| "biuf".contains(kind))
    };
    if is_number || is_scalar() { value.extract().ok() } else { None }
}

/// Whether a batch stops at the first refused row: `errors` is `raise` or `nan`.
pub fn is_strict(errors: &str) -> PyResult<bool> {
    match errors {
        "raise" => Ok(true),
        "nan" => Ok(false),
        _ => Err(BoundsError::new(format!("errors {errors:?} is none of raise, nan"))).or_raise(),
    }
}
