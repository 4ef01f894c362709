//! Facts, and the tickets and bookings in them.

use oddsengine_markets::{Incident, ModelFault, SpaceDefinition};
use oddsengine_types::bets::Bet;
use oddsengine_types::{AccountKind, CustomerId, Grade, SportParameters};

use super::acceptance::WindowText;
use super::common::{BookingSource, Iso4217, Nothing, Stops};
use super::error::{At, Result};
use super::kind::{
    Bool, Enum, Fixed64, Id128, Message, Msg, MsgOrDefault, Opt, Packed, Rep, Sfixed64, Sint64, Text, Uint32,
    Uint64, put_one,
};
use super::tables::{enumeration, message, oneof};
use super::wire::Input;
use crate::acceptance::{
    CustomerTerms, Handling, OwnLimit, OwnLimitKind, Period, Standing, Switch, SwitchScope,
};
use crate::annulment::{ActionEnd, AnnulmentRequest, PendingAction, TicketMarks};
use crate::command::{
    Body, Command, FixtureRequest, MoneyRequest, OddsChange, OddsVersion, Origin, VoidKind,
};
use crate::config::{Config, Scope, ScopeSettings};
use crate::fact::{Booking, BookingId, BookingKind, Fact, GradedLeg, GradedSelection, Weight};
use crate::market::{Expectation, ExpectationMode, MarketDesk, PricedBy};
use crate::record::Record;
use crate::status::{Reason, TicketState};
use crate::stops::MarketStops;
use crate::ticket::{Leg, LimitCheck, LimitLevel, Place, Plan, Terms, Ticket, TicketChange};
use crate::whole::{BookedTransfer, WholeFixture};

message!("Record": Record { 1 command: Msg<Command>, 2 facts: Rep<Msg<Fact>> });

/// The fields of a record whose parts are held apart.
pub(super) fn put_parts(command: &Command, facts: &[Fact], out: &mut Vec<u8>) {
    put_one::<_, Msg<Command>>(1, command, out);
    facts.iter().for_each(|fact| put_one::<_, Msg<Fact>>(2, fact, out));
}

oneof!("Fact": Fact {
    1 source_heard: SourceHeard { 1 source: Text, 2 numbered: Opt<Msg<Numbered>>, 3 expected: Opt<Uint64> }
        as "Fact.SourceHeard",
    2 fixture_heard: FixtureHeard { 1 fixture: Uint64, 2 source: Opt<Text> } as "Fact.FixtureHeard",
    3 incident_taken: IncidentTaken { 1 fixture: Uint64, 2 incident: Msg<Incident>, 3 interrupts: Bool }
        as "Fact.IncidentTaken",
    4 ticket_decided: TicketDecided { 1 ticket: Msg<Ticket>, 2 forgotten: Opt<Id128> } as "Fact.TicketDecided",
    5 booked: Booked { 1 bookings: Rep<Msg<Booking>> } as "Fact.Booked",
    6 graded: Graded { 1 fixture: Uint64, 2 selections: Rep<Msg<GradedSelection>> } as "Fact.Graded",
    7 legs_graded: LegsGraded { 1 ticket: Id128, 2 legs: Rep<Msg<GradedLeg>> } as "Fact.LegsGraded",
    8 ticket_paid: TicketPaid { 1 ticket: Id128, 2 paid_minor: Sint64, 3 takes_back: Bool } as "Fact.TicketPaid",
    9 weighed: Weighed { 1 weights: Rep<Msg<Weight>> } as "Fact.Weighed",
    10 parameters_set: ParametersSet { 1 fixture: Uint64, 2 parameters: Msg<SportParameters>, 3 by: Text, 4 cause: Text }
        as "Fact.ParametersSet",
    11 stops_changed: StopsChanged { 1 fixture: Uint64, 2 stops: Stops, 3 model_fault: Opt<Enum<ModelFault>> }
        as "Fact.StopsChanged",
    12 market_set: MarketSet { 1 fixture: Uint64, 2 market: Fixed64, 3 desk: Opt<Msg<MarketDesk>>, 4 interrupts: Bool }
        as "Fact.MarketSet",
    13 payment_due: PaymentDue { 1 ticket: Id128, 2 due_ns: Opt<Sfixed64> } as "Fact.PaymentDue",
    14 source_alive: SourceAlive { 1 source: Text } as "Fact.SourceAlive",
    15 interrupted: Interrupted { 1 fixture: Uint64 } as "Fact.Interrupted",
    16 fixture_added: FixtureAdded(request: Msg<FixtureRequest>),
    17 fixture_voided: FixtureVoided { 1 fixture: Uint64, 2 void: Enum<VoidKind>, 3 by_desk: Bool, 4 interrupts: Bool }
        as "Fact.FixtureVoided",
    18 grades_told: GradesTold { 1 fixture: Uint64, 2 market: Fixed64, 3 grades: Opt<Msg<Vec<Grade>>>, 4 by_desk: Bool }
        as "Fact.GradesTold",
    19 start_waived: StartWaived { 1 fixture: Uint64 } as "Fact.StartWaived",
    20 ticket_held: TicketHeld { 1 ticket: Id128, 2 due_ns: Sfixed64 } as "Fact.TicketHeld",
    21 ticket_reopened: TicketReopened { 1 ticket: Id128 } as "Fact.TicketReopened",
    22 ticket_stuck: TicketStuck { 1 ticket: Id128 } as "Fact.TicketStuck",
    23 ticket_cancelled: TicketCancelled { 1 ticket: Id128 } as "Fact.TicketCancelled",
    24 ticket_conflict: TicketConflict { 1 ticket: Id128 } as "Fact.TicketConflict",
    25 money_refused: MoneyRefused { 1 request: Msg<MoneyRequest>, 2 reason: Enum<Reason> } as "Fact.MoneyRefused",
    26 customer_set: CustomerSet { 1 customer: Uint64, 2 factor_e3: Uint32 } as "Fact.CustomerSet",
    27 refused: Refused { 1 reason: Enum<Reason>, 2 detail: Text } as "Fact.Refused",
    28 epoch_started: EpochStarted { 1 epoch: Uint32, 2 back_ns: Sint64 } as "Fact.EpochStarted",
    29 release_started: ReleaseStarted { 1 release: Text, 2 config: Msg<Config> } as "Fact.ReleaseStarted",
    30 configured: Configured(config: Msg<Config>),
    31 scope_set: ScopeSet { 1 scope: Msg<Scope>, 2 settings: Msg<ScopeSettings> } as "Fact.ScopeSet",
    32 space_defined: SpaceDefined(definition: Msg<SpaceDefinition>),
    33 source_repeated: SourceRepeated { 1 source: Text, 2 is_lost: Bool } as "Fact.SourceRepeated",
    34 source_lost: SourceLost { 1 source: Text } as "Fact.SourceLost",
    35 source_reset: SourceReset { 1 source: Text } as "Fact.SourceReset",
    36 sources_forgotten: SourcesForgotten { 1 sources: Rep<Text> } as "Fact.SourcesForgotten",
    37 alerted: Alerted { 1 alert: Text, 2 fixture: Opt<Uint64>, 3 message: Text } as "Fact.Alerted",
    38 delay_ended: DelayEnded { 1 ticket: Id128 } as "Fact.DelayEnded",
    39 settling_advanced: SettlingAdvanced { 1 fixture: Uint64, 2 selection: Fixed64, 3 next: Opt<Id128> }
        as "Fact.SettlingAdvanced",
    40 weighing_advanced: WeighingAdvanced { 1 fixture: Uint64, 2 weights: Rep<Msg<Weight>>, 3 next: Opt<Id128> }
        as "Fact.WeighingAdvanced",
    41 tickets_archived: TicketsArchived { 1 tickets: Rep<Id128> } as "Fact.TicketsArchived",
    42 archiving_put_off: ArchivingPutOff { 1 tickets: Rep<Id128> } as "Fact.ArchivingPutOff",
    43 ticket_recalled: TicketRecalled { 1 ticket: Msg<Ticket> } as "Fact.TicketRecalled",
    44 fixtures_archived: FixturesArchived { 1 fixtures: Packed<Uint64> } as "Fact.FixturesArchived",
    45 fixtures_put_off: FixturesPutOff { 1 fixtures: Packed<Uint64> } as "Fact.FixturesPutOff",
    46 fixture_recalled: FixtureRecalled { 1 fixture: Msg<WholeFixture> } as "Fact.FixtureRecalled",
    47 money_archived: MoneyArchived { 1 transfers: Rep<Id128> } as "Fact.MoneyArchived",
    48 money_recalled: MoneyRecalled { 1 transfer: Msg<BookedTransfer> } as "Fact.MoneyRecalled",
    55 switch_set: SwitchSet { 1 scope: Msg<SwitchScope>, 2 switch: Opt<Msg<Switch>> } as "Fact.SwitchSet",
    56 standing_set: StandingSet { 1 customer: Uint64, 2 standing: Msg<Standing>, 3 reason: Text }
        as "Fact.StandingSet",
    57 customer_terms_set: CustomerTermsSet { 1 customer: Uint64, 2 terms: Msg<CustomerTerms> }
        as "Fact.CustomerTermsSet",
    58 own_limit_set: OwnLimitSet { 1 customer: Uint64, 2 limit: Msg<OwnLimit> } as "Fact.OwnLimitSet",
    59 own_limit_ended: OwnLimitEnded { 1 customer: Uint64, 2 kind: Enum<OwnLimitKind>, 3 period: Enum<Period> }
        as "Fact.OwnLimitEnded",
    65 annulment_ordered: AnnulmentOrdered {
        1 number: Uint32,
        2 request: Msg<AnnulmentRequest>,
        3 is_until_given: Bool,
        4 forgotten: Opt<Uint32>,
    } as "Fact.AnnulmentOrdered",
    66 annulment_taken_back: AnnulmentTakenBack { 1 number: Uint32 } as "Fact.AnnulmentTakenBack",
    67 annulment_advanced: AnnulmentAdvanced { 1 number: Uint32, 2 changed: Uint32, 3 next: Opt<Id128> }
        as "Fact.AnnulmentAdvanced",
    68 ticket_marked: TicketMarked { 1 ticket: Id128, 2 marks: Msg<TicketMarks> } as "Fact.TicketMarked",
    69 ticket_reinstated: TicketReinstated { 1 ticket: Id128 } as "Fact.TicketReinstated",
    70 review_set: ReviewSet { 1 fixture: Uint64, 2 market: Opt<Fixed64>, 3 why: Opt<Text> } as "Fact.ReviewSet",
    71 result_held: ResultHeld {
        1 fixture: Uint64,
        2 market: Fixed64,
        3 until_ns: Opt<Sfixed64>,
        4 is_correction: Bool,
    } as "Fact.ResultHeld",
    72 action_pending: ActionPending { 1 action: Msg<PendingAction> } as "Fact.ActionPending",
    73 action_ended: ActionEnded { 1 number: Uint32, 2 end: Enum<ActionEnd> } as "Fact.ActionEnded",
    49 expectation_set: ExpectationSet { 1 fixture: Uint64, 2 expectation: Opt<Msg<Expectation>> }
        as "Fact.ExpectationSet",
});

type Numbered = (u64, u64);
message!("Fact.Numbered": Numbered = (seq, hash) => (seq, hash), { 1 seq: Uint64, 2 hash: Fixed64 });
message!("GradedSelection": GradedSelection { 1 selection: Fixed64, 2 grade: Opt<Msg<Grade>> });
message!("GradedLeg": GradedLeg { 1 grade: Opt<Msg<Grade>>, 2 unit_minor: Sint64 });
message!("Weight": Weight { 1 ticket: Id128, 2 units_minor: Packed<Sint64> });
message!("Expectation": Expectation {
    1 mode: Enum<ExpectationMode>,
    2 supremacy_e6: Sint64,
    3 total_e6: Sint64,
    4 weight_e3: Uint32,
    5 owner: Text,
    6 since_ns: Sfixed64,
    7 feed: Opt<Msg<SportParameters>>,
});
message!("PricedBy": PricedBy { 1 by: Text, 2 cause: Text, 3 at_ns: Sfixed64 });
message!("MarketDesk": MarketDesk {
    1 stops: Msg<MarketStops>,
    2 is_locked: Bool,
    3 locked_odds_e4: Packed<Uint32>,
    4 manual_odds_e4: Opt<Msg<Vec<u32>>>,
    5 keeps_in_play: Bool,
    6 override_by: Text,
    7 anchor_e9: Packed<Uint32>,
});

// Tickets.

message!("Ticket": Ticket {
    1 id: Id128,
    2 customer: Uint64,
    3 terms: Msg<Terms>,
    4 stake_minor: Sint64,
    5 odds_change: Msg<OddsChange>,
    6 state: Msg<TicketState>,
    7 legs: Rep<Msg<Leg>>,
    8 payout_minor_max: Sint64,
    9 paid_minor: Sint64,
    10 received_ns: Sfixed64,
    11 decided_ns: Sfixed64,
    12 due_ns: Sfixed64,
    13 settlement_count: Uint32,
    14 checks: Rep<Msg<LimitCheck>>,
    15 request_hash: Fixed64,
    16 change: Msg<TicketChange>,
    17 closed_ns: Sfixed64,
    30 handling: Opt<Msg<Handling>>,
    40 marks: MsgOrDefault<TicketMarks>,
});
message!("TicketMarks": TicketMarks {
    1 void_by: Packed<Uint32>, 2 cancelled_by: Uint32, 3 reinstated_count: Uint32, 4 standing_legs: Uint64,
});
message!("PendingAction": PendingAction {
    1 number: Uint32,
    2 origin: Msg<Origin>,
    3 body: Msg<Body>,
    4 asked_ns: Sfixed64,
    5 expires_ns: Opt<Sfixed64>,
    6 ticket_count: Uint64,
    7 money_minor: Sint64,
});
enumeration!("ActionEnd": ActionEnd {
    1 "ACTION_END_APPROVED": Approved, 2 "ACTION_END_DECLINED": Declined, 3 "ACTION_END_EXPIRED": Expired,
});
message!("Terms": Terms {
    1 currency: Iso4217,
    2 plan: Enum<Plan>,
    3 bonus_minor: Sint64,
    4 free_minor: Sint64,
    5 rules: Uint32,
    6 jurisdiction: Uint32,
    7 bets: Rep<Msg<Bet>>,
});
enumeration!("Plan": Plan {
    1 "PLAN_SINGLE": Single, 2 "PLAN_MULTIPLE": Multiple, 3 "PLAN_SYSTEM": System, 4 "PLAN_EACH_WAY": EachWay,
});
oneof!("TicketState": TicketState {
    1 delayed: Delayed = Nothing,
    2 refused: Refused(reason: Enum<Reason>),
    3 open: Open = Nothing,
    4 settled: Settled = Nothing,
    5 cancelled: Cancelled = Nothing,
    7 referred: Referred = Nothing,
    8 reoffered: Reoffered(reason: Enum<Reason>),
});
message!("Leg": Leg = Leg {
    fixture, selection, place: _, requested_odds_e4, offered_odds_e4, odds_e4, fair_probability_e9, quoted_version,
    version, score, clock_ms, interruptions, place_fraction_of, place_of, grade, unit_minor,
} => Leg {
    place: Place::default(),
    fixture, selection, requested_odds_e4, offered_odds_e4, odds_e4, fair_probability_e9, quoted_version, version, score,
    clock_ms, interruptions, place_fraction_of, place_of, grade, unit_minor,
}, {
    1 fixture: Uint64,
    2 selection: Fixed64,
    3 requested_odds_e4: Uint32,
    4 offered_odds_e4: Uint32,
    5 odds_e4: Uint32,
    6 fair_probability_e9: Uint32,
    7 quoted_version: Msg<OddsVersion>,
    8 version: Msg<OddsVersion>,
    9 score: Msg<(u16, u16)>,
    10 clock_ms: Sint64,
    11 interruptions: Uint64,
    12 grade: Opt<Msg<Grade>>,
    13 unit_minor: Sint64,
    20 place_fraction_of: Uint32,
    21 place_of: Uint32,
});
message!("LimitCheck": LimitCheck {
    1 level: Enum<LimitLevel>,
    2 leg: Opt<Uint32>,
    3 limit_minor: Sint64,
    4 used_minor: Sint64,
    5 stake_minor_max: Sint64,
    30 window: Opt<WindowText>,
});
enumeration!("LimitLevel": LimitLevel {
    1 "LIMIT_LEVEL_PAYOUT": Payout,
    2 "LIMIT_LEVEL_CUSTOMER": Customer,
    3 "LIMIT_LEVEL_MARKET": Market,
    4 "LIMIT_LEVEL_FIXTURE": Fixture,
    5 "LIMIT_LEVEL_COMPETITION": Competition,
    6 "LIMIT_LEVEL_SPORT": Sport,
    7 "LIMIT_LEVEL_PLATFORM": Platform,
    8 "LIMIT_LEVEL_WINDOW": Window,
    9 "LIMIT_LEVEL_OWN_STAKE": OwnStake,
    10 "LIMIT_LEVEL_OWN_LOSS": OwnLoss,
});
message!("TicketChange": TicketChange {
    1 seq: Uint64, 2 seq_before: Uint64, 3 was_settlement: Bool, 4 paid_minor_before: Sint64,
});

// Money.

message!("Booking": Booking {
    1 id: Msg<BookingId>,
    2 kind: Msg<BookingKind>,
    3 debit: Msg<AccountKind>,
    4 credit: Msg<AccountKind>,
    5 currency: Iso4217,
    6 amount_minor: Sint64,
});
message!("BookingId": BookingId { 1 source: BookingSource, 2 transaction: Id128, 3 number: Uint32 });
oneof!("BookingKind": BookingKind {
    1 moved: Moved = Nothing,
    2 reserved: Reserved = Nothing,
    3 posted: Posted => pending: Msg<BookingId>,
    4 voided: Voided => pending: Msg<BookingId>,
});

/// What an account is for, without whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    CustomerCash,
    CustomerOpenStakes,
    CustomerWithdrawalPending,
    CustomerReceivable,
    CustomerBonus,
    Psp,
    BettingResult,
    Suspense,
    BankSegregated,
    BankOperating,
    Commission,
    PromoFreeBet,
    PromoBoost,
    Goodwill,
    Chargeback,
    Fx,
    Dormant,
    TaxWithheld,
}
enumeration!("AccountKind": Purpose {
    1 "ACCOUNT_KIND_CUSTOMER_CASH": CustomerCash,
    2 "ACCOUNT_KIND_CUSTOMER_OPEN_STAKES": CustomerOpenStakes,
    3 "ACCOUNT_KIND_CUSTOMER_WITHDRAWAL_PENDING": CustomerWithdrawalPending,
    4 "ACCOUNT_KIND_CUSTOMER_RECEIVABLE": CustomerReceivable,
    5 "ACCOUNT_KIND_CUSTOMER_BONUS": CustomerBonus,
    6 "ACCOUNT_KIND_PSP": Psp,
    7 "ACCOUNT_KIND_BETTING_RESULT": BettingResult,
    8 "ACCOUNT_KIND_SUSPENSE": Suspense,
    9 "ACCOUNT_KIND_BANK_SEGREGATED": BankSegregated,
    10 "ACCOUNT_KIND_BANK_OPERATING": BankOperating,
    11 "ACCOUNT_KIND_COMMISSION": Commission,
    12 "ACCOUNT_KIND_PROMO_FREE_BET": PromoFreeBet,
    13 "ACCOUNT_KIND_PROMO_BOOST": PromoBoost,
    14 "ACCOUNT_KIND_GOODWILL": Goodwill,
    15 "ACCOUNT_KIND_CHARGEBACK": Chargeback,
    16 "ACCOUNT_KIND_FX": Fx,
    17 "ACCOUNT_KIND_DORMANT": Dormant,
    18 "ACCOUNT_KIND_TAX_WITHHELD": TaxWithheld,
});

type Account = (Purpose, Option<CustomerId>);
message!("Account": Account = (kind, customer) => (kind, customer), { 1 kind: Enum<Purpose>, 2 customer: Opt<Uint64> });
impl Message for AccountKind {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        Account::describe(schema)
    }

    #[inline]
    fn put_fields(&self, out: &mut Vec<u8>) {
        let purpose = match self {
            Self::CustomerCash(_) => Purpose::CustomerCash,
            Self::CustomerOpenStakes(_) => Purpose::CustomerOpenStakes,
            Self::CustomerWithdrawalPending(_) => Purpose::CustomerWithdrawalPending,
            Self::CustomerReceivable(_) => Purpose::CustomerReceivable,
            Self::CustomerBonus(_) => Purpose::CustomerBonus,
            Self::Psp => Purpose::Psp,
            Self::BettingResult => Purpose::BettingResult,
            Self::Suspense => Purpose::Suspense,
            Self::BankSegregated => Purpose::BankSegregated,
            Self::BankOperating => Purpose::BankOperating,
            Self::Commission => Purpose::Commission,
            Self::PromoFreeBet => Purpose::PromoFreeBet,
            Self::PromoBoost => Purpose::PromoBoost,
            Self::Goodwill => Purpose::Goodwill,
            Self::Chargeback => Purpose::Chargeback,
            Self::Fx => Purpose::Fx,
            Self::Dormant => Purpose::Dormant,
            Self::TaxWithheld => Purpose::TaxWithheld,
        };
        (purpose, self.customer()).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let at = &At { message: "Account", field: "customer" };
        let (purpose, customer) = Account::take(input)?;
        let whose = || customer.ok_or_else(|| at.missing());
        let account = match purpose {
            Purpose::CustomerCash => Self::CustomerCash(whose()?),
            Purpose::CustomerOpenStakes => Self::CustomerOpenStakes(whose()?),
            Purpose::CustomerWithdrawalPending => Self::CustomerWithdrawalPending(whose()?),
            Purpose::CustomerReceivable => Self::CustomerReceivable(whose()?),
            Purpose::CustomerBonus => Self::CustomerBonus(whose()?),
            Purpose::Psp => Self::Psp,
            Purpose::BettingResult => Self::BettingResult,
            Purpose::Suspense => Self::Suspense,
            Purpose::BankSegregated => Self::BankSegregated,
            Purpose::BankOperating => Self::BankOperating,
            Purpose::Commission => Self::Commission,
            Purpose::PromoFreeBet => Self::PromoFreeBet,
            Purpose::PromoBoost => Self::PromoBoost,
            Purpose::Goodwill => Self::Goodwill,
            Purpose::Chargeback => Self::Chargeback,
            Purpose::Fx => Self::Fx,
            Purpose::Dormant => Self::Dormant,
            Purpose::TaxWithheld => Self::TaxWithheld,
        };
        match (account.customer(), customer) {
            (None, Some(customer)) => Err(at.outside(customer, format_args!("none of {purpose:?}"))),
            _ => Ok(account),
        }
    }
}
