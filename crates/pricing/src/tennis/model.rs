//! A match: the game, tie-break and set chances of two serve levels, and the match winner from any score.
//!
//! Points are independent; the server wins one with the probability `serve` of that side. Source: F. J. G. M. Klaassen,
//! J. R. Magnus, "Are points in tennis independent and identically distributed?", Journal of the American Statistical
//! Association 96 (2001), on how far that holds; the recursion by hand in J. A. O'Malley, "Probabilistic Formulas and
//! Statistical Analysis in Tennis", Journal of Quantitative Analysis in Sports 4 (2008).

use std::borrow::Cow;

use oddsengine_markets::tennis::{SETS_MAX, SetRule, Side, TennisFormat, TennisScore};

use super::error::TennisError;
use super::game::Game;
use super::real::Real;
use super::set::{GameChances, SetPath, SetPosition};
use super::tie_break::TieBreak;

/// Smallest probability of a point on own serve that a model accepts.
pub const SERVE_MIN: f64 = 0.01;
/// Largest probability of a point on own serve that a model accepts.
pub const SERVE_MAX: f64 = 0.99;

/// Two serve levels and the rules of the match, ready to price.
///
/// ```
/// use oddsengine_markets::tennis::{Side, TennisFormat, TennisScore};
/// use oddsengine_pricing::tennis::TennisModel;
/// let model = TennisModel::new(&TennisFormat::default(), [0.66, 0.62])?;
/// let start = TennisScore::first_server(Side::Home);
/// assert!((model.match_home(&start) - 0.69108575283778).abs() < 1e-12);
/// # Ok::<(), oddsengine_pricing::tennis::TennisError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TennisModel<R: Real = f64> {
    format: TennisFormat,
    serve: [R; 2],
    games: [Game<R>; 2],
    /// Chances within a set that is not the deciding one, and within the deciding one.
    chances: [GameChances<R>; 2],
    /// A set from its first game: deciding or not, then by first server; the first pair alone if all sets are alike.
    sets: [[SetPath<R>; 2]; 2],
    has_own_decider: bool,
    /// Probability that the home side wins a set from its start, deciding or not. Who serves first does not matter.
    set_home: [R; 2],
}

impl TennisModel {
    /// The model of two sides that win a point on own serve with these probabilities, home first, each in
    /// [`SERVE_MIN`]..=[`SERVE_MAX`].
    ///
    /// # Errors
    /// [`TennisError::OutsideRange`].
    pub fn new(format: &TennisFormat, serve: [f64; 2]) -> Result<Self, TennisError> {
        TennisError::check("home serve probability", serve[0], SERVE_MIN, SERVE_MAX)?;
        TennisError::check("away serve probability", serve[1], SERVE_MIN, SERVE_MAX)?;
        Ok(Self::unchecked(format, serve))
    }
}

impl<R: Real> TennisModel<R> {
    /// The model of levels that are known to lie within their bounds.
    #[inline(always)]
    pub(super) fn unchecked(format: &TennisFormat, serve: [R; 2]) -> Self {
        let mut model = Self::blank(format, serve);
        model.fill();
        model
    }

    /// The same without its sets, which [`Self::fill`] fills in.
    #[inline(always)]
    pub(super) fn blank(format: &TennisFormat, serve: [R; 2]) -> Self {
        let games = serve.map(|p| Game::new(p, format.is_no_ad));
        let home_game = [games[0].hold(), games[1].hold().complement()];
        let tie_break = |rule: SetRule| match rule {
            SetRule::TieBreak { points, .. } | SetRule::MatchTieBreak { points } => {
                TieBreak::new(serve, Side::Home, points).home()
            }
            SetRule::Advantage => R::default(),
        };
        let rules = [format.set_rule(0), format.set_rule(format.best_of.sets() - 1)];
        let has_own_decider = rules[0] != rules[1];
        let chances = GameChances { home_game, tie_break: tie_break(rules[0]) };
        let mut chances = [chances; 2];
        if has_own_decider {
            chances[1].tie_break = tie_break(rules[1]);
        }
        Self {
            format: *format,
            serve,
            games,
            chances,
            sets: Default::default(),
            has_own_decider,
            set_home: [R::default(); 2],
        }
    }

    /// Fills in the sets of a blank model, in their places: they are too large to be moved.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        for kind in 0..=usize::from(self.has_own_decider) {
            let rule = self.format.set_rule(kind * (self.format.best_of.sets() - 1));
            for server in Side::BOTH {
                let set = &mut self.sets[kind][server.index()];
                set.fill_from_start(rule, server, &self.chances[kind]);
            }
            self.set_home[kind] = self.sets[kind][0].home();
        }
    }

    /// The rules of the match.
    #[inline(always)]
    pub fn format(&self) -> &TennisFormat {
        &self.format
    }

    /// Probabilities of a point on own serve, home first.
    #[inline(always)]
    pub fn serve(&self) -> [R; 2] {
        self.serve
    }

    /// The game on a side's serve.
    #[inline(always)]
    pub fn game(&self, server: Side) -> &Game<R> {
        &self.games[server.index()]
    }

    /// Whether set `set` is the deciding one and unlike the others, as an index.
    #[inline(always)]
    pub(super) fn deciding(&self, set: usize) -> usize {
        usize::from(self.has_own_decider && set + 1 == self.format.best_of.sets())
    }

    /// A set from its first game.
    #[inline(always)]
    pub fn set(&self, set: usize, server: Side) -> &SetPath<R> {
        &self.sets[self.deciding(set)][server.index()]
    }

    /// Probability that the home side wins set `set` from its first game.
    #[inline(always)]
    pub fn set_home(&self, set: usize) -> R {
        self.set_home[self.deciding(set)]
    }

    /// Probability that the home side wins the game or tie-break being played. The match is not over and its server
    /// is known.
    #[inline(always)]
    pub fn game_home(&self, score: &TennisScore) -> R {
        let server = score.server.expect("the server is known");
        let [home, away] = score.points.map(usize::from);
        match (score.tie_break_points(&self.format), server) {
            (Some(points), _) => TieBreak::new(self.serve, server, points).from_points(home, away),
            (None, Side::Home) => self.games[0].from_points(home, away),
            (None, Side::Away) => self.games[1].from_points(away, home).complement(),
        }
    }

    /// The set being played from a score; the match is not over and its server is known.
    #[inline(always)]
    pub fn current_set(&self, score: &TennisScore) -> Cow<'_, SetPath<R>> {
        let (set, games) = score.current_set(&self.format).expect("the match is not over");
        let server = score.server.expect("the server is known");
        if games == [0; 2] && score.points == [0; 2] {
            return Cow::Borrowed(self.set(set, server));
        }
        let position = SetPosition { games, server, current: self.game_home(score) };
        Cow::Owned(SetPath::new(self.format.set_rule(set), position, &self.chances[self.deciding(set)]))
    }

    /// Probability that the home side wins the match from every number of sets won by (home, away).
    pub fn match_home_by_sets(&self) -> [[R; 4]; 4] {
        let to_win = self.format.best_of.sets_to_win();
        let mut values = [[R::default(); 4]; 4];
        for home in (0..=to_win).rev() {
            for away in (0..=to_win).rev() {
                values[home][away] = if home == to_win {
                    R::ONE
                } else if away == to_win {
                    R::default()
                } else {
                    let p = self.set_home(home + away);
                    p * values[home + 1][away] + p.complement() * values[home][away + 1]
                };
            }
        }
        values
    }

    /// Probability that the home side wins the match from a score whose server is known or which has no points yet.
    pub fn match_home(&self, score: &TennisScore) -> R {
        if let Some(winner) = score.winner(&self.format) {
            return if winner == Side::Home { R::ONE } else { R::default() };
        }
        let [home, away] = score.sets_won().map(usize::from);
        let values = self.match_home_by_sets();
        let p = match score.server {
            Some(_) => self.current_set(score).home(),
            None => self.set_home(usize::from(score.sets_played)),
        };
        p * values[home + 1][away] + p.complement() * values[home][away + 1]
    }
}

const _: () = assert!(SETS_MAX == 5);
