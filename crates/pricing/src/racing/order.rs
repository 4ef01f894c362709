//! One face of all racing models, with checked arguments.

use super::{
    Exponents, HeneryModel, POSITIONS, RUNNERS_MAX, RacingError, SequentialModel, check_output, check_runner,
    without_withdrawn,
};

/// Which model orders the runners.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelKind {
    /// Positions filled one after the other; Harville is [`Exponents::HARVILLE`].
    Sequential(Exponents),
    /// Normal running times.
    Henery,
}

impl ModelKind {
    /// Reads a name: `harville`, `lo_bacon_shone` (with [`Exponents::NORMAL`]) or `henery`.
    ///
    /// # Errors
    /// [`RacingError::UnknownModel`] for any other text.
    pub fn parse(name: &str) -> Result<Self, RacingError> {
        Ok(match name {
            "harville" => Self::Sequential(Exponents::HARVILLE),
            "lo_bacon_shone" => Self::Sequential(Exponents::NORMAL),
            "henery" => Self::Henery,
            _ => return Err(RacingError::UnknownModel { name: name.chars().take(40).collect() }),
        })
    }
}

/// A race with a probability for every order of finish.
#[derive(Clone, Debug)]
pub enum OrderModel {
    /// Harville, Lo–Bacon-Shone.
    Sequential(Box<SequentialModel>),
    /// Normal running times.
    Henery(Box<HeneryModel>),
}

impl OrderModel {
    /// A race with these probabilities of winning; see the models' own constructors.
    ///
    /// # Errors
    /// As theirs.
    ///
    /// ```
    /// use oddsengine_pricing::racing::{ModelKind, OrderModel};
    /// let race = OrderModel::new(ModelKind::Henery, &[0.4, 0.3, 0.2, 0.1])?;
    /// let mut place = [0.0; 4];
    /// race.places(2, &mut place)?;
    /// assert!((place.iter().sum::<f64>() - 2.0).abs() < 1e-12);
    /// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
    /// ```
    pub fn new(kind: ModelKind, win: &[f64]) -> Result<Self, RacingError> {
        Ok(match kind {
            ModelKind::Sequential(exponents) => {
                Self::Sequential(Box::new(SequentialModel::new(win, exponents)?))
            }
            ModelKind::Henery => Self::Henery(Box::new(HeneryModel::from_win(win)?)),
        })
    }

    /// The same race without the runners that are withdrawn; the others move up and are counted anew from 0.
    ///
    /// Sequential models share the withdrawn runner's probability in proportion; normal running times leave the others'
    /// times as they are, which gives runners of similar strength a little more.
    ///
    /// # Errors
    /// A slice of another length, or fewer than two starters.
    pub fn starting(&self, withdrawn: &[bool]) -> Result<Self, RacingError> {
        check_output(withdrawn.len(), self.runner_count())?;
        let starters = |values: &[f64]| -> Vec<f64> {
            values
                .iter()
                .zip(withdrawn)
                .filter(|&(_, &withdrawn)| !withdrawn)
                .map(|(&value, _)| value)
                .collect()
        };
        Ok(match self {
            Self::Sequential(model) => {
                let mut win = [0.0; RUNNERS_MAX];
                let win = &mut win[..model.runner_count()];
                without_withdrawn(model.win(), withdrawn, win)?;
                Self::Sequential(Box::new(SequentialModel::new(&starters(win), model.exponents())?))
            }
            Self::Henery(model) => Self::Henery(Box::new(HeneryModel::from_times(&starters(model.times()))?)),
        })
    }

    /// Number of runners.
    pub fn runner_count(&self) -> usize {
        match self {
            Self::Sequential(model) => model.runner_count(),
            Self::Henery(model) => model.runner_count(),
        }
    }

    /// Probability of winning of every runner; they sum to 1.
    ///
    /// # Errors
    /// `out` has another length.
    pub fn win(&self, out: &mut [f64]) -> Result<(), RacingError> {
        check_output(out.len(), self.runner_count())?;
        match self {
            Self::Sequential(model) => out.copy_from_slice(model.win()),
            Self::Henery(model) => model.fill_win(out),
        }
        Ok(())
    }

    /// Probability of every runner to finish exactly first, second, third and fourth; a position that a small field does
    /// not have has probability 0. Each position sums to 1.
    ///
    /// # Errors
    /// `out` has another length.
    pub fn positions(&self, out: &mut [[f64; POSITIONS]]) -> Result<(), RacingError> {
        check_output(out.len(), self.runner_count())?;
        match self {
            Self::Sequential(model) => model.fill_positions(out),
            Self::Henery(model) => model.fill_positions(out),
        }
        Ok(())
    }

    /// Probability of every runner to be among the first `places`, 1 to 4; they sum to `places`, or to the number of
    /// runners if there are fewer.
    ///
    /// # Errors
    /// More than four places or none, or `out` has another length.
    pub fn places(&self, places: usize, out: &mut [f64]) -> Result<(), RacingError> {
        check_places(places)?;
        let mut positions = [[0.0; POSITIONS]; RUNNERS_MAX];
        let positions = &mut positions[..self.runner_count()];
        check_output(out.len(), positions.len())?;
        self.positions(positions)?;
        for (out, row) in out.iter_mut().zip(positions) {
            *out = row[..places].iter().sum();
        }
        Ok(())
    }

    /// Exacta or straight forecast: `out[first * n + second]` of the first two in order; 0 where both are one runner.
    ///
    /// # Errors
    /// `out` has another length than `n * n`.
    pub fn exactas(&self, out: &mut [f64]) -> Result<(), RacingError> {
        check_output(out.len(), self.runner_count().pow(2))?;
        match self {
            Self::Sequential(model) => model.fill_exactas(out),
            Self::Henery(model) => model.fill_exactas(out),
        }
        Ok(())
    }

    /// Quinella or reverse forecast: `out[a * n + b]` of the first two in either order, the same as `out[b * n + a]`.
    ///
    /// # Errors
    /// `out` has another length than `n * n`.
    pub fn quinellas(&self, out: &mut [f64]) -> Result<(), RacingError> {
        self.exactas(out)?;
        let count = self.runner_count();
        for a in 0..count {
            for b in 0..a {
                let either = out[a * count + b] + out[b * count + a];
                (out[a * count + b], out[b * count + a]) = (either, either);
            }
        }
        Ok(())
    }

    /// Trifecta or tricast: `out[(first * n + second) * n + third]` of the first three in order; 0 where a runner is named
    /// twice.
    ///
    /// # Errors
    /// `out` has another length than `n * n * n`.
    pub fn trifectas(&self, out: &mut [f64]) -> Result<(), RacingError> {
        check_output(out.len(), self.runner_count().pow(3))?;
        match self {
            Self::Sequential(model) => model.fill_trifectas(out),
            Self::Henery(model) => model.fill_trifectas(out),
        }
        Ok(())
    }

    /// Match bets: `out[i * n + j]` is the probability that `i` finishes ahead of `j`; 0 on the diagonal.
    ///
    /// # Errors
    /// `out` has another length than `n * n`.
    pub fn ahead(&self, out: &mut [f64]) -> Result<(), RacingError> {
        check_output(out.len(), self.runner_count().pow(2))?;
        match self {
            Self::Sequential(model) => model.fill_ahead(out),
            Self::Henery(model) => model.fill_ahead(out),
        }
        Ok(())
    }

    /// Betting without a runner: probability of every other runner to be first of the rest, that is, first, or second
    /// behind it; 0 for the runner itself. Under Harville this is the proportional share.
    ///
    /// # Errors
    /// A runner that is not in the race, or `out` has another length.
    pub fn without(&self, runner: usize, out: &mut [f64]) -> Result<(), RacingError> {
        let count = self.runner_count();
        check_runner(runner, count)?;
        check_output(out.len(), count)?;
        let mut positions = [[0.0; POSITIONS]; RUNNERS_MAX];
        self.positions(&mut positions[..count])?;
        let mut exactas = [0.0; RUNNERS_MAX * RUNNERS_MAX];
        self.exactas(&mut exactas[..count * count])?;
        for (other, out) in out.iter_mut().enumerate() {
            *out = if other == runner { 0.0 } else { positions[other][0] + exactas[runner * count + other] };
        }
        Ok(())
    }
}

fn check_places(places: usize) -> Result<(), RacingError> {
    if (1..=POSITIONS).contains(&places) {
        Ok(())
    } else {
        Err(RacingError::outside("places", places as f64, 1.0, POSITIONS as f64))
    }
}
