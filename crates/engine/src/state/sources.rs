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
        let is_watched = fixture.live.phase() == LivePhase::InPlay
            && !fixture.is_closed()
            && fixture.limits.feed_silence_ms > 0
            && fixture.stops.set.and(UNHEARD).is_empty();
        if is_watched {
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

    /// Fixtures whose feed is silent for too long at this time, in order of announcement: when each was looked at last is
    /// no part of the state, and must not order what is decided.
    pub(crate) fn silent(&self) -> BTreeSet<usize> {
        let due = self.silence_due.range(..(self.now_ns, 0)).map(|&(_, index)| index as usize);
        let is_silent = |&index: &usize| {
            let Some(fixture) = self.fixtures.get(index) else { return false };
            fixture.limits.feed_silence_ms > 0
                && fixture.live.phase() == LivePhase::InPlay
                && self.silent_from_ns(fixture) < self.now_ns
                && !fixture.is_closed()
                && fixture.stops.set.and(UNHEARD).is_empty()
        };
        due.filter(is_silent).collect()
    }

    /// Fixtures that should have started by now, in order of announcement.
    pub(crate) fn late(&self) -> BTreeSet<usize> {
        let due = self.start_due.range(..(self.now_ns, 0)).map(|&(_, index)| index as usize);
        let is_late = |&index: &usize| {
            let Some(fixture) = self.fixtures.get(index) else { return false };
            fixture.live.phase() == LivePhase::PreMatch
                && !fixture.is_closed()
                && !fixture.is_start_waived
                && !fixture.stops.has(Stop::StartPassed)
        };
        due.filter(is_late).collect()
    }

    /// Drops what was due and is dealt with, and puts off what was heard meanwhile. Derived: what is due follows from the
    /// fixtures.
    pub(crate) fn settle_watch(&mut self) {
        while let Some(&(due_ns, index)) =
            self.silence_due.first().filter(|(due_ns, _)| *due_ns < self.now_ns)
        {
            self.silence_due.remove(&(due_ns, index));
            // It may have left since it was put under watch.
            let Some(fixture) = self.fixtures.get(index as usize) else { continue };
            let was_heard = self.silent_from_ns(fixture) >= self.now_ns;
            if fixture.limits.feed_silence_ms > 0 && was_heard {
                self.watch_silence(index as usize);
            }
        }
        while let Some(&due) = self.start_due.first().filter(|(due_ns, _)| *due_ns < self.now_ns) {
            self.start_due.remove(&due);
        }
    }
}
