//! What is void or withdrawn of many tickets at once, results with their certainty, reviews, and what waits for a second
//! person.

use oddsengine_markets::MarketId;
use oddsengine_types::{CustomerId, FixtureId, Grade, codec_enum, codec_struct};

use crate::command::{Body, Origin};

/// Most annulments that are known: of each further one the oldest that is done becomes final, and cannot be taken back.
pub const ANNULMENTS_MAX: usize = 1_024;
/// Most actions that wait for a second person.
pub const PENDING_ACTIONS_MAX: usize = 256;
/// Longest reason in words of an annulment or a review, in bytes.
pub const WHY_BYTES_MAX: usize = 256;

/// What becomes of what an annulment covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnnulmentEffect {
    /// The legs are void: tickets are settled without them.
    #[default]
    VoidLegs,
    /// The tickets are withdrawn: the whole stake goes back, whatever was paid is reversed.
    CancelTickets,
}
codec_enum!(AnnulmentEffect { 0 = VoidLegs, 1 = CancelTickets });

impl AnnulmentEffect {
    /// All effects.
    pub const ALL: [Self; 2] = [Self::VoidLegs, Self::CancelTickets];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::VoidLegs => "void",
            Self::CancelTickets => "cancel",
        }
    }
}

/// Which tickets: those of which all that is given holds. Something must be given beside the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnulmentRequest {
    /// Chosen by the sender; the same id with the same body is carried out once.
    pub annulment: u128,
    /// What becomes of them.
    pub effect: AnnulmentEffect,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// With a leg on this fixture.
    pub fixture: Option<FixtureId>,
    /// With a leg on this market of the fixture.
    pub market: Option<MarketId>,
    /// Accepted at this time or later.
    pub from_ns: Option<i64>,
    /// Accepted before this time; absent: until now.
    pub until_ns: Option<i64>,
    /// Why, in words.
    pub why: String,
}
codec_struct!(AnnulmentRequest { annulment, effect, customer, fixture, market, from_ns, until_ns, why });

impl AnnulmentRequest {
    /// A ticket that was accepted then, by this customer, with a leg on this market of this fixture, is covered by that leg.
    pub fn covers(
        &self,
        customer: CustomerId,
        fixture: FixtureId,
        market: MarketId,
        accepted_ns: i64,
    ) -> bool {
        self.customer.is_none_or(|of| of == customer)
            && self.fixture.is_none_or(|of| of == fixture)
            && self.market.is_none_or(|of| of == market)
            && self.from_ns.is_none_or(|from_ns| from_ns <= accepted_ns)
            && self.until_ns.is_none_or(|until_ns| accepted_ns < until_ns)
    }
}

/// An annulment that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annulment {
    /// What was asked, with the time until which it reaches.
    pub request: AnnulmentRequest,
    /// The time until which it reaches was given, and is not that of the order.
    pub is_until_given: bool,
    /// When it was ordered.
    pub ordered_ns: i64,
    /// Tickets that it changed so far, each time that it did.
    pub changed_count: u64,
    /// It was taken back.
    pub is_taken_back: bool,
}
codec_struct!(Annulment { request, is_until_given, ordered_ns, changed_count, is_taken_back });

/// What stands on a ticket beside the grades of its selections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketMarks {
    /// Per leg the number of the annulment by which it is void, 0 for none; empty where none is.
    pub void_by: Vec<u32>,
    /// The number of the annulment by which it is cancelled; 0 for none.
    pub cancelled_by: u32,
    /// How often it came back after it was cancelled.
    pub reinstated_count: u32,
    /// Legs whose grade stands, whatever is told of their selections: bit `n` for leg `n`.
    pub standing_legs: u64,
}
codec_struct!(TicketMarks { void_by, cancelled_by, reinstated_count, standing_legs });

impl TicketMarks {
    /// A leg is void by an annulment.
    pub fn is_void(&self, leg: usize) -> bool {
        self.void_by.get(leg).is_some_and(|&by| by != 0)
    }

    /// The grade of a leg stands, whatever is told of its selection.
    pub fn stands(&self, leg: usize) -> bool {
        leg < 64 && self.standing_legs >> leg & 1 == 1
    }
}

/// How sure a result is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certainty {
    /// It is paid.
    #[default]
    Confirmed,
    /// It grades, and is paid once it is confirmed, or after the time that is configured.
    Provisional,
}
codec_enum!(Certainty { 0 = Confirmed, 1 = Provisional });

impl Certainty {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Confirmed, Self::Provisional];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Provisional => "provisional",
        }
    }
}

/// How a market ended, as a feed or a trader tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultTold {
    /// The fixture.
    pub fixture: FixtureId,
    /// The market.
    pub market: MarketId,
    /// A grade per selection, in which void and dead-heat factors are contained.
    pub grades: Vec<Grade>,
    /// How sure that is.
    pub certainty: Certainty,
    /// When the event happened that decides it, by the official clock; 0 if that is not told. Bets accepted later are reported.
    pub happened_ns: i64,
    /// It corrects a result that stood: what was settled by that follows the rule on corrections.
    pub is_correction: bool,
}

codec_struct!(ResultTold { fixture, market, grades, certainty, happened_ns, is_correction });

/// A command that waits for a second person.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingAction {
    /// Its number, from 1 without gaps.
    pub number: u32,
    /// Who asked for it first.
    pub origin: Origin,
    /// What is asked.
    pub body: Box<Body>,
    /// When it was asked.
    pub asked_ns: i64,
    /// When it is dropped; none for never.
    pub expires_ns: Option<i64>,
    /// Tickets that it would touch, as far as they were counted.
    pub ticket_count: u64,
    /// The money that it would move, as far as it was summed.
    pub money_minor: i64,
}
codec_struct!(PendingAction { number, origin, body, asked_ns, expires_ns, ticket_count, money_minor });

/// What became of an action that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionEnd {
    /// A second person approved it.
    Approved,
    /// Somebody declined it.
    Declined,
    /// Nobody did in time.
    Expired,
}
codec_enum!(ActionEnd { 0 = Approved, 1 = Declined, 2 = Expired });

/// What the house does where a result is corrected after it was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorrectionRule {
    /// Tickets are settled anew, and the difference is posted.
    #[default]
    Resettle,
    /// What was settled stands.
    Stand,
    /// What was settled stands, and who would have got more is given the difference out of goodwill.
    Goodwill,
    /// Settled anew within so many milliseconds after they were settled; later what was settled stands.
    Within(i64),
}
codec_enum!(CorrectionRule { 0 = Resettle, 1 = Stand, 2 = Goodwill, 3 = Within(window_ms) });

impl CorrectionRule {
    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resettle => "resettle",
            Self::Stand => "stand",
            Self::Goodwill => "goodwill",
            Self::Within(_) => "within",
        }
    }
}

/// The rules of the house of one version: a ticket is settled by those that it was struck under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HouseRules {
    /// The version, from 1.
    pub version: u16,
    /// What is done where a result is corrected.
    pub correction: CorrectionRule,
}
codec_struct!(HouseRules { version, correction });

/// Most versions of the rules of the house.
pub const HOUSE_RULES_MAX: usize = 64;
