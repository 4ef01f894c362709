//! What is asked beside bets themselves: switches, customers' standing and own limits, offers, a trader's word.

use oddsengine_engine::acceptance::{CUSTOMER_FACTORS_MAX, NOTE_BYTES_MAX};
use oddsengine_engine::{
    Body, CustomerFactor, CustomerTerms, OnLimit, OwnLimitKind, Period, Ruling, Standing, SwitchScope,
    Verdict, Wishes,
};
use oddsengine_markets::SelectionId;
use oddsengine_types::bounds::{LEGS_MAX, NAME_BYTES_MAX};
use oddsengine_types::{CustomerId, MONEY_MINOR_MAX, STAKE_MINOR_MAX, TicketId};

use super::orders::Query;
use super::{bounds, parts};
use crate::error::FeedError;
use crate::json::{Field, Object};

fn customer(message: &Object<'_>) -> Result<CustomerId, FeedError> {
    Ok(CustomerId(message.required("customer")?.integer(0..=u64::MAX)?))
}

fn note(message: &Object<'_>, name: &'static str) -> Result<String, FeedError> {
    message.optional(name).map_or(Ok(String::new()), |field| Ok(field.text(NOTE_BYTES_MAX)?.to_string()))
}

fn stake_minor(message: &Object<'_>, name: &'static str) -> Result<Option<i64>, FeedError> {
    message.optional(name).map(|field| field.integer(0..=STAKE_MINOR_MAX)).transpose()
}

/// What a bet's customer allows where it cannot be taken as asked.
pub fn wishes(message: &Object<'_>) -> Result<Wishes, FeedError> {
    let ways = OnLimit::ALL.map(|way| (way.name(), way));
    Ok(Wishes {
        on_limit: message.optional("on_limit").map_or(Ok(OnLimit::Refuse), |field| field.choice(&ways))?,
        reoffers_odds: parts::flag(message, "reoffer_odds")?,
        part_minor_min: stake_minor(message, "part_minor_min")?.unwrap_or(0),
    })
}

/// A customer takes what was offered, or does not.
pub fn answer_offer(message: &Object<'_>) -> Result<Body, FeedError> {
    Ok(Body::AnswerOffer {
        ticket: TicketId(message.required("ticket")?.id128()?),
        customer: customer(message)?,
        takes: message.required("takes")?.boolean()?,
    })
}

/// What the desk and services ask about switches, customers and referred bets.
pub fn desk_body(kind: &str, message: &Object<'_>) -> Option<Result<Body, FeedError>> {
    Some(match kind {
        "set_switch" => set_switch(message),
        "set_standing" => set_standing(message),
        "set_customer_terms" => set_customer_terms(message),
        "set_own_limit" => set_own_limit(message),
        "confirm_own_limit" => confirm_own_limit(message),
        "rule_referral" => rule_referral(message),
        _ => return None,
    })
}

fn set_switch(message: &Object<'_>) -> Result<Body, FeedError> {
    let field = message.required("scope")?;
    let scope = field.object()?;
    let level = scope.required("level").and_then(|level| level.text(NAME_BYTES_MAX));
    let scope = match level.map_err(|error| error.within(field))? {
        "all" => SwitchScope::All,
        "channel" => {
            let name = scope.required("channel").and_then(|name| name.text(NAME_BYTES_MAX));
            SwitchScope::Channel(name.map_err(|error| error.within(field))?.to_string())
        }
        "customer" => SwitchScope::Customer(customer(scope).map_err(|error| error.within(field))?),
        _ => SwitchScope::Of(parts::scope(field)?),
    };
    Ok(Body::SetSwitch {
        scope,
        is_off: message.required("off")?.boolean()?,
        reason: note(message, "reason")?,
    })
}

fn set_standing(message: &Object<'_>) -> Result<Body, FeedError> {
    let standings = ["active", "suspended", "self_excluded", "closed"].map(|name| (name, name));
    let standing = match message.required("standing")?.choice(&standings)? {
        "active" => Standing::Active,
        "suspended" => Standing::Suspended,
        "closed" => Standing::Closed,
        _ => Standing::SelfExcluded(message.required("until_ns")?.integer(0..=i64::MAX)?),
    };
    Ok(Body::SetStanding { customer: customer(message)?, standing, reason: note(message, "reason")? })
}

fn set_customer_terms(message: &Object<'_>) -> Result<Body, FeedError> {
    let mut factors = Vec::new();
    if let Some(field) = message.optional("factors") {
        for item in field.items(0..=CUSTOMER_FACTORS_MAX)? {
            factors.push(factor(item.object()?).map_err(|error| error.within(item))?);
        }
    }
    let terms = CustomerTerms {
        factors,
        is_flagged: parts::flag(message, "flagged")?,
        referral_stake_minor: stake_minor(message, "referral_stake_minor")?,
    };
    Ok(Body::SetCustomerTerms { customer: customer(message)?, terms })
}

fn factor(item: &Object<'_>) -> Result<CustomerFactor, FeedError> {
    let (low, high) = bounds::FACTOR;
    Ok(CustomerFactor {
        sport: item.optional("sport").map(|_| parts::sport(item)).transpose()?,
        in_play: item.optional("in_play").map(|field| field.boolean()).transpose()?,
        factor_e3: item.required("factor")?.multiple(1_000, low, high)? as u32,
    })
}

fn own_limit(message: &Object<'_>) -> Result<(CustomerId, OwnLimitKind, Period), FeedError> {
    let kinds = OwnLimitKind::ALL.map(|kind| (kind.name(), kind));
    let periods = Period::ALL.map(|period| (period.name(), period));
    let kind = message.required("kind")?.choice(&kinds)?;
    Ok((customer(message)?, kind, message.required("period")?.choice(&periods)?))
}

fn set_own_limit(message: &Object<'_>) -> Result<Body, FeedError> {
    let (customer, kind, period) = own_limit(message)?;
    let limit = |field: Field<'_, '_>| field.integer(0..=MONEY_MINOR_MAX / 100);
    let limit_minor = message.optional("limit_minor").map(limit).transpose()?;
    Ok(Body::SetOwnLimit { customer, kind, period, limit_minor })
}

fn confirm_own_limit(message: &Object<'_>) -> Result<Body, FeedError> {
    let (customer, kind, period) = own_limit(message)?;
    Ok(Body::ConfirmOwnLimit { customer, kind, period })
}

fn rule_referral(message: &Object<'_>) -> Result<Body, FeedError> {
    let verdicts = Verdict::OF_DESK.map(|verdict| (verdict.name(), verdict));
    let mut odds_e4 = Vec::new();
    if let Some(field) = message.optional("odds") {
        for item in field.items(0..=LEGS_MAX)? {
            odds_e4.push(item.odds_e4()?);
        }
    }
    let ruling = Ruling {
        verdict: message.required("verdict")?.choice(&verdicts)?,
        stake_minor: stake_minor(message, "stake_minor")?.unwrap_or(0),
        odds_e4,
        note: note(message, "note")?,
    };
    Ok(Body::RuleReferral { ticket: TicketId(message.required("ticket")?.id128()?), ruling })
}

/// All bets taken of a selection in a time, with the price that would have been right.
pub fn evidence(message: &Object<'_>) -> Result<Query, FeedError> {
    let market = message.required("market")?.text(bounds::KEY_BYTES_MAX)?;
    let selection = message.required("selection")?.text(bounds::KEY_BYTES_MAX)?;
    let time = |name, default| {
        message.optional(name).map_or(Ok(default), |field| field.integer(i64::MIN..=i64::MAX))
    };
    Ok(Query::Evidence {
        fixture: parts::fixture_id(message)?,
        selection: SelectionId::of(market, selection),
        from_ns: time("from_ns", i64::MIN)?,
        until_ns: time("until_ns", i64::MAX)?,
        odds_e4: message.optional("odds").map(|field| field.odds_e4()).transpose()?,
        after: message.optional("after").map_or(Ok(0), |field| field.integer(0..=u64::MAX))?,
    })
}
