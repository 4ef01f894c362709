//! Commands: everything that may change the state, as the journal keeps it.
//!
//! Adding a variant appends a tag; tags and field orders never change their meaning.

use oddsengine_markets::{Format, Incident, MarketId, ModelFault, SelectionId, SpaceDefinition};
use oddsengine_types::{
    Currency, CustomerId, Encode, FixtureId, Grade, SportId, TicketId, TransferId, codec_enum, codec_struct,
};

use crate::acceptance::{CustomerTerms, OwnLimitKind, Period, Ruling, Standing, SwitchScope, Wishes};
use crate::annulment::{AnnulmentRequest, ResultTold};
use crate::config::{Config, Scope, ScopeSettings};
use crate::market::ExpectationMode;
use crate::plan::PlanRequest;
use crate::stops::StopSet;
use crate::ticket::Ticket;
use crate::whole::{BookedTransfer, WholeFixture};

/// One command: when it was received, who sent it, what it asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// When the runtime received it; never goes back from one command to the next.
    pub time_ns: i64,
    /// Who sent it, and the sender's own sequence number if it numbers its messages.
    pub origin: Origin,
    /// What it asks.
    pub body: Body,
}
codec_struct!(Command { time_ns, origin, body });

/// The sender of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// A feed, a desk, a service: `recording.wc2022`. Empty for the runtime itself.
    pub source: String,
    /// The sender's sequence number; a number that is not above the last one seen is a duplicate.
    pub seq: Option<u64>,
    /// When the source says that it happened or was sent; 0 if it does not say. Evidence only: no time is taken from it.
    pub source_ns: i64,
    /// On which way it came: what a feed says is a sign of its life, and a feed cannot take back what the desk did.
    pub channel: Channel,
    /// Who asked, as the runtime knows it; `source` is what the sender says of itself.
    pub principal: Principal,
}
codec_struct!(Origin { source, seq, source_ns, channel, principal });

/// Who asked. All empty is the runtime itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The name of the key of the connection, or of the socket where connections have none.
    pub key: String,
    /// The service behind the key; empty where it is not told.
    pub service: String,
    /// The member of staff who uses it; empty where it is not told.
    pub staff: String,
}
codec_struct!(Principal { key, service, staff });

impl Principal {
    /// Known by its key and nothing else.
    pub fn of_key(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }
}

/// The way on which a command came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// The process itself.
    #[default]
    Runtime,
    /// A feed.
    Feed,
    /// The desk, or a service of the sportsbook.
    Desk,
}
codec_enum!(Channel { 0 = Runtime, 1 = Feed, 2 = Desk });

/// What a command asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A process started; odds versions of earlier epochs are no longer known.
    EpochStarted {
        /// The new epoch, above all earlier ones.
        epoch: u32,
    },
    /// Replaces the platform configuration.
    Configure(Box<Config>),
    /// Overrides settings for a sport, competition, fixture or market.
    SetScope {
        /// Where.
        scope: Scope,
        /// What; absent fields inherit.
        settings: ScopeSettings,
    },
    /// Announces a fixture.
    AddFixture(Box<FixtureRequest>),
    /// Calibrates a fixture's model from market prices.
    SetPrices {
        /// The fixture.
        fixture: FixtureId,
        /// The prices, a market each. Which markets a model needs is the sport's.
        prices: Vec<PricedMarket>,
    },
    /// A trader moves supremacy and total; all markets follow.
    SetExpectation {
        /// The fixture.
        fixture: FixtureId,
        /// Expected home goals minus away goals of the whole match, in millionths.
        supremacy_e6: i64,
        /// Expected goals of the whole match, in millionths.
        total_e6: i64,
        /// How it stands beside what feeds say; absent: until the next prices of a feed.
        mode: Option<ExpectationMode>,
        /// Of a blend: the trader's share, in thousandths.
        weight_e3: u32,
    },
    /// Something happened on the field of play.
    Incident {
        /// The fixture.
        fixture: FixtureId,
        /// What.
        incident: Incident,
    },
    /// Stops trading of a fixture or one of its markets: a stop of the channel that asks.
    Suspend {
        /// The fixture.
        fixture: FixtureId,
        /// One market, or all.
        market: Option<MarketId>,
    },
    /// Takes back a [`Body::Suspend`] of the same channel; the desk may lift other stops as well, by name.
    Resume {
        /// The fixture.
        fixture: FixtureId,
        /// One market, or all.
        market: Option<MarketId>,
        /// Further stops of the fixture that the desk lifts; a feed's are ignored.
        lifts: StopSet,
    },
    /// A trader's price for every selection of a market; `None` returns the market to the model.
    SetManualOdds {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// Odds per selection in ten-thousandths, 0 = not offered.
        odds_e4: Option<Vec<u32>>,
        /// They stay through the start of the fixture; otherwise the market returns to the model then.
        keeps_in_play: bool,
        /// Who answers for prices that the plausibility guard would refuse; empty for nobody.
        override_by: String,
    },
    /// Keeps a market's prices where they are (`true`) or lets them follow the model again.
    LockMarket {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// Locked or not.
        locked: bool,
        /// It stays locked through the start of the fixture; otherwise the market returns to the model then.
        keeps_in_play: bool,
    },
    /// Grades of a market's selections told by a feed or a trader instead of the outcome; `None` takes it back.
    SettleMarket {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// A grade per selection.
        grades: Option<Vec<Grade>>,
    },
    /// Voids a fixture, wholly or where undecided, or takes that back.
    VoidFixture {
        /// The fixture.
        fixture: FixtureId,
        /// What is void.
        void: VoidKind,
    },
    /// Sets a customer's standing.
    SetCustomer {
        /// The customer.
        customer: CustomerId,
        /// Share of the limits open to this customer, in thousandths; 0 blocks.
        factor_e3: u32,
    },
    /// Money in.
    Deposit(MoneyRequest),
    /// Money out.
    Withdraw(MoneyRequest),
    /// A customer submits a ticket.
    PlaceTicket(Box<TicketRequest>),
    /// The operator cancels a ticket: stakes go back, whatever was paid is reversed.
    CancelTicket {
        /// The ticket.
        ticket: TicketId,
    },
    /// Time passed: bet delays end, silent feeds are noticed, accumulators are weighed.
    Tick {
        /// Everything that the feeds had delivered by this time was applied before: no bet delay that ends later is
        /// decided now. A bet decided ahead of a goal that waits unread would be sold at an old price.
        read_ns: i64,
    },
    /// Defines an outcome space with its markets as data; fixtures refer to it by name.
    DefineSpace(Box<SpaceDefinition>),
    /// Sets what a fixture's foreign model computes from; its prices wait for the probabilities that follow.
    SetModelInputs {
        /// The fixture.
        fixture: FixtureId,
        /// The model's own parameters, at most [`MODEL_INPUTS_MAX`].
        inputs: Vec<f64>,
    },
    /// What a foreign model gave: the probability of every outcome.
    SetProbabilities {
        /// The fixture.
        fixture: FixtureId,
        /// One per outcome, summing to 1.
        probabilities: Vec<f64>,
    },
    /// A foreign model gave nothing that can be used: the fixture is suspended until it does.
    ModelFailed {
        /// The fixture.
        fixture: FixtureId,
        /// Why.
        fault: ModelFault,
    },
    /// A sign of life of the source: what it feeds is as it was told last.
    Heartbeat,
    /// The desk lets a source count anew, after it was restarted or lost its place.
    ResetSource {
        /// The source.
        source: String,
    },
    /// Prices a fixture now: trading stands still while its model gives nothing.
    Reprice {
        /// The fixture.
        fixture: FixtureId,
    },
    /// A stop was seen among messages that wait to be read: trading of the fixture halts ahead of them, until the message is
    /// carried out in its order.
    Halt {
        /// The fixture.
        fixture: FixtureId,
        /// The last such message was carried out.
        ends: bool,
    },
    /// Tickets come back from the archive, as they were archived: one is asked for again, or a fixture of theirs is graded
    /// otherwise. Those that are there already stay as they are.
    RecallTickets {
        /// The tickets, at most [`ARCHIVED_PER_RECORD_MAX`].
        tickets: Vec<Ticket>,
    },
    /// Fixtures come back from the archive, as they were archived: one is spoken of or asked for again, or a ticket on it comes
    /// back. Those that are there already stay as they are.
    RecallFixtures {
        /// The fixtures, at most [`FIXTURES_PER_RECORD_MAX`].
        fixtures: Vec<WholeFixture>,
    },
    /// The id of a deposit or a withdrawal comes back from the archive: it is used again.
    RecallMoney {
        /// What was booked under it.
        transfer: BookedTransfer,
    },
    /// Turns a switch off, or on again: no bets are taken where one is off.
    SetSwitch {
        /// What it stops.
        scope: SwitchScope,
        /// Off.
        is_off: bool,
        /// Why.
        reason: String,
    },
    /// The operator says how a customer stands.
    SetStanding {
        /// The customer.
        customer: CustomerId,
        /// How.
        standing: Standing,
        /// Why.
        reason: String,
    },
    /// How the bets of a customer are looked at.
    SetCustomerTerms {
        /// The customer.
        customer: CustomerId,
        /// All of it.
        terms: CustomerTerms,
    },
    /// A customer limits themselves: a lower limit holds at once, a higher one waits and is to be confirmed.
    SetOwnLimit {
        /// The customer.
        customer: CustomerId,
        /// What is limited.
        kind: OwnLimitKind,
        /// In which time.
        period: Period,
        /// The limit; absent for none.
        limit_minor: Option<i64>,
    },
    /// A customer confirms a higher limit after its time.
    ConfirmOwnLimit {
        /// The customer.
        customer: CustomerId,
        /// What is limited.
        kind: OwnLimitKind,
        /// In which time.
        period: Period,
    },
    /// A customer takes or declines what was offered instead of what they asked.
    AnswerOffer {
        /// The ticket.
        ticket: TicketId,
        /// Whose.
        customer: CustomerId,
        /// They take it.
        takes: bool,
    },
    /// A trader decides a referred bet.
    RuleReferral {
        /// The ticket.
        ticket: TicketId,
        /// What they say.
        ruling: Ruling,
    },
    /// A release starts to write this journal, with this configuration.
    ReleaseStarted {
        /// Its version.
        release: String,
        /// The configuration that it starts with.
        config: Box<Config>,
    },
    /// Voids or withdraws many tickets at once: of a market, of a customer, of a time.
    Annul(Box<AnnulmentRequest>),
    /// Takes an annulment back: what it took comes back, and is settled as if it had never been.
    TakeBackAnnulment {
        /// Its id.
        annulment: u128,
    },
    /// A fixture or one of its markets is under review: nothing on it is paid until that is lifted.
    SetReview {
        /// The fixture.
        fixture: FixtureId,
        /// One market, or all.
        market: Option<MarketId>,
        /// Why; none lifts it.
        why: Option<String>,
    },
    /// A second person approves an action that waits.
    Approve {
        /// Its number.
        action: u32,
    },
    /// An action that waits is dropped.
    Decline {
        /// Its number.
        action: u32,
    },
    /// How a market ended, with how sure that is.
    TellResult(Box<ResultTold>),
}
codec_enum!(Body {
    0 = EpochStarted { epoch },
    1 = Configure(config),
    2 = SetScope { scope, settings },
    3 = AddFixture(request),
    4 = SetPrices { fixture, prices },
    5 = SetExpectation { fixture, supremacy_e6, total_e6, mode, weight_e3 },
    6 = Incident { fixture, incident },
    7 = Suspend { fixture, market },
    8 = Resume { fixture, market, lifts },
    9 = SetManualOdds { fixture, market, odds_e4, keeps_in_play, override_by },
    10 = LockMarket { fixture, market, locked, keeps_in_play },
    11 = SettleMarket { fixture, market, grades },
    12 = VoidFixture { fixture, void },
    13 = SetCustomer { customer, factor_e3 },
    14 = Deposit(request),
    15 = Withdraw(request),
    16 = PlaceTicket(request),
    17 = CancelTicket { ticket },
    18 = Tick { read_ns },
    19 = DefineSpace(definition),
    20 = SetModelInputs { fixture, inputs },
    21 = SetProbabilities { fixture, probabilities },
    22 = ModelFailed { fixture, fault },
    23 = Heartbeat,
    24 = ResetSource { source },
    25 = Reprice { fixture },
    26 = ReleaseStarted { release, config },
    27 = Halt { fixture, ends },
    28 = RecallTickets { tickets },
    29 = RecallFixtures { fixtures },
    30 = RecallMoney { transfer },
    35 = SetSwitch { scope, is_off, reason },
    36 = SetStanding { customer, standing, reason },
    37 = SetCustomerTerms { customer, terms },
    38 = SetOwnLimit { customer, kind, period, limit_minor },
    39 = ConfirmOwnLimit { customer, kind, period },
    40 = AnswerOffer { ticket, customer, takes },
    41 = RuleReferral { ticket, ruling },
    45 = Annul(request),
    46 = TakeBackAnnulment { annulment },
    47 = SetReview { fixture, market, why },
    48 = Approve { action },
    49 = Decline { action },
    50 = TellResult(result),
});

impl Body {
    /// Its name on the wire, an incident's own, where it is what led to something.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::EpochStarted { .. } => "start",
            Self::Configure(_) => "configure",
            Self::SetScope { .. } => "set_scope",
            Self::AddFixture(_) => "fixture",
            Self::SetPrices { .. } => "prices",
            Self::SetExpectation { .. } => "set_expectation",
            Self::Incident { incident, .. } => incident.name(),
            Self::Suspend { .. } => "suspend",
            Self::Resume { .. } => "resume",
            Self::SetManualOdds { .. } => "manual_odds",
            Self::LockMarket { .. } => "lock_market",
            Self::SettleMarket { .. } => "settle_market",
            Self::VoidFixture { void: VoidKind::Everything, .. } => "void_fixture",
            Self::VoidFixture { void: VoidKind::Undecided, .. } => "abandon_fixture",
            Self::VoidFixture { void: VoidKind::Nothing, .. } => "reinstate_fixture",
            Self::SetCustomer { .. } => "set_customer",
            Self::Deposit(_) => "deposit",
            Self::Withdraw(_) => "withdraw",
            Self::PlaceTicket(_) => "place_ticket",
            Self::CancelTicket { .. } => "cancel_ticket",
            Self::Tick { .. } => "tick",
            Self::Heartbeat => "heartbeat",
            Self::ResetSource { .. } => "reset_source",
            Self::DefineSpace(_) => "define_space",
            Self::SetModelInputs { .. } => "model_inputs",
            Self::SetProbabilities { .. } => "probabilities",
            Self::ModelFailed { fault, .. } => fault.name(),
            Self::Reprice { .. } => "reprice",
            Self::Halt { .. } => "halt",
            Self::RecallTickets { .. } | Self::RecallFixtures { .. } | Self::RecallMoney { .. } => "recall",
            Self::ReleaseStarted { .. } => "release",
            Self::SetSwitch { .. } => "set_switch",
            Self::SetStanding { .. } => "set_standing",
            Self::SetCustomerTerms { .. } => "set_customer_terms",
            Self::SetOwnLimit { .. } => "set_own_limit",
            Self::ConfirmOwnLimit { .. } => "confirm_own_limit",
            Self::AnswerOffer { .. } => "answer_offer",
            Self::RuleReferral { .. } => "rule_referral",
            Self::Annul(_) => "annul",
            Self::TakeBackAnnulment { .. } => "take_back_annulment",
            Self::SetReview { .. } => "set_review",
            Self::Approve { .. } => "approve",
            Self::Decline { .. } => "decline",
            Self::TellResult(_) => "settle_market",
        }
    }

    /// The fixture that it is about, whoever says it.
    pub fn subject(&self) -> Option<FixtureId> {
        match self {
            Self::SetExpectation { fixture, .. }
            | Self::SetManualOdds { fixture, .. }
            | Self::LockMarket { fixture, .. }
            | Self::ModelFailed { fixture, .. }
            | Self::Halt { fixture, .. }
            | Self::Reprice { fixture } => Some(*fixture),
            body => body.fixture(),
        }
    }

    /// Fixtures that have to be there for it to be judged.
    pub fn named_fixtures(&self) -> impl Iterator<Item = FixtureId> {
        let of_ticket: &[LegRequest] = match self {
            Self::PlaceTicket(request) => &request.legs,
            _ => &[],
        };
        let of_scope = match self {
            Self::SetScope { scope: Scope::Fixture(fixture) | Scope::Market(fixture, _), .. }
            | Self::SetSwitch {
                scope: SwitchScope::Of(Scope::Fixture(fixture) | Scope::Market(fixture, _)),
                ..
            } => Some(*fixture),
            _ => None,
        };
        self.subject().into_iter().chain(of_scope).chain(of_ticket.iter().map(|leg| leg.fixture))
    }

    /// The fixture that a feed speaks of.
    pub fn fixture(&self) -> Option<FixtureId> {
        match self {
            Self::AddFixture(request) => Some(request.fixture),
            Self::Annul(request) => request.fixture,
            Self::TellResult(result) => Some(result.fixture),
            Self::SetPrices { fixture, .. }
            | Self::Incident { fixture, .. }
            | Self::Suspend { fixture, .. }
            | Self::Resume { fixture, .. }
            | Self::SettleMarket { fixture, .. }
            | Self::VoidFixture { fixture, .. }
            | Self::SetReview { fixture, .. }
            | Self::SetModelInputs { fixture, .. }
            | Self::SetProbabilities { fixture, .. } => Some(*fixture),
            _ => None,
        }
    }
}

/// Most tickets refused at once that are kept, so that a repeat gets the same answer. What was refused longer ago is
/// judged anew when it is sent again.
pub const REFUSED_TICKETS_MAX: usize = 100_000;
/// Most tickets that one record takes to the archive or brings back from it.
pub const ARCHIVED_PER_RECORD_MAX: usize = 512;
/// Most fixtures that one record takes to the archive or brings back from it.
pub const FIXTURES_PER_RECORD_MAX: usize = 8;
/// Most scopes of a fixture and its markets that go to the archive with it; one with more stays.
pub const SCOPES_ARCHIVED_MAX: usize = 1_024;
/// Most sources that are remembered. For a further one those that feed nothing are forgotten,
/// the longest silent half of them; where all feed something its message is refused.
pub const SOURCES_MAX: usize = 1_024;
/// Furthest that a source may jump ahead in its numbers; beyond that a message is refused, or it would mute the source.
pub const SEQ_JUMP_MAX: u64 = 1_000_000;
/// Most spaces that are defined as data: they are kept for good.
pub const SPACES_MAX: usize = 1_024;
/// Most scopes with settings of their own. Settings that set nothing free their place.
pub const SCOPES_MAX: usize = 65_536;
/// Most customers with a factor of their own: they are kept for good.
pub const CUSTOMERS_SET_MAX: usize = 1_000_000;
/// Most parameters of a foreign model.
pub const MODEL_INPUTS_MAX: usize = 256;
/// Most markets of one [`Body::SetPrices`].
pub const PRICED_MARKETS_MAX: usize = 64;

/// The prices of one market to calibrate from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedMarket {
    /// The market.
    pub market: MarketId,
    /// Odds per selection in ten-thousandths, 0 where there is none.
    pub odds_e4: Vec<u32>,
}
codec_struct!(PricedMarket { market, odds_e4 });

/// What of a fixture is void.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VoidKind {
    /// Nothing: the outcome decides.
    #[default]
    Nothing,
    /// Every selection: the fixture did not take place.
    Everything,
    /// Selections that were not decided when it was abandoned; decided ones stand.
    Undecided,
}
codec_enum!(VoidKind { 0 = Nothing, 1 = Everything, 2 = Undecided });

/// A fixture as a feed announces it. Names are for display; the engine trades on ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureRequest {
    /// The fixture.
    pub fixture: FixtureId,
    /// The sport, and what of its rules the markets depend on.
    pub format: Format,
    /// The competition's name, part of the odds topic.
    pub competition: String,
    /// Scheduled start.
    pub start_ns: i64,
    /// The side named first.
    pub home: String,
    /// The side named second; empty in a race.
    pub away: String,
    /// Runners or players by number, where the format has them.
    pub entrants: Vec<String>,
}
codec_struct!(FixtureRequest { fixture, format, competition, start_ns, home, away, entrants });

impl FixtureRequest {
    /// The sport.
    pub fn sport(&self) -> SportId {
        self.format.sport()
    }
}

/// A deposit or withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyRequest {
    /// Chosen by the sender; the same id with the same body is booked once.
    pub transfer: TransferId,
    /// Whose money.
    pub customer: CustomerId,
    /// How much, above 0.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: Currency,
}
codec_struct!(MoneyRequest { transfer, customer, amount_minor, currency });

/// A ticket as a customer submits it: one bet on one leg, or an accumulator on several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// Chosen by the client; the same id with the same body gets the first answer again.
    pub ticket: TicketId,
    /// Who bets.
    pub customer: CustomerId,
    /// Currency of the stake.
    pub currency: Currency,
    /// Stake of the ticket.
    pub stake_minor: i64,
    /// What may happen when the odds have moved.
    pub odds_change: OddsChange,
    /// The legs; no two that stand in one line are on the same fixture.
    pub legs: Vec<LegRequest>,
    /// How its bets follow from its legs; none for one bet on all of them.
    pub plan: Option<Box<PlanRequest>>,
    /// What the customer allows where it cannot be taken as asked.
    pub wishes: Wishes,
}

codec_struct!(TicketRequest { ticket, customer, currency, stake_minor, odds_change, legs, plan, wishes });

impl TicketRequest {
    /// What tells a repeat from a conflict. Without a plan and wishes it is what was hashed before there were any.
    pub fn encode_body(&self, out: &mut Vec<u8>) {
        let Self { ticket, customer, currency, stake_minor, odds_change, legs, plan, wishes } = self;
        ticket.encode(out);
        customer.encode(out);
        currency.encode(out);
        stake_minor.encode(out);
        odds_change.encode(out);
        legs.encode(out);
        if let Some(plan) = plan {
            plan.encode(out);
        }
        if *wishes != Wishes::default() {
            wishes.encode(out);
        }
    }
}

/// One leg as submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegRequest {
    /// The fixture.
    pub fixture: FixtureId,
    /// The selection.
    pub selection: SelectionId,
    /// The odds that the customer saw, in ten-thousandths.
    pub odds_e4: u32,
    /// The version of the board on which the customer saw them.
    pub version: OddsVersion,
}
codec_struct!(LegRequest { fixture, selection, odds_e4, version });

/// The version of a fixture's board: known only within its epoch, and only once published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OddsVersion {
    /// The process start that published it.
    pub epoch: u32,
    /// The fixture's version, from 1.
    pub seq: u64,
}
codec_struct!(OddsVersion { epoch, seq });

/// What a customer accepts when the odds have moved since they were shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OddsChange {
    /// Nothing but the odds shown.
    #[default]
    None,
    /// Higher odds.
    Higher,
    /// Any odds.
    Any,
    /// Higher odds, and lower ones by at most so many hundredths of a percent of the odds shown.
    Within(u32),
}
codec_enum!(OddsChange { 0 = None, 1 = Higher, 2 = Any, 3 = Within(hundredths_of_percent) });
