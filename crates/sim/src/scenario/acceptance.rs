//! Switches, customers, offers and referrals in the language:
//!
//! ```text
//! switch off | on all | channel NAME | customer C1 | sport | type 1x2 | competition cup | fixture F1 | market F1 1x2
//! standing C1 active | suspended | closed | self_excluded 1h
//! flag C1 yes | no      own_limit C1 stake day 10.00 | none      confirm C1 stake day
//! answer B1 C1 yes | no      rule B1 accept | part 5.00 | counter 5.00 [1.90] | decline
//! bet ... [on_limit part | reoffer] [reoffer_odds] [least 5.00]
//! scope ... [referral 5.00]      config window NAME selection 100.00 3600s
//! ```

use oddsengine_engine::{
    Body, CustomerTerms, OnLimit, OwnLimitKind, Period, Ruling, Scope, StakeWindow, Standing, SwitchScope,
    Verdict, WindowName, WindowPer, Wishes,
};
use oddsengine_types::SportId;

use super::Scenario;
use super::actions::market;
use super::words::Words;

type Parsed<T> = Result<T, String>;

/// One of some values by its name.
fn one_of<T: Copy>(words: &mut Words<'_>, all: &[T], name: impl Fn(T) -> &'static str) -> Parsed<T> {
    let word = words.text("a name")?;
    let known = all.iter().copied().find(|&one| name(one) == word);
    known.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        format!("{word:?} is not one of {}", names.join(", "))
    })
}

impl Scenario {
    pub(super) fn handling(&mut self, name: &str, words: &mut Words<'_>) -> Parsed<Option<Body>> {
        Ok(Some(match name {
            "switch" => switch(words)?,
            "standing" => {
                let customer = words.customer()?;
                let standing = match words.text("a standing")? {
                    "active" => Standing::Active,
                    "suspended" => Standing::Suspended,
                    "closed" => Standing::Closed,
                    "self_excluded" => Standing::SelfExcluded(self.now_ns + words.duration_ns()?),
                    other => return Err(format!("{other:?} is no standing")),
                };
                Body::SetStanding { customer, standing, reason: "told".into() }
            }
            "flag" => {
                let customer = words.customer()?;
                let is_flagged = words.text("yes or no")? == "yes";
                let terms = CustomerTerms { is_flagged, ..CustomerTerms::default() };
                Body::SetCustomerTerms { customer, terms }
            }
            "own_limit" => {
                let (customer, kind, period) = own_limit(words)?;
                let limit_minor = if words.take_if("none") { None } else { Some(words.amount()?) };
                Body::SetOwnLimit { customer, kind, period, limit_minor }
            }
            "confirm" => {
                let (customer, kind, period) = own_limit(words)?;
                Body::ConfirmOwnLimit { customer, kind, period }
            }
            "answer" => {
                let (ticket, customer) = (words.ticket()?, words.customer()?);
                Body::AnswerOffer { ticket, customer, takes: words.text("yes or no")? == "yes" }
            }
            "rule" => rule(words)?,
            _ => return Ok(None),
        }))
    }
}

fn own_limit(words: &mut Words<'_>) -> Parsed<(oddsengine_types::CustomerId, OwnLimitKind, Period)> {
    let customer = words.customer()?;
    let kind = one_of(words, &OwnLimitKind::ALL, OwnLimitKind::name)?;
    Ok((customer, kind, one_of(words, &Period::ALL, Period::name)?))
}

fn switch(words: &mut Words<'_>) -> Parsed<Body> {
    let is_off = words.text("off or on")? == "off";
    let football = SportId(0);
    let scope = match words.text("a scope")? {
        "all" => SwitchScope::All,
        "channel" => SwitchScope::Channel(words.text("a channel")?.to_string()),
        "customer" => SwitchScope::Customer(words.customer()?),
        "sport" => SwitchScope::Of(Scope::Sport(football)),
        "type" => SwitchScope::Of(Scope::MarketType(football, words.text("a market type")?.to_string())),
        "competition" => SwitchScope::Of(Scope::Competition(words.text("a competition")?.to_string())),
        "fixture" => SwitchScope::Of(Scope::Fixture(words.fixture()?)),
        "market" => SwitchScope::Of(Scope::Market(words.fixture()?, market(words)?)),
        other => return Err(format!("{other:?} is nothing that a switch stops")),
    };
    Ok(Body::SetSwitch { scope, is_off, reason: "told".into() })
}

fn rule(words: &mut Words<'_>) -> Parsed<Body> {
    let ticket = words.ticket()?;
    let verdict = one_of(words, &Verdict::OF_DESK, Verdict::name)?;
    let has_stake = matches!(verdict, Verdict::Part | Verdict::Counter);
    let stake_minor = if has_stake { words.amount()? } else { 0 };
    let mut odds_e4 = Vec::new();
    while words.peek().is_some() {
        odds_e4.push(words.odds()?);
    }
    Ok(Body::RuleReferral { ticket, ruling: Ruling { verdict, stake_minor, odds_e4, note: String::new() } })
}

/// A wish of a bet, if the word begins one.
pub(super) fn wish(word: &str, wishes: &mut Wishes, words: &mut Words<'_>) -> Parsed<bool> {
    match word {
        "on_limit" => wishes.on_limit = one_of(words, &OnLimit::ALL, OnLimit::name)?,
        "reoffer_odds" => wishes.reoffers_odds = true,
        "least" => wishes.part_minor_min = words.amount()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// `NAME per AMOUNT DURATION`.
pub(super) fn window(words: &mut Words<'_>) -> Parsed<StakeWindow> {
    let name = words.text("a name")?;
    let name = WindowName::new(name).ok_or_else(|| format!("{name:?} is no name of a window"))?;
    let per = one_of(words, &WindowPer::ALL, WindowPer::name)?;
    let stake_minor_max = words.amount()?;
    Ok(StakeWindow { name, per, period_ms: words.duration_ns()? / 1_000_000, stake_minor_max })
}
