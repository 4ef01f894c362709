//! A match as a list of goals: the live state of the naive engine.

use oddsengine_markets::football::{
    DepthIncident as Depth, FootballIncident, FootballIncidentKind as Kind, FootballOutcome, GoalOrder,
    MatchPeriod as Period, Side,
};
use oddsengine_markets::{LiveChange, LivePhase};

/// Longest match clock, and longest added time, in milliseconds.
const CLOCK_MS_MAX: i64 = 4 * 3_600_000;
const ANNOUNCED_MS_MAX: i64 = 3_600_000;
/// When each half ends by the clock, and how long it can go on: a quarter of an hour, or five minutes beyond what was
/// announced.
const HALF_ENDS_MS: [i64; 2] = [45 * 60_000, 90 * 60_000];
const ADDED_MS_MAX: i64 = 15 * 60_000;
const BEYOND_ANNOUNCED_MS: i64 = 5 * 60_000;
/// Most goals of a match.
const GOALS_MAX: usize = 60;

/// A goal: when and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// 0 or 1.
    pub half: usize,
    /// The side credited.
    pub side: Side,
}

/// A match so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Where it stands.
    pub period: Period,
    /// The goals in the order in which they fell.
    pub goals: Vec<Goal>,
    /// Players sent off, by side.
    pub red_cards: [u8; 2],
    /// The match clock.
    pub clock_ms: i64,
    /// Announced added time by half.
    pub announced_ms: [Option<i64>; 2],
    /// How often the result was told whole instead of goal by goal.
    pub told_count: u32,
}

impl Match {
    /// Adds a goal at the end.
    pub fn add_goal(&mut self, half: usize, side: Side) {
        // Goals of the first half stay before those of the second.
        let place = if half == 0 {
            self.goals.iter().filter(|goal| goal.half == 0).count()
        } else {
            self.goals.len()
        };
        self.goals.insert(place, Goal { half, side });
    }

    /// Goals of a side in a half.
    pub fn goal_count(&self, half: usize, side: Side) -> u16 {
        self.goals.iter().filter(|goal| goal.half == half && goal.side == side).count() as u16
    }

    /// Home and away goals.
    pub fn score(&self) -> (u16, u16) {
        let count = |side| self.goals.iter().filter(|goal| goal.side == side).count() as u16;
        (count(Side::Home), count(Side::Away))
    }

    /// Goals can still fall in this half.
    pub fn half_is_open(&self, half: usize) -> bool {
        match self.period {
            Period::PreMatch | Period::FirstHalf => true,
            Period::HalfTime | Period::SecondHalf => half == 1,
            // The simulated matches have no extra time.
            _ => false,
        }
    }

    /// The match has ended.
    pub fn is_over(&self) -> bool {
        self.period == Period::FullTime
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self.period {
            Period::PreMatch => LivePhase::PreMatch,
            Period::FullTime => LivePhase::Finished,
            _ => LivePhase::InPlay,
        }
    }

    /// Whoever bet `then` did not bet on this: another half or none, more or fewer men, goals that were not scored one
    /// after the other. The kick-off is what those before it bet on.
    pub(crate) fn broke_off_since(&self, then: &Self) -> bool {
        let has_turned = self.period != then.period && then.phase() != LivePhase::PreMatch;
        has_turned || self.red_cards != then.red_cards || self.told_count != then.told_count
    }

    /// The outcome if no further goal falls.
    pub fn outcome(&self) -> FootballOutcome {
        let goals = [0, 1].map(|half| Side::BOTH.map(|side| self.goal_count(half, side)));
        FootballOutcome::new(goals, GoalOrder::from_sides(self.goals.iter().map(|goal| goal.side)))
    }

    /// What the ways in which it can end depend on.
    pub(crate) fn key(&self) -> Vec<u64> {
        let open = [0, 1].map(|half| u64::from(self.half_is_open(half)));
        let goals = self.goals.iter().map(|goal| (2 * goal.half + goal.side.index()) as u64);
        open.into_iter().chain(goals).collect()
    }

    /// Applies an incident; `None` when it does not fit, and nothing has changed.
    pub fn apply(&mut self, incident: &FootballIncident) -> Option<LiveChange> {
        if self.is_out_of_its_half(incident) {
            return None;
        }
        let mut next = self.clone();
        let change = next.step(incident)?;
        if incident.score_after.is_some_and(|score| score != next.score()) {
            return None;
        }
        // A result told again is a result told, but no other one.
        let nothing_new =
            Self { told_count: self.told_count, ..next.clone() } == *self && change.danger.is_none();
        *self = next;
        Some(if nothing_new { LiveChange::default() } else { change })
    }

    /// The half that is played has no such time.
    fn is_out_of_its_half(&self, incident: &FootballIncident) -> bool {
        let half = match self.period {
            Period::FirstHalf => 0,
            Period::SecondHalf => 1,
            _ => return false,
        };
        let tells_time = matches!(
            incident.kind,
            Kind::Clock
                | Kind::Goal(_)
                | Kind::GoalCancelled(_)
                | Kind::Stoppage(_)
                | Kind::RedCard(_)
                | Kind::RedCardCancelled(_)
        );
        tells_time && incident.clock_ms > self.latest_ms(half)
    }

    /// The latest clock that a half can have.
    fn latest_ms(&self, half: usize) -> i64 {
        let announced_ms = self.announced_ms[half].unwrap_or(0);
        HALF_ENDS_MS[half] + ADDED_MS_MAX.max(announced_ms + BEYOND_ANNOUNCED_MS)
    }

    /// A half ends at the clock that is told with its end, unless it cannot have it.
    fn end_at(&mut self, half: usize, clock_ms: i64) {
        if clock_ms <= self.latest_ms(half) {
            self.clock_ms = self.clock_ms.max(clock_ms);
        }
    }

    fn step(&mut self, incident: &FootballIncident) -> Option<LiveChange> {
        let reprices = LiveChange { reprices: true, regrades: false, danger: None };
        let regrades = LiveChange { reprices: true, regrades: true, danger: None };
        let danger = |danger| LiveChange { danger: Some(danger), ..LiveChange::default() };
        if incident.clock_ms < 0 || incident.clock_ms > CLOCK_MS_MAX {
            return None;
        }
        let half = usize::from(!self.half_is_open(0));
        let is_running = matches!(self.period, Period::FirstHalf | Period::SecondHalf);
        let has_started = self.period != Period::PreMatch;
        let change = match incident.kind {
            Kind::KickOff if self.period == Period::PreMatch => {
                (self.period, self.clock_ms) = (Period::FirstHalf, 0);
                return Some(reprices);
            }
            Kind::HalfTime if self.period == Period::FirstHalf => {
                self.end_at(0, incident.clock_ms);
                self.period = Period::HalfTime;
                return Some(regrades);
            }
            Kind::SecondHalf if self.period == Period::HalfTime => {
                (self.period, self.clock_ms) = (Period::SecondHalf, 2_700_000);
                return Some(reprices);
            }
            Kind::FullTime if self.period == Period::SecondHalf => {
                self.end_at(1, incident.clock_ms);
                self.period = Period::FullTime;
                return Some(regrades);
            }
            Kind::Goal(side) if is_running && self.goals.len() < GOALS_MAX => {
                self.goals.push(Goal { half, side });
                regrades
            }
            Kind::GoalCancelled(side) if has_started => {
                let latest = self.goals.iter().rposition(|goal| goal.side == side)?;
                self.goals.remove(latest);
                regrades
            }
            Kind::RedCard(side) if is_running || self.period == Period::HalfTime => {
                self.red_cards[side.index()] = self.red_cards[side.index()].saturating_add(1);
                reprices
            }
            Kind::RedCardCancelled(side) if self.red_cards[side.index()] > 0 => {
                self.red_cards[side.index()] -= 1;
                reprices
            }
            Kind::Stoppage(ms) if is_running && (0..=ANNOUNCED_MS_MAX).contains(&ms) => {
                self.announced_ms[half] = Some(ms);
                reprices
            }
            Kind::Clock if is_running => reprices,
            Kind::Danger if is_running => danger(true),
            Kind::Safe => danger(false),
            Kind::Correction(goals) if self.is_over() => {
                let total: u32 = goals.iter().flatten().map(|&count| u32::from(count)).sum();
                if total as usize > GOALS_MAX {
                    return None;
                }
                self.told_count += 1;
                if goals != self.outcome().goals {
                    self.goals.clear();
                    for (half, of_half) in goals.iter().enumerate() {
                        for side in Side::BOTH {
                            (0..of_half[side.index()]).for_each(|_| self.goals.push(Goal { half, side }));
                        }
                    }
                }
                regrades
            }
            // The format that this engine knows offers nothing beside the score: extra time is out of place, the rest is
            // not asked for.
            Kind::Depth(
                Depth::ExtraTime
                | Depth::ExtraHalfTime
                | Depth::ExtraSecondHalf
                | Depth::ExtraFullTime
                | Depth::Penalties
                | Depth::Penalty(..)
                | Depth::PenaltyCancelled(..),
            ) => return None,
            Kind::Depth(_) => LiveChange::default(),
            _ => return None,
        };
        // The clock moves with the prices: a danger stops trading and prices nothing.
        if is_running && change.reprices {
            self.clock_ms = self.clock_ms.max(incident.clock_ms);
        }
        Some(change)
    }
}
