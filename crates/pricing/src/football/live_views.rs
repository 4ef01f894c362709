//! The probabilities of every football view, from the goals still expected in each half.
//!
//! Remaining goals of each side in each half are independent Poisson; the Dixon–Coles correction multiplies the
//! cells whose **final** score is 0-0, 1-0, 0-1 or 1-1 and everything is normalised. Before kick-off the full-time
//! grid is therefore exactly Dixon–Coles, halves are binomial thinnings of it, and in play the prices are the
//! conditional probabilities of the same joint model. Given the final score all orders of the remaining goals are
//! equally likely (proportional intensities), which prices first, next and last goal and races consistently.

use std::sync::LazyLock;

use oddsengine_markets::football::{
    FULL_GOALS_MAX, FootballState, FootballView, HALF_GOALS_MAX, ORDER_CELLS, ORDER_PREFIX, Period, Scope,
    Side, order_of_cell, score_of,
};

use crate::board::ViewPrefixes;

/// Goals of a side in the match: 0 to 15 or more.
pub(crate) const FULL: usize = FULL_GOALS_MAX + 1;
/// Goals of a side in a half: 0 to 10 or more.
pub(crate) const HALF: usize = HALF_GOALS_MAX + 1;

/// Goals still expected, by half and side, and the dependence of low scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemainingGoals {
    /// Expected goals still to come, by half, then side.
    pub means: [[f64; 2]; 2],
    /// Expected goals of the whole match, by side: the scale of the Dixon–Coles correction.
    pub lambda: [f64; 2],
    /// Dixon–Coles dependence.
    pub rho: f64,
}

/// Fills the prefix sums of every football view.
pub fn fill_views(remaining: &RemainingGoals, state: &FootballState, prefixes: &mut ViewPrefixes) {
    let GoalMasses { full, halves, corrections } = GoalMasses::new(remaining, state);
    let scale = 1.0 / corrections.total;

    fill_full_time(&full, remaining, scale, state, prefixes);
    for (half, period) in [(0, Period::FirstHalf), (1, Period::SecondHalf)] {
        fill_half(&halves[half], period, &corrections, scale, prefixes);
    }
    fill_half_relations(&halves, &corrections, scale, prefixes);
}

/// The independent parts of the joint model of goals, and what the Dixon–Coles correction adds to their product.
pub(crate) struct GoalMasses {
    /// Goals of each side in the match.
    pub full: [[f64; FULL]; 2],
    /// Goals by half, then side.
    pub halves: [[[f64; HALF]; 2]; 2],
    pub corrections: Corrections,
}

impl GoalMasses {
    pub fn new(remaining: &RemainingGoals, state: &FootballState) -> Self {
        let now = state.goals;
        let score = [now[0][0] + now[1][0], now[0][1] + now[1][1]];
        let full = [0, 1].map(|side| {
            shifted_poisson::<FULL>(remaining.means[0][side] + remaining.means[1][side], score[side])
        });
        let halves = [0, 1].map(|half| {
            [0, 1].map(|side| shifted_poisson::<HALF>(remaining.means[half][side], now[half][side]))
        });
        let corrections = Corrections::new(remaining, score, now, &halves);
        Self { full, halves, corrections }
    }
}

/// Poisson probabilities of `shift` plus the remaining goals; the last cell takes the tail.
fn shifted_poisson<const N: usize>(mean: f64, shift: u16) -> [f64; N] {
    let mut cells = [0.0; N];
    let first = usize::from(shift).min(N - 1);
    let mut probability = libm::exp(-mean);
    let mut sum = 0.0;
    for (count, cell) in cells[first..N - 1].iter_mut().enumerate() {
        *cell = probability;
        sum += probability;
        probability *= mean / (count + 1) as f64;
    }
    cells[N - 1] = (1.0 - sum).max(0.0);
    if mean == 0.0 {
        // Exactly certain, not certain up to rounding.
        cells = [0.0; N];
        cells[first] = 1.0;
    }
    cells
}

/// `tau` of Dixon–Coles at a final score.
fn tau(home: usize, away: usize, remaining: &RemainingGoals) -> f64 {
    let ([lambda, mu], rho) = (remaining.lambda, remaining.rho);
    match (home, away) {
        (0, 0) => 1.0 - lambda * mu * rho,
        (0, 1) => 1.0 + lambda * rho,
        (1, 0) => 1.0 + mu * rho,
        (1, 1) => 1.0 - rho,
        _ => 1.0,
    }
}

/// What the Dixon–Coles correction adds to the independent model: at most nine outcomes by half and side.
pub(crate) struct Corrections {
    goals: [([[u16; 2]; 2], f64); 9],
    count: usize,
    /// What all outcomes sum to with the corrections.
    pub total: f64,
}

impl Corrections {
    fn new(
        remaining: &RemainingGoals,
        score: [u16; 2],
        now: [[u16; 2]; 2],
        halves: &[[[f64; HALF]; 2]; 2],
    ) -> Self {
        let mut corrections = Self { goals: [([[0; 2]; 2], 0.0); 9], count: 0, total: 1.0 };
        if remaining.rho == 0.0 || score[0] > 1 || score[1] > 1 {
            return corrections;
        }
        const SPLITS: [[u16; 2]; 3] = [[0, 0], [1, 0], [0, 1]];
        for home in SPLITS {
            for away in SPLITS {
                let goals = [[home[0], away[0]], [home[1], away[1]]];
                let possible = (0..2).all(|half| (0..2).all(|side| goals[half][side] >= now[half][side]));
                if !possible {
                    continue;
                }
                let base: f64 = (0..2)
                    .map(|half| {
                        (0..2).map(|side| halves[half][side][usize::from(goals[half][side])]).product::<f64>()
                    })
                    .product();
                let change = base
                    * (tau(usize::from(home[0] + home[1]), usize::from(away[0] + away[1]), remaining) - 1.0);
                corrections.goals[corrections.count] = (goals, change);
                corrections.count += 1;
                corrections.total += change;
            }
        }
        corrections
    }

    /// The corrected goals by half, then side, with what is added to the probability of each.
    pub fn goals(&self) -> &[([[u16; 2]; 2], f64)] {
        &self.goals[..self.count]
    }

    fn add_to(&self, view: FootballView, cells: &mut [f64]) {
        for &(goals, change) in self.goals() {
            cells[view.cell_of_goals(goals)] += change;
        }
    }
}

/// The probabilities of the final scores, home goals by row, before they are scaled to sum to 1.
#[inline]
pub(crate) fn score_grid(full: &[[f64; FULL]; 2], remaining: &RemainingGoals) -> [f64; FULL * FULL] {
    let mut grid = [0.0; FULL * FULL];
    for (row, &home) in grid.chunks_exact_mut(FULL).zip(&full[0]) {
        for (cell, &away) in row.iter_mut().zip(&full[1]) {
            *cell = home * away;
        }
    }
    for home in 0..2 {
        for away in 0..2 {
            grid[home * FULL + away] *= tau(home, away, remaining);
        }
    }
    grid
}

fn fill_full_time(
    full: &[[f64; FULL]; 2],
    remaining: &RemainingGoals,
    scale: f64,
    state: &FootballState,
    prefixes: &mut ViewPrefixes,
) {
    let grid = score_grid(full, remaining);
    let (mut totals, mut differences) = ([0.0; 2 * FULL - 1], [0.0; 2 * FULL - 1]);
    let (mut home_goals, mut away_goals) = ([0.0; FULL], [0.0; FULL]);
    for (home, row) in grid.chunks_exact(FULL).enumerate() {
        let mut row_sum = 0.0;
        for (away, &cell) in row.iter().enumerate() {
            totals[home + away] += cell;
            differences[home + FULL - 1 - away] += cell;
            away_goals[away] += cell;
            row_sum += cell;
        }
        home_goals[home] = row_sum;
    }
    set(prefixes, FootballView::Score(Period::Match), &grid, scale);
    set(prefixes, FootballView::Difference(Period::Match), &differences, scale);
    set_goals(prefixes, Period::Match, &totals, &home_goals, &away_goals, scale);
    set(prefixes, FootballView::Order, &order_masses(&grid, state), scale);
}

fn fill_half(
    goals: &[[f64; HALF]; 2],
    period: Period,
    corrections: &Corrections,
    scale: f64,
    prefixes: &mut ViewPrefixes,
) {
    let mut grid = [0.0; HALF * HALF];
    for (row, &home) in grid.chunks_exact_mut(HALF).zip(&goals[0]) {
        for (cell, &away) in row.iter_mut().zip(&goals[1]) {
            *cell = home * away;
        }
    }
    corrections.add_to(FootballView::Score(period), &mut grid);
    let (mut totals, mut differences) = ([0.0; 2 * HALF - 1], [0.0; 2 * HALF - 1]);
    let (mut home_goals, mut away_goals) = ([0.0; HALF], [0.0; HALF]);
    for (home, row) in grid.chunks_exact(HALF).enumerate() {
        for (away, &cell) in row.iter().enumerate() {
            totals[home + away] += cell;
            differences[home + HALF - 1 - away] += cell;
            home_goals[home] += cell;
            away_goals[away] += cell;
        }
    }
    set(prefixes, FootballView::Score(period), &grid, scale);
    set(prefixes, FootballView::Difference(period), &differences, scale);
    set_goals(prefixes, period, &totals, &home_goals, &away_goals, scale);
}

/// Views that relate the two halves: independent halves first, then the corrections.
fn fill_half_relations(
    halves: &[[[f64; HALF]; 2]; 2],
    corrections: &Corrections,
    scale: f64,
    prefixes: &mut ViewPrefixes,
) {
    const DIFFERENCES: usize = 2 * HALF - 1;
    let mut differences = [[0.0; DIFFERENCES]; 2];
    let mut totals = [[0.0; DIFFERENCES]; 2];
    for half in 0..2 {
        for (home, &p_home) in halves[half][0].iter().enumerate() {
            for (away, &p_away) in halves[half][1].iter().enumerate() {
                differences[half][home + HALF - 1 - away] += p_home * p_away;
                totals[half][home + away] += p_home * p_away;
            }
        }
    }
    let zero = HALF - 1;
    let by_sign = |cells: &[f64; DIFFERENCES]| -> [f64; 3] {
        [cells[zero + 1..].iter().sum(), cells[zero], cells[..zero].iter().sum()]
    };
    let mut second_prefix = [0.0; DIFFERENCES + 1];
    for (index, &cell) in differences[1].iter().enumerate() {
        second_prefix[index + 1] = second_prefix[index] + cell;
    }
    let mut half_full = [0.0; 9];
    for (index, &p) in differences[0].iter().enumerate() {
        // The match is level when the second half makes up exactly the first half's difference.
        let level = DIFFERENCES - 1 - index;
        let (behind, equal) = (second_prefix[level], differences[1][level]);
        let ahead = second_prefix[DIFFERENCES] - second_prefix[level + 1];
        let row = if index > zero {
            0
        } else if index == zero {
            3
        } else {
            6
        };
        half_full[row] += p * ahead;
        half_full[row + 1] += p * equal;
        half_full[row + 2] += p * behind;
    }
    corrections.add_to(FootballView::HalfTimeFullTime, &mut half_full);
    set(prefixes, FootballView::HalfTimeFullTime, &half_full, scale);

    let (first, second) = (by_sign(&differences[0]), by_sign(&differences[1]));
    let mut results: [f64; 9] = std::array::from_fn(|cell| first[cell / 3] * second[cell % 3]);
    corrections.add_to(FootballView::HalfResults, &mut results);
    set(prefixes, FootballView::HalfResults, &results, scale);

    let compare = |scope, first: &[f64], second: &[f64], prefixes: &mut ViewPrefixes| {
        let (mut more, mut equal, mut below) = (0.0, 0.0, 0.0);
        for (&p_first, &p_second) in first.iter().zip(second) {
            more += p_first * below;
            equal += p_first * p_second;
            below += p_second;
        }
        let mut cells = [more, (1.0 - more - equal).max(0.0), equal];
        let view = FootballView::HalfComparison(scope);
        corrections.add_to(view, &mut cells);
        set(prefixes, view, &cells, scale);
    };
    compare(Scope::Both, &totals[0], &totals[1], prefixes);
    compare(Scope::Of(Side::Home), &halves[0][0], &halves[1][0], prefixes);
    compare(Scope::Of(Side::Away), &halves[0][1], &halves[1][1], prefixes);
}

/// 1 / binomial(n, k): the share of one order among all orders of `k` home and `n - k` away goals.
static ORDER_SHARE: LazyLock<[f64; FULL * FULL]> = LazyLock::new(|| {
    let mut shares = [1.0; FULL * FULL];
    for home in 1..FULL {
        for away in 1..FULL {
            // 1/C(h+a, h) = 1/C(h+a-1, h-1) * h/(h+a)
            shares[home * FULL + away] =
                shares[(home - 1) * FULL + away] * home as f64 / (home + away) as f64;
        }
    }
    shares
});

/// The order view, from the masses of the final scores: `exact[i][j]` is the probability that the remaining goals are one particular sequence of `i`
/// home and `j` away goals, `begin[i][j]` that they begin with it, `then_home[i][j]` that they begin with it, go on,
/// and end with a home goal.
pub(crate) fn order_masses(grid: &[f64; FULL * FULL], state: &FootballState) -> [f64; ORDER_CELLS] {
    let (home_now, away_now) = score_of(state.goals, Period::Match);
    let (home_now, away_now) = (usize::from(home_now).min(FULL - 1), usize::from(away_now).min(FULL - 1));
    let (rows, columns) = (FULL - home_now, FULL - away_now);
    let share = &*ORDER_SHARE;
    const WIDE: usize = FULL + 1;
    let (mut exact, mut begin, mut then_home) = ([0.0; WIDE * WIDE], [0.0; WIDE * WIDE], [0.0; WIDE * WIDE]);
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let at = i * WIDE + j;
            exact[at] = grid[(home_now + i) * FULL + away_now + j] * share[i * FULL + j];
            begin[at] = exact[at] + begin[at + WIDE] + begin[at + 1];
            then_home[at] = exact[at + WIDE] + then_home[at + WIDE] + then_home[at + 1];
        }
    }
    let now = state.order;
    let known = now.count.min(ORDER_PREFIX as u16);
    let mut cells = [0.0; ORDER_CELLS];
    for (cell, probability) in cells.iter_mut().enumerate() {
        let target = order_of_cell(cell);
        if (0..known).any(|index| now.side(index) != target.side(index)) {
            continue;
        }
        let is_long = usize::from(target.count) > ORDER_PREFIX;
        let prefix = target.count.min(ORDER_PREFIX as u16);
        if !is_long && prefix < now.count {
            continue;
        }
        let away = (known..prefix).filter(|&index| target.side(index) == Some(Side::Away)).count();
        let at = (usize::from(prefix - known) - away) * WIDE + away;
        *probability = if !is_long {
            exact[at]
        } else {
            let last = target.side(target.count - 1);
            let goes_on =
                if last == Some(Side::Home) { then_home[at] } else { begin[at] - exact[at] - then_home[at] };
            let stays = usize::from(now.count) > ORDER_PREFIX && now.side(now.count - 1) == last;
            goes_on.max(0.0) + if stays { exact[at] } else { 0.0 }
        };
    }
    cells
}

fn set(prefixes: &mut ViewPrefixes, view: FootballView, cells: &[f64], scale: f64) {
    prefixes.set(usize::from(view.index()), cells, scale);
}

fn set_goals(
    prefixes: &mut ViewPrefixes,
    period: Period,
    both: &[f64],
    home: &[f64],
    away: &[f64],
    scale: f64,
) {
    set(prefixes, FootballView::Goals(period, Scope::Both), both, scale);
    set(prefixes, FootballView::Goals(period, Scope::Of(Side::Home)), home, scale);
    set(prefixes, FootballView::Goals(period, Scope::Of(Side::Away)), away, scale);
}
