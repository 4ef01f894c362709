//! The rest of a match, set by set over merged states: games, difference, games of one side, tie-breaks.
//!
//! States are (sets won by home, by away, a count). Who serves first in the next set follows from the parity of the games
//! played, so totals and differences need no server in their state; games of one side and tie-breaks do. A best of 5 has
//! millions of orders of set scores and a few hundred merged states. A count is kept relative to the least that its score in
//! sets allows; a set with a tie-break at 6-6 then adds a window of seven or eight probabilities.

use std::borrow::Cow;

use oddsengine_markets::tennis::{SetRule, Side, TennisScore};

use super::model::TennisModel;
use super::real::Real;
use super::set::{SET_ENDS_MAX, SetPath, sum};

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
/// Set ends of a set with a tie-break at 6-6, by the loser's games.
const STANDARD_ENDS: usize = 7;
/// Games that such a set adds to six: 0 to 4, 6, 7.
const TOTAL_WINDOW: usize = 8;
/// What such a set adds to the least change of the difference.
const DIFFERENCE_WINDOW: usize = 6;
/// Four sets add at most 28 games to six each.
const TOTAL_ROW: usize = 4 * 7 + TOTAL_WINDOW;
/// Four sets add at most 20 to their least difference.
const DIFFERENCE_ROW: usize = 4 * 5 + DIFFERENCE_WINDOW;
/// Two sets won with 7 games instead of 6 and two lost with 6 instead of none.
const PLAYER_ROW: usize = 2 + 2 * 6 + STANDARD_ENDS;

/// What is left of a match from a score.
#[derive(Clone, Debug)]
pub struct MatchPaths<'a, R: Real = f64> {
    model: &'a TennisModel<R>,
    /// Index of the set being played.
    pub set: usize,
    /// One, or two before the toss.
    starts: [Option<Start<'a, R>>; 2],
    sets_won: [usize; 2],
    sets_to_win: usize,
    /// Games of each side in completed sets.
    games_before: [usize; 2],
    /// Games played in the match: their parity decides who serves.
    games_now: usize,
    tie_breaks_before: usize,
}

/// What is not known of a score: who serves. Everything that follows is linear in the chances of both.
#[derive(Clone, Debug)]
pub struct Start<'a, R: Real = f64> {
    /// Who serves the game being played.
    pub server: Side,
    /// The probability of that: all, or half before the toss.
    pub share: R,
    /// The set being played.
    pub current: Cow<'a, SetPath<R>>,
}

impl<'a, R: Real> MatchPaths<'a, R> {
    /// The rest of a match that is not over; without a server in the score both are as likely.
    #[inline(always)]
    pub fn new(model: &'a TennisModel<R>, score: &TennisScore) -> Self {
        let start = |server: Side, share: f64| Start {
            server,
            share: R::of(share),
            current: model.current_set(&TennisScore { server: Some(server), ..*score }),
        };
        let starts = match score.server {
            Some(server) => [Some(start(server, 1.0)), None],
            None => [Some(start(Side::Home, 0.5)), Some(start(Side::Away, 0.5))],
        };
        let set = usize::from(score.sets_played);
        let completed = &score.games[..set];
        let games = |side: usize| completed.iter().map(|games| usize::from(games[side])).sum();
        let had_tie_break =
            |(index, games): (usize, &[u8; 2])| model.format().set_rule(index).had_tie_break(*games);
        Self {
            model,
            set,
            starts,
            sets_won: score.sets_won().map(usize::from),
            sets_to_win: model.format().best_of.sets_to_win(),
            games_before: [games(0), games(1)],
            games_now: score.games_total().into(),
            tie_breaks_before: completed.iter().enumerate().filter(|&item| had_tie_break(item)).count(),
        }
    }

    /// The ways the set being played can have started.
    #[inline]
    pub fn starts(&self) -> impl Iterator<Item = &Start<'a, R>> {
        self.starts.iter().flatten()
    }

    /// Whether a point of the set being played is played; else it is like the sets to come.
    #[inline]
    pub fn has_set_started(&self) -> bool {
        self.starts().any(|start| matches!(start.current, Cow::Owned(_)))
    }

    /// The probability that the home side wins the set being played.
    #[inline(always)]
    pub fn current_home(&self) -> R {
        let mut home = R::default();
        self.starts().for_each(|start| home += start.share * start.current.home());
        home
    }

    /// The rule of the set being played.
    pub fn rule(&self) -> SetRule {
        self.model.format().set_rule(self.set)
    }

    /// Who serves first in a set that starts after a count with the parity of `games` games.
    #[inline]
    fn server_at(&self, start: &Start<'_, R>, games: usize) -> usize {
        start.server.index() ^ ((games ^ self.games_now) & 1)
    }

    /// Who serves first after the set being played has ended with these games.
    #[inline]
    fn server_after_current(&self, start: &Start<'_, R>, games: usize) -> usize {
        self.server_at(start, self.games_before[0] + self.games_before[1] + games)
    }

    /// Scores in sets from those that follow the set being played, each after those that lead to it.
    fn later_set_scores(&self) -> impl Iterator<Item = [usize; 2]> + use<R> {
        let ([home_now, away_now], to_win) = (self.sets_won, self.sets_to_win);
        (home_now..to_win)
            .flat_map(move |home| (away_now..to_win).map(move |away| [home, away]))
            .filter(move |&won| won != [home_now, away_now])
    }

    /// The place after a side has won a set at `won`: a score in sets, or the match.
    #[inline(always)]
    fn after(&self, won: [usize; 2], winner: usize) -> Place {
        let mut next = won;
        next[winner] += 1;
        if next[winner] == self.sets_to_win { Place::Won(winner) } else { Place::Sets(next) }
    }

    /// How the set that starts at a score in sets goes: in windows, or as a rule with its ends.
    #[inline(always)]
    fn kind(&self, sets: [usize; 2]) -> Kind {
        let set = sets[0] + sets[1];
        match self.model.format().set_rule(set) {
            SetRule::TieBreak { at: 6, .. } => Kind::Standard { deciding: self.model.deciding(set) },
            rule => Kind::Other { rule, set },
        }
    }

    /// Something for a set that is not the deciding one and for the deciding one if it has a tie-break at 6-6, by server.
    #[inline(always)]
    fn windows<T>(&self, of: impl Fn(&[[R; SET_ENDS_MAX]; 2]) -> T) -> [[T; 2]; 2] {
        let last = 2 * self.sets_to_win - 2;
        [0, last].map(|set| Side::BOTH.map(|server| of(&self.model.set(set, server).ends)))
    }

    /// Games of the match, by winner: `[winner][games]`.
    #[inline(always)]
    pub fn totals(&self) -> [[R; TOTAL_CELLS]; 2] {
        let mut won = [[R::default(); TOTAL_CELLS]; 2];
        let windows = self.windows(|ends| {
            ends.each_ref().map(|e| [e[0], e[1], e[2], e[3], e[4], R::default(), e[5], e[6]])
        });
        // The server follows from the parity of the games, so each start has its own walk.
        for start in self.starts() {
            self.add_totals(start, &windows, &mut won);
        }
        won
    }

    #[inline(always)]
    fn add_totals(
        &self,
        start: &Start<'_, R>,
        windows: &[[[[R; TOTAL_WINDOW]; 2]; 2]; 2],
        won: &mut [[R; TOTAL_CELLS]; 2],
    ) {
        let mut at = [[R::default(); TOTAL_ROW]; SET_SCORES];
        let before = self.games_before[0] + self.games_before[1];
        for (winner, ends) in start.current.ends.iter().enumerate() {
            for (games, loser, p) in set_ends(self.rule(), ends) {
                let p = start.share * p;
                let total = before + games + loser;
                match self.after(self.sets_won, winner) {
                    Place::Won(winner) => won[winner][total] += p,
                    Place::Sets(sets) => at[row_of(sets)][total - 6 * (sets[0] + sets[1])] += p,
                }
            }
        }
        for sets in self.later_set_scores() {
            let set = sets[0] + sets[1];
            let (row, later) = row_and_later(&mut at, sets);
            let kind = self.kind(sets);
            for (index, &mass) in row[..=7 * set].iter().enumerate() {
                if mass.is_zero() {
                    continue;
                }
                let games = 6 * set + index;
                let server = self.server_at(start, games);
                for winner in 0..2 {
                    let place = self.after(sets, winner);
                    match kind {
                        Kind::Other { rule, set } => {
                            let ends = &self.model.set(set, Side::BOTH[server]).ends[winner];
                            for (own, loser, p) in set_ends(rule, ends) {
                                won[winner][games + own + loser] += mass * p;
                            }
                        }
                        Kind::Standard { deciding } => {
                            let row = match place {
                                Place::Won(winner) => &mut won[winner][games + 6..],
                                Place::Sets(next) => &mut later[steps_to(sets, next)][index..],
                            };
                            add(row, &windows[deciding][server][winner], mass);
                        }
                    }
                }
            }
        }
    }

    /// Home games minus away games of the match; index [`DIFFERENCE_ZERO`] is none.
    #[inline(always)]
    pub fn differences(&self) -> [R; DIFFERENCE_CELLS] {
        let mut won = [R::default(); DIFFERENCE_CELLS];
        // 7-6 moves the difference by one game, 6-4 and 7-5 by two, and so on to 6-0.
        let windows = self.windows(|[home, away]| {
            [
                [home[6], home[4] + home[5], home[3], home[2], home[1], home[0]],
                [away[0], away[1], away[2], away[3], away[4] + away[5], away[6]],
            ]
        });
        for start in self.starts() {
            self.add_differences(start, &windows, &mut won);
        }
        won
    }

    #[inline(always)]
    fn add_differences(
        &self,
        start: &Start<'_, R>,
        windows: &[[[[R; DIFFERENCE_WINDOW]; 2]; 2]; 2],
        won: &mut [R; DIFFERENCE_CELLS],
    ) {
        let mut at = [[R::default(); DIFFERENCE_ROW]; SET_SCORES];
        // Index of the least difference at a score in sets: home wins by one game each and loses by six.
        let least = |sets: [usize; 2]| DIFFERENCE_ZERO + sets[0] - 6 * sets[1];
        let before = DIFFERENCE_ZERO + self.games_before[0] - self.games_before[1];
        for (winner, ends) in start.current.ends.iter().enumerate() {
            for (games, loser, p) in set_ends(self.rule(), ends) {
                let p = start.share * p;
                let index = moved(before, winner, games - loser);
                match self.after(self.sets_won, winner) {
                    Place::Won(_) => won[index] += p,
                    Place::Sets(sets) => at[row_of(sets)][index - least(sets)] += p,
                }
            }
        }
        for sets in self.later_set_scores() {
            let (row, later) = row_and_later(&mut at, sets);
            let kind = self.kind(sets);
            for (offset, &mass) in row[..=5 * (sets[0] + sets[1])].iter().enumerate() {
                if mass.is_zero() {
                    continue;
                }
                let index = least(sets) + offset;
                // The parity of the difference is that of the games played.
                let server = self.server_at(start, index ^ (DIFFERENCE_ZERO & 1));
                for winner in 0..2 {
                    let place = self.after(sets, winner);
                    match kind {
                        Kind::Other { rule, set } => {
                            let ends = &self.model.set(set, Side::BOTH[server]).ends[winner];
                            for (own, loser, p) in set_ends(rule, ends) {
                                won[moved(index, winner, own - loser)] += mass * p;
                            }
                        }
                        Kind::Standard { deciding } => {
                            let first = if winner == 0 { index + 1 } else { index - 6 };
                            let row = match place {
                                Place::Won(_) => &mut won[first..],
                                Place::Sets(next) => &mut later[steps_to(sets, next)][first - least(next)..],
                            };
                            add(row, &windows[deciding][server][winner], mass);
                        }
                    }
                }
            }
        }
    }

    /// Games of one side in the match.
    #[inline(always)]
    pub fn player_games(&self, side: Side) -> [R; PLAYER_CELLS] {
        // By score in sets, then by the server of the next set; relative to six games a set won.
        let mut at = [[[R::default(); PLAYER_ROW]; 2]; SET_SCORES];
        let mut won = [R::default(); PLAYER_CELLS];
        let own = side.index();
        for start in self.starts() {
            for (winner, ends) in start.current.ends.iter().enumerate() {
                for (games, loser, p) in set_ends(self.rule(), ends) {
                    let p = start.share * p;
                    let index = self.games_before[own] + if winner == own { games } else { loser };
                    match self.after(self.sets_won, winner) {
                        Place::Won(_) => won[index] += p,
                        Place::Sets(sets) => {
                            let next = self.server_after_current(start, games + loser);
                            at[row_of(sets)][next][index - 6 * sets[own]] += p;
                        }
                    }
                }
            }
        }
        // If the side wins a set it has 6 or 7 games, else 0 to 6; split by the parity of the set's games.
        let windows = self.windows(|ends| {
            let (wins, losses, none) = (&ends[own], &ends[1 - own], R::default());
            SideWindows {
                wins: [[wins[0] + wins[2] + wins[4], wins[5]], [wins[1] + wins[3], wins[6]]],
                losses: [
                    [losses[0], none, losses[2], none, losses[4], losses[5], none],
                    [none, losses[1], none, losses[3], none, none, losses[6]],
                ],
            }
        });
        for sets in self.later_set_scores() {
            let kind = self.kind(sets);
            let (rows, later) = row_and_later(&mut at, sets);
            for (server, row) in rows.iter().enumerate() {
                for (index, &mass) in row[..=sets[own] + 6 * sets[1 - own]].iter().enumerate() {
                    if mass.is_zero() {
                        continue;
                    }
                    let games = 6 * sets[own] + index;
                    match kind {
                        Kind::Other { rule, set } => {
                            let ends = &self.model.set(set, Side::BOTH[server]).ends;
                            for (winner, ends) in ends.iter().enumerate() {
                                for (winner_games, loser, p) in set_ends(rule, ends) {
                                    let more = if winner == own { winner_games } else { loser };
                                    won[games + more] += mass * p;
                                }
                            }
                        }
                        Kind::Standard { deciding } => {
                            let windows = &windows[deciding][server];
                            for parity in 0..2 {
                                let next = server ^ parity;
                                let row = match self.after(sets, own) {
                                    Place::Won(_) => &mut won[games + 6..],
                                    Place::Sets(place) => &mut later[steps_to(sets, place)][next][index..],
                                };
                                add(row, &windows.wins[parity], mass);
                                let row = match self.after(sets, 1 - own) {
                                    Place::Won(_) => &mut won[games..],
                                    Place::Sets(place) => &mut later[steps_to(sets, place)][next][index..],
                                };
                                add(row, &windows.losses[parity], mass);
                            }
                        }
                    }
                }
            }
        }
        won
    }

    /// Tie-breaks of the match, and for each later set the probability that it starts with each server and that the match
    /// is over before it.
    #[inline(always)]
    pub fn tie_breaks_and_starts(&self) -> ([R; TIE_BREAK_CELLS], SetStarts<R>) {
        let mut at = [[[R::default(); TIE_BREAK_CELLS]; 2]; SET_SCORES];
        let mut won = [R::default(); TIE_BREAK_CELLS];
        let mut starts = SetStarts::default();
        for start in self.starts() {
            starts.servers[self.set][start.server.index()] = start.share;
            for (winner, ends) in start.current.ends.iter().enumerate() {
                for (games, loser, p) in set_ends(self.rule(), ends) {
                    let p = start.share * p;
                    let count = self.tie_breaks_before + had_tie_break(self.rule(), games, loser);
                    match self.after(self.sets_won, winner) {
                        Place::Won(_) => {
                            won[count] += p;
                            starts.ends_after(self.set, p);
                        }
                        Place::Sets(sets) => {
                            at[row_of(sets)][self.server_after_current(start, games + loser)][count] += p;
                        }
                    }
                }
            }
        }
        // By winner: an even number of games, an odd one, a tie-break (always odd).
        let steps =
            self.windows(|ends| ends.each_ref().map(|e| [e[0] + e[2] + e[4] + e[5], e[1] + e[3], e[6]]));
        const MOST: usize = TIE_BREAK_CELLS - 1;
        for sets in self.later_set_scores() {
            let (set, kind) = (sets[0] + sets[1], self.kind(sets));
            let (rows, later) = row_and_later(&mut at, sets);
            for (server, counts) in rows.iter().enumerate() {
                let mass = sum(counts);
                if mass.is_zero() {
                    continue;
                }
                starts.servers[set][server] += mass;
                let by_winner = match kind {
                    Kind::Standard { deciding } => steps[deciding][server],
                    Kind::Other { rule, set } => {
                        let mut shares = [[R::default(); 3]; 2];
                        let ends = &self.model.set(set, Side::BOTH[server]).ends;
                        for (shares, ends) in shares.iter_mut().zip(ends) {
                            for (games, loser, p) in set_ends(rule, ends) {
                                shares[2 * had_tie_break(rule, games, loser)] += p;
                            }
                        }
                        shares
                    }
                };
                for (winner, [even, odd, tie_break]) in by_winner.into_iter().enumerate() {
                    match self.after(sets, winner) {
                        Place::Won(_) => {
                            add(&mut won, &counts[..MOST], even + odd);
                            add(&mut won[1..], &counts[..MOST], tie_break);
                            starts.ends_after(set, mass * (even + odd + tie_break));
                        }
                        Place::Sets(next) => {
                            let [same, other] = [server, 1 - server];
                            let rows = &mut later[steps_to(sets, next)];
                            add(&mut rows[same], &counts[..MOST], even);
                            add(&mut rows[other], &counts[..MOST], odd);
                            add(&mut rows[other][1..], &counts[..MOST], tie_break);
                        }
                    }
                }
            }
        }
        (won, starts)
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

impl<R: Real> SetStarts<R> {
    #[inline(always)]
    fn ends_after(&mut self, set: usize, mass: R) {
        self.over_before[set + 1..].iter_mut().for_each(|over| *over += mass);
    }
}

/// Where the match stands after a set.
#[derive(Clone, Copy)]
enum Place {
    /// A side has won it.
    Won(usize),
    /// A score in sets.
    Sets([usize; 2]),
}

/// How a later set is played.
#[derive(Clone, Copy)]
enum Kind {
    /// With a tie-break at 6-6: windows of seven ends a side.
    Standard { deciding: usize },
    /// Any other deciding set.
    Other { rule: SetRule, set: usize },
}

struct SideWindows<R> {
    /// By parity, then 6 or 7 games.
    wins: [[R; 2]; 2],
    /// By parity, then 0 to 6 games.
    losses: [[R; STANDARD_ENDS]; 2],
}

/// The row of a score in sets.
#[inline]
fn row_of(sets: [usize; 2]) -> usize {
    sets[0] * 3 + sets[1]
}

/// The row of a score in sets, and the rows after it.
#[inline(always)]
fn row_and_later<T>(at: &mut [T; SET_SCORES], sets: [usize; 2]) -> (&T, &mut [T]) {
    let (rows, later) = at.split_at_mut(row_of(sets) + 1);
    (&rows[row_of(sets)], later)
}

/// The place of a score in sets among the rows after another.
#[inline(always)]
fn steps_to(sets: [usize; 2], next: [usize; 2]) -> usize {
    row_of(next) - row_of(sets) - 1
}

/// Every score of a set: the winner's games, the loser's games, the probability.
#[inline(always)]
pub fn set_ends<R: Real>(
    rule: SetRule,
    ends: &[R; SET_ENDS_MAX],
) -> impl Iterator<Item = (usize, usize, R)> + '_ {
    let ends = ends[..rule.end_count()].iter().enumerate();
    ends.map(move |(loser, &p)| (usize::from(rule.winner_games(loser as u8)), loser, p))
}

#[inline]
fn had_tie_break(rule: SetRule, games: usize, loser: usize) -> usize {
    usize::from(rule.had_tie_break([games as u8, loser as u8]))
}

#[inline]
fn moved(index: usize, winner: usize, games: usize) -> usize {
    if winner == 0 { index + games } else { index - games }
}

#[inline(always)]
fn add<R: Real>(row: &mut [R], window: &[R], mass: R) {
    for (slot, &p) in row[..window.len()].iter_mut().zip(window) {
        *slot += mass * p;
    }
}
