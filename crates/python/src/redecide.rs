//! Deciding a journal anew, for the command line.

use std::path::PathBuf;

use oddsengine_runtime::journal::JournalFiles;
use oddsengine_runtime::service;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::service::recovery_error;

/// Decides every command of a journal anew and compares the facts.
#[pyfunction]
#[pyo3(signature = (path, *, segments = None))]
fn redecide_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    segments: Option<PathBuf>,
) -> PyResult<Bound<'py, PyDict>> {
    let files = JournalFiles { path, segments };
    let report =
        py.detach(|| service::redecide_journal(files)).map_err(|error| recovery_error(py, &error))?;
    let dict = PyDict::new(py);
    dict.set_item("release", report.release)?;
    dict.set_item("redecided", report.record_count)?;
    dict.set_item("redecided_by_release", report.by_release.clone())?;
    dict.set_item("differences", report.difference_count)?;
    dict.set_item("own_differences", report.own_difference_count)?;
    dict.set_item("differences_by_kind", report.by_kind.clone())?;
    let differences: PyResult<Vec<Bound<'py, PyDict>>> = report
        .differences
        .iter()
        .map(|difference| {
            let dict = PyDict::new(py);
            dict.set_item("record", difference.seq)?;
            dict.set_item("kind", difference.kind)?;
            dict.set_item("time_ns", difference.time_ns)?;
            dict.set_item("release", &difference.release)?;
            dict.set_item("recorded", &difference.recorded)?;
            dict.set_item("decided", &difference.decided)?;
            Ok(dict)
        })
        .collect();
    dict.set_item("differing_records", differences?)?;
    dict.set_item("redecide_seconds", report.seconds)?;
    Ok(dict)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(redecide_journal, module)?)
}
