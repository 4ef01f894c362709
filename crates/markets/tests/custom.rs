//! Spaces that are data: what a definition may not be, what its states may not be, what they decide.

use oddsengine_markets::custom::{
    CustomIncident, CustomState, SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView,
};
use oddsengine_markets::{Format, LivePhase, LiveState, Outcome, Possible, Template};
use oddsengine_types::{Grade, codec};

/// Legs won by the first player of a race of two: 0, 1 or 2, and who won the race, with a push on the middle line.
fn space() -> SpaceDefinition {
    let view = |name: &str, cells: &[u8]| SpaceView { name: name.into(), cell_of_outcome: cells.to_vec() };
    let selection =
        |name: &str, grades: &[Grade]| SpaceSelection { name: name.into(), grades: grades.to_vec() };
    let market = |key: &str, view, selections| SpaceMarket { key: key.into(), view, winners: 1, selections };
    const W: Grade = Grade::WON;
    const L: Grade = Grade::LOST;
    SpaceDefinition {
        name: "race".into(),
        // 0-2, 1-2, 2-1, 2-0
        outcome_count: 4,
        views: vec![view("winner", &[0, 0, 1, 1]), view("difference", &[0, 1, 2, 3])],
        markets: vec![
            market("winner", 0, vec![selection("first", &[L, W]), selection("second", &[W, L])]),
            market("legs:2.5", 1, vec![selection("over", &[L, W, W, L]), selection("under", &[W, L, L, W])]),
            market(
                "handicap:1",
                1,
                vec![
                    selection("first", &[L, Grade::VOID, W, W]),
                    selection("second", &[W, Grade::VOID, L, L]),
                ],
            ),
            market("to_nil:half", 1, vec![selection("yes", &[Grade::HALF_WON, L, L, W])]),
        ],
    }
}

fn error(change: impl FnOnce(&mut SpaceDefinition)) -> String {
    let mut definition = space();
    change(&mut definition);
    definition.check().unwrap_err().to_string()
}

#[test]
fn every_fault_of_a_definition_is_named() {
    assert_eq!(space().check(), Ok(()));
    assert_eq!(error(|space| space.name.clear()), "bytes of the name of the space 0 is outside 1..=128");
    assert_eq!(error(|space| space.outcome_count = 1), "outcome_count 1 is outside 2..=65535");
    assert_eq!(error(|space| space.outcome_count = 65_536), "outcome_count 65536 is outside 2..=65535");
    assert_eq!(error(|space| space.views.clear()), "views 0 is outside 1..=255");
    assert_eq!(
        error(|space| space.views = vec![space.views[0].clone(); 256]),
        "views 256 is outside 1..=255"
    );
    assert_eq!(error(|space| space.markets.clear()), "markets 0 is outside 1..=65534");
    assert_eq!(
        error(|space| space.outcome_count = 5),
        "outcomes of view winner 4 is outside 5..=5",
        "every view tells all outcomes apart"
    );
    assert_eq!(
        error(|space| space.views[1].cell_of_outcome = vec![0, 1, 3, 3]),
        "cell 2 of view difference has no outcome"
    );
    assert_eq!(
        error(|space| space.views[0].name.clear()),
        "bytes of the name of a view 0 is outside 1..=128"
    );
    assert_eq!(
        error(|space| space.markets[0].key = "k".repeat(65)),
        "bytes of the market key 65 is outside 1..=64"
    );
    assert_eq!(
        error(|space| space.markets[0].key = "win\n".into()),
        "market key \"win\\n\" holds a control character"
    );
    assert_eq!(
        error(|space| space.markets[0].key = "a/b".into()),
        "market key a/b holds the slash that ends a key"
    );
    assert_eq!(error(|space| space.markets[1].key = "winner".into()), "market winner is defined twice");
    assert_eq!(error(|space| space.markets[1].view = 2), "view of market legs:2.5 2 is outside 0..=1");
    assert_eq!(
        error(|space| space.markets[0].selections.clear()),
        "selections of market winner 0 is outside 1..=4096"
    );
    assert_eq!(error(|space| space.markets[0].winners = 0), "winners of market winner 0 is outside 1..=2");
    assert_eq!(error(|space| space.markets[0].winners = 3), "winners of market winner 3 is outside 1..=2");
    assert_eq!(
        error(|space| space.markets[0].selections[1].name = "first".into()),
        "winner/first is defined twice"
    );
    assert_eq!(
        error(|space| space.markets[0].selections[1].name.clear()),
        "bytes of the selection name of market winner 0 is outside 1..=64"
    );
    assert_eq!(
        error(|space| space.markets[0].selections[1].grades.push(Grade::WON)),
        "grades of winner/second 3 is outside 2..=2"
    );
    let thirds = |of| SpaceSelection {
        name: format!("one of {of}"),
        grades: vec![Grade::new(1, 0, of).unwrap(), Grade::LOST],
    };
    assert_eq!(
        error(|space| space.markets[0].selections = (2..9).map(thirds).collect()),
        "distinct grades 9 is outside 1..=8",
        "lost, won, and the seven shares of a dead heat"
    );
    let many = |index: usize| SpaceMarket {
        key: format!("m{index}"),
        view: 0,
        winners: 1,
        selections: (0..4_096)
            .map(|name| SpaceSelection { name: name.to_string(), grades: vec![Grade::WON, Grade::LOST] })
            .collect(),
    };
    assert_eq!(
        error(|space| space.markets = (0..5).map(many).collect()),
        "selections 20480 is outside 1..=20000"
    );
}

/// Compilation panics on two texts with one id; a definition is foreign data and must be refused before.
#[test]
fn a_slash_cannot_make_two_selections_one() {
    let two = error(|space| {
        space.markets[0].key = "legs".into();
        space.markets[0].selections[0].name = "a/b".into();
        space.markets[1].key = "legs/a".into();
        space.markets[1].selections[0].name = "b".into();
    });
    assert_eq!(two, "market key legs/a holds the slash that ends a key");
}

/// A market of one selection after two-way markets with the same stem used to be taken for a line of their family,
/// and the skew read past its end.
#[test]
fn line_families_are_two_way_markets_only() {
    let mut definition = space();
    definition.name = "families".into();
    let (two_way, one) = (definition.markets[1].clone(), definition.markets[3].clone());
    let named = |market: &SpaceMarket, key: &str| SpaceMarket { key: key.into(), ..market.clone() };
    definition.markets = vec![
        named(&two_way, "legs:1"),
        named(&two_way, "legs:2"),
        named(&one, "legs:3"),
        named(&two_way, "legs:4"),
    ];
    assert_eq!(definition.compile().unwrap().line_families, vec![0..2]);
}

#[test]
fn the_same_content_is_compiled_once() {
    let (first, again) = (space().compile().unwrap(), space().compile().unwrap());
    assert!(std::ptr::eq(first, again));
    let mut other = space();
    other.markets.pop();
    assert!(!std::ptr::eq(first, other.compile().unwrap()));
    assert_eq!(codec::decode_all::<SpaceDefinition>(&codec::encode_to_vec(&space())), Ok(space()));
}

#[test]
fn a_selection_has_its_grade_on_every_outcome() {
    let (definition, template) = (space(), space().compile().unwrap());
    for (market, compiled) in definition.markets.iter().zip(&template.markets) {
        let cells = &definition.views[usize::from(market.view)].cell_of_outcome;
        for (selection, index) in market.selections.iter().zip(compiled.selections()) {
            for outcome in 0..4_u16 {
                let told = selection.grades[usize::from(cells[usize::from(outcome)])];
                assert_eq!(
                    template.grade(index, &custom(outcome)),
                    told,
                    "{}",
                    template.selection_text(index)
                );
            }
        }
    }
}

fn custom(cell: u16) -> Outcome {
    Outcome::Custom(oddsengine_markets::custom::CustomOutcome { cell })
}

fn told(phase: LivePhase, possible: &[(u16, u16)]) -> CustomIncident {
    CustomIncident {
        phase,
        score: (0, 0),
        clock_ms: 0,
        period: "legs".into(),
        values: Vec::new(),
        possible: possible.to_vec(),
        danger: None,
    }
}

#[test]
fn a_state_outside_its_space_changes_nothing() {
    let template = space().compile().unwrap();
    let mut state = CustomState::new(template);
    let before = state.clone();
    let refused = |state: &mut CustomState, incident: &CustomIncident| {
        let error = state.apply(incident).unwrap_err().to_string();
        assert_eq!(*state, before);
        error
    };
    for range in [(0, 5), (2, 2), (3, 1)] {
        let (start, end) = range;
        assert_eq!(
            refused(&mut state, &told(LivePhase::InPlay, &[range])),
            format!("possible outcomes {start}..{end} are no ascending range of 0..4")
        );
    }
    assert_eq!(
        refused(&mut state, &told(LivePhase::InPlay, &[(2, 3), (1, 2)])),
        "possible outcomes 1..2 are no ascending range of 0..4"
    );
    assert_eq!(
        refused(&mut state, &told(LivePhase::Finished, &[(1, 3)])),
        "a fixture ends with one possible outcome, not with 2"
    );
    assert_eq!(
        refused(&mut state, &told(LivePhase::Finished, &[])),
        "a fixture ends with one possible outcome, not with 4"
    );
    let many = CustomIncident { values: vec![0; 33], ..told(LivePhase::InPlay, &[]) };
    assert_eq!(refused(&mut state, &many), "33 state values are more than 32");
}

#[test]
fn a_state_says_what_it_changed() {
    let mut state = CustomState::new(space().compile().unwrap());
    let change = state.apply(&told(LivePhase::InPlay, &[(1, 2), (2, 4)])).unwrap();
    assert!(change.reprices && change.regrades);
    assert_eq!(state.possible, [(1, 4)], "ranges that touch are one");
    let again = state.apply(&told(LivePhase::InPlay, &[(1, 4)])).unwrap();
    assert!(!again.reprices && !again.regrades);
    let moved = CustomIncident { values: vec![7], ..told(LivePhase::InPlay, &[(1, 4)]) };
    let change = state.apply(&moved).unwrap();
    assert!(change.reprices && !change.regrades, "a value moves prices and decides nothing");
    let danger = CustomIncident { danger: Some(true), ..moved };
    let change = state.apply(&danger).unwrap();
    assert_eq!((change.reprices, change.danger), (false, Some(true)));
}

/// A selection is decided exactly when its grade is the same on all outcomes that are possible.
#[test]
fn selections_are_decided_by_what_is_possible() {
    let template = space().compile().unwrap();
    let mut live = LiveState::new(&Format::Custom(space().id()), template);
    let mut possible = Possible::default();
    // Every set of outcomes as ranges.
    for set in 1_u16..16 {
        let ranges: Vec<(u16, u16)> =
            (0..4).filter(|outcome| set >> outcome & 1 == 1).map(|outcome| (outcome, outcome + 1)).collect();
        live.apply(&oddsengine_markets::Incident::Custom(told(LivePhase::InPlay, &ranges))).unwrap();
        live.fill_possible(template, &mut possible);
        for selection in 0..template.selections.len() {
            let mut grades: Vec<Grade> =
                ranges.iter().map(|&(outcome, _)| template.grade(selection, &custom(outcome))).collect();
            grades.dedup();
            grades.sort_unstable();
            grades.dedup();
            let decided = decided(template, selection, &possible);
            assert_eq!(decided, (grades.len() == 1).then(|| grades[0]), "{set:04b}");
        }
    }
    let first = template.selection_index(template.market_index("handicap:1").unwrap(), "first").unwrap();
    live.apply(&oddsengine_markets::Incident::Custom(told(LivePhase::InPlay, &[(2, 4)]))).unwrap();
    live.fill_possible(template, &mut possible);
    assert_eq!(decided(template, first, &possible), Some(Grade::WON));
}

fn decided(template: &Template, selection: usize, possible: &Possible) -> Option<Grade> {
    let before = &possible.before[usize::from(template.view_of(selection))];
    template.decided(selection, before).map(|grade| template.grades[usize::from(grade)])
}

/// Bytes of a snapshot may say anything; a state that does not fit its space would index beyond its views.
#[test]
fn a_forged_state_does_not_fit() {
    let template = space().compile().unwrap();
    let state = CustomState::new(template);
    assert!(state.fits(template));
    for forged in [
        CustomState { outcome_count: 9, ..state.clone() },
        CustomState { possible: vec![], ..state.clone() },
        CustomState { possible: vec![(0, 9)], ..state.clone() },
        CustomState { possible: vec![(0, 2), (2, 4)], ..state.clone() },
        CustomState { phase: LivePhase::Finished, ..state.clone() },
        CustomState { values: vec![0; 33], ..state },
    ] {
        assert!(!forged.fits(template), "{forged:?}");
    }
}

/// Whatever bytes a definition is read from, checking it does not panic, and what passes compiles.
#[test]
fn arbitrary_bytes_are_refused_or_compile() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    let sound = codec::encode_to_vec(&space());
    let (mut decoded, mut compiled) = (0, 0);
    for round in 0..30_000 {
        let mut bytes = sound.clone();
        match round % 4 {
            0 => bytes.iter_mut().for_each(|byte| *byte = next(256) as u8),
            1 => bytes.truncate(next(sound.len())),
            _ => {
                for _ in 0..=next(3) {
                    let at = next(bytes.len());
                    // Small values reach further than any: counts, cells, shares.
                    bytes[at] = if next(2) == 0 { next(4) as u8 } else { next(256) as u8 };
                }
            }
        }
        let Ok(definition) = codec::decode_all::<SpaceDefinition>(&bytes) else { continue };
        decoded += 1;
        if definition.check().is_ok() {
            definition.compile().expect("a checked definition compiles");
            compiled += 1;
        }
    }
    assert!(decoded > 1_000 && compiled > 100, "{decoded} decoded, {compiled} compiled: nothing was tested");
}
