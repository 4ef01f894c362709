//! The plan of a ticket: which bets it makes of its legs.

use oddsengine_engine::{EachWayLeg, PlanRequest};
use oddsengine_markets::racing::PlaceTerms;
use oddsengine_types::MONEY_MINOR_MAX;
use oddsengine_types::bets::{BETS_MAX, Bet, Parts, named};
use oddsengine_types::bounds::LEGS_MAX;

use super::bounds;
use crate::error::FeedError;
use crate::json::{Field, Object};

/// Names of the parts of its legs that a bet is on.
pub const PARTS: [(&str, Parts); 4] = [
    ("win", Parts::Win),
    ("place", Parts::Place),
    ("each_way", Parts::EachWay),
    ("equally_divided", Parts::EquallyDivided),
];

/// The plan of a request, if it has one.
pub(super) fn plan(message: &Object<'_>, leg_count: usize) -> Result<Option<Box<PlanRequest>>, FeedError> {
    let Some(bets) = message.optional("bets") else { return Ok(None) };
    let mut plan = PlanRequest::default();
    for item in bets.items(1..=BETS_MAX)? {
        plan.bets.push(bet(item.object()?, leg_count).map_err(|error| error.within(item))?);
    }
    let Some(places) = message.optional("each_way") else { return Ok(Some(Box::new(plan))) };
    for item in places.items(1..=LEGS_MAX)? {
        plan.each_way.push(each_way(item.object()?, leg_count).map_err(|error| error.within(item))?);
    }
    Ok(Some(Box::new(plan)))
}

fn bet(bet: &Object<'_>, leg_count: usize) -> Result<Bet, FeedError> {
    let all = if leg_count >= LEGS_MAX { u64::MAX >> 1 } else { (1 << leg_count) - 1 };
    let bankers = bet.optional("bankers").map_or(Ok(0), |field| legs(field, leg_count))?;
    let chosen = bet.optional("legs").map_or(Ok(all & !bankers), |field| legs(field, leg_count))?;
    let count = chosen.count_ones() as usize;
    let sizes = match (bet.optional("system"), bet.optional("sizes")) {
        (Some(system), Some(_)) => return Err(both(system)),
        (Some(system), None) => of_system(system, count)?,
        (None, Some(sizes)) => {
            let mut mask = 0;
            for size in sizes.items(1..=LEGS_MAX + 1)? {
                mask |= 1_u64 << size.integer(0..=LEGS_MAX as u64)?;
            }
            mask
        }
        (None, None) => 1 << count,
    };
    let stake = |field: Field<'_, '_>| field.integer(1..=MONEY_MINOR_MAX);
    Ok(Bet {
        legs: chosen,
        bankers,
        sizes,
        stake_minor: bet.optional("line_stake_minor").map_or(Ok(0), stake)?,
        stake_of: 1,
        parts: bet.optional("parts").map_or(Ok(Parts::Win), |field| field.choice(&PARTS))?,
        bonus: 0,
    })
}

/// Places among the legs as a mask.
fn legs(field: Field<'_, '_>, leg_count: usize) -> Result<u64, FeedError> {
    let mut mask = 0;
    for leg in field.items(1..=LEGS_MAX)? {
        let last = leg_count.min(LEGS_MAX).saturating_sub(1);
        mask |= 1_u64 << leg.integer(0..=last as u64)?;
    }
    Ok(mask)
}

#[cold]
fn both(system: Field<'_, '_>) -> FeedError {
    let name = system.text(bounds::KEY_BYTES_MAX).unwrap_or_default();
    FeedError::new(
        FeedError::OUT_OF_RANGE,
        format!("system {name:?} has sizes of its own, and sizes are given"),
    )
}

fn of_system(system: Field<'_, '_>, leg_count: usize) -> Result<u64, FeedError> {
    let name = system.text(bounds::KEY_BYTES_MAX)?;
    let Some(known) = named(name) else {
        let names: Vec<&str> = oddsengine_types::bets::NAMES.iter().map(|known| known.name).collect();
        return Err(system.unknown_value(name, &names));
    };
    let found = known.bet(leg_count.max(1), 1);
    found.map(|bet| bet.sizes).map_err(|error| FeedError::new(FeedError::OUT_OF_RANGE, error.to_string()))
}

fn each_way(place: &Object<'_>, leg_count: usize) -> Result<EachWayLeg, FeedError> {
    let last = leg_count.min(LEGS_MAX).saturating_sub(1);
    let leg = place.required("leg")?.integer(0..=last as u64)? as u8;
    let terms = match place.optional("places") {
        None => None,
        Some(places) => Some(PlaceTerms {
            places: places.integer(1..=u64::from(u8::MAX))? as u8,
            fraction_of: place.required("fraction_of")?.integer(1..=u64::from(PlaceTerms::FRACTION_OF_MAX))?
                as u8,
        }),
    };
    Ok(EachWayLeg { leg, terms })
}
