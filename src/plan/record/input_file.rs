//! Input files, as records name them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::path_text;
use crate::base::time::rfc3339;
use crate::formats::embeddings::EmbeddingFile;
use crate::formats::fingerprint::FileFingerprint;

/// An input file as it was when it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputFile {
    /// Path; absolute if the system can resolve it. As a file URL if it is not UTF-8.
    #[serde(with = "path_text::one")]
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last modification, RFC 3339, UTC; `None` if unknown.
    pub modified: Option<String>,
    /// Container of embeddings, such as `npy`; `None` for other inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The array or column that was read, if the container has names for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Checksum of its content, the same for copies: see [`FileFingerprint`]. `None` where the run did not need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// Files of image names: earlier versions wrote one file or null.
pub(super) fn none_one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<InputFile>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Files {
        None(()),
        One(Box<InputFile>),
        Many(Vec<InputFile>),
    }
    Ok(match Files::deserialize(deserializer)? {
        Files::None(()) => Vec::new(),
        Files::One(file) => vec![*file],
        Files::Many(files) => files,
    })
}

impl InputFile {
    /// Inspects a file of the embeddings at the path that the user gave; it may be read from a copy.
    pub fn of_embeddings((file, given): (&EmbeddingFile, &PathBuf)) -> Self {
        let (container, array) = (Some(file.container.to_owned()), file.array.clone());
        InputFile { container, array, ..InputFile::of(given) }
    }

    /// Inspects a file; a missing file is recorded with 0 bytes.
    pub fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|m| m.modified().ok()).and_then(rfc3339);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let bytes = metadata.map_or(0, |m| m.len());
        InputFile { path: absolute, bytes, modified, container: None, array: None, checksum: None }
    }

    /// The same with the checksum of the file's fingerprint, if that was taken.
    #[must_use]
    pub fn with_checksum(self, fingerprint: Option<&FileFingerprint>) -> Self {
        InputFile { checksum: fingerprint.map(|file| file.checksum.clone()), ..self }
    }
}
