//! The legs a format offers, compiled: on which cells of which space each selection has each grade.

use std::sync::OnceLock;

use oddsengine_markets::football::{
    CountKind, DepthRule, DepthView, FULL_GOALS_MAX, FootballFormat, FootballView, HALF_GOALS_MAX,
    ORDER_CELLS, PairRule, Period, Rule, Side, TieMethod,
};
use oddsengine_markets::template::GRADE_LOST;
use oddsengine_markets::{Format, Template, template_of};
use oddsengine_types::{BoundsError, Grade};

use super::players::PlayerCondition;
use super::sets::{Cells, GradeKind, GradeSets};
use crate::football::counts_markets::COUNT_SIZE;

/// Goals of a side in the match: 0 to 15 or more.
pub(super) const FULL: usize = FULL_GOALS_MAX + 1;
/// Goals of a side in a half: 0 to 10 or more.
pub(super) const HALF: usize = HALF_GOALS_MAX + 1;
/// Scores of a half.
pub(super) const HALF_CELLS: usize = HALF * HALF;

/// Words of a set of final scores, of goals by half, of final counts.
pub(super) const SCORE_WORDS: usize = 4;
pub(super) const HALVES_WORDS: usize = 2 * HALF_CELLS;
pub(super) const COUNT_WORDS: usize = COUNT_SIZE * COUNT_SIZE / 64;

/// Final scores, cell `home * 16 + away`.
pub(super) type ScoreCells = Cells<SCORE_WORDS>;
/// Goals by half and side: cell `128 * score of the first half + score of the second`, a score `home * 11 + away`.
pub(super) type HalvesCells = Cells<HALVES_WORDS>;
/// Final counts, cell `home * 40 + away`.
pub(super) type CountCells = Cells<COUNT_WORDS>;

const _: () = assert!(FULL * FULL <= 256 && HALF_CELLS <= 128 && ORDER_CELLS <= 128);
const _: () = assert!(COUNT_SIZE * COUNT_SIZE == 64 * COUNT_WORDS);

/// What a selection depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependence {
    /// The final score.
    Score,
    /// The goals of each half.
    Halves,
    /// The order of goals.
    Order,
    /// A player, given the goals.
    Player { side: Side, player: u8, condition: PlayerCondition },
    /// No goal counts for scorers, given the goals.
    NoScorer,
    /// Goals of ten minutes, given those of the halves.
    Interval { interval: u8, rule: PairRule },
    /// Who goes through and how, given the final score: the cells of the tie view on which it wins.
    Tie { cells: u8 },
    /// Corners or cards.
    Count { kind: CountKind, is_first_half: bool },
    /// Something that has no joint model with anything else.
    Alone,
}

/// The selections of a football format as legs of same-game multiples.
///
/// Made once per format; the sets of half-time selections and of counts are made when they are first used.
#[derive(Debug)]
pub struct SameGameLegs {
    format: FootballFormat,
    template: &'static Template,
    rules: &'static [Rule],
    dependences: Vec<Dependence>,
    score: Vec<Option<GradeSets<SCORE_WORDS>>>,
    order: Vec<u128>,
    halves: Vec<OnceLock<GradeSets<HALVES_WORDS>>>,
    halves_cells: Vec<OnceLock<Box<[u8]>>>,
    counts: Vec<OnceLock<GradeSets<COUNT_WORDS>>>,
}

impl SameGameLegs {
    /// Compiles the legs of a format.
    ///
    /// # Errors
    /// The format is out of its bounds, named.
    pub fn new(format: FootballFormat) -> Result<Self, BoundsError> {
        format.check()?;
        let template = template_of(&Format::Football(format)).expect("football has a template");
        let rules = template.football_rules().expect("football has rules");
        let count = rules.len();
        let mut legs = Self {
            format,
            template,
            rules,
            dependences: rules.iter().map(dependence).collect(),
            score: Vec::with_capacity(count),
            order: Vec::with_capacity(count),
            halves: (0..count).map(|_| OnceLock::new()).collect(),
            halves_cells: template.views.iter().map(|_| OnceLock::new()).collect(),
            counts: (0..count).map(|_| OnceLock::new()).collect(),
        };
        let score_view = FootballView::Score(Period::Match);
        for (selection, rule) in rules.iter().enumerate() {
            let view = rule.view();
            let dependence = legs.dependences[selection];
            let grades = template.grades_on_cells(selection);
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
        Ok(legs)
    }

    /// The format whose selections these are.
    pub fn format(&self) -> &FootballFormat {
        &self.format
    }

    /// The template of the format.
    pub fn template(&self) -> &'static Template {
        self.template
    }

    /// The number of selections.
    pub fn count(&self) -> usize {
        self.dependences.len()
    }

    #[inline]
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
    pub(super) fn on_score(&self, selection: usize) -> &GradeSets<SCORE_WORDS> {
        self.score[selection].as_ref().expect("the selection depends on the final score")
    }

    /// The order cells on which a selection that depends on the order of goals wins.
    #[inline]
    pub(super) fn on_order(&self, selection: usize) -> u128 {
        self.order[selection]
    }

    /// The sets of a selection that depends on goals, by half.
    pub(super) fn on_halves(&self, selection: usize) -> &GradeSets<HALVES_WORDS> {
        self.halves[selection].get_or_init(|| {
            let view_index = usize::from(self.template.view_of(selection));
            let cells =
                self.halves_cells[view_index].get_or_init(|| halves_cells(self.rules[selection].view()));
            let grades = self.template.grades_on_cells(selection);
            let grade_at = |cell: usize| match cell % 128 < HALF_CELLS {
                true => grades[usize::from(cells[cell])],
                // The seven cells that fill a row up to 128 never happen.
                false => GRADE_LOST,
            };
            GradeSets::new(128 * HALF_CELLS, grade_at, |grade| self.kind_of(grade))
        })
    }

    /// The sets of a selection on corners or cards.
    pub(super) fn on_counts(&self, selection: usize) -> &GradeSets<COUNT_WORDS> {
        self.counts[selection].get_or_init(|| {
            let Rule::Depth(DepthRule::Count { rule, .. }) = self.rules[selection] else {
                panic!("the selection is on corners or cards")
            };
            let index = |grade: Grade| self.template.grades.iter().position(|&known| known == grade);
            let grade_at = |cell: usize| {
                let counts = ((cell / COUNT_SIZE) as u16, (cell % COUNT_SIZE) as u16);
                index(rule.grade(counts)).map_or(GRADE_LOST, |index| index as u8)
            };
            GradeSets::new(COUNT_SIZE * COUNT_SIZE, grade_at, |grade| self.kind_of(grade))
        })
    }
}

fn dependence(rule: &Rule) -> Dependence {
    let rule = match (rule, rule.view()) {
        (Rule::Depth(rule), _) => rule,
        (
            _,
            FootballView::Score(Period::Match)
            | FootballView::Difference(Period::Match)
            | FootballView::Goals(Period::Match, _),
        ) => return Dependence::Score,
        (_, FootballView::Order) => return Dependence::Order,
        _ => return Dependence::Halves,
    };
    let player = |side, player, condition| Dependence::Player { side, player, condition };
    match *rule {
        DepthRule::Count { kind, is_first_half, .. } => Dependence::Count { kind, is_first_half },
        DepthRule::Interval { interval, rule } => Dependence::Interval { interval, rule },
        DepthRule::PlayerScores { side, player: index, goals } => {
            player(side, index, PlayerCondition::Scores(goals))
        }
        DepthRule::PlayerFirst { side, player: index } => player(side, index, PlayerCondition::ScoresFirst),
        DepthRule::PlayerLast { side, player: index } => player(side, index, PlayerCondition::ScoresLast),
        DepthRule::NoScorer => Dependence::NoScorer,
        DepthRule::Qualifies { .. } | DepthRule::Method { .. } | DepthRule::DecidedIn { .. } => {
            Dependence::Tie { cells: tie_cells(rule) }
        }
        DepthRule::ExtraTime { .. } | DepthRule::ShootoutWinner { .. } => Dependence::Alone,
    }
}

/// The cells of the tie view on which a selection wins.
fn tie_cells(rule: &DepthRule) -> u8 {
    let DepthView::Tie(_) = rule.view() else { return 0 };
    (0..2 * TieMethod::ALL.len())
        .filter(|&cell| rule.grade(&rule.view().representative(cell)) == Grade::WON)
        .fold(0, |cells, cell| cells | 1 << cell)
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
