//! What follows from the facts of a fixture: inherited settings, what is still possible, sums of losses.

use oddsengine_facts::{FixtureRequest, Scope, Stops, VoidKind};
use oddsengine_markets::{Format, LiveState, MarketId, Possible, SpaceDefinition, Template};
use oddsengine_risk::{Book, Tally};
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
            book: Book::default(),
            bound: Tally::default(),
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
        for index in 0..self.fixtures.len() {
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
