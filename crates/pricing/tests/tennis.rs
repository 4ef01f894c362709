//! Every cell of every tennis view against a second way to compute it: points by iteration, sets by walking every order of
//! games, matches by walking every sequence of set scores. Nothing is shared but the layout of the cells.

use oddsengine_markets::tennis::{
    BestOf, FinalSet, GameRecord, Layout, SetRule, Side, TennisFormat, TennisGates,
    TennisIncidentKind as Kind, TennisScore, TennisState, TennisView,
};
use oddsengine_markets::{Format, LivePhase, LiveState, template_of};
use oddsengine_pricing::board::{ViewPrefixes, fair_probability};
use oddsengine_pricing::model::{ModelConfig, Models, Parameters};
use oddsengine_pricing::tennis::live_views::CELLS_MAX;
use oddsengine_pricing::tennis::{StateTable, TennisModel, TennisParameters, fill_cells};

/// The chance to win a contest to `target` points, two ahead unless `sudden`, from a score; `chance(played)` is that of a point.
fn contest(target: usize, is_sudden: bool, from: [usize; 2], chance: &dyn Fn(usize) -> f64) -> f64 {
    const SIDE: usize = 150;
    let mut values = vec![0.5; (SIDE + 1) * (SIDE + 1)];
    for own in (0..SIDE).rev() {
        for other in (0..SIDE).rev() {
            let over = |a: usize, b: usize| a >= target && (is_sudden || a >= b + 2);
            values[own * (SIDE + 1) + other] = if over(own, other) {
                1.0
            } else if over(other, own) {
                0.0
            } else {
                let p = chance(own + other);
                p * values[(own + 1) * (SIDE + 1) + other] + (1.0 - p) * values[own * (SIDE + 1) + other + 1]
            };
        }
    }
    values[from[0] * (SIDE + 1) + from[1]]
}

struct Reference {
    format: TennisFormat,
    serve: [f64; 2],
    /// By server: how a game from 0-0 ends, home to 0, 15, 30, 40, then away.
    game_ends: [[f64; 8]; 2],
    /// Tie-break of a set, by (deciding, first server).
    tie_break: [[f64; 2]; 2],
}

impl Reference {
    fn new(format: &TennisFormat, serve: [f64; 2]) -> Self {
        let mut reference =
            Self { format: *format, serve, game_ends: [[0.0; 8]; 2], tie_break: [[0.0; 2]; 2] };
        for server in Side::BOTH {
            reference.game_ends[server.index()] = reference.ends(server, [0; 2]);
            for (kind, set) in [0, format.best_of.sets() - 1].into_iter().enumerate() {
                if let SetRule::TieBreak { points, .. } | SetRule::MatchTieBreak { points } =
                    format.set_rule(set)
                {
                    reference.tie_break[kind][server.index()] = reference.tie_break(server, points, [0; 2]);
                }
            }
        }
        reference
    }

    fn home_point(&self, server: Side) -> f64 {
        if server == Side::Home { self.serve[0] } else { 1.0 - self.serve[1] }
    }

    fn tie_break(&self, first: Side, points: u8, from: [u8; 2]) -> f64 {
        let order = [0, 1, 1, 0];
        let chance = |played: usize| {
            let server = if order[played % 4] == 0 { first } else { first.other() };
            self.home_point(server)
        };
        contest(points.into(), false, from.map(usize::from), &chance)
    }

    /// How a game ends: every path of points up to deuce.
    fn ends(&self, server: Side, from: [u8; 2]) -> [f64; 8] {
        let p = self.home_point(server);
        let mut ends = [0.0; 8];
        let mut open = vec![(from.map(usize::from), 1.0)];
        while let Some((points, weight)) = open.pop() {
            if points[0] >= 3 && points[1] >= 3 {
                let home = contest(4, self.format.is_no_ad, points, &|_| p);
                ends[3] += weight * home;
                ends[7] += weight * (1.0 - home);
            } else if points[0] == 4 {
                ends[points[1]] += weight;
            } else if points[1] == 4 {
                ends[4 + points[0]] += weight;
            } else {
                open.push(([points[0] + 1, points[1]], weight * p));
                open.push(([points[0], points[1] + 1], weight * (1.0 - p)));
            }
        }
        ends
    }

    /// Every way a set can go on: final score with up to twelve games in order (`winner`, `loser_points`), and its weight.
    fn set_paths(&self, score: &TennisScore, server: Side, visit: &mut dyn FnMut(&TennisScore, f64)) {
        let set = usize::from(score.sets_played);
        let start = score.games[set];
        let first = (server, usize::from(start[0] + start[1]));
        self.walk(*score, first, first, 1.0, visit);
    }

    /// `first` is the server with the number of games when the walk began.
    fn walk(
        &self,
        score: TennisScore,
        first: (Side, usize),
        origin: (Side, usize),
        weight: f64,
        visit: &mut dyn FnMut(&TennisScore, f64),
    ) {
        let set = usize::from(score.sets_played);
        let games = score.games[set];
        let rule = self.format.set_rule(set);
        if rule.winner(games).is_some() {
            let mut done = score;
            done.sets_played += 1;
            done.points = [0; 2];
            return visit(&done, weight);
        }
        let played = usize::from(games[0] + games[1]);
        let server = if (played - first.1).is_multiple_of(2) { first.0 } else { first.0.other() };
        let points = if played == origin.1 { score.points } else { [0; 2] };
        let is_long = games[0].max(games[1]) >= 6 && games[0] + games[1] >= 12;
        let home = match rule.tie_break_points(games) {
            Some(to) if points == [0; 2] => {
                self.tie_break[self.kind(set)][server.index()] + 0.0 * f64::from(to)
            }
            Some(to) => self.tie_break(server, to, points),
            None if points == [0; 2] => self.game_ends[server.index()][..4].iter().sum(),
            None => self.ends(server, points)[..4].iter().sum(),
        };
        // Beyond 60 games the rest is shared as at 50-50: its weight is below 1e-9 for the serve levels used here.
        if is_long && games[0] + games[1] > 60 {
            for side in Side::BOTH {
                let mut done = score;
                done.games[set][side.index()] += 2;
                done.sets_played += 1;
                visit(&done, 0.5 * weight);
            }
            return;
        }
        if is_long && games[0] == games[1] && rule.tie_break_points(games).is_none() {
            // No game from here on has a market: both go to one side, or the score is level again.
            let later: f64 = self.game_ends[server.other().index()][..4].iter().sum();
            let (both, none) = (home * later, (1.0 - home) * (1.0 - later));
            for (won, p) in [([2, 0], both), ([0, 2], none), ([1, 1], 1.0 - both - none)] {
                let mut next = score;
                next.games[set] = [games[0] + won[0], games[1] + won[1]];
                next.points = [0; 2];
                self.walk(next, first, origin, weight * p, visit);
            }
            return;
        }
        for side in Side::BOTH {
            let mut next = score;
            next.games[set][side.index()] += 1;
            if played < 12 {
                next.records[set][played] = GameRecord::won_by(side);
            }
            let p = if side == Side::Home { home } else { 1.0 - home };
            self.walk(next, first, origin, weight * p, visit);
        }
    }

    fn kind(&self, set: usize) -> usize {
        usize::from(set + 1 == self.format.best_of.sets())
    }
}

type Weighted<T> = Vec<(T, f64)>;

/// A set from its first game, merged: by (games, next server) for the match, and its own views' cells.
struct SetTable {
    /// Final games and who serves next.
    ends: Weighted<([u8; 2], Side)>,
    /// Per view of the set that is about games, races: probability by cell; indexes as in the layout's first set.
    cells: Vec<(TennisView, Vec<f64>)>,
}

impl SetTable {
    fn new(reference: &Reference, layout: &Layout, score: &TennisScore, server: Side) -> Self {
        let set = usize::from(score.sets_played);
        let mut ends: Weighted<([u8; 2], Side)> = Vec::new();
        let mut cells: Vec<(TennisView, Vec<f64>)> = layout
            .views
            .iter()
            .filter(|view| match **view {
                TennisView::SetScore(of) | TennisView::Race(of, _) | TennisView::Game(of, _) => {
                    usize::from(of) == set
                }
                _ => false,
            })
            .map(|&view| (view, vec![0.0; layout.cell_count(view)]))
            .collect();
        let start = score.games[set];
        let start_count = usize::from(start[0] + start[1]);
        let current_ends = reference.ends(server, score.points);
        reference.set_paths(score, server, &mut |done, weight| {
            let games = done.games[set];
            let count = usize::from(games[0] + games[1]);
            let next = if (count - start_count) % 2 == 0 { server } else { server.other() };
            match ends.iter_mut().find(|(end, _)| *end == (games, next)) {
                Some((_, known)) => *known += weight,
                None => ends.push(((games, next), weight)),
            }
            for (view, cells) in &mut cells {
                let TennisView::Game(_, game) = *view else {
                    cells[layout.cell(*view, &reference.format, done)] += weight;
                    continue;
                };
                let game = usize::from(game);
                if game < start_count || game >= count.min(12) {
                    cells[layout.cell(*view, &reference.format, done)] += weight;
                    continue;
                }
                // The winner is on the path; how the game ended is independent of the rest.
                let server = if (game - start_count) % 2 == 0 { server } else { server.other() };
                let later_ends = &reference.game_ends[server.index()];
                let ends = if game == start_count { &current_ends } else { later_ends };
                let winner = done.game(set, game).unwrap().winner().unwrap();
                let of_winner = &ends[winner.index() * 4..winner.index() * 4 + 4];
                let sum: f64 = of_winner.iter().sum();
                for (loser, end) in of_winner.iter().enumerate() {
                    cells[winner.index() * 4 + loser] += weight * end / sum;
                }
            }
        });
        Self { ends, cells }
    }
}

/// All cells of all views, by walking every sequence of set scores.
fn reference_cells(format: &TennisFormat, serve: [f64; 2], score: &TennisScore, server: Side) -> Vec<f64> {
    let layout = Layout::of(format);
    let reference = Reference::new(format, serve);
    let mut cells = vec![0.0; layout.cell_total()];
    let fresh: Vec<[SetTable; 2]> = (0..format.best_of.sets())
        .map(|set| {
            Side::BOTH.map(|server| {
                let empty = TennisScore { sets_played: set as u8, ..TennisScore::default() };
                SetTable::new(&reference, layout, &empty, server)
            })
        })
        .collect();
    let set_now = usize::from(score.sets_played);
    let current = SetTable::new(&reference, layout, score, server);
    // Past sets are what they were.
    for (index, &view) in layout.views.iter().enumerate() {
        if let TennisView::SetScore(set) | TennisView::Race(set, _) | TennisView::Game(set, _) = view
            && usize::from(set) < set_now
        {
            cells[layout.offsets[index] + layout.cell(view, format, score)] = 1.0;
        }
    }
    let add_set = |cells: &mut Vec<f64>, table: &SetTable, weight: f64| {
        for (view, probabilities) in &table.cells {
            for (cell, p) in probabilities.iter().enumerate() {
                cells[layout.offsets[view.index()] + cell] += weight * p;
            }
        }
    };
    add_set(&mut cells, &current, 1.0);
    let mut open = Vec::new();
    let push =
        |open: &mut Vec<(TennisScore, Side, f64)>, score: &TennisScore, table: &SetTable, weight: f64| {
            for &((games, next), p) in &table.ends {
                let mut done = *score;
                done.games[usize::from(score.sets_played)] = games;
                done.sets_played += 1;
                done.points = [0; 2];
                open.push((done, next, weight * p));
            }
        };
    push(&mut open, score, &current, 1.0);
    while let Some((score, next, weight)) = open.pop() {
        let set = usize::from(score.sets_played);
        if score.winner(format).is_none() {
            let table = &fresh[set][next.index()];
            add_set(&mut cells, table, weight);
            push(&mut open, &score, table, weight);
            continue;
        }
        for (index, &view) in layout.views.iter().enumerate() {
            let is_set = match view {
                TennisView::SetScore(of) | TennisView::Race(of, _) | TennisView::Game(of, _) => {
                    // Not played: only these are counted at the end.
                    if usize::from(of) < set {
                        continue;
                    }
                    true
                }
                _ => false,
            };
            let cell = layout.cell(view, format, &score);
            assert!(!is_set || cell == layout.cell_count(view) - 1);
            cells[layout.offsets[index] + cell] += weight;
        }
    }
    cells
}

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A state of random play: after `count` points.
fn random_state(random: &mut Lcg, format: &TennisFormat, count: u64) -> TennisState {
    loop {
        let mut state = TennisState::new(*format);
        state.apply(&Kind::Start(Side::BOTH[random.below(2) as usize]).into()).unwrap();
        for _ in 0..count {
            let side = Side::BOTH[random.below(2) as usize];
            state.apply(&Kind::Point(side).into()).unwrap();
            if state.phase() == LivePhase::Finished {
                break;
            }
        }
        if state.phase() == LivePhase::InPlay {
            return state;
        }
    }
}

fn compare(format: &TennisFormat, serve: [f64; 2], state: &TennisState, tolerance: f64) {
    let layout = Layout::of(format);
    let parameters = TennisParameters { serve, prior_points: None };
    let mut cells = [f64::NAN; CELLS_MAX];
    fill_cells(&parameters, state, &mut cells);
    let expected = match state.score.server {
        Some(server) => reference_cells(format, serve, &state.score, server),
        None => {
            let [home, away] = Side::BOTH.map(|server| reference_cells(format, serve, &state.score, server));
            home.iter().zip(&away).map(|(a, b)| 0.5 * (a + b)).collect()
        }
    };
    let gates = TennisGates::new(format, &state.score);
    for (index, view) in layout.views.iter().enumerate() {
        let range = layout.offsets[index]..layout.offsets[index + 1];
        let sum: f64 = cells[range.clone()].iter().sum();
        assert!((sum - 1.0).abs() < 1e-12, "{format:?} {view:?} sums to {sum}");
        for (cell, at) in range.enumerate() {
            let (got, wanted) = (cells[at], expected[at]);
            assert!(
                (got - wanted).abs() < tolerance,
                "{format:?} {view:?} cell {cell}: {got} is not {wanted} at {:?}",
                state.score
            );
            assert!(gates.view(index as u8).contains(cell) || got == 0.0, "{view:?} cell {cell} has {got}");
        }
    }
    if state.score.server.is_some() {
        let model = TennisModel::new(format, serve).unwrap();
        let table = StateTable::new(&model);
        let home: f64 = layout
            .sequences
            .iter()
            .zip(&expected)
            .filter(|((bits, count), _)| 2 * bits.count_ones() < u32::from(*count))
            .map(|(_, p)| p)
            .sum();
        assert!((table.match_home(&state.score) - home).abs() < tolerance);
        assert!((model.match_home(&state.score) - home).abs() < tolerance);
    }
}

#[test]
fn every_cell_of_best_of_3_equals_enumeration() {
    let mut random = Lcg(5);
    for final_set in FinalSet::ALL {
        for is_no_ad in [false, true] {
            let format = TennisFormat { final_set, is_no_ad, ..TennisFormat::default() };
            // Beyond 60 games of a set the reference is rough.
            let tolerance = if final_set == FinalSet::Advantage { 1e-6 } else { 1e-11 };
            compare(&format, [0.63, 0.58], &TennisState::new(format), tolerance);
            for count in [0, 3, 40, 75, 90, 110, 130] {
                let state = random_state(&mut random, &format, count);
                compare(&format, [0.57, 0.64], &state, tolerance);
            }
        }
    }
}

#[test]
fn every_cell_of_best_of_5_equals_enumeration() {
    let mut random = Lcg(6);
    for final_set in [FinalSet::TieBreak7, FinalSet::TieBreak7At12] {
        let format = TennisFormat { best_of: BestOf::Five, final_set, ..TennisFormat::default() };
        for count in [0, 60, 200] {
            let state = random_state(&mut random, &format, count);
            compare(&format, [0.66, 0.62], &state, 1e-11);
        }
    }
}

/// A tie-break at every score, also beyond the target.
#[test]
fn every_cell_within_a_tie_break() {
    let format = TennisFormat::default();
    for points in [[0, 0], [3, 5], [6, 6], [8, 7], [9, 10]] {
        for server in Side::BOTH {
            let mut score = TennisScore { server: Some(server), points, ..TennisScore::default() };
            score.games[0] = [6, 6];
            for game in 0..12 {
                score.records[0][game] = GameRecord::won_by(Side::BOTH[game % 2]);
            }
            let state = TennisState { is_started: true, score, ..TennisState::new(format) };
            compare(&format, [0.64, 0.6], &state, 1e-11);
        }
    }
}

/// The table against the model at every point of random matches of every format.
#[test]
fn the_state_table_is_the_model_at_every_score() {
    let mut random = Lcg(8);
    for best_of in BestOf::ALL {
        for final_set in FinalSet::ALL {
            for is_no_ad in [false, true] {
                let format = TennisFormat { best_of, final_set, is_no_ad, ..TennisFormat::default() };
                let model = TennisModel::new(&format, [0.68, 0.65]).unwrap();
                let mut table = StateTable::new(&TennisModel::new(&format, [0.5, 0.5]).unwrap());
                table.fill(&model);
                for round in 0..30 {
                    let mut state = TennisState::new(format);
                    state.apply(&Kind::Start(Side::BOTH[round % 2]).into()).unwrap();
                    while state.phase() == LivePhase::InPlay {
                        let (got, wanted) = (table.match_home(&state.score), model.match_home(&state.score));
                        assert!((got - wanted).abs() < 1e-12, "{format:?} {:?}: {got} {wanted}", state.score);
                        let side = Side::BOTH[random.below(2) as usize];
                        state.apply(&Kind::Point(side).into()).unwrap();
                    }
                    assert_eq!(table.match_home(&state.score), model.match_home(&state.score));
                }
            }
        }
    }
}

/// Levels that are not known exactly: four pairs per price are within 0.0025 of a fine grid of levels.
#[test]
fn four_pairs_are_near_a_fine_grid_of_levels() {
    for (best_of, bound) in [(BestOf::Three, 1.5e-3), (BestOf::Five, 2.5e-3)] {
        let format = TennisFormat { best_of, ..TennisFormat::default() };
        for serve in [[0.64, 0.62], [0.68, 0.6], [0.58, 0.5]] {
            let parameters = TennisParameters { serve, prior_points: Some(300.0) };
            let state = TennisState::new(format);
            let quick = parameters.during(&state).match_home(&format, &TennisScore::default());
            let alone: f64 = parameters
                .during(&state)
                .pairs()
                .map(|(serve, weight)| {
                    weight * TennisModel::new(&format, serve).unwrap().match_home(&TennisScore::default())
                })
                .sum();
            assert!((quick - alone).abs() < 1e-15, "four at once are four alone");
            let nodes = |p: f64| -> Vec<(f64, f64)> {
                let density = |x: f64| {
                    libm::exp(
                        (300.0 * p - 1.0) * libm::log(x)
                            + (300.0 * (1.0 - p) - 1.0) * libm::log(1.0 - x)
                            + 200.0,
                    )
                };
                let grid: Vec<f64> = (0..61).map(|index| p - 0.15 + 0.005 * f64::from(index)).collect();
                let sum: f64 = grid.iter().map(|&x| density(x)).sum();
                grid.iter().map(|&x| (x, density(x) / sum)).collect()
            };
            let mut fine = 0.0;
            for (home, home_weight) in nodes(serve[0]) {
                for (away, away_weight) in nodes(serve[1]) {
                    let model = TennisModel::new(&format, [home, away]).unwrap();
                    fine += home_weight * away_weight * model.match_home(&TennisScore::default());
                }
            }
            println!("{best_of:?} {serve:?}: four pairs {quick:.6}, fine {fine:.6}");
            assert!((quick - fine).abs() < bound, "{best_of:?} {serve:?}: {quick} {fine}");
        }
    }
}

/// Whole boards at random states: books sum to their winners, lines are monotone, a finished match pays its result.
#[test]
fn boards_are_books_and_lines_are_monotone() {
    let models = Models::new(&ModelConfig::default()).unwrap();
    let mut random = Lcg(9);
    for best_of in BestOf::ALL {
        for final_set in FinalSet::ALL {
            let format = TennisFormat { best_of, final_set, ..TennisFormat::default() };
            let template = template_of(&Format::Tennis(format)).unwrap();
            let mut prefixes = ViewPrefixes::new(template);
            let count = template.selections.len();
            let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
            for prior_points in [None, Some(300.0)] {
                let parameters = Parameters::Tennis(TennisParameters { serve: [0.66, 0.6], prior_points });
                let mut state = TennisState::new(format);
                let mut step = 0;
                loop {
                    if step % 13 == 0 || state.phase() == LivePhase::Finished {
                        let live = LiveState::Tennis(Box::new(state));
                        assert!(models.fill(template, &parameters, &live, &mut prefixes));
                        prefixes.expectations(template, &mut win, &mut refund);
                        for market in &template.markets {
                            let sum: f64 = market
                                .selections()
                                .map(|s| win[s] + refund[s] / market.selection_count as f64)
                                .sum();
                            assert!((sum - 1.0).abs() < 1e-9, "{} sums to {sum}", market.key);
                        }
                        for family in &template.line_families {
                            let firsts = family
                                .clone()
                                .map(|market| usize::from(template.markets[market].first_selection));
                            let fair: Vec<f64> = firsts
                                .filter(|&s| refund[s] < 1.0 - 1e-12)
                                .map(|s| fair_probability(win[s], refund[s]))
                                .collect();
                            let falls = fair.is_sorted_by(|a, b| *b <= *a + 1e-12);
                            let rises = fair.is_sorted_by(|a, b| *a <= *b + 1e-12);
                            assert!(falls || rises, "{} {fair:?}", template.markets[family.start].key);
                        }
                    }
                    if state.phase() == LivePhase::Finished {
                        let outcome = LiveState::Tennis(Box::new(state)).outcome();
                        for selection in 0..count {
                            let grade = template.grade(selection, &outcome);
                            assert_eq!(
                                (win[selection], refund[selection]),
                                (grade.win_share(), grade.refund_share())
                            );
                        }
                        break;
                    }
                    let kind = match step {
                        0 => Kind::Start(Side::Away),
                        _ => Kind::Point(Side::BOTH[random.below(2) as usize]),
                    };
                    state.apply(&kind.into()).unwrap();
                    step += 1;
                }
            }
        }
    }
}
