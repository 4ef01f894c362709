//! Own models and spaces: definitions as data, native functions by their address.

use std::ffi::c_void;

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_markets::custom::{
    CustomIncident, CustomState, SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView,
};
use oddsengine_markets::joint::MAIN_CELLS_MAX;
use oddsengine_markets::{LivePhase, ModelFault};
use oddsengine_runtime::foreign::{BUDGET_NS_MAX, ForeignModel, IntensityFunction, JointFunction};
use oddsengine_types::{BoundsError, Grade};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::Matrix;
use crate::errors::{OrRaise, raise_in_row};

/// A selection: name, and won share, refunded share, denominator per cell.
pub type Selection = (String, Vec<(u16, u16, u16)>);
type Shares<'py> = Bound<'py, PyArray2<u16>>;
type Distributions<'py> = Bound<'py, PyArray2<f64>>;

/// Largest denominator of a grade that is given as floats.
const DENOMINATOR_MAX: u16 = 64;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(grades_by_function, module)?)?;
    module.add_function(wrap_pyfunction!(grades_of_shares, module)?)?;
    module.add_function(wrap_pyfunction!(joint_distribution, module)?)?;
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

/// The grades that the native function at an address gives on every outcome: (won, refunded, of) a row.
#[pyfunction]
fn grades_by_function<'py>(
    py: Python<'py>,
    address: usize,
    outcomes: Matrix<'py, i64>,
) -> PyResult<Shares<'py>> {
    let pointer = not_null(address)?;
    // SAFETY: as above.
    #[allow(unsafe_code)]
    let function = unsafe { std::mem::transmute::<*const c_void, GradeFunction>(pointer) };
    let (outcomes, _, columns) = outcomes.parts()?;
    if columns == 0 {
        return Err(BoundsError::new("outcomes have no numbers")).or_raise();
    }
    let grades = outcomes.chunks_exact(columns).map(|row| {
        let mut shares = [f64::NAN; 2];
        // SAFETY: the row is contiguous and live, `shares` has two places.
        #[allow(unsafe_code)]
        unsafe {
            function(row.as_ptr(), row.len(), shares.as_mut_ptr());
        }
        shares
    });
    exact_grades(py, grades)
}

/// The grades of won and refunded shares of the stake: (won, refunded, of) a row.
#[pyfunction]
fn grades_of_shares<'py>(py: Python<'py>, shares: Matrix<'py, f64>) -> PyResult<Shares<'py>> {
    let (shares, _, columns) = shares.parts()?;
    if columns != 2 {
        return Err(BoundsError::outside("columns of the shares", columns, 2, 2)).or_raise();
    }
    exact_grades(py, shares.as_chunks::<2>().0.iter().copied())
}

fn exact_grades<'py>(
    py: Python<'py>,
    shares: impl ExactSizeIterator<Item = [f64; 2]>,
) -> PyResult<Shares<'py>> {
    let mut grades = Vec::with_capacity(3 * shares.len());
    for (outcome, shares) in shares.enumerate() {
        match exact_grade(shares) {
            Ok(grade) => grades.extend(<[u16; 3]>::from(grade.parts())),
            Err(error) => return Err(raise_in_row(py, &error, "outcome", outcome)),
        }
    }
    let rows = grades.len() / 3;
    PyArray1::from_vec(py, grades).reshape([rows, 3])
}

/// The grade of the smallest denominator that gives these shares.
fn exact_grade([win, refund]: [f64; 2]) -> Result<Grade, BoundsError> {
    let exact = |of: u16| {
        let parts = [win, refund].map(|share| share * f64::from(of));
        let is_whole =
            |part: &f64| (part - part.round()).abs() < 1e-9 && (0.0..=f64::from(of)).contains(&part.round());
        parts
            .iter()
            .all(is_whole)
            .then(|| Grade::new(parts[0].round() as u16, parts[1].round() as u16, of))?
    };
    (1..=DENOMINATOR_MAX).find_map(exact).ok_or_else(|| {
        BoundsError::new(format!(
            "shares ({win}, {refund}) of the stake are no grade with a denominator up to {DENOMINATOR_MAX}"
        ))
    })
}

/// A state as Python tells it: phase, score, clock, values, possible outcomes.
type State = (String, (u16, u16), i64, Vec<i64>, Vec<(u16, u16)>);

fn custom_state(outcome_count: usize, told: State) -> Result<CustomState, BoundsError> {
    if !(2..=MAIN_CELLS_MAX).contains(&outcome_count) {
        return Err(BoundsError::outside("outcomes", outcome_count, 2, MAIN_CELLS_MAX));
    }
    let (phase, score, clock_ms, values, possible) = told;
    let phase = match phase.as_str() {
        "pre_match" => LivePhase::PreMatch,
        "in_play" => LivePhase::InPlay,
        "finished" => LivePhase::Finished,
        other => {
            let what = format!("phase {other:?} is not one of pre_match, in_play, finished");
            return Err(BoundsError::new(what));
        }
    };
    let outcome_count = outcome_count as u16;
    let mut state =
        CustomState { outcome_count, possible: vec![(0, outcome_count)], ..CustomState::default() };
    let period = String::new();
    let incident = CustomIncident { phase, score, clock_ms, period, values, possible, danger: None };
    state.apply(&incident).map_err(|error| BoundsError::new(error.to_string()))?;
    Ok(state)
}

/// What a model gives for every row of inputs in one state, checked as the service checks it.
fn distributions<'py>(
    py: Python<'py>,
    model: &ForeignModel,
    inputs: &Matrix<'py, f64>,
    state: &CustomState,
) -> PyResult<Distributions<'py>> {
    let mut possible = Vec::new();
    state.visit_possible_main(&mut |main| possible.push(main as u16));
    let (inputs, row_count, count) = inputs.parts()?;
    let computed: Result<Vec<Vec<f64>>, (usize, ModelFault)> = py.detach(|| {
        let checked = |row: usize| {
            let inputs = &inputs[row * count..][..count];
            model.checked(inputs, state, &possible).map_err(|fault| (row, fault))
        };
        (0..row_count).map(checked).collect()
    });
    match computed {
        Ok(rows) => {
            let outcome_count = usize::from(state.outcome_count);
            PyArray1::from_vec(py, rows.concat()).reshape([row_count, outcome_count])
        }
        Err((row, fault)) => Err(raise_in_row(py, &fault, "row of inputs", row)),
    }
}

/// The probability of every outcome that the native function at an address gives, for every row of inputs.
#[pyfunction]
fn joint_distribution<'py>(
    py: Python<'py>,
    address: usize,
    inputs: Matrix<'py, f64>,
    outcome_count: usize,
    state: State,
) -> PyResult<Distributions<'py>> {
    let model = ForeignModel::joint(joint_function(address)?, BUDGET_NS_MAX).or_raise()?;
    let state = custom_state(outcome_count, state).or_raise()?;
    distributions(py, &model, &inputs, &state)
}

/// The distribution of the final score under the rates of the native function at an address, for every row of inputs.
#[pyfunction]
fn score_distribution<'py>(
    py: Python<'py>,
    address: usize,
    inputs: Matrix<'py, f64>,
    side: usize,
    end_ms: f64,
    steps: usize,
    state: State,
) -> PyResult<Distributions<'py>> {
    let function = intensity_function(address)?;
    let model = ForeignModel::intensity(function, side, end_ms, steps, BUDGET_NS_MAX).or_raise()?;
    let state = custom_state(side * side, state).or_raise()?;
    distributions(py, &model, &inputs, &state)
}
