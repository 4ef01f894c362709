//! The desk socket: decisions and settlements leave in the order of their changes and no faster than a subscriber can
//! read; who has missed some asks for them by number.
//!
//! What a subscriber missed is answered from the state ([`Engine::tickets_changed_since`]), so it survives restarts.
//! Alerts are no state: a ring of the last ones is kept.
//!
//! [`Engine::tickets_changed_since`]: oddsengine_engine::Engine::tickets_changed_since

use std::collections::VecDeque;
use std::sync::Arc;

use oddsengine_engine::{Command, Leg, LimitCheck, Ticket};
use oddsengine_feeds::{Page, TicketFilter};
use oddsengine_types::bets::Bet;

use super::answer::View;
use super::bounds::CHANGES_EXAMINED_MAX;
use super::outbox::{self, Frame, Socket};
use super::{Route, Service};
use crate::wire::{
    ChangesReply, DESK_HEARTBEAT, DESK_SETTLEMENT, DeskStream, DeskTails, Header, ReplyTo, cause,
    desk_heartbeat, desk_settlement, desk_ticket, desk_ticket_topic, reply_alerts, reply_error,
};

/// Most bytes of decisions and settlements that wait for the desk socket; beyond them they are not told but counted.
pub const DESK_WAITING_BYTES_MAX: usize = 64 << 20;
/// Frames that leave at once after a pause, and frames a second after them, where the desk socket is paced. A PUB socket
/// with 20,000 places and a subscriber that reads keep up; a large frame counts as several.
pub const DESK_BURST: i64 = 2_000;
/// See [`DESK_BURST`].
pub const DESK_FRAMES_PER_S: i64 = 40_000;
/// Frames of the desk that leave with one turn at most, where its socket is paced: they are encoded and sent behind all that
/// the turn has to tell, and what arrives meanwhile waits for them.
pub const DESK_FRAMES_PER_TURN: usize = 16;
/// A frame counts as one more for every so many bytes.
const FRAME_BYTES: usize = 2_048;
/// Most alerts, and bytes of them, kept for who has missed some.
pub const ALERTS_KEPT_MAX: usize = 1_024;
/// See [`ALERTS_KEPT_MAX`].
pub const ALERT_BYTES_KEPT_MAX: usize = 256 << 10;

/// Where an event came from: shared by all that one command told.
#[derive(Debug)]
pub(crate) struct Cause {
    source: String,
    reason: &'static str,
    source_ns: i64,
    received_ns: i64,
    decided_ns: i64,
}

/// Something that the desk socket is to tell. It is numbered and encoded when it leaves.
#[derive(Debug)]
pub(crate) enum DeskItem {
    Decision {
        ticket: Box<Ticket>,
        cause: Arc<Cause>,
    },
    Settlement {
        ticket: Box<Ticket>,
        paid_minor_before: i64,
        cause: Arc<Cause>,
    },
    /// So many that there was no room for: their numbers are left out.
    Dropped {
        ticket_count: u64,
        settlement_count: u64,
    },
    Heartbeat {
        now_ns: i64,
    },
}

impl DeskItem {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Decision { ticket, .. } | Self::Settlement { ticket, .. } => {
                size_of::<Ticket>()
                    + ticket.legs.capacity() * size_of::<Leg>()
                    + ticket.terms.bets.capacity() * size_of::<Bet>()
                    + ticket.checks.capacity() * size_of::<LimitCheck>()
            }
            Self::Dropped { .. } | Self::Heartbeat { .. } => 0,
        }
    }
}

/// How fast frames leave.
#[derive(Debug)]
struct Pace {
    /// Billionths of a frame that may leave.
    credit_e9: i64,
    last_ns: i64,
}

/// What waits for the desk socket, and what is remembered of it.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// With the record that must be durable first.
    items: VecDeque<(u64, DeskItem)>,
    bytes: usize,
    durable_seq: u64,
    pace: Option<Pace>,
    has_heartbeat: bool,
    /// The last change that left.
    change: u64,
    alerts: VecDeque<(u64, Vec<u8>)>,
    alert_bytes: usize,
    dropped_count: u64,
    cause: Option<(u64, Arc<Cause>)>,
}

impl Desk {
    /// Everything up to change `change` was told by an earlier process, or never will be.
    pub fn start_after(change: u64) -> Self {
        Self { change, ..Self::default() }
    }

    pub fn set_paced(&mut self) {
        self.pace = Some(Pace { credit_e9: 0, last_ns: i64::MIN });
    }

    /// Records up to this one are durable.
    pub fn release(&mut self, durable_seq: u64) {
        self.durable_seq = durable_seq;
    }

    /// Everything leaves at once: there is no later.
    pub fn end_pace(&mut self) {
        self.pace = None;
    }

    /// Whether it is the first one, after others, that there is no room for.
    fn push(&mut self, seq: u64, item: DeskItem) -> bool {
        let bytes = item.bytes();
        if self.bytes + bytes <= DESK_WAITING_BYTES_MAX {
            self.bytes += bytes;
            self.items.push_back((seq, item));
            return false;
        }
        let is_settlement = matches!(item, DeskItem::Settlement { .. });
        self.dropped_count += 1;
        let is_first = !matches!(self.items.back(), Some((_, DeskItem::Dropped { .. })));
        if is_first {
            self.items.push_back((seq, DeskItem::Dropped { ticket_count: 0, settlement_count: 0 }));
        }
        if let Some((_, DeskItem::Dropped { ticket_count, settlement_count })) = self.items.back_mut() {
            *if is_settlement { settlement_count } else { ticket_count } += 1;
        }
        is_first
    }

    fn pop(&mut self, now_ns: i64) -> Option<DeskItem> {
        if self.items.front()?.0 > self.durable_seq || !self.has_credit(now_ns) {
            return None;
        }
        let (_, item) = self.items.pop_front()?;
        self.bytes -= item.bytes();
        if self.items.is_empty() {
            // A mass settlement does not keep its memory.
            self.items.shrink_to(DESK_BURST as usize);
        }
        Some(item)
    }

    fn has_credit(&mut self, now_ns: i64) -> bool {
        let Some(pace) = &mut self.pace else { return true };
        // A clock that went back gives nothing and goes on from there.
        let passed_ns = now_ns.saturating_sub(pace.last_ns).max(0);
        pace.last_ns = now_ns;
        let earned_e9 = passed_ns.saturating_mul(DESK_FRAMES_PER_S);
        pace.credit_e9 = pace.credit_e9.saturating_add(earned_e9).min(DESK_BURST * 1_000_000_000);
        pace.credit_e9 > 0
    }

    fn pay(&mut self, payload_bytes: usize) {
        if let Some(pace) = &mut self.pace {
            pace.credit_e9 -= (1 + (payload_bytes / FRAME_BYTES) as i64) * 1_000_000_000;
        }
    }

    /// Keeps an alert for who missed it.
    pub fn keep_alert(&mut self, seq: u64, payload: &[u8]) {
        self.alert_bytes += payload.len();
        self.alerts.push_back((seq, payload.to_vec()));
        while self.alerts.len() > ALERTS_KEPT_MAX || self.alert_bytes > ALERT_BYTES_KEPT_MAX {
            let oldest = self.alerts.pop_front();
            self.alert_bytes -= oldest.map_or(0, |(_, payload)| payload.len());
        }
    }
}

fn is_among(ticket: &Ticket, which: &TicketFilter) -> bool {
    which.customer.is_none_or(|customer| customer == ticket.customer)
        && which.fixture.is_none_or(|fixture| ticket.legs.iter().any(|leg| leg.fixture == fixture))
        && which.state.is_none_or(|state| state == ticket.state.name())
}

impl Service {
    /// For a service behind sockets. The desk socket tells no more than [`DESK_FRAMES_PER_S`], so that a mass settlement
    /// does not overflow the places of a subscriber that reads; pages of images are made by [`Service::make_images`], a few a turn,
    /// and between two hashes of a large state there are pauses, so that nobody holds up the others.
    pub fn share(&mut self) {
        self.desk.set_paced();
        self.work.is_shared = true;
    }

    /// Decisions and settlements that wait for the desk socket.
    pub fn desk_waiting_count(&self) -> usize {
        self.desk.items.len()
    }

    /// Decisions and settlements that were not told on the desk socket, for want of room.
    pub fn desk_dropped_count(&self) -> u64 {
        self.desk.dropped_count
    }

    pub(crate) fn queue_decision(&mut self, ticket: Box<Ticket>, command: &Command) {
        let cause = self.cause_of(command);
        self.queue(DeskItem::Decision { ticket, cause }, command.time_ns);
    }

    pub(crate) fn queue_settlement(
        &mut self,
        ticket: Box<Ticket>,
        paid_minor_before: i64,
        command: &Command,
    ) {
        let cause = self.cause_of(command);
        self.queue(DeskItem::Settlement { ticket, paid_minor_before, cause }, command.time_ns);
    }

    fn queue(&mut self, item: DeskItem, now_ns: i64) {
        if self.desk.push(self.last_seq, item) {
            let message = format!(
                "{DESK_WAITING_BYTES_MAX} bytes of decisions and settlements wait for the desk: what comes is left out \
                 until there is room, ask for it by its change"
            );
            self.alert("desk_overflow", &message, None, now_ns);
        }
    }

    fn cause_of(&mut self, command: &Command) -> Arc<Cause> {
        match &self.desk.cause {
            Some((seq, cause)) if *seq == self.last_seq => cause.clone(),
            _ => {
                let made = Arc::new(Cause {
                    source: command.origin.source.clone(),
                    reason: cause(&command.body),
                    source_ns: command.origin.source_ns,
                    received_ns: command.time_ns,
                    decided_ns: self.engine.now_ns(),
                });
                self.desk.cause = Some((self.last_seq, made.clone()));
                made
            }
        }
    }

    pub(crate) fn queue_desk_heartbeat(&mut self, now_ns: i64) {
        // One that still waits tells what is true when it leaves.
        if !std::mem::replace(&mut self.desk.has_heartbeat, true) {
            self.desk.items.push_back((0, DeskItem::Heartbeat { now_ns }));
        }
    }

    /// The decisions and settlements to send now where the desk socket is [paced](Service::share), at most
    /// [`DESK_FRAMES_PER_TURN`]: call it once a turn, when the other frames have left, and again soon while that many come.
    pub fn take_desk_frames(&mut self, now_ns: i64) -> Vec<Frame> {
        let mut frames = Vec::new();
        if self.panic_reason.is_none() && self.desk.pace.is_some() {
            self.encode_desk_frames(now_ns, DESK_FRAMES_PER_TURN, &mut frames);
            outbox::stamp(&mut frames, now_ns);
        }
        frames
    }

    /// [`Service::take_desk_frames`] has more, as of the last time that it was called.
    pub fn has_desk_frames(&self) -> bool {
        let is_durable = self.desk.items.front().is_some_and(|&(seq, _)| seq <= self.desk.durable_seq);
        is_durable && self.desk.pace.as_ref().is_some_and(|pace| pace.credit_e9 > 0)
    }

    /// All that may leave, where nobody reads slowly.
    pub(crate) fn add_desk_frames(&mut self, now_ns: i64, frames: &mut Vec<Frame>) {
        if self.desk.pace.is_none() {
            self.encode_desk_frames(now_ns, usize::MAX, frames);
        }
    }

    fn encode_desk_frames(&mut self, now_ns: i64, mut left: usize, frames: &mut Vec<Frame>) {
        while left > 0
            && let Some(item) = self.desk.pop(now_ns)
        {
            if let Some(frame) = self.desk_frame(item) {
                self.desk.pay(frame.payload.len());
                frames.push(frame);
                left -= 1;
            }
        }
    }

    fn desk_frame(&mut self, item: DeskItem) -> Option<Frame> {
        let mut payload = Vec::with_capacity(1_536);
        let epoch = self.engine.epoch();
        let header = |cause: &Cause, seq| Header {
            epoch,
            seq,
            version: 0,
            source_ns: cause.source_ns,
            received_ns: cause.received_ns,
            decided_ns: cause.decided_ns,
            source: "",
            reason: cause.reason,
            is_stale: false,
        };
        let topic = match item {
            DeskItem::Decision { ticket, cause } => {
                self.desk.change = ticket.change.seq;
                let seq = self.topics.next_desk(DeskStream::Ticket);
                let header = Header { source: &cause.source, ..header(&cause, seq) };
                desk_ticket(&ticket, &header, &View(&self.engine), &mut payload);
                desk_ticket_topic(ticket.id)
            }
            DeskItem::Settlement { ticket, paid_minor_before, cause } => {
                self.desk.change = ticket.change.seq;
                let seq = self.topics.next_desk(DeskStream::Settlement);
                let header = Header { source: &cause.source, ..header(&cause, seq) };
                desk_settlement(&ticket, paid_minor_before, &header, &View(&self.engine), &mut payload);
                DESK_SETTLEMENT.to_vec()
            }
            DeskItem::Dropped { ticket_count, settlement_count } => {
                self.topics.skip_desk(DeskStream::Ticket, ticket_count);
                self.topics.skip_desk(DeskStream::Settlement, settlement_count);
                self.desk.change += ticket_count + settlement_count;
                return None;
            }
            DeskItem::Heartbeat { now_ns } => {
                self.desk.has_heartbeat = false;
                let tails = DeskTails {
                    ticket_seq: self.topics.last_desk(DeskStream::Ticket),
                    settlement_seq: self.topics.last_desk(DeskStream::Settlement),
                    alert_seq: self.topics.last_desk(DeskStream::Alert),
                    change: self.desk.change,
                };
                self.desk_heartbeat_seq += 1;
                let header = Header {
                    epoch,
                    seq: self.desk_heartbeat_seq,
                    received_ns: now_ns,
                    decided_ns: now_ns,
                    reason: "heartbeat",
                    ..Header::default()
                };
                desk_heartbeat(&tails, &header, &mut payload);
                DESK_HEARTBEAT.to_vec()
            }
        };
        Some(Frame { socket: Socket::Desk, first: topic, payload })
    }

    /// A page of the tickets that changed since, in at most about `bytes_max` bytes.
    pub(crate) fn encode_changes(
        &self,
        to: &ReplyTo<'_>,
        page: Page,
        is_settlements: bool,
        which: &TicketFilter,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let last = self.engine.last_change_seq();
        if page.since > last {
            let message = format!("since {} is above {last}, the last change of this journal", page.since);
            return reply_error(to, "out_of_range", &message, out);
        }
        let kind = if is_settlements { "settlements" } else { "tickets" };
        let mut reply = ChangesReply::begin(to, kind, page.since, out);
        let mut next = last;
        for (examined, (seq, ticket)) in self.engine.tickets_changed_since(page.since).enumerate() {
            if examined == CHANGES_EXAMINED_MAX || reply.count == page.limit || reply.len() >= bytes_max {
                next = seq - 1;
                break;
            }
            let is_asked =
                |ticket: &&Ticket| (ticket.is_settlement() || !is_settlements) && is_among(ticket, which);
            if let Some(ticket) = ticket.filter(is_asked) {
                reply.add(ticket, &View(&self.engine));
            }
        }
        reply.finish(next, last);
    }

    /// A page of the alerts since, in at most about `bytes_max` bytes.
    pub(crate) fn encode_alerts(
        &self,
        to: &ReplyTo<'_>,
        page: Page,
        epoch: Option<u32>,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let last = self.topics.last_desk(DeskStream::Alert);
        let since = if epoch.is_none_or(|epoch| epoch == self.engine.epoch()) { page.since } else { 0 };
        let first = self.desk.alerts.front().map_or(last + 1, |&(seq, _)| seq);
        let (mut next, mut bytes, mut chosen) = (since.max(first - 1).min(last), 0, Vec::new());
        for (seq, payload) in self.desk.alerts.iter().filter(|(seq, _)| *seq > since) {
            if chosen.len() == page.limit || bytes >= bytes_max {
                break;
            }
            bytes += payload.len();
            next = *seq;
            chosen.push(payload.as_slice());
        }
        reply_alerts(to, chosen.into_iter(), [first, next, last], out);
    }

    /// Remembers who waits for the end of a bet delay; the last few that asked are told.
    pub(crate) fn add_route(&mut self, ticket: &Ticket, route: &Route) {
        let routes = self.routes.entry(ticket.id).or_default();
        routes.retain(|known| known.identity != route.identity || known.request_id != route.request_id);
        let superseded = (routes.len() == ROUTES_PER_TICKET_MAX).then(|| routes.remove(0));
        routes.push(route.clone());
        if let Some(route) = superseded {
            let message = format!(
                "{ROUTES_PER_TICKET_MAX} others have asked for ticket {:032x} since; ask for it again",
                ticket.id.0
            );
            self.counters.superseded_count += 1;
            let mut payload = Vec::new();
            reply_error(&self.reply_to(&route), "superseded", &message, &mut payload);
            let frame = Frame { socket: Socket::Orders, first: route.identity, payload };
            // After the answer that the ticket is delayed.
            self.outbox.send_when_durable(self.last_seq, frame);
        }
    }
}

/// Most requests that wait for the decision on one ticket.
pub const ROUTES_PER_TICKET_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use oddsengine_engine::{Body, Config, Origin};
    use serde_json::Value;

    use super::super::ServiceOptions;
    use super::*;
    use crate::wire::sample;

    /// Nothing bounded what waited for the desk: 200,000 settlements of one command were a peak of a gigabyte. Beyond the
    /// bound they are left out, counted, told by an alert and seen as a gap in the numbers.
    #[test]
    fn what_waits_for_the_desk_has_a_bound() {
        let options =
            ServiceOptions { journal: None, config: Config::default(), snapshot_every: 0, now_ns: 1 };
        let mut service = Service::start(options).unwrap();
        let command =
            Command { time_ns: 1, origin: Origin::default(), body: Body::Tick { read_ns: i64::MAX } };
        let mut change = 0;
        let mut ticket = || {
            change += 1;
            let mut ticket = Box::new(sample::ticket());
            ticket.change.seq = change;
            ticket
        };
        while service.desk_dropped_count() < 500 {
            match service.desk.dropped_count % 2 {
                0 => service.queue_settlement(ticket(), 0, &command),
                _ => service.queue_decision(ticket(), &command),
            }
        }
        assert!(service.desk.bytes <= DESK_WAITING_BYTES_MAX);
        let told = service.desk_waiting_count() as u64 - 1;
        service.queue_desk_heartbeat(1);
        service.end_turn();
        let frames = service.take_frames(1);
        let count = |topic: &[u8]| frames.iter().filter(|frame| frame.first == topic).count() as u64;
        assert_eq!(count(crate::wire::DESK_ALERT), 1);
        assert_eq!(count(DESK_SETTLEMENT), told);
        let beat: Value = serde_json::from_slice(&frames.last().unwrap().payload).unwrap();
        assert_eq!(beat["settlement_seq"], told + 250);
        assert_eq!(beat["ticket_seq"], 250);
        assert_eq!(beat["change"], told + 500);
        assert_eq!(service.desk.bytes, 0);
        // There is room again.
        service.queue_settlement(ticket(), 0, &command);
        assert_eq!(service.desk_dropped_count(), 500);
    }
}
