//! The probabilities of every tennis view, from the serve levels and the score.

use oddsengine_markets::tennis::{
    GAME_CELLS, GAMES_RECORDED, Layout, RACE_GAMES_MAX, RACE_GAMES_MIN, Side, TennisFormat, TennisScore,
    TennisState, TennisView, game_cell, race_winner,
};

use super::game::GAME_ENDS;
use super::model::TennisModel;
use super::parameters::{ServeLevels, TennisParameters};
use super::paths::{DIFFERENCE_ZERO, MatchPaths};
use super::real::Real;
use super::set::SetPath;
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
            fill_levels(layout, format, score, serve, weights, cells)
        }
    }
    layout
}

fn fill_levels<R: Real>(
    layout: &Layout,
    format: &TennisFormat,
    score: &TennisScore,
    serve: [R; 2],
    weights: R,
    cells: &mut [f64],
) {
    let model = TennisModel::unchecked(format, serve);
    match score.server {
        Some(server) => add_views(layout, &model, score, server, weights, cells),
        // Before the toss either side may serve first.
        None => {
            let half = weights * R::of(0.5);
            Side::BOTH.into_iter().for_each(|server| add_views(layout, &model, score, server, half, cells));
        }
    }
}

fn add_views<R: Real>(
    layout: &Layout,
    model: &TennisModel<R>,
    score: &TennisScore,
    server: Side,
    weights: R,
    cells: &mut [f64],
) {
    let paths = MatchPaths::new(model, score, server);
    let mut filler = Filler { layout, model, score, weights, cells };
    filler.match_views(&paths);
    let (tie_breaks, starts) = paths.tie_breaks_and_starts();
    filler.add(TennisView::TieBreaks, 0, &tie_breaks);
    let fresh = Side::BOTH.map(|server| FreshSet::new(model, server));
    for set in 0..layout.sets() {
        match set.cmp(&paths.set) {
            std::cmp::Ordering::Less => filler.past_set(set),
            std::cmp::Ordering::Equal => filler.current_set(set, &paths.current, server),
            std::cmp::Ordering::Greater => {
                filler.later_set(set, &fresh, starts.servers[set], starts.over_before[set]);
            }
        }
    }
}

/// What the markets of single games need of a set from its first game; alike in every set that has games.
struct FreshSet<R> {
    races: [R; RACES],
    /// Probability that each game is played, and how it ends: home to 0, 15, 30, 40, then away.
    games: [(R, [R; GAME_ENDS]); GAMES_RECORDED],
    over: [R; GAMES_RECORDED],
}

impl<R: Real> FreshSet<R> {
    fn new(model: &TennisModel<R>, server: Side) -> Self {
        let path = model.set(0, server);
        let ends = Side::BOTH.map(|server| by_side(model.game(server).ends(0, 0), server));
        Self {
            races: std::array::from_fn(|race| path.home_wins_race(race as u8 + RACE_GAMES_MIN)),
            games: std::array::from_fn(|game| {
                (path.reaches_game(game), ends[path.server_after(game).index()])
            }),
            over: games_over(path),
        }
    }
}

struct Filler<'a, R: Real> {
    layout: &'a Layout,
    model: &'a TennisModel<R>,
    score: &'a TennisScore,
    weights: R,
    cells: &'a mut [f64],
}

impl<R: Real> Filler<'_, R> {
    /// Adds probabilities to the cells of a view from `first` on, as many as it has.
    #[inline]
    fn add(&mut self, view: TennisView, first: usize, probabilities: &[R]) {
        let (start, end) = (self.layout.offsets[view.index()], self.layout.offsets[view.index() + 1]);
        for (cell, p) in self.cells[start + first..end].iter_mut().zip(probabilities) {
            *cell += p.weighted(self.weights);
        }
    }

    #[inline]
    fn add_one(&mut self, view: TennisView, cell: usize, p: R) {
        self.cells[self.layout.offsets[view.index()] + cell] += p.weighted(self.weights);
    }

    /// A cell that is certain.
    #[inline]
    fn set_one(&mut self, view: TennisView, cell: usize) {
        self.add_one(view, cell, R::ONE);
    }

    fn match_views(&mut self, paths: &MatchPaths<'_, R>) {
        self.sequences(paths);
        let (low, high) = (self.layout.total_min, self.layout.total_max);
        let [home, away] = paths.totals();
        self.add(TennisView::WinnerTotal, 0, &home[low..=high]);
        self.add(TennisView::WinnerTotal, high - low + 1, &away[low..=high]);
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

    fn sequences(&mut self, paths: &MatchPaths<'_, R>) {
        let current = paths.current.home();
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

    fn current_set(&mut self, set: usize, path: &SetPath<R>, server: Side) {
        let count = self.layout.set_rule(set).end_count();
        let view = TennisView::SetScore(set as u8);
        self.add(view, 0, &path.ends[0][..count]);
        self.add(view, count, &path.ends[1][..count]);
        if !self.layout.has_games(set as u8) {
            return;
        }
        self.races(set, |games| path.home_wins_race(games));
        let now: usize = self.score.games[set].map(usize::from).iter().sum();
        let over = games_over(path);
        let fresh = Side::BOTH.map(|server| by_side(self.model.game(server).ends(0, 0), server));
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
            self.game(view, &fresh[path.server_after(game).index()], path.reaches_game(game), over[game]);
        }
    }

    /// A game that is played with the probability `reached` and not played with `over`.
    #[inline]
    fn game(&mut self, view: TennisView, ends: &[R; GAME_ENDS], reached: R, over: R) {
        let start = self.layout.offsets[view.index()];
        let weights = self.weights * reached;
        let cells = &mut self.cells[start..start + GAME_CELLS];
        for (cell, p) in cells.iter_mut().zip(ends) {
            *cell += p.weighted(weights);
        }
        cells[GAME_CELLS - 1] += over.weighted(self.weights);
    }

    fn later_set(&mut self, set: usize, fresh: &[FreshSet<R>; 2], starts: [R; 2], over_before: R) {
        let view = TennisView::SetScore(set as u8);
        let count = self.layout.set_rule(set).end_count();
        self.add_one(view, 2 * count, over_before);
        let has_games = self.layout.has_games(set as u8);
        let weights = self.weights;
        for server in Side::BOTH {
            let start = starts[server.index()];
            if start.is_zero() {
                continue;
            }
            let path = self.model.set(set, server);
            self.weights = weights * start;
            self.add(view, 0, &path.ends[0][..count]);
            self.add(view, count, &path.ends[1][..count]);
            if !has_games {
                continue;
            }
            let fresh = &fresh[server.index()];
            for (games, &home) in (RACE_GAMES_MIN..).zip(&fresh.races) {
                self.add(TennisView::Race(set as u8, games), 0, &[home, home.complement()]);
            }
            for (game, ((reached, ends), &over)) in fresh.games.iter().zip(&fresh.over).enumerate() {
                self.game(TennisView::Game(set as u8, game as u8), ends, *reached, over);
            }
        }
        self.weights = weights;
        if has_games {
            for games in RACE_GAMES_MIN..=RACE_GAMES_MAX {
                self.add_one(TennisView::Race(set as u8, games), 2, over_before);
            }
            for game in 0..GAMES_RECORDED {
                self.add_one(TennisView::Game(set as u8, game as u8), GAME_CELLS - 1, over_before);
            }
        }
    }
}

/// Races of a set.
const RACES: usize = (RACE_GAMES_MAX - RACE_GAMES_MIN) as usize + 1;

/// The ends of a game by side instead of by server and receiver: home to 0, 15, 30, 40, then away.
fn by_side<R>(mut ends: [R; GAME_ENDS], server: Side) -> [R; GAME_ENDS] {
    if server == Side::Away {
        ends.rotate_left(GAME_ENDS / 2);
    }
    ends
}

/// Probability that the set is over before each game: exactly zero where it cannot be.
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
