//! Within a turn: the order of frames, conflation, and messages that are not what they should be.

mod service_support;

use oddsengine_feeds::MESSAGE_BYTES_MAX;
use oddsengine_runtime::service::Socket;
use serde_json::{Value, json};
use service_support::*;

fn in_play() -> World {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.fixture(1002);
    world.order("a", deposit(1, 42, 1_000_000));
    world.incident(FIXTURE, "kick_off", 0, json!({}));
    world.turn();
    world
}

#[test]
fn suspensions_overtake_odds_of_the_same_turn() {
    let mut world = in_play();
    world.ingest(json!({"type": "prices", "fixture": 1002, "odds_1x2": [2.5, 3.3, 2.9], "total_line": 2.5,
        "odds_total": [1.9, 1.9]}));
    world.incident(FIXTURE, "goal", 60_000, json!({"side": "home"}));
    world.incident(FIXTURE, "danger", 61_000, json!({"side": "home"}));
    world.incident(FIXTURE, "safe", 62_000, json!({}));
    world.incident(FIXTURE, "danger", 63_000, json!({"side": "away"}));
    let frames = world.turn();
    let kinds: Vec<_> = frames
        .iter()
        .filter(|frame| frame.socket == Socket::Odds)
        .map(|frame| (frame.value["type"].as_str().unwrap(), frame.value["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("status", "suspended"),
            ("status", "open"),
            ("status", "suspended"),
            ("board", "suspended"),
            ("board", "open")
        ]
    );
    let seqs: Vec<_> = statuses(&frames).iter().map(|frame| frame.value["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
}

/// The loop takes frames between messages: a suspension does not wait for the end of the turn.
#[test]
fn a_suspension_can_be_taken_before_the_turn_ends() {
    let mut world = in_play();
    world.incident(FIXTURE, "goal", 60_000, json!({"side": "home"}));
    assert!(world.take().is_empty(), "boards wait for the end of the turn");
    world.incident(FIXTURE, "danger", 61_000, json!({"side": "home"}));
    let frames = world.take();
    assert_eq!(statuses(&frames).len(), 1);
    assert!(boards(&frames).is_empty());
    assert_eq!(boards(&world.turn()).len(), 1);
}

#[test]
fn changes_of_a_fixture_become_one_board_that_lacks_none() {
    let mut world = in_play();
    // A subscriber from the beginning.
    world.snapshot("s", json!({"type": "image", "fixture": FIXTURE}));
    let image = image_of(&world.turn(), "s");
    let mut known = market_states(&image);
    let mut seq = image["seq"].as_u64().unwrap();
    let mut version = image["version"].as_u64().unwrap();
    let before = world.service.counters().clone();

    let manual = |market: &str, odds: Value| json!({"type": "manual_odds", "fixture": FIXTURE, "market": market, "odds": odds, "source": "alice"});
    world.order("desk", manual("1x2", json!([3.4, 3.5, 2.1])));
    world.order("desk", manual("total:2.5", json!([1.5, 1.8])));
    world.order("desk", manual("1x2", json!([3.3, null, 2.1])));
    world.incident(FIXTURE, "goal", 60_000, json!({"side": "home"}));
    world.order(
        "desk",
        json!({"type": "suspend", "fixture": FIXTURE, "market": "total:3.5", "source": "alice"}),
    );
    world.ingest(json!({"type": "suspend", "fixture": 1002, "market": "1x2"}));
    let frames = world.turn();
    let boards = boards(&frames);
    assert_eq!(boards.len(), 2, "one frame a fixture");
    let board = boards.iter().find(|frame| frame.value["fixture"] == FIXTURE).unwrap();
    let markets = board.value["markets"].as_object().unwrap();
    assert_eq!(markets["1x2"]["odds"], json!([3.3, null, 2.1]), "the last of them counts");
    assert_eq!(markets["total:2.5"]["odds"], json!([1.5, 1.8]));
    assert_eq!(markets["total:3.5"]["status"], "suspended");
    assert_eq!(board.value["seq"], seq + 1);
    let conflated = world.service.counters().conflated_count - before.conflated_count;
    assert_eq!(conflated, 4);
    assert_eq!(world.service.counters().board_frame_count - before.board_frame_count, 2);

    // Many more turns of several changes; what the subscriber has is what an image says.
    let merge = |known: &mut Value, board: &Seen| {
        for (market, state) in market_states(&board.value).as_object().unwrap() {
            known[market] = state.clone();
        }
    };
    merge(&mut known, board);
    seq += 1;
    for round in 1..30_i64 {
        for step in 0..3 {
            world.incident(FIXTURE, "clock", 60_000 * round + step * 1_000 + 60_000, json!({}));
        }
        if round % 7 == 0 {
            let side = ["home", "away"][round as usize % 2];
            world.incident(FIXTURE, "goal", 60_000 * round + 70_000, json!({ "side": side }));
        }
        let frames = world.turn();
        for board in service_support::boards(&frames) {
            seq += 1;
            assert_eq!(board.value["seq"], seq);
            assert!(version < board.value["version"].as_u64().unwrap());
            version = board.value["version"].as_u64().unwrap();
            merge(&mut known, board);
        }
    }
    world.snapshot("s", json!({"type": "image", "fixture": FIXTURE}));
    let image = image_of(&world.turn(), "s");
    assert_eq!(image["seq"], seq);
    assert_eq!(image["version"], version);
    assert_eq!(market_states(&image), known);
}

/// An image in the middle of a turn contains what is pending, and nothing is told twice or lost after it.
#[test]
fn an_image_between_changes_of_a_turn() {
    let mut world = in_play();
    world.incident(FIXTURE, "goal", 60_000, json!({"side": "home"}));
    world.snapshot("s", json!({"type": "image", "fixture": FIXTURE}));
    world.order("desk", json!({"type": "suspend", "fixture": FIXTURE, "market": "1x2", "source": "alice"}));
    let frames = world.turn();
    let image = image_of(&frames, "s");
    let mut known = market_states(&image);
    let after: Vec<_> = boards(&frames)
        .into_iter()
        .filter(|board| board.value["seq"].as_u64() > image["seq"].as_u64())
        .collect();
    assert_eq!(after.len(), 1);
    for (market, state) in market_states(&after[0].value).as_object().unwrap() {
        known[market] = state.clone();
    }
    world.snapshot("s", json!({"type": "image", "fixture": FIXTURE}));
    assert_eq!(market_states(&image_of(&world.turn(), "s")), known);
}

#[test]
fn every_bad_request_is_answered_with_its_code() {
    let mut world = in_play();
    let big = json!({"type": "ping", "request_id": "big", "x": "y".repeat(MESSAGE_BYTES_MAX)}).to_string();
    let deep = format!("{{\"type\":\"ping\",\"request_id\":\"d\",\"x\":{}{}}}", "[".repeat(9), "]".repeat(9));
    let wide: Vec<String> = (0..65).map(|index| format!("\"f{index}\":1")).collect();
    let wide = format!("{{{}}}", wide.join(","));
    let cases: [(&[u8], &str, Value); 16] = [
        (b"", "not_json", Value::Null),
        (b"\xff\xfe", "not_utf8", Value::Null),
        (b"{", "not_json", Value::Null),
        (b"[]", "not_an_object", Value::Null),
        (b"{}", "missing_field", Value::Null),
        (big.as_bytes(), "too_large", Value::Null),
        (deep.as_bytes(), "too_deep", Value::Null),
        (wide.as_bytes(), "too_many_fields", Value::Null),
        (br#"{"type":"ping"}"#, "missing_field", Value::Null),
        (br#"{"type":"ping","request_id":""}"#, "out_of_range", Value::Null),
        (br#"{"type":"ping","request_id":"a","request_id":"b"}"#, "duplicate_field", Value::Null),
        (br#"{"type":"win_it_all","request_id":"a"}"#, "unknown_type", "a".into()),
        (br#"{"type":"goal","request_id":"a"}"#, "unknown_type", "a".into()),
        (br#"{"type":"balance","request_id":"a","customer":-1}"#, "out_of_range", "a".into()),
        (br#"{"type":"balance","request_id":"a","customer":"x"}"#, "wrong_type", "a".into()),
        (br#"{"type":"ticket","request_id":"a","ticket":"x"}"#, "bad_format", "a".into()),
    ];
    for (index, (message, code, request_id)) in cases.iter().enumerate() {
        let client = format!("bad-{index}");
        let asked = world.order("good", json!({"type": "ping"}));
        let hash = world.hash();
        world.service.order(client.as_bytes(), message, world.now_ns);
        let frames = world.turn();
        let bad: Vec<_> = answers(&frames).filter(|frame| frame.first == client.as_bytes()).collect();
        assert_eq!(bad.len(), 1, "{index}");
        assert_eq!(bad[0].value["type"], "error");
        assert_eq!(bad[0].value["code"], *code, "{}", bad[0].value);
        assert_eq!(bad[0].value["request_id"], *request_id);
        assert!(bad[0].value["message"].as_str().unwrap().len() < 1_000);
        assert_eq!(answers_to(&frames, &asked).len(), 1, "others are answered");
        assert_eq!(world.hash(), hash, "nothing was done");
    }
    let counted: u64 = world.service.counters().malformed_count.values().sum();
    assert_eq!(counted, cases.len() as u64);
}

#[test]
fn every_bad_feed_message_is_told_and_counted() {
    let mut world = in_play();
    let hash = world.hash();
    for message in
        [&b"{"[..], b"\xff", br#"{"type":"win"}"#, br#"{"type":"place_ticket","source":"s","time_ns":1}"#]
    {
        world.service.ingest(message, world.now_ns);
        let frames = world.turn();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].topic(), "desk.alert");
        assert_eq!(frames[0].value["alert"], "feed_error");
    }
    assert_eq!(world.hash(), hash);
    // Understood, and impossible: told as well, and the feed goes on.
    world.incident(9_999, "goal", 1, json!({"side": "home"}));
    let frames = world.turn();
    assert!(frames.iter().any(|frame| frame.value["alert"] == "feed_refused"), "{frames:?}");
    let counted: u64 = world.service.counters().malformed_count.values().sum();
    assert_eq!(counted, 4);
}

#[test]
fn a_replayed_feed_changes_nothing() {
    let mut world = in_play();
    let goal =
        json!({"type": "incident", "source": "other", "seq": 1, "time_ns": world.now_ns, "fixture": FIXTURE,
        "kind": "goal", "side": "home", "clock_ms": 60_000})
        .to_string();
    world.service.ingest(goal.as_bytes(), world.now_ns);
    assert_eq!(boards(&world.turn()).len(), 1);
    let version = world.service.engine().fixtures()[0].version;
    for _ in 0..3 {
        world.service.ingest(goal.as_bytes(), world.now_ns);
        assert!(boards(&world.turn()).is_empty());
    }
    assert_eq!(world.service.engine().fixtures()[0].version, version);
    assert_eq!(world.service.engine().counters().duplicate_count, 3);
    // A number is skipped: told, and applied.
    let later = goal.replace("\"seq\":1", "\"seq\":5").replace("60000", "90000");
    world.service.ingest(later.as_bytes(), world.now_ns);
    let frames = world.turn();
    assert!(frames.iter().any(|frame| frame.value["alert"] == "feed_gap"), "{frames:?}");
    assert_eq!(boards(&frames).len(), 1);
}

#[test]
fn a_batch_is_answered_in_order_whatever_is_wrong_in_it() {
    let mut world = in_play();
    let leg = world.leg(1002, "1x2", "home");
    let with = |mut request: Value, id: &str| {
        request["request_id"] = id.into();
        request
    };
    let requests = vec![
        with(json!({"type": "ping"}), "1"),
        with(deposit(50, 43, 5_000), "2"),
        with(json!({"type": "balance", "customer": 43}), "3"),
        with(json!({"type": "nonsense"}), "4"),
        with(ticket(7, 43, 1_000, vec![leg.clone()]), "5"),
        with(ticket(7, 43, 1_000, vec![leg.clone()]), "6"),
        with(ticket(7, 43, 1_001, vec![leg.clone()]), "7"),
        with(json!({"type": "suspend", "fixture": 1002, "source": "alice"}), "8"),
        with(ticket(8, 43, 1_000, vec![leg]), "9"),
        with(json!({"type": "image", "fixture": 1002}), "10"),
        with(json!({"type": "batch", "requests": [{"type": "ping", "request_id": "x"}]}), "11"),
        json!({"type": "ping"}),
        with(json!({"type": "balance", "customer": 43}), "12"),
    ];
    let id = world.order("batcher", json!({"type": "batch", "requests": requests}));
    let frames = world.turn();
    assert_eq!(answers(&frames).count(), 1);
    let batch = answers_to(&frames, &id)[0].clone();
    let replies = batch["replies"].as_array().unwrap();
    let shape: Vec<_> = replies
        .iter()
        .map(|reply| (reply["request_id"].as_str().unwrap_or("-"), reply["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shape,
        [
            ("1", "pong"),
            ("2", "money"),
            ("3", "balance"),
            ("4", "error"),
            ("5", "ticket"),
            ("6", "ticket"),
            ("7", "refused"),
            ("8", "done"),
            ("9", "ticket"),
            ("10", "error"),
            ("11", "error"),
            ("-", "error"),
            ("12", "balance"),
        ]
    );
    assert_eq!(replies[2]["available_minor"], 5_000);
    assert_eq!(replies[5]["repeat"], true);
    assert_eq!(replies[8]["ticket"]["reason"]["name"], "fixture_suspended");
    assert_eq!(replies[12]["available_minor"], 4_000);
}

/// A delayed ticket is answered twice, to its own client, whatever else is asked meanwhile.
#[test]
fn a_delayed_ticket_is_answered_twice() {
    let mut world = in_play();
    let id = world.order("a", ticket(7, 42, 1_000, vec![world.leg(FIXTURE, "1x2", "home")]));
    assert_eq!(answers_to(&world.turn(), &id)[0]["ticket"]["state"], "delayed");
    world.advance(4);
    world.service.tick(world.now_ns, world.now_ns);
    assert!(answers_to(&world.turn(), &id).is_empty());
    world.advance(2);
    // Any command ends the delay; the answer goes to who asked.
    let other = world.order("b", json!({"type": "balance", "customer": 42}));
    world.service.tick(world.now_ns, world.now_ns);
    let frames = world.turn();
    let decided: Vec<_> = answers(&frames).filter(|frame| frame.value["request_id"] == *id).collect();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].first, b"a");
    assert_eq!(decided[0].value["ticket"]["state"], "accepted");
    assert_eq!(answers_to(&frames, &other).len(), 1);
}

/// Two clients number their requests alike. The delay of one ended with a command in the batch of the other: the
/// decision was put into the batch, its owner never heard of it, and the batch lacked an answer.
#[test]
fn a_batch_keeps_to_its_own_client() {
    let mut world = in_play();
    let bet = ticket(7, 42, 1_000, vec![world.leg(FIXTURE, "1x2", "home")]);
    let mut bet_of_a = bet.clone();
    bet_of_a["request_id"] = "1".into();
    world.order("a", bet_of_a);
    assert_eq!(answers_to(&world.turn(), "1")[0]["ticket"]["state"], "delayed");
    world.advance(6);
    let mut inner = deposit(90, 43, 10);
    inner["request_id"] = "1".into();
    let id = world.order("b", json!({"type": "batch", "request_id": "batch", "requests": [inner]}));
    let frames = world.turn();
    let batch = answers_to(&frames, &id)[0].clone();
    assert_eq!(batch["replies"][0]["type"], "money", "{batch}");
    assert!(answers(&frames).all(|frame| frame.first != b"a"), "a batch ends no delay");
    world.service.tick(world.now_ns, world.now_ns);
    let frames = world.turn();
    let decided: Vec<_> = answers(&frames).filter(|frame| frame.first == b"a").collect();
    assert_eq!(decided.len(), 1, "{frames:?}");
    assert_eq!(decided[0].value["ticket"]["state"], "accepted");
}

/// A client asked again for a ticket at the moment its delay ended: the decision went to the new request twice, and
/// the one that had been told `delayed` never got its second answer.
#[test]
fn asking_again_when_the_delay_ends_answers_each_once() {
    let mut world = in_play();
    let bet = ticket(7, 42, 1_000, vec![world.leg(FIXTURE, "1x2", "home")]);
    let first = world.order("a", bet.clone());
    assert_eq!(answers_to(&world.turn(), &first)[0]["ticket"]["state"], "delayed");
    world.advance(6);
    let second = world.order("b", bet);
    let frames = world.turn();
    assert_eq!(answers_to(&frames, &second).len(), 1, "{frames:?}");
    assert_eq!(answers_to(&frames, &second)[0]["ticket"]["state"], "delayed");
    world.service.tick(world.now_ns, world.now_ns);
    let frames = world.turn();
    for id in [&first, &second] {
        let answers = answers_to(&frames, id);
        assert_eq!(answers.len(), 1, "{frames:?}");
        assert_eq!(answers[0]["ticket"]["state"], "accepted");
    }
}

/// The off of a race stops trading like a danger, and was told as no more than that: boards said "before the off" until
/// something else of the race changed.
#[test]
fn boards_tell_the_off_of_a_race_and_its_recall() {
    let mut world = World::new(None);
    world.ingest(json!({"type": "fixture", "fixture": 3001, "sport": "racing", "competition": "sheffield",
        "home": "14:30 Sheffield", "start_ns": START_NS, "format": {"kind": "horse", "runner_count": 3}}));
    world.ingest(json!({"type": "prices", "fixture": 3001, "markets": {"win": [2.5, 3.0, 4.0]}}));
    let told = |world: &mut World| -> Vec<String> {
        let frames = world.turn();
        boards(&frames).iter().map(|board| board.value["period"].as_str().unwrap().to_owned()).collect()
    };
    let before = told(&mut world);
    assert_eq!(before.len(), 1);
    let mut happens = |kind: &str| {
        world.ingest(json!({"type": "incident", "fixture": 3001, "sport": "racing", "kind": kind}));
        told(&mut world)
    };
    let off = happens("off");
    assert_eq!(off.len(), 1, "a board for the off");
    assert_ne!(off, before);
    assert_eq!(happens("recalled"), before);
    assert!(happens("danger").is_empty(), "a danger changes no board");
}
