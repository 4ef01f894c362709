//! ISO 4217 currencies: the code and the number of decimals.

use std::fmt;

use crate::bounds::BoundsError;

/// Currencies whose minor unit is not the hundredth (ISO 4217, active codes).
const EXPONENTS: [(&str, u8); 22] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
];

/// An ISO 4217 currency code.
///
/// ```
/// use oddsengine_types::Currency;
/// assert_eq!(Currency::parse("JPY")?.exponent(), 0);
/// assert_eq!(Currency::parse("EUR")?.to_string(), "EUR");
/// assert!(Currency::parse("euro").is_err());
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro: the default book currency.
    pub const EUR: Currency = Currency(*b"EUR");

    /// A currency from its three-letter code.
    ///
    /// # Errors
    /// Anything but three upper-case letters.
    pub fn parse(code: &str) -> Result<Self, BoundsError> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(BoundsError::new(format!("currency {code:?} is not three upper-case letters"))),
        }
    }

    /// Number of decimals of the minor unit: 2 for most.
    pub fn exponent(self) -> u8 {
        EXPONENTS.iter().find(|(code, _)| code.as_bytes() == self.0).map_or(2, |&(_, exponent)| exponent)
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is ASCII")
    }

    /// The letters as a number, for codecs.
    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
