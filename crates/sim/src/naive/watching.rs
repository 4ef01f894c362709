//! What feeds owe us, from a list of everything that was heard: numbers in order, signs of life, starts in time.

use oddsengine_engine::{Body, Channel, Command, Reason, Stop, StopSet, TicketState, VoidKind};
use oddsengine_markets::LivePhase;
use oddsengine_types::FixtureId;

use super::{Naive, Verdict};
use crate::told::Answer;

/// The latest messages of a source that are known again.
const RECENT_COUNT_MAX: usize = 32;
/// Most sources.
const SOURCES_MAX: usize = 1_024;
/// Furthest jump of a source's numbers.
const SEQ_JUMP_MAX: u64 = 1_000_000;
/// An hour before its start a fixture is about to start.
const NEAR_START_NS: i64 = 3_600_000_000_000;

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub time_ns: i64,
    /// Of whom; empty for a person who looked.
    pub source: String,
    /// What it spoke of.
    pub fixture: Option<FixtureId>,
    /// It said that all is as told.
    pub is_heartbeat: bool,
}

/// A source that was heard.
#[derive(Clone, Debug, Default)]
pub struct NaiveSource {
    /// Its numbered messages that were taken since it was reset.
    pub taken: Vec<(u64, i64, Body)>,
    /// It counts backwards or jumped, and has not been in order since.
    pub is_lost: bool,
}

impl Naive {
    /// Takes note of a message; an answer if it is not carried out.
    pub(super) fn hear(&mut self, command: &Command, answers: &mut Vec<Answer>) -> Option<Answer> {
        let origin = &command.origin;
        if origin.channel != Channel::Feed && origin.seq.is_none() {
            return None;
        }
        if !self.sources.contains_key(&origin.source) && self.sources.len() >= SOURCES_MAX {
            return Some(Answer::Refused(Reason::ValueOutOfBounds));
        }
        let name = origin.source.clone();
        let source = self.sources.entry(name.clone()).or_default();
        let Some(number) = origin.seq else {
            self.note(&name, None, false);
            return None;
        };
        let last = source.taken.last().map(|(last, ..)| *last);
        let was_lost = source.is_lost;
        if last.is_some_and(|last| number <= last) {
            let message = (number, origin.source_ns, command.body.clone());
            let is_honest = source.taken.iter().rev().take(RECENT_COUNT_MAX).any(|known| *known == message);
            self.counters.duplicate_count += 1;
            if !is_honest {
                source.is_lost = true;
                self.lose_place(command, was_lost, answers);
            }
            return Some(Answer::Duplicate);
        }
        if last.is_some_and(|last| number - last > SEQ_JUMP_MAX) {
            source.is_lost = true;
            self.lose_place(command, was_lost, answers);
            return Some(Answer::Refused(Reason::OutOfSequence));
        }
        source.is_lost = false;
        source.taken.push((number, origin.source_ns, command.body.clone()));
        self.note(&name, None, false);
        if let Some(last) = last.filter(|last| number - last > 1) {
            self.counters.feed_gap_count += 1;
            answers.push(Answer::FeedGap(last + 1, number));
            self.stop_fed(&name, Stop::Gap);
        }
        None
    }

    /// A source cannot be followed.
    fn lose_place(&mut self, command: &Command, was_lost: bool, answers: &mut Vec<Answer>) {
        let spoken_of = command.body.fixture().and_then(|id| self.index_of(id));
        match (was_lost, spoken_of) {
            (false, _) => {
                self.stop_fed(&command.origin.source, Stop::Sequence);
                answers.push(Answer::Alert("source_out_of_order".into(), None));
            }
            (true, Some(index)) => self.stop(index, Stop::Sequence),
            (true, None) => {}
        }
    }

    /// Stops what a source feeds, in play or about to start.
    fn stop_fed(&mut self, source: &str, stop: Stop) {
        for index in 0..self.fixtures.len() {
            let fixture = &self.fixtures[index];
            let start_ns = fixture.request.start_ns;
            let is_soon = start_ns <= 0 || start_ns - NEAR_START_NS <= self.now_ns;
            let matters = is_soon || fixture.game.phase() == LivePhase::InPlay;
            if fixture.fed_by == source && !fixture.is_closed() && matters {
                self.stop(index, stop);
            }
        }
    }

    fn note(&mut self, source: &str, fixture: Option<FixtureId>, is_heartbeat: bool) {
        let time_ns = self.now_ns;
        self.heard.push(Heard { time_ns, source: source.to_string(), fixture, is_heartbeat });
    }

    /// The message follows the one before it in number, of the source that feeds the fixture: nothing was lost between.
    pub(super) fn proves(&self, command: &Command, index: usize) -> bool {
        let origin = &command.origin;
        let Some(source) = self.sources.get(&origin.source) else { return false };
        let before = source.taken.iter().rev().nth(1).map(|(number, ..)| number + 1);
        origin.seq.is_some() && before == origin.seq && self.fixtures[index].fed_by == origin.source
    }

    /// What a feed told of a fixture was carried out.
    pub(super) fn hear_of(&mut self, command: &Command) {
        // Prices and results come from others as well: who tells what happens feeds a fixture.
        let spoken_of = match &command.body {
            Body::AddFixture(request) => request.fixture,
            Body::Incident { fixture, .. } => *fixture,
            Body::Suspend { fixture, .. } | Body::Resume { fixture, .. } => *fixture,
            _ => return,
        };
        if command.origin.channel == Channel::Desk {
            return;
        }
        if let Some(index) = self.index_of(spoken_of) {
            self.fixtures[index].fed_by.clone_from(&command.origin.source);
            let id = self.fixtures[index].request.fixture;
            self.note(&command.origin.source, Some(id), false);
        }
    }

    /// A person looked at a fixture.
    pub(super) fn look_at(&mut self, index: usize) {
        let id = self.fixtures[index].request.fixture;
        self.note("", Some(id), false);
    }

    /// A source says that all is as told.
    pub(super) fn heartbeat(&mut self, command: &Command) {
        let source = &command.origin.source;
        if !self.sources.contains_key(source) {
            return;
        }
        self.note(source, None, true);
        for index in 0..self.fixtures.len() {
            let fixture = &self.fixtures[index];
            let is_whole = !fixture.stops.has(Stop::Gap) && !fixture.stops.has(Stop::Sequence);
            if self.proves(command, index) && is_whole {
                let unheard = StopSet::of(&[Stop::Silence, Stop::Restart]);
                self.change_stops(index, |stops| stops.without(unheard));
            }
        }
    }

    pub(super) fn reset_source(&mut self, name: &str) -> Verdict {
        let source = self.sources.get_mut(name).ok_or(Reason::ValueOutOfBounds)?;
        *source = NaiveSource::default();
        Ok(())
    }

    /// When a source was heard last in this process, and when it last said that all is as told; 0 for never.
    pub fn heard_of_source(&self, name: &str) -> [i64; 2] {
        let of_source =
            || self.heard.iter().rev().filter(|heard| heard.source == name && heard.fixture.is_none());
        let said = of_source().find(|heard| !heard.is_heartbeat);
        let alive = of_source().find(|heard| heard.is_heartbeat);
        [said, alive].map(|heard| heard.map_or(0, |heard| heard.time_ns))
    }

    /// When a fixture was spoken of last in this process; 0 for never.
    pub fn heard_of_fixture(&self, id: FixtureId) -> i64 {
        self.heard.iter().rev().find(|heard| heard.fixture == Some(id)).map_or(0, |heard| heard.time_ns)
    }

    /// Looks at every fixture: is its feed silent, should it have started?
    pub(super) fn stop_overdue(&mut self, answers: &mut Vec<Answer>) {
        for index in 0..self.fixtures.len() {
            let (fixture, silence_ms) = (&self.fixtures[index], self.feed_silence_ms(index));
            let id = fixture.request.fixture;
            let is_known_silent = fixture.stops.has(Stop::Silence) || fixture.stops.has(Stop::Restart);
            if !fixture.is_closed()
                && fixture.game.phase() == LivePhase::InPlay
                && silence_ms > 0
                && !is_known_silent
            {
                let [_, alive_ns] = self.heard_of_source(&fixture.fed_by);
                let last_ns = self.heard_of_fixture(id).max(alive_ns);
                if self.now_ns - last_ns > silence_ms * 1_000_000 {
                    self.stop(index, Stop::Silence);
                    answers.push(Answer::Alert("feed_silent".into(), Some(id)));
                }
            }
            let fixture = &self.fixtures[index];
            let start_ns = fixture.request.start_ns;
            let late_ns = i128::from(self.now_ns) - i128::from(start_ns);
            if !fixture.is_closed()
                && fixture.game.phase() == LivePhase::PreMatch
                && start_ns > 0
                && !fixture.is_start_waived
                && !fixture.stops.has(Stop::StartPassed)
                && late_ns > i128::from(self.config.start_grace_ms) * 1_000_000
            {
                self.stop(index, Stop::StartPassed);
                answers.push(Answer::Alert("start_passed".into(), Some(id)));
            }
        }
    }

    /// A process starts: nothing was heard in it, and its clock is the clock.
    pub(super) fn start_epoch(&mut self, epoch: u32, time_ns: i64, answers: &mut Vec<Answer>) {
        self.epoch = epoch;
        if self.now_ns != i64::MIN && time_ns < self.now_ns {
            // What is to come stays as far away as it was.
            let ahead_ns = self.now_ns - time_ns;
            self.weighed_ns = self.weighed_ns.map(|weighed_ns| weighed_ns - ahead_ns);
            for known in &mut self.tickets {
                known.settles_ns = known.settles_ns.map(|settles_ns| match settles_ns {
                    i64::MAX => i64::MAX,
                    settles_ns => settles_ns - ahead_ns,
                });
                if known.ticket.state.is_waiting() || matches!(known.ticket.state, TicketState::Reoffered(_))
                {
                    known.ticket.due_ns -= ahead_ns;
                }
            }
            let held = self.fixtures.iter_mut().flat_map(|fixture| fixture.held.values_mut());
            let held = held.filter_map(|held| held.0.as_mut()).filter(|until_ns| **until_ns != i64::MAX);
            held.for_each(|until_ns| *until_ns -= ahead_ns);
            let expires = self.waiting.iter_mut().filter_map(|action| action.expires_ns.as_mut());
            expires.for_each(|expires_ns| *expires_ns -= ahead_ns);
            answers.push(Answer::Alert("clock_went_back".into(), None));
        }
        self.now_ns = time_ns;
        self.heard.clear();
        for index in 0..self.fixtures.len() {
            self.change_stops(index, |stops| stops.without(StopSet::of(&[Stop::Halt])));
            let fixture = &self.fixtures[index];
            if fixture.game.phase() == LivePhase::InPlay && fixture.void == VoidKind::Nothing {
                self.stop(index, Stop::Restart);
            }
            let fixture = &self.fixtures[index];
            let grace_ns = i128::from(self.config.start_grace_ms) * 1_000_000;
            let is_to_come = i128::from(fixture.request.start_ns) + grace_ns > i128::from(self.now_ns);
            if fixture.game.phase() == LivePhase::PreMatch && is_to_come {
                self.change_stops(index, |stops| stops.without(StopSet::of(&[Stop::StartPassed])));
            }
        }
    }

    pub(super) fn stop(&mut self, index: usize, stop: Stop) {
        self.change_stops(index, |stops| stops.or(StopSet::of(&[stop])));
    }

    /// Changes why a fixture stands still: an interruption if a reason is new.
    pub(super) fn change_stops(&mut self, index: usize, change: impl FnOnce(StopSet) -> StopSet) {
        let fixture = &mut self.fixtures[index];
        let before = fixture.stops.set;
        fixture.stops.set = change(before);
        if fixture.stops.set.iter().any(|stop| !before.has(stop)) {
            fixture.interruptions.push(None);
        }
    }
}
