//! Feed messages and requests: understood within their bounds, or refused with a code.

use oddsengine_engine::{Body, Command};
use oddsengine_feeds::{
    FeedError, MESSAGE_BYTES_MAX, Query, Request, RequestBody, bounds, decode_ingest as ingest,
    decode_order as order,
};
use oddsengine_types::bounds::{LEGS_MAX, NAME_BYTES_MAX, ODDS_E4_MAX, ODDS_E4_MIN};
use oddsengine_types::codec::{decode_all, encode_to_vec};

const RECEIVED_NS: i64 = 1_668_960_150_000_000_000;
/// A refusal may quote what it refuses, not repeat all of it: six times a text of a whole message, escaped.
const ERROR_BYTES_MAX: usize = 2_048;

/// Any bytes on `ingest`.
pub fn decode_ingest(data: &[u8]) {
    match ingest(data, RECEIVED_NS) {
        Ok(decoded) => check_command(&decoded.value),
        Err(error) => check_error(&error, data),
    }
}

/// Any bytes on `orders`.
pub fn decode_order(data: &[u8]) {
    match order(data, RECEIVED_NS) {
        Ok(decoded) => check_request(&decoded.value, data),
        Err(error) => check_error(&error, data),
    }
}

fn check_error(error: &FeedError, data: &[u8]) {
    assert!(FeedError::CODES.iter().any(|&(code, _)| code == error.code), "{error}");
    assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{error}");
    assert!(error.message.len() <= ERROR_BYTES_MAX, "{} bytes: {error}", error.message.len());
    assert_eq!(error.code == FeedError::TOO_LARGE, data.len() > MESSAGE_BYTES_MAX);
    if let Some(request_id) = &error.request_id {
        assert!((1..=bounds::REQUEST_ID_BYTES_MAX).contains(&request_id.len()));
    }
}

fn check_request(request: &Request, data: &[u8]) {
    assert!((1..=bounds::REQUEST_ID_BYTES_MAX).contains(&request.request_id.len()));
    match &request.body {
        RequestBody::Command(command) => check_command(command),
        RequestBody::Query(Query::Images { prefix, .. }) => assert!(prefix.len() <= 2 * NAME_BYTES_MAX),
        RequestBody::Query(_) => {}
        RequestBody::Batch(items) => {
            assert!((1..=bounds::BATCH_REQUESTS_MAX).contains(&items.len()));
            for item in items {
                match item {
                    Ok(Request { body: RequestBody::Batch(_), .. }) => panic!("a batch inside a batch"),
                    Ok(request) => check_request(request, data),
                    Err(error) => check_error(error, data),
                }
            }
        }
    }
}

fn check_command(command: &Command) {
    assert_eq!(command.time_ns, RECEIVED_NS);
    assert!((1..=NAME_BYTES_MAX).contains(&command.origin.source.len()) && command.origin.source_ns >= 0);
    let odds = ODDS_E4_MIN..=ODDS_E4_MAX;
    match &command.body {
        Body::PlaceTicket(request) => {
            assert!((1..=LEGS_MAX).contains(&request.legs.len()));
            assert!(request.legs.iter().all(|leg| odds.contains(&leg.odds_e4)));
        }
        Body::SetPrices { prices, .. } => {
            let mut offered = prices.iter().flat_map(|price| &price.odds_e4);
            assert!(offered.all(|offered| *offered == 0 || odds.contains(offered)));
        }
        Body::EpochStarted { .. } | Body::Configure(_) => panic!("only the runtime says this: {command:?}"),
        _ => {}
    }
    // What is understood can be journaled, and means the same when it is read back.
    let bytes = encode_to_vec(command);
    assert_eq!(decode_all::<Command>(&bytes).as_ref(), Ok(command));
}
