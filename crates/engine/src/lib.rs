//! Commands, events and the deterministic state machine that applies them.

mod apply;
mod audit;
mod changes;
pub mod command;
pub mod config;
mod engine;
pub mod event;
mod exposure;
pub mod fixture;
mod guard;
mod money;
mod placing;
mod settling;
mod snapshot;
mod stakes;
pub mod status;
pub mod stops;
pub mod ticket;
mod trading;
mod watch;

pub use audit::INVARIANTS;
pub use command::{
    Body, Channel, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    PricedMarket, Principal, TicketRequest, VoidKind,
};
pub use config::{Config, Margin, MarginKind, SETTLEMENT_DELAY_MS_MAX, Scope, ScopeSettings};
pub use engine::{Competition, Counters, Customer, Engine, Limits, Space};
pub use event::{BoardUpdate, Event, NoEvents, Sink};
pub use exposure::{FixtureExposure, MarketExposure, SelectionExposure};
pub use fixture::{Fixture, FixtureLimits, MarketDesk, MarketStatus, PriceSource};
pub use settling::WEIGH_INTERVAL_NS;
pub use snapshot::SNAPSHOT_VERSION;
pub use status::{Reason, TicketState};
pub use stops::{MarketStops, Stop, StopSet, Stops};
pub use ticket::{Leg, LimitCheck, LimitLevel, Ticket, TicketChange};
pub use watch::Source;
