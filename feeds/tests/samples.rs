//! Every sample in `feeds/canonical/samples` becomes what `feeds/canonical/expected` says, and every type has one.
//!
//! `UPDATE_EXPECTED=1 cargo test -p oddsengine-feeds` writes the expectations again; read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use oddsengine_feeds::{INGEST_TYPES, ORDER_TYPES, decode_ingest, decode_order};

const RECEIVED_NS: i64 = 1_668_960_134_796_000_000;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("canonical").join(name)
}

/// (name, bytes) of every sample, by name.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<_> =
        fs::read_dir(folder("samples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    names.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn samples_become_what_is_expected() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for (name, bytes) in samples() {
        let actual = match name.starts_with("ingest_") {
            true => format!("{:?}\n", decode_ingest(&bytes, RECEIVED_NS).unwrap()),
            false => format!("{:?}\n", decode_order(&bytes, RECEIVED_NS).unwrap()),
        };
        let path = folder("expected").join(format!("{name}.txt"));
        if update {
            fs::write(&path, &actual).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != actual {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not as expected: {wrong:?}");
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    let expected = fs::read_dir(folder("expected")).unwrap().map(|entry| stem(entry.unwrap().path()));
    let known: BTreeSet<_> = samples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(expected.collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_type_has_a_sample() {
    for (prefix, types) in [("ingest_", INGEST_TYPES), ("orders_", ORDER_TYPES)] {
        for kind in types {
            let has_sample = samples().iter().any(|(name, _)| name.starts_with(&format!("{prefix}{kind}")));
            assert!(has_sample, "{prefix}{kind} has no sample");
        }
    }
}

#[test]
fn text_is_borrowed_or_escaped_alike() {
    let plain = br#"{"type":"ping","request_id":"r-1"}"#;
    let escaped = br#"{"\u0074ype":"p\u0069ng","request_id":"r\u002d1"}"#;
    assert_eq!(decode_order(plain, 5).unwrap(), decode_order(escaped, 5).unwrap());
}

#[test]
fn odds_are_exact_to_the_ten_thousandth() {
    for odds_e4 in (10_010..=10_000_000_u32).step_by(101) {
        let (whole, fraction) = (odds_e4 / 10_000, odds_e4 % 10_000);
        for quote in ["", "\""] {
            let message = format!(
                r#"{{"type":"max_stake","request_id":"r","customer":1,"currency":"EUR","legs":[{{"fixture":1,
                "market":"1x2","selection":"home","odds":{quote}{whole}.{fraction:04}{quote},"version":[1,1]}}]}}"#
            );
            let decoded = format!("{:?}", decode_order(message.as_bytes(), 0).unwrap());
            assert!(decoded.contains(&format!("odds_e4: {odds_e4},")), "{decoded}");
        }
    }
}
