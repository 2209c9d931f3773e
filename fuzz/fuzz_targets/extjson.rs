//! `cargo fuzz run extjson`: see `earnorm_fuzz::extjson`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::extjson(data));
