//! Margin removal and application, one book or a batch.
//!
//! The two functions that are called once a book, [`fair_probabilities`] and [`offered_odds`], are the public ones:
//! `oddsengine.margin` hands them on as they are, because a Python function around them would cost a third of their time.

use numpy::PyArray2;
use oddsengine_pricing::margin::{self, ExchangeBook, MarginError, MarginMethod};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;

use crate::arrays::{Matrix, matrix_of};
use crate::convert::{RowFunction, by_row, is_strict};
use crate::errors::{OrRaise, raise_in_row};

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fair_probabilities, module)?)?;
    module.add_function(wrap_pyfunction!(offered_odds, module)?)?;
    module.add_function(wrap_pyfunction!(remove_margin, module)?)?;
    module.add_function(wrap_pyfunction!(margin_aliases, module)?)?;
    module.add_function(wrap_pyfunction!(booksum_from_hold, module)?)?;
    module.add_function(wrap_pyfunction!(shade, module)?)?;
    module.add_function(wrap_pyfunction!(fair_from_exchange, module)?)
}

/// Remove the bookmaker's margin from decimal odds.
///
/// Parameters
/// ----------
/// odds : (n_selections,) numbers, or a mapping of them, or (n_books, n_selections) float64
///     Decimal odds including the stake, each above 1; 2 to 1024 a book. `nan` marks an absent selection and
///     stays `nan`, as does a book of nothing but `nan`. A removed runner is absent; it has no infinite
///     price.
/// method
///     One of `METHODS`, or another name of one (`ALIASES`).
/// target
///     Sum of the fair probabilities: 1 for a win market, k for a market that pays k places; above 0 and
///     below the number of selections.
/// absent
///     What `nan` means: `"drop"` takes the market without that selection, `"refuse"` says that a price is
///     missing. A market whose number of outcomes is known should refuse: a 1X2 without its draw is none.
/// errors
///     `"raise"` on the first book that the method refuses, or fill such books with `"nan"`.
///
/// Returns
/// -------
/// Fair probabilities that sum to `target` within 1e-12, shaped as the odds: a list for a sequence, a dict
/// for a mapping, a float64 array for an array. A batch gives the bits that its books give alone, and
/// releases the interpreter's lock.
///
/// Raises
/// ------
/// MarginError
///     Odds of 1 or less, an unknown method, an under-round book for `shin`, `balanced_book` and `goto`, or a
///     result outside (0, 1).
///
/// Examples
/// --------
/// >>> fair_probabilities({"home": 2.7, "draw": 2.3, "away": 4.4}, method="shin")  # doctest: +ELLIPSIS
/// {'home': 0.35934391..., 'draw': 0.42324384..., 'away': 0.21741223...}
/// >>> books = np.array([[2.6, 2.4, 4.3], [1.9, np.nan, 1.9]])
/// >>> fair_probabilities(books, method="power").round(4)
/// array([[0.373 , 0.4051, 0.2219],
///        [0.5   ,    nan, 0.5   ]])
#[pyfunction]
#[pyo3(signature = (odds, *, method = "multiplicative", target = 1.0, absent = "drop", errors = "raise"))]
fn fair_probabilities<'py>(
    odds: &Bound<'py, PyAny>,
    method: &str,
    target: f64,
    absent: &str,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let is_complete = match absent {
        "drop" => false,
        "refuse" => true,
        _ => return Err(BoundsError::new(format!("absent {absent:?} is none of drop, refuse"))).or_raise(),
    };
    let removal = Removal { method: MarginMethod::parse(method).or_raise()?, target, is_complete };
    by_row(odds, "odds", is_strict(errors)?, &removal)
}

/// Decimal odds with a margin, from fair probabilities: the inverse of `fair_probabilities`.
///
/// Parameters
/// ----------
/// probabilities : (n_selections,) numbers, or a mapping of them, or (n_books, n_selections) float64
///     Fair probabilities strictly between 0 and 1. Their sum is the market's target: 1, or the number of
///     places. `nan` marks an absent selection and stays `nan`.
/// booksum
///     Sum of the inverse odds; above 0 and below the number of selections. 1.05 in a win market is a margin
///     of 5 % on the probability, which holds 4.76 % of the turnover (see `booksum_from_hold`).
/// method
///     One of `METHODS`, or another name of one (`ALIASES`).
/// errors
///     In a batch, `"raise"` on the first book that the method refuses, or fill such books with `"nan"`.
///
/// Returns
/// -------
/// Odds whose inverses sum to `booksum` within 1e-12, shaped as the probabilities; not rounded to any ladder.
///
/// Raises
/// ------
/// MarginError
///     A method that would offer odds of 1 or less, or a booksum it cannot reach.
///
/// Examples
/// --------
/// >>> [round(price, 4) for price in offered_odds([0.45, 0.28, 0.27], method="power", booksum=1.05)]
/// [2.1428, 3.3701, 3.4892]
#[pyfunction]
#[pyo3(signature = (probabilities, *, booksum, method = "multiplicative", errors = "raise"))]
fn offered_odds<'py>(
    probabilities: &Bound<'py, PyAny>,
    booksum: f64,
    method: &str,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let application = Application { method: MarginMethod::parse(method).or_raise()?, booksum };
    by_row(probabilities, "probabilities", is_strict(errors)?, &application)
}

/// Fair probabilities of one book, the method's parameter and the booksum.
#[pyfunction]
fn remove_margin(odds: Vec<f64>, method: &str, target: f64) -> PyResult<(Vec<f64>, f64, f64)> {
    let method = MarginMethod::parse(method).or_raise()?;
    // nan is absent, as for `fair_probabilities`.
    let places: Vec<usize> = (0..odds.len()).filter(|&place| !odds[place].is_nan()).collect();
    let mut all = vec![f64::NAN; odds.len()];
    if places.is_empty() && !odds.is_empty() {
        return Ok((all, f64::NAN, f64::NAN));
    }
    let inverse: Vec<f64> = places.iter().map(|&place| 1.0 / odds[place]).collect();
    let mut fair = vec![0.0; inverse.len()];
    let parameter = margin::remove_with_parameter(method, &inverse, target, &mut fair).or_raise()?;
    places.iter().zip(fair).for_each(|(&place, fair)| all[place] = fair);
    Ok((all, parameter, inverse.iter().sum()))
}

/// Other names of the methods with their own.
#[pyfunction]
fn margin_aliases() -> Vec<(&'static str, &'static str)> {
    MarginMethod::ALIASES.into_iter().map(|(alias, method)| (alias, method.as_str())).collect()
}

/// Booksum of a book that keeps a share of its turnover.
#[pyfunction]
fn booksum_from_hold(hold: f64, target: f64) -> PyResult<f64> {
    margin::booksum_from_hold(hold, target).or_raise()
}

/// Probabilities moved between favourites and longshots.
#[pyfunction]
fn shade<'py>(
    probabilities: &Bound<'py, PyAny>,
    slope: f64,
    intercept: f64,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    by_row(probabilities, "probabilities", is_strict(errors)?, &Shading { slope, intercept })
}

/// Fair probabilities of exchange markets, one a row. An array without elements is a side without prices, or equal
/// weights.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the arguments of the Python function, flat
fn fair_from_exchange<'py>(
    py: Python<'py>,
    back: Matrix<'py, f64>,
    lay: Matrix<'py, f64>,
    back_weight: Matrix<'py, f64>,
    lay_weight: Matrix<'py, f64>,
    commission: f64,
    method: &str,
    target: f64,
    errors: &str,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (method, is_strict) = (MarginMethod::parse(method).or_raise()?, is_strict(errors)?);
    let sides = [back, lay, back_weight, lay_weight];
    let parts = [sides[0].parts()?, sides[1].parts()?, sides[2].parts()?, sides[3].parts()?];
    let shapes = parts.map(|(_, rows, columns)| [rows, columns]);
    let is_given = |shape: &[usize; 2]| shape[0] * shape[1] > 0;
    let [row_count, count] = shapes.into_iter().find(is_given).unwrap_or_default();
    if let Some(other) = shapes.into_iter().find(|shape| is_given(shape) && *shape != [row_count, count]) {
        let [rows, columns] = other;
        let message = format!(
            "shape ({rows}, {columns}) differs from ({row_count}, {count}), that of the other prices"
        );
        return Err(BoundsError::new(message)).or_raise();
    }
    let [back, lay, back_weight, lay_weight] = parts.map(|(numbers, ..)| numbers);
    let mut fair = vec![f64::NAN; row_count * count];
    let refused = py.detach(|| {
        for (row, out) in fair.chunks_exact_mut(count.max(1)).enumerate() {
            let of_row =
                |side: &'_ [f64]| if side.is_empty() { 0..0 } else { row * count..(row + 1) * count };
            let book = ExchangeBook {
                back: &back[of_row(back)],
                lay: &lay[of_row(lay)],
                back_weight: &back_weight[of_row(back_weight)],
                lay_weight: &lay_weight[of_row(lay_weight)],
                commission,
            };
            if book.back.iter().chain(book.lay).all(|odds| odds.is_nan()) {
                continue;
            }
            if let Err(error) = margin::fair_from_exchange(method, &book, target, out) {
                if is_strict {
                    return Some((row, error));
                }
                out.fill(f64::NAN);
            }
        }
        None
    });
    if let Some((row, error)) = refused {
        return Err(raise_in_row(py, &error, "book", row));
    }
    matrix_of(py, fair, row_count, count)
}

struct Removal {
    method: MarginMethod,
    target: f64,
    /// A book with a selection that is nan is refused.
    is_complete: bool,
}

impl RowFunction for Removal {
    type Error = MarginError;
    const NOUN: &'static str = "book";

    #[inline]
    fn convert(&self, odds: &[f64], fair: &mut [f64]) -> Result<(), MarginError> {
        if self.is_complete
            && let Some(index) = odds.iter().position(|odds| odds.is_nan())
        {
            return Err(MarginError::InverseOdds { index, value: f64::NAN });
        }
        margin::fair_probabilities(self.method, odds, self.target, fair)
    }

    fn convert_rows(&self, odds: &[f64], count: usize, fair: &mut [f64]) -> Vec<usize> {
        let mut refused = margin::fair_probabilities_rows(self.method, odds, count, self.target, fair);
        if self.is_complete {
            let is_partial = |row: &[f64]| {
                let absent = row.iter().filter(|odds| odds.is_nan()).count();
                absent > 0 && absent < row.len()
            };
            for (row, fair) in fair.chunks_exact_mut(count).enumerate() {
                if is_partial(&odds[row * count..][..count]) {
                    fair.fill(f64::NAN);
                    refused.push(row);
                }
            }
            refused.sort_unstable();
            refused.dedup();
        }
        refused
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
    fn convert(&self, fair: &[f64], odds: &mut [f64]) -> Result<(), MarginError> {
        margin::offered_odds(self.method, fair, self.booksum, odds)
    }

    fn convert_rows(&self, fair: &[f64], count: usize, odds: &mut [f64]) -> Vec<usize> {
        margin::offered_odds_rows(self.method, fair, count, self.booksum, odds)
    }
}

struct Shading {
    slope: f64,
    intercept: f64,
}

impl RowFunction for Shading {
    type Error = MarginError;
    const NOUN: &'static str = "book";

    fn convert(&self, fair: &[f64], shaded: &mut [f64]) -> Result<(), MarginError> {
        margin::of_present(fair, shaded, |fair, shaded| {
            margin::shade(fair, self.slope, self.intercept, shaded)
        })
    }
}
