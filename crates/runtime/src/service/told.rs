//! Facts turned into frames.

use oddsengine_engine::{Answer, Body, Command, Decided, Fact, Ticket};
use oddsengine_types::FixtureId;

use super::answer::View;
use super::outbox::{Frame, Socket};
use super::{Route, Service};
use crate::wire::{
    Alert, DESK_ALERT, DeskStream, Header, ReplyTo, board_binary_delta, board_delta, cause, desk_alert,
    reply_answer, reply_ticket, trading,
};

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

/// Why the board of a fixture changed within a turn: the first command and the last one.
#[derive(Debug)]
pub(crate) struct BoardCause {
    source: String,
    reason: &'static str,
    source_ns: i64,
    received_ns: i64,
}

impl Service {
    /// Tells what was decided; `in_step`: a fixture whose trading is told when the step is done.
    pub(crate) fn tell(
        &mut self,
        decided: &Decided,
        command: &Command,
        route: Option<&Route>,
        in_step: Option<FixtureId>,
    ) {
        for &fixture in decided.trading.iter().filter(|&&fixture| in_step != Some(fixture)) {
            self.send_trading(fixture, command);
        }
        self.note_cause(command);
        for fact in &decided.facts {
            self.tell_fact(fact, command, route);
        }
        let Some(route) = route else { return };
        match decided.answer {
            // Told with its fact, also to those who asked before.
            Answer::Ticket { is_repeat: false, .. } => {}
            Answer::Ticket { ticket, .. } => {
                if let Some(ticket) = self.engine.ticket(ticket).cloned() {
                    self.answer_ticket(&ticket, true, route);
                }
            }
            ref answer => {
                let mut payload = Vec::new();
                if reply_answer(&self.reply_to(route), answer, &mut payload) {
                    self.send_to(Socket::Orders, route, payload, Some(self.last_seq));
                }
            }
        }
    }

    fn tell_fact(&mut self, fact: &Fact, command: &Command, route: Option<&Route>) {
        match fact {
            Fact::TicketDecided { ticket, .. } => {
                let Some(ticket) = self.engine.ticket(ticket.id).cloned() else { return };
                let asked = matches!(&command.body, Body::PlaceTicket(request) if request.ticket == ticket.id)
                    || matches!(&command.body, Body::AnswerOffer { ticket: asked, .. } if *asked == ticket.id);
                match route.filter(|_| asked) {
                    Some(route) => self.answer_ticket(&ticket, false, route),
                    None => self.end_routes(&ticket),
                }
                self.queue_decision(Box::new(ticket), command);
            }
            Fact::TicketPaid { ticket, .. }
            | Fact::TicketReopened { ticket }
            | Fact::TicketReinstated { ticket }
            | Fact::TicketCancelled { ticket } => {
                let Some(ticket) = self.engine.ticket(*ticket).cloned() else { return };
                if self.routes.contains_key(&ticket.id) {
                    // Cancelled during its bet delay: that is what becomes of it.
                    self.end_routes(&ticket);
                }
                let paid_minor_before = ticket.change.paid_minor_before;
                self.queue_settlement(Box::new(ticket), paid_minor_before, command);
            }
            Fact::SourceHeard { source, numbered: Some((received, _)), expected: Some(expected) } => {
                let message = format!("{source}: expected {expected}, received {received}");
                self.alert("feed_gap", &message, None, command.time_ns);
            }
            Fact::Alerted { alert, fixture, message } => {
                self.alert(alert, message, *fixture, command.time_ns);
            }
            _ => {}
        }
    }

    /// The answer to whoever asks for a ticket; who asks for one that is delayed is told the decision as well.
    fn answer_ticket(&mut self, ticket: &Ticket, is_repeat: bool, route: &Route) {
        if ticket.state.is_waiting() {
            self.add_route(ticket, route);
        }
        let mut payload = Vec::new();
        reply_ticket(&self.reply_to(route), ticket, is_repeat, &View(&self.engine), &mut payload);
        self.send_to(Socket::Orders, route, payload, Some(self.last_seq));
    }

    /// Tells everybody who waits for a ticket what has become of it.
    fn end_routes(&mut self, ticket: &Ticket) {
        for route in self.routes.remove(&ticket.id).unwrap_or_default() {
            let mut payload = Vec::new();
            let to: ReplyTo<'_> = self.reply_to(&route);
            reply_ticket(&to, ticket, false, &View(&self.engine), &mut payload);
            let frame = Frame { socket: Socket::Orders, first: route.identity, payload };
            self.outbox.send_when_durable(self.last_seq, frame);
        }
    }

    /// Notes why boards change within this turn.
    fn note_cause(&mut self, command: &Command) {
        let Some(fixture) = command.body.subject() else {
            if let Body::SetScope { .. } = command.body {
                // Boards change by it in later turns as well.
                self.settings_cause = Some(BoardCause::of(command));
            }
            self.last_cause = Some(BoardCause::of(command));
            return;
        };
        match self.causes.entry(fixture) {
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                self.counters.conflated_count += 1;
                entry.get_mut().reason = cause(&command.body);
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(BoardCause::of(command));
            }
        }
    }

    /// Prices what changed, and encodes one delta per fixture whose board did.
    pub(crate) fn flush_boards(&mut self) {
        self.check_models();
        let causes = std::mem::take(&mut self.causes);
        let last_cause = self.last_cause.take();
        for (id, changed) in self.take_board_changes() {
            let of_settings = self.settings_cause.as_ref();
            let Some(cause) = causes.get(&id).or(last_cause.as_ref()).or(of_settings) else { continue };
            let fixture = self.engine.fixture(id).expect("a board is of a known fixture");
            let topics = self.topics.next_odds(fixture);
            let update = self
                .engine
                .board_update(id, &changed, cause.source_ns)
                .expect("a board is of a known fixture");
            let header = Header {
                epoch: update.version.epoch,
                seq: topics.odds_seq,
                version: update.version.seq,
                source_ns: cause.source_ns,
                received_ns: cause.received_ns,
                decided_ns: self.engine.now_ns(),
                source: &cause.source,
                reason: cause.reason,
                is_stale: self.engine.is_stale(fixture, self.engine.now_ns()),
            };
            let mut payload = Vec::with_capacity(16 * 1024);
            board_delta(&update, &header, topics.status_seq, &mut payload);
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
            .at(self.engine.version(fixture).seq, topics.status_seq);
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

impl BoardCause {
    fn of(command: &Command) -> Self {
        Self {
            source: command.origin.source.clone(),
            reason: cause(&command.body),
            source_ns: command.origin.source_ns,
            received_ns: command.time_ns,
        }
    }
}
