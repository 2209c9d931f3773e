//! `cargo fuzz run upcast`: see `earnorm_fuzz::upcast`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::upcast(data));
