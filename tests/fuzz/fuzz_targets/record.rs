#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oddsengine_fuzz::targets::record(data));
