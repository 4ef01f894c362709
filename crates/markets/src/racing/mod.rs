//! Horse and greyhound racing: in which order the runners finish.
//!
//! The outcome space is the finishing position of every runner, with dead heats, runners that do not finish and runners
//! that do not start. Runners are counted from 0 here and named from 1 in keys and selections: runner 0 is `r1`.
//!
//! **Dead heats have one rule.** Runners that tie could have come home in any order, all equally likely: the share of a
//! selection that wins is the share of those orders on which it wins. Two that tie for first win half each, two that
//! tie for the last place share it, a forecast on them pays on half the stake. Every market's dead-heat rule follows.

mod live;
mod rule;
pub mod rule4;
pub mod template;
mod terms;
mod views;

pub use live::{RaceStage, RacingIncident, RacingState};
pub use rule::RacingRule;
pub use terms::{PlaceTerms, standard_terms};
pub use views::{Frame, RacingView};

use oddsengine_types::{BoundsError, codec_enum, codec_struct};

/// Most runners of a race.
pub const RUNNERS_MAX: usize = 40;
/// Most places that a market may pay.
pub const PLACES_MAX: u8 = 4;
/// Forecasts, matches and betting without a runner are listed for up to this many runners.
pub const PAIR_RUNNERS_MAX: usize = 16;
/// Tricasts are listed for up to this many runners.
pub const TRICAST_RUNNERS_MAX: usize = 10;

/// What runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RaceKind {
    /// Horses.
    #[default]
    Horse,
    /// Greyhounds.
    Greyhound,
}
codec_enum!(RaceKind { 0 = Horse, 1 = Greyhound });

/// A race as far as its markets depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RacingFormat {
    /// What runs.
    pub kind: RaceKind,
    /// Declared runners, 2 to [`RUNNERS_MAX`]; a runner that is withdrawn later keeps its number.
    pub runner_count: u8,
    /// A handicap pays more places in large fields.
    pub is_handicap: bool,
    /// The most places that a place market is listed for, 1 to [`PLACES_MAX`]; none is listed that all runners fill.
    pub places_max: u8,
    /// Each-way terms that are offered beside the standard ones, such as an extra place.
    pub extra_terms: Option<PlaceTerms>,
}
codec_struct!(RacingFormat { kind, runner_count, is_handicap, places_max, extra_terms });

impl RacingFormat {
    /// A race with the standard place terms of its field: places up to three, or to four where the terms pay them.
    ///
    /// ```
    /// use oddsengine_markets::racing::{RaceKind, RacingFormat};
    /// assert_eq!(RacingFormat::standard(RaceKind::Horse, 16, true).places_max, 4);
    /// assert_eq!(RacingFormat::standard(RaceKind::Greyhound, 6, false).places_max, 3);
    /// ```
    pub fn standard(kind: RaceKind, runner_count: u8, is_handicap: bool) -> Self {
        let terms = standard_terms(runner_count, is_handicap);
        let places_max = terms.map_or(3, |terms| terms.places.max(3));
        Self { kind, runner_count, is_handicap, places_max, extra_terms: None }
    }

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// A field outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        let runners = usize::from(self.runner_count);
        if !(2..=RUNNERS_MAX).contains(&runners) {
            return Err(BoundsError::outside("runner_count", runners, 2, RUNNERS_MAX));
        }
        if !(1..=PLACES_MAX).contains(&self.places_max) {
            return Err(BoundsError::outside("places_max", self.places_max, 1, PLACES_MAX));
        }
        match self.extra_terms {
            Some(terms) => terms.check(),
            None => Ok(()),
        }
    }

    /// Declared runners.
    pub(crate) fn runners(&self) -> usize {
        usize::from(self.runner_count)
    }

    /// The each-way terms that are listed: the standard ones of this field and of every smaller one, so that the right
    /// ones are there when runners are withdrawn, and the extra ones.
    pub fn each_way_terms(&self) -> Vec<PlaceTerms> {
        let standard =
            (2..=self.runner_count).rev().filter_map(|count| standard_terms(count, self.is_handicap));
        let mut all: Vec<PlaceTerms> = Vec::new();
        for terms in standard.chain(self.extra_terms) {
            if !all.contains(&terms) && terms.places < self.runner_count {
                all.push(terms);
            }
        }
        all
    }

    /// Positions that the views tell apart: at least three, and as many as a market pays places.
    pub fn depth(&self) -> usize {
        // The largest field's standard terms pay the most places.
        let standard = standard_terms(self.runner_count, self.is_handicap);
        let of_terms = |terms: Option<PlaceTerms>| terms.map_or(0, |terms| terms.places);
        let places = self.places_max.max(of_terms(standard)).max(of_terms(self.extra_terms)).max(3);
        usize::from(places).min(self.runners())
    }
}

impl Default for RacingFormat {
    /// Eight horses.
    fn default() -> Self {
        Self::standard(RaceKind::Horse, 8, false)
    }
}

/// The name of a runner in keys and selections: `r1` for runner 0.
pub fn runner_name(runner: usize) -> String {
    format!("r{}", runner + 1)
}

/// A set of runners, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunnerSet {
    /// Bit `i` is set for runner `i`.
    pub bits: u64,
}
codec_struct!(RunnerSet { bits });

impl RunnerSet {
    /// Whether a runner is in it.
    #[inline]
    pub fn contains(self, runner: usize) -> bool {
        self.bits >> runner & 1 == 1
    }

    /// The set with a runner added.
    pub fn with(self, runner: usize) -> Self {
        Self { bits: self.bits | 1 << runner }
    }

    /// The set with a runner taken out.
    pub fn without(self, runner: usize) -> Self {
        Self { bits: self.bits & !(1 << runner) }
    }

    /// Number of runners in it.
    pub fn len(self) -> usize {
        self.bits.count_ones() as usize
    }

    /// No runner is in it.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }
}

/// How a race ended, or one way it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RacingOutcome {
    /// Declared runners.
    pub runner_count: u8,
    /// Finishing position of every runner, from 1; runners that tie share one, and the next position counts them all. 0
    /// for a runner that did not finish or did not start.
    pub positions: [u8; RUNNERS_MAX],
    /// Runners that did not start.
    pub withdrawn: RunnerSet,
    /// The race was abandoned or declared void.
    pub is_void: bool,
}

impl RacingOutcome {
    /// A race in which these runners finished in this order and all others did not finish.
    ///
    /// ```
    /// use oddsengine_markets::racing::RacingOutcome;
    /// assert_eq!(RacingOutcome::from_order(3, &[2, 0]).positions[..3], [2, 0, 1]);
    /// ```
    pub fn from_order(runner_count: u8, order: &[usize]) -> Self {
        let mut outcome = Self {
            runner_count,
            positions: [0; RUNNERS_MAX],
            withdrawn: RunnerSet::default(),
            is_void: false,
        };
        for (index, &runner) in order.iter().enumerate() {
            outcome.positions[runner] = index as u8 + 1;
        }
        outcome
    }

    /// The positions of all runners.
    #[inline]
    pub fn positions(&self) -> &[u8] {
        &self.positions[..usize::from(self.runner_count)]
    }

    /// Runners that started.
    pub fn starter_count(&self) -> usize {
        usize::from(self.runner_count) - self.withdrawn.len()
    }

    /// Runners that finished.
    pub fn finisher_count(&self) -> usize {
        self.positions().iter().filter(|&&position| position > 0).count()
    }

    /// First and last position that a runner could have had without its dead heat; `None` if it did not finish.
    #[inline]
    pub fn span(&self, runner: usize) -> Option<(usize, usize)> {
        let position = self.positions[runner];
        if position == 0 {
            return None;
        }
        let tied = self.positions().iter().filter(|&&other| other == position).count();
        let first = usize::from(position);
        Some((first, first + tied - 1))
    }

    /// What is wrong with the positions, if anything is.
    ///
    /// # Errors
    /// A withdrawn runner with a position, a position that the runners ahead do not explain, or no finisher.
    pub fn check(&self) -> Result<(), BoundsError> {
        for (runner, &position) in self.positions().iter().enumerate().filter(|&(_, &position)| position > 0)
        {
            let name = runner_name(runner);
            if self.withdrawn.contains(runner) {
                return Err(BoundsError::new(format!("{name} is withdrawn and has position {position}")));
            }
            let ahead = self.positions().iter().filter(|&&other| other > 0 && other < position).count();
            if ahead + 1 != usize::from(position) {
                return Err(BoundsError::new(format!(
                    "{name} has position {position} behind {ahead} runners"
                )));
            }
        }
        if self.positions[usize::from(self.runner_count)..].iter().any(|&position| position > 0) {
            return Err(BoundsError::new(format!(
                "a position is given to more than {} runners",
                self.runner_count
            )));
        }
        if self.finisher_count() == 0 {
            return Err(BoundsError::new("a result has no finisher"));
        }
        Ok(())
    }
}
