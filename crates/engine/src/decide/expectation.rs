//! What a trader expects of a match, and how it stands beside what feeds say.
//!
//! Without a mode it stands until the next prices of a feed, and who set it is told when they come. With one it stands until it
//! is released: prices of feeds are noted beside it, and move what it leaves to them.

use oddsengine_facts::{Expectation, ExpectationMode, Fact, Reason};
use oddsengine_pricing::model::{MarketPrices, Parameters};
use oddsengine_types::{BoundsError, FixtureId};

use super::out_of_bounds;
use crate::state::State;
use crate::step::{Refusal, Step};

/// Largest supremacy and total, in millionths.
const EXPECTATION_E6_MAX: i64 = 400_000_000;
/// All of a blend.
const WEIGHT_E3_MAX: u32 = 1_000;
const CAUSE: &str = "set_expectation";

/// What a trader said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub supremacy_e6: i64,
    pub total_e6: i64,
    pub weight_e3: u32,
}

pub(super) fn parameters_set(fixture: FixtureId, parameters: &Parameters, by: &str, cause: &str) -> Fact {
    Fact::ParametersSet {
        fixture,
        parameters: parameters.record(),
        by: by.to_owned(),
        cause: cause.to_owned(),
    }
}

impl Step<'_> {
    pub(super) fn set_expectation(
        &mut self,
        id: FixtureId,
        asked: Asked,
        mode: Option<ExpectationMode>,
        by: &str,
    ) -> Result<(), Refusal> {
        let index = self.open_fixture(id)?;
        if mode == Some(ExpectationMode::Release) {
            return self.release_expectation(index, by);
        }
        for (what, value) in [("supremacy_e6", asked.supremacy_e6), ("total_e6", asked.total_e6)] {
            if !(-EXPECTATION_E6_MAX..=EXPECTATION_E6_MAX).contains(&value) {
                let (low, high) = (-EXPECTATION_E6_MAX, EXPECTATION_E6_MAX);
                return Err(out_of_bounds(BoundsError::outside(what, value, low, high)));
            }
        }
        if asked.weight_e3 > WEIGHT_E3_MAX {
            return Err(out_of_bounds(BoundsError::outside("weight_e3", asked.weight_e3, 0, WEIGHT_E3_MAX)));
        }
        let fixture = &self.fixtures[index];
        let feed = match &fixture.expectation {
            Some(before) => before.feed.clone(),
            None => fixture.parameters.as_ref().map(Parameters::record),
        };
        let expectation = Expectation {
            mode: mode.unwrap_or(ExpectationMode::Hold),
            supremacy_e6: asked.supremacy_e6,
            total_e6: asked.total_e6,
            weight_e3: asked.weight_e3,
            owner: by.to_owned(),
            since_ns: self.now_ns,
            feed,
        };
        let of_feed = of_record(&expectation)?;
        let parameters = self.expected(index, &expectation, of_feed.as_ref())?;
        match mode {
            Some(_) => {
                self.fact(Fact::ExpectationSet { fixture: id, expectation: Some(Box::new(expectation)) });
            }
            None if self.fixtures[index].expectation.is_some() => {
                self.fact(Fact::ExpectationSet { fixture: id, expectation: None });
            }
            None => {}
        }
        self.fact(parameters_set(id, &parameters, by, CAUSE));
        self.stop_moved(index, false);
        Ok(())
    }

    /// What feeds said last stands again; where they said nothing, what stands stays.
    fn release_expectation(&mut self, index: usize, by: &str) -> Result<(), Refusal> {
        let fixture = &self.fixtures[index];
        let id = fixture.id();
        let Some(expectation) = &fixture.expectation else {
            return Err((Reason::OutOfSequence, format!("no expectation stands on fixture {id}")));
        };
        let of_feed = of_record(expectation)?;
        self.fact(Fact::ExpectationSet { fixture: id, expectation: None });
        if let Some(parameters) = of_feed {
            self.fact(parameters_set(id, &parameters, by, "release"));
            self.stop_moved(index, false);
        }
        Ok(())
    }

    /// Prices of somebody else end an expectation without a mode: whoever set it hears of it.
    pub(super) fn tell_replaced(&mut self, index: usize, by: &str) {
        let fixture = &self.fixtures[index];
        let before = &fixture.priced_by;
        if fixture.expectation.is_none() && before.cause == CAUSE && before.by != by {
            let id = fixture.id();
            let message = format!("prices of {by} replace the expectation of {} on fixture {id}", before.by);
            self.alert("expectation_replaced", Some(id), message);
        }
    }
}

impl State {
    /// What prices of a feed lead to: the expectation that stands, with what they say beside it, and the parameters.
    pub(super) fn parameters_of_prices(
        &self,
        index: usize,
        markets: &[MarketPrices<'_>],
    ) -> Result<(Option<Expectation>, Parameters), Refusal> {
        let fixture = &self.fixtures[index];
        let recalibrate = |before: Option<&Parameters>| {
            let models = &self.derived.models;
            let found = models.recalibrate(&fixture.request.format, fixture.template, before, markets);
            found.map_err(out_of_bounds)
        };
        let Some(standing) = &fixture.expectation else {
            return Ok((None, recalibrate(fixture.parameters.as_ref())?));
        };
        let of_feed = recalibrate(of_record(standing)?.as_ref())?;
        let expectation = Expectation { feed: Some(of_feed.record()), ..standing.clone() };
        let parameters = self.expected(index, &expectation, Some(&of_feed))?;
        Ok((Some(expectation), parameters))
    }

    /// The parameters by an expectation beside what feeds say.
    fn expected(
        &self,
        index: usize,
        expectation: &Expectation,
        of_feed: Option<&Parameters>,
    ) -> Result<Parameters, Refusal> {
        let fixture = &self.fixtures[index];
        let (format, models) = (&fixture.request.format, &self.derived.models);
        let (supremacy, total) = (expectation.supremacy_e6 as f64 / 1e6, expectation.total_e6 as f64 / 1e6);
        let expect = |supremacy, total| {
            models.with_expectation(format, of_feed, supremacy, total).map_err(out_of_bounds)
        };
        if expectation.mode == ExpectationMode::Hold {
            return expect(supremacy, total);
        }
        let Some(said) = of_feed else {
            let mode = expectation.mode.name();
            return Err((
                Reason::NoPrice,
                format!("{mode}: no feed has priced fixture {} yet", fixture.id()),
            ));
        };
        // A sport without such a thing says so itself.
        let Some((of_supremacy, of_total)) = models.expectation(format, said) else {
            return expect(supremacy, total);
        };
        if expectation.mode == ExpectationMode::Offset {
            return expect(of_supremacy + supremacy, of_total + total);
        }
        let share = f64::from(expectation.weight_e3) / f64::from(WEIGHT_E3_MAX);
        let mix = |own: f64, other: f64| share * own + (1.0 - share) * other;
        expect(mix(supremacy, of_supremacy), mix(total, of_total))
    }
}

fn of_record(expectation: &Expectation) -> Result<Option<Parameters>, Refusal> {
    let of_feed = expectation.feed.as_ref().map(Parameters::from_record).transpose();
    of_feed.map_err(|error| (Reason::ValueOutOfBounds, error.to_string()))
}
