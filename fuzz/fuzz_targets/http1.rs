#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_tus_fuzz::http1(data));
