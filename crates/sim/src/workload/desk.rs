//! What traders and the risk desk do.

use oddsengine_engine::{Body, Config, Margin, MarginKind, Scope, ScopeSettings, TicketState};
use oddsengine_markets::MarketId;
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, Ladder, SportId, TicketId};

use super::{CUSTOMER_COUNT, Done, MARKETS, Workload};

impl Workload {
    pub(super) fn desk(&mut self) -> Done {
        let fixture = *self.random.pick(&self.active);
        let (fixture, market) = match self.random.below(40) {
            3..12 => self.market_of_a_delayed_ticket().unwrap_or((fixture, self.market())),
            0 => (FixtureId(66_666), self.market()),
            1 => (fixture, MarketId(1)),
            2 if !self.over.is_empty() => (*self.random.pick(&self.over), self.market()),
            _ => (fixture, self.market()),
        };
        let body = match self.random.below(12) {
            0 if self.random.one_in(2) => Body::Suspend { fixture, market: None },
            0..4 => Body::Resume { fixture, market: None },
            4 | 5 => Body::Suspend { fixture, market: Some(market) },
            6 => Body::Resume { fixture, market: Some(market) },
            7 => Body::LockMarket { fixture, market, locked: true },
            8 => Body::LockMarket { fixture, market, locked: false },
            9 => self.manual_odds(fixture, market),
            10 => Body::SetManualOdds { fixture, market, odds_e4: None },
            _ => return self.set_expectation(fixture),
        };
        self.send(body).map(drop)
    }

    fn market_of_a_delayed_ticket(&self) -> Option<(FixtureId, MarketId)> {
        let engine = &self.pair.fast;
        let delayed = engine.tickets().iter().rev().find(|ticket| ticket.state == TicketState::Delayed)?;
        let fixture = &engine.fixtures()[delayed.legs[0].fixture as usize];
        let market = fixture.template().market_of(usize::from(delayed.legs[0].selection));
        Some((fixture.id(), MarketId::of(&market.key)))
    }

    fn market(&mut self) -> MarketId {
        MarketId::of(self.random.pick::<&str>(MARKETS))
    }

    fn manual_odds(&mut self, fixture: FixtureId, market: MarketId) -> Body {
        let template = self.pair.universe().template;
        let known =
            template.market_of_id(market).map_or(3, |market| template.markets[market].selections().len());
        let count = if self.random.one_in(12) { known + 1 } else { known };
        let odds = |random: &mut crate::random::Random| match random.below(20) {
            0 => 10_000,
            1..3 => 0,
            _ => random.between(110, 600) as u32 * 100,
        };
        let odds_e4 = Some((0..count).map(|_| odds(&mut self.random)).collect());
        Body::SetManualOdds { fixture, market, odds_e4 }
    }

    /// A feed or a trader says how a market ended, or takes that back.
    pub(super) fn grade_by_hand(&mut self) -> Done {
        let is_over = !self.over.is_empty() && self.random.one_in(3);
        let fixture = *self.random.pick(if is_over { &self.over } else { &self.active });
        let market = self.market();
        let template = self.pair.universe().template;
        let index = template.market_of_id(market).expect("the workload's markets are known");
        let grades = if self.random.one_in(2) {
            None
        } else {
            let dead_heat = Grade::new(1, 0, 3).expect("a third of the stake wins");
            let kinds = [Grade::WON, Grade::LOST, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST, dead_heat];
            let count = template.markets[index].selections().len() + usize::from(self.random.one_in(15));
            Some((0..count).map(|_| *self.random.pick(&kinds)).collect())
        };
        self.send(Body::SettleMarket { fixture, market, grades }).map(drop)
    }

    pub(super) fn cancel_ticket(&mut self) -> Done {
        let tickets = self.pair.fast.tickets();
        let delayed: Vec<TicketId> = tickets
            .iter()
            .filter(|ticket| ticket.state == TicketState::Delayed)
            .map(|ticket| ticket.id)
            .collect();
        let ticket = match self.random.below(5) {
            0 => TicketId(u128::MAX),
            1 | 2 if !delayed.is_empty() => *self.random.pick(&delayed),
            _ if !tickets.is_empty() => self.random.pick(tickets).id,
            _ => return Ok(()),
        };
        self.send(Body::CancelTicket { ticket }).map(drop)
    }

    pub(super) fn settings(&mut self) -> Done {
        match self.random.below(4) {
            0 => self.configure(),
            1 => {
                let customer = CustomerId(1 + self.random.below(CUSTOMER_COUNT as usize) as u64);
                let factor_e3 = *self.random.pick(&[0, 100, 500, 1_000, 1_000, 1_000, 3_000]);
                self.send(Body::SetCustomer { customer, factor_e3 }).map(drop)
            }
            _ => self.set_scope(),
        }
    }

    fn set_scope(&mut self) -> Done {
        let fixture = *self.random.pick(&self.active);
        let scope = match self.random.below(5) {
            0 => Scope::Sport(SportId(0)),
            1 => Scope::MarketType(SportId(0), self.random.pick(&["1x2", "total", "handicap"]).to_string()),
            2 => Scope::Competition("league".into()),
            3 => Scope::Fixture(fixture),
            _ => Scope::Market(fixture, self.market()),
        };
        let margin = Margin { method: *self.random.pick(&MarginKind::ALL), booksum_e4: 10_600 };
        let mut settings = ScopeSettings::default();
        if self.random.one_in(3) {
            settings.margin = Some(margin);
        }
        if self.random.one_in(3) {
            settings.loss_minor_max = Some(self.random.between(0, 60_000));
        }
        if self.random.one_in(3) {
            settings.bet_delay_ms = Some(self.random.between(0, 6_000));
        }
        match self.random.below(20) {
            0 => settings.bet_delay_ms = Some(70_000),
            1 => settings.loss_minor_max = Some(-1),
            2 => settings.margin = Some(Margin { booksum_e4: 9_000, ..margin }),
            _ => {}
        }
        self.send(Body::SetScope { scope, settings }).map(drop)
    }

    /// A configuration in which one level is tighter than the others.
    pub(super) fn configure(&mut self) -> Done {
        let mut config = Config {
            market_loss_minor_max: 30_000,
            fixture_loss_minor_max: 60_000,
            competition_loss_minor_max: 150_000,
            sport_loss_minor_max: 250_000,
            platform_loss_minor_max: 400_000,
            stake_minor_max: 60_000,
            payout_minor_max: 300_000,
            bet_delay_ms: *self.random.pick(&[0, 800, 3_000]),
            settlement_delay_ms: *self.random.pick(&[0, 0, 1_000, 20_000]),
            bets_while_owing: self.random.one_in(2),
            legs_max: 6,
            margin: Margin { method: *self.random.pick(&MarginKind::ALL), booksum_e4: 10_500 },
            ladder: *self.random.pick(&[Ladder::Fine, Ladder::Betfair, Ladder::Unit]),
            skew_b_minor: *self.random.pick(&[None, None, None, Some(40_000)]),
            ..Config::default()
        };
        match self.random.below(8) {
            0 => config.market_loss_minor_max = 9_000,
            1 => config.fixture_loss_minor_max = 10_000,
            2 => config.competition_loss_minor_max = 14_000,
            3 => config.sport_loss_minor_max = 18_000,
            4 => config.platform_loss_minor_max = 20_000,
            5 => config.payout_minor_max = 12_000,
            6 => config.stake_minor_max = 2_000,
            _ => {}
        }
        match self.random.below(25) {
            0 => config.currency = Currency::parse("GBP").expect("three letters"),
            1 => config.legs_max = 0,
            2 => config.models.football.first_half_share_e3 = 0,
            3 => config.models.football.first_half_share_e3 = 430,
            _ => {}
        }
        // The first configuration is in euro: the customers' deposits are.
        if self.fixture_count == 0 {
            config.currency = Currency::EUR;
            config.legs_max = 6;
            config.models = Config::default().models;
        }
        self.send(Body::Configure(Box::new(config))).map(drop)
    }
}
