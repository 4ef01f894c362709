//! The probabilities of every tennis view, from the serve levels and the score.

use oddsengine_markets::tennis::{
    GAME_CELLS, GAMES_RECORDED, Layout, RACE_CELLS, RACE_GAMES_MAX, RACE_GAMES_MIN, RACES, Side, TennisScore,
    TennisState, TennisView, game_cell, race_winner,
};

use super::game::GAME_ENDS;
use super::model::TennisModel;
use super::parameters::{ServeLevels, TennisParameters};
use super::paths::{MatchPaths, Start};
use super::real::{Four, LANES_MAX, Real};
use super::set::{SET_ENDS_MAX, SetPath};
use super::walk::{Count, DIFFERENCE_ZERO, TOTAL_CELLS, Walk};
use crate::board::ViewPrefixes;

/// More cells than any format has.
pub const CELLS_MAX: usize = 1_280;

/// Fills the prefix sums of every view of a tennis match.
pub fn fill_views(parameters: &TennisParameters, state: &TennisState, prefixes: &mut ViewPrefixes) {
    let mut cells = [0.0; CELLS_MAX];
    let layout = add_cells(parameters, state, &mut cells);
    for (view, range) in layout.offsets.windows(2).enumerate() {
        prefixes.set(view, &cells[range[0]..range[1]], 1.0);
    }
}

/// Fills the probabilities of every view, one view after another as [`Layout::offsets`] says.
pub fn fill_cells(
    parameters: &TennisParameters,
    state: &TennisState,
    cells: &mut [f64; CELLS_MAX],
) -> &'static Layout {
    cells.fill(0.0);
    add_cells(parameters, state, cells)
}

/// As [`fill_cells`], into cells that are zero.
fn add_cells(
    parameters: &TennisParameters,
    state: &TennisState,
    cells: &mut [f64; CELLS_MAX],
) -> &'static Layout {
    let (format, score) = (&state.format, &state.score);
    let layout = Layout::of(format);
    debug_assert!(layout.cell_total() <= CELLS_MAX);
    if score.winner(format).is_some() {
        for (index, &view) in layout.views.iter().enumerate() {
            cells[layout.offsets[index] + layout.cell(view, format, score)] = 1.0;
        }
        return layout;
    }
    match parameters.during(state) {
        ServeLevels::Known(serve) => fill_levels(layout, state, serve, 1.0, cells),
        ServeLevels::Uncertain { serve, weights } => fill_uncertain(layout, state, serve, weights, cells),
    }
    layout
}

/// Four pairs of levels, compiled for AVX2 where the processor has it: the operations are the same, IEEE 754 gives them the
/// same bits, and nothing is fused. All that is called on the way has to be inlined for that.
fn fill_uncertain(layout: &Layout, state: &TennisState, serve: [Four; 2], weights: Four, cells: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide(layout: &Layout, state: &TennisState, serve: [Four; 2], weights: Four, cells: &mut [f64]) {
            fill_levels(layout, state, serve, weights, cells);
        }
        // SAFETY: the processor has the instruction set that the function was compiled for.
        #[allow(unsafe_code)] // four levels then fit one register; see `examples/tennis_timing.rs`
        return unsafe { wide(layout, state, serve, weights, cells) };
    }
    fill_levels(layout, state, serve, weights, cells);
}

#[inline(always)]
fn fill_levels<R: Real>(layout: &Layout, state: &TennisState, serve: [R; 2], weights: R, cells: &mut [f64]) {
    let score = &state.score;
    // Filled in place: it is too large to be moved.
    let mut model = TennisModel::blank(&state.format, serve);
    model.fill();
    let model = &model;
    let paths = MatchPaths::new(model, score);
    let ends_of = |server| by_side(model.game(server).ends(0, 0), server);
    let ends = [ends_of(Side::Home), ends_of(Side::Away)];
    let mut filler = Filler { layout, model, score, weights, ends, cells };
    filler.sequences(&paths);
    let mut walk = Walk::blank(&paths);
    walk.fill();
    for count in Count::ALL {
        filler.count(count, walk.of(count));
    }
    let starts = walk.set_starts();
    (0..paths.set).for_each(|set| filler.past_set(set));
    let mut to_come = paths.set;
    if paths.has_set_started() {
        paths.starts().for_each(|start| filler.current_set(paths.set, start));
        to_come += 1;
    }
    if to_come < layout.sets() {
        let mut fresh = FreshSet { cells: [[0.0; GAME_VIEW_CELLS]; 2 * LANES_MAX] };
        fresh.fill(model, &filler.ends);
        for set in to_come..layout.sets() {
            filler.later_set(set, &fresh, starts.servers[set], starts.over_before[set]);
        }
    }
}

/// Cells of the races and games of a set, which stand side by side.
const GAME_VIEW_CELLS: usize = RACES * RACE_CELLS + GAMES_RECORDED * GAME_CELLS;

/// The chances of the races and games of a set from its first point, which are alike in all sets that have games: by first
/// server, then by level. A set to come is a sum over these.
struct FreshSet {
    cells: [[f64; GAME_VIEW_CELLS]; 2 * LANES_MAX],
}

impl FreshSet {
    #[inline(always)]
    fn fill<R: Real>(&mut self, model: &TennisModel<R>, ends: &[[R; GAME_ENDS]; 2]) {
        for first in Side::BOTH {
            let path = model.set(0, first);
            for race in 0..RACES {
                let home = path.home_wins_race(race as u8 + RACE_GAMES_MIN);
                self.put(first, race * RACE_CELLS, &[home, home.complement()]);
            }
            for (game, over) in games_over(path).into_iter().enumerate() {
                let cells = game_cells(path, game, ends, over);
                self.put(first, RACES * RACE_CELLS + game * GAME_CELLS, &cells);
            }
        }
    }

    #[inline(always)]
    fn put<R: Real>(&mut self, first: Side, start: usize, numbers: &[R]) {
        for (cell, number) in numbers.iter().enumerate() {
            for lane in 0..R::LANES {
                self.cells[first.index() * R::LANES + lane][start + cell] = number.lane(lane);
            }
        }
    }
}

struct Filler<'a, R: Real> {
    layout: &'a Layout,
    model: &'a TennisModel<R>,
    score: &'a TennisScore,
    weights: R,
    /// How a game ends from its first point, by server: home to 0, 15, 30, 40, then away.
    ends: [[R; GAME_ENDS]; 2],
    cells: &'a mut [f64],
}

impl<R: Real> Filler<'_, R> {
    /// Adds probabilities to the cells of a view from `first` on, as many as it has.
    #[inline(always)]
    fn add(&mut self, view: TennisView, first: usize, probabilities: &[R]) {
        let (start, end) = (self.layout.offsets[view.index()], self.layout.offsets[view.index() + 1]);
        R::add_weighted(&mut self.cells[start + first..end], probabilities, self.weights);
    }

    #[inline(always)]
    fn add_one(&mut self, view: TennisView, cell: usize, p: R) {
        self.cells[self.layout.offsets[view.index()] + cell] += p.weighted(self.weights);
    }

    /// A cell that is certain.
    #[inline]
    fn set_one(&mut self, view: TennisView, cell: usize) {
        self.add_one(view, cell, R::ONE);
    }

    /// Adds the chances of a count to its views.
    #[inline(always)]
    fn count(&mut self, count: Count, chances: &[R]) {
        match count {
            Count::Totals => {
                let (low, high) = (self.layout.total_min, self.layout.total_max);
                let cell_count = high - low + 1;
                self.add(TennisView::WinnerTotal, 0, &chances[low..=high]);
                self.add(TennisView::WinnerTotal, cell_count, &chances[TOTAL_CELLS..][low..=high]);
                let first = |view: TennisView| self.layout.offsets[view.index()];
                let (of_both, of_winner) = (first(TennisView::TotalGames), first(TennisView::WinnerTotal));
                for cell in 0..cell_count {
                    let by_winner = [0, cell_count].map(|offset| self.cells[of_winner + offset + cell]);
                    self.cells[of_both + cell] = by_winner[0] + by_winner[1];
                }
            }
            Count::Difference => {
                let low = DIFFERENCE_ZERO - self.layout.difference_max;
                self.add(TennisView::Difference, 0, &chances[low..]);
            }
            Count::Games(side) => self.add(TennisView::PlayerGames(side), 0, chances),
            Count::TieBreaks => self.add(TennisView::TieBreaks, 0, chances),
        }
    }

    #[inline(always)]
    fn sequences(&mut self, paths: &MatchPaths<'_, R>) {
        let current = paths.current_home();
        let chance = |is_away: bool, home: R| if is_away { home.complement() } else { home };
        let known = (1_u8 << paths.set) - 1;
        let played = self.score.games[..paths.set].iter().enumerate();
        let away_bits = played.fold(0_u8, |bits, (set, games)| bits | u8::from(games[1] > games[0]) << set);
        for (cell, &(bits, count)) in self.layout.sequences.iter().enumerate() {
            if usize::from(count) <= paths.set || bits & known != away_bits {
                continue;
            }
            let is_away = |set: usize| bits >> set & 1 == 1;
            let mut p = chance(is_away(paths.set), current);
            for set in paths.set + 1..usize::from(count) {
                p = p * chance(is_away(set), self.model.set_home(set));
            }
            self.add_one(TennisView::Sequence, cell, p);
        }
    }

    #[inline(always)]
    fn past_set(&mut self, set: usize) {
        let cell = self.layout.set_score_cell(set, self.score.games[set]);
        self.set_one(TennisView::SetScore(set as u8), cell);
        if !self.layout.has_games(set as u8) {
            return;
        }
        self.races(set, |_| unreachable!("a completed set has decided its races"));
        for game in 0..GAMES_RECORDED {
            let cell = self.score.game(set, game).map_or(GAME_CELLS - 1, game_cell);
            self.set_one(TennisView::Game(set as u8, game as u8), cell);
        }
    }

    /// The races of a set that has started; `open` is the chance of home in those that are not decided.
    #[inline(always)]
    fn races(&mut self, set: usize, open: impl Fn(u8) -> R) {
        for games in RACE_GAMES_MIN..=RACE_GAMES_MAX {
            let view = TennisView::Race(set as u8, games);
            match race_winner(self.score, set, games) {
                Some(winner) => self.set_one(view, winner.map_or(RACE_CELLS - 1, Side::index)),
                None => {
                    let home = open(games);
                    self.add(view, 0, &[home, home.complement()]);
                }
            }
        }
    }

    #[inline(always)]
    fn current_set(&mut self, set: usize, start: &Start<'_, R>) {
        let (path, server, weights) = (&*start.current, start.server, self.weights);
        self.weights = weights * start.share;
        let count = self.layout.set_rule(set).end_count();
        let view = TennisView::SetScore(set as u8);
        self.add(view, 0, &path.ends[0][..count]);
        self.add(view, count, &path.ends[1][..count]);
        if self.layout.has_games(set as u8) {
            self.current_games(set, path, server);
        }
        self.weights = weights;
    }

    #[inline(always)]
    fn current_games(&mut self, set: usize, path: &SetPath<R>, server: Side) {
        self.races(set, |games| path.home_wins_race(games));
        let now: usize = self.score.games[set].map(usize::from).iter().sum();
        for (game, over) in games_over(path).into_iter().enumerate() {
            let view = TennisView::Game(set as u8, game as u8);
            if let Some(record) = self.score.game(set, game) {
                self.set_one(view, game_cell(record));
                continue;
            }
            if game == now {
                let [own, other] = match server {
                    Side::Home => self.score.points,
                    Side::Away => [self.score.points[1], self.score.points[0]],
                };
                let ends = self.model.game(server).ends(own.into(), other.into());
                self.add(view, 0, &by_side(ends, server));
                continue;
            }
            self.add(view, 0, &game_cells(path, game, &self.ends, over));
        }
    }

    #[inline(always)]
    fn later_set(&mut self, set: usize, fresh: &FreshSet, starts: [R; 2], over_before: R) {
        let view = TennisView::SetScore(set as u8);
        let count = self.layout.set_rule(set).end_count();
        self.add_one(view, 2 * count, over_before);
        let mean = |of: [R; 2]| starts[0] * of[0] + starts[1] * of[1];
        let paths = [self.model.set(set, Side::Home), self.model.set(set, Side::Away)];
        for winner in 0..2 {
            let mut ends = [R::default(); SET_ENDS_MAX];
            for (loser, end) in ends[..count].iter_mut().enumerate() {
                *end = mean([paths[0].ends[winner][loser], paths[1].ends[winner][loser]]);
            }
            self.add(view, winner * count, &ends[..count]);
        }
        if !self.layout.has_games(set as u8) {
            return;
        }
        let mut shares = [0.0; 2 * LANES_MAX];
        for (server, start) in starts.into_iter().enumerate() {
            for lane in 0..R::LANES {
                shares[server * R::LANES + lane] = (start * self.weights).lane(lane);
            }
        }
        let start = self.layout.offsets[TennisView::Race(set as u8, RACE_GAMES_MIN).index()];
        let last = TennisView::Game(set as u8, GAMES_RECORDED as u8 - 1);
        debug_assert_eq!(self.layout.offsets[last.index() + 1], start + GAME_VIEW_CELLS);
        let cells = &mut self.cells[start..][..GAME_VIEW_CELLS];
        for (index, cell) in cells.iter_mut().enumerate() {
            for (cells, share) in fresh.cells[..2 * R::LANES].iter().zip(shares) {
                *cell += share * cells[index];
            }
        }
        let over = over_before.weighted(self.weights);
        let (races, games) = cells.split_at_mut(RACES * RACE_CELLS);
        races.iter_mut().skip(RACE_CELLS - 1).step_by(RACE_CELLS).for_each(|cell| *cell += over);
        games.iter_mut().skip(GAME_CELLS - 1).step_by(GAME_CELLS).for_each(|cell| *cell += over);
    }
}

/// The ends of a game by side instead of by server and receiver: home to 0, 15, 30, 40, then away.
#[inline(always)]
fn by_side<R>(mut ends: [R; GAME_ENDS], server: Side) -> [R; GAME_ENDS] {
    if server == Side::Away {
        ends.rotate_left(GAME_ENDS / 2);
    }
    ends
}

/// The cells of a game to come, which is not played with the probability `over`; `ends` are those of a game by its server.
#[inline(always)]
fn game_cells<R: Real>(
    path: &SetPath<R>,
    game: usize,
    ends: &[[R; GAME_ENDS]; 2],
    over: R,
) -> [R; GAME_CELLS] {
    let reached = path.reaches_game(game);
    let mut cells = [R::default(); GAME_CELLS];
    for (cell, &end) in cells.iter_mut().zip(&ends[path.server_after(game).index()]) {
        *cell = reached * end;
    }
    cells[GAME_CELLS - 1] = over;
    cells
}

/// Probability that the set is over before each game: exactly zero where it cannot be.
#[inline(always)]
fn games_over<R: Real>(path: &SetPath<R>) -> [R; GAMES_RECORDED] {
    let mut over = [R::default(); GAMES_RECORDED];
    for ends in &path.ends {
        // Scores up to 6-4; a set of twelve games or more reaches every recorded game.
        for (loser, &p) in ends[..5].iter().enumerate() {
            over[6 + loser] += p;
        }
    }
    let mut sum = R::default();
    for slot in &mut over {
        sum += *slot;
        *slot = sum;
    }
    over
}

#[cfg(test)]
mod tests {
    use oddsengine_markets::tennis::{BestOf, FinalSet, TennisFormat, TennisIncidentKind as Kind};

    use super::*;

    /// A replay on another processor must give the same prices.
    #[test]
    fn wide_and_plain_boards_have_the_same_bits() {
        let mut random = 17_u64;
        for best_of in [BestOf::Three, BestOf::Five] {
            for final_set in [FinalSet::TieBreak10, FinalSet::Advantage, FinalSet::MatchTieBreak10] {
                let format = TennisFormat { best_of, final_set, ..TennisFormat::default() };
                let layout = Layout::of(&format);
                let mut state = TennisState::new(format);
                let mut first = Some(Side::Home);
                while state.score.winner(&format).is_none() {
                    let serve = [Four([0.61, 0.63, 0.66, 0.7]), Four([0.58, 0.62, 0.64, 0.69])];
                    let weights = Four([0.2, 0.3, 0.35, 0.15]);
                    let (mut dispatched, mut plain) = ([0.0; CELLS_MAX], [0.0; CELLS_MAX]);
                    fill_uncertain(layout, &state, serve, weights, &mut dispatched);
                    fill_levels(layout, &state, serve, weights, &mut plain);
                    assert_eq!(dispatched.map(f64::to_bits), plain.map(f64::to_bits), "{:?}", state.score);
                    // One pair of levels and four equal ones agree but for rounding.
                    let (mut four, mut one) = ([0.0; CELLS_MAX], [0.0; CELLS_MAX]);
                    let equal = [Four([0.65; 4]), Four([0.6; 4])];
                    fill_uncertain(layout, &state, equal, Four([0.25; 4]), &mut four);
                    fill_levels(layout, &state, [0.65, 0.6], 1.0, &mut one);
                    assert!(four.iter().zip(&one).all(|(a, b)| (a - b).abs() < 1e-14));
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let kind = match first.take() {
                        Some(server) => Kind::Start(server),
                        None => Kind::Point(Side::BOTH[usize::from(random >> 33 & 7 > 3)]),
                    };
                    state.apply(&kind.into()).expect("play goes on");
                }
            }
        }
    }
}
