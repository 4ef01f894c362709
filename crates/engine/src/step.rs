//! One step: a command is decided into facts, and each fact is folded as it is decided, so that the next decision of the
//! same command reads the state after it (of two bets whose delay ends together, the second is judged against the book
//! that holds the first).
//!
//! The state is private here: whoever decides reads it through `Deref`, and changes what is stored by [`Step::fact`] and
//! [`Step::book`] alone.

use std::collections::BTreeSet;
use std::ops::Deref;

use oddsengine_facts::{Booking, Fact, MoneyRequest, Reason, Stops};
use oddsengine_ledger::TransferError;
use oddsengine_types::{FixtureId, TicketId};

use crate::state::State;
use crate::state::fixture::MarketStatus;

/// A refusal with its detail.
pub(crate) type Refusal = (Reason, String);

/// The answer to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody waits for one.
    None,
    /// A command was carried out, or was before.
    Done,
    /// The message was taken before.
    Repeated,
    /// A command was refused; nothing changed.
    Refused {
        /// Why.
        reason: Reason,
        /// The value and the allowed range.
        detail: String,
    },
    /// A ticket was decided.
    Ticket {
        /// The ticket.
        ticket: TicketId,
        /// It was decided before: this only repeats the answer.
        is_repeat: bool,
    },
    /// A ticket request that could not become a ticket: its id is taken by another body.
    TicketRefused {
        /// The request's id.
        ticket: TicketId,
        /// Why.
        reason: Reason,
    },
    /// A command waits for a second person.
    Pending {
        /// Under this number.
        action: u32,
    },
    /// Money was booked, or had been booked before, on a repeat.
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
}

/// A command on its way to facts.
pub(crate) struct Step<'a> {
    state: &'a mut State,
    facts: &'a mut Vec<Fact>,
    /// Fixtures whose trading was touched, and how it stood before.
    trading: Vec<(u32, MarketStatus, Stops)>,
    /// The same fixtures: a gap of a feed may stop thousands.
    touched: BTreeSet<u32>,
}

impl Deref for Step<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

impl<'a> Step<'a> {
    pub fn new(state: &'a mut State, facts: &'a mut Vec<Fact>, time_ns: i64) -> Self {
        state.begin_record(time_ns);
        Self { state, facts, trading: Vec::new(), touched: BTreeSet::new() }
    }

    /// Fixtures on which trading stands otherwise than before the step, in order of the first change.
    pub fn trading_changes(&self) -> Vec<FixtureId> {
        let changes = self.trading.iter().filter_map(|&(index, status, stops)| {
            let fixture = self.state.fixtures.get(index as usize)?;
            let is_closed = fixture.status() == MarketStatus::Closed;
            let is_news = fixture.status() != status || (fixture.stops != stops && !is_closed);
            is_news.then(|| fixture.id())
        });
        changes.collect()
    }

    fn note_trading(&mut self, fixture: FixtureId) {
        let Some(index) = self.state.index_of(fixture).map(|index| index as u32) else { return };
        if self.touched.insert(index) {
            let fixture = &self.state.fixtures[index as usize];
            self.trading.push((index, fixture.status(), fixture.stops));
        }
    }

    /// This is so from now on.
    pub fn fact(&mut self, fact: Fact) {
        if let Fact::StopsChanged { fixture, .. }
        | Fact::IncidentTaken { fixture, .. }
        | Fact::FixtureVoided { fixture, .. } = &fact
        {
            self.note_trading(*fixture);
        }
        let folded = self.state.fold(&fact);
        debug_assert_eq!(folded, Ok(()), "a fact that was just decided folds");
        self.facts.push(fact);
    }

    /// Money moves, all or none of it: a ledger checks everything before it changes anything, so its refusal is the decision
    /// and its change the fold.
    pub fn book(&mut self, bookings: Vec<Booking>) -> Result<(), TransferError> {
        self.state.book(&bookings)?;
        self.facts.push(Fact::Booked { bookings });
        Ok(())
    }

    /// The desk must hear of this.
    pub fn alert(&mut self, alert: &str, fixture: Option<FixtureId>, message: String) {
        self.fact(Fact::Alerted { alert: alert.to_string(), fixture, message });
    }

    /// Prices a fixture, so that a decision may read its prices.
    pub fn price(&mut self, index: usize) {
        self.state.price(index);
    }

    /// Puts planned changes in the books, so that a decision may read them.
    pub fn balance_books(&mut self) {
        self.state.balance_books();
    }

    /// What is under watch is looked at; whether more is due than one command stops is found out anew.
    pub fn begin_watch(&mut self) {
        self.state.derived.has_more_overdue = false;
    }

    /// See [`State::take_silent`].
    pub fn take_silent(&mut self, count_max: usize) -> BTreeSet<usize> {
        self.state.take_silent(count_max)
    }

    /// See [`State::take_late`].
    pub fn take_late(&mut self, count_max: usize) -> BTreeSet<usize> {
        self.state.take_late(count_max)
    }

    /// An acceptance took a loss above its limit: found by measuring, told by `losses_within_limits`.
    pub fn note_limit_violation(&mut self, what: String) {
        self.state.derived.limit_violation.get_or_insert(what);
    }
}
