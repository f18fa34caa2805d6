#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ostia_session::fuzzing::key_file(input));
