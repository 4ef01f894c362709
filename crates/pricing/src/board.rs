//! From view probabilities to a board: expectations of all selections, margins, skew, ladder.
//!
//! # Why the board cannot be arbitraged
//!
//! All fair prices come from one probability measure, and no offered price is above its fair price: the margin
//! only shortens, the skew is cut at the fair price, the ladder rounds down. Any portfolio of bets at offered
//! odds therefore has an expectation of at most 0 under that measure, so it cannot win on every outcome: no
//! combination of our own markets is an arbitrage, whatever the rounding. Prices set by hand are the trader's.

use oddsengine_markets::{Market, Template};
use oddsengine_types::{Ladder, Odds};

use crate::margin::{MarginMethod, WaitingBooks};

/// Fair probabilities below this are not offered: the longest odds would still be a gift to the book's model error.
pub const PROBABILITY_MIN: f64 = 1e-7;

/// Running sums of each view's probabilities, and what every selection reads of them.
///
/// The running sums of all views stand in one row: `sums[first[view] + i]` is the mass of the view's cells before `i`. A run of
/// equal grade is a difference of two sums, so the expectations of a board are some thousand differences.
#[derive(Clone, Debug, Default)]
pub struct ViewPrefixes {
    sums: Vec<f64>,
    first: Vec<u32>,
    selection_count: usize,
    /// Runs that win the whole stake, and runs that refund it, of selections that have no others.
    wins: Runs,
    refunds: Runs,
    /// All runs of the other selections.
    parts: Vec<Part>,
}

/// Runs of one grade. Selections with as many stand together: no branch of the loop over them depends on the selection.
#[derive(Clone, Debug, Default)]
struct Runs {
    /// By number of runs: selections with one, two, ...
    groups: Vec<Group>,
    /// Selections without any.
    rest: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    selections: Vec<u32>,
    spans: Vec<Span>,
}

/// The mass between two running sums.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

/// A run on which a selection wins one share of the stake and refunds another.
#[derive(Clone, Copy, Debug)]
struct Part {
    selection: u32,
    span: Span,
    win_share: f64,
    refund_share: f64,
}

impl Runs {
    fn push(&mut self, selection: usize, spans: impl Iterator<Item = Span> + Clone) {
        let Some(index) = spans.clone().count().checked_sub(1) else {
            self.rest.push(selection as u32);
            return;
        };
        if self.groups.len() <= index {
            self.groups.resize(index + 1, Group::default());
        }
        self.groups[index].selections.push(selection as u32);
        self.groups[index].spans.extend(spans);
    }

    /// The mass on the runs of every selection.
    fn fill(&self, sums: &[f64], masses: &mut [f64]) {
        if self.rest.len() < masses.len() / 4 {
            self.rest.iter().for_each(|&selection| masses[selection as usize] = 0.0);
        } else {
            masses.fill(0.0);
        }
        for (index, group) in self.groups.iter().enumerate() {
            // One and two runs are the usual numbers; as constants they need no loop.
            match index + 1 {
                1 => group.fill(1, sums, masses),
                2 => group.fill(2, sums, masses),
                run_count => group.fill(run_count, sums, masses),
            }
        }
    }
}

impl Group {
    #[inline(always)]
    fn fill(&self, run_count: usize, sums: &[f64], masses: &mut [f64]) {
        for (&selection, spans) in self.selections.iter().zip(self.spans.chunks_exact(run_count)) {
            masses[selection as usize] = spans.iter().fold(0.0, |sum, span| sum + span.mass(sums));
        }
    }
}

impl Span {
    #[inline(always)]
    fn mass(self, sums: &[f64]) -> f64 {
        let mass = sums[self.end as usize] - sums[self.start as usize];
        // Cancellation of the two sums may leave a tiny negative mass; a probability is never negative.
        if mass > 0.0 { mass } else { 0.0 }
    }
}

impl ViewPrefixes {
    /// Zero sums for every view of a template.
    pub fn new(template: &Template) -> Self {
        let mut prefixes = Self { selection_count: template.selections.len(), ..Self::default() };
        let mut count = 0;
        for view in &template.views {
            prefixes.first.push(count);
            count += view.cell_count as u32 + 1;
        }
        prefixes.first.push(count);
        prefixes.sums = vec![0.0; count as usize];
        for selection in 0..template.selections.len() {
            let first = prefixes.first[usize::from(template.view_of(selection))];
            let parts = template.runs_of(selection).iter().map(|run| {
                let grade = template.grades[usize::from(run.grade)];
                Part {
                    selection: selection as u32,
                    span: Span { start: first + u32::from(run.start), end: first + u32::from(run.end) },
                    win_share: grade.win_share(),
                    refund_share: grade.refund_share(),
                }
            });
            let spans_of = |shares: (f64, f64)| {
                let parts = parts.clone().filter(move |part| (part.win_share, part.refund_share) == shares);
                parts.map(|part| part.span)
            };
            let (wins, refunds) = (spans_of((1.0, 0.0)), spans_of((0.0, 1.0)));
            if wins.clone().chain(refunds.clone()).count() == parts.len() {
                prefixes.wins.push(selection, wins);
                prefixes.refunds.push(selection, refunds);
            } else {
                prefixes.wins.rest.push(selection as u32);
                prefixes.refunds.rest.push(selection as u32);
                prefixes.parts.extend(parts);
            }
        }
        prefixes
    }

    /// Replaces one view's probabilities, each times `scale`.
    #[inline]
    pub fn set(&mut self, view: usize, probabilities: &[f64], scale: f64) {
        let prefix = &mut self.sums[self.first[view] as usize..self.first[view + 1] as usize];
        debug_assert_eq!(prefix.len(), probabilities.len() + 1);
        let mut sum = 0.0;
        for (slot, probability) in prefix[1..].iter_mut().zip(probabilities) {
            sum += probability * scale;
            *slot = sum;
        }
    }

    /// The running sums of a view.
    #[inline]
    pub fn view(&self, view: usize) -> &[f64] {
        &self.sums[self.first[view] as usize..self.first[view + 1] as usize]
    }

    /// Expectations of every selection of the template: probability that the stake wins, and that it is refunded.
    pub fn expectations(&self, template: &Template, win: &mut [f64], refund: &mut [f64]) {
        assert_eq!(template.selections.len(), self.selection_count, "sums belong to one template");
        self.wins.fill(&self.sums, win);
        self.refunds.fill(&self.sums, refund);
        for part in &self.parts {
            let mass = part.span.mass(&self.sums);
            win[part.selection as usize] += mass * part.win_share;
            refund[part.selection as usize] += mass * part.refund_share;
        }
    }
}

/// How a market's fair probabilities become offered odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceRules {
    /// Margin method.
    pub method: MarginMethod,
    /// Sum of implied probabilities of a market with one winner, at least 1.
    pub booksum: f64,
    /// Ladder that odds are rounded down to.
    pub ladder: Ladder,
    /// Shortest odds offered, in ten-thousandths: shorter ones are not offered.
    pub odds_e4_min: u32,
    /// Longest odds offered, in ten-thousandths: longer ones are cut to it.
    pub odds_e4_max: u32,
    /// Liability skew: `b` in minor units; `None` for none.
    pub skew_b_minor: Option<f64>,
}

/// Prices the markets of a board, those whose margin needs a search together at the end.
///
/// ```
/// use oddsengine_markets::{sport_id, template};
/// use oddsengine_pricing::board::{BoardOffers, PriceRules};
/// use oddsengine_pricing::margin::MarginMethod;
/// use oddsengine_types::Ladder;
/// let market = &template(sport_id("football").unwrap()).markets[0];
/// let rules = PriceRules {
///     method: MarginMethod::Power,
///     booksum: 1.05,
///     ladder: Ladder::Fine,
///     odds_e4_min: 10_010,
///     odds_e4_max: 10_000_000,
///     skew_b_minor: None,
/// };
/// let (mut offers, mut odds_e4) = (BoardOffers::default(), [0; 3]);
/// offers.add(market, 0, &[0.45, 0.28, 0.27], &[0.0; 3], |_| true, |_| 0, &rules, &mut odds_e4);
/// offers.finish(&mut odds_e4);
/// assert_eq!(odds_e4, [21_400, 33_700, 34_800]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct BoardOffers {
    waiting: Vec<WaitingMarket>,
    /// Open selections of the waiting markets, by their places on the board.
    places: Vec<u32>,
    /// Their fair probabilities.
    fair: Vec<f64>,
    skewed: Vec<f64>,
    books: WaitingBooks,
}

#[derive(Clone, Copy, Debug)]
struct WaitingMarket {
    /// Range of `places` and `fair`.
    first: u32,
    end: u32,
    rules: PriceRules,
}

impl BoardOffers {
    /// Prices one market: fills its part of `odds_e4` (0 = not offered), now or in [`BoardOffers::finish`].
    ///
    /// * `first`: the place of the market's first selection in `odds_e4`.
    /// * `win`, `refund`: expectations of the market's selections.
    /// * `is_open`: the selection is not decided.
    /// * `payout_minor`: what the book pays if the selection wins, for the skew.
    ///
    /// A method that cannot price the book (a favourite near certainty) falls back to nothing: the selections stay
    /// without a price, and the market is shown without one.
    #[allow(clippy::too_many_arguments)] // one call per market on the hot path: slices of the board, no bundle to build
    #[inline(always)] // a call and its eight arguments for each of 313 markets are a tenth of the work
    pub fn add(
        &mut self,
        market: &Market,
        first: usize,
        win: &[f64],
        refund: &[f64],
        is_open: impl Fn(usize) -> bool,
        payout_minor: impl Fn(usize) -> i64,
        rules: &PriceRules,
        odds_e4: &mut [u32],
    ) {
        let odds_e4 = &mut odds_e4[first..first + win.len()];
        if rules.method == MarginMethod::Multiplicative && rules.skew_b_minor.is_none() {
            for (index, odds_e4) in odds_e4.iter_mut().enumerate() {
                let fair = fair_probability(win[index], refund[index]);
                *odds_e4 = if is_open(index) { offered(fair * rules.booksum, fair, rules) } else { 0 };
            }
            return;
        }
        let begin = self.places.len();
        for index in 0..odds_e4.len() {
            odds_e4[index] = 0;
            let probability = fair_probability(win[index], refund[index]);
            if is_open(index) && probability > PROBABILITY_MIN {
                self.places.push((first + index) as u32);
                self.fair.push(probability);
            }
        }
        let fair = &self.fair[begin..];
        if fair.len() < 2 {
            self.places.truncate(begin);
            self.fair.truncate(begin);
            return;
        }
        let target = match (rules.skew_b_minor, market.winners) {
            (Some(b_minor), 1) => {
                self.skewed.clear();
                self.skewed.resize(fair.len(), 0.0);
                let payout = |slot: usize| payout_minor(self.places[begin + slot] as usize - first);
                skew(fair, payout, b_minor, &mut self.skewed);
                &self.skewed[..]
            }
            _ => fair,
        };
        let sum: f64 = target.iter().sum();
        self.books.push(rules.method, target.iter().copied(), sum * rules.booksum);
        let (first, end) = (begin as u32, self.places.len() as u32);
        self.waiting.push(WaitingMarket { first, end, rules: *rules });
    }

    /// Prices the markets that wait; `odds_e4` is the board that they were added with.
    pub fn finish(&mut self, odds_e4: &mut [u32]) {
        if self.waiting.is_empty() {
            return;
        }
        self.books.solve();
        for (index, market) in self.waiting.iter().enumerate() {
            let Some(implied) = self.books.implied(index) else { continue };
            let range = market.first as usize..market.end as usize;
            let open = self.places[range.clone()].iter().zip(&self.fair[range]);
            for ((&place, &fair), &implied) in open.zip(implied) {
                odds_e4[place as usize] = offered(implied, fair, &market.rules);
            }
        }
        self.waiting.clear();
        self.places.clear();
        self.fair.clear();
        self.books.clear();
    }
}

/// Scratch space of [`offer_market`], so that the hot path does not allocate.
pub type OfferScratch = BoardOffers;

/// Prices one market alone, with the odds that it gets on a board; see [`BoardOffers::add`]. `odds_e4` is the market's.
#[allow(clippy::too_many_arguments)] // as [`BoardOffers::add`]
pub fn offer_market(
    market: &Market,
    win: &[f64],
    refund: &[f64],
    is_open: impl Fn(usize) -> bool,
    payout_minor: impl Fn(usize) -> i64,
    rules: &PriceRules,
    scratch: &mut OfferScratch,
    odds_e4: &mut [u32],
) {
    scratch.add(market, 0, win, refund, is_open, payout_minor, rules, odds_e4);
    scratch.finish(odds_e4);
}

/// Liability skew: `p_i * exp(L_i / b)`, normalised to the sum of `fair`. The logarithmic market scoring rule
/// started at the model's prices, with `L_i` the payout on selection `i`; QUANT "Risk", inventory layer; R. Hanson,
/// "Logarithmic Market Scoring Rules", Journal of Prediction Markets 1 (2007).
///
/// ```
/// use oddsengine_pricing::board::skew;
/// let mut prices = [0.0; 3];
/// let payouts = [1200, -300, -450];
/// skew(&[0.5, 0.28, 0.22], |i| payouts[i], 2500.0, &mut prices);
/// assert!((prices[0] - 0.65157229790317).abs() < 1e-12);
/// ```
pub fn skew(fair: &[f64], payout_minor: impl Fn(usize) -> i64, b_minor: f64, out: &mut [f64]) {
    let largest = (0..fair.len()).map(&payout_minor).max().unwrap_or(0);
    let mut sum = 0.0;
    for (index, (out, &probability)) in out.iter_mut().zip(fair).enumerate() {
        // Relative to the largest payout, so that no exponent overflows.
        *out = probability * libm::exp((payout_minor(index) - largest) as f64 / b_minor);
        sum += *out;
    }
    let scale = fair.iter().sum::<f64>() / sum;
    out.iter_mut().for_each(|out| *out *= scale);
}

/// Fair probability with refunds set aside.
#[inline]
pub fn fair_probability(win: f64, refund: f64) -> f64 {
    if refund > 0.0 { if refund < 1.0 { win / (1.0 - refund) } else { 0.0 } } else { win }
}

/// Odds on the ladder for an implied probability, never above the fair odds; 0 when not offered.
// Once a selection of a board.
#[inline(always)]
fn offered(implied: f64, fair: f64, rules: &PriceRules) -> u32 {
    if fair <= PROBABILITY_MIN {
        return 0;
    }
    let raw_e4 = 10_000.0 / implied.max(fair);
    if raw_e4 < f64::from(rules.odds_e4_min) {
        return 0;
    }
    // Truncation rounds down; the cast saturates, and the cut comes first.
    let raw_e4 = (raw_e4 as u32).min(rules.odds_e4_max);
    match Odds::from_e4(raw_e4).ok().and_then(|odds| rules.ladder.down(odds)) {
        Some(odds) if odds.e4() >= rules.odds_e4_min => odds.e4(),
        _ => 0,
    }
}

/// Makes a family of two-way line markets monotone again after a skew, by lowering odds only.
///
/// `fair[line][side]` decides the direction; `odds_e4[line][side]`, 0 = not offered, is lowered where a more
/// likely selection would pay more than a less likely one.
pub fn enforce_monotone(fair: &[[f64; 2]], odds_e4: &mut [[u32; 2]]) {
    for side in 0..2 {
        let mut lines: Vec<usize> = (0..fair.len()).filter(|&line| odds_e4[line][side] > 0).collect();
        // From the least likely line on, odds may only fall.
        lines.sort_by(|&a, &b| fair[a][side].total_cmp(&fair[b][side]));
        let mut bound = u32::MAX;
        for line in lines {
            bound = bound.min(odds_e4[line][side]);
            odds_e4[line][side] = bound;
        }
    }
}
