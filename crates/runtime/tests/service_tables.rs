//! Tables in pages: bounds of what is kept and of what one page looks through, and who may see whose rows.

mod service_support;

use oddsengine_engine::Config;
use oddsengine_runtime::service::bounds::ROWS_EXAMINED_MAX;
use oddsengine_runtime::service::{
    COMMANDS_KEPT_MAX, Customers, Door, Grants, Rights, Service, ServiceOptions,
};
use serde_json::{Value, json};
use service_support::{FIXTURE, START_NS, World, options};

fn deposit(number: u64, customer: u64) -> Value {
    json!({"type": "deposit", "transfer": format!("{number:032x}"), "customer": customer, "amount_minor": 1_000,
        "currency": "EUR"})
}

fn rows(page: &Value) -> &Vec<Value> {
    page["rows"].as_array().unwrap_or_else(|| panic!("{page}"))
}

/// What a desk did was in the journal alone: nobody who was connected could list it. The last commands are kept, each with
/// what became of it, and a page says up to which record they are not.
#[test]
fn the_last_commands_of_the_desk_are_kept() {
    let mut world = World::new(None);
    world.fixture(FIXTURE);
    world.turn();
    let count = COMMANDS_KEPT_MAX as u64 + 100;
    for number in 0..count {
        let kind = if number % 2 == 0 { "suspend" } else { "resume" };
        world.order("a", json!({"type": kind, "source": "alice", "fixture": FIXTURE}));
        if number % 500 == 0 {
            world.turn();
        }
    }
    world.order("a", deposit(1, 7));
    world.turn();
    let (mut found, mut after, mut before) = (Vec::new(), Some(String::new()), 0);
    while let Some(cursor) = after {
        let mut request = json!({"type": "table", "table": "commands", "limit": 256});
        if !cursor.is_empty() {
            request["after"] = cursor.into();
        }
        let page = world.answer(request);
        assert!(rows(&page).len() <= 256);
        found.extend(rows(&page).iter().map(|row| row["number"].as_u64().unwrap()));
        before = page["before"].as_u64().unwrap();
        after = page["next"].as_str().map(str::to_owned);
    }
    // Those of the feed and of customers are not among them.
    assert_eq!(found.len(), COMMANDS_KEPT_MAX);
    assert!(found.is_sorted_by(|one, two| one + 1 == *two), "every one in order, without gaps");
    assert_eq!(before + 1, found[0], "the page says up to which record they are gone");
}

/// A filter that nothing passes looks through a whole table: a page of it has a bound, and says where to go on.
#[test]
fn a_page_of_a_table_looks_through_so_many() {
    let mut world = World::of(
        Service::start(ServiceOptions {
            config: Config { fixtures_max: 50_000, ..Config::default() },
            ..options(None)
        })
        .unwrap(),
    );
    let count = ROWS_EXAMINED_MAX as u64 + 10;
    for fixture in 1..=count {
        world
            .ingest(json!({"type": "fixture", "fixture": fixture, "sport": "football", "competition": "cup",
            "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}));
        world.order(
            "a",
            json!({"type": "set_scope", "source": "alice", "bet_delay_ms": 1,
            "scope": {"level": "competition", "competition": format!("cup_{fixture:05}")}}),
        );
        if fixture % 500 == 0 {
            world.turn();
        }
    }
    world.turn();
    let page = world.answer(json!({"type": "fixtures", "sport": "tennis"}));
    assert_eq!((page["fixtures"].as_array().unwrap().len(), &page["next"]), (0, &json!(ROWS_EXAMINED_MAX)));
    let page = world.answer(json!({"type": "fixtures", "sport": "tennis", "after": page["next"]}));
    assert_eq!((page["fixtures"].as_array().unwrap().len(), &page["next"]), (0, &Value::Null));

    let page = world.answer(json!({"type": "table", "table": "scopes", "fixture": 1}));
    assert_eq!(rows(&page).len(), 0);
    let rest = world.answer(json!({"type": "table", "table": "scopes", "fixture": 1, "after": page["next"]}));
    assert_eq!((rows(&rest).len(), &rest["next"]), (0, &Value::Null));
}

/// A cursor is a place that stays: scopes that come and go between two pages move nothing that is still to be told.
#[test]
fn a_cursor_of_scopes_outlives_what_was_there() {
    let mut world = World::new(None);
    let scope = |name: &str| json!({"level": "competition", "competition": name});
    let set = |world: &mut World, name: &str, delay: Value| {
        let mut request = json!({"type": "set_scope", "source": "alice", "scope": scope(name)});
        if !delay.is_null() {
            request["bet_delay_ms"] = delay;
        }
        assert_eq!(world.answer(request)["type"], "done");
    };
    for name in ["a", "c", "e", "g"] {
        set(&mut world, name, 5.into());
    }
    let page = world.answer(json!({"type": "table", "table": "scopes", "limit": 2}));
    let names = |page: &Value| -> Vec<String> {
        rows(page).iter().map(|row| row["competition"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page), ["a", "c"]);
    // The last one told goes, one before it and one behind it come.
    set(&mut world, "c", Value::Null);
    set(&mut world, "b", 5.into());
    set(&mut world, "f", 5.into());
    let rest = world.answer(json!({"type": "table", "table": "scopes", "after": page["next"]}));
    assert_eq!(names(&rest), ["e", "f", "g"]);
}

/// `tickets` could be asked for all customers or not at all: a shop with some of them asks for those, and for no others.
#[test]
fn who_may_act_for_some_customers_sees_their_rows_and_no_others() {
    let mut world = World::new(None);
    let shop = Grants { orders: Some(Customers::of_ranges([7..=9]).unwrap()), ..Grants::default() };
    let cashier = Grants { wallet: true, ..Grants::default() };
    for number in 1..=3 {
        world.order("a", deposit(number, 6 + number));
    }
    world.turn();
    let mut rights = Rights::default();
    rights.set_door(Door::Orders, shop);
    world.service.set_rights(rights);
    let kind = |world: &mut World, request: Value| world.answer(request)["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&mut world, json!({"type": "tickets", "customer": 8})), "tickets");
    assert_eq!(kind(&mut world, json!({"type": "settlements", "customer": 9})), "settlements");
    assert_eq!(kind(&mut world, json!({"type": "tickets", "customer": 10})), "refused");
    assert_eq!(kind(&mut world, json!({"type": "tickets"})), "refused");
    assert_eq!(kind(&mut world, json!({"type": "table", "table": "balances", "customer": 8})), "table");
    for table in ["balances", "customers", "scopes", "commands"] {
        assert_eq!(kind(&mut world, json!({"type": "table", "table": table})), "refused", "{table}");
    }
    assert_eq!(kind(&mut world, json!({"type": "explain", "fixture": 1})), "refused");
    let mut rights = Rights::default();
    rights.set_door(Door::Orders, cashier);
    world.service.set_rights(rights);
    let page = world.answer(json!({"type": "table", "table": "balances"}));
    assert_eq!(rows(&page).len(), 3);
    assert_eq!(kind(&mut world, json!({"type": "table", "table": "commands"})), "refused");
}

/// A preview was asked of the journal by hand, ticket by ticket. It tells the tickets, their customers and their money in
/// pages, each of which looks through so many; and what is annulled, waits for a second key or is under review is a table.
#[test]
fn what_an_annulment_would_touch_is_told_in_pages() {
    let config = Config { bet_delay_ms: 0, ..Config::default() };
    let mut world = World::of(Service::start(ServiceOptions { config, ..options(None) }).unwrap());
    world.fixture(FIXTURE);
    world.turn();
    world.order("a", service_support::deposit(1, 7, 1_000_000));
    world.turn();
    for number in 1..=20 {
        let leg = world.leg(FIXTURE, "1x2", "home");
        world.order("a", service_support::ticket(number, 7, 100, vec![leg]));
        world.turn();
    }
    let ask = |world: &mut World, after: Option<String>| {
        let mut request = json!({"type": "table", "table": "annulment_preview", "effect": "cancel",
            "fixture": FIXTURE, "limit": 8});
        if let Some(after) = after {
            request["after"] = after.into();
        }
        world.answer(request)
    };
    let (mut sizes, mut after, mut stakes) = (Vec::new(), None, 0);
    loop {
        let page = ask(&mut world, after);
        sizes.push(rows(&page).len());
        stakes += rows(&page).iter().map(|row| row["stake_minor"].as_i64().unwrap()).sum::<i64>();
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((sizes, stakes), (vec![8, 8, 4], 2_000));
    let nothing = world.answer(json!({"type": "table", "table": "annulment_preview", "effect": "cancel"}));
    assert_eq!((&nothing["type"], &nothing["code"]), (&json!("error"), &json!("out_of_range")), "{nothing}");
    let annulment = format!("{:032x}", 5);
    let done = world.answer(json!({"type": "annul", "source": "alice", "annulment": annulment,
        "effect": "cancel", "fixture": FIXTURE, "why": "a test"}));
    assert_eq!(done["type"], "done", "{done}");
    let known = world.answer(json!({"type": "table", "table": "annulments"}));
    assert_eq!(rows(&known)[0]["annulment"], json!(annulment));
    assert_eq!(rows(&known)[0]["changed_count"], 20);
    assert_eq!(rows(&known)[0]["done"], true);
}
