//! Ladders: rounding, ticks, and odds on a ladder with a minimum booksum.

use numpy::{PyArray1, PyReadonlyArray1};
use oddsengine_pricing::snap::{self, OddsLadder};
use oddsengine_types::{BoundsError, Ladder, Odds};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::convert::{RowFunction, by_row};
use crate::errors::OrRaise;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(ladder_names, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_prices, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_round, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_index, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_step, module)?)?;
    module.add_function(wrap_pyfunction!(ladder_snap, module)?)
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
fn ladder_round<'py>(ladder: &str, odds: &Bound<'py, PyAny>, direction: &str) -> PyResult<Bound<'py, PyAny>> {
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
    if odds.is_instance_of::<PyFloat>() || odds.is_instance_of::<PyInt>() {
        return Ok(PyFloat::new(odds.py(), rounding.round(odds.extract()?).or_raise()?).into_any());
    }
    by_row(odds, true, &rounding)
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
fn ladder_step(ladder: &str, odds: f64, ticks: i32) -> PyResult<f64> {
    let ladder = named(ladder)?;
    let index = ladder_index(ladder.name(), odds)?;
    let stepped = Odds::from_decimal_down(odds).ok().and_then(|price| ladder.step(price, ticks));
    let beyond = || {
        let index = i64::from(index) + i64::from(ticks);
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
    raw_odds: PyReadonlyArray1<'py, f64>,
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

/// The ladder of this name.
pub fn named(ladder: &str) -> PyResult<Ladder> {
    let unknown = || {
        let names = Ladder::ALL.map(Ladder::name).join(", ");
        BoundsError::new(format!("ladder {ladder:?} is none of {names}"))
    };
    Ladder::from_name(ladder).ok_or_else(unknown).or_raise()
}

/// Odds of a bet: decimals that ten-thousandths can hold.
pub fn exact_odds(decimal: f64) -> Result<Odds, BoundsError> {
    let odds = Odds::from_decimal_nearest(decimal)?;
    if (odds.decimal() - decimal).abs() > 1e-9 * decimal {
        return Err(BoundsError::new(format!("decimal odds {decimal} have more than four decimals")));
    }
    Ok(odds)
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
        if odds.is_nan() {
            return Ok(odds);
        }
        let ladder = self.ladder;
        let rounded = match self.direction {
            Direction::Down => ladder.down(Odds::from_decimal_down(odds)?),
            Direction::Up => ladder.up(decimal_up(odds)?),
            Direction::Nearest => Some(ladder.nearest(Odds::from_decimal_nearest(odds)?)),
        };
        rounded.map(Odds::decimal).ok_or_else(|| off_ladder(ladder, odds))
    }
}

impl RowFunction for Rounding {
    type Error = BoundsError;
    const NOUN: &'static str = "row";

    fn convert(&self, row: &[f64], _: &mut [f64], out: &mut [f64]) -> Result<(), BoundsError> {
        for (out, &odds) in out.iter_mut().zip(row) {
            *out = self.round(odds)?;
        }
        Ok(())
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
