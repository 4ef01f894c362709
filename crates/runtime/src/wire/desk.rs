//! What the desk socket tells: decisions, settlements, alerts.

use oddsengine_engine::Ticket;
use oddsengine_types::FixtureId;

use super::header::Header;
use super::json::{JsonBytes, fields};
use super::ticket::{Lookup, ticket_json};

/// A decision on a ticket.
pub fn desk_ticket(ticket: &Ticket, header: &Header<'_>, lookup: &impl Lookup, out: &mut Vec<u8>) {
    header.begin("ticket", true, out);
    fields!(out; "change": unsigned(ticket.change.seq));
    out.put(b",\"ticket\":");
    ticket_json(out, ticket, lookup);
    out.put(b"}");
}

/// A ticket was settled, resettled, reopened or cancelled; `paid_minor_before` was paid before.
pub fn desk_settlement(
    ticket: &Ticket,
    paid_minor_before: i64,
    header: &Header<'_>,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    header.begin("settlement", true, out);
    fields!(out;
        "change": unsigned(ticket.change.seq),
        "paid_minor_before": integer(paid_minor_before),
    );
    out.put(b",\"ticket\":");
    ticket_json(out, ticket, lookup);
    out.put(b"}");
}

/// The last numbers of what the desk socket has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeskTails {
    /// Of decisions.
    pub ticket_seq: u64,
    /// Of settlements.
    pub settlement_seq: u64,
    /// Of alerts.
    pub alert_seq: u64,
    /// The last change of a ticket that was told: the cursor to ask with later.
    pub change: u64,
}

/// The heartbeat of the desk socket: who lags behind it has missed the end of a burst.
pub fn desk_heartbeat(tails: &DeskTails, header: &Header<'_>, out: &mut Vec<u8>) {
    header.begin("desk_heartbeat", true, out);
    fields!(out;
        "ticket_seq": unsigned(tails.ticket_seq),
        "settlement_seq": unsigned(tails.settlement_seq),
        "alert_seq": unsigned(tails.alert_seq),
        "change": unsigned(tails.change),
    );
    out.put(b"}");
}

/// Something that somebody should look at.
#[derive(Clone, Copy, Debug)]
pub struct Alert<'a> {
    /// What kind: `feed_gap`, `feed_refused`, `feed_error`, `feed_silent`, `journal_unavailable`.
    pub alert: &'a str,
    /// The sentence, with values.
    pub message: &'a str,
    /// The fixture, if it is about one.
    pub fixture: Option<FixtureId>,
}

/// An alert.
pub fn desk_alert(alert: &Alert<'_>, header: &Header<'_>, out: &mut Vec<u8>) {
    header.begin("alert", true, out);
    fields!(out;
        "alert": text(alert.alert),
        "message": text(alert.message),
        "fixture": optional_unsigned(alert.fixture.map(|fixture| fixture.0)),
    );
    out.put(b"}");
}
