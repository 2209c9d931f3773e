//! `cargo fuzz run pattern`: see `earnorm_fuzz::pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::pattern(data));
