//! What is asked costs a bounded amount of work and bytes: in an answer, in a batch, in a turn, in a second.

mod service_support;

use oddsengine_engine::command::SOURCES_MAX;
use oddsengine_feeds::MESSAGE_BYTES_MAX;
use oddsengine_runtime::service::{BATCH_REPLY_BYTES_MAX, Socket, WEIGHT_PER_TURN};
use serde_json::{Value, json};
use service_support::*;

fn with_fixtures(count: u64) -> World {
    let mut world = World::new(None);
    for fixture in 1..=count {
        let competition = if fixture % 3 == 0 { "liga" } else { "cup" };
        world.ingest(json!({"type": "fixture", "fixture": fixture, "sport": "football",
            "competition": competition, "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}));
        world.turn();
    }
    world
}

fn batch(world: &mut World, requests: Vec<Value>) -> (Vec<Value>, usize) {
    let requests: Vec<Value> = requests
        .into_iter()
        .enumerate()
        .map(|(index, mut request)| {
            request["request_id"] = format!("{index}").into();
            request
        })
        .collect();
    let count = requests.len();
    let id = world.order("a", json!({"type": "batch", "requests": requests}));
    let replies = answers_to(&world.settle(), &id)[0].clone();
    let replies = replies["replies"].as_array().unwrap().clone();
    assert_eq!(replies.len(), count, "each request has its answer");
    for (index, reply) in replies.iter().enumerate() {
        assert_eq!(reply["request_id"], format!("{index}"));
    }
    let size = serde_json::to_vec(&replies).unwrap().len();
    (replies, size)
}

/// `images` of 10,000 fixtures was answered within one turn: 1.4 s without an answer to anybody, and 0.5 to 0.9 GB. A page
/// has at most 32 boards and two megabytes; pages together are every board once.
#[test]
fn images_come_in_pages() {
    let mut world = with_fixtures(100);
    for (prefix, expected) in [("odds.", 100), ("odds.football.liga.", 33), ("odds.tennis.", 0)] {
        let (mut after, mut found, mut pages) = (Value::Null, Vec::new(), 0);
        loop {
            let request = json!({"type": "images", "prefix": prefix, "after": after});
            let id = world.snapshot("s", request);
            let frames = world.turn();
            let answers = answers_to(&frames, &id);
            let (end, images) = answers.split_last().unwrap();
            assert!(
                answers.iter().all(|answer| answer["request_id"] == id.as_str()),
                "images name the request too"
            );
            assert_eq!(end["type"], "images_end");
            assert_eq!(end["image_count"], images.len());
            assert!(images.len() <= 32, "{}", images.len());
            assert!(images.iter().map(|image| image.to_string().len()).sum::<usize>() < 2_100_000);
            found.extend(images.iter().map(|image| image["fixture"].as_u64().unwrap()));
            pages += 1;
            after = end["next"].clone();
            if after.is_null() {
                break;
            }
        }
        found.dedup();
        assert_eq!(found.len(), expected, "{prefix}");
        assert!(pages >= expected / 32);
    }
    // A place behind the end is the end.
    let id = world.snapshot("s", json!({"type": "images", "after": u64::MAX}));
    let answers = answers_to(&world.turn(), &id);
    assert_eq!((&answers[0]["image_count"], &answers[0]["next"]), (&json!(0), &Value::Null));
}

/// One client asked for all images 400 times and read none: 3.2 GiB. A second page for a client while one is being sent
/// is refused; other clients get theirs.
#[test]
fn a_client_has_one_page_of_images_at_a_time() {
    let mut world = with_fixtures(40);
    let ids: Vec<_> = (0..10).map(|_| world.snapshot("greedy", json!({"type": "images"}))).collect();
    let other = world.snapshot("other", json!({"type": "images"}));
    let frames = world.turn();
    assert_eq!(answers_to(&frames, &ids[0]).len(), 33);
    for id in &ids[1..] {
        let answers = answers_to(&frames, id);
        assert_eq!(answers.len(), 1);
        assert_eq!((&answers[0]["type"], &answers[0]["code"]), (&json!("error"), &json!("busy")));
    }
    assert_eq!(answers_to(&frames, &other).len(), 33);
    let again = world.snapshot("greedy", json!({"type": "images", "after": 32}));
    assert_eq!(answers_to(&world.turn(), &again).len(), 9, "8 boards and the end");
}

/// `fixtures` told all of them in one answer.
#[test]
fn fixtures_come_in_pages() {
    let mut world = with_fixtures(150);
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let answer = world.answer(json!({"type": "fixtures", "after": after}));
        let page = answer["fixtures"].as_array().unwrap();
        assert!(!page.is_empty() && answer.to_string().len() < 64 << 10);
        found.extend(page.iter().map(|fixture| fixture["fixture"].as_u64().unwrap()));
        match answer["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found, (1..=150).collect::<Vec<_>>());
}

/// 14,000 batches of 256 `ticket` queries that nobody read were 3.6 GB: an answer of a batch had 350 kB. What does not fit
/// is not carried out and says so, in its place.
#[test]
fn the_answer_to_a_batch_has_a_bound() {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 1_000_000));
    world.turn();
    let leg = world.leg(FIXTURE, "1x2", "home");
    world.order("a", ticket(1, 42, 1_000, vec![leg.clone()]));
    world.turn();
    let query = json!({"type": "ticket", "ticket": format!("{:032x}", 1)});
    let (replies, size) = batch(&mut world, vec![query; 256]);
    assert!(size < 2 * MESSAGE_BYTES_MAX, "{size}");
    let full = replies.iter().position(|reply| reply["code"] == "batch_full").unwrap();
    assert!(full > 20, "{full}");
    assert!(replies[full..].iter().all(|reply| reply["code"] == "batch_full"));
    let answered: usize = replies[..full].iter().map(|reply| reply.to_string().len()).sum();
    assert!(answered > BATCH_REPLY_BYTES_MAX * 9 / 10);

    // Commands too: what is not answered was not done, and is done when it is sent again.
    let bets: Vec<_> = (100..228).map(|id| ticket(id, 42, 20, vec![leg.clone()])).collect();
    let (replies, size) = batch(&mut world, bets.clone());
    assert!(size < 2 * MESSAGE_BYTES_MAX, "{size}");
    let full = replies.iter().position(|reply| reply["code"] == "batch_full").unwrap();
    assert_eq!(world.service.engine().tickets().len(), 1 + full);
    let (replies, _) = batch(&mut world, bets[full..].iter().take(20).cloned().collect());
    assert!(replies.iter().all(|reply| reply["ticket"]["state"] == "accepted"));
}

/// 256 `state_hash` in one batch held everything up for 0.58 s at 500 fixtures: one expensive query a batch, whatever it is.
#[test]
fn a_batch_takes_one_expensive_query() {
    let mut world = with_fixtures(3);
    let expensive = [
        json!({"type": "state_hash"}),
        json!({"type": "exposure"}),
        json!({"type": "fixtures"}),
        json!({"type": "tickets"}),
        json!({"type": "settlements"}),
        json!({"type": "alerts"}),
    ];
    for first in &expensive {
        let mut requests = vec![json!({"type": "ping"}), first.clone()];
        requests.extend(expensive.clone());
        requests.push(json!({"type": "ping"}));
        let (replies, _) = batch(&mut world, requests);
        assert_eq!(replies[1]["type"], first["type"]);
        assert!(replies[2..8].iter().all(|reply| reply["code"] == "batch_too_heavy"), "{replies:?}");
        assert_eq!((&replies[0]["type"], &replies[8]["type"]), (&json!("pong"), &json!("pong")));
    }
    let images = vec![json!({"type": "images"}), json!({"type": "image", "fixture": 1})];
    let (replies, _) = batch(&mut world, images);
    assert!(replies.iter().all(|reply| reply["type"] == "error"));
}

/// A turn took 512 messages, whatever they held: the loop asks after each whether there is room for another.
#[test]
fn a_turn_takes_a_bounded_weight() {
    let mut world = with_fixtures(40);
    let taken = |world: &mut World, is_snapshot: bool, request: Value| {
        let mut count = 0;
        while world.service.takes_requests(is_snapshot) {
            let client = format!("c{count}");
            match is_snapshot {
                true => world.snapshot(&client, request.clone()),
                false => world.order(&client, request.clone()),
            };
            count += 1;
        }
        world.turn();
        count
    };
    assert_eq!(taken(&mut world, false, json!({"type": "ping"})), WEIGHT_PER_TURN);
    assert_eq!(taken(&mut world, true, json!({"type": "images"})), 64);
    assert_eq!(taken(&mut world, true, json!({"type": "image", "fixture": 1})), 64);
    assert!(taken(&mut world, false, json!({"type": "fixtures"})) <= 16);
    let pings: Vec<_> = (0..256).map(|id| json!({"type": "ping", "request_id": id.to_string()})).collect();
    assert_eq!(taken(&mut world, false, json!({"type": "batch", "requests": pings})), 4);
    // One socket's load takes nothing from the other.
    while world.service.takes_requests(false) {
        world.order("a", json!({"type": "ping"}));
    }
    assert!(world.service.takes_requests(true));
    world.turn();
    assert!(world.service.takes_requests(false));
    // What is not understood has a weight too.
    for _ in 0..WEIGHT_PER_TURN {
        world.service.order(b"a", b"{", world.now_ns);
    }
    assert!(!world.service.takes_requests(false));
}

/// The hash of a large state is long work: asked again without a command between it costs nothing, and is otherwise
/// answered with pauses between, in which others are.
#[test]
fn heavy_queries_have_pauses() {
    let mut world = with_fixtures(450);
    world.service.share();
    // Another thread computes it: it is there in a later turn.
    let hash = |world: &mut World| {
        world.order("hash", json!({"type": "state_hash", "request_id": "hash"}));
        loop {
            let frames = world.turn();
            if let Some(seen) = frames.into_iter().find(|seen| seen.value["request_id"] == "hash") {
                return seen.value;
            }
            std::thread::yield_now();
        }
    };
    let first = hash(&mut world);
    assert_eq!(first["state_hash"], world.hash());
    assert_eq!(hash(&mut world)["state_hash"], first["state_hash"], "nothing happened between");
    world.order("a", deposit(1, 42, 100));
    let refused = hash(&mut world);
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("busy")), "{refused}");
    assert_eq!(world.answer(json!({"type": "balance", "customer": 42}))["available_minor"], 100);
    world.now_ns += 25_000_000;
    let second = hash(&mut world);
    assert_eq!(second["state_hash"], world.hash());
    assert_ne!(second["state_hash"], first["state_hash"]);
    // A clock that went back ends the pause.
    world.order("a", deposit(2, 42, 100));
    world.now_ns -= SECOND_NS;
    assert_eq!(hash(&mut world)["state_hash"], world.hash());
}

/// 300,000 names of sources on `ingest` made a heartbeat of 28.8 MB every second, for every subscriber: names are
/// known up to a bound, and a heartbeat names 64 with counts of all.
#[test]
fn a_heartbeat_has_a_bound() {
    let mut world = World::new(None);
    let say = |world: &mut World, source: String| {
        let message = json!({"type": "heartbeat", "source": source, "time_ns": world.now_ns});
        world.service.ingest(message.to_string().as_bytes(), world.now_ns);
    };
    say(&mut world, "scout".into());
    world.fixture(FIXTURE);
    world.advance(60);
    for source in 0..5_000 {
        say(&mut world, format!("{source}-{}", "x".repeat(100)));
    }
    world.service.heartbeat(world.now_ns);
    let frames = world.turn();
    let beat = frames.iter().find(|frame| frame.value["type"] == "heartbeat").unwrap();
    assert!(beat.value.to_string().len() < 16_384);
    let feeds = beat.value["feeds"].as_array().unwrap();
    assert_eq!(feeds.len(), 64);
    let scout = feeds.iter().find(|feed| feed["source"] == "scout").expect("who feeds something is named");
    assert_eq!(scout["stale"], true);
    assert!(beat.value["feed_count"].as_u64().unwrap() <= SOURCES_MAX as u64);
    assert_eq!(beat.value["stale_feed_count"], 1);
    assert!(frames.iter().all(|frame| frame.socket != Socket::Orders));
}

/// What a customer owes after a settlement was taken back was in no answer on the wire.
#[test]
fn a_balance_tells_what_is_owed() {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 1_000));
    world.turn();
    let leg = world.leg(FIXTURE, "1x2", "home");
    world.order("a", ticket(1, 42, 1_000, vec![leg]));
    let settle = |world: &mut World, grades: Value| {
        world.ingest(json!({"type": "settle_market", "fixture": FIXTURE, "market": "1x2", "grades": grades}));
        world.turn();
    };
    settle(&mut world, json!(["won", "lost", "lost"]));
    let paid_minor = world.answer(json!({"type": "balance", "customer": 42}))["available_minor"].clone();
    world.order(
        "a",
        json!({"type": "withdraw", "transfer": format!("{:032x}", 9), "customer": 42,
        "amount_minor": paid_minor, "currency": "EUR"}),
    );
    settle(&mut world, json!(["lost", "won", "lost"]));
    let balance = world.answer(json!({"type": "balance", "customer": 42}));
    assert_eq!((&balance["available_minor"], &balance["owed_minor"]), (&json!(0), &paid_minor));
}

/// A flood of made-up sources made 281,946 alerts, one for each refused message: what the desk could ask for again held
/// nothing else.
#[test]
fn alerts_of_a_kind_are_paced_and_counted() {
    let mut world = World::new(None);
    for _ in 0..5_000 {
        world.service.ingest(b"nonsense", world.now_ns);
    }
    let alerts = |frames: &[Seen]| frames.iter().filter(|frame| frame.value["type"] == "alert").count();
    assert_eq!(alerts(&world.turn()), 32);
    assert_eq!(world.service.counters().left_out_alert_count, 5_000 - 32);
    world.service.heartbeat(world.now_ns);
    let frames = world.turn();
    let told = frames.iter().find(|frame| frame.value["type"] == "alert").expect("how many is told");
    assert!(told.value["message"].as_str().unwrap().starts_with("4968 more"), "{}", told.value);
    world.now_ns += SECOND_NS;
    world.service.ingest(b"nonsense", world.now_ns);
    assert_eq!(alerts(&world.turn()), 1);
}
