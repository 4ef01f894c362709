//! Sources, and what is due because of them: which feed is silent for too long, which fixture should have started.

use std::collections::BTreeSet;

use oddsengine_facts::{Stop, StopSet};
use oddsengine_markets::LivePhase;
use oddsengine_types::codec_struct;

use crate::state::State;
use crate::state::fixture::Fixture;

/// The latest messages of a source that are known again when they are repeated.
const RECENT_COUNT_MAX: usize = 32;

/// Stops of a fixture that nobody has spoken of.
pub(crate) const UNHEARD: StopSet = StopSet::of(&[Stop::Silence, Stop::Restart]);

/// What is known of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The last number taken, if it numbers its messages.
    pub seq: Option<u64>,
    /// When a message of it was taken last; 0 since the process started.
    pub heard_ns: i64,
    /// When it last said that all is as told.
    pub alive_ns: i64,
    /// It counts backwards or jumped, and has not been in order since.
    pub is_lost: bool,
    /// Hashes of its latest numbered messages, the newest last.
    pub recent: Vec<(u64, u64)>,
}
codec_struct!(Source { seq, heard_ns, alive_ns, is_lost, recent });

impl Source {
    /// This very message was taken before.
    pub(crate) fn repeats(&self, seq: u64, hash: u64) -> bool {
        self.recent.contains(&(seq, hash))
    }

    pub(crate) fn take(&mut self, seq: u64, hash: u64) {
        if self.recent.len() == RECENT_COUNT_MAX {
            self.recent.remove(0);
        }
        self.recent.push((seq, hash));
        self.seq = Some(seq);
        self.is_lost = false;
    }
}

impl State {
    /// Puts a fixture in play under watch for the silence of its feed.
    pub(crate) fn watch_silence(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        if self.is_watched(fixture) {
            self.silence_due.insert((self.silent_from_ns(fixture), index as u32));
        }
    }

    /// Puts a fixture before its start under watch for its scheduled start.
    pub(crate) fn watch_start(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        if fixture.request.start_ns > 0
            && fixture.live.phase() == LivePhase::PreMatch
            && !fixture.is_start_waived
        {
            self.start_due.insert((self.starts_at_ns(index), index as u32));
        }
    }

    /// When the feed of a fixture is silent for too long.
    pub(crate) fn silent_from_ns(&self, fixture: &Fixture) -> i64 {
        let alive_ns = self.sources.get(&fixture.fed_by).map_or(0, |source| source.alive_ns);
        let heard_ns = fixture.heard_ns.max(alive_ns);
        heard_ns.saturating_add(fixture.limits.feed_silence_ms.saturating_mul(1_000_000))
    }

    /// Until when a fixture is traded without a word that it started.
    pub(crate) fn starts_at_ns(&self, index: usize) -> i64 {
        let grace_ns = self.config.start_grace_ms.saturating_mul(1_000_000);
        self.fixtures[index].request.start_ns.saturating_add(grace_ns)
    }

    /// What its feed tells of a fixture in play may be out of date.
    pub fn is_stale(&self, fixture: &Fixture, now_ns: i64) -> bool {
        fixture.live.phase() == LivePhase::InPlay
            && !fixture.is_closed()
            && (!fixture.stops.set.and(StopSet::MISSED).is_empty()
                || (fixture.limits.feed_silence_ms > 0 && self.silent_from_ns(fixture) < now_ns))
    }

    /// Something under watch is due at this time.
    pub(crate) fn watch_is_due(&self, now_ns: i64) -> bool {
        [&self.silence_due, &self.start_due]
            .iter()
            .any(|due| due.first().is_some_and(|&(due_ns, _)| due_ns < now_ns))
    }

    /// Takes the fixtures off the watch whose feed is silent for too long at this time: at most so many, those that are silent
    /// longest first. Which they are follows from the fixtures alone, whatever was looked at before: an entry is as early as its
    /// fixture can be due, and one that turns out to be due later is put off to exactly then. In order of announcement.
    pub(crate) fn take_silent(&mut self, count_max: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        while found.len() < count_max
            && let Some(&(due_ns, index)) =
                self.silence_due.first().filter(|(due_ns, _)| *due_ns < self.now_ns)
        {
            self.silence_due.remove(&(due_ns, index));
            // It may have left since it was put under watch.
            let Some(fixture) = self.fixtures.get(index as usize) else { continue };
            let silent_from_ns = self.silent_from_ns(fixture);
            // What is no longer watched is put under watch again when it is to be.
            if !self.is_watched(fixture) {
                continue;
            }
            if silent_from_ns > due_ns {
                self.silence_due.insert((silent_from_ns, index));
            } else {
                found.insert(index as usize);
            }
        }
        self.derived.has_more_overdue |= found.len() == count_max;
        found
    }

    /// The same of fixtures that should have started by now.
    pub(crate) fn take_late(&mut self, count_max: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        while found.len() < count_max
            && let Some(&due) = self.start_due.first().filter(|(due_ns, _)| *due_ns < self.now_ns)
        {
            self.start_due.remove(&due);
            if self.fixtures.get(due.1 as usize).is_some_and(|fixture| self.is_late(fixture)) {
                found.insert(due.1 as usize);
            }
        }
        self.derived.has_more_overdue |= found.len() == count_max;
        found
    }

    /// A fixture in play has a feed that may not be silent for long, and nobody has told that it is.
    fn is_watched(&self, fixture: &Fixture) -> bool {
        fixture.live.phase() == LivePhase::InPlay
            && !fixture.is_closed()
            && fixture.limits.feed_silence_ms > 0
            && fixture.stops.set.and(UNHEARD).is_empty()
    }

    fn is_late(&self, fixture: &Fixture) -> bool {
        fixture.request.start_ns > 0
            && fixture.live.phase() == LivePhase::PreMatch
            && !fixture.is_closed()
            && !fixture.is_start_waived
            && !fixture.stops.has(Stop::StartPassed)
    }

    /// The fixture would be stopped by now, and a slice may not have come to it: nothing is sold on it.
    pub(crate) fn is_overdue(&self, index: usize) -> bool {
        let fixture = &self.fixtures[index];
        (self.is_watched(fixture) && self.silent_from_ns(fixture) < self.now_ns)
            || (self.is_late(fixture) && self.starts_at_ns(index) < self.now_ns)
    }

    /// Lists a fixture with the source that feeds it, once that is known.
    pub(crate) fn note_fed(&mut self, index: usize) {
        let source = &self.fixtures[index].fed_by;
        match self.derived.fed.get_mut(source) {
            _ if source.is_empty() => {}
            Some(of_source) => drop(of_source.insert(index as u32)),
            None => drop(self.derived.fed.insert(source.clone(), BTreeSet::from([index as u32]))),
        }
    }

    /// Takes a fixture off the list of the source that feeds it.
    pub(crate) fn forget_fed(&mut self, index: usize) {
        let source = &self.fixtures[index].fed_by;
        if let Some(of_source) = self.derived.fed.get_mut(source) {
            of_source.remove(&(index as u32));
            if of_source.is_empty() {
                self.derived.fed.remove(source);
            }
        }
    }

    /// Lists a fixture with its source while nobody has spoken of it and nothing else is missing: a sign of life of the source
    /// is one of it.
    pub(crate) fn note_unheard(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        let stops = fixture.stops.set;
        let is_unheard =
            !stops.and(UNHEARD).is_empty() && !stops.has(Stop::Gap) && !stops.has(Stop::Sequence);
        let listed = &mut self.derived.unheard;
        match (listed.get_mut(&fixture.fed_by), is_unheard) {
            (None, false) => {}
            (None, true) => {
                listed.insert(fixture.fed_by.clone(), BTreeSet::from([index as u32]));
            }
            (Some(of_source), true) => {
                of_source.insert(index as u32);
            }
            (Some(_), false) => self.forget_unheard(index),
        }
    }

    /// Takes a fixture off the list of its source.
    pub(crate) fn forget_unheard(&mut self, index: usize) {
        let listed = &mut self.derived.unheard;
        let source = &self.fixtures[index].fed_by;
        if let Some(of_source) = listed.get_mut(source) {
            of_source.remove(&(index as u32));
            if of_source.is_empty() {
                listed.remove(source);
            }
        }
    }
}
