//! What happens in a match beside the score: corners, cards, when and by whom goals were scored, extra time.

use std::fmt;

use oddsengine_types::codec_struct;

use super::depth_views::CountKind;
use super::format::PLAYERS_MAX;
use super::knockout::shootout_winner;
use super::{GoalOrder, Side};

/// Most goals of one match; one more is a broken feed.
pub const GOALS_MAX: u16 = 60;
/// Most corners or cards of a side in a half.
pub const COUNT_MAX: u8 = 60;

/// Whose a goal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// Not told yet.
    Unknown,
    /// An own goal: it does not count for scorers.
    OwnGoal,
    /// A player who is not listed.
    Unlisted,
    /// The listed player of the side that the goal counts for.
    Player(u8),
}
oddsengine_types::codec_enum!(Credit { 0 = Unknown, 1 = OwnGoal, 2 = Unlisted, 3 = Player(player) });

/// What is known of a goal beside its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoalFact {
    /// The interval of ten minutes in which it fell, 0..=8.
    pub interval: u8,
    /// Whose it is: 0..=29 a player, 253 somebody else, 254 an own goal, 255 unknown.
    credit: u8,
}
codec_struct!(GoalFact { interval, credit });

const UNLISTED: u8 = 253;
const OWN_GOAL: u8 = 254;
const UNKNOWN: u8 = 255;
/// A player who has not been on the field.
const NEVER: u8 = 255;

impl Default for GoalFact {
    fn default() -> Self {
        Self::new(0)
    }
}

impl GoalFact {
    /// A goal in an interval of ten minutes whose scorer is not told.
    pub fn new(interval: u8) -> Self {
        Self { interval, credit: UNKNOWN }
    }

    /// Whose it is.
    pub fn credit(self) -> Credit {
        match self.credit {
            UNKNOWN => Credit::Unknown,
            OWN_GOAL => Credit::OwnGoal,
            UNLISTED => Credit::Unlisted,
            player => Credit::Player(player),
        }
    }

    /// The same goal with another scorer.
    pub fn credited(self, credit: Credit) -> Self {
        let credit = match credit {
            Credit::Unknown => UNKNOWN,
            Credit::OwnGoal => OWN_GOAL,
            Credit::Unlisted => UNLISTED,
            Credit::Player(player) => player,
        };
        Self { credit, ..self }
    }
}

/// Facts of a match beside its score.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FootballDepth {
    /// Corners by half, then side.
    pub corners: [[u8; 2]; 2],
    /// Cards shown, yellow or red, by half, then side. A second yellow card and the red one that follows are two.
    pub cards: [[u8; 2]; 2],
    /// Goals of extra time by side.
    pub extra_goals: [u8; 2],
    /// Extra time was begun.
    pub has_extra_time: bool,
    /// Penalties of a shoot-out scored by side.
    pub penalties_scored: [u8; 2],
    /// Penalties of a shoot-out taken by side.
    pub penalties_taken: [u8; 2],
    /// What is known of each goal of regulation, in the order in which they fell.
    goals: [GoalFact; GOALS_MAX as usize],
    /// Per side and player: the goals of the match when he first came on; 255 for never.
    on_at_goal: [[u8; PLAYERS_MAX]; 2],
    /// Per side: players who have left the field, one bit each.
    off: [u32; 2],
}
codec_struct!(FootballDepth {
    corners,
    cards,
    extra_goals,
    has_extra_time,
    penalties_scored,
    penalties_taken,
    goals,
    on_at_goal,
    off
});

const _: () = assert!(PLAYERS_MAX <= 32 && PLAYERS_MAX < UNLISTED as usize);

impl Default for FootballDepth {
    fn default() -> Self {
        Self {
            corners: [[0; 2]; 2],
            cards: [[0; 2]; 2],
            extra_goals: [0; 2],
            has_extra_time: false,
            penalties_scored: [0; 2],
            penalties_taken: [0; 2],
            goals: [GoalFact::default(); GOALS_MAX as usize],
            on_at_goal: [[NEVER; PLAYERS_MAX]; 2],
            off: [0; 2],
        }
    }
}

/// What is known of a match beside its score, as lists that end with what is last known: a form that outlives the layout in
/// memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownDepth {
    /// Corners by half, then side.
    pub corners: [[u8; 2]; 2],
    /// Cards by half, then side.
    pub cards: [[u8; 2]; 2],
    /// Goals of extra time by side.
    pub extra_goals: [u8; 2],
    /// Extra time was begun.
    pub has_extra_time: bool,
    /// Penalties scored by side.
    pub penalties_scored: [u8; 2],
    /// Penalties taken by side.
    pub penalties_taken: [u8; 2],
    /// Goals of regulation, in the order in which they fell.
    pub goals: Vec<GoalFact>,
    /// Per player of the home side: one more than the goals of the match when he first came on; 0 for never.
    pub home_on: Vec<u8>,
    /// The same of the away side.
    pub away_on: Vec<u8>,
    /// Players of the home side who have left the field, one bit each.
    pub home_off: u32,
    /// The same of the away side.
    pub away_off: u32,
}

impl FootballDepth {
    /// What is known.
    pub fn known(&self) -> KnownDepth {
        let Self { corners, cards, extra_goals, has_extra_time, penalties_scored, penalties_taken, .. } =
            *self;
        let goal_count = self.goals.iter().rposition(|goal| *goal != GoalFact::default());
        let on = |side: Side| {
            let at = &self.on_at_goal[side.index()];
            let count = at.iter().rposition(|&at| at != NEVER).map_or(0, |last| last + 1);
            // The place of "never" is the one that no number of goals has: one more is 0.
            at[..count].iter().map(|at| at.wrapping_add(1)).collect()
        };
        KnownDepth {
            corners,
            cards,
            extra_goals,
            has_extra_time,
            penalties_scored,
            penalties_taken,
            goals: self.goals[..goal_count.map_or(0, |last| last + 1)].to_vec(),
            home_on: on(Side::Home),
            away_on: on(Side::Away),
            home_off: self.off[0],
            away_off: self.off[1],
        }
    }

    /// The depth of which this is known; none of more goals or players than there are places.
    pub fn of_known(known: &KnownDepth) -> Option<Self> {
        let KnownDepth {
            corners, cards, extra_goals, has_extra_time, penalties_scored, penalties_taken, ..
        } = *known;
        let mut depth = Self {
            corners,
            cards,
            extra_goals,
            has_extra_time,
            penalties_scored,
            penalties_taken,
            off: [known.home_off, known.away_off],
            ..Self::default()
        };
        depth.goals.get_mut(..known.goals.len())?.copy_from_slice(&known.goals);
        for (places, on) in depth.on_at_goal.iter_mut().zip([&known.home_on, &known.away_on]) {
            let places = places.get_mut(..on.len())?;
            places.iter_mut().zip(on).for_each(|(place, &on)| *place = on.wrapping_sub(1));
        }
        Some(depth)
    }

    /// Every value is one that incidents can lead to.
    pub(super) fn is_within_bounds(&self) -> bool {
        let is_credited = |goal: &GoalFact| match goal.credit() {
            Credit::Player(player) => usize::from(player) < PLAYERS_MAX,
            Credit::Unknown | Credit::OwnGoal | Credit::Unlisted => true,
        };
        let mut penalties = self.penalties_scored.iter().zip(&self.penalties_taken);
        self.corners.iter().chain(&self.cards).flatten().all(|&count| count <= COUNT_MAX)
            && self.extra_goals.iter().all(|&count| u16::from(count) <= GOALS_MAX)
            && penalties.all(|(scored, &taken)| *scored <= taken && taken <= 101)
            && self.goals.iter().all(|goal| goal.interval < super::INTERVAL_COUNT as u8 && is_credited(goal))
            && self.on_at_goal.iter().flatten().all(|&at| at == NEVER || u16::from(at) <= GOALS_MAX)
            && self.off.iter().all(|off| u64::from(*off) >> PLAYERS_MAX == 0)
    }
}

impl fmt::Debug for FootballDepth {
    /// Goals and players only as far as something is known of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last =
            self.goals.iter().rposition(|goal| *goal != GoalFact::default()).map_or(0, |index| index + 1);
        let on = self.on_at_goal.map(|side| {
            side.into_iter().enumerate().filter(|(_, at)| *at != NEVER).collect::<Vec<(usize, u8)>>()
        });
        f.debug_struct("FootballDepth")
            .field("corners", &self.corners)
            .field("cards", &self.cards)
            .field("extra_goals", &self.has_extra_time.then_some(self.extra_goals))
            .field("penalties", &(self.penalties_scored, self.penalties_taken))
            .field("goals", &&self.goals[..last])
            .field("on_at_goal", &on)
            .field("off", &self.off)
            .finish()
    }
}

impl FootballDepth {
    /// Corners or cards by half, then side.
    #[inline]
    pub fn count(&self, kind: CountKind) -> [[u8; 2]; 2] {
        match kind {
            CountKind::Corners => self.corners,
            CountKind::Cards => self.cards,
        }
    }

    /// Corners or cards by half, then side, to change.
    pub fn count_mut(&mut self, kind: CountKind) -> &mut [[u8; 2]; 2] {
        match kind {
            CountKind::Corners => &mut self.corners,
            CountKind::Cards => &mut self.cards,
        }
    }

    /// What is known of goal `index` of regulation, from 0.
    pub fn goal(&self, index: u16) -> GoalFact {
        self.goals[usize::from(index)]
    }

    /// Sets what is known of goal `index` of regulation.
    pub fn set_goal(&mut self, index: u16, fact: GoalFact) {
        self.goals[usize::from(index)] = fact;
    }

    /// Forgets goal `index`; later ones move up.
    pub fn remove_goal(&mut self, index: u16) {
        self.goals.copy_within(usize::from(index) + 1.., usize::from(index));
        self.goals[usize::from(GOALS_MAX) - 1] = GoalFact::default();
        for at in self.on_at_goal.iter_mut().flatten().filter(|at| **at != NEVER && u16::from(**at) > index) {
            *at -= 1;
        }
    }

    /// Forgets what was known of the goals of regulation: with corrected goals, by half, all are in the interval in which
    /// their half ends, and their scorers are to be told again.
    pub fn forget_goals(&mut self, goals: [[u16; 2]; 2]) {
        self.goals = [GoalFact::default(); GOALS_MAX as usize];
        let first_half_count = usize::from(goals[0][0] + goals[0][1]);
        for (index, fact) in self.goals.iter_mut().enumerate() {
            fact.interval = if index < first_half_count { 4 } else { 8 };
        }
    }

    /// The goals of the match when a player first came on; `None` if he has not.
    pub fn came_on_at(&self, side: Side, player: u8) -> Option<u16> {
        let goals = self.on_at_goal[side.index()][usize::from(player)];
        (goals != NEVER).then_some(u16::from(goals))
    }

    /// Whether a player is on the field now.
    pub fn is_on(&self, side: Side, player: u8) -> bool {
        self.came_on_at(side, player).is_some() && self.off[side.index()] >> player & 1 == 0
    }

    /// Whether a player has left the field.
    pub fn is_off(&self, side: Side, player: u8) -> bool {
        self.off[side.index()] >> player & 1 == 1
    }

    /// A player comes on, or is listed to start.
    pub fn come_on(&mut self, side: Side, player: u8, goals_count: u16) {
        let at = &mut self.on_at_goal[side.index()][usize::from(player)];
        if *at == NEVER {
            *at = goals_count as u8;
        }
        self.off[side.index()] &= !(1 << player);
    }

    /// A player leaves the field.
    pub fn go_off(&mut self, side: Side, player: u8) {
        self.off[side.index()] |= 1 << player;
    }

    /// A player has not been on after all.
    pub fn did_not_play(&mut self, side: Side, player: u8) {
        self.on_at_goal[side.index()][usize::from(player)] = NEVER;
        self.off[side.index()] &= !(1 << player);
    }

    /// Number of goals whose scorer is not told.
    pub fn unknown_scorers(&self, order: &GoalOrder, side: Side) -> u16 {
        self.count_credits(order, side, Credit::Unknown)
    }

    /// Goals of a player.
    pub fn goals_of(&self, order: &GoalOrder, side: Side, player: u8) -> u16 {
        self.count_credits(order, side, Credit::Player(player))
    }

    fn count_credits(&self, order: &GoalOrder, side: Side, credit: Credit) -> u16 {
        (0..order.count)
            .filter(|&index| order.side(index) == Some(side) && self.goal(index).credit() == credit)
            .count() as u16
    }

    /// The first goal that is not an own goal, with its index; one whose scorer is not told counts.
    pub fn first_counted(&self, order: &GoalOrder) -> Option<(u16, Side, Credit)> {
        (0..order.count).find_map(|index| self.counted(order, index))
    }

    /// The last goal that counts for scorers.
    pub fn last_counted(&self, order: &GoalOrder) -> Option<(u16, Side, Credit)> {
        (0..order.count).rev().find_map(|index| self.counted(order, index))
    }

    fn counted(&self, order: &GoalOrder, index: u16) -> Option<(u16, Side, Credit)> {
        let credit = self.goal(index).credit();
        (credit != Credit::OwnGoal).then(|| order.side(index).map(|side| (index, side, credit))).flatten()
    }

    /// The winner of the shoot-out, if there was one.
    pub fn shootout_winner(&self) -> Option<Side> {
        (self.penalties_taken != [0; 2])
            .then(|| shootout_winner(self.penalties_scored, self.penalties_taken))
            .flatten()
    }
}
