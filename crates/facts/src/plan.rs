//! How the bets of a ticket follow from its legs, as it is asked for.
//!
//! A ticket is a list of [`Bet`]s over its legs, and a bet is a set of *lines*: an accumulator each, all of the same stake.
//! Nothing lists lines; sums over them are symmetric polynomials (`oddsengine_types::bets`).

use oddsengine_markets::racing::PlaceTerms;
use oddsengine_types::bets::{BETS_MAX, Bet, LINES_MAX, Parts};
use oddsengine_types::bounds::LEGS_MAX;
use oddsengine_types::codec_struct;

use crate::command::LegRequest;
use crate::status::Reason;

/// A leg that has a place part beside the one to win.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EachWayLeg {
    /// Which, in the order submitted.
    pub leg: u8,
    /// The place terms; none for those of the race as it stands.
    pub terms: Option<PlaceTerms>,
}
codec_struct!(EachWayLeg { leg, terms });

/// A plan as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The bets. With line stakes of 0, all of them, the stake of the ticket is divided evenly over its lines.
    pub bets: Vec<Bet>,
    /// The legs that also have a place part.
    pub each_way: Vec<EachWayLeg>,
}
codec_struct!(PlanRequest { bets, each_way });

impl PlanRequest {
    /// Lines of all bets, each-way lines counted twice; none where a bet is none, or none of these legs.
    pub fn line_count(&self, leg_count: usize) -> Option<u64> {
        let lines = |bet: &Bet| Bet { stake_minor: 1, ..*bet }.check(leg_count).ok().and(bet.lines().ok());
        let mut count = 0;
        for bet in &self.bets {
            count += lines(bet)?;
        }
        (1..=LINES_MAX).contains(&count).then_some(count)
    }

    /// The stake of each line is said; otherwise the ticket's is divided.
    pub fn is_by_line(&self) -> bool {
        self.bets.iter().any(|bet| bet.stake_minor != 0)
    }

    /// What the ticket stakes: the sum over its lines, or what it says itself. None where that is not known.
    pub fn stake_minor(&self, leg_count: usize, asked_minor: i64) -> Option<i64> {
        let lines = self.line_count(leg_count);
        if !self.is_by_line() {
            return Some(asked_minor);
        }
        lines?;
        let stakes = self.bets.iter().map(|bet| {
            let lines = bet.lines().unwrap_or(0);
            i128::from(lines) * i128::from(bet.stake_minor)
        });
        Some(stakes.sum::<i128>().clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// Whether two legs stand in one line together.
    pub fn has_line_with(&self, one: usize, other: usize) -> bool {
        let is_together = |bet: &Bet| {
            let (one, other) = (1_u64 << one, 1_u64 << other);
            let pair = one | other;
            if (bet.legs | bet.bankers) & pair != pair {
                return false;
            }
            // So many of the two are chosen; the bankers are there anyway.
            let chosen = (bet.legs & pair).count_ones();
            bet.sizes >> chosen != 0
        };
        self.bets.iter().any(is_together)
    }

    /// Two legs of one fixture stand in one line.
    pub fn joins_legs_of_a_fixture(&self, legs: &[LegRequest]) -> bool {
        let pairs = (1..legs.len()).flat_map(|other| (0..other).map(move |one| (one, other)));
        pairs
            .filter(|&(one, other)| legs[one].fixture == legs[other].fixture)
            .any(|(one, other)| other < LEGS_MAX && self.has_line_with(one, other))
    }

    /// What is wrong with its bets and stakes, by the reasons from [`Reason::PlanNotPossible`] on.
    ///
    /// # Errors
    /// The first reason in order of precedence.
    pub fn check(&self, leg_count: usize, asked_minor: i64, line_stake_minor_min: i64) -> Result<(), Reason> {
        let not_possible = Err(Reason::PlanNotPossible);
        if !(1..=BETS_MAX).contains(&self.bets.len()) || !(1..=LEGS_MAX).contains(&leg_count) {
            return not_possible;
        }
        let Some(lines) = self.line_count(leg_count) else { return not_possible };
        let used = self.bets.iter().fold(0, |used, bet| used | bet.legs | bet.bankers);
        let is_plain = |bet: &Bet| bet.bonus == 0 && bet.stake_of == 1;
        let has_stake =
            |bet: &Bet| if self.is_by_line() { bet.stake_minor > 0 } else { bet.stake_minor == 0 };
        if used.count_ones() as usize != leg_count
            || !self.bets.iter().all(is_plain)
            || !self.bets.iter().all(has_stake)
            || !self.has_places_for_its_bets(leg_count)
        {
            return not_possible;
        }
        let stake_minor = self.stake_minor(leg_count, asked_minor).unwrap_or(0);
        let is_sum = match self.is_by_line() {
            true => asked_minor == 0 || asked_minor == stake_minor,
            false => stake_minor % lines as i64 == 0,
        };
        if !is_sum {
            return Err(Reason::StakeNotOfLines);
        }
        let least = self.staked(leg_count, asked_minor).iter().map(|bet| bet.stake_minor).min();
        match least.is_some_and(|least| least < line_stake_minor_min) {
            true => Err(Reason::LineStakeBelowMinimum),
            false => Ok(()),
        }
    }

    /// Every each-way leg is one of the ticket, named once and bet on for a place, and no bet is for places alone or on legs
    /// of which none has a place.
    fn has_places_for_its_bets(&self, leg_count: usize) -> bool {
        let mut places = 0_u64;
        for each_way in &self.each_way {
            let leg = usize::from(each_way.leg);
            if leg >= leg_count || places >> leg & 1 == 1 {
                return false;
            }
            places |= 1 << leg;
        }
        let on_places = |bet: &Bet| if bet.parts == Parts::Win { 0 } else { bet.legs | bet.bankers };
        let is_met = |bet: &Bet| bet.parts == Parts::Win || on_places(bet) & places != 0;
        let bet_on = self.bets.iter().fold(0, |bet_on, bet| bet_on | on_places(bet));
        self.bets.iter().all(is_met) && places & !bet_on == 0
    }

    /// The bets with their line stakes, after [`PlanRequest::check`].
    pub fn staked(&self, leg_count: usize, asked_minor: i64) -> Vec<Bet> {
        if self.is_by_line() {
            return self.bets.clone();
        }
        let lines = self.line_count(leg_count).unwrap_or(1).max(1) as i64;
        self.bets.iter().map(|bet| Bet { stake_minor: asked_minor / lines, ..*bet }).collect()
    }
}
