//! Outcome spaces, views, market templates and their grade functions.
//!
//! A market is defined once, as a list of selections with a grade rule. [`Template::compile`] evaluates the
//! rules on every cell of their view; price, liability and settlement all read that table, so they cannot
//! disagree. A sport is a module here (its outcome, its live state, its rules) and a model in the pricing
//! crate; risk, engine, runtime and wire know only what this file exports.

pub mod football;
pub mod joint;
pub mod live;
pub mod template;
pub mod tennis;

pub use joint::{JointSpace, SideMask};
pub use live::LiveSummary;
pub use live::{Incident, IncidentError, LiveChange, LivePhase, LiveState, Outcome, Possible};
pub use template::{Market, MarketId, MarketKey, Run, Selection, SelectionId, Template, View};

use oddsengine_types::SportId;

/// The sports that are registered, in the order of their [`SportId`].
pub fn sports() -> &'static [&'static str] {
    &["football"]
}

/// The id of a sport by its name.
pub fn sport_id(name: &str) -> Option<SportId> {
    sports().iter().position(|&sport| sport == name).map(|index| SportId(index as u8))
}

/// The default template of a sport: compiled once per process, shared by all fixtures.
pub fn template(sport: SportId) -> &'static Template {
    static FOOTBALL: std::sync::LazyLock<Template> = std::sync::LazyLock::new(football::template::compile);
    match sport.0 {
        0 => &FOOTBALL,
        other => panic!("sport {other} is not registered"),
    }
}
