//! Answers in pages: each has a bound, together they are the whole, and nothing that was there all the time is left out.

mod service_support;

use std::collections::BTreeSet;

use oddsengine_engine::Config;
use oddsengine_feeds::{RequestBody, decode_order};
use oddsengine_runtime::service::bounds::{
    COMPETITIONS_EXAMINED_PER_PAGE, FIXTURES_EXAMINED_PER_PAGE, FIXTURES_EXAMINED_PER_SLICE,
    FIXTURES_PER_PAGE, IMAGE_PAGES_WAITING_MAX, IMAGE_PAGES_WITHOUT_PAUSE, IMAGE_PAUSE_NS, IMAGES_PER_SLICE,
    LEVELS_PER_PAGE, PAGE_BYTES_MAX, SELECTIONS_PER_PAGE,
};
use oddsengine_runtime::service::{HEAVY_WEIGHT, Service, ServiceOptions};
use oddsengine_types::FixtureId;
use serde_json::{Value, json};
use service_support::*;

/// Limits that no bet of these tests reaches.
fn wide() -> World {
    let wide = 100_000_000_000;
    let config = Config {
        market_loss_minor_max: wide,
        fixture_loss_minor_max: wide,
        competition_loss_minor_max: wide,
        sport_loss_minor_max: wide,
        platform_loss_minor_max: wide,
        payout_minor_max: wide,
        ..Config::default()
    };
    World::of(Service::start(ServiceOptions { config, ..options(None) }).unwrap())
}

fn announce(world: &mut World, fixture: u64, competition: &str) {
    world.ingest(
        json!({"type": "fixture", "fixture": fixture, "sport": "football", "competition": competition,
        "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}),
    );
    world.ingest(json!({"type": "prices", "fixture": fixture, "odds_1x2": [3.36, 3.63, 2.1],
        "total_line": 2.5, "odds_total": [2.04, 1.79]}));
}

/// Bets on every selection of a fixture that is offered.
fn bet_on_everything(world: &mut World, fixture: u64, first_ticket: u128) -> usize {
    world.order("a", deposit(first_ticket, 42, 100_000_000));
    world.turn();
    let found = world.service.engine().fixture(FixtureId(fixture)).unwrap();
    let template = found.template();
    let offered: Vec<(String, String)> = (0..template.selections.len())
        .filter(|&selection| found.board.odds_e4[selection] > 0)
        .map(|selection| {
            (template.market_of(selection).key.clone(), template.selections[selection].name.clone())
        })
        .collect();
    for (index, (market, selection)) in offered.iter().enumerate() {
        let leg = world.leg(fixture, market, selection);
        world.order("a", ticket(first_ticket + index as u128, 42, 1_000, vec![leg]));
        world.turn();
    }
    assert_eq!(world.service.engine().counters().refused_count, 0);
    offered.len()
}

/// All pages of an exposure; `between` happens after each.
fn exposure_pages(world: &mut World, scope: Value, mut between: impl FnMut(&mut World, usize)) -> Vec<Value> {
    let (mut pages, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = world.answer(json!({"type": "exposure", "scope": scope, "after": after}));
        assert_eq!(page["type"], "exposure", "{page}");
        assert!(page.to_string().len() < PAGE_BYTES_MAX + 4_096, "{}", page.to_string().len());
        after = page["next"].clone();
        pages.push(page);
        if after.is_null() {
            return pages;
        }
        between(world, pages.len());
    }
}

fn levels(pages: &[Value]) -> Vec<String> {
    let levels = pages.iter().flat_map(|page| page["levels"].as_array().unwrap());
    levels.map(|level| format!("{} {}", level["level"], level["name"])).collect()
}

fn selections(pages: &[Value]) -> Vec<(String, Value)> {
    let markets = pages.iter().flat_map(|page| page["fixture"]["markets"].as_array().unwrap());
    let of = |market: &Value| {
        let key = market["market"].to_string();
        let all = market["selections"].as_array().unwrap().clone();
        all.into_iter().map(move |selection| (key.clone(), selection)).collect::<Vec<_>>()
    };
    markets.flat_map(of).collect()
}

/// The levels of all competitions stood in one answer, whatever their number.
#[test]
fn exposure_of_many_competitions_comes_in_pages() {
    let mut world = wide();
    let add = |world: &mut World, number: u64| {
        announce(world, number, &format!("competition_{number:04}"));
        world.turn();
    };
    (1..=300).for_each(|number| add(&mut world, number));
    let first = world.answer(json!({"type": "exposure"}));
    assert!(
        !first["next"].is_null(),
        "a request without a cursor gets the first page, and hears that there is more"
    );
    let pages = exposure_pages(&mut world, Value::Null, |_, _| {});
    assert_eq!(pages.len(), 3);
    let is_competition = |name: &&String| name.starts_with("\"competition\"");
    for page in &pages {
        let count = levels(std::slice::from_ref(page)).iter().filter(is_competition).count();
        assert!((1..=LEVELS_PER_PAGE).contains(&count));
    }
    let whole = levels(&pages);
    let competitions: Vec<&String> = whole.iter().filter(is_competition).collect();
    let expected: Vec<String> =
        (1..=300).map(|number| format!("\"competition\" \"competition_{number:04}\"")).collect();
    assert_eq!(competitions, expected.iter().collect::<Vec<_>>());
    assert_eq!(whole.iter().filter(|level| level.starts_with("\"platform\"")).count(), 1);
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len(), "each once");

    // Others are announced between the pages: all that were there are told, and once.
    let grown =
        levels(&exposure_pages(&mut world, Value::Null, |world, page| add(world, 1_000 + page as u64)));
    assert!(whole.iter().all(|level| grown.contains(level)));
    assert_eq!(grown.iter().collect::<BTreeSet<_>>().len(), grown.len());
    // One by name is found behind the others, and a cursor behind the end is the end.
    let one = exposure_pages(
        &mut world,
        json!({"level": "competition", "competition": "competition_0299"}),
        |_, _| {},
    );
    assert_eq!(levels(&one).iter().filter(is_competition).count(), 1);
    let end = world.answer(json!({"type": "exposure", "after": u64::MAX}));
    assert_eq!((&end["levels"], &end["next"]), (&json!([]), &Value::Null));
}

/// A fixture's grid had no bound: a space may have 20,000 selections.
#[test]
fn exposure_of_a_fixture_comes_in_pages() {
    let mut world = wide();
    announce(&mut world, 1, "cup");
    announce(&mut world, 2, "cup");
    world.turn();
    let count = bet_on_everything(&mut world, 1, 1 << 64);
    assert!(count > SELECTIONS_PER_PAGE, "{count} selections fill more than a page");
    let scope = json!({"level": "fixture", "fixture": 1});
    let pages = exposure_pages(&mut world, scope.clone(), |_, _| {});
    assert!(pages.len() > 1);
    for page in &pages {
        let told = selections(std::slice::from_ref(page)).len();
        assert!((1..=SELECTIONS_PER_PAGE).contains(&told), "{told}");
        // The sums are of the whole fixture.
        assert_eq!(page["fixture"]["leg_count"], count);
        assert_eq!(page["fixture"]["worst_minor"], pages[0]["fixture"]["worst_minor"]);
    }
    let whole = world.service.engine().fixture(FixtureId(1)).unwrap();
    let exposure = world.service.engine().exposure(whole);
    let template = whole.template();
    let expected: Vec<(String, Value)> = exposure
        .markets
        .iter()
        .flat_map(|market| market.selections.iter())
        .map(|found| {
            let key = format!("\"{}\"", template.market_of(found.selection.into()).key);
            let value = json!({"selection": template.selections[usize::from(found.selection)].name,
                "leg_count": found.leg_count, "stake_minor": found.stake_minor,
                "payout_minor": found.payout_minor, "liability_minor": found.liability_minor});
            (key, value)
        })
        .collect();
    assert_eq!(selections(&pages), expected, "at rest the pages are the whole");

    // Bets come in between: what was there before and after is told, and once.
    let mut number = 1 << 80;
    let changed = exposure_pages(&mut world, scope, |world, _| {
        let leg = world.leg(1, "1x2", "home");
        world.order("a", ticket(number, 42, 500, vec![leg]));
        number += 1;
        world.turn();
    });
    let names = |pages: &[Value]| -> Vec<String> {
        selections(pages)
            .into_iter()
            .map(|(market, found)| format!("{market} {}", found["selection"]))
            .collect()
    };
    assert_eq!(names(&changed), names(&pages));
    assert!(changed[1]["fixture"]["leg_count"].as_u64() > changed[0]["fixture"]["leg_count"].as_u64());
    let behind = world
        .answer(json!({"type": "exposure", "scope": {"level": "fixture", "fixture": 1}, "after": u64::MAX}));
    assert_eq!((&behind["fixture"]["markets"], &behind["next"]), (&json!([]), &Value::Null));
    let other = world.answer(json!({"type": "exposure", "scope": {"level": "fixture", "fixture": 2}}));
    assert_eq!((&other["fixture"]["markets"], &other["next"]), (&json!([]), &Value::Null));
}

/// A page of 32 images was made within one turn: 2.2 ms in which a bet waited. Behind sockets a turn makes four, for whoever waits,
/// and others are answered between.
#[test]
fn images_are_made_between_other_answers() {
    let mut world = wide();
    (1..=40).for_each(|fixture| announce(&mut world, fixture, "cup"));
    world.turn();
    world.service.share();
    let [first, second] = ["one", "two"].map(|client| world.snapshot(client, json!({"type": "images"})));
    let busy = world.snapshot("one", json!({"type": "images", "after": 32}));
    let frames = world.turn();
    assert_eq!(answers_to(&frames, &busy)[0]["code"], "busy");
    assert!(answers_to(&frames, &first).is_empty(), "the turn's own answers leave before");
    let (mut turn_count, mut of_first, mut of_second) = (0, Vec::new(), Vec::new());
    while world.service.has_images_to_make() {
        let ping = world.order("three", json!({"type": "ping"}));
        assert_eq!(answers_to(&world.turn(), &ping).len(), 1);
        world.service.make_images(world.now_ns);
        let frames = world.take();
        let images = answers(&frames).filter(|frame| frame.value["type"] == "board").count() as u64;
        assert!(images <= IMAGES_PER_SLICE, "{images}");
        of_first.extend(answers_to(&frames, &first));
        of_second.extend(answers_to(&frames, &second));
        turn_count += 1;
    }
    assert!((16..=20).contains(&turn_count), "{turn_count}");
    for answers in [of_first, of_second] {
        assert_eq!(answers.len(), 33);
        let end = &answers[32];
        assert_eq!(
            (&end["type"], &end["next"], &end["fixture_count"]),
            (&json!("images_end"), &json!(32), &json!(40))
        );
    }
}

/// Unceasing images of one client took all of a core: between its slices the loop waits for others, unless many clients wait.
#[test]
fn images_leave_the_loop_to_others() {
    let mut world = wide();
    (1..=40).for_each(|fixture| announce(&mut world, fixture, "cup"));
    world.turn();
    world.service.share();
    assert_eq!(world.service.next_images_ns(), None);
    for client in 0..IMAGE_PAGES_WITHOUT_PAUSE {
        world.snapshot(&format!("c{client}"), json!({"type": "images"}));
        world.turn();
        assert!(world.service.next_images_ns().unwrap() <= world.now_ns + IMAGE_PAUSE_NS);
        world.service.make_images(world.now_ns);
        let is_paused = client + 1 < IMAGE_PAGES_WITHOUT_PAUSE;
        let expected_ns = world.now_ns + if is_paused { IMAGE_PAUSE_NS } else { 0 };
        assert_eq!(world.service.next_images_ns(), Some(expected_ns));
    }
    while world.service.has_images_to_make() {
        world.service.make_images(world.now_ns);
    }
    assert_eq!(world.service.next_images_ns(), None);
}

/// Pages of images that wait are a bounded number: the one that is too many is told to ask again.
#[test]
fn so_many_pages_of_images_wait() {
    let mut world = wide();
    announce(&mut world, 1, "cup");
    world.turn();
    world.service.share();
    let ids: Vec<String> = (0..=IMAGE_PAGES_WAITING_MAX)
        .map(|client| world.snapshot(&format!("c{client}"), json!({"type": "images"})))
        .collect();
    let frames = world.turn();
    let refused: Vec<_> = ids.iter().filter(|id| !answers_to(&frames, id).is_empty()).collect();
    assert_eq!(refused, [ids.last().unwrap()]);
    assert_eq!(answers_to(&frames, ids.last().unwrap())[0]["code"], "busy");
    for _ in 0..ids.len() {
        world.service.make_images(world.now_ns);
    }
    assert!(!world.service.has_images_to_make());
    let frames = world.take();
    assert!(ids[..IMAGE_PAGES_WAITING_MAX].iter().all(|id| answers_to(&frames, id).len() == 2));
    let again = world.snapshot("late", json!({"type": "images"}));
    world.turn();
    world.service.make_images(world.now_ns);
    assert_eq!(answers_to(&world.take(), &again).len(), 2);
}

/// Boards change and fixtures are announced while images are on their way: a subscriber that keeps what comes and takes each image
/// at its `seq` has every board without a gap, and every fixture.
#[test]
fn images_between_deltas_join_without_a_gap() {
    let mut world = wide();
    (1..=70).for_each(|fixture| announce(&mut world, fixture, "cup"));
    world.turn();
    world.service.share();
    let mut seen: Vec<Seen> = Vec::new();
    let (mut after, mut fixture_count, mut step) = (Value::Null, 70, 0_u64);
    loop {
        let id = world.snapshot("s", json!({"type": "images", "after": after}));
        seen.extend(world.turn());
        while world.service.has_images_to_make() {
            step += 1;
            let fixture = 1 + step * 37 % 70;
            world.ingest(json!({"type": "prices", "fixture": fixture,
                "odds_1x2": [3.36 - 0.01 * (step % 50) as f64, 3.63, 2.1], "total_line": 2.5, "odds_total": [2.04, 1.79]}));
            if step % 4 == 0 && fixture_count < 74 {
                fixture_count += 1;
                announce(&mut world, fixture_count, "cup");
            }
            // Half of them are pending when the images are made.
            if step % 2 == 0 {
                seen.extend(world.turn());
            }
            world.service.make_images(world.now_ns);
            seen.extend(world.take());
        }
        let end = answers_to(&seen, &id).pop().unwrap();
        assert_eq!(end["type"], "images_end");
        after = end["next"].clone();
        if after.is_null() {
            break;
        }
    }
    seen.extend(world.turn());
    assert_eq!(fixture_count, 74, "some were announced meanwhile");
    for fixture in 1..=fixture_count {
        let of_fixture = |frame: &&Seen| frame.value["type"] == "board" && frame.value["fixture"] == fixture;
        let frames: Vec<&Seen> = seen.iter().filter(of_fixture).collect();
        let at = frames.iter().position(|frame| frame.value["kind"] == "image").expect("each has its image");
        let mut seq = frames[at].value["seq"].as_u64().unwrap();
        // What left before it is in it.
        assert!(frames[..at].iter().all(|frame| frame.value["seq"].as_u64().unwrap() <= seq));
        let mut board = market_states(&frames[at].value);
        for frame in &frames[at + 1..] {
            seq += 1;
            assert_eq!(frame.value["seq"], seq, "fixture {fixture}");
            for (key, market) in market_states(&frame.value).as_object().unwrap() {
                board[key] = market.clone();
            }
        }
        let last = world.snapshot("check", json!({"type": "image", "fixture": fixture}));
        let image = answers_to(&world.turn(), &last).pop().unwrap();
        assert_eq!((&image["seq"], &market_states(&image)), (&json!(seq), &board), "fixture {fixture}");
    }
}

/// `fixtures` and `tickets` under changes: what was there before and after is told.
#[test]
fn pages_of_fixtures_and_tickets_skip_nothing() {
    let mut world = wide();
    (1..=150).for_each(|fixture| {
        announce(&mut world, fixture, "cup");
        world.turn();
    });
    let (mut found, mut after, mut more) = (Vec::new(), Some(0), 150);
    while let Some(place) = after {
        let page = world.answer(json!({"type": "fixtures", "after": place}));
        let fixtures = page["fixtures"].as_array().unwrap();
        assert!(fixtures.len() <= FIXTURES_PER_PAGE);
        found.extend(fixtures.iter().map(|fixture| fixture["fixture"].as_u64().unwrap()));
        after = page["next"].as_u64();
        if after.is_some() && more < 153 {
            more += 1;
            announce(&mut world, more, "cup");
        }
    }
    assert!(more > 150, "some were announced meanwhile");
    assert_eq!(found, (1..=more).collect::<Vec<_>>());

    world.order("a", deposit(1, 42, 100_000_000));
    world.turn();
    let place = |world: &mut World, number: u128| {
        let leg = world.leg(1 + (number % 100) as u64, "1x2", "home");
        world.order("a", ticket(number, 42, 1_000, vec![leg]));
        world.turn();
    };
    (1..=200).for_each(|number| place(&mut world, number));
    let (mut told, mut since, mut number) = (BTreeSet::new(), 0, 200);
    loop {
        let page = world.answer(json!({"type": "tickets", "since": since, "limit": 256}));
        assert!(page.to_string().len() < PAGE_BYTES_MAX + 8_192);
        let changes = page["changes"].as_array().unwrap();
        told.extend(changes.iter().map(|change| change["ticket"]["ticket"].as_str().unwrap().to_string()));
        since = page["next"].as_u64().unwrap();
        if since == page["last"].as_u64().unwrap() {
            break;
        }
        if number < 205 {
            number += 1;
            place(&mut world, number);
            // One that was told may change, one that was not too: it comes further on.
            world.order(
                "a",
                json!({"type": "cancel_ticket", "ticket": format!("{:032x}", 190 - (number - 200) * 30),
                "source": "desk"}),
            );
            world.turn();
        }
    }
    assert_eq!(told.len(), number as usize);
}

/// A page that finds nothing looks through all there is: what it looks through has a bound too, and it says where to go on.
#[test]
fn a_page_looks_through_so_many() {
    let mut world = wide();
    let count = FIXTURES_EXAMINED_PER_PAGE + 50;
    for fixture in 1..=count {
        let competition = format!("competition_{fixture:05}");
        world.ingest(json!({"type": "fixture", "fixture": fixture, "sport": "football",
            "competition": competition, "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}));
    }
    world.turn();
    let scope = json!({"level": "competition", "competition": format!("competition_{count:05}")});
    let page = world.answer(json!({"type": "exposure", "scope": scope}));
    assert_eq!(page["next"], COMPETITIONS_EXAMINED_PER_PAGE);
    let page = world.answer(json!({"type": "exposure", "scope": scope, "after": page["next"]}));
    assert_eq!((page["levels"].as_array().unwrap().len(), &page["next"]), (1, &Value::Null));

    world.service.share();
    let id = world.snapshot("s", json!({"type": "images", "prefix": "odds.tennis."}));
    world.turn();
    let mut slice_count = 0;
    while world.service.has_images_to_make() {
        world.service.make_images(world.now_ns);
        slice_count += 1;
    }
    assert_eq!(slice_count, FIXTURES_EXAMINED_PER_PAGE / FIXTURES_EXAMINED_PER_SLICE);
    let end = answers_to(&world.take(), &id).pop().unwrap();
    assert_eq!((&end["image_count"], &end["next"]), (&json!(0), &json!(FIXTURES_EXAMINED_PER_PAGE)));
}

/// `exposure` of a popular match weighed as much as all its tickets, and was answered with pauses: its weight, and that of
/// every query but the hash of a state that changed, has a bound whatever the state.
#[test]
fn no_query_is_heavy() {
    let mut world = wide();
    (1..=500).for_each(|fixture| announce(&mut world, fixture, &format!("cup_{fixture}")));
    world.turn();
    bet_on_everything(&mut world, 1, 1 << 64);
    world.service.share();
    let leg = json!({"fixture": 1, "market": "1x2", "selection": "home", "odds": 2.0, "version": [1, 1]});
    let scope = json!({"level": "fixture", "fixture": 1});
    let requests = [
        json!({"type": "max_stake", "customer": 1, "currency": "EUR", "legs": vec![leg; 20]}),
        json!({"type": "balance", "customer": 1}),
        json!({"type": "ticket", "ticket": format!("{:032x}", 1)}),
        json!({"type": "exposure"}),
        json!({"type": "exposure", "scope": scope}),
        json!({"type": "fixtures"}),
        json!({"type": "tickets"}),
        json!({"type": "settlements"}),
        json!({"type": "alerts"}),
        json!({"type": "table", "table": "balances"}),
        json!({"type": "table", "table": "scopes"}),
        json!({"type": "table", "table": "commands"}),
        json!({"type": "explain", "fixture": 1, "market": "1x2"}),
        json!({"type": "image", "fixture": 1}),
        json!({"type": "images"}),
        json!({"type": "ping"}),
        json!({"type": "state_hash"}),
    ];
    for mut request in requests {
        request["request_id"] = "q".into();
        let decoded = decode_order(request.to_string().as_bytes(), START_NS).unwrap();
        let RequestBody::Query(query) = decoded.value.body else { panic!("{request} is a query") };
        let weight = world.service.weight_of_query(&query);
        assert_eq!(weight < HEAVY_WEIGHT, request["type"] != "state_hash", "{request}: {weight}");
    }
    // So it is answered at once, however often.
    for _ in 0..20 {
        let id = world.order("a", json!({"type": "exposure", "scope": scope}));
        assert_eq!(answers_to(&world.settle(), &id)[0]["type"], "exposure");
    }
}
