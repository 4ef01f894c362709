//! One set, from any score: how it can end, which games are reached, who wins the races.
//!
//! The games of a set are walked forward over merged scores (a score is reached by many orders of games): 36 scores up to
//! 5-5 and a chain of level and one-ahead scores beyond.

use oddsengine_markets::tennis::{GAMES_RECORDED, SetRule, Side};

use super::real::Real;

/// Ends of a set per winner that are kept apart; counted by the loser's games.
pub const SET_ENDS_MAX: usize = SetRule::LOSER_GAMES_MAX as usize + 1;
/// Scores up to 5-5, both sides.
const GRID_SIDE: usize = 6;

/// The chances of single games that a set is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GameChances<R: Real = f64> {
    /// Probability that the home side wins a game, by server.
    pub home_game: [R; 2],
    /// Probability that the home side wins the tie-break of the set, if it has one.
    pub tie_break: R,
}

/// Where a set stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetPosition<R: Real = f64> {
    /// Games, home first; the set is not over.
    pub games: [u8; 2],
    /// Who serves the game being played; in a tie-break who served first.
    pub server: Side,
    /// Probability that the home side wins the game or tie-break being played.
    pub current: R,
}

/// The ways a set can go on.
#[derive(Clone, Debug, PartialEq)]
pub struct SetPath<R: Real = f64> {
    /// Probability of each final score, by winner and the loser's games.
    pub ends: [[R; SET_ENDS_MAX]; 2],
    /// Probability that the set reaches each score up to 5-5 (row home, column away).
    grid: [R; GRID_SIDE * GRID_SIDE],
    /// Probability that the twelfth game is played.
    twelfth: R,
    start: SetPosition<R>,
    home_game: [R; 2],
}

impl<R: Real> Default for SetPath<R> {
    #[inline(always)]
    fn default() -> Self {
        Self {
            ends: [[R::default(); SET_ENDS_MAX]; 2],
            grid: [R::default(); GRID_SIDE * GRID_SIDE],
            twelfth: R::default(),
            start: SetPosition { games: [0; 2], server: Side::Home, current: R::default() },
            home_game: [R::default(); 2],
        }
    }
}

impl<R: Real> SetPath<R> {
    /// Fills in a set from its first game.
    #[inline(always)]
    pub fn fill_from_start(&mut self, rule: SetRule, server: Side, chances: &GameChances<R>) {
        let current = match rule {
            SetRule::MatchTieBreak { .. } => chances.tie_break,
            _ => chances.home_game[server.index()],
        };
        self.fill(rule, SetPosition { games: [0; 2], server, current }, chances);
    }

    /// A set from a position.
    #[inline(always)]
    pub fn new(rule: SetRule, start: SetPosition<R>, chances: &GameChances<R>) -> Self {
        let mut path = Self::default();
        path.fill(rule, start, chances);
        path
    }

    /// Fills in what has the default values.
    #[inline(always)]
    fn fill(&mut self, rule: SetRule, start: SetPosition<R>, chances: &GameChances<R>) {
        (self.start, self.home_game) = (start, chances.home_game);
        if let SetRule::MatchTieBreak { .. } = rule {
            (self.ends[0][0], self.ends[1][0]) = (start.current, start.current.complement());
            return;
        }
        let [home, away] = start.games.map(usize::from);
        let leads = if home.max(away) < GRID_SIDE { self.walk_grid() } else { [R::default(); 2] };
        self.walk_chain(rule, leads, chances.tie_break);
    }

    /// Probability that the home side wins the set.
    #[inline(always)]
    pub fn home(&self) -> R {
        sum(&self.ends[0])
    }

    /// Probability that the home side wins the game after `played` games of the set.
    #[inline(always)]
    fn home_wins_game(&self, played: usize) -> R {
        let now = usize::from(self.start.games[0]) + usize::from(self.start.games[1]);
        if played == now { self.start.current } else { self.home_game[self.server_after(played).index()] }
    }

    /// Who serves after `played` games of the set.
    #[inline(always)]
    pub fn server_after(&self, played: usize) -> Side {
        let now = usize::from(self.start.games[0]) + usize::from(self.start.games[1]);
        if (played ^ now) & 1 == 0 { self.start.server } else { self.start.server.other() }
    }

    /// Walks up to 5-5 and one game on; the probability of 6-5 and of 5-6.
    #[inline(always)]
    fn walk_grid(&mut self) -> [R; 2] {
        let [home_now, away_now] = self.start.games.map(usize::from);
        let now = home_now + away_now;
        let mut chance = [R::default(); 2 * GRID_SIDE];
        for (played, chance) in chance.iter_mut().enumerate().skip(now) {
            *chance = self.home_wins_game(played);
        }
        self.grid[home_now * GRID_SIDE + away_now] = R::ONE;
        for home in home_now..GRID_SIDE {
            for away in away_now..GRID_SIDE {
                let here = self.grid[home * GRID_SIDE + away];
                if home + away == 10 {
                    break;
                }
                let won = here * chance[home + away];
                let lost = here - won;
                match home {
                    5 => self.ends[0][away] += won,
                    _ => self.grid[(home + 1) * GRID_SIDE + away] += won,
                }
                match away {
                    5 => self.ends[1][home] += lost,
                    _ => self.grid[home * GRID_SIDE + away + 1] += lost,
                }
            }
        }
        let level = self.grid[GRID_SIDE * GRID_SIDE - 1];
        let won = level * chance[10];
        [won, level - won]
    }

    /// Walks on from 6-5 and 5-6, or from a start beyond: level, one ahead, level again, until the rule ends it.
    #[inline(always)]
    fn walk_chain(&mut self, rule: SetRule, leads: [R; 2], tie_break: R) {
        let [home_now, away_now] = self.start.games.map(usize::from);
        let (mut n, mut level) = (5, R::default());
        let [mut lead_home, mut lead_away] = leads;
        if home_now.max(away_now) >= GRID_SIDE {
            n = home_now.min(away_now);
            match home_now.cmp(&away_now) {
                std::cmp::Ordering::Equal => level = R::ONE,
                std::cmp::Ordering::Greater => lead_home = R::ONE,
                std::cmp::Ordering::Less => lead_away = R::ONE,
            }
        }
        loop {
            let place = n.min(SET_ENDS_MAX - 1);
            if let SetRule::TieBreak { at, .. } = rule
                && usize::from(at) == n
            {
                let is_now = home_now == n && away_now == n;
                let home = level * if is_now { self.start.current } else { tie_break };
                self.ends[0][place] += home;
                self.ends[1][place] += level - home;
                return;
            }
            if !level.is_zero() {
                let won = level * self.home_wins_game(2 * n);
                lead_home += won;
                lead_away += level - won;
            }
            if n == 5 {
                self.twelfth = lead_home + lead_away;
            }
            let chance = self.home_wins_game(2 * n + 1);
            self.ends[0][place] += lead_home * chance;
            self.ends[1][place] += lead_away * chance.complement();
            level = lead_home * chance.complement() + lead_away * chance;
            (lead_home, lead_away) = (R::default(), R::default());
            n += 1;
            if n >= SET_ENDS_MAX {
                // Only an advantage set gets here: all longer ones share the last score.
                let win = self.home_game[0] * self.home_game[1];
                let lose = self.home_game[0].complement() * self.home_game[1].complement();
                let home = level * win / (win + lose);
                self.ends[0][SET_ENDS_MAX - 1] += home;
                self.ends[1][SET_ENDS_MAX - 1] += level - home;
                return;
            }
        }
    }

    /// Probability that game `game` (zero-based) of the set is still to be played or being played.
    #[inline(always)]
    pub fn reaches_game(&self, game: usize) -> R {
        let now = usize::from(self.start.games[0]) + usize::from(self.start.games[1]);
        match game {
            _ if game < now => R::default(),
            _ if game == now => R::ONE,
            11 => self.twelfth,
            12.. => R::default(),
            _ => {
                let low = game.saturating_sub(GRID_SIDE - 1);
                let mut sum = R::default();
                for home in low..=game.min(GRID_SIDE - 1) {
                    sum += self.grid[home * GRID_SIDE + game - home];
                }
                sum
            }
        }
    }

    /// Probability that the home side is first to `games` games, at most 5; neither side is there yet.
    #[inline(always)]
    pub fn home_wins_race(&self, games: u8) -> R {
        let games = usize::from(games);
        debug_assert!(games < GRID_SIDE);
        let mut sum = R::default();
        for away in 0..games {
            sum += self.grid[(games - 1) * GRID_SIDE + away] * self.home_wins_game(games - 1 + away);
        }
        sum
    }
}

#[inline(always)]
pub(super) fn sum<R: Real>(values: &[R]) -> R {
    let mut sum = R::default();
    for &value in values {
        sum += value;
    }
    sum
}

const _: () = assert!(GAMES_RECORDED == 12);
