//! The rest of a match, set by set over merged states: games, difference, games of one side, tie-breaks.
//!
//! States are (sets won by home, by away, a count). Who serves first in the next set follows from the parity of the games
//! played, so totals and differences need no server in their state; games of one side and tie-breaks do. A best of 5 has
//! millions of orders of set scores and a few hundred merged states.

use oddsengine_markets::tennis::{SetRule, Side, TennisScore};

use super::model::TennisModel;
use super::set::{SET_ENDS_MAX, SetPath};

/// Longest array of games of a match: 52 and an advantage set of 48, and room for the widest step.
pub const TOTAL_CELLS: usize = 112;
/// Index of an even difference of games in [`MatchPaths::differences`].
pub const DIFFERENCE_ZERO: usize = 24;
/// Longest array of differences.
pub const DIFFERENCE_CELLS: usize = 56;
/// Longest array of games of one side.
pub const PLAYER_CELLS: usize = 64;
/// Longest array of tie-breaks.
pub const TIE_BREAK_CELLS: usize = 8;

/// Scores in sets before the match is won: 0..=2 each.
const SET_SCORES: usize = 9;
/// Set ends of a standard set, by the loser's games.
const STANDARD_ENDS: usize = 7;

/// What is left of a match from a score.
#[derive(Clone, Debug)]
pub struct MatchPaths<'a> {
    model: &'a TennisModel,
    /// The set being played.
    pub current: SetPath,
    /// Its index.
    pub set: usize,
    sets_won: [usize; 2],
    /// Games of each side in completed sets.
    games_before: [usize; 2],
    /// Games played in the match: their parity decides who serves.
    games_now: usize,
    server: Side,
    tie_breaks_before: usize,
}

impl<'a> MatchPaths<'a> {
    /// The rest of a match that is not over and in which `server` serves the game being played.
    pub fn new(model: &'a TennisModel, score: &TennisScore, server: Side) -> Self {
        let score = &TennisScore { server: Some(server), ..*score };
        let set = usize::from(score.sets_played);
        let completed = &score.games[..set];
        let games = |side: usize| completed.iter().map(|games| usize::from(games[side])).sum();
        let had_tie_break =
            |(index, games): (usize, &[u8; 2])| model.format().set_rule(index).had_tie_break(*games);
        Self {
            model,
            current: model.current_set(score),
            set,
            sets_won: score.sets_won().map(usize::from),
            games_before: [games(0), games(1)],
            games_now: score.games_total().into(),
            server,
            tie_breaks_before: completed.iter().enumerate().filter(|&item| had_tie_break(item)).count(),
        }
    }

    fn sets_to_win(&self) -> usize {
        self.model.format().best_of.sets_to_win()
    }

    /// The rule of the set being played.
    pub fn rule(&self) -> SetRule {
        self.model.format().set_rule(self.set)
    }

    /// Who serves game number `games` (from 0) of the match.
    #[inline]
    fn server_at(&self, games: usize) -> usize {
        self.server.index() ^ ((games ^ self.games_now) & 1)
    }

    /// Set scores from the one that follows the set being played, in an order in which each comes after those that lead to it.
    fn later_set_scores(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let ([home_now, away_now], to_win) = (self.sets_won, self.sets_to_win());
        (home_now..to_win)
            .flat_map(move |home| (away_now..to_win).map(move |away| [home, away]))
            .filter(move |&won| won != [home_now, away_now])
    }

    /// The place after a side has won a set at `won`: a set score, or the match.
    #[inline]
    fn after(&self, won: [usize; 2], winner: usize) -> Place {
        let mut next = won;
        next[winner] += 1;
        if next[winner] == self.sets_to_win() {
            Place::Won(winner)
        } else {
            Place::Sets(next[0] * 3 + next[1])
        }
    }

    /// Games of the match, by winner: `[winner][games]`.
    pub fn totals(&self) -> [[f64; TOTAL_CELLS]; 2] {
        let mut at = [[0.0; TOTAL_CELLS]; SET_SCORES];
        let mut won = [[0.0; TOTAL_CELLS]; 2];
        let before = self.games_before[0] + self.games_before[1];
        for (winner, ends) in self.current.ends.iter().enumerate() {
            let row = match self.after(self.sets_won, winner) {
                Place::Won(winner) => &mut won[winner],
                Place::Sets(place) => &mut at[place],
            };
            for_ends(self.rule(), ends, |games, loser, p| row[before + games + loser] += p);
        }
        // A standard set adds 6, 7, 8, 9, 10, 12 or 13 games.
        let windows = Side::BOTH.map(|server| {
            self.model
                .set(0, server)
                .ends
                .each_ref()
                .map(|ends| [ends[0], ends[1], ends[2], ends[3], ends[4], 0.0, ends[5], ends[6]])
        });
        let deciding = self.model.format().best_of.sets() - 1;
        for sets in self.later_set_scores() {
            let place = sets[0] * 3 + sets[1];
            let set = sets[0] + sets[1];
            for games in 6 * set..=13 * set {
                let mass = at[place][games];
                if mass == 0.0 {
                    continue;
                }
                let server = self.server_at(games);
                for winner in 0..2 {
                    let row = match self.after(sets, winner) {
                        Place::Won(winner) => &mut won[winner],
                        Place::Sets(place) => &mut at[place],
                    };
                    if set == deciding {
                        let ends = &self.model.set(set, Side::BOTH[server]).ends[winner];
                        let rule = self.model.format().set_rule(set);
                        for_ends(rule, ends, |own, loser, p| row[games + own + loser] += mass * p);
                    } else {
                        add(&mut row[games + 6..games + 14], &windows[server][winner], mass);
                    }
                }
            }
        }
        won
    }

    /// Home games minus away games of the match; index [`DIFFERENCE_ZERO`] is none.
    pub fn differences(&self) -> [f64; DIFFERENCE_CELLS] {
        let mut at = [[0.0; DIFFERENCE_CELLS]; SET_SCORES];
        let mut won = [0.0; DIFFERENCE_CELLS];
        let before = DIFFERENCE_ZERO + self.games_before[0] - self.games_before[1];
        for (winner, ends) in self.current.ends.iter().enumerate() {
            let row = match self.after(self.sets_won, winner) {
                Place::Won(_) => &mut won,
                Place::Sets(place) => &mut at[place],
            };
            for_ends(self.rule(), ends, |games, loser, p| row[moved(before, winner, games - loser)] += p);
        }
        // A standard set moves the difference by 1 to 6 games; 6-4 and 7-5 by the same.
        let windows = Side::BOTH.map(|server| {
            let ends = &self.model.set(0, server).ends;
            let [home, away] = ends;
            [
                [home[6], home[4] + home[5], home[3], home[2], home[1], home[0]],
                [away[0], away[1], away[2], away[3], away[4] + away[5], away[6]],
            ]
        });
        // The parity of the difference is that of the games played.
        let parity_now = self.games_now;
        let deciding = self.model.format().best_of.sets() - 1;
        for sets in self.later_set_scores() {
            let place = sets[0] * 3 + sets[1];
            let set = sets[0] + sets[1];
            for index in DIFFERENCE_ZERO - 18..=DIFFERENCE_ZERO + 18 {
                let mass = at[place][index];
                if mass == 0.0 {
                    continue;
                }
                let server = self.server.index() ^ ((index ^ DIFFERENCE_ZERO ^ parity_now) & 1);
                for winner in 0..2 {
                    let row = match self.after(sets, winner) {
                        Place::Won(_) => &mut won,
                        Place::Sets(place) => &mut at[place],
                    };
                    if set == deciding {
                        let ends = &self.model.set(set, Side::BOTH[server]).ends[winner];
                        let rule = self.model.format().set_rule(set);
                        for_ends(rule, ends, |own, loser, p| {
                            row[moved(index, winner, own - loser)] += mass * p;
                        });
                    } else {
                        let first = if winner == 0 { index + 1 } else { index - 6 };
                        add(&mut row[first..first + 6], &windows[server][winner], mass);
                    }
                }
            }
        }
        won
    }

    /// Games of one side in the match.
    pub fn player_games(&self, side: Side) -> [f64; PLAYER_CELLS] {
        // By set score, then by the server of the next set.
        let mut at = [[[0.0; PLAYER_CELLS]; 2]; SET_SCORES];
        let mut won = [0.0; PLAYER_CELLS];
        let own = side.index();
        let before = self.games_before[own];
        let set_games = self.games_now - self.games_before[0] - self.games_before[1];
        for (winner, ends) in self.current.ends.iter().enumerate() {
            let place = self.after(self.sets_won, winner);
            for_ends(self.rule(), ends, |games, loser, p| {
                let index = before + if winner == own { games } else { loser };
                match place {
                    Place::Won(_) => won[index] += p,
                    Place::Sets(place) => {
                        let next = self.server.index() ^ ((games + loser + set_games) & 1);
                        at[place][next][index] += p;
                    }
                }
            });
        }
        // If the side wins a standard set it has 6 or 7 games, else 0 to 6; split by the parity of the set's games.
        let windows = Side::BOTH.map(|server| {
            let ends = &self.model.set(0, server).ends;
            let (wins, losses) = (&ends[own], &ends[1 - own]);
            SideWindows {
                wins: [[wins[0] + wins[2] + wins[4], wins[5]], [wins[1] + wins[3], wins[6]]],
                losses: [
                    [losses[0], 0.0, losses[2], 0.0, losses[4], losses[5], 0.0],
                    [0.0, losses[1], 0.0, losses[3], 0.0, 0.0, losses[6]],
                ],
            }
        });
        let deciding = self.model.format().best_of.sets() - 1;
        for sets in self.later_set_scores() {
            let place = sets[0] * 3 + sets[1];
            let set = sets[0] + sets[1];
            for server in 0..2 {
                for index in 6 * sets[own]..=7 * sets[own] + 6 * sets[1 - own] {
                    let mass = at[place][server][index];
                    if mass == 0.0 {
                        continue;
                    }
                    if set == deciding {
                        let rule = self.model.format().set_rule(set);
                        for (winner, ends) in self.model.set(set, Side::BOTH[server]).ends.iter().enumerate()
                        {
                            for_ends(rule, ends, |games, loser, p| {
                                won[index + if winner == own { games } else { loser }] += mass * p;
                            });
                        }
                        continue;
                    }
                    for parity in 0..2 {
                        let next = server ^ parity;
                        let row = match self.after(sets, own) {
                            Place::Won(_) => &mut won,
                            Place::Sets(place) => &mut at[place][next],
                        };
                        add(&mut row[index + 6..index + 8], &windows[server].wins[parity], mass);
                        let row = match self.after(sets, 1 - own) {
                            Place::Won(_) => &mut won,
                            Place::Sets(place) => &mut at[place][next],
                        };
                        add(&mut row[index..index + STANDARD_ENDS], &windows[server].losses[parity], mass);
                    }
                }
            }
        }
        won
    }

    /// Tie-breaks of the match, and for each later set the probability that it starts with each server and that the match
    /// is over before it.
    pub fn tie_breaks_and_starts(&self) -> ([f64; TIE_BREAK_CELLS], SetStarts) {
        let mut at = [[[0.0; TIE_BREAK_CELLS]; 2]; SET_SCORES];
        let mut won = [0.0; TIE_BREAK_CELLS];
        let mut starts = SetStarts::default();
        let set_games = self.games_now - self.games_before[0] - self.games_before[1];
        for (winner, ends) in self.current.ends.iter().enumerate() {
            let place = self.after(self.sets_won, winner);
            for_ends(self.rule(), ends, |games, loser, p| {
                let count = self.tie_breaks_before + had_tie_break(self.rule(), games, loser);
                let next = self.server.index() ^ ((games + loser + set_games) & 1);
                match place {
                    Place::Won(_) => {
                        won[count] += p;
                        starts.ends_after(self.set, p);
                    }
                    Place::Sets(place) => at[place][next][count] += p,
                }
            });
        }
        // A standard set, by winner, parity of its games and tie-break (always odd).
        let steps = Side::BOTH.map(|server| {
            self.model
                .set(0, server)
                .ends
                .each_ref()
                .map(|ends| [ends[0] + ends[2] + ends[4] + ends[5], ends[1] + ends[3], ends[6]])
        });
        let deciding = self.model.format().best_of.sets() - 1;
        for sets in self.later_set_scores() {
            let place = sets[0] * 3 + sets[1];
            let set = sets[0] + sets[1];
            for server in 0..2 {
                let counts = at[place][server];
                let mass: f64 = counts.iter().sum();
                if mass == 0.0 {
                    continue;
                }
                starts.servers[set][server] += mass;
                for winner in 0..2 {
                    let place = self.after(sets, winner);
                    if set == deciding {
                        let rule = self.model.format().set_rule(set);
                        let ends = &self.model.set(set, Side::BOTH[server]).ends[winner];
                        let (mut without, mut with) = (0.0, 0.0);
                        for_ends(rule, ends, |games, loser, p| match had_tie_break(rule, games, loser) {
                            0 => without += p,
                            _ => with += p,
                        });
                        add(&mut won[..TIE_BREAK_CELLS - 1], &counts[..TIE_BREAK_CELLS - 1], without);
                        add(&mut won[1..], &counts[..TIE_BREAK_CELLS - 1], with);
                        continue;
                    }
                    let [even, odd, tie_break] = steps[server][winner];
                    match place {
                        Place::Won(_) => {
                            add(&mut won[..TIE_BREAK_CELLS - 1], &counts[..TIE_BREAK_CELLS - 1], even + odd);
                            add(&mut won[1..], &counts[..TIE_BREAK_CELLS - 1], tie_break);
                            starts.ends_after(set, mass * (even + odd + tie_break));
                        }
                        Place::Sets(place) => {
                            let [same, other] = [server, 1 - server];
                            add(&mut at[place][same][..7], &counts[..7], even);
                            add(&mut at[place][other][..7], &counts[..7], odd);
                            add(&mut at[place][other][1..], &counts[..7], tie_break);
                        }
                    }
                }
            }
        }
        (won, starts)
    }
}

/// How the sets after the one being played start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetStarts {
    /// Probability that set `k` is played and `server` serves first in it: `[k][server]`.
    pub servers: [[f64; 2]; 5],
    /// Probability that the match is over before set `k`.
    pub over_before: [f64; 5],
}

impl SetStarts {
    fn ends_after(&mut self, set: usize, mass: f64) {
        self.over_before[set + 1..].iter_mut().for_each(|over| *over += mass);
    }
}

/// Where the match stands after a set.
#[derive(Clone, Copy)]
enum Place {
    /// A side has won it.
    Won(usize),
    /// A set score, home sets times 3 plus away sets.
    Sets(usize),
}

struct SideWindows {
    /// By parity, then 6 or 7 games.
    wins: [[f64; 2]; 2],
    /// By parity, then 0 to 6 games.
    losses: [[f64; STANDARD_ENDS]; 2],
}

/// Calls `step(winner's games, loser's games, probability)` for every score of a set.
#[inline]
pub fn for_ends(rule: SetRule, ends: &[f64; SET_ENDS_MAX], mut step: impl FnMut(usize, usize, f64)) {
    for (loser, &p) in ends[..rule.end_count()].iter().enumerate() {
        step(usize::from(rule.winner_games(loser as u8)), loser, p);
    }
}

#[inline]
fn had_tie_break(rule: SetRule, games: usize, loser: usize) -> usize {
    usize::from(rule.had_tie_break([games as u8, loser as u8]))
}

#[inline]
fn moved(index: usize, winner: usize, games: usize) -> usize {
    if winner == 0 { index + games } else { index - games }
}

#[inline]
fn add(row: &mut [f64], window: &[f64], mass: f64) {
    for (slot, p) in row.iter_mut().zip(window) {
        *slot += mass * p;
    }
}
