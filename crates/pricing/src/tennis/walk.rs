//! The rest of a match, set by set over merged states: games, difference, games of one side, tie-breaks.
//!
//! States are (sets won by home, by away, who serves first in the next set, a count). A best of 5 has millions of orders of
//! set scores and a few hundred merged states. Whatever is counted, a set with a tie-break at 6-6 adds one of seven numbers to it
//! for each winner, so one walk serves all [`Count`]s: every row of states is a sum of seven shifted rows.

use std::sync::LazyLock;

use oddsengine_markets::tennis::{SetRule, Side};

use super::paths::MatchPaths;
use super::real::Real;
use super::set::SET_ENDS_MAX;

/// Longest array of games of a match: 52 and an advantage set of 48, and room for the widest step.
pub const TOTAL_CELLS: usize = 112;
/// The cell of an even difference of games.
pub const DIFFERENCE_ZERO: usize = 24;

/// Scores in sets before the match is won: 0..=2 each.
const SET_SCORES: usize = 9;
/// Every set but a deciding one is played so.
const STANDARD: SetRule = SetRule::STANDARD;
/// Its ends for each winner, by the loser's games.
const STANDARD_ENDS: usize = 7;
/// The number of games of each is even (0) or odd (1): after an odd number the other side serves first in the next set.
const STANDARD_PARITY: [usize; STANDARD_ENDS] = [0, 1, 0, 1, 0, 0, 1];
/// Cells of all rows of a best of 5 from its first set, for games of both sides: the longest ones.
const ROW_CELLS: usize = 208;

/// What is counted over a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Games of both sides: [`TOTAL_CELLS`] cells of matches that home wins, then as many of those that away wins.
    Totals,
    /// Home games minus away games; the cell of none is [`DIFFERENCE_ZERO`].
    Difference,
    /// Games of one side.
    Games(Side),
    /// Tie-breaks.
    TieBreaks,
}

impl Count {
    /// Every count.
    pub const ALL: [Self; 5] =
        [Self::Totals, Self::Difference, Self::Games(Side::Home), Self::Games(Side::Away), Self::TieBreaks];

    /// What a set adds; `games` are the winner's and the loser's.
    #[inline(always)]
    fn change(self, winner: usize, games: [usize; 2], tie_breaks: usize) -> isize {
        let [winner_games, loser_games] = games.map(|games| games as isize);
        match self {
            Self::Totals => winner_games + loser_games,
            Self::Difference if winner == 0 => winner_games - loser_games,
            Self::Difference => loser_games - winner_games,
            Self::Games(side) if side.index() == winner => winner_games,
            Self::Games(_) => loser_games,
            Self::TieBreaks => tie_breaks as isize,
        }
    }

    /// The cell of zero in a match that `winner` wins.
    #[inline(always)]
    fn zero(self, winner: usize) -> usize {
        match self {
            Self::Totals => winner * TOTAL_CELLS,
            Self::Difference => DIFFERENCE_ZERO,
            Self::Games(_) | Self::TieBreaks => 0,
        }
    }

    /// More cells than any match needs.
    #[inline(always)]
    fn cell_count(self) -> usize {
        match self {
            Self::Totals => 2 * TOTAL_CELLS,
            Self::Difference | Self::Games(_) => 64,
            Self::TieBreaks => 8,
        }
    }

    #[inline(always)]
    fn steps(self) -> &'static Steps {
        static STEPS: LazyLock<[Steps; 5]> = LazyLock::new(|| Count::ALL.map(Steps::of));
        let index = match self {
            Self::Totals => 0,
            Self::Difference => 1,
            Self::Games(side) => 2 + side.index(),
            Self::TieBreaks => 4,
        };
        &STEPS[index]
    }
}

/// What a set with a tie-break at 6-6 adds to a count.
struct Steps {
    /// The least, by winner.
    least: [isize; 2],
    /// What each end adds to the least: `[winner][loser's games]`.
    above: [[usize; STANDARD_ENDS]; 2],
    /// The most of them, by winner.
    most: [usize; 2],
}

impl Steps {
    fn of(count: Count) -> Self {
        let changes = [0, 1].map(|winner| {
            std::array::from_fn(|loser| {
                let games = [usize::from(STANDARD.winner_games(loser as u8)), loser];
                count.change(winner, games, had_tie_break(STANDARD, games))
            })
        });
        let least = changes.map(|changes: [isize; STANDARD_ENDS]| changes.into_iter().min().expect("seven"));
        let above = [0, 1].map(|winner| changes[winner].map(|change| (change - least[winner]) as usize));
        Self { least, above, most: above.map(|above| above.into_iter().max().expect("seven")) }
    }

    /// The least that a score in sets allows; counts at it are kept relative to that.
    #[inline(always)]
    fn least_at(&self, sets: [usize; 2]) -> isize {
        self.least[0] * sets[0] as isize + self.least[1] * sets[1] as isize
    }

    /// The most that a score in sets allows, relative to the least.
    #[inline(always)]
    fn most_at(&self, sets: [usize; 2]) -> usize {
        self.most[0] * sets[0] + self.most[1] * sets[1]
    }

    /// Zeros that a row needs on either side.
    #[inline(always)]
    fn padding(&self) -> usize {
        self.most[0].max(self.most[1])
    }
}

/// The chances of a standard set that one side wins, by end; each by who serves first in the next set.
type StandardEnds<R> = [[R; 2]; STANDARD_ENDS];

/// A walk over the rest of a match, and where it keeps its numbers.
#[derive(Clone, Debug)]
pub struct Walk<'p, 'a, R: Real> {
    paths: &'p MatchPaths<'a, R>,
    /// Scores in sets that can follow the set being played, each after those that lead to it.
    scores: [[usize; 2]; SET_SCORES],
    score_count: usize,
    /// By winner, for a set that is not the deciding one and for the deciding one.
    ends: [[StandardEnds<R>; 2]; 2],
    /// For each score in sets a row of chances by count, each by who serves first in the next set; zeros between the rows.
    rows: [[R; 2]; ROW_CELLS],
    /// Where the row of each score in sets starts.
    row_starts: [usize; SET_SCORES],
    /// Where the last one ends.
    rows_end: usize,
    won: [R; 2 * TOTAL_CELLS],
}

impl<'p, 'a, R: Real> Walk<'p, 'a, R> {
    /// A walk that [`Self::fill`] gets ready, in its place: it is too large to be moved.
    #[inline(always)]
    pub fn blank(paths: &'p MatchPaths<'a, R>) -> Self {
        let zeros = [R::default(); 2];
        Self {
            paths,
            scores: [[0; 2]; SET_SCORES],
            score_count: 0,
            ends: [[[zeros; STANDARD_ENDS]; 2]; 2],
            rows: [zeros; ROW_CELLS],
            row_starts: [0; SET_SCORES],
            rows_end: 0,
            won: [R::default(); 2 * TOTAL_CELLS],
        }
    }

    /// Gets ready to walk.
    #[inline(always)]
    pub fn fill(&mut self) {
        let paths = self.paths;
        let [home_now, away_now] = paths.sets_won;
        for home in home_now..paths.sets_to_win {
            for away in away_now..paths.sets_to_win {
                if [home, away] != paths.sets_won {
                    self.scores[self.score_count] = [home, away];
                    self.score_count += 1;
                }
            }
        }
        for (set, by_winner) in [0, 2 * paths.sets_to_win - 2].into_iter().zip(&mut self.ends) {
            for (winner, ends) in by_winner.iter_mut().enumerate() {
                for (loser, by_server) in ends.iter_mut().enumerate() {
                    for (server, p) in by_server.iter_mut().enumerate() {
                        let first = server ^ STANDARD_PARITY[loser];
                        *p = paths.model.set(set, Side::BOTH[first]).ends[winner][loser];
                    }
                }
            }
        }
    }

    /// The chances of a count at the end of the match.
    #[inline(always)]
    pub fn of(&mut self, count: Count) -> &[R] {
        let steps = count.steps();
        self.clear(count, steps);
        self.add_current_set(count, steps);
        for index in 0..self.score_count {
            let sets = self.scores[index];
            let rule = self.paths.model.format().set_rule(sets[0] + sets[1]);
            if rule.end_count() == STANDARD_ENDS {
                self.add_standard_set(count, steps, sets);
            } else {
                self.add_deciding_set(count, steps, sets, rule);
            }
        }
        &self.won[..count.cell_count()]
    }

    /// Makes room for a row at each score in sets, with zeros between them. Rows that the set being played leads to are cleared;
    /// the others will be written before they are read.
    #[inline(always)]
    fn clear(&mut self, count: Count, steps: &Steps) {
        let (zeros, padding) = ([R::default(); 2], steps.padding());
        self.rows[..padding].fill(zeros);
        let mut end = padding;
        for &sets in &self.scores[..self.score_count] {
            self.row_starts[number(sets)] = end;
            let row_end = end + steps.most_at(sets) + 1;
            let is_next = sets[0] + sets[1] == self.paths.set + 1;
            self.rows[if is_next { end } else { row_end }..row_end + padding].fill(zeros);
            end = row_end + padding;
        }
        self.rows_end = end;
        self.won[..count.cell_count()].fill(R::default());
    }

    /// The place after a side has won a set at `sets`: a score in sets, or the match.
    #[inline(always)]
    fn after(&self, mut sets: [usize; 2], winner: usize) -> Place {
        sets[winner] += 1;
        if sets[winner] == self.paths.sets_to_win { Place::Won } else { Place::Sets(sets) }
    }

    /// Puts the chances after the set being played into the rows of what can follow.
    #[inline(always)]
    fn add_current_set(&mut self, count: Count, steps: &Steps) {
        let (paths, rule) = (self.paths, self.paths.rule());
        let before = count.change(0, paths.games_before, paths.tie_breaks_before);
        for start in paths.starts() {
            for (winner, ends) in start.current.ends.iter().enumerate() {
                let place = self.after(paths.sets_won, winner);
                for (games, p) in set_ends(rule, ends) {
                    let now = before + count.change(winner, games, had_tie_break(rule, games));
                    let cell = match place {
                        Place::Won => &mut self.won[count.zero(winner).wrapping_add_signed(now)],
                        Place::Sets(next) => {
                            let above = (now - steps.least_at(next)) as usize;
                            let cell = &mut self.rows[self.row_starts[number(next)] + above];
                            &mut cell[paths.server_after_current(start, games)]
                        }
                    };
                    *cell += start.share * p;
                }
            }
        }
    }

    /// Plays a set with a tie-break at 6-6 from a score in sets.
    #[inline(always)]
    fn add_standard_set(&mut self, count: Count, steps: &Steps, sets: [usize; 2]) {
        let start = self.row_starts[number(sets)];
        let is_last = sets[0] + sets[1] == 2 * self.paths.sets_to_win - 2;
        for winner in 0..2 {
            let length = steps.most_at(sets) + steps.most[winner] + 1;
            let ends = &self.ends[usize::from(is_last)][winner];
            let place = self.after(sets, winner);
            let split = match place {
                Place::Won => self.rows.len(),
                Place::Sets(next) => self.row_starts[number(next)],
            };
            let (from, to) = self.rows.split_at_mut(split);
            let mut shifted = [&*from; STANDARD_ENDS];
            for (row, above) in shifted.iter_mut().zip(steps.above[winner]) {
                *row = &from[start - above..][..length];
            }
            match place {
                Place::Won => {
                    let least = steps.least_at(sets) + steps.least[winner];
                    let to = &mut self.won[count.zero(winner).wrapping_add_signed(least)..][..length];
                    for (index, to) in to.iter_mut().enumerate() {
                        let [home, away] = sum_of_ends(&shifted, index, ends);
                        *to += home + away;
                    }
                }
                // The first way to a score in sets: home wins one more, or has won none since.
                Place::Sets(next) if winner == 0 || next[0] == self.paths.sets_won[0] => {
                    for (index, to) in to[..length].iter_mut().enumerate() {
                        *to = sum_of_ends(&shifted, index, ends);
                    }
                }
                Place::Sets(_) => {
                    for (index, to) in to[..length].iter_mut().enumerate() {
                        let [home, away] = sum_of_ends(&shifted, index, ends);
                        to[0] += home;
                        to[1] += away;
                    }
                }
            }
        }
    }

    /// Plays a deciding set by any other rule.
    #[inline(always)]
    fn add_deciding_set(&mut self, count: Count, steps: &Steps, sets: [usize; 2], rule: SetRule) {
        let row = &self.rows[self.row_starts[number(sets)]..][..steps.most_at(sets) + 1];
        let paths = Side::BOTH.map(|server| self.paths.model.set(sets[0] + sets[1], server));
        for winner in 0..2 {
            let [home_first, away_first] = [&paths[0].ends[winner], &paths[1].ends[winner]];
            for ((games, home), &away) in set_ends(rule, home_first).zip(away_first) {
                let change = count.change(winner, games, had_tie_break(rule, games));
                let at = count.zero(winner).wrapping_add_signed(steps.least_at(sets) + change);
                for (to, from) in self.won[at..][..row.len()].iter_mut().zip(row) {
                    *to += from[0] * home + from[1] * away;
                }
            }
        }
    }

    /// How the sets start, after a walk of any count.
    #[inline(always)]
    pub fn set_starts(&self) -> SetStarts<R> {
        let mut starts = SetStarts::default();
        for start in self.paths.starts() {
            starts.servers[self.paths.set][start.server.index()] = start.share;
        }
        self.add_ends(self.paths.sets_won, R::ONE, self.paths.current_home(), &mut starts);
        for (index, &sets) in self.scores[..self.score_count].iter().enumerate() {
            let end = match self.scores[..self.score_count].get(index + 1) {
                Some(&next) => self.row_starts[number(next)],
                None => self.rows_end,
            };
            let mut mass = [R::default(); 2];
            for cell in &self.rows[self.row_starts[number(sets)]..end] {
                mass[0] += cell[0];
                mass[1] += cell[1];
            }
            let set = sets[0] + sets[1];
            starts.servers[set][0] += mass[0];
            starts.servers[set][1] += mass[1];
            self.add_ends(sets, mass[0] + mass[1], self.paths.model.set_home(set), &mut starts);
        }
        starts
    }

    /// Counts the matches that end with the set at a score in sets, which home wins with the probability `home`.
    #[inline(always)]
    fn add_ends(&self, sets: [usize; 2], mass: R, home: R, starts: &mut SetStarts<R>) {
        for (winner, p) in [home, home.complement()].into_iter().enumerate() {
            if let Place::Won = self.after(sets, winner) {
                for over in &mut starts.over_before[sets[0] + sets[1] + 1..] {
                    *over += mass * p;
                }
            }
        }
    }
}

/// How the set being played and those after it start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetStarts<R: Real = f64> {
    /// Probability that set `k` is played and `server` serves first in it: `[k][server]`.
    pub servers: [[R; 2]; 5],
    /// Probability that the match is over before set `k`.
    pub over_before: [R; 5],
}

/// Where the match stands after a set.
#[derive(Clone, Copy)]
enum Place {
    /// The winner of the set has won it.
    Won,
    /// A score in sets.
    Sets([usize; 2]),
}

/// The number of a score in sets.
#[inline(always)]
fn number(sets: [usize; 2]) -> usize {
    sets[0] * 3 + sets[1]
}

/// Every score of a set, the winner's games first, and its probability.
#[inline(always)]
fn set_ends<R: Real>(rule: SetRule, ends: &[R; SET_ENDS_MAX]) -> impl Iterator<Item = ([usize; 2], R)> + '_ {
    let ends = ends[..rule.end_count()].iter().enumerate();
    ends.map(move |(loser, &p)| ([usize::from(rule.winner_games(loser as u8)), loser], p))
}

#[inline(always)]
fn had_tie_break(rule: SetRule, games: [usize; 2]) -> usize {
    usize::from(rule.had_tie_break(games.map(|games| games as u8)))
}

/// The chances that a standard set leads to a state, by who serves first then: over its ends, the state before times the end.
#[inline(always)]
fn sum_of_ends<R: Real>(
    shifted: &[&[[R; 2]]; STANDARD_ENDS],
    index: usize,
    ends: &StandardEnds<R>,
) -> [R; 2] {
    let mut sum = [R::default(); 2];
    for ((row, end), parity) in shifted.iter().zip(ends).zip(STANDARD_PARITY) {
        let before = row[index];
        sum[0] += before[parity] * end[0];
        sum[1] += before[1 - parity] * end[1];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_standard_set_have_their_parity() {
        for (loser, parity) in STANDARD_PARITY.into_iter().enumerate() {
            assert_eq!((usize::from(STANDARD.winner_games(loser as u8)) + loser) % 2, parity, "{loser}");
        }
        assert_eq!(STANDARD.end_count(), STANDARD_ENDS);
    }
}
