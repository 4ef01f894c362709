//! How the format grows, worked out: a field, a message, a kind of fact, a version with its upcaster. What `docs/journal.md`
//! tells, and the tests of the mechanisms that nothing has needed yet.

use super::common::Nothing;
use super::error::Result;
use super::frame::{Formats, RecordKind};
use super::kind::{Id128, Message, Msg, MsgOrDefault, Sfixed64, Sint64, Text, Uint64};
use super::tables::{message, oneof};
use super::wire::Input;
use super::{RECORD_KIND, RecordError, RecordErrorKind, encode_record};
use crate::command::{Body, Command, Origin};
use crate::record::Record;

/// A message and its bytes.
fn bytes_of(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.put_fields(&mut bytes);
    bytes
}

fn read<M: Message>(bytes: &[u8]) -> Result<M> {
    M::take(Input::new(bytes))
}

// A release has this.

#[derive(Clone, Debug, Default, PartialEq)]
struct Sender {
    source: String,
}
message!("Sender": Sender { 1 source: Text });

#[derive(Clone, Debug, PartialEq)]
enum Happened {
    Paid { ticket: u128 },
    Nothing,
}
oneof!("Happened": Happened {
    1 paid: Paid { 1 ticket: Id128 } as "Happened.Paid",
    2 nothing: Nothing = Nothing,
});

// The next one adds a number, a message and a kind of fact.

#[derive(Clone, Debug, Default, PartialEq)]
struct Badge {
    key: String,
    staff: String,
}
message!("Badge": Badge { 1 key: Text, 2 staff: Text });

#[derive(Clone, Debug, Default, PartialEq)]
struct LaterSender {
    source: String,
    lag_ms: i64,
    badge: Badge,
}
message!("Sender": LaterSender { 1 source: Text, 2 lag_ms: Sint64, 3 badge: MsgOrDefault<Badge> });

#[derive(Clone, Debug, PartialEq)]
enum LaterHappened {
    Paid { ticket: u128 },
    Nothing,
    Taxed { customer: u64 },
}
oneof!("Happened": LaterHappened {
    1 paid: Paid { 1 ticket: Id128 } as "Happened.Paid",
    2 nothing: Nothing = Nothing,
    3 taxed: Taxed { 1 customer: Uint64 } as "Happened.Taxed",
});

/// The next release reads what the one before wrote: what is new has the value that absence stands for.
#[test]
fn an_added_field_is_its_default_in_older_records() {
    let old = bytes_of(&Sender { source: "desk".into() });
    let read: LaterSender = read(&old).unwrap();
    assert_eq!(read, LaterSender { source: "desk".into(), ..LaterSender::default() });
    // Where nothing new is said, both releases write the same bytes.
    assert_eq!(bytes_of(&read), old);
}

/// A release before does not guess what the next one meant: it names what it does not know.
#[test]
fn an_added_field_is_an_error_to_older_releases() {
    for (later, field) in [
        (LaterSender { lag_ms: -1, ..LaterSender::default() }, "2"),
        (
            LaterSender {
                badge: Badge { key: "till-3".into(), staff: String::new() },
                ..LaterSender::default()
            },
            "3",
        ),
    ] {
        let bytes = bytes_of(&later);
        assert_eq!(read::<LaterSender>(&bytes).unwrap(), later);
        let error = read::<Sender>(&bytes).unwrap_err();
        assert_eq!(
            (error.kind, error.name.as_str(), error.value.as_str()),
            (RecordErrorKind::NewerField, "Sender", field)
        );
    }
}

#[test]
fn an_added_kind_of_fact_is_read_by_the_next_release_and_named_by_the_one_before() {
    for (old, new) in [
        (Happened::Paid { ticket: 7 }, LaterHappened::Paid { ticket: 7 }),
        (Happened::Nothing, LaterHappened::Nothing),
    ] {
        assert_eq!(read::<LaterHappened>(&bytes_of(&old)).unwrap(), new);
        assert_eq!(read::<Happened>(&bytes_of(&new)).unwrap(), old);
    }
    let bytes = bytes_of(&LaterHappened::Taxed { customer: 9 });
    assert_eq!(
        read::<Happened>(&bytes).unwrap_err().to_string(),
        "field 3 of Happened is of a newer release; this build does not know it"
    );
}

// A change that is more than an addition raises the version. Say that version 0 told the time of a tick in milliseconds: the
// old layout stays as tables, as far as it differs, and a function makes the next version's message of it.

struct RecordV0 {
    command: CommandV0,
}
message!("RecordV0": RecordV0 { 1 command: Msg<CommandV0> });

struct CommandV0 {
    time_ns: i64,
    origin: Origin,
    body: BodyV0,
}
message!("CommandV0": CommandV0 { 1 time_ns: Sfixed64, 2 origin: Msg<Origin>, 3 body: Msg<BodyV0> });

enum BodyV0 {
    Tick { read_ms: i64 },
    Heartbeat,
}
oneof!("BodyV0": BodyV0 {
    19 tick: Tick { 1 read_ms: Sint64 } as "BodyV0.Tick",
    24 heartbeat: Heartbeat = Nothing,
});

fn from_v0(message: &[u8]) -> std::result::Result<Vec<u8>, RecordError> {
    let RecordV0 { command: CommandV0 { time_ns, origin, body } } = read(message).map_err(|error| *error)?;
    let body = match body {
        // Beyond the range of nanoseconds nothing was ever written.
        BodyV0::Tick { read_ms } => Body::Tick { read_ns: read_ms.saturating_mul(1_000_000) },
        BodyV0::Heartbeat => Body::Heartbeat,
    };
    Ok(bytes_of(&Record { command: Command { time_ns, origin, body }, facts: Vec::new() }))
}

const WITH_V0: Formats = Formats {
    kinds: &[RecordKind {
        kind: RECORD_KIND,
        name: "record",
        version_min: 0,
        version: 1,
        upcasts: &[from_v0],
    }],
};

/// One more version: each step is made once, and old records take all of them.
const WITH_V2: Formats = Formats {
    kinds: &[RecordKind {
        kind: RECORD_KIND,
        name: "record",
        version_min: 0,
        version: 2,
        upcasts: &[from_v0, |message| Ok(message.to_vec())],
    }],
};

fn framed(version: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, version];
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    bytes.extend_from_slice(message);
    bytes
}

#[test]
fn an_older_version_is_read_through_its_upcaster() {
    let origin = || Origin { source: "desk".into(), ..Origin::default() };
    let old = |body| RecordV0 { command: CommandV0 { time_ns: 5, origin: origin(), body } };
    let tick = framed(0, &bytes_of(&old(BodyV0::Tick { read_ms: 1_671_379_200_123 })));
    let heartbeat = framed(0, &bytes_of(&old(BodyV0::Heartbeat)));
    let expected =
        |body| Record { command: Command { time_ns: 5, origin: origin(), body }, facts: Vec::new() };
    for formats in [WITH_V0, WITH_V2] {
        assert!(formats.kinds[0].is_complete());
        let found = formats.decode_record(&tick).unwrap();
        assert_eq!(found, expected(Body::Tick { read_ns: 1_671_379_200_123_000_000 }));
        assert_eq!(formats.decode_record(&heartbeat).unwrap(), expected(Body::Heartbeat));
    }
    // What is written now is read as it is, beside the old.
    let record = expected(Body::Heartbeat);
    let mut bytes = Vec::new();
    encode_record(&record, &mut bytes);
    assert_eq!(WITH_V0.decode_record(&bytes).unwrap(), record);
    assert_eq!(WITH_V2.decode_record(&bytes).unwrap(), record);
    // This release has no version 0, and none that is newer than its own.
    assert!(Formats::CURRENT.decode_record(&tick).is_err());
    let error = WITH_V2.decode_record(&framed(3, &[])).unwrap_err();
    assert!(error.to_string().ends_with("this build reads kinds 1..=1 up to version 2"), "{error}");
}

/// Damage in an old record is an error of the upcaster, with the name of the old message.
#[test]
fn an_upcaster_refuses_what_its_version_never_had() {
    let error = WITH_V0.decode_record(&framed(0, &[0x0a, 2, 0x20, 1])).unwrap_err();
    assert_eq!(error.to_string(), "field 4 of CommandV0 is of a newer release; this build does not know it");
}

/// A step that is missing would hand an old message to the new tables.
#[test]
fn a_kind_with_a_step_missing_is_not_complete() {
    let complete = WITH_V0.kinds[0];
    assert!(!RecordKind { upcasts: &[], ..complete }.is_complete());
    assert!(!RecordKind { version: 2, ..complete }.is_complete());
    assert!(!RecordKind { version_min: 2, ..complete }.is_complete());
}
