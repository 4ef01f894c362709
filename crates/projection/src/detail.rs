//! What a change of settings holds, as a JSON object: names and units are those of the configuration.

use oddsengine_facts::{
    Config, CorrectionRule, CustomerFactor, CustomerTerms, Expectation, Margin, MarketDesk, OwnLimit, Scope,
    ScopeSettings, SettlementConfig, StakeWindow, StopSet, SwitchScope,
};
use oddsengine_markets::sports;
use oddsengine_types::{AccountKind, SportId};
use serde_json::{Value as Json, json};

use crate::names::Names;

pub(crate) fn sport(id: SportId) -> &'static str {
    sports().get(usize::from(id.0)).copied().unwrap_or("unknown")
}

fn margin(margin: &Margin) -> Json {
    let Margin { method, booksum_e4 } = margin;
    json!({ "method": method.name(), "booksum_e4": booksum_e4 })
}

pub(crate) fn config(config: &Config) -> Json {
    // Taken apart by name: a new setting does not compile until it is here.
    let Config {
        currency,
        margin: book_margin,
        ladder,
        odds_e4_min,
        odds_e4_max,
        skew_b_minor,
        bet_delay_ms,
        feed_silence_ms,
        start_grace_ms,
        manual_tolerance_e4,
        price_jump_e4,
        fixtures_max,
        market_loss_minor_max,
        fixture_loss_minor_max,
        competition_loss_minor_max,
        sport_loss_minor_max,
        platform_loss_minor_max,
        stake_minor_min,
        line_stake_minor_min,
        stake_minor_max,
        payout_minor_max,
        legs_max,
        bets_while_owing,
        settlement_delay_ms,
        archive_after_ms,
        archive_refused_after_ms,
        archive_fixture_after_ms,
        archive_money_after_ms,
        stake_windows,
        referral_stake_minor,
        referral_ms,
        referral_takes_unanswered,
        offer_ms,
        delay_skip_minor,
        improvement_e4,
        limit_increase_ms,
        settlement,
        sports,
    } = config;
    let stake_windows: Vec<Json> = stake_windows
        .iter()
        .map(|StakeWindow { name, per, period_ms, stake_minor_max }| {
            json!({
                "name": name.as_str(),
                "per": per.name(),
                "period_ms": period_ms,
                "stake_minor_max": stake_minor_max,
            })
        })
        .collect();
    let sports: Vec<Json> = sports
        .iter()
        .map(|of| json!({ "sport": sport(of.sport), "version": of.version, "values": of.values }))
        .collect();
    json!({
        "currency": currency.code(),
        "margin": margin(book_margin),
        "ladder": ladder.name(),
        "odds_e4_min": odds_e4_min,
        "odds_e4_max": odds_e4_max,
        "skew_b_minor": skew_b_minor,
        "bet_delay_ms": bet_delay_ms,
        "feed_silence_ms": feed_silence_ms,
        "start_grace_ms": start_grace_ms,
        "manual_tolerance_e4": manual_tolerance_e4,
        "price_jump_e4": price_jump_e4,
        "fixtures_max": fixtures_max,
        "market_loss_minor_max": market_loss_minor_max,
        "fixture_loss_minor_max": fixture_loss_minor_max,
        "competition_loss_minor_max": competition_loss_minor_max,
        "sport_loss_minor_max": sport_loss_minor_max,
        "platform_loss_minor_max": platform_loss_minor_max,
        "stake_minor_min": stake_minor_min,
        "line_stake_minor_min": line_stake_minor_min,
        "stake_minor_max": stake_minor_max,
        "payout_minor_max": payout_minor_max,
        "legs_max": legs_max,
        "bets_while_owing": bets_while_owing,
        "settlement_delay_ms": settlement_delay_ms,
        "archive_after_ms": archive_after_ms,
        "archive_refused_after_ms": archive_refused_after_ms,
        "archive_fixture_after_ms": archive_fixture_after_ms,
        "archive_money_after_ms": archive_money_after_ms,
        "stake_windows": stake_windows,
        "referral_stake_minor": referral_stake_minor,
        "referral_ms": referral_ms,
        "referral_takes_unanswered": referral_takes_unanswered,
        "offer_ms": offer_ms,
        "delay_skip_minor": delay_skip_minor,
        "improvement_e4": improvement_e4,
        "limit_increase_ms": limit_increase_ms,
        "settlement": settlement_json(settlement),
        "sports": sports,
    })
}

fn settlement_json(settlement: &SettlementConfig) -> Json {
    let SettlementConfig {
        approval_above_minor,
        approval_expires_ms,
        provisional_pays_after_ms,
        past_post_voids,
        rules,
    } = settlement;
    let rules: Vec<Json> = rules
        .iter()
        .map(|rules| {
            let window_ms = match rules.correction {
                CorrectionRule::Within(window_ms) => Some(window_ms),
                _ => None,
            };
            json!({ "version": rules.version, "correction": rules.correction.name(), "window_ms": window_ms })
        })
        .collect();
    json!({
        "approval_above_minor": approval_above_minor,
        "approval_expires_ms": approval_expires_ms,
        "provisional_pays_after_ms": provisional_pays_after_ms,
        "past_post_voids": past_post_voids,
        "rules": rules,
    })
}

pub(crate) fn settings(settings: &ScopeSettings) -> Json {
    let ScopeSettings { margin: own, loss_minor_max, bet_delay_ms, feed_silence_ms, referral_stake_minor } =
        settings;
    json!({
        "margin": own.as_ref().map(margin),
        "loss_minor_max": loss_minor_max,
        "bet_delay_ms": bet_delay_ms,
        "feed_silence_ms": feed_silence_ms,
        "referral_stake_minor": referral_stake_minor,
    })
}

pub(crate) fn terms(terms: &CustomerTerms) -> Json {
    let CustomerTerms { factors, is_flagged, referral_stake_minor } = terms;
    let factors: Vec<Json> = factors
        .iter()
        .map(|CustomerFactor { sport: of, in_play, factor_e3 }| {
            json!({ "sport": of.map(sport), "in_play": in_play, "factor_e3": factor_e3 })
        })
        .collect();
    json!({ "factors": factors, "is_flagged": is_flagged, "referral_stake_minor": referral_stake_minor })
}

pub(crate) fn own_limit(limit: &OwnLimit) -> Json {
    let OwnLimit { kind, period, limit_minor, next } = limit;
    let next = next.map(|next| json!({ "limit_minor": next.limit_minor, "from_ns": next.from_ns }));
    json!({ "kind": kind.name(), "period": period.name(), "limit_minor": limit_minor, "next": next })
}

pub(crate) fn switch(scope: &SwitchScope, names: &Names) -> String {
    match scope {
        SwitchScope::All => "all".to_string(),
        SwitchScope::Channel(name) => format!("channel:{name}"),
        SwitchScope::Customer(customer) => format!("customer:{customer}"),
        SwitchScope::Of(of) => scope_name(of, names),
    }
}

use self::scope as scope_name;

pub(crate) fn market(desk: &MarketDesk) -> Json {
    let MarketDesk {
        stops,
        is_locked,
        locked_odds_e4,
        manual_odds_e4,
        keeps_in_play,
        override_by,
        anchor_e9: _,
    } = desk;
    json!({
        "suspended_by_desk": stops.by_desk,
        "suspended_by_feed": stops.by_feed,
        "suspended_by_move": stops.by_move,
        "is_locked": is_locked,
        "locked_odds_e4": locked_odds_e4,
        "manual_odds_e4": manual_odds_e4,
        "keeps_in_play": keeps_in_play,
        "override_by": override_by,
    })
}

pub(crate) fn expectation(expectation: &Expectation) -> Json {
    let Expectation { mode, supremacy_e6, total_e6, weight_e3, owner, since_ns, feed: _ } = expectation;
    json!({
        "mode": mode.name(),
        "supremacy_e6": supremacy_e6,
        "total_e6": total_e6,
        "weight_e3": weight_e3,
        "owner": owner,
        "since_ns": since_ns,
    })
}

pub(crate) fn stops(set: StopSet) -> String {
    set.iter().map(|stop| stop.name()).collect::<Vec<_>>().join(",")
}

pub(crate) fn scope(scope: &Scope, names: &Names) -> String {
    match scope {
        Scope::Sport(of) => format!("sport:{}", sport(*of)),
        Scope::MarketType(of, stem) => format!("market_type:{}/{stem}", sport(*of)),
        Scope::Competition(name) => format!("competition:{name}"),
        Scope::Fixture(fixture) => format!("fixture:{fixture}"),
        Scope::Market(fixture, market) => format!("market:{fixture}/{}", names.market(*market)),
    }
}

pub(crate) fn account(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::CustomerCash(_) => "customer_cash",
        AccountKind::CustomerOpenStakes(_) => "customer_open_stakes",
        AccountKind::CustomerWithdrawalPending(_) => "customer_withdrawal_pending",
        AccountKind::CustomerReceivable(_) => "customer_receivable",
        AccountKind::CustomerBonus(_) => "customer_bonus",
        AccountKind::Psp => "psp",
        AccountKind::BettingResult => "betting_result",
        AccountKind::Suspense => "suspense",
        AccountKind::BankSegregated => "bank_segregated",
        AccountKind::BankOperating => "bank_operating",
        AccountKind::Commission => "commission",
        AccountKind::PromoFreeBet => "promo_free_bet",
        AccountKind::PromoBoost => "promo_boost",
        AccountKind::Goodwill => "goodwill",
        AccountKind::Chargeback => "chargeback",
        AccountKind::Fx => "fx",
        AccountKind::Dormant => "dormant",
        AccountKind::TaxWithheld => "tax_withheld",
    }
}
