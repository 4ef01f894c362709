//! What the tables of the codec say, compared with the published schema.

use std::collections::BTreeMap;
use std::path::Path;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind as SchemaKind};

use crate::proto::kind::Message;
use crate::record::Record;

const PACKAGE: &str = "oddsengine.journal.v1.";

/// In the schema, and written by no release yet.
const NOT_YET_WRITTEN: &[&str] = &["Origin.sent_ns", "Record.decided_ns"];

/// Messages and enums by name.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    messages: BTreeMap<String, BTreeMap<u32, String>>,
    enums: BTreeMap<String, BTreeMap<u32, String>>,
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldType {
    Plain(&'static str),
    Message(&'static str),
    Enum(&'static str),
}

impl FieldType {
    pub(crate) fn plain(name: &'static str) -> Self {
        Self::Plain(name)
    }
}

/// How often a field stands, and whether its absence shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Label {
    Plain,
    Optional,
    Repeated,
    OneOf,
}

impl Schema {
    /// Whether the message is new.
    pub(crate) fn begin(&mut self, message: &str) -> bool {
        let is_new = !self.messages.contains_key(message);
        self.messages.entry(message.to_owned()).or_default();
        is_new
    }

    pub(crate) fn field(&mut self, message: &str, number: u32, name: &str, kind: FieldType, label: Label) {
        let kind = match kind {
            FieldType::Plain(name) => name.to_owned(),
            FieldType::Message(name) | FieldType::Enum(name) => format!("{PACKAGE}{name}"),
        };
        let fields = self.messages.get_mut(message).expect("the message was begun");
        let earlier = fields.insert(number, format!("{label:?} {kind} {name}"));
        assert!(earlier.is_none(), "field {number} of {message} is there twice");
    }

    pub(crate) fn enumeration(&mut self, name: &str, values: impl IntoIterator<Item = (u32, String)>) {
        let mut all: BTreeMap<u32, String> = BTreeMap::new();
        for (number, text) in values {
            assert!(all.insert(number, text).is_none(), "value {number} of {name} is there twice");
        }
        self.enums.insert(name.to_owned(), all);
    }

    fn of_codec() -> Self {
        let mut schema = Self::default();
        Record::describe(&mut schema);
        schema
    }

    fn of_files(pool: &DescriptorPool) -> Self {
        let mut schema = Self::default();
        let short = |name: &str| name.strip_prefix(PACKAGE).expect("one package").to_owned();
        for message in pool.all_messages() {
            let name = short(message.full_name());
            let fields = message
                .fields()
                .filter(|field| !NOT_YET_WRITTEN.contains(&format!("{name}.{}", field.name()).as_str()))
                .map(|field| (field.number(), field_text(&field)))
                .collect();
            schema.messages.insert(name, fields);
        }
        for enumeration in pool.all_enums() {
            let values = enumeration.values().filter(|value| value.number() != 0);
            let values = values.map(|value| (value.number() as u32, value.name().to_owned())).collect();
            schema.enums.insert(short(enumeration.full_name()), values);
        }
        schema
    }
}

fn field_text(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        SchemaKind::Message(message) => message.full_name().to_owned(),
        SchemaKind::Enum(enumeration) => enumeration.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
    let label = match field.cardinality() {
        Cardinality::Repeated => Label::Repeated,
        _ if in_oneof => Label::OneOf,
        _ if field.supports_presence() => Label::Optional,
        _ => Label::Plain,
    };
    format!("{label:?} {kind} {}", field.name())
}

/// The published schema, compiled.
fn pool() -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let set = protox::compile([root.join("oddsengine/journal/v1/record.proto")], [&root])
        .unwrap_or_else(|error| panic!("the schema does not compile: {error:?}"));
    DescriptorPool::from_file_descriptor_set(set).expect("the schema is whole")
}

/// Number, name, type and label of every field and every value, both ways.
#[test]
fn the_codec_writes_what_the_schema_says() {
    let (codec, files) = (Schema::of_codec(), Schema::of_files(&pool()));
    assert_eq!(codec.messages.keys().collect::<Vec<_>>(), files.messages.keys().collect::<Vec<_>>());
    for (name, fields) in &files.messages {
        assert_eq!(&codec.messages[name], fields, "message {name}");
    }
    assert_eq!(codec.enums.keys().collect::<Vec<_>>(), files.enums.keys().collect::<Vec<_>>());
    for (name, values) in &files.enums {
        assert_eq!(&codec.enums[name], values, "enum {name}");
    }
}

/// Every enum has a value 0 that says nothing, so that an enum that is not written is told from one that is.
#[test]
fn every_enum_begins_with_a_value_that_is_never_written() {
    for enumeration in pool().all_enums() {
        let zero = enumeration.get_value(0).expect("proto3 asks for it");
        assert!(zero.name().ends_with("_UNSPECIFIED"), "{}", zero.full_name());
    }
}

/// Every message, field, enum and value is explained.
#[test]
fn everything_in_the_schema_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/oddsengine/journal/v1");
    for entry in std::fs::read_dir(root).expect("the schema is there") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let mut before = "";
        for (index, line) in text.lines().enumerate() {
            let code = line.trim();
            let is_declared = code.contains(" = ") && code.ends_with(';') && !code.starts_with("syntax");
            let is_begun = code.starts_with("message ") || code.starts_with("enum ");
            if (is_declared || is_begun) && !code.contains("_UNSPECIFIED") && !code.starts_with("//") {
                assert!(before.trim().starts_with("//"), "{}:{}: {code}", path.display(), index + 1);
            }
            before = line;
        }
    }
}
