//! The deterministic state machine: decide commands into facts, fold facts into the state, price boards from it.
//!
//! * [`decide`](Engine::step) reads the state and says what is so from now on: facts. It changes nothing but by them.
//! * `fold` takes a fact into the state. It refuses nothing and prices nothing: live and recovery fold the same.
//! * `boards` prices what changed, when somebody asks: derived from the state, and outside its hash.

mod boards;
mod decide;
mod engine;
mod fold;
mod lines;
mod positions;
mod state;
mod step;
mod views;

pub use oddsengine_facts::{
    ActionEnd, Annulment, AnnulmentEffect, AnnulmentRequest, Certainty, CorrectionRule, HouseRules,
    PendingAction, ResultTold, SettlementConfig, TicketMarks,
};
pub use oddsengine_facts::{
    Body, Channel, Command, Config, EachWayLeg, Expectation, ExpectationMode, Fact, FixtureRequest,
    GradedSelection, Leg, LegRequest, LimitCheck, LimitLevel, Margin, MarginKind, MarketDesk, MarketStops,
    MoneyRequest, OddsChange, OddsVersion, Origin, Place, Plan, PlanRequest, PricedBy, PricedMarket,
    Principal, Reason, Record, SETTLEMENT_DELAY_MS_MAX, Scope, ScopeSettings, Stop, StopSet, Stops, Terms,
    Ticket, TicketChange, TicketRequest, TicketState, VoidKind,
};
pub use oddsengine_facts::{BookedTransfer, ScopeSetting, WholeFixture, WholeMarket};
pub use oddsengine_facts::{
    CustomerFactor, CustomerTerms, Handling, NextLimit, Offer, OnLimit, OwnLimit, OwnLimitKind, Period,
    Referral, ReferralCause, Ruling, StakeWindow, Standing, Switch, SwitchScope, Verdict, WindowName,
    WindowPer, Wishes,
};
pub use oddsengine_facts::{RecordError, decode_record, encode_parts, encode_record};
pub use oddsengine_facts::{acceptance, annulment, command, config, status, stops, ticket};

pub use boards::{Board, BoardUpdate};
pub use decide::result::REVIEWS_PER_FIXTURE_MAX;
pub use decide::settle::{
    DECIDED_PER_RECORD, SETTLED_AT_ONCE, SETTLED_PER_RECORD, WEIGH_INTERVAL_NS, WEIGHED_AT_ONCE,
    WEIGHED_PER_BET, WEIGHED_PER_RECORD,
};
pub use decide::source::{LIFTED_PER_HEARTBEAT, STOPPED_PER_RECORD};
pub use engine::{Decided, Engine};
pub use state::archive::RECALLED_KEPT_MS;
pub use state::competitions::Competitions;
pub use state::customers::{Customer, CustomerFile, Flow};
pub use state::fixture::{Fixture, FixtureLimits, MarketStatus, PriceSource, StoredFixture};
pub use state::fixtures::Fixtures;
pub use state::snapshot::{SNAPSHOT_HEADER_SIZE, SNAPSHOT_LAYOUT, SNAPSHOT_VERSION, StateImage};
pub use state::sources::Source;
pub use state::{Competition, Counters, Limits, Space, State, TICKETS_PER_PAGE};
pub use step::Answer;
pub use views::audit::INVARIANTS;
pub use views::explain::{MarketExplanation, SelectionExplanation};
pub use views::exposure::{ExposureBounds, FixtureExposure, MarketExposure, SelectionExposure};
