//! How a field is written: the types of the schema, and which Rust types each stands for.

use super::error::{At, Result};
use super::wire::{Input, ReadWire, Wire, put_key, put_nested, put_varint, unzigzag, zigzag};

/// A type of the schema with its label.
pub(super) trait Kind {
    /// The type as the schema writes it.
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType;

    /// `repeated`, `optional` (or a message, whose absence always shows), or neither.
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Plain;
}

/// A field of a message.
pub(super) trait Field<T>: Kind {
    /// Writes key and value, unless the value is one that absence stands for.
    fn put(number: u32, value: &T, out: &mut Vec<u8>);

    /// Reads one occurrence.
    fn merge(slot: &mut Option<T>, wire: ReadWire, input: &mut Input<'_>, at: &'static At) -> Result<()>;

    /// The value once all occurrences are read.
    fn finish(slot: Option<T>, at: &'static At) -> Result<T>;
}

/// One value without its key.
pub(super) trait Element<T>: Kind {
    /// How it is delimited.
    const WIRE: Wire;

    /// Writes it; with its length, where it has one.
    fn write(value: &T, out: &mut Vec<u8>);

    /// Reads it.
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<T>;
}

/// A message of the schema.
pub(super) trait Message: Sized {
    /// Its fields.
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str;

    /// Writes its fields, without a length.
    fn put_fields(&self, out: &mut Vec<u8>);

    /// Reads it to the end of the input.
    fn take(input: Input<'_>) -> Result<Self>;
}

/// An enum of the schema. Number 0 stands for no value and is never written.
pub(super) trait Enumeration: Copy {
    /// Its name and values.
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str;

    /// Its number in the schema.
    fn number(self) -> u32;

    /// The value of a number.
    fn from_number(number: u64) -> Option<Self>;
}

/// Puts a value and its key.
#[inline]
pub(super) fn put_one<T, K: Element<T>>(number: u32, value: &T, out: &mut Vec<u8>) {
    put_key(number, K::WIRE, out);
    K::write(value, out);
}

/// Reads a value whose key has been read.
#[inline]
pub(super) fn take_one<T, K: Element<T>>(
    wire: ReadWire,
    input: &mut Input<'_>,
    at: &'static At,
) -> Result<T> {
    wire.expect(K::WIRE, at)?;
    K::read(input, at)
}

#[inline]
fn take_once<T, K: Element<T>>(
    slot: &mut Option<T>,
    wire: ReadWire,
    input: &mut Input<'_>,
    at: &'static At,
) -> Result<()> {
    if slot.is_some() {
        return Err(at.repeated());
    }
    *slot = Some(take_one::<T, K>(wire, input, at)?);
    Ok(())
}

/// A scalar without `optional`: its zero is not written.
macro_rules! plain_field {
    ($kind:ty: $type:ty, $is_zero:expr) => {
        impl Field<$type> for $kind {
            #[inline]
            fn put(number: u32, value: &$type, out: &mut Vec<u8>) {
                let is_zero: fn(&$type) -> bool = $is_zero;
                if !is_zero(value) {
                    put_one::<_, Self>(number, value, out);
                }
            }

            #[inline]
            fn merge(
                slot: &mut Option<$type>,
                wire: ReadWire,
                input: &mut Input<'_>,
                at: &'static At,
            ) -> Result<()> {
                take_once::<_, Self>(slot, wire, input, at)
            }

            #[inline]
            fn finish(slot: Option<$type>, _: &'static At) -> Result<$type> {
                Ok(slot.unwrap_or_default())
            }
        }
    };
}

/// A field that is always written: absence is an error.
macro_rules! required_field {
    ($({$($generic:tt)*})? $kind:ty: $type:ty) => {
        impl<$($($generic)*)?> Field<$type> for $kind {
            #[inline]
            fn put(number: u32, value: &$type, out: &mut Vec<u8>) {
                put_one::<_, Self>(number, value, out);
            }

            #[inline]
            fn merge(
                slot: &mut Option<$type>,
                wire: ReadWire,
                input: &mut Input<'_>,
                at: &'static At,
            ) -> Result<()> {
                take_once::<_, Self>(slot, wire, input, at)
            }

            #[inline]
            fn finish(slot: Option<$type>, at: &'static At) -> Result<$type> {
                slot.ok_or_else(|| at.missing())
            }
        }
    };
}

macro_rules! described {
    ($({$($generic:tt)*})? $kind:ty = $schema:ident => $type:expr) => {
        impl<$($($generic)*)?> Kind for $kind {
            #[cfg(test)]
            fn describe($schema: &mut super::schema::Schema) -> super::schema::FieldType {
                $type
            }
        }
    };
}

macro_rules! varint_kind {
    ($(#[$doc:meta])* $name:ident $text:literal: $($type:ty),*) => {
        $(#[$doc])*
        pub(super) struct $name;
        described!($name = _schema => super::schema::FieldType::plain($text));
        $(
            impl Element<$type> for $name {
                const WIRE: Wire = Wire::Varint;

                #[inline]
                fn write(value: &$type, out: &mut Vec<u8>) {
                    put_varint((*value).into(), out);
                }

                #[inline]
                fn read(input: &mut Input<'_>, at: &'static At) -> Result<$type> {
                    let value = input.varint(at)?;
                    value.try_into().map_err(|_| at.outside(value, format_args!("0..={}", <$type>::MAX)))
                }
            }
            plain_field!($name: $type, |value| *value == 0);
        )*
    };
}

varint_kind! {
    /// `uint32`.
    Uint32 "uint32": u8, u16, u32
}
varint_kind! {
    /// `uint64`.
    Uint64 "uint64": u64
}

macro_rules! id_kind {
    ($($kind:ident: $type:ident),*) => {$(
        impl Element<$type> for $kind {
            const WIRE: Wire = <$kind as Element<u64>>::WIRE;

            #[inline]
            fn write(value: &$type, out: &mut Vec<u8>) {
                <$kind as Element<u64>>::write(&value.0, out);
            }

            #[inline]
            fn read(input: &mut Input<'_>, at: &'static At) -> Result<$type> {
                <$kind as Element<u64>>::read(input, at).map($type)
            }
        }
        plain_field!($kind: $type, |value| value.0 == 0);
    )*};
}

/// `fixed64`: eight bytes, for numbers that are rarely small.
pub(super) struct Fixed64;
described!(Fixed64 = _schema => super::schema::FieldType::plain("fixed64"));

impl Element<u64> for Fixed64 {
    const WIRE: Wire = Wire::Fixed64;

    #[inline]
    fn write(value: &u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<u64> {
        input.fixed64(at)
    }
}
plain_field!(Fixed64: u64, |value| *value == 0);

use oddsengine_markets::{MarketId, SelectionId, SpaceId};
use oddsengine_types::{CustomerId, FixtureId};
id_kind!(Uint64: FixtureId, Uint64: CustomerId, Fixed64: MarketId, Fixed64: SelectionId, Fixed64: SpaceId);

macro_rules! i64_kind {
    ($(#[$doc:meta])* $name:ident $text:literal $wire:ident, $write:expr, $read:expr) => {
        $(#[$doc])*
        pub(super) struct $name;
        described!($name = _schema => super::schema::FieldType::plain($text));

        impl Element<i64> for $name {
            const WIRE: Wire = Wire::$wire;

            #[inline]
            fn write(value: &i64, out: &mut Vec<u8>) {
                let write: fn(i64, &mut Vec<u8>) = $write;
                write(*value, out);
            }

            #[inline]
            fn read(input: &mut Input<'_>, at: &'static At) -> Result<i64> {
                let read: fn(&mut Input<'_>, &'static At) -> Result<i64> = $read;
                read(input, at)
            }
        }
        plain_field!($name: i64, |value| *value == 0);
    };
}

i64_kind! {
    /// `sint64`: amounts, differences, milliseconds.
    Sint64 "sint64" Varint,
    |value, out| put_varint(zigzag(value), out), |input, at| input.varint(at).map(unzigzag)
}
i64_kind! {
    /// `sfixed64`: moments in nanoseconds.
    Sfixed64 "sfixed64" Fixed64,
    |value, out| out.extend_from_slice(&value.to_le_bytes()), |input, at| input.fixed64(at).map(|bits| bits as i64)
}

/// `bool`.
pub(super) struct Bool;
described!(Bool = _schema => super::schema::FieldType::plain("bool"));

impl Element<bool> for Bool {
    const WIRE: Wire = Wire::Varint;

    #[inline]
    fn write(value: &bool, out: &mut Vec<u8>) {
        out.push(u8::from(*value));
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<bool> {
        match input.varint(at)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(at.outside(other, "0..=1")),
        }
    }
}
plain_field!(Bool: bool, |value| !*value);

/// `double`: every bit is kept.
pub(super) struct Double;
described!(Double = _schema => super::schema::FieldType::plain("double"));

impl Element<f64> for Double {
    const WIRE: Wire = Wire::Fixed64;

    #[inline]
    fn write(value: &f64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<f64> {
        input.fixed64(at).map(f64::from_bits)
    }
}

/// `string`.
pub(super) struct Text;
described!(Text = _schema => super::schema::FieldType::plain("string"));

impl Element<String> for Text {
    const WIRE: Wire = Wire::Len;

    #[inline]
    fn write(value: &String, out: &mut Vec<u8>) {
        put_varint(value.len() as u64, out);
        out.extend_from_slice(value.as_bytes());
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<String> {
        let bytes = input.bytes(at)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(at.malformed("text is not UTF-8")),
        }
    }
}
plain_field!(Text: String, |value| value.is_empty());

/// `bytes`, one for each entry of a list.
pub(super) struct Bytes;
described!(Bytes = _schema => super::schema::FieldType::plain("bytes"));

impl Element<Vec<u8>> for Bytes {
    const WIRE: Wire = Wire::Len;

    fn write(value: &Vec<u8>, out: &mut Vec<u8>) {
        put_varint(value.len() as u64, out);
        out.extend_from_slice(value);
    }

    fn read(input: &mut Input<'_>, at: &'static At) -> Result<Vec<u8>> {
        input.bytes(at).map(<[u8]>::to_vec)
    }
}
plain_field!(Bytes: Vec<u8>, |value| value.is_empty());

/// `bytes` of a 128-bit id: always 16, most significant first.
pub(super) struct Id128;
described!(Id128 = _schema => super::schema::FieldType::plain("bytes"));

impl Element<u128> for Id128 {
    const WIRE: Wire = Wire::Len;

    #[inline]
    fn write(value: &u128, out: &mut Vec<u8>) {
        let mut bytes = [16; 17];
        bytes[1..].copy_from_slice(&value.to_be_bytes());
        out.extend_from_slice(&bytes);
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<u128> {
        let bytes = input.bytes(at)?;
        match bytes.try_into() {
            Ok(bytes) => Ok(u128::from_be_bytes(bytes)),
            Err(_) => Err(at.outside(format_args!("of {} bytes", bytes.len()), "16..=16")),
        }
    }
}
required_field!(Id128: u128);

macro_rules! id128_kind {
    ($($type:ident),*) => {$(
        impl Element<$type> for Id128 {
            const WIRE: Wire = Wire::Len;

            #[inline]
            fn write(value: &$type, out: &mut Vec<u8>) {
                <Id128 as Element<u128>>::write(&value.0, out);
            }

            #[inline]
            fn read(input: &mut Input<'_>, at: &'static At) -> Result<$type> {
                <Id128 as Element<u128>>::read(input, at).map($type)
            }
        }
        required_field!(Id128: $type);
    )*};
}
use oddsengine_types::{TicketId, TransferId};
id128_kind!(TicketId, TransferId);

/// A message: always written.
pub(super) struct Msg<M>(std::marker::PhantomData<M>);

impl<M: Message> Kind for Msg<M> {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Optional;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        super::schema::FieldType::Message(M::describe(schema))
    }
}

impl<M: Message> Element<M> for Msg<M> {
    const WIRE: Wire = Wire::Len;

    #[inline]
    fn write(value: &M, out: &mut Vec<u8>) {
        put_nested(out, |out| value.put_fields(out));
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<M> {
        M::take(input.nested(at)?)
    }
}
required_field!({M: Message} Msg<M>: M);

impl<M: Message> Element<Box<M>> for Msg<M> {
    const WIRE: Wire = Wire::Len;

    #[inline]
    fn write(value: &Box<M>, out: &mut Vec<u8>) {
        put_nested(out, |out| value.put_fields(out));
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<Box<M>> {
        M::take(input.nested(at)?).map(Box::new)
    }
}
required_field!({M: Message} Msg<M>: Box<M>);

/// A message whose absence is the default value: how a message is added to one that old records have.
pub(super) struct MsgOrDefault<M>(std::marker::PhantomData<M>);

impl<M: Message> Kind for MsgOrDefault<M> {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Optional;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        super::schema::FieldType::Message(M::describe(schema))
    }
}

impl<M: Message + Default + PartialEq> Field<M> for MsgOrDefault<M> {
    fn put(number: u32, value: &M, out: &mut Vec<u8>) {
        if *value != M::default() {
            put_one::<_, Msg<M>>(number, value, out);
        }
    }

    fn merge(slot: &mut Option<M>, wire: ReadWire, input: &mut Input<'_>, at: &'static At) -> Result<()> {
        take_once::<_, Msg<M>>(slot, wire, input, at)
    }

    fn finish(slot: Option<M>, _: &'static At) -> Result<M> {
        Ok(slot.unwrap_or_default())
    }
}

/// An enum: always written.
pub(super) struct Enum<E>(std::marker::PhantomData<E>);
described!({E: Enumeration} Enum<E> = schema => super::schema::FieldType::Enum(E::describe(schema)));

impl<E: Enumeration> Element<E> for Enum<E> {
    const WIRE: Wire = Wire::Varint;

    #[inline]
    fn write(value: &E, out: &mut Vec<u8>) {
        put_varint(value.number().into(), out);
    }

    #[inline]
    fn read(input: &mut Input<'_>, at: &'static At) -> Result<E> {
        let number = input.varint(at)?;
        E::from_number(number).ok_or_else(|| at.unknown(number))
    }
}
required_field!({E: Enumeration} Enum<E>: E);

/// `optional`, or a message that may be absent.
pub(super) struct Opt<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for Opt<K> {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Optional;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        K::describe(schema)
    }
}

impl<T, K: Element<T>> Field<Option<T>> for Opt<K> {
    #[inline]
    fn put(number: u32, value: &Option<T>, out: &mut Vec<u8>) {
        if let Some(value) = value {
            put_one::<_, K>(number, value, out);
        }
    }

    #[inline]
    fn merge(
        slot: &mut Option<Option<T>>,
        wire: ReadWire,
        input: &mut Input<'_>,
        at: &'static At,
    ) -> Result<()> {
        take_once::<T, K>(slot.get_or_insert(None), wire, input, at)
    }

    #[inline]
    fn finish(slot: Option<Option<T>>, _: &'static At) -> Result<Option<T>> {
        Ok(slot.flatten())
    }
}

/// `repeated` of what has a length: one key each.
pub(super) struct Rep<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for Rep<K> {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Repeated;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        K::describe(schema)
    }
}

impl<T, K: Element<T>> Field<Vec<T>> for Rep<K> {
    #[inline]
    fn put(number: u32, value: &Vec<T>, out: &mut Vec<u8>) {
        value.iter().for_each(|item| put_one::<_, K>(number, item, out));
    }

    #[inline]
    fn merge(
        slot: &mut Option<Vec<T>>,
        wire: ReadWire,
        input: &mut Input<'_>,
        at: &'static At,
    ) -> Result<()> {
        let item = take_one::<T, K>(wire, input, at)?;
        slot.get_or_insert_default().push(item);
        Ok(())
    }

    #[inline]
    fn finish(slot: Option<Vec<T>>, _: &'static At) -> Result<Vec<T>> {
        Ok(slot.unwrap_or_default())
    }
}

/// `repeated` of numbers: all in one run of bytes; one key each is read as well.
pub(super) struct Packed<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for Packed<K> {
    #[cfg(test)]
    const LABEL: super::schema::Label = super::schema::Label::Repeated;

    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> super::schema::FieldType {
        K::describe(schema)
    }
}

impl<T, K: Element<T>> Field<Vec<T>> for Packed<K> {
    fn put(number: u32, value: &Vec<T>, out: &mut Vec<u8>) {
        if !value.is_empty() {
            put_key(number, Wire::Len, out);
            put_nested(out, |out| value.iter().for_each(|item| K::write(item, out)));
        }
    }

    fn merge(
        slot: &mut Option<Vec<T>>,
        wire: ReadWire,
        input: &mut Input<'_>,
        at: &'static At,
    ) -> Result<()> {
        let items = slot.get_or_insert_default();
        if wire.is(K::WIRE) {
            items.push(K::read(input, at)?);
            return Ok(());
        }
        wire.expect(Wire::Len, at)?;
        let mut packed = input.nested(at)?;
        while !packed.is_empty() {
            items.push(K::read(&mut packed, at)?);
        }
        Ok(())
    }

    fn finish(slot: Option<Vec<T>>, _: &'static At) -> Result<Vec<T>> {
        Ok(slot.unwrap_or_default())
    }
}
