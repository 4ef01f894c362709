//! Foreign bytes take no more memory than a constant times their own size, whatever lengths and counts they claim.
#![allow(unsafe_code)] // an allocator that counts

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use oddsengine_facts::proto::FRAME_SIZE;
use oddsengine_facts::{decode_record, encode_record, sample};

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    // Threads that end allocate too: they are not counted.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

// SAFETY: everything is done by the system's allocator; beside it only two numbers change.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was allocated at once while these bytes were read.
fn most_while_reading(bytes: &[u8]) -> usize {
    let before = NOW.get();
    MOST.set(before);
    drop(decode_record(bytes));
    assert_eq!(NOW.get(), before, "all of it is given back");
    (MOST.get() - before) as usize
}

/// An entry of a list takes two bytes at least, and becomes a few dozen; a list has room for up to twice its entries.
const FACTOR: usize = 64;
/// Boxes and texts of an error.
const BESIDE: usize = 4_096;

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, 1];
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    bytes.extend_from_slice(message);
    bytes
}

fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A message field around bytes.
fn inside(number: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3 | 2, &mut out);
    varint(bytes.len(), &mut out);
    out.extend_from_slice(bytes);
    out
}

#[test]
fn reading_takes_memory_in_proportion_to_the_bytes() {
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for record in sample::records() {
        let mut bytes = Vec::new();
        encode_record(&record, &mut bytes);
        inputs.push(bytes);
    }
    // As many of the smallest entries as there can be, of every list that takes empty ones.
    for (path, entry) in [
        // Record.facts.legs_graded.legs, .graded.selections, .sources_forgotten.sources, .weighed.weights (refused)
        (vec![2, 7], inside(2, &[])),
        (vec![2, 6], inside(2, &[])),
        (vec![2, 36], inside(1, &[])),
        (vec![2, 9], inside(1, &[])),
        // Record.command.body.set_prices.prices, .set_model_inputs.inputs one by one, .define_space.markets, .views
        (vec![1, 3, 5], inside(2, &[])),
        (vec![1, 3, 20], inside(4, &[])),
        (vec![1, 3, 20], inside(3, &[])),
        // A packed list of zeros: one byte each.
        (vec![1, 3, 10, 3], inside(1, &[0; 60_000])),
        // Bookings and legs that miss what they must have.
        (vec![2, 5], inside(1, &[])),
        (vec![2, 4, 1], inside(7, &[])),
        (vec![2], inside(5, &[])),
    ] {
        let mut message: Vec<u8> =
            entry.iter().copied().cycle().take(entry.len() * (60_000 / entry.len())).collect();
        for &number in path.iter().rev() {
            message = inside(number, &message);
        }
        inputs.push(framed(&message));
    }
    // Lengths that nothing follows.
    for claimed in [1 << 20, u32::MAX as usize, usize::MAX >> 1] {
        for number in [1, 2] {
            let mut message = vec![(number << 3 | 2) as u8];
            varint(claimed, &mut message);
            inputs.push(framed(&message));
        }
    }
    let mut largest = 0;
    for bytes in &inputs {
        let most = most_while_reading(bytes);
        assert!(most <= bytes.len() * FACTOR + BESIDE, "{most} bytes for {} bytes", bytes.len());
        largest = largest.max(most * 10 / (bytes.len() + FRAME_SIZE));
    }
    println!("at most {} tenths of the input's size", largest);
}
