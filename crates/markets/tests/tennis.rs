//! The compiled tennis templates against the rules they were compiled from, and what is possible against random play.

use std::collections::BTreeMap;

use oddsengine_markets::tennis::{
    BestOf, FinalSet, GameRecord, Layout, RetirementRule, ScoreAfter, Scoreboard, Side, TennisFormat,
    TennisGates, TennisIncident, TennisIncidentKind as Kind, TennisScore, TennisState,
};
use oddsengine_markets::{
    Format, Incident, LivePhase, LiveState, Outcome, Possible, Template, ViewMap, template_of,
};
use oddsengine_types::Grade;

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A point; the server wins 3 of 5.
    fn point(&mut self, state: &TennisState) -> Side {
        let server = state.score.point_server(&state.format).unwrap();
        if self.below(5) < 3 { server } else { server.other() }
    }
}

fn formats() -> impl Iterator<Item = TennisFormat> {
    BestOf::ALL.into_iter().flat_map(|best_of| {
        FinalSet::ALL.into_iter().map(move |final_set| TennisFormat {
            best_of,
            final_set,
            is_no_ad: final_set == FinalSet::MatchTieBreak10,
            ..TennisFormat::default()
        })
    })
}

fn template(format: &TennisFormat) -> &'static Template {
    template_of(&Format::Tennis(*format)).unwrap()
}

fn started(format: &TennisFormat, server: Side) -> TennisState {
    let mut state = TennisState::new(*format);
    state.apply(&Kind::Start(server).into()).unwrap();
    state
}

/// Plays until the match is over or `stop` says so.
fn play(random: &mut Lcg, state: &mut TennisState, mut stop: impl FnMut(&TennisState) -> bool) {
    while state.phase() == LivePhase::InPlay && !stop(state) {
        let side = random.point(state);
        state.apply(&Kind::Point(side).into()).unwrap();
    }
}

fn grade_on_cell(template: &Template, layout: &Layout, selection: usize, state: &TennisState) -> Grade {
    let view = layout.views[usize::from(template.view_of(selection))];
    let cell = layout.cell(view, &state.format, &state.score);
    template.grades[usize::from(template.grades_on_cells(selection)[cell])]
}

#[test]
fn templates_are_as_large_as_promised() {
    for format in formats() {
        let template = template(&format);
        let least = if format.best_of == BestOf::Three { (200, 550) } else { (400, 1_000) };
        assert!(template.markets.len() >= least.0, "{format:?}: {} markets", template.markets.len());
        assert!(template.selections.len() >= least.1, "{format:?}: {}", template.selections.len());
        println!(
            "{:?} {}: {} markets, {} selections, {} views, {} main cells",
            format.best_of,
            format.final_set.name(),
            template.markets.len(),
            template.selections.len(),
            template.views.len(),
            template.joint.main_count
        );
    }
}

/// The runs of a selection say the same as its rule at any outcome, and the winners of a market add up.
#[test]
fn runs_agree_with_rules_and_every_market_has_one_winner() {
    let mut random = Lcg(1);
    for format in formats() {
        let (template, layout) = (template(&format), Layout::of(&format));
        for round in 0..40 {
            let mut state = started(&format, Side::BOTH[round % 2]);
            play(&mut random, &mut state, |_| false);
            let outcome = Outcome::Tennis(Box::new(state.outcome()));
            for market in &template.markets {
                let grades: Vec<Grade> =
                    market.selections().map(|index| template.grade(index, &outcome)).collect();
                for (index, grade) in market.selections().zip(&grades) {
                    assert_eq!(
                        grade_on_cell(template, layout, index, &state),
                        *grade,
                        "{} at {:?}",
                        template.selection_text(index),
                        state.score.games
                    );
                }
                let won: f64 = grades.iter().map(|grade| grade.win_share()).sum();
                let is_void = grades.iter().all(|&grade| grade == Grade::VOID);
                let untold = market.key.ends_with("_score") && won == 0.0;
                assert!(is_void || won == 1.0 || untold, "{} {grades:?}", market.key);
                assert!(!untold || is_void, "{}", market.key);
            }
        }
    }
}

/// Whatever random play leads to was said to be possible, and a selection said to be decided had its final grade.
#[test]
fn what_happens_was_possible_and_what_was_decided_stays() {
    let mut random = Lcg(7);
    for format in formats() {
        let (template, layout) = (template(&format), Layout::of(&format));
        for round in 0..6 {
            let mut state = started(&format, Side::BOTH[round % 2]);
            let mut seen: Vec<(Vec<Option<Grade>>, Possible)> = Vec::new();
            let mut count = 0_u64;
            play(&mut random, &mut state, |state| {
                count += 1;
                if count % 9 == 1 {
                    let mut possible = Possible::default();
                    LiveState::Tennis(Box::new(*state)).fill_possible(template, &mut possible);
                    assert!(possible.main.is_sorted_by(|a, b| a < b));
                    let decided = |index: usize| {
                        let before = &possible.before[usize::from(template.view_of(index))];
                        template.decided(index, before).map(|grade| template.grades[usize::from(grade)])
                    };
                    seen.push(((0..template.selections.len()).map(decided).collect(), possible));
                }
                false
            });
            let outcome = Outcome::Tennis(Box::new(state.outcome()));
            let finals: Vec<Grade> =
                (0..template.selections.len()).map(|index| template.grade(index, &outcome)).collect();
            let main = layout.main_cell(&format, &state.score);
            for (decided, possible) in &seen {
                assert!(possible.main.contains(&(main as u16)), "{format:?} {:?}", state.score.games);
                for (view, &name) in layout.views.iter().enumerate() {
                    let cell = layout.cell(name, &format, &state.score);
                    assert!(possible.has(view as u8, cell), "{format:?} {name:?} cell {cell}");
                    assert!(template.joint.maps[view].allows(main, cell), "{format:?} {name:?} {main}");
                }
                for (index, (decided, last)) in decided.iter().zip(&finals).enumerate() {
                    assert!(
                        decided.is_none_or(|grade| grade == *last),
                        "{format:?}: {} was {decided:?}, is {last:?}",
                        template.selection_text(index)
                    );
                }
            }
        }
    }
}

/// From a late score every cell and main cell said to be possible is reached by some play.
#[test]
fn what_is_possible_happens() {
    let mut random = Lcg(11);
    // The longest sets do not occur in so few matches.
    let is_short =
        |format: &TennisFormat| !matches!(format.final_set, FinalSet::Advantage | FinalSet::TieBreak7At12);
    for format in formats().filter(is_short) {
        let layout = Layout::of(&format);
        let last = format.best_of.sets() as u8 - 1;
        let is_late = |state: &TennisState| {
            let games = state.score.games[usize::from(last)];
            state.score.sets_played == last && (!layout.has_games(last) || games[0] + games[1] == 7)
        };
        let mut state = started(&format, Side::Home);
        while !is_late(&state) {
            state = started(&format, Side::Home);
            play(&mut random, &mut state, is_late);
        }
        let gates = TennisGates::new(&format, &state.score);
        let mut missing: Vec<Vec<usize>> =
            (0..layout.views.len()).map(|view| gates.view(view as u8).iter().collect()).collect();
        let mut possible = Possible::default();
        LiveState::Tennis(Box::new(state)).fill_possible(template(&format), &mut possible);
        let mut missing_main = possible.main.clone();
        for _ in 0..60_000 {
            let mut end = state;
            // Even points, so that everything occurs.
            while end.phase() == LivePhase::InPlay {
                let side = Side::BOTH[random.below(2) as usize];
                end.apply(&Kind::Point(side).into()).unwrap();
            }
            for (cells, &view) in missing.iter_mut().zip(&layout.views) {
                let cell = layout.cell(view, &format, &end.score);
                cells.retain(|&missing| missing != cell);
            }
            let main = layout.main_cell(&format, &end.score) as u16;
            missing_main.retain(|&missing| missing != main);
            if missing.iter().all(Vec::is_empty) && missing_main.is_empty() {
                break;
            }
        }
        for (cells, view) in missing.iter().zip(&layout.views) {
            assert!(cells.is_empty(), "{format:?} {view:?}: {cells:?} never happen from {:?}", state.score);
        }
        assert!(missing_main.is_empty(), "{format:?}: {missing_main:?}");
    }
}

/// Best of 5: the sets of cells that go with a main cell are exactly those of all sequences of set scores.
#[test]
fn loose_views_of_best_of_5_are_as_narrow_as_they_can_be() {
    let format = TennisFormat { best_of: BestOf::Five, ..TennisFormat::default() };
    let (template, layout) = (template(&format), Layout::of(&format));
    let mut seen: BTreeMap<(usize, usize), Vec<bool>> = BTreeMap::new();
    let mut open = vec![TennisScore::default()];
    let set_views: Vec<usize> = (0..layout.views.len())
        .filter(|&view| {
            let name = format!("{:?}", layout.views[view]);
            name.starts_with("SetScore") || name == "TieBreaks"
        })
        .collect();
    while let Some(score) = open.pop() {
        if score.winner(&format).is_some() {
            let main = layout.main_cell(&format, &score);
            for &view in &set_views {
                let cell = layout.cell(layout.views[view], &format, &score);
                let cells = seen
                    .entry((view, main))
                    .or_insert_with(|| vec![false; layout.cell_count(layout.views[view])]);
                cells[cell] = true;
            }
            continue;
        }
        let set = usize::from(score.sets_played);
        for cell in 0..14 {
            let mut next = score;
            next.games[set] = layout.set_score_of_cell(set, cell).unwrap();
            next.sets_played += 1;
            open.push(next);
        }
    }
    assert_eq!(seen.len(), set_views.len() * template.joint.main_count);
    for ((view, main), cells) in seen {
        for (cell, &is_seen) in cells.iter().enumerate() {
            assert_eq!(
                template.joint.maps[view].allows(main, cell),
                is_seen,
                "view {view} main {main} {cell}"
            );
        }
    }
    assert!(matches!(template.joint.maps[0], ViewMap::Exact(_)));
}

fn apply_all(state: &mut TennisState, kinds: impl IntoIterator<Item = Kind>) {
    for kind in kinds {
        state.apply(&kind.into()).unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
    }
}

fn grade(state: &TennisState, market: &str, selection: &str) -> Grade {
    let template = template(&state.format);
    let market = template.market_index(market).unwrap_or_else(|| panic!("{market}"));
    let index = template.selection_index(market, selection).unwrap_or_else(|| panic!("{selection}"));
    template.grade(index, &Outcome::Tennis(Box::new(state.outcome())))
}

#[test]
fn a_retirement_leaves_what_is_decided() {
    for retirement in RetirementRule::ALL {
        let format = TennisFormat { retirement, ..TennisFormat::default() };
        let mut state = started(&format, Side::Home);
        // 6-0, then 2-0 and 30-0.
        apply_all(&mut state, [Kind::Game(Side::Home); 8]);
        apply_all(&mut state, [Kind::Point(Side::Away), Kind::Point(Side::Away), Kind::Retired(Side::Away)]);
        assert_eq!(state.phase(), LivePhase::Finished);
        let winner = match retirement {
            RetirementRule::VoidUnlessCompleted => [Grade::VOID, Grade::VOID],
            _ => [Grade::WON, Grade::LOST],
        };
        let got = ["home", "away"].map(|side| grade(&state, "match_winner", side));
        assert_eq!(got, winner, "{retirement:?}");
        assert_eq!(grade(&state, "set1_winner", "home"), Grade::WON);
        assert_eq!(grade(&state, "set1_score", "6-0"), Grade::WON);
        assert_eq!(grade(&state, "set2_winner", "home"), Grade::VOID);
        assert_eq!(grade(&state, "set_betting", "0-2"), Grade::LOST);
        assert_eq!(grade(&state, "set_betting", "2-0"), Grade::VOID);
        // At least 12 games come out of 6-0 2-0; 12.5 is open.
        assert_eq!(grade(&state, "total_games:12.5", "over"), Grade::VOID);
        assert_eq!(grade(&state, "home_wins_a_set", "yes"), Grade::WON);
        assert_eq!(grade(&state, "set2_game2_winner", "home"), Grade::WON);
        assert_eq!(grade(&state, "set2_game2_score", "home_0"), Grade::VOID);
        // The loser of the game being played has at least 30 if home wins it.
        assert_eq!(grade(&state, "set2_game3_score", "home_0"), Grade::LOST);
        assert_eq!(grade(&state, "set2_game3_winner", "home"), Grade::VOID);
        assert_eq!(grade(&state, "set2_race_to_2", "home"), Grade::WON);
        apply_all(&mut state, [Kind::RetirementCancelled]);
        assert_eq!(state.phase(), LivePhase::InPlay);
    }
    let mut early = started(
        &TennisFormat { retirement: RetirementRule::AdvanceAfterOneSet, ..TennisFormat::default() },
        Side::Home,
    );
    apply_all(&mut early, [Kind::Game(Side::Home), Kind::Retired(Side::Away)]);
    assert_eq!(grade(&early, "match_winner", "home"), Grade::VOID);
    let mut absent = TennisState::new(TennisFormat {
        retirement: RetirementRule::AdvanceOnceStarted,
        ..TennisFormat::default()
    });
    apply_all(&mut absent, [Kind::WalkOver(Side::Home)]);
    let template = template(&absent.format);
    for index in 0..template.selections.len() {
        let outcome = Outcome::Tennis(Box::new(absent.outcome()));
        assert_eq!(template.grade(index, &outcome), Grade::VOID, "{}", template.selection_text(index));
    }
}

#[test]
fn incidents_out_of_sequence_change_nothing() {
    let mut state = TennisState::new(TennisFormat::default());
    let refused = |state: &TennisState, incident: TennisIncident, message: &str| {
        let mut next = *state;
        let error = next.apply(&incident).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(next, *state);
    };
    refused(&state, Kind::Point(Side::Home).into(), "point cannot happen in pre_match");
    refused(&state, Kind::Retired(Side::Home).into(), "retired cannot happen in pre_match");
    refused(&state, Kind::End.into(), "end cannot happen in pre_match");
    apply_all(&mut state, [Kind::Start(Side::Away), Kind::Point(Side::Home)]);
    refused(&state, Kind::Start(Side::Away).into(), "start cannot happen in set_1 0-0 15-0 away serves");
    refused(
        &state,
        Kind::PointCancelled(Side::Away).into(),
        "point_cancelled cannot happen in set_1 0-0 15-0 away serves",
    );
    refused(
        &state,
        Kind::WalkOver(Side::Home).into(),
        "walk_over cannot happen in set_1 0-0 15-0 away serves",
    );
    let late = TennisIncident { clock_ms: -1, ..Kind::Point(Side::Home).into() };
    refused(&state, late, "match clock -1 ms is outside 0..=86400000");
    let after = ScoreAfter { points: Some([1, 1]), ..ScoreAfter::default() };
    let lost = TennisIncident { score_after: after, ..Kind::Point(Side::Home).into() };
    refused(&state, lost, "reported score 1-1 is not the expected 2-0");
    let board = |sets: &[[u8; 2]], points: [u8; 2]| {
        let mut all = [[0; 2]; 5];
        all[..sets.len()].copy_from_slice(sets);
        Kind::Score(Scoreboard { sets: all, set_count: sets.len() as u8, points, server: Side::Home })
    };
    refused(&state, board(&[], [0, 0]).into(), "number of sets 0 is outside 1..=3");
    refused(&state, board(&[[6, 5], [0, 0]], [0, 0]).into(), "games 6-5 of set 1 are not its end");
    refused(&state, board(&[[7, 4]], [0, 0]).into(), "games 7-4 are not a score of set 1");
    refused(&state, board(&[[6, 4], [6, 4], [1, 0]], [0, 0]).into(), "set 3 comes after the match was won");
    refused(&state, board(&[[5, 4]], [4, 2]).into(), "points 4-2 are not those of a game being played");
    refused(&state, board(&[[6, 6]], [7, 5]).into(), "points 7-5 are not those of a game being played");
    apply_all(&mut state, [board(&[[6, 6]], [7, 6])]);
    assert_eq!(state.period(), "set_1 6-6 7-6 away serves");
}

/// Feeds that tell only games, jumps over lost messages and corrections: what is known of the games is kept.
#[test]
fn games_jumps_and_corrections() {
    let mut state = started(&TennisFormat::default(), Side::Home);
    apply_all(&mut state, [Kind::Point(Side::Home); 4]);
    apply_all(&mut state, [Kind::Game(Side::Away)]);
    let board = |games: [u8; 2], points: [u8; 2], server: Side| {
        let sets = [games, [0; 2], [0; 2], [0; 2], [0; 2]];
        Kind::Score(Scoreboard { sets, set_count: 1, points, server })
    };
    // From 1-1 to 3-1: both new games are home's.
    apply_all(&mut state, [board([3, 1], [1, 0], Side::Home)]);
    let winners = |state: &TennisState| -> Vec<Option<Side>> {
        (0..12).filter_map(|game| state.score.game(0, game)).map(GameRecord::winner).collect()
    };
    use Side::{Away, Home};
    assert_eq!(winners(&state), [Some(Home), Some(Away), Some(Home), Some(Home)]);
    assert_eq!(state.score.game(0, 0).unwrap().loser_points(), Some(0));
    assert_eq!(state.score.game(0, 2).unwrap().loser_points(), None);
    // Back to 2-1: the first three stand.
    apply_all(&mut state, [board([2, 1], [0, 0], Side::Away)]);
    assert_eq!(winners(&state), [Some(Home), Some(Away), Some(Home)]);
    // To 3-3: which games were whose is not known.
    apply_all(&mut state, [board([3, 3], [0, 0], Side::Home)]);
    assert_eq!(winners(&state), [Some(Home), Some(Away), Some(Home), None, None, None]);
    let mut possible = Possible::default();
    LiveState::Tennis(Box::new(state)).fill_possible(template(&state.format), &mut possible);
    // The race to 3 is over, and nobody knows who won it.
    let template = template(&state.format);
    let market = template.market_index("set1_race_to_3").unwrap();
    let index = template.selection_index(market, "home").unwrap();
    let before = &possible.before[usize::from(template.view_of(index))];
    let decided = template.decided(index, before).map(|grade| template.grades[usize::from(grade)]);
    assert_eq!(decided, Some(Grade::VOID));
    apply_all(&mut state, [Kind::Game(Home); 3]);
    assert_eq!(state.score.sets_won(), [1, 0]);
    assert_eq!(grade(&state, "set1_race_to_3", "home"), Grade::VOID);
    assert_eq!(grade(&state, "set1_game2_winner", "away"), Grade::WON);
    assert_eq!(grade(&state, "set1_game4_winner", "away"), Grade::VOID);
}

#[test]
fn states_and_incidents_are_stored_as_they_are() {
    use oddsengine_types::codec::{decode_all, encode_to_vec};
    let mut random = Lcg(3);
    let mut state = LiveState::Tennis(Box::new(started(&TennisFormat::default(), Side::Away)));
    for _ in 0..200 {
        let LiveState::Tennis(now) = &state else { unreachable!() };
        let kind = if now.phase() == LivePhase::InPlay { Kind::Point(random.point(now)) } else { Kind::End };
        let incident = Incident::Tennis(kind.into());
        assert_eq!(decode_all::<Incident>(&encode_to_vec(&incident)).unwrap(), incident);
        state.apply(&incident).unwrap();
        assert_eq!(decode_all::<LiveState>(&encode_to_vec(&state)).unwrap(), state);
    }
    assert_eq!(state.phase(), LivePhase::Finished);
    assert!(state.summary().period.starts_with("finished "));
}

// S05: houses differ on one score; what any natural end would decide is decided, the rest goes back, and the match bet is
// settled by one of three rules.
#[test]
fn s05_a_retirement_decides_what_every_natural_end_would() {
    let games = |home: usize, away: usize| {
        // In the order that lets neither win the set sooner.
        let level = home.min(away).min(5);
        let mut all: Vec<Kind> =
            (0..level).flat_map(|_| [Kind::Game(Side::Home), Kind::Game(Side::Away)]).collect();
        match home > away {
            true => {
                all.extend((level..away).map(|_| Kind::Game(Side::Away)));
                all.extend((level..home).map(|_| Kind::Game(Side::Home)));
            }
            false => {
                all.extend((level..home).map(|_| Kind::Game(Side::Home)));
                all.extend((level..away).map(|_| Kind::Game(Side::Away)));
            }
        }
        all
    };
    let seven_six = || {
        let mut all = games(5, 5);
        all.extend([Kind::Game(Side::Home), Kind::Game(Side::Away), Kind::Game(Side::Home)]);
        all
    };
    let retired = |format: &TennisFormat, sets: Vec<Vec<Kind>>| {
        let mut state = started(format, Side::Home);
        apply_all(&mut state, sets.into_iter().flatten());
        apply_all(&mut state, [Kind::Retired(Side::Home)]);
        state
    };
    let format = TennisFormat::default();
    let first = retired(&format, vec![games(4, 4)]);
    assert_eq!(grade(&first, "set1_total:9.5", "over"), Grade::WON);
    let third = retired(&format, vec![seven_six(), games(4, 6), games(1, 3)]);
    assert_eq!(grade(&third, "total_games:29.5", "over"), Grade::WON);
    assert_eq!(grade(&third, "total_games:30.5", "over"), Grade::VOID);
    let close = retired(&format, vec![games(6, 3), games(1, 6), games(1, 5)]);
    assert_eq!(grade(&close, "total_games:22.5", "over"), Grade::WON);
    assert_eq!(grade(&close, "total_games:29.5", "under"), Grade::WON);
    for (retirement, after_a_set, in_the_first) in [
        (RetirementRule::AdvanceOnceStarted, Grade::WON, Grade::WON),
        (RetirementRule::AdvanceAfterOneSet, Grade::WON, Grade::VOID),
        (RetirementRule::VoidUnlessCompleted, Grade::VOID, Grade::VOID),
    ] {
        let format = TennisFormat { retirement, ..TennisFormat::default() };
        let later = retired(&format, vec![seven_six(), games(4, 6), games(1, 3)]);
        assert_eq!(grade(&later, "match_winner", "away"), after_a_set, "{retirement:?}");
        let sooner = retired(&format, vec![games(4, 4)]);
        assert_eq!(grade(&sooner, "match_winner", "away"), in_the_first, "{retirement:?}");
    }
}
