//! The probabilities of the views beside the score: corners, cards, intervals, extra time, scorers.

use oddsengine_markets::football::{
    COUNTS_MAX, CountAxis, CountKind, DepthView, EXTRA_GOALS_MAX, FULL_GOALS_MAX, FootballOutcome,
    FootballState, FootballView, Knockout, MatchPeriod, PLAYER_ABSENT, PLAYER_GOALS_MAX, Period, PlayerPart,
    Side, TieMethod, interval_goals_of, player_part, score_of, tie, tie_cell,
};
use oddsengine_types::codec_struct;

use super::counts_markets::{COUNT_SIZE, CountModel, CountProgress};
use super::extra_time::{self, CONVERSION, EXTRA_TIME_SHARE, ExtraTime, Shootout, qualification, shootout};
use super::intensity::{IntensityProfile, MatchClock, RateMultipliers};
use super::intervals::{
    HALF_SIZE, INTERVAL_COUNT, IntervalCells, after, interval_shares_by_half, thinned as thinned_half,
    together,
};
use super::{DixonColes, FootballError, ScoreGrid};
use crate::board::ViewPrefixes;

/// Dispersion of the total and concentration of the split of corners, given the strength of the sides.
///
/// Measured on 6,390 matches of 18 league seasons (`benches/accuracy/football_counts.py`).
pub const CORNERS: [f64; 2] = [55.0, 14.3];
/// As [`CORNERS`], of cards: who is shown them is binomial.
pub const CARDS: [f64; 2] = [18.0, 1e6];
/// Expected corners and cards of a match until prices say more; measured with [`CORNERS`].
pub const COUNT_TOTALS: [f64; 2] = [10.0, 4.2];
/// Share of the home side in corners and in cards: at equal strength, and what a unit of `P(home) - P(away)` adds;
/// measured with [`CORNERS`].
pub const COUNT_SHARES: [(f64, f64); 2] = [(0.517, 0.253), (0.461, -0.107)];
/// Share of goals that are own goals; measured on 14,584 goals of internationals.
pub const OWN_GOAL_SHARE: f64 = 0.023;

const FULL: usize = FULL_GOALS_MAX + 1;
const _: () = assert!(COUNT_SIZE == COUNTS_MAX + 1);

/// What is expected beside the score.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthExpectation {
    /// Expected corners of home and away in the match.
    pub corners: [f64; 2],
    /// Expected cards of home and away in the match.
    pub cards: [f64; 2],
    /// Shares of the listed players in the goals of home; empty for no prices on scorers.
    pub shares_home: Vec<f64>,
    /// Shares of the listed players in the goals of away.
    pub shares_away: Vec<f64>,
    /// P(home wins a shoot-out).
    pub shootout_home: f64,
}
codec_struct!(DepthExpectation { corners, cards, shares_home, shares_away, shootout_home });

impl Default for DepthExpectation {
    /// A match of equal sides.
    fn default() -> Self {
        Self::at_lead(0.0)
    }
}

impl DepthExpectation {
    /// What a match of these sides has on average: league totals, split by `P(home) - P(away)`.
    pub fn of(model: &DixonColes) -> Self {
        let grid = ScoreGrid::from_dixon_coles(model);
        Self::at_lead(grid.home() - grid.away())
    }

    fn at_lead(lead: f64) -> Self {
        let split = |index: usize| {
            let (level, slope) = COUNT_SHARES[index];
            let home = (level + slope * lead).clamp(0.05, 0.95);
            [COUNT_TOTALS[index] * home, COUNT_TOTALS[index] * (1.0 - home)]
        };
        Self {
            corners: split(0),
            cards: split(1),
            shares_home: Vec::new(),
            shares_away: Vec::new(),
            shootout_home: 0.5,
        }
    }

    /// The share of a listed player; 0 if none is known.
    pub fn share(&self, side: Side, player: u8) -> f64 {
        let shares = if side == Side::Home { &self.shares_home } else { &self.shares_away };
        shares.get(usize::from(player)).copied().unwrap_or(0.0)
    }

    /// The model of a count of both sides.
    pub(crate) fn count_model(&self, kind: CountKind) -> Result<CountModel, FootballError> {
        let ([home, away], [dispersion, concentration]) = match kind {
            CountKind::Corners => (self.corners, CORNERS),
            CountKind::Cards => (self.cards, CARDS),
        };
        CountModel::new(home, away, dispersion, concentration)
    }
}

/// What the views are filled from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DepthFill<'a> {
    pub expectation: &'a DepthExpectation,
    pub profile: &'a IntensityProfile,
    pub multipliers: &'a RateMultipliers,
    pub clock: MatchClock,
    /// Expected goals of the match.
    pub lambda: [f64; 2],
    pub state: &'a FootballState,
}

impl DepthFill<'_> {
    /// Fills every view beside the score; those of the score must be filled.
    ///
    /// # Errors
    /// Parameters outside their range: a view would have no meaning.
    pub fn fill(&self, prefixes: &mut ViewPrefixes) -> Result<(), FootballError> {
        let views = self.state.format.views();
        let grid = score_cells(prefixes);
        let scorers = self.state.format.has_players().then(|| Scorers::new(&grid, self.state));
        let mut marginals = Marginals::default();
        let mut intervals = None;
        for (index, view) in views.into_iter().enumerate() {
            let FootballView::Depth(view) = view else { continue };
            match view {
                DepthView::Count { kind, is_first_half, axis } => {
                    if axis == CountAxis::Total {
                        marginals = self.marginals(kind, is_first_half)?;
                    }
                    prefixes.set(index, marginals.of(axis), 1.0);
                }
                DepthView::Interval(interval) => {
                    let (halves, odds) = intervals.get_or_insert_with(|| {
                        ([0, 1].map(|half| self.half(prefixes, half)), self.interval_odds())
                    });
                    let cells = self.interval(halves, odds[usize::from(interval)], interval);
                    prefixes.set(index, &cells, 1.0);
                }
                DepthView::ExtraTime => prefixes.set(index, &self.extra_time(&grid)?, 1.0),
                DepthView::Tie(knockout) => prefixes.set(index, &self.tie(&grid, &knockout)?, 1.0),
                DepthView::AnyScorer => prefixes.set(index, &any_scorer(&grid, self.state), 1.0),
                DepthView::Player { side, player } => {
                    let share = self.expectation.share(side, player);
                    let scorers = scorers.as_ref().expect("the format lists players");
                    prefixes.set(index, &scorers.player(self.state, side, player, share), 1.0);
                }
            }
        }
        Ok(())
    }

    /// Counts of the match or the first half, given those so far.
    fn marginals(&self, kind: CountKind, is_first_half: bool) -> Result<Marginals, FootballError> {
        let progress = self.count_progress(kind, is_first_half);
        let mut marginals = Marginals::default();
        if !self.state.half_is_open(usize::from(!is_first_half)) {
            let [home, away] = progress.counts.map(usize::from);
            marginals.add(home, away, 1.0);
            return Ok(marginals);
        }
        let mut cells = [0.0; COUNT_SIZE * COUNT_SIZE];
        self.fill_counts(kind, progress, &mut cells)?;
        for (cell, mass) in cells.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            marginals.add(cell / COUNT_SIZE, cell % COUNT_SIZE, *mass);
        }
        Ok(marginals)
    }

    /// Corners or cards of the first half or the match so far, and what is still to come of them.
    pub fn count_progress(&self, kind: CountKind, is_first_half: bool) -> CountProgress {
        let [first, second] = self.state.depth.count(kind);
        let left = self.profile.remaining_share(self.clock);
        // While the first half runs the second has none.
        let counts = [0, 1].map(|side| {
            let second = if is_first_half { 0 } else { u16::from(second[side]) };
            (u16::from(first[side]) + second).min(COUNTS_MAX as u16)
        });
        CountProgress {
            counts,
            elapsed: (1.0 - left.total()).max(0.0),
            remaining: if is_first_half { left.first_half } else { left.total() },
        }
    }

    /// Probabilities of the final counts, scaled to sum to 1.
    pub fn fill_counts(
        &self,
        kind: CountKind,
        progress: CountProgress,
        cells: &mut [f64],
    ) -> Result<(), FootballError> {
        self.expectation.count_model(kind)?.fill(progress, cells)?;
        let sum: f64 = cells.iter().sum();
        cells.iter_mut().for_each(|cell| *cell /= sum);
        Ok(())
    }

    /// Goals to come in a half, from the running sums of its view.
    fn half(&self, prefixes: &ViewPrefixes, half: usize) -> [f64; HALF_SIZE * HALF_SIZE] {
        const VIEWS: [FootballView; 2] =
            [FootballView::Score(Period::FirstHalf), FootballView::Score(Period::SecondHalf)];
        let prefix = prefixes.view(usize::from(VIEWS[half].index()));
        let [home, away] = self.state.goals[half].map(usize::from);
        let mut cells = [0.0; HALF_SIZE * HALF_SIZE];
        for cell in 0..HALF_SIZE * HALF_SIZE {
            let (added_home, added_away) =
                ((cell / HALF_SIZE).saturating_sub(home), (cell % HALF_SIZE).saturating_sub(away));
            cells[added_home * HALF_SIZE + added_away] += (prefix[cell + 1] - prefix[cell]).max(0.0);
        }
        cells
    }

    /// The goals of an interval are those of its half that fall in it, each by itself.
    fn interval(
        &self,
        halves: &[[f64; HALF_SIZE * HALF_SIZE]; 2],
        [first, second]: [f64; 2],
        interval: u8,
    ) -> IntervalCells {
        let FootballState { order, depth, .. } = self.state;
        let goals = interval_goals_of(order, depth, interval);
        let cells = match (first, second) {
            (first, 0.0) => thinned_half(&halves[0], HALF_SIZE, first),
            (0.0, second) => thinned_half(&halves[1], HALF_SIZE, second),
            (first, second) => together(
                &thinned_half(&halves[0], HALF_SIZE, first),
                &thinned_half(&halves[1], HALF_SIZE, second),
            ),
        };
        after(&cells, goals.map(|goals| goals as u8))
    }

    /// Per interval: the probability that a goal to come of the first half, and one of the second, falls in it.
    pub fn interval_odds(&self) -> [[f64; 2]; INTERVAL_COUNT] {
        let left = self.profile.remaining_share(self.clock);
        let part = |share: f64, left: f64| if share > 0.0 { (share / left).min(1.0) } else { 0.0 };
        interval_shares_by_half(self.profile, self.clock)
            .map(|share| [part(share.first_half, left.first_half), part(share.second_half, left.second_half)])
    }

    /// What is left of extra time.
    pub fn extra(&self, knockout: &Knockout) -> ExtraTime {
        let state = self.state;
        let left = match state.period {
            MatchPeriod::ExtraFirstHalf => (7_200_000 - state.clock_ms).clamp(900_000, 1_800_000),
            MatchPeriod::ExtraHalfTime => 900_000,
            MatchPeriod::ExtraSecondHalf => (7_200_000 - state.clock_ms).clamp(15_000, 900_000),
            MatchPeriod::ExtraFullTime | MatchPeriod::Penalties => 0,
            _ => 1_800_000,
        };
        let share = EXTRA_TIME_SHARE * left as f64 / 1_800_000.0;
        let [home, away] = if state.depth.has_extra_time { state.depth.extra_goals } else { [0, 0] };
        // Level when it begins: only its own goals make a leader.
        let lead = i32::from(home) - i32::from(away);
        let (home, away) = self.multipliers.multipliers(lead, state.red_cards[0], state.red_cards[1]);
        ExtraTime {
            means: [self.lambda[0] * home * share, self.lambda[1] * away * share],
            shootout_home: self.expectation.shootout_home,
            is_skipped: !knockout.extra_time,
        }
    }

    /// The cells of the tie view, from the final scores of regulation.
    pub fn tie(&self, grid: &[f64; FULL * FULL], knockout: &Knockout) -> Result<[f64; 6], FootballError> {
        let state = self.state;
        let mut cells = [0.0; 6];
        let is_at_end = matches!(
            state.period,
            MatchPeriod::FullTime | MatchPeriod::ExtraFullTime | MatchPeriod::Penalties
        );
        if is_at_end && let Some((side, method)) = tie(&state.outcome(), knockout) {
            cells[tie_cell(side, method)] = 1.0;
            return Ok(cells);
        }
        let extra = self.extra(knockout);
        let found = match state.period {
            MatchPeriod::Penalties => {
                let home = self.running_shootout()?;
                cells[tie_cell(Side::Home, TieMethod::Penalties)] = home;
                cells[tie_cell(Side::Away, TieMethod::Penalties)] = 1.0 - home;
                return Ok(cells);
            }
            MatchPeriod::ExtraFullTime => {
                let home = self.expectation.shootout_home;
                cells[tie_cell(Side::Home, TieMethod::Penalties)] = home;
                cells[tie_cell(Side::Away, TieMethod::Penalties)] = 1.0 - home;
                return Ok(cells);
            }
            _ if state.depth.has_extra_time => {
                let (home, away) = state.score();
                extra_time::in_extra_time([home, away], &knockout.first_leg, &extra)?
            }
            _ => qualification(grid, FULL, &knockout.first_leg, &extra)?,
        };
        let sum: f64 = found.methods.iter().flatten().sum();
        for side in Side::BOTH {
            for method in TieMethod::ALL {
                cells[tie_cell(side, method)] = found.methods[side.index()][method as usize] / sum;
            }
        }
        Ok(cells)
    }

    /// P(home wins) a shoot-out that runs: each side converts so that the odds before it are those expected.
    fn running_shootout(&self) -> Result<f64, FootballError> {
        let depth = &self.state.depth;
        let [home, away] = depth.penalties_taken;
        let now = Shootout {
            scored: depth.penalties_scored,
            taken: depth.penalties_taken,
            first: u8::from(away > home),
        };
        shootout(conversions(self.expectation.shootout_home)?, now)
    }

    fn extra_time(&self, grid: &[f64; FULL * FULL]) -> Result<[f64; 50], FootballError> {
        const SIDE: usize = EXTRA_GOALS_MAX + 1;
        let state = self.state;
        let mut cells = [0.0; 1 + SIDE * SIDE];
        let Some(knockout) = state.format.knockout.filter(|knockout| knockout.extra_time) else {
            cells[0] = 1.0;
            return Ok(cells);
        };
        let is_over = matches!(state.period, MatchPeriod::ExtraFullTime | MatchPeriod::Penalties);
        if is_over && !state.depth.has_extra_time {
            cells[0] = 1.0;
            return Ok(cells);
        }
        let played = if state.depth.has_extra_time {
            1.0
        } else {
            let tie = self.tie(grid, &knockout)?;
            1.0 - tie[tie_cell(Side::Home, TieMethod::Regulation)]
                - tie[tie_cell(Side::Away, TieMethod::Regulation)]
        };
        let played = if played < 1e-15 { 0.0 } else { played };
        cells[0] = 1.0 - played;
        let extra = self.extra(&knockout);
        let mut sides = [[0.0; SIDE]; 2];
        for (side, cells) in sides.iter_mut().enumerate() {
            let now = if state.depth.has_extra_time { usize::from(state.depth.extra_goals[side]) } else { 0 };
            let now = now.min(EXTRA_GOALS_MAX);
            super::poisson::fill_masses(extra.means[side], &mut cells[now..]);
            let below: f64 = cells[..EXTRA_GOALS_MAX].iter().sum();
            let has_rest = extra.means[side] > 0.0 || now == EXTRA_GOALS_MAX;
            cells[EXTRA_GOALS_MAX] = if has_rest { (1.0 - below).max(0.0) } else { 0.0 };
        }
        for (cell, slot) in cells[1..].iter_mut().enumerate() {
            *slot = played * sides[0][cell / SIDE] * sides[1][cell % SIDE];
        }
        Ok(cells)
    }
}

/// Conversion of both sides, with the usual mean, at which home wins a shoot-out with this probability.
fn conversions(home_wins: f64) -> Result<[f64; 2], FootballError> {
    if home_wins == 0.5 {
        return Ok([CONVERSION; 2]);
    }
    let most = 1.0 - CONVERSION - 1e-3;
    let at = |shift: f64| [CONVERSION + shift, CONVERSION - shift];
    let (mut low, mut high) = (-most, most);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if shootout(at(middle), Shootout::default())? < home_wins { low = middle } else { high = middle }
    }
    Ok(at(0.5 * (low + high)))
}

/// The final scores of regulation, from the running sums of their view.
fn score_cells(prefixes: &ViewPrefixes) -> [f64; FULL * FULL] {
    let prefix = prefixes.view(0);
    // A difference of running sums may leave a tiny negative mass.
    std::array::from_fn(|cell| (prefix[cell + 1] - prefix[cell]).max(0.0))
}

/// Probabilities of a count of both sides by axis.
#[derive(Clone, Debug)]
struct Marginals {
    total: [f64; 2 * COUNTS_MAX + 1],
    difference: [f64; 2 * COUNTS_MAX + 1],
    sides: [[f64; COUNT_SIZE]; 2],
}

impl Default for Marginals {
    fn default() -> Self {
        let zero = [0.0; 2 * COUNTS_MAX + 1];
        Self { total: zero, difference: zero, sides: [[0.0; COUNT_SIZE]; 2] }
    }
}

impl Marginals {
    fn add(&mut self, home: usize, away: usize, mass: f64) {
        self.total[home + away] += mass;
        self.difference[home + COUNTS_MAX - away] += mass;
        self.sides[0][home] += mass;
        self.sides[1][away] += mass;
    }

    fn of(&self, axis: CountAxis) -> &[f64] {
        match axis {
            CountAxis::Total => &self.total,
            CountAxis::Difference => &self.difference,
            CountAxis::Of(side) => &self.sides[side.index()],
        }
    }
}

/// Goals so far that count for scorers, or may when their scorer is told.
fn any_scorer(grid: &[f64; FULL * FULL], state: &FootballState) -> [f64; 2] {
    if state.depth.first_counted(&state.order).is_some() {
        return [0.0, 1.0];
    }
    // Every goal to come may be an own goal.
    let added = Added::new(state);
    let mut powers = [1.0; 2 * FULL];
    for n in 1..2 * FULL {
        powers[n] = powers[n - 1] * OWN_GOAL_SHARE;
    }
    let mut none = 0.0;
    for (cell, mass) in grid.iter().enumerate() {
        let (home, away) = added.of(cell);
        none += mass * powers[home + away];
    }
    [none, 1.0 - none]
}

/// Goals that a final score adds to the present one.
struct Added {
    now: [usize; 2],
}

impl Added {
    fn new(state: &FootballState) -> Self {
        let (home, away) = score_of(state.goals, Period::Match);
        Self { now: [home.into(), away.into()] }
    }

    fn of(&self, cell: usize) -> (usize, usize) {
        ((cell / FULL).saturating_sub(self.now[0]), (cell % FULL).saturating_sub(self.now[1]))
    }
}

/// The goals to come that count for scorers: own goals are thinned out, and in the rest every order is equally likely.
///
/// Of `n` goals, `k` of them a player's, he is first with probability `k / n`, and first and last with
/// `k (k - 1) / (n (n - 1))`.
struct Scorers {
    /// Per side and number of its goals: P, E[1/n], E[1/(n (n - 1))] for n > 1.
    moments: [[[f64; 3]; FULL]; 2],
    /// P(exactly one goal, the side's).
    only: [f64; 2],
    /// P(no goal).
    none: f64,
    /// What stands, and whether every scorer is told.
    outcome: FootballOutcome,
    is_told: bool,
}

impl Scorers {
    fn new(grid: &[f64; FULL * FULL], state: &FootballState) -> Self {
        let counted = thinned(&remaining(grid, state), 1.0 - OWN_GOAL_SHARE);
        let mut scorers = Self {
            moments: [[[0.0; 3]; FULL]; 2],
            only: [0.0; 2],
            none: counted[0],
            outcome: state.outcome(),
            is_told: Side::BOTH.iter().all(|&side| state.depth.unknown_scorers(&state.order, side) == 0),
        };
        for (cell, &mass) in counted.iter().enumerate().skip(1).filter(|(_, mass)| **mass > 0.0) {
            let goals = [cell / FULL, cell % FULL];
            let n = (goals[0] + goals[1]) as f64;
            let pairs = if n > 1.0 { mass / (n * (n - 1.0)) } else { 0.0 };
            for (side, &count) in goals.iter().enumerate() {
                let moments = &mut scorers.moments[side][count];
                moments[0] += mass;
                moments[1] += mass / n;
                moments[2] += pairs;
            }
            if n == 1.0 {
                scorers.only[usize::from(goals[1] == 1)] += mass;
            }
        }
        scorers
    }

    fn player(&self, state: &FootballState, side: Side, player: u8, share: f64) -> [f64; PLAYER_ABSENT + 1] {
        let mut cells = [0.0; PLAYER_ABSENT + 1];
        let is_open = state.half_is_open(1);
        let first_goal = state.depth.first_counted(&state.order);
        let Some(now) = player_part(&self.outcome, side, player).or_else(|| {
            // He may still come on: priced as if he did now.
            let first = if first_goal.is_some() { 2 } else { 0 };
            is_open.then_some(PlayerPart { goals: 0, first, is_last: false })
        }) else {
            cells[PLAYER_ABSENT] = 1.0;
            return cells;
        };
        let share = if state.depth.is_off(side, player) { 0.0 } else { share / (1.0 - OWN_GOAL_SHARE) };
        // Until every scorer is told nothing is offered: what stands has all the mass.
        if !is_open || !self.is_told {
            cells[now.cell()] = 1.0;
            return cells;
        }
        let is_first_open = first_goal.is_none();
        let parts = self.parts(side, share.min(1.0), now.is_last);
        for (added, part) in parts.iter().enumerate() {
            for (index, &mass) in part.iter().enumerate() {
                let (is_first, is_last) = (index & 1 == 1, index & 2 == 2);
                let goals = (now.goals + added).min(PLAYER_GOALS_MAX);
                let first = if is_first_open { usize::from(is_first) } else { now.first };
                cells[PlayerPart { goals, first, is_last }.cell()] += mass;
            }
        }
        cells
    }

    /// By goals added, 0 to 3 or more: P of neither first nor last, first, last, both. `is_last` stands if no goal
    /// follows.
    fn parts(&self, side: Side, share: f64, is_last: bool) -> [[f64; 4]; PLAYER_GOALS_MAX + 1] {
        let rest = 1.0 - share;
        // Per goals added: P, P(first), P(first and last).
        let mut sums = [[0.0; 3]; PLAYER_GOALS_MAX];
        let (mut all, mut ends, mut both) = (0.0, 0.0, share * self.only[side.index()]);
        sums[1][2] += both;
        let mut power = [1.0, 0.0, 0.0];
        for (count, moments) in self.moments[side.index()].iter().enumerate() {
            let n = count as f64;
            for (added, sum) in sums.iter_mut().enumerate() {
                let k = added as f64;
                sum[0] += power[added] * moments[0];
                sum[1] += power[added] * moments[1] * k;
                sum[2] += power[added] * moments[2] * k * (k - 1.0);
            }
            all += moments[0];
            ends += share * n * moments[1];
            both += share * share * n * (n - 1.0) * moments[2];
            let next = n + 1.0;
            power = [
                power[0] * rest,
                next * share * power[0],
                if count == 0 { 0.0 } else { 0.5 * next * share * power[1] },
            ];
        }
        let mut parts = [[0.0; 4]; PLAYER_GOALS_MAX + 1];
        let mut left = [all, ends, both];
        for (part, sum) in parts.iter_mut().zip(&sums) {
            *part = spread(*sum);
            left.iter_mut().zip(sum).for_each(|(left, sum)| *left -= sum);
        }
        parts[PLAYER_GOALS_MAX] = spread(left.map(|mass| mass.max(0.0)));
        // No goal at all: what stands.
        parts[0][if is_last { 2 } else { 0 }] += self.none;
        parts
    }
}

/// Neither, first alone, last alone, both: first and last are equally likely.
fn spread([all, first, both]: [f64; 3]) -> [f64; 4] {
    let one = (first - both).max(0.0);
    [(all - 2.0 * one - both).max(0.0), one, one, both]
}

/// Probabilities of goals to come.
fn remaining(grid: &[f64; FULL * FULL], state: &FootballState) -> [f64; FULL * FULL] {
    let added = Added::new(state);
    let mut cells = [0.0; FULL * FULL];
    for (cell, mass) in grid.iter().enumerate() {
        let (home, away) = added.of(cell);
        cells[home * FULL + away] += mass;
    }
    cells
}

/// Every goal is kept with a probability, by itself.
fn thinned(grid: &[f64; FULL * FULL], keep: f64) -> [f64; FULL * FULL] {
    // Row `n` is the binomial distribution of kept goals out of `n`.
    let mut binomial = [[0.0; FULL]; FULL];
    binomial[0][0] = 1.0;
    for n in 1..FULL {
        for k in 0..=n {
            let stays = if k > 0 { binomial[n - 1][k - 1] * keep } else { 0.0 };
            binomial[n][k] = stays + binomial[n - 1][k] * (1.0 - keep);
        }
    }
    let mut by_home = [0.0; FULL * FULL];
    for home in 0..FULL {
        for away in 0..FULL {
            let mass = grid[home * FULL + away];
            if mass > 0.0 {
                (0..=home).for_each(|kept| by_home[kept * FULL + away] += mass * binomial[home][kept]);
            }
        }
    }
    let mut both = [0.0; FULL * FULL];
    for home in 0..FULL {
        for away in 0..FULL {
            let mass = by_home[home * FULL + away];
            if mass > 0.0 {
                (0..=away).for_each(|kept| both[home * FULL + kept] += mass * binomial[away][kept]);
            }
        }
    }
    both
}
