//! Ladders: rounding, ticks, and odds on a ladder with a minimum booksum; odds in other formats.

use numpy::{PyArray1, PyArray2};
use oddsengine_pricing::snap::{self, OddsLadder, SnapError};
use oddsengine_types::{BoundsError, Fraction, FractionLadder, Ladder, Odds, OddsFormat, QUOTED_FRACTIONS};
use pyo3::prelude::*;
use pyo3::types::PyFloat;

use crate::arrays::{Column, Matrix, Whole, is_absent, matrix_of};
use crate::convert::{RowFunction, as_number, by_row, is_strict};
use crate::errors::{OrRaise, raise_in_row};

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(ladder_names, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_prices, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_round, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_index, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_step, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_snap, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_snap_rows, module)?)?;
    module.add_function(wrap_pyfunction!(odds_to_decimal, module)?)?;
    module.add_function(wrap_pyfunction!(odds_from_decimal, module)?)?;
    module.add_function(wrap_pyfunction!(odds_parse, module)?)?;
    module.add_function(wrap_pyfunction!(odds_text, module)?)?;
    module.add_function(wrap_pyfunction!(fraction_rungs, module)?)?;
    module.add_function(wrap_pyfunction!(quoted_fractions, module)?)
}

/// Names of all ladders.
#[pyfunction]
fn ladder_names() -> Vec<&'static str> {
    Ladder::ALL.into_iter().map(Ladder::name).collect()
}

/// All prices of a ladder, ascending.
#[pyfunction]
fn ladder_prices<'py>(py: Python<'py>, ladder: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let ladder = named(ladder)?;
    let prices = (0..ladder.len()).filter_map(|index| ladder.price(index)).map(Odds::decimal);
    Ok(PyArray1::from_vec(py, prices.collect()))
}

/// One price or many on a ladder; `direction` is `down`, `up` or `nearest`.
#[pyfunction]
fn ladder_round<'py>(
    ladder: &str,
    odds: &Bound<'py, PyAny>,
    direction: &str,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let direction = match direction {
        "down" => Direction::Down,
        "up" => Direction::Up,
        "nearest" => Direction::Nearest,
        _ => {
            return Err(BoundsError::new(format!("direction {direction:?} is none of down, up, nearest")))
                .or_raise();
        }
    };
    let rounding = Rounding { ladder: named(ladder)?, direction };
    each(odds, "odds", Each { function: |odds| rounding.round(odds), is_strict: is_strict(errors)? })
}

/// One number or many, each converted alone; nan stays nan.
fn each<'py, F: Fn(f64) -> Result<f64, BoundsError> + Sync>(
    values: &Bound<'py, PyAny>,
    name: &str,
    function: Each<F>,
) -> PyResult<Bound<'py, PyAny>> {
    // None alone is absent, as it is among others.
    match as_number(values).or_else(|| is_absent(values).then_some(f64::NAN)) {
        Some(number) => {
            let mut result = [0.0];
            function.convert(&[number], &mut result).or_raise()?;
            Ok(PyFloat::new(values.py(), result[0]).into_any())
        }
        None => by_row(values, name, true, &function),
    }
}

struct Each<F> {
    function: F,
    /// Else a number that is refused becomes nan, alone.
    is_strict: bool,
}

impl<F: Fn(f64) -> Result<f64, BoundsError> + Sync> RowFunction for Each<F> {
    type Error = BoundsError;
    const NOUN: &'static str = "row";

    fn convert(&self, row: &[f64], out: &mut [f64]) -> Result<(), BoundsError> {
        for (out, &number) in out.iter_mut().zip(row) {
            *out = match number.is_nan() {
                true => number,
                false => match (self.function)(number) {
                    Err(_) if !self.is_strict => f64::NAN,
                    result => result?,
                },
            };
        }
        Ok(())
    }
}

/// Decimal odds of numbers in a format.
#[pyfunction]
fn odds_to_decimal<'py>(
    values: &Bound<'py, PyAny>,
    format: &str,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let format = format_named(format)?;
    each(values, "number", Each { function: |number| format.decimal(number), is_strict: is_strict(errors)? })
}

/// Numbers in a format, of decimal odds.
#[pyfunction]
fn odds_from_decimal<'py>(
    values: &Bound<'py, PyAny>,
    format: &str,
    errors: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let format = format_named(format)?;
    each(values, "odds", Each { function: |decimal| format.number(decimal), is_strict: is_strict(errors)? })
}

/// Decimal odds of a text; without a format, the one that shows.
#[pyfunction]
fn odds_parse(text: &str, format: Option<&str>) -> PyResult<f64> {
    match format {
        Some(format) => format_named(format)?.parse(text).or_raise(),
        None => OddsFormat::parse_any(text).or_raise(),
    }
}

/// Text of decimal odds.
#[pyfunction]
fn odds_text(decimal: f64, format: &str) -> PyResult<String> {
    format_named(format)?.text(decimal).or_raise()
}

fn format_named(format: &str) -> PyResult<OddsFormat> {
    let unknown = || {
        let names = OddsFormat::ALL.map(OddsFormat::name).join(", ");
        BoundsError::new(format!("odds format {format:?} is none of {names}"))
    };
    OddsFormat::from_name(format).ok_or_else(unknown).or_raise()
}

/// Rungs of a list of fractions next to decimal odds, by their places: down, up, nearest; -1 beyond an end.
#[pyfunction]
fn fraction_rungs(fractions: Vec<String>, decimal: f64) -> PyResult<(i64, i64, i64)> {
    let ladder = FractionLadder::parse(&fractions).or_raise()?;
    let place = |place: Option<usize>| place.map_or(-1, |place| place as i64);
    let [down, up, nearest] = ladder.rungs(decimal).or_raise()?.map(place);
    Ok((down, up, nearest))
}

/// The fractions that British bookmakers quote.
#[pyfunction]
fn quoted_fractions() -> Vec<String> {
    QUOTED_FRACTIONS.iter().map(Fraction::to_string).collect()
}

/// Zero-based index of the highest price that is not above `odds`.
#[pyfunction]
fn ladder_index(ladder: &str, odds: f64) -> PyResult<u32> {
    let ladder = named(ladder)?;
    let price = Odds::from_decimal_down(odds).or_raise()?;
    ladder.index_down(price).ok_or_else(|| off_ladder(ladder, odds)).or_raise()
}

/// The price some ticks away.
#[pyfunction]
fn ladder_step(ladder: &str, odds: f64, ticks: Whole<i32>) -> PyResult<f64> {
    let ladder = named(ladder)?;
    let index = ladder_index(ladder.name(), odds)?;
    let stepped = Odds::from_decimal_down(odds).ok().and_then(|price| ladder.step(price, ticks.0));
    let beyond = || {
        let index = i64::from(index) + i64::from(ticks.0);
        BoundsError::outside("ladder index", index, 0, ladder.len() - 1)
    };
    stepped.map(Odds::decimal).ok_or_else(beyond).or_raise()
}

/// Odds on a ladder and their booksum: each rounded down, or with the smallest booksum that is not below
/// `booksum_min`. `odds_max`: no entry, or a cap for each selection.
#[pyfunction]
fn ladder_snap<'py>(
    py: Python<'py>,
    ladder: &str,
    raw_odds: Column<'py, f64>,
    booksum_min: Option<f64>,
    odds_max: Vec<f64>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, f64)> {
    let rungs = Rungs(named(ladder)?);
    let raw_odds = raw_odds.as_slice()?;
    let cap_e4 = |cap: &f64| Odds::from_decimal_down(*cap).map(Odds::e4);
    let caps_e4 = odds_max.iter().map(cap_e4).collect::<Result<Vec<u32>, _>>().or_raise()?;
    let mut odds_e4 = vec![0; raw_odds.len()];
    let booksum = match booksum_min {
        None => snap::snap_down(&rungs, raw_odds, &caps_e4, &mut odds_e4).or_raise()?,
        Some(minimum) => {
            snap::snap_min_margin(&rungs, raw_odds, minimum, &caps_e4, &mut odds_e4).or_raise()?
        }
    };
    let odds = odds_e4.into_iter().map(|odds_e4| f64::from(odds_e4) / 10_000.0);
    Ok((PyArray1::from_vec(py, odds.collect()), booksum))
}

/// Odds of many books and their booksums.
type SnappedRows<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

/// [`ladder_snap`] for many books: odds of the same shape, and a booksum for each row. nan marks an absent selection;
/// `odds_max` has the shape of the odds or is empty, `booksum_min` an entry for each row or none.
#[pyfunction]
fn ladder_snap_rows<'py>(
    py: Python<'py>,
    ladder: &str,
    raw_odds: Matrix<'py, f64>,
    booksum_min: Column<'py, f64>,
    odds_max: Column<'py, f64>,
    errors: &str,
) -> PyResult<SnappedRows<'py>> {
    let rungs = Rungs(named(ladder)?);
    let is_strict = is_strict(errors)?;
    let (raw, row_count, count) = raw_odds.parts()?;
    let (minimum, caps) = (booksum_min.as_slice()?, odds_max.as_slice()?);
    let mut odds = vec![f64::NAN; raw.len()];
    let mut booksums = vec![f64::NAN; row_count];
    let refused = py.detach(|| {
        for (row, row_booksum) in booksums.iter_mut().enumerate() {
            let range = row * count..(row + 1) * count;
            let caps = caps.get(range.clone()).unwrap_or_default();
            match snap_row(&rungs, &raw[range.clone()], minimum.get(row).copied(), caps, &mut odds[range]) {
                Ok(booksum) => *row_booksum = booksum,
                Err(error) if is_strict => return Some((row, error)),
                Err(_) => {}
            }
        }
        None
    });
    if let Some((row, error)) = refused {
        return Err(raise_in_row(py, &error, "book", row));
    }
    Ok((matrix_of(py, odds, row_count, count)?, PyArray1::from_vec(py, booksums)))
}

/// One row of [`ladder_snap_rows`]; nothing is written when it is refused, nor when it is all nan.
fn snap_row(
    rungs: &Rungs,
    raw: &[f64],
    minimum: Option<f64>,
    caps: &[f64],
    odds: &mut [f64],
) -> Result<f64, SnapError> {
    let places: Vec<usize> = (0..raw.len()).filter(|&place| !raw[place].is_nan()).collect();
    if places.is_empty() {
        return Ok(f64::NAN);
    }
    let present: Vec<f64> = places.iter().map(|&place| raw[place]).collect();
    // A cap below every ladder is found out by the snap, which names it.
    let cap_e4 = |cap: f64| Odds::from_decimal_down(cap.min(Odds::MAX.decimal())).map_or(0, Odds::e4);
    let caps_e4: Vec<u32> = match caps.is_empty() {
        true => Vec::new(),
        false => places.iter().map(|&place| cap_e4(caps[place])).collect(),
    };
    let mut odds_e4 = vec![0; present.len()];
    let snapped = match minimum {
        None => snap::snap_down(rungs, &present, &caps_e4, &mut odds_e4),
        Some(minimum) => snap::snap_min_margin(rungs, &present, minimum, &caps_e4, &mut odds_e4),
    };
    let booksum = snapped.map_err(|error| error.at_place(&places))?;
    for (place, odds_e4) in places.into_iter().zip(odds_e4) {
        odds[place] = f64::from(odds_e4) / 10_000.0;
    }
    Ok(booksum)
}

/// The ladder of this name.
pub fn named(ladder: &str) -> PyResult<Ladder> {
    let unknown = || {
        let names = Ladder::ALL.map(Ladder::name).join(", ");
        BoundsError::new(format!("ladder {ladder:?} is none of {names}"))
    };
    Ladder::from_name(ladder).ok_or_else(unknown).or_raise()
}

/// Odds of a bet: rounded down to ten-thousandths, the unit in which the engine strikes bets. 100/30 is 4.3333.
pub fn struck_odds(decimal: f64) -> Result<Odds, BoundsError> {
    Odds::from_decimal_down(decimal)
}

#[cold]
fn off_ladder(ladder: Ladder, odds: f64) -> BoundsError {
    let end = |index| ladder.price(index).map_or(f64::NAN, Odds::decimal);
    BoundsError::outside("decimal odds", odds, end(0), end(ladder.len() - 1))
}

#[derive(Clone, Copy)]
enum Direction {
    Down,
    Up,
    Nearest,
}

struct Rounding {
    ladder: Ladder,
    direction: Direction,
}

impl Rounding {
    fn round(&self, odds: f64) -> Result<f64, BoundsError> {
        let ladder = self.ladder;
        let rounded = match self.direction {
            Direction::Down => ladder.down(Odds::from_decimal_down(odds)?),
            Direction::Up => ladder.up(decimal_up(odds)?),
            Direction::Nearest => Some(ladder.nearest(Odds::from_decimal_nearest(odds)?)),
        };
        rounded.map(Odds::decimal).ok_or_else(|| off_ladder(ladder, odds))
    }
}

/// The smallest odds that are not below `decimal`.
fn decimal_up(decimal: f64) -> Result<Odds, BoundsError> {
    let down = Odds::from_decimal_down(decimal)?;
    // The same hair as in rounding down, on the other side.
    let is_above = decimal * 10_000.0 - f64::from(down.e4()) > 1e-7;
    if is_above { Odds::from_e4(down.e4() + 1) } else { Ok(down) }
}

/// A ladder for prices that no bound has checked yet.
struct Rungs(Ladder);

impl OddsLadder for Rungs {
    fn down(&self, odds: f64) -> Option<u32> {
        let odds = Odds::from_decimal_down(odds.min(Odds::MAX.decimal())).ok()?;
        self.0.down(odds).map(Odds::e4)
    }

    fn up(&self, odds: f64) -> Option<u32> {
        let odds = decimal_up(odds.max(Odds::MIN.decimal())).ok()?;
        self.0.up(odds).map(Odds::e4)
    }
}
