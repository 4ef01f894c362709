//! What the fast engine tells: its answers, and the prices that the naive engine takes as facts.

use oddsengine_engine::{
    Answer as EngineAnswer, Decided, Engine, Fact, Fixture, MarketStatus, Reason, TicketState,
};
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
    /// A command waits for a second person, under this number.
    Pending(u32),
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
    Alert(String, Option<FixtureId>),
    /// Feed messages are missing: expected, received.
    FeedGap(u64, u64),
}

impl Answer {
    /// What was told of facts, and the answer to whoever asked; `engine` is as it is after them.
    pub fn all_of(decided: &Decided, engine: &Engine) -> Vec<Self> {
        let status = |id: FixtureId| engine.fixture(id).expect("a fixture that was told is known").status();
        let mut answers: Vec<Self> =
            decided.trading.iter().map(|&id| Self::Trading(id, status(id))).collect();
        let paid_before =
            |id: &TicketId| engine.ticket(*id).expect("a settled ticket is known").change.paid_minor_before;
        for fact in &decided.facts {
            answers.push(match fact {
                Fact::TicketDecided { ticket, .. } => Self::Decision(ticket.id, ticket.state, false),
                Fact::TicketPaid { ticket, paid_minor, .. } => {
                    Self::Settlement(*ticket, TicketState::Settled, paid_before(ticket), *paid_minor)
                }
                Fact::TicketReopened { ticket } => {
                    Self::Settlement(*ticket, TicketState::Open, paid_before(ticket), 0)
                }
                Fact::TicketReinstated { ticket } => Self::Settlement(*ticket, TicketState::Open, 0, 0),
                Fact::TicketCancelled { ticket } => {
                    Self::Settlement(*ticket, TicketState::Cancelled, paid_before(ticket), 0)
                }
                Fact::Alerted { alert, fixture, .. } => Self::Alert(alert.clone(), *fixture),
                Fact::SourceHeard { numbered: Some((received, _)), expected: Some(expected), .. } => {
                    Self::FeedGap(*expected, *received)
                }
                _ => continue,
            });
        }
        match &decided.answer {
            EngineAnswer::None | EngineAnswer::Ticket { is_repeat: false, .. } => {}
            EngineAnswer::Done => answers.push(Self::Done),
            EngineAnswer::Pending { action } => answers.push(Self::Pending(*action)),
            EngineAnswer::Repeated => answers.push(Self::Duplicate),
            EngineAnswer::Refused { reason, .. } => answers.push(Self::Refused(*reason)),
            EngineAnswer::Ticket { ticket, is_repeat: true } => {
                let state = engine.ticket(*ticket).expect("a repeated ticket is known").state;
                answers.push(Self::Decision(*ticket, state, true));
            }
            EngineAnswer::TicketRefused { ticket, reason } => {
                answers.push(Self::TicketRefused(*ticket, *reason));
            }
            EngineAnswer::MoneyBooked { request, available_minor, is_repeat } => {
                answers.push(Self::MoneyBooked(request.transfer, *available_minor, *is_repeat));
            }
            EngineAnswer::MoneyRefused { request, reason } => {
                answers.push(Self::MoneyRefused(request.transfer, *reason));
            }
        }
        answers
    }
}

/// Answers in an order in which both engines must have them: which of several fixtures is told first that it stands
/// still is nobody's promise, and alerts are for people.
pub fn in_order(mut answers: Vec<Answer>) -> Vec<Answer> {
    let rank = |answer: &Answer| match answer {
        Answer::Alert(alert, fixture) => (1, fixture.map(|fixture| fixture.0), Some(alert.clone())),
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
    prices.resize_with(engine.fixtures().place_count(), Prices::default);
    for (place, fixture) in engine.fixtures().entries() {
        let prices = &mut prices[place];
        let selections = &space_of(universe, fixture).selections;
        let board = &fixture.board;
        prices.has_expectations = board.has_expectations;
        prices.version = engine.version(fixture).seq;
        prices.odds_e4.clear();
        prices.odds_e4.extend(selections.iter().map(|&selection| board.odds_e4[selection]));
        prices.win.clear();
        prices.win.extend(selections.iter().map(|&selection| board.win[selection]));
        prices.refund.clear();
        prices.refund.extend(selections.iter().map(|&selection| board.refund[selection]));
    }
}

/// What the naive engine takes as facts: prices, and whether a model could follow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The prices after the command.
    pub after: &'a [Prices],
    /// The prices at which each of the command's tickets was decided, where they are not those before the command.
    pub at_decisions: &'a [Vec<Prices>],
    /// The fast engine found a value out of bounds.
    pub is_out_of_bounds: bool,
}

impl Facts<'_> {
    /// Whether the model could explain the prices.
    ///
    /// # Errors
    /// It could not.
    pub fn models_verdict(&self) -> Result<(), Reason> {
        if self.is_out_of_bounds { Err(Reason::ValueOutOfBounds) } else { Ok(()) }
    }
}
