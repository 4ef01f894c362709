//! The probabilities of every tennis view, from the serve levels and the score.

use oddsengine_markets::tennis::{
    GAME_CELLS, GAMES_RECORDED, Layout, RACE_GAMES_MAX, RACE_GAMES_MIN, Side, TennisScore, TennisState,
    TennisView, game_cell, race_winner,
};

use super::game::GAME_ENDS;
use super::model::TennisModel;
use super::parameters::TennisParameters;
use super::paths::{DIFFERENCE_ZERO, MatchPaths};
use super::set::SetPath;
use crate::board::ViewPrefixes;

/// More cells than any format has.
pub const CELLS_MAX: usize = 1_280;

/// Fills the prefix sums of every view of a tennis match.
pub fn fill_views(parameters: &TennisParameters, state: &TennisState, prefixes: &mut ViewPrefixes) {
    let mut cells = [0.0; CELLS_MAX];
    let layout = fill_cells(parameters, state, &mut cells);
    for (view, range) in layout.offsets.windows(2).enumerate() {
        let cells = &cells[range[0]..range[1]];
        prefixes.set(view, cells, 1.0 / cells.iter().sum::<f64>());
    }
}

/// Fills the probabilities of every view, one view after another as [`Layout::offsets`] says.
pub fn fill_cells(
    parameters: &TennisParameters,
    state: &TennisState,
    cells: &mut [f64; CELLS_MAX],
) -> &'static Layout {
    let (format, score) = (&state.format, &state.score);
    let layout = Layout::of(format);
    debug_assert!(layout.cell_total() <= CELLS_MAX);
    cells[..layout.cell_total()].fill(0.0);
    if score.winner(format).is_some() {
        for (index, &view) in layout.views.iter().enumerate() {
            cells[layout.offsets[index] + layout.cell(view, format, score)] = 1.0;
        }
        return layout;
    }
    for (serve, weight) in parameters.during(state).iter() {
        let model = TennisModel::unchecked(format, serve);
        match score.server {
            Some(server) => add_views(layout, &model, score, server, weight, cells),
            // Before the toss either side may serve first.
            None => Side::BOTH
                .into_iter()
                .for_each(|server| add_views(layout, &model, score, server, 0.5 * weight, cells)),
        }
    }
    layout
}

fn add_views(
    layout: &Layout,
    model: &TennisModel,
    score: &TennisScore,
    server: Side,
    weight: f64,
    cells: &mut [f64],
) {
    let paths = MatchPaths::new(model, score, server);
    let mut filler = Filler { layout, model, score, weight, cells };
    filler.match_views(&paths);
    let (tie_breaks, starts) = paths.tie_breaks_and_starts();
    filler.add(TennisView::TieBreaks, 0, &tie_breaks);
    for set in 0..layout_sets(layout) {
        match set.cmp(&paths.set) {
            std::cmp::Ordering::Less => filler.past_set(set),
            std::cmp::Ordering::Equal => filler.current_set(set, &paths.current, server),
            std::cmp::Ordering::Greater => {
                filler.later_set(set, starts.servers[set], starts.over_before[set]);
            }
        }
    }
}

fn layout_sets(layout: &Layout) -> usize {
    layout.cell_count(TennisView::TieBreaks) - 1
}

struct Filler<'a> {
    layout: &'a Layout,
    model: &'a TennisModel,
    score: &'a TennisScore,
    weight: f64,
    cells: &'a mut [f64],
}

impl Filler<'_> {
    /// Adds probabilities to the cells of a view from `first` on, as many as it has.
    #[inline]
    fn add(&mut self, view: TennisView, first: usize, probabilities: &[f64]) {
        let (start, end) = (self.layout.offsets[view.index()], self.layout.offsets[view.index() + 1]);
        for (cell, p) in self.cells[start + first..end].iter_mut().zip(probabilities) {
            *cell += self.weight * p;
        }
    }

    #[inline]
    fn add_one(&mut self, view: TennisView, cell: usize, p: f64) {
        self.cells[self.layout.offsets[view.index()] + cell] += self.weight * p;
    }

    fn match_views(&mut self, paths: &MatchPaths<'_>) {
        self.sequences(paths);
        let (low, high) = (self.layout.total_min, self.layout.total_max);
        let [home, away] = paths.totals();
        self.add(TennisView::WinnerTotal, 0, &home[low..=high]);
        self.add(TennisView::WinnerTotal, high - low + 1, &away[low..=high]);
        self.add(TennisView::TotalGames, 0, &home[low..=high]);
        self.add(TennisView::TotalGames, 0, &away[low..=high]);
        let differences = paths.differences();
        self.add(TennisView::Difference, 0, &differences[DIFFERENCE_ZERO - self.layout.difference_max..]);
        for side in Side::BOTH {
            self.add(TennisView::PlayerGames(side), 0, &paths.player_games(side));
        }
    }

    fn sequences(&mut self, paths: &MatchPaths<'_>) {
        let current = paths.current.home();
        let chance = |is_away: bool, home: f64| if is_away { 1.0 - home } else { home };
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
                p *= chance(is_away(set), self.model.set_home(set));
            }
            self.add_one(TennisView::Sequence, cell, p);
        }
    }

    fn past_set(&mut self, set: usize) {
        let cell = self.layout.set_score_cell(set, self.score.games[set]);
        self.add_one(TennisView::SetScore(set as u8), cell, 1.0);
        if !self.layout.has_games(set as u8) {
            return;
        }
        self.past_races(set, |_, _| unreachable!("a completed set has decided its races"));
        for game in 0..GAMES_RECORDED {
            let cell = self.score.game(set, game).map_or(GAME_CELLS - 1, game_cell);
            self.add_one(TennisView::Game(set as u8, game as u8), cell, 1.0);
        }
    }

    /// Races that are decided; `open` fills the others.
    fn past_races(&mut self, set: usize, mut open: impl FnMut(&mut Self, u8)) {
        for games in RACE_GAMES_MIN..=RACE_GAMES_MAX {
            match race_winner(self.score, set, games) {
                Some(winner) => {
                    let cell = winner.map_or(2, Side::index);
                    self.add_one(TennisView::Race(set as u8, games), cell, 1.0);
                }
                None => open(self, games),
            }
        }
    }

    fn current_set(&mut self, set: usize, path: &SetPath, server: Side) {
        let count = self.layout.set_rule(set).end_count();
        let view = TennisView::SetScore(set as u8);
        self.add(view, 0, &path.ends[0][..count]);
        self.add(view, count, &path.ends[1][..count]);
        if !self.layout.has_games(set as u8) {
            return;
        }
        self.past_races(set, |filler, games| {
            let home = path.home_wins_race(games);
            filler.add(TennisView::Race(set as u8, games), 0, &[home, 1.0 - home]);
        });
        let [home, away] = self.score.games[set].map(usize::from);
        let now = home + away;
        let over = games_over(path, count);
        for game in 0..GAMES_RECORDED {
            let view = TennisView::Game(set as u8, game as u8);
            if let Some(record) = self.score.game(set, game) {
                self.add_one(view, game_cell(record), 1.0);
                continue;
            }
            let [own, other] = match server {
                Side::Home => self.score.points,
                Side::Away => [self.score.points[1], self.score.points[0]],
            };
            let points = if game == now { [own, other].map(usize::from) } else { [0; 2] };
            let server = path.server_after(game);
            let ends = by_side(self.model.game(server).ends(points[0], points[1]), server);
            let reached = path.reaches_game(game);
            self.add(view, 0, &ends.map(|p| p * reached));
            self.add_one(view, GAME_CELLS - 1, over[game]);
        }
    }

    fn later_set(&mut self, set: usize, starts: [f64; 2], over_before: f64) {
        let view = TennisView::SetScore(set as u8);
        let count = self.layout.set_rule(set).end_count();
        self.add_one(view, 2 * count, over_before);
        let has_games = self.layout.has_games(set as u8);
        let fresh = Side::BOTH.map(|server| by_side(self.model.game(server).ends(0, 0), server));
        for server in Side::BOTH {
            let start = starts[server.index()];
            if start == 0.0 {
                continue;
            }
            let path = self.model.set(set, server);
            let weight = self.weight;
            self.weight *= start;
            self.add(view, 0, &path.ends[0][..count]);
            self.add(view, count, &path.ends[1][..count]);
            if has_games {
                for games in RACE_GAMES_MIN..=RACE_GAMES_MAX {
                    let home = path.home_wins_race(games);
                    self.add(TennisView::Race(set as u8, games), 0, &[home, 1.0 - home]);
                }
                let over = games_over(path, count);
                for game in 0..GAMES_RECORDED {
                    let view = TennisView::Game(set as u8, game as u8);
                    let reached = path.reaches_game(game);
                    let ends = &fresh[path.server_after(game).index()];
                    self.add(view, 0, &ends.map(|p| p * reached));
                    self.add_one(view, GAME_CELLS - 1, over[game]);
                }
            }
            self.weight = weight;
        }
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

/// The ends of a game by side instead of by server and receiver: home to 0, 15, 30, 40, then away.
fn by_side(mut ends: [f64; GAME_ENDS], server: Side) -> [f64; GAME_ENDS] {
    if server == Side::Away {
        ends.rotate_left(GAME_ENDS / 2);
    }
    ends
}

/// Probability that the set is over before each game: exactly zero where it cannot be.
fn games_over(path: &SetPath, end_count: usize) -> [f64; GAMES_RECORDED] {
    let mut over = [0.0; GAMES_RECORDED];
    for ends in &path.ends {
        // Scores up to 6-4; a set of twelve games or more reaches every recorded game.
        for (loser, p) in ends[..end_count.min(5)].iter().enumerate() {
            over[6 + loser] += p;
        }
    }
    let mut sum = 0.0;
    for slot in &mut over {
        sum += *slot;
        *slot = sum;
    }
    over
}
