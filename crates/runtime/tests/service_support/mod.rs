//! A service with a clock, a feed and clients, for the service's tests.
#![allow(dead_code)] // each test file uses its own part

use std::path::Path;
use std::time::{Duration, Instant};

use oddsengine_engine::Config;
use oddsengine_runtime::service::{DESK_FRAMES_PER_TURN, Frame, Service, ServiceOptions, Socket};
use serde_json::{Value, json};

pub const START_NS: i64 = 1_668_960_000_000_000_000;
pub const SECOND_NS: i64 = 1_000_000_000;
pub const FIXTURE: u64 = 1001;

/// A service and its surroundings.
pub struct World {
    pub service: Service,
    pub now_ns: i64,
    feed_seq: u64,
    request_count: u64,
}

/// A frame read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub socket: Socket,
    pub first: Vec<u8>,
    pub value: Value,
}

impl Seen {
    pub fn topic(&self) -> String {
        String::from_utf8(self.first.clone()).unwrap()
    }
}

pub fn options(journal: Option<&Path>) -> ServiceOptions {
    ServiceOptions {
        journal: journal.map(Path::to_path_buf),
        config: Config::default(),
        snapshot_every: 0,
        now_ns: START_NS,
    }
}

impl World {
    pub fn new(journal: Option<&Path>) -> Self {
        Self::of(Service::start(options(journal)).unwrap())
    }

    pub fn of(service: Service) -> Self {
        // A feed goes on counting where it was.
        let feed_seq = service.engine().sources().get("scout").and_then(|source| source.seq).unwrap_or(0);
        let now_ns = service.engine().now_ns().max(START_NS);
        Self { service, now_ns, feed_seq, request_count: 0 }
    }

    pub fn advance(&mut self, seconds: i64) {
        self.now_ns += seconds * SECOND_NS;
    }

    /// A message of the feed `scout`, numbered and timed.
    pub fn ingest(&mut self, message: Value) {
        self.feed_seq += 1;
        let mut message = message;
        message["source"] = "scout".into();
        message["seq"] = self.feed_seq.into();
        message["time_ns"] = self.now_ns.into();
        self.service.ingest(message.to_string().as_bytes(), self.now_ns);
    }

    /// A request of a client; returns its id.
    pub fn order(&mut self, client: &str, request: Value) -> String {
        let (id, request) = self.with_id(request);
        self.service.order(client.as_bytes(), request.to_string().as_bytes(), self.now_ns);
        id
    }

    pub fn snapshot(&mut self, client: &str, request: Value) -> String {
        let (id, request) = self.with_id(request);
        self.service.snapshot_request(client.as_bytes(), request.to_string().as_bytes(), self.now_ns);
        id
    }

    fn with_id(&mut self, mut request: Value) -> (String, Value) {
        if request["request_id"].is_null() {
            self.request_count += 1;
            request["request_id"] = format!("r-{}", self.request_count).into();
        }
        (request["request_id"].as_str().unwrap().to_string(), request)
    }

    pub fn fixture(&mut self, fixture: u64) {
        self.ingest(json!({"type": "fixture", "fixture": fixture, "sport": "football", "competition": "cup",
            "home": "Qatar", "away": "Ecuador", "start_ns": START_NS}));
        self.ingest(json!({"type": "prices", "fixture": fixture, "odds_1x2": [3.36, 3.63, 2.1],
            "total_line": 2.5, "odds_total": [2.04, 1.79]}));
    }

    pub fn incident(&mut self, fixture: u64, kind: &str, clock_ms: i64, more: Value) {
        let mut message = json!({"type": "incident", "fixture": fixture, "kind": kind, "clock_ms": clock_ms});
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        self.ingest(message);
    }

    /// Ends the turn and works off what is due, as a loop does after its frames have left; what left.
    pub fn turn(&mut self) -> Vec<Seen> {
        self.service.end_turn();
        let mut seen = self.take();
        while self.service.work_off() {
            self.service.end_turn();
            seen.extend(self.take());
        }
        seen
    }

    /// What may leave; of a paced desk all that its pace allows.
    pub fn take(&mut self) -> Vec<Seen> {
        let mut frames = self.service.take_frames(self.now_ns);
        loop {
            let of_desk = self.service.take_desk_frames(self.now_ns);
            if of_desk.is_empty() {
                return frames.into_iter().map(read).collect();
            }
            assert!(of_desk.len() <= DESK_FRAMES_PER_TURN);
            frames.extend(of_desk);
        }
    }

    /// Ends the turn and waits until all of it is durable; what left until then.
    pub fn settle(&mut self) -> Vec<Seen> {
        let mut frames = self.turn();
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.service.progress().1 < self.service.progress().0 {
            assert!(Instant::now() < deadline, "nothing becomes durable: {:?}", self.service.poison_reason());
            std::thread::sleep(Duration::from_millis(1));
        }
        self.service.durable();
        frames.extend(self.take());
        frames
    }

    /// The one answer to one request, once it is durable.
    pub fn answer(&mut self, request: Value) -> Value {
        let id = self.order("client", request);
        let answers = answers_to(&self.settle(), &id);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].clone()
    }

    /// A leg at the odds and version that are offered now.
    pub fn leg(&self, fixture: u64, market: &str, selection: &str) -> Value {
        let fixture = self.service.engine().fixture(oddsengine_types::FixtureId(fixture)).unwrap();
        let template = fixture.template();
        let market_index = template.market_index(market).unwrap();
        let index = template.selection_index(market_index, selection).unwrap();
        let odds = f64::from(fixture.board.odds_e4[index]) / 10_000.0;
        json!({"fixture": fixture.id().0, "market": market, "selection": selection, "odds": odds,
            "version": [self.service.engine().epoch(), fixture.version]})
    }

    pub fn hash(&self) -> String {
        self.service.engine().state_hash().to_string()
    }
}

pub fn read(frame: Frame) -> Seen {
    let value = serde_json::from_slice(&frame.payload)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&frame.payload)));
    Seen { socket: frame.socket, first: frame.first, value }
}

pub fn deposit(transfer: u128, customer: u64, amount_minor: i64) -> Value {
    json!({"type": "deposit", "transfer": format!("{transfer:032x}"), "customer": customer,
        "amount_minor": amount_minor, "currency": "EUR"})
}

pub fn ticket(ticket: u128, customer: u64, stake_minor: i64, legs: Vec<Value>) -> Value {
    json!({"type": "place_ticket", "ticket": format!("{ticket:032x}"), "customer": customer, "currency": "EUR",
        "stake_minor": stake_minor, "legs": legs})
}

/// The answers on `orders` and `snapshot` with this request id.
pub fn answers_to(frames: &[Seen], request_id: &str) -> Vec<Value> {
    answers(frames)
        .filter(|frame| frame.value["request_id"] == request_id)
        .map(|frame| frame.value.clone())
        .collect()
}

/// The image of one board sent to a client; an image carries no request id.
pub fn image_of(frames: &[Seen], client: &str) -> Value {
    let images: Vec<_> = answers(frames)
        .filter(|frame| frame.socket == Socket::Snapshot && frame.first == client.as_bytes())
        .collect();
    assert_eq!(images.len(), 1, "{images:?}");
    assert_eq!(images[0].value["kind"], "image");
    images[0].value.clone()
}

pub fn answers(frames: &[Seen]) -> impl Iterator<Item = &Seen> {
    frames.iter().filter(|frame| matches!(frame.socket, Socket::Orders | Socket::Snapshot))
}

pub fn boards(frames: &[Seen]) -> Vec<&Seen> {
    frames.iter().filter(|frame| frame.socket == Socket::Odds && frame.value["type"] == "board").collect()
}

pub fn statuses(frames: &[Seen]) -> Vec<&Seen> {
    frames.iter().filter(|frame| frame.socket == Socket::Odds && frame.value["type"] == "status").collect()
}

/// A board without what differs between an image and the deltas that lead to it.
pub fn market_states(board: &Value) -> Value {
    let mut markets = board["markets"].clone();
    for market in markets.as_object_mut().unwrap().values_mut() {
        for name in ["index", "first_selection", "selections"] {
            market.as_object_mut().unwrap().remove(name);
        }
    }
    markets
}
