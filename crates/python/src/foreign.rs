//! Own models and spaces: definitions as data, native functions by their address.

use std::ffi::c_void;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use oddsengine_markets::custom::{SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_runtime::foreign::{GRID_SIDE_MAX, IntensityFunction, JointFunction, fill_score_grid};
use oddsengine_types::{BoundsError, Grade};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::OrRaise;

/// A selection: name, and won share, refunded share, denominator per cell.
pub type Selection = (String, Vec<(u16, u16, u16)>);

/// Largest denominator of a grade that a native function gives as floats.
const DENOMINATOR_MAX: u16 = 64;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(grades_by_function, module)?)?;
    module.add_function(wrap_pyfunction!(score_distribution, module)?)
}

/// A definition from the parts that Python hands over.
pub fn space_definition(
    name: String,
    outcome_count: u32,
    views: Vec<(String, Vec<u8>)>,
    markets: Vec<(String, u8, u8, Vec<Selection>)>,
) -> Result<SpaceDefinition, BoundsError> {
    let views =
        views.into_iter().map(|(name, cell_of_outcome)| SpaceView { name, cell_of_outcome }).collect();
    let grade = |(win, refund, of): (u16, u16, u16)| {
        Grade::new(win, refund, of).ok_or_else(|| {
            BoundsError::new(format!("grade ({win} + {refund}) / {of} is not a share of the stake"))
        })
    };
    let selection = |(name, grades): Selection| {
        let grades = grades.into_iter().map(grade).collect::<Result<_, _>>()?;
        Ok(SpaceSelection { name, grades })
    };
    let market = |(key, view, winners, selections): (String, u8, u8, Vec<Selection>)| {
        let selections = selections.into_iter().map(selection).collect::<Result<_, BoundsError>>()?;
        Ok(SpaceMarket { key, view, winners, selections })
    };
    let markets = markets.into_iter().map(market).collect::<Result<_, BoundsError>>()?;
    Ok(SpaceDefinition { name, outcome_count, views, markets })
}

/// The joint-distribution function at an address.
pub fn joint_function(address: usize) -> PyResult<JointFunction> {
    let pointer = not_null(address)?;
    // SAFETY: the caller of the Python function vouches that a function of this signature lives at the address for as
    // long as the process; a wrong address cannot be told apart here.
    #[allow(unsafe_code)]
    Ok(unsafe { std::mem::transmute::<*const c_void, JointFunction>(pointer) })
}

/// The intensity function at an address.
pub fn intensity_function(address: usize) -> PyResult<IntensityFunction> {
    let pointer = not_null(address)?;
    // SAFETY: as above.
    #[allow(unsafe_code)]
    Ok(unsafe { std::mem::transmute::<*const c_void, IntensityFunction>(pointer) })
}

fn not_null(address: usize) -> PyResult<*const c_void> {
    match address {
        0 => Err(PyValueError::new_err("address 0 is no function")),
        address => Ok(address as *const c_void),
    }
}

/// `f(outcome, number_count, shares)`: writes the won and the refunded share of the stake to `shares[0..2]`.
type GradeFunction = unsafe extern "C" fn(*const i64, usize, *mut f64);

/// The grades that the native function at an address gives on every outcome, as (won, refunded, of).
#[pyfunction]
fn grades_by_function(
    py: Python<'_>,
    address: usize,
    outcomes: PyReadonlyArray2<'_, i64>,
) -> PyResult<Vec<(u16, u16, u16)>> {
    let pointer = not_null(address)?;
    // SAFETY: as above.
    #[allow(unsafe_code)]
    let function = unsafe { std::mem::transmute::<*const c_void, GradeFunction>(pointer) };
    let rows = outcomes.as_array();
    let rows = rows.as_standard_layout();
    py.detach(|| {
        rows.rows()
            .into_iter()
            .map(|row| {
                let mut shares = [0.0; 2];
                // SAFETY: the row is contiguous and live, `shares` has two places.
                #[allow(unsafe_code)]
                unsafe {
                    function(row.as_ptr(), row.len(), shares.as_mut_ptr());
                }
                exact_grade(shares).map(Grade::parts)
            })
            .collect::<Result<_, _>>()
    })
    .or_raise()
}

/// The grade of the smallest denominator that gives these shares.
fn exact_grade([win, refund]: [f64; 2]) -> Result<Grade, BoundsError> {
    let exact = |of: u16| {
        let parts = [win, refund].map(|share| share * f64::from(of));
        let is_whole =
            |part: &f64| (part - part.round()).abs() < 1e-9 && (0.0..=f64::from(of)).contains(part);
        parts
            .iter()
            .all(is_whole)
            .then(|| Grade::new(parts[0].round() as u16, parts[1].round() as u16, of))?
    };
    (1..=DENOMINATOR_MAX).find_map(exact).ok_or_else(|| {
        BoundsError::new(format!(
            "shares ({win}, {refund}) are no grade with a denominator up to {DENOMINATOR_MAX}"
        ))
    })
}

/// The distribution of the final score under the rates of the native function at an address: `side * side` numbers.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // a call of the thin Python layer, which names them
fn score_distribution<'py>(
    py: Python<'py>,
    address: usize,
    inputs: PyReadonlyArray1<'py, f64>,
    score: (usize, usize),
    from_ms: f64,
    end_ms: f64,
    steps: usize,
    side: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    if !(2..=GRID_SIDE_MAX).contains(&side) {
        return Err(BoundsError::outside("scores of a side", side, 2, GRID_SIDE_MAX)).or_raise();
    }
    if !(1..=10_000).contains(&steps) {
        return Err(BoundsError::outside("steps", steps, 1, 10_000)).or_raise();
    }
    let function = intensity_function(address)?;
    let inputs = inputs.to_vec()?;
    let mut grid = vec![0.0; side * side];
    py.detach(|| {
        let rates = |clock_ms: f64, home: usize, away: usize| {
            let mut rates = [0.0; 2];
            // SAFETY: as above.
            #[allow(unsafe_code)]
            let status = unsafe {
                function(
                    inputs.as_ptr(),
                    inputs.len(),
                    clock_ms,
                    home as i64,
                    away as i64,
                    rates.as_mut_ptr(),
                )
            };
            match status == 0 && rates.iter().all(|rate: &f64| rate.is_finite() && *rate >= 0.0) {
                true => Ok(rates),
                false => Err(oddsengine_markets::ModelFault::Failed),
            }
        };
        fill_score_grid(rates, score, from_ms, end_ms, steps, side, &mut grid)
    })
    .map_err(|fault| PyValueError::new_err(format!("the intensity gave no rate: {}", fault.name())))?;
    Ok(PyArray1::from_vec(py, grid))
}
