//! Every query of `orders` and `snapshot` at a full Saturday's state: the turn that answers it, its bytes and its weight.
//! While it is answered, nobody else is.

use std::time::Instant;

use oddsengine_engine::{Body, LegRequest, TicketRequest};
use oddsengine_feeds::{RequestBody, decode_order};
use oddsengine_runtime::service::{Frame, Service, ServiceOptions, Socket};
use serde_json::{Value, json};

use crate::report::{Latencies, Report, Target};
use crate::setup::{self, Crowd, START_NS};
use crate::{Scale, setup::fixture_id};

/// The bar: no query keeps the loop longer.
const QUERY_NS_MAX: u64 = 5_000_000;

struct Desk {
    service: Service,
    now_ns: i64,
    last_ticket: TicketRequest,
}

impl Desk {
    /// So many fixtures and tickets, half of the tickets singles on the first fixture and three in ten of the others
    /// accumulators.
    fn new(fixture_count: usize, ticket_count: usize) -> Self {
        let options =
            ServiceOptions { journal: None, config: setup::config(), snapshot_every: 0, now_ns: START_NS };
        let mut service = Service::start(options).expect("a service in memory starts");
        let carry_out = |service: &mut Service, body: Body| {
            service.command("bench", body, START_NS).expect("the command is taken");
        };
        for command in setup::announcements(fixture_count).into_iter().chain(setup::deposits()) {
            carry_out(&mut service, command.body);
            service.end_turn();
            service.take_frames(START_NS);
        }
        let mut crowd = Crowd::new(1, 1 << 64);
        let mut last_ticket = None;
        for number in 0..ticket_count {
            let request = match number % 2 {
                0 => crowd.single(service.engine(), 0),
                _ => crowd.mixed(service.engine()),
            };
            last_ticket = Some(request.clone());
            carry_out(&mut service, Body::PlaceTicket(Box::new(request)));
            if number % 256 == 0 || number + 1 == ticket_count {
                service.end_turn();
                service.take_frames(START_NS);
            }
        }
        let counters = service.engine().counters();
        assert!(counters.refused_count <= 1 + ticket_count as u64 / 10_000, "{counters:?}");
        service.share();
        Self { service, now_ns: START_NS, last_ticket: last_ticket.expect("there are tickets") }
    }

    /// One turn with one request, and the longest stretch in which nobody else is heard: a turn makes some images only.
    fn ask(&mut self, socket: Socket, request: &Value) -> (Vec<Frame>, Vec<std::time::Duration>) {
        let bytes = request.to_string();
        let (mut frames, mut stretches) = (Vec::new(), Vec::new());
        // A pause of a heavy query, and a second of the desk's frames.
        self.now_ns += 1_000_000_000;
        let start = Instant::now();
        match socket {
            Socket::Snapshot => self.service.snapshot_request(b"client", bytes.as_bytes(), self.now_ns),
            _ => self.service.order(b"client", bytes.as_bytes(), self.now_ns),
        }
        self.service.end_turn();
        frames.extend(self.service.take_frames(self.now_ns));
        stretches.push(start.elapsed());
        while self.service.has_images_to_make() {
            let start = Instant::now();
            self.service.make_images(self.now_ns);
            frames.extend(self.service.take_frames(self.now_ns));
            stretches.push(start.elapsed());
        }
        // The hash of a state is computed by another thread.
        while self.service.is_hashing() {
            std::thread::yield_now();
            let start = Instant::now();
            self.service.end_turn();
            frames.extend(self.service.take_frames(self.now_ns));
            stretches.push(start.elapsed());
        }
        frames.retain(|frame| frame.first == b"client");
        (frames, stretches)
    }
}

/// What the last frame says, checked to be what was asked for.
fn answer(frames: &[Frame], kind: &str) -> Value {
    let last = frames.last().expect("there is an answer");
    let value: Value = serde_json::from_slice(&last.payload).expect("an answer is JSON");
    assert_eq!(value["type"], kind, "{value}");
    value
}

/// Every type of query.
pub fn run(scale: Scale, report: &mut Report) {
    let (fixture_count, ticket_count) = scale.pick((2_000, 200_000), (60, 400));
    let mut desk = Desk::new(fixture_count, ticket_count);
    report.heading(
        &format!("Queries at {fixture_count} fixtures and {ticket_count} tickets, half of them on one match"),
        "request decoded, answer encoded and taken: all that nobody else is answered in; not included: sockets",
    );
    let popular = fixture_id(0).0;
    let legs = |legs: &[LegRequest]| -> Vec<Value> {
        let leg = |leg: &LegRequest| {
            let template = setup::football();
            let selection = template.selection_of_id(leg.selection).expect("on the template");
            json!({"fixture": leg.fixture.0, "market": template.market_of(selection).key,
                "selection": template.selections[selection].name,
                "odds": f64::from(leg.odds_e4) / 10_000.0, "version": [leg.version.epoch, leg.version.seq]})
        };
        legs.iter().map(leg).collect()
    };
    let ticket = desk.last_ticket.clone();
    let max_stake =
        json!({"type": "max_stake", "customer": 1, "currency": "EUR", "legs": legs(&ticket.legs)});
    let ticket_id = format!("{:032x}", ticket.ticket.0);
    let middle = desk.service.engine().last_change_seq() / 2;
    let competition = desk.service.engine().competitions()[0].name.clone();
    let of_fixture = json!({"level": "fixture", "fixture": popular});
    let of_competition = json!({"level": "competition", "competition": competition});
    let rows: Vec<(&str, Socket, &str, Value)> = vec![
        ("ping", Socket::Orders, "pong", json!({"type": "ping"})),
        ("balance", Socket::Orders, "balance", json!({"type": "balance", "customer": 1})),
        ("ticket", Socket::Orders, "ticket", json!({"type": "ticket", "ticket": ticket_id})),
        ("max_stake", Socket::Orders, "max_stake", max_stake),
        ("exposure of all, a page", Socket::Orders, "exposure", json!({"type": "exposure"})),
        (
            "exposure of the popular match, a page",
            Socket::Orders,
            "exposure",
            json!({"type": "exposure", "scope": of_fixture}),
        ),
        (
            "exposure of a competition",
            Socket::Orders,
            "exposure",
            json!({"type": "exposure", "scope": of_competition}),
        ),
        ("fixtures, a page", Socket::Orders, "fixtures", json!({"type": "fixtures", "after": 1})),
        (
            "tickets, a page",
            Socket::Orders,
            "tickets",
            json!({"type": "tickets", "since": middle, "limit": 256}),
        ),
        (
            "settlements, a page that finds none",
            Socket::Orders,
            "settlements",
            json!({"type": "settlements", "since": middle, "limit": 256}),
        ),
        ("alerts, a page", Socket::Orders, "alerts", json!({"type": "alerts"})),
        ("image", Socket::Snapshot, "board", json!({"type": "image", "fixture": popular})),
        ("images, a turn of a page", Socket::Snapshot, "images_end", json!({"type": "images"})),
        (
            "images, a prefix of none",
            Socket::Snapshot,
            "images_end",
            json!({"type": "images", "prefix": "odds.tennis."}),
        ),
        ("state_hash, nothing since", Socket::Orders, "state_hash", json!({"type": "state_hash"})),
    ];
    for (name, socket, kind, mut request) in rows {
        request["request_id"] = "q".into();
        let (frames, _) = desk.ask(socket, &request);
        let value = answer(&frames, kind);
        let checked = check(&desk, name, &value, frames.len());
        let mut latencies = Latencies::default();
        let mut bytes_max = 0;
        for _ in 0..5 {
            latencies.next_run();
            for _ in 0..scale.pick(60, 2) {
                let (frames, stretches) = desk.ask(socket, &request);
                bytes_max = frames.iter().map(|frame| frame.payload.len()).sum::<usize>().max(bytes_max);
                stretches.into_iter().for_each(|stretch| latencies.record(stretch));
            }
        }
        let decoded = decode_order(request.to_string().as_bytes(), START_NS).expect("the request is one");
        let RequestBody::Query(query) = decoded.value.body else { panic!("{name} is a query") };
        let weight = desk.service.weight_of_query(&query);
        let target = Target::Latency(QUERY_NS_MAX, QUERY_NS_MAX);
        report.latencies(&format!("{name} (weight {weight})"), &latencies, 1, target, &checked);
        report.figure(
            &format!("{name}, bytes of an answer"),
            bytes_max as f64,
            "bytes",
            Target::None,
            &checked,
        );
        println!("      checked: {checked}");
    }
    settings(scale, report, &mut desk);
}

/// What an answer says, compared with the state.
fn check(desk: &Desk, name: &str, value: &Value, frame_count: usize) -> String {
    let engine = desk.service.engine();
    match value["type"].as_str().expect("a type") {
        "exposure" if !value["fixture"].is_null() => {
            let fixture = engine.fixture(fixture_id(0)).expect("it was announced");
            let exposure = engine.exposure(fixture);
            assert_eq!(value["fixture"]["leg_count"], exposure.leg_count);
            assert_eq!(value["fixture"]["worst_minor_bound"], exposure.worst_minor_bound);
            assert!(exposure.worst_minor_bound <= exposure.worst_minor);
            format!("{} legs, worst case and its bound are the engine's", exposure.leg_count)
        }
        "exposure" => {
            assert_eq!(value["levels"][0]["loss_minor"], engine.platform_loss_minor());
            "the platform's loss is the engine's".into()
        }
        "board" => {
            let fixture = engine.fixture(fixture_id(0)).expect("it was announced");
            assert_eq!(value["version"], engine.version(fixture).seq);
            "the version is the engine's".into()
        }
        "images_end" => {
            assert_eq!(value["image_count"], frame_count - 1);
            format!("{} images and their end", frame_count - 1)
        }
        "tickets" => {
            assert!(value["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{name}");
            format!("{} tickets", value["changes"].as_array().map_or(0, Vec::len))
        }
        "ticket" => {
            assert_eq!(value["ticket"]["ticket"], format!("{:032x}", desk.last_ticket.ticket.0));
            "the ticket is the one asked for".into()
        }
        kind => format!("the answer is {kind}"),
    }
}

/// A desk sets something of one market, of a competition, of a sport.
fn settings(scale: Scale, report: &mut Report, desk: &mut Desk) {
    let popular = fixture_id(0).0;
    let scopes = [
        (
            "settings of one market",
            json!({"level": "market", "fixture": popular, "market": "1x2"}),
            5_000_000,
        ),
        ("settings of one fixture", json!({"level": "fixture", "fixture": popular}), 5_000_000),
        (
            "settings of a market type",
            json!({"level": "market_type", "sport": "football", "stem": "total"}),
            0,
        ),
        ("settings of a sport", json!({"level": "sport", "sport": "football"}), 0),
    ];
    for (name, scope, most_ns) in scopes {
        let mut latencies = Latencies::default();
        for run in 0..5 {
            latencies.next_run();
            for step in 0..scale.pick(20, 2) {
                // A limit: margins would price boards anew, which is no part of finding whose they are.
                let limit = 50_000_000_000_i64 + run * 100 + step;
                let request = json!({"type": "set_scope", "request_id": "q", "source": "desk", "scope": scope,
                    "loss_minor_max": limit});
                let (frames, stretches) = desk.ask(Socket::Orders, &request);
                answer(&frames, "done");
                stretches.into_iter().for_each(|stretch| latencies.record(stretch));
            }
        }
        let target = if most_ns > 0 { Target::Latency(most_ns, most_ns) } else { Target::None };
        report.latencies(name, &latencies, 1, target, "each was answered with done");
    }
}
