#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| far_fuzz::targets::audit(data));
