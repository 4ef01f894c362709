//! Answers to requests on `orders` and `snapshot`.

use oddsengine_engine::{Answer, Fixture, FixtureExposure, LimitCheck, Reason, Ticket};
use oddsengine_types::{CustomerId, StateHash, TicketId, TransferId};

use super::board::{names, standing};
use super::header::{SENT_NS_OFFSET, SENT_NS_SIZE, begin_stamped};
use super::json::{JsonBytes, fields, object};
use super::status::stops;
use super::ticket::{Lookup, check, optional_reason, ticket_json};

/// Whom an answer goes to, and when it was asked and decided.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTo<'a> {
    /// The request's id; `None` when it could not be read.
    pub request_id: Option<&'a str>,
    /// The process start.
    pub epoch: u32,
    /// When the request was received.
    pub received_ns: i64,
    /// When it was decided.
    pub decided_ns: i64,
}

impl ReplyTo<'_> {
    pub(super) fn begin(&self, kind: &str, out: &mut Vec<u8>) {
        begin_stamped(out);
        fields!(out;
            "request_id": optional_text(self.request_id),
            "type": text(kind),
            "epoch": unsigned(self.epoch.into()),
            "received_ns": integer(self.received_ns),
            "decided_ns": integer(self.decided_ns),
        );
    }
}

/// The answer to a command; `false` where there is none, or it is a ticket (see [`reply_ticket`]).
pub fn reply_answer(to: &ReplyTo<'_>, answer: &Answer, out: &mut Vec<u8>) -> bool {
    match answer {
        Answer::TicketRefused { ticket, reason } => {
            refused(to, *reason, "", Subject::Ticket(*ticket), out);
        }
        Answer::MoneyBooked { request, available_minor, is_repeat } => {
            to.begin("money", out);
            fields!(out;
                "repeat": boolean(*is_repeat),
                "transfer": hex128(request.transfer.0),
                "customer": unsigned(request.customer.0),
                "amount_minor": integer(request.amount_minor),
                "currency": text(request.currency.code()),
                "available_minor": integer(*available_minor),
            );
            out.put(b"}");
        }
        Answer::MoneyRefused { request, reason } => {
            refused(to, *reason, "", Subject::Transfer(request.transfer), out);
        }
        // A desk command that was carried out before is carried out.
        Answer::Done | Answer::Repeated => bare(to, "done", out),
        Answer::Pending { action } => {
            to.begin("pending", out);
            fields!(out; "action": unsigned((*action).into()));
            out.put(b"}");
        }
        Answer::Refused { reason, detail } => refused(to, *reason, detail, Subject::Command, out),
        Answer::Ticket { .. } | Answer::None => return false,
    }
    true
}

/// A ticket with its evidence; `is_repeat` when the decision was made before.
pub fn reply_ticket(
    to: &ReplyTo<'_>,
    ticket: &Ticket,
    is_repeat: bool,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    to.begin("ticket", out);
    fields!(out; "repeat": boolean(is_repeat));
    out.put(b",\"ticket\":");
    ticket_json(out, ticket, lookup);
    out.put(b"}");
}

enum Subject {
    Command,
    Ticket(TicketId),
    Transfer(TransferId),
}

fn refused(to: &ReplyTo<'_>, reason: Reason, detail: &str, subject: Subject, out: &mut Vec<u8>) {
    to.begin("refused", out);
    out.put(b",\"reason\":");
    optional_reason(out, Some(reason));
    fields!(out; "detail": text(detail));
    match subject {
        Subject::Command => {}
        Subject::Ticket(ticket) => fields!(out; "ticket": hex128(ticket.0)),
        Subject::Transfer(transfer) => fields!(out; "transfer": hex128(transfer.0)),
    }
    out.put(b"}");
}

fn bare(to: &ReplyTo<'_>, kind: &str, out: &mut Vec<u8>) {
    to.begin(kind, out);
    out.put(b"}");
}

/// The message was not understood, or could not be taken at all.
pub fn reply_error(to: &ReplyTo<'_>, code: &str, message: &str, out: &mut Vec<u8>) {
    to.begin("error", out);
    fields!(out; "code": text(code), "message": text(message));
    out.put(b"}");
}

/// The answer to a ping.
pub fn reply_pong(to: &ReplyTo<'_>, out: &mut Vec<u8>) {
    bare(to, "pong", out);
}

/// Says of an answer that the journal does not hold yet what it tells: `"is_durable":false`.
pub fn mark_unwritten(payload: &mut Vec<u8>) {
    assert_eq!(payload.pop(), Some(b'}'), "an answer is an object");
    payload.put(b",\"is_durable\":false}");
}

/// The hash of the state after so many commands.
pub fn reply_state_hash(to: &ReplyTo<'_>, hash: StateHash, command_count: u64, out: &mut Vec<u8>) {
    to.begin("state_hash", out);
    fields!(out; "state_hash": text(&hash.to_string()), "command_count": unsigned(command_count));
    out.put(b"}");
}

/// A customer's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceAnswer {
    /// Whose.
    pub customer: CustomerId,
    /// What can be staked or withdrawn.
    pub available_minor: i64,
    /// What is reserved by tickets that wait out their delay.
    pub reserved_minor: i64,
    /// What is owed after settlements that were taken back.
    pub owed_minor: i64,
}

/// A customer's balance in the currency of the book.
pub fn reply_balance(to: &ReplyTo<'_>, balance: &BalanceAnswer, lookup: &impl Lookup, out: &mut Vec<u8>) {
    to.begin("balance", out);
    fields!(out;
        "customer": unsigned(balance.customer.0),
        "currency": text(lookup.currency().code()),
        "available_minor": integer(balance.available_minor),
        "reserved_minor": integer(balance.reserved_minor),
        "owed_minor": integer(balance.owed_minor),
    );
    out.put(b"}");
}

/// The largest stake with the limit that binds it, or why there is none.
pub fn reply_max_stake(
    to: &ReplyTo<'_>,
    answer: &Result<LimitCheck, Reason>,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    to.begin("max_stake", out);
    let stake_minor_max = answer.as_ref().map_or(0, |check| check.stake_minor_max.max(0));
    fields!(out; "currency": text(lookup.currency().code()), "stake_minor_max": integer(stake_minor_max));
    out.put(b",\"binding\":");
    match answer {
        Ok(binding) => check(out, binding),
        Err(_) => out.put(b"null"),
    }
    out.put(b",\"reason\":");
    optional_reason(out, answer.as_ref().err().copied());
    out.put(b"}");
}

/// A loss and the limit that it counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureLevel<'a> {
    /// `platform`, `sport`, `competition` or `fixture`.
    pub level: &'a str,
    /// The sport's or competition's name; empty for the platform.
    pub name: &'a str,
    /// Worst-case loss at present.
    pub loss_minor: i64,
    /// Its limit.
    pub limit_minor: i64,
}

/// A page of losses against limits, and of the detail of one fixture if it was asked for; `next` is where the next page
/// starts, if there is one.
pub fn reply_exposure(
    to: &ReplyTo<'_>,
    levels: &[ExposureLevel<'_>],
    detail: Option<(&Fixture, &FixtureExposure)>,
    next: Option<u64>,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    to.begin("exposure", out);
    fields!(out;
        "currency": text(lookup.currency().code()),
        "levels": list(levels, |out, level| {
            object!(out;
                "level": text(level.level),
                "name": text(level.name),
                "loss_minor": integer(level.loss_minor),
                "limit_minor": integer(level.limit_minor),
            );
            out.put(b"}");
        }),
    );
    out.put(b",\"fixture\":");
    match detail {
        Some((fixture, exposure)) => fixture_exposure(out, fixture, exposure),
        None => out.put(b"null"),
    }
    fields!(out; "next": optional_unsigned(next));
    out.put(b"}");
}

fn fixture_exposure(out: &mut Vec<u8>, fixture: &Fixture, exposure: &FixtureExposure) {
    let template = fixture.template();
    object!(out;
        "fixture": unsigned(fixture.id().0),
        "leg_count": unsigned(exposure.leg_count.into()),
        "stake_minor": integer(exposure.stake_minor),
        "worst_minor": integer(exposure.worst_minor),
        "worst_minor_bound": integer(exposure.worst_minor_bound),
        // A float such as 1e300 saturates; a fair value of money is far below.
        "expected_minor": integer(exposure.expected_minor.round() as i64),
        "markets": list(&exposure.markets, |out, market| {
            object!(out;
                "market": text(&template.markets[usize::from(market.market)].key),
                "worst_minor": integer(market.worst_minor),
                "selections": list(&market.selections, |out, selection| {
                    object!(out;
                        "selection": text(&template.selections[usize::from(selection.selection)].name),
                        "leg_count": unsigned(selection.leg_count.into()),
                        "stake_minor": integer(selection.stake_minor),
                        "payout_minor": integer(selection.payout_minor),
                        "liability_minor": integer(selection.liability_minor),
                    );
                    out.put(b"}");
                }),
            );
            out.put(b"}");
        }),
    );
    out.put(b"}");
}

/// Fixtures, each with its version, with their names and where they stand; `next` is where the next page starts, if there is one.
pub fn reply_fixtures<'a>(
    to: &ReplyTo<'_>,
    fixtures: impl IntoIterator<Item = (&'a Fixture, u64)>,
    next: Option<u64>,
    out: &mut Vec<u8>,
) {
    to.begin("fixtures", out);
    fields!(out;
        "fixtures": list(fixtures, |out, (fixture, version)| {
            object!(out; "version": unsigned(version));
            standing(fixture, out);
            stops(fixture, out);
            names(fixture, out);
            out.put(b"}");
        }),
        "next": optional_unsigned(next),
    );
    out.put(b"}");
}

/// The end of the images of a page; `next` is where the next page starts, if there is one, of so many fixtures by now.
pub fn reply_images_end(
    to: &ReplyTo<'_>,
    image_count: u64,
    next: Option<u64>,
    fixture_count: u64,
    out: &mut Vec<u8>,
) {
    to.begin("images_end", out);
    fields!(out;
        "image_count": unsigned(image_count),
        "next": optional_unsigned(next),
        "fixture_count": unsigned(fixture_count),
    );
    out.put(b"}");
}

/// A page of the tickets that changed, written one by one.
#[derive(Debug)]
pub struct ChangesReply<'a> {
    out: &'a mut Vec<u8>,
    since: u64,
    /// Tickets written.
    pub count: usize,
}

impl<'a> ChangesReply<'a> {
    /// Starts the answer in a cleared buffer; `kind` is `tickets` or `settlements`.
    pub fn begin(to: &ReplyTo<'_>, kind: &str, since: u64, out: &'a mut Vec<u8>) -> Self {
        to.begin(kind, out);
        fields!(out; "since": unsigned(since));
        out.put(b",\"changes\":[");
        Self { out, since, count: 0 }
    }

    /// Adds a ticket as it is now.
    pub fn add(&mut self, ticket: &Ticket, lookup: &impl Lookup) {
        if self.count > 0 {
            self.out.push(b',');
        }
        let change = &ticket.change;
        object!(self.out;
            "change": unsigned(change.seq),
            "change_before": unsigned(change.seq_before),
            "kind": text(if ticket.is_settlement() { "settlement" } else { "ticket" }),
        );
        match change.paid_minor_since(self.since) {
            Some(paid_minor) => fields!(self.out; "paid_minor_before": integer(paid_minor)),
            None => self.out.put(b",\"paid_minor_before\":null"),
        }
        self.out.put(b",\"ticket\":");
        ticket_json(self.out, ticket, lookup);
        self.out.put(b"}");
        self.count += 1;
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the answer: `next` is the number to go on from, `last` that of the last change.
    pub fn finish(self, next: u64, last: u64) {
        self.out.push(b']');
        let out = self.out;
        fields!(out; "next": unsigned(next), "last": unsigned(last));
        out.put(b"}");
    }
}

/// A page of alert frames as they were sent, from number `first` on, which is the oldest one kept; `next` is the
/// number to go on from.
pub fn reply_alerts<'a>(
    to: &ReplyTo<'_>,
    alerts: impl Iterator<Item = &'a [u8]>,
    [first, next, last]: [u64; 3],
    out: &mut Vec<u8>,
) {
    to.begin("alerts", out);
    fields!(out; "first": unsigned(first), "alerts": list(alerts, |out, alert| {
        out.push(b'{');
        out.put(&alert[AFTER_SENT_NS..]);
    }));
    fields!(out; "next": unsigned(next), "last": unsigned(last));
    out.put(b"}");
}

/// Where the fields after `sent_ns` start.
const AFTER_SENT_NS: usize = SENT_NS_OFFSET + SENT_NS_SIZE + 1;

/// Joins the answers to a batch, in the order of its requests, to one.
#[derive(Debug)]
pub struct BatchReply<'a> {
    out: &'a mut Vec<u8>,
    count: usize,
}

impl<'a> BatchReply<'a> {
    /// Starts the answer in a cleared buffer.
    pub fn begin(to: &ReplyTo<'_>, out: &'a mut Vec<u8>) -> Self {
        to.begin("batch", out);
        out.put(b",\"replies\":[");
        Self { out, count: 0 }
    }

    /// Adds an answer written by this module; it leaves with the batch and has no `sent_ns` of its own.
    pub fn add(&mut self, reply: &[u8]) {
        if self.count > 0 {
            self.out.push(b',');
        }
        debug_assert!(reply.len() > AFTER_SENT_NS);
        match reply.get(AFTER_SENT_NS..) {
            Some(fields) => {
                self.out.push(b'{');
                self.out.put(fields);
            }
            // A missing answer must not stop the engine, nor move the others.
            None => self.out.put(b"null"),
        }
        self.count += 1;
    }

    /// Ends the answer.
    pub fn finish(self) {
        self.out.put(b"]}");
    }
}
