//! Every bench runs here at a tiny size and checks its answer, so that none can rot.

use oddsengine_benches::ops::{OPS, Size};
use oddsengine_benches::report::Report;
use oddsengine_benches::{BENCHES, Scale};

#[test]
fn every_bench_runs_and_checks_its_answer() {
    let mut report = Report::new(Scale::Quick);
    for (_, run) in BENCHES {
        run(Scale::Quick, &mut report);
    }
    let results: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let rows = results["rows"].as_array().unwrap();
    assert!(rows.len() > 40, "{} rows", rows.len());
    assert!(rows.iter().all(|row| row["checked"].as_str().is_some_and(|checked| !checked.is_empty())));
}

#[test]
fn every_operation_can_be_counted() {
    for (name, make) in OPS {
        let mut op = make(Size::QUICK);
        (0..40).for_each(|index| op.step(index));
        assert!(!op.check(40).is_empty(), "{name}");
    }
}
