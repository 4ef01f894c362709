//! `payout_minor` against exact fractions where they fit 128 bits, and against floats everywhere.

use oddsengine_types::bounds::{LEGS_MAX, ODDS_E4_MAX, ODDS_E4_MIN, STAKE_MINOR_MAX};
use oddsengine_types::{Grade, MONEY_MINOR_MAX, format_minor, parse_minor, payout_minor};

use super::bytes::Bytes;

/// A stake and up to 20 legs of odds and grade.
pub fn payout(data: &[u8]) {
    let mut bytes = Bytes(data);
    let stake_minor = (bytes.u64() % (STAKE_MINOR_MAX as u64 + 1)) as i64;
    let mut legs = Vec::new();
    while !bytes.is_empty() && legs.len() < LEGS_MAX {
        let odds_e4 = ODDS_E4_MIN + bytes.u32() % (ODDS_E4_MAX - ODDS_E4_MIN + 1);
        let (win, refund, of) = (bytes.u16(), bytes.u16(), bytes.u16());
        let grade = match win % 8 {
            0 => Grade::WON,
            1 => Grade::LOST,
            2 => Grade::VOID,
            3 => Grade::HALF_WON,
            4 => Grade::HALF_LOST,
            _ => match Grade::new(win, refund, of) {
                Some(grade) => grade,
                None => continue,
            },
        };
        legs.push((odds_e4, grade));
    }
    check(stake_minor, &legs);
    for currency in ["EUR", "JPY", "KWD"] {
        let currency = oddsengine_types::Currency::parse(currency).expect("a currency");
        assert_eq!(parse_minor(&format_minor(stake_minor, currency), currency), Ok(stake_minor));
        assert_eq!(parse_minor(&format_minor(-stake_minor, currency), currency), Ok(-stake_minor));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let eur = oddsengine_types::Currency::EUR;
        if let Ok(minor) = parse_minor(text, eur) {
            assert!(minor.abs() <= MONEY_MINOR_MAX);
            assert_eq!(parse_minor(&format_minor(minor, eur), eur), Ok(minor));
        }
    }
}

fn check(stake_minor: i64, legs: &[(u32, Grade)]) {
    let paid = payout_minor(stake_minor, legs);
    assert!((0..=MONEY_MINOR_MAX).contains(&paid), "{paid}");
    // A return is (win · odds + refund · 10,000) / (of · 10,000).
    let ratio = |&(odds_e4, grade): &(u32, Grade)| {
        let (win, refund, of) = grade.parts();
        (i128::from(win) * i128::from(odds_e4) + i128::from(refund) * 10_000, i128::from(of) * 10_000)
    };
    let exact = legs.iter().map(ratio).try_fold((i128::from(stake_minor), 1_i128), |(up, down), (n, d)| {
        Some((up.checked_mul(n)?, down.checked_mul(d)?))
    });
    if let Some((up, down)) = exact {
        let expected = (up / down).min(i128::from(MONEY_MINOR_MAX));
        assert_eq!(i128::from(paid), expected, "{stake_minor} on {legs:?}");
    }
    let float: f64 =
        legs.iter().map(ratio).fold(stake_minor as f64, |product, (n, d)| product * (n as f64 / d as f64));
    let (low, high) = (float * (1.0 - 1e-12) - 1.0, float * (1.0 + 1e-12));
    let capped = |bound: f64| bound.min(MONEY_MINOR_MAX as f64);
    assert!(
        capped(low) <= paid as f64 && paid as f64 <= capped(high).max(0.0) + 16.0,
        "{stake_minor} on {legs:?}: {paid} is not {float}"
    );
    // The order of the legs is nobody's advantage, and a void leg changes nothing.
    let reversed: Vec<_> = legs.iter().rev().copied().collect();
    assert_eq!(payout_minor(stake_minor, &reversed), paid);
    if legs.len() < LEGS_MAX {
        let with_void: Vec<_> = legs.iter().copied().chain([(25_000, Grade::VOID)]).collect();
        assert_eq!(payout_minor(stake_minor, &with_void), paid);
    }
}
