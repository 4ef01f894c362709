//! A sample of every message that leaves: `samples/*.json`, also shown in `docs/wire.md` and valid under
//! `docs/schemas/`.
//!
//! `UPDATE_EXPECTED=1 cargo test -p oddsengine-runtime --lib wire` writes them again; read the difference.

use std::path::PathBuf;

use oddsengine_engine::{
    Answer, BoardUpdate, Body, Command, Config, Expectation, ExpectationMode, FixtureExposure, LimitCheck,
    LimitLevel, Margin, MarginKind, MarketDesk, MarketExplanation, MarketExposure, MoneyRequest, OddsVersion,
    Origin, PricedBy, Principal, Reason, Scope, ScopeSettings, SelectionExplanation, SelectionExposure, Stop,
    StopSet, Stops, Ticket, TicketState,
};
use oddsengine_engine::{
    Customer, CustomerFactor, CustomerFile, CustomerTerms, Flow, NextLimit, OwnLimit, OwnLimitKind, Period,
    Standing, Switch, SwitchScope,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, SportId, StateHash, TransferId};
use serde_json::json;

use super::super::{
    Alert, BalanceAnswer, BatchReply, ChangesReply, CommandRow, DeskTails, Explained, ExposureLevel,
    FeedHealth, Header, Health, Heartbeat, ReplyTo, RowsReply, Tail, balance_row, board_delta, command_row,
    customer_row, desk_alert, desk_heartbeat, desk_settlement, desk_ticket, evidence_row, heartbeat,
    reply_alerts, reply_answer, reply_balance, reply_error, reply_explain, reply_exposure, reply_fixtures,
    reply_images_end, reply_max_stake, reply_pong, reply_state_hash, reply_ticket, sample, scope_row,
    stamp_sent, switch_row, trading,
};
use super::{HEADER, OneFixture, SENT_NS, parse};

const TO: ReplyTo<'_> = ReplyTo {
    request_id: Some("r-1"),
    epoch: 3,
    received_ns: 1_668_960_150_000_000_000,
    decided_ns: 1_668_960_155_000_000_000,
};
const MONEY: MoneyRequest = MoneyRequest {
    transfer: TransferId(u128::MAX),
    customer: CustomerId(42),
    amount_minor: 10_000,
    currency: Currency::EUR,
};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = b"rest of an earlier frame".to_vec();
    write(&mut out);
    stamp_sent(&mut out, SENT_NS);
    out
}

fn answer(answer: &Answer) -> Vec<u8> {
    written(|out| assert!(reply_answer(&TO, answer, out)))
}

fn answer_ticket(ticket: &Ticket, is_repeat: bool) -> Vec<u8> {
    let lookup = OneFixture(sample::fixture());
    written(|out| reply_ticket(&TO, ticket, is_repeat, &lookup, out))
}

fn refused_ticket() -> Ticket {
    let mut ticket = sample::ticket();
    ticket.state = TicketState::Refused(Reason::OddsHaveMoved);
    (ticket.legs[0].odds_e4, ticket.payout_minor_max) = (0, 0);
    ticket
}

fn settled_ticket() -> Ticket {
    let mut ticket = sample::ticket();
    (ticket.state, ticket.paid_minor, ticket.settlement_count) = (TicketState::Settled, 6_100, 1);
    ticket.legs[0].grade = Some(Grade::WON);
    ticket
}

fn exposure() -> FixtureExposure {
    let home = SelectionExposure {
        selection: 0,
        leg_count: 1,
        stake_minor: 1_000,
        payout_minor: 6_100,
        liability_minor: 5_100,
    };
    FixtureExposure {
        leg_count: 1,
        stake_minor: 1_000,
        worst_minor: -5_100,
        worst_minor_bound: -5_100,
        expected_minor: 59.4,
        markets: vec![MarketExposure { market: 0, worst_minor: -5_100, selections: vec![home] }],
    }
}

/// (name, payload) of every message.
pub fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let lookup = OneFixture(sample::fixture_with_states());
    let fixture = &lookup.0;
    let index = |key: &str| fixture.template().market_index(key).unwrap() as u16;
    let changed_markets = &[index("1x2"), index("double_chance"), index("total:0.5"), index("total:2.5")];
    let update = BoardUpdate {
        fixture,
        template: fixture.template(),
        changed_markets,
        version: OddsVersion { epoch: 3, seq: 7 },
        decided_ns: HEADER.decided_ns,
        source_ns: HEADER.source_ns,
    };
    let mut stopped = sample::fixture();
    stopped.stops = Stops { set: StopSet::of(&[Stop::Danger]), ..Stops::default() };
    // One price by hand: without any it would be told as `no_price` too.
    let by_hand = MarketDesk { manual_odds_e4: Some(vec![10_500, 90_000]), ..MarketDesk::default() };
    stopped.desk.insert(index("total:0.5"), by_hand);
    let ticket = sample::ticket();
    let binding = LimitCheck {
        level: LimitLevel::Market,
        leg: Some(0),
        limit_minor: 2_000_000,
        used_minor: 150_000,
        stake_minor_max: 362_745,
        window: None,
    };
    let feeds = [FeedHealth {
        source: "recording.wc2022",
        seq: Some(7),
        received_ns: HEADER.received_ns,
        is_stale: false,
    }];
    let tails = [Tail { fixture: FixtureId(1001), odds_seq: 5, status_seq: 2 }];
    let health = Heartbeat {
        health: Health::Ok,
        command_count: 12,
        durable_count: 12,
        queued_count: 0,
        fixture_count: 1,
        feed_count: 1,
        stale_feed_count: 0,
        feeds: &feeds,
        tails: &tails,
    };
    let unasked = Header { version: 0, source_ns: 0, source: "", reason: "tick", ..HEADER };
    let balance =
        BalanceAnswer { customer: CustomerId(42), available_minor: 9_000, reserved_minor: 0, owed_minor: 0 };
    let level = |level, name, limit_minor| ExposureLevel { level, name, loss_minor: 5_100, limit_minor };
    let levels = [level("platform", "", 200_000_000), level("sport", "football", 100_000_000)];
    let alert = Alert { alert: "feed_gap", message: "expected 12, received 15", fixture: None };
    let hash = StateHash([0xa5; 16]);
    vec![
        ("board_delta", written(|out| board_delta(&update, &HEADER, 2, out))),
        ("status", written(|out| trading(&stopped, &Header { reason: "danger", seq: 2, ..HEADER }, out))),
        ("heartbeat", written(|out| heartbeat(&health, &unasked, out))),
        (
            "desk_ticket",
            written(|out| {
                desk_ticket(&ticket, &Header { version: 0, reason: "place_ticket", ..HEADER }, &lookup, out)
            }),
        ),
        (
            "desk_settlement",
            written(|out| {
                desk_settlement(&settled_ticket(), 0, &Header { version: 0, ..HEADER }, &lookup, out)
            }),
        ),
        ("desk_alert", written(|out| desk_alert(&alert, &Header { version: 0, ..HEADER }, out))),
        (
            "desk_heartbeat",
            written(|out| {
                let tails = DeskTails { ticket_seq: 7, settlement_seq: 5, alert_seq: 2, change: 12 };
                desk_heartbeat(&tails, &Header { reason: "heartbeat", ..unasked }, out)
            }),
        ),
        ("reply_ticket", answer_ticket(&ticket, false)),
        ("reply_ticket_refused", answer_ticket(&refused_ticket(), true)),
        (
            "reply_refused_ticket",
            answer(&Answer::TicketRefused { ticket: ticket.id, reason: Reason::IdHasAnotherBody }),
        ),
        (
            "reply_money",
            answer(&Answer::MoneyBooked { request: MONEY, available_minor: 10_000, is_repeat: false }),
        ),
        (
            "reply_refused_money",
            answer(&Answer::MoneyRefused { request: MONEY, reason: Reason::BalanceTooSmall }),
        ),
        ("reply_done", answer(&Answer::Done)),
        ("reply_pending", answer(&Answer::Pending { action: 7 })),
        (
            "reply_refused",
            answer(&Answer::Refused {
                reason: Reason::FixtureNotFound,
                detail: "fixture 9 is not known".into(),
            }),
        ),
        (
            "reply_error",
            written(|out| {
                let to = ReplyTo { request_id: None, ..TO };
                reply_error(&to, "not_json", "message is not JSON: EOF while parsing", out);
            }),
        ),
        ("reply_max_stake", written(|out| reply_max_stake(&TO, &Ok(binding), &lookup, out))),
        (
            "reply_max_stake_none",
            written(|out| reply_max_stake(&TO, &Err(Reason::FixtureSuspended), &lookup, out)),
        ),
        ("reply_balance", written(|out| reply_balance(&TO, &balance, &lookup, out))),
        (
            "reply_exposure",
            written(|out| {
                reply_exposure(&TO, &levels, Some((fixture, &exposure())), Some(128), &lookup, out)
            }),
        ),
        ("reply_fixtures", written(|out| reply_fixtures(&TO, [(fixture, fixture.version)], Some(64), out))),
        ("reply_state_hash", written(|out| reply_state_hash(&TO, hash, 12, out))),
        ("reply_pong", written(|out| reply_pong(&TO, out))),
        (
            "reply_tickets",
            written(|out| {
                let mut reply = ChangesReply::begin(&TO, "tickets", 4, out);
                reply.add(&ticket, &lookup);
                reply.finish(9, 12);
            }),
        ),
        (
            "reply_settlements",
            written(|out| {
                let mut reply = ChangesReply::begin(&TO, "settlements", 3, out);
                reply.add(&settled_ticket(), &lookup);
                reply.finish(12, 12);
            }),
        ),
        (
            "reply_alerts",
            written(|out| {
                let kept = written(|out| desk_alert(&alert, &Header { version: 0, ..HEADER }, out));
                reply_alerts(&TO, [kept.as_slice()].into_iter(), [1, 5, 7], out);
            }),
        ),
        (
            "reply_table",
            written(|out| {
                let mut rows = RowsReply::begin(&TO, "balances", out);
                rows.add(|out| balance_row(out, &balance, Currency::EUR));
                rows.finish(Some("17"), None);
            }),
        ),
        (
            "reply_table_customers",
            written(|out| {
                let mut rows = RowsReply::begin(&TO, "customers", out);
                let terms = CustomerTerms {
                    factors: vec![CustomerFactor {
                        sport: Some(SportId(0)),
                        in_play: Some(true),
                        factor_e3: 100,
                    }],
                    ..CustomerTerms::default()
                };
                let limit = OwnLimit {
                    kind: OwnLimitKind::Stake,
                    period: Period::Day,
                    limit_minor: 5_000,
                    next: Some(NextLimit { limit_minor: None, from_ns: TO.decided_ns }),
                };
                let flow =
                    Flow { hour: TO.decided_ns / 3_600_000_000_000, staked_minor: 400, ..Flow::default() };
                let file = CustomerFile {
                    standing: Standing::SelfExcluded(TO.decided_ns),
                    terms,
                    limits: vec![limit],
                    since_ns: 1,
                    hours: vec![flow],
                };
                let customer = Customer { factor_e3: 250, file: Some(Box::new(file)) };
                rows.add(|out| customer_row(out, CustomerId(42), &customer, TO.decided_ns));
                rows.finish(None, None);
            }),
        ),
        (
            "reply_table_switches",
            written(|out| {
                let switch = Switch {
                    owner: "desk.alice".into(),
                    reason: "prices lag".into(),
                    since_ns: TO.decided_ns,
                };
                let scope = SwitchScope::Channel("app.web".into());
                let mut rows = RowsReply::begin(&TO, "switches", out);
                rows.add(|out| switch_row(out, &scope, &switch, &lookup));
                rows.finish(None, None);
            }),
        ),
        (
            "reply_table_evidence",
            written(|out| {
                let mut rows = RowsReply::begin(&TO, "evidence", out);
                rows.add(|out| evidence_row(out, &ticket, 0, Some(11_667)));
                rows.finish(None, None);
            }),
        ),
        (
            "reply_table_scopes",
            written(|out| {
                let margin = Margin { method: MarginKind::Shin, booksum_e4: 10_450 };
                let settings = ScopeSettings { margin: Some(margin), ..ScopeSettings::default() };
                let market = Scope::Market(FixtureId(1001), MarketId::of("1x2"));
                let mut rows = RowsReply::begin(&TO, "scopes", out);
                rows.add(|out| scope_row(out, &market, &settings, &lookup));
                rows.finish(None, None);
            }),
        ),
        (
            "reply_table_commands",
            written(|out| {
                let body = Body::SetManualOdds {
                    fixture: FixtureId(1001),
                    market: MarketId::of("1x2"),
                    odds_e4: Some(vec![34_000, 0, 20_500]),
                    keeps_in_play: false,
                    override_by: String::new(),
                };
                let origin = Origin {
                    source: "desk.alice".into(),
                    principal: Principal::of_key("desk"),
                    ..Origin::default()
                };
                let command = Command { time_ns: HEADER.received_ns, origin, body };
                let detail = "odds 3.4 of home are above the fair ones";
                let refused = Some((Reason::ImplausiblePrice, detail));
                let mut rows = RowsReply::begin(&TO, "commands", out);
                rows.add(|out| {
                    command_row(&CommandRow { number: 12, command: &command, refused }, &lookup, out)
                });
                rows.finish(None, Some((0, 12)));
            }),
        ),
        (
            "reply_explain",
            written(|out| {
                let step = |selection, fair_probability| SelectionExplanation {
                    selection,
                    fair_probability,
                    skewed_probability: fair_probability,
                    margin_odds_e4: 60_120,
                    payout_minor: 6_100,
                };
                let steps = MarketExplanation {
                    margin: Margin { method: MarginKind::Shin, booksum_e4: 10_450 },
                    margin_from: Some(Scope::Fixture(FixtureId(1001))),
                    loss_minor_max: 2_000_000,
                    loss_from: None,
                    selections: vec![step(0, 0.1575)],
                };
                let mut fixture = stopped.clone();
                fixture.priced_by = PricedBy {
                    by: "desk.alice".into(),
                    cause: "set_expectation".into(),
                    at_ns: HEADER.received_ns,
                };
                fixture.expectation = Some(Expectation {
                    mode: ExpectationMode::Blend,
                    supremacy_e6: -450_000,
                    total_e6: 2_600_000,
                    weight_e3: 250,
                    owner: "desk.alice".into(),
                    since_ns: HEADER.received_ns,
                    feed: None,
                });
                let explained = Explained {
                    fixture: &fixture,
                    version: 7,
                    market: Some((0, &steps)),
                    config: &Config::default(),
                    expects: [Some((-0.2, 2.6)), Some((-0.125, 2.6))],
                    first: 0,
                    end: 1,
                };
                reply_explain(&TO, &explained, Some(1), &lookup, out);
            }),
        ),
        ("reply_images_end", written(|out| reply_images_end(&TO, 32, Some(48), 2_000, out))),
        (
            "reply_batch",
            written(|out| {
                let mut batch = BatchReply::begin(&TO, out);
                for request_id in ["r-2", "r-3"] {
                    let mut reply = Vec::new();
                    reply_pong(&ReplyTo { request_id: Some(request_id), ..TO }, &mut reply);
                    batch.add(&reply);
                }
                batch.finish();
            }),
        ),
    ]
}

#[test]
fn frames_are_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/wire/samples");
    for (name, frame) in frames() {
        let path = folder.join(format!("{name}.json"));
        let mut line = frame.clone();
        line.push(b'\n');
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, &line).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap_or_default(), line, "{name}");
        assert_eq!(parse(&frame)["sent_ns"], SENT_NS, "{name}");
    }
    let count = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(count, frames().len(), "a sample without a frame");
}

#[test]
fn a_ticket_carries_its_evidence() {
    let frame = parse(&answer_ticket(&sample::ticket(), false));
    assert_eq!(frame["request_id"], "r-1");
    assert_eq!(frame["repeat"], false);
    let expected = json!({
        "ticket": "0123456789abcdef0123456789abcdef", "customer": 42, "state": "accepted", "reason": null,
        "currency": "EUR", "stake_minor": 1_000, "payout_minor_max": 6_100, "paid_minor": 0,
        "odds_change": {"policy": "within", "percent": 2.5},
        "received_ns": TO.received_ns, "decided_ns": TO.decided_ns, "due_ns": TO.decided_ns,
        "settlement_count": 0,
        "legs": [{
            "fixture": 1001, "market": "1x2", "selection": "home", "requested_odds": 6.2, "offered_odds": 6.1,
            "odds": 6.1, "fair_probability": 0.1542, "quoted_version": [3, 6], "version": [3, 7],
            "score": [0, 1], "clock_ms": 142_059, "grade": null,
        }],
        "checks": [
            {"level": "market", "leg": 0, "limit_minor": 2_000_000, "used_minor": 150_000, "stake_minor_max": 362_745},
            {"level": "payout", "leg": null, "limit_minor": 2_000_000, "used_minor": 150_000, "stake_minor_max": 4_098_360},
        ],
    });
    assert_eq!(frame["ticket"], expected);
}

#[test]
fn a_refused_ticket_says_why() {
    let frame = parse(&answer_ticket(&refused_ticket(), true));
    let reason = &frame["ticket"]["reason"];
    assert_eq!((&reason["number"], &reason["name"]), (&json!(302), &json!("odds_have_moved")));
    assert_eq!(reason["sentence"], Reason::OddsHaveMoved.sentence());
    assert_eq!(frame["ticket"]["legs"][0]["odds"], json!(null));
}

#[test]
fn a_leg_on_what_is_not_known_is_told_by_its_fixture_alone() {
    let mut ticket = refused_ticket();
    ticket.legs[0].fixture = FixtureId(u64::MAX);
    let frame = parse(&answer_ticket(&ticket, false));
    let leg = &frame["ticket"]["legs"][0];
    assert_eq!(leg["fixture"], u64::MAX);
    assert!(leg["market"].is_null() && leg["selection"].is_null());
}

#[test]
fn a_ticket_and_nothing_are_no_plain_answers() {
    let ticket = sample::ticket().id;
    for answer in [Answer::None, Answer::Ticket { ticket, is_repeat: false }] {
        assert!(!reply_answer(&TO, &answer, &mut Vec::new()));
    }
}

#[test]
fn a_batch_holds_its_answers_without_a_time_of_sending() {
    let frames = frames();
    let (_, batch) = frames.iter().find(|(name, _)| *name == "reply_batch").unwrap();
    let batch = parse(batch);
    assert_eq!(batch["replies"][1]["request_id"], "r-3");
    assert!(batch["replies"][1].get("sent_ns").is_none());
}
