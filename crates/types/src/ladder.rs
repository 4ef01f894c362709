//! Price ladders: the odds that may be offered. Index and price convert by arithmetic in O(1), or where a ladder has no
//! even steps by a search in its list.

use crate::fraction::QUOTED_FRACTIONS;
use crate::odds::Odds;

/// A ladder of allowed odds.
///
/// ```
/// use oddsengine_types::{Ladder, Odds};
/// let raw = Odds::from_decimal_nearest(3.567)?;
/// assert_eq!(Ladder::Betfair.down(raw).map(|odds| odds.to_string()), Some("3.55".to_string()));
/// assert_eq!(Ladder::Betfair.len(), 350);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ladder {
    /// The 350 ticks of the Betfair exchange, 1.01 to 1000.
    Betfair,
    /// A sportsbook's fine ladder: 0.001 to 1.10, 0.005 to 1.5, 0.01 to 5, 0.05 to 10, 0.1 to 20, 0.5 to 50, 1 to 100, 5 to 500, 10 to 1000.
    #[default]
    Fine,
    /// Every ten-thousandth from 1.0010 to 1000: no rounding beyond the unit of [`Odds`].
    Unit,
    /// Two decimals, 1.01 to 1000: Hong Kong odds in hundredths, and Betfair's ladder `FINEST`.
    Hundredths,
    /// Three decimals, 1.001 to 1000.
    Thousandths,
    /// [`QUOTED_FRACTIONS`] from 1/100 to 500/1, each in ten-thousandths rounded down: 10/3 is 4.3333.
    Fractional,
    /// Whole American odds -100000 to +90000, rounded down to ten-thousandths: -110 is 1.9090. Steps of 1 up to 200 (either
    /// sign), 5 to 500, 10 to 1000, 50 to 2500, 100 to 5000, 500 to 10000, 1000 to 20000, 5000 to 50000, 10000 beyond.
    American,
    /// Malay odds in hundredths, 0.01 to 1.00 and -0.99 to -0.01, rounded down to ten-thousandths: -0.99 is 2.0101.
    Malay,
}

/// Segments of (first price, step, first index), in ten-thousandths; the last price ends the ladder.
struct Segments<const N: usize> {
    start_e4: [u32; N],
    step_e4: [u32; N],
    index: [u32; N],
    last_e4: u32,
}

const fn segments<const N: usize>(start_e4: [u32; N], step_e4: [u32; N], last_e4: u32) -> Segments<N> {
    let mut index = [0; N];
    let mut i = 1;
    while i < N {
        index[i] = index[i - 1] + (start_e4[i] - start_e4[i - 1]) / step_e4[i - 1];
        i += 1;
    }
    Segments { start_e4, step_e4, index, last_e4 }
}

const BETFAIR: Segments<10> = segments(
    [10_100, 20_000, 30_000, 40_000, 60_000, 100_000, 200_000, 300_000, 500_000, 1_000_000],
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000],
    10_000_000,
);
const FINE: Segments<9> = segments(
    [10_010, 11_000, 15_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000],
    [10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000],
    10_000_000,
);
const UNIT: Segments<1> = segments([10_010], [1], 10_000_000);
const HUNDREDTHS: Segments<1> = segments([10_100], [100], 10_000_000);
const THOUSANDTHS: Segments<1> = segments([10_010], [10], 10_000_000);

/// A ladder as a list of its prices, ascending.
struct List<const N: usize>([u32; N]);

const FRACTIONAL: List<89> = {
    let mut prices = [0; 89];
    let mut i = 0;
    while i < 89 {
        prices[i] = QUOTED_FRACTIONS[i].odds_e4_down() as u32;
        i += 1;
    }
    ascending(prices)
};

/// The magnitudes of American odds: steps, and where each ends.
const AMERICAN_STEPS: [(u32, u32); 9] = [
    (1, 200),
    (5, 500),
    (10, 1_000),
    (50, 2_500),
    (100, 5_000),
    (500, 10_000),
    (1_000, 20_000),
    (5_000, 50_000),
    (10_000, 100_000),
];

const AMERICAN: List<592> = {
    let mut prices = [0; 592];
    // From evens in the middle outwards: odds against are linear, favourites their inverse. +100000 is beyond 1000.
    prices[296] = 20_000;
    let (mut magnitude, mut distance, mut segment) = (100, 0, 0);
    while segment < AMERICAN_STEPS.len() {
        let (step, end) = AMERICAN_STEPS[segment];
        while magnitude < end {
            magnitude += step;
            distance += 1;
            prices[296 - distance] = 10_000 + 1_000_000 / magnitude;
            if magnitude < 100_000 {
                prices[296 + distance] = 10_000 + 100 * magnitude;
            }
        }
        segment += 1;
    }
    ascending(prices)
};

const MALAY: List<199> = {
    let mut prices = [0; 199];
    let mut i = 0;
    while i < 100 {
        prices[i] = 10_100 + 100 * i as u32;
        prices[198 - i] = 10_000 + 1_000_000 / (1 + i as u32);
        i += 1;
    }
    ascending(prices)
};

const fn ascending<const N: usize>(prices: [u32; N]) -> List<N> {
    let mut i = 1;
    while i < N {
        assert!(prices[i - 1] < prices[i]);
        i += 1;
    }
    List(prices)
}

impl<const N: usize> List<N> {
    fn index_down(&self, e4: u32) -> Option<u32> {
        (self.0.partition_point(|&price| price <= e4) as u32).checked_sub(1)
    }

    fn price(&self, index: u32) -> u32 {
        self.0[index as usize]
    }

    fn len(&self) -> u32 {
        N as u32
    }

    fn down(&self, e4: u32) -> Option<u32> {
        self.index_down(e4).map(|index| self.price(index))
    }
}

const _: () =
    assert!(BETFAIR.index[9] + (BETFAIR.last_e4 - BETFAIR.start_e4[9]) / BETFAIR.step_e4[9] + 1 == 350);

impl<const N: usize> Segments<N> {
    #[inline]
    fn segment(&self, e4: u32) -> usize {
        (1..N).filter(|&i| self.start_e4[i] <= e4).count()
    }

    #[inline]
    fn index_down(&self, e4: u32) -> Option<u32> {
        if e4 < self.start_e4[0] {
            return None;
        }
        let e4 = e4.min(self.last_e4);
        let i = self.segment(e4);
        Some(self.index[i] + (e4 - self.start_e4[i]) / self.step_e4[i])
    }

    #[inline]
    fn price(&self, index: u32) -> u32 {
        let i = (1..N).filter(|&i| self.index[i] <= index).count();
        (self.start_e4[i] + (index - self.index[i]) * self.step_e4[i]).min(self.last_e4)
    }

    fn len(&self) -> u32 {
        self.index[N - 1] + (self.last_e4 - self.start_e4[N - 1]) / self.step_e4[N - 1] + 1
    }

    #[inline]
    fn down(&self, e4: u32) -> Option<u32> {
        if e4 < self.start_e4[0] {
            return None;
        }
        let e4 = e4.min(self.last_e4);
        let i = self.segment(e4);
        Some(e4 - (e4 - self.start_e4[i]) % self.step_e4[i])
    }
}

macro_rules! on_ladder {
    ($self:expr, $segments:ident => $body:expr) => {
        match $self {
            Ladder::Betfair => {
                let $segments = &BETFAIR;
                $body
            }
            Ladder::Fine => {
                let $segments = &FINE;
                $body
            }
            Ladder::Unit => {
                let $segments = &UNIT;
                $body
            }
            Ladder::Hundredths => {
                let $segments = &HUNDREDTHS;
                $body
            }
            Ladder::Thousandths => {
                let $segments = &THOUSANDTHS;
                $body
            }
            Ladder::Fractional => {
                let $segments = &FRACTIONAL;
                $body
            }
            Ladder::American => {
                let $segments = &AMERICAN;
                $body
            }
            Ladder::Malay => {
                let $segments = &MALAY;
                $body
            }
        }
    };
}

impl Ladder {
    /// All ladders.
    pub const ALL: [Ladder; 8] = [
        Ladder::Betfair,
        Ladder::Fine,
        Ladder::Unit,
        Ladder::Hundredths,
        Ladder::Thousandths,
        Ladder::Fractional,
        Ladder::American,
        Ladder::Malay,
    ];

    /// The name used in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Ladder::Betfair => "betfair",
            Ladder::Fine => "fine",
            Ladder::Unit => "unit",
            Ladder::Hundredths => "hundredths",
            Ladder::Thousandths => "thousandths",
            Ladder::Fractional => "fractional",
            Ladder::American => "american",
            Ladder::Malay => "malay",
        }
    }

    /// The ladder of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ladder| ladder.name() == name)
    }

    /// Number of prices.
    #[allow(clippy::len_without_is_empty)] // no ladder is empty
    pub fn len(self) -> u32 {
        on_ladder!(self, segments => segments.len())
    }

    /// The highest price that is not above `odds`; `None` below the ladder.
    // Once a selection of a board: as a call of its own it took 12,000 more instructions a board.
    #[inline(always)]
    pub fn down(self, odds: Odds) -> Option<Odds> {
        let e4 = on_ladder!(self, segments => segments.down(odds.e4()))?;
        Odds::from_e4(e4).ok()
    }

    /// The lowest price that is not below `odds`; `None` above the ladder.
    pub fn up(self, odds: Odds) -> Option<Odds> {
        match self.down(odds) {
            Some(down) if down == odds => Some(odds),
            Some(down) => self.step(down, 1),
            None => self.price(0),
        }
    }

    /// The price with the smallest distance; the lower one when both are as near.
    pub fn nearest(self, odds: Odds) -> Odds {
        match (self.down(odds), self.up(odds)) {
            (Some(down), Some(up)) if up.e4() - odds.e4() < odds.e4() - down.e4() => up,
            (Some(down), _) => down,
            (None, up) => up.expect("a ladder is not empty"),
        }
    }

    /// Zero-based index of the highest price that is not above `odds`.
    pub fn index_down(self, odds: Odds) -> Option<u32> {
        on_ladder!(self, segments => segments.index_down(odds.e4()))
    }

    /// The price at an index.
    pub fn price(self, index: u32) -> Option<Odds> {
        if index >= self.len() {
            return None;
        }
        Odds::from_e4(on_ladder!(self, segments => segments.price(index))).ok()
    }

    /// The price `ticks` steps from `odds` (rounded down to the ladder first); `None` beyond its ends.
    pub fn step(self, odds: Odds, ticks: i32) -> Option<Odds> {
        let index = i64::from(self.index_down(odds)?) + i64::from(ticks);
        self.price(u32::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_price_are_inverse() {
        for ladder in Ladder::ALL.into_iter().filter(|ladder| *ladder != Ladder::Unit) {
            let mut previous = 0;
            for index in 0..ladder.len() {
                let odds = ladder.price(index).unwrap();
                assert!(odds.e4() > previous);
                previous = odds.e4();
                assert_eq!(ladder.index_down(odds), Some(index));
                assert_eq!(
                    (ladder.down(odds), ladder.up(odds), ladder.nearest(odds)),
                    (Some(odds), Some(odds), odds)
                );
            }
            assert_eq!(ladder.price(ladder.len()), None);
        }
    }

    #[test]
    fn rounding_brackets_every_price() {
        for ladder in Ladder::ALL {
            for e4 in (10_100..10_000_000).step_by(997) {
                let odds = Odds::from_e4(e4).unwrap();
                let (down, up) = (ladder.down(odds).unwrap(), ladder.up(odds));
                let last = ladder.price(ladder.len() - 1).unwrap();
                assert!(down <= odds && up.map_or(last < odds, |up| odds <= up), "{ladder:?} {odds}");
                assert!(up.is_none_or(|up| down == up || ladder.step(down, 1) == Some(up)));
            }
        }
    }

    #[test]
    fn lists_hold_the_prices_that_people_quote() {
        let text = |ladder: Ladder, decimal: f64| {
            ladder.down(Odds::from_decimal_nearest(decimal).unwrap()).unwrap().to_string()
        };
        assert_eq!(text(Ladder::Fractional, 1.83), "1.80");
        assert_eq!(text(Ladder::Fractional, 4.4), "4.3333");
        assert_eq!(text(Ladder::Fractional, 1000.0), "501.00");
        assert_eq!(text(Ladder::American, 1.9091), "1.909");
        assert_eq!(text(Ladder::American, 2.054), "2.05");
        assert_eq!(text(Ladder::Malay, 2.0105), "2.0101");
        assert_eq!(text(Ladder::Hundredths, 3.4567), "3.45");
        assert_eq!(text(Ladder::Thousandths, 3.4567), "3.456");
        let ends = |ladder: Ladder| [0, ladder.len() - 1].map(|index| ladder.price(index).unwrap().e4());
        assert_eq!(ends(Ladder::American), [10_010, 9_010_000]);
        assert_eq!(ends(Ladder::Malay), [10_100, 1_010_000]);
        assert_eq!(ends(Ladder::Fractional), [10_100, 5_010_000]);
    }
}
