//! Boards: from a fixture's state to its prices, and which markets changed. Derived: a price is a pure function of the
//! state, so it does not matter when it is computed. A fixture is priced once for all that happened since somebody asked.

use oddsengine_facts::{Config, Margin, MarginKind, OddsVersion};
use oddsengine_markets::{Format, Template};
use oddsengine_pricing::board::{BoardOffers, PriceRules, ViewPrefixes, enforce_monotone};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_types::FixtureId;

use oddsengine_facts::{Body, Stop};

use crate::state::State;
use crate::state::fixture::{Fixture, PriceSource};

/// The prices of a fixture.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// `win` and `refund` are the model's for the present state.
    pub has_expectations: bool,
    /// Probability that the stake wins, per selection.
    pub win: Vec<f64>,
    /// Probability that the stake is refunded, per selection.
    pub refund: Vec<f64>,
    /// Offered odds per selection in ten-thousandths, 0 = not offered.
    pub odds_e4: Vec<u32>,
    /// What of it is not the state's.
    stale: Stale,
    /// The odds that were told last.
    told_odds_e4: Vec<u32>,
    /// Every market was offered anew since then; otherwise those that are touched at most.
    is_offered_anew: bool,
    /// Score and period that were told last.
    told_standing: Option<((u16, u16), String)>,
    /// Markets that are told whether or not their odds changed.
    touched: Vec<u16>,
}

/// What of a board is not the state's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stale {
    /// Nothing.
    Nothing,
    /// The offers of these markets.
    Markets(Vec<u16>),
    /// All offers.
    Offers,
    /// Probabilities, and all offers.
    #[default]
    Model,
}

/// A change of a fixture's board: told as one step.
#[derive(Clone, Copy, Debug)]
pub struct BoardUpdate<'a> {
    /// The fixture with all its prices.
    pub fixture: &'a Fixture,
    /// Its template.
    pub template: &'static Template,
    /// Indexes of the markets that changed, ascending.
    pub changed_markets: &'a [u16],
    /// The version of the board.
    pub version: OddsVersion,
    /// When it was decided.
    pub decided_ns: i64,
    /// When the source says it happened, 0 if unknown.
    pub source_ns: i64,
}

impl Board {
    /// Nothing is offered.
    pub(crate) fn new(template: &Template) -> Self {
        let count = template.selections.len();
        Self {
            win: vec![0.0; count],
            refund: vec![0.0; count],
            odds_e4: vec![0; count],
            told_odds_e4: vec![0; count],
            ..Self::default()
        }
    }

    /// A board with these prices, as if they were just made: for whoever encodes one.
    pub fn with_prices(odds_e4: Vec<u32>, win: Vec<f64>, refund: Vec<f64>) -> Self {
        Self { has_expectations: true, win, refund, odds_e4, stale: Stale::Nothing, ..Self::default() }
    }

    /// Its prices are those of the present state.
    pub fn is_current(&self) -> bool {
        self.stale == Stale::Nothing
    }
}

impl State {
    /// The probabilities of a fixture are to be computed anew.
    pub(crate) fn outdate_model(&mut self, index: usize) {
        let fixture = &mut self.fixtures[index];
        fixture.board.stale = Stale::Model;
        if !fixture.legs.is_empty() {
            self.moved.insert(index as u32);
        }
        self.outdated(index);
    }

    /// All offers of a fixture are to be made anew.
    pub(crate) fn outdate_offers(&mut self, index: usize) {
        let board = &mut self.fixtures[index].board;
        if board.stale != Stale::Model {
            board.stale = Stale::Offers;
        }
        self.outdated(index);
    }

    /// The offers of these markets are to be made anew, and told whether or not their odds change.
    pub(crate) fn outdate_markets(&mut self, index: usize, markets: &[u16]) {
        let lines_together = self.config.skew_b_minor.is_some();
        let fixture = &mut self.fixtures[index];
        let (board, market_count) = (&mut fixture.board, fixture.template.markets.len());
        add_markets(&mut board.touched, markets, market_count);
        match &mut board.stale {
            // The lines of a family are kept monotone together.
            stale @ (Stale::Nothing | Stale::Markets(_)) if lines_together => *stale = Stale::Offers,
            Stale::Markets(known) => add_markets(known, markets, market_count),
            stale @ Stale::Nothing => *stale = Stale::Markets(markets.to_vec()),
            Stale::Offers | Stale::Model => {}
        }
        self.outdated(index);
    }

    fn outdated(&mut self, index: usize) {
        self.fixtures[index].version += 1;
        self.unpriced.insert(index as u32);
        self.untold.insert(index as u32);
    }

    /// The margins of a fixture are others: its offers are to be made anew. Its version counts settings of scopes already.
    pub(crate) fn outdate_margins(&mut self, index: usize) {
        let board = &mut self.fixtures[index].board;
        if board.stale != Stale::Model {
            board.stale = Stale::Offers;
        }
        self.unpriced.insert(index as u32);
        self.untold.insert(index as u32);
    }

    /// Prices a fixture, as far as its prices are not the state's.
    pub(crate) fn price(&mut self, index: usize) {
        self.inherit(index);
        self.unpriced.remove(&(index as u32));
        match std::mem::replace(&mut self.fixtures[index].board.stale, Stale::Nothing) {
            Stale::Nothing => {}
            Stale::Markets(mut markets) => {
                markets.sort_unstable();
                markets.dedup();
                self.offer_markets(index, &markets);
            }
            Stale::Offers => self.offer(index),
            Stale::Model => {
                self.fill_expectations(index);
                self.offer(index);
            }
        }
        match self.model_disagrees(&self.fixtures[index]) {
            true => drop(self.derived.suspects.insert(index as u32)),
            false => drop(self.derived.suspects.remove(&(index as u32))),
        }
    }

    /// Prices every fixture whose prices are not the state's.
    pub(crate) fn price_changed(&mut self) {
        while let Some(index) = self.unpriced.first().copied() {
            self.price(index as usize);
        }
    }

    /// Whether its own model gives prices, and whether trading stands still for that, are not the same.
    pub(crate) fn model_disagrees(&self, fixture: &Fixture) -> bool {
        let is_foreign = matches!(fixture.request.format, Format::Custom(_));
        let fails = fixture.parameters.is_some() && !fixture.board.has_expectations;
        !is_foreign && fixture.stops.has(Stop::Model) != fails
    }

    pub(crate) fn model_checks(&self) -> Vec<Body> {
        let suspects = self.derived.suspects.iter().map(|&index| &self.fixtures[index as usize]);
        let disagreeing = suspects.filter(|fixture| self.model_disagrees(fixture));
        disagreeing.map(|fixture| Body::Reprice { fixture: fixture.id() }).collect()
    }

    /// What has changed on priced boards since it was taken last. Score and period are part of a board, also where no price
    /// moved.
    pub(crate) fn take_board_changes(&mut self) -> Vec<(FixtureId, Vec<u16>)> {
        let mut changes = Vec::new();
        for index in std::mem::take(&mut self.untold) {
            let fixture = &mut self.fixtures[index as usize];
            let (id, summary) = (fixture.id(), fixture.live.summary());
            let (template, board) = (fixture.template, &mut fixture.board);
            let mut changed = std::mem::take(&mut board.touched);
            if std::mem::replace(&mut board.is_offered_anew, false) {
                for (market_index, market) in template.markets.iter().enumerate() {
                    let range = market.selections();
                    let (before, after) = (&mut board.told_odds_e4[range.clone()], &board.odds_e4[range]);
                    // Two or three numbers mostly: comparing them here is cheaper than a call.
                    let differs =
                        before.iter().zip(after).fold(0, |bits, (before, after)| bits | (before ^ after));
                    if differs != 0 {
                        before.copy_from_slice(after);
                        changed.push(market_index as u16);
                    }
                }
            } else {
                for &market in &changed {
                    let range = template.markets[usize::from(market)].selections();
                    board.told_odds_e4[range.clone()].copy_from_slice(&board.odds_e4[range]);
                }
            }
            changed.sort_unstable();
            changed.dedup();
            let standing = Some((summary.score, summary.period));
            let is_news = board.told_standing.is_some() && board.told_standing != standing;
            board.told_standing = standing;
            if is_news || !changed.is_empty() {
                changes.push((id, changed));
            }
        }
        changes
    }

    /// The board of a fixture with these markets as a change.
    pub fn board_update<'a>(
        &'a self,
        fixture: FixtureId,
        changed_markets: &'a [u16],
        source_ns: i64,
    ) -> Option<BoardUpdate<'a>> {
        let fixture = self.fixture(fixture)?;
        Some(BoardUpdate {
            fixture,
            template: fixture.template(),
            changed_markets,
            version: self.version(fixture),
            decided_ns: self.now_ns,
            source_ns,
        })
    }

    /// Fills the expectations of a fixture from its model; without one there are none, and not those of an earlier state.
    fn fill_expectations(&mut self, index: usize) {
        let is_filled = self.expect(index);
        let board = &mut self.fixtures[index].board;
        board.has_expectations = is_filled;
        if !is_filled {
            board.win.fill(0.0);
            board.refund.fill(0.0);
        }
    }

    fn expect(&mut self, index: usize) -> bool {
        let fixture = &mut self.fixtures[index];
        let Some(parameters) = &fixture.parameters else { return false };
        let template = fixture.template;
        let prefixes =
            self.derived.prefixes.entry(template.id).or_insert_with(|| ViewPrefixes::new(template));
        if fixture.possible.is_contradictory()
            || !self.derived.models.fill(template, parameters, &fixture.live, prefixes)
        {
            return false;
        }
        let board = &mut fixture.board;
        prefixes.expectations(template, &mut board.win, &mut board.refund);
        // Without branches, so that it is done side by side: a number that is none must not become a price.
        board.win.iter().fold(true, |is_finite, win| is_finite & win.is_finite())
    }

    /// Offers every market.
    fn offer(&mut self, index: usize) {
        let Self { fixtures, derived, config, .. } = self;
        let fixture = &mut fixtures[index];
        fixture.board.is_offered_anew = true;
        let mut odds_e4 = std::mem::take(&mut fixture.board.odds_e4);
        odds_e4.fill(0);
        for (market_index, market) in fixture.template.markets.iter().enumerate() {
            let first = market.selections().start;
            offer_one(config, fixture, market_index, &mut derived.offer, first, &mut odds_e4);
        }
        derived.offer.finish(&mut odds_e4);
        if config.skew_b_minor.is_some() && fixture.board.has_expectations {
            keep_lines_monotone(fixture, &mut odds_e4);
        }
        fixture.board.odds_e4 = odds_e4;
    }

    fn offer_markets(&mut self, index: usize, markets: &[u16]) {
        let Self { fixtures, derived, config, .. } = self;
        let fixture = &mut fixtures[index];
        let mut odds_e4 = std::mem::take(&mut fixture.board.odds_e4);
        for &market in markets {
            let range = fixture.template.markets[usize::from(market)].selections();
            odds_e4[range.clone()].fill(0);
            offer_one(config, fixture, usize::from(market), &mut derived.offer, range.start, &mut odds_e4);
        }
        derived.offer.finish(&mut odds_e4);
        fixture.board.odds_e4 = odds_e4;
    }
}

/// Adds markets to a list that nobody may read for as long as facts are folded: it stays as short as there are markets.
fn add_markets(known: &mut Vec<u16>, markets: &[u16], market_count: usize) {
    known.extend_from_slice(markets);
    if known.len() > 2 * market_count {
        known.sort_unstable();
        known.dedup();
    }
}

/// Prices one market: by hand, kept, or from the model; then perhaps only when the offers are finished. `first` is the
/// place of its first selection in `board_odds`.
#[inline]
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
            odds.copy_from_slice(&fixture.desk[&(market_index as u16)].locked_odds_e4);
            close_decided(odds);
        }
        PriceSource::Model if fixture.board.has_expectations => {
            let margin = fixture.margins[market_index];
            let rules = rules_of(config, margin);
            let (win, refund) = (&fixture.board.win[range.clone()], &fixture.board.refund[range.clone()]);
            let payout = |slot: usize| fixture.book.selection((range.start + slot) as u16).payout_minor;
            let is_open = |slot: usize| grades[slot].is_none();
            offers.add(market, first, win, refund, is_open, payout, &rules, board_odds);
        }
        PriceSource::Model => odds.fill(0),
    }
}

/// How prices of the model become offers.
#[inline]
pub(crate) fn rules_of(config: &Config, margin: Margin) -> PriceRules {
    PriceRules {
        method: method_of(margin.method),
        booksum: f64::from(margin.booksum_e4) / 10_000.0,
        ladder: config.ladder,
        odds_e4_min: config.odds_e4_min,
        odds_e4_max: config.odds_e4_max,
        skew_b_minor: config.skew_b_minor.map(|b_minor| b_minor as f64),
    }
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
