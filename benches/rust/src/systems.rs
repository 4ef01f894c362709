//! Bets of many lines: what they pay.

use oddsengine_types::bets::{Bet, LegReturn, Parts, Rounding, named, payout_minor};
use oddsengine_types::{Grade, Odds};
use std::hint::black_box;

use crate::ops::Op;

/// Tickets of one plan, graded in turn.
pub struct Systems {
    bet: Bet,
    tickets: Vec<Vec<LegReturn>>,
    paid_minor: i128,
}

/// Tickets that are paid in turn.
const TICKETS: usize = 64;

impl Systems {
    /// A named bet; prices of two decimals, or of four where nothing shortens.
    ///
    /// # Panics
    /// There is no such bet.
    pub fn new(name: &str, parts: Parts, decimals: u32) -> Self {
        let known = named(name).expect("the bet has a name");
        let bet = known.bet(known.legs, 100).and_then(|bet| bet.on_parts(parts)).expect("a bet of its legs");
        let step = 10_u32.pow(4 - decimals);
        let leg = |ticket: usize, leg: usize| {
            let mixed = (ticket * 31 + leg * 17) as u32 * 7_919 % 90_000;
            let odds =
                Odds::from_e4(11_000 + mixed / step * step + step % 10_000).expect("odds in their range");
            let grade = if (ticket + leg).is_multiple_of(5) { Grade::VOID } else { Grade::WON };
            LegReturn::graded(odds.e4(), grade)
        };
        let ticket = |index: usize| (0..known.legs).map(|place| leg(index, place)).collect();
        Self { bet, tickets: (0..TICKETS).map(ticket).collect(), paid_minor: 0 }
    }

    fn pays(&self, index: u64) -> i64 {
        let returns = &self.tickets[index as usize % TICKETS];
        payout_minor(black_box(&[self.bet]), black_box(returns), &[], Rounding::Down)
    }
}

impl Op for Systems {
    fn step(&mut self, index: u64) {
        self.paid_minor += i128::from(self.pays(index));
    }

    fn check(&self, count: u64) -> String {
        let line_by_line: i128 =
            (0..count).map(|index| i128::from(self.enumerated(index as usize % TICKETS))).sum();
        let off = (self.paid_minor - line_by_line).abs();
        // Floats of each line against exact sums rounded down: a unit a ticket and their last digits.
        assert!(
            off <= i128::from(count) * 2 + self.paid_minor / 1_000_000_000,
            "{off} off {}",
            self.paid_minor
        );
        format!("{} minor units paid, as line by line", self.paid_minor)
    }
}

impl Systems {
    /// Every line by itself.
    fn enumerated(&self, ticket: usize) -> i64 {
        let returns: Vec<f64> = self.tickets[ticket]
            .iter()
            .map(|leg| {
                let (win, _, of) = leg.parts();
                win as f64 / of as f64
            })
            .collect();
        let choices =
            (0..1_u64 << returns.len()).filter(|choice| self.bet.sizes >> choice.count_ones() & 1 == 1);
        let line = |choice: u64| {
            let legs = returns.iter().enumerate().filter(|(leg, _)| choice >> leg & 1 == 1);
            legs.map(|(_, value)| value).product::<f64>()
        };
        let sum: f64 = choices.map(line).sum();
        (sum * self.bet.stake_minor as f64 * self.bet.parts.bets() as f64) as i64
    }
}
