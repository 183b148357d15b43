//! See `fuzz_targets::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::decode::target(input));
