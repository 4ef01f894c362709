//! The documents say what the code does.

use std::path::PathBuf;

use oddsengine_engine::{Reason, TicketState};
use serde_json::Value;

use super::frames::frames;
use super::parse;

fn document(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every table row whose first cell is a number.
fn numbered_rows(text: &str) -> Vec<Vec<&str>> {
    let is_number = |row: &Vec<&str>| row[0].parse::<u16>().is_ok();
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .filter(is_number)
        .collect()
}

#[test]
fn every_reason_is_listed_in_order() {
    let text = document("statuses.md");
    let rows = numbered_rows(&text);
    let expected: Vec<_> = Reason::ALL
        .iter()
        .map(|&reason| {
            vec![(reason as u16).to_string(), format!("`{}`", reason.name()), reason.sentence().to_string()]
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_ticket_state_is_listed() {
    let text = document("statuses.md");
    for state in [
        TicketState::Delayed,
        TicketState::Referred,
        TicketState::Reoffered(Reason::OddsHaveMoved),
        TicketState::Refused(Reason::NoPrice),
        TicketState::Open,
        TicketState::Settled,
        TicketState::Cancelled,
    ] {
        assert!(text.contains(&format!("| `{}` |", state.name())), "{state:?}");
    }
}

/// The blocks that start with "```json out NAME".
fn examples(text: &str) -> Vec<(&str, Value)> {
    text.split("```json out ")
        .skip(1)
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            let (json, _) = rest.split_once("```").unwrap();
            (name, serde_json::from_str(json).unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect()
}

#[test]
fn the_examples_are_real_frames() {
    let (text, frames) = (document("wire.md"), frames());
    let examples = examples(&text);
    for (name, example) in &examples {
        let (_, frame) = frames.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(*example, parse(frame), "{name}");
    }
    for (name, frame) in frames {
        let kind = &parse(&frame)["type"];
        assert!(
            examples.iter().any(|(_, shown)| shown["type"] == *kind),
            "{name}: no {kind} in docs/wire.md"
        );
    }
}
