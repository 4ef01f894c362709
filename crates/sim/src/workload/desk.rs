//! What traders and the risk desk do.

use std::sync::Arc;

use oddsengine_engine::{
    Body, Channel, Config, Fixture, Margin, MarginKind, Origin, Scope, ScopeSettings, SettlementConfig, Stop,
    StopSet, TicketState,
};
use oddsengine_markets::{Format, MarketId};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, Ladder, SportId, SportSettings, TicketId};

use super::{CUSTOMER_COUNT, Done, Workload};
use crate::outcomes::Space;

impl Workload {
    pub(super) fn desk(&mut self) -> Done {
        let fixture = *self.random.pick(&self.active);
        let (fixture, market) = match self.random.below(40) {
            12..15 => self
                .first_market(|known| Some(*known.desk.iter().find(|(_, desk)| desk.stops.by_feed)?.0))
                .unwrap_or_else(|| (fixture, self.market(fixture))),
            3..12 => self.market_of_a_delayed_ticket().unwrap_or_else(|| (fixture, self.market(fixture))),
            0 => (FixtureId(66_666), self.market(fixture)),
            1 => (fixture, MarketId(1)),
            2 if !self.over.is_empty() => {
                let fixture = *self.random.pick(&self.over);
                self.pair.recall_fixtures([fixture].into_iter(), self.now_ns)?;
                (fixture, self.market(fixture))
            }
            _ => (fixture, self.market(fixture)),
        };
        let lifts = self.lifts();
        let keeps_in_play = self.random.one_in(2);
        let body = match self.random.below(14) {
            0 if self.random.one_in(2) => Body::Suspend { fixture, market: None },
            0..4 => Body::Resume { fixture, market: None, lifts },
            4 | 5 => Body::Suspend { fixture, market: Some(market) },
            6 => Body::Resume { fixture, market: Some(market), lifts },
            7 => Body::LockMarket { fixture, market, locked: true, keeps_in_play },
            8 => Body::LockMarket { fixture, market, locked: false, keeps_in_play },
            9 | 12 => self.manual_odds(fixture, market),
            10 => Body::SetManualOdds {
                fixture,
                market,
                odds_e4: None,
                keeps_in_play: false,
                override_by: String::new(),
            },
            13 => return self.source_by_desk(),
            _ => return self.set_expectation(fixture),
        };
        // Feeds suspend and resume as well.
        if matches!(body, Body::Suspend { .. } | Body::Resume { .. }) && self.random.one_in(3) {
            return self.send_feed(body);
        }
        self.send_desk(body)
    }

    /// What a trader names beside the desk's own stop.
    fn lifts(&mut self) -> StopSet {
        match self.random.below(4) {
            0 => StopSet::default(),
            1 => StopSet::of(&[*self.random.pick(Stop::ALL)]),
            2 => StopSet::MISSED,
            _ => StopSet::of(Stop::ALL),
        }
    }

    /// The desk lets a source count anew, and the source does so.
    fn source_by_desk(&mut self) -> Done {
        let source = self.random.pick(&["feed.first", "feed.second", "feed.unknown"]).to_string();
        if self.random.one_in(2) {
            self.numbers.insert(source.clone(), 0);
        }
        self.send_desk(Body::ResetSource { source })
    }

    pub(super) fn send_desk(&mut self, body: Body) -> Done {
        let origin = Origin { source: "desk".into(), channel: Channel::Desk, ..Origin::default() };
        self.send_from(origin, body).map(drop)
    }

    fn market_of_a_delayed_ticket(&self) -> Option<(FixtureId, MarketId)> {
        let engine = &self.pair.fast;
        let delayed = engine.tickets().iter().rev().find(|ticket| ticket.state == TicketState::Delayed)?;
        let fixture = &engine.fixtures()[delayed.legs[0].place.fixture as usize];
        let market = fixture.template().market_of(usize::from(delayed.legs[0].place.selection));
        Some((fixture.id(), MarketId::of(&market.key)))
    }

    /// The latest fixture that has such a market, and the market.
    fn first_market(&self, find: impl Fn(&Fixture) -> Option<u16>) -> Option<(FixtureId, MarketId)> {
        let mut fixtures = self.pair.fast.fixtures().iter().rev();
        let (fixture, market) = fixtures.find_map(|known| Some((known, find(known)?)))?;
        let key = &fixture.template().markets[usize::from(market)].key;
        Some((fixture.id(), MarketId::of(key)))
    }

    fn market_of_an_open_ticket(&mut self) -> Option<(FixtureId, MarketId)> {
        let engine = &self.pair.fast;
        let open = engine.tickets().iter().rev().filter(|ticket| ticket.state == TicketState::Open).take(16);
        let mut legs: Vec<_> = open.flat_map(|ticket| ticket.legs.clone()).collect();
        // Dead heats are of races.
        let is_race = |leg: &oddsengine_engine::Leg| {
            matches!(engine.fixtures()[leg.place.fixture as usize].request.format, Format::Racing(_))
        };
        if legs.iter().any(is_race) && self.random.one_in(2) {
            legs.retain(is_race);
        }
        let leg = if legs.is_empty() { return None } else { self.random.pick(&legs) };
        let fixture = &self.pair.fast.fixtures()[leg.place.fixture as usize];
        let market = fixture.template().market_of(usize::from(leg.place.selection));
        Some((fixture.id(), MarketId::of(&market.key)))
    }

    /// The space of a fixture that is known.
    pub(super) fn space(&self, fixture: FixtureId) -> Arc<Space> {
        let known = self.pair.fast.fixture(fixture).expect("a simulated fixture is known");
        self.pair.universe().space(&known.request.format).expect("it is of this run").clone()
    }

    fn market(&mut self, fixture: FixtureId) -> MarketId {
        let space = self.space(fixture);
        let market = *self.random.pick(&space.markets);
        MarketId::of(&space.template.markets[market].key)
    }

    /// Prices by hand: near the model's, or anything.
    fn manual_odds(&mut self, fixture: FixtureId, market: MarketId) -> Body {
        let known = self.pair.fast.fixture(fixture);
        let market_index = known.and_then(|known| known.template().market_of_id(market));
        let near: Vec<u32> = match (known, market_index) {
            (Some(known), Some(index)) => {
                let selections = known.template().markets[index].selections();
                let fair = selections.map(|selection| known.fair_probability(selection));
                // A margin of five percent.
                fair.map(|fair| if fair > 0.0 { (9_500.0 / fair) as u32 } else { 0 }).collect()
            }
            _ => vec![0; 3],
        };
        let is_near = !self.random.one_in(3);
        let any = |random: &mut crate::random::Random| match random.below(20) {
            0 => 10_000,
            1..3 => 0,
            _ => random.between(110, 600) as u32 * 100,
        };
        let price = |random: &mut crate::random::Random, near: u32| match near {
            10_011..=9_000_000 if is_near => near,
            _ => any(random),
        };
        let mut odds_e4: Vec<u32> = near.iter().map(|&near| price(&mut self.random, near)).collect();
        if self.random.one_in(12) {
            odds_e4.push(20_000);
        }
        let override_by = if self.random.one_in(2) { "a person" } else { "" }.to_string();
        let keeps_in_play = self.random.one_in(2);
        Body::SetManualOdds { fixture, market, odds_e4: Some(odds_e4), keeps_in_play, override_by }
    }

    /// A feed or a trader says how a market ended, or takes that back.
    pub(super) fn grade_by_hand(&mut self) -> Done {
        let is_over = !self.over.is_empty() && self.random.one_in(3);
        let fixture = *self.random.pick(if is_over { &self.over } else { &self.active });
        self.pair.recall_fixtures([fixture].into_iter(), self.now_ns)?;
        let found = match self.random.below(6) {
            0 => self.first_market(|known| known.told_by_desk.first().copied()),
            1 | 2 => self.market_of_an_open_ticket(),
            3 | 4 => self.some_leg().map(|(_, fixture, market, _)| (fixture, market)),
            _ => None,
        };
        let (fixture, market) = found.unwrap_or((fixture, self.market(fixture)));
        let template = self.space(fixture).template;
        let index = template.market_of_id(market).expect("the workload's markets are known");
        let grades = if self.random.one_in(2) { None } else { Some(self.told_grades(fixture, index)) };
        let mut body = Body::SettleMarket { fixture, market, grades };
        if self.random.one_in(2) {
            body = self.tell_result(body);
        }
        self.send_from_any(body)
    }

    /// Grades that some outcome gives, with void ones among them, places that are shared out, or anything.
    fn told_grades(&mut self, fixture: FixtureId, market: usize) -> Vec<Grade> {
        let space = self.space(fixture);
        let place = space.markets.iter().position(|&known| known == market).expect("it is of the run");
        let row = self.random.pick(&space.before_start().of_market[place]).clone();
        let is_race = matches!(space.format, Format::Racing(_));
        let mut grades: Vec<Grade> = row.iter().map(|&grade| space.grades[usize::from(grade)]).collect();
        let third = Grade::new(1, 0, 3).expect("a third of the stake wins");
        let kinds = [Grade::WON, Grade::LOST, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST, third];
        match self.random.below(12) {
            0 | 1 => grades.iter_mut().for_each(|grade| *grade = *self.random.pick(&kinds)),
            2 => grades.push(Grade::LOST),
            3 => grades.iter_mut().for_each(|grade| *grade = Grade::VOID),
            4 | 5 => {
                let slot = self.random.below(grades.len());
                grades[slot] = Grade::VOID;
            }
            6..12 if grades.len() >= 3 && (is_race || self.random.one_in(4)) => {
                grades.iter_mut().enumerate().for_each(|(slot, grade)| {
                    *grade = if slot < 3 { third } else { Grade::LOST };
                });
            }
            _ => {}
        }
        grades
    }

    pub(super) fn cancel_ticket(&mut self) -> Done {
        let tickets = self.pair.fast.tickets();
        let delayed: Vec<TicketId> = tickets
            .iter()
            .filter(|ticket| ticket.state.is_waiting() || matches!(ticket.state, TicketState::Reoffered(_)))
            .map(|ticket| ticket.id)
            .collect();
        if self.random.one_in(3) {
            return self.debt_in_the_delay();
        }
        if self.random.one_in(2) {
            return self.settlement();
        }
        let tickets = self.pair.fast.tickets();
        let ticket = match self.random.below(5) {
            0 => TicketId(u128::MAX),
            1 | 2 if !delayed.is_empty() => *self.random.pick(&delayed),
            _ if !tickets.is_empty() => {
                let number = self.random.below(tickets.len());
                tickets.iter().nth(number).expect("one of them").id
            }
            _ => return Ok(()),
        };
        self.send(Body::CancelTicket { ticket }).map(drop)
    }

    /// A customer whose bet waits spends what another bet won, and that bet is cancelled: now there is a debt.
    fn debt_in_the_delay(&mut self) -> Done {
        let tickets = self.pair.fast.tickets();
        let waiting = tickets.iter().rev().find(|ticket| ticket.state == TicketState::Delayed);
        let Some(customer) = waiting.map(|ticket| ticket.customer) else { return Ok(()) };
        let is_paid = |ticket: &&oddsengine_engine::Ticket| {
            ticket.customer == customer
                && ticket.state == TicketState::Settled
                && ticket.paid_minor > ticket.stake_minor
        };
        let Some(ticket) = tickets.iter().rev().find(is_paid).map(|ticket| ticket.id) else { return Ok(()) };
        let available = self.pair.fast.available_minor(customer);
        if available > 0 {
            let request = self.money_request(customer.0, available);
            self.transfers.push((request, false));
            self.send(Body::Withdraw(request))?;
        }
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
            0 => Scope::Sport(self.space(fixture).template.sport),
            1 => {
                let space = self.space(fixture);
                let key = &space.template.markets[*self.random.pick(&space.markets)].key;
                let stem = key.split(':').next().unwrap_or_default().to_string();
                Scope::MarketType(space.template.sport, stem)
            }
            2 => Scope::Competition("league".into()),
            // Limits tighten while bets on it wait.
            3 => Scope::Fixture(self.market_of_a_delayed_ticket().map_or(fixture, |(waiting, _)| waiting)),
            _ => Scope::Market(fixture, self.market(fixture)),
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
        if self.random.one_in(3) {
            settings.feed_silence_ms = Some(self.random.between(0, 40_000));
        }
        if self.random.one_in(4) {
            settings.referral_stake_minor = Some(self.random.between(0, 6_000));
        }
        match self.random.below(20) {
            3 => settings.feed_silence_ms = Some(-1),
            4 => settings.referral_stake_minor = Some(-1),
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
            legs_max: 6,
            line_stake_minor_min: *self.random.pick(&[0, 0, 40, 200]),
            feed_silence_ms: *self.random.pick(&[0, 15_000, 30_000, 30_000]),
            start_grace_ms: *self.random.pick(&[0, 60_000, 600_000]),
            manual_tolerance_e4: *self.random.pick(&[100, 200, 2_000, 10_000]),
            price_jump_e4: *self.random.pick(&[500, 2_500, 10_000]),
            fixtures_max: if self.random.one_in(12) { 3 } else { 20_000 },
            bets_while_owing: self.random.one_in(2),
            settlement_delay_ms: *self.random.pick(&[0, 0, 1_500, 20_000]),
            archive_after_ms: *self.random.pick(&[2_000, 20_000, 90_000, 0]),
            archive_refused_after_ms: *self.random.pick(&[1_000, 10_000, 0]),
            archive_fixture_after_ms: *self.random.pick(&[1_000, 15_000, 60_000, 0]),
            archive_money_after_ms: *self.random.pick(&[1_000, 20_000, 0]),
            stake_windows: self.stake_windows(),
            referral_stake_minor: *self.random.pick(&[None, None, Some(1_500), Some(20_000)]),
            referral_ms: *self.random.pick(&[500, 4_000, 30_000]),
            referral_takes_unanswered: self.random.one_in(2),
            offer_ms: *self.random.pick(&[0, 3_000, 30_000, 30_000]),
            delay_skip_minor: *self.random.pick(&[0, 0, 1_000]),
            improvement_e4: *self.random.pick(&[0, 200, 5_000]),
            limit_increase_ms: *self.random.pick(&[0, 1_000, 60_000]),
            margin: Margin { method: *self.random.pick(&MarginKind::ALL), booksum_e4: 10_500 },
            ladder: *self.random.pick(&[Ladder::Fine, Ladder::Betfair, Ladder::Unit]),
            skew_b_minor: *self.random.pick(&[None, None, None, Some(40_000)]),
            settlement: self.settlement_config(),
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
            4 => config.settlement_delay_ms = 3_600_001,
            2 => config.sports = first_half_share_e3(0),
            3 => config.sports = first_half_share_e3(430),
            _ => {}
        }
        // The first configuration is in euro: the customers' deposits are.
        if self.fixture_count == 0 {
            config.currency = Currency::EUR;
            config.legs_max = 6;
            config.settlement_delay_ms = 0;
            config.settlement = SettlementConfig::default();
            config.archive_after_ms = 20_000;
            config.archive_refused_after_ms = 10_000;
            config.archive_fixture_after_ms = 15_000;
            config.archive_money_after_ms = 20_000;
            config.fixtures_max = 20_000;
            config.sports = Config::default().sports;
        }
        let config = Box::new(config);
        // A new release has the configuration written down as well, and nothing else about it differs.
        self.send(match self.fixture_count % 4 {
            3 => Body::ReleaseStarted { release: format!("0.{}.0", self.fixture_count), config },
            _ => Body::Configure(config),
        })?;
        match self.active.last() {
            Some(&fixture) => {
                self.send(Body::Reprice { fixture })?;
                // A stop that waits to be read; the process may end before it is.
                self.send(Body::Halt { fixture, ends: false })?;
                match self.fixture_count % 3 {
                    0 => Ok(()),
                    _ => self.send(Body::Halt { fixture, ends: true }).map(drop),
                }
            }
            None => Ok(()),
        }
    }
}

/// A setting of the football model; what is not listed is as the release has it.
fn first_half_share_e3(share_e3: i64) -> Vec<SportSettings> {
    let values = vec![("first_half_share_e3".to_string(), share_e3)];
    vec![SportSettings { sport: SportId(0), version: 1, values }]
}
