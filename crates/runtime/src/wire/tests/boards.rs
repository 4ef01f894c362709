//! Boards: JSON and binary say the same.

use oddsengine_engine::{BoardUpdate, Fixture, OddsVersion};
use oddsengine_types::Grade;
use serde_json::{Value, json};

use super::super::{
    self as wire, BINARY_HEADER_SIZE, Header, TAILS_MAX, TopicSequencer, board_binary_delta,
    board_binary_image, board_delta, board_image, sample, stamp_sent,
};
use super::{HEADER, SENT_NS, parse};

fn update<'a>(fixture: &'a Fixture, changed_markets: &'a [u16]) -> BoardUpdate<'a> {
    BoardUpdate {
        fixture,
        template: fixture.template(),
        changed_markets,
        version: OddsVersion { epoch: 3, seq: 7 },
        decided_ns: HEADER.decided_ns,
        source_ns: HEADER.source_ns,
    }
}

fn index(fixture: &Fixture, key: &str) -> usize {
    fixture.template().market_index(key).unwrap()
}

fn check_market(fixture: &Fixture, market: usize, parsed: &Value) {
    assert_eq!(parsed["status"], fixture.market_status(market).name());
    assert_eq!(parsed["price"], fixture.price_source(market).name());
    let selections = fixture.template().markets[market].selections();
    let odds = parsed["odds"].as_array().unwrap();
    assert_eq!(odds.len(), selections.len());
    for (selection, odds) in selections.clone().zip(odds) {
        match fixture.board.odds_e4[selection] {
            0 => assert!(odds.is_null()),
            odds_e4 => assert_eq!((odds.as_f64().unwrap() * 10_000.0).round(), f64::from(odds_e4)),
        }
    }
    let grades = &fixture.grades[selections];
    if grades.iter().all(Option::is_none) {
        assert!(parsed.get("results").is_none());
        return;
    }
    for (grade, result) in grades.iter().zip(parsed["results"].as_array().unwrap()) {
        assert_eq!(*result, grade.map_or(Value::Null, |grade| grade.to_string().into()));
    }
}

#[test]
fn a_delta_holds_the_changed_markets_and_nothing_else() {
    let fixture = sample::fixture_with_states();
    let changed: Vec<u16> = ["1x2", "double_chance", "total:0.5", "total:2.5"]
        .iter()
        .map(|key| index(&fixture, key) as u16)
        .collect();
    let mut out = Vec::new();
    board_delta(&update(&fixture, &changed), &HEADER, 2, &mut out);
    stamp_sent(&mut out, SENT_NS);
    let mut parsed = parse(&out);
    let markets = parsed["markets"].take();
    assert_eq!(markets.as_object().unwrap().len(), changed.len());
    for &market in &changed {
        let market = usize::from(market);
        check_market(&fixture, market, &markets[&fixture.template().markets[market].key]);
    }
    let expected = json!({
        "sent_ns": SENT_NS, "type": "board", "kind": "delta", "epoch": 3, "seq": 5, "version": 7,
        "source_ns": HEADER.source_ns, "received_ns": HEADER.received_ns, "decided_ns": HEADER.decided_ns,
        "source": "recording.wc2022", "reason": "goal", "stale": false, "status_seq": 2,
        "fixture": 1001, "status": "open", "score": [0, 1], "clock_ms": 142_059, "period": "first_half",
        "markets": null,
    });
    assert_eq!(parsed, expected);
}

#[test]
fn a_delta_without_markets_is_still_an_object() {
    let fixture = sample::fixture();
    let mut out = Vec::new();
    board_delta(&update(&fixture, &[]), &HEADER, 2, &mut out);
    assert_eq!(parse(&out)["markets"], json!({}));
}

#[test]
fn an_image_holds_all_markets_with_their_names() {
    let mut fixture = sample::fixture_with_states();
    fixture.request.home = "\"Ñandú\"\n".into();
    let mut out = Vec::new();
    board_image(&fixture, &HEADER, 2, "r-1", &mut out);
    let parsed = parse(&out);
    assert_eq!((&parsed["kind"], &parsed["version"]), (&json!("image"), &json!(7)));
    assert_eq!(parsed["home"], "\"Ñandú\"\n");
    assert_eq!(parsed["template"], format!("{:016x}", wire::template_fingerprint(fixture.template())));
    let template = fixture.template();
    assert_eq!(parsed["markets"].as_object().unwrap().len(), template.markets.len());
    for (index, market) in template.markets.iter().enumerate() {
        let told = &parsed["markets"][&market.key];
        check_market(&fixture, index, told);
        let names: Vec<_> =
            market.selections().map(|selection| &template.selections[selection].name).collect();
        assert_eq!(told["selections"], json!(names));
        assert_eq!(told["index"], index);
        assert_eq!(told["first_selection"], market.first_selection);
    }
}

#[test]
fn a_buffer_can_be_used_again() {
    let fixture = sample::fixture();
    let (mut used, mut fresh) = (Vec::new(), Vec::new());
    board_image(&fixture, &HEADER, 2, "r-1", &mut used);
    board_delta(&update(&fixture, &[3]), &HEADER, 2, &mut used);
    board_delta(&update(&fixture, &[3]), &HEADER, 2, &mut fresh);
    assert_eq!(used, fresh);
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(frame: &[u8], at: usize) -> u64 {
    frame[at..at + N].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[test]
fn a_binary_delta_says_the_same() {
    let fixture = sample::fixture_with_states();
    let changed = ["1x2", "double_chance", "total:0.5", "total:2.5"].map(|key| index(&fixture, key) as u16);
    let header = Header { is_stale: true, ..HEADER };
    let mut out = Vec::new();
    board_binary_delta(&update(&fixture, &changed), &header, &mut out);
    stamp_sent(&mut out, SENT_NS);
    assert_eq!((&out[..4], out[4], out[5], out[6], out[7]), (&b"OEB1"[..], 2, 0, 0, 0));
    let times = [8, 16, 24, 32].map(|at| number::<8>(&out, at) as i64);
    assert_eq!(times, [SENT_NS, HEADER.source_ns, HEADER.received_ns, HEADER.decided_ns]);
    let fingerprint = wire::template_fingerprint(fixture.template());
    assert_eq!([40, 48, 56, 64].map(|at| number::<8>(&out, at)), [1001, 7, 5, fingerprint]);
    assert_eq!([72, 76].map(|at| number::<4>(&out, at)), [3, 142_059]);
    let counts = [80, 82, 84, 86, 88, 90, 92, 94].map(|at| number::<2>(&out, at));
    assert_eq!(counts, [0, 1, 4, 10, 3, 16, 4, 0]);

    let mut records = out[BINARY_HEADER_SIZE..].chunks_exact(8);
    for &market in &changed {
        let record = records.next().unwrap();
        let (place, market) = (usize::from(market), &fixture.template().markets[usize::from(market)]);
        assert_eq!(number::<2>(record, 0) as usize, place);
        assert_eq!(record[2], fixture.market_status(place) as u8);
        assert_eq!(record[3], fixture.price_source(place) as u8);
        assert_eq!(number::<2>(record, 4) as u16, market.first_selection);
        assert_eq!(number::<2>(record, 6) as u16, market.selection_count);
    }
    for &market in &changed {
        for selection in fixture.template().markets[usize::from(market)].selections() {
            let record = records.next().unwrap();
            assert_eq!(number::<2>(record, 0) as u16, market);
            assert_eq!(number::<2>(record, 2) as usize, selection);
            assert_eq!(number::<4>(record, 4) as u32, fixture.board.odds_e4[selection]);
        }
    }
    for _ in 0..3 {
        let record = records.next().unwrap();
        let [win, refund, of] = [2, 4, 6].map(|at| number::<2>(record, at) as u16);
        assert_eq!(fixture.grades[number::<2>(record, 0) as usize], Grade::new(win, refund, of));
    }
    let text = &out[BINARY_HEADER_SIZE + 8 * (4 + 10 + 3)..];
    assert_eq!(text, b"recording.wc2022goal");
}

#[test]
fn a_binary_image_holds_all_markets() {
    let fixture = sample::fixture();
    let mut out = Vec::new();
    board_binary_image(&fixture, &Header { source: "", reason: "", ..HEADER }, &mut out);
    let template = fixture.template();
    assert_eq!((out[4], number::<2>(&out, 84) as usize), (1, template.markets.len()));
    let record_count = template.markets.len() + template.selections.len();
    assert_eq!(out.len(), BINARY_HEADER_SIZE + 8 * record_count);
}

#[test]
fn topics_are_numbered_without_gaps() {
    let mut fixture = sample::fixture();
    fixture.request.competition = "Copa del Rey: 1. Runde/Ñ".into();
    let mut sequencer = TopicSequencer::default();
    let topics = sequencer.next_odds(&fixture);
    assert_eq!(topics.odds, "odds.football.Copa_del_Rey__1__Runde_Ñ.1001".as_bytes());
    assert_eq!(topics.binary, "oddsbin.football.Copa_del_Rey__1__Runde_Ñ.1001".as_bytes());
    assert_eq!(topics.status, "status.football.Copa_del_Rey__1__Runde_Ñ.1001".as_bytes());
    assert_eq!((topics.odds_seq, topics.status_seq), (1, 0));
    assert_eq!(sequencer.next_odds(&fixture).odds_seq, 2);
    assert_eq!(sequencer.next_status(&fixture).status_seq, 1);
    assert_eq!(sequencer.topics(&fixture).odds_seq, 2);

    let mut tails = Vec::new();
    sequencer.take_tails(&mut tails);
    assert_eq!(tails.len(), 1);
    assert_eq!((tails[0].odds_seq, tails[0].status_seq), (2, 1));
    sequencer.take_tails(&mut tails);
    assert!(tails.is_empty());
    for id in 0..TAILS_MAX as u64 + 3 {
        fixture.request.fixture.0 = id;
        sequencer.next_odds(&fixture);
    }
    sequencer.take_tails(&mut tails);
    assert_eq!(tails.len(), TAILS_MAX);
    sequencer.take_tails(&mut tails);
    assert_eq!(tails.len(), 3);
    assert_eq!((sequencer.next_heartbeat(), sequencer.next_heartbeat()), (1, 2));
    assert_eq!(sequencer.next_desk(wire::DeskStream::Alert), 1);
    assert_eq!(sequencer.next_desk(wire::DeskStream::Ticket), 1);
    assert_eq!(sequencer.next_desk(wire::DeskStream::Alert), 2);
}
