//! What happened during a run, counted by name: a run that never met a case has not tested it.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    /// Counts one.
    pub fn hit(&mut self, name: impl AsRef<str>) {
        match self.counts.get_mut(name.as_ref()) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(name.as_ref().to_string(), 1)),
        }
    }

    /// Counts one if it applies.
    pub fn hit_if(&mut self, applies: bool, name: &str) {
        if applies {
            self.hit(name);
        }
    }

    /// How often.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        for (name, count) in &other.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{count:>9}  {name}"))
    }
}
