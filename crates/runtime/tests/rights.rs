//! Who may ask what: every kind of request against every role, and that nothing refused reaches journal or engine.

mod journal_support;
mod service_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use journal_support::Folder;
use oddsengine_engine::{Body, Channel, Command, Origin, Principal, Reason, decode_record};
use oddsengine_feeds::{INGEST_TYPES, ORDER_TYPES, Query, RequestBody, decode_ingest, decode_order};
use oddsengine_markets::ModelFault;
use oddsengine_runtime::journal;
use oddsengine_runtime::service::{
    Asked, Asker, CUSTOMER_RANGES_PER_KEY_MAX, Customers, Door, Grants, Rights, Role, SOURCES_PER_KEY_MAX,
    Service, Sources,
};
use oddsengine_types::{CustomerId, FixtureId};
use serde_json::{Value, json};
use service_support::*;

const FEED: &str = "stadium";
const SHOP: &str = "shop";
const CASHIER: &str = "cashier";
const TRADER: &str = "trader";
const VIEWER: &str = "viewer";

/// All roles of one key, of all sources and customers.
fn grants(roles: &[Role]) -> Grants {
    let all = Grants::all();
    let has = |role| roles.contains(&role);
    Grants {
        feed: all.feed.filter(|_| has(Role::Feed)),
        orders: all.orders.filter(|_| has(Role::Orders)),
        wallet: has(Role::Wallet),
        desk: has(Role::Desk),
        read: has(Role::Read),
    }
}

/// A key for each role; the shop acts for the customers 1 to 99.
fn rights() -> Rights {
    let mut rights = Rights::default();
    let shop = Grants { orders: Some(Customers::of_ranges([1..=99]).unwrap()), ..Grants::default() };
    let feed = Grants { feed: Some(Sources::of_patterns(["scout"]).unwrap()), ..Grants::default() };
    for (name, grants) in [
        (FEED, feed),
        (SHOP, shop),
        (CASHIER, grants(&[Role::Wallet])),
        (TRADER, grants(&[Role::Desk])),
        (VIEWER, grants(&[Role::Read])),
    ] {
        rights.set_key(name, grants).unwrap();
    }
    rights
}

/// What the samples of a socket ask, by the name of the sample.
fn samples(prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../feeds/canonical/samples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    files
        .filter_map(|path| Some((name(&path).strip_prefix(prefix)?.to_string(), fs::read(&path).unwrap())))
        .collect()
}

/// The roles each of which is enough for a request of this type.
fn enough(kind: &str) -> &'static [Role] {
    match kind {
        "place_ticket" | "max_stake" | "answer_offer" => &[Role::Orders],
        "set_standing" | "set_own_limit" | "confirm_own_limit" => &[Role::Wallet, Role::Desk],
        "ticket" | "tickets" | "settlements" => &[Role::Orders, Role::Desk],
        "balance" => &[Role::Orders, Role::Wallet, Role::Desk],
        "deposit" | "withdraw" => &[Role::Wallet],
        "cancel_ticket"
        | "set_customer"
        | "set_expectation"
        | "set_prices"
        | "manual_odds"
        | "lock_market"
        | "suspend"
        | "resume"
        | "settle_market"
        | "model_inputs"
        | "probabilities"
        | "void_fixture"
        | "abandon_fixture"
        | "reinstate_fixture"
        | "set_scope"
        | "reset_source"
        | "set_switch"
        | "set_customer_terms"
        | "rule_referral"
        | "evidence"
        | "annul"
        | "take_back_annulment"
        | "set_review"
        | "approve"
        | "decline"
        | "exposure"
        | "alerts"
        | "state_hash"
        | "table"
        | "explain" => &[Role::Desk],
        "fixtures" | "image" | "images" => &[Role::Read],
        "ping" => Role::ALL,
        kind => panic!("{kind} is not in this table"),
    }
}

#[test]
fn every_request_needs_its_role_and_no_other_one_will_do() {
    let samples = samples("orders_");
    for kind in ORDER_TYPES.iter().filter(|kind| **kind != "batch") {
        let of_kind: Vec<_> = samples.iter().filter(|(name, _)| name.starts_with(kind)).collect();
        assert!(!of_kind.is_empty(), "{kind}");
        for (name, bytes) in of_kind {
            let message: Value = serde_json::from_slice(bytes).unwrap();
            if message["type"] != *kind {
                continue;
            }
            let mut body = decode_order(bytes, 1).unwrap().value.body;
            if let RequestBody::Command(command) = &mut body {
                // Whom a request names as its source is looked at elsewhere.
                command.origin.source = "orders".to_owned();
            }
            // As what it did is called where it is told.
            let told = if *kind == "set_prices" { "prices" } else { kind };
            for role in Role::ALL {
                let mut rights = Rights::default();
                rights.set_key("one", grants(&[*role])).unwrap();
                let permitted = rights.permits(Asker::Key("one"), asked(&body));
                assert_eq!(permitted.is_ok(), enough(kind).contains(role), "{name} by {}", role.name());
                let without: Vec<Role> =
                    Role::ALL.iter().copied().filter(|other| !enough(kind).contains(other)).collect();
                let mut rights = Rights::default();
                rights.set_key("others", grants(&without)).unwrap();
                let refused = rights.permits(Asker::Key("others"), asked(&body));
                assert_eq!(refused.is_err(), *kind != "ping", "{name}");
                if let Err(refusal) = refused {
                    assert_eq!(refusal.reason, Reason::NotPermitted);
                    assert!(
                        refusal.detail.starts_with(&format!("{told} needs the role ")),
                        "{}",
                        refusal.detail
                    );
                    assert!(refusal.detail.contains("and key others has "), "{}", refusal.detail);
                }
            }
            // A key that nobody configured, and one without roles.
            for key in ["nobody", ""] {
                let refused = Rights::default().permits(Asker::Key(key), asked(&body));
                assert_eq!(refused.is_ok(), *kind == "ping", "{name}");
            }
        }
    }
}

fn asked(body: &RequestBody) -> Asked<'_> {
    match body {
        RequestBody::Command(command) => Asked::Command(command),
        RequestBody::Query(query) => Asked::Query { query, ticket_of: Some(CustomerId(42)) },
        RequestBody::Batch(_) => panic!("a batch is looked at request by request"),
    }
}

#[test]
fn every_message_of_a_feed_needs_the_role_feed_of_its_source() {
    let samples = samples("ingest_");
    for kind in INGEST_TYPES {
        assert!(samples.keys().any(|name| name.starts_with(kind)), "{kind}");
    }
    let others: Vec<Role> = Role::ALL.iter().copied().filter(|role| *role != Role::Feed).collect();
    for (name, bytes) in samples {
        let command = decode_ingest(&bytes, 1).unwrap().value;
        let permits = |grants: Grants| {
            let mut rights = Rights::default();
            rights.set_key("one", grants).unwrap();
            rights.permits(Asker::Key("one"), Asked::Command(&command))
        };
        let of = |pattern: &str| Grants {
            feed: Some(Sources::of_patterns([pattern]).unwrap()),
            ..Grants::default()
        };
        let source = command.origin.source.as_str();
        assert!(permits(of(source)).is_ok(), "{name}");
        assert!(permits(of("*")).is_ok(), "{name}");
        assert!(permits(of(&format!("{}*", &source[..2]))).is_ok(), "{name}");
        for pattern in [&source[..2], "else", "else*"] {
            let detail = permits(of(pattern)).unwrap_err().detail;
            assert_eq!(detail, format!("source {source} is none that key one may name: {pattern}"), "{name}");
        }
        assert!(
            permits(grants(&others)).unwrap_err().detail.contains(" needs the role feed, and key one has ")
        );
    }
}

/// They are commands of the process: nobody may ask them from outside, whatever the rights.
#[test]
fn what_the_process_does_nobody_may_ask() {
    let mut rights = Rights::default();
    rights.set_key("all", Grants::all()).unwrap();
    let space = oddsengine_markets::SpaceDefinition {
        name: "darts".to_string(),
        outcome_count: 0,
        views: Vec::new(),
        markets: Vec::new(),
    };
    let bodies = [
        Body::EpochStarted { epoch: 9 },
        Body::Configure(Box::default()),
        Body::Tick { read_ns: 1 },
        Body::DefineSpace(Box::new(space)),
        Body::ModelFailed { fixture: FixtureId(1), fault: ModelFault::Failed },
    ];
    for body in bodies {
        for channel in [Channel::Runtime, Channel::Feed, Channel::Desk] {
            let origin = Origin { source: "all".into(), channel, ..Origin::default() };
            let command = Command { time_ns: 1, origin, body: body.clone() };
            let refused = rights.permits(Asker::Key("all"), Asked::Command(&command)).unwrap_err();
            assert!(
                refused.detail.ends_with("is nothing that may be asked from outside"),
                "{}",
                refused.detail
            );
        }
    }
    // Nor does a message become another one's by the way on which it came.
    let bet = decode_order(&samples("orders_")["place_ticket"], 1).unwrap().value.body;
    let RequestBody::Command(bet) = bet else { panic!("a bet is a command") };
    for channel in [Channel::Runtime, Channel::Feed] {
        let command = Command { origin: Origin { channel, ..bet.origin.clone() }, ..bet.clone() };
        assert!(rights.permits(Asker::Key("all"), Asked::Command(&command)).is_err());
    }
}

#[test]
fn sources_and_customers_are_lists_with_bounds() {
    let sources = Sources::of_patterns(["scout", "recording.*", "a*"]).unwrap();
    for (source, is_listed) in [
        ("scout", true),
        ("scout2", false),
        ("scou", false),
        ("recording.", true),
        ("recording.wc2022", true),
        ("recording", false),
        ("Scout", false),
        ("alice", true),
        ("", false),
    ] {
        assert_eq!(sources.contains(source), is_listed, "{source}");
    }
    assert!(Sources::all().contains("anything"));
    let too_many = vec!["a"; SOURCES_PER_KEY_MAX + 1];
    for (patterns, message) in [
        (vec![""], "source \"\" has not 1 to 128 bytes"),
        (vec!["a*b"], "source \"a*b\" has a * elsewhere than at its end: scout, recording.*, *"),
        (vec!["**"], "source \"**\" has a * elsewhere than at its end: scout, recording.*, *"),
        (vec![], "0 sources are outside 1..=256"),
        (too_many, "257 sources are outside 1..=256"),
    ] {
        assert_eq!(Sources::of_patterns(patterns).unwrap_err().to_string(), message);
    }

    let customers = Customers::of_ranges([50..=60, 1..=3, 4..=5, 55..=70, u64::MAX..=u64::MAX]).unwrap();
    assert_eq!(customers.to_string(), format!("1..=5, 50..=70, {}", u64::MAX));
    for (customer, is_listed) in [
        (0, false),
        (1, true),
        (5, true),
        (6, false),
        (49, false),
        (50, true),
        (70, true),
        (71, false),
        (u64::MAX - 1, false),
        (u64::MAX, true),
    ] {
        assert_eq!(customers.contains(CustomerId(customer)), is_listed, "{customer}");
    }
    assert!(!customers.is_all());
    assert!(Customers::of_ranges([0..=7, 8..=u64::MAX]).unwrap().is_all());
    let none = Customers::of_ranges([]).unwrap_err();
    assert_eq!(none.to_string(), "0 ranges of customers are outside 1..=4096");
    assert!(Customers::of_ranges((0..=CUSTOMER_RANGES_PER_KEY_MAX as u64).map(|n| 2 * n..=2 * n)).is_err());
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = Customers::of_ranges([3..=2]).unwrap_err();
    assert_eq!(backwards.to_string(), "customers 3..=2 end before they begin");
    let many = Customers::of_ranges((0..20).map(|n| 2 * n..=2 * n)).unwrap();
    assert_eq!(many.to_string(), "0, 2, 4, 6, 8, 10, 12, 14 and 12 more");
}

#[test]
fn names_of_keys_are_no_names_of_sockets() {
    let mut rights = Rights::default();
    let refused =
        |rights: &mut Rights, name: &str| rights.set_key(name, Grants::all()).unwrap_err().to_string();
    assert_eq!(refused(&mut rights, "orders"), "key name \"orders\" is the name of a socket");
    assert_eq!(refused(&mut rights, ""), "key name \"\" has not 1 to 128 bytes");
    rights.set_key("a", Grants::default()).unwrap();
    rights.set_key("a", Grants::default()).unwrap();
    assert_eq!(refused(&mut rights, "a"), "key name \"a\" is there twice, with different rights");
    // Who has a key of that name all the same is not the socket.
    let ping = Asked::Query { query: &Query::StateHash, ticket_of: None };
    assert!(rights.permits(Asker::Key("orders"), ping).is_err());
    assert!(rights.permits(Asker::Door(Door::Orders), ping).is_ok());
}

/// A world in which a fixture is traded, customer 42 has money and customer 7 of somebody else a bet.
fn world(path: Option<&std::path::Path>) -> World {
    let mut world = World::of(Service::start(options(path)).unwrap());
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 100_000));
    world.order("a", deposit(2, 700, 100_000));
    let leg = world.leg(FIXTURE, "1x2", "home");
    world.order("a", ticket(70, 700, 1_000, vec![leg]));
    world.settle();
    world.service.set_rights(rights());
    world
}

impl World {
    /// A request of a key; returns its answer.
    fn ask(&mut self, key: &str, mut request: Value) -> Value {
        request["request_id"] = "asked".into();
        self.service.order_of(Some(key), b"client", request.to_string().as_bytes(), self.now_ns);
        let answers = answers_to(&self.settle(), "asked");
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].clone()
    }

    fn push(&mut self, key: &str, source: &str, seq: u64, mut message: Value) -> Vec<Value> {
        message["source"] = source.into();
        message["time_ns"] = self.now_ns.into();
        if seq > 0 {
            message["seq"] = seq.into();
        }
        self.service.ingest_of(Some(key), message.to_string().as_bytes(), self.now_ns);
        alerts(&self.settle())
    }

    fn not_permitted(&self, key: &str) -> u64 {
        self.service.counters().not_permitted_count.get(key).copied().unwrap_or(0)
    }
}

fn alerts(frames: &[Seen]) -> Vec<Value> {
    let is_alert = |frame: &&Seen| frame.value["type"] == "alert";
    frames.iter().filter(is_alert).map(|frame| frame.value.clone()).collect()
}

fn assert_not_permitted(answer: &Value, detail: &str) {
    assert_eq!(answer["type"], "refused", "{answer}");
    assert_eq!(answer["reason"]["number"], 100);
    assert_eq!(answer["reason"]["name"], "not_permitted");
    assert_eq!(answer["detail"], detail);
}

/// Broke: whoever could place a bet could deposit, void a fixture and bet for every customer.
#[test]
fn a_key_that_bets_does_nothing_else() {
    let folder = Folder::new();
    let mut world = world(Some(&folder.journal()));
    let leg = world.leg(FIXTURE, "1x2", "home");
    let (hash, records) = (world.hash(), world.service.progress().0);
    let void = json!({"type": "void_fixture", "fixture": FIXTURE, "source": "shop"});
    let max_stake = |customer: u64| json!({"type": "max_stake", "customer": customer, "currency": "EUR", "legs": [leg.clone()]});
    let named = |source: &str| {
        let mut bet = ticket(9, 42, 1_000, vec![leg.clone()]);
        bet["source"] = source.into();
        bet
    };
    let refused = [
        (deposit(3, 42, 1), "deposit needs the role wallet, and key shop has orders"),
        (void, "void_fixture needs the role desk, and key shop has orders"),
        (json!({"type": "fixtures"}), "fixtures needs the role read, and key shop has orders"),
        (json!({"type": "state_hash"}), "state_hash needs the role desk, and key shop has orders"),
        (
            ticket(9, 700, 1_000, vec![leg.clone()]),
            "place_ticket for customer 700 is outside of what key shop may ask for: 1..=99",
        ),
        (max_stake(700), "max_stake for customer 700 is outside of what key shop may ask for: 1..=99"),
        (
            json!({"type": "balance", "customer": 700}),
            "balance for customer 700 is outside of what key shop may ask for: 1..=99",
        ),
        (
            json!({"type": "ticket", "ticket": format!("{:032x}", 70)}),
            "the ticket is of no customer that key shop may ask for: 1..=99",
        ),
        (
            json!({"type": "settlements"}),
            "settlements is about all customers, and key shop may ask for 1..=99",
        ),
        (named("scout"), "source scout is none that key shop may name without the role desk: orders, shop"),
    ];
    for (count, (request, detail)) in refused.iter().enumerate() {
        assert_not_permitted(&world.ask(SHOP, request.clone()), detail);
        assert_eq!(world.not_permitted(SHOP), count as u64 + 1);
    }
    assert_eq!((world.hash(), world.service.progress().0), (hash, records));
    // Its own is answered: also what is not there, which tells that a request has to be sent again.
    assert_eq!(world.ask(SHOP, named("shop"))["ticket"]["state"], "accepted");
    assert_eq!(world.ask(SHOP, named("shop.web"))["repeat"], true);
    assert_eq!(world.ask(SHOP, named("shops"))["reason"]["name"], "not_permitted");
    assert_eq!(world.ask(SHOP, max_stake(42))["type"], "max_stake");
    assert_eq!(world.ask(SHOP, json!({"type": "balance", "customer": 42}))["available_minor"], 99_000);
    let of = |ticket: u128| json!({"type": "ticket", "ticket": format!("{ticket:032x}")});
    assert_eq!(world.ask(SHOP, of(9))["ticket"]["customer"], 42);
    assert_eq!(world.ask(SHOP, of(10))["reason"]["name"], "ticket_not_found");
    assert_eq!(world.ask(SHOP, json!({"type": "ping"}))["type"], "pong");
    assert_eq!(world.not_permitted(SHOP), refused.len() as u64 + 1);
}

#[test]
fn the_other_roles_do_their_own() {
    let mut world = world(None);
    let leg = world.leg(FIXTURE, "1x2", "home");
    let bet = ticket(9, 42, 1_000, vec![leg]);
    let suspend = json!({"type": "suspend", "fixture": FIXTURE, "source": "alice"});
    let requests = [
        (deposit(3, 42, 1), CASHIER),
        (suspend, TRADER),
        (json!({"type": "exposure"}), TRADER),
        (json!({"type": "fixtures"}), VIEWER),
        (bet, SHOP),
    ];
    for (request, owner) in &requests {
        for key in [FEED, SHOP, CASHIER, TRADER, VIEWER] {
            let answer = world.ask(key, request.clone());
            let is_refused = answer["reason"]["name"] == "not_permitted";
            assert_eq!(is_refused, key != *owner, "{key}: {request}: {answer}");
        }
    }
    // The desk and the wallet see balances, the desk tickets of all.
    for key in [CASHIER, TRADER] {
        assert_eq!(world.ask(key, json!({"type": "balance", "customer": 700}))["type"], "balance");
    }
    assert_eq!(world.ask(TRADER, json!({"type": "tickets"}))["type"], "tickets");
}

/// Broke: any pusher could use any `source`. Nothing of a refused message may count for the source that it names.
#[test]
fn a_feed_names_its_own_sources() {
    let mut world = world(None);
    let (hash, records) = (world.hash(), world.service.progress().0);
    let goal = json!({"type": "incident", "fixture": FIXTURE, "kind": "goal", "side": "home", "clock_ms": 1});
    let told = world.push(FEED, "wire", 0, goal.clone());
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["alert"], "not_permitted");
    assert_eq!(told[0]["message"], "source wire is none that key stadium may name: scout");
    for key in [SHOP, CASHIER, TRADER, VIEWER, "stranger"] {
        // A number far ahead would mute the source.
        let told = world.push(key, "scout", 1_000_000, goal.clone());
        assert!(told[0]["message"].as_str().unwrap().starts_with("goal needs the role feed, and key "));
    }
    assert_eq!((world.hash(), world.service.progress().0), (hash, records));
    assert_eq!(world.not_permitted(FEED), 1);
    // Keys that nobody configured are counted together.
    assert_eq!((world.not_permitted("stranger"), world.not_permitted("unknown")), (0, 1));
    let seq = world.service.engine().sources()["scout"].seq.unwrap();
    let kick_off = json!({"type": "incident", "fixture": FIXTURE, "kind": "kick_off", "clock_ms": 0});
    assert_eq!(world.push(FEED, "scout", seq + 1, kick_off), Vec::<Value>::new());
    assert_eq!(world.service.engine().counters().feed_gap_count, 0);
}

#[test]
fn alerts_of_refused_messages_are_paced() {
    let mut world = world(None);
    for _ in 0..100 {
        let message = json!({"type": "heartbeat", "source": "wire", "time_ns": 1}).to_string();
        world.service.ingest_of(Some(FEED), message.as_bytes(), world.now_ns);
    }
    assert_eq!(alerts(&world.settle()).len(), 32);
    assert_eq!(world.not_permitted(FEED), 100);
    assert_eq!(world.service.counters().left_out_alert_count, 68);
}

#[test]
fn a_batch_is_looked_at_request_by_request() {
    let mut world = world(None);
    let leg = world.leg(FIXTURE, "1x2", "home");
    let records = world.service.progress().0;
    let with_id = |id: &str, mut request: Value| {
        request["request_id"] = id.into();
        request
    };
    let requests = json!([
        with_id("1", deposit(3, 42, 1)),
        with_id("2", ticket(9, 42, 1_000, vec![leg.clone()])),
        with_id("3", ticket(10, 700, 1_000, vec![leg.clone()])),
        with_id("4", json!({"type": "state_hash"})),
        with_id("5", json!({"type": "ticket", "ticket": format!("{:032x}", 70)})),
        with_id("6", json!({"type": "ticket", "ticket": format!("{:032x}", 9)})),
        with_id("7", json!({"type": "ping"})),
        with_id("8", json!({"type": "batch", "requests": []})),
    ]);
    let answer = world.ask(SHOP, json!({"type": "batch", "requests": requests}));
    let replies = answer["replies"].as_array().unwrap();
    let found: Vec<(&str, &str)> = replies
        .iter()
        .map(|reply| (reply["request_id"].as_str().unwrap(), reply["type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("1", "refused"),
        ("2", "ticket"),
        ("3", "refused"),
        ("4", "refused"),
        ("5", "refused"),
        ("6", "ticket"),
        ("7", "pong"),
        ("8", "error"),
    ];
    assert_eq!(found, expected, "{answer}");
    for index in [0, 2, 3, 4] {
        assert_eq!(replies[index]["reason"]["name"], "not_permitted");
    }
    assert_eq!(world.not_permitted(SHOP), 4);
    // The one bet.
    assert_eq!(world.service.progress().0, records + 1);
    // What was refused does not use up the one expensive query of a batch.
    let requests =
        json!([with_id("1", json!({"type": "state_hash"})), with_id("2", json!({"type": "fixtures"})),]);
    let answer = world.ask(VIEWER, json!({"type": "batch", "requests": requests}));
    assert_eq!(
        (&answer["replies"][0]["type"], &answer["replies"][1]["type"]),
        (&json!("refused"), &json!("fixtures"))
    );
}

#[test]
fn what_is_refused_does_not_take_the_turn_from_others() {
    let mut world = world(None);
    for index in 0..80 {
        // 16 each, of the 1,024 of a turn.
        let request = json!({"type": "images", "request_id": format!("i-{index}")}).to_string();
        world.service.order_of(Some(SHOP), b"c", request.as_bytes(), world.now_ns);
    }
    assert!(world.service.takes_requests(false));
    assert_eq!(world.not_permitted(SHOP), 80);
    for index in 0..64 {
        let request = json!({"type": "images", "request_id": format!("j-{index}")}).to_string();
        world.service.order_of(Some(VIEWER), b"c", request.as_bytes(), world.now_ns);
    }
    assert!(!world.service.takes_requests(false));
}

#[test]
fn the_snapshot_socket_asks_for_the_role_read() {
    let mut world = world(None);
    let request = json!({"type": "image", "fixture": FIXTURE, "request_id": "i"}).to_string();
    world.service.snapshot_request_of(Some(SHOP), b"c", request.as_bytes(), world.now_ns);
    let answers = answers_to(&world.settle(), "i");
    assert_not_permitted(&answers[0], "image needs the role read, and key shop has orders");
    let request = json!({"type": "images", "request_id": "i"}).to_string();
    world.service.snapshot_request_of(Some(VIEWER), b"c", request.as_bytes(), world.now_ns);
    let frames = world.settle();
    assert!(frames.iter().any(|frame| frame.value["kind"] == "image"));
}

/// The default for connections without a key is what each socket is for.
#[test]
fn a_socket_without_keys_has_the_rights_that_are_configured() {
    let mut world = world(None);
    assert_eq!(world.answer(deposit(3, 42, 1))["type"], "money");
    let mut rights = Rights::default();
    rights.set_door(Door::Orders, Grants { read: true, ..Grants::default() });
    rights.set_door(Door::Ingest, Grants::default());
    world.service.set_rights(rights);
    let refused = world.answer(deposit(4, 42, 1));
    assert_not_permitted(&refused, "deposit needs the role wallet, and socket orders has read");
    assert_eq!(world.answer(json!({"type": "fixtures"}))["type"], "fixtures");
    let records = world.service.progress().0;
    world.ingest(json!({"type": "heartbeat"}));
    let told = alerts(&world.settle());
    assert_eq!(told[0]["message"], "heartbeat needs the role feed, and socket ingest has none");
    assert_eq!(world.service.progress().0, records);
    assert_eq!((world.not_permitted("orders"), world.not_permitted("ingest")), (1, 1));
}

#[test]
fn the_principal_stands_in_the_record() {
    let folder = Folder::new();
    let mut world = world(Some(&folder.journal()));
    let leg = world.leg(FIXTURE, "1x2", "home");
    assert_eq!(world.ask(SHOP, ticket(9, 42, 1_000, vec![leg]))["type"], "ticket");
    assert_eq!(world.ask(CASHIER, deposit(3, 42, 1))["type"], "money");
    let suspend = json!({"type": "suspend", "fixture": FIXTURE, "source": "alice", "request_id": "s"});
    let in_batch = json!({"type": "batch", "requests": [suspend]});
    assert_eq!(world.ask(TRADER, in_batch)["replies"][0]["type"], "done");
    let seq = world.service.engine().sources()["scout"].seq.unwrap();
    world.push(FEED, "scout", seq + 1, json!({"type": "heartbeat"}));
    world.service.close().unwrap();
    let principals: Vec<(String, String)> = journal::records(folder.journal(), 1)
        .unwrap()
        .map(|record| {
            let command = decode_record(&record.unwrap().bytes).unwrap().command;
            let Principal { key, service, staff } = command.origin.principal;
            assert_eq!((service.as_str(), staff.as_str()), ("", ""));
            (key, command.origin.source)
        })
        .collect();
    let of = |key: &str, source: &str| (key.to_string(), source.to_string());
    assert_eq!(principals[..2], [of("", ""), of("", "")], "the process itself");
    assert!(principals.contains(&of("ingest", "scout")), "a connection without a key");
    assert!(principals.contains(&of("orders", "orders")), "a connection without a key");
    let last = &principals[principals.len() - 4..];
    assert_eq!(last, [of(SHOP, "orders"), of(CASHIER, "orders"), of(TRADER, "alice"), of(FEED, "scout")]);
}
