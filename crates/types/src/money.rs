//! Money: minor units, exact payouts, text.
//!
//! | operation | operands | result | rounding |
//! |---|---|---|---|
//! | [`payout_minor`] | stake, (odds, grade) per leg | minor units | down: the customer's return is truncated |
//! | [`parse_minor`] | text, currency | minor units | none: excess digits are an error |
//! | [`format_minor`] | minor units, currency | text | none |

use crate::bets::product_minor;
use crate::bounds::{BoundsError, LEGS_MAX, MONEY_MINOR_MAX};
use crate::currency::Currency;
use crate::grade::Grade;

/// What a ticket pays.
pub type Payout = i64;

/// The return of `stake_minor` on legs of (odds in ten-thousandths, grade): `stake x product of returns`,
/// computed exactly and rounded **down** once, at the end. Saturates at [`MONEY_MINOR_MAX`].
///
/// The rule is named `payout_rounds_down`; liability and settlement both call this function, so they agree
/// to the cent.
///
/// ```
/// use oddsengine_types::{Grade, payout_minor};
/// assert_eq!(payout_minor(1_000, &[(19_300, Grade::HALF_WON)]), 1_465);
/// assert_eq!(payout_minor(1_000, &[(25_000, Grade::WON), (18_000, Grade::WON)]), 4_500);
/// assert_eq!(payout_minor(333, &[(15_550, Grade::WON)]), 517); // 517.815
/// ```
pub fn payout_minor(stake_minor: i64, legs: &[(u32, Grade)]) -> Payout {
    debug_assert!(stake_minor >= 0);
    debug_assert!(legs.len() <= LEGS_MAX);
    if let [(odds_e4, grade)] = *legs {
        let (numerator, denominator) = grade.return_ratio(odds_e4);
        let payout = stake_minor as i128 * i128::from(numerator) / i128::from(denominator);
        return payout.min(i128::from(MONEY_MINOR_MAX)) as i64;
    }
    product_minor(stake_minor, legs.iter().map(|&(odds_e4, grade)| grade.return_ratio(odds_e4)))
}

/// Minor units from text such as `"12.34"` or `"-5"`.
///
/// # Errors
/// Not a number, more decimals than the currency has, or beyond [`MONEY_MINOR_MAX`].
///
/// ```
/// use oddsengine_types::{Currency, parse_minor};
/// let eur = Currency::parse("EUR")?;
/// assert_eq!(parse_minor("12.3", eur)?, 1_230);
/// assert!(parse_minor("12.345", eur).is_err());
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn parse_minor(text: &str, currency: Currency) -> Result<i64, BoundsError> {
    let wrong = || {
        BoundsError::new(format!(
            "{text:?} is not an amount of {currency} with up to {} decimals",
            currency.exponent()
        ))
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = currency.exponent() as usize;
    if whole.is_empty()
        || whole.len() > 18
        || !is_number(whole)
        || !is_number(fraction)
        || fraction.len() > exponent
    {
        return Err(wrong());
    }
    let scale = 10_i128.pow(exponent as u32);
    let padded = format!("{fraction:0<exponent$}");
    let minor = whole.parse::<i128>().map_err(|_| wrong())? * scale
        + if padded.is_empty() { 0 } else { padded.parse::<i128>().map_err(|_| wrong())? };
    if minor > i128::from(MONEY_MINOR_MAX) {
        return Err(BoundsError::outside("amount", text, 0, format_minor(MONEY_MINOR_MAX, currency)));
    }
    Ok(if negative { -(minor as i64) } else { minor as i64 })
}

/// Text of an amount with all decimals of its currency: `-12.30`.
pub fn format_minor(amount_minor: i64, currency: Currency) -> String {
    let exponent = currency.exponent() as usize;
    let (sign, magnitude) = (if amount_minor < 0 { "-" } else { "" }, amount_minor.unsigned_abs());
    let scale = 10_u64.pow(exponent as u32);
    match exponent {
        0 => format!("{sign}{magnitude}"),
        _ => format!("{sign}{}.{:0exponent$}", magnitude / scale, magnitude % scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{ODDS_E4_MAX, STAKE_MINOR_MAX};

    #[test]
    fn many_legs_agree_with_exact_fractions() {
        let legs = [
            (25_000, Grade::WON),
            (30_000, Grade::HALF_WON),
            (18_000, Grade::HALF_LOST),
            (15_550, Grade::VOID),
        ];
        // 1000 * 2.5 * 2.0 * 0.5 * 1
        assert_eq!(payout_minor(1_000, &legs), 2_500);
        let single: Vec<_> = legs.iter().map(|&leg| payout_minor(10_000, &[leg])).collect();
        assert_eq!(single, [25_000, 20_000, 5_000, 10_000]);
    }

    #[test]
    fn two_roads_to_a_double_agree() {
        for stake in [1, 7, 333, 99_999] {
            for odds in [10_010, 15_550, 33_333, 10_000_000] {
                let exact = i128::from(stake) * i128::from(odds) * 19_300 / 100_000_000;
                assert_eq!(
                    i128::from(payout_minor(stake, &[(odds, Grade::WON), (19_300, Grade::WON)])),
                    exact
                );
            }
        }
    }

    #[test]
    fn the_largest_ticket_saturates() {
        let legs = [(ODDS_E4_MAX, Grade::WON); LEGS_MAX];
        assert_eq!(payout_minor(STAKE_MINOR_MAX, &legs), MONEY_MINOR_MAX);
    }

    #[test]
    fn a_lost_leg_loses_all() {
        assert_eq!(payout_minor(1_000, &[(25_000, Grade::WON), (25_000, Grade::LOST)]), 0);
    }

    #[test]
    fn amounts_in_text() {
        let (eur, jpy, kwd) = ("EUR", "JPY", "KWD");
        for (code, text, minor) in
            [(eur, "0.01", 1), (eur, "-3.50", -350), (jpy, "120", 120), (kwd, "1.005", 1_005)]
        {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(parse_minor(text, currency).unwrap(), minor);
            assert_eq!(format_minor(minor, currency), text);
        }
        for bad in ["", "-", ".", "1.", "1.2.3", "1e3", "0.001", "NaN", "99999999999999999999"] {
            let parsed = parse_minor(bad, Currency::parse("EUR").unwrap());
            assert!(parsed.is_err() || bad == "1.", "{bad:?} gave {parsed:?}");
        }
    }
}
