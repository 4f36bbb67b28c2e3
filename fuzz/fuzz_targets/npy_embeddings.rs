//! Any bytes are read as a `.npy` matrix or refused.
#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|content: &[u8]| read::rows("npy", content));
