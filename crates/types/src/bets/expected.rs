//! The same sums over expected returns: one multiplication and addition after the other, so the bits are the same on every machine.

use super::plan::{Bet, PLAN_LEGS_MAX, Parts};

/// What bets return by expectation: `returns` are each leg's expected return in its win part and its place part, per unit.
///
/// Legs are taken as independent; in minor units, not rounded. Bonuses are not in it.
///
/// ```
/// # use oddsengine_types::bets::{expected_return, named};
/// let trixie = named("trixie").unwrap().bet(3, 100)?;
/// let expected = expected_return(&[trixie], &[(2.0, 0.0), (1.8 * 0.72, 0.0), (2.4 * 0.41, 0.0)]);
/// assert!((expected - 838.579_2).abs() < 1e-9);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn expected_return(bets: &[Bet], returns: &[(f64, f64)]) -> f64 {
    bets.iter().map(|bet| of_bet(bet, returns, 0)).sum()
}

/// What rides on the win part and on the place part of a leg by expectation of the other legs: see [`super::riding_minor`].
pub fn expected_riding(bets: &[Bet], returns: &[(f64, f64)], leg: usize) -> (f64, f64) {
    let bit = 1_u64 << leg;
    let (mut win, mut place) = (0.0, 0.0);
    for bet in bets.iter().filter(|bet| (bet.legs | bet.bankers) & bit != 0) {
        let shift = u32::from(bet.legs & bit != 0);
        let others = Bet { legs: bet.legs & !bit, bankers: bet.bankers & !bit, ..*bet };
        let rides = |parts: Parts| of_bet(&Bet { parts, ..others }, returns, shift);
        match bet.parts {
            Parts::Win => win += rides(Parts::Win),
            Parts::Place => place += rides(Parts::Place),
            Parts::EachWay => {
                win += rides(Parts::Win);
                place += rides(Parts::Place);
            }
            Parts::EquallyDivided => {
                let half = rides(Parts::EquallyDivided) / 2.0;
                win += half;
                place += half;
            }
        }
    }
    (win, place)
}

/// One bet; `shift` is 1 where a leg of each line was taken out.
fn of_bet(bet: &Bet, returns: &[(f64, f64)], shift: u32) -> f64 {
    let stake = bet.stake_minor as f64 / f64::from(bet.stake_of);
    let sum = |read: fn((f64, f64)) -> f64| stake * lines(bet, returns, shift, read);
    match bet.parts {
        Parts::Win => sum(|(win, _)| win),
        Parts::Place => sum(|(_, place)| place),
        Parts::EachWay => sum(|(win, _)| win) + sum(|(_, place)| place),
        Parts::EquallyDivided => 2.0 * sum(|(win, place)| (win + place) / 2.0),
    }
}

fn lines(bet: &Bet, returns: &[(f64, f64)], shift: u32, read: fn((f64, f64)) -> f64) -> f64 {
    let sizes = bet.sizes >> shift;
    let mut bankers = 1.0;
    let mut found = [0.0; PLAN_LEGS_MAX + 1];
    found[0] = 1.0;
    let mut count = 0;
    for (place, &leg) in returns.iter().enumerate() {
        let bit = 1_u64 << place;
        if bet.bankers & bit != 0 {
            bankers *= read(leg);
        } else if bet.legs & bit != 0 {
            count += 1;
            for k in (1..=count).rev() {
                found[k] += found[k - 1] * read(leg);
            }
        }
    }
    let wanted = found.iter().enumerate().take(count + 1).filter(|(k, _)| sizes >> k & 1 == 1);
    bankers * wanted.map(|(_, sum)| sum).sum::<f64>()
}
