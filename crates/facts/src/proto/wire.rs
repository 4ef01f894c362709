//! The wire format of Protocol Buffers: varints, keys, lengths.

use super::error::{At, Result};

/// How a value is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Wire {
    /// Seven bits a byte, lowest first.
    Varint = 0,
    /// Eight bytes.
    Fixed64 = 1,
    /// A length and so many bytes.
    Len = 2,
}

/// The wire type of a key as it was read: any of eight, of which three are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadWire(u8);

impl ReadWire {
    #[inline]
    pub fn is(self, wire: Wire) -> bool {
        self.0 == wire as u8
    }

    /// Refuses another wire type.
    #[inline]
    pub fn expect(self, wire: Wire, at: &'static At) -> Result<()> {
        match self.is(wire) {
            true => Ok(()),
            false => Err(at.malformed(format_args!("wire type {} instead of {}", self.0, wire as u8))),
        }
    }
}

/// Bytes not yet read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number and wire type of the next field; nothing at the end.
    #[inline]
    pub fn key(&mut self, at: &'static At) -> Result<Option<(u32, ReadWire)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let key = self.varint(at)?;
        match key >> 3 {
            number @ 1..=0x1fff_ffff => Ok(Some((number as u32, ReadWire((key & 7) as u8)))),
            number => Err(at.outside(number, "1..=536870911")),
        }
    }

    #[inline]
    pub fn varint(&mut self, at: &'static At) -> Result<u64> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => self.long_varint(at),
        }
    }

    fn long_varint(&mut self, at: &'static At) -> Result<u64> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            // The tenth byte holds the last bit.
            if index == 9 && byte > 1 {
                return Err(at.malformed("a number of more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(at.malformed("input ends inside a number"))
    }

    #[inline]
    pub fn fixed64(&mut self, at: &'static At) -> Result<u64> {
        match self.rest.split_first_chunk::<8>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => Err(at.malformed("input ends inside a number")),
        }
    }

    /// A length and so many bytes.
    #[inline]
    pub fn bytes(&mut self, at: &'static At) -> Result<&'a [u8]> {
        let length = self.varint(at)?;
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => {
                let left = self.rest.len();
                Err(at.malformed(format_args!("length {length} where {left} bytes are left")))
            }
        }
    }

    /// A message inside this one.
    #[inline]
    pub fn nested(&mut self, at: &'static At) -> Result<Input<'a>> {
        self.bytes(at).map(Input::new)
    }
}

#[inline]
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let mut bytes = [0; 10];
    let mut count = 0;
    while value >= 0x80 {
        bytes[count] = value as u8 | 0x80;
        value >>= 7;
        count += 1;
    }
    bytes[count] = value as u8;
    out.extend_from_slice(&bytes[..=count]);
}

#[inline]
pub(super) fn put_key(number: u32, wire: Wire, out: &mut Vec<u8>) {
    put_varint(u64::from(number << 3 | wire as u32), out);
}

/// Length and bytes of what is written, the length in as few bytes as it takes.
#[inline]
pub(super) fn put_nested(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    // Most messages are shorter than 128 bytes: one byte is kept for the length, and longer ones move up.
    let start = out.len();
    out.push(0);
    write(out);
    let length = out.len() - start - 1;
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out[start] = short,
        _ => put_long_length(start, length, out),
    }
}

#[inline(never)]
fn put_long_length(start: usize, length: usize, out: &mut Vec<u8>) {
    put_varint(length as u64, out);
    // The length stands behind the bytes now, in place of the byte before them.
    let size = out.len() - start - 1 - length;
    let mut bytes = [0; 10];
    bytes[..size].copy_from_slice(&out[start + 1 + length..]);
    out.copy_within(start + 1..start + 1 + length, start + size);
    out[start..start + size].copy_from_slice(&bytes[..size]);
    out.truncate(start + size + length);
}

/// Small numbers of either sign become small numbers.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &At = &At { message: "Test", field: "value" };

    #[test]
    fn numbers_come_back_and_as_the_specification_writes_them() {
        let mut out = Vec::new();
        put_varint(150, &mut out);
        assert_eq!(out, [0x96, 0x01]); // the encoding guide's example
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(value, &mut out);
                let mut input = Input::new(&out);
                assert_eq!(input.varint(AT).unwrap(), value);
                assert!(input.is_empty());
                assert!((0..out.len()).all(|length| Input::new(&out[..length]).varint(AT).is_err()));
            }
        }
        for (value, written) in [(0, 0), (-1, 1), (1, 2), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)] {
            assert_eq!((zigzag(value), unzigzag(written)), (written, value));
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut bytes = [0xff; 10];
        bytes[9] = 2;
        assert!(Input::new(&bytes).varint(AT).unwrap_err().to_string().contains("more than 64 bits"));
        assert!(Input::new(&[0xff; 20]).varint(AT).is_err());
    }

    #[test]
    fn lengths_take_as_few_bytes_as_they_need() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 100_000] {
            let content: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let (mut found, mut expected) = (vec![9], vec![9]);
            put_nested(&mut found, |out| out.extend_from_slice(&content));
            put_varint(length, &mut expected);
            expected.extend_from_slice(&content);
            assert!(found == expected, "length {length}");
        }
    }
}
