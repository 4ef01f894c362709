//! Fixtures that are over leave the hot state whole, and come back whole: when they are spoken of or asked for, or when a ticket
//! on them comes back. Their competition leaves with the last of them.

use std::collections::BTreeSet;

use oddsengine_facts::command::{FIXTURES_PER_RECORD_MAX, SCOPES_ARCHIVED_MAX};
use oddsengine_facts::config::FIXTURES_MAX;
use oddsengine_facts::{
    GradedSelection, Scope, ScopeSetting, ScopeSettings, Ticket, VoidKind, WholeFixture, WholeMarket,
};
use oddsengine_markets::{LivePhase, MarketId, Template};
use oddsengine_pricing::model::Parameters;
use oddsengine_types::{FixtureId, Grade};

use super::State;
use super::upkeep::loss_of;

impl State {
    /// Fixtures that are closed for as long as they are kept, in order of time.
    pub(crate) fn fixtures_to_leave(&self, now_ns: i64) -> impl Iterator<Item = u32> + '_ {
        super::archive::due(&self.retiring, now_ns, self.config.archive_fixture_after_ms)
    }

    /// Notes since when a fixture is over, after something that may have closed it or opened it again.
    pub(crate) fn note_over(&mut self, index: usize) {
        let fixture = &self.fixtures[index];
        let over_ns = match (fixture.is_closed(), fixture.over_ns) {
            (false, _) => 0,
            (true, 0) => self.now_ns,
            (true, over_ns) => over_ns,
        };
        self.set_over(index, over_ns);
    }

    fn set_over(&mut self, index: usize, over_ns: i64) {
        let before_ns = self.fixtures[index].over_ns;
        if before_ns != over_ns {
            self.retiring.remove(&(before_ns, index as u32));
            self.fixtures[index].over_ns = over_ns;
        }
        if over_ns != 0 {
            self.retiring.insert((over_ns, index as u32));
        }
    }

    /// Finds out anew which fixtures are over since when, after a restore.
    pub(crate) fn restore_retiring(&mut self) {
        let over = self.fixtures.entries().filter(|(_, fixture)| fixture.over_ns != 0);
        self.retiring = over.map(|(index, fixture)| (fixture.over_ns, index as u32)).collect();
    }

    /// Counts the legs of a ticket that is kept on their fixtures, or no longer.
    pub(crate) fn count_kept(&mut self, ticket: &Ticket, is_kept: bool) {
        for leg in &ticket.legs {
            let count = &mut self.fixtures[leg.place.fixture as usize].kept_leg_count;
            *count = if is_kept { *count + 1 } else { count.saturating_sub(1) };
        }
    }

    /// Nothing can happen to the fixture any more but by a result that is told late, and no ticket on it is kept.
    pub(crate) fn may_retire(&self, index: u32) -> bool {
        let fixture = &self.fixtures[index as usize];
        let settling = self.due.settling.range((index, 0)..=(index, u16::MAX)).next();
        fixture.is_closed()
            && fixture.kept_leg_count == 0
            && settling.is_none()
            && !self.due.recalling.contains(&index)
            && !self.due.weighing.contains(&index)
            && !self.is_kept_for_settlement(index)
            && self.scopes_of(fixture.id()).take(SCOPES_ARCHIVED_MAX + 1).count() <= SCOPES_ARCHIVED_MAX
    }

    /// The settings of a fixture and of its markets.
    fn scopes_of(&self, id: FixtureId) -> impl Iterator<Item = (&Scope, &ScopeSettings)> {
        let own = self.scopes.get_key_value(&Scope::Fixture(id));
        let markets = Scope::Market(id, MarketId(0))..=Scope::Market(id, MarketId(u64::MAX));
        own.into_iter().chain(self.scopes.range(markets))
    }

    pub(crate) fn archive_fixtures(&mut self, ids: &[FixtureId]) -> Result<(), String> {
        fits_record(ids.len())?;
        // A book that is behind would be another fixture's tomorrow.
        self.balance_books();
        for &id in ids {
            let index = self.named_fixture(id)?;
            if !self.may_retire(index as u32) {
                return Err(format!("fixture {id} is to leave and waits for something"));
            }
            let whole = self.whole_fixture(index);
            self.forget_fixture(index);
            self.counters.archived_fixture_count += 1;
            self.archived_fixtures.push(whole);
        }
        Ok(())
    }

    pub(crate) fn put_off_fixtures(&mut self, ids: &[FixtureId]) -> Result<(), String> {
        fits_record(ids.len())?;
        for &id in ids {
            let index = self.named_fixture(id)?;
            if self.fixtures[index].over_ns == 0 {
                return Err(format!("fixture {id} is not over"));
            }
            self.set_over(index, self.now_ns);
        }
        Ok(())
    }

    fn forget_fixture(&mut self, index: usize) {
        let place = index as u32;
        let fixture = &self.fixtures[index];
        let (id, over_ns, competition) = (fixture.id(), fixture.over_ns, fixture.competition);
        let (sport, loss_minor) = (fixture.request.sport(), loss_of(&fixture.book));
        self.start_due.remove(&(self.starts_at_ns(index), place));
        self.silence_due.remove(&(self.silent_from_ns(&self.fixtures[index]), place));
        self.retiring.remove(&(over_ns, place));
        self.moved.remove(&place);
        self.unpriced.remove(&place);
        self.derived.in_play.remove(&place);
        self.forget_unheard(index);
        self.forget_fed(index);
        self.untold.remove(&place);
        self.derived.suspects.remove(&place);
        *self.derived.sport_loss_minor.entry(sport).or_default() -= loss_minor;
        self.derived.platform_loss_minor -= loss_minor;
        self.competitions.leave(competition, loss_minor);
        for scope in self.scopes_of(id).map(|(scope, _)| scope.clone()).collect::<Vec<Scope>>() {
            self.scopes.remove(&scope);
        }
        self.fixture_index.remove(&id);
        self.fixtures.remove(index);
    }

    /// All that is known of a fixture, by names.
    fn whole_fixture(&self, index: usize) -> WholeFixture {
        let fixture = &self.fixtures[index];
        let template = fixture.template;
        let mut known: BTreeSet<u16> = fixture.told_by_desk.clone();
        known.extend(fixture.market_interruptions.keys());
        known.extend(fixture.desk.keys());
        known.extend(fixture.told_grades.keys());
        let markets = known.into_iter().map(|market| WholeMarket {
            market: template.market_id(usize::from(market)),
            interruptions: fixture.market_interruptions.get(&market).copied().unwrap_or(0),
            desk: fixture.desk.get(&market).cloned(),
            told_grades: fixture.told_grades.get(&market).cloned(),
            is_told_by_desk: fixture.told_by_desk.contains(&market),
        });
        let decided = fixture.grades.iter().enumerate().filter(|(_, grade)| grade.is_some());
        let grades = decided.map(|(selection, &grade)| GradedSelection {
            selection: template.selection_id(selection),
            grade,
        });
        let scopes = self.scopes_of(fixture.id());
        let scopes =
            scopes.map(|(scope, settings)| ScopeSetting { scope: scope.clone(), settings: *settings });
        WholeFixture {
            request: fixture.request.clone(),
            live: fixture.live.clone(),
            parameters: fixture.parameters.as_ref().map(Parameters::record),
            priced_by: fixture.priced_by.clone(),
            expectation: fixture.expectation.clone(),
            stops: fixture.stops,
            interruptions: fixture.interruptions,
            fed_by: fixture.fed_by.clone(),
            is_start_waived: fixture.is_start_waived,
            is_void_by_desk: fixture.is_void_by_desk,
            void: fixture.void,
            version: fixture.version,
            grades: grades.collect(),
            markets: markets.collect(),
            archived_count: fixture.archived_count,
            scopes: scopes.collect(),
        }
    }

    /// A fixture could come back: it is not known, is over, and is one of this build.
    pub(crate) fn may_return_fixture(&self, whole: &WholeFixture) -> Result<(), String> {
        self.parts_of(whole).map(drop)
    }

    pub(crate) fn recall_fixture(&mut self, whole: &WholeFixture) -> Result<(), String> {
        let Parts { template, parameters, grades, markets } = self.parts_of(whole)?;
        for ScopeSetting { scope, settings } in &whole.scopes {
            self.scopes.insert(scope.clone(), *settings);
        }
        self.push_fixture(whole.request.clone(), template);
        let index = self.named_fixture(whole.request.fixture)?;
        let fixture = &mut *self.fixtures[index];
        fixture.live = whole.live.clone();
        fixture.parameters = parameters;
        fixture.priced_by = whole.priced_by.clone();
        fixture.expectation = whole.expectation.clone();
        fixture.stops = whole.stops;
        fixture.interruptions = whole.interruptions;
        fixture.fed_by.clone_from(&whole.fed_by);
        fixture.is_start_waived = whole.is_start_waived;
        fixture.is_void_by_desk = whole.is_void_by_desk;
        fixture.void = whole.void;
        fixture.version = whole.version;
        fixture.archived_count = whole.archived_count;
        for (selection, grade) in grades {
            fixture.grades[selection] = grade;
        }
        for (market, known) in markets {
            if known.interruptions > 0 {
                fixture.market_interruptions.insert(market, known.interruptions);
            }
            known.desk.iter().for_each(|desk| drop(fixture.desk.insert(market, desk.clone())));
            known
                .told_grades
                .iter()
                .for_each(|grades| drop(fixture.told_grades.insert(market, grades.clone())));
            if known.is_told_by_desk {
                fixture.told_by_desk.insert(market);
            }
        }
        self.refresh_possible(index);
        self.outdate_model(index);
        self.note_play(index);
        self.note_unheard(index);
        self.note_fed(index);
        let since_ns = super::archive::recalled_since(self.now_ns, self.config.archive_fixture_after_ms);
        self.set_over(index, since_ns);
        self.counters.recalled_fixture_count += 1;
        Ok(())
    }

    /// What a fixture of the archive is in this build.
    ///
    /// # Errors
    /// It is known, is not over, or names what this build does not have.
    fn parts_of<'a>(&self, whole: &'a WholeFixture) -> Result<Parts<'a>, String> {
        let id = whole.request.fixture;
        if self.index_of(id).is_some() {
            return Err(format!("fixture {id} is known"));
        }
        if self.fixtures.len() >= FIXTURES_MAX as usize {
            return Err(format!("fixture {id} would be one more than {FIXTURES_MAX}"));
        }
        whole.request.format.check().map_err(|error| error.to_string())?;
        let template = self
            .template_of(&whole.request.format)
            .ok_or_else(|| format!("the space of fixture {id} is not defined"))?;
        if !whole.live.fits(&whole.request.format, template) || !whole.live.is_within_bounds() {
            return Err(format!("the state of fixture {id} is not one of its sport"));
        }
        if whole.void == VoidKind::Nothing && whole.live.phase() != LivePhase::Finished {
            return Err(format!("fixture {id} is not over, and only what is over was archived"));
        }
        let parameters = whole.parameters.as_ref().map(Parameters::from_record).transpose();
        let parameters = parameters.map_err(|error| format!("parameters of fixture {id}: {error}"))?;
        let grades = whole.grades.iter().map(|graded| {
            let selection = template.selection_of_id(graded.selection);
            let selection = selection
                .ok_or_else(|| format!("fixture {id} has no selection {:016x}", graded.selection.0))?;
            Ok((selection, graded.grade))
        });
        let markets = whole.markets.iter().map(|known| {
            let market = template.market_of_id(known.market);
            let market =
                market.ok_or_else(|| format!("fixture {id} has no market {:016x}", known.market.0))?;
            let count = template.markets[market].selections().len();
            let desk = known.desk.iter();
            let odds = desk.clone().filter_map(|desk| desk.manual_odds_e4.as_ref().map(Vec::len));
            let locked = desk.clone().filter(|desk| desk.is_locked).map(|desk| desk.locked_odds_e4.len());
            let anchors = desk.map(|desk| desk.anchor_e9.len()).filter(|&length| length > 0);
            let mut lengths =
                odds.chain(locked).chain(anchors).chain(known.told_grades.as_ref().map(Vec::len));
            match lengths.find(|&length| length != count) {
                Some(length) => {
                    let key = &template.markets[market].key;
                    Err(format!("{length} values for {count} selections of {key} of fixture {id}"))
                }
                None => Ok((market as u16, known)),
            }
        });
        let is_own = |setting: &ScopeSetting| match setting.scope {
            Scope::Fixture(fixture) | Scope::Market(fixture, _) => fixture == id,
            _ => false,
        };
        if whole.scopes.len() > SCOPES_ARCHIVED_MAX || !whole.scopes.iter().all(is_own) {
            return Err(format!("the settings that came with fixture {id} are not its own"));
        }
        Ok(Parts {
            template,
            parameters,
            grades: grades.collect::<Result<_, String>>()?,
            markets: markets.collect::<Result<_, String>>()?,
        })
    }
}

/// A fixture of the archive by the places of this build.
struct Parts<'a> {
    template: &'static Template,
    parameters: Option<Parameters>,
    grades: Vec<(usize, Option<Grade>)>,
    markets: Vec<(u16, &'a WholeMarket)>,
}

fn fits_record(count: usize) -> Result<(), String> {
    match count <= FIXTURES_PER_RECORD_MAX {
        true => Ok(()),
        false => {
            Err(format!("{count} fixtures in one record, at most {FIXTURES_PER_RECORD_MAX} are allowed"))
        }
    }
}
