//! The golden journal of a release: a small book of bets in every sport, written through the service by messages as feeds,
//! clients and the desk send them. Times are fixed, so that the records are the same each time.

use std::path::Path;

use oddsengine_engine::{
    Body, Command, Config, Engine, Fact, FixtureRequest, GradedSelection, Origin, Record, SettlementConfig,
    TicketState, VoidKind, encode_record,
};
use oddsengine_markets::custom::{SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::{Format, ModelFault};
use oddsengine_runtime::journal::OpenOptions;
use oddsengine_runtime::service::{Service, ServiceOptions, replay_engine};
use oddsengine_types::{FixtureId, Grade, TicketId, TransferId};
use serde_json::{Value, json};

use crate::journal_support::open_writer;
use crate::service_support::*;

/// The release that the part made by hand names: no build decides it.
pub const BY_HAND: &str = "by-hand";

const CUP: u64 = 1001;
const KNOCKOUT: u64 = 1002;
const LATE: u64 = 1003;
const VOID: u64 = 1004;
const LAST: u64 = 1005;
const TENNIS: u64 = 2001;
const RACE: u64 = 3001;
const FRAME: u64 = 4001;

/// Every commit and every opening of the journal.
fn committed_ns() -> i64 {
    START_NS
}

fn opening() -> OpenOptions {
    OpenOptions { clock_ns: committed_ns, ..OpenOptions::default() }
}

/// Writes the journal: three runs of the service, and between the last two what is made by hand. The second run ends with a
/// snapshot that has records after it, the third with one that has none.
pub fn write(path: &Path) {
    first_run(path);
    second_run(path);
    by_hand(path);
    third_run(path);
}

fn start(path: &Path, config: Config, now_ns: i64) -> World {
    let options = ServiceOptions { now_ns, config, ..options(Some(path)) };
    let mut world = World::of(Service::start_with(options, opening()).unwrap());
    world.now_ns = now_ns;
    world.settle();
    world
}

fn config() -> Config {
    Config {
        feed_silence_ms: 600_000,
        stake_minor_max: 100_000,
        archive_after_ms: 86_400_000,
        archive_money_after_ms: 86_400_000,
        ..Config::default()
    }
}

/// Time passes: bet delays end, payments become due.
fn pass(world: &mut World, seconds: i64) {
    world.advance(seconds);
    world.service.tick(world.now_ns, world.now_ns);
    world.settle();
}

fn feed(world: &mut World, message: Value) {
    world.advance(1);
    world.ingest(message);
    world.settle();
}

/// A message of another source, which numbers as it likes.
fn feed_of(world: &mut World, source: &str, seq: Option<u64>, mut message: Value) {
    world.advance(1);
    message["source"] = source.into();
    message["time_ns"] = world.now_ns.into();
    if let Some(seq) = seq {
        message["seq"] = seq.into();
    }
    world.service.ingest(message.to_string().as_bytes(), world.now_ns);
    world.settle();
}

fn desk(world: &mut World, mut message: Value) {
    world.advance(1);
    message["source"] = "desk.anna".into();
    world.order("desk", message);
    world.settle();
}

fn client(world: &mut World, message: Value) {
    world.advance(1);
    world.order("client", message);
    world.settle();
}

/// A bet at the odds that are offered now.
fn bet(world: &mut World, id: u128, customer: u64, stake_minor: i64, legs: &[(u64, &str, &str)]) {
    let legs = legs.iter().map(|&(fixture, market, selection)| {
        let mut leg = world.leg(fixture, market, selection);
        if leg["odds"].as_f64() < Some(1.01) {
            leg["odds"] = json!(1.5);
        }
        leg
    });
    let mut request = ticket(id, customer, stake_minor, legs.collect());
    request["odds_change"] = match id % 4 {
        0 => json!({"policy": "none"}),
        1 => json!({"policy": "higher"}),
        2 => json!({"policy": "any"}),
        _ => json!({"policy": "within", "percent": 2.5}),
    };
    client(world, request);
}

fn football(world: &mut World, fixture: u64, start_s: i64, format: Option<Value>) {
    let mut message = json!({"type": "fixture", "fixture": fixture, "sport": "football", "competition": "cup",
        "home": "Qatar", "away": "Ecuador", "start_ns": START_NS + start_s * SECOND_NS});
    if let Some(format) = format {
        message["format"] = format;
        message["entrants"] = json!(["Afif", "Ali", "Valencia"]);
    }
    feed(world, message);
    feed(
        world,
        json!({"type": "prices", "fixture": fixture, "odds_1x2": [3.36, 3.63, 2.1],
        "total_line": 2.5, "odds_total": [2.04, 1.79]}),
    );
}

fn incident(world: &mut World, fixture: u64, kind: &str, clock_s: i64, more: Value) {
    world.advance(1);
    world.incident(fixture, kind, clock_s * 1_000, more);
    world.settle();
}

/// Incidents of the other sports.
fn happens(world: &mut World, fixture: u64, sport: &str, mut message: Value) {
    message["type"] = "incident".into();
    (message["fixture"], message["sport"]) = (fixture.into(), sport.into());
    feed(world, message);
}

fn space() -> SpaceDefinition {
    let selection =
        |name: &str, grades: [Grade; 3]| SpaceSelection { name: name.into(), grades: grades.into() };
    SpaceDefinition {
        name: "frame".into(),
        outcome_count: 3,
        views: vec![SpaceView { name: "winner".into(), cell_of_outcome: vec![0, 1, 2] }],
        markets: vec![SpaceMarket {
            key: "winner".into(),
            view: 0,
            winners: 1,
            selections: vec![
                selection("home", [Grade::WON, Grade::VOID, Grade::LOST]),
                selection("away", [Grade::LOST, Grade::VOID, Grade::WON]),
            ],
        }],
    }
}

/// Everything is announced, bet on before it starts, played and settled; what does not fit is refused.
fn first_run(path: &Path) {
    let mut world = start(path, config(), START_NS);
    let w = &mut world;
    w.service.command("local", Body::DefineSpace(Box::new(space())), w.now_ns).unwrap();
    football(w, CUP, 1_000, None);
    let knockout = json!({"knockout": {"first_leg": [1, 0], "away_goals_rule": false, "extra_time": true},
        "corners": true, "cards": true, "intervals": true, "players": [2, 1]});
    football(w, KNOCKOUT, 1_000, Some(knockout));
    football(w, LATE, 120, None);
    football(w, VOID, 100_000, None);
    feed(
        w,
        json!({"type": "fixture", "fixture": TENNIS, "sport": "tennis", "competition": "open", "home": "Alba",
        "away": "Bruma", "start_ns": START_NS + 1_000 * SECOND_NS, "format": {"best_of": 3, "retirement": "advance_once_started"}}),
    );
    feed(
        w,
        json!({"type": "prices", "fixture": TENNIS,
        "markets": {"match_winner": [1.55, 2.5], "total_games:22.5": [1.87, 1.87]}}),
    );
    feed(
        w,
        json!({"type": "fixture", "fixture": RACE, "sport": "racing", "competition": "sheffield",
        "home": "14:30 Sheffield", "start_ns": START_NS + 1_000 * SECOND_NS,
        "format": {"kind": "horse", "runner_count": 5, "is_handicap": true},
        "entrants": ["Ash", "Birch", "Cedar", "Dogwood", "Elm"]}),
    );
    feed(w, json!({"type": "prices", "fixture": RACE, "markets": {"win": [3.25, 4.5, 6.0, 8.0, 9.0]}}));
    feed(
        w,
        json!({"type": "fixture", "fixture": FRAME, "sport": "custom", "space": "frame", "competition": "crucible",
        "home": "Selby", "away": "Trump", "start_ns": START_NS + 1_000 * SECOND_NS}),
    );
    feed(w, json!({"type": "model_inputs", "fixture": FRAME, "inputs": [0.55, 1.0]}));
    feed(w, json!({"type": "probabilities", "fixture": FRAME, "probabilities": [0.5, 0.1, 0.4]}));

    // Money, customers, scopes.
    for (transfer, customer, amount_minor) in [(1, 42, 100_000), (2, 43, 50_000), (3, 44, 5_000)] {
        client(w, deposit(transfer, customer, amount_minor));
    }
    client(w, deposit(1, 42, 100_000));
    client(w, deposit(1, 43, 7));
    let withdrawal = |transfer: u128, customer: u64, amount_minor: i64| {
        let mut message = deposit(transfer, customer, amount_minor);
        message["type"] = "withdraw".into();
        message
    };
    client(w, withdrawal(4, 42, 1_000));
    client(w, withdrawal(5, 44, 1_000_000));
    desk(w, json!({"type": "set_customer", "customer": 44, "factor": 0.5}));
    desk(w, json!({"type": "set_customer", "customer": 45, "factor": 0}));
    let power = json!({"method": "power", "booksum": 1.06});
    for scope in [
        json!({"scope": {"level": "sport", "sport": "football"}, "margin": power, "bet_delay_ms": 4_000}),
        json!({"scope": {"level": "market_type", "sport": "football", "stem": "correct_score"},
            "margin": {"method": "odds_ratio", "booksum": 1.2}}),
        json!({"scope": {"level": "competition", "competition": "open"}, "margin": {"method": "shin", "booksum": 1.04},
            "loss_minor_max": 5_000_000}),
        json!({"scope": {"level": "fixture", "fixture": RACE}, "feed_silence_ms": 900_000}),
        json!({"scope": {"level": "market", "fixture": CUP, "market": "1x2"}, "loss_minor_max": 900_000}),
        json!({"scope": {"level": "fixture", "fixture": VOID}, "bet_delay_ms": 1_000}),
        json!({"scope": {"level": "fixture", "fixture": VOID}}),
    ] {
        let mut message = scope;
        message["type"] = "set_scope".into();
        desk(w, message);
    }

    // The desk: expectations, prices by hand, locks, stops.
    desk(w, json!({"type": "set_expectation", "fixture": KNOCKOUT, "supremacy": 0.4, "total": 2.7}));
    for request in [
        json!({"type": "set_expectation", "fixture": KNOCKOUT, "mode": "hold", "supremacy": 0.3, "total": 2.8}),
        json!({"type": "set_expectation", "fixture": KNOCKOUT, "mode": "blend", "weight": 0.25, "supremacy": 0.3,
            "total": 2.8}),
        json!({"type": "set_expectation", "fixture": KNOCKOUT, "mode": "release"}),
    ] {
        desk(w, request);
    }
    let by_hand = json!({"type": "manual_odds", "fixture": VOID, "market": "1x2", "odds": [3.0, 3.5, 3.5]});
    desk(w, by_hand.clone());
    let mut answered_for = by_hand;
    answered_for["override_by"] = "alice".into();
    desk(w, answered_for);
    bet(w, 100, 43, 400, &[(VOID, "1x2", "home")]);
    desk(w, json!({"type": "manual_odds", "fixture": VOID, "market": "1x2", "odds": null}));
    desk(
        w,
        json!({"type": "lock_market", "fixture": VOID, "market": "total:2.5", "locked": true, "in_play": true}),
    );
    desk(w, json!({"type": "suspend", "fixture": VOID, "market": "both_score"}));
    desk(w, json!({"type": "suspend", "fixture": CUP}));
    bet(w, 101, 42, 500, &[(CUP, "1x2", "home")]);
    desk(w, json!({"type": "resume", "fixture": CUP}));
    desk(w, json!({"type": "suspend", "fixture": 9_999}));
    feed(w, json!({"type": "suspend", "fixture": RACE}));
    feed(w, json!({"type": "resume", "fixture": RACE}));

    // Bets before the start.
    bet(w, 102, 42, 1_000, &[(CUP, "1x2", "home")]);
    bet(w, 103, 42, 700, &[(CUP, "total:2.5", "over")]);
    bet(w, 104, 42, 300, &[(CUP, "1x2", "home"), (TENNIS, "match_winner", "home"), (RACE, "win", "r1")]);
    bet(w, 105, 43, 900, &[(KNOCKOUT, "1x2", "draw")]);
    bet(w, 106, 43, 250, &[(TENNIS, "match_winner", "away"), (KNOCKOUT, "both_score", "yes")]);
    bet(w, 107, 43, 600, &[(RACE, "win", "r2")]);
    bet(w, 108, 43, 350, &[(RACE, "win", "r3")]);
    bet(w, 109, 43, 200, &[(FRAME, "winner", "home")]);
    bet(w, 110, 42, 99_000, &[(LATE, "1x2", "away")]);
    bet(w, 111, 44, 90_000, &[(VOID, "1x2", "away")]);
    bet(w, 112, 45, 100, &[(VOID, "1x2", "away")]);
    bet(w, 113, 44, 100, &[(VOID, "1x2", "away")]);
    bet(w, 113, 44, 200, &[(VOID, "1x2", "away")]);
    bet(w, 114, 42, 150, &[(VOID, "total:2.5", "under"), (CUP, "total:2.5", "over")]);
    desk(w, json!({"type": "cancel_ticket", "ticket": format!("{:032x}", 113)}));
    desk(w, json!({"type": "cancel_ticket", "ticket": format!("{:032x}", 9_999)}));

    // Sources that repeat, miss, jump and are reset; and one that says that all is as it was.
    feed_of(w, "second", Some(1), json!({"type": "heartbeat"}));
    feed_of(w, "second", Some(1), json!({"type": "suspend", "fixture": LATE}));
    desk(w, json!({"type": "reset_source", "name": "second"}));
    feed_of(w, "second", Some(10), json!({"type": "heartbeat"}));
    feed_of(w, "second", Some(14), json!({"type": "heartbeat"}));
    feed_of(w, "second", Some(9_000_000), json!({"type": "heartbeat"}));
    feed_of(w, "unnumbered", None, json!({"type": "heartbeat"}));

    // A start that nobody tells, which the desk says means nothing.
    pass(w, 120);
    desk(w, json!({"type": "resume", "fixture": LATE, "stops": ["start_passed"]}));

    // Football in play: delayed bets, a goal that is taken back, a correction.
    w.now_ns = START_NS + 1_000 * SECOND_NS;
    incident(w, CUP, "kick_off", 0, json!({"score": [0, 0]}));
    incident(w, KNOCKOUT, "kick_off", 0, json!({"score": [0, 0]}));
    bet(w, 120, 42, 800, &[(CUP, "1x2", "away")]);
    bet(w, 121, 43, 450, &[(CUP, "both_score", "yes"), (KNOCKOUT, "1x2", "home")]);
    pass(w, 10);
    bet(w, 122, 42, 800, &[(CUP, "1x2", "draw")]);
    incident(w, CUP, "goal", 300, json!({"side": "home", "score": [1, 0]}));
    pass(w, 10);
    bet(w, 123, 42, 640, &[(CUP, "total:2.5", "under")]);
    desk(w, json!({"type": "cancel_ticket", "ticket": format!("{:032x}", 123)}));
    bet(w, 124, 43, 300, &[(CUP, "total:2.5", "over")]);
    pass(w, 10);
    incident(w, CUP, "danger", 600, json!({}));
    incident(w, CUP, "safe", 610, json!({}));
    incident(w, CUP, "goal", 700, json!({"side": "away", "score": [1, 1]}));
    incident(w, CUP, "goal", 900, json!({"side": "home", "score": [2, 1]}));
    // Bets on three goals and more are won, and open again.
    incident(w, CUP, "goal_cancelled", 960, json!({"side": "home", "score": [1, 1]}));
    incident(w, CUP, "red_card", 1_000, json!({"side": "away"}));
    incident(w, CUP, "red_card_cancelled", 1_030, json!({"side": "away"}));
    incident(w, CUP, "stoppage", 2_690, json!({"announced_ms": 120_000}));
    incident(w, CUP, "half_time", 2_820, json!({}));
    incident(w, CUP, "second_half", 2_700, json!({}));
    incident(w, CUP, "clock", 3_000, json!({"score": [1, 1]}));
    incident(w, CUP, "goal", 3_100, json!({"side": "home", "score": [2, 1]}));
    pass(w, 1);
    incident(w, CUP, "full_time", 5_400, json!({"score": [2, 1]}));
    desk(
        w,
        json!({"type": "settle_market", "fixture": CUP, "market": "1x2", "grades": ["lost", "won", "lost"]}),
    );
    desk(w, json!({"type": "settle_market", "fixture": CUP, "market": "1x2", "grades": null}));
    incident(w, CUP, "correction", 5_400, json!({"first_half": [1, 1], "second_half": [0, 1]}));

    // Everything beside the score, extra time and penalties.
    for (kind, clock_s, more) in [
        ("corner", 100, json!({"side": "home"})),
        ("corner_cancelled", 110, json!({"side": "home"})),
        ("yellow_card", 200, json!({"side": "away"})),
        ("yellow_card_cancelled", 210, json!({"side": "away"})),
        ("player_absent", 220, json!({"side": "home", "player": 2})),
        ("player_off", 230, json!({"side": "away", "player": 1})),
        ("player_on", 240, json!({"side": "away", "player": 1})),
        ("goal", 300, json!({"side": "home", "score": [1, 0]})),
        ("scorer", 301, json!({"goal": 1, "player": 1})),
        ("goal", 400, json!({"side": "away", "score": [1, 1]})),
        ("scorer", 401, json!({"goal": 2, "own_goal": true})),
        ("goal", 500, json!({"side": "away", "score": [1, 2]})),
        ("corners", 2_000, json!({"first_half": [2, 1], "second_half": [0, 0]})),
        ("cards", 2_100, json!({"first_half": [1, 0], "second_half": [0, 0]})),
        ("half_time", 2_700, json!({})),
        ("second_half", 2_700, json!({})),
        ("full_time", 5_400, json!({"score": [1, 2]})),
        ("extra_time", 5_400, json!({})),
        ("extra_half_time", 6_300, json!({})),
        ("extra_second_half", 6_300, json!({})),
        ("extra_full_time", 7_200, json!({})),
        ("penalties", 7_200, json!({})),
        ("penalty", 7_200, json!({"side": "home", "scored": true})),
        ("penalty", 7_200, json!({"side": "away", "scored": false})),
        ("penalty_cancelled", 7_200, json!({"side": "away", "scored": false})),
    ] {
        incident(w, KNOCKOUT, kind, clock_s, more);
    }

    // Tennis: points, a game, a score, a retirement taken back.
    for message in [
        json!({"kind": "start", "server": "home"}),
        json!({"kind": "point", "side": "home", "score": {"points": [1, 0]}}),
        json!({"kind": "point", "side": "home"}),
        json!({"kind": "point_cancelled", "side": "home"}),
        json!({"kind": "game", "side": "home", "score": {"games": [1, 0]}}),
        json!({"kind": "danger"}),
        json!({"kind": "safe"}),
        json!({"kind": "score", "sets": [[6, 4], [3, 2]], "points": [0, 0], "server": "away"}),
        json!({"kind": "retired", "side": "away"}),
        json!({"kind": "retirement_cancelled"}),
        json!({"kind": "score", "sets": [[6, 4], [6, 3]], "points": [0, 0], "server": "away"}),
        json!({"kind": "end"}),
    ] {
        happens(w, TENNIS, "tennis", message);
    }

    // A race: a withdrawal, a dead heat, an amended result.
    for message in [
        json!({"kind": "withdrawn", "runner": 3}),
        json!({"kind": "withdrawn", "runner": 5}),
        json!({"kind": "reinstated", "runner": 5}),
        json!({"kind": "off"}),
        json!({"kind": "recalled"}),
        json!({"kind": "off"}),
        json!({"kind": "result", "positions": [1, 1, 0, 3, 4]}),
        json!({"kind": "official"}),
        json!({"kind": "amended", "positions": [2, 1, 0, 3, 4]}),
    ] {
        happens(w, RACE, "racing", message);
    }

    // A sport as data: its model fails, recovers, and the frame is halved.
    let frame = |phase: &str, possible: Value| {
        json!({"phase": phase, "score": [70, 4], "period": "frame_1",
        "values": [70, 4, -1], "possible": possible, "danger": false})
    };
    happens(w, FRAME, "custom", frame("in_play", json!([[0, 3]])));
    let failed = Body::ModelFailed { fixture: FixtureId(FRAME), fault: ModelFault::Failed };
    w.service.command("model", failed, w.now_ns).unwrap();
    w.service.command("desk", Body::Reprice { fixture: FixtureId(FRAME) }, w.now_ns).unwrap();
    for ends in [false, true] {
        w.service.command("feed", Body::Halt { fixture: FixtureId(FRAME), ends }, w.now_ns).unwrap();
    }
    feed(w, json!({"type": "probabilities", "fixture": FRAME, "probabilities": [0.8, 0.1, 0.1]}));
    happens(w, FRAME, "custom", frame("finished", json!([[1, 2]])));

    desk(w, json!({"type": "void_fixture", "fixture": VOID}));
    desk(w, json!({"type": "reinstate_fixture", "fixture": VOID}));
    feed(w, json!({"type": "abandon_fixture", "fixture": VOID}));
    feed(w, json!({"type": "reinstate_fixture", "fixture": VOID}));
    acceptance(w);
    settlements(w);
    world.service.close().unwrap();
}

/// Switches, how customers stand and what they limit for themselves, a bet before a trader and one that is offered otherwise.
fn acceptance(w: &mut World) {
    let channel = json!({"level": "channel", "channel": "app.web"});
    desk(w, json!({"type": "set_switch", "scope": channel, "off": true, "reason": "prices lag"}));
    desk(w, json!({"type": "set_switch", "scope": channel, "off": false}));
    let excluded = json!({"type": "set_standing", "customer": 68, "standing": "self_excluded",
        "until_ns": w.now_ns + 1_000 * SECOND_NS, "reason": "asked for it"});
    desk(w, excluded);
    let factors = json!([{"sport": "football", "in_play": true, "factor": 0.25}]);
    let terms = json!({"type": "set_customer_terms", "customer": 42, "factors": factors, "flagged": true});
    desk(w, terms);
    bet(w, 190, 42, 100, &[(VOID, "1x2", "home")]);
    desk(w, json!({"type": "rule_referral", "ticket": format!("{:032x}", 190), "verdict": "accept"}));
    client(
        w,
        json!({"type": "answer_offer", "ticket": format!("{:032x}", 190), "customer": 42, "takes": true}),
    );
    desk(w, json!({"type": "set_customer_terms", "customer": 42, "factors": [], "flagged": false}));
    let at_once = Config { limit_increase_ms: 0, ..config() };
    w.service.command("desk", Body::Configure(Box::new(at_once)), w.now_ns).unwrap();
    let own = |limit_minor: Value| json!({"type": "set_own_limit", "customer": 68, "kind": "stake", "period": "day", "limit_minor": limit_minor});
    desk(w, own(50_000.into()));
    desk(
        w,
        json!({"type": "set_own_limit", "customer": 68, "kind": "deposit", "period": "week", "limit_minor": 20_000}),
    );
    desk(w, own(Value::Null));
    pass(w, 1);
    desk(w, json!({"type": "confirm_own_limit", "customer": 68, "kind": "stake", "period": "day"}));
    w.service.command("desk", Body::Configure(Box::new(config())), w.now_ns).unwrap();
}

/// What is annulled and comes back, results that are not sure, reviews, and second persons.
fn settlements(w: &mut World) {
    for (id, effect) in [(1, "void"), (2, "cancel")] {
        let annulment = format!("{id:032x}");
        let annul = json!({"type": "annul", "annulment": annulment, "effect": effect, "fixture": VOID, "why": "a test"});
        desk(w, annul);
        desk(w, json!({"type": "take_back_annulment", "annulment": annulment}));
    }
    desk(w, json!({"type": "take_back_annulment", "annulment": format!("{:032x}", 3)}));
    let grades = json!(["lost", "won", "lost"]);
    feed(w, json!({"type": "set_review", "fixture": VOID, "market": "1x2", "why": "goal under review"}));
    feed(
        w,
        json!({"type": "settle_market", "fixture": VOID, "market": "1x2", "grades": grades, "certainty": "provisional"}),
    );
    feed(w, json!({"type": "set_review", "fixture": VOID, "market": "1x2", "why": null}));
    feed(
        w,
        json!({"type": "settle_market", "fixture": VOID, "market": "1x2", "grades": grades, "certainty": "confirmed"}),
    );
    feed(w, json!({"type": "settle_market", "fixture": VOID, "market": "1x2", "grades": null}));
    // One that nobody confirms.
    feed(
        w,
        json!({"type": "settle_market", "fixture": VOID, "market": "both_score", "grades": ["won", "lost"],
            "certainty": "provisional"}),
    );
    let settlement = SettlementConfig { approval_above_minor: Some(0), ..SettlementConfig::default() };
    let strict = Config { settlement, ..config() };
    w.service.command("desk", Body::Configure(Box::new(strict)), w.now_ns).unwrap();
    for ticket in [111, 114] {
        desk(w, json!({"type": "cancel_ticket", "ticket": format!("{ticket:032x}")}));
    }
    desk(w, json!({"type": "approve", "action": 1}));
    desk(w, json!({"type": "decline", "action": 1}));
    w.service.command("desk", Body::Configure(Box::new(config())), w.now_ns).unwrap();
}

/// Another configuration, and a clock that is ten minutes behind: payments wait, debts arise and are paid.
fn second_run(path: &Path) {
    let (engine, _) = replay_engine(path).unwrap();
    let config = Config { settlement_delay_ms: 60_000, bets_while_owing: true, ..config() };
    let mut world = start(path, config, engine.now_ns() - 600 * SECOND_NS);
    let w = &mut world;
    football(w, LAST, 1_000_000, None);
    client(w, deposit(10, 46, 10_000));
    bet(w, 200, 46, 1_000, &[(LAST, "total:0.5", "over")]);
    bet(w, 201, 46, 2_000, &[(LAST, "1x2", "draw")]);
    bet(w, 202, 42, 500, &[(LAST, "1x2", "home"), (VOID, "1x2", "away")]);
    incident(w, LAST, "kick_off", 0, json!({"score": [0, 0]}));
    incident(w, LAST, "goal", 100, json!({"side": "home", "score": [1, 0]}));
    incident(w, LAST, "goal_cancelled", 130, json!({"side": "home", "score": [0, 0]}));
    incident(w, LAST, "goal", 200, json!({"side": "away", "score": [0, 1]}));
    pass(w, 90);
    // What was paid leaves, and is then taken back.
    let available_minor = w.service.engine().available_minor(oddsengine_types::CustomerId(46));
    let mut withdrawal = deposit(11, 46, available_minor);
    withdrawal["type"] = "withdraw".into();
    client(w, withdrawal.clone());
    incident(w, LAST, "goal_cancelled", 330, json!({"side": "away", "score": [0, 0]}));
    withdrawal["transfer"] = format!("{:032x}", 12).into();
    client(w, withdrawal);
    client(w, deposit(13, 46, 500));
    incident(w, LAST, "clock", 600, json!({"score": [0, 0]}));
    // Open when the run ends: one that waits out its delay, one whose payment waits.
    incident(w, LAST, "goal", 700, json!({"side": "home", "score": [1, 0]}));
    pass(w, 10);
    bet(w, 203, 43, 333, &[(LAST, "1x2", "away")]);
    world.service.close().unwrap();
}

/// Facts that a service decides only after ten million deposits, a thousand sources or a hundred resettlements: a ledger that
/// refuses a ticket, and sources that make room.
fn by_hand(path: &Path) {
    let (engine, _) = replay_engine(path).unwrap();
    let time_ns = engine.now_ns() + SECOND_NS;
    let of = |state| {
        let found = engine.tickets().iter().rev().find(|ticket| ticket.state == state);
        found.map(|ticket| ticket.id).expect("the run before left one")
    };
    let (delayed, open): (TicketId, TicketId) = (of(TicketState::Delayed), of(TicketState::Open));
    let settled = engine.ticket(of(TicketState::Settled)).unwrap().clone();
    let config = Box::new(engine.config().clone());
    let leg = engine.ticket(open).unwrap().legs[0];
    let fixture = engine.fixture(leg.fixture).unwrap();
    let selection = fixture.template().selection_of_id(leg.selection).unwrap();
    let graded = GradedSelection { selection: leg.selection, grade: fixture.grades[selection] };
    let parameters = fixture.parameters.as_ref().expect("it is priced by a model").record();
    let tick = || Body::Tick { read_ns: time_ns };
    let records = [
        (
            Body::ReleaseStarted { release: BY_HAND.into(), config: config.clone() },
            vec![Fact::ReleaseStarted { release: BY_HAND.into(), config }],
        ),
        // One is tried again by the run after this, when its fixture is graded; one waits on.
        (tick(), vec![Fact::TicketStuck { ticket: open }, Fact::TicketStuck { ticket: TicketId(100) }]),
        (
            tick(),
            vec![
                Fact::DelayEnded { ticket: delayed },
                Fact::TicketHeld { ticket: delayed, due_ns: time_ns + 600 * SECOND_NS },
            ],
        ),
        // So many grades that they are worked off in slices; and a pass over accumulators that is one.
        (
            tick(),
            vec![
                Fact::Graded { fixture: leg.fixture, selections: vec![graded; 1_025] },
                Fact::SettlingAdvanced { fixture: leg.fixture, selection: leg.selection, next: None },
                Fact::Weighed { weights: Vec::new() },
                Fact::ParametersSet {
                    fixture: leg.fixture,
                    parameters,
                    by: "scout".into(),
                    cause: "prices".into(),
                },
                Fact::WeighingAdvanced { fixture: leg.fixture, weights: Vec::new(), next: Some(open) },
                Fact::WeighingAdvanced { fixture: leg.fixture, weights: Vec::new(), next: None },
            ],
        ),
        // A ticket that is over leaves and comes back; another waits longer.
        (tick(), vec![Fact::ArchivingPutOff { tickets: vec![of(TicketState::Cancelled)] }]),
        (tick(), vec![Fact::TicketsArchived { tickets: vec![settled.id] }]),
        (
            Body::RecallTickets { tickets: vec![settled.clone()] },
            vec![Fact::TicketRecalled { ticket: Box::new(settled) }],
        ),
        (Body::Heartbeat, vec![Fact::SourcesForgotten { sources: vec!["unnumbered".into()] }]),
    ];
    let records = records.into_iter().chain(retired(&engine, time_ns));
    let (mut writer, _) = open_writer(path, opening());
    for (body, facts) in records {
        let command = Command { time_ns, origin: Origin::default(), body };
        let mut bytes = Vec::new();
        encode_record(&Record { command, facts }, &mut bytes);
        writer.append(&bytes).unwrap();
    }
    writer.close().unwrap();
}

/// A fixture that did not take place and the id of a deposit leave and come back; another fixture waits longer.
fn retired(engine: &Engine, time_ns: i64) -> Vec<(Body, Vec<Fact>)> {
    let (mut engine, tick) = (engine.clone(), || Body::Tick { read_ns: time_ns });
    let (fixture, deposit) = (FixtureId(9_001), TransferId(13));
    let request = FixtureRequest {
        fixture,
        format: Format::FOOTBALL,
        competition: "friendlies".into(),
        start_ns: time_ns,
        home: "Alba".into(),
        away: "Bruma".into(),
        entrants: Vec::new(),
    };
    let over =
        engine.fixtures().iter().find(|known| known.is_closed()).expect("the run before left one").id();
    let void = VoidKind::Everything;
    let mut records = vec![
        (
            Body::AddFixture(Box::new(request.clone())),
            vec![
                Fact::FixtureAdded(Box::new(request)),
                Fact::FixtureVoided { fixture, void, by_desk: true, interrupts: true },
            ],
        ),
        (tick(), vec![Fact::FixturesPutOff { fixtures: vec![over] }]),
        (
            tick(),
            vec![
                Fact::FixturesArchived { fixtures: vec![fixture] },
                Fact::MoneyArchived { transfers: vec![deposit] },
            ],
        ),
    ];
    for (body, facts) in &records {
        let command = Command { time_ns, origin: Origin::default(), body: body.clone() };
        engine.fold(&Record { command, facts: facts.clone() }).expect("facts that were made to fit");
    }
    let whole = engine.take_archived_fixtures().pop().expect("it left");
    let transfer = engine.take_archived_transfers().pop().expect("it left");
    records.push((
        Body::RecallFixtures { fixtures: vec![whole.clone()] },
        vec![Fact::FixtureRecalled { fixture: Box::new(whole) }],
    ));
    records.push((Body::RecallMoney { transfer }, vec![Fact::MoneyRecalled { transfer }]));
    records
}

/// This release again: what was stuck is tried again, and the book is left with bets in every state.
fn third_run(path: &Path) {
    let (engine, _) = replay_engine(path).unwrap();
    let mut world = start(path, engine.config().clone(), engine.now_ns() + SECOND_NS);
    let w = &mut world;
    incident(w, LAST, "clock", 900, json!({"score": [1, 0]}));
    bet(w, 300, 43, 250, &[(LAST, "total:2.5", "over")]);
    bet(w, 301, 42, 125, &[(LAST, "total:2.5", "over"), (VOID, "total:2.5", "over")]);
    pass(w, 10);
    feed(
        w,
        json!({"type": "prices", "fixture": VOID, "odds_1x2": [3.2, 3.6, 2.2], "total_line": 2.5, "odds_total": [1.95, 1.85]}),
    );
    pass(w, 1);
    incident(w, LAST, "goal", 1_000, json!({"side": "away", "score": [1, 1]}));
    bet(w, 302, 42, 75, &[(LAST, "1x2", "draw")]);
    feed(w, json!({"type": "heartbeat"}));
    world.service.close().unwrap();
}
