#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ostia_policy::fuzzing::claim_path(input));
