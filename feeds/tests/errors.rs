//! The words of every error: a snapshot each, and no code without a case.

use std::collections::BTreeSet;

use oddsengine_feeds::{FeedError, MESSAGE_BYTES_MAX, RequestBody, decode_ingest, decode_order};

const INGEST: &[(&str, &str)] = &[
    ("", "not_json: message is not JSON: EOF while parsing a value at line 1 column 0"),
    ("{\"type\":\"heartbeat\"}x", "not_json: message is not JSON: trailing characters at line 1 column 21"),
    ("{\"type\":\"heartbeat\",}", "not_json: message is not JSON: trailing comma at line 1 column 21"),
    ("{\"seq\":1e999}", "not_json: message is not JSON: number out of range at line 1 column 12"),
    ("[1]", "not_an_object: message is an array, expected an object"),
    ("null", "not_an_object: message is null, expected an object"),
    ("[[[[[[[[[0]]]]]]]]]", "too_deep: objects and arrays are nested more than 8 deep"),
    ("{\"type\":1,\"type\":2}", "duplicate_field: \"type\" is there twice"),
    ("{}", "missing_field: type is missing"),
    ("{\"type\":null}", "missing_field: type is missing"),
    ("{\"type\":5}", "wrong_type: type is an integer, expected text"),
    (
        "{\"type\":\"goal\"}",
        "unknown_type: type \"goal\" is not one of fixture, prices, incident, suspend, resume, settle_market, \
         model_inputs, probabilities, void_fixture, abandon_fixture, reinstate_fixture, annul, take_back_annulment, set_review, heartbeat",
    ),
    ("{\"type\":\"heartbeat\"}", "missing_field: source is missing"),
    ("{\"type\":\"heartbeat\",\"source\":\"\"}", "out_of_range: source of 0 bytes is outside 1..=128"),
    (
        "{\"type\":\"heartbeat\",\"source\":\"s\",\"time_ns\":-1}",
        "out_of_range: time_ns -1 is outside 0..=9223372036854775807",
    ),
    (
        "{\"type\":\"heartbeat\",\"source\":\"s\",\"time_ns\":1.5}",
        "wrong_type: time_ns is a number with decimals, expected an integer",
    ),
    (
        "{\"type\":\"fixture\",\"fixture\":1,\"sport\":\"chess\"}",
        "unknown_value: sport \"chess\" is not one of football, custom, tennis, racing",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,3]}",
        "out_of_range: odds_1x2 of 2 items is outside 3..=3",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,0.5,3]}",
        "out_of_range: odds_1x2[1] 0.5 is outside 1.001..=1000",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,\"2,5\",3]}",
        "bad_format: odds_1x2[1] \"2,5\" is not decimal odds such as 2.50",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,true,3]}",
        "wrong_type: odds_1x2[1] is a boolean, expected decimal odds as a number or text",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,2,3],\"total_line\":2.3}",
        "out_of_range: total_line 2.3 is not a multiple of 0.25",
    ),
    (
        "{\"type\":\"prices\",\"fixture\":1,\"odds_1x2\":[2,2,3],\"total_line\":40}",
        "out_of_range: total_line 40 is outside 0.5..=7.5",
    ),
    (
        "{\"type\":\"incident\",\"fixture\":1,\"kind\":\"throw_in\"}",
        "unknown_value: kind \"throw_in\" is not one of kick_off, goal, goal_cancelled, red_card, red_card_cancelled, \
         stoppage, half_time, second_half, full_time, clock, danger, safe, correction, corner, corner_cancelled, \
         yellow_card, yellow_card_cancelled, corners, cards, scorer, player_on, player_off, player_absent, extra_time, \
         extra_half_time, extra_second_half, extra_full_time, penalties, penalty, penalty_cancelled",
    ),
    ("{\"type\":\"incident\",\"fixture\":1,\"kind\":\"goal\"}", "missing_field: side is missing"),
    (
        "{\"type\":\"incident\",\"fixture\":1,\"kind\":\"goal\",\"side\":\"left\"}",
        "unknown_value: side \"left\" is not one of home, away",
    ),
    (
        "{\"type\":\"incident\",\"fixture\":1,\"kind\":\"clock\",\"clock_ms\":20000000}",
        "out_of_range: clock_ms 20000000 is outside 0..=14400000",
    ),
    (
        "{\"type\":\"incident\",\"fixture\":1,\"kind\":\"clock\",\"clock_ms\":1,\"score\":[0,61]}",
        "out_of_range: score[1] 61 is outside 0..=60",
    ),
    (r#"{"type":"fixture","fixture":1,"sport":"racing"}"#, "missing_field: format is missing"),
    (
        r#"{"type":"fixture","fixture":1,"sport":"racing","format":{"kind":"horse","runner_count":41}}"#,
        "out_of_range: format.runner_count 41 is outside 2..=40",
    ),
    (
        r#"{"type":"fixture","fixture":1,"sport":"racing","format":{"kind":"horse","runner_count":8,"extra_terms":{"places":5}}}"#,
        "out_of_range: format.extra_terms.places 5 is outside 2..=4",
    ),
    (
        r#"{"type":"incident","fixture":1,"sport":"racing","kind":"withdrawn","runner":0}"#,
        "out_of_range: runner 0 is outside 1..=40",
    ),
    (
        r#"{"type":"incident","fixture":1,"sport":"racing","kind":"result","positions":[1,41]}"#,
        "out_of_range: positions[1] 41 is outside 0..=40",
    ),
    ("{\"type\":\"settle_market\",\"fixture\":1,\"market\":\"1x2\"}", "missing_field: grades is missing"),
    // F03: a winner times a factor of 0 pays nothing; an absent one takes nothing away.
    (
        "{\"type\":\"settle_market\",\"fixture\":1,\"market\":\"1x2\",\"results\":[{\"result\":\"won\",\"dead_heat_factor\":0}]}",
        "out_of_range: results[0].dead_heat_factor 0 contradicts a result that is won\nhint: leave it out where nothing is shared",
    ),
    (
        "{\"type\":\"annul\",\"annulment\":\"0123456789abcdef0123456789abcdef\",\"effect\":\"undo\"}",
        "unknown_value: effect \"undo\" is not one of void, cancel",
    ),
    ("{\"type\":\"model_inputs\",\"fixture\":1}", "missing_field: inputs is missing"),
    (
        "{\"type\":\"model_inputs\",\"fixture\":1,\"inputs\":[1,\"2\"]}",
        "wrong_type: inputs[1] is text, expected a number",
    ),
    (
        "{\"type\":\"probabilities\",\"fixture\":1,\"probabilities\":[1]}",
        "out_of_range: probabilities of 1 items is outside 2..=65535",
    ),
    (
        "{\"type\":\"probabilities\",\"fixture\":1,\"probabilities\":[0.5,-0.1]}",
        "out_of_range: probabilities[1] -0.1 is outside 0..=1",
    ),
    (
        "{\"type\":\"settle_market\",\"fixture\":1,\"market\":\"1x2\",\"grades\":[\"won_2/1\"]}",
        "bad_format: grades[0] \"won_2/1\" is not won, lost, void, half_won, half_lost or won_1/3",
    ),
    ("{\"type\":\"suspend\",\"fixture\":-1}", "out_of_range: fixture -1 is outside 0..=18446744073709551615"),
    ("{\"type\":\"suspend\",\"fixture\":\"1001\"}", "wrong_type: fixture is text, expected an integer"),
];

/// Bodies of requests; the id is put in front.
const ORDERS: &[(&str, &str)] = &[
    // A word that is nearly right is named: it was one of thirty.
    (
        r#""type":"table","table":"balancess""#,
        "unknown_value: table \"balancess\" is not one of balances, scopes, customers, commands, switches, referrals, annulments, annulment_preview, actions, reviews\nhint: did you mean \"balances\"?",
    ),
    (
        r#""type":"table","table":"scopes","customer":4"#,
        "unknown_value: customer \"customer\" is not one of fixture",
    ),
    (
        r#""type":"set_expectation","fixture":1,"mode":"blend","supremacy":0.1,"total":2.5"#,
        "missing_field: weight is missing",
    ),
    ("", "missing_field: type is missing"),
    (
        r#""type":"prices""#,
        "unknown_type: type \"prices\" is not one of place_ticket, deposit, withdraw, cancel_ticket, \
         set_customer, set_expectation, set_prices, manual_odds, lock_market, suspend, resume, settle_market, \
         model_inputs, probabilities, void_fixture, abandon_fixture, reinstate_fixture, annul, take_back_annulment, set_review, approve, decline, set_scope, reset_source, set_switch, set_standing, set_customer_terms, set_own_limit, confirm_own_limit, answer_offer, rule_referral, max_stake, balance, ticket, exposure, \
         fixtures, tickets, settlements, alerts, table, explain, evidence, image, images, state_hash, ping, batch",
    ),
    (
        r#""type":"ticket","ticket":"0123""#,
        "bad_format: ticket \"0123\" is not 32 hexadecimal digits or a UUID",
    ),
    (
        r#""type":"ticket","ticket":"01234567-89ab-cdef-0123+456789abcdef""#,
        "bad_format: ticket \"01234567-89ab-cdef-0123+456789abcdef\" is not 32 hexadecimal digits or a UUID",
    ),
    (
        r#""type":"deposit","transfer":"0123456789abcdef0123456789abcdef","customer":1,"amount_minor":0.5"#,
        "wrong_type: amount_minor is a number with decimals, expected an integer",
    ),
    (
        r#""type":"deposit","transfer":"0123456789abcdef0123456789abcdef","customer":1,"amount_minor":1,"currency":"eur""#,
        "bad_format: currency \"eur\" is not a currency of three upper-case letters",
    ),
    (
        r#""type":"place_ticket","ticket":"0123456789abcdef0123456789abcdef","stake_minor":100000000000000001"#,
        "out_of_range: stake_minor 100000000000000001 is outside -100000000000000000..=100000000000000000",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","legs":[]"#,
        "out_of_range: legs of 0 items is outside 1..=63",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","legs":[{"fixture":1,"market":"1x2","selection":"home","odds":1,"version":[1,1]}]"#,
        "out_of_range: legs[0].odds 1 is outside 1.001..=1000",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","legs":[{"fixture":1,"market":"1x2","selection":"home","odds":2,"version":[4294967296,1]}]"#,
        "out_of_range: legs[0].version[0] 4294967296 is outside 0..=4294967295",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","odds_change":{"policy":"some"}"#,
        "unknown_value: odds_change.policy \"some\" is not one of none, higher, any, within",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","odds_change":{"policy":"within"}"#,
        "missing_field: odds_change.percent is missing",
    ),
    (
        r#""type":"max_stake","customer":1,"currency":"EUR","odds_change":{"policy":"within","percent":0.005}"#,
        "out_of_range: odds_change.percent 0.005 is outside 0.01..=100",
    ),
    (r#""type":"lock_market","fixture":1,"market":"1x2""#, "missing_field: locked is missing"),
    (
        r#""type":"lock_market","fixture":1,"market":"1x2","locked":1"#,
        "wrong_type: locked is an integer, expected a boolean",
    ),
    (r#""type":"suspend","fixture":1"#, "missing_field: source is missing"),
    (
        r#""type":"set_expectation","fixture":1,"supremacy":101"#,
        "out_of_range: supremacy 101 is outside -100..=100",
    ),
    (r#""type":"set_customer","factor":0.0005"#, "out_of_range: factor 0.0005 is not a multiple of 0.001"),
    (
        r#""type":"set_scope","scope":{"level":"planet"}"#,
        "unknown_value: scope.level \"planet\" is not one of sport, market_type, competition, fixture, market",
    ),
    (
        r#""type":"set_scope","margin":{"method":"power","booksum":0.9}"#,
        "out_of_range: margin.booksum 0.9 is outside 1..=2",
    ),
    (r#""type":"set_scope""#, "missing_field: scope is missing"),
    (r#""type":"batch","requests":[]"#, "out_of_range: requests of 0 items is outside 1..=256"),
];

#[test]
fn ingest_errors_read_as_written() {
    for (message, text) in INGEST {
        assert_eq!(decode_ingest(message.as_bytes(), 0).unwrap_err().to_string(), *text, "{message}");
    }
}

#[test]
fn order_errors_read_as_written_and_carry_the_request_id() {
    for (body, text) in ORDERS {
        let comma = if body.is_empty() { "" } else { "," };
        let error =
            decode_order(format!(r#"{{"request_id":"r-9"{comma}{body}}}"#).as_bytes(), 0).unwrap_err();
        assert_eq!(error.to_string(), *text, "{body}");
        assert_eq!(error.request_id.as_deref(), Some("r-9"), "{body}");
    }
    let long = format!(r#"{{"type":"ping","request_id":"{}"}}"#, "r".repeat(65));
    let error = decode_order(long.as_bytes(), 0).unwrap_err();
    assert_eq!(error.to_string(), "out_of_range: request_id of 65 bytes is outside 1..=64");
    assert_eq!(error.request_id, None);
}

#[test]
fn oversized_and_foreign_bytes() {
    let ping = r#"{"type":"ping","request_id":"r"}"#;
    let at_limit = format!("{ping}{}", " ".repeat(MESSAGE_BYTES_MAX - ping.len()));
    assert!(decode_order(at_limit.as_bytes(), 0).is_ok());
    let above = format!("{at_limit} ");
    let error = decode_order(above.as_bytes(), 0).unwrap_err();
    assert_eq!(error.to_string(), "too_large: message of 65537 bytes is longer than 65536");
    let error = decode_order(b"{\"type\":\"\xff\"}", 0).unwrap_err();
    let text = "not_utf8: message is not UTF-8: invalid utf-8 sequence of 1 bytes from index 9";
    assert_eq!(error.to_string(), text);
    let many: Vec<_> = (0..65).map(|field| format!("\"f{field}\":0")).collect();
    let error = decode_order(format!("{{{}}}", many.join(",")).as_bytes(), 0).unwrap_err();
    assert_eq!(error.to_string(), "too_many_fields: an object has more than 64 fields");
}

#[test]
fn errors_inside_a_batch_stay_with_their_request() {
    let batch = br#"{"type":"batch","request_id":"b","requests":[
        {"type":"balance","request_id":"r-1"}, 5, {"type":"batch","request_id":"r-2","requests":[]},
        {"type":"ping","request_id":"r-3"}]}"#;
    let RequestBody::Batch(items) = decode_order(batch, 0).unwrap().value.body else { panic!() };
    let errors: Vec<_> = items.iter().map(|item| item.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!(errors[0].as_deref(), Some("missing_field: requests[0].customer is missing"));
    assert_eq!(errors[1].as_deref(), Some("wrong_type: requests[1] is an integer, expected an object"));
    assert!(errors[2].as_deref().unwrap().starts_with("unknown_type: requests[2].type \"batch\""));
    assert_eq!(errors[3], None);
    assert_eq!(items[0].as_ref().unwrap_err().request_id.as_deref(), Some("r-1"));
}

#[test]
fn every_code_has_a_case() {
    let cased: BTreeSet<_> = INGEST
        .iter()
        .chain(ORDERS)
        .map(|(_, text)| text.split(':').next().unwrap())
        .chain(["too_large", "not_utf8", "too_many_fields"]) // oversized_and_foreign_bytes
        .collect();
    let known: BTreeSet<_> = FeedError::CODES.iter().map(|&(code, _)| code).collect();
    assert_eq!(cased, known);
}
