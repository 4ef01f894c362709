//! The odds frame: the hot path of the encoder.

use oddsengine_engine::{BoardUpdate, Fixture, MarketStatus, PriceSource};

use super::binary::template_fingerprint;
use super::header::Header;
use super::json::{JsonBytes, fields};
use super::status::stops;
use super::template_text::{TemplateText, template_text};

/// One step of a fixture's board: the markets that changed.
///
/// Epoch, version, `decided_ns` and `source_ns` are the update's; `header` tells the rest. `status_seq` is the number of the
/// last status frame: the delta has its standing.
pub fn board_delta(update: &BoardUpdate<'_>, header: &Header<'_>, status_seq: u64, out: &mut Vec<u8>) {
    let fixture = update.fixture;
    of_update(update, header).begin("board", false, out);
    fields!(out; "status_seq": unsigned(status_seq));
    standing(fixture, out);
    out.put(b",\"markets\":");
    let (text, start) = (template_text(fixture.template()), out.len());
    for &market in update.changed_markets {
        out.put(text.key(usize::from(market)));
        market_body(fixture, usize::from(market), out);
    }
    close_markets(start, out);
}

/// The whole board of a fixture with all names, at the version of the header.
///
/// `header.seq` is the number of the last delta that it contains: deltas above it apply. `status_seq` is that of the
/// last status frame; `request_id` of whoever asked.
pub fn board_image(
    fixture: &Fixture,
    header: &Header<'_>,
    status_seq: u64,
    request_id: &str,
    out: &mut Vec<u8>,
) {
    header.begin("board", true, out);
    fields!(out; "request_id": text(request_id), "status_seq": unsigned(status_seq));
    standing(fixture, out);
    stops(fixture, out);
    names(fixture, out);
    fields!(out; "template": text(&format!("{:016x}", template_fingerprint(fixture.template()))));
    out.put(b",\"markets\":");
    let (text, start): (&TemplateText, _) = (template_text(fixture.template()), out.len());
    for market in 0..fixture.template().markets.len() {
        out.put(text.key_and_names(market));
        market_body(fixture, market, out);
    }
    close_markets(start, out);
}

pub(super) fn of_update<'a>(update: &BoardUpdate<'_>, header: &Header<'a>) -> Header<'a> {
    Header {
        epoch: update.version.epoch,
        version: update.version.seq,
        source_ns: update.source_ns,
        decided_ns: update.decided_ns,
        ..*header
    }
}

/// Where the fixture stands: status, score, clock.
pub(super) fn standing(fixture: &Fixture, out: &mut Vec<u8>) {
    let live = fixture.live.summary();
    fields!(out;
        "fixture": unsigned(fixture.id().0),
        "status": text(fixture.told_status().name()),
        "score": pair(live.score.0.into(), live.score.1.into()),
        "clock_ms": integer(live.clock_ms),
        "period": text(&live.period),
    );
}

/// What the feed announced.
pub(super) fn names(fixture: &Fixture, out: &mut Vec<u8>) {
    let request = &fixture.request;
    fields!(out;
        "sport": text(oddsengine_markets::sports()[usize::from(request.sport().0)]),
        "competition": text(&request.competition),
        "home": text(&request.home),
        "away": text(&request.away),
        "start_ns": integer(request.start_ns),
    );
}

#[inline]
fn market_body(fixture: &Fixture, market: usize, out: &mut Vec<u8>) {
    out.put(opening(fixture.market_status(market), fixture.price_source(market)));
    let selections = fixture.template().markets[market].selections();
    out.odds_list(&fixture.board.odds_e4[selections.clone()]);
    let grades = &fixture.grades[selections];
    if grades.iter().any(Option::is_some) {
        out.put(b",\"results\":");
        out.list(grades, |out, &grade| out.grade(grade));
    }
    out.push(b'}');
}

/// Closes the object of markets: the first one's comma becomes the opening brace.
fn close_markets(start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.put(b"}}");
}

/// The start of a market's body, one constant text per state.
#[inline]
fn opening(status: MarketStatus, source: PriceSource) -> &'static [u8] {
    macro_rules! opening {
        ($status:literal, $source:ident) => {
            match $source {
                PriceSource::Model => {
                    concat!("\"status\":\"", $status, "\",\"price\":\"model\",\"odds\":").as_bytes()
                }
                PriceSource::Manual => {
                    concat!("\"status\":\"", $status, "\",\"price\":\"manual\",\"odds\":").as_bytes()
                }
                PriceSource::Locked => {
                    concat!("\"status\":\"", $status, "\",\"price\":\"locked\",\"odds\":").as_bytes()
                }
            }
        };
    }
    match status {
        MarketStatus::Open => opening!("open", source),
        MarketStatus::Suspended => opening!("suspended", source),
        MarketStatus::Closed => opening!("closed", source),
        MarketStatus::Settled => opening!("settled", source),
    }
}
