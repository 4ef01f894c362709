//! Events: what the engine tells the world after a command.
//!
//! Events borrow from the state, so telling costs nothing until somebody encodes it. They come in two classes:
//! odds and trading status leave at once; everything about money only after the command is durable
//! ([`Event::waits_for_journal`]).

use oddsengine_markets::Template;

use crate::command::{MoneyRequest, OddsVersion};
use crate::fixture::Fixture;
use crate::status::Reason;
use crate::ticket::Ticket;

/// One event.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Prices or market states changed.
    Board(BoardUpdate<'a>),
    /// Trading of a fixture stopped or resumed: the priority lane, told before any board.
    Trading {
        /// The fixture, with its new status.
        fixture: &'a Fixture,
    },
    /// A ticket was accepted, refused or put on delay, or the answer to a repeat.
    Decision {
        /// The ticket with its evidence.
        ticket: &'a Ticket,
        /// It was decided before: this only repeats the answer.
        is_repeat: bool,
    },
    /// A ticket request that could not become a ticket: its id is taken by another body.
    TicketRefused {
        /// The request's id.
        ticket: oddsengine_types::TicketId,
        /// Why.
        reason: Reason,
    },
    /// A ticket was settled, resettled, reopened by a rollback, or cancelled.
    Settlement {
        /// The ticket in its new state.
        ticket: &'a Ticket,
        /// What was paid before this event.
        paid_minor_before: i64,
    },
    /// Money was booked (or had been booked before, on a repeat).
    MoneyBooked {
        /// The request.
        request: MoneyRequest,
        /// The customer's available balance after it.
        available_minor: i64,
        /// It was booked before.
        is_repeat: bool,
    },
    /// A deposit or withdrawal was refused.
    MoneyRefused {
        /// The request.
        request: MoneyRequest,
        /// Why.
        reason: Reason,
    },
    /// A feed or desk command was carried out: the answer to its sender.
    Done,
    /// A feed or desk command was refused; nothing changed.
    Refused {
        /// Why.
        reason: Reason,
        /// The value and the allowed range.
        detail: &'a str,
    },
    /// A feed message was a duplicate of one already applied, and was dropped.
    Duplicate,
    /// Something that the desk must hear of, and that is no answer to anybody.
    Alert {
        /// Which alert.
        alert: &'static str,
        /// The fixture it is about.
        fixture: Option<oddsengine_types::FixtureId>,
        /// What happened, with its values.
        message: &'a str,
    },
    /// Numbers are missing in a source's sequence.
    FeedGap {
        /// The number expected.
        expected: u64,
        /// The number that came.
        received: u64,
    },
}

impl Event<'_> {
    /// It may leave only after the journal holds the command.
    pub fn waits_for_journal(&self) -> bool {
        !matches!(self, Event::Board(_) | Event::Trading { .. } | Event::Alert { .. })
    }
}

/// A change of a fixture's board: one step, told atomically.
#[derive(Clone, Copy, Debug)]
pub struct BoardUpdate<'a> {
    /// The fixture with all its prices.
    pub fixture: &'a Fixture,
    /// Its template.
    pub template: &'static Template,
    /// Indexes of the markets that changed, ascending.
    pub changed_markets: &'a [u16],
    /// The version that this change makes.
    pub version: OddsVersion,
    /// When it was decided.
    pub decided_ns: i64,
    /// When the source says it happened, 0 if unknown.
    pub source_ns: i64,
}

/// Where events go.
pub trait Sink {
    /// Takes one event.
    fn event(&mut self, event: Event<'_>);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl Sink for NoEvents {
    fn event(&mut self, _: Event<'_>) {}
}
