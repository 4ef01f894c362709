//! Commands, events and the deterministic state machine that applies them.

pub mod command;
pub mod config;
pub mod event;
pub mod fixture;
pub mod status;
pub mod ticket;

pub use command::{
    Body, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin, TicketRequest,
    VoidKind,
};
pub use config::{Config, FootballConfig, Margin, MarginKind, Scope, ScopeSettings};
pub use event::{BoardUpdate, Event, NoEvents, Sink};
pub use fixture::{Expectation, Fixture, FixtureLimits, MarketDesk, MarketStatus, PriceSource, Stops};
pub use status::{Reason, TicketState};
pub use ticket::{Leg, LimitCheck, LimitLevel, Ticket};
