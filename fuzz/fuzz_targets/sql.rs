#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgherd_fuzzing::sql(data));
