//! Bets of any kind as plans over legs: lines, stakes, returns, deductions, places, bonuses, cash-out; whole numbers and exact fractions only.
//!
//! | part | what |
//! |---|---|
//! | [`Bet`], [`check_bets`], [`named`] | which lines a bet makes, how many, what they stake |
//! | [`LegReturn`], [`Price`], [`Share`] | what a leg returns to win and for a place |
//! | [`payout_minor`], [`riding_minor`], [`refund_minor`] | sums over lines, rounded once a ticket by a named [`Rounding`] |
//! | [`Bonus`] | house bonuses as data |
//! | [`Deductions`], [`Reductions`] | Rule 4 tables and reduction factors |
//! | [`PlaceTerms`], [`place_grade`] | places and fractions by the field, ties over places |
//! | [`ToCome`], [`composed`] | "any to come" bets and bets composed of others |
//! | [`cash_out`] | offers for open tickets |
//!
//! Formulas with their sources: `docs/bets.md`.

mod bonus;
pub mod cash_out;
mod composed;
mod deductions;
mod expected;
mod lines;
mod named;
mod places;
mod plan;
mod returns;
mod to_come;
mod value;
mod wide;

pub use bonus::{BONUS_RULES_MAX, Base, Bonus, BonusRule, Effect, ODDS_TIMES_MAX};
pub use composed::{Composed, composed};
pub use deductions::{
    BANDS_MAX, DEDUCTION_TABLES, DeductionBand, DeductionTable, Deductions, PLACE_CANCEL_BIPS_MIN,
    REDUCED_ODDS_E4_MIN, Reductions, WIN_FACTOR_BIPS_MIN,
};
pub use expected::{expected_return, expected_riding};
pub use named::{NAMES, Named, named, ways};
pub use places::{
    FIELD_TERMS, FieldTerms, PlaceBand, PlaceTerms, ordered_lines, place_grade, unordered_lines,
};
pub use plan::{BETS_MAX, Bet, COMMON_MAX, LINES_MAX, PLAN_LEGS_MAX, Parts, Totals, check_bets, first_legs};
pub use returns::{LegReturn, Price, SHARE_PART_MAX, Share};
pub use to_come::{TO_COME_MAX, ToCome, ToComeFormula, to_come_exact};
pub(crate) use value::product_minor;
pub use value::{Rounding, payout_exact, payout_minor, refund_minor, riding_minor};
