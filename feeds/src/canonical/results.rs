//! How markets ended, what is annulled, reviewed and approved.

use oddsengine_engine::annulment::WHY_BYTES_MAX;
use oddsengine_engine::{AnnulmentEffect, AnnulmentRequest, Body, Certainty, ResultTold};
use oddsengine_markets::template::SELECTIONS_MAX;
use oddsengine_types::{CustomerId, FixtureId, Grade};

use super::parts::{fixture_id, flag, market_id, optional_market_id};
use crate::error::FeedError;
use crate::json::{Field, Object};

/// Largest number of runners that share places in a dead-heat factor.
const SHARED_BY_MAX: u32 = 64;

/// Grades of a market's selections, or results with factors; how sure that is, and when it was decided.
pub fn settle_market(message: &Object<'_>) -> Result<Body, FeedError> {
    let grades = |field: Field<'_, '_>| field.items(1..=SELECTIONS_MAX)?.map(|item| item.grade()).collect();
    let results = |field: Field<'_, '_>| {
        field.items(1..=SELECTIONS_MAX)?.map(result).collect::<Result<Vec<Grade>, _>>()
    };
    let grades: Option<Vec<Grade>> = match message.optional("results") {
        Some(field) => Some(results(field)?),
        None => message.nullable("grades")?.map(grades).transpose()?,
    };
    let (fixture, market) = (fixture_id(message)?, market_id(message)?);
    let certainty = message.optional("certainty");
    let happened_ns = message.optional("happened_ns").map_or(Ok(0), |field| field.integer(0..=i64::MAX))?;
    let is_correction = flag(message, "correction")?;
    let Some(grades) = grades.clone().filter(|_| certainty.is_some() || happened_ns != 0 || is_correction)
    else {
        return Ok(Body::SettleMarket { fixture, market, grades });
    };
    let choices = Certainty::ALL.map(|certainty| (certainty.name(), certainty));
    let certainty = certainty.map_or(Ok(Certainty::Confirmed), |field| field.choice(&choices))?;
    Ok(Body::TellResult(Box::new(ResultTold {
        fixture,
        market,
        grades,
        certainty,
        happened_ns,
        is_correction,
    })))
}

/// What a selection pays: won or lost, of which a share is void, and of which a win is shared. A factor that is absent
/// takes nothing away.
fn result(field: Field<'_, '_>) -> Result<Grade, FeedError> {
    let object = field.object()?;
    let grade = || {
        let is_won = object.required("result")?.choice(&[("won", true), ("lost", false)])?;
        let void = object.optional("void_factor");
        let halves = void.map_or(Ok(0), |field| field.multiple(2, 0.0, 1.0))?;
        let (shared_win, shared_of) = match object.optional("dead_heat_factor") {
            None => (1, 1),
            Some(factor) => match share_of(factor.decimal(0.0, 1.0)?) {
                // A winner times nothing: one of the two is wrong, and neither is paid.
                (0, _) if is_won && halves < 2 => {
                    let message = "dead_heat_factor 0 contradicts a result that is won\nhint: leave it out where nothing is shared";
                    return Err(FeedError::new(FeedError::OUT_OF_RANGE, message));
                }
                share => share,
            },
        };
        let of = 2 * shared_of;
        let win = if is_won { (2 - halves as u32) * shared_win } else { 0 };
        let shares = (win as u16, (halves as u32 * shared_of) as u16, of as u16);
        Ok(Grade::new(shares.0, shares.1, shares.2).expect("shares of a stake are within it"))
    };
    grade().map_err(|error| error.within(field))
}

/// The share that a factor of few digits stands for: 0.3333 is a third, 0.6667 two. What is no share of few is itself.
fn share_of(factor: f64) -> (u32, u32) {
    let e4 = (factor * 10_000.0).round() as u32;
    let is_it = |&of: &u32| {
        let win = (e4 * of + 5_000) / 10_000;
        (win * 10_000 + of / 2) / of == e4 || win * 10_000 / of == e4
    };
    match (1..=SHARED_BY_MAX).find(is_it) {
        Some(of) => ((e4 * of + 5_000) / 10_000, of),
        None => (e4, 10_000),
    }
}

/// Which tickets are voided or cancelled.
pub fn annulment(message: &Object<'_>, annulment: u128) -> Result<AnnulmentRequest, FeedError> {
    let effects = AnnulmentEffect::ALL.map(|effect| (effect.name(), effect));
    let time = |name| message.optional(name).map(|field| field.integer(0..=i64::MAX)).transpose();
    let number = |name| message.optional(name).map(|field| field.integer(0..=u64::MAX)).transpose();
    Ok(AnnulmentRequest {
        annulment,
        effect: message.required("effect")?.choice(&effects)?,
        customer: number("customer")?.map(CustomerId),
        fixture: number("fixture")?.map(FixtureId),
        market: optional_market_id(message)?,
        from_ns: time("from_ns")?,
        until_ns: time("until_ns")?,
        why: message.optional("why").map_or(Ok(""), |field| field.text(WHY_BYTES_MAX))?.to_owned(),
    })
}

pub fn annul(message: &Object<'_>) -> Result<Body, FeedError> {
    Ok(Body::Annul(Box::new(annulment(message, message.required("annulment")?.id128()?)?)))
}

pub fn take_back_annulment(message: &Object<'_>) -> Result<Body, FeedError> {
    Ok(Body::TakeBackAnnulment { annulment: message.required("annulment")?.id128()? })
}

pub fn set_review(message: &Object<'_>) -> Result<Body, FeedError> {
    let (fixture, market) = (fixture_id(message)?, optional_market_id(message)?);
    let why = message.nullable("why")?.map(|field| field.text(WHY_BYTES_MAX)).transpose()?;
    Ok(Body::SetReview { fixture, market, why: why.map(str::to_owned) })
}

pub fn action(message: &Object<'_>) -> Result<u32, FeedError> {
    message.required("action")?.integer(1..=u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A feed gives four digits of a share; a third told as 0.3333 that is paid as 3,333 of 10,000 costs a winner of
    /// 1,000,000.00 thirty-three of them.
    #[test]
    fn a_factor_of_four_digits_is_the_share_that_it_stands_for() {
        for of in 1..=12_u32 {
            for win in 0..=of {
                let exact = f64::from(win) / f64::from(of);
                for told in [(exact * 1e4).round() / 1e4, (exact * 1e4).floor() / 1e4] {
                    let (found, found_of) = share_of(told);
                    assert_eq!(found * of, win * found_of, "{told} of {win}/{of} is {found}/{found_of}");
                }
            }
        }
        assert_eq!(share_of(0.1234), (1_234, 10_000));
    }
}
