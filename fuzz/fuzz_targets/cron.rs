//! `cargo fuzz run cron`: see `earnorm_fuzz::cron`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| earnorm_fuzz::cron(data));
