//! Each-way terms: how many places, and at which fraction of the odds.

use oddsengine_types::{BoundsError, bets, codec_struct};

use super::PLACES_MAX;

/// How many places an each-way bet pays, and what fraction of the odds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceTerms {
    /// Places that pay, 2 to [`PLACES_MAX`].
    pub places: u8,
    /// The place pays one part in so many of the odds, 1 to [`PlaceTerms::FRACTION_OF_MAX`]: 5 is a fifth.
    pub fraction_of: u8,
}
codec_struct!(PlaceTerms { places, fraction_of });

impl PlaceTerms {
    /// Smallest fraction: a tenth.
    pub const FRACTION_OF_MAX: u8 = 10;

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// A field outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        if !(2..=PLACES_MAX).contains(&self.places) {
            return Err(BoundsError::outside("places", self.places, 2, PLACES_MAX));
        }
        if !(1..=Self::FRACTION_OF_MAX).contains(&self.fraction_of) {
            return Err(BoundsError::outside("fraction_of", self.fraction_of, 1, Self::FRACTION_OF_MAX));
        }
        Ok(())
    }
}

/// The usual British and Irish terms for a number of runners; `None` where bets are win only.
///
/// | runners | terms |
/// |---|---|
/// | up to 4 | win only |
/// | 5 to 7 | a quarter, 2 places |
/// | 8 and more | a fifth, 3 places |
/// | handicap of 12 to 15 | a quarter, 3 places |
/// | handicap of 16 and more | a quarter, 4 places |
///
/// ```
/// use oddsengine_markets::racing::{PlaceTerms, standard_terms};
/// assert_eq!(standard_terms(8, false), Some(PlaceTerms { places: 3, fraction_of: 5 }));
/// assert_eq!(standard_terms(4, true), None);
/// ```
pub fn standard_terms(runner_count: u8, is_handicap: bool) -> Option<PlaceTerms> {
    // One place is the win alone.
    let terms = bets::PlaceTerms::of_field("uk_standard", 1, runner_count.into(), is_handicap)?;
    let (places, fraction_of) = (terms.places as u8, terms.fraction.parts().1 as u8);
    (places > 1).then_some(PlaceTerms { places, fraction_of })
}
