//! Odds as the world writes them: decimal, fractional, American, Hong Kong, Malay, Indonesian, implied.
//!
//! Every format is a way to write decimal odds `d` (stake included, above 1) with winnings `h = d - 1`:
//!
//! | format | number | range | evens |
//! |---|---|---|---|
//! | decimal | `d` | above 1 | 2 |
//! | fractional | `h`, in text as quoted: 6/4 | above 0 | 1/1 |
//! | American | `100 h` if `h >= 1`, else `-100 / h` | 100 and more, -100 and less | +100 |
//! | Hong Kong | `h` | above 0 | 1 |
//! | Malay | `h` if `h <= 1`, else `-1 / h` | -1..=1 without 0 | 1 |
//! | Indonesian | `h` if `h >= 1`, else `-1 / h` | 1 and more, -1 and less | 1 |
//! | implied | `1 / d` | between 0 and 1 | 0.5 |
//!
//! Numbers convert without rounding but that of the float; only text is rounded. Bets are struck at [`crate::Odds`]; these
//! are for the edge.

use std::fmt;

use crate::bounds::BoundsError;
use crate::fraction::{Fraction, QUOTED_FRACTIONS};

/// A way to write odds.
///
/// ```
/// use oddsengine_types::OddsFormat;
/// let decimal = OddsFormat::American.parse("-110")?;
/// assert_eq!(OddsFormat::Fractional.text(decimal)?, "10/11");
/// assert_eq!(OddsFormat::Malay.text(decimal)?, "0.9091");
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OddsFormat {
    /// What one unit returns, stake included. European.
    Decimal,
    /// Winnings to stake. British.
    Fractional,
    /// Winnings of 100, or the negative stake that wins 100. Moneyline.
    American,
    /// Winnings of one unit.
    HongKong,
    /// Winnings of one unit up to evens, beyond it the negative stake that wins one.
    Malay,
    /// American odds in units of 100.
    Indonesian,
    /// The probability at which the odds are fair.
    Implied,
}

impl OddsFormat {
    /// Every format.
    pub const ALL: [OddsFormat; 7] = [
        Self::Decimal,
        Self::Fractional,
        Self::American,
        Self::HongKong,
        Self::Malay,
        Self::Indonesian,
        Self::Implied,
    ];

    /// The name that [`OddsFormat::from_name`] reads back.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decimal => "decimal",
            Self::Fractional => "fractional",
            Self::American => "american",
            Self::HongKong => "hong_kong",
            Self::Malay => "malay",
            Self::Indonesian => "indonesian",
            Self::Implied => "implied",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Decimal odds of a number in this format.
    ///
    /// # Errors
    /// A number outside the format's range.
    ///
    /// ```
    /// use oddsengine_types::OddsFormat;
    /// assert_eq!(OddsFormat::Indonesian.decimal(-1.25)?, 1.8);
    /// assert!(OddsFormat::American.decimal(50.0).is_err());
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    #[inline]
    pub fn decimal(self, number: f64) -> Result<f64, BoundsError> {
        let magnitude = number.abs();
        let (is_inside, decimal) = match self {
            Self::Decimal => (true, number),
            Self::Fractional | Self::HongKong => (true, 1.0 + number),
            Self::American => (magnitude >= 100.0, favourite_negative(number, 100.0)),
            Self::Indonesian => (magnitude >= 1.0, favourite_negative(number, 1.0)),
            Self::Malay if number > 0.0 => (number <= 1.0, 1.0 + number),
            Self::Malay => (number >= -1.0, 1.0 - 1.0 / number),
            Self::Implied => (number > 0.0 && number < 1.0, 1.0 / number),
        };
        if is_inside && decimal > 1.0 && decimal.is_finite() {
            Ok(decimal)
        } else {
            Err(self.outside(number))
        }
    }

    /// The number in this format of decimal odds above 1.
    ///
    /// # Errors
    /// Odds of 1 or less, infinite, or not a number.
    ///
    /// ```
    /// use oddsengine_types::OddsFormat;
    /// assert_eq!(OddsFormat::American.number(3.5)?, 250.0);
    /// assert_eq!(OddsFormat::Malay.number(3.0)?, -0.5);
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    #[inline]
    pub fn number(self, decimal: f64) -> Result<f64, BoundsError> {
        if !(decimal > 1.0 && decimal.is_finite()) {
            return Err(Self::Decimal.outside(decimal));
        }
        let winnings = decimal - 1.0;
        Ok(match self {
            Self::Decimal => decimal,
            Self::Fractional | Self::HongKong => winnings,
            Self::American if winnings >= 1.0 => 100.0 * winnings,
            Self::American => -100.0 / winnings,
            Self::Malay if winnings <= 1.0 => winnings,
            Self::Indonesian if winnings >= 1.0 => winnings,
            Self::Malay | Self::Indonesian => -1.0 / winnings,
            Self::Implied => 1.0 / decimal,
        })
    }

    /// Decimal odds of a text in this format: `2.5`, `6/4` or `evens`, `+150`, `0.75`, `-0.8`, `0.4` or `40%`.
    ///
    /// Strict: no spaces, no exponents, nothing else around the number. American odds are whole.
    ///
    /// # Errors
    /// Any other text, or a number outside the format's range.
    pub fn parse(self, text: &str) -> Result<f64, BoundsError> {
        let number = match self {
            Self::Fractional => return Fraction::parse(text).map(Fraction::decimal),
            Self::Decimal | Self::HongKong => plain_number(text),
            Self::Malay | Self::Indonesian => signed(text, plain_number),
            Self::American => signed(text, |digits| plain_number(digits).filter(|_| !digits.contains('.'))),
            Self::Implied => match text.strip_suffix('%') {
                Some(percent) => plain_number(percent).map(|percent| percent / 100.0),
                None => plain_number(text),
            },
        };
        match number {
            Some(number) => self.decimal(number),
            None => Err(BoundsError::new(format!("{self} odds {text:?} are not a number in that format"))),
        }
    }

    /// Decimal odds of a text whose format shows: a stroke or `evens` is fractional, a sign American, `%` implied, anything
    /// else decimal. Hong Kong, Malay and Indonesian odds look like others and must be named.
    ///
    /// # Errors
    /// As [`OddsFormat::parse`].
    ///
    /// ```
    /// use oddsengine_types::OddsFormat;
    /// assert_eq!(OddsFormat::parse_any("7/2")?, 4.5);
    /// assert_eq!(OddsFormat::parse_any("+250")?, 3.5);
    /// assert!(OddsFormat::parse_any("1").is_err());
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn parse_any(text: &str) -> Result<f64, BoundsError> {
        let format = match text.as_bytes() {
            [b'+' | b'-', ..] => Self::American,
            [.., b'%'] => Self::Implied,
            [first, ..] if text.contains('/') || first.is_ascii_alphabetic() => Self::Fractional,
            _ => Self::Decimal,
        };
        format.parse(text)
    }

    /// Text of decimal odds, for people: rounded to four decimals, American odds to whole ones, implied to a hundredth of a
    /// percent. A fraction is the quoted one with these four decimals, else the simplest.
    ///
    /// # Errors
    /// Odds below 1.001, infinite, or not a number; odds that no fraction of numbers up to a billion writes.
    pub fn text(self, decimal: f64) -> Result<String, BoundsError> {
        if !(decimal >= 1.001 && decimal.is_finite()) {
            return Err(BoundsError::new(format!("decimal odds {decimal} are below 1.001 or not finite")));
        }
        let number = self.number(decimal)?;
        Ok(match self {
            Self::Fractional => written(decimal)?.to_string(),
            Self::American => format!("{number:+.0}"),
            Self::Implied => format!("{:.2}%", 100.0 * number),
            _ => with_decimals(number),
        })
    }

    #[cold]
    fn outside(self, number: f64) -> BoundsError {
        let range = match self {
            Self::Decimal => "above 1 and finite",
            Self::Fractional | Self::HongKong => "above 0 and finite",
            Self::American => "100 or more, or -100 or less, and finite",
            Self::Malay => "in -1..=1 without 0",
            Self::Indonesian => "1 or more, or -1 or less, and finite",
            Self::Implied => "strictly between 0 and 1",
        };
        BoundsError::new(format!("{self} odds {number} are not {range}"))
    }
}

impl fmt::Display for OddsFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Winnings of `unit`, or the negative stake that wins it.
fn favourite_negative(number: f64, unit: f64) -> f64 {
    if number > 0.0 { 1.0 + number / unit } else { 1.0 - unit / number }
}

/// Digits with at most one point between them.
fn plain_number(text: &str) -> Option<f64> {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = match text.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(text),
    };
    text.parse().ok().filter(|_| is_plain && text.len() <= 40)
}

fn signed(text: &str, number: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    match text.strip_prefix('-') {
        Some(digits) => number(digits).map(|number| -number),
        None => number(text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The quoted fraction that rounds to the same ten-thousandth, down or to the nearest, else the simplest.
fn written(decimal: f64) -> Result<Fraction, BoundsError> {
    let e4 = (decimal * 10_000.0).round() as u64;
    let below = QUOTED_FRACTIONS.partition_point(|fraction| fraction.odds_e4_down() <= e4);
    let is_same = |fraction: &&Fraction| {
        fraction.odds_e4_down() == e4 || (fraction.decimal() * 10_000.0).round() as u64 == e4
    };
    let quoted = below.checked_sub(1).map(|index| &QUOTED_FRACTIONS[index]).filter(is_same).copied();
    // Not the very half of a ten-thousandth: it would be read back as the next one.
    quoted.or_else(|| Fraction::simplest(e4 as f64 / 10_000.0 - 1.0, 4.999e-5)).ok_or_else(|| {
        BoundsError::new(format!(
            "decimal odds {decimal} cannot be written as a fraction of numbers up to a billion"
        ))
    })
}

/// At least two decimals, at most four, no trailing zeros beyond two.
fn with_decimals(number: f64) -> String {
    let mut text = format!("{number:.4}");
    for _ in 0..2 {
        if text.ends_with('0') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_way_there_and_back() {
        for e4 in (10_010..10_000_000_u32).step_by(997) {
            let decimal = f64::from(e4) / 1e4;
            for format in OddsFormat::ALL {
                let back = format.decimal(format.number(decimal).unwrap()).unwrap();
                assert!((back - decimal).abs() <= 1e-12 * decimal, "{format} {decimal} {back}");
            }
        }
    }

    #[test]
    fn texts_survive_the_way_back_and_there() {
        for (format, texts) in [
            (OddsFormat::Decimal, &["1.01", "2.00", "2.625", "4.3333", "1000.00"][..]),
            (
                OddsFormat::Fractional,
                &["1/66", "4/6", "1/1", "6/4", "10/3", "13/8", "17/20", "999/1", "1249/2"],
            ),
            (OddsFormat::American, &["-100000", "-400", "-110", "+100", "+250", "+99900"]),
            (OddsFormat::HongKong, &["0.01", "0.85", "1.00", "12.50"]),
            (OddsFormat::Malay, &["0.01", "0.85", "1.00", "-0.99", "-0.05"]),
            (OddsFormat::Indonesian, &["-20.00", "-1.25", "1.00", "3.50"]),
            (OddsFormat::Implied, &["0.10%", "47.62%", "50.00%", "99.00%"]),
        ] {
            for text in texts {
                let decimal = format.parse(text).unwrap();
                assert_eq!(format.text(decimal).unwrap(), *text, "{format}");
            }
        }
    }

    #[test]
    fn evens_is_the_same_in_every_format() {
        for (format, number) in [
            (OddsFormat::American, 100.0),
            (OddsFormat::American, -100.0),
            (OddsFormat::HongKong, 1.0),
            (OddsFormat::Malay, 1.0),
            (OddsFormat::Malay, -1.0),
            (OddsFormat::Indonesian, -1.0),
            (OddsFormat::Implied, 0.5),
        ] {
            assert_eq!(format.decimal(number), Ok(2.0), "{format} {number}");
        }
        assert_eq!(OddsFormat::parse_any("evens"), Ok(2.0));
        assert_eq!(OddsFormat::American.number(2.0), Ok(100.0));
    }

    #[test]
    fn numbers_outside_are_refused_with_their_range() {
        for (format, bad) in [
            (OddsFormat::Decimal, &[1.0, 0.5, -2.0][..]),
            (OddsFormat::Fractional, &[0.0, -1.0]),
            (OddsFormat::American, &[99.9, -99.9, 0.0]),
            (OddsFormat::HongKong, &[0.0, -0.5]),
            (OddsFormat::Malay, &[1.01, -1.01, 0.0]),
            (OddsFormat::Indonesian, &[0.99, -0.99, 0.0]),
            (OddsFormat::Implied, &[0.0, 1.0, 1.2, -0.1]),
        ] {
            for &number in bad.iter().chain(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
                let error = format.decimal(number).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{format} odds {number} are not ")), "{error}");
            }
        }
        for bad in [1.0, f64::NAN, f64::INFINITY, -3.0] {
            assert!(
                OddsFormat::ALL.iter().all(|format| format.number(bad).is_err() && format.text(bad).is_err())
            );
        }
    }

    #[test]
    fn texts_are_read_strictly() {
        for bad in [
            "",
            " 2.5",
            "2.5 ",
            "2,5",
            "2.",
            ".5",
            "3..",
            "..3",
            "1e3",
            "0x10",
            "nan",
            "inf",
            "+10B",
            "-XYZ",
            "-Infinity",
            "1",
            "0.1",
            "+-150",
            "--150",
            "+150.5",
            "+99",
            "a/f",
            "10/",
            "0/0",
            "%",
            "101%",
            "٣.٥",
        ] {
            assert!(OddsFormat::parse_any(bad).is_err(), "{bad:?}");
        }
        assert_eq!(OddsFormat::parse_any("40%"), Ok(2.5));
        assert_eq!(OddsFormat::Malay.parse("-0.80"), Ok(2.25));
        assert_eq!(
            OddsFormat::American.parse("abc").unwrap_err().to_string(),
            "american odds \"abc\" are not a number in that format"
        );
    }
}
