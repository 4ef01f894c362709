//! Numbers read from memory by byte strides. Alone in a file, so that its tests run without Python:
//! `rustc --test crates/python/src/gather.rs` makes them a program for valgrind.

/// `count` numbers, `stride_bytes` apart from each other, wherever they lie.
///
/// # Safety
///
/// The eight bytes at `first`, `first + stride_bytes`, ... are readable and initialised.
#[allow(unsafe_code)]
pub unsafe fn gathered(first: *const u8, count: usize, stride_bytes: isize) -> Vec<f64> {
    let mut numbers = Vec::with_capacity(count);
    let mut at = first;
    for place in 0..count {
        // SAFETY: the caller's; unaligned, because a field of a record lies anywhere.
        numbers.push(unsafe { at.cast::<f64>().read_unaligned() });
        if place + 1 < count {
            // Not beyond the last: that may be outside of the memory, to where no pointer may be moved.
            at = unsafe { at.offset(stride_bytes) };
        }
    }
    numbers
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::gathered;

    #[test]
    fn every_stride_reads_the_numbers_and_nothing_else() {
        for stride in [8_usize, 9, 12, 16, 17, 24] {
            for start in 0..9 {
                // Exactly as long as needed: one byte more would be outside.
                let mut memory = vec![255_u8; start + 4 * stride + 8];
                for place in 0..5 {
                    memory[start + place * stride..][..8].copy_from_slice(&(place as f64).to_ne_bytes());
                }
                let first = unsafe { memory.as_ptr().add(start) };
                let forwards = unsafe { gathered(first, 5, stride as isize) };
                assert_eq!(forwards, [0.0, 1.0, 2.0, 3.0, 4.0]);
                let last = unsafe { first.add(4 * stride) };
                assert_eq!(unsafe { gathered(last, 5, -(stride as isize)) }, [4.0, 3.0, 2.0, 1.0, 0.0]);
                assert_eq!(unsafe { gathered(first, 1, isize::MAX) }, [0.0]);
                assert_eq!(unsafe { gathered(last, 3, 0) }, [4.0; 3]);
            }
        }
        assert!(unsafe { gathered(std::ptr::null(), 0, 9) }.is_empty());
    }
}
