//! The page of bounds says what the code does.

use std::collections::BTreeMap;
use std::path::Path;

use oddsengine_engine::{acceptance, command, config};
use oddsengine_runtime::{journal, service};

/// Every constant that the page has to name, with its value.
fn constants() -> BTreeMap<&'static str, u64> {
    let mut found = BTreeMap::from([
        ("FIXTURES_MAX", config::FIXTURES_MAX.cast_unsigned()),
        ("SOURCES_MAX", command::SOURCES_MAX as u64),
        ("SEQ_JUMP_MAX", command::SEQ_JUMP_MAX),
        ("REFUSED_TICKETS_MAX", command::REFUSED_TICKETS_MAX as u64),
        ("ANNULMENTS_MAX", oddsengine_engine::annulment::ANNULMENTS_MAX as u64),
        ("PENDING_ACTIONS_MAX", oddsengine_engine::annulment::PENDING_ACTIONS_MAX as u64),
        ("REVIEWS_PER_FIXTURE_MAX", oddsengine_engine::REVIEWS_PER_FIXTURE_MAX as u64),
        ("SCOPES_MAX", command::SCOPES_MAX as u64),
        ("SCOPES_ARCHIVED_MAX", command::SCOPES_ARCHIVED_MAX as u64),
        ("FIXTURES_PER_RECORD_MAX", command::FIXTURES_PER_RECORD_MAX as u64),
        ("ARCHIVED_PER_RECORD_MAX", command::ARCHIVED_PER_RECORD_MAX as u64),
        ("SWITCHES_MAX", acceptance::SWITCHES_MAX as u64),
        ("OFFERS_MAX", u64::from(acceptance::OFFERS_MAX)),
        ("STAKE_WINDOWS_MAX", acceptance::STAKE_WINDOWS_MAX as u64),
        ("CUSTOMER_FACTORS_MAX", acceptance::CUSTOMER_FACTORS_MAX as u64),
        ("CUSTOMERS_SET_MAX", command::CUSTOMERS_SET_MAX as u64),
        ("SPACES_MAX", command::SPACES_MAX as u64),
        ("MODEL_INPUTS_MAX", command::MODEL_INPUTS_MAX as u64),
        ("PRICED_MARKETS_MAX", command::PRICED_MARKETS_MAX as u64),
        ("LEGS_MAX", oddsengine_types::bounds::LEGS_MAX as u64),
        ("BETS_MAX", oddsengine_types::bets::BETS_MAX as u64),
        ("LINES_MAX", oddsengine_types::bets::LINES_MAX),
        ("SETTLED_AT_ONCE", oddsengine_engine::SETTLED_AT_ONCE as u64),
        ("SETTLED_PER_RECORD", oddsengine_engine::SETTLED_PER_RECORD as u64),
        ("DECIDED_PER_RECORD", oddsengine_engine::DECIDED_PER_RECORD as u64),
        ("WEIGHED_AT_ONCE", oddsengine_engine::WEIGHED_AT_ONCE as u64),
        ("WEIGHED_PER_RECORD", oddsengine_engine::WEIGHED_PER_RECORD as u64),
        ("WEIGHED_PER_BET", oddsengine_engine::WEIGHED_PER_BET as u64),
        ("STOPPED_PER_RECORD", oddsengine_engine::STOPPED_PER_RECORD as u64),
        ("LIFTED_PER_HEARTBEAT", oddsengine_engine::LIFTED_PER_HEARTBEAT as u64),
        ("INHERITED_PER_TURN", service::INHERITED_PER_TURN as u64),
        ("DESK_FRAMES_PER_TURN", service::DESK_FRAMES_PER_TURN as u64),
        ("HASHES_WAITING_MAX", service::HASHES_WAITING_MAX as u64),
        ("INGEST_BACKLOG_MAX", service::INGEST_BACKLOG_MAX),
        ("FORMATS_MAX", service::FORMATS_MAX as u64),
        ("WEIGHT_PER_TURN", service::WEIGHT_PER_TURN),
        ("BATCH_REPLY_BYTES_MAX", service::BATCH_REPLY_BYTES_MAX as u64),
        ("ROUTES_PER_TICKET_MAX", service::ROUTES_PER_TICKET_MAX as u64),
        ("IMAGE_PAGES_WAITING_MAX", service::bounds::IMAGE_PAGES_WAITING_MAX as u64),
        ("DESK_WAITING_BYTES_MAX", service::DESK_WAITING_BYTES_MAX as u64),
        ("ALERTS_KEPT_MAX", service::ALERTS_KEPT_MAX as u64),
        ("ALERT_BYTES_KEPT_MAX", service::ALERT_BYTES_KEPT_MAX as u64),
        ("COMMANDS_KEPT_MAX", service::COMMANDS_KEPT_MAX as u64),
        ("COMMAND_BYTES_KEPT_MAX", service::COMMAND_BYTES_KEPT_MAX as u64),
        ("ROWS_EXAMINED_MAX", service::bounds::ROWS_EXAMINED_MAX as u64),
        ("PAGE_BYTES_MAX", service::bounds::PAGE_BYTES_MAX as u64),
        ("PAGE_ITEMS_MAX", oddsengine_feeds::bounds::PAGE_ITEMS_MAX),
        ("PARAMETERS_TOLD_MAX", oddsengine_runtime::wire::PARAMETERS_TOLD_MAX as u64),
        ("TAILS_MAX", oddsengine_runtime::wire::TAILS_MAX as u64),
        ("SOURCES_PER_KEY_MAX", service::SOURCES_PER_KEY_MAX as u64),
        ("CUSTOMER_RANGES_PER_KEY_MAX", service::CUSTOMER_RANGES_PER_KEY_MAX as u64),
        ("RECORD_SIZE_MAX", journal::RECORD_SIZE_MAX as u64),
        ("GROUP_RECORDS_MAX", journal::GROUP_RECORDS_MAX as u64),
        ("GROUP_BYTES_MAX", journal::GROUP_BYTES_MAX as u64),
        ("PENDING_RECORDS_MAX", journal::PENDING_RECORDS_MAX),
        ("PENDING_BYTES_MAX", journal::PENDING_BYTES_MAX),
        ("WAL_BYTES_KEPT", journal::WAL_BYTES_KEPT),
        ("SNAPSHOTS_KEPT", u64::from(journal::SNAPSHOTS_KEPT)),
        ("SEGMENT_BYTES_MAX", journal::SEGMENT_BYTES_MAX),
        ("QUARANTINE_TEXT_MAX", journal::QUARANTINE_TEXT_MAX as u64),
        ("MESSAGE_BYTES_MAX", oddsengine_feeds::MESSAGE_BYTES_MAX as u64),
    ]);
    for (name, file) in [
        ("AHEAD_MESSAGES_MAX", "_ahead.py"),
        ("AHEAD_BYTES_MAX", "_ahead.py"),
        ("EVENTS_KEPT_MAX", "engine.py"),
        ("ADDRESSES_MAX", "_guard.py"),
        ("SUBSCRIPTION_BYTES_MAX", "serve.py"),
        ("REQUESTS_QUEUE_MAX", "serve.py"),
        ("UNACKED_MS_MAX", "serve.py"),
        ("WAL_BYTES_MAX", "projection/_sqlite.py"),
        ("ROWS_MAX", "projection/_sql.py"),
    ] {
        let text = std::fs::read_to_string(root().join("python/oddsengine").join(file)).unwrap();
        let assigned = text.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        found.insert(name, assigned.unwrap().replace('_', "").trim().parse().unwrap());
    }
    found
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The rows of the tables of bounds: what comes behind has other columns.
fn bounds_of(page: &str) -> impl Iterator<Item = &str> {
    let (bounds, _) = page.split_once("## What has no bound").expect("the tables are in this order");
    bounds.lines().filter(|line| line.starts_with("| ") && line.contains('`'))
}

/// Everything in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The text of all files with an ending under a folder.
fn texts(folder: &str, ending: &str) -> String {
    let mut found = String::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == ending) {
                found.push_str(&std::fs::read_to_string(entry).unwrap());
            }
        }
    }
    found
}

/// Five rows named tests that never came near their bound, or files that are not there; a counter that was renamed would have
/// stayed on the page.
#[test]
fn what_the_page_of_bounds_names_is_there() {
    let page = std::fs::read_to_string(root().join("docs/bounds.md")).unwrap();
    let tests = texts("crates", "rs") + &texts("tests/python", "py");
    for line in bounds_of(&page) {
        let seen_by = line.split('|').nth(5).unwrap_or_else(|| panic!("no column more: {line}"));
        let names: Vec<&str> = quoted(seen_by).collect();
        assert!(!names.is_empty() || seen_by.contains("by a test"), "{line}: seen by whom?");
        for name in names {
            let is_there = match name.contains('/') {
                true => root().join(name).is_file(),
                false => {
                    [format!("fn {name}("), format!("def {name}(")].iter().any(|text| tests.contains(text))
                }
            };
            assert!(is_there, "there is no {name}: {line}");
        }
    }
    let (_, seen) = page.split_once("## What an operator sees").unwrap();
    let counters = texts("crates/python/src", "rs") + &texts("python/oddsengine", "py");
    let wire = std::fs::read_to_string(root().join("docs/wire.md")).unwrap();
    let rows = seen.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    for line in rows {
        let columns: Vec<&str> = line.split('|').collect();
        for name in quoted(columns[2]) {
            assert!(counters.contains(&format!("\"{name}\"")), "there is no counter {name}: {line}");
        }
        for name in quoted(columns[3]) {
            assert!(wire.contains(&format!("`{name}`")), "docs/wire.md does not know {name}: {line}");
        }
    }
}

/// A bound that was raised in the code and not on the page is a promise that is not kept.
#[test]
fn the_page_of_bounds_names_every_constant_with_its_value() {
    let page = std::fs::read_to_string(root().join("docs/bounds.md")).unwrap();
    let mut named = BTreeMap::new();
    for line in bounds_of(&page) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (bound, name, happens) = (columns[2], columns[3].trim_matches('`'), columns[4]);
        assert!(!happens.is_empty(), "{name}: what happens at it?");
        named.entry(name.to_owned()).or_insert_with(Vec::new).push(format!("{bound} {happens}"));
    }
    for (name, value) in constants() {
        let rows = named.remove(name).unwrap_or_else(|| panic!("the page does not name {name}"));
        let digits = value.to_string();
        let has_value = |row: &String| {
            let plain = row.replace(',', "");
            plain.split(|letter: char| !letter.is_ascii_digit()).any(|number| number == digits)
        };
        assert!(rows.iter().any(has_value), "{name} is {value}, the page says {rows:?}");
    }
    assert!(named.is_empty(), "constants that no code has: {:?}", named.keys());
}
