//! The engine: a state, and the only two ways to change it.

use std::ops::Deref;

use oddsengine_facts::{Body, BookedTransfer, Command, Config, Fact, Origin, Record, Ticket, WholeFixture};
use oddsengine_types::{Address, BoundsError, DecodeError, FixtureId, StateHash};

use crate::boards::BoardUpdate;
use crate::state::State;
use crate::step::{Answer, Step};

/// The engine: a function of (state, command). No clock, no I/O, no randomness, no order of a hash map in any result.
///
/// [`Engine::step`] decides a command and folds what was decided; [`Engine::fold`] folds what was decided before. Nothing
/// else changes the state. Everything that may be looked at is on [`State`].
#[derive(Clone, Debug)]
pub struct Engine {
    state: State,
}

/// What a command led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// What is so from now on, in order.
    pub facts: Vec<Fact>,
    /// The answer to whoever asked.
    pub answer: Answer,
    /// Fixtures on which trading stands otherwise than before: told ahead of everything else.
    pub trading: Vec<FixtureId>,
}

impl Deref for Engine {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Config::default()).expect("the default configuration lies within its own bounds")
    }
}

impl Engine {
    /// An empty engine.
    ///
    /// # Errors
    /// A configured value outside its range, named.
    pub fn new(config: Config) -> Result<Self, BoundsError> {
        Ok(Self { state: State::new(config)? })
    }

    /// Decides one command and folds what was decided.
    ///
    /// Never fails: a command that cannot be carried out is answered with a refusal and changes nothing but the
    /// counters.
    pub fn step(&mut self, command: &Command) -> Decided {
        let mut facts = Vec::new();
        let mut step = Step::new(&mut self.state, &mut facts, command.time_ns);
        let answer = step.decide(command);
        let trading = step.trading_changes();
        self.state.balance_books();
        Decided { facts, answer, trading }
    }

    /// As [`Engine::step`], and prices what changed: for whoever has no turns.
    pub fn apply(&mut self, command: &Command) -> Decided {
        let mut decided = self.step(command);
        self.price_changed();
        while self.state.has_due_work() {
            let tick = Body::Tick { read_ns: i64::MIN };
            let settled =
                self.step(&Command { time_ns: command.time_ns, origin: Origin::default(), body: tick });
            decided.facts.extend(settled.facts);
        }
        for body in self.state.model_checks() {
            let check = Command { time_ns: command.time_ns, origin: Origin::default(), body };
            let checked = self.step(&check);
            decided.facts.extend(checked.facts);
            decided.trading.extend(checked.trading);
            self.price_changed();
        }
        decided
    }

    /// Folds a record: what was decided, without deciding it again.
    ///
    /// # Errors
    /// A fact names something that this state or this build does not know; the state is of no use any more.
    pub fn fold(&mut self, record: &Record) -> Result<(), String> {
        self.state.begin_record(record.command.time_ns);
        record.facts.iter().try_for_each(|fact| self.state.fold(fact))?;
        let booked = record.facts.iter().filter_map(|fact| match fact {
            Fact::Booked { bookings } => Some(bookings),
            _ => None,
        });
        booked.into_iter().try_for_each(|bookings| self.state.no_cash_while_owing_after(bookings))?;
        self.state.balance_books_at_times();
        Ok(())
    }

    /// Takes the tickets that the last [`Engine::step`] or [`Engine::fold`] took to the archive: whoever holds it writes them
    /// down. What is not taken before the next record is forgotten.
    pub fn take_archived(&mut self) -> Vec<Ticket> {
        self.state.take_archived()
    }

    /// The same of fixtures.
    pub fn take_archived_fixtures(&mut self) -> Vec<WholeFixture> {
        self.state.take_archived_fixtures()
    }

    /// The same of deposits and withdrawals.
    pub fn take_archived_transfers(&mut self) -> Vec<BookedTransfer> {
        self.state.take_archived_transfers()
    }

    /// Prices every fixture whose board may have changed. [`Engine::take_board_changes`] has what there is to tell.
    pub fn price_changed(&mut self) {
        self.inherit_next(usize::MAX);
        self.price_outdated();
    }

    /// Prices every fixture of which something changed; what the settings of a scope change waits for
    /// [`Engine::inherit_next`], and for whoever asks for a price.
    pub fn price_outdated(&mut self) {
        self.state.balance_books();
        self.state.price_changed();
    }

    /// Lets so many of the fixtures that a scope's settings have not come to yet inherit them, and prices those whose margins
    /// change; whether there were any. No decision waits for it: one that reads a fixture's settings or prices brings them up
    /// to date first.
    pub fn inherit_next(&mut self, count: usize) -> bool {
        self.state.balance_books();
        self.state.inherit_next(count)
    }

    /// Prices one fixture, by the settings that it has now; whether these had not come to it yet.
    pub fn price_fixture(&mut self, id: FixtureId) -> bool {
        let Some(index) = self.state.index_of(id) else { return false };
        self.state.balance_books();
        let inherits = self.state.inherit(index);
        self.state.price(index);
        inherits
    }

    /// Takes what has changed on boards since it was taken last: fixtures in order, with the markets that changed.
    pub fn take_board_changes(&mut self) -> Vec<(FixtureId, Vec<u16>)> {
        self.price_changed();
        self.state.take_board_changes()
    }

    /// As [`Engine::take_board_changes`], of what [`Engine::price_outdated`] has priced.
    pub fn take_priced_changes(&mut self) -> Vec<(FixtureId, Vec<u16>)> {
        self.price_outdated();
        self.state.take_board_changes()
    }

    /// Commands that have the engine look whether the models of these fixtures give prices: after [`Engine::price_changed`].
    pub fn model_checks(&self) -> Vec<Body> {
        self.state.model_checks()
    }

    /// The board of a fixture with these markets as a change.
    pub fn board_update<'a>(
        &'a self,
        fixture: FixtureId,
        changed_markets: &'a [u16],
        source_ns: i64,
    ) -> Option<BoardUpdate<'a>> {
        self.state.board_update(fixture, changed_markets, source_ns)
    }

    /// The engine of a snapshot.
    ///
    /// # Errors
    /// Bytes that are not a snapshot of this format.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        State::restore(bytes).map(|state| Self { state })
    }

    /// The engine of the parts of a [`StateImage`](crate::StateImage), each with the address under which it is kept.
    ///
    /// # Errors
    /// Bytes that are not a snapshot of this format.
    pub fn restore_image(parts: &[(Address, Vec<u8>)]) -> Result<Self, DecodeError> {
        State::restore_image(parts).map(|state| Self { state })
    }

    /// The hash of the stored state: equal for live run, fold and recovery, in any build.
    pub fn state_hash(&self) -> StateHash {
        self.state.state_hash()
    }
}
