//! The largest stake of several legs, against trying every stake.

use oddsengine_risk::book::NO_OUTCOME;
use oddsengine_risk::{LossOfStake, UNIT_E9, stake_minor_max_together, unit_minor};
use oddsengine_types::{Grade, STAKE_MINOR_MAX, payout_minor};

const GRADES: [Grade; 5] = [Grade::LOST, Grade::WON, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST];

struct Leg {
    minima: [i64; 8],
    odds_e4: u32,
    unit_e9: u64,
}

impl Leg {
    /// The fixture's loss with a bet in the book, as the book rounds it.
    fn loss_with(&self, stake_minor: i64) -> i64 {
        let unit_minor = unit_minor(stake_minor, self.unit_e9);
        let of_grade = self.minima.iter().zip(GRADES).filter(|(minimum, _)| **minimum != NO_OUTCOME);
        let pnl = of_grade.map(|(minimum, grade)| {
            minimum + stake_minor - payout_minor(unit_minor, &[(self.odds_e4, grade)])
        });
        (-pnl.min().unwrap_or(0)).max(0)
    }
}

fn largest(legs: &[Leg], others_minor: i64, limit_minor: i64) -> i64 {
    let losses: Vec<LossOfStake> = legs
        .iter()
        .map(|leg| LossOfStake::new(&leg.minima, &GRADES, leg.odds_e4, leg.unit_e9, leg.loss_with(0)))
        .collect();
    let used_minor = others_minor + legs.iter().map(|leg| leg.loss_with(0)).sum::<i64>();
    stake_minor_max_together(&losses.iter().collect::<Vec<_>>(), used_minor, limit_minor)
}

// Each leg was judged by itself: with a limit of 100.00 twenty legs of 100.00 each were taken.
#[test]
fn no_smaller_stake_breaks_the_limit_and_a_larger_one_does() {
    let mut state = 3_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let (mut bound, mut free) = (0, 0);
    for _ in 0..3_000 {
        let legs: Vec<Leg> = (0..2 + below(5))
            .map(|_| {
                let mut minima = [NO_OUTCOME; 8];
                for minimum in minima.iter_mut().take(2 + below(4) as usize) {
                    *minimum = below(4_000) as i64 - 2_000;
                }
                let unit_e9 = if below(3) == 0 { UNIT_E9 } else { below(3 * UNIT_E9) };
                Leg { minima, odds_e4: 10_010 + below(60_000) as u32, unit_e9 }
            })
            .collect();
        let (others_minor, limit_minor) = (below(3_000) as i64, below(9_000) as i64);
        let loss_with = |stake| others_minor + legs.iter().map(|leg| leg.loss_with(stake)).sum::<i64>();
        let within = limit_minor.max(loss_with(0));
        let stake_max = largest(&legs, others_minor, limit_minor);
        for stake in (0..=stake_max.min(3_000)).chain([stake_max / 2, stake_max]) {
            assert!(loss_with(stake) <= within, "{stake} of {stake_max}: {} > {within}", loss_with(stake));
        }
        if stake_max < STAKE_MINOR_MAX {
            // Rounding in the book's favour is at most two a leg.
            let slack = 2 * legs.len() as i64;
            let beyond = (1..=400).any(|more| loss_with(stake_max + more) > within - slack);
            assert!(beyond, "{stake_max} could be larger");
            bound += 1;
        } else {
            free += 1;
        }
    }
    assert!(bound > 2_000 && free > 5, "{bound} bound, {free} free");
}

#[test]
fn extremes_do_not_overflow() {
    let mut minima = [NO_OUTCOME; 8];
    (minima[0], minima[1]) = (1_000_000_000_000_000, -1_000_000_000_000_000);
    let legs: Vec<Leg> =
        (0..20).map(|_| Leg { minima, odds_e4: 10_000_000, unit_e9: 1_000_000_000_000_000 }).collect();
    let used_minor = 20_000_000_000_000_000;
    let losses: Vec<LossOfStake> =
        legs.iter().map(|leg| LossOfStake::new(&leg.minima, &GRADES, leg.odds_e4, leg.unit_e9, 0)).collect();
    let all: Vec<&LossOfStake> = losses.iter().collect();
    assert_eq!(stake_minor_max_together(&all, used_minor, 0), 0);
    assert_eq!(stake_minor_max_together(&all, used_minor, used_minor + 19_999_999_979), 0);
    assert_eq!(stake_minor_max_together(&all, used_minor, used_minor + 19_999_999_980_000), 1_000);
    assert_eq!(stake_minor_max_together(&[], 0, 0), STAKE_MINOR_MAX);
}
