//! The probabilities of every tennis view, from the serve levels and the score.

use oddsengine_markets::tennis::{
    GAME_CELLS, GAMES_RECORDED, Layout, RACE_GAMES_MAX, RACE_GAMES_MIN, Side, TennisFormat, TennisScore,
    TennisState, TennisView, game_cell, race_winner,
};

use super::game::GAME_ENDS;
use super::model::TennisModel;
use super::parameters::{ServeLevels, TennisParameters};
use super::paths::{DIFFERENCE_ZERO, MatchPaths, Start};
use super::real::{Four, Real};
use super::set::{SET_ENDS_MAX, SetPath};
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
        ServeLevels::Known(serve) => fill_levels(layout, format, score, serve, 1.0, cells),
        ServeLevels::Uncertain { serve, weights } => {
            fill_uncertain(layout, format, score, serve, weights, cells);
        }
    }
    layout
}

/// Four pairs of levels, compiled for AVX2 where the processor has it: the operations are the same, IEEE 754 gives them the
/// same bits, and nothing is fused. All that is called on the way has to be inlined for that.
fn fill_uncertain(
    layout: &Layout,
    format: &TennisFormat,
    score: &TennisScore,
    serve: [Four; 2],
    weights: Four,
    cells: &mut [f64],
) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide(
            layout: &Layout,
            format: &TennisFormat,
            score: &TennisScore,
            serve: [Four; 2],
            weights: Four,
            cells: &mut [f64],
        ) {
            fill_levels(layout, format, score, serve, weights, cells);
        }
        // SAFETY: the processor has the instruction set that the function was compiled for.
        #[allow(unsafe_code)] // four levels then fit one register; see `examples/tennis_timing.rs`
        return unsafe { wide(layout, format, score, serve, weights, cells) };
    }
    fill_levels(layout, format, score, serve, weights, cells);
}

#[inline(always)]
fn fill_levels<R: Real>(
    layout: &Layout,
    format: &TennisFormat,
    score: &TennisScore,
    serve: [R; 2],
    weights: R,
    cells: &mut [f64],
) {
    // Filled in place: it is too large to be moved.
    let mut model = TennisModel::blank(format, serve);
    model.fill();
    let model = &model;
    let paths = MatchPaths::new(model, score);
    let ends_of = |server| by_side(model.game(server).ends(0, 0), server);
    let ends = [ends_of(Side::Home), ends_of(Side::Away)];
    let (tie_breaks, starts) = paths.tie_breaks_and_starts();
    let mut filler = Filler { layout, model, score, weights, ends, cells };
    filler.match_views(&paths);
    filler.add(TennisView::TieBreaks, 0, &tie_breaks);
    (0..paths.set).for_each(|set| filler.past_set(set));
    let mut to_come = paths.set;
    if paths.has_set_started() {
        paths.starts().for_each(|start| filler.current_set(paths.set, start));
        to_come += 1;
    }
    if to_come < layout.sets() {
        let fresh = [FreshSet::new(model, Side::Home), FreshSet::new(model, Side::Away)];
        for set in to_come..layout.sets() {
            filler.later_set(set, &fresh, starts.servers[set], starts.over_before[set]);
        }
    }
}

/// What the markets of single games need of a set from its first game; alike in every set that has games.
struct FreshSet<R> {
    races: [R; RACES],
    /// Probability that each game is played.
    reached: [R; GAMES_RECORDED],
    over: [R; GAMES_RECORDED],
}

impl<R: Real> FreshSet<R> {
    #[inline(always)]
    fn new(model: &TennisModel<R>, server: Side) -> Self {
        let path = model.set(0, server);
        Self {
            races: std::array::from_fn(|race| path.home_wins_race(race as u8 + RACE_GAMES_MIN)),
            reached: std::array::from_fn(|game| path.reaches_game(game)),
            over: games_over(path),
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

    #[inline(always)]
    fn match_views(&mut self, paths: &MatchPaths<'_, R>) {
        self.sequences(paths);
        let (low, high) = (self.layout.total_min, self.layout.total_max);
        let totals = paths.totals();
        self.add(TennisView::WinnerTotal, 0, &totals[0][low..=high]);
        self.add(TennisView::WinnerTotal, high - low + 1, &totals[1][low..=high]);
        let (of_both, of_winner) = (TennisView::TotalGames.index(), TennisView::WinnerTotal.index());
        let (of_both, of_winner) = (self.layout.offsets[of_both], self.layout.offsets[of_winner]);
        for cell in 0..=high - low {
            self.cells[of_both + cell] =
                self.cells[of_winner + cell] + self.cells[of_winner + high - low + 1 + cell];
        }
        let differences = paths.differences();
        self.add(TennisView::Difference, 0, &differences[DIFFERENCE_ZERO - self.layout.difference_max..]);
        for side in Side::BOTH {
            self.add(TennisView::PlayerGames(side), 0, &paths.player_games(side));
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
                Some(winner) => self.set_one(view, winner.map_or(2, Side::index)),
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
        let over = games_over(path);
        for game in 0..GAMES_RECORDED {
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
            let mut reached = [R::default(); 2];
            reached[path.server_after(game).index()] = path.reaches_game(game);
            self.game(view, reached, over[game]);
        }
    }

    /// A game that is not played with the probability `over`, else served by home or away.
    #[inline(always)]
    fn game(&mut self, view: TennisView, reached: [R; 2], over: R) {
        let start = self.layout.offsets[view.index()];
        let cells = &mut self.cells[start..start + GAME_CELLS];
        let [home, away] = &self.ends;
        for ((cell, &home), &away) in cells.iter_mut().zip(home).zip(away) {
            *cell += (reached[0] * home + reached[1] * away).weighted(self.weights);
        }
        cells[GAME_CELLS - 1] += over.weighted(self.weights);
    }

    #[inline(always)]
    fn later_set(&mut self, set: usize, fresh: &[FreshSet<R>; 2], starts: [R; 2], over_before: R) {
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
        for (race, games) in (RACE_GAMES_MIN..=RACE_GAMES_MAX).enumerate() {
            let homes = [fresh[0].races[race], fresh[1].races[race]];
            let cells = [mean(homes), mean(homes.map(R::complement)), over_before];
            self.add(TennisView::Race(set as u8, games), 0, &cells);
        }
        for game in 0..GAMES_RECORDED {
            // Whoever serves first serves every other game.
            let mut reached = [0, 1].map(|server| starts[server] * fresh[server].reached[game]);
            if game % 2 == 1 {
                reached.swap(0, 1);
            }
            let over = over_before + mean([fresh[0].over[game], fresh[1].over[game]]);
            self.game(TennisView::Game(set as u8, game as u8), reached, over);
        }
    }
}

/// Races of a set.
const RACES: usize = (RACE_GAMES_MAX - RACE_GAMES_MIN) as usize + 1;

/// The ends of a game by side instead of by server and receiver: home to 0, 15, 30, 40, then away.
#[inline(always)]
fn by_side<R>(mut ends: [R; GAME_ENDS], server: Side) -> [R; GAME_ENDS] {
    if server == Side::Away {
        ends.rotate_left(GAME_ENDS / 2);
    }
    ends
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
