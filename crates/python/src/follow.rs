//! A journal's records as rows of tables, for `oddsengine.projection`.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oddsengine_projection::{
    Batch, Kind, Merge, Name, Numbered, Projector, Row, SCHEMA_VERSION, TABLES, Value,
};
use oddsengine_runtime::journal::{ChainHash, FollowPosition, Follower, JournalError, JournalFiles};
use oddsengine_runtime::service::Effects;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::service::{coded_error, journal_error, recovery_error};

/// Follows a journal: reads acknowledged records and makes rows of them. See `oddsengine.projection`.
#[pyclass(module = "oddsengine._core", name = "JournalFollower", frozen)]
pub struct PyFollower {
    state: Mutex<Following>,
}

struct Following {
    follower: Follower,
    projector: Projector,
    /// Where records were taken out: what all of them come to.
    effects: Option<Effects>,
}

#[pymethods]
impl PyFollower {
    /// `position` is `(journal id, seq, hash)`, ids and hashes as hexadecimal digits; `names` the rows of `selections`.
    /// `segments`: a folder in which sealed segments are looked for first.
    #[new]
    #[pyo3(signature = (path, *, position = None, names = None, segments = None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        position: Option<(String, u64, String)>,
        names: Option<Vec<(String, String, String)>>,
        segments: Option<PathBuf>,
    ) -> PyResult<Self> {
        let position = position.map(position_of).transpose()?;
        let names: PyResult<Vec<Name>> = names
            .unwrap_or_default()
            .into_iter()
            .map(|(id, market, selection)| {
                let selection_id = u64::from_str_radix(&id, 16)
                    .map_err(|_| PyValueError::new_err(format!("{id:?} is not the id of a selection")))?;
                Ok(Name { selection_id, market: market.into(), selection: selection.into() })
            })
            .collect();
        let projector = Projector::resume(names?);
        let files = JournalFiles { path, segments };
        let follower = py
            .detach(|| Follower::open(files.clone(), position))
            .map_err(|error| journal_error(py, &error))?;
        let effects = match follower.quarantined_seqs().is_empty() {
            true => None,
            false => {
                let last_seq = follower.position().seq;
                let effects = py.detach(|| Effects::up_to(files, last_seq));
                Some(effects.map_err(|error| recovery_error(py, &error))?)
            }
        };
        Ok(Self { state: Mutex::new(Following { follower, projector, effects }) })
    }

    /// `(journal id, seq, hash)`.
    #[getter]
    fn position(&self) -> (String, u64, String) {
        let FollowPosition { journal_id, seq, hash } = self.lock().follower.position();
        (hex(&journal_id), seq, hash.to_string())
    }

    /// The records that an operator took out.
    #[getter]
    fn quarantined(&self) -> Vec<u64> {
        self.lock().follower.quarantined_seqs().to_vec()
    }

    /// The last acknowledged record.
    fn acknowledged_seq(&self, py: Python<'_>) -> PyResult<u64> {
        self.lock().follower.acknowledged_seq().map_err(|error| journal_error(py, &error))
    }

    /// The rows of further acknowledged records; `None` where there are none.
    fn read<'py>(&self, py: Python<'py>, records_max: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let mut state = self.lock();
        let Following { follower, projector, effects } = &mut *state;
        let mut batch = Batch::default();
        let read = py.detach(|| {
            follower.read(records_max, &mut |seq, _, bytes| match effects {
                None => projector.take(seq, bytes, &mut batch).map_err(Into::into),
                Some(effects) => {
                    if let Some(record) = effects.take(seq, bytes)? {
                        projector.project(Numbered { seq, record: &record }, &mut batch);
                    }
                    Ok(())
                }
            })
        });
        let found = read.map_err(|error| match &error {
            JournalError::Replay { seq, source } => {
                let sentence = format!(
                    "record {seq} cannot be read: {source}\nhint: a newer release wrote it; follow with that one"
                );
                coded_error(py, &sentence, "record", false)
            }
            _ => journal_error(py, &error),
        })?;
        if found.record_count == 0 {
            return Ok(None);
        }
        let position = follower.position();
        let dict = PyDict::new(py);
        dict.set_item("records", found.record_count)?;
        dict.set_item("seq", position.seq)?;
        dict.set_item("hash", position.hash.to_string())?;
        dict.set_item("committed_ns", found.committed_ns)?;
        dict.set_item("was_cut", found.was_cut)?;
        let tables = PyDict::new(py);
        for (table, rows) in py.detach(|| batch.into_rows()) {
            if rows.whole.is_empty() && rows.patches.is_empty() && rows.cut.is_empty() {
                continue;
            }
            let cut: Vec<(&str, i64)> = rows.cut.iter().map(|(ticket, count)| (&**ticket, *count)).collect();
            tables.set_item(table.name, (row_list(py, &rows.whole)?, cut, row_list(py, &rows.patches)?))?;
        }
        dict.set_item("tables", tables)?;
        Ok(Some(dict))
    }
}

impl PyFollower {
    fn lock(&self) -> MutexGuard<'_, Following> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row_list<'py>(py: Python<'py>, rows: &[Row]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        let values = row.iter().map(|value| match value {
            Value::Null => py.None().into_bound(py),
            Value::Int(number) => number.into_pyobject(py).expect("an integer is always one").into_any(),
            Value::Text(text) => PyString::new(py, text).into_any(),
            Value::Shared(text) => PyString::new(py, text).into_any(),
        });
        list.append(PyTuple::new(py, values)?)?;
    }
    Ok(list)
}

fn position_of((journal_id, seq, hash): (String, u64, String)) -> PyResult<FollowPosition> {
    let id = u128::from_str_radix(&journal_id, 16)
        .map_err(|_| PyValueError::new_err(format!("{journal_id:?} is not the identity of a journal")))?;
    let hash: ChainHash = hash.parse().map_err(PyValueError::new_err)?;
    Ok(FollowPosition { journal_id: id.to_be_bytes(), seq, hash })
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

/// The tables: `version`, and `tables` with their columns.
#[pyfunction]
fn projection_schema(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("version", SCHEMA_VERSION)?;
    let tables = PyList::empty(py);
    for table in TABLES {
        let of = PyDict::new(py);
        of.set_item("name", table.name)?;
        of.set_item("note", table.note.trim())?;
        of.set_item("is_appended", table.is_appended)?;
        of.set_item("indexes", table.indexes.iter().map(|index| index.to_vec()).collect::<Vec<_>>())?;
        let columns = PyList::empty(py);
        for column in table.columns {
            let of = PyDict::new(py);
            of.set_item("name", column.name)?;
            of.set_item("kind", if column.kind == Kind::Int { "int" } else { "text" })?;
            of.set_item("is_nullable", column.nullable)?;
            let merge = match column.merge {
                Merge::Key => "key",
                Merge::Set => "set",
                Merge::Fixed => "fixed",
                Merge::Count => "count",
                Merge::Add => "add",
            };
            of.set_item("merge", merge)?;
            of.set_item("note", column.note)?;
            columns.append(of)?;
        }
        of.set_item("columns", columns)?;
        tables.append(of)?;
    }
    dict.set_item("tables", tables)?;
    Ok(dict)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyFollower>()?;
    module.add_function(wrap_pyfunction!(projection_schema, module)?)
}
