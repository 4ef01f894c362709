//! What feeds owe us: numbers in order, signs of life, starts in time. Where one is missing, trading of what the feed
//! tells stops with a reason until a message proves that nothing was missed.

use std::collections::BTreeSet;

use oddsengine_markets::LivePhase;
use oddsengine_types::{Encode, StateHash, StateHasher, codec_struct};

use crate::apply::Refusal;
use crate::command::{Body, Channel, Command, SEQ_JUMP_MAX, SOURCES_MAX};
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::fixture::Fixture;
use crate::status::Reason;
use crate::stops::{Stop, StopSet};

/// The latest messages of a source that are known again when they are repeated.
const RECENT_COUNT_MAX: usize = 32;
/// Before its start by so long a fixture counts as about to start: a gap may have held the start.
const NEAR_START_NS: i64 = 3_600_000_000_000;

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
    fn repeats(&self, seq: u64, hash: u64) -> bool {
        self.recent.contains(&(seq, hash))
    }

    fn take(&mut self, seq: u64, hash: u64) {
        if self.recent.len() == RECENT_COUNT_MAX {
            self.recent.remove(0);
        }
        self.recent.push((seq, hash));
        self.seq = Some(seq);
        self.is_lost = false;
    }
}

/// What becomes of a message by its number.
pub(crate) enum Heard {
    /// It is carried out.
    Taken {
        /// Its source numbers its messages, and none is missing before this one.
        is_unbroken: bool,
    },
    /// It was carried out before, or its number says so.
    Repeated,
    /// Its source cannot be followed.
    Refused(Refusal),
}

impl Engine {
    /// Takes note of who sent a command and by which number.
    pub(crate) fn hear(&mut self, command: &Command, sink: &mut impl Sink) -> Heard {
        let origin = &command.origin;
        if origin.channel != Channel::Feed && origin.seq.is_none() {
            return Heard::Taken { is_unbroken: false };
        }
        let now_ns = self.now_ns;
        if !self.sources.contains_key(&origin.source) {
            if self.sources.len() == SOURCES_MAX && !self.forget_sources(sink) {
                return Heard::Refused((
                    Reason::ValueOutOfBounds,
                    format!("source {} is one more than {SOURCES_MAX}", origin.source),
                ));
            }
            self.sources.insert(origin.source.clone(), Source::default());
        }
        let source = self.sources.get_mut(&origin.source).expect("inserted where it was absent");
        let Some(seq) = origin.seq else {
            source.heard_ns = now_ns;
            return Heard::Taken { is_unbroken: false };
        };
        let hash = hash_of(command);
        match source.seq {
            Some(last) if seq <= last => {
                let is_honest = source.repeats(seq, hash);
                let was_lost = source.is_lost;
                source.is_lost |= !is_honest;
                self.counters.duplicate_count += 1;
                if !is_honest {
                    self.lose_place(
                        command,
                        was_lost,
                        &format!("its number {seq} is not above {last}"),
                        sink,
                    );
                }
                sink.event(Event::Duplicate);
                Heard::Repeated
            }
            Some(last) if seq - last > SEQ_JUMP_MAX => {
                let was_lost = std::mem::replace(&mut source.is_lost, true);
                let why = format!("its number {seq} is more than {SEQ_JUMP_MAX} above {last}");
                self.lose_place(command, was_lost, &why, sink);
                Heard::Refused((
                    Reason::OutOfSequence,
                    format!(
                        "number {seq} of source {} is outside {}..={}",
                        origin.source,
                        last + 1,
                        last + SEQ_JUMP_MAX
                    ),
                ))
            }
            last => {
                source.take(seq, hash);
                source.heard_ns = now_ns;
                if let Some(last) = last.filter(|last| seq - last > 1) {
                    self.counters.feed_gap_count += 1;
                    sink.event(Event::FeedGap { expected: last + 1, received: seq });
                    self.stop_fed(&origin.source, Stop::Gap, sink);
                }
                Heard::Taken { is_unbroken: last.is_some_and(|last| seq - last == 1) }
            }
        }
    }

    /// Makes room for sources: of those that feed nothing the half goes that was silent longest, so that it is seldom
    /// looked for. Names cost nobody anything, and must not lock out the feeds of tomorrow. `false` where all feed
    /// something.
    fn forget_sources(&mut self, sink: &mut impl Sink) -> bool {
        let fed_by: BTreeSet<&str> = self.fixtures.iter().map(|fixture| fixture.fed_by.as_str()).collect();
        let idle = self.sources.iter().filter(|(name, _)| !fed_by.contains(name.as_str()));
        let mut idle: Vec<(i64, String)> =
            idle.map(|(name, source)| (source.heard_ns, name.clone())).collect();
        idle.sort_unstable();
        idle.truncate(idle.len().div_ceil(2));
        for (_, name) in &idle {
            self.sources.remove(name);
        }
        self.counters.forgotten_source_count += idle.len() as u64;
        if !idle.is_empty() {
            let message = format!("{} sources that feed nothing made room for others", idle.len());
            sink.event(Event::Alert { alert: "sources_forgotten", fixture: None, message: &message });
        }
        !idle.is_empty()
    }

    /// A source counts backwards or jumps: we follow neither, and sell nothing of what it feeds.
    fn lose_place(&mut self, command: &Command, was_lost: bool, why: &str, sink: &mut impl Sink) {
        let source = &command.origin.source;
        if !was_lost {
            self.stop_fed(source, Stop::Sequence, sink);
            let message = format!("{source} has lost its place: {why}; reset_source lets it count anew");
            sink.event(Event::Alert { alert: "source_out_of_order", fixture: None, message: &message });
        } else if let Some(index) = command.body.fixture().and_then(|id| self.index_of(id)) {
            self.stop(index, Stop::Sequence, sink);
        }
    }

    /// Stops what a source feeds and may have missed: in play, or about to start.
    fn stop_fed(&mut self, source: &str, stop: Stop, sink: &mut impl Sink) {
        let now_ns = self.now_ns;
        let fed: Vec<usize> = (0..self.fixtures.len())
            .filter(|&index| {
                let fixture = &self.fixtures[index];
                let start_ns = fixture.request.start_ns;
                let is_near = start_ns <= 0 || start_ns <= now_ns.saturating_add(NEAR_START_NS);
                fixture.fed_by == source
                    && !fixture.is_closed()
                    && (is_near || fixture.live.phase() == LivePhase::InPlay)
            })
            .collect();
        fed.into_iter().for_each(|index| self.stop(index, stop, sink));
    }

    /// A feed told how a fixture stands. Prices and probabilities tell nothing of it, nor does what was refused.
    pub(crate) fn hear_of(&mut self, command: &Command) {
        let tells_state = matches!(
            command.body,
            Body::AddFixture(_) | Body::Incident { .. } | Body::Suspend { .. } | Body::Resume { .. }
        );
        if command.origin.channel == Channel::Desk || !tells_state {
            return;
        }
        if let Some(index) = command.body.fixture().and_then(|id| self.index_of(id)) {
            let fixture = &mut self.fixtures[index];
            fixture.heard_ns = self.now_ns;
            if fixture.fed_by != command.origin.source {
                fixture.fed_by.clone_from(&command.origin.source);
            }
        }
    }

    /// A source says that all is as it was told last. By its numbers we know that nothing was lost on the way.
    pub(crate) fn heartbeat(&mut self, command: &Command, is_unbroken: bool, sink: &mut impl Sink) {
        let origin = &command.origin;
        let Some(source) = self.sources.get_mut(&origin.source) else { return };
        source.alive_ns = self.now_ns;
        if !is_unbroken {
            return;
        }
        for index in 0..self.fixtures.len() {
            let stops = self.fixtures[index].stops.set;
            let is_whole = !stops.has(Stop::Gap) && !stops.has(Stop::Sequence);
            if is_whole && !stops.and(UNHEARD).is_empty() && self.fixtures[index].fed_by == origin.source {
                self.lift(index, UNHEARD, sink);
            }
        }
    }

    /// The desk lets a source count anew; what it feeds stays stopped until it tells a score that fits.
    pub(crate) fn reset_source(&mut self, name: &str) -> Result<(), Refusal> {
        let Some(source) = self.sources.get_mut(name) else {
            return Err((Reason::ValueOutOfBounds, format!("source {name} is not known")));
        };
        (source.seq, source.is_lost) = (None, false);
        source.recent.clear();
        Ok(())
    }

    /// Sets a stop of a fixture, and tells it if it is new.
    pub(crate) fn stop(&mut self, index: usize, stop: Stop, sink: &mut impl Sink) {
        self.change_stops(index, sink, |set| set.or(StopSet::of(&[stop])));
    }

    /// Lifts stops of a fixture, and tells it if one was set.
    pub(crate) fn lift(&mut self, index: usize, lifted: StopSet, sink: &mut impl Sink) {
        self.change_stops(index, sink, |set| set.without(lifted));
    }

    /// Changes the stops of a fixture; a new one interrupts trading.
    pub(crate) fn change_stops(
        &mut self,
        index: usize,
        sink: &mut impl Sink,
        change: impl FnOnce(StopSet) -> StopSet,
    ) {
        let fixture = &mut self.fixtures[index];
        let before = fixture.stops.set;
        let after = change(before);
        if after == before {
            return;
        }
        fixture.stops.set = after;
        fixture.interruptions += u64::from(!after.without(before).is_empty());
        let fixture = &self.fixtures[index];
        if !fixture.is_closed() {
            sink.event(Event::Trading { fixture });
        }
        if !before.and(UNHEARD).is_empty() {
            // While nobody had spoken of it, nobody could fall silent.
            self.watch_silence(index);
        }
    }

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
    fn silent_from_ns(&self, fixture: &Fixture) -> i64 {
        let alive_ns = self.sources.get(&fixture.fed_by).map_or(0, |source| source.alive_ns);
        let heard_ns = fixture.heard_ns.max(alive_ns);
        heard_ns.saturating_add(fixture.limits.feed_silence_ms.saturating_mul(1_000_000))
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

    /// Stops what has been silent for too long, and what should have started. Called before every decision as well: a
    /// bet is not taken because nobody looked at the clock.
    pub(crate) fn stop_overdue(&mut self, sink: &mut impl Sink) {
        let now_ns = self.now_ns;
        while let Some(&(due_ns, index)) = self.silence_due.first().filter(|(due_ns, _)| *due_ns < now_ns) {
            self.silence_due.remove(&(due_ns, index));
            let fixture = &self.fixtures[index as usize];
            if fixture.limits.feed_silence_ms == 0 {
                // It was under watch before any silence was allowed.
                continue;
            }
            if self.silent_from_ns(fixture) >= now_ns || fixture.live.phase() != LivePhase::InPlay {
                self.watch_silence(index as usize);
                continue;
            }
            if fixture.is_closed() || !fixture.stops.set.and(UNHEARD).is_empty() {
                continue;
            }
            let (id, silence_ms) = (fixture.id(), fixture.limits.feed_silence_ms);
            let message =
                format!("fixture {id} in play: {} is silent for more than {silence_ms} ms", fed_by(fixture));
            self.stop(index as usize, Stop::Silence, sink);
            sink.event(Event::Alert { alert: "feed_silent", fixture: Some(id), message: &message });
        }
        while let Some(&(due_ns, index)) = self.start_due.first().filter(|(due_ns, _)| *due_ns < now_ns) {
            self.start_due.remove(&(due_ns, index));
            let fixture = &self.fixtures[index as usize];
            let is_over = fixture.live.phase() != LivePhase::PreMatch || fixture.is_closed();
            if is_over || fixture.is_start_waived || fixture.stops.has(Stop::StartPassed) {
                continue;
            }
            let id = fixture.id();
            let message = format!("fixture {id} should have started, and no feed says so");
            self.stop(index as usize, Stop::StartPassed, sink);
            sink.event(Event::Alert { alert: "start_passed", fixture: Some(id), message: &message });
        }
    }

    /// A process starts at this time: what was in play went on without us, and the journal's time may be ahead of the
    /// clock that now counts.
    pub(crate) fn start_epoch(&mut self, epoch: u32, time_ns: i64, sink: &mut impl Sink) {
        self.epoch = epoch;
        let ahead_ns = self.now_ns.saturating_sub(time_ns);
        if ahead_ns > 0 && self.now_ns != i64::MIN {
            self.set_back(ahead_ns);
            let message =
                format!("the journal's time was {ahead_ns} ns ahead of the clock, and goes back to it");
            sink.event(Event::Alert { alert: "clock_went_back", fixture: None, message: &message });
        }
        self.now_ns = time_ns;
        self.sources.values_mut().for_each(|source| (source.heard_ns, source.alive_ns) = (0, 0));
        for index in 0..self.fixtures.len() {
            let fixture = &mut self.fixtures[index];
            fixture.heard_ns = 0;
            if fixture.live.phase() == LivePhase::InPlay && !fixture.is_closed() {
                self.stop(index, Stop::Restart, sink);
            } else if fixture.stops.has(Stop::StartPassed) && self.starts_at_ns(index) > time_ns {
                // By the clock that counts now its start is yet to come.
                self.lift(index, StopSet::of(&[Stop::StartPassed]), sink);
                self.watch_start(index);
            }
        }
    }

    /// Until when a fixture is traded without a word that it started.
    fn starts_at_ns(&self, index: usize) -> i64 {
        let grace_ns = self.config.start_grace_ms.saturating_mul(1_000_000);
        self.fixtures[index].request.start_ns.saturating_add(grace_ns)
    }

    /// Times that are yet to come stay as far away as they were.
    fn set_back(&mut self, by_ns: i64) {
        let earlier = |time_ns: i64| time_ns.saturating_sub(by_ns);
        self.weighed_ns = if self.weighed_ns == i64::MIN { i64::MIN } else { earlier(self.weighed_ns) };
        self.settling.set_back(by_ns);
        self.delayed = std::mem::take(&mut self.delayed)
            .into_iter()
            .map(|(due_ns, index)| {
                self.tickets[index as usize].due_ns = earlier(due_ns);
                (earlier(due_ns), index)
            })
            .collect();
    }
}

/// Stops of a fixture that nobody has spoken of.
const UNHEARD: StopSet = StopSet::of(&[Stop::Silence, Stop::Restart]);

/// The name of who feeds a fixture.
fn fed_by(fixture: &Fixture) -> &str {
    if fixture.fed_by.is_empty() { "its feed" } else { &fixture.fed_by }
}

impl Body {
    /// The fixture that a feed speaks of.
    pub fn fixture(&self) -> Option<oddsengine_types::FixtureId> {
        match self {
            Self::AddFixture(request) => Some(request.fixture),
            Self::SetPrices { fixture, .. }
            | Self::Incident { fixture, .. }
            | Self::Suspend { fixture, .. }
            | Self::Resume { fixture, .. }
            | Self::SettleMarket { fixture, .. }
            | Self::VoidFixture { fixture, .. }
            | Self::SetModelInputs { fixture, .. }
            | Self::SetProbabilities { fixture, .. } => Some(*fixture),
            _ => None,
        }
    }
}

/// A hash that tells a repeated message from another one of the same number.
fn hash_of(command: &Command) -> u64 {
    let mut bytes = Vec::with_capacity(96);
    command.origin.source_ns.encode(&mut bytes);
    command.body.encode(&mut bytes);
    let mut hasher = StateHasher::default();
    hasher.update(&bytes);
    let StateHash(hash) = hasher.finish();
    u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}
