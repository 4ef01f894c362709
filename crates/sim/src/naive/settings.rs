//! Configuration and overrides: each value is looked up where it is used, the most specific first.

use oddsengine_engine::{Config, Margin, Reason, Scope, ScopeSettings};
use oddsengine_markets::MarketId;

use super::{Naive, Verdict};
use crate::told::{Answer, Facts};

/// Largest loss limit.
const LOSS_MINOR_MAX: i64 = oddsengine_types::MONEY_MINOR_MAX / 100;

impl Naive {
    pub(super) fn configure(
        &mut self,
        config: &Config,
        facts: &Facts<'_>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        config.check().map_err(|_| Reason::ValueOutOfBounds)?;
        let holds_money = !self.tickets.is_empty() || !self.archived.is_empty() || !self.postings.is_empty();
        if config.currency != self.config.currency && holds_money {
            return Err(Reason::OutOfSequence);
        }
        facts.models_verdict()?;
        self.config = config.clone();
        for fixture in 0..self.fixtures.len() {
            self.prices_moved(fixture);
            self.stop_moved(fixture, false, answers);
        }
        Ok(())
    }

    pub(super) fn set_scope(&mut self, scope: &Scope, settings: &ScopeSettings) -> Verdict {
        let is_within = |value: Option<i64>, max| value.is_none_or(|value| (0..=max).contains(&value));
        let margin_is_within =
            settings.margin.is_none_or(|margin| (10_000..=20_000).contains(&margin.booksum_e4));
        if !margin_is_within
            || !is_within(settings.loss_minor_max, LOSS_MINOR_MAX)
            || !is_within(settings.bet_delay_ms, 60_000)
            || !is_within(settings.feed_silence_ms, 86_400_000)
            || !is_within(settings.referral_stake_minor, oddsengine_types::STAKE_MINOR_MAX)
        {
            return Err(Reason::ValueOutOfBounds);
        }
        match *settings == ScopeSettings::default() {
            true => drop(self.scopes.remove(scope)),
            false => drop(self.scopes.insert(scope.clone(), *settings)),
        }
        let is_wide = !matches!(scope, Scope::Fixture(_) | Scope::Market(..));
        self.counters.settings_count += u64::from(is_wide);
        Ok(())
    }

    /// The margin of every market of a fixture.
    pub fn margins(&self, fixture: usize) -> Vec<Margin> {
        let request = &self.fixtures[fixture].request;
        let markets = &self.fixtures[fixture].space.template.markets;
        let margin = |key: &String| {
            let scopes = [
                Scope::Market(request.fixture, MarketId::of(key)),
                Scope::Fixture(request.fixture),
                Scope::Competition(request.competition.clone()),
                Scope::MarketType(request.sport(), stem(key)),
                Scope::Sport(request.sport()),
            ];
            let own = scopes.iter().find_map(|scope| self.scopes.get(scope)?.margin);
            own.unwrap_or(self.config.margin)
        };
        markets.iter().map(|market| margin(&market.key)).collect()
    }

    /// How long the feed of a fixture may be silent in play; 0 for ever.
    pub(super) fn feed_silence_ms(&self, fixture: usize) -> i64 {
        let request = &self.fixtures[fixture].request;
        let scopes = [
            Scope::Fixture(request.fixture),
            Scope::Competition(request.competition.clone()),
            Scope::Sport(request.sport()),
        ];
        let own = scopes.iter().find_map(|scope| self.scopes.get(scope)?.feed_silence_ms);
        own.unwrap_or(self.config.feed_silence_ms)
    }

    /// The bet delay on a selection: none before the start.
    pub(super) fn bet_delay_ms(&self, fixture: usize, selection: usize) -> i64 {
        if !self.is_in_play(fixture) {
            return 0;
        }
        self.setting(fixture, selection, |settings| settings.bet_delay_ms).unwrap_or(self.config.bet_delay_ms)
    }

    /// A setting of the narrowest scope that has it.
    pub(super) fn setting(
        &self,
        fixture: usize,
        selection: usize,
        of: impl Fn(&ScopeSettings) -> Option<i64>,
    ) -> Option<i64> {
        let request = &self.fixtures[fixture].request;
        let key = &self.fixtures[fixture].space.template.market_of(selection).key;
        let scopes = [
            Scope::Market(request.fixture, MarketId::of(key)),
            Scope::Fixture(request.fixture),
            Scope::Competition(request.competition.clone()),
            Scope::MarketType(request.sport(), stem(key)),
            Scope::Sport(request.sport()),
        ];
        scopes.iter().find_map(|scope| of(self.scopes.get(scope)?))
    }
}

/// What markets of one type have in common: the key up to the colon.
pub(super) fn stem(key: &str) -> String {
    key.split(':').next().unwrap_or_default().to_string()
}
