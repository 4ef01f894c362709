//! How a selection ended: the one result that price, liability and settlement share.

use std::fmt;

/// The exact shares of the stake that won and that are refunded; the rest is lost.
///
/// A full win is `(1,0)/1`, a push or void `(0,1)/1`, a half win `(1,1)/2`, a half loss `(0,1)/2`, a dead
/// heat of three for one place `(1,0)/3`. Always in lowest terms, so equal grades are equal values.
///
/// ```
/// use oddsengine_types::Grade;
/// assert_eq!(Grade::new(2, 2, 4), Some(Grade::HALF_WON));
/// assert_eq!(Grade::new(1, 1, 1), None); // more than the whole stake
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grade {
    win: u16,
    refund: u16,
    of: u16,
}

impl Grade {
    /// The whole stake won.
    pub const WON: Grade = Grade { win: 1, refund: 0, of: 1 };
    /// Nothing comes back.
    pub const LOST: Grade = Grade { win: 0, refund: 0, of: 1 };
    /// The stake comes back: a push, or a void.
    pub const VOID: Grade = Grade { win: 0, refund: 1, of: 1 };
    /// Half of the stake won, half refunded.
    pub const HALF_WON: Grade = Grade { win: 1, refund: 1, of: 2 };
    /// Half of the stake refunded, half lost.
    pub const HALF_LOST: Grade = Grade { win: 0, refund: 1, of: 2 };

    /// A grade from shares `win / of` and `refund / of`; `None` when `of` is 0 or they exceed the stake.
    pub fn new(win: u16, refund: u16, of: u16) -> Option<Self> {
        if of == 0 || u32::from(win) + u32::from(refund) > u32::from(of) {
            return None;
        }
        let divisor = gcd(gcd(win, refund), of);
        Some(Self { win: win / divisor, refund: refund / divisor, of: of / divisor })
    }

    /// Won if `is_won`, else lost.
    #[inline]
    pub fn won_if(is_won: bool) -> Self {
        if is_won { Self::WON } else { Self::LOST }
    }

    /// The grade of a stake split in equal halves between two bets: quarter lines.
    pub fn halves(first: Grade, second: Grade) -> Self {
        let of = u32::from(first.of) * u32::from(second.of) * 2;
        let share = |a: u16, b: u16| u32::from(a) * u32::from(second.of) + u32::from(b) * u32::from(first.of);
        let (win, refund) = (share(first.win, second.win), share(first.refund, second.refund));
        Self::new(win as u16, refund as u16, of as u16).expect("halves of two grades stay within the stake")
    }

    /// Numerators of the won and the refunded share, and their denominator.
    #[inline]
    pub fn parts(self) -> (u16, u16, u16) {
        (self.win, self.refund, self.of)
    }

    /// Share of the stake that won, 0..=1.
    #[inline]
    pub fn win_share(self) -> f64 {
        f64::from(self.win) / f64::from(self.of)
    }

    /// Share of the stake that is refunded, 0..=1.
    #[inline]
    pub fn refund_share(self) -> f64 {
        f64::from(self.refund) / f64::from(self.of)
    }

    /// Nothing comes back under this grade.
    #[inline]
    pub fn is_lost(self) -> bool {
        self.win == 0 && self.refund == 0
    }

    /// The return multiplier on odds of `odds_e4`, as an exact fraction `(numerator, denominator)`.
    #[inline]
    pub fn return_ratio(self, odds_e4: u32) -> (u64, u64) {
        let numerator = u64::from(self.win) * u64::from(odds_e4) + u64::from(self.refund) * 10_000;
        (numerator, u64::from(self.of) * 10_000)
    }

    /// The same of the place part of an each-way bet, which pays one part in `fraction_of` of the odds.
    ///
    /// ```
    /// use oddsengine_types::Grade;
    /// // 11/8 at a quarter is 1.34375: ten-thousandths would not hold it.
    /// assert_eq!(Grade::WON.place_return_ratio(23_750, 4), (53_750, 40_000));
    /// ```
    #[inline]
    pub fn place_return_ratio(self, odds_e4: u32, fraction_of: u8) -> (u64, u64) {
        let (of, stake) = (u64::from(fraction_of.max(1)), 10_000);
        let won = u64::from(odds_e4) + (of - 1) * stake;
        let numerator = u64::from(self.win) * won + u64::from(self.refund) * stake * of;
        (numerator, u64::from(self.of) * stake * of)
    }

    /// The grade that returns at the whole odds what this one returns as the place part of an each-way bet; none
    /// where its denominator is out of range.
    ///
    /// ```
    /// use oddsengine_types::Grade;
    /// assert_eq!(Grade::WON.of_place(5), Grade::new(1, 4, 5));
    /// assert_eq!(Grade::VOID.of_place(5), Some(Grade::VOID));
    /// ```
    pub fn of_place(self, fraction_of: u8) -> Option<Self> {
        let of = u16::from(fraction_of.max(1));
        let refund = (of - 1).checked_mul(self.win)?.checked_add(of.checked_mul(self.refund)?)?;
        Self::new(self.win, refund, of.checked_mul(self.of)?)
    }
}

const fn gcd(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::WON => f.write_str("won"),
            Self::LOST => f.write_str("lost"),
            Self::VOID => f.write_str("void"),
            Self::HALF_WON => f.write_str("half_won"),
            Self::HALF_LOST => f.write_str("half_lost"),
            Self { win, refund: 0, of } => write!(f, "won_{win}/{of}"),
            Self { win, refund, of } => write!(f, "won_{win}/{of}_refund_{refund}/{of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_lines_are_halves() {
        assert_eq!(Grade::halves(Grade::WON, Grade::VOID), Grade::HALF_WON);
        assert_eq!(Grade::halves(Grade::LOST, Grade::VOID), Grade::HALF_LOST);
        assert_eq!(Grade::halves(Grade::WON, Grade::WON), Grade::WON);
        assert_eq!(Grade::halves(Grade::LOST, Grade::LOST), Grade::LOST);
    }

    #[test]
    fn return_ratio_is_exact() {
        assert_eq!(Grade::HALF_WON.return_ratio(19_300), (29_300, 20_000));
        assert_eq!(Grade::new(1, 0, 3).unwrap().return_ratio(70_000), (70_000, 30_000));
    }
}
