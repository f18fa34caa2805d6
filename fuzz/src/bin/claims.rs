#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ostia_identity::fuzzing::claims(input));
