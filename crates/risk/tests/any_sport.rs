//! The book on the template of every sport, against its definition computed cell by cell.

use oddsengine_markets::racing::{RaceKind, RacingFormat};
use oddsengine_markets::tennis::{BestOf, TennisFormat};
use oddsengine_markets::{Format, LiveState, Possible, Template, ViewMap, template_of};
use oddsengine_risk::book::{ByGrade, NO_OUTCOME};
use oddsengine_risk::{Book, Change, Position, Tally};

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

fn formats() -> Vec<Format> {
    let race = |runners, is_handicap| RacingFormat::standard(RaceKind::Horse, runners, is_handicap);
    // Six: everything exact. Nine: loose matches. Eighteen in a handicap: loose positions.
    let races = [race(6, false), race(9, false), race(18, true)].map(Format::Racing);
    let best_of_5 = TennisFormat { best_of: BestOf::Five, ..TennisFormat::default() };
    let matches = [TennisFormat::default(), best_of_5].map(Format::Tennis);
    [Format::FOOTBALL].into_iter().chain(races).chain(matches).collect()
}

fn before_the_start(format: &Format) -> (&'static Template, Possible) {
    let template = template_of(format).expect("the format has a template");
    let mut possible = Possible::default();
    LiveState::new(format, template).fill_possible(template, &mut possible);
    (template, possible)
}

fn random_position(random: &mut Lcg, template: &Template) -> Position {
    let stake_minor = 100 + random.below(5_000) as i64;
    Position {
        // Few selections, so that several bets meet on one.
        selection: (random.below(12) * template.selections.len() / 12 + random.below(9)) as u16,
        odds_e4: 10_100 + random.below(90_000) as u32,
        stake_minor,
        unit_minor: stake_minor,
        place_fraction_of: 0,
    }
}

/// Profit and loss of some positions by cell of a view.
fn pnl_by_cell(template: &Template, positions: &[Position], view: u8) -> Vec<i64> {
    let mut pnl = vec![0; template.views[usize::from(view)].cell_count];
    for position in positions.iter().filter(|position| template.view_of(position.selection.into()) == view) {
        let by_grade = position.pnl_by_grade(template);
        let grades = template.grades_on_cells(position.selection.into());
        pnl.iter_mut().enumerate().for_each(|(cell, pnl)| *pnl += by_grade[usize::from(grades[cell])]);
    }
    pnl
}

/// The least profit and loss at a main cell, with the cell of one view given.
fn pnl_at(
    template: &Template,
    possible: &Possible,
    by_view: &[Vec<i64>],
    main: usize,
    given: Option<(u8, usize)>,
) -> i64 {
    (0..template.views.len() as u8)
        .map(|view| {
            let pnl = &by_view[usize::from(view)];
            let cells = (0..pnl.len()).filter(|&cell| {
                template.joint.map(view).allows(main, cell)
                    && possible.has(view, cell)
                    && given.is_none_or(|(given, at)| given != view || at == cell)
            });
            cells.map(|cell| pnl[cell]).min().expect("a possible main cell has a possible cell of every view")
        })
        .sum()
}

fn minima(
    template: &Template,
    possible: &Possible,
    by_view: &[Vec<i64>],
    selection: usize,
    mains: &[u16],
) -> ByGrade {
    let view = template.view_of(selection);
    let grades = template.grades_on_cells(selection);
    let mut minima = [NO_OUTCOME; 8];
    for &main in mains {
        for cell in 0..by_view[usize::from(view)].len() {
            if template.joint.map(view).allows(main.into(), cell) && possible.has(view, cell) {
                let pnl = pnl_at(template, possible, by_view, main.into(), Some((view, cell)));
                let minimum = &mut minima[usize::from(grades[cell])];
                *minimum = pnl.min(*minimum);
            }
        }
    }
    minima
}

#[test]
fn worst_case_and_minima_are_those_of_the_cells() {
    for format in formats() {
        let (template, possible) = before_the_start(&format);
        let mut random = Lcg(5);
        let (mut book, mut positions) = (Book::default(), Vec::new());
        for round in 0..24 {
            let position = random_position(&mut random, template);
            book.change(template, &possible, &[Change { position, adds: true }]);
            positions.push(position);
            if round % 6 != 5 {
                continue;
            }
            let views = 0..template.views.len() as u8;
            let by_view: Vec<_> = views.map(|view| pnl_by_cell(template, &positions, view)).collect();
            let worst =
                possible.main.iter().map(|&main| pnl_at(template, &possible, &by_view, main.into(), None));
            assert_eq!(Some(book.worst_minor()), worst.min(), "{format:?}");
            let selection = usize::from(random_position(&mut random, template).selection);
            let joint = book.joint_minima(template, &possible, selection);
            let expected = minima(template, &possible, &by_view, selection, &possible.main);
            assert_eq!(joint, expected, "{format:?} {}", template.selection_text(selection));

            let market = template.selections[selection].market;
            let of_market: Vec<Position> = positions
                .iter()
                .filter(|position| template.selections[usize::from(position.selection)].market == market)
                .copied()
                .collect();
            let views = 0..template.views.len() as u8;
            let by_view: Vec<_> = views.map(|view| pnl_by_cell(template, &of_market, view)).collect();
            let of_market = book.market_minima(template, &possible, selection);
            let expected = minima(template, &possible, &by_view, selection, &possible.main);
            for (grade, (minimum, expected)) in of_market.iter().zip(expected).enumerate() {
                // A market on one view counts cells that no main cell has, too.
                let is_covered = expected != NO_OUTCOME || *minimum == NO_OUTCOME;
                assert!(
                    *minimum == expected || !is_covered,
                    "{format:?} {} grade {grade}: {minimum}, not {expected}",
                    template.selection_text(selection)
                );
            }
        }
        // Taken back all at once, every number is zero again.
        let back: Vec<Change> = positions.iter().map(|&position| Change { position, adds: false }).collect();
        book.change(template, &possible, &back);
        assert!(book.is_empty() && book.worst_minor() == 0 && book.markets().next().is_none(), "{format:?}");
    }
}

/// A loose view does not hide an exact one: every view of every template has a map that fits it.
#[test]
fn every_main_cell_leaves_every_view_a_possible_cell() {
    for format in formats() {
        let (template, possible) = before_the_start(&format);
        for view in 0..template.views.len() as u8 {
            if let ViewMap::Loose { group_of_main, groups } = template.joint.map(view) {
                for &main in &possible.main {
                    let group = &groups[usize::from(group_of_main[usize::from(main)])];
                    assert!(group.iter().any(|cell| possible.has(view, cell)), "{format:?} view {view}");
                }
            }
        }
    }
}

/// What an exposure tells at most is kept as sums of selections, and its worst case found when it is asked for: it is that of a book
/// of the same positions, and an emptied one is nothing.
#[test]
fn a_tally_tells_the_worst_case_of_a_book() {
    for format in formats() {
        let (template, possible) = before_the_start(&format);
        let (mut random, mut book, mut tally) = (Lcg(77), Book::default(), Tally::default());
        let positions: Vec<Position> = (0..60).map(|_| random_position(&mut random, template)).collect();
        for adds in [true, false] {
            for &position in &positions {
                let change = Change { position, adds };
                book.change(template, &possible, &[change]);
                tally.change(template, &change);
                assert_eq!(tally.worst_minor(template, &possible), book.worst_minor(), "{format:?}");
            }
        }
        assert_eq!(tally, Tally::default());
    }
}
