//! The service: one engine, its journal, and frames in and out. A loop around sockets calls it; it opens none.
//!
//! A turn is: hand in messages ([`Service::ingest`], [`Service::order`], [`Service::snapshot_request`]), end it
//! ([`Service::end_turn`]), send what [`Service::take_frames`] gives, in that order. Within a turn the changes of
//! a fixture's board are conflated to one frame; trading status never is, and leaves first. Frames about money
//! wait until the journal holds their command ([`Service::durable`]).
//!
//! Decide, record, fold: a command that the journal has no room for is not decided; what was decided is recorded with it,
//! and told once the record is durable.

mod ahead;
mod answer;
mod archive;
mod archive_survey;
pub mod bounds;
mod desk;
mod effects;
mod hashing;
mod images;
mod models;
mod outbox;
mod recovery;
mod redecide;
mod replay;
mod retired;
mod rights;
mod step;
mod tables;
mod told;
mod weight;

pub use desk::{
    ALERT_BYTES_KEPT_MAX, ALERTS_KEPT_MAX, DESK_BURST, DESK_FRAMES_PER_S, DESK_FRAMES_PER_TURN,
    DESK_WAITING_BYTES_MAX, ROUTES_PER_TICKET_MAX,
};
pub use effects::Effects;
pub use hashing::HASHES_WAITING_MAX;
pub use models::RegisterModelError;
pub use outbox::{Frame, Socket};
pub use recovery::{
    Origin as StateOrigin, QuarantineOrder, RecordFault, RecoveryError, ReplayReport, StartReport,
    quarantine, quarantine_sentence, release, replay_engine, replay_journal,
};
pub use redecide::{DIFFERENCES_MAX, Difference, RedecideReport, redecide_journal};
pub use rights::{
    Asked, Asker, CUSTOMER_RANGES_PER_KEY_MAX, Customers, Door, Grants, Rights, RightsError, Role,
    SOURCES_PER_KEY_MAX, Sources,
};
pub use step::INHERITED_PER_TURN;
pub use tables::{COMMAND_BYTES_KEPT_MAX, COMMANDS_KEPT_MAX};
pub use weight::{BATCH_REPLY_BYTES_MAX, HEAVY_WEIGHT, WEIGHT_PER_TURN};

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use oddsengine_engine::{Body, Command, Config, Engine, Fixture, Origin, Reason, Source, StateImage};
use oddsengine_feeds::{FeedError, Query, RequestBody, decode_ingest, decode_order};
use oddsengine_markets::SpaceId;
use oddsengine_types::{FixtureId, IdMap, Part, TicketId};

use crate::foreign::ForeignModel;
use crate::journal::{
    Image, JournalError, JournalHandle, JournalStatus, JournalWriter, OpenOptions, WAL_BYTES_WARNED,
};
use crate::wire::{FEEDS_TOLD_MAX, FeedHealth, Header, Health, Heartbeat, Tail, TopicSequencer, heartbeat};
use desk::Desk;
use images::ImagePages;
use outbox::Outbox;
use told::BoardCause;
use weight::Work;

/// What this build is called in the journals that it writes.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Most records waiting for the disk before the service stops reading feeds.
pub const INGEST_BACKLOG_MAX: u64 = 200_000;

/// Most formats of fixtures (runners and terms of a race, squads of a match) whose markets a process keeps.
pub const FORMATS_MAX: usize = 512;

/// How a service starts.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The journal's file; `None` keeps everything in memory.
    pub journal: Option<PathBuf>,
    /// The platform configuration; journaled when it differs from the journal's.
    pub config: Config,
    /// Records between two snapshots; 0 for none but the one at a clean shutdown.
    pub snapshot_every: u64,
    /// Now.
    pub now_ns: i64,
}

/// Counts of what came in and went out since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceCounters {
    /// Messages read from `ingest`.
    pub ingest_count: u64,
    /// Requests read from `orders`.
    pub order_count: u64,
    /// Messages that were not understood, by error code.
    pub malformed_count: BTreeMap<&'static str, u64>,
    /// Fields that no decoder knows.
    pub unknown_field_count: u64,
    /// Board frames sent.
    pub board_frame_count: u64,
    /// Board changes that were conflated into a frame with others.
    pub conflated_count: u64,
    /// Trading frames sent.
    pub trading_frame_count: u64,
    /// Requests refused because the journal was unavailable.
    pub journal_refusal_count: u64,
    /// Requests answered with `busy`, `batch_full` or `batch_too_heavy`.
    pub busy_count: u64,
    /// Requests that waited for a bet delay and were dropped for later ones.
    pub superseded_count: u64,
    /// Messages and requests of which whoever sent them has no right, by its name.
    pub not_permitted_count: BTreeMap<String, u64>,
    /// Alerts left out because there were too many of their kind.
    pub left_out_alert_count: u64,
    /// Times that the archive could not be read, or not be used.
    pub archive_failures: u64,
}

/// One engine with its journal and its frames.
#[derive(Debug)]
pub struct Service {
    engine: Engine,
    journal: Option<JournalWriter>,
    /// Sequence number of the last record; counted here when there is no journal.
    last_seq: u64,
    outbox: Outbox,
    topics: TopicSequencer,
    /// Why boards changed in this turn, by fixture; and by the latest command that was about none.
    causes: BTreeMap<FixtureId, BoardCause>,
    last_cause: Option<BoardCause>,
    /// The latest settings of a scope: what boards change for that nothing happened to.
    settings_cause: Option<BoardCause>,
    desk: Desk,
    desk_heartbeat_seq: u64,
    commands: tables::DeskCommands,
    work: Work,
    image_pages: ImagePages,
    hashing: hashing::Hashing,
    /// Fixtures inherited settings of a scope in this turn.
    has_inherited: bool,
    /// Who waits for the end of a bet delay.
    routes: IdMap<TicketId, Vec<Route>>,
    alert_pace: BTreeMap<String, told::AlertPace>,
    /// While a batch is carried out: the answer to its present request, collected instead of sent.
    collecting: Option<Option<Vec<u8>>>,
    publishes_binary: bool,
    tails: Vec<Tail>,
    /// Foreign models, by the space that they price.
    models: BTreeMap<SpaceId, ForeignModel>,
    counters: ServiceCounters,
    /// Who may ask what.
    rights: Rights,
    /// Who asks for the largest stake at present: a channel may be switched off.
    asked_by: Origin,
    snapshot_every: u64,
    snapshot_seq: u64,
    record: Vec<u8>,
    start_report: StartReport,
    /// Why the state is half changed: a command made the engine panic. Nothing is done any more.
    panic_reason: Option<String>,
    /// [`Service::close`] was called: nothing is taken any more, and nothing more is acknowledged.
    is_closed: bool,
    /// See [`OpenOptions::panic_at_seq`].
    panic_at_seq: Option<u64>,
    /// What the desk was told of the journal last.
    told_journal: Option<&'static str>,
    /// Messages seen ahead of their order that halt a fixture, by fixture: how many wait.
    halts: BTreeMap<FixtureId, u32>,
    archive: archive::Archive,
}

/// Whom the answer to a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub identity: Vec<u8>,
    pub request_id: String,
    pub received_ns: i64,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The value and what is allowed.
    pub detail: String,
}

/// A command of this process that was not carried out.
#[derive(Debug)]
pub enum CommandError {
    /// The engine refused it.
    Refused(Refusal),
    /// The journal does not take it; nothing changed.
    Journal(JournalError),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(Refusal { reason, detail }) => write!(f, "{}: {detail}", reason.name()),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

impl Service {
    /// Opens the journal, recovers the state, starts a new epoch.
    ///
    /// # Errors
    /// The journal cannot be opened, is damaged, or holds what this build does not understand.
    pub fn start(options: ServiceOptions) -> Result<Self, RecoveryError> {
        Self::start_with(options, OpenOptions::default())
    }

    /// As [`Service::start`], with options of the journal: whether it must be there, an anchor, bounds, faults.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn start_with(options: ServiceOptions, opening: OpenOptions) -> Result<Self, RecoveryError> {
        let panic_at_seq = opening.panic_at_seq;
        let recovery::Opened { engine, journal, last_seq, report, archive_fault } =
            recovery::open(&options, opening)?;
        let mut service = Self {
            desk: Desk::start_after(engine.last_change_seq()),
            desk_heartbeat_seq: 0,
            commands: tables::DeskCommands::start_after(last_seq),
            work: Work::default(),
            image_pages: ImagePages::default(),
            hashing: hashing::Hashing::default(),
            has_inherited: false,
            engine,
            last_seq,
            snapshot_seq: last_seq,
            journal,
            outbox: Outbox::default(),
            topics: TopicSequencer::default(),
            causes: BTreeMap::new(),
            last_cause: None,
            settings_cause: None,
            routes: IdMap::default(),
            alert_pace: BTreeMap::new(),
            collecting: None,
            publishes_binary: false,
            tails: Vec::new(),
            models: BTreeMap::new(),
            counters: ServiceCounters::default(),
            rights: Rights::default(),
            asked_by: Origin::default(),
            snapshot_every: options.snapshot_every,
            record: Vec::new(),
            start_report: report,
            panic_reason: None,
            is_closed: false,
            panic_at_seq,
            told_journal: None,
            halts: BTreeMap::new(),
            archive: archive::Archive::broken(archive_fault),
        };
        let epoch = match &service.journal {
            Some(journal) => u32::try_from(journal.epoch()).map_err(|_| RecoveryError::EpochExhausted)?,
            None => service.engine.epoch() + 1,
        };
        service.command_of_runtime(Body::EpochStarted { epoch }, options.now_ns)?;
        // A release writes down what is in force when it starts: the defaults of a later one may be others.
        if service.engine.release() != RELEASE {
            let config = Box::new(options.config);
            service.command_of_runtime(
                Body::ReleaseStarted { release: RELEASE.to_owned(), config },
                options.now_ns,
            )?;
        } else if !service.engine.has_config(&options.config) {
            service.command_of_runtime(Body::Configure(Box::new(options.config)), options.now_ns)?;
        }
        service.end_turn();
        Ok(service)
    }

    fn command_of_runtime(&mut self, body: Body, now_ns: i64) -> Result<(), RecoveryError> {
        let command = Command { time_ns: now_ns, origin: Origin::default(), body };
        self.run(&command, None).map_err(RecoveryError::from)
    }

    /// One command of this process: spaces, probabilities.
    ///
    /// # Errors
    /// The engine refused it, or the journal does not take it.
    pub fn command(&mut self, source: &str, body: Body, now_ns: i64) -> Result<(), CommandError> {
        let origin = Origin { source: source.into(), source_ns: now_ns, ..Origin::default() };
        match self.step(&Command { time_ns: now_ns, origin, body }, None) {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(CommandError::Refused(refusal)),
            Err(error) => Err(CommandError::Journal(error)),
        }
    }

    /// One message of the `ingest` socket, of a connection without a key.
    pub fn ingest(&mut self, payload: &[u8], now_ns: i64) {
        self.ingest_of(None, payload, now_ns);
    }

    /// One message of the `ingest` socket, and the name of the key of its connection.
    pub fn ingest_of(&mut self, key: Option<&str>, payload: &[u8], now_ns: i64) {
        if self.panic_reason.is_some() {
            return;
        }
        self.counters.ingest_count += 1;
        match decode_ingest(payload, now_ns) {
            Ok(decoded) => {
                self.counters.unknown_field_count += u64::from(decoded.unknown_fields);
                let mut command = decoded.value;
                if let Err(Refusal { detail, .. }) =
                    self.admit_command(Asker::of(key, Door::Ingest), &mut command)
                {
                    self.alert("not_permitted", &detail, None, now_ns);
                    return;
                }
                if let Some(message) = one_format_too_many(&command) {
                    self.alert("feed_refused", &message, None, now_ns);
                    return;
                }
                if let Err(error) = self.run(&command, None) {
                    self.alert("journal_unavailable", &error.to_string(), None, now_ns);
                }
            }
            Err(error) => {
                *self.counters.malformed_count.entry(error.code).or_default() += 1;
                self.alert("feed_error", &error.to_string(), None, now_ns);
            }
        }
    }

    /// One request of the `orders` socket, of a connection without a key.
    pub fn order(&mut self, identity: &[u8], payload: &[u8], now_ns: i64) {
        self.order_of(None, identity, payload, now_ns);
    }

    /// One request of the `orders` socket, and the name of the key of its connection.
    pub fn order_of(&mut self, key: Option<&str>, identity: &[u8], payload: &[u8], now_ns: i64) {
        self.request(Socket::Orders, Asker::of(key, Door::Orders), identity, payload, now_ns);
    }

    /// One request of the `snapshot` socket, of a connection without a key.
    pub fn snapshot_request(&mut self, identity: &[u8], payload: &[u8], now_ns: i64) {
        self.snapshot_request_of(None, identity, payload, now_ns);
    }

    /// One request of the `snapshot` socket, and the name of the key of its connection.
    pub fn snapshot_request_of(&mut self, key: Option<&str>, identity: &[u8], payload: &[u8], now_ns: i64) {
        self.request(Socket::Snapshot, Asker::of(key, Door::Snapshot), identity, payload, now_ns);
    }

    fn request(&mut self, socket: Socket, asker: Asker<'_>, identity: &[u8], payload: &[u8], now_ns: i64) {
        if self.panic_reason.is_some() {
            return;
        }
        self.counters.order_count += 1;
        match decode_order(payload, now_ns) {
            Ok(decoded) => {
                self.counters.unknown_field_count += u64::from(decoded.unknown_fields);
                let request = decoded.value;
                let route = Route {
                    identity: identity.to_vec(),
                    request_id: request.request_id,
                    received_ns: now_ns,
                };
                let mut body = request.body;
                let is_misplaced = socket == Socket::Snapshot && !is_for_snapshot(&body);
                let admitted = if is_misplaced { Ok(()) } else { self.admit(asker, &mut body) };
                // What is not carried out does not take the turn from others.
                let is_done = admitted.is_ok() && !is_misplaced;
                let weight = if is_done { self.weight_of(&body) } else { 1 };
                self.work.add(socket, weight);
                match (admitted, body) {
                    _ if is_misplaced => {
                        let message = "the snapshot socket takes image, images and ping; everything else goes to orders";
                        self.reply_error(
                            socket,
                            identity,
                            Some(&route.request_id),
                            "unknown_type",
                            message,
                            now_ns,
                        );
                    }
                    (Err(Refusal { reason, detail }), _) => {
                        let payload = self.refusal(&route, reason, &detail);
                        self.send_to(socket, &route, payload, None);
                    }
                    (Ok(()), RequestBody::Batch(requests)) => {
                        self.answer_batch(socket, asker, &route, requests);
                    }
                    (Ok(()), body) => self.answer(socket, &route, body),
                }
            }
            Err(error) => {
                self.work.add(socket, 1);
                self.answer_error(socket, identity, &error, now_ns);
            }
        }
    }

    fn answer_error(&mut self, socket: Socket, identity: &[u8], error: &FeedError, now_ns: i64) {
        *self.counters.malformed_count.entry(error.code).or_default() += 1;
        self.reply_error(socket, identity, error.request_id.as_deref(), error.code, &error.message, now_ns);
    }

    /// Publishes every board change in the binary encoding as well; switched on while somebody subscribes to it.
    pub fn set_binary(&mut self, publishes: bool) {
        self.publishes_binary = publishes;
    }

    /// The feed of a fixture in play has been silent for too long: its prices may be out of date.
    pub(crate) fn is_stale(&self, fixture: &Fixture, now_ns: i64) -> bool {
        self.engine.is_stale(fixture, now_ns)
    }

    /// Ends bet delays, notices silent feeds and weighs accumulators, if there is anything to do.
    ///
    /// `read_ns`: everything that the feeds had delivered by then has been handed in. No bet delay that ends later is
    /// decided.
    pub fn tick(&mut self, now_ns: i64, read_ns: i64) {
        if self.panic_reason.is_none() && self.engine.needs_tick(now_ns, read_ns) {
            let command =
                Command { time_ns: now_ns, origin: Origin::default(), body: Body::Tick { read_ns } };
            // An unavailable journal is told with the heartbeat; the tick comes again.
            let _ = self.run(&command, None);
        }
    }

    /// When [`Service::tick`] will have something to do for a bet delay.
    pub fn next_due_ns(&self) -> Option<i64> {
        self.engine.next_due_ns()
    }

    /// Ends a turn: encodes the conflated boards, hands the journal group to the committer, takes a snapshot when
    /// one is due.
    pub fn end_turn(&mut self) {
        if self.panic_reason.is_some() {
            return;
        }
        self.flush_boards();
        if !self.work.is_shared {
            self.make_all_images();
        }
        self.answer_hashes();
        self.work.end_turn();
        self.has_inherited = false;
        let Some(journal) = &mut self.journal else {
            // What waits after the end of the journal was not written, and is never acknowledged.
            if !self.is_closed {
                self.outbox.release(u64::MAX);
                self.desk.release(u64::MAX);
            }
            return;
        };
        // A poisoned journal is told by `poison_reason`; nothing that waits is released any more.
        let _ = journal.flush();
        if self.snapshot_every > 0 && self.last_seq >= self.snapshot_seq + self.snapshot_every {
            self.write_snapshot();
        }
        self.durable();
    }

    fn write_snapshot(&mut self) {
        if let Some(journal) = &mut self.journal {
            self.snapshot_seq = self.last_seq;
            let image = Box::new(self.engine.image());
            let _ = journal.write_snapshot(self.last_seq, oddsengine_engine::SNAPSHOT_VERSION, image);
        }
    }

    /// Releases what became durable; call it when [`Service::wakeup_fd`] is readable.
    pub fn durable(&mut self) {
        if let Some(journal) = &self.journal {
            let durable_seq = journal.drain_wakeup();
            self.outbox.release(durable_seq);
            self.desk.release(durable_seq);
            self.forget_archived(durable_seq);
        }
    }

    /// Readable when the durable mark moved; `None` in memory.
    pub fn wakeup_fd(&self) -> Option<RawFd> {
        self.journal.as_ref().map(|journal| journal.as_raw_fd())
    }

    /// The frames to send now, trading status first, stamped with the time of sending. Those of a paced desk socket are
    /// [apart](Service::take_desk_frames).
    pub fn take_frames(&mut self, now_ns: i64) -> Vec<Frame> {
        if self.panic_reason.is_some() {
            return Vec::new();
        }
        let mut frames = self.outbox.take();
        self.add_desk_frames(now_ns, &mut frames);
        outbox::stamp(&mut frames, now_ns);
        frames
    }

    /// Why the journal is poisoned, or the state half changed by a panic, if it is: stop the process.
    pub fn poison_reason(&self) -> Option<String> {
        if let Some(reason) = &self.panic_reason {
            return Some(reason.clone());
        }
        match self.journal.as_ref()?.status() {
            JournalStatus::Poisoned(reason) => Some(reason),
            _ => None,
        }
    }

    /// Money commands are taken.
    pub fn takes_money(&self) -> bool {
        self.panic_reason.is_none()
            && !self.is_closed
            && self.journal.as_ref().is_none_or(|journal| journal.status().is_healthy())
    }

    /// The disk is full or held by another program. What was appended waits in memory, and queries do not wait for it.
    pub(crate) fn waits_for_disk(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| matches!(journal.status(), JournalStatus::Full | JournalStatus::Blocked))
    }

    /// Feeds may be read: what they say still fits in memory while the disk is slow or full.
    pub fn takes_ingest(&self) -> bool {
        self.journal.as_ref().is_none_or(|journal| journal.pending_records() < INGEST_BACKLOG_MAX)
    }

    /// The heartbeat frame.
    pub fn heartbeat(&mut self, now_ns: i64) {
        let wal_bytes = self.watch_journal(now_ns);
        self.topics.take_tails(&mut self.tails);
        let seq = self.topics.next_heartbeat();
        self.tell_left_out_alerts(now_ns);
        let health = match self.takes_money() {
            false => Health::Stopped,
            true if WAL_BYTES_WARNED < wal_bytes || self.archive_fails(now_ns) => Health::Degraded,
            true => Health::Ok,
        };
        let silence_ns = self.engine.config().feed_silence_ms.saturating_mul(1_000_000);
        let is_stale =
            |source: &Source| silence_ns > 0 && now_ns.saturating_sub(source.heard_ns) > silence_ns;
        let mut told: Vec<(&String, &Source)> = self.engine.sources().iter().collect();
        let feed_count = told.len() as u64;
        let stale_feed_count = told.iter().filter(|(_, source)| is_stale(source)).count() as u64;
        if told.len() > FEEDS_TOLD_MAX {
            // Named are those that feed something, and of them those that fell silent last, then the quietest.
            told.sort_by_key(|&(name, source)| {
                let heard_ns = source.heard_ns;
                let order = if is_stale(source) { (false, -heard_ns) } else { (true, heard_ns) };
                (!self.engine.feeds_something(name), order)
            });
            told.truncate(FEEDS_TOLD_MAX);
            told.sort_by_key(|&(name, _)| name);
        }
        let feeds: Vec<FeedHealth<'_>> = told
            .into_iter()
            .map(|(name, source)| FeedHealth {
                source: name,
                seq: source.seq,
                received_ns: source.heard_ns,
                is_stale: is_stale(source),
            })
            .collect();
        let waiting = self.journal.as_ref().map_or(0, |journal| journal.pending_records());
        let command_count = self.engine.counters().command_count;
        let beat = Heartbeat {
            health,
            command_count,
            durable_count: command_count.saturating_sub(waiting),
            queued_count: waiting,
            fixture_count: self.engine.fixtures().len() as u64,
            feed_count,
            stale_feed_count,
            feeds: &feeds,
            tails: &self.tails,
        };
        let header = Header {
            epoch: self.engine.epoch(),
            seq,
            received_ns: now_ns,
            decided_ns: now_ns,
            reason: "heartbeat",
            ..Header::default()
        };
        let mut payload = Vec::new();
        heartbeat(&beat, &header, &mut payload);
        self.outbox.send(Frame { socket: Socket::Odds, first: crate::wire::HEARTBEAT.to_vec(), payload });
        self.queue_desk_heartbeat(now_ns);
    }

    /// Looks whether the journal's files are still there and tells the desk what changed; the size of its log.
    fn watch_journal(&mut self, now_ns: i64) -> u64 {
        let Some(journal) = &self.journal else { return 0 };
        let (status, wal_bytes) = (journal.check_files(), journal.wal_bytes());
        let told = match &status {
            JournalStatus::FilesMissing(path) => {
                let message = format!("{} was removed or replaced: nothing becomes durable", path.display());
                Some(("journal_files_missing", message))
            }
            JournalStatus::Full => {
                Some(("journal_full", "the disk is full: nothing becomes durable".to_owned()))
            }
            JournalStatus::Blocked => {
                Some(("journal_blocked", "another program holds the write lock of the journal".to_owned()))
            }
            JournalStatus::Healthy if WAL_BYTES_WARNED < wal_bytes => Some((
                "journal_log_large",
                format!(
                    "the write-ahead log has {wal_bytes} bytes, above {WAL_BYTES_WARNED}: another program reads an older state of the journal"
                ),
            )),
            JournalStatus::Healthy | JournalStatus::Poisoned(_) => None,
        };
        let name = told.as_ref().map(|(name, _)| *name);
        if let Some((name, message)) = told
            && self.told_journal != Some(name)
        {
            self.alert(name, &message, None, now_ns);
        }
        self.told_journal = name;
        wal_bytes
    }

    /// The journal, to look at; `None` in memory.
    pub fn journal(&self) -> Option<&JournalHandle> {
        self.journal.as_deref()
    }

    /// What the start found.
    pub fn start_report(&self) -> &StartReport {
        &self.start_report
    }

    /// The size of the journal's write-ahead log; 0 in memory.
    pub fn wal_bytes(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.wal_bytes())
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Counts since the process started.
    pub fn counters(&self) -> &ServiceCounters {
        &self.counters
    }

    /// Sequence numbers of the last record and the last durable one.
    pub fn progress(&self) -> (u64, u64) {
        (self.last_seq, self.journal.as_ref().map_or(self.last_seq, |journal| journal.durable_seq()))
    }

    /// Commits everything, writes a snapshot, closes the journal. Frames that became durable can still be taken.
    ///
    /// # Errors
    /// What the journal says.
    pub fn close(&mut self) -> Result<(), JournalError> {
        let was_closed = std::mem::replace(&mut self.is_closed, true);
        if self.panic_reason.is_some() {
            // What came before the panic is written; of the state after it neither a snapshot nor a frame is made.
            return self.journal.take().map_or(Ok(()), |journal| journal.close().map(drop));
        }
        self.flush_boards();
        if self.journal.is_some() && self.snapshot_seq < self.last_seq {
            self.write_snapshot();
        }
        match self.journal.take() {
            Some(journal) => {
                journal.close()?;
                self.outbox.release(u64::MAX);
                self.desk.release(u64::MAX);
                self.desk.end_pace();
                Ok(())
            }
            None => {
                if !was_closed {
                    self.outbox.release(u64::MAX);
                    self.desk.release(u64::MAX);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn is_refused_for_journal(&mut self, body: &Body) -> bool {
        let moves_money = matches!(
            body,
            Body::Deposit(_)
                | Body::Withdraw(_)
                | Body::PlaceTicket(_)
                | Body::CancelTicket { .. }
                | Body::Annul(_)
                | Body::TakeBackAnnulment { .. }
                | Body::Approve { .. }
        );
        let refused = moves_money && !self.takes_money();
        self.counters.journal_refusal_count += u64::from(refused);
        refused
    }
}

impl Image for StateImage {
    fn parts(&self) -> Vec<Arc<dyn Part>> {
        StateImage::parts(self).collect()
    }

    fn hash(&self) -> [u8; 16] {
        StateImage::hash(self).0
    }
}

/// Why a fixture is not announced, if its format would be one too many for this process. Templates of formats stay until it
/// ends, about a mebibyte each, and a feed can make up thousands of them. It is no part of the state: another process has
/// room for other formats, and what is in the journal is always taken.
fn one_format_too_many(command: &Command) -> Option<String> {
    let Body::AddFixture(request) = &command.body else { return None };
    let (count, is_compiled) = oddsengine_markets::compiled(&request.format);
    if is_compiled || count < FORMATS_MAX || request.format.check().is_err() {
        return None;
    }
    Some(format!(
        "fixture {} has a format of its own, and {count} are in memory, at most {FORMATS_MAX} are allowed: a restart makes room",
        request.fixture
    ))
}

/// Boards are public; money, customers and the desk are not: who may only read odds reaches nothing else.
fn is_for_snapshot(body: &RequestBody) -> bool {
    matches!(body, RequestBody::Query(Query::Image { .. } | Query::Images { .. } | Query::Ping))
}
