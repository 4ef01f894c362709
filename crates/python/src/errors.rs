//! Rust errors as Python exceptions: one class each, the message unchanged.
//!
//! The classes are written in Python, `oddsengine.exceptions`, where they can have two bases, examples and
//! attributes; they are looked up when the first one is raised.

use oddsengine_markets::ModelFault;
use oddsengine_pricing::fit::FitError;
use oddsengine_pricing::football::FootballError;
use oddsengine_pricing::margin::MarginError;
use oddsengine_pricing::racing::RacingError;
use oddsengine_pricing::snap::SnapError;
use oddsengine_pricing::tennis::TennisError;
use oddsengine_types::BoundsError;
use pyo3::prelude::*;

mod python {
    pyo3::import_exception!(oddsengine.exceptions, BoundsError);
    pyo3::import_exception!(oddsengine.exceptions, FitError);
    pyo3::import_exception!(oddsengine.exceptions, FootballError);
    pyo3::import_exception!(oddsengine.exceptions, InternalError);
    pyo3::import_exception!(oddsengine.exceptions, MarginError);
    pyo3::import_exception!(oddsengine.exceptions, ModelError);
    pyo3::import_exception!(oddsengine.exceptions, RacingError);
    pyo3::import_exception!(oddsengine.exceptions, SameGameError);
    pyo3::import_exception!(oddsengine.exceptions, SelectionError);
    pyo3::import_exception!(oddsengine.exceptions, SnapError);
    pyo3::import_exception!(oddsengine.exceptions, TennisError);
}

/// A second line for a message that names what was meant, empty where nothing is near.
#[cold]
pub fn hint(name: &str, known: Vec<String>) -> String {
    let asked = |py: Python<'_>| -> PyResult<String> {
        py.import("oddsengine._hints")?.call_method1("hint", (name, known))?.extract()
    };
    Python::attach(asked).unwrap_or_default()
}

/// Makes a panic an exception of the package, the last line of defence: PyO3 raises its own `PanicException`, a
/// `BaseException` that `except Exception` does not catch. This crate's class of that name gets another base, so that
/// every function is covered in one place.
pub fn catch_panics(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<pyo3::panic::PanicException>();
    class.setattr("__bases__", (py.get_type::<python::InternalError>(),))
}

/// An error that has an exception class.
pub trait Raise {
    /// The exception.
    fn raise(&self) -> PyErr;
}

impl Raise for BoundsError {
    #[cold]
    fn raise(&self) -> PyErr {
        python::BoundsError::new_err(self.to_string())
    }
}

impl Raise for MarginError {
    #[cold]
    fn raise(&self) -> PyErr {
        python::MarginError::new_err((self.to_string(), self.code()))
    }
}

impl Raise for FootballError {
    #[cold]
    fn raise(&self) -> PyErr {
        match self {
            Self::Margin(error) => error.raise(),
            error => python::FootballError::new_err(error.to_string()),
        }
    }
}

impl Raise for FitError {
    #[cold]
    fn raise(&self) -> PyErr {
        python::FitError::new_err((self.to_string(), self.code()))
    }
}

impl Raise for ModelFault {
    #[cold]
    fn raise(&self) -> PyErr {
        python::ModelError::new_err((self.sentence(), self.name()))
    }
}

impl Raise for RacingError {
    #[cold]
    fn raise(&self) -> PyErr {
        match self {
            Self::Margin(error) => error.raise(),
            error => python::RacingError::new_err(error.to_string()),
        }
    }
}

impl Raise for TennisError {
    #[cold]
    fn raise(&self) -> PyErr {
        match self {
            Self::Margin(error) => error.raise(),
            error => python::TennisError::new_err(error.to_string()),
        }
    }
}

/// The exception of a same-game multiple without a price.
#[cold]
pub fn same_game_error(message: String) -> PyErr {
    python::SameGameError::new_err(message)
}

impl Raise for SnapError {
    #[cold]
    fn raise(&self) -> PyErr {
        python::SnapError::new_err(self.to_string())
    }
}

/// A selection or market that the template does not have, or that cannot be graded from what is known.
#[derive(Clone, Debug)]
pub struct SelectionError(pub String);

impl Raise for SelectionError {
    #[cold]
    fn raise(&self) -> PyErr {
        python::SelectionError::new_err(self.0.clone())
    }
}

/// `result.or_raise()?`.
pub trait OrRaise<T> {
    /// The value, or the exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T, E: Raise> OrRaise<T> for Result<T, E> {
    #[inline]
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| error.raise())
    }
}

/// The exception of one row of a batch: the message stays, a note says which row it was.
#[cold]
pub fn raise_in_row(py: Python<'_>, error: &impl Raise, noun: &str, row: usize) -> PyErr {
    let error = error.raise();
    // Without a note the exception is still the right one.
    let _ = error.add_note(py, format!("in {noun} {row}"));
    error
}
