//! What is kept for good has a bound, and the step that would pass it is refused.

use oddsengine_engine::{Answer, Body, Command, Engine, Origin, Reason, Scope, ScopeSettings};
use oddsengine_facts::command::{
    CUSTOMERS_SET_MAX, MODEL_INPUTS_MAX, PRICED_MARKETS_MAX, SCOPES_MAX, SPACES_MAX,
};
use oddsengine_facts::{FixtureRequest, PricedMarket};
use oddsengine_markets::Format;
use oddsengine_markets::custom::{SpaceDefinition, SpaceId, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_types::{CustomerId, FixtureId, Grade};

fn answer(engine: &mut Engine, body: Body) -> Answer {
    engine.apply(&Command { time_ns: 1, origin: Origin::default(), body }).answer
}

fn is_out_of_bounds(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. })
}

/// Settings of scopes had no bound: a desk's tool that sets one for each fixture ever played grows the state for good.
#[test]
fn a_scope_too_many_is_refused_and_an_emptied_one_frees_its_place() {
    let mut engine = Engine::default();
    let delay = ScopeSettings { bet_delay_ms: Some(1), ..ScopeSettings::default() };
    let set = |fixture: usize, settings| Body::SetScope {
        scope: Scope::Fixture(FixtureId(fixture as u64)),
        settings,
    };
    for fixture in 1..=SCOPES_MAX {
        assert!(!is_out_of_bounds(&answer(&mut engine, set(fixture, delay))), "scope {fixture}");
    }
    assert!(is_out_of_bounds(&answer(&mut engine, set(SCOPES_MAX + 1, delay))));
    assert!(!is_out_of_bounds(&answer(&mut engine, set(1, delay))), "one that is there may change");
    assert!(!is_out_of_bounds(&answer(&mut engine, set(1, ScopeSettings::default()))));
    assert!(!is_out_of_bounds(&answer(&mut engine, set(SCOPES_MAX + 1, delay))), "and a place is free");
}

/// Factors of customers had no bound either.
#[test]
fn a_customer_too_many_with_a_factor_is_refused() {
    let mut engine = Engine::default();
    let set = |customer: usize| Body::SetCustomer { customer: CustomerId(customer as u64), factor_e3: 500 };
    for customer in 1..=CUSTOMERS_SET_MAX {
        answer(&mut engine, set(customer));
    }
    assert!(!is_out_of_bounds(&answer(&mut engine, set(CUSTOMERS_SET_MAX))), "one that is there may change");
    assert!(is_out_of_bounds(&answer(&mut engine, set(CUSTOMERS_SET_MAX + 1))));
}

fn space(number: usize) -> SpaceDefinition {
    let toss = SpaceMarket {
        key: "toss".into(),
        view: 0,
        winners: 1,
        selections: vec![SpaceSelection { name: "heads".into(), grades: vec![Grade::WON, Grade::LOST] }],
    };
    SpaceDefinition {
        name: format!("coin_{number}"),
        outcome_count: 2,
        views: vec![SpaceView { name: "side".into(), cell_of_outcome: vec![0, 1] }],
        markets: vec![toss],
    }
}

fn fixture(fixture: u64, format: Format) -> Body {
    Body::AddFixture(Box::new(FixtureRequest {
        fixture: FixtureId(fixture),
        format,
        competition: "cup".into(),
        start_ns: 0,
        home: "Alba".into(),
        away: "Bruma".into(),
        entrants: Vec::new(),
    }))
}

/// A space is kept for good, with its template: no test had seen the one too many refused.
#[test]
fn a_space_too_many_is_refused() {
    let mut engine = Engine::default();
    let define = |number| Body::DefineSpace(Box::new(space(number)));
    for number in 1..=SPACES_MAX {
        assert_eq!(answer(&mut engine, define(number)), Answer::Done, "space {number}");
    }
    assert!(is_out_of_bounds(&answer(&mut engine, define(SPACES_MAX + 1))));
    assert_eq!(answer(&mut engine, define(1)), Answer::Done, "one that is there may be told again");
}

/// Neither had these: what a command of the process itself hands in was not seen at its bound.
#[test]
fn inputs_and_priced_markets_too_many_are_refused() {
    let mut engine = Engine::default();
    answer(&mut engine, Body::DefineSpace(Box::new(space(1))));
    answer(&mut engine, fixture(1, Format::Custom(SpaceId::of("coin_1"))));
    let inputs = |count| Body::SetModelInputs { fixture: FixtureId(1), inputs: vec![0.5; count] };
    assert_eq!(answer(&mut engine, inputs(MODEL_INPUTS_MAX)), Answer::Done);
    assert!(is_out_of_bounds(&answer(&mut engine, inputs(MODEL_INPUTS_MAX + 1))));

    answer(&mut engine, fixture(2, Format::FOOTBALL));
    let template = engine.fixture(FixtureId(2)).unwrap().template();
    // Totals, each at its own price: whether they can be believed is looked at one by one, and behind the count.
    let prices = |count: usize| {
        let of_market = |market| PricedMarket {
            market: template.market_id(market),
            odds_e4: vec![0; template.markets[market].selections().len()],
        };
        Body::SetPrices { fixture: FixtureId(2), prices: (0..count).map(of_market).collect() }
    };
    let refusal = |answer: Answer| match answer {
        Answer::Refused { detail, .. } => detail,
        other => panic!("{other:?}"),
    };
    let beyond = refusal(answer(&mut engine, prices(PRICED_MARKETS_MAX + 1)));
    assert_eq!(
        beyond,
        format!("priced markets {} is outside 1..={PRICED_MARKETS_MAX}", PRICED_MARKETS_MAX + 1)
    );
    let within = refusal(answer(&mut engine, prices(PRICED_MARKETS_MAX)));
    assert!(!within.starts_with("priced markets"), "{within}");
}
