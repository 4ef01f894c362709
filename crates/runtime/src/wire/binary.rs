//! The odds frame as fixed little-endian structs, for subscribers that read it with `numpy.frombuffer`.
//!
//! ```text
//! 0      4 5 6 7  8         16          24            32           40        48        56    64
//! ┌──────┬─┬─┬─┬─┬──────────┬───────────┬─────────────┬────────────┬─────────┬─────────┬─────┬──────────┐
//! │ OEB1 │f│s│p│0│ sent_ns  │ source_ns │ received_ns │ decided_ns │ fixture │ version │ seq │ template │
//! └──────┴─┴─┴─┴─┴──────────┴───────────┴─────────────┴────────────┴─────────┴─────────┴─────┴──────────┘
//! 72      76         80     82     84        86           88        90       92       94    96
//! ┌───────┬──────────┬──────┬──────┬─────────┬────────────┬─────────┬────────┬────────┬─────┐
//! │ epoch │ clock_ms │ home │ away │ markets │ selections │ results │ source │ reason │  0  │
//! └───────┴──────────┴──────┴──────┴─────────┴────────────┴─────────┴────────┴────────┴─────┘
//! market    (8 bytes): index u16 · status u8 · price u8 · first selection u16 · selection count u16
//! selection (8 bytes): market u16 · selection u16 · odds_e4 u32, 0 = not offered
//! result    (8 bytes): selection u16 · win u16 · refund u16 · of u16
//! then the UTF-8 bytes of source and reason
//! ```

use std::ops::Range;
use std::sync::{LazyLock, Mutex};

use oddsengine_engine::{BoardUpdate, Fixture};
use oddsengine_markets::{SelectionId, Template};

use super::board::of_update;
use super::header::Header;
use super::json::JsonBytes;

/// The first bytes of a binary frame; the digit is the layout's version.
pub const BINARY_MAGIC: [u8; 4] = *b"OEB1";
/// Size of the header; records follow.
pub const BINARY_HEADER_SIZE: usize = 96;
/// Where `sent_ns` is.
pub(super) const SENT_NS: Range<usize> = 8..16;

const FLAG_IMAGE: u8 = 1;
const FLAG_STALE: u8 = 2;

/// One step of a fixture's board, as [`super::board_delta`].
pub fn board_binary_delta(update: &BoardUpdate<'_>, header: &Header<'_>, out: &mut Vec<u8>) {
    write(update.fixture, &of_update(update, header), 0, update.changed_markets.iter().copied(), out);
}

/// The whole board of a fixture, as [`super::board_image`] but without names.
pub fn board_binary_image(fixture: &Fixture, header: &Header<'_>, out: &mut Vec<u8>) {
    write(fixture, header, FLAG_IMAGE, 0..fixture.template().markets.len() as u16, out);
}

fn write(
    fixture: &Fixture,
    header: &Header<'_>,
    flags: u8,
    markets: impl Iterator<Item = u16> + Clone,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.put(&[0; BINARY_HEADER_SIZE]);
    let template = fixture.template();
    let (mut market_count, mut selection_count, mut result_count) = (0_u16, 0_u16, 0_u16);
    for index in markets.clone() {
        let market = &template.markets[usize::from(index)];
        let status = fixture.market_status(usize::from(index)) as u8;
        out.put(&record([
            index,
            u16::from_le_bytes([status, fixture.price_source(usize::from(index)) as u8]),
            market.first_selection,
            market.selection_count,
        ]));
        market_count += 1;
    }
    for index in markets.clone() {
        for selection in template.markets[usize::from(index)].selections() {
            let [low, high] = halves(fixture.board.odds_e4[selection]);
            out.put(&record([index, selection as u16, low, high]));
            selection_count += 1;
        }
    }
    for selection in markets.flat_map(|index| template.markets[usize::from(index)].selections()) {
        if let Some(grade) = fixture.grades[selection] {
            let (win, refund, of) = grade.parts();
            out.put(&record([selection as u16, win, refund, of]));
            result_count += 1;
        }
    }
    // Reasons are ours and short, sources at most 128 bytes.
    out.put(header.source.as_bytes());
    out.put(header.reason.as_bytes());
    let (score, clock_ms) = (fixture.live.score(), fixture.live.clock_ms());
    let stale = if header.is_stale { FLAG_STALE } else { 0 };
    let mut put = Fill { bytes: &mut out[..BINARY_HEADER_SIZE], at: 0 };
    put.bytes(&BINARY_MAGIC);
    put.bytes(&[flags | stale, fixture.told_status() as u8, fixture.request.sport().0, 0]);
    for time_ns in [0, header.source_ns, header.received_ns, header.decided_ns] {
        put.bytes(&time_ns.to_le_bytes());
    }
    for number in [fixture.id().0, header.version, header.seq, template_fingerprint(template)] {
        put.bytes(&number.to_le_bytes());
    }
    for number in [header.epoch, clock_ms.clamp(0, u32::MAX.into()) as u32] {
        put.bytes(&number.to_le_bytes());
    }
    let text_sizes = [header.source.len() as u16, header.reason.len() as u16];
    for number in
        [score.0, score.1, market_count, selection_count, result_count, text_sizes[0], text_sizes[1], 0]
    {
        put.bytes(&number.to_le_bytes());
    }
    assert_eq!(put.at, BINARY_HEADER_SIZE);
}

struct Fill<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Fill<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

#[inline]
fn record(parts: [u16; 4]) -> [u8; 8] {
    let [a, b, c, d] = parts.map(u64::from);
    (a | b << 16 | c << 32 | d << 48).to_le_bytes()
}

#[inline]
fn halves(value: u32) -> [u16; 2] {
    [value as u16, (value >> 16) as u16]
}

fn fingerprint_of(template: &Template) -> u64 {
    (0..template.selections.len()).fold(0_u64, |hash, selection| {
        let market = &template.market_of(selection).key;
        let id = SelectionId::of(market, &template.selections[selection].name).0;
        (hash.rotate_left(5) ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}

/// Stands for the markets, selections and order of a template: binary frames of another fingerprint number them
/// otherwise.
pub fn template_fingerprint(template: &'static Template) -> u64 {
    static FINGERPRINTS: LazyLock<Mutex<Vec<Option<u64>>>> = LazyLock::new(Mutex::default);
    let mut fingerprints = FINGERPRINTS.lock().expect("a fingerprint does not panic");
    let index = template.id as usize;
    if fingerprints.len() <= index {
        fingerprints.resize(index + 1, None);
    }
    *fingerprints[index].get_or_insert_with(|| fingerprint_of(template))
}
