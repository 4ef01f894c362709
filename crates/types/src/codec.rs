//! Fixed little-endian encoding of commands and state: what the journal and the snapshots hold.
//!
//! Every type says by hand which fields it writes and in which order ([`codec_struct!`], [`codec_enum!`]),
//! so the bytes change only when somebody changes that list. Integers are little-endian, `bool` is one byte,
//! floats are their bits, sequences carry a `u32` count, options a presence byte, enums a tag byte.

use std::collections::BTreeMap;
use std::fmt;

use crate::currency::Currency;
use crate::grade::Grade;
use crate::odds::Odds;

/// Appends its bytes.
pub trait Encode {
    /// Appends the encoding of `self` to `out`.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Reads itself back.
pub trait Decode: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// The bytes end early or hold a value that the type does not have.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Bytes that are not an encoding of the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What was wrong, with the value.
    pub what: String,
    /// Offset in the input, in bytes.
    pub offset: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// A cursor over encoded bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes.get(self.offset..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.offset += count;
                Ok(taken)
            }
            None => Err(self.error(format!("input ends where {count} bytes are expected"))),
        }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// An error at the current offset.
    #[cold]
    pub fn error(&self, what: impl Into<String>) -> DecodeError {
        DecodeError { what: what.into(), offset: self.offset }
    }
}

/// Decodes all of `bytes` as one value.
///
/// # Errors
/// As the type's own decoding, or when bytes are left over.
pub fn decode_all<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut input = Reader::new(bytes);
    let value = T::decode(&mut input)?;
    match input.remaining() {
        0 => Ok(value),
        left => Err(input.error(format!("{left} bytes are left over"))),
    }
}

/// Encodes a value to fresh bytes.
pub fn encode_to_vec(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

macro_rules! codec_integer {
    ($($integer:ty),*) => {$(
        impl Encode for $integer {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
        impl Decode for $integer {
            #[inline]
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let bytes = input.take(size_of::<$integer>())?;
                Ok(<$integer>::from_le_bytes(bytes.try_into().expect("take gives the asked length")))
            }
        }
    )*};
}
codec_integer!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f64);

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Decode for bool {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(input.error(format!("{other} is not a bool"))),
        }
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode(out);
        out.extend_from_slice(self.as_bytes());
    }
}

impl Decode for String {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(input)? as usize;
        let bytes = input.take(count)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| input.error("text is not UTF-8"))
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::decode(input)? { Some(T::decode(input)?) } else { None })
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode(out);
        self.iter().for_each(|item| item.encode(out));
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(input)? as usize;
        // A forged count must not reserve memory the bytes cannot fill.
        let mut items = Vec::with_capacity(count.min(input.remaining()));
        for _ in 0..count {
            items.push(T::decode(input)?);
        }
        Ok(items)
    }
}

impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.encode(out));
    }
}

impl<T: Decode + Copy + Default, const N: usize> Decode for [T; N] {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::decode(input)?;
        }
        Ok(items)
    }
}

impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode(out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out);
        }
    }
}

impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(input)?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = K::decode(input)?;
            map.insert(key, V::decode(input)?);
        }
        Ok(map)
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::decode(input).map(Box::new)
    }
}

macro_rules! codec_tuple {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$index.encode(out);)*
            }
        }
        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($name::decode(input)?,)*))
            }
        }
    };
}
codec_tuple!(A 0, B 1);
codec_tuple!(A 0, B 1, C 2);
codec_tuple!(A 0, B 1, C 2, D 3);

impl Encode for Odds {
    fn encode(&self, out: &mut Vec<u8>) {
        self.e4().encode(out);
    }
}

impl Decode for Odds {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let e4 = u32::decode(input)?;
        Odds::from_e4(e4).map_err(|error| input.error(error.to_string()))
    }
}

impl Encode for Grade {
    fn encode(&self, out: &mut Vec<u8>) {
        self.parts().encode(out);
    }
}

impl Decode for Grade {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (win, refund, of) = Decode::decode(input)?;
        Grade::new(win, refund, of)
            .ok_or_else(|| input.error(format!("({win},{refund})/{of} is not a grade")))
    }
}

impl Encode for Currency {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes());
    }
}

impl Decode for Currency {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = input.take(3)?;
        let code = std::str::from_utf8(bytes).map_err(|_| input.error("currency is not ASCII"))?;
        Currency::parse(code).map_err(|error| input.error(error.to_string()))
    }
}

impl Encode for crate::ladder::Ladder {
    fn encode(&self, out: &mut Vec<u8>) {
        self.name().to_string().encode(out);
    }
}

impl Decode for crate::ladder::Ladder {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = String::decode(input)?;
        Self::from_name(&name).ok_or_else(|| input.error(format!("{name:?} is not a ladder")))
    }
}

/// Encoding of a struct: its fields in the order given. A field left out fails the build.
#[macro_export]
macro_rules! codec_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::codec::Encode::encode($field, out);)*
                let _ = out;
            }
        }
        impl $crate::codec::Decode for $name {
            fn decode(input: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                $(let $field = $crate::codec::Decode::decode(input)?;)*
                let _ = input;
                Ok(Self { $($field),* })
            }
        }
    };
}

/// Encoding of an enum: a tag byte that never changes its meaning, then the fields of the variant.
/// Variants are units, `Name(a)` or `Name { a, b }`. A variant left out fails the build.
#[macro_export]
macro_rules! codec_enum {
    ($name:ident { $($tag:literal = $variant:ident $(($($item:ident),*))? $({ $($field:ident),* $(,)? })?),* $(,)? }) => {
        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::codec::Encode::encode($item, out);)*)?
                        $($($crate::codec::Encode::encode($field, out);)*)?
                    })*
                }
            }
        }
        impl $crate::codec::Decode for $name {
            fn decode(input: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                match <u8 as $crate::codec::Decode>::decode(input)? {
                    $($tag => {
                        $($(let $item = $crate::codec::Decode::decode(input)?;)*)?
                        $($(let $field = $crate::codec::Decode::decode(input)?;)*)?
                        Ok(Self::$variant $(($($item),*))? $({ $($field),* })?)
                    })*
                    tag => Err(input.error(format!("{tag} is not a tag of {}", stringify!($name)))),
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Point {
        x: i64,
        names: Vec<String>,
    }
    codec_struct!(Point { x, names });

    #[derive(Clone, Debug, PartialEq)]
    enum Shape {
        Empty,
        Dot(Point),
        Box { low: Point, high: Option<Point> },
    }
    codec_enum!(Shape { 0 = Empty, 1 = Dot(point), 2 = Box { low, high } });

    #[test]
    fn round_trip_and_every_truncation() {
        let point = Point { x: -5, names: vec!["a".into(), "é".into()] };
        for shape in
            [Shape::Empty, Shape::Dot(point.clone()), Shape::Box { low: point.clone(), high: Some(point) }]
        {
            let bytes = encode_to_vec(&shape);
            assert_eq!(decode_all::<Shape>(&bytes).unwrap(), shape);
            for length in 0..bytes.len() {
                assert!(decode_all::<Shape>(&bytes[..length]).is_err());
            }
        }
        assert_eq!(decode_all::<Shape>(&[9]).unwrap_err().to_string(), "9 is not a tag of Shape at byte 1");
        assert!(decode_all::<Shape>(&[0, 0]).unwrap_err().to_string().contains("left over"));
    }

    #[test]
    fn a_forged_count_reserves_nothing() {
        assert!(decode_all::<Vec<u64>>(&[255, 255, 255, 255]).is_err());
    }
}
