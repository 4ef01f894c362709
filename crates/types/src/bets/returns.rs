//! What one leg returns per unit staked: to win and for a place, as exact shares of one denominator.

use crate::bounds::{BoundsError, ODDS_E4_MAX, ODDS_E4_MIN};
use crate::grade::Grade;

/// Largest numerator or denominator of a [`Share`] that enters a leg's return: of a place fraction, a deduction.
pub const SHARE_PART_MAX: u32 = 1_000;

/// A share such as 1/4 of the odds or 25/100 of the winnings: `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Share {
    numerator: u32,
    denominator: u32,
}

impl Share {
    /// Nothing.
    pub const ZERO: Share = Share { numerator: 0, denominator: 1 };
    /// The whole.
    pub const ONE: Share = Share { numerator: 1, denominator: 1 };

    /// A share from 0 to [`SHARE_PART_MAX`], of numbers up to [`SHARE_PART_MAX`].
    ///
    /// # Errors
    /// A number outside, or a denominator of 0.
    pub fn new(numerator: u32, denominator: u32) -> Result<Self, BoundsError> {
        if numerator > SHARE_PART_MAX {
            return Err(BoundsError::outside("numerator of a share", numerator, 0, SHARE_PART_MAX));
        }
        if !(1..=SHARE_PART_MAX).contains(&denominator) {
            return Err(BoundsError::outside("denominator of a share", denominator, 1, SHARE_PART_MAX));
        }
        Ok(Self { numerator, denominator })
    }

    /// Per cent as a share; at most 100.
    pub fn percent(percent: u32) -> Result<Self, BoundsError> {
        match percent {
            0..=100 => Ok(Self { numerator: percent, denominator: 100 }),
            _ => Err(BoundsError::outside("per cent", percent, 0, 100)),
        }
    }

    /// Numerator and denominator, as given.
    pub fn parts(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// Whether it is at most the whole.
    pub fn is_part(self) -> bool {
        self.numerator <= self.denominator
    }
}

/// Exact decimal odds, the stake included: `numerator / denominator`, above 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    numerator: u64,
    denominator: u64,
}

impl Price {
    /// Odds in ten-thousandths.
    pub const fn from_e4(odds_e4: u32) -> Self {
        Self { numerator: odds_e4 as u64, denominator: 10_000 }
    }

    /// Odds of exactly `numerator / denominator`: 13/3 for 100/30, which no four decimals say.
    ///
    /// # Errors
    /// Not above 1, above the largest odds, or a denominator outside 1 to 1,000,000.
    ///
    /// ```
    /// # use oddsengine_types::bets::Price;
    /// assert!(Price::new(130, 30).is_ok());
    /// assert!(Price::new(30, 30).is_err());
    /// ```
    pub fn new(numerator: u64, denominator: u64) -> Result<Self, BoundsError> {
        if !(1..=1_000_000).contains(&denominator) {
            return Err(BoundsError::outside("denominator of odds", denominator, 1, 1_000_000));
        }
        // 128 bits: the numerator may be anything.
        let e4 = u128::from(numerator) * 10_000 / u128::from(denominator);
        if numerator <= denominator || e4 > u128::from(ODDS_E4_MAX) {
            let text =
                format!("decimal odds {numerator}/{denominator} are outside 1..{}", ODDS_E4_MAX / 10_000);
            return Err(BoundsError::new(text));
        }
        let divisor = gcd(numerator, denominator);
        Ok(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// Numerator and denominator.
    pub fn parts(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// The better of two prices: best odds guaranteed pays the starting price where it is longer than the price taken.
    pub fn better(self, other: Self) -> Self {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        if product(self.numerator, other.denominator) >= product(other.numerator, self.denominator) {
            self
        } else {
            other
        }
    }

    /// The place odds: `1 + (odds - 1) x fraction`, exactly.
    ///
    /// ```
    /// # use oddsengine_types::bets::{Price, Share};
    /// let place = Price::from_e4(90_000).placed(Share::new(1, 5)?);
    /// assert_eq!(place.parts(), (13, 5)); // 1 + 8/5
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn placed(self, fraction: Share) -> Self {
        let (above, below) = fraction.parts();
        let numerator =
            self.denominator * u64::from(below) + (self.numerator - self.denominator) * u64::from(above);
        let denominator = self.denominator * u64::from(below);
        let divisor = gcd(numerator, denominator);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// Odds after a deduction from the winnings: `1 + (odds - 1) x (1 - deduction)`; a deduction above the whole counts as it.
    pub fn less(self, deduction: Share) -> Self {
        let (above, below) = deduction.parts();
        self.placed(Share { numerator: below.saturating_sub(above), denominator: below })
    }
}

/// What a leg returns: `win / of` in the win part of a bet, `place / of` in its place part.
///
/// Bounds: every part is below 2^52, and `of` at least 1. A bet that is not each-way reads the win part alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LegReturn {
    pub(crate) win: u64,
    pub(crate) place: u64,
    pub(crate) of: u64,
}

/// Parts of a leg's return stay below this.
pub(crate) const PART_BITS: u32 = 52;

impl LegReturn {
    /// Nothing comes back.
    pub const LOST: LegReturn = LegReturn { win: 0, place: 0, of: 1 };
    /// The stake comes back, in both parts: a void leg counts as 1.
    pub const VOID: LegReturn = LegReturn { win: 1, place: 1, of: 1 };

    /// The return of odds in ten-thousandths under a grade; both parts alike.
    ///
    /// ```
    /// # use oddsengine_types::{Grade, bets::LegReturn};
    /// assert_eq!(LegReturn::graded(19_300, Grade::HALF_WON).parts(), (293, 293, 200));
    /// ```
    #[inline]
    pub fn graded(odds_e4: u32, grade: Grade) -> Self {
        debug_assert!((ODDS_E4_MIN..=ODDS_E4_MAX).contains(&odds_e4));
        let (mut win, mut of) = match grade {
            Grade::LOST => return Self::LOST,
            Grade::VOID => return Self::VOID,
            Grade::WON => (u64::from(odds_e4), 10_000),
            _ => grade.return_ratio(odds_e4),
        };
        // Odds have mostly two decimals or one; divisions by constants are cheap, a common divisor is not.
        for divisor in [100, 10] {
            if win % divisor == 0 && of % divisor == 0 {
                (win, of) = (win / divisor, of / divisor);
            }
        }
        Self { win, place: win, of }
    }

    /// The returns of a win part and a place part, each odds under a grade.
    ///
    /// The grade of a dead heat is its share of the stake, lost otherwise: two for one place is `(1, 0)/2`.
    ///
    /// # Errors
    /// Numbers that together do not fit: see [`LegReturn`].
    pub fn each_way(win: (Price, Grade), place: (Price, Grade)) -> Result<Self, BoundsError> {
        Self::from_ratios(ratio(win.0, win.1), ratio(place.0, place.1))
    }

    /// The return of a price under a grade; both parts alike.
    ///
    /// # Errors
    /// As [`LegReturn::each_way`].
    pub fn priced(price: Price, grade: Grade) -> Result<Self, BoundsError> {
        Self::each_way((price, grade), (price, grade))
    }

    /// The return after a deduction from the winnings of each part: Rule 4. Without winnings nothing is deducted.
    ///
    /// # Errors
    /// A deduction above the whole, or numbers that together do not fit.
    pub fn less(self, win: Share, place: Share) -> Result<Self, BoundsError> {
        let reduced = |part: u64, share: Share| {
            let (above, below) = share.parts();
            let (part, of) = (u128::from(part), u128::from(self.of));
            match part.checked_sub(of) {
                Some(winnings) if above <= below => {
                    let kept = winnings * u128::from(below - above);
                    Ok((of * u128::from(below) + kept, of * u128::from(below)))
                }
                Some(_) => Err(BoundsError::new(format!("deduction {above}/{below} is above the whole"))),
                None => Ok((part, of)),
            }
        };
        Self::from_ratios(reduced(self.win, win)?, reduced(self.place, place)?)
    }

    /// The parts as any exact fractions `numerator / denominator`.
    ///
    /// # Errors
    /// A denominator of 0, or numbers that together do not fit.
    pub fn from_ratios(win: (u128, u128), place: (u128, u128)) -> Result<Self, BoundsError> {
        if win.1 == 0 || place.1 == 0 {
            return Err(BoundsError::outside("denominator of a return", 0, 1, "2^52"));
        }
        let lowest = |(above, below): (u128, u128)| {
            let divisor = gcd128(above, below);
            (above / divisor, below / divisor)
        };
        let ((win_n, win_d), (place_n, place_d)) = (lowest(win), lowest(place));
        let step = win_d / gcd128(win_d, place_d);
        let of = step.checked_mul(place_d);
        let scaled = of.and_then(|of| Some((win_n.checked_mul(of / win_d)?, place_n.checked_mul(step)?, of)));
        let fit = |value: u128| u64::try_from(value).ok().filter(|&value| value < 1 << PART_BITS);
        match scaled.map(|(win, place, of)| (fit(win), fit(place), fit(of))) {
            Some((Some(win), Some(place), Some(of))) => Ok(Self { win, place, of }),
            _ => Err(BoundsError::new(format!(
                "return of a leg {win_n}/{win_d} and {place_n}/{place_d} is outside numbers below 2^{PART_BITS}"
            ))),
        }
    }

    /// Numerators of the win and the place part, and their denominator.
    pub fn parts(self) -> (u64, u64, u64) {
        (self.win, self.place, self.of)
    }

    /// Whether the win part returns more than its stake.
    pub fn is_winner(self) -> bool {
        self.win > self.of
    }

    /// Whether the win part returns just its stake.
    pub fn is_void(self) -> bool {
        self.win == self.of
    }

    /// Whether nothing comes back in the win part.
    pub fn is_loser(self) -> bool {
        self.win == 0
    }
}

fn ratio(price: Price, grade: Grade) -> (u128, u128) {
    let ((odds, below), (win, refund, of)) = (price.parts(), grade.parts());
    let numerator = u128::from(win) * u128::from(odds) + u128::from(refund) * u128::from(below);
    (numerator, u128::from(of) * u128::from(below))
}

/// The greatest common divisor; of 0 and 0 it is 1, so that one may always divide by it.
pub(crate) fn gcd128(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
            return u128::from(gcd(a, b));
        }
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// As [`gcd128`].
pub(crate) fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}
