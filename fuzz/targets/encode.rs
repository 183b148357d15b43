//! See `fuzz_targets::encode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::encode::target(input));
