//! `cargo fuzz run import`: see `earnorm_fuzz::import`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::import(data));
