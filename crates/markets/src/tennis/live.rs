//! A tennis match in play: incidents in, score and what the served points say about the players out.

use std::fmt::Write;

use oddsengine_types::{codec_enum, codec_struct};

use super::TennisOutcome;
use super::format::{SETS_MAX, TennisFormat};
use super::possible::TennisGates;
use super::score::{GAMES_MAX, GAMES_RECORDED, GameRecord, POINTS_MAX, TennisScore};
use super::views::Layout;
use crate::football::Side;
use crate::live::{IncidentError, LiveChange, LivePhase, LiveSummary};

/// Longest match clock a feed may report: 24 hours, in milliseconds.
pub const CLOCK_MS_MAX: i64 = 24 * 3_600_000;

/// How a match ended, or that it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Played to its end, or still being played.
    #[default]
    Play,
    /// A side retired or was disqualified after the start.
    Retired(Side),
    /// A side did not come; not a point was played.
    WalkOver(Side),
}
codec_enum!(Ending { 0 = Play, 1 = Retired(side), 2 = WalkOver(side) });

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TennisIncidentKind {
    /// The match starts and this side serves first.
    Start(Side),
    /// A side wins a point.
    Point(Side),
    /// The latest point of a side is taken back, also one that ended a game, a set or the match.
    PointCancelled(Side),
    /// A side wins the game or tie-break being played; for feeds that tell no points.
    Game(Side),
    /// The whole score is told anew: a jump over messages that are missing, or a correction.
    Score(Scoreboard),
    /// A side retires or is disqualified.
    Retired(Side),
    /// The retirement is taken back: play goes on.
    RetirementCancelled,
    /// A side does not come.
    WalkOver(Side),
    /// The feed confirms that the match is over. Not needed: the last point ends it.
    End,
    /// A challenge, an injury, rain: trading stops.
    Danger,
    /// Trading may resume.
    Safe,
}
codec_enum!(TennisIncidentKind {
    0 = Start(server), 1 = Point(side), 2 = PointCancelled(side), 3 = Game(side), 4 = Score(scoreboard),
    5 = Retired(side), 6 = RetirementCancelled, 7 = WalkOver(side), 8 = End, 9 = Danger, 10 = Safe,
});

impl TennisIncidentKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Point(_) => "point",
            Self::PointCancelled(_) => "point_cancelled",
            Self::Game(_) => "game",
            Self::Score(_) => "score",
            Self::Retired(_) => "retired",
            Self::RetirementCancelled => "retirement_cancelled",
            Self::WalkOver(_) => "walk_over",
            Self::End => "end",
            Self::Danger => "danger",
            Self::Safe => "safe",
        }
    }
}

/// A score as a scoreboard shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoreboard {
    /// Games of each set in order, home first; the last of `set_count` may be unfinished.
    pub sets: [[u8; 2]; SETS_MAX],
    /// How many sets are told, 1 to 5.
    pub set_count: u8,
    /// Points of the game or tie-break being played, plain counts: 40-30 is `[3, 2]`.
    pub points: [u8; 2],
    /// Who serves the game being played; in a tie-break who served first.
    pub server: Side,
}
codec_struct!(Scoreboard { sets, set_count, points, server });

/// What the feed says the score is after the incident; what it does not tell is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreAfter {
    /// Sets won, home first.
    pub sets: Option<[u8; 2]>,
    /// Games of the set then being played.
    pub games: Option<[u8; 2]>,
    /// Points of the game then being played, plain counts.
    pub points: Option<[u8; 2]>,
}
codec_struct!(ScoreAfter { sets, games, points });

/// An incident with its clock and, if the feed tells it, the score after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TennisIncident {
    /// What happened.
    pub kind: TennisIncidentKind,
    /// Time since the start in milliseconds, 0 if the feed has none; evidence only.
    pub clock_ms: i64,
    /// The feed's score after the incident.
    pub score_after: ScoreAfter,
}
codec_struct!(TennisIncident { kind, clock_ms, score_after });

impl From<TennisIncidentKind> for TennisIncident {
    /// An incident of which the feed tells neither clock nor score.
    fn from(kind: TennisIncidentKind) -> Self {
        Self { kind, clock_ms: 0, score_after: ScoreAfter::default() }
    }
}

/// The state of a tennis match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TennisState {
    /// The rules of the match.
    pub format: TennisFormat,
    /// The match has started.
    pub is_started: bool,
    /// How it ended, beside by the score.
    pub ending: Ending,
    /// The score.
    pub score: TennisScore,
    /// Points served by each side, as far as the feed told points.
    pub served: [u16; 2],
    /// Points that each side won on its own serve.
    pub served_won: [u16; 2],
    /// Latest clock.
    pub clock_ms: i64,
}
codec_struct!(TennisState { format, is_started, ending, score, served, served_won, clock_ms });

const REGRADE: LiveChange = LiveChange { reprices: true, regrades: true, danger: None };
const NOTHING: LiveChange = LiveChange { reprices: false, regrades: false, danger: None };

impl TennisState {
    /// Every value is one that incidents can lead to: one that was read from bytes may not be.
    pub fn is_within_bounds(&self) -> bool {
        let score = &self.score;
        usize::from(score.sets_played) <= SETS_MAX
            && score.games.iter().flatten().all(|&games| games <= GAMES_MAX)
            && score.points.iter().all(|&points| points <= POINTS_MAX)
            && (0..=CLOCK_MS_MAX).contains(&self.clock_ms)
    }

    /// Before the start of a match with these rules.
    pub fn new(format: TennisFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Applies an incident; on an error nothing has changed.
    ///
    /// # Errors
    /// The incident does not fit the state or the reported score is not the one that follows.
    pub fn apply(&mut self, incident: &TennisIncident) -> Result<LiveChange, IncidentError> {
        let mut next = *self;
        let change = next.step(incident)?;
        next.compare(&incident.score_after)?;
        *self = next;
        Ok(change)
    }

    fn step(&mut self, incident: &TennisIncident) -> Result<LiveChange, IncidentError> {
        use TennisIncidentKind as Kind;
        let TennisIncident { kind, clock_ms, .. } = *incident;
        if !(0..=CLOCK_MS_MAX).contains(&clock_ms) {
            let what = format!("match clock {clock_ms} ms is outside 0..={CLOCK_MS_MAX}");
            return Err(IncidentError::OutOfBounds(what));
        }
        let is_in_play = self.phase() == LivePhase::InPlay;
        let change = match kind {
            Kind::Start(server) if self.phase() == LivePhase::PreMatch => {
                self.is_started = true;
                self.score.server = Some(server);
                REGRADE
            }
            Kind::Point(side) if is_in_play => {
                self.point(side)?;
                REGRADE
            }
            Kind::PointCancelled(side) if self.is_started && self.ending == Ending::Play => {
                let Some(server) = self.score.take_back_point(&self.format, side) else {
                    return Err(self.out_of_sequence(kind));
                };
                let server_index = server.index();
                self.served[server_index] = self.served[server_index].saturating_sub(1);
                self.served_won[server_index] =
                    self.served_won[server_index].saturating_sub(u16::from(server == side));
                REGRADE
            }
            Kind::Game(side) if is_in_play => {
                self.check_games()?;
                self.score.close_game(&self.format, side, GameRecord::won_by(side));
                REGRADE
            }
            Kind::Score(scoreboard) if self.ending == Ending::Play => {
                self.score = scoreboard.score(&self.format, &self.score)?;
                self.is_started = true;
                REGRADE
            }
            Kind::Retired(side) if is_in_play => {
                self.ending = Ending::Retired(side);
                REGRADE
            }
            Kind::WalkOver(side) if self.phase() == LivePhase::PreMatch => {
                self.ending = Ending::WalkOver(side);
                REGRADE
            }
            Kind::RetirementCancelled if self.ending != Ending::Play => {
                self.ending = Ending::Play;
                REGRADE
            }
            Kind::End if self.phase() == LivePhase::Finished => NOTHING,
            Kind::Danger if is_in_play => LiveChange { danger: Some(true), ..NOTHING },
            Kind::Safe => LiveChange { danger: Some(false), ..NOTHING },
            _ => return Err(self.out_of_sequence(kind)),
        };
        if change.reprices {
            self.clock_ms = self.clock_ms.max(clock_ms);
        }
        Ok(change)
    }

    fn point(&mut self, side: Side) -> Result<(), IncidentError> {
        self.check_games()?;
        if self.score.points[side.index()] >= POINTS_MAX {
            let what = format!("point {} of a game is more than {POINTS_MAX}", u16::from(POINTS_MAX) + 1);
            return Err(IncidentError::OutOfBounds(what));
        }
        let server = self.score.point_server(&self.format).expect("a match in play has a server").index();
        self.served[server] = self.served[server].saturating_add(1);
        self.served_won[server] = self.served_won[server].saturating_add(u16::from(server == side.index()));
        self.score.play_point(&self.format, side);
        Ok(())
    }

    /// A set that goes on for ever is a broken feed.
    fn check_games(&self) -> Result<(), IncidentError> {
        let (_, games) = self.score.current_set(&self.format).expect("a match in play has a set");
        if games[0].max(games[1]) >= GAMES_MAX {
            let what = format!("game {} of a set is more than {GAMES_MAX}", u16::from(GAMES_MAX) + 1);
            return Err(IncidentError::OutOfBounds(what));
        }
        Ok(())
    }

    fn compare(&self, after: &ScoreAfter) -> Result<(), IncidentError> {
        let set = usize::from(self.score.sets_played);
        let games = self.score.games.get(set).copied().unwrap_or_default();
        let pairs =
            [(after.sets, self.score.sets_won()), (after.games, games), (after.points, self.score.points)];
        for (reported, expected) in pairs {
            if let Some(reported) = reported
                && reported != expected
            {
                let pair = |[home, away]: [u8; 2]| (home.into(), away.into());
                let (reported, expected) = (pair(reported), pair(expected));
                return Err(IncidentError::ScoreMismatch { reported, expected });
            }
        }
        Ok(())
    }

    #[cold]
    fn out_of_sequence(&self, kind: TennisIncidentKind) -> IncidentError {
        IncidentError::OutOfSequence { incident: kind.name().to_string(), period: self.period() }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        if self.ending != Ending::Play || self.score.winner(&self.format).is_some() {
            return LivePhase::Finished;
        }
        if self.is_started { LivePhase::InPlay } else { LivePhase::PreMatch }
    }

    /// The outcome as it stands now.
    pub fn outcome(&self) -> TennisOutcome {
        TennisOutcome { format: self.format, ending: self.ending, score: self.score }
    }

    /// Visits the main cells of the joint space that are still possible, ascending.
    pub(crate) fn visit_possible_main(&self, gates: &TennisGates, visit: &mut dyn FnMut(usize)) {
        let layout = Layout::of(&self.format);
        layout.main().visit(layout, &self.format, &self.score, gates, visit);
    }

    /// Sets won, home first.
    pub fn score(&self) -> (u16, u16) {
        let [home, away] = self.score.sets_won();
        (home.into(), away.into())
    }

    /// Where the match stands, with games, points and server: `set_2 6-4 3-4 30-40 home serves`.
    pub fn period(&self) -> String {
        match (self.phase(), self.ending) {
            (LivePhase::PreMatch, _) => return "pre_match".into(),
            (_, Ending::WalkOver(side)) => return format!("walk_over {}", side.name()),
            (LivePhase::Finished, Ending::Play) => return format!("finished{}", self.games_text()),
            _ => {}
        }
        let mut text = String::new();
        if let Ending::Retired(side) = self.ending {
            let _ = write!(text, "retired {} ", side.name());
        }
        let _ = write!(text, "set_{}{}", self.score.sets_played + 1, self.games_text());
        let _ = write!(text, " {}", self.points_text());
        if let Some(server) = self.score.point_server(&self.format) {
            let _ = write!(text, " {} serves", server.name());
        }
        text
    }

    fn games_text(&self) -> String {
        let current = usize::from(self.score.winner(&self.format).is_none());
        let count = usize::from(self.score.sets_played) + current;
        self.score.games[..count].iter().map(|[home, away]| format!(" {home}-{away}")).collect()
    }

    fn points_text(&self) -> String {
        let [home, away] = self.score.points;
        if self.score.tie_break_points(&self.format).is_some() {
            return format!("{home}-{away}");
        }
        let word = |own: u8, other: u8| match own {
            0 => "0",
            1 => "15",
            2 => "30",
            _ if own > other && own > 3 => "A",
            _ => "40",
        };
        format!("{}-{}", word(home, away), word(away, home))
    }

    /// Score, clock and period.
    pub fn summary(&self) -> LiveSummary {
        LiveSummary { score: self.score(), clock_ms: self.clock_ms, period: self.period() }
    }
}

impl Scoreboard {
    /// The score it shows; the endings of games that `known` already has are kept where they can be.
    fn score(&self, format: &TennisFormat, known: &TennisScore) -> Result<TennisScore, IncidentError> {
        let bad = |what: String| Err(IncidentError::OutOfBounds(what));
        let count = usize::from(self.set_count);
        if !(1..=format.best_of.sets()).contains(&count) {
            return bad(format!("number of sets {count} is outside 1..={}", format.best_of.sets()));
        }
        let mut score = TennisScore { server: Some(self.server), ..TennisScore::default() };
        for (set, &games) in self.sets[..count].iter().enumerate() {
            let rule = format.set_rule(set);
            let [home, away] = games;
            if score.winner(format).is_some() {
                return bad(format!("set {} comes after the match was won", set + 1));
            }
            if home.max(away) > GAMES_MAX || !rule.is_legal(games) {
                return bad(format!("games {home}-{away} are not a score of set {}", set + 1));
            }
            score.games[set] = games;
            score.sets_played += u8::from(rule.winner(games).is_some());
            if usize::from(score.sets_played) <= set && set + 1 < count {
                return bad(format!("games {home}-{away} of set {} are not its end", set + 1));
            }
            reconcile(games, known.games[set], &known.records[set], &mut score.records[set]);
        }
        let [home, away] = self.points;
        let is_legal = match (score.winner(format), score.tie_break_points(format)) {
            (Some(_), _) => home.max(away) == 0,
            (None, Some(points)) => home.max(away) < points || home.abs_diff(away) < 2,
            (None, None) if format.is_no_ad => home.max(away) < 4,
            (None, None) => home.max(away) < 4 || home.abs_diff(away) < 2,
        };
        if home.max(away) > POINTS_MAX || !is_legal {
            return bad(format!("points {home}-{away} are not those of a game being played"));
        }
        score.points = self.points;
        Ok(score)
    }
}

/// Carries over the endings of a set's games: those known as long as they fit `games`, and the winners of the rest if
/// one side won all of it.
fn reconcile(
    games: [u8; 2],
    known_games: [u8; 2],
    known: &[GameRecord; GAMES_RECORDED + 1],
    records: &mut [GameRecord; GAMES_RECORDED + 1],
) {
    let count = |games: [u8; 2]| usize::from(games[0]) + usize::from(games[1]);
    let kept = count(games).min(count(known_games)).min(GAMES_RECORDED);
    let mut counted = [0_u8; 2];
    for record in &known[..kept] {
        match record.winner() {
            Some(side) => counted[side.index()] += 1,
            None => return,
        }
    }
    if counted[0] > games[0] || counted[1] > games[1] {
        return;
    }
    records[..kept].copy_from_slice(&known[..kept]);
    let rest = [games[0] - counted[0], games[1] - counted[1]];
    let winner = match rest {
        [_, 0] => Side::Home,
        [0, _] => Side::Away,
        _ => return,
    };
    for record in &mut records[kept..count(games).clamp(kept, GAMES_RECORDED)] {
        *record = GameRecord::won_by(winner);
    }
}
