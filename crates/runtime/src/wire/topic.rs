//! Topics and their frame numbers: per topic from 1, without gaps, within an epoch.

use oddsengine_engine::Fixture;
use oddsengine_types::{FixtureId, IdMap, TicketId};

/// Topic of the heartbeat.
pub const HEARTBEAT: &[u8] = b"hb";
/// Topic of settlements.
pub const DESK_SETTLEMENT: &[u8] = b"desk.settlement";
/// Topic of the desk's own heartbeat.
pub const DESK_HEARTBEAT: &[u8] = b"desk.heartbeat";
/// Topic of alerts.
pub const DESK_ALERT: &[u8] = b"desk.alert";
/// Most tails of one heartbeat; the rest follows in the next.
pub const TAILS_MAX: usize = 1_024;

/// Topic of the decisions on a ticket: `desk.ticket.<32 hexadecimal digits>`.
pub fn desk_ticket_topic(ticket: TicketId) -> Vec<u8> {
    format!("desk.ticket.{:032x}", ticket.0).into_bytes()
}

/// The streams of the desk socket: each numbers its frames, whatever their topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskStream {
    /// `desk.ticket.` and an id.
    Ticket,
    /// `desk.settlement`.
    Settlement,
    /// `desk.alert`.
    Alert,
}

/// The topics of a fixture and the numbers of their last frames.
#[derive(Clone, Debug)]
pub struct FixtureTopics {
    /// `odds.<sport>.<competition>.<fixture>`
    pub odds: Vec<u8>,
    /// `oddsbin.<sport>.<competition>.<fixture>`; its frames carry the numbers of the odds frames.
    pub binary: Vec<u8>,
    /// `status.<sport>.<competition>.<fixture>`
    pub status: Vec<u8>,
    /// Number of the last odds frame, 0 before the first.
    pub odds_seq: u64,
    /// Number of the last status frame, 0 before the first.
    pub status_seq: u64,
    has_traffic: bool,
}

/// The last frame numbers of a fixture: who lags behind them has missed the end of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The fixture.
    pub fixture: FixtureId,
    /// Number of the last odds frame.
    pub odds_seq: u64,
    /// Number of the last status frame.
    pub status_seq: u64,
}

/// Hands out topics and frame numbers; lives as long as the process, which is one epoch.
#[derive(Clone, Debug, Default)]
pub struct TopicSequencer {
    fixtures: IdMap<FixtureId, FixtureTopics>,
    /// Fixtures with traffic since the last heartbeat, in order of the first frame.
    traffic: Vec<FixtureId>,
    /// The highest number of a topic that was forgotten: one that comes back goes on above it, so that whoever follows it sees
    /// that numbers are missing, and none twice.
    forgotten_seq: u64,
    heartbeat_seq: u64,
    desk_seq: [u64; 3],
}

impl TopicSequencer {
    /// The topics of a fixture, numbers as they stand: what an image carries.
    pub fn topics(&mut self, fixture: &Fixture) -> &FixtureTopics {
        self.entry(fixture)
    }

    /// The topics of a fixture after one more odds frame; its number is `odds_seq`.
    pub fn next_odds(&mut self, fixture: &Fixture) -> &FixtureTopics {
        self.note_traffic(fixture);
        let topics = self.entry(fixture);
        topics.odds_seq += 1;
        topics
    }

    /// The topics of a fixture after one more status frame; its number is `status_seq`.
    pub fn next_status(&mut self, fixture: &Fixture) -> &FixtureTopics {
        self.note_traffic(fixture);
        let topics = self.entry(fixture);
        topics.status_seq += 1;
        topics
    }

    /// The number of the next heartbeat.
    pub fn next_heartbeat(&mut self) -> u64 {
        self.heartbeat_seq += 1;
        self.heartbeat_seq
    }

    /// The number of the next frame of a desk stream.
    pub fn next_desk(&mut self, stream: DeskStream) -> u64 {
        let seq = &mut self.desk_seq[stream as usize];
        *seq += 1;
        *seq
    }

    /// The number of the last frame of a desk stream, 0 before the first.
    pub fn last_desk(&self, stream: DeskStream) -> u64 {
        self.desk_seq[stream as usize]
    }

    /// Numbers of a desk stream that are never told: a subscriber notices that they are missing.
    pub fn skip_desk(&mut self, stream: DeskStream, count: u64) {
        self.desk_seq[stream as usize] += count;
    }

    /// The tails of up to [`TAILS_MAX`] fixtures with traffic since they were last taken.
    pub fn take_tails(&mut self, out: &mut Vec<Tail>) {
        out.clear();
        let count = self.traffic.len().min(TAILS_MAX);
        for fixture in self.traffic.drain(..count) {
            let Some(topics) = self.fixtures.get_mut(&fixture) else { continue };
            topics.has_traffic = false;
            out.push(Tail { fixture, odds_seq: topics.odds_seq, status_seq: topics.status_seq });
        }
    }

    fn note_traffic(&mut self, fixture: &Fixture) {
        let topics = self.entry(fixture);
        if !std::mem::replace(&mut topics.has_traffic, true) {
            self.traffic.push(fixture.id());
        }
    }

    /// A fixture is back in the hot state.
    pub fn resume(&mut self, fixture: &Fixture) {
        let next_seq = self.forgotten_seq + 1;
        let topics = self.entry(fixture);
        topics.odds_seq = topics.odds_seq.max(next_seq);
        topics.status_seq = topics.status_seq.max(next_seq);
    }

    /// A fixture left the hot state.
    pub fn forget(&mut self, fixture: FixtureId) {
        if let Some(topics) = self.fixtures.remove(&fixture) {
            self.forgotten_seq = self.forgotten_seq.max(topics.odds_seq).max(topics.status_seq);
            if topics.has_traffic {
                self.traffic.retain(|&other| other != fixture);
            }
        }
    }

    fn entry(&mut self, fixture: &Fixture) -> &mut FixtureTopics {
        self.fixtures.entry(fixture.id()).or_insert_with(|| FixtureTopics::new(fixture))
    }
}

impl FixtureTopics {
    fn new(fixture: &Fixture) -> Self {
        let request = &fixture.request;
        let sport = oddsengine_markets::sports()[usize::from(request.sport().0)];
        let competition = topic_word(&request.competition);
        let topic = |kind: &str| format!("{kind}.{sport}.{competition}.{}", request.fixture).into_bytes();
        Self {
            odds: topic("odds"),
            binary: topic("oddsbin"),
            status: topic("status"),
            odds_seq: 0,
            status_seq: 0,
            has_traffic: false,
        }
    }
}

/// A name as one level of a topic: letters, digits, `-` and `_` stay, everything else becomes `_`.
fn topic_word(name: &str) -> String {
    let keeps = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    name.chars().map(|letter| if keeps(letter) { letter } else { '_' }).collect()
}
