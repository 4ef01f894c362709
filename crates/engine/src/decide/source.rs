//! What feeds owe us: numbers in order, signs of life, starts in time. Where one is missing, trading of what the feed
//! tells stops with a reason until a message proves that nothing was missed.

use oddsengine_facts::command::{SEQ_JUMP_MAX, SOURCES_MAX};
use oddsengine_facts::{Body, Channel, Command, Fact, Reason, Stop, StopSet};
use oddsengine_markets::LivePhase;
use oddsengine_types::{Encode, StateHash, StateHasher};

use crate::state::fixture::Fixture;
use crate::state::sources::UNHEARD;
use crate::step::{Refusal, Step};

/// Before its start by so long a fixture counts as about to start: a gap may have held the start.
const NEAR_START_NS: i64 = 3_600_000_000_000;

/// Most fixtures that one command stops for the silence of their feed, and that many for a start that nobody told.
pub const STOPPED_PER_RECORD: usize = 64;

/// Most fixtures that one sign of life brings back; the others wait for the next.
pub const LIFTED_PER_HEARTBEAT: usize = 128;

/// What becomes of a message by its number.
pub(super) enum Heard {
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

impl Step<'_> {
    /// Takes note of who sent a command and by which number.
    pub(super) fn hear(&mut self, command: &Command) -> Heard {
        let origin = &command.origin;
        if origin.channel != Channel::Feed && origin.seq.is_none() {
            return Heard::Taken { is_unbroken: false };
        }
        if !self.sources.contains_key(&origin.source)
            && self.sources.len() == SOURCES_MAX
            && !self.forget_sources()
        {
            return Heard::Refused((
                Reason::ValueOutOfBounds,
                format!("source {} is one more than {SOURCES_MAX}", origin.source),
            ));
        }
        let source = origin.source.clone();
        let Some(seq) = origin.seq else {
            self.fact(Fact::SourceHeard { source, numbered: None, expected: None });
            return Heard::Taken { is_unbroken: false };
        };
        let hash = hash_of(command);
        let known = self.sources.get(&source);
        let was_lost = known.is_some_and(|known| known.is_lost);
        match known.and_then(|known| known.seq) {
            Some(last) if seq <= last => {
                let is_lost = !known.is_some_and(|known| known.repeats(seq, hash));
                self.fact(Fact::SourceRepeated { source, is_lost });
                if is_lost {
                    self.lose_place(command, was_lost, &format!("its number {seq} is not above {last}"));
                }
                Heard::Repeated
            }
            Some(last) if seq - last > SEQ_JUMP_MAX => {
                self.fact(Fact::SourceLost { source });
                let why = format!("its number {seq} is more than {SEQ_JUMP_MAX} above {last}");
                self.lose_place(command, was_lost, &why);
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
                let expected = last.map(|last| last + 1).filter(|&expected| expected < seq);
                self.fact(Fact::SourceHeard { source, numbered: Some((seq, hash)), expected });
                if expected.is_some() {
                    self.stop_fed(&origin.source, Stop::Gap);
                }
                Heard::Taken { is_unbroken: last.is_some() && expected.is_none() }
            }
        }
    }

    /// Makes room for sources: of those that feed nothing the half goes that was silent longest, so that it is seldom
    /// looked for. Names cost nobody anything, and must not lock out the feeds of tomorrow. `false` where all feed
    /// something.
    fn forget_sources(&mut self) -> bool {
        let idle = self.sources.iter().filter(|(name, _)| !self.feeds_something(name));
        let mut idle: Vec<(i64, String)> =
            idle.map(|(name, source)| (source.heard_ns, name.clone())).collect();
        idle.sort_unstable();
        idle.truncate(idle.len().div_ceil(2));
        if idle.is_empty() {
            return false;
        }
        let message = format!("{} sources that feed nothing made room for others", idle.len());
        self.fact(Fact::SourcesForgotten { sources: idle.into_iter().map(|(_, name)| name).collect() });
        self.alert("sources_forgotten", None, message);
        true
    }

    /// A source counts backwards or jumps: we follow neither, and sell nothing of what it feeds.
    fn lose_place(&mut self, command: &Command, was_lost: bool, why: &str) {
        let source = &command.origin.source;
        if !was_lost {
            self.stop_fed(source, Stop::Sequence);
            let message = format!("{source} has lost its place: {why}; reset_source lets it count anew");
            self.alert("source_out_of_order", None, message);
        } else if let Some(index) = command.body.fixture().and_then(|id| self.index_of(id)) {
            self.stop(index, Stop::Sequence);
        }
    }

    /// Stops what a source feeds and may have missed: in play, or about to start.
    fn stop_fed(&mut self, source: &str, stop: Stop) {
        let now_ns = self.now_ns;
        let of_source = self.derived.fed.get(source).into_iter().flatten().map(|&index| index as usize);
        let fed: Vec<usize> = of_source
            .filter(|&index| {
                let fixture = &self.fixtures[index];
                let start_ns = fixture.request.start_ns;
                let is_near = start_ns <= 0 || start_ns <= now_ns.saturating_add(NEAR_START_NS);
                !fixture.is_closed() && (is_near || fixture.live.phase() == LivePhase::InPlay)
            })
            .collect();
        fed.into_iter().for_each(|index| self.stop(index, stop));
    }

    /// A feed told how a fixture stands. Prices and probabilities tell nothing of it, nor does what was refused.
    pub(super) fn hear_of(&mut self, command: &Command) {
        let tells_state = matches!(
            command.body,
            Body::AddFixture(_) | Body::Incident { .. } | Body::Suspend { .. } | Body::Resume { .. }
        );
        if command.origin.channel == Channel::Desk || !tells_state {
            return;
        }
        if let Some(fixture) = command.body.fixture().filter(|&id| self.index_of(id).is_some()) {
            let known = self.fixture(fixture).map_or("", |fixture| &fixture.fed_by);
            let source = (known != command.origin.source).then(|| command.origin.source.clone());
            self.fact(Fact::FixtureHeard { fixture, source });
        }
    }

    /// A source says that all is as it was told last. By its numbers we know that nothing was lost on the way.
    pub(super) fn heartbeat(&mut self, command: &Command, is_unbroken: bool) {
        let source = &command.origin.source;
        if !self.sources.contains_key(source) {
            return;
        }
        self.fact(Fact::SourceAlive { source: source.clone() });
        if !is_unbroken {
            return;
        }
        let unheard = self.derived.unheard.get(source).into_iter().flatten();
        let lifted: Vec<u32> = unheard.copied().take(LIFTED_PER_HEARTBEAT).collect();
        lifted.into_iter().for_each(|index| self.lift(index as usize, UNHEARD));
    }

    /// The desk lets a source count anew; what it feeds stays stopped until it tells a score that fits.
    pub(super) fn reset_source(&mut self, name: &str) -> Result<(), Refusal> {
        if !self.sources.contains_key(name) {
            return Err((Reason::ValueOutOfBounds, format!("source {name} is not known")));
        }
        self.fact(Fact::SourceReset { source: name.to_string() });
        Ok(())
    }

    /// Stops what has been silent for too long, and what should have started, as many as one command stops; the others wait
    /// for the next ticks, and [nothing is sold](crate::State::is_overdue) on them meanwhile. Called before every decision as
    /// well: a bet is not taken because nobody looked at the clock.
    pub(super) fn stop_overdue(&mut self) {
        self.begin_watch();
        if !self.watch_is_due(self.now_ns) {
            return;
        }
        for index in self.take_silent(STOPPED_PER_RECORD) {
            let fixture = &self.fixtures[index];
            let (id, silence_ms) = (fixture.id(), fixture.limits.feed_silence_ms);
            let message =
                format!("fixture {id} in play: {} is silent for more than {silence_ms} ms", fed_by(fixture));
            self.stop(index, Stop::Silence);
            self.alert("feed_silent", Some(id), message);
        }
        for index in self.take_late(STOPPED_PER_RECORD) {
            let id = self.fixtures[index].id();
            let message = format!("fixture {id} should have started, and no feed says so");
            self.stop(index, Stop::StartPassed);
            self.alert("start_passed", Some(id), message);
        }
    }

    /// A process starts at this time: what was in play went on without us, and the journal's time may be ahead of the
    /// clock that now counts.
    pub(super) fn start_epoch(&mut self, epoch: u32, time_ns: i64) {
        let back_ns = self.now_ns.saturating_sub(time_ns);
        self.fact(Fact::EpochStarted { epoch, back_ns });
        if back_ns > 0 {
            let message =
                format!("the journal's time was {back_ns} ns ahead of the clock, and goes back to it");
            self.alert("clock_went_back", None, message);
        }
        for index in self.fixtures.taken() {
            // What waited to be read is gone with the process that had seen it.
            self.lift(index, StopSet::of(&[Stop::Halt]));
            let fixture = &self.fixtures[index];
            if fixture.live.phase() == LivePhase::InPlay && !fixture.is_closed() {
                self.stop(index, Stop::Restart);
            } else if fixture.stops.has(Stop::StartPassed) && self.starts_at_ns(index) > time_ns {
                // By the clock that counts now its start is yet to come.
                self.lift(index, StopSet::of(&[Stop::StartPassed]));
            }
        }
    }
}

/// The name of who feeds a fixture.
fn fed_by(fixture: &Fixture) -> &str {
    if fixture.fed_by.is_empty() { "its feed" } else { &fixture.fed_by }
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
