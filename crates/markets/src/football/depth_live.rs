//! A match in play beside its score: corners, cards, scorers, extra time, and what of them is still possible.

use oddsengine_types::codec_enum;

use super::depth::{COUNT_MAX, Credit, FootballDepth, GOALS_MAX};
use super::depth_views::{
    self, CountAxis, CountKind, DepthView, EXTRA_GOALS_MAX, INTERVAL_GOALS_MAX, PLAYER_ABSENT,
    PLAYER_GOALS_MAX, PlayerPart, TieMethod, interval_goals_of, open_tie_cells, tie, tie_cell,
};
use super::format::Knockout;
use super::live::{FootballState, Period, REGRADE, REPRICE};
use super::{FootballIncidentKind, INTERVAL_COUNT, Side};
use crate::live::{IncidentError, LiveChange};

/// How long after its end an interval of ten minutes may still be given a goal by a late message, in milliseconds.
pub const INTERVAL_GRACE_MS: i64 = 60_000;

/// Something that happened beside the score. What the format of the match does not offer is accepted and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthIncident {
    /// A corner.
    Corner(Side),
    /// The latest corner of a side is taken back.
    CornerCancelled(Side),
    /// A yellow card.
    YellowCard(Side),
    /// A yellow card is taken back.
    YellowCardCancelled(Side),
    /// Corners or cards by half and side, as they stand: a correction.
    Counts(CountKind, [[u8; 2]; 2]),
    /// Whose goal number `goal` (from 1) of regulation is.
    Scorer(u8, Credit),
    /// A listed player is in the starting line-up or comes on.
    PlayerOn(Side, u8),
    /// A listed player leaves the field.
    PlayerOff(Side, u8),
    /// A listed player has not been on the field after all.
    PlayerAbsent(Side, u8),
    /// Extra time starts.
    ExtraTime,
    /// The first half of extra time ends.
    ExtraHalfTime,
    /// The second half of extra time starts.
    ExtraSecondHalf,
    /// Extra time ends.
    ExtraFullTime,
    /// The shoot-out starts.
    Penalties,
    /// A penalty of the shoot-out: scored or not.
    Penalty(Side, bool),
    /// The latest penalty of a side is taken back: it had been scored or not.
    PenaltyCancelled(Side, bool),
}
codec_enum!(DepthIncident {
    0 = Corner(side), 1 = CornerCancelled(side), 2 = YellowCard(side), 3 = YellowCardCancelled(side),
    4 = Counts(kind, counts), 5 = Scorer(goal, credit), 6 = PlayerOn(side, player), 7 = PlayerOff(side, player),
    8 = PlayerAbsent(side, player), 9 = ExtraTime, 10 = ExtraHalfTime, 11 = ExtraSecondHalf, 12 = ExtraFullTime,
    13 = Penalties, 14 = Penalty(side, scored), 15 = PenaltyCancelled(side, scored),
});

impl DepthIncident {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Corner(_) => "corner",
            Self::CornerCancelled(_) => "corner_cancelled",
            Self::YellowCard(_) => "yellow_card",
            Self::YellowCardCancelled(_) => "yellow_card_cancelled",
            Self::Counts(CountKind::Corners, _) => "corners",
            Self::Counts(CountKind::Cards, _) => "cards",
            Self::Scorer(..) => "scorer",
            Self::PlayerOn(..) => "player_on",
            Self::PlayerOff(..) => "player_off",
            Self::PlayerAbsent(..) => "player_absent",
            Self::ExtraTime => "extra_time",
            Self::ExtraHalfTime => "extra_half_time",
            Self::ExtraSecondHalf => "extra_second_half",
            Self::ExtraFullTime => "extra_full_time",
            Self::Penalties => "penalties",
            Self::Penalty(..) => "penalty",
            Self::PenaltyCancelled(..) => "penalty_cancelled",
        }
    }
}

impl FootballState {
    pub(super) fn step_depth(&mut self, incident: DepthIncident) -> Result<LiveChange, IncidentError> {
        use DepthIncident as Kind;
        match incident {
            Kind::Corner(side) => self.add_count(CountKind::Corners, side, incident),
            Kind::CornerCancelled(side) => Ok(self.take_back_count(CountKind::Corners, side)),
            Kind::YellowCard(side) => self.add_count(CountKind::Cards, side, incident),
            Kind::YellowCardCancelled(side) => Ok(self.take_back_count(CountKind::Cards, side)),
            Kind::Counts(kind, counts) => self.correct_counts(kind, counts),
            Kind::Scorer(goal, credit) => self.credit_goal(goal, credit),
            Kind::PlayerOn(side, player) => self.move_player(side, player, |state| {
                let goals_count = state.order.count;
                state.depth.come_on(side, player, goals_count);
            }),
            Kind::PlayerOff(side, player) => {
                self.move_player(side, player, |state| state.depth.go_off(side, player))
            }
            Kind::PlayerAbsent(side, player) => {
                self.move_player(side, player, |state| state.depth.did_not_play(side, player))
            }
            _ => self.step_tie(incident),
        }
    }

    /// A card of a side is shown or taken back; what the change of a red card is.
    pub(super) fn card(&mut self, side: Side, shown: bool) -> LiveChange {
        if !self.format.cards {
            return REPRICE;
        }
        if shown {
            let half = self.half();
            let count = &mut self.depth.cards[half][side.index()];
            *count = count.saturating_add(1).min(COUNT_MAX);
            return REGRADE;
        }
        self.take_back_count(CountKind::Cards, side);
        REGRADE
    }

    fn add_count(
        &mut self,
        kind: CountKind,
        side: Side,
        incident: DepthIncident,
    ) -> Result<LiveChange, IncidentError> {
        if !self.format.counts(kind) {
            return Ok(LiveChange::default());
        }
        // Told late, in the break: it was in the half that has ended.
        let half = match self.period {
            Period::FirstHalf | Period::HalfTime => 0,
            Period::SecondHalf | Period::FullTime => 1,
            Period::PreMatch => return Err(self.out_of_sequence(FootballIncidentKind::Depth(incident))),
            // Markets are on regulation.
            _ => return Ok(LiveChange::default()),
        };
        let count = &mut self.depth.count_mut(kind)[half][side.index()];
        if *count >= COUNT_MAX {
            let name = kind.name();
            return Err(IncidentError::OutOfBounds(format!(
                "{name} of a side in a half are more than {COUNT_MAX}"
            )));
        }
        *count += 1;
        Ok(REGRADE)
    }

    fn take_back_count(&mut self, kind: CountKind, side: Side) -> LiveChange {
        let counts = self.depth.count_mut(kind);
        for half in [1, 0] {
            if counts[half][side.index()] > 0 {
                counts[half][side.index()] -= 1;
                return REGRADE;
            }
        }
        LiveChange::default()
    }

    fn correct_counts(&mut self, kind: CountKind, counts: [[u8; 2]; 2]) -> Result<LiveChange, IncidentError> {
        if !self.format.counts(kind) {
            return Ok(LiveChange::default());
        }
        if counts.iter().flatten().any(|&count| count > COUNT_MAX) {
            let name = kind.name();
            return Err(IncidentError::OutOfBounds(format!("{name} {counts:?} are more than {COUNT_MAX}")));
        }
        *self.depth.count_mut(kind) = counts;
        Ok(REGRADE)
    }

    fn credit_goal(&mut self, goal: u8, credit: Credit) -> Result<LiveChange, IncidentError> {
        if !self.format.has_players() {
            return Ok(LiveChange::default());
        }
        let count = self.order.count;
        let Some(index) = u16::from(goal).checked_sub(1).filter(|&index| index < count) else {
            return Err(IncidentError::OutOfBounds(format!("goal {goal} is outside 1..={count}")));
        };
        let side = self.order.side(index).expect("the goal has fallen");
        if let Credit::Player(player) = credit {
            self.check_player(side, player)?;
            // Who scores has been on the field, whatever the line-up said.
            if self.depth.came_on_at(side, player).is_none() {
                self.depth.come_on(side, player, index);
            }
        }
        self.depth.set_goal(index, self.depth.goal(index).credited(credit));
        Ok(REGRADE)
    }

    fn check_player(&self, side: Side, player: u8) -> Result<(), IncidentError> {
        let count = self.format.players[side.index()];
        if player < count {
            return Ok(());
        }
        let name = side.name();
        Err(IncidentError::OutOfBounds(format!("player {} of {name} is outside 1..={count}", player + 1)))
    }

    fn move_player(
        &mut self,
        side: Side,
        player: u8,
        step: impl FnOnce(&mut Self),
    ) -> Result<LiveChange, IncidentError> {
        if !self.format.has_players() {
            return Ok(LiveChange::default());
        }
        self.check_player(side, player)?;
        // Markets are on regulation: who comes on in extra time has not played.
        if self.period > Period::FullTime {
            return Ok(LiveChange::default());
        }
        step(self);
        Ok(REGRADE)
    }

    fn step_tie(&mut self, incident: DepthIncident) -> Result<LiveChange, IncidentError> {
        use DepthIncident as Kind;
        let Some(knockout) = self.format.knockout else {
            return Err(self.out_of_sequence(FootballIncidentKind::Depth(incident)));
        };
        let is_level = tie(&self.outcome(), &knockout).is_none();
        match (incident, self.period) {
            (Kind::ExtraTime, Period::FullTime) if is_level && knockout.extra_time => {
                self.period = Period::ExtraFirstHalf;
                self.depth.has_extra_time = true;
                self.clock_ms = 5_400_000;
            }
            (Kind::ExtraHalfTime, Period::ExtraFirstHalf) => self.period = Period::ExtraHalfTime,
            (Kind::ExtraSecondHalf, Period::ExtraHalfTime) => {
                self.period = Period::ExtraSecondHalf;
                self.clock_ms = 6_300_000;
            }
            (Kind::ExtraFullTime, Period::ExtraSecondHalf) => self.period = Period::ExtraFullTime,
            (Kind::Penalties, Period::ExtraFullTime) if is_level => self.period = Period::Penalties,
            (Kind::Penalties, Period::FullTime) if is_level && !knockout.extra_time => {
                self.period = Period::Penalties;
            }
            (Kind::Penalty(side, scored), Period::Penalties) if is_level => self.penalty(side, scored)?,
            (Kind::PenaltyCancelled(side, scored), Period::Penalties) => {
                let FootballDepth { penalties_taken, penalties_scored, .. } = &mut self.depth;
                let (taken, goals) =
                    (&mut penalties_taken[side.index()], &mut penalties_scored[side.index()]);
                if *taken == 0 || (scored && *goals == 0) || (!scored && *goals == *taken) {
                    return Err(self.out_of_sequence(FootballIncidentKind::Depth(incident)));
                }
                *taken -= 1;
                *goals -= u8::from(scored);
            }
            _ => return Err(self.out_of_sequence(FootballIncidentKind::Depth(incident))),
        }
        Ok(REGRADE)
    }

    fn penalty(&mut self, side: Side, scored: bool) -> Result<(), IncidentError> {
        let taken = self.depth.penalties_taken;
        let (own, other) = (taken[side.index()], taken[1 - side.index()]);
        // Sides kick in turn; a message in between is missing otherwise.
        if own > other || own >= 100 {
            let name = side.name();
            return Err(IncidentError::OutOfBounds(format!(
                "penalty {} of {name} cannot follow {taken:?} taken",
                own + 1
            )));
        }
        self.depth.penalties_taken[side.index()] += 1;
        self.depth.penalties_scored[side.index()] += u8::from(scored);
        Ok(())
    }

    pub(super) fn extra_goal(&mut self, side: Side) -> Result<(), IncidentError> {
        let goals = &mut self.depth.extra_goals[side.index()];
        if u16::from(*goals) >= GOALS_MAX {
            return Err(IncidentError::OutOfBounds(format!("goals of extra time are more than {GOALS_MAX}")));
        }
        *goals += 1;
        Ok(())
    }

    /// The match is decided as far as its format asks, and every goal has its scorer where players are listed.
    pub(super) fn is_over(&self) -> bool {
        if !matches!(self.period, Period::FullTime | Period::ExtraFullTime | Period::Penalties) {
            return false;
        }
        if self.format.has_players() && Side::BOTH.iter().any(|&side| self.unknown_scorers(side) > 0) {
            return false;
        }
        match self.format.knockout {
            Some(knockout) => tie(&self.outcome(), &knockout).is_some(),
            None => true,
        }
    }

    fn unknown_scorers(&self, side: Side) -> u16 {
        self.depth.unknown_scorers(&self.order, side)
    }

    /// The number of intervals of ten minutes that are over.
    pub(super) fn closed_intervals(&self) -> usize {
        let by_clock = (self.clock_ms - INTERVAL_GRACE_MS).max(0) / 600_000;
        match self.period {
            Period::PreMatch => 0,
            Period::FirstHalf => (by_clock as usize).min(4),
            Period::HalfTime => 4,
            Period::SecondHalf => (by_clock as usize).clamp(4, INTERVAL_COUNT - 1),
            _ => INTERVAL_COUNT,
        }
    }

    /// Whether a cell of a view beside the score is still possible.
    pub(super) fn depth_allows(&self, view: DepthView, cell: usize) -> bool {
        match view {
            DepthView::Count { kind, is_first_half, axis } => {
                let is_open = self.half_is_open(usize::from(!is_first_half));
                let now =
                    depth_views::count_cell(axis, depth_views::counts(&self.depth, kind, is_first_half));
                match axis {
                    _ if !is_open => cell == now,
                    CountAxis::Difference => true,
                    _ => cell >= now,
                }
            }
            DepthView::Interval(interval) => {
                let goals = interval_goals_of(&self.order, &self.depth, interval);
                let [home, away] = goals.map(|goals| usize::from(goals).min(INTERVAL_GOALS_MAX));
                let side = INTERVAL_GOALS_MAX + 1;
                match usize::from(interval) < self.closed_intervals() {
                    true => cell == home * side + away,
                    false => cell / side >= home && cell % side >= away,
                }
            }
            DepthView::ExtraTime => self.extra_time_allows(cell),
            DepthView::Tie(knockout) => self.tie_allows(&knockout, cell),
            DepthView::AnyScorer => {
                let known = (0..self.order.count).map(|index| self.depth.goal(index).credit());
                let counts = |credit| matches!(credit, Credit::Unlisted | Credit::Player(_));
                let has_counted = known.clone().any(counts);
                let may_count = self.half_is_open(1) || known.clone().any(|credit| credit == Credit::Unknown);
                if cell == 1 { has_counted || may_count } else { !has_counted }
            }
            DepthView::Player { side, player } => self.player_allows(side, player, cell),
        }
    }

    fn extra_time_allows(&self, cell: usize) -> bool {
        let Some(knockout) = self.format.knockout.filter(|knockout| knockout.extra_time) else {
            return cell == 0;
        };
        let now = DepthView::ExtraTime.cell(&self.outcome());
        match self.period {
            Period::FullTime => (cell == 0) == tie(&self.outcome(), &knockout).is_some(),
            _ if !self.depth.has_extra_time => true,
            Period::ExtraFullTime | Period::Penalties => cell == now,
            _ => {
                let side = EXTRA_GOALS_MAX + 1;
                cell > 0 && (cell - 1) / side >= (now - 1) / side && (cell - 1) % side >= (now - 1) % side
            }
        }
    }

    fn tie_allows(&self, knockout: &Knockout, cell: usize) -> bool {
        let has_extra = |cell| knockout.extra_time || cell % 3 != TieMethod::ExtraTime as usize;
        match self.period {
            Period::FullTime | Period::ExtraFullTime | Period::Penalties => {
                if let Some((side, method)) = tie(&self.outcome(), knockout) {
                    return cell == tie_cell(side, method);
                }
                match self.period {
                    Period::FullTime => open_tie_cells(knockout).any(|open| open == cell),
                    _ => cell % 3 == TieMethod::Penalties as usize,
                }
            }
            Period::ExtraFirstHalf | Period::ExtraHalfTime | Period::ExtraSecondHalf => {
                cell % 3 != TieMethod::Regulation as usize
            }
            _ => has_extra(cell),
        }
    }

    fn player_allows(&self, side: Side, player: u8, cell: usize) -> bool {
        let is_open = self.half_is_open(1);
        let Some(came_on_at) = self.depth.came_on_at(side, player) else {
            if cell == PLAYER_ABSENT {
                return true;
            }
            // He may still come on, and late for the first goal if there has been one.
            let is_late =
                self.depth.first_counted(&self.order).is_some_and(|(.., credit)| credit != Credit::Unknown);
            return is_open
                && PlayerPart::of_cell(cell)
                    .is_some_and(|part| part.can_be() && (!is_late || part.first == 2));
        };
        let Some(part) = PlayerPart::of_cell(cell).filter(|part| part.can_be()) else { return false };
        let least = usize::from(self.depth.goals_of(&self.order, side, player)).min(PLAYER_GOALS_MAX);
        let can_score = is_open && !self.depth.is_off(side, player);
        let most = match can_score {
            true => PLAYER_GOALS_MAX,
            false => (least + usize::from(self.unknown_scorers(side))).min(PLAYER_GOALS_MAX),
        };
        (least..=most).contains(&part.goals)
            && self.first_allows(side, player, came_on_at, part.first)
            && self.last_allows(side, player, part.is_last)
    }

    fn first_allows(&self, side: Side, player: u8, came_on_at: u16, first: usize) -> bool {
        match self.depth.first_counted(&self.order) {
            Some((_, _, Credit::Unknown)) => true,
            Some((index, ..)) if index < came_on_at => first == 2,
            Some((_, scored_by, credit)) => {
                first == usize::from(scored_by == side && credit == Credit::Player(player))
            }
            // He is on the field when the first goal falls, if one does.
            None => first == 0 || (first == 1 && self.half_is_open(1)),
        }
    }

    fn last_allows(&self, side: Side, player: u8, is_last: bool) -> bool {
        if self.half_is_open(1) {
            return true;
        }
        match self.depth.last_counted(&self.order) {
            Some((_, _, Credit::Unknown)) => true,
            Some((_, scored_by, credit)) => {
                is_last == (scored_by == side && credit == Credit::Player(player))
            }
            None => !is_last,
        }
    }
}
