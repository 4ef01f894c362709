//! Commands: what is asked, when and by whom.

use oddsengine_markets::racing::PlaceTerms;
use oddsengine_markets::{Incident, ModelFault, SpaceDefinition};
use oddsengine_types::Grade;
use oddsengine_types::bets::{Bet, Parts};

use super::common::{Iso4217, Nothing, Stops};
use super::kind::{
    Bool, Double, Enum, Fixed64, Id128, Msg, MsgOrDefault, Opt, Packed, Rep, Sfixed64, Sint64, Text, Uint32,
    Uint64,
};
use super::tables::{enumeration, message, oneof};
use crate::acceptance::{CustomerTerms, OwnLimitKind, Period, Ruling, Standing, SwitchScope, Wishes};
use crate::annulment::{AnnulmentEffect, AnnulmentRequest, Certainty, ResultTold};
use crate::command::{
    Body, Channel, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    PricedMarket, Principal, TicketRequest, VoidKind,
};
use crate::config::{Config, Scope, ScopeSettings};
use crate::market::ExpectationMode;
use crate::plan::{EachWayLeg, PlanRequest};
use crate::ticket::Ticket;
use crate::whole::{BookedTransfer, WholeFixture};
use oddsengine_markets::Format;

message!("Command": Command { 1 time_ns: Sfixed64, 2 origin: Msg<Origin>, 3 body: Msg<Body> });
message!("Origin": Origin { 1 source: Text, 2 seq: Opt<Uint64>, 3 source_ns: Sfixed64, 4 channel: Enum<Channel>, 5 principal: MsgOrDefault<Principal> });
message!("Principal": Principal { 1 key: Text, 2 service: Text, 3 staff: Text });
enumeration!("Channel": Channel { 1 "CHANNEL_RUNTIME": Runtime, 2 "CHANNEL_FEED": Feed, 3 "CHANNEL_DESK": Desk });

oneof!("Body": Body {
    1 epoch_started: EpochStarted { 1 epoch: Uint32 } as "Body.EpochStarted",
    2 configure: Configure(config: Msg<Config>),
    3 set_scope: SetScope { 1 scope: Msg<Scope>, 2 settings: Msg<ScopeSettings> } as "Body.SetScope",
    4 add_fixture: AddFixture(request: Msg<FixtureRequest>),
    5 set_prices: SetPrices { 1 fixture: Uint64, 2 prices: Rep<Msg<PricedMarket>> } as "Body.SetPrices",
    6 set_expectation: SetExpectation {
        1 fixture: Uint64,
        2 supremacy_e6: Sint64,
        3 total_e6: Sint64,
        4 mode: Opt<Enum<ExpectationMode>>,
        5 weight_e3: Uint32,
    } as "Body.SetExpectation",
    7 incident: Incident { 1 fixture: Uint64, 2 incident: Msg<Incident> } as "Body.TellIncident",
    8 suspend: Suspend { 1 fixture: Uint64, 2 market: Opt<Fixed64> } as "Body.Suspend",
    9 resume: Resume { 1 fixture: Uint64, 2 market: Opt<Fixed64>, 3 lifts: Stops } as "Body.Resume",
    10 set_manual_odds: SetManualOdds {
        1 fixture: Uint64,
        2 market: Fixed64,
        3 odds_e4: Opt<Msg<Vec<u32>>>,
        4 keeps_in_play: Bool,
        5 override_by: Text,
    } as "Body.SetManualOdds",
    11 lock_market: LockMarket { 1 fixture: Uint64, 2 market: Fixed64, 3 locked: Bool, 4 keeps_in_play: Bool }
        as "Body.LockMarket",
    12 settle_market: SettleMarket { 1 fixture: Uint64, 2 market: Fixed64, 3 grades: Opt<Msg<Vec<Grade>>> }
        as "Body.SettleMarket",
    13 void_fixture: VoidFixture { 1 fixture: Uint64, 2 void: Enum<VoidKind> } as "Body.VoidFixture",
    14 set_customer: SetCustomer { 1 customer: Uint64, 2 factor_e3: Uint32 } as "Body.SetCustomer",
    15 deposit: Deposit(request: Msg<MoneyRequest>),
    16 withdraw: Withdraw(request: Msg<MoneyRequest>),
    17 place_ticket: PlaceTicket(request: Msg<TicketRequest>),
    18 cancel_ticket: CancelTicket { 1 ticket: Id128 } as "Body.CancelTicket",
    19 tick: Tick { 1 read_ns: Sfixed64 } as "Body.Tick",
    20 define_space: DefineSpace(definition: Msg<SpaceDefinition>),
    21 set_model_inputs: SetModelInputs { 1 fixture: Uint64, 2 inputs: Packed<Double> } as "Body.SetModelInputs",
    22 set_probabilities: SetProbabilities { 1 fixture: Uint64, 2 probabilities: Packed<Double> }
        as "Body.SetProbabilities",
    23 model_failed: ModelFailed { 1 fixture: Uint64, 2 fault: Enum<ModelFault> } as "Body.ModelFailed",
    24 heartbeat: Heartbeat = Nothing,
    25 reset_source: ResetSource { 1 source: Text } as "Body.ResetSource",
    26 reprice: Reprice { 1 fixture: Uint64 } as "Body.Reprice",
    27 release_started: ReleaseStarted { 1 release: Text, 2 config: Msg<Config> } as "Body.ReleaseStarted",
    28 halt: Halt { 1 fixture: Uint64, 2 ends: Bool } as "Body.Halt",
    29 recall_tickets: RecallTickets { 1 tickets: Rep<Msg<Ticket>> } as "Body.RecallTickets",
    30 recall_fixtures: RecallFixtures { 1 fixtures: Rep<Msg<WholeFixture>> } as "Body.RecallFixtures",
    31 recall_money: RecallMoney { 1 transfer: Msg<BookedTransfer> } as "Body.RecallMoney",
    35 set_switch: SetSwitch { 1 scope: Msg<SwitchScope>, 2 is_off: Bool, 3 reason: Text } as "Body.SetSwitch",
    36 set_standing: SetStanding { 1 customer: Uint64, 2 standing: Msg<Standing>, 3 reason: Text }
        as "Body.SetStanding",
    37 set_customer_terms: SetCustomerTerms { 1 customer: Uint64, 2 terms: Msg<CustomerTerms> }
        as "Body.SetCustomerTerms",
    38 set_own_limit: SetOwnLimit {
        1 customer: Uint64,
        2 kind: Enum<OwnLimitKind>,
        3 period: Enum<Period>,
        4 limit_minor: Opt<Sint64>,
    } as "Body.SetOwnLimit",
    39 confirm_own_limit: ConfirmOwnLimit { 1 customer: Uint64, 2 kind: Enum<OwnLimitKind>, 3 period: Enum<Period> }
        as "Body.ConfirmOwnLimit",
    40 answer_offer: AnswerOffer { 1 ticket: Id128, 2 customer: Uint64, 3 takes: Bool } as "Body.AnswerOffer",
    41 rule_referral: RuleReferral { 1 ticket: Id128, 2 ruling: Msg<Ruling> } as "Body.RuleReferral",
    45 annul: Annul(request: Msg<AnnulmentRequest>),
    46 take_back_annulment: TakeBackAnnulment { 1 annulment: Id128 } as "Body.TakeBackAnnulment",
    47 set_review: SetReview { 1 fixture: Uint64, 2 market: Opt<Fixed64>, 3 why: Opt<Text> } as "Body.SetReview",
    48 approve: Approve { 1 action: Uint32 } as "Body.Approve",
    49 decline: Decline { 1 action: Uint32 } as "Body.Decline",
    50 tell_result: TellResult(result: Msg<ResultTold>),
});

message!("AnnulmentRequest": AnnulmentRequest {
    1 annulment: Id128,
    2 effect: Enum<AnnulmentEffect>,
    3 customer: Opt<Uint64>,
    4 fixture: Opt<Uint64>,
    5 market: Opt<Fixed64>,
    6 from_ns: Opt<Sfixed64>,
    7 until_ns: Opt<Sfixed64>,
    8 why: Text,
});
enumeration!("AnnulmentEffect": AnnulmentEffect {
    1 "ANNULMENT_EFFECT_VOID_LEGS": VoidLegs, 2 "ANNULMENT_EFFECT_CANCEL_TICKETS": CancelTickets,
});
message!("ResultTold": ResultTold {
    1 fixture: Uint64,
    2 market: Fixed64,
    3 grades: Rep<Msg<Grade>>,
    4 certainty: Enum<Certainty>,
    5 happened_ns: Sfixed64,
    6 is_correction: Bool,
});
enumeration!("Certainty": Certainty { 1 "CERTAINTY_CONFIRMED": Confirmed, 2 "CERTAINTY_PROVISIONAL": Provisional });

message!("PricedMarket": PricedMarket { 1 market: Fixed64, 2 odds_e4: Packed<Uint32> });
message!("FixtureRequest": FixtureRequest {
    1 fixture: Uint64,
    2 format: Msg<Format>,
    3 competition: Text,
    4 start_ns: Sfixed64,
    5 home: Text,
    6 away: Text,
    7 entrants: Rep<Text>,
});
message!("MoneyRequest": MoneyRequest {
    1 transfer: Id128, 2 customer: Uint64, 3 amount_minor: Sint64, 4 currency: Iso4217,
});
message!("TicketRequest": TicketRequest {
    1 ticket: Id128,
    2 customer: Uint64,
    3 currency: Iso4217,
    4 stake_minor: Sint64,
    5 odds_change: Msg<OddsChange>,
    6 legs: Rep<Msg<LegRequest>>,
    20 plan: Opt<Msg<PlanRequest>>,
    30 wishes: MsgOrDefault<Wishes>,
});
message!("PlanRequest": PlanRequest { 1 bets: Rep<Msg<Bet>>, 2 each_way: Rep<Msg<EachWayLeg>> });
message!("EachWayLeg": EachWayLeg { 1 leg: Uint32, 2 terms: Opt<Msg<PlaceTerms>> });
message!("Bet": Bet {
    1 legs: Uint64,
    2 bankers: Uint64,
    3 sizes: Uint64,
    4 stake_minor: Sint64,
    5 stake_of: Uint32,
    6 parts: Enum<Parts>,
    7 bonus: Uint32,
});
enumeration!("Parts": Parts {
    1 "PARTS_WIN": Win, 2 "PARTS_PLACE": Place, 3 "PARTS_EACH_WAY": EachWay, 4 "PARTS_EQUALLY_DIVIDED": EquallyDivided,
});
message!("LegRequest": LegRequest {
    1 fixture: Uint64, 2 selection: Fixed64, 3 odds_e4: Uint32, 4 version: Msg<OddsVersion>,
});
message!("OddsVersion": OddsVersion { 1 epoch: Uint32, 2 seq: Uint64 });
oneof!("OddsChange": OddsChange {
    1 none: None = Nothing,
    2 higher: Higher = Nothing,
    3 any: Any = Nothing,
    4 within: Within(hundredths_of_percent: Uint32),
});
