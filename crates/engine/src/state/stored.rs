//! What is stored of a fixture as bytes, and the way back.

use std::collections::{BTreeMap, BTreeSet};

use oddsengine_markets::{MarketId, SelectionId, Template};
use oddsengine_types::{Decode, DecodeError, Encode, Grade, Reader};

use super::fixture::{Fixture, StoredFixture};

impl Encode for StoredFixture {
    /// By names: places are not the same in every release.
    fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            template,
            request,
            live,
            parameters,
            priced_by,
            expectation,
            stops,
            interruptions,
            market_interruptions,
            fed_by,
            heard_ns,
            is_start_waived,
            is_void_by_desk,
            told_by_desk,
            void,
            version,
            grades,
            desk,
            told_grades,
            reviews,
            held,
            archived_count,
            over_ns,
        } = self;
        request.encode(out);
        live.encode(out);
        parameters.encode(out);
        priced_by.encode(out);
        expectation.encode(out);
        stops.encode(out);
        interruptions.encode(out);
        by_id(market_interruptions, template).encode(out);
        fed_by.encode(out);
        heard_ns.encode(out);
        is_start_waived.encode(out);
        is_void_by_desk.encode(out);
        let told_by_desk: BTreeSet<MarketId> =
            told_by_desk.iter().map(|&market| template.market_id(usize::from(market))).collect();
        told_by_desk.into_iter().collect::<Vec<MarketId>>().encode(out);
        void.encode(out);
        version.encode(out);
        let decided = grades.iter().enumerate().filter_map(|(selection, grade)| Some((selection, (*grade)?)));
        let decided = decided.map(|(selection, grade)| (template.selection_id(selection), grade));
        decided.collect::<BTreeMap<SelectionId, Grade>>().encode(out);
        by_id(desk, template).encode(out);
        by_id(told_grades, template).encode(out);
        let reviews = reviews
            .iter()
            .map(|(market, why)| (market.map(|market| template.market_id(usize::from(market))), why.clone()));
        let mut reviews: Vec<(Option<MarketId>, String)> = reviews.collect();
        reviews.sort_unstable();
        reviews.encode(out);
        by_id(held, template).encode(out);
        archived_count.encode(out);
        over_ns.encode(out);
    }
}

impl Fixture {
    /// Reads what is stored of a fixture that was just made from its request.
    ///
    /// # Errors
    /// Bytes that are no fixture, or not one of its sport.
    pub(crate) fn restore(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let template = self.template;
        let fixture = &mut *self.stored;
        fixture.live = Decode::decode(input)?;
        if !fixture.live.fits(&fixture.request.format, template) {
            let id = fixture.request.fixture;
            return Err(input.error(format!("the state of fixture {id} is not one of its sport")));
        }
        fixture.parameters = Decode::decode(input)?;
        fixture.priced_by = Decode::decode(input)?;
        fixture.expectation = Decode::decode(input)?;
        fixture.stops = Decode::decode(input)?;
        fixture.interruptions = Decode::decode(input)?;
        fixture.market_interruptions = by_index(BTreeMap::decode(input)?, template, input)?;
        fixture.fed_by = Decode::decode(input)?;
        fixture.heard_ns = Decode::decode(input)?;
        fixture.is_start_waived = Decode::decode(input)?;
        fixture.is_void_by_desk = Decode::decode(input)?;
        let told_by_desk: BTreeMap<MarketId, ()> =
            Vec::<MarketId>::decode(input)?.into_iter().map(|market| (market, ())).collect();
        fixture.told_by_desk = by_index(told_by_desk, template, input)?.into_keys().collect();
        fixture.void = Decode::decode(input)?;
        fixture.version = Decode::decode(input)?;
        for (selection, grade) in BTreeMap::<SelectionId, Grade>::decode(input)? {
            let Some(selection) = template.selection_of_id(selection) else {
                return Err(input.error(format!("the template has no selection {:016x}", selection.0)));
            };
            fixture.grades[selection] = Some(grade);
        }
        fixture.desk = by_index(BTreeMap::decode(input)?, template, input)?;
        fixture.told_grades = by_index(BTreeMap::decode(input)?, template, input)?;
        for (market, why) in Vec::<(Option<MarketId>, String)>::decode(input)? {
            let place = market.map(|market| {
                let place = template.market_of_id(market).map(|place| place as u16);
                place.ok_or_else(|| input.error(format!("the template has no market {:016x}", market.0)))
            });
            fixture.reviews.insert(place.transpose()?, why);
        }
        fixture.held = by_index(BTreeMap::decode(input)?, template, input)?;
        fixture.archived_count = Decode::decode(input)?;
        fixture.over_ns = Decode::decode(input)?;
        Ok(())
    }
}

/// What is kept by market, by the markets' places in this template.
fn by_index<T>(
    of_markets: BTreeMap<MarketId, T>,
    template: &Template,
    input: &Reader<'_>,
) -> Result<BTreeMap<u16, T>, DecodeError> {
    let named = of_markets.into_iter().map(|(market, value)| match template.market_of_id(market) {
        Some(index) => Ok((index as u16, value)),
        None => Err(input.error(format!("the template has no market {:016x}", market.0))),
    });
    named.collect()
}

/// The same by name: a place is not the same in every release.
fn by_id<T: Clone>(of_markets: &BTreeMap<u16, T>, template: &Template) -> BTreeMap<MarketId, T> {
    let named =
        of_markets.iter().map(|(&market, value)| (template.market_id(usize::from(market)), value.clone()));
    named.collect()
}
