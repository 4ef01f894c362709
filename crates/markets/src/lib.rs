//! Outcome spaces, views, market templates and their grade functions.
//!
//! A market is defined once, as a list of selections with a grade rule. [`Template::compile`] evaluates the
//! rules on every cell of their view; price, liability and settlement all read that table, so they cannot
//! disagree. A sport is a module here (its outcome, its live state, its rules) and a model in the pricing
//! crate; risk, engine, runtime and wire know only what this file exports.

pub mod custom;
pub mod football;
mod format;
pub mod joint;
pub mod live;
pub mod racing;
pub mod template;
pub mod tennis;

pub use custom::{ModelFault, SpaceDefinition, SpaceId};
pub use format::{Format, compiled, sport_id, sports, template, template_of};
pub use joint::{CellSet, JointSpace, ViewMap};
pub use live::LiveSummary;
pub use live::{Incident, IncidentError, LiveChange, LivePhase, LiveState, Outcome, Possible};
pub use template::{Market, MarketId, MarketKey, Run, Selection, SelectionId, Template, View};
