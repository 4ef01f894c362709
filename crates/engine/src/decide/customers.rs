//! What the operator and customers themselves set about customers, and the switches that stop bets.

use oddsengine_facts::acceptance::{NOTE_BYTES_MAX, SWITCHES_MAX};
use oddsengine_facts::command::CUSTOMERS_SET_MAX;
use oddsengine_facts::{
    CustomerTerms, Fact, LimitCheck, LimitLevel, NextLimit, OwnLimit, OwnLimitKind, Period, Reason, Scope,
    Standing, Switch, SwitchScope, Ticket,
};
use oddsengine_types::{BoundsError, CustomerId, STAKE_MINOR_MAX};

use super::out_of_bounds;
use crate::state::State;
use crate::state::customers::CustomerFile;
use crate::step::{Refusal, Step};

/// Largest limit of a customer's own.
const OWN_LIMIT_MINOR_MAX: i64 = oddsengine_types::MONEY_MINOR_MAX / 100;

impl Step<'_> {
    /// Turns a switch off, or on again.
    pub(super) fn set_switch(
        &mut self,
        scope: &SwitchScope,
        is_off: bool,
        reason: &str,
        owner: &str,
    ) -> Result<(), Refusal> {
        check_note("reason", reason, is_off)?;
        let known = self.switches.get(scope);
        if !is_off && known.is_none() {
            return Err((Reason::OutOfSequence, "the switch is on".to_string()));
        }
        if known.is_none() && self.switches.len() >= SWITCHES_MAX {
            return Err(out_of_bounds(BoundsError::outside("switches", SWITCHES_MAX + 1, 0, SWITCHES_MAX)));
        }
        let switch = is_off.then(|| Switch {
            owner: owner.to_string(),
            reason: reason.to_string(),
            since_ns: self.now_ns,
        });
        let message = match is_off {
            true => format!("{owner} takes no bets of {}: {reason}", words(scope)),
            false => format!("{owner} takes bets of {} again", words(scope)),
        };
        let fixture = match scope {
            SwitchScope::Of(Scope::Fixture(fixture) | Scope::Market(fixture, _)) => Some(*fixture),
            _ => None,
        };
        self.fact(Fact::SwitchSet { scope: scope.clone(), switch });
        self.alert(if is_off { "switched_off" } else { "switched_on" }, fixture, message);
        Ok(())
    }

    pub(super) fn set_standing(
        &mut self,
        customer: CustomerId,
        standing: Standing,
        reason: &str,
    ) -> Result<(), Refusal> {
        check_note("reason", reason, false)?;
        self.room_for(customer)?;
        let present = self.customers.file(customer).map_or(Standing::Active, |file| file.standing);
        if let Standing::SelfExcluded(until_ns) = present
            && self.now_ns < until_ns
            && !matches!(standing, Standing::SelfExcluded(later_ns) if later_ns >= until_ns)
        {
            let detail = format!("customer {customer} is self-excluded until {until_ns}, and no shorter");
            return Err((Reason::OutOfSequence, detail));
        }
        self.fact(Fact::StandingSet { customer, standing, reason: reason.to_string() });
        Ok(())
    }

    pub(super) fn set_customer_terms(
        &mut self,
        customer: CustomerId,
        terms: &CustomerTerms,
    ) -> Result<(), Refusal> {
        terms.check().map_err(out_of_bounds)?;
        self.room_for(customer)?;
        self.fact(Fact::CustomerTermsSet { customer, terms: Box::new(terms.clone()) });
        Ok(())
    }

    /// A lower limit holds at once, a higher one waits.
    pub(super) fn set_own_limit(
        &mut self,
        customer: CustomerId,
        kind: OwnLimitKind,
        period: Period,
        limit_minor: Option<i64>,
    ) -> Result<(), Refusal> {
        let value = limit_minor.unwrap_or(0);
        if !(0..=OWN_LIMIT_MINOR_MAX).contains(&value) {
            return Err(out_of_bounds(BoundsError::outside("limit_minor", value, 0, OWN_LIMIT_MINOR_MAX)));
        }
        self.room_for(customer)?;
        let known = self.customers.file(customer).and_then(|file| file.limit(kind, period)).copied();
        let limit = match (known, limit_minor) {
            (None, None) => return Err(no_limit(customer, kind, period)),
            (None, Some(limit_minor)) => OwnLimit { kind, period, limit_minor, next: None },
            (Some(known), Some(limit_minor)) if limit_minor <= known.limit_minor => {
                OwnLimit { limit_minor, next: None, ..known }
            }
            (Some(known), limit_minor) => {
                let from_ns = self.now_ns.saturating_add(self.config.limit_increase_ms * 1_000_000);
                OwnLimit { next: Some(NextLimit { limit_minor, from_ns }), ..known }
            }
        };
        self.fact(Fact::OwnLimitSet { customer, limit });
        Ok(())
    }

    pub(super) fn confirm_own_limit(
        &mut self,
        customer: CustomerId,
        kind: OwnLimitKind,
        period: Period,
    ) -> Result<(), Refusal> {
        let known = self.customers.file(customer).and_then(|file| file.limit(kind, period)).copied();
        let Some((known, next)) = known.and_then(|known| Some((known, known.next?))) else {
            return Err(no_limit(customer, kind, period));
        };
        if self.now_ns < next.from_ns {
            let (now_ns, from_ns) = (self.now_ns, next.from_ns);
            return Err((
                Reason::OutOfSequence,
                format!("now {now_ns} is before {from_ns}, from when on it can be"),
            ));
        }
        self.fact(match next.limit_minor {
            Some(limit_minor) => {
                Fact::OwnLimitSet { customer, limit: OwnLimit { limit_minor, next: None, ..known } }
            }
            None => Fact::OwnLimitEnded { customer, kind, period },
        });
        Ok(())
    }
}

impl State {
    pub(super) fn room_for(&self, customer: CustomerId) -> Result<(), Refusal> {
        if self.customers.get(customer).is_none() && self.customers.slots.len() >= CUSTOMERS_SET_MAX {
            let count = CUSTOMERS_SET_MAX + 1;
            return Err(out_of_bounds(BoundsError::outside("customers", count, 0, CUSTOMERS_SET_MAX)));
        }
        Ok(())
    }

    /// The general factor of a customer; 0 is blocked.
    pub(super) fn factor_e3(&self, customer: CustomerId) -> u32 {
        self.customers.get(customer).map_or(1_000, |customer| customer.factor_e3)
    }

    /// The least factor that holds for a leg of the ticket.
    pub(super) fn ticket_factor_e3(&self, ticket: &Ticket) -> u32 {
        let Some(customer) = self.customers.get(ticket.customer) else { return 1_000 };
        let terms = customer.file.as_ref().map(|file| &file.terms).filter(|terms| !terms.factors.is_empty());
        let Some(terms) = terms else { return customer.factor_e3 };
        let of_legs = ticket.legs.iter().map(|leg| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            terms.factor_e3(fixture.request.sport(), fixture.live.phase()).unwrap_or(customer.factor_e3)
        });
        of_legs.min().unwrap_or(customer.factor_e3)
    }

    /// Lists what is left of stake windows, and of what the customer limits for themselves.
    pub(super) fn check_windows(&self, ticket: &Ticket, checks: &mut Vec<LimitCheck>) {
        for window in &self.config.stake_windows {
            let used_minor = self.window_used_minor(ticket, window);
            checks.push(LimitCheck {
                level: LimitLevel::Window,
                leg: None,
                limit_minor: window.stake_minor_max,
                used_minor,
                stake_minor_max: (window.stake_minor_max - used_minor).max(0),
                window: Some(window.name),
            });
        }
        let Some(file) = self.customers.file(ticket.customer) else { return };
        for limit in &file.limits {
            let level = match limit.kind {
                OwnLimitKind::Deposit => continue,
                OwnLimitKind::Loss => LimitLevel::OwnLoss,
                OwnLimitKind::Stake => LimitLevel::OwnStake,
            };
            let used_minor = file.used_minor(limit.kind, limit.period, ticket.received_ns);
            let stake_minor_max = (limit.limit_minor - used_minor).clamp(0, STAKE_MINOR_MAX);
            let limit_minor = limit.limit_minor;
            checks.push(LimitCheck {
                level,
                leg: None,
                limit_minor,
                used_minor,
                stake_minor_max,
                window: None,
            });
        }
    }

    /// Whether a deposit is taken: the customer's standing, and their own limits.
    pub(super) fn check_deposit(&self, customer: CustomerId, amount_minor: i64) -> Result<(), Reason> {
        let Some(file) = self.customers.file(customer) else { return Ok(()) };
        if let Some(reason) = file.standing.refusal(self.now_ns) {
            return Err(reason);
        }
        let is_above = |limit: &OwnLimit| {
            let used_minor = file.used_minor(limit.kind, limit.period, self.now_ns);
            amount_minor > limit.limit_minor - used_minor
        };
        let of_deposits = |limit: &&OwnLimit| limit.kind == OwnLimitKind::Deposit;
        match file.limits.iter().filter(of_deposits).any(is_above) {
            true => Err(Reason::ExceedsOwnDepositLimit),
            false => Ok(()),
        }
    }

    /// Every bet of the customer is looked at.
    pub(super) fn is_flagged(&self, customer: CustomerId) -> bool {
        self.customers.file(customer).is_some_and(|file: &CustomerFile| file.terms.is_flagged)
    }
}

/// Text of a person: 1 to so many bytes, or none where it may be left out.
pub(super) fn check_note(what: &str, note: &str, is_needed: bool) -> Result<(), Refusal> {
    let least = usize::from(is_needed);
    match (least..=NOTE_BYTES_MAX).contains(&note.len()) {
        true => Ok(()),
        false => {
            let what = format!("length of {what}");
            Err(out_of_bounds(BoundsError::outside(&what, note.len(), least, NOTE_BYTES_MAX)))
        }
    }
}

fn no_limit(customer: CustomerId, kind: OwnLimitKind, period: Period) -> Refusal {
    let (kind, period) = (kind.name(), period.name());
    (
        Reason::OutOfSequence,
        format!("customer {customer} has no {kind} limit of a {period} that this is about"),
    )
}

fn words(scope: &SwitchScope) -> String {
    match scope {
        SwitchScope::All => "anybody".to_string(),
        SwitchScope::Channel(name) => format!("channel {name}"),
        SwitchScope::Customer(customer) => format!("customer {customer}"),
        SwitchScope::Of(Scope::Sport(sport)) => format!("sport {sport}"),
        SwitchScope::Of(Scope::MarketType(sport, stem)) => format!("markets {stem} of sport {sport}"),
        SwitchScope::Of(Scope::Competition(name)) => format!("competition {name}"),
        SwitchScope::Of(Scope::Fixture(fixture)) => format!("fixture {fixture}"),
        SwitchScope::Of(Scope::Market(fixture, market)) => {
            format!("market {:016x} of fixture {fixture}", market.0)
        }
    }
}
