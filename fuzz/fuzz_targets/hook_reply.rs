#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_tus_fuzz::hook_reply(data));
