//! The state, and how to look at it. Facts change it (`fold.rs`), and nothing else.

pub(crate) mod annulments;
pub(crate) mod archive;
pub(crate) mod changes;
pub(crate) mod competitions;
pub(crate) mod customers;
pub(crate) mod due;
pub(crate) mod fixture;
pub(crate) mod fixtures;
pub(crate) mod retiring;
pub(crate) mod settling;
pub(crate) mod snapshot;
pub(crate) mod sources;
pub(crate) mod stakes;
mod stored;
mod switches;
pub(crate) mod transfers;
pub(crate) mod upkeep;
mod windows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oddsengine_facts::{
    BookedTransfer, Config, OddsVersion, Scope, ScopeSettings, Switch, SwitchScope, Ticket, WholeFixture,
};
use oddsengine_ledger::{AccountKind, Ledger};
use oddsengine_markets::{SpaceDefinition, SpaceId, Template};
use oddsengine_pricing::board::{BoardOffers, ViewPrefixes};
use oddsengine_pricing::model::{ModelConfig, Models};
use oddsengine_risk::Change;
use oddsengine_types::{BoundsError, CustomerId, FixtureId, IdMap, Slots, SportId, TicketId};

use annulments::{Actions, Annulments};
use archive::Closed;
use changes::Changes;
use competitions::Competitions;
use customers::{Customer, Customers};
use due::DueWork;
use fixture::Fixture;
use fixtures::Fixtures;
use settling::Settling;
use sources::Source;
use stakes::StakesOfDay;
use transfers::Transfers;
use windows::WindowStakes;

/// What is so: the fold of all facts, and what is derived from it.
///
/// Fields marked *derived* are functions of the others: they are no part of snapshots and of the state's hash.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) config: Config,
    /// The release that wrote the journal last.
    pub(crate) release: String,
    pub(crate) scopes: BTreeMap<Scope, ScopeSettings>,
    pub(crate) epoch: u32,
    pub(crate) now_ns: i64,
    pub(crate) fixtures: Fixtures,
    pub(crate) fixture_index: IdMap<FixtureId, u32>,
    /// Derived: competitions of the fixtures.
    pub(crate) competitions: Competitions,
    pub(crate) customers: Customers,
    /// Switches that are off.
    pub(crate) switches: BTreeMap<SwitchScope, Switch>,
    pub(crate) tickets: Slots<Ticket, TICKETS_PER_PAGE>,
    pub(crate) ticket_index: IdMap<TicketId, u32>,
    /// Derived: tickets by their last change.
    pub(crate) changes: Changes,
    /// Derived: tickets that are over, by when that was.
    pub(crate) closed: Closed,
    /// On their way out: the tickets that the last step or fold took to the archive.
    pub(crate) archived: Vec<Ticket>,
    /// The same of fixtures.
    pub(crate) archived_fixtures: Vec<WholeFixture>,
    /// The same of deposits and withdrawals.
    pub(crate) archived_transfers: Vec<BookedTransfer>,
    /// Derived: fixtures that are over, by when that was.
    pub(crate) retiring: BTreeSet<(i64, u32)>,
    /// Deposits and withdrawals whose ids are kept.
    pub(crate) transfers: Transfers,
    /// Derived: places of tickets that were refused at once, the oldest first.
    pub(crate) refused: VecDeque<u32>,
    /// Tickets waiting out their bet delay, by (due time, ticket index).
    pub(crate) delayed: BTreeSet<(i64, u32)>,
    pub(crate) ledger: Ledger,
    /// What is known of each source.
    pub(crate) sources: BTreeMap<String, Source>,
    /// Derived: fixtures in play, by when their feed is silent for too long at the earliest.
    pub(crate) silence_due: BTreeSet<(i64, u32)>,
    /// Derived: fixtures before their start, by when that is.
    pub(crate) start_due: BTreeSet<(i64, u32)>,
    pub(crate) counters: Counters,
    /// Fixtures whose probabilities moved since accumulators were last weighed.
    pub(crate) moved: BTreeSet<u32>,
    /// When accumulators were last weighed.
    pub(crate) weighed_ns: i64,
    /// Outcome spaces that were defined as data.
    pub(crate) spaces: BTreeMap<SpaceId, Space>,
    /// Tickets that are yet to be settled.
    pub(crate) settling: Settling,
    /// Derived: what customers have staked today.
    pub(crate) stakes: StakesOfDay,
    /// Derived: offers that stand.
    pub(crate) offer_count: u32,
    /// Derived: what customers have staked in the times of the stake windows.
    pub(crate) windows: WindowStakes,
    /// What was decided and is not yet carried out on every ticket that it concerns.
    pub(crate) due: DueWork,
    /// What was voided or cancelled of many tickets at once.
    pub(crate) annulments: Annulments,
    /// What waits for a second person.
    pub(crate) actions: Actions,
    /// Derived: changes of books that are planned and not yet in them.
    pub(crate) unbooked: Vec<(u32, Change)>,
    /// Derived: fixtures whose board is not the state's, or may have changed since it was told.
    pub(crate) unpriced: BTreeSet<u32>,
    /// Derived: fixtures of which something changed that their board shows.
    pub(crate) untold: BTreeSet<u32>,
    pub(crate) derived: Derived,
}

/// An outcome space that was defined as data.
#[derive(Clone, Debug)]
pub struct Space {
    /// As it was defined.
    pub definition: SpaceDefinition,
    /// Derived: its markets.
    pub template: &'static Template,
}

/// What is computed from the state and the configuration, and never stored.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    pub models: Models,
    pub sport_loss_minor: BTreeMap<SportId, i64>,
    pub platform_loss_minor: i64,
    /// The first acceptance after which a loss was above its limit and had grown.
    pub limit_violation: Option<String>,
    /// Fixtures whose own model may give prices where trading stands still for want of them, or none where it does not.
    pub suspects: BTreeSet<u32>,
    /// Fixtures to which settings of a scope may not have come yet.
    pub inheriting: Inheriting,
    /// Fixtures in play.
    pub in_play: BTreeSet<u32>,
    /// More fixtures than one command stops are silent for too long, or late.
    pub has_more_overdue: bool,
    /// Fixtures that nobody has spoken of, by the source that a sign of life is expected of.
    pub unheard: BTreeMap<String, BTreeSet<u32>>,
    /// Fixtures by the source that feeds them; no source is there without any.
    pub fed: BTreeMap<String, BTreeSet<u32>>,
    /// Scratch space per template, by its id.
    pub prefixes: BTreeMap<u32, ViewPrefixes>,
    pub offer: BoardOffers,
}

/// How far the settings of scopes have come round the fixtures: so many are left, from `next` on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inheriting {
    pub next: usize,
    pub left: usize,
}

/// A competition: the sum of its fixtures' losses counts against its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Competition {
    /// Its name, part of the odds topic.
    pub name: String,
    /// Its sport.
    pub sport: SportId,
    /// Sum of its fixtures' worst-case losses.
    pub loss_minor: i64,
    /// How many fixtures of it are kept.
    pub fixture_count: u32,
}

/// Tickets that are copied and encoded together: about 60 kB.
pub const TICKETS_PER_PAGE: usize = 64;
/// Counts of what happened since the journal began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands applied.
    pub command_count: u64,
    /// Feed messages dropped as duplicates.
    pub duplicate_count: u64,
    /// Gaps seen in numbered sources.
    pub feed_gap_count: u64,
    /// Feed or desk commands refused.
    pub refused_command_count: u64,
    /// Tickets accepted.
    pub accepted_count: u64,
    /// Tickets refused.
    pub refused_count: u64,
    /// Refused tickets that were forgotten, to make room for later ones.
    pub forgotten_count: u64,
    /// Sources that were forgotten, to make room for others.
    pub forgotten_source_count: u64,
    /// Settlements, resettlements included.
    pub settlement_count: u64,
    /// Settlements taken back.
    pub rollback_count: u64,
    /// Stakes of accepted tickets.
    pub turnover_minor: i64,
    /// Tickets taken to the archive, each time that they were.
    pub archived_count: u64,
    /// Tickets brought back from it.
    pub recalled_count: u64,
    /// Fixtures taken to the archive, each time that they were.
    pub archived_fixture_count: u64,
    /// Fixtures brought back from it.
    pub recalled_fixture_count: u64,
    /// Deposits and withdrawals whose ids were taken to the archive, each time that they were.
    pub archived_transfer_count: u64,
    /// Ids of deposits and withdrawals brought back from it.
    pub recalled_transfer_count: u64,
    /// Settings of scopes wider than a fixture that were set: every board may be another since, and has a later version.
    pub settings_count: u64,
}
oddsengine_types::codec_struct!(Counters {
    command_count,
    duplicate_count,
    feed_gap_count,
    refused_command_count,
    accepted_count,
    refused_count,
    forgotten_count,
    forgotten_source_count,
    settlement_count,
    rollback_count,
    turnover_minor,
    archived_count,
    recalled_count,
    archived_fixture_count,
    recalled_fixture_count,
    archived_transfer_count,
    recalled_transfer_count,
    settings_count,
});

impl State {
    /// An empty state.
    ///
    /// # Errors
    /// A configured value outside its range, named.
    pub(crate) fn new(config: Config) -> Result<Self, BoundsError> {
        config.check()?;
        let derived = Derived::new(&config)?;
        Ok(Self {
            config,
            release: String::new(),
            scopes: BTreeMap::new(),
            epoch: 0,
            now_ns: i64::MIN,
            fixtures: Fixtures::default(),
            fixture_index: IdMap::default(),
            competitions: Competitions::default(),
            customers: Customers::default(),
            switches: BTreeMap::new(),
            tickets: Slots::default(),
            ticket_index: IdMap::default(),
            changes: Changes::default(),
            closed: Closed::default(),
            archived: Vec::new(),
            archived_fixtures: Vec::new(),
            archived_transfers: Vec::new(),
            retiring: BTreeSet::new(),
            transfers: Transfers::default(),
            refused: VecDeque::new(),
            delayed: BTreeSet::new(),
            ledger: Ledger::new(),
            sources: BTreeMap::new(),
            silence_due: BTreeSet::new(),
            start_due: BTreeSet::new(),
            counters: Counters::default(),
            moved: BTreeSet::new(),
            weighed_ns: i64::MIN,
            spaces: BTreeMap::new(),
            settling: Settling::default(),
            stakes: StakesOfDay::default(),
            offer_count: 0,
            windows: WindowStakes::default(),
            due: DueWork::default(),
            annulments: Annulments::default(),
            actions: Actions::default(),
            unbooked: Vec::new(),
            unpriced: BTreeSet::new(),
            untold: BTreeSet::new(),
            derived,
        })
    }

    /// The release that wrote the journal last; empty before the first.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// This configuration is in force: what it leaves to the sports' defaults is as this release has them.
    pub fn has_config(&self, config: &Config) -> bool {
        let sports = ModelConfig::from_settings(&config.sports).map(|models| models.settings());
        sports.is_ok_and(|sports| self.config == Config { sports, ..config.clone() })
    }

    /// The overrides in force.
    pub fn scopes(&self) -> &BTreeMap<Scope, ScopeSettings> {
        &self.scopes
    }

    /// The present epoch; 0 before the first start.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The time of the latest command.
    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// All fixtures that are kept, by their places: in order of announcement, but that a new one takes the first place that was
    /// freed by one that left.
    pub fn fixtures(&self) -> &Fixtures {
        &self.fixtures
    }

    /// What is set about customers, by places that stay: those after this one, with their places.
    pub fn customers_after(&self, place: u32) -> impl Iterator<Item = (u32, CustomerId, &Customer)> {
        let slots = &self.customers.slots;
        let places = place..slots.place_count() as u32;
        places.filter_map(|place| slots.get(place).map(|(id, customer)| (place + 1, *id, customer)))
    }

    /// A fixture by its id.
    pub fn fixture(&self, id: FixtureId) -> Option<&Fixture> {
        self.fixture_index.get(&id).map(|&index| &self.fixtures[index as usize])
    }

    /// A space that was defined as data.
    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.get(&id)
    }

    /// All tickets that are kept, by their places: in order of submission, but that a new one takes the first place that was
    /// freed by one that left.
    pub fn tickets(&self) -> &Slots<Ticket, TICKETS_PER_PAGE> {
        &self.tickets
    }

    /// A ticket by its id.
    pub fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        self.ticket_index.get(&id).map(|&index| &self.tickets[index as usize])
    }

    /// Tickets that wait out their delay, for a trader or for the answer to an offer, the first due first.
    pub fn waiting(&self) -> impl Iterator<Item = &Ticket> {
        self.delayed.iter().map(|&(_, index)| &self.tickets[index as usize])
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Competitions of the fixtures that are kept.
    pub fn competitions(&self) -> &Competitions {
        &self.competitions
    }

    /// A fixture is fed by this source.
    pub fn feeds_something(&self, source: &str) -> bool {
        self.derived.fed.contains_key(source)
    }

    /// What is known of each source, by its name.
    pub fn sources(&self) -> &BTreeMap<String, Source> {
        &self.sources
    }

    /// Counts since the journal began.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What a customer may withdraw or stake.
    pub fn available_minor(&self, customer: CustomerId) -> i64 {
        self.ledger.balance_of(AccountKind::CustomerCash(customer), self.config.currency).available_minor
    }

    /// What is reserved by tickets that wait out their bet delay.
    pub fn reserved_minor(&self, customer: CustomerId) -> i64 {
        self.ledger.balance_of(AccountKind::CustomerCash(customer), self.config.currency).pending_debit_minor
    }

    /// The limits in force beyond a fixture.
    pub fn limits(&self) -> Limits<'_> {
        Limits { state: self }
    }

    /// A [`oddsengine_facts::Body::Tick`] at this time would do something, with the feeds read up to `read_ns`.
    pub fn needs_tick(&self, now_ns: i64, read_ns: i64) -> bool {
        let now_ns = now_ns.max(self.now_ns);
        self.next_due_ns().is_some_and(|due_ns| due_ns <= read_ns.min(now_ns))
            || self.has_due_work()
            || self.actions.next_expiry_ns().is_some_and(|expires_ns| expires_ns <= now_ns)
            || self.watch_is_due(now_ns)
            || self.weighs_accumulators(now_ns)
            || self.begins_day(now_ns)
            || self.archiving_is_due(now_ns)
    }

    /// Tickets are decided and not yet settled: the next [`oddsengine_facts::Body::Tick`] settles more of them.
    pub fn has_unsettled(&self) -> bool {
        !self.settling.regraded().is_empty() || !self.due.settling.is_empty()
    }

    /// Work of which a record holds a slice only is not done: settlements, a pass over accumulators, fixtures to be stopped, or
    /// tickets on their way to the archive.
    pub fn has_due_work(&self) -> bool {
        self.has_unsettled()
            || !self.annulments.under_way.is_empty()
            || !self.due.weighing.is_empty()
            || self.derived.has_more_overdue
            || self.archiving_is_due(self.now_ns)
    }

    /// Accumulators are to be weighed at the present time, or a pass over them is going on.
    pub fn weighs_accumulators_now(&self) -> bool {
        self.weighs_accumulators(self.now_ns)
    }

    /// The version of a fixture's board.
    pub fn version(&self, fixture: &Fixture) -> OddsVersion {
        OddsVersion { epoch: self.epoch, seq: fixture.version + self.counters.settings_count }
    }

    /// When the next bet delay or settlement delay ends.
    pub fn next_due_ns(&self) -> Option<i64> {
        let delay_ends_ns = self.delayed.first().map(|&(due_ns, _)| due_ns);
        delay_ends_ns.into_iter().chain(self.settling.next_due_ns()).min()
    }

    /// Sum of all fixtures' worst-case losses: what counts against the platform's limit.
    pub fn platform_loss_minor(&self) -> i64 {
        self.derived.platform_loss_minor
    }

    /// Sum of a sport's fixtures' worst-case losses.
    pub fn sport_loss_minor(&self, sport: SportId) -> i64 {
        self.derived.sport_loss_minor.get(&sport).copied().unwrap_or(0)
    }

    pub(crate) fn index_of(&self, id: FixtureId) -> Option<usize> {
        self.fixture_index.get(&id).map(|&index| index as usize)
    }
}

/// The limits in force on competitions and sports.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    state: &'a State,
}

impl Limits<'_> {
    /// Largest sum of losses of a competition's fixtures.
    pub fn competition_minor(&self, name: &str) -> i64 {
        // Asked for every leg: most books have no override, and need no key.
        let scopes = &self.state.scopes;
        let own = if scopes.is_empty() { None } else { scopes.get(&Scope::Competition(name.to_string())) };
        own.and_then(|own| own.loss_minor_max).unwrap_or(self.state.config.competition_loss_minor_max)
    }

    /// Largest sum of losses of a sport's fixtures.
    pub fn sport_minor(&self, sport: SportId) -> i64 {
        let own = self.state.scopes.get(&Scope::Sport(sport));
        own.and_then(|own| own.loss_minor_max).unwrap_or(self.state.config.sport_loss_minor_max)
    }
}

impl Derived {
    pub fn new(config: &Config) -> Result<Self, BoundsError> {
        Ok(Self {
            models: Models::new(&ModelConfig::from_settings(&config.sports)?)?,
            sport_loss_minor: BTreeMap::new(),
            platform_loss_minor: 0,
            limit_violation: None,
            suspects: BTreeSet::new(),
            inheriting: Inheriting::default(),
            in_play: BTreeSet::new(),
            has_more_overdue: false,
            unheard: BTreeMap::new(),
            fed: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            offer: BoardOffers::default(),
        })
    }
}
