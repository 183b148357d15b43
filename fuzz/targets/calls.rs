//! See `fuzz_targets::calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::calls::target(input));
