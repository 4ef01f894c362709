//! Events kept past the borrow of the engine, and turned into frames.

use oddsengine_engine::{
    BoardUpdate, Command, Event, MoneyRequest, OddsVersion, Reason, Sink, Ticket, TicketState,
};
use oddsengine_types::{FixtureId, TicketId};

use super::answer::View;
use super::outbox::{Frame, Socket};
use super::{Route, Service};
use crate::wire::{
    Alert, DESK_ALERT, DeskStream, Header, ReplyTo, board_binary_delta, board_delta, desk_alert, reply_event,
    trading,
};

/// An event as owned data. Tickets are copied as they were told: a later event of the same command may change them.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Board { fixture: FixtureId, changed: Vec<u16>, source_ns: i64 },
    Trading { fixture: FixtureId },
    Decision { ticket: Box<Ticket>, is_repeat: bool },
    TicketRefused { ticket: TicketId, reason: Reason },
    Settlement { ticket: Box<Ticket>, paid_minor_before: i64 },
    MoneyBooked { request: MoneyRequest, available_minor: i64, is_repeat: bool },
    MoneyRefused { request: MoneyRequest, reason: Reason },
    Done,
    Refused { reason: Reason, detail: String },
    Duplicate,
    Alert { alert: &'static str, fixture: Option<FixtureId>, message: String },
    FeedGap { expected: u64, received: u64 },
}

#[derive(Debug, Default)]
pub(crate) struct ToldSink {
    pub events: Vec<Told>,
}

impl Sink for ToldSink {
    fn event(&mut self, event: Event<'_>) {
        self.events.push(match event {
            Event::Board(update) => Told::Board {
                fixture: update.fixture.id(),
                changed: update.changed_markets.to_vec(),
                source_ns: update.source_ns,
            },
            Event::Trading { fixture } => Told::Trading { fixture: fixture.id() },
            Event::Decision { ticket, is_repeat } => {
                Told::Decision { ticket: Box::new(ticket.clone()), is_repeat }
            }
            Event::TicketRefused { ticket, reason } => Told::TicketRefused { ticket, reason },
            Event::Settlement { ticket, paid_minor_before } => {
                Told::Settlement { ticket: Box::new(ticket.clone()), paid_minor_before }
            }
            Event::MoneyBooked { request, available_minor, is_repeat } => {
                Told::MoneyBooked { request, available_minor, is_repeat }
            }
            Event::MoneyRefused { request, reason } => Told::MoneyRefused { request, reason },
            Event::Done => Told::Done,
            Event::Refused { reason, detail } => Told::Refused { reason, detail: detail.to_string() },
            Event::Duplicate => Told::Duplicate,
            Event::Alert { alert, fixture, message } => {
                Told::Alert { alert, fixture, message: message.to_string() }
            }
            Event::FeedGap { expected, received } => Told::FeedGap { expected, received },
        });
    }
}

/// Most alerts of a kind in a second.
pub const ALERTS_PER_S: u32 = 32;
const ALERT_WINDOW_NS: u64 = 1_000_000_000;

/// How often a kind of alert was told lately.
#[derive(Debug, Default)]
pub(crate) struct AlertPace {
    since_ns: i64,
    told_count: u32,
    left_out_count: u64,
}

/// Board changes of a fixture within one turn.
#[derive(Debug)]
pub(crate) struct PendingBoard {
    changed: Vec<u16>,
    source: String,
    reason: &'static str,
    source_ns: i64,
    received_ns: i64,
}

impl Service {
    /// Turns one event into frames.
    pub(crate) fn tell(&mut self, event: Told, command: &Command, route: Option<&Route>) {
        match event {
            Told::Board { fixture, changed, source_ns } => {
                self.note_board(fixture, changed, source_ns, command)
            }
            Told::Trading { fixture } => self.send_trading(fixture, command),
            Told::Decision { ref ticket, is_repeat } => {
                let asked = matches!(&command.body, oddsengine_engine::Body::PlaceTicket(request) if request.ticket == ticket.id);
                self.route_decision(ticket, asked, is_repeat, &event, route);
                if let (false, Told::Decision { ticket, .. }) = (is_repeat, event) {
                    self.queue_decision(ticket, command);
                }
            }
            Told::Settlement { ticket, paid_minor_before } => {
                if self.routes.contains_key(&ticket.id) {
                    // Cancelled during its bet delay: that is what becomes of it.
                    self.end_routes(&ticket);
                }
                self.queue_settlement(ticket, paid_minor_before, command);
            }
            Told::Duplicate if route.is_none() => {}
            Told::FeedGap { expected, received } => {
                let message = format!("{}: expected {expected}, received {received}", command.origin.source);
                self.alert("feed_gap", &message, None, command.time_ns);
            }
            Told::Alert { alert, fixture, ref message } => {
                self.alert(alert, message, fixture, command.time_ns);
            }
            Told::Done if route.is_none() => {}
            answer => {
                if let Some(route) = route {
                    self.send_answer(route, &answer);
                }
            }
        }
    }

    /// A decision goes to whoever asked; one at the end of a bet delay to whoever asked then, also when the same
    /// ticket is just being asked for again.
    fn route_decision(
        &mut self,
        ticket: &Ticket,
        asked: bool,
        is_repeat: bool,
        event: &Told,
        route: Option<&Route>,
    ) {
        let ends_delay = !is_repeat && ticket.due_ns != 0 && ticket.state != TicketState::Delayed;
        match route {
            Some(route) if asked && !ends_delay => {
                if ticket.state == TicketState::Delayed {
                    self.add_route(ticket, route);
                }
                self.send_answer(route, event);
            }
            _ => self.end_routes(ticket),
        }
    }

    /// Tells everybody who waits for a ticket what has become of it.
    fn end_routes(&mut self, ticket: &Ticket) {
        for route in self.routes.remove(&ticket.id).unwrap_or_default() {
            let mut payload = Vec::new();
            let to = ReplyTo {
                request_id: Some(&route.request_id),
                epoch: self.engine.epoch(),
                received_ns: route.received_ns,
                decided_ns: self.engine.now_ns(),
            };
            let event = Event::Decision { ticket, is_repeat: false };
            if reply_event(&to, &event, &View(&self.engine), &mut payload) {
                let frame = Frame { socket: Socket::Orders, first: route.identity, payload };
                self.outbox.send_when_durable(self.last_seq, frame);
            }
        }
    }

    /// The answer to the request that is being carried out.
    fn send_answer(&mut self, route: &Route, event: &Told) {
        let mut payload = Vec::new();
        if self.encode_reply(route, event, &mut payload) {
            self.send_to(Socket::Orders, route, payload, Some(self.last_seq));
        }
    }

    /// The answer that an event is; `false` when it is none.
    pub(crate) fn encode_reply(&self, route: &Route, event: &Told, out: &mut Vec<u8>) -> bool {
        let to = ReplyTo {
            request_id: Some(&route.request_id),
            epoch: self.engine.epoch(),
            received_ns: route.received_ns,
            decided_ns: self.engine.now_ns(),
        };
        let event = match event {
            Told::Decision { ticket, is_repeat } => Event::Decision { ticket, is_repeat: *is_repeat },
            Told::TicketRefused { ticket, reason } => {
                Event::TicketRefused { ticket: *ticket, reason: *reason }
            }
            Told::MoneyBooked { request, available_minor, is_repeat } => Event::MoneyBooked {
                request: *request,
                available_minor: *available_minor,
                is_repeat: *is_repeat,
            },
            Told::MoneyRefused { request, reason } => {
                Event::MoneyRefused { request: *request, reason: *reason }
            }
            Told::Refused { reason, detail } => Event::Refused { reason: *reason, detail },
            // A desk command that was carried out before is carried out.
            Told::Done | Told::Duplicate => Event::Done,
            Told::Board { .. }
            | Told::Trading { .. }
            | Told::Settlement { .. }
            | Told::FeedGap { .. }
            | Told::Alert { .. } => return false,
        };
        reply_event(&to, &event, &View(&self.engine), out)
    }

    fn note_board(&mut self, fixture: FixtureId, changed: Vec<u16>, source_ns: i64, command: &Command) {
        match self.boards.entry(fixture) {
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                self.counters.conflated_count += 1;
                let pending = entry.get_mut();
                pending.changed.extend(changed);
                pending.reason = crate::wire::cause(&command.body);
            }
            std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(PendingBoard {
                changed,
                source: command.origin.source.clone(),
                reason: crate::wire::cause(&command.body),
                source_ns,
                received_ns: command.time_ns,
            })),
        }
    }

    /// Encodes one delta per fixture whose board changed in this turn.
    pub(crate) fn flush_boards(&mut self) {
        for (id, mut pending) in std::mem::take(&mut self.boards) {
            pending.changed.sort_unstable();
            pending.changed.dedup();
            let fixture = self.engine.fixture(id).expect("a board is of a known fixture");
            let topics = self.topics.next_odds(fixture);
            let version = OddsVersion { epoch: self.engine.epoch(), seq: fixture.version };
            let update = BoardUpdate {
                fixture,
                template: fixture.template(),
                changed_markets: &pending.changed,
                version,
                decided_ns: self.engine.now_ns(),
                source_ns: pending.source_ns,
            };
            let header = Header {
                epoch: version.epoch,
                seq: topics.odds_seq,
                version: version.seq,
                source_ns: pending.source_ns,
                received_ns: pending.received_ns,
                decided_ns: self.engine.now_ns(),
                source: &pending.source,
                reason: pending.reason,
                is_stale: self.engine.is_stale(fixture, self.engine.now_ns()),
            };
            let mut payload = Vec::with_capacity(16 * 1024);
            board_delta(&update, &header, &mut payload);
            if self.publishes_binary {
                let mut binary = Vec::with_capacity(8 * 1024);
                board_binary_delta(&update, &header, &mut binary);
                self.outbox.send(Frame {
                    socket: Socket::Odds,
                    first: topics.binary.clone(),
                    payload: binary,
                });
            }
            self.counters.board_frame_count += 1;
            self.outbox.send(Frame { socket: Socket::Odds, first: topics.odds.clone(), payload });
        }
    }

    pub(crate) fn send_trading(&mut self, id: FixtureId, command: &Command) {
        let fixture = self.engine.fixture(id).expect("trading is of a known fixture");
        let topics = self.topics.next_status(fixture);
        let header = Header::of_command(command, self.engine.epoch(), self.engine.now_ns())
            .at(fixture.version, topics.status_seq);
        let mut payload = Vec::new();
        trading(fixture, &header, &mut payload);
        self.counters.trading_frame_count += 1;
        self.outbox.send_urgent(Frame { socket: Socket::Odds, first: topics.status.clone(), payload });
    }

    /// Tells the desk that somebody should look.
    ///
    /// Of each kind at most [`ALERTS_PER_S`] in a second: whoever floods a socket must not bury what matters. How many were
    /// left out is told.
    pub fn alert(&mut self, alert: &str, message: &str, fixture: Option<FixtureId>, now_ns: i64) {
        if !self.alert_pace.contains_key(alert) {
            self.alert_pace.insert(alert.to_string(), AlertPace::default());
        }
        let pace = self.alert_pace.get_mut(alert).expect("inserted where it was absent");
        if (now_ns - pace.since_ns).unsigned_abs() >= ALERT_WINDOW_NS {
            (pace.since_ns, pace.told_count) = (now_ns, 0);
        }
        if pace.told_count >= ALERTS_PER_S {
            pace.left_out_count += 1;
            self.counters.left_out_alert_count += 1;
            return;
        }
        pace.told_count += 1;
        self.send_alert(alert, message, fixture, now_ns);
    }

    /// Tells how many alerts were left out since the heartbeat before.
    pub(crate) fn tell_left_out_alerts(&mut self, now_ns: i64) {
        let left_out: Vec<(String, u64)> = self
            .alert_pace
            .iter_mut()
            .filter(|(_, pace)| pace.left_out_count > 0)
            .map(|(alert, pace)| (alert.clone(), std::mem::take(&mut pace.left_out_count)))
            .collect();
        for (alert, count) in left_out {
            let message = format!(
                "{count} more of this kind were left out: at most {ALERTS_PER_S} are told in a second"
            );
            self.send_alert(&alert, &message, None, now_ns);
        }
    }

    fn send_alert(&mut self, alert: &str, message: &str, fixture: Option<FixtureId>, now_ns: i64) {
        let seq = self.topics.next_desk(DeskStream::Alert);
        let header = Header {
            epoch: self.engine.epoch(),
            seq,
            received_ns: now_ns,
            decided_ns: now_ns,
            reason: "alert",
            ..Header::default()
        };
        let mut payload = Vec::new();
        desk_alert(&Alert { alert, message, fixture }, &header, &mut payload);
        self.desk.keep_alert(seq, &payload);
        self.outbox.send(Frame { socket: Socket::Desk, first: DESK_ALERT.to_vec(), payload });
    }
}
