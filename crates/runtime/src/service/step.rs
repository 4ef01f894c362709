//! One command: is there room for its record, what is decided on it, the record, and what is told.
//!
//! What was decided is in the state before it is in the journal, so nothing of it may be told until it is: whatever goes wrong in
//! between stops the service.

use oddsengine_engine::{Answer, Body, Command, Fact, Fixture, Origin, encode_parts};
use oddsengine_types::FixtureId;

use super::outbox::Outbox;
use super::{Refusal, Route, Service, recovery};
use crate::journal::JournalError;

/// Records that may wait for the disk while slices of due work add to them: bets and feeds have far more.
const SLICES_AHEAD_MAX: u64 = 8_192;
/// Fixtures that inherit the settings of a scope and are priced by them in one turn: their boards leave with the next one.
pub const INHERITED_PER_TURN: usize = 4;

impl Service {
    /// Carries out one command, and tells the desk if it is refused and nobody waits for an answer.
    ///
    /// `route`: whom the answer goes to.
    pub(super) fn run(&mut self, command: &Command, route: Option<&Route>) -> Result<(), JournalError> {
        if let Some(Refusal { reason, detail }) = self.step(command, route)? {
            let (cause, source) = (crate::wire::cause(&command.body), &command.origin.source);
            let message = format!("{cause} from {source}: {}: {detail}", reason.name());
            self.alert("feed_refused", &message, None, command.time_ns);
        }
        Ok(())
    }

    /// Carries out one command, and what a foreign model says to it.
    pub(super) fn step(
        &mut self,
        command: &Command,
        route: Option<&Route>,
    ) -> Result<Option<Refusal>, JournalError> {
        self.recall_asked(command)?;
        match self.asks_model(command) {
            None => self.carry_out(command, route, None),
            Some(fixture) => self.run_with_model(fixture, command, route),
        }
    }

    /// Journals and decides one command and turns its facts into frames; its refusal, if nobody waits for it.
    ///
    /// `route`: whom the answer goes to. `in_step`: a fixture whose trading is told when the step is done.
    pub(super) fn carry_out(
        &mut self,
        command: &Command,
        route: Option<&Route>,
        in_step: Option<FixtureId>,
    ) -> Result<Option<Refusal>, JournalError> {
        self.check_journal()?;
        let unpriced_before = self.lacks_price(command);
        let (engine, seq, panic_at_seq) = (&mut self.engine, self.last_seq + 1, self.panic_at_seq);
        let decided = recovery::caught(|| {
            recovery::panic_on_purpose(panic_at_seq, seq);
            engine.step(command)
        });
        let decided = match decided {
            Ok(decided) => decided,
            Err(text) => return Err(self.panicked(command, &text)),
        };
        self.append(command, &decided.facts)?;
        self.keep_archived(self.last_seq, command.time_ns);
        self.keep_command(command, &decided);
        // The first price of a fixture, and the end of its last, are news of trading without a stop in the record.
        if let Some(id) = command.body.subject()
            && unpriced_before.is_some_and(|before| self.lacks_price(command) != Some(before))
            && in_step != Some(id)
            && !decided.trading.contains(&id)
        {
            self.send_trading(id, command);
        }
        self.tell(&decided, command, route, in_step);
        Ok(match decided.answer {
            Answer::Refused { reason, detail } if route.is_none() => Some(Refusal { reason, detail }),
            _ => None,
        })
    }

    /// Whether the fixture that a command is about has no price; nothing if it is about none that is known.
    fn lacks_price(&self, command: &Command) -> Option<bool> {
        self.engine.fixture(command.body.subject()?).map(Fixture::has_no_price)
    }

    /// Prices what changed since it was priced last. To whom settings of a scope have not come yet, they come slice by slice,
    /// and at once where nobody else waits.
    pub(crate) fn price_changed(&mut self) {
        let (engine, is_shared) = (&mut self.engine, self.work.is_shared);
        if self.panic_reason.is_none()
            && let Err(text) = recovery::caught(|| match is_shared {
                true => engine.price_outdated(),
                false => engine.price_changed(),
            })
        {
            self.pricing_panicked(&text);
        }
    }

    /// Prices one fixture by its present settings; whether its board may have changed by them.
    pub(super) fn price_fixture(&mut self, id: FixtureId) -> bool {
        let engine = &mut self.engine;
        if self.panic_reason.is_some() {
            return false;
        }
        recovery::caught(|| engine.price_fixture(id)).unwrap_or_else(|text| {
            self.pricing_panicked(&text);
            false
        })
    }

    /// Lets the next fixtures inherit the settings of a scope, some a turn; whether there were any.
    fn inherit_slice(&mut self) -> bool {
        if self.has_inherited {
            return false;
        }
        let engine = &mut self.engine;
        self.has_inherited =
            recovery::caught(|| engine.inherit_next(INHERITED_PER_TURN)).unwrap_or_else(|text| {
                self.pricing_panicked(&text);
                false
            });
        self.has_inherited
    }

    /// What changed on boards, priced.
    pub(super) fn take_board_changes(&mut self) -> Vec<(FixtureId, Vec<u16>)> {
        self.price_changed();
        if self.panic_reason.is_some() {
            return Vec::new();
        }
        let engine = &mut self.engine;
        match recovery::caught(|| engine.take_priced_changes()) {
            Ok(changes) => changes,
            Err(text) => {
                self.pricing_panicked(&text);
                Vec::new()
            }
        }
    }

    /// Trading stands still while a model gives nothing; found while pricing, decided by a command.
    pub(super) fn check_models(&mut self) {
        self.price_changed();
        for body in self.engine.model_checks() {
            let command = Command { time_ns: self.engine.now_ns(), origin: Origin::default(), body };
            // An unavailable journal is told with the heartbeat; the check comes again.
            let _ = self.run(&command, None);
        }
    }

    #[cold]
    fn pricing_panicked(&mut self, text: &str) {
        self.stop_for(format!("pricing made the engine panic: {text}"));
    }

    /// The state is half changed and nothing of it may be told: from here on the service does nothing. Nothing of the command
    /// is in the journal, so that the next start finds a whole state; its bytes are kept in `<journal>.failed`.
    #[cold]
    fn panicked(&mut self, command: &Command, text: &str) -> JournalError {
        let mut reason = format!(
            "command {} of record {} made the engine panic: {text}",
            crate::wire::cause(&command.body),
            self.last_seq + 1
        );
        if let Some(journal) = &self.journal {
            reason.push_str("; it was not written to the journal");
            let failed = crate::journal::sibling(journal.path(), ".failed");
            let mut record = Vec::new();
            encode_parts(command, &[], &mut record);
            if crate::journal::write_private(&failed, &record).is_ok() {
                reason.push_str(&format!(", its bytes are in {}", failed.display()));
            }
        }
        self.stop_for(reason)
    }

    /// What is in memory is not what the journal holds, or will hold: nothing is told any more.
    #[cold]
    fn stop_for(&mut self, reason: String) -> JournalError {
        self.outbox = Outbox::default();
        self.panic_reason = Some(reason.clone());
        JournalError::SyncFailed { reason }
    }

    /// Whether the journal takes what is decided next.
    fn check_journal(&mut self) -> Result<(), JournalError> {
        if let Some(reason) = &self.panic_reason {
            return Err(JournalError::SyncFailed { reason: reason.clone() });
        }
        if self.is_closed {
            return Err(JournalError::SyncFailed { reason: "the journal is closed".to_owned() });
        }
        self.journal.as_mut().map_or(Ok(()), |journal| journal.check_room(0))
    }

    /// Writes down what was asked and what was decided. It is in the state already: where the journal does not take it after
    /// all, nothing of that state is told.
    fn append(&mut self, command: &Command, facts: &[Fact]) -> Result<(), JournalError> {
        let Some(journal) = &mut self.journal else {
            self.last_seq += 1;
            return Ok(());
        };
        self.record.clear();
        encode_parts(command, facts, &mut self.record);
        match journal.append_decided(&self.record) {
            Ok(seq) => {
                self.last_seq = seq;
                Ok(())
            }
            Err(error) => Err(self.stop_for(format!("what was decided cannot be written: {error}"))),
        }
    }

    /// Works off a slice of due work (settings of a scope that come to their fixtures, settlements of a popular match,
    /// accumulators to be weighed), and says whether there was
    /// any. Call it when the frames of the turn have left: what is told of it leaves with the next turn, and what the feeds
    /// say meanwhile goes ahead of the next slice. While many records wait for the disk, slices wait as well.
    pub fn work_off(&mut self) -> bool {
        if self.panic_reason.is_some() || self.is_far_ahead() {
            return false;
        }
        if self.inherit_slice() {
            return true;
        }
        if !self.engine.has_due_work() {
            return self.recall_slice();
        }
        let time_ns = self.engine.now_ns();
        let tick = Command { time_ns, origin: Origin::default(), body: Body::Tick { read_ns: i64::MIN } };
        // An unavailable journal is told with the heartbeat; the tick comes again.
        self.run(&tick, None).is_ok()
    }

    fn is_far_ahead(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.pending_records() > SLICES_AHEAD_MAX)
    }
}
