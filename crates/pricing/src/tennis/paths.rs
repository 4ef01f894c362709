//! Where a match stands, as far as its rest needs it.

use std::borrow::Cow;

use oddsengine_markets::tennis::{SetRule, Side, TennisScore};

use super::model::TennisModel;
use super::real::Real;
use super::set::SetPath;

/// What is left of a match from a score.
#[derive(Clone, Debug)]
pub struct MatchPaths<'a, R: Real = f64> {
    pub(super) model: &'a TennisModel<R>,
    /// Index of the set being played.
    pub set: usize,
    /// One, or two before the toss.
    starts: [Option<Start<'a, R>>; 2],
    pub(super) sets_won: [usize; 2],
    pub(super) sets_to_win: usize,
    /// Games of each side in completed sets.
    pub(super) games_before: [usize; 2],
    /// Games played in the match: their parity decides who serves.
    games_now: usize,
    pub(super) tie_breaks_before: usize,
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

    /// Who serves first after the set being played has ended with these games.
    #[inline(always)]
    pub(super) fn server_after_current(&self, start: &Start<'_, R>, games: [usize; 2]) -> usize {
        let played = self.games_before[0] + self.games_before[1] + games[0] + games[1];
        start.server.index() ^ ((played ^ self.games_now) & 1)
    }
}
