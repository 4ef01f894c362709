//! What follows from the facts of a fixture: inherited settings, what is still possible, sums of losses.

use oddsengine_facts::{FixtureRequest, Scope};
use oddsengine_markets::{Format, MarketId, SpaceDefinition, Template};
use oddsengine_risk::Book;
use oddsengine_types::BoundsError;

use crate::state::fixture::{Fixture, FixtureLimits};
use crate::state::{Space, State};

impl State {
    /// The template of a format: compiled in, or of a space that was defined before.
    pub(crate) fn template_of(&self, format: &Format) -> Option<&'static Template> {
        match format {
            Format::Custom(space) => self.spaces.get(space).map(|space| space.template),
            format => oddsengine_markets::template_of(format),
        }
    }

    pub(crate) fn push_fixture(&mut self, request: FixtureRequest, template: &'static Template) {
        let sport = request.sport();
        let competition = self.competitions.join(sport, &request.competition);
        let id = request.fixture;
        let index = self.fixtures.insert(Fixture::new(request, template, competition));
        self.fixture_index.insert(id, index as u32);
        self.inherit_settings(index);
        self.refresh_possible(index);
        self.watch_start(index);
    }

    /// Resolves the settings that a fixture inherits: market before fixture before competition before market type
    /// before sport before platform.
    pub(crate) fn inherit_settings(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        let (sport, id) = (fixture.request.sport(), fixture.id());
        let competition = self.scopes.get(&Scope::Competition(fixture.request.competition.clone()));
        let sport_settings = self.scopes.get(&Scope::Sport(sport));
        let own = self.scopes.get(&Scope::Fixture(id));
        let template = fixture.template();
        let margin = [own, competition, sport_settings].iter().flatten().find_map(|settings| settings.margin);
        let mut margins = vec![margin.unwrap_or(self.config.margin); template.markets.len()];
        let mut losses = vec![self.config.market_loss_minor_max; template.markets.len()];
        // Most books have few settings of market types and single markets: each is looked up, and no market asks for its own.
        let above = [own, competition].iter().flatten().find_map(|settings| settings.margin);
        let first_type = Scope::MarketType(sport, String::new());
        let of_types = self.scopes.range(first_type..).map_while(|(scope, settings)| match scope {
            Scope::MarketType(of, stem) if *of == sport => Some((stem, settings)),
            _ => None,
        });
        for (stem, settings) in of_types {
            for (market, definition) in template.markets.iter().enumerate() {
                if definition.key.split(':').next() == Some(stem) {
                    if let Some(margin) = above.or(settings.margin) {
                        margins[market] = margin;
                    }
                    losses[market] = settings.loss_minor_max.unwrap_or(losses[market]);
                }
            }
        }
        let range = Scope::Market(id, MarketId(0))..=Scope::Market(id, MarketId(u64::MAX));
        for (scope, settings) in self.scopes.range(range) {
            if let Scope::Market(_, market) = scope
                && let Some(market) = template.market_of_id(*market)
            {
                margins[market] = settings.margin.unwrap_or(margins[market]);
                losses[market] = settings.loss_minor_max.unwrap_or(losses[market]);
            }
        }
        let delay =
            [own, competition, sport_settings].iter().flatten().find_map(|settings| settings.bet_delay_ms);
        let silence =
            [own, competition, sport_settings].iter().flatten().find_map(|settings| settings.feed_silence_ms);
        let limits = FixtureLimits {
            fixture_loss_minor_max: own
                .and_then(|own| own.loss_minor_max)
                .unwrap_or(self.config.fixture_loss_minor_max),
            market_loss_minor_max: losses,
            bet_delay_ms: delay.unwrap_or(self.config.bet_delay_ms),
            feed_silence_ms: silence.unwrap_or(self.config.feed_silence_ms),
        };
        let fixture = &mut self.fixtures[index];
        (fixture.margins, fixture.limits) = (margins, limits);
        self.watch_silence(index);
    }

    /// Resolves the settings of what a scope concerns: of a fixture or a market, one fixture.
    pub(crate) fn inherit_scope(&mut self, scope: &Scope) {
        if let Scope::Fixture(id) | Scope::Market(id, _) = scope {
            self.index_of(*id).into_iter().for_each(|index| self.inherit_anew(index));
            return;
        }
        for index in self.fixtures.taken() {
            let request = &self.fixtures[index].request;
            let is_in = match scope {
                Scope::Competition(name) => request.competition == *name,
                Scope::Sport(sport) | Scope::MarketType(sport, _) => request.sport() == *sport,
                Scope::Fixture(_) | Scope::Market(..) => false,
            };
            if is_in {
                self.inherit_anew(index);
            }
        }
    }

    fn inherit_anew(&mut self, index: usize) {
        let before = std::mem::take(&mut self.fixtures[index].margins);
        self.inherit_settings(index);
        if self.fixtures[index].margins != before {
            self.outdate_offers(index);
        }
    }

    /// Recomputes what is still possible, and the book's worst case over it.
    pub(crate) fn refresh_possible(&mut self, index: usize) {
        let fixture = &mut self.fixtures[index];
        let before = loss_of(&fixture.book);
        fixture.refresh_possible();
        self.count_loss(index, before);
    }

    /// Moves the sums of losses after a fixture's book changed from `loss_minor_before`.
    pub(crate) fn count_loss(&mut self, index: usize, loss_minor_before: i64) {
        let fixture = &self.fixtures[index];
        let change = loss_of(&fixture.book) - loss_minor_before;
        self.competitions.change_loss(fixture.competition, change);
        *self.derived.sport_loss_minor.entry(fixture.request.sport()).or_default() += change;
        self.derived.platform_loss_minor += change;
    }

    pub(crate) fn push_space(&mut self, definition: SpaceDefinition) -> Result<(), BoundsError> {
        let template = definition.compile()?;
        self.spaces.insert(definition.id(), Space { definition, template });
        Ok(())
    }
}

/// The loss that counts against limits: a sure profit does not make room elsewhere.
pub(crate) fn loss_of(book: &Book) -> i64 {
    (-book.worst_minor()).max(0)
}

#[cfg(test)]
mod tests {
    use oddsengine_facts::config::Margin;
    use oddsengine_facts::{Config, MarginKind, ScopeSettings};
    use oddsengine_types::{FixtureId, SportId};

    use super::*;

    fn state(fixture_count: u64) -> State {
        let mut state = State::new(Config::default()).unwrap();
        for fixture in 1..=fixture_count {
            let request = FixtureRequest {
                fixture: FixtureId(fixture),
                format: Format::FOOTBALL,
                competition: ["cup", "liga"][(fixture % 2) as usize].into(),
                start_ns: 0,
                home: "Alba".into(),
                away: "Bruma".into(),
                entrants: Vec::new(),
            };
            let template = state.template_of(&request.format).unwrap();
            state.push_fixture(request, template);
        }
        state
    }

    /// What a market inherits, looked for scope by scope.
    fn expected(state: &State, fixture: &Fixture, market: usize) -> (Margin, i64) {
        let key = &fixture.template().markets[market].key;
        let sport = fixture.request.sport();
        let of_market = Scope::Market(fixture.id(), MarketId::of(key));
        let of_type = Scope::MarketType(sport, key.split(':').next().unwrap().to_string());
        let chain = [
            of_market.clone(),
            Scope::Fixture(fixture.id()),
            Scope::Competition(fixture.request.competition.clone()),
            of_type.clone(),
            Scope::Sport(sport),
        ];
        let margin = chain.iter().find_map(|scope| state.scopes.get(scope)?.margin);
        let loss = [of_market, of_type].iter().find_map(|scope| state.scopes.get(scope)?.loss_minor_max);
        (margin.unwrap_or(state.config.margin), loss.unwrap_or(state.config.market_loss_minor_max))
    }

    /// A setting of one market walked all markets of all fixtures with a text each: 24 ms at 2,000 fixtures. Whatever is set
    /// and taken back in whatever order, each market has what its scopes say.
    #[test]
    fn every_market_has_the_settings_of_its_scopes() {
        let mut state = state(4);
        let football = SportId(0);
        let market = |fixture, key| Scope::Market(FixtureId(fixture), MarketId::of(key));
        let scopes = [
            Scope::Sport(football),
            Scope::Sport(SportId(2)),
            Scope::MarketType(football, "total".into()),
            Scope::MarketType(football, "1x2".into()),
            Scope::MarketType(football, "tot".into()),
            Scope::MarketType(SportId(2), "total".into()),
            Scope::Competition("cup".into()),
            Scope::Fixture(FixtureId(2)),
            market(2, "1x2"),
            market(2, "total:2.5"),
            market(3, "total:2.5"),
            market(3, "of no template"),
            market(9, "1x2"),
        ];
        let mut number: u64 = 7;
        let mut below = |bound: usize| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) as usize % bound
        };
        for step in 0..600_usize {
            let scope = &scopes[below(scopes.len())];
            let margin = Margin { method: MarginKind::Power, booksum_e4: 10_100 + below(9_000) as u32 };
            let settings = ScopeSettings {
                margin: (below(2) == 0).then_some(margin),
                loss_minor_max: (below(2) == 0).then_some(below(1_000_000) as i64),
                ..ScopeSettings::default()
            };
            match settings == ScopeSettings::default() || step % 7 == 0 {
                true => drop(state.scopes.remove(scope)),
                false => drop(state.scopes.insert(scope.clone(), settings)),
            }
            state.inherit_scope(scope);
            for fixture in &state.fixtures {
                for index in 0..fixture.template().markets.len() {
                    let found = (fixture.margins[index], fixture.limits.market_loss_minor_max[index]);
                    assert_eq!(found, expected(&state, fixture, index), "step {step}, {scope:?}");
                }
            }
        }
    }

    /// Of a market, one fixture is looked at: the others are not, and would show it.
    #[test]
    fn settings_of_a_market_touch_its_fixture_alone() {
        let mut state = state(3);
        for fixture in &mut state.fixtures {
            fixture.margins.clear();
        }
        state.inherit_scope(&Scope::Market(FixtureId(2), MarketId::of("1x2")));
        let touched: Vec<_> = state.fixtures.iter().map(|fixture| !fixture.margins.is_empty()).collect();
        assert_eq!(touched, [false, true, false]);
    }
}
