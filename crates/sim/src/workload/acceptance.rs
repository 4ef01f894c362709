//! What is done beside bets themselves: switches, customers' standing and own limits, offers, a trader's word.

use oddsengine_engine::{
    Body, CustomerFactor, CustomerTerms, OnLimit, OwnLimitKind, Period, Ruling, Scope, StakeWindow, Standing,
    SwitchScope, Ticket, TicketState, Verdict, WindowName, WindowPer, Wishes,
};
use oddsengine_types::{CustomerId, TicketId};

use super::{CUSTOMER_COUNT, Done, Workload};

impl Workload {
    pub(super) fn wishes(&mut self) -> Wishes {
        if self.random.one_in(2) {
            return Wishes::default();
        }
        Wishes {
            on_limit: *self.random.pick(&OnLimit::ALL),
            reoffers_odds: self.random.one_in(2),
            part_minor_min: *self.random.pick(&[0, 0, 500]),
        }
    }

    pub(super) fn stake_windows(&mut self) -> Vec<StakeWindow> {
        let mut windows = Vec::new();
        for per in WindowPer::ALL {
            if self.random.one_in(4) {
                windows.push(StakeWindow {
                    name: WindowName::new(per.name()).expect("a short name"),
                    per,
                    // As long as tickets are kept at least, whatever else is configured.
                    period_ms: self.random.between(500, 2_000),
                    stake_minor_max: self.random.between(500, 20_000),
                });
            }
        }
        windows
    }

    fn customer(&mut self) -> CustomerId {
        CustomerId(1 + self.random.below(CUSTOMER_COUNT as usize) as u64)
    }

    /// The latest tickets of a state.
    fn tickets_in(&self, is_in: impl Fn(TicketState) -> bool) -> Vec<Ticket> {
        let tickets = self.pair.fast.tickets().iter();
        tickets.filter(|ticket| is_in(ticket.state)).cloned().collect()
    }

    pub(super) fn handle(&mut self) -> Done {
        let referred = self.tickets_in(|state| state == TicketState::Referred);
        let reoffered = self.tickets_in(|state| matches!(state, TicketState::Reoffered(_)));
        match self.random.below(12) {
            0..4 if !referred.is_empty() => self.rule(&referred),
            0..7 if !reoffered.is_empty() => self.answer(&reoffered),
            7 | 8 => self.switch(),
            9 => self.standing(),
            10 => self.own_limit(),
            11 => self.terms(),
            _ => self.answer_late(),
        }
    }

    fn rule(&mut self, referred: &[Ticket]) -> Done {
        let ticket = self.random.pick(referred).clone();
        let verdict = match self.random.below(12) {
            0 => Verdict::Expire,
            1..4 => Verdict::Part,
            4..8 => Verdict::Counter,
            8 => Verdict::Decline,
            _ => Verdict::Accept,
        };
        let stake_minor = match self.random.below(8) {
            0 => ticket.stake_minor + 1,
            1 => 0,
            2 => ticket.stake_minor,
            _ => (ticket.stake_minor / 2).max(10),
        };
        let cut = self.random.between(0, 900) as u32;
        let odds_e4: Vec<u32> = match self.random.below(4) {
            0 => Vec::new(),
            1 => ticket.legs.iter().map(|leg| leg.requested_odds_e4 + 100).collect(),
            _ => {
                ticket.legs.iter().map(|leg| leg.requested_odds_e4.saturating_sub(cut).max(10_010)).collect()
            }
        };
        let note = if self.random.one_in(20) { "n".repeat(257) } else { "seen".to_string() };
        self.send_desk(Body::RuleReferral {
            ticket: ticket.id,
            ruling: Ruling { verdict, stake_minor, odds_e4, note },
        })
    }

    fn answer(&mut self, reoffered: &[Ticket]) -> Done {
        let ticket = self.random.pick(reoffered).clone();
        let other = self.customer();
        let customer = if self.random.one_in(12) { other } else { ticket.customer };
        let takes = !self.random.one_in(4);
        self.send(Body::AnswerOffer { ticket: ticket.id, customer, takes })?;
        match self.random.one_in(4) {
            true => self.send(Body::AnswerOffer { ticket: ticket.id, customer, takes }).map(drop),
            false => Ok(()),
        }
    }

    /// To what is not offered, or not before a trader.
    fn answer_late(&mut self) -> Done {
        let tickets = self.pair.fast.tickets();
        let count = tickets.len();
        let number = self.random.below(count.max(1));
        let known = self.pair.fast.tickets().iter().nth(number).map(|ticket| (ticket.id, ticket.customer));
        let (ticket, customer) = known.unwrap_or((TicketId(u128::MAX), CustomerId(1)));
        if self.random.one_in(2) {
            return self.send(Body::AnswerOffer { ticket, customer, takes: true }).map(drop);
        }
        let ticket = if self.random.one_in(6) { TicketId(u128::MAX) } else { ticket };
        let ruling =
            Ruling { verdict: Verdict::Accept, stake_minor: 0, odds_e4: Vec::new(), note: String::new() };
        self.send_desk(Body::RuleReferral { ticket, ruling })
    }

    fn switch(&mut self) -> Done {
        let off: Vec<SwitchScope> = self.pair.fast.switches().keys().cloned().collect();
        if !off.is_empty() && !self.random.one_in(4) {
            let scope = self.random.pick(&off).clone();
            return self.send_desk(Body::SetSwitch { scope, is_off: false, reason: String::new() });
        }
        let fixture = *self.random.pick(&self.active);
        let space = self.space(fixture);
        let key = &space.template.markets[*self.random.pick(&space.markets)].key;
        let stem = key.split(':').next().unwrap_or_default().to_string();
        let scope = match self.random.below(9) {
            0 => SwitchScope::All,
            1 => SwitchScope::Channel("shop".into()),
            2 | 3 => SwitchScope::Customer(self.customer()),
            4 => SwitchScope::Of(Scope::Sport(space.template.sport)),
            5 => SwitchScope::Of(Scope::Competition("league".into())),
            6 => SwitchScope::Of(Scope::Fixture(fixture)),
            7 => SwitchScope::Of(Scope::MarketType(space.template.sport, stem)),
            _ => SwitchScope::Of(Scope::Market(fixture, oddsengine_markets::MarketId::of(key))),
        };
        let is_off = !self.random.one_in(8);
        let reason = if self.random.one_in(10) { "" } else { "a storm" }.to_string();
        self.send_desk(Body::SetSwitch { scope, is_off, reason })
    }

    fn standing(&mut self) -> Done {
        let customer = self.customer();
        let until_ns = self.now_ns + self.random.between(-1_000, 20_000) * 1_000_000;
        let standing = match self.random.below(6) {
            0 => Standing::Suspended,
            1 => Standing::SelfExcluded(until_ns),
            2 => Standing::Closed,
            _ => Standing::Active,
        };
        let reason = if self.random.one_in(20) { "r".repeat(257) } else { String::new() };
        self.send_desk(Body::SetStanding { customer, standing, reason })
    }

    fn own_limit(&mut self) -> Done {
        let customer = self.customer();
        let set = self.pair.fast.customer_file(customer).map(|file| file.limits.clone()).unwrap_or_default();
        if !set.is_empty() && self.random.one_in(2) {
            let limit = *self.random.pick(&set);
            let (kind, period) = (limit.kind, limit.period);
            // Mostly they go up and away again, or the day is soon over for everybody.
            return match self.random.below(3) {
                0 => self.send_desk(Body::SetOwnLimit { customer, kind, period, limit_minor: None }),
                _ => self.send_desk(Body::ConfirmOwnLimit { customer, kind, period }),
            };
        }
        let (kind, period) = (*self.random.pick(&OwnLimitKind::ALL), *self.random.pick(&Period::ALL));
        let limit_minor = match self.random.below(10) {
            0 => None,
            1 => Some(-1),
            2..=5 => Some(self.random.between(0, 20_000)),
            _ => Some(self.random.between(0, 600_000)),
        };
        self.send_desk(Body::SetOwnLimit { customer, kind, period, limit_minor })
    }

    fn terms(&mut self) -> Done {
        let customer = self.customer();
        let fixture = *self.random.pick(&self.active);
        let sport = self.space(fixture).template.sport;
        let mut factors = Vec::new();
        for sport in [None, Some(sport)] {
            for in_play in [None, Some(false), Some(true)] {
                if self.random.one_in(4) {
                    let factor_e3 = *self.random.pick(&[0, 100, 500, 1_000, 3_000]);
                    factors.push(CustomerFactor { sport, in_play, factor_e3 });
                }
            }
        }
        if self.random.one_in(12) {
            factors.extend(factors.first().copied());
        }
        let is_flagged = self.random.one_in(6);
        let referral_stake_minor = *self.random.pick(&[None, None, Some(800), Some(-1), Some(100_000)]);
        let terms = CustomerTerms { factors, is_flagged, referral_stake_minor };
        self.send_desk(Body::SetCustomerTerms { customer, terms })
    }
}
