//! Places: how many and at which fraction by the field, ties over them, and lines of forecasts.

use crate::bounds::BoundsError;
use crate::grade::Grade;

use super::named::ways;
use super::plan::LINES_MAX;
use super::returns::Share;

/// Each-way terms: places and the fraction of the odds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceTerms {
    /// Places paid; 1 is win only.
    pub places: u16,
    /// Fraction of the winnings paid for a place.
    pub fraction: Share,
}

/// A row of terms by the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceBand {
    /// From so many runners on.
    pub runners_min: u16,
    /// Of handicaps only, or of other races only, or of both.
    pub handicap: Option<bool>,
    /// Places paid.
    pub places: u16,
    /// The fraction, as numerator and denominator.
    pub fraction: (u32, u32),
}

/// Terms of a house by the number of runners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldTerms {
    /// The house or body.
    pub house: &'static str,
    /// Its version: what a ticket is pinned to.
    pub version: u16,
    /// Rows, by runners ascending; the last that fits holds.
    pub bands: &'static [PlaceBand],
}

const fn band(runners_min: u16, handicap: Option<bool>, places: u16, below: u32) -> PlaceBand {
    PlaceBand { runners_min, handicap, places, fraction: (1, below) }
}

/// The terms of the package: British standard terms.
pub const FIELD_TERMS: [FieldTerms; 1] = [FieldTerms {
    house: "uk_standard",
    version: 1,
    bands: &[
        band(1, None, 1, 1),
        band(5, None, 2, 4),
        band(8, None, 3, 5),
        band(12, Some(true), 3, 4),
        band(16, Some(true), 4, 4),
    ],
}];

impl PlaceTerms {
    /// Terms of 1 to 65,535 places at a fraction of at most the whole.
    ///
    /// # Errors
    /// No place, or a fraction of 0 or above 1.
    pub fn new(places: u16, fraction: Share) -> Result<Self, BoundsError> {
        if places == 0 {
            return Err(BoundsError::outside("number of places", places, 1, u16::MAX));
        }
        let (above, below) = fraction.parts();
        if above == 0 || !fraction.is_part() {
            return Err(BoundsError::new(format!(
                "place fraction {above}/{below} is outside 0..=1 without 0"
            )));
        }
        Ok(Self { places, fraction })
    }

    /// The terms of a house for a field; `None` when there is no such house or version.
    ///
    /// ```
    /// # use oddsengine_types::bets::PlaceTerms;
    /// assert_eq!(PlaceTerms::of_field("uk_standard", 1, 16, true).unwrap().places, 4);
    /// assert_eq!(PlaceTerms::of_field("uk_standard", 1, 4, true).unwrap().places, 1); // win only
    /// ```
    pub fn of_field(house: &str, version: u16, runners: u16, is_handicap: bool) -> Option<Self> {
        let terms = FIELD_TERMS.iter().find(|terms| terms.house == house && terms.version == version)?;
        let fits = |band: &&PlaceBand| {
            band.runners_min <= runners.max(1) && band.handicap.is_none_or(|only| only == is_handicap)
        };
        let band = terms.bands.iter().rev().find(fits)?;
        let fraction = Share::new(band.fraction.0, band.fraction.1).ok()?;
        Some(Self { places: band.places, fraction })
    }
}

/// The grade for one of `places` places of a runner in position `position` (1 is first) that `tied` runners share; `None` is a runner that
/// did not run: void.
///
/// The tied runners share the places that are left to them: 6 tied third with 5 places is 3 of 6, so half of the stake wins and the rest is
/// lost. One place is the win.
///
/// ```
/// # use oddsengine_types::{Grade, bets::place_grade};
/// assert_eq!(place_grade(Some(1), 2, 1)?, Grade::new(1, 0, 2).unwrap()); // two tie for first: half the stake wins
/// assert_eq!(place_grade(Some(8), 6, 10)?, Grade::new(1, 0, 2).unwrap()); // six tie over three places
/// assert_eq!(place_grade(Some(4), 1, 3)?, Grade::LOST);
/// assert_eq!(place_grade(None, 1, 3)?, Grade::VOID);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
///
/// # Errors
/// A position, a number of tied runners or of places of 0.
pub fn place_grade(position: Option<u16>, tied: u16, places: u16) -> Result<Grade, BoundsError> {
    let Some(position) = position else {
        return Ok(Grade::VOID);
    };
    for (what, value) in [("position", position), ("tied runners", tied), ("number of places", places)] {
        if value == 0 {
            return Err(BoundsError::outside(what, value, 1, u16::MAX));
        }
    }
    let left = (u32::from(places) + 1).saturating_sub(u32::from(position)).min(u32::from(tied));
    Ok(Grade::new(left as u16, 0, tied).unwrap_or(Grade::LOST))
}

/// Lines of a bet on the first finishers in order, each place chosen from its own runners: a forecast of (1, 1), a combination tricast of
/// five runners as `combined`, which is 5 x 4 x 3.
///
/// # Errors
/// Fewer runners than places, or too many lines.
///
/// ```
/// # use oddsengine_types::bets::{ordered_lines, unordered_lines};
/// assert_eq!(ordered_lines(2, 2)?, 2); // reverse forecast
/// assert_eq!(ordered_lines(5, 3)?, 60); // combination tricast
/// assert_eq!(unordered_lines(5, 2)?, 10); // quinella, boxed
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn ordered_lines(runners: usize, places: usize) -> Result<u64, BoundsError> {
    let wrong = |lines: u128| BoundsError::outside("number of lines", lines, 1, LINES_MAX);
    if places == 0 || runners < places {
        return Err(BoundsError::outside("number of runners", runners, places.max(1), "any"));
    }
    let mut lines: u128 = 1;
    for step in 0..places {
        lines *= (runners - step) as u128;
        if lines > u128::from(LINES_MAX) {
            return Err(wrong(lines));
        }
    }
    Ok(lines as u64)
}

/// Lines of a bet on the first finishers in any order.
///
/// # Errors
/// As [`ordered_lines`].
pub fn unordered_lines(runners: usize, places: usize) -> Result<u64, BoundsError> {
    if places == 0 || runners < places {
        return Err(BoundsError::outside("number of runners", runners, places.max(1), "any"));
    }
    match ways(runners, places) {
        Some(lines) if lines <= LINES_MAX => Ok(lines),
        lines => Err(BoundsError::outside("number of lines", lines.unwrap_or(u64::MAX), 1, LINES_MAX)),
    }
}
