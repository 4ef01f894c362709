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
//! | Shin | `(sqrt(z^2 + 4(1-z)pi^2/B) - z) / (2(1-z))` | `z` | `B < k` |
//! | balanced book | `(pi-z)/(1-z)`, `z = (B-k)/(n-k)` | none | `B < k`, or a result leaves (0,1) |
//! | goto | `pi - s sqrt(1-pi)` | `s` | `B < k`, or a result leaves (0,1) |
//! | Jensen-Shannon | same distance of `p` and `pi` for every selection | distance | a result leaves (0,1) |
//!
//! Four methods are one shift of the book from one sum to another, so applying them is removing them with
//! the booksum as target: multiplicative, additive, power, odds ratio (and Jensen-Shannon). A method that
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

mod error;
mod jensen_shannon;
mod one_parameter;
mod shin;
#[cfg(test)]
mod tests;

pub use error::MarginError;

/// Most selections one call accepts. Nothing is allocated up to this count.
pub const SELECTIONS_MAX: usize = 1024;

/// How the margin is spread over the selections.
///
/// Use [`MarginMethod::Multiplicative`] to calibrate several markets of one book together, and
/// [`MarginMethod::OddsRatio`] or [`MarginMethod::Power`] for forecasts, outrights and longshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarginMethod {
    /// Every price is cut by the same factor. Also called basic normalisation.
    Multiplicative,
    /// The same amount of probability on every selection; identical to weights proportional to the odds.
    Additive,
    /// `pi = p^(1/t)`: the favourite carries little of the margin. Buchdahl calls it logarithmic.
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
}

impl MarginMethod {
    /// Every method, in declaration order.
    pub const ALL: [MarginMethod; 8] = [
        Self::Multiplicative,
        Self::Additive,
        Self::Power,
        Self::OddsRatio,
        Self::Shin,
        Self::BalancedBook,
        Self::Goto,
        Self::JensenShannon,
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
        }
    }

    /// Reads a method's name or an alias of it.
    ///
    /// `logarithmic` is refused: one library means the odds ratio by it, another source the power method.
    ///
    /// # Errors
    ///
    /// [`MarginError::UnknownMethod`] for any other text.
    ///
    /// ```
    /// use oddsengine_pricing::margin::MarginMethod;
    /// assert_eq!(MarginMethod::parse("wpo"), Ok(MarginMethod::Additive));
    /// assert_eq!(MarginMethod::parse("logit"), Ok(MarginMethod::OddsRatio));
    /// assert!(MarginMethod::parse("logarithmic").is_err());
    /// ```
    pub fn parse(name: &str) -> Result<Self, MarginError> {
        Ok(match name {
            "multiplicative" | "proportional" | "basic" => Self::Multiplicative,
            "additive" | "equal_margin" | "wpo" | "mwpo" | "mpto" | "differential_margin_weighting" => {
                Self::Additive
            }
            "power" => Self::Power,
            "odds_ratio" | "or" | "logit" => Self::OddsRatio,
            "shin" => Self::Shin,
            "balanced_book" | "balanced" | "bb" => Self::BalancedBook,
            "goto" | "goto_conversion" => Self::Goto,
            "jensen_shannon" | "jsd" => Self::JensenShannon,
            _ => return Err(MarginError::unknown_method(name)),
        })
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
/// book), `s` (goto), the distance (Jensen-Shannon, negative for an under-round book), the factor `k/B`
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
    let booksum = checked_sum(inverse_odds, out.len(), MarginError::inverse_odds)?;
    if !(target > 0.0 && target < inverse_odds.len() as f64) {
        return Err(MarginError::target(target, inverse_odds.len()));
    }
    let book = Book { method, input: inverse_odds, sum: booksum, target };
    match method {
        MarginMethod::Shin => shin::remove(&book, out),
        MarginMethod::BalancedBook => balanced_book_removed(&book, out),
        MarginMethod::Goto => one_parameter::goto_removed(&book, out),
        _ => shift(&book, out),
    }
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
    let sum = checked_sum(probabilities, out.len(), MarginError::probability)?;
    if !(booksum > 0.0 && booksum < probabilities.len() as f64) {
        return Err(MarginError::booksum(booksum, probabilities.len()));
    }
    let book = Book { method, input: probabilities, sum, target: booksum };
    match method {
        MarginMethod::Shin => shin::apply(&book, out),
        MarginMethod::BalancedBook => balanced_book_applied(&book, out),
        MarginMethod::Goto => one_parameter::goto_applied(&book, out),
        _ => shift(&book, out).map(|_| ()),
    }
}

/// One call's input: what to move, the sum it has and the sum it must get.
struct Book<'a> {
    method: MarginMethod,
    input: &'a [f64],
    sum: f64,
    target: f64,
}

impl Book<'_> {
    /// Residual of the sum below which a solver stops: a few roundings per selection.
    fn tolerance(&self) -> f64 {
        1e-15 * (4.0 + self.input.len() as f64)
    }

    /// A sum that differs from the target by no more than rounding.
    fn is_level(&self) -> bool {
        (self.sum - self.target).abs() <= self.tolerance()
    }

    /// The methods that read a margin as the bookmaker's advantage need one.
    fn check_over_round(&self, booksum: f64, target: f64) -> Result<(), MarginError> {
        if booksum < target && !self.is_level() {
            return Err(MarginError::UnderRound { method: self.method, booksum, target });
        }
        Ok(())
    }
}

/// The methods whose application is their removal with the booksum as target.
#[inline]
fn shift(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    match book.method {
        MarginMethod::Additive => {
            let amount = (book.sum - book.target) / book.input.len() as f64;
            for (result, value) in out.iter_mut().zip(book.input) {
                *result = value - amount;
            }
            check_inside(book.method, out)?;
            Ok(amount)
        }
        MarginMethod::Power => one_parameter::power(book, out),
        MarginMethod::OddsRatio => one_parameter::odds_ratio(book, out),
        MarginMethod::JensenShannon => jensen_shannon::shift(book, out),
        _ => {
            let factor = book.target / book.sum;
            for (result, value) in out.iter_mut().zip(book.input) {
                *result = value * factor;
            }
            check_inside(book.method, out)?;
            Ok(factor)
        }
    }
}

fn balanced_book_removed(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    book.check_over_round(book.sum, book.target)?;
    let z = (book.sum - book.target) / (book.input.len() as f64 - book.target);
    for (result, value) in out.iter_mut().zip(book.input) {
        *result = (value - z) / (1.0 - z);
    }
    check_inside(book.method, out)?;
    Ok(z)
}

fn balanced_book_applied(book: &Book, out: &mut [f64]) -> Result<(), MarginError> {
    book.check_over_round(book.target, book.sum)?;
    let z = (book.target - book.sum) / (book.input.len() as f64 - book.sum);
    for (result, value) in out.iter_mut().zip(book.input) {
        *result = value * (1.0 - z) + z;
    }
    check_inside(book.method, out)
}

/// Checks counts and values; returns the sum, added in order.
#[inline]
fn checked_sum(
    input: &[f64],
    out_count: usize,
    value_error: fn(usize, f64) -> MarginError,
) -> Result<f64, MarginError> {
    if input.len() < 2 || input.len() > SELECTIONS_MAX {
        return Err(MarginError::SelectionCount { count: input.len() });
    }
    if out_count != input.len() {
        return Err(MarginError::OutputCount { count: out_count, expected: input.len() });
    }
    let mut sum = 0.0;
    let mut is_valid = true;
    for &value in input {
        is_valid &= value > 0.0 && value < 1.0;
        sum += value;
    }
    if is_valid { Ok(sum) } else { Err(error::first_outside(input, value_error)) }
}

/// Refuses a result outside (0,1).
#[inline]
fn check_inside(method: MarginMethod, out: &[f64]) -> Result<(), MarginError> {
    let mut is_inside = true;
    for &value in out {
        is_inside &= value > 0.0 && value < 1.0;
    }
    if is_inside {
        Ok(())
    } else {
        Err(error::first_outside(out, |index, value| error::left(method, index, value)))
    }
}
