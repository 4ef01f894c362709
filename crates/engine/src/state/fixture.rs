//! A fixture: live state, model, board, settings.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use oddsengine_markets::{LivePhase, LiveState, Outcome, Possible, Template};
use oddsengine_pricing::model::Parameters;
use oddsengine_risk::{Book, Tally};
use oddsengine_types::{FixtureId, Grade, Sealed, codec_enum};

use oddsengine_facts::{
    Expectation, FixtureRequest, Margin, MarketDesk, PricedBy, Stop, StopSet, Stops, VoidKind,
};

use crate::boards::Board;

/// Legs of tickets that were not refused, per selection: (ticket index, leg index).
///
/// In order of the tickets: work on many of them goes on at one of them.
pub(crate) type Legs = BTreeMap<u16, BTreeSet<(u32, u8)>>;

/// A fixture and everything traded on it. What is stored of it is that of [`StoredFixture`], read and changed as if it were
/// its own; the rest is derived.
#[derive(Clone, Debug)]
pub struct Fixture {
    pub(super) stored: Sealed<StoredFixture>,
    /// Derived from its format: the markets.
    pub template: &'static Template,
    /// Index of its competition in the engine.
    pub competition: u32,
    /// Derived: what is on its selections.
    pub legs: Legs,
    /// Derived: open tickets of several legs with one on it.
    pub accumulators: BTreeSet<u32>,
    /// Derived: tickets that wait out their bet delay, by the selection and whether its leg is graded: it is void by what
    /// happened.
    pub(crate) waiting: BTreeMap<(u16, bool), BTreeSet<u32>>,
    /// Derived: legs on it of tickets that are kept, refused ones included.
    pub kept_leg_count: u32,
    /// Positions.
    pub book: Book,
    /// Derived: the same positions with every other leg of every accumulator won.
    pub bound: Tally,
    /// Derived: how many settings of scopes had been set when it inherited them last.
    pub(crate) inherited_count: u64,
    /// Derived from configuration: margin per market.
    pub margins: Vec<Margin>,
    /// Derived: what is still possible.
    pub possible: Possible,
    /// Derived: limits and delay of this fixture.
    pub limits: FixtureLimits,
    /// Derived: its prices.
    pub board: Board,
}

/// What is stored of a fixture.
#[derive(Clone, Debug)]
pub struct StoredFixture {
    pub(super) template: &'static Template,
    /// What the feed announced: ids, names, start.
    pub request: FixtureRequest,
    /// The match itself.
    pub live: LiveState,
    /// The model's parameters, once known.
    pub parameters: Option<Parameters>,
    /// Who set them.
    pub priced_by: PricedBy,
    /// A trader's expectation that stands beside what feeds say.
    pub expectation: Option<Expectation>,
    /// Why trading stands still, if it does.
    pub stops: Stops,
    /// Times that trading was interrupted: a bet that waits out its delay meanwhile is refused.
    pub interruptions: u64,
    /// Times that trading of single markets was interrupted.
    pub market_interruptions: BTreeMap<u16, u64>,
    /// The feed that spoke of it last; empty before.
    pub fed_by: String,
    /// When a feed spoke of it last; 0 before, and after a restart.
    pub heard_ns: i64,
    /// What is void was said by the desk: no feed changes it.
    pub is_void_by_desk: bool,
    /// Markets whose grades were told by the desk: no feed changes them.
    pub told_by_desk: BTreeSet<u16>,
    /// The desk said that its scheduled start means nothing.
    pub is_start_waived: bool,
    /// What is void.
    pub void: VoidKind,
    /// Number of facts about it that changed what its board shows; with the settings of scopes, the `seq` of its odds version.
    pub version: u64,
    /// Grade per selection, once decided.
    pub grades: Vec<Option<Grade>>,
    /// State per market that the desk set.
    pub desk: BTreeMap<u16, MarketDesk>,
    /// Grades told instead of derived, per market.
    pub told_grades: BTreeMap<u16, Vec<Grade>>,
    /// Why it or one of its markets is under review: nothing on it is paid.
    pub reviews: BTreeMap<Option<u16>, String>,
    /// Results that are not as others: not paid yet, or correcting what stood.
    pub held: BTreeMap<u16, Held>,
    /// Legs on it of tickets that are in the archive; refused tickets do not count.
    pub archived_count: u32,
    /// Since when it is over, came back from the archive, or was put off on its way there; 0 while it is not.
    pub over_ns: i64,
}

impl Deref for Fixture {
    type Target = StoredFixture;

    #[inline]
    fn deref(&self) -> &StoredFixture {
        &self.stored
    }
}

impl DerefMut for Fixture {
    /// To be changed: a snapshot that is being encoded keeps what there was.
    #[inline]
    fn deref_mut(&mut self) -> &mut StoredFixture {
        &mut self.stored
    }
}

/// A result that is not as others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Nothing on it is paid before this time: `i64::MAX` for until it is confirmed.
    pub until_ns: Option<i64>,
    /// It corrects a result that stood.
    pub is_correction: bool,
}
oddsengine_types::codec_struct!(Held { until_ns, is_correction });

/// The limits that apply to a fixture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixtureLimits {
    /// Largest joint loss.
    pub fixture_loss_minor_max: i64,
    /// Largest loss per market.
    pub market_loss_minor_max: Vec<i64>,
    /// Bet delay in play.
    pub bet_delay_ms: i64,
    /// Longest silence of its feed in play; 0 for any.
    pub feed_silence_ms: i64,
    /// Stakes above this go to a trader.
    pub referral_stake_minor: Option<i64>,
    /// Delay and referral of markets that have their own: few.
    pub of_markets: BTreeMap<u16, (i64, Option<i64>)>,
}

impl FixtureLimits {
    /// The bet delay in play on a selection.
    pub fn bet_delay_ms_of(&self, template: &Template, selection: u16) -> i64 {
        self.of_market(template, selection).map_or(self.bet_delay_ms, |(bet_delay_ms, _)| bet_delay_ms)
    }

    /// The stake above which a bet on a selection goes to a trader.
    pub fn referral_minor(&self, template: &Template, selection: u16) -> Option<i64> {
        self.of_market(template, selection).map_or(self.referral_stake_minor, |(_, referral)| referral)
    }

    fn of_market(&self, template: &Template, selection: u16) -> Option<(i64, Option<i64>)> {
        if self.of_markets.is_empty() {
            return None;
        }
        self.of_markets.get(&template.selections[usize::from(selection)].market).copied()
    }
}

/// The state of a market as subscribers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarketStatus {
    /// Bets are taken at the prices shown.
    Open,
    /// Prices are shown, no bets are taken.
    Suspended,
    /// No bets any more: the fixture is over or void.
    Closed,
    /// Every selection is decided.
    Settled,
}
codec_enum!(MarketStatus { 0 = Open, 1 = Suspended, 2 = Closed, 3 = Settled });

impl MarketStatus {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Settled => "settled",
        }
    }
}

/// Where the price of a market comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// The model.
    Model,
    /// A trader's prices.
    Manual,
    /// Kept where they were.
    Locked,
}

impl PriceSource {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Manual => "manual",
            Self::Locked => "locked",
        }
    }
}

impl Fixture {
    /// A fixture that was just announced.
    pub fn new(request: FixtureRequest, template: &'static Template, competition: u32) -> Self {
        let stored = StoredFixture {
            template,
            live: LiveState::new(&request.format, template),
            request,
            parameters: None,
            priced_by: PricedBy::default(),
            expectation: None,
            stops: Stops::default(),
            interruptions: 0,
            market_interruptions: BTreeMap::new(),
            fed_by: String::new(),
            heard_ns: 0,
            is_void_by_desk: false,
            told_by_desk: BTreeSet::new(),
            is_start_waived: false,
            void: VoidKind::Nothing,
            version: 0,
            grades: vec![None; template.selections.len()],
            desk: BTreeMap::new(),
            told_grades: BTreeMap::new(),
            reviews: BTreeMap::new(),
            held: BTreeMap::new(),
            archived_count: 0,
            over_ns: 0,
        };
        Self {
            stored: Sealed::new(stored),
            template,
            competition,
            legs: Legs::new(),
            accumulators: BTreeSet::new(),
            waiting: BTreeMap::new(),
            kept_leg_count: 0,
            book: Book::default(),
            bound: Tally::default(),
            inherited_count: 0,
            margins: Vec::new(),
            possible: Possible::default(),
            limits: FixtureLimits::default(),
            board: Board::new(template),
        }
    }

    /// What is stored of it, shared.
    pub(crate) fn stored(&self) -> &Sealed<StoredFixture> {
        &self.stored
    }

    /// Recomputes what is still possible, and the worst case of the book over it.
    pub(crate) fn refresh_possible(&mut self) {
        self.stored.live.fill_possible(self.template, &mut self.possible);
        self.book.refresh(self.template, &self.possible);
    }

    /// The fixture's id.
    pub fn id(&self) -> FixtureId {
        self.request.fixture
    }

    /// Its template.
    pub fn template(&self) -> &'static Template {
        self.template
    }

    /// No bets any more.
    pub fn is_closed(&self) -> bool {
        self.void != VoidKind::Nothing || self.live.phase() == oddsengine_markets::LivePhase::Finished
    }

    /// The status of the fixture as a whole: settled is told per market.
    pub fn status(&self) -> MarketStatus {
        self.status_with(self.void, self.stops.set)
    }

    /// The status that it would have with this void and with these stops.
    pub(crate) fn status_with(&self, void: VoidKind, stops: StopSet) -> MarketStatus {
        let is_closed = void != VoidKind::Nothing || self.live.phase() == LivePhase::Finished;
        match (is_closed, !stops.is_empty()) {
            (true, _) => MarketStatus::Closed,
            (false, true) => MarketStatus::Suspended,
            (false, false) => MarketStatus::Open,
        }
    }

    /// Nothing has priced it yet: neither a model's parameters nor odds by hand. No stop of the record, as there is nothing
    /// to lift: decisions say of each selection that it has no price, and this is told as the stop `no_price`.
    pub fn has_no_price(&self) -> bool {
        let is_by_hand = |odds_e4: &Vec<u32>| odds_e4.iter().any(|&odds_e4| odds_e4 > 0);
        self.parameters.is_none()
            && !self.is_closed()
            && !self.stops.has(Stop::Model)
            && !self.desk.values().any(|desk| desk.manual_odds_e4.as_ref().is_some_and(is_by_hand))
    }

    /// The status as subscribers see it: without any price it is not open.
    pub fn told_status(&self) -> MarketStatus {
        match self.status() {
            MarketStatus::Open if self.has_no_price() => MarketStatus::Suspended,
            status => status,
        }
    }

    /// How it ended, once it has.
    pub(crate) fn final_outcome(&self) -> Option<Outcome> {
        (self.live.phase() == LivePhase::Finished).then(|| self.live.outcome())
    }

    /// The grade of a selection by what happened on the field of play, if it is decided.
    pub(crate) fn grade_by_play(&self, selection: usize) -> Option<Grade> {
        match self.final_outcome() {
            Some(outcome) => Some(self.template().grade(selection, &outcome)),
            None => self.template().decided_grade(selection, &self.live, &self.possible),
        }
    }

    /// Until when nothing on a market is paid: for ever, as far as is known, while it is under review.
    pub fn held_until_ns(&self, market: u16) -> Option<i64> {
        let is_reviewed = !self.reviews.is_empty()
            && (self.reviews.contains_key(&None) || self.reviews.contains_key(&Some(market)));
        match is_reviewed {
            true => Some(i64::MAX),
            false => self.held.get(&market).and_then(|held| held.until_ns),
        }
    }

    /// The status of a market by itself; the fixture's status is told apart and binds as well.
    pub fn market_status(&self, market: usize) -> MarketStatus {
        let range = self.template().markets[market].selections();
        if self.grades[range].iter().all(Option::is_some) {
            return MarketStatus::Settled;
        }
        if self.desk.is_empty() {
            // Nearly always, and asked for each market of a board.
            return MarketStatus::Open;
        }
        match self.desk.get(&(market as u16)) {
            Some(desk) if desk.stops.any() => MarketStatus::Suspended,
            Some(desk) if !desk.override_by.is_empty() => MarketStatus::Open,
            // Beside prices that somebody answers for, those of the model and others by hand would be an arbitrage.
            _ if self.is_overridden() => MarketStatus::Suspended,
            _ => MarketStatus::Open,
        }
    }

    /// Somebody answers for prices by hand that contradict the model: the model's markets stand still.
    pub fn is_overridden(&self) -> bool {
        self.desk.values().any(|desk| !desk.override_by.is_empty())
    }

    /// Times that trading of a market was interrupted, by itself or with its fixture.
    pub fn interruptions_of(&self, market: u16) -> u64 {
        self.interruptions + self.market_interruptions.get(&market).copied().unwrap_or(0)
    }

    /// Where a market's price comes from.
    pub fn price_source(&self, market: usize) -> PriceSource {
        match self.desk.get(&(market as u16)) {
            Some(desk) if desk.manual_odds_e4.is_some() => PriceSource::Manual,
            Some(desk) if desk.is_locked => PriceSource::Locked,
            _ => PriceSource::Model,
        }
    }

    /// The fair probability of a selection with refunds set aside: 1 / fair odds; 0 when it cannot win.
    pub fn fair_probability(&self, selection: usize) -> f64 {
        let (win, refund) = (self.board.win[selection], self.board.refund[selection]);
        if refund < 1.0 { win / (1.0 - refund) } else { 0.0 }
    }
}
