//! What follows from the facts of a fixture: inherited settings, what is still possible, sums of losses.

use oddsengine_facts::{FixtureRequest, Scope, Stops, VoidKind};
use oddsengine_markets::{Format, LiveState, Possible, SpaceDefinition, Template};
use oddsengine_risk::Book;
use oddsengine_types::BoundsError;

use crate::boards::Board;
use crate::state::fixture::{Fixture, FixtureLimits};
use crate::state::{Competition, Space, State};

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
            grades: vec![None; count],
            desk: Default::default(),
            told_grades: Default::default(),
            legs: Default::default(),
            accumulators: Default::default(),
            book: Book::default(),
            margins: Vec::new(),
            possible: Possible::default(),
            limits: FixtureLimits::default(),
            board: Board::new(template),
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

    /// Resolves the settings of what a scope concerns.
    pub(crate) fn inherit_scope(&mut self, scope: &Scope) {
        for index in 0..self.fixtures.len() {
            let fixture = &mut self.fixtures[index];
            let is_in = match scope {
                Scope::Sport(sport) | Scope::MarketType(sport, _) => fixture.request.sport() == *sport,
                Scope::Competition(name) => fixture.request.competition == *name,
                Scope::Fixture(id) | Scope::Market(id, _) => fixture.id() == *id,
            };
            if is_in {
                let before = std::mem::take(&mut fixture.margins);
                self.inherit_settings(index);
                if self.fixtures[index].margins != before {
                    self.outdate_offers(index);
                }
            }
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
