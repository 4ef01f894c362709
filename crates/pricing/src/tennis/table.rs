//! The match winner from every score at once: filled in microseconds, looked up in nanoseconds.
//!
//! A best of 5 has about 13,000 scores that differ: 9 scores in sets, in each 38 scores in games with either server and 18
//! point scores, and the tie-break. Within a set the probability of the match is linear in that of the set, because a later
//! set does not depend on who serves first in it; so two set tables are computed and nine copies are scaled.

use oddsengine_markets::tennis::{SetRule, Side, TennisFormat, TennisScore};

use super::game::{POINT_STATES, point_state};
use super::model::TennisModel;
use super::tie_break::{TieBreak, server_of};

/// Scores up to 5-5.
const GRID: usize = 36;

/// The probability that the home side wins the match, for every score.
///
/// ```
/// use oddsengine_markets::tennis::{Side, TennisFormat, TennisScore};
/// use oddsengine_pricing::tennis::{StateTable, TennisModel};
/// let model = TennisModel::new(&TennisFormat::default(), [0.64, 0.62])?;
/// let table = StateTable::new(&model);
/// let mut score = TennisScore { server: Some(Side::Home), sets_played: 1, points: [2, 3], ..TennisScore::default() };
/// (score.games[0], score.games[1]) = ([6, 4], [3, 4]);
/// assert!((table.match_home(&score) - 0.70357198099164).abs() < 1e-12);
/// # Ok::<(), oddsengine_pricing::tennis::TennisError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StateTable {
    format: TennisFormat,
    sets_to_win: u8,
    /// First value of each score in sets, home sets times 3 plus away sets.
    blocks: [u32; 9],
    values: Vec<f64>,
}

impl StateTable {
    /// The table of a model.
    pub fn new(model: &TennisModel) -> Self {
        let format = *model.format();
        let sets = format.best_of.sets();
        let sizes = [0, sets - 1].map(|set| Shape::of(format.set_rule(set)).size());
        let to_win = format.best_of.sets_to_win();
        let (mut blocks, mut count) = ([0; 9], 0);
        for home in 0..to_win {
            for away in 0..to_win {
                blocks[home * 3 + away] = count as u32;
                count += sizes[model.deciding(home + away)];
            }
        }
        let mut table = Self { format, sets_to_win: to_win as u8, blocks, values: vec![0.0; count] };
        table.fill(model);
        table
    }

    /// Fills the table for other serve levels; nothing is allocated. The rules of the match must be the same.
    pub fn fill(&mut self, model: &TennisModel) {
        assert_eq!(*model.format(), self.format, "a table belongs to one format");
        let to_win = usize::from(self.sets_to_win);
        let by_sets = model.match_home_by_sets();
        // The first block of each kind holds the set itself until all others are scaled from it.
        let last = to_win * to_win - 1;
        let place = |index: usize| self.blocks[index / to_win * 3 + index % to_win] as usize;
        let (first, deciding) = (place(0), place(last));
        let size = if last > 0 { place(1) - first } else { 0 };
        fill_set(model, 0, &mut self.values[first..first + size]);
        fill_set(model, 2 * to_win - 2, &mut self.values[deciding..]);
        for index in (1..last).chain([0]) {
            let start = place(index);
            let (home, away) = (index / to_win, index % to_win);
            let (won, lost) = (by_sets[home + 1][away], by_sets[home][away + 1]);
            for offset in 0..size {
                self.values[start + offset] = lost + (won - lost) * self.values[first + offset];
            }
        }
    }

    /// Number of scores.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// There is no score; never so.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The probability that the home side wins the match from a score whose server is known.
    #[inline]
    pub fn match_home(&self, score: &TennisScore) -> f64 {
        let [home, away] = score.sets_won();
        if home == self.sets_to_win || away == self.sets_to_win {
            return f64::from(home == self.sets_to_win);
        }
        let set = usize::from(score.sets_played);
        let shape = Shape::of(self.format.set_rule(set));
        let server = score.server.expect("the server is known");
        let block = self.blocks[usize::from(home * 3 + away)] as usize;
        self.values[block + shape.index(score.games[set], server, score.points)]
    }
}

/// How the scores of a set are laid out: games x server x points, then the tie-break.
#[derive(Clone, Copy)]
struct Shape {
    rule: SetRule,
    /// Scores in games at which ordinary games are played.
    games: usize,
    tie_break_points: usize,
}

impl Shape {
    #[inline]
    fn of(rule: SetRule) -> Self {
        let (games, tie_break_points) = match rule {
            SetRule::TieBreak { at, points } => (GRID + 2 + 3 * (usize::from(at) - 6), points.into()),
            SetRule::Advantage => (GRID + 2, 0),
            SetRule::MatchTieBreak { points } => (0, points.into()),
        };
        Self { rule, games, tie_break_points }
    }

    /// Two first servers by every score below the target, and one ahead beyond by who serves.
    fn tie_break_size(self) -> usize {
        2 * self.tie_break_points * self.tie_break_points + 4
    }

    fn size(self) -> usize {
        self.games * 2 * POINT_STATES + self.tie_break_size()
    }

    /// The index of a score in games at which an ordinary game is played.
    #[inline]
    fn game_index(self, games: [u8; 2]) -> usize {
        let [home, away] = games.map(usize::from);
        if home.max(away) < 6 {
            return home * 6 + away;
        }
        // One ahead at n, or level at n; an advantage set repeats itself from 5-5.
        let low = home.min(away);
        let low = if self.rule == SetRule::Advantage { 5 } else { low };
        match home.cmp(&away) {
            std::cmp::Ordering::Greater => GRID + 3 * (low - 5),
            std::cmp::Ordering::Less => GRID + 3 * (low - 5) + 1,
            std::cmp::Ordering::Equal if self.rule == SetRule::Advantage => GRID - 1,
            std::cmp::Ordering::Equal => GRID + 3 * (low - 6) + 2,
        }
    }

    #[inline]
    fn index(self, games: [u8; 2], server: Side, points: [u8; 2]) -> usize {
        if self.rule.tie_break_points(games).is_some() {
            return self.games * 2 * POINT_STATES + self.tie_break_index(server, points.map(usize::from));
        }
        let [own, other] = match server {
            Side::Home => points,
            Side::Away => [points[1], points[0]],
        };
        (self.game_index(games) * 2 + server.index()) * POINT_STATES + point_state(own.into(), other.into())
    }

    #[inline]
    fn tie_break_index(self, first: Side, [home, away]: [usize; 2]) -> usize {
        let n = self.tie_break_points;
        if home < n && away < n {
            return (first.index() * n + home) * n + away;
        }
        match home.cmp(&away) {
            std::cmp::Ordering::Equal => n * n - 1,
            order => {
                let server = server_of(first, home + away).index();
                2 * n * n + server * 2 + usize::from(order == std::cmp::Ordering::Less)
            }
        }
    }
}

/// Fills the probability that the home side wins set `set` from each of its scores.
fn fill_set(model: &TennisModel, set: usize, values: &mut [f64]) {
    let rule = model.format().set_rule(set);
    let shape = Shape::of(rule);
    let (ordinary, tie_break) = values.split_at_mut(shape.games * 2 * POINT_STATES);
    let mut tie_break_home = 0.0;
    if shape.tie_break_points > 0 {
        for first in Side::BOTH {
            let table = TieBreak::new(model.serve(), first, shape.tie_break_points as u8);
            for home in 0..shape.tie_break_points {
                for away in 0..shape.tie_break_points {
                    tie_break[shape.tie_break_index(first, [home, away])] = table.from_points(home, away);
                }
            }
            // One ahead beyond the target, at the first totals at which each side serves.
            for ahead in [shape.tie_break_points, shape.tie_break_points + 1] {
                for points in [[ahead, ahead - 1], [ahead - 1, ahead]] {
                    tie_break[shape.tie_break_index(first, points)] = table.from_points(points[0], points[1]);
                }
            }
            tie_break_home = table.home();
        }
    }
    if shape.games == 0 {
        return;
    }
    let home_game = Side::BOTH.map(|server| match server {
        Side::Home => model.game(server).hold(),
        Side::Away => 1.0 - model.game(server).hold(),
    });
    let (win, lose) = (home_game[0] * home_game[1], (1.0 - home_game[0]) * (1.0 - home_game[1]));
    let level = win / (win + lose);
    // After each game the other side serves: `after[server]` is the value with that server next.
    let fill_game = |games: [u8; 2], ordinary: &mut [f64]| {
        let after = |games: [u8; 2], server: Side, ordinary: &[f64]| match rule.winner(games) {
            Some(Side::Home) => 1.0,
            Some(Side::Away) => 0.0,
            None if rule.tie_break_points(games).is_some() => tie_break_home,
            None if rule == SetRule::Advantage && games[0] == games[1] && games[0] >= 5 => level,
            None => ordinary[(shape.game_index(games) * 2 + server.index()) * POINT_STATES],
        };
        for server in Side::BOTH {
            let next = server.other();
            let won = after([games[0] + 1, games[1]], next, ordinary);
            let lost = after([games[0], games[1] + 1], next, ordinary);
            let (held, broken) = if server == Side::Home { (won, lost) } else { (lost, won) };
            let start = (shape.game_index(games) * 2 + server.index()) * POINT_STATES;
            let slots = &mut ordinary[start..start + POINT_STATES];
            for (slot, hold) in slots.iter_mut().zip(model.game(server).values()) {
                *slot = broken + (held - broken) * hold;
            }
        }
    };
    let last = match rule {
        SetRule::TieBreak { at, .. } => at - 1,
        _ => 5,
    };
    for low in (5..=last).rev() {
        fill_game([low + 1, low], ordinary);
        fill_game([low, low + 1], ordinary);
        if low > 5 {
            fill_game([low, low], ordinary);
        }
    }
    for home in (0..6).rev() {
        for away in (0..6).rev() {
            fill_game([home, away], ordinary);
        }
    }
}
