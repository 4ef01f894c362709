//! What the desk says: settings, suspensions, prices by hand, grades, voids.

use oddsengine_facts::command::SCOPES_MAX;
use oddsengine_facts::config::{BET_DELAY_MS_MAX, FEED_SILENCE_MS_MAX};
use oddsengine_facts::{
    Channel, Config, Fact, MarketDesk, Reason, Scope, ScopeSettings, Stop, StopSet, VoidKind,
};
use oddsengine_markets::MarketId;
use oddsengine_pricing::model::{ModelConfig, Models};
use oddsengine_types::{BoundsError, CustomerId, FixtureId, Grade, Odds};

use super::out_of_bounds;
use crate::state::State;
use crate::step::{Refusal, Step};

impl Step<'_> {
    pub(super) fn set_config(&mut self, config: &Config) -> Result<(), Refusal> {
        let config = self.resolved(config)?;
        self.fact(Fact::Configured(config));
        self.stop_moved_everywhere();
        Ok(())
    }

    /// A release starts: the configuration in force is written down with every default that this release has.
    pub(super) fn start_release(&mut self, release: &str, config: &Config) -> Result<(), Refusal> {
        let config = self.resolved(config)?;
        self.fact(Fact::ReleaseStarted { release: release.to_string(), config });
        self.stop_moved_everywhere();
        Ok(())
    }

    /// A configuration with the defaults of this release spelt out.
    fn resolved(&self, config: &Config) -> Result<Box<Config>, Refusal> {
        config.check().map_err(out_of_bounds)?;
        let has_tickets = !self.tickets.is_empty() || self.counters.archived_count > 0;
        let holds_money = has_tickets || !self.ledger.accounts().is_empty();
        if config.currency != self.config.currency && holds_money {
            let detail = format!(
                "currency {} cannot replace {} once money or bets were taken",
                config.currency, self.config.currency
            );
            return Err((Reason::OutOfSequence, detail));
        }
        let models = ModelConfig::from_settings(&config.sports).map_err(out_of_bounds)?;
        Models::new(&models).map_err(out_of_bounds)?;
        Ok(Box::new(Config { sports: models.settings(), ..config.clone() }))
    }

    fn stop_moved_everywhere(&mut self) {
        for index in self.fixtures.taken() {
            self.stop_moved(index, false);
        }
    }

    pub(super) fn set_scope(&mut self, scope: &Scope, settings: &ScopeSettings) -> Result<(), Refusal> {
        if let Some(margin) = settings.margin {
            margin.check().map_err(out_of_bounds)?;
        }
        let within = |what: &str, value: Option<i64>, max: i64| match (0..=max).contains(&value.unwrap_or(0))
        {
            true => Ok(()),
            false => Err(out_of_bounds(BoundsError::outside(what, value.unwrap_or(0), 0, max))),
        };
        within("loss_minor_max", settings.loss_minor_max, oddsengine_types::MONEY_MINOR_MAX / 100)?;
        within("bet_delay_ms", settings.bet_delay_ms, BET_DELAY_MS_MAX)?;
        within("feed_silence_ms", settings.feed_silence_ms, FEED_SILENCE_MS_MAX)?;
        within("referral_stake_minor", settings.referral_stake_minor, oddsengine_types::STAKE_MINOR_MAX)?;
        let is_further = !self.scopes.contains_key(scope) && *settings != ScopeSettings::default();
        if is_further && self.scopes.len() >= SCOPES_MAX {
            return Err(out_of_bounds(BoundsError::outside("scopes", SCOPES_MAX + 1, 0, SCOPES_MAX)));
        }
        self.fact(Fact::ScopeSet { scope: scope.clone(), settings: *settings });
        Ok(())
    }

    pub(super) fn set_customer(&mut self, customer: CustomerId, factor_e3: u32) -> Result<(), Refusal> {
        self.room_for(customer)?;
        self.fact(Fact::CustomerSet { customer, factor_e3 });
        Ok(())
    }

    pub(super) fn suspend(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        by: Channel,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let by_feed = by == Channel::Feed;
        let Some(market) = market else {
            self.stop(index, if by_feed { Stop::Feed } else { Stop::Desk });
            return Ok(());
        };
        let market = self.known_market(index, market)?;
        let mut desk = self.desk_of(index, market);
        let stops = &mut desk.stops;
        let was_set = std::mem::replace(if by_feed { &mut stops.by_feed } else { &mut stops.by_desk }, true);
        self.set_market(index, market, desk, !was_set);
        Ok(())
    }

    /// Takes back a suspension of the same channel. The desk also lifts what it names, and the stop of a market whose price
    /// by hand the match has left.
    pub(super) fn resume(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        lifts: StopSet,
        by: Channel,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let by_feed = by == Channel::Feed;
        let Some(market) = market else {
            let lifted = match by_feed {
                true => StopSet::of(&[Stop::Feed]),
                false => StopSet::of(&[Stop::Desk]).or(lifts.and(StopSet::OF_DESK)),
            };
            if lifted.has(Stop::StartPassed) {
                self.fact(Fact::StartWaived { fixture: id });
            }
            if !lifted.and(StopSet::MISSED).is_empty() {
                // A person looked: the feed has its time once more.
                self.fact(Fact::FixtureHeard { fixture: id, source: None });
            }
            self.lift(index, lifted);
            return Ok(());
        };
        let market = self.known_market(index, market)?;
        let mut desk = self.desk_of(index, market);
        if !by_feed && desk.is_held() {
            self.priced(index);
            if desk.stops.by_move {
                // The price at which it is held must fit what the match is now; otherwise another one, or a name, is needed.
                self.judge_held(index, market)?;
            }
            desk.anchor_e9 = self.anchor_e9(index, market);
        }
        match by_feed {
            true => desk.stops.by_feed = false,
            false => {
                (desk.stops.by_desk, desk.stops.by_move) = (false, false);
                desk.stops.by_feed &= !lifts.has(Stop::Feed);
            }
        }
        self.set_market(index, market, desk, false);
        Ok(())
    }

    pub(super) fn set_manual_odds(
        &mut self,
        id: FixtureId,
        market: MarketId,
        odds_e4: Option<&[u32]>,
        keeps_in_play: bool,
        override_by: &str,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        let Some(odds_e4) = odds_e4 else {
            self.hold_market(index, market, |desk| {
                desk.manual_odds_e4 = None;
                desk.override_by.clear();
            });
            return Ok(());
        };
        let count = self.fixtures[index].template().markets[usize::from(market)].selections().len();
        if odds_e4.len() != count {
            return Err((
                Reason::ValueOutOfBounds,
                format!("{} odds for a market of {count} selections", odds_e4.len()),
            ));
        }
        for &odds in odds_e4.iter().filter(|&&odds| odds != 0) {
            Odds::from_e4(odds).map_err(out_of_bounds)?;
        }
        self.priced(index);
        let by = match self.judge_manual_odds(index, market, odds_e4) {
            Ok(()) => String::new(),
            Err((_, why)) if !override_by.is_empty() => {
                let message =
                    format!("{override_by} answers for it: {}", why.split(';').next().unwrap_or(""));
                self.alert("manual_override", Some(id), message);
                override_by.to_string()
            }
            Err(refusal) => return Err(refusal),
        };
        let fixture = &self.fixtures[index];
        let holds_others = fixture.desk.iter().any(|(&other, desk)| other != market && desk.is_held());
        if !fixture.board.has_expectations && holds_others {
            let key = &fixture.template().markets[usize::from(market)].key;
            let message = format!(
                "no model compares {key} of fixture {id} with the other markets priced by hand or locked"
            );
            self.alert("manual_unchecked", Some(id), message);
        }
        self.hold_market(index, market, |desk| {
            desk.manual_odds_e4 = Some(odds_e4.to_vec());
            if desk.is_locked {
                // What is shown is what stays: not a price from before somebody set another one.
                desk.locked_odds_e4 = odds_e4.to_vec();
            }
            desk.keeps_in_play = keeps_in_play;
            desk.override_by = by;
            desk.stops.by_move = false;
        });
        Ok(())
    }

    pub(super) fn lock_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        locked: bool,
        keeps_in_play: bool,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        let market = self.known_market(index, market)?;
        self.priced(index);
        let fixture = &self.fixtures[index];
        let shown_e4 =
            fixture.board.odds_e4[fixture.template().markets[usize::from(market)].selections()].to_vec();
        self.hold_market(index, market, |desk| {
            if locked && !desk.is_locked {
                desk.locked_odds_e4 = shown_e4;
            } else if !locked {
                desk.locked_odds_e4.clear();
            }
            desk.is_locked = locked;
            desk.keeps_in_play =
                keeps_in_play && locked || desk.keeps_in_play && desk.manual_odds_e4.is_some();
        });
        Ok(())
    }

    /// Changes whether and how a market's price is held.
    fn hold_market(&mut self, index: usize, market: u16, change: impl FnOnce(&mut MarketDesk)) {
        self.priced(index);
        let was_overridden = self.fixtures[index].is_overridden();
        let mut desk = self.desk_of(index, market);
        change(&mut desk);
        match (desk.is_held(), desk.stops.by_move) {
            (true, false) => desk.anchor_e9 = self.anchor_e9(index, market),
            // What the match has left stays so until it is priced anew.
            (true, true) => {}
            (false, _) => desk.release(),
        }
        self.set_market(index, market, desk, true);
        let fixture = &self.fixtures[index];
        if fixture.is_overridden() != was_overridden {
            // The markets that the model prices stand still beside a price that contradicts it, or no longer.
            if !was_overridden {
                let fixture = fixture.id();
                self.fact(Fact::Interrupted { fixture });
            }
            self.stop_moved(index, false);
        }
    }

    pub(super) fn settle_market(
        &mut self,
        id: FixtureId,
        market: MarketId,
        grades: Option<&[Grade]>,
        by: Channel,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let place = self.known_market(index, market)?;
        self.judge_told(index, place, grades, by)?;
        let by_desk = by != Channel::Feed && grades.is_some();
        self.fact(Fact::GradesTold { fixture: id, market, grades: grades.map(<[Grade]>::to_vec), by_desk });
        self.end_hold(index, id, market, place);
        self.regrade_and_settle(index);
        Ok(())
    }

    pub(super) fn void_fixture(&mut self, id: FixtureId, void: VoidKind, by: Channel) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let fixture = &self.fixtures[index];
        if by == Channel::Feed && fixture.is_void_by_desk && void != fixture.void {
            return Err((Reason::OutOfSequence, format!("fixture {id} was voided by the desk")));
        }
        let (before, was_closed) = (fixture.status(), fixture.is_closed());
        let by_desk = match by != Channel::Feed || void != fixture.void {
            true => by != Channel::Feed && void != VoidKind::Nothing,
            false => fixture.is_void_by_desk,
        };
        let mut now = (void, fixture.stops.set);
        let is_running =
            void == VoidKind::Nothing && fixture.live.phase() == oddsengine_markets::LivePhase::InPlay;
        if was_closed && is_running {
            // It went on while nobody listened.
            now.1 = now.1.or(StopSet::of(&[Stop::Restart]));
        }
        let after = fixture.status_with(void, now.1);
        // A stop that is new interrupts by itself.
        let interrupts = after != before && now.1 == self.fixtures[index].stops.set;
        self.fact(Fact::FixtureVoided { fixture: id, void, by_desk, interrupts });
        let fault = self.fixtures[index].stops.model_fault;
        self.set_stops(index, now.1, fault);
        self.regrade_and_settle(index);
        Ok(())
    }
}

impl State {
    pub(super) fn known_market(&self, index: usize, market: MarketId) -> Result<u16, Refusal> {
        let known = self.fixtures[index].template().market_of_id(market);
        known
            .map(|market| market as u16)
            .ok_or_else(|| (Reason::SelectionNotFound, "the market is not in the fixture's template".into()))
    }
}
