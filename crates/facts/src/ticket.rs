//! Tickets: what was asked, what was decided on which evidence, what was paid.

use oddsengine_markets::SelectionId;
use oddsengine_types::bets::Bet;
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, codec_enum, codec_struct};

use crate::acceptance::{Handling, Offer, Referral, WindowName, Wishes};
use crate::annulment::TicketMarks;
use crate::command::{OddsChange, OddsVersion};
use crate::status::{Reason, TicketState};

/// A ticket and the evidence of every decision on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Chosen by the client.
    pub id: TicketId,
    /// Who bets.
    pub customer: CustomerId,
    /// Under which terms.
    pub terms: Terms,
    /// Stake of the ticket.
    pub stake_minor: i64,
    /// What may happen when the odds have moved.
    pub odds_change: OddsChange,
    /// Where it stands.
    pub state: TicketState,
    /// The legs, in the order submitted.
    pub legs: Vec<Leg>,
    /// Payout if every leg wins at the accepted odds.
    pub payout_minor_max: i64,
    /// What has been paid, stake included; 0 while open.
    pub paid_minor: i64,
    /// When it was received.
    pub received_ns: i64,
    /// When it was accepted or refused; 0 while delayed.
    pub decided_ns: i64,
    /// When the bet delay ends; 0 if there is none.
    pub due_ns: i64,
    /// Times it was settled; above 1 after a resettlement.
    pub settlement_count: u32,
    /// Every limit checked, with its value.
    pub checks: Vec<LimitCheck>,
    /// Hash of the request, to tell a repeat from a conflict.
    pub request_hash: u64,
    /// The last change of it that was told.
    pub change: TicketChange,
    /// When it was last settled, cancelled or refused, came back from the archive, or was due to go there and could not; 0
    /// while it is open or delayed.
    pub closed_ns: i64,
    /// How it was dealt with, where it was not simply taken or refused.
    pub handling: Option<Box<Handling>>,
    /// What stands on it beside the grades of its selections.
    pub marks: TicketMarks,
}
codec_struct!(Ticket {
    id,
    customer,
    terms,
    stake_minor,
    odds_change,
    state,
    legs,
    payout_minor_max,
    paid_minor,
    received_ns,
    decided_ns,
    due_ns,
    settlement_count,
    checks,
    request_hash,
    change,
    closed_ns,
    handling,
    marks,
});

/// A change of a ticket that was told: a decision or a settlement. Changes of all tickets are numbered together, so
/// that "what changed since" has an answer, the same live and after a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketChange {
    /// Its number, from 1 without gaps over all tickets; 0 before the first.
    pub seq: u64,
    /// The number of the ticket's change before it, 0 if there was none.
    pub seq_before: u64,
    /// The change before it was a settlement too.
    pub was_settlement: bool,
    /// What was paid before it.
    pub paid_minor_before: i64,
}
codec_struct!(TicketChange { seq, seq_before, was_settlement, paid_minor_before });

impl TicketChange {
    /// What was paid before, for whoever knows all changes up to `since`; none if several settlements followed.
    pub fn paid_minor_since(&self, since: u64) -> Option<i64> {
        (!self.was_settlement || self.seq_before <= since).then_some(self.paid_minor_before)
    }
}

impl Ticket {
    /// The reason, if it was refused, or not taken as asked.
    pub fn reason(&self) -> Option<Reason> {
        match self.state {
            TicketState::Refused(reason) | TicketState::Reoffered(reason) => Some(reason),
            _ => None,
        }
    }

    /// The largest stake that the limits allowed, and the limit that bound it: what a max-stake query answers.
    pub fn binding(&self) -> Option<&LimitCheck> {
        self.checks.iter().min_by_key(|check| check.stake_minor_max)
    }

    /// Why a stake would be refused: the first reason in order of precedence of the limits that are too small for it.
    pub fn refusal_of(&self, stake_minor: i64) -> Option<Reason> {
        let too_small = self.checks.iter().filter(|check| stake_minor > check.stake_minor_max);
        too_small.map(|check| check.level.reason()).min()
    }

    /// Its last change was a settlement, a resettlement, a reopening or a cancellation, and not a decision.
    pub fn is_settlement(&self) -> bool {
        self.settlement_count > 0 || self.state == TicketState::Cancelled
    }

    /// It was refused when it was submitted: no money was ever reserved for it.
    pub fn is_refused_at_once(&self) -> bool {
        matches!(self.state, TicketState::Refused(_)) && self.due_ns == 0
    }

    /// It takes part in liability: open, or its stake reserved during the delay.
    pub fn is_live(&self) -> bool {
        self.state == TicketState::Open || self.state.is_waiting()
    }

    /// What is offered instead of what was asked, if it was not taken yet.
    pub fn offer(&self) -> Option<&Offer> {
        self.handling.as_ref()?.offer.as_ref()
    }

    /// What a trader was asked.
    pub fn referral(&self) -> Option<&Referral> {
        self.handling.as_ref()?.referral.as_ref()
    }

    /// What the customer allows where it cannot be taken as asked.
    pub fn wishes(&self) -> Wishes {
        self.handling.as_ref().map_or(Wishes::default(), |handling| handling.wishes)
    }
}

/// Where a fixture and a selection of it are in the state of this process. Positions change from release to release, names
/// do not: a place is found anew whenever a leg is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index of the fixture in the engine.
    pub fixture: u32,
    /// Index of the selection in the template.
    pub selection: u16,
}

impl oddsengine_types::Encode for Place {
    fn encode(&self, _: &mut Vec<u8>) {}
}

impl oddsengine_types::Decode for Place {
    fn decode(_: &mut oddsengine_types::Reader<'_>) -> Result<Self, oddsengine_types::DecodeError> {
        Ok(Self::default())
    }
}

/// How the bets of a ticket follow from its legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// One bet on one leg.
    #[default]
    Single,
    /// One bet on all legs.
    Multiple,
    /// The bets that [`Terms::bets`] lists.
    System,
    /// The same, with each-way bets among them: each is two bets, to win and for places.
    EachWay,
}
codec_enum!(Plan { 0 = Single, 1 = Multiple, 2 = System, 3 = EachWay });

impl Plan {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multiple => "multiple",
            Self::System => "system",
            Self::EachWay => "each_way",
        }
    }
}

/// Under which terms a ticket was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Currency of stake and payment.
    pub currency: Currency,
    /// How its bets follow from its legs.
    pub plan: Plan,
    /// What of the stake came from a bonus.
    pub bonus_minor: i64,
    /// What of the stake is a free bet: it is not returned.
    pub free_minor: i64,
    /// The house rules by which it is settled, by their version.
    pub rules: u16,
    /// The jurisdiction under which it was taken; 0 for the only one.
    pub jurisdiction: u16,
    /// Its bets; none where it is one bet on all legs.
    pub bets: Vec<Bet>,
}
impl Terms {
    /// The terms at present: one currency, cash, one set of rules.
    pub fn of(currency: Currency, leg_count: usize) -> Self {
        let plan = if leg_count == 1 { Plan::Single } else { Plan::Multiple };
        Self { currency, plan, bonus_minor: 0, free_minor: 0, rules: 1, jurisdiction: 0, bets: Vec::new() }
    }
}

codec_struct!(Terms { currency, plan, bonus_minor, free_minor, rules, jurisdiction, bets });

/// One leg: the price evidence, and the grade once decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// The fixture.
    pub fixture: FixtureId,
    /// The selection.
    pub selection: SelectionId,
    /// Where both are in this process: never written.
    pub place: Place,
    /// Odds that the customer saw.
    pub requested_odds_e4: u32,
    /// Odds offered at the decision.
    pub offered_odds_e4: u32,
    /// Odds of the bet; 0 if it was refused.
    pub odds_e4: u32,
    /// Fair probability of the selection at the decision, refunds set aside, in billionths.
    pub fair_probability_e9: u32,
    /// The version that the customer quoted.
    pub quoted_version: OddsVersion,
    /// The version at the decision.
    pub version: OddsVersion,
    /// Score at the decision.
    pub score: (u16, u16),
    /// Match clock at the decision.
    pub clock_ms: i64,
    /// Times that trading of its market had been interrupted when it was submitted.
    pub interruptions: u64,
    /// It is the place part of an each-way bet, which pays one part in so many of the odds; 0 where it is not.
    pub place_fraction_of: u8,
    /// Of a place part: its leg to win, by its place among the legs.
    pub place_of: u8,
    /// The grade, once decided.
    pub grade: Option<Grade>,
    /// What rides on this leg in its fixture's book at present; 0 when nothing does.
    pub unit_minor: i64,
}
codec_struct!(Leg {
    fixture,
    selection,
    place,
    requested_odds_e4,
    offered_odds_e4,
    odds_e4,
    fair_probability_e9,
    quoted_version,
    version,
    score,
    clock_ms,
    interruptions,
    place_fraction_of,
    place_of,
    grade,
    unit_minor,
});

impl Leg {
    /// What a unit of stake on it returns at a grade, as an exact fraction.
    #[inline]
    pub fn return_ratio(&self, grade: Grade) -> (u64, u64) {
        match self.place_fraction_of {
            0 => grade.return_ratio(self.odds_e4),
            of => grade.place_return_ratio(self.odds_e4, of),
        }
    }

    /// It is a leg as submitted, and not the place part of one.
    #[inline]
    pub fn is_to_win(&self) -> bool {
        self.place_fraction_of == 0
    }

    /// What a unit of stake on it returns if it wins, as a number.
    pub fn odds(&self) -> f64 {
        let odds = f64::from(self.odds_e4) / 10_000.0;
        match self.place_fraction_of {
            0 => odds,
            of => 1.0 + (odds - 1.0) / f64::from(of),
        }
    }
}

/// A limit and what it allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitCheck {
    /// Which limit.
    pub level: LimitLevel,
    /// The leg it is about, or none for the whole ticket.
    pub leg: Option<u8>,
    /// The limit.
    pub limit_minor: i64,
    /// Loss (or stake, payout) that counts against the limit before this ticket.
    pub used_minor: i64,
    /// Largest stake that it allows.
    pub stake_minor_max: i64,
    /// The stake window, where it is one.
    pub window: Option<WindowName>,
}
codec_struct!(LimitCheck { level, leg, limit_minor, used_minor, stake_minor_max, window });

/// The levels at which stakes are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitLevel {
    /// Largest payout of a ticket.
    Payout,
    /// The customer's own limit and share of the other limits.
    Customer,
    /// One market's loss.
    Market,
    /// The fixture's joint loss.
    Fixture,
    /// The competition's loss.
    Competition,
    /// The sport's loss.
    Sport,
    /// The platform's loss.
    Platform,
    /// A stake window.
    Window,
    /// The customer's own limit on stakes.
    OwnStake,
    /// The customer's own limit on losses.
    OwnLoss,
}
codec_enum!(LimitLevel {
    0 = Payout,
    1 = Customer,
    2 = Market,
    3 = Fixture,
    4 = Competition,
    5 = Sport,
    6 = Platform,
    7 = Window,
    8 = OwnStake,
    9 = OwnLoss,
});

impl LimitLevel {
    /// All levels.
    pub const ALL: [LimitLevel; 10] = [
        Self::Payout,
        Self::Customer,
        Self::Market,
        Self::Fixture,
        Self::Competition,
        Self::Sport,
        Self::Platform,
        Self::Window,
        Self::OwnStake,
        Self::OwnLoss,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payout => "payout",
            Self::Customer => "customer",
            Self::Market => "market",
            Self::Fixture => "fixture",
            Self::Competition => "competition",
            Self::Sport => "sport",
            Self::Platform => "platform",
            Self::Window => "window",
            Self::OwnStake => "own_stake",
            Self::OwnLoss => "own_loss",
        }
    }

    /// The refusal that it leads to.
    pub fn reason(self) -> Reason {
        match self {
            Self::Payout => Reason::PayoutExceedsMaximum,
            Self::Customer => Reason::ExceedsCustomerLimit,
            Self::Market => Reason::ExceedsMarketLimit,
            Self::Fixture => Reason::ExceedsFixtureLimit,
            Self::Competition => Reason::ExceedsCompetitionLimit,
            Self::Sport => Reason::ExceedsSportLimit,
            Self::Platform => Reason::ExceedsPlatformLimit,
            Self::Window => Reason::ExceedsStakeWindow,
            Self::OwnStake => Reason::ExceedsOwnStakeLimit,
            Self::OwnLoss => Reason::ExceedsOwnLossLimit,
        }
    }
}
