//! A match as sets with the games that were played in them: no state machine, no tables.

use std::collections::BTreeSet;

use oddsengine_markets::tennis::{
    BestOf, Ending, FinalSet, RetirementRule, ScoreAfter, Scoreboard, Side, TennisFormat, TennisIncident,
    TennisIncidentKind as Kind, TennisOutcome, TennisScore,
};
use oddsengine_markets::{LiveChange, LivePhase, Outcome};
use oddsengine_types::Grade;

use super::game::Listed;
use crate::outcomes::{Grades, Space, common};

/// Longest clock, in milliseconds.
const CLOCK_MS_MAX: i64 = 24 * 3_600_000;
/// Most points of a side in a game.
const POINTS_MAX: u8 = 120;
/// Games of a set that are known one by one when its score is told.
const GAMES_KNOWN_MAX: usize = 12;

/// A game that was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayedGame {
    /// Who won it, if that was told.
    pub winner: Option<Side>,
    /// With which points, if they were told.
    pub points: Option<[u8; 2]>,
}

/// A set that is being played or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlayedSet {
    /// Games of both sides.
    pub games: [u8; 2],
    /// How they ended, in order.
    pub played: Vec<PlayedGame>,
}

/// A match so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TennisMatch {
    /// The rules.
    pub format: TennisFormat,
    /// It has started.
    pub is_started: bool,
    /// Retired, walked over, or neither.
    pub ending: Ending,
    /// The sets, the one being played last.
    pub sets: Vec<PlayedSet>,
    /// Points of the game being played.
    pub points: [u8; 2],
    /// Who serves it.
    pub server: Option<Side>,
    /// The clock.
    pub clock_ms: i64,
    /// How often the score was told whole instead of point by point.
    pub told_count: u32,
}

impl TennisMatch {
    /// Before the start.
    pub fn new(format: TennisFormat) -> Self {
        let is_long = matches!(format.final_set, FinalSet::Advantage | FinalSet::TieBreak7At12);
        assert!(!is_long, "the naive engine lists sets that end");
        Self {
            format,
            is_started: false,
            ending: Ending::Play,
            sets: vec![PlayedSet::default()],
            points: [0; 2],
            server: None,
            clock_ms: 0,
            told_count: 0,
        }
    }

    fn sets_to_win(&self) -> u16 {
        if self.format.best_of == BestOf::Three { 2 } else { 3 }
    }

    fn is_deciding(&self, set: usize) -> bool {
        set + 1 == 2 * usize::from(self.sets_to_win()) - 1
    }

    /// The set is nothing but a tie-break.
    fn is_tie_break_set(&self, set: usize) -> bool {
        let of_final = matches!(self.format.final_set, FinalSet::MatchTieBreak7 | FinalSet::MatchTieBreak10);
        self.is_deciding(set) && of_final
    }

    /// Who has won a set with these games.
    fn winner_of(&self, set: usize, games: [u8; 2]) -> Option<Side> {
        let ahead = |side: Side| {
            let (own, other) = (games[side.index()], games[1 - side.index()]);
            if self.is_tie_break_set(set) {
                return own == 1;
            }
            own == 7 && other == 6 || own >= 6 && own >= other + 2
        };
        Side::BOTH.into_iter().find(|&side| ahead(side))
    }

    /// The points that win the tie-break, if the next game of a set is one.
    fn tie_break_to(&self, set: usize, games: [u8; 2]) -> Option<u8> {
        let is_long = matches!(self.format.final_set, FinalSet::TieBreak10 | FinalSet::MatchTieBreak10)
            && self.is_deciding(set);
        let is_tie_break = if self.is_tie_break_set(set) { games == [0, 0] } else { games == [6, 6] };
        is_tie_break.then_some(if is_long { 10 } else { 7 })
    }

    /// Games of the sets that were played to their end.
    pub fn ended_sets(&self) -> Vec<[u8; 2]> {
        let all = self.sets.iter().enumerate();
        all.filter(|(set, played)| self.winner_of(*set, played.games).is_some())
            .map(|(_, played)| played.games)
            .collect()
    }

    /// Sets won.
    pub fn sets_won(&self) -> (u16, u16) {
        let count = |side: usize| {
            self.ended_sets().iter().filter(|games| games[side] > games[1 - side]).count() as u16
        };
        (count(0), count(1))
    }

    /// The match was played to its end.
    fn is_won(&self) -> bool {
        let (home, away) = self.sets_won();
        home.max(away) >= self.sets_to_win()
    }

    /// Games of the set being played; none once the match is won.
    pub fn games_now(&self) -> [u8; 2] {
        if self.is_won() { [0; 2] } else { self.sets.last().map_or([0; 2], |set| set.games) }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match () {
            () if self.ending != Ending::Play || self.is_won() => LivePhase::Finished,
            () if self.is_started => LivePhase::InPlay,
            () => LivePhase::PreMatch,
        }
    }

    /// Applies an incident; `None` when it does not fit, and nothing has changed.
    pub fn apply(&mut self, incident: &TennisIncident) -> Option<LiveChange> {
        let mut next = self.clone();
        let change = next.step(incident)?;
        if !next.agrees(&incident.score_after) {
            return None;
        }
        *self = next;
        Some(change)
    }

    fn agrees(&self, told: &ScoreAfter) -> bool {
        let (home, away) = self.sets_won();
        told.sets.is_none_or(|sets| (sets[0].into(), sets[1].into()) == (home, away))
            && told.games.is_none_or(|games| games == self.games_now())
            && told.points.is_none_or(|points| points == self.points)
    }

    fn step(&mut self, incident: &TennisIncident) -> Option<LiveChange> {
        if incident.clock_ms < 0 || incident.clock_ms > CLOCK_MS_MAX {
            return None;
        }
        let phase = self.phase();
        match incident.kind {
            Kind::Start(server) if phase == LivePhase::PreMatch => {
                (self.is_started, self.server) = (true, Some(server));
            }
            Kind::Point(side) if phase == LivePhase::InPlay => self.point(side)?,
            Kind::PointCancelled(side) if self.is_started && self.ending == Ending::Play => {
                self.take_back(side)?;
            }
            Kind::Game(side) if phase == LivePhase::InPlay => {
                self.end_game(PlayedGame { winner: Some(side), points: None });
            }
            Kind::Score(board) if self.ending == Ending::Play => {
                self.jump(&board)?;
                self.is_started = true;
            }
            Kind::Retired(side) if phase == LivePhase::InPlay => self.ending = Ending::Retired(side),
            Kind::WalkOver(side) if phase == LivePhase::PreMatch => self.ending = Ending::WalkOver(side),
            Kind::RetirementCancelled if self.ending != Ending::Play => self.ending = Ending::Play,
            Kind::End if phase == LivePhase::Finished => return Some(LiveChange::default()),
            Kind::Danger if phase == LivePhase::InPlay => {
                return Some(LiveChange { danger: Some(true), ..LiveChange::default() });
            }
            Kind::Safe => return Some(LiveChange { danger: Some(false), ..LiveChange::default() }),
            _ => return None,
        }
        self.clock_ms = self.clock_ms.max(incident.clock_ms);
        Some(LiveChange { reprices: true, regrades: true, danger: None })
    }

    fn point(&mut self, side: Side) -> Option<()> {
        let set = self.sets.len() - 1;
        let own = &mut self.points[side.index()];
        if *own >= POINTS_MAX {
            return None;
        }
        *own += 1;
        let (own, other) = (self.points[side.index()], self.points[1 - side.index()]);
        let is_won = match self.tie_break_to(set, self.sets[set].games) {
            Some(points) => own >= points && own >= other + 2,
            None if self.format.is_no_ad => own >= 4,
            None => own >= 4 && own >= other + 2,
        };
        if is_won {
            self.end_game(PlayedGame { winner: Some(side), points: Some(self.points) });
        }
        Some(())
    }

    fn end_game(&mut self, game: PlayedGame) {
        let set = self.sets.len() - 1;
        let winner = game.winner.expect("a game that is played has a winner");
        self.sets[set].games[winner.index()] += 1;
        self.sets[set].played.push(game);
        (self.points, self.server) = ([0; 2], self.server.map(Side::other));
        if self.winner_of(set, self.sets[set].games).is_some() && !self.is_won() {
            self.sets.push(PlayedSet::default());
        }
    }

    /// Whoever bet `then` did not bet on this: play did not go on by a point or a game of either side. The start, and a
    /// walk-over in its place, are what those before it bet on.
    pub(crate) fn broke_off_since(&self, then: &Self) -> bool {
        if self.told_count != then.told_count {
            return true;
        }
        let goes_on = Side::BOTH.into_iter().any(|side| {
            let (mut by_point, mut by_game) = (then.clone(), then.clone());
            by_game.end_game(PlayedGame { winner: Some(side), points: None });
            by_point.point(side).is_some() && by_point.standing() == self.standing()
                || by_game.standing() == self.standing()
        });
        then.phase() != LivePhase::PreMatch && self.standing() != then.standing() && !goes_on
    }

    /// How the match stands, whoever serves.
    pub(crate) fn standing(&self) -> (Ending, [u8; 2], &[PlayedSet]) {
        (self.ending, self.points, &self.sets)
    }

    /// The latest point of a side, also one that ended a game.
    fn take_back(&mut self, side: Side) -> Option<()> {
        if self.points == [0; 2] {
            if self.sets.last()?.games == [0; 2] {
                self.sets.pop();
            }
            let set = self.sets.last_mut()?;
            let game = set.played.pop()?;
            if game.winner != Some(side) {
                return None;
            }
            self.points = game.points?;
            set.games[side.index()] -= 1;
            self.server = self.server.map(Side::other);
        }
        self.points[side.index()] = self.points[side.index()].checked_sub(1)?;
        self.server.map(drop)
    }

    /// The score is told whole.
    fn jump(&mut self, board: &Scoreboard) -> Option<()> {
        let count = usize::from(board.set_count);
        if count == 0 || count > 2 * usize::from(self.sets_to_win()) - 1 {
            return None;
        }
        let mut next = Self { sets: Vec::new(), server: Some(board.server), ..self.clone() };
        for (set, &games) in board.sets[..count].iter().enumerate() {
            if next.is_won() || !self.scores_of(set).contains(&games) {
                return None;
            }
            let is_last = set + 1 == count;
            if self.winner_of(set, games).is_none() && !is_last {
                return None;
            }
            let known = self.sets.get(set).map_or(&[][..], |known| &known.played);
            next.sets.push(PlayedSet { games, played: told_games(games, known) });
        }
        if self.winner_of(count - 1, board.sets[count - 1]).is_some() && !next.is_won() {
            next.sets.push(PlayedSet::default());
        }
        let is_point = match next.is_won() {
            true => board.points == [0; 2],
            false => next.points_of_a_game().contains(&board.points),
        };
        next.points = board.points;
        next.told_count += 1;
        *self = next;
        is_point.then_some(())
    }

    /// Every score at which a set stands at some time, by playing it in every way.
    fn scores_of(&self, set: usize) -> BTreeSet<[u8; 2]> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![[0, 0]]);
        while let Some(games) = open.pop() {
            if seen.insert(games) && self.winner_of(set, games).is_none() {
                open.extend([[games[0] + 1, games[1]], [games[0], games[1] + 1]]);
            }
        }
        seen
    }

    /// Every count of points at which the game being played stands at some time before its end.
    fn points_of_a_game(&self) -> BTreeSet<[u8; 2]> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![[0, 0]]);
        while let Some(points) = open.pop() {
            if !seen.insert(points) {
                continue;
            }
            for side in Side::BOTH {
                let mut then = Self { points, ..self.clone() };
                if then.point(side).is_some() && then.points != [0, 0] {
                    open.push(then.points);
                }
            }
        }
        seen
    }

    /// What the ways in which it can end depend on.
    pub(crate) fn key(&self) -> Vec<u64> {
        let ending = match self.ending {
            Ending::Play => 0,
            Ending::Retired(side) => 1 + side.index() as u64,
            Ending::WalkOver(_) => 3,
        };
        let games = self.sets.iter().flat_map(|set| set.games).map(u64::from);
        std::iter::once(ending).chain(games).collect()
    }

    /// Every score in games with which the match can end, by playing every game in both ways.
    fn finals(&self) -> Vec<Vec<[u8; 2]>> {
        let games: Vec<[u8; 2]> = self.sets.iter().map(|set| set.games).collect();
        let (mut seen, mut open, mut finals) = (BTreeSet::new(), vec![games], Vec::new());
        while let Some(sets) = open.pop() {
            let won = |side: usize| {
                let is_won = |(set, &games): (usize, &[u8; 2])| {
                    self.winner_of(set, games).is_some_and(|winner| winner.index() == side)
                };
                sets.iter().enumerate().filter(|&set| is_won(set)).count()
            };
            if !seen.insert(sets.clone()) {
                continue;
            }
            if won(0).max(won(1)) == usize::from(self.sets_to_win()) {
                finals.push(sets);
                continue;
            }
            let set = sets.len() - 1;
            if self.winner_of(set, sets[set]).is_some() {
                open.push(sets.iter().copied().chain([[0; 2]]).collect());
                continue;
            }
            for side in 0..2 {
                let mut next = sets.clone();
                next[set][side] += 1;
                open.push(next);
            }
        }
        finals
    }

    /// Every way in which it can still end. After a retirement: what stands if it is taken back.
    pub(crate) fn listed(&self, space: &Space) -> Listed {
        let outcome = |sets: Vec<[u8; 2]>| {
            let mut score = TennisScore { sets_played: sets.len() as u8, ..TennisScore::default() };
            score.games[..sets.len()].copy_from_slice(&sets);
            let outcome = TennisOutcome { format: self.format, ending: Ending::Play, score };
            space.grades_of(&Outcome::Tennis(Box::new(outcome)))
        };
        let endings: Vec<Grades> = self.finals().into_iter().map(outcome).collect();
        let mut decided = common(&endings);
        if self.ending != Ending::Play {
            for (grade, &selection) in decided.iter_mut().zip(&space.selections) {
                let is_winner = space.template.market_of(selection).key == "match_winner";
                let own = self.match_winner(&space.template.selections[selection].name);
                // What was decided when play ended stands, and all else is void; the winner has a rule of its own.
                *grade = own.filter(|_| is_winner).or(*grade).or(Some(Grade::VOID));
            }
        }
        Listed { decided, endings }
    }

    /// The grade of the match winner after a retirement.
    fn match_winner(&self, name: &str) -> Option<Grade> {
        let Ending::Retired(retired) = self.ending else { return None };
        let counts = match self.format.retirement {
            RetirementRule::VoidUnlessCompleted => false,
            RetirementRule::AdvanceAfterOneSet => !self.ended_sets().is_empty(),
            RetirementRule::AdvanceOnceStarted => true,
        };
        let has_won = name != retired.name();
        Some(if counts { Grade::won_if(has_won) } else { Grade::VOID })
    }
}

/// The games of a set that was told by its score: those known stand as long as they fit, and if one side won all others,
/// that is known of them as well.
fn told_games(games: [u8; 2], known: &[PlayedGame]) -> Vec<PlayedGame> {
    let total = usize::from(games[0] + games[1]);
    let unknown = PlayedGame { winner: None, points: None };
    let mut played: Vec<PlayedGame> = known.iter().copied().take(total.min(GAMES_KNOWN_MAX)).collect();
    let mut left = games;
    for game in &played {
        let Some(winner) = game.winner else { return vec![unknown; total] };
        match left[winner.index()].checked_sub(1) {
            Some(less) => left[winner.index()] = less,
            None => return vec![unknown; total],
        }
    }
    let rest = match left {
        [_, 0] => PlayedGame { winner: Some(Side::Home), points: None },
        [0, _] => PlayedGame { winner: Some(Side::Away), points: None },
        _ => unknown,
    };
    played.resize(total.clamp(played.len(), GAMES_KNOWN_MAX), rest);
    played.resize(total, unknown);
    played
}
