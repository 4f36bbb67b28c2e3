//! Any bytes are read as a Parquet file or refused.
#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|content: &[u8]| read::rows("parquet", content));
