//! The one door through which arrays enter: nothing else in this crate looks into an array of Python's.
//!
//! An argument is *plain* if it is a NumPy array itself (no subclass), of the wanted element type in the machine's byte
//! order, with the wanted number of axes, C-contiguous and aligned. A plain array is read where it lies, as a slice.
//! Everything else is copied to a plain one by `oddsengine._arrays`, or refused there by the name of the argument; a row of
//! float64 with a stride is copied here, byte by byte offset ([`crate::gather`]). Strides are never divided: a view by
//! strides (`as_array`) divides them by the size of an element, and reads other memory where that does not go up, as in a
//! field of a packed record.
//!
//! What is plain is asked again when the slice is taken: converting a later argument runs foreign code, which may have
//! given an earlier array another shape. The crate's own book of borrowed arrays (`PyReadonlyArray`) is not used for the
//! same reason: it finds an array by its strides, and aborts the process when they have changed.

use numpy::{Element, Ix1, Ix2, PyArray, PyArray1, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use oddsengine_types::BoundsError;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyTuple};

use crate::errors::{OrRaise, Raise};
use crate::gather::gathered;

/// An element type with NumPy's name of it. No `bool`: a byte of Python's that is neither 0 nor 1 would not be one.
pub trait Number: Element + Copy {
    /// NumPy's name.
    const DTYPE: &'static str;
}

impl Number for f64 {
    const DTYPE: &'static str = "float64";
}

impl Number for i64 {
    const DTYPE: &'static str = "int64";
}

impl Number for u32 {
    const DTYPE: &'static str = "uint32";
}

impl Number for u8 {
    const DTYPE: &'static str = "uint8";
}

/// A one-dimensional argument.
pub struct Column<'py, T: Number>(Bound<'py, PyArray<T, Ix1>>);

/// A two-dimensional argument, rows behind each other.
pub struct Matrix<'py, T: Number>(Bound<'py, PyArray<T, Ix2>>);

impl<'py, T: Number> Column<'py, T> {
    /// An argument under its name.
    pub fn named(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        entered::<T, Ix1>(value, name).map(Self)
    }

    /// The argument, if it is plain.
    pub fn plain(value: &Bound<'py, PyAny>) -> Option<Self> {
        plain::<T, Ix1>(value).map(Self)
    }

    /// The elements.
    pub fn as_slice(&self) -> PyResult<&[T]> {
        slice(&self.0)
    }
}

impl<'py, T: Number> Matrix<'py, T> {
    /// An argument under its name.
    pub fn named(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        entered::<T, Ix2>(value, name).map(Self)
    }

    /// The argument, if it is plain.
    pub fn plain(value: &Bound<'py, PyAny>) -> Option<Self> {
        plain::<T, Ix2>(value).map(Self)
    }

    /// The elements, row by row, and the numbers of rows and columns.
    pub fn parts(&self) -> PyResult<(&[T], usize, usize)> {
        let elements = slice(&self.0)?;
        let &[rows, columns] = self.0.shape() else { return Err(changed()) };
        match rows.checked_mul(columns) == Some(elements.len()) {
            true => Ok((elements, rows, columns)),
            false => Err(changed()),
        }
    }
}

impl<'py, T: Number> FromPyObject<'_, 'py> for Column<'py, T> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Self::named(&value, "array")
    }
}

impl<'py, T: Number> FromPyObject<'_, 'py> for Matrix<'py, T> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Self::named(&value, "array")
    }
}

/// A table or an array as `oddsengine._arrays` opens it: the plain array, and what puts a result of the same shape under the
/// names and the index that came with it (`None` where there were none).
pub fn opened<'py>(
    value: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
    value.py().import("oddsengine._arrays")?.call_method1("opened", (value, name))?.extract()
}

/// Any array as `oddsengine._arrays` copies it: still to be looked at by [`Column::plain`] or [`Matrix::plain`].
pub fn copied<'py, T: Number>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    value.py().import("oddsengine._arrays")?.call_method1("plain", (value, name, T::DTYPE))
}

/// A copy of a one-dimensional array of float64 with any stride and at any address.
pub fn strided(value: &Bound<'_, PyAny>) -> Option<Vec<f64>> {
    if !value.is_exact_instance_of::<PyUntypedArray>() {
        return None;
    }
    let array = value.cast::<PyArray<f64, Ix1>>().ok()?;
    let (&[count], &[stride_bytes]) = (array.shape(), array.strides()) else { return None };
    if count > STRIDED_MAX {
        return None;
    }
    // SAFETY: NumPy vouches for eight bytes of its memory at each of these offsets; no code runs between its answer and the
    // last read.
    #[allow(unsafe_code)]
    Some(unsafe { gathered(array.data().cast_const().cast(), count, stride_bytes) })
}

/// The number of axes that an array has and may not have.
pub fn wrong_axes(value: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyErr {
    let axes = value.getattr("ndim").and_then(|axes| axes.extract::<usize>()).unwrap_or_default();
    BoundsError::new(format!("{name} has {axes} axes, not {wanted}")).raise()
}

/// Most numbers of a row with a stride that are copied here.
const STRIDED_MAX: usize = 1 << 16;

fn entered<'py, T: Number, D: numpy::ndarray::Dimension>(
    value: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    if let Some(array) = plain(value) {
        return Ok(array);
    }
    let copy = copied::<T>(value, name)?;
    let wanted = D::NDIM.unwrap_or_default().to_string();
    plain(&copy).ok_or_else(|| wrong_axes(&copy, name, &wanted))
}

fn plain<'py, T: Number, D: numpy::ndarray::Dimension>(
    value: &Bound<'py, PyAny>,
) -> Option<Bound<'py, PyArray<T, D>>> {
    if !value.is_exact_instance_of::<PyUntypedArray>() {
        return None;
    }
    // Compares number of axes, element type and byte order.
    let array = value.cast::<PyArray<T, D>>().ok()?;
    (array.is_c_contiguous() && is_aligned(array)).then(|| array.clone())
}

/// Not the flag alone: NumPy calls every array without elements aligned.
fn is_aligned<T: Number, D: numpy::ndarray::Dimension>(array: &Bound<'_, PyArray<T, D>>) -> bool {
    array.is_empty() || array.is_aligned()
}

fn slice<'a, T: Number, D: numpy::ndarray::Dimension>(
    array: &'a Bound<'_, PyArray<T, D>>,
) -> PyResult<&'a [T]> {
    if !array.is_c_contiguous() || !is_aligned(array) {
        return Err(changed());
    }
    if array.is_empty() {
        return Ok(&[]);
    }
    // SAFETY: the array is alive as long as the slice, contiguous and aligned as just asked, of this element type since it
    // entered, and every pattern of bits is a number. This crate writes to no array of Python's, and nobody may write to
    // one, or resize it unchecked, while another thread reads it: NumPy says the same of its own functions.
    #[allow(unsafe_code)]
    unsafe { array.as_slice() }.map_err(|_| changed())
}

#[cold]
fn changed() -> PyErr {
    BoundsError::new("an array changed its shape while the arguments were read").raise()
}

/// A new array of these elements, in rows.
pub fn matrix_of<'py, T: Number>(
    py: Python<'py>,
    elements: Vec<T>,
    rows: usize,
    columns: usize,
) -> PyResult<Bound<'py, numpy::PyArray2<T>>> {
    PyArray1::from_vec(py, elements).reshape([rows, columns])
}

/// A whole number of Python's. One that the type cannot hold is refused like any other value outside its range, and not
/// by Python's `OverflowError`; the note that names the argument is PyO3's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole<T>(pub T);

/// Integer types that arguments have.
pub trait WholeNumber: TryFrom<i64> {
    /// Smallest and largest value, for messages.
    const RANGE: (i128, i128);
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {
        $(impl WholeNumber for $type {
            const RANGE: (i128, i128) = (<$type>::MIN as i128, <$type>::MAX as i128);
        })*
    };
}

whole_numbers!(u8, u16, u32, usize, i32, i64);

impl<'py, T: WholeNumber> FromPyObject<'_, 'py> for Whole<T> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let outside = || {
            let (low, high) = T::RANGE;
            BoundsError::new(format!("whole number {} is outside {low}..={high}", *value)).raise()
        };
        match value.extract::<i64>() {
            Ok(number) => T::try_from(number).map(Self).map_err(|_| outside()),
            Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => Err(outside()),
            Err(error) => Err(error),
        }
    }
}

/// Two whole numbers that belong together, home first: a score, points, cards. A pair of Python's whole numbers is read
/// here; a list, an array or whole floats go through `oddsengine._arrays.score`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair<T>(pub T, pub T);

impl<'py, T: WholeNumber + Copy> FromPyObject<'_, 'py> for Pair<T> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        match value.extract::<(Whole<T>, Whole<T>)>() {
            Ok((Whole(home), Whole(away))) => Ok(Self(home, away)),
            // Of the right kind and outside its range.
            Err(error)
                if !error.is_instance_of::<PyTypeError>(py)
                    && value.cast::<PyTuple>().is_ok_and(|pair| pair.len() == 2) =>
            {
                Err(error)
            }
            Err(_) => {
                let pair = py.import("oddsengine._arrays")?.call_method1("score", (value, "score"))?;
                pair.extract().map(|(Whole(home), Whole(away))| Self(home, away))
            }
        }
    }
}

/// Whether a value stands for an absent number: `None`, or pandas' `NA`, which need not be loaded.
pub fn is_absent(value: &Bound<'_, PyAny>) -> bool {
    value.is_none() || value.get_type().name().is_ok_and(|kind| kind == "NAType")
}

/// One number of a sequence; `None` is nan. What is no number is refused by its place.
pub fn number_at(item: &Bound<'_, PyAny>, name: &str, place: usize) -> PyResult<f64> {
    if let Ok(number) = item.cast::<PyFloat>() {
        return Ok(number.value());
    }
    if item.is_none() {
        return Ok(f64::NAN);
    }
    if item.is_instance_of::<PyUntypedArray>() {
        // An entry of a masked array that was listed would be nan.
        let named = (item, format!("{name}[{place}]"));
        item.py().import("oddsengine._arrays")?.call_method1("refuse_masked", named)?;
    }
    match item.extract() {
        Ok(number) => Ok(number),
        Err(error)
            if error.is_instance_of::<PyTypeError>(item.py())
                || error.is_instance_of::<PyOverflowError>(item.py())
                || error.is_instance_of::<pyo3::exceptions::PyValueError>(item.py()) =>
        {
            let kind = item.get_type();
            let kind = kind.name().map_or_else(|_| "object".into(), |kind| kind.to_string());
            if is_absent(item) {
                return Ok(f64::NAN);
            }
            Err(BoundsError::new(format!("{name}[{place}] is no number but a {kind}"))).or_raise()
        }
        Err(error) => Err(error),
    }
}
