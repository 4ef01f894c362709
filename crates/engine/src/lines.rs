//! Tickets with a plan: what their lines stake and return, as sums over lines (`oddsengine_types::bets`), never line by line.
//!
//! A ticket without one is one line of all legs and does not come here. The legs as submitted come first; a leg with a place
//! part has a leg of its own for it behind them, on the selection for the place, at a part of the odds to win. Win parts and
//! place parts then ride on two legs, each with its own grade and its own position in the book.

use oddsengine_facts::{Leg, Ticket};
use oddsengine_risk::UNIT_E9;
use oddsengine_types::bets::{
    Bet, LegReturn, Parts, Rounding, check_bets, expected_riding, payout_minor, ways,
};
use oddsengine_types::bounds::LEGS_MAX;
use oddsengine_types::{Grade, MONEY_MINOR_MAX};

/// Most that rides on a leg for a step of the stake, in billionths: what exceeds it is beyond all money there is.
const UNIT_E9_MAX: f64 = 1e18;

/// A ticket's stake grows in steps: the smallest amounts in the proportion of its bets that are whole on each line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Steps {
    /// What a step adds to the stake of the ticket.
    pub(crate) stake_minor: i64,
    /// The bets of one step.
    pub(crate) bets: Vec<Bet>,
    /// How many steps the ticket stakes.
    pub(crate) count: i64,
}

impl Steps {
    /// The steps of bets that were checked.
    pub(crate) fn of(bets: &[Bet]) -> Self {
        let count = bets.iter().fold(0, |divisor, bet| gcd(divisor, bet.stake_minor)).max(1);
        let bets: Vec<Bet> =
            bets.iter().map(|bet| Bet { stake_minor: bet.stake_minor / count, ..*bet }).collect();
        let stakes = bets.iter().map(|bet| bet.stake_total_minor().unwrap_or(0));
        Self { stake_minor: stakes.sum::<i64>().max(1), bets, count }
    }

    /// As many steps.
    pub(crate) fn times(&self, count: i64) -> Vec<Bet> {
        let times = |bet: &Bet| Bet { stake_minor: bet.stake_minor.saturating_mul(count), ..*bet };
        self.bets.iter().map(times).collect()
    }
}

/// The ticket stakes this instead: its bets in the same proportion, where it has any.
pub(crate) fn restake(ticket: &mut Ticket, stake_minor: i64) {
    debug_assert_eq!(stake_minor % step_minor(ticket), 0, "the stake of a ticket is whole on each line");
    ticket.stake_minor = stake_minor;
    if !ticket.terms.bets.is_empty() {
        let steps = Steps::of(&ticket.terms.bets);
        ticket.terms.bets = steps.times(stake_minor / steps.stake_minor);
    }
}

/// The smallest stake in the proportion of a ticket's bets: any stake of it is a multiple.
pub(crate) fn step_minor(ticket: &Ticket) -> i64 {
    match ticket.terms.bets.as_slice() {
        [] => 1,
        bets => Steps::of(bets).stake_minor,
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A ticket's bets are bets on its legs, and its places those of legs that it has: what every sum here rests on.
///
/// # Errors
/// What does not fit: the ticket is from a record that no engine wrote.
pub(crate) fn fits(ticket: &Ticket) -> Result<(), String> {
    let (bets, legs) = (&ticket.terms.bets, &ticket.legs);
    let count = submitted(legs);
    let places = &legs[count..];
    let is_of_them = |leg: &Leg| !leg.is_to_win() && usize::from(leg.place_of) < count;
    if legs.len() > LEGS_MAX || !places.iter().all(is_of_them) || bets.is_empty() && !places.is_empty() {
        return Err(format!("ticket {:032x} has {} legs with {} places", ticket.id.0, count, places.len()));
    }
    if legs.is_empty() || bets.is_empty() {
        return Ok(());
    }
    check_bets(bets, count).map(drop).map_err(|error| format!("ticket {:032x}: {error}", ticket.id.0))
}

/// How many of the legs were submitted; the others are places of them.
pub(crate) fn submitted(legs: &[Leg]) -> usize {
    legs.iter().take_while(|leg| leg.is_to_win()).count()
}

/// The submitted leg of a leg: itself, or that of which it is the place.
pub(crate) fn to_win(legs: &[Leg], leg: usize) -> usize {
    match legs[leg].is_to_win() {
        true => leg,
        false => legs[leg].place_of.into(),
    }
}

/// The win part and the place part of each leg as submitted: `of` a leg in each.
fn parts_of<T: Copy>(legs: &[Leg], of: impl Fn(&Leg) -> T) -> Vec<(T, T)> {
    let count = submitted(legs);
    let mut parts: Vec<(T, T)> = legs[..count].iter().map(|leg| (of(leg), of(leg))).collect();
    for place in &legs[count..] {
        if let Some(part) = parts.get_mut(usize::from(place.place_of)) {
            part.1 = of(place);
        }
    }
    parts
}

/// Sums of the parts of the submitted legs, for each leg of the ticket: its own part, or both where it has no place.
fn by_leg<T: Copy + std::ops::Add<Output = T>>(legs: &[Leg], of: impl Fn(usize) -> (T, T)) -> Vec<T> {
    let count = submitted(legs);
    let has_place = |leg: usize| legs[count..].iter().any(|place| usize::from(place.place_of) == leg);
    let of_submitted = (0..count).map(|leg| match (of(leg), has_place(leg)) {
        ((win, _), true) => win,
        ((win, place), false) => win + place,
    });
    of_submitted.chain(legs[count..].iter().map(|leg| of(leg.place_of.into()).1)).collect()
}

/// What of the stake is on each leg, in lines that can still return something.
pub(crate) fn staked_minor(bets: &[Bet], legs: &[Leg], is_alive: impl Fn(&Leg) -> bool) -> Vec<i64> {
    let parts = parts_of(legs, is_alive);
    let masks =
        parts.iter().enumerate().fold([0_u64; 3], |[win, place, either], (index, &(wins, places))| {
            let bit = |is: bool| u64::from(is) << index;
            [win | bit(wins), place | bit(places), either | bit(wins || places)]
        });
    let [win, place, either] = masks;
    by_leg(legs, |leg| {
        let mut sums = (0_i64, 0_i64);
        for bet in bets {
            let staked = |alive: u64| bet.stake_minor.saturating_mul(lines_with(bet, alive, leg));
            match bet.parts {
                Parts::Win => sums.0 += staked(win),
                Parts::Place => sums.1 += staked(place),
                Parts::EachWay => {
                    sums.0 += staked(win);
                    sums.1 += staked(place);
                }
                Parts::EquallyDivided => {
                    let staked = staked(either);
                    sums.0 += staked;
                    sums.1 += staked;
                }
            }
        }
        sums
    })
}

/// How many lines of a bet have this leg and none but `alive` ones.
fn lines_with(bet: &Bet, alive: u64, leg: usize) -> i64 {
    let bit = 1_u64 << leg;
    if (bet.legs | bet.bankers) & alive & bit == 0 || bet.bankers & !alive != 0 {
        return 0;
    }
    let chosen = bet.legs & bit != 0;
    let others = (bet.legs & alive & !bit).count_ones() as usize;
    let sizes = bet.sizes >> u32::from(chosen);
    let count = |size: usize| ways(others, size).unwrap_or(u64::MAX);
    let lines = (0..=others)
        .filter(|&size| sizes >> size & 1 == 1)
        .fold(0_u64, |lines, size| lines.saturating_add(count(size)));
    i64::try_from(lines).unwrap_or(i64::MAX)
}

/// What of the stake is on each leg, whatever became of the others.
pub(crate) fn staked_at_all_minor(ticket: &Ticket) -> Vec<i64> {
    staked_minor(&ticket.terms.bets, &ticket.legs, |_| true)
}

/// What of the stake is on each leg, lines that have lost set aside.
pub(crate) fn staked_alive_minor(ticket: &Ticket) -> Vec<i64> {
    staked_minor(&ticket.terms.bets, &ticket.legs, |leg| !leg.grade.is_some_and(Grade::is_lost))
}

/// What rides on each leg by the returns of the others, in billionths of a minor unit, for bets of a step.
pub(crate) fn units_e9(bets: &[Bet], legs: &[Leg], return_of: impl Fn(&Leg) -> f64) -> Vec<u64> {
    let returns = parts_of(legs, return_of);
    let units = by_leg(legs, |leg| expected_riding(bets, &returns, leg));
    units.into_iter().map(|unit| (unit * UNIT_E9 as f64 + 0.5).min(UNIT_E9_MAX) as u64).collect()
}

/// What rides on each leg if all others win, rounded up: a bound.
pub(crate) fn units_minor_bound(ticket: &Ticket) -> Vec<i64> {
    let returns = parts_of(&ticket.legs, |leg| match leg.grade {
        Some(grade) => return_of(leg, grade),
        None => leg.odds(),
    });
    let units = by_leg(&ticket.legs, |leg| expected_riding(&ticket.terms.bets, &returns, leg));
    units.into_iter().map(|unit| unit.ceil().min(MONEY_MINOR_MAX as f64) as i64).collect()
}

/// The odds of each leg as submitted, to win and for its place.
pub(crate) fn odds_by_leg(legs: &[Leg]) -> Vec<(f64, f64)> {
    parts_of(legs, Leg::odds)
}

/// What a unit of stake on a leg returns at a grade, as a number.
pub(crate) fn return_of(leg: &Leg, grade: Grade) -> f64 {
    let (returned, of) = leg.return_ratio(grade);
    returned as f64 / of as f64
}

/// What the bets pay if the legs that are not graded win, stakes included.
pub(crate) fn payout_minor_max(bets: &[Bet], legs: &[Leg]) -> i64 {
    pays(bets, legs, |leg| leg.return_ratio(Grade::WON))
}

/// What a ticket pays by its legs' grades, once no line that is not lost waits for one: exact, rounded down once.
pub(crate) fn payout_of(ticket: &Ticket) -> Option<i64> {
    let legs = &ticket.legs;
    let waits = legs.iter().any(|leg| leg.grade.is_none());
    if waits {
        let staked = staked_alive_minor(ticket);
        if legs.iter().zip(staked).any(|(leg, staked)| leg.grade.is_none() && staked > 0) {
            return None;
        }
    }
    // What nothing rides on any more counts as lost.
    Some(pays(&ticket.terms.bets, legs, |leg| leg.return_ratio(leg.grade.unwrap_or(Grade::LOST))))
}

fn pays(bets: &[Bet], legs: &[Leg], ratio: impl Fn(&Leg) -> (u64, u64)) -> i64 {
    const FINE: u128 = 1_000_000_000;
    let wide = |(returned, of): (u64, u64)| (u128::from(returned), u128::from(of));
    let fine = |(returned, of): (u128, u128)| (returned * FINE / of.max(1), FINE);
    let returns: Vec<LegReturn> = parts_of(legs, |leg| wide(ratio(leg)))
        .into_iter()
        .map(|(win, place)| {
            let exact = LegReturn::from_ratios(win, place);
            // Told shares of win and place that have no common denominator below 2^56 count in billionths, rounded down.
            exact.or_else(|_| LegReturn::from_ratios(fine(win), fine(place))).unwrap_or(LegReturn::LOST)
        })
        .collect();
    payout_minor(bets, &returns, &[], Rounding::Down)
}
