//! What may change in the schema and what may not: the published schema is held against `proto/lock.json`.
//!
//! `scripts/lock_schema.sh` writes the lock anew after an addition; it refuses what an old record could not be read with.
//! How a field, a kind of fact and a version are added in code is worked out in `src/proto/evolution.rs`.

use std::path::{Path, PathBuf};

use oddsengine_facts::{Body, Command, Config, Fact, Origin, Record, decode_record, encode_record};
use oddsengine_types::{BoundsError, SportId, SportSettings};
use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind};
use protox::file::{File, FileResolver};
use serde_json::{Map, Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

fn published() -> DescriptorPool {
    let set = protox::compile([root().join("oddsengine/journal/v1/record.proto")], [root()]);
    let set = set.unwrap_or_else(|error| panic!("the schema does not compile: {error:?}"));
    DescriptorPool::from_file_descriptor_set(set).expect("the schema is whole")
}

/// Everything that a reader of bytes or of JSON depends on: numbers, names, types, labels; and what is never used again.
fn lock_of(pool: &DescriptorPool) -> Value {
    let mut messages = Map::new();
    for message in pool.all_messages() {
        let fields: Map<String, Value> =
            message.fields().map(|field| (field.number().to_string(), field_lock(&field))).collect();
        let reserved: Vec<_> =
            message.reserved_ranges().map(|range| json!([range.start, range.end - 1])).collect();
        let reserved_names: Vec<&str> = message.reserved_names().collect();
        messages.insert(
            message.full_name().to_owned(),
            json!({"fields": fields, "reserved": reserved, "reserved_names": reserved_names}),
        );
    }
    let mut enums = Map::new();
    for enumeration in pool.all_enums() {
        let values: Map<String, Value> =
            enumeration.values().map(|value| (value.number().to_string(), json!(value.name()))).collect();
        let reserved: Vec<_> =
            enumeration.reserved_ranges().map(|range| json!([range.start(), range.end()])).collect();
        let reserved_names: Vec<&str> = enumeration.reserved_names().collect();
        enums.insert(
            enumeration.full_name().to_owned(),
            json!({"fields": values, "reserved": reserved, "reserved_names": reserved_names}),
        );
    }
    json!({"messages": messages, "enums": enums})
}

fn field_lock(field: &FieldDescriptor) -> Value {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(enumeration) => enumeration.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated ".to_owned(),
        _ => match oneof {
            Some(oneof) => format!("oneof {} ", oneof.name()),
            None if field.supports_presence() => "optional ".to_owned(),
            None => String::new(),
        },
    };
    json!(format!("{label}{kind} {}", field.name()))
}

/// What an old record could not be read with.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for section in ["messages", "enums"] {
        for (name, was) in old[section].as_object().expect("a lock") {
            match new[section].get(name) {
                Some(is) => compare(name, was, is, &mut found),
                None => found.push(format!("{name} is gone")),
            }
        }
    }
    found
}

fn compare(name: &str, was: &Value, is: &Value, found: &mut Vec<String>) {
    let list = |value: &Value, key: &str| value[key].as_array().expect("a list").clone();
    for (number, text) in was["fields"].as_object().expect("fields") {
        let text = text.as_str().expect("a text");
        match is["fields"].get(number).and_then(Value::as_str) {
            Some(now) if now == text => {}
            Some(now) => found.push(format!("{name} {number} was {text:?} and is {now:?}")),
            None => {
                let short = text.rsplit(' ').next().unwrap_or(text);
                let number: i64 = number.parse().expect("a number");
                let number_is_kept =
                    list(is, "reserved").iter().any(|range| covers(range, &json!([number, number])));
                let name_is_kept = list(is, "reserved_names").iter().any(|reserved| reserved == short);
                if !number_is_kept || !name_is_kept {
                    found.push(format!(
                        "{name} {number} {short} was removed, and its number and name are not both reserved"
                    ));
                }
            }
        }
    }
    let (ranges, names) = (list(is, "reserved"), list(is, "reserved_names"));
    let free_ranges =
        list(was, "reserved").into_iter().filter(|old| !ranges.iter().any(|new| covers(new, old)));
    let free_names = list(was, "reserved_names").into_iter().filter(|old| !names.contains(old));
    for reserved in free_ranges.chain(free_names) {
        found.push(format!("{name} {reserved} was reserved for good and no longer is"));
    }
}

/// A range of numbers, both ends included, is within another.
fn covers(outer: &Value, inner: &Value) -> bool {
    let ends = |range: &Value| (range[0].as_i64().expect("a number"), range[1].as_i64().expect("a number"));
    let ((first, last), (inner_first, inner_last)) = (ends(outer), ends(inner));
    first <= inner_first && inner_last <= last
}

fn lock_path() -> PathBuf {
    root().join("lock.json")
}

/// The schema reads every record that a locked one wrote, and the lock is of this schema.
#[test]
fn the_schema_is_the_locked_one_or_adds_to_it() {
    let new = lock_of(&published());
    let old: Value = match std::fs::read_to_string(lock_path()) {
        Ok(text) => serde_json::from_str(&text).expect("the lock is JSON"),
        Err(_) => json!({"messages": {}, "enums": {}}),
    };
    let found = breaks(&old, &new);
    assert!(found.is_empty(), "records of earlier releases could not be read: {found:#?}");
    if std::env::var_os("ODDSENGINE_LOCK_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&new).expect("it is JSON") + "\n";
        std::fs::write(lock_path(), text).expect("the lock can be written");
        return;
    }
    assert!(
        old == new,
        "the schema has what its lock has not\nhint: scripts/lock_schema.sh writes the lock anew"
    );
}

/// A schema as a text.
struct Text(&'static str);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        File::from_source(name, self.0)
    }
}

fn lock_of_text(text: &'static str) -> Value {
    let mut compiler = protox::Compiler::with_file_resolver(Text(text));
    compiler.open_file("test.proto").unwrap_or_else(|error| panic!("{error:?}: {text}"));
    lock_of(&compiler.descriptor_pool())
}

const BEFORE: &str = r#"
syntax = "proto3";
package t;
message Paid {
  bytes ticket = 1;
  sint64 paid_minor = 2;
  optional uint32 legs = 3;
  repeated string notes = 4;
  oneof how { bool cash = 5; bool bonus = 6; }
  Kind kind = 7;
  Inner inner = 8;
  reserved 9;
  reserved "old";
}
message Inner { uint32 a = 1; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 2; }
"#;

/// Every change that an old record, or a consumer of its JSON, could not be read with is seen and named.
#[test]
fn what_breaks_old_records_is_refused() {
    let old = lock_of_text(BEFORE);
    let changed: &[(&str, &str, &str)] = &[
        // Removed, without a trace or with half of one.
        ("  sint64 paid_minor = 2;\n", "", "t.Paid 2 paid_minor was removed"),
        ("  sint64 paid_minor = 2;\n", "  reserved 2;\n", "t.Paid 2 paid_minor was removed"),
        ("  sint64 paid_minor = 2;\n", "  reserved \"paid_minor\";\n", "t.Paid 2 paid_minor was removed"),
        // Another type: of bytes, of meaning, of presence.
        ("sint64 paid_minor", "int64 paid_minor", "was \"sint64 paid_minor\" and is \"int64 paid_minor\""),
        ("sint64 paid_minor", "sfixed64 paid_minor", "and is \"sfixed64 paid_minor\""),
        ("optional uint32 legs", "uint32 legs", "was \"optional uint32 legs\" and is \"uint32 legs\""),
        ("optional uint32 legs", "repeated uint32 legs", "and is \"repeated uint32 legs\""),
        ("repeated string notes", "string notes", "was \"repeated string notes\" and is \"string notes\""),
        ("Kind kind = 7", "Inner kind = 7", "was \"t.Kind kind\" and is"),
        ("Inner inner = 8", "Kind inner = 8", "was \"optional t.Inner inner\" and is"),
        // A number that means something else: reused, renamed, moved.
        ("bytes ticket = 1", "bytes customer = 1", "was \"bytes ticket\" and is \"bytes customer\""),
        ("sint64 paid_minor = 2", "sint64 paid_minor = 12", "t.Paid 2 paid_minor was removed"),
        (
            "bool cash = 5; bool bonus = 6",
            "bool bonus = 5; bool cash = 6",
            "was \"oneof how bool cash\" and is",
        ),
        // Out of a choice, or into another one.
        (
            "oneof how { bool cash = 5; bool bonus = 6; }",
            "bool cash = 5; oneof how { bool bonus = 6; }",
            "was \"oneof how bool cash\" and is \"bool cash\"",
        ),
        ("oneof how {", "oneof why {", "and is \"oneof why bool cash\""),
        // What was kept free is not free any more.
        ("  reserved 9;\n", "", "t.Paid [9,9] was reserved for good and no longer is"),
        ("  reserved 9;\n", "  bool again = 9;\n", "t.Paid [9,9] was reserved for good and no longer is"),
        ("  reserved \"old\";\n", "", "t.Paid \"old\" was reserved for good and no longer is"),
        // Values of enums.
        ("KIND_B = 2;", "", "t.Kind 2 KIND_B was removed"),
        ("KIND_B = 2;", "KIND_C = 2;", "was \"KIND_B\" and is \"KIND_C\""),
        ("KIND_A = 1; KIND_B = 2;", "KIND_B = 1; KIND_A = 2;", "was \"KIND_A\" and is \"KIND_B\""),
        // A message or an enum under another name.
        ("Inner inner = 8;", "Within inner = 8;", "t.Inner is gone"),
    ];
    for (from, to, expected) in changed {
        assert!(BEFORE.contains(from), "{from}");
        let mut text = BEFORE.replace(from, to);
        if text.contains("Within inner") {
            text = text.replace("message Inner", "message Within");
        }
        let found = breaks(&old, &lock_of_text(text.leak()));
        assert!(found.iter().any(|sentence| sentence.contains(expected)), "{from:?} -> {to:?}: {found:?}");
    }
}

/// Additions break nothing, and neither does a removal that keeps number and name for good.
#[test]
fn what_only_adds_is_not_refused() {
    let old = lock_of_text(BEFORE);
    for (from, to) in [
        ("reserved 9;", "reserved 9; uint64 customer = 10;"),
        ("bool bonus = 6;", "bool bonus = 6; bool free = 11;"),
        ("KIND_B = 2;", "KIND_B = 2; KIND_C = 3;"),
        ("message Inner", "message More { bool b = 1; }\nmessage Inner"),
        ("  sint64 paid_minor = 2;\n", "  reserved 2;\n  reserved \"paid_minor\";\n"),
        ("KIND_B = 2;", "reserved 2; reserved \"KIND_B\";"),
    ] {
        let new = lock_of_text(BEFORE.replace(from, to).leak());
        assert_eq!(breaks(&old, &new), Vec::<String>::new(), "{from:?} -> {to:?}");
        assert_ne!(old, new, "an addition is seen, so that it is locked");
    }
}

// How a sport's settings evolve. Version 1 told the share of home goals; version 2 tells the home advantage under another name and
// in another unit. The record stays as it was written, and the sport that reads it lifts it.

/// Names and meaning of the settings of football in this example: what the sport keeps beside its reader.
const SETTINGS_VERSION: u32 = 2;

fn lifted(settings: &SportSettings) -> Result<SportSettings, BoundsError> {
    let mut settings = settings.clone();
    if settings.version == 1 {
        for (name, value) in &mut settings.values {
            if name == "home_share_e4" {
                *name = "home_advantage_e6".into();
                *value *= 100;
            }
        }
        settings.values.sort();
        settings.version = 2;
    }
    match settings.version {
        SETTINGS_VERSION => Ok(settings),
        other => Err(BoundsError::outside("version of the settings of football", other, 1, SETTINGS_VERSION)),
    }
}

#[test]
fn settings_of_a_sport_are_lifted_by_the_sport_that_reads_them() {
    let football = |version, values: &[(&str, i64)]| SportSettings {
        sport: SportId(0),
        version,
        values: values.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
    };
    let written = football(1, &[("home_share_e4", 4_500), ("rho_e4", -1_300)]);
    let config = Config { sports: vec![written.clone()], ..Config::default() };
    let record = Record {
        command: Command { time_ns: 1, origin: Origin::default(), body: Body::EpochStarted { epoch: 1 } },
        facts: vec![Fact::Configured(Box::new(config))],
    };
    let mut bytes = Vec::new();
    encode_record(&record, &mut bytes);
    let found = decode_record(&bytes).expect("it was written");
    let [Fact::Configured(config)] = found.facts.as_slice() else { panic!("{found:?}") };
    assert_eq!(config.sports, [written], "the record keeps what was written");
    let read = lifted(&config.sports[0]).expect("an older version is read");
    assert_eq!(read, football(2, &[("home_advantage_e6", 450_000), ("rho_e4", -1_300)]));
    assert_eq!(lifted(&read).as_ref(), Ok(&read));
    let error = lifted(&football(3, &[])).expect_err("it is newer").to_string();
    assert_eq!(error, "version of the settings of football 3 is outside 1..=2");
}
