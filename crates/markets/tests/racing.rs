//! Racing against brute force: every result of small fields, with dead heats, fallers and withdrawals.

use oddsengine_markets::racing::{
    RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident as Incident, RacingOutcome, RacingState, RacingView,
    RunnerSet,
};
use oddsengine_markets::{Format, LiveState, Outcome, Possible, Template, ViewMap, template_of};
use oddsengine_types::codec::{decode_all, encode_to_vec};

fn compiled(format: RacingFormat) -> &'static Template {
    template_of(&Format::Racing(format)).unwrap()
}

/// Every result of these starters: ties and runners that do not finish, at least one that does.
fn results(count: usize, withdrawn: RunnerSet) -> Vec<RacingOutcome> {
    let mut all = Vec::new();
    // Each starter gets a rank 0 (does not finish) to count; ranks become positions.
    for code in 0..(count + 1).pow(count as u32) {
        let rank = |runner: usize| code / (count + 1).pow(runner as u32) % (count + 1);
        let mut outcome = RacingOutcome { withdrawn, ..RacingOutcome::from_order(count as u8, &[]) };
        for runner in (0..count).filter(|&runner| rank(runner) > 0) {
            let ahead = (0..count).filter(|&other| rank(other) > 0 && rank(other) < rank(runner)).count();
            outcome.positions[runner] = ahead as u8 + 1;
        }
        if outcome.check().is_ok() && !all.contains(&outcome) {
            all.push(outcome);
        }
    }
    all
}

fn possible_of(state: RacingState, template: &Template) -> Possible {
    let mut possible = Possible::default();
    LiveState::Racing(state).fill_possible(template, &mut possible);
    possible
}

#[test]
fn decided_selections_are_those_with_one_grade_left() {
    for count in [2, 3, 4_u8] {
        let format = RacingFormat::standard(RaceKind::Horse, count, false);
        let template = compiled(format);
        for bits in 0..(1_u64 << count) - 1 {
            let mut state = RacingState::new(&format);
            let withdrawn = RunnerSet { bits };
            (0..count).filter(|&runner| withdrawn.contains(runner.into())).for_each(|runner| {
                state.apply(&Incident::Withdrawn(runner)).unwrap();
            });
            let results = results(count.into(), withdrawn);
            let possible = possible_of(state, template);
            let live = LiveState::Racing(state);
            for selection in 0..template.selections.len() {
                let grade = |outcome: &RacingOutcome| template.grade(selection, &Outcome::Racing(*outcome));
                let first = grade(&results[0]);
                let constant = results.iter().all(|outcome| grade(outcome) == first).then_some(first);
                let decided = template.decided_grade(selection, &live, &possible);
                assert_eq!(decided, constant, "{} {bits:b}", template.selection_text(selection));
            }
        }
    }
}

#[test]
fn official_results_are_decided_but_for_dead_heats() {
    let format = RacingFormat::standard(RaceKind::Greyhound, 4, false);
    let template = compiled(format);
    for outcome in results(4, RunnerSet::default()) {
        let mut state = RacingState::new(&format);
        for incident in [Incident::Off, Incident::Result(outcome.positions), Incident::Official] {
            state.apply(&incident).unwrap();
        }
        let possible = possible_of(state, template);
        let live = LiveState::Racing(state);
        assert_eq!(live.outcome(), Outcome::Racing(outcome));
        let finishers = outcome.finisher_count();
        let has_tie = (0..4).any(|runner| outcome.span(runner).is_some_and(|(first, last)| first < last));
        for selection in 0..template.selections.len() {
            let grade = template.grade(selection, &live.outcome());
            let decided = template.decided_grade(selection, &live, &possible);
            let text = template.selection_text(selection);
            // Fewer finishers than a market asks for, and ties, are what cells cannot say.
            if (!has_tie && finishers == 4) || (decided.is_some() && finishers >= 3) {
                assert_eq!(decided, Some(grade), "{text} {outcome:?}");
            }
        }
    }
}

/// Strict results of five: the cell of every view, the main cell, and the rule itself agree on every selection.
#[test]
fn cells_and_main_cells_and_rules_agree() {
    for format in [
        RacingFormat::standard(RaceKind::Greyhound, 5, false),
        RacingFormat { places_max: 4, ..RacingFormat::standard(RaceKind::Horse, 5, false) },
    ] {
        let template = compiled(format);
        let views = format.views();
        for outcome in results(5, RunnerSet::default()) {
            let is_strict = outcome.finisher_count() == 5
                && (0..5).all(|runner| outcome.span(runner).unwrap().0 == outcome.span(runner).unwrap().1);
            if !is_strict {
                continue;
            }
            let mut state = RacingState::new(&format);
            for incident in [Incident::Off, Incident::Result(outcome.positions), Incident::Official] {
                state.apply(&incident).unwrap();
            }
            let possible = possible_of(state, template);
            assert_eq!(possible.main.len(), 1);
            for (index, view) in views.iter().enumerate() {
                let cells: Vec<usize> =
                    (0..format.cell_count(*view)).filter(|&cell| possible.has(index as u8, cell)).collect();
                assert_eq!(cells.len(), 1, "{view:?}");
                assert!(template.joint.maps[index].allows(possible.main[0].into(), cells[0]), "{view:?}");
            }
            for selection in 0..template.selections.len() {
                let view = template.view_of(selection);
                let before = &possible.before[usize::from(view)];
                let cell = (0..before.len() - 1).find(|&cell| possible.has(view, cell)).unwrap();
                let on_cell = template.grades[usize::from(template.grades_on_cells(selection)[cell])];
                assert_eq!(on_cell, template.grade(selection, &Outcome::Racing(outcome)));
            }
        }
    }
}

#[test]
fn templates_of_all_fields_compile() {
    let mut largest = 0;
    for count in [2, 3, 4, 5, 7, 8, 10, 11, 12, 16, 17, 18, 26, 27, 36, 37, 40] {
        for is_handicap in [false, true] {
            let format = RacingFormat::standard(RaceKind::Horse, count, is_handicap);
            let template = compiled(format);
            largest = largest.max(template.selections.len());
            assert!(template.market_index("win").is_some());
            assert!(template.line_families.is_empty());
            // Every state of a race leaves something possible, also when nearly everybody is withdrawn.
            let mut state = RacingState::new(&format);
            for runner in 0..count - 1 {
                state.apply(&Incident::Withdrawn(runner)).unwrap();
                if runner % 7 == 0 || runner + 4 > count {
                    let possible = possible_of(state, template);
                    assert!(!possible.main.is_empty());
                    assert!(possible.before.iter().all(|before| before[before.len() - 1] > 0));
                    for &main in possible.main.iter().step_by(1 + possible.main.len() / 40) {
                        for (view, map) in template.joint.maps.iter().enumerate() {
                            let mut cells = 0..template.views[view].cell_count;
                            let fits = |cell| map.allows(main.into(), cell) && possible.has(view as u8, cell);
                            assert!(cells.any(fits), "{count} {runner} {}", template.views[view].name);
                        }
                    }
                }
            }
        }
    }
    assert!(largest < 1_500, "{largest}");
}

#[test]
fn the_markets_of_an_eight_horse_race() {
    let template = compiled(RacingFormat::standard(RaceKind::Horse, 8, false));
    let count =
        |key: &str| usize::from(template.markets[template.market_index(key).unwrap()].selection_count);
    assert_eq!(["win", "place.2", "place.3", "each_way.5.3", "each_way.4.2"].map(count), [8; 5]);
    assert_eq!([count("forecast"), count("quinella"), count("tricast.r8")], [56, 28, 43]);
    assert_eq!([count("without.r1"), count("match.r7.r8")], [7, 2]);
    for absent in ["place.4", "place.8", "each_way.4.3", "match.r8.r7"] {
        assert!(template.market_index(absent).is_none(), "{absent}");
    }
    let tricast = template.market_index("tricast.r3").unwrap();
    assert!(template.selection_index(tricast, "r3-r1-r2").is_some());
    assert!(template.selection_index(tricast, "another").is_some());
}

#[test]
fn a_match_is_loose_only_where_both_runners_are_beaten() {
    let format = RacingFormat::standard(RaceKind::Horse, 9, false);
    let template = compiled(format);
    let map = template.joint.map(format.view_index(RacingView::Match(7, 8)));
    let ViewMap::Loose { groups, .. } = map else { panic!("nine runners leave beaten pairs open") };
    assert_eq!(groups.len(), 3);
}

#[test]
fn states_survive_encoding_and_forged_ones_are_refused() {
    let format = RacingFormat::standard(RaceKind::Horse, 6, true);
    let mut state = RacingState::new(&format);
    let mut positions = [0; RUNNERS_MAX];
    positions[..6].copy_from_slice(&[1, 1, 3, 0, 0, 4]);
    for incident in [Incident::Withdrawn(3), Incident::Off, Incident::Result(positions)] {
        state.apply(&incident).unwrap();
        let live = LiveState::Racing(state);
        assert_eq!(decode_all::<LiveState>(&encode_to_vec(&live)).unwrap(), live);
    }
    let forged = |change: &dyn Fn(&mut RacingState)| {
        let mut state = state;
        change(&mut state);
        decode_all::<RacingState>(&encode_to_vec(&state)).unwrap_err().to_string()
    };
    assert!(forged(&|state| state.format.runner_count = 41).contains("runner_count 41 is outside 2..=40"));
    assert!(forged(&|state| state.positions[5] = 7).contains("r6 has position 7"));
    assert!(forged(&|state| state.withdrawn = RunnerSet { bits: 1 << 20 }).contains("withdrawn runners"));
    assert!(forged(&|state| state.withdrawn = RunnerSet { bits: 1 }).contains("r1 is withdrawn"));
}
