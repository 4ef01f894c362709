//! Rows of tables, and where a price comes from.

use oddsengine_engine::{
    Annulment, AnnulmentRequest, Body, Command, Config, Customer, CustomerFile, CustomerTerms,
    ExpectationMode, Fixture, Margin, MarketExplanation, PendingAction, Reason, Scope, ScopeSettings,
    Standing, Stop, Switch, SwitchScope, Ticket, VoidKind,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{Currency, CustomerId, Grade, SportId};

use super::json::{JsonBytes, fields, object};
use super::reply::{BalanceAnswer, ReplyTo};
use super::status::NO_PRICE;
use super::ticket::Lookup;

/// A page of a table, written row by row.
#[derive(Debug)]
pub struct RowsReply<'a> {
    out: &'a mut Vec<u8>,
    /// Rows written.
    pub count: usize,
}

impl<'a> RowsReply<'a> {
    /// Starts the answer in a cleared buffer.
    pub fn begin(to: &ReplyTo<'_>, table: &str, out: &'a mut Vec<u8>) -> Self {
        to.begin("table", out);
        fields!(out; "table": text(table));
        out.put(b",\"rows\":[");
        Self { out, count: 0 }
    }

    /// Adds a row: one object.
    pub fn add(&mut self, row: impl FnOnce(&mut Vec<u8>)) {
        if self.count > 0 {
            self.out.push(b',');
        }
        row(self.out);
        self.count += 1;
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the answer. `next`: the cursor of the next page, if there is one. `kept`: of a table of which only the last rows
    /// are kept, the number up to which they are not, and that of the last row that was looked at.
    pub fn finish(self, next: Option<&str>, kept: Option<(u64, u64)>) {
        let out = self.out;
        out.push(b']');
        fields!(out; "next": optional_text(next));
        if let Some((before, last)) = kept {
            fields!(out; "before": unsigned(before), "last": unsigned(last));
        }
        out.put(b"}");
    }
}

/// The money of a customer.
pub fn balance_row(out: &mut Vec<u8>, balance: &BalanceAnswer, currency: Currency) {
    object!(out;
        "customer": unsigned(balance.customer.0),
        "currency": text(currency.code()),
        "available_minor": integer(balance.available_minor),
        "reserved_minor": integer(balance.reserved_minor),
        "owed_minor": integer(balance.owed_minor),
    );
    out.put(b"}");
}

/// What is set about a customer, and what counts against their own limits at this time.
pub fn customer_row(out: &mut Vec<u8>, id: CustomerId, customer: &Customer, now_ns: i64) {
    object!(out; "customer": unsigned(id.0));
    decimal_field(out, "factor", customer.factor_e3.into(), 3);
    let blank = CustomerFile::default();
    let file = customer.file.as_deref().unwrap_or(&blank);
    fields!(out; "standing": text(file.standing.name()));
    name_field(out, "until_ns");
    optional_integer(
        out,
        match file.standing {
            Standing::SelfExcluded(until_ns) => Some(until_ns),
            _ => None,
        },
    );
    terms_fields(out, &file.terms);
    fields!(out; "own_limits": list(&file.limits, |out, limit| {
        object!(out;
            "kind": text(limit.kind.name()),
            "period": text(limit.period.name()),
            "limit_minor": integer(limit.limit_minor),
            "used_minor": integer(file.used_minor(limit.kind, limit.period, now_ns)),
        );
        name_field(out, "next");
        match limit.next {
            Some(next) => {
                object!(out; "from_ns": integer(next.from_ns));
                name_field(out, "limit_minor");
                optional_integer(out, next.limit_minor);
                out.put(b"}");
            }
            None => out.put(b"null"),
        }
        out.put(b"}");
    }));
    out.put(b"}");
}

fn terms_fields(out: &mut Vec<u8>, terms: &CustomerTerms) {
    fields!(out;
        "factors": list(&terms.factors, |out, factor| {
            let name = factor.sport.map(|sport| oddsengine_markets::sports()[usize::from(sport.0)]);
            object!(out; "sport": optional_text(name));
            name_field(out, "in_play");
            match factor.in_play {
                Some(in_play) => out.boolean(in_play),
                None => out.put(b"null"),
            }
            decimal_field(out, "factor", factor.factor_e3.into(), 3);
            out.put(b"}");
        }),
        "flagged": boolean(terms.is_flagged),
    );
    name_field(out, "referral_stake_minor");
    optional_integer(out, terms.referral_stake_minor);
}

/// A switch that is off.
pub fn switch_row(out: &mut Vec<u8>, scope: &SwitchScope, switch: &Switch, lookup: &impl Lookup) {
    object!(out;
        "owner": text(&switch.owner), "reason": text(&switch.reason), "since_ns": integer(switch.since_ns),
    );
    name_field(out, "scope");
    switch_scope(out, scope, lookup);
    out.put(b"}");
}

fn switch_scope(out: &mut Vec<u8>, scope: &SwitchScope, lookup: &impl Lookup) {
    match scope {
        SwitchScope::All => object!(out; "level": text("all")),
        SwitchScope::Channel(name) => object!(out; "level": text("channel"), "channel": text(name)),
        SwitchScope::Customer(customer) => {
            object!(out; "level": text("customer"), "customer": unsigned(customer.0));
        }
        SwitchScope::Of(scope) => scope_fields(out, scope, lookup),
    }
    out.put(b"}");
}

/// A bet that was taken, beside what it would pay at the price that would have been right: a given one, or the fair one that
/// was known when it was taken.
pub fn evidence_row(out: &mut Vec<u8>, ticket: &Ticket, leg_index: usize, right_odds_e4: Option<u32>) {
    let leg = &ticket.legs[leg_index];
    let fair_odds_e4 = match leg.fair_probability_e9 {
        0 => 0,
        fair_e9 => (10_000_000_000_000 / u64::from(fair_e9)).min(10_000_000) as u32,
    };
    let right_e4 = right_odds_e4.unwrap_or(fair_odds_e4);
    let odds = ticket
        .legs
        .iter()
        .enumerate()
        .map(|(place, leg)| (if place == leg_index { right_e4 } else { leg.odds_e4 }, Grade::WON));
    let right_minor = oddsengine_types::payout_minor(ticket.stake_minor, &odds.collect::<Vec<_>>());
    object!(out;
        "ticket": hex128(ticket.id.0),
        "customer": unsigned(ticket.customer.0),
        "state": text(ticket.state.name()),
        "received_ns": integer(ticket.received_ns),
        "decided_ns": integer(ticket.decided_ns),
        "leg": unsigned(leg_index as u64),
        "stake_minor": integer(ticket.stake_minor),
        "odds": odds(leg.odds_e4),
        "payout_minor_max": integer(ticket.payout_minor_max),
        "paid_minor": integer(ticket.paid_minor),
        "fair_odds": odds(fair_odds_e4),
        "right_odds": odds(right_e4),
        "right_payout_minor": integer(right_minor),
    );
    out.put(b"}");
}

/// Overrides of settings.
pub fn scope_row(out: &mut Vec<u8>, scope: &Scope, settings: &ScopeSettings, lookup: &impl Lookup) {
    scope_fields(out, scope, lookup);
    settings_fields(out, settings);
    out.put(b"}");
}

fn settings_fields(out: &mut Vec<u8>, settings: &ScopeSettings) {
    out.put(b",\"margin\":");
    match settings.margin {
        Some(margin) => margin_json(out, margin),
        None => out.put(b"null"),
    }
    for (name, value) in [
        ("loss_minor_max", settings.loss_minor_max),
        ("bet_delay_ms", settings.bet_delay_ms),
        ("feed_silence_ms", settings.feed_silence_ms),
        ("referral_stake_minor", settings.referral_stake_minor),
    ] {
        name_field(out, name);
        optional_integer(out, value);
    }
}

fn margin_json(out: &mut Vec<u8>, margin: Margin) {
    object!(out; "method": text(margin.method.name()));
    decimal_field(out, "booksum", margin.booksum_e4.into(), 4);
    out.put(b"}");
}

/// An open object with what a scope is.
fn scope_fields(out: &mut Vec<u8>, scope: &Scope, lookup: &impl Lookup) {
    let sport_name = |sport: SportId| oddsengine_markets::sports()[usize::from(sport.0)];
    match scope {
        Scope::Sport(sport) => object!(out; "level": text("sport"), "sport": text(sport_name(*sport))),
        Scope::MarketType(sport, stem) => {
            object!(out; "level": text("market_type"), "sport": text(sport_name(*sport)), "stem": text(stem))
        }
        Scope::Competition(name) => object!(out; "level": text("competition"), "competition": text(name)),
        Scope::Fixture(fixture) => object!(out; "level": text("fixture"), "fixture": unsigned(fixture.0)),
        Scope::Market(fixture, market) => {
            object!(out; "level": text("market"), "fixture": unsigned(fixture.0));
            let key = lookup.fixture(*fixture).and_then(|fixture| key_of(fixture, *market));
            fields!(out; "market": optional_text(key));
        }
    }
}

fn key_of(fixture: &Fixture, market: MarketId) -> Option<&str> {
    let template = fixture.template();
    template.market_of_id(market).map(|market| template.markets[market].key.as_str())
}

/// A command of the desk and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct CommandRow<'a> {
    /// Of its record.
    pub number: u64,
    /// What was asked, by whom, when.
    pub command: &'a Command,
    /// Why not, if it was refused.
    pub refused: Option<(Reason, &'a str)>,
}

/// A command of the desk.
pub fn command_row(row: &CommandRow<'_>, lookup: &impl Lookup, out: &mut Vec<u8>) {
    let CommandRow { number, command, refused } = row;
    let (origin, body) = (&command.origin, &command.body);
    object!(out;
        "number": unsigned(*number),
        "time_ns": integer(command.time_ns),
        "source": text(&origin.source),
        "key": text(&origin.principal.key),
        "command": text(body.cause()),
        "fixture": optional_unsigned(body.subject().map(|fixture| fixture.0)),
    );
    let market = match body {
        Body::Suspend { fixture, market } | Body::Resume { fixture, market, .. } => {
            market.map(|market| (*fixture, market))
        }
        Body::SetManualOdds { fixture, market, .. }
        | Body::LockMarket { fixture, market, .. }
        | Body::SettleMarket { fixture, market, .. } => Some((*fixture, *market)),
        Body::TellResult(result) => Some((result.fixture, result.market)),
        Body::SetReview { fixture, market, .. } => market.map(|market| (*fixture, market)),
        Body::Annul(request) => request.fixture.zip(request.market),
        _ => None,
    };
    let key = market.and_then(|(fixture, market)| key_of(lookup.fixture(fixture)?, market));
    fields!(out;
        "market": optional_text(key),
        "done": boolean(refused.is_none()),
        "reason": optional_text(refused.map(|(reason, _)| reason.name())),
        "detail": text(refused.map_or("", |(_, detail)| detail)),
    );
    out.put(b",\"asked\":{");
    let start = out.len();
    asked(body, lookup, out);
    if out.get(start) == Some(&b',') {
        out.remove(start);
    }
    out.put(b"}}");
}

/// What a command asks beyond its fixture and market, in the words of its request.
fn asked(body: &Body, lookup: &impl Lookup, out: &mut Vec<u8>) {
    match body {
        Body::SetScope { scope, settings } => {
            out.put(b",\"scope\":");
            scope_fields(out, scope, lookup);
            out.put(b"}");
            settings_fields(out, settings);
        }
        Body::SetCustomer { customer, factor_e3 } => {
            fields!(out; "customer": unsigned(customer.0));
            decimal_field(out, "factor", (*factor_e3).into(), 3);
        }
        Body::SetExpectation { supremacy_e6, total_e6, mode, weight_e3, .. } => {
            fields!(out; "mode": optional_text(mode.map(|mode| mode.name())));
            if *mode != Some(ExpectationMode::Release) {
                decimal_field(out, "supremacy", *supremacy_e6, 6);
                decimal_field(out, "total", *total_e6, 6);
            }
            if *mode == Some(ExpectationMode::Blend) {
                decimal_field(out, "weight", (*weight_e3).into(), 3);
            }
        }
        Body::SetPrices { prices, fixture } => {
            let fixture = lookup.fixture(*fixture);
            let keys = prices.iter().filter_map(|priced| Some((key_of(fixture?, priced.market)?, priced)));
            out.put(b",\"markets\":{");
            for (place, (key, priced)) in keys.enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.text(key);
                out.push(b':');
                out.odds_list(&priced.odds_e4);
            }
            out.put(b"}");
        }
        Body::SetManualOdds { odds_e4, keeps_in_play, override_by, .. } => {
            out.put(b",\"odds\":");
            match odds_e4 {
                Some(odds_e4) => out.odds_list(odds_e4),
                None => out.put(b"null"),
            }
            fields!(out; "in_play": boolean(*keeps_in_play), "override_by": text(override_by));
        }
        Body::LockMarket { locked, keeps_in_play, .. } => {
            fields!(out; "locked": boolean(*locked), "in_play": boolean(*keeps_in_play));
        }
        Body::Resume { lifts, .. } => {
            fields!(out; "stops": list(lifts.iter(), |out, stop| out.text(stop.name())));
        }
        Body::SettleMarket { grades, .. } => {
            out.put(b",\"grades\":");
            match grades {
                Some(grades) => out.list(grades, |out, grade| out.grade(Some(*grade))),
                None => out.put(b"null"),
            }
        }
        Body::VoidFixture { void, .. } => {
            let void = match void {
                VoidKind::Nothing => "nothing",
                VoidKind::Everything => "everything",
                VoidKind::Undecided => "undecided",
            };
            fields!(out; "void": text(void));
        }
        Body::TellResult(result) => {
            out.put(b",\"grades\":");
            out.list(&result.grades, |out, grade| out.grade(Some(*grade)));
            fields!(out;
                "certainty": text(result.certainty.name()),
                "happened_ns": integer(result.happened_ns),
                "correction": boolean(result.is_correction),
            );
        }
        Body::Annul(request) => annulment_fields(out, request),
        Body::TakeBackAnnulment { annulment } => fields!(out; "annulment": hex128(*annulment)),
        Body::SetReview { why, .. } => fields!(out; "why": optional_text(why.as_deref())),
        Body::Approve { action } | Body::Decline { action } => {
            fields!(out; "action": unsigned((*action).into()));
        }
        Body::CancelTicket { ticket } => fields!(out; "ticket": hex128(ticket.0)),
        Body::SetSwitch { scope, is_off, reason } => {
            name_field(out, "scope");
            switch_scope(out, scope, lookup);
            fields!(out; "off": boolean(*is_off), "reason": text(reason));
        }
        Body::SetStanding { customer, standing, reason } => {
            fields!(out; "customer": unsigned(customer.0), "standing": text(standing.name()), "reason": text(reason));
        }
        Body::SetCustomerTerms { customer, terms } => {
            fields!(out; "customer": unsigned(customer.0));
            terms_fields(out, terms);
        }
        Body::SetOwnLimit { customer, kind, period, limit_minor } => {
            fields!(out;
                "customer": unsigned(customer.0), "kind": text(kind.name()), "period": text(period.name()),
            );
            name_field(out, "limit_minor");
            optional_integer(out, *limit_minor);
        }
        Body::ConfirmOwnLimit { customer, kind, period } => fields!(out;
            "customer": unsigned(customer.0), "kind": text(kind.name()), "period": text(period.name()),
        ),
        Body::RuleReferral { ticket, ruling } => fields!(out;
            "ticket": hex128(ticket.0),
            "verdict": text(ruling.verdict.name()),
            "stake_minor": integer(ruling.stake_minor),
            "odds": odds_list(&ruling.odds_e4),
            "note": text(&ruling.note),
        ),
        Body::ResetSource { source } => fields!(out; "name": text(source)),
        Body::SetModelInputs { inputs, .. } => fields!(out; "input_count": unsigned(inputs.len() as u64)),
        _ => {}
    }
}

/// What an annulment covers, beside its fixture and market.
fn annulment_fields(out: &mut Vec<u8>, request: &AnnulmentRequest) {
    fields!(out;
        "annulment": hex128(request.annulment),
        "effect": text(request.effect.name()),
        "customer": optional_unsigned(request.customer.map(|customer| customer.0)),
    );
    for (name, at_ns) in [("from_ns", request.from_ns), ("until_ns", request.until_ns)] {
        name_field(out, name);
        optional_integer(out, at_ns);
    }
    fields!(out; "why": text(&request.why));
}

/// An annulment, and how far it has come.
pub fn annulment_row(
    out: &mut Vec<u8>,
    number: u32,
    annulment: &Annulment,
    is_done: bool,
    lookup: &impl Lookup,
) {
    let request = &annulment.request;
    object!(out;
        "number": unsigned(number.into()),
        "fixture": optional_unsigned(request.fixture.map(|fixture| fixture.0)),
    );
    let known = request.fixture.and_then(|fixture| lookup.fixture(fixture));
    let key = known.zip(request.market).and_then(|(fixture, market)| key_of(fixture, market));
    fields!(out; "market": optional_text(key));
    annulment_fields(out, request);
    fields!(out;
        "ordered_ns": integer(annulment.ordered_ns),
        "changed_count": unsigned(annulment.changed_count),
        "taken_back": boolean(annulment.is_taken_back),
        "done": boolean(is_done),
    );
    out.put(b"}");
}

/// A ticket that an annulment would touch.
pub fn covered_row(out: &mut Vec<u8>, ticket: &Ticket) {
    object!(out;
        "ticket": hex128(ticket.id.0),
        "customer": unsigned(ticket.customer.0),
        "state": text(ticket.state.name()),
        "stake_minor": integer(ticket.stake_minor),
        "paid_minor": integer(ticket.paid_minor),
        "payout_minor_max": integer(ticket.payout_minor_max),
        "accepted_ns": integer(ticket.decided_ns),
    );
    out.put(b"}");
}

/// What waits for a second person.
pub fn action_row(out: &mut Vec<u8>, action: &PendingAction, lookup: &impl Lookup) {
    object!(out;
        "number": unsigned(action.number.into()),
        "asked_ns": integer(action.asked_ns),
    );
    name_field(out, "expires_ns");
    optional_integer(out, action.expires_ns);
    fields!(out;
        "source": text(&action.origin.source),
        "key": text(&action.origin.principal.key),
        "staff": text(&action.origin.principal.staff),
        "command": text(action.body.cause()),
        "fixture": optional_unsigned(action.body.subject().map(|fixture| fixture.0)),
        "ticket_count": unsigned(action.ticket_count),
        "money_minor": integer(action.money_minor),
    );
    out.put(b",\"asked\":{");
    let start = out.len();
    asked(&action.body, lookup, out);
    if out.get(start) == Some(&b',') {
        out.remove(start);
    }
    out.put(b"}}");
}

/// A fixture or a market that is under review.
pub fn review_row(out: &mut Vec<u8>, fixture: &Fixture, market: Option<u16>, why: &str) {
    let key = market.map(|market| fixture.template().markets[usize::from(market)].key.as_str());
    object!(out; "fixture": unsigned(fixture.id().0));
    fields!(out; "market": optional_text(key), "why": text(why));
    out.put(b"}");
}

/// Where the prices of a fixture, and of a market of it, come from.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The fixture.
    pub fixture: &'a Fixture,
    /// The version of its board.
    pub version: u64,
    /// The market's place, and the steps.
    pub market: Option<(usize, &'a MarketExplanation)>,
    /// The settings of the platform.
    pub config: &'a Config,
    /// What its parameters expect, and those of feeds alone: supremacy and total.
    pub expects: [Option<(f64, f64)>; 2],
    /// The selections of this page, by their places in the market.
    pub first: usize,
    /// See `first`.
    pub end: usize,
}

/// Where prices come from; `next` is where the next page of selections starts, if there is one.
pub fn reply_explain(
    to: &ReplyTo<'_>,
    explained: &Explained<'_>,
    next: Option<u64>,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    let Explained { fixture, version, market, config, expects, first, end } = *explained;
    let template = fixture.template();
    let place = market.map(|(place, _)| place);
    to.begin("explain", out);
    fields!(out;
        "fixture": unsigned(fixture.id().0),
        "market": optional_text(place.map(|place| template.markets[place].key.as_str())),
        "version": unsigned(version),
        "fixture_status": text(fixture.told_status().name()),
        "status": optional_text(place.map(|place| fixture.market_status(place).name())),
        "price": optional_text(place.map(|place| fixture.price_source(place).name())),
    );
    stops_with_owners(fixture, place, out);
    fields!(out; "fed_by": text(&fixture.fed_by), "heard_ns": integer(fixture.heard_ns));
    out.put(b",\"parameters\":");
    match &fixture.parameters {
        Some(parameters) => parameters_json(out, &parameters.record()),
        None => out.put(b"null"),
    }
    let priced = &fixture.priced_by;
    out.put(b",\"priced_by\":");
    match priced.at_ns {
        0 => out.put(b"null"),
        at_ns => {
            object!(out; "by": text(&priced.by), "command": text(&priced.cause), "at_ns": integer(at_ns));
            out.put(b"}");
        }
    }
    expectation_fields(fixture, expects, out);
    fields!(out; "ladder": text(config.ladder.name()));
    decimal_field(out, "odds_min", config.odds_e4_min.into(), 4);
    decimal_field(out, "odds_max", config.odds_e4_max.into(), 4);
    out.put(b",\"skew_b_minor\":");
    optional_integer(out, config.skew_b_minor);
    match market {
        Some((place, steps)) => market_fields(fixture, place, steps, first..end, lookup, out),
        None => {
            out.put(b",\"margin\":null,\"margin_from\":null,\"loss_minor_max\":null,\"loss_from\":null");
            out.put(b",\"held\":null,\"selections\":[]");
        }
    }
    fields!(out; "next": optional_unsigned(next));
    out.put(b"}");
}

fn stops_with_owners(fixture: &Fixture, market: Option<usize>, out: &mut Vec<u8>) {
    let mut stops: Vec<(&str, &str, &str)> = Vec::new();
    for reason in fixture.stops.set.iter() {
        let name = match (reason, fixture.stops.model_fault) {
            (Stop::Model, Some(fault)) => fault.name(),
            (reason, _) => reason.name(),
        };
        stops.push(("fixture", name, reason.owner()));
    }
    if fixture.has_no_price() {
        stops.push(("fixture", NO_PRICE, "feed"));
    }
    if let Some(market) = market {
        let desk = fixture.desk.get(&(market as u16));
        if let Some(desk) = desk {
            let of_market = [
                (desk.stops.by_desk, "desk", "desk"),
                (desk.stops.by_feed, "feed", "feed"),
                (desk.stops.by_move, "moved", "desk"),
            ];
            let set = of_market.into_iter().filter(|(is_set, ..)| *is_set);
            stops.extend(set.map(|(_, name, owner)| ("market", name, owner)));
        }
        if fixture.is_overridden() && desk.is_none_or(|desk| desk.override_by.is_empty()) {
            stops.push(("market", "override", "desk"));
        }
    }
    fields!(out; "stops": list(stops, |out, (of, stop, owner)| {
        object!(out; "of": text(of), "stop": text(stop), "owner": text(owner));
        out.put(b"}");
    }));
}

fn market_fields(
    fixture: &Fixture,
    market: usize,
    steps: &MarketExplanation,
    page: std::ops::Range<usize>,
    lookup: &impl Lookup,
    out: &mut Vec<u8>,
) {
    out.put(b",\"margin\":");
    margin_json(out, steps.margin);
    scope_of_setting("margin_from", steps.margin_from.as_ref(), lookup, out);
    fields!(out; "loss_minor_max": integer(steps.loss_minor_max));
    scope_of_setting("loss_from", steps.loss_from.as_ref(), lookup, out);
    out.put(b",\"held\":");
    match fixture.desk.get(&(market as u16)).filter(|desk| desk.is_held()) {
        Some(desk) => {
            object!(out;
                "locked": boolean(desk.is_locked),
                "manual": boolean(desk.manual_odds_e4.is_some()),
                "in_play": boolean(desk.keeps_in_play),
                "override_by": text(&desk.override_by),
            );
            out.put(b"}");
        }
        None => out.put(b"null"),
    }
    fields!(out; "selections": list(&steps.selections[page], |out, step| {
        let selection = usize::from(step.selection);
        object!(out; "selection": text(&fixture.template().selections[selection].name));
        decimal_field(out, "fair_probability", (step.fair_probability * 1e9).round() as i64, 9);
        decimal_field(out, "skewed_probability", (step.skewed_probability * 1e9).round() as i64, 9);
        fields!(out;
            "margin_odds": odds(step.margin_odds_e4),
            "odds": odds(fixture.board.odds_e4[selection]),
            "payout_minor": integer(step.payout_minor),
            "result": grade(fixture.grades[selection]),
        );
        out.put(b"}");
    }));
}

fn scope_of_setting(name: &str, scope: Option<&Scope>, lookup: &impl Lookup, out: &mut Vec<u8>) {
    name_field(out, name);
    match scope {
        Some(scope) => {
            scope_fields(out, scope, lookup);
            out.put(b"}");
        }
        None => out.put(b"{\"level\":\"platform\"}"),
    }
}

/// What is expected, whose expectation stands, and what feeds alone expect.
fn expectation_fields(fixture: &Fixture, expects: [Option<(f64, f64)>; 2], out: &mut Vec<u8>) {
    let pair = |out: &mut Vec<u8>, expected: Option<(f64, f64)>| match expected {
        Some((supremacy, total)) => {
            out.put(b"{\"supremacy\":");
            number(out, supremacy);
            out.put(b",\"total\":");
            number(out, total);
            out.put(b"}");
        }
        None => out.put(b"null"),
    };
    out.put(b",\"expects\":");
    pair(out, expects[0]);
    out.put(b",\"expectation\":");
    let Some(expectation) = &fixture.expectation else { return out.put(b"null") };
    object!(out; "mode": text(expectation.mode.name()));
    decimal_field(out, "supremacy", expectation.supremacy_e6, 6);
    decimal_field(out, "total", expectation.total_e6, 6);
    if expectation.mode == ExpectationMode::Blend {
        decimal_field(out, "weight", expectation.weight_e3.into(), 3);
    }
    fields!(out; "owner": text(&expectation.owner), "since_ns": integer(expectation.since_ns));
    out.put(b",\"feed\":");
    pair(out, expects[1]);
    out.put(b"}");
}

fn parameters_json(out: &mut Vec<u8>, parameters: &oddsengine_types::SportParameters) {
    out.put(b"{");
    for (place, (name, values)) in parameters.lists.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.text(name);
        out.push(b':');
        // Of a space with millions of outcomes the first are told.
        out.list(&values[..values.len().min(PARAMETERS_TOLD_MAX)], |out, value| number(out, *value));
    }
    out.put(b"}");
}

/// Numbers that are told of a list of parameters.
pub const PARAMETERS_TOLD_MAX: usize = 64;

fn number(out: &mut Vec<u8>, value: f64) {
    match value.is_finite() {
        true => out.put(format!("{value:?}").as_bytes()),
        false => out.put(b"null"),
    }
}

fn name_field(out: &mut Vec<u8>, name: &str) {
    out.put(b",\"");
    out.put(name.as_bytes());
    out.put(b"\":");
}

fn optional_integer(out: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(value) => out.integer(value),
        None => out.put(b"null"),
    }
}

/// An integer of so many decimals as the number that it stands for.
fn decimal_field(out: &mut Vec<u8>, name: &str, value: i64, decimals: u32) {
    name_field(out, name);
    number(out, value as f64 / 10_f64.powi(decimals as i32));
}
