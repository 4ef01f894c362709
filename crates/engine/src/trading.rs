//! Boards: from a fixture's state to its prices, and which markets changed.

use oddsengine_markets::{Format, LiveState, ModelFault, Possible, Template};
use oddsengine_pricing::board::{BoardOffers, PriceRules, ViewPrefixes, enforce_monotone};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_risk::Book;

use crate::command::{FixtureRequest, OddsVersion, VoidKind};
use crate::config::{Config, MarginKind, Scope};
use crate::engine::{Competition, Engine};
use crate::event::{BoardUpdate, Event, Sink};
use crate::fixture::{Fixture, FixtureLimits, PriceSource};
use crate::stops::{Stop, StopSet, Stops};

impl Engine {
    /// The template of a format: compiled in, or of a space that was defined before.
    pub(crate) fn template_of(&self, format: &Format) -> Option<&'static Template> {
        match format {
            Format::Custom(space) => self.spaces.get(space).map(|space| space.template),
            format => oddsengine_markets::template_of(format),
        }
    }

    pub(crate) fn push_fixture(&mut self, request: FixtureRequest, template: &'static Template) {
        let sport = request.sport();
        let known = self
            .competitions
            .iter()
            .position(|known| known.name == request.competition && known.sport == sport);
        let competition = known.unwrap_or_else(|| {
            let name = request.competition.clone();
            self.competitions.push(Competition { name, sport, loss_minor: 0 });
            self.competitions.len() - 1
        }) as u32;
        let (count, index) = (template.selections.len(), self.fixtures.len());
        self.fixture_index.insert(request.fixture, index as u32);
        self.fixtures.push(Fixture {
            competition,
            live: LiveState::new(&request.format, template),
            request,
            template,
            parameters: None,
            stops: Stops::default(),
            void: VoidKind::Nothing,
            interruptions: 0,
            market_interruptions: Default::default(),
            fed_by: String::new(),
            heard_ns: 0,
            is_void_by_desk: false,
            told_by_desk: Default::default(),
            is_start_waived: false,
            version: 0,
            odds_e4: vec![0; count],
            grades: vec![None; count],
            desk: Default::default(),
            told_grades: Default::default(),
            legs: Default::default(),
            book: Book::default(),
            margins: Vec::new(),
            has_expectations: false,
            win: vec![0.0; count],
            refund: vec![0.0; count],
            possible: Possible::default(),
            limits: FixtureLimits::default(),
        });
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
        let markets = &fixture.template().markets;
        let (mut margins, mut losses) =
            (Vec::with_capacity(markets.len()), Vec::with_capacity(markets.len()));
        // Most books have no setting of a single market or market type, and need no key for each.
        let is_of_market = |scope: &Scope| match scope {
            Scope::MarketType(of, _) => *of == sport,
            Scope::Market(of, _) => *of == id,
            _ => false,
        };
        if !self.scopes.keys().any(is_of_market) {
            let margin =
                [own, competition, sport_settings].iter().flatten().find_map(|settings| settings.margin);
            margins.resize(markets.len(), margin.unwrap_or(self.config.margin));
            losses.resize(markets.len(), self.config.market_loss_minor_max);
        }
        for market in markets.iter().skip(margins.len()) {
            let stem = market.key.split(':').next().unwrap_or_default().to_string();
            let of_type = self.scopes.get(&Scope::MarketType(sport, stem));
            let of_market =
                self.scopes.get(&Scope::Market(id, oddsengine_markets::MarketId::of(&market.key)));
            let chain = [of_market, own, competition, of_type, sport_settings];
            margins.push(
                chain.iter().flatten().find_map(|settings| settings.margin).unwrap_or(self.config.margin),
            );
            let loss = [of_market, of_type].iter().flatten().find_map(|settings| settings.loss_minor_max);
            losses.push(loss.unwrap_or(self.config.market_loss_minor_max));
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

    /// Recomputes what is still possible; a state that allows nothing stops trading.
    pub(crate) fn update_possible(&mut self, index: usize, sink: &mut impl Sink) {
        self.refresh_possible(index);
        let no_outcome = StopSet::of(&[Stop::NoOutcome]);
        match self.fixtures[index].possible.is_contradictory() {
            true => self.stop(index, Stop::NoOutcome, sink),
            false => self.lift(index, no_outcome, sink),
        }
    }

    /// Recomputes what is still possible, and the book's worst case over it.
    pub(crate) fn refresh_possible(&mut self, index: usize) {
        let fixture = &mut self.fixtures[index];
        let template = fixture.template();
        fixture.live.fill_possible(template, &mut fixture.possible);
        let before = loss_of(&fixture.book);
        fixture.book.refresh(template, &fixture.possible);
        self.count_loss(index, before);
    }

    /// Moves the sums of losses after a fixture's book changed from `loss_minor_before`.
    pub(crate) fn count_loss(&mut self, index: usize, loss_minor_before: i64) {
        let fixture = &self.fixtures[index];
        let change = loss_of(&fixture.book) - loss_minor_before;
        self.competitions[fixture.competition as usize].loss_minor += change;
        *self.derived.sport_loss_minor.entry(fixture.request.sport()).or_default() += change;
        self.derived.platform_loss_minor += change;
    }

    /// Prices a fixture and publishes what changed.
    pub(crate) fn reprice(&mut self, index: usize, source_ns: i64, sink: &mut impl Sink) {
        self.reprice_with(index, &[], source_ns, sink);
    }

    /// As [`Engine::reprice`]; `touched` markets are published even if their prices stay.
    pub(crate) fn reprice_with(
        &mut self,
        index: usize,
        touched: &[u16],
        source_ns: i64,
        sink: &mut impl Sink,
    ) {
        self.evaluate(index, sink);
        self.offer_evaluated(index, touched, false, source_ns, sink);
    }

    /// Offers what was just evaluated and publishes what changed, `touched` markets in any case.
    pub(crate) fn offer_evaluated(
        &mut self,
        index: usize,
        touched: &[u16],
        changes_chances: bool,
        source_ns: i64,
        sink: &mut impl Sink,
    ) {
        let moved = self.stop_moved(index, changes_chances, sink);
        if moved.is_empty() {
            self.offer(index, touched);
        } else {
            self.offer(index, &[touched, &moved].concat());
        }
        self.publish_changed(index, source_ns, sink);
    }

    /// Prices one market anew after the desk changed it, and publishes it; the model's view of it has not moved.
    pub(crate) fn reprice_market(&mut self, index: usize, market: u16, sink: &mut impl Sink) {
        if self.config.skew_b_minor.is_some() {
            // The lines of a family are kept monotone together.
            return self.reprice_with(index, &[market], 0, sink);
        }
        let Self { fixtures, derived, config, .. } = self;
        let fixture = &mut fixtures[index];
        let range = fixture.template().markets[usize::from(market)].selections();
        derived.odds.clear();
        derived.odds.resize(range.len(), 0);
        offer_one(config, fixture, usize::from(market), &mut derived.offer, 0, &mut derived.odds);
        derived.offer.finish(&mut derived.odds);
        fixture.odds_e4[range].copy_from_slice(&derived.odds);
        self.publish(index, &[market], 0, sink);
    }

    /// After an incident or a desk decision: prices, and settlement if grades may have changed. Prices are told
    /// first: settlement waits for the journal anyway. `changes_chances`: see
    /// [`oddsengine_markets::Incident::changes_chances`].
    pub(crate) fn update_board(
        &mut self,
        index: usize,
        settles: bool,
        touched: &[u16],
        changes_chances: bool,
        source_ns: i64,
        sink: &mut impl Sink,
    ) {
        self.evaluate(index, sink);
        if !settles {
            return self.offer_evaluated(index, touched, changes_chances, source_ns, sink);
        }
        let regraded = self.regrade(index);
        let template = self.fixtures[index].template();
        let mut touched = touched.to_vec();
        touched.extend(regraded.iter().map(|&selection| template.selections[usize::from(selection)].market));
        touched.dedup();
        self.offer_evaluated(index, &touched, changes_chances, source_ns, sink);
        self.settle_regraded(index, &regraded, sink);
    }

    /// Expectations of every selection under the model. A model that gives none stops trading: prices of another state
    /// are not sold.
    pub(crate) fn evaluate(&mut self, index: usize, sink: &mut impl Sink) {
        let is_foreign = matches!(self.fixtures[index].request.format, Format::Custom(_));
        let had_parameters = self.fixtures[index].parameters.is_some();
        if self.fill_expectations(index) || is_foreign || !had_parameters {
            if !is_foreign && self.fixtures[index].stops.has(Stop::Model) {
                self.fixtures[index].stops.model_fault = None;
                self.lift(index, StopSet::of(&[Stop::Model]), sink);
            }
            return;
        }
        let id = self.fixtures[index].id();
        if !self.fixtures[index].stops.has(Stop::Model) {
            let message = format!("fixture {id}: {}", ModelFault::Failed.sentence());
            sink.event(Event::Alert { alert: "model_failed", fixture: Some(id), message: &message });
        }
        self.fixtures[index].stops.model_fault = Some(ModelFault::Failed);
        self.stop(index, Stop::Model, sink);
    }

    /// Fills the expectations of a fixture from its model; `false` when it gives none.
    pub(crate) fn fill_expectations(&mut self, index: usize) -> bool {
        let fixture = &mut self.fixtures[index];
        fixture.has_expectations = false;
        let Some(parameters) = &fixture.parameters else { return false };
        let template = fixture.template();
        let prefixes =
            self.derived.prefixes.entry(template.id).or_insert_with(|| ViewPrefixes::new(template));
        if fixture.possible.is_contradictory()
            || !self.derived.models.fill(template, parameters, &fixture.live, prefixes)
        {
            return false;
        }
        prefixes.expectations(template, &mut fixture.win, &mut fixture.refund);
        // Without branches, so that it is done side by side: a number that is none must not become a price.
        if !fixture.win.iter().fold(true, |is_finite, win| is_finite & win.is_finite()) {
            return false;
        }
        fixture.has_expectations = true;
        if !fixture.book.is_empty() {
            self.moved.insert(index as u32);
        }
        true
    }

    /// Offers every market; lists those whose odds changed, and the touched ones, in `derived.changed`.
    pub(crate) fn offer(&mut self, index: usize, touched: &[u16]) {
        let Self { fixtures, derived, config, .. } = self;
        let fixture = &mut fixtures[index];
        let template = fixture.template();
        derived.odds.clear();
        derived.odds.resize(template.selections.len(), 0);
        let has_model = fixture.has_expectations;
        for (market_index, market) in template.markets.iter().enumerate() {
            offer_one(
                config,
                fixture,
                market_index,
                &mut derived.offer,
                market.selections().start,
                &mut derived.odds,
            );
        }
        derived.offer.finish(&mut derived.odds);
        if config.skew_b_minor.is_some() && has_model {
            keep_lines_monotone(fixture, &mut derived.odds);
        }
        derived.changed.clear();
        for (market_index, market) in template.markets.iter().enumerate() {
            let range = market.selections();
            let (before, after) = (&mut fixture.odds_e4[range.clone()], &derived.odds[range]);
            if before != after {
                before.copy_from_slice(after);
                derived.changed.push(market_index as u16);
            } else if touched.contains(&(market_index as u16)) {
                derived.changed.push(market_index as u16);
            }
        }
    }

    fn publish_changed(&mut self, index: usize, source_ns: i64, sink: &mut impl Sink) {
        let changed = std::mem::take(&mut self.derived.changed);
        self.publish(index, &changed, source_ns, sink);
        self.derived.changed = changed;
    }

    /// Tells a board change as the fixture's next version.
    pub(crate) fn publish(
        &mut self,
        index: usize,
        changed_markets: &[u16],
        source_ns: i64,
        sink: &mut impl Sink,
    ) {
        if !changed_markets.is_empty() {
            self.publish_version(index, changed_markets, source_ns, sink);
        }
    }

    /// Tells score and period where no market changed.
    pub(crate) fn publish_standing(&mut self, index: usize, source_ns: i64, sink: &mut impl Sink) {
        self.publish_version(index, &[], source_ns, sink);
    }

    fn publish_version(
        &mut self,
        index: usize,
        changed_markets: &[u16],
        source_ns: i64,
        sink: &mut impl Sink,
    ) {
        let fixture = &mut self.fixtures[index];
        fixture.version += 1;
        sink.event(Event::Board(BoardUpdate {
            template: fixture.template(),
            version: OddsVersion { epoch: self.epoch, seq: fixture.version },
            fixture,
            changed_markets,
            decided_ns: self.now_ns,
            source_ns,
        }));
    }
}

/// Prices one market: by hand, kept, or from the model; then perhaps only when the offers are finished. `first` is the
/// place of its first selection in `board_odds`.
fn offer_one(
    config: &Config,
    fixture: &Fixture,
    market_index: usize,
    offers: &mut BoardOffers,
    first: usize,
    board_odds: &mut [u32],
) {
    let market = &fixture.template().markets[market_index];
    let range = market.selections();
    let odds = &mut board_odds[first..first + range.len()];
    let grades = &fixture.grades[range.clone()];
    let close_decided = |odds: &mut [u32]| {
        odds.iter_mut().zip(grades).filter(|(_, grade)| grade.is_some()).for_each(|(odds, _)| *odds = 0);
    };
    match fixture.price_source(market_index) {
        PriceSource::Manual => {
            let manual = fixture.desk[&(market_index as u16)].manual_odds_e4.as_deref().unwrap_or_default();
            odds.copy_from_slice(manual);
            close_decided(odds);
        }
        PriceSource::Locked => {
            odds.copy_from_slice(&fixture.odds_e4[range]);
            close_decided(odds);
        }
        PriceSource::Model if fixture.has_expectations => {
            let margin = fixture.margins[market_index];
            let rules = PriceRules {
                method: method_of(margin.method),
                booksum: f64::from(margin.booksum_e4) / 10_000.0,
                ladder: config.ladder,
                odds_e4_min: config.odds_e4_min,
                odds_e4_max: config.odds_e4_max,
                skew_b_minor: config.skew_b_minor.map(|b_minor| b_minor as f64),
            };
            let (win, refund) = (&fixture.win[range.clone()], &fixture.refund[range.clone()]);
            let payout = |slot: usize| fixture.book.selection((range.start + slot) as u16).payout_minor;
            let is_open = |slot: usize| grades[slot].is_none();
            offers.add(market, first, win, refund, is_open, payout, &rules, board_odds);
        }
        PriceSource::Model => odds.fill(0),
    }
}

/// The loss that counts against limits: a sure profit does not make room elsewhere.
pub(crate) fn loss_of(book: &Book) -> i64 {
    (-book.worst_minor()).max(0)
}

fn method_of(kind: MarginKind) -> MarginMethod {
    match kind {
        MarginKind::Multiplicative => MarginMethod::Multiplicative,
        MarginKind::Power => MarginMethod::Power,
        MarginKind::OddsRatio => MarginMethod::OddsRatio,
        MarginKind::Shin => MarginMethod::Shin,
    }
}

fn keep_lines_monotone(fixture: &Fixture, odds_e4: &mut [u32]) {
    let template = fixture.template();
    for family in &template.line_families {
        let by_model = |market: &usize| fixture.price_source(*market) == PriceSource::Model;
        let firsts: Vec<usize> = family
            .clone()
            .filter(by_model)
            .map(|market| template.markets[market].selections().start)
            .collect();
        let fair: Vec<[f64; 2]> = firsts
            .iter()
            .map(|&first| [first, first + 1].map(|index| fixture.fair_probability(index)))
            .collect();
        let mut odds: Vec<[u32; 2]> =
            firsts.iter().map(|&first| [odds_e4[first], odds_e4[first + 1]]).collect();
        enforce_monotone(&fair, &mut odds);
        for (&first, pair) in firsts.iter().zip(&odds) {
            odds_e4[first..first + 2].copy_from_slice(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use oddsengine_markets::custom::{CustomState, SpaceMarket, SpaceSelection, SpaceView};
    use oddsengine_markets::{SpaceDefinition, SpaceId};
    use oddsengine_pricing::model::{ForeignProbabilities, Parameters};
    use oddsengine_types::{FixtureId, Grade};

    use super::*;
    use crate::command::{Body, Command, Origin};
    use crate::event::NoEvents;
    use crate::fixture::MarketStatus;

    fn engine(format: Format) -> Engine {
        let definition = SpaceDefinition {
            name: "coin".into(),
            outcome_count: 2,
            views: vec![SpaceView { name: "side".into(), cell_of_outcome: vec![0, 1] }],
            markets: vec![SpaceMarket {
                key: "toss".into(),
                view: 0,
                winners: 1,
                selections: vec![SpaceSelection {
                    name: "heads".into(),
                    grades: vec![Grade::WON, Grade::LOST],
                }],
            }],
        };
        let request = FixtureRequest {
            fixture: FixtureId(1),
            format,
            competition: "cup".into(),
            start_ns: 0,
            home: "Alba".into(),
            away: "Bruma".into(),
            entrants: Vec::new(),
        };
        let mut engine = Engine::default();
        for body in [Body::DefineSpace(Box::new(definition)), Body::AddFixture(Box::new(request))] {
            engine.apply(&Command { time_ns: 1, origin: Origin::default(), body }, &mut NoEvents);
        }
        engine
    }

    // A model that gave nothing left the fixture open at the prices of the state before.
    #[test]
    fn a_model_that_gives_nothing_stops_and_shows_no_price() {
        let mut engine = engine(Format::FOOTBALL);
        engine.fixtures[0].odds_e4.fill(20_000);
        let foreign = ForeignProbabilities { inputs: Vec::new(), probabilities: vec![0.5, 0.5] };
        engine.fixtures[0].parameters = Some(Parameters::Custom(foreign));
        engine.reprice(0, 0, &mut NoEvents);
        let fixture = &engine.fixtures[0];
        assert_eq!(fixture.stops.set.iter().collect::<Vec<_>>(), [Stop::Model]);
        assert_eq!(fixture.stops.model_fault, Some(ModelFault::Failed));
        assert_eq!(fixture.status(), MarketStatus::Suspended);
        assert!(fixture.odds_e4.iter().all(|&odds| odds == 0));
        // The same after a restart, and well again with the next parameters that give prices.
        let mut restored = Engine::restore(&engine.snapshot()).unwrap();
        assert_eq!(restored.state_hash(), engine.state_hash());
        restored.fixtures[0].parameters = None;
        let football = restored.derived.models.with_expectation(&Format::FOOTBALL, None, 0.2, 2.6).unwrap();
        restored.fixtures[0].parameters = Some(football);
        restored.reprice(0, 0, &mut NoEvents);
        assert!(!restored.fixtures[0].stops.any());
        assert!(restored.fixtures[0].odds_e4.iter().any(|&odds| odds > 0));
    }

    // Where no outcome was possible, every selection was graded as lost.
    #[test]
    fn a_state_that_allows_no_outcome_stops_and_grades_nothing() {
        let mut engine = engine(Format::Custom(SpaceId::of("coin")));
        let state = |possible| {
            LiveState::Custom(CustomState { outcome_count: 2, possible, ..CustomState::default() })
        };
        engine.fixtures[0].live = state(vec![(0, 0)]);
        engine.update_possible(0, &mut NoEvents);
        assert!(engine.fixtures[0].stops.has(Stop::NoOutcome));
        assert!(engine.regrade(0).is_empty());
        assert_eq!(engine.fixtures[0].grades, [None]);
        engine.fixtures[0].live = state(vec![(0, 1)]);
        engine.update_possible(0, &mut NoEvents);
        assert!(!engine.fixtures[0].stops.any());
        assert_eq!(engine.regrade(0), [0]);
        assert_eq!(engine.fixtures[0].grades, [Some(Grade::WON)]);
    }
}
