//! A football match in play: incidents in, what is still possible out.

use oddsengine_types::{codec_enum, codec_struct};

use super::depth::{FootballDepth, GOALS_MAX, GoalFact};
use super::depth_live::DepthIncident;
use super::format::FootballFormat;
use super::rule::{Period as MarketPeriod, Result3};
use super::views::{self, FootballView, MAIN_GOALS_MAX};
use super::{FootballOutcome, GoalOrder, Side, goal_interval, score_of};
use crate::joint::CellSet;
use crate::live::{IncidentError, LiveChange, LivePhase, LiveSummary};

/// Longest match clock a feed may report: four hours, in milliseconds.
pub const CLOCK_MS_MAX: i64 = 4 * 3_600_000;
/// Longest added time of one half a feed may announce: one hour, in milliseconds.
pub const ANNOUNCED_MS_MAX: i64 = 3_600_000;
/// Where the match stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// Before kick-off.
    #[default]
    PreMatch,
    /// In the first half or its added time.
    FirstHalf,
    /// Between the halves.
    HalfTime,
    /// In the second half or its added time.
    SecondHalf,
    /// Regulation is over.
    FullTime,
    /// In the first half of extra time.
    ExtraFirstHalf,
    /// Between the halves of extra time.
    ExtraHalfTime,
    /// In the second half of extra time.
    ExtraSecondHalf,
    /// Extra time is over.
    ExtraFullTime,
    /// In the shoot-out.
    Penalties,
}
codec_enum!(Period {
    0 = PreMatch, 1 = FirstHalf, 2 = HalfTime, 3 = SecondHalf, 4 = FullTime,
    5 = ExtraFirstHalf, 6 = ExtraHalfTime, 7 = ExtraSecondHalf, 8 = ExtraFullTime, 9 = Penalties,
});

impl Period {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreMatch => "pre_match",
            Self::FirstHalf => "first_half",
            Self::HalfTime => "half_time",
            Self::SecondHalf => "second_half",
            Self::FullTime => "full_time",
            Self::ExtraFirstHalf => "extra_first_half",
            Self::ExtraHalfTime => "extra_half_time",
            Self::ExtraSecondHalf => "extra_second_half",
            Self::ExtraFullTime => "extra_full_time",
            Self::Penalties => "penalties",
        }
    }

    /// In a half of regulation.
    #[inline]
    pub fn is_half(self) -> bool {
        matches!(self, Self::FirstHalf | Self::SecondHalf)
    }

    /// In a half of extra time.
    #[inline]
    pub fn is_extra_half(self) -> bool {
        matches!(self, Self::ExtraFirstHalf | Self::ExtraSecondHalf)
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FootballIncidentKind {
    /// The first half starts.
    KickOff,
    /// A side is credited with a goal.
    Goal(Side),
    /// The latest goal of a side is taken back.
    GoalCancelled(Side),
    /// A player of a side is sent off.
    RedCard(Side),
    /// A sending-off is taken back.
    RedCardCancelled(Side),
    /// The added time of the running half is announced, in milliseconds.
    Stoppage(i64),
    /// The first half ends.
    HalfTime,
    /// The second half starts.
    SecondHalf,
    /// The match ends.
    FullTime,
    /// The clock moves on.
    Clock,
    /// A dangerous attack, a penalty, a video review: trading stops.
    Danger,
    /// The danger is over: trading may resume.
    Safe,
    /// The final score is corrected after the end: goals by half and side; the order of goals is rebuilt.
    Correction([[u16; 2]; 2]),
    /// Something beside the score.
    Depth(DepthIncident),
}
codec_enum!(FootballIncidentKind {
    0 = KickOff, 1 = Goal(side), 2 = GoalCancelled(side), 3 = RedCard(side), 4 = RedCardCancelled(side),
    5 = Stoppage(announced_ms), 6 = HalfTime, 7 = SecondHalf, 8 = FullTime, 9 = Clock, 10 = Danger, 11 = Safe,
    12 = Correction(goals), 13 = Depth(incident),
});

impl FootballIncidentKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::KickOff => "kick_off",
            Self::Goal(_) => "goal",
            Self::GoalCancelled(_) => "goal_cancelled",
            Self::RedCard(_) => "red_card",
            Self::RedCardCancelled(_) => "red_card_cancelled",
            Self::Stoppage(_) => "stoppage",
            Self::HalfTime => "half_time",
            Self::SecondHalf => "second_half",
            Self::FullTime => "full_time",
            Self::Clock => "clock",
            Self::Danger => "danger",
            Self::Safe => "safe",
            Self::Correction(_) => "correction",
            Self::Depth(incident) => incident.name(),
        }
    }
}

/// An incident with its clock and, if the feed tells it, the score after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FootballIncident {
    /// What happened.
    pub kind: FootballIncidentKind,
    /// Match clock: 0 at kick-off, 2,700,000 at the start of the second half; runs on through added time.
    pub clock_ms: i64,
    /// The feed's score after the incident.
    pub score_after: Option<(u16, u16)>,
}
codec_struct!(FootballIncident { kind, clock_ms, score_after });

/// The state of a football match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FootballState {
    /// Where the match stands.
    pub period: Period,
    /// Goals by half, then side.
    pub goals: [[u16; 2]; 2],
    /// Their order.
    pub order: GoalOrder,
    /// Players sent off, by side.
    pub red_cards: [u8; 2],
    /// Match clock; never goes back within a half.
    pub clock_ms: i64,
    /// Announced added time of each half.
    pub announced_ms: [Option<i64>; 2],
    /// What is offered beside the score.
    pub format: FootballFormat,
    /// What happened beside the score, as far as the format offers it.
    pub depth: FootballDepth,
}
codec_struct!(FootballState { period, goals, order, red_cards, clock_ms, announced_ms, format, depth });

pub(super) const REPRICE: LiveChange = LiveChange { reprices: true, regrades: false, danger: None };
pub(super) const REGRADE: LiveChange = LiveChange { reprices: true, regrades: true, danger: None };

impl FootballState {
    /// Before the match.
    pub fn new(format: FootballFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Every value is one that incidents can lead to: one that was read from bytes may not be.
    pub fn is_within_bounds(&self) -> bool {
        let goal_count: u32 = self.goals.iter().flatten().map(|&count| u32::from(count)).sum();
        goal_count <= GOALS_MAX.into()
            && self.order.count <= GOALS_MAX
            && (0..=CLOCK_MS_MAX).contains(&self.clock_ms)
            && self.announced_ms.iter().flatten().all(|ms| (0..=ANNOUNCED_MS_MAX).contains(ms))
            && self.depth.is_within_bounds()
    }

    /// Applies an incident; on an error nothing has changed.
    ///
    /// # Errors
    /// The incident does not fit the period or the reported score is not the one that follows.
    pub fn apply(&mut self, incident: &FootballIncident) -> Result<LiveChange, IncidentError> {
        let mut next = *self;
        let change = next.step(incident)?;
        if let Some(reported) = incident.score_after {
            let expected = next.score();
            if reported != expected {
                return Err(IncidentError::ScoreMismatch { reported, expected });
            }
        }
        let is_stale = *self == next && change.danger.is_none();
        *self = next;
        Ok(if is_stale { LiveChange::default() } else { change })
    }

    fn step(&mut self, incident: &FootballIncident) -> Result<LiveChange, IncidentError> {
        use FootballIncidentKind as Kind;
        let FootballIncident { kind, clock_ms, .. } = *incident;
        if !(0..=CLOCK_MS_MAX).contains(&clock_ms) {
            return Err(IncidentError::OutOfBounds(format!(
                "match clock {clock_ms} ms is outside 0..={CLOCK_MS_MAX}"
            )));
        }
        self.check_clock(kind, clock_ms)?;
        let is_running = self.period.is_half();
        let was_extra = self.period.is_extra_half();
        let change = match (kind, self.period) {
            (Kind::KickOff, Period::PreMatch) => {
                self.period = Period::FirstHalf;
                self.clock_ms = 0;
                REPRICE
            }
            (Kind::HalfTime, Period::FirstHalf) => {
                self.end_clock(clock_ms);
                self.period = Period::HalfTime;
                REGRADE
            }
            (Kind::SecondHalf, Period::HalfTime) => {
                self.period = Period::SecondHalf;
                self.clock_ms = 2_700_000;
                REPRICE
            }
            (Kind::FullTime, Period::SecondHalf) => {
                self.end_clock(clock_ms);
                self.period = Period::FullTime;
                REGRADE
            }
            (Kind::Goal(side), _) if is_running => {
                if self.order.count >= GOALS_MAX {
                    return Err(IncidentError::OutOfBounds(format!(
                        "goal {} is more than {GOALS_MAX}",
                        self.order.count + 1
                    )));
                }
                self.goals[self.half()][side.index()] += 1;
                let interval = goal_interval(self.period == Period::FirstHalf, clock_ms) as u8;
                self.depth.set_goal(self.order.count, GoalFact::new(interval));
                self.order.push(side);
                REGRADE
            }
            (Kind::Goal(side), _) if self.period.is_extra_half() => {
                self.extra_goal(side)?;
                REGRADE
            }
            (
                Kind::GoalCancelled(side),
                Period::FirstHalf | Period::HalfTime | Period::SecondHalf | Period::FullTime,
            ) => {
                let Some(index) = self.order.remove_last(side) else {
                    return Err(self.out_of_sequence(kind));
                };
                let first_half_count = self.goals[0][0] + self.goals[0][1];
                self.goals[usize::from(index >= first_half_count)][side.index()] -= 1;
                self.depth.remove_goal(index);
                REGRADE
            }
            (
                Kind::GoalCancelled(side),
                Period::ExtraFirstHalf
                | Period::ExtraHalfTime
                | Period::ExtraSecondHalf
                | Period::ExtraFullTime,
            ) if self.depth.extra_goals[side.index()] > 0 => {
                self.depth.extra_goals[side.index()] -= 1;
                REGRADE
            }
            (Kind::RedCard(side), _) if is_running || self.period == Period::HalfTime => {
                self.red_cards[side.index()] = self.red_cards[side.index()].saturating_add(1);
                self.card(side, true)
            }
            (Kind::RedCard(side), _)
                if self.period.is_extra_half() || self.period == Period::ExtraHalfTime =>
            {
                self.red_cards[side.index()] = self.red_cards[side.index()].saturating_add(1);
                REPRICE
            }
            (Kind::RedCardCancelled(side), _) if self.red_cards[side.index()] > 0 => {
                self.red_cards[side.index()] -= 1;
                self.card(side, false)
            }
            (Kind::Stoppage(_), _) if self.period.is_extra_half() => LiveChange::default(),
            (Kind::Stoppage(announced_ms), _) if is_running => {
                if !(0..=ANNOUNCED_MS_MAX).contains(&announced_ms) {
                    let what =
                        format!("announced added time {announced_ms} ms is outside 0..={ANNOUNCED_MS_MAX}");
                    return Err(IncidentError::OutOfBounds(what));
                }
                self.announced_ms[self.half()] = Some(announced_ms);
                REPRICE
            }
            (Kind::Clock, _) if is_running || self.period.is_extra_half() => REPRICE,
            (Kind::Danger, _) if is_running || self.period.is_extra_half() => {
                LiveChange { danger: Some(true), ..LiveChange::default() }
            }
            (Kind::Safe, _) => LiveChange { danger: Some(false), ..LiveChange::default() },
            (Kind::Correction(goals), _) if self.period >= Period::FullTime => {
                if goals.iter().flatten().map(|&count| u32::from(count)).sum::<u32>() > GOALS_MAX.into() {
                    return Err(IncidentError::OutOfBounds(format!(
                        "corrected goals {goals:?} are more than {GOALS_MAX}"
                    )));
                }
                let corrected = FootballOutcome::from_halves(goals[0], goals[1]);
                if goals != self.goals {
                    self.goals = goals;
                    self.order = corrected.order;
                    self.depth.forget_goals(goals);
                }
                REGRADE
            }
            (Kind::Depth(incident), _) => {
                if matches!(incident, DepthIncident::ExtraHalfTime | DepthIncident::ExtraFullTime) {
                    self.end_clock(clock_ms);
                }
                self.step_depth(incident)?
            }
            _ => return Err(self.out_of_sequence(kind)),
        };
        // Clocks of feeds jitter; ours never goes back within a half. It moves only where prices move with it: a state
        // read back from a snapshot is priced at its clock.
        let is_still_running =
            (is_running && self.period.is_half()) || (was_extra && self.period.is_extra_half());
        if change.reprices && is_still_running {
            let interval = self.closed_intervals();
            self.clock_ms = self.clock_ms.max(clock_ms);
            if self.format.intervals && interval != self.closed_intervals() {
                return Ok(REGRADE);
            }
        }
        Ok(change)
    }

    /// A half ends at the clock that is told with its end, if it can have it: what is shown from then on. No price hangs on it.
    pub(super) fn end_clock(&mut self, clock_ms: i64) {
        if self.last_ms().is_some_and(|last_ms| clock_ms <= last_ms) {
            self.clock_ms = self.clock_ms.max(clock_ms);
        }
    }

    /// The latest clock that the half which is played can have.
    fn last_ms(&self) -> Option<i64> {
        const MINUTE_MS: i64 = 60_000;
        let (end_minute, announced_ms) = match self.period {
            Period::FirstHalf => (45, self.announced_ms[0]),
            Period::SecondHalf => (90, self.announced_ms[1]),
            Period::ExtraFirstHalf => (105, None),
            Period::ExtraSecondHalf => (120, None),
            _ => return None,
        };
        let added_ms = announced_ms.map_or(0, |announced_ms| announced_ms + 5 * MINUTE_MS);
        Some(end_minute * MINUTE_MS + added_ms.max(15 * MINUTE_MS))
    }

    /// A clock that the running half cannot have says that we missed its end.
    fn check_clock(&self, kind: FootballIncidentKind, clock_ms: i64) -> Result<(), IncidentError> {
        use FootballIncidentKind as Kind;
        let is_timed = matches!(
            kind,
            Kind::Clock
                | Kind::Goal(_)
                | Kind::GoalCancelled(_)
                | Kind::RedCard(_)
                | Kind::RedCardCancelled(_)
                | Kind::Stoppage(_)
        );
        match self.last_ms().filter(|&last_ms| is_timed && clock_ms > last_ms) {
            None => Ok(()),
            Some(last_ms) => Err(IncidentError::OutOfBounds(format!(
                "match clock {clock_ms} ms is outside 0..={last_ms} in {}",
                self.period.name()
            ))),
        }
    }

    #[cold]
    pub(super) fn out_of_sequence(&self, kind: FootballIncidentKind) -> IncidentError {
        IncidentError::OutOfSequence {
            incident: kind.name().to_string(),
            period: self.period.name().to_string(),
        }
    }

    pub(super) fn half(&self) -> usize {
        usize::from(self.period >= Period::HalfTime)
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self.period {
            Period::PreMatch => LivePhase::PreMatch,
            _ if self.is_over() => LivePhase::Finished,
            _ => LivePhase::InPlay,
        }
    }

    /// Goals of the match so far, those of extra time included.
    pub fn score(&self) -> (u16, u16) {
        let (home, away) = score_of(self.goals, MarketPeriod::Match);
        let [extra_home, extra_away] = self.depth.extra_goals.map(u16::from);
        (home + extra_home, away + extra_away)
    }

    /// The outcome if no further goal falls.
    pub fn outcome(&self) -> FootballOutcome {
        FootballOutcome { goals: self.goals, order: self.order, depth: self.depth }
    }

    /// Score, clock and period.
    pub fn summary(&self) -> LiveSummary {
        LiveSummary { score: self.score(), clock_ms: self.clock_ms, period: self.period.name().to_string() }
    }

    /// Whether further goals can fall in a half.
    pub fn half_is_open(&self, half: usize) -> bool {
        if half == 0 { self.period <= Period::FirstHalf } else { self.period <= Period::SecondHalf }
    }

    /// The cells of a view that are still possible.
    pub(crate) fn possible_cells(&self, view: FootballView) -> CellSet {
        let cells = 0..view.cell_count();
        match view {
            FootballView::Depth(view) => {
                CellSet::from_cells(cells.filter(|&cell| self.depth_allows(view, cell)))
            }
            _ => {
                let gate = self.gate(view);
                CellSet::from_cells(cells.filter(|&cell| gate.allows(cell)))
            }
        }
    }

    /// Which cells of a view of the score are still possible.
    fn gate(&self, view: FootballView) -> Gate {
        let [first_open, second_open] = [self.half_is_open(0), self.half_is_open(1)];
        let is_open = |period| match period {
            MarketPeriod::Match | MarketPeriod::SecondHalf => second_open,
            MarketPeriod::FirstHalf => first_open,
        };
        let now = || view.cell_of_goals(self.goals);
        match view {
            FootballView::Order if second_open => Gate::Order(self.order),
            FootballView::Order => Gate::Only(views::order_cell(&self.order)),
            FootballView::Score(period) if is_open(period) => {
                let goals_max = FootballView::goals_max(period);
                let (home, away) = score_of(self.goals, period);
                let [home, away] = [home, away].map(|now| usize::from(now).min(goals_max));
                Gate::ScoreFrom { side: goals_max + 1, home, away }
            }
            FootballView::Goals(period, _) if is_open(period) => Gate::From(now()),
            FootballView::Difference(period) if is_open(period) => Gate::All,
            FootballView::HalfTimeFullTime | FootballView::HalfResults if first_open => Gate::All,
            FootballView::HalfTimeFullTime | FootballView::HalfResults if second_open => {
                let (home, away) = score_of(self.goals, MarketPeriod::FirstHalf);
                Gate::Row(Result3::of(home.into(), away.into()) as usize)
            }
            FootballView::HalfComparison(_) if first_open => Gate::All,
            FootballView::HalfComparison(scope) if second_open => {
                let [first, second] = [MarketPeriod::FirstHalf, MarketPeriod::SecondHalf]
                    .map(|period| scope.count(score_of(self.goals, period)));
                // In the order of the cells: the first half stays ahead, the second gets ahead, both become equal.
                Gate::Mask([second < first, true, second <= first])
            }
            _ => Gate::Only(now()),
        }
    }

    /// Whether a cell of a view is still possible.
    pub fn allows(&self, view: FootballView, cell: usize) -> bool {
        match view {
            FootballView::Depth(view) => self.depth_allows(view, cell),
            _ => self.gate(view).allows(cell),
        }
    }

    /// Visits the main cells of the joint space that are still possible, ascending.
    pub(crate) fn visit_possible_main(&self, mut visit: impl FnMut(usize)) {
        let range = |half: usize, side: usize| {
            let now = self.goals[half][side].min(MAIN_GOALS_MAX as u16);
            now..=if self.half_is_open(half) { MAIN_GOALS_MAX as u16 } else { now }
        };
        for a in range(0, 0) {
            for b in range(0, 1) {
                for c in range(1, 0) {
                    for d in range(1, 1) {
                        visit(views::main_cell([[a, b], [c, d]]));
                    }
                }
            }
        }
    }
}

/// The cells of one view that are still possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Every cell.
    All,
    /// The cell that stands.
    Only(usize),
    /// A count that can only grow.
    From(usize),
    /// Two counts that can only grow, cells in rows of `side`.
    ScoreFrom { side: usize, home: usize, away: usize },
    /// One row of three.
    Row(usize),
    /// Three cells, each by itself.
    Mask([bool; 3]),
    /// Sequences that begin with the goals so far.
    Order(GoalOrder),
}

impl Gate {
    /// Whether a cell is possible.
    #[inline]
    fn allows(&self, cell: usize) -> bool {
        match *self {
            Self::All => true,
            Self::Only(stands) => cell == stands,
            Self::From(least) => cell >= least,
            Self::ScoreFrom { side, home, away } => cell / side >= home && cell % side >= away,
            Self::Row(row) => cell / 3 == row,
            Self::Mask(cells) => cells[cell],
            Self::Order(now) => order_is_possible(&now, cell),
        }
    }
}

/// Whether the goals so far can go on to a cell of the order view.
fn order_is_possible(now: &GoalOrder, cell: usize) -> bool {
    let target = views::order_of_cell(cell);
    let is_long = usize::from(target.count) > views::ORDER_PREFIX;
    if !is_long && target.count < now.count {
        return false;
    }
    let known = now.count.min(views::ORDER_PREFIX as u16);
    (0..known).all(|index| now.side(index) == target.side(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FootballIncidentKind as Kind;

    fn at(kind: Kind, clock_ms: i64) -> FootballIncident {
        FootballIncident { kind, clock_ms, score_after: None }
    }

    #[test]
    fn a_match_from_kick_off_to_full_time() {
        let mut state = FootballState::default();
        for incident in [
            at(Kind::KickOff, 0),
            at(Kind::Goal(Side::Away), 600_000),
            at(Kind::HalfTime, 2_760_000),
            at(Kind::SecondHalf, 2_700_000),
            at(Kind::Goal(Side::Home), 3_000_000),
            at(Kind::Goal(Side::Home), 3_600_000),
            at(Kind::GoalCancelled(Side::Home), 3_660_000),
            at(Kind::Clock, 3_500_000),
            at(Kind::FullTime, 5_500_000),
        ] {
            state.apply(&incident).unwrap();
        }
        assert_eq!(state.goals, [[0, 1], [1, 0]]);
        assert_eq!(state.order, GoalOrder::from_sides([Side::Away, Side::Home]));
        assert_eq!((state.phase(), state.clock_ms), (LivePhase::Finished, 5_500_000));
    }

    /// The clock told with `half_time` and `full_time` was ignored: a match ended at "62:11".
    #[test]
    fn a_half_ends_at_the_clock_that_is_told() {
        let mut state = FootballState::default();
        let mut shown = Vec::new();
        for incident in [
            at(Kind::KickOff, 0),
            at(Kind::Clock, 1_000_000),
            at(Kind::HalfTime, 2_820_000),
            at(Kind::SecondHalf, 2_700_000),
            at(Kind::Clock, 3_731_000),
            at(Kind::FullTime, 5_640_000),
        ] {
            state.apply(&incident).unwrap();
            shown.push(state.clock_ms);
        }
        assert_eq!(shown, [0, 1_000_000, 2_820_000, 2_700_000, 3_731_000, 5_640_000]);
        // One that is behind ours, and one that the half cannot have, do not move it.
        for (told_ms, shown_ms) in [(0, 1_000_000), (3_600_000, 3_600_000), (3_600_001, 1_000_000)] {
            let mut state = FootballState::default();
            for incident in [at(Kind::KickOff, 0), at(Kind::Clock, 1_000_000), at(Kind::HalfTime, told_ms)] {
                state.apply(&incident).unwrap();
            }
            assert_eq!((state.period, state.clock_ms), (Period::HalfTime, shown_ms), "{told_ms}");
        }
    }

    #[test]
    fn an_incident_out_of_sequence_changes_nothing() {
        let mut state = FootballState::default();
        let before = state;
        for kind in [
            Kind::Goal(Side::Home),
            Kind::HalfTime,
            Kind::SecondHalf,
            Kind::FullTime,
            Kind::Clock,
            Kind::Stoppage(1),
        ] {
            assert!(matches!(state.apply(&at(kind, 0)), Err(IncidentError::OutOfSequence { .. })));
        }
        assert_eq!(state, before);
        state.apply(&at(Kind::KickOff, 0)).unwrap();
        let lost_goal = FootballIncident { kind: Kind::Clock, clock_ms: 60_000, score_after: Some((1, 0)) };
        let error = state.apply(&lost_goal).unwrap_err().to_string();
        assert_eq!(error, "reported score 1-0 is not the expected 0-0");
        assert_eq!(state.clock_ms, 0);
    }
}
