//! One game: the server wins every point with probability `p`, independently.
//!
//! From deuce the server wins with `p^2 / (p^2 + q^2)`, without advantage with `p`. Source: B. P. Hsi, D. M. Burych,
//! "Games of Two Players", Applied Statistics 20 (1971); F. J. G. M. Klaassen, J. R. Magnus, "Forecasting the winner
//! of a tennis match", European Journal of Operational Research 148 (2003). Reproduced in `tests/golden/tennis.json`.

use super::real::Real;

/// Point scores that differ: 4 x 4 (the last is deuce) and the two advantages.
pub const POINT_STATES: usize = 18;
/// Ends of a game: the server wins to 0, 15, 30, 40 (deuce or not), then the receiver.
pub const GAME_ENDS: usize = 8;

/// The probability that the server wins the game, from every point score.
///
/// ```
/// use oddsengine_pricing::tennis::game::Game;
/// let game = Game::new(0.62, false);
/// assert!((game.hold() - 0.77586270623177).abs() < 1e-13);
/// assert!((game.from_points(1, 3) - 0.27943146747352).abs() < 1e-13);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Game<R: Real = f64> {
    p: R,
    /// By [`point_state`].
    values: [R; POINT_STATES],
}

/// The index of a point score, server first; counts beyond deuce are folded back.
#[inline(always)]
pub fn point_state(server: usize, receiver: usize) -> usize {
    if server <= 3 && receiver <= 3 {
        return server * 4 + receiver;
    }
    match server.cmp(&receiver) {
        std::cmp::Ordering::Equal => 15,
        std::cmp::Ordering::Greater => 16,
        std::cmp::Ordering::Less => 17,
    }
}

impl<R: Real> Game<R> {
    /// The game of a server who wins a point with probability `p`.
    #[inline(always)]
    pub fn new(p: R, is_no_ad: bool) -> Self {
        let q = p.complement();
        let mut values = [R::default(); POINT_STATES];
        let deuce = if is_no_ad { p } else { p * p / (p * p + q * q) };
        values[15] = deuce;
        (values[16], values[17]) = (p + q * deuce, p * deuce);
        // A row or a column from its end: the next point wins, loses, or leads to what is known.
        for server in (0..4).rev() {
            for receiver in (0..4).rev() {
                if server == 3 && receiver == 3 {
                    continue;
                }
                let won = if server == 3 { R::ONE } else { values[(server + 1) * 4 + receiver] };
                let lost = if receiver == 3 { R::default() } else { values[server * 4 + receiver + 1] };
                values[server * 4 + receiver] = p * won + q * lost;
            }
        }
        Self { p, values }
    }

    /// The probability that the server wins the game.
    #[inline(always)]
    pub fn hold(&self) -> R {
        self.values[0]
    }

    /// The same from a point score, server first.
    #[inline(always)]
    pub fn from_points(&self, server: usize, receiver: usize) -> R {
        self.values[point_state(server, receiver)]
    }

    /// The values of all point states.
    #[inline(always)]
    pub fn values(&self) -> &[R; POINT_STATES] {
        &self.values
    }

    /// How the game ends from a point score: the server wins to 0, 15, 30, 40, then the receiver.
    #[inline(always)]
    pub fn ends(&self, server: usize, receiver: usize) -> [R; GAME_ENDS] {
        let (p, q) = (self.p, self.p.complement());
        let mut ends = [R::default(); GAME_ENDS];
        if server.max(receiver) > 3 || server == 3 && receiver == 3 {
            ends[3] = self.from_points(server, receiver);
            ends[7] = ends[3].complement();
            return ends;
        }
        let mut reach = [[R::default(); 5]; 5];
        reach[server][receiver] = R::ONE;
        for own in server..4 {
            for other in receiver..4 {
                if own == 3 && other == 3 {
                    continue;
                }
                let here = reach[own][other];
                reach[own + 1][other] += here * p;
                reach[own][other + 1] += here * q;
            }
        }
        for loser in 0..4 {
            ends[loser] = reach[4][loser];
            ends[4 + loser] = reach[loser][4];
        }
        let deuce = reach[3][3];
        ends[3] += deuce * self.values[15];
        ends[7] += deuce * self.values[15].complement();
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_form_and_ends() {
        for p in [0.3_f64, 0.5, 0.62, 0.71, 0.9] {
            let q = 1.0 - p;
            let closed = p.powi(4) * (15.0 - 4.0 * p - 10.0 * p * p / (1.0 - 2.0 * p + 2.0 * p * p));
            assert!((Game::new(p, false).hold() - closed).abs() < 1e-13);
            for is_no_ad in [false, true] {
                let game = Game::new(p, is_no_ad);
                for server in 0..4 {
                    for receiver in 0..4 {
                        let ends = game.ends(server, receiver);
                        let held: f64 = ends[..4].iter().sum();
                        assert!((held - game.from_points(server, receiver)).abs() < 1e-14);
                        assert!((ends.iter().sum::<f64>() - 1.0).abs() < 1e-14);
                        assert!(ends[..receiver].iter().chain(&ends[4..4 + server]).all(|&end| end == 0.0));
                    }
                }
            }
            let ends = Game::new(p, false).ends(0, 0);
            assert!((ends[0] - p.powi(4)).abs() < 1e-15 && (ends[5] - 4.0 * q.powi(4) * p).abs() < 1e-15);
        }
    }
}
