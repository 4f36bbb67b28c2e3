//! Any bytes are read as a file of vectors; the first byte chooses its kind, or refused.
#![no_main]

mod read;

const EXTENSIONS: [&str; 6] = ["fbin", "f16bin", "u8bin", "i8bin", "fvecs", "bvecs"];

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Some((choice, content)) = content.split_first() else { return };
    read::rows(EXTENSIONS[usize::from(*choice) % EXTENSIONS.len()], content);
});
