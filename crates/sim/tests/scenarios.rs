//! Every scenario table, run by both engines.

use std::collections::BTreeSet;
use std::path::Path;

use oddsengine_engine::Reason;
use oddsengine_sim::coverage::Coverage;
use oddsengine_sim::scenario::{run_named, run_scenario};

fn run_all() -> Coverage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let folders = [folder.clone(), folder.join("engine")];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    assert!(files.len() >= 25, "{} scenario files were found", files.len());
    let mut coverage = Coverage::default();
    let mut errors = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        match run_named(&name, &text) {
            Ok(report) => coverage.add(&report.coverage),
            Err(error) => errors.push(error),
        }
    }
    assert!(errors.is_empty(), "{} scenarios do not hold:\n{}", errors.len(), errors.join("\n"));
    coverage
}

#[test]
fn every_scenario_holds_and_every_reason_has_a_case() {
    let coverage = run_all();
    let is_seen = |reason: &Reason| {
        let name = reason.name();
        coverage.count(&format!("reason.{name}")) + coverage.count(&format!("after_delay.reason.{name}")) > 0
    };
    let unseen: BTreeSet<&str> =
        Reason::ALL.iter().filter(|reason| !is_seen(reason)).map(|reason| reason.name()).collect();
    let expected: BTreeSet<&str> = Reason::OF_RUNTIME.iter().map(|reason| reason.name()).collect();
    assert_eq!(unseen, expected, "reasons without a case");
}

#[test]
fn errors_name_the_line_the_expected_and_the_found() {
    let wrong = |text: &str| run_scenario(text).unwrap_err();
    assert_eq!(
        wrong("deposit C1 10.00\n\nbalance C1 9.00 # not so"),
        "scenario:3: expected 9.00, found 10.00: `balance C1 9.00`"
    );
    assert_eq!(
        wrong("fixture F1\nbet B1 C1 1.00 F1:1x2/home@2.50"),
        "scenario:2: expected that it is done, found refused no_price: `bet B1 C1 1.00 F1:1x2/home@2.50`"
    );
    assert_eq!(
        wrong("goal F1 home"),
        "scenario:1: expected that it is done, found refused fixture_not_found (fixture 1 is not known): `goal F1 home`"
    );
    assert_eq!(wrong("juggle F1"), "scenario:1: \"juggle\" is neither a command nor a check: `juggle F1`");
    assert_eq!(wrong("epoch 1 2"), "scenario:1: \"2\" is one word too many: `epoch 1 2`");
}
