//! One field read as the type that it must have.

use std::fmt;
use std::ops::RangeInclusive;

use oddsengine_types::{Currency, Grade, Odds};

use super::{Object, Value};
use crate::error::FeedError;

/// A value with the name under which errors speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Field<'v, 'a> {
    name: &'static str,
    index: Option<usize>,
    value: &'v Value<'a>,
}

impl fmt::Display for Field<'_, '_> {
    /// `total_line`, or `legs[2]` for an item of an array.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => f.write_str(self.name),
            Some(index) => write!(f, "{}[{index}]", self.name),
        }
    }
}

impl<'v, 'a> Field<'v, 'a> {
    pub(super) fn new(name: &'static str, value: &'v Value<'a>) -> Self {
        Self { name, index: None, value }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    #[cold]
    fn wrong_type(&self, expected: &str) -> FeedError {
        let message = format!("{self} is {}, expected {expected}", self.value.type_name());
        FeedError::new(FeedError::WRONG_TYPE, message)
    }

    #[cold]
    fn out_of_range(
        &self,
        value: impl fmt::Display,
        low: impl fmt::Display,
        high: impl fmt::Display,
    ) -> FeedError {
        FeedError::new(FeedError::OUT_OF_RANGE, format!("{self} {value} is outside {low}..={high}"))
    }

    #[cold]
    fn bad_format(&self, text: &str, expected: &str) -> FeedError {
        FeedError::new(FeedError::BAD_FORMAT, format!("{self} {text:?} is not {expected}"))
    }

    /// The words that the field takes are listed in the message.
    #[cold]
    pub fn unknown_value(&self, text: &str, words: &[&str]) -> FeedError {
        let mut message = format!("{self} {text:?} is not one of {}", words.join(", "));
        if let Some(word) = nearest(text, words) {
            message.push_str(&format!("\nhint: did you mean {word:?}?"));
        }
        FeedError::new(FeedError::UNKNOWN_VALUE, message)
    }

    /// Any text, also an empty one.
    fn any_text(&self) -> Result<&'v str, FeedError> {
        match self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong_type("text")),
        }
    }

    /// Text of 1 to `size_max` bytes.
    pub fn text(&self, size_max: usize) -> Result<&'v str, FeedError> {
        let text = self.any_text()?;
        match (1..=size_max).contains(&text.len()) {
            true => Ok(text),
            false => Err(self.out_of_range(format_args!("of {} bytes", text.len()), 1, size_max)),
        }
    }

    /// One of a list of words, as the value beside it.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, FeedError> {
        let text = self.any_text()?;
        match choices.iter().find(|(word, _)| *word == text) {
            Some(&(_, value)) => Ok(value),
            None => {
                let words: Vec<_> = choices.iter().map(|&(word, _)| word).collect();
                Err(self.unknown_value(text, &words))
            }
        }
    }

    pub fn boolean(&self) -> Result<bool, FeedError> {
        match *self.value {
            Value::Bool(value) => Ok(value),
            _ => Err(self.wrong_type("a boolean")),
        }
    }

    /// An integer within a range.
    pub fn integer<T>(&self, range: RangeInclusive<T>) -> Result<T, FeedError>
    where
        T: TryFrom<i128> + PartialOrd + fmt::Display + Copy,
    {
        let Value::Integer(value) = *self.value else {
            return Err(self.wrong_type("an integer"));
        };
        match T::try_from(value) {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(self.out_of_range(value, range.start(), range.end())),
        }
    }

    /// A number within a range; JSON has no infinities.
    pub fn decimal(&self, low: f64, high: f64) -> Result<f64, FeedError> {
        let value = match *self.value {
            Value::Integer(value) => value as f64,
            Value::Float(value) => value,
            _ => return Err(self.wrong_type("a number")),
        };
        match (low..=high).contains(&value) {
            true => Ok(value),
            false => Err(self.out_of_range(value, low, high)),
        }
    }

    /// A number within a range, to the nearest of `per_unit` steps per unit.
    pub fn nearest(&self, per_unit: u32, low: f64, high: f64) -> Result<i64, FeedError> {
        Ok((self.decimal(low, high)? * f64::from(per_unit)).round() as i64)
    }

    /// A number within a range that is a multiple of 1 / `per_unit`, in these steps.
    pub fn multiple(&self, per_unit: u32, low: f64, high: f64) -> Result<i64, FeedError> {
        let value = self.decimal(low, high)?;
        let steps = value * f64::from(per_unit);
        // Decimal text such as 1.05 is not exact as a float; a millionth of a step is.
        if (steps - steps.round()).abs() > 1e-6 {
            let message = format!("{self} {value} is not a multiple of {}", 1.0 / f64::from(per_unit));
            return Err(FeedError::new(FeedError::OUT_OF_RANGE, message));
        }
        Ok(steps.round() as i64)
    }

    /// Decimal odds as a number or as text, to the nearest ten-thousandth.
    pub fn odds_e4(&self) -> Result<u32, FeedError> {
        let decimal = match self.value {
            Value::Integer(value) => *value as f64,
            Value::Float(value) => *value,
            Value::Text(text) => {
                let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                match text.parse() {
                    Ok(decimal) if is_decimal && text.len() <= 20 => decimal,
                    _ => return Err(self.bad_format(text, "decimal odds such as 2.50")),
                }
            }
            _ => return Err(self.wrong_type("decimal odds as a number or text")),
        };
        match Odds::from_decimal_nearest(decimal) {
            Ok(odds) => Ok(odds.e4()),
            Err(_) => Err(self.out_of_range(decimal, Odds::MIN.decimal(), Odds::MAX.decimal())),
        }
    }

    /// 128 bits as 32 hexadecimal digits or as UUID text.
    pub fn id128(&self) -> Result<u128, FeedError> {
        let text = self.any_text()?;
        let wrong = || self.bad_format(text, "32 hexadecimal digits or a UUID");
        let dashes: &[usize] = match text.len() {
            32 => &[],
            36 => &[8, 13, 18, 23],
            _ => return Err(wrong()),
        };
        let mut id = 0_u128;
        for (index, byte) in text.bytes().enumerate() {
            if dashes.contains(&index) {
                if byte != b'-' {
                    return Err(wrong());
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or_else(wrong)?;
            id = id << 4 | u128::from(digit);
        }
        Ok(id)
    }

    /// An ISO 4217 code.
    pub fn currency(&self) -> Result<Currency, FeedError> {
        let text = self.any_text()?;
        Currency::parse(text).map_err(|_| self.bad_format(text, "a currency of three upper-case letters"))
    }

    /// A grade as [`Grade`] writes it: `won`, `half_lost`, `won_1/3`, `won_1/4_refund_1/2`.
    pub fn grade(&self) -> Result<Grade, FeedError> {
        let text = self.any_text()?;
        grade_from_text(text)
            .ok_or_else(|| self.bad_format(text, "won, lost, void, half_won, half_lost or won_1/3"))
    }

    pub fn object(&self) -> Result<&'v Object<'a>, FeedError> {
        match self.value {
            Value::Object(object) => Ok(object),
            _ => Err(self.wrong_type("an object")),
        }
    }

    /// The items of an array whose length is within a range.
    pub fn items(
        &self,
        count: RangeInclusive<usize>,
    ) -> Result<impl ExactSizeIterator<Item = Field<'v, 'a>> + use<'v, 'a>, FeedError> {
        let Value::Array(items) = self.value else {
            return Err(self.wrong_type("an array"));
        };
        if !count.contains(&items.len()) {
            let (low, high) = (count.start(), count.end());
            return Err(self.out_of_range(format_args!("of {} items", items.len()), low, high));
        }
        let name = self.name;
        Ok(items.iter().enumerate().map(move |(index, value)| Field { name, index: Some(index), value }))
    }

    /// The fields of an object by name, in their order, whose number is within a range.
    pub fn entries(
        &self,
        count: RangeInclusive<usize>,
    ) -> Result<impl Iterator<Item = (&'v str, Field<'v, 'a>)> + use<'v, 'a>, FeedError> {
        let object = self.object()?;
        if !count.contains(&object.len()) {
            let (low, high) = (count.start(), count.end());
            return Err(self.out_of_range(format_args!("of {} fields", object.len()), low, high));
        }
        let name = self.name;
        Ok(object.read_all().map(move |(key, value)| (key, Field { name, index: None, value })))
    }

    /// The items of an array of exactly `N`.
    pub fn array<T: Copy + Default, const N: usize>(
        &self,
        item: impl Fn(Field<'v, 'a>) -> Result<T, FeedError>,
    ) -> Result<[T; N], FeedError> {
        let mut values = [T::default(); N];
        for (value, field) in values.iter_mut().zip(self.items(N..=N)?) {
            *value = item(field)?;
        }
        Ok(values)
    }
}

fn grade_from_text(text: &str) -> Option<Grade> {
    let named = [Grade::WON, Grade::LOST, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST];
    if let Some(grade) = named.into_iter().find(|grade| grade.to_string() == text) {
        return Some(grade);
    }
    let fraction = |text: &str| -> Option<(u16, u16)> {
        let (part, of) = text.split_once('/')?;
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
        Some((number(part)?, number(of)?))
    };
    let shares = text.strip_prefix("won_")?;
    let (win, refund) = match shares.split_once("_refund_") {
        None => (fraction(shares)?, None),
        Some((win, refund)) => (fraction(win)?, Some(fraction(refund)?)),
    };
    match refund {
        None => Grade::new(win.0, 0, win.1),
        Some(refund) if refund.1 == win.1 => Grade::new(win.0, refund.0, win.1),
        Some(_) => None,
    }
}

/// The word that a misspelt one was meant to be: at most a third of its letters are others.
#[cold]
fn nearest<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    const BYTES_MAX: usize = 64;
    if text.is_empty() || text.len() > BYTES_MAX {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let near = words.iter().filter(|word| word.len() <= BYTES_MAX).map(|&word| (distance(&text, word), word));
    let (steps, word) = near.min()?;
    (steps <= text.len().max(3) / 3).then_some(word)
}

/// Letters to insert, leave out or replace.
fn distance(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, letter) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (column, other) in to.iter().enumerate() {
            let step = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = step.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
