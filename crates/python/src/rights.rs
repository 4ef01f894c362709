//! Who may ask what: the dictionary of `oddsengine._rights` to the service's table.

use std::fmt::Display;

use oddsengine_runtime::service::{Customers, Door, Grants, Rights, Role, Sources};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// `{"sockets": {"orders": {...}}, "keys": {"alice": {...}}}`, each with `roles`, `sources` as patterns and `customers`
/// as pairs of a first and a last id. Sockets that are absent keep their defaults.
pub fn rights_from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Rights> {
    let mut rights = Rights::default();
    for (part, table) in dict {
        let part: String = part.extract()?;
        for (name, given) in table.cast::<PyDict>()? {
            let name: String = name.extract()?;
            let grants = grants(&name, given.cast::<PyDict>()?)?;
            match part.as_str() {
                "keys" => rights.set_key(&name, grants).map_err(bad)?,
                "sockets" => match Door::from_name(&name) {
                    Some(door) => rights.set_door(door, grants),
                    None => {
                        return Err(not_one_of("socket", &name, Door::ALL.iter().map(|door| door.name())));
                    }
                },
                _ => return Err(not_one_of("rights", &part, ["sockets", "keys"])),
            }
        }
    }
    Ok(rights)
}

fn grants(name: &str, dict: &Bound<'_, PyDict>) -> PyResult<Grants> {
    let list = |key: &str| dict.get_item(key)?.map(|value| value.extract::<Vec<String>>()).transpose();
    let sources = list("sources")?.unwrap_or_default();
    let customers: Vec<(u64, u64)> =
        dict.get_item("customers")?.map(|value| value.extract()).transpose()?.unwrap_or_default();
    let mut grants = Grants::default();
    for role in list("roles")?.unwrap_or_default() {
        match Role::from_name(&role) {
            Some(Role::Feed) => {
                let sources = Sources::of_patterns(sources.iter().map(String::as_str)).map_err(bad)?;
                grants.feed = Some(sources);
            }
            Some(Role::Orders) => {
                let ranges = customers.iter().map(|&(first, last)| first..=last);
                grants.orders = Some(Customers::of_ranges(ranges).map_err(bad)?);
            }
            Some(Role::Wallet) => grants.wallet = true,
            Some(Role::Desk) => grants.desk = true,
            Some(Role::Read) => grants.read = true,
            None => {
                let known = Role::ALL.iter().map(|role| role.name());
                return Err(not_one_of(&format!("role of {name}"), &role, known));
            }
        }
    }
    Ok(grants)
}

fn not_one_of<'a>(what: &str, given: &str, known: impl IntoIterator<Item = &'a str>) -> PyErr {
    let known: Vec<_> = known.into_iter().collect();
    PyValueError::new_err(format!("{what} {given:?} is not one of {}", known.join(", ")))
}

fn bad(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
