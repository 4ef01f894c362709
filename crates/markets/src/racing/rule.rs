//! The grade of every racing selection: the one place where a market's meaning is written.

use oddsengine_types::Grade;

use super::{PlaceTerms, RacingOutcome, RacingView, RunnerSet};

/// What a selection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RacingRule {
    /// A runner wins.
    Win {
        /// The runner.
        runner: u8,
    },
    /// A runner is among the first so many.
    Place {
        /// The runner.
        runner: u8,
        /// How many places pay.
        places: u8,
    },
    /// Half the stake on the win, half on a place at a fraction of the odds.
    EachWay {
        /// The runner.
        runner: u8,
        /// Places and fraction.
        terms: PlaceTerms,
    },
    /// Two runners are first and second in this order.
    Forecast {
        /// The winner.
        first: u8,
        /// The second.
        second: u8,
    },
    /// Two runners are first and second in either order.
    Quinella {
        /// One of them, the lower number.
        one: u8,
        /// The other.
        other: u8,
    },
    /// Three runners are first, second and third in this order.
    Tricast {
        /// The three, in order.
        order: [u8; 3],
    },
    /// Another runner than this one wins: what is left of a tricast market.
    AnotherWins {
        /// The runner that does not win.
        runner: u8,
    },
    /// A runner is the first of all but one.
    Without {
        /// The runner that is left out.
        favourite: u8,
        /// The runner that is first of the others.
        runner: u8,
    },
    /// A runner finishes ahead of another.
    Ahead {
        /// The runner.
        runner: u8,
        /// The other.
        opponent: u8,
    },
}

impl RacingRule {
    /// The view that the selection lives on.
    pub fn view(&self) -> RacingView {
        match *self {
            Self::Win { .. } => RacingView::Winner,
            Self::Place { runner, .. } | Self::EachWay { runner, .. } => RacingView::Position(runner),
            Self::Forecast { .. } | Self::Quinella { .. } | Self::Without { .. } => RacingView::Forecast,
            Self::Tricast { order: [runner, ..] } | Self::AnotherWins { runner } => {
                RacingView::Tricast(runner)
            }
            Self::Ahead { runner, opponent } => RacingView::Match(runner.min(opponent), runner.max(opponent)),
        }
    }

    /// The selection is void whatever happens on the course: the race is, only one runner starts (a walkover), a runner
    /// that the selection, or the question of its market, needs does not start, or too few start for a tricast.
    pub fn is_void(&self, outcome: &RacingOutcome) -> bool {
        let starters_min = if matches!(self, Self::AnotherWins { .. }) { 3 } else { 2 };
        outcome.is_void || outcome.starter_count() < starters_min || self.needs_any(outcome.withdrawn)
    }

    fn needs_any(&self, withdrawn: RunnerSet) -> bool {
        let is_out = |runner: u8| withdrawn.contains(usize::from(runner));
        match *self {
            Self::Win { runner }
            | Self::Place { runner, .. }
            | Self::EachWay { runner, .. }
            | Self::AnotherWins { runner } => is_out(runner),
            Self::Forecast { first: a, second: b }
            | Self::Quinella { one: a, other: b }
            | Self::Without { favourite: a, runner: b }
            | Self::Ahead { runner: a, opponent: b } => is_out(a) || is_out(b),
            Self::Tricast { order } => order.into_iter().any(is_out),
        }
    }

    /// The grade at an outcome.
    ///
    /// Void as [`RacingRule::is_void`] says, and when fewer runners finish than the market asks for.
    ///
    /// ```
    /// use oddsengine_markets::racing::{RacingOutcome, RacingRule};
    /// use oddsengine_types::Grade;
    /// let mut outcome = RacingOutcome::from_order(4, &[2, 0, 1, 3]);
    /// assert_eq!(RacingRule::Place { runner: 0, places: 2 }.grade(&outcome), Grade::WON);
    /// outcome.positions[1] = 2; // runners 0 and 1 tie for second
    /// assert_eq!(RacingRule::Place { runner: 0, places: 2 }.grade(&outcome), Grade::new(1, 0, 2).unwrap());
    /// ```
    pub fn grade(&self, outcome: &RacingOutcome) -> Grade {
        if self.is_void(outcome) {
            return Grade::VOID;
        }
        let finishers = outcome.finisher_count();
        match *self {
            Self::Win { runner } => won_share(placed(outcome, runner, 1)),
            Self::Place { runner, places } => won_share(placed(outcome, runner, places)),
            Self::EachWay { runner, terms } => each_way(outcome, runner, terms),
            Self::Forecast { .. } | Self::Quinella { .. } if finishers < 2 => Grade::VOID,
            Self::Forecast { first, second } => in_order(outcome, &[first, second]),
            Self::Quinella { one, other } => {
                let [a, b] = [[one, other], [other, one]].map(|order| orders(outcome, &order));
                won_share((u16::from(a.is_some()) + u16::from(b.is_some()), a.or(b).unwrap_or(1)))
            }
            Self::Tricast { .. } | Self::AnotherWins { .. } if finishers < 3 => Grade::VOID,
            Self::Tricast { order } => in_order(outcome, &order),
            Self::AnotherWins { runner } => {
                let (won, of) = placed(outcome, runner, 1);
                won_share((of - won, of))
            }
            Self::Without { favourite, runner } => without(outcome, favourite, runner),
            Self::Ahead { runner, opponent } => ahead(outcome, runner, opponent),
        }
    }
}

/// A share of the stake that wins, of a whole; the rest is lost.
fn won_share((won, of): (u16, u16)) -> Grade {
    Grade::new(won, 0, of).expect("a share of the orders is at most all of them")
}

/// On how many of the equally likely positions of a runner it is among the first `places`.
fn placed(outcome: &RacingOutcome, runner: u8, places: u8) -> (u16, u16) {
    match outcome.span(usize::from(runner)) {
        Some((first, last)) => {
            let paid = usize::from(places).min(last) + 1;
            (paid.saturating_sub(first) as u16, (last + 1 - first) as u16)
        }
        None => (0, 1),
    }
}

/// Half of `won` at the whole odds, half of `placed` at one part in `d` of them: the place half is `1/d` at the odds, and
/// the rest of it comes back.
fn each_way(outcome: &RacingOutcome, runner: u8, terms: PlaceTerms) -> Grade {
    let (won, of) = placed(outcome, runner, 1);
    let (placed, _) = placed(outcome, runner, terms.places);
    let parts = u16::from(terms.fraction_of);
    Grade::new(parts * won + placed, (parts - 1) * placed, 2 * parts * of)
        .expect("both halves are within the stake")
}

/// Among how many equally likely orders these runners come first in this order on one; `None` if on none.
fn orders(outcome: &RacingOutcome, order: &[u8]) -> Option<u16> {
    order.iter().enumerate().try_fold(1, |among, (index, &runner)| {
        let (first, last) = outcome.span(usize::from(runner))?;
        // Of the tied runners, so many are left for this position.
        (first..=last).contains(&(index + 1)).then(|| among * (last - index) as u16)
    })
}

fn in_order(outcome: &RacingOutcome, order: &[u8]) -> Grade {
    orders(outcome, order).map_or(Grade::LOST, |among| won_share((1, among)))
}

fn without(outcome: &RacingOutcome, favourite: u8, runner: u8) -> Grade {
    let others = outcome.positions().iter().enumerate().filter(|&(other, _)| other != usize::from(favourite));
    let finished = others.map(|(_, &position)| position).filter(|&position| position > 0);
    let Some(best) = finished.clone().min() else { return Grade::VOID };
    if outcome.positions[usize::from(runner)] != best {
        return Grade::LOST;
    }
    won_share((1, finished.filter(|&position| position == best).count() as u16))
}

fn ahead(outcome: &RacingOutcome, runner: u8, opponent: u8) -> Grade {
    let [own, other] = [runner, opponent].map(|runner| outcome.positions[usize::from(runner)]);
    match (own, other) {
        (0, 0) => Grade::VOID,
        (0, _) => Grade::LOST,
        (_, 0) => Grade::WON,
        _ if own == other => won_share((1, 2)),
        _ => Grade::won_if(own < other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::racing::{RaceKind, RacingFormat, template};

    /// Every order of the finishers that a result with ties allows.
    fn orders_of(outcome: &RacingOutcome) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for position in 1..=outcome.finisher_count() {
            all = all
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    let next: Vec<usize> = (0..usize::from(outcome.runner_count))
                        .filter(|runner| !order.contains(runner))
                        .filter(|&runner| {
                            outcome
                                .span(runner)
                                .is_some_and(|(first, last)| (first..=last).contains(&position))
                        })
                        .collect();
                    next.into_iter().map(move |runner| order.iter().copied().chain([runner]).collect())
                })
                .collect();
        }
        all
    }

    /// The dead-heat rule by its definition: the mean of a selection's grade over all orders that a tie allows.
    #[test]
    fn a_dead_heat_is_the_mean_over_its_orders() {
        let format = RacingFormat { places_max: 4, ..RacingFormat::standard(RaceKind::Horse, 6, false) };
        let rules: Vec<RacingRule> = template::definitions(&format)
            .into_iter()
            .flat_map(|market| market.selections.into_iter().map(|(_, rule)| rule))
            .collect();
        for positions in [
            [1, 1, 3, 4, 5, 6],
            [1, 2, 2, 4, 5, 6],
            [2, 2, 2, 1, 5, 0],
            [1, 1, 1, 1, 5, 5],
            [1, 2, 3, 3, 3, 3],
            [1, 1, 3, 3, 5, 5],
            [1, 1, 1, 1, 1, 1],
            [3, 1, 0, 0, 3, 2],
            [0, 1, 1, 0, 0, 0],
        ] {
            let mut outcome = RacingOutcome::from_order(6, &[]);
            outcome.positions[..6].copy_from_slice(&positions);
            outcome.check().unwrap();
            let orders = orders_of(&outcome);
            for rule in &rules {
                let (mut win, mut refund) = (0.0, 0.0);
                for order in &orders {
                    let grade = rule.grade(&RacingOutcome::from_order(6, order));
                    win += grade.win_share() / orders.len() as f64;
                    refund += grade.refund_share() / orders.len() as f64;
                }
                let grade = rule.grade(&outcome);
                assert!(
                    (grade.win_share() - win).abs() < 1e-12,
                    "{rule:?} {positions:?}: {grade}, not {win}"
                );
                assert!((grade.refund_share() - refund).abs() < 1e-12, "{rule:?} {positions:?}: {grade}");
            }
        }
    }

    #[test]
    fn an_each_way_bet_is_two_bets() {
        let terms = PlaceTerms { places: 3, fraction_of: 5 };
        let rule = RacingRule::EachWay { runner: 0, terms };
        // 20.00 in all at 9.0: the win half pays 90.00, the place half 26.00.
        let payout = |order: &[usize]| {
            let (numerator, denominator) =
                rule.grade(&RacingOutcome::from_order(8, order)).return_ratio(90_000);
            2_000 * numerator / denominator
        };
        assert_eq!([payout(&[0, 1, 2]), payout(&[1, 2, 0]), payout(&[1, 2, 3, 0])], [11_600, 2_600, 0]);
    }

    #[test]
    fn a_runner_that_does_not_start_voids_what_needs_it() {
        let mut outcome = RacingOutcome::from_order(5, &[0, 1, 2, 3]);
        outcome.withdrawn = RunnerSet::default().with(4);
        let void = |rule: RacingRule| rule.grade(&outcome) == Grade::VOID;
        assert!(void(RacingRule::Win { runner: 4 }));
        assert!(void(RacingRule::Forecast { first: 0, second: 4 }));
        assert!(void(RacingRule::Ahead { runner: 3, opponent: 4 }));
        assert!(void(RacingRule::Without { favourite: 4, runner: 0 }));
        assert!(void(RacingRule::Tricast { order: [0, 4, 1] }));
        assert!(!void(RacingRule::Forecast { first: 0, second: 1 }));
        let walkover =
            RacingOutcome { withdrawn: RunnerSet { bits: 0b11110 }, ..RacingOutcome::from_order(5, &[0]) };
        assert_eq!(RacingRule::Win { runner: 0 }.grade(&walkover), Grade::VOID);
        let void_race = RacingOutcome { is_void: true, ..outcome };
        assert_eq!(RacingRule::Win { runner: 0 }.grade(&void_race), Grade::VOID);
    }

    #[test]
    fn runners_that_do_not_finish() {
        let one = RacingOutcome::from_order(4, &[2]);
        assert_eq!(RacingRule::Win { runner: 2 }.grade(&one), Grade::WON);
        assert_eq!(RacingRule::Place { runner: 1, places: 2 }.grade(&one), Grade::LOST);
        assert_eq!(RacingRule::Forecast { first: 2, second: 1 }.grade(&one), Grade::VOID);
        assert_eq!(RacingRule::Ahead { runner: 0, opponent: 1 }.grade(&one), Grade::VOID);
        assert_eq!(RacingRule::Ahead { runner: 0, opponent: 2 }.grade(&one), Grade::LOST);
        assert_eq!(RacingRule::Without { favourite: 2, runner: 0 }.grade(&one), Grade::VOID);
        assert_eq!(RacingRule::AnotherWins { runner: 0 }.grade(&one), Grade::VOID);
    }
}
