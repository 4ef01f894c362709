//! Goalscorers: shares of a side's goals from anytime prices, and the markets from shares.
//!
//! Every goal of a side is a given player's with probability `share`. The share is the player's own rate over the
//! side's rate while he plays, times the part of the match that he is expected to play; what no listed player takes
//! are own goals and the bench. With Poisson goals of mean `lambda` he scores with probability
//! `1 - exp(-lambda share)`; with any other distribution of the goals it is `1 - sum of P(n) (1 - share)^n`.

use super::FootballError;
use crate::root::{decreasing_root, newton_step};

/// Most goals of a side that a distribution may list.
pub const SIDE_GOALS_MAX: usize = 80;

/// Probabilities of what a player does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScorerMarkets {
    /// He scores.
    pub anytime: f64,
    /// He scores twice or more.
    pub two_or_more: f64,
    /// He scores three times or more.
    pub three_or_more: f64,
    /// He scores the first goal of the match.
    pub first: f64,
    /// He scores the last goal of the match.
    pub last: f64,
}

/// The scoring markets of a player who takes `share` of his side's goals.
///
/// `goals[n]` is the probability that his side scores `n` goals that are still to come; `side_first` and `side_last` that
/// his side scores the first and the last goal of the match.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a share or probability outside 0..=1 or a list of 0 or more than 80 goals.
///
/// ```
/// use oddsengine_pricing::football::scorers::scorer_markets;
/// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
/// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.7, 1.05, -0.07).unwrap());
/// let goals: Vec<f64> = grid.cells().chunks(grid.size()).map(|row| row.iter().sum()).collect();
/// let found = scorer_markets(&goals, 0.32, 0.6, 0.6).unwrap();
/// assert!((found.anytime - 0.41957808485926).abs() < 1e-9);
/// assert!((found.two_or_more - 0.10382856302269).abs() < 1e-9);
/// ```
pub fn scorer_markets(
    goals: &[f64],
    share: f64,
    side_first: f64,
    side_last: f64,
) -> Result<ScorerMarkets, FootballError> {
    check_goals(goals)?;
    FootballError::check("share of a player", share, 0.0, 1.0)?;
    FootballError::check("probability of the first goal", side_first, 0.0, 1.0)?;
    FootballError::check("probability of the last goal", side_last, 0.0, 1.0)?;
    let rest = 1.0 - share;
    // P(0), P(1) and P(2) of a binomial number of goals, each from its own recursion.
    let (mut none, mut one, mut two) = (0.0, 0.0, 0.0);
    let mut power = [1.0, 0.0, 0.0];
    for (count, probability) in goals.iter().enumerate() {
        none += probability * power[0];
        one += probability * power[1];
        two += probability * power[2];
        let next = (count + 1) as f64;
        power = [
            power[0] * rest,
            next * share * power[0],
            if count == 0 { 0.0 } else { 0.5 * next * share * power[1] },
        ];
    }
    let all: f64 = goals.iter().sum();
    Ok(ScorerMarkets {
        anytime: (all - none).max(0.0),
        two_or_more: (all - none - one).max(0.0),
        three_or_more: (all - none - one - two).max(0.0),
        first: share * side_first,
        last: share * side_last,
    })
}

/// The share of his side's goals at which a player scores with this probability.
///
/// # Errors
///
/// [`FootballError::NoRoot`] for a probability that even all of his side's goals do not reach.
///
/// ```
/// use oddsengine_pricing::football::scorers::share_from_anytime;
/// let poisson: Vec<f64> = (0..30).scan(1.0, |f, n| { let p = (-1.7_f64).exp() * *f; *f *= 1.7 / (n + 1) as f64; Some(p) }).collect();
/// let share = share_from_anytime(&poisson, 0.42).unwrap();
/// assert!((share + (1.0 - 0.42_f64).ln() / 1.7).abs() < 1e-12);
/// ```
pub fn share_from_anytime(goals: &[f64], anytime: f64) -> Result<f64, FootballError> {
    check_goals(goals)?;
    FootballError::check_probability("an anytime scorer", anytime)?;
    let scoring: f64 = goals[1..].iter().sum();
    if anytime >= scoring {
        return Err(FootballError::NoRoot { name: "anytime scorer", value: anytime, min: 0.0, max: scoring });
    }
    // P(not scoring) and its slope, as polynomials in 1 - share by Horner's scheme.
    let evaluate = |share: f64| {
        let rest = 1.0 - share;
        let (mut value, mut slope) = (0.0, 0.0);
        for probability in goals.iter().rev() {
            slope = slope * rest + value;
            value = value * rest + probability;
        }
        let all: f64 = goals.iter().sum();
        (value - (all - anytime), slope)
    };
    let mean: f64 = goals.iter().enumerate().map(|(count, p)| count as f64 * p).sum();
    let start = (-libm::log1p(-anytime) / mean.max(1e-12)).min(0.99);
    decreasing_root(start, 0.0, 1.0, 1e-15, evaluate, newton_step)
        .map_err(|residual| FootballError::NotConverged { name: "share of a scorer", residual })
}

/// Shares of a side's listed players that explain their anytime prices.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorerShares {
    /// Of each player, in the order given; they sum to what own goals and the bench leave.
    pub shares: Vec<f64>,
    /// What the shares were multiplied by to do so: below 1 where the prices hold a margin.
    pub factor: f64,
}

/// Shares from anytime odds of the players who are expected to play.
///
/// A book of anytime scorers has no booksum that would tell its margin: any number of players may score. What must add
/// up are the goals: the shares are solved from `1 / odds` one by one and scaled to sum to `1 - own_goal - bench`.
/// List every player with a price; leave what the unlisted take to `bench`.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for odds outside 1.001..=10,000, no player, or shares of own goals and the bench that
/// leave nothing; [`FootballError::NoRoot`] for a price that the side's goals cannot explain.
///
/// ```
/// use oddsengine_pricing::football::scorers::shares_from_odds;
/// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
/// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.7, 1.05, -0.07).unwrap());
/// let goals: Vec<f64> = grid.cells().chunks(grid.size()).map(|row| row.iter().sum()).collect();
/// let found = shares_from_odds(&goals, &[2.2, 3.1, 3.4, 5.5, 8.0, 9.0, 15.0], 0.03, 0.05).unwrap();
/// assert!((found.shares.iter().sum::<f64>() - 0.92).abs() < 1e-12);
/// assert!(found.factor < 1.0);
/// ```
pub fn shares_from_odds(
    goals: &[f64],
    odds: &[f64],
    own_goal: f64,
    bench: f64,
) -> Result<ScorerShares, FootballError> {
    FootballError::check("number of players", odds.len() as f64, 1.0, 64.0)?;
    FootballError::check("share of own goals", own_goal, 0.0, 1.0)?;
    FootballError::check("share of the bench", bench, 0.0, 1.0)?;
    let listed = FootballError::check("share of the listed players", 1.0 - own_goal - bench, 1e-6, 1.0)?;
    let mut shares = Vec::with_capacity(odds.len());
    for &odds in odds {
        FootballError::check("anytime odds", odds, 1.001, 10_000.0)?;
        shares.push(share_from_anytime(goals, 1.0 / odds)?);
    }
    let factor = listed / shares.iter().sum::<f64>();
    shares.iter_mut().for_each(|share| *share *= factor);
    Ok(ScorerShares { shares, factor })
}

/// The share of the goals still to come of a player whose share was meant for other minutes.
///
/// `minutes_expected` are those on which the share rests, `minutes_left` those he is expected to play of the
/// `match_minutes_left` that the side still has; 0 once he is off.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for minutes outside their range.
///
/// ```
/// use oddsengine_pricing::football::scorers::share_of_minutes;
/// // A share of 0.2 over 60 of 90 minutes is a rate of 0.3 while he plays.
/// assert!((share_of_minutes(0.2, 60.0, 30.0, 30.0).unwrap() - 0.3).abs() < 1e-15);
/// assert_eq!(share_of_minutes(0.2, 60.0, 0.0, 30.0).unwrap(), 0.0);
/// ```
pub fn share_of_minutes(
    share: f64,
    minutes_expected: f64,
    minutes_left: f64,
    match_minutes_left: f64,
) -> Result<f64, FootballError> {
    FootballError::check("share of a player", share, 0.0, 1.0)?;
    FootballError::check("minutes expected", minutes_expected, 1.0, 90.0)?;
    FootballError::check("minutes left of the match", match_minutes_left, 0.0, 90.0)?;
    FootballError::check("minutes left of a player", minutes_left, 0.0, match_minutes_left)?;
    if match_minutes_left == 0.0 {
        return Ok(0.0);
    }
    let rate = share * 90.0 / minutes_expected;
    Ok((rate * minutes_left / match_minutes_left).min(1.0))
}

fn check_goals(goals: &[f64]) -> Result<(), FootballError> {
    FootballError::check("number of goal probabilities", goals.len() as f64, 1.0, SIDE_GOALS_MAX as f64)?;
    for &probability in goals {
        FootballError::check("probability of a number of goals", probability, 0.0, 1.0)?;
    }
    let sum: f64 = goals.iter().sum();
    FootballError::check("sum of the goal probabilities", sum, 0.0, 1.0 + 1e-9).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poisson(mean: f64) -> Vec<f64> {
        let mut mass = (-mean).exp();
        (0..40)
            .map(|count| {
                let now = mass;
                mass *= mean / (count + 1) as f64;
                now
            })
            .collect()
    }

    /// Thinned Poisson goals are Poisson.
    #[test]
    fn markets_of_poisson_goals_have_closed_forms() {
        for (mean, share) in [(1.7, 0.32), (0.4, 1.0), (3.0, 0.05), (2.0, 0.0)] {
            let found = scorer_markets(&poisson(mean), share, 0.5, 0.4).unwrap();
            let rate: f64 = mean * share;
            let none = (-rate).exp();
            assert!((found.anytime - (1.0 - none)).abs() < 1e-13);
            assert!((found.two_or_more - (1.0 - none * (1.0 + rate))).abs() < 1e-13);
            assert!((found.three_or_more - (1.0 - none * (1.0 + rate + rate * rate / 2.0))).abs() < 1e-13);
            assert_eq!((found.first, found.last), (share * 0.5, share * 0.4));
        }
    }

    #[test]
    fn shares_come_back_from_their_own_prices() {
        let goals = poisson(1.6);
        let shares = [0.3, 0.22, 0.2, 0.1, 0.08, 0.03];
        let odds = shares.map(|share| 1.0 / scorer_markets(&goals, share, 0.5, 0.5).unwrap().anytime);
        let sum: f64 = shares.iter().sum();
        let found = shares_from_odds(&goals, &odds, 0.02, 1.0 - 0.02 - sum).unwrap();
        assert!((found.factor - 1.0).abs() < 1e-9);
        for (got, want) in found.shares.iter().zip(shares) {
            assert!((got - want).abs() < 1e-9);
        }
        // A margin on every price shrinks all shares and keeps their order.
        let short = odds.map(|odds| odds * 0.9);
        let found = shares_from_odds(&goals, &short, 0.02, 1.0 - 0.02 - sum).unwrap();
        assert!(found.factor < 0.95 && found.shares.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn impossible_arguments_are_refused() {
        let goals = poisson(1.0);
        let text = |odds: &[f64]| shares_from_odds(&goals, odds, 0.02, 0.05).unwrap_err().to_string();
        assert_eq!(text(&[]), "number of players 0 is outside 1..=64");
        assert_eq!(text(&[1.0]), "anytime odds 1 is outside 1.001..=10000");
        assert!(text(&[1.3]).starts_with("no model has anytime scorer 0.769"));
        assert!(
            scorer_markets(&goals, f64::NAN, 0.5, 0.5).is_err()
                && scorer_markets(&[], 0.1, 0.5, 0.5).is_err()
        );
        assert!(scorer_markets(&[0.9, 0.9], 0.1, 0.5, 0.5).is_err());
        assert!(shares_from_odds(&goals, &[3.0], 0.6, 0.5).is_err());
        assert!(
            share_of_minutes(0.2, 0.0, 1.0, 1.0).is_err() && share_of_minutes(0.2, 60.0, 31.0, 30.0).is_err()
        );
    }
}
