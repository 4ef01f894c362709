//! What is annulled and taken back, results that are not sure or corrected, reviews, and second persons.

use oddsengine_engine::{
    AnnulmentEffect, AnnulmentRequest, Body, Certainty, Channel, CorrectionRule, HouseRules, Origin,
    Principal, ResultTold, SettlementConfig, TicketState,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{CustomerId, FixtureId};

use super::{Done, Workload};

impl Workload {
    pub(super) fn settlement(&mut self) -> Done {
        match self.random.below(10) {
            0..4 => self.annul(),
            4..6 => self.take_back(),
            6 | 7 => self.review(),
            _ => self.second_person(),
        }
    }

    pub(super) fn some_leg(&mut self) -> Option<(CustomerId, FixtureId, MarketId, i64)> {
        let engine = &self.pair.fast;
        let is_taken = |ticket: &&oddsengine_engine::Ticket| {
            matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled)
        };
        let taken: Vec<_> = engine.tickets().iter().rev().filter(is_taken).take(40).collect();
        if taken.is_empty() {
            return None;
        }
        let ticket = *self.random.pick(&taken);
        let leg = *self.random.pick(&ticket.legs);
        let fixture = &engine.fixtures()[leg.place.fixture as usize];
        let market = fixture.template().market_of(usize::from(leg.place.selection));
        Some((ticket.customer, leg.fixture, MarketId::of(&market.key), ticket.decided_ns))
    }

    fn annul(&mut self) -> Done {
        let Some((customer, fixture, market, decided_ns)) = self.some_leg() else { return Ok(()) };
        let effect = *self.random.pick(&AnnulmentEffect::ALL);
        self.annulment_count += 1;
        let mut request = AnnulmentRequest {
            annulment: self.annulment_count,
            effect,
            why: "simulated".into(),
            ..AnnulmentRequest::default()
        };
        let kind = self.random.below(9);
        if kind < 7 {
            request.fixture = Some(fixture);
        }
        if kind < 5 {
            request.market = Some(market);
        }
        if matches!(kind, 2 | 6 | 7) {
            request.customer = Some(customer);
        }
        if kind == 8 || self.random.one_in(2) {
            // Some seconds around a bet that was accepted.
            request.from_ns = Some(decided_ns - self.random.between(0, 4_000) * 1_000_000);
            request.until_ns = match self.random.below(3) {
                0 => None,
                1 => Some(decided_ns + self.random.between(1, 20_000) * 1_000_000),
                _ => Some(decided_ns + 1),
            };
        }
        match self.random.below(30) {
            0 => request.fixture = None,
            1 => request.market = Some(MarketId(1)),
            2 => request.until_ns = request.from_ns,
            3 => request.annulment = 1 + u128::from(self.random.below(self.annulment_count as usize) as u64),
            _ => {}
        }
        self.annulments.push(request.clone());
        if self.random.one_in(12) {
            self.send_desk(Body::Annul(Box::new(request.clone())))?;
        }
        let body = Body::Annul(Box::new(request));
        if self.random.one_in(3) { self.send_feed(body) } else { self.send_by_somebody(body) }
    }

    fn take_back(&mut self) -> Done {
        if self.annulments.is_empty() {
            return Ok(());
        }
        let latest = self.annulments.len().saturating_sub(12);
        let request = self.random.pick(&self.annulments[latest..]).clone();
        self.pair.recall_fixtures(request.fixture.into_iter(), self.now_ns)?;
        if self.random.one_in(6) {
            // The same again: whatever became of it stays.
            return self.send_by_somebody(Body::Annul(Box::new(request)));
        }
        let annulment = if self.random.one_in(12) { u128::MAX } else { request.annulment };
        self.send_by_somebody(Body::TakeBackAnnulment { annulment })
    }

    fn review(&mut self) -> Done {
        let Some((_, fixture, market, _)) = self.some_leg() else { return Ok(()) };
        let is_whole = self.random.one_in(3);
        let why = (!self.random.one_in(2)).then(|| "goal under review".to_string());
        let market = if is_whole { None } else { Some(market) };
        if self.random.one_in(4) {
            // What is under review is lifted, or nothing is.
            let known = self.pair.fast.fixtures().iter().find(|known| !known.reviews.is_empty());
            let reviewed = known.map(|known| {
                let market = *known.reviews.keys().next().expect("there is one");
                let template = known.template();
                (known.id(), market.map(|market| template.market_id(usize::from(market))))
            });
            let (fixture, market) = reviewed.unwrap_or((fixture, market));
            return self.send_desk(Body::SetReview { fixture, market, why: None });
        }
        self.send_desk(Body::SetReview { fixture, market, why })
    }

    /// A result that is not sure, that corrects another one, or that was decided before it was told.
    pub(super) fn tell_result(&mut self, body: Body) -> Body {
        let Body::SettleMarket { fixture, market, grades: Some(grades) } = body else { return body };
        let happened_ns = match self.random.below(3) {
            0 => self.now_ns - self.random.between(0, 20_000) * 1_000_000,
            _ => 0,
        };
        let is_correction = self.random.one_in(2);
        let certainty =
            *self.random.pick(&[Certainty::Confirmed, Certainty::Confirmed, Certainty::Provisional]);
        Body::TellResult(Box::new(ResultTold {
            fixture,
            market,
            grades,
            certainty,
            happened_ns,
            is_correction,
        }))
    }

    fn second_person(&mut self) -> Done {
        let waiting: Vec<u32> = self.pair.fast.actions_after(0).map(|action| action.number).collect();
        let action = match self.random.below(8) {
            0 => 1_000_000,
            _ if waiting.is_empty() => 1,
            _ => *self.random.pick(&waiting),
        };
        let body = match self.random.below(5) {
            0 => Body::Decline { action },
            _ => Body::Approve { action },
        };
        self.send_by_somebody(body)
    }

    /// One of three people, of whom one does not say who they are.
    fn send_by_somebody(&mut self, body: Body) -> Done {
        let staff = (*self.random.pick(&["anna", "berta", ""])).to_string();
        let key = (*self.random.pick(&["desk", "desk.second"])).to_string();
        let principal = Principal { key, service: String::new(), staff };
        let origin = Origin { source: "desk".into(), channel: Channel::Desk, principal, ..Origin::default() };
        self.send_from(origin, body).map(drop)
    }

    /// How results become payments.
    pub(super) fn settlement_config(&mut self) -> SettlementConfig {
        let rules = [
            CorrectionRule::Resettle,
            CorrectionRule::Stand,
            CorrectionRule::Goodwill,
            CorrectionRule::Within(5_000),
        ];
        let count = self.random.below(rules.len() + 1);
        let rules = rules.into_iter().zip(1..).take(count);
        SettlementConfig {
            approval_above_minor: *self.random.pick(&[None, None, Some(0), Some(4_000)]),
            approval_expires_ms: *self.random.pick(&[0, 10_000, 60_000]),
            provisional_pays_after_ms: *self.random.pick(&[0, 8_000, 60_000]),
            past_post_voids: self.random.one_in(2),
            rules: rules.map(|(correction, version)| HouseRules { version, correction }).collect(),
        }
    }
}
