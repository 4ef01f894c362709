//! The legs a template offers, compiled: on which cells of the goal spaces each selection has each grade.

use std::sync::OnceLock;

use oddsengine_markets::Template;
use oddsengine_markets::football::{FULL_GOALS_MAX, FootballView, HALF_GOALS_MAX, ORDER_CELLS, Period};

use super::sets::{Cells, GradeKind, GradeSets};

/// Goals of a side in the match: 0 to 15 or more.
pub(super) const FULL: usize = FULL_GOALS_MAX + 1;
/// Goals of a side in a half: 0 to 10 or more.
pub(super) const HALF: usize = HALF_GOALS_MAX + 1;
/// Scores of a half.
pub(super) const HALF_CELLS: usize = HALF * HALF;

/// Final scores, cell `home * 16 + away`.
pub(super) type ScoreCells = Cells<4>;
/// Goals by half and side: cell `128 * score of the first half + score of the second`, a score `home * 11 + away`.
pub(super) type HalvesCells = Cells<{ 2 * HALF_CELLS }>;

const _: () = assert!(FULL * FULL <= 256 && HALF_CELLS <= 128 && ORDER_CELLS <= 128);

/// What a selection depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependence {
    /// The final score.
    Score,
    /// The goals of each half.
    Halves,
    /// The order of goals.
    Order,
}

/// The selections of a football template as legs of same-game multiples.
///
/// Made once per template; the sets of half-time selections are made when they are first used.
#[derive(Debug)]
pub struct SameGameLegs<'t> {
    template: &'t Template,
    dependences: Vec<Dependence>,
    score: Vec<Option<GradeSets<4>>>,
    order: Vec<u128>,
    halves: Vec<OnceLock<GradeSets<{ 2 * HALF_CELLS }>>>,
    halves_cells: Vec<OnceLock<Box<[u8]>>>,
}

impl<'t> SameGameLegs<'t> {
    /// Compiles the legs of a football template.
    pub fn new(template: &'t Template) -> Self {
        let count = template.selections.len();
        let mut legs = Self {
            template,
            dependences: Vec::with_capacity(count),
            score: Vec::with_capacity(count),
            order: Vec::with_capacity(count),
            halves: (0..count).map(|_| OnceLock::new()).collect(),
            halves_cells: template.views.iter().map(|_| OnceLock::new()).collect(),
        };
        let score_view = FootballView::Score(Period::Match);
        for selection in 0..count {
            let view = legs.view(selection);
            let dependence = dependence(view);
            let grades = template.grades_on_cells(selection);
            legs.dependences.push(dependence);
            legs.score.push((dependence == Dependence::Score).then(|| {
                let grade_at = |cell| grades[view.cell(&score_view.representative(cell))];
                GradeSets::new(FULL * FULL, grade_at, |grade| legs.kind_of(grade))
            }));
            legs.order.push(match dependence {
                Dependence::Order => (0..ORDER_CELLS)
                    .filter(|&cell| legs.kind_of(grades[cell]) == GradeKind::Won)
                    .fold(0, |set, cell| set | 1 << cell),
                _ => 0,
            });
        }
        legs
    }

    /// The template whose selections these are.
    pub fn template(&self) -> &'t Template {
        self.template
    }

    /// The number of selections.
    pub fn count(&self) -> usize {
        self.dependences.len()
    }

    fn view(&self, selection: usize) -> FootballView {
        FootballView::ALL[usize::from(self.template.view_of(selection))]
    }

    pub(super) fn dependence(&self, selection: usize) -> Dependence {
        self.dependences[selection]
    }

    fn kind_of(&self, grade: u8) -> GradeKind {
        let grade = self.template.grades[usize::from(grade)];
        if grade.is_lost() {
            GradeKind::Lost
        } else if grade.win_share() == 0.0 {
            GradeKind::Refunds
        } else if grade.win_share() == 1.0 {
            GradeKind::Won
        } else {
            GradeKind::PartlyWon
        }
    }

    /// The sets of a selection that depends on the final score.
    #[inline]
    pub(super) fn on_score(&self, selection: usize) -> &GradeSets<4> {
        self.score[selection].as_ref().expect("the selection depends on the final score")
    }

    /// The order cells on which a selection that depends on the order of goals wins.
    #[inline]
    pub(super) fn on_order(&self, selection: usize) -> u128 {
        self.order[selection]
    }

    /// The sets of a selection that depends on goals, by half.
    pub(super) fn on_halves(&self, selection: usize) -> &GradeSets<{ 2 * HALF_CELLS }> {
        self.halves[selection].get_or_init(|| {
            let view_index = usize::from(self.template.view_of(selection));
            let cells = self.halves_cells[view_index].get_or_init(|| halves_cells(self.view(selection)));
            let grades = self.template.grades_on_cells(selection);
            let grade_at = |cell: usize| match cell % 128 < HALF_CELLS {
                true => grades[usize::from(cells[cell])],
                // The seven cells that fill a row up to 128 never happen.
                false => oddsengine_markets::template::GRADE_LOST,
            };
            GradeSets::new(128 * HALF_CELLS, grade_at, |grade| self.kind_of(grade))
        })
    }
}

fn dependence(view: FootballView) -> Dependence {
    match view {
        FootballView::Score(Period::Match)
        | FootballView::Difference(Period::Match)
        | FootballView::Goals(Period::Match, _) => Dependence::Score,
        FootballView::Order => Dependence::Order,
        _ => Dependence::Halves,
    }
}

fn halves_cells(view: FootballView) -> Box<[u8]> {
    let score = |cell: usize| [(cell / HALF) as u16, (cell % HALF) as u16];
    (0..128 * HALF_CELLS)
        .map(|cell| match cell % 128 < HALF_CELLS {
            true => view.cell_of_goals([score(cell / 128), score(cell % 128)]) as u8,
            false => 0,
        })
        .collect()
}
