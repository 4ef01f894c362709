//! The score of a tennis match: sets, games, points, who serves, and how each game ended.

use oddsengine_types::codec_struct;

use super::format::{SETS_MAX, TennisFormat};
use crate::football::Side;

/// Games of a set whose endings are kept apart; later ones share one more place.
pub const GAMES_RECORDED: usize = 12;
/// Most games of one side in one set: 70-68 was the longest there was.
pub const GAMES_MAX: u8 = 200;
/// Most points of one side in one game or tie-break.
pub const POINTS_MAX: u8 = 120;

/// A score: everything that happened in a match, as far as any market cares.
///
/// ```
/// use oddsengine_markets::tennis::{Side, TennisFormat, TennisScore};
/// let (format, mut score) = (TennisFormat::default(), TennisScore::first_server(Side::Home));
/// for _ in 0..4 {
///     score.play_point(&format, Side::Away);
/// }
/// assert_eq!(score.games[0], [0, 1]);
/// assert_eq!(score.server, Some(Side::Away));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TennisScore {
    /// Games of each set, home first; also of the set being played.
    pub games: [[u8; 2]; SETS_MAX],
    /// Completed sets.
    pub sets_played: u8,
    /// Points of the game being played, plain counts, home first: 40-30 is `[3, 2]`, advantage away `[3, 4]`.
    pub points: [u8; 2],
    /// Who serves the game being played; in a tie-break who served first. `None` before the toss is known.
    pub server: Option<Side>,
    /// How the games of each set ended; the last place is the latest game beyond the twelfth.
    pub records: [[GameRecord; GAMES_RECORDED + 1]; SETS_MAX],
}
codec_struct!(TennisScore { games, sets_played, points, server, records });

/// How a game ended: the points of both sides, home first; all zero while unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GameRecord {
    /// Points, home first. A winner whose points are not known has [`GameRecord::UNTOLD`].
    pub points: [u8; 2],
}
codec_struct!(GameRecord { points });

impl GameRecord {
    /// The points of a side that won a game of which only the winner is known.
    pub const UNTOLD: u8 = u8::MAX;

    /// A game of which only the winner is known.
    pub fn won_by(side: Side) -> Self {
        let mut points = [0; 2];
        points[side.index()] = Self::UNTOLD;
        Self { points }
    }

    /// The winner, if known.
    #[inline]
    pub fn winner(self) -> Option<Side> {
        match self.points[0].cmp(&self.points[1]) {
            std::cmp::Ordering::Greater => Some(Side::Home),
            std::cmp::Ordering::Less => Some(Side::Away),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Points of the loser, 3 for "40 or deuce"; `None` if not known.
    #[inline]
    pub fn loser_points(self) -> Option<u8> {
        let [low, high] = [self.points[0].min(self.points[1]), self.points[0].max(self.points[1])];
        (high > low && high != Self::UNTOLD).then_some(low.min(3))
    }
}

impl TennisScore {
    /// Before the first point, with the side that serves first.
    pub fn first_server(side: Side) -> Self {
        Self { server: Some(side), ..Self::default() }
    }

    /// Sets won, home first.
    #[inline]
    pub fn sets_won(&self) -> [u8; 2] {
        let mut won = [0; 2];
        for games in &self.games[..usize::from(self.sets_played)] {
            won[usize::from(games[1] > games[0])] += 1;
        }
        won
    }

    /// The winner of the match, once it is won.
    #[inline]
    pub fn winner(&self, format: &TennisFormat) -> Option<Side> {
        let needed = format.best_of.sets_to_win() as u8;
        match self.sets_won() {
            [home, _] if home == needed => Some(Side::Home),
            [_, away] if away == needed => Some(Side::Away),
            _ => None,
        }
    }

    /// The set being played (zero-based) and its games; `None` once the match is won.
    #[inline]
    pub fn current_set(&self, format: &TennisFormat) -> Option<(usize, [u8; 2])> {
        let set = usize::from(self.sets_played);
        self.winner(format).is_none().then(|| (set, self.games[set]))
    }

    /// Points to which the tie-break being played goes, if one is.
    #[inline]
    pub fn tie_break_points(&self, format: &TennisFormat) -> Option<u8> {
        let (set, games) = self.current_set(format)?;
        format.set_rule(set).tie_break_points(games)
    }

    /// Who serves the next point.
    #[inline]
    pub fn point_server(&self, format: &TennisFormat) -> Option<Side> {
        let server = self.server?;
        let played = self.points[0] + self.points[1];
        let is_other = self.tie_break_points(format).is_some() && serves_second(played.into());
        Some(if is_other { server.other() } else { server })
    }

    /// Games played in the match.
    pub fn games_total(&self) -> u16 {
        self.games.iter().flatten().map(|&games| u16::from(games)).sum()
    }

    /// How game `game` (zero-based, below [`GAMES_RECORDED`]) of a set ended, if it was played.
    #[inline]
    pub fn game(&self, set: usize, game: usize) -> Option<GameRecord> {
        let [home, away] = self.games[set];
        (game < usize::from(home) + usize::from(away)).then_some(self.records[set][game])
    }

    /// Adds a point; games, sets and the server follow. The match must not be over.
    pub fn play_point(&mut self, format: &TennisFormat, side: Side) {
        self.points[side.index()] += 1;
        let (own, other) = (self.points[side.index()], self.points[1 - side.index()]);
        let is_won = match self.tie_break_points(format) {
            Some(points) => own >= points && own >= other + 2,
            None => own >= 4 && (format.is_no_ad || own >= other + 2),
        };
        if is_won {
            let record = GameRecord { points: self.points };
            self.close_game(format, side, record);
        }
    }

    /// Ends the game being played, whatever its points. The match must not be over.
    pub fn close_game(&mut self, format: &TennisFormat, side: Side, record: GameRecord) {
        let set = usize::from(self.sets_played);
        let place = record_place(self.games[set]);
        self.records[set][place] = record;
        self.games[set][side.index()] += 1;
        self.points = [0; 2];
        self.server = self.server.map(Side::other);
        if format.set_rule(set).winner(self.games[set]).is_some() {
            self.sets_played += 1;
        }
    }

    /// Takes back the latest point of a side, also one that ended a game, a set or the match; the side that served
    /// it. `None`, and nothing changed, if the side has no such point.
    pub fn take_back_point(&mut self, format: &TennisFormat, side: Side) -> Option<Side> {
        let mut before = *self;
        if before.points == [0; 2] {
            before.reopen_game(side)?;
        } else if before.points[side.index()] == 0 {
            return None;
        }
        before.points[side.index()] -= 1;
        let server = before.point_server(format)?;
        *self = before;
        Some(server)
    }

    /// Takes back the latest game, which `side` must have won with known points: its points stand again.
    fn reopen_game(&mut self, side: Side) -> Option<()> {
        let is_set_start =
            usize::from(self.sets_played) == SETS_MAX || self.games[usize::from(self.sets_played)] == [0; 2];
        if is_set_start {
            self.sets_played = self.sets_played.checked_sub(1)?;
        }
        let set = usize::from(self.sets_played);
        let games = &mut self.games[set];
        games[side.index()] = games[side.index()].checked_sub(1)?;
        let place = record_place(*games);
        let record = std::mem::take(&mut self.records[set][place]);
        if record.winner() != Some(side) || record.loser_points().is_none() {
            return None;
        }
        self.points = record.points;
        self.server = self.server.map(Side::other);
        Some(())
    }
}

/// Where the record of the next game is kept.
#[inline]
fn record_place(games: [u8; 2]) -> usize {
    (usize::from(games[0]) + usize::from(games[1])).min(GAMES_RECORDED)
}

/// In a tie-break, after `played` points: the side that did not serve first serves (A BB AA BB ...).
#[inline]
pub fn serves_second(played: usize) -> bool {
    played.div_ceil(2) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::super::format::{BestOf, FinalSet};
    use super::*;

    #[test]
    fn points_games_sets_and_back() {
        let mut state = 7_u64;
        for best_of in BestOf::ALL {
            for final_set in FinalSet::ALL {
                for is_no_ad in [false, true] {
                    let format = TennisFormat { best_of, final_set, is_no_ad, ..TennisFormat::default() };
                    let mut history = vec![TennisScore::first_server(Side::Away)];
                    let mut points = Vec::new();
                    while history.last().unwrap().winner(&format).is_none() {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                        let side = Side::BOTH[(state >> 40) as usize % 2];
                        let mut next = *history.last().unwrap();
                        next.play_point(&format, side);
                        history.push(next);
                        points.push(side);
                    }
                    let mut score = history.pop().unwrap();
                    // Beyond the thirteenth game the endings of a long set are forgotten, so one step back is enough there.
                    let is_long = score.games.iter().any(|games| games[0] + games[1] > 13);
                    for (before, side) in history.into_iter().rev().zip(points.into_iter().rev()) {
                        let Some(server) = score.take_back_point(&format, side) else {
                            assert!(is_long, "{format:?} {score:?}");
                            break;
                        };
                        assert_eq!(Some(server), before.point_server(&format));
                        let same = TennisScore { records: before.records, ..score };
                        assert_eq!(same, before);
                        assert!(is_long || score == before);
                    }
                }
            }
        }
    }

    #[test]
    fn the_server_of_a_tie_break_is_a_bb_aa() {
        let order: Vec<bool> = (0..9).map(serves_second).collect();
        assert_eq!(order, [false, true, true, false, false, true, true, false, false]);
    }
}
