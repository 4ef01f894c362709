//! Records to bytes and back: by the codec, and by the published schema alone.

use std::collections::BTreeSet;
use std::path::Path;

use oddsengine_facts::proto::{FRAME_SIZE, RECORD_KIND, RECORD_VERSION, RecordErrorKind};
use oddsengine_facts::{Record, decode_record, encode_record, sample};
use oddsengine_markets::{MarketId, SelectionId};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    bytes
}

fn pool() -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let set =
        protox::compile([root.join("oddsengine/journal/v1/record.proto")], [&root]).expect("it compiles");
    DescriptorPool::from_file_descriptor_set(set).expect("the schema is whole")
}

/// The message of a record, read by the schema.
fn by_schema(pool: &DescriptorPool, bytes: &[u8]) -> DynamicMessage {
    let record = pool.get_message_by_name("oddsengine.journal.v1.Record").expect("it is there");
    DynamicMessage::decode(record, &bytes[FRAME_SIZE..]).expect("the schema reads it")
}

#[test]
fn every_record_comes_back() {
    for record in sample::records() {
        let bytes = encoded(&record);
        let found = decode_record(&bytes).unwrap_or_else(|error| panic!("{error}: {record:?}"));
        assert_eq!(found, record);
        assert_eq!(encoded(&found), bytes);
    }
}

/// An implementation that knows the schema only reads every byte of every record, and writes the same bytes.
#[test]
fn the_schema_alone_reads_every_record() {
    let pool = pool();
    for record in sample::records() {
        let bytes = encoded(&record);
        let message = by_schema(&pool, &bytes);
        no_unknown_fields(&message);
        assert_eq!(message.encode_to_vec(), bytes[FRAME_SIZE..], "{record:?}");
    }
}

fn no_unknown_fields(message: &DynamicMessage) {
    assert_eq!(message.unknown_fields().count(), 0, "{message:?}");
    messages_in(message).into_iter().for_each(no_unknown_fields);
}

fn messages_in(message: &DynamicMessage) -> Vec<&DynamicMessage> {
    let values = message.fields().flat_map(|(_, value)| match value {
        Value::List(items) => items.iter().collect::<Vec<_>>(),
        value => vec![value],
    });
    values.filter_map(Value::as_message).collect()
}

/// In the schema, and written by no release yet.
const NOT_YET_WRITTEN: &[&str] = &["Origin.sent_ns", "Record.decided_ns"];

/// The samples have every field of every message, every member of every choice and every value of every enum: what is
/// added to the schema must be added to them, and is then tried by every test that goes through them.
#[test]
fn the_samples_have_everything_that_the_schema_has() {
    let pool = pool();
    let mut seen = BTreeSet::new();
    for record in sample::records() {
        collect(&by_schema(&pool, &encoded(&record)), &mut seen);
    }
    let fields = pool.all_messages().flat_map(|message| {
        let name = message.full_name().to_owned();
        message.fields().map(move |field| format!("{name}.{}", field.name())).collect::<Vec<_>>()
    });
    let values = pool.all_enums().flat_map(|enumeration| {
        let names = enumeration.values().filter(|value| value.number() != 0);
        names.map(|value| value.full_name().to_owned()).collect::<Vec<_>>()
    });
    let is_awaited = |name: &&String| {
        let short = name.strip_prefix("oddsengine.journal.v1.").expect("one package");
        !NOT_YET_WRITTEN.iter().any(|unwritten| short.starts_with(unwritten))
    };
    let all: Vec<String> = fields.chain(values).collect();
    let missing: Vec<&String> = all.iter().filter(is_awaited).filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no sample has {missing:?}");
    assert!(all.len() > 400, "{}", all.len());
}

fn collect(message: &DynamicMessage, seen: &mut BTreeSet<String>) {
    for (field, value) in message.fields() {
        seen.insert(field.full_name().to_owned());
        let items = match value {
            Value::List(items) => items.iter().collect::<Vec<_>>(),
            value => vec![value],
        };
        for item in items {
            match (item, field.kind()) {
                (Value::EnumNumber(number), prost_reflect::Kind::Enum(enumeration)) => {
                    // Numbers that an open enum does not list are in the samples too.
                    seen.extend(enumeration.get_value(*number).map(|value| value.full_name().to_owned()));
                }
                (Value::Message(message), _) => collect(message, seen),
                _ => {}
            }
        }
    }
}

/// What another language sees in a bet: names and values, not only bytes that fit.
#[test]
fn a_bet_reads_as_what_it_is() {
    let pool = pool();
    let message = by_schema(&pool, &encoded(&sample::single_bet()));
    let at = |path: &str| -> Value {
        path.split('.').fold(Value::Message(message.clone()), |value, step| {
            match (&value, step.parse::<usize>()) {
                (Value::List(items), Ok(index)) => items[index].clone(),
                (Value::Message(message), _) => message
                    .get_field_by_name(step)
                    .unwrap_or_else(|| panic!("{path}: no {step}"))
                    .into_owned(),
                _ => panic!("{path}: {value:?} has no {step}"),
            }
        })
    };
    assert_eq!(at("command.time_ns"), Value::I64(1_671_379_200_123_456_789));
    let asked = "command.body.place_ticket";
    // FNV-1a of "1x2/home", computed apart.
    assert_eq!(at(&format!("{asked}.legs.0.selection")), Value::U64(fnv("1x2/home")));
    assert_eq!(at(&format!("{asked}.stake_minor")), Value::I64(2_500));
    assert_eq!(at(&format!("{asked}.currency")), Value::String("EUR".into()));
    let id = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77];
    assert_eq!(at(&format!("{asked}.ticket")), Value::Bytes(id.to_vec().into()));
    let decided = "facts.1.ticket_decided.ticket";
    assert_eq!(at(&format!("{decided}.legs.0.odds_e4")), Value::U32(19_500));
    assert_eq!(at(&format!("{decided}.checks.2.level")), Value::EnumNumber(3));
    assert_eq!(at(&format!("{decided}.checks.6.used_minor")), Value::I64(123_456));
    let booked = "facts.0.booked.bookings.0";
    assert_eq!(at(&format!("{booked}.debit.kind")), Value::EnumNumber(1));
    assert_eq!(at(&format!("{booked}.debit.customer")), Value::U64(81_234));
    assert_eq!(at(&format!("{booked}.amount_minor")), Value::I64(2_500));
}

/// As the schema's comment tells it.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A record that is cut anywhere is refused; so is one whose frame was cut along with it.
#[test]
fn a_record_that_is_cut_is_an_error_at_every_length() {
    for record in sample::records() {
        let bytes = encoded(&record);
        for length in 0..bytes.len() {
            let error = decode_record(&bytes[..length]).expect_err("it is cut");
            assert_eq!(error.kind, RecordErrorKind::Frame);
            let mut cut = bytes[..length].to_vec();
            reframe(&mut cut);
            // Whole messages at the end of a message can be missing without a trace; none of it panics.
            if let Ok(found) = decode_record(&cut) {
                assert!(found.facts.len() < record.facts.len(), "{length} of {}: {found:?}", bytes.len());
            }
        }
    }
}

/// Sets the length in the frame to what follows it.
fn reframe(bytes: &mut [u8]) {
    if let Some(length) = bytes.len().checked_sub(FRAME_SIZE) {
        bytes[3..FRAME_SIZE].copy_from_slice(&(length as u32).to_le_bytes());
    }
}

/// Every bit of every record is turned, and every byte replaced by extremes: an error or a record, never a panic; a record
/// that comes out is written and read again.
#[test]
fn damage_never_panics() {
    for record in sample::records() {
        let bytes = encoded(&record);
        for index in 0..bytes.len() {
            let flips = (0..8).map(|bit| bytes[index] ^ 1 << bit);
            for byte in flips.chain([0x00, 0x7f, 0x80, 0xff]) {
                let mut damaged = bytes.clone();
                damaged[index] = byte;
                if let Ok(found) = decode_record(&damaged) {
                    let again = decode_record(&encoded(&found)).expect("what was read is written readably");
                    assert_eq!(encoded(&again), encoded(&found));
                }
            }
        }
    }
}

fn framed(kind: u16, version: u8, message: &[u8]) -> Vec<u8> {
    let [k0, k1] = kind.to_le_bytes();
    let mut bytes = vec![k0, k1, version, 0, 0, 0, 0];
    bytes.extend_from_slice(message);
    reframe(&mut bytes);
    bytes
}

/// A record of a command with these bytes as its body.
fn with_body(body: &[u8]) -> Vec<u8> {
    // Time and origin of a command.
    let mut command = vec![0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x12, 2, 0x20, 1];
    command.extend_from_slice(&[0x1a, body.len() as u8]);
    command.extend_from_slice(body);
    let mut message = vec![0x0a, command.len() as u8];
    message.extend_from_slice(&command);
    message
}

/// A record that a newer release wrote stops whoever reads it, with a sentence.
#[test]
fn a_newer_kind_or_version_is_reported_by_name_and_number() {
    let message = &encoded(&sample::tick())[FRAME_SIZE..];
    for (kind, version) in [(7, 2), (1, 2), (2, 0), (u16::MAX, u8::MAX)] {
        let error = decode_record(&framed(kind, version, message)).expect_err("it is newer");
        assert_eq!(error.kind, RecordErrorKind::NewerRecord);
        assert_eq!(
            error.to_string(),
            format!(
                "record kind {kind} version {version} is of a newer release; this build reads kinds 1..=1 up to version 1"
            )
        );
    }
    for (kind, version) in [(0, 1), (1, 0)] {
        let error = decode_record(&framed(kind, version, message)).expect_err("no release wrote it");
        assert_eq!(
            error.to_string(),
            format!("record kind {kind} version {version} is not known to this build")
        );
    }
}

/// A kind of fact that a newer release added would be dropped by a reader of Protocol Buffers that asks no further, and
/// with it money: it is an error that names the field.
#[test]
fn a_newer_fact_is_an_error_that_names_its_field() {
    let mut message = encoded(&sample::tick())[FRAME_SIZE..].to_vec();
    let fact = [0xfa, 0x03, 0x02, 0x08, 0x01]; // field 63 of Fact: a message of two bytes
    message.extend_from_slice(&[0x12, fact.len() as u8]);
    message.extend_from_slice(&fact);
    let error = decode_record(&framed(1, 1, &message)).expect_err("it is newer");
    assert_eq!(error.kind, RecordErrorKind::NewerField);
    assert_eq!((error.name.as_str(), error.value.as_str()), ("Fact", "63"));
    assert_eq!(error.to_string(), "field 63 of Fact is of a newer release; this build does not know it");
    // The same for a field that a message did not have: Tick with a field 9.
    let newer = with_body(&[0x9a, 1, 2, 0x48, 1]);
    let error = decode_record(&framed(1, 1, &newer)).expect_err("it is newer");
    assert_eq!(error.to_string(), "field 9 of Body.Tick is of a newer release; this build does not know it");
}

/// What each kind of wrong bytes is told as: the name, the value and what is allowed.
#[test]
fn errors_name_the_field_and_the_value() {
    use RecordErrorKind::{Malformed, Missing, OutOfRange, Repeated, UnknownValue};
    let cases: &[(RecordErrorKind, &str, Vec<u8>)] = &[
        (Missing, "Record.command is missing", vec![]),
        (Missing, "Body.choice is missing", with_body(&[])),
        (Repeated, "Body.choice is there twice", with_body(&[0xc2, 1, 0, 0xc2, 1, 0])),
        (
            UnknownValue,
            "Body.ModelFailed.fault 9 is not known to this build",
            with_body(&[0xba, 1, 2, 0x10, 9]),
        ),
        (
            UnknownValue,
            "Body.ModelFailed.fault 0 is not known to this build",
            with_body(&[0xba, 1, 2, 0x10, 0]),
        ),
        (Missing, "Body.ModelFailed.fault is missing", with_body(&[0xba, 1, 2, 0x08, 9])),
        (
            OutOfRange,
            "Body.EpochStarted.epoch 4294967296 is outside 0..=4294967295",
            with_body(&[0x0a, 6, 0x08, 0x80, 0x80, 0x80, 0x80, 0x10]),
        ),
        (
            OutOfRange,
            "Body.CancelTicket.ticket of 3 bytes is outside 16..=16",
            with_body(&[0x92, 1, 5, 0x0a, 3, 1, 2, 3]),
        ),
        (Repeated, "Body.EpochStarted.epoch is there twice", with_body(&[0x0a, 4, 0x08, 1, 0x08, 1])),
        (
            Malformed,
            "Body.EpochStarted.epoch is malformed: wire type 5 instead of 0",
            with_body(&[0x0a, 1, 0x0d]),
        ),
        (
            Malformed,
            "Body.ResetSource.source is malformed: text is not UTF-8",
            with_body(&[0xca, 1, 3, 0x0a, 1, 0xff]),
        ),
        (
            Malformed,
            "Body.tick is malformed: length 200 where 0 bytes are left",
            with_body(&[0x9a, 1, 0xc8, 1]),
        ),
        (OutOfRange, "Body.key 0 is outside 1..=536870911", with_body(&[0x02])),
        (
            OutOfRange,
            "Grade.win, refund, of (1, 1, 1) is outside win + refund <= of, of 1..=65535",
            with_body(&[0x62, 10, 0x1a, 8, 0x0a, 6, 0x08, 1, 0x10, 1, 0x18, 1]),
        ),
        (UnknownValue, "SportSettings.sport \"chess\" is not known to this build", {
            let mut config = vec![0x12, 10, 0xc2, 1, 7, 0x0a, 5];
            config.extend_from_slice(b"chess");
            with_body(&config)
        }),
    ];
    for (kind, sentence, message) in cases {
        let error = decode_record(&framed(1, 1, message)).expect_err(sentence);
        assert_eq!(error.to_string(), *sentence);
        assert_eq!(error.kind, *kind, "{sentence}");
    }
}

fn golden_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/records")
}

/// A line a record: what it is, and its bytes in hexadecimal digits.
fn golden_lines() -> String {
    let kind =
        |text: String| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let line = |(index, record): (usize, Record)| {
        let asked = kind(format!("{:?}", record.command.body));
        let decided: Vec<String> = record.facts.iter().map(|fact| kind(format!("{fact:?}"))).collect();
        let hex: String = encoded(&record).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{index} {asked} [{}] {hex}\n", decided.join(" "))
    };
    sample::records().into_iter().enumerate().map(line).collect()
}

fn golden_bytes(line: &str) -> Vec<u8> {
    let hex = line.rsplit(' ').next().expect("a line ends with bytes");
    let byte = |index: usize| u8::from_str_radix(&hex[index..index + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// The bytes of this release are written down: they change only when somebody means to, with `scripts/golden_records.sh`.
#[test]
fn records_are_the_bytes_that_were_written_down() {
    let path = golden_folder().join(concat!(env!("CARGO_PKG_VERSION"), ".txt"));
    if std::env::var_os("ODDSENGINE_WRITE_GOLDEN_RECORDS").is_some() {
        std::fs::write(&path, golden_lines()).expect("it can be written");
    }
    let written = std::fs::read_to_string(&path).expect("this release has golden records");
    for (found, expected) in golden_lines().lines().zip(written.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(golden_lines().lines().count(), written.lines().count());
    for (line, record) in written.lines().zip(sample::records()) {
        assert_eq!(decode_record(&golden_bytes(line)), Ok(record), "{line}");
    }
}

/// What every earlier release wrote is read for ever. A field that is added and must be there fails here.
#[test]
fn records_of_every_release_are_read() {
    let mut count = 0;
    for entry in std::fs::read_dir(golden_folder()).expect("there are golden records") {
        let path = entry.expect("a file").path();
        for line in std::fs::read_to_string(&path).expect("text").lines() {
            let record = decode_record(&golden_bytes(line))
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()));
            assert_eq!(decode_record(&encoded(&record)), Ok(record));
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}

/// The page for consumers has the ids that the engine computes, every kind of fact, and every field that waits.
#[test]
fn the_page_for_consumers_says_what_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/journal.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let ids = [MarketId::of("1x2").0, SelectionId::of("1x2", "home").0];
    for id in ids {
        assert!(page.contains(&format!("`{id:016x}`")), "{id:016x}");
    }
    let fact = pool().get_message_by_name("oddsengine.journal.v1.Fact").expect("it is there");
    for member in fact.fields() {
        assert!(page.contains(&format!("`{}`", member.name())), "{}", member.name());
    }
    assert!(page.contains(&format!("| {RECORD_KIND} | {RECORD_VERSION} | `Record` |")));
    assert!(page.contains(&format!("frame: {FRAME_SIZE} bytes, so size = {FRAME_SIZE} + length")));
}
