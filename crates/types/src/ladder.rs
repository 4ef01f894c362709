//! Price ladders: the odds that may be offered. Index and price convert by arithmetic, in O(1).

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
        }
    };
}

impl Ladder {
    /// All ladders.
    pub const ALL: [Ladder; 3] = [Ladder::Betfair, Ladder::Fine, Ladder::Unit];

    /// The name used in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Ladder::Betfair => "betfair",
            Ladder::Fine => "fine",
            Ladder::Unit => "unit",
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
    #[inline]
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
        for ladder in [Ladder::Betfair, Ladder::Fine] {
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
                let (down, up) = (ladder.down(odds).unwrap(), ladder.up(odds).unwrap());
                assert!(down <= odds && odds <= up);
                assert!(down == up || ladder.step(down, 1) == Some(up));
            }
        }
    }
}
