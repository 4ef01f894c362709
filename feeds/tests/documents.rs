//! The messages shown in `docs/wire.md` are understood, and its list of error codes is complete.

use oddsengine_feeds::{FeedError, INGEST_TYPES, ORDER_TYPES, decode_ingest, decode_order};

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire.md")).unwrap()
}

/// The lines of the blocks that start with "```json KIND".
fn messages<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("```json {kind}\n");
    let blocks = text.split(start.as_str()).skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).collect()
}

#[test]
fn every_example_is_understood() {
    let text = document();
    let (ingest, orders) = (messages(&text, "ingest"), messages(&text, "orders"));
    for message in &ingest {
        let decoded =
            decode_ingest(message.as_bytes(), 0).unwrap_or_else(|error| panic!("{error}: {message}"));
        assert_eq!(decoded.unknown_fields, 0, "{message}");
    }
    for message in &orders {
        let decoded =
            decode_order(message.as_bytes(), 0).unwrap_or_else(|error| panic!("{error}: {message}"));
        assert_eq!(decoded.unknown_fields, 0, "{message}");
    }
    let shows = |messages: &[&str], kind: &str| {
        messages.iter().any(|message| message.starts_with(&format!("{{\"type\":\"{kind}\"")))
    };
    assert!(INGEST_TYPES.iter().all(|kind| shows(&ingest, kind)));
    assert!(ORDER_TYPES.iter().all(|kind| shows(&orders, kind)));
}

#[test]
fn every_error_code_is_listed_with_its_sentence() {
    let text = document();
    for (code, sentence) in FeedError::CODES {
        assert!(text.contains(&format!("| `{code}` | {sentence} |")), "{code}");
    }
}
