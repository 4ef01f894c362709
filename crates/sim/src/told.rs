//! What the fast engine tells: its answers, and the prices that the naive engine takes as facts.

use oddsengine_engine::{Engine, Event, Fixture, MarketStatus, OddsVersion, Reason, Sink, TicketState};
use oddsengine_types::{FixtureId, TicketId, TransferId};

use crate::outcomes::{Space, Universe};

/// What an engine answers to a command; both engines must give the same answers in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Trading of a fixture stopped or resumed.
    Trading(FixtureId, MarketStatus),
    /// A ticket was decided or put on delay; `true` for a repeated answer.
    Decision(TicketId, TicketState, bool),
    /// A ticket's id is taken.
    TicketRefused(TicketId, Reason),
    /// A ticket was settled, reopened or cancelled: paid before, paid now.
    Settlement(TicketId, TicketState, i64, i64),
    /// Money was booked: available afterwards; `true` for a repeat.
    MoneyBooked(TransferId, i64, bool),
    /// Money was not booked.
    MoneyRefused(TransferId, Reason),
    /// A desk or feed command was carried out.
    Done,
    /// A desk or feed command was refused.
    Refused(Reason),
    /// A feed message had been applied before.
    Duplicate,
    /// The desk hears of something: which alert, and the fixture it is about.
    Alert(&'static str, Option<FixtureId>),
    /// Feed messages are missing: expected, received.
    FeedGap(u64, u64),
}

/// One thing told during a command, in order.
#[derive(Clone, Debug)]
pub enum Told {
    /// An answer.
    Answer(Answer),
    /// New prices of a fixture: version and odds by slot.
    Board(FixtureId, OddsVersion, Vec<u32>),
}

/// A sink that keeps what was told.
#[derive(Debug)]
pub struct Recorder<'a> {
    universe: &'a Universe,
    /// What was told, in order.
    pub told: Vec<Told>,
    /// Why commands were refused, in words.
    pub details: Vec<String>,
}

impl<'a> Recorder<'a> {
    /// An empty recorder.
    pub fn new(universe: &'a Universe) -> Self {
        Self { universe, told: Vec::new(), details: Vec::new() }
    }

    /// The answers among what was told.
    pub fn answers(&self) -> Vec<Answer> {
        let answer = |told: &Told| match told {
            Told::Answer(answer) => Some(answer.clone()),
            Told::Board(..) => None,
        };
        self.told.iter().filter_map(answer).collect()
    }
}

impl Sink for Recorder<'_> {
    fn event(&mut self, event: Event<'_>) {
        let answer = match event {
            Event::Board(board) => {
                let space = space_of(self.universe, board.fixture);
                let odds = space.selections.iter().map(|&selection| board.fixture.odds_e4[selection]);
                self.told.push(Told::Board(board.fixture.id(), board.version, odds.collect()));
                return;
            }
            Event::Trading { fixture } => Answer::Trading(fixture.id(), fixture.status()),
            Event::Decision { ticket, is_repeat } => Answer::Decision(ticket.id, ticket.state, is_repeat),
            Event::TicketRefused { ticket, reason } => Answer::TicketRefused(ticket, reason),
            Event::Settlement { ticket, paid_minor_before } => {
                Answer::Settlement(ticket.id, ticket.state, paid_minor_before, ticket.paid_minor)
            }
            Event::MoneyBooked { request, available_minor, is_repeat } => {
                Answer::MoneyBooked(request.transfer, available_minor, is_repeat)
            }
            Event::MoneyRefused { request, reason } => Answer::MoneyRefused(request.transfer, reason),
            Event::Done => Answer::Done,
            Event::Refused { reason, detail } => {
                self.details.push(detail.to_string());
                Answer::Refused(reason)
            }
            Event::Duplicate => Answer::Duplicate,
            Event::Alert { alert, fixture, .. } => Answer::Alert(alert, fixture),
            Event::FeedGap { expected, received } => Answer::FeedGap(expected, received),
        };
        self.told.push(Told::Answer(answer));
    }
}

/// Answers in an order in which both engines must have them: which of several fixtures is told first that it stands
/// still is nobody's promise, and alerts are for people.
pub fn in_order(mut answers: Vec<Answer>) -> Vec<Answer> {
    let rank = |answer: &Answer| match answer {
        Answer::Alert(alert, fixture) => (1, fixture.map(|fixture| fixture.0), Some(*alert)),
        _ => (0, None, None),
    };
    answers.sort_by_key(rank);
    let is_trading = |answer: &Answer| matches!(answer, Answer::Trading(..));
    for group in answers.chunk_by_mut(|a, b| is_trading(a) && is_trading(b)) {
        if let [Answer::Trading(..), ..] = group {
            group.sort_by_key(|answer| match answer {
                Answer::Trading(fixture, _) => fixture.0,
                _ => 0,
            });
        }
    }
    answers
}

/// The prices of a fixture, by slot: facts for the naive engine, like journaled results of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// The probabilities are the model's for the present state.
    pub has_expectations: bool,
    /// Version of the board.
    pub version: u64,
    /// Offered odds.
    pub odds_e4: Vec<u32>,
    /// Probability that the stake wins.
    pub win: Vec<f64>,
    /// Probability that it is refunded.
    pub refund: Vec<f64>,
}

fn space_of<'a>(universe: &'a Universe, fixture: &Fixture) -> &'a Space {
    universe.space(&fixture.request.format).expect("fixtures of other formats are not announced")
}

/// Reads the prices of every fixture into `prices`.
pub fn read_prices(engine: &Engine, universe: &Universe, prices: &mut Vec<Prices>) {
    prices.resize_with(engine.fixtures().len(), Prices::default);
    for (fixture, prices) in engine.fixtures().iter().zip(prices) {
        let selections = &space_of(universe, fixture).selections;
        prices.has_expectations = fixture.has_expectations;
        prices.version = fixture.version;
        prices.odds_e4.clear();
        prices.odds_e4.extend(selections.iter().map(|&selection| fixture.odds_e4[selection]));
        prices.win.clear();
        prices.win.extend(selections.iter().map(|&selection| fixture.win[selection]));
        prices.refund.clear();
        prices.refund.extend(selections.iter().map(|&selection| fixture.refund[selection]));
    }
}
