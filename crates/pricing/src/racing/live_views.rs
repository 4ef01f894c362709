//! The probabilities of every racing view, from the runners' strengths and the state of the race.
//!
//! Before the result the model orders the runners that start; those that are withdrawn are left out, so every price is
//! conditioned on who runs. Once there is a result each view has its mass where the result is, shared over the orders
//! that a dead heat allows: the expectation of every selection is then its grade.

use oddsengine_markets::racing::{
    RUNNERS_MAX as DECLARED_MAX, RaceStage, RacingFormat, RacingOutcome, RacingState, RacingView,
};
use oddsengine_markets::template::VIEW_CELLS_MAX;
use oddsengine_types::{codec_enum, codec_struct};

use super::{
    Exponents, HeneryModel, OrderModel, POSITIONS, RUNNERS_MAX, RacingError, SequentialModel,
    WIN_PROBABILITY_MIN,
};
use crate::board::ViewPrefixes;

const _: () = assert!(DECLARED_MAX == RUNNERS_MAX);

codec_struct!(Exponents { second, third, later });

/// The strengths of the declared runners of a race, in the order of their numbers.
///
/// A runner without a price has probability 0 or an infinite time: it is priced as one that will not be placed, so nothing
/// is offered on it, and the prices of the others are as short as if it did not run.
#[derive(Clone, Debug, PartialEq)]
pub enum RacingParameters {
    /// Positions filled one after the other.
    Sequential {
        /// Probability of winning of every runner.
        win: Vec<f64>,
        /// Exponents of the later positions.
        exponents: Exponents,
    },
    /// Normal running times.
    Henery {
        /// Mean running time of every runner, in standard deviations.
        times: Vec<f64>,
    },
}
codec_enum!(RacingParameters { 0 = Sequential { win, exponents }, 1 = Henery { times } });

impl RacingParameters {
    /// A runner has a price.
    fn is_priced(&self, runner: usize) -> bool {
        match self {
            Self::Sequential { win, .. } => win.get(runner).is_some_and(|&win| win > 0.0),
            Self::Henery { times } => times.get(runner).is_some_and(|time| time.is_finite()),
        }
    }

    /// The race between these starters with a price, ascending; they are counted anew from 0.
    fn model(&self, starters: &[usize]) -> Result<OrderModel, RacingError> {
        let of_starters = |values: &[f64]| -> [f64; RUNNERS_MAX] {
            let mut picked = [f64::NAN; RUNNERS_MAX];
            for (slot, &runner) in picked.iter_mut().zip(starters) {
                *slot = values.get(runner).copied().unwrap_or(f64::NAN);
            }
            picked
        };
        let count = starters.len();
        Ok(match self {
            Self::Sequential { win, exponents } => {
                let mut win = of_starters(win);
                let sum: f64 = win[..count].iter().sum();
                // A favourite that is withdrawn can leave others whose share was below what a model accepts.
                win[..count].iter_mut().for_each(|win| *win /= sum);
                OrderModel::Sequential(Box::new(SequentialModel::new(&win[..count], *exponents)?))
            }
            Self::Henery { times } => {
                OrderModel::Henery(Box::new(HeneryModel::from_times(&of_starters(times)[..count])?))
            }
        })
    }
}

/// Fills the prefix sums of every view.
pub fn fill_views(parameters: &RacingParameters, state: &RacingState, prefixes: &mut ViewPrefixes) {
    if matches!(state.stage, RaceStage::Result | RaceStage::Official) {
        return fill_result(&state.format, &state.outcome(), prefixes);
    }
    let mut priced = [0; RUNNERS_MAX];
    let mut count = 0;
    for runner in state.starters().filter(|&runner| parameters.is_priced(runner)) {
        priced[count] = runner;
        count += 1;
    }
    let priced = &priced[..count];
    match parameters.model(priced) {
        Ok(model) => Race::new(&state.format, priced, &model).fill(prefixes),
        // Fewer than two with a price: one order for certain, on which nothing can be offered.
        Err(_) => {
            let unpriced = state.starters().filter(|runner| !priced.contains(runner));
            let others =
                (0..state.format.runner_count.into()).filter(|&runner| state.withdrawn.contains(runner));
            let order: Vec<usize> = priced.iter().copied().chain(unpriced).chain(others).collect();
            let certain = RacingOutcome::from_order(state.format.runner_count, &order);
            fill_result(&state.format, &certain, prefixes);
        }
    }
}

/// What a model says about the starters, by declared runner.
struct Race<'a> {
    format: &'a RacingFormat,
    /// The starters with a price.
    starters: &'a [usize],
    /// The place of a declared runner among them.
    slots: [Option<usize>; RUNNERS_MAX],
    positions: [[f64; POSITIONS]; RUNNERS_MAX],
    exactas: [f64; VIEW_CELLS_MAX],
    ahead: [f64; VIEW_CELLS_MAX],
    trifectas: [f64; TRIPLES_MAX],
}

const TRIPLES_MAX: usize = oddsengine_markets::racing::TRICAST_RUNNERS_MAX.pow(3);
const _: () = assert!(oddsengine_markets::racing::PAIR_RUNNERS_MAX.pow(2) <= VIEW_CELLS_MAX);

impl<'a> Race<'a> {
    fn new(format: &'a RacingFormat, starters: &'a [usize], model: &OrderModel) -> Self {
        let mut race = Self {
            format,
            starters,
            slots: [None; RUNNERS_MAX],
            positions: [[0.0; POSITIONS]; RUNNERS_MAX],
            exactas: [0.0; VIEW_CELLS_MAX],
            ahead: [0.0; VIEW_CELLS_MAX],
            trifectas: [0.0; TRIPLES_MAX],
        };
        let count = starters.len();
        starters.iter().enumerate().for_each(|(slot, &runner)| race.slots[runner] = Some(slot));
        let fits = "every table has room for the starters";
        model.positions(&mut race.positions[..count]).expect(fits);
        if format.has_pairs() {
            model.exactas(&mut race.exactas[..count * count]).expect(fits);
            model.ahead(&mut race.ahead[..count * count]).expect(fits);
        }
        if format.has_tricasts() && count > 2 {
            model.trifectas(&mut race.trifectas[..count * count * count]).expect(fits);
        }
        race
    }

    fn fill(&self, prefixes: &mut ViewPrefixes) {
        let mut cells = [0.0; VIEW_CELLS_MAX];
        for (index, view) in self.format.views().into_iter().enumerate() {
            let cells = &mut cells[..self.format.cell_count(view)];
            cells.fill(0.0);
            self.fill_view(view, cells);
            let sum: f64 = cells.iter().sum();
            prefixes.set(index, cells, 1.0 / sum);
        }
    }

    fn fill_view(&self, view: RacingView, cells: &mut [f64]) {
        let count = self.starters.len();
        match view {
            RacingView::Winner => {
                for (&runner, row) in self.starters.iter().zip(&self.positions) {
                    cells[runner] = row[0];
                }
            }
            RacingView::Position(runner) => {
                let (worse, places) = cells.split_last_mut().expect("a view has cells");
                if let Some(slot) = self.slots[usize::from(runner)] {
                    places.copy_from_slice(&self.positions[slot][..places.len()]);
                }
                *worse = rest(places);
            }
            RacingView::Forecast => {
                for (a, &first) in self.starters.iter().enumerate() {
                    for (b, &second) in self.starters.iter().enumerate().filter(|&(b, _)| b != a) {
                        cells[self.format.forecast_cell(first, second)] = self.exactas[a * count + b];
                    }
                }
            }
            RacingView::Tricast(winner) => self.fill_tricast(winner.into(), cells),
            RacingView::Match(a, b) => {
                let ahead = match (self.slots[usize::from(a)], self.slots[usize::from(b)]) {
                    (Some(a), Some(b)) => self.ahead[a * count + b],
                    (Some(_), None) => 1.0,
                    (None, Some(_)) => 0.0,
                    // Certain, so that nothing is offered.
                    (None, None) => 1.0,
                };
                cells.copy_from_slice(&[ahead, 1.0 - ahead]);
            }
        }
    }

    fn fill_tricast(&self, winner: usize, cells: &mut [f64]) {
        let count = self.starters.len();
        let (another, orders) = cells.split_last_mut().expect("a view has cells");
        if let Some(first) = self.slots[winner] {
            if count == 2 {
                // Nobody is third: what remains is who wins, and the market is void.
                let second = self.starters[1 - first];
                let third = (0..self.format.runner_count.into())
                    .find(|&runner| runner != winner && runner != second)
                    .expect("tricasts need four declared runners");
                orders[self.format.tricast_cell(winner, second, third)] = self.positions[first][0];
            }
            for (b, &second) in self.starters.iter().enumerate().filter(|&(b, _)| b != first) {
                for (c, &third) in self.starters.iter().enumerate().filter(|&(c, _)| c != first && c != b) {
                    orders[self.format.tricast_cell(winner, second, third)] =
                        self.trifectas[(first * count + b) * count + c];
                }
            }
        }
        *another = rest(orders);
    }
}

/// What is left to 1; exactly 0 when nothing is but rounding.
fn rest(cells: &[f64]) -> f64 {
    let rest = 1.0 - cells.iter().sum::<f64>();
    if rest < WIN_PROBABILITY_MIN { 0.0 } else { rest }
}

/// Puts the mass of every view where the result is.
fn fill_result(format: &RacingFormat, outcome: &RacingOutcome, prefixes: &mut ViewPrefixes) {
    let mut cells = [0.0; VIEW_CELLS_MAX];
    for (index, view) in format.views().into_iter().enumerate() {
        let cells = &mut cells[..format.cell_count(view)];
        for (cell, mass) in cells.iter_mut().enumerate() {
            *mass = mass_of_result(format, outcome, view, cell);
        }
        let sum: f64 = cells.iter().sum();
        prefixes.set(index, cells, 1.0 / sum);
    }
}

/// Among the orders that a result allows, the share that lies in a cell; positions that nobody finished in are shared by
/// all that have none.
fn mass_of_result(format: &RacingFormat, outcome: &RacingOutcome, view: RacingView, cell: usize) -> f64 {
    let share = |order: &[usize]| -> f64 {
        let finishers = outcome.finisher_count();
        order.iter().enumerate().fold(1.0, |share, (index, &runner)| {
            let (first, last) = outcome.span(runner).unwrap_or((finishers + 1, outcome.positions().len()));
            if (first..=last).contains(&(index + 1)) { share / (last - index) as f64 } else { 0.0 }
        })
    };
    match view {
        RacingView::Winner => share(&[cell]),
        RacingView::Position(runner) => {
            let Some((first, last)) = outcome.span(runner.into()) else {
                return if cell == format.depth() { 1.0 } else { 0.0 };
            };
            let orders = (last + 1 - first) as f64;
            match cell == format.depth() {
                true => (last.max(cell) - cell.max(first - 1)) as f64 / orders,
                false if (first..=last).contains(&(cell + 1)) => 1.0 / orders,
                false => 0.0,
            }
        }
        RacingView::Forecast => share(&format.forecast_of(cell)),
        RacingView::Tricast(winner) => match format.tricast_of(winner.into(), cell) {
            Some([second, third]) => share(&[winner.into(), second, third]),
            None => 1.0 - share(&[winner.into()]),
        },
        RacingView::Match(a, b) => {
            let [a, b] = [a, b].map(|runner| outcome.positions[usize::from(runner)]);
            let ahead = match (a, b) {
                _ if a == b => 0.5,
                (0, _) => 0.0,
                (_, 0) => 1.0,
                _ => f64::from(u8::from(a < b)),
            };
            if cell == 0 { ahead } else { 1.0 - ahead }
        }
    }
}
