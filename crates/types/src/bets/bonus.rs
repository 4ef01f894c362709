//! House bonuses as data: what a bet gets on top when one leg alone, all legs, or given numbers of them win.

use crate::bounds::BoundsError;

use super::plan::Bet;
use super::returns::{LegReturn, Share};

/// Most rules of one bonus.
pub const BONUS_RULES_MAX: usize = 16;

/// Most that a bonus multiplies odds by.
pub const ODDS_TIMES_MAX: u32 = 10;

/// What a share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// The return, stakes included.
    Return,
    /// The return less the stakes of the bet, if it is above them.
    Winnings,
    /// The stakes of the bet.
    Stake,
}

/// What a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The fractional odds of each winner are multiplied: "double the odds".
    Odds {
        /// By this.
        times: Share,
    },
    /// A share of an amount of the bet is added.
    Share {
        /// This much.
        share: Share,
        /// Of this.
        of: Base,
    },
}

/// When a bonus is given, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BonusRule {
    /// Legs that the bet is made of; 0 is any number.
    pub legs: u8,
    /// Fewest winners: legs that return more than their stake.
    pub winners_min: u8,
    /// Most winners.
    pub winners_max: u8,
    /// Most void legs: legs that return just their stake. All legs beyond the winners and these must have lost.
    pub voids_max: u8,
    /// Whether a place part of the bet gets it too.
    pub is_for_places: bool,
    /// What is given.
    pub effect: Effect,
}

/// A bonus of a house: the first rule that fits is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bonus {
    rules: Vec<BonusRule>,
}

impl Bonus {
    /// A bonus of 1 to 16 rules.
    ///
    /// # Errors
    /// No rule or too many, a rule of more winners at least than at most, or one that takes from the customer.
    pub fn new(rules: &[BonusRule]) -> Result<Self, BoundsError> {
        if !(1..=BONUS_RULES_MAX).contains(&rules.len()) {
            return Err(BoundsError::outside("number of bonus rules", rules.len(), 1, BONUS_RULES_MAX));
        }
        for rule in rules {
            if rule.winners_min > rule.winners_max {
                let (low, high) = (rule.winners_min, rule.winners_max);
                return Err(BoundsError::new(format!("winners {low}..={high} of a bonus are no range")));
            }
            if let Effect::Odds { times } = rule.effect {
                let (above, below) = times.parts();
                if above < below || above > below * ODDS_TIMES_MAX || 100 % below != 0 {
                    return Err(BoundsError::new(format!(
                        "odds multiplied by {above}/{below} are outside hundredths from 1 to {ODDS_TIMES_MAX}"
                    )));
                }
            }
        }
        Ok(Self { rules: rules.to_vec() })
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[BonusRule] {
        &self.rules
    }

    /// The rule that a bet gets at these returns of its ticket's legs; `None` when none fits.
    pub fn rule_for(&self, bet: &Bet, returns: &[LegReturn]) -> Option<&BonusRule> {
        let (mut legs, mut winners, mut voids, mut losers) = (0_u8, 0_u8, 0_u8, 0_u8);
        let mut mask = bet.legs | bet.bankers;
        while mask != 0 {
            let leg = returns[mask.trailing_zeros() as usize];
            mask &= mask - 1;
            legs += 1;
            winners += u8::from(leg.is_winner());
            voids += u8::from(leg.is_void());
            losers += u8::from(leg.is_loser());
        }
        self.rules.iter().find(|rule| {
            (rule.legs == 0 || rule.legs == legs)
                && (rule.winners_min..=rule.winners_max).contains(&winners)
                && voids <= rule.voids_max
                && winners + voids + losers == legs
        })
    }
}
