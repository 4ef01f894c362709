//! What follows from the facts of a fixture: inherited settings, what is still possible, sums of losses.

use std::collections::BTreeMap;

use oddsengine_facts::{FixtureRequest, Scope, ScopeSettings};
use oddsengine_markets::{Format, LivePhase, MarketId, SpaceDefinition, Template};
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
        let inherited = |of: fn(&ScopeSettings) -> Option<i64>| {
            [own, competition, sport_settings].iter().flatten().find_map(|settings| of(settings))
        };
        let delay_of = |settings: &ScopeSettings| settings.bet_delay_ms;
        let referral_of = |settings: &ScopeSettings| settings.referral_stake_minor;
        let bet_delay_ms = inherited(delay_of).unwrap_or(self.config.bet_delay_ms);
        let referral_stake_minor = inherited(referral_of).or(self.config.referral_stake_minor);
        let mut of_markets: BTreeMap<u16, (i64, Option<i64>)> = BTreeMap::new();
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
                    let above = |of: fn(&ScopeSettings) -> Option<i64>| {
                        [own, competition].iter().flatten().find_map(|settings| of(settings))
                    };
                    if delay_of(settings).is_some() || referral_of(settings).is_some() {
                        let delay_ms = above(delay_of).or(delay_of(settings)).unwrap_or(bet_delay_ms);
                        let referral = above(referral_of).or(referral_of(settings)).or(referral_stake_minor);
                        of_markets.insert(market as u16, (delay_ms, referral));
                    }
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
                if delay_of(settings).is_some() || referral_of(settings).is_some() {
                    let known =
                        of_markets.entry(market as u16).or_insert((bet_delay_ms, referral_stake_minor));
                    known.0 = delay_of(settings).unwrap_or(known.0);
                    known.1 = referral_of(settings).or(known.1);
                }
            }
        }
        let silence =
            [own, competition, sport_settings].iter().flatten().find_map(|settings| settings.feed_silence_ms);
        let limits = FixtureLimits {
            fixture_loss_minor_max: own
                .and_then(|own| own.loss_minor_max)
                .unwrap_or(self.config.fixture_loss_minor_max),
            market_loss_minor_max: losses,
            bet_delay_ms,
            referral_stake_minor,
            of_markets,
            feed_silence_ms: silence.unwrap_or(self.config.feed_silence_ms),
        };
        let settings_count = self.counters.settings_count;
        let fixture = &mut self.fixtures[index];
        (fixture.margins, fixture.limits) = (margins, limits);
        fixture.inherited_count = settings_count;
        self.watch_silence(index);
    }

    /// Sets a scope. Of a fixture or a market, its one fixture inherits at once. What is wider comes to a fixture when its
    /// settings or prices are read, and to the others slice by slice: a walk of all took 55 ms at 10,000 fixtures.
    pub(crate) fn set_scope(&mut self, scope: &Scope, settings: &ScopeSettings) {
        let of_fixture = match scope {
            Scope::Fixture(id) | Scope::Market(id, _) => Some(self.index_of(*id)),
            _ => None,
        };
        if let Some(Some(index)) = of_fixture {
            // What came before from wider scopes is no change by this one.
            self.inherit(index);
        }
        let before = match *settings == ScopeSettings::default() {
            true => self.scopes.remove(scope),
            false => self.scopes.insert(scope.clone(), *settings),
        };
        match of_fixture {
            Some(Some(index)) => {
                let before = std::mem::take(&mut self.fixtures[index].margins);
                self.inherit_settings(index);
                if self.fixtures[index].margins != before {
                    self.outdate_offers(index);
                }
            }
            Some(None) => {}
            None => {
                self.counters.settings_count += 1;
                self.derived.inheriting.left = self.fixtures.place_count();
                if before.and_then(|before| before.feed_silence_ms) != settings.feed_silence_ms {
                    // Who is silent for too long is known before anybody asks.
                    let in_play: Vec<u32> = self.derived.in_play.iter().copied().collect();
                    for index in in_play {
                        self.inherit(index as usize);
                    }
                }
            }
        }
    }

    /// Brings the settings of a fixture up to date; whether they may not have been.
    pub(crate) fn inherit(&mut self, index: usize) -> bool {
        if self.fixtures[index].inherited_count == self.counters.settings_count {
            return false;
        }
        let before = std::mem::take(&mut self.fixtures[index].margins);
        self.inherit_settings(index);
        if self.fixtures[index].margins != before {
            self.outdate_margins(index);
        }
        true
    }

    /// Looks at so many of the fixtures to which settings of a scope may not have come yet, and prices those whose margins
    /// change; whether there were any.
    pub(crate) fn inherit_next(&mut self, count: usize) -> bool {
        let total = self.fixtures.place_count();
        let left = self.derived.inheriting.left.min(total);
        for _ in 0..left.min(count) {
            let index = self.derived.inheriting.next % total;
            self.derived.inheriting.next = (index + 1) % total;
            // A place may be free.
            if self.fixtures.get(index).is_some()
                && self.inherit(index)
                && self.unpriced.contains(&(index as u32))
            {
                self.price(index);
            }
        }
        self.derived.inheriting.left = left - left.min(count);
        left > 0
    }

    /// A fixture goes in play, or no longer is.
    pub(crate) fn note_play(&mut self, index: usize) {
        match self.fixtures[index].live.phase() == LivePhase::InPlay {
            true => self.derived.in_play.insert(index as u32),
            false => self.derived.in_play.remove(&(index as u32)),
        };
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
    use oddsengine_facts::{Config, Fact, MarginKind};
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
            let settings = if step % 7 == 0 { ScopeSettings::default() } else { settings };
            state.set_scope(scope, &settings);
            // Some come to their fixtures, and the next scope is set meanwhile.
            state.inherit_next(below(6));
            for fixture in state.fixtures.iter().filter(|fixture| is_current(&state, fixture)) {
                assert_eq!(fixture.margins[0], expected(&state, fixture, 0).0, "step {step}, {scope:?}");
            }
            if below(2) == 0 {
                continue;
            }
            state.inherit_next(usize::MAX);
            for fixture in &state.fixtures {
                for index in 0..fixture.template().markets.len() {
                    let found = (fixture.margins[index], fixture.limits.market_loss_minor_max[index]);
                    assert_eq!(found, expected(&state, fixture, index), "step {step}, {scope:?}");
                }
            }
        }
    }

    fn is_current(state: &State, fixture: &Fixture) -> bool {
        fixture.inherited_count == state.counters.settings_count
    }

    /// Fixtures whose settings were resolved since they were forgotten.
    fn touched(state: &State) -> Vec<u64> {
        let touched = state.fixtures.iter().filter(|fixture| !fixture.margins.is_empty());
        touched.map(|fixture| fixture.id().0).collect()
    }

    /// The margin of a sport walked all its fixtures in the step that set it, 55 ms at 10,000, and priced all of them at the end
    /// of the turn, half a second. It walks none of them; they come after it, so many a slice, and one whose price is
    /// asked for has its new settings at once.
    #[test]
    fn settings_of_a_sport_touch_no_fixture_when_they_are_set() {
        let mut state = state(40);
        let versions: Vec<u64> = state.fixtures.iter().map(|fixture| state.version(fixture).seq).collect();
        (0..40).for_each(|index| state.fixtures[index].margins.clear());
        let margin = Margin { method: MarginKind::Power, booksum_e4: 11_000 };
        let settings =
            ScopeSettings { margin: Some(margin), loss_minor_max: Some(7), ..ScopeSettings::default() };
        state.price_changed();
        (0..40).for_each(|index| state.fixtures[index].margins.clear());
        for scope in [Scope::Sport(SportId(0)), Scope::MarketType(SportId(0), "1x2".into())] {
            state.set_scope(&scope, &settings);
        }
        assert_eq!(touched(&state), [0_u64; 0]);
        assert_eq!(state.unpriced.len(), 0);
        // Another board has a later version, before it is made.
        let later =
            state.fixtures.iter().zip(&versions).all(|(known, before)| state.version(known).seq > *before);
        assert!(later);
        state.price(29);
        assert_eq!(touched(&state), [30]);
        assert_eq!(state.fixtures[29].margins[0], margin);
        let mut slices = 0;
        while state.inherit_next(4) {
            slices += 1;
            assert!(touched(&state).len() <= 1 + 4 * slices, "{slices} slices");
        }
        assert_eq!((slices, touched(&state).len()), (10, 40));
    }

    /// A fixture in play is watched by its present settings, whoever has asked for its price.
    #[test]
    fn a_shorter_silence_holds_at_once_for_what_is_in_play() {
        let mut state = state(3);
        let silence = |ms| ScopeSettings { feed_silence_ms: Some(ms), ..ScopeSettings::default() };
        let kick_off = oddsengine_markets::football::FootballIncident {
            kind: oddsengine_markets::football::FootballIncidentKind::KickOff,
            clock_ms: 0,
            score_after: None,
        };
        for fixture in [1, 2] {
            let incident = Box::new(oddsengine_markets::Incident::Football(kick_off));
            let fixture = FixtureId(fixture);
            state.fold(&Fact::IncidentTaken { fixture, incident, interrupts: true }).unwrap();
        }
        state.set_scope(&Scope::Sport(SportId(0)), &silence(500));
        let of = |state: &State| -> Vec<i64> {
            state.fixtures.iter().map(|fixture| fixture.limits.feed_silence_ms).collect()
        };
        assert_eq!(of(&state)[..2], [500, 500]);
        assert_ne!(of(&state)[2], 500);
        assert!(state.watch_is_due(500_000_001));
        // One that goes in play later is watched by what was set meanwhile.
        let incident = Box::new(oddsengine_markets::Incident::Football(kick_off));
        let fixture = FixtureId(3);
        state.fold(&Fact::IncidentTaken { fixture, incident, interrupts: true }).unwrap();
        assert_eq!(of(&state), [500; 3]);
    }

    /// Of a market, one fixture is looked at: the others are not, and would show it.
    #[test]
    fn settings_of_a_market_touch_its_fixture_alone() {
        let mut state = state(3);
        for fixture in &mut state.fixtures {
            fixture.margins.clear();
        }
        let margin = Margin { method: MarginKind::Power, booksum_e4: 11_000 };
        let settings = ScopeSettings { margin: Some(margin), ..ScopeSettings::default() };
        state.set_scope(&Scope::Market(FixtureId(2), MarketId::of("1x2")), &settings);
        assert_eq!(touched(&state), [2]);
    }
}
