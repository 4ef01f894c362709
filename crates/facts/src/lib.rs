//! Commands, facts and records: what is asked, what was decided, and how it is written down. No behaviour.
//!
//! A [`Command`] asks for something. The engine decides it into [`Fact`]s: what is so from then on, by name and never by
//! position, so that a journal outlives the process, the release and the template that wrote it. A [`Record`] is both
//! together: the journal keeps records, and the state is the fold of their facts.

pub mod acceptance;
pub mod annulment;
pub mod command;
pub mod config;
pub mod fact;
pub mod market;
pub mod plan;
pub mod proto;
pub mod record;
#[doc(hidden)]
pub mod sample;
pub mod status;
pub mod stops;
pub mod ticket;
pub mod whole;

pub use acceptance::{
    CustomerFactor, CustomerTerms, Handling, NextLimit, Offer, OnLimit, OwnLimit, OwnLimitKind, Period,
    Referral, ReferralCause, Ruling, StakeWindow, Standing, Switch, SwitchScope, Verdict, WindowName,
    WindowPer, Wishes,
};
pub use annulment::{
    ActionEnd, Annulment, AnnulmentEffect, AnnulmentRequest, Certainty, CorrectionRule, HouseRules,
    PendingAction, ResultTold, TicketMarks,
};
pub use command::{
    Body, Channel, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    PricedMarket, Principal, TicketRequest, VoidKind,
};
pub use config::{
    ARCHIVE_AFTER_MS_MAX, ARCHIVE_AFTER_MS_MIN, Config, Margin, MarginKind, SETTLEMENT_DELAY_MS_MAX, Scope,
    ScopeSettings, SettlementConfig,
};
pub use fact::{Booking, BookingId, BookingKind, Fact, GradedLeg, GradedSelection, Weight};
pub use market::{Expectation, ExpectationMode, MarketDesk, PricedBy};
pub use plan::{EachWayLeg, PlanRequest};
pub use proto::{RecordError, RecordErrorKind, decode_record, encode_parts, encode_record};
pub use record::Record;
pub use status::{Reason, TicketState};
pub use stops::{MarketStops, Stop, StopSet, Stops};
pub use ticket::{Leg, LimitCheck, LimitLevel, Place, Plan, Terms, Ticket, TicketChange};
pub use whole::{BookedTransfer, ScopeSetting, WholeFixture, WholeMarket};
