//! What is kept for good has a bound, and the step that would pass it is refused.

use oddsengine_engine::{Answer, Body, Command, Engine, Origin, Reason, Scope, ScopeSettings};
use oddsengine_facts::command::{CUSTOMERS_SET_MAX, SCOPES_MAX};
use oddsengine_types::{CustomerId, FixtureId};

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
