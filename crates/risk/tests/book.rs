//! The book against enumeration: profit and loss outcome by outcome, straight from the grade rules.

use oddsengine_markets::football::{
    FootballOutcome, FootballState, FootballView, GoalOrder, main_cell, order_cell,
};
use oddsengine_markets::{LiveState, Outcome, Possible, Template, ViewMap, sport_id, template};
use oddsengine_risk::{Book, Change, Position, UNIT_E9, stake_minor_max};
use oddsengine_types::{STAKE_MINOR_MAX, payout_minor};

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Profit and loss at goals by half and side, and an order of them.
fn pnl_at(template: &Template, book: &Book, main: usize, order: usize) -> i64 {
    book.pnl_at_main(template, main) + book.pnl_at_loose(FootballView::Order.index(), order)
}

/// Every goal sequence of up to seven goals with every position of half time: real outcomes, all different.
fn outcomes() -> Vec<FootballOutcome> {
    let mut all = Vec::new();
    for count in 0..=7_u16 {
        for bits in 0..1_u64 << count {
            let order = GoalOrder { away_bits: bits, count };
            for first_half in 0..=count {
                let mut goals = [[0; 2]; 2];
                for index in 0..count {
                    goals[usize::from(index >= first_half)][order.side(index).unwrap().index()] += 1;
                }
                if goals.iter().flatten().all(|&count| count <= 6) {
                    all.push(FootballOutcome::new(goals, order));
                }
            }
        }
    }
    all
}

fn football() -> (&'static Template, Possible) {
    let template = template(sport_id("football").unwrap());
    let mut possible = Possible::default();
    LiveState::Football(FootballState::default()).fill_possible(template, &mut possible);
    (template, possible)
}

fn random_position(random: &mut Lcg, template: &Template) -> Position {
    let stake_minor = 1 + random.below(100_000) as i64;
    let unit_minor = if random.below(3) == 0 { stake_minor * 9 / 10 } else { stake_minor };
    let selection = random.below(template.selections.len() as u64) as u16;
    Position {
        selection,
        odds_e4: 10_100 + random.below(90_000) as u32,
        stake_minor,
        unit_minor,
        place_fraction_of: 0,
    }
}

fn pnl(template: &Template, position: &Position, outcome: &FootballOutcome) -> i64 {
    let grade = template.grade(usize::from(position.selection), &Outcome::Football(*outcome));
    position.stake_minor - payout_minor(position.unit_minor, &[(position.odds_e4, grade)])
}

#[test]
fn joint_profit_and_loss_is_the_sum_over_bets_at_every_outcome() {
    let (template, possible) = football();
    let mut random = Lcg(7);
    let outcomes = outcomes();
    let mut book = Book::default();
    let mut positions = Vec::new();
    for _ in 0..150 {
        let position = random_position(&mut random, template);
        book.change(template, &possible, &[Change { position, adds: true }]);
        positions.push(position);
    }
    let mut worst = i64::MAX;
    for outcome in &outcomes {
        let expected: i64 = positions.iter().map(|position| pnl(template, position, outcome)).sum();
        assert_eq!(pnl_at(template, &book, main_cell(outcome.goals), order_cell(&outcome.order)), expected);
        worst = worst.min(expected);
    }
    // The space has outcomes of more than seven goals, too: they can only be worse.
    assert!(book.worst_minor() <= worst);
    for position in &positions {
        book.change(template, &possible, &[Change { position: *position, adds: false }]);
    }
    assert!(book.is_empty() && book.worst_minor() == 0 && pnl_at(template, &book, 0, 0) == 0);
}

#[test]
fn the_largest_stake_keeps_the_limit_and_one_more_breaks_it() {
    let (template, possible) = football();
    let mut random = Lcg(11);
    let mut book = Book::default();
    let limit = 5_000_000;
    for round in 0..200 {
        let candidate = random_position(&mut random, template);
        let selection = usize::from(candidate.selection);
        let minima = book.joint_minima(template, &possible, selection);
        let largest = stake_minor_max(&minima, &template.grades, candidate.odds_e4, UNIT_E9, limit);
        let with = |stake_minor| {
            let mut trial = book.clone();
            let position = Position { stake_minor, unit_minor: stake_minor, ..candidate };
            trial.change(template, &possible, &[Change { position, adds: true }]);
            trial.worst_minor()
        };
        assert!(with(largest) >= -limit, "round {round}: {largest}");
        if largest == STAKE_MINOR_MAX {
            continue;
        }
        // Rounding a payout down leaves less than one unit per stake: ten stakes more must break the limit.
        assert!(with(largest + 10 + largest / 1_000_000) < -limit, "round {round}: {largest}");
        book.change(template, &possible, &[Change { position: candidate, adds: true }]);
        if book.worst_minor() < -limit {
            book.change(template, &possible, &[Change { position: candidate, adds: false }]);
        }
    }
}

#[test]
fn a_bet_that_reduces_risk_is_never_refused() {
    let (template, possible) = football();
    let market = template.market_index("1x2").unwrap();
    let [home, draw] = ["home", "draw"].map(|name| template.selection_index(market, name).unwrap());
    let mut book = Book::default();
    let on_home = Position {
        selection: home as u16,
        odds_e4: 30_000,
        stake_minor: 1_000_000,
        unit_minor: 1_000_000,
        place_fraction_of: 0,
    };
    book.change(template, &possible, &[Change { position: on_home, adds: true }]);
    assert_eq!(book.worst_minor(), -2_000_000);
    // Far beyond a limit of 100,000 already: a bet on the draw takes nothing away from the home outcome.
    let minima = book.joint_minima(template, &possible, draw);
    let largest = stake_minor_max(&minima, &template.grades, 32_000, UNIT_E9, 100_000);
    assert_eq!(largest, (100_000 + 1_000_000) * 10_000 / 22_000);
    let minima = book.joint_minima(template, &possible, home);
    assert_eq!(stake_minor_max(&minima, &template.grades, 30_000, UNIT_E9, 100_000), 0);
}

/// The minima by grade are those of the outcomes one by one, also after bets on the order of goals.
#[test]
fn minima_by_grade_agree_with_the_cells() {
    let (template, possible) = football();
    let mut random = Lcg(12);
    let mut book = Book::default();
    for _ in 0..60 {
        let position = random_position(&mut random, template);
        book.change(template, &possible, &[Change { position, adds: true }]);
        let selection = usize::from(random_position(&mut random, template).selection);
        let view = template.view_of(selection);
        let grades = template.grades_on_cells(selection);
        let mut expected = [i64::MAX; 8];
        for main in 0..template.joint.main_count {
            let order = template.joint.map(FootballView::Order.index());
            for side in (0..127).filter(|&side| order.allows(main, side)) {
                let cell = match template.joint.map(view) {
                    ViewMap::Exact(cells) => usize::from(cells[main]),
                    ViewMap::Loose { .. } => side,
                };
                let minimum = &mut expected[usize::from(grades[cell])];
                *minimum = (*minimum).min(pnl_at(template, &book, main, side));
            }
        }
        assert_eq!(
            book.joint_minima(template, &possible, selection),
            expected,
            "{}",
            template.selection_text(selection)
        );
    }
}
