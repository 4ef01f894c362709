//! What a sport's model is set to and computes from, as the journal keeps it: numbers by name and version, so that a
//! record does not hang on the layout of a pricing crate. The sport reads them.

use crate::codec_struct;
use crate::ids::SportId;

/// Settings of a sport's model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SportSettings {
    /// The sport.
    pub sport: SportId,
    /// Which names there are and what they mean; from 1.
    pub version: u32,
    /// The settings by name, in ascending order of names.
    pub values: Vec<(String, i64)>,
}
codec_struct!(SportSettings { sport, version, values });

impl SportSettings {
    /// The setting of this name.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.values.iter().find(|(known, _)| known == name).map(|&(_, value)| value)
    }
}

/// Parameters of one fixture's model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SportParameters {
    /// The sport.
    pub sport: SportId,
    /// Which names there are and what they mean; from 1.
    pub version: u32,
    /// Lists of numbers by name.
    pub lists: Vec<(String, Vec<f64>)>,
}
codec_struct!(SportParameters { sport, version, lists });

impl SportParameters {
    /// The list of this name; empty where there is none.
    pub fn get(&self, name: &str) -> &[f64] {
        self.lists.iter().find(|(known, _)| known == name).map_or(&[], |(_, list)| list)
    }
}
