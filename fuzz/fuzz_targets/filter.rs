//! `cargo fuzz run filter`: see `earnorm_fuzz::filter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::filter(data));
