//! The bookmaker's margin: removed from offered odds, applied to fair probabilities.
//!
//! Write `pi` for an inverse price, `B` for the booksum (the sum of `pi`), `k` for the target (the sum of
//! the fair probabilities: 1 in a win market, the number of places in a place market) and `n` for the
//! number of selections. `p` is the fair probability.
//!
//! | method | removal | free parameter | fails when |
//! |---|---|---|---|
//! | multiplicative | `k pi / B` | none | a result reaches 1 |
//! | additive | `pi - (B-k)/n` | none | a result leaves (0,1) |
//! | power | `pi^t` | `t` | never |
//! | odds ratio | `pi / (pi + c(1-pi))` | `c` | never |
//! | probit | `Phi(quantile(pi) - s)` of the standard normal distribution | `s` | never |
//! | Shin | `k (sqrt(z^2 + 4(1-z)q^2/b) - z) / (2(1-z))`, `q = pi/k`, `b = B/k` | `z` | `B < k` |
//! | balanced book | `(pi-z)/(1-z)`, `z = (B-k)/(n-k)` | none | `B < k`, or a result leaves (0,1) |
//! | goto | `pi - s sqrt(1-pi)` | `s` | `B < k`, or a result leaves (0,1) |
//! | Jensen-Shannon | same distance of `p` and `pi` for every selection | distance | a result leaves (0,1) |
//!
//! Five methods are one shift of the book from one sum to another, so applying them is removing them with
//! the booksum as target: multiplicative, additive, power, odds ratio, probit (and Jensen-Shannon). A method that
//! cannot give probabilities for a book returns a [`MarginError`]. It never falls back to another method,
//! because a fallback makes prices jump between neighbouring books.
//!
//! Shin's method for `k != 1` treats each of the `k` places as one win market: it is solved for `pi/k`.
//!
//! Sources: S. Clarke, S. Kovalchik, M. Ingram, "Adjusting Bookmaker's Odds to Allow for Overround", American
//! Journal of Sports Science 5 (2017); H. S. Shin, "Measuring the Incidence of Insider Trading in a Market
//! for State-Contingent Claims", Economic Journal 103 (1993); J. Fingleton, P. Waldron, "Optimal Determination
//! of Bookmakers' Betting Odds" (1999); the R package `implied`; the Python package `goto_conversion`.
//! Reproduced in `tests/golden/margin_removal.json` and `tests/golden/margin_application.json`.

mod closed;
mod equation;
mod error;
mod exchange;
mod jensen_shannon;
mod one_parameter;
mod probit;
mod rows;
mod shade;
mod shin;
mod side_by_side;
#[cfg(test)]
mod tests;
mod waiting;

pub use error::MarginError;
pub use exchange::{ExchangeBook, fair_from_exchange, lay_odds_after_commission, odds_after_commission};
pub use rows::{fair_probabilities, fair_probabilities_rows, of_present, offered_odds, offered_odds_rows};
pub use shade::shade;
pub use waiting::WaitingBooks;

use equation::{Books, Extent, Search, Solved, one, one_mut};

/// Most selections one call accepts. Nothing is allocated up to this count.
pub const SELECTIONS_MAX: usize = 1024;

/// How the margin is spread over the selections.
///
/// Use [`MarginMethod::Multiplicative`] to calibrate several markets of one book together, and
/// [`MarginMethod::OddsRatio`], [`MarginMethod::Probit`] or [`MarginMethod::Power`] for forecasts, outrights and
/// longshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarginMethod {
    /// Every price is cut by the same factor. Also called basic normalisation.
    Multiplicative,
    /// The same amount of probability on every selection; identical to weights proportional to the odds.
    Additive,
    /// `pi = p^(1/t)`: the favourite carries little of the margin.
    Power,
    /// The same factor on the odds in favour, a shift on the log-odds scale.
    OddsRatio,
    /// The margin a bookmaker needs against a share `z` of insiders.
    Shin,
    /// The bookmaker's return is the same whatever wins (Fingleton and Waldron).
    BalancedBook,
    /// Margin in proportion to the standard error of the price.
    Goto,
    /// The same Jensen-Shannon distance between fair and offered probability on every selection.
    JensenShannon,
    /// The same shift of every selection on the scale of a standard normal variable.
    Probit,
}

impl MarginMethod {
    /// Every method, in declaration order.
    pub const ALL: [MarginMethod; 9] = [
        Self::Multiplicative,
        Self::Additive,
        Self::Power,
        Self::OddsRatio,
        Self::Shin,
        Self::BalancedBook,
        Self::Goto,
        Self::JensenShannon,
        Self::Probit,
    ];

    /// The name that [`MarginMethod::parse`] reads back.
    ///
    /// ```
    /// use oddsengine_pricing::margin::MarginMethod;
    /// assert_eq!(MarginMethod::OddsRatio.as_str(), "odds_ratio");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Multiplicative => "multiplicative",
            Self::Additive => "additive",
            Self::Power => "power",
            Self::OddsRatio => "odds_ratio",
            Self::Shin => "shin",
            Self::BalancedBook => "balanced_book",
            Self::Goto => "goto",
            Self::JensenShannon => "jensen_shannon",
            Self::Probit => "probit",
        }
    }

    /// Other names of the methods, and what each is another name of.
    ///
    /// The names of the packages *implied*, penaltyblog, pybettor, *shin* and goto_conversion are all among these and
    /// [`MarginMethod::as_str`]. `logarithmic` is penaltyblog's name of the odds ratio; J. Buchdahl writes it for the power
    /// method, which is `buchdahl` here.
    pub const ALIASES: [(&'static str, MarginMethod); 30] = [
        ("proportional", Self::Multiplicative),
        ("basic", Self::Multiplicative),
        ("normalised", Self::Multiplicative),
        ("normalized", Self::Multiplicative),
        ("normalisation", Self::Multiplicative),
        ("normalization", Self::Multiplicative),
        ("mult", Self::Multiplicative),
        ("equal_margin", Self::Additive),
        ("wpo", Self::Additive),
        ("mwpo", Self::Additive),
        ("mpto", Self::Additive),
        ("differential_margin_weighting", Self::Additive),
        ("margin_proportional_to_odds", Self::Additive),
        ("add", Self::Additive),
        ("buchdahl", Self::Power),
        ("pow", Self::Power),
        ("or", Self::OddsRatio),
        ("logit", Self::OddsRatio),
        ("logarithmic", Self::OddsRatio),
        ("log", Self::OddsRatio),
        ("cheung", Self::OddsRatio),
        ("balanced", Self::BalancedBook),
        ("bb", Self::BalancedBook),
        ("fingleton_waldron", Self::BalancedBook),
        ("goto_conversion", Self::Goto),
        ("standard_error", Self::Goto),
        ("jsd", Self::JensenShannon),
        ("js", Self::JensenShannon),
        ("normal", Self::Probit),
        ("gaussian", Self::Probit),
    ];

    /// Reads a method's name or one of its [`MarginMethod::ALIASES`].
    ///
    /// # Errors
    ///
    /// [`MarginError::UnknownMethod`] for any other text.
    ///
    /// ```
    /// use oddsengine_pricing::margin::MarginMethod;
    /// assert_eq!(MarginMethod::parse("wpo"), Ok(MarginMethod::Additive));
    /// assert_eq!(MarginMethod::parse("logarithmic"), Ok(MarginMethod::OddsRatio));
    /// assert!(MarginMethod::parse("shim").is_err());
    /// ```
    pub fn parse(name: &str) -> Result<Self, MarginError> {
        let named = Self::ALL.into_iter().find(|method| method.as_str() == name);
        let alias = || Self::ALIASES.into_iter().find(|(alias, _)| *alias == name).map(|(_, method)| method);
        named.or_else(alias).ok_or_else(|| MarginError::unknown_method(name))
    }
}

impl std::fmt::Display for MarginMethod {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for MarginMethod {
    type Err = MarginError;

    fn from_str(name: &str) -> Result<Self, MarginError> {
        Self::parse(name)
    }
}

/// Removes the margin: writes fair probabilities that sum to `target` within 1e-12.
///
/// `inverse_odds`: 1/odds per selection, 2 to [`SELECTIONS_MAX`] of them, each strictly between 0 and 1.
/// `target`: 1 for a win market, k for a market that pays k places; strictly between 0 and the count.
/// `out`: as long as `inverse_odds`; its content is unspecified after an error.
///
/// Many books at once: [`fair_probabilities_rows`], with the same bits.
///
/// # Errors
///
/// See [`MarginError`]; in particular [`MarginError::UnderRound`] when Shin, balanced book or goto meet a
/// booksum below the target, and [`MarginError::NegativeProbability`] when a method leaves (0,1).
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, remove};
/// let mut fair = [0.0; 3];
/// remove(MarginMethod::Shin, &[1.0 / 2.7, 1.0 / 2.3, 1.0 / 4.4], 1.0, &mut fair).unwrap();
/// assert!((fair[0] - 0.35934391959191).abs() < 1e-12);
/// assert!((fair.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// ```
#[inline]
pub fn remove(
    method: MarginMethod,
    inverse_odds: &[f64],
    target: f64,
    out: &mut [f64],
) -> Result<(), MarginError> {
    remove_with_parameter(method, inverse_odds, target, out).map(|_| ())
}

/// As [`remove`], and returns the method's parameter.
///
/// The parameter is the exponent `t` (power), the odds ratio `c`, the insider share `z` (Shin), `z` (balanced
/// book), `s` (goto), the shift `s` (probit), the distance (Jensen-Shannon, negative for an under-round book), the factor `k/B`
/// (multiplicative) or the amount `(B-k)/n` (additive).
///
/// # Errors
///
/// As [`remove`].
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, remove_with_parameter};
/// let mut fair = [0.0; 2];
/// let exponent = remove_with_parameter(MarginMethod::Power, &[1.0 / 1.5, 1.0 / 2.74], 1.0, &mut fair).unwrap();
/// assert!((exponent - 1.0505095705165).abs() < 1e-12);
/// ```
pub fn remove_with_parameter(
    method: MarginMethod,
    inverse_odds: &[f64],
    target: f64,
    out: &mut [f64],
) -> Result<f64, MarginError> {
    let extent = checked_extent(inverse_odds, out.len(), MarginError::inverse_odds)?;
    if !(target > 0.0 && target < inverse_odds.len() as f64) {
        return Err(MarginError::target(target, inverse_odds.len()));
    }
    let book = Books { lanes: 1, input: one(inverse_odds), extent, target: [target] };
    move_one(method, Direction::Removal, &book, one_mut(out))
}

/// Applies a margin: writes implied probabilities (1/odds) that sum to `booksum` within 1e-12.
///
/// `probabilities`: fair, 2 to [`SELECTIONS_MAX`] of them, each strictly between 0 and 1; their sum is the
/// target of the market (1, or the number of places). `booksum`: strictly between 0 and the count; 1.05 in a
/// win market is a margin of 5 % of the probability, which keeps 4.76 % of the turnover.
///
/// # Errors
///
/// See [`MarginError`]; in particular [`MarginError::ProbabilityAboveOne`] when a method would offer odds of 1
/// or less (multiplicative, additive and Shin on a strong favourite), [`MarginError::UnderRound`] as in [`remove`],
/// and [`MarginError::BooksumUnreachable`] when no share of insiders explains so large a booksum (Shin).
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, apply};
/// let mut implied = [0.0; 3];
/// apply(MarginMethod::Power, &[0.45, 0.28, 0.27], 1.05, &mut implied).unwrap();
/// assert!((1.0 / implied[0] - 2.1428124166702).abs() < 1e-10);
/// ```
#[inline]
pub fn apply(
    method: MarginMethod,
    probabilities: &[f64],
    booksum: f64,
    out: &mut [f64],
) -> Result<(), MarginError> {
    let extent = checked_extent(probabilities, out.len(), MarginError::probability)?;
    if !(booksum > 0.0 && booksum < probabilities.len() as f64) {
        return Err(MarginError::booksum(booksum, probabilities.len()));
    }
    let book = Books { lanes: 1, input: one(probabilities), extent, target: [booksum] };
    move_one(method, Direction::Application, &book, one_mut(out)).map(|_| ())
}

/// Booksum of a book that keeps the share `hold` of its turnover, for a market of sum `target`.
///
/// A margin can be told as either: a booksum of 1.05 holds 4.76 %, a hold of 5 % is a booksum of 1.0526.
///
/// # Errors
///
/// [`MarginError::Hold`] unless `hold` is below 1 and finite; an under-round book has a hold below 0.
///
/// ```
/// use oddsengine_pricing::margin::booksum_from_hold;
/// assert_eq!(booksum_from_hold(0.2, 1.0), Ok(1.25));
/// ```
pub fn booksum_from_hold(hold: f64, target: f64) -> Result<f64, MarginError> {
    if hold < 1.0 && hold.is_finite() {
        Ok(target / (1.0 - hold))
    } else {
        Err(MarginError::Hold { value: hold })
    }
}

/// Whether a margin is taken away or put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Removal,
    Application,
}

/// One book: the open search, and what it leaves over to [`settle`].
#[inline(always)]
fn move_one(
    method: MarginMethod,
    direction: Direction,
    book: &Books<1>,
    out: &mut [[f64; 1]],
) -> Result<f64, MarginError> {
    let needs_scratch = matches!(method, MarginMethod::Power | MarginMethod::Probit | MarginMethod::Shin);
    let solved = match (needs_scratch, book.input.len()) {
        (true, 9..=64) => solve_long::<64>(method, direction, book, out),
        (true, 65..) => solve_long::<SELECTIONS_MAX>(method, direction, book, out),
        _ => solve(method, direction, book, Search::Open, &mut [[0.0]; 8], out),
    };
    if solved.is_solved[0] { Ok(solved.parameter[0]) } else { settle(method, direction, book, out) }
}

#[inline(never)]
fn solve_long<const COUNT: usize>(
    method: MarginMethod,
    direction: Direction,
    book: &Books<1>,
    out: &mut [[f64; 1]],
) -> Solved<1> {
    solve(method, direction, book, Search::Open, &mut [[0.0]; COUNT], out)
}

/// One book within a bracket, and the error if there is no answer.
#[cold]
#[inline(never)]
fn settle(
    method: MarginMethod,
    direction: Direction,
    book: &Books<1>,
    out: &mut [[f64; 1]],
) -> Result<f64, MarginError> {
    let needs_margin = matches!(method, MarginMethod::Shin | MarginMethod::BalancedBook | MarginMethod::Goto);
    let (booksum, target, is_over_round) = match direction {
        Direction::Removal => (book.extent.sum[0], book.target[0], book.is_at_least_target(0)),
        Direction::Application => (book.target[0], book.extent.sum[0], book.is_at_most_target(0)),
    };
    if needs_margin && !is_over_round {
        return Err(MarginError::UnderRound { method, booksum, target });
    }
    if method == MarginMethod::JensenShannon {
        return jensen_shannon::shift(book, out.as_flattened_mut());
    }
    if (method, direction) == (MarginMethod::Shin, Direction::Application) {
        shin::check_reachable(book)?;
    }
    let mut scratch = [[0.0]; SELECTIONS_MAX];
    let solve = |search, scratch: &mut [[f64; 1]], out: &mut [[f64; 1]]| {
        solve(method, direction, book, search, scratch, out)
    };
    let mut solved = solve(Search::Open, &mut scratch, out);
    if !solved.is_solved[0] {
        solved = solve(Search::Guarded, &mut scratch, out);
    }
    if solved.is_solved[0] {
        return Ok(solved.parameter[0]);
    }
    check_inside(method, out.as_flattened())?;
    Err(MarginError::NotSolved { method, residual: solved.residual[0] })
}

/// Moves every book to the target by the method. A book that is not solved, by its method or at all, is left to
/// [`settle`]. `scratch` is as long as the books for power, probit and Shin.
#[inline(always)]
fn solve<const LANES: usize>(
    method: MarginMethod,
    direction: Direction,
    books: &Books<LANES>,
    search: Search,
    scratch: &mut [[f64; LANES]],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    match (method, direction) {
        (MarginMethod::Multiplicative, _) => closed::multiplicative(books, out),
        (MarginMethod::Additive, _) => closed::additive(books, out),
        (MarginMethod::Power, _) => one_parameter::power(books, search, scratch, out),
        (MarginMethod::OddsRatio, _) => one_parameter::odds_ratio(books, search, out),
        // Calls of functions that no vector unit has: side by side is slower than alone.
        (MarginMethod::Probit, _) if LANES == 1 => probit::shift(books, search, scratch, out),
        (MarginMethod::Shin, Direction::Removal) => shin::remove(books, search, scratch, out),
        (MarginMethod::Shin, Direction::Application) => shin::apply(books, search, scratch, out),
        (MarginMethod::BalancedBook, Direction::Removal) => closed::balanced_book_removed(books, out),
        (MarginMethod::BalancedBook, Direction::Application) => closed::balanced_book_applied(books, out),
        (MarginMethod::Goto, Direction::Removal) => closed::goto_removed(books, out),
        (MarginMethod::Goto, Direction::Application) => one_parameter::goto_applied(books, search, out),
        // Roots within a root: always one book at a time.
        (MarginMethod::JensenShannon | MarginMethod::Probit, _) => Solved::nothing(),
    }
}

/// Checks counts and values; returns their bounds and sum.
#[inline(always)]
fn checked_extent(
    input: &[f64],
    out_count: usize,
    value_error: fn(usize, f64) -> MarginError,
) -> Result<Extent<1>, MarginError> {
    if input.len() < 2 || input.len() > SELECTIONS_MAX {
        return Err(MarginError::SelectionCount { count: input.len() });
    }
    if out_count != input.len() {
        return Err(MarginError::OutputCount { count: out_count, expected: input.len() });
    }
    let extent = Extent::of(one(input), 1);
    if extent.is_inside()[0] { Ok(extent) } else { Err(error::first_outside(input, value_error)) }
}

/// Refuses a result outside (0,1).
#[inline]
fn check_inside(method: MarginMethod, out: &[f64]) -> Result<(), MarginError> {
    if Extent::of(one(out), 1).is_inside()[0] {
        Ok(())
    } else {
        Err(error::first_outside(out, |index, value| error::left(method, index, value)))
    }
}
