//! Foreign bytes cannot make a decoder panic, nor pass what its bounds forbid.

use oddsengine_engine::{Body, Command};
use oddsengine_feeds::{FeedError, Request, RequestBody, bounds, decode_ingest, decode_order};
use oddsengine_types::bounds::{LEGS_MAX, NAME_BYTES_MAX};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

fn samples() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/canonical/samples");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn mutate(random: &mut Random, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            2 => bytes.insert(at, b"{}[]\",:0123456789.-+eE\\utn \xff\0"[random.below(29)]),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            5 => {
                let other = &samples[random.below(samples.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[random.below(other.len())..]);
            }
            _ => {
                let end = at + random.below(bytes.len() - at + 1);
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

fn check_command(command: &Command) {
    assert!(command.origin.source.len() <= NAME_BYTES_MAX && command.origin.source_ns >= 0);
    match &command.body {
        Body::PlaceTicket(request) => {
            assert!((1..=LEGS_MAX).contains(&request.legs.len()));
            assert!(request.legs.iter().all(|leg| (10_010..=10_000_000).contains(&leg.odds_e4)));
        }
        Body::SetPrices { prices, .. } => {
            let mut odds = prices.iter().flat_map(|price| &price.odds_e4);
            assert!(odds.all(|&odds| odds == 0 || (10_010..=10_000_000).contains(&odds)));
        }
        _ => {}
    }
}

fn check_error(error: &FeedError) {
    assert!(FeedError::CODES.iter().any(|&(code, _)| code == error.code), "{error}");
    assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{error}");
}

fn check_request(request: &Request) {
    assert!((1..=bounds::REQUEST_ID_BYTES_MAX).contains(&request.request_id.len()));
    match &request.body {
        RequestBody::Command(command) => check_command(command),
        RequestBody::Query(_) => {}
        RequestBody::Batch(items) => {
            items.iter().for_each(|item| item.as_ref().map_or_else(check_error, check_request))
        }
    }
}

#[test]
fn mutated_messages_never_panic() {
    let seed = 20_221_120;
    println!("seed {seed}");
    let (mut random, samples) = (Random(seed), samples());
    let mut understood = 0;
    for _ in 0..100_000 {
        let bytes = mutate(&mut random, &samples);
        match decode_ingest(&bytes, 1) {
            Ok(decoded) => check_command(&decoded.value),
            Err(error) => check_error(&error),
        }
        match decode_order(&bytes, 1) {
            Ok(decoded) => {
                check_request(&decoded.value);
                understood += 1;
            }
            Err(error) => check_error(&error),
        }
    }
    // Mutations that are all refused would test the grammar only.
    assert!(understood > 1_000, "{understood}");
}

#[test]
fn every_truncation_of_a_sample_is_refused() {
    for bytes in samples() {
        let message = bytes.trim_ascii_end();
        for size in 0..message.len() {
            for code in [
                decode_ingest(&message[..size], 1).unwrap_err().code,
                decode_order(&message[..size], 1).unwrap_err().code,
            ] {
                // A cut may fall inside a character.
                assert!([FeedError::NOT_JSON, FeedError::NOT_UTF8].contains(&code), "{code}");
            }
        }
    }
}
