//! The views of what happens beside the score. All are loose in the joint space: a main cell narrows them at most.
//!
//! | view | cells |
//! |---|---|
//! | corners, cards: both sides, one side, difference; match and first half | 79, 40, 79 |
//! | goals of an interval of ten minutes | 6 x 6, the last of a side is "5 or more" |
//! | extra time | 1 for none, then 7 x 7 goals |
//! | tie: who goes through, and when | 6 |
//! | a player: goals 0 to 3 or more, first scorer (lost, won, void), last scorer | 24, and 1 for not played |
//! | whether any goal counts for scorers | 2 |

use super::depth::{Credit, FootballDepth, GoalFact};
use super::format::Knockout;
use super::knockout::Decision;
use super::views::{MAIN_GOALS_MAX, main_goals};
use super::{FootballOutcome, GoalOrder, Period, Side};
use crate::joint::CellSet;

/// Most corners or cards of a side that a view tells apart.
pub const COUNTS_MAX: usize = 39;
/// Most goals of a side in an interval that its view tells apart.
pub const INTERVAL_GOALS_MAX: usize = 5;
/// Most goals of a side in extra time that its view tells apart.
pub const EXTRA_GOALS_MAX: usize = 6;
/// Most goals of a player that his view tells apart.
pub const PLAYER_GOALS_MAX: usize = 3;
/// The cell of a player who did not play.
pub const PLAYER_ABSENT: usize = (PLAYER_GOALS_MAX + 1) * 6;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountKind {
    /// Corners.
    Corners,
    /// Cards, yellow or red.
    Cards,
}
oddsengine_types::codec_enum!(CountKind { 0 = Corners, 1 = Cards });

impl CountKind {
    /// Both kinds.
    pub const ALL: [CountKind; 2] = [CountKind::Corners, CountKind::Cards];

    /// `corners` or `cards`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Corners => "corners",
            Self::Cards => "cards",
        }
    }
}

/// Which number of a pair of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountAxis {
    /// Both sides.
    Total,
    /// Home less away.
    Difference,
    /// One side.
    Of(Side),
}

/// The views of a kind: first half or match, and which number.
pub(super) const COUNT_AXES: [(bool, CountAxis); 8] = {
    use CountAxis::{Difference, Of, Total};
    [
        (false, Total),
        (false, Difference),
        (false, Of(Side::Home)),
        (false, Of(Side::Away)),
        (true, Total),
        (true, Difference),
        (true, Of(Side::Home)),
        (true, Of(Side::Away)),
    ]
};

/// A projection of what happens beside the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the fields repeat the words of their variant
pub enum DepthView {
    /// Corners or cards.
    Count { kind: CountKind, is_first_half: bool, axis: CountAxis },
    /// Goals of both sides in an interval of ten minutes.
    Interval(u8),
    /// Goals of both sides in extra time, or none played.
    ExtraTime,
    /// Who goes through, and when.
    Tie(Knockout),
    /// Whether any goal counts for scorers.
    AnyScorer,
    /// A player.
    Player { side: Side, player: u8 },
}

/// When a tie is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TieMethod {
    /// By the end of regulation.
    Regulation,
    /// In extra time.
    ExtraTime,
    /// On penalties.
    Penalties,
}

impl TieMethod {
    /// All, in the order in which they can happen.
    pub const ALL: [TieMethod; 3] = [TieMethod::Regulation, TieMethod::ExtraTime, TieMethod::Penalties];

    /// `regulation`, `extra_time`, `penalties`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regulation => "regulation",
            Self::ExtraTime => "extra_time",
            Self::Penalties => "penalties",
        }
    }
}

/// The cell of the tie view.
pub fn tie_cell(side: Side, method: TieMethod) -> usize {
    side.index() * 3 + method as usize
}

/// Who went through and when; `None` while it is open.
pub fn tie(outcome: &FootballOutcome, knockout: &Knockout) -> Option<(Side, TieMethod)> {
    let (home, away) = outcome.score(Period::Match);
    let depth = &outcome.depth;
    if let Some(side) = depth.shootout_winner() {
        return Some((side, TieMethod::Penalties));
    }
    let method = if depth.has_extra_time { TieMethod::ExtraTime } else { TieMethod::Regulation };
    let [extra_home, extra_away] = depth.extra_goals.map(u16::from);
    match knockout.first_leg.decision([home + extra_home, away + extra_away]) {
        Decision::Through(side) => Some((side, method)),
        Decision::Level => None,
    }
}

/// A player's part in the match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerPart {
    /// Goals, 0 to 3 or more.
    pub goals: usize,
    /// First scorer: 0 lost, 1 won, 2 void because he came on later.
    pub first: usize,
    /// He is the last scorer.
    pub is_last: bool,
}

impl PlayerPart {
    /// The cell of the player's view.
    #[inline]
    pub fn cell(self) -> usize {
        (self.goals.min(PLAYER_GOALS_MAX) * 3 + self.first) * 2 + usize::from(self.is_last)
    }

    /// The part of a cell; `None` for not played.
    #[inline]
    pub fn of_cell(cell: usize) -> Option<Self> {
        let part = Self { goals: cell / 6, first: cell / 2 % 3, is_last: cell % 2 == 1 };
        (cell != PLAYER_ABSENT).then_some(part)
    }

    /// Nobody is first or last scorer without a goal.
    #[inline]
    pub fn can_be(self) -> bool {
        self.goals > 0 || (self.first != 1 && !self.is_last)
    }
}

/// What a player did; `None` if he did not play.
pub fn player_part(outcome: &FootballOutcome, side: Side, player: u8) -> Option<PlayerPart> {
    let FootballOutcome { order, depth, .. } = outcome;
    let came_on_at = depth.came_on_at(side, player)?;
    let is = |goal: Option<(u16, Side, Credit)>| {
        goal.is_some_and(|(_, scored_by, credit)| scored_by == side && credit == Credit::Player(player))
    };
    let first = depth.first_counted(order);
    let is_late = first.is_some_and(|(index, ..)| index < came_on_at);
    Some(PlayerPart {
        goals: usize::from(depth.goals_of(order, side, player)).min(PLAYER_GOALS_MAX),
        first: if is_late { 2 } else { usize::from(is(first)) },
        is_last: is(depth.last_counted(order)),
    })
}

impl DepthView {
    /// Number of cells.
    pub fn cell_count(self) -> usize {
        match self {
            Self::Count { axis: CountAxis::Of(_), .. } => COUNTS_MAX + 1,
            Self::Count { .. } => 2 * COUNTS_MAX + 1,
            Self::Interval(_) => (INTERVAL_GOALS_MAX + 1).pow(2),
            Self::ExtraTime => 1 + (EXTRA_GOALS_MAX + 1).pow(2),
            Self::Tie(_) => 6,
            Self::AnyScorer => 2,
            Self::Player { .. } => PLAYER_ABSENT + 1,
        }
    }

    /// The cell of an outcome; counts beyond a view's range fall in its last cell. A tie that is open has cell 0.
    pub fn cell(self, outcome: &FootballOutcome) -> usize {
        let depth = &outcome.depth;
        match self {
            Self::Count { kind, is_first_half, axis } => count_cell(axis, counts(depth, kind, is_first_half)),
            Self::Interval(interval) => interval_cell(interval_goals(outcome, interval)),
            Self::ExtraTime if !depth.has_extra_time => 0,
            Self::ExtraTime => {
                let [home, away] = depth.extra_goals.map(|goals| usize::from(goals).min(EXTRA_GOALS_MAX));
                1 + home * (EXTRA_GOALS_MAX + 1) + away
            }
            Self::Tie(knockout) => tie(outcome, &knockout).map_or(0, |(side, method)| tie_cell(side, method)),
            Self::AnyScorer => usize::from(depth.first_counted(&outcome.order).is_some()),
            Self::Player { side, player } => {
                player_part(outcome, side, player).map_or(PLAYER_ABSENT, PlayerPart::cell)
            }
        }
    }

    /// An outcome that lies in a cell: what the rules are evaluated on.
    pub fn representative(self, cell: usize) -> FootballOutcome {
        let mut outcome = FootballOutcome::default();
        let depth = &mut outcome.depth;
        match self {
            Self::Count { kind, is_first_half, axis } => {
                let counts = match axis {
                    CountAxis::Total | CountAxis::Of(Side::Home) => [cell, 0],
                    CountAxis::Of(Side::Away) => [0, cell],
                    CountAxis::Difference => {
                        [cell.saturating_sub(COUNTS_MAX), COUNTS_MAX.saturating_sub(cell)]
                    }
                };
                depth.count_mut(kind)[usize::from(!is_first_half)] = counts.map(|count| count as u8);
            }
            Self::Interval(interval) => {
                let side = INTERVAL_GOALS_MAX + 1;
                let (home, away) = (cell / side, cell % side);
                let goals = [(home, Side::Home), (away, Side::Away)];
                for side in goals.into_iter().flat_map(|(count, side)| std::iter::repeat_n(side, count)) {
                    add_goal(&mut outcome, usize::from(interval > 4), side, interval, Credit::Unlisted);
                }
            }
            Self::ExtraTime if cell == 0 => {}
            Self::ExtraTime => {
                let side = EXTRA_GOALS_MAX + 1;
                depth.has_extra_time = true;
                depth.extra_goals = [(cell - 1) / side, (cell - 1) % side].map(|goals| goals as u8);
            }
            Self::Tie(knockout) => return tie_representative(&knockout, cell),
            Self::AnyScorer if cell == 0 => {}
            Self::AnyScorer => add_goal(&mut outcome, 0, Side::Home, 0, Credit::Unlisted),
            Self::Player { side, player } => return player_representative(side, player, cell),
        }
        outcome
    }

    /// The cells that can go with a cell of the joint main space.
    pub(super) fn cells_of_main(self, main: usize) -> CellSet {
        let halves = main_goals(main);
        // The sixth goal of a side in a half stands for more.
        let is_capped = halves.iter().flatten().any(|&goals| usize::from(goals) == MAIN_GOALS_MAX);
        let goals = [0, 1].map(|side| usize::from(halves[0][side] + halves[1][side]));
        let all = || CellSet::from_cells(0..self.cell_count());
        match self {
            Self::Count { .. } => all(),
            Self::Interval(interval) => {
                let most = [0, 1].map(|side| match interval {
                    0..=3 => usize::from(halves[0][side]),
                    4 => goals[side],
                    _ => usize::from(halves[1][side]),
                });
                let side = INTERVAL_GOALS_MAX + 1;
                let fits = |cell: &usize| cell / side <= most[0] && cell % side <= most[1];
                CellSet::from_cells((0..self.cell_count()).filter(fits))
            }
            Self::ExtraTime => all(),
            Self::Tie(_) if is_capped => all(),
            Self::Tie(knockout) => match knockout.first_leg.decision(goals.map(|goals| goals as u16)) {
                Decision::Through(side) => CellSet::from_cells([tie_cell(side, TieMethod::Regulation)]),
                Decision::Level => CellSet::from_cells(open_tie_cells(&knockout)),
            },
            Self::AnyScorer => CellSet::from_cells(0..if goals == [0, 0] { 1 } else { 2 }),
            Self::Player { side, .. } => {
                let fits = |cell: &usize| match PlayerPart::of_cell(*cell) {
                    Some(part) => part.can_be() && part.goals <= goals[side.index()],
                    None => true,
                };
                CellSet::from_cells((0..self.cell_count()).filter(fits))
            }
        }
    }
}

/// The cells of a tie that is level after regulation.
pub(super) fn open_tie_cells(knockout: &Knockout) -> impl Iterator<Item = usize> + use<> {
    let has_extra_time = knockout.extra_time;
    Side::BOTH.into_iter().flat_map(move |side| {
        [TieMethod::ExtraTime, TieMethod::Penalties]
            .into_iter()
            .filter(move |&method| has_extra_time || method == TieMethod::Penalties)
            .map(move |method| tie_cell(side, method))
    })
}

/// Corners or cards of home and away in the first half or the match.
pub(super) fn counts(depth: &FootballDepth, kind: CountKind, is_first_half: bool) -> [u16; 2] {
    let [first, second] = depth.count(kind);
    [0, 1].map(|side| u16::from(first[side]) + if is_first_half { 0 } else { u16::from(second[side]) })
}

pub(super) fn count_cell(axis: CountAxis, counts: [u16; 2]) -> usize {
    let [home, away] = counts.map(usize::from);
    match axis {
        CountAxis::Total => (home + away).min(2 * COUNTS_MAX),
        CountAxis::Difference => (home + COUNTS_MAX).saturating_sub(away).min(2 * COUNTS_MAX),
        CountAxis::Of(side) => [home, away][side.index()].min(COUNTS_MAX),
    }
}

/// Goals of home and away in an interval.
pub fn interval_goals(outcome: &FootballOutcome, interval: u8) -> [u16; 2] {
    interval_goals_of(&outcome.order, &outcome.depth, interval)
}

/// As [`interval_goals`], from the facts that tell it.
pub fn interval_goals_of(order: &GoalOrder, depth: &FootballDepth, interval: u8) -> [u16; 2] {
    let mut goals = [0; 2];
    for index in 0..order.count {
        if depth.goal(index).interval == interval
            && let Some(side) = order.side(index)
        {
            goals[side.index()] += 1;
        }
    }
    goals
}

fn interval_cell(goals: [u16; 2]) -> usize {
    let [home, away] = goals.map(|goals| usize::from(goals).min(INTERVAL_GOALS_MAX));
    home * (INTERVAL_GOALS_MAX + 1) + away
}

fn add_goal(outcome: &mut FootballOutcome, half: usize, side: Side, interval: u8, credit: Credit) {
    outcome.goals[half][side.index()] += 1;
    outcome.depth.set_goal(outcome.order.count, GoalFact::new(interval).credited(credit));
    outcome.order.push(side);
}

fn tie_representative(knockout: &Knockout, cell: usize) -> FootballOutcome {
    let (side, method) = (cell / 3, cell % 3);
    let first_leg = &knockout.first_leg;
    // Today's score is the first leg's with the sides changed: level on aggregate and on away goals.
    let level = [u16::from(first_leg.away_goals), u16::from(first_leg.home_goals)];
    let mut goals = level;
    if method == 0 {
        goals[side] += 1;
        // One goal decides, also on away goals.
        goals = if side == 0 { [goals[0], 0] } else { goals };
    }
    let mut outcome =
        FootballOutcome { goals: [goals, [0; 2]], order: GoalOrder::default(), ..Default::default() };
    outcome.depth.has_extra_time = method > 0 && knockout.extra_time || method == 1;
    if method == 1 {
        outcome.depth.extra_goals[side] = 1;
    }
    if method == 2 {
        outcome.depth.penalties_taken = [5, 5];
        outcome.depth.penalties_scored[side] = 1;
    }
    outcome
}

fn player_representative(side: Side, player: u8, cell: usize) -> FootballOutcome {
    let mut outcome = FootballOutcome::default();
    let Some(part) = PlayerPart::of_cell(cell) else { return outcome };
    let score = |outcome: &mut FootballOutcome, credit| add_goal(outcome, 0, side, 0, credit);
    if part.first != 1 {
        score(&mut outcome, Credit::Unlisted);
    }
    outcome.depth.come_on(side, player, if part.first == 2 { 1 } else { 0 });
    (0..part.goals).for_each(|_| score(&mut outcome, Credit::Player(player)));
    if !part.is_last {
        score(&mut outcome, Credit::Unlisted);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::super::knockout::FirstLeg;
    use super::super::{FootballFormat, FootballView};
    use super::*;

    pub(super) fn formats() -> Vec<FootballFormat> {
        let knockout = |home_goals, away_goals, away_goals_rule, extra_time| {
            Some(Knockout { first_leg: FirstLeg { home_goals, away_goals, away_goals_rule }, extra_time })
        };
        let base = FootballFormat { corners: true, cards: true, intervals: true, ..Default::default() };
        vec![
            FootballFormat { knockout: knockout(0, 0, false, true), players: [3, 2], ..base },
            FootballFormat { knockout: knockout(2, 1, true, true), ..base },
            FootballFormat { knockout: knockout(0, 3, false, false), players: [1, 0], ..base },
        ]
    }

    #[test]
    fn every_cell_has_a_representative_in_it() {
        for format in formats() {
            for view in format.views() {
                let FootballView::Depth(view) = view else { continue };
                for cell in 0..view.cell_count() {
                    let can_be = match view {
                        DepthView::Player { .. } => PlayerPart::of_cell(cell).is_none_or(PlayerPart::can_be),
                        _ => true,
                    };
                    if can_be {
                        assert_eq!(view.cell(&view.representative(cell)), cell, "{view:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn representatives_go_with_their_own_main_cell() {
        for format in formats() {
            for view in format.views() {
                let FootballView::Depth(view) = view else { continue };
                for cell in 0..view.cell_count() {
                    // Extra time does not decide a tie that goes to penalties at once.
                    if matches!(view, DepthView::Tie(knockout) if !knockout.extra_time && cell % 3 == 1) {
                        continue;
                    }
                    let outcome = view.representative(cell);
                    let cell = view.cell(&outcome);
                    let main = super::super::main_cell(outcome.goals);
                    assert!(view.cells_of_main(main).contains(cell), "{view:?} {cell}");
                }
            }
        }
    }
}
