//! A temporary folder for clusterings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{program, scratch};

/// The handwritten digits that come with the program.
pub(crate) fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy")
}

pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) embeddings: PathBuf,
}

impl Place {
    pub(crate) fn with(embeddings: &Path) -> Place {
        Place { folder: scratch(), embeddings: embeddings.to_owned() }
    }

    pub(crate) fn digits() -> Place {
        Place::with(&digits())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `kmeans`, which writes to `out`.
    pub(crate) fn kmeans(&self, out: &str, more: &[&str]) -> Command {
        let mut command = program();
        command.arg("kmeans").arg("--embeddings-path").arg(&self.embeddings).arg("--out").arg(self.at(out)).args(more);
        command
    }

    /// Builds a clustering. Returns kmeans.json.
    pub(crate) fn made(&self, out: &str, more: &[&str]) -> Value {
        succeeded(&self.kmeans(out, more).output().expect("starts"));
        made_as(&self.at(out))
    }

    /// Evaluates it. Returns record.json.
    pub(crate) fn judged(&self, out: &str, more: &[&str]) -> Value {
        let mut command = program();
        command.arg("metrics").arg(self.at(out)).args(["--metrics", "fast", "--device", "cpu"]).args(more);
        succeeded(&command.output().expect("starts"));
        crate::common::record(&self.at(out).join("metrics"))
    }
}

/// The kmeans.json of a clustering.
pub(crate) fn made_as(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("kmeans.json")).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

pub(crate) fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Expects exit status `code`, and all `words` in the message.
pub(crate) fn refused(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "`{word}` is not in: {said}"));
}

/// The files of a clustering, except those about the run.
pub(crate) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let all = crate::common::files_below(folder).into_iter();
    let result = all.filter(|name| name.starts_with("level"));
    result.map(|name| (name.clone(), fs::read(folder.join(&name)).expect("a file"))).collect()
}

/// Inertia of a level in a record.
pub(crate) fn inertia(record: &Value, level: usize) -> f64 {
    record["levels"][level]["figures"]["inertia"].as_f64().expect("a number")
}

/// The elements of an i8 or f8 array, as bytes: everything after the header.
pub(crate) fn array(path: &Path) -> Vec<[u8; 8]> {
    let bytes = fs::read(path).expect("an array");
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].as_chunks::<8>().0.to_vec()
}
