//! What happened during a run, counted by name: a run that never met a case has not tested it.

use std::collections::BTreeMap;
use std::fmt;

use oddsengine_engine::{Reason, Stop};

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

/// Steps from which on a run of all sports must have seen everything in [`Coverage::unseen`].
pub const COMPLETE_STEPS: usize = 100_000;

/// Refusals that no command of a run can get: the journal is the runtime's.
const NEVER: [Reason; 3] = Reason::OF_RUNTIME;

impl Coverage {
    /// What a long run of all sports must have seen and has not: every refusal, every stop set and lifted, every alert.
    pub fn unseen(&self) -> Vec<String> {
        let reasons = Reason::ALL.iter().filter(|reason| !NEVER.contains(reason)).map(|reason| {
            let name = reason.name();
            (format!("reason {name}"), vec![format!("reason.{name}"), format!("after_delay.reason.{name}")])
        });
        // No model of ours fails, and no feed tells what no outcome fits: those two are seen in tests of the engine.
        let stops = Stop::ALL.iter().filter(|&&stop| stop != Stop::NoOutcome).flat_map(|stop| {
            ["stop", "lifted"].map(|what| {
                let name = format!("{what}.{}", stop.name());
                (name.clone(), vec![name])
            })
        });
        let alerts = ALERTS.iter().map(|alert| (format!("alert {alert}"), vec![format!("alert.{alert}")]));
        let all = reasons.chain(stops).chain(alerts);
        all.filter(|(_, names)| names.iter().all(|name| self.count(name) == 0))
            .map(|(what, _)| what)
            .collect()
    }
}

/// Alerts that a run must have seen.
const ALERTS: [&str; 10] = [
    "clock_went_back",
    "feed_silent",
    "manual_override",
    "manual_returned",
    "manual_suspended",
    "price_jump",
    "source_out_of_order",
    "start_passed",
    "switched_off",
    "switched_on",
];

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{count:>9}  {name}"))
    }
}
