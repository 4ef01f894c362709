//! A ticket with the evidence of its decision.

use oddsengine_engine::{Fixture, Handling, Leg, LimitCheck, OddsChange, Reason, Ticket};
use oddsengine_types::bets::{Bet, Parts};
use oddsengine_types::{Currency, FixtureId};

use super::json::{JsonBytes, fields, object};

/// What the encoder asks the engine for.
pub trait Lookup {
    /// The fixture with this id, if it is known.
    fn fixture(&self, id: FixtureId) -> Option<&Fixture>;
    /// The currency of the book.
    fn currency(&self) -> Currency;
}

/// The ticket as a JSON object.
pub fn ticket_json(out: &mut Vec<u8>, ticket: &Ticket, lookup: &impl Lookup) {
    object!(out;
        "ticket": hex128(ticket.id.0),
        "customer": unsigned(ticket.customer.0),
        "state": text(ticket.state.name()),
    );
    out.put(b",\"reason\":");
    optional_reason(out, ticket.reason());
    fields!(out;
        "currency": text(lookup.currency().code()),
        "stake_minor": integer(ticket.stake_minor),
        "payout_minor_max": integer(ticket.payout_minor_max),
        "paid_minor": integer(ticket.paid_minor),
    );
    out.put(b",\"odds_change\":");
    odds_change(out, ticket.odds_change);
    fields!(out;
        "received_ns": integer(ticket.received_ns),
        "decided_ns": integer(ticket.decided_ns),
        "due_ns": integer(ticket.due_ns),
        "settlement_count": unsigned(ticket.settlement_count.into()),
        "legs": list(&ticket.legs, |out, item| leg(out, item, lookup)),
        "checks": list(&ticket.checks, check),
    );
    if !ticket.terms.bets.is_empty() {
        fields!(out;
            "plan": text(ticket.terms.plan.name()),
            "bets": list(&ticket.terms.bets, bet),
        );
    }
    if let Some(known) = &ticket.handling {
        handling(out, known);
    }
    out.put(b"}");
}

/// How it was dealt with, where it was not simply taken or refused.
fn handling(out: &mut Vec<u8>, handling: &Handling) {
    out.put(b",\"handling\":");
    object!(out;
        "on_limit": text(handling.wishes.on_limit.name()),
        "reoffer_odds": boolean(handling.wishes.reoffers_odds),
        "part_minor_min": integer(handling.wishes.part_minor_min),
        "asked_minor": integer(handling.asked_minor),
    );
    out.put(b",\"offer\":");
    match &handling.offer {
        Some(offer) => {
            object!(out;
                "stake_minor": integer(offer.stake_minor),
                "odds": odds_list(&offer.odds_e4),
                "due_ns": integer(offer.due_ns),
                "by": text(&offer.by),
                "taken": boolean(offer.is_taken),
            );
            out.put(b",\"reason\":");
            optional_reason(out, Some(offer.reason));
            out.put(b"}");
        }
        None => out.put(b"null"),
    }
    out.put(b",\"referral\":");
    match &handling.referral {
        Some(referral) => {
            object!(out;
                "cause": text(referral.cause.name()),
                "threshold_minor": integer(referral.threshold_minor),
                "since_ns": integer(referral.since_ns),
                "due_ns": integer(referral.due_ns),
                "verdict": optional_text(referral.verdict.map(|verdict| verdict.name())),
                "by": text(&referral.by),
                "note": text(&referral.note),
                "decided_ns": integer(referral.decided_ns),
            );
            out.put(b"}");
        }
        None => out.put(b"null"),
    }
    out.put(b"}");
}

fn leg(out: &mut Vec<u8>, leg: &Leg, lookup: &impl Lookup) {
    let fixture = lookup.fixture(leg.fixture);
    object!(out; "fixture": unsigned(leg.fixture.0));
    let template = fixture.map(Fixture::template);
    let selection = template.and_then(|template| {
        template.selection_of_id(leg.selection).map(|selection| &template.selections[selection])
    });
    let market =
        template.zip(selection).map(|(template, selection)| &template.markets[usize::from(selection.market)]);
    fields!(out;
        "market": optional_text(market.map(|market| market.key.as_str())),
        "selection": optional_text(selection.map(|selection| selection.name.as_str())),
        "requested_odds": odds(leg.requested_odds_e4),
        "offered_odds": odds(leg.offered_odds_e4),
        "odds": odds(leg.odds_e4),
        "fair_probability": probability_e9(leg.fair_probability_e9),
        "quoted_version": pair(leg.quoted_version.epoch.into(), leg.quoted_version.seq),
        "version": pair(leg.version.epoch.into(), leg.version.seq),
        "score": pair(leg.score.0.into(), leg.score.1.into()),
        "clock_ms": integer(leg.clock_ms),
        "grade": grade(leg.grade),
    );
    if !leg.is_to_win() {
        fields!(out;
            "place_of": unsigned(leg.place_of.into()),
            "fraction_of": unsigned(leg.place_fraction_of.into()),
        );
    }
    out.put(b"}");
}

/// A bet of a ticket with its lines.
fn bet(out: &mut Vec<u8>, bet: &Bet) {
    let parts = match bet.parts {
        Parts::Win => "win",
        Parts::Place => "place",
        Parts::EachWay => "each_way",
        Parts::EquallyDivided => "equally_divided",
    };
    let bits = |mask: u64| (0..u64::from(u64::BITS)).filter(move |bit| mask >> bit & 1 == 1);
    out.put(b"{\"legs\":");
    out.list(bits(bet.legs), |out, leg| out.unsigned(leg));
    fields!(out;
        "bankers": list(bits(bet.bankers), |out, leg| out.unsigned(leg)),
        "sizes": list(bits(bet.sizes), |out, size| out.unsigned(size)),
        "lines": unsigned(bet.lines().unwrap_or(0)),
        "line_stake_minor": integer(bet.stake_minor / i64::from(bet.stake_of.max(1))),
        "parts": text(parts),
    );
    out.put(b"}");
}

/// A limit and what it allowed.
pub fn check(out: &mut Vec<u8>, check: &LimitCheck) {
    object!(out;
        "level": text(check.level.name()),
        "leg": optional_unsigned(check.leg.map(u64::from)),
        "limit_minor": integer(check.limit_minor),
        "used_minor": integer(check.used_minor),
        "stake_minor_max": integer(check.stake_minor_max),
    );
    if let Some(window) = check.window {
        fields!(out; "window": text(window.as_str()));
    }
    out.put(b"}");
}

/// Number, name and sentence of a reason, or `null`.
pub fn optional_reason(out: &mut Vec<u8>, reason: Option<Reason>) {
    let Some(reason) = reason else {
        out.put(b"null");
        return;
    };
    object!(out;
        "number": unsigned(u64::from(reason as u16)),
        "name": text(reason.name()),
        "sentence": text(reason.sentence()),
    );
    out.put(b"}");
}

/// The policy as it was asked: hundredths of a percent are the digits of a percent.
fn odds_change(out: &mut Vec<u8>, change: OddsChange) {
    let policy = match change {
        OddsChange::None => "none",
        OddsChange::Higher => "higher",
        OddsChange::Any => "any",
        OddsChange::Within(_) => "within",
    };
    object!(out; "policy": text(policy));
    if let OddsChange::Within(hundredths_of_percent) = change {
        let percent = f64::from(hundredths_of_percent) / 100.0;
        out.put(format!(",\"percent\":{percent}").as_bytes());
    }
    out.put(b"}");
}
