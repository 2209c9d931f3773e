//! `cargo fuzz run event_decode`: see `earnorm_fuzz::event_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::event_decode(data));
