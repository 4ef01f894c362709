//! What is offered and asked beyond a bet's limits, switches, windows, and what is set about customers.

use super::common::{Nothing, Sport, named};
use super::error::{At, Result};
use super::kind::{
    Bool, Element, Enum, Field, Kind, Msg, Opt, Packed, Rep, Sfixed64, Sint64, Text, Uint32, Uint64, put_one,
};
use super::tables::{enumeration, message, oneof};
use super::wire::{Input, ReadWire, Wire, put_varint};
use crate::acceptance::{
    CustomerFactor, CustomerTerms, Handling, NextLimit, Offer, OnLimit, OwnLimit, OwnLimitKind, Period,
    Referral, ReferralCause, Ruling, StakeWindow, Standing, Switch, SwitchScope, Verdict, WindowName,
    WindowPer, Wishes,
};
use crate::config::Scope;
use crate::status::Reason;

/// The name of a stake window.
pub(super) struct WindowText;
named!(WindowText: WindowName, |name, out| {
    put_varint(name.as_str().len() as u64, out);
    out.extend_from_slice(name.as_str().as_bytes());
}, WindowName::new);

enumeration!("OnLimit": OnLimit { 1 "ON_LIMIT_REFUSE": Refuse, 2 "ON_LIMIT_REOFFER": Reoffer, 3 "ON_LIMIT_PART": Part });
message!("Wishes": Wishes { 1 on_limit: Enum<OnLimit>, 2 reoffers_odds: Bool, 3 part_minor_min: Sint64 });
message!("Handling": Handling {
    1 wishes: Msg<Wishes>,
    2 asked_minor: Sint64,
    3 offer: Opt<Msg<Offer>>,
    4 referral: Opt<Msg<Referral>>,
    5 is_rebooked: Bool,
});
message!("Offer": Offer {
    1 stake_minor: Sint64,
    2 odds_e4: Packed<Uint32>,
    3 board_odds_e4: Packed<Uint32>,
    4 due_ns: Sfixed64,
    5 reason: Enum<Reason>,
    6 by: Text,
    7 is_taken: Bool,
});
enumeration!("ReferralCause": ReferralCause { 1 "REFERRAL_CAUSE_STAKE": Stake, 2 "REFERRAL_CAUSE_CUSTOMER": Customer });
enumeration!("Verdict": Verdict {
    1 "VERDICT_ACCEPT": Accept,
    2 "VERDICT_PART": Part,
    3 "VERDICT_COUNTER": Counter,
    4 "VERDICT_DECLINE": Decline,
    5 "VERDICT_EXPIRE": Expire,
    6 "VERDICT_AUTOMATIC": Automatic,
});
message!("Referral": Referral {
    1 cause: Enum<ReferralCause>,
    2 threshold_minor: Sint64,
    3 since_ns: Sfixed64,
    4 due_ns: Sfixed64,
    5 verdict: Opt<Enum<Verdict>>,
    6 by: Text,
    7 note: Text,
    8 decided_ns: Sfixed64,
});
message!("Ruling": Ruling {
    1 verdict: Enum<Verdict>, 2 stake_minor: Sint64, 3 odds_e4: Packed<Uint32>, 4 note: Text,
});
oneof!("SwitchScope": SwitchScope {
    1 all: All = Nothing,
    2 channel: Channel(name: Text),
    3 customer: Customer(customer: Uint64),
    4 of: Of(scope: Msg<Scope>),
});
message!("Switch": Switch { 1 owner: Text, 2 reason: Text, 3 since_ns: Sfixed64 });
oneof!("Standing": Standing {
    1 active: Active = Nothing,
    2 suspended: Suspended = Nothing,
    3 self_excluded: SelfExcluded(until_ns: Sfixed64),
    4 closed: Closed = Nothing,
});
message!("CustomerFactor": CustomerFactor { 1 sport: Opt<Sport>, 2 in_play: Opt<Bool>, 3 factor_e3: Uint32 });
message!("CustomerTerms": CustomerTerms {
    1 factors: Rep<Msg<CustomerFactor>>, 2 is_flagged: Bool, 3 referral_stake_minor: Opt<Sint64>,
});
enumeration!("OwnLimitKind": OwnLimitKind {
    1 "OWN_LIMIT_KIND_DEPOSIT": Deposit, 2 "OWN_LIMIT_KIND_LOSS": Loss, 3 "OWN_LIMIT_KIND_STAKE": Stake,
});
enumeration!("Period": Period { 1 "PERIOD_DAY": Day, 2 "PERIOD_WEEK": Week, 3 "PERIOD_MONTH": Month });
message!("OwnLimit": OwnLimit {
    1 kind: Enum<OwnLimitKind>, 2 period: Enum<Period>, 3 limit_minor: Sint64, 4 next: Opt<Msg<NextLimit>>,
});
message!("NextLimit": NextLimit { 1 limit_minor: Opt<Sint64>, 2 from_ns: Sfixed64 });
enumeration!("WindowPer": WindowPer {
    1 "WINDOW_PER_SELECTION": Selection,
    2 "WINDOW_PER_MARKET": Market,
    3 "WINDOW_PER_FIXTURE": Fixture,
    4 "WINDOW_PER_CUSTOMER": Customer,
});
message!("StakeWindow": StakeWindow {
    1 name: WindowText, 2 per: Enum<WindowPer>, 3 period_ms: Sint64, 4 stake_minor_max: Sint64,
});
