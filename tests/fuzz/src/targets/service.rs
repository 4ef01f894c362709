//! A story of messages for a whole service: every request is answered once, every frame can be read, boards that
//! a subscriber keeps are the boards of the engine, and every invariant holds at the end.

use std::collections::BTreeMap;

use oddsengine_engine::{Config, Engine};
use oddsengine_feeds::{Query, RequestBody, decode_order};
use oddsengine_markets::{Template, sport_id, template};
use oddsengine_runtime::service::{Frame, Service, ServiceOptions, Socket};
use serde_json::Value;

use super::bytes::Bytes;

const STEPS_MAX: usize = 48;
const START_NS: i64 = 1_668_960_000_000_000_000;
const FIXTURES: [u64; 3] = [1001, 1002, 1003];

/// A request that was sent, and what came back.
struct Asked {
    socket: Socket,
    /// Its id, if it could be read.
    request_id: Option<String>,
    expected: Expected,
    answer_count: usize,
    is_delayed: bool,
    is_done: bool,
}

enum Expected {
    One,
    /// One, and another one if the first says `delayed`.
    Ticket,
    /// The ids of the requests inside.
    Batch(Vec<Option<String>>),
    /// Images and an end.
    Images,
}

struct World {
    service: Service,
    now_ns: i64,
    asked: Vec<Asked>,
    /// Tickets inside batches that are delayed, by request.
    topics: BTreeMap<Vec<u8>, u64>,
    /// What a subscriber knows: market -> what the latest delta said of it, by fixture.
    boards: BTreeMap<u64, BTreeMap<String, Value>>,
    versions: BTreeMap<u64, u64>,
    /// Score and period as a subscriber knows them.
    standings: BTreeMap<u64, (Value, Value)>,
    scores: BTreeMap<u64, [u16; 2]>,
    ids: u64,
    feed_seq: u64,
}

/// A sequence of steps, each drawn from a few bytes.
pub fn service(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flavour = bytes.u8();
    let config = Config {
        skew_b_minor: (flavour & 1 == 1).then_some(100_000),
        bet_delay_ms: if flavour & 2 == 2 { 0 } else { 5_000 },
        ..Config::default()
    };
    let options = ServiceOptions { journal: None, config, snapshot_every: 0, now_ns: START_NS };
    let service = Service::start(options).expect("a service in memory starts");
    let mut world = World {
        service,
        now_ns: START_NS,
        asked: Vec::new(),
        topics: BTreeMap::new(),
        boards: BTreeMap::new(),
        versions: BTreeMap::new(),
        standings: BTreeMap::new(),
        scores: BTreeMap::new(),
        ids: 0,
        feed_seq: 0,
    };
    // Most stories begin with something to bet on; a second fixture costs half the speed.
    let fixture_count = [1, 0, 2, 1][usize::from(flavour >> 2 & 3)];
    for fixture in &FIXTURES[..fixture_count] {
        world.announce(*fixture);
        world.prices(*fixture, [33_600, 36_300, 21_000], 10, [20_400, 17_900]);
        world.deposit(1, 1_000_000);
    }
    for _ in 0..STEPS_MAX {
        if bytes.is_empty() {
            break;
        }
        world.step(&mut bytes);
    }
    world.end();
}

impl World {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.u8() % 16 {
            0 => {
                self.now_ns += i64::from(bytes.u16()) * 1_000_000;
                self.service.tick(self.now_ns, self.now_ns);
            }
            1 => self.end_turn(),
            2 => {
                self.service.heartbeat(self.now_ns);
                self.end_turn();
            }
            3 => {
                let size = usize::from(bytes.u8());
                let payload = bytes.take(size).to_vec();
                self.service.ingest(&payload, self.now_ns);
            }
            4 => {
                let size = usize::from(bytes.u8());
                let payload = bytes.take(size).to_vec();
                self.ask(Socket::Orders, payload);
            }
            5 => {
                let request = self.request(bytes);
                self.ask(Socket::Snapshot, request);
            }
            6 => {
                let requests: Vec<String> = (0..1 + bytes.u8() % 4)
                    .map(|_| String::from_utf8(self.request(bytes)).expect("requests are text"))
                    .collect();
                let id = self.id();
                let batch =
                    format!(r#"{{"type":"batch","request_id":"{id}","requests":[{}]}}"#, requests.join(","));
                self.ask(Socket::Orders, batch.into_bytes());
            }
            7..=9 => self.incident(bytes),
            10 => self.feed(bytes),
            _ => {
                let request = self.request(bytes);
                self.ask(Socket::Orders, request);
            }
        }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("r-{}", self.ids)
    }

    fn announce(&mut self, fixture: u64) {
        self.ingest(&format!(
            r#""type":"fixture","fixture":{fixture},"sport":"football","competition":"cup {}","home":"H","away":"A","start_ns":{START_NS}"#,
            fixture % 2
        ));
    }

    fn prices(&mut self, fixture: u64, odds: [u32; 3], quarters: u32, total: [u32; 2]) {
        let decimal = |odds: u32| f64::from(odds) / 10_000.0;
        self.ingest(&format!(
            r#""type":"prices","fixture":{fixture},"odds_1x2":[{},{},{}],"total_line":{},"odds_total":[{},{}]"#,
            decimal(odds[0]),
            decimal(odds[1]),
            decimal(odds[2]),
            f64::from(quarters) / 4.0,
            decimal(total[0]),
            decimal(total[1]),
        ));
    }

    fn ingest(&mut self, fields: &str) {
        self.feed_seq += 1;
        let message =
            format!(r#"{{{fields},"source":"scout","seq":{},"time_ns":{}}}"#, self.feed_seq, self.now_ns);
        self.service.ingest(message.as_bytes(), self.now_ns);
    }

    fn deposit(&mut self, customer: u64, amount_minor: i64) {
        let (id, transfer) = (self.id(), self.ids);
        let request = format!(
            r#"{{"type":"deposit","request_id":"{id}","transfer":"{transfer:032x}","customer":{customer},"amount_minor":{amount_minor},"currency":"EUR"}}"#
        );
        self.ask(Socket::Orders, request.into_bytes());
    }

    fn incident(&mut self, bytes: &mut Bytes<'_>) {
        const KINDS: [&str; 16] = [
            "kick_off",
            "goal",
            "goal",
            "goal_cancelled",
            "red_card",
            "red_card_cancelled",
            "stoppage",
            "half_time",
            "second_half",
            "full_time",
            "clock",
            "danger",
            "safe",
            "correction",
            "goal",
            "clock",
        ];
        let fixture = *bytes.pick(&FIXTURES);
        let kind = *bytes.pick(&KINDS);
        let side = usize::from(bytes.u8() % 2);
        let clock_ms = u32::from(bytes.u16()) * 150;
        let score = self.scores.entry(fixture).or_default();
        match kind {
            "goal" => score[side] += 1,
            "goal_cancelled" => score[side] = score[side].saturating_sub(1),
            _ => {}
        }
        let mut score = *score;
        let mut more = String::new();
        match kind {
            "stoppage" => more = format!(r#","announced_ms":{}"#, u32::from(bytes.u8()) * 2_000),
            "correction" => {
                let half = bytes.array::<4>().map(|goals| u16::from(goals) % 61);
                more = format!(
                    r#","first_half":[{},{}],"second_half":[{},{}]"#,
                    half[0], half[1], half[2], half[3]
                );
                score = [half[0] + half[2], half[1] + half[3]];
            }
            _ => {}
        }
        match bytes.u8() % 16 {
            0 => {}
            // A feed that contradicts itself.
            1 => more += r#","score":[7,3]"#,
            _ => more += &format!(r#","score":[{},{}]"#, score[0].min(60), score[1].min(60)),
        }
        let side = ["home", "away"][side];
        self.ingest(&format!(
            r#""type":"incident","fixture":{fixture},"kind":"{kind}","side":"{side}","clock_ms":{clock_ms}{more}"#
        ));
    }

    fn feed(&mut self, bytes: &mut Bytes<'_>) {
        let fixture = *bytes.pick(&FIXTURES);
        match bytes.u8() % 8 {
            0 => self.announce(fixture),
            1 => {
                let odds = bytes.array::<5>().map(|byte| 10_200 + u32::from(byte) * 300);
                let quarters = 2 + u32::from(bytes.u8() % 24);
                self.prices(fixture, [odds[0], odds[1], odds[2]], quarters, [odds[3], odds[4]]);
            }
            2 => {
                let market = self.market(bytes);
                self.ingest(&format!(r#""type":"suspend","fixture":{fixture}{market}"#));
            }
            3 => {
                let market = self.market(bytes);
                self.ingest(&format!(r#""type":"resume","fixture":{fixture}{market}"#));
            }
            4 => {
                let fields = settle(fixture, bytes);
                self.ingest(&fields);
            }
            5 => self.ingest(&format!(r#""type":"void_fixture","fixture":{fixture}"#)),
            6 => self.ingest(&format!(r#""type":"abandon_fixture","fixture":{fixture}"#)),
            _ => self.ingest(&format!(r#""type":"reinstate_fixture","fixture":{fixture}"#)),
        }
    }

    fn market(&self, bytes: &mut Bytes<'_>) -> String {
        match bytes.u8() % 3 {
            0 => String::new(),
            _ => format!(r#","market":"{}""#, bytes.pick(&football().markets).key),
        }
    }

    fn request(&mut self, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let fixture = *bytes.pick(&FIXTURES);
        let customer = 1 + bytes.u8() % 2;
        let fields = match bytes.u8() % 32 {
            0 => format!(r#""type":"balance","customer":{customer}"#),
            1 => format!(r#""type":"ticket","ticket":"{:032x}""#, bytes.u8() % 24),
            2 => r#""type":"exposure""#.to_string(),
            3 => format!(r#""type":"exposure","scope":{{"level":"fixture","fixture":{fixture}}}"#),
            4 => {
                let kind = bytes.pick(&["fixtures", "tickets", "settlements", "alerts"]);
                format!(r#""type":"{kind}","since":{},"limit":3"#, bytes.u8() % 32)
            }
            5 => format!(r#""type":"image","fixture":{fixture}"#),
            6 => {
                r#""type":"images","prefix":"odds.football."#.to_string()
                    + ["\"", "cup_1.\""][usize::from(customer) - 1]
            }
            7 => r#""type":"state_hash""#.to_string(),
            8 => r#""type":"ping""#.to_string(),
            9 => format!(
                r#""type":"deposit","transfer":"{:032x}","customer":{customer},"amount_minor":{},"currency":"EUR""#,
                bytes.u8() % 16,
                i64::from(bytes.u32()) - 100
            ),
            10 => format!(
                r#""type":"withdraw","transfer":"{:032x}","customer":{customer},"amount_minor":{},"currency":"EUR""#,
                bytes.u8() % 16,
                bytes.u16()
            ),
            11 => format!(r#""type":"cancel_ticket","ticket":"{:032x}""#, bytes.u8() % 24),
            12 => format!(
                r#""type":"set_customer","customer":{customer},"factor":{}"#,
                f64::from(bytes.u8() % 40) / 8.0
            ),
            13 => format!(
                r#""type":"set_expectation","fixture":{fixture},"supremacy":{},"total":{}"#,
                f64::from(bytes.u8()) / 16.0 - 8.0,
                f64::from(bytes.u8()) / 16.0 + 0.1
            ),
            14 => {
                let market = bytes.pick(&football().markets);
                let odds: Vec<String> = market
                    .selections()
                    .map(|_| match bytes.u8() {
                        0..64 => "null".to_string(),
                        byte => format!("{}", 1.0 + f64::from(byte) / 20.0),
                    })
                    .collect();
                format!(
                    r#""type":"manual_odds","fixture":{fixture},"market":"{}","odds":[{}]"#,
                    market.key,
                    odds.join(",")
                )
            }
            15 => format!(
                r#""type":"manual_odds","fixture":{fixture},"market":"{}","odds":null"#,
                bytes.pick(&football().markets).key
            ),
            16 => format!(
                r#""type":"lock_market","fixture":{fixture},"market":"{}","locked":{}"#,
                bytes.pick(&football().markets).key,
                bytes.u8().is_multiple_of(2)
            ),
            17 => format!(
                r#""type":"set_scope","scope":{{"level":"fixture","fixture":{fixture}}},"loss_minor_max":{},"bet_delay_ms":{},"margin":{{"method":"{}","booksum":{}}}"#,
                bytes.u32(),
                bytes.u16() % 60_000,
                bytes.pick(&["multiplicative", "power", "odds_ratio", "shin"]),
                1.0 + f64::from(bytes.u8()) / 400.0
            ),
            18 => settle(fixture, bytes),
            19 => format!(r#""type":"suspend","fixture":{fixture}{}"#, self.market(bytes)),
            20 => format!(r#""type":"resume","fixture":{fixture}{}"#, self.market(bytes)),
            21 => format!(r#""type":"max_stake",{}"#, self.ticket(customer, bytes)),
            _ => {
                let ticket = bytes.u8() % 24;
                // Nearly always the same body for the same id would hide conflicts; bytes decide.
                let stake_minor = [0, 10, 500, 1_000, 1_001, 50_000, 1_000_000, 20_000_000_000_i64]
                    [usize::from(bytes.u8() % 8)];
                format!(
                    r#""type":"place_ticket","ticket":"{ticket:032x}","stake_minor":{stake_minor},{}"#,
                    self.ticket(customer, bytes)
                )
            }
        };
        format!(r#"{{{fields},"request_id":"{}","source":"desk"}}"#, self.id()).into_bytes()
    }

    /// Legs at the odds that are offered, or nearly.
    fn ticket(&self, customer: u8, bytes: &mut Bytes<'_>) -> String {
        let engine = self.service.engine();
        let first = usize::from(bytes.u8() % 3);
        let legs: Vec<String> = (0..1 + usize::from(bytes.u8() % 3))
            .map(|leg| {
                let fixture = FIXTURES[(first + leg) % 3];
                let template = football();
                let selection = usize::from(bytes.u16()) % template.selections.len();
                let known = engine.fixture(oddsengine_types::FixtureId(fixture));
                let offered = known.map_or(0, |known| known.board.odds_e4[selection]);
                let version = known.map_or(0, |known| known.version);
                let odds_e4 = match bytes.u8() % 8 {
                    0 => offered.saturating_sub(500).max(10_010),
                    1 => (offered + 500).clamp(10_010, 10_000_000),
                    _ => offered.max(10_010),
                };
                let version = match bytes.u8() % 16 {
                    0 => version + 1,
                    1 => version.saturating_sub(1),
                    _ => version,
                };
                format!(
                    r#"{{"fixture":{fixture},"market":"{}","selection":"{}","odds":"{}.{:04}","version":[{},{version}]}}"#,
                    template.market_of(selection).key,
                    template.selections[selection].name,
                    odds_e4 / 10_000,
                    odds_e4 % 10_000,
                    engine.epoch()
                )
            })
            .collect();
        let policy = bytes.pick(&["none", "higher", "any", "within\",\"percent\":2.5,\"x\":\""]);
        format!(
            r#""customer":{customer},"currency":"EUR","odds_change":{{"policy":"{policy}"}},"legs":[{}]"#,
            legs.join(",")
        )
    }

    fn ask(&mut self, socket: Socket, payload: Vec<u8>) {
        let (request_id, expected) = match decode_order(&payload, self.now_ns) {
            Err(error) => (error.request_id, Expected::One),
            Ok(decoded) => {
                let expected = match &decoded.value.body {
                    RequestBody::Query(Query::Images { .. }) => Expected::Images,
                    RequestBody::Command(command)
                        if matches!(command.body, oddsengine_engine::Body::PlaceTicket(_)) =>
                    {
                        Expected::Ticket
                    }
                    RequestBody::Batch(items) => Expected::Batch(
                        items
                            .iter()
                            .map(|item| match item {
                                Ok(request) => Some(request.request_id.clone()),
                                Err(error) => error.request_id.clone(),
                            })
                            .collect(),
                    ),
                    _ => Expected::One,
                };
                (Some(decoded.value.request_id), expected)
            }
        };
        let identity = (self.asked.len() as u32).to_be_bytes();
        self.asked.push(Asked {
            socket,
            request_id,
            expected,
            answer_count: 0,
            is_delayed: false,
            is_done: false,
        });
        match socket {
            Socket::Snapshot => self.service.snapshot_request(&identity, &payload, self.now_ns),
            _ => self.service.order(&identity, &payload, self.now_ns),
        }
    }

    fn end_turn(&mut self) {
        self.service.end_turn();
        let frames = self.service.take_frames(self.now_ns);
        let mut board_seen = false;
        for frame in &frames {
            let value: Value = serde_json::from_slice(&frame.payload)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&frame.payload)));
            match frame.socket {
                Socket::Odds => self.published(frame, &value, &mut board_seen),
                Socket::Desk => assert_eq!(value["sent_ns"], self.now_ns),
                Socket::Orders | Socket::Snapshot => self.answered(frame, &value),
            }
        }
        // Nothing waits for a disk here: what was asked in this turn is answered in it.
        for asked in &self.asked {
            assert!(asked.answer_count > 0, "no answer to {:?} on {:?}", asked.request_id, asked.socket);
            assert!(asked.is_done || asked.is_delayed, "no end of the answer to {:?}", asked.request_id);
        }
    }

    fn published(&mut self, frame: &Frame, value: &Value, board_seen: &mut bool) {
        let number = |name: &str| value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"));
        let last = self.topics.entry(frame.first.clone()).or_default();
        assert_eq!(number("seq"), *last + 1, "a gap on {}", String::from_utf8_lossy(&frame.first));
        *last += 1;
        if frame.first.starts_with(b"hb") {
            return;
        }
        let fixture = number("fixture");
        if frame.first.starts_with(b"status.") {
            assert!(!*board_seen, "a board overtook a trading status");
            return;
        }
        *board_seen = true;
        let version = self.versions.entry(fixture).or_default();
        assert!(*version < number("version"), "version {} after {version}", number("version"));
        *version = number("version");
        let markets = value["markets"].as_object().expect("a board has markets");
        // A board without markets tells score and period.
        self.standings.insert(fixture, (value["score"].clone(), value["period"].clone()));
        let board = self.boards.entry(fixture).or_default();
        for (market, entry) in markets {
            board.insert(market.clone(), entry.clone());
        }
    }

    fn answered(&mut self, frame: &Frame, value: &Value) {
        let index =
            u32::from_be_bytes(frame.first.as_slice().try_into().expect("our identities have 4 bytes"));
        let asked = &mut self.asked[index as usize];
        assert_eq!(frame.socket, asked.socket, "{:?} is answered elsewhere", asked.request_id);
        asked.answer_count += 1;
        let kind = value["type"].as_str().expect("answers have a type");
        let request_id = value["request_id"].as_str();
        if asked.is_delayed {
            // The second answer, of a ticket on its own or in a batch; it goes to the last few that asked.
            assert!(kind == "ticket" || value["code"] == "superseded", "{value}");
            if !matches!(asked.expected, Expected::Batch(_)) {
                assert_eq!(request_id, asked.request_id.as_deref());
                asked.is_delayed = false;
                asked.is_done = true;
            }
            return;
        }
        assert!(!asked.is_done, "another answer to {:?}: {value}", asked.request_id);
        match &asked.expected {
            Expected::One => asked.is_done = true,
            Expected::Ticket => {
                asked.is_delayed = value["ticket"]["state"] == "delayed";
                asked.is_done = !asked.is_delayed;
            }
            Expected::Images => asked.is_done = kind != "board",
            Expected::Batch(ids) => {
                assert_eq!(kind, "batch");
                let replies = value["replies"].as_array().expect("a batch has replies");
                let answered: Vec<_> = replies.iter().map(|reply| reply["request_id"].as_str()).collect();
                let expected: Vec<_> = ids.iter().map(Option::as_deref).collect();
                assert_eq!(answered, expected);
                asked.is_done = true;
                asked.is_delayed = replies.iter().any(|reply| reply["ticket"]["state"] == "delayed");
            }
        }
        if kind != "board" {
            assert_eq!(request_id, asked.request_id.as_deref());
        }
    }

    fn end(&mut self) {
        self.end_turn();
        // Every bet delay is over.
        self.now_ns += 61_000_000_000;
        self.service.tick(self.now_ns, self.now_ns);
        self.end_turn();
        let engine = self.service.engine();
        assert_eq!(engine.next_due_ns(), None);
        for (name, result) in engine.invariants() {
            assert_eq!(result, Ok(()), "{name}");
        }
        let restored = Engine::restore(&engine.snapshot()).expect("what was written can be read");
        assert_eq!(restored.state_hash(), engine.state_hash());
        let changes = |engine: &Engine| -> Vec<(u64, u128)> {
            let known = engine.tickets_changed_since(0);
            known.filter_map(|(seq, ticket)| ticket.map(|ticket| (seq, ticket.id.0))).collect()
        };
        let changed = changes(engine);
        assert_eq!(changed, changes(&restored), "what changed since is the same after a restart");
        assert_eq!(changed.len(), engine.tickets().len(), "every ticket is told once");
        assert!(changed.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(changed.last().map_or(0, |&(seq, _)| seq), engine.last_change_seq());
        for (name, result) in restored.invariants() {
            assert_eq!(result, Ok(()), "{name} after restoring");
        }
        self.compare_boards();
    }

    /// What a subscriber has put together is what an image says.
    fn compare_boards(&mut self) {
        for fixture in FIXTURES {
            let request = format!(r#"{{"type":"image","request_id":"i","fixture":{fixture}}}"#);
            self.service.snapshot_request(b"look", request.as_bytes(), self.now_ns);
            let frames = self.service.take_frames(self.now_ns);
            let [frame] = &frames[..] else { panic!("{} frames for one image", frames.len()) };
            let image: Value = serde_json::from_slice(&frame.payload).expect("an image can be read");
            if image["type"] != "board" {
                assert!(!self.boards.contains_key(&fixture));
                continue;
            }
            if let Some((score, period)) = self.standings.get(&fixture) {
                assert_eq!((&image["score"], &image["period"]), (score, period), "{fixture}");
            }
            let known = self.boards.get(&fixture);
            let topic = self.topics.iter().find(|(topic, _)| {
                topic.starts_with(b"odds.") && topic.ends_with(format!(".{fixture}").as_bytes())
            });
            assert_eq!(image["seq"].as_u64(), Some(topic.map_or(0, |(_, seq)| *seq)));
            for (market, entry) in known.into_iter().flatten() {
                for field in ["odds", "results", "price", "status"] {
                    assert_eq!(
                        entry[field], image["markets"][market][field],
                        "{field} of {market} of {fixture}"
                    );
                }
            }
        }
    }
}

fn football() -> &'static Template {
    template(sport_id("football").expect("football is there"))
}

fn settle(fixture: u64, bytes: &mut Bytes<'_>) -> String {
    let market = bytes.pick(&football().markets);
    let grades: Vec<&str> = market
        .selections()
        .map(|_| {
            *bytes.pick(&["\"won\"", "\"lost\"", "\"void\"", "\"half_won\"", "\"half_lost\"", "\"won_1/3\""])
        })
        .collect();
    let grades = match bytes.u8() % 4 {
        0 => "null".to_string(),
        _ => format!("[{}]", grades.join(",")),
    };
    format!(r#""type":"settle_market","fixture":{fixture},"market":"{}","grades":{grades}"#, market.key)
}
