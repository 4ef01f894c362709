//! Numbers from Python and back: a list gives a list, a mapping a mapping, an array an array.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyMapping, PyTuple};

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
/// two-dimensional array. With `is_strict` the first refused row raises, else refused rows become nan.
pub fn by_row<'py, F: RowFunction>(
    values: &Bound<'py, PyAny>,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = values.py();
    if let Ok(list) = values.cast::<PyList>() {
        let numbers = || list.iter();
        return match starts_with_number(list.get_item(0).ok()) {
            true => one_row(numbers(), list.len(), function, |out| {
                PyList::new(py, out.iter()).map(Bound::into_any)
            }),
            false => rows_of_array(&as_float_array(values)?, is_strict, function),
        };
    }
    if let Ok(array) = values.cast::<PyArray1<f64>>() {
        return array_row(array, function);
    }
    if values.cast::<PyArray2<f64>>().is_ok() {
        return rows_of_array(values, is_strict, function);
    }
    if let Ok(dict) = values.cast::<PyDict>() {
        return dict_row(dict, function);
    }
    if let Ok(tuple) = values.cast::<PyTuple>() {
        return match starts_with_number(tuple.get_item(0).ok()) {
            true => one_row(tuple.iter(), tuple.len(), function, |out| {
                PyList::new(py, out.iter()).map(Bound::into_any)
            }),
            false => rows_of_array(&as_float_array(values)?, is_strict, function),
        };
    }
    if let Ok(mapping) = values.cast::<PyMapping>() {
        let dict = PyDict::new(py);
        dict.update(mapping)?;
        return dict_row(&dict, function);
    }
    rows_of_array(&as_float_array(values)?, is_strict, function)
}

/// An empty sequence counts as numbers: its error is about their count.
fn starts_with_number(first: Option<Bound<'_, PyAny>>) -> bool {
    first.is_none_or(|first| first.extract::<f64>().is_ok())
}

fn one_row<'py, F: RowFunction>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    count: usize,
    function: &F,
    result: impl FnOnce(&[f64]) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let convert = |row: &mut [f64], out: &mut [f64]| {
        for (slot, item) in row.iter_mut().zip(items) {
            *slot = item.extract()?;
        }
        function.convert(row, out).or_raise()?;
        result(out)
    };
    if count <= ON_STACK {
        convert(&mut [0.0; ON_STACK][..count], &mut [0.0; ON_STACK][..count])
    } else {
        convert(&mut vec![0.0; count], &mut vec![0.0; count])
    }
}

fn dict_row<'py, F: RowFunction>(dict: &Bound<'py, PyDict>, function: &F) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    one_row(dict.values().iter(), dict.len(), function, |out| {
        let result = PyDict::new(py);
        for ((key, _), value) in dict.iter().zip(out) {
            result.set_item(key, value)?;
        }
        Ok(result.into_any())
    })
}

fn array_row<'py, F: RowFunction>(
    array: &Bound<'py, PyArray1<f64>>,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let array = array.try_readonly()?;
    let view = array.as_array();
    let count = view.len();
    let convert = |row: &mut [f64], out: &mut [f64]| {
        row.iter_mut().zip(view.iter()).for_each(|(slot, &value)| *slot = value);
        function.convert(row, out).or_raise()?;
        Ok(PyArray1::from_slice(py, out).into_any())
    };
    if count <= ON_STACK {
        convert(&mut [0.0; ON_STACK][..count], &mut [0.0; ON_STACK][..count])
    } else {
        convert(&mut vec![0.0; count], &mut vec![0.0; count])
    }
}

/// Every row of a two-dimensional array, without the interpreter's lock. A row of nothing but nan stays so.
fn rows_of_array<'py, F: RowFunction>(
    values: &Bound<'py, PyAny>,
    is_strict: bool,
    function: &F,
) -> PyResult<Bound<'py, PyAny>> {
    let py = values.py();
    if let Ok(array) = values.cast::<PyArray1<f64>>() {
        return array_row(array, function);
    }
    let Ok(array) = values.cast::<PyArray2<f64>>() else {
        let shape: Vec<usize> = values.getattr("shape")?.extract()?;
        return Err(BoundsError::outside("number of dimensions", shape.len(), 1, 2).raise());
    };
    if !array.is_c_contiguous() {
        return rows_of_array(&as_float_array(values)?, is_strict, function);
    }
    let array = array.try_readonly()?;
    let input = array.as_slice()?;
    let (row_count, count) = (array.as_array().nrows(), array.as_array().ncols());
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
    Ok(PyArray1::from_vec(py, results).reshape([row_count, count])?.into_any())
}

/// The number that a value is: a Python number, or a NumPy scalar.
pub fn as_number(value: &Bound<'_, PyAny>) -> Option<f64> {
    let is_number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    let has_no_axes =
        || value.getattr("ndim").and_then(|axes| axes.extract::<usize>()).is_ok_and(|axes| axes == 0);
    if is_number || has_no_axes() { value.extract().ok() } else { None }
}

/// Whether a batch stops at the first refused row: `errors` is `raise` or `nan`.
pub fn is_strict(errors: &str) -> PyResult<bool> {
    match errors {
        "raise" => Ok(true),
        "nan" => Ok(false),
        _ => Err(BoundsError::new(format!("errors {errors:?} is none of raise, nan"))).or_raise(),
    }
}

/// The values as a contiguous array of float64, by NumPy's own rules.
fn as_float_array<'py>(values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let numpy = values.py().import("numpy")?;
    numpy.call_method1("ascontiguousarray", (values, "float64"))
}
