//! JSON written straight to bytes.

use oddsengine_types::Grade;

/// Two decimal digits of every number below 100.
const DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        digits[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    digits
};

/// Appends JSON. Containers are opened and closed by hand; [`object!`] and [`fields!`] write the names.
pub trait JsonBytes {
    fn put(&mut self, bytes: &[u8]);
    fn put_start(&mut self, bytes: [u8; 8], size: usize);
    fn unsigned(&mut self, value: u64);
    fn integer(&mut self, value: i64);
    fn boolean(&mut self, value: bool);
    fn text(&mut self, value: &str);
    fn optional_text(&mut self, value: Option<&str>);
    fn optional_unsigned(&mut self, value: Option<u64>);
    fn hex128(&mut self, value: u128);
    fn odds(&mut self, odds_e4: u32);
    fn odds_list(&mut self, odds_e4: &[u32]);
    fn probability_e9(&mut self, value: u32);
    fn pair(&mut self, first: u64, second: u64);
    fn grade(&mut self, grade: Option<Grade>);
    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, item: impl FnMut(&mut Self, T));
}

/// `,"name":value` for each field: for objects that have a field already.
macro_rules! fields {
    ($out:expr; $($name:literal: $method:ident($($argument:expr),*)),* $(,)?) => {{$(
        $out.put(concat!(",\"", $name, "\":").as_bytes());
        $out.$method($($argument),*);
    )*}};
}

/// `{"first":value,...`, left open for [`fields!`] and `put(b"}")`.
macro_rules! object {
    ($out:expr; $first:literal: $method:ident($($argument:expr),*) $(, $($rest:tt)*)?) => {{
        $out.put(concat!("{\"", $first, "\":").as_bytes());
        $out.$method($($argument),*);
        $($crate::wire::json::fields!($out; $($rest)*);)?
    }};
}

pub(crate) use {fields, object};

impl JsonBytes for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    /// The first `size` bytes: a copy of fixed size is one move, and cutting off is a subtraction.
    #[inline]
    fn put_start(&mut self, bytes: [u8; 8], size: usize) {
        let end = self.len() + size;
        self.extend_from_slice(&bytes);
        self.truncate(end);
    }

    fn unsigned(&mut self, mut value: u64) {
        let mut buffer = [0; 20];
        let mut start = buffer.len();
        while value >= 100 {
            start -= 2;
            buffer[start..start + 2].copy_from_slice(&DIGITS[(value % 100) as usize]);
            value /= 100;
        }
        if value >= 10 {
            start -= 2;
            buffer[start..start + 2].copy_from_slice(&DIGITS[value as usize]);
        } else {
            start -= 1;
            buffer[start] = b'0' + value as u8;
        }
        self.put(&buffer[start..]);
    }

    fn integer(&mut self, value: i64) {
        if value < 0 {
            self.push(b'-');
        }
        self.unsigned(value.unsigned_abs());
    }

    fn boolean(&mut self, value: bool) {
        self.put(if value { b"true" } else { b"false" });
    }

    fn text(&mut self, value: &str) {
        self.push(b'"');
        let is_plain = |&byte: &u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if value.as_bytes().iter().all(is_plain) {
            self.put(value.as_bytes());
        } else {
            value.bytes().for_each(|byte| escape(self, byte));
        }
        self.push(b'"');
    }

    fn optional_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.put(b"null"),
        }
    }

    fn optional_unsigned(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.unsigned(value),
            None => self.put(b"null"),
        }
    }

    fn hex128(&mut self, value: u128) {
        let digit = |nibble: u32| b"0123456789abcdef"[(value >> (4 * nibble)) as usize & 15];
        self.push(b'"');
        self.extend((0..32).rev().map(digit));
        self.push(b'"');
    }

    /// Decimal odds, shortest form: 33,600 is `3.36`; 0, not offered, is `null`.
    #[inline]
    fn odds(&mut self, odds_e4: u32) {
        if odds_e4 == 0 {
            self.put(b"null");
        } else if odds_e4 < 100_000 {
            let (text, size) = short_odds(odds_e4);
            self.put_start(text, size);
        } else {
            long_odds(self, odds_e4);
        }
    }

    #[inline]
    fn odds_list(&mut self, odds_e4: &[u32]) {
        let start = self.len();
        for &odds_e4 in odds_e4 {
            if (1..100_000).contains(&odds_e4) {
                let (text, size) = short_odds(odds_e4);
                let [a, b, c, d, e, f, ..] = text;
                self.put_start([b',', a, b, c, d, e, f, 0], size + 1);
            } else {
                self.push(b',');
                self.odds(odds_e4);
            }
        }
        match self.get_mut(start) {
            Some(comma) => *comma = b'[',
            None => self.push(b'['),
        }
        self.push(b']');
    }

    fn probability_e9(&mut self, value: u32) {
        let (whole, mut fraction) = (value / 1_000_000_000, value % 1_000_000_000);
        self.unsigned(whole.into());
        if fraction > 0 {
            let mut digits = [b'0'; 9];
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + (fraction % 10) as u8;
                fraction /= 10;
            }
            let size = 9 - digits.iter().rev().take_while(|&&digit| digit == b'0').count();
            self.push(b'.');
            self.put(&digits[..size]);
        }
    }

    fn pair(&mut self, first: u64, second: u64) {
        self.push(b'[');
        self.unsigned(first);
        self.push(b',');
        self.unsigned(second);
        self.push(b']');
    }

    fn grade(&mut self, grade: Option<Grade>) {
        match grade {
            None => self.put(b"null"),
            Some(Grade::WON) => self.put(b"\"won\""),
            Some(Grade::LOST) => self.put(b"\"lost\""),
            Some(Grade::VOID) => self.put(b"\"void\""),
            Some(grade) => self.text(&grade.to_string()),
        }
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        self.push(b'[');
        for (index, value) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(b',');
            }
            item(self, value);
        }
        self.push(b']');
    }
}

/// The text of odds below 10 and its length. Without branches: the decimals of a board follow no pattern.
#[inline]
fn short_odds(odds_e4: u32) -> ([u8; 8], usize) {
    let (whole, fraction) = (odds_e4 / 10_000, odds_e4 % 10_000);
    let ([a, b], [c, d]) = (DIGITS[(fraction / 100) as usize], DIGITS[(fraction % 100) as usize]);
    let zeros = trailing_zeros([a, b, c, d]);
    // Without decimals the point goes as well.
    ([b'0' + whole as u8, b'.', a, b, c, d, 0, 0], 6 - zeros - usize::from(zeros == 4))
}

fn long_odds(out: &mut Vec<u8>, odds_e4: u32) {
    let (whole, fraction) = (odds_e4 / 10_000, odds_e4 % 10_000);
    out.unsigned(whole.into());
    let ([a, b], [c, d]) = (DIGITS[(fraction / 100) as usize], DIGITS[(fraction % 100) as usize]);
    let zeros = trailing_zeros([a, b, c, d]);
    if zeros < 4 {
        out.put_start([b'.', a, b, c, d, 0, 0, 0], 5 - zeros);
    }
}

/// How many of the digits at the end are zero.
#[inline]
fn trailing_zeros(digits: [u8; 4]) -> usize {
    (u32::from_le_bytes(digits) ^ u32::from_le_bytes(*b"0000")).leading_zeros() as usize / 8
}

#[cold]
fn escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.put(&[b'\\', byte]),
        0..0x20 => {
            let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            out.put(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
        }
        _ => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn odds_are_the_shortest_text_of_their_value() {
        let values =
            (0..=10_000_000).step_by(7).chain((0..2_000_000).step_by(1_000)).chain([10_010, 429_496]);
        for e4 in values.filter(|&e4: &u32| e4 > 0) {
            let text = written(|out| out.odds(e4));
            assert_eq!(text, format!("{}", f64::from(e4) / 10_000.0));
        }
        assert_eq!(written(|out| out.odds(0)), "null");
        assert_eq!(written(|out| out.odds_list(&[])), "[]");
        assert_eq!(written(|out| out.odds_list(&[0, 20_000, 123_450])), "[null,2,12.345]");
    }

    #[test]
    fn integers_and_probabilities() {
        for value in [0, 7, 10, 99, 100, 101, 12_345, i64::MAX, i64::MIN, -1] {
            assert_eq!(written(|out| out.integer(value)), value.to_string());
        }
        assert_eq!(written(|out| out.unsigned(u64::MAX)), u64::MAX.to_string());
        for (e9, text) in [(0, "0"), (1, "0.000000001"), (1_000_000_000, "1"), (373_000_000, "0.373")] {
            assert_eq!(written(|out| out.probability_e9(e9)), text);
        }
        assert_eq!(written(|out| out.hex128(0xab << 120)), "\"ab000000000000000000000000000000\"");
    }

    #[test]
    fn text_survives_a_parser() {
        for text in ["", "plain", "\"quoted\" \\ back", "tab\tline\n\0\u{1f}\u{7f}", "Ελλάς 🏆", "é\""]
        {
            let json = written(|out| out.text(text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
