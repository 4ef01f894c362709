//! Rows of some records, gathered by table: what is added, what is put or patched by key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::{Merge, TABLES, Table, TableId};

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// Text of this row.
    Text(Cow<'static, str>),
    /// Text that many rows have.
    Shared(Arc<str>),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Shared(text) => Some(text),
            Self::Null | Self::Int(_) => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}
impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}
impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(value as i64)
    }
}
impl From<u64> for Value {
    /// Sequence numbers and versions: they do not reach the sign.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}
impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}
/// U+0000 is a character of foreign names like any other, and no database's text may hold it: its picture stands for it.
const NUL: char = '\0';
const PICTURE_OF_NUL: &str = "\u{2400}";

impl From<String> for Value {
    fn from(value: String) -> Self {
        match value.contains(NUL) {
            true => Self::Text(Cow::Owned(value.replace(NUL, PICTURE_OF_NUL))),
            false => Self::Text(Cow::Owned(value)),
        }
    }
}
impl From<&Arc<str>> for Value {
    fn from(value: &Arc<str>) -> Self {
        match value.contains(NUL) {
            true => Self::Shared(value.replace(NUL, PICTURE_OF_NUL).into()),
            false => Self::Shared(Arc::clone(value)),
        }
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row: a value for each column.
pub type Row = Vec<Value>;

/// The rows of one table, in the order in which they are applied: added or put, cut, patched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Whole rows: added to a table that is appended to, put by key into one that is merged.
    pub whole: Vec<Row>,
    /// Of `legs`: tickets, and how many legs they have; further ones of an earlier ticket by this id go.
    pub cut: Vec<(Arc<str>, i64)>,
    /// Changes of rows that are there: NULL leaves a column as it is, counted ones are added.
    pub patches: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Gathered {
    values: Row,
    is_whole: bool,
}

/// The rows of some records.
#[derive(Clone, Debug)]
pub struct Batch {
    appended: Vec<Vec<Row>>,
    merged: Vec<Vec<Gathered>>,
    places: Vec<BTreeMap<Vec<Value>, usize>>,
    cut: BTreeMap<Arc<str>, i64>,
    /// Records in it.
    pub record_count: u64,
}

impl Default for Batch {
    fn default() -> Self {
        let count = TABLES.len();
        Self {
            appended: vec![Vec::new(); count],
            merged: vec![Vec::new(); count],
            places: vec![BTreeMap::new(); count],
            cut: BTreeMap::new(),
            record_count: 0,
        }
    }
}

impl Batch {
    pub(crate) fn append(&mut self, table: TableId, row: Row) {
        debug_assert_eq!(row.len(), TABLES[table as usize].columns.len());
        self.appended[table as usize].push(row);
    }

    /// A whole row: what an earlier one of its key added up stays, all else is replaced.
    pub(crate) fn put(&mut self, table: TableId, row: Row) {
        let definition = &TABLES[table as usize];
        debug_assert_eq!(row.len(), definition.columns.len());
        let key = row[..definition.key_len()].to_vec();
        match self.places[table as usize].get(&key) {
            None => {
                self.places[table as usize].insert(key, self.merged[table as usize].len());
                self.merged[table as usize].push(Gathered { values: row, is_whole: true });
            }
            Some(&place) => {
                let found = &mut self.merged[table as usize][place];
                for (column, (old, new)) in definition.columns.iter().zip(found.values.iter_mut().zip(row)) {
                    match column.merge {
                        Merge::Add => add(old, &new),
                        Merge::Key | Merge::Set | Merge::Fixed | Merge::Count => *old = new,
                    }
                }
                found.is_whole = true;
            }
        }
    }

    /// Changes of a row that is there.
    pub(crate) fn patch(&mut self, table: TableId, key: &[Value], changes: &[(&str, Value)]) {
        let definition = &TABLES[table as usize];
        let place = match self.places[table as usize].get(key) {
            Some(&place) => place,
            None => {
                let place = self.merged[table as usize].len();
                let mut values = key.to_vec();
                values.resize(definition.columns.len(), Value::Null);
                self.places[table as usize].insert(key.to_vec(), place);
                self.merged[table as usize].push(Gathered { values, is_whole: false });
                place
            }
        };
        let found = &mut self.merged[table as usize][place];
        for (name, value) in changes {
            let position = definition.position(name);
            match definition.columns[position].merge {
                Merge::Add | Merge::Count => add(&mut found.values[position], value),
                Merge::Set if *value == Value::Null => {}
                Merge::Set => found.values[position] = value.clone(),
                Merge::Key | Merge::Fixed => unreachable!("{name} of {} is not patched", definition.name),
            }
        }
    }

    /// A ticket has so many legs; what another one by this id had beyond goes.
    pub(crate) fn cut_legs(&mut self, ticket: &Arc<str>, leg_count: usize) {
        self.cut.insert(Arc::clone(ticket), leg_count as i64);
    }

    /// The rows by table, in the order of [`TABLES`].
    pub fn into_rows(self) -> Vec<(&'static Table, Rows)> {
        let mut cut = Some(self.cut);
        let tables = TABLES.iter().zip(self.appended).zip(self.merged);
        tables
            .map(|((table, appended), merged)| {
                let mut rows = Rows { whole: appended, ..Rows::default() };
                for gathered in merged {
                    match gathered.is_whole {
                        true => rows.whole.push(gathered.values),
                        false => rows.patches.push(gathered.values),
                    }
                }
                if table.name == "legs" {
                    rows.cut = cut.take().unwrap_or_default().into_iter().collect();
                }
                (table, rows)
            })
            .collect()
    }
}

fn add(old: &mut Value, new: &Value) {
    *old = match (&*old, new) {
        (Value::Int(old), Value::Int(new)) => Value::Int(old.saturating_add(*new)),
        (_, new) => new.clone(),
    };
}
