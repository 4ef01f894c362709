//! Same-game multiples: several selections of one match on one ticket, priced on the joint outcomes.
//!
//! # What a multiple is worth
//!
//! A multiple returns the product of its legs' returns, `win o + refund` each, on the outcome that happens: the
//! same rule that settles an accumulator of several fixtures. Leg odds are `o = p^-t`, with `p` the fair
//! probability of the leg alone, and the exponent `t` is the one at which the multiple is worth its stake:
//!
//! ```text
//! E[product over legs of (win o + refund)] = 1
//! ```
//!
//! Without refunds the odds are `1 / P(all legs win)`, whatever the split. With pushes and quarter lines the same
//! equation prices what a refunded leg leaves behind, and a ticket needs no rule of its own: it settles as a
//! product.
//!
//! # How legs are joined
//!
//! | legs on | space | how |
//! |---|---|---|
//! | the final score | 256 cells | exact: sets of cells as bits |
//! | halves | 14,641 cells | exact |
//! | first, next, last goal, races | orders of goals, given either | exact |
//! | goalscorers | given the goals of a side | exact: multinomial thinning |
//! | ten minutes | given the goals of a half | exact: multinomial thinning |
//! | who goes through, and how | given the final score | exact |
//! | corners, cards | their own counts | exact among themselves, Gaussian copula with the rest |
//!
//! Legs on extra time and on the shoot-out, which are void if it is not played, have no joint model with others.
//!
//! The result is one joint measure, so a multiple is never below the Fréchet bound of its legs or above the least
//! likely of them.

mod combinable;
mod counts;
mod error;
mod gaussian;
mod legs;
mod odds;
mod offer;
mod order;
mod outcomes;
mod players;
mod price;
mod sets;
mod weights;

pub use combinable::{Combinable, combinable};
pub use counts::{CORRELATIONS, CountCorrelation};
pub use error::SameGameError;
pub use gaussian::{CopulaJoint, EVENTS_MAX, bivariate, cdf, density, gaussian_copula, quantile};
pub use legs::SameGameLegs;
pub use offer::{BOOKSUM_MAX, offered_odds};
pub use outcomes::SameGameOutcomes;
pub use price::{SameGamePrice, leg_probabilities, price};

/// Most legs of a multiple: more than a match has questions, and their places fit a [`LegSet`].
pub const LEGS_MAX: usize = 20;

/// A set of legs of a multiple, by their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegSet(pub(crate) u32);

impl LegSet {
    /// Whether a leg is in it.
    pub fn contains(self, leg: usize) -> bool {
        leg < 32 && self.0 >> leg & 1 == 1
    }

    /// No leg is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The places of its legs, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..32).filter(move |&leg| self.contains(leg))
    }
}
