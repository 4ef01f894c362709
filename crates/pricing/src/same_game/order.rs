//! Goals by half and the order of goals together.
//!
//! Within a half every order of its goals is equally likely. Given the goals by half and side, a sequence of goals is
//! therefore an arrangement of the first half's goals followed by one of the second half's. The order view keeps the
//! first five goals and the last: sums over the rest are binomial coefficients.

use oddsengine_markets::football::{FootballState, ORDER_CELLS, ORDER_PREFIX, Side, order_of_cell};

use super::legs::{HALF, HALF_CELLS};

/// Probability of a set of order cells, jointly with weights of the goals by half.
///
/// `fill_row(first, row)` fills the weights of the second-half scores that go with a first-half score and says
/// whether there are any; cells are final goals of a half, `home * 11 + away`.
pub(super) fn mass(
    state: &FootballState,
    orders: u128,
    mut fill_row: impl FnMut(usize, &mut [f64; HALF_CELLS]) -> bool,
) -> f64 {
    let targets = Targets::new(state, orders);
    let mut row = [0.0; HALF_CELLS];
    let mut sum = 0.0;
    for first in 0..HALF_CELLS {
        if fill_row(first, &mut row) {
            sum += targets.row_mass(first, &row);
        }
    }
    sum
}

/// The wanted sequences of goals to come.
struct Targets {
    now: [[usize; 2]; 2],
    /// Sequences that end with the match: away bits and length.
    complete: Vec<Sequence>,
    /// Beginnings that go on: the wanted last goals, home and away.
    begun: Vec<(Sequence, [bool; 2])>,
    /// The goals so far fill the beginning, and their last one is wanted if none follows.
    stays: bool,
}

#[derive(Clone, Copy)]
struct Sequence {
    away_bits: usize,
    length: usize,
}

impl Sequence {
    /// Home and away goals among the first `count`.
    fn counts(self, count: usize) -> (usize, usize) {
        let away = (self.away_bits & ((1 << count) - 1)).count_ones() as usize;
        (count - away, away)
    }
}

impl Targets {
    fn new(state: &FootballState, orders: u128) -> Self {
        let known = usize::from(state.order.count).min(ORDER_PREFIX);
        let now = state.goals.map(|half| half.map(usize::from));
        let mut targets = Self { now, complete: Vec::new(), begun: Vec::new(), stays: false };
        for cell in (0..ORDER_CELLS).filter(|&cell| orders >> cell & 1 == 1) {
            let target = order_of_cell(cell);
            if (0..known as u16).any(|index| state.order.side(index) != target.side(index)) {
                continue;
            }
            let is_long = usize::from(target.count) > ORDER_PREFIX;
            let beginning = usize::from(target.count).min(ORDER_PREFIX);
            let away_bits = (target.away_bits as usize & ((1 << beginning) - 1)) >> known;
            let sequence = Sequence { away_bits, length: beginning - known };
            if !is_long {
                // The match cannot end with fewer goals than there are.
                if target.count >= state.order.count {
                    targets.complete.push(sequence);
                }
                continue;
            }
            let last = target.side(target.count - 1).map_or(0, Side::index);
            match targets.begun.last_mut() {
                Some((known, lasts)) if known.away_bits == sequence.away_bits => lasts[last] = true,
                _ => targets.begun.push((sequence, std::array::from_fn(|side| side == last))),
            }
            targets.stays |= usize::from(state.order.count) > ORDER_PREFIX
                && state.order.side(state.order.count - 1).map(Side::index) == Some(last);
        }
        targets
    }

    fn row_mass(&self, first: usize, row: &[f64; HALF_CELLS]) -> f64 {
        let (Some(home), Some(away)) =
            ((first / HALF).checked_sub(self.now[0][0]), (first % HALF).checked_sub(self.now[0][1]))
        else {
            return 0.0;
        };
        let first = Added { home, away };
        self.complete.iter().map(|&sequence| self.complete_mass(sequence, first, row)).sum::<f64>()
            + self.begun_mass(first, row)
    }

    /// The second-half scores of a row with the goals that each adds.
    fn second<'r>(&self, row: &'r [f64; HALF_CELLS]) -> impl Iterator<Item = (Added, f64)> + use<'r> {
        let now = self.now[1];
        (now[0]..HALF).flat_map(move |home| {
            (now[1]..HALF).map(move |away| {
                (Added { home: home - now[0], away: away - now[1] }, row[home * HALF + away])
            })
        })
    }

    fn complete_mass(&self, sequence: Sequence, first: Added, row: &[f64; HALF_CELLS]) -> f64 {
        if first.total() > sequence.length || sequence.counts(first.total()) != (first.home, first.away) {
            return 0.0;
        }
        let (home, away) = sequence.counts(sequence.length);
        let second = Added { home: home - first.home, away: away - first.away };
        let (home, away) = (self.now[1][0] + second.home, self.now[1][1] + second.away);
        if home >= HALF || away >= HALF {
            return 0.0;
        }
        row[home * HALF + away] / (first.orders() * second.orders())
    }

    fn begun_mass(&self, first: Added, row: &[f64; HALF_CELLS]) -> f64 {
        let Some(length) = self.begun.first().map(|(sequence, _)| sequence.length) else { return 0.0 };
        if first.total() < length {
            return self
                .begun
                .iter()
                .map(|&(sequence, lasts)| self.begun_in_second(sequence, lasts, first, row))
                .sum();
        }
        // The beginning lies in the first half: only the second half's last goal matters of the rest.
        let (mut home, mut away, mut none) = (0.0, 0.0, 0.0);
        for (second, weight) in self.second(row) {
            match second.total() {
                0 => none += weight,
                total => {
                    home += weight * second.home as f64 / total as f64;
                    away += weight * second.away as f64 / total as f64;
                }
            }
        }
        let mut sum = 0.0;
        for &(sequence, lasts) in &self.begun {
            let Some(rest) = first.after(sequence) else { continue };
            let share = rest.orders() / first.orders();
            let ended = |goals: usize| match rest.total() {
                0 => 0.0,
                total => none * goals as f64 / total as f64,
            };
            sum += share * if lasts[0] { home + ended(rest.home) } else { 0.0 };
            sum += share * if lasts[1] { away + ended(rest.away) } else { 0.0 };
        }
        if self.stays && first.total() == 0 { sum + none } else { sum }
    }

    fn begun_in_second(
        &self,
        sequence: Sequence,
        lasts: [bool; 2],
        first: Added,
        row: &[f64; HALF_CELLS],
    ) -> f64 {
        let before = first.total();
        if sequence.counts(before) != (first.home, first.away) {
            return 0.0;
        }
        let left = Sequence { away_bits: sequence.away_bits >> before, length: sequence.length - before };
        let mut sum = 0.0;
        for (second, weight) in self.second(row) {
            let Some(rest) = second.after(left) else { continue };
            let total = rest.total();
            if total == 0 || weight == 0.0 {
                continue;
            }
            let wanted = if lasts[0] { rest.home } else { 0 } + if lasts[1] { rest.away } else { 0 };
            sum += weight * rest.orders() / second.orders() * wanted as f64 / total as f64;
        }
        sum / first.orders()
    }
}

/// Goals that a half still adds.
#[derive(Clone, Copy)]
struct Added {
    home: usize,
    away: usize,
}

impl Added {
    fn total(self) -> usize {
        self.home + self.away
    }

    /// In how many orders they can fall.
    fn orders(self) -> f64 {
        BINOMIAL[self.total()][self.home]
    }

    /// What is left after a beginning, if it fits.
    fn after(self, sequence: Sequence) -> Option<Self> {
        let (home, away) = sequence.counts(sequence.length);
        Some(Self { home: self.home.checked_sub(home)?, away: self.away.checked_sub(away)? })
    }
}

const TOTALS: usize = 2 * HALF;

static BINOMIAL: [[f64; TOTALS]; TOTALS] = {
    let mut table = [[0.0; TOTALS]; TOTALS];
    let mut n = 0;
    while n < TOTALS {
        table[n][0] = 1.0;
        let mut k = 1;
        while k <= n {
            table[n][k] = table[n - 1][k - 1] + if k < n { table[n - 1][k] } else { 0.0 };
            k += 1;
        }
        n += 1;
    }
    table
};
